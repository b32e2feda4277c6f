"""Dead code: drop what nobody reads.

    (x: f8[x.0], n: int):                                   (x: f8[x.0], n: int):
      a = np.sin(x)                                           a = np.sin(x)
      b = np.exp(a)                                           p = for i in range(n) carry (q = a):
      p, r = for i in range(n) carry (q = a, s = b):    →       c = mul(q, 2)
        c = mul(q, 2)                                           yield c
        d = mul(s, c)                                         return p
        yield c, d
      return p

A value is live when a live instruction reads it, when the program returns it, or when it decides
whether or how often something live runs. A carried value is live when the result is, or when the
body of the loop needs it for something live; it goes as a whole: first value, parameter, yield,
result. A trail (a reverse sweep that reads its twin) is a read like any other; of the sweeps of a
derivative's derivative, one needs those before it, which hand on what it reads. The last result of
a `while`, and of a loop that may break, stays: it is the number of iterations.

Effects (`print`, `raise`, random draws) stay, whoever reads them. An instruction that might raise
goes when it is dead, and so does a dead `while` that might never end.

>>> from srcdiff.transforms.text import parse_text
>>> before = parse_text('''
...     (x: f8[x.0], n: int):
...       a = np.sin(x)
...       b = np.exp(a)
...       p, r = for i in range(n) carry (q = a, s = b):
...         c = mul(q, 2)
...         d = mul(s, c)
...         yield c, d
...       return p
... ''')
>>> dead_code(before)
(x: f8[x.0], n: int):
  a = np.sin(x)
  p = for i in range(n) carry (q = a):
    c = mul(q, 2)
    yield c
  return p
"""

from __future__ import annotations

from collections.abc import Iterable

from srcdiff.transforms.ir import Block, Instr, Value, flatten, sweeps_in

# What lives because something else does: a value, or a region that must run.
Node = Value | Instr


def dead_code(block: Block) -> Block:
    """The block without the instructions and carried values that nobody reads."""
    needs: dict[Node, Iterable[Node]] = {}
    waiting: list[Node] = [*flatten(block.results)]
    _collect(block, (), needs, waiting)
    if any(type(node) is Instr and "sweep" in node.attrs for node in needs):
        _collect_sweeps(block, needs)
    live: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node not in live:
            live.add(node)
            waiting += needs.get(node, ())
    return _keep(block, block.results, live)


def _collect(
    block: Block, region: tuple[Instr, ...], needs: dict[Node, Iterable[Node]], roots: list[Node]
) -> None:
    """What each value of the block needs (the region around it included), and what must live."""
    for instr in block.instrs:
        if instr.blocks:
            _collect_region(instr, region, needs)
            for inner in instr.blocks:
                _collect(inner, (instr,), needs, roots)
        else:
            reads = instr.operands + region if region else instr.operands
            for result in instr.results:
                needs[result] = reads
            if instr.effect:
                roots += reads


def _collect_region(
    instr: Instr, region: tuple[Instr, ...], needs: dict[Node, Iterable[Node]]
) -> None:
    n = _positions(instr)
    first, last = instr.blocks[0], instr.blocks[-1]
    if instr.op == "if":
        control = instr.args
        readers, sources = [instr.results], [first.results, last.results]
    else:
        decides = first.results if instr.op == "while" else instr.args[:1]
        control = (*decides, *last.results[n:])  # and the flag that breaks
        readers = [instr.results[:n], *(b.params[len(b.params) - n :] for b in instr.blocks)]
        sources = [instr.args[-1], last.results[:n]]
        for value in (*instr.results[n:], *last.params[: len(last.params) - n]):
            needs[value] = (instr,)  # the number of steps, the item
    needs[instr] = (*flatten(control), *region)
    for position in zip(*readers, *sources, strict=True):
        tied: tuple[Node, ...] = (*flatten(position), instr)
        for value in position[: len(readers)]:
            needs[value] = tied


def _collect_sweeps(block: Block, needs: dict[Node, Iterable[Node]]) -> None:
    """A later sweep needs those before it, which hand on what it reads."""
    sweeps = sweeps_in(block)
    places: dict[tuple, list[Instr]] = {}
    for instr, number in sweeps.items():
        places.setdefault((instr.attrs["twin"], number), []).append(instr)
    for instr, number in sweeps.items():
        if number > 1:
            needs[instr] = (*needs[instr], *places.get((instr.attrs["twin"], number - 1), ()))


def _positions(instr: Instr) -> int:
    """How many results of a region its blocks make; the one after them counts the steps."""
    return len(instr.results) - (instr.op == "while" or bool(instr.attrs.get("may_break")))


def _keep(block: Block, results: tuple, live: set[Node], params: tuple | None = None) -> Block:
    """The live part of a block; the block itself where nothing is dead."""
    instrs = []
    for instr in block.instrs:
        if instr.blocks:
            if instr in live:
                instrs.append(_keep_region(instr, live))
        elif instr.effect or not live.isdisjoint(instr.results):
            instrs.append(instr)
    new = (block.params if params is None else params, tuple(instrs), results)
    return block if new == (block.params, block.instrs, block.results) else Block(*new)


def _keep_region(instr: Instr, live: set[Node]) -> Instr:
    n = _positions(instr)
    kept = [i for i in range(n) if instr.results[i] in live]

    def pick(items: tuple, start: int = 0) -> tuple:
        middle = items[start : start + n]
        return (*items[:start], *(middle[i] for i in kept), *items[start + n :])

    args, first, last = instr.args, instr.blocks[0], instr.blocks[-1]
    blocks: tuple[Block, ...]
    if instr.op == "if":
        blocks = (_keep(first, pick(first.results), live), _keep(last, pick(last.results), live))
    else:
        args = (*args[:-1], pick(args[-1]))
        body = _keep(last, pick(last.results), live, pick(last.params, len(last.params) - n))
        blocks = (body,)
        if instr.op == "while":
            blocks = (_keep(first, first.results, live, pick(first.params)), body)
    if blocks == instr.blocks and len(kept) == n:
        return instr
    return instr.replace(args=args, results=pick(instr.results), blocks=blocks)
