"""What libraries' own Python code asks of its arguments: answered while compiling.

    xp = array_namespace(x)          the module, found for arrays like these
    np.iterable(x)                   True
    np.polyval(p, x)                 NumPy's own Python code, read as a helper of the user's

A function whose answer depends on kinds alone is called, on empty arrays of these kinds.
"""

from __future__ import annotations

import inspect
import math
import operator
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from srcdiff.runtime import kernels, stand_ins
from srcdiff.runtime.errors import NoRuleError, UnsupportedSyntaxError
from srcdiff.runtime.interpolators import CLASSES
from srcdiff.runtime.registry import NONDIFFERENTIABLE, rule_of
from srcdiff.runtime.twins import columns_of, fits, row_of, twin_of
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, op_name
from srcdiff.transforms.kinds import is_undecided
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    Dict,
    Iterator,
    Known,
    List,
    Object,
    Plain,
    Ref,
    Tuple,
    static_ref,
)  # fmt: skip

# Module and name of functions that look at nothing but the kinds of their arguments.
OF_KINDS = {
    ("scipy._lib._array_api_override", "array_namespace"),
    ("scipy._lib._array_api", "xp_result_type"),
    ("scipy._lib._array_api", "xp_default_dtype"),
    ("scipy._lib._array_api", "is_lazy_array"),
}


# Functions of NumPy whose results are known, but that have no rule.
NO_RULE = {np.vander, np.gradient, np.linalg.multi_dot, np.linalg.matrix_power, np.linalg.cond}


INDEX_TRICKS = (np.r_, np.c_, np.s_, np.index_exp)
# What returns its results by names: their class.
RESULT_CLASSES = {
    f: type(f(np.eye(1)))
    for f in (np.linalg.eigh, np.linalg.eig, np.linalg.qr, np.linalg.svd, np.linalg.slogdet)
}


