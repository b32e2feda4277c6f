"""Batching: the program for one example becomes the program for many, with a leading axis.

    (x: f8[x.0], w: f8[w.0,x.0]):          (x: f8[n,x.0], w: f8[w.0,x.0]):
      h = matmul(w, x)                       h = matmul(x, transpose(w))
      s = np.sum(h)                    →     s = np.sum(h, axis=1)
      return s                               return s

What does not depend on the batch stays as it is, and runs once. An operation on what does is
replaced by what its batching rule says (`registry.BATCHING`), the structural ones by what is
written here: keys get a `:` in front, axes and shapes are moved on by one. Loops whose number of
steps is the same for all, and branches that all take, stay what they are.

What is left, a branch or a `while` on a batched value, a call of something that has no rule, what
would not have the same dtype, becomes a loop over the batch, around the shortest piece of the
program that has all of it:

      y = if c: …                            ys = []
      z = np.sin(y)                          for i in range(n):
                                       →         c_i = c[i]; …
                                                 ys.append(y)
                                             y = np.array(ys)
                                             z = np.sin(y)

Sweeps of one region (twins) are never torn apart: the piece has all of them, or a copy of those
that do not depend on the batch.
"""

from __future__ import annotations

import builtins
import math
import operator
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.errors import SrcdiffError, UnsupportedSyntaxError
from srcdiff.runtime.registry import BATCHING, AlongAxis, BatchRule, rule_of
from srcdiff.transforms import abstract
from srcdiff.transforms.abstract_core import NeedsStatic
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    carried,
    flatten,
    leaf_kind,
    map_tree,
    new_twin,
    perhaps_unbound,
    substitute,
    walk,
)  # fmt: skip
from srcdiff.transforms.kinds import INT, OBJECT, Dim, Kind, is_fixed

SHAPES = frozenset({"shape", np.shape, len, np.size, np.ndim})
SAME = frozenset({"copy", "identity", np.copy, np.zeros_like, np.ones_like, np.empty_like,
                  np.ascontiguousarray, np.astype})  # fmt: skip
MADE = {np.zeros: 0, np.ones: 0, np.empty: 0, np.full: 0}  # the place of the shape
LIKE = {np.zeros_like: np.zeros, np.ones_like: np.ones, np.empty_like: np.empty}
# What raises of Python's numbers, where NumPy's give inf or nan.
RAISES = frozenset({operator.truediv, operator.floordiv, operator.mod, operator.pow})
MATH: dict[Any, Any] = {
    getattr(math, name): getattr(np, name) for name in
    "sin cos tan sinh cosh tanh exp exp2 expm1 log1p log2 log10 sqrt cbrt fabs hypot degrees "
    "radians copysign fmod isnan isinf isfinite log".split()
} | {
    math.asin: np.arcsin, math.acos: np.arccos, math.atan: np.arctan, math.atan2: np.arctan2,
    math.asinh: np.arcsinh, math.acosh: np.arccosh, math.atanh: np.arctanh, math.pow: np.power,
    kernels.real_power: operator.pow,
}  # fmt: skip
REGIONS = ("if", "for", "while")
# Effects that stop the program or say nothing: they may stand before a loop or be run again.
QUIET = ("raise", "assert", "check_scalar", "check_length", "adjoint")


class NeedsLoop(Exception):
    """An operation cannot be applied to all examples at once."""


class Entangled(UnsupportedSyntaxError):
    """What is the same for all examples cannot be told apart from a loop over them."""


def vmap(block: Block, batched: dict[Value, Value], size: Dim, expand: Callable,
         spread: Iterable[int] | None = None, own: bool = True, watched: bool = False,
         ) -> Block:  # fmt: skip
    """The block for many examples: each parameter in `batched` has a leading axis of that size.

    batched   parameter → the parameter that takes its place
    size      the length of the leading axis
    expand    writes a rule's body into a program (the specialiser does that)
    spread    the results that have a leading axis even if they do not depend on the batch: all,
              unless said otherwise; of the others none may depend on it
    own       each example is a run of the program of its own, with effects of its own
    watched   whoever calls runs a plain loop where NumPy would make an infinity or a nan: what
              Python's numbers do, which raise there, is done by NumPy then, and marked `watched`

    >>> from srcdiff.transforms.kinds import Size, array
    >>> from srcdiff.transforms.specialize import Specializer, expander
    >>> from srcdiff.transforms.text import parse_text
    >>> x = array("f8", Size("x.0"))
    >>> kinds = {"y": x, "s": Kind("scalar", np.dtype("f8"), python=False), "z": x}
    >>> before = parse_text('''
    ...     (x: f8[x.0], w: f8[x.0]):
    ...       y = mul(x, w)
    ...       s = np.sum(y)
    ...       z = sub(w, s)
    ...       return z
    ... ''', kinds=lambda instr: [kinds[r.name] for r in instr.results])
    >>> given = before.params[0]
    >>> many = Value("x", array("f8", Size("n"), Size("x.0")))
    >>> print(vmap(before, {given: many}, Size("n"), expander(Specializer())))
    (x: f8[n,x.0], w: f8[x.0]):
      y = mul(x, w)
      s = np.sum(y, axis=1)
      s.2 = getitem(s, (:, None)) view
      z = sub(w, s.2)
      return z
    """
    if not batched:
        raise refusal(None, "what is the same for all")
    return Batch(batched, size, expand, own, watched).program(block, spread)


