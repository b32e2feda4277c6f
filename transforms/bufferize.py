"""Bufferization: every functional update runs in place, on memory that nobody else reads.

    u.2 = setitem(u, (), 0, s)              u_c = copy(u)         # u is the caller's
    v.2 = add_at(v, (), i, d)          →    u.2 = setitem(u_c, (), 0, s)!
    d.2 = add(d, e)                         v.2 = add_at(v, (), i, d)!
                                            d.2 = add(d, e)!      # d += e

Values that may share memory form a class (views, updates, what a loop carries). An update of B may
write into B's memory if that is ours (made here, not an argument or a global) and no other value of
its class is read afterwards; where that fails, a copy is put where it is cheapest: of a view that
lives on, at the view; of what a loop updates, before the loop; else at the update. Additions to an
adjoint that is not read again run in place when that needs no copy. Results are copied when they
are views of inputs or share memory with another result.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from srcdiff.runtime.registry import NONDIFFERENTIABLE
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Block, Instr, Value, flatten, map_tree
from srcdiff.transforms.saving import SHAPE_READERS

UPDATES = ("setitem", "add_at")


def bufferize(block: Block, results: list[Value]) -> tuple[Block, list[Value]]:
    """Insert the copies that make every update safe in place, and mark the updates.

    results   the values that are returned as gradients: fresh, not shared, writable
    """
    plan = Copies()
    for _ in range(200):
        look = Look(block, results, plan)
        if look.settled():
            block, results = look.with_result_copies()
            return block, results
        block = look.block
    raise AssertionError("bufferization does not settle")


class Copies:
    """What was decided so far.

    stacks    a push onto these copies
    separate  adjoint additions that do not run in place
    """

    def __init__(self) -> None:
        self.stacks: set[Value] = set()
        self.separate: set[Value] = set()


class Classes:
    """Union-find over values that may share memory; a class is ours unless an outsider is in it."""

    def __init__(self) -> None:
        self.parent: dict[Value, Value] = {}
        self.foreign: set[Value] = set()

    def find(self, v: Value) -> Value:
        root = v
        while (up := self.parent.get(root)) is not None:
            root = up
        while v is not root:
            up = self.parent[v]
            self.parent[v] = root
            v = up
        return root

    def union(self, a: Value, b: Value) -> None:
        a, b = self.find(a), self.find(b)
        if a is not b:
            self.parent[a] = b
            if a in self.foreign:
                self.foreign.add(b)

    def mark_foreign(self, v: Value) -> None:
        self.foreign.add(self.find(v))

    def is_foreign(self, v: Value) -> bool:
        return self.find(v) in self.foreign


def memory_of(v: Any) -> bool:
    return isinstance(v, Value) and v.kind.tag not in ("scalar", "none", "str", "range")


class Look:
    """One look at the whole program: what shares memory, what is live, what must be copied."""

    def __init__(self, block: Block, results: list[Value], plan: Copies):
        self.block, self.results, self.plan = block, results, plan
        self.classes = Classes()
        self.views: set[Value] = set()
        self.readonly: set[Value] = set()
        self.stacks: set[Value] = set()
        self.makers: dict[Value, Instr] = {}
        self.loops: dict[Value, tuple[Instr, Any]] = {}  # parameter → its loop, its value at entry
        for param in block.params:
            if memory_of(param):
                self.classes.mark_foreign(param)
        self.share(block)

    # ------------------------------------------------------------------ classes

    def share(self, block: Block) -> None:
        union, foreign = self.classes.union, self.classes.mark_foreign
        for instr in block.instrs:
            op = instr.op
            for result in instr.results:
                self.makers[result] = instr
            if op == "if":
                for inner in instr.blocks:
                    self.share(inner)
                    for y, result in zip(inner.results, instr.results):
                        if memory_of(y) and memory_of(result):
                            union(result, y)
            elif op in ("for", "while"):
                params, inits = carried(instr)
                for inner in instr.blocks:
                    self.share(inner)
                body = instr.blocks[-1]
                tests = instr.blocks[0].params if op == "while" else params
                for p, q, i, y, result in zip(params, tests, inits, body.results, instr.results):
                    self.loops[p] = (instr, i)
                    for other in (q, i, y, result):
                        if memory_of(other) and memory_of(p):
                            union(p, other)
            elif op in UPDATES or op in ("list_append", "list_setitem", "list_add"):
                if memory_of(instr.args[0]):
                    union(instr.results[0], instr.args[0])
                if op.startswith("list") and memory_of(instr.args[-1]):
                    union(instr.results[0], instr.args[-1])
            elif op == "global":
                foreign(instr.results[0])
            elif op == "push":
                stack, *saved = instr.args
                self.stacks.add(stack)
                for v in saved:
                    if memory_of(v) and stack not in self.plan.stacks:
                        union(stack, v)
            elif op == "pop":
                for r in instr.results:
                    if memory_of(r):
                        union(instr.args[0], r)
            elif op == "list_pop":
                for r in instr.results:
                    if memory_of(r):
                        union(instr.args[0], r)
            elif op in ("list", "tuple"):
                for v in instr.operands:
                    if memory_of(v):
                        union(instr.results[0], v)
            elif op in ("copy", "stack", "zero_list", "spread_list"):
                pass
            else:
                self.share_operation(instr)
                if self.is_accumulation(instr):
                    union(instr.results[0], instr.args[0])

    def is_accumulation(self, instr: Instr) -> bool:
        """`d = d + e` that may run as `d += e`."""
        if not instr.attrs.get("adjoint") or instr.op is not operator.add:
            return False
        (result,), base = instr.results, instr.args[0]
        return (
            result not in self.plan.separate and isinstance(base, Value)
            and base.kind.tag == "array" and base.kind == result.kind
        )  # fmt: skip

    def share_operation(self, instr: Instr) -> None:
        if instr.attrs.get("opaque"):
            operands = [v for v in instr.operands if memory_of(v)]
            for result in instr.results:
                for v in operands:
                    if memory_of(result):
                        self.classes.union(result, v)
            return
        how = "view" if instr.attrs.get("view") else None
        if how is None:
            how = "fresh" if instr.op == "getitem" and not is_basic(instr) else \
                "view" if instr.op == "getitem" else \
                "self" if instr.op == "identity" else \
                abstract.aliasing(instr.op, kinds(instr.args), kinds(instr.kwargs))  # fmt: skip
        if how == "fresh" or instr.op in NONDIFFERENTIABLE and how is None:
            return
        for result in instr.results:
            for v in instr.operands:
                if memory_of(v) and memory_of(result):
                    self.classes.union(result, v)
                    self.views.add(result)
            if instr.op is np.broadcast_to:
                self.readonly.add(result)

    # ------------------------------------------------------------------ liveness

    def settled(self) -> bool:
        """Whether every update may run in place; if not, `block` or the plan has changed."""
        self.fix: Instr | None = None
        live: dict[Value, set[Value]] = {}
        self.note(live, flatten(self.block.results))
        self.note(live, self.results)
        self.changed = False
        self.edits: dict[Instr, str] = {}
        self.copied_views: set[Value] = set()
        self.walk(self.block, live)
        if self.edits or self.copied_views:
            self.block = self.edited(self.block)
            self.changed = True
        return not self.changed

    def note(self, live: dict[Value, set[Value]], values: Any) -> None:
        for v in values:
            if memory_of(v):
                live.setdefault(self.classes.find(v), set()).add(v)

    def walk(self, block: Block, live: dict[Value, set[Value]]) -> None:
        """Walk backwards; `live` holds, per class, the values that are read later."""
        for instr in reversed(block.instrs):
            if instr.op in UPDATES and memory_of(instr.args[0]):
                self.check_update(instr, live)
            elif self.is_accumulation(instr):
                self.check_accumulation(instr, live)
            for r in instr.results:
                if memory_of(r):
                    live.get(self.classes.find(r), set()).discard(r)
            for inner in instr.blocks:
                inside = {c: set(vs) for c, vs in live.items()}
                if instr.op in ("for", "while"):
                    for other in instr.blocks:
                        self.note(inside, other.free)
                self.note(inside, flatten(inner.results))
                self.walk(inner, inside)
            if instr.op not in SHAPE_READERS:
                self.note(live, instr.reads)

    def readers(self, instr: Instr, live: dict) -> set[Value]:
        """Who reads the memory of what is updated afterwards, the result apart."""
        base = instr.args[0]
        return live.get(self.classes.find(base), set()) - set(instr.results)

    def check_update(self, instr: Instr, live: dict) -> None:
        base = instr.args[0]
        readers = self.readers(instr, live)
        foreign = self.classes.is_foreign(base)
        if not readers and not foreign:
            return
        if readers and readers <= self.stacks:
            self.plan.stacks |= readers
            self.changed = True
        elif readers and not foreign and readers <= self.views and base not in self.views:
            self.copied_views |= readers
        else:
            self.edits[self.entry(base, readers) or instr] = "copy"

    def entry(self, base: Value, readers: set[Value]) -> Instr | None:
        """The outermost loop at whose entry a copy of what `base` is a version of will do."""
        found = None
        while True:
            while base not in self.loops:
                maker = self.makers.get(base)
                if maker is None:
                    return found
                if maker.op in UPDATES or self.is_accumulation(maker):
                    base = maker.args[0]
                elif maker.op in ("for", "while"):
                    params, _ = carried(maker)
                    base = params[maker.results.index(base)]
                    if self.loops[base][1] is base:
                        return found
                    base = self.loops[base][1]
                    if not isinstance(base, Value):
                        return found
                else:
                    return found
            loop, init = self.loops[base]
            inside = set(definitions(loop.blocks[-1]))
            if readers & inside or not isinstance(init, Value):
                return found
            maker = self.makers.get(init)
            if maker is not None and maker.op == "copy" and not readers:
                return found
            found = loop
            self.entry_of = getattr(self, "entry_of", {})
            self.entry_of.setdefault(loop, set()).add(base)
            base = init

    def check_accumulation(self, instr: Instr, live: dict) -> None:
        base = instr.args[0]
        if self.readers(instr, live) or self.classes.is_foreign(base) or base in self.readonly:
            self.plan.separate.add(instr.results[0])
            self.changed = True

    # ------------------------------------------------------------------ the new block

    def edited(self, block: Block) -> Block:
        """The program with the copies that were found necessary."""
        instrs: list[Instr] = []
        for instr in block.instrs:
            edit = self.edits.get(instr)
            if edit and instr.op in UPDATES:
                copy = copy_of(instr.args[0])
                instrs.append(copy)
                instr = instr.replace(args=(copy.results[0], *instr.args[1:]))
            elif edit:
                params, inits = carried(instr)
                inits = list(inits)
                for i, p in enumerate(params):
                    if p in self.entry_of[instr]:
                        copy = copy_of(inits[i])
                        instrs.append(copy)
                        inits[i] = copy.results[0]
                instr = instr.replace(args=(*instr.args[:-1], tuple(inits)))
            if instr.blocks:
                instr = instr.replace(blocks=tuple(self.edited(b) for b in instr.blocks))
            views = [r for r in instr.results if r in self.copied_views]
            if views and not instr.blocks:
                for r in views:
                    view = r.like()
                    instr = instr.replace(
                        results=tuple(view if x is r else x for x in instr.results)
                    )
                    instrs += [instr, Instr("copy", (view,), None, (r,), (), None, instr.where)]
                continue
            instrs.append(instr)
        return Block(block.params, instrs, block.results)

    def with_result_copies(self) -> tuple[Block, list[Value]]:
        """The program with its in-place operations marked, its results fresh."""
        block = self.marked(self.block)
        seen: set[Value] = set()
        instrs, results = list(block.instrs), []
        for v in self.results:
            if memory_of(v) and v.kind.tag in ("array", "object"):
                root = self.classes.find(v)
                if self.classes.is_foreign(v) or root in seen or v in self.readonly:
                    copy = copy_of(v)
                    instrs.append(copy)
                    v = copy.results[0]
                else:
                    seen.add(root)
            results.append(v)
        return Block(block.params, instrs, block.results), results

    def marked(self, block: Block) -> Block:
        instrs = []
        for instr in block.instrs:
            if instr.op in UPDATES or self.is_accumulation(instr):
                instr = instr.replace(attrs={**instr.attrs, "inplace": True})
            elif instr.blocks:
                instr = instr.replace(blocks=tuple(self.marked(b) for b in instr.blocks))
            elif instr.op == "push" and instr.args[0] in self.plan.stacks:
                instr = instr.replace(attrs={**instr.attrs, "copied": True})
            instrs.append(instr)
        return Block(block.params, instrs, block.results)


def copy_of(v: Value) -> Instr:
    return Instr("copy", (v,), None, (v.like(),))


def definitions(block: Block) -> list[Value]:
    """Everything defined in a block, at any depth."""
    found = list(block.params)
    for instr in block.instrs:
        found += instr.results
        for inner in instr.blocks:
            found += definitions(inner)
    return found


def carried(instr: Instr) -> tuple:
    if instr.op == "for":
        return instr.blocks[0].params[1:], instr.args[1]
    return instr.blocks[1].params, instr.args[0]


def is_basic(instr: Instr) -> bool:
    return abstract.is_basic_key(kinds(instr.args[1]))


def kinds(tree: Any) -> Any:
    return map_tree(lambda v: v.kind, tree)
