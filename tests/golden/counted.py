class Counter:
    def __init__(self):
        self.n = 0
        self.total = 0.0

    def add(self, value):
        self.n += 1
        self.total += value
        return self


def counted(x):
    c = Counter()
    for value in x:
        if value > 0.2:
            c.add(value * value)
    return c.total / (c.n + 1) + len(f"{Vec(1, c.n)!r}")


# grad(counted, wrt=0): 1.3 lines per line, 0 copies

def counted_grad(x):
    n = len(x)
    x_list = x.tolist()
    n_2 = 0
    for i in range(n):
        value = x_list[i]
        if value > 0.2:
            n_2 = n_2 + 1
    # adjoint
    d_total = 1.0 / (n_2 + 1)
    d_x = [0.0] * n
    for i in reversed(range(n)):
        value = x_list[i]
        if value > 0.2:
            d_value = 2 * (d_total * value)
        else:
            d_value = 0.0
        d_x[i] += d_value
    return np.array(d_x)
