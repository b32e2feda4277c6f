"""Scalars: loops over the elements of arrays run on Python's own numbers.

    (x: f8[x.0]):                                  (x: f8[x.0]):
      n = len(x)                                     n = len(x)
      d = np.zeros_like(x)                           d = mul([0.0], n)
      d.4 = for i in range(n) carry (d.2 = d):       x_list = np.ndarray.tolist(x)
        a = getitem(x, i)                   →        d.4 = for i in range(n) carry (d.2 = d):
        b = mul(a, a)                                  a = getitem(x_list, i)
        d.3 = add_at(d.2, (), i, b)                    b = mul(a, a)
        yield d.3                                      d.3 = list_add(d.2, i, b)
      return d.4                                       yield d.3
                                                     d.5 = np.array(d.4)
                                                     return d.5

A NumPy scalar costs several times what a Python float costs, at the reading and in each operation.

Lists. In a `for` that runs about as often as a 1-D array has elements, the array's elements come
from `x.tolist()`, made once before the outermost loop. Where the lengths are not known to be
related, but the index is the loop's own `i` in `range(n)`, `x[:n].tolist()` will do. Loops that may
break, and arrays that are written, are left alone.

Numbers. A NumPy float from outside all loops that is used in one becomes `x.item(k)` or `float(s)`.

Accumulators. `np.zeros_like(x)` of which loops only read and write elements, until it is read as a
whole, is a list of floats and becomes an array at the end.

Exactness. A number changes to Python's only if nothing that is computed from it, as far as it
remains one, could differ in value, dtype or spelling: no `**` but by a literal int, no float32 on
the way, no index or bool arithmetic, nothing unknown. What is returned is a NumPy scalar again.
Python raises an ArithmeticError where NumPy warns and goes on with inf or nan (1 / 0): the caller
runs the program without this pass then. A program that cannot be run again, as it prints or draws,
does not divide by numbers that were changed.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.transforms.abstract_core import is_length
from srcdiff.transforms.ir import (
    Block,
    Instr,
    Slice,
    Value,
    flatten,
    map_tree,
    updated_in_place,
    walk,
)  # fmt: skip
from srcdiff.transforms.kinds import BOOL, FLOAT, INT, Dim, Kind, Size, fresh_size

F8 = np.dtype(float)
FLOATS = Kind("list", items=(FLOAT,))
ELEMENTS = {"f": FLOAT, "i": INT, "u": INT, "b": BOOL}
REGIONS = ("if", "for", "while")
SLOWER = 4  # a loop that takes each fourth element still runs about as often as there are elements


def python_scalars(block: Block) -> Block:
    """The block with Python's numbers in its loops; the block itself where nothing changes."""
    ops = [instr.op for instr in walk(block) if isinstance(instr.op, str)]
    if not ("for" in ops or "while" in ops) or "errstate_enter" in ops:
        return block  # where errors are asked for, NumPy raises its own
    program = Program(block)
    flow = Flow(block, program)
    plan = Plan(program, flow, Accumulators(program).found)
    if not (plan.replaced or plan.converted or plan.chains):
        return block
    return Rewrite(program, flow, plan).program()


def has_effects(block: Block) -> bool:
    """Whether a second run would show: it would print, draw or call again."""
    return any(instr.effect and instr.op not in HARMLESS for instr in walk(block))


HARMLESS = frozenset(
    "push pop raise assert adjoint check_length check_scalar errstate_enter errstate_exit".split()
)


# -------------------------------------------------------------------------- where everything is


class Place(NamedTuple):
    """Where an instruction stands.

    loops   the loops around it, from the outside
    home    the branches around the outermost loop: a list that is made there serves it
    """

    loops: tuple[Instr, ...]
    home: tuple[Block, ...]


