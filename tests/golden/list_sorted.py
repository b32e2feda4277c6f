def list_sorted(x):
    a = [v * v for v in x]
    for i in range(len(a)):
        for j in range(len(a) - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a[0] + 2 * a[1] + 3 * a[2] ** 2


# grad(list_sorted, wrt=0): 5.7 lines per line, 0 copies

def list_sorted_grad(x):
    a = []
    for i in range(len(x)):
        v = x[i]
        a.append(v * v)
    n = len(a)
    test_stack = []
    stack = []
    for i in range(n):
        t = len(a) - 1 - i
        stack.append(t)
        for j in range(t):
            a_item = a[j]
            a_item_2 = a[j + 1]
            test = a_item > a_item_2
            test_stack.append(test)
            if test:
                a[j] = a_item_2
                a[j + 1] = a_item
    # adjoint
    d_a = [0.0] * len(a)
    d_a[2] += 6.0 * a[2]
    d_a[1] += 2.0
    d_a[0] += 1.0
    for _ in range(n):
        t = stack.pop()
        for j in reversed(range(t)):
            test = test_stack.pop()
            if test:
                d_t = d_a[j + 1]
                d_a[j + 1] = 0.0
                d_t_2 = d_a[j]
                d_a[j] = 0.0
                d_a[j] += d_t
                d_a[j + 1] += d_t_2
    d_x = np.zeros_like(x)
    for i in reversed(range(len(x))):
        d_t = d_a.pop()
        v = x[i]
        d_x[i] += 2 * (d_t * v)
    return d_x
