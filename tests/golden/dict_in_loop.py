def dict_in_loop(x):
    d = {"s": 0.0, "p": 1.0}
    for v in x:
        d["s"] += v * v
        d["p"] *= v
        d["last"] = v
    return d["s"] * d["p"] + d["last"]


# grad(dict_in_loop, wrt=0): 3.0 lines per line, 0 copies

def dict_in_loop_grad(x):
    n = len(x)
    p_stack = []
    x_list = x.tolist()
    s = 0.0
    p = 1.0
    for i in range(n):
        p_stack.append(p)
        v = x_list[i]
        s = s + v * v
        p = p * v
    # adjoint
    d_x = [0.0] * n
    d_last = 1.0
    for i in reversed(range(n)):
        v = x_list[i]
        d_p = s * v
        p_2 = p_stack.pop()
        d_x[i] += d_last + s * p_2 + 2 * (p * v)
        s = d_p
        d_last = 0.0
    return np.array(d_x)
