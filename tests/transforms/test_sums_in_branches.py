"""What one branch alone contributes to a sum is added there."""

from srcdiff.transforms.sums_in_branches import sums_in_branches
from tests.transforms.passes import check


def test_two_sums_of_one_branch_move_together():
    check(sums_in_branches, """
        (c: b1, d: f8[d.0], s: f8, i: int):
          adjoint() effect
          a, b = if c:
            yield 0.0, 0.0
          else:
            t = mul(s, 2)
            yield t, s
          d.2 = add_at(d, (), i, a)
          d.3 = add_at(d.2, (), 0, b)
          return d.3
    """, """
        (c: b1, d: f8[d.0], s: f8, i: int):
          adjoint() effect
          d.3 = if c:
            yield d
          else:
            t = mul(s, 2)
            d.1 = add_at(d, (), i, t)
            d.2 = add_at(d.1, (), 0, s)
            yield d.2
          return d.3
    """)  # fmt: skip


def test_what_is_not_there_before_the_branch_keeps_the_sum_behind_it():
    text = """
        (c: b1, d: f8[d.0], s: f8):
          adjoint() effect
          a = if c:
            yield 0.0
          else:
            yield s
          i = int(s)
          d.2 = add_at(d, (), i, a)
          return d.2
    """
    check(sums_in_branches, text, text)


def test_what_is_read_twice_and_the_function_itself_stay():
    text = """
        (c: b1, d: f8[d.0], s: f8):
          p = if c:
            yield 0.0
          else:
            yield s
          d.1 = add_at(d, (), 0, p)
          adjoint() effect
          a = if c:
            yield 0.0
          else:
            yield s
          d.2 = add_at(d.1, (), 0, a)
          return d.2, a
    """
    check(sums_in_branches, text, text)
