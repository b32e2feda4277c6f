"""Names: every value that is stored gets one, and values that may share a name do.

    h.2 = for … carry (h.1 = h):  …  yield h.3      →    h, everywhere
    u.2 = setitem(u, …)!                            →    u: the update runs in place
    a.1 … a.2, both needed at once                  →    a, a_2

A variable is a set of values that take turns: an update in place and its base must share one, and a
loop's parameter, its test's parameter and its result are one. What a loop carries in and out, what
the branches of an `if` yield, and copies, share one where their lives do not overlap. Lives are
intervals of positions in the printed program; a value from outside a loop that is read inside lives
until the loop ends.
"""

from __future__ import annotations

import keyword
import sys
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from srcdiff.transforms.ir import UNDEFINED, Block, Instr, Value, flatten


def written_name(f: Any, otherwise: str = "f") -> str:
    """The name of a function for generated code, where `__name__` may be any text.

    >>> f = lambda x: x
    >>> written_name(written_name), written_name(f, "t")
    ('written_name', 't')
    >>> f.__name__ = "f of x"
    >>> written_name(f)
    'f'
    """
    code = getattr(f, "__code__", None)
    for name in (getattr(f, "__name__", ""), getattr(code, "co_name", "")):
        if str(name).isidentifier() and not keyword.iskeyword(name):
            return str(name)
    return otherwise


class Variables:
    """Union-find over values, with the lives of each variable.

    positions   instruction → (read, write): when its operands are read and its results written
    apart       values of an inner function: they share no variable with others
    """

    def __init__(self, apart: Iterable[Value] = ()) -> None:
        self.apart = frozenset(apart)
        self.parent: dict[Value, Value] = {}
        self.members: dict[Value, list[Value]] = {}
        self.lives: dict[Value, list[tuple[int, int]]] = {}
        self.fixed: dict[Value, str] = {}

    def find(self, v: Value) -> Value:
        root = v
        while (up := self.parent.get(root)) is not None:
            root = up
        while v is not root:
            self.parent[v], v = root, self.parent[v]
        return root

    def force(self, a: Value, b: Value) -> None:
        a, b = self.find(a), self.find(b)
        if a is b:
            return
        if b in self.fixed and a not in self.fixed:
            a, b = b, a
        self.parent[b] = a
        self.members.setdefault(a, [a]).extend(self.members.pop(b, [b]))
        self.lives[a] = self.lives.get(a, []) + self.lives.pop(b, [])

    def overlap(self, a: Value, b: Value) -> bool:
        a, b = self.find(a), self.find(b)
        if a is b:
            return False
        return any(
            start < other_end and other_start < end
            for start, end in self.lives.get(a, ())
            for other_start, other_end in self.lives.get(b, ())
        )

    def merge(self, a: object, b: object) -> bool:
        """Let two values share a variable if they may."""
        if not isinstance(a, Value) or not isinstance(b, Value):
            return False
        if self.find(a) is self.find(b):
            return True
        if self.find(a) in self.fixed and self.find(b) in self.fixed:
            return False
        if (a in self.apart) != (b in self.apart):
            return False
        if not compatible(a, b) or self.overlap(a, b):
            return False
        self.force(a, b)
        return True


def compatible(a: Value, b: Value) -> bool:
    """Whether a reader would expect one name for both."""
    if a.kind.tag != b.kind.tag and "object" not in (a.kind.tag, b.kind.tag):
        return False
    if is_adjoint(a) and is_users(b) or is_users(a) and is_adjoint(b):
        return False
    return base_name(a) == base_name(b) or not (a.user and b.user)


def is_adjoint(v: Value) -> bool:
    return not v.user and v.name.startswith("d_")


def is_users(v: Value) -> bool:
    return v.user and not v.name.startswith("d_")


def base_name(v: Value) -> str:
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in v.name)
    if not name or (not v.user and not name.strip("_")):  # `_` is for what nobody reads
        name = "t"
    return f"_{name}" if name[0].isdigit() else name


