"""What is linear in some values, by the registry: each operation says in what it is linear.

    t = mul(x_dot, c)          linear
    u = add(t, 1.0)            shifted                    it is not 0 where x_dot is 0
    w = abs(x_dot)             unknown

A forward rule of the user's has to be linear in its tangents: then it may be transposed, and a
tangent of zero may be left out. That the transpose does not depend on the tangents does not say so:
it loses what is added.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from srcdiff.runtime.registry import rule_of
from srcdiff.transforms.ir import SHAPE_READERS, Block, Instr, Value, branches, carried, flatten

ZERO, CONSTANT, LINEAR, SHIFTED, UNKNOWN = "zero", "constant", "linear", "shifted", "unknown"

ZEROS = (np.zeros, np.zeros_like, np.empty, np.empty_like, "zero_list", "undefined")
COPIES = (np.array, np.asarray, np.asanyarray, np.copy, np.ascontiguousarray, "identity", "getitem",
          np.float64, np.float32, np.complex128)  # fmt: skip
QUOTIENTS = (operator.truediv, np.divide)


def linearity(instrs: Iterable[Instr], found: Any, given: Iterable[Value]) -> str:
    """What is known of a tree of values, as a function of those in `given`, taken together.

    zero, constant   it does not depend on them, or is not known to be zero without it
    linear           it is linear in them, and zero where they are
    shifted          something that does not depend on them has been added to what is linear
    unknown          none of these is known

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> x, d, t = Value("x", FLOAT), Value("d", FLOAT), Value("t", FLOAT)
    >>> linearity([Instr(operator.mul, (x, d), {}, (t,))], t, [d])
    'linear'
    >>> linearity([Instr(operator.add, (x, d), {}, (t,))], t, [d])
    'shifted'
    """
    states = dict.fromkeys(given, LINEAR)
    _block(instrs, states)
    parts = [_of(part, states) for part in (found if isinstance(found, (tuple, list)) else [found])]
    for state in (UNKNOWN, SHIFTED, CONSTANT, LINEAR):  # the worst of them
        if state in parts:
            return state
    return ZERO


def _of(tree: Any, states: dict) -> str:
    """The state of an operand; a list of operands is as their sum."""
    if isinstance(tree, Value):
        return states.get(tree, CONSTANT)
    parts = branches(tree)
    if parts is not None:
        return _sum([_of(part, states) for part in parts])
    number = isinstance(tree, int | float | complex | np.number)
    return ZERO if number and tree == 0 or tree is None or repr(tree) == "undefined" else CONSTANT


def _sum(parts: list[str]) -> str:
    kinds = set(parts) - {ZERO}
    if len(kinds) < 2:
        return kinds.pop() if kinds else ZERO
    return SHIFTED if kinds == {LINEAR, CONSTANT} else UNKNOWN


def _either(a: str, b: str) -> str:
    """One of two, as a condition has it."""
    if a == b or ZERO in (a, b):
        return b if a == ZERO else a
    return UNKNOWN


def _product(parts: list[str]) -> str:
    rest = [part for part in parts if part != CONSTANT]
    if ZERO in rest:
        return ZERO
    if len(rest) < 2:
        return rest[0] if rest else CONSTANT
    return UNKNOWN


def _depends(tree: Any, states: dict) -> bool:
    return any(states.get(v, CONSTANT) not in (ZERO, CONSTANT) for v in flatten(tree))


def _block(instrs: Iterable[Instr], states: dict) -> None:
    for instr in instrs:
        if instr.blocks:
            found = _nested(instr, states)
        else:
            found = [_result(instr, states)] * len(instr.results)
        for r, state in zip(instr.results, found):
            kind = r.kind
            if state not in (ZERO, CONSTANT) and kind.dtype is not None and not kind.inexact:
                state = UNKNOWN  # it was made an integer
            states[r] = state


def _result(instr: Instr, states: dict) -> str:
    op, args = instr.op, instr.args
    empty: list[str] = []
    if op in ZEROS:
        return ZERO
    if op in SHAPE_READERS:
        return CONSTANT
    if op in ("setitem", "add_at"):
        base, value = _of(args[0], states), _of(args[-1], states)
        if _depends(tuple(args[1:-1]), states):
            return UNKNOWN
        return _sum([base, value]) if op == "add_at" else _either(base, value)
    if op in COPIES or getattr(op, "__name__", "") == "astype":
        linear, factors = [_of(args[0], states)], empty
        rest = (*args[1:], *instr.kwargs.values())
    elif op in QUOTIENTS:
        linear, factors, rest = [_of(args[0], states)], empty, tuple(args[1:])
    else:
        rule = None if isinstance(op, str) else rule_of(op, forward=True)
        names = rule.parameters if rule is not None else []
        named = [(names[min(i, len(names) - 1)] if names else "", a) for i, a in enumerate(args)]
        named += list(instr.kwargs.items())
        ours = () if rule is None else rule.linear or rule.factors
        parts = [_of(a, states) for n, a in named if n in ours]
        linear, factors = (parts, empty) if rule is not None and rule.linear else (empty, parts)
        rest = tuple(a for n, a in named if n not in ours)
        if rule is not None and rule.factors and any(
            isinstance(a, (tuple, list)) for n, a in named if n in ours
        ):  # fmt: skip
            return UNKNOWN if _depends((*args, *instr.kwargs.values()), states) else CONSTANT
    if _depends(rest, states):
        return UNKNOWN
    if linear:
        return _sum(linear)
    return _product(factors) if factors else CONSTANT


def _nested(instr: Instr, states: dict) -> list[str]:
    if instr.op == "if":
        ends = []
        for block in instr.blocks:
            _block(block.instrs, states)
            ends.append([_of(r, states) for r in block.results])
        if _depends(instr.args, states):
            return [UNKNOWN] * len(instr.results)
        return [_either(a, b) for a, b in zip(*ends)] if len(ends) == 2 else \
            [UNKNOWN] * len(instr.results)  # fmt: skip
    if instr.op not in ("for", "while"):
        reads = _depends(tuple(instr.reads), states)
        return [UNKNOWN if reads else CONSTANT] * len(instr.results)
    params, inits = carried(instr)
    body: Block = instr.blocks[-1]
    now = [_of(init, states) for init in inits]
    while True:
        for block in instr.blocks:
            for param, state in zip(block.params[len(block.params) - len(params) :], now):
                states[param] = state
            _block(block.instrs, states)
        after = [_either(a, _of(r, states)) for a, r in zip(now, body.results)]
        if after == now:
            break
        now = after
    decides = instr.args[0] if instr.op == "for" else instr.blocks[0].results
    if _depends(decides if isinstance(decides, tuple) else (decides,), states):
        return [UNKNOWN] * len(instr.results)
    return now
