def recurrence_into_a_buffer(x):
    n = len(x)
    B = np.zeros(n)
    B[0] = x[0]
    for i in range(1, n):
        B[i] = np.tanh(B[i - 1] + x[i])
    return np.sum(B * B)


# grad(recurrence_into_a_buffer, wrt=0): 2.1 lines per line, 0 copies

def recurrence_into_a_buffer_grad(x):
    n = len(x)
    B = np.zeros(n)
    B[0] = x[0]
    for i in range(1, n):
        B[i] = np.tanh(B[i - 1] + x[i])
    # adjoint
    d_B = 2 * B
    d_x = np.zeros_like(x)
    for i in reversed(range(1, n)):
        d_t = d_B[i] * (1 - B[i] ** 2)
        d_x[i] += d_t
        d_B[i] = 0.0
        d_B[i - 1] += d_t
    d_x[0] += d_B[0]
    return d_x
