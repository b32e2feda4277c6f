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


# grad(for_else, wrt=0): 2.4 lines per line, 0 copies

def for_else_grad(x):
    returned = False
    broken = False
    n_iter = 0
    for i, v in enumerate(x):
        n_iter += 1
        returned = v > 10.0
        broken = returned or v > 5.0
        if broken:
            break
    # adjoint
    if returned:
        d_x = np.zeros_like(x)
        d_x[i] = 3.0
        d_total = 0.0
    else:
        d_x = np.zeros_like(x)
        d_total = 2.0
    if not broken:
        d_total = d_total * 7
    x_list = x[:n_iter].tolist()
    for i in reversed(range(n_iter)):
        v = x_list[i]
        if not v > 10.0:
            d_v = 0.0 if v > 5.0 else d_total
            d_x[i] += d_v
    return d_x
