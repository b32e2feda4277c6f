def power_iteration(a, v, n):
    for _ in range(n):
        v = a @ v
        v = v / np.sqrt(np.sum(v * v))
    return v @ a @ v


# grad(power_iteration, wrt=(0, 1)): 3.4 lines per line, 0 copies

def power_iteration_grad(a, v, n):
    stack = []
    for _ in range(n):
        v_2 = a @ v
        sqrt_sum = np.sqrt(np.sum(v_2 * v_2))
        v_3 = v_2 / sqrt_sum
        stack.append((v, v_2, sqrt_sum, v_3))
        v = v_3
    # adjoint
    d_a = np.outer(v, v)
    d_v = v @ a + a @ v
    for _ in range(n):
        v, v_2, sqrt_sum, v_3 = stack.pop()
        d_v_2 = d_v / sqrt_sum
        d_v_2 += 2 * (-0.5 * np.sum(d_v * v_3 / sqrt_sum) / sqrt_sum * v_2)
        d_v = a.T @ d_v_2
        d_a += np.outer(d_v_2, v)
    return d_a, d_v