class Program:
    """What is known of a program.

    at         each element that is read or written → its place
    outside    the values that are defined in no loop
    written    the arrays of which another version is an update
    asked      the numbers that decide on a branch, or pick one element
    near       ints that are a constant more or less than a length → this length
    """

    def __init__(self, block: Block):
        self.block = block
        self.effects = has_effects(block)
        self.at: dict[Instr, Place] = {}
        self.outside: set[Value] = set(block.params)
        self.written = updated_in_place(block)
        self.asked: set[Value] = set()
        self.near: dict[Value, Dim | None] = {}
        self.look(block, Place((), (block,)))

    def look(self, block: Block, place: Place) -> None:
        for instr in block.instrs:
            if instr.op in ("getitem", "setitem", "add_at"):
                self.at[instr] = place
                if instr.op == "getitem" and is_number(instr.results[0]):
                    self.asked.update(flatten(instr.args[1]))
            elif instr.op == "if":
                self.asked.update(flatten(instr.args))
            elif instr.op in (operator.add, operator.sub) and type(instr.args[1]) is int:
                self.near[instr.results[0]] = self.length(instr.args[0])
            if not place.loops:
                self.outside.update(instr.results)
            loops = place.loops + (instr,) * (instr.op in ("for", "while"))
            for inner in instr.blocks:
                home = place.home if loops else (*place.home, inner)
                self.look(inner, Place(loops, home))

    def length(self, number: Any) -> Dim | None:
        """What an int is like, up to a constant: a number, or a length."""
        size = size_of(number)
        return self.near.get(number) if size is None else size

    def rounds(self, loop: Instr) -> Dim | None:
        """How often a loop runs, up to a constant and a factor."""
        if loop.op != "for" or loop.attrs.get("may_break"):
            return None
        _, start, stop, step = loop.args[0]
        if type(step) is not int or not 0 < abs(step) <= SLOWER:
            return None
        a, b = self.length(start), self.length(stop)
        if isinstance(a, int) and isinstance(b, int):
            return len(range(a, b, step))
        if isinstance(a, int):
            return b
        return a if isinstance(b, int) else None

    def often(self, instrs: Iterable[Instr], dim: Dim) -> bool:
        """Whether one of these is in a loop that runs about so often."""
        return any(alike(self.rounds(loop), dim) for i in instrs for loop in self.at[i].loops)


def size_of(number: Any) -> Dim | None:
    return number.kind.size if isinstance(number, Value) else number


def alike(often: Dim | None, dim: Dim) -> bool:
    """Whether a loop that runs so often may take the time that a whole array takes."""
    if isinstance(often, Size):
        return isinstance(dim, Size) and often.base == dim.base
    return isinstance(often, int) and isinstance(dim, int) and often * SLOWER >= dim


def item_stop(key: Any, place: Place, outside: set[Value]) -> Any:
    """What the index stays below, if it is the item of a loop that starts at 0 or later."""
    for loop in place.loops:
        if loop.op == "for" and loop.blocks[0].params[0] is key:
            _, start, stop, step = loop.args[0]
            counts = type(step) is int and 0 < step <= SLOWER and is_length(size_of(start))
            known = isinstance(stop, int) or stop in outside
            return stop if counts and known and not loop.attrs.get("may_break") else None
    return None


def is_index(key: Any) -> bool:
    if isinstance(key, Value):
        return is_number(key) and key.kind.dtype is not None and key.kind.dtype.kind in "iu"
    return type(key) is int


def vector(v: Any) -> bool:
    return isinstance(v, Value) and v.kind.tag == "array" and v.kind.rank == 1


def is_number(v: Any) -> bool:
    return isinstance(v, Value) and v.kind.tag == "scalar"


# --------------------------------------------------------------------- what follows from a number

ARITHMETIC: frozenset = frozenset({
    operator.add, operator.sub, operator.mul, operator.neg, operator.pos, operator.abs,
    builtins.abs, max, min,
})  # fmt: skip
DIVISION: frozenset = frozenset({operator.truediv, operator.floordiv, operator.mod})
COMPARISON: frozenset = frozenset({
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
})  # fmt: skip
BITS: frozenset = frozenset({operator.and_, operator.or_, operator.xor})
PASSING = ("identity", "copy")
PYTHON: frozenset = frozenset({float, int, bool, operator.not_}) | {
    f for f in vars(math).values() if callable(f)
}
NUMPY: frozenset = frozenset({np.where, np.array, np.asarray, np.float64, np.full, np.full_like})
LOGICAL: frozenset = frozenset({np.where, np.logical_and, np.logical_or, np.logical_not})


