def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


# grad(rnn, wrt=(0, 1), checkpoint='1MB'): 6.2 lines per line, 0 copies

def rnn_grad(w, x):
    h = np.zeros(w.shape[0])
    n = len(x)
    h_snapshots = []
    free = snapshots_within(1000000, 6, h)
    at = 0
    while at < n:
        h_snapshots.append((at, h))
        free -= 1
        stop = next_snapshot(at, n, free)
        for t in range(at, stop):
            h = np.tanh(w @ h + x[t])
        at = stop
    # adjoint
    d_h = np.ones_like(h)
    d_w = np.zeros_like(w)
    d_x = np.zeros_like(x)
    for t in reversed(range(n)):
        at, h = h_snapshots.pop()
        free += 1
        while at < t:
            h_snapshots.append((at, h))
            free -= 1
            stop = min(next_snapshot(at, t + 1, free), t)
            for t_2 in range(at, stop):
                h = np.tanh(w @ h + x[t_2])
            at = stop
        d_t = d_h * (1 - np.tanh(w @ h + x[t]) ** 2)
        d_x[t] += d_t
        d_h = w.T @ d_t
        d_w += np.outer(d_t, h)
    return d_w, d_x
