"""Branches: what one test decides stands in one `if`.

    a = if c: yield x else: yield y           a, b = if c:
    s = np.sum(z)                               p = np.sin(x)
    b = if c:                          →        yield x, p
      p = np.sin(a)                           else:
      yield p                                   yield y, y
    else:                                     s = np.sum(z)
      yield a

An `if` that a choice or an exit has made joins the one before it on the same value, where nothing
between them must wait; a step or two that lead from one choice to the next are written in both
branches then. An `if` inside a branch of the same test is the branch taken; what both
sides yield alike is no result. What has effects keeps its order, and what reads the twin of a
region stays where it is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Value,
    has_effect,
    map_tree,
    substitute,
    uses,
    walk,
)  # fmt: skip


def branches(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (c: b1, x: f8, y: f8):
    ...       a = if c choice:
    ...         yield x
    ...       else:
    ...         yield y
    ...       b = if c choice:
    ...         p = np.sin(a)
    ...         yield p
    ...       else:
    ...         yield 2.0
    ...       return b
    ... ''')
    >>> branches(before)
    (c: b1, x: f8, y: f8):
      a, b = if c choice:
        p = np.sin(x)
        yield x, p
      else:
        yield y, 2.0
      return b
    """
    chained = {i.attrs["twin"] for i in walk(block) if "sweep" in i.attrs}
    block = simplified(block, {}, set(block.params), {}, set(), chained)
    return bridged(block, Counter(uses(block)))


def simplified(block: Block, known: dict[Value, bool], visible: set[Value],
               env: dict[Value, Any], twins: set[int], chained: set[int]) -> Block:  # fmt: skip
    """The block where some tests are known to have come out one way.

    env     what has become another value, in blocks before this one too: a twin may read it
    twins   of the regions before this one: the reverse sweep of one of them is no twin itself
    chained    twins of which all sweeps stay: one hands on to the next what that reads
    """
    instrs: list[Instr] = []
    visible = visible | set(block.params)

    def add(instr: Instr) -> None:
        instr = substitute(instr, env)
        if instr.op == "if":
            branch(instr)
        else:
            if instr.blocks:
                instr = instr.replace(blocks=tuple(
                    simplified(b, known, visible, env, twins, chained) for b in instr.blocks
                ))  # fmt: skip
            put_down(instr)
        twins.add(instr.attrs.get("twin"))

    def put_down(instr: Instr) -> None:
        instrs.append(instr)
        visible.update(instr.results)

    def branch(instr: Instr) -> None:
        taken = known.get(instr.args[0]) if isinstance(instr.args[0], Value) else None
        if taken is not None:
            inner = instr.blocks[0 if taken else 1]
            twin = instr.attrs.get("twin")
            needed = twin is not None and (twin not in twins or twin in chained)
            if not needed and all(v in visible for v in inner.free):
                for each in inner.instrs:
                    add(each)
                env.update((r, put(y)) for r, y in zip(instr.results, inner.results))
                return
        instr = without_truths(without_equal(inside(instr), env), env)
        empty = not instr.results and not any(b.instrs for b in instr.blocks)
        if empty and instr.attrs.get("twin") not in chained:
            return
        if joined(instrs, instr):
            visible.update(instr.results)
        else:
            put_down(instr)

    def inside(instr: Instr) -> Instr:
        test = instr.args[0]
        if not isinstance(test, Value):
            return instr
        then, other = instr.blocks
        blocks = (
            simplified(then, {**known, test: True}, visible, env, twins, chained),
            simplified(other, {**known, test: False}, visible, env, twins, chained),
        )
        return instr if blocks == instr.blocks else instr.replace(blocks=blocks)

    def put(tree: Any) -> Any:
        return map_tree(lambda v: env.get(v, v), tree)

    for each in block.instrs:
        add(each)
    results = tuple(put(r) for r in block.results)
    same = len(instrs) == len(block.instrs) and all(map(lambda a, b: a is b, instrs, block.instrs))
    if same and results == block.results:
        return block
    return Block(block.params, instrs, results)


def without_equal(instr: Instr, env: dict[Value, Any]) -> Instr:
    """The `if` without the results that are the same on both sides."""
    then, other = instr.blocks
    kept = []
    for place, result in enumerate(instr.results):
        a, b = then.results[place], other.results[place]
        equal = a is b if isinstance(a, Value) else (
            not isinstance(b, Value) and type(a) is type(b) and repr(a) == repr(b)
            and isinstance(a, (bool, int, float, str)))  # fmt: skip
        if equal and not (isinstance(a, Value) and defined_in(a, then)):
            env[result] = a
        else:
            kept.append(place)
    if len(kept) == len(instr.results):
        return instr
    return instr.replace(
        results=tuple(instr.results[k] for k in kept),
        blocks=tuple(b.replace(results=tuple(b.results[k] for k in kept)) for b in instr.blocks),
    )


