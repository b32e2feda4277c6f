def work_buffers(x, n):
    y = x * 1.0
    work = np.empty(4)
    grad = np.empty_like(x)
    for _ in range(n):
        np.multiply(y, y, out=work)
        grad[1:] = work[:-1] - y[1:]
        grad[0] = 0.0
        y -= 0.1 * grad
    return np.sum(y**2)


# grad(work_buffers, wrt=0): 2.5 lines per line, 1 copies

def work_buffers_grad(x, n):
    y = x * 1.0
    work = np.empty(4)
    grad = np.empty_like(x)
    y_stack = []
    for _ in range(n):
        y_stack.append(y.copy())
        work[...] = np.multiply(y, y)
        grad[1:] = work[:-1] - y[1:]
        grad[0] = 0.0
        y -= 0.1 * grad
    # adjoint
    d_y = 2 * y
    d_work = np.zeros_like(work)
    d_grad = np.zeros_like(grad)
    for _ in range(n):
        d_grad -= 0.1 * d_y
        d_grad[0] = 0.0
        d_t = d_grad[1:]
        d_y[1:] -= d_t
        d_work[:-1] += d_t
        y = y_stack.pop()
        d_y += 2 * (d_work * y)
        d_work = np.zeros_like(work)
        d_grad[1:] = 0.0
    return d_y
