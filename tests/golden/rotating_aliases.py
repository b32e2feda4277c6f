def rotating_aliases(x, n):
    u, v = x * 1.0, np.zeros_like(x)
    first = u
    for _ in range(n):
        v[1:] = np.sin(u[:-1])
        u, v = v, u
    first *= 2
    return np.sum(u**2) + np.sum(v * x)


# grad(rotating_aliases, wrt=0): 5.4 lines per line, 4 copies

def rotating_aliases_grad(x, n):
    u = x * 1.0
    v = np.zeros_like(x)
    stack = []
    u_is_v = False
    v_is_u = False
    for _ in range(n):
        u_2 = v[:-1] if u_is_v else u[:-1]
        stack.append((u_is_v, v_is_u, u_2.copy()))
        sin_u = np.sin(u_2)
        chosen = u if v_is_u else v
        chosen[1:] = sin_u
        tag = not v_is_u
        v_is_u = not u_is_v
        u_is_v = tag
    u = u * 2
    u_2 = v if u_is_v else u
    if v_is_u:
        v = u
    # adjoint
    if v_is_u:
        d_v = np.zeros_like(v)
    else:
        d_u = np.zeros_like(v)
        x, d_v = d_u, x
    d_u = 2 * u_2
    if u_is_v:
        d_v = d_v + d_u
    else:
        x = x + d_u
    d_u = x * 2
    d_v = d_v.copy()
    for _ in range(n):
        u_is_v, v_is_u, u = stack.pop()
        if v_is_u:
            d_t = d_u[1:].copy()
            d_u[1:] = 0.0
        else:
            d_t = d_v[1:].copy()
            d_v[1:] = 0.0
        d_u_2 = d_t * np.cos(u)
        d_chosen = d_v if u_is_v else d_u
        d_chosen[:-1] += d_u_2
    return v + d_u
