"""Dependence: which numbers of the input each number of the output can depend on.

    (x: f8[x.0]):                          x = [1.0, 2.0, 3.0]:
      a = getitem(x, 1:)             →       {1}, {2}
      b = np.sin(a)                          {1}, {2}
      c = setitem(x, (), :-1, b)             {1}, {2}, {2}
      return c

The program is run once, and beside each array goes one of sets of input numbers. Nothing is missed:
whatever is not known here depends on all that it reads, and what is decided by a number that may be
another at the next call is not followed. An `if` on such a number gives what either branch gives, a
store at such an index may be anywhere. So the sets hold for all inputs of the same shapes, as long
as the ints, flags and arrays beside them stay as they are. The program is left alone.
"""

from __future__ import annotations

import builtins
import inspect
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcdiff.runtime import kernels, marks
from srcdiff.transforms.ir import UNDEFINED, Attributes, Block, Instr, Slice, Value, dict_like, walk

NOTHING: frozenset[int] = frozenset()
UNKNOWN = object()
WORK = 2_000_000  # as many instructions are followed, or 32 elements, or 64 numbers in sets


class Seen:
    """A value as far as it is known.

    value   what it is in this run, or UNKNOWN
    sets    on which input numbers it depends: an array of sets of its shape; one set for the whole
            where the shape is not known; None for none at all
    fixed   whether it is the same for all inputs; a known value that is not fixed has a fixed shape
    """

    __slots__ = ("value", "sets", "fixed")

    def __init__(self, value: Any, sets: Any = None, fixed: bool = False):
        self.value, self.sets, self.fixed = value, sets, fixed

    @property
    def known(self) -> bool:
        return self.value is not UNKNOWN

    def whole(self) -> frozenset[int]:
        """Everything that a part of it depends on."""
        if self.sets is None or isinstance(self.sets, frozenset):
            return self.sets or NOTHING
        return NOTHING.union(*self.sets.flat)

    def each(self) -> np.ndarray:
        """The sets of a value that is known, in its shape."""
        if isinstance(self.sets, np.ndarray):
            return self.sets
        return filled(np.shape(self.value), self.sets or NOTHING)


def filled(shape: tuple[int, ...], one: frozenset[int]) -> np.ndarray:
    """An array that holds the same set everywhere."""
    made = np.empty(shape, object)
    made.fill(one)
    return made


def boxed(sets: Any) -> np.ndarray:
    """A set as an array without axes, an array as it is."""
    if isinstance(sets, np.ndarray):
        return sets
    if type(sets) is not frozenset:
        raise NotKnown
    return filled((), sets)


def without_numbers(sets: np.ndarray) -> np.ndarray:
    """An array of sets with the empty one for each number: NumPy has filled it with zeros."""
    strange = [i for i, s in enumerate(sets.flat) if type(s) is not frozenset]
    if strange:
        sets = sets.copy()
        for i in strange:
            if not isinstance(sets.flat[i], (int, float, np.number)):
                raise NotKnown
            sets.flat[i] = NOTHING
    return sets


def union_along(sets: np.ndarray, axes: Iterable[int] | None, keepdims: bool = False) -> np.ndarray:
    """The union of the sets along some axes, or along all.

    >>> x = inputs(np.ones((2, 2))).sets
    >>> [sorted(s) for s in union_along(x, (0,))]
    [[0, 2], [1, 3]]
    """
    every = tuple(range(sets.ndim))
    axes = every if axes is None else tuple(a % sets.ndim for a in axes)
    kept = tuple(a for a in every if a not in axes)
    shape = tuple(sets.shape[a] for a in kept)
    count = int(np.prod([sets.shape[a] for a in axes]))
    rows = sets.transpose(*kept, *axes).reshape(int(np.prod(shape)), count)
    made = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        made[i] = NOTHING.union(*row)
    if keepdims:
        shape = tuple(1 if a in axes else sets.shape[a] for a in every)
    return made.reshape(shape)


