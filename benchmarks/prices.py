"""What the gradient of each function of NumPy's and SciPy's costs, over the function itself.

    python benchmarks/prices.py [part of a name …]

For each row of the coverage table: the time of its pullback (value and gradients with respect to
all floats, for a given cotangent) over that of the plain program, for arguments of about 10 and of
about 100,000 numbers, in turns in one process, with one thread; medians of the rounds. What costs
more than DEAR stands at the end, with the reason; prices.txt has the table of a quiet machine.
"""

import os
import re
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # on a busy machine threads wait in vain
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

import srcdiff  # noqa: E402
from srcdiff.runtime.registry import spread  # noqa: E402
from tests.coverage import ARGUMENTS, Row, rows  # noqa: E402

ROUNDS = 7
DEAR = 6.0
LONG, SIDE = 100_000, 316
# What makes an array of as many rows as its argument is long takes a shorter one.
PRODUCTS = (
    "diag", "outer", "kron", "vander", "meshgrid", "newaxis", "toeplitz", "circulant", "block_diag",
    "broadcast_to", "cdist", "pdist", "convolve", "correlate", "c_", "column_stack", "polyadd",
    "polymul", "polyder", "polyint", "roots", "polyval", "gaussian_kde",
)  # fmt: skip
SLOW = 0.5  # seconds of the plain program: not measured

VIEW = "the function is a view, or reads a few elements; its gradient is a new array of all"
CALLS = "one NumPy call against several; at 10 elements a call costs the same whatever it does"
TIES = "finding what ties with the extreme is a pass of comparisons and one of divisions"
OTHERS = "the product of all other elements, exact at zeros, takes two cumulative products"
SCATTER = "what is read more than once adds up: sums at indices, where the function copies"
SMALL = "Python's own number: a call of a generated function against one operation"
INNER = "an integral, or a differential equation, of its own for what is differentiated"
STEPS = "each step keeps what it overwrites"
SLOPE = "the slope is another special function, which SciPy takes longer for, or several terms"
POWER = "two gradients, one of them with a logarithm, each kept finite at zero"
# What is dear, and why: the first pattern that a row's name matches.
REASONS = {
    r"real$|imag$|isrealobj|real_if_close|diag|s_|reshape|ravel|transpose|permute|axes|moveaxis"
    r"|rollaxis|expand_dims|atleast|flip|trace|ellipsis|conj|sliding|delete|ascontig|asarray"
    r"|as_strided|split|squeeze|view|rot90|broadcast_to|T$|r\[|flat": VIEW,
    r"prod|multiply\]": OTHERS,
    r"max|min|ptp|sort|partition|median|percentile|quantile|ord=|cummin": TIES,
    r"scipy.special": SLOPE,
    r"repeat|take|insert|pad|compress|putmask|integer array|list\]|choose|tile|gather|place"
    r"|reduceat|toeplitz|circulant|bincount|interp": SCATTER,
    r"quad|odeint|solve_ivp|brentq|newton": INNER,
    r"math\.|builtins\.|__float__|item": SMALL,
    r"__pow__|numpy.pow|float_power": POWER,
    r"recurrence|apply_along|vectorize|chebval|ndimage|lfilter|accumulate|pdist|cdist": STEPS,
    r"multi_dot": "NumPy's own Python is compiled, which makes a list of gradients at each split",
    r"sinc": "the slope near 0 is by its series, elsewhere by the quotient: both are computed",
    r"hfft|irfft|einsum_path|reduce\[|matvec|vecmat|dot|einsum|lu_|polar|schur|expm|det|correlate"
    r"|convolve|ediff1d|copysign|hypot|logadd|sign|qr|diff|lstsq": CALLS,
}  # fmt: skip


def reason(name: str) -> str:
    """Why a row is dear.

    >>> reason("numpy.ravel") == VIEW, reason("numpy.prod") == OTHERS
    (True, True)
    """
    return next((why for part, why in REASONS.items() if re.search(part, name)), "not known")


def tiled(x: Any, shape: tuple[int, ...]) -> Any:
    """Numbers like those of x, no two alike."""
    some = np.resize(x, shape)
    if x.dtype.kind not in "fc":
        return some
    return some + 1e-3 * np.resize(spread(200), shape) * np.abs(some)


def large(name: str, row: str) -> Any:
    """The argument of that name, of about LONG numbers."""
    x = ARGUMENTS[name]
    length = SIDE if any(part in row for part in PRODUCTS) else LONG
    if isinstance(x, float):
        return x
    if name in ("a", "h"):
        return tiled(x, (SIDE, SIDE)) / SIDE + np.diag(np.arange(1.0, SIDE + 1))
    if name == "bt":
        return np.concatenate([x] * (LONG // 18))
    if x.ndim == 1:
        return tiled(x, (SIDE if name in ("w4", "p4") else length,))
    return tiled(x, (2, SIDE, SIDE)[3 - x.ndim :])


def taken(function: Callable, args: Callable) -> float:
    given = args()
    start = time.perf_counter()
    function(*given)
    return time.perf_counter() - start


def price(row: Row, values: dict[str, Any]) -> float | str:
    """How many times the plain program; why not, if it was not measured."""
    f, _ = row.functions()

    def args() -> list:
        return [np.copy(values[n]) if isinstance(values[n], np.ndarray) else values[n]
                for n in row.arguments]  # fmt: skip

    out = f(*args())
    if taken(f, args) > SLOW:
        return "slow"
    if not isinstance(out, np.ndarray | np.generic | float | complex):
        return "no array"
    wrt = [x for x in args() if np.asarray(x).dtype.kind in "fc"]
    if not wrt:
        return "no float"
    pull = srcdiff.pullback(f, fallback="error")
    d_out = np.ones_like(out)[()]
    pull(*args(), d_out)
    adjoint = pull.specialize(*args(), d_out)
    times = max(1, int(2e-4 / max(taken(f, args), 1e-7)))
    ratios = []
    for _ in range(ROUNDS):
        primal = sum(taken(f, args) for _ in range(times))
        ratios.append(sum(taken(lambda *a: adjoint(*a, d_out=d_out), args) for _ in range(times)))
        ratios[-1] /= primal
    return statistics.median(ratios)


def main() -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    dear = []
    print(f"{'':52}{'10':>8}{'100,000':>10}")
    for row in rows():
        if len(sys.argv) > 1 and not any(part in row.name for part in sys.argv[1:]):
            continue
        found: list[float | str] = []
        for values in (ARGUMENTS, {n: large(n, row.name) for n in row.arguments}):
            try:
                found.append(price(row, values))
            except (ValueError, IndexError, TypeError, ArithmeticError, RuntimeError, MemoryError):
                found.append("size")  # the program is of one size only
            except srcdiff.SrcdiffError:
                found.append("refused")
        shown = [f"{p:.1f}" if isinstance(p, float) else p for p in found]
        print(f"{row.name:52}{shown[0]:>8}{shown[1]:>10}", flush=True)
        if any(isinstance(p, float) and p > DEAR for p in found):
            dear.append(f"{row.name:52}{shown[0]:>8}{shown[1]:>10}  {reason(row.name)}")
    print(f"\nover {DEAR:g}:\n" + "\n".join(dear))


if __name__ == "__main__":
    main()
