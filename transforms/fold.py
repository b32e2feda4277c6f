"""Folding: the adjoint without its ones, zeros and spread-out scalars.

    adjoint()                              adjoint()
    d_y = np.broadcast_to(1.0, (n,))       t = np.cos(x)
    t = np.cos(x)                     →    d_x = mul(2, t)
    u = mul(d_y, 2)
    d_x = mul(u, t)

Only what follows the marker `adjoint()` is touched: the user's own operations keep every bit, dtype
and exception. What is read for its shape alone is read from a value that is at hand anyway.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.ir import (
    Block,
    Instr,
    Slice,
    Value,
    carried,
    flatten,
    has_integer_arrays,
    leaf_kind,
    map_tree,
    perhaps_unbound,
    walk,
    writes_through_reshape,
)  # fmt: skip
from srcdiff.transforms.kinds import Kind, covers, decided, fits, is_undecided


def fold(block: Block) -> Block:
    """Simplify the adjoint part of a program.

    >>> from srcdiff.transforms.dead_code import dead_code
    >>> from srcdiff.transforms.kinds import array
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (x: f8[3]):
    ...       adjoint() effect
    ...       d_y = np.broadcast_to(1.0, (3,))
    ...       t = np.cos(x)
    ...       u = mul(d_y, 2)
    ...       d_x = mul(u, t)
    ...       return d_x
    ... ''', kinds=lambda instr: [] if instr.op == "adjoint" else [array("f8", 3)])
    >>> print(dead_code(fold(before)))
    (x: f8[3]):
      adjoint() effect
      t = np.cos(x)
      d_x = mul(2, t)
      return d_x
    """
    marker = next((i for i, s in enumerate(block.instrs) if s.op == "adjoint"), None)
    if marker is None:
        return block
    folding = Folding(block, marker)
    instrs = [*block.instrs[: marker + 1], *folding.instrs(block.instrs[marker + 1 :])]
    results = tuple(map_tree(folding.stand_in, r) for r in block.results)
    folded = Block(block.params, instrs, results)
    return materialize(folded, marker)


# Of their first argument they read the shape and the dtype alone.
SHAPE_READS = (np.shape, np.size, "shape", np.zeros_like, np.ones_like)


class Folding:
    def __init__(self, block: Block, marker: int):
        self.env: dict[Value, Any] = {}
        self.uses = Counter(v for instr in walk(block) for v in instr.operands)
        self.params = set(block.params)
        self.makers: dict[Value, Instr] = {}
        self.shapes: dict[Any, Value] = {}
        self.lengths: dict[Any, tuple[Value, int]] = {}
        self.ordered = writes_through_reshape(block)
        unbound = perhaps_unbound(block)
        top = [*block.params, *(r for i in block.instrs[:marker] for r in i.results)]
        top = [v for v in top if v not in unbound]
        live = {*block.params, *read_as_data(block, marker)}
        # The user's latest come last, and stay; before them what only its shape would be kept for.
        for v in sorted(top, key=lambda v: (v in live, v.user)):
            if v.kind.tag == "array" and v.kind.shape is not None:
                self.shapes[v.kind.shape] = v
                self.shapes[v.kind.dtype, v.kind.shape] = v
                for axis, dim in enumerate(v.kind.shape):
                    self.lengths[dim] = (v, axis)

    def stand_in(self, v: Value) -> Any:
        return self.env.get(v, v)

    def instrs(self, instrs: tuple[Instr, ...]) -> list[Instr]:
        out: list[Instr] = []
        for instr in instrs:
            instr = self.renamed(instr)
            if instr.op == "for":
                instr = self.without_constants(instr)
            if instr.blocks:
                instr = instr.replace(blocks=tuple(self.block(b) for b in instr.blocks))
                instr = with_floats(instr)
            else:
                instr = self.shape_read(instr)
                simple = self.simplify(instr, out)
                if simple is not None:
                    (result,) = instr.results
                    self.env[result] = simple[0]
                    if isinstance(simple[0], Value) and simple[0].name in ("t", "d_t"):
                        simple[0].name = result.name
                    continue
            for r in instr.results:
                self.makers[r] = instr
            out.append(instr)
        return out

    def without_constants(self, loop: Instr) -> Instr:
        """The loop without what it carries and never changes."""
        (body,), (bounds, inits) = loop.blocks, loop.args
        item, *params = body.params
        kept = []
        for k, (p, init, result) in enumerate(zip(params, inits, loop.results)):
            if body.results[k] is p and (is_number(init) or isinstance(init, Value)):
                self.env[p] = self.env[result] = init
            else:
                kept.append(k)
        if len(kept) == len(params):
            return loop
        ends = tuple(body.results[k] for k in kept)
        return loop.replace(
            args=(bounds, tuple(inits[k] for k in kept)),
            blocks=(Block((item, *(params[k] for k in kept)), body.instrs, ends),),
            results=tuple(loop.results[k] for k in kept),
        )

    def block(self, block: Block) -> Block:
        instrs = self.instrs(block.instrs)
        return Block(block.params, instrs, tuple(map_tree(self.stand_in, r) for r in block.results))

    def renamed(self, instr: Instr) -> Instr:
        if not any(v in self.env for v in instr.operands):
            return instr
        return instr.replace(
            args=map_tree(self.stand_in, instr.args),
            kwargs={k: map_tree(self.stand_in, a) for k, a in instr.kwargs.items()},
        )

    def shape_read(self, instr: Instr) -> Instr:
        """Ask a value that is at hand for a shape."""
        if not instr.args or not isinstance(instr.args[0], Value):
            return instr
        kind = instr.args[0].kind
        if kind.tag != "array" or kind.shape is None or instr.args[0] in self.params:
            return instr
        if instr.op == "shape":
            found = self.lengths.get(kind.shape[instr.args[1]])
            if found is not None and self.shapes.get(kind.shape) is None:
                return instr.replace(args=found)
        other = None
        if instr.op in (np.shape, np.size, "shape"):
            other = self.shapes.get((kind.dtype, kind.shape)) or self.shapes.get(kind.shape)
        elif instr.op in (np.zeros_like, np.ones_like) and not (
            self.ordered and len(kind.shape) > 1  # they are in the order of their model
        ):
            other = self.shapes.get((kind.dtype, kind.shape))
        return instr if other is None else instr.replace(args=(other, *instr.args[1:]))

    # ------------------------------------------------------------------ one instruction

    def maker(self, v: Any) -> Instr | None:
        return self.makers.get(v) if isinstance(v, Value) else None

    def is_conj(self, v: Any, depth: int = 5) -> bool:
        """Whether v is a conjugate, or made of one by what conjugation passes through."""
        maker = self.maker(v)
        if maker is None or maker.op is np.conj:
            return maker is not None
        if not depth or self.uses.get(v, 1) > 1:
            return False
        count = 1 if maker.op in OF_ONE else 2 if maker.op in OF_TWO else 0
        return any(self.is_conj(x, depth - 1) for x in maker.args[:count])

    def spread_of(self, v: Any) -> Any:
        """The smaller value that v repeats, as a one-tuple; None if it repeats none."""
        maker = self.maker(v)
        if maker is not None and maker.op is np.broadcast_to:
            return (maker.args[0],)
        return None

    def emit(self, out: list[Instr], op: Any, args: tuple, kind: Kind, like: Instr) -> Value:
        result = Value(like.results[0].name, kind)
        instr = Instr(op, args, None, (result,), (), None, like.where)
        self.makers[result] = instr
        out.append(instr)
        return result

    def simplify(self, instr: Instr, out: list[Instr]) -> tuple | None:
        """What an instruction may be replaced by, as a one-tuple; None to keep it."""
        rule = RULES.get(instr.op)
        if rule is None or (instr.kwargs and rule is not fold_sum) or len(instr.results) != 1:
            return None
        return rule(self, instr, out)


def with_floats(instr: Instr) -> Instr:
    """A region that yields floats where a factor that was left alone is an int."""

    def floats(tree: tuple, like: tuple[Value, ...]) -> tuple:
        return (*(
            float(x) if type(x) is int and v.kind.inexact else x for x, v in zip(tree, like)
        ), *tree[len(like) :])  # fmt: skip

    if not instr.results:
        return instr
    if instr.op == "if":
        return instr.replace(blocks=tuple(
            b.replace(results=floats(b.results, instr.results)) for b in instr.blocks))  # fmt: skip
    params, inits = carried(instr)
    body = instr.blocks[-1]
    body = body.replace(results=floats(body.results, params))
    args = (*instr.args[:-1], floats(inits, params))
    return instr.replace(args=args, blocks=(*instr.blocks[:-1], body))


def fold_mul(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    a, b = instr.args
    kind = instr.results[0].kind
    for x, y in ((a, b), (b, a)):
        if is_number(x) and x == 1 and keeps(y, kind):
            return (y,)
        if is_number(x) and x == -1 and keeps(y, kind):
            return (self.emit(out, operator.neg, (y,), kind, instr),)
    if is_number(a) and is_number(b):
        return (a * b,)
    for x, y in ((a, b), (b, a)):
        maker = self.maker(y)
        if is_number(x) and maker is not None and not maker.attrs:
            left, right = (*maker.args, None)[:2]
            if maker.op is operator.mul and (is_number(left) or is_number(right)):
                number, rest = (left, right) if is_number(left) else (right, left)
                made = instr.replace(args=(x * number, rest))
                return fold_mul(self, made, out) or (
                    self.emit(out, operator.mul, made.args, kind, instr),)  # fmt: skip
            if maker.op is operator.truediv and is_number(left):
                return (self.emit(out, operator.truediv, (x * left, right), kind, instr),)
            if maker.op is operator.neg:
                return (self.emit(out, operator.mul, (-x, left), kind, instr),)
    for i, (x, y) in enumerate(((a, b), (b, a))):
        small = self.spread_of(x)
        if small is None:
            continue
        other = leaf_kind(y)
        pair = (small[0], y) if i == 0 else (y, small[0])
        if not same_dtype(small[0], y, kind):
            continue
        if fits(other, kind):
            made = instr.replace(args=pair)
            again = self.simplify(made, out)
            if again is not None:
                return again
            return (self.emit(out, operator.mul, pair, kind, instr),)
        if other.tag == "scalar":
            return self.outward(instr, x, pair, out)
    return fold_signs(self, instr, out)


def fold_signs(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    """`-a * b` as `-(a * b)`, to the bit: what it is added to subtracts it."""
    if instr.attrs or instr.kwargs:
        return None
    for i, x in enumerate(instr.args[:2]):
        maker = self.maker(x)
        if maker is not None and maker.op is operator.neg:
            args = (*instr.args[:i], maker.args[0], *instr.args[i + 1 :])
            kind = instr.results[0].kind
            made = instr.replace(args=args, results=(Value("d_t", kind),))
            again = self.simplify(made, out)
            if again is None:
                self.makers[made.results[0]] = made
                out.append(made)
                again = made.results
            return (self.emit(out, operator.neg, again, kind, instr),)
    return None


def fold_div(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    a, b = instr.args
    kind = instr.results[0].kind
    if is_number(b) and b == 1 and keeps(a, kind):
        return (a,)
    if instr.op is np.divide and any(
        isinstance(v, Value) and (v.kind.tag == "array" or v.kind.python is False) for v in (a, b)
    ):  # with an operand of NumPy's, `/` raises no exception either
        made = instr.replace(op=operator.truediv)
        return fold_div(self, made, out) or (
            self.emit(out, operator.truediv, (a, b), kind, instr),)  # fmt: skip
    small = self.spread_of(a)
    if small is not None and same_dtype(small[0], b, kind):
        other = leaf_kind(b)
        if fits(other, kind):
            return (self.emit(out, instr.op, (small[0], b), kind, instr),)
        if other.tag == "scalar":
            return self.outward(instr, a, (small[0], b), out)
    return fold_signs(self, instr, out)


def outward(self: Folding, instr: Instr, spread: Value, args: tuple, out: list[Instr]) -> tuple:
    """`broadcast_to(s) * 2` as `broadcast_to(s * 2)`."""
    maker = self.makers[spread]
    kinds = [leaf_kind(a) for a in args]
    kind = max(kinds, key=lambda k: (k.tag == "array", k.python is False))
    kind = kind._replace(dtype=instr.results[0].kind.dtype, size=None)
    made = Instr(instr.op, args, None, (Value("t", kind),), (), None, instr.where)
    again = self.simplify(made, out)
    inner = again[0] if again is not None else self.emit(out, instr.op, args, kind, made)
    result = instr.results[0].kind
    return (self.emit(out, np.broadcast_to, (inner, maker.args[1]), result, instr),)


Folding.outward = outward


def fold_neg(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    (a,) = instr.args
    if is_number(a):
        return (-a,)
    maker = self.maker(a)
    if maker is not None and maker.op is operator.neg:
        return (maker.args[0],)
    if maker is not None and maker.op in (operator.mul, operator.truediv) and not maker.attrs:
        left, right = maker.args
        if is_number(left):
            return (self.emit(out, maker.op, (-left, right), instr.results[0].kind, instr),)
    small = self.spread_of(a)
    if small is not None:
        return self.outward(instr, a, small, out)
    return None


def fold_add(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    a, b = instr.args
    kind = instr.results[0].kind
    for x, y in ((a, b), (b, a)):
        if is_number(x) and x == 0 and keeps(y, kind):
            return (y,)
    if is_number(a) and is_number(b):
        return (a + b,)
    for x, y in ((a, b), (b, a)):
        small = self.spread_of(x)
        if small is not None and self.spread_of(y) is None and fits(leaf_kind(y), kind):
            made = Instr(
                operator.add,
                (y, small[0]),
                None,
                (Value("d_t", kind),),
                (),
                instr.attrs,
                instr.where,
            )
            self.makers[made.results[0]] = made
            out.append(made)
            return made.results
    if a is b:
        made = Instr(operator.mul, (2, a), None, instr.results, (), None, instr.where)
        return fold_mul(self, made, out) or (self.emit(out, operator.mul, (2, a), kind, instr),)
    return None


def fold_broadcast(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    a, shape = instr.args
    kind = instr.results[0].kind
    have = leaf_kind(a)
    if have.dims == kind.dims and have.dims is not None:
        if have.tag != kind.tag:  # a number, and an array without axes
            return (self.emit(out, np.array, (a,), kind._replace(dtype=have.dtype), instr),)
        return (a,)
    small = self.spread_of(a)
    if small is not None:
        return (self.emit(out, np.broadcast_to, (small[0], shape), kind, instr),)
    return None


def fold_unbroadcast(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    a, _ = instr.args
    have = leaf_kind(a)
    want = instr.results[0].kind
    return (a,) if have.dims is not None and have.dims == want.dims else None


def fold_sum(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    """`sum(-x)` as `-sum(x)`: the sign of fewer numbers is changed."""
    maker = self.maker(instr.args[0])
    if maker is None or maker.op is not operator.neg or len(instr.args) > 1:
        return None
    kind = instr.results[0].kind
    made = Instr(
        np.sum, maker.args, instr.kwargs, (Value("d_t", kind),), (), instr.attrs, instr.where
    )
    self.makers[made.results[0]] = made
    out.append(made)
    return (self.emit(out, operator.neg, made.results, kind, instr),)


def fold_astype(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    """Python's number takes the dtype of what it meets."""
    return (instr.args[0],) if is_number(instr.args[0]) else None


def fold_getitem(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    base, key = instr.args
    if key == () and leaf_kind(base).tag == "scalar":  # a number already
        return (base,)
    maker = self.maker(base)
    if maker is not None and maker.op is np.sum and len(maker.args) == 1:
        kept = maker.kwargs.get("keepdims") is True and maker.kwargs.get("axis")
        if type(kept) is int and key == drop_axis(base.kind.rank, kept):
            made = Instr(
                np.sum, maker.args, {"axis": kept}, (Value("d_t", instr.results[0].kind),),
                (), None, instr.where,
            )  # fmt: skip
            self.makers[made.results[0]] = made
            out.append(made)
            return made.results
    if maker is not None and maker.op is np.array and len(maker.args) == 1 and not maker.kwargs:
        have = leaf_kind(maker.args[0])
        if key == () and have.dims == () and have.dtype == instr.results[0].kind.dtype:
            return (maker.args[0],)
    small = self.spread_of(base)
    if small is None:
        return None
    have = leaf_kind(small[0])
    return small if have.dims == () and instr.results[0].kind.dims == () else None


def same_dtype(small: Any, other: Any, kind: Kind) -> bool:
    """Whether Python's number does not make the result less exact than the array of it would.

    >>> from srcdiff.transforms.kinds import FLOAT, array
    >>> same_dtype(1.0, Value("x", array("f4", 3)), array("f8", 3))
    False
    """
    found = {leaf_kind(v).dtype for v in (small, other) if not leaf_kind(v).python}
    return not found or kind.dtype in found


def drop_axis(rank: int, axis: int) -> tuple:
    """The index that takes the only element of an axis.

    >>> drop_axis(2, 1)
    (Slice(start=None, stop=None, step=None), 0)
    """
    full: list[Any] = [Slice()] * rank
    full[axis] = 0
    return tuple(full)


def fold_store(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    """A scalar is stored, not an array of it."""
    base, path, key, value = instr.args
    if instr.op == "setitem" and not path and not has_integer_arrays(key):
        maker = self.maker(value)
        if maker is not None and maker.op == "getitem" and same_place(maker.args, (base, key)):
            return (base,)  # `d[k] = d[k]`
    small = self.spread_of(value)
    if small is not None:
        have = leaf_kind(small[0])
        if have.dims == ():
            made = instr.replace(args=(base, path, key, small[0]))
            self.makers[instr.results[0]] = made
            out.append(made)
            return (instr.results[0],)
    return None


def same_place(one: Any, other: Any) -> bool:
    """Whether two (base, key) are written alike, constants of one type."""
    a, b = flatten(one), flatten(other)
    return len(a) == len(b) and all(map(operator.is_, a, b)) and repr(
        map_tree(lambda v: "", one)) == repr(map_tree(lambda v: "", other))  # fmt: skip


def fold_conj(self: Folding, instr: Instr, out: list[Instr]) -> tuple | None:
    """Conjugates that meet another one cancel: `conj(a * conj(b))` is `conj(a) * b`."""
    (a,) = instr.args
    if leaf_kind(a).dtype is not None and leaf_kind(a).dtype.kind in "iuf":
        return (a,)
    maker = self.maker(a)
    if maker is None or maker.attrs.get("inplace"):
        return None
    if maker.op is np.conj:
        return maker.args[:1]
    count = 1 if maker.op in OF_ONE else 2 if maker.op in OF_TWO else 0
    if not count or self.uses.get(a, 1) > 1 or len(maker.results) != 1:
        return None
    operands = maker.args[:count]
    if not any(self.is_conj(x) for x in operands):
        return None
    made = []
    for x in operands:
        other = Instr(np.conj, (x,), None, (Value("d_t", leaf_kind(x)),), (), None, instr.where)
        again = fold_conj(self, other, out) if isinstance(x, Value) else (conj_of(x),)
        made.append(again[0] if again else self.emit(out, np.conj, (x,), leaf_kind(x), other))
    new = maker.replace(args=(*made, *maker.args[count:]), results=(Value("d_t", a.kind),))
    self.makers[new.results[0]] = new
    out.append(new)
    return new.results


def conj_of(x: Any) -> Any:
    """The conjugate of a constant; of a sparse matrix it is one."""
    if hasattr(x, "nnz"):
        return x.conj() if x.dtype.kind == "c" else x
    return np.conj(x).item()


OF_ONE = frozenset({
    operator.neg, np.reshape, np.transpose, np.swapaxes, np.sum, np.broadcast_to, np.ravel,
    kernels.unbroadcast, "getitem",
})  # fmt: skip
OF_TWO = frozenset({operator.add, operator.sub, operator.mul, operator.truediv, operator.matmul})

RULES: dict[Any, Callable] = {
    np.conj: fold_conj, operator.matmul: fold_signs, np.outer: fold_signs,
    operator.mul: fold_mul, operator.truediv: fold_div, np.divide: fold_div,
    operator.neg: fold_neg, operator.add: fold_add, np.broadcast_to: fold_broadcast,
    np.sum: fold_sum,
    np.astype: fold_astype,
    kernels.unbroadcast: fold_unbroadcast, "getitem": fold_getitem, "setitem": fold_store,
    "add_at": fold_store,
}  # fmt: skip


def is_number(obj: Any) -> bool:
    return type(obj) in (int, float)


def keeps(y: Any, kind: Kind) -> bool:
    """Whether y alone is what the operation gives."""
    have = leaf_kind(y)
    if have.tag != kind.tag or have.dtype is None:
        return False
    if not isinstance(y, Value):
        return True
    return have.dtype == kind.dtype and (have.dims == kind.dims or fits(have, kind))


def read_as_data(block: Block, marker: int) -> set[Value]:
    """What the forward part has to compute, whatever the adjoint asks for its shape alone."""
    live: set[Value] = set()

    def read(inside: Block) -> None:
        live.update(flatten(inside.results))
        for instr in inside.instrs:
            if instr.op not in SHAPE_READS:
                live.update(instr.operands)
            for inner in instr.blocks:
                read(inner)

    read(block.replace(instrs=block.instrs[marker:]))
    for instr in reversed(block.instrs[:marker]):
        inside = walk(Block((), (instr,), ()))
        if not live.isdisjoint(instr.results) or any(i.effect for i in inside):
            live.update(instr.reads)
            if instr.op != "if":  # of a loop that runs, each step needs what it carries
                live.update(instr.results)
    return live


def materialize(block: Block, marker: int) -> Block:
    """`np.broadcast_to(s, x.shape)` that is kept becomes `np.full_like(x, s)`."""
    makers = {r: i for i in block.instrs for r in i.results}

    def source(shape: Any, kind: Kind) -> Value | None:
        """The array whose shape it is."""
        if isinstance(shape, Value):
            maker = makers.get(shape)
            v = maker.args[0] if maker is not None and maker.op is np.shape else None
        else:
            parts = [makers.get(p) if isinstance(p, Value) else None for p in shape]
            if not parts or any(p is None or p.op != "shape" for p in parts):
                return None
            v = parts[0].args[0]
            if any(p.args[0] is not v or p.args[1] != i for i, p in enumerate(parts)):
                return None
        if not isinstance(v, Value) or v.kind.tag != "array" or v.kind.shape != kind.shape:
            return None
        return v

    def visit(instrs: Any) -> list[Instr]:
        out = []
        for instr in instrs:
            for r in instr.results:
                makers[r] = instr
            if instr.blocks:
                instr = instr.replace(
                    blocks=tuple(b.replace(instrs=visit(b.instrs)) for b in instr.blocks)
                )
            elif instr.op is np.broadcast_to:
                small, shape = instr.args
                have = leaf_kind(small)
                v = source(shape, instr.results[0].kind)
                kind = instr.results[0].kind
                one = is_number(small) and small == 1
                like = v is not None and v.kind.dtype == kind.dtype
                if have.dims == () and like and (one or not is_undecided(kind)):
                    if one:
                        instr = instr.replace(op=np.ones_like, args=(v,))
                    else:
                        instr = instr.replace(op=np.full_like, args=(v, small))
                elif have.dims == ():
                    if kind.dtype == float and type(small) is int:
                        small = float(small)
                    own = covers(kind.dtype, leaf_kind(small).dtype)
                    kwargs = {} if own else {"dtype": decided(kind).dtype}
                    instr = instr.replace(op=np.full, args=(shape, small), kwargs=kwargs)
            out.append(instr)
        return out

    instrs = [*block.instrs[: marker + 1], *visit(block.instrs[marker + 1 :])]
    return block.replace(instrs=instrs)
