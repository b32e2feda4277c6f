"""Sensitivity of an ODE: how a pendulum's path depends on its damping, by forward mode.

The tangent runs beside the solution, step by step, and costs about as much again. Where only the
end is of interest, reverse mode gives its slope; both are the same number.
"""

import inspect

import numpy as np

from srcdiff import grad, jvp


def path(damping, angle, speed, steps, dt):
    angles = np.zeros(steps + 1)
    angles[0] = angle
    for k in range(steps):
        speed -= dt * (np.sin(angle) + damping * speed)
        angle += dt * speed
        angles[k + 1] = angle
    return angles


def end(damping, angle, speed, steps, dt):
    return path(damping, angle, speed, steps, dt)[-1]


gradient = grad(end)
along = jvp(path)
arguments = (0.1, 1.0, 0.0, 400, 0.05)


def main():
    angles, angles_dot = along(arguments, (1.0, None, None, None, None))
    print(inspect.getsource(path))
    print(along.source)
    print("angles:       ", angles[::100])
    print("sensitivities:", angles_dot[::100])

    print(inspect.getsource(end))
    print("the same at the end, a gradient:", gradient(*arguments))
    print(gradient.source)


if __name__ == "__main__":
    main()
