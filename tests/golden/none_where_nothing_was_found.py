def none_where_nothing_was_found(m, limit):
    found = None
    for row in m:
        if np.sum(row) > limit:
            found = row
    if found is None:
        return np.sum(m)
    return np.sum(found * found)


# grad(none_where_nothing_was_found, wrt=0): 3.2 lines per line, 0 copies

def none_where_nothing_was_found_grad(m, limit):
    n = len(m)
    stack = []
    no_found = True
    found = None
    for found_2 in m:
        test = np.sum(found_2) > limit
        stack.append((found, test))
        if test:
            no_found = False
        else:
            found_2 = found
        found = found_2
    # adjoint
    if 0 < n:
        d_found = np.zeros_like(found)
    if no_found:
        d_m = np.ones_like(m)
    else:
        d_m = np.zeros_like(m)
        d_found = 2 * found
    for i in reversed(range(n)):
        found, test = stack.pop()
        if test:
            d_m[i] += d_found
            d_found = np.zeros_like(found)
    return d_m
