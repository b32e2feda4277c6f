def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# grad(heat, wrt=(0, 1)): 4.5 lines per line, 1 copies

def heat_grad(u, k, steps):
    stack = []
    u = u.copy()
    for _ in range(steps):
        t = u[2:] - 2 * u[1:-1] + u[:-2]
        stack.append(t)
        u[1:-1] += k * t
    # adjoint
    d_u = 2 * u
    d_k = 0.0
    for _ in range(steps):
        d_t = d_u[1:-1]
        t = stack.pop()
        d_t_2 = d_t * k
        d_k += np.sum(d_t * t)
        d_u[:-2] += d_t_2
        d_u[2:] += d_t_2
        d_u[1:-1] -= 2 * d_t_2
    return d_u, d_k
