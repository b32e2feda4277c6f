"""Generated gradients against adjoints written by hand, and against the function itself.

    python benchmarks/gradients.py

over hand       time of the generated function over that of the hand-written adjoint. The budget is
                1.15 as a geometric mean, 1.5 for each
over function   time of the generated function over that of the function
per call        the same with everything that a call of `grad(f)` does around it

The three are timed in turns in one process; ratios are medians over the rounds.
"""

import copy
import math
import statistics
import time
from collections.abc import Callable

import numpy as np

import srcdiff

ROUNDS, SECONDS = 25, 0.004


# The functions, and their adjoints as a careful person writes them


def doubling(a):
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if np.sum(b) > 0:
        c = b
    else:
        c = 100 * b
    return c


def doubling_by_hand(a):
    b = a * 2
    n_iter = 0
    while np.linalg.norm(b) < 1000:
        b = b * 2
        n_iter += 1
    positive = np.sum(b) > 0
    d_b = np.ones_like(b)
    if not positive:
        d_b = 100 * d_b
    for _ in range(n_iter):
        d_b = d_b * 2
    return d_b * 2


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


def rnn_by_hand(w, x):
    h = np.zeros(w.shape[0])
    h_stack = []
    for t in range(len(x)):
        h_stack.append(h)
        h = np.tanh(w @ h + x[t])
    d_w = np.zeros_like(w)
    d_x = np.zeros_like(x)
    d_h = np.ones_like(h)
    for t in reversed(range(len(x))):
        d_a = d_h * (1 - h**2)
        h = h_stack.pop()
        d_w += np.outer(d_a, h)
        d_h = w.T @ d_a
        d_x[t] += d_a
    return d_w, d_x


def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def heat_by_hand(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    d_u = 2 * u
    for _ in range(steps):
        d_t = k * d_u[1:-1]
        d_u[2:] += d_t
        d_u[1:-1] -= 2 * d_t
        d_u[:-2] += d_t
    return d_u


def loss(w, b, x, t):
    h = np.tanh(x @ w + b)
    return np.mean((h - t) ** 2)


def loss_by_hand(w, b, x, t):
    h = np.tanh(x @ w + b)
    r = h - t
    value = np.mean(r**2)
    d_a = 2 / r.size * r * (1 - h**2)
    return value, (x.T @ d_a, d_a.sum(axis=0))


def programs():
    """Name, how it is differentiated, function, adjoint by hand, arguments, wrt."""
    rng = np.random.default_rng(0)
    normal = rng.normal
    for n in (3, 1000):
        yield (
            f"doubling, {n}",
            srcdiff.elementwise_grad,
            doubling,
            doubling_by_hand,
            (1e-3 * normal(size=n),),
            0,
        )
    for n, steps in ((4, 50), (64, 50)):
        yield f"rnn, {n} x {steps}", srcdiff.grad, rnn, rnn_by_hand, (
            normal(size=(n, n)) / n, normal(size=(steps, n)),
        ), (0, 1)  # fmt: skip
    for n in (50, 2000):
        yield f"heat, {n} x 100", srcdiff.grad, heat, heat_by_hand, (normal(size=n), 0.2, 100), 0
    for n, m in ((20, 5), (500, 50)):
        yield f"loss, {n} x {m}", srcdiff.value_and_grad, loss, loss_by_hand, (
            normal(size=(m, m)), normal(size=m), normal(size=(n, m)), normal(size=(n, m)),
        ), (0, 1)  # fmt: skip


def same(ours, theirs) -> bool:
    """Whether two results agree, tuple by tuple."""
    if isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return np.allclose(ours, theirs, rtol=1e-9)


def seconds(f: Callable, calls: list) -> float:
    start = time.perf_counter()
    for args in calls:
        f(*args)
    return (time.perf_counter() - start) / len(calls)


def medians(functions: list[Callable], args: tuple) -> list[float]:
    """For each function but the last two: its time over those of the last two."""
    n = max(1, min(2000, int(SECONDS / seconds(functions[0], [copy.deepcopy(args)] * 2))))
    rounds = []
    for _ in range(ROUNDS):
        # Fresh copies: the functions may write into what they are given.
        rounds.append([seconds(f, [copy.deepcopy(args) for _ in range(n)]) for f in functions])
    generated, call, hand, function = zip(*rounds)
    return [
        statistics.median(a / b for a, b in zip(generated, hand)),
        statistics.median(a / b for a, b in zip(generated, function)),
        statistics.median(a / b for a, b in zip(call, function)),
    ]


def main() -> None:
    print(f"{'':20s}{'over hand':>11s}{'over function':>15s}{'per call':>10s}")
    over_hand = []
    for name, how, f, by_hand, args, wrt in programs():
        df = how(f, wrt=wrt, fallback="error")
        result = df(*args)
        if not same(result, by_hand(*args)):
            raise SystemExit(f"{name}: the generated gradient and the one by hand disagree")
        ratios = medians([df.specialize(*args), df, by_hand, f], args)
        over_hand.append(ratios[0])
        print(f"{name:20s}{ratios[0]:11.2f}{ratios[1]:15.2f}{ratios[2]:10.2f}")
    mean = math.exp(statistics.fmean(map(math.log, over_hand)))
    print(f"{'geometric mean':20s}{mean:11.2f}")


if __name__ == "__main__":
    main()
