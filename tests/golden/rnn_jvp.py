def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


# jvp(rnn, wrt=(0, 1)): 1.6 lines per line, 0 copies

def rnn_jvp(w, x, w_dot, x_dot):
    h = np.zeros(w.shape[0])
    h_dot = np.zeros_like(h)
    for t in range(len(x)):
        t_dot = w_dot @ h + w @ h_dot + x_dot[t]
        h = np.tanh(w @ h + x[t])
        h_dot = t_dot * (1 - h ** 2)
    return np.sum(h), np.sum(h_dot)
