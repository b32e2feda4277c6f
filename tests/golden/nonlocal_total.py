def nonlocal_total(x):
    total = 0.0

    def add(v):
        nonlocal total
        if v > 0:
            total = total + v * v
        return total

    for v in x:
        add(v)
    return total


# grad(nonlocal_total, wrt=0): 0.9 lines per line, 0 copies

def nonlocal_total_grad(x):
    # adjoint
    d_x = [0.0] * len(x)
    x_list = x.tolist()
    d_total = 1.0
    for i in reversed(range(len(x))):
        v = x_list[i]
        if v > 0:
            d_x[i] += 2 * (d_total * v)
    return np.array(d_x)
