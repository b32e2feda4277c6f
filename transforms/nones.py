"""What an operation does where an operand is None at run time.

    if c: s = None            if c: no_s = True
    r = s * x                 if no_s: raise TypeError("unsupported operand type(s) for *: …")
                              r = s * x

Nothing is added where the program has tested `s is None` on this path, or has read `s` already.
"""

from __future__ import annotations

import operator
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.errors import NonScalarOutputError
from srcdiff.transforms import abstract
from srcdiff.transforms.either import takes_anything
from srcdiff.transforms.exceptions import error_ref
from srcdiff.transforms.ir import Block, Instr, Slice, Value
from srcdiff.transforms.kinds import is_undecided
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    Dict,
    Known,
    List,
    Maybe,
    Plain,
    Tuple,
)

ORDERS = (operator.lt, operator.le, operator.gt, operator.ge)
ITERATING = ("for", "unpack")
BUILTINS = (abs, complex, divmod, enumerate, float, int, len, list, max, min, pow, range, reversed,
            round, sorted, sum, tuple, zip)  # fmt: skip


class Nones(Memory):
    facts: dict
    throw: Callable
    sub: Callable
    join: Callable
    run: Callable
    made_by: Callable
    note_fact: Callable
    raw: Callable

    def unsettled(self, ref: Any) -> bool:
        """Whether it is not known on this path whether a reference is None."""
        return isinstance(ref, Maybe) and ref.test not in self.facts

    def where_none(self, instr: Instr, block: Block, index: int, tested: Any) -> tuple | None:
        """Raise what an instruction raises where an operand is None.

        (how the block is left,) where the exception is caught: the rest of it has been run; else
        None.
        """
        temporaries = self.temporaries[-1]
        while True:
            value = next((v for v in instr.operands if self.unsettled(temporaries.get(v))), None)
            error = None if value is None else self.of_none(instr, value)
            if value is None or error is None:
                return None
            test, where = temporaries[value].test, instr.where
            made = self.made_by(test)
            gone = self.raise_where(test, error_ref(error), where)
            if gone is not None:
                break

        def otherwise() -> Any:
            self.note_fact(test, made, False)
            return self.run(block, index, tested)

        self.temporaries.append(dict(temporaries))
        stays = self.sub(self.state.copy(), otherwise)
        self.temporaries.pop()
        return (self.join(test, gone, stays, where, made=True),)

    def raise_where(self, test: Value, error: Bound, where: Any) -> Any:
        """Raise where a test holds, which it does not afterwards; where it is caught, that path."""
        gone = self.sub(self.state.copy(), lambda: self.throw(error, where))
        if not gone.exit.dead:
            return gone
        raising = Block((), gone.instrs, ()), Block((), [], ())
        self.instrs.append(Instr("if", (test,), None, (), raising, {"choice": True}, where))
        self.note_fact(test, self.made_by(test), False)
        return None

    def returned(self, ref: Any, where: Any) -> None:
        """Raise where the function returns None, or has it in what it returns."""
        parts: Any = ()
        if self.unsettled(ref):
            text = "the function returns None; a derivative needs a number or an array"
            error = Bound((Known(NonScalarOutputError), (Known(text),)), "exception")
            self.raise_where(ref.test, error, where)
        elif isinstance(ref, Tuple):
            parts = ref.items
        elif isinstance(ref, (List, Dict)):
            held = self.held(ref)
            parts = held.values() if isinstance(held, dict) else \
                held if isinstance(held, tuple) else ()  # fmt: skip
        for part in parts:
            self.returned(part, where)

    def of_none(self, instr: Instr, none: Value) -> Exception | None:
        """What an instruction raises if an operand is None; None where it may go well."""

        def given(tree: Any) -> Any:
            if tree is none:
                return None
            if isinstance(tree, Slice):
                return slice(*map(given, tree))
            if isinstance(tree, tuple):
                return tuple(map(given, tree))
            return self.stand_in(self.raw(tree)) if isinstance(tree, Value) else tree

        act: Callable[[], Any]
        if instr.op in ("binary", "inplace", "unary") or \
                instr.op == "compare" and instr.args[0] in ORDERS:  # fmt: skip
            act = lambda: instr.args[0](*map(given, instr.args[1:]))  # noqa: E731
        elif instr.op in ("getitem", "setitem", "delitem") and (
                instr.args[0] is none or instr.op == "getitem"):  # fmt: skip
            act = lambda: getattr(operator, instr.op)(*map(given, instr.args))  # noqa: E731
        elif instr.op == "getattr" and instr.args[0] is none:
            act = lambda: getattr(None, str(instr.args[1]))  # noqa: E731
        elif instr.op in ITERATING and instr.args[0] is none:
            act = lambda: tuple(None)  # type: ignore[arg-type]  # noqa: E731
        elif instr.op == "call":
            f = None if instr.args[0] is none else self.callee(instr)
            if instr.args[0] is not none and f is None:
                return None
            act = lambda: f(*map(given, instr.args[1]),  # type: ignore[misc]  # noqa: E731
                            **{k: given(v) for k, v in instr.kwargs.items()})
        else:
            return None
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                act()
        except abstract.Unknown:
            return None
        except (TypeError, AttributeError) as error:
            return error if "NoneType" in str(error) else None
        except Exception:
            return None
        return None

    def callee(self, instr: Instr) -> Callable | None:
        """The function that is called, if it can be tried: it has no effect and takes numbers."""
        f = self.raw(instr.args[0])
        if None in instr.kwargs or takes_anything(f):
            return None
        if isinstance(f, Bound) and isinstance(f.ref, (Plain, *ARRAYS)):
            return getattr(self.stand_in(f.ref), f.name, None)
        if not isinstance(f, Known) or isinstance(f.obj, types.MethodType):
            return None
        pure = any(f.obj is g for g in BUILTINS) or isinstance(f.obj, np.ufunc) or \
            getattr(f.obj, "__module__", "") in ("math", "cmath")  # fmt: skip
        try:
            return f.obj if pure or f.obj in abstract.PURE else None
        except TypeError:
            return None

    def stand_in(self, ref: Any) -> Any:
        """A number or an array of the kind of a reference."""
        if isinstance(ref, Maybe):
            return self.stand_in(ref.ref)
        if isinstance(ref, Known) and not isinstance(ref.obj, np.ndarray):
            return ref.obj
        if isinstance(ref, Tuple) and ref.cls is tuple:
            return tuple(map(self.stand_in, ref.items))
        if isinstance(ref, List):
            return []
        if isinstance(ref, Slice):
            return slice(*(None if p is None else self.stand_in(p) for p in ref))
        if not isinstance(ref, (Plain, Known, *ARRAYS)):
            raise abstract.Unknown
        kind = self.kind(ref)
        if not kind.numeric or kind.dtype is None or is_undecided(kind):
            raise abstract.Unknown
        if kind.tag == "array":
            return np.ones((2,) * (1 if kind.rank is None else kind.rank), kind.dtype)
        number = kind.dtype.type(1)
        return number.item() if kind.python else number
