def while_true(x):
    y = x * 1.0
    while True:
        y = y * 1.5
        if np.sum(y**2) > 9.0:
            break
    return np.sum(y)


# grad(while_true, wrt=0): 1.7 lines per line, 0 copies

def while_true_grad(x):
    y = x * 1.0
    n_iter = 0
    while True:
        n_iter += 1
        y = y * 1.5
        if np.sum(y ** 2) > 9.0:
            break
    # adjoint
    d_y = np.ones_like(y)
    for _ in range(n_iter):
        d_y *= 1.5
    return d_y
