def dict_in_loop(x):
    d = {"s": 0.0, "p": 1.0}
    for v in x:
        d["s"] += v * v
        d["p"] *= v
        d["last"] = v
    return d["s"] * d["p"] + d["last"]


# grad(dict_in_loop, wrt=0): 2.7 lines per line, 0 copies

def dict_in_loop_grad(x):
    p_stack = []
    x_list = x.tolist()
    s = 0.0
    p = 1.0
    for v in x_list:
        p_stack.append(p)
        s = s + v * v
        p = p * v
    # adjoint
    d_x = [0.0] * len(x)
    d_p = s
    d_last = 1.0
    for i in reversed(range(len(x))):
        v = x_list[i]
        p_2 = p_stack.pop()
        d_x[i] += d_last + d_p * p_2 + 2 * (p * v)
        d_p = d_p * v
        d_last = 0.0
    return np.array(d_x)
