def nested_return(m):
    for row in m:
        for v in row:
            if v > 0.5:
                return v * v
    return np.sum(m)


# grad(nested_return, wrt=0): 2.7 lines per line, 0 copies

def nested_return_grad(m):
    returned = False
    for i, m_view in enumerate(m):
        returned = False
        for i_2, v in enumerate(m_view):
            returned = v > 0.5
            if returned:
                break
        if returned:
            break
    # adjoint
    if returned:
        d_m = np.zeros_like(m)
        d_m[i, i_2] = 2 * m[i][i_2]
    else:
        d_m = np.ones_like(m)
    return d_m
