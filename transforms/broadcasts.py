"""Broadcasts that are not expected: a gradient is not summed where it has the shape already.

    b[1:] = 2 * a[1:]:

    d = getitem(d_b, 1:)                           d = getitem(d_b, 1:)
    t = unbroadcast(d, np.shape(getitem(a, 1:)))
    u = mul(2, t)                             →    u = mul(2, d)
    d_a2 = add_at(d_a, 1:, u)                      d_a2 = add_at(d_a, 1:, u)

Two lengths of which nothing is known are equal, or one of them happens to be 1. Where all that is
made of the gradient without the sum is elementwise, and is then summed as a whole or added to a
part of an array in place, the sum is left out: in the other case NumPy raises, for it does not
broadcast what it writes into, and the caller runs the variant that sums.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.ir import (
    Block,
    Instr,
    Value,
    flatten,
    has_integer_arrays,
    map_tree,
    substitute,
)  # fmt: skip
from srcdiff.transforms.kinds import Kind, proven_one

ELEMENTWISE = frozenset({
    operator.add, operator.sub, operator.mul, operator.truediv, operator.neg, np.where,
    np.conjugate, np.conj, np.real, np.imag, np.astype,
})  # fmt: skip


def expected_shapes(block: Block) -> Block:
    """Leave out sums of broadcasts that are not expected (see the module's docstring).

    >>> from srcdiff.transforms.text import parse_text
    >>> from srcdiff.transforms.kinds import Size, array
    >>> n, m = array("f8", Size("n")), array("f8", Size("m"))
    >>> kinds = {"d": n, "t": m, "u": m}
    >>> before = parse_text('''
    ...     (d_a: f8, d_b: f8, m: int):
    ...       d = getitem(d_b, 1:)
    ...       t = unbroadcast(d, (m,))
    ...       u = mul(2, t)
    ...       d_a.2 = add_at(d_a, (), 1:, u)
    ...       return d_a.2
    ... ''', kinds=lambda instr: [kinds[r.name] for r in instr.results if r.name in kinds])
    >>> print(expected_shapes(before))
    (d_a: f8, d_b: f8, m: int):
      d = getitem(d_b, 1:)
      u = mul(2, d)
      d_a.2 = add_at(d_a, (), 1:, u)
      return d_a.2
    """
    return without_sums(block, {})


def without_sums(block: Block, env: dict[Value, Any]) -> Block:
    """`env`: what sums in blocks before this one were of, which a twin may read."""
    instrs = []
    for instr in block.instrs:
        instr = substitute(instr, env)
        if instr.blocks:
            inner = tuple(without_sums(b, env) for b in instr.blocks)
            if any(a is not b for a, b in zip(inner, instr.blocks)):
                instr = instr.replace(blocks=inner)
        instrs.append(instr)
    dropped = droppable(instrs, block.results)
    kept = []
    for instr in instrs:
        instr = substitute(instr, env)
        if instr.results and instr.results[0] in dropped:
            env[instr.results[0]] = instr.args[0]
        else:
            kept.append(instr)
    results = tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results)
    same = len(kept) == len(block.instrs) and all(map(lambda a, b: a is b, kept, block.instrs))
    return block if same and results == block.results else Block(block.params, kept, results)


def droppable(instrs: list[Instr], results: Any) -> set[Value]:
    """The results of the sums of one block that may be left out."""
    users: dict[Value, list[Instr | None]] = {}
    for instr in instrs:
        for v in dict.fromkeys(instr.reads):
            users.setdefault(v, []).append(instr)
    for v in flatten(results):
        users.setdefault(v, []).append(None)  # it leaves the block
    found = {i.results[0] for i in instrs if i.op is kernels.unbroadcast and unexpected(i)}
    while True:  # what is made of one may be summed to the shape of another
        failed = {v for v in found if not ends_well(v, users, found)}
        if not failed:
            return found
        found -= failed


def unexpected(instr: Instr) -> bool:
    have, want = instr.args[0], instr.results[0].kind
    if not isinstance(have, Value) or have.kind.tag != "array" or want.tag != "array":
        return False
    if have.kind.rank is None or have.kind.rank != want.rank or have.kind.dtype != want.dtype:
        return False
    assert have.kind.shape is not None and want.shape is not None
    return not any(
        proven_one(m) and not proven_one(n) for m, n in zip(want.shape, have.kind.shape)
    )


def ends_well(start: Value, users: dict, found: set[Value]) -> bool:
    """Whether a gradient of the wrong shape would raise, and would do no harm before."""
    pending, seen, raises = [start], {start}, False
    while pending:
        v = pending.pop()
        for user in users.get(v, ()):
            if user is None or user.blocks:
                return False
            if user.op in ("add_at", "setitem"):
                base, path, key, value = user.args
                if value is not v or v in flatten((base, path, key)) or has_integer_arrays(key):
                    return False
                raises = True
            elif user.op in ELEMENTWISE or user.op is kernels.unbroadcast:
                if user.op is kernels.unbroadcast and user.results[0] not in found:
                    continue  # summed there
                (result,) = user.results
                if not same_rank(result.kind, v.kind) or user.op is np.where and v is user.args[0]:
                    return False
                if result not in seen:
                    seen.add(result)
                    pending.append(result)
            elif user.op is np.sum:
                if len(user.args) > 1 or user.kwargs:
                    return False
            else:
                return False
    return raises


def same_rank(a: Kind, b: Kind) -> bool:
    return a.tag == b.tag == "array" and a.rank == b.rank is not None
