"""The IR: what a text says, the program is; what a program is, its text says."""

import math
import operator
import re
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    flatten,
    map_tree,
    new_twin,
    op_name,
    substitute,
    substitute_block,
    walk,
)
from srcdiff.transforms.kinds import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    Kind,
    Size,
    array,
    join,
    scalar,
)
from srcdiff.transforms.text import find, parse_kind, parse_text
from tests.transforms.passes import anonymous, evaluate, random_block

EVERYTHING = """\
(x: f8[x.0,3], n: int, t: f8?, p: tuple(f8[p[0].0], int), r: f4[...], o: object):
  a = np.sin(x)
  b = getitem(a, (1:, ::-1, n:-1:2, :, None, ...))
  c, d = for i in range(n) carry (u = b, v = 0.0) twin 1:
    w = mul(u, v)
    yield w, 1.5
  e = for i.2 in reversed range(1, n, 2) carry (u.2 = c) twin 1:
    z = add(u.2, w)
    yield z
  e.2, steps = for j in range(2, n) carry (y = e) may_break:
    flag = gt(y, 100)
    yield y, flag
  f, k = while carry (g = 1, h = (x, [n])) twin 2:
    l = lt(g, 10)
    yield l
  do carry (g.2, h.2):
    m = add(g.2, 1)
    yield m, h.2
  q = if l:
    yield c
  else:
    print('a "b" c', "it's", b'x')
    yield -0.0
  while:
    s = np.random.rand() effect
    yield False
  do:
    yield
  inf.2 = list(inf, -inf, nan, (1+2j), 2j, 1e-20, True, {'k': n, 1: [()]}, (x,)) !
  q.2 = np.asarray(x, dtype=<float>, like=<np.float32>) batch=3 spelling='x'
  q.3 = call(<np.add.reduce>, <dtype f4>, np.float32(0.1), np.bool(True), <undefined>)
  q.4 = setitem(q.3, (1:,), 0, x)
  return (c, d), e, f, k, q.4"""


def test_a_program_reads_as_it_is_printed():
    assert str(parse_text(EVERYTHING)) == EVERYTHING


def test_what_is_read_means_what_is_written():
    block = parse_text(EVERYTHING)
    x, n, *_ = block.params
    sin, item, loop, reverse, breaks, loop_2, *_ = block.instrs
    assert sin.op is np.sin and sin.args == (x,)
    key = (Slice(1), Slice(None, None, -1), Slice(n, -1, 2), Slice(), None, ...)
    assert item.op == "getitem" and item.args[1] == key
    assert loop.args == (("range", 0, n, 1), (item.results[0], 0.0))
    assert reverse.args[0] == ("range", 1, n, 2)
    assert reverse.attrs == {"reverse": True, "twin": loop.attrs["twin"]}
    assert breaks.attrs == {"may_break": True}
    assert loop_2.attrs["twin"] != loop.attrs["twin"]
    assert loop_2.args == ((1, (x, [n])),)


def test_values_have_the_names_without_the_numbers():
    block = parse_text("(x: f8):\n  x.2 = np.sin(x)\n  return x.2")
    assert block.results[0].name == "x"


def test_values_are_named_in_program_order():
    block = parse_text("(x: f8):\n  x.7 = np.sin(x)\n  return x.7")
    assert str(block) == "(x: f8):\n  x.2 = np.sin(x)\n  return x.2"


def test_twins_are_printed_by_appearance_and_never_taken_twice():
    text = "(c: bool):\n  if c twin 1:\n    yield\n  else:\n    yield\n  return"
    one, two = parse_text(text), parse_text(text)
    assert str(one) == str(two) == text
    assert one.instrs[0].attrs["twin"] != two.instrs[0].attrs["twin"] != new_twin()


def test_indentation_blank_lines_and_comments_do_not_matter():
    assert str(parse_text("\n\n    (x: f8):\n\n      # a comment\n      return x\n\n")) == (
        "(x: f8):\n  return x"
    )


def test_names_that_look_like_words_of_the_grammar():
    text = """\
(carry: int, twin: int, do: int, reversed: int, info: int):
  a = for range in range(reversed) carry (carry.2 = carry) twin 1:
    yield carry.2
  do.2 = while carry (inplace = do):
    yield inplace
  do carry (twin.2):
    yield twin.2
  b = np.sin(info)
  return ','"""
    assert str(parse_text(text)) == text


