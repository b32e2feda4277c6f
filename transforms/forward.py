"""Forward mode: the linear IR of a function, with the tangent of each step beside it.

    (x: f8[n]):                 (x: f8[n], x_dot: f8[n]):
      y = np.sin(x)               y = np.sin(x)
      s = np.sum(y)          →    cos_x = np.cos(x)
      return s                    y_dot = mul(x_dot, cos_x)
                                  s = np.sum(y)
                                  s_dot = np.sum(y_dot)
                                  return s, s_dot

A tangent that is not there is zero, and no code is made for it. Regions carry the tangents of what
they carry; the test of a `while` reads values alone. Stores go to the tangent of the array, made by
`zeros_like` where it is first needed, before the array itself is overwritten.

What an operation does to tangents follows from its rule, in this order: a forward rule of its own;
for what is linear, the function itself; for products, the sum of the products with one tangent
each; for what works element by element, the reverse rule with the tangent in the place of the
cotangent, for a diagonal is its own transpose; for all else, the reverse rule, which is linear in
the cotangent, transposed in it. A reverse sweep is a program like any other: what it reads of the
steps of its twin has its tangent there.
"""

from __future__ import annotations

import builtins
import inspect
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.declared import check_places, places_of, takes_all
from srcdiff.runtime.errors import NoRuleError, UnsupportedSyntaxError
from srcdiff.runtime.registry import Rule, rule_of, tangent_names
from srcdiff.transforms import abstract
from srcdiff.transforms.activity import active, carries
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    below,
    branches,
    carried,
    dict_like,
    flatten,
    leaf_kind,
    map_tree,
    op_name,
    perhaps_unbound,
    substitute,
    through_reshape,
    whole,
    with_zeros,
)  # fmt: skip
from srcdiff.transforms.kinds import (
    BOOL,
    INT,
    OBJECT,
    Kind,
    covers,
    decided,
    fresh_size,
    may_be_complex,
    proven_not_one,
)  # fmt: skip

CASTS = frozenset({float, np.float64, np.float32, np.float16, np.complex128, np.complex64, complex})

# Structural operations that do to tangents what they do to values, and the positions of these
# among their arguments.
LINEAR: dict[Any, tuple[int, ...]] = {
    "getitem": (0,), "copy": (0,), "identity": (0,), "list": (0,), "list_append": (0, 1),
    "list_pop": (0,), "list_insert": (0, 2), "list_setitem": (0, 2), "list_extend": (0, 1),
    "list_split": (0,), "list_join": (0, 1), "list_repeat": (0,), "list_merge": (0, 1),
    "list_add": (0, 2), "list_shift": (0, 1), "spread_list": (0,), "setitem": (0, 3),
    "add_at": (0, 3), builtins.list: (0,), np.ndarray.tolist: (0,), builtins.sum: (0, 1),
    builtins.tuple: (0,), math.fsum: (0,), np.astype: (0,), np.array: (0,), np.asarray: (0,),
    kernels.split_like: (0,), kernels.summed_repeats: (0,), kernels.sum_of: (0, 1),
}  # fmt: skip
UPDATES = ("setitem", "add_at")
MADE_LIKE = (np.zeros_like, kernels.zeros_of, "zero_list", "ones_list")
NUMBERS = ("scalar", "array")


def forward(block: Block, tangents: dict[Value, Any], expand: Callable, transpose: Callable,
            first: int | None = None, halves: dict[Any, Any] | None = None) -> Block:  # fmt: skip
    """The block with its tangents among its instructions; those of its results follow these.

    tangents   the tangent of each value that has one from the start: parameters, globals
    expand     `expand(rule, args, kwargs, instrs, where)` writes a rule's body and returns the tree
               that it returns (the specialiser does that)
    transpose  `transpose(instrs, seeds, wrt)` gives the instructions of the adjoint of others, and
               the gradient of each value in `wrt` (reverse mode does that)
    first      of how many results the tangents are wanted; None: of all of them
    halves     what is called, with tangents, instead of a helper that is compiled by itself

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> from srcdiff.transforms.specialize import Specializer, expander
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (x: f8, x_dot: f8):
    ...       y = np.sin(x)
    ...       return y
    ... ''', kinds=lambda instr: [FLOAT])
    >>> x, x_dot = before.params
    >>> print(forward(before, {x: x_dot}, expander(Specializer()), None))
    (x: f8, x_dot: f8):
      y = np.sin(x)
      cos_x = np.cos(x)
      y_dot = mul(x_dot, cos_x)
      return y, y_dot
    """
    sweep = Forward(expand, transpose, tangents, halves or {})
    outputs = block.results[:first]
    sweep.active = active(block, tangents, flatten(outputs))
    sweep.bind_what_flows(block, perhaps_unbound(block))
    made: list = []

    def body() -> None:
        sweep.block(block.instrs)
        made.extend(sweep.output(tree) for tree in outputs)

    instrs = sweep.inside(body)
    return Block(block.params, instrs, (*block.results, *made))


