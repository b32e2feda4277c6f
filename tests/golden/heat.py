def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# grad(heat, wrt=0): 2.8 lines per line, 1 copies

def heat_grad(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    # adjoint
    d_u = 2 * u
    for _ in range(steps):
        d_t = d_u[1:-1] * k
        d_u[:-2] += d_t
        d_u[2:] += d_t
        d_u[1:-1] -= 2 * d_t
    return d_u
