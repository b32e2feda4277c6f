def lotka(y, a, b, steps, dt):
    for _ in range(steps):
        u = y[0]
        v = y[1]
        y = y + dt * np.array([a * u - u * v, u * v - b * v])
    return y[0] * y[1]


# grad(lotka, wrt=(0, 1, 2)): 3.8 lines per line, 0 copies

def lotka_grad(y, a, b, steps, dt):
    stack = []
    for _ in range(steps):
        u = y[0]
        v = y[1]
        stack.append((u, v))
        t = u * v
        y = y + dt * np.array([a * u - t, t - b * v])
    # adjoint
    d_y = np.zeros_like(y)
    d_y[1] = y[0]
    d_y[0] += y[1]
    d_a = 0.0
    d_b = 0.0
    for _ in range(steps):
        d_t = d_y * dt
        d_t_2 = d_t[0]
        d_t = d_t[1]
        u, v = stack.pop()
        d_b -= d_t * v
        d_a += d_t_2 * u
        d_y[1] += d_t * u - d_t * b - d_t_2 * u
        d_y[0] += d_t * v - d_t_2 * v + d_t_2 * a
    return d_y, d_a, d_b