class Forward:
    """The tangents so far: `dots` has those that are not zero, of values in all blocks."""

    def __init__(self, expand: Callable, transpose: Callable, tangents: dict[Value, Any],
                 halves: dict[Any, Any]):  # fmt: skip
        self.expand, self.transpose, self.halves = expand, transpose, halves
        self.dots: dict[Value, Any] = dict(tangents)
        self.named: set[Any] = set(tangents.values())
        self.active: set[Value] = set()
        self.forced: set[Value] = set()  # what has a tangent, be it zero
        self.objects: dict[Value, Any] = {}  # made to be returned, and their tangents
        self.lists: dict[Value, Instr] = {}  # of known items
        self.zeros: dict[Value, Value] = {}  # zeros → what they were made like
        self.pulls: dict[Any, Any] = {}  # pullback → the helper that has returned it
        self.instrs: list[Instr] = []
        self.in_order: set[Any] = set()  # tangents that are in C order
        self.negated: dict[Any, Any] = {}  # tangent → that of which it is the negative
        self.loose: set[Any] = set()  # see `note_loose`

    # ------------------------------------------------------------------ emission

    def emit(self, op: Any, args: tuple, kind: Kind | None, where: Any, name: str = "t",
             kwargs: dict | None = None, **attrs: Any) -> Value:  # fmt: skip
        if kind is None:
            kinds = tuple(map_tree(lambda v: v.kind, a) for a in args)
            kind = abstract.infer(op, kinds, kwargs or {}) or OBJECT
        result = Value(name, kind)
        instr = Instr(op, args, kwargs, (result,), (), attrs, where)
        self.instrs.append(instr)
        self.note_loose(instr)
        return result

    def note_loose(self, instr: Instr) -> None:
        """Note what may be smaller than its kind says.

        A sum that begins as the number 0 is carried as the array that it becomes. The tangent of
        the array `total + np.ones(3)` is not that of `total`, but that in the shape of the array.
        """
        if not self.loose or self.loose.isdisjoint(instr.operands):
            return
        for r in instr.results:
            full = any(v not in self.loose and v.kind.tag == "array" and v.kind.dims is not None
                       and alike(v.kind, r.kind) for v in instr.operands)  # fmt: skip
            if r.kind.tag == "array" and not full:
                self.loose.add(r)

    def inside(self, body: Callable[[], Any]) -> list[Instr]:
        """Emit into a block of its own."""
        outer, self.instrs = self.instrs, []
        try:
            body()
            return self.instrs
        finally:
            self.instrs = outer

    def has_dot(self, tree: Any) -> bool:
        return any(v in self.dots for v in flatten(tree))

    def dot(self, tree: Any, where: Any) -> Any:
        """The tangents of a tree of values: zeros where there is none."""
        if isinstance(tree, Value):
            found = self.dots.get(tree)
            return self.zero(tree, where) if found is None else found
        if isinstance(tree, (tuple, list)) and not isinstance(tree, Slice):
            return type(tree)([self.dot(part, where) for part in tree])
        if isinstance(tree, dict):
            return dict_like(tree, {k: self.dot(part, where) for k, part in tree.items()})
        return zero_of(tree)

    def zero(self, value: Value, where: Any) -> Any:
        kind, name = value.kind, f"{value.name}_dot"
        if kind.tag == "scalar":
            return 0j if kind.dtype is not None and kind.dtype.kind == "c" else 0.0
        made = self.lists.get(value)
        if made is not None:
            items = self.dot(made.args[0], where)
            return self.emit("list", (items,), kind, where, name)
        like = self.zeros.get(value, value)
        if kind.tag in ("list", "tuple"):
            return self.emit("zero_list", (like,), kind, where, name)
        if kind.tag == "object":
            return self.emit(kernels.zeros_of, (like,), kind, where, name)
        if kind.tag != "array":
            return None
        return self.emit(np.zeros_like, (like,), kind, where, name)

    def output(self, tree: Any) -> Any:
        """The tangents of what is returned: None for what is no float."""
        if isinstance(tree, Value):
            if tree in self.dots:
                return self.dots[tree]
            if tree in self.objects:
                return self.objects[tree]
            return self.zero(tree, None) if carries(tree) else None
        if isinstance(tree, (tuple, list)):
            return type(tree)([self.output(part) for part in tree])
        if isinstance(tree, dict):
            return {key: self.output(part) for key, part in tree.items()}
        return zero_of(tree) if isinstance(tree, (float, complex)) else None

    def made_object(self, instr: Instr) -> None:
        """An object that is returned: one of the same class holds the tangents."""

        def copied(tree: Any) -> Any:
            kind = tree.kind.tag if isinstance(tree, Value) else ""
            if kind != "array" and kind != "list":
                return tree
            return self.emit("copy", (tree,), tree.kind, instr.where, tree.name)

        args = tuple(a if isinstance(a, type) else map_tree(copied, self.output(a))
                     for a in instr.args)  # fmt: skip
        kwargs = {k: map_tree(copied, self.output(a)) for k, a in instr.kwargs.items()}
        (result,) = instr.results
        dot = self.emit(instr.op, args, result.kind, instr.where, f"{result.name}_dot",
                        kwargs, **instr.attrs)  # fmt: skip
        self.objects[result] = dot

    def bind(self, value: Value, dot: Any, where: Any) -> None:
        """Let `dot` be the tangent of a value."""
        if dot is None or value not in self.active or type(dot) in (int, float) and dot == 0:
            return
        dot = self.fit(dot, value, where)
        if dot in self.loose and value not in self.loose and value.kind.tag == "array":
            shape = self.emit(np.shape, (value,), Kind("tuple"), where, "shape")
            dot = self.emit(np.broadcast_to, (dot, shape), dot.kind, where)
            self.loose.discard(dot)
        if isinstance(dot, Value) and dot not in self.named:
            dot.name, dot.user = f"{value.name}_dot", value.user
            self.named.add(dot)
        self.dots[value] = dot

    def fit(self, dot: Any, value: Value, where: Any) -> Any:
        """A tangent in the shape and dtype of its value."""
        want, have = value.kind, leaf_kind(dot)
        if not want.numeric or not have.numeric:
            return dot
        if want.dims is not None and have.dims is not None and not alike(have, want):
            shape = self.emit(np.shape, (value,), Kind("tuple"), where, "shape")
            kind = want._replace(dtype=have.dtype)
            dot = self.emit(np.broadcast_to, (dot, shape), kind, where)
            have = kind
        if want.tag == "array" and want.dims == () and have.tag == "scalar":
            dot = self.emit(np.array, (dot,), want._replace(dtype=have.dtype), where)
            have = dot.kind
        elif want.tag == "scalar" and have.tag == "array" and have.dims == ():
            have = Kind("scalar", have.dtype, python=False)
            dot = self.emit("getitem", (dot, ()), have, where)
        if have.dtype is None or want.dtype is None or covers(want.dtype, have.dtype):
            return dot
        want = decided(want)
        if have.dtype.kind == "c" and want.dtype.kind == "f":
            dot = self.emit(np.real, (dot,), None, where)
            have = dot.kind
        if have.dtype != want.dtype and isinstance(dot, Value):
            if have.tag == "array":
                kind = have._replace(dtype=want.dtype)
                return self.emit(np.astype, (dot, want.dtype), kind, where)
            if not (have.python and want.dtype == np.dtype(float)):
                kind = Kind("scalar", want.dtype, python=False)
                return self.emit(want.dtype.type, (dot,), kind, where)
        return dot

    # ------------------------------------------------------------------ one instruction

    def block(self, instrs: Iterable[Instr]) -> None:
        for instr in instrs:
            if instr.op == "list":
                self.lists[instr.results[0]] = instr
            self.note_loose(instr)
            like = instr.args[0] if len(instr.args) == 1 and not instr.kwargs else None
            if instr.op in MADE_LIKE and isinstance(like, Value):
                self.zeros[instr.results[0]] = self.zeros.get(like, like)
            if instr.op == "if":
                self.if_(instr)
            elif instr.op in ("for", "while"):
                self.loop(instr)
            elif instr.attrs.get("made"):
                self.instrs.append(instr)
                self.made_object(instr)
            elif instr.attrs.get("half") and getattr(self.halves.get(instr.op), "active", None):
                self.call(instr)
            elif instr.op is kernels.pulled and instr.args[0] in self.pulls:
                self.pull(instr)
            elif not (self.has_dot((*instr.args, *instr.kwargs.values()))
                      and any(r in self.active for r in instr.results)):  # fmt: skip
                self.instrs.append(instr)
            elif instr.attrs.get("half") and instr.op in self.halves:
                self.call(instr)
            else:
                made = self.inside(lambda instr=instr: self.tangent(instr))
                reads = {v for each in made for v in each.reads}
                first = self.is_overwritten(instr) and reads.isdisjoint(instr.results)
                self.instrs += [*made, instr] if first else [instr, *made]

    def is_overwritten(self, instr: Instr) -> bool:
        """Whether the result takes the place of an operand that the tangent may read."""
        if instr.op in UPDATES or instr.op in ("list_setitem", "list_add"):
            return True
        names = {v.name for v in instr.operands if v.user}
        rule = None if isinstance(instr.op, str) else rule_of(instr.op, forward=True)
        linear = rule is not None and bool(rule.linear or rule.factors)
        return linear and any(r.user and r.name in names for r in instr.results)

    def tangent(self, instr: Instr) -> None:
        op, where = instr.op, instr.where
        if instr.attrs.get("half") or instr.attrs.get("taped") or op is kernels.pulled:
            raise UnsupportedSyntaxError(
                "the derivative of a helper on the tape, or of one that calls itself, along a "
                "direction", where and where.location, "Write it as a loop.")  # fmt: skip
        if op == "tuple":
            kind = instr.results[0].kind
            self.bind(instr.results[0], self.emit(op, self.dot(instr.args, where), kind, where),
                      where)  # fmt: skip
            return
        if op in UPDATES:
            self.update(instr)
            return
        if op in LINEAR or op in CASTS:
            self.same(instr, LINEAR.get(op, (0,) if len(instr.args) == 1 else (0, 1)))
            return
        special = SPECIAL.get(op) if not isinstance(op, str) else None
        if special is not None and special(self, instr):
            return
        rule = None if isinstance(op, str) else rule_of(op, forward=True)
        if rule is None or instr.attrs.get("opaque"):
            raise NoRuleError(
                f"`{op_name(op)}` has no derivative rule", where and where.location,
                "Give it one with `jvp_rule`, or mark what it returns with `detach`.")  # fmt: skip
        self.by_rule(rule, instr)

    def same(self, instr: Instr, places: Iterable[int], names: Iterable[str] = ()) -> None:
        """The operation itself, of the tangents of some of its arguments."""
        where = instr.where
        args = tuple(self.dot(a, where) if i in places else a for i, a in enumerate(instr.args))
        kwargs = {k: self.dot(a, where) if k in names else a for k, a in instr.kwargs.items()}
        results = tuple(Value("t", r.kind) for r in instr.results)
        attrs = dict(instr.attrs)
        self.instrs.append(Instr(instr.op, args, kwargs, results, (), attrs, where))
        for r, dot in zip(instr.results, results):
            self.bind(r, dot, where)

    def call(self, instr: Instr) -> None:
        """`y, y_dot = f_jvp(x, n, x_dot)` of a helper that is compiled by itself."""
        pushed, where = self.halves[instr.op], instr.where
        args = (*instr.args, *(self.dot(instr.args[i], where) for i in pushed.moving))
        moving = [instr.results[i] for i in pushed.with_dot]
        dots = tuple(map(self.named_dot, moving))
        values, pull = instr.results, ()  # type: tuple, tuple
        if pushed.active:
            values, pull = values[:-1], values[-1:]
            self.pulls.update(dict.fromkeys(pull, pushed))
        results = (*values, *dots, *pull)
        self.instrs.append(instr.replace(op=pushed, args=args, results=results))
        self.dots.update(zip(moving, dots))

    def pull(self, instr: Instr) -> None:
        """`d_x, d_x_dot = pull(d_y, d_y_dot)` of such a helper."""
        cotangents = tuple(self.dot(d, instr.where) for d in instr.args[1:])
        dots = tuple(map(self.named_dot, instr.results))
        self.instrs.append(instr.replace(
            args=(*instr.args, *cotangents), results=(*instr.results, *dots)
        ))  # fmt: skip
        self.dots.update(zip(instr.results, dots))

    def update(self, instr: Instr) -> None:
        """A store, or an addition to a part: the same to the tangent of the array."""
        base, path, key, value = instr.args
        where = instr.where
        if instr.op == "add_at" and not self.has_dot(value):
            self.bind(instr.results[0], self.dots.get(base), where)
            return
        base_dot = self.writable(self.dot(base, where), path, where)
        args = (base_dot, path, key, self.dot(value, where))
        dot = self.emit(instr.op, args, instr.results[0].kind, where, **instr.attrs)
        if base_dot in self.in_order:
            self.in_order.add(dot)
        self.bind(instr.results[0], dot, where)

    def writable(self, dot: Any, path: tuple, where: Any) -> Any:
        """What is written through a reshape must be in C order, or the reshape is a copy."""
        if not through_reshape(path) or dot in self.in_order:
            return dot
        dot = self.emit(np.ascontiguousarray, (dot,), dot.kind, where, dot.name)
        self.in_order.add(dot)
        return dot

    # ------------------------------------------------------------------ rules

    def by_rule(self, rule: Rule, instr: Instr) -> None:
        if rule.jvp is not None and not self.is_linear(rule, instr):
            self.by_forward_rule(rule, instr)
            return
        known = rule.parameters + names_after(rule.vjp)
        extra = [name for name in instr.kwargs if name not in known]
        if extra:
            raise self.refused(rule, instr, f"the keyword {extra[0]!r}")
        if rule.linear:
            self.linear(rule, instr)
        elif rule.factors:
            self.product(rule, instr)
        elif self.is_diagonal(rule, instr):
            self.by_elements(rule, instr)
        else:
            self.transposed(rule, instr)

    def is_linear(self, rule: Rule, instr: Instr) -> bool:
        """Whether nothing moves but what the result is linear in."""
        names = rule.parameters
        rest = [a for i, a in enumerate(instr.args) if name_at(names, i) not in rule.linear]
        rest += [a for k, a in instr.kwargs.items() if k not in rule.linear]
        return bool(rule.linear) and not any(v in self.active for v in flatten(rest))

    def refused(self, rule: Rule, instr: Instr, what: str) -> NoRuleError:
        return NoRuleError(
            f"the rule of {op_name(instr.op)} does not take these arguments ({what})",
            instr.where and instr.where.location,
            "Leave the keyword out, or give the function a rule that knows it.")  # fmt: skip

    def is_complex(self, instr: Instr) -> bool:
        return any(may_be_complex(v.kind) for v in (*instr.operands, *instr.results))

    def linear(self, rule: Rule, instr: Instr) -> None:
        where = instr.where
        names = rule.parameters
        if rule.name in ("add", "sub") and len(instr.args) == 2:
            a, b = (self.dots.get(arg) if isinstance(arg, Value) else None for arg in instr.args)
            if b is None:
                self.bind(instr.results[0], a, where)
                return
            if a is None:
                if rule.name == "sub":
                    positive = b
                    b = self.emit(operator.neg, (b,), None, where)
                    self.negated[b] = positive
                self.bind(instr.results[0], b, where)
                return
        places = {i for i in range(len(instr.args)) if name_at(names, i) in rule.linear}
        others = [a for i, a in enumerate(instr.args) if i not in places]
        others += [a for k, a in instr.kwargs.items() if k not in rule.linear]
        if any(v in self.active for v in flatten(others)):
            self.transposed(rule, instr)
            return
        if rule.name == "where":  # a number has the shape of nothing
            args = tuple(self.dots.get(a, 0.0) if i in places and isinstance(a, Value)
                         else 0.0 if i in places else a for i, a in enumerate(instr.args))
            kind = instr.results[0].kind
            dot = self.emit(instr.op, args, None, where, kwargs=instr.kwargs, **instr.attrs)
            if kind.numeric and not alike(dot.kind, kind):
                self.instrs.pop()
                args = tuple(self.dot(a, where) if i in places else a
                             for i, a in enumerate(instr.args))  # fmt: skip
                dot = self.emit(instr.op, args, kind, where, kwargs=instr.kwargs, **instr.attrs)
            self.bind(instr.results[0], dot, where)
            return
        self.same(instr, places, rule.linear)

    def product(self, rule: Rule, instr: Instr) -> None:
        """`x_dot * y + x * y_dot`"""
        where = instr.where
        (result,) = instr.results
        names = rule.parameters
        places = [i for i, a in enumerate(instr.args) if name_at(names, i) in rule.factors
                  and isinstance(a, Value) and a in self.dots]  # fmt: skip
        moving = [v for i, a in enumerate(instr.args) if i not in places for v in flatten(a)]
        moving += flatten(tuple(instr.kwargs.values()))
        if any(v in self.dots for v in moving):
            self.transposed(rule, instr)
            return
        if len(instr.args) == 2 and instr.args[0] is instr.args[1] and symmetric(rule, instr):
            x = instr.args[0]
            twice = self.emit(operator.mul, (2, x), None, where)
            dot = self.emit(instr.op, (twice, self.dots[x]), result.kind, where, **instr.attrs)
            self.bind(result, dot, where)
            return
        total: Any = None
        for place in places:
            args = tuple(self.dots[a] if i == place else a for i, a in enumerate(instr.args))
            if rule.name == "mul":
                args = self.without_sign(*args)
            term = self.emit(instr.op, args, result.kind, where, kwargs=instr.kwargs, **instr.attrs)
            total = term if total is None else \
                self.emit(operator.add, (total, term), result.kind, where)  # fmt: skip
        self.bind(result, total, where)

    def without_sign(self, a: Any, b: Any) -> tuple:
        """`-2 * x_dot` for `2 * -x_dot`"""
        if type(a) in (int, float) and b in self.negated:
            return -a, self.negated[b]
        return (self.negated[a], -b) if type(b) in (int, float) and a in self.negated else (a, b)

    def is_diagonal(self, rule: Rule, instr: Instr) -> bool:
        """Whether each element of the result depends on one element of each argument alone."""
        if not rule.by_elements or instr.kwargs or len(instr.results) != 1:
            return False
        if "only" in instr.attrs or not rule.analytic and self.is_complex(instr):
            return False
        tags = ("scalar",) if getattr(instr.op, "__module__", "") == "math" else NUMBERS
        return all(not flatten(a) or isinstance(a, Value) and a.kind.tag in tags
                   for a in instr.args)  # fmt: skip

    def by_elements(self, rule: Rule, instr: Instr) -> None:
        where = instr.where
        (result,) = instr.results
        total: Any = None
        for k, arg in enumerate(instr.args):
            if not isinstance(arg, Value) or arg not in self.dots:
                continue
            args = (self.dots[arg], result, *instr.args)
            start = len(self.instrs)
            found = self.expanded(rule.vjp, args, {}, self.instrs, rule, instr)
            found = found if isinstance(found, tuple) else (found,)
            if k >= len(found):
                raise self.no_derivative(instr)
            if found[k] is not None:
                self.tangent_last(found[k], self.dots[arg], start)
                term = self.fit(found[k], result, where)
                total = term if total is None else self.emit(
                    operator.add, (total, term), None, where)  # fmt: skip
        self.bind(result, total, where)

    def tangent_last(self, term: Any, dot: Any, start: int) -> None:
        """`2 * x * x_dot` for `2 * x_dot * x`, if this is what a rule has emitted."""
        made = {i.results[0]: at for at, i in enumerate(self.instrs[start:], start) if i.results}
        at = made.get(term)
        if at is None or self.instrs[at].op is not operator.mul:
            return
        part, x = self.instrs[at].args
        before = made.get(part)
        if before is None or self.instrs[before].op is not operator.mul or x is dot:
            return
        c, moved = self.instrs[before].args
        if type(c) in (int, float) and moved is dot and isinstance(x, Value):
            kind = x.kind if x.kind.tag == "array" else self.instrs[at].results[0].kind
            twice = Value("t", kind)
            first = self.instrs[before].replace(args=(c, x), results=(twice,))
            self.instrs[at] = self.instrs[at].replace(args=(twice, dot))
            self.instrs.insert(at, first)

    def expanded(self, function: Any, args: tuple, kwargs: dict, instrs: list, rule: Rule,
                 instr: Instr) -> Any:  # fmt: skip
        start = len(instrs)
        try:
            found = self.expand(function, args, kwargs, instrs, instr.where)
        except TypeError as error:
            raise self.refused(rule, instr, str(error)) from None
        instrs[start:] = map(without_defaults, instrs[start:])
        return found

    def no_derivative(self, instr: Instr) -> NoRuleError:
        return NoRuleError(
            f"the rule of {op_name(instr.op)} has no derivative for this argument",
            instr.where and instr.where.location,
            "Make it a constant, or mark it with `detach`.")  # fmt: skip

    def by_forward_rule(self, rule: Rule, instr: Instr) -> None:
        """The rule's body; where tangents are missing, as much of it as the others need."""
        where = instr.where
        names = rule.parameters
        places = {name_at(names, i): a for i, a in enumerate(instr.args)} | instr.kwargs
        wanted = [name.removesuffix("_dot") for name in tangent_names(rule.jvp)]
        moving = [name for name, a in places.items() if self.has_dot(a)]
        if any(name not in wanted for name in moving):
            raise self.no_derivative(instr)
        single = len(instr.results) == 1 and "only" not in instr.attrs
        out = instr.results[0] if single else instr.results
        all_given = takes_all(rule.jvp)
        given = [self.dot(places[n], where) if n in moving else 0.0 if all_given else
                 unmoved(n, places.get(n)) for n in wanted]  # fmt: skip
        all_given = all_given or len(moving) == len(wanted)
        args = (*given, whole(instr, out), *instr.args)
        if all_given and rule.declared:
            found = self.expand.tangent(rule, instr, args, out, self.instrs)
        elif all_given:
            found = self.expanded(rule.jvp, args, instr.kwargs, self.instrs, rule, instr)
        else:
            inner: list[Instr] = []
            if rule.declared:
                found = self.expand.tangent_of(rule.jvp, args, instr, out, inner)
            else:
                found = self.expanded(rule.jvp, args, instr.kwargs, inner, rule, instr)
            start = len(self.instrs)
            found = self.without_zeros(inner, found, {
                d for n, d in zip(wanted, given) if n in moving for d in flatten(d)
            }, where)  # fmt: skip
            if rule.declared:
                rest = {d for n, part in zip(wanted, given) if n not in moving
                        for d in flatten(part)}  # fmt: skip
                made = self.instrs[start:]
                self.expand.check_linear(made, (found,), rest, rule.jvp, "the tangents", where)
        found = (found,) if single else found
        for r, dot in zip(instr.results, found):
            self.bind(r, dot, where)

    def without_zeros(self, instrs: list[Instr], found: Any, moving: set, where: Any) -> Any:
        """What is linear in tangents, of which all but those in `moving` are zero.

        It is its own derivative: its tangent along those that move.
        """
        inner = Forward(self.expand, self.transpose, {d: d for d in moving}, {})
        inner.active = active(Block((), instrs, ()), moving, flatten(found))
        self.instrs += inner.inside(lambda: inner.block(instrs))
        return map_tree(lambda v: inner.dots.get(v, 0.0), found)

    def transposed(self, rule: Rule, instr: Instr) -> None:
        """The reverse rule is linear in the cotangent: its transpose, at the tangents.

        In place of the cotangent, of which nothing but the shape is read, there is the result.
        """
        where = instr.where
        if rule.vjp is None:
            raise NoRuleError(
                f"`{op_name(instr.op)}` has no derivative rule", where and where.location,
                "Give it one with `jvp_rule`, or mark what it returns with `detach`.")  # fmt: skip
        single = len(instr.results) == 1 and "only" not in instr.attrs
        d_outs = tuple(Value("d_out", r.kind) for r in instr.results)
        out: Any = instr.results[0] if single else instr.results
        conjugate = rule.analytic and self.is_complex(instr)
        outer, self.instrs = self.instrs, []
        given = d_outs
        if conjugate:
            given = tuple(self.emit(np.conj, (d,), None, where) for d in d_outs)
        d_out: Any = given[0] if single else given
        args = (d_out, out, *instr.args)
        if rule.declared:
            moving = {i: arg for i, arg in places_of(rule.vjp, instr.args, instr.kwargs).items()
                      if self.has_dot(arg)}  # fmt: skip
            check_places(rule, moving, where and where.location)
            found = self.expand.gradients_of(rule.vjp, moving, args, instr, self.instrs)
        else:
            found = self.expanded(rule.vjp, args, instr.kwargs, self.instrs, rule, instr)
        found = found if isinstance(found, tuple) else (found,)
        seeds: dict[Value, Any] = {}
        for arg, d in self.paired(rule, instr, found):
            self.seed(arg, d, conjugate, seeds, where)
        inner, self.instrs = self.instrs, outer
        if not seeds:
            return
        wanted = [d for d in d_outs if d.kind.inexact or d.kind.tag == "object"]
        names = {dot: dot.name for dot in flatten(tuple(seeds.values()))}
        made, dots = self.transpose(inner, seeds, wanted)
        if rule.declared:
            self.expand.check_linear(made, dots, set(d_outs), rule.vjp, "d_out", where)
        for dot, name in names.items():  # to reverse mode they are adjoints
            dot.name = name
        known = dict(zip(d_outs, instr.results))
        for each in made:
            each = substitute(each, known)
            for r in each.results:
                if r.name.startswith("d_"):
                    r.name, r.user = "t", False
            self.instrs.append(each)
        places = {d: r for d, r in zip(d_outs, instr.results)}
        for d, dot in zip(wanted, dots):
            self.bind(places[d], dot, where)

    def paired(self, rule: Rule, instr: Instr, found: tuple) -> list[tuple[Any, Any]]:
        """Each argument that has a tangent, with what its gradient would be."""
        pairs = list(zip(instr.args, found))
        names = rule.parameters
        missing = list(instr.args[len(found) :])
        for name, arg in instr.kwargs.items():
            at = names.index(name) if name in names else len(found)
            if at < len(found):
                pairs.append((arg, found[at]))
            else:
                missing.append(arg)
        if self.has_dot(missing):
            raise self.no_derivative(instr)
        return [(arg, d) for arg, d in pairs if self.has_dot(arg)]

    def seed(self, arg: Any, d: Any, conjugate: bool, seeds: dict, where: Any) -> None:
        """Note the tangent of an argument as the cotangent of what would be its gradient."""
        inside = branches(arg)
        if inside is not None:
            if isinstance(d, Value) and self.has_dot(arg):
                d = [self.emit("getitem", (d, i), None, where) for i in range(len(arg))]
            if isinstance(d, (tuple, list)):
                for a, part in zip(inside, d):
                    self.seed(a, part, conjugate, seeds, where)
            return
        if not isinstance(arg, Value) or arg not in self.dots:
            return
        parts = [(d, self.dots[arg])]
        if isinstance(d, tuple):  # of an array, by elements
            parts = [(part, self.emit("getitem", (self.dots[arg], i), None, where))
                     for i, part in enumerate(d)]  # fmt: skip
        for part, dot in parts:
            if isinstance(part, Value):
                self.seed_value(part, dot, conjugate, seeds, where)

    def seed_value(self, d: Value, dot: Any, conjugate: bool, seeds: dict, where: Any) -> None:
        if conjugate and (d.kind.dtype is None or d.kind.dtype.kind == "c"):
            d = self.emit(np.conj, (d,), None, where)
        have, want = leaf_kind(dot), d.kind
        if want.tag == "list" or have.tag == "list":
            pass
        elif want.dims is None or have.dims is None or not alike(have, want):
            shape = self.emit(np.shape, (d,), Kind("tuple"), where, "shape")
            kind = want._replace(dtype=have.dtype) if want.dims is not None else OBJECT
            smaller = want.dims is not None and have.dims is not None and (
                len(want.dims) < len(have.dims))  # fmt: skip
            op = kernels.unbroadcast if smaller else np.broadcast_to
            dot = self.emit(op, (dot, shape), kind, where)
        if d in seeds:
            dot = self.emit(operator.add, (seeds[d], dot), want, where)
        seeds[d] = dot

    # ------------------------------------------------------------------ regions

    def bind_what_flows(self, block: Block, unbound: set[Value]) -> None:
        """What may be unbound, and flows into what has a tangent, has one itself.

        Zeros like it could not be made where it is not bound.
        """
        if not unbound:
            return
        pending = True
        while pending:
            pending = False
            for instr in all_regions(block):
                for result, sources in flows(instr):
                    if any(v in self.active for v in result):
                        for v in sources:
                            known = isinstance(v, Value) and v in unbound and carries(v)
                            if known and v not in self.forced:
                                self.active.add(v)
                                self.forced.add(v)
                                pending = True

    def if_(self, instr: Instr) -> None:
        where = instr.where
        made = [self.inside(lambda b=b: self.block(b.instrs)) for b in instr.blocks]
        moving = [k for k, r in enumerate(instr.results) if r in self.forced or r in self.active
                  and any(self.has_dot(b.results[k]) for b in instr.blocks)]  # fmt: skip
        blocks = []
        for block, instrs in zip(instr.blocks, made):
            ends: list = []
            fills = self.inside(lambda block=block, ends=ends: ends.extend(
                self.end(block.results[k], instr.results[k].kind, where)
                for k in moving))  # fmt: skip
            blocks.append(Block(block.params, [*instrs, *fills], (*block.results, *ends)))
        dots = [self.named_dot(instr.results[k]) for k in moving]
        for k, dot in zip(moving, dots):
            self.dots[instr.results[k]] = dot
        results = (*instr.results, *dots)
        for k, r in enumerate(results):
            if any(b.results[k] in self.loose for b in blocks if isinstance(b.results[k], Value)):
                self.loose.add(r)
        self.instrs.append(instr.replace(blocks=tuple(blocks), results=results))

    def end(self, tree: Any, kind: Kind, where: Any) -> Any:
        """The tangent that leaves a block, or enters a loop, of the kind of what it is of."""
        if tree is UNDEFINED:
            return tree
        dot = self.dot(tree, where)
        if not below(dot, kind):
            return dot
        return self.emit(kind.dtype.type, (dot,), kind._replace(python=False), where)

    def named_dot(self, value: Value) -> Value:
        dot = Value(f"{value.name}_dot", value.kind, value.user)
        self.named.add(dot)
        return dot

    def loop(self, instr: Instr) -> None:
        where = instr.where
        body = instr.blocks[-1]
        params, inits = carried(instr)
        count = len(params)
        moving = [k for k in range(count)
                  if params[k] in self.active or instr.results[k] in self.active]  # fmt: skip
        starts = tuple(self.end(inits[k], params[k].kind, where) for k in moving)
        inner = [self.named_dot(params[k]) for k in moving]
        self.dots.update((params[k], dot) for k, dot in zip(moving, inner))
        begun = [(params[k], instr.results[k], inits[k]) for k in range(count)]
        dots = [self.named_dot(instr.results[k]) for k in moving]
        for param, result, init in (*begun, *zip(inner, dots, starts)):
            number = init is not UNDEFINED and leaf_kind(init).tag == "scalar"
            if param.kind.tag == "array" and (number or init in self.loose):
                self.loose |= {param, result}
        ends: list = []

        def sweep() -> None:
            self.block(body.instrs)
            ends.extend(self.end(body.results[k], params[k].kind, where) for k in moving)

        instrs = self.inside(sweep)
        yields = (*body.results[:count], *ends, *body.results[count:])
        blocks = [Block((*body.params, *inner), instrs, yields)]
        if instr.op == "while":
            test = instr.blocks[0]
            tested = [Value(d.name, d.kind, d.user) for d in inner]
            blocks.insert(0, test.replace(params=(*test.params, *tested)))
        self.dots.update((instr.results[k], dot) for k, dot in zip(moving, dots))
        self.instrs.append(instr.replace(
            args=(*instr.args[:-1], (*inits, *starts)), blocks=tuple(blocks),
            results=(*instr.results[:count], *dots, *instr.results[count:]),
        ))  # fmt: skip


