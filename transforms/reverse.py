"""Reverse mode: the linear IR of a function, followed by its adjoint.

    (x: f8[n]):                 (x: f8[n]):
      y = np.sin(x)               y = np.sin(x)
      s = np.sum(y)          →    s = np.sum(y)
      return s                    adjoint()
                                  d_y = np.broadcast_to(1.0, (n,))
                                  d_x = mul(d_y, np.cos(x))
                                  return d_x

Each operation is reversed by its rule, written into the result (see `registry`). A region is
reversed by a region with the same twin number: the same steps, backwards, reading the values of
the same step. An adjoint that is not there yet is no array of zeros: the first contribution
assigns, later ones add. Regions take the adjoints of what they read as carried values and give
them back, so that nothing is zeroed inside a loop.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.declared import rule_name, ruled, too_few
from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import rule_of, tangent_names
from srcdiff.transforms import abstract
from srcdiff.transforms.activity import active
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    below,
    branches,
    carried,
    defined_inside,
    flatten,
    has_integer_arrays,
    has_list,
    leaf_kind,
    map_tree,
    new_twin,
    op_name,
    substitute,
    substitute_block,
    sweeps_in,
    through_reshape,
    walk,
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
    fresh_kind,
    fresh_size,
    is_undecided,
    kind_of,
    may_be_complex,
    of_one_size,
    proven_not_one,
    proven_one,
)  # fmt: skip

# Dtypes of which the gradient has the widest there is, whatever else is computed with.
WIDEST = (None, np.dtype(float), np.dtype(complex))
CASTS = frozenset({float, np.float64, np.float32, np.float16, np.complex128, np.complex64})


def reverse(block: Block, seeds: dict[Value, Any], wrt: Iterable[Value], expand: Callable,
            first: Iterable[Instr] = ()) -> tuple[Block, list]:  # fmt: skip
    """The block with its adjoint appended, and the gradient of each value in `wrt`.

    seeds    the adjoint of each result that has one
    expand   `expand(rule, args, kwargs, instrs, where)` writes a rule's body and returns the tree
             that it returns (the specialiser does that)
    first    what makes the seeds

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> from srcdiff.transforms.specialize import Specializer, expander
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (x: f8):
    ...       y = np.sin(x)
    ...       return y
    ... ''', kinds=lambda instr: [FLOAT])
    >>> (y,), (x,) = before.results, before.params
    >>> after, gradients = reverse(before, {y: 3.0}, [x], expander(Specializer()))
    >>> print(after.replace(results=tuple(gradients)))
    (x: f8):
      y = np.sin(x)
      adjoint() effect
      cos_x = np.cos(x)
      d_t = mul(3.0, cos_x)
      return d_t
    """
    wrt = tuple(wrt)
    sweep = Reverse(expand, active(block, wrt, seeds), set(wrt))
    sweep.home, sweep.sweeps = homes(block), sweeps_in(block)
    for region, number in sweep.sweeps.items():
        twin = region.attrs["twin"]
        sweep.counts[twin] = max(number + 1, sweep.counts.get(twin, 1))
    sweep.instrs.extend(first)
    for value, seed in seeds.items():
        if value in sweep.active:
            sweep.add(value, seed, None)
    sweep.block(block.instrs)
    gradients = [sweep.final(value) for value in wrt]
    marker = Instr("adjoint", attrs={"effect": True})
    return Block(block.params, [*block.instrs, marker, *sweep.instrs], ()), gradients


def addition(kind: Kind) -> Any:
    """What adds two adjoints of this kind."""
    return "list_merge" if kind.tag in ("list", "tuple") else operator.add


class Adjoint:
    """The adjoint of a value so far; `stale` are the places that a store has overwritten since.

    d<path>[key] is to be zeroed for each stale (path, key) before it is read or added to. What is
    to be added then is `waiting`: if it is for the stale place, it is stored there instead.
    """

    __slots__ = ("d", "stale", "waiting")

    def __init__(self, d: Any, stale: tuple = (), waiting: tuple = ()):
        self.d, self.stale, self.waiting = d, stale, waiting


class Reverse:
    def __init__(self, expand: Callable, active_values: set[Value], wrt: set[Value]):
        self.expand, self.active = expand, active_values
        self.wrt = wrt
        self.finished: dict[Value, Any] = {}  # the adjoints of local variables in wrt
        self.instrs: list[Instr] = []
        self.adjoints: dict[Value, Adjoint] = {}
        self.named: set[Value] = set()
        self.makers: dict[Value, Instr] = {}
        self.here: set[Value] = set()  # what the block that is reversed defines
        self.in_order: set[Any] = set()  # adjoints that are in C order
        self.guarded: dict[Value, Any] = {}  # zeros, made further out, of what may be unbound
        # Of a derivative that is differentiated, whose reverse sweep reads trails:
        self.home: dict[Value, int] = {}  # value → the twin number of the region that defines it
        self.sweeps: dict[Instr, int] = {}  # region → the number of its sweep
        self.counts: dict[int, int] = {}  # twin → how many sweeps there are already
        self.left = 0  # how many adjoints have been left for earlier sweeps
        self.pending: dict[Value, list] = {}  # trail → its adjoints, in later regions of that twin

    # ------------------------------------------------------------------ emission

    def emit(self, op: Any, args: tuple, kind: Kind | None, where: Any, name: str = "d_t",
             kwargs: dict | None = None, **attrs: Any) -> Value:  # fmt: skip
        if kind is None:
            kinds = tuple(map_tree(lambda v: v.kind, a) for a in args)
            kind = abstract.infer(op, kinds, kwargs or {}) or OBJECT
        result = Value(name, kind)
        self.instrs.append(Instr(op, args, kwargs, (result,), (), attrs, where))
        if op in ("setitem", "add_at") and args[0] in self.in_order:
            self.in_order.add(result)
        return result

    def zeros(self, value: Value, where: Any, like: Value | None = None) -> Any:
        """Zeros of the shape of a value, or of another that is bound where this one is."""
        like = like or value
        if value in self.guarded:
            return self.guarded[value]
        if value.kind.tag == "scalar":
            return self.zeros_like(like, where)
        maker = self.makers.get(value)
        if maker is not None and maker.blocks:
            guarded = self.zeros_if_bound(value, maker, where, like)
            if guarded is not None:
                return guarded
        return self.zeros_like(like, where)

    def zeros_like(self, value: Value, where: Any) -> Any:
        kind = value.kind
        if kind.tag == "scalar":
            return 0j if kind.dtype.kind == "c" and not is_undecided(kind) else 0.0
        if is_undecided(kind):  # what is added to parts of it may be complex in any case
            kind = decided(kind)
            kwargs = {"dtype": kind.dtype}
            return self.emit(np.zeros_like, (value,), kind, where, f"d_{value.name}", kwargs)
        op = "zero_list" if kind.tag in ("list", "tuple") else np.zeros_like
        return self.emit(op, (value,), kind, where, f"d_{value.name}")

    def zeros_if_bound(self, value: Value, maker: Instr, where: Any, like: Value) -> Any:
        """Zeros of what a branch or a loop may leave unbound; None if it surely binds it."""
        place = maker.results.index(value)
        result = Value(f"d_{value.name}", value.kind)
        for inside in (i for block in maker.blocks for i in block.instrs if i.blocks):
            self.makers.update(dict.fromkeys(inside.results, inside))
        if maker.op == "if":
            ends = [block.results[place] for block in maker.blocks]
            raises = any(i.op == "raise" for block in maker.blocks for i in block.instrs)
            inner = [e is UNDEFINED or self.may_be_unbound(e) for e in ends]
            if raises or not any(inner):
                return None
            blocks = []
            made = self.guard((e for b, e in zip(maker.blocks, ends) if e in b.free), where)
            for end in ends:
                found: list = []
                instrs = self.inside(lambda end=end, found=found: found.append(
                    end if end is UNDEFINED else
                    self.zeros(end, where, None if like is value else like)), {})  # fmt: skip
                blocks.append(Block((), instrs, tuple(found)))
            self.unguard(made)
            args, attrs = maker.args, self.twin(maker)
        else:
            params, inits = carried(maker)
            if place >= len(params):
                return None
            if inits[place] is not UNDEFINED:  # what is only written into is bound as before
                body = maker.blocks[-1]
                if self.may_be_unbound(inits[place]) and \
                        written_into(params[place], body.results[place], body):  # fmt: skip
                    return self.zeros(inits[place], where, like)
                return None
            count = maker.results[-1]
            if maker.op == "while" or maker.attrs.get("may_break"):
                ran = self.emit(operator.gt, (count, 0), BOOL, where, "ran")
            else:
                _, start, stop, step = maker.args[0]
                if not isinstance(step, int):
                    return None
                compare = operator.lt if step > 0 else operator.gt
                ran = self.emit(compare, (start, stop), BOOL, where, "ran")
            found = []
            instrs = self.inside(lambda: found.append(self.zeros_like(like, where)), {})
            blocks = [Block((), instrs, tuple(found)), Block((), (), (UNDEFINED,))]
            args, attrs = (ran,), {}
        self.named.add(result)
        self.instrs.append(Instr("if", args, None, (result,), tuple(blocks), attrs, where))
        return result

    def guard(self, values: Iterable[Value], where: Any) -> list[Value]:
        """Make the zeros of what may be unbound, before a region that may want them: they test
        what the region that binds it has tested, and stand beside it."""
        made = [v for v in values if v not in self.guarded and self.may_be_unbound(v)]
        self.guarded |= {v: self.zeros(v, where) for v in made}
        return made

    def unguard(self, values: list[Value]) -> None:
        for v in values:
            del self.guarded[v]

    def may_be_unbound(self, value: Any) -> bool:
        maker = self.makers.get(value) if isinstance(value, Value) else None
        if maker is None or not maker.blocks:
            return False
        place = maker.results.index(value)
        if maker.op == "if":
            return any(b.results[place] is UNDEFINED or self.may_be_unbound(b.results[place])
                       for b in maker.blocks)  # fmt: skip
        params, inits = carried(maker)
        return place < len(params) and (
            inits[place] is UNDEFINED or self.may_be_unbound(inits[place])
        )

    # ------------------------------------------------------------------ accumulation

    def add(self, value: Any, d: Any, where: Any, exact: bool = False) -> None:
        """Add a contribution to the adjoint of a value."""
        if not isinstance(value, Value) or value not in self.active or d is None:
            return
        d = self.fit(d, value, where, exact)
        found = self.adjoints.get(value)
        if found is not None:
            old = self.flush(found, where)
            attrs = {} if value.kind.tag in ("list", "tuple") else {"adjoint": True}
            d = self.emit(addition(value.kind), (old, d), value.kind, where, **attrs)
            if value.kind.tag == "array" and value.kind.dims == ():
                number = Kind("scalar", value.kind.dtype, python=False)
                d.kind = number  # a sum of 0-d arrays is a number
                d = self.emit(np.array, (d,), value.kind, where)
        self.christen(d, value)
        self.adjoints[value] = Adjoint(d)

    def add_passed(self, value: Any, d: Any, where: Any) -> None:
        """Add a contribution to the adjoint of a value that a region passes on as it is: unlike
        what reads it, that may happen where a branch has left it unbound."""
        found = self.adjoints.get(value) if isinstance(value, Value) else None
        maker = self.makers.get(value) if found is not None else None
        if found is None or maker is None or maker.op != "if":
            return self.add(value, d, where, True)
        place = maker.results.index(value)
        ends = [block.results[place] for block in maker.blocks]
        if UNDEFINED not in ends:
            return self.add(value, d, where, True)
        result, blocks = Value(f"d_{value.name}", value.kind), []
        for end in ends:
            if end is UNDEFINED:
                blocks.append(Block((), (), (UNDEFINED,)))
                continue
            instrs = self.inside(lambda: self.add(value, d, where, True), {value: found})
            blocks.append(Block((), instrs, (self.inner_adjoints[value].d,)))
        self.named.add(result)
        self.instrs.append(Instr("if", maker.args, None, (result,), tuple(blocks), {}, where))
        self.adjoints[value] = Adjoint(result)

    def christen(self, d: Any, value: Value) -> None:
        if isinstance(d, Value) and d not in self.named and not d.user:
            d.name = f"d_{value.name}" if value.user else "d_t"
            self.named.add(d)

    def flush(self, adjoint: Adjoint, where: Any) -> Any:
        """The adjoint with its stale places zeroed."""
        d = adjoint.d
        for path, key in adjoint.stale:
            d = self.writable(d, path, where)
            d = self.emit("setitem", (d, path, key, 0.0), d.kind, where, d.name)
        return self.caught_up(d, adjoint.waiting, where)

    def caught_up(self, d: Any, waiting: tuple, where: Any) -> Any:
        for path, key, more in waiting:
            d = self.writable(d, path, where)
            d = self.emit("add_at", (d, path, key, more), d.kind, where, d.name)
        return d

    def take(self, value: Value, where: Any) -> Any:
        """The finished adjoint of a value, None if nothing reached it."""
        found = self.adjoints.pop(value, None)
        return None if found is None else self.flush(found, where)

    def add_at(self, base: Value, path: tuple, key: Any, d: Any, where: Any) -> None:
        """Add a contribution to a part of the adjoint of an array."""
        if base not in self.active:
            return
        repeats = self.repeats(key)
        found, kind = self.adjoints.get(base), decided(base.kind)
        if found is None:
            zeros = self.zeros(base, where)
            op = "add_at" if repeats else "setitem"
            new = self.emit(op, (zeros, path, key, d), kind, where, f"d_{base.name}")
            if repeats:
                new_attrs = self.instrs[-1].attrs
                new_attrs["repeats"] = True
            self.adjoints[base] = Adjoint(new)
            return
        if not repeats and len(found.stale) == 1 and same(found.stale[0], (path, key)):
            old = self.writable(found.d, path, where)
            new = self.emit("setitem", (old, path, key, d), kind, where, f"d_{base.name}")
            self.adjoints[base] = Adjoint(self.caught_up(new, found.waiting, where))
            return
        if not repeats and len(found.stale) == 1 and len(found.waiting) < 8:
            self.adjoints[base] = Adjoint(found.d, found.stale, (*found.waiting, (path, key, d)))
            return
        old = self.writable(self.flush(found, where), path, where)
        attrs = {"repeats": True} if repeats else {}
        new = self.emit("add_at", (old, path, key, d), kind, where, f"d_{base.name}", **attrs)
        self.adjoints[base] = Adjoint(new)

    def fit(self, d: Any, value: Value, where: Any, exact: bool = False) -> Any:
        """A contribution in the shape and dtype of its value: broadcasting is summed back."""
        want = value.kind
        if exact and self.may_be_unbound(value):  # it fits where the value is bound
            return d
        if type(d) is float and want.dtype is not None and want.dtype.kind == "c" and not \
                is_undecided(want):  # fmt: skip
            d = complex(d)
        have = leaf_kind(d)
        if want.tag == "list" or want.tag == "object" or want.dims is None:
            if want.tag == "list" and have.tag in ("array", "object"):
                return self.emit(list, (d,), want, where)
            if want.tag == "object":
                return self.emit(kernels.unbroadcast, (d, self.shape(value, where)), OBJECT, where)
            return d
        if have.tag == "object" or have.dims is None:
            kind = want._replace(dtype=have.dtype or want.dtype)
            d = self.emit(kernels.unbroadcast, (d, self.shape(value, where)), kind, where)
            wide = decided(want).dtype
            if have.dtype is None and wide not in WIDEST:  # it may be of a higher precision
                d = self.cast(d, kind, wide, where)
        elif have.dims != want.dims and not (exact and have.rank == want.rank):
            d = self.sum_to(d, have, want, value, where)
        have = leaf_kind(d)
        if want.tag == "scalar" and have.tag == "array" and have.dims == ():
            number = Kind("scalar", have.dtype, python=False)
            d = self.emit("getitem", (d, ()), number, where)
            have = number
        if want.tag == "array" and want.dims == () and have.tag == "scalar":
            d = self.emit(np.array, (d,), want._replace(dtype=have.dtype), where)
            have = d.kind
        want = want._replace(dtype=have.dtype) if covers(want.dtype, have.dtype) else decided(want)
        if have.dtype is not None and want.dtype is not None and have.dtype != want.dtype:
            if have.dtype.kind == "c" and want.dtype.kind == "f":
                d = self.emit(np.real, (d,), None, where)
                have = d.kind
            if have.dtype != want.dtype and isinstance(d, Value):
                if have.tag == "array" or not (have.python and want.dtype == np.dtype(float)):
                    d = self.cast(d, have, want.dtype, where)
        return d

    def cast(self, d: Any, have: Kind, dtype: np.dtype, where: Any) -> Value:
        if have.tag == "array":
            return self.emit(np.astype, (d, dtype), have._replace(dtype=dtype), where)
        return self.emit(dtype.type, (d,), Kind("scalar", dtype, python=False), where)

    def handed_on(self, d: Any, kind: Kind, where: Any) -> Any:
        """A constant that leaves a block, where it must be of a lower precision than Python's."""
        if not below(d, kind):
            return d
        return self.emit(kind.dtype.type, (d,), kind._replace(python=False), where)

    def sum_to(self, d: Any, have: Kind, want: Kind, value: Value, where: Any) -> Any:
        extra = len(have.dims) - len(want.dims)
        want = want._replace(dtype=have.dtype or want.dtype)
        if extra < 0:
            if have.dims == ():  # the same number everywhere
                return self.emit(np.broadcast_to, (d, self.shape(value, where)), want, where)
            return self.emit(kernels.unbroadcast, (d, self.shape(value, where)), want, where)
        if want.dims == ():
            return self.emit(np.sum, (d,), Kind("scalar", have.dtype, python=False), where)
        inner = []
        for axis, (m, n) in enumerate(zip(want.dims, have.dims[extra:])):
            if m == n or (proven_not_one(m) and proven_not_one(n)):
                continue
            if proven_one(m) and (proven_not_one(n) or not proven_one(n)):
                inner.append(axis)
                continue
            if proven_not_one(m):
                continue
            return self.emit(kernels.unbroadcast, (d, self.shape(value, where)), want, where)
        if extra:
            axis = 0 if extra == 1 else tuple(range(extra))
            d = self.emit(np.sum, (d,), None, where, kwargs={"axis": axis})
        if inner:
            axis = inner[0] if len(inner) == 1 else tuple(inner)
            d = self.emit(np.sum, (d,), None, where, kwargs={"axis": axis, "keepdims": True})
        return d

    def shape(self, value: Value, where: Any) -> Value:
        return self.emit(np.shape, (value,), Kind("tuple"), where, "shape")

    def final(self, value: Value) -> Any:
        d = self.finished.get(value) if value in self.finished else self.take(value, None)
        return self.zeros(value, None) if d is None else d

    # ------------------------------------------------------------------ one instruction

    def block(self, instrs: tuple[Instr, ...]) -> None:
        outer, self.here = self.here, {r for instr in instrs for r in instr.results}
        for instr in instrs:
            for r in instr.results:
                self.makers[r] = instr
        for instr in reversed(instrs):
            if not any(r in self.adjoints for r in instr.results) and not self.awaits(instr):
                self.instrs += self.empty_sweeps((instr,))
                continue
            for r in instr.results:
                if r in self.wrt and r in self.adjoints:  # a local variable that is asked for
                    d = self.flush(self.adjoints[r], instr.where)
                    self.adjoints[r] = Adjoint(d)
                    self.finished[r] = d
            count = len(self.instrs)
            if instr.op == "if":
                self.reverse_if(instr)
            elif instr.op in ("for", "while"):
                self.reverse_loop(instr)
            else:
                self.reverse_instr(instr)
            if "checkpoint" in instr.attrs:
                self.belongs(count, instr.attrs["checkpoint"])
        self.here = outer

    def belongs(self, count: int, call: int) -> None:
        """What has been emitted since then reads what the call computes when it runs again."""
        for made in self.instrs[count:]:
            made.attrs = made.attrs | {"adjoint_of": call}

    def reverse_instr(self, instr: Instr) -> None:
        where = instr.where
        op = instr.op
        if isinstance(op, str):
            handler = getattr(self, f"reverse_{op}", None)
            if handler is None:
                raise NoRuleError(f"`{op}` has no derivative rule", where and where.location)
            handler(instr)
            return
        if instr.attrs.get("taped"):
            self.reverse_taped(instr)
            return
        if instr.attrs.get("half"):
            self.reverse_half(instr)
            return
        ds = [self.take(r, where) for r in instr.results]
        if op is ruled:
            self.apply_pair(instr, ds)
            return
        if op in CASTS or op is np.astype or (op is complex and len(instr.args) == 1):
            self.add(instr.operands[0], ds[0], where)
            return
        special = SPECIAL.get(op)
        if special is not None and special(self, instr, ds[0]):
            return
        rule = rule_of(op, forward=True)
        if rule is not None and rule.declared:
            self.apply_declared(rule, instr, ds)
            return
        if rule is None or rule.vjp is None or instr.attrs.get("opaque"):
            raise NoRuleError(
                f"{op_name(op)} has no derivative rule", where and where.location,
                "Give it one with `vjp_rule`, or mark what it returns with `detach`.")  # fmt: skip
        self.apply_rule(rule, instr, ds)

    def cotangent(self, rule: Any, instr: Instr, ds: list) -> tuple[Any, Any, bool]:
        """The adjoint of a result and the result, as a rule takes them; whether to conjugate."""
        where = instr.where
        complex_ = rule.analytic and any(
            may_be_complex(v.kind) for v in (*instr.operands, *instr.results)
        )
        if complex_:
            ds = [d if d is None else self.emit(np.conj, (d,), None, where) for d in ds]
        if len(instr.results) == 1 and "only" not in instr.attrs:
            return ds[0], instr.results[0], complex_
        d_out = tuple(self.zeros(r, where) if d is None else d for r, d in zip(instr.results, ds))
        return d_out, instr.results, complex_

    def apply_declared(self, rule: Any, instr: Instr, ds: list) -> None:
        """By a rule of the user's: `d_x = softplus_vjp(d_y, y, x)`."""
        where = instr.where
        ds = [d if d is None else self.full(d, r, where) for d, r in zip(ds, instr.results)]
        if rule.vjp is None:
            single = len(instr.results) == 1 and "only" not in instr.attrs
            self.transposed(rule, instr, ds, instr.results[0] if single else instr.results)
            return
        d_out, out, complex_ = self.cotangent(rule, instr, ds)
        found = self.expand.gradients(rule, instr, d_out, out, self.instrs, self.active)
        self.distribute(rule, instr, found, complex_)

    def apply_pair(self, instr: Instr, ds: list) -> None:
        """By the second function of a `custom_vjp`: `d_x, = f_bwd(res, d_y)`."""
        rule, (result,) = instr.attrs["rule"], instr.results
        d_out = self.full(ds[0], result, instr.where)
        d_out, _, complex_ = self.cotangent(rule, instr, [d_out])
        found = self.expand.by_pair(instr, d_out, self.instrs, self.active)
        self.distribute(rule, instr.replace(args=instr.args[2:]), found, complex_)

    def transposed(self, rule: Any, instr: Instr, ds: list, out: Any) -> None:
        """By a forward rule alone: it is linear in the tangents, and this is its transpose.

        In place of the tangents, of which nothing but the shape is read, there are the arguments.
        """
        names, wanted = rule.parameters, [n.removesuffix("_dot") for n in tangent_names(rule.jvp)]
        places = dict(zip(names, instr.args)) | instr.kwargs
        moving = [v for a in (*instr.args, *instr.kwargs.values()) for v in flatten(a)
                  if v in self.active]  # fmt: skip
        dots: dict[Value, Value] = {}  # of the arguments that are wanted
        for name in wanted:
            for arg in flatten(places.get(name)):
                if arg not in dots:
                    dots[arg] = Value(f"{name}_dot", arg.kind)
        if any(v not in dots for v in moving):
            raise NoRuleError(
                f"the rule {rule_name(rule.jvp)} takes no tangent of an argument that is "
                "differentiated", instr.where and instr.where.location,
                "Give it one, or declare a `vjp_rule`.")  # fmt: skip
        given = [map_tree(lambda v: dots[v], with_zeros(places.get(name))) for name in wanted]
        args = (*given, whole(instr, out), *instr.args)
        body: list[Instr] = []
        dot = self.expand.tangent_of(rule.jvp, args, instr, out, body)
        seeds: dict[Value, Any] = {}
        for part, d in zip(dot if isinstance(out, tuple) else (dot,), ds):
            if isinstance(part, Value) and d is not None:
                seeds[part] = d if part not in seeds else self.emit(
                    addition(part.kind), (seeds[part], d), part.kind, instr.where)  # fmt: skip
        made, found = self.expand.transpose(body, seeds, list(dots.values()))
        given = set(dots.values())
        self.expand.check_linear(made, found, given, rule.jvp, "the tangents", instr.where)
        known: dict[Value, Any] = {dot: arg for arg, dot in dots.items()}
        self.instrs += [substitute(i, known) for i in made]
        for arg, d in zip(dots, found):
            if arg in self.active:
                self.add(arg, d, instr.where)

    def full(self, d: Any, value: Value, where: Any) -> Any:
        """An adjoint in the shape of its value, also where it is the same number everywhere."""
        if value.kind.tag != "array" or leaf_kind(d).dims == value.kind.dims:
            return d
        if not isinstance(d, Value):
            kind = decided(value.kind)
            kwargs = {"dtype": kind.dtype} if is_undecided(value.kind) else None
            return self.emit(np.full_like, (value, d), kind, where, kwargs=kwargs)
        kind = value.kind._replace(dtype=d.kind.dtype)
        return self.emit(np.broadcast_to, (d, self.shape(value, where)), kind, where)

    def apply_rule(self, rule: Any, instr: Instr, ds: list) -> None:
        where = instr.where
        d_out, out, complex_ = self.cotangent(rule, instr, ds)
        try:
            found = self.expand(
                rule.vjp, (d_out, out, *instr.args), instr.kwargs, self.instrs, where
            )
        except TypeError as error:
            raise NoRuleError(
                f"the rule of {op_name(instr.op)} does not take these arguments ({error})",
                where and where.location, "Leave the keyword out, or give the function a rule that "
                "knows it.") from None  # fmt: skip
        self.distribute(rule, instr, found if isinstance(found, tuple) else (found,), complex_)

    def distribute(self, rule: Any, instr: Instr, found: tuple, complex_: bool) -> None:
        """Add what a rule gives to the adjoints of the arguments."""
        where = instr.where
        given = list(zip(instr.args, found))
        names = rule_parameters(rule.vjp)
        missing = list(instr.args[len(found) :])
        for name, arg in instr.kwargs.items():
            at = names.index(name) if name in names else len(found)
            if at < len(found):
                given.append((arg, found[at]))
            else:
                missing.append(arg)
        if any(v in self.active for v in flatten(missing)):
            what = f"the rule of {op_name(instr.op)} has no derivative for this argument"
            if rule.declared:
                count = len(instr.args) + len(instr.kwargs)
                raise too_few(rule, what, len(found), count, where and where.location)
            raise NoRuleError(
                what, where and where.location, "Make it a constant, or mark it with `detach`."
            )
        exact = not broadcasts(instr)
        if len(given) == 2 and given[0][0] is given[1][0] and isinstance(given[0][0], Value):
            (arg, first), (_, second) = given  # x * x: twice the same
            if first is not None and second is not None and arg in self.active:
                given = [(arg, self.emit(operator.add, (first, second), None, where, adjoint=True))]
        for arg, d in given:
            self.spread(arg, d, where, complex_, exact)

    def spread(
        self, arg: Any, d: Any, where: Any, conjugate: bool = False, exact: bool = False
    ) -> None:
        parts = branches(arg)
        if parts is not None:
            if isinstance(d, Value) and any(v in self.active for v in flatten(arg)):
                d = [self.emit("getitem", (d, i), None, where) for i in range(len(arg))]
            if isinstance(d, (tuple, list)):
                for a, part in zip(parts, d):
                    self.spread(a, part, where, conjugate, exact)
        elif d is not None and isinstance(arg, Value) and arg in self.active:
            dtype = d.kind.dtype if isinstance(d, Value) else None
            if conjugate and (dtype is None or dtype.kind == "c"):
                d = self.emit(np.conj, (d,), None, where)
            self.add(arg, d, where, exact)

    def reverse_taped(self, instr: Instr) -> None:
        """`d_x, d_y = pull(d_out)` of a helper that has run on the tape."""
        where = instr.where
        *values, pull = instr.results
        ds = [self.take(r, where) for r in values]
        ds = [self.zeros(r, where) if d is None else d for r, d in zip(values, ds)]
        leaves = list(flatten((*instr.args, *instr.kwargs.values())))
        kind = Kind("tuple", items=tuple(leaf.kind for leaf in leaves))
        found = self.emit(kernels.pulled, (pull, *ds), kind, where, "d_args")
        for i, leaf in enumerate(leaves):
            if leaf in self.active:
                self.add(leaf, self.emit("getitem", (found, i), leaf.kind, where), where, True)

    def reverse_half(self, instr: Instr) -> None:
        """`d_x, d_y = pull(d_out)` of a helper that is compiled by itself."""
        where, half = instr.where, instr.op
        *values, pull = instr.results
        ds = [self.take(r, where) for r in values]
        ds = [
            self.zeros(values[i], where) if ds[i] is None else ds[i] for i in half.with_cotangent
        ]
        leaves = [instr.args[i] for i in sorted(half.active)]
        found = tuple(Value("d_t", leaf_kind(leaf)) for leaf in leaves)
        attrs = {"lends": True}  # the memory of the cotangents
        self.instrs.append(Instr(kernels.pulled, (pull, *ds), None, found, (), attrs, where))
        for leaf, d in zip(leaves, found):
            self.add(leaf, d, where, True)

    # structural operations

    def reverse_identity(self, instr: Instr) -> None:
        self.add(instr.args[0], self.take(instr.results[0], instr.where), instr.where)

    def reverse_global(self, instr: Instr) -> None:
        self.adjoints.pop(instr.results[0])

    def reverse_getitem(self, instr: Instr) -> None:
        base, key = instr.args
        d = self.take(instr.results[0], instr.where)
        if base.kind.tag == "list":
            maker = self.makers.get(base)
            row = (
                maker is not None
                and maker.op == "getitem"
                and maker.args[0].kind != base.kind
                and not isinstance(maker.args[1], Slice)
            )
            if row and base in self.here and not isinstance(key, Slice):  # of a list of lists
                table, outer = maker.args
                self.add_at(table, (("getitem", outer),), key, d, instr.where)
            else:
                self.add_item(base, key, d, instr.where)
            return
        if base.kind.tag == "tuple" and type(key) is int and base.kind.items:
            count = len(base.kind.items)
            parts = [d if i == key % count else self.zero_part(base, i, instr.where)
                     for i in range(count)]  # fmt: skip
            d = self.emit("tuple", tuple(parts), base.kind, instr.where)
            self.add(base, d, instr.where)
            return
        if key == () and base.kind.rank == 0:  # the number in an array without axes
            self.add(base, d, instr.where)
            return
        undo = undone(key, instr.results[0].kind.rank)
        if undo is not None:
            self.add(base, self.emit("getitem", (d, undo), None, instr.where), instr.where)
            return
        if base.kind.tag == "scalar":  # by a mask: every element that there is equals it
            self.add(base, self.emit(np.sum, (d,), base.kind, instr.where), instr.where)
            return
        path: tuple = ()
        while base in self.here and (
            is_part(maker := self.makers[base]) or is_element(maker)
        ):  # fmt: skip
            base, *outer = maker.args  # an element of a row is added to the matrix
            if base.kind.tag == "array" and maker.op == "getitem" and is_index(outer[0]) \
                    and is_index(key) and not path:  # fmt: skip
                key = (*listed(outer[0]), *listed(key))
            else:
                path = ((maker.op, *outer), *path)
        self.add_at(base, path, key, d, instr.where)

    def reverse_setitem(self, instr: Instr) -> None:
        base, path, key, value = instr.args
        where = instr.where
        found = self.adjoints.pop(instr.results[0])
        repeats = self.repeats(key)
        if isinstance(value, Value) and value in self.active:
            d = self.flush(found, where)
            found = Adjoint(d)
            part = self.part(d, path, key, where)
            if repeats:
                part = self.masked(part, d, path, key, where)
            self.add(value, self.squeeze_to(part, value, where), where)
        if isinstance(base, Value) and base in self.active and not is_whole(path, key):
            if found.waiting:
                found = Adjoint(self.flush(found, where))
            merged = Adjoint(found.d, (*found.stale, (path, key)))
            old = self.adjoints.get(base)
            if old is None:
                self.adjoints[base] = merged
            else:
                self.add(base, self.flush(merged, where), where)

    def squeeze_to(self, part: Any, value: Value, where: Any) -> Any:
        """A stored value may have leading dimensions of one that its place has not."""
        have, want = part.kind.rank, value.kind.rank
        if have is None or want is None or want <= have:
            return part
        return self.emit(np.reshape, (part, self.shape(value, where)), value.kind, where)

    def reverse_add_at(self, instr: Instr) -> None:
        base, path, key, value = instr.args
        where = instr.where
        found = self.adjoints.pop(instr.results[0])
        d = self.flush(found, where)
        if isinstance(value, Value) and value in self.active:
            part = self.part(d, path, key, where)
            if instr.attrs.get("last") and self.repeats(key):
                part = self.masked(part, d, path, key, where)
            self.add(value, self.squeeze_to(part, value, where), where)
        self.add(base, d, where)

    def masked(self, part: Value, d: Any, path: tuple, key: Any, where: Any) -> Value:
        """Of elements that a store repeats, the last one wins; the others get nothing."""
        shape = self.shape(self.follow(d, path, where), where)
        kind = part.kind._replace(dtype=np.dtype(bool))
        last = self.emit(kernels.written_last, (key, shape), kind, where, "last")
        return self.emit(operator.mul, (part, last), None, where)

    def repeats(self, key: Any) -> bool:
        """Whether a key may name an element twice."""
        if not has_integer_arrays(key):
            return False
        parts = key if isinstance(key, tuple) and not isinstance(key, Slice) else (key,)
        arrays = tuple(dict.fromkeys(
            p for p in parts if isinstance(p, Value) and has_integer_arrays(p)
        ))  # fmt: skip
        if has_list(key):
            alone = not any(isinstance(p, Value) and p.kind.tag != "scalar" for p in parts)
            lists = [p for p in parts if isinstance(p, list)]
            return not (alone and len(lists) == 1 and distinct_numbers(lists[0]))
        if len(arrays) == 1:
            return not self.is_distinct(arrays[0])
        maker = self.makers.get(arrays[0])  # `y[np.nonzero(m)]`: no two places are one
        if maker is None or maker.results != arrays:
            return True
        if maker.op is np.ix_:
            return not all(distinct_numbers(a) or isinstance(a, Value) and self.is_distinct(a)
                           for a in maker.args)  # fmt: skip
        unravelled = maker.op is np.unravel_index and isinstance(maker.args[0], Value)
        return not (maker.op is np.nonzero or unravelled and self.is_distinct(maker.args[0]))

    def is_distinct(self, v: Value) -> bool:
        """Whether no two elements of an index array are equal."""
        maker = self.makers.get(v)
        if maker is None or v.kind.rank != 1:
            return False
        if maker.op in DISTINCT:
            return True
        if maker.op is np.array:
            return distinct_numbers(maker.args[0])
        if maker.op is np.nonzero:
            return len(maker.results) == 1
        if maker.op != "getitem":
            return False
        base, key = maker.args
        return self.is_round(v) or isinstance(key, Value) and self.is_round(key, base)

    def is_round(self, k: Value, of: Any = None) -> bool:
        """Whether k is one of `rounds(of, n)`."""
        maker = self.makers.get(k)
        if maker is None or maker.op != "getitem" or not isinstance(maker.args[0], Value):
            return False
        made = self.makers.get(maker.args[0])
        return made is not None and made.op is kernels.rounds and of in (None, made.args[0])

    def writable(self, d: Any, path: tuple, where: Any) -> Any:
        """What is written through a reshape must be in C order, or the reshape is a copy; what a
        rule gives for an array with no axes may be a number; what may be real or complex must be
        complex."""
        if isinstance(d, Value) and is_undecided(d.kind):
            kind = decided(d.kind)
            d = self.emit(np.astype, (d, kind.dtype), kind, where, d.name)
        if isinstance(d, Value) and d.kind.tag == "array" and d.kind.rank == 0:
            return self.emit(np.asarray, (d,), d.kind, where, d.name)
        if through_reshape(path) and isinstance(d, Value):
            if d not in self.in_order:
                d = self.emit(np.ascontiguousarray, (d,), d.kind, where, d.name)
                self.in_order.add(d)
        return d

    def follow(self, d: Any, path: tuple, where: Any) -> Any:
        for op, *args in path:
            method = {"method": op.__name__} if op in (np.reshape, np.ravel) else {}
            d = self.emit(op, (d, *args), None, where, **method)
        return d

    def part(self, d: Any, path: tuple, key: Any, where: Any) -> Any:
        """`d<path>[key]`"""
        d = self.follow(d, path, where)
        if is_whole((), key):
            return d
        return self.emit("getitem", (d, key), None, where)

    # lists of a length known only at run time

    def reverse_list(self, instr: Instr) -> None:
        d = self.take(instr.results[0], instr.where)
        for i, item in enumerate(instr.args[0]):
            if any(v in self.active for v in flatten(item)):
                part = self.emit("getitem", (d, i), leaf_kind(item), instr.where)
                self.add_tree(item, part, instr.where)

    def zero_tree(self, tree: Any, where: Any) -> Any:
        """Zeros like a value, a constant or a tuple of them."""
        if isinstance(tree, tuple):
            return tuple(self.zero_tree(part, where) for part in tree)
        return self.zeros(tree, where) if isinstance(tree, Value) else 0.0

    def zero_part(self, base: Value, i: int, where: Any) -> Any:
        """Zeros like an item of a tuple."""
        kind = base.kind.items[i]
        if kind.tag not in ("array", "list", "tuple", "object"):
            return 0.0
        return self.zeros_like(self.emit("getitem", (base, i), kind, where), where)

    def reverse_tuple(self, instr: Instr) -> None:
        self.add_tree(instr.args, self.take(instr.results[0], instr.where), instr.where)

    def add_tree(self, tree: Any, d: Any, where: Any) -> None:
        """Add a contribution to each value in a tuple of values."""
        if not isinstance(tree, tuple):
            self.add(tree, d, where)
            return
        for i, part in enumerate(tree):
            if any(v in self.active for v in flatten(part)):
                self.add_tree(part, self.emit("getitem", (d, i), leaf_kind(part), where), where)

    def item(self, d: Value, index: Any, like: Value, where: Any) -> Value:
        return self.emit("getitem", (d, index), like.kind, where)

    def reverse_list_append(self, instr: Instr) -> None:
        sequence, item = instr.args
        d = self.take(instr.results[0], instr.where)
        kind = leaf_kind(item)
        rest, last = Value(f"d_{sequence.name}", sequence.kind), Value("d_t", kind)
        self.instrs.append(Instr("list_pop", (d,), None, (rest, last), (), {}, instr.where))
        self.add_tree(item, last, instr.where)
        if sequence in self.active:
            self.add(sequence, rest, instr.where)

    def reverse_list_pop(self, instr: Instr) -> None:
        """What was taken out is put back where it was."""
        sequence, *index = instr.args
        rest, last = instr.results
        where = instr.where
        d_rest, d_last = self.take(rest, where), self.take(last, where)
        if sequence not in self.active:
            return
        d_rest = self.zeros(rest, where) if d_rest is None else d_rest
        d_last = self.zeros(last, where) if d_last is None else d_last
        if not index:
            args, op = (d_rest, d_last), "list_append"
        else:
            place = index[0]
            if not (type(place) is int and place == 0):
                n = self.emit(len, (d_rest,), INT, where, "n")
                n = self.emit(operator.add, (n, 1), INT, where, "n")
                place = self.emit(kernels.insert_place, (place, n), INT, where, "at")
            args, op = (d_rest, place, d_last), "list_insert"
        self.add(sequence, self.emit(op, args, sequence.kind, where), where)

    def reverse_list_insert(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        d = self.take(instr.results[0], instr.where)
        rest, last = Value(f"d_{sequence.name}", sequence.kind), Value("d_t", leaf_kind(item))
        self.instrs.append(Instr("list_pop", (d, index), None, (rest, last), (), {}, instr.where))
        self.add_tree(item, last, instr.where)
        if sequence in self.active:
            self.add(sequence, rest, instr.where)

    def reverse_list_setitem(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        where = instr.where
        d = self.take(instr.results[0], where)
        if any(v in self.active for v in flatten(item)):
            self.add_tree(item, self.emit("getitem", (d, index), leaf_kind(item), where), where)
        if sequence in self.active:
            zero = self.zero_tree(item, where)
            kind = sequence.kind
            self.add(sequence, self.emit("list_setitem", (d, index, zero), kind, where), where)

    def reverse_list_extend(self, instr: Instr) -> None:
        sequence, items = instr.args
        where = instr.where
        d = self.take(instr.results[0], where)
        rest, tail = Value(f"d_{sequence.name}", sequence.kind), Value("d_t", items.kind)
        n, m = (self.emit(len, (v,), INT, where, "n") for v in (d, items))
        n = self.emit(operator.sub, (n, m), INT, where, "n")
        self.instrs.append(Instr("list_split", (d, n), None, (rest, tail), (), {}, where))
        self.add(items, tail, where)
        self.add(sequence, rest, where)

    def reverse_list_join(self, instr: Instr) -> None:
        where = instr.where
        d = self.take(instr.results[0], where)
        a, b = instr.args
        n = self.emit(len, (a,), INT, where, "n")
        for part, cut in ((a, Slice(None, n)), (b, Slice(n, None))):
            if part in self.active:
                self.add(part, self.emit("getitem", (d, cut), part.kind, where), where)

    # the lists that an adjoint works with

    def reverse_list_add(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        d = self.take(instr.results[0], instr.where)
        if any(v in self.active for v in flatten(item)):
            part = self.emit("getitem", (d, index), leaf_kind(item), instr.where)
            self.add_tree(item, part, instr.where)
        self.add(sequence, d, instr.where)

    def reverse_list_merge(self, instr: Instr) -> None:
        d = self.take(instr.results[0], instr.where)
        for part in instr.args:
            self.add(part, d, instr.where)

    def reverse_list_shift(self, instr: Instr) -> None:
        d = self.take(instr.results[0], instr.where)
        sequence, shift = instr.args
        self.add(sequence, d, instr.where)
        self.add_sum(shift, d, instr.where)

    def reverse_spread_list(self, instr: Instr) -> None:
        d = self.take(instr.results[0], instr.where)
        value = instr.args[0]
        if instr.attrs.get("each") and isinstance(value, Value) and value in self.active:
            kind = fresh_kind(Kind("array", value.kind.dtype, value.kind.dims))
            total = self.emit(builtins.sum, (d,), kind, instr.where)
            shape = self.shape(value, instr.where)
            spread = self.emit(np.broadcast_to, (total, shape), value.kind, instr.where)
            self.add(value, spread, instr.where)
            return
        self.add_sum(instr.args[0], d, instr.where)

    def add_sum(self, value: Any, d: Any, where: Any) -> None:
        """Each item of a list has got this value."""
        if isinstance(value, Value) and value in self.active:
            total = self.emit(builtins.sum, (d,), value.kind, where)
            self.add(value, total, where, True)

    def reverse_zero_list(self, instr: Instr) -> None:
        self.adjoints.pop(instr.results[0])

    def reverse_list_split(self, instr: Instr) -> None:
        where = instr.where
        parts = [self.take(r, where) for r in instr.results]
        parts = [self.zeros(r, where) if d is None else d for r, d in zip(instr.results, parts)]
        sequence = instr.args[0]
        if sequence in self.active:
            joined = self.emit("list_join", tuple(parts), sequence.kind, where)
            self.add(sequence, joined, where)

    def reverse_list_repeat(self, instr: Instr) -> None:
        where = instr.where
        d = self.take(instr.results[0], where)
        sequence = instr.args[0]
        if sequence in self.active:
            n = self.emit(len, (sequence,), INT, where, "n")
            summed = self.emit(kernels.summed_repeats, (d, n), sequence.kind, where)
            self.add(sequence, summed, where)

    def reverse_copy(self, instr: Instr) -> None:
        self.add(instr.args[0], self.take(instr.results[0], instr.where), instr.where)

    def add_item(self, sequence: Value, index: Any, d: Any, where: Any) -> None:
        if index in (Slice(None, None, -1), Slice()):
            self.add(sequence, self.emit("getitem", (d, index), sequence.kind, where), where)
            return
        found = self.adjoints.get(sequence)
        old = self.zeros(sequence, where) if found is None else self.flush(found, where)
        new = self.emit("list_add", (old, index, d), sequence.kind, where, f"d_{sequence.name}")
        self.adjoints[sequence] = Adjoint(new)

    # ------------------------------------------------------------------ trails

    def awaits(self, instr: Instr) -> bool:
        """Whether a later region has found adjoints of values inside this one."""
        return bool(self.pending) and bool(instr.blocks) and any(
            v in self.pending for v in defined_inside(instr))  # fmt: skip

    def empty_sweeps(self, instrs: tuple[Instr, ...]) -> list[Instr]:
        """Sweeps in which nothing is to be reversed: they hand on what later ones read."""
        made = []
        for instr in reversed(instrs):
            if not self.sweeps.get(instr):
                continue
            blocks = [Block((), self.empty_sweeps(b.instrs), ()) for b in instr.blocks]
            args, attrs = instr.args, self.twin(instr)
            if instr.op == "for":
                args, attrs = (args[0], ()), self.backwards(instr, attrs)
                blocks[0] = blocks[0].replace(params=(Value(instr.blocks[0].params[0].name, INT),))
            made.append(Instr(instr.op, args, None, (), tuple(blocks), attrs, instr.where))
        return made

    def backwards(self, instr: Instr, attrs: dict[str, Any]) -> dict[str, Any]:
        """The attrs of a loop that runs the other way."""
        return attrs if instr.attrs.get("reverse") else attrs | {"reverse": True}

    def read_trails(self, instr: Instr, reads: list[Value]) -> tuple[list[Value], list[Value]]:
        """What a region reads: from around it, and of the same step of an earlier twin."""
        twin = instr.attrs.get("twin", ())
        own = [v for v in reads if self.home.get(v) == twin]
        return ([v for v in reads if v not in own], own) if own else (reads, own)

    def leave_trails(self, trails: list[Value], where: Any) -> None:
        """The adjoints of trails in this step are trails themselves, for the earlier twin's."""
        for v in trails:
            d = self.take(v, where)
            if d is not None:
                self.pending.setdefault(v, []).append(d)
                self.left += 1

    def meet_trails(self, block: Block, where: Any) -> None:
        """Add what later regions have found of the values that a block defines."""
        if not self.pending:
            return
        for v in (*block.params, *(r for i in block.instrs for r in i.results)):
            for d in self.pending.pop(v, ()):
                self.add(v, d, where, True)

    # ------------------------------------------------------------------ regions

    def twin(self, instr: Instr) -> dict[str, Any]:
        """The attrs of a region that reverses this one: sweeps are reversed from the last on."""
        twin = instr.attrs.get("twin")
        if twin is None:
            twin = instr.attrs["twin"] = new_twin()
        sweep = 2 * self.counts.get(twin, 1) - 1 - self.sweeps.get(instr, 0)
        return {"twin": twin, "sweep": sweep} if sweep > 1 else {"twin": twin}

    def inside(self, body: Callable[[], Any], adjoints: dict[Value, Adjoint]) -> list[Instr]:
        """Emit into a block of its own, with adjoints of its own."""
        outer = self.instrs, self.adjoints
        self.instrs, self.adjoints = [], adjoints
        try:
            body()
            return self.instrs
        finally:
            self.inner_adjoints = self.adjoints
            self.instrs, self.adjoints = outer

    def reverse_if(self, instr: Instr) -> None:
        where = instr.where
        seeds = [self.take(r, where) for r in instr.results]
        reads = [v for v in dict.fromkeys((*instr.blocks[0].free, *instr.blocks[1].free))
                 if v in self.active]  # fmt: skip
        reads, trails = self.read_trails(instr, reads)
        left = self.left
        guarded = self.guard((v for v in reads if v not in self.adjoints), where)
        before = {}
        for v in reads:
            if v in self.adjoints:
                before[v] = self.flush(self.adjoints[v], where)
                self.adjoints[v] = Adjoint(before[v])
        made, ends = [], []
        for block in instr.blocks:

            def body(block: Block = block) -> None:
                for end, seed in zip(block.results, seeds):
                    if seed is not None:
                        self.add_passed(end, seed, where)
                self.meet_trails(block, where)
                self.block(block.instrs)
                self.leave_trails(trails, where)
                for v in reads:
                    if v in self.adjoints:
                        self.adjoints[v] = Adjoint(self.flush(self.adjoints[v], where))

            made.append(self.inside(body, {v: Adjoint(d) for v, d in before.items()}))
            ends.append(self.inner_adjoints)
        changed = [v for v in reads if any(
            v in end and end[v].d is not before.get(v) for end in ends)]  # fmt: skip
        if not changed and self.left == left:
            self.unguard(guarded)
            return
        blocks = []
        for instrs, end in zip(made, ends):

            def fill(end: dict = end) -> None:
                self.filled = [
                    self.handed_on(end[v].d if v in end else self.zeros(v, where), v.kind, where)
                    for v in changed
                ]

            more = self.inside(fill, {})
            blocks.append(Block((), [*instrs, *more], tuple(self.filled)))
        self.unguard(guarded)
        results = []
        for v in changed:
            result = Value(f"d_{v.name}" if v.user else "d_t", v.kind)
            self.named.add(result)
            results.append(result)
            self.adjoints[v] = Adjoint(result)
        self.instrs.append(Instr("if", instr.args, None, tuple(results), tuple(blocks),
                                 self.twin(instr), where))  # fmt: skip

    def reverse_loop(self, instr: Instr) -> None:
        where = instr.where
        body = instr.blocks[-1]
        params, inits = carried(instr)
        seeds = {r: self.take(r, where) for r in instr.results[: len(params)]}
        flowing = [
            (p, i, y, r) for p, i, y, r in zip(params, inits, body.results, instr.results)
            if p in self.active or r in self.active
        ]  # fmt: skip
        reads, trails = self.read_trails(instr, [v for v in body.free if v in self.active])
        ends = {y for _, _, y, _ in flowing if isinstance(y, Value)}
        d_params = {p: Value(f"d_{p.name}" if p.user else "d_t", with_shape_of(y, r.kind))
                    for p, _, y, r in flowing}  # fmt: skip
        accumulators = {v: Value(f"d_{v.name}" if v.user else "d_t", v.kind) for v in reads}
        self.named.update(d_params.values(), accumulators.values())

        def sweep() -> None:
            for p, _, y, _ in flowing:
                self.add(y, d_params[p], where)
            self.meet_trails(body, where)
            self.block(body.instrs)
            self.leave_trails(trails, where)
            self.nexts: list = []
            for p, init, _, r in flowing:
                d = self.take(p, where)
                unbound = init is UNDEFINED  # then nobody reads what flows there
                if d is None:  # within a step what the loop binds is bound
                    d = self.zeros_like(r if unbound else p, where)
                self.nexts.append(self.handed_on(d, r.kind, where))
            self.sums = {v: self.take(v, where) for v in reads}

        instrs = self.inside(sweep, {v: Adjoint(a) for v, a in accumulators.items()})
        nexts, sums = self.nexts, self.sums
        instrs = [self.scaling(i, dict(zip(nexts, d_params.values()))) for i in instrs]
        changed = [v for v in reads if sums[v] is not accumulators[v]]
        starts = []
        for _, _, _, r in flowing:
            seed = seeds.get(r)
            seed = self.zeros(r, where) if seed is None else seed
            starts.append(self.handed_on(seed, r.kind, where))
        for v in changed:
            found = self.adjoints.pop(v, None)
            seed = self.zeros(v, where) if found is None else self.flush(found, where)
            starts.append(self.handed_on(seed, v.kind, where))
        item = Value("_", INT)
        if instr.op == "for":
            bounds = instr.args[0]
            item = Value(body.params[0].name, INT)
            if instr.attrs.get("may_break"):
                bounds = self.shortened(bounds, instr.results[-1], where)
        else:
            bounds = ("range", 0, instr.results[-1], 1)
        inner = Block(
            (item, *d_params.values(), *(accumulators[v] for v in changed)), instrs,
            (*nexts, *(sums[v] for v in changed)),
        )  # fmt: skip
        if instr.op == "for":
            inner = substitute_block(inner, {body.params[0]: item})
        results = tuple(Value(p.name, p.kind) for p in inner.params[1:])
        for (_, init, _, _), result in zip(flowing, results):
            result.kind = with_shape_of(init, result.kind)
        self.named.update(results)
        attrs = self.backwards(instr, self.twin(instr))
        self.instrs.append(
            Instr("for", (bounds, tuple(starts)), None, results, (inner,), attrs, where)
        )
        for v, result in zip(changed, results[len(flowing) :]):
            self.adjoints[v] = Adjoint(result)
        for (_, init, _, _), result in zip(flowing, results):
            self.add(init, result, where)
        assert ends is not None

    def scaling(self, instr: Instr, carried_to: dict) -> Instr:
        """`d = d * s` of a carried adjoint may run in place, as a sum may."""
        if instr.op is not operator.mul or len(instr.results) != 1 or instr.attrs:
            return instr
        d = carried_to.get(instr.results[0])
        a, b = instr.args
        if d is None or d.kind.tag != "array" or (a is not d and b is not d) or a is b:
            return instr
        return instr.replace(args=(d, b if a is d else a), attrs={"adjoint": True})

    def shortened(self, bounds: tuple, count: Value, where: Any) -> tuple:
        """The steps that were begun before the loop was left."""
        kind, start, _, step = bounds
        stop: Any = count
        if step != 1:
            stop = self.emit(operator.mul, (count, step), INT, where, "steps")
        if start != 0:
            stop = self.emit(operator.add, (start, stop), INT, where, "stop")
        return (kind, start, stop, step)


# ---------------------------------------------------------------------------- Python's functions


def reverse_array(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """`np.array([[a, b], [c, d]])`: each element takes its own."""
    tree = instr.args[0]
    if isinstance(tree, Value):
        if tree.kind.tag == "list":
            item = tree.kind.items[0] if tree.kind.items else OBJECT
            op, attrs = (
                (np.ndarray.tolist, {"method": "tolist"}) if item.tag == "list" else (list, {})
            )
            sweep.add(tree, sweep.emit(op, (d,), tree.kind, instr.where, **attrs), instr.where)
            return True
        sweep.add(tree, d, instr.where)
        return True

    def visit(branch: Any, index: tuple) -> None:
        if isinstance(branch, (list, tuple)):
            for i, part in enumerate(branch):
                visit(part, (*index, i))
        elif isinstance(branch, Value) and branch in sweep.active:
            key = index[0] if len(index) == 1 else index
            part = sweep.emit("getitem", (d, key), None, instr.where)
            if branch.kind.tag == "list":
                part = sweep.emit(list, (part,), branch.kind, instr.where)
            sweep.add(branch, part, instr.where)

    visit(tree, ())
    return True


def reverse_listed(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """`list(x)`, `x.tolist()` of an array of one dimension; `list(x)` of its rows."""
    (x,) = instr.args
    if x.kind.rank is None or x.kind.rank != 1 and instr.op is not list:
        return False
    exact = {} if x.kind.dtype == float else {"dtype": x.kind.dtype}
    d = sweep.emit(np.array, (d,), x.kind, instr.where, kwargs=exact)
    if x.kind.rank > 1:  # of no rows
        d = sweep.emit(np.reshape, (d, sweep.shape(x, instr.where)), x.kind, instr.where)
    sweep.add(x, d, instr.where)
    return True


def reverse_split_like(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """The pieces of an array, put together."""
    whole, _, *axis = instr.args
    sweep.add(whole, sweep.emit(np.concatenate, (d, *axis), whole.kind, instr.where), instr.where)
    return True


def reverse_summed_repeats(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """The adjoint of `a * k`: its own is `d * k`."""
    items, n = instr.args
    where = instr.where
    count = sweep.emit(len, (items,), INT, where, "n")
    times = sweep.emit(operator.floordiv, (count, n), INT, where, "times")
    sweep.add(items, sweep.emit("list_repeat", (d, times), items.kind, where), where)
    return True


def reverse_joined(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """`np.stack(items)`, `np.concatenate(items)` and the like of a list of unknown length."""
    tree = instr.args[0]
    if not (isinstance(tree, Value) and tree.kind.tag == "list" and tree.kind.items):
        return False
    rank, where = tree.kind.items[0].rank, instr.where
    axis = instr.args[1] if len(instr.args) > 1 else instr.kwargs.get("axis", 0)
    if rank is None or type(axis) is not int or instr.kwargs.keys() - {"axis"}:
        return False
    if instr.op is np.hstack:
        axis = 0 if rank == 1 else 1
    if instr.op is np.column_stack:
        axis = 1
    stacks = instr.op is np.stack or rank == 1 and instr.op in (np.vstack, np.column_stack)
    if rank == 0 and not stacks or instr.op is np.dstack:
        return False
    if stacks:
        if axis != 0:
            d = sweep.emit(np.moveaxis, (d, axis, 0), None, where)
        d = sweep.emit(list, (d,), tree.kind, where)
    else:
        args = (d, tree) if axis == 0 else (d, tree, axis)
        d = sweep.emit(kernels.split_like, args, tree.kind, where)
    sweep.add(tree, d, where)
    return True


def reverse_spread(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """`math.fsum(items)` of a list of unknown length."""
    tree = instr.args[0]
    if not isinstance(tree, Value) or tree.kind.tag != "list":
        return False
    sweep.add(tree, sweep.emit("spread_list", (d, tree), tree.kind, instr.where), instr.where)
    return True


def reverse_prod(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """`math.prod(items)` of a list of unknown length."""
    tree = instr.args[0]
    if not isinstance(tree, Value) or tree.kind.tag != "list" or instr.kwargs:
        return False
    kind = Kind("array", np.dtype(float), (fresh_size(),))
    others = sweep.emit(np.array, (tree,), kind, instr.where)
    others = sweep.emit(kernels.product_of_others, (others, 0), kind, instr.where)
    d = sweep.emit(operator.mul, (d, others), kind, instr.where)
    sweep.add(tree, sweep.emit(list, (d,), tree.kind, instr.where), instr.where)
    return True


def reverse_sum(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """Python's `sum`: every item gets what the sum gets."""
    tree = instr.args[0]
    if isinstance(tree, (tuple, list)):
        for item in tree:
            sweep.add(item, d, instr.where)
        return True
    if tree.kind.tag == "list":
        if len(instr.args) == 2:
            sweep.add(instr.args[1], d, instr.where)
        if tree.kind.items and not of_one_size(tree.kind.items[0]):  # broadcast, perhaps
            d = sweep.emit("spread_list", (d, tree), tree.kind, instr.where, each=True)
            sweep.add(tree, d, instr.where)
            return True
        found = sweep.adjoints.get(tree)
        if found is not None and tree in sweep.active:  # which says how long the list is
            old = sweep.flush(found, instr.where)
            new = sweep.emit("list_shift", (old, d), tree.kind, instr.where)
            sweep.christen(new, tree)
            sweep.adjoints[tree] = Adjoint(new)
            return True
        sweep.add(tree, sweep.emit("spread_list", (d, tree), tree.kind, instr.where), instr.where)
        return True
    if len(instr.args) == 2:
        sweep.add(instr.args[1], d, instr.where)
    shape = sweep.shape(tree, instr.where)
    sweep.add(tree, sweep.emit(np.broadcast_to, (d, shape), tree.kind, instr.where), instr.where)
    return True


def reverse_extreme(sweep: Reverse, instr: Instr, d: Any) -> bool:
    """Python's `max(a, b)` and `min(a, b)`: all goes to the one that was chosen."""
    if len(instr.args) != 2:
        (x,) = instr.args
        if x.kind.tag == "list":
            out = instr.results[0]
            at = sweep.emit(list.index, (x, out), INT, instr.where, "chosen", method="index")
            sweep.add_item(x, at, d, instr.where)
            return True
        op = np.argmax if instr.op is max else np.argmin
        chosen = sweep.emit(op, (x,), None, instr.where, "chosen")
        sweep.add_at(x, (), chosen, d, instr.where)
        return True
    a, b = instr.args
    better = operator.gt if instr.op is max else operator.lt
    second = sweep.emit(better, (b, a), kind_of(True), instr.where, "second")
    if isinstance(a, Value) and a in sweep.active:
        first = sweep.emit(operator.not_, (second,), kind_of(True), instr.where, "first")
        sweep.add(a, sweep.emit(operator.mul, (d, first), None, instr.where), instr.where)
    if isinstance(b, Value) and b in sweep.active:
        sweep.add(b, sweep.emit(operator.mul, (d, second), None, instr.where), instr.where)
    return True


# What gives an array of different indices, if it has one axis.
DISTINCT = {np.arange, np.flatnonzero, np.argsort, kernels.shuffled_order}
JOINS = {np.stack, np.concatenate, np.vstack, np.hstack, np.dstack, np.column_stack}
SPECIAL: dict[Any, Callable] = {
    np.array: reverse_array, np.asarray: reverse_array, math.fsum: reverse_spread,
    math.prod: reverse_prod, **dict.fromkeys(JOINS, reverse_joined),
    builtins.sum: reverse_sum, builtins.max: reverse_extreme,
    builtins.min: reverse_extreme, builtins.list: reverse_listed,
    np.ndarray.tolist: reverse_listed, kernels.split_like: reverse_split_like,
    kernels.summed_repeats: reverse_summed_repeats,
}  # fmt: skip


def homes(block: Block) -> dict[Value, int]:
    """Value → the number of the twin whose block defines it."""
    found: dict[Value, int] = {}
    for instr in walk(block):
        twin = instr.attrs.get("twin")
        if twin is not None:
            for inner in instr.blocks:
                found.update(dict.fromkeys(inner.params, twin))
                for each in inner.instrs:
                    found.update(dict.fromkeys(each.results, twin))
    return found


def with_shape_of(value: Any, kind: Kind) -> Kind:
    """A kind with the shape of another value, as far as it is known."""
    if kind.tag != "array" or kind.shape is None:
        return kind
    have = leaf_kind(value)
    if have.tag == "array" and have.rank == kind.rank:
        return kind._replace(shape=have.shape)
    return fresh_kind(kind)


def written_into(param: Value, value: Any, body: Block) -> bool:
    """Whether a value of a block is what a parameter is after stores, if any."""
    if value is param:
        return True
    maker = next((i for i in body.instrs if value in i.results), None)
    if maker is None:
        return False
    if maker.op in ("setitem", "add_at"):
        return written_into(param, maker.args[0], body)
    if maker.op == "if":
        ends = [(block, block.results[maker.results.index(value)]) for block in maker.blocks]
        return all(written_into(param, end, block) for block, end in ends)
    if not maker.blocks or (place := maker.results.index(value)) >= len(carried(maker)[0]):
        return False
    (params, inits), inner = carried(maker), maker.blocks[-1]
    return written_into(params[place], inner.results[place], inner) and \
        written_into(param, inits[place], body)  # fmt: skip


def broadcasts(instr: Instr) -> bool:
    """Whether an operation may spread an operand, so that its gradient has to be summed back."""
    if instr.op in (operator.matmul, np.matmul):
        return any(v.kind.rank is None or v.kind.rank > 2 for v in instr.operands)
    return instr.op not in (np.dot, np.outer, np.inner, np.vdot)


def rule_parameters(rule: Callable) -> list[str]:
    """The names of the differentiated function's parameters, as its rule has them."""
    code = rule.__code__
    return list(code.co_varnames[2 : code.co_argcount])


def distinct_numbers(key: Any) -> bool:
    """Whether an index is a list of different constants, all of them counted from one end.

    >>> distinct_numbers([0, 2]), distinct_numbers([0, -1]), distinct_numbers([1, 1])
    (True, False, False)
    """
    if not isinstance(key, list) or not all(type(i) is int for i in key):
        return False
    return len(set(key)) == len(key) and len({i < 0 for i in key}) <= 1


def is_part(maker: Instr) -> bool:
    """Whether what an instruction gives is a part, or another view, of its first operand."""
    if maker.op == "getitem":
        return maker.args[0].kind.tag == "array" and not has_arrays(maker.args[1])
    return maker.op in THROUGH and bool(maker.attrs.get("view")) and not maker.kwargs


def is_element(maker: Instr) -> bool:
    """Whether this reads an array of a list of run-time length."""
    return maker.op == "getitem" and maker.args[0].kind.tag == "list" and \
        not isinstance(maker.args[1], Slice)  # fmt: skip


# Views through which an adjoint is written as well as a value.
THROUGH = {
    np.transpose, np.swapaxes, np.moveaxis, np.reshape, np.ravel, np.squeeze, np.expand_dims,
    np.flip, np.flipud, np.fliplr,
}  # fmt: skip


def has_arrays(key: Any) -> bool:
    return has_list(key) or any(v.kind.tag != "scalar" for v in flatten(key))


def undone(key: Any, rank: int | None) -> Any:
    """The index that undoes one that only adds axes; None for other indices.

    >>> undone((Slice(), None), 2), undone((..., None), 3), undone((None, 0), 1)
    ((Slice(start=None, stop=None, step=None), 0), (Ellipsis, 0), None)
    """
    parts = key if isinstance(key, tuple) and not isinstance(key, Slice) else (key,)
    plain = all(p is None or p is ... or p == Slice() for p in parts if not isinstance(p, Value))
    if rank is None or None not in parts or not plain or any(isinstance(p, Value) for p in parts):
        return None
    return tuple(0 if p is None else p for p in parts)


def is_whole(path: tuple, key: Any) -> bool:
    """Whether it is all of the array: `x[...]`, `x[:, :]`."""
    parts = key if isinstance(key, tuple) and not isinstance(key, Slice) else (key,)
    whole = all(p is ... or isinstance(p, Slice) and p == Slice() for p in parts)
    return not path and whole


def listed(key: Any) -> tuple:
    """The parts of an index."""
    return key if isinstance(key, tuple) else (key,)


def is_index(key: Any) -> bool:
    """One int, or a tuple of ints."""
    if isinstance(key, tuple) and not isinstance(key, Slice):
        return all(map(is_index, key))
    return isinstance(key, Value) or type(key) is int


def same(a: Any, b: Any) -> bool:
    """Whether two places are written alike: the same constants and the same values."""
    if isinstance(a, Value) or isinstance(b, Value):
        return a is b
    if isinstance(a, (tuple, list)) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b
