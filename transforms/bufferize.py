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

import functools
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, marks
from srcdiff.runtime.registry import NONDIFFERENTIABLE
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import (
    LIST_UPDATES,
    SHAPE_READERS,
    Block,
    Instr,
    Value,
    carried,
    flatten,
    map_tree,
    substitute,
    walk,
)  # fmt: skip
from srcdiff.transforms.kinds import fits, is_undecided
from srcdiff.transforms.list_identity import NONE, ListIdentity, is_list

UPDATES = ("setitem", "add_at")
ESCAPES = ("store_outside", "append_outside")
READONLY = {np.broadcast_to, np.broadcast_arrays, np.diag, np.diagonal}  # views that NumPy protects


def bufferize(block: Block, results: list[Value],
              lent: Iterable[Value] = ()) -> tuple[Block, list[Value]]:  # fmt: skip
    """Insert the copies that make every update safe in place, and mark the updates.

    results   the values that are returned as gradients: fresh, not shared, writable
    lent      parameters whose memory gradients may be all the same (cotangents of a helper)

    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (u: f8[u.0], s: f8):
    ...       v = setitem(u, (), 0, s)
    ...       return v
    ... ''')
    >>> after, _ = bufferize(before, [])
    >>> print(after)
    (u: f8[u.0], s: f8):
      u.2 = copy(u)
      v = setitem(u.2, (), 0, s) !
      return v
    """
    plan = Copies()
    for _ in range(200):
        look = Look(block, results, plan)
        if look.settled():
            block, results = look.with_result_copies(frozenset(lent))
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


class Origins:
    """Where the memory of a value may have been allocated.

    An origin is the value that an operation allocated, a foreign value (an argument, a global), or
    a slot: one of the arrays that a loop carries. `under` says what a slot may stand for. The slots
    of one loop are different arrays as long as what enters and what each step leaves is.
    """

    def __init__(self) -> None:
        self.of: dict[Value, frozenset] = {}
        self.under: dict[Any, frozenset] = {}
        self.siblings: dict[Any, frozenset] = {}  # slot → the slots of its loop
        self.loop_of: dict[Any, Instr] = {}  # slot → its loop
        self.foreign: set[Any] = set()

    def get(self, v: Any) -> frozenset:
        return self.of.get(v, frozenset()) if isinstance(v, Value) else frozenset()

    def reach(self, v: Value) -> set:
        """The origins of a value, and all that its slots may stand for."""
        return self.reach_of(*self.get(v))

    def reach_of(self, *origins: Any) -> set:
        """The origins, and all that they may stand for.

        A slot may stand for its siblings of an earlier step: they are other arrays by now.
        """
        found: set = set()
        for origin in origins:
            reached: set = set()
            pending = [origin]
            while pending:
                at = pending.pop()
                if at not in reached:
                    reached.add(at)
                    pending.extend(self.under.get(at, ()))
            found |= reached - (self.siblings.get(origin, NONE) - {origin})
        return found

    def index(self) -> None:
        """Make `sharing` quick: nothing changes any more."""
        self.with_own: dict[Any, list[Value]] = {}
        self.with_reach: dict[Any, list[Value]] = {}
        for v, own in self.of.items():
            for origin in own:
                self.with_own.setdefault(origin, []).append(v)
            for origin in self.reach(v):
                self.with_reach.setdefault(origin, []).append(v)

    def sharing(self, v: Value) -> set[Value]:
        """The values that may share memory with v (see `may_share`)."""
        found: set[Value] = set()
        for origin in self.get(v):
            found.update(self.with_reach.get(origin, ()))
        own = self.get(v)
        if own & self.loop_of.keys():
            for origin in self.reach(v):
                more = self.with_reach.get(origin, ())
                found.update(w for w in more if w not in found and self.stand_for_one(v, w))
        for origin in self.reach(v):
            found.update(self.with_own.get(origin, ()))
        return found

    def may_share(self, a: Value, b: Value) -> bool:
        own_a, own_b = self.get(a), self.get(b)
        if own_a & own_b:
            return True
        return bool(self.reach(a) & own_b) or bool(self.reach(b) & own_a) or \
            self.stand_for_one(a, b)  # fmt: skip

    def stand_for_one(self, a: Value, b: Value) -> bool:
        """Whether slots of two loops may stand for one array."""
        return any(
            p in self.loop_of and q in self.loop_of and self.loop_of[p] is not self.loop_of[q]
            and not self.reach_of(p).isdisjoint(self.reach_of(q))
            for p in self.get(a) for q in self.get(b)
        )  # fmt: skip

    def is_foreign(self, v: Value) -> bool:
        return bool(self.reach(v) & self.foreign)


