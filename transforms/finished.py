"""Finished parts: what a loop has read of an array and never overwrites is still there afterwards.

    b = for i in range(1, n) carry (p = b0):           b = for i in range(1, n) carry (p = b0):
      v = getitem(p, i - 1)                              v = getitem(p, i - 1)
      t = np.tanh(v)                                     t = np.tanh(v)
      q = setitem(p, (), i, t)                           q = setitem(p, (), i, t)
      yield q                                            yield q
    … for i in reversed range(1, n) …            →     … for i in reversed range(1, n) …
      … t … v …                                          t' = getitem(b, i)
                                                         v' = getitem(b, i - 1)
                                                         … t' … v' …

The reverse sweep of a step reads the last version of the array where no store that may come after
the read, or after the store, touches that part. Indices are counters of loops plus constants:
whether one is less than another follows from the bounds of the loops. For arrays that are
made within a step of an outer loop, the last version is a value of that step like any other.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Block, Instr, Slice, Value, carried, flatten, map_tree, substitute
from srcdiff.transforms.kinds import Kind, fits

UPDATES = ("setitem", "add_at")
PAIRS = 2000  # of reads and stores that are compared in one array


def finished_reads(block: Block) -> Block:
    """Read finished parts in the reverse sweep (see the module's docstring)."""
    return Finished(block).rewritten()


class Loop(NamedTuple):
    """An enclosing loop: the counter is None in a `while`, and in one that runs backwards."""

    counter: Value | None = None
    start: Any = None
    stop: Any = None
    step: Any = None


class Access(NamedTuple):
    """A read of a part of an array, or a store into it.

    key      ints and slices by axis, None if it is anything else
    when     the number of each enclosing instruction in its block, outermost first, and its own
    within   the enclosing instructions: a `Loop`, or None for a branch
    home     the forward block that holds it
    value    what was read, or what was stored
    """

    key: tuple | None
    when: tuple[int, ...]
    within: tuple[Loop | None, ...]
    home: Block
    value: Any
    base: Value


class Finished:
    """Versions of arrays: `root` leads from each to the first, `last` from that to the last."""

    def __init__(self, program: Block):
        self.program = program
        self.makers: dict[Value, Instr] = {}
        self.depths: dict[Value, int] = {}  # how many regions are around what defines it
        self.homes: dict[Value, Block] = {}
        self.scopes: dict[Value, object] = {}  # the innermost loop around what defines it
        self.root: dict[Value, Value] = {}
        self.last: dict[Value, Value] = {}
        self.forked: set[Value] = set()  # first versions after which there is no single line
        self.reads: dict[Value, list[Access]] = {}
        self.stores: dict[Value, list[Access]] = {}
        self.needed: dict[Block, set[Value]] = {}  # forward block → what its reverse block reads
        self.stand_ins: dict[Block, dict[Value, tuple[Value, tuple]]] = {}

    def rewritten(self) -> Block:
        self.match(self.program.instrs)
        if not any(self.needed.values()):
            return self.program
        self.collect(self.program, (), (), None, set())
        for root, stores in self.stores.items():
            reads = self.reads.get(root, [])
            if root in self.forked or len(reads) * len(stores) > PAIRS:
                continue
            for read in reads:
                self.consider(read, stores, root)
            at_top = self.homes.get(root) is self.program
            for store in filter(self.can_be_read, stores):
                if at_top or self.is_dear(store.value):
                    self.consider(store, stores, root)
        return self.edited(self.program) if self.stand_ins else self.program

    def match(self, instrs: Any) -> None:
        """Find for each forward block what its reverse block reads."""
        first: dict[int, Instr] = {}
        for instr in instrs:
            twin = instr.attrs.get("twin")
            if twin is not None and twin in first:
                for fb, rb in pairs(first[twin], instr):
                    self.needed[fb] = set(rb.free)
                    self.match((*fb.instrs, *rb.instrs))
            elif twin is not None:
                first[twin] = instr

    def consider(self, access: Access, stores: list[Access], root: Value) -> None:
        """Note that a value can be read from the last version."""
        value, home = access.value, access.home
        if access.key is None or not isinstance(value, Value) or self.homes.get(value) is not home:
            return
        if value not in self.needed.get(home, ()) or value in self.stand_ins.get(home, {}):
            return
        if all(apart(access, store, self) for store in stores):
            self.stand_ins.setdefault(home, {})[value] = (self.last[root], access.key)

    def can_be_read(self, store: Access) -> bool:
        """Whether what is in the array after a store is what was stored, to the bit."""
        value, slot = store.value, self.slot(store)
        if not isinstance(value, Value) or slot is None or value.kind.dtype != slot.dtype:
            return False
        if slot.tag == value.kind.tag == "scalar":
            return True
        return slot.tag == "array" and fits(value.kind, slot) and slot.shape == value.kind.shape

    def is_dear(self, value: Value) -> bool:
        """Whether what was stored would be saved: it is more than a sum or a product."""
        maker = self.makers.get(value)
        arithmetic = getattr(maker and maker.op, "__module__", None) == "_operator"
        return maker is not None and callable(maker.op) and not arithmetic

    def slot(self, store: Access) -> Kind | None:
        if store.key is None:
            return None
        return abstract.infer("getitem", (store.base.kind, map_tree(lambda v: v.kind, store.key)))

    # ------------------------------------------------------------------ what there is

    def collect(self, block: Block, when: tuple, within: tuple, scope: Any,
                updated: set[Value]) -> set[Value]:  # fmt: skip
        """Note the versions, reads and stores of a block; the versions after which there is one."""
        for p in block.params:
            self.define(p, block, within, scope)
        for number, instr in enumerate(block.instrs):
            if instr.op == "adjoint":
                break
            here = (*when, number)
            for r in instr.results:
                self.makers[r] = instr
                self.define(r, block, within, scope)
            base = instr.args[0] if instr.args else None
            if instr.op in UPDATES and isinstance(base, Value):
                _, path, key, value = instr.args
                full = None if instr.attrs.get("repeats") else joined(path, key)
                stored = value if instr.op == "setitem" else None
                self.stores.setdefault(self.first(base), []).append(
                    Access(full, here, within, block, stored, base)
                )
                self.follow(base, instr.results[0], updated)
            elif instr.op == "getitem" and isinstance(base, Value) and base.kind.tag == "array":
                # A version that has been followed by another: the order of the two says nothing.
                full = None if base in updated else joined((), instr.args[1])
                self.reads.setdefault(self.first(base), []).append(
                    Access(full, here, within, block, instr.results[0], base)
                )
            elif instr.op in ("for", "while"):
                self.loop(instr, here, within, updated)
            elif instr.op == "if":
                self.branch(instr, here, within, scope, updated)
        return updated

    def define(self, v: Value, block: Block, within: tuple, scope: Any) -> None:
        self.homes[v], self.depths[v], self.scopes[v] = block, len(within), scope

    def first(self, version: Value) -> Value:
        return self.root.get(version, version)

    def follow(self, base: Value, result: Value, updated: set[Value]) -> None:
        """Note that a value is the version after another one."""
        root = self.root[result] = self.first(base)
        if base in updated or self.scopes.get(base) is not self.scopes.get(result):
            self.forked.add(root)
        updated.add(base)
        if self.homes.get(result) is self.homes.get(root):
            self.last[root] = result

    def loop(self, instr: Instr, here: tuple, within: tuple, updated: set[Value]) -> None:
        params, inits = carried(instr)
        body = instr.blocks[-1]
        entered = Loop()
        if instr.op == "for" and not instr.attrs.get("reverse"):
            _, start, stop, step = instr.args[0]
            entered = Loop(body.params[0], start, stop, step)
        for each in instr.blocks:
            shift = len(each.params) - len(params)
            for p, init in zip(each.params[shift:], inits):
                if isinstance(init, Value) and p.kind.tag == "array":
                    self.root[p] = self.first(init)
        after: set[Value] = set()
        for each in instr.blocks:
            after = self.collect(each, here, (*within, entered), instr, set(updated))
        for p, init, y, result in zip(params, inits, body.results, instr.results):
            if p.kind.tag != "array" or not isinstance(init, Value):
                continue
            if isinstance(y, Value) and self.first(y) is self.first(init) and y not in after:
                self.follow(init, result, updated)
            else:  # arrays that change places, or another one each time
                self.forked.update(self.first(v) for v in (init, y) if isinstance(v, Value))

    def branch(self, instr: Instr, here: tuple, within: tuple, scope: Any,
               updated: set[Value]) -> None:  # fmt: skip
        ends = [self.collect(b, here, (*within, None), scope, set(updated)) for b in instr.blocks]
        touched = {self.first(v) for end in ends for v in end - updated}
        for k, result in enumerate(instr.results):
            if result.kind.tag != "array":
                continue
            values = [b.results[k] for b in instr.blocks]
            roots = {self.first(y) if isinstance(y, Value) else None for y in values}
            current = all(y not in end for y, end in zip(values, ends))
            if len(roots) == 1 and None not in roots and current:
                (root,) = roots
                self.root[result] = root
                touched.discard(root)
                if self.homes.get(result) is self.homes.get(root):
                    self.last[root] = result
                updated.update(y for y in values if self.homes.get(y) not in instr.blocks)
            else:
                self.forked.update(root for root in roots if root is not None)
        updated |= set().union(*ends)
        self.forked |= touched  # versions that nobody gets after the branch

    # ------------------------------------------------------------------ the new program

    def edited(self, block: Block) -> Block:
        """The program whose reverse blocks read the last versions."""
        first: dict[int, Instr] = {}
        instrs = []
        for instr in block.instrs:
            twin = instr.attrs.get("twin")
            if twin is not None and twin in first:
                blocks = tuple(self.reverse_block(fb, rb) for fb, rb in pairs(first[twin], instr))
                instr = instr.replace(blocks=blocks)
            elif twin is not None:
                first[twin] = instr
            instrs.append(instr)
        return block.replace(instrs=instrs)

    def reverse_block(self, fb: Block, rb: Block) -> Block:
        inner = self.edited(Block((), [*fb.instrs, *rb.instrs], ()))
        found = self.stand_ins.get(fb, {})
        env: dict[Value, Any] = {}
        out: list[Instr] = []
        for instr in inner.instrs[len(fb.instrs) :]:
            out += self.parts(instr.reads, found, env)
            out.append(substitute(instr, env))
        out += self.parts(flatten(rb.results), found, env)
        results = tuple(map_tree(lambda v: env.get(v, v), r) for r in rb.results)
        return Block(rb.params, out, results)

    def parts(self, values: Any, found: dict, env: dict) -> list[Instr]:
        """The reads of what stands for the values."""
        made = []
        for v in values:
            if v in found and v not in env:
                last, key = found[v]
                kinds = map_tree(lambda v: v.kind, key)
                kind = abstract.infer("getitem", (last.kind, kinds)) or v.kind
                env[v] = Value(v.name, kind, v.user)
                index = key[0] if len(key) == 1 else key
                where = self.makers[v].where if v in self.makers else None
                made.append(Instr("getitem", (last, index), None, (env[v],), (), {}, where))
        return made


def pairs(forward: Instr, backward: Instr) -> list[tuple[Block, Block]]:
    """The blocks of a region with those of its reverse."""
    if forward.op == "if":
        return list(zip(forward.blocks, backward.blocks))
    return [(forward.blocks[-1], backward.blocks[0])]


# ---------------------------------------------------------------------------- whether parts overlap


def joined(path: tuple, key: Any) -> tuple | None:
    """The key of `base<path>[key]` as one tuple of ints and slices; None for others.

    >>> joined((("getitem", 2),), (Slice(1, None), 3))
    (2, Slice(start=1, stop=None, step=None), 3)
    """
    parts: list[Any] = []
    for op, *args in (*path, ("getitem", key)):
        if op != "getitem" or any(isinstance(p, Slice) for p in parts):
            return None
        parts += args[0] if type(args[0]) is tuple else [args[0]]
    for part in parts:
        for end in part if isinstance(part, Slice) else (part,):
            if not is_int(end) and not (end is None and isinstance(part, Slice)):
                return None
    return tuple(parts)


def is_int(x: Any) -> bool:
    if isinstance(x, Value):
        return x.kind.tag == "scalar" and x.kind.dtype is not None and x.kind.dtype.kind == "i"
    return type(x) is int


def apart(access: Access, store: Access, program: Finished) -> bool:
    """Whether no store that may come after an access touches the same part."""
    if access.key is None or store.key is None:
        return False
    shared = 0  # enclosing instructions that both are in
    while shared < min(len(access.within), len(store.within)) and (
        access.when[shared] == store.when[shared]
    ):
        shared += 1
    made = program.depths.get(program.first(access.base), 0)  # each step around has an array anew
    levels = [k for k in range(made, shared) if access.within[k] is not None]  # in a later step
    if access is not store and access.when[shared] <= store.when[shared]:  # or in the same steps
        levels.append(shared)
    return all(Case(access, store, shared, level, program).disjoint() for level in levels)


class Case:
    """An access, and a store in the same steps of the outer `level` loops and a later one of that.

    A number is a node, of the access's step or of the store's, and a constant; None is zero.
    `least[a, b]` is what a - b is at least.
    """

    def __init__(self, access: Access, store: Access, shared: int, level: int, program: Finished):
        self.access, self.store, self.level, self.program = access, store, level, program
        self.least: dict[Any, int] = {}
        self.nodes: dict[Any, None] = {None: None}
        for side, each in enumerate((access, store)):
            for loop in each.within:
                if loop is not None and loop.counter is not None and type(loop.step) is int:
                    self.bound(loop, side)
        loop = access.within[level] if level < shared else None
        if loop is not None and loop.counter is not None and type(loop.step) is int:
            now, later = self.node(loop.counter, 0), self.node(loop.counter, 1)
            self.note(*((later, now, 1) if loop.step > 0 else (now, later, 1)))
        for key, side in ((access.key, 0), (store.key, 1)):
            for v in flatten(key):
                self.affine(v, side)
        self.close()

    def node(self, value: Value, side: int) -> tuple[Value, int]:
        """What is defined in the steps that both are in is one number for both."""
        node = value, side if self.program.depths.get(value, 0) > self.level else 0
        if node not in self.nodes:
            self.nodes[node] = None
            maker = self.program.makers.get(value)
            if maker is not None and (maker.op == "shape" or maker.op is len):
                self.note(node, None, 0)
        return node

    def affine(self, x: Any, side: int) -> tuple[Any, int] | None:
        """A number as a node and what is added to it: `i + 1 - 2` is i and -1."""
        more = 0
        while isinstance(x, Value):
            instr = self.program.makers.get(x)
            if instr is None or instr.op not in (operator.add, operator.sub):
                return self.node(x, side), more
            a, b = instr.args
            if type(b) is int:
                x, more = a, more + (b if instr.op is operator.add else -b)
            elif type(a) is int and instr.op is operator.add:
                x, more = b, more + a
            else:
                return self.node(x, side), more
        return (None, x + more) if type(x) is int else None

    def note(self, a: Any, b: Any, least: int) -> None:
        if (a, b) not in self.least or least > self.least[a, b]:
            self.least[a, b] = least

    def bound(self, loop: Loop, side: int) -> None:
        """What a step of a loop knows of its counter."""
        assert loop.counter is not None
        counter = self.node(loop.counter, side)
        start, stop = self.affine(loop.start, side), self.affine(loop.stop, side)
        if loop.step > 0:
            low, high = start, stop and (stop[0], stop[1] - 1)
        else:
            low, high = stop and (stop[0], stop[1] + 1), start
        if low is not None:
            self.note(counter, low[0], low[1])
        if high is not None:
            self.note(high[0], counter, -high[1])

    def close(self) -> None:
        """What follows from two differences."""
        for k in self.nodes:
            for a in self.nodes:
                for b in self.nodes:
                    if (a, k) in self.least and (k, b) in self.least:
                        self.note(a, b, self.least[a, k] + self.least[k, b])

    def at_least(self, a: tuple[Any, int], b: tuple[Any, int]) -> bool:
        """Whether a >= b."""
        least = 0 if a[0] == b[0] else self.least.get((a[0], b[0]))
        return least is not None and least + a[1] >= b[1]

    def disjoint(self) -> bool:
        """Whether the parts have an axis on which one lies before the other."""
        assert self.access.key is not None and self.store.key is not None
        for one, other in zip(self.access.key, self.store.key):
            a, b = self.interval(one, 0), self.interval(other, 1)
            if self.before(a, b) or self.before(b, a):
                return True
        return False

    def interval(self, part: Any, side: int) -> tuple[Any, Any]:
        """The least and the greatest index that a part of a key may mean; None if not known."""
        if not isinstance(part, Slice):
            at = self.sure(part, side)
            return at, at
        if not (part.step is None or type(part.step) is int and part.step > 0):
            return None, None
        stop = None if part.stop is None else self.sure(part.stop, side)
        low = (None, 0) if part.start is None else self.sure(part.start, side)
        return low, None if stop is None else (stop[0], stop[1] - 1)

    def sure(self, x: Any, side: int) -> tuple[Any, int] | None:
        """A number that is surely not negative, which would count from the end."""
        found = self.affine(x, side)
        return found if found is not None and self.at_least(found, (None, 0)) else None

    def before(self, a: tuple, b: tuple) -> bool:
        """Whether all of one part lies before all of the other."""
        return a[1] is not None and b[0] is not None and self.at_least(b[0], (a[1][0], a[1][1] + 1))
