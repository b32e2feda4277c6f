"""Emission: bufferized IR becomes the tree of a Python function.

    (x: f8[n]):                          def f_grad(x):
      y = np.sin(x)                          return 2 * np.cos(x)
      adjoint()
      t = np.cos(x)            →
      d_x = mul(2, t)
      return d_x

A value that is used once is written where it is used, if the user gave it no name, the line stays
short, and nothing that it reads changes in between. Regions become the statements they came from;
what they carry is assigned to names (see `names`).
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import operator
import sys
import types
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import declared, kernels, marks
from srcdiff.runtime.errors import NonScalarOutputError
from srcdiff.runtime.plain_objects import instance, is_made_of
from srcdiff.transforms.ir import (
    LIST_UPDATES,
    UNDEFINED,
    Attributes,
    Block,
    Instr,
    Slice,
    Value,
    carried,
    flatten,
    has_list,
    leaf_kind,
    perhaps_unbound,
    walk,
)  # fmt: skip
from srcdiff.transforms.kinds import BOOL, INT, is_undecided, proven_one
from srcdiff.transforms.names import Variables, assign, base_name, lives
from srcdiff.transforms.phrasing import negated, phrased
from srcdiff.transforms.printer import Comment

FEW = 6  # places in which a sum of ints is written rather than named
AGAIN = 4  # tests that are made again rather than remembered
CROSSED = 16  # stores that an expression is moved past at most
WIDTH = 84  # of an expression that is put together from several instructions

BINARY: dict[Any, type] = {
    operator.add: ast.Add, operator.sub: ast.Sub, operator.mul: ast.Mult,
    operator.truediv: ast.Div, operator.floordiv: ast.FloorDiv, operator.mod: ast.Mod,
    operator.pow: ast.Pow, operator.matmul: ast.MatMult, operator.and_: ast.BitAnd,
    operator.or_: ast.BitOr, operator.xor: ast.BitXor, operator.lshift: ast.LShift,
    operator.rshift: ast.RShift,
}  # fmt: skip
UNARY: dict[Any, type] = {
    operator.neg: ast.USub, operator.pos: ast.UAdd, operator.invert: ast.Invert,
    operator.not_: ast.Not,
}  # fmt: skip
COMPARE: dict[Any, type] = {
    operator.lt: ast.Lt, operator.le: ast.LtE, operator.gt: ast.Gt, operator.ge: ast.GtE,
    operator.eq: ast.Eq, operator.ne: ast.NotEq,
}  # fmt: skip
UPDATES = ("setitem", "add_at")
LISTS = LIST_UPDATES
NUMPY_BOOL = BOOL._replace(python=False)
BUILTINS = frozenset(vars(builtins))


class Emitted(NamedTuple):
    """A function's tree, and the objects that its free names stand for."""

    tree: ast.FunctionDef
    bound: dict[str, Any]  # name → object
    cells: dict[str, Any]  # name → the user's own closure cell


class Shared:
    """The names from outside that the functions of one source have in common.

    users    the user's globals and closure cells that one of them reads
    """

    def __init__(self, blocks: list[Block]) -> None:
        self.bound: dict[str, Any] = {}
        self.cells: dict[str, Any] = {}
        self.users = set().union(*map(outside_names, blocks))


def emit(
    block: Block,
    name: str,
    parameters: ast.arguments,
    access: dict[Value, ast.expr],
    output: Callable[[Callable[[Any], ast.expr]], ast.expr],
    parsed: Any,
    shared: Shared | None = None,
) -> Emitted:
    """Print a block as a function.

    parameters   the signature
    access       how each value of `block.params` is reached from the parameters
    output       builds the expression that is returned, given a printer of values
    parsed       the user's function: its globals and cells are read by name
    shared       where other functions are printed beside it
    """
    emitter = Emitter(block, parsed, access, shared or Shared([block]))
    return emitter.function(name, parameters, output)


def emit_half(block: Block, half: Any, given: list[Value], cotangents: list[Value], parsed: Any,
              shared: Shared) -> ast.FunctionDef:  # fmt: skip
    """Print a helper that is compiled by itself: its adjoint is a function of the cotangents.

        def f_vjp(x, n):
            y = …
            def pull(d_y):
                …
                return d_x
            return y, pull

    block    what precedes the marker `adjoint` is the forward half; the last of the results are
             the gradients
    """
    return HalfEmitter(block, parsed, given, cotangents, shared).half(half)