class Libraries(Memory):
    def like(self, ref: Any, where: Any) -> Any:
        """An object of the kind of a reference."""
        if isinstance(ref, Known):
            return ref.obj
        if isinstance(ref, (Tuple, List)):
            parts = [self.like(r, where) for r in self.items(ref, where)]
            return tuple(parts) if isinstance(ref, Tuple) else parts
        kind = self.kind(ref)
        if not kind.numeric or kind.dims is None or is_undecided(kind):
            raise self.refuse(where, "something of unknown kind is given to a library function")
        if kind.tag == "array":
            return np.empty((1,) * len(kind.dims), kind.dtype)
        number = kind.dtype.type(1)
        return number.item() if kind.python else number

    def of_kinds(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """What a function of kinds alone returns; None for other functions."""
        name = getattr(f, "__module__", None), getattr(f, "__qualname__", None)
        if name not in OF_KINDS:
            return None
        given = [self.like(a, where) for a in args]
        return static_ref(f(*given, **{k: self.like(v, where) for k, v in kwargs.items()}))

    def in_python(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """What the Python twin of a library's function returns; None without one."""
        made = isinstance(f, type) and not (f.__module__ or "").startswith("scipy.stats.")
        twin = twin_of(f) if callable(f) and not made else None
        if twin is not None and isinstance(f, types.MethodType):
            args = (self.itself(f.__self__), *args)
        method = isinstance(f, types.MethodType)  # of what has no source, for constants too
        if twin is None or not (
            method or any(self.may_flow(a) for a in (*args, *kwargs.values()))
        ):
            return None
        if not fits(twin, args, kwargs):
            return None
        if rule_of(twin) is None and twin.__module__.startswith("srcdiff.runtime"):
            return self.as_if_here(twin, args, kwargs, where)
        return self.call(Known(twin), args, kwargs, where)

    def interpolator(self, cls: type, args: tuple, kwargs: dict) -> type | None:
        """The class in Python that stands for one of SciPy's interpolators."""
        found = CLASSES.get((cls.__module__, cls.__name__))
        if found is None or len(args) > 2 or not any(map(self.may_flow, (*args, *kwargs.values()))):
            return None
        stand_in, heeded = found
        given = dict(zip(inspect.signature(stand_in).parameters, args)) | kwargs
        for name, ref in kwargs.items():
            values = heeded.get(name)
            if values is None and name not in ("x", "y", "points", "values"):
                return None
            if values is not None and not (isinstance(ref, Known) and ref.obj in values):
                return None
        y = given.get("y")
        return stand_in if y is None or self.kind(y).rank in (1, None) else None

    def of_sparse(self, op: Any, args: tuple, where: Any) -> Any:
        """What an operation on a sparse matrix and an array is: a product, or it is refused."""
        matrix = any(isinstance(a, Known) and hasattr(a.obj, "nnz") and hasattr(a.obj, "getH")
                     for a in args)  # fmt: skip
        if op is operator.mul and matrix and all(self.kind(a).rank != 0 for a in args):
            return operator.matmul  # of `scipy.sparse`'s matrices, not its arrays
        if op is operator.matmul or getattr(op, "__name__", "") == "spsolve":
            return op
        raise self.refuse(where, f"`{op_name(op)}` of a sparse matrix",
                          "Write a product, `K @ x`, or use `K.toarray()`.")  # fmt: skip

    def with_known_parts(self, f: Any, ref: Ref, args: tuple, kwargs: dict) -> Ref:
        """What a function has returned, of which a part is what it was given."""
        name = getattr(f, "__module__", None), getattr(f, "__name__", None)
        if name != ("scipy.linalg._decomp_cholesky", "cho_factor") or not isinstance(ref, Tuple):
            return ref
        lower = args[1] if len(args) > 1 else kwargs.get("lower", Known(False))
        return Tuple((ref.items[0], lower))

    def index_trick(self, maker: Any, key: Any, where: Any) -> Ref | None:
        """`np.s_[1:4]`; `np.r_[a, b]` and `np.c_[a, b]` of numbers and arrays.

        None where there is more to it.
        """
        if maker is np.s_ or maker is np.index_exp:
            found = self.as_index(key)
            alone = maker is np.index_exp and not isinstance(found, Tuple)
            return Tuple((found,)) if alone else found
        items = self.items(key, where) if isinstance(key, Tuple) else (key,)
        if not any(map(self.may_flow, items)):
            return None
        items = tuple(self.numbers_of(i, where) if isinstance(i, Slice) else i for i in items)
        if any(self.kind(i).rank is None for i in items):
            return None
        twin = row_of if maker is np.r_ else columns_of
        return self.as_if_here(twin, (Tuple(tuple(items)),), {}, where)

    def numbers_of(self, bounds: Slice, where: Any) -> Ref:
        """`np.arange(1, 10)` of what stands as `1:10` in `np.r_[…]`; a step `5j` counts them."""
        start, stop, step = (Known(None) if p is None else p for p in bounds)
        start = Known(0) if start == Known(None) else start
        if isinstance(step, Known) and isinstance(step.obj, complex):
            count = Known(int(abs(step.obj)))
            return self.call(Known(np.linspace), (start, stop, count), {}, where)
        steps = () if step == Known(None) else (step,)
        return self.call(Known(np.arange), (start, stop, *steps), {}, where)

    def as_index(self, key: Any) -> Ref:
        """What stands between the brackets, as a reference."""
        if isinstance(key, Tuple):
            return Tuple(tuple(map(self.as_index, key.items)))
        if isinstance(key, Slice):
            return Bound(tuple(Known(None) if p is None else p for p in key), "slice")
        return key

    def seen_through(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """What is called instead of a library's wrapper; None for other functions."""
        name = getattr(f, "__module__", None), getattr(f, "__qualname__", None)
        if name in stand_ins.OF_LIBRARIES:
            if isinstance(f, types.MethodType):
                args = (self.itself(f.__self__), *args)
            return self.as_if_here(stand_ins.OF_LIBRARIES[name], args, kwargs, where)
        code = getattr(f, "__code__", None)
        if code is None or code.co_name != "axis_nan_policy_wrapper" or f.__closure__ is None:
            return None
        # It moves axes, and looks for NaNs and small samples: without wishes for these,
        # what it wraps gives the same. Of a number it makes an array.
        if args and self.kind(args[0]).rank == 0:
            return None
        cells = dict(zip(code.co_freevars, f.__closure__))
        plain = {"nan_policy": "propagate", "keepdims": False, "_no_deco": False}
        if any(kwargs.get(k, Known(v)) != Known(v) for k, v in plain.items()):
            return None
        kwargs = {k: v for k, v in kwargs.items() if k not in plain}
        axis = kwargs.get("axis", Known(0))
        if axis == Known(None) and args and self.kind(args[0]).rank == 1:
            del kwargs["axis"]
        elif not isinstance(axis, Known) or type(axis.obj) is not int:
            return None
        if "hypotest_fun_in" not in cells:
            return None
        return self.call(Known(cells["hypotest_fun_in"].cell_contents), args, kwargs, where)

    def call_index(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        kind = self.kind(args[0])
        whole = kind.tag == "scalar" and kind.dtype.kind in "iub"
        return args[0] if whole and kind.python and kind.dtype.kind != "b" else None

    def call_prod(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        if kwargs or not isinstance(args[0], (Tuple, List)) or len(args) != 1:
            return None
        found: Ref = Known(1)
        for item in self.items(args[0], where):
            one = isinstance(found, Known) and found.obj == 1
            found = item if one else self.binary(operator.mul, found, item, where)
        return found

    def call_broadcast_shapes(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """Of shapes of which it is known how they go together."""
        shapes = [list(self.items(a, where)) if isinstance(a, (Tuple, List)) else [a] for a in args]
        rank = max(map(len, shapes), default=0)
        found: list = []
        for axis in range(-rank, 0):
            here = [shape[axis] for shape in shapes if len(shape) >= -axis]
            sizes = [r for r in here if not (isinstance(r, Known) and r.obj == 1)]
            if any(not self.same_size(sizes[0], other) for other in sizes[1:]):
                return None
            found.append(sizes[0] if sizes else Known(1))
        return Tuple(tuple(found))

    def same_size(self, a: Any, b: Any) -> bool:
        if isinstance(a, Known) and isinstance(b, Known):
            return a == b
        one, other = self.kind(a).size, self.kind(b).size
        return one is not None and one == other

    def call_unstack(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.unstack(x)`: the items of x, as many as there are."""
        if len(args) != 1 or not kwargs.keys() <= {"axis"}:
            return None
        (x,), axis = args, kwargs.get("axis", Known(0))
        if axis != Known(0):
            x = self.call(Known(np.moveaxis), (x, axis, Known(0)), {}, where)
        dims = self.kind(x).dims
        if dims and isinstance(dims[0], int):
            return Tuple(tuple(self.items(x, where)))
        return Iterator("listed", (x,)) if dims else None

    def call_cross(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """`np.cross` of vectors whose length is not known: those of two have no derivative."""
        if not any(map(self.may_flow, args)):
            return None
        given = [a.obj if isinstance(a, Known) else self.kind(a) for a in (*args, *kwargs.values())]
        found = abstract.infer(np.cross, tuple(given[: len(args)]),
                               dict(zip(kwargs, given[len(args) :])))  # fmt: skip
        if found is None or found.tag != "object":
            return None
        return self.call(Known(kernels.cross), args, kwargs, where)

    def call_iterable(self, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        (ref,) = args
        if isinstance(ref, Known):
            return Known(np.iterable(ref.obj))
        if isinstance(ref, (Tuple, List, Dict)):
            return Known(True)
        if isinstance(ref, (Plain, *ARRAYS)) and self.kind(ref).numeric:
            return Known(bool(self.kind(ref).rank))
        return None if not isinstance(ref, Object) else Known(hasattr(ref.cls, "__iter__"))

    def written_out(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """NumPy's own code of a function that has no rule; None where it is not understood."""
        code = getattr(f, "_implementation", None)
        if not isinstance(code, types.FunctionType) or f in NONDIFFERENTIABLE:
            return None
        if rule_of(f) is not None or not any(self.may_flow(a) for a in (*args, *kwargs.values())):
            return None
        if self.understood(f) and f not in NO_RULE:
            return None
        undo = self.snapshot()
        try:
            return self.inline(code, args, kwargs, where)
        except (UnsupportedSyntaxError, NoRuleError, TypeError, ValueError):
            undo()
            return None

    def may_flow(self, ref: Any) -> bool:
        """Whether a reference may hold floats that are known only at run time."""
        if isinstance(ref, (Plain, *ARRAYS)):
            return self.kind(ref).inexact or self.kind(ref).tag in ("list", "object")
        if isinstance(ref, (Tuple, List)):
            held = ref.items if isinstance(ref, Tuple) else self.held(ref)
            return isinstance(held, Plain) or any(map(self.may_flow, held))
        return False


def result_type(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
    """`np.result_type`, which asks for dtypes alone."""
    numbers = [a for a in args if not isinstance(a, Known)]
    if kwargs or not all(
        run.kind(a).numeric and run.kind(a).dims is not None and not is_undecided(run.kind(a))
        for a in numbers
    ):
        return None
    run.ask_for_ints([a.value for a in numbers if isinstance(a, Plain)])
    return Known(np.result_type(*[run.like(a, where) for a in args]))


def folded(f: Callable) -> Callable:
    """A handler for a function of classes and dtypes: called while compiling."""

    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        given = [*args, *kwargs.values()]
        if not all(map(run.is_known, given)):
            return None
        known = [run.known(a, where, "this argument") for a in given]
        return static_ref(f(*known[: len(args)], **dict(zip(kwargs, known[len(args) :]))))

    return handler


def size_of_int(f: Callable) -> Callable:
    """A handler for `abs`: of an int that is known."""

    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        whole = len(args) == 1 and isinstance(args[0], Known) and type(args[0].obj) is int
        return Known(f(args[0].obj)) if whole and not kwargs else None

    return handler


def of_int(answer: bool) -> Callable:
    """A handler for `math.isnan` and the like: what it says of an int is known."""

    def handler(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        kind = run.kind(args[0])
        return Known(answer) if kind.tag == "scalar" and kind.dtype.kind in "iub" else None

    return handler


def cast(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
    return args[1]


HANDLERS: dict[Any, Callable] = {
    np.iterable: Libraries.call_iterable, np.broadcast_shapes: Libraries.call_broadcast_shapes,
    math.prod: Libraries.call_prod, operator.index: Libraries.call_index,
    np.result_type: result_type, typing.cast: cast,
    abs: size_of_int(abs), np.absolute: size_of_int(np.absolute),
    math.isnan: of_int(False), math.isinf: of_int(False),
    math.isfinite: of_int(True),
    np.unstack: Libraries.call_unstack, np.cross: Libraries.call_cross,
    **{f: folded(f) for f in (np.issubdtype, np.promote_types, normalize_axis_tuple)},
}  # fmt: skip
