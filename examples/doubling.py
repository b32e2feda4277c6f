"""A `while` and an `if` that depend on the numbers: the gradient follows the path that was taken.

The function only multiplies, so its gradient is d / a, and the reverse sweep saves nothing but
how often the loop ran and which branch was taken.
"""

import inspect

import numpy as np

from srcdiff import grad


def doubled(a):
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if np.sum(b) > 0:
        c = b
    else:
        c = 100 * b
    return c


gradient = grad(doubled)
arguments = (1.1630787,)


def main():
    print(inspect.getsource(doubled))
    for a in (*arguments, -0.3):
        result = gradient(a)
        if a > 0:
            print(gradient.source)
        print("gradient:", result, " d / a:", doubled(a) / a)


if __name__ == "__main__":
    main()
