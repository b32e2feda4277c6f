class Regression:
    def __init__(self):
        self.w, self.seen = np.array([1.0, 2.0, 3.0]), None

    def loss(self, x, t):
        self.seen = x @ self.w - t
        return np.sum(self.seen**2)


def loss(self, x, t):
    self.seen = x @ self.w - t
    return np.sum(self.seen**2)


# grad(loss, wrt='self.w'): 0.4 lines per line, 0 copies

def loss_grad(x, t):
    t_2 = x @ regression.w - t
    regression.seen = t_2
    # adjoint
    return x.T @ (2 * t_2)
