"""Stores of zeros: a place of an adjoint that is added to is not cleared first.

    t = getitem(d, 1)
    d.2 = setitem(d, (), 1, 0.0)             t = getitem(d, 1)
    s = getitem(d.2, 0)               →      s = getitem(d, 0)
    d.3 = setitem(d.2, (), 0, t)             d.3 = setitem(d, (), 0, t)
    d.4 = add_at(d.3, (), 1, s)              d.4 = setitem(d.3, (), 1, s)

What is read and written between the two must be other places: constants, or a loop's counter and
one more than it.
"""

from __future__ import annotations

import operator
from typing import Any

from srcdiff.transforms.ir import Block, Instr, Slice, Value, flatten, map_tree, substitute, walk

STORES = {"setitem": (2, 3), "add_at": (2, 3), "list_setitem": (1, 2), "list_add": (1, 2)}
STORED = {"add_at": "setitem", "list_add": "list_setitem"}  # op → without the sum


def zero_stores(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (d: f8[d.0]):
    ...       adjoint() effect
    ...       t = getitem(d, 1)
    ...       d.2 = setitem(d, (), 1, 0.0)
    ...       s = getitem(d.2, 0)
    ...       d.3 = setitem(d.2, (), 0, t)
    ...       d.4 = add_at(d.3, (), 1, s)
    ...       return d.4
    ... ''')
    >>> print(zero_stores(before))
    (d: f8[d.0]):
      adjoint() effect
      t = getitem(d, 1)
      s = getitem(d, 0)
      d.2 = setitem(d, (), 0, t)
      d.3 = setitem(d.2, (), 1, s)
      return d.3
    """
    at = next((i for i, s in enumerate(block.instrs) if s.op == "adjoint"), len(block.instrs))
    adjoint = block.replace(instrs=block.instrs[at:])
    look = Look(adjoint)
    if not look.sums:
        return block
    look.steps(block)
    after = look.block(adjoint)
    return block.replace(instrs=(*block.instrs[:at], *after.instrs), results=after.results)


class Look:
    """readers: value → the instructions and the results that read it, as often as they do."""

    def __init__(self, program: Block) -> None:
        self.readers: dict[Value, list[Any]] = {}
        self.makers: dict[Value, Instr] = {}
        self.counts: set[Value] = set()  # counters of loops that do not fall below zero
        self.same: dict[Value, Value] = {}
        self.env: dict[Value, Any] = {}  # what has become another value, for twins as well
        self.sums = False
        self.note(program)

    def note(self, block: Block) -> None:
        for instr in block.instrs:
            self.sums = self.sums or instr.op in STORED
            for v in instr.operands:
                self.readers.setdefault(v, []).append(instr)
            self.makers.update(dict.fromkeys(instr.results, instr))
            if instr.op == "for":
                _, start, _, step = instr.args[0]
                if type(start) is int and type(step) is int and start >= 0 and step > 0:
                    self.counts.add(instr.blocks[0].params[0])
            for inner in instr.blocks:
                self.note(inner)
        for v in flatten(block.results):
            self.readers.setdefault(v, []).append(None)

    def steps(self, block: Block) -> None:
        """The counter of a reversed loop is that of its twin; note what is computed of it there."""
        first: dict[Any, Value] = {}
        for instr in walk(block):
            self.makers.update(dict.fromkeys(instr.results, instr))
            if instr.op == "for" and instr.attrs.get("twin") is not None:
                item = instr.blocks[0].params[0]
                same = first.setdefault(instr.attrs["twin"], item)
                self.same[item] = same
                if item in self.counts:
                    self.counts.add(same)

    def block(self, block: Block) -> Block:
        made = {r: i for i in block.instrs for r in i.results}
        gone: set[Instr] = set()
        sums: set[Instr] = set()
        env = self.env
        for instr in block.instrs:
            if instr.op in STORED and not instr.attrs.get("repeats"):
                cleared = self.cleared(instr, made)
                if cleared is not None and cleared not in gone:
                    gone.add(cleared)
                    sums.add(instr)
        for instr in block.instrs:  # the base of one may be another
            if instr in gone:
                env[instr.results[0]] = env.get(instr.args[0], instr.args[0])
        instrs = []
        for instr in block.instrs:
            if instr in gone:
                continue
            blocks = tuple(map(self.block, instr.blocks))
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr = instr.replace(blocks=blocks)
            if instr in sums:
                instr = instr.replace(op=STORED[instr.op])  # type: ignore[index]
            instrs.append(substitute(instr, env))
        results = tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results)
        same = not gone and all(a is b for a, b in zip(instrs, block.instrs))
        if same and results == block.results:
            return block
        return Block(block.params, instrs, results)

    def cleared(self, instr: Instr, made: dict[Value, Instr]) -> Instr | None:
        """The store of zero to which a sum adds."""
        key, version, later = self.key(instr), instr.args[0], instr
        while key is not None and isinstance(version, Value):
            maker = made.get(version)
            if maker is None or maker.op not in STORES or self.key(maker) is None:
                return None
            readers = self.readers.get(version, [])
            if readers.count(later) > 1:  # what is stored is read there, too
                return None
            for reader in readers:
                if reader is not later and not self.reads_elsewhere(reader, version, key):
                    return None
            there = self.key(maker)
            if there == key:
                value = maker.args[STORES[maker.op][1]]
                zero = type(value) in (int, float) and value == 0
                return maker if zero and maker.op not in STORED else None
            if not self.apart(there, key):
                return None
            version, later = maker.args[0], maker
        return None

    def reads_elsewhere(self, reader: Any, version: Value, key: tuple) -> bool:
        if not isinstance(reader, Instr) or reader.op != "getitem" or reader.args[0] is not version:
            return False
        there = self.parts(reader.args[1])
        return there is not None and self.apart(there, key)

    def key(self, instr: Instr) -> tuple | None:
        if instr.op in ("setitem", "add_at") and instr.args[1]:
            return None  # into a view
        return self.parts(instr.args[STORES[instr.op][0]])  # type: ignore[index]

    def parts(self, key: Any) -> tuple | None:
        """Each index as a counter and what is added to it; None if it is anything else."""
        found = []
        for part in key if type(key) is tuple else (key,):
            if type(part) is int and part >= 0:
                found.append((None, part))
            elif isinstance(part, Value) and part.kind.tag == "scalar" and part.kind.dtype != bool:
                found.append(self.affine(part))
            elif type(part) is Slice and not flatten(part):
                found.append(part)
            else:
                return None
        return tuple(found)

    def affine(self, part: Value) -> tuple:
        maker = self.makers.get(part)
        if maker is not None and maker.op is operator.add:
            base, more = maker.args
            if isinstance(base, Value) and type(more) is int and more >= 0:
                return (self.same.get(base, base), more)
        return (self.same.get(part, part), 0)

    def apart(self, one: tuple, other: tuple) -> bool:
        """Whether two keys are of two places."""
        for a, b in zip(one, other):
            if type(a) is Slice or type(b) is Slice or a[0] is not b[0] or a[1] == b[1]:
                continue
            if a[0] is None or a[0] in self.counts:
                return True
        return False
