def newton(a):
    def step(y):
        new = (y + a / y) / 2
        return new if abs(new - y) < 1e-12 else step(new)

    return step(1.0)


# grad(newton, wrt=0): 3.6 lines per line, 0 copies

def step_vjp(y, a):
    t = a / y
    new = (y + t) / 2
    test = abs(new - y) < 1e-12
    if not test:
        new, pull_step = step_vjp(new, a)

    def pull(d_out):
        if test:
            d_a = 0.0
        else:
            d_out, d_a = pull_step(d_out)
        d_t = d_out / 2
        return d_t - d_t * t / y, d_a + d_t / y
    return new, pull


def newton_grad(a):
    _, pull_step = step_vjp(1.0, a)
    # adjoint
    _, d_a = pull_step(1.0)
    return d_a
