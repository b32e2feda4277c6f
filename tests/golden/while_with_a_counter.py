def while_with_a_counter(x, n):
    i = 0
    y = x
    while i < n:
        y = math.sin(y) + x * i
        i += 1
    return y


# grad(while_with_a_counter, wrt=0): 2.1 lines per line, 0 copies

def while_with_a_counter_grad(x, n):
    y_stack = []
    i = 0
    y = x
    while i < n:
        y_stack.append(y)
        y = math.sin(y) + x * i
        i = i + 1
    # adjoint
    d_y = 1.0
    d_x = 0.0
    for i in reversed(range(i)):
        d_x += d_y * i
        y = y_stack.pop()
        d_y = d_y * math.cos(y)
    return d_x + d_y
