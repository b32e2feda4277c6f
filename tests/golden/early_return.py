def early_return(x):
    if x[0] < 0:
        return np.sum(x)
    y = np.exp(x)
    if y[0] > 100:
        return y[0]
    return np.sum(y * x)


# grad(early_return, wrt=0): 2.3 lines per line, 0 copies

def early_return_grad(x):
    if not x[0] < 0:
        y = np.exp(x)
        test = y[0] > 100
    # adjoint
    if x[0] < 0:
        d_x = np.ones_like(x)
    else:
        if test:
            d_y = np.zeros_like(x)
            d_y[0] = 1.0
            d_x = np.zeros_like(x)
        else:
            d_y = x
            d_x = y
        d_x += d_y * y
    return d_x
