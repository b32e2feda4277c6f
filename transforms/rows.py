"""Lists of tuples whose length is known only at run time: a list for each place in the tuple.

    h.append((v, (w, 1)))        h_0.append(v); h_1.append(w); h_2.append(1)
    v, (w, k) = h.pop()          v = h_0.pop(); w = h_1.pop(); k = h_2.pop()
    for a, b in h: …             for i in range(len(h_0)): a = h_0[i]; …

`Rows(template, columns)` is what such a list holds: the template has a `Hole` for each column.

A list that holds an array which is written later is held in this way as well: of each item it is
only what differs that is kept, and a write to the array is seen by all of them.

    h.append(y[i])               h_0.append(i)
    y[0] = 1.0; v = h[-1]        y[0] = 1.0; v = y[h_0[-1]]
    h.append(y)                  h_0.append(0): how many there are
"""

from __future__ import annotations

from typing import Any

from srcdiff.runtime import python_forms
from srcdiff.transforms.ir import Slice, Value, map_tree
from srcdiff.transforms.kinds import INT, Kind, join
from srcdiff.transforms.mutation import NUMBERS, Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Cell,
    Choice,
    Hole,
    Known,
    List,
    Plain,
    Ref,
    Rows,
    Tuple,
    buffers_of,
)  # fmt: skip

EACH = frozenset("pop popleft insert reverse copy clear".split())


