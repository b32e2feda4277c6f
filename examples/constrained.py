"""A minimum under a constraint: the shape of a chain of a given length.

`NonlinearConstraint` takes the Jacobian of what is constrained, and the Hessian of its product with
the multipliers.
"""

import inspect

import numpy as np
from scipy.optimize import NonlinearConstraint, minimize

from srcdiff import grad, hessian, jacobian


def link_lengths(y, width):
    ends = np.concatenate([np.zeros(1), y, np.zeros(1)])
    return np.sqrt(width**2 + np.diff(ends) ** 2)


def height(y):
    return np.sum(y)


gradient = jacobian(link_lengths)
arguments = (-np.array([0.1, 0.3, 0.4, 0.3, 0.1]), 0.25)


def main():
    start, width = arguments
    links = NonlinearConstraint(
        lambda y: link_lengths(y, width),
        0.0,
        0.3,
        jac=lambda y: gradient(y, width),
        hess=hessian(lambda y, v: v @ link_lengths(y, width)),
    )
    found = minimize(
        height, start, jac=grad(height), hess=hessian(height), constraints=links,
        method="trust-constr",
    )  # fmt: skip
    print(inspect.getsource(link_lengths))
    print("gradient of each length:")
    print(gradient(*arguments))
    print(gradient.source)
    print("heights:", found.x.round(6))
    print("lengths:", link_lengths(found.x, width).round(6), " evaluations:", found.nfev)


if __name__ == "__main__":
    main()
