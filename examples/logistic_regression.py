"""Logistic regression on real data: SciPy's optimizer takes value and gradient in one call."""

import inspect

import numpy as np

from srcdiff import value_and_grad

try:
    from scipy.optimize import minimize
    from sklearn.datasets import load_breast_cancer
except ImportError as missing:
    package = missing.name.split(".")[0]
    raise ImportError(
        f"{package} is not installed. In a checkout: pip install '.[examples]'", name=package
    ) from None


def loss(w, x, t):
    z = x @ w[1:] + w[0]
    return np.mean(np.log1p(np.exp(-t * z))) + 1e-3 * np.sum(w[1:] ** 2)


def measurements():
    """569 tumours: 30 measurements each, standardized, and 1 for benign or -1 for malignant."""
    x, benign = load_breast_cancer(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), 2.0 * benign - 1


x, t = measurements()
gradient = value_and_grad(loss)
arguments = (np.zeros(1 + x.shape[1]), x, t)


def main():
    value, result = gradient(*arguments)
    print(inspect.getsource(loss))
    print(gradient.source)
    print(f"gradient:\n{result}\n")

    found = minimize(gradient, arguments[0], args=(x, t), jac=True)
    right = np.mean(np.sign(x @ found.x[1:] + found.x[0]) == t)
    print(f"loss {value:.4f} at the start, {found.fun:.4f} after {found.nit} steps")
    print(f"{right:.1%} of the tumours are told right")


if __name__ == "__main__":
    main()
