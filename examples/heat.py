"""A heat equation that is stepped in place, and the start that leads to a given end.

The gradient steps in place too and saves nothing, since a step is linear in u.
"""

import inspect

import numpy as np

from srcdiff import value_and_grad


def misfit(u, target, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum((u - target) ** 2)


def hill(n):
    """A hill in the middle of n points, one high."""
    return np.sin(np.linspace(0, np.pi, n)) ** 4


gradient = value_and_grad(misfit)
arguments = (np.zeros(40), hill(40), 0.4, 50)


def main():
    u, target, k, steps = arguments
    value, result = gradient(*arguments)
    print(inspect.getsource(misfit))
    print(gradient.source)
    print(f"gradient:\n{result}\n")

    print(f"misfit {value:.4f} of a cold start")
    for _ in range(500):
        value, result = gradient(u, target, k, steps)
        u = u - 0.1 * result
    print(f"misfit {value:.4f} after 500 steps downhill; the start is {u.max():.2f} high")


if __name__ == "__main__":
    main()
