def settled(x, tol):
    while np.max(np.abs(x)) > tol:
        x = np.sin(x) * 0.9
    return np.sum(x)


# grad(settled, wrt=0, checkpoint='sqrt'): 6.8 lines per line, 0 copies

def settled_grad(x, tol):
    x_snapshots = []
    left = 0
    n_segments = 0
    n_iter = 0
    while np.max(np.absolute(x)) > tol:
        n_iter += 1
        if left == 0:
            x_snapshots.append(x)
            left = n_segments + 1
            n_segments = left
        left -= 1
        x = np.sin(x) * 0.9
    # adjoint
    d_x = np.ones_like(x)
    x_stack = []
    for k in reversed(range(n_segments)):
        x = x_snapshots.pop()
        start = k * (k + 1) // 2
        stop = min(start + k + 1, n_iter)
        for _ in range(start, stop):
            x_stack.append(x)
            x = np.sin(x) * 0.9
        for _ in range(start, stop):
            d_t = d_x * 0.9
            x = x_stack.pop()
            d_x = d_t * np.cos(x)
    return d_x
