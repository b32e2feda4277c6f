def dict_nested(x):
    d = {"rows": [], "buffer": np.zeros(3), "inner": {"w": x[0]}}
    for i in range(len(x)):
        d["rows"].append(x[i] * 2)
        d["buffer"][i] += x[i] ** 2
    d["inner"]["w"] *= 3.0
    return sum(d["rows"]) * np.sum(d["buffer"]) * d["inner"]["w"]


# grad(dict_nested, wrt=0): 2.7 lines per line, 0 copies

def dict_nested_grad(x):
    t = np.zeros(3)
    x_2 = x[0]
    items = []
    for i, x_3 in enumerate(x):
        items.append(x_3 * 2)
        t[i] += x_3 ** 2
    d_t = x_2 * 3.0
    total = sum(items)
    sum_t = np.sum(t)
    # adjoint
    d_t_2 = d_t * total
    d_items = [d_t * sum_t] * len(items)
    d_x = np.zeros_like(x)
    for i in reversed(range(len(x))):
        d_x[i] += 2 * d_t_2 * x[i]
        d_t = d_items.pop()
        d_x[i] += d_t * 2
    d_x[0] += total * sum_t * 3.0
    return d_x