class Flow:
    """Which numbers are Python's as soon as others are.

    after    number → what becomes Python's with it, if all else there is
    before   the other way round; the constants that flow in, too
    computed the numbers that an operation made of others
    bad      the numbers that must stay as they are
    """

    def __init__(self, block: Block, program: Program):
        self.effects = program.effects
        self.after: dict[Value, list[Value]] = {}
        self.before: dict[Value, list[Any]] = {}
        self.bad: set[Value] = set()
        self.computed: set[Value] = set()
        pushes: dict[Value, list[Instr]] = {}
        pops = []
        for instr in walk(block):
            if instr.op in REGIONS:
                self.region(instr)
            elif instr.op == "push":
                pushes.setdefault(instr.args[0], []).append(instr)
            elif instr.op in ("pop", "peek"):
                pops.append(instr)
            else:
                self.operation(instr)
        for pop in pops:
            for push in pushes.get(pop.args[0], ()):
                for v, result in zip(push.args[1:], pop.results):
                    self.same(v, result)
        self.bad.update(v for v in flatten(block.results) if is_number(v) and v.kind.dtype != F8)
        self.bad = self.reached(self.bad, self.before)

    @staticmethod
    def reached(start: Iterable[Value], edges: dict[Value, list]) -> set[Value]:
        found: set[Value] = set()
        pending = list(start)
        while pending:
            v = pending.pop()
            if v not in found:
                found.add(v)
                pending += (w for w in edges.get(v, ()) if is_number(w))
        return found

    def edge(self, source: Any, target: Value) -> None:
        """The target is the source, or is computed from it."""
        self.before.setdefault(target, []).append(source)
        if is_number(source):
            self.after.setdefault(source, []).append(target)

    def same(self, source: Any, target: Value) -> None:
        if is_number(target) and not (is_number(source) and source.kind.dtype != target.kind.dtype):
            self.edge(source, target)
        elif is_number(source):
            self.bad.add(source)  # it meets a number of another dtype, or something else

    def region(self, instr: Instr) -> None:
        if instr.op == "if":
            for block in instr.blocks:
                for y, result in zip(block.results, instr.results):
                    self.same(y, result)
            return
        body, inits = instr.blocks[-1], instr.args[-1]
        params = body.params[1:] if instr.op == "for" else body.params
        heads = instr.blocks[0].params if instr.op == "while" else params
        for p, head, init, y, result in zip(params, heads, inits, body.results, instr.results):
            self.same(init, head)
            self.same(y, head)
            if p is not head:
                self.same(head, p)
            self.same(head, result)

    def operation(self, instr: Instr) -> None:
        numbers = [v for v in instr.operands if is_number(v)]
        follows = [self.follows(instr, v) for v in numbers]
        self.bad.update(v for v, how in zip(numbers, follows) if how is None)
        if any(follows):
            (result,) = instr.results
            if instr.op not in PASSING:
                self.computed.add(result)
            for leaf in leaves(instr.args):
                self.edge(leaf, result)

    def follows(self, instr: Instr, v: Value) -> bool | None:
        """Whether the result is Python's as soon as v is; None if v must not be."""
        op = instr.attrs.get("spelled", instr.op)
        if instr.op is print and not instr.kwargs and v.kind.dtype == F8:
            return False if all(a is v for a in instr.args if v in flatten(a)) else None
        if any(instr.attrs.get(what) for what in ("opaque", "half", "declared")):
            return None
        if instr.attrs.get("effect") and op != "check_scalar":
            return None
        if op in PASSING:
            return True
        if instr.attrs.get("method") and instr.args[0] is v:
            return None
        if op in ("getitem", "setitem", "add_at"):
            return self.element(instr, v)
        if op == "check_scalar":
            return False
        kind = v.kind.dtype.kind if v.kind.dtype is not None else ""
        rule = {"f": self.of_float, "b": self.of_bool, "i": self.of_int, "u": self.of_int}.get(kind)
        return None if rule is None or isinstance(op, str) else rule(op, instr, v)

    def element(self, instr: Instr, v: Value) -> bool | None:
        """An index, or what is stored."""
        if v in flatten(instr.args[1:-1] if instr.op != "getitem" else instr.args[1]):
            return False if v.kind.dtype.kind in "iu" else None
        base = instr.args[0]
        stored = isinstance(base, Value) and base.kind.tag == "array" and instr.op != "getitem"
        wide = stored and base.kind.dtype in (F8, np.dtype(complex))
        return False if wide and v.kind.dtype.kind in "fb" else None

    def of_float(self, op: Any, instr: Instr, v: Value) -> bool | None:
        found = list(leaves(instr.args))
        if v.kind.dtype != F8 or not all(map(fits, found)):
            return None
        if op in PYTHON:
            return None if instr.kwargs else False
        if op in NUMPY:
            return False if all(map(fits, leaves(tuple(instr.kwargs.values())))) else None
        if isinstance(op, np.ufunc):
            return None if instr.kwargs else False
        if instr.kwargs or any(isinstance(a, (tuple, list)) for a in instr.args):
            return None
        if len(instr.results) != 1:
            return None
        (result,) = instr.results
        number = result.kind.tag == "scalar"
        if op in DIVISION:
            divisor = instr.args[1]
            raises = isinstance(divisor, Value) or not divisor
            return None if number and self.effects and raises else number
        if op is operator.pow:
            literal = instr.args[0] is v and type(instr.args[1]) is int and not self.effects
            return number if literal or not number else None
        if op in (max, min) and len(found) < 2:
            return None
        return number if op in ARITHMETIC or op in COMPARISON else None

    def of_bool(self, op: Any, instr: Instr, v: Value) -> bool | None:
        if instr.kwargs:
            return None
        if op in (operator.not_, float, int, bool):
            return False
        found = list(leaves(instr.args))
        (result,) = instr.results
        number = result.kind.tag == "scalar"
        if op in BITS:
            same = all(isinstance(w, bool) or isinstance(w, Value) and w.kind.dtype == v.kind.dtype
                       for w in found)  # fmt: skip
            return number if same else None
        if op in LOGICAL:
            return False if all(map(fits, found)) and instr.args[0] is v else None
        if op is operator.mul and all(map(fits, found)):
            other = result.kind.dtype == F8
            return number if other and result.kind.tag in ("scalar", "array") else None
        return None

    def of_int(self, op: Any, instr: Instr, v: Value) -> bool | None:
        if op not in COMPARISON or not all(map(fits, leaves(instr.args))):
            return None
        return instr.results[0].kind.tag == "scalar"


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, (tuple, list)):
        for branch in tree:
            yield from leaves(branch)
    else:
        yield tree


