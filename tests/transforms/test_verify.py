"""The verifier takes programs, and nothing else."""

import operator
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srcdiff.transforms.common_subexpressions import common_subexpressions
from srcdiff.transforms.dead_code import dead_code
from srcdiff.transforms.ir import UNDEFINED, Block, Instr, Slice, Value
from srcdiff.transforms.kinds import FLOAT, INT, Size, array, scalar
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import IRError, agree, verify
from tests.transforms.passes import random_block

X, N = Value("x", FLOAT), Value("n", INT)


def program(*instrs, results=()):
    return Block((X, N), instrs, results)


def rejected(block, message):
    with pytest.raises(IRError) as error:
        verify(block)
    assert str(error.value).split("\n")[0] == message


def rejects(text, message):
    """The text is no program, and the line with the comment `# <-` is shown."""
    lines = [line.removesuffix("# <-").strip() for line in text.split("\n") if "# <-" in line]
    with pytest.raises(IRError) as error:
        verify(parse_text(text.replace("# <-", "")))
    first, *shown = str(error.value).split("\n")
    assert first == message
    assert [s.removesuffix("<-- here").strip() for s in shown if s.endswith("<-- here")] == lines


def accepts(text):
    block = parse_text(text)
    assert verify(block) is block


# ---------------------------------------------------------------------------------------- names


def test_a_value_is_defined_once():
    a = Value("a")
    sin = Instr(np.sin, (X,), results=(a,))
    rejected(program(sin, Instr(np.cos, (X,), results=(a,))), "`a` is defined twice")
    rejected(program(Instr(divmod, (X, 2), results=(a, a))), "`a` is defined twice")
    rejected(program(Instr(np.sin, (1,), results=(X,))), "`x` is defined twice")
    rejected(Block((X, X), (), ()), "`x` is defined twice")
    loop = Instr("for", (("range", 0, N, 1), (a,)), blocks=(Block((Value(), a), (), (a,)),))
    rejected(program(sin, loop.replace(results=(Value(),))), "`a` is defined twice")


def test_a_value_is_read_after_its_definition():
    a, b = Value("a"), Value("b")
    first, second = Instr(np.sin, (b,), results=(a,)), Instr(np.cos, (X,), results=(b,))
    rejected(program(first, second), "`b` is read before it is defined")
    verify(program(second, first))
    rejected(program(Instr(np.sin, (a,), results=(a,))), "`a` is read before it is defined")
    rejected(program(results=(a,)), "`a` is read before it is defined")
    rejected(program(results=((X, [a]),)), "`a` is read before it is defined")
    deep = Instr(np.sum, ([(1, Slice(a))],), {"axis": 0})
    rejected(program(deep), "`a` is read before it is defined")
    rejected(program(Instr(np.sum, (X,), {"axis": a})), "`a` is read before it is defined")


def test_only_values_are_defined_and_they_have_names():
    rejected(program(Instr(np.sin, (X,), results=("a",))), "'a' cannot be defined")
    rejected(Block((FLOAT,), (), ()), "float cannot be defined")
    rejected(Block((Value("x.2"),), (), ()), "`x.2` is no name")


def test_what_a_block_defines_is_seen_in_the_blocks_inside_it():
    accepts("""
        (x: f8, n: int, c: bool):
          a = for i in range(n) carry (p = x):
            b = if c:
              q = mul(p, i)
              yield q
            else:
              yield x
            yield b
          return a
    """)


def test_what_a_block_defines_is_not_seen_outside():
    rejects(
        """
        (x: f8, n: int):
          a = for i in range(n) carry (p = x):
            q = mul(p, 2)
            yield q
          b = mul(a, q) # <-
          return b
        """,
        "`q` is read out of its scope",
    )
    rejects(
        """
        (x: f8, c: bool):
          if c:
            a = np.sin(x)
            yield
          else:
            yield
          return a # <-
        """,
        "`a` is read out of its scope",
    )
    rejects(
        """
        (x: f8):
          a, k = while carry (p = x):
            l = lt(p, 1)
            yield l
          do carry (q):
            r = mul(p, 2) # <-
            yield r
          return a
        """,
        "`p` is read out of its scope",
    )
    rejects(
        """
        (n: int):
          a = for i in range(n) carry (p = 0):
            yield p
          b = for j in range(i) carry (q = 0): # <-
            yield q
          return b
        """,
        "`i` is read out of its scope",
    )


