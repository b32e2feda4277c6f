"""A place of an adjoint that is added to is not cleared first."""

import pytest

from srcdiff.transforms.zero_stores import zero_stores
from tests.transforms.typed import becomes


def test_a_counter_and_one_more_are_two_places():
    becomes(zero_stores, """
        (d: f8[d.0], n: int):
          adjoint() effect
          d.1 = for i in reversed range(n) carry (p = d):
            j = add(i, 1)
            t = getitem(p, j)
            p.2 = setitem(p, (), j, 0.0)
            s = getitem(p.2, i)
            p.3 = setitem(p.2, (), i, 0.0)
            p.4 = add_at(p.3, (), i, t)
            p.5 = add_at(p.4, (), j, s)
            yield p.5
          return d.1
    """, """
        (d: f8[d.0], n: int):
          adjoint() effect
          d.1 = for i in reversed range(n) carry (p = d):
            j = add(i, 1)
            t = getitem(p, j)
            s = getitem(p, i)
            p.4 = setitem(p, (), i, t)
            p.5 = setitem(p.4, (), j, s)
            yield p.5
          return d.1
    """)  # fmt: skip


@pytest.mark.parametrize(
    "between",
    [
        "s = getitem(d.2, i)",  # may be the place
        "s = getitem(d.2, -1)",
        "s = np.sum(d.2)",
    ],
)
def test_what_is_read_in_between_sees_the_zero(between):
    text = f"""
        (d: f8[d.0], i: int, t: f8):
          adjoint() effect
          d.2 = setitem(d, (), 1, 0.0)
          {between}
          d.3 = add_at(d.2, (), 1, s)
          return d.3
    """
    becomes(zero_stores, text, text)


def test_the_function_itself_stays():
    text = """
        (d: f8[d.0], t: f8):
          d.2 = setitem(d, (), 1, 0.0)
          d.3 = add_at(d.2, (), 1, t)
          return d.3
    """
    becomes(zero_stores, text, text)


def test_what_is_added_may_be_the_cleared_array_itself():
    text = """
        (d: f8[d.0]):
          adjoint() effect
          d.2 = setitem(d, (), 1, 0.0)
          d.3 = add_at(d.2, (), 1, d.2)
          return d.3
    """
    becomes(zero_stores, text, text)
