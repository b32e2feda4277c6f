"""Sums in branches: what only one branch contributes to a sum is added there.

    v = if c:                                d.2 = if c:
      t = mul(d_s, y)                          t = mul(d_s, y)
      yield t                                  d.3 = add_at(d, (), i, t)
    else:                          →           yield d.3
      yield 0.0                              else:
    d.2 = add_at(d, (), i, v)                  yield d

Only sums of adjoints are touched: `x + 0.0` is not `x` to the last bit where x is -0.0.
"""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import numpy as np

from srcdiff.transforms.ir import Block, Instr, Value, flatten, leaf_kind, walk
from srcdiff.transforms.kinds import fits

SUMS = {"add_at": 3, "list_add": 2}  # the place of what is added
ZEROS = (np.zeros_like, np.zeros)


def sums_in_branches(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (c: b1, d: f8[d.0], s: f8):
    ...       adjoint() effect
    ...       v = if c:
    ...         t = mul(s, 2)
    ...         yield t
    ...       else:
    ...         yield 0.0
    ...       d.2 = add_at(d, (), 0, v)
    ...       return d.2
    ... ''')
    >>> print(sums_in_branches(before))
    (c: b1, d: f8[d.0], s: f8):
      adjoint() effect
      d.3 = if c:
        t = mul(s, 2)
        d.2 = add_at(d, (), 0, t)
        yield d.2
      else:
        yield d
      return d.3
    """
    uses = Counter(v for instr in walk(block) for v in instr.operands)
    for inner in [block, *(b for instr in walk(block) for b in instr.blocks)]:
        uses.update(flatten(inner.results))
    at = next((i for i, s in enumerate(block.instrs) if s.op == "adjoint"), len(block.instrs))
    adjoint = block.replace(instrs=block.instrs[at:])
    moved = summed(adjoint, uses)
    if moved is adjoint:
        return block
    return block.replace(instrs=(*block.instrs[:at], *moved.instrs))


def summed(block: Block, uses: Counter) -> Block:
    instrs: list[Instr] = []
    made: dict[Value, int] = {}  # value → the number of the instruction that makes it
    changed = False
    for instr in block.instrs:
        if instr.blocks:
            blocks = tuple(summed(b, uses) for b in instr.blocks)
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr, changed = instr.replace(blocks=blocks), True
        place = where_added(instr)
        for added in () if place is None else place:
            value = instr.args[added]
            at = made.get(value) if isinstance(value, Value) and uses[value] == 1 else None
            if at is None or instrs[at].op != "if":
                continue
            others = [v for k, a in enumerate(instr.args) if k != added for v in flatten(a)]
            total = others[0] if others else None
            if total in instrs[at].results and uses[total] == 1:
                others.remove(total)  # it was added to in the same branches before
            if any(made.get(v, -1) >= at for v in others):
                continue
            branch = with_sum(instrs[at], instr, added)
            if branch is not None:
                instrs[at], changed = branch, True
                made.update(dict.fromkeys(branch.results, at))
                break
        else:
            made.update(dict.fromkeys(instr.results, len(instrs)))
            instrs.append(instr)
    return block.replace(instrs=instrs) if changed else block


def where_added(instr: Instr) -> tuple[int, ...] | None:
    """The arguments that are added to another one."""
    if instr.op in SUMS:
        return (SUMS[instr.op],)
    return (1, 0) if instr.op is operator.add and instr.attrs.get("adjoint") else None


def with_sum(branch: Instr, instr: Instr, added: int) -> Instr | None:
    """The `if` with a sum in the branch that contributes to it."""
    value = instr.args[added]
    at = branch.results.index(value)
    ends = [b.results[at] for b in branch.blocks]
    zero = [is_zero(end, b) for end, b in zip(ends, branch.blocks)]
    total = instr.args[1 - added] if instr.op is operator.add else instr.args[0]
    (result,) = instr.results
    if sum(zero) != 1 or not isinstance(total, Value):
        return None
    before = branch.results.index(total) if total in branch.results else None
    gone = {at, before}
    if instr.op is operator.add and not (
        fits(leaf_kind(total), result.kind) and leaf_kind(total).dtype == result.kind.dtype
    ):
        return None
    blocks = []
    for end, nothing, block in zip(ends, zero, branch.blocks):
        others = [r for k, r in enumerate(block.results) if k not in gone]
        so_far = total if before is None else block.results[before]
        if nothing:
            blocks.append(block.replace(results=(*others, so_far)))
            continue
        args = tuple(
            end if k == added else so_far if a is total else a for k, a in enumerate(instr.args)
        )
        made = result.like()
        inner = instr.replace(args=args, results=(made,))
        blocks.append(block.replace(instrs=(*block.instrs, inner), results=(*others, made)))
    results = (*(r for k, r in enumerate(branch.results) if k not in gone), result)
    return branch.replace(blocks=tuple(blocks), results=results)


def is_zero(end: Any, block: Block) -> bool:
    if not isinstance(end, Value):
        return type(end) in (int, float) and end == 0
    made = next((i for i in block.instrs if end in i.results), None)
    return made is not None and made.op in ZEROS
