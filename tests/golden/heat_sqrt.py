def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# grad(heat, wrt=(0, 1), checkpoint='sqrt'): 6.8 lines per line, 2 copies

def heat_grad(u, k, steps):
    u_snapshots = []
    size = math.isqrt(max(steps, 0)) + 1
    u = u.copy()
    for start in range(0, steps, size):
        u_snapshots.append(u.copy())
        for _ in range(start, min(start + size, steps)):
            u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    # adjoint
    d_u = 2 * u
    stack = []
    d_k = 0.0
    for start in reversed(range(0, steps, size)):
        u = u_snapshots.pop()
        stop = min(start + size, steps)
        for _ in range(start, stop):
            t = u[2:] - 2 * u[1:-1] + u[:-2]
            stack.append(t)
            u[1:-1] += k * t
        for _ in range(start, stop):
            d_t = d_u[1:-1]
            t = stack.pop()
            d_t_2 = d_t * k
            d_k += np.sum(d_t * t)
            d_u[:-2] += d_t_2
            d_u[2:] += d_t_2
            d_u[1:-1] -= 2 * d_t_2
    return d_u, d_k