@pytest.mark.parametrize(
    "constant",
    [0, 1, -1, True, False, None, ..., 0.0, -0.0, 1e300, 1e-5, math.inf, -math.inf, 2j, -2j]
    + [1 + 2j, complex(-0.0, 1), complex(0, math.inf), "", "it's", '"', "\\", "\n", "a.b", b"\0"]
    + [(), (1,), [1, (2, [])], {"a": (1,)}, {}, np.float32(0.1), np.int8(3), np.True_]
    + [np.complex64(1 + 2j), np.dtype("i4"), np.dtype(">f8"), float, np.float64, np.ndarray]
    + [math.sin, abs, np.linalg.norm, list, operator.add, np.add.at, len, UNDEFINED]
    + [Slice(1, 2), Slice(), (Slice(None, None, -1),), {"a": Slice(-1)}],
    ids=lambda constant: re.sub(r" at 0x\w+", "", repr(constant)),  # the same in every process
)
def test_a_constant_comes_back_with_its_type(constant):
    block = Block((), (Instr("call", (constant,), {"k": constant}),), (constant,))
    back = parse_text(str(block))
    for got in (back.instrs[0].args[0], back.instrs[0].kwargs["k"], back.results[0]):
        assert type(got) is type(constant)
        assert repr(got) == repr(constant)


def test_nan_comes_back():
    back = parse_text("():\n  return nan, (nan+nanj), np.float32(nan)").results
    assert all(value != value for value in back)


def test_what_has_no_name_is_printed_but_not_read():
    block = Block((), (), (np.ones(3), lambda x: x))
    assert str(block) == (
        "():\n  return <np.ndarray()>, "
        "<tests.transforms.test_ir.test_what_has_no_name_is_printed_but_not_read.<locals>.<lambda>>"
    )
    with pytest.raises(SyntaxError, match="line 2: unknown object `np.ndarray\\(\\)`"):
        parse_text(str(block))


def test_a_caller_may_name_what_no_import_finds():
    def helper(x):
        return x

    names = {"helper": helper, op_name(helper): helper}
    block = parse_text("(x: f8):\n  y = helper(x)\n  return y, <helper>", names=names)
    assert block.instrs[0].op is block.results[1] is helper
    assert str(parse_text(str(block), names=names)) == str(block)


@pytest.mark.parametrize(
    "op, name",
    [
        (np.multiply, "np.multiply"),
        (operator.mul, "mul"),
        (operator.abs, "abs"),
        (abs, "builtins.abs"),
        (tuple, "builtins.tuple"),
        (operator.getitem, "_operator.getitem"),
        (float, "float"),
        (math.sin, "math.sin"),
        (np.linalg.norm, "np.linalg.norm"),
        (np.fft.fft, "np.fft.fft"),
        (np.random.rand, "np.random.rand"),
        (np.add.reduce, "np.add.reduce"),
        (np.ndarray.copy, "np.ndarray.copy"),
        (str.upper, "str.upper"),
        (np.lib.stride_tricks.sliding_window_view, "np.lib.stride_tricks.sliding_window_view"),
        (np.float64, "np.float64"),
    ],
)
def test_the_name_of_an_operation_leads_to_it(op, name):
    assert op_name(op) == name
    assert find(name) == op


def test_ufuncs_of_scipy_have_names():
    special = pytest.importorskip("scipy.special")
    assert op_name(special.gammaln) == "scipy.special.gammaln"
    assert find("scipy.special.gammaln") is special.gammaln


def test_kernels_have_short_names():
    kernels = pytest.importorskip("srcdiff.runtime.kernels")
    assert op_name(kernels.unbroadcast) == "unbroadcast"
    assert find("unbroadcast") is kernels.unbroadcast
    assert find(op_name(kernels.add_at)) is kernels.add_at  # "add_at" itself is structural