def fits(leaf: Any) -> bool:
    """Whether a Python float, next to this, does what a float64 does."""
    if isinstance(leaf, Value):
        dtype = leaf.kind.dtype
        real = dtype is not None and (dtype == F8 or dtype.kind in "biu")
        return leaf.kind.numeric and real or leaf.kind.tag == "array" and dtype == np.dtype(complex)
    return type(leaf) in (bool, int, float, np.float64) or isinstance(leaf, (np.integer, np.dtype))


# ---------------------------------------------------------------------------------- accumulators


FILLS: dict[Any, float] = {np.zeros_like: 0.0, np.zeros: 0.0, np.ones_like: 1.0, np.ones: 1.0}


class Chain:
    """The versions of an array of zeros, or ones, of which elements are read and written.

    last     the version that nothing updates; `wholes` are those that are read as arrays
    updates  its updates, and `reads` its elements
    """

    def __init__(self, maker: Instr):
        self.maker = maker
        self.last: Value = maker.results[0]
        self.ok = True
        self.versions: list[Value] = [self.last]
        self.updates: list[Instr] = []
        self.reads: list[Instr] = []
        self.wholes: set[Value] = set()

    def carries(self, v: Any) -> bool:
        """Whether v is the present state of the array; if it is another one, there are two."""
        if v is not self.last:
            self.ok = False
        return self.ok


class Accumulators:
    """Finds the chains: walks the program as it would run in place."""

    def __init__(self, program: Program):
        self.program = program
        self.of: dict[Value, Chain] = {}
        self.log: list[tuple[Chain, Value]] = []  # versions that were replaced
        self.chains: list[Chain] = []
        self.walk(program.block, False)
        for v in flatten(program.block.results):
            self.whole(v)
        self.found = [c for c in self.chains if self.complete(c)]

    def complete(self, chain: Chain) -> bool:
        return (
            chain.ok and bool(chain.updates) and chain.wholes <= {chain.last}
            and chain.last in self.program.outside
        )  # fmt: skip

    def join(self, chain: Chain, v: Value) -> None:
        self.log.append((chain, chain.last))
        self.of[v] = chain
        chain.last = v
        chain.versions.append(v)

    def whole(self, v: Any) -> None:
        chain = self.of.get(v) if isinstance(v, Value) else None
        if chain is not None and chain.carries(v):
            chain.wholes.add(v)

    def walk(self, block: Block, in_loop: bool) -> None:
        for instr in block.instrs:
            chain = self.of.get(instr.args[0]) if instr.args and isinstance(
                instr.args[0], Value) else None  # fmt: skip
            if instr.op == "if":
                self.branches(instr, in_loop)
            elif instr.op in ("for", "while"):
                self.loop(instr)
            elif chain is not None and instr.op in ("setitem", "add_at", "getitem", len):
                self.element(instr, chain)
            else:
                for v in instr.operands:
                    self.whole(v)
                if not in_loop and self.is_constant(instr):
                    made = Chain(instr)
                    self.of[made.last] = made
                    self.chains.append(made)

    def is_constant(self, instr: Instr) -> bool:
        if not instr.results or not vector(instr.results[0]) or instr.kwargs or \
                instr.results[0].kind.dtype != F8:  # fmt: skip
            return False
        if instr.op not in FILLS or len(instr.args) != 1:
            return False
        (like,) = instr.args
        if instr.op in (np.zeros_like, np.ones_like):
            return vector(like)
        return is_index(like) and is_length(size_of(like))

    def element(self, instr: Instr, chain: Chain) -> None:
        for v in flatten(instr.args[1:]):
            self.whole(v)
        if not chain.carries(instr.args[0]) or instr.op is len:
            return
        if instr.op == "getitem":
            if is_index(instr.args[1]):
                chain.reads.append(instr)
            else:
                self.whole(instr.args[0])
            return
        _, path, key, value = instr.args
        number = (is_number(value) or isinstance(value, Value) and value.kind == FLOAT) and \
            value.kind.dtype == F8 or type(value) in (int, float)  # fmt: skip
        if path != () or not is_index(key) or not number:
            chain.ok = False
        chain.updates.append(instr)
        self.join(chain, instr.results[0])

    def loop(self, instr: Instr) -> None:
        inits, body = instr.args[-1], instr.blocks[-1]
        params = body.params[1:] if instr.op == "for" else body.params
        carried: dict[int, Chain] = {}
        for i, init in enumerate(inits):
            chain = self.of.get(init) if isinstance(init, Value) else None
            if chain is not None and chain.carries(init):  # not twice: then it is not the last
                carried[i] = chain
                self.join(chain, instr.blocks[0].params[i] if instr.op == "while" else params[i])
        inside = len(self.log)
        if instr.op == "while":
            self.walk(instr.blocks[0], True)
            for i, chain in carried.items():
                chain.carries(instr.blocks[0].params[i])
                self.join(chain, params[i])
        self.walk(body, True)
        for i, y in enumerate(body.results):
            found = self.of.get(y) if isinstance(y, Value) else None
            if i in carried and (found is not carried[i] or not found.carries(y)):
                carried[i].ok = False
            if found is not None and found is not carried.get(i):
                found.ok = False
        self.settle(inside, set(carried.values()))
        for i, chain in carried.items():
            self.join(chain, instr.results[i])

    def settle(self, since: int, known: set[Chain]) -> None:
        """At the end of a block, what was updated in it must be carried out of it."""
        for chain, _ in self.log[since:]:
            if chain not in known:
                chain.ok = False

    def branches(self, instr: Instr, in_loop: bool) -> None:
        since = len(self.log)
        then, other = (self.branch(block, in_loop) for block in instr.blocks)
        merged = {i: chain for i, chain in then.items() if other.get(i) is chain}
        twice = len(set(merged.values())) < len(merged)
        for end in (then, other):
            for i, chain in end.items():
                if twice or merged.get(i) is not chain:
                    chain.ok = False
        self.settle(since, set(merged.values()))
        for i, chain in merged.items():
            self.join(chain, instr.results[i])

    def branch(self, block: Block, in_loop: bool) -> dict[int, Chain]:
        """Walk a branch, and say which of its results are the present state of which array."""
        start, made = len(self.log), len(self.chains)
        self.walk(block, in_loop)
        own = set(self.chains[made:])
        ends = {}
        for i, y in enumerate(block.results):
            chain = self.of.get(y) if isinstance(y, Value) else None
            if chain in own:
                self.whole(y)
            elif chain is not None and chain.carries(y):
                ends[i] = chain
        before: dict[Chain, Value] = {}
        for chain, old in self.log[start:]:
            before.setdefault(chain, old)
        self.log[start:] = [(chain, old) for chain, old in self.log[start:] if chain not in own]
        for chain, old in before.items():
            if chain not in own:
                chain.last = old
        return ends


