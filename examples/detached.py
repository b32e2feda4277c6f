"""`detach` makes a constant of a value: here of x squared, so that z = u x has the slope u."""

import inspect

import numpy as np

from srcdiff import detach, elementwise_grad


def cube_with_a_constant(x):
    y = x * x
    u = detach(y)
    return u * x


def cube(x):
    y = x * x
    return y * x


gradient = elementwise_grad(cube_with_a_constant)
arguments = (np.arange(4.0),)


def main():
    result = gradient(*arguments)
    print(inspect.getsource(cube_with_a_constant))
    print(gradient.source)
    print("gradient:", result)
    print("without detach:", elementwise_grad(cube)(*arguments))


if __name__ == "__main__":
    main()
