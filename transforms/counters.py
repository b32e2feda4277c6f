"""Counters: a number that counts the steps of a loop is the loop's own counter.

    k.4, s = for i in range(n) carry (k = 0, s.1 = s0) may_break:
      t = gt(s.1, 9.0)
      k.3 = if t:                                 s = for i in range(n) carry (s.1 = s0) may_break:
        yield k                                     t = gt(s.1, 9.0)
      else:                            →            s.2 = mul(s.1, i)
        k.2 = add(k, 1)                             yield s.2, t
        yield k.2
      s.2 = mul(s.1, k)
      yield k.3, s.2, t

A generator that is enumerated makes such a pair. In a step that ends the loop the number may stay.
What the loop leaves of it must not be read afterwards. The steps of a `while` that counts them
itself, from 0, are not counted again.
"""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

from srcdiff.transforms.ir import Block, Instr, Value, map_tree, substitute, uses


def counters(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (s0: float, n: int):
    ...       k.4, s = for i in range(n) carry (k = 0, s.1 = s0):
    ...         s.2 = mul(s.1, k)
    ...         k.2 = add(k, 1)
    ...         yield k.2, s.2
    ...       return s
    ... ''')
    >>> print(counters(before))
    (s0: float, n: int):
      s.3 = for i in range(n) carry (s = s0):
        s.2 = mul(s, i)
        k = add(i, 1)
        yield s.2
      return s.3
    """
    return counted(block, Counter(uses(block)), {})


def counted(block: Block, reads: Counter, env: dict[Value, Any]) -> Block:
    """`env`: what has become another value, in blocks before this one too: a twin may read it."""
    instrs: list[Instr] = []
    for instr in block.instrs:
        instr = substitute(instr, env)
        if instr.blocks:
            blocks = tuple(counted(b, reads, env) for b in instr.blocks)
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr = instr.replace(blocks=blocks)
        if instr.op == "for":
            instr = without_counters(instr, reads, env)
        elif instr.op == "while":
            own = own_counter(instr)
            if own is not None:
                env[instr.results[-1]] = own
        instrs.append(instr)
    results = tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results)
    if results == block.results and all(a is b for a, b in zip(instrs, block.instrs)):
        return block
    return block.replace(instrs=instrs, results=results)


def own_counter(loop: Instr) -> Value | None:
    """What a `while` leaves of a number that was 0 and grew by one in each step."""
    body = loop.blocks[1]
    makers = {r: i for i in body.instrs for r in i.results}
    for p, init, end, result in zip(body.params, loop.args[0], body.results, loop.results):
        if type(init) is int and init == 0 and is_next(end, p, 1, makers, None):
            return result
    return None


def without_counters(loop: Instr, reads: Counter, env: dict[Value, Any]) -> Instr:
    (body,), ((_, start, _, step), inits) = loop.blocks, loop.args
    item, *params = body.params
    if type(start) is not int or type(step) is not int or loop.attrs.get("reverse"):
        return loop
    makers = {r: i for i in body.instrs for r in i.results}
    flag = body.results[-1] if loop.attrs.get("may_break") else None
    gone = {
        k for k, (p, init) in enumerate(zip(params, inits))
        if type(init) is int and init == start and not reads[loop.results[k]]
        and is_next(body.results[k], p, step, makers, flag)
    }  # fmt: skip
    if not gone:
        return loop
    env.update((params[k], item) for k in gone)

    def kept(values: Any) -> tuple:
        return tuple(v for k, v in enumerate(values) if k not in gone)

    results = tuple(env.get(r, r) if isinstance(r, Value) else r for r in kept(body.results))
    made = Block((item, *kept(params)), [substitute(i, env) for i in body.instrs], results)
    args = (loop.args[0], kept(inits))
    return loop.replace(args=args, blocks=(made,), results=kept(loop.results))


def is_next(end: Any, param: Value, step: int, makers: dict[Value, Instr], flag: Any) -> bool:
    """Whether a value is the parameter and one step, as long as the loop goes on."""
    maker = makers.get(end) if isinstance(end, Value) else None
    if maker is None:
        return False
    if maker.op == "if" and isinstance(flag, Value) and maker.args[0] is flag:
        other = maker.blocks[1]
        return is_next(other.results[maker.results.index(end)], param, step,
                       {r: i for i in other.instrs for r in i.results}, flag)  # fmt: skip
    args = maker.args
    return maker.op is operator.add and len(args) == 2 and args[0] is param and (
        type(args[1]) is int and args[1] == step)  # fmt: skip
