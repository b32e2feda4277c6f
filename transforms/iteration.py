"""Iteration: how long something is, and what its items are.

    for i, (u, w) in enumerate(zip(x, y)):     length n, bounds range(0, n, 1),
        …                                      item(i) = (i, (x[i], y[i]))

Structure (a tuple, a list of known items) has bounds None: a loop over it can only be unrolled.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Iterable
from typing import Any

from srcdiff.transforms.ir import Slice, Value, leaf_kind
from srcdiff.transforms.kinds import INT, Kind
from srcdiff.transforms.mutation import Memory, describe
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    Cell,
    Dict,
    Iterator,
    Known,
    List,
    Plain,
    Ref,
    Tuple,
    lift,
    static_ref,
)  # fmt: skip


class Iteration(Memory):
    within_bounds: set
    without_items: Callable  # see `either`

    def iterate(self, ref: Any, where: Any) -> tuple[Any, Callable[[Any], Ref], tuple | None]:
        """(length, item, bounds) of an iterable.

        length   an int, or the value of an int
        item     the reference of item i, for a reference to i
        bounds   the arguments of `for`: ("range", start, stop, step), the values that i takes;
                 None for structure, which can only be unrolled
        """
        ref = self.forced(ref, where)
        if self.special(ref, "__iter__") is not None:
            return self.iterate(self.object_method(ref, "__iter__", (), where), where)
        if isinstance(ref, Bound) and ref.name == "flat":
            return self.iterate_flat(ref.ref, where)
        if isinstance(ref, Iterator):
            if endless(ref):
                raise self.refuse(where, f"a loop over `{ref.kind}`, which has no end,",
                                  "Write `while True:`, or give it to `zip`.")  # fmt: skip
            return getattr(self, f"iterate_{ref.kind}")(ref, where)
        if is_stream(ref):
            rest = self.held(ref)
            self.state.memory[ref.cell] = ()
            self.written.add(ref.cell)
            return len(rest), lambda i: rest[i.obj], None
        if isinstance(ref, Tuple):
            return len(ref.items), lambda i: ref.items[i.obj], None
        if self.is_rows(ref):
            length, _, bounds = self.iterate(self.held(ref).columns[0], where)
            return length, lambda i: self.getitem(ref, i, where), bounds
        if isinstance(ref, List) and not isinstance(self.held(ref), Plain):
            items = self.held(ref)
            return len(items), lambda i: self.getitem(ref, i, where), None if items else None
        if isinstance(ref, Dict):
            keys = self.dict_keys(ref, where)
            return len(keys), lambda i: static_ref(keys[i.obj]), None
        if isinstance(ref, (List, Plain)):
            kind = self.kind(ref)
            if kind.tag not in ("list",) and not isinstance(ref, List):
                self.without_items(ref, "is not iterable", where)
                raise self.refuse(where, "a loop over something of unknown kind")
            n = self.call_len((ref,), {}, where)
            return n.value, lambda i: self.getitem(ref, i, where), ("range", 0, n.value, 1)
        if isinstance(ref, ARRAYS):
            kind = self.kind(ref)
            if not kind.dims:
                raise self.refuse(where, "a loop over a 0-d array")
            n = self.call_len((ref,), {}, where)
            length = n.obj if isinstance(n, Known) else n.value

            def row(i: Any) -> Ref:
                if isinstance(i, Plain):  # see `exceptions.raised_by`
                    self.within_bounds.add((i.value, kind.dims[0]))
                return self.getitem(ref, i, where)

            return length, row, ("range", 0, length, 1)
        if isinstance(ref, Known) and isinstance(ref.obj, enum.EnumMeta):
            enumeration: Iterable = ref.obj
            members = tuple(Known(member, ("object", member)) for member in enumeration)
            return len(members), lambda i: members[i.obj], None
        if isinstance(ref, Known) and isinstance(ref.obj, (str, bytes, range, frozenset, set)):
            items = tuple(ref.obj)  # of a set, in Python's own order
            return len(items), lambda i: static_ref(items[i.obj]), None
        self.without_items(ref, "is not iterable", where)
        raise self.refuse(where, f"a loop over {describe(ref)}")

    def iterate_range(self, ref: Iterator, where: Any) -> tuple:
        start, stop, step = (self.read(p, where) for p in ref.parts)
        if all(isinstance(p, int) for p in (start, stop, step)):
            values = range(start, stop, step)
            bounds = ("range", start, stop, step)

            def known_item(i: Any) -> Ref:
                return Known(values[i.obj]) if isinstance(i, Known) else i

            return len(values), known_item, bounds
        return None, lambda i: i, ("range", start, stop, step)

    def length_of_iterator(self, ref: Iterator, where: Any) -> Any:
        """`len(range(…))`"""
        length, _, bounds = self.iterate(ref, where)
        if length is None:
            length = self.count((length, None, bounds), where)
        return Known(length) if isinstance(length, int) else Plain(length)

    def range_item(self, ref: Iterator, key: Any, where: Any) -> Ref:
        """`range(…)[key]`"""
        start, stop, step = ref.parts
        if all(isinstance(p, Known) for p in (*ref.parts, key)):
            return Known(range(start.obj, stop.obj, step.obj)[key.obj])
        if isinstance(key, Slice):
            if not all(isinstance(p, Known) for p in ref.parts):
                raise self.refuse(where, "a slice of a range that is known only at run time")
            bounds = (None if p is None else self.known(p, where, "the bound") for p in key)
            cut = range(start.obj, stop.obj, step.obj)[slice(*bounds)]
            return Iterator("range", (Known(cut.start), Known(cut.stop), Known(cut.step)))
        if isinstance(key, Known) and key.obj < 0:
            key = self.binary(operator.add, self.length_of_iterator(ref, where), key, where)
        elif not isinstance(key, Known) and not self.frame.internal:  # it may be negative
            parts = tuple(self.read(p, where) for p in ref.parts)
            steps = self.emit(range, parts, None, Kind("range"), where, "steps")
            index = self.read(key, where)
            return Plain(self.emit("getitem", (steps, index), None, INT, where, "step"))
        place = key if step == Known(1) else self.binary(operator.mul, key, step, where)
        return place if start == Known(0) else self.binary(operator.add, start, place, where)

    def contained(self, ref: Iterator, a: Any, where: Any) -> Ref:
        """`a in range(…)`"""
        start, stop, step = ref.parts
        if all(isinstance(p, Known) for p in (*ref.parts, a)):
            return Known(a.obj in range(start.obj, stop.obj, step.obj))
        if step != Known(1) or self.kind(a).dtype is None or self.kind(a).dtype.kind not in "iu":
            raise self.refuse(where, "`in` of this range")
        low = self.compare(operator.le, start, a, where)
        return self.both(operator.and_, low, self.compare(operator.lt, a, stop, where), where)

    def iterate_reversed(self, ref: Iterator, where: Any) -> tuple:
        length, item, bounds = self.iterate(ref.parts[0], where)
        if isinstance(length, int):

            def known_item(i: Any) -> Ref:
                return item(Known(length - 1 - i.obj)) if isinstance(i, Known) else item(i)

            return length, known_item, bounds and reverse_bounds(bounds)
        assert bounds is not None
        if not isinstance(bounds[3], int):
            raise self.refuse(where, "`reversed` of a range with a step that is not known")
        return length, item, self.reversed_bounds(bounds, where)

    def reversed_bounds(self, bounds: tuple, where: Any) -> tuple:
        """The same values backwards."""
        _, start, stop, step = bounds
        if abs(step) != 1:
            made = self.emit(range, (start, stop, step), None, Kind("range"), where, "steps")
            n = self.emit(len, (made,), None, INT, where, "n")
            last = self.binary(operator.mul, self.binary(operator.sub, Plain(n), Known(1), where),
                               Known(step), where)  # fmt: skip
            last = self.binary(operator.add, lift(start), last, where)
            before = self.binary(operator.sub, lift(start), Known(step), where)
            return ("range", self.read(last, where), self.read(before, where), -step)

        def less(tree: Any) -> Any:
            if isinstance(tree, int):
                return tree - step
            return self.emit(operator.sub, (tree, step), None, INT, where, "last")

        return ("range", less(stop), less(start), -step)

    def iterate_enumerate(self, ref: Iterator, where: Any) -> tuple:
        inner, start = ref.parts
        length, item, bounds = self.iterate(inner, where)
        if bounds is not None and (bounds[1] != 0 or bounds[3] != 1):
            count = self.iterate_zip(Iterator("zip", (inner,)), where)
            length, item, bounds = count[0], lambda i: count[1](i).items[0], count[2]

        def numbered(i: Any) -> Ref:
            number = i
            if not (isinstance(start, Known) and start.obj == 0):
                number = self.binary(operator.add, i, start, where)
            return Tuple((number, item(i)))

        return length, numbered, bounds

    def iterate_listed(self, ref: Iterator, where: Any) -> tuple:
        return self.iterate(ref.parts[0], where)

    def iterate_zip(self, ref: Iterator, where: Any) -> tuple:
        without_end = [endless(p) for p in ref.parts]
        if any(without_end) and not all(without_end):
            inner = tuple(p for p, e in zip(ref.parts, without_end) if not e)
            length, row, bounds = self.iterate_zip(Iterator("zip", inner), where)

            def with_endless(i: Any) -> Ref:
                finite = iter(row(i).items)
                return Tuple(tuple(
                    self.endless_item(p, i, where) if e else next(finite)
                    for p, e in zip(ref.parts, without_end)
                ))  # fmt: skip

            return length, with_endless, bounds
        if any(map(is_stream, ref.parts)) and len(ref.parts) > 1:
            return self.iterate(Tuple(self.pulled_rows(ref.parts, where)), where)
        parts = [self.iterate(p, where) for p in ref.parts]
        lengths = [p[0] for p in parts]
        known = [n for n in lengths if isinstance(n, int)]
        items = []
        for length, item, bounds in parts:
            if isinstance(length, int) or bounds is None or (bounds[1], bounds[3]) == (0, 1):
                items.append(item)
            else:
                items.append(self.offset(item, bounds, where))

        def together(i: Any) -> Ref:
            return Tuple(tuple(item(i) for item in items))

        if len(known) == len(parts):
            structure = any(p[2] is None for p in parts)
            n = min(known, default=0)
            return n, together, None if structure else ("range", 0, n, 1)
        if 0 in known:
            return 0, together, None
        for k, (part, (length, _, bounds)) in enumerate(zip(ref.parts, parts)):
            if bounds is None:
                items[k] = self.item_in_turn(part, where)
                parts[k] = length, items[k], ("range", 0, length, 1)
        counts = [self.count(p, where) for p in parts]
        sizes = {repr(leaf_kind(c).size) for c in counts if isinstance(c, Value)}
        if len(sizes) == 1 and all(isinstance(c, Value) for c in counts) and "None" not in sizes:
            n = counts[0]
        else:
            n = self.emit(min, tuple(counts), None, INT, where, "n")
        return n, together, ("range", 0, n, 1)

    def item_in_turn(self, part: Ref, where: Any) -> Callable[[Any], Ref]:
        """The item of a tuple or a list of known length, for an i that a loop counts."""
        held = part.items if isinstance(part, Tuple) else \
            self.held(part) if isinstance(part, List) else None  # fmt: skip
        if held is None:
            raise self.refuse(where, f"`zip` of {describe(part)} and an array",
                              "Give it a list instead.")  # fmt: skip
        if self.alike(held) and self.kind(held[0]).tag == "scalar":
            sequence = self.sequence(held, Cell("items"), where).value
            return lambda i: self.sequence_item(sequence, self.read(i, where), where)
        return lambda i: self.getitem(Tuple(tuple(held)), i, where)

    def pulled_rows(self, parts: tuple, where: Any) -> tuple:
        """`zip(it, it)` of iterators of known length: each row takes its items in turn."""
        cells = [p.cell if is_stream(p) else None for p in parts]
        if cells.count(cells[0]) == len(parts):
            items, n = self.items(parts[0], where), len(parts)
            whole = len(items) - len(items) % n
            return tuple(Tuple(tuple(items[i : i + n])) for i in range(0, whole, n))
        streams = [c for c in cells if c is not None]
        if len(set(streams)) != len(streams):
            raise self.refuse(where, "`zip` of one iterator several times and of others")
        return tuple(map(Tuple, zip(*(self.items(p, where) for p in parts))))

    def count(self, part: tuple, where: Any) -> Any:
        length, _, bounds = part
        if length is not None:
            return length
        _, start, stop, step = bounds
        if start == 0 and step == 1:
            return stop
        made = self.emit(range, (start, stop, step), None, Kind("range"), where, "steps")
        return self.emit(len, (made,), None, INT, where, "n")

    def offset(self, item: Callable, bounds: tuple, where: Any) -> Callable[[Any], Ref]:
        _, start, stop, step = bounds

        def shifted(i: Any) -> Ref:
            ref = i
            if step != 1:
                ref = self.binary(operator.mul, ref, lift(step), where)
            if start != 0:
                ref = self.binary(operator.add, lift(start), ref, where)
            return item(ref)

        return shifted


def is_stream(ref: Any) -> bool:
    """Whether this is what is left of an iterator (see `call_iter`): walking takes it away."""
    return isinstance(ref, List) and ref.cell.cls is Iterator


def endless(ref: Any) -> bool:
    """Whether an iterator never ends: `count`, `cycle`, `repeat`."""
    return isinstance(ref, Iterator) and ref.kind in ("count", "cycle", "repeat")


def reverse_bounds(bounds: tuple) -> tuple:
    values = range(*bounds[1:])[::-1]
    return ("range", values.start, values.stop, values.step)
