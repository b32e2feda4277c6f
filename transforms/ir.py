"""The intermediate representation: pure, linear, with regions.

A block is a flat list of single-assignment instructions:

    (x: f8[x.0], n: int):
      a = np.sin(x)
      b = getitem(a, 1:)
      c = for i in range(n) carry (p = b):
        q = mul(p, 2)
        yield q
      return c

Grammar of the text form (two spaces of indentation per level; `text.parse_text` reads it):

    block   = "(" [name ":" kind] ... "):" line* "return" args
    line    = [names "="] op "(" args ")" marks             `op` names a callable or is structural
            | [names "="] "if" arg marks ":" body "else:" body
            | [names "="] "for" name "in" ["reversed"] range carry marks ":" body
            | [names "="] "while" carry marks ":" body "do" ["carry" "(" names ")"] ":" body
    carry   = ["carry" "(" [name "=" arg] ... ")"]
    body    = line* "yield" args
    arg     = name | constant | "<" object ">" | "(" args ")" | "[" args "]" | dict | slice
    marks   = ["!"] ["twin" number] [attr | attr "=" arg] ...        "!" is the attr `inplace`

The second value called `x` is written `x.2`. Twins are counted in the order of their appearance.

Operations. `op` is a Python callable that has a rule or an abstract value (`np.sin`,
`operator.mul`), or the name (a str) of a structural operation from `STRUCTURAL`. Arguments are
trees: tuples, lists and `Slice`s whose leaves are `Value`s or Python constants.

Regions. A region's blocks read values of the blocks around them; what lives on is yielded.

    if      args (cond,)         blocks (then, else)   results: what both yield
    for     args (iterable, inits)  blocks (body,)     body.params = (item, *carried);
            results: the carried values at the end. iterable is ("range", start, stop, step).
            attrs: reverse=True runs it backwards; may_break=True: the last value that the body
            yields is a flag that ends the loop, and the last result is the number of steps begun.
    while   args (inits,)        blocks (test, body)   test.params = body.params = carried;
            results: the carried values at the end, then the number of iterations. may_break=True:
            as in a `for`

Twins. The reverse sweep of a region is a region that has the same `twin` number. It runs the same
steps (branch, iterations) in the opposite order, and inside it the values of its twin's blocks may
be read: they mean the value of the same step. Such a reading is called a trail. `saving` replaces
every trail by what is at hand, a recomputation or a stack; after it there are none. A derivative of
a derivative reverses these regions again: all that have one number are its sweeps, of which every
other one runs backwards. The first is sweep 0, those behind it sweep 1 unless an attr says another.
"""

from __future__ import annotations

import builtins
import itertools
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.transforms.kinds import OBJECT, Kind, kind_of

STRUCTURAL = frozenset(
    """getitem setitem add_at shape copy tuple list list_append list_pop list_setitem list_add
    list_merge list_insert list_extend list_split list_join list_repeat list_shift fstring
    spread_list zero_list ones_list zeros_like_adjoint global attribute call print raise assert
    undefined append_outside store_outside delete_outside write_back check_length check_scalar
    errstate_enter errstate_exit with_enter with_exit stack push pop peek identity adjoint
    """.split()
)


# Operations on a list of run-time length that become changes of their first operand.
LIST_UPDATES = ("list_append", "list_pop", "list_setitem", "list_add", "list_insert", "list_extend",
                "list_split")  # fmt: skip


class Value:
    """The result of an instruction or the parameter of a block; equal to itself alone.

    name   what the user calls it, or a name for a reader (`d_x`, `norm_b`); not unique
    user   whether the name was written by the user
    kind   what is known of it
    """

    __slots__ = ("name", "kind", "user")

    def __init__(self, name: str = "t", kind: Kind = OBJECT, user: bool = False):
        self.name, self.kind, self.user = name, kind, user

    def __repr__(self) -> str:
        return f"<{self.name}: {self.kind!r}>"

    def like(self) -> Value:
        """A new value of the same name and kind."""
        return Value(self.name, self.kind, self.user)


