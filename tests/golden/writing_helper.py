def fill(out, v):
    out[:] = v
    out[0] *= 2


def writing_helper(x):
    b = np.zeros(3)
    fill(b, x * 2)
    y = x.copy()
    fill(y[1:], x[0])
    return np.sum(b * y)


# grad(writing_helper, wrt=0): 1.7 lines per line, 1 copies

def writing_helper_grad(x):
    b = np.zeros(3)
    b[:] = x * 2
    b[0] *= 2
    y = x.copy()
    y[1:] = x[0]
    y[1] *= 2
    # adjoint
    b[1] *= 2
    d_x = np.zeros_like(x)
    d_x[0] = np.sum(b[1:])
    b[1:] = 0.0
    d_x += b
    y[0] *= 2
    d_x += y * 2
    return d_x
