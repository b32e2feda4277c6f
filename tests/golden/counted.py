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


# grad(counted, wrt=0): 0.9 lines per line, 0 copies

def counted_grad(x):
    x_list = x.tolist()
    n = 0
    for value in x_list:
        if value > 0.2:
            n = n + 1
    # adjoint
    d_total = 1.0 / (n + 1)
    d_x = [0.0] * len(x)
    for i in reversed(range(len(x))):
        value = x_list[i]
        if value > 0.2:
            d_x[i] += 2 * (d_total * value)
    return np.array(d_x)
