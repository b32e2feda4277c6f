def two_of_a_pair(x, y, s):
    big, small = (x, y) if s > 0 else (y, x)
    big -= small[0]
    small[:] = np.sin(big)
    return np.sum(x * y)


# grad(two_of_a_pair, wrt=(0, 1)): 8.0 lines per line, 6 copies

def two_of_a_pair_grad(x, y, s):
    test = s > 0
    t = y if test else x
    t_2 = t[0]
    if test:
        x = x.copy()
        x -= t_2
        t_2 = x
    else:
        y = y.copy()
        y -= t_2
        t_2 = y
    sin_t = np.sin(t_2)
    if test:
        y = y.copy()
        y[:] = sin_t
    else:
        x = x.copy()
        x[:] = sin_t
    # adjoint
    if test:
        d_y = np.zeros_like(y)
    else:
        d_x = np.zeros_like(x)
        d_y = x
        x = y
        y = d_x
    d_t = x * np.cos(t_2)
    if test:
        y = y + d_t
        d_t = -np.sum(y)
    else:
        d_y = d_y + d_t
        d_t = -np.sum(d_y)
    d_t_2 = np.zeros_like(t)
    d_t_2[0] = d_t
    if test:
        d_y = d_y + d_t_2
    else:
        y = y + d_t_2
    return y.copy(), d_y.copy()
