"""The shape of a molecule: atoms move to where their energy is least.

`value_and_grad` is what `minimize` takes with `jac=True`. `hessian` tells that it is a minimum: no
direction has a negative curvature, and six have none at all, which turn and shift the whole.
"""

import inspect

import numpy as np
from scipy.optimize import minimize

from srcdiff import hessian, value_and_grad


def energy(positions):
    atoms = positions.reshape(-1, 3)
    total = 0.0
    for i in range(1, len(atoms)):
        squared = np.sum((atoms[:i] - atoms[i]) ** 2, axis=1)
        total += np.sum(squared**-6 - 2 * squared**-3)
    return total


gradient = value_and_grad(energy)
arguments = (np.random.default_rng(3).normal(size=15),)


def main():
    found = minimize(gradient, *arguments, jac=True, tol=1e-9)
    print(inspect.getsource(energy))
    print("gradient at the start:", gradient(*arguments)[1])
    print(gradient.source)
    print("energy:", found.fun, " evaluations:", found.nfev)
    print("slope left:", np.abs(found.jac).max())
    print("curvatures:", np.linalg.eigvalsh(hessian(energy)(found.x)).round(6))


if __name__ == "__main__":
    main()
