"""A recurrent network: the loop stays a loop, and one stack holds the states on the way back."""

import inspect

import numpy as np

from srcdiff import grad


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


rng = np.random.default_rng(0)
gradient = grad(rnn, wrt=("w", "x"))
arguments = (0.5 * rng.normal(size=(3, 3)), rng.normal(size=(20, 3)))


def main():
    d_w, d_x = gradient(*arguments)
    print(inspect.getsource(rnn))
    print(gradient.source)
    print(f"gradient of w:\n{d_w}")
    print(f"gradient of x, last rows:\n{d_x[-3:]}")


if __name__ == "__main__":
    main()
