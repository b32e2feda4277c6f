"""Calls that were given to `checkpoint`: the reverse sweep computes them once more.

    a = np.exp(h) checkpoint=1                 a = np.exp(h)
    b = np.sin(a) checkpoint=1                 b = np.sin(a)
    y = np.sum(b)                              y = np.sum(b)
    adjoint()                             →    adjoint()
    …                                          …
    c = np.cos(a) adjoint_of=1                 a.2 = np.exp(h) again
    d_a = mul(d_b, c) adjoint_of=1             c = np.cos(a.2)
    d_h = mul(d_a, a) adjoint_of=1             d_a = mul(d_b, c)
                                               d_h = mul(d_a, a.2)

What belongs to the adjoint of a call reads copies of what the call has computed, made just before
they are read, from what went into the call: that alone is kept. In a loop it is the reverse step
that computes the call again. What happens once (a draw, a call that no one can see into) is kept as
it would be without, and so is what is not the call's own.
"""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.copies import Copies, happens_once, quiet, renamed
from srcdiff.transforms.ir import Block, Instr, Value, defined_inside, walk


def recompute(block: Block) -> Block:
    """The block with the calls that are marked computed again (see the module's docstring).

    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (h: f8, d_b: f8):
    ...       a = np.exp(h) checkpoint=1
    ...       b = np.sin(a) checkpoint=1
    ...       adjoint() effect
    ...       c = np.cos(a) adjoint_of=1
    ...       d_a = mul(d_b, c) adjoint_of=1
    ...       d_h = mul(d_a, a) adjoint_of=1
    ...       return b, d_h
    ... ''')
    >>> print(recompute(before))
    (h: f8, d_b: f8):
      a = np.exp(h) checkpoint=1
      b = np.sin(a) checkpoint=1
      adjoint() effect
      a.2 = np.exp(h) again
      c = np.cos(a.2) adjoint_of=1
      d_a = mul(d_b, c) adjoint_of=1
      d_h = mul(d_a, a.2) adjoint_of=1
      return b, d_h
    """
    if not any("adjoint_of" in instr.attrs for instr in walk(block)):
        return block
    return block.replace(instrs=visit([], list(block.instrs)))


def visit(before: list[Instr], instrs: list[Instr]) -> list[Instr]:
    """The instructions of a block; `before` are those of its forward twin, which it may read."""
    calls: dict[int, Call] = {}
    for instr in (*before, *instrs):
        number = instr.attrs.get("checkpoint")
        if number is not None:
            calls.setdefault(number, Call()).add(instr)
    out: list[Instr] = []
    for instr in instrs:
        call = calls.get(instr.attrs.get("adjoint_of", 0))
        if call is not None:
            made, instr = call.read_by(instr)
            out += made
        out.append(instr)
    for j, instr in enumerate(out):
        if not instr.blocks:
            continue
        twin = instr.attrs.get("twin", 0)
        earlier = [f for f in (*before, *out[:j]) if f.attrs.get("twin") == twin and f.blocks]
        blocks = []
        for k, block in enumerate(instr.blocks):
            seen = [i for f in earlier for i in f.blocks[k if f.op == "if" else -1].instrs]
            inner = visit(seen, list(block.instrs))
            same = all(a is b for a, b in zip(inner, block.instrs)) and (
                len(inner) == len(block.instrs))  # fmt: skip
            blocks.append(block if same else block.replace(instrs=inner))
        if any(a is not b for a, b in zip(blocks, instr.blocks)):
            out[j] = instr.replace(blocks=tuple(blocks))
    return out


class Call:
    """What one call computes, and as far as it was wanted so far, computes again."""

    def __init__(self) -> None:
        self.instrs: list[Instr] = []
        self.home: dict[Value, Instr] = {}
        self.copies = Copies()
        self.made: set[Instr] = set()

    def add(self, instr: Instr) -> None:
        self.instrs.append(instr)
        if any(map(happens_once, walk(Block((), [instr], ())))):
            return  # what it returns is kept
        self.home.update(dict.fromkeys((*instr.results, *defined_inside(instr)), instr))

    def read_by(self, reader: Instr) -> tuple[list[Instr], Instr]:
        """What is to be computed for one that reads it, and this, reading the copies."""
        wanted: set[Instr] = set()
        todo = list(reader.reads)
        while todo:
            maker = self.home.get(todo.pop())
            if maker is not None and maker not in self.made and maker not in wanted:
                wanted.add(maker)
                todo += maker.reads
        self.made |= wanted
        new = [fresh(self.copies.copied(quiet(i))) for i in self.instrs if i in wanted]
        block: Any = renamed(Block((), [reader], ()), self.copies.env, self.copies.twins)
        return new, block.instrs[0]


def fresh(instr: Instr) -> Instr:
    """A copy: it is not to be put down to what the call has computed before."""
    attrs = {k: v for k, v in instr.attrs.items() if k != "checkpoint"}
    return instr.replace(attrs=attrs if instr.blocks else attrs | {"again": True})
