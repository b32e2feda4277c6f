def logistic_loss(w, b, x, t):
    z = x @ w + b
    return np.mean(np.log1p(np.exp(-t * z))) + 0.01 * np.sum(w**2)


# hvp(logistic_loss, wrt=0): 3.7 lines per line, 0 copies

def logistic_loss_hvp(w, w_dot, b, x, t):
    z = x @ w + b
    t_2 = -t
    exp = np.exp(t_2 * z)
    exp_dot = t_2 * (x @ w_dot) * exp
    # adjoint
    d_w_dot = 0.02 * w_dot
    t_3 = 1 + exp
    d_t = 1.0 / t.size / t_3
    d_t_2 = exp_dot * d_t
    d_w_dot += x.T @ ((-(d_t_2 / t_3 * exp) + d_t * exp_dot) * t_2)
    return d_w_dot
