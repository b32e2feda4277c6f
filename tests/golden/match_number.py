def match_number(x, n):
    match n:
        case 1:
            y = x * 2
        case 2 | 3:
            y = x * x
        case _:
            y = np.sin(x)
    return np.sum(y)


# grad(match_number, wrt=0): 1.1 lines per line, 0 copies

def match_number_grad(x, n):
    if n != 1:
        test = n == 2 or n == 3
    # adjoint
    if n == 1:
        d_x = np.full_like(x, 2)
    elif test:
        d_x = 2 * x
    else:
        d_x = np.cos(x)
    return d_x
