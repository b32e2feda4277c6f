"""Forward mode: text in, text out."""

from collections.abc import Callable
from typing import Any

import pytest

from srcdiff.runtime.errors import NoRuleError
from srcdiff.transforms.dead_code import dead_code
from srcdiff.transforms.forward import forward
from srcdiff.transforms.ir import Block
from srcdiff.transforms.kinds import BOOL, FLOAT, INT, Kind, Size, array
from srcdiff.transforms.specialize import Specializer, expander
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import anonymous

VECTOR = array("f8", Size("n", 0, True))
KINDS = {"i": INT, "n": INT, "c": BOOL, "v": VECTOR, "w": VECTOR, "l": Kind("list", items=(FLOAT,))}


def kinds(instr: Any) -> list:
    """By the first letter of the name; x, y, … are floats."""
    return [KINDS.get(r.name[0], FLOAT) for r in instr.results]


def parsed(text: str) -> Block:
    block = parse_text(text, kinds=kinds)
    for p in block.params:
        p.kind = KINDS.get(p.name[0], FLOAT)
    for instr in block.instrs:
        for inner in instr.blocks:
            for p in inner.params:
                p.kind = KINDS.get(p.name[0], FLOAT)
    return block


def moved(block: Block, transpose: Callable | None = None) -> Block:
    """The tangent along the parameters called `…_dot`."""
    dots = {p.name: p for p in block.params if p.name.endswith("_dot")}
    tangents = {p: dots[f"{p.name}_dot"] for p in block.params if f"{p.name}_dot" in dots}
    expand: Any = expander(Specializer())
    return forward(block, tangents, expand, transpose)  # type: ignore[arg-type]


def check(before: str, after: str) -> None:
    got = verify(dead_code(moved(verify(parsed(before)))))
    assert anonymous(got) == anonymous(parsed(after)), f"\n{got}"


def test_what_is_linear_is_applied_to_the_tangent():
    check("""
        (v: f8, v_dot: f8):
          w = np.cumsum(v)
          x = np.sum(w)
          return x
    """, """
        (v: f8, v_dot: f8):
          w = np.cumsum(v)
          w_dot = np.cumsum(v_dot)
          x = np.sum(w)
          x_dot = np.sum(w_dot)
          return x, x_dot
    """)  # fmt: skip


def test_the_tangent_of_a_product_has_a_term_for_each_factor_that_moves():
    check("""
        (x: f8, y: f8, z: f8, x_dot: f8, y_dot: f8):
          a = mul(x, y)
          b = mul(a, z)
          return b
    """, """
        (x: f8, y: f8, z: f8, x_dot: f8, y_dot: f8):
          a = mul(x, y)
          s = mul(x_dot, y)
          t = mul(x, y_dot)
          a_dot = add(s, t)
          b = mul(a, z)
          b_dot = mul(a_dot, z)
          return b, b_dot
    """)  # fmt: skip


def test_a_constant_term_has_no_tangent():
    check("""
        (x: f8, x_dot: f8):
          a = add(x, 1.0)
          b = sub(2.0, a)
          return b
    """, """
        (x: f8, x_dot: f8):
          a = add(x, 1.0)
          b = sub(2.0, a)
          b_dot = neg(x_dot)
          return b, b_dot
    """)  # fmt: skip


def test_a_store_goes_to_the_tangent_first():
    check("""
        (v: f8, x: f8, x_dot: f8):
          w = setitem(v, (), 0, x)
          return w
    """, """
        (v: f8, x: f8, x_dot: f8):
          v_dot = np.zeros_like(v)
          w_dot = setitem(v_dot, (), 0, x_dot)
          w = setitem(v, (), 0, x)
          return w, w_dot
    """)  # fmt: skip


def test_a_loop_carries_the_tangents_of_what_it_carries():
    check("""
        (v: f8, n: int, v_dot: f8):
          y = for i in range(n) carry (x = 0.0):
            a = getitem(v, i)
            b = add(x, a)
            yield b
          return y
    """, """
        (v: f8, n: int, v_dot: f8):
          y, y_dot = for i in range(n) carry (x = 0.0, x_dot = 0.0):
            a = getitem(v, i)
            a_dot = getitem(v_dot, i)
            b = add(x, a)
            b_dot = add(x_dot, a_dot)
            yield b, b_dot
          return y, y_dot
    """)  # fmt: skip


def test_the_test_of_a_while_reads_values_alone():
    check("""
        (x: f8, x_dot: f8):
          y, n = while carry (a = x):
            c = lt(a, 9.0)
            yield c
          do carry (b):
            z = mul(b, 2.0)
            yield z
          return y
    """, """
        (x: f8, x_dot: f8):
          y, y_dot, n = while carry (a = x, a_dot = x_dot):
            c = lt(a, 9.0)
            yield c
          do carry (b, b_dot):
            z = mul(b, 2.0)
            z_dot = mul(b_dot, 2.0)
            yield z, z_dot
          return y, y_dot
    """)  # fmt: skip


def test_a_branch_that_does_not_move_gives_zero():
    check("""
        (x: f8, c: bool, x_dot: f8):
          y = if c:
            a = mul(x, 2.0)
            yield a
          else:
            yield 1.0
          return y
    """, """
        (x: f8, c: bool, x_dot: f8):
          y, y_dot = if c:
            a = mul(x, 2.0)
            a_dot = mul(x_dot, 2.0)
            yield a, a_dot
          else:
            yield 1.0, 0.0
          return y, y_dot
    """)  # fmt: skip


def test_a_list_has_a_list_of_tangents():
    check("""
        (x: f8, n: int, x_dot: f8):
          l1 = list(())
          l2 = for i in range(n) carry (l3 = l1):
            l4 = list_append(l3, x)
            yield l4
          y = builtins.sum(l2)
          return y
    """, """
        (x: f8, n: int, x_dot: f8):
          l1 = list(())
          l1_dot = list(())
          l2, l2_dot = for i in range(n) carry (l3 = l1, l3_dot = l1_dot):
            l4 = list_append(l3, x)
            l4_dot = list_append(l3_dot, x_dot)
            yield l4, l4_dot
          y = builtins.sum(l2)
          y_dot = builtins.sum(l2_dot)
          return y, y_dot
    """)  # fmt: skip


def test_a_reverse_sweep_reads_the_tangents_of_its_twin():
    check("""
        (x: f8, n: int, x_dot: f8):
          y = for i in range(n) carry (a = x) twin 1:
            b = np.exp(a)
            yield b
          d_x = for i2 in reversed range(n) carry (d_a = 1.0) twin 1:
            d_b = mul(d_a, b)
            yield d_b
          return d_x
    """, """
        (x: f8, n: int, x_dot: f8):
          y, y_dot = for i in range(n) carry (a = x, a_dot = x_dot) twin 1:
            b = np.exp(a)
            b_dot = mul(a_dot, b)
            yield b, b_dot
          d_x, d_x_dot = for i2 in reversed range(n) carry (d_a = 1.0, d_a_dot = 0.0) twin 1:
            d_b = mul(d_a, b)
            s = mul(d_a_dot, b)
            t = mul(d_a, b_dot)
            d_b_dot = add(s, t)
            yield d_b, d_b_dot
          return d_x, d_x_dot
    """)  # fmt: skip


def test_what_has_no_rule_is_an_error():
    def unknown(x):
        return x

    block = parsed("(x: f8, x_dot: f8):\n  y = neg(x)\n  return y")
    block = block.replace(instrs=[block.instrs[0].replace(op=unknown)])
    with pytest.raises(NoRuleError, match="unknown.* has no derivative rule"):
        moved(block)
