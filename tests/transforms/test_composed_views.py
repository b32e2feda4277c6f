"""An index into a slice is an index into what was sliced: compared with NumPy."""

import numpy as np
import pytest

from srcdiff.transforms.composed_views import composed_views, together
from srcdiff.transforms.ir import Slice
from tests.transforms.typed import becomes

ENDS = (None, 0, 1, 2, 4)


@pytest.mark.parametrize("start", ENDS)
@pytest.mark.parametrize("stop", ENDS)
def test_both_indices_take_the_same(start, stop):
    outer = Slice(start, stop)
    keys = [0, 1, 3, *(Slice(a, b) for a in ENDS for b in ENDS)]
    for key in keys:
        whole = together(outer, key)
        if whole is None:
            continue
        for n in range(6):
            x, second, once = np.arange(n), as_slice(key), as_slice(whole)
            assert taken(x[start:stop], second) == taken(x, once), (outer, key, n)


def as_slice(key):
    return slice(*key) if isinstance(key, Slice) else key


def taken(x, key):
    try:
        return x[key].tolist()
    except IndexError:
        return "IndexError"


def test_what_is_negative_or_not_constant_stays():
    text = """
        (y: f8[y.0], i: int):
          v = getitem(y, 1:)
          a = getitem(v, -1)
          b = getitem(v, i)
          w = getitem(y, :-1)
          c = getitem(w, 0)
          u = getitem(y, 4:0:-1)
          e = getitem(u, 0)
          return (a, b, c, e)
    """
    becomes(composed_views, text, text)


def test_a_store_into_a_view_is_one_into_the_array():
    becomes(composed_views, """
        (y: f8[y.0], s: f8):
          y.2 = setitem(y, (('getitem', 1:),), 0, s)
          y.3 = setitem(y.2, (('getitem', 1:), ('getitem', 2:)), ..., s)
          return y.3
    """, """
        (y: f8[y.0], s: f8):
          y.2 = setitem(y, (), 1, s)
          y.3 = setitem(y.2, (), 3:, s)
          return y.3
    """)  # fmt: skip
