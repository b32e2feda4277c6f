"""Random programs, judged: `python -m tests.fuzz --count 200 --seed 0`.

Each seed gives one program (fuzz_programs.py), which is written to a file of its own, imported, run
and judged (judge.py) at its own arguments and at a second point with other numbers and sizes. What
is wrong or crashes is made small (shrink.py) and printed; `--save NAME` keeps it in tests/seeds/,
where tests/test_fuzz_seeds.py reruns it forever.

    right       value and gradient agree with the plain function and with differences
    wrong       they do not: the one thing that must never happen
    refused     the tool says that it cannot
    crashed     an exception that is no error of ours
    untrusted   differences cannot tell (a tie, a jump, overflow); not counted as right
    invalid     the program itself raises or is not finite; not counted
"""

import argparse
import collections
import contextlib
import importlib
import importlib.util
import linecache
import multiprocessing
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz_programs import program
from tests.judge import (
    Gradient,
    TooSlow,
    Verdict,
    fresh,
    judge,
    leaves,
    srcdiff_gradient,
    time_limit,
    with_leaf,
)
from tests.shrink import shrink

SEEDS = Path(__file__).parent / "seeds"
FAILURES = ("wrong", "crashed")


def judge_seed(seed: int, gradient: Gradient = srcdiff_gradient, mutation: bool = True) -> Verdict:
    return judge_text(program(seed, mutation), gradient)


def judge_text(text: str, gradient: Gradient = srcdiff_gradient) -> Verdict:
    """The verdict on a program given as the text of a module."""
    try:
        with loaded(text) as module:
            return judge_module(module, gradient)
    except SyntaxError as error:
        return Verdict("invalid", str(error), error=error)


def judge_module(module: types.ModuleType, gradient: Gradient = srcdiff_gradient) -> Verdict:
    """The verdict on `module.f` at `module.args()` and at a point nearby."""
    args, wrt = module.args(), tuple(module.WRT)
    why = runs(module.f, args)
    if why:
        return Verdict("invalid", why)
    other = elsewhere(args)
    others = () if runs(module.f, other) else (other,)
    rtol = 2e-3 if "float32" in Path(module.__file__ or "").read_text() else None

    def verdict_of(thorough: bool) -> Verdict:
        return judge(
            module.f,
            args,
            wrt,
            gradient=gradient,
            others=others,
            thorough=thorough,
            rtol=rtol,
            seconds=20.0,
        )

    verdict = verdict_of(thorough=False)
    if verdict.outcome != "wrong":
        return verdict
    # Along random directions errors of the reference add up: look at each element.
    exact = verdict_of(thorough=True)
    return exact if exact.outcome in ("wrong", "untrusted") else verdict


def runs(f: Callable, args: tuple) -> str:
    """Why a program cannot be judged, if it cannot."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(2.0):
                value = np.asarray(f(*fresh(args)))
        except (Exception, TooSlow) as error:
            return f"{type(error).__name__}: {error}"
    if value.size != 1 or value.dtype.kind != "f":
        return f"the value is {value!r}"
    if not (np.isfinite(value).all() and np.abs(value).max() < 1e6):
        return "the value is not finite, or large"
    return ""


def elsewhere(args: tuple) -> tuple:
    """Other numbers of the same shapes and, where there is a size, a smaller size."""
    rng = np.random.default_rng(len(args))
    new = fresh(args)
    for path, leaf in leaves(args):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            moved = leaf + rng.uniform(-0.3, 0.3, leaf.shape)
            new = with_leaf(new, path, moved.astype(leaf.dtype))
        elif isinstance(leaf, float):
            new = with_leaf(new, path, leaf + float(rng.uniform(-0.3, 0.3)))
        elif type(leaf) is int:
            new = with_leaf(new, path, leaf - 1)
    return new


@contextlib.contextmanager
def loaded(text: str) -> Iterator[types.ModuleType]:
    """The text as a module from a file of its own, so that its functions have a source."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.py"
        path.write_text(text)
        yield load(path)
        linecache.checkcache()


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is left after shrinking can look odd
            spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def shrink_failure(text: str, verdict: Verdict, gradient: Gradient, seconds: float = 60.0) -> str:
    """The smallest program found with the same outcome (and the same class of exception)."""
    kind = failure_kind(verdict)

    def fails_alike(candidate: str) -> bool:
        with contextlib.suppress(RecursionError):
            return failure_kind(judge_text(candidate, gradient)) == kind
        return False

    return shrink(text, fails_alike, seconds)


def failure_kind(verdict: Verdict) -> tuple[str, ...]:
    """What must stay as it is while a program shrinks."""
    if verdict.outcome == "crashed":
        return ("crashed", type(verdict.error).__name__)
    if verdict.outcome == "refused":
        return ("refused", reason(verdict))
    if verdict.outcome == "wrong":
        kinds = ("arguments were changed", "second call", "value", "memory", "differences")
        return ("wrong", next((kind for kind in kinds if kind in verdict.detail), "form"))
    return (verdict.outcome,)


def reason(verdict: Verdict) -> str:
    """A refusal's or crash's first line, without what differs from program to program."""
    lines = verdict.detail.splitlines() or [""]
    return re.sub(r"`[^`]*`|\b[a-z]+_?\d+\b|\d+", "…", lines[0])[:100]


