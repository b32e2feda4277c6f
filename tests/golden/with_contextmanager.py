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


# grad(with_contextmanager, wrt=0): 2.4 lines per line, 0 copies

def with_contextmanager_grad(x):
    y = x * 2
    test_stack = []
    returned = False
    n_iter = 0
    for i in range(len(y)):
        n_iter += 1
        v = y[i]
        returned = v > 1
        test_stack.append(returned)
        if returned:
            break
    # adjoint
    if returned:
        d_x = np.zeros_like(x)
        d_t = 1.0
    else:
        d_x = np.ones_like(x)
        d_t = 0.0
    d_y = np.zeros_like(y)
    y_list = y[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        test = test_stack.pop()
        v = y_list[i]
        if test:
            d_v = 2 * (d_t * v)
        else:
            d_v = 0.0
        d_y[i] += d_v
        d_t = 0.0
    d_x += d_y * 2
    return d_x
