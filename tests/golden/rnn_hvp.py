def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


# hvp(rnn, wrt=0): 4.8 lines per line, 0 copies

def rnn_hvp(w, w_dot, x):
    h = np.zeros(w.shape[0])
    h_dot = np.zeros_like(h)
    stack = []
    for t in range(len(x)):
        t_dot = w_dot @ h + w @ h_dot
        h_2 = np.tanh(w @ h + x[t])
        t = 1 - h_2 ** 2
        stack.append((h, h_dot, t))
        h_dot = t_dot * t
        h = h_2
    # adjoint
    d_h = np.ones_like(h_dot)
    d_h_dot = np.zeros_like(h_dot)
    d_w_dot = np.zeros_like(w)
    for _ in range(len(x)):
        t_dot = 2 * h * h_dot
        h, h_dot, t = stack.pop()
        d_t = d_h * t
        d_t_dot = d_h_dot * t - d_h * t_dot
        w_view = w.T
        d_h = w_view @ d_t
        d_h_dot = w_dot.T @ d_t + w_view @ d_t_dot
        d_w_dot = d_w_dot + (np.outer(d_t_dot, h) + np.outer(d_t, h_dot))
    return d_w_dot