# ---------------------------------------------------------------------------- Python's functions


def tangent_of_extreme(sweep: Forward, instr: Instr) -> bool:
    """Python's `max(a, b)` and `min(a, b)`: the tangent of the one that was chosen."""
    where = instr.where
    (result,) = instr.results
    if len(instr.args) == 1 and isinstance(instr.args[0], Value):
        (x,) = instr.args
        if x.kind.tag == "list":
            at = sweep.emit(list.index, (x, result), INT, where, "chosen", method="index")
        else:
            op = np.argmax if instr.op is max else np.argmin
            at = sweep.emit(op, (x,), None, where, "chosen")
        sweep.bind(result, sweep.emit("getitem", (sweep.dots[x], at), None, where), where)
        return True
    if len(instr.args) != 2:
        return False
    a, b = instr.args
    better = operator.gt if instr.op is max else operator.lt
    second = sweep.emit(better, (b, a), BOOL, where, "second")
    blocks = []
    for chosen in (b, a):
        ends: list = []
        made = sweep.inside(lambda chosen=chosen, ends=ends: ends.append(sweep.dot(chosen, where)))
        blocks.append(Block((), made, tuple(ends)))
    dot = sweep.named_dot(result)
    sweep.instrs.append(Instr("if", (second,), None, (dot,), tuple(blocks), {}, where))
    sweep.dots[result] = dot
    return True


