"""Every function of the gallery, against differences and its own plain run."""

import numpy as np
import pytest

from tests.gallery import EXAMPLES
from tests.judge import fresh, right, same


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_gradient_is_right(example):
    right(example.f, *example.args, wrt=example.wrt)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_functions_are_smooth_where_they_are_judged(example):
    # Half of the gallery writes its arguments: running it on copies must not move the originals.
    before = fresh(example.args)
    value = example.f(*example.fresh())
    assert np.size(value) == 1 and np.all(np.isfinite(value))
    assert same(before, example.args)


def test_names_are_unique():
    names = [example.name for example in EXAMPLES]
    assert len(set(names)) == len(names)
