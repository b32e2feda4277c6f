def list_sorted(x):
    a = [v * v for v in x]
    for i in range(len(a)):
        for j in range(len(a) - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a[0] + 2 * a[1] + 3 * a[2] ** 2


# grad(list_sorted, wrt=0): 3.7 lines per line, 0 copies

def list_sorted_grad(x):
    a = [v * v for v in x]
    n = len(a)
    test_stack = []
    for i in range(n):
        for j in range(n - 1 - i):
            a_item = a[j]
            a_item_2 = a[j + 1]
            test = a_item > a_item_2
            test_stack.append(test)
            if test:
                a[j], a[j + 1] = a_item_2, a_item
    # adjoint
    d_a = [0.0] * len(a)
    d_a[2] += 6.0 * a[2]
    d_a[1] += 2.0
    d_a[0] += 1.0
    for i in reversed(range(n)):
        for j in reversed(range(n - 1 - i)):
            test = test_stack.pop()
            if test:
                d_a[j], d_a[j + 1] = d_a[j + 1], d_a[j]
    d_x = np.zeros_like(x)
    for i in reversed(range(len(x))):
        d_t = d_a.pop()
        d_x[i] += 2 * (d_t * x[i])
    return d_x
