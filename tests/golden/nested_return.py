def nested_return(m):
    for row in m:
        for v in row:
            if v > 0.5:
                return v * v
    return np.sum(m)


# grad(nested_return, wrt=0): 5.0 lines per line, 0 copies

def nested_return_grad(m):
    n_iter_stack = []
    returned = False
    n_iter_2 = 0
    for n_iter_2, m_view in enumerate(m, 1):
        returned = False
        n_iter = 0
        for n_iter, v in enumerate(m_view, 1):
            returned = v > 0.5
            if returned:
                break
        n_iter_stack.append(n_iter)
        if returned:
            break
    # adjoint
    if returned:
        d_t = 1.0
        d_m = np.zeros_like(m)
    else:
        d_t = 0.0
        d_m = np.ones_like(m)
    for i in reversed(range(n_iter_2)):
        n_iter = n_iter_stack.pop()
        m_view = m[i]
        for i_2 in reversed(range(n_iter)):
            v = m_view[i_2]
            if v > 0.5:
                d_m[i, i_2] += 2 * (d_t * v)
            d_t = 0.0
        d_t = 0.0
    return d_m