def tangent_of_prod(sweep: Forward, instr: Instr) -> bool:
    """`math.prod(items)` of a list of unknown length."""
    tree, where = instr.args[0], instr.where
    if not isinstance(tree, Value) or tree.kind.tag != "list" or instr.kwargs:
        return False
    kind = Kind("array", np.dtype(float), (fresh_size(),))
    others = sweep.emit(np.array, (tree,), kind, where)
    others = sweep.emit(kernels.product_of_others, (others, 0), kind, where)
    moved = sweep.emit(np.array, (sweep.dots[tree],), kind, where)
    result = instr.results[0]
    sweep.bind(result, sweep.emit(np.dot, (others, moved), None, where), where)
    return True


def tangent_of_padding(sweep: Forward, instr: Instr) -> bool:
    """`np.pad` with extremes, which is not linear as it is with all else."""
    mode = instr.kwargs.get("mode", instr.args[2] if len(instr.args) > 2 else "constant")
    if mode not in ("maximum", "minimum", "median"):
        return False
    rule = rule_of(np.pad)
    assert rule is not None
    sweep.transposed(rule, instr)
    return True


SPECIAL: dict[Any, Callable] = {
    builtins.max: tangent_of_extreme, builtins.min: tangent_of_extreme, math.prod: tangent_of_prod,
    np.pad: tangent_of_padding,
}  # fmt: skip