KINDS = [
    BOOL, INT, FLOAT, COMPLEX, NONE, STR, OBJECT, scalar("f8"), scalar("f8", None), scalar(bool),
    Kind("scalar", python=False), Kind("scalar"), Kind("array"), array("c16"), array("f4", 1, 3),
    array("f8", Size("x.0", 0, True), Size("x.1", 2), Size("?3")), Kind("array", np.dtype("i8")),
    Kind("tuple"), Kind("tuple", items=()), Kind("tuple", items=(FLOAT, array("f8", 2, 2))),
    Kind("list", items=(Kind("tuple", items=(INT, STR)),)), array("U3", Size("p[0].0", 0, True)),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_kind_is_read_as_it_is_printed(kind):
    assert parse_kind(repr(kind)) == kind
    assert parse_text(f"(x: {kind}, y: {kind}):\n  return").params[1].kind == kind


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 1: an empty text"),
        ("x = 1", "line 1: expected `(x: f8, …):`, not `x = 1`"),
        ("(x: f9):\n  return", "line 1: data type 'f9' not understood"),
        ("(x: float8):\n  return", "line 1: `float8` is no kind"),
        ("(x):\n  return", "line 1: `` is no kind"),
        ("(x: f8, x: f8):\n  return", "line 1: `x` is defined twice"),
        ("(x y: f8):\n  return", "line 1: `x y` is no name of a value"),
        ("(x: f8):", "line 1: expected an indented block"),
        ("(x: f8):\nreturn", "line 1: expected an indented block"),
        ("(x: f8):\n  y = np.sin(x)", "line 2: the block that ends here has no `return`"),
        ("(x: f8):\n\n  y = np.sin(b)\n  return", "line 3: unknown value `b`"),
        ("(x: f8):\n  y = np.sinus(x)\n  return", "line 2: unknown operation `np.sinus`"),
        ("(x: f8):\n  y = sinus(x)\n  return", "line 2: unknown operation `sinus`"),
        ("(x: f8):\n  x = np.sin(x)\n  return", "line 2: `x` is defined twice"),
        ("(x: f8):\n  np.sin = np.sin(x)\n  return", "line 2: `np.sin` is no name of a value"),
        ("(x: f8):\n  y = np.sin(x\n  return", "line 2: expected `)` before `the line's end`"),
        ("(x: f8):\n  y = np.sin(x))\n  return", "line 2: expected a name before `)`"),
        ("(x: f8):\n  y = np.sin(x x)\n  return", "line 2: expected `)` before `x )`"),
        ("(x: f8):\n  y = np.sin(,)\n  return", "line 2: expected an argument before `, )`"),
        ("(x: f8):\n  y = np.sin(x?)\n  return", "line 2: cannot read `?)`"),
        ("(x: f8):\n  return x x", "line 2: expected `,` before `x`"),
        ("(x: f8):\n  return\n  return", "line 3: text after the end of the program"),
        ("(x: f8):\n  y = f\n  return", "line 2: expected `(` before `the line's end`"),
        ("(c: bool):\n  if c:\n    yield\n  return", "line 4: expected `else` before `return`"),
        ("(c: bool):\n  if c\n    yield\n  return", "line 2: expected `:` before `the line's end`"),
        ("(c: bool):\n  if c:\n    return c\n  return", "line 3: expected `(` before `c`"),
        ("(c: bool):\n  if c:\n      print(c)\n    yield", "line 3: the block that ends here"),
        ("(n: int):\n  for i in n:\n    yield\n  return", "line 2: expected `(` before `:`"),
        ("():\n  while:\n    yield 1\n  return", "line 4: expected `do` before `return`"),
        ("():\n    return\n  return", "line 3: text after the end of the program"),
        ("():\n  print(1)\n    return", "line 3: unexpected indentation"),
    ],
)
def test_an_error_tells_the_line_and_what_is_wrong(text, message):
    with pytest.raises(SyntaxError) as error:
        parse_text(text)
    assert str(error.value).startswith(message)


def test_a_function_may_tell_the_kinds_of_results():
    def kinds(instr):
        return [instr.args[0].kind if instr.op is np.sin else FLOAT]

    block = parse_text(
        """
        (x: f8[x.0], n: int, c: bool):
          a = np.sin(x)
          b = for i in range(n) carry (p = a):
            q = np.sin(p)
            yield q
          d, k = while carry (r = 1.0):
            yield c
          do carry (s):
            yield 2.0
          e = if c:
            yield a
          else:
            yield d
          return b, d, k, e, i, s
        """,
        kinds=kinds,
    )
    a = array("f8", Size("x.0", 0, True))
    assert [v.kind for v in block.results] == [a, FLOAT, INT, join(a, FLOAT), INT, FLOAT]


def test_names_can_be_marked_as_the_users():
    block = parse_text("(x: f8, y: f8):\n  return x, y", user=["y"])
    assert [v.user for v in block.params] == [False, True]


