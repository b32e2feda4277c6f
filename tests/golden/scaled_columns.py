def scaled_columns(params, x):
    return np.sum(np.tanh(x @ params["w"] + params["b"]) * params["scale"])


# grad(scaled_columns, wrt=0): 3.5 lines per line, 0 copies

def scaled_columns_grad(params, x):
    w = params['w']
    b = params['b']
    scale = params['scale']
    tanh = np.tanh(x @ w + b)
    # adjoint
    d_t = scale * (1 - tanh ** 2)
    return {'w': x.T @ d_t, 'b': np.sum(d_t, axis=0), 'scale': np.sum(tanh)}