class Batch:
    """The state of the pass: `env` has what takes the place of values that depend on the batch."""

    def __init__(self, batched: dict[Value, Value], size: Dim, expand: Callable, own: bool = True,
                 watched: bool = False):  # fmt: skip
        self.env: dict[Value, Value] = dict(batched)
        self.size, self.expand = size, expand
        self.instrs: list[Instr] = []
        self.depends: set[Value] = set(batched)
        self.makers: dict[Value, Instr] = {}
        self.full: dict[Value, Value] = {}  # shape of one example → shape of all
        self.doubtful: set[Value] = set()  # on some paths it is not what its kind says
        self.stuck: set[Value] = set()  # depends on the batch, but cannot have a leading axis
        self.first = next(iter(batched.values()))
        self.count: Value | None = None
        self.prologue: list[Instr] = []
        self.own, self.watched = own, watched

    # ------------------------------------------------------------------ the whole program

    def program(self, block: Block, spread: Iterable[int] | None) -> Block:
        dependence = Dependence(block, self.env)
        self.depends, self.dependence = dependence.found, dependence
        self.doubtful = perhaps_unbound(block) | perhaps_numbers(block)
        for instr in walk(block):
            self.makers.update((r, instr) for r in instr.results)
        for instr in block.instrs:
            if self.own and opaque_state(instr):
                raise refusal(instr, "what is written outside the function")
        params = tuple(self.env.get(p, p) for p in block.params)
        instrs = self.top(block)
        wanted = set(range(len(block.results)) if spread is None else spread)
        results: list = []
        self.instrs = instrs
        for k, tree in enumerate(block.results):
            if any(v in self.stuck for v in flatten(tree)):
                raise refusal(self.makers.get(flatten(tree)[0]), "what is returned")
            if k not in wanted:
                if any(v in self.depends for v in flatten(tree)):
                    raise UnsupportedSyntaxError("a value of the whole that depends on an example")
                results.append(tree)
            elif isinstance(tree, Value) or not isinstance(tree, (tuple, list, dict)):
                results.append(self.result(tree))
            else:
                results.append(map_tree(self.result, tree))
        return Block(params, [*self.prologue, *self.instrs], tuple(results))

    def result(self, leaf: Any) -> Any:
        if isinstance(leaf, Value) and leaf in self.depends:
            return self.env[leaf]
        try:
            return self.spread_out(leaf, leaf_kind(leaf), None)
        except NeedsLoop:
            raise UnsupportedSyntaxError("what is returned has no form for many examples") from None

    def top(self, block: Block) -> list[Instr]:
        """The instructions of the program; those that need it in a loop over the batch."""
        instrs = block.instrs
        if self.own and any(map(loud, instrs)):
            return self.looped(block, 0, len(instrs))
        saved = dict(self.env)
        made, failed = self.attempt(instrs)
        if not failed:
            return made
        first, last = self.piece(block, min(failed), max(failed) + 1)
        self.env, self.full = dict(saved), {}
        self.stuck.clear()
        depends = set(self.depends)
        try:
            return self.looped(block, first, last)
        except Entangled:
            if not self.own:
                raise
            self.env, self.full, self.depends, self.instrs = saved, {}, depends, []
            self.stuck.clear()
            return self.looped(block, 0, len(instrs), whole=True)

    def attempt(self, instrs: Iterable[Instr]) -> tuple[list[Instr], list[int]]:
        """The instructions for all examples at once, and the places of those that have no form."""
        failed = []
        outer, self.instrs = self.instrs, []
        for k, instr in enumerate(instrs):
            count = len(self.instrs)
            try:
                self.instr(instr)
                self.note_uniform(instr.results)
            except NeedsLoop:
                del self.instrs[count:]
                failed.append(k)
                self.bind_results(instr)
        made, self.instrs = self.instrs, outer
        return made, failed

    def bind_results(self, instr: Instr) -> None:
        """What a loop over the batch would give; what it cannot give is stuck in it."""
        inner = [r for each in (instr, *(i for b in instr.blocks for i in walk(b)))
                 for r in each.results]  # fmt: skip
        for r in inner:
            if r not in self.depends:
                continue
            try:
                self.env[r] = Value(r.name, self.many(r.kind), r.user)
            except NeedsLoop:
                self.stuck.add(r)
            if not self.dependence.is_uniform(r.kind):
                self.stuck.add(r)

    def note_uniform(self, values: Iterable[Value]) -> None:
        for v in values:
            self.dependence.uniform.update(map(repr, v.kind.dims or ()))

    def piece(self, block: Block, first: int, last: int) -> tuple[int, int]:
        """The piece of the program that is to be in the loop: from `first` to before `last`."""
        instrs = block.instrs
        twins = [twins_of(i) for i in instrs]
        at = {r: k for k, i in enumerate(instrs) for r in i.results}
        while True:
            old = first, last
            inside = set().union(*twins[first:last])
            for k, instr in enumerate(instrs):
                if twins[k] & inside and any(r in self.depends for r in instr.reads):
                    first, last = min(first, k), max(last, k + 1)
            for instr in instrs[first:last]:  # a list of arrays cannot be taken apart
                for v in instr.reads:
                    if v in self.depends and v in at and not v.kind.numeric:
                        first = min(first, at[v])
            if old == (first, last):
                return old

    # ------------------------------------------------------------------ the loop over the batch

    def looped(self, block: Block, first: int, last: int, whole: bool = False) -> list[Instr]:
        """The program with a piece of it in a loop over the batch.

        whole   all of the piece happens once for each example
        """
        instrs = block.instrs
        before, failed = self.attempt(instrs[:first])
        assert not failed, "an instruction before the piece that needs a loop needs one"
        whole = whole or self.own and any(map(loud, instrs))
        ahead, inside, late = self.sorted_out(instrs[first:last], whole)
        twins = set().union(*map(twins_of, inside)) if inside else set()
        copied = [i for i in instrs[:last] if i not in inside and twins_of(i) & twins]
        for instr in (*copied, *(() if self.own else inside)):
            if loud(instr):
                raise refusal(instr, "an effect that would be repeated")
        after = instrs[last:]
        later = {v for i in after for v in i.reads} | {v for r in block.results for v in flatten(r)}
        again: list[Instr] = []  # what is made of shapes that are known after the loop
        for instr in reversed(late):
            if any(r in later for r in instr.results):
                again.insert(0, instr)
                later.update(instr.reads)
        made_late = {r for i in late for r in i.results}
        given = [r for i in inside for r in i.results if r in later and r not in made_late]
        if whole:
            self.depends.update(given)
        given = [r for r in given if r in self.depends]
        hoisted, failed = self.attempt(ahead)
        assert not failed
        self.instrs = [*before, *hoisted]
        self.loop([i for i in instrs[:last] if i in inside or i in copied], given)
        made = self.instrs
        self.instrs = []
        rest, failed = self.attempt((*again, *after))
        assert not failed, "an instruction after the piece that needs a loop needs one"
        return [*made, *rest]

    def sorted_out(self, piece: Iterable[Instr], whole: bool) -> tuple[list, list, list]:
        """What of a piece is the same for all examples and goes ahead of the loop; what stands in
        it; and what of that is the same for all, but is made of a shape that the loop tells."""
        ahead: list[Instr] = []
        inside: list[Instr] = []
        late: list[Instr] = []
        inner: set[Value] = set()
        for instr in piece:
            if instr.op == "adjoint":
                continue
            alone = not any(r in self.depends for r in instr.results) and (
                not self.touched(instr) or instr.op in SHAPES)  # fmt: skip
            if alone and not whole and inner.isdisjoint(instr.reads):
                ahead.append(instr)
                continue
            inside.append(instr)
            if alone and not whole:
                late.append(instr)
            rest = None if alone or whole or not instr.blocks else self.independent(instr)
            if rest is not None:
                lost = any(v in self.depends and v not in self.env for v in rest.reads)
                if lost or not inner.isdisjoint(rest.reads):
                    raise refusal(
                        instr, "a loop over a length of what differs between examples", Entangled)
                ahead.append(rest)
                inner.update(r for r in instr.results if r in self.depends)
            else:
                inner.update(instr.results)
        return ahead, inside, late

    def independent(self, instr: Instr) -> Instr | None:
        """What of a region does not depend on the batch; None if that is nothing."""
        if not self.touched(instr):
            return instr
        if not instr.blocks:
            return None if self.on(instr.results) or instr.effect else instr
        keep = [k for k, r in enumerate(instr.results) if r not in self.depends]
        if not keep and "twin" not in instr.attrs:
            return None
        if instr.op == "if":
            if self.on(instr.args):
                return None
            kept_of: list = [keep, keep]
            args, params = instr.args, [b.params for b in instr.blocks]
        else:
            count = len(carried(instr)[0])
            body = instr.blocks[-1]
            test = instr.blocks[0].results if instr.op == "while" else instr.args[0]
            if self.on((test, body.results[count:])):
                return None
            flags = range(count, len(body.results))
            kept_of = [[*(k for k in keep if k < count), *flags]]
            args = (*instr.args[:-1], tuple(instr.args[-1][k] for k in keep if k < count))
            params = [tuple(p for p in b.params if p not in self.depends) for b in instr.blocks]
            if instr.op == "while":
                kept_of.insert(0, [0])
        blocks = []
        for b, own, results in zip(instr.blocks, params, kept_of):
            parts = [part for i in b.instrs if (part := self.independent(i)) is not None]
            blocks.append(Block(own, parts, tuple(b.results[k] for k in results)))
        return instr.replace(
            args=args, blocks=tuple(blocks), results=tuple(instr.results[k] for k in keep)
        )

    def touched(self, instr: Instr) -> bool:
        return any(v in self.depends for v in (*instr.reads, *instr.results))

    def loop(self, inside: list[Instr], given: list[Value]) -> None:
        """A loop over the batch that runs some instructions, and what it gives as arrays."""
        n = self.length()
        i = Value("i", INT)
        starts, lists, ends = [], [], []
        for v in given:
            kind = Kind("list", items=(v.kind,))
            starts.append(Value(f"{plural(v.name)}", Kind("list")))
            self.instrs.append(Instr("list", ([],), None, (starts[-1],)))
            lists.append(Value(plural(v.name), kind))
        known = {r for each in inside for r in each.results}
        body: list[Instr] = []
        copies = Copies()
        for v in dict.fromkeys(v for each in inside for v in each.reads):
            if v in self.depends and v not in known and v in self.env:
                if v in self.doubtful:  # it would be read where it is unbound
                    raise refusal(self.makers.get(v), "what is bound on some paths alone")
                one = Value(f"{v.name}_i", v.kind)
                body.append(Instr("getitem", (self.env[v], i), None, (one,)))
                if v.kind.python and v.kind.dtype is not None:  # it is to stay Python's number
                    one.kind = v.kind._replace(python=False)
                    number = type(v.kind.dtype.type(0).item())
                    one, held = Value(one.name, v.kind), one
                    body.append(Instr(number, (held,), None, (one,)))
                copies.env[v] = one
        body += [copies.instr(each) for each in inside]
        for v, held in zip(given, lists):
            more = Value(held.name, held.kind)
            body.append(Instr("list_append", (held, copies.env[v]), None, (more,)))
            ends.append(more)
        results = tuple(Value(held.name, held.kind) for held in lists)
        self.instrs.append(Instr(
            "for", (("range", 0, n, 1), tuple(starts)), None, results,
            (Block((i, *lists), body, tuple(ends)),),
        ))  # fmt: skip
        for v, held in zip(given, results):
            try:
                many = Value(v.name, self.many(v.kind), v.user)
                op: Any = np.array
            except NeedsLoop:  # nobody reads it but the caller
                many, op = Value(v.name, OBJECT, v.user), kernels.stack_examples
            of_none = v.kind.rank == 0 and v.kind.dtype == np.dtype(float)  # np.array([]) is right
            attrs = {} if of_none else {"of_examples": True, "fresh": op is not np.array}
            self.instrs.append(Instr(op, (held,), None, (many,), (), attrs))
            self.env[v] = many
            self.stuck.discard(v)

    # ------------------------------------------------------------------ what is emitted

    def many(self, kind: Kind) -> Kind:
        """The kind of a value of one example, for all of them."""
        if kind.tag == "list":
            return Kind("list", items=None if kind.items is None else
                        tuple(map(self.many, kind.items)))  # fmt: skip
        if not kind.numeric or kind.dims is None or kind.dtype is None or \
                kind.dtype.kind not in "biufc":  # fmt: skip
            raise NeedsLoop
        return Kind("array", kind.dtype, (self.size, *kind.dims))

    def length(self) -> Value:
        """How many examples there are."""
        if self.count is None:
            self.count = Value("n", INT._replace(size=self.size))
            self.prologue.append(Instr(len, (self.first,), None, (self.count,)))
        return self.count

    def emit(self, op: Any, args: tuple, kind: Kind | None = None, kwargs: dict | None = None,
             name: str = "t", where: Any = None, **attrs: Any) -> Value:  # fmt: skip
        if kind is None:
            kind = infer(op, args, kwargs or {})
        result = Value(name, kind)
        self.instrs.append(Instr(op, args, kwargs, (result,), (), attrs, where))
        return result

    def bind(self, instr: Instr, op: Any, args: tuple, kwargs: dict | None = None,
             **attrs: Any) -> None:  # fmt: skip
        """Emit what takes the place of an instruction with one result, if that is sure."""
        (r,) = instr.results
        kind = self.many(r.kind)
        if r.kind.tag != "list" and not isinstance(op, str):
            agree(infer(op, args, kwargs or {}), kind)
        many = Value(r.name, kind, r.user)
        self.instrs.append(Instr(op, args, kwargs, (many,), (), attrs, instr.where))
        self.env[r] = many

    def let(self, value: Value, many: Any) -> None:
        """Let an emitted value take the place of another."""
        kind = self.many(value.kind)
        if not isinstance(many, Value):
            raise NeedsLoop
        agree(many.kind, kind)
        many.kind = kind
        self.env[value] = many

    def put(self, tree: Any) -> Any:
        return map_tree(lambda v: self.env.get(v, v), tree)

    def on(self, tree: Any) -> bool:
        """Whether something in a tree of arguments depends on the batch."""
        return any(v in self.depends for v in flatten(tree))

    def aligned(self, arg: Any, rank: int, where: Any) -> Any:
        """An operand whose own axes, of which there may be fewer, count from the right."""
        if not isinstance(arg, Value) or arg not in self.depends:
            return arg
        have = arg.kind.rank
        if have is None or have > rank:
            raise NeedsLoop
        many = self.env[arg]
        if have == rank:
            return many
        key = (Slice(), *[None] * (rank - have))
        return self.emit("getitem", (many, key), None, None, arg.name, where, view=True)

    def spread_out(self, leaf: Any, kind: Kind, where: Any) -> Any:
        """What is the same for all examples, once for each."""
        n = self.length()
        maker = self.makers.get(leaf) if isinstance(leaf, Value) else None
        name = leaf.name if isinstance(leaf, Value) else "t"
        have = leaf_kind(leaf)
        if kind.tag == "list":
            if maker is not None and maker.op == "list" and not flatten(maker.args) and \
                    maker.args == ([],):  # fmt: skip
                return self.emit("list", ([],), Kind("list"), None, name, where)
            raise NeedsLoop
        if kind.numeric and have.numeric:
            if kind.rank != have.rank:
                raise NeedsLoop
            kind = kind._replace(shape=have.shape) if have.tag == kind.tag else kind
        many = self.many(kind if kind.numeric else have)
        if maker is not None and maker.op in MADE and not maker.results[0].kind.tag == "scalar":
            shape, *rest = maker.args or (maker.kwargs.get("shape"),)
            if "shape" not in maker.kwargs and shape is not None:
                shape = self.many_shape(shape)
                attrs = {k: v for k, v in maker.attrs.items() if k != "method"}
                return self.emit(maker.op, (shape, *rest), many, maker.kwargs, name, where, **attrs)
        if maker is not None and maker.op in LIKE and len(maker.args) == 1 and \
                not maker.kwargs and isinstance(maker.args[0], Value) and \
                maker.args[0] not in self.depends | self.doubtful and have.rank:  # fmt: skip
            shape = tuple(self.emit("shape", (maker.args[0], k), INT, None, "n", where)
                          for k in range(have.rank))  # fmt: skip
            kwargs = {} if many.dtype == float else {"dtype": many.dtype}
            return self.emit(LIKE[maker.op], ((n, *shape),), many, kwargs, name, where)
        if not isinstance(leaf, Value):
            if not isinstance(leaf, (bool, int, float, complex, np.generic)):
                raise NeedsLoop
            if type(leaf) in (int, float) and leaf == 0 and many.dtype == float:
                return self.emit(np.zeros, (n,), many, None, name, where)
            kwargs = {} if np.asarray(leaf).dtype == many.dtype else {"dtype": many.dtype}
            return self.emit(np.full, (n, leaf), many, kwargs, name, where)
        if have.dtype != many.dtype:
            raise NeedsLoop
        if leaf in self.doubtful or maker is not None and any(
            v in self.doubtful for v in maker.operands
        ):  # fmt: skip
            return self.emit(kernels.for_each, (leaf, n), many, None, name, where)
        if have.rank == 0:
            shape = (n,)
        else:
            known = self.emit(np.shape, (leaf,), Kind("tuple"), None, "shape", where)
            shape = self.many_shape(known)
        return self.emit(np.broadcast_to, (leaf, shape), many, None, name, where)

    def many_shape(self, shape: Any) -> Any:
        """The shape of all examples, of that of one."""
        if isinstance(shape, Value):
            if shape in self.full:
                return self.full[shape]
            if shape.kind.tag == "scalar":
                return (self.length(), shape)
            if shape.kind.tag != "tuple":
                raise NeedsLoop
            return self.emit(operator.add, ((self.length(),), shape), Kind("tuple"), None, "shape")
        if isinstance(shape, (tuple, list)):
            return (self.length(), *shape)
        return (self.length(), shape)

    # ------------------------------------------------------------------ one instruction

    def instr(self, instr: Instr) -> None:
        if any(v in self.stuck for v in instr.reads):
            raise NeedsLoop
        if not self.touched(instr):
            self.instrs.append(instr)
        elif instr.op in REGIONS:
            getattr(self, f"{instr.op}_")(instr)
        elif instr.op in SHAPES and not self.on(instr.results):
            self.shape(instr)
        elif instr.effect or not any(r in self.depends for r in instr.results):
            raise NeedsLoop
        else:
            self.operation(instr)

    def operation(self, instr: Instr) -> None:
        op, instr = instr.op, by_place(instr)
        special = HANDLERS.get(op)
        if special is not None:
            special(self, instr)
            return
        if isinstance(op, str) or instr.attrs.get("opaque") or instr.attrs.get("half") or \
                instr.attrs.get("taped"):  # fmt: skip
            raise NeedsLoop
        how = BATCHING.get(op)
        if op in MATH:
            how = "elements"
        if how is None:
            rule = rule_of(op, forward=True)
            how = "elements" if is_ufunc(op) or rule is not None and rule.by_elements and \
                getattr(op, "__module__", "") == "_operator" else None  # fmt: skip
        if how == "elements":
            self.elements(instr)
        elif isinstance(how, AlongAxis):
            self.along_axis(instr, how)
        elif how is not None:
            self.by_rule(instr, how)
        else:
            raise NeedsLoop

    def shape(self, instr: Instr) -> None:
        """The shape of one example, which all have; the result does not depend on the batch."""
        x, *rest = instr.args
        if not isinstance(x, Value) or instr.kwargs or self.on(rest):
            raise NeedsLoop
        many = self.env[x]
        if x.kind.tag == "list":
            if instr.op is not len:
                raise NeedsLoop
            self.instrs.append(instr.replace(args=(many,)))
        elif x.kind.rank is None:
            raise NeedsLoop
        elif instr.op == "shape" and rest or instr.op is len:
            (at,) = rest or (0,)
            if type(at) is not int:
                raise NeedsLoop
            at = at + 1 if at >= 0 else at
            self.instrs.append(instr.replace(op="shape", args=(many, at), attrs={}))
        elif instr.op is np.shape or instr.op == "shape":
            whole = self.emit(np.shape, (many,), Kind("tuple"), None, "shape", instr.where)
            self.instrs.append(
                instr.replace(op="getitem", args=(whole, Slice(1)), kwargs={}, attrs={})
            )
            self.full[instr.results[0]] = whole
        elif instr.op is np.size and not rest:
            one = self.emit("getitem", (many, 0), None, None, x.name, instr.where, view=True)
            self.instrs.append(instr.replace(args=(one,)))
        else:
            raise NeedsLoop

    def elements(self, instr: Instr) -> None:
        """An operation on each element, with operands that are broadcast."""
        (r,) = only(instr.results)
        rank, where = r.kind.rank, instr.where
        if rank is None or self.on(tuple(instr.kwargs.values())):
            raise NeedsLoop
        kinds = list(map(leaf_kind, instr.args))
        if not all(kind.numeric for kind in kinds):
            raise NeedsLoop
        op, attrs = MATH.get(instr.op, instr.op), instr.attrs
        if isinstance(op, np.ufunc) and len(kinds) != op.nin:
            raise NeedsLoop  # what follows would be written into
        if all(kind.python for kind in kinds):
            if r.kind.dtype is None or r.kind.dtype.kind == "i":
                raise NeedsLoop  # Python's ints have no limit
        if instr.op in MATH or all(kind.python for kind in kinds) and op in RAISES:
            if not self.watched:
                raise NeedsLoop
            attrs = attrs | {"watched": True}
        args = tuple(self.aligned(a, rank, where) for a in instr.args)
        self.bind(instr, op, args, instr.kwargs, **attrs)

    def along_axis(self, instr: Instr, how: AlongAxis) -> None:
        x, *rest = instr.args
        kwargs = dict(instr.kwargs)
        place = how.place - 1
        if "axis" in kwargs:
            axis = kwargs.pop("axis")
        else:
            axis = rest[place] if place < len(rest) else how.default
        if not isinstance(x, Value) or x not in self.depends or len(rest) > place + 1 or \
                self.on((rest, kwargs)) or flatten(axis) or x.kind.rank is None:  # fmt: skip
            raise NeedsLoop
        rank, many = x.kind.rank, self.env[x]
        if axis is None and how.flat:
            if rank != 1:
                shape = (self.length(), -1)
                many = self.emit(np.reshape, (many, shape), None, None, x.name, instr.where)
            axis = 1
        elif axis is None:
            axis = 1 if rank == 1 else tuple(range(1, rank + 1))
        else:
            axis = moved_on(axis)
        args = (many, *rest[:place])
        self.bind(instr, instr.op, args, kwargs | {"axis": axis}, **instr.attrs)

    def by_rule(self, instr: Instr, how: BatchRule) -> None:
        """What the batching rule of an operation says."""
        given = tuple(self.on(a) for a in instr.args)
        if self.on(tuple(instr.kwargs.values())) or not all(
            how.takes(k) for k, on in enumerate(given) if on
        ):  # fmt: skip
            raise NeedsLoop
        args = tuple(map(self.put, instr.args))
        made: list[Instr] = []
        try:
            found = self.expand(how.rule, (given, *args), instr.kwargs, made, instr.where)
        except (SrcdiffError, TypeError):  # an axis that is not known, a keyword that is not taken
            raise NeedsLoop from None
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != len(instr.results):
            raise NeedsLoop
        self.instrs += self.without_double_transposes(made)
        for r, many in zip(instr.results, found):
            if isinstance(many, Value) and many in self.env.values():
                many = self.emit("identity", (many,), many.kind, None, r.name, instr.where)
            self.let(r, many)
            many.name, many.user = r.name, r.user

    def without_double_transposes(self, made: list[Instr]) -> list[Instr]:
        """The transpose of a transpose of a matrix is the matrix."""
        env: dict[Value, Any] = {}
        kept = []
        for instr in made:
            instr = substitute(instr, env)
            of = instr.args[0] if instr.op is np.transpose and len(instr.args) == 1 else None
            maker = self.makers.get(of) if isinstance(of, Value) else None
            if maker is not None and maker.op is np.transpose and len(maker.args) == 1 and \
                    not maker.kwargs and of.kind.rank == 2:  # fmt: skip
                env[instr.results[0]] = maker.args[0]
            else:
                kept.append(instr)
        return kept

    # ------------------------------------------------------------------ regions

    def block(self, block: Block, ends: Callable) -> Block:
        outer, self.instrs = self.instrs, []
        try:
            for instr in block.instrs:
                self.instr(instr)
            results = ends(block.results)
            return Block(tuple(self.env.get(p, p) for p in block.params), self.instrs, results)
        finally:
            self.instrs = outer

    def end(self, tree: Any, r: Value, where: Any) -> Any:
        """What leaves a block, or enters a loop, as the value that it becomes."""
        if r not in self.depends:
            return tree
        if tree is UNDEFINED:
            return tree
        if isinstance(tree, Value) and tree in self.depends:
            if tree in self.stuck or leaf_kind(tree).dtype != r.kind.dtype:
                raise NeedsLoop
            return self.env[tree]
        return self.spread_out(tree, r.kind, where)

    def named(self, v: Value) -> Value:
        if v not in self.depends:
            return v
        self.env[v] = many = Value(v.name, self.many(v.kind), v.user)
        return many

    def if_(self, instr: Instr) -> None:
        if self.on(instr.args):
            raise NeedsLoop
        blocks = tuple(
            self.block(b, lambda ends: tuple(
                self.end(e, r, instr.where) for e, r in zip(ends, instr.results)))
            for b in instr.blocks
        )  # fmt: skip
        results = tuple(map(self.named, instr.results))
        self.instrs.append(instr.replace(blocks=blocks, results=results))

    def for_(self, instr: Instr) -> None:
        iterable, inits = instr.args
        if self.on(iterable):
            raise NeedsLoop
        self.loop_region(instr, (iterable,), inits)

    def while_(self, instr: Instr) -> None:
        self.loop_region(instr, (), instr.args[0])

    def loop_region(self, instr: Instr, head: tuple, inits: tuple) -> None:
        params, _ = carried(instr)
        starts = tuple(self.end(x, p, instr.where) for x, p in zip(inits, params))
        for b in instr.blocks:
            for p in b.params:
                self.named(p)
        count = len(params)

        def test_ends(ends: tuple) -> tuple:
            if self.on(ends):
                raise NeedsLoop
            return ends

        def body_ends(ends: tuple) -> tuple:
            if self.on(ends[count:]):
                raise NeedsLoop
            return (*(self.end(e, p, instr.where) for e, p in zip(ends, params)), *ends[count:])

        blocks = [self.block(b, test_ends) for b in instr.blocks[:-1]]
        blocks.append(self.block(instr.blocks[-1], body_ends))
        results = tuple(map(self.named, instr.results))
        self.instrs.append(
            instr.replace(args=(*head, starts), blocks=tuple(blocks), results=results)
        )

    # ------------------------------------------------------------------ reading and storing

    def key_of(self, key: Any, rank: int, base_many: bool, where: Any) -> tuple[Any, bool]:
        """A key for all examples, and whether it names the example by a number of its own.

        rank   how many axes an example has
        """
        if isinstance(key, Value) and key.kind.tag == "tuple":
            raise NeedsLoop
        parts = key if type(key) is tuple else (key,)
        arrays = [k for k, p in enumerate(parts) if is_array_part(p)]
        if not self.on(key):
            if arrays:
                numbers = [k for k, p in enumerate(parts) if is_array_part(p) or is_int(p)]
                if numbers != list(range(numbers[0], numbers[-1] + 1)):
                    raise NeedsLoop  # NumPy puts the axes of such a key in front
            return ((Slice(), *parts) if base_many else key), False
        numbers = [k for k, p in enumerate(parts) if is_array_part(p) or is_int(p)]
        if numbers != list(range(len(numbers))) or not all(map(is_plain_part, parts)):
            raise NeedsLoop
        if not numbers or any(isinstance(p, Slice) and self.on(p) for p in parts):
            raise NeedsLoop  # parts of different lengths
        ranks = [leaf_kind(parts[k]).rank for k in numbers]
        if None in ranks or any(type(parts[k]) is list for k in numbers):
            raise NeedsLoop
        most = max(ranks)  # type: ignore[type-var]
        made = [self.aligned(parts[k], most, where) for k in numbers]
        if base_many:
            kind = Kind("array", np.dtype(int), (self.size,))
            place = self.emit(np.arange, (self.length(),), kind, None, "places", where)
            if most:
                place = self.emit("getitem", (place, (Slice(), *[None] * most)), None, None,
                                  "places", where, view=True)  # fmt: skip
            made.insert(0, place)
        found = (*made, *parts[len(numbers) :])
        return (found if len(found) > 1 else found[0]), True

    def getitem(self, instr: Instr) -> None:
        base, key = instr.args
        (r,) = instr.results
        if not isinstance(base, Value):
            raise NeedsLoop
        if base.kind.tag == "list":
            if self.on(key) or r.kind.tag == "tuple":
                raise NeedsLoop
            many = Value(r.name, self.many(r.kind), r.user)
            self.instrs.append(instr.replace(args=(self.env[base], key), results=(many,)))
            self.env[r] = many
            return
        if base.kind.tag not in ("array", "scalar") or base.kind.rank is None:
            raise NeedsLoop
        if is_mask(key) and self.on(key):
            raise NeedsLoop
        whole, _ = self.key_of(key, base.kind.rank, base in self.depends, instr.where)
        args = (self.put(base), whole)
        if whole == (Slice(),) or whole == (Slice(), ...):  # the number in an array without axes
            self.let(r, self.emit("identity", args[:1], args[0].kind, None, r.name, instr.where))
            return
        kind = self.many(r.kind)
        agree(infer("getitem", args, {}), kind)
        attrs = instr.attrs if base in self.depends and not self.on(key) else {}
        many = Value(r.name, kind, r.user)
        self.instrs.append(Instr("getitem", args, None, (many,), (), attrs, instr.where))
        self.env[r] = many

    def store(self, instr: Instr) -> None:
        base, path, key, value = instr.args
        (r,) = instr.results
        where = instr.where
        if base.kind.tag != "array" or base.kind.rank is None:
            raise NeedsLoop
        kinds: Kind = base.kind
        steps = []
        for step in path:
            if step[0] != "getitem" or len(step) != 2 or self.on(step):
                raise NeedsLoop
            kinds = infer("getitem", (Value("t", kinds), step[1]), {})
            whole, _ = self.key_of(step[1], 0, True, where)
            steps.append(("getitem", whole))
        region = kinds if key is ... else infer("getitem", (Value("t", kinds), key), {})
        given = leaf_kind(value)
        if region.dims is None or given.dims is None or not given.numeric or \
                given.dims and len(given.dims) > len(region.dims):  # fmt: skip
            raise NeedsLoop
        if key is ...:
            whole = ...
        elif is_mask(key) and self.on(key):
            if self.on(value) or given.rank:
                raise NeedsLoop  # each example has as many values as its mask has
            whole = self.put(key)
        else:
            if steps and self.on(key):
                raise NeedsLoop
            whole, _ = self.key_of(key, kinds.rank or 0, True, where)
        if value is not None and self.on(value):
            value = self.aligned(value, len(region.dims), where)
        old = self.env[base] if base in self.depends else self.spread_out(base, base.kind, where)
        many = Value(r.name, self.many(r.kind), r.user)
        self.instrs.append(
            instr.replace(args=(old, tuple(steps), whole, value), results=(many,))
        )
        self.env[r] = many

    # ------------------------------------------------------------------ shapes and lists

    def same(self, instr: Instr) -> None:
        """What is done to the whole of an array."""
        x, *rest = instr.args
        if not isinstance(x, Value) or self.on((rest, tuple(instr.kwargs.values()))) or \
                "shape" in instr.kwargs or x.kind.tag == "list":  # fmt: skip
            raise NeedsLoop
        attrs = {k: v for k, v in instr.attrs.items() if x.kind.tag == "array" or k != "method"}
        self.bind(instr, instr.op, (self.env[x], *rest), instr.kwargs, **attrs)

    def full_like(self, instr: Instr) -> None:
        x, *rest = instr.args
        rank = instr.results[0].kind.rank
        if x not in self.depends or rank is None or len(rest) != 1 or \
                "shape" in instr.kwargs or self.on(tuple(instr.kwargs.values())):
            raise NeedsLoop
        fill = self.aligned(rest[0], rank, instr.where)
        self.bind(instr, np.full_like, (self.env[x], fill), instr.kwargs, **instr.attrs)

    def broadcast_to(self, instr: Instr) -> None:
        x, shape, *rest = instr.args
        (r,) = instr.results
        if self.on(shape) or rest or instr.kwargs or r.kind.rank is None or \
                not isinstance(x, Value):  # fmt: skip
            raise NeedsLoop
        many = self.aligned(x, r.kind.rank, instr.where)
        self.bind_shape(instr, np.broadcast_to, many, self.many_shape(shape))

    def reshape(self, instr: Instr) -> None:
        x, shape, *rest = instr.args
        if self.on(shape) or rest or not isinstance(x, Value) or \
                instr.kwargs.get("order", "C") != "C" or instr.kwargs.keys() - {"order"}:
            raise NeedsLoop
        attrs = {k: v for k, v in instr.attrs.items() if k == "view"}
        self.bind_shape(instr, np.reshape, self.env[x], self.many_shape(shape), **attrs)

    def ravel(self, instr: Instr) -> None:
        x, *rest = instr.args
        if rest or instr.kwargs or not isinstance(x, Value):
            raise NeedsLoop
        attrs = {k: v for k, v in instr.attrs.items() if k == "view"}
        if x.kind.rank == 1:
            op: Any = "copy" if instr.op is np.ndarray.flatten else "identity"
            self.bind(instr, op, (self.env[x],))
            return
        shape = (self.length(), -1)
        self.bind_shape(instr, np.reshape, self.env[x], shape, **attrs)
        if instr.op is np.ndarray.flatten:
            many = self.env[instr.results[0]]
            self.env[instr.results[0]] = self.emit("copy", (many,), many.kind, None, many.name)

    def bind_shape(self, instr: Instr, op: Any, x: Any, shape: Any, **attrs: Any) -> None:
        (r,) = instr.results
        kind = self.many(r.kind)
        many = Value(r.name, kind, r.user)
        self.instrs.append(Instr(op, (x, shape), None, (many,), (), attrs, instr.where))
        self.env[r] = many

    def unbroadcast(self, instr: Instr) -> None:
        """A sum to a shape: first over the axes that it does not have."""
        d, shape = instr.args
        (r,) = instr.results
        where = instr.where
        if self.on(shape) or not isinstance(d, Value) or d.kind.rank is None or \
                r.kind.rank is None or d.kind.rank < r.kind.rank:  # fmt: skip
            raise NeedsLoop
        many = self.env[d]
        extra = d.kind.rank - r.kind.rank
        if extra:
            axes = 1 if extra == 1 else tuple(range(1, extra + 1))
            many = self.emit(np.sum, (many,), None, {"axis": axes}, d.name, where)
        if r.kind.rank == 0:
            self.let(r, many if extra else
                     self.emit("identity", (many,), many.kind, None, r.name, where))  # fmt: skip
            return
        self.bind_shape(instr, kernels.unbroadcast, many, self.many_shape(shape), **instr.attrs)

    def array(self, instr: Instr) -> None:
        """`np.array` of an array or a number, or of a list of them."""
        items, *rest = instr.args
        if rest or instr.kwargs.keys() - {"dtype", "copy"} or "only" in instr.attrs:
            raise NeedsLoop
        if isinstance(items, Value) and items.kind.tag == "list":
            if items.kind.items is None or instr.kwargs:
                raise NeedsLoop
            self.bind_shape_of_list(instr, self.env[items])
        elif isinstance(items, Value):
            if instr.kwargs:
                raise NeedsLoop
            self.same(instr)
        else:
            self.stacked(instr, items, 0)

    def bind_shape_of_list(self, instr: Instr, items: Value) -> None:
        (r,) = instr.results
        many = Value(r.name, self.many(r.kind), r.user)
        op = np.array if instr.op is np.asarray else instr.op
        first = self.emit(op, (items,), Kind("array", r.kind.dtype, None), None, r.name)
        dims = r.kind.dims or ()
        first.kind = Kind("array", r.kind.dtype, (*dims[:1], self.size, *dims[1:]))
        self.instrs.append(Instr(np.swapaxes, (first, 0, 1), None, (many,), (), {}, instr.where))
        self.env[r] = many

    def stacked(self, instr: Instr, items: Any, axis: Any) -> None:
        (r,) = instr.results
        if not isinstance(items, (tuple, list)) or r.kind.rank is None or type(axis) is not int:
            raise NeedsLoop
        if any(isinstance(part, (tuple, list)) for part in items):
            raise NeedsLoop
        parts = []
        for item in items:
            kind = leaf_kind(item)
            if kind.rank != r.kind.rank - 1 or kind.dtype is None:
                raise NeedsLoop
            if isinstance(item, Value) and item in self.depends:
                parts.append(self.env[item])
            else:
                want = kind._replace(dtype=r.kind.dtype) if kind.python else kind
                parts.append(self.spread_out(item, want if not isinstance(item, Value) else kind,
                                             instr.where))  # fmt: skip
        axis = axis + 1 if axis >= 0 else axis
        dtype = instr.kwargs.get("dtype")
        agree(infer(np.stack, (parts,), {"axis": axis}), self.many(r.kind), dtype is not None)
        kwargs = {"axis": axis} | ({} if dtype is None else {"dtype": dtype})
        many = Value(r.name, self.many(r.kind), r.user)
        self.instrs.append(Instr(np.stack, (parts,), kwargs, (many,), (), {}, instr.where))
        self.env[r] = many

    def stack(self, instr: Instr) -> None:
        items, *rest = instr.args
        axis = rest[0] if rest else instr.kwargs.get("axis", 0)
        if len(rest) > 1 or instr.kwargs.keys() - {"axis"}:
            raise NeedsLoop
        if isinstance(items, Value) and items.kind.tag == "list" and axis == 0:
            self.bind_shape_of_list(instr, self.env[items])
            return
        self.stacked(instr, items, axis)

    def concatenate(self, instr: Instr) -> None:
        items, *rest = instr.args
        axis = rest[0] if rest else instr.kwargs.get("axis", 0)
        if len(rest) > 1 or instr.kwargs.keys() - {"axis"} or type(axis) is not int or \
                not isinstance(items, (tuple, list)):  # fmt: skip
            raise NeedsLoop
        parts = [
            self.env[x] if isinstance(x, Value) and x in self.depends
            else self.spread_out(x, leaf_kind(x), instr.where) for x in items
        ]  # fmt: skip
        axis = axis + 1 if axis >= 0 else axis
        self.bind(instr, np.concatenate, (parts,), {"axis": axis})

    def listed(self, instr: Instr) -> None:
        """An operation on a list whose items have a leading axis each."""
        lists, items = LISTS[instr.op]
        (r, *more) = instr.results
        args = list(instr.args)
        rest = [a for k, a in enumerate(args) if k not in (*lists, *items)]
        if self.on(rest) or instr.kwargs or r.kind.items is None:
            raise NeedsLoop
        (item,) = r.kind.items if len(r.kind.items) == 1 else (None,)
        if item is None or not item.numeric:
            raise NeedsLoop
        for k in lists:
            if args[k] in self.depends:
                args[k] = self.env[args[k]]
            else:
                args[k] = self.spread_out(args[k], r.kind, instr.where)
        for k in items:
            value = args[k]
            if leaf_kind(value).dtype != item.dtype:
                raise NeedsLoop
            args[k] = self.env[value] if self.on(value) else \
                self.spread_out(value, item, instr.where)  # fmt: skip
        results = tuple(map(self.named, instr.results))
        self.instrs.append(instr.replace(args=tuple(args), results=results))

    def number(self, instr: Instr) -> None:
        """`float(x)`: a number in an array of its dtype."""
        (x,) = instr.args
        (r,) = instr.results
        if not isinstance(x, Value) or x.kind.tag != "scalar" or instr.kwargs or \
                r.kind.dtype is None or x.kind.dtype is None:  # fmt: skip
            raise NeedsLoop
        if x.kind.dtype == r.kind.dtype:
            self.let(r, self.emit("identity", (self.env[x],), None, None, r.name, instr.where))
        elif x.kind.dtype.kind in "fiub" and r.kind.dtype.kind == "f":
            self.bind(instr, np.astype, (self.env[x], r.kind.dtype))
        else:
            raise NeedsLoop

    def negated(self, instr: Instr) -> None:
        """`not c`."""
        (x,) = instr.args
        if leaf_kind(x).dtype != np.dtype(bool) or leaf_kind(x).rank != 0:
            raise NeedsLoop
        self.bind(instr, np.logical_not, (self.env[x],))

    def extreme(self, instr: Instr) -> None:
        """`max(a, b)` and `min(a, b)` of numbers: the first, unless the second is better."""
        if len(instr.args) != 2 or instr.kwargs or any(
            leaf_kind(a).rank != 0 or leaf_kind(a).dtype != instr.results[0].kind.dtype
            for a in instr.args
        ):  # fmt: skip
            raise NeedsLoop
        a, b = map(self.put, instr.args)
        better = operator.gt if instr.op is builtins.max else operator.lt
        second = self.emit(better, (b, a), None, None, "second", instr.where)
        self.bind(instr, np.where, (second, b, a))


