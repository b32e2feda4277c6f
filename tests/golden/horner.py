def horner(c, x):
    y = 0.0
    for a in c[::-1]:
        y = y * x + a
    return y


# grad(horner, wrt=(0, 1)): 3.2 lines per line, 0 copies

def horner_grad(c, x):
    y = 0.0
    c_view = c[::-1]
    y_stack = []
    for a in c_view.tolist():
        y_stack.append(y)
        y = y * x + a
    # adjoint
    d_c = np.zeros_like(c)
    d_y = 1.0
    d_x = 0.0
    for i in reversed(range(len(c_view))):
        y = y_stack.pop()
        d_x += d_y * y
        d_c[::-1][i] += d_y
        d_y = d_y * x
    return d_c, d_x