class Undefined:
    """What a region yields for a name that is unbound on the path taken."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


class Slice(NamedTuple):
    """`start:stop:step` in the key of `getitem` and `setitem`; a missing part is None."""

    start: Any = None
    stop: Any = None
    step: Any = None


class Attributes(dict):
    """An object or a namedtuple in an argument tree: what it holds, by the attributes' names."""

    def __init__(self, held: Any, cls: type):
        super().__init__(held)
        self.cls = cls


class Instr:
    """`results = op(*args, **kwargs)`, never changed once it is made.

    operands   the values that args and kwargs hold, in order, repeats included
    reads      operands, and what the blocks read from outside
    effect     it must run once, in order (print, raise, a call that no one can see into)
    """

    __slots__ = ("op", "args", "kwargs", "results", "blocks", "attrs", "where", "operands", "reads")

    def __init__(
        self,
        op: str | Callable,
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
        results: tuple[Value, ...] = (),
        blocks: tuple[Block, ...] = (),
        attrs: dict[str, Any] | None = None,
        where: Any = None,
    ):
        self.op, self.args, self.kwargs, self.results = op, args, kwargs or {}, results
        self.blocks, self.attrs, self.where = blocks, attrs or {}, where
        found: list[Value] = []
        _flatten(args, found)
        if kwargs:
            for arg in kwargs.values():
                _flatten(arg, found)
        self.operands = tuple(found)
        for block in blocks:
            found.extend(block.free)
        self.reads = tuple(dict.fromkeys(found)) if blocks else self.operands

    @property
    def effect(self) -> bool:
        op = self.op  # an object of the user's that can be called may have no hash
        return isinstance(op, str) and op in EFFECTS or self.attrs.get("effect", False)

    def replace(self, **changes: Any) -> Instr:
        old = {
            name: getattr(self, name)
            for name in ("op", "args", "kwargs", "results", "blocks", "attrs", "where")
        }
        return Instr(**(old | changes))

    def __repr__(self) -> str:
        return "\n".join(Printer().instr(self))


# Operations that read nothing of an array but its shape.
SHAPE_READERS = frozenset(
    {"shape", np.zeros_like, np.ones_like, np.shape, np.size, len, "zero_list", "ones_list"}
)
EFFECTS = frozenset({"print", "raise", "assert", "push", "pop", "effect"})


class Block:
    """Instructions with parameters and results; `free` is what it reads from outside."""

    __slots__ = ("params", "instrs", "results", "free")
    free: tuple[Value, ...]

    def __init__(self, params: tuple[Value, ...], instrs: Iterable[Instr], results: tuple):
        self.params, self.instrs, self.results = params, tuple(instrs), results
        known = set(params)
        free: dict[Value, None] = {}
        for instr in self.instrs:
            for value in instr.reads:
                if value not in known:
                    free[value] = None
            known.update(instr.results)
        for value in flatten(results):
            if value not in known:
                free[value] = None
        self.free = tuple(free)

    def replace(self, **changes: Any) -> Block:
        old = {name: getattr(self, name) for name in ("params", "instrs", "results")}
        return Block(**(old | changes))

    def __str__(self) -> str:
        return Printer().block(self, "return")

    def __repr__(self) -> str:
        return str(self)


def _flatten(tree: Any, found: list[Value]) -> None:
    if isinstance(tree, Value):
        found.append(tree)
    elif isinstance(tree, (tuple, list)):
        for branch in tree:
            _flatten(branch, found)
    elif isinstance(tree, dict):
        for branch in tree.values():
            _flatten(branch, found)


def flatten(tree: Any) -> list[Value]:
    """The values in an argument tree, from left to right."""
    found: list[Value] = []
    _flatten(tree, found)
    return found


def map_tree(f: Callable[[Value], Any], tree: Any) -> Any:
    """The tree with `f` applied to each of its values.

    >>> x, y = Value("x"), Value("y")
    >>> map_tree({x: y}.get, (x, [x, 1], Slice(None, x)))
    (<y: object>, [<y: object>, 1], Slice(start=None, stop=<y: object>, step=None))
    """
    if isinstance(tree, Value):
        return f(tree)
    if isinstance(tree, Slice):
        return Slice(*(map_tree(f, branch) for branch in tree))
    if isinstance(tree, tuple):
        return tuple([map_tree(f, branch) for branch in tree])
    if isinstance(tree, list):
        return [map_tree(f, branch) for branch in tree]
    if isinstance(tree, dict):
        return dict_like(tree, {key: map_tree(f, branch) for key, branch in tree.items()})
    return tree


