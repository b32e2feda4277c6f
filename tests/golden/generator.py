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


# grad(generator, wrt=0): 3.5 lines per line, 0 copies

def generator_grad(x):
    stack = []
    k = 0
    n_iter = 0
    for i in range(len(x) - 1):
        n_iter += 1
        a = x[i]
        b = x[i + 1]
        test = a * b > 0.9
        stack.append((k, test))
        if test:
            stopped = True
        else:
            stopped = False
        if not stopped:
            k = k + 1
        if stopped:
            break
    # adjoint
    d_x = np.zeros_like(x)
    x_list = x[:n_iter].tolist()
    d_total = 1.0
    for i in reversed(range(n_iter)):
        k, test = stack.pop()
        b = x[i + 1]
        a = x_list[i]
        if test:
            d_a = 0.0
            d_b = 0.0
        else:
            d_t = d_total * k
            d_a = d_t * b
            d_b = d_t * a
        d_x[i + 1] += d_b
        d_x[i] += d_a
    return d_x
