def while_with_a_counter(x, n):
    i = 0
    y = x
    while i < n:
        y = math.sin(y) + x * i
        i += 1
    return y


# grad(while_with_a_counter, wrt=0): 2.4 lines per line, 0 copies

def while_with_a_counter_grad(x, n):
    stack = []
    i = 0
    y = x
    n_iter = 0
    while i < n:
        n_iter += 1
        stack.append((i, y))
        y = math.sin(y) + x * i
        i = i + 1
    # adjoint
    d_y = 1.0
    d_x = 0.0
    for _ in range(n_iter):
        i, y = stack.pop()
        d_x += d_y * i
        d_y = d_y * math.cos(y)
    return d_x + d_y
