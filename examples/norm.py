"""The length of a vector: its gradient is the direction of the vector, and zero at the origin."""

import inspect

import numpy as np

from srcdiff import autograd, grad, nd


def length(x):
    return np.linalg.norm(x)


gradient = grad(length)
arguments = (np.arange(4.0),)


def imperative():
    """The same as it is written with arrays that record."""
    x = nd.arange(4)
    x.attach_grad()
    with autograd.record():
        y = x.norm()
    y.backward()
    print("\nrecorded:", x.grad.asnumpy())
    return x.grad.asnumpy()


def main():
    result = gradient(*arguments)
    print(inspect.getsource(length))
    print(gradient.source)
    print("gradient:", result)
    print("at the origin:", gradient(np.zeros(4)))
    imperative()


if __name__ == "__main__":
    main()
