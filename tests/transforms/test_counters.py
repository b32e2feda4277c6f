"""A number that counts the steps of a loop is the loop's own counter."""

from srcdiff.transforms.counters import counters
from tests.transforms.passes import check


def test_what_counts_from_elsewhere_stays():
    text = """
        (n: int, s: float):
          k.4, s.4 = for i in range(1, n) carry (k = 0, s.1 = s):
            s.2 = mul(s.1, k)
            k.2 = add(k, 1)
            yield k.2, s.2
          return s.4
    """
    check(counters, text, text)


def test_what_is_read_after_the_loop_stays():
    text = """
        (n: int):
          k.4 = for i in range(n) carry (k = 0):
            k.2 = add(k, 1)
            yield k.2
          return k.4
    """
    check(counters, text, text)


def test_the_step_that_ends_the_loop_need_not_count():
    check(counters, """
        (n: int, s: float):
          k.4, s.4, m = for i in range(n) carry (k = 0, s.1 = s) may_break:
            c = gt(s.1, 9.0)
            k.3 = if c:
              yield k
            else:
              k.2 = add(k, 1)
              yield k.2
            s.2 = mul(s.1, k)
            yield k.3, s.2, c
          return s.4
    """, """
        (n: int, s: float):
          s.4, m = for i in range(n) carry (s.1 = s) may_break:
            c = gt(s.1, 9.0)
            k.3 = if c:
              yield i
            else:
              k.2 = add(i, 1)
              yield k.2
            s.2 = mul(s.1, i)
            yield s.2, c
          return s.4
    """)  # fmt: skip


def test_a_while_that_counts_is_not_counted_again():
    check(counters, """
        (n: int):
          i.3, m = while carry (i = 0):
            c = lt(i, n)
            yield c
          do carry (i.1):
            i.2 = add(i.1, 1)
            yield i.2
          return m
    """, """
        (n: int):
          i.3, m = while carry (i = 0):
            c = lt(i, n)
            yield c
          do carry (i.1):
            i.2 = add(i.1, 1)
            yield i.2
          return i.3
    """)  # fmt: skip