def inputs(x: Any, first: int = 0) -> Seen:
    """An argument that counts: its numbers from `first` on."""
    made = np.empty(np.size(x), object)
    for i in range(len(made)):
        made[i] = frozenset((first + i,))
    return Seen(x, made.reshape(np.shape(x)))


def dependence(block: Block, arguments: dict[Value, Seen]) -> tuple:
    """What the results of a program depend on: `Seen`s, and containers of these.

    >>> from srcdiff.transforms.text import parse_text
    >>> from srcdiff.transforms.kinds import array, Size
    >>> block = parse_text('''
    ...     (x: f8, n: int):
    ...       a = getitem(x, 1:)
    ...       b = for i in range(n) carry (p = a):
    ...         q = getitem(x, i)
    ...         r = setitem(p, (), 0, q)
    ...         yield r
    ...       return b
    ... ''', kinds=lambda instr: [array("f8", Size("n"))])
    >>> x, n = block.params
    >>> (b,) = dependence(block, {x: inputs(np.ones(4)), n: Seen(3, None, True)})
    >>> [sorted(s) for s in b.sets]
    [[2], [2], [3]]
    """
    machine = Machine(block)
    machine.env.update(arguments)
    try:
        with np.errstate(all="ignore"):
            return machine.block(block)
    except GiveUp:
        return (Seen(UNKNOWN, everything(tuple(arguments.values()))),)


class NotKnown(Exception):
    """This instruction is not to be followed: its results depend on all that it reads."""


class GiveUp(Exception):
    """The sweep of a region is not followed, whose steps are remembered."""


