def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


# hvp(heat, wrt=0): 2.8 lines per line, 1 copies

def heat_hvp(u, u_dot, k, steps):
    u_dot = u_dot.copy()
    for _ in range(steps):
        u_dot[1:-1] += k * (u_dot[2:] - 2 * u_dot[1:-1] + u_dot[:-2])
    # adjoint
    d_u_dot = 2 * u_dot
    for _ in range(steps):
        d_t_dot = d_u_dot[1:-1] * k
        d_u_dot[:-2] += d_t_dot
        d_u_dot[2:] += d_t_dot
        d_u_dot[1:-1] -= 2 * d_t_dot
    return d_u_dot
