class Layer:
    def __init__(self, w, b):
        self.w, self.b, self.calls = w, b, 0

    def __call__(self, x):
        self.calls += 1
        return np.tanh(self.w @ x + self.b)


def network(w, b, x):
    layer = Layer(w, b)
    for _ in range(3):
        x = layer(x)
    return np.sum(x) / layer.calls


# grad(network, wrt=(0, 1)): 1.3 lines per line, 0 copies

def network_grad(w, b, x):
    x_2 = np.tanh(w @ x + b)
    x_3 = np.tanh(w @ x_2 + b)
    x_4 = np.tanh(w @ x_3 + b)
    # adjoint
    d_b = 0.3333333333333333 * (1 - x_4 ** 2)
    d_w = np.outer(d_b, x_3)
    w_view = w.T
    d_t = w_view @ d_b * (1 - x_3 ** 2)
    d_b += d_t
    d_w += np.outer(d_t, x_2)
    d_t = w_view @ d_t * (1 - x_2 ** 2)
    d_b += d_t
    d_w += np.outer(d_t, x)
    return d_w, d_b
