"""What a loop computes in the step that ends it is computed after the loop."""

import numpy as np
import pytest

from srcdiff.transforms.exits import exits
from tests.judge import right
from tests.transforms.typed import becomes

PROGRAM = """
    (x: f8[x.0], n: int):
      r, s, m = for i in range(n) carry (c.1 = False, s.1 = <undefined>) may_break:
        v = getitem({read})
        c = gt(v, 0.5)
        s.2 = if c:
          t = mul(v, v)
          yield t
        else:
          yield <undefined>
        yield c, s.2, {flag}
      return (r, s)
"""


def test_what_the_last_step_computes_comes_after_the_loop():
    becomes(exits, PROGRAM.format(read="x, i", flag="c"), """
        (x: f8[x.0], n: int):
          r, k, m = for i in range(n) carry (c.1 = False, k.1 = <undefined>) may_break:
            v = getitem(x, i)
            c = gt(v, 0.5)
            if c:
              t = mul(v, v)
              yield
            else:
              yield
            yield c, i, c
          s = if r choice:
            v.2 = getitem(x, k)
            t.2 = mul(v.2, v.2)
            yield t.2
          else:
            yield <undefined>
          return (r, s)
    """)  # fmt: skip


def test_a_step_that_goes_on_keeps_what_it_computes():
    text = PROGRAM.format(read="x, i", flag="False")
    becomes(exits, text, text)


def found_first(x, low):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * 2
        if x[i] > low:
            return total * x[i] + i
    return total


def found_in_rows(m, low):
    for k, row in enumerate(m):
        for v in row[1:]:
            if v > low:
                w = v * row[0]
                return w * k + v
    return m[0, 0]


def found_in_what_is_written(x, low):
    y = x * 1.0
    for i in range(len(y)):
        y[i] = y[i] * 3
        if y[i] > low:
            return y[i] ** 2
    return np.sum(y)


@pytest.mark.parametrize("low", [-9.0, 0.35, 9.0])  # in the first step, later, never
@pytest.mark.parametrize("f", [found_first, found_in_rows, found_in_what_is_written])
def test_the_gradient_is_right_wherever_the_loop_ends(f, low):
    x = np.array([0.1, 0.3, 0.4, 0.2])
    right(f, x.reshape(2, 2) if f is found_in_rows else x, low)


def test_no_step_at_all():
    right(found_first, np.empty(0), 1.0)
