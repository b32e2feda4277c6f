def newton(a):
    def step(y):
        new = (y + a / y) / 2
        return new if abs(new - y) < 1e-12 else step(new)

    return step(1.0)


# jvp(newton, wrt=0): 2.0 lines per line, 0 copies

def step_jvp(y, a, y_dot, a_dot):
    t = a / y
    new = (y + t) / 2
    new_dot = (y_dot + (a_dot / y - y_dot * t / y)) / 2
    if not abs(new - y) < 1e-12:
        new, new_dot = step_jvp(new, a, new_dot, a_dot)
    return new, new_dot


def newton_jvp(a, a_dot):
    step, step_dot = step_jvp(1.0, a, 0.0, a_dot)
    return step, step_dot
