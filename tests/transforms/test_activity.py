"""Active is what depends on the inputs, matters for the outputs, and carries a derivative."""

from srcdiff.transforms.activity import active
from srcdiff.transforms.ir import flatten
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.typed import kinds


def found(text):
    """The names of the values that are active between `x` and what is returned."""
    block = verify(parse_text(text, kinds=kinds))
    inputs = [p for p in block.params if p.name == "x"]
    return " ".join(sorted(v.name for v in active(block, inputs, flatten(block.results))))


def test_what_lies_between_is_active():
    assert found("""
        (x: f8):
          a = np.sin(x)
          b = mul(a, 2.0)
          return b
    """) == "a b x"  # fmt: skip


def test_what_does_not_depend_on_the_input_is_not():
    assert found("""
        (x: f8, c: f8):
          a = mul(c, c)
          b = mul(a, x)
          return b
    """) == "b x"  # fmt: skip


def test_what_nobody_needs_is_not():
    assert found("""
        (x: f8):
          a = np.sin(x)
          b = mul(x, 2.0)
          return b
    """) == "b x"  # fmt: skip


def test_nothing_flows_through_an_int():
    assert found("""
        (x: f8[x.0], y: f8):
          n = len(x)
          b = mul(y, n)
          return b
    """) == ""  # fmt: skip


def test_nothing_flows_through_a_step():
    assert found("""
        (x: f8):
          a = np.floor(x)
          b = mul(a, 2.0)
          return b
    """) == ""  # fmt: skip


def test_one_active_branch_makes_the_result_active():
    assert found("""
        (x: f8, c: bool):
          a = if c:
            b = np.sin(x)
            yield b
          else:
            yield 2.0
          return a
    """) == "a b x"  # fmt: skip


def test_a_loop_is_walked_until_nothing_new_is_found():
    assert found("""
        (x: f8, y: f8, n: int):
          a, b, c = for i in range(n) carry (p = y, q = y, r = x):
            yield q, r, r
          return a
    """) == "a b c p q r x"  # fmt: skip


def test_a_carried_value_that_never_meets_the_input_is_not_active():
    assert found("""
        (x: f8, y: f8, n: int):
          a, b = for i in range(n) carry (p = x, q = y):
            r = mul(p, q)
            s = mul(q, 2.0)
            yield r, s
          return a
    """) == "a p r x"  # fmt: skip


def test_the_test_of_a_while_carries_nothing():
    assert found("""
        (x: f8, y: f8):
          a, k = while carry (p = y):
            c = lt(p, x)
            yield c
          do carry (q):
            r = mul(q, 2.0)
            yield r
          return a
    """) == ""  # fmt: skip
