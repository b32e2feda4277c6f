"""Common subexpressions: compute once what is computed twice from the same values.

    (x: f8[x.0], n: int):                              (x: f8[x.0], n: int):
      a = np.sin(x)                                      a = np.sin(x)
      b = np.sin(x)                                      c = mul(a, a)
      c = mul(a, b)                                      p = for i in range(n) carry (q = c):
      p = for i in range(n) carry (q = c):       →         r = add(q, a)
        d = np.sin(x)                                      yield r
        r = add(q, d)                                    return p
        yield r
      return p

Equal means: the same operation, arguments and attrs (but `method`, which is a spelling); constants
are equal with their types (`1`, `1.0` and `True` differ, `0.0` and `-0.0` differ, `nan` equals
itself). A block reuses what the blocks around it computed before. Of two names the one that the
user wrote stays.

Left alone: effects, regions (not what is in them), what reads state (`global`, `attribute`, opaque
calls, draws), what makes memory for the program to write to (`np.zeros`, `copy`, lists, stores),
what works in place, and arrays that would leave the program twice, since the caller may write to
one. Nothing is shared across a change of NumPy's error state.

>>> from srcdiff.transforms.text import parse_text
>>> before = parse_text('''
...     (x: f8[x.0], n: int):
...       a = np.sin(x)
...       b = np.sin(x)
...       c = mul(a, b)
...       p = for i in range(n) carry (q = c):
...         d = np.sin(x)
...         r = add(q, d)
...         yield r
...       return p
... ''')
>>> common_subexpressions(before)
(x: f8[x.0], n: int):
  a = np.sin(x)
  c = mul(a, a)
  p = for i in range(n) carry (q = c):
    r = add(q, a)
    yield r
  return p
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType, NoneType
from typing import Any

import numpy as np

from srcdiff.transforms.ir import Block, Instr, Value, carried, flatten, map_tree
from srcdiff.transforms.kinds import BOOL, Size

_PURE = frozenset({"getitem", "shape", "tuple", "identity"})  # of the structural operations
_PURE_BUILTINS = frozenset(
    """abs all any bin callable chr divmod format hash hex isinstance issubclass len max min oct ord
    pow repr round sum""".split()
)
_PURE_TYPES = (int, float, complex, str, bytes, tuple, range, slice, np.generic)
_ALLOCATE = frozenset(
    """array copy empty empty_like eye frombuffer fromfile fromfunction fromiter full full_like
    identity load loadtxt ones ones_like zeros zeros_like""".split()
)
_WRITE = frozenset(
    """at delitem iadd iand iconcat ifloordiv ilshift imatmul imod imul ior ipow irshift isub
    itruediv ixor setitem""".split()
)
_MARKS = ("effect", "inplace", "opaque", "half", "made")
_HOLD = frozenset({"getitem", "identity", "list", "list_append", "list_setitem", "tuple"})
_IMMUTABLE = frozenset({"scalar", "str", "bytes", "none", "range", "slice"})


def common_subexpressions(block: Block) -> Block:
    """The block with equal pure computations done once."""
    numbering = Numbering(_leaving(block))
    as_long(block, numbering.lists)
    numbering.number(block)
    return numbering.rebuild(block) if numbering.gone else block


def same_tests(block: Block) -> Block:
    """The block with equal tests made once: an `if` on one then decides all that are inside it."""
    numbering = Numbering(_leaving(block))
    as_long(block, numbering.lists)
    numbering.number(block)
    tests = {i for i in numbering.gone if all(r.kind == BOOL for r in i.results)}
    made = {r for i in tests for r in i.results}
    numbering.gone = tests
    numbering.same = {b: a for b, a in numbering.same.items() if b in made}
    numbering.named = {a: b for a, b in numbering.named.items() if a in numbering.same.values()}
    return numbering.rebuild(block) if tests else block


class Numbering:
    """Which instructions compute the same.

    first   by key: the first to compute it, among the blocks that are open
    gone    instructions that repeat another
    same    what they compute → what the other computed
    errors  counts NumPy's error states: what may warn in one may raise in the next
    """

    def __init__(self, leaving: set[Value]):
        self.leaving, self.errors = leaving, 0
        self.lists: dict[Value, Value] = {}  # a list of the same length, made before
        self.adjoint = False  # there, an array that is asked for its shape is one to be like
        self.first: dict[tuple, Instr] = {}
        self.gone: set[Instr] = set()
        self.same: dict[Value, Value] = {}
        self.named: dict[Value, Value] = {}  # the same value, with the name that the user gave it

    def number(self, block: Block) -> None:
        added = []
        for instr in block.instrs:
            for inner in instr.blocks:
                self.number(inner)
            self.adjoint = self.adjoint or instr.op == "adjoint"
            if instr.op == "errstate_enter" or instr.op == "errstate_exit":
                self.errors += 1
            key = self.key(instr)
            if key is None:
                continue
            first = self.first.setdefault(key, instr)
            if first is instr:
                added.append(key)
            elif not self.leaves_twice(first, instr):
                self.merge(first, instr)
        for key in added:
            del self.first[key]

    def key(self, instr: Instr) -> tuple | None:
        """What an instruction computes; None if it must not be shared."""
        op, attrs = instr.op, instr.attrs
        if attrs and any(attrs.get(mark) for mark in _MARKS):
            return None
        if not (op in _PURE if isinstance(op, str) else _is_pure(op)):
            return None
        length = None if self.adjoint else length_of(instr)
        if length is not None:
            return "length", length
        if op is len and type(instr.args[0]) is Value and instr.args[0].kind.tag == "list":
            return op, self.lists.get(instr.args[0], instr.args[0])
        args = [self.same.get(a, a) if type(a) is Value else self.key_of(a) for a in instr.args]
        key = (op, self.errors, len(instr.results), tuple(args))
        if attrs:
            attrs = {name: value for name, value in attrs.items() if name != "method"}
        if instr.kwargs or attrs:
            return *key, self.key_of(instr.kwargs), self.key_of(attrs)
        return key

    def key_of(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is Value:
            return self.same.get(tree, tree)
        if kind in (int, bool, str, bytes, NoneType):
            return kind, tree
        if kind in (float, complex) or isinstance(tree, np.generic):
            return kind, repr(tree)  # tells -0.0 from 0.0, and nan equals itself
        if isinstance(tree, (tuple, list)):
            return kind, *map(self.key_of, tree)
        if kind is dict:
            return kind, frozenset((name, self.key_of(value)) for name, value in tree.items())
        return kind, id(tree)

    def leaves_twice(self, first: Instr, again: Instr) -> bool:
        pairs = zip(first.results, again.results, strict=True)
        return any(
            a in self.leaving and b in self.leaving and a.kind.tag not in _IMMUTABLE
            for a, b in pairs
        )

    def merge(self, first: Instr, again: Instr) -> None:
        self.gone.add(again)
        for a, b in zip(first.results, again.results, strict=True):
            self.same[b] = a
            if b in self.leaving:
                self.leaving.add(a)
            if b.user and not a.user and a not in self.named:
                self.named[a] = Value(b.name, a.kind, True)

    def rebuild(self, block: Block) -> Block:
        instrs = tuple(self.renew(instr) for instr in block.instrs if instr not in self.gone)
        results = map_tree(self.read, block.results)
        if instrs == block.instrs and results == block.results:
            return block
        return Block(block.params, instrs, results)

    def renew(self, instr: Instr) -> Instr:
        blocks = tuple(map(self.rebuild, instr.blocks))
        kept = self.same.keys().isdisjoint(instr.operands) and blocks == instr.blocks
        if kept and self.named.keys().isdisjoint((*instr.operands, *instr.results)):
            return instr
        return instr.replace(
            args=map_tree(self.read, instr.args),
            kwargs=map_tree(self.read, instr.kwargs),
            results=map_tree(self.read, instr.results),
            blocks=blocks,
        )

    def read(self, value: Value) -> Value:
        value = self.same.get(value, value)
        return self.named.get(value, value)


def length_of(instr: Instr) -> Size | None:
    """The dimension that `x.shape[k]` or `len(x)` is: another array may have it, too."""
    if instr.op == "shape" and len(instr.args) == 2:
        x, axis = instr.args
    elif instr.op is len:
        (x,), axis = instr.args, 0
    else:
        return None
    if not isinstance(x, Value) or x.kind.tag != "array" or not x.kind.shape:
        return None
    dim = x.kind.shape[axis] if type(axis) is int and axis < len(x.kind.shape) else None
    return dim if isinstance(dim, Size) else None


def as_long(block: Block, known: dict[Value, Value]) -> None:
    """Find for each list of run-time length the first that is surely as long."""

    def first(v: Any) -> Any:
        return known.get(v, v) if isinstance(v, Value) else None

    for instr in block.instrs:
        if instr.op in ("list_setitem", "list_add"):
            known[instr.results[0]] = first(instr.args[0])
        elif instr.op == "if":
            for inner in instr.blocks:
                as_long(inner, known)
            for r, a, b in zip(instr.results, *(b.results for b in instr.blocks)):
                if r.kind.tag == "list" and first(a) is not None and first(a) is first(b):
                    known[r] = first(a)
        elif instr.op in ("for", "while"):
            params, inits = carried(instr)
            lists = [k for k, p in enumerate(params) if p.kind.tag == "list" and first(inits[k])]
            body = instr.blocks[-1]
            while True:
                before = [(k, first(inits[k])) for k in lists]
                known.update((params[k], v) for k, v in before)
                as_long(body, known)
                lists = [k for k, v in before if first(body.results[k]) is v]
                if len(lists) == len(before):
                    break
                for k, _ in before:
                    known.pop(params[k], None)
            known.update((instr.results[k], first(inits[k])) for k in lists)
            if instr.op == "while":
                tests = instr.blocks[0]
                known.update((tests.params[k], first(inits[k])) for k in lists)


def _leaving(block: Block) -> set[Value]:
    """Values that a caller, or an effect, gets to see: they keep memory of their own."""
    found = set(flatten(block.results))

    def visit(block: Block) -> None:
        for instr in reversed(block.instrs):
            leaves = not found.isdisjoint(instr.results)
            holds = isinstance(instr.op, str) and (instr.blocks or instr.op in _HOLD)
            if instr.effect or leaves and holds:
                found.update(instr.operands)
            for inner in reversed(instr.blocks):
                if leaves:
                    found.update(flatten(inner.results))
                visit(inner)

    visit(block)
    return found


@functools.cache
def _is_pure(op: Callable) -> bool:
    """Whether two calls give values that nobody can tell apart, unless by writing to them."""
    name, module = getattr(op, "__name__", ""), getattr(op, "__module__", None) or ""
    owner = getattr(op, "__self__", None)
    if isinstance(op, type):
        return issubclass(op, _PURE_TYPES)
    if isinstance(owner, np.ufunc):
        return name not in _WRITE
    if owner is not None and not isinstance(owner, ModuleType):
        return False  # the method of an object that may have a state
    if module == "builtins":
        return name in _PURE_BUILTINS
    return not (module.startswith("numpy.random") or name in _ALLOCATE or name in _WRITE)