def without_truths(instr: Instr, env: dict[Value, Any]) -> Instr:
    """The `if` without the results that say which branch was taken: its test says it."""
    test = instr.args[0]
    if not isinstance(test, Value) or test.kind.tag != "scalar" or test.kind.dtype != bool:
        return instr
    ends = list(zip(*(b.results for b in instr.blocks)))
    kept = [k for k, pair in enumerate(ends) if not (pair[0] is True and pair[1] is False)]
    if len(kept) == len(ends):
        return instr
    env.update({r: test for k, r in enumerate(instr.results) if k not in kept})
    return instr.replace(
        results=tuple(instr.results[k] for k in kept),
        blocks=tuple(b.replace(results=tuple(b.results[k] for k in kept)) for b in instr.blocks),
    )


def defined_in(value: Value, block: Block) -> bool:
    return any(value in i.results for i in block.instrs)


def joined(instrs: list[Instr], instr: Instr) -> bool:
    """Join an `if` to an earlier one on the same test, if that can be; `instrs` is changed."""
    place = next((k for k in range(len(instrs) - 1, -1, -1) if instrs[k].op == "if"
                  and instrs[k].args[0] is instr.args[0]), None)  # fmt: skip
    if place is None:
        return False
    first = instrs[place]
    if not (first.attrs.get("choice") or instr.attrs.get("choice")):
        return False
    if "twin" in first.attrs or "twin" in instr.attrs:
        return False
    between = instrs[place + 1 :]
    if between and any(has_effect(i) for i in (first, *between, instr)):
        return False
    needed, before, after = set(instr.reads), [], []
    for each in reversed(between):  # what the second reads must not wait for the first
        if needed.isdisjoint(each.results):
            after.append(each)
        else:
            before.append(each)
            needed.update(each.reads)
    if any(not set(first.results).isdisjoint(each.reads) for each in before):
        return False
    blocks = []
    for a, b in zip(first.blocks, instr.blocks):
        env = dict(zip(first.results, a.results))
        if any(env.get(v, v) is UNDEFINED for v in b.free):
            return False
        more = [substitute(i, env) for i in b.instrs]
        ends = tuple(map_tree(lambda v, env=env: env.get(v, v), r) for r in b.results)
        blocks.append(Block((), (*a.instrs, *more), (*a.results, *ends)))
    whole = Instr("if", first.args, None, (*first.results, *instr.results), tuple(blocks),
                  first.attrs | instr.attrs, instr.where or first.where)  # fmt: skip
    instrs[place:] = [*reversed(before), whole, *reversed(after)]
    return True


BRIDGE = 3  # instructions between two choices that are written in both branches


def bridged(block: Block, count: Counter) -> Block:
    """Choices on one test that a few instructions lead from one to the next become one `if`."""
    instrs: list[Instr] = []
    for instr in block.instrs:
        if instr.blocks:
            blocks = tuple(bridged(b, count) for b in instr.blocks)
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr = instr.replace(blocks=blocks)
        instrs.append(instr)
        if instr.op == "if":
            bridge(instrs, count)
    if len(instrs) == len(block.instrs) and all(a is b for a, b in zip(instrs, block.instrs)):
        return block
    return block.replace(instrs=instrs)


def bridge(instrs: list[Instr], count: Counter) -> None:
    """Join the last of the instructions to an earlier choice; `instrs` is changed."""
    last = instrs[-1]
    place = next((k for k in range(len(instrs) - 2, -1, -1) if instrs[k].op == "if"
                  and instrs[k].args[0] is last.args[0]), None)  # fmt: skip
    if place is None or "twin" in last.attrs or "twin" in instrs[place].attrs:
        return
    first, between = instrs[place], instrs[place + 1 : -1]
    if not (first.attrs.get("choice") and last.attrs.get("choice")):
        return
    if any(has_effect(i) for i in (first, *between, last)):
        return
    needed = set(last.reads)
    used: list[Instr] = []
    for each in reversed(between):
        if not needed.isdisjoint(each.results):
            used.insert(0, each)
            needed.update(each.reads)
    made = set(first.results)
    before, path = [], []
    for each in used:  # what depends on the first, and what can stand before it
        if made.isdisjoint(each.reads):
            before.append(each)
        else:
            path.append(each)
            made.update(each.results)
    if not 0 < len(path) <= BRIDGE or any(i.blocks for i in path):
        return
    whole = Block((), (*path, last), ())
    read = Counter(uses(whole))
    again = [r for i in path for r in i.results if count[r] > read[r]]
    blocks = []
    for a, b in zip(first.blocks, last.blocks):
        env = dict(zip(first.results, a.results))
        if any(v is UNDEFINED for v in env.values()):
            return
        steps: list[Instr] = []
        for each in path:
            each = substitute(each, env)
            results = tuple(r.like() for r in each.results)
            env.update(zip(each.results, results))
            steps.append(each.replace(results=results))
        more = [substitute(i, env) for i in b.instrs]
        ends = tuple(map_tree(lambda v, env=env: env.get(v, v), r) for r in b.results)
        outs = (*a.results, *(env[r] for r in again), *ends)
        joint = Block((), (*a.instrs, *steps, *more), outs)
        blocks.append(bridged(joint, Counter(uses(joint))))
    where = last.where or first.where
    whole_if = Instr("if", first.args, None, (*first.results, *again, *last.results),
                     tuple(blocks), first.attrs | last.attrs, where)  # fmt: skip
    after = [i for i in between if i not in used]
    instrs[place:] = [*before, whole_if, *after]