LISTS: dict[Any, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "list_append": ((0,), (1,)), "list_pop": ((0,), ()), "list_setitem": ((0,), (2,)),
    "list_add": ((0,), (2,)), "list_merge": ((0, 1), ()),
}  # fmt: skip

HANDLERS: dict[Any, Callable[[Batch, Instr], None]] = {
    **dict.fromkeys(SAME, Batch.same), **dict.fromkeys(LISTS, Batch.listed),
    "getitem": Batch.getitem, "setitem": Batch.store, "add_at": Batch.store,
    np.full_like: Batch.full_like,
    np.broadcast_to: Batch.broadcast_to, np.reshape: Batch.reshape, np.ravel: Batch.ravel,
    np.ndarray.flatten: Batch.ravel, kernels.unbroadcast: Batch.unbroadcast,
    np.array: Batch.array, np.asarray: Batch.array, np.stack: Batch.stack,
    np.concatenate: Batch.concatenate, float: Batch.number, np.float64: Batch.number,
    np.float32: Batch.number, operator.not_: Batch.negated,
    builtins.max: Batch.extreme, builtins.min: Batch.extreme,
}  # fmt: skip


def by_place(instr: Instr) -> Instr:
    """The same call, with what it must be given at its place, not as a keyword."""
    rule = None if isinstance(instr.op, str) or not instr.kwargs else rule_of(instr.op)
    if rule is None or not isinstance(rule.vjp, types.FunctionType):
        return instr
    code = rule.vjp.__code__
    needed = code.co_argcount - 2 - len(rule.vjp.__defaults__ or ())
    args, kwargs = instr.args, dict(instr.kwargs)
    for name in code.co_varnames[2 + len(args) : 2 + needed]:
        if name not in kwargs:
            break
        args = (*args, kwargs.pop(name))
    return instr.replace(args=args, kwargs=kwargs)


