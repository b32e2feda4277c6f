"""An output of several elements: `elementwise_grad` starts from a one for each of them.

`grad` refuses such a function. The gradient of the summed output is the same.
"""

import inspect

import numpy as np

from srcdiff import NonScalarOutputError, autograd, elementwise_grad, grad, nd


def square(x):
    return x * x


def summed_square(x):
    return np.sum(x * x)


gradient = elementwise_grad(square)
arguments = (np.arange(4.0),)


def imperative():
    """`backward` of an array of several elements starts from ones."""
    x = nd.arange(4)
    x.attach_grad()
    with autograd.record():
        y = x * x
    y.backward()
    print("\nrecorded:", x.grad.asnumpy())
    u = x.copy()
    u.attach_grad()
    with autograd.record():
        v = (u * u).sum()
    v.backward()
    print("of the sum:", u.grad.asnumpy(), " difference:", (x.grad - u.grad).asnumpy())
    return x.grad.asnumpy()


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
    imperative()


if __name__ == "__main__":
    main()
