def try_finally(x):
    calls = []
    try:
        for v in x:
            if v > 0.5:
                return v * v
    finally:
        calls.append(1)
    return x[0]


# grad(try_finally, wrt=0): 2.3 lines per line, 0 copies

def try_finally_grad(x):
    returned = False
    n_iter = 0
    for n_iter, v in enumerate(x, 1):
        returned = v > 0.5
        if returned:
            break
    # adjoint
    if returned:
        d_t = 1.0
        d_x = np.zeros_like(x)
    else:
        d_x = np.zeros_like(x)
        d_x[0] = 1.0
        d_t = 0.0
    x_list = x[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        v = x_list[i]
        if v > 0.5:
            d_x[i] += 2 * (d_t * v)
        d_t = 0.0
    return d_x
