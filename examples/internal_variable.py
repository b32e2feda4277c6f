"""The gradient of a variable inside: `wrt` takes the names of local variables too.

z = x y + x is followed back to x, to y and to u = x y on the way. Nothing is cut at u.
"""

import inspect

import numpy as np

from srcdiff import autograd, elementwise_grad, nd


def product_plus(x, y):
    u = x * y
    z = u + x
    return z


gradient = elementwise_grad(product_plus, wrt=("x", "u", "y"))
arguments = (np.arange(4.0), np.full(4, 2.0))


def imperative():
    """`attach_grad` of a variable inside cuts it off from what it was computed from."""
    x, y = nd.arange(4), nd.ones(4) * 2
    x.attach_grad()
    y.attach_grad()
    with autograd.record():
        u = x * y
        u.attach_grad()
        z = u + x
    z.backward()
    print("\nrecorded, cut at u:", *[v.grad.asnumpy() for v in (x, u, y)])
    return x.grad.asnumpy(), u.grad.asnumpy(), y.grad.asnumpy()


def main():
    d_x, d_u, d_y = gradient(*arguments)
    print(inspect.getsource(product_plus))
    print(gradient.source)
    print("gradient of x:", d_x)
    print("gradient of u:", d_u)
    print("gradient of y:", d_y)
    imperative()


if __name__ == "__main__":
    main()
