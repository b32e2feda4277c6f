def run_into_a_limit(x, limit):
    total = 0.0
    for v in x:
        total = total + v * v
        if total > limit:
            break
    return total * x[0]


# grad(run_into_a_limit, wrt=0): 2.0 lines per line, 0 copies

def run_into_a_limit_grad(x, limit):
    total = 0.0
    n_iter = 0
    for n_iter, v in enumerate(x, 1):
        total = total + v * v
        if total > limit:
            break
    x_2 = x.item(0)
    # adjoint
    d_x = np.zeros_like(x)
    d_x[0] = total
    x_list = x[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        d_x[i] += 2 * (x_2 * x_list[i])
    return d_x
