"""What is computed twice is computed once, where nobody can tell."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srcdiff.transforms.common_subexpressions import common_subexpressions, same_tests
from srcdiff.transforms.ir import walk
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import check, evaluate, random_block
from tests.transforms.typed import becomes


def unchanged(text):
    block = parse_text(text)
    assert common_subexpressions(block) is block


def of_two(one, two):
    """How many instructions are left of two, whose results are multiplied."""
    text = f"""
        (x: f8[x.0], y: f8[x.0], n: int):
          a = {one}
          b = {two}
          c = mul(a, b)
          return c
    """
    return len(common_subexpressions(parse_text(text)).instrs) - 1


def test_a_repeated_computation_is_done_once():
    check(common_subexpressions, before="""
        (x: f8):
          a = np.sin(x)
          b = np.sin(x)
          c = mul(a, b)
          return c
    """, after="""
        (x: f8):
          a = np.sin(x)
          c = mul(a, a)
          return c
    """)  # fmt: skip


def test_what_reads_equal_values_is_equal():
    check(common_subexpressions, before="""
        (x: f8):
          a = np.sin(x)
          b = np.sin(x)
          c = np.exp(a)
          d = np.exp(b)
          e = mul(c, d)
          return e
    """, after="""
        (x: f8):
          a = np.sin(x)
          c = np.exp(a)
          e = mul(c, c)
          return e
    """)  # fmt: skip


@pytest.mark.parametrize(
    "code",
    ["np.sin(x)", "mul(x, 2.0)", "getitem(x, (1:, ::-1, n))", "np.sum(x, axis=0, keepdims=True)"]
    + ["np.sum(x, where=nan)", "mul(x, np.float32(0.1))", "add(x, 'a')", "shape(x)", "tuple(x, n)"]
    + ["np.add.reduce(x)", "float(n)", "len(x)", "math.sin(n)", "np.astype(x, <np.float32>)"]
    + ["getitem(x, [0, 2])", "mul(x, (1+2j))", "np.einsum('i,i', x, x)", "add(x, y) batch=1"],
)
def test_equal_instructions(code):
    assert of_two(code, code) == 1


def test_the_spelling_of_a_method_makes_no_difference():
    assert of_two("np.sum(x) method='sum'", "np.sum(x)") == 1


def test_keywords_have_no_order():
    assert of_two("np.sum(x, axis=0, keepdims=True)", "np.sum(x, keepdims=True, axis=0)") == 1


@pytest.mark.parametrize(
    "one, two",
    [
        ("np.sin(x)", "np.cos(x)"),
        ("np.sin(x)", "np.sin(y)"),
        ("sub(x, y)", "sub(y, x)"),
        ("add(x, y)", "add(y, x)"),  # equal numbers, but not for all types
        ("add(x, y)", "np.add(x, y)"),
        ("mul(x, 1)", "mul(x, 1.0)"),
        ("mul(x, 1)", "mul(x, True)"),
        ("mul(x, 0.0)", "mul(x, -0.0)"),
        ("mul(x, 2j)", "mul(x, (-0+2j))"),
        ("mul(x, 1.0)", "mul(x, np.float64(1.0))"),
        ("mul(x, np.float64(0.0))", "mul(x, np.float64(-0.0))"),
        ("mul(x, nan)", "mul(x, inf)"),
        ("add(x, 'a')", "add(x, b'a')"),
        ("getitem(x, (1,))", "getitem(x, [1])"),
        ("getitem(x, 1)", "getitem(x, 1:)"),
        ("getitem(x, (1, 2))", "getitem(x, 1:2)"),
        ("getitem(x, None)", "getitem(x, ...)"),
        ("np.sum(x, 0)", "np.sum(x, axis=0)"),
        ("np.sum(x, {'axis': 0}, {})", "np.sum(x, axis=0)"),
        ("np.sum(x, axis=0)", "np.sum(x, axis=1)"),
        ("np.sum(x, axis=0)", "np.sum(x, axis=False)"),
        ("np.astype(x, <np.float32>)", "np.astype(x, <np.float64>)"),
        ("add(x, y) batch=1", "add(x, y) batch=2"),
        ("add(x, y) batch=1", "add(x, y)"),
    ],
)
def test_instructions_that_differ(one, two):
    assert of_two(one, two) == 2


@pytest.mark.parametrize(
    "code",
    ["np.zeros(n)", "np.empty(n)", "np.ones_like(x)", "np.full(n, 1.0)", "np.array(x)", "copy(x)"]
    + ["np.copy(x)", "list(x)", "builtins.list(x)", "dict()", "zeros_like_adjoint(x)", "np.eye(n)"]
    + ["setitem(x, (), 0, n)", "list_append(x, n)", "np.ndarray.copy(x)", "np.ndarray(n)"],
)
def test_memory_to_write_to_is_never_shared(code):
    assert of_two(code, code) == 2


@pytest.mark.parametrize(
    "code",
    ["np.random.rand(n)", "np.sin(x) effect", "add(x, y) !", "call(x)", "global('a', 'b')"]
    + ["attribute(x, 'a')", "pop(x)", "peek(x)", "next(x)", "input()", "iadd(x, y)"]
    + ["len(x) opaque"],
)
def test_what_depends_on_a_state_or_changes_it_is_never_shared(code):
    assert of_two(code, code) == 2


def test_an_inner_block_uses_what_an_outer_one_computed():
    check(common_subexpressions, before="""
        (x: f8, n: int, c: bool):
          a = np.sin(x)
          p, k = while carry (q = a):
            b = np.sin(x)
            l = lt(q, b)
            yield l
          do carry (r):
            s = if c:
              d = np.sin(x)
              yield d
            else:
              yield r
            yield s
          o = np.sum(p)
          return o
    """, after="""
        (x: f8, n: int, c: bool):
          a = np.sin(x)
          p, k = while carry (q = a):
            l = lt(q, a)
            yield l
          do carry (r):
            s = if c:
              yield a
            else:
              yield r
            yield s
          o = np.sum(p)
          return o
    """)  # fmt: skip


def test_an_outer_block_does_not_use_what_an_inner_one_computed():
    unchanged("""
        (x: f8, c: bool):
          a = if c:
            b = np.sin(x)
            yield b
          else:
            d = np.sin(x)
            yield d
          e = np.sin(x)
          f = mul(a, e)
          return f
    """)


def test_nothing_is_shared_across_a_change_of_the_error_state():
    unchanged("""
        (x: f8[x.0]):
          a = np.log(x)
          errstate_enter(divide='raise') effect
          b = np.log(x)
          errstate_exit() effect
          c = np.log(x)
          d = np.hypot(a, b, c)
          return d
    """)


def test_regions_are_not_merged():
    unchanged("""
        (x: f8, n: int):
          a = for i in range(n) carry (p = x):
            yield p
          b = for j in range(n) carry (q = x):
            yield q
          c = mul(a, b)
          return c
    """)


def test_a_trail_to_what_is_gone_reads_what_is_left():
    check(common_subexpressions, before="""
        (x: f8, n: int, d: f8):
          y = np.sin(x)
          a = for i in range(n) carry (p = x) twin 1:
            q = np.cos(p)
            r = np.cos(p)
            s = np.sin(x)
            t = mul(q, s)
            yield t
          d_a = for j in reversed range(n) carry (d_p = d) twin 1:
            u = mul(d_p, r)
            v = mul(u, s)
            yield v
          return d_a
    """, after="""
        (x: f8, n: int, d: f8):
          y = np.sin(x)
          a = for i in range(n) carry (p = x) twin 1:
            q = np.cos(p)
            t = mul(q, y)
            yield t
          d_a = for j in reversed range(n) carry (d_p = d) twin 1:
            u = mul(d_p, q)
            v = mul(u, y)
            yield v
          return d_a
    """)  # fmt: skip


def test_the_name_that_the_user_gave_wins():
    check(common_subexpressions, user=["y", "z"], values=True, before="""
        (x: f8):
          t = np.sin(x)
          a = np.exp(t)
          y = np.sin(x)
          z = np.sin(x)
          b = mul(y, z)
          c = mul(a, b)
          return c
    """, after="""
        (x: f8):
          y = np.sin(x)
          a = np.exp(y)
          b = mul(y, y)
          c = mul(a, b)
          return c
    """)  # fmt: skip


def test_the_first_name_that_the_user_gave_stays():
    block = parse_text(
        "(x: f8):\n  y = np.sin(x)\n  z = np.sin(x)\n  a = mul(y, z)\n  return a", user=["y", "z"]
    )
    first, product = common_subexpressions(block).instrs
    assert first is block.instrs[0]
    assert product.args == (*first.results, *first.results)


def test_a_renamed_value_keeps_its_kind_and_counts_as_the_users():
    text = "(x: f8):\n  t = np.sin(x)\n  y = np.sin(x)\n  a = mul(t, y)\n  return a"
    block = parse_text(text, user=["y"], kinds=lambda instr: [instr.args[0].kind])
    (y,) = common_subexpressions(block).instrs[0].results
    assert (y.name, y.user, y.kind) == ("y", True, block.params[0].kind)


def test_arrays_that_leave_the_program_stay_two():
    unchanged("""
        (x: f8[x.0]):
          a = np.sin(x)
          b = np.sin(x)
          return a, b
    """)
    unchanged("""
        (x: f8[x.0], c: bool):
          a = np.sin(x)
          b = np.sin(x)
          d = if c:
            yield b
          else:
            yield x
          e = tuple(d)
          print(a)
          return e
    """)


def test_numbers_that_leave_the_program_may_be_one():
    text = "(x: f8):\n  a = np.sin(x)\n  b = np.sin(x)\n  return a, b"
    block = parse_text(text, kinds=lambda instr: [instr.args[0].kind])
    a, b = common_subexpressions(block).results
    assert a is b


def test_the_one_that_leaves_stands_for_the_ones_that_do_not():
    check(common_subexpressions, before="""
        (x: f8[x.0]):
          a = np.sin(x)
          b = np.sin(x)
          c = np.sin(x)
          d = mul(a, c)
          return b, d
    """, after="""
        (x: f8[x.0]):
          a = np.sin(x)
          d = mul(a, a)
          return a, d
    """)  # fmt: skip


def test_of_tests_alone_the_second_goes():
    becomes(same_tests, before="""
        (x: f8[x.0], y: f8[x.0], i: int):
          n = len(x)
          a = ge(i, n)
          b = np.sin(x)
          m = len(y)
          c = ge(i, m)
          d = np.sin(x)
          return a, b, c, d
    """, after="""
        (x: f8[x.0], y: f8[x.0], i: int):
          n = len(x)
          a = ge(i, n)
          b = np.sin(x)
          m = len(y)
          d = np.sin(x)
          return a, b, a, d
    """)  # fmt: skip


def test_where_and_the_first_of_two_stay():
    block = parse_text("(x: f8):\n  a = np.sin(x)\n  b = np.sin(x)\n  c = mul(a, b)\n  return c")
    first = block.instrs[0].replace(where="line 3")
    block = block.replace(instrs=(first, *block.instrs[1:]))
    assert common_subexpressions(block).instrs[0] is first


def test_five_thousand_instructions():
    lines = ["(x: f8):"]
    for i in range(2500):
        lines += [f"  a.{i} = mul(x, {i})", f"  b.{i} = mul(x, {i})"]
    lines += [f"  c = np.hypot({', '.join(f'b.{i}' for i in range(2500))})", "  return c"]
    assert len(common_subexpressions(parse_text("\n".join(lines))).instrs) == 2501


seeds = st.integers(0, 10**9).map(Random)
numbers = st.integers(-9, 9)


@given(seeds, numbers, numbers)
def test_no_program_changes_what_it_does(rng, x, y):
    block = random_block(rng)
    less = verify(common_subexpressions(block))
    assert evaluate(less, x, y) == evaluate(block, x, y)
    assert len(list(walk(less))) <= len(list(walk(block)))
