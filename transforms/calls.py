"""Calls, items, attributes and iteration on references.

What a call does is decided in this order: a form of Python's own that works on structure (`len`,
`zip`, `isinstance`, `list.append`, …); a function with a rule, or one whose result is understood
(`abstract.infer`): one instruction; a function with source: inlined; everything else is an opaque
call, which has an effect and may write to the arrays that it is given.
"""

from __future__ import annotations

import enum
import functools
import inspect
import math
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, python_forms, stand_ins
from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.runtime.registry import (
    DECLARED_INSIDE,
    NONDIFFERENTIABLE,
    first_by_place,
    not_overwriting,
    rule_of,
)
from srcdiff.transforms import (
    abstract,
    array_calls,
    builtin_calls,
    containers,
    contexts,
    elements,
    functional_calls,
    library,
    mappings,
    marked_calls,
    number_calls,
    objects,
    part_views,
    wrappers,
    writers,
)
from srcdiff.transforms.array_calls import ArrayCalls
from srcdiff.transforms.builtin_calls import Builtins
from srcdiff.transforms.containers import CHANGING, Containers
from srcdiff.transforms.declared import Declared, is_declared, is_declaring
from srcdiff.transforms.derivatives import Derivatives, maker
from srcdiff.transforms.draws import GENERATORS, MAKERS, Draws, kind_of_draw
from srcdiff.transforms.elements import Elements
from srcdiff.transforms.functional_calls import Functional
from srcdiff.transforms.ir import (
    Instr,
    Slice,
    Value,
    flatten,
    is_whole,
    leaf_kind,
    map_tree,
    op_name,
)
from srcdiff.transforms.iteration import Iteration
from srcdiff.transforms.jacobians import Jacobians
from srcdiff.transforms.kinds import (
    FLOAT,
    INT,
    OBJECT,
    Kind,
    decided,
    fresh_kind,
    fresh_size,
    is_undecided,
    item_of,
)  # fmt: skip
from srcdiff.transforms.library import Libraries
from srcdiff.transforms.list_elements import ListElements
from srcdiff.transforms.logs import Logs, logs
from srcdiff.transforms.mapped import Mapped
from srcdiff.transforms.mappings import Mappings
from srcdiff.transforms.marked_calls import MarkedCalls
from srcdiff.transforms.mutation import NUMBERS, describe, kind_of_value
from srcdiff.transforms.number_calls import BINARY as OPERATORS
from srcdiff.transforms.number_calls import Numbers
from srcdiff.transforms.objects import Objects, instance_class, lookup
from srcdiff.transforms.outside import Outside
from srcdiff.transforms.part_derivatives import PartDerivatives
from srcdiff.transforms.part_views import PartViews
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Bound,
    Buffer,
    Choice,
    Dict,
    Function,
    Iterator,
    Known,
    List,
    Maybe,
    Method,
    Missing,
    Object,
    Plain,
    Ref,
    Rows,
    Super,
    Tuple,
    arrays_of,
    is_flat,
    ref_like,
    static_ref,
)  # fmt: skip
from srcdiff.transforms.rows import RowLists
from srcdiff.transforms.sequences import Sequences
from srcdiff.transforms.solvers import Solvers
from srcdiff.transforms.stores import stores_outside
from srcdiff.transforms.wrappers import Wrappers

MODULES = ("numpy", "math", "cmath", "builtins", "operator", "scipy", "srcdiff", "itertools",
           "functools", "collections", "copy")  # fmt: skip


LAZY = {zip, enumerate, iter, next}  # what takes the items of a generator one by one


class NeedsObservation(Exception):
    """A helper that the compiler refuses: what it returns must be seen once, on the tape."""

    def __init__(self, function: types.FunctionType):
        self.function = function


HANDLERS = {
    **array_calls.HANDLERS,
    **builtin_calls.HANDLERS,
    **containers.HANDLERS,
    **contexts.HANDLERS,
    **elements.HANDLERS,
    **functional_calls.HANDLERS,
    **library.HANDLERS,
    **mappings.HANDLERS,
    **marked_calls.HANDLERS,
    **number_calls.HANDLERS,
    **objects.HANDLERS,
    **part_views.HANDLERS,
    **wrappers.HANDLERS,
    **writers.HANDLERS,
}