def dict_like(tree: dict, parts: dict) -> dict:
    return Attributes(parts, tree.cls) if isinstance(tree, Attributes) else parts


def branches(tree: Any) -> list | None:
    """What a container in an argument tree holds, in order; None for a leaf.

    >>> branches({"w": 1.0, "b": (2.0,)}), branches(Slice(0, 1)), branches(3.0)
    ([1.0, (2.0,)], None, None)
    """
    if isinstance(tree, (tuple, list)) and not isinstance(tree, (Slice, Kind)):
        return list(tree)
    return list(tree.values()) if isinstance(tree, dict) else None


def whole(instr: Instr, results: Any) -> Any:
    """Several results, or what belongs to each of them, as the namedtuple that is returned."""
    cls = instr.attrs.get("named")
    return results if cls is None else Attributes(zip(cls._fields, results), cls)


def with_zeros(tree: Any) -> Any:
    """An argument tree with 0.0 in place of its numbers: the form of its tangent.

    >>> with_zeros({"w": (2.0, 3)}), with_zeros(None)
    ({'w': (0.0, 0.0)}, 0.0)
    """
    if isinstance(tree, Value):
        return tree
    if isinstance(tree, dict):
        return dict_like(tree, {key: with_zeros(part) for key, part in tree.items()})
    parts = branches(tree)
    return 0.0 if parts is None else type(tree)(map(with_zeros, parts))


def substitute(instr: Instr, env: dict[Value, Any]) -> Instr:
    """The instruction reading `env[v]` wherever it read `v`, in its blocks too."""
    if not any(v in env for v in instr.reads):
        return instr

    def put(v: Value) -> Any:
        return env.get(v, v)

    return instr.replace(
        args=map_tree(put, instr.args),
        kwargs={k: map_tree(put, a) for k, a in instr.kwargs.items()},
        blocks=tuple(substitute_block(b, env) for b in instr.blocks),
    )


def substitute_block(block: Block, env: dict[Value, Any]) -> Block:
    if not any(v in env for v in block.free):
        return block
    return Block(
        block.params,
        [substitute(i, env) for i in block.instrs],
        tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results),
    )


def walk(block: Block) -> Iterator[Instr]:
    """Every instruction of a block and of the blocks inside it, in program order."""
    for instr in block.instrs:
        yield instr
        for inner in instr.blocks:
            yield from walk(inner)


def through_reshape(path: Any) -> bool:
    """Whether a path, which a part is written through, holds a reshape: a copy, or a view of what
    is in C order.

    >>> through_reshape(((np.transpose,), (np.reshape, -1))), through_reshape(((np.transpose,),))
    (True, False)
    """
    return isinstance(path, tuple) and any(
        isinstance(step, tuple) and step and (step[0] is np.reshape or step[0] is np.ravel)
        for step in path
    )


def writes_through_reshape(block: Block) -> bool:
    """Whether anything in a block is written through a reshape, for which its order counts."""
    return any(through_reshape(arg) for instr in walk(block) for arg in instr.args)


def has_effect(instr: Instr) -> bool:
    """Whether an instruction, or one inside it, has an effect."""
    return instr.effect or any(has_effect(i) for b in instr.blocks for i in b.instrs)


def uses(block: Block) -> Iterator[Value]:
    """Every value, as often as it is read in a block and in the blocks inside it."""
    for instr in block.instrs:
        yield from instr.operands
        for inner in instr.blocks:
            yield from uses(inner)
    yield from flatten(block.results)


def below(constant: Any, kind: Kind) -> bool:
    """Whether a number's kind is of a lower precision than a constant, which is Python's.

    >>> below(0.0, Kind("scalar", np.dtype("f4"))), below(0.0, Kind("scalar", np.dtype("f8")))
    (True, False)
    """
    if isinstance(constant, Value) or kind.tag != "scalar" or not kind.inexact:
        return False
    have = leaf_kind(constant).dtype
    return have is not None and kind.dtype.itemsize < have.itemsize