# Other tools, to see that the judge sees


def autograd_gradient(f: Callable, wrt: Any) -> Callable:
    """HIPS autograd, with the program's `np` replaced by its own."""
    autograd = importlib.import_module("autograd")
    anp = importlib.import_module("autograd.numpy")
    df = autograd.value_and_grad(f, wrt if isinstance(wrt, int) else positions_of(f, wrt))

    def judged(*args):
        names = f.__globals__
        plain, names["np"] = names["np"], anp
        try:
            return df(*args)
        finally:
            names["np"] = plain

    return judged


def positions_of(f: Callable, wrt: tuple) -> tuple[int, ...]:
    names = f.__code__.co_varnames
    return tuple(names.index(name) for name in wrt)


TOOLS: dict[str, Gradient] = {"srcdiff": srcdiff_gradient, "autograd": autograd_gradient}


# The command


def judged(job: tuple[int, str, bool]) -> tuple[int, Verdict]:
    seed, tool, mutation = job
    verdict = judge_seed(seed, TOOLS[tool], mutation)
    # Exceptions and results may not travel between processes.
    error = RuntimeError(type(verdict.error).__name__) if verdict.error else None
    return seed, Verdict(verdict.outcome, verdict.detail, error=error)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=200, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--tool", choices=TOOLS, default="srcdiff", help="whose gradients")
    parser.add_argument("--no-mutation", action="store_true", help="no stores, views or aliases")
    parser.add_argument("--show", action="store_true", help="print the program, judge nothing")
    parser.add_argument("--most", type=int, default=5, help="shrink at most so many failures")
    parser.add_argument("--refused", action="store_true", help="shrink refused programs as well")
    parser.add_argument("--seconds", type=float, default=60.0, help="for shrinking one program")
    parser.add_argument("--save", metavar="NAME", help="keep what was shrunk as seeds/NAME_SEED.py")
    options = parser.parse_args(argv)
    mutation = not options.no_mutation
    if options.show:
        print(program(options.seed, mutation))
        return 0
    tool, seeds = options.tool, range(options.seed, options.seed + options.count)
    jobs = [(seed, tool, mutation) for seed in seeds]
    if options.jobs > 1:
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            verdicts = dict(pool.imap_unordered(judged, jobs, chunksize=8))
    else:
        verdicts = dict(map(judged, jobs))
    report(verdicts)
    wanted = (*FAILURES, "refused") if options.refused else FAILURES
    kinds: set[tuple[str, ...]] = set()
    for seed in seeds:
        if verdicts[seed].outcome not in wanted or len(kinds) == options.most:
            continue
        verdict = judge_seed(seed, TOOLS[tool], mutation)
        kind = (*failure_kind(verdict), reason(verdict) if verdict.outcome != "wrong" else "")
        if kind in kinds and verdict.outcome != "wrong":
            continue  # shown once
        kinds.add(kind if verdict.outcome != "wrong" else (*kind, str(seed)))
        small = shrink_failure(program(seed, mutation), verdict, TOOLS[tool], options.seconds)
        after = judge_text(small, TOOLS[tool])
        print(f"\n# seed {seed}, {after}\n\n{small}")
        if options.save:
            print("saved as", save(small, f"{options.save}_{seed}", after))
    return int(any(verdict.outcome in FAILURES for verdict in verdicts.values()))


def report(verdicts: dict[int, Verdict]) -> None:
    """How many of each outcome, the refused share, the commonest reasons."""
    counts = collections.Counter(verdict.outcome for verdict in verdicts.values())
    print(summary(counts))
    for outcome in ("refused", "crashed"):
        reasons = collections.Counter(
            reason(verdict) for verdict in verdicts.values() if verdict.outcome == outcome
        )
        for text, count in reasons.most_common(8):
            print(f"  {outcome} {count:5}  {text}")
    for outcome in FAILURES:
        failed = [seed for seed in sorted(verdicts) if verdicts[seed].outcome == outcome]
        if failed:
            print(f"  {outcome}: seeds {', '.join(map(str, failed[:20]))}")


def summary(counts: collections.Counter[str]) -> str:
    """One line; what could not be judged is not part of the share.

    >>> summary(collections.Counter(right=98, refused=2, invalid=5))
    '98 right, 2 refused, 5 invalid; 2.0 % refused of 100 judged'
    """
    order = ("right", "wrong", "refused", "crashed", "untrusted", "invalid")
    shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in order if counts[outcome])
    total = sum(counts[outcome] for outcome in order[:4])
    return f"{shown}; {100 * counts['refused'] / max(1, total):.1f} % refused of {total} judged"


def save(text: str, name: str, verdict: Verdict) -> Path:
    """Keep a program among those that are rerun forever."""
    path = SEEDS / f"{name}.py"
    first = (verdict.detail.splitlines() or [""])[0][:80].replace('"""', "'''")
    path.write_text(f'# ruff: noqa\n"""Was {verdict.outcome}: {first}"""\n\n{text}')
    return path


if __name__ == "__main__":
    sys.exit(main())
