def stores(x):
    y = x * 1.0
    y[0] = y[1] * y[2]
    y[1:3] += 2 * x[0]
    y[::-1][0] *= 3
    y *= x
    return np.sum(y**2)


# jvp(stores, wrt=0): 2.0 lines per line, 0 copies

def stores_jvp(x, x_dot):
    y = x * 1.0
    y_dot = x_dot * 1.0
    y_2 = y[1]
    y_3 = y[2]
    y_dot[0] = y_dot[1] * y_3 + y_2 * y_dot[2]
    y[0] = y_2 * y_3
    y_dot[1:3] += 2 * x_dot[0]
    y[1:3] += 2 * x[0]
    y_dot[::-1][0] = y_dot[::-1][0] * 3
    y[::-1][0] = y[::-1][0] * 3
    y_dot = y_dot * x + y * x_dot
    y = y * x
    return np.sum(y ** 2), np.sum(2 * y * y_dot)
