"""Functions on iterables: `map`, `filter`, `reduce`, `sorted`, `max` on a key, `itertools`.

    itertools.pairwise((a, b, c))     of known length: ((a, b), (b, c)); nothing is emitted
    map(f, x)                         of a length known at run time: the loop of `python_forms`
    zip(itertools.count(1), x)        an iterator without end: item i is 1 + i
    sorted(items, key=f)              order = sorted_order([f(item) …]), then items[i] for i in it
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

from srcdiff.runtime import kernels, python_forms
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, Value
from srcdiff.transforms.iteration import endless, is_stream
from srcdiff.transforms.kinds import INT, OBJECT, Kind
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Cell,
    Either,
    Iterator,
    Known,
    List,
    Object,
    Plain,
    Ref,
    Tuple,
    static_ref,
)  # fmt: skip

INDICES = Kind("list", items=(INT,))


class Undecided(Exception):
    """A comparison depends on run-time values."""


class Functional(Memory):
    # ------------------------------------------------------------------ what is iterated over

    def known_items(self, ref: Any, where: Any) -> list | None:
        """The items of an iterable of known length; None for others."""
        if endless(ref):
            raise self.refuse(where, "an iterator without end", "Give it to `zip` or `islice`.")
        length, item, _ = self.iterate(ref, where)
        if not isinstance(length, int):
            return None
        self.once(ref, where)
        return [item(Known(i)) for i in range(length)]

    def indexable(self, ref: Any, where: Any) -> Any:
        """The same items in something that has a length and can be indexed."""
        if isinstance(ref, ARRAYS) and self.kind(ref).dims:
            return ref
        items = self.known_items(ref, where)
        if items is not None:
            return Tuple(tuple(items))
        if isinstance(ref, (List, Plain)) or isinstance(ref, Iterator) and ref.kind == "range":
            return ref
        return self.form(python_forms.listed, (ref,), where)

    def at(self, ref: Any, i: Any, where: Any) -> Ref:
        """Item i, counted from the front."""
        if isinstance(ref, Iterator):
            return self.iterate(ref, where)[1](i) if ref.parts[0] == Known(0) and \
                ref.parts[2] == Known(1) else self.offset(lambda k: k, (None, *(  # fmt: skip
                    self.read(p, where) for p in ref.parts)), where)(i)
        return self.getitem(ref, i, where)

    def form(self, f: Callable, args: tuple, where: Any) -> Ref:
        """A loop of `python_forms`, written out here."""
        return self.as_if_here(f, args, {}, where, internal=True)

    # ------------------------------------------------------------------ map, filter, reduce

    def call_starmap(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        f, rows = args
        known = self.known_items(rows, where)
        if known is not None:
            return Tuple(tuple(
                self.call(f, tuple(self.items(row, where)), {}, where) for row in known
            ))  # fmt: skip
        return self.form(python_forms.starred, (f, rows), where)

    def call_filterfalse(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.form(python_forms.filtered_out, args, where)

    def call_compress(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.form(python_forms.selected, args, where)

    def call_reduce(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        f, items, *start = args
        if start:
            return self.form(python_forms.reduced_from, (f, items, start[0]), where)
        return self.form(python_forms.reduced, (f, self.indexable(items, where)), where)

    def call_accumulate(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        items, *more = args
        f = more[0] if more else kwargs.get("func", Known(operator.add))
        if isinstance(f, Known) and f.obj is None:
            f = Known(operator.add)
        start = kwargs.get("initial", Known(None))
        if not (isinstance(start, Known) and start.obj is None):
            return self.form(python_forms.accumulated_from, (items, f, start), where)
        items = self.indexable(items, where)
        if isinstance(items, Tuple) and not items.items:
            return Tuple(())
        return self.form(python_forms.accumulated, (items, f), where)

    def call_takewhile(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        f, items = args
        if endless(items):
            found: list[Any] = []
            for i in range(1000):
                item = self.endless_item(items, Known(i), where)
                test = self.truth(self.call(f, (item,), {}, where), where)
                if not isinstance(test, Known):
                    break
                if not test.obj:
                    return Tuple(tuple(found))
                found.append(item)
            raise self.refuse(where, "`takewhile` of an iterator without end, whose length is "
                              "known only at run time,", "Write a `while` loop.")  # fmt: skip
        return self.form(python_forms.taken, args, where)

    def call_dropwhile(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.form(python_forms.dropped, args, where)

    # ------------------------------------------------------------------ itertools

    def call_product(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        repeat = self.known(kwargs.get("repeat", Known(1)), where, "`repeat`")
        columns = [self.known_items(it, where) for it in args]
        if all(c is not None for c in columns):
            rows = itertools.product(*columns, repeat=repeat)  # type: ignore[arg-type]
            return Tuple(tuple(map(Tuple, rows)))
        return Iterator("product", tuple(self.indexable(it, where) for it in args) * repeat)

    def iterate_product(self, ref: Iterator, where: Any) -> tuple:
        """Of a length known at run time: item i has i // n and i % n, and so on, for indices."""
        lengths = [self.call_len((part,), {}, where) for part in ref.parts]
        total: Any = lengths[0]
        for n in lengths[1:]:
            total = self.binary(operator.mul, total, n, where)

        def item(i: Any) -> Ref:
            found: list[Any] = []
            for part, n in reversed(list(zip(ref.parts, lengths))):
                place = i
                if part is not ref.parts[0] or len(found) < len(ref.parts) - 1:
                    place = self.binary(operator.mod, i, n, where)
                    i = self.binary(operator.floordiv, i, n, where)
                found.append(self.at(part, place, where))
            return Tuple(tuple(reversed(found)))

        stop = self.read(total, where)
        return None, item, ("range", 0, stop, 1)

    def chosen(self, op: Callable, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`itertools.combinations` and the like."""
        items, *r = args
        r = r or [kwargs["r"]] if "r" in kwargs or r else []
        known = self.known_items(items, where)
        if known is not None:
            counts = [self.known(n, where, "the number of items") for n in r]
            return Tuple(tuple(Tuple(row) for row in op(known, *counts)))
        if len(r) != 1 or not isinstance(r[0], Known):
            raise self.refuse(where, f"`{op.__name__}` of a number known only at run time")
        items = self.indexable(items, where)
        return Iterator("chosen", (Known(op), items, r[0]))

    def iterate_chosen(self, ref: Iterator, where: Any) -> tuple:
        """Of a length known at run time: tuples of indices are listed first."""
        op, items, r = ref.parts
        n = self.read(self.call_len((items,), {}, where), where)
        row = Kind("tuple", items=(INT,) * r.obj)
        rows = self.emit(kernels.choices, (op.obj, n, r.obj), None, Kind("list", items=(row,)),
                         where, "choices")  # fmt: skip
        length = self.emit(len, (rows,), None, INT, where, "n")

        def item(i: Any) -> Ref:
            picked = self.emit("getitem", (rows, self.read(i, where)), None, row, where, "choice")
            places = [self.emit("getitem", (picked, k), None, INT, where, name)
                      for k, name in zip(range(r.obj), itertools.cycle("ijk"))]  # fmt: skip
            return Tuple(tuple(self.at(items, Plain(p), where) for p in places))

        return None, item, ("range", 0, length, 1)

    def call_combinations(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.chosen(itertools.combinations, args, kwargs, where)

    def call_combinations_repeated(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.chosen(itertools.combinations_with_replacement, args, kwargs, where)

    def call_permutations(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if len(args) == 1 and "r" not in kwargs:
            n = self.call_len((self.indexable(args[0], where),), {}, where)
            args = (args[0], n)
        return self.chosen(itertools.permutations, args, kwargs, where)

    def call_chain(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        columns = [self.known_items(it, where) for it in args]
        if all(c is not None for c in columns):
            return Tuple(tuple(r for c in columns for r in c))  # type: ignore[union-attr]
        return self.form(python_forms.chained, args, where)

    def call_chain_from(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        rows = self.known_items(args[0], where)
        if rows is not None:
            return self.call_chain(tuple(rows), {}, where)
        return self.form(python_forms.flattened, args, where)

    def call_pairwise(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        items = self.indexable(args[0], where)
        if isinstance(items, Tuple):
            return Tuple(tuple(map(Tuple, itertools.pairwise(items.items))))
        return Iterator("pairwise", (items,))

    def iterate_pairwise(self, ref: Iterator, where: Any) -> tuple:
        (items,) = ref.parts
        n = self.call_len((items,), {}, where)
        stop = self.read(self.binary(operator.sub, n, Known(1), where), where)

        def item(i: Any) -> Ref:
            after = self.binary(operator.add, i, Known(1), where)
            return Tuple((self.getitem(items, i, where), self.getitem(items, after, where)))

        return None, item, ("range", 0, stop, 1)

    def call_zip_longest(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        columns = [self.known_items(it, where) for it in args]
        if any(c is None for c in columns):
            raise self.refuse(where, "`zip_longest` of what has a length known only at run time")
        fill = kwargs.get("fillvalue", Known(None))
        rows = itertools.zip_longest(*columns, fillvalue=fill)  # type: ignore[arg-type]
        return Tuple(tuple(map(Tuple, rows)))

    def call_islice(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        items, *bounds = args
        parts: list[Any] = [None if isinstance(b, Known) and b.obj is None else b for b in bounds]
        cut = Slice(None, parts[0]) if len(parts) == 1 else Slice(*parts)
        if endless(items):
            places = itertools.islice(itertools.count(), *(
                None if p is None else self.known(p, where, "the bound of a slice") for p in parts
            ))  # fmt: skip
            return Tuple(tuple(self.endless_item(items, Known(i), where) for i in places))
        items = self.indexable(items, where)
        return self.getitem(items, cut, where)

    def call_count(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        start, step = (*args, *(Known(0), Known(1))[len(args) :])
        return Iterator("count", (kwargs.get("start", start), kwargs.get("step", step)))

    def call_cycle(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Iterator("cycle", (self.indexable(args[0], where),))

    def call_repeat(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        times = args[1] if len(args) > 1 else kwargs.get("times")
        if times is None:
            return Iterator("repeat", (args[0],))
        if isinstance(times, Known):
            return Tuple((args[0],) * max(times.obj, 0))
        return Iterator("repeated", (args[0], times))

    def iterate_repeated(self, ref: Iterator, where: Any) -> tuple:
        return None, lambda i: ref.parts[0], ("range", 0, self.read(ref.parts[1], where), 1)

    def endless_item(self, ref: Iterator, i: Any, where: Any) -> Ref:
        """Item i of an iterator without end."""
        if ref.kind == "repeat":
            return ref.parts[0]
        if ref.kind == "cycle":
            n = self.call_len(ref.parts, {}, where)
            return self.getitem(ref.parts[0], self.binary(operator.mod, i, n, where), where)
        start, step = ref.parts
        if not (isinstance(step, Known) and step.obj == 1 and type(step.obj) is int):
            i = self.binary(operator.mul, i, step, where)
        if isinstance(start, Known) and start.obj == 0 and type(start.obj) is int:
            return i
        return self.binary(operator.add, start, i, where)

    def call_tee(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        n = self.known(args[1], where, "the number of iterators") if len(args) > 1 else 2
        return Tuple((self.indexable(args[0], where),) * n)

    def call_groupby(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """Of known keys."""
        items = self.known_items(args[0], where)
        key = args[1] if len(args) > 1 else kwargs.get("key", Known(None))
        if items is None:
            raise self.refuse(where, "`groupby` of what has a length known only at run time")
        plain = isinstance(key, Known) and key.obj is None
        keys = items if plain else [self.call(key, (r,), {}, where) for r in items]
        known = [self.known(k, where, "a key of `groupby`") for k in keys]
        groups = itertools.groupby(range(len(items)), key=lambda i: known[i])
        return Tuple(tuple(
            Tuple((static_ref(k), self.new_list(tuple(items[i] for i in places))))
            for k, places in groups
        ))  # fmt: skip

    def call_batched(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        items = self.items(args[0], where)
        n = self.known(args[1], where, "the size of a batch")
        starts = range(0, len(items), n)
        return Tuple(tuple(Tuple(tuple(items[i : i + n])) for i in starts))

    # ------------------------------------------------------------------ the greatest, the order

    def extreme(self, op: Callable, args: tuple, kwargs: dict, where: Any) -> Ref:
        key, default = kwargs.get("key", Known(None)), kwargs.get("default")
        plain = isinstance(key, Known) and key.obj is None
        form = python_forms.greatest if op is max else python_forms.least
        if len(args) > 1:
            items: list | None = list(args)
        elif isinstance(args[0], ARRAYS) and plain and default is None:
            return self.apply(op, args, {}, where)
        else:
            items = self.known_items(args[0], where)
        if items is None:
            found = self.indexable(args[0], where)
            if default is not None:
                form = python_forms.greatest_or if op is max else python_forms.least_or
                key = Known(python_forms.itself) if plain else key
                return self.form(form, (found, key, default), where)
            if plain and isinstance(found, List) and isinstance(self.held(found), Plain):
                return self.apply(op, (found,), {}, where)
            return self.form(form, (found, Known(python_forms.itself) if plain else key), where)
        if not items:
            if default is None:
                raise self.refuse(where, f"`{op.__name__}` of nothing")
            return default
        if not plain:
            return self.form(form, (Tuple(tuple(items)), key), where)
        if all(isinstance(i, Known) for i in items):
            return Known(op(i.obj for i in items))
        best = items[0]
        for item in items[1:]:
            kinds = (self.kind(best), self.kind(item))
            two = isinstance(best, Either) or all(k.numeric for k in kinds)
            if two and abstract.infer(op, kinds) == OBJECT:
                choose = python_forms.greater if op is max else python_forms.lesser
                best = self.form(choose, (best, item), where)  # one of two kinds
            else:
                best = self.apply(op, (best, item), {}, where)
        return best

    def call_max(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.extreme(max, args, kwargs, where)

    def call_min(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.extreme(min, args, kwargs, where)

    def call_sorted(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        items = self.indexable(args[0], where)
        key = kwargs.get("key", Known(None))
        plain = isinstance(key, Known) and key.obj is None
        down = kwargs.get("reverse", Known(False))
        if isinstance(items, Tuple):
            keys = items.items if plain else \
                [self.call(key, (r,), {}, where) for r in items.items]  # fmt: skip
            order = self.known_order(keys, down, where)
            if order is not None:
                return self.new_list(tuple(items.items[i] for i in order))
            tree: Any = [self.read(k, where) for k in keys]
            places = self.order_of(tree, down, where)
            found, item = [], self.table(items.items, where)
            for k in range(len(items.items)):
                at = Plain(self.emit("getitem", (places, k), None, INT, where, "at"))
                found.append(item(at))
            return self.new_list(tuple(found))
        keys = items if plain else self.form(python_forms.mapped_one, (key, items), where)
        if isinstance(keys, Iterator):
            keys = self.form(python_forms.listed, (keys,), where)
        places = self.order_of(self.read(keys, where), down, where)
        cell = Cell("order")
        self.state.memory[cell] = Plain(places)
        if isinstance(items, Iterator) and self.counts(items):
            return List(cell)
        return self.form(python_forms.arranged, (items, List(cell)), where)

    def known_order(self, keys: Any, down: Any, where: Any) -> list | None:
        """The order of keys that are known, or tuples whose first items tell them apart."""
        if not isinstance(down, Known):
            return None
        run, mark = self, len(self.instrs)

        class Key:
            def __init__(self, ref: Any):
                self.ref = ref

            def __lt__(self, other: Any) -> bool:
                found = run.compare(operator.lt, self.ref, other.ref, where)
                if not isinstance(found, Known):
                    raise Undecided
                return found.obj

        try:
            made = [Key(k) for k in keys]
            return sorted(range(len(made)), key=made.__getitem__, reverse=bool(down.obj))
        except Undecided:
            del self.instrs[mark:]
            return None

    def counts(self, ref: Iterator) -> bool:
        """Whether this is `range(n)`."""
        start, _, step = ref.parts
        return start == Known(0) and step == Known(1)

    def order_of(self, keys: Any, down: Any, where: Any) -> Value:
        args = (keys,) if isinstance(down, Known) and not down.obj else \
            (keys, self.read(down, where))  # fmt: skip
        return self.emit(kernels.sorted_order, args, None, INDICES, where, "order")

    # ------------------------------------------------------------------ next, getters, copies

    def call_iter(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        """An iterator is a list of what is still to come."""
        ref = args[0]
        if len(args) > 1:
            raise self.refuse(where, "`iter` of a function")
        if isinstance(ref, Object) or endless(ref) or is_stream(ref):
            return ref
        if isinstance(ref, Iterator) and ref.kind == "generator":
            return ref
        items = self.known_items(ref, where)
        if items is None and isinstance(ref, Iterator) and ref.kind != "range":
            return ref
        if items is None:
            raise self.refuse(where, "`iter` of what has a length known only at run time",
                              "Write a loop over indices.")  # fmt: skip
        made = self.new_list(tuple(items), "rest")
        made.cell.cls = Iterator
        return made

    def call_next(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        found = self.generator_next(args, where)
        if found is not None:
            return found
        ref = self.forced(args[0], where)
        if isinstance(ref, Object):
            return self.call(self.getattr(ref, "__next__", where), (), {}, where)
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Plain) and is_stream(ref):
                raise self.refuse(where, "`next` of an iterator in a loop that is not unrolled")
            if not isinstance(held, Plain):
                if held:
                    self.written.add(ref.cell)
                    self.state.memory[ref.cell] = held[1:]
                    return held[0]
                if len(args) > 1:
                    return args[1]
                raise self.failing(StopIteration(), where,
                                   "`next` of an iterator that is at its end")  # fmt: skip
            if len(args) > 1:
                return self.form(python_forms.first, (ref, args[1]), where)
            return self.getitem(ref, Known(0), where)
        raise self.refuse(where, "`next` of this iterator")

    def call_itemgetter(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        keys = [self.known(a, where, "the item of `itemgetter`") for a in args]
        return Known(operator.itemgetter(*keys))

    def call_attrgetter(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Known(operator.attrgetter(*(self.known(a, where, "the name") for a in args)))

    def call_getter(self, getter: Any, ref: Any, where: Any) -> Ref:
        """`operator.itemgetter(…)(ref)` and `operator.attrgetter(…)(ref)`"""
        _, names = getter.__reduce__()

        def one(name: Any) -> Ref:
            if isinstance(getter, operator.itemgetter):
                return self.getitem(ref, static_ref(name), where)
            found = ref
            for part in name.split("."):
                found = self.getattr(found, part, where)
            return found

        found = tuple(map(one, names))
        return found[0] if len(found) == 1 else Tuple(found)

    def call_getitem(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.getitem(*args, where)

    def call_concat(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.binary(operator.add, *args, where)


HANDLERS: dict[Any, Callable] = {
    max: Functional.call_max, min: Functional.call_min, sorted: Functional.call_sorted,
    iter: Functional.call_iter, next: Functional.call_next,
    functools.reduce: Functional.call_reduce,
    operator.itemgetter: Functional.call_itemgetter,
    operator.attrgetter: Functional.call_attrgetter, operator.getitem: Functional.call_getitem,
    operator.concat: Functional.call_concat,
    itertools.starmap: Functional.call_starmap, itertools.filterfalse: Functional.call_filterfalse,
    itertools.compress: Functional.call_compress, itertools.accumulate: Functional.call_accumulate,
    itertools.takewhile: Functional.call_takewhile, itertools.dropwhile: Functional.call_dropwhile,
    itertools.product: Functional.call_product, itertools.chain: Functional.call_chain,
    itertools.chain.from_iterable: Functional.call_chain_from,
    itertools.combinations: Functional.call_combinations,
    itertools.combinations_with_replacement: Functional.call_combinations_repeated,
    itertools.permutations: Functional.call_permutations,
    itertools.pairwise: Functional.call_pairwise, itertools.islice: Functional.call_islice,
    itertools.zip_longest: Functional.call_zip_longest, itertools.count: Functional.call_count,
    itertools.cycle: Functional.call_cycle, itertools.repeat: Functional.call_repeat,
    itertools.tee: Functional.call_tee, itertools.groupby: Functional.call_groupby,
}  # fmt: skip
if hasattr(itertools, "batched"):  # Python 3.12
    HANDLERS[itertools.batched] = Functional.call_batched
