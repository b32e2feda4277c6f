"""Functions around functions, and iterators that call functions at each step.

    partial(f, 2.0, c=x)         a function that is read as one of the user's (`runtime.stand_ins`)
    act(x), a singledispatch     the function for the class of x
    for v in map(f, x): …        f is called at each step, not before the loop
    for v in filter(f, x): …     for v in x: if not f(v): continue; …

An iterator is walked once: a second walk is refused, since Python would find nothing.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from srcdiff.runtime import python_forms, stand_ins, twins
from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms.ir import Block, Instr, Value, walk
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Cell, Iterator, Known, Ref, Tuple, is_flat

OURS = tuple(
    str(Path(twins.__file__).with_name(f"{name}.py"))
    for name in ("stand_ins", "python_forms", "twins", "numpy_twins", "distributions", "families",
                 "multivariate", "filters", "interpolators")
)


class Wrappers(Memory):
    walked_once: dict[int, Any]  # parts of an iterator that has been walked, by their id

    def is_stand_in(self, parsed: Any) -> bool:
        """Whether a function stands for a library's."""
        return parsed.filename in OURS

    def as_if_here(self, f: Callable, args: tuple, kwargs: dict, where: Any,
                   internal: bool = False) -> Ref:  # fmt: skip
        """What a Python function of ours returns, as if its lines stood in the user's."""
        count = len(self.instrs)
        try:
            ref = self.inline(f, args, kwargs, where, internal)
        except UnsupportedSyntaxError as error:
            if where is None or error.where is None or error.where.filename not in OURS:
                raise
            raise type(error)(error.what, where.location, error.instead) from None
        for instr in walk(Block((), self.instrs[count:], ())):
            if instr.where is not None and instr.where.parsed.filename in OURS:
                instr.where = where
        self.where = where
        return ref

    def dispatched(self, f: types.FunctionType, args: tuple, where: Any) -> Known | None:
        """The function that a `singledispatch` calls for its first argument."""
        if not args or not {"dispatch", "registry", "register"} <= vars(f).keys():
            return None
        cls = self.known(self.call_type(args[:1], {}, where), where, "the class")
        found = f.dispatch(cls)  # type: ignore[attr-defined]
        registry = ("attr", ("object", f), "registry")
        if f.registry.get(cls) is found:  # type: ignore[attr-defined]
            self.guard(("item", registry, cls), found, "is")
        return Known(found, ("object", found))

    # ------------------------------------------------------------------ iterators

    def once(self, ref: Any, where: Any) -> None:
        """Refuse the second walk of an iterator."""
        if not isinstance(ref, Iterator) or ref.kind == "range":
            return
        if id(ref.parts) in self.walked_once:
            raise self.refuse(where, f"the iterator `{ref.kind}(…)`, which is walked already,",
                              "Make a list of it (`list(…)`).")  # fmt: skip
        if ref.parts:
            self.walked_once[id(ref.parts)] = ref.parts
        for part in ref.parts if ref.kind != "filter" else ():  # that is a loop over its own
            self.once(part, where)

    def sequence_of(self, ref: Any, where: Any) -> Any:
        """What is walked: an iterator whose length is known only at run time as a list, and
        `x.flat` as an array."""
        if is_flat(ref):
            return self.apply(np.ravel, (ref.ref,), {}, where)
        if not isinstance(ref, Iterator) or ref.kind == "range":
            return ref
        return self.indexable(ref, where)

    def iterate_map(self, ref: Iterator, where: Any) -> tuple:
        f, *iterables = ref.parts
        if len(iterables) == 1:
            length, item, bounds = self.iterate(iterables[0], where)
            return length, lambda i: self.call(f, (item(i),), {}, where), bounds
        length, together, bounds = self.iterate(Iterator("zip", tuple(iterables)), where)
        return length, lambda i: self.call(f, together(i).items, {}, where), bounds

    def iterate_filter(self, ref: Iterator, where: Any) -> tuple:
        f, items = ref.parts
        form, args = python_forms.filtered, (f, items)
        if isinstance(f, Known) and f.obj is None:
            form, args = python_forms.filtered_true, (items,)
        return self.iterate(self.as_if_here(form, args, {}, where, internal=True), where)

    def filtered_loop(self, ref: Iterator, instr: Instr) -> Instr:
        """`for v in filter(f, x): …` as `for v in x: if not f(v): continue; …`"""
        f, items = ref.parts
        body, orelse = instr.blocks
        (item,) = body.params
        source, function, test = Value("items"), Value("fn"), Value("test")
        self.temporaries[-1][source] = items
        skip = Block((), [Instr("continue", where=instr.where)], ())
        check = []
        if isinstance(f, Known) and f.obj is None:
            test = item
        else:
            self.temporaries[-1][function] = f
            check = [Instr("call", (function, (item,)), None, (test,), (), None, instr.where)]
        check.append(Instr("if", (test,), None, (), (Block((), (), ()), skip), None, instr.where))
        inner = Block(body.params, [*check, *body.instrs], body.results)
        return instr.replace(args=(source,), blocks=(inner, orelse))

    def table(self, refs: Any, where: Any) -> Callable[[Any], Ref]:
        """The items of a structure, for positions that are known only at run time."""
        refs = tuple(refs)
        if all(isinstance(ref, Tuple) for ref in refs) and len({len(r.items) for r in refs}) == 1:
            columns = [self.table(column, where) for column in zip(*(ref.items for ref in refs))]
            cls = refs[0].cls
            return lambda index: Tuple(tuple(column(index) for column in columns), cls)
        if all(isinstance(ref, Known) and ref == refs[0] for ref in refs):
            return lambda index: refs[0]
        if self.alike(refs):
            sequence = self.sequence(refs, Cell("items"), where).value
            return lambda index: self.sequence_item(sequence, index.value, where)
        raise self.refuse(where, "unlike things in an order that is known only at run time",
                          "Sort the keys, or write an array.")  # fmt: skip


def stand_in(f: Callable) -> Callable:
    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        return run.as_if_here(f, args, kwargs, where)

    return handler


def lazy(kind: str) -> Callable:
    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Iterator(kind, args)

    return handler


HANDLERS: dict[Any, Callable] = {
    map: lazy("map"), filter: lazy("filter"),
    **{op: stand_in(f) for op, f in stand_ins.STAND_INS.items()},
}  # fmt: skip

