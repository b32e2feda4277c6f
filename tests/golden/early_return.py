def early_return(x):
    if x[0] < 0:
        return np.sum(x)
    y = np.exp(x)
    if y[0] > 100:
        return y[0]
    return np.sum(y * x)


# grad(early_return, wrt=0): 2.4 lines per line, 0 copies

def early_return_grad(x):
    test = x[0] < 0
    if not test:
        y = np.exp(x)
        test_2 = y[0] > 100
    # adjoint
    if test:
        d_x = np.ones_like(x)
    else:
        if test_2:
            d_y = np.zeros_like(x)
            d_y[0] = 1.0
            d_x = np.zeros_like(x)
        else:
            d_y = x
            d_x = y
        d_x += d_y * y
    return d_x
