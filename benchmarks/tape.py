"""What a recorded operation costs, forward and backward, against HIPS autograd.

    python benchmarks/tape.py

A chain of operations on arrays of ten numbers is recorded and differentiated; the time is divided
by the number of operations. srcdiff (`nd`, and the bare arrays of the tape) and autograd run in
turns in one process; ratios are medians over the rounds. The budget is a ratio below 1.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np

from srcdiff import autograd, nd
from srcdiff.runtime import tape

ROUNDS, CALLS = 41, 40


def four(x, sin):
    """Four operations: sin, mul, div, add."""
    return sin(x) * x / 3.0 + x


def chain(x, sin):
    for _ in range(25):
        x = four(x, sin)
    return x


def wide(x, sin):
    """Many uses of one array."""
    y = x
    for _ in range(33):
        y = y + x * sin(x)
    return y


def on_nd(f: Callable, values: np.ndarray) -> Callable:
    x = nd.array(values)
    x.attach_grad()

    def call() -> None:
        with autograd.record():
            y = f(x, nd.sin)
        y.backward()

    return call


def on_the_tape(f: Callable, values: np.ndarray) -> Callable:
    def call() -> None:
        x = tape.Array(values, tape.Leaf(values))
        tape.gradients(f(x, np.sin), [x])

    return call


def on_autograd(f: Callable, values: np.ndarray) -> Callable:
    from autograd import elementwise_grad
    from autograd import numpy as anp

    df = elementwise_grad(lambda x: f(x, anp.sin))
    return lambda: df(values)


def seconds(call: Callable) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS


def main() -> None:
    if importlib.util.find_spec("autograd") is None:
        print("skipped: autograd is not installed (pip install autograd)")
        return
    values = np.linspace(0.1, 1.0, 10)
    programs = [("one of each", four, 4), ("a chain", chain, 100), ("many uses", wide, 99)]
    print("us per operation  autograd      nd  ratio    tape  ratio")
    for name, f, count in programs:
        calls = [make(f, values) for make in (on_autograd, on_nd, on_the_tape)]
        rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
        theirs, ours, bare = (statistics.median(column) / count * 1e6 for column in zip(*rounds))
        over = [statistics.median(row[i] / row[0] for row in rounds) for i in (1, 2)]
        print(f"{name:17s}{theirs:9.2f}{ours:8.2f}{over[0]:7.2f}{bare:8.2f}{over[1]:7.2f}")


if __name__ == "__main__":
    main()
