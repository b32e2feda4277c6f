"""A chemical equilibrium: `root` solves equations whose Jacobian is written by srcdiff.

The function returns a list, as in SciPy's manual; the Jacobian is a list of rows then, which `root`
takes as it is.
"""

import inspect

import numpy as np
from scipy.optimize import root

from srcdiff import jacobian


def imbalance(x, acid, k_acid, k_water):
    hydrogen, hydroxide, bound, free = np.exp(x)
    return [
        hydrogen * free / (k_acid * bound) - 1,
        hydrogen * hydroxide / k_water - 1,
        (bound + free) / acid - 1,
        (hydroxide + free) / hydrogen - 1,
    ]


gradient = jacobian(imbalance)
arguments = (np.log([1e-3, 1e-9, 0.1, 1e-3]), 0.1, 1.8e-5, 1e-14)


def main():
    start, *constants = arguments
    found = root(imbalance, start, tuple(constants), jac=gradient, tol=1e-10)
    print(inspect.getsource(imbalance))
    print("gradient of each equation at the start:")
    print(gradient(*arguments))
    print(gradient.source)
    print("pH:", -found.x[0] / np.log(10), " evaluations:", found.nfev)


if __name__ == "__main__":
    main()
