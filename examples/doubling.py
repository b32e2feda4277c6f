"""A `while` and an `if` that depend on the numbers: the gradient follows the path that was taken.

The function only multiplies, so its gradient is d / a, and the reverse sweep saves nothing but
how often the loop ran and which branch was taken.
"""

import inspect

import numpy as np

from srcdiff import autograd, grad, nd


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


def imperative():
    """Python runs the loop and the branch; what was recorded is the path that was taken."""
    a = nd.array(arguments)
    a.attach_grad()
    with autograd.record():
        b = a * 2
        while b.norm().asscalar() < 1000:
            b = b * 2
        d = b if b.sum().asscalar() > 0 else 100 * b
    d.backward()
    print("\nrecorded:", a.grad.asnumpy(), " is d / a:", (a.grad == d / a).asnumpy())
    return a.grad.asnumpy()[0]


def main():
    print(inspect.getsource(doubled))
    for a in (*arguments, -0.3):
        result = gradient(a)
        if a > 0:
            print(gradient.source)
        print("gradient:", result, " d / a:", doubled(a) / a)
    imperative()


if __name__ == "__main__":
    main()