# ------------------------------------------------------------------------------------------ plan


class List(NamedTuple):
    """The elements of an array, or those before `stop`, as a list."""

    array: Value
    stop: Any
    value: Value


class Plan:
    """What changes.

    replaced    reads of elements → the list that they read now
    lists       loop → the lists that are made before it
    converted   NumPy scalars from outside the loops that become floats
    chains      version → the accumulator that it is a version of
    stops       accumulator → the n of `[0.0] * n`, where that is not the length of the array
    """

    def __init__(self, program: Program, flow: Flow, chains: list[Chain]):
        self.program, self.flow = program, flow
        self.replaced: dict[Instr, Value] = {}
        self.lists: dict[Instr, list[List]] = {}
        self.chains: dict[Value, Chain] = {}
        self.stops: dict[Chain, Any] = {}
        for chain in chains:
            self.accumulator(chain)
        self.read_lists()
        self.link()
        self.converted = self.numbers()
        self.follow()
        if self.drop_what_does_not_pay():
            self.link()
            self.follow()

    def drop_what_does_not_pay(self) -> int:
        """Undo what leads to no arithmetic of Python's, in a loop or at all."""
        gains = self.flow.reached(
            (self.changed - self.numpy - self.program.outside) & self.flow.computed, self.before)
        idle = self.converted - gains
        self.converted -= idle
        gains |= self.program.asked
        used = {made for instr, made in self.replaced.items() if instr.results[0] in gains}
        idle |= {made for made in self.replaced.values() if made not in used}
        self.replaced = {i: made for i, made in self.replaced.items() if made in used}
        self.lists = {loop: [item for item in made if item.value in used]
                      for loop, made in self.lists.items()}  # fmt: skip
        vain = {chain for chain in set(self.chains.values()) if self.holds_numpys(chain)}
        self.chains = {v: chain for v, chain in self.chains.items() if chain not in vain}
        return len(idle) + len(vain)

    def holds_numpys(self, chain: Chain) -> bool:
        """Whether all that the loops compute and store is NumPy's."""
        stored = [v for v in (i.args[3] for i in chain.updates if self.program.at[i].loops)
                  if isinstance(v, Value)]  # fmt: skip
        return bool(stored) and all(map(self.is_numpy, stored))

    def is_numpy(self, v: Any) -> bool:
        own = v in self.changed or v in self.before
        return is_number(v) and (v in self.numpy if own else v.kind.python is not True)

    def accumulator(self, chain: Chain) -> None:
        places = [self.program.at[i] for i in chain.updates]
        if any(r.results[0] in self.flow.bad for r in chain.reads):
            return
        (dim,) = chain.maker.results[0].kind.shape
        if not self.program.often(chain.updates, dim):
            keys = [i.args[2] for i in chain.updates] + [i.args[1] for i in chain.reads]
            places += [self.program.at[i] for i in chain.reads]
            stops = [item_stop(k, p, self.program.outside) for k, p in zip(keys, places)]
            stop = stops[0]
            if stop is None or any(s is not stop for s in stops) or not self.is_count(stop) or \
                    not self.before(chain, stop):  # fmt: skip
                return
            self.stops[chain] = stop
        self.chains.update(dict.fromkeys(chain.versions, chain))

    def is_count(self, stop: Any) -> bool:
        """Whether it is surely not negative."""
        return is_length(size_of(stop)) or stop in self.smallest

    @functools.cached_property
    def smallest(self) -> set[Value]:
        """The minima of lengths: where `zip` ends."""
        return {
            i.results[0] for i in self.program.block.instrs
            if i.op is min and len(i.args) > 1 and all(is_length(size_of(a)) for a in i.args)
        }  # fmt: skip

    def before(self, chain: Chain, stop: Any) -> bool:
        """Whether a number is there when an accumulator is made."""
        if not isinstance(stop, Value) or stop in self.program.block.params:
            return True
        for instr in self.program.block.instrs:
            if stop in instr.results:
                return True
            if instr is chain.maker:
                break
        return False

    # ------------------------------------------------------------------ lists

    def read_lists(self) -> None:
        """Choose for each outermost loop, in order, the lists that it reads."""
        reads: dict[Instr, dict[Value, list[Instr]]] = {}
        for instr, place in self.program.at.items():
            if place.loops and self.listable(instr):
                reads.setdefault(place.loops[0], {}).setdefault(instr.args[0], []).append(instr)
        self.full: set[tuple[Block, Value]] = set()  # here the loops take all of this array
        for arrays in reads.values():
            for array, instrs in arrays.items():
                if self.program.often(instrs, array.kind.shape[0]):
                    self.full.add((self.program.at[instrs[0]].home[-1], array))
        made: dict[Block, list[List]] = {}
        for loop, arrays in reads.items():
            for array, instrs in arrays.items():
                self.loop_lists(loop, array, instrs, made)

    def loop_lists(self, loop: Instr, array: Value, instrs: list[Instr], made: dict) -> None:
        home = self.program.at[instrs[0]].home
        known = [item for block in home for item in made.get(block, ()) if item.array is array]
        full = (home[-1], array) in self.full or any(item.stop is None for item in known)
        for instr in instrs:
            stop = None
            if not full:
                stop = item_stop(instr.args[1], self.program.at[instr], self.program.outside)
                if stop is None:
                    continue
            found = next((item for item in known if item.stop is stop), None)
            if found is None:
                kind = Kind("list", items=(ELEMENTS[array.kind.dtype.kind],))
                found = List(array, stop, Value(f"{array.name}_list", kind))
                known.append(found)
                made.setdefault(home[-1], []).append(found)
                self.lists.setdefault(loop, []).append(found)
            self.replaced[instr] = found.value

    def listable(self, instr: Instr) -> bool:
        """Whether this reads one element of a 1-D array from outside the loops."""
        if instr.op != "getitem":
            return False
        array, key = instr.args
        return (
            vector(array) and array in self.program.outside and array not in self.program.written
            and array not in self.chains and is_index(key) and is_number(instr.results[0])
            and (array.kind.dtype == F8 or array.kind.dtype.kind in "biu")
            and instr.results[0] not in self.flow.bad
        )  # fmt: skip

    # ------------------------------------------------------------------ numbers

    def link(self) -> None:
        """What flows where, through the accumulators too."""
        self.before, self.after = dict(self.flow.before), dict(self.flow.after)
        self.elements: set[Value] = set()
        for chain in set(self.chains.values()):
            stored = [i.args[3] for i in chain.updates]
            elements = [i.results[0] for i in chain.reads]
            self.elements.update(elements)
            self.before.update(dict.fromkeys(elements, stored))
            for v in filter(is_number, stored):
                self.after[v] = [*self.after.get(v, ()), *elements]

    def numbers(self) -> set[Value]:
        """The NumPy floats from outside the loops of which one in a loop is made."""
        outside = self.program.outside
        inside = (w for v, ws in self.before.items() if v not in outside for w in ws)
        used = self.flow.reached(filter(is_number, inside), self.before)
        return {
            v for v in used
            if v in outside and v not in self.before and v not in self.flow.bad
            and v.kind.dtype == F8 and v.kind.python is False
        }  # fmt: skip

    def follow(self) -> None:
        """Find what the choices made so far lead to.

        changed   the numbers that may be Python's now
        numpy     the numbers that are NumPy's, on some path at least
        """
        sources = {i.results[0] for i in self.replaced} | self.converted | self.elements
        self.changed = self.flow.reached(sources, self.flow.after)
        given = [
            v for v, ws in self.before.items() for w in ws
            if isinstance(w, np.generic) or is_number(w) and w not in self.before
            and w not in sources and w.kind.python is not True
        ]  # fmt: skip
        self.numpy = self.flow.reached(given, self.after)


