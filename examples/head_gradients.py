"""Head gradients: `vjp` pulls back any gradient of the output, so a chain can be cut in two.

What the second half says about u is the head gradient of the first half. Joined, the two give the
gradient of the whole.
"""

import inspect

import numpy as np

from srcdiff import autograd, elementwise_grad, nd, vjp


def first(x, y):
    return np.sin(x) * y


def second(u, x):
    return u * u + x


def whole(x, y):
    u = np.sin(x) * y
    return u * u + x


gradient = elementwise_grad(whole, wrt=("x", "y"))
arguments = (np.arange(4.0), np.full(4, 2.0))


def imperative():
    """The gradient of a detached copy of u is the head gradient of the half that computed u."""
    x, y = nd.arange(4), nd.ones(4) * 2
    x.attach_grad("add")
    y.attach_grad()
    with autograd.record():
        u = nd.sin(x) * y
        v = u.detach()
        v.attach_grad()
        z = v * v + x
    z.backward()
    u.backward(v.grad)
    print("\nrecorded in two halves, x:", x.grad.asnumpy())
    print("recorded in two halves, y:", y.grad.asnumpy())
    return x.grad.asnumpy(), y.grad.asnumpy()


def main():
    x, y = arguments
    u, pull_first = vjp(first, x, y)
    z, pull_second = vjp(second, u, x)
    d_u, d_x = pull_second(np.ones_like(z))
    print("head gradient of u:", d_u)
    through_u, d_y = pull_first(d_u)
    print("in two halves, x:", d_x + through_u)
    print("in two halves, y:", d_y, "\n")

    d_x, d_y = gradient(*arguments)
    print(inspect.getsource(whole))
    print(gradient.source)
    print("gradient of x:", d_x)
    print("gradient of y:", d_y)
    imperative()


if __name__ == "__main__":
    main()
