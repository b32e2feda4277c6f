def list_changed(x):
    a = [1.0]
    for v in x:
        a.append(v * v)
        a.insert(1, v)
    a.extend(x * 1.5)
    a += [x[0], x[1]]
    first, last = a.pop(0), a.pop()
    del a[2]
    a.remove(max(a))
    s = 0.0
    for i in range(len(a)):
        s += (i + 1) * a[i] * a[-1]
    return s * first * last


# grad(list_changed, wrt=0): 3.5 lines per line, 0 copies

def list_changed_grad(x):
    a = [1.0]
    at_stack = []
    for v in x:
        a.append(v * v)
        at = insert_place(1, len(a))
        at_stack.append(at)
        a.insert(at, v)
    items = list(x * 1.5)
    a.extend(items)
    a.append(x[0])
    a.append(x[1])
    first = a.pop(0)
    last = a.pop()
    a.pop(2)
    at = a.index(max(a))
    a.pop(at)
    s = 0.0
    n = len(a)
    stack = []
    for i in range(n):
        t = (i + 1) * a[i]
        a_item = a[-1]
        stack.append((t, a_item))
        s = s + t * a_item
    # adjoint
    d_s = last * first
    d_a = [0.0] * len(a)
    for i in reversed(range(n)):
        t, a_item = stack.pop()
        d_a[-1] += d_s * t
        d_a[i] += d_s * a_item * (i + 1)
    d_a.insert(insert_place(at, len(d_a) + 1), 0.0)
    d_a.insert(insert_place(2, len(d_a) + 1), 0.0)
    d_a.append(s * first)
    d_a.insert(0, last * s)
    d_t = d_a.pop()
    d_t_2 = d_a.pop()
    d_x = np.zeros_like(x)
    d_x[1] = d_t
    d_x[0] += d_t_2
    d_t = d_a[len(d_a) - len(items):]
    del d_a[len(d_a) - len(items):]
    d_x += np.array(d_t) * 1.5
    for i in reversed(range(len(x))):
        at = at_stack.pop()
        d_v = d_a.pop(at)
        d_t = d_a.pop()
        d_x[i] += d_v + 2 * (d_t * x[i])
    return d_x
