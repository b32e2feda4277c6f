def overlap(x):
    y = x * 1.0
    y[1:] = y[:-1]
    y[:-2] = y[2:] * 2
    y[1:] += y[:-1]
    y[:] = y[::-1]
    y[:-1] *= y[1:]
    return np.sum(y**2 * x)


# grad(overlap, wrt=0): 3.0 lines per line, 3 copies

def overlap_grad(x):
    y = x * 1.0
    y[1:] = y[:-1]
    y[:-2] = y[2:] * 2
    y[1:] += y[:-1]
    y[:] = y[::-1]
    y_view = y[1:].copy()
    y_view_2 = y[:-1].copy()
    y[:-1] = y_view_2 * y_view
    # adjoint
    d_y = 2 * x * y
    d_t = d_y[:-1]
    d_t_2 = d_t * y_view_2
    d_y[:-1] = d_t * y_view
    d_y[1:] += d_t_2
    d_y_2 = np.zeros_like(y)
    d_y_2[::-1] = d_y
    d_y_2[:-1] += d_y_2[1:]
    d_t = d_y_2[:-2] * 2
    d_y_2[:-2] = 0.0
    d_y_2[2:] += d_t
    d_t = d_y_2[1:].copy()
    d_y_2[1:] = 0.0
    d_y_2[:-1] += d_t
    return y ** 2 + d_y_2
