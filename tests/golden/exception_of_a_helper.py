def root(v):
    if v < 0:
        raise ValueError("negative")
    return math.sqrt(v)


def exception_of_a_helper(x):
    total = 0.0
    for v in x:
        try:
            total += root(v)
        except ValueError as error:
            total -= v * len(str(error))
            continue
        total *= 2
    return total


# grad(exception_of_a_helper, wrt=0): 1.2 lines per line, 0 copies

def exception_of_a_helper_grad(x):
    sqrt_v_stack = []
    x_list = x.tolist()
    for v in x_list:
        if not v < 0:
            sqrt_v_stack.append(math.sqrt(v))
    # adjoint
    d_x = np.zeros_like(x)
    d_total = 1.0
    for i in reversed(range(len(x))):
        if x_list[i] < 0:
            d_v = -8 * d_total
        else:
            sqrt_v = sqrt_v_stack.pop()
            d_v = np.divide(d_total, sqrt_v)
            d_total = d_total * 2
        d_x[i] += d_v
    return d_x
