"""Training and prediction: `is_training()` is known when a function is compiled.

Each mode has a gradient of its own; the branch that is not taken leaves no trace in it. The random
mask is an argument, so one call is one pure function of what it is given.
"""

import inspect

import numpy as np

from srcdiff import autograd, grad, is_training, nd, train_mode

KEEP = 0.8


def mean_square(w, x, mask):
    h = np.tanh(x @ w)
    if is_training():
        h = h * mask / KEEP
    return np.mean(h**2)


rng = np.random.default_rng(0)
gradient = grad(mean_square)
arguments = (rng.normal(size=(3, 4)), rng.normal(size=(5, 3)), rng.random((5, 4)) < KEEP)


def dropout(h, mask):
    """Drops and scales while training; in prediction nothing happens."""
    return h * mask / KEEP if autograd.is_training() else h


def imperative():
    """`record()` turns training on, `record(train_mode=False)` does not."""
    w, x, mask = (nd.array(v, dtype="float64") for v in arguments)
    w.attach_grad()
    found = []
    for training in (True, False):
        with autograd.record(train_mode=training):
            h = dropout(nd.tanh(nd.dot(x, w)), mask)
            loss = (h**2).mean()
        loss.backward()
        found.append(w.grad.asnumpy())
        print(f"\nrecorded, training {training}:\n{found[-1]}")
    print("afterwards:", autograd.is_recording(), autograd.is_training())
    return tuple(found)


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
    imperative()


if __name__ == "__main__":
    main()
