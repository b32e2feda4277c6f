"""Activity: which values depend on the inputs and also matter for the outputs.

    y = mul(x, 2)        x and y are active (with respect to x)
    n = len(x)           an int: nothing flows through it
    z = mul(c, c)   →    does not depend on x
    w = sin(y)           nobody needs it
    return y

Only floats and complex numbers carry a derivative; `If`s and loops are walked until nothing new is
found.
"""

from __future__ import annotations

from collections.abc import Iterable

from srcdiff.runtime.registry import NONDIFFERENTIABLE, STEPS
from srcdiff.transforms.ir import Block, Instr, Value, carried

SHAPE_ONLY = frozenset({"shape", "check_length", "zero_list", "ones_list"})


def active(block: Block, inputs: Iterable[Value], outputs: Iterable[Value]) -> set[Value]:
    """The values of a block, and of the blocks inside it, that lie between inputs and outputs.

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> from srcdiff.transforms.text import parse_text
    >>> block = parse_text('''
    ...     (x: f8, c: f8):
    ...       y = mul(x, 2)
    ...       z = mul(c, c)
    ...       w = np.sin(y)
    ...       return y
    ... ''', kinds=lambda instr: [FLOAT])
    >>> sorted(v.name for v in active(block, block.params[:1], block.results))
    ['x', 'y']
    """
    varied = set(inputs)
    spread(block.instrs, varied)
    useful = {v for v in outputs if carries(v)}
    gather(block.instrs, useful)
    return varied & useful


def carries(value: Value) -> bool:
    """Whether a derivative can flow through a value of this kind."""
    kind = value.kind
    if kind.tag == "list":
        return True
    return kind.inexact or kind.tag == "object" or (kind.tag == "tuple")


def passes(instr: Instr) -> bool:
    op = instr.op
    if "flat" in instr.attrs:
        return False
    if op in STEPS:
        dtype = instr.results[0].kind.dtype
        return dtype is None or dtype.kind == "c"
    return op not in SHAPE_ONLY and (isinstance(op, str) or op not in NONDIFFERENTIABLE)


def spread(instrs: Iterable[Instr], varied: set[Value]) -> None:
    """Add what depends on a varied value."""
    for instr in instrs:
        if not instr.blocks:
            if any(v in varied for v in instr.operands) and passes(instr):
                varied.update(r for r in instr.results if carries(r))
        elif not any(v in varied for v in instr.reads):
            continue
        elif instr.op == "if":
            for block in instr.blocks:
                spread(block.instrs, varied)
                varied.update(
                    r for r, y in zip(instr.results, block.results)
                    if isinstance(y, Value) and y in varied and carries(r)
                )  # fmt: skip
        else:
            body = instr.blocks[-1]
            params, inits = carried(instr)
            while True:
                before = len(varied)
                for param, init, result, end in zip(params, inits, instr.results, body.results):
                    if carries(param) and any(
                        isinstance(v, Value) and v in varied for v in (init, end)
                    ):
                        varied.update((param, result))
                spread(body.instrs, varied)
                if len(varied) == before:
                    break


def gather(instrs: tuple[Instr, ...], useful: set[Value]) -> None:
    """Add what a useful value depends on."""
    for instr in reversed(instrs):
        read_later = bool(instr.blocks) and "twin" in instr.attrs  # by the reverse sweep inside
        if not read_later and not any(r in useful for r in instr.results):
            continue
        if not instr.blocks:
            if passes(instr):
                useful.update(v for v in instr.operands if carries(v))
        elif instr.op == "if":
            for block in instr.blocks:
                useful.update(
                    y for r, y in zip(instr.results, block.results)
                    if r in useful and isinstance(y, Value) and carries(y)
                )  # fmt: skip
                gather(block.instrs, useful)
        else:
            body = instr.blocks[-1]
            params, inits = carried(instr)
            while True:
                before = len(useful)
                for param, init, result, end in zip(params, inits, instr.results, body.results):
                    if param in useful or result in useful:
                        useful.update(
                            v for v in (param, init, result, end)
                            if isinstance(v, Value) and carries(v)
                        )  # fmt: skip
                gather(body.instrs, useful)
                if len(useful) == before:
                    break
