"""`detach` makes a constant of a value: here of x squared, so that z = u x has the slope u."""

import inspect

import numpy as np

from srcdiff import autograd, detach, elementwise_grad, nd


def cube_with_a_constant(x):
    y = x * x
    u = detach(y)
    return u * x


def cube(x):
    y = x * x
    return y * x


gradient = elementwise_grad(cube_with_a_constant)
arguments = (np.arange(4.0),)


def imperative():
    """`z.backward()` frees what it went through: the graph of y is still whole."""
    x = nd.arange(4)
    x.attach_grad()
    with autograd.record():
        y = x * x
        u = y.detach()
        z = u * x
    z.backward()
    through_z = x.grad.asnumpy()
    print("\nrecorded, z = u x:", through_z)
    y.backward()
    print("recorded, y = x x:", x.grad.asnumpy())
    return through_z


def main():
    result = gradient(*arguments)
    print(inspect.getsource(cube_with_a_constant))
    print(gradient.source)
    print("gradient:", result)
    print("without detach:", elementwise_grad(cube)(*arguments))
    imperative()


if __name__ == "__main__":
    main()
