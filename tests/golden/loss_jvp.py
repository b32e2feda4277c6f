def loss(w, b, x, t):
    h = np.tanh(x @ w + b)
    return np.mean((h - t) ** 2)


# jvp(loss, wrt=(0, 1)): 1.7 lines per line, 0 copies

def loss_jvp(w, b, x, t, w_dot, b_dot):
    h = np.tanh(x @ w + b)
    h_dot = (x @ w_dot + b_dot) * (1 - h ** 2)
    t_2 = h - t
    return np.mean(t_2 ** 2), np.mean(2 * t_2 * h_dot)
