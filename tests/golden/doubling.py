def doubling(a):
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if np.sum(b) > 0:
        c = b
    else:
        c = 100 * b
    return c


# elementwise_grad(doubling, wrt=0): 1.3 lines per line, 0 copies

def doubling_grad(a):
    b = a * 2
    n_iter = 0
    while np.linalg.norm(b) < 1000:
        n_iter += 1
        b = b * 2
    # adjoint
    d_b = np.ones_like(b)
    if not np.sum(b) > 0:
        d_b = np.full_like(b, 100)
    for _ in range(n_iter):
        d_b *= 2
    return d_b * 2
