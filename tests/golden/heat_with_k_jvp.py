def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# jvp(heat, wrt=(0, 1)): 2.0 lines per line, 2 copies

def heat_jvp(u, k, steps, u_dot, k_dot):
    u = u.copy()
    u_dot = u_dot.copy()
    for _ in range(steps):
        t = u[2:] - 2 * u[1:-1] + u[:-2]
        u_dot[1:-1] += k_dot * t + k * (u_dot[2:] - 2 * u_dot[1:-1] + u_dot[:-2])
        u[1:-1] += k * t
    return np.sum(u ** 2), np.sum(2 * u * u_dot)
