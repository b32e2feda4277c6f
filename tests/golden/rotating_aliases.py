def rotating_aliases(x, n):
    u, v = x * 1.0, np.zeros_like(x)
    first = u
    for _ in range(n):
        v[1:] = np.sin(u[:-1])
        u, v = v, u
    first *= 2
    return np.sum(u**2) + np.sum(v * x)


# grad(rotating_aliases, wrt=0): 4.8 lines per line, 3 copies

def rotating_aliases_grad(x, n):
    u = x * 1.0
    v = np.zeros_like(x)
    stack = []
    u_is_v = False
    v_is_u = False
    for _ in range(n):
        u_2 = v[:-1] if u_is_v else u[:-1]
        stack.append((u_is_v, v_is_u, u_2.copy()))
        chosen = u if v_is_u else v
        chosen[1:] = np.sin(u_2)
        u_is_v, v_is_u = not v_is_u, not u_is_v
    u = u * 2
    u_2 = v if u_is_v else u
    if v_is_u:
        v = u
    # adjoint
    if v_is_u:
        d_u = x
        d_v = np.zeros_like(v)
    else:
        d_u = np.zeros_like(v)
        d_v = x
    d_u_2 = 2 * u_2
    if u_is_v:
        d_v = d_v + d_u_2
    else:
        d_u = d_u + d_u_2
    d_u = d_u * 2
    d_v = d_v.copy()
    for _ in range(n):
        u_is_v, v_is_u, u = stack.pop()
        d_chosen = d_u if v_is_u else d_v
        d_t = d_chosen[1:].copy()
        d_chosen[1:] = 0.0
        d_u_2 = d_t * np.cos(u)
        d_chosen_2 = d_v if u_is_v else d_u
        d_chosen_2[:-1] += d_u_2
    return v + d_u
