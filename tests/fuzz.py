"""Random programs, judged: `python -m tests.fuzz --count 100000 --jobs 2`.

Each seed gives one program (grammar/), which is written to a file of its own, imported, run and
judged (judge.py) at its own arguments; every third also at a second point with other numbers and
sizes, every fourth on the tape as well, whose result must agree; each in forward mode, too, whose
tangent must be the product with the gradient (`--tool reverse` leaves out both). What is wrong or
crashes is made small (shrink.py) and printed; `--save NAME` keeps it in tests/seeds/, where
test_fuzz_seeds.py reruns it forever.

    right       value and gradient agree with the plain function and with differences
    wrong       they do not: the one thing that must never happen
    refused     the tool says that it cannot (the tape, which then runs, is judged)
    crashed     an exception that is no error of ours; a worker that died or gave no answer
    untrusted   differences cannot tell (a tie, a jump, overflow); not counted as right
    invalid     the program itself raises or is not finite; not counted

A run that was stopped goes on with `--seed N`, N being what its last line says.
"""

import argparse
import collections
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import keyword
import linecache
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.grammar import FEATURES, MUTATION, program, tidy
from tests.judge import (
    Gradient,
    Refused,
    TooSlow,
    Verdict,
    forward_agrees,
    fresh,
    is_float,
    judge,
    leaves,
    moved_leaf,
    srcdiff_gradient,
    time_limit,
    with_leaf,
)
from tests.outside import Outside
from tests.shrink import shrink
from tests.tape import agree, finished, tape_gradient
from tests.workers import judged_by_workers

SEEDS = Path(__file__).parent / "seeds"
FAILURES = ("wrong", "crashed")


def judge_seed(
    seed: int, gradient: Gradient = srcdiff_gradient, features: Iterable[str] = FEATURES
) -> Verdict:
    """The verdict on the seed's program; which oracles beside differences depends on the seed."""
    text = program(seed, features)
    return judge_text(text, gradient, second=seed % 3 == 0, tape=seed % 4 == 0)


def judge_text(text: str, gradient: Gradient = srcdiff_gradient, **oracles: bool) -> Verdict:
    """The verdict on a program given as the text of a module."""
    with contextlib.ExitStack() as stack:
        try:
            module = stack.enter_context(loaded(text))
        except Exception as error:  # while it shrinks, a program may lose what it needs
            return Verdict("invalid", f"{type(error).__name__}: {error}", error=error)
        return judge_module(module, gradient, **oracles)


def judge_module(
    module: types.ModuleType,
    gradient: Gradient = srcdiff_gradient,
    second: bool = True,
    tape: bool = True,
) -> Verdict:
    """The verdict on `module.f` at `module.args()` and, perhaps, at a point nearby."""
    outside = Outside(module)
    try:
        return judge_beside(outside, module, gradient, second, tape)
    finally:  # what one program leaves must not reach the next
        outside.restore()


def judge_beside(
    outside: Outside, module: types.ModuleType, gradient: Gradient, second: bool, tape: bool
) -> Verdict:
    args, wrt = module.args(), tuple(module.WRT)
    f = outside.before(module.f)
    why = runs(f, args)
    if why:
        return Verdict("invalid", why)
    other = elsewhere(args) if second else ()
    others = (other,) if second and not runs(f, other) else ()
    rtol = 2e-3 if mentions(module, "float32") else 1e-6

    def verdict_of(gradient: Gradient, thorough: bool = False, exact: bool = True) -> Verdict:
        return judge(
            module.f,
            args,
            wrt,
            gradient=gradient,
            others=others,
            thorough=thorough,
            rtol=rtol,
            seconds=20.0,
            outside=outside,
            exact=exact,
        )

    verdict = verdict_of(gradient)
    if verdict.outcome in ("wrong", "untrusted"):
        # Along a random direction errors of the reference add up: look at each element.
        exact = verdict_of(gradient, thorough=True)
        if exact.outcome != "right" or verdict.outcome != "wrong":
            verdict = exact
    if gradient is not srcdiff_gradient:
        return verdict
    if verdict.outcome == "refused":
        taped = verdict_of(tape_gradient, exact=False)
        if taped.outcome == "wrong":
            taped = verdict_of(tape_gradient, thorough=True, exact=False)
        return on_tape(taped) if taped.outcome in FAILURES else verdict
    if verdict.outcome == "untrusted" or verdict.outcome == "right" and tape:
        verdict = tape_agrees(module, args, wrt, verdict, outside)
    return forward_agrees(module.f, args, wrt, verdict, rtol, outside)


