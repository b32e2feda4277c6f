def branch(x):
    if x.sum() > 0:
        y = np.sin(x)
    elif x[0] > -3:
        y = x**2
    else:
        y = x
    return np.sum(y * x)


# grad(branch, wrt=0): 1.8 lines per line, 0 copies

def branch_grad(x):
    test = x.sum() > 0
    if test:
        y = np.sin(x)
    else:
        test_2 = x[0] > -3
        y = x ** 2 if test_2 else x
    # adjoint
    if test:
        d_x = y + x * np.cos(x)
    elif test_2:
        d_x = y + 2 * x * x
    else:
        d_x = y + x
    return d_x