# ---------------------------------------------------------------------------- what is known


def zero_of(constant: Any) -> Any:
    """The tangent of a constant."""
    if constant is UNDEFINED or constant is None or isinstance(constant, (bool, str)):
        return constant
    return 0j if isinstance(constant, complex) else 0.0


def alike(a: Kind, b: Kind) -> bool:
    """Whether two arrays have the same shape, as far as both are there."""
    assert a.dims is not None and b.dims is not None
    return len(a.dims) == len(b.dims) and all(
        m == n or proven_not_one(m) and proven_not_one(n) for m, n in zip(a.dims, b.dims)
    )


def name_at(names: list[str], place: int) -> str:
    """The parameter that a positional argument is for; the last one takes all that follow."""
    return names[min(place, len(names) - 1)]


def names_after(rule: Any) -> list[str]:
    """The names of a rule's keyword-only parameters."""
    code = rule.__code__
    return list(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])


def without_defaults(instr: Instr) -> Instr:
    """What a rule hands on, `np.sum(x, axis=None)`, as one writes it."""
    rule = rule_of(instr.op, forward=True) if instr.kwargs and callable(instr.op) else None
    if rule is None or rule.vjp is None:
        return instr
    parameters = inspect.signature(rule.vjp).parameters
    kwargs = {
        name: arg for name, arg in instr.kwargs.items()
        if not (arg is None or arg is False) or name not in parameters
        or parameters[name].default is not arg
    }  # fmt: skip
    return instr if len(kwargs) == len(instr.kwargs) else instr.replace(kwargs=kwargs)


