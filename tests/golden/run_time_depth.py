def run_time_depth(x, n):
    if n == 0:
        return np.sum(x)
    return run_time_depth(np.tanh(x) * 1.5, n - 1) * x[0]


# grad(run_time_depth, wrt=0): 4.8 lines per line, 0 copies

def run_time_depth_vjp(x, n):
    if n == 0:
        result = np.sum(x)
    else:
        tanh_x = np.tanh(x)
        run_time_depth, pull_run_time_depth = run_time_depth_vjp(tanh_x * 1.5, n - 1)
        result = run_time_depth * x[0]

    def pull(d_out):
        if n == 0:
            d_x = np.full_like(x, d_out)
        else:
            d_x = np.zeros_like(x)
            d_x[0] = d_out * run_time_depth
            d_x += pull_run_time_depth(d_out * x[0]) * 1.5 * (1 - tanh_x ** 2)
        return d_x
    return result, pull


def run_time_depth_grad(x, n):
    _, pull_run_time_depth = run_time_depth_vjp(x, n)
    # adjoint
    return pull_run_time_depth(1.0)
