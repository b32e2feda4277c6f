"""What a dense Jacobian costs, against as many pullbacks as it has rows, and the same of `vmap`.

    python benchmarks/jacobians.py

jacobian   time of `jacobian` over that of a pullback for each row, or a `jvp` for each column; the
           budget of a 100-by-100 Jacobian of vector code is 1/5
hessian    time of `hessian` over that of an `hvp` for each column
vmap       time of `vmap` over that of a loop over 100 examples

They are timed in turns in one process, with one thread; ratios are medians over the rounds.
"""

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # on a busy machine threads wait in vain

import numpy as np  # noqa: E402

import srcdiff  # noqa: E402

ROUNDS = 15
SIZE = 100


def layer(x, w):
    h = np.tanh(w @ x)
    return h * np.exp(-(h**2)) + x


def stencil(u, w):
    for _ in range(20):
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u**2


def rnn(x, w):
    h = np.zeros(len(x))
    for _ in range(10):
        h = np.tanh(w @ h + x)
    return h


def valley(x, w):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def branching(x, w):
    y = x * 2 if np.sum(x) > 0 else -x
    return np.tanh(w @ np.sin(y))


def ratio(whole: Callable, parts: Callable) -> float:
    """The median of the times of one over those of the other, taken in turns."""
    whole(), parts()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        whole()
        middle = time.perf_counter()
        parts()
        found.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(found)


def main() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=SIZE), rng.normal(size=(SIZE, SIZE)) / 10
    units = np.eye(SIZE)
    print(f"{'':28s}{'ratio':>8s}")

    def show(name: str, whole: Callable, parts: Callable) -> None:
        print(f"{name:28s}{ratio(whole, parts):8.3f}", flush=True)

    for f in (layer, stencil, rnn):
        reverse = srcdiff.jacobian(f, mode="reverse", fallback="error")
        forward = srcdiff.jacobian(f, mode="forward", fallback="error")
        pull, push = srcdiff.pullback(f), srcdiff.jvp(f)
        show(f"jacobian, rows: {f.__name__}", lambda df=reverse: df(x, w),
             lambda pull=pull: [pull(x, w, e) for e in units])  # fmt: skip
        show(f"jacobian, columns: {f.__name__}", lambda df=forward: df(x, w),
             lambda push=push: [push((x, w), (e, None)) for e in units])  # fmt: skip
    hessian, product = srcdiff.hessian(valley), srcdiff.hvp(valley)
    show("hessian: valley", lambda: hessian(x, w), lambda: [product(x, e, w) for e in units])
    many = rng.normal(size=(SIZE, SIZE))
    for f in (layer, stencil, rnn, branching):
        run = srcdiff.vmap(f, in_axes=(0, None), fallback="error")
        show(f"vmap: {f.__name__}", lambda run=run: run(many, w),
             lambda f=f: np.stack([f(row.copy(), w) for row in many]))  # fmt: skip


if __name__ == "__main__":
    main()
