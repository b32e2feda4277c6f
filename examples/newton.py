"""Newton's method in a `while`: Kepler's equation x - e sin(x) = m, solved for x.

The gradient goes back through the iterations that were made. At the solution the theorem on
implicit functions gives the same: dx/dm = 1 / (1 - e cos(x)), dx/de = sin(x) dx/dm.
"""

import inspect
import math

from srcdiff import grad


def kepler(m, e):
    x = m
    step = 1.0
    while abs(step) > 1e-10:
        step = (x - e * math.sin(x) - m) / (1 - e * math.cos(x))
        x = x - step
    return x


gradient = grad(kepler, wrt=("m", "e"))
arguments = (0.8, 0.6)


def main():
    d_m, d_e = gradient(*arguments)
    print(inspect.getsource(kepler))
    print(gradient.source)
    print("gradient of m:", d_m)
    print("gradient of e:", d_e)

    m, e = arguments
    x = kepler(m, e)
    slope = 1 / (1 - e * math.cos(x))
    print("by the theorem:", slope, math.sin(x) * slope)


if __name__ == "__main__":
    main()
