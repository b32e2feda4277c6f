"""Powers of ints."""

import numpy as np
import pytest

from srcdiff import FallbackWarning, UnsupportedSyntaxError, grad
from srcdiff.transforms.int_powers import int_powers
from tests.gallery import some
from tests.judge import right
from tests.transforms.passes import check


def test_a_power_that_is_a_length_is_not_checked():
    check(int_powers, before="""
        (n: int, k: int):
          t = pow(n, k)
          m = operator.index(t) power
          y = np.zeros(m)
          return y
    """, after="""
        (n: int, k: int):
          t = pow(n, k)
          y = np.zeros(t)
          return y
    """)  # fmt: skip


def test_a_power_that_decides_a_dtype_is_checked():
    check(int_powers, before="""
        (n: int, k: int):
          t = pow(n, k)
          m = operator.index(t) power
          y = np.full(3, m)
          return y
    """, after="""
        (n: int, k: int):
          t = pow(n, k)
          m = operator.index(t) power
          y = np.full(3, m)
          return y
    """)  # fmt: skip


def filled(x, k):
    a = np.full(3, 2**k)
    a[0] = x[0]  # an array of ints cuts it off, and its derivative with it
    return np.sum(x * a) + x[1] / 2**k


def test_an_array_filled_with_a_power_of_ints_is_one_of_ints():
    right(filled, 3.7 + some(3), 2)


def test_where_a_negative_power_of_ints_matters_the_tape_runs():
    x = some(3)
    with pytest.warns(FallbackWarning, match="does not fit these arguments: it raises TypeError"):
        d = grad(filled)(x, -1)
    assert d[1] == pytest.approx(2.5)
    assert d[2] == 0.5
    with pytest.raises(UnsupportedSyntaxError, match="TypeError: 'float' object"):
        grad(filled, fallback="error")(x, -1)


def test_a_negative_power_of_ints_is_right_where_it_does_not():
    right(lambda x, n, k: x[0] * n**k + 1 / n**k, some(2), 3, -2)
