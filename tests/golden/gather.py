def gather(x, i):
    return np.sum(x[i] ** 2)


# grad(gather, wrt=0): 2.0 lines per line, 0 copies

def gather_grad(x, i):
    # adjoint
    d_x = np.zeros_like(x)
    add_at(d_x, i, 2 * x[i])
    return d_x
