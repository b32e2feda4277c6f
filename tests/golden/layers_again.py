@srcdiff.checkpoint
def layer(h, w):
    a = np.exp(-h * w)
    return np.tanh(a * np.sin(a))


def layers_again(w, h, n):
    for _ in range(n):
        h = layer(h, w)
    return np.sum(h)


# grad(layers_again, wrt=0): 2.6 lines per line, 0 copies

def layers_again_grad(w, h, n):
    h_stack = []
    h_2 = h
    for _ in range(n):
        h_stack.append(h_2)
        a = np.exp(-h_2 * w)
        h_2 = np.tanh(a * np.sin(a))
    # adjoint
    d_h = np.ones_like(h)
    d_w = np.zeros_like(w)
    for _ in range(n):
        h = h_stack.pop()
        t = -h
        a = np.exp(t * w)
        sin_a = np.sin(a)
        d_t = d_h * (1 - np.tanh(a * sin_a) ** 2)
        d_a = d_t * sin_a
        d_a += d_t * a * np.cos(a)
        d_t = d_a * a
        d_w += d_t * t
        d_h = -(d_t * w)
    return d_w
