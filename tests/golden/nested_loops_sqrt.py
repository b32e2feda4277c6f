def nested_loops(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(i + 1):
            s = s + a[i, j] * np.sin(s + j)
        s = s * 0.9
    return s


# grad(nested_loops, wrt=0, checkpoint='sqrt'): 5.9 lines per line, 0 copies

def nested_loops_grad(a):
    s = 0.0
    n = a.shape[0]
    s_snapshots = []
    size = math.isqrt(n) + 1
    for start in range(0, n, size):
        s_snapshots.append(s)
        for i in range(start, min(start + size, n)):
            for j in range(i + 1):
                s = s + a[i, j] * np.sin(s + j)
            s = s * 0.9
    # adjoint
    d_a = np.zeros_like(a)
    stack = []
    d_s = 1.0
    for start in reversed(range(0, n, size)):
        s = s_snapshots.pop()
        stop = min(start + size, n)
        s_snapshots_2 = []
        for i in range(start, stop):
            size_2 = math.isqrt(max(i + 1, 0)) + 1
            for start_2 in range(0, i + 1, size_2):
                s_snapshots_2.append(s)
                for j in range(start_2, min(start_2 + size_2, i + 1)):
                    s = s + a[i, j] * np.sin(s + j)
            s = s * 0.9
        for i in reversed(range(start, stop)):
            d_s = d_s * 0.9
            size_2 = math.isqrt(max(i + 1, 0)) + 1
            for start in reversed(range(0, i + 1, size_2)):
                s = s_snapshots_2.pop()
                stop = min(start + size_2, i + 1)
                for j in range(start, stop):
                    t = s + j
                    sin = np.sin(t)
                    stack.append((t, sin))
                    s = s + a[i, j] * sin
                for j in reversed(range(start, stop)):
                    t, sin = stack.pop()
                    d_a[i, j] += d_s * sin
                    d_s += d_s * a[i, j] * np.cos(t)
    return d_a
