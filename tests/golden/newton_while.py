def newton_while(a):
    x = a
    while abs(x * x - a) > 1e-14:
        x = 0.5 * (x + a / x)
    return x


# grad(newton_while, wrt=0): 3.2 lines per line, 0 copies

def newton_while_grad(a):
    x_stack = []
    x = a
    n_iter = 0
    while abs(x * x - a) > 1e-14:
        n_iter += 1
        x_stack.append(x)
        x = 0.5 * (x + a / x)
    # adjoint
    d_x = 1.0
    d_a = 0.0
    for _ in range(n_iter):
        d_t = d_x * 0.5
        x = x_stack.pop()
        d_a += d_t / x
        d_x = d_t - d_t * (a / x) / x
    return d_a + d_x
