"""Standard errors: the Hessian of a likelihood at its maximum.

Newton's method finds the coefficients of a Poisson regression; the inverse of the Hessian there is
the covariance of the estimate. For this model it is known: X.T @ diag(rate) @ X.
"""

import inspect

import numpy as np

from srcdiff import grad, hessian


def cost(beta, x, counts):
    rate = np.exp(x @ beta)
    return np.sum(rate - counts * np.log(rate))


gradient = grad(cost)
curvature = hessian(cost)
rng = np.random.default_rng(0)
x = np.column_stack([np.ones(200), rng.normal(size=200)])
counts = rng.poisson(np.exp(x @ np.array([0.5, -0.8]))).astype(float)
arguments = (np.zeros(2), x, counts)


def main():
    beta = np.zeros(2)
    for _ in range(8):
        beta = beta - np.linalg.solve(curvature(beta, x, counts), gradient(beta, x, counts))
    errors = np.sqrt(np.diag(np.linalg.inv(curvature(beta, x, counts))))
    print(inspect.getsource(cost))
    print("gradient at the start:", gradient(*arguments))
    print(gradient.source)
    print(curvature.source)
    print("coefficients:   ", beta)
    print("standard errors:", errors)

    known = x.T @ (np.exp(x @ beta)[:, None] * x)
    print("by the formula: ", np.sqrt(np.diag(np.linalg.inv(known))))


if __name__ == "__main__":
    main()
