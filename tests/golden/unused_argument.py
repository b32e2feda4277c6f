def unused_argument(x, y):
    return np.sum(y**2)


# grad(unused_argument, wrt=(0, 1)): 1.0 lines per line, 0 copies

def unused_argument_grad(x, y):
    # adjoint
    return np.zeros_like(x), 2 * y
