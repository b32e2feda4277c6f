"""The verifier: is this a program of the IR?

    (x: float):                      IRError: `b` is read before it is defined
      a = mul(x, b)          →         (x: float):
      b = np.sin(x)                      a = mul(x, b)        <-- here
      return b                           b = np.sin(x)
                                         return b

Every value is defined once. What is read is in scope, or it is a trail: a value of a block of a
region, read inside a later region with the same `twin` number. Regions have the blocks, parameters
and results that `ir.py` describes, and what flows into a carried value has a kind that agrees.
Operations are callables or known names; arguments are values, constants, tuples, lists, slices and
dicts of those. Effects are marked as such, and a region is not marked: what is in it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from srcdiff.transforms.ir import (
    EFFECTS,
    STRUCTURAL,
    Attributes,
    Block,
    Instr,
    Printer,
    Slice,
    Value,
    flatten,
)  # fmt: skip
from srcdiff.transforms.kinds import Kind, covers, kind_of


class IRError(AssertionError):
    """Not a program of the IR; the text shows where."""


def verify(block: Block) -> Block:
    """The block itself, if it is well formed.

    >>> from srcdiff.transforms.text import parse_text
    >>> block = parse_text('''
    ...     (x: float, c: bool):
    ...       a = if c:
    ...         b = np.sin(x)
    ...         yield b
    ...       else:
    ...         yield b
    ...       return a
    ... ''')
    >>> verify(block)
    Traceback (most recent call last):
    srcdiff.transforms.verify.IRError: `b` is read out of its scope
      (x: float, c: bool):
        a = if c:
          b = np.sin(x)
          yield b
        else:
          yield b        <-- here
        return a
    """
    _Verifier(block).block(block, ())
    return block


# Where a block is: the regions around it, from the outside, each with the index of the block in it.
Place = tuple[tuple[Instr, int], ...]
_OPERATIONS = STRUCTURAL | EFFECTS
_REGIONS: dict[Any, int] = {"if": 2, "for": 1, "while": 2}  # how many blocks


class _Verifier:
    def __init__(self, program: Block):
        self.program = program
        self.home: dict[Value, Place] = {}  # where a value is defined

    def block(self, block: Block, place: Place) -> None:
        self.define(block.params, place, block)
        for instr in block.instrs:
            self.read(instr.operands, place, instr)
            self.trees((*instr.args, *instr.kwargs.values()), instr)
            if not isinstance(instr.op, str):
                if not callable(instr.op) or instr.blocks:
                    self.fail("an operation that cannot be called, or with blocks", instr)
            elif instr.blocks or instr.op in _REGIONS:
                self.region(instr)
                for i, inner in enumerate(instr.blocks):
                    self.block(inner, (*place, (instr, i)))
            elif instr.op not in _OPERATIONS:
                self.fail(f"`{instr.op}` is no operation", instr)
            if instr.attrs:
                self.attrs(instr)
            self.define(instr.results, place, instr)
        self.trees(block.results, block)
        self.read(flatten(block.results), place, block)

    # names

    def define(self, values: Iterable[Value], place: Place, at: Instr | Block) -> None:
        for value in values:
            if type(value) is not Value:
                self.fail(f"{value!r} cannot be defined", at)
            if value in self.home:
                self.fail(f"`{value.name}` is defined twice", at)
            if not value.name.isidentifier():
                self.fail(f"`{value.name}` is no name", at)
            self.home[value] = place

    def read(self, values: Iterable[Value], place: Place, at: Instr | Block) -> None:
        for value in values:
            home = self.home.get(value)
            if home is None:
                self.fail(f"`{value.name}` is read before it is defined", at)
            if home is not place and not visible(home, place):
                self.fail(f"`{value.name}` is read out of its scope", at)

    # arguments

    def trees(self, trees: Iterable[Any], at: Instr | Block) -> None:
        for tree in trees:
            kind = type(tree)
            if kind is tuple or kind is list or kind is Slice:
                self.trees(tree, at)
            elif kind is dict or kind is Attributes:
                self.trees(tree.values(), at)
            elif isinstance(tree, _NO_CONSTANTS):
                self.fail(f"a {kind.__name__} is no argument", at)

    def attrs(self, instr: Instr) -> None:
        if flatten(tuple(instr.attrs.values())):
            self.fail("an attr holds a value", instr)
        if type(instr.attrs.get("effect", True)) is not bool:
            self.fail("`effect` is True or False", instr)
        if instr.blocks and "effect" in instr.attrs:
            self.fail("a region is marked as an effect", instr)
        if not instr.blocks and not instr.attrs.keys().isdisjoint(("twin", "may_break", "reverse")):
            self.fail("this attr is for regions", instr)

    # regions

    def region(self, instr: Instr) -> None:
        if len(instr.blocks) != _REGIONS.get(instr.op, -1):
            self.fail(f"`{instr.op}` with {len(instr.blocks)} blocks", instr)
        if len(instr.args) != (2 if instr.op == "for" else 1) or instr.kwargs:
            self.fail(f"`{instr.op}` with {len(instr.args)} arguments", instr)
        getattr(self, f"region_{instr.op}")(instr)

    def region_if(self, instr: Instr) -> None:
        for block in instr.blocks:
            self.same_number("parameters", block.params, 0, instr)
            self.flow("yield", block.results, instr.results, instr)

    def region_for(self, instr: Instr) -> None:
        iterable, inits = instr.args
        if type(iterable) is not tuple or len(iterable) != 4 or iterable[0] != "range":
            self.fail("the iterable is (\"range\", start, stop, step)", instr)
        (body,) = instr.blocks
        breaks = bool(instr.attrs.get("may_break"))
        self.is_tuple(inits, instr)
        n = len(inits)
        self.same_number("parameters", body.params, n + 1, instr)
        self.same_number("values to yield", body.results, n + breaks, instr)
        self.same_number("results", instr.results, n + breaks, instr)
        self.flow("first value", inits, body.params[1:], instr)
        self.flow("yield", body.results[:n], body.params[1:], instr)
        self.flow("carried value", body.params[1:], instr.results[:n], instr)

    def region_while(self, instr: Instr) -> None:
        (inits,) = instr.args
        test, body = instr.blocks
        self.is_tuple(inits, instr)
        n = len(inits)
        breaks = bool(instr.attrs.get("may_break"))
        self.same_number("parameters", test.params, n, instr)
        self.same_number("parameters", body.params, n, instr)
        self.same_number("tests", test.results, 1, instr)
        self.same_number("values to yield", body.results, n + breaks, instr)
        self.same_number("results", instr.results, n + 1, instr)
        self.flow("first value", inits, test.params, instr)
        self.flow("carried value", test.params, body.params, instr)
        self.flow("yield", body.results[:n], test.params, instr)
        self.flow("carried value", test.params, instr.results[:n], instr)

    def is_tuple(self, inits: Any, instr: Instr) -> None:
        if type(inits) is not tuple:
            self.fail("the first values are a tuple", instr)

    def same_number(self, what: str, values: tuple, wanted: int, instr: Instr) -> None:
        if len(values) != wanted:
            self.fail(f"{len(values)} {what}, not {wanted}", instr)

    def flow(self, what: str, sources: tuple, targets: tuple[Value, ...], instr: Instr) -> None:
        self.same_number(f"{what}s", sources, len(targets), instr)
        for source, target in zip(sources, targets, strict=True):
            if isinstance(source, Value):
                kind = source.kind
            else:
                kind = kind_of(source) if not flatten(source) else Kind("object")
            if isinstance(source, (int, float, complex)) and target.kind.tag == "array":
                continue  # `total = 0`, to which a loop adds arrays
            if not agree(kind, target.kind):
                self.fail(f"a {what} of `{target.name}: {target.kind}` is {kind}", instr)

    def fail(self, message: str, at: Instr | Block) -> NoReturn:
        try:
            text = _Marker(at).block(self.program, "return")
        except Exception as error:  # too broken to be printed
            text = f"(cannot be printed: {error!r})"
        raise IRError(f"{message}\n" + _around(text.split("\n")))


_NO_CONSTANTS = (Block, Instr, Kind, tuple, list, dict, slice, set)  # subclasses, that is


def visible(home: Place, place: Place) -> bool:
    """Whether a value defined in one block may be read in another, later in the program.

    Past the regions that both are in, each region around the definition has its twin around the
    reading, in the same order.
    """
    n = 0
    while n < len(home) and n < len(place) and home[n] == place[n]:
        n += 1
    readers = iter(place[n:])
    return all(any(_twins(maker, reader) for reader in readers) for maker in home[n:])


def _twins(maker: tuple[Instr, int], reader: tuple[Instr, int]) -> bool:
    (forward, i), (reverse, j) = maker, reader
    twin = forward.attrs.get("twin")
    same_branch = i == j or forward.op != "if"
    return forward is not reverse and twin == reverse.attrs.get("twin", ()) and same_branch


def agree(a: Kind, b: Kind) -> bool:
    """Whether two kinds can be those of one value, seen from where it is made and where it goes."""
    if a.tag == "object" or b.tag == "object":
        return True
    dtypes = a.dtype is None or b.dtype is None or covers(b.dtype, a.dtype)
    if a.tag == b.tag == "scalar" and None in (a.python, b.python):
        return True  # an int on one path, a float on the other
    ranks = a.rank is None or b.rank is None or a.rank == b.rank
    return a.tag == b.tag and dtypes and ranks


HERE = "        <-- here"


class _Marker(Printer):
    """Prints with a mark at one line: an instruction's, or the last of a block."""

    def __init__(self, at: Instr | Block):
        super().__init__()
        self.at = at

    def instr(self, instr: Instr, indent: str = "") -> list[str]:
        lines = super().instr(instr, indent)
        if instr is self.at:
            lines[0] += HERE
        return lines

    def lines(self, block: Block, end: str, indent: str) -> list[str]:
        lines = super().lines(block, end, indent)
        if block is self.at:
            lines[-1] += HERE
        return lines


def _around(lines: list[str], reach: int = 20) -> str:
    """The lines of a text that are near the mark, indented."""
    at = next((i for i, line in enumerate(lines) if line.endswith(HERE)), 0)
    start, end = max(at - reach, 0), at + reach + 1
    shown = ["…"] * (start > 0) + lines[start:end] + ["…"] * (end < len(lines))
    return "\n".join(f"  {line}" for line in shown)