class Emitter:
    later: frozenset[Value] | set[Value] = frozenset()  # what belongs to a function inside

    def __init__(self, block: Block, parsed: Any, access: dict[Value, ast.expr], shared: Shared):
        self.program, self.parsed, self.access = block, parsed, access
        self.bound, self.cells = shared.bound, shared.cells
        self.modules: dict[int, str] = {}
        self.statements: list[ast.stmt] = []
        self.makers: dict[Value, Instr] = {}
        self.uses: dict[Value, int] = {}
        self.inside: dict[Value, int] = {}
        self.asked: dict[Value, int] = {}
        self.tested: Counter = Counter()
        self.folded: set[Value] = set()
        self.in_adjoint = False
        self.where: Any = None
        self.elided: set[Value] = set()
        self.iterated: set[Instr] = set()  # what a `for` assigns
        self.declared: dict[str, list[str]] = {}
        self.parameters: set[str] = set()
        self.users = shared.users
        for instr in walk(block):
            for r in instr.results:
                self.makers[r] = instr
        self.count(block)
        self.elements = {
            instr: element
            for instr in walk(block)
            if instr.op == "for" and (element := self.element(instr)) is not None
        }
        self.stepped = set(self.elements.values())
        marker = next((i for i, s in enumerate(block.instrs) if s.op == "adjoint"), None)
        later = Block((), () if marker is None else block.instrs[marker:], ())
        self.after = {r for instr in walk(later) for r in instr.results}  # of the adjoint
        self.flags: dict[Block, Value] = {}  # the body of a loop → what leaves the loop after it
        for instr in walk(block):
            body = instr.blocks[-1] if instr.attrs.get("may_break") else None
            flag = None if body is None else body.results[-1]
            if isinstance(flag, Value):
                if self.ends_in_break(body, flag):
                    self.release(body, flag)
                else:
                    self.flags[body] = flag
        self.handing = {b for instr in walk(block) for b in instr.blocks[-2:]
                        if instr.op == "if" or b is instr.blocks[-1]}  # fmt: skip
        self.over = Counter(instr.args[0][2] for instr in self.elements)
        self.fold(block)
        self.lists = {
            instr for instr in walk(block) if instr.op == "for" and self.is_comprehension(instr)
        }
        for instr in self.lists:
            self.iterated.add(self.makers[instr.args[1][0]])

    # ------------------------------------------------------------------ what is folded

    def count(self, block: Block) -> None:
        for instr in block.instrs:
            for v in instr.operands:
                self.uses[v] = self.uses.get(v, 0) + 1
            spread = instr.op is operator.mul and isinstance(instr.args[0], list)
            for v in flatten(instr.args[0] if instr.op == "for" else instr.args if spread else ()):
                self.asked[v] = self.asked.get(v, 0) + 1
            if instr.op == "if" and isinstance(instr.args[0], Value):
                self.tested[instr.args[0]] += 1
            if instr.op == "for" or instr.op not in ("push", "list", "tuple") and not instr.blocks:
                for v in foldable_operands(instr):  # where an expression may be written
                    self.inside[v] = self.inside.get(v, 0) + 1
            for inner in instr.blocks:
                self.count(inner)
        for v in flatten(block.results):
            self.uses[v] = self.uses.get(v, 0) + 1

    def fold(self, block: Block) -> None:
        """Choose the values that are printed where they are used."""
        n = len(block.instrs)
        consumer: dict[Value, int] = {}
        for i, instr in enumerate(block.instrs):
            for v in foldable_operands(instr):
                consumer[v] = i
            if instr in self.elements:  # `for v in x.tolist()`
                consumer[self.elements[instr].args[0]] = i
        if block is self.program:
            for v in flatten(block.results):
                consumer.setdefault(v, n)
        elif len(block.results) == 1 and getattr(self, "test_of", None) is block:
            for v in flatten(block.results):
                consumer.setdefault(v, n)
        if block in self.flags:
            consumer.setdefault(self.flags[block], n)
        if block in self.handing:  # what is made last is made where it is handed on
            for instr in reversed(block.instrs):
                v = instr.results[0] if len(instr.results) == 1 else None
                if v not in block.results or v in consumer or not self.may_fold(instr):
                    break
                if instr.op is operator.add and instr.attrs.get("adjoint"):
                    break  # `d += e`
                consumer[v] = n
        self.folded |= self.cheap(block) | self.lengths(block)
        if block is self.program:
            self.read_again()
        barriers = [i for i, instr in enumerate(block.instrs) if is_barrier(instr)]
        effective = list(range(n + 1))
        self.length = getattr(self, "length", {})
        for i in range(n - 1, -1, -1):
            instr = block.instrs[i]
            if not self.may_fold(instr) or instr.results[0] not in consumer:
                continue
            v = instr.results[0]
            if v in self.folded:
                continue
            at = effective[consumer[v]]
            between = bisect_right(barriers, i)
            if between < len(barriers) and barriers[between] < at:
                crossed = barriers[between : bisect_left(barriers, at)]
                if self.is_changed(instr, [block.instrs[k] for k in crossed]):
                    continue
            if consumer[v] < n and self.too_long(block.instrs[consumer[v]], instr):
                continue
            if v.name.endswith("_dot") and self.outlives(instr, block.instrs[i + 1 : at]):
                continue
            self.folded.add(v)
            effective[i] = at
            self.extra(block.instrs[consumer[v]] if consumer[v] < n else None, instr)
        for instr in block.instrs:
            for k, inner in enumerate(instr.blocks):
                if instr.op == "while" and k == 0:
                    self.test_of = inner
                self.fold(inner)

    def outlives(self, instr: Instr, crossed: tuple[Instr, ...]) -> bool:
        """Whether what a tangent reads has been replaced by then, and would need another name."""
        made = {r.name for each in crossed for r in each.results if r.user}
        pending = list(instr.operands) if made else []
        while pending:
            v = pending.pop()
            maker = self.makers.get(v)
            if v.user and v.name in made:
                return True
            if maker is not None and (v in self.folded or self.may_fold(maker)):
                pending.extend(maker.operands)
        return False

    def cheap(self, block: Block) -> set[Value]:
        """Sums like `i + 1`: written wherever they are used, if that is in few places."""
        return {
            instr.results[0]
            for instr in block.instrs
            if instr.op in (operator.add, operator.sub)
            and instr.results[0].kind == INT._replace(size=instr.results[0].kind.size)
            and not instr.results[0].user
            and any(type(a) is int for a in instr.args)
            and not any(a in self.folded for a in instr.operands)
            and 1 < self.uses.get(instr.results[0], 0) <= FEW
            and self.inside.get(instr.results[0]) == self.uses[instr.results[0]]
        }

    def read_again(self) -> None:
        """Parts of arrays that nobody writes, and tests of what is there anyway: not named."""
        parts: set[Value] = set()
        for instr in self.program.instrs:
            v = instr.results[0] if len(instr.results) == 1 else None
            if v is None or v.user or v in self.folded or self.uses.get(v, 0) < 2:
                continue
            if instr.op == "getitem" and self.is_plain_part(instr):
                if self.uses[v] == 2 and self.inside.get(v) == 2:
                    parts.add(v)
            elif instr.op in COMPARE and self.uses[v] <= AGAIN and self.tested[v] == self.uses[v]:
                inner = [o for o in instr.operands if o not in self.program.params]
                numbers = all(o.kind.tag == "scalar" for o in instr.operands)
                if numbers and all(map(self.is_read, inner)):
                    parts.update((v, *inner))
        if parts:
            in_loops = {v for i in walk(self.program) if i.op in ("for", "while") for v in i.reads}
            self.folded |= parts - in_loops

    def is_read(self, v: Value) -> bool:
        """Whether a number is a length or an element, read for one test."""
        maker = self.makers[v]
        if self.uses.get(v) != 1 or v.user or not isinstance(maker.args[0], Value):
            return False
        if maker.op is len or maker.op == "shape":
            return maker.args[0].kind.tag == "array" and self.has_name(maker.args[0])
        return maker.op == "getitem" and self.is_plain_part(maker)

    def has_name(self, base: Value) -> bool:
        """Whether an array is no expression that would be moved along with what reads it."""
        return base in self.program.params or self.uses.get(base, 0) > 1

    def is_plain_part(self, instr: Instr) -> bool:
        """Whether what is read is a part of an array that stays, at a constant place."""
        base, key = instr.args
        if not self.has_name(base) or base.kind.tag != "array" or flatten(key) or has_list(key):
            return False
        return not any(is_barrier(i) and not i.blocks and touched(i)(base) or i.op == "copy"
                       and i.args[0] is base for i in walk(self.program))  # fmt: skip

    def lengths(self, block: Block) -> set[Value]:
        """Lengths of arrays, which do not change: written where a loop asks for them."""
        return {
            instr.results[0]
            for instr in block.instrs
            if (instr.op is len or instr.op == "shape")
            and isinstance(instr.args[0], Value)
            and instr.args[0].kind.tag == "array"
            and self.has_name(instr.args[0])
            and not instr.results[0].user
            and self.asked.get(instr.results[0]) == self.uses.get(instr.results[0])
            and self.uses[instr.results[0]] - self.over[instr.results[0]] <= 2
        }

    def element(self, instr: Instr) -> Instr | None:
        """What reads the element of each step, in a loop that runs over an array or a list."""
        body = instr.blocks[0]
        _, start, stop, step = instr.args[0]
        if instr.attrs.get("reverse") or start != 0 or step != 1 or isinstance(step, Value):
            return None
        of = self.makers.get(stop) if isinstance(stop, Value) else None
        if of is None or not (of.op is len or of.op == "shape" and of.args[1] == 0):
            return None
        for each in body.instrs:
            if is_barrier(each) and each.op != "push":
                return None
            if each.op != "getitem" or each.args[1] is not body.params[0]:
                continue
            items = each.args[0]
            made = self.makers.get(items)
            listed = made is not None and made.op is np.ndarray.tolist
            if (made.args[0] if listed else items) is not of.args[0]:
                continue
            v = each.results[0]
            if not (v.user or self.uses.get(v, 0) > 1) or items.kind.tag not in ("array", "list"):
                continue
            if items.kind.tag == "list" and not listed:
                continue
            if items.kind.tag == "array" and any(
                is_barrier(i) and touched(i)(items) for i in body.instrs
            ):
                continue
            return each
        return None

    def is_comprehension(self, instr: Instr) -> bool:
        """Whether a loop does nothing but append to a new list."""
        body, inits = instr.blocks[0], instr.args[1]
        if len(inits) != 1 or not isinstance(inits[0], Value):
            return False
        maker = self.makers.get(inits[0])
        if maker is None or maker.op != "list" or maker.args != ([],) or self.uses[inits[0]] != 1:
            return False
        element = self.elements.get(instr)
        if instr.attrs.get("may_break") or instr.attrs.get("reverse"):
            return False
        left = [i for i in body.instrs if i is not element
                and not (i.results and i.results[0] in self.folded)]  # fmt: skip
        return len(left) == 1 and left[0].op == "list_append" and (
            left[0].args[0] is body.params[1] and body.results[0] is left[0].results[0]
            and self.uses[body.params[1]] == 1)  # fmt: skip

    def extra(self, user: Instr | None, instr: Instr) -> None:
        """Account for the text that a folded value adds to its user's line."""
        if user is not None:
            root = self.length.get(user)
            top = root[0] if isinstance(root, tuple) else user
            self.length[instr] = (top,)
            total = self.length.get(top)
            base = total if isinstance(total, int) else self.own_length(top)
            self.length[top] = base + self.own_length(instr) - named_length(instr)

    def too_long(self, user: Instr, instr: Instr) -> bool:
        root = self.length.get(user)
        top = root[0] if isinstance(root, tuple) else user
        total = self.length.get(top)
        base = total if isinstance(total, int) else self.own_length(top)
        same_line = same_statement(top, instr)
        total = base + self.own_length(instr) - named_length(instr)
        return total > (WIDTH + 10 if same_line else WIDTH - 12)

    def own_length(self, instr: Instr) -> int:
        """About how many columns an instruction takes by itself."""
        operands = sum(min(len(v.name), 12) + 3 for v in instr.operands)
        head = 0 if instr.op in BINARY or instr.op in UNARY else 8
        if instr.op in UPDATES:
            head = 12
        return operands + head

    def may_fold(self, instr: Instr) -> bool:
        if len(instr.results) != 1 or instr.blocks or instr.effect:
            return False
        if instr.op in UPDATES or instr.op in LISTS or instr.attrs.get("inplace"):
            return False
        if instr.op in ("stack", "pop", "list", "zero_list", "ones_list"):
            return False
        if instr.attrs.get("opaque"):
            return False
        v = instr.results[0]
        if instr.op == "global" or instr in self.stepped:
            return False
        if self.uses.get(v) != 1:
            return False
        return not v.user or v in self.after

    def is_changed(self, instr: Instr, crossed: list[Instr]) -> bool:
        """Whether memory that an instruction reads may change in others."""
        found, pending = [], list(instr.operands)
        while pending:
            v = pending.pop()
            if v in self.folded:
                pending.extend(self.makers[v].operands)
            elif v.kind.tag != "scalar":
                found.append(v)
        if not found:
            return False
        return len(crossed) > CROSSED or any(
            touches(v) for barrier in crossed for touches in [touched(barrier)] for v in found
        )

    # ------------------------------------------------------------------ the function

    def function(self, name: str, parameters: ast.arguments, output: Callable) -> Emitted:
        self.parameters = {a.arg for a in ast.walk(parameters) if isinstance(a, ast.arg)}
        self.name_values(parameters)
        for param, expression in self.access.items():
            if self.uses.get(param) and not isinstance(expression, ast.Name):
                self.assign_to(param, expression)
        self.block(self.program)
        self.where = None
        result = output(self.expr)
        self.statements.append(ast.Return(result))
        body = [*self.declarations(), *self.statements]
        tree = ast.FunctionDef(name=name, args=parameters, body=body,
                               decorator_list=[], returns=None)  # fmt: skip
        return Emitted(self.phrased(tree), self.bound, self.cells)

    def phrased(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        taken = self.parameters | self.users | set(self.bound) | set(self.cells)
        kinds: dict[str, set] = {}
        for v, name in self.names.items():
            kinds.setdefault(name, set()).add(v.kind == BOOL or v.kind == NUMPY_BOOL)
        return phrased(tree, taken | set(self.names.values()) | BUILTINS,
                       {name for name, all_ in kinds.items() if all_ == {True}})  # fmt: skip

    def name_values(self, parameters: ast.arguments) -> None:
        reserved = self.reserved_names()
        variables = self.variables = Variables(self.later)
        variables.lives = lives(self.program, self.folded, self.elements)
        taken = {
            a.arg
            for a in [
                *parameters.posonlyargs,
                *parameters.args,
                *parameters.kwonlyargs,
                *(a for a in (parameters.vararg, parameters.kwarg) if a),
            ]
        }
        for param, expression in self.access.items():
            if isinstance(expression, ast.Name):
                variables.fixed[param] = expression.id
                taken.discard(expression.id)
        containers = set(taken)
        order: list[Value] = list(self.program.params)
        self.collect(self.program, order)
        self.dummy = "_"
        taken = (
            self.parameters | self.users | {v.name for v in order if v.user and self.uses.get(v)}
        )
        while self.dummy in taken:
            self.dummy += "_"
        self.names = self.assigned(order, reserved | containers)
        instrs = self.program.instrs
        at = next((i for i, instr in enumerate(instrs) if instr.op == "adjoint"), len(instrs))
        # The adjoint reads what the function leaves unbound only where it has been bound.
        self.unbound: set[Value] = set()
        self.copied: set = set()
        pushed: set = set()
        for part in (Block((), instrs[:at], ()), Block((), instrs[at:], ())):
            unbound = perhaps_unbound(part, pushed)
            self.unbound |= unbound
            self.copied.update(map(variables.find, self.handed_on(part, unbound)))
        self.zeros = {variables.find(v) for v in self.added(part, unbound, {}, ())}

    def handed_on(self, block: Block, unbound: set[Value]) -> Iterator[Value]:
        """Of the values that may be unbound those that are pushed, or assigned to a variable."""
        for instr in block.instrs:
            for inner in instr.blocks:
                yield from self.handed_on(inner, unbound)
            if instr.op in ("push", "copy"):
                yield from (v for v in instr.operands if v in unbound)
            pairs: list = []
            if instr.op == "if":
                pairs = [p for b in instr.blocks for p in zip(instr.results, b.results)]
            elif instr.op in ("for", "while"):
                params, inits = carried(instr)
                pairs = [*zip(params, inits), *zip(params, instr.blocks[-1].results)]
            for target, source in pairs:
                if source in unbound and self.needed(target):
                    if self.variables.find(source) is not self.variables.find(target):
                        yield source

    def added(self, block: Block, unbound: set[Value], made: dict,
              around: tuple) -> Iterator[Value]:  # fmt: skip
        """Of the adjoints that may be unbound those that are read whether they are or not.

        made     adjoint → the branches around the place where it is made
        around   the branches around the block
        """
        for instr in block.instrs:
            if not instr.blocks and instr.op not in ("push", "copy"):
                yield from (v for v in instr.operands if v in unbound and made.get(v) == around)
            if instr.op in ("for", "while"):
                made.update(dict.fromkeys(carried(instr)[0], around))
            made.update(dict.fromkeys(instr.results, around))
            for inner in instr.blocks:
                within = (*around, inner) if instr.op == "if" else around
                yield from self.added(inner, unbound, made, within)

    def assigned(self, order: list[Value], reserved: set[str]) -> dict[Value, str]:
        return assign(self.variables, order, reserved, self.parameters)

    def collect(self, block: Block, order: list[Value]) -> None:
        variables = self.variables
        for instr in block.instrs:
            if instr.results and instr.results[0] in self.folded:
                continue
            results = [r for r in instr.results if r not in self.globals_read]
            if instr.attrs.get("inplace") or instr.op in LISTS:
                variables.force(instr.args[0], instr.results[0])
            elif instr.attrs.get("opaque"):
                for i, r in zip(instr.attrs["written"], instr.results[1:]):
                    variables.force(instr.operands[i], r)
            if instr.op in ("for", "while"):
                self.collect_loop(instr, order)
            elif instr.op == "if":
                for inner in instr.blocks:
                    self.collect(inner, order)
                for k, r in enumerate(instr.results):
                    for inner in instr.blocks:
                        self.merge(r, inner.results[k])
            elif instr.op in ("copy", "identity") and isinstance(instr.args[0], Value):
                if instr.args[0] not in self.folded:
                    self.merge(instr.results[0], instr.args[0])
            order.extend(results)

    def collect_loop(self, instr: Instr, order: list[Value]) -> None:
        variables = self.variables
        body = instr.blocks[-1]
        params = body.params[1:] if instr.op == "for" else body.params
        inits = instr.args[-1]
        if instr.op == "for":
            order.append(body.params[0])
        else:
            for p, q in zip(params, instr.blocks[0].params):
                variables.force(p, q)
            order.extend(instr.blocks[0].params)
        for p, r in zip(params, instr.results):
            variables.force(p, r)
        order.extend(params)
        for inner in instr.blocks:
            self.collect(inner, order)
        for p, init, y in zip(params, inits, body.results):
            self.merge(p, y)
            self.merge(p, init)

    def merge(self, v: Value, other: Any) -> None:
        """Let two values share a name if they can; what is read from outside has none."""
        if not (isinstance(other, Value) and other in self.globals_read):
            self.variables.merge(v, other)

    def reserved_names(self) -> set[str]:
        """Names that generated code reads from outside: no local may hide them."""
        self.globals_read: dict[Value, ast.expr] = {}
        names: set[str] = {"np"}
        for instr in walk(self.program):
            if instr.op == "global" and not instr.attrs.get("read"):
                expression = self.path(instr.attrs["path"])
                self.globals_read[instr.results[0]] = expression
            elif "path" in instr.attrs or "reached" in instr.attrs:
                expression = self.path(instr.attrs.get("path") or instr.attrs["reached"])
                names |= {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
            elif callable(instr.op):
                expression = self.callable(instr.op)
                if isinstance(expression, ast.Name):
                    names.add(expression.id)
            elif instr.op == "raise":
                self.callable(instr.args[0].obj)
        names |= set(self.bound) | set(self.cells)
        for expression in self.globals_read.values():
            names |= {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
        names |= {"range", "reversed", "len", "list", "float", "int", "bool", "max", "min", "sum",
                  "abs", "zip", "enumerate", "print", "format", "str", "ValueError"}  # fmt: skip
        return names

    # ------------------------------------------------------------------ statements

    def add(self, statement: ast.stmt) -> None:
        statement.where = self.where
        self.statements.append(statement)

    def nested(self, body: Callable[[], None]) -> list[ast.stmt]:
        outer, self.statements = self.statements, []
        body()
        made, self.statements = self.statements, outer
        return made

    def block(self, block: Block, tail: Tail | None = None) -> None:
        last = len(block.instrs) - 1
        skip = 0
        for i, instr in enumerate(block.instrs):
            if skip:
                skip -= 1
                continue
            if instr.results and (instr.results[0] in self.folded):
                continue
            if instr in self.iterated:
                continue
            if instr.op == "errstate_enter":
                skip = self.with_errstate(instr, list(block.instrs[i + 1 :]), tail)
                continue
            if instr.op == "with_enter":
                skip = self.with_(instr, list(block.instrs[i + 1 :]))
                continue
            if instr.op == "global":
                if instr.results[0] not in self.globals_read and self.uses.get(instr.results[0]):
                    self.assign_to(instr.results[0], self.path(instr.attrs["path"]))
                continue
            self.where = instr.where
            if instr.op == "getitem" or instr.op in ("setitem", "list_setitem"):
                skip = self.exchange(block.instrs[i:])
                if skip:
                    skip -= 1
                    continue
            if instr.op == "if":
                self.if_(instr, tail if i == last else None)
                continue
            method = getattr(self, f"stmt_{instr.op}", None) if isinstance(instr.op, str) else None
            if method is not None:
                method(instr)
            else:
                self.operation(instr)

    def operation(self, instr: Instr) -> None:
        if instr.attrs.get("inplace") or self.is_sum(instr):  # `d = d + e` as `d += e`
            target = self.name(instr.results[0])
            if instr.op is operator.mul:
                self.add(ast.AugAssign(target, ast.Mult(), self.expr(instr.args[1])))
            else:
                self.augment(target, instr.args[1])
            return
        value = self.instr_expr(instr)
        if not instr.results or (instr.effect and not any(map(self.uses.get, instr.results))):
            self.add(ast.Expr(value))
        elif instr.attrs.get("opaque") or len(instr.results) == 1:
            self.assign_to(instr.results[0], value)
        else:
            names: list[ast.expr] = [ast.Name(self.names[r] if self.uses.get(r) else self.dummy)
                                     for r in instr.results]  # fmt: skip
            self.add(ast.Assign([ast.Tuple(names)], value))

    def is_sum(self, instr: Instr) -> bool:
        """An adjoint that is added to, and keeps its name."""
        if not instr.attrs.get("adjoint") or not isinstance(instr.args[0], Value):
            return False
        if instr.op is not operator.add:
            return False
        return instr.args[0] not in self.folded and instr.args[0] not in self.globals_read and (
            self.names[instr.args[0]] == self.names[instr.results[0]]
            and instr.results[0].kind.tag == "scalar")  # fmt: skip

    def assign_to(self, v: Value, value: ast.expr) -> None:
        if not (isinstance(value, ast.Name) and value.id == self.names[v]):
            self.add(ast.Assign([ast.Name(self.names[v])], value))

    def augment(self, target: ast.expr, value: Any) -> None:
        """`target += value`, or `-=` for a negated value."""
        op: type = ast.Add
        if type(value) is int and value < 0:
            op, value = ast.Sub, -value
        if isinstance(value, Value) and value in self.folded:
            maker = self.makers[value]
            if maker.op is operator.neg:
                op, value = ast.Sub, maker.args[0]
            else:
                inner = self.negation(maker)
                if inner is not None:
                    self.add(ast.AugAssign(target, ast.Sub(), inner))
                    return
        self.add(ast.AugAssign(target, op(), self.expr(value)))

    def negation(self, maker: Instr) -> ast.expr | None:
        """`-a * b` without its sign: `a * b`."""
        if maker.op not in (operator.mul, operator.truediv):
            return None
        left, right = maker.args
        if isinstance(left, Value) and left in self.folded:
            inner = self.makers[left]
            bare = self.expr(inner.args[0]) if inner.op is operator.neg else self.negation(inner)
            if bare is not None:
                return ast.BinOp(bare, BINARY[maker.op](), self.expr(right))
        elif isinstance(left, (int, float)) and not isinstance(left, bool) and left < 0:
            return ast.BinOp(ast.Constant(-left), BINARY[maker.op](), self.expr(right))
        return None

    def stmt_adjoint(self, instr: Instr) -> None:
        self.in_adjoint = True
        self.add(Comment("adjoint"))

    def place(self, base: Any, path: tuple, key: Any) -> ast.expr:
        """`base<path>[key]` as a target."""
        target = self.expr(base)
        for op, *args in path:
            if op == "getitem":
                target = ast.Subscript(target, self.key(args[0]))
            else:
                target = self.view_expr(op, target, args)
        return target if key is ... else ast.Subscript(target, self.key(key))

    def view_expr(self, op: Any, target: ast.expr, args: list) -> ast.expr:
        """A view, `y.reshape(-1)`, as a part of a target."""
        if op in (np.reshape, np.ravel):
            parts = [self.expr(a) for a in args]
            return ast.Call(ast.Attribute(target, op.__name__), parts, [])
        if op in (np.real, np.imag):
            return ast.Attribute(target, op.__name__)
        return self.call_expr(op, (Printed(target), *args), {}, None)

    def stmt_setitem(self, instr: Instr) -> None:
        base, path, key, value = instr.args
        if key is ...:
            target = ast.Subscript(self.place(base, path, ...), ast.Constant(...))
        else:
            target = self.place(base, path, key)
        op = instr.attrs.get("augmented") or self.scaled(instr)
        if op in BINARY and isinstance(value, Value) and value in self.folded:
            maker = self.makers[value]
            if maker.op is op and len(maker.args) == 2 and self.reads_place(maker.args[0], instr):
                if key is ...:
                    target = self.place(base, path, ...)
                self.add(ast.AugAssign(target, BINARY[op](), self.expr(maker.args[1])))
                return
        self.add(ast.Assign([target], self.expr(value)))

    def exchange(self, instrs: tuple[Instr, ...]) -> int:
        """`a[i], a[j] = a[j], a[i]` for reads, then stores of what was read; how many they are.

        Numbers alone are read before the first store, and from the version that it changes.
        """
        reads: dict[Value, Instr] = {}
        stores: list[Instr] = []
        end = 0
        for k, instr in enumerate(instrs):
            folded = bool(instr.results) and instr.results[0] in self.folded
            if instr.op in ("setitem", "list_setitem"):
                if stores and instr.args[0] is not stores[-1].results[0]:
                    break
                stores.append(instr)
                end = k + 1
            elif instr.op != "getitem" or (stores and not folded):
                break
            elif not folded:
                reads[instr.results[0]] = instr
        if len(stores) < 2:
            return 0
        first = stores[0].args[0]
        made = [self.makers.get(s.args[-1]) if isinstance(s.args[-1], Value) else None
                for s in stores]  # fmt: skip
        for k, (store, read) in enumerate(zip(stores, made)):
            if read is None or read.op != "getitem" or read.args[0] is not first:
                return 0
            (v,) = read.results
            if v.kind.tag != "scalar" or store.op == "setitem" and store.args[2] is ...:
                return 0
            if k and v in self.folded:
                return 0  # it is read after the first store
            if v in reads and (v.user or self.uses.get(v) != 1):
                return 0
        if set(reads) - {i.results[0] for i in made if i is not None}:
            return 0
        targets: list[ast.expr] = []
        values: list[ast.expr] = []
        for store, read in zip(stores, made):
            assert read is not None
            if store.op == "setitem":
                targets.append(self.place(*store.args[:3]))
            else:
                targets.append(ast.Subscript(self.expr(store.args[0]), self.expr(store.args[1])))
            v = read.results[0]
            values.append(self.instr_expr(read) if v in reads else self.expr(v))
        self.add(ast.Assign([ast.Tuple(targets)], ast.Tuple(values)))
        return end

    def scaled(self, instr: Instr) -> Any:
        """The operator of `a[i] = a[i] + e`, and of a scaling of a part of an adjoint."""
        value = instr.args[3]
        maker = self.makers.get(value) if isinstance(value, Value) else None
        if maker is None or maker.op not in BINARY:
            return None
        part = maker.args[0]
        if isinstance(part, Value) and part.kind.tag == "scalar":  # a number is made anew anyway
            return maker.op
        if maker.op not in (operator.mul, operator.truediv) or not self.in_adjoint:
            return None
        numbers = leaf_kind(maker.args[1]).tag == "scalar"
        same = isinstance(part, Value) and (numbers or part.kind == value.kind)
        return maker.op if same and value.kind.dtype == instr.args[0].kind.dtype else None

    def reads_place(self, v: Any, instr: Instr) -> bool:
        """Whether v is what stood at the place that an instruction writes."""
        base, path, key, _ = instr.args
        if key is ... and not path:
            return v is base
        if not isinstance(v, Value) or v not in self.folded or path:
            return False
        maker = self.makers[v]
        return maker.op == "getitem" and maker.args[0] is base and maker.args[1] == key

    def stmt_add_at(self, instr: Instr) -> None:
        base, path, key, value = instr.args
        if instr.attrs.get("repeats"):
            target = self.place(base, path, ...)
            call = self.call_expr(kernels.add_at, (Printed(target), Key(key), value), {}, None)
            self.add(ast.Expr(call))
            return
        if key is ... and path and path[-1][0] != "getitem":
            target = ast.Subscript(self.place(base, path, ...), ast.Constant(...))
            self.augment(target, value)
            return
        self.augment(self.place(base, path, key), value)

    def stmt_stack(self, instr: Instr) -> None:
        self.assign_to(instr.results[0], ast.List([]))

    def stmt_push(self, instr: Instr) -> None:
        stack, *saved = instr.args
        parts = []
        for v in saved:
            value = self.expr(v)
            if v.kind.tag == "list" or instr.attrs.get("copied") and v.kind.tag == "array":
                value = self.copied_expr(v)
                if instr.attrs.get("snapshot") and v.kind.rank != 1 and v.kind.tag == "array":
                    value = self.in_order(value)
            parts.append(value)
        value = parts[0] if len(parts) == 1 else ast.Tuple(parts)
        self.add(ast.Expr(ast.Call(ast.Attribute(self.name(stack), "append"), [value], [])))

    def stmt_pop(self, instr: Instr) -> None:
        call = ast.Call(ast.Attribute(self.name(instr.args[0]), "pop"), [], [])
        if len(instr.results) == 1:
            self.assign_to(instr.results[0], call)
        else:
            names: list[ast.expr] = [ast.Name(self.names[r]) for r in instr.results]
            self.add(ast.Assign([ast.Tuple(names)], call))

    def stmt_list_append(self, instr: Instr) -> None:
        sequence, item = instr.args
        call = ast.Call(ast.Attribute(self.expr(sequence), "append"), [self.expr(item)], [])
        self.add(ast.Expr(call))

    def stmt_list_pop(self, instr: Instr) -> None:
        sequence, *index = instr.args
        places = [self.expr(i) for i in index]
        call = ast.Call(ast.Attribute(self.name(sequence), "pop"), places, [])
        if self.uses.get(instr.results[1]):
            self.assign_to(instr.results[1], call)
        else:
            self.add(ast.Expr(call))

    def stmt_list_insert(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        call = ast.Attribute(self.name(sequence), "insert")
        self.add(ast.Expr(ast.Call(call, [self.expr(index), self.expr(item)], [])))

    def stmt_list_extend(self, instr: Instr) -> None:
        sequence, items = instr.args
        call = ast.Attribute(self.name(sequence), "extend")
        self.add(ast.Expr(ast.Call(call, [self.expr(items)], [])))

    def stmt_list_split(self, instr: Instr) -> None:
        """`tail = d[n:]`, then `del d[n:]`"""
        sequence, n = instr.args
        tail = ast.Subscript(self.name(sequence), ast.Slice(self.expr(n)))
        if self.uses.get(instr.results[1]):
            self.assign_to(instr.results[1], tail)
        self.add(ast.Delete([tail]))

    def stmt_list_setitem(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        target = ast.Subscript(self.expr(sequence), self.expr(index))
        self.add(ast.Assign([target], self.expr(item)))

    def stmt_list_add(self, instr: Instr) -> None:
        sequence, index, item = instr.args
        if isinstance(index, Slice):
            args = (sequence, Key(index), item)
            self.add(ast.Expr(self.call_expr(kernels.add_items, args, {}, None)))
            return
        target = ast.Subscript(self.expr(sequence), self.expr(index))
        kind = sequence.kind.items[0] if sequence.kind.items else None
        if kind is not None and kind.tag == "scalar":
            self.augment(target, item)
            return
        if kind is not None and kind.tag in ("list", "tuple"):
            value = self.call_expr(kernels.sum_of, (Printed(target), item), {}, None)
            self.add(ast.Assign([target], value))
            return
        value = ast.BinOp(target, ast.Add(), self.expr(item))
        self.add(ast.Assign([target], value))

    def stmt_zero_list(self, instr: Instr) -> None:
        self.filled(instr, 0.0, np.zeros_like, kernels.zeros_of)

    def stmt_ones_list(self, instr: Instr) -> None:
        self.filled(instr, 1.0, np.ones_like, kernels.ones_of)

    def filled(self, instr: Instr, number: float, array: Callable, nested: Callable) -> None:
        """A list like another, of one number, or of arrays of it."""
        (sequence,) = instr.args
        item = sequence.kind.items[0] if sequence.kind.items else None
        if sequence.kind.tag == "tuple":
            item = sequence.kind
        if item is not None and item.tag == "scalar":
            one: ast.expr = ast.Constant(number)
            value: ast.expr = ast.BinOp(ast.List([one]), ast.Mult(),
                                        self.call_expr(len, (sequence,), {}, None))  # fmt: skip
        elif item is not None and item.tag in ("list", "tuple"):
            value = self.call_expr(nested, (sequence,), {}, None)
        else:
            one = self.call_expr(array, (Printed(ast.Name("item")),), {}, None)
            loop = ast.comprehension(ast.Name("item"), self.expr(sequence), [], 0)
            value = ast.ListComp(one, [loop])
        self.assign_to(instr.results[0], value)

    def stmt_append_outside(self, instr: Instr) -> None:
        target = ast.Attribute(self.path(instr.attrs["path"]), "append")
        self.add(ast.Expr(ast.Call(target, [self.expr(instr.args[0])], [])))

    def stmt_store_outside(self, instr: Instr) -> None:
        """`counter = n`, `self.n = n`, `CACHE[key] = v`"""
        value = self.expr(instr.args[0])
        self.declare(instr.attrs["path"])
        self.add(ast.Assign([self.path(instr.attrs["path"])], value))

    def stmt_delete_outside(self, instr: Instr) -> None:
        self.add(ast.Delete([self.path(instr.attrs["path"])]))

    def stmt_write_back(self, instr: Instr) -> None:
        array, value = map(self.expr, instr.args)
        self.add(ast.Assign([ast.Subscript(array, ast.Constant(...))], value))

    def declare(self, path: tuple) -> None:
        """Note that a name is to be declared `global` or `nonlocal`, for it is stored."""
        expression = self.path(path)
        if isinstance(expression, ast.Name):
            declared = self.declared.setdefault(path[0], [])
            if expression.id not in declared:
                declared.append(expression.id)

    def declarations(self) -> list[ast.stmt]:
        """`global counter` and `nonlocal total`"""
        kinds = {"global": ast.Global, "cell": ast.Nonlocal}
        return [kinds[kind](names) for kind, names in self.declared.items()]

    def stmt_check_length(self, instr: Instr) -> None:
        v, n, *at_least = instr.args
        length = self.call_expr(len, (v,), {}, None)
        more = "at least " if at_least else ""
        message = ast.Constant(f"expected {more}{n} values to unpack")
        error = ast.Call(self.builtin("ValueError"), [message], [])
        differ = ast.Lt() if at_least else ast.NotEq()
        test = ast.Compare(length, [differ], [ast.Constant(n)])
        self.add(ast.If(test, [ast.Raise(error, None)], []))

    def stmt_check_scalar(self, instr: Instr) -> None:
        v, name = instr.args

        def refuse(test: ast.expr, text: str) -> None:
            error = ast.Call(self.callable(NonScalarOutputError), [ast.Constant(text)], [])
            self.add(ast.If(test, [ast.Raise(error, None)], []))

        if v.kind.dims is None or not all(map(proven_one, v.kind.dims)):
            size = self.call_expr(np.size, (v,), {}, None)
            refuse(ast.Compare(size, [ast.NotEq()], [ast.Constant(1)]),
                   f"`{name}` returns more than one element; use `elementwise_grad` or `vjp`")
        if is_undecided(v.kind):
            refuse(self.call_expr(np.iscomplexobj, (v,), {}, None),
                   f"`{name}` returns a complex number; return its real part, or use `vjp`")

    def with_errstate(self, instr: Instr, rest: list[Instr], tail: Tail | None) -> int:
        """`with np.errstate(…):` around the instructions up to its end; how many they are."""
        end = next(i for i, s in enumerate(rest) if s.op == "errstate_exit"
                   and s.args[0] is instr.results[0])  # fmt: skip
        inner = Block((), rest[:end], ())
        statements = self.nested(lambda: self.block(inner)) or [ast.Pass()]
        keywords = [ast.keyword(k, ast.Constant(v)) for k, v in instr.kwargs.items()]
        call = ast.Call(ast.Attribute(self.module(np), "errstate"), [], keywords)
        self.where = instr.where
        self.add(ast.With([ast.withitem(call, None)], statements))
        return end + 1

    def with_(self, instr: Instr, rest: list[Instr]) -> int:
        """`with manager as name:` around the instructions up to its end; how many they are."""
        old, *entered = instr.results
        end = next(i for i, s in enumerate(rest) if s.op == "with_exit" and s.args[0] is old)
        inner = Block((), rest[:end], ())
        make, *args = instr.args
        manager = self.expr(args[0]) if make is None else \
            self.call_expr(make, tuple(args), instr.kwargs, instr)  # fmt: skip
        statements = self.nested(lambda: self.block(inner)) or [ast.Pass()]
        name = self.name(entered[0]) if entered and self.uses.get(entered[0]) else None
        self.where = instr.where
        self.add(ast.With([ast.withitem(manager, name)], statements))
        return end + 1

    def stmt_raise(self, instr: Instr) -> None:
        error, args = instr.args
        call = ast.Call(self.callable(error.obj), [self.expr(a) for a in args], [])
        self.add(ast.Raise(call, None))

    # ------------------------------------------------------------------ regions

    def copies(self, pairs: list[tuple[Value, Any]]) -> None:
        """Assign values to variables, all at once where one reads what another writes."""
        moves = []
        for target, source in pairs:
            if not self.needed(target):
                continue
            if source is UNDEFINED:  # bound, if it is handed on where nobody will read it
                if self.variables.find(target) in self.zeros:
                    moves.append((self.names[target], ast.Constant(0.0)))
                elif self.variables.find(target) in self.copied:
                    moves.append((self.names[target], ast.Constant(None)))
                continue
            if isinstance(source, Value) and source not in self.folded and \
                    self.variables.find(source) is self.variables.find(target):  # fmt: skip
                continue
            value = self.expr(source)
            if isinstance(value, ast.Name) and value.id == self.names[target]:
                continue
            moves.append((self.names[target], value))
        read = [{n.id for n in ast.walk(value) if isinstance(n, ast.Name)} for _, value in moves]
        clash = any(moves[i][0] in read[j] for i in range(len(moves))
                    for j in range(i + 1, len(moves)))  # fmt: skip
        if clash:
            targets: list[ast.expr] = [ast.Name(name) for name, _ in moves]
            self.add(ast.Assign([ast.Tuple(targets)], ast.Tuple([v for _, v in moves])))
        else:
            for name, value in moves:
                self.add(ast.Assign([ast.Name(name)], value))

    def needed(self, v: Value) -> bool:
        root = self.variables.find(v)
        return any(self.uses.get(m) for m in self.variables.members.get(root, [root]))

    def if_(self, instr: Instr, tail: Tail | None = None) -> None:
        tests_flag = tail is not None and instr.args[0] is tail.flag
        flag = None if tail is None or tests_flag else instr.results.index(tail.flag)
        test = self.expr(instr.args[0])
        branches = []
        for side, block in enumerate(instr.blocks):
            pairs = [
                (r, y) for r, y in zip(instr.results, block.results)
                if r not in self.elided and y not in self.elided
            ]  # fmt: skip

            def body(block: Block = block, pairs: list = pairs, side: int = side) -> None:
                leaves = None if flag is None else block.results[flag]
                if tests_flag:
                    leaves = side == 0

                def finish() -> None:
                    self.where = instr.where
                    self.copies(pairs)
                    tail.finish()

                inner = Tail(leaves, finish) if isinstance(leaves, Value) else None
                self.block(block, inner)
                self.where = instr.where
                if leaves is True:
                    finish()
                    self.add(ast.Break())
                else:
                    self.copies(pairs)

            branches.append(self.nested(body))
        self.where = instr.where
        then, other = branches
        if not then and not other:
            return
        if not then or (other and isinstance(other[-1], ast.Break) and not is_left(then)):
            test, then, other = negated(test), other, then
        if is_left(then):  # what follows a `break` needs no `else`
            self.add(ast.If(test, then, []))
            self.statements.extend(other)
        else:
            self.add(ast.If(test, then, other))

    def ends_in_break(self, block: Block, flag: Any) -> bool:
        """Whether the flag that leaves a loop is decided by branches at the end of its body."""
        if not isinstance(flag, Value):
            return isinstance(flag, bool)
        last = block.instrs[-1] if block.instrs else None
        if last is None or last.op != "if":
            return False
        if last.args[0] is flag:
            return True
        if flag not in last.results or self.uses[flag] != 1:
            return False
        at = last.results.index(flag)
        return all(self.ends_in_break(inner, inner.results[at]) for inner in last.blocks)

    def elide(self, block: Block, flag: Any) -> None:
        """The flags that `break` stands for are not assigned."""
        if isinstance(flag, Value):
            last = block.instrs[-1]
            if last.args[0] is flag:
                return
            self.elided.add(flag)
            for inner in last.blocks:
                self.elide(inner, inner.results[last.results.index(flag)])

    def release(self, block: Block, flag: Any) -> None:
        """A test that a `break` stands behind is not read as a flag."""
        if isinstance(flag, Value):
            last = block.instrs[-1]
            if last.args[0] is flag:
                self.uses[flag] -= 1
                return
            for inner in last.blocks:
                self.release(inner, inner.results[last.results.index(flag)])

    def range_expr(self, bounds: tuple) -> ast.expr:
        _, start, stop, step = bounds
        parts = [self.expr(p) for p in (start, stop, step)]
        if step == 1 and not isinstance(step, Value):
            parts = parts[:2]
            if start == 0 and not isinstance(start, Value):
                parts = parts[1:]
        return ast.Call(self.builtin("range"), parts, [])

    def stmt_for(self, instr: Instr) -> None:
        body = instr.blocks[0]
        params = body.params[1:]
        target, iterable, counter = self.head(instr)
        if instr in self.lists:
            (append,) = [i for i in body.instrs if i.op == "list_append"]
            total = ast.ListComp(self.expr(append.args[1]),
                                 [ast.comprehension(target, iterable, [], 0)])  # fmt: skip
            self.assign_to(instr.results[0], total)
            return
        self.copies(list(zip(params, instr.args[1])))
        if counter is not None:
            self.add(ast.Assign([self.name(counter)], ast.Constant(0)))
        self.loop(instr, params, body, lambda statements: ast.For(
            target, iterable, statements, []), counted=False if counter else None)  # fmt: skip

    def head(self, instr: Instr) -> tuple[ast.expr, ast.expr, Value | None]:
        """`v` and `x` of `for v in x`, and the counter of steps that the loop itself assigns.

        With the number of each step it is `for i, v in enumerate(x)`.
        """
        body, (bounds, _) = instr.blocks[0], instr.args
        item = body.params[0]
        element = self.elements.get(instr)
        if element is None:
            used = bool(self.uses.get(item))
            iterable = self.range_expr(bounds)
            if instr.attrs.get("reverse") and used:
                iterable = ast.Call(self.builtin("reversed"), [iterable], [])
            return ast.Name(self.names[item] if used else self.dummy), iterable, None
        self.iterated.add(element)
        target, iterable = self.name(element.results[0]), self.expr(element.args[0])
        counter = instr.results[-1] if len(instr.results) > len(body.params) - 1 else None
        if self.uses[item] > 1:
            return self.numbered(item, target), self.call_enumerate(iterable), None
        if counter is None or not self.uses.get(counter):
            return target, iterable, None
        return self.numbered(counter, target), self.call_enumerate(iterable, 1), counter

    def numbered(self, number: Value, target: ast.expr) -> ast.expr:
        return ast.Tuple([self.name(number), target])

    def call_enumerate(self, iterable: ast.expr, *start: int) -> ast.expr:
        return ast.Call(self.builtin("enumerate"), [iterable, *map(ast.Constant, start)], [])

    def stmt_while(self, instr: Instr) -> None:
        test, body = instr.blocks
        self.copies(list(zip(body.params, instr.args[0])))
        head = self.nested(lambda: self.block(test))
        (result,) = test.results
        condition = self.expr(result)
        if head:
            stop = ast.If(negated(condition), [ast.Break()], [])
            self.loop(instr, body.params, body, lambda statements: ast.While(
                ast.Constant(True), [*head, stop, *statements], []))  # fmt: skip
        else:
            self.loop(instr, body.params, body,
                      lambda statements: ast.While(condition, statements, []))  # fmt: skip

    def loop(self, instr: Instr, params: Any, body: Block, build: Callable,
             counted: bool | None = None) -> None:  # fmt: skip
        where = instr.where
        if counted is None:
            has_counter = len(instr.results) > len(params)
            counted = has_counter and bool(self.uses.get(instr.results[-1]))
        if counted:
            counter = self.names[instr.results[-1]]
            self.add(ast.Assign([ast.Name(counter)], ast.Constant(0)))
        flag = body.results[-1] if instr.attrs.get("may_break") else False

        def inside() -> None:
            if counted:
                self.add(ast.AugAssign(ast.Name(counter), ast.Add(), ast.Constant(1)))

            def finish() -> None:
                self.where = where
                self.copies(list(zip(params, body.results)))

            if isinstance(flag, Value) and self.ends_in_break(body, flag):
                self.elide(body, flag)
                self.block(body, Tail(flag, finish))
                finish()
                return
            self.block(body)
            finish()
            if flag is True:
                self.add(ast.Break())
            elif flag is not False:
                self.add(ast.If(self.expr(flag), [ast.Break()], []))

        statements = self.nested(inside) or [ast.Pass()]
        self.where = where
        self.add(build(statements))

    # ------------------------------------------------------------------ expressions

    def name(self, v: Value) -> ast.expr:
        return ast.Name(self.names[v])

    def expr(self, tree: Any) -> ast.expr:
        if isinstance(tree, Value):
            if tree in self.folded:
                return self.instr_expr(self.makers[tree])
            found = self.globals_read.get(tree)
            return found if found is not None else self.name(tree)
        if isinstance(tree, Printed):
            return tree.node
        if isinstance(tree, Key):
            return self.key(tree.key, call=True)
        if isinstance(tree, Slice):
            parts = [self.expr(p) for p in tree]
            return ast.Call(self.builtin("slice"), parts, [])
        if isinstance(tree, tuple):
            return ast.Tuple([self.expr(t) for t in tree])
        if isinstance(tree, list):
            return ast.List([self.expr(t) for t in tree])
        if isinstance(tree, Attributes):
            return self.object(tree)
        if isinstance(tree, dict):
            return ast.Dict([ast.Constant(k) for k in tree], [self.expr(t) for t in tree.values()])
        return self.constant(tree)

    def object(self, tree: Attributes) -> ast.expr:
        """`Point(x=a, y=b)`, for an object of its own."""
        cls = tree.cls
        if issubclass(cls, tuple):
            return ast.Call(self.callable(cls), [self.expr(t) for t in tree.values()], [])
        if is_made_of(cls, tree):
            keywords = [ast.keyword(k, self.expr(t)) for k, t in tree.items()]
            return ast.Call(self.callable(cls), [], keywords)
        held = ast.Dict([ast.Constant(k) for k in tree], [self.expr(t) for t in tree.values()])
        return ast.Call(self.callable(instance), [self.callable(cls), held], [])

    def constant(self, obj: Any) -> ast.expr:
        if obj is None or isinstance(obj, (bool, int, float, complex, str, bytes, type(...))) \
                and type(obj).__module__ == "builtins":  # fmt: skip
            if type(obj) is complex and obj.real == 0 and obj.imag < 0 and math.copysign(
                1, obj.real) < 0:  # fmt: skip
                return ast.UnaryOp(ast.USub(), ast.Constant(-obj))  # what `-2j` is
            return ast.Constant(obj)
        if isinstance(obj, np.dtype):
            return ast.Attribute(self.module(np), obj.name if obj.name != "bool" else "bool_")
        if isinstance(obj, np.generic):
            return ast.Call(ast.Attribute(self.module(np), type(obj).__name__),
                            [ast.Constant(obj.item())], [])  # fmt: skip
        return self.callable(obj)

    def key(self, key: Any, call: bool = False) -> ast.expr:
        if isinstance(key, Slice) and not call:
            parts = [None if p is None else self.expr(p) for p in key]
            return ast.Slice(*parts)
        if isinstance(key, tuple) and not isinstance(key, Slice):
            return ast.Tuple([self.key(k, call) for k in key])
        return self.expr(key)

    def instr_expr(self, instr: Instr) -> ast.expr:
        expr = self.whole_expr(instr)
        return ast.Subscript(expr, ast.Constant(0)) if "only" in instr.attrs else expr

    def whole_expr(self, instr: Instr) -> ast.expr:
        op = instr.op
        if isinstance(op, str):
            return getattr(self, f"expr_{op}")(instr)
        if "spelled" in instr.attrs:
            op = instr.attrs["spelled"]
        method = instr.attrs.get("method")
        if method is not None and op is not np.copy:
            found = self.method_expr(method, instr)
            if found is not None:
                return found
        expr = self.call_expr(op, instr.args, instr.kwargs, instr)
        like = instr.attrs.get("like")
        if like is None:
            return expr
        if callable(like):
            other = Printed(self.call_expr(like, instr.args, instr.kwargs, None))
        else:
            other = instr.kwargs[like] if isinstance(like, str) else instr.args[like]
        return self.call_expr(declared.alike, (Printed(expr), other), {}, None)

    def method_expr(self, name: str, instr: Instr) -> ast.expr | None:
        if not isinstance(instr.args[0], Value):
            return None
        if not hasattr(np.ndarray, name) and not isinstance(instr.op, types.MethodDescriptorType):
            return None
        rest = [self.expr(a) for a in instr.args[1:]]
        keywords = [ast.keyword(k, self.expr(v)) for k, v in instr.kwargs.items()]
        return ast.Call(ast.Attribute(self.expr(instr.args[0]), name), rest, keywords)

    def call_expr(self, op: Any, args: tuple, kwargs: dict, instr: Instr | None) -> ast.expr:
        if op in BINARY and len(args) == 2:
            left, right = self.expr(args[0]), self.expr(args[1])
            if op is operator.add:
                positive = negated_term(right)
                if positive is not None:
                    return ast.BinOp(left, ast.Sub(), positive)
                added = instr is not None and instr.attrs.get("adjoint")
                if added and isinstance(left, ast.UnaryOp) and isinstance(left.op, ast.USub):
                    return ast.BinOp(right, ast.Sub(), left.operand)
            return ast.BinOp(left, BINARY[op](), right)
        if op is operator.not_:
            return negated(self.expr(args[0]))
        if op in UNARY and len(args) == 1:
            return ast.UnaryOp(UNARY[op](), self.expr(args[0]))
        if op in COMPARE and len(args) == 2:
            return ast.Compare(self.expr(args[0]), [COMPARE[op]()], [self.expr(args[1])])
        special = PRINTED.get(op)
        if special is not None:
            found = special(self, args, kwargs)
            if found is not None:
                return found
        keywords = [ast.keyword(k, self.expr(v)) for k, v in kwargs.items()]
        reached = instr.attrs.get("reached") if instr is not None else None
        called = self.callable(op) if reached is None else self.path(reached)
        return ast.Call(called, [self.expr(a) for a in args], keywords)

    def expr_getitem(self, instr: Instr) -> ast.expr:
        return ast.Subscript(self.expr(instr.args[0]), self.key(instr.args[1]))

    def expr_shape(self, instr: Instr) -> ast.expr:
        v, axis = instr.args
        return ast.Subscript(ast.Attribute(self.expr(v), "shape"), ast.Constant(axis))

    def expr_copy(self, instr: Instr) -> ast.expr:
        (v,) = instr.args
        if isinstance(v, Value) and v.kind.tag == "scalar":
            return self.expr(v)
        if instr.attrs.get("items"):
            if v.kind.tag == "tuple" or v.kind.items and v.kind.items[0].tag in ("list", "tuple"):
                return self.call_expr(kernels.copy_of, (v,), {}, None)
            item = ast.Call(ast.Attribute(ast.Name("item"), "copy"), [], [])
            return ast.ListComp(item, [ast.comprehension(ast.Name("item"), self.expr(v), [], 0)])
        return self.copied_expr(v)

    def copied_expr(self, v: Any) -> ast.expr:
        """`v.copy()`, or None where nothing is there to copy."""
        copied = ast.Call(ast.Attribute(self.expr(v), "copy"), [], [])
        if isinstance(v, Value) and self.variables.find(v) in self.zeros:
            return ast.Call(ast.Attribute(self.module(np), "copy"), [self.expr(v)], [])
        if v in self.unbound:
            unbound = ast.Compare(self.expr(v), [ast.Is()], [ast.Constant(None)])
            return ast.IfExp(unbound, ast.Constant(None), copied)
        return copied

    def in_order(self, copy: ast.expr) -> ast.expr:
        """A copy that is read again as the array was: `v.copy("K")` keeps the order in memory."""
        for node in ast.walk(copy):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and \
                    node.func.attr == "copy" and not node.args:  # fmt: skip
                node.args.append(ast.Constant("K"))
        return copy

    def expr_identity(self, instr: Instr) -> ast.expr:
        return self.expr(instr.args[0])

    def expr_list(self, instr: Instr) -> ast.expr:
        return self.expr(instr.args[0])

    def expr_list_shift(self, instr: Instr) -> ast.expr:
        """A number or an array added to every item."""
        items, d = instr.args
        name = self.name_of_item()
        total = ast.BinOp(ast.Name(name), ast.Add(), self.expr(d))
        return ast.ListComp(total, [ast.comprehension(ast.Name(name), self.expr(items), [], 0)])

    def name_of_item(self) -> str:
        name = "item"
        while name in self.parameters | self.users or name in self.names.values():
            name += "_"
        return name

    def expr_list_join(self, instr: Instr) -> ast.expr:
        return ast.BinOp(self.expr(instr.args[0]), ast.Add(), self.expr(instr.args[1]))

    def expr_list_repeat(self, instr: Instr) -> ast.expr:
        return ast.BinOp(self.expr(instr.args[0]), ast.Mult(), self.expr(instr.args[1]))

    def expr_tuple(self, instr: Instr) -> ast.expr:
        return self.expr(tuple(instr.args))

    def expr_list_merge(self, instr: Instr) -> ast.expr:
        """Two lists of adjoints, added item by item."""
        kind = instr.results[0].kind
        if kind.tag == "tuple" or kind.items and kind.items[0].tag in ("list", "tuple"):
            return self.call_expr(kernels.sum_of, instr.args, {}, None)
        pair = ast.Tuple([ast.Name("one"), ast.Name("other")])
        zipped = ast.Call(self.builtin("zip"), [self.expr(a) for a in instr.args], [])
        total = ast.BinOp(ast.Name("one"), ast.Add(), ast.Name("other"))
        return ast.ListComp(total, [ast.comprehension(pair, zipped, [], 0)])

    def expr_fstring(self, instr: Instr) -> ast.expr:
        """`f"{x:.2f} at {i}"` as `"{:.2f} at {}".format(x, i)`."""
        text, values = "", []
        for part in instr.args[0]:
            if isinstance(part, str):
                text += part.replace("{", "{{").replace("}", "}}")
            else:
                tree, conversion, spec = part
                text += "{" + (f"!{chr(conversion)}" if conversion > 0 else "")
                text += (f":{spec}" if spec else "") + "}"
                values.append(self.expr(tree))
        return ast.Call(ast.Attribute(ast.Constant(text), "format"), values, [])

    def expr_spread_list(self, instr: Instr) -> ast.expr:
        d, sequence = instr.args
        if instr.attrs.get("each"):
            item = self.name_of_item()
            shape = self.call_expr(np.shape, (), {}, None)
            shape.args.append(ast.Name(item))
            part = self.call_expr(kernels.unbroadcast, (d,), {}, None)
            part.args.append(shape)
            source = ast.comprehension(ast.Name(item), self.expr(sequence), [], 0)
            return ast.ListComp(part, [source])
        length = self.call_expr(len, (sequence,), {}, None)
        return ast.BinOp(ast.List([self.expr(d)]), ast.Mult(), length)

    # ------------------------------------------------------------------ names from outside

    def module(self, module: types.ModuleType) -> ast.expr:
        name = {"numpy": "np"}.get(module.__name__, module.__name__.rpartition(".")[2])
        return ast.Name(self.bind(name, module))

    def bind(self, name: str, obj: Any) -> str:
        """A name of the generated function's own for an object."""
        name = name if name.isidentifier() else "constant"
        candidate, number = name, 1
        while candidate in self.parameters | self.users or (
            candidate in self.bound and self.bound[candidate] is not obj
        ):
            number += 1
            candidate = f"{name}_{number}"
        self.bound[candidate] = obj
        return candidate

    def builtin(self, name: str) -> ast.expr:
        """Python's own function, whatever the user's names hide."""
        hidden = name in self.parameters or name in self.parsed.globals or name in self.parsed.cells
        return ast.Name(self.bind(name, getattr(builtins, name)) if hidden else name)

    def callable(self, obj: Any) -> ast.expr:
        """An expression for a function, a class or another object known to the compiler."""
        name = getattr(obj, "__name__", None) or type(obj).__name__.lower()
        if getattr(builtins, name, None) is obj:
            return self.builtin(name)
        if type(getattr(obj, "__self__", None)) is str:
            return ast.Attribute(ast.Constant(obj.__self__), name)
        dotted = numpy_name(obj)
        if dotted is not None:
            expression: ast.expr = self.module(np)
            for part in dotted.split(".")[1:]:
                expression = ast.Attribute(expression, part)
            return expression
        module = getattr(obj, "__module__", None)
        if module in ("math", "cmath"):
            return ast.Attribute(self.module(sys.modules[module]), name)
        return ast.Name(self.bind(base_name(Value(name)), obj))

    def path(self, path: tuple) -> ast.expr:
        """How generated source reaches an object from outside (see `calls.outside_ref`)."""
        kind, *rest = path
        if kind == "global":
            parsed, name = rest
            if parsed.globals is self.parsed.globals:
                return ast.Name(name)
            module = sys.modules.get(parsed.globals.get("__name__", ""))
            if module is not None and vars(module) is parsed.globals:
                return ast.Attribute(self.module(module), name)
            return ast.Subscript(ast.Name(self.bind("namespace", parsed.globals)),
                                 ast.Constant(name))  # fmt: skip
        if kind == "cell":
            parsed, name = rest
            cell = parsed.cells[name]
            candidate, number = name, 1
            while candidate in self.cells and self.cells[candidate] is not cell:
                number += 1
                candidate = f"{name}_{number}"
            self.cells[candidate] = cell
            return ast.Name(candidate)
        if kind == "attr":
            return ast.Attribute(self.path(rest[0]), rest[1])
        if kind == "item":
            return ast.Subscript(self.path(rest[0]), ast.Constant(rest[1]))
        if kind == "builtin":
            return ast.Name(rest[0])
        if kind == "default":
            function, _, name = rest
            defaults = function.__kwdefaults__ or {}
            if name not in defaults:
                code = function.__code__
                names = code.co_varnames[: code.co_argcount]
                defaults = dict(zip(names[-len(function.__defaults__) :], function.__defaults__))
            return ast.Name(self.bind(f"{name}_default", defaults[name]))
        obj = rest[0]
        name = getattr(obj, "__name__", None) or type(obj).__name__.lower()
        return ast.Name(self.bind(name.rpartition(".")[2], obj))


def outside_names(block: Block) -> set[str]:
    """The names of the user's globals and closure cells that are read."""
    found = set()
    paths = (i.attrs.get(how) for i in walk(block) for how in ("path", "reached"))
    for path in paths:
        while path is not None and path[0] in ("attr", "item"):
            path = path[1]
        if path is not None and path[0] in ("global", "cell"):
            found.add(path[2])
    return found


class HalfEmitter(Emitter):
    """Prints a helper with its pullback inside.

    What the pullback assigns is its own: it shares no name with what it reads of the helper.
    """

    def __init__(self, block: Block, parsed: Any, given: list[Value], cotangents: list[Value],
                 shared: Shared):  # fmt: skip
        taken: set[str] = {v.name for i in walk(block) for v in i.results if v.user}
        access: dict[Value, ast.expr] = {}
        for v in (*given, *cotangents):
            others = taken if v in cotangents else set()
            access[v] = ast.Name(free_name(base_name(v), others, access))
        self.given, self.cotangents = given, cotangents
        self.split: int | None = None
        super().__init__(block, parsed, access, shared)

    def half(self, half: Any) -> ast.FunctionDef:
        name = self.callable(half)
        assert isinstance(name, ast.Name)
        self.parameters = {e.id for e in self.access.values() if isinstance(e, ast.Name)}
        self.name_values(self.signature([*self.given, *self.cotangents]))
        self.block(self.program)
        self.where = None
        count = len(self.program.results) - len(half.active)
        values = [self.expr(v) for v in self.program.results[:count]]
        gradients = [self.expr(v) for v in self.program.results[count:]]
        body = self.statements
        if self.split is not None:
            pull = ast.FunctionDef(
                name=self.pull, args=self.signature(self.cotangents),
                body=[*body[self.split :], ast.Return(several(gradients))],
                decorator_list=[], returns=None,
            )  # fmt: skip
            body = [*body[: self.split], pull]
            values.append(ast.Name(self.pull))
        tree = ast.FunctionDef(name=name.id, args=self.signature(self.given),
                               body=[*body, ast.Return(several(values))], decorator_list=[],
                               returns=None)  # fmt: skip
        return self.phrased(tree)

    def signature(self, params: list[Value]) -> ast.arguments:
        names = [ast.arg(self.access[v].id) for v in params]  # type: ignore[attr-defined]
        return ast.arguments(posonlyargs=[], args=names, vararg=None, kwonlyargs=[], kw_defaults=[],
                             kwarg=None, defaults=[])  # fmt: skip

    def stmt_adjoint(self, instr: Instr) -> None:
        self.split = len(self.statements)

    def assigned(self, order: list[Value], reserved: set[str]) -> dict[Value, str]:
        """Names for the helper, then for its pullback: what that reads of the helper is taken."""
        variables = self.variables
        mine = [v for v in order if v not in variables.apart]
        names = assign(variables, mine, reserved | {"pull"}, self.parameters)
        read: set[str] = set()
        pending = list(self.read_later)
        while pending:
            v = pending.pop()
            if v in self.folded:
                pending.extend(self.makers[v].operands)
            elif v in names and v not in variables.apart:
                read.add(names[v])
        later = [v for v in order if v in variables.apart]
        self.pull = "pull"
        return names | assign(variables, later, reserved | read | {"pull"}, self.parameters)

    def name_values(self, parameters: ast.arguments) -> None:
        instrs = self.program.instrs
        at = next((i for i, instr in enumerate(instrs) if instr.op == "adjoint"), len(instrs))
        later = Block((), instrs[at:], ())
        self.read_later = {v for i in walk(later) for v in i.reads}
        self.read_later.update(flatten(self.program.results))
        self.later = {v for i in walk(later) for v in i.results}
        self.later |= {p for i in walk(later) for b in i.blocks for p in b.params}
        self.later |= set(self.cotangents)
        super().name_values(parameters)


def several(values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.Tuple(values)


def free_name(name: str, taken: set[str], access: dict) -> str:
    """`x`, `x_2`, … whichever no other parameter has."""
    names = taken | {expression.id for expression in access.values()}
    candidate, number = name, 1
    while candidate in names or keyword.iskeyword(candidate):
        number += 1
        candidate = f"{name}_{number}"
    return candidate


class Printed(NamedTuple):
    """A tree that is printed already, as an argument."""

    node: ast.expr


class Key(NamedTuple):
    """An index as the argument of a call."""

    key: Any


class Tail(NamedTuple):
    """The end of a loop's body: the flag that leaves the loop, and what is done before that."""

    flag: Any
    finish: Callable[[], None]


def foldable_operands(instr: Instr) -> list[Value]:
    """The operands that may be printed inside an instruction."""
    if instr.op in ("for", "while"):
        return flatten(instr.args[0]) if instr.op == "for" else []
    if instr.op in UPDATES or instr.op in LISTS or instr.attrs.get("inplace"):
        return flatten(instr.args[1:])
    if instr.op == "pop":
        return []
    if instr.op == "list_shift":  # what is added is computed once
        return flatten(instr.args[:1])
    if instr.op == "spread_list" and instr.attrs.get("each"):
        return flatten(instr.args[1:])
    if instr.attrs.get("written"):
        return [v for i, v in enumerate(instr.operands) if i not in instr.attrs["written"]]
    return list(instr.operands)


def is_barrier(instr: Instr) -> bool:
    """Whether memory may change here."""
    if instr.attrs.get("inplace") or instr.op in LISTS or instr.op in UPDATES:
        return True
    if instr.attrs.get("opaque") or (instr.effect and instr.op not in ("adjoint", "push")):
        return True
    return any(is_barrier(i) for b in instr.blocks for i in b.instrs)


def touched(barrier: Instr) -> Callable[[Value], bool]:
    """Whether the memory of a value may change in a barrier."""
    touches = barrier.attrs.get("inplace")
    if barrier.op in LISTS and not barrier.attrs.get("opaque"):
        return lambda v: v.kind.tag not in ("scalar", "array")  # what is in it does not change
    if callable(touches) and not barrier.attrs.get("opaque") and not barrier.effect:
        return touches
    return lambda v: True


def named_length(instr: Instr) -> int:
    """About how many columns a value takes that is named, not written where it is used."""
    name = instr.results[0].name if instr.results else ""
    return min(len(name), 12) + 3 if name.endswith("_dot") else 4  # a tangent, or `t`


def same_statement(a: Instr, b: Instr) -> bool:
    return a.where is not None and b.where is not None and a.where.statement is b.where.statement


def is_left(statements: list[ast.stmt]) -> bool:
    return bool(statements) and isinstance(statements[-1], ast.Break)


def negated_term(term: ast.expr) -> ast.expr | None:
    """`x` for `-x`, and `2 * x` for `-2 * x`: what is subtracted instead; None for others."""
    if isinstance(term, ast.UnaryOp) and isinstance(term.op, ast.USub):
        return term.operand
    if isinstance(term, ast.Constant) and type(term.value) in (int, float) and term.value < 0:
        return ast.Constant(-term.value)
    if isinstance(term, ast.BinOp) and isinstance(term.op, (ast.Mult, ast.Div)):
        left = negated_term(term.left)
        return None if left is None else ast.BinOp(left, term.op, term.right)
    return None


_dotted: dict[int, str | None] = {}


def numpy_name(obj: Any) -> str | None:
    """`np.linalg.norm` for that function, None for what NumPy does not have."""
    key = id(obj)
    if key not in _dotted:
        name = getattr(obj, "__name__", None)
        found = None
        if name is not None:
            for prefix, module in (
                ("np", np),
                ("np.linalg", np.linalg),
                ("np.fft", np.fft),
                ("np.ndarray", np.ndarray),
                ("np.random", np.random),
            ):
                if getattr(module, name, None) is obj:
                    found = f"{prefix}.{name}"
                    break
        _dotted[key] = found
    return _dotted[key]


# How some operations are written, where a call would not be what a person writes.


def print_transpose(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr | None:
    if len(args) != 1 or kwargs or leaf_kind(args[0]).tag != "array":
        return None
    return ast.Attribute(emitter.expr(args[0]), "T")


def print_astype(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr | None:
    if kwargs or len(args) != 2 or not isinstance(args[0], Value):
        return None
    return ast.Call(ast.Attribute(emitter.expr(args[0]), "astype"), [emitter.expr(args[1])], [])


def print_copy(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr | None:
    if kwargs != {"order": "C"} or not isinstance(args[0], Value):
        return None
    return ast.Call(ast.Attribute(emitter.expr(args[0]), "copy"), [], [])


def attribute(name: str) -> Callable:
    def print_attribute(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr | None:
        if len(args) != 1 or kwargs:
            return None
        v = args[0]
        if isinstance(v, Value) and (v.kind.tag == "array" or v.kind.python is False):
            return ast.Attribute(emitter.expr(v), name)
        return None

    return print_attribute


def print_pulled(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr:
    return ast.Call(emitter.expr(args[0]), [emitter.expr(d) for d in args[1:]], [])


def print_draw(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr:
    generator, name, *rest = args
    named = [ast.keyword(k, emitter.expr(v)) for k, v in kwargs.items()]
    method = ast.Attribute(emitter.expr(generator), name)
    return ast.Call(method, [emitter.expr(a) for a in rest], named)


def print_grid(name: str) -> Callable:
    def print_(emitter: Emitter, args: tuple, kwargs: dict) -> ast.expr:
        return ast.Subscript(ast.Attribute(emitter.module(np), name), emitter.key(args[0]))

    return print_


PRINTED: dict[Any, Callable] = {
    operator.contains: lambda emitter, args, kwargs: ast.Compare(
        emitter.expr(args[1]), [ast.In()], [emitter.expr(args[0])]),
    kernels.pulled: print_pulled, kernels.draw: print_draw,
    np.mgrid.__getitem__: print_grid("mgrid"), np.ogrid.__getitem__: print_grid("ogrid"),
    marks.detach: lambda emitter, args, kwargs: emitter.expr(args[0]),
    np.transpose: print_transpose, np.astype: print_astype, np.shape: attribute("shape"),
    np.copy: print_copy, np.size: attribute("size"), np.real: attribute("real"),
    np.imag: attribute("imag"),
}  # fmt: skip
