"""Powers of ints: `n ** k` is taken to be an int, which holds unless k is negative.

    t = pow(n, k)                            t = pow(n, k)
    m = operator.index(t) power        →     y = np.zeros(t)
    y = np.zeros(m)                          z = mul(x, t)
    z = mul(x, m)

`operator.index` raises where the power is a float. It stays only where a float would not raise by
itself and would make something else than an int does.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.transforms.ir import Block, Instr, Value, flatten, leaf_kind, substitute, walk

SHAPED = frozenset({np.zeros, np.ones, np.empty, np.reshape, np.broadcast_to, "getitem"})
ARITHMETIC = frozenset({operator.add, operator.sub, operator.mul, operator.truediv})
COMPARISON = frozenset(
    {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne}
)


def int_powers(block: Block) -> Block:
    """Drop the checks of powers that nobody needs (see the module's docstring)."""
    checks = {i.results[0]: i.args[0] for i in walk(block) if i.attrs.get("power")}
    if not checks:
        return block
    needed: set[Value] = {v for v in flatten(block.results) if v in checks}
    for instr in walk(block):
        for v in instr.operands:
            if v in checks and not indifferent(instr, v):
                needed.add(v)
        for inner in instr.blocks:
            needed |= {v for v in flatten(inner.results) if v in checks}
    return without(block, {v: t for v, t in checks.items() if v not in needed})


def indifferent(instr: Instr, v: Value) -> bool:
    """Whether an operation raises if v is a float, or does with it what it does with an int."""
    op, args = instr.op, instr.args
    if op in SHAPED:
        return v not in flatten(args[0]) or op not in (np.reshape, np.broadcast_to, "getitem")
    if op == "for":
        return v not in flatten(args[1])
    if op in COMPARISON:
        return True
    if op in ARITHMETIC or op is operator.pow and args[0] is not v:
        others = [leaf_kind(a) for a in args if a is not v]
        return any(k.inexact or op is operator.truediv and k.tag == "scalar" for k in others)
    return False


def without(block: Block, env: dict[Value, Any]) -> Block:
    instrs = []
    for instr in block.instrs:
        if instr.results and instr.results[0] in env:
            continue
        instr = substitute(instr, env)
        if instr.blocks:
            instr = instr.replace(blocks=tuple(without(b, env) for b in instr.blocks))
        instrs.append(instr)
    return block.replace(instrs=instrs)
