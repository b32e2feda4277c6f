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


# grad(exception_of_a_helper, wrt=0): 1.7 lines per line, 0 copies

def exception_of_a_helper_grad(x):
    n = len(x)
    sqrt_v_stack = []
    test_stack = []
    x_list = x.tolist()
    for i in range(n):
        v = x_list[i]
        test = v < 0
        test_stack.append(test)
        if not test:
            sqrt_v_stack.append(math.sqrt(v))
    # adjoint
    d_x = np.zeros_like(x)
    d_total = 1.0
    for i in reversed(range(n)):
        test = test_stack.pop()
        if test:
            d_v = -8 * d_total
        else:
            d_total_2 = d_total * 2
            sqrt_v = sqrt_v_stack.pop()
            d_v = np.divide(d_total, sqrt_v)
            d_total = d_total_2
        d_x[i] += d_v
    return d_x