seeds = st.integers(0, 10**9).map(Random)


@given(seeds)
def test_any_program_survives_print_and_parse(rng):
    block = random_block(rng)
    back = parse_text(str(block))
    assert str(back) == str(block)
    assert anonymous(back) == anonymous(block)
    assert evaluate(back, 3, 5) == evaluate(block, 3, 5)


constants = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.text()
    | st.binary() | st.booleans() | st.none() | st.just(...),
    lambda tree: st.lists(tree) | st.lists(tree).map(tuple) | st.dictionaries(st.text(), tree),
)  # fmt: skip


@given(constants)
def test_any_constant_survives_print_and_parse(constant):
    block = Block((), (), (constant,))
    assert repr(parse_text(str(block)).results) == repr((constant,))


# ----------------------------------------------------------------------------------- the IR itself


def test_operands_are_in_order_with_repeats():
    x, y = Value("x"), Value("y")
    instr = Instr("call", (x, [y, (x,)], Slice(None, y)), {"k": {"a": x}})
    assert instr.operands == instr.reads == (x, y, x, y, x)


def test_free_is_what_a_block_reads_from_outside():
    block = parse_text("""
        (x: f8, y: f8, z: f8, n: int):
          a = for i in range(n) carry (p = x):
            q = mul(p, y)
            b = if y:
              r = add(i, z)
              yield r
            else:
              yield q
            yield b
          return a
    """)
    x, y, z, n = block.params
    (loop,) = block.instrs
    (body,) = loop.blocks
    assert block.free == ()
    assert set(body.free) == {y, z}
    assert loop.operands == (n, x)
    assert set(loop.reads) == {n, x, y, z}
    then, other = body.instrs[1].blocks
    assert set(then.free) == {body.params[0], z}
    assert other.free == body.instrs[0].results


def test_a_trail_is_free_in_every_block_around_it():
    block = parse_text("""
        (x: f8, n: int):
          for i in range(n) twin 1:
            a = mul(x, i)
            yield
          for j in reversed range(n) twin 1:
            print(a)
            yield
          return
    """)
    forward, reverse = block.instrs
    assert reverse.blocks[0].free == block.free == forward.blocks[0].instrs[0].results


def test_walk_goes_through_blocks_in_program_order():
    ops = [i.op if isinstance(i.op, str) else i.op.__name__ for i in walk(parse_text(EVERYTHING))]
    assert ops[:6] == ["sin", "getitem", "for", "mul", "for", "add"]
    assert ops.count("if") == 1 and ops[-1] == "setitem"


def test_substitution_reaches_into_blocks():
    block = parse_text("""
        (x: f8, y: f8, n: int):
          a = for i in range(n) carry (p = x):
            q = if i:
              r = mul(p, [(x, 1:x)], k=x)
              yield r
            else:
              yield x
            yield q
          return a
    """)
    x, y, n = block.params
    assert repr(substitute(block.instrs[0], {x: y, n: 3})).splitlines() == [
        "a = for i in range(3) carry (p = y):",
        "  q = if i:",
        "    r = mul(p, [(y, 1:y)], k=y)",
        "    yield r",
        "  else:",
        "    yield y",
        "  yield q",
    ]


def test_substitution_reaches_what_a_block_yields():
    x, y = Value("x"), Value("y")
    assert substitute_block(Block((), (), (x, [x, 1])), {x: y}).results == (y, [y, 1])


def test_substitution_shares_what_it_does_not_change():
    block = parse_text("""
        (x: f8, y: f8):
          a = np.sin(x)
          if x:
            b = np.cos(x)
            yield
          else:
            c = np.sin(y)
            yield
          return a
    """)
    x, y = block.params
    first, branch = block.instrs
    assert substitute(first, {y: x}) is first
    new = substitute(branch, {y: 1})
    assert new.blocks[0] is branch.blocks[0] and new.blocks[1] is not branch.blocks[1]


def test_trees_of_arguments():
    x, y = Value("x"), Value("y")
    tree = (x, [y, 1], Slice(None, x), {"k": (y,)})
    assert flatten(tree) == [x, y, x, y]
    assert map_tree({x: 1, y: 2}.get, tree) == (1, [2, 1], Slice(None, 1), {"k": (2,)})
    assert type(map_tree(str, Slice(x))) is Slice
