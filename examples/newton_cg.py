"""Newton's method without a matrix: SciPy's Newton-CG asks for products with the Hessian.

`hvp(f)` takes the arguments of `hessp`. The shape of a hanging chain: its energy is the weight of
the links and the strain in them; nothing of the size n * n is ever made.
"""

import inspect

import numpy as np
from scipy.optimize import minimize

from srcdiff import grad, hvp


def energy(y, stiffness):
    ends = np.concatenate([np.zeros(1), y, np.zeros(1)])
    stretch = np.sqrt(1 + np.diff(ends) ** 2) - 1
    return 0.5 * stiffness * np.sum(stretch**2) + 0.01 * np.sum(y)


gradient = grad(energy)
product = hvp(energy)
arguments = (np.linspace(-0.1, -0.2, 50), 100.0)


def main():
    y, stiffness = arguments
    found = minimize(
        energy, y, (stiffness,), jac=gradient, hessp=product, method="Newton-CG", tol=1e-9
    )
    print(inspect.getsource(energy))
    print("gradient at the start:", gradient(*arguments))
    print(gradient.source)
    print(product.source)
    print("steps:", found.nit, " products:", found.nhev)
    print("lowest point:", found.x.min(), " slope left:", np.abs(found.jac).max())


if __name__ == "__main__":
    main()
