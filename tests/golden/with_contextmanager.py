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


# grad(with_contextmanager, wrt=0): 1.2 lines per line, 0 copies

def with_contextmanager_grad(x):
    y = x * 2
    returned = False
    for i, v in enumerate(y):
        returned = v > 1
        if returned:
            break
    # adjoint
    if returned:
        d_y = np.zeros_like(y)
        d_y[i] = 2 * y[i]
        d_x = np.zeros_like(x)
    else:
        d_y = np.zeros_like(y)
        d_x = np.ones_like(x)
    d_x += d_y * 2
    return d_x