def memory_of(v: Any) -> bool:
    return isinstance(v, Value) and v.kind.tag not in ("scalar", "none", "str", "range")


class Look:
    """One look at the whole program: what shares memory, what is live, what must be copied."""

    def __init__(self, block: Block, results: list[Value], plan: Copies):
        self.block, self.results, self.plan = block, results, plan
        self.origins = Origins()
        self.views: set[Value] = set()
        self.readonly: set[Value] = set()
        self.pullbacks: set[Value] = set()  # and the stacks that hold some
        self.stacks: set[Value] = set()
        self.makers: dict[Value, Instr] = {}
        self.rows: set[Value] = set()  # lists of arrays of which no two share memory
        self.no_rows: set[Value] = set()  # other lists
        self.merged: set[Instr] = set()  # loops whose carried arrays may be one
        self.loops: dict[Value, tuple[Instr, Any]] = {}  # parameter → its loop, its value at entry
        self.primal: set[Value] = set(block.params)  # what is no adjoint keeps its name's meaning
        for instr in block.instrs:
            if instr.op == "adjoint":
                break
            self.primal.update(instr.results)
        for param in block.params:
            if memory_of(param):
                self.outsider(param)
        self.share(block)
        self.lists = ListIdentity(block)

    # ------------------------------------------------------------------ classes

    def outsider(self, v: Value) -> None:
        self.origins.of[v] = frozenset((v,))
        self.origins.foreign.add(v)

    def points(self, v: Any, *sources: Any) -> None:
        """The memory of v may be that of any of the sources."""
        if memory_of(v):
            found = frozenset().union(*(self.origins.get(s) for s in sources))
            if v not in self.rows:
                of_lists = (self.origins.get(s) for s in sources if s in self.rows)
                found |= {("part", origin) for own in of_lists for origin in own}
            self.origins.of[v] = self.origins.of.get(v, frozenset()) | found

    def take(self, item: Value, rest: Value) -> None:
        """An array out of a list of different ones is none of those that are left there.

        What was read out of that list before may be it: that has a "part" among its origins.
        """
        if memory_of(item):
            own, reach = self.origins.get(rest), self.origins.reach(rest)
            left = {o for o in own if (o[1] if isinstance(o, tuple) else o) in self.rows}
            taken = ("item", item)
            self.origins.of[item] = self.origins.get(item) | {taken}
            below = self.origins.under.get(taken, NONE) | {("part", o) for o in reach}
            self.origins.under[taken] = below | (reach - left)

    def is_rows(self, v: Any) -> bool:
        return isinstance(v, Value) and v in self.rows

    def note_rows(self, values: Iterable[Value], so: Iterable[bool]) -> None:
        """What is seen to be no list of different arrays once, in a loop, is none."""
        for v, different in zip(values, so):
            if is_list(v) and not (different and v not in self.no_rows):
                self.no_rows.add(v)
                self.rows.discard(v)
            elif is_list(v):
                self.rows.add(v)

    def of_rows(self, instr: Instr) -> bool:
        """Whether a list, the first result, holds arrays of which no two share memory."""
        op, base, result = instr.op, instr.args[0] if instr.args else None, instr.results[0]
        if not is_list(result) or not result.kind.items or result.kind.items[0].tag != "array":
            return False
        if op in ("zero_list", "ones_list") or op == "copy" and instr.attrs.get("items"):
            return True
        if op is list:  # the rows of an array
            made = self.makers.get(base) if isinstance(base, Value) else None
            while made is not None and made.op in UPDATES:
                base = made.args[0]
                made = self.makers.get(base)
            return isinstance(base, Value) and base.kind.tag == "array" and \
                base not in self.views and not self.origins.is_foreign(base)  # fmt: skip
        return op in (*UPDATES, "identity", "list_add", "list_pop") and base in self.rows

    def holds(self, container: Value, *items: Any) -> None:
        """A stack or a list keeps arrays of earlier steps, when slots may have changed places."""
        self.points(container, *items)
        if container.kind.items and not memory_of(Value("item", container.kind.items[0])):
            return  # a list of numbers
        found = self.origins.of.get(container, frozenset())
        for origin in list(found):
            found |= self.origins.siblings.get(origin, frozenset())
        self.origins.of[container] = found

    def fresh(self, instr: Instr) -> None:
        for r in instr.results:
            if memory_of(r):
                self.origins.of[r] = frozenset((r,))

    def share(self, block: Block) -> None:
        """Find the origins of everything in a block, from its start."""
        for instr in block.instrs:
            op = instr.op
            for result in instr.results:
                self.makers[result] = instr
            if instr.results and not instr.blocks:
                self.note_rows(instr.results[:1], [self.of_rows(instr)])
            if op == "if":
                for inner in instr.blocks:
                    self.share(inner)
                ends = zip(*(inner.results for inner in instr.blocks))
                self.note_rows(instr.results, [all(map(self.is_rows, end)) for end in ends])
                for inner in instr.blocks:
                    for y, result in zip(inner.results, instr.results):
                        self.points(result, y)
            elif op in ("for", "while"):
                self.share_loop(instr)
            elif op in UPDATES:
                self.points(instr.results[0], instr.args[0])
            elif op == "list_add":  # of arrays, it puts their sum there
                self.holds(instr.results[0], instr.args[0])
            elif op in ("list_append", "list_setitem", "list_insert", "list_extend"):
                self.holds(instr.results[0], instr.args[0], instr.args[-1])
            elif op in ("list_join", "list_repeat") or is_slice_of_list(instr):
                self.fresh(instr)  # a new list of the same items
                for r in instr.results:
                    self.holds(r, *instr.operands)
            elif op == "global":
                if memory_of(instr.results[0]):
                    self.outsider(instr.results[0])
            elif op == "stack":
                self.stacks.add(instr.results[0])
            elif op == "push":
                stack, *saved = instr.args
                if not self.pullbacks.isdisjoint(saved):  # there is no copy of a pullback
                    self.stacks.discard(stack)
                    self.pullbacks.add(stack)
                self.holds(stack, *(() if stack in self.plan.stacks else saved))
            elif op == "list_pop" and instr.args[0] in self.rows:
                rest, item = instr.results
                self.points(rest, instr.args[0])
                self.take(item, rest)
            elif op in ("pop", "list_pop", "list_split"):
                for r in instr.results:
                    self.points(r, instr.args[0])
                    if op == "pop" and instr.args[0] in self.plan.stacks:
                        self.fresh(instr)
            elif op in ("list", "tuple"):
                self.fresh(instr)
                self.points(instr.results[0], *instr.operands)
            elif op == "copy" and is_list(instr.args[0]) and not instr.attrs.get("items"):
                self.fresh(instr)
                self.holds(instr.results[0], *instr.operands)
            elif op in ("copy", "zero_list", "ones_list", "spread_list"):
                self.fresh(instr)
            elif self.is_accumulation(instr):
                self.points(instr.results[0], instr.args[0])
            else:
                self.share_operation(instr)

    def share_loop(self, instr: Instr) -> None:
        """A loop's carried arrays get slots; they are one slot if two of them may be one array."""
        params, inits = carried(instr)
        body = instr.blocks[-1]
        tests = instr.blocks[0].params if instr.op == "while" else params
        for p, init in zip(params, inits):
            self.loops[p] = (instr, init)
        arrays = [k for k, p in enumerate(params) if memory_of(p)]
        if instr not in self.merged:
            self.slots(instr, params, tests, arrays, {k: params[k] for k in arrays})
            ends = [body.results[k] for k in arrays]
            if self.apart([inits[k] for k in arrays]) and self.apart(ends, body):
                self.leave(instr, params, arrays, {k: instr.results[k] for k in arrays})
                return
            self.merged.add(instr)
        self.slots(instr, params, tests, arrays, {k: instr for k in arrays})
        self.leave(instr, params, arrays, {k: instr for k in arrays})

    def slots(self, instr: Instr, params: Any, tests: Any, arrays: list[int], of: dict) -> None:
        """Give the carried arrays their slots, and find what each may stand for."""
        origins = self.origins
        body = instr.blocks[-1]
        slots = {k: ("slot", of[k]) for k in arrays}
        for k in arrays:
            origins.under[slots[k]] = frozenset()
            origins.loop_of[slots[k]] = instr
            origins.siblings[slots[k]] = frozenset(slots.values())
        for k in arrays:
            origins.of[params[k]] = origins.of[tests[k]] = frozenset((slots[k],))
            origins.under[slots[k]] |= origins.get(carried(instr)[1][k])
        self.note_rows(params, map(self.is_rows, carried(instr)[1]))
        while True:
            known = len(self.no_rows)
            self.note_rows(tests, map(self.is_rows, params))
            for inner in instr.blocks:
                self.share(inner)
            self.note_rows(params, map(self.is_rows, body.results))
            changed = len(self.no_rows) > known
            for k in arrays:
                found = set(origins.under[slots[k]])
                for origin in origins.get(body.results[k]):
                    if origin in slots.values():
                        found |= origins.under[origin]
                    else:
                        found.add(origin)
                if found != origins.under[slots[k]]:
                    origins.under[slots[k]] = frozenset(found)
                    changed = True
            if not changed:
                return

    def leave(self, instr: Instr, params: Any, arrays: list[int], of: dict) -> None:
        self.note_rows(instr.results, map(self.is_rows, params))
        for k in arrays:
            slot = ("result", of[k])
            self.origins.loop_of[slot] = instr
            before = self.origins.under.get(slot, frozenset())
            self.origins.of[instr.results[k]] = frozenset((slot,))
            self.origins.under[slot] = before | self.origins.reach(params[k])

    def apart(self, values: list, block: Block | None = None) -> bool:
        """Whether no two of the values may share memory; at the end of `block`, if one is given."""
        arrays = [v for v in values if isinstance(v, Value)]
        return not any(
            a is b or self.origins.may_share(a, b)
            and not (block and (self.is_new(a, b, block) or self.is_new(b, a, block)))
            for i, a in enumerate(arrays)
            for b in arrays[i + 1 :]
        )  # fmt: skip

    def is_new(self, a: Value, b: Value, block: Block) -> bool:
        """Whether `a` is memory that this run of the block allocates, and `b` not made from it.

        By its origins b may be what the same operation allocated in an earlier run.
        """
        own = self.origins.get(a)
        made = self.makers.get(next(iter(own))) if len(own) == 1 else None  # type: ignore[call-overload]
        if made is None or made.blocks or made not in block.instrs:
            return False
        reached = set(made.results)
        for instr in block.instrs[block.instrs.index(made) + 1 :]:
            if not reached.isdisjoint(instr.reads):
                if instr.attrs.get("opaque"):
                    return False
                reached.update(instr.results)
                reached.update(v for v in instr.reads if v.kind.tag not in ("array", "scalar"))
        return b not in reached

    def is_accumulation(self, instr: Instr) -> bool:
        """`d = d + e` that may run as `d += e`, or `d = d * s` as `d *= s`."""
        if not instr.attrs.get("adjoint") or instr.op not in (operator.add, operator.mul):
            return False
        (result,), base = instr.results, instr.args[0]
        return (
            result not in self.plan.separate
            and isinstance(base, Value)
            and base not in self.primal
            and fits(base.kind, result.kind)
            and base.kind.dtype == result.kind.dtype
            and not is_undecided(base.kind)
        )

    def share_operation(self, instr: Instr) -> None:
        self.fresh(instr)
        operands = [v for v in instr.operands if memory_of(v)]
        if instr.attrs.get("opaque"):
            for result in instr.results:
                self.points(result, *operands)
            return
        if instr.attrs.get("taped") or instr.attrs.get("fresh"):  # it works on copies
            return
        if instr.attrs.get("declared"):  # what it is given, one array, or what the function keeps
            for result in instr.results:
                self.points(result, *operands, *instr.results)
                self.origins.foreign.add(result)
            return
        if instr.op is kernels.pulled:  # what it returns is new, or its cotangents
            if instr.attrs.get("lends"):
                for result in instr.results:
                    self.points(result, *instr.args[1:])
            return
        if instr.attrs.get("half"):
            self.share_half(instr, operands)
            return
        if instr.attrs.get("view"):
            how = "view"
        elif instr.op == "getitem":
            how = "view" if is_basic(instr) else "fresh"
        elif instr.op == "identity" or instr.op is marks.detach:
            how = "self"
        else:
            how = abstract.aliasing(instr.op, kinds(instr.args), kinds(instr.kwargs))
        allocates = instr.op in SHAPE_READERS or (instr.op in NONDIFFERENTIABLE and how is None)
        if (how == "fresh" and instr.op is not np.broadcast_to) or allocates:
            return
        for result in instr.results:
            if memory_of(result):
                self.points(result, *operands)
                if how in ("view", "self"):
                    self.origins.of[result] -= {result}
                self.views.add(result)
                if instr.op in READONLY:  # not to be written, whoever owns it
                    self.readonly.add(result)
                    self.origins.of[result] |= {result}
                    self.origins.foreign.add(result)

    def share_half(self, instr: Instr, operands: list[Value]) -> None:
        """A pullback keeps what its helper was given and what it returned."""
        half, results = instr.op, instr.results
        if half.shares:
            for result in results:
                self.points(result, *operands, *results)
        if half.active:
            self.points(results[-1], *operands, *results)
            self.pullbacks.add(results[-1])

    # ------------------------------------------------------------------ liveness

    def settled(self) -> bool:
        """Whether every update may run in place; if not, `block` or the plan has changed."""
        self.origins.index()
        live: set[Value] = set()
        self.note(live, flatten(self.block.results))
        self.note(live, self.results)
        for instr in walk(self.block):  # what lies outside is read by whoever comes next
            if instr.op in ESCAPES:
                self.note(live, instr.operands)
        self.changed = False
        self.read_inside: dict[Block, set[Value]] = {}
        self.list_edits: set[Instr] = set()
        self.edits: Any = {}  # updates that want a copy, the last one first, and who reads later
        self.entries: dict[Instr, set[Value]] = {}  # loop → parameters that start as a copy
        self.before: dict[Instr, dict[Value, None]] = {}  # choice → what is copied before it
        self.choice: Instr | None = None
        self.copied_views: set[Value] = set()
        self.privatized: dict[Value, bool] = {}  # parameter of a loop → what `privatize` answered
        stacks = len(self.plan.stacks)
        self.walk(self.block, live)
        if len(self.plan.stacks) > stacks:  # what is popped from these is nobody else's
            return False
        self.entries = self.not_popped() or self.entries
        if self.entries or self.before:  # what else there is shows when these copies are there
            self.edits, self.list_edits, self.copied_views = {}, set(), set()
        self.edits = self.needed(self.edits) | self.list_edits
        if self.edits:
            self.copied_views = set()
        if self.edits or self.entries or self.copied_views or self.before:
            self.block = self.edited(self.block)
            self.changed = True
        return not self.changed

    def not_popped(self) -> dict[Instr, set[Value]]:
        """What is to be copied before loops, without what comes off a stack: the stack may hold
        nothing but our own arrays once the others are copied."""
        found = {}
        for loop, params in self.entries.items():
            inits = dict(zip(*carried(loop)))
            makers = {p: self.makers.get(inits[p]) for p in params}
            kept = {p for p, maker in makers.items() if maker is None or maker.op != "pop"}
            if kept:
                found[loop] = kept
        return found

    # ------------------------------------------------------------------ which copies are needed

    def needed(self, edits: dict[Instr, set[Value]]) -> set[Instr]:
        """Of the updates that are to work on a copy, those that must, if the earlier ones do."""
        self.kept: set[Instr] = set()
        self.rooted: dict[Value, frozenset] = {}
        for instr, readers in reversed(edits.items()):
            mine = self.roots(instr.args[0])
            ours = all(isinstance(root, Instr) for root in mine)
            if not ours and self.origins.is_foreign(instr.args[0]) or any(
                self.one_memory(a, b) for r in readers for a in mine for b in self.roots(r)
            ):
                self.kept.add(instr)
        return self.kept

    def roots(self, v: Value) -> frozenset:
        """Where the memory of a value comes from: an update that gets a copy, or a value."""
        chain: list[Value] = []
        while v not in self.rooted:
            chain.append(v)
            maker = self.makers.get(v)
            if maker is None:
                self.rooted[v] = frozenset((v,))
            elif maker in self.kept:
                self.rooted[v] = frozenset((maker,))
            elif maker.op in UPDATES or self.is_accumulation(maker):
                v = maker.args[0]
            elif v in self.views and len(sources := [*filter(memory_of, maker.operands)]) == 1:
                v = sources[0]
            elif maker.op == "if":
                at = maker.results.index(v)
                ends = [b.results[at] for b in maker.blocks]
                self.rooted[v] = frozenset().union(
                    *(self.roots(end) for end in ends if isinstance(end, Value)))  # fmt: skip
            else:
                self.rooted[v] = frozenset((v,))
        found = self.rooted[v]
        self.rooted.update(dict.fromkeys(chain, found))
        return found

    def one_memory(self, a: Any, b: Any) -> bool:
        """Whether two roots may be of one memory."""
        if a is b:
            return True
        if isinstance(a, Instr) and isinstance(b, Instr):
            return False
        if isinstance(a, Instr):
            a, b = b, a
        if isinstance(b, Instr):  # new memory, which only a loop may have handed on
            maker = self.makers.get(a)
            return a in self.loops or maker is not None and maker.op in ("for", "while")
        return self.origins.may_share(a, b)

    def note(self, live: set[Value], values: Any) -> None:
        live.update(v for v in values if memory_of(v))

    def walk(self, block: Block, live: set[Value]) -> None:
        """Walk backwards; `live` holds the values that are read later."""
        for at in range(len(block.instrs) - 1, -1, -1):
            instr = block.instrs[at]
            if instr.op in UPDATES and memory_of(instr.args[0]):
                self.check_update(instr, self.later(block, at, live))
            elif instr.op in LIST_UPDATES:
                self.check_list_update(instr, live)
            elif self.is_accumulation(instr):
                self.check_accumulation(instr, live)
            live.difference_update(instr.results)
            top = block is self.block
            if top:
                self.choice = instr if instr.op == "if" and instr.attrs.get("choice") else None
            for inner in instr.blocks:
                inside = set(live)
                if instr.op in ("for", "while"):
                    for other in instr.blocks:
                        self.note(inside, self.contents(other))
                self.note(inside, flatten(inner.results))
                self.walk(inner, inside)
            self.note(live, self.contents_of(instr))

    def contents_of(self, instr: Instr) -> set[Value]:
        """The values of which an instruction reads more than the shape."""
        if instr.op in SHAPE_READERS:  # the length of a list may change
            return set(filter(is_list, instr.operands))
        return set(instr.operands).union(*map(self.contents, instr.blocks))

    def contents(self, block: Block) -> set[Value]:
        """The same of a block, for what is defined outside of it."""
        found = self.read_inside.get(block)
        if found is None:
            found = set(flatten(block.results)).union(*map(self.contents_of, block.instrs))
            found = self.read_inside[block] = found.intersection(block.free)
        return found

    def later(self, block: Block, at: int, live: set[Value]) -> set[Value]:
        """The live values that may share memory that was allocated a moment ago in this block.

        What was there before cannot: not even a stack that holds what an earlier step allocated.
        """
        base = block.instrs[at].args[0]
        own = self.origins.get(base)
        made = self.makers.get(next(iter(own))) if len(own) == 1 else None  # type: ignore[call-overload]
        if made is None or made not in block.instrs[:at]:
            return live
        recent: set[Value] = set()
        for instr in reversed(block.instrs[:at]):
            recent.update(instr.results)
            for each in (instr, *(i for inner in instr.blocks for i in walk(inner))):
                if each.op in ("push", "list_append", "list_setitem", "list_add"):
                    recent.add(each.args[0])
            if instr is made:
                return live & recent
        return live

    def readers(self, instr: Instr, live: set[Value]) -> set[Value]:
        """Who reads the memory of what is updated afterwards, the result apart."""
        return (self.origins.sharing(instr.args[0]) & live) - set(instr.results)

    def check_update(self, instr: Instr, live: set[Value]) -> None:
        base = instr.args[0]
        readers = self.readers(instr, live)
        foreign = self.origins.is_foreign(base)
        if foreign:
            if not self.privatize(base) and not self.before_choice(base):
                self.edits[instr] = readers
        elif readers and readers <= self.stacks | (set() if base in self.views else self.views):
            self.plan.stacks |= readers & self.stacks
            self.copied_views |= readers & self.views
            self.changed = True
        elif readers and not readers.isdisjoint(self.pullbacks):
            self.edits[instr] = readers
        elif readers:
            loop, param = self.entry(base, readers)
            if loop is None:
                self.edits[instr] = readers
            else:
                self.entries.setdefault(loop, set()).add(param)

    def check_list_update(self, instr: Instr, live: set[Value]) -> None:
        """A list is changed in place where no other version of it is read afterwards."""
        base = instr.args[0]
        readers = self.lists.readers(base, live) - set(instr.results)
        if self.lists.is_foreign(base) or readers:
            self.list_edits.add(instr)

    def traced(self, base: Any, known: dict[Value, Any] | None = None) -> Value | None:
        """The loop parameter of which `base` is a version; `known` are those found already."""
        known = {} if known is None else known
        if not isinstance(base, Value):
            return None
        if base not in known:
            known[base] = None  # while it is looked for
            known[base] = self.trace(base, known)
        return known[base]

    def trace(self, base: Any, known: dict[Value, Any]) -> Value | None:
        while isinstance(base, Value) and base not in self.loops:
            maker = self.makers.get(base)
            if maker is None:
                return None
            if maker.op in UPDATES or self.is_accumulation(maker):
                base = maker.args[0]
            elif maker.op in ("for", "while") and base in maker.results:
                base = carried(maker)[0][maker.results.index(base)]
            elif maker.op == "if":
                at = maker.results.index(base)
                found = {self.traced(b.results[at], known) for b in maker.blocks}
                return found.pop() if len(found) == 1 else None
            else:
                return None
        return base if isinstance(base, Value) else None

    def privatize(self, base: Value) -> bool:
        """Copy, where loops begin, the foreign arrays that a loop's parameter may stand for."""
        param = self.traced(base)
        if param is None:
            return False
        if param in self.privatized:
            return self.privatized[param]
        loop, _ = self.loops[param]
        done = False
        for p, init in zip(*carried(loop)):
            if not isinstance(init, Value) or not memory_of(p) or not self.origins.is_foreign(init):
                continue
            if is_list(p) and p is not param:
                continue
            if p is not param and not self.origins.reach(init) & self.origins.reach(param):
                continue
            done = True
            if not self.privatize(init):
                self.entries.setdefault(loop, set()).add(p)
        self.privatized[param] = done
        return done

    def before_choice(self, base: Value) -> bool:
        """Copy an array from outside before the choice in which it is one of those written."""
        if self.choice is None:
            return False
        while (maker := self.makers.get(base)) is not None and maker.op in UPDATES:
            base = maker.args[0]
        if not (base in self.choice.reads and self.origins.get(base) <= self.origins.foreign):
            return False
        self.before.setdefault(self.choice, {})[base] = None
        return True

    def entry(self, base: Value, readers: set[Value]) -> tuple[Any, Any]:
        """The outermost loop, and its parameter, at whose entry a copy of the base will do."""
        found: tuple[Any, Any] = (None, None)
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
                    base = self.loops[base][1]
                    if not isinstance(base, Value):
                        return found
                else:
                    return found
            loop, init = self.loops[base]
            if not isinstance(init, Value) or readers & set(definitions(loop.blocks[-1])):
                return found
            maker = self.makers.get(init)
            if maker is None or maker.op != "copy":
                found = (loop, base)
            elif found == (None, None):
                return found
            base = init

    def check_accumulation(self, instr: Instr, live: set[Value]) -> None:
        base = instr.args[0]
        foreign = self.origins.is_foreign(base) or base in self.readonly
        if foreign or self.readers(instr, live):
            self.plan.separate.add(instr.results[0])
            self.changed = True

    # ------------------------------------------------------------------ the new block

    def edited(self, block: Block) -> Block:
        """The program with the copies that were found necessary."""
        instrs: list[Instr] = []
        for instr in block.instrs:
            if instr in self.before:
                made = [copy_of(v) for v in self.before[instr]]
                env = {copy.args[0]: copy.results[0] for copy in made}
                instrs += [*made, substitute(instr, env)]
                continue
            if instr in self.edits:
                copy = copy_of(instr.args[0], is_list(instr.args[0]) and instr.op in UPDATES)
                instrs.append(copy)
                instr = instr.replace(args=(copy.results[0], *instr.args[1:]))
            elif instr in self.entries:
                params, inits = carried(instr)
                inits = list(inits)
                for i, p in enumerate(params):
                    if p in self.entries[instr]:
                        copy = copy_of(inits[i], is_list(inits[i]))
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

    def with_result_copies(self, lent: frozenset) -> tuple[Block, list[Value]]:
        """The program with its in-place operations marked, its results fresh."""
        block = self.marked(self.block)
        instrs, results = list(block.instrs), []
        outputs = [v for v in flatten(block.results) if memory_of(v)]
        for v in self.results:
            if memory_of(v) and v.kind.tag in ("array", "object"):
                own = self.origins.reach(v) - lent
                shared = any(self.origins.may_share(v, w) for w in outputs) and any(
                    own & self.origins.reach(w) for w in outputs)  # fmt: skip
                if shared or own & self.origins.foreign or v in self.readonly - lent:
                    copy = copy_of(v)
                    instrs.append(copy)
                    v = copy.results[0]
                else:
                    outputs.append(v)
            results.append(v)
        return Block(block.params, instrs, block.results), results

    def marked(self, block: Block) -> Block:
        instrs = []
        for instr in block.instrs:
            if instr.op in UPDATES or self.is_accumulation(instr):
                touches = functools.partial(self.origins.may_share, instr.args[0])
                instr = instr.replace(attrs={**instr.attrs, "inplace": touches})
            elif instr.blocks:
                instr = instr.replace(blocks=tuple(self.marked(b) for b in instr.blocks))
            elif instr.op == "push" and instr.args[0] in self.plan.stacks:
                instr = instr.replace(attrs={**instr.attrs, "copied": True})
            instrs.append(instr)
        return Block(block.params, instrs, block.results)


def is_slice_of_list(instr: Instr) -> bool:
    base = instr.args[0] if instr.op == "getitem" else None
    return is_list(base) and base.kind == instr.results[0].kind


def copy_of(v: Value, items: bool = False) -> Instr:
    """A copy; of a list whose elements are to be written, of its elements as well."""
    return Instr("copy", (v,), None, (v.like(),), (), {"items": True} if items else None)


def definitions(block: Block) -> list[Value]:
    """Everything defined in a block, at any depth."""
    found = list(block.params)
    for instr in block.instrs:
        found += instr.results
        for inner in instr.blocks:
            found += definitions(inner)
    return found


def is_basic(instr: Instr) -> bool:
    return abstract.is_basic_key(kinds(instr.args[1]))


def kinds(tree: Any) -> Any:
    return map_tree(lambda v: v.kind, tree)
