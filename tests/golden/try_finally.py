def try_finally(x):
    calls = []
    try:
        for v in x:
            if v > 0.5:
                return v * v
    finally:
        calls.append(1)
    return x[0]


# grad(try_finally, wrt=0): 1.4 lines per line, 0 copies

def try_finally_grad(x):
    returned = False
    for i, v in enumerate(x):
        returned = v > 0.5
        if returned:
            break
    # adjoint
    if returned:
        d_x = np.zeros_like(x)
        d_x[i] = 2 * x[i]
    else:
        d_x = np.zeros_like(x)
        d_x[0] = 1.0
    return d_x
