def toy(x):
    return 2 * np.dot(x, x)


# grad(toy, wrt=0): 1.0 lines per line, 0 copies

def toy_grad(x):
    # adjoint
    return 4.0 * x