class Calls(
    Iteration,
    Containers,
    Sequences,
    RowLists,
    ListElements,
    Mappings,
    Builtins,
    Functional,
    Numbers,
    Elements,
    PartViews,
    ArrayCalls,
    Objects,
    Outside,
    Libraries,
    Logs,
    Wrappers,
    Derivatives,
    Jacobians,
    PartDerivatives,
    Mapped,
    Declared,
    MarkedCalls,
    Draws,
    Solvers,
):
    forward = False  # functions that have a forward rule alone are called as they are

    # ------------------------------------------------------------------ operations

    def apply(self, op: Any, args: tuple, kwargs: dict, where: Any, name: str = "") -> Ref:
        """Emit one operation on references."""
        if op in (operator.add, operator.mul) and any(isinstance(a, (List, Tuple)) for a in args):
            if not any(abstract.from_numpy(self.kind(a)) for a in args):  # Python's own
                what = "a list or tuple repeated by, or added to, what is known only at run time"
                raise self.refuse(where, what, "Make it an array, of `np.full` or the like.")
        if any(isinstance(a, Known) and hasattr(a.obj, "nnz") for a in args):
            op = self.of_sparse(op, args, where)
        if args and isinstance(args[0], Choice) and self.may_view(op, args, kwargs):
            return self.each_option(args[0], args[1:], where, lambda *settled: self.apply(
                op, settled, kwargs, where, name))  # fmt: skip
        args, kwargs = first_by_place(op, args, kwargs)
        if op is np.array and "ndmin" in kwargs and isinstance(args[0], (List, Tuple)):
            rest = {k: v for k, v in kwargs.items() if k != "ndmin"}  # no rule counts its axes
            args = (self.apply(op, args, rest, where), *args[1:])
        if op not in TAKES_SEQUENCES:
            args = tuple(self.as_array(op, a, where, i) for i, a in enumerate(args))
            kwargs = {k: self.as_array(op, a, where, k) for k, a in kwargs.items()}
        elif op in TAKES_ROWS and args and isinstance(args[0], (List, Tuple)):
            args = (self.rows_as_arrays(args[0], where), *args[1:])
        if self.frame.internal and op in abstract.PURE and not kwargs:
            numbers = [a.obj for a in args if isinstance(a, Known) and type(a.obj) in (int, float)]
            if len(numbers) == len(args) and getattr(op, "__module__", "") == "math":
                return Known(op(*numbers))  # a constant of a rule
        tree = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        if any(isinstance(t, Slice | slice) for t in (*tree, *keywords.values())):
            name = getattr(op, "__name__", "a function")
            raise self.refuse(where, f"a slice is given to `{name}`", "Give it the indices.")
        spelled = op
        kinds = tuple(map_tree(kind_of_value, t) for t in tree)
        kind_kwargs = {k: map_tree(kind_of_value, v) for k, v in keywords.items()}
        variant = abstract.canonical(op, kinds, kind_kwargs)
        if variant is not None and variant[0] is not op and len(variant[1]) == len(args):
            op = variant[0]
        try:
            kind = abstract.infer(op, kinds, kind_kwargs)
        except abstract.NeedsStatic:
            self.make_constant((tree, keywords))
            if not self.frame.internal:
                raise self.refuse(where, f"a rank or an axis of `{op_name(op)}` is known only at "
                                  "run time", "Make it a constant.") from None  # fmt: skip
            kind = OBJECT
        if (
            kind == OBJECT
            and op is operator.pow
            and all(leaf_kind(t).tag == "scalar" for t in tree)
        ):
            if all(leaf_kind(t) == INT for t in tree):  # unless the exponent is negative
                power = self.emit(op, tree, None, INT, where)
                return Plain(self.emit(operator.index, (power,), None, INT, where, power=True))
            kind = FLOAT  # a root, which is complex of a negative number
            if any(leaf_kind(t).dtype.kind == "f" for t in tree) and not nonnegative(tree[0], self):
                op = kernels.real_power
        if kind in (None, OBJECT) and op in MADE_OF_LISTS and not keywords and len(tree) == 1:
            kind = array_of_list(op, tree[0]) or kind
        if kind is None and self.uncertain and not self.frame.internal:
            error = abstract.raised(op, kinds, kind_kwargs)
            if error is not None:
                raise self.failing(error, where)
        plain = spelled is op or self.frame.internal or op is kernels.real_power
        attrs = {} if plain else {"spelled": spelled}
        made = self.result(op, tree, keywords, kind, args, where, name, attrs)
        if kind == FLOAT and isinstance(made, Plain) and keeps_sign(op, tree, self):
            self.nonnegative.add(made.value)
        return made

    def as_array(self, op: Any, ref: Any, where: Any, place: int | str) -> Any:
        """A list of numbers or arrays, given to an operation on arrays, is the array of them.

        One of ints may be a shape or an axis: where it is none, the rule of the operation says.
        """
        if not isinstance(ref, (List, Tuple)):
            return ref
        kind = self.kind(ref)
        rule = None if isinstance(op, str) else rule_of(op, forward=True)
        if rule is not None and rule.takes_parts(place):
            return ref
        if rule is not None and (rule.takes_array(place) or rule.of_operands):
            wanted = holds_numbers(kind)
        elif isinstance(place, str):
            wanted = False
        elif kind.tag == "list" and isinstance(self.held(ref), Plain):
            wanted = bool(kind.items) and kind.items[0].inexact
        else:
            wanted = holds_floats(kind)
        return self.apply(np.array, (ref,), {}, where) if wanted else ref

    def rows_as_arrays(self, ref: List | Tuple, where: Any) -> Any:
        """A list or tuple of arrays, with an array for each item that is a list of numbers."""
        held = self.held(ref) if isinstance(ref, List) else ref.items
        if isinstance(held, (Plain, Rows)):
            return ref
        items = tuple(
            self.apply(np.array, (item,), {}, where)
            if isinstance(item, (List, Tuple)) and holds_numbers(self.kind(item)) else item
            for item in held
        )  # fmt: skip
        return ref if items == tuple(held) else Tuple(items)

    def result(self, op: Any, tree: tuple, keywords: dict, kind: Kind | None, args: tuple,
               where: Any, name: str, attrs: dict) -> Ref:  # fmt: skip
        """The reference to what an operation returns."""
        number = self.check_loose(op, tree, keywords, where) \
            if self.loose and not self.frame.internal else None  # fmt: skip
        ref = self.result_of(op, tree, keywords, kind, args, where, name, attrs)
        if self.maybe_int and isinstance(ref, (Plain, *ARRAYS)) and self.kind(ref).inexact:
            site = self.check_ints(op, tree, keywords, self.kind(ref))
            if site is not None and isinstance(ref, Plain):
                self.maybe_int[ref.value] = site
        if number is not None and isinstance(ref, Array) and not ref.path:
            self.loose[self.state.memory[ref.buffer]] = self.loose[number]
        return ref

    def result_of(self, op: Any, tree: tuple, keywords: dict, kind: Kind | None, args: tuple,
                  where: Any, name: str, attrs: dict) -> Ref:  # fmt: skip
        name = name or result_name(op, tree)
        if kind is not None and kind.tag in ("tuple", "list") and kind.items is not None \
                and op not in (sum, max, min):  # fmt: skip
            values = tuple(Value(f"{name}_{i}", k) for i, k in enumerate(kind.items))
            if len(values) == 1:
                attrs = attrs | {"only": True}
            self.instrs.append(Instr(op, tree, keywords, values, (), attrs, where))
            refs = tuple(self.fresh(v) for v in values)
            self.share(op, tree, keywords, args, refs)
            if kind.tag == "list":
                return self.new_list(refs)
            return Tuple(refs, library.RESULT_CLASSES.get(op, tuple))
        if kind is None:
            kind = OBJECT
        how, proof = self.aliasing(op, tree, keywords, args)
        self.guards += proof
        if how in ("view", "self") and kind.tag == "array" and isinstance(args[0], Array):
            if how == "self":
                return args[0]
            placed = in_places(op, tree, keywords)
            if placed is not None:
                if self.tries:
                    self.check_lazy(op, tree, where)
                return Array(args[0].buffer, (*args[0].path, (op, *as_tuples(placed[1:]))))
        site = where and (where.node, "memory")
        test = None
        if how == "maybe" and site in self.choices and isinstance(args[0], Array):
            test = self.test_of_view(op, args[0], tree, keywords, where)
        value = self.emit(op, tree, keywords, kind, where, name, **attrs)
        ref = self.fresh(value)
        if test is not None:
            step = () if op is np.ascontiguousarray else ((op, *as_tuples(tree[1:])),)
            found = Choice(test, Array(args[0].buffer, (*args[0].path, *step)), ref)
            self.choice_names[found] = name
            return found
        if isinstance(ref, Array) and how == "fresh":
            self.note_order(ref, op, args, keywords, kind)
        else:
            why = site and frozenset((site,))
            if why and site in self.choices and isinstance(args[0], Array):
                # That did not tell; it may be told of each of several arrays that it could be.
                why = why.union(*filter(None, self.aliases_of(args[0].buffer).values()))
            self.share(op, tree, keywords, args, (ref,), why)
        return ref

    def may_view(self, op: Any, args: tuple, kwargs: dict) -> bool:
        """Whether the result of an operation may share memory with its operand."""
        kinds = tuple(self.kind(a) for a in args)
        return abstract.aliasing(op, kinds, {k: self.kind(v) for k, v in kwargs.items()}) != "fresh"

    def share(self, op: Any, tree: tuple, keywords: dict, args: tuple, refs: tuple,
              why: frozenset | None = None) -> None:  # fmt: skip
        """Note which arrays may share memory after an operation; `why` as in `may_alias`."""
        if abstract.aliasing(op, tree, keywords) == "fresh":
            return
        for ref in refs:
            for arg in args:
                if isinstance(ref, Array) and isinstance(arg, ARRAYS):
                    for array in arrays_of(arg):
                        self.may_alias(ref.buffer, array.buffer, why)
                elif isinstance(ref, Plain) and ref.value.kind.tag == "object" \
                        and isinstance(arg, ARRAYS):  # it may be an array, of a rank not known
                    for array in arrays_of(arg):
                        array.buffer.fixed = array.buffer.fixed or (
                            f"`{array.buffer.name}` is written after `{op_name(op)}` may have "
                            "made a view of it")

    # ------------------------------------------------------------------ calls

    def call(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        if isinstance(f, Function):
            return self.inline(f, args, kwargs, where, self.frame.internal)
        if isinstance(f, Bound):
            if f.name == "derivative":
                return self.call_derivative(f.ref, args, kwargs, where)
            if f.name == "with keywords":
                inner, named = f.ref
                return self.call(inner, args, {**named, **kwargs}, where)
            if f.name == "with parts":
                return self.call_with_parts(f.ref, args, kwargs, where)
            if f.name == "draw":
                return self.call_draw(f.ref, args, kwargs, where)
            if f.name == "checkpoint":
                return self.marked_call(f.ref, args, kwargs, where)
            if f.name == "derivative maker":
                how, *options = f.ref
                return Bound((how, args[0], *options), "derivative")
            return self.method(f, args, kwargs, where)
        if isinstance(f, Method):
            return self.call(f.function, (f.ref, *args), kwargs, where)
        if isinstance(f, Object) and self.special(f, "__call__") is not None:
            return self.call(self.special(f, "__call__"), (f, *args), kwargs, where)
        if not isinstance(f, Known):
            raise self.not_called(f, where)
        obj = f.obj
        args = tuple(self.not_none(a, obj, where) for a in args)
        kwargs = {k: self.not_none(a, obj, where) for k, a in kwargs.items()}
        if logs(obj):
            return self.call_log(f, args, kwargs, where)
        try:
            handler = HANDLERS.get(obj)
        except TypeError:  # without a hash it is in no table
            method, _ = lookup(type(obj), "__call__")
            if isinstance(method, types.FunctionType):
                return self.inline(method, (self.itself(obj), *args), kwargs, where)
            handler = None
        own = obj in writers.HANDLERS or obj in array_calls.HANDLERS if handler else False
        writes = obj not in array_calls.READERS if own else handler is None and (
            "out" in kwargs or self.writes(obj, args, kwargs))  # fmt: skip
        choice = next((a for a in (*args, *kwargs.values()) if isinstance(a, Choice)), None)
        if writes and choice is not None:
            return self.call_on_option(choice, obj, args, kwargs, where)
        if args and (found := self.object_unary(obj, args[0], args[1:], where)) is not None:
            return found
        if handler is not None:
            if obj not in LAZY:
                args = tuple(self.forced(a, where) for a in args)
            self.indirect += 1
            try:
                found = handler(self, args, kwargs, where)
            finally:
                self.indirect -= 1
            if found is not None:
                return found
        return self.function(obj, args, kwargs, where)

    def call_on_option(self, choice: Choice, obj: Any, args: tuple, kwargs: dict,
                       where: Any) -> Ref:  # fmt: skip
        """A call that writes, where it is known which array is meant."""

        def act(_: Any, *settled: Any) -> Ref:
            named = dict(zip(kwargs, settled[len(args) :]))
            return self.call(Known(obj), settled[: len(args)], named, where)

        return self.each_option(choice, (*args, *kwargs.values()), where, act)

    def function(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        owner = getattr(obj, "__self__", None)
        if hasattr(owner, "nnz") and obj.__name__ == "dot" and len(args) == 1:
            return self.apply(operator.matmul, (self.itself(owner), *args), {}, where)
        solved = self.call_solver(obj, args, kwargs, where)
        if solved is not None:
            return solved
        if is_declaring(obj):
            what, instead = DECLARED_INSIDE
            raise self.refuse(where, what, instead)
        if is_declared(obj):
            return self.call_declared(obj, args, kwargs, where)
        inner = self.inner_of(obj)
        if inner is not None:
            return self.marked_call(inner, args, kwargs, where)
        if isinstance(obj, np.ufunc) and len(args) > obj.nin:
            given = (*args[obj.nin :], *[Known(None)] * (obj.nin + obj.nout - len(args)))
            args, kwargs = args[: obj.nin], {**kwargs, "out": Tuple(given)}
        args, kwargs = abstract.with_named_out(obj, args, kwargs)
        if "out" in kwargs:
            return self.call_out(obj, args, kwargs, where)
        if any(map(is_flat, args)) and "numpy" in (obj.__module__ or "numpy"):
            args = tuple(self.apply(np.ravel, (a.ref,), {}, where) if is_flat(a) else a
                         for a in args)  # fmt: skip
        if isinstance(obj, np.ufunc) and "dtype" in kwargs:
            args, kwargs = self.cast_operands(obj, args, kwargs, where)
        ufunc = getattr(obj, "__self__", None)
        if isinstance(ufunc, np.ufunc) and obj.__name__ == "at":
            return self.call_at(ufunc, args, kwargs, where)
        for look in (self.in_python, self.drawn):
            twin = look(obj, args, kwargs, where)
            if twin is not None:
                return twin
        if not isinstance(obj, types.FunctionType) and self.writes(obj, args, kwargs):
            if obj.__name__ == "shuffle":
                return self.call_shuffle(obj, args, kwargs, where)
            return self.opaque(obj, args, kwargs, where)
        if is_outer(obj) and len(args) == 2 and not kwargs and rule_of(obj) is None:
            return self.outer(obj.__self__, *args, where)
        if obj in kernels.STATIC or (is_static_method(obj) and all(
            self.is_known(a) for a in (*args, *kwargs.values()))):  # fmt: skip
            return self.static_call(obj, args, kwargs, where)
        if isinstance(obj, (operator.itemgetter, operator.attrgetter)):
            return self.call_getter(obj, args[0], where)
        if isinstance(obj, np.vectorize) and obj.signature is None and not obj.excluded:
            inner = self.outside_ref(("object", obj.pyfunc), obj.pyfunc)
            made = self.as_if_here(stand_ins.vectorize, (inner, Known(obj.otypes)), {}, where)
            return self.call(made, args, kwargs, where)
        if isinstance(obj, functools.partial):
            given = tuple(self.outside_ref(("object", a), a) for a in obj.args)
            named = {k: self.outside_ref(("object", v), v) for k, v in obj.keywords.items()}
            return self.call(Known(obj.func), (*given, *args), {**named, **kwargs}, where)
        found = self.written_out(obj, args, kwargs, where)
        if found is not None:
            return found
        has_rule = rule_of(obj, self.forward) is not None
        if obj in NONDIFFERENTIABLE or has_rule or self.understood(obj):
            if all(self.is_tree(a) for a in (*args, *kwargs.values())):
                rule = rule_of(obj, self.forward)
                if rule is not None:
                    args, kwargs = not_overwriting(rule, args, kwargs, Known(False))
                found = self.apply(obj, args, kwargs, where)
                return self.with_known_parts(obj, found, args, kwargs)
        if isinstance(obj, type) and issubclass(obj, BaseException):
            return Bound((Known(obj), self.in_places(obj, args, kwargs, where)), "exception")
        if maker(obj):
            return self.make_derivative(obj, args, kwargs, where)
        asked = self.derivative_of(obj)
        if asked is not None:
            return self.call_derivative(asked, args, kwargs, where)
        homes = (type(obj).__module__, getattr(obj, "__globals__", {}).get("__name__", ""))
        if not {"srcdiff.api", "srcdiff.higher"}.isdisjoint(homes):
            what = "a derivative inside a function that is differentiated cannot be compiled"
            is_vjp = getattr(obj, "__name__", "") == "vjp"
            raise self.refuse(where, what, "Use `pullback(f)(x, d_out)`, which can." if is_vjp
                              else "Differentiate one that does not call it.")  # fmt: skip
        if isinstance(obj, type):
            return self.construct(obj, args, kwargs, where)
        if not isinstance(obj, (types.FunctionType, types.MethodType)):
            method, _ = lookup(type(obj), "__call__")
            if isinstance(method, types.FunctionType):
                return self.inline(method, (self.itself(obj), *args), kwargs, where)
        if contexts.made_by_generator(obj):
            return Bound((obj.__wrapped__, args, kwargs), "manager")
        for look in (self.of_kinds, self.seen_through):
            found = look(obj, args, kwargs, where)
            if found is not None:
                return found
        if isinstance(obj, types.FunctionType) and not self.is_ours(obj):
            return self.inlined_or_taped(obj, args, kwargs, where)
        if has_source(obj):
            return self.inline(obj, args, kwargs, where, self.is_ours(obj))
        return self.opaque(obj, args, kwargs, where)

    # helpers on the tape

    def inlined_or_taped(self, f: types.FunctionType, args: tuple, kwargs: dict,
                         where: Any) -> Ref:  # fmt: skip
        """A call of a user's function: inlined, or run on the tape where that is refused."""
        chosen = self.dispatched(f, args, where)
        if chosen is not None:
            return self.call(chosen, args, kwargs, where)
        if self.observed is None or self.frame.internal:
            return self.inline(f, args, kwargs, where)
        undo = self.snapshot()
        try:
            return self.inline(f, args, kwargs, where)
        except UnsupportedSyntaxError as error:
            undo()
            found = self.taped_call(f, args, kwargs, where, error)
            if found is None:
                raise
            return found

    def snapshot(self) -> Callable[[], None]:
        """A function that takes back all that is noted from here on."""
        state, count = self.state.copy(), len(self.instrs)
        lists = [(x, list(x)) for x in (
            self.prologue, self.guards, self.aliases, self.appended_refs)]  # fmt: skip
        tables = [(x, x.copy()) for x in (
            self.outside, self.written, self.appended, self.read_cells, self.outside_cells,
            self.outside_versions, self.stored_at, self.augment, self.read_from,
            self.gathered, self.constants,
        )]  # fmt: skip
        stores = {name: list(found) for name, found in self.stores.items()}

        def undo() -> None:
            self.state, self.stores = state, stores
            del self.instrs[count:]
            for now, then in lists:
                now[:] = then
            for now, then in tables:
                now.clear()
                now.update(then)

        return undo

    def taped_call(self, f: types.FunctionType, args: tuple, kwargs: dict, where: Any,
                   error: UnsupportedSyntaxError) -> Ref | None:  # fmt: skip
        """`y, pull_y = f_on_tape(x)`; None where it cannot be run on its own."""
        refs = (*args, *kwargs.values())
        if f.__code__.co_flags & SUSPENDED or not all(self.is_tree(ref) for ref in refs):
            return None
        if stores_outside(f):  # which code that is compiled would not see
            return None
        if f not in self.observed:
            raise NeedsObservation(f)
        kinds = self.observed[f]
        if kinds is None:
            return None
        tree = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        name = f.__name__ if f.__name__.isidentifier() else "t"
        results: list[Value] = []

        def ref_of(kind: Kind) -> Ref:
            if kind.tag == "tuple":
                return Tuple(tuple(map(ref_of, kind.items)))
            value = Value(name, fresh_kind(kind))
            results.append(value)
            return self.fresh(value)

        ref = ref_of(kinds)
        pull = Value(f"pull_{name}", OBJECT)
        places = [*paths_of(tree, ()), *(p for k, v in keywords.items() for p in paths_of(v, (k,)))]
        op = self.on_tape(f, kinds, places)
        self.flush(where)
        attrs = {"effect": True, "taped": True}
        self.instrs.append(Instr(op, tree, keywords, (*results, pull), (), attrs, where))
        self.taped.append((f, error))
        return ref

    def outer(self, ufunc: np.ufunc, a: Any, b: Any, where: Any) -> Ref:
        """`np.add.outer(a, b)` as `a[..., None] + b`, with a new axis for each of b's."""
        a, b = (self.as_array(ufunc, x, where, i) for i, x in enumerate((a, b)))
        rank = self.kind(b).rank
        if rank is None:
            raise self.refuse(where, "the rank of the second array is not known")
        if rank and isinstance(a, Array):
            a = self.getitem(a, Tuple((Known(...), *[Known(None)] * rank)), where)
        return self.call(Known(ufunc), (a, b), {}, where)

    def is_known(self, ref: Any) -> bool:
        """Whether a reference is to something that can be given to a call while compiling."""
        if isinstance(ref, Known):
            return True
        if isinstance(ref, Tuple):
            return all(map(self.is_known, ref.items))
        if isinstance(ref, List):
            held = self.state.memory[ref.cell]
            return not isinstance(held, (Plain, Rows)) and all(map(self.is_known, held))
        return False

    def static_call(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A function of ranks, axes and strings, called while compiling."""
        known = [self.known(a, where, "an axis or a rank") for a in args]
        named = {k: self.known(v, where, "an axis or a rank") for k, v in kwargs.items()}
        try:
            found = obj(*known, **named)
        except Exception as error:
            if self.uncertain or self.catching(type(error)):
                raise self.failing(error, where) from None
            raise
        if type(found) is list:  # `"a b".split()`
            return self.new_list(tuple(map(static_ref, found)))
        return static_ref(found)

    def itself(self, obj: Any) -> Known:
        for known in self.keep:
            if isinstance(known, Known) and known.obj is obj:
                return known
        return Known(obj, ("object", obj))

    def writes(self, obj: Any, args: tuple, kwargs: dict) -> bool:
        try:
            return bool(abstract.writes(obj, args, kwargs))
        except TypeError:  # not hashable
            return False

    def is_tree(self, ref: Any) -> bool:
        return not isinstance(ref, (Function, Bound, Method, Object, Super, Iterator, Missing))

    def is_ours(self, obj: Any) -> bool:
        return (getattr(obj, "__module__", None) or "").startswith("srcdiff.runtime")

    def understood(self, obj: Any) -> bool:
        return obj in abstract.PURE

    def opaque(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call that no one can see into: it may write to every array that it is given."""
        choice = next((a for a in (*args, *kwargs.values()) if isinstance(a, Choice)), None)
        if choice is not None:
            return self.call_on_option(choice, obj, args, kwargs, where)
        if type(getattr(obj, "__self__", None)) is str and obj.__name__ == "format":
            trees = tuple(self.read(a, where) for a in args)
            keywords = {k: self.read(v, where) for k, v in kwargs.items()}
            return Plain(self.emit(obj, trees, keywords, Kind("str"), where, "text"))
        result = Value("result", self.kind_drawn(obj, args, kwargs, where))
        arrays = [a for a in (*args, *kwargs.values()) if isinstance(a, Array)]
        nested = [a for a in (*args, *kwargs.values()) if isinstance(a, (Tuple, List, Dict))]
        if any(flatten(self.read(a, where)) for a in nested) and not draws(obj):
            raise self.refuse(where, f"a container is given to `{op_name(obj)}`, whose code cannot "
                              "be seen")  # fmt: skip
        results = [result]
        impure = not is_pure(obj) or self.writes(obj, args, kwargs)
        if impure:
            self.flush(where)
            if any(a.buffer in self.own_array for a in arrays):
                raise self.refuse(where, f"an array from outside that is written here is given to "
                                  f"`{op_name(obj)}`, whose code cannot be seen")  # fmt: skip
        private: dict[Buffer, Value] = {}
        for ref in arrays:  # it may write: what may be the caller's is copied
            if not impure or draws(obj) or self.is_outside(ref, where) or ref.buffer in private:
                continue
            if ref.path:
                raise self.refuse(where, f"a part of an array is given to `{op_name(obj)}`, which "
                                  "may write it", "Give it a copy (`.copy()`).")  # fmt: skip
            old = self.state.memory[ref.buffer]
            self.check_writable(ref.buffer, where)
            private[ref.buffer] = self.state.memory[ref.buffer] = self.emit(
                "copy", (old,), None, old.kind, where, ref.buffer.name)  # fmt: skip
        trees = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        for buffer in private:
            results.append(self.state.memory[buffer].like())
            self.written.add(buffer)
            self.state.memory[buffer] = results[-1]
        instr = Instr(obj, trees, keywords, tuple(results), (), {}, where)
        places = [instr.operands.index(v) for v in private.values()]
        instr.attrs.update(effect=impure, opaque=True, written=tuple(places))
        self.instrs.append(instr)
        if result.kind.tag == "array":
            return self.fresh(result)
        return self.generator_made(Plain(result), obj)

    def kind_drawn(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Kind:
        """What an opaque call gives, if it is a draw."""
        name = getattr(obj, "__name__", "")
        if obj is kernels.draw:
            name, args = args[1].obj, args[2:]
        elif not draws(obj):
            return OBJECT
        kinds = [map_tree(kind_of_value, self.read(a, where)) for a in args]
        named = {k: map_tree(kind_of_value, self.read(v, where)) for k, v in kwargs.items()}
        return kind_of_draw(name, tuple(kinds), named)

    def is_outside(self, ref: Array, where: Any) -> bool:
        return ref.buffer.origin == "outside"

    def construct(self, cls: type, args: tuple, kwargs: dict, where: Any) -> Ref:
        if cls in GENERATORS:
            return self.opaque(cls, args, kwargs, where)
        if issubclass(cls, tuple):
            return self.make_namedtuple(cls, args, kwargs, where)
        instead = self.interpolator(cls, args, kwargs)
        if instead is not None:
            return self.make(instead, args, kwargs, where)
        if cls in STATIC_CLASSES or issubclass(cls, enum.Enum):
            return self.static_call(cls, args, kwargs, where)
        return self.make(cls, args, kwargs, where)

    def not_called(self, f: Any, where: Any) -> Exception:
        """What a call of something that is no function raises."""
        what = f"a call of {describe(f)}"
        kind = self.kind(f) if isinstance(f, (*ARRAYS, Plain)) else None
        name = {Tuple: "tuple", List: "list", Dict: "dict"}.get(type(f), "")
        if kind is not None and kind.tag == "array":
            name = "numpy.ndarray"
        elif kind is not None and kind.tag == "scalar":
            name = self.scalar_name(kind)
        return self.failing(TypeError(f"'{name}' object is not callable"), where, what) if name \
            else self.refuse(where, what)  # fmt: skip

    # ------------------------------------------------------------------ items

    def key_tree(self, key: Any, where: Any) -> Any:
        """An index as an argument tree; lists become arrays."""
        if isinstance(key, Tuple):
            return tuple(self.key_tree(k, where) for k in key.items)
        if isinstance(key, Slice):
            return Slice(*(None if p is None else self.read(p, where) for p in key))
        if isinstance(key, Known) and isinstance(key.obj, slice):
            return Slice(key.obj.start, key.obj.stop, key.obj.step)
        if isinstance(key, Bound) and key.name == "slice":
            return Slice(*(self.read(p, where) for p in key.ref))
        return self.read(key, where)

    def getitem(self, base: Any, key: Any, where: Any) -> Ref:
        if self.special(base, "__getitem__") is not None:
            key = self.object_key(key)
            return self.object_method(base, "__getitem__", (key,), where)
        if isinstance(base, (Array, Choice, Plain)) and not (
            isinstance(base, Plain) and base.value.kind.tag in ("list", "tuple")
        ):
            return self.array_item(base, key, where)
        if isinstance(base, Plain):
            index = self.read(key, where)
            return self.sequence_item(base.value, index, where)
        if isinstance(base, Dict):
            return self.dict_item(base, key, where)
        if isinstance(base, (Tuple, List)):
            if self.is_rows(base):
                return self.rows_item(base, key, where)
            if isinstance(base, List) and isinstance(self.held(base), Plain):
                if isinstance(key, Slice):
                    return self.sequence_slice(base, key, where)
                held = self.held(base).value
                return self.sequence_item(held, self.key_tree(key, where), where, base.cell)
            items = base.items if isinstance(base, Tuple) else self.held(base)
            if isinstance(key, Slice):
                parts = [None if p is None else self.known(p, where, "the bound of a slice")
                         for p in key]  # fmt: skip
                found = items[slice(*parts)]
                return Tuple(found) if isinstance(base, Tuple) else self.new_list(found)
            if isinstance(key, Plain) and self.alike(items):
                return self.item_of_alike(base, items, key, where)
            if self.is_told_apart(key, items, where):
                return self.item_of_unlike(base, items, key, where)
            index = self.known(key, where, "the index of a list or tuple")
            try:
                return (items if isinstance(base, Tuple) else list(items))[index]
            except (IndexError, TypeError) as error:
                text = f"this index raises {type(error).__name__}: {error}"
                raise self.failing(error, where, text) from None
        if isinstance(base, Known) and (base.obj is np.mgrid or base.obj is np.ogrid):
            return self.grid(base.obj, key, where)
        if isinstance(base, Known) and any(base.obj is maker for maker in library.INDEX_TRICKS):
            found = self.index_trick(base.obj, key, where)
            if found is not None:
                return found
        if isinstance(base, Known) and type(base.obj) is str and isinstance(key, Slice):
            parts = [None if p is None else self.known(p, where, "the bound of a slice")
                     for p in key]  # fmt: skip
            return Known(base.obj[slice(*parts)])
        if isinstance(base, Iterator) and base.kind == "range":
            return self.range_item(base, key, where)
        if isinstance(base, Iterator) and base.kind == "listed":
            found = self.getitem(base.parts[0], key, where)
            return Iterator("listed", (found,)) if isinstance(key, Slice) else found
        if isinstance(base, Known) and type(base.obj) in NUMBERS:
            return self.array_item(base, key, where)
        generic = isinstance(base, Known) and hasattr(base.obj, "__class_getitem__")
        if generic or isinstance(base, Known) and not isinstance(base.obj, type):
            index = self.known(key, where, "this index")
            try:
                found = base.obj[index]
            except Exception as error:
                raise self.failing(error, where) from None
            return self.outside_ref(("item", base.path or ("object", base.obj), index), found)
        if is_flat(base):
            return self.flat_item(base.ref, key, where)
        raise self.refuse(where, f"an item of {describe(base)}")

    def array_item(self, base: Any, key: Any, where: Any) -> Ref:
        parts = key.items if isinstance(key, Tuple) else (key,)
        if self.kind(base).python or any(
            isinstance(p, Slice) or self.kind(p) == INT for p in parts
        ):
            self.without_items(base, "is not subscriptable", where)
        tree = self.key_tree(key, where)
        if isinstance(base, Choice) and abstract.is_basic_key(map_tree(kind_of_value, tree)):
            kind = abstract.infer("getitem", (self.kind(base), map_tree(kind_of_value, tree)), {})
            if kind is not None and kind.tag == "array":
                return self.each_option(base, (), where, lambda option: self.array_item(
                    option, key, where))  # fmt: skip
        kind = abstract.infer("getitem", (self.kind(base), map_tree(kind_of_value, tree)), {})
        if kind is None:
            kind = OBJECT
        basic = abstract.is_basic_key(map_tree(kind_of_value, tree))
        if isinstance(base, Array) and kind.tag == "array" and is_whole(tree, kind.rank):
            return base
        if kind.tag == "array" and basic and isinstance(base, Array):
            return Array(base.buffer, (*base.path, ("getitem", tree)))
        source = self.read(base, where)
        value = self.emit("getitem", (source, tree), None, kind, where,
                          source.name if isinstance(source, Value) else "item")  # fmt: skip
        ref = self.fresh(value)
        if isinstance(base, Array):
            self.read_from[value] = self.state.memory[base.buffer]
        if not basic:
            self.gathered.add(value)
        if kind.tag == "object" or basic:
            for other in (base,):
                if isinstance(other, ARRAYS) and isinstance(ref, Array):
                    for array in arrays_of(other):
                        self.may_alias(ref.buffer, array.buffer)
        return ref

    # ------------------------------------------------------------------ attributes and methods

    def getattr(self, base: Any, name: str, where: Any) -> Ref:
        if isinstance(base, (Array, Choice, Plain)):
            kind = self.kind(base)
            if kind.tag == "scalar" and kind.python:
                owner = type(kind.dtype.type(0).item())
                if not hasattr(owner, name):
                    text = f"'{owner.__name__}' object has no attribute '{name}'"
                    raise self.failing(AttributeError(text), where)
            return self.array_attribute(base, name, where)
        if isinstance(base, Object):
            return self.object_getattr(base, name, where)
        if isinstance(base, Super):
            return self.super_getattr(base, name, where)
        if isinstance(base, Known):
            obj = base.obj
            found = self.known_getattr(base, name, where)
            if found is not None:
                return found
            if type(obj) in NUMBERS and hasattr(obj, name):
                return self.array_attribute(base, name, where)
            try:
                found = getattr(obj, name)
            except AttributeError as error:
                text = f"{named(obj)} has no attribute `{name}`"
                raise self.failing(error, where, text) from None
            path = ("attr", base.path or ("object", obj), name)
            if isinstance(obj, types.ModuleType):
                if obj.__name__.split(".")[0] in MODULES and not isinstance(found, np.ndarray):
                    return Known(found, path)
                return self.outside_ref(path, found)
            if isinstance(found, types.MethodType | types.BuiltinMethodType):
                return Known(found, path)  # made anew by each access: it cannot be guarded
            return self.outside_ref(path, found)
        if isinstance(base, Tuple) and base.cls is not tuple:
            return self.tuple_attribute(base, name, where)
        if name in ("start", "stop", "step"):
            at = ("start", "stop", "step").index(name)
            if isinstance(base, Iterator) and base.kind == "range":
                return base.parts[at]
            if isinstance(base, Bound) and base.name == "slice":
                return base.ref[at]
        return Bound(base, name)

    def setattr(self, base: Any, name: str, value: Any, where: Any) -> None:
        if instance_class(base) is not None:
            self.object_setattr(base, name, value, where)
            return
        if isinstance(base, Known):  # a class, a module
            self.store_attribute(base, name, value, where)
            return
        kind = self.kind(base) if isinstance(base, Plain) else None
        if kind is not None and kind.tag == "scalar":  # no number takes attributes
            cls = type(kind.dtype.type(0).item()) if kind.python else kind.dtype.type
            how = "is not writable" if hasattr(cls, name) else f"has no attribute '{name}'"
            raise self.failing(AttributeError(f"a {cls.__name__} {how}"), where)
        raise self.refuse(where, f"a store to the attribute `{name}`",
                          "Return the new value instead.")  # fmt: skip

    def array_attribute(self, base: Any, name: str, where: Any) -> Ref:
        kind = self.kind(base)
        if not kind.numeric or kind.dims is None:
            if kind.tag in ("str", "list"):
                return Bound(base, name)
            found = self.method_of_generator(base, name)
            if found is not None:
                return found
            raise self.refuse(where, f"the attribute `{name}` of something of unknown kind")
        if name == "shape":
            return Tuple(tuple(self.dimension(base, i, where) for i in range(len(kind.dims))))
        if name == "ndim":
            return Known(len(kind.dims))
        if name == "dtype" and is_undecided(kind) and not self.frame.internal:
            raise self.refuse(where, "the dtype of what is real or complex, as its values decide,")
        if name == "dtype":
            return Known(decided(kind).dtype)
        if name == "size":
            if all(isinstance(d, int) for d in kind.dims):
                return Known(math.prod(kind.dims))
            return self.apply(np.size, (base,), {}, where)
        if name == "T":
            if len(kind.dims) < 2:
                return base
            return self.apply(np.transpose, (base,), {}, where)
        if name == "mT" and len(kind.dims) > 1:
            return self.apply(np.matrix_transpose, (base,), {}, where)
        if name in ("real", "imag"):
            if kind.dtype.kind != "c" and name == "real":
                return base
            return self.apply(getattr(np, name), (base,), {}, where)
        if not hasattr(np.ndarray, name) and kind.tag == "array":
            text = f"'numpy.ndarray' object has no attribute '{name}'"
            raise self.failing(AttributeError(text), where, f"an array has no attribute `{name}`")
        return Bound(base, name)

    def dimension(self, base: Any, axis: int, where: Any) -> Ref:
        dim = self.kind(base).dims[axis]
        if isinstance(dim, int):
            return Known(dim)
        tree = self.read(base, where)
        return Plain(self.emit("shape", (tree, axis), None, INT._replace(size=dim), where, "n"))

    def method(self, bound: Bound, args: tuple, kwargs: dict, where: Any) -> Ref:
        base, name = bound.ref, bound.name
        if not isinstance(base, (List, Dict)):  # with None, it raises
            args = tuple(a.ref if isinstance(a, Maybe) else a for a in args)
        if isinstance(base, (List, Dict)) and name in CHANGING:
            self.check_cell(base, where, name)
        if isinstance(base, Dict):
            found = self.set_method(base, name, args, where)
            if found is not None:
                return found
        if self.is_rows(base):
            self.check_cell(base, where, name)
            return self.rows_method(base, name, args, kwargs, where)
        if isinstance(base, (List, Dict)) or (isinstance(base, Tuple)):
            handler = getattr(self, f"method_{name}", None)
            if handler is None:
                raise self.refuse(where, f"the method `{name}` of {describe(base)}")
            return handler(base, args, kwargs, where)
        if name in writers.CHANGING:
            if isinstance(base, Choice):
                return self.each_option(base, args, where, lambda option, *settled: self.method(
                    Bound(option, name), settled, kwargs, where))  # fmt: skip
            return self.writing_method(name, base, args, kwargs, where)
        if name == "item" and not kwargs:
            return self.item(base, args, where)
        if name == "tolist" and isinstance(base, Array):
            rank, dtype = self.kind(base).rank, self.kind(base).dtype
            if rank == 1 and dtype is not None and dtype.kind in "iubfc":
                return self.list_of_array(base, where, np.ndarray.tolist)
            if rank is not None and rank > 1:
                return self.form(python_forms.lists_of_rows, (base,), where)
        if name == "view" and not args and not kwargs and isinstance(base, (Array, Choice)):
            return self.getitem(base, Known(...), where)
        if name == "__getitem__" and len(args) == 1:
            return self.getitem(base, args[0], where)
        if name in OPERATORS and len(args) == 1 and not kwargs and self.kind(base).tag == "array":
            return self.binary(OPERATORS[name], base, args[0], where)
        number = self.number_method(base, name, args, kwargs, where)
        if number is not None:
            return number
        found = abstract.canonical_method(name, (base, *args), kwargs, of=self.kind(base))
        if found is None:
            raise self.refuse(where, f"the method `{name}`")
        op, full, keywords = found
        full = tuple(Tuple(tuple(a)) if type(a) is tuple else a for a in full)
        full = tuple(map(as_ref, full))
        keywords = {k: as_ref(v) for k, v in keywords.items()}
        result = self.call(Known(op), full, keywords, where)
        if self.instrs and self.instrs[-1].op is op:
            self.instrs[-1].attrs["method"] = name
        return result

def named(obj: Any) -> str:
    """What a message calls an object from outside."""
    if isinstance(obj, types.ModuleType):
        return f"the module `{obj.__name__}`"
    return f"`{obj.__name__}`" if hasattr(obj, "__name__") else f"a {type(obj).__name__}"


def as_ref(obj: Any) -> Any:
    return obj if ref_like(obj) or isinstance(obj, Slice) else Known(obj)


STATIC_CLASSES = (np.finfo, np.iinfo, np.dtype)


def is_static_method(obj: Any) -> bool:
    """A method of a string, a dtype or the like: it can be called while compiling."""
    owner = getattr(obj, "__self__", None)
    return isinstance(obj, types.BuiltinMethodType) and isinstance(owner, (str, bytes, np.dtype))


def has_source(obj: Any) -> bool:
    while hasattr(obj, "__wrapped__"):
        obj = obj.__wrapped__
    if isinstance(obj, types.MethodType):
        obj = obj.__func__
    return isinstance(obj, types.FunctionType)


def in_places(op: Any, args: tuple, keywords: dict) -> tuple | None:
    """The arguments of a call by position alone; None if a keyword has no place.

    >>> in_places(np.transpose, ("a",), {"axes": (1, 0)})
    ('a', (1, 0))
    """
    if not keywords:
        return args
    try:
        bound = inspect.signature(op).bind(*args, **keywords)
    except (TypeError, ValueError):
        return None
    bound.apply_defaults()
    return None if bound.kwargs else bound.args


def as_tuples(args: tuple) -> tuple:
    """The arguments of what makes a view, with tuples for lists: a path to memory is a key."""
    return tuple(tuple(a) if type(a) is list else a for a in args)


def is_outer(obj: Any) -> bool:
    """Whether it is the method `outer` of a ufunc."""
    return isinstance(getattr(obj, "__self__", None), np.ufunc) and obj.__name__ == "outer"


SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def paths_of(tree: Any, path: tuple) -> list[tuple]:
    """The ways to the values in an argument tree, in order."""
    if isinstance(tree, Value):
        return [path]
    if isinstance(tree, (tuple, list)) and not isinstance(tree, Slice):
        return [p for i, part in enumerate(tree) for p in paths_of(part, (*path, i))]
    if isinstance(tree, dict):
        return [p for k, part in tree.items() for p in paths_of(part, (*path, k))]
    return []


MADE_OF_LISTS = {np.array, np.asarray, np.stack, np.vstack}


def array_of_list(op: Any, tree: Any) -> Kind | None:
    """The array made of a list whose length is known only at run time."""
    if type(tree) is list and tree and op in (np.array, np.asarray):
        rows = [array_of_list(op, row) for row in tree]
        if any(row is None for row in rows) or len({(r.dtype, r.rank) for r in rows if r}) != 1:
            return None
        return rows[0] and Kind("array", rows[0].dtype, (len(tree), *rows[0].dims))
    if not isinstance(tree, Value) or tree.kind.tag != "list" or not tree.kind.items:
        return None
    item = item_of(tree.kind)
    if item.tag == "list" and item.items and op in (np.array, np.asarray):
        inner = item_of(item)
        if not inner.numeric or inner.dims is None:
            return None
        item = Kind("array", inner.dtype, (fresh_size(), *inner.dims))
    if not item.numeric or item.dims is None or (op is np.vstack and len(item.dims) != 1):
        return None
    return Kind("array", item.dtype, (fresh_size(), *item.dims))


def nonnegative(x: Any, run: Any) -> bool:
    """Whether Python's number x is known not to be below zero, or to be nan."""
    return x in run.nonnegative if isinstance(x, Value) else isinstance(x, (int, float)) and x >= 0


def keeps_sign(op: Any, tree: tuple, run: Any) -> bool:
    """Whether the result of an operation on Python's floats is known not to be below zero."""
    if op in (operator.abs, math.fabs, math.exp, math.sqrt, math.hypot, math.cosh):
        return True
    if len(tree) != 2:
        return False
    x, y = tree
    if op is operator.pow and isinstance(y, (int, float)) and y % 2 == 0:
        return True
    if op is operator.mul and x is y:
        return True
    if op is max:
        return nonnegative(x, run) and nonnegative(y, run)  # `max(nan, 1.0)` is nan
    if op is operator.pow:
        return nonnegative(x, run)
    if op in (operator.add, operator.mul, operator.truediv):
        return nonnegative(x, run) and nonnegative(y, run)
    return False


TAKES_SEQUENCES = {
    np.array, np.asarray, np.asanyarray, np.stack, np.concatenate, np.vstack, np.hstack, np.dstack,
    np.column_stack, np.block, np.meshgrid, np.select, np.choose, sum, max, min, any, all,
    list, tuple, len, sorted, str, repr, format, operator.eq, operator.ne,
}  # fmt: skip


# What is given arrays or lists, of one row or of many, and whose rules ask for their ranks.
TAKES_ROWS = {np.vstack, np.hstack, np.dstack, np.column_stack}


def holds_floats(kind: Kind) -> bool:
    """Whether a list or tuple holds a float or an array of floats: a shape does not."""
    return any(
        k.inexact or (k.tag in ("list", "tuple") and holds_floats(k)) for k in kind.items or ()
    )


def holds_numbers(kind: Kind) -> bool:
    """Whether a list or tuple holds numbers or arrays, or such lists, and nothing else."""
    return all(k.numeric or (k.tag in ("list", "tuple") and holds_numbers(k))
               for k in kind.items or ()) and bool(kind.items)  # fmt: skip


def is_pure(obj: Any) -> bool:
    """A function of NumPy's whose result is not understood, but which changes nothing."""
    module = getattr(obj, "__module__", "") or ""
    return module.split(".")[0] in ("numpy", "math") and "random" not in module


def draws(obj: Any) -> bool:
    """A function of NumPy's that draws numbers, and leaves its arguments as they are."""
    if obj is kernels.draw or obj in MAKERS:
        return True
    owner = type(getattr(obj, "__self__", None))
    return (owner.__module__ or "").startswith("numpy.random") and obj.__name__ != "shuffle"


def result_name(op: Any, tree: tuple) -> str:
    """A name for a temporary, after the operation that makes it: `exp_x`, `norm_b`."""
    name = op if isinstance(op, str) else getattr(op, "__name__", "t")
    first = next((v for v in flatten(tree)), None)
    if op in TESTS:
        return "test"
    if name.isidentifier() and first is not None and op not in ARITHMETIC:
        return f"{name}_{first.name}" if first.user or first.name not in UNNAMED else name
    return "t"


UNNAMED = ("t", "d_t", "item", "test")
TESTS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne}
ARITHMETIC = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul,
    operator.neg, operator.pos, operator.floordiv, operator.mod,
}  # fmt: skip
