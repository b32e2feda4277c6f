"""Merging: what names refer to where two paths of the program meet.

    if c:  a = x + 1        a.3 = if c: … yield a.1
    else:  a = x * 2   →          else: … yield a.2
    use(a)                  use(a.3)

A number or an array that differs becomes a result of the `if`; an array that is one of two may
share memory with both; what cannot be merged is `Missing`, which is an error only where it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from srcdiff.transforms.either import exported, int_and_float
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Value,
    flatten,
    leaf_kind,
)
from srcdiff.transforms.kinds import BOOL, Kind, join
from srcdiff.transforms.mutation import NUMBERS, NeedsChoice
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Buffer,
    Cell,
    Choice,
    Dict,
    Either,
    Fields,
    Function,
    HalfBound,
    Known,
    List,
    Maybe,
    Missing,
    Object,
    Plain,
    Possible,
    Rows,
    State,
    Storage,
    Tuple,
    arrays_of,
    buffers_of,
)

UNBOUND = "may be unbound here"


class Label(NamedTuple):
    """A way to a statement further out, `place`, which says what `kind` means to it."""

    place: Any
    kind: str
    flag: Any
    value: Any = None
    thrown: bool = True  # by an exception


class Exit(NamedTuple):
    """How a block ends otherwise than by its last line: each flag is False, True or a value."""

    brk: Any = False
    cont: Any = False
    ret: Any = False
    value: Any = None
    dead: bool = False  # an exception
    left: Any = False  # brk, ret or a label
    away: Any = False  # brk, cont, ret or a label
    labels: tuple[Label, ...] = ()

    @property
    def always(self) -> bool:
        return self.dead or self.brk is True or self.cont is True or self.ret is True or any(
            label.flag is True for label in self.labels
        )

    def flags(self) -> list:
        """What is not False: how a path may have left."""
        found = [self.brk, self.cont, self.ret, *(label.flag for label in self.labels)]
        return [flag for flag in found if flag is not False]


class Path:
    """One way through a branch: its instructions, the state at its end, how it ends."""

    state: State
    instrs: list[Instr]
    exit: Exit | None = None
    value: Any = None
    facts: dict

    def block(self, results: Any = ()) -> Block:
        return Block((), self.instrs, tuple(results))


class Merger:
    """What names refer to after an `if` whose branches left them differently."""

    ARRAYS = ARRAYS
    forced = False  # arrays that differ become choices wherever they come from

    def __init__(self, run: Any, test: Value, then: Path, other: Path, dead: list[bool],
                 leaf: Callable, where: Any):  # fmt: skip
        self.run, self.then, self.other, self.leaf, self.where = run, then, other, leaf, where
        self.test = test
        self.dead = dead
        self.buffers: dict[tuple, Buffer] = {}
        self.memory = Storage(run.outside_versions)
        self.cells: dict[tuple, Fields] = {}

    def states(self) -> State:
        a, b = self.then.state, self.other.state
        if any(self.dead):
            a = b = b if self.dead[0] else a
        self.a, self.b = a, b
        if not any(self.dead):
            self.unify_rows()
        user = not self.run.frame.internal
        keys = dict.fromkeys((*a.memory, *b.memory))
        for key in keys:  # first the arrays: what a list holds may be one of them
            x, y = a.memory.get(key), b.memory.get(key)
            if isinstance(key, Buffer) and x is not None and y is not None:
                value = self.value(x, y, key.name, user and x.user)
                assert value is not None
                self.memory[key] = value
        for key in keys:
            x, y = a.memory.get(key), b.memory.get(key)
            if not isinstance(key, Buffer) and x is not None and y is not None:
                self.memory[key] = self.contents(key, x, y)
        env = {}
        for name in dict.fromkeys((*a.env, *b.env)):
            x, y = a.env.get(name), b.env.get(name)
            env[name] = self.refs(x, y, name[1].rpartition(".")[2], user)
        return State(env, self.memory)

    def value(self, x: Value, y: Value, name: str, user: bool) -> Any:
        """Both sides of a leaf; on a path that raises, the other side's."""
        if any(self.dead):
            scope = self.then if self.dead[1] else self.other
            if isinstance(x, Value) and defined_in(x, scope.instrs):
                pair = (UNDEFINED, x) if self.dead[0] else (x, UNDEFINED)
                return self.leaf(*pair, name, user)
            return x
        return self.leaf(x, y, name, user)

    def unify_rows(self) -> None:
        """A list that holds tuples in columns on one path does so on the other."""
        for key, x in list(self.a.memory.items()):
            y = self.b.memory.get(key)
            if isinstance(key, Buffer) or x is y or y is None:
                continue
            if isinstance(x, Rows) and isinstance(y, Rows):
                if x != y and x.template == y.template:
                    for mine, other in zip(x.columns, y.columns):
                        self.b.memory[mine.cell] = self.b.memory[other.cell]
                    self.b.memory[key] = x
                continue
            if type(x) is type(y) is tuple and len(x) == len(y):
                continue
            for this, other, path in ((x, y, self.other), (y, x, self.then)):
                self.in_rows(key, this, other, path)
            x, y = self.a.memory[key], self.b.memory[key]
            if isinstance(x, Rows) is not isinstance(y, Rows):
                for this, other, path in ((x, y, self.other), (y, x, self.then)):
                    self.in_rows(key, this, other, path)

    def in_rows(self, cell: Any, like: Any, held: Any, path: Path) -> None:
        """Let `held` of one path be in columns as `like` is, or as they would be of its items."""
        run = self.run
        if isinstance(held, Plain) and held.value.kind.items is None:
            held = ()
        if type(held) is not tuple:
            return
        homes = run.listed(self.where)
        if type(like) is tuple and like and not held:
            found = run.rows_table(like, None, homes)
            like = found and found[0]
        if not isinstance(like, Rows) and not (held and run.rows_table(held, None, homes)):
            return
        outer, run.state = run.state, path.state
        run.make_rows(cell, held, like if isinstance(like, Rows) else None, homes)
        run.state = outer

    def contents(self, cell: Any, x: Any, y: Any) -> Any:
        if isinstance(x, Rows) or isinstance(y, Rows):
            if x == y and all(map(self.lives, buffers_of(x.template, {}))):
                return x
            return Missing(f"the list `{cell.name}` depends on a branch")
        if isinstance(x, Plain) and isinstance(y, Plain):
            return Plain(self.value(x.value, y.value, cell.name, False))
        if isinstance(cell, Fields) and isinstance(x, dict) and isinstance(y, dict):
            self.run.unsure |= x.keys() ^ y.keys()
            return {k: self.refs(x.get(k), y.get(k), k) for k in dict.fromkeys((*x, *y))}
        if isinstance(x, dict) and isinstance(y, dict):
            if cell.cls in (set, frozenset):
                return {**y, **x} if x.keys() == y.keys() else \
                    Missing(f"the set `{cell.name}` depends on a branch")  # fmt: skip
            return {k: self.item(x.get(k), y.get(k), str(k)) for k in {**x, **y}}
        if type(x) is type(y) is tuple and len(x) == len(y):
            return tuple(self.refs(p, q, cell.name) for p, q in zip(x, y))
        if self.may_be_listed(x, self.then) and self.may_be_listed(y, self.other):
            p, q = self.listed(x, cell, self.then), self.listed(y, cell, self.other)
            found = self.leaf(p, q, cell.name)
            if found is not None:
                return Plain(found)
        return Missing(f"the list `{cell.name}` depends on a branch")

    def may_be_listed(self, held: Any, path: Path) -> bool:
        """Whether a list may be one value where the path that has it ends."""
        outer, self.run.state = self.run.state, path.state
        try:
            return isinstance(held, Plain) or (
                type(held) is tuple and self.run.may_be_sequence(held)
            )
        finally:
            self.run.state = outer

    def item(self, x: Any, y: Any, key: str) -> Any:
        """The item of a dict's key, which one path may lack."""
        possible = x is None or y is None or isinstance(x, Possible) or isinstance(y, Possible)
        x, y = (r.ref if isinstance(r, Possible) else r for r in (x, y))
        found = self.refs(x, y, key if key.isidentifier() else "item")
        return Possible(found) if possible else found

    def listed(self, held: Any, cell: Any, path: Path) -> Value:
        """A list of known items as one value, made on the path that has it."""
        if isinstance(held, Plain):
            return held.value
        outer = self.run.state, self.run.instrs
        self.run.state, self.run.instrs = path.state, path.instrs
        try:
            return self.run.sequence(held, cell, self.where).value
        finally:
            self.run.state, self.run.instrs = outer

    def refs(self, x: Any, y: Any, name: str, user: bool = False) -> Any:
        if x is None or y is None:
            found = y if x is None else x
            if isinstance(found, Known) and type(found.obj) not in NUMBERS:
                return self.half_bound(x, y, name)
            if isinstance(found, Plain):
                a, b = (UNDEFINED, found.value) if x is None else (found.value, UNDEFINED)
                return plain(self.value_or_missing(a, b, name, user))
            if isinstance(found, Known):
                a, b = (UNDEFINED, found.obj) if x is None else (found.obj, UNDEFINED)
                return plain(self.value_or_missing(a, b, name, user))
            if isinstance(found, (Array, Choice)):
                return self.arrays(x, y, name, user)
            return self.half_bound(x, y, name)
        if may_be_none(x, y) or may_be_none(y, x):
            return self.maybe(x, y, name, user)
        if isinstance(x, Missing) or isinstance(y, Missing):
            if x is not y:  # the test of one is not that of the other
                x, y = (Missing(r.why) if isinstance(r, HalfBound) else r for r in (x, y))
            found, other = (x, y) if isinstance(x, Missing) else (y, x)
            if isinstance(other, (Array, Choice)) and found.why.endswith(UNBOUND):
                if self.chosen(name):
                    if found.sites - self.run.choices:
                        raise NeedsChoice(found.sites)
                    if found.kind is None:  # what earlier steps have bound, if they have, is known
                        one, two = (x, None) if other is x else (None, y)
                        return self.choice(one, two, name)
            if isinstance(other, (Plain, Array)) and found.why.endswith(UNBOUND):
                path = self.then if other is x else self.other
                outer, self.run.state = self.run.state, path.state
                found = found._replace(kind=self.run.kind(other)._replace(size=None))
                if self.where and isinstance(other, (Array, Choice)):
                    found = found._replace(sites=found.sites | {self.site(name)})
                self.run.state = outer
            return found
        if isinstance(x, (Plain, Known)) and isinstance(y, (Plain, Known)):
            if isinstance(x, Known) and isinstance(y, Known):
                if x == y:
                    return x
                if type(x.obj) not in NUMBERS or type(y.obj) not in NUMBERS:
                    return self.either(x, y, name)
            p = x.value if isinstance(x, Plain) else x.obj
            q = y.value if isinstance(y, Plain) else y.obj
            mixed = int_and_float(leaf_kind(p), leaf_kind(q))
            site = ("kinds", *self.site(name)) if mixed and self.where else None
            if site in self.run.choices:
                return self.either(x, y, name)
            found = plain(self.value_or_missing(p, q, name, user))
            if isinstance(found, Missing):
                return self.either(x, y, name)
            site = site or next((self.run.maybe_int[v] for v in (p, q)
                                 if isinstance(v, Value) and v in self.run.maybe_int), None)
            if site is not None and isinstance(found, Plain):
                self.run.maybe_int[found.value] = site
            return found
        if isinstance(x, (Array, Choice)) and isinstance(y, (Array, Choice)):
            if x == y and all(self.lives(array.buffer) for array in arrays_of(x)):
                return x
            return self.arrays(x, y, name, user)
        if isinstance(x, Tuple) and isinstance(y, Tuple) and len(x.items) == len(y.items):
            cls = x.cls if x.cls is y.cls else tuple
            return Tuple(tuple(self.refs(p, q, name, user) for p, q in zip(x.items, y.items)), cls)
        if x == y and (not isinstance(x, Either) or not any(self.dead)):
            return x
        if isinstance(x, Object) and isinstance(y, Object) and x.cls is y.cls:
            return self.objects(x, y, name)
        if isinstance(x, List) and isinstance(y, List):
            p, q = self.a.memory[x.cell], self.b.memory[y.cell]
            if x.cell.cls is not y.cell.cls or x.cell.missing != y.cell.missing \
                    or isinstance(p, Missing) or isinstance(q, Missing):
                return self.either(x, y, name)
            found = self.cells.get((x.cell, y.cell))
            if found is None:
                found = Cell(name, x.cell.cls, x.cell.missing)
                found.shared = True
                merged = self.contents(found, p, q)
                if isinstance(merged, Missing):
                    return merged
                self.memory[found] = merged
                self.note_cell(found, x.cell, y.cell)
            return List(found)
        if isinstance(x, Dict) and isinstance(y, Dict) and x.cell.cls is y.cell.cls:
            p, q = self.a.memory[x.cell], self.b.memory[y.cell]
            found = self.cells.get((x.cell, y.cell))
            if found is not None:
                return Dict(found)
            if p.keys() == q.keys():
                cell = Cell(name, x.cell.cls, x.cell.missing)
                self.memory[cell] = {k: self.refs(p[k], q[k], str(k)) for k in p}
                self.note_cell(cell, x.cell, y.cell)
                return Dict(cell)
        return self.either(x, y, name)

    def half_bound(self, x: Any, y: Any, name: str) -> Missing:
        """What only one of the paths binds; a function, text, or a tuple of numbers can be told."""
        found, path = (y, self.other) if x is None else (x, self.then)
        why = f"`{name}` {UNBOUND}"
        function = isinstance(found, Function) and not found.defaults and found.bound is None
        if function or isinstance(found, (Known, Either, Tuple)):
            if not any(self.dead) and not buffers_of(found, path.state.memory):
                out = exported(found, self, path, y is None)
                if out is not None:
                    return HalfBound(why, self.test, y is None, out)
        return Missing(why)

    def note_cell(self, found: Cell, x: Cell, y: Cell) -> None:
        """A list or dict that is one of two: what is written to it may be read of either."""
        self.cells[x, y] = found
        for (a, b), other in self.cells.items():
            if other is not found and (a is x or b is y):
                self.run.may_alias(found, other)
        for cell in (x, y):
            self.run.may_alias(found, cell)

    def either(self, x: Any, y: Any, name: str) -> Any:
        """One of two things of unlike kinds: what reads it is carried out for each."""
        found = None
        if any(self.dead):
            path = self.other if self.dead[0] else self.then
            found = exported(x, self, path, self.dead[1])
        elif isinstance(x, Either) or isinstance(y, Either):
            found = self.by_kind(x, y, name)
        if found is None and not any(self.dead):
            sides = exported(x, self, self.then, True), exported(y, self, self.other, False)
            found = None if None in sides else Either(self.test, *sides)
        if found is None:
            return Missing(f"`{name}` is one of two things, depending on a branch")
        self.run.eithers = True
        return found

    def by_kind(self, x: Any, y: Any, name: str) -> Any:
        """The same where a side is so itself: what is of one kind is merged, and the rest is."""
        like = x if isinstance(x, Either) else y
        path = self.then if like is x else self.other
        kind = self.run.first_kind(like, path.state)
        sides = [kind and self.run.sides(ref, kind, path.state, path.instrs)
                 for ref, path in ((x, self.then), (y, self.other))]  # fmt: skip
        if None in sides:
            return None
        parts = []
        for p, q in zip(*(side[1:] for side in sides)):
            if p is None or q is None:
                path = self.then if q is None else self.other
                found = p if q is None else q
                parts.append(None if found is None else exported(found, self, path, q is None))
            elif p is x and q is y:  # of which each is of one kind already
                return None
            else:
                if p != q and not self.chosen(name):
                    holds = not parts
                    p = self.where_bound(p, sides[0][0], holds, self.then, name)
                    q = self.where_bound(q, sides[1][0], holds, self.other, name)
                parts.append(self.refs(p, q, name))
        flag = self.flag(sides[0][0], sides[1][0], f"{name}_is_first")
        if not isinstance(flag, Value):
            return parts[0 if flag else 1]
        if any(part is None or isinstance(part, Missing) for part in parts):
            return None
        return Either(flag, *parts)

    def where_bound(self, ref: Any, flag: Any, holds: bool, path: Path, name: str) -> Any:
        """A view of what is bound only where a flag is set, or is not: it is taken there."""
        if not isinstance(flag, Value) or not isinstance(ref, Array) or not ref.path:
            return ref
        run = self.run
        outer = run.state, run.instrs
        run.state, run.instrs = path.state, path.instrs
        taken = run.on_a_path(lambda: run.read(ref, self.where))
        blocks = taken.block((taken.value,)), Block((), (), (UNDEFINED,))
        made = Value(name, taken.value.kind, taken.value.user)
        run.instrs.append(Instr("if", (flag,), None, (made,), blocks if holds else blocks[::-1],
                                {"choice": True}, self.where))  # fmt: skip
        found = run.fresh(made)
        run.state, run.instrs = outer
        site = self.site(name)
        run.may_alias(found.buffer, ref.buffer, site and frozenset((site,)))
        return found

    def objects(self, x: Object, y: Object, name: str) -> Any:
        """One of two objects of a class: an object that may be either."""
        found = self.cells.get((x.cell, y.cell))
        if found is None:
            found = self.cells[x.cell, y.cell] = Fields(name)
            p, q = self.a.memory[x.cell], self.b.memory[y.cell]
            self.memory[found] = self.contents(found, p, q)
            for cell in (x.cell, y.cell):
                self.run.may_alias(found, cell)
        return Object(found, x.cls)

    def maybe(self, x: Any, y: Any, name: str, user: bool) -> Any:
        """None on some paths: a flag says so, and what it is elsewhere."""
        (none_x, p), (none_y, q) = split(x), split(y)
        test = self.flag(none_x, none_y, f"no_{name}")
        ref = self.refs(p, q, name, user) if p is not q else p
        if isinstance(ref, Missing):
            return ref
        if not isinstance(test, Value):
            return Known(None) if test else ref
        return Maybe(test, ref)

    def value_or_missing(self, p: Any, q: Any, name: str, user: bool) -> Any:
        if any(self.dead):
            return self.value(p, q, name, user)
        found = self.leaf(p, q, name, user)
        return Missing(f"`{name}` has two kinds, depending on a branch") if found is None else found

    def lives(self, buffer: Buffer) -> bool:
        """Whether there is an array after both paths."""
        if any(self.dead) and buffer in self.a.memory:
            return True
        return buffer in self.memory or buffer in self.run.outside_versions

    def choice(self, x: Any, y: Any, name: str) -> Any:
        """One of two arrays, told apart by the test."""
        sides = ((x, self.then, True), (y, self.other, False))
        refs = [self.array_out(*side) for side in sides if side[0] is not None]
        if len(refs) == 1 or refs[0] == refs[1]:
            return refs[0]
        found = Choice(self.test, *refs)
        self.run.choice_names[found] = name
        self.run.eithers = self.run.eithers or self.mixed(x, y)
        return found

    def mixed(self, x: Any, y: Any) -> bool:
        """Whether what the paths leave is of unlike kinds."""
        kinds = [self.kind_on(ref, path) for ref, path in ((x, self.then), (y, self.other))]
        return join(*kinds).tag == "object"

    def kind_on(self, ref: Any, path: Path) -> Kind:
        outer, self.run.state = self.run.state, path.state
        try:
            return self.run.kind(ref)
        finally:
            self.run.state = outer

    def array_out(self, ref: Any, path: Path, first: bool) -> Any:
        """An array of one path after both: one that it has made is a result of the `if`."""
        for array in arrays_of(ref):
            if not self.lives(array.buffer):
                made = path.state.memory[array.buffer]
                pair = (made, UNDEFINED) if first else (UNDEFINED, made)
                self.memory[array.buffer] = self.leaf(*pair, array.buffer.name, made.user)
        return self.run.exported(ref, path, self.leaf, first)

    def site(self, name: str) -> Any:
        return self.where and (self.where.node, name)

    def chosen(self, name: str) -> bool:
        """Whether arrays that differ become a choice here."""
        return not any(self.dead) and (self.forced or self.site(name) in self.run.choices)

    def arrays(self, x: Any, y: Any, name: str, user: bool) -> Any:
        """One of two arrays: a buffer of its own, which may share memory with either."""
        site = self.site(name)
        if self.chosen(name):
            return self.choice(x, y, name)
        key = (x, y)
        for known, buffer in self.buffers.items():
            if known == key:
                return Array(buffer)
        leaves = []
        for ref, path in ((x, self.then), (y, self.other)):
            if ref is None:
                leaves.append(UNDEFINED)
                continue
            outer = self.run.state, self.run.instrs
            self.run.state, self.run.instrs = path.state, path.instrs
            leaves.append(self.run.read(ref, self.where))
            self.run.state, self.run.instrs = outer
        a, b = leaves
        value = self.value_or_missing(a, b, name, user)
        if isinstance(value, Missing):
            return value if x is None or y is None else self.either(x, y, name)
        buffer = Buffer(name)
        self.buffers[key] = buffer
        self.memory[buffer] = value
        loose = [self.run.loose[leaf] for leaf in leaves if leaf in self.run.loose]
        if loose:  # a number still, perhaps, on one path
            self.run.loose[value] = loose[0]
        sides = ((x, self.then.state), (y, self.other.state))
        buffer.order, buffer.proof = self.run.order_of_any(*(s for s in sides if s[0] is not None))
        why = site and frozenset((site,))
        for ref in (x, y):
            for array in arrays_of(ref) if ref is not None else ():
                self.run.may_alias(buffer, array.buffer, why)
        for (p, q), earlier in list(self.buffers.items())[:-1]:
            if any(r is not None and s is not None and common(r, s) for r, s in ((x, p), (y, q))):
                self.run.may_alias(buffer, earlier, why)
        return Array(buffer)

    def exits(self) -> Exit | None:
        p, q = self.then.exit, self.other.exit
        if p is None and q is None:
            return None
        if any(self.dead):
            p = q = q if self.dead[0] else p
        if p is q is None:
            return None
        p, q = p or Exit(), q or Exit()
        flags = {}
        texts = {"brk": "stopped", "cont": "skipped", "ret": "returned", "left": "stopped",
                 "away": "skipped"}  # fmt: skip
        for name, text in texts.items():
            x, y = getattr(p, name), getattr(q, name)
            # Whether a loop is left is decided by branches, each of which may end in `break`.
            first = name in ("brk", "left") and self.test not in self.run.exit_flags
            if any(self.dead):
                flags[name] = self.value(x, y, text, False)
            else:
                flags[name] = x if x is y else (self.leaf if first else self.flag)(x, y, text)
            if isinstance(flags[name], Value) and flags[name] is not self.test:
                self.run.exit_flags.add(flags[name])
        value = None
        if p.ret is not False or q.ret is not False:
            x = p.value if p.ret is not False else None
            y = q.value if q.ret is not False else None
            value = x if x is y and not any(self.dead) else self.left_with(x, y)
        return Exit(**flags, value=value, labels=self.labels(p, q))

    def left_with(self, x: Any, y: Any) -> Any:
        """What is returned on one side or both; it is read only where it has been."""
        found = y if x is None else x
        if x is not None and y is not None:
            return self.refs(x, y, "result")
        if isinstance(found, Known):
            return found
        path = self.other if x is None else self.then
        if isinstance(found, Array) and self.lives(found.buffer) and \
                not any(defined_in(v, path.instrs) for v in flatten(found.path)):  # fmt: skip
            return found
        if isinstance(found, Tuple):
            return found._replace(items=tuple(
                self.left_with(*((None, item) if x is None else (item, None)))
                for item in found.items
            ))  # fmt: skip
        return self.refs(x, y, "result")

    def error(self, x: Any, y: Any) -> Any:
        """An exception that is on its way, from one side or both."""
        found = x or y
        if x and y and (x.ref[0] != y.ref[0] or len(x.ref[1]) != len(y.ref[1])):
            return Missing("one of two exceptions")
        args = []
        for i, arg in enumerate(found.ref[1]):
            p, q = x and x.ref[1][i], y and y.ref[1][i]
            known = isinstance(arg, Known) and (p is None or q is None)
            args.append(arg if known else self.refs(p, q, "reason"))
        return found._replace(ref=(found.ref[0], tuple(args)))

    def flag(self, x: Any, y: Any, name: str) -> Any:
        """A flag that is set where the test holds is the test."""
        if any(self.dead):
            return self.value(x, y, name, False)
        x, y = self.settled(x, True), self.settled(y, False)
        if x is y:
            return x
        found = x is True and y is False and self.test.kind.tag == "scalar"
        if not found:
            return self.leaf(x, y, name)
        if self.test.kind.dtype.kind == "b":
            return self.test
        return self.run.emit(bool, (self.test,), None, BOOL, self.where, name)

    def settled(self, flag: Any, holds: bool) -> Any:
        """A flag that the same test has decided, on the path on which that holds, or does not."""
        if flag is self.test:
            return holds
        if not isinstance(flag, Value):
            return flag
        maker = next((i for i in reversed(self.run.instrs) if flag in i.results), None)
        if maker is None or maker.op != "if" or maker.args[0] is not self.test:
            return flag
        end = maker.blocks[0 if holds else 1].results[maker.results.index(flag)]
        return end if type(end) is bool else flag

    def labels(self, p: Exit, q: Exit) -> tuple[Label, ...]:
        """The labels of both sides; one that only a side has is not set on the other."""
        merged = []
        sides = [{(label.place, label.kind): label for label in exit.labels} for exit in (p, q)]
        for key in dict.fromkeys((*sides[0], *sides[1])):
            x, y = (side.get(key) for side in sides)
            found = x or y
            assert found is not None
            if x is y and not any(self.dead):
                merged.append(found)
                continue
            p_flag, q_flag = (False if label is None else label.flag for label in (x, y))
            value = found.value
            if found.kind == "raise":
                value = self.error(x and x.value, y and y.value)
            elif value is not None:
                value = self.left_with(x and x.value, y and y.value)
            merged.append(found._replace(flag=self.flag(p_flag, q_flag, "stopped"), value=value))
        return tuple(merged)


def common(x: Any, y: Any) -> bool:
    """Whether two references may lead to one array."""
    return not {a.buffer for a in arrays_of(x)}.isdisjoint(a.buffer for a in arrays_of(y))


def plain(found: Any) -> Any:
    if isinstance(found, Missing):
        return found
    return Plain(found) if isinstance(found, Value) else Known(found)


def defined_in(value: Value, instrs: list[Instr]) -> bool:
    return any(value in i.results for i in instrs)


def may_be_none(one: Any, other: Any) -> bool:
    """Whether one side is None and the other a number or an array, or each may be either."""
    none = isinstance(one, Known) and one.obj is None
    number = isinstance(other, (Plain, Array)) or isinstance(other, Known) and \
        type(other.obj) in NUMBERS  # fmt: skip
    if isinstance(one, Maybe):
        return number or isinstance(other, Maybe) or isinstance(other, Known) and other.obj is None
    return none and (number or isinstance(other, Maybe))


def split(ref: Any) -> tuple[Any, Any]:
    """(whether it is None, what it is elsewhere)"""
    if isinstance(ref, Maybe):
        return ref.test, ref.ref
    return (True, None) if isinstance(ref, Known) and ref.obj is None else (False, ref)