def defined_inside(instr: Instr) -> Iterator[Value]:
    """The values that the blocks of a region define, at any depth."""
    for block in instr.blocks:
        yield from block.params
        for inner in walk(block):
            yield from inner.results
            for deeper in inner.blocks:
                yield from deeper.params


def sweeps_in(block: Block) -> dict[Instr, int]:
    """Each region with a twin number → the number of its sweep."""
    found: dict[Instr, int] = {}
    seen: set[int] = set()
    for instr in walk(block):
        twin = instr.attrs.get("twin")
        if twin is not None:
            found[instr] = instr.attrs.get("sweep", 1 if twin in seen else 0)
            seen.add(twin)
    return found


def carried(instr: Instr) -> tuple[tuple[Value, ...], tuple]:
    """A loop's carried parameters and their values at entry."""
    if instr.op == "for":
        return instr.blocks[0].params[1:], instr.args[1]
    return instr.blocks[1].params, instr.args[0]


def leaf_kind(leaf: Any) -> Kind:
    """The kind of a value, of a constant or of a tuple of them."""
    if isinstance(leaf, tuple) and not isinstance(leaf, Slice):
        return Kind("tuple", items=tuple(map(leaf_kind, leaf)))
    return leaf.kind if isinstance(leaf, Value) else kind_of(leaf)


def is_whole(key: Any, rank: int | None) -> bool:
    """Whether an index of an array of so many axes takes all of it, as it is.

    >>> is_whole(..., 0), is_whole(Slice(), 1), is_whole(Slice(), 0), is_whole((Slice(), None), 1)
    (True, True, False, False)
    """
    parts = key if type(key) is tuple else (key,)
    plain = all(part is ... or type(part) is Slice and part == Slice() for part in parts)
    return plain and rank is not None and len(parts) - (... in parts) <= rank


def has_list(key: Any) -> bool:
    """Whether an index holds a list, which NumPy reads as an array."""
    if isinstance(key, list):
        return True
    return isinstance(key, tuple) and not isinstance(key, Slice) and any(map(has_list, key))


def has_integer_arrays(key: Any) -> bool:
    """Whether an index may name one element twice: all but ints, slices and masks.

    >>> i, mask = Value("i", Kind("scalar")), Value("m", Kind("array", np.dtype(bool)))
    >>> has_integer_arrays((i, Slice(1, None))), has_integer_arrays(mask), has_integer_arrays([0])
    (False, False, True)
    """
    return has_list(key) or any(
        v.kind.tag != "scalar" and not (v.kind.tag == "array" and v.kind.dtype.kind == "b")
        for v in flatten(key)
    )


def updated_in_place(block: Block) -> set[Value]:
    """Values of which a later version is a partial store into them."""
    found: set[Value] = set()
    for instr in block.instrs:
        if instr.op in ("setitem", "add_at", *LIST_UPDATES):
            if isinstance(instr.args[0], Value):
                found.add(instr.args[0])
                found.update(r for r in instr.results if r.kind.tag != "scalar")
        elif instr.blocks:
            for inner in instr.blocks:
                found |= updated_in_place(inner)
            if instr.op in ("for", "while"):
                params = instr.blocks[-1].params
                inits = instr.args[-1]
                params = params[1:] if instr.op == "for" else params
                for p, init, result in zip(params, inits, instr.results):
                    if p in found:
                        found.update(v for v in (init, result) if isinstance(v, Value))
            elif instr.op == "if":
                for inner in instr.blocks:
                    for y, result in zip(inner.results, instr.results):
                        if isinstance(y, Value) and y in found:
                            found.add(result)
    return found


