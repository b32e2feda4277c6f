def pairs(x):
    for i in range(len(x) - 1):
        yield x[i], x[i + 1]


def generator(x):
    total = 0.0
    for i, (a, b) in enumerate(pairs(x)):
        if a * b > 0.9:
            break
        total += a * b * i
    return total


# grad(generator, wrt=0): 1.9 lines per line, 0 copies

def generator_grad(x):
    n_iter = 0
    for i in range(len(x) - 1):
        n_iter += 1
        a = x[i]
        b = x[i + 1]
        if a * b > 0.9:
            break
    # adjoint
    d_x = np.zeros_like(x)
    x_list = x[:n_iter].tolist()
    d_total = 1.0
    for i in reversed(range(n_iter)):
        a = x_list[i]
        b = x[i + 1]
        if not a * b > 0.9:
            d_t = d_total * i
            d_x[i + 1] += d_t * a
            d_x[i] += d_t * b
    return d_x
