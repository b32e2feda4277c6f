"""What one test decides stands in one `if`, and every program stays what it was."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from srcdiff.transforms.branches import branches
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import check, evaluate, random_block


def unchanged(text):
    check(branches, before=text, after=text)


def test_a_choice_joins_the_branch_before_it():
    check(branches, before="""
        (c: b1, x: f8, y: f8):
          a = if c choice:
            yield x
          else:
            yield y
          s = np.sin(x)
          b = if c:
            p = mul(a, 2)
            yield p
          else:
            yield s
          return b
    """, after="""
        (c: b1, x: f8, y: f8):
          s = np.sin(x)
          a, b = if c choice:
            p = mul(x, 2)
            yield x, p
          else:
            yield y, s
          return b
    """)  # fmt: skip


def test_a_step_from_one_choice_to_the_next_stands_in_both_branches():
    check(branches, before="""
        (c: b1, x: f8, y: f8):
          a = if c choice:
            yield x
          else:
            yield y
          s = np.sin(a)
          b = if c choice:
            yield s
          else:
            yield y
          return (b, s)
    """, after="""
        (c: b1, x: f8, y: f8):
          a, s, b = if c choice:
            p = np.sin(x)
            yield x, p, p
          else:
            q = np.sin(y)
            yield y, q, y
          return (b, s)
    """)  # fmt: skip


def test_many_steps_keep_two_choices_apart():
    unchanged("""
        (c: b1, x: f8, y: f8):
          a = if c choice:
            yield x
          else:
            yield y
          s = np.sin(a)
          t = np.cos(s)
          u = np.exp(t)
          v = np.tanh(u)
          b = if c choice:
            yield v
          else:
            yield y
          return b
    """)


def test_what_reads_both_comes_after_both():
    check(branches, before="""
        (c: b1, x: f8, y: f8):
          a = if c choice:
            yield x
          else:
            yield y
          s = np.sin(a)
          b = if c choice:
            yield 1.0
          else:
            yield y
          return (s, b)
    """, after="""
        (c: b1, x: f8, y: f8):
          a, b = if c choice:
            yield x, 1.0
          else:
            yield y, y
          s = np.sin(a)
          return (s, b)
    """)  # fmt: skip


def test_branches_that_the_user_wrote_stay_apart():
    unchanged("""
        (c: b1, x: f8, y: f8):
          a = if c:
            yield x
          else:
            yield y
          b = if c:
            yield y
          else:
            yield x
          return (a, b)
    """)


def test_effects_keep_branches_apart():
    unchanged("""
        (c: b1, x: f8, y: f8):
          a = if c choice:
            yield x
          else:
            yield y
          print(x)
          b = if c choice:
            yield y
          else:
            yield x
          return (a, b)
    """)


def test_a_branch_inside_one_of_the_same_test_is_decided():
    check(branches, before="""
        (c: b1, x: f8):
          a = if c:
            b = if c:
              p = np.sin(x)
              yield p
            else:
              yield x
            yield b
          else:
            yield 0.0
          return a
    """, after="""
        (c: b1, x: f8):
          a = if c:
            p = np.sin(x)
            yield p
          else:
            yield 0.0
          return a
    """)  # fmt: skip


def test_what_both_sides_yield_is_no_result():
    check(branches, before="""
        (c: b1, x: f8, y: f8):
          a, b = if c:
            yield x, y
          else:
            yield x, 1.0
          return (a, b)
    """, after="""
        (c: b1, x: f8, y: f8):
          b = if c:
            yield y
          else:
            yield 1.0
          return (x, b)
    """)  # fmt: skip


def test_constants_of_two_kinds_are_not_alike():
    unchanged("""
        (c: b1):
          a = if c:
            yield 0.0
          else:
            yield -0.0
          b = if c:
            yield 1
          else:
            yield True
          return (a, b)
    """)


def test_a_twin_reads_what_the_forward_branch_no_longer_yields():
    check(branches, before="""
        (c: b1, d: b1, x: f8):
          a = if c twin 1:
            b = if d twin 2:
              yield x
            else:
              yield x
            p = mul(b, 2)
            yield p
          else:
            yield x
          q = if c twin 1:
            r = np.sin(b)
            yield r
          else:
            yield 0.0
          return (a, q)
    """, after="""
        (c: b1, d: b1, x: f8):
          a = if c twin 1:
            p = mul(x, 2)
            yield p
          else:
            yield x
          q = if c twin 1:
            r = np.sin(x)
            yield r
          else:
            yield 0.0
          return (a, q)
    """)  # fmt: skip


@given(st.integers(0, 10**9))
def test_random_programs_compute_the_same(seed):
    block = random_block(Random(seed))
    after = verify(branches(block))
    for args in ((0, 1), (3, -2), (-1, 5)):
        assert evaluate(after, *args) == evaluate(block, *args)


def test_a_program_without_such_branches_is_the_same_object():
    block = parse_text("""
        (c: b1, x: f8):
          a = if c:
            p = np.sin(x)
            yield p
          else:
            yield x
          return a
    """)
    assert branches(block) is block
