"""Lists, dicts and tuples: their methods, and lists whose length is known only at run time.

    a.append(v)      of known items: the cell holds one more reference; nothing is emitted
                     of unknown length: a.2 = list_append(a, v)
"""

from __future__ import annotations

import collections
import functools
import operator
from collections.abc import Callable
from typing import Any

from srcdiff.runtime import python_forms
from srcdiff.transforms.ir import Instr, Slice, Value
from srcdiff.transforms.kinds import INT, OBJECT, Kind, join, own_sizes
from srcdiff.transforms.list_elements import Element
from srcdiff.transforms.merging import Exit
from srcdiff.transforms.mutation import Memory, NeedsUnrolling
from srcdiff.transforms.references import (
    ARRAYS,
    Buffer,
    Cell,
    Choice,
    Dict,
    Known,
    List,
    Missing,
    Plain,
    Ref,
    Tuple,
    arrays_of,
)  # fmt: skip

MOST = 12  # items of which one may be chosen in branches

CHANGING = frozenset(
    """insert pop popitem remove clear sort reverse update setdefault add discard move_to_end
    popleft appendleft extendleft rotate""".split()
)


class Containers(Memory):
    def alike(self, items: Any) -> bool:
        """Whether items may be elements of one sequence: numbers or arrays of one kind."""
        found = [self.kind(i) for i in items]
        return bool(found) and all(k.numeric and k.rank == found[0].rank for k in found) and \
            len({k.dtype for k in found}) == 1  # fmt: skip

    def item_of_alike(self, base: Any, items: tuple, key: Plain, where: Any) -> Ref:
        """An item at a position that is known only at run time.

        A value of its own, or, where an item is written, a choice of the items.
        """
        site = where and (where.node, "item")
        if site in self.choices and len(items) <= MOST:
            return self.item_in_branches(base, items, key, where)
        cell = base.cell if isinstance(base, List) else Cell("items")
        sequence = self.sequence(items, cell, where)
        if isinstance(base, List):
            self.state.memory[cell] = sequence
        owner = cell if isinstance(base, List) else None
        ref = self.sequence_item(sequence.value, key.value, where, owner)
        for array in (a for r in (*items, ref) if isinstance(r, ARRAYS) for a in arrays_of(r)):
            array.buffer.site = site
        return ref

    def is_told_apart(self, key: Any, items: tuple, where: Any) -> bool:
        """Whether an item of a known list, at a position known only at run time, is to be found
        in branches: where no loop could be unrolled that would have made the position known."""
        if not isinstance(key, Plain) or key.value in self.constants or len(items) > MOST:
            return False
        kind = key.value.kind
        if kind.tag != "scalar" or kind.dtype is None or kind.dtype.kind not in "iub":
            return False
        site = where and (where.node, "unlike")
        if site is not None and site not in self.choices:
            raise NeedsUnrolling("the index of a list or tuple is known only at run time",
                                 where.location, "Make it a constant.", site)  # fmt: skip
        return True

    def item_of_unlike(self, base: Any, items: tuple, key: Plain, where: Any) -> Ref:
        """An item at a position that is known only at run time: one of things of unlike kinds."""
        return self.item_in_branches(base, items, self.whole_number(key, where), where)

    def store_in_branches(self, base: List, held: tuple, key: Plain, value: Any,
                          where: Any) -> None:  # fmt: skip
        """A store into a list of known items, at a position that is known only at run time."""

        def stored(k: int) -> Ref:
            items = list(self.held(base))
            items[k] = self.settled(value)
            self.state.memory[base.cell] = tuple(items)
            return Known(None)

        n = len(held)
        self.written.add(base.cell)
        self.selected([(k, k - n) for k in range(n)], tuple(range(n)),
                      self.whole_number(key, where), where, IndexError,
                      "list assignment index out of range", stored)  # fmt: skip

    def whole_number(self, key: Plain, where: Any) -> Plain:
        """An index that may be a bool, as an int."""
        if key.value.kind.dtype.kind != "b":
            return key
        return Plain(self.emit(int, (key.value,), None, INT, where, "index"))

    def item_in_branches(self, base: Any, items: tuple, key: Plain, where: Any) -> Ref:
        n = len(items)
        what = "tuple" if isinstance(base, Tuple) else "list"
        found = self.selected([(k, k - n) for k in range(n)], items, key, where,
                              IndexError, f"{what} index out of range")  # fmt: skip
        if isinstance(base, List) and isinstance(found, Choice):
            self.chosen_items[found] = (base.cell, key, items)
        return found

    def selected(self, keys: list, refs: Any, key: Any, where: Any, error: type,
                 text: Any, act: Callable[[Any], Ref] = lambda ref: ref) -> Ref:  # fmt: skip
        """`act` on the reference, of some, whose keys (a tuple for each) hold a run-time value."""
        if not refs:
            self.instrs.append(Instr("raise", (Known(error), (text,)), None, (), (), None, where))
            return Missing("no key is there")
        test: Any = None
        for each in keys[0]:
            one = self.compare(operator.eq, key, Known(each), where)
            if isinstance(one, Known):
                if one.obj:
                    return act(refs[0])
                continue
            test = one if test is None else self.apply(operator.or_, (test, one), {}, where)
        if test is None:
            return self.selected(keys[1:], refs[1:], key, where, error, text, act)
        then = self.on_a_path(lambda: act(refs[0]))
        other = self.on_a_path(
            lambda: self.selected(keys[1:], refs[1:], key, where, error, text, act)
        )
        if len(refs) == 1:
            other.exit = Exit(dead=True)
        result = Value("item", OBJECT)
        self.join(self.read(test, where), then, other, where, (result,), choose="item")
        return self.temporaries[-1].pop(result)

    def sequence_item(self, sequence: Value, index: Any, where: Any,
                      cell: Cell | None = None) -> Ref:  # fmt: skip
        items = sequence.kind.items
        if sequence.kind.tag == "tuple" and items and type(index) is int:
            kind = items[index]
        else:
            kind = functools.reduce(join, items) if items else OBJECT
            kind = own_sizes(kind) if sequence.kind.tag == "list" else kind
        value = self.emit("getitem", (sequence, index), None, kind, where, sequence.name + "_item")
        return self.element(value, None if cell is None else Element(cell, index, sequence))

    def sequence(self, held: tuple, cell: Cell, where: Any) -> Plain:
        """A list of known items as one value whose length is known only at run time."""
        trees = []
        kind = Kind("list")
        for ref in held:
            tree = self.element_tree(ref, where)
            kind = self.kind_with(kind, tree)
            trees.append(tree)
            self.own(cell, ref, where)
            self.fix(ref, where)
        value = self.emit("list", (trees,), None, kind, where, cell.name)
        return Plain(value)

    def fix(self, ref: Any, where: Any) -> None:
        """What a list of unknown length holds is no longer written by its other names.

        If it is, the list is one of parts of arrays (see `rows`).
        """
        if isinstance(ref, List):
            ref.cell.fixed = f"`{ref.cell.name}` is changed after it was put into a list"
        for array in arrays_of(ref) if isinstance(ref, ARRAYS) else ():
            for buffer in (array.buffer, *self.aliases_of(array.buffer)):
                if isinstance(buffer, Buffer):
                    buffer.fixed = f"`{buffer.name}` is written after it was put into a list"
                    buffer.site = where and (where.node, "listed")

    # lists and dicts

    def method_append(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        if base.cell in self.outside_cells:
            self.append_outside(base, args, where)
            if base.cell in self.appended:
                return Known(None)
        self.check_unshared(base, where, "append")
        if base.cell.cls is collections.deque and base.cell.missing is not None:
            return self.append_to_deque(base, args[0], where)
        held = self.held(base)
        self.written.add(base.cell)
        if isinstance(held, Plain):
            row = isinstance(args[0], Tuple) or isinstance(args[0], ARRAYS) and self.listed(where)
            if row and held.value.kind.items is None:
                if self.make_rows(base.cell, (), self.empty_rows(args[0], where)) is not None:
                    self.rows_append(base, args[0], where)
                    return Known(None)
            self.sequence_append(base, args[0], where)
        else:
            self.state.memory[base.cell] = (*held, args[0])
        return Known(None)

    def method_extend(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        items = None if self.is_sequence(args[0]) else self.known_items(args[0], where)
        if items is None:
            if base.cell in self.outside_cells:
                raise self.refuse(where, "`extend` of a list from outside by what has a length "
                                  "known only at run time", "Append each item.")  # fmt: skip
            self.check_cell(base, where, "extend")
            if not self.is_sequence(base):
                self.state.memory[base.cell] = self.sequence(self.held(base), base.cell, where)
            self.sequence_extend(base, args[0], where)
            return Known(None)
        for item in items:
            self.method_append(base, (item,), {}, where)
        return Known(None)

    def method_pop(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(base, Dict):
            return self.pop_key(base, args, where)
        held = self.held(base)
        index = args[0] if args else Known(-1)
        if not isinstance(held, Plain) and isinstance(index, Plain) and self.alike(held):
            held = self.state.memory[base.cell] = self.sequence(held, base.cell, where)
        if isinstance(held, Plain):
            return self.sequence_pop(base, index, where)
        self.written.add(base.cell)
        items = list(held)
        index = self.known(index, where, "the index")
        try:
            found = items.pop(index)
        except IndexError as error:
            raise self.failing(error, where, f"this `pop`: {error}") from None
        self.state.memory[base.cell] = tuple(items)
        return found

    def method_remove(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(base, Dict):
            return self.remove_key(base, args, where)
        index = self.method_index(base, args, {}, where)
        held = self.held(base)
        if isinstance(held, Plain):
            self.sequence_pop(base, index, where)
            return Known(None)
        self.written.add(base.cell)
        index = index.obj
        self.state.memory[base.cell] = held[:index] + held[index + 1 :]
        return Known(None)

    def method_insert(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        if not isinstance(held, Plain) and isinstance(args[0], Plain):
            held = self.state.memory[base.cell] = self.sequence(held, base.cell, where)
        if isinstance(held, Plain):
            self.sequence_insert(base, *args, where)
            return Known(None)
        self.written.add(base.cell)
        items = list(held)
        items.insert(self.known(args[0], where, "the index"), args[1])
        self.state.memory[base.cell] = tuple(items)
        return Known(None)

    def method_clear(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        self.written.add(base.cell)
        self.state.memory[base.cell] = {} if isinstance(base, Dict) else ()
        return Known(None)

    def method_reverse(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        self.written.add(base.cell)
        if isinstance(held, Plain):
            found = self.sequence_slice(base, Slice(None, None, Known(-1)), where)
            self.set_sequence(base, self.held(found).value)
        else:
            self.state.memory[base.cell] = held[::-1]
        return Known(None)

    def method_sort(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        found = self.call_sorted((base,), kwargs, where)
        self.written.add(base.cell)
        self.state.memory[base.cell] = self.state.memory[found.cell]
        return Known(None)

    def method_index(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`a.index(v)`; known where all that comes before is known to be different."""
        if self.is_sequence(base) and len(args) == 1:
            return self.sequence_index(base, args[0], where)
        items = self.items(base, where)
        start = self.known(args[1], where, "where to start") if len(args) > 1 else 0
        for i in range(start, len(items)):
            same = Known(True) if items[i] is args[0] else \
                self.compare(operator.eq, items[i], args[0], where)  # fmt: skip
            if not isinstance(same, Known):
                if isinstance(base, List) and self.alike(items) and len(args) == 1:
                    held = self.sequence(tuple(items), base.cell, where)
                    self.state.memory[base.cell] = held
                    return self.sequence_index(base, args[0], where)
                raise self.refuse(where, "`index` of run-time values in a tuple")
            if same.obj:
                return Known(i)
        raise self.refuse(where, "`index` of what is not in the list")

    def method_count(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if self.is_sequence(base):
            return self.sequence_count(base, args[0], where)
        total: Ref = Known(0)
        for item in self.items(base, where):
            same = self.compare(operator.eq, item, args[0], where)
            total = self.binary(operator.add, total, same, where)
        return total

    def method_popleft(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.method_pop(base, (Known(0),), {}, where)

    def method_appendleft(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        if base.cell.missing is not None:
            raise self.refuse(where, "`appendleft` of a `deque` with `maxlen`")
        return self.method_insert(base, (Known(0), *args), {}, where)

    def call_deque(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        most = args[1] if len(args) > 1 else kwargs.get("maxlen", Known(None))
        made = self.call_list(args[:1], {}, where)
        made.cell.cls = collections.deque
        if most != Known(None):
            made.cell.missing = Known(self.known(most, where, "`maxlen`"))
            if self.known_items(made, where) is None or len(self.held(made)) > most.obj:
                raise self.refuse(where, "a `deque` that begins with more than it holds")
        return made

    def append_to_deque(self, base: List, item: Any, where: Any) -> Ref:
        """`d.append(v)` of a `deque` with `maxlen`: its head makes room."""
        most, base.cell.missing = base.cell.missing, None
        try:
            return self.form(python_forms.pushed, (base, item, most), where)
        finally:
            base.cell.missing = most

    def method_copy(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if self.is_sequence(base):
            return self.copied_sequence(base, where)
        if self.is_rows(base):
            return self.rows_method(base, "copy", (), {}, where)
        cell = Cell(base.cell.name, base.cell.cls, base.cell.missing)
        self.state.memory[cell] = self.held(base)
        return type(base)(cell)


HANDLERS: dict[Any, Callable] = {collections.deque: Containers.call_deque}
