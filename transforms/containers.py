"""Lists, dicts and tuples: their methods, and lists whose length is known only at run time.

    a.append(v)      of known items: the cell holds one more reference; nothing is emitted
                     of unknown length: a.2 = list_append(a, v)
"""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.ir import Slice, Value, leaf_kind
from srcdiff.transforms.kinds import OBJECT, Kind, join
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Cell,
    Dict,
    Known,
    List,
    Plain,
    Ref,
    arrays_of,
)  # fmt: skip

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
        """An item at a position that is known only at run time."""
        cell = base.cell if isinstance(base, List) else Cell("items")
        sequence = self.sequence(items, cell, where)
        if isinstance(base, List):
            self.state.memory[cell] = sequence
        return self.sequence_item(sequence.value, key.value, where)

    def sequence_item(self, sequence: Value, index: Any, where: Any) -> Ref:
        if isinstance(index, Slice):
            raise self.refuse(where, "a slice of a list whose length is known only at run time")
        kind = sequence.kind.items[0] if sequence.kind.items else OBJECT
        value = self.emit("getitem", (sequence, index), None, kind, where, sequence.name + "_item")
        ref = self.fresh(value)
        if isinstance(ref, Array):
            ref.buffer.fixed = "an element of a list is written in place"
        return ref

    def sequence(self, held: tuple, cell: Cell, where: Any) -> Plain:
        """A list of known items as one value whose length is known only at run time."""
        trees = []
        kind: Kind | None = None
        for ref in held:
            tree = self.read(ref, where)
            item = leaf_kind(tree)
            kind = item if kind is None else join(kind, item)
            trees.append(tree)
            self.fix(ref)
        items = (kind,) if kind is not None else None
        value = self.emit("list", (trees,), None, Kind("list", items=items), where, cell.name)
        return Plain(value)

    def fix(self, ref: Any) -> None:
        """What a list of unknown length holds is no longer written by its other names."""
        for array in arrays_of(ref) if isinstance(ref, ARRAYS) else ():
            array.buffer.fixed = f"`{array.buffer.name}` is written after it was put into a list"

    # lists and dicts

    def method_append(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        if base.cell in self.outside_cells:
            self.append_outside(base, args, where)
            if base.cell in self.appended:
                return Known(None)
        held = self.held(base)
        self.written.add(base.cell)
        if isinstance(held, Plain):
            item = self.read(args[0], where)
            self.fix(args[0])
            old = held.value.kind.items
            kind = leaf_kind(item) if old is None else join(old[0], leaf_kind(item))
            value = self.emit("list_append", (held.value, item), None, Kind("list", items=(kind,)),
                              where, base.cell.name)  # fmt: skip
            self.state.memory[base.cell] = Plain(value)
        else:
            self.state.memory[base.cell] = (*held, args[0])
        return Known(None)

    def method_extend(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        for item in self.items(args[0], where):
            self.method_append(base, (item,), {}, where)
        return Known(None)

    def method_pop(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(base, Dict):
            return self.pop_key(base, args, where)
        held = self.held(base)
        if isinstance(held, Plain):
            raise self.refuse(where, "`pop` from a list whose length is known only at run time")
        self.written.add(base.cell)
        items = list(held)
        index = self.known(args[0], where, "the index") if args else -1
        try:
            found = items.pop(index)
        except IndexError as error:
            raise self.failing(error, where, f"this `pop`: {error}") from None
        self.state.memory[base.cell] = tuple(items)
        return found

    def method_remove(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(base, Dict):
            return self.remove_key(base, args, where)
        index = self.known(self.method_index(base, args, {}, where), where, "what is removed")
        self.written.add(base.cell)
        held = self.held(base)
        self.state.memory[base.cell] = held[:index] + held[index + 1 :]
        return Known(None)

    def method_insert(self, base: List, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        if isinstance(held, Plain):
            raise self.refuse(where, "`insert` into a list whose length is known only at run time")
        items = list(held)
        items.insert(self.known(args[0], where, "the index"), args[1])
        self.state.memory[base.cell] = tuple(items)
        return Known(None)

    def method_copy(self, base: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        cell = Cell(base.cell.name, base.cell.cls, base.cell.missing)
        self.state.memory[cell] = self.held(base)
        return type(base)(cell)
