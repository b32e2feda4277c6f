"""A name that is one of two things of unlike kinds, which one is known at run time.

    t = 0                     t is Either(c, x, 0)
    if c: t = x               s = if c: yield np.add(x, y)
    s = t + y            →        else: yield np.add(0, y)
    return s.sum()            return np.sum(s)

Whatever reads such a name is carried out in a branch for each thing, as if the user had written the
test again; what it yields is one value where the kinds allow it, and an `Either` again where not.
What only hands references on (names, tuples, lists, calls of the user's functions) leaves it whole.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.ir import UNDEFINED, Block, Instr, Slice, Value, flatten, leaf_kind
from srcdiff.transforms.kinds import BOOL, Kind, is_undecided
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    Choice,
    Dict,
    Either,
    Function,
    Iterator,
    Known,
    List,
    Maybe,
    Method,
    Plain,
    Tuple,
)

HANDING_ON = {"load", "store", "tuple", "list", "dict", "keep", "return", "function", "if", "while"}

STORES = {"setitem", "setattr", "delitem"}


class Eithers(Memory):
    facts: dict
    eithers: bool  # whether there is any
    splits: dict  # lowered instruction → the `if` that has it in both branches
    decided: tuple  # the tests of the splits around, and how each has come out
    branch: Callable
    on_a_path: Callable
    kind_of_choice: Callable
    join: Callable
    note_fact: Callable
    made_by: Callable
    joined_dead: list
    truth: Callable
    failing: Callable
    guesses: int

    def settled(self, ref: Any) -> Any:
        """A reference where it is known how tests have come out."""
        while isinstance(ref, (Either, Choice)) and ref.test in self.facts:
            if isinstance(ref, Choice) and not self.is_mixed(ref):
                break
            ref = ref.then if self.facts[ref.test] else ref.other
        if isinstance(ref, (Tuple, Iterator)):
            field = "items" if isinstance(ref, Tuple) else "parts"
            parts = getattr(ref, field)
            found = tuple(self.settled(r) for r in parts)
            if any(a is not b for a, b in zip(found, parts)):
                return ref._replace(**{field: found})
        return ref

    def is_mixed(self, ref: Choice) -> bool:
        """Whether the arrays that a choice is of have unlike kinds."""
        return self.kind_of_choice(ref).tag == "object"

    def undecided(self, instr: Instr) -> Either | None:
        """What an instruction reads that is one of two things, if it matters to it which one."""
        if instr.op in HANDING_ON:
            return None
        temporaries = self.temporaries[-1]
        if instr.op == "call":
            f = temporaries.get(instr.args[0]) if isinstance(instr.args[0], Value) else None
            f = self.settled(f)
            if isinstance(f, Either):
                return f
            if takes_anything(f):
                return None
        operands = [v for v in instr.operands if v in temporaries]
        if instr.op == "setitem":  # what is stored into a list stays what it is
            base = self.settled(temporaries.get(instr.args[0]))
            if isinstance(base, (List, Dict)):
                operands = [v for v in flatten(instr.args[:2]) if v in temporaries]
        if instr.op == "setattr":
            operands = [v for v in flatten(instr.args[:1]) if v in temporaries]
        inside = instr.op in ("call", "for", "binary", "compare", "inplace")
        for value in operands:
            found = self.either_in(temporaries[value], inside)
            if found is not None:
                return found
        return None

    def either_in(self, ref: Any, inside: bool) -> Either | None:
        ref = self.settled(ref)
        if isinstance(ref, Either):
            return ref
        if isinstance(ref, Choice):
            return Either(*ref) if self.is_mixed(ref) else None
        parts: Any = ()
        if isinstance(ref, Tuple):
            parts = ref.items
        elif isinstance(ref, (Bound, Method)):
            parts = (ref.ref,) if isinstance(ref.ref, tuple) else ()
        elif isinstance(ref, Slice):
            parts = ref
        elif isinstance(ref, Iterator):
            parts = ref.parts
        elif inside and isinstance(ref, List):
            held = self.state.memory.get(ref.cell)
            parts = held if type(held) is tuple else ()
        return next((e for e in (self.either_in(p, inside) for p in parts) if e is not None), None)

    def settle(self, instr: Instr, either: Either, block: Block, index: int) -> Any:
        """Carry out an instruction in a branch for each of the two things; as `branch` does."""
        results = () if instr.op in STORES else instr.results
        split = self.splits.get(instr)
        if split is None:
            whole = (Value("settled"),) if results else ()
            ends = (results[0] if len(results) == 1 else tuple(results),) if results else ()
            inner = Block((), (instr,), ends)
            split = Instr("if", (either.test,), None, whole, (inner, inner.replace()),
                          {"split": results}, instr.where)  # fmt: skip
            self.splits[instr] = split
        outer = self.decided
        try:
            exit = self.branch(split, either.test, block, index)
        finally:
            self.decided = outer
        dead = self.joined_dead
        if exit is None and dead[0] != dead[1] and not self.guesses:
            self.facts[either.test] = dead[1]
        return exit

    def hand_on(self, split: Instr, test: Value) -> None:
        """What an instruction results in, from the branches that it was carried out in."""
        results = split.attrs["split"]
        if results:
            whole = self.test_of(test, self.temporaries[-1].pop(split.results[0], None))
            if len(results) == 1:
                self.temporaries[-1][results[0]] = whole
            elif isinstance(whole, Tuple):
                self.temporaries[-1].update(zip(results, whole.items))

    def without_items(self, ref: Any, what: str, where: Any) -> None:
        """Raise what Python raises where something is done with the items of a number."""
        kind = self.kind(ref) if isinstance(ref, (Plain, Known)) else None
        if kind is None or kind.tag != "scalar":
            return
        if what == "is not subscriptable" and not kind.python:
            raise self.failing(IndexError("invalid index to scalar variable."), where)
        raise self.failing(TypeError(f"'{self.scalar_name(kind)}' object {what}"), where)

    def scalar_name(self, kind: Kind) -> str:
        """The name of a number's class, as Python's errors have it."""
        if not kind.python:
            return f"numpy.{kind.dtype.name}"
        return {"b": "bool", "i": "int", "f": "float", "c": "complex"}[kind.dtype.kind]

    def test_of(self, test: Value, ref: Any) -> Any:
        """What is True for one thing and False for the other is how the test has come out."""
        made = self.made_by(ref.value) if isinstance(ref, Plain) else None
        if made is None or made.op != "if" or made.args[0] is not test:
            return ref
        yields = tuple(b.results[made.results.index(ref.value)] for b in made.blocks)
        if yields[0] is True and yields[1] is False and test.kind == BOOL:
            return Plain(test)
        if yields[0] is False and yields[1] is True:
            return Plain(self.emit(operator.not_, (test,), None, BOOL, self.where, "other"))
        return ref

    def of_each(self, ref: Either, where: Any, act: Callable[[Any], Any]) -> Any:
        """`act` on either thing, in a branch for each; what it returns, as one reference."""

        def taken(holds: bool, option: Any) -> Any:
            self.note_fact(ref.test, None, holds)
            return act(self.settled(option))

        paths = [self.on_a_path(lambda holds=holds, option=option: taken(holds, option))
                 for holds, option in ((True, ref.then), (False, ref.other))]  # fmt: skip
        result = Value("settled")
        self.join(ref.test, *paths, where, (result,), made=True)
        return self.temporaries[-1].pop(result)

    def not_none(self, ref: Any, f: Any, where: Any) -> Any:
        """An argument of a call: what may be None is not None, if `f` raises where it is."""
        if not isinstance(ref, Maybe) or takes_anything(Known(f)) or any(f is g for g in KEEPING):
            return ref
        if any(f is g for g in INSPECTING):
            raise self.refuse(where, f"`{f.__name__}` of what may be None", "Test `is None` first.")
        return ref.ref

    def flag_of(self, ref: Any, where: Any) -> Any:
        """The truth of a reference, as a bool."""
        test = self.truth(ref, where)
        if isinstance(test, Known):
            return test
        if test.value.kind.tag == "scalar" and test.value.kind.dtype == BOOL.dtype:
            return test
        return Plain(self.emit(bool, (test.value,), None, BOOL, where, "test"))

    def unlike(self, ref: Any, kind: Kind, state: Any) -> Kind | None:
        """The kind of what a reference may be that is not of a kind with the other."""
        if isinstance(ref, Either):
            found = self.unlike(ref.then, kind, state)
            return self.unlike(ref.other, kind, state) if found is None else found
        outer, self.state = self.state, state
        try:
            found = self.kind(ref)._replace(size=None)
        finally:
            self.state = outer
        joined = self.join_leaf(Value("t", kind), Value("t", found), self.where)
        return None if joined is not None and not int_and_float(kind, found) else found

    def first_kind(self, ref: Either, state: Any) -> Kind | None:
        """The kind of the first of the things that it may be, if it is a number or an array."""
        first = ref.then
        while isinstance(first, Either):
            first = first.then
        if not isinstance(first, (Plain, Known, *ARRAYS)):
            return None
        outer, self.state = self.state, state
        try:
            kind = self.kind(first)._replace(size=None)
        finally:
            self.state = outer
        return None if kind.tag == "object" else kind

    def sides(self, ref: Any, kind: Kind, state: Any, instrs: list) -> tuple | None:
        """(whether it is of that kind, what it is then, what it is otherwise), each None or there.

        None where it cannot be told.
        """
        outer, self.state, self.instrs = (self.state, self.instrs), state, instrs
        try:
            if isinstance(ref, Either):
                then, other = (self.sides(r, kind, state, instrs) for r in (ref.then, ref.other))
                if then is None or other is None:
                    return None
                if then[0] is other[0]:  # of that kind, or of another, either way
                    return (True, ref, None) if then[0] is True else (False, None, ref)
                if then[0] is True and other[0] is False:
                    return (ref.test, then[1], other[2])
                if then[0] is False and other[0] is True:
                    known = self.made_by(ref.test)
                    if known is not None and known.op is operator.not_:
                        test = known.args[0]
                    else:
                        test = self.emit(operator.not_, (ref.test,), None, BOOL, self.where)
                    return (test, other[1], then[2])
                return None
            if not isinstance(ref, (Plain, Known, *ARRAYS)) or self.kind(ref).tag == "object":
                return None
            have = Value("t", self.kind(ref))
            fits = self.join_leaf(Value("t", kind), have, self.where)
            if fits is not None and not int_and_float(kind, have.kind):
                return (True, ref, None)
            return (False, None, ref)
        finally:
            self.state, self.instrs = outer

    def output(self, ref: Any, where: Any) -> Any:
        return self.read_either(ref, where) if isinstance(ref, Either) else self.read(ref, where)

    def read_either(self, ref: Either, where: Any) -> Any:
        """The one that is meant, as one value: a number or an array of either kind.

        Only for what the function returns: nothing is computed from it.
        """
        self.temporaries.append({})
        then, other = (self.on_a_path(lambda option=option: self.output(option, where))
                       for option in (ref.then, ref.other))  # fmt: skip
        self.temporaries.pop()
        a, b = then.value, other.value
        joined = self.join_leaf(a, b, where)
        kind = joined[2] if joined is not None else wider(leaf_kind(a), leaf_kind(b))
        if kind is None:
            raise self.refuse(where, "the result is one of two things, depending on a branch")
        value = Value("result", kind)
        blocks = Block((), then.instrs, (a,)), Block((), other.instrs, (b,))
        self.instrs.append(Instr("if", (ref.test,), None, (value,), blocks, {"choice": True},
                                 where))  # fmt: skip
        return value


def int_and_float(a: Kind, b: Kind) -> bool:
    """Whether one is the kind of an int and the other that of a number that is none."""
    return a.tag == b.tag == "scalar" and (a.dtype.kind in "iu") != (b.dtype.kind in "iu") \
        and (a.inexact or b.inexact)  # fmt: skip


def wider(a: Kind, b: Kind) -> Kind | None:
    """The kind of a number, or an array without axes, that is of one of two precisions."""
    if not (a.numeric and b.numeric and a.rank == b.rank == 0):
        return None
    if a.dtype is None or b.dtype is None:  # `None in (…)` would take None for a dtype
        return None
    if is_undecided(a) or is_undecided(b):
        return None
    dtype = np.result_type(a.dtype, b.dtype)
    if "array" in (a.tag, b.tag):
        return Kind("array", dtype, ())
    return Kind("scalar", dtype, python=None)


def takes_anything(f: Any) -> bool:
    """Whether a call only hands on what it is given: to a body that is inlined, into a list."""
    if isinstance(f, (Function, Method)):
        return True
    if isinstance(f, Bound):
        return f.name in ("append", "insert", "setdefault") and isinstance(f.ref, (List, Dict))
    if isinstance(f, Known) and any(f.obj is w for w in WALKS):
        return True
    if not isinstance(f, Known) or not isinstance(f.obj, (types.FunctionType, type)):
        return False
    module = str(getattr(f.obj, "__module__", "")).split(".")[0]
    return module not in LIBRARIES


KEEPING = (dict, setattr, functools.partial)  # what keeps what it is given as it is
# What takes None as well.
INSPECTING = (isinstance, type, bool, str, repr, print, format, callable, hasattr, getattr, id,
              hash, np.ndim, np.shape, np.size, np.isscalar)  # fmt: skip
WALKS = (zip, enumerate, reversed, np.ndenumerate)
LIBRARIES = ("numpy", "math", "cmath", "builtins", "operator", "scipy", "srcdiff", "itertools",
             "functools", "collections", "copy")  # fmt: skip


def exported(ref: Any, merger: Any, path: Any, first: bool) -> Any:
    """What a path has left behind a name, as a reference that is good after both paths.

    None where there is none; values that the path has made become results of the `if`.
    """

    def out(value: Any) -> Any:
        made = isinstance(value, Value) and any(value in i.results for i in path.instrs)
        if not made:
            return value
        pair = (value, UNDEFINED) if first else (UNDEFINED, value)
        return merger.leaf(*pair, value.name, value.user)

    def each(ref: Any) -> Any:
        found = exported(ref, merger, path, first)
        if found is None:
            raise NoExport
        return found

    try:
        if isinstance(ref, Plain):
            return Plain(out(ref.value))
        if isinstance(ref, (Known, Function)):
            return ref
        if isinstance(ref, merger.ARRAYS):
            return merger.array_out(ref, path, first)
        if isinstance(ref, Either):
            return Either(out(ref.test), each(ref.then), each(ref.other))
        if isinstance(ref, Tuple):
            return ref._replace(items=tuple(map(each, ref.items)))
        if isinstance(ref, Bound) and isinstance(ref.ref, (*merger.ARRAYS, Plain, Known, List)):
            return ref._replace(ref=each(ref.ref))
        if isinstance(ref, List):
            if ref.cell not in merger.memory:
                held = path.state.memory[ref.cell]
                if type(held) is not tuple and not isinstance(held, Plain):
                    return None
                merger.memory[ref.cell] = each(held) if isinstance(held, Plain) else \
                    tuple(map(each, held))  # fmt: skip
            return ref
    except NoExport:
        pass
    return None


class NoExport(Exception):
    """A reference that leads to what cannot be handed on."""