class Machine:
    """Runs a program; steps of a region that has a twin are remembered for the twin."""

    def __init__(self, program: Block):
        self.env: dict[Value, Any] = {}
        self.left = WORK
        self.first: dict[int, Instr] = {}  # twin number → the region that runs first
        self.steps: dict[int, list[tuple[dict, dict]] | None] = {}  # None: it was not followed
        self.inside: dict[Instr, tuple[list[Value], list[int]]] = {}
        self.lost = NOTHING  # on what values depend that were made in regions not followed
        for instr in walk(program):
            if "twin" in instr.attrs:
                self.first.setdefault(instr.attrs["twin"], instr)

    def block(self, block: Block) -> tuple:
        for instr in block.instrs:
            self.left -= 1
            try:
                found = self.instr(instr)
            except GiveUp:
                raise
            except Exception:  # whatever it is: it is not followed
                found = self.not_followed(instr)
            self.env.update(zip(instr.results, found))
            self.left -= work(instr, found)
        return self.read(block.results)

    def read(self, tree: Any) -> Any:
        """The argument with what is known of its values; a constant is a fixed value."""
        if isinstance(tree, Value):
            return self.env[tree]
        if isinstance(tree, Slice):
            return Slice(*map(self.read, tree))
        if isinstance(tree, tuple):
            return tuple(map(self.read, tree))
        if isinstance(tree, list):
            return list(map(self.read, tree))
        if isinstance(tree, dict):
            return dict_like(tree, {key: self.read(part) for key, part in tree.items()})
        return Seen(tree, None, tree is not UNDEFINED)

    def not_followed(self, instr: Instr) -> tuple:
        """The results of what is not known: they depend on all that it reads."""
        found = NOTHING.union(
            *(everything(self.env[v]) if v in self.env else self.lost for v in instr.reads)
        )
        regions = [i for i in (instr, *(i for b in instr.blocks for i in walk(b)))
                   if "twin" in i.attrs]  # fmt: skip
        for region in regions:
            twin = region.attrs["twin"]
            if self.first[twin] is region:
                self.steps[twin] = None
                self.lost |= found
        for region in regions:  # it may read what was made in each step of the first
            if self.first[region.attrs["twin"]] is not region:
                if self.steps.get(region.attrs["twin"]) is not None:
                    raise GiveUp
                found |= self.lost
        return tuple(Seen(UNKNOWN, None if discrete(r) else found) for r in instr.results)

    def instr(self, instr: Instr) -> tuple:
        op = instr.op
        if op in PASSED_OVER:
            return ()
        self.check_work()
        if op in ("if", "for", "while"):
            twin = instr.attrs.get("twin")
            if twin is not None and self.first[twin] is instr:
                self.steps[twin] = []
            elif instr.attrs.get("sweep", 1) != 1:
                raise GiveUp
            return getattr(self, f"run_{op}")(instr)
        args = self.read(instr.args)
        kwargs = {k: self.read(a) for k, a in instr.kwargs.items()}
        if isinstance(op, str):
            method = getattr(self, f"do_{op}", None)
            if method is None:
                raise NotKnown
            return (method(instr, *args),)
        if instr.effect or any(map(instr.attrs.get, ("opaque", "taped", "half", "made"))):
            raise NotKnown
        found = called(op, args, kwargs)
        if len(instr.results) == 1:
            return (found if not discrete(instr.results[0]) else without_sets(found),)
        if not isinstance(found, (tuple, list)) or len(found) != len(instr.results):
            raise NotKnown
        return tuple(found)

    # ------------------------------------------------------------------ regions

    def run_if(self, instr: Instr) -> tuple:
        (test,) = self.read(instr.args)
        if test.fixed and test.known:
            return self.step(instr, instr.blocks[0 if test.value else 1], ())
        twin = instr.attrs.get("twin")
        if twin is not None and self.first[twin] is not instr:
            self.recall(twin)
        then, other = map(self.block, instr.blocks)
        if twin is not None and self.first[twin] is instr:
            self.remember(instr, twin)
        chosen = 0 if not test.known or test.value else 1
        return tuple(merged((a, b)[chosen], (a, b)[1 - chosen]) for a, b in zip(then, other))

    def run_for(self, instr: Instr) -> tuple:
        iterable, carried = self.read(instr.args)
        if not all(part.fixed and part.known for part in iterable):
            raise NotKnown
        steps = range(*(part.value for part in iterable[1:]))
        may_break, count = instr.attrs.get("may_break"), 0
        for i in reversed(steps) if instr.attrs.get("reverse") else steps:
            self.check_work()
            carried = self.step(instr, instr.blocks[0], (Seen(i, None, True), *carried))
            count += 1
            if may_break:
                *carried, stop = carried
                if self.decided(stop):
                    break
        return (*carried, Seen(count, None, True)) if may_break else tuple(carried)

    def run_while(self, instr: Instr) -> tuple:
        (carried,) = self.read(instr.args)
        test, body = instr.blocks
        count = 0
        while True:
            self.check_work()
            self.env.update(zip(test.params, carried))
            if not self.decided(self.block(test)[0]):
                break
            carried = self.step(instr, body, carried)
            count += 1
            if instr.attrs.get("may_break"):
                *carried, stop = carried
                if self.decided(stop):
                    break
        return (*carried, Seen(count, None, True))

    def check_work(self) -> None:
        if self.left < 0:
            raise NotKnown

    def decided(self, test: Any) -> bool:
        if not test.fixed or not test.known:
            raise NotKnown
        return bool(test.value)

    def step(self, instr: Instr, block: Block, args: tuple) -> tuple:
        twin = instr.attrs.get("twin")
        if twin is not None and self.first[twin] is not instr:
            self.recall(twin)
        self.env.update(zip(block.params, args))
        results = self.block(block)
        if twin is not None and self.first[twin] is instr:
            self.remember(instr, twin)
        return results

    def recall(self, twin: int) -> None:
        """What the last step has left that was not yet gone back to."""
        steps = self.steps[twin]
        if steps is None:
            raise NotKnown
        env, inner = steps.pop()
        self.env.update(env)
        self.steps.update({k: None if v is None else list(v) for k, v in inner.items()})

    def remember(self, instr: Instr, twin: int) -> None:
        if instr not in self.inside:
            inner = [i for b in instr.blocks for i in walk(b)]
            values = [v for b in instr.blocks for v in b.params]
            for each in inner:
                values += each.results
                values += [v for b in each.blocks for v in b.params]
            twins = [i.attrs["twin"] for i in inner if "twin" in i.attrs]
            self.inside[instr] = values, twins
        values, twins = self.inside[instr]
        env = {v: self.env[v] for v in values if v in self.env}
        steps = self.steps[twin]
        assert steps is not None
        steps.append((env, {t: self.steps.get(t) for t in twins}))

    # ------------------------------------------------------------------ operations by name

    def do_getitem(self, instr: Instr, x: Any, key: Any) -> Any:
        plain = index(key)
        if isinstance(x, (list, tuple, dict)):
            return x[plain]
        if not x.known:
            raise NotKnown
        if x.sets is None:
            return Seen(x.value[plain], None, x.fixed)
        return Seen(x.value[plain], boxed(x.each()[plain]))

    def do_setitem(self, instr: Instr, base: Seen, path: Any, key: Any, value: Any,
                   add: bool = False) -> Seen:  # fmt: skip
        """The array with the sets of what is stored; with all of them where it may be anywhere."""
        if not base.known or isinstance(value, (list, tuple)):
            raise NotKnown
        new = np.array(base.value, order="K", copy=True)
        sets = np.array(base.each(), order="K", copy=True)
        kept = new.dtype.kind in "fc"
        try:
            target, of_sets = new, sets
            for how, *given in path:
                step = index(given[0]) if how.value == "getitem" else None
                for name, part in (("value", target), ("sets", of_sets)):
                    rest = [concrete(g) for g in given]
                    view = part[step] if how.value == "getitem" else how.value(part, *rest)
                    if not np.shares_memory(view, part) and view.size:
                        raise NotKnown
                    if name == "value":
                        target = view
                    else:
                        of_sets = view
            plain = index(key)
        except NotKnown:  # wherever it is
            return Seen(new, filled(sets.shape, everything((value, path, key))) | sets
                        if kept else None)  # fmt: skip
        fixed = base.fixed and value.fixed and base.sets is None and value.sets is None
        repeats = any(isinstance(k, (np.ndarray, list))
                      for k in (plain if isinstance(plain, tuple) else (plain,)))  # fmt: skip
        if value.known:
            if add and repeats:
                np.add.at(target, plain, value.value)
            elif add:
                target[plain] += value.value
            else:
                target[plain] = value.value
        room = of_sets[plain]
        shape = room.shape if isinstance(room, np.ndarray) else ()
        if value.known:
            stored = boxed(value.each())
            if stored.ndim > len(shape):
                stored = stored.reshape(stored.shape[stored.ndim - len(shape) :])
            stored = np.broadcast_to(stored, shape)
        else:
            stored = filled(shape, value.whole())
        if add and repeats:
            np.bitwise_or.at(of_sets, plain, stored)
        else:
            of_sets[plain] = boxed(room) | stored if add else stored if shape else stored[()]
        nothing = not kept or base.sets is None and value.sets is None
        return Seen(new, None if nothing else sets, fixed)

    def do_add_at(self, instr: Instr, base: Seen, path: Any, key: Any, value: Any) -> Seen:
        return self.do_setitem(instr, base, path, key, value, add=True)

    def do_shape(self, instr: Instr, x: Any, axis: Seen) -> Seen:
        if isinstance(x, (list, tuple)):
            return Seen(len(x), None, True)
        if not x.known:
            raise NotKnown
        return Seen(np.shape(x.value)[axis.value], None, True)

    def do_copy(self, instr: Instr, x: Any) -> Any:
        return x

    do_identity = do_copy

    def do_tuple(self, instr: Instr, *items: Any) -> tuple:
        return items

    def do_list(self, instr: Instr, items: Any) -> list:
        return list(items)

    def do_list_append(self, instr: Instr, items: Any, item: Any) -> list:
        if not isinstance(items, list):
            raise NotKnown
        return [*items, item]

    def do_list_setitem(self, instr: Instr, items: Any, at: Any, item: Any) -> list:
        if not isinstance(items, list) or isinstance(at, Slice):
            raise NotKnown
        made = list(items)
        made[index(at)] = item
        return made

    def do_zero_list(self, instr: Instr, items: Any) -> Any:
        return zeros(items)

    do_ones_list = do_zero_list

    def do_global(self, instr: Instr) -> Seen:
        return argument(at_path(instr.attrs["path"]))


