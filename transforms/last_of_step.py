"""Last of a step: what a step hands to the next is made after all that reads what it replaces.

    d = for … carry (p = d0):                d = for … carry (p = d0):
      q = mul(p, x)                            t = mul(p, y)
      t = mul(p, y)                 →          d_x.2 = add(d_x, t)
      d_x.2 = add(d_x, t)                      q = mul(p, x)
      yield q                                  yield q

Then both are one variable: `d = d * x`. The same holds for a branch, where the other one leaves the
value as it is. Only adjoints move, and past no store into what they read.
"""

from __future__ import annotations

from collections import Counter

from srcdiff.transforms.ir import LIST_UPDATES, Block, Instr, Value, carried, flatten, walk

STORES = ("setitem", "add_at", *LIST_UPDATES)


def last_of_step(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (d: f8, x: f8, n: int):
    ...       adjoint() effect
    ...       d.1, s = for i in reversed range(n) carry (p = d, s.1 = 0.0):
    ...         q = mul(p, x)
    ...         s.2 = add(s.1, p)
    ...         yield q, s.2
    ...       return d.1, s
    ... ''')
    >>> print(last_of_step(before))
    (d: f8, x: f8, n: int):
      adjoint() effect
      d.2, s.3 = for i in reversed range(n) carry (p = d, s = 0.0):
        s.2 = add(s, p)
        q = mul(p, x)
        yield q, s.2
      return d.2, s.3
    """
    at = next((i for i, s in enumerate(block.instrs) if s.op == "adjoint"), len(block.instrs))
    uses = Counter(v for instr in walk(block) for v in instr.operands)
    for inner in [block, *(b for instr in walk(block) for b in instr.blocks)]:
        uses.update(flatten(inner.results))
    after = ordered(block.replace(instrs=block.instrs[at:]), uses)
    return block.replace(instrs=(*block.instrs[:at], *after.instrs))


def ordered(block: Block, uses: Counter) -> Block:
    instrs = []
    for instr in block.instrs:
        blocks = tuple(ordered(b, uses) for b in instr.blocks)
        if any(a is not b for a, b in zip(blocks, instr.blocks)):
            instr = instr.replace(blocks=blocks)
        if instr.op in ("for", "while"):
            params, _ = carried(instr)
            body = made_last(instr.blocks[-1], params, uses)
            instr = instr.replace(blocks=(*instr.blocks[:-1], body))
        elif instr.op == "if":
            then, other = instr.blocks
            instr = instr.replace(blocks=(
                made_last(then, other.results, uses), made_last(other, then.results, uses)
            ))  # fmt: skip
        instrs.append(instr)
    return block.replace(instrs=instrs)


def made_last(body: Block, params: tuple, uses: Counter) -> Block:
    """The block where what it yields is made after what reads the value that it replaces."""
    instrs = list(body.instrs)
    for param, end in zip(params, body.results):
        if not isinstance(end, Value) or not isinstance(param, Value) or uses[end] != 1:
            continue
        at = next((k for k, i in enumerate(instrs) if end in i.results), None)
        if at is None or not may_move(instrs[at], instrs[at + 1 :]):
            continue
        if param not in instrs[at].reads:
            continue
        waiting = {param}  # what is read once may be computed where it is read
        last = at
        for k, instr in enumerate(instrs):
            if k != at and not waiting.isdisjoint(instr.reads):
                waiting.update(r for r in instr.results if uses[r] == 1 and not instr.blocks)
                last = max(last, k)
        if last > at:
            instrs.insert(last, instrs.pop(at))
    return body if instrs == list(body.instrs) else body.replace(instrs=instrs)


def may_move(instr: Instr, over: list[Instr]) -> bool:
    if instr.effect or instr.blocks or len(instr.results) != 1 or instr.op in STORES:
        return False
    if instr.attrs.get("inplace") or instr.attrs.get("opaque"):
        return False
    arrays = [v for v in instr.operands if v.kind.tag != "scalar"]
    return not arrays or not any(stores(i) for i in over)


def stores(instr: Instr) -> bool:
    effect = instr.effect and instr.op not in ("push", "pop")
    changes = effect or instr.op in STORES or bool(instr.attrs.get("inplace"))
    return changes or any(stores(i) for b in instr.blocks for i in b.instrs)