class Copies:
    """Copies of instructions, of which every value is a new one and every twin another."""

    def __init__(self) -> None:
        self.env: dict[Value, Any] = {}
        self.twins: dict[int, int] = {}

    def new(self, v: Value) -> Value:
        self.env[v] = made = v.like()
        return made

    def instr(self, instr: Instr) -> Instr:
        def put(tree: Any) -> Any:
            return map_tree(lambda v: self.env.get(v, v), tree)

        args, kwargs = put(instr.args), put(instr.kwargs)
        blocks = []
        for b in instr.blocks:
            params = tuple(map(self.new, b.params))
            instrs = [self.instr(i) for i in b.instrs]
            blocks.append(Block(params, instrs, put(b.results)))
        attrs = dict(instr.attrs)
        if "twin" in attrs:
            attrs["twin"] = self.twins.setdefault(attrs["twin"], new_twin())
        results = tuple(map(self.new, instr.results))
        return instr.replace(
            args=args, kwargs=kwargs, blocks=tuple(blocks), attrs=attrs, results=results
        )


# ---------------------------------------------------------------------------- what is known


class Dependence:
    """Which values of a program depend on the batch, and which lengths do not.

    found     the values that depend on it, and what is handed on as one of these though it may be
              unbound: it has its leading axis from where it is made, for nothing can be made of it
              where it is handed on
    uniform   the lengths that all examples share, as texts: those of arguments, of what does not
              depend on the batch, and of what is made of these by an operation whose result has a
              shape that follows from the shapes of its operands
    """

    def __init__(self, block: Block, batched: Iterable[Value]):
        given = set(batched)
        every = [*block.params, *(r for i in walk(block) for r in i.results)]
        every += [p for i in walk(block) for b in i.blocks for p in b.params]
        self.found = set(given)
        self.doubtful = perhaps_unbound(block)
        self.uniform: set[str] = set()
        while True:  # what is taken for the same for all gets less
            self.uniform = {
                repr(dim) for v in every if v not in self.found or v in given
                for dim in v.kind.dims or ()
            }  # fmt: skip
            old = len(self.found)
            self.instrs(block.instrs)
            if len(self.found) == old:
                return

    def is_uniform(self, kind: Kind) -> bool:
        """Whether arrays of a kind are proven to have the same shape for all examples."""
        return kind.numeric and kind.dims is not None and all(map(self.is_shared, kind.dims))

    def is_shared(self, dim: Dim) -> bool:
        return is_fixed(dim) or repr(dim) in self.uniform

    def on(self, tree: Any) -> bool:
        return any(v in self.found for v in flatten(tree))

    def tells_shape(self, instr: Instr) -> bool:
        """Whether it reads a shape, which all examples share."""
        if instr.op not in SHAPES or not isinstance(instr.args[0], Value):
            return False
        kind = instr.args[0].kind
        if instr.op == "shape" and len(instr.args) == 2 and type(instr.args[1]) is int:
            return kind.dims is not None and self.is_shared(kind.dims[instr.args[1]])
        return self.is_uniform(kind)

    def keeps_shapes(self, instr: Instr) -> bool:
        """Whether the shape of the result is the same for all, if those of the operands are."""
        op, args = instr.op, instr.args
        if not all(v not in self.found or self.is_uniform(v.kind) for v in instr.operands):
            return False
        if op == "getitem":
            parts = args[1] if type(args[1]) is tuple else (args[1],)
            return not any(self.on(p) and (isinstance(p, Slice) or leaf_kind(p).dtype == bool)
                           for p in parts)  # fmt: skip
        if isinstance(op, str):
            return op in ("setitem", "add_at", "copy", "identity")
        if op in (np.repeat, np.tile, np.broadcast_to, np.reshape, kernels.unbroadcast):
            return not self.on(args[1:]) and not self.on(tuple(instr.kwargs.values()))
        return op in BATCHING or op in HANDLERS or is_ufunc(op)

    def instrs(self, instrs: Iterable[Instr]) -> None:
        found = self.found
        for instr in instrs:
            if not any(v in found for v in (*instr.reads, *instr.results)):
                continue
            if not instr.blocks:
                if instr.op == "copy":
                    self.hand_on(instr.results[0], instr.args)
                if not self.tells_shape(instr):
                    found.update(instr.results)
                    if self.keeps_shapes(instr):
                        self.uniform.update(
                            repr(dim) for r in instr.results for dim in r.kind.dims or ()
                        )
            elif instr.op == "if":
                for block in instr.blocks:
                    self.instrs(block.instrs)
                on = self.on(instr.args)
                for r, ends in zip(instr.results, zip(*(b.results for b in instr.blocks))):
                    if on or self.on(ends):
                        found.add(r)
                    self.hand_on(r, ends)
            else:
                self.loop(instr)

    def hand_on(self, r: Value, ends: Iterable[Any]) -> None:
        if r in self.found:
            self.found.update(v for v in ends if isinstance(v, Value) and v in self.doubtful)

    def loop(self, instr: Instr) -> None:
        found, body = self.found, instr.blocks[-1]
        params, inits = carried(instr)
        others = [b.params for b in instr.blocks[:-1]]
        count = len(params)
        tests = instr.blocks[0].results if instr.op == "while" else instr.args[0]
        while True:
            before = len(found)
            # A number of steps of its own: all that is carried differs, and so does the count.
            on = self.on((tests, body.results[count:]))
            for k, (p, init, r, end) in enumerate(
                zip(params, inits, instr.results, body.results)
            ):
                if on or p in found or self.on((r, init, end)):
                    found.update((p, r, *(each[k] for each in others)))
                self.hand_on(r, (init, end))
            for block in instr.blocks:
                self.instrs(block.instrs)
            if on:
                found.update(instr.results)
                if instr.op == "for":
                    found.add(body.params[0])
            if len(found) == before:
                return