def work(instr: Instr, found: Iterable[Any]) -> int:
    """What an instruction has cost, beyond that of one for numbers."""
    total = 0
    for s in found:
        if isinstance(s, Seen) and isinstance(s.sets, np.ndarray) and s.sets.ndim:
            if instr.op in ("setitem", "add_at"):  # the array is copied, its sets are not
                total += s.sets.size // 2048
            elif not instr.blocks:
                total += s.sets.size // 32 + sum(map(len, s.sets.flat)) // 64
    return total


PASSED_OVER = frozenset({"print", "raise", "assert", "check_length", "check_scalar", "adjoint",
                         "errstate_exit"})  # fmt: skip


def argument(x: Any) -> Any:
    """What does not count of an argument or of what lies outside: a number may be another one at
    the next call, arrays of floats stay."""
    if isinstance(x, (list, tuple)) and type(x) in (list, tuple):
        return type(x)(map(argument, x))
    return Seen(x, None, not isinstance(x, (float, complex, np.inexact)))


def at_path(path: tuple) -> Any:
    """The object outside that a path leads to."""
    kind, base, *rest = path
    if kind == "global":
        return base.globals[rest[0]]
    if kind == "cell":
        return base.cells[rest[0]].cell_contents
    if kind == "attr":
        return getattr(at_path(base), rest[0])
    if kind == "item":
        return at_path(base)[rest[0]]
    if kind == "object":
        return base
    if kind == "default":
        parameters = inspect.signature(base, follow_wrapped=False).parameters
        return parameters[rest[-1]].default
    raise NotKnown


