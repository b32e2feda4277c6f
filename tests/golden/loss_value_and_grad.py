def loss(w, b, x, t):
    h = np.tanh(x @ w + b)
    return np.mean((h - t) ** 2)


# value_and_grad(loss, wrt=(0, 1)): 1.7 lines per line, 0 copies

def loss_value_and_grad(w, b, x, t):
    h = np.tanh(x @ w + b)
    t_2 = h - t
    # adjoint
    d_t = 2.0 / h.size * t_2 * (1 - h ** 2)
    return np.mean(t_2 ** 2), (x.T @ d_t, np.sum(d_t, axis=0))