def mentions(module: types.ModuleType, word: str) -> bool:
    return word in Path(module.__file__ or "").read_text()


def on_tape(verdict: Verdict) -> Verdict:
    return dataclasses.replace(verdict, detail=f"(on the tape) {verdict.detail}")


def tape_agrees(module, args, wrt, verdict: Verdict, outside: Outside) -> Verdict:
    """The verdict, if the tape gives the same; what the tape refuses or breaks on otherwise."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(20.0):
                taped = outside.before(tape_gradient(module.f, wrt))(*fresh(args))
        except Refused:
            return verdict
        except (Exception, TooSlow) as error:
            return on_tape(Verdict("crashed", f"{type(error).__name__}: {error}", error=error))
    ours, theirs = finished(verdict.result), finished(taped)
    eps = 1.2e-7 if mentions(module, "float32") else 2.3e-16
    problem = agree(ours, theirs, GROWTH * eps)
    if problem:
        df = outside.before(srcdiff_gradient(module.f, wrt))
        problem = agree(ours, theirs, GROWTH * eps + rounding(df, args, ours, eps))
    if problem and any(has_nan(leaf) for _, leaf in leaves(ours)):
        # Zero times infinity, which the tape takes for zero.
        return on_tape(Verdict("untrusted", problem, verdict.result))
    return on_tape(Verdict("wrong", problem, verdict.result)) if problem else verdict


def has_nan(leaf: object) -> bool:
    return isinstance(leaf, float | complex | np.inexact | np.ndarray) and bool(
        np.any(np.isnan(leaf))
    )


# How far two engines may differ that add up in another order, in units of the last place: a
# program makes some hundred roundings, and what follows each makes it some ten times larger.
GROWTH = 1e4


def rounding(df: Callable, args: tuple, result: Any, eps: float) -> float:
    """How far a relative change of the arguments by a few eps moves the result, as a share of it.

    An ill-conditioned program may differ by so much. It grows with the change; at a tie it does
    not, and ties are no excuse: both engines run the same operations on the same numbers.
    """

    def spread(by: float) -> float:
        rng, widest = np.random.default_rng(2), 0.0
        for _ in range(3):
            near = args
            for path, leaf in leaves(args):
                if is_float(leaf):
                    step = by * np.abs(leaf) * rng.choice([-1.0, 1.0], np.shape(leaf))
                    near = with_leaf(near, path, moved_leaf(leaf, step))
            moved = finished(df(*fresh(near)))
            for (_, a), (_, b) in zip(leaves(result), leaves(moved)):
                size = np.max(np.abs(a), initial=1e-300)
                widest = max(widest, float(np.max(np.abs(a - b), initial=0.0) / size))
        return widest

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small, large = spread(2 * eps), spread(128 * eps)
    return 64 * small if large > 8 * small else 0.0


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
    path = Path(scratch().name) / "program.py"
    path.write_text(text)
    linecache.cache.pop(str(path), None)  # the size and time may be those of the program before
    yield load(path)


@functools.cache
def scratch() -> tempfile.TemporaryDirectory:
    """A folder of this process: to make and remove one takes as long as to judge a short program.

    >>> scratch() is scratch()
    True
    """
    return tempfile.TemporaryDirectory()


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
        kinds = ["on the tape", "forward", "arguments were changed", "second call", "value"]
        kinds += ["memory", "outside", "differences"]
        return ("wrong", next((kind for kind in kinds if kind in verdict.detail), "form"))
    return (verdict.outcome,)


def reason(verdict: Verdict) -> str:
    """A refusal's or crash's first line, without what differs from program to program."""
    lines = verdict.detail.splitlines() or [""]

    def shown(found: re.Match[str]) -> str:
        return found[0] if keyword.iskeyword(found[0].strip("`")) else "…"

    return re.sub(r"`[^`]*`|\b0x\w+|\b[a-z]+(_?\d+)+\b|\d+", shown, lines[0])[:100]


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


def reverse_alone(f: Callable, wrt: Any) -> Callable:
    """srcdiff's gradient, judged by differences alone."""
    return srcdiff_gradient(f, wrt)


TOOLS: dict[str, Gradient] = {
    "srcdiff": srcdiff_gradient, "reverse": reverse_alone, "autograd": autograd_gradient,
}  # fmt: skip


