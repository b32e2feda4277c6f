def store_by_integers(x, i):
    y = x * 1.0
    y[i] = x[:3] ** 2
    y[[1, 1]] = x[2:]
    y[i] += x[1:]
    y[[3, 3]] *= 2.0
    return np.sum(y**2)


# grad(store_by_integers, wrt=0): 2.7 lines per line, 0 copies

def store_by_integers_grad(x, i):
    y = x * 1.0
    y[i] = x[:3] ** 2
    y[[1, 1]] = x[2:]
    y[i] += x[1:]
    y[[3, 3]] *= 2.0
    # adjoint
    d_y = 2 * y
    d_t = d_y[[3, 3]]
    d_y[[3, 3]] = 0.0
    add_at(d_y, [3, 3], d_t * written_last([3, 3], y.shape) * 2.0)
    shape = y.shape
    d_x = np.zeros_like(x)
    d_x[1:] = d_y[i] * written_last(i, shape)
    d_x[2:] += d_y[[1, 1]] * written_last([1, 1], shape)
    d_y[[1, 1]] = 0.0
    d_x[:3] += 2 * (d_y[i] * written_last(i, y.shape)) * x[:3]
    d_y[i] = 0.0
    d_x += d_y
    return d_x
