"""What a step hands on is made after what reads the value before it."""

from srcdiff.transforms.last_of_step import last_of_step
from tests.transforms.passes import check


def test_it_moves_past_no_store_into_what_it_reads():
    text = """
        (d: f8[3], x: f8[3], n: int):
          adjoint() effect
          d.1, x.3 = for i in reversed range(n) carry (p = d, x.1 = x):
            q = mul(p, x.1)
            t = getitem(p, 0)
            x.2 = setitem(x.1, (), 0, t) !
            yield q, x.2
          return d.1
    """
    check(last_of_step, text, text)


def test_in_a_branch_the_other_side_says_what_is_replaced():
    check(last_of_step, """
        (c: b1, d: f8, x: f8, s: f8):
          adjoint() effect
          d.3, s.3 = if c:
            q = mul(d, x)
            s.2 = add(s, d)
            yield q, s.2
          else:
            yield d, s
          return d.3, s.3
    """, """
        (c: b1, d: f8, x: f8, s: f8):
          adjoint() effect
          d.3, s.3 = if c:
            s.2 = add(s, d)
            q = mul(d, x)
            yield q, s.2
          else:
            yield d, s
          return d.3, s.3
    """)  # fmt: skip
