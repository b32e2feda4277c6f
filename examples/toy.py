"""The gradient of y = 2 x·x is 4x, and the generated source says so."""

import inspect

import numpy as np

from srcdiff import autograd, grad, nd


def toy(x):
    return 2 * np.dot(x, x)


gradient = grad(toy)
arguments = (np.arange(4.0),)


def imperative():
    """The same as it is written with arrays that record."""
    x = nd.arange(4)
    x.attach_grad()
    with autograd.record():
        y = 2 * nd.dot(x, x)
    y.backward()
    print("\nrecorded: y =", y.asscalar(), " gradient:", x.grad.asnumpy())
    print("less 4 x:", (x.grad - 4 * x).asnumpy())
    return x.grad.asnumpy()


def main():
    result = gradient(*arguments)
    print(inspect.getsource(toy))
    print(gradient.source)
    print("gradient:", result)
    imperative()


if __name__ == "__main__":
    main()
