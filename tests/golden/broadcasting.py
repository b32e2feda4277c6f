def broadcasting(a, b, c):
    return np.sum(a * b + c / (1 + b**2)) + np.mean(a - c)


# grad(broadcasting, wrt=(0, 1, 2)): 5.5 lines per line, 0 copies

def broadcasting_grad(a, b, c):
    t = 1 + b ** 2
    t_2 = c / t
    # adjoint
    size = a.size
    d_t = np.ones_like(a * b + t_2)
    d_t_2 = np.sum(d_t, axis=1, keepdims=True)
    d_b = -2 * (d_t_2 * t_2 / t) * b
    d_a = np.sum(d_t * b, axis=0)
    d_a += 1.0 / size
    d_b += np.sum(d_t * a, axis=1, keepdims=True)
    return d_a, d_b, np.sum(np.full_like(a, -1.0 / size)) + np.sum(d_t_2 / t)
