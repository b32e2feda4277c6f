def stack_and_queue(x):
    stack, s = [x[0]], 0.0
    while stack:
        v = stack.pop()
        s += v * v
        if v < 10.0:
            stack.append(v * 3 + 3.0)
    queue, seen = collections.deque([0]), [0]
    while queue:
        i = queue.popleft()
        s += x[i] ** 2 * (i + 1)
        for j in (2 * i + 1, 2 * i + 2):
            if j < len(x) and j not in seen:
                seen.append(j)
                queue.append(j)
    return s


# grad(stack_and_queue, wrt=0): 2.8 lines per line, 0 copies

def stack_and_queue_grad(x):
    v = x[0]
    stack = [v]
    v_stack = []
    n_iter = 0
    while stack:
        n_iter += 1
        v = stack.pop()
        v_stack.append(v)
        if v < 10.0:
            stack.append(v * 3 + 3.0)
    queue = [0]
    seen = [0]
    i_stack = []
    n_iter_2 = 0
    while queue:
        n_iter_2 += 1
        i = queue.pop(0)
        i_stack.append(i)
        t = 2 * i
        j = t + 1
        j_2 = t + 2
        n = len(x)
        if j < n and j not in seen:
            seen.append(j)
            queue.append(j)
        if j_2 < n and j_2 not in seen:
            seen.append(j_2)
            queue.append(j_2)
    # adjoint
    d_x = np.zeros_like(x)
    for _ in range(n_iter_2):
        i = i_stack.pop()
        d_x[i] += 2.0 * (i + 1) * x[i]
    d_stack = [0.0] * len(stack)
    for _ in range(n_iter):
        v = v_stack.pop()
        if v < 10.0:
            d_t = d_stack.pop()
            d_v = d_t * 3
        else:
            d_v = 0.0
        d_stack.append(d_v + 2 * v)
    d_x[0] += d_stack[0]
    return d_x