# --------------------------------------------------------------------------------------- trails


def test_a_reverse_sweep_reads_its_twin():
    accepts("""
        (x: f8, n: int, d: f8):
          a = for i in range(n) carry (p = x) twin 1:
            q = np.sin(p)
            yield q
          b = for j in reversed range(n) carry (e = d) twin 1:
            r = add(p, q)
            s = mul(r, i)
            yield s
          return b
    """)


def test_without_a_twin_or_with_another_there_is_no_trail():
    for mark in ("", "twin 2"):
        rejects(
            f"""
            (x: f8, n: int):
              for i in range(n) twin 1:
                q = np.sin(x)
                yield
              for j in reversed range(n) {mark}:
                r = np.exp(q) # <-
                yield
              return
            """,
            "`q` is read out of its scope",
        )
    rejects(
        """
        (x: f8, n: int):
          for i in range(n):
            q = np.sin(x)
            yield
          for j in range(n):
            print(q) # <-
            yield
          return
        """,
        "`q` is read out of its scope",
    )


def test_the_twin_comes_later():
    i, j, a = Value("i"), Value("j"), Value("a")

    def loop(item, *instrs):
        body = Block((item,), instrs, ())
        return Instr("for", (("range", 0, N, 1), ()), blocks=(body,), attrs={"twin": 1})

    make, read = Instr(np.sin, (X,), results=(a,)), Instr("print", (a,))
    verify(program(loop(i, make), loop(j, read)))
    rejected(program(loop(i, read), loop(j, make)), "`a` is read before it is defined")


def test_what_the_twin_takes_from_outside_is_no_trail():
    rejects(
        """
        (x: f8, n: int):
          for i in range(n) twin 1:
            m = add(i, 1)
            yield
          for j in reversed range(m) twin 1: # <-
            yield
          return
        """,
        "`m` is read out of its scope",
    )


def test_a_branch_reads_the_same_branch():
    text = """
        (x: f8, c: bool):
          if c twin 1:
            a = np.sin(x)
            yield
          else:
            b = np.cos(x)
            yield
          if c twin 1:
            print({})
            yield
          else:
            print({}) # <-
            yield
          return
    """
    accepts(text.format("a", "b").replace("# <-", ""))
    rejects(text.format("a", "a"), "`a` is read out of its scope")


def test_a_branch_is_not_the_twin_of_its_own_other_branch():
    rejects(
        """
        (x: f8):
          k = while twin 1:
            l = lt(x, 1)
            yield l
          do:
            print(l) # <-
            yield
          return
        """,
        "`l` is read out of its scope",
    )


def test_the_reverse_of_a_while_is_a_for():
    accepts("""
        (x: f8):
          a, k = while carry (p = x) twin 1:
            l = lt(p, 1)
            yield l
          do carry (q):
            r = np.sin(q)
            yield r
          for i in reversed range(k) twin 1:
            print(q, r, l)
            yield
          return
    """)


NESTED = """
    (x: f8, n: int):
      for i in range(n) twin 1:
        a = np.sin(x)
        for j in range(n) twin 2:
          b = np.cos(a)
          yield
        yield
      for i.2 in reversed range(n) twin 1:
        for j.2 in reversed range(n) twin {}:
          print(a)
          print({}) {}
          yield
        print({}) {}
        yield
      return
"""


def test_nested_twins():
    accepts(NESTED.format(2, "b", "", "a", ""))
    rejects(NESTED.format(2, "b", "", "b", "# <-"), "`b` is read out of its scope")
    rejects(NESTED.format(3, "b", "# <-", "a", ""), "`b` is read out of its scope")
    accepts(NESTED.format(3, "a", "", "a", ""))


def test_nested_twins_in_the_wrong_order_are_no_twins():
    rejects(
        """
        (x: f8, n: int):
          for i in range(n) twin 1:
            for j in range(n) twin 2:
              b = np.cos(x)
              yield
            yield
          for i.2 in reversed range(n) twin 2:
            for j.2 in reversed range(n) twin 1:
              print(b) # <-
              yield
            yield
          return
        """,
        "`b` is read out of its scope",
    )


