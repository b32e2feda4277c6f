def stores(x):
    y = x * 1.0
    y[0] = y[1] * y[2]
    y[1:3] += 2 * x[0]
    y[::-1][0] *= 3
    y *= x
    return np.sum(y**2)


# grad(stores, wrt=0): 2.7 lines per line, 0 copies

def stores_grad(x):
    y = x * 1.0
    y_2 = y[1]
    y_3 = y[2]
    y[0] = y_2 * y_3
    y[1:3] += 2 * x[0]
    y[::-1][0] = y[::-1][0] * 3
    y_4 = y * x
    # adjoint
    d_y = 2 * y_4
    d_y_2 = d_y * x
    d_x = d_y * y
    d_y_2[::-1][0] = d_y_2[::-1][0] * 3
    d_x[0] += np.sum(d_y_2[1:3]) * 2
    d_t = d_y_2[0]
    d_y_2[0] = 0.0
    d_y_2[2] += d_t * y_2
    d_y_2[1] += d_t * y_3
    d_x += d_y_2
    return d_x
