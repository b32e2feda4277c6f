def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# grad(heat, wrt=(0, 1), checkpoint=8): 7.8 lines per line, 3 copies

def heat_grad(u, k, steps):
    u_snapshots = []
    u = u.copy()
    at = 0
    free = 8
    while at < steps:
        u_snapshots.append((at, u.copy()))
        free -= 1
        stop = next_snapshot(at, steps, free)
        for _ in range(at, stop):
            u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
        at = stop
    # adjoint
    d_u = 2 * u
    d_k = 0.0
    for t in reversed(range(steps)):
        at, u = u_snapshots.pop()
        free += 1
        while at < t:
            u_snapshots.append((at, u.copy()))
            free -= 1
            stop = min(next_snapshot(at, t + 1, free), t)
            for _ in range(at, stop):
                u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
            at = stop
        d_t = d_u[1:-1]
        d_t_2 = d_t * k
        d_k += np.sum(d_t * (u[2:] - 2 * u[1:-1] + u[:-2]))
        d_u[:-2] += d_t_2
        d_u[2:] += d_t_2
        d_u[1:-1] -= 2 * d_t_2
    return d_u, d_k
