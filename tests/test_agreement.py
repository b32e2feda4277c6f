"""The compiler and the tape give the same: the gallery and the examples."""

import copy

import numpy as np
import pytest

from srcdiff import value_and_grad
from tests.gallery import EXAMPLES
from tests.tape import agree, finished, numbers, value_and_grad_on_tape
from tests.test_examples import RUN_ALL, load


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_the_gallery(example):
    compiled = value_and_grad(example.f, wrt=example.wrt, fallback="error")(*example.fresh())
    taped = value_and_grad_on_tape(example.f, example.wrt)(*example.fresh())
    if not isinstance(example.wrt, tuple):  # a number is a NumPy scalar only when `grad` is done
        compiled, taped = (np.asarray(compiled[0]), compiled[1]), (np.asarray(taped[0]), taped[1])
    problem = agree(finished(compiled), finished(taped))
    assert not problem, problem


@pytest.mark.parametrize("name", RUN_ALL.ORDER)
def test_the_examples(name):
    try:
        example = load(name)
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    df = example.gradient
    if not hasattr(df, "primal"):
        pytest.skip("the example has no function that `grad` is given")
    if df._how not in ("grad", "value_and_grad", "elementwise_grad"):
        pytest.skip("the example asks for a Jacobian, which the tape does not give")
    seed = "ones" if df._how == "elementwise_grad" else "one"
    compiled = df(*copy.deepcopy(example.arguments))
    taped = value_and_grad_on_tape(df.primal, df._wrt, seed)(*copy.deepcopy(example.arguments))
    if df._how == "value_and_grad":
        problem = agree(finished(compiled), finished(taped))
    else:
        problem = agree(numbers(compiled), numbers(taped[1]))
    assert not problem, problem
