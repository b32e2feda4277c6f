"""Derivatives inside a function that is differentiated.

    def g(x):                           x' = identity(x)          a copy: a leaf of its own
        return grad(f)(x) * x           y = … x' …                f, inlined
                              →         adjoint()
                                        d_x = … y … x' …          its adjoint
                                        t = mul(d_x, x)

The inner function is inlined on copies of its arguments, and the adjoint of what that has written
is appended, before anything is saved: what the adjoint reads of a loop's steps stays a trail, which
is reversed like any other read. The copies cost nothing, since the IR is pure; they keep the inner
variable apart from the outer one, also where the function reads the outer one by a closure.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import inspect
import operator
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from srcdiff.runtime.derivative import MAKERS, Derivative, taken_apart
from srcdiff.runtime.errors import NotDifferentiableTypeError, UnknownArgumentError
from srcdiff.transforms.ir import Block, Instr, Value, flatten, walk
from srcdiff.transforms.kinds import BOOL, FLOAT, Kind, covers, kind_of, proven_not_one
from srcdiff.transforms.mutation import Memory, describe
from srcdiff.transforms.names import written_name
from srcdiff.transforms.part_derivatives import is_part
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Bound,
    Buffer,
    Cell,
    Dict,
    Fields,
    Function,
    Known,
    List,
    Method,
    Object,
    Plain,
    Ref,
    Tuple,
    arrays_of,
)  # fmt: skip

PARAMETERS = ("f", "wrt")
INTS = (int, np.integer)
KEYWORDS = {"wrt", "argnums", "has_aux", "fallback", "backend", "unroll", "checkpoint"}
OF_TABLES = {"mode", "matrix", "sparsity"}  # keywords of `jacobian` and `hessian`
ADAPTED = ("with keywords", "with parts")  # functions that call another one, the first of `ref`
# What takes the arguments of the function itself.
ALIKE = {"grad", "value_and_grad", "elementwise_grad", "jacobian", "jacobian matrix", "hessian",
         "hessian matrix", "vmap"}  # fmt: skip


class Derivatives(Memory):
    # differentiate(run, block, out, how, wrt, name, where, cotangents) → (instructions, gradients)
    differentiate: Callable | None = None
    # push(run, block, tangents) → (instructions, the tangents of the block's results)
    push: Callable | None = None

    def derivative_of(self, obj: Any) -> tuple | None:
        """(how, function, wrt, has_aux) of what `grad` and the like have returned.

        "jacobian matrix" and "hessian matrix" are those with matrix=True.
        """
        if not isinstance(obj, Derivative) or obj._how not in MAKERS.values():
            return None
        f = Known(obj._f, ("attr", ("object", obj), "_f"))
        if obj._how == "vmap":
            return "vmap", f, (obj._in_axes, obj._out_axes), False
        if getattr(obj, "_sparsity", None) is not None:
            return None
        how = f"{obj._how} matrix" if getattr(obj, "_matrix", False) else obj._how
        return how, f, obj._wrt, obj._has_aux

    def make_derivative(self, maker: Callable, args: tuple, kwargs: dict, where: Any) -> Ref:
        """`grad(f)`, `grad(f, wrt="x")`, `grad(wrt=1)`: what is called is made here."""
        if MAKERS[maker] == "vmap":
            return self.make_vmap(args, kwargs, where)
        if MAKERS[maker] == "jvp":
            given = dict(zip(("f", "args", "tangents"), args)) | kwargs
            has_aux = bool(self.known(given.get("has_aux", Known(False)), where, "`has_aux`"))
            asked = ("jvp", given["f"], (), has_aux)
            if "args" not in given:
                return Bound(asked, "derivative")
            return self.call_derivative(asked, (given["args"], given["tangents"]), {}, where)
        given = dict(zip(PARAMETERS, args)) | kwargs
        f = given.pop("f", None)
        options = {k: self.known(v, where, f"the keyword `{k}`") for k, v in given.items()}
        of_table = MAKERS[maker] in ("jacobian", "hessian")
        known = KEYWORDS | OF_TABLES if of_table else KEYWORDS
        unknown = [k for k in options if k not in known]
        if unknown or len(args) > len(PARAMETERS):
            what = f"keyword `{unknown[0]}`" if unknown else "number of arguments"
            raise self.refuse(where, f"`{maker.__name__}` with this {what}", "See its signature.")
        wrt = options.pop("argnums", None)
        if wrt is not None and "wrt" in options:
            raise self.refuse(where, "`wrt` and `argnums`, which mean the same", "Give one.")
        wrt = options.get("wrt", 0) if wrt is None else wrt
        if options.get("sparsity") is not None:
            raise self.refuse(where, f"`{maker.__name__}` with `sparsity`, inside a function "
                              "that is differentiated,",
                              "Leave it out, or use `matrix=True`.")  # fmt: skip
        how = f"{MAKERS[maker]} matrix" if options.get("matrix") else MAKERS[maker]
        made = (how, wrt, bool(options.get("has_aux")))
        if f is None or isinstance(f, Known) and f.obj is None:
            return Bound(made, "derivative maker")
        return Bound((made[0], f, *made[1:]), "derivative")

    def call_derivative(self, asked: tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        """The gradient of an inlined function, as references to what the adjoint has computed."""
        how, f, wrt, has_aux = asked
        if how == "vmap":
            return self.call_vmap(f, wrt, args, kwargs, where)
        if how == "jvp":
            return self.call_jvp(f, args, kwargs, has_aux, where)
        vectors: dict[Any, Ref] = {}
        if how == "hvp":
            args, vectors = self.without_vectors(f, wrt, args, where)
        if any(map(is_part, wrt if isinstance(wrt, tuple) else (wrt,))):
            kwargs, wrt = dict(kwargs), self.from_start(f, wrt, args, where)
            args = self.by_position(f, args, kwargs)
            vectors = {len(args) + k[1] if isinstance(k, tuple) else k: v
                       for k, v in vectors.items()}  # fmt: skip
            f, wrt, args = self.with_parts(f, wrt, args, kwargs, parameters_of(f), name_of(f),
                                           where)  # fmt: skip
        if how.split()[0] in ("jacobian", "hessian"):
            return self.call_jacobian(how, f, wrt, args, kwargs, has_aux, where)
        pulls, d_out = how == "pullback", None
        if pulls:
            if kwargs.keys() - {"d_out"} or not (args or kwargs):
                raise self.refuse(where, "`pullback` without a cotangent after its arguments")
            args, last = (args, kwargs["d_out"]) if kwargs else (args[:-1], args[-1])
            d_out, kwargs = self.read(last, where), {}
            wrt = tuple(i for i, a in enumerate(args) if self.has_floats(a, where))
        places = self.places_of(f, wrt, args, kwargs, where)
        if how == "hvp" and set(places) != vectors.keys():
            raise self.refuse(where, "`hvp` of an argument that is given by its name, or counted "
                              "from the end,", "Count it from the start.")  # fmt: skip
        seen: dict[Any, Any] = {}  # containers → their copies; buffers → theirs
        mine = {i: self.private(a, seen, i in places, where) for i, a in enumerate(args)}
        mine |= {k: self.private(a, seen, k in places, where) for k, a in kwargs.items()}
        chosen = [mine[place] for place in places]
        trees = [self.leaves_of(ref, where) for ref in chosen]
        leaves = list(dict.fromkeys(v for tree in trees for v in flatten(tree)))
        for place, ref, tree in () if pulls else zip(places, chosen, trees):
            if tree is None or not leaves:
                raise self.nothing_to_differentiate(place, ref, where)
        dots: dict[Value, Any] = {}  # as they are before the function writes into anything
        for place, vector in vectors.items():
            self.pair_tangents(mine[place], vector, dots, where)
        count = len(self.instrs)
        named = {k: mine[k] for k in kwargs}
        out = self.differentiated(f, tuple(mine[i] for i in range(len(args))), named, where)
        self.check_copies(seen, where)
        aux: Ref | None = None
        if has_aux:
            if not isinstance(out, Tuple) or len(out.items) != 2:
                raise self.refuse(where, "has_aux=True of a function that does not return a pair",
                                  "Return (output, aux).")  # fmt: skip
            out, aux = out.items
        returned = self.read(out, where)  # a view is taken here
        pairs = list(self.pairs_of(returned, d_out, where)) if pulls else None
        block = Block((), self.instrs[count:], ())
        for instr in walk(block):
            if instr.attrs.get("half") or instr.attrs.get("taped"):
                raise self.refuse(where, "the derivative of a function that calls itself, or a "
                                  "helper on the tape, inside a function that is differentiated",
                                  "Differentiate one that does not call it.")  # fmt: skip
        assert self.differentiate is not None
        instrs, gradients = self.differentiate(
            self, block, returned, how, leaves, name_of(f), where, pairs
        )
        self.instrs[count:] = instrs
        if how == "hvp":
            gradients = self.pushed(count, gradients, dots, where)
        found = dict(zip(leaves, gradients))
        results = tuple(self.gradient_ref(tree, found, where) for tree in trees)
        if pulls:  # an entry for each argument
            of = dict(zip(places, results))
            results = tuple(of.get(i, Known(None)) for i in range(len(args)))
        result: Ref = Tuple(results) if isinstance(wrt, tuple) else results[0]
        if how == "value_and_grad":
            value = out if aux is None else Tuple((out, aux))
            return Tuple((value, result))
        return result if aux is None else Tuple((result, aux))

    def differentiated(self, f: Ref, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call of what is differentiated once more than all around it."""
        pairs, self.saves_pairs = self.saves_pairs, False
        try:
            return self.call(f, args, kwargs, where)
        finally:
            self.saves_pairs = pairs

    def has_floats(self, ref: Ref, where: Any) -> bool:
        """Whether an argument of a pullback has a gradient."""
        if isinstance(ref, Known):
            return isinstance(ref.obj, (float, complex, np.inexact))
        return bool(flatten(self.leaves_of(ref, where)))

    def pairs_of(self, out: Any, d: Any, where: Any) -> Iterator[tuple[Value, Any]]:
        """Each float that a function returns, and its cotangent."""
        if isinstance(out, Value):
            self.check_returned(out, where)
            if out.kind.inexact:
                kind = d.kind if isinstance(d, Value) else kind_of(d)
                fits = fits_cotangent(out.kind, kind)
                if fits is None:
                    self.check_same_shape(d, out, where)
                elif not fits:
                    raise self.refuse(where, "a cotangent that does not fit what is returned",
                                      "Give it the shape and dtype of that.")  # fmt: skip
                yield out, self.as_cotangent(d, out, where)
        elif isinstance(out, (tuple, list, dict)):
            if not isinstance(d, (tuple, list, dict)) or len(d) != len(out) or (
                isinstance(out, dict) and (not isinstance(d, dict) or out.keys() != d.keys())
            ):  # fmt: skip
                raise self.refuse(where, "a cotangent of another structure than what is returned",
                                  "Give it the structure of that.")  # fmt: skip
            for key in out if isinstance(out, dict) else range(len(out)):
                yield from self.pairs_of(out[key], d[key], where)

    def as_cotangent(self, d: Any, out: Value, where: Any) -> Any:
        """A number that is a cotangent, as an array of no axes if such is returned, or back."""
        d = d if isinstance(d, Value) else complex(d) if np.iscomplexobj(d) else float(d)
        kind = d.kind if isinstance(d, Value) else kind_of(d)
        if kind.tag == out.kind.tag:
            return d
        if out.kind.tag == "array":
            return self.emit(np.asarray, (d,), None, out.kind, where, "d_out")
        return self.read(self.item(Plain(d), (), where), where)

    def check_same_shape(self, d: Value, out: Value, where: Any) -> None:
        """`if np.shape(d) != np.shape(out): raise ValueError(…)`"""
        shapes = [self.emit(np.shape, (v,), None, Kind("tuple"), where, "shape") for v in (d, out)]
        differ = self.emit(operator.ne, tuple(shapes), None, BOOL, where, "differ")
        text = "the cotangent has another shape than what is returned"
        error = Instr("raise", (Known(ValueError), (text,)), None, (), (), None, where)
        blocks = (Block((), (error,), ()), Block((), (), ()))
        self.instrs.append(Instr("if", (differ,), None, (), blocks, None, where))

    # ------------------------------------------------------------------ tangents

    def call_jvp(self, f: Ref, args: tuple, kwargs: dict, has_aux: bool, where: Any) -> Ref:
        """The value of an inlined function, and the tangents of what it has computed."""
        pair = [ref.items if isinstance(ref, Tuple) else
                self.held(ref) if isinstance(ref, List) else None for ref in args]  # fmt: skip
        if kwargs or len(pair) != 2 or not all(type(items) is tuple for items in pair) or (
            len(pair[0]) != len(pair[1])
        ):  # fmt: skip
            raise self.refuse(where, "`jvp` of arguments whose number is not known",
                              "Give it a tuple of arguments and one of tangents.")  # fmt: skip
        given, tangents = pair
        seen: dict[Any, Any] = {}
        moving = [not (isinstance(t, Known) and t.obj is None) for t in tangents]
        mine = [self.private(a, seen, m, where) for a, m in zip(given, moving)]
        dots: dict[Value, Any] = {}
        for ref, dot in zip(mine, tangents):
            self.pair_tangents(ref, dot, dots, where)
        count = len(self.instrs)
        out = self.differentiated(f, tuple(mine), {}, where)
        self.check_copies(seen, where)
        aux: tuple = ()
        if has_aux:
            if not isinstance(out, Tuple) or len(out.items) != 2:
                raise self.refuse(where, "has_aux=True of a function that does not return a pair",
                                  "Return (output, aux).")  # fmt: skip
            out, aux = out.items[0], out.items[1:]
        tree = self.outputs_of(out, where)
        values = list(dict.fromkeys(flatten(tree)))
        found = dict(zip(values, self.pushed(count, values, dots, where)))
        return Tuple((out, self.gradient_ref(tree, found, where), *aux))

    def pushed(self, count: int, values: list, dots: dict[Value, Any], where: Any) -> list:
        """The tangents of values; they are written among what stands from `count` on."""
        block = Block((), self.instrs[count:], tuple(values))
        for instr in walk(block):
            if instr.attrs.get("half") or instr.attrs.get("taped"):
                raise self.refuse(where, "the derivative of a function that calls itself, or a "
                                  "helper on the tape, inside a function that is differentiated",
                                  "Differentiate one that does not call it.")  # fmt: skip
        assert self.push is not None
        self.instrs[count:], tangents = self.push(self, block, dots)
        return tangents

    def pair_tangents(self, ref: Ref, dot: Ref, dots: dict[Value, Any], where: Any) -> None:
        """Note the tangent of each number and array in an argument."""
        if isinstance(dot, Known) and dot.obj is None:
            return
        if isinstance(ref, (Array, Plain)):
            value = self.state.memory[ref.buffer] if isinstance(ref, Array) else ref.value
            moved = self.read(dot, where)
            kind = moved.kind if isinstance(moved, Value) else kind_of(moved)
            if not value.kind.inexact or not kind.numeric or kind.rank != value.kind.rank:
                raise self.refuse(where, f"a tangent that does not fit `{value.name}`",
                                  "Give it the shape of the argument.")  # fmt: skip
            number = complex if np.iscomplexobj(moved) else float
            dots[value] = moved if isinstance(moved, Value) else number(moved)
            return
        inner = [self.parts_of(r) for r in (ref, dot)]
        if isinstance(ref, Object) and isinstance(dot, Known) and type(dot.obj) is ref.cls:
            inner[1] = {k: self.getattr(dot, k, where) for k in self.held(ref)}  # from outside
        if inner[0] is None or inner[1] is None or inner[0].keys() != inner[1].keys():
            raise self.refuse(where, "a tangent of another structure than its argument",
                              "Give it the structure of the argument.")  # fmt: skip
        for key, part in inner[0].items():
            self.pair_tangents(part, inner[1][key], dots, where)

    def parts_of(self, ref: Ref) -> dict | None:
        held = ref.items if isinstance(ref, Tuple) else \
            self.held(ref) if isinstance(ref, (List, Dict, Object)) else None  # fmt: skip
        return held if isinstance(held, dict) else \
            dict(enumerate(held)) if type(held) is tuple else None  # fmt: skip

    def outputs_of(self, ref: Any, where: Any) -> Any:
        """The tree of the floats that a function returns, those that are known as they are; None
        where there is something else."""
        if isinstance(ref, Known):
            return ref if isinstance(ref.obj, (float, complex, np.inexact)) else None
        if isinstance(ref, (*ARRAYS, Plain)):
            value = self.read(ref, where)
            self.check_returned(value, where)
            return value if isinstance(value, Value) and value.kind.inexact else None
        if isinstance(ref, Tuple):
            return Parts(ref.cls, [self.outputs_of(r, where) for r in ref.items])
        parts = self.parts_of(ref)
        if parts is None:
            raise self.refuse(where, "`jvp` of a function that does not return numbers, arrays "
                              "or containers of these,")  # fmt: skip
        found = {k: self.outputs_of(r, where) for k, r in parts.items()}
        if isinstance(ref, Object):
            return Attributes(ref, found)
        return found if isinstance(ref, Dict) else list(found.values())

    def check_returned(self, value: Any, where: Any) -> None:
        """What a call returns that no one can see into may be a float, which moves."""
        if isinstance(value, Value) and not value.kind.numeric and value.kind.tag == "object":
            raise self.refuse(where, "the derivative of a function that returns what a call gives "
                              "whose code cannot be seen,",
                              "Give it a rule with `vjp_rule` or `jvp_rule`.")  # fmt: skip

    def without_vectors(self, f: Ref, wrt: Any, args: tuple, where: Any) -> tuple[tuple, dict]:
        """The arguments of `hvp(f)`, and the vectors that follow some of them by position.

        That of the nth part that is named in `wrt` has the key ("part", n).
        """
        names, wanted, parts = parameters_of(f), [], 0
        for each in wrt if isinstance(wrt, tuple) else (wrt,):
            key: Any = each
            if is_part(each):
                each, key, parts = taken_apart(each)[0], ("part", parts), parts + 1
            place = names.index(each) if isinstance(each, str) and each in names else each
            wanted.append((place, key if isinstance(key, tuple) else place))
        given: list[Ref] = []
        vectors: dict[Any, Ref] = {}
        rest = iter(args)
        for ref in rest:
            given.append(ref)
            for place, key in wanted:
                if place == len(given) - 1:
                    vector = next(rest, None)
                    if vector is None:
                        raise self.refuse(where, "`hvp` without a vector after its argument")
                    vectors[key] = vector
        return tuple(given), vectors

    # ------------------------------------------------------------------ arguments

    def from_start(self, f: Ref, wrt: Any, args: tuple, where: Any) -> Any:
        """`wrt` with positions that count from the start."""
        if isinstance(wrt, tuple):
            return tuple(self.from_start(f, each, args, where) for each in wrt)
        if isinstance(wrt, str) or wrt >= 0:
            return wrt
        return self.places_of(f, wrt, args, {}, where)[0]

    def by_position(self, f: Ref, args: tuple, kwargs: dict) -> tuple:
        """The arguments by position, with those of `kwargs` that can be: they are taken out."""
        for name in parameters_of(f)[len(args) :]:
            if name not in kwargs:
                break
            args = (*args, kwargs.pop(name))
        return args

    def places_of(self, f: Ref, wrt: Any, args: tuple, kwargs: dict, where: Any) -> list:
        """Where the arguments stand that are differentiated: positions and keywords."""
        found: list = []
        for each in wrt if isinstance(wrt, tuple) else (wrt,):
            place: Any = each
            if isinstance(each, str) and each not in kwargs:
                names = parameters_of(f)
                place = names.index(each) if each in names else len(args)
            elif not isinstance(each, str):
                place = each + len(args) if each < 0 else each
            if isinstance(place, int) and not 0 <= place < len(args):
                raise UnknownArgumentError(
                    f"wrt={each!r} is no argument of this call of `{name_of(f)}`",
                    where and where.location,
                    "Pass it, by position or by its name.",
                )
            found.append(place)
        return found

    def private(self, ref: Any, seen: dict, leaf: bool, where: Any, inner: bool = False) -> Any:
        """A copy of an argument; `leaf`: its floats become values of their own, and so does an
        argument that is an int; one in a container (`inner`) is none."""
        if isinstance(ref, ARRAYS):
            value = self.read(ref, where)
            copy = self.fresh(self.leaf(value, where) if leaf else value)
            if isinstance(copy, Array) and isinstance(ref, Array) and not ref.path:
                copy.buffer.order, copy.buffer.proof = ref.buffer.order, ref.buffer.proof
            for array in arrays_of(ref):
                seen.setdefault(array.buffer, []).append(copy)
            return copy
        if isinstance(ref, Plain):
            kind = ref.value.kind
            leaf = leaf and not (inner and kind.tag == "scalar" and not kind.inexact)
            return Plain(self.leaf(ref.value, where)) if leaf else ref
        if isinstance(ref, Known):
            leaf = leaf and is_number(ref.obj) and not (inner and isinstance(ref.obj, INTS))
            return Plain(self.leaf(ref.obj, where)) if leaf else ref
        if isinstance(ref, Tuple):
            items = tuple(self.private(r, seen, leaf, where, True) for r in ref.items)
            return Tuple(items, ref.cls)
        if isinstance(ref, (List, Dict, Object)):
            if ref.cell in seen:
                return seen[ref.cell]
            make = Fields if isinstance(ref, Object) else Cell
            cell: Any = make(ref.cell.name)
            cell.cls, cell.missing = ref.cell.cls, ref.cell.missing
            copy = type(ref)(cell, *ref[1:])
            seen[ref.cell] = copy
            held = self.held(ref)
            if isinstance(held, Plain):
                held = Plain(self.leaf(held.value, where)) if leaf else held
            elif isinstance(held, dict):
                held = {k: self.private(r, seen, leaf, where, True) for k, r in held.items()}
            elif isinstance(held, tuple):
                held = tuple(self.private(r, seen, leaf, where, True) for r in held)
            else:
                raise self.refuse(where, f"{describe(ref)} given to a derivative",
                                  "Give it arrays and numbers.")  # fmt: skip
            self.state.memory[cell] = held
            return copy
        return ref

    def check_copies(self, seen: dict, where: Any) -> None:
        """Each argument is a copy of its own: one array that is passed twice is not written."""
        for source, copies in seen.items():
            if isinstance(source, Buffer) and len(copies) > 1 and any(
                isinstance(c, Array) and c.buffer in self.written for c in copies
            ):  # fmt: skip
                raise self.refuse(where, "one array, given twice to a derivative of a function "
                                  "that writes it,", "Pass a copy.")  # fmt: skip

    def leaf(self, value: Any, where: Any) -> Value:
        """The same number or array as a value of its own; an int becomes a float."""
        kind = value.kind if isinstance(value, Value) else kind_of(value)
        name = value.name if isinstance(value, Value) else "x"
        if kind.tag == "scalar" and kind.dtype is not None and kind.dtype.kind in "iu":
            return self.emit(float, (value,), None, FLOAT, where, name)
        return self.emit("identity", (value,), None, kind, where, name, leaf=True)

    def leaves_of(self, ref: Any, where: Any) -> Any:
        """The tree of the values that are differentiated: None where a leaf is no float."""
        if isinstance(ref, Array):
            value = self.state.memory[ref.buffer]
            return value if value.kind.inexact else None
        if isinstance(ref, Plain):
            value = ref.value
            return value if value.kind.inexact or value.kind.tag == "list" else None
        if isinstance(ref, Tuple):
            return Parts(ref.cls, [self.leaves_of(r, where) for r in ref.items])
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Plain):
                return self.leaves_of(held, where)
            return [self.leaves_of(r, where) for r in held]
        if isinstance(ref, Dict):
            return {k: self.leaves_of(r, where) for k, r in self.held(ref).items()}
        if isinstance(ref, Object):
            held = self.held(ref).items()
            return Attributes(ref, {k: self.leaves_of(r, where) for k, r in held})
        return None

    def gradient_ref(self, tree: Any, found: dict, where: Any) -> Ref:
        """The reference to a gradient, in the structure of its argument."""
        if isinstance(tree, Value):
            d = found[tree]
            if not isinstance(d, Value):
                d = self.emit("identity", (d,), None, kind_of(d), where, f"d_{tree.name}")
            if tree.kind.tag == "list":
                cell = Cell(f"d_{tree.name}")
                self.state.memory[cell] = Plain(d)
                return List(cell)
            if d.kind.tag == "scalar" and d.kind.python:
                number = np.complex128 if d.kind.dtype.kind == "c" else np.float64
                d = self.emit(number, (d,), None, Kind("scalar", d.kind.dtype, python=False),
                              where, d.name)  # fmt: skip
            return self.fresh(d)
        if isinstance(tree, Known):  # a number that does not move
            return Known(np.zeros_like(tree.obj)[()])
        if isinstance(tree, Parts):
            return Tuple(tuple(self.gradient_ref(t, found, where) for t in tree), tree.cls)
        if isinstance(tree, list):
            return self.new_list(tuple(self.gradient_ref(t, found, where) for t in tree))
        if isinstance(tree, dict):
            parts = {k: self.gradient_ref(t, found, where) for k, t in tree.items()}
            if isinstance(tree, Attributes):
                return self.object_of(tree.ref, parts)
            cell = Cell()
            self.state.memory[cell] = parts
            return Dict(cell)
        return Known(None)

    def object_of(self, ref: Object, parts: dict) -> Object:
        """A new object of the class of another, which holds these parts."""
        cell = Fields(ref.cell.name)
        cell.cls, cell.missing = ref.cell.cls, ref.cell.missing
        self.state.memory[cell] = parts
        return Object(cell, ref.cls)

    def nothing_to_differentiate(self, place: Any, ref: Any, where: Any) -> Exception:
        what = f"argument {place}" if isinstance(place, int) else f"`{place}`"
        return NotDifferentiableTypeError(
            f"{what} of this derivative is {describe(ref)}, which has no derivatives",
            where and where.location,
            "Pass a float, an array of floats or a container of these.",
        )