def discrete(v: Value) -> bool:
    """Whether a value is of ints or bools: it has no derivatives."""
    return v.kind.numeric and v.kind.dtype is not None and v.kind.dtype.kind in "biu"


def without_sets(x: Any) -> Any:
    return Seen(x.value, None, x.fixed) if isinstance(x, Seen) else x


def seen_in(tree: Any) -> list[Seen]:
    """The values in a tree of what is known."""
    if isinstance(tree, Seen):
        return [tree]
    if isinstance(tree, dict):
        return [s for part in tree.values() for s in seen_in(part)]
    if isinstance(tree, (tuple, list)):
        return [s for part in tree for s in seen_in(part)]
    return []


def everything(tree: Any) -> frozenset[int]:
    """All that a part of a tree depends on."""
    return NOTHING.union(*(s.whole() for s in seen_in(tree)))


def concrete(tree: Any) -> Any:
    """The tree as it is in this run."""
    if isinstance(tree, Seen):
        if not tree.known:
            raise NotKnown
        return tree.value
    if isinstance(tree, Slice):
        return slice(*map(concrete, tree))
    if isinstance(tree, tuple):
        return tuple(map(concrete, tree))
    if isinstance(tree, list):
        return list(map(concrete, tree))
    if isinstance(tree, Attributes):
        raise NotKnown
    if isinstance(tree, dict):
        return {key: concrete(part) for key, part in tree.items()}
    return tree


def index(key: Any) -> Any:
    """A key that is the same for all inputs."""
    if not all(s.fixed for s in seen_in(key)):
        raise NotKnown
    return concrete(key)


