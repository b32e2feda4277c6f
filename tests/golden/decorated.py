def twice(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return 2 * f(*args, **kwargs)

    return inner


@twice
def doubled(a, b=1.0):
    return a * np.sin(b)


def decorated(x):
    @twice
    def square(v):
        return v * v

    return doubled(x[0], b=x[1]) * square(x[2])


# grad(decorated, wrt=0): 0.7 lines per line, 0 copies

def decorated_grad(x):
    sin_b = np.sin(x[1])
    v = x[2]
    # adjoint
    d_x = np.zeros_like(x)
    d_x[2] = 2 * (2 * (x[0] * sin_b) * 2 * v)
    d_t = 2 * (v * v) * 2
    d_x[1] += d_t * x[0] * np.cos(x[1])
    d_x[0] += d_t * sin_b
    return d_x
