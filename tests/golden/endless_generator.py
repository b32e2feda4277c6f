def endless_generator(x, n):
    def powers(v):
        while True:
            yield v
            v = v * x

    total = 0.0
    for i, v in zip(range(n), powers(x)):
        total += v * i
    return total


# grad(endless_generator, wrt=0): 2.7 lines per line, 0 copies

def endless_generator_grad(x, n):
    v_stack = []
    if not 0 >= n:
        v = x
        k = 0
        while True:
            v_stack.append(v)
            k = k + 1
            if k >= n:
                break
            v = v * x
    # adjoint
    if 0 >= n:
        d_x = 0.0
    else:
        d_v = 0.0
        d_x = 0.0
        for k in reversed(range(k)):
            v = v_stack.pop()
            if not k + 1 >= n:
                d_x += d_v * v
                d_v = d_v * x
            d_v += 1.0 * k
        d_x += d_v
    return d_x
