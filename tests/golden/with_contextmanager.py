@contextlib.contextmanager
def doubled(x):
    calls = [x * 2]
    try:
        yield calls[0]
    finally:
        calls.append(x)


def with_contextmanager(x):
    with doubled(x) as y:
        for v in y:
            if v > 1:
                return v * v
    return np.sum(x)


# grad(with_contextmanager, wrt=0): 1.8 lines per line, 0 copies

def with_contextmanager_grad(x):
    y = x * 2
    returned = False
    n_iter = 0
    for n_iter, v in enumerate(y, 1):
        returned = v > 1
        if returned:
            break
    # adjoint
    if returned:
        d_t = 1.0
        d_x = np.zeros_like(x)
    else:
        d_t = 0.0
        d_x = np.ones_like(x)
    d_y = np.zeros_like(y)
    y_list = y[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        v = y_list[i]
        if v > 1:
            d_y[i] += 2 * (d_t * v)
        d_t = 0.0
    d_x += d_y * 2
    return d_x
