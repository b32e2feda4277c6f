"""Runs every example, then prints how long the generated gradients are, and how fast.

lines in    of the function, lines out: of the generated gradient; comments are not counted
time        of a call of the gradient over one of the function: the median ratio in one run; of
            a function of a few numbers it is mostly what NumPy's and srcdiff's calls cost
"""

import copy
import importlib.util
import inspect
import statistics
import sys
import textwrap
import time
import traceback
from pathlib import Path

ORDER = [
    "toy",
    "norm",
    "elementwise",
    "detached",
    "internal_variable",
    "head_gradients",
    "doubling",
    "dropout",
    "logistic_regression",
    "rnn",
    "heat",
    "newton",
    "sensitivity",
    "standard_errors",
    "newton_cg",
    "molecule",
    "gauss_newton",
    "fitted_curve",
    "equilibrium",
    "stiff_ode",
    "constrained",
    "sparse_jacobian",
]
EXTRAS = {"scipy", "sklearn"}
ROUNDS, SECONDS = 15, 0.002


def load(name):
    """The module of an example; it runs nothing but definitions."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"examples.{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_lines(source):
    """How many lines of code there are: no blank lines, comments or decorators.

    >>> code_lines("@grad\\ndef f(x):\\n    # sine\\n\\n    return np.sin(x)")
    2
    """
    lines = [line.strip() for line in textwrap.dedent(source).splitlines()]
    return sum(1 for line in lines if line and line[0] not in "#@")


def seconds(f, calls):
    """Time per call; each call has arguments of its own, for f may write into them."""
    start = time.perf_counter()
    for args in calls:
        f(*args)
    return (time.perf_counter() - start) / len(calls)


def ratio(gradient, arguments):
    """Median time of a gradient over its function's, taken in turns."""

    def calls(n):
        return [copy.deepcopy(arguments) for _ in range(n)]

    gradient(*arguments)
    n = max(1, min(1000, int(SECONDS / seconds(gradient.primal, calls(3)))))
    pairs = [
        (seconds(gradient, calls(n)), seconds(gradient.primal, calls(n))) for _ in range(ROUNDS)
    ]
    return statistics.median(ours / theirs for ours, theirs in pairs)


def run(name):
    """Print the example; its row of the table, None if it failed."""
    print(f"\n=== {name}.py ".ljust(100, "="))
    try:
        example = load(name)
    except ImportError as error:
        if error.name not in EXTRAS:
            traceback.print_exc(file=sys.stdout)
            return None
        print(f"skipped: {error}")
        return f"skipped: {error.name} is not installed"
    try:
        print(f"\n{inspect.getdoc(example)}\n")
        example.main()
        gradient, arguments = example.gradient, example.arguments
        time_ratio = ratio(gradient, arguments)
        lines_in = code_lines(inspect.getsource(gradient.primal))
        lines_out = code_lines(gradient.source)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return None
    return f"{lines_in:8d}  {lines_out:9d}  {time_ratio:5.1f}"


def main():
    rows = {name: run(name) for name in ORDER}
    print(f"\n{'example':20s}  lines in  lines out   time")
    for name, row in rows.items():
        print(f"{name:20s}  {row or 'failed'}")
    failed = [name for name, row in rows.items() if row is None]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
