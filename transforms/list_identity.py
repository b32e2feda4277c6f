"""Which lists may be one: what an in-place change of one version of a list is seen by.

    b = copy(a); a.2 = list_append(a, 1.0)       a and a.2 are one list, b is another
    c = list([a, b]); d = getitem(c, 0)          whoever reads c reads a and b; d may be a or b

For each value that is a list, `head` holds the lists that it may be, named by the value that made
them, and `inner` the lists that these may hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from srcdiff.transforms.ir import LIST_UPDATES, Block, Instr, Value, carried

NONE: frozenset = frozenset()


class ListIdentity:
    def __init__(self, block: Block):
        self.head: dict[Value, frozenset] = {}
        self.inner: dict[Value, frozenset] = {}
        self.order: dict[Value, int] = {}  # when a list is defined
        self.define(block.params)
        self.foreign: set = {p for p in block.params if is_list(p)}
        for param in list(self.foreign):
            inside = ("inside", param)
            self.foreign.add(inside)
            self.put(param, frozenset((param,)), frozenset((inside,)))
        self.block(block)

    def put(self, v: Value, head: frozenset, inner: frozenset) -> None:
        self.head[v] = self.head.get(v, NONE) | head
        self.inner[v] = self.inner.get(v, NONE) | inner

    def all(self, v: Any) -> frozenset:
        return self.head.get(v, NONE) | self.inner.get(v, NONE) if isinstance(v, Value) else NONE

    def readers(self, base: Value, live: Iterable[Value]) -> set[Value]:
        """The live values in which a change of `base` would be seen.

        What was defined before a list was made does not hold it: in a loop, it is one of an
        earlier step that it may hold.
        """
        head = self.head.get(base, NONE)
        made = min((self.order.get(o, -1) for o in head), default=-1)
        return {v for v in live if is_list(v) and self.order.get(v, made) >= made
                and head & self.all(v)}  # fmt: skip

    def define(self, values: Iterable[Value]) -> None:
        for v in values:
            if is_list(v):
                self.order.setdefault(v, len(self.order))

    def is_foreign(self, base: Value) -> bool:
        return any(o in self.foreign for o in self.head.get(base, NONE))

    def block(self, block: Block) -> None:
        self.define(block.params)
        for instr in block.instrs:
            if not instr.blocks:
                self.define(instr.results)
            if instr.op == "if":
                for inner in instr.blocks:
                    self.block(inner)
                    self.flow(inner.results, instr.results)
                self.define(instr.results)
            elif instr.blocks:
                self.loop(instr)
            elif any(map(is_list, instr.results)):
                self.instr(instr)

    def flow(self, sources: Iterable[Any], targets: Iterable[Value]) -> None:
        for source, target in zip(sources, targets):
            if is_list(source) and is_list(target):
                self.put(target, self.head.get(source, NONE), self.inner.get(source, NONE))

    def loop(self, instr: Instr) -> None:
        params, inits = carried(instr)
        body = instr.blocks[-1]
        self.flow(inits, params)
        if not any(map(is_list, params)):
            for inner in instr.blocks:
                self.block(inner)
            return
        while True:
            before = [self.all(p) for p in params]
            if instr.op == "while":
                self.flow(params, instr.blocks[0].params)
            for inner in instr.blocks:
                self.block(inner)
            self.flow(body.results, params)
            if before == [self.all(p) for p in params]:
                break
        self.flow(params, instr.results)
        self.define(instr.results)

    def instr(self, instr: Instr) -> None:
        op, args = instr.op, instr.args
        if op == "list_add":  # it puts a new sum there
            self.flow(args, instr.results)
        elif op in LIST_UPDATES:
            base = args[0]
            held = self.inner.get(base, NONE).union(*(self.all(v) for v in instr.operands[1:]))
            self.put(instr.results[0], self.head.get(base, NONE), held)
            for other in filter(is_list, instr.results[1:]):  # what was taken out
                own = frozenset((other,)) if op == "list_split" else held
                self.put(other, own, held)
        elif op in ("identity", "setitem", "add_at"):
            self.flow(args[:1], instr.results)
        elif op == "getitem" and is_list(args[0]) and args[0].kind != instr.results[0].kind:
            held = self.inner.get(args[0], NONE)
            self.put(instr.results[0], held, held)
        else:  # a new list, of what the operands hold
            held = NONE.union(*(self.inner.get(v, NONE) for v in instr.operands))
            if op not in ("copy", "list", "list_join", "list_repeat", "getitem"):
                held |= {("inside", r) for r in instr.results}
            if op == "list":
                held = held.union(*(self.head.get(v, NONE) for v in instr.operands))
            for result in filter(is_list, instr.results):
                self.put(result, frozenset((result,)), held)


def is_list(v: Any) -> bool:
    return isinstance(v, Value) and v.kind.tag == "list"
