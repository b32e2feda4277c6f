"""A fitted curve: SciPy's `curve_fit` takes the derivatives of a model as one matrix.

A row for each point and a column for each parameter: what `jacobian(…, matrix=True)` gives for the
parameters that `wrt` names. The covariance of the estimate is made of it, too.
"""

import inspect

import numpy as np
from scipy.optimize import curve_fit

from srcdiff import jacobian


def dose_response(dose, top, bottom, half, slope):
    return bottom + (top - bottom) / (1 + (half / dose) ** slope)


gradient = jacobian(dose_response, wrt=("top", "bottom", "half", "slope"), matrix=True)
rng = np.random.default_rng(0)
dose = np.geomspace(0.01, 100.0, 16)
response = dose_response(dose, 5.0, 1.0, 0.7, 1.4) + rng.normal(scale=0.05, size=16)
arguments = (dose, 4.0, 0.5, 1.0, 1.0)


def main():
    _, *start = arguments
    found, covariance = curve_fit(dose_response, dose, response, start, jac=gradient)
    print(inspect.getsource(dose_response))
    print("gradient at each dose, a column:")
    print(*gradient(*arguments).T, sep="\n")
    print(gradient.source)
    print("parameters:     ", found)
    print("standard errors:", np.sqrt(np.diag(covariance)))


if __name__ == "__main__":
    main()