def unmoved(name: str, arg: Any) -> Any:
    """The place of a tangent that there is none of, of the form of its argument."""
    if branches(arg) is not None:
        return map_tree(lambda v: Value(f"{name}_dot", v.kind), with_zeros(arg))
    return Value(f"{name}_dot", arg.kind if isinstance(arg, Value) else leaf_kind(0.0))


def symmetric(rule: Rule, instr: Instr) -> bool:
    """Whether a product of two factors is the same the other way round."""
    x = instr.args[0]
    return rule.name == "mul" or rule.name in ("dot", "matmul", "inner") and x.kind.rank == 1


def all_regions(block: Block) -> Iterable[Instr]:
    for instr in block.instrs:
        for inner in instr.blocks:
            yield from all_regions(inner)
        if instr.blocks:
            yield instr


def flows(instr: Instr) -> list[tuple[tuple, tuple]]:
    """What a region gives, and what it may be: (result and parameter, sources) by place."""
    if instr.op == "if":
        return [((r,), ends) for r, ends in zip(
            instr.results, zip(*(b.results for b in instr.blocks)))]  # fmt: skip
    params, inits = carried(instr)
    ends = instr.blocks[-1].results
    return [((p, r), (i, e)) for p, r, i, e in zip(params, instr.results, inits, ends)]
