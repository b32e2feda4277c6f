def for_else(x):
    total = 0.0
    for v in x:
        if v > 10.0:
            return v * 3
        if v > 5.0:
            break
        total += v
    else:
        total = total * 7
    return total * 2


# grad(for_else, wrt=0): 3.6 lines per line, 0 copies

def for_else_grad(x):
    test_stack = []
    returned = False
    broken = False
    n_iter = 0
    for i in range(len(x)):
        n_iter += 1
        v = x[i]
        returned = v > 10.0
        test_stack.append(returned)
        if returned:
            broken = True
        elif v > 5.0:
            broken = True
        else:
            broken = False
        if broken:
            break
    # adjoint
    if returned:
        d_t = 1.0
        d_total = 0.0
    else:
        d_t = 0.0
        d_total = 2.0
    if not broken:
        d_total = d_total * 7
    d_x = np.zeros_like(x)
    x_list = x[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        test = test_stack.pop()
        v = x_list[i]
        if test:
            d_v = d_t * 3
        elif v > 5.0:
            d_v = 0.0
        else:
            d_v = d_total
        d_x[i] += d_v
        d_t = 0.0
    return d_x