def fits_cotangent(out: Kind, d: Kind) -> bool | None:
    """Whether a cotangent has the shape of what is returned, and its dtype; None where its shape is
    known only at run time."""
    if d.tag == "scalar" == out.tag:
        return d.numeric and (d.inexact or bool(d.python))
    if {d.tag, out.tag} == {"scalar", "array"} and (d.rank, out.rank) == (0, 0):
        return covers(out.dtype, d.dtype)
    if out.tag != "array" or d.tag != "array" or out.dims is None or d.dims is None:
        return False
    if not covers(out.dtype, d.dtype) or len(d.dims) != len(out.dims):
        return False
    same = [m == n or proven_not_one(m) and proven_not_one(n) for m, n in zip(out.dims, d.dims)]
    return all(same) or None


class Parts(list):
    """The leaves of a tuple, or of a namedtuple."""

    def __init__(self, cls: Any, items: list):
        super().__init__(items)
        self.cls = cls


class Attributes(dict):
    """The leaves of an object, by the names of its attributes."""

    def __init__(self, ref: Object, items: dict):
        super().__init__(items)
        self.ref = ref


def is_number(obj: Any) -> bool:
    return isinstance(obj, (int, float, complex, np.number)) and not isinstance(obj, bool)


def parameters_of(f: Any) -> list[str]:
    """The names of a function's positional parameters."""
    if isinstance(f, Function):
        return [p.name for p in f.lowered.parameters if p.kind in ("positional", "either")]
    if isinstance(f, Method):
        return parameters_of(f.function)[1:]
    if isinstance(f, Bound):
        named = f.name in ADAPTED or f.name == "derivative" and f.ref[0] in ALIKE
        return parameters_of(f.ref[f.name == "derivative"]) if named else []
    try:
        parameters = inspect.signature(f.obj).parameters.values()
    except (ValueError, TypeError, AttributeError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def name_of(f: Any) -> str:
    if isinstance(f, Function):
        return str(f.lowered.name)
    if isinstance(f, Bound) and f.name in ("derivative", *ADAPTED):
        return name_of(f.ref[f.name == "derivative"])
    obj = getattr(f, "obj", None)
    obj = obj.__func__ if isinstance(obj, types.MethodType) else obj
    return written_name(obj) if isinstance(obj, (types.FunctionType, Derivative)) else "f"


def maker(obj: Any) -> bool:
    """Whether this is `grad`, or another function that makes derivatives."""
    return isinstance(obj, types.FunctionType) and obj in MAKERS
