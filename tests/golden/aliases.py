def double(part):
    part *= 2
    part[0] = part[1] ** 2


def aliases(x):
    y = x * 1.0
    z = y
    held = [y[1:], {"all": z}]
    z[0] = x[1] ** 2
    held[0][0] *= 3
    held[1]["all"] += x
    double(y[2:])
    return np.sum(y**2)


# grad(aliases, wrt=0): 1.6 lines per line, 1 copies

def aliases_grad(x):
    y = x * 1.0
    y[0] = x[1] ** 2
    y[1] *= 3
    y += x
    y[2:] *= 2
    y_view = y[3]
    y[2] = y_view ** 2
    # adjoint
    d_y = 2 * y
    d_t = d_y[2]
    d_y[2] = 0.0
    d_y[3] += 2 * d_t * y_view
    d_y[2:] *= 2
    d_x = d_y.copy()
    d_x[1] = d_y[1] * 3
    d_y[1] += 2 * d_x[0] * x[1]
    d_x[0] = 0.0
    d_y += d_x
    return d_y
