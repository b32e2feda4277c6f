"""Training and prediction: `is_training()` is known when a function is compiled.

Each mode has a gradient of its own; the branch that is not taken leaves no trace in it. The random
mask is an argument, so one call is one pure function of what it is given.
"""

import inspect

import numpy as np

from srcdiff import grad, is_training, train_mode

KEEP = 0.8


def mean_square(w, x, mask):
    h = np.tanh(x @ w)
    if is_training():
        h = h * mask / KEEP
    return np.mean(h**2)


rng = np.random.default_rng(0)
gradient = grad(mean_square)
arguments = (rng.normal(size=(3, 4)), rng.normal(size=(5, 3)), rng.random((5, 4)) < KEEP)


def main():
    print(inspect.getsource(mean_square))
    with train_mode():
        result = gradient(*arguments)
        print("In training mode:\n")
        print(gradient.source)
        print(f"gradient:\n{result}\n")
    result = gradient(*arguments)
    print("In prediction mode:\n")
    print(gradient.source)
    print(f"gradient:\n{result}")


if __name__ == "__main__":
    main()
