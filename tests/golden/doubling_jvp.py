def doubling(a):
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if np.sum(b) > 0:
        c = b
    else:
        c = 100 * b
    return c


# jvp(doubling, wrt=0): 1.4 lines per line, 0 copies

def doubling_jvp(a, a_dot):
    b = a * 2
    b_dot = a_dot * 2
    while np.linalg.norm(b) < 1000:
        b_dot = b_dot * 2
        b = b * 2
    if np.sum(b) > 0:
        c = b
        c_dot = b_dot
    else:
        c = 100 * b
        c_dot = 100 * b_dot
    return c, c_dot
