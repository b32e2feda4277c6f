"""The compiler and the tape give the same: the gallery, the examples, the fuzzer's programs."""

import collections
import copy
import warnings

import numpy as np
import pytest

from srcdiff import SrcdiffError, value_and_grad
from tests.fuzz import loaded, runs
from tests.fuzz_programs import program
from tests.gallery import EXAMPLES
from tests.judge import fresh, judge, leaves
from tests.tape import tape_gradient, value_and_grad_on_tape
from tests.test_examples import RUN_ALL, load


def agree(one, other, rtol=1e-9) -> str:
    """What is unlike in two results, "" if nothing is."""
    mine, theirs = list(leaves(one, none_is_leaf=True)), list(leaves(other, none_is_leaf=True))
    if [path for path, _ in mine] != [path for path, _ in theirs]:
        return f"the structures differ: {one!r}, {other!r}"
    for (path, a), (_, b) in zip(mine, theirs):
        if a is None or b is None:
            if a is not b:
                return f"{path}: {a!r}, {b!r}"
            continue
        x, y = np.asarray(a), np.asarray(b)
        if x.dtype != y.dtype or x.shape != y.shape or type(a) is not type(b):
            return f"{path}: {type(a)} {x.dtype} {x.shape}, {type(b)} {y.dtype} {y.shape}"
        tolerance = 1e-3 if x.dtype.itemsize < 8 else rtol
        scale = np.max(np.abs(x), initial=1.0, where=np.isfinite(x)) if x.dtype.kind in "fc" else 1
        if not np.allclose(x, y, tolerance, tolerance * scale, equal_nan=True):
            return f"{path}: {a!r}, {b!r}"
    return ""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_the_gallery(example):
    compiled = value_and_grad(example.f, wrt=example.wrt, fallback="error")(*example.fresh())
    taped = value_and_grad_on_tape(example.f, example.wrt)(*example.fresh())
    if not isinstance(example.wrt, tuple):  # a number is a NumPy scalar only when `grad` is done
        compiled, taped = (np.asarray(compiled[0]), compiled[1]), (np.asarray(taped[0]), taped[1])
    problem = agree(finished(compiled), finished(taped))
    assert not problem, problem


def finished(result):
    """(value, gradients) with numbers as NumPy scalars."""
    value, gradients = result
    return np.asarray(value), numbers(gradients)


def numbers(tree):
    if isinstance(tree, float | complex):
        return np.asarray(tree)[()]
    if isinstance(tree, dict):
        return {k: numbers(x) for k, x in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)([numbers(x) for x in tree])
    return tree


@pytest.mark.parametrize("name", RUN_ALL.ORDER)
def test_the_examples(name):
    try:
        example = load(name)
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    df = example.gradient
    if not hasattr(df, "primal"):
        pytest.skip("the example has no function that `grad` is given")
    seed = "ones" if df._how == "elementwise_grad" else "one"
    compiled = df(*copy.deepcopy(example.arguments))
    taped = value_and_grad_on_tape(df.primal, df._wrt, seed)(*copy.deepcopy(example.arguments))
    if df._how == "value_and_grad":
        problem = agree(finished(compiled), finished(taped))
    else:
        problem = agree(numbers(compiled), numbers(taped[1]))
    assert not problem, problem


def test_four_hundred_random_programs():
    counts: collections.Counter = collections.Counter()
    failed = {}
    for seed in range(400):
        with loaded(program(seed)) as module, np.errstate(all="ignore"):
            args, wrt = module.args(), tuple(module.WRT)
            if runs(module.f, args):
                counts["invalid"] += 1
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                taped = value_and_grad_on_tape(module.f, wrt)(*fresh(args))
                try:
                    compiled = value_and_grad(module.f, wrt=wrt, fallback="error")(*fresh(args))
                except SrcdiffError:
                    verdict = judge(module.f, args, wrt, gradient=tape_gradient, thorough=False)
                    counts[f"refused, {verdict.outcome} on the tape"] += 1
                    if verdict.outcome not in ("right", "untrusted"):
                        failed[seed] = str(verdict)
                    continue
        problem = agree(finished(compiled), finished(taped), 1e-7)
        counts["agree" if not problem else "differ"] += 1
        if problem:
            failed[seed] = problem
    print("\n", dict(counts))
    assert not failed
    assert counts["agree"] > 250