def merged(chosen: Any, other: Any) -> Any:
    """What is one of two: the value of the branch that was taken, the sets of both."""
    if isinstance(chosen, (list, tuple)) or isinstance(other, (list, tuple)):
        if type(chosen) is type(other) and len(chosen) == len(other):
            return type(chosen)(map(merged, chosen, other))
        return Seen(UNKNOWN, everything((chosen, other)))
    if chosen.value is UNDEFINED or other.value is UNDEFINED:
        return Seen(UNKNOWN, chosen.whole() | other.whole())
    if chosen.known and other.known and np.shape(chosen.value) == np.shape(other.value):
        if chosen.fixed and other.fixed and is_same(chosen.value, other.value):
            return chosen
        if chosen.sets is None and other.sets is None:
            return Seen(chosen.value)
        return Seen(chosen.value, boxed(chosen.each() | other.each()))
    return Seen(UNKNOWN, chosen.whole() | other.whole())


def is_same(a: Any, b: Any) -> bool:
    return a is b or type(a) is type(b) and isinstance(a, (int, str)) and a == b


# ---------------------------------------------------------------------- functions


def called(op: Callable, args: Any, kwargs: Any) -> Any:
    """What a function returns of what is known; NotKnown where that may have any shape."""
    seen = seen_in((args, kwargs))
    if op in (np.zeros_like, np.ones_like, np.empty_like, np.shape, np.size, len):
        if op is len and isinstance(args[0], (list, tuple)):
            return Seen(len(args[0]), None, True)
        if not args[0].known or not all(s.fixed for s in seen_in((args[1:], kwargs))):
            raise NotKnown
        return Seen(op(*concrete(args), **concrete(kwargs)), None, op is not np.empty_like)
    if op is kernels.zeros_of:
        return zeros(args[0])
    if op is marks.detach:
        return constant(args[0])
    numbers = all(s.fixed or isinstance(s.value, NUMBERS) for s in seen)
    rule = RULES.get(op)
    if rule is None and not numbers and not is_elementwise(op):
        raise NotKnown
    value = op(*concrete(args), **concrete(kwargs))
    if all(s.fixed for s in seen):
        return argument_of(value)
    if is_elementwise(op):
        if op is np.where and len(args) != 3 or any(isinstance(a, (list, tuple)) for a in args):
            raise NotKnown
        if isinstance(value, tuple):
            return tuple(elementwise(v, seen) for v in value)
        return elementwise(value, seen)
    if numbers and isinstance(value, NUMBERS):
        active = any(s.sets is not None for s in seen)
        return Seen(value, boxed(everything(seen)) if active else None)
    if rule is None:
        raise NotKnown
    sets = rule(op, args, kwargs, value)
    if isinstance(sets, (tuple, list)):
        if len(sets) != len(value):
            raise NotKnown
        return type(sets)(one(v, s) for v, s in zip(value, sets))
    return one(value, sets)


def constant(tree: Any) -> Any:
    """What is detached: it may be another value for other inputs, and has no derivative."""
    if isinstance(tree, dict):
        return dict_like(tree, {k: constant(part) for k, part in tree.items()})
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(constant, tree))
    return without_sets(tree)


NUMBERS = (float, int, bool, complex, np.number, np.bool_)