def lives(
    block: Block, folded: set[Value], elements: dict[Instr, Instr] | None = None
) -> dict[Value, list[tuple[int, int]]]:
    """The intervals in which each stored value lives.

    What is read in both branches of an `if` and not afterwards is dead between its last read in the
    one and the beginning of the other.

    folded     values that are printed where they are used: they read their operands there
    elements   `for` → what reads the element of a step: the loop itself assigns it
    """
    elements = elements or {}
    assigned = set(elements.values())
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    depth: dict[Value, int] = {}
    inner: dict[Value, list[Value]] = {}
    clock = [0]
    loops: list[tuple[int, list[Value]]] = []
    others: list[list[int]] = []  # of the `if`s whose second branch is visited: [at, start, end]
    unset: set[Value] = set()  # what holds nothing when its loop begins
    holes: dict[Value, list[tuple[int, list[int]]]] = {}

    def sources(values: Iterable[Value]) -> list[Value]:
        """The stored values behind folded ones."""
        found, pending = [], list(values)
        while pending:
            v = pending.pop()
            if v in folded:
                pending.extend(inner[v])
            else:
                found.append(v)
        return found

    def read(values: Iterable[Value], at: int) -> None:
        for v in sources(values):
            before = last.get(v, -1)
            for other in others:
                if v in first and first[v] < other[0] and before < other[1]:
                    holes.setdefault(v, []).append((max(before, other[0]), other))
                    before = at
            last[v] = max(last.get(v, -1), at)
            level = depth.get(v, 0)
            for extended in loops[level:]:
                extended[1].append(v)

    def write(values: Iterable[Value], at: int) -> None:
        for v in values:
            first[v] = at
            depth[v] = len(loops)

    def tick() -> int:
        clock[0] += 2
        return clock[0]

    def visit(block: Block) -> None:
        for instr in block.instrs:
            if instr.blocks:
                region(instr)
            elif instr in assigned:
                continue
            elif instr.results and instr.results[0] in folded:
                inner[instr.results[0]] = list(instr.operands)
            else:
                at = tick()
                read(instr.operands, at)
                write(instr.results, at + 1)

    def region(instr: Instr) -> None:
        at = tick()
        read(flatten(instr.args), at)
        element = elements.get(instr)
        # What a `for` runs over is read once the carried names are assigned.
        header = [] if instr.op != "for" else flatten(instr.args[0])
        header += [] if element is None else flatten(element.args[0])
        read([v for v in header if v not in instr.args[-1]], at + 2)
        if instr.op == "if":
            then, other = instr.blocks
            visit(then)
            read(flatten(then.results), tick())
            others.append([at, tick(), sys.maxsize])
            visit(other)
            read(flatten(other.results), tick())
            others.pop()[2] = tick()
            write(instr.results, tick() + 1)
            return
        loops.append((at, []))
        shift = int(instr.op == "for")
        for inner_block in instr.blocks:
            write(inner_block.params[shift:], at + 1)
            write(inner_block.params[:shift], at + 2)
        if element is not None:
            write(element.results, at + 2)
        carried = len(instr.blocks[-1].params) - shift
        for inner_block in instr.blocks:
            pairs = zip(inner_block.params[shift:], instr.args[-1])
            unset.update(p for p, init in pairs if init is UNDEFINED)
        counters = instr.results[carried:]
        write(counters, at)
        for inner_block in instr.blocks:
            visit(inner_block)
            read(flatten(inner_block.results), tick())
            if instr.op == "while" and inner_block is instr.blocks[0]:
                read(inner_block.params, tick())  # it leaves what the last test has found
        end = tick()
        _, extended = loops.pop()
        for v in extended:
            last[v] = max(last.get(v, -1), end)
        write(instr.results[:carried], end + 1)
        for v in counters:
            depth[v] = len(loops)
            last[v] = max(last.get(v, -1), end)

    write(block.params, 1)
    visit(block)
    read(flatten(block.results), tick())
    found: dict[Value, list[tuple[int, int]]] = {}
    for v, start in first.items():
        end = max(last.get(v, -1), start + 1)
        found[v] = []
        if v in unset and v not in last:
            continue
        for dead, (_, again, branch_end) in holes.get(v, ()):
            if end <= branch_end and start < dead < again:
                found[v].append((start, dead))
                start = again
        found[v].append((start, end))
    return found


def assign(
    variables: Variables, order: Iterable[Value], reserved: set[str], parameters: set[str]
) -> dict[Value, str]:
    """A name for each variable: the first free one of `x`, `x_2`, `x_3`, …

    Variables of one base name share it where their lives do not overlap; a temporary does not take
    the name of a parameter.
    """
    names: dict[Value, str] = dict(variables.fixed)
    holders: dict[str, Occupied] = {}
    for root, name in names.items():
        holders.setdefault(name, Occupied()).add(variables.lives.get(root, ()))
    done: set[Value] = set(names)
    result: dict[Value, str] = {}
    for v in order:
        root = variables.find(v)
        if root not in done:
            done.add(root)
            members = variables.members.get(root, [root])
            base = best_name(members)
            taken = reserved if any(m.user for m in members) else reserved | parameters
            number = 1
            while True:
                name = base if number == 1 else f"{base}_{number}"
                if name not in taken and not keyword.iskeyword(name):
                    holder = holders.setdefault(name, Occupied())
                    if holder.add(variables.lives.get(root, ())):
                        break
                number += 1
            names[root] = name
        result[v] = names[root]
    return result


class Occupied:
    """The positions at which a name is in use, as sorted intervals that do not overlap."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, lives: Iterable[tuple[int, int]]) -> bool:
        """Take the intervals of a variable if all of them are free."""
        merged: list[list[int]] = []
        for start, end in sorted(lives):
            if merged and start < merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        for start, end in merged:
            after = bisect_left(self.starts, end)
            if after and self.ends[after - 1] > start:
                return False
        for start, end in merged:
            at = bisect_left(self.starts, start)
            self.starts.insert(at, start)
            self.ends.insert(at, end)
        return True


def best_name(values: list[Value]) -> str:
    """The user's name if one of the values has one, else the most telling."""
    for v in values:
        if v.user:
            return base_name(v)
    for v in values:
        if base_name(v) not in ("t", "d_t", "stack", "item"):
            return base_name(v)
    return base_name(values[0])
