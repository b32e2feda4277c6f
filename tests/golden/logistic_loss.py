def logistic_loss(w, b, x, t):
    z = x @ w + b
    return np.mean(np.log1p(np.exp(-t * z))) + 0.01 * np.sum(w**2)


# grad(logistic_loss, wrt=('w', 'b')): 2.7 lines per line, 0 copies

def logistic_loss_grad(w, b, x, t):
    z = x @ w + b
    t_2 = -t
    exp = np.exp(t_2 * z)
    # adjoint
    d_w = 0.02 * w
    d_z = 1.0 / t.size / (1 + exp) * exp * t_2
    d_w += x.T @ d_z
    return d_w, np.sum(d_z)
