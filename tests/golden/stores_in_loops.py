def stores_in_loops(x, n):
    y = np.zeros(5)
    for i in range(n):
        if x[i] > 0:
            y[i:] += x[i] ** 2
        else:
            y[i + 1] = y[i] * x[i]
            y[y > 1] *= 0.5
        y[[i, 0]] = y[[0, i]]
    return np.sum(y**2)


# grad(stores_in_loops, wrt=0): 3.2 lines per line, 0 copies

def stores_in_loops_grad(x, n):
    y = np.zeros(5)
    stack = []
    x_list = x[:n].tolist()
    for i in range(n):
        x_2 = x_list[i]
        if x_2 > 0:
            y[i:] += x_2 ** 2
        else:
            y_2 = y[i]
            y[i + 1] = y_2 * x_2
            test = y > 1
            stack.append((y_2, test))
            y[test] *= 0.5
        y[[i, 0]] = y[[0, i]]
    # adjoint
    d_y = 2 * y
    d_x = np.zeros_like(x)
    for i in reversed(range(n)):
        d_t = d_y[[i, 0]]
        d_y[[i, 0]] = 0.0
        add_at(d_y, [0, i], d_t * written_last([i, 0], y.shape))
        x_2 = x_list[i]
        if x_2 > 0:
            d_x[i] += 2 * np.sum(d_y[i:]) * x_2
        else:
            y_2, test = stack.pop()
            d_y[test] *= 0.5
            d_t = d_y[i + 1]
            d_x[i] += d_t * y_2
            d_y[i + 1] = 0.0
            d_y[i] += d_t * x_2
    return d_x
