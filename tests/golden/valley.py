@xp_capabilities()
def rosen(x):
    xp = array_namespace(x)
    x = xp_promote(x, force_floating=True, xp=xp)
    r = xp.sum(100.0 * (x[1:] - x[:-1]**2.0)**2.0 + (1 - x[:-1])**2.0,
               axis=0, dtype=x.dtype)
    return r


def valley(x, s):
    return rosen(x * s)


# grad(valley, wrt=0): 1.0 lines per line, 0 copies

def valley_grad(x, s):
    a = x * s
    a_view = a[:-1]
    t = a[1:] - a_view ** 2.0
    # adjoint
    d_a = np.zeros_like(a)
    d_a[:-1] = -2 * (1 - a_view)
    d_a[1:] += 200.0 * t
    d_a[:-1] -= 400.0 * t * a_view
    return d_a * s
