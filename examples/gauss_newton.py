"""Gauss-Newton: a curve is fitted by a linear least-squares problem in each step.

It needs the Jacobian of the residuals, three columns here, which forward mode makes. SciPy's
`least_squares` takes the same function as its `jac`, data and all.
"""

import inspect

import numpy as np
from scipy.optimize import least_squares

from srcdiff import jacobian


def residuals(p, times, heights):
    swing = np.cos(p[1] * times) * np.exp(-p[2] * times)
    return p[0] * swing - heights


gradient = jacobian(residuals)
rng = np.random.default_rng(0)
times = np.linspace(0.0, 6.0, 60)
heights = 2.0 * np.cos(1.5 * times) * np.exp(-0.3 * times) + rng.normal(scale=0.05, size=60)
arguments = (np.array([1.0, 1.3, 0.1]), times, heights)


def main():
    start, *data = arguments
    p = start
    for _ in range(8):
        p = p - np.linalg.lstsq(gradient(p, *data), residuals(p, *data))[0]
    print(inspect.getsource(residuals))
    print("gradient of the first residuals, a row each:")
    print(gradient(*arguments)[:3])
    print(gradient.source)
    print("amplitude, frequency, damping:", p)

    found = least_squares(residuals, start, gradient, args=data)
    print("by least_squares:             ", found.x, " evaluations:", found.nfev)


if __name__ == "__main__":
    main()