def perhaps_numbers(block: Block) -> set[Value]:
    """Results of branches that are arrays on one path and numbers on another, which nobody reads
    where they are numbers."""
    return {
        r for instr in walk(block) if instr.op == "if"
        for r, ends in zip(instr.results, zip(*(b.results for b in instr.blocks)))
        if r.kind.tag == "array" and any(leaf_kind(end).rank == 0 for end in ends) and r.kind.rank
    }  # fmt: skip


def twins_of(instr: Instr) -> set[int]:
    """The twin numbers of a region and of those inside it."""
    inner = [i for b in instr.blocks for i in walk(b)]
    return {i.attrs["twin"] for i in (instr, *inner) if "twin" in i.attrs}


def loud(instr: Instr) -> bool:
    """Whether an instruction, or one inside it, does what is not to be done once for all."""
    inner = (i for b in instr.blocks for i in walk(b))
    return any(i.effect and i.op not in QUIET for i in (instr, *inner))


def opaque_state(instr: Instr) -> bool:
    inner = (i for b in instr.blocks for i in walk(b))
    writes = ("append_outside", "store_outside", "delete_outside", "write_back")
    return any(i.op in writes for i in (instr, *inner))


def refusal(
    instr: Instr | None, what: str, cls: type[UnsupportedSyntaxError] = UnsupportedSyntaxError
) -> UnsupportedSyntaxError:
    where = instr.where.location if instr is not None and instr.where else None
    return cls(
        f"{what} has no form for many examples at once", where, "Loop over the examples."
    )