# The command


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"features: {', '.join(sorted(FEATURES))}"
    parser.add_argument("--count", type=int, default=200, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--tool", choices=TOOLS, default="srcdiff", help="whose gradients")
    parser.add_argument("--only", metavar="FEATURES", help="with these features only: a,b,…")
    parser.add_argument("--without", metavar="FEATURES", help="without these features")
    parser.add_argument("--no-mutation", action="store_true", help="no stores, views or aliases")
    parser.add_argument("--show", action="store_true", help="print the program, judge nothing")
    parser.add_argument("--most", type=int, default=5, help="shrink at most so many failures")
    parser.add_argument("--refused", action="store_true", help="shrink refused programs as well")
    parser.add_argument("--seconds", type=float, default=60.0, help="for shrinking one program")
    parser.add_argument("--save", metavar="NAME", help="keep what was shrunk as seeds/NAME_SEED.py")
    options = parser.parse_args(argv)
    features = chosen(options.only, options.without, options.no_mutation)
    if options.show:
        print(tidy(program(options.seed, features)))
        return 0
    tally = Tally()
    seeds = range(options.seed, options.seed + options.count)
    try:
        for seed, verdict in judged_by_workers(seeds, options.jobs, options.tool, features):
            tally.add(seed, verdict)
    except KeyboardInterrupt:
        print(f"\nstopped; goes on with --seed {tally.next_seed(seeds)}")
    tally.report()
    wanted = (*FAILURES, "refused") if options.refused else FAILURES
    shrink_each(tally, wanted, TOOLS[options.tool], features, options)
    return int(any(tally.counts[outcome] for outcome in FAILURES))


def chosen(only: str | None, without: str | None, no_mutation: bool) -> frozenset[str]:
    """The features that the options leave.

    >>> sorted(chosen("while,for", "for", False))
    ['while']
    """
    features = set(only.split(",")) if only else set(FEATURES)
    unknown = (features | set(without.split(",") if without else ())) - FEATURES
    if unknown:
        raise SystemExit(f"no such feature: {', '.join(sorted(unknown))}")
    features -= set(without.split(",")) if without else set()
    return frozenset(features - MUTATION if no_mutation else features)


def shrink_each(tally, wanted, tool: Gradient, features: frozenset[str], options) -> None:
    """Print, and perhaps save, a small program for each cause (as far as causes can be told)."""
    kinds: set[tuple[str, ...]] = set()
    for seed, told in sorted(tally.kept.items()):
        if told.outcome not in wanted or len(kinds) == options.most:
            continue
        kind = (*failure_kind(told), str(seed) if told.outcome == "wrong" else reason(told))
        if kind in kinds:
            continue  # shown once
        kinds.add(kind)
        verdict = judge_seed(seed, tool, features)
        small = shrink_failure(program(seed, features), verdict, tool, options.seconds)
        after = judge_text(small, tool)
        print(f"\n# seed {seed}, {after}\n\n{small}", flush=True)
        if options.save:
            print("saved as", save(small, f"{options.save}_{seed}", after))


class Tally:
    """What came out so far: how many of each outcome, and what was refused or failed, and why."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.kept: dict[int, Verdict] = {}
        self.reasons: dict[tuple[str, str], list[int]] = {}
        self.seen: set[int] = set()

    def add(self, seed: int, verdict: Verdict) -> None:
        self.counts[verdict.outcome] += 1
        self.seen.add(seed)
        if verdict.outcome not in ("right", "invalid"):
            self.reasons.setdefault((verdict.outcome, reason(verdict)), []).append(seed)
        if verdict.outcome in FAILURES or verdict.outcome == "refused" and len(self.kept) < 5000:
            self.kept[seed] = verdict

    def next_seed(self, seeds: range) -> int:
        return next((seed for seed in seeds if seed not in self.seen), seeds.stop)

    def report(self) -> None:
        """The summary, the commonest reasons with a seed each, the seeds that failed."""
        print(summary(self.counts))
        for outcome in ("refused", "crashed", "untrusted"):
            rows = [(len(s), text, s[0]) for (o, text), s in self.reasons.items() if o == outcome]
            most = 3 if outcome == "untrusted" else 12
            for count, text, seed in sorted(rows, reverse=True)[:most]:
                print(f"  {outcome} {count:5}  {text}  (seed {seed})")
        for outcome in FAILURES:
            failed = sorted(seed for seed, v in self.kept.items() if v.outcome == outcome)
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
    lint = "# ruff: noqa - kept as the fuzzer wrote it"
    path.write_text(f'{lint}\n"""Was {verdict.outcome}: {first}"""\n\n{text}')
    return path


if __name__ == "__main__":
    sys.exit(main())
