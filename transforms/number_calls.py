"""Numbers: the methods of Python's and NumPy's scalars, and what is built of several operations.

    x.__add__(y)       x + y                divmod(a, b)      (a // b, a % b)
    z.conjugate()      one operation        pow(a, b, m)      ints, known or not
    (2.5).hex()        known: "0x1.4…"      complex("1+2j")   known: 1+2j
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.kinds import INT, Kind
from srcdiff.transforms.mutation import NUMBERS, Memory
from srcdiff.transforms.references import Known, Plain, Ref, Tuple, static_ref

BINARY = {
    f"__{name}__": getattr(operator, name)
    for name in "add sub mul truediv floordiv mod lt le gt ge eq ne".split()
} | {
    "__pow__": operator.pow, "__and__": operator.and_, "__or__": operator.or_,
    "__xor__": operator.xor, "__lshift__": operator.lshift, "__rshift__": operator.rshift,
}  # fmt: skip
REFLECTED = {
    f"__r{name}__": getattr(operator, name)
    for name in "add sub mul truediv floordiv mod pow".split()
}
UNARY = {
    "__neg__": operator.neg, "__pos__": operator.pos, "__abs__": operator.abs,
    "__invert__": operator.invert, "__int__": int, "__float__": float, "__complex__": complex,
    "__bool__": bool, "__floor__": math.floor, "__ceil__": math.ceil, "__trunc__": math.trunc,
    "__round__": round, "__index__": operator.index,
}  # fmt: skip
PLAIN = {
    "is_integer": float.is_integer, "as_integer_ratio": float.as_integer_ratio, "hex": float.hex,
    "bit_length": int.bit_length, "bit_count": int.bit_count,
}  # fmt: skip


class Numbers(Memory):
    def number_method(self, base: Any, name: str, args: tuple, kwargs: dict,
                      where: Any) -> Ref | None:  # fmt: skip
        """A method of a scalar; None if NumPy's arrays have it too, or nobody."""
        kind = self.kind(base)
        if kind.tag != "scalar" or kwargs:
            return None
        refs = (base, *args)
        if all(isinstance(r, Known) for r in refs) and type(base.obj) in NUMBERS:
            method = getattr(base.obj, name, None)
            if method is not None and not name.startswith("__"):
                return static_ref(method(*(r.obj for r in args)))
        if name in BINARY and len(args) == 1 and self.takes(kind, args[0]):
            return self.binary(BINARY[name], base, args[0], where)
        if name in REFLECTED and len(args) == 1 and self.takes(kind, args[0]):
            return self.binary(REFLECTED[name], args[0], base, where)
        if name == "copy" and not args and kind.python is False:
            return base
        if name in UNARY and not args:
            return self.call(Known(UNARY[name]), (base,), {}, where)
        if name == "conjugate" and not args and kind.python is not False:
            if kind.dtype.kind != "c":
                return base
            return Plain(self.emit(np.conj, (self.read(base, where),), None, kind, where,
                                   "conjugate", method=name))  # fmt: skip
        if name in PLAIN and not args:
            op: Any = PLAIN[name]
            if kind.dtype.kind in "iu" and name == "as_integer_ratio":
                op = int.as_integer_ratio
            if kind.python is None or not hasattr(kind.dtype.type, name) and not kind.python:
                return None
            found = self.apply(op, refs, {}, where)
            self.instrs[-1].attrs["method"] = name
            return found
        return None

    def takes(self, kind: Kind, other: Any) -> bool:
        """Whether a number's own method computes with the other: an int's takes no float."""
        if kind.dtype.kind in "fc" or kind.python is False:
            return self.kind(other).tag in ("scalar", "array") and self.kind(other).dtype.kind in (
                "biufc" if kind.dtype.kind == "c" or kind.python is False else "biuf")
        found = self.kind(other)
        return found.tag == "scalar" and found.python is True and found.dtype.kind in "bi"

    def call_divmod(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        a, b = args
        return Tuple((self.binary(operator.floordiv, a, b, where),
                      self.binary(operator.mod, a, b, where)))  # fmt: skip

    def call_pow(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        parts = (*args, *(kwargs[k] for k in ("base", "exp", "mod") if k in kwargs))
        if len(parts) == 2:
            return self.binary(operator.pow, *parts, where)
        if all(isinstance(p, Known) for p in parts):
            return Known(pow(*(p.obj for p in parts)))
        if not all(self.kind(p) in (INT, INT._replace(size=self.kind(p).size)) for p in parts):
            raise self.refuse(where, "`pow` with a modulus of what are no ints")
        return Plain(self.emit(pow, tuple(self.read(p, where) for p in parts), None, INT, where,
                               "power"))  # fmt: skip

    def call_complex(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if kwargs:
            args = (*args, *([] if args else [kwargs.get("real", Known(0))]),
                    *([kwargs["imag"]] if "imag" in kwargs else []))  # fmt: skip
            return self.call(Known(complex), args, {}, where)
        if all(isinstance(a, Known) for a in args):
            return Known(complex(*(a.obj for a in args)))
        return None


def folded(op: Callable) -> Callable:
    """A handler for a function of constants: called while compiling, if they all are."""

    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if kwargs or not all(map(run.is_known, args)):
            return None
        return static_ref(op(*(run.known(a, where, "an argument") for a in args)))

    return handler


HANDLERS: dict[Any, Callable] = {
    divmod: Numbers.call_divmod, pow: Numbers.call_pow, complex: Numbers.call_complex,
} | {op: folded(op) for op in (chr, ord, bin, hex, oct, repr, ascii, callable, hash, format, round,
                              math.comb, math.perm, math.factorial, math.gcd, math.lcm,
                              math.isqrt, float.fromhex, bytes)}  # fmt: skip