def infer(op: Any, args: Any, kwargs: dict) -> Kind:
    """The kind that an operation gives, if it is known."""
    kinds = tuple(map_tree(lambda v: v.kind, a) for a in args)
    options = {k: map_tree(lambda v: v.kind, a) for k, a in kwargs.items()}
    try:
        found = abstract.infer(op, kinds, options)
    except NeedsStatic:
        found = None
    if found is None:
        raise NeedsLoop
    return found


def agree(found: Kind, wanted: Kind, any_dtype: bool = False) -> None:
    """See to it that an operation on all examples gives what it gives for each."""
    same = found.tag == "array" and found.rank == wanted.rank
    if not same or not any_dtype and found.dtype != wanted.dtype:
        raise NeedsLoop


def only(results: tuple) -> tuple:
    if len(results) != 1:
        raise NeedsLoop
    return results


def is_ufunc(op: Any) -> bool:
    return isinstance(op, np.ufunc) and op.signature is None and op.nout == 1


def moved_on(axis: Any) -> Any:
    """Axes of one example, as axes of all.

    >>> moved_on(0), moved_on(-1), moved_on((0, 2))
    (1, -1, (1, 3))
    """
    if isinstance(axis, (tuple, list)):
        return tuple(map(moved_on, axis))
    if type(axis) is not int:
        raise NeedsLoop
    return axis + 1 if axis >= 0 else axis


def plural(name: str) -> str:
    return name if name.endswith("s") else f"{name}s"


def is_int(part: Any) -> bool:
    return type(part) is int or isinstance(part, Value) and part.kind.rank == 0


def is_array_part(part: Any) -> bool:
    """Whether a part of a key is an array: of numbers, or a mask."""
    if isinstance(part, Slice) or part is None or part is ... or is_int(part):
        return False
    return True


def is_plain_part(part: Any) -> bool:
    """Whether a part of a key is a number, an array of them, or a slice."""
    if isinstance(part, Value):
        return part.kind.numeric and part.kind.dtype is not None and part.kind.dtype.kind in "iu"
    return type(part) is int or isinstance(part, Slice)


def is_mask(key: Any) -> bool:
    return isinstance(key, Value) and key.kind.tag == "array" and key.kind.dtype == np.dtype(bool)