# --------------------------------------------------------------------------------------- rewrite


class Rewrite:
    """Builds the new program."""

    def __init__(self, program: Program, flow: Flow, plan: Plan):
        self.source, self.plan = program, plan
        self.env: dict[Value, Any] = {}
        self.lengths: dict[Dim, Value] = {}
        for v in plan.changed:
            kind = v.kind._replace(python=None if v in plan.numpy else True)
            self.env[v] = Value(v.name, kind, v.user)
        self.listed: dict[Value, Value] = {}
        for v, chain in plan.chains.items():
            name = f"{v.name}_list" if chain in plan.stops else v.name
            self.env[v] = self.listed[v] = Value(name, FLOATS, v.user)

    def put(self, tree: Any) -> Any:
        return map_tree(lambda v: self.env.get(v, v), tree)

    def program(self) -> Block:
        block = self.source.block
        instrs: list[Instr] = []
        for p in block.params:
            if p in self.plan.converted:
                instrs.append(Instr(float, (p,), None, (self.env[p],)))
        instrs += self.instrs(block, True)
        results = {}
        for v in flatten(block.results):
            new = self.env.get(v)
            python = v.kind.python is True or v not in self.plan.changed
            if new is not None and not python and v not in results:
                kind = v.kind._replace(python=False)
                results[v] = Value(v.name, kind)
                instrs.append(Instr(np.float64, (new,), None, (results[v],)))
        ends = map_tree(lambda v: results.get(v, self.env.get(v, v)), block.results)
        return Block(block.params, instrs, ends)

    def block(self, block: Block, outside: bool) -> Block:
        instrs = tuple(self.instrs(block, outside))
        new = (self.put(block.params), instrs, self.put(block.results))
        return block if new == (block.params, block.instrs, block.results) else Block(*new)

    def instrs(self, block: Block, outside: bool) -> list[Instr]:
        made: list[Instr] = []
        for instr in block.instrs:
            for item in self.plan.lists.get(instr, ()):
                made += tolist(item, instr.where)
            made += self.instr(instr, outside)
            if block is self.source.block and not instr.blocks:  # what paths make may be unbound
                for r in instr.results:
                    if r.kind.tag == "scalar" and isinstance(r.kind.size, Size):
                        self.lengths.setdefault(r.kind.size, r)
            for r in instr.results:
                chain = self.plan.chains.get(r)
                if chain is not None and chain.last is r and chain.wholes:
                    made += self.as_array(chain, instr.where)
        return made

    def instr(self, instr: Instr, outside: bool) -> list[Instr]:
        chain = self.plan.chains.get(instr.args[0]) if instr.args and isinstance(
            instr.args[0], Value) else None  # fmt: skip
        if chain is not None and instr.op in ("setitem", "add_at"):
            return [self.update(instr)]
        if chain is not None and instr.op == "getitem" and is_index(instr.args[1]):
            args = (self.listed[instr.args[0]], self.put(instr.args[1]))
            return [instr.replace(args=args, results=self.put(instr.results))]
        if instr.results and instr.results[0] in self.plan.chains and instr.op not in REGIONS:
            return self.filled(self.plan.chains[instr.results[0]], instr)
        if instr in self.plan.replaced:
            key = self.put(instr.args[1])
            return [instr.replace(args=(self.plan.replaced[instr], key),
                                  results=self.put(instr.results))]  # fmt: skip
        if outside and any(r in self.plan.converted for r in instr.results):
            return self.converted(instr)
        inside = outside and instr.op == "if"
        changes: dict[str, Any] = {
            "args": self.put(instr.args), "kwargs": self.put(instr.kwargs),
            "results": self.put(instr.results),
            "blocks": tuple(self.block(b, inside) for b in instr.blocks),
        }  # fmt: skip
        touched = any(v in self.env for v in (*instr.operands, *instr.results))
        if not touched and all(map(operator.is_, changes["blocks"], instr.blocks)):
            return [instr]
        return [instr.replace(**changes)]

    def update(self, instr: Instr) -> Instr:
        base, _, key, value = instr.args
        base = self.listed[base]
        op = "list_add" if instr.op == "add_at" else "list_setitem"
        value = float(value) if type(value) is int else value
        return Instr(op, (base, *self.put((key, value))), None, self.put(instr.results), (), None,
                     instr.where)  # fmt: skip

    def filled(self, chain: Chain, instr: Instr) -> list[Instr]:
        """`[0.0] * n`"""
        made = []
        n = self.plan.stops.get(chain)
        if n is None:
            (dim,) = instr.results[0].kind.shape
            like = instr.args[0]
            n = like if is_index(like) else self.lengths.get(dim) if isinstance(dim, Size) else dim
            if n is None:
                n = Value("n", INT)
                made.append(Instr(len, self.put(instr.args), None, (n,), (), None, instr.where))
        args = ([FILLS[instr.op]], n)
        results = self.put(instr.results)
        return [*made, Instr(operator.mul, args, None, results, (), None, instr.where)]

    def as_array(self, chain: Chain, where: Any) -> list[Instr]:
        v = chain.last
        found, array = self.listed[v], Value(v.name, v.kind)
        self.env[v] = array
        if chain not in self.plan.stops:
            return [Instr(np.array, (found,), None, (array,), (), None, where)]
        zeros = Value(v.name, v.kind)
        key = Slice(None, self.plan.stops[chain])
        return [chain.maker.replace(results=(zeros,)),  # fmt: skip
                Instr("setitem", (zeros, (), key, found), None, (array,), (), None, where)]

    def converted(self, instr: Instr) -> list[Instr]:
        """A NumPy scalar as a float."""
        if instr.op == "getitem" and vector(instr.args[0]) and is_index(instr.args[1]):
            args = self.put(instr.args)
            return [Instr(np.ndarray.item, args, None, self.put(instr.results), (),
                          {"method": "item"}, instr.where)]  # fmt: skip
        raw = {r: Value(r.name, r.kind) for r in instr.results if r in self.plan.converted}
        made = [instr.replace(args=self.put(instr.args), kwargs=self.put(instr.kwargs),
                              results=tuple(raw.get(r) or self.put(r) for r in instr.results))]
        for r, value in raw.items():
            made.append(Instr(float, (value,), None, (self.env[r],), (), None, instr.where))
        return made