def perhaps_unbound(block: Block, pushed: set | None = None) -> set[Value]:
    """Results of branches, and what loops carry, that some paths leave unbound; what is pushed
    of that is so where it is popped.

    pushed   gets what is pushed of that: a stack, and the place in what is pushed there
    """
    found: set[Value] = set()
    pushed = set() if pushed is None else pushed

    def unbound(leaf: Any) -> bool:
        return leaf is UNDEFINED or isinstance(leaf, Value) and leaf in found

    def visit(block: Block) -> None:
        for instr in block.instrs:
            if instr.op == "copy":
                found.update(r for r in instr.results if unbound(instr.args[0]))
            if instr.op == "push":
                stack, *values = instr.args
                pushed.update((stack, k) for k, v in enumerate(values) if unbound(v))
            if instr.op == "pop":
                stack = instr.args[0]
                found.update(r for k, r in enumerate(instr.results) if (stack, k) in pushed)
            if instr.op in ("for", "while"):
                params, inits = carried(instr)
                ends = instr.blocks[-1].results
                for p, r, init, end in zip(params, instr.results, inits, ends):
                    if unbound(init) or unbound(end):
                        found.update((p, r))
            for inner in instr.blocks:
                visit(inner)
            if instr.op == "if":
                for inner in instr.blocks:
                    found.update(r for r, y in zip(instr.results, inner.results) if unbound(y))

    count = -1
    while len(found) != count:  # what a step hands to the next may be unbound there
        count = len(found)
        visit(block)
    return found


_twins = itertools.count(1)


def new_twin() -> int:
    return next(_twins)


# --------------------------------------------------------------------------------- text form


def op_name(op: Any) -> str:
    """How an operation is written in the text form: a name that leads to it.

    >>> import numpy as np, operator
    >>> op_name(np.sin), op_name(operator.mul), op_name("getitem"), op_name(np.linalg.norm)
    ('np.sin', 'mul', 'getitem', 'np.linalg.norm')
    >>> op_name(float), op_name(abs), op_name(np.add.reduce), op_name(np.random.rand)
    ('float', 'builtins.abs', 'np.add.reduce', 'np.random.rand')
    """
    if isinstance(op, str):
        return op
    name = getattr(op, "__name__", None)
    if name is None:
        return f"{op_name(type(op))}()"  # an object of that type
    owner = getattr(op, "__objclass__", None)
    if isinstance(getattr(op, "__self__", None), np.ufunc):
        owner = op.__self__
    if owner is not None:
        return f"{op_name(owner)}.{name}"
    if name not in STRUCTURAL:
        for place in (operator, sys.modules.get("srcdiff.runtime.kernels"), builtins):
            if name in vars(place or object):
                if vars(place)[name] is op:
                    return name
                break
    for home in _NUMPY:
        if home in sys.modules and vars(sys.modules[home]).get(name) == op:
            return f"{home}.{name}".replace("numpy", "np", 1)
    if isinstance(op, np.ufunc):
        special = vars(sys.modules.get("scipy.special", object)).get(name) is op
        return f"scipy.special.{name}" if special else name
    module = getattr(op, "__module__", None)
    name = op.__qualname__ if hasattr(op, "__qualname__") else name
    return f"{module}.{name}" if module else name


_NUMPY = ("numpy", "numpy.linalg", "numpy.fft", "numpy.random", "numpy.lib.stride_tricks")


