def scaled_in_place(x, y, s):
    c = x if s > 0 else y
    c[0] *= 2.0
    return np.sum(x * y)


# grad(scaled_in_place, wrt=(0, 1)): 6.2 lines per line, 6 copies

def scaled_in_place_grad(x, y, s):
    test = s > 0
    t = x if test else y
    t_2 = t[0] * 2.0
    if test:
        x = x.copy()
        x[0] = t_2
    else:
        y = y.copy()
        y[0] = t_2
    # adjoint
    if test:
        d_t = y[0]
        y = y.copy()
        y[0] = 0.0
    else:
        d_t = x[0]
        x = x.copy()
        x[0] = 0.0
    d_t_2 = np.zeros_like(t)
    d_t_2[0] = d_t * 2.0
    if test:
        y = y + d_t_2
    else:
        x = x + d_t_2
    return y.copy(), x.copy()
