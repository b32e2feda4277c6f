def try_finally(x):
    calls = []
    try:
        for v in x:
            if v > 0.5:
                return v * v
    finally:
        calls.append(1)
    return x[0]


# grad(try_finally, wrt=0): 3.2 lines per line, 0 copies

def try_finally_grad(x):
    test_stack = []
    returned = False
    n_iter = 0
    for i in range(len(x)):
        n_iter += 1
        v = x[i]
        returned = v > 0.5
        test_stack.append(returned)
        if returned:
            break
    # adjoint
    if returned:
        d_x = np.zeros_like(x)
        d_t = 1.0
    else:
        d_x = np.zeros_like(x)
        d_x[0] = 1.0
        d_t = 0.0
    x_list = x[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        test = test_stack.pop()
        v = x_list[i]
        if test:
            d_v = 2 * (d_t * v)
        else:
            d_v = 0.0
        d_x[i] += d_v
        d_t = 0.0
    return d_x
