def nested_loops(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(i + 1):
            s = s + a[i, j] * np.sin(s + j)
        s = s * 0.9
    return s


# grad(nested_loops, wrt=0): 2.7 lines per line, 0 copies

def nested_loops_grad(a):
    s = 0.0
    stack = []
    for i in range(a.shape[0]):
        for j in range(i + 1):
            t = s + j
            sin = np.sin(t)
            stack.append((t, sin))
            s = s + a[i, j] * sin
        s = s * 0.9
    # adjoint
    d_a = np.zeros_like(a)
    d_s = 1.0
    for i in reversed(range(a.shape[0])):
        d_s = d_s * 0.9
        for j in reversed(range(i + 1)):
            t, sin = stack.pop()
            d_a[i, j] += d_s * sin
            d_s += d_s * a[i, j] * np.cos(t)
    return d_a