class RowLists(Memory):
    def is_rows(self, ref: Any) -> bool:
        return isinstance(ref, List) and isinstance(self.state.memory.get(ref.cell), Rows)

    def template_of(self, ref: Any, homes: bool = False) -> tuple[Any, list] | None:
        """A tuple with holes, and what belongs there; None for what cannot be a row.

        homes   let arrays be what they are parts of, with holes for the numbers in their paths
        """
        leaves: list = []

        def hole(part: Any) -> Hole:
            leaves.append(part)
            return Hole(len(leaves) - 1)

        def visit(part: Any) -> Any:
            if isinstance(part, Tuple):
                return part._replace(items=tuple(map(visit, part.items)))
            if homes and isinstance(part, Choice):
                return Choice(visit(Plain(part.test)), visit(part.then), visit(part.other))
            if homes and isinstance(part, Array):
                if part.buffer.element is not None:
                    raise NoRow
                return Array(part.buffer, map_tree(lambda v: hole(Plain(v)), part.path))
            if isinstance(part, (Plain, *ARRAYS)) or type(getattr(part, "obj", None)) in NUMBERS:
                return hole(part)
            if isinstance(part, Known):
                return part
            raise NoRow

        if not isinstance(ref, Tuple) and not (homes and isinstance(ref, ARRAYS)):
            return None
        try:
            template = visit(ref)
        except NoRow:
            return None
        if not leaves and isinstance(ref, Array):
            leaves.append(Known(0))  # their number is all that is to be known of them
        return (template, leaves) if leaves else None

    def listed(self, where: Any) -> bool:
        """Whether arrays that are put into a list here are written later."""
        return where is not None and (where.node, "listed") in self.choices

    def fill(self, template: Any, leaves: Any) -> Ref:
        if isinstance(template, Hole):
            return leaves[template.at]
        if isinstance(template, Array):
            return Array(template.buffer, self.filled(template.path, leaves))
        if isinstance(template, Choice):
            found = Choice(self.read(self.fill(template.test, leaves)),
                           self.fill(template.then, leaves), self.fill(template.other, leaves))
            self.choice_names[found] = "item"
            return found
        if isinstance(template, Tuple):
            return template._replace(items=tuple(self.fill(t, leaves) for t in template.items))
        return template

    def filled(self, tree: Any, leaves: Any) -> Any:
        """A path with its holes filled, by any ints where `leaves` is None."""
        if isinstance(tree, Hole):
            return Value("i", INT) if leaves is None else self.read(leaves[tree.at])
        if isinstance(tree, Slice):
            return Slice(*(self.filled(part, leaves) for part in tree))
        if isinstance(tree, (tuple, list)):
            return type(tree)([self.filled(part, leaves) for part in tree])
        return tree

    def rows_table(self, items: tuple, like: Rows | None = None,
                   homes: bool = False) -> tuple[Rows, list] | None:  # fmt: skip
        """`Rows` for items that are alike, and what each column holds; None if they are not."""
        homes = homes or like is not None and holds_homes(like.template)
        found = [self.template_of(item, homes) for item in items]
        if any(f is None for f in found) or not found and like is None:
            return None
        template = like.template if like is not None else found[0][0]  # type: ignore[index]
        if any(f[0] != template for f in found):  # type: ignore[index]
            return None
        columns = like.columns if like is not None else tuple(
            List(Cell("items")) for _ in found[0][1])  # type: ignore[index]
        return Rows(template, columns), [
            tuple(f[1][k] for f in found) for k in range(len(columns))]  # type: ignore[index]

    def make_rows(self, cell: Cell, items: tuple, like: Rows | None = None,
                  homes: bool = False) -> Rows | None:  # fmt: skip
        """Let a list hold its items in columns, where they are alike."""
        made = self.rows_table(items, like, homes)
        if made is None:
            return None
        rows, contents = made
        for k, (column, held) in enumerate(zip(rows.columns, contents)):
            column.cell.name = f"{cell.name}_{k}"
            self.state.memory[column.cell] = held
        self.state.memory[cell] = rows
        return rows

    def empty_rows(self, item: Any, where: Any) -> Rows | None:
        """`Rows` without a row, for items like this one."""
        found = self.rows_table((item,), None, self.listed(where))
        if found is None:
            raise self.refuse(where, "a list of unlike things whose length is known only at run "
                              "time", "Use a list for each kind of thing.")  # fmt: skip
        return found[0]

    def leaves_like(self, rows: Rows, item: Any, where: Any) -> list:
        found = self.template_of(item, holds_homes(rows.template))
        if found is None or found[0] != rows.template:
            raise self.refuse(where, "items of different forms in a list whose length is known "
                              "only at run time", "Use a list for each form.")  # fmt: skip
        return found[1]

    def rows_value(self, ref: List, where: Any) -> Value:
        """A list of parts of arrays as one value: the items as they are now."""
        rows = self.held(ref)
        if not holds_homes(rows.template) or isinstance(rows.template, Tuple):
            raise self.refuse(where, "a list of tuples, whose length is known only at run time, "
                              "as a value", "Make a list for each of their items.")  # fmt: skip
        before = {b: (b.fixed, b.site) for b in buffers_of(rows.template, {})}
        made = self.held(self.form(python_forms.listed, (ref,), where))
        if isinstance(made, Rows):
            raise self.refuse(where, "a list of arrays of which each is one of several, whose "
                              "length is known only at run time, as a value",
                              "Store copies.")  # fmt: skip
        for buffer, (fixed, site) in before.items():  # the list is not kept
            buffer.fixed, buffer.site = fixed, site
        return made.value

    def rows_kind(self, rows: Rows) -> Kind:
        """The kind of a list of parts of arrays as one value."""
        if not isinstance(rows.template, ARRAYS):
            return Kind("list")
        return Kind("list", items=(self.kind_of_template(rows.template),))

    def kind_of_template(self, template: Any) -> Kind:
        if isinstance(template, Choice):
            then, other = map(self.kind_of_template, (template.then, template.other))
            return join(then, other)
        return self.kind(Array(template.buffer, self.filled(template.path, None)))

    def rows_columns(self, ref: List, where: Any) -> Ref:
        """`zip(*rows)`: what stands in the first place of all rows, in the second, and so on."""
        rows = self.held(ref)

        def column(part: Any) -> Any:
            if isinstance(part, Hole):
                return self.method_copy(rows.columns[part.at], (), {}, where)
            raise self.refuse(where, "`zip` of tuples with what is no number")

        if any(isinstance(p, Tuple) for p in rows.template.items):
            raise self.refuse(where, "`zip` of nested tuples")
        return Tuple(tuple(map(column, rows.template.items)))

    # ------------------------------------------------------------------ what is done to them

    def rows_append(self, base: List, item: Any, where: Any) -> None:
        rows = self.held(base)
        for column, leaf in zip(rows.columns, self.leaves_like(rows, item, where)):
            self.method_append(column, (leaf,), {}, where)
        self.written.add(base.cell)

    def rows_item(self, base: List, key: Any, where: Any) -> Ref:
        rows = self.held(base)
        found = [self.getitem(column, key, where) for column in rows.columns]
        if isinstance(key, Slice):
            return self.new_rows(rows, found)
        return self.fill(rows.template, found)

    def new_rows(self, rows: Rows, columns: list) -> List:
        made = List(Cell("items"))
        self.state.memory[made.cell] = Rows(rows.template, tuple(columns))
        return made

    def rows_store(self, base: List, key: Any, value: Any, where: Any) -> None:
        rows = self.held(base)
        if isinstance(key, Slice):
            raise self.refuse(where, "a slice of a list of tuples as a target")
        for column, leaf in zip(rows.columns, self.leaves_like(rows, value, where)):
            self.store_in_sequence(column, key, leaf, where)
        self.written.add(base.cell)

    def rows_method(self, base: List, name: str, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A method of a list of tuples, done to each column."""
        rows = self.held(base)
        if name == "append":
            self.rows_append(base, args[0], where)
            return Known(None)
        if name == "extend":
            for item in self.items(args[0], where):
                self.rows_append(base, item, where)
            return Known(None)
        if name == "sort":
            found = self.call_sorted((base,), kwargs, where)
            self.written.add(base.cell)
            self.state.memory[base.cell] = self.state.memory[found.cell]
            return Known(None)
        if name not in EACH:
            raise self.refuse(where, f"the method `{name}` of a list of tuples")
        if name == "insert":
            leaves = self.leaves_like(rows, args[1], where)
            for column, leaf in zip(rows.columns, leaves):
                self.method_insert(column, (args[0], leaf), {}, where)
            self.written.add(base.cell)
            return Known(None)
        if name == "clear":
            self.written.add(base.cell)
            self.state.memory[base.cell] = ()
            return Known(None)
        if name in ("pop", "popleft"):
            args = (Known(0),) if name == "popleft" else args
            name = "pop"
        found = [getattr(self, f"method_{name}")(c, args, kwargs, where) for c in rows.columns]
        if name == "copy":
            return self.new_rows(rows, found)
        self.written.add(base.cell)
        return self.fill(rows.template, found) if name == "pop" else Known(None)


def holds_homes(template: Any) -> bool:
    """Whether a template says of which array an item is a part."""
    if isinstance(template, Tuple) and not isinstance(template, (Hole, *ARRAYS)):
        return any(map(holds_homes, template.items))
    return isinstance(template, ARRAYS)


class NoRow(Exception):
    """What is in a tuple cannot be in a list of its own."""
