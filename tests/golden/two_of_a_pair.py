def two_of_a_pair(x, y, s):
    big, small = (x, y) if s > 0 else (y, x)
    big -= small[0]
    small[:] = np.sin(big)
    return np.sum(x * y)


# grad(two_of_a_pair, wrt=(0, 1)): 3.6 lines per line, 2 copies

def two_of_a_pair_grad(x, y, s):
    y_2 = y.copy()
    x_2 = x.copy()
    if s > 0:
        x_2 -= y_2[0]
        y_2[:] = np.sin(x_2)
    else:
        y_2 -= x_2[0]
        x_2[:] = np.sin(y_2)
    # adjoint
    if s > 0:
        d_x = y_2 + x_2 * np.cos(x_2)
        d_y = np.zeros_like(y)
        d_y[0] = -np.sum(d_x)
    else:
        d_y = x_2 + y_2 * np.cos(y_2)
        d_x = np.zeros_like(x)
        d_x[0] = -np.sum(d_y)
    return d_x, d_y