def tolist(item: List, where: Any) -> list[Instr]:
    """`x.tolist()` or `x[:n].tolist()`"""
    made, array = [], item.array
    if item.stop is not None:
        kind = array.kind._replace(shape=(fresh_size(),))
        part = Value(array.name, kind)
        made.append(Instr("getitem", (array, Slice(None, item.stop)), None, (part,), (), None,
                          where))  # fmt: skip
        array = part
    return [*made, Instr(np.ndarray.tolist, (array,), None, (item.value,), (),
                         {"method": "tolist"}, where)]  # fmt: skip


def divided_by_sizes(block: Block) -> Block:
    """The program, in whose adjoint Python's numbers are divided by ints as NumPy divides them.

    The gradient of the mean of no elements has none, and `1.0 / x.size` is not to raise: it is
    inf, with a warning. What the function itself divides raises as it always does.
    """
    instrs, in_adjoint = [], False
    for instr in block.instrs:
        in_adjoint = in_adjoint or instr.op == "adjoint"
        instrs += _divided(instr) if in_adjoint else [instr]
    same = len(instrs) == len(block.instrs) and all(map(operator.is_, instrs, block.instrs))
    return block if same else block.replace(instrs=tuple(instrs))


def _divided(instr: Instr) -> list[Instr]:
    if instr.blocks:
        blocks = []
        for inner in instr.blocks:
            instrs = [made for each in inner.instrs for made in _divided(each)]
            same = len(instrs) == len(inner.instrs) and all(map(operator.is_, instrs, inner.instrs))
            blocks.append(inner if same else inner.replace(instrs=tuple(instrs)))
        same = all(map(operator.is_, blocks, instr.blocks))
        return [instr if same else instr.replace(blocks=tuple(blocks))]
    n = instr.args[1] if instr.op is operator.truediv else None
    if not is_index(n) or type(n) is int and n != 0 or instr.results[0].kind != FLOAT:
        return [instr]
    (made,) = instr.results
    divisor = Value(n.name if isinstance(n, Value) else "n", Kind("scalar", F8, (), False))
    ratio = Value(made.name, made.kind._replace(python=False))
    return [
        Instr(np.float64, (n,), None, (divisor,), (), None, instr.where),
        instr.replace(args=(instr.args[0], divisor), results=(ratio,)),
        Instr(float, (ratio,), None, (made,), (), None, instr.where),
    ]
