class State(NamedTuple):
    x: np.ndarray
    k: int

    def energy(self):
        return np.sum(self.x**2) * self.k


def replaced_in_a_loop(x):
    s = State(x, 1)
    for _ in range(len(x)):
        if np.sum(s.x) > 0.0:
            s = s._replace(x=np.sin(s.x), k=s.k + 1)
    return s.energy()


# grad(replaced_in_a_loop, wrt=0): 1.5 lines per line, 0 copies

def replaced_in_a_loop_grad(x):
    stack = []
    s = x
    s_2 = 1
    for _ in range(len(x)):
        test = np.sum(s) > 0.0
        stack.append((s, test))
        if test:
            s = np.sin(s)
            s_2 = s_2 + 1
    # adjoint
    d_s = 2.0 * s_2 * s
    for _ in range(len(x)):
        s, test = stack.pop()
        if test:
            d_s = d_s * np.cos(s)
    return d_s
