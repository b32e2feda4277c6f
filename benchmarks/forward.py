"""What forward mode costs: generated tangents, and Hessian products, against the function itself.

    python benchmarks/forward.py
    python benchmarks/forward.py FOLDER      a folder of workloads, one module each, is measured

jvp      time of the generated function of `jvp` over that of the function; the budget is 2.2 as a
         geometric mean
hvp      the same of `hvp`; the budget is 5

They are timed in turns in one process; ratios are medians over the rounds. A workload is a module
with `f(*args)`, `make_inputs(size)`, `SIZES` and `ARGNUMS`, the positions of what moves.
"""

import copy
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

import srcdiff
from srcdiff.trees import children, is_float, rebuild

ROUNDS, SECONDS = 15, 0.004


# The functions


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def horner(x, a):
    total = 0.0
    for c in a:
        total = total * x + c
    return total


def recurrence(x):
    b = np.zeros(len(x))
    b[0] = x[0]
    for i in range(1, len(x)):
        b[i] = math.tanh(b[i - 1] + x[i])
    return np.sum(b)


def loss(w, b, x, t):
    return np.mean((np.tanh(x @ w + b) - t) ** 2)


def programs() -> Iterator[tuple[str, Callable, tuple, tuple]]:
    rng = np.random.default_rng(0)
    yield "rnn", rnn, (rng.normal(size=(20, 20)) / 5, rng.normal(size=(50, 20))), (0, 1)
    yield "heat", heat, (rng.normal(size=10_000), 0.1, 50), (0,)
    yield "horner", horner, (0.7, rng.normal(size=500)), (0, 1)
    yield "recurrence", recurrence, (rng.normal(size=500),), (0,)
    inputs = rng.normal(size=(200, 30))
    targets = rng.normal(size=(200, 10))
    yield "loss", loss, (rng.normal(size=(30, 10)), np.zeros(10), inputs, targets), (0, 1)


def workloads(folder: Path) -> Iterator[tuple[str, Callable, tuple, tuple]]:
    for path in sorted(folder.glob("*.py")):
        if path.stem == "__init__":
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for size in (list(module.SIZES)[0], list(module.SIZES)[-1]):
            yield f"{path.stem} {size}", module.f, module.make_inputs(size), tuple(module.ARGNUMS)


# The clock


def direction(tree, rng):
    inner = children(tree)
    if inner is not None:
        return rebuild(tree, [direction(part, rng) for _, part in inner])
    if not is_float(tree):
        return None
    v = rng.normal(size=np.shape(tree))
    return v if isinstance(tree, np.ndarray) else float(v)


def timed(function: Callable, args: tuple) -> float:
    count, spent = 0, 0.0
    while spent < SECONDS:
        given = copy.deepcopy(args)
        start = time.thread_time()
        function(*given)
        spent += time.thread_time() - start
        count += 1
    return spent / count


def measured(f: Callable, args: tuple, moving: tuple) -> list[float]:
    """The time of `jvp` and of `hvp` over that of the function."""
    rng = np.random.default_rng(1)
    dots = tuple(direction(x, rng) if i in moving else None for i, x in enumerate(args))
    push = srcdiff.jvp(f, fallback="error").specialize(args, dots)
    along: list = []
    for x, dot in zip(args, dots):
        along += [x] if dot is None else [x, dot]
    product = srcdiff.hvp(f, wrt=moving).specialize(*along)
    runs = [
        (f, args), (push, (*args, *(d for d in dots if d is not None))), (product, tuple(along)),
    ]  # fmt: skip
    rounds = [[timed(*run) for run in runs] for _ in range(ROUNDS)]
    return [statistics.median(times[k] / times[0] for times in rounds) for k in (1, 2)]


def geometric(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def main() -> None:
    found = workloads(Path(sys.argv[1])) if len(sys.argv) > 1 else programs()
    print(f"{'':28s}{'jvp':>8s}{'hvp':>8s}")
    ratios = []
    with np.errstate(all="ignore"):
        for name, f, args, moving in found:
            ratios.append(measured(f, args, moving))
            print(f"{name:28s}{ratios[-1][0]:8.2f}{ratios[-1][1]:8.2f}", flush=True)
    means = [geometric([r[k] for r in ratios]) for k in (0, 1)]
    print(f"{'geometric mean':28s}{means[0]:8.2f}{means[1]:8.2f}")


if __name__ == "__main__":
    main()
