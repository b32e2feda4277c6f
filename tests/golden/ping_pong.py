def ping_pong(u, steps):
    v = np.zeros_like(u)
    for _ in range(steps):
        v[1:-1] = 0.5 * (u[2:] + u[:-2]) + 0.1 * u[1:-1] ** 2
        u, v = v, u
    return np.sum(u**2)


# grad(ping_pong, wrt=0): 3.5 lines per line, 2 copies

def ping_pong_grad(u, steps):
    v = np.zeros_like(u)
    u_stack = []
    u = u.copy()
    for _ in range(steps):
        u_stack.append(u.copy())
        v[1:-1] = 0.5 * (u[2:] + u[:-2]) + 0.1 * u[1:-1] ** 2
        u, v = v, u
    # adjoint
    d_u = 2 * u
    d_v = np.zeros_like(v)
    for _ in range(steps):
        d_t = d_u[1:-1]
        t = 0.2 * d_t
        u = u_stack.pop()
        d_v[1:-1] += t * u[1:-1]
        d_t = d_t * 0.5
        d_v[:-2] += d_t
        d_v[2:] += d_t
        d_u[1:-1] = 0.0
        d_u, d_v = d_v, d_u
    return d_u