def test_forward_and_reverse_within_one_step_of_a_loop():
    accepts("""
        (x: f8, n: int):
          for i in range(n):
            for j in range(n) twin 1:
              b = np.cos(x)
              yield
            for j.2 in reversed range(n) twin 1:
              print(b)
              yield
            yield
          return
    """)


def test_a_trail_does_not_lead_out_of_a_loop_without_twin():
    rejects(
        """
        (x: f8, n: int):
          for i in range(n):
            for j in range(n) twin 1:
              b = np.cos(x)
              yield
            yield
          for j.2 in reversed range(n) twin 1:
            print(b) # <-
            yield
          return
        """,
        "`b` is read out of its scope",
    )


# -------------------------------------------------------------------------------------- regions

EMPTY = Block((), (), ())


def loop(params=1, inits=(), yields=(), results=0, **attrs):
    values = tuple(Value("p") for _ in range(params))
    out = tuple(Value("r") for _ in range(results))
    args = (("range", 0, N, 1), inits)
    return program(Instr("for", args, {}, out, (Block(values, (), yields),), attrs))


def until(tests=(False,), params=((), ()), inits=(), yields=(), results=1, **attrs):
    test, body = (tuple(Value("p") for _ in range(n)) for n in (params[0] or 0, params[1] or 0))
    out = tuple(Value("r") for _ in range(results))
    blocks = (Block(test, (), tests), Block(body, (), yields))
    return program(Instr("while", (inits,), {}, out, blocks, attrs))


def branch(then=(), other=(), results=0, params=()):
    out = tuple(Value("r") for _ in range(results))
    return program(Instr("if", (X,), {}, out, (Block(params, (), then), Block((), (), other))))


@pytest.mark.parametrize(
    "block, message",
    [
        (branch((1,), (), 1), "0 yields, not 1"),
        (branch((), (1,), 1), "0 yields, not 1"),
        (branch((1,), (1,), 0), "1 yields, not 0"),
        (branch(params=(Value("p"),)), "1 parameters, not 0"),
        (program(Instr("if", (X,), blocks=(EMPTY,))), "`if` with 1 blocks"),
        (program(Instr("if", (X,))), "`if` with 0 blocks"),
        (program(Instr("if", (), blocks=(EMPTY, EMPTY))), "`if` with 0 arguments"),
        (program(Instr("if", (X,), {"a": 1}, blocks=(EMPTY, EMPTY))), "`if` with 1 arguments"),
        (loop(params=0), "0 parameters, not 1"),
        (loop(params=2), "2 parameters, not 1"),
        (loop(params=2, inits=(1,), yields=(), results=1), "0 values to yield, not 1"),
        (loop(params=2, inits=(1,), yields=(1,), results=0), "0 results, not 1"),
        (loop(params=2, inits=(1,), yields=(1, 2), results=1), "2 values to yield, not 1"),
        (loop(params=2, inits=(1,), yields=(1,), results=2, may_break=True),
         "1 values to yield, not 2"),
        (loop(params=2, inits=(1,), yields=(1, 2), results=1, may_break=True),
         "1 results, not 2"),
        (loop(params=2, inits=[1], yields=(1,), results=1), "the first values are a tuple"),
        (program(Instr("for", (N, ()), blocks=(EMPTY,))),
         'the iterable is ("range", start, stop, step)'),
        (program(Instr("for", (("range", 0, N), ()), blocks=(EMPTY,))),
         'the iterable is ("range", start, stop, step)'),
        (program(Instr("for", (("range", 0, N, 1),), blocks=(EMPTY,))), "`for` with 1 arguments"),
        (program(Instr("for", (("range", 0, N, 1), ()), blocks=())), "`for` with 0 blocks"),
        (until(tests=()), "0 tests, not 1"),
        (until(tests=(True, True)), "2 tests, not 1"),
        (until(inits=[]), "the first values are a tuple"),
        (until(params=(1, 0)), "1 parameters, not 0"),
        (until(params=(0, 1)), "1 parameters, not 0"),
        (until(yields=(1,)), "1 values to yield, not 0"),
        (until(results=0), "0 results, not 1"),
        (until(may_break=True), "0 values to yield, not 1"),
        (until(yields=(True,), results=2, may_break=True), "2 results, not 1"),
        (until(params=(1, 1), inits=(1,), yields=(1,), results=1), "1 results, not 2"),
        (program(Instr("with", (X,), blocks=(EMPTY,))), "`with` with 1 blocks"),
        (program(Instr(np.sin, (X,), blocks=(EMPTY,))),
         "an operation that cannot be called, or with blocks"),
    ],
)  # fmt: skip
def test_a_region_has_its_shape(block, message):
    rejected(block, message)


