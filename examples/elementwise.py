"""An output of several elements: `elementwise_grad` starts from a one for each of them.

`grad` refuses such a function. The gradient of the summed output is the same.
"""

import inspect

import numpy as np

from srcdiff import NonScalarOutputError, elementwise_grad, grad


def square(x):
    return x * x


def summed_square(x):
    return np.sum(x * x)


gradient = elementwise_grad(square)
arguments = (np.arange(4.0),)


def main():
    result = gradient(*arguments)
    print(inspect.getsource(square))
    print(gradient.source)
    print("gradient:", result)
    print("of the sum:", grad(summed_square)(*arguments))
    try:
        grad(square)(*arguments)
    except NonScalarOutputError as error:
        print("\ngrad(square) raises:", error)


if __name__ == "__main__":
    main()
