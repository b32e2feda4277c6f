def scaled_in_place(x, y, s):
    c = x if s > 0 else y
    c[0] *= 2.0
    return np.sum(x * y)


# grad(scaled_in_place, wrt=(0, 1)): 2.2 lines per line, 2 copies

def scaled_in_place_grad(x, y, s):
    test = s > 0
    x = x.copy()
    y = y.copy()
    chosen = x if test else y
    chosen[0] *= 2.0
    # adjoint
    chosen_2 = y if test else x
    chosen_2[0] *= 2.0
    return y, x
