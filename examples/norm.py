"""The length of a vector: its gradient is the direction of the vector, and zero at the origin."""

import inspect

import numpy as np

from srcdiff import grad


def length(x):
    return np.linalg.norm(x)


gradient = grad(length)
arguments = (np.arange(4.0),)


def main():
    result = gradient(*arguments)
    print(inspect.getsource(length))
    print(gradient.source)
    print("gradient:", result)
    print("at the origin:", gradient(np.zeros(4)))


if __name__ == "__main__":
    main()
