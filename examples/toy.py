"""The gradient of y = 2 x·x is 4x, and the generated source says so."""

import inspect

import numpy as np

from srcdiff import grad


def toy(x):
    return 2 * np.dot(x, x)


gradient = grad(toy)
arguments = (np.arange(4.0),)


def main():
    result = gradient(*arguments)
    print(inspect.getsource(toy))
    print(gradient.source)
    print("gradient:", result)


if __name__ == "__main__":
    main()