def test_regions_of_the_right_shape():
    verify(branch((1, X), (2, 3), 2))
    verify(loop(params=2, inits=(1,), yields=(1,), results=1))
    verify(loop(params=2, inits=(1,), yields=(1, True), results=2, may_break=True))
    verify(until())
    verify(until(yields=(True,), may_break=True))
    verify(until(params=(1, 1), inits=(X,), yields=(1.0,), results=2))


# ---------------------------------------------------------------------------------------- kinds


def test_kinds_agree_in_tag_dtype_and_rank():
    f8 = array("f8", 3, Size("n"))
    assert agree(f8, array("f8", 1, 2)) and agree(f8, Value().kind) and agree(Value().kind, f8)
    assert agree(FLOAT, scalar("f8", None)) and agree(f8, f8._replace(shape=None))
    assert not agree(f8, array("f4", 3, 3)) and not agree(f8, array("f8", 3))
    assert not agree(FLOAT, INT) and not agree(FLOAT, array("f8"))


KINDS = {"a": FLOAT, "i": INT, "v": array("f8", 3)}


def carried(init, param, test_param, yielded, result):
    """The four ways into a carried value, for a loop and a `while`; "?" is unknown."""

    def value(kind):
        return Value("p", KINDS[kind]) if kind in KINDS else Value("p")

    outside = [value(kind) for kind in (init, yielded)]
    params = (value(param), value(test_param), value(result))
    for_body = Block((Value("i"), params[0]), (), (outside[1],))
    yield Block(
        tuple(outside),
        (Instr("for", (("range", 0, 3, 1), (outside[0],)), {}, (params[2],), (for_body,)),),
        (),
    )
    blocks = (Block((params[1],), (), (True,)), Block((params[0],), (), (outside[1],)))
    results = (params[2], Value("k"))
    yield Block(tuple(outside), (Instr("while", ((outside[0],),), {}, results, blocks),), ())


def test_what_flows_into_a_carried_value_agrees_with_it():
    for kinds in ("aaaaa", "?????", "a???a", "?a?a?", "vvvvv"):
        for block in carried(*kinds):
            verify(block)
    for kinds in ("iaaaa", "vaaaa", "aaaia", "aaaav", "aiaa?"):
        blocks = list(carried(*kinds))
        for block in blocks if kinds != "aiaa?" else blocks[1:]:
            with pytest.raises(IRError, match="of `p: .*` is"):
                verify(block)


def test_constants_have_kinds_too():
    def block(init):
        body = Block((Value("i"), Value("p", FLOAT)), (), (1.5,))
        args = (("range", 0, 3, 1), (init,))
        return Block((), (Instr("for", args, {}, (Value("r", FLOAT),), (body,)),), ())

    verify(block(0.0))
    verify(block(UNDEFINED))
    rejected(block(0), "a first value of `p: float` is int")
    rejected(block(None), "a first value of `p: float` is none")


def test_both_branches_agree_with_the_result():
    def block(then, other):
        return program(
            Instr("if", (X,), {}, (Value("r", FLOAT),), (Block((), (), then), Block((), (), other)))
        )

    verify(block((X,), (1.0,)))
    rejected(block((X,), (N,)), "a yield of `r: float` is int")
    rejected(block((N,), (X,)), "a yield of `r: float` is int")


# ------------------------------------------------------------------------- operations, arguments


@pytest.mark.parametrize("op", [None, 3, np.ones(2), ("a",)], ids=str)
def test_an_operation_can_be_called(op):
    message = "an operation that cannot be called, or with blocks"
    rejected(program(Instr(op, (X,))), message)


def test_an_object_without_a_hash_can_be_called():
    class Model(list):
        def __call__(self, x):
            return x

    call = Instr(Model(), (X,), {}, (Value("y"),), attrs={"effect": False, "opaque": True})
    block = verify(program(call, results=call.results))
    assert not call.effect
    assert common_subexpressions(dead_code(block)) is block


