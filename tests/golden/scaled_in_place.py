def scaled_in_place(x, y, s):
    c = x if s > 0 else y
    c[0] *= 2.0
    return np.sum(x * y)


# grad(scaled_in_place, wrt=(0, 1)): 2.0 lines per line, 2 copies

def scaled_in_place_grad(x, y, s):
    x = x.copy()
    y = y.copy()
    chosen = x if s > 0 else y
    chosen[0] *= 2.0
    # adjoint
    chosen_2 = y if s > 0 else x
    chosen_2[0] *= 2.0
    return y, x
