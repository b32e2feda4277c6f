"""What names of a loop may refer to, where they change places: choices that a loop carries.

    a, b = x, y
    for i in range(n):        a is Choice(a_is_y, y, x), b is Choice(b_is_x, x, y);
        a[0] += 1.0       →   the loop carries x, y and the two tests:
        a, b = b, a           x.2, y.2, a_is_y, b_is_x = for i … carry (…, False, False)

A name is carried like this where the plain way, a value of its own for each step, would miss a
write to an array that has another name (see `NeedsChoice`). What it refers to at the end of a step
is found by running the body: an array from before the loop, or one that a step has made; the
latter are carried as well (`own`), as many as live at the end of a step.

Where branches decide which of them live, these are more than there are names. Then there is one for
each name (`by_name`): what the name refers to, unless a name before it refers to the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    flatten,
    leaf_kind,
    map_tree,
)  # fmt: skip
from srcdiff.transforms.kinds import BOOL, Kind, join
from srcdiff.transforms.merging import UNBOUND, Path
from srcdiff.transforms.mutation import NeedsChoice
from srcdiff.transforms.references import Array, Buffer, Choice, Missing, State, arrays_of

MOST = 12  # arrays that one name may refer to, or that a loop may own


class Hole(NamedTuple):
    """In the path of an option: a number that each step may change, the `place`-th."""

    place: int
    kind: Kind


class Leaf(NamedTuple):
    """What a name refers to at the end of a step, where the tests above have come out so."""

    option: Any
    array: Array


class Rotations:
    """The part of a `Loop` that knows names which are choices.

    options   slot → what it may refer to: arrays from before the loop, or ("own", k, path);
              none at first for a name that the loop binds
    kinds     of the arrays that the loop owns
    """

    def __init__(self, loop: Any):
        self.loop, self.run = loop, loop.specializer
        self.options: dict[Any, list] = {}
        self.kinds: list = []
        self.solo: dict[Any, int] = {}
        self.by_name: dict[Any, int] | None = None  # slot → its array of the loop's own
        self.trees: dict[Any, Any] = {}  # slot → what it is at the end of a step, of `Leaf`s
        self.splits = 0
        self.others: dict[Value, list[Value]] = {}  # test → those that fail where it holds
        self.starts: list = []  # for each owned array, a reference of its kind at entry
        self.tags: dict[tuple, tuple[Value, Value]] = {}
        self.names: dict[Any, str] = {}
        self.unbound: set = set()

    def site(self, name: str) -> tuple:
        return self.loop.instr.where and (self.loop.instr.where.node, name)

    def chosen(self, name: str, ref: Any) -> bool:
        """Whether a name is carried as a choice."""
        return isinstance(ref, (Array, Choice)) and self.site(name) in self.run.choices

    # ------------------------------------------------------------------ the start of a step

    def begin(self) -> None:
        """Parameters for the arrays that the loop owns."""
        self.tags, self.buffers, self.others = {}, [], {}
        for k, kind in enumerate(self.kinds):
            buffer = Buffer(self.starts[k][1])
            param = Value(buffer.name, kind, self.loop.user)
            self.loop.state.memory[buffer] = param
            self.buffers.append(buffer)
            self.loop.add_slot(("own", k), param, buffer)
            buffer.fixed = self.loop.kept.get(("own", k), "")

    def carry(self, slot: Any, ref: Any, name: str) -> Any:
        """The reference at the start of a step."""
        options = self.options.setdefault(slot, [] if ref is None else [ref])
        self.names[slot] = name
        if ref is None:
            self.unbound.add(slot)
        tests = []
        for k, option in enumerate(options[1:], 1):
            target = self.starts[option[1]][1] if option[0] == "own" else \
                arrays_of(option)[0].buffer.name  # fmt: skip
            text = f"{name}_is_new" if target == name else f"{name}_is_{target}"
            tests.append(Value(text, BOOL))
            self.loop.add_slot(("tag", slot, k), tests[-1])
        for test in tests:
            self.others[test] = [other for other in tests if other is not test]
        holes: dict = {}
        for k, option in enumerate(options):
            for hole in holes_in(option):
                value = holes[k, hole.place] = Value("i", hole.kind)
                self.loop.add_slot(("hole", slot, k, hole.place), value)
        return self.reference(slot, tests, holes, self.buffers)

    def reference(self, slot: Any, tests: list[Value], holes: dict, buffers: list) -> Any:
        """The choice among the options of a slot, told apart by tests."""
        refs = []
        for k, option in enumerate(self.options[slot]):
            if isinstance(option, Choice):
                refs.append(option)
                continue
            owned = option[0] == "own"
            buffer, path = (buffers[option[1]], option[2]) if owned else option
            path = fill(path, lambda hole, k=k: holes[k, hole.place])
            refs.append(Array(buffer, path))
        if not refs:
            return Missing(f"`{self.names[slot]}` {UNBOUND}")
        found = refs[0]
        for test, ref in zip(reversed(tests), reversed(refs[1:])):
            found = Choice(test, ref, found)
            self.run.choice_names[found] = self.names[slot]
        if isinstance(found, Choice) and self.run.is_mixed(found):
            self.run.eithers = True
        return found

    # ------------------------------------------------------------------ the end of a step

    def settled(self, path: Path) -> bool:
        """Whether what names refer to at the end of a step was foreseen; else it is noted."""
        self.inside = {r for i in path.instrs for r in i.results}
        self.inside |= {getattr(self.loop, "index", None), *(s.param for s in self.loop.slots)}
        self.ends = {}
        for slot in self.options:
            end = self.loop.end_of(slot, path.state)
            if isinstance(end, (Array, Choice)):
                self.ends[slot] = end
            elif isinstance(end, Missing) and end.sites - self.run.choices:
                raise NeedsChoice(end.sites)
            elif slot not in self.unbound or self.options[slot] or \
                    isinstance(end, Missing) and end.kind is not None:  # fmt: skip
                raise self.refuse(self.names[slot], "is an array in some steps only")
        live = {
            slot: {a.buffer: None for a in arrays_of(end) if not self.is_outer(a.buffer)}
            for slot, end in self.ends.items()
        }
        self.index: dict[Buffer, int] = {}
        self.trees, self.splits = {}, 0
        fits = True
        if self.by_name is None:
            for buffer, (k, slot) in self.numbered(live).items():
                self.index[buffer] = k
                fits = self.owns(k, path.state.memory[buffer], slot) and fits
        for slot, end in self.ends.items():
            tree = self.trees[slot] = self.resolved(slot, end, {})
            for leaf in leaves_of(tree):
                if self.by_name is not None and self.is_own(leaf, self.by_name.get(slot)):
                    made = path.state.memory[leaf.array.buffer]
                    fits = self.owns(leaf.option[1], made, slot) and fits
                if leaf.option in self.options[slot]:
                    continue
                self.options[slot].append(leaf.option)
                fits = False
                if len(self.kinds) > len(self.options) and self.by_name is None:
                    self.ask_for_choices(live)
                    self.name_own()
                    return False
                if max(len(self.options[slot]), len(self.kinds)) > MOST:
                    raise self.refuse(self.names[slot], "may be one of too many arrays")
        return fits

    def name_own(self) -> None:
        """Begin again with an array of the loop's own for each name."""
        self.by_name, self.kinds, self.starts, self.solo = {}, [], [], {}
        for slot, options in self.options.items():
            self.options[slot] = [o for o in options if isinstance(o, (Array, Choice))]

    def resolved(self, slot: Any, end: Any, facts: dict) -> Any:
        """What a slot is at the end of a step: a tree of `Leaf`s, under `facts`, which say how
        tests have come out."""
        if isinstance(end, Array):
            if self.by_name is None or self.is_outer(end.buffer):
                return Leaf(self.option(end), end)
            owner = slot
            for earlier in self.ends:
                if earlier is slot:
                    break
                held = self.held(self.ends[earlier], end.buffer, facts)
                if isinstance(held, Value):
                    return self.split(slot, held, end, end, facts)
                if held:
                    owner = earlier
                    break
            number = self.by_name.setdefault(owner, len(self.by_name))
            return Leaf(("own", number, self.path_option(end)), end)
        if end.test in facts:
            return self.resolved(slot, end.then if facts[end.test] else end.other, facts)
        return self.split(slot, end.test, end.then, end.other, facts)

    def split(self, slot: Any, test: Value, then: Any, other: Any, facts: dict) -> Any:
        self.splits += 1
        if self.splits > 50 * MOST:
            raise self.refuse(self.names[slot], "may be one of too many arrays")
        no = dict.fromkeys(self.others.get(test, ()), False)
        x = self.resolved(slot, then, {**facts, **no, test: True})
        y = self.resolved(slot, other, {**facts, test: False})
        return x if x == y else Choice(test, x, y)

    def held(self, end: Any, buffer: Buffer, facts: dict) -> bool | Value:
        """Whether a name refers to an array of this buffer; the test that decides, if one does."""
        while isinstance(end, Choice):
            if all(array.buffer is not buffer for array in arrays_of(end)):
                return False
            if end.test not in facts:
                return end.test
            end = end.then if facts[end.test] else end.other
        return end.buffer is buffer

    def is_own(self, leaf: Leaf, k: int | None) -> bool:
        return not isinstance(leaf.option, Array) and leaf.option[1] == k

    def ask_for_choices(self, live: dict[Any, dict[Buffer, None]]) -> None:
        """Ask for choices instead of the values of their own that merged names are: each would
        be one more array that a step has made."""
        whys = (why for own in live.values() for buffer in own
                for why in self.run.aliases_of(buffer).values())  # fmt: skip
        sites = frozenset().union(*(why for why in whys if why)) - self.run.choices
        if sites:
            raise NeedsChoice(sites)

    def numbered(self, live: dict[Any, dict[Buffer, None]]) -> dict[Buffer, tuple[int, Any]]:
        """Which array of its own the loop carries for each that lives at the end of a step.

        A name that shares its arrays with no other has one, whichever of them it refers to.
        """
        found: dict[Buffer, tuple[int, Any]] = {}
        shared = [slot for slot, own in live.items() if any(
            other is not slot and own.keys() & more for other, more in live.items())]  # fmt: skip
        self.solo = {slot: k for slot, k in self.solo.items() if slot not in shared}
        for slot in shared:
            for k, buffer in enumerate(self.buffers):
                if buffer in live[slot] and k not in self.solo.values():
                    found[buffer] = k, slot
        for slot, own in live.items():
            for buffer in own:
                if buffer in found:
                    continue
                taken = {k for k, _ in found.values()} | set(self.solo.values())
                k = next(k for k in range(len(taken) + 1) if k not in taken)
                if slot not in shared:
                    k = self.solo.setdefault(slot, k)
                found[buffer] = k, slot
        return found

    def refuse(self, name: str, what: str) -> Exception:
        return self.run.refuse(
            self.loop.instr.where, f"`{name}`, which {what} of this loop, is written",
            "Make a copy (`.copy()`).")  # fmt: skip

    def is_outer(self, buffer: Buffer) -> bool:
        return buffer in self.loop.entry.memory or buffer in self.run.outside_versions

    def option(self, array: Array) -> Any:
        """What an array is among the options of a name: numbers of the step are holes."""
        path = self.path_option(array)
        if self.is_outer(array.buffer):
            return Array(array.buffer, path)
        return ("own", self.index[array.buffer], path)

    def path_option(self, array: Array) -> tuple:
        places: dict[Value, Hole] = {}

        def hole(v: Value) -> Any:
            if v not in self.inside:
                return v
            return places.setdefault(v, Hole(len(places), v.kind._replace(size=None)))

        return map_tree(hole, array.path)

    def owns(self, k: int, made: Value, slot: Any) -> bool:
        """Note what the loop owns as number k; False if that is new."""
        kind = made.kind._replace(size=None)
        if k >= len(self.kinds):
            self.kinds.append(self.loop.widest(kind, k))
            start = None if slot in self.unbound else self.options[slot][0]
            self.starts.append((start, self.names[slot]))
            return False
        wide = join(self.kinds[k], kind)
        if wide.tag == "object":
            raise self.refuse(self.names[slot], "changes its kind in the steps")
        if wide == self.kinds[k]:
            return True
        wide = self.loop.widest(wide, k)
        fits = wide == self.kinds[k]
        self.kinds[k] = wide
        return fits

    # ------------------------------------------------------------------ the region

    def init(self, key: tuple) -> Any:
        """The value before the loop of what a slot carries."""
        if key[0] == "tag":
            return False
        if key[0] == "hole":
            return UNDEFINED
        ref, name = self.starts[key[1]]
        if ref is None:
            return UNDEFINED
        kind = self.kinds[key[1]]
        like = self.run.read(ref, self.loop.instr.where)
        if like.kind.rank != kind.rank or like.kind.dtype != kind.dtype:
            raise self.refuse(name, "changes its kind in the steps")
        return self.run.emit(np.empty_like, (like,), None, like.kind, self.loop.instr.where, name)

    def at_end(self, key: tuple, path: Path) -> Any:
        """What a slot hands to the next step."""
        memory = path.state.memory
        if key[0] == "own":
            own = self.buffers[key[1]]
            slots = self.solo if self.by_name is None else self.by_name
            slot = next((s for s, k in slots.items() if k == key[1]), None)
            if slot is not None:

                def made(leaf: Leaf) -> Value:
                    return memory[leaf.array.buffer if self.is_own(leaf, key[1]) else own]

                return self.selected(self.trees[slot], made, own.name, path)
            return memory[next((b for b, k in self.index.items() if k == key[1]), own)]
        option, tree = self.options[key[1]][key[2]], self.trees[key[1]]
        if key[0] == "hole":
            before = next(s.param for s in self.loop.slots if s.key == key)

            def number(leaf: Leaf) -> Value:
                if leaf.option != option:
                    return before
                inside = dict.fromkeys(v for v in flatten(leaf.array.path) if v in self.inside)
                return [*inside][key[3]]

            return self.selected(tree, number, before.name, path)
        return self.selected(tree, lambda leaf: leaf.option == option, "tag", path)

    def selected(self, tree: Any, leaf: Any, name: str, path: Path) -> Any:
        """`leaf` of what is meant at the end of a step."""
        instrs, found = self.selection(tree, leaf, name)
        path.instrs.extend(instrs)
        return found

    def selection(self, tree: Any, leaf: Any, name: str) -> tuple[list[Instr], Any]:
        if isinstance(tree, Leaf):
            return [], leaf(tree)
        (first, then), (second, other) = (
            self.selection(option, leaf, name) for option in (tree.then, tree.other)
        )
        same = then == other if isinstance(then, bool) else then is other
        if same and not first and not second:
            return [], then
        where, kind = self.loop.instr.where, join(leaf_kind(then), leaf_kind(other))
        if then is True and other is False:
            return [], tree.test
        result = Value(name, kind, kind.tag == "array" and self.loop.user)
        if then is False and other is True:
            return [Instr(operator.not_, (tree.test,), None, (result,), (), None, where)], result
        blocks = Block((), first, (then,)), Block((), second, (other,))
        made = Instr("if", (tree.test,), None, (result,), blocks, {"choice": True}, where)
        return [made], result

    def end_of_own(self, k: int) -> Any:
        """A reference to what becomes an array of the loop's own."""
        ends = [Array(b) for b in self.becoming(k)]
        found: Any = ends[0] if ends else Array(self.buffers[k])
        for end in ends[1:]:
            found = Choice(self.loop.no_test, end, found)
        return found

    def becoming(self, k: int) -> list[Buffer]:
        """The arrays of a step that may become the loop's own of this number."""
        if self.by_name is None:
            return [b for b, number in self.index.items() if number == k]
        leaves = (leaf for tree in self.trees.values() for leaf in leaves_of(tree))
        return [*dict.fromkeys(leaf.array.buffer for leaf in leaves if self.is_own(leaf, k))]

    def owned(self, buffer: Buffer) -> list[int]:
        """Which arrays of the loop's own one may be, at the start of a step or at its end."""
        return [k for k, own in enumerate(self.buffers)
                if own is buffer or buffer in self.becoming(k)]  # fmt: skip

    def lasting(self, buffer: Buffer) -> Buffer | None:
        """The array after the loop that one of the last step has become, if it has."""
        if self.is_outer(buffer):
            return buffer
        k = self.index.get(buffer)
        alone = k is not None and list(self.index.values()).count(k) == 1
        return self.afterwards[k] if alone else None

    def after(self, results: dict[tuple, Value], state: State) -> dict[Any, Any]:
        """Slot → its reference after the loop; what the loop owned is put into memory."""
        buffers = []
        for k in range(len(self.kinds)):
            buffer = Buffer(self.starts[k][1])
            buffer.fixed = self.loop.kept.get(("own", k), "")
            state.memory[buffer] = results["own", k]
            buffers.append(buffer)
        self.afterwards = buffers
        self.carried_out: dict[Buffer, Buffer] = {}
        return {
            slot: self.reference(
                slot,
                [results["tag", slot, k] for k in range(1, len(options))],
                {key[2:]: r for key, r in results.items() if key[:2] == ("hole", slot)},
                buffers,
            )
            for slot, options in self.options.items()
        }


def leaves_of(tree: Any) -> list[Leaf]:
    if isinstance(tree, Leaf):
        return [tree]
    return [*leaves_of(tree.then), *leaves_of(tree.other)]


def fill(tree: Any, put: Callable[[Hole], Any]) -> Any:
    """A path with its holes filled."""
    if isinstance(tree, Hole):
        return put(tree)
    if isinstance(tree, Slice):
        return Slice(*(fill(part, put) for part in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)([fill(part, put) for part in tree])
    return tree


def holes_in(option: Any) -> list[Hole]:
    found: dict[Hole, None] = {}
    if not isinstance(option, Choice):
        fill(option[2] if option[0] == "own" else option[1],
             lambda hole: found.setdefault(hole, hole))  # fmt: skip
    return [*found]
