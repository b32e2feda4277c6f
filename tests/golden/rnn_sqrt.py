def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


# grad(rnn, wrt=(0, 1), checkpoint='sqrt'): 5.2 lines per line, 0 copies

def rnn_grad(w, x):
    h = np.zeros(w.shape[0])
    n = len(x)
    h_snapshots = []
    size = math.isqrt(n) + 1
    for start in range(0, n, size):
        h_snapshots.append(h)
        for t in range(start, min(start + size, n)):
            h = np.tanh(w @ h + x[t])
    # adjoint
    d_h = np.ones_like(h)
    d_w = np.zeros_like(w)
    d_x = np.zeros_like(x)
    h_stack = []
    for start in reversed(range(0, n, size)):
        h = h_snapshots.pop()
        stop = min(start + size, n)
        for t in range(start, stop):
            h_stack.append(h)
            h = np.tanh(w @ h + x[t])
        for t in reversed(range(start, stop)):
            d_t = d_h * (1 - h ** 2)
            d_x[t] += d_t
            h = h_stack.pop()
            d_h = w.T @ d_t
            d_w += np.outer(d_t, h)
    return d_w, d_x