def zeros(tree: Any) -> Any:
    """Zeros like a number, an array, or a list of these."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(zeros, tree))
    return Seen(np.zeros_like(concrete(tree)), None, True)


def argument_of(value: Any) -> Any:
    """A fixed result; a tuple or list is taken apart."""
    if type(value) in (list, tuple):
        return type(value)(map(argument_of, value))
    return Seen(value, None, True)


def one(value: Any, sets: Any) -> Seen:
    sets = without_numbers(boxed(sets))
    if np.shape(value) != sets.shape:
        raise NotKnown
    floats = np.asarray(value).dtype.kind in "fc"
    return Seen(value, sets if floats and any(sets.flat) else None)


def is_elementwise(op: Callable) -> bool:
    if isinstance(op, np.ufunc):
        return op.signature is None
    return op in ELEMENTWISE


ELEMENTWISE = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.neg, operator.pos, operator.pow, operator.lt, operator.le, operator.gt, operator.ge,
    operator.eq, operator.ne, operator.and_, operator.or_, operator.xor, operator.invert,
    operator.abs, builtins.abs, builtins.pow, np.where, np.clip, np.round, np.isclose, np.astype,
    np.real, np.imag, np.nan_to_num, np.sinc, np.angle, np.fix, kernels.real_power,
    kernels.sinc_derivative,
}  # fmt: skip


def elementwise(value: Any, seen: list[Seen]) -> Seen:
    shape = np.shape(value)
    if np.asarray(value).dtype.kind not in "fc":
        return Seen(value)
    sets: Any = None
    for s in seen:
        if s.sets is not None:
            sets = s.each() if sets is None else boxed(sets | s.each())
    if sets is None:
        return Seen(value)
    if sets.shape != shape:
        sets = np.broadcast_to(sets, shape)
    return Seen(value, sets)


def same(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    """What moves numbers about moves their sets."""

    def sets(tree: Any, depth: int = 0) -> Any:
        if isinstance(tree, Seen):
            if tree.sets is not None or np.asarray(tree.value).dtype.kind in "fc":
                return tree.each()
            if isinstance(tree.value, str) and tree.value in "KA":
                raise NotKnown  # the memory of the sets is another one
            return index(tree)
        if depth == 2:
            return array_of(tree)
        if isinstance(tree, (tuple, list)):
            return type(tree)([sets(part, depth + 1) for part in tree])
        return index(tree)

    if op is np.pad and index(kwargs.get("mode", args[2] if len(args) > 2 else None)) in ARITHMETIC:
        raise NotKnown
    if op in (np.copy, np.ascontiguousarray, np.asfortranarray):
        return args[0].each()
    kwargs = {k: a for k, a in kwargs.items() if k != "dtype"}
    return op(*(sets(a, 1) for a in args), **{k: sets(a) for k, a in kwargs.items()})


ARITHMETIC = ("linear_ramp", "maximum", "mean", "median", "minimum")  # modes of padding


def of_array(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    """`np.array` of arrays, numbers and lists of these."""
    return array_of(args[0])


def array_of(tree: Any) -> np.ndarray:
    """The sets of what becomes an array."""
    if isinstance(tree, Seen):
        return tree.each()
    parts = list(map(array_of, tree))
    made = np.empty((len(parts), *(parts[0].shape if parts else ())), object)
    for i, part in enumerate(parts):
        made[i] = part if part.ndim else part[()]
    return made


def along(place: int) -> Callable:
    """A reduction, whose axis is at a position among its arguments."""

    def reduced(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
        x, axis, rest = with_axis(args, kwargs, place, None)
        keepdims = bool(index(rest.pop("keepdims", Seen(False, None, True))))
        rest.pop("ddof", None)
        if rest or any(s.sets is not None for s in seen_in(args[1:])):
            return everything_spread((args, kwargs), value)
        axes = None if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return union_along(x, axes, keepdims)

    return reduced


def with_axis(args: Any, kwargs: Any, place: int, default: Any) -> tuple[np.ndarray, Any, dict]:
    """The sets of the first argument, the axis, and the other keywords."""
    rest = {k: v for k, v in kwargs.items() if k not in ("axis", "dtype")}
    axis = kwargs.get("axis", args[place] if len(args) > place else Seen(default, None, True))
    x = args[0]
    return array_of(x), index(axis), rest


def everything_spread(tree: Any, value: Any) -> np.ndarray:
    """Each number depends on everything."""
    return filled(np.shape(value), everything(tree))


def scan(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    x, axis, rest = with_axis(args, kwargs, 1, None)
    if rest:
        raise NotKnown
    if axis is None:
        x, axis = x.reshape(-1), 0
    return np.bitwise_or.accumulate(x, axis=axis)


def difference(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    x, axis, rest = with_axis(args, kwargs, 2, -1)
    n = index(rest.pop("n", args[1] if len(args) > 1 else Seen(1, None, True)))
    x = np.moveaxis(x, axis, 0)
    for name in ("prepend", "append"):
        if name in rest:
            more = rest.pop(name).each()
            more = np.moveaxis(more, axis, 0) if more.ndim else more
            more = np.broadcast_to(more, (len(more) if more.ndim else 1, *x.shape[1:]))
            x = np.concatenate([more, x] if name == "prepend" else [x, more])
    if rest or len(args) > 3:
        raise NotKnown
    for _ in range(n):
        x = x[1:] | x[:-1]
    return np.moveaxis(x, 0, axis)


def product(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    """A product of matrices and vectors; a fixed factor counts where it is not zero."""
    a, b = args
    rank_a, rank_b = np.ndim(a.value), np.ndim(b.value)
    if not 1 <= rank_a <= 2 or not 1 <= rank_b <= 2:
        return everything_spread((args, kwargs), value)
    left = a.each() if rank_a == 2 else a.each()[None]
    right = b.each() if rank_b == 2 else b.each()[:, None]
    shape = left.shape[0], right.shape[1]
    if b.fixed and b.sets is None:
        of_b = np.asarray(b.value).reshape(right.shape) != 0
        sets = filled(shape, NOTHING)
        for j in range(shape[1]):
            sets[:, j] = union_along(left[:, of_b[:, j]], (1,))
    elif a.fixed and a.sets is None:
        of_a = np.asarray(a.value).reshape(left.shape) != 0
        sets = filled(shape, NOTHING)
        for i in range(shape[0]):
            sets[i] = union_along(right[of_a[i]], (0,))
    else:
        sets = union_along(left, (1,))[:, None] | union_along(right, (0,))[None]
    return sets.reshape(np.shape(value))


def outer(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    a, b = (x.each().reshape(-1) for x in args)
    return a[:, None] | b[None]


def unbroadcast(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    d, shape = args[0].each(), np.shape(value)
    lead = d.ndim - len(shape)
    if lead < 0:
        raise NotKnown
    axes = [*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 != d.shape[lead + i])]
    return union_along(d, axes).reshape(shape) if axes else d


def spread(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    """`np.full` and `np.full_like`: what they are filled with, everywhere."""
    with_value = kwargs.get("fill_value", args[1] if len(args) > 1 else None)
    return np.broadcast_to(with_value.each(), np.shape(value))


def restored(op: Callable, args: Any, kwargs: Any, value: Any) -> Any:
    """Axes of length one, where a sum has taken them."""
    return args[0].each().reshape(np.shape(value))


RULES: dict[Any, Callable] = {
    **dict.fromkeys((
        np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze,
        np.expand_dims, np.broadcast_to, np.roll, np.flip, np.fliplr, np.flipud, np.rot90,
        np.repeat, np.tile, np.copy, np.ascontiguousarray, np.asfortranarray, np.atleast_1d,
        np.atleast_2d, np.atleast_3d, np.concatenate, np.stack, np.vstack, np.hstack, np.dstack,
        np.column_stack, np.split, np.array_split, np.hsplit, np.vsplit, np.diag, np.diagonal,
        np.tril, np.triu, np.take, np.delete, np.append, np.insert, np.pad, np.take_along_axis,
        np.matrix_transpose, np.ndarray.tolist, kernels.matrix_transpose, kernels.slice_along,
        kernels.index_along, kernels.split_like,
    ), same),
    **dict.fromkeys((
        np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.median, np.ptp, np.nansum,
        np.nanmean,
    ), along(1)),
    np.linalg.norm: along(2), np.array: of_array, np.asarray: of_array,
    np.cumsum: scan, np.cumprod: scan, np.diff: difference,
    operator.matmul: product, np.matmul: product, np.dot: product, np.outer: outer,
    np.full: spread, np.full_like: spread,
    kernels.unbroadcast: unbroadcast, kernels.restore_axes: restored,
}  # fmt: skip
