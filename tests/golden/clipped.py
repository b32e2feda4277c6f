def clipped(x, low):
    y = np.exp(x)
    y[x > low] = 2.0
    return np.sum(y * x)


# grad(clipped, wrt=0): 2.0 lines per line, 2 copies

def clipped_grad(x, low):
    y = np.exp(x)
    test = x > low
    y_2 = y.copy()
    y_2[test] = 2.0
    # adjoint
    x = x.copy()
    x[test] = 0.0
    return y_2 + x * y
