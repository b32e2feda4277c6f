def layers(params, x):
    for w, b in params:
        x = np.tanh(x @ w + b)
    return np.mean(x**2)


# grad(layers, wrt=(0, 1)): 2.8 lines per line, 0 copies

def layers_grad(params, x):
    params_0_0 = params[0][0]
    params_0_1 = params[0][1]
    params_1_0 = params[1][0]
    params_1_1 = params[1][1]
    x_2 = np.tanh(x @ params_0_0 + params_0_1)
    x_3 = np.tanh(x_2 @ params_1_0 + params_1_1)
    # adjoint
    d_t = 2.0 / x_3.size * x_3 * (1 - x_3 ** 2)
    d_t_2 = d_t @ params_1_0.T * (1 - x_2 ** 2)
    return [(x.T @ d_t_2, np.sum(d_t_2, axis=0)), (x_2.T @ d_t, np.sum(d_t, axis=0))
        ], d_t_2 @ params_0_0.T