def test_a_name_of_an_operation_is_known():
    rejected(program(Instr("sin", (X,))), "`sin` is no operation")
    rejected(program(Instr("load", ("x",))), "`load` is no operation")
    verify(program(Instr("getitem", (X, 0)), Instr("push", (X, N)), Instr(operator.mul, (X, X))))


def test_arguments_are_values_constants_and_plain_containers():
    good = (X, [1, (Slice(X), "a")], {"k": X}, np.float64, np.dtype("f4"), ..., None, 1j)
    verify(program(Instr("call", good, {"k": good}), results=(good,)))
    bad = [
        (EMPTY, "a Block is no argument"),
        (Instr(np.sin, (X,)), "a Instr is no argument"),
        (FLOAT, "a Kind is no argument"),
        (Size("n"), "a Size is no argument"),
        (slice(1), "a slice is no argument"),
        ({1}, "a set is no argument"),
    ]
    for tree, message in bad:
        for nested in (tree, [tree], ((1, tree),), {"k": tree}, Slice(None, tree)):
            rejected(program(Instr("call", (nested,))), message)
            rejected(program(Instr("call", (), {"k": nested})), message)
            rejected(program(results=(nested,)), message)


def test_attrs_hold_no_values_and_are_where_they_mean_something():
    rejected(program(Instr(np.sin, (X,), attrs={"like": (X,)})), "an attr holds a value")
    rejected(program(Instr(np.sin, (X,), attrs={"twin": 1})), "this attr is for regions")
    rejected(program(Instr(np.sin, (X,), attrs={"may_break": True})), "this attr is for regions")


def test_effects_are_marked_as_such():
    verify(program(Instr("print", (X,)), Instr(input, attrs={"effect": True})))
    verify(program(Instr(len, (X,), attrs={"effect": False})))
    rejected(program(Instr(input, attrs={"effect": 1})), "`effect` is True or False")
    marked = Instr("if", (X,), blocks=(EMPTY, Block((), (), ())), attrs={"effect": True})
    rejected(program(marked), "a region is marked as an effect")


# ------------------------------------------------------------------------------------ the message


def test_a_long_program_is_shown_around_the_mark():
    lines = [f"  a.{i} = mul(x, {i})" for i in range(1, 5000)]
    block = parse_text("\n".join(["(x: f8, n: int):", *lines, "  return x"]))
    bad = Instr(np.exp, (Value("b"),))
    block = block.replace(instrs=(*block.instrs[:2500], bad, *block.instrs[2500:]))
    with pytest.raises(IRError) as error:
        verify(block)
    shown = str(error.value).split("\n")
    assert shown[0] == "`b` is read before it is defined"
    assert shown[1] == shown[-1] == "  …"
    assert shown[22] == "    np.exp(b)        <-- here"
    assert len(shown) == 44


def test_what_is_too_broken_to_be_printed_is_rejected_too():
    rejected(program(Instr("while", (3,), blocks=(EMPTY,))), "`while` with 1 blocks")


# ------------------------------------------------------------------------------- random programs

seeds = st.integers(0, 10**9).map(Random)


@given(seeds)
def test_random_programs_are_programs(rng):
    block = random_block(rng)
    assert verify(block) is block


def break_one(rng, block):
    """The block without one definition that something after it reads."""
    read = {v for instr in block.instrs for v in instr.reads} | set(block.results) - {0, 1, -1}
    needed = [i for i, instr in enumerate(block.instrs) if not read.isdisjoint(instr.results)]
    if not needed:
        return None
    gone = rng.choice(needed)
    return block.replace(instrs=block.instrs[:gone] + block.instrs[gone + 1 :])


@given(seeds)
def test_a_program_without_a_needed_definition_is_none(rng):
    broken = break_one(rng, random_block(rng))
    if broken is not None:
        with pytest.raises(IRError):
            verify(broken)


@given(seeds)
def test_a_program_with_a_definition_twice_is_none(rng):
    block = random_block(rng)
    makers = [instr for instr in block.instrs if instr.results]
    if makers:
        again = block.replace(instrs=(*block.instrs, rng.choice(makers)))
        with pytest.raises(IRError, match="is defined twice"):
            verify(again)
