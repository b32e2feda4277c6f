def layers(params, x):
    for w, b in params:
        x = np.tanh(x @ w + b)
    return np.mean(x**2)


# jvp(layers, wrt=(0, 1)): 4.2 lines per line, 0 copies

def layers_jvp(params, x, params_dot, x_dot):
    params_0_0 = params[0][0]
    params_0_1 = params[0][1]
    params_1_0 = params[1][0]
    params_1_1 = params[1][1]
    params_0_0_dot = params_dot[0][0]
    params_0_1_dot = params_dot[0][1]
    params_1_0_dot = params_dot[1][0]
    params_1_1_dot = params_dot[1][1]
    t_dot = x_dot @ params_0_0 + x @ params_0_0_dot + params_0_1_dot
    x = np.tanh(x @ params_0_0 + params_0_1)
    x_dot = t_dot * (1 - x ** 2)
    t_dot = x_dot @ params_1_0 + x @ params_1_0_dot + params_1_1_dot
    x = np.tanh(x @ params_1_0 + params_1_1)
    t = x ** 2
    x_dot = t_dot * (1 - t)
    return np.mean(t), np.mean(2 * x * x_dot)