class Printer:
    """Text of blocks: every value gets a name of its own, `x`, `x.2`, `x.3`, … in program order."""

    def __init__(self) -> None:
        self.names: dict[Value, str] = {}
        self.taken = {"inf": 1, "nan": 1}  # constants: a value of that name is `inf.2`
        self.twins: dict[int, int] = {}

    def name(self, value: Value) -> str:
        if value not in self.names:
            n = self.taken[value.name] = self.taken.get(value.name, 0) + 1
            self.names[value] = value.name if n == 1 else f"{value.name}.{n}"
        return self.names[value]

    def arg(self, tree: Any) -> str:
        if isinstance(tree, Value):
            return self.name(tree)
        if isinstance(tree, Slice):
            parts = ["" if p is None else self.arg(p) for p in tree]
            return ":".join(parts if parts[2] else parts[:2])
        if isinstance(tree, tuple):
            return f"({self.args(tree)}{',' * (len(tree) == 1)})"
        if isinstance(tree, list):
            return f"[{self.args(tree)}]"
        if isinstance(tree, dict):
            return "{" + ", ".join(f"{k!r}: {self.arg(v)}" for k, v in tree.items()) + "}"
        if isinstance(tree, (np.bool, np.complexfloating)):
            return f"np.{type(tree).__name__}({tree.item()!r})"
        if isinstance(tree, (int, float, complex, str, bytes, type(None), np.number)):
            return repr(tree)
        if tree is UNDEFINED:
            return "<undefined>"
        if isinstance(tree, np.dtype):
            return f"<dtype {tree.str if not tree.isnative else tree.str.lstrip('<>|')}>"
        return "..." if tree is ... else f"<{op_name(tree)}>"

    def args(self, trees: Iterable[Any]) -> str:
        return ", ".join(map(self.arg, trees))

    def instr(self, instr: Instr, indent: str = "") -> list[str]:
        op, marks = instr.op, self.marks(instr)
        if op == "for" and len(instr.args) == 2:
            (kind, *bounds), inits = instr.args
            item, *params = instr.blocks[0].params
            carry = self.carry(params, inits)
            if kind == "range":
                bounds = short_range(*bounds)
            reverse = "reversed " * bool(instr.attrs.get("reverse"))
            head = f"for {self.name(item)} in {reverse}{kind}({self.args(bounds)}){carry}{marks}"
            lines = self.body(head, instr.blocks[0], indent)
        elif op == "while" and len(instr.args) == 1:
            test, body = instr.blocks
            lines = self.body(f"while{self.carry(test.params, instr.args[0])}{marks}", test, indent)
            lines += self.body(f"do{self.carry(body.params)}", body, indent)
        elif op == "if":
            then, other = instr.blocks
            lines = self.body(f"if {self.arg(instr.args[0])}{marks}", then, indent)
            lines += self.body("else", other, indent)
        else:
            args = [self.arg(a) for a in instr.args]
            args += [f"{k}={self.arg(a)}" for k, a in instr.kwargs.items()]
            head = f"{op_name(op)}({', '.join(args)}){marks}"
            lines = [indent + head]
            if instr.blocks:  # a statement that is lowered and not yet specialised
                lines = self.body(head, instr.blocks[0], indent)
            for inner in instr.blocks[1:]:
                lines += self.body("and", inner, indent)
        if instr.results:
            names = ", ".join(self.name(r) for r in instr.results)
            lines[0] = f"{indent}{names} = {lines[0].strip()}"
        return lines

    def marks(self, instr: Instr) -> str:
        marks = []
        for name, value in instr.attrs.items():
            if name == "twin":
                marks.append(f"twin {self.twins.setdefault(value, len(self.twins) + 1)}")
            elif name == "inplace":
                marks += ["!"] if value else []
            elif value is True and name != "reverse":
                marks.append(name)
            elif value is not None and value is not False and name != "reverse":
                marks.append(f"{name}={self.arg(value)}")
        return "".join(f" {mark}" for mark in marks)

    def carry(self, params: Iterable[Value], inits: Iterable[Any] | None = None) -> str:
        names = [self.name(p) for p in params]
        if inits is not None:
            inits = map(self.arg, inits)
            names = [f"{n} = {i}" for n, i in itertools.zip_longest(names, inits, fillvalue="?")]
        return f" carry ({', '.join(names)})" if names else ""

    def body(self, head: str, block: Block, indent: str) -> list[str]:
        return [f"{indent}{head}:", *self.lines(block, "yield", indent + "  ")]

    def lines(self, block: Block, end: str, indent: str) -> list[str]:
        lines = [line for instr in block.instrs for line in self.instr(instr, indent)]
        return [*lines, f"{indent}{end} {self.args(block.results)}".rstrip()]

    def block(self, block: Block, end: str) -> str:
        params = ", ".join(f"{self.name(p)}: {p.kind!r}" for p in block.params)
        return "\n".join([f"({params}):", *self.lines(block, end, "  ")])


def short_range(start: Any, stop: Any, step: Any) -> list[Any]:
    """The arguments of `range` as a person writes them."""
    if type(step) is not int or step != 1:
        return [start, stop, step]
    return [stop] if type(start) is int and start == 0 else [start, stop]
