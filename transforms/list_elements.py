"""Arrays and lists in a list of run-time length, written to where they are.

    u = items[i]; u += 1.0        items.2 = add_at(items, ([i],), ..., 1.0)
    table[i][j] = v               table.2 = setitem(table, ([i],), j, v)

An element that was read knows where it was read, in which version of the list. It may be written
while the list has been changed only in this way since, and while the list owns its elements: each
was put there when no other name led to it, and is in no other list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from srcdiff.transforms.ir import Value
from srcdiff.transforms.mutation import Memory, NeedsChoice
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Buffer,
    Cell,
    List,
    Plain,
    arrays_of,
    buffers_of,
    references_to,
)  # fmt: skip

WRITTEN = "an element of a list is written in place"


class Element(NamedTuple):
    """Where an element was read: the list, the index, and the version of the list then."""

    cell: Cell
    index: Any
    version: Value


class ListElements(Memory):
    roots: dict  # version of a list → the version that it is, but for stores into elements

    def root(self, version: Value) -> Value:
        return self.roots.get(version, version)

    # ------------------------------------------------------------------ who owns the elements

    def own(self, cell: Cell, item: Any, where: Any) -> None:
        """Note whether what is put into a list is the list's alone."""
        for array in arrays_of(item) if isinstance(item, ARRAYS) else ():
            buffer = array.buffer
            shared = any(buffer in pair for pair in self.aliases)
            if array.path or shared or buffer.fixed or buffer.origin != "fresh" or any(
                buffer in buffers_of(ref, self.state.memory) for ref in self.state.env.values()
            ):
                cell.shared, cell.site = True, where and (where.node, "listed")
        if isinstance(item, List):
            inner = item.cell
            if inner.fixed or inner.shared or any(inner in pair for pair in self.aliases) or \
                    references_to(inner, self.state):  # fmt: skip
                cell.shared = True

    def share_items(self, *cells: Cell | None) -> None:
        """What is in these lists is in another list as well."""
        for cell in cells:
            if cell is not None:
                cell.shared = True

    # ------------------------------------------------------------------ writing

    def place_in_list(self, element: Element, where: Any) -> tuple[Value, tuple]:
        """The list as it is now, and the path to the element, if it may be written."""
        cell, index, version = element
        held = self.state.memory.get(cell)
        if cell.shared or cell.element is not None or \
                not isinstance(held, Plain) or \
                self.root(held.value) is not self.root(version):  # fmt: skip
            if cell.site is not None and cell.site not in self.choices:
                raise NeedsChoice(frozenset((cell.site,)))
            raise self.refuse(where, WRITTEN, "Store a new one: `items[i] = …`.")
        return held.value, (("getitem", index),)

    def written_in_list(self, element: Element, new: Value, where: Any) -> None:
        """The list has a new version: what was read of it is read again."""
        cell = element.cell
        old = self.state.memory[cell].value
        self.roots[new] = self.root(old)
        self.state.memory[cell] = Plain(new)
        self.written.add(cell)
        stale = set()
        for holder, held in list(self.state.memory.items()):
            known = getattr(holder, "element", None)
            if known is None or known.cell is not cell:
                continue
            if self.root(known.version) is not self.root(new):
                stale.add(holder)
                continue
            value = held.value if isinstance(held, Plain) else held
            again = self.emit("getitem", (new, known.index), None, value.kind, where, value.name)
            self.state.memory[holder] = Plain(again) if isinstance(held, Plain) else again
        if stale and (stale & self.reachable() or stale & self.reachable_cells()):
            raise self.refuse(where, f"{WRITTEN}, while another element has a name",
                              "Store a new one: `items[i] = …`.")  # fmt: skip

    def write_element(self, ref: Array, op: str, key: Any, value: Any, attrs: dict,
                      where: Any) -> None:  # fmt: skip
        """`items[i]<path>[key] = value`"""
        self.ask_for_choice(ref.buffer)
        element = ref.buffer.element
        held, path = self.place_in_list(element, where)
        args = (held, (*path, *ref.path), key, value)
        new = self.emit(op, args, None, held.kind, where, element.cell.name, **attrs)
        self.written_in_list(element, new, where)
        self.written.add(ref.buffer)

    def replace_element(self, buffer: Buffer, new: Value, where: Any) -> None:
        """`items[i] *= 2` as `items[i] = items[i] * 2`: no other name has the old element."""
        self.ask_for_choice(buffer)
        element = buffer.element
        held, _ = self.place_in_list(element, where)
        made = self.emit("list_setitem", (held, element.index, new), None, held.kind, where,
                         element.cell.name)  # fmt: skip
        self.written_in_list(element, made, where)
        self.written.add(buffer)

    def store_in_element(self, base: List, key: Any, value: Any, where: Any) -> None:
        """`table[i][j] = value`"""
        element = base.cell.element
        held, path = self.place_in_list(element, where)
        new = self.emit("setitem", (held, path, key, value), None, held.kind, where,
                        element.cell.name)  # fmt: skip
        self.written_in_list(element, new, where)
        self.written.add(base.cell)

    def is_there(self, cell: Cell, index: Any, value: Any) -> bool:
        """Whether this is the very element that `items[index]` is: `items[i] += 1` stores it."""
        held = self.state.memory.get(cell)
        if isinstance(value, Array) and not value.path:
            element = value.buffer.element
        elif isinstance(value, List):
            element = value.cell.element
        else:
            return False
        if element is None or element.cell is not cell or not isinstance(held, Plain):
            return False
        same = element.index is index or type(index) is int and element.index == index
        return same and self.root(element.version) is self.root(held.value)

