"""A stiff ODE: `solve_ivp` solves for each step by Newton's method, with the Jacobian as `jac`.

It is that of the right side in `y`, its second parameter; the other arguments are passed on.
"""

import inspect

import numpy as np
from scipy.integrate import solve_ivp

from srcdiff import jacobian


def reaction(t, y, slow, fast, faster):
    a, b, c = y
    made = slow * a
    back = faster * b * c
    lost = fast * b**2
    return np.array([back - made, made - back - lost, lost])


gradient = jacobian(reaction, wrt="y")
arguments = (0.0, np.array([1.0, 1e-4, 0.1]), 0.04, 3e7, 1e4)


def main():
    _, _, *rates = arguments
    start = np.array([1.0, 0.0, 0.0])
    print(inspect.getsource(reaction))
    print("gradient of each rate:")
    print(gradient(*arguments))
    print(gradient.source)
    found = solve_ivp(
        reaction, (0.0, 1e5), start, "BDF", args=rates, jac=gradient, rtol=1e-6, atol=1e-10
    )
    print("at the end:", found.y[:, -1], " sum:", found.y[:, -1].sum())
    print("steps:", len(found.t), " Jacobians:", found.njev)


if __name__ == "__main__":
    main()
