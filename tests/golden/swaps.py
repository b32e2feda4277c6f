def swaps(m, i):
    y = m * 1.0
    y[i, 0], y[0, 1] = y[0, 1], y[i, 0]
    y[[i, 3]] = y[[3, i]]
    y[[0, 1, 2]] = y[[1, 2, 0]]
    v = y[:, 0] * 2
    v[0], v[1], v[2] = v[2], v[0], v[1]
    return np.sum(y**2 * np.arange(8.0).reshape(4, 2)) + np.sum(v**3)


# grad(swaps, wrt=0): 2.6 lines per line, 0 copies

def swaps_grad(m, i):
    y = m * 1.0
    y_2 = y[i, 0]
    y[i, 0] = y[0, 1]
    y[0, 1] = y_2
    y[[i, 3]] = y[[3, i]]
    y[[0, 1, 2]] = y[[1, 2, 0]]
    v = y[:, 0] * 2
    v[0], v[1], v[2] = v[2], v[0], v[1]
    # adjoint
    d_v = 3 * v ** 2
    d_y = 2 * np.arange(8.0).reshape((4, 2)) * y
    d_v[0], d_v[1], d_v[2] = d_v[1], d_v[2], d_v[0]
    d_y[:, 0] += d_v * 2
    d_t = d_y[[0, 1, 2]]
    d_y[[0, 1, 2]] = 0.0
    d_y[[1, 2, 0]] += d_t
    d_t = d_y[[i, 3]]
    d_y[[i, 3]] = 0.0
    add_at(d_y, [3, i], d_t * written_last([i, 3], y.shape))
    d_y[i, 0], d_y[0, 1] = d_y[0, 1], d_y[i, 0]
    return d_y
