def continue_on(x):
    s = 1.0
    for v in x:
        if v < 0:
            continue
        s = s * np.cos(v) + v
    return s


# grad(continue_on, wrt=0): 3.0 lines per line, 0 copies

def continue_on_grad(x):
    s = 1.0
    cos_v_stack = []
    s_stack = []
    x_list = x.tolist()
    for v in x_list:
        s_stack.append(s)
        if not v < 0:
            cos_v = np.cos(v)
            cos_v_stack.append(cos_v)
            s = s * cos_v + v
    # adjoint
    d_x = np.zeros_like(x)
    d_s = 1.0
    for i in reversed(range(len(x))):
        v = x_list[i]
        s = s_stack.pop()
        if not v < 0:
            cos_v = cos_v_stack.pop()
            d_x[i] += d_s - d_s * s * np.sin(v)
            d_s = d_s * cos_v
    return d_x
