def forward_substitution(a, b):
    n = len(b)
    y = np.zeros(n)
    for i in range(n):
        y[i] = (b[i] - a[i, :i] @ y[:i]) / a[i, i]
    return np.sum(y**2)


# grad(forward_substitution, wrt=(0, 1)): 3.2 lines per line, 0 copies

def forward_substitution_grad(a, b):
    n = len(b)
    y = np.zeros(n)
    for i in range(n):
        b_2 = b[i]
        y[i] = (b_2 - a[i, :i] @ y[:i]) / a[i, i]
    # adjoint
    d_y = 2 * y
    d_b = np.zeros_like(b)
    d_a = np.zeros_like(a)
    for i in reversed(range(n)):
        d_t = d_y[i]
        a_2 = a[i, i]
        d_t_2 = d_t / a_2
        d_a[i, i] -= d_t * y[i] / a_2
        d_a[i, :i] -= d_t_2 * y[:i]
        d_b[i] += d_t_2
        d_y[i] = 0.0
        d_y[:i] -= d_t_2 * a[i, :i]
    return d_a, d_b
