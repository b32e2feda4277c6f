"""Calls of SciPy's functions of functions: one call of a function that has a rule.

    y = brentq(lambda y: y**3 + y - s, 0.0, b)      →      y = brentq_fn(b, s)

The function that is given is taken out of the program: what it reads there becomes an argument.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.runtime.solvers import FUNCTIONS, SOLVERS, Call, Made
from srcdiff.transforms.declared import Outcome
from srcdiff.transforms.kinds import FLOAT, Kind, fresh_size
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Function,
    Known,
    List,
    Plain,
    Ref,
    Tuple,
)
from srcdiff.transforms.stores import stores_outside
from srcdiff.transforms.syntax import to_ast

_made: dict[Any, Made | None] = {}
_factories: dict[Any, Callable] = {}
_numbers = itertools.count(1)


class Solvers(Memory):
    def call_solver(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """What one of SciPy's functions of functions returns; None for other functions."""
        key = getattr(f, "__module__", None), getattr(f, "__name__", None)
        if key not in SOLVERS:
            return None
        try:
            given = dict(inspect.signature(f).bind(*args, **kwargs).arguments)
        except TypeError:
            return None
        if isinstance(given.get("options"), dict):  # `**options`
            given |= given.pop("options")
        taken = given.pop(FUNCTIONS[key], None)
        extra = self.further(given.pop("args", Known(())))
        closed = self.taken_out(taken, where)
        if closed is None or extra is None:
            return None
        function, read = closed
        values, known, arrays = {}, {}, {}
        for name, ref in given.items():
            if self.is_known(ref):
                known[name] = self.known(ref, where, name)
            elif isinstance(ref, (Plain, *ARRAYS)) and self.kind(ref).numeric:
                values[name] = ref
                if isinstance(ref, ARRAYS):
                    arrays[name] = self.kind(ref).dims
            elif isinstance(ref, (Tuple, List)) and all(
                self.kind(r).rank == 0 for r in self.items(ref, where)
            ):  # fmt: skip
                for i, item in enumerate(self.items(ref, where)):
                    values[f"{name}_{i}"] = item
            else:
                return None
        names = None if read is None else tuple(read)
        call = Call(f, function, names, tuple(values), len(extra), known, arrays)
        made = self.made_for(call)
        if made is None:
            return None
        refs = (*values.values(), *extra, *(read or {}).values())
        if not all(map(self.may_be_passed, refs)):
            return None
        outcome = self.outcome_like(made, values)
        found = self.emit_declared(made.function, outcome, refs, {}, where)
        return found if made.result is None else self.as_if_here(made.result, (found,), {}, where)

    def may_be_passed(self, ref: Any) -> bool:
        """Whether what a function reads may be an argument: numbers, arrays, tuples of these."""
        if isinstance(ref, Tuple):
            return all(map(self.may_be_passed, ref.items))
        if isinstance(ref, Known):
            return is_number(ref.obj)
        return isinstance(ref, (Plain, *ARRAYS)) and self.kind(ref).numeric

    def further(self, ref: Any) -> tuple | None:
        """The items of `args=`."""
        if isinstance(ref, Tuple):
            return tuple(ref.items)
        if isinstance(ref, Known):
            items = ref.obj if isinstance(ref.obj, tuple) else (ref.obj,)
            return tuple(map(Known, items))
        return (ref,) if isinstance(ref, (Plain, *ARRAYS)) else None

    def made_for(self, call: Call) -> Made | None:
        key = (call.solver, call.f, call.read, call.values, call.extra,
               tuple(sorted((k, repr(v)) for k, v in call.known.items())),
               tuple(sorted((k, len(v)) for k, v in call.arrays.items())))  # fmt: skip
        if key not in _made:
            name = call.solver.__module__, call.solver.__name__
            _made[key] = SOLVERS[name](call)
        return _made[key]

    def outcome_like(self, made: Made, refs: dict[str, Any]) -> Outcome:
        like: Any = made.like
        number = FLOAT._replace(python=None)
        array = np.dtype(float)
        if like == "pair":
            return Outcome((FLOAT, FLOAT), tuple, False, True)
        if like == "times and states":
            axes = (fresh_size(), fresh_size(), fresh_size())
            kinds = Kind("array", array, axes[:1]), Kind("array", array, axes[1:])
            return Outcome(kinds, tuple, False, True)
        if like == "float" or like == "number":
            return Outcome(FLOAT if like == "float" else number, tuple, False, True)
        if isinstance(like, tuple):
            return Outcome(Kind("array", array, like), tuple, False, True)
        if isinstance(like, int):
            kind = Kind("array", array, tuple(fresh_size() for _ in range(like)))
            return Outcome(kind, tuple, False, True)
        kind = self.kind(refs[like])
        return Outcome(Kind("array", array, kind.dims), tuple, False, True)

    # ------------------------------------------------------------------ the function

    def taken_out(self, ref: Any, where: Any) -> tuple[Callable, dict[str, Any] | None] | None:
        """A function, or what makes it of what it reads of the functions around it, and that."""
        running = [frame.lowered.parsed.function for frame in self.frames]
        if self.stored_at or any(f is not None and stores_outside(f) for f in running):
            return None  # which the function, as it is called, would not see
        if isinstance(ref, Known) and callable(ref.obj):
            return ref.obj, None
        if not isinstance(ref, Function) or ref.bound is not None:
            return None
        around = self.captured(ref.lowered, ref.frame, ())
        names = [name for _, name in around]
        if len(set(names)) != len(names):
            return None
        read: dict[str, Any] = {}
        helpers: list[tuple[str, Function]] = []
        for (_, name), inner in around.items():
            if isinstance(inner, Function):
                helpers.append((name, inner))
            elif self.may_be_passed(inner):
                read[name] = inner
            else:
                return None
        lines: list[str] = []
        for name, inner in [*helpers, ("", ref)]:
            if inner.bound is not None or inner.lowered.parsed is not ref.lowered.parsed:
                return None
            node = to_ast(inner.lowered.node)
            if changes(node, read):
                return None
            if inner.lowered.generator or getattr(node, "decorator_list", []):
                return None
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None and not isinstance(default, ast.Constant):
                    return None
            if isinstance(node, ast.Lambda):
                lines.append(f"{name or 'fn'} = {ast.unparse(node)}")
            else:
                lines += ast.unparse(node).splitlines()
                if name != node.name:
                    lines.append(f"{name or 'fn'} = {node.name}")
        return factory(lines, tuple(read), ref.lowered.parsed), read


# Methods and functions of NumPy's that change what they are given.
CHANGING = frozenset(
    "append add clear copyto discard extend fill insert itemset partition place pop put "
    "put_along_axis putmask remove resize reverse setdefault setflags shuffle sort update".split()
)


def changes(node: ast.AST, names: Any) -> bool:
    """Whether a function changes what it reads of the functions around it, as far as it shows."""

    def root(part: ast.AST) -> str:
        while isinstance(part, ast.Subscript | ast.Attribute | ast.Starred):
            part = part.value
        return part.id if isinstance(part, ast.Name) else ""

    for part in ast.walk(node):
        if isinstance(part, ast.Nonlocal | ast.Global):
            return True
        stored = isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(
            part.ctx, ast.Load
        )
        if stored and root(part) in names:
            return True
        if isinstance(part, ast.Call):
            called = part.func.attr if isinstance(part.func, ast.Attribute) else root(part.func)
            given = [root(part.func), *map(root, part.args)]
            if called in CHANGING and not names.keys().isdisjoint(given):
                return True
            if any(k.arg == "out" and root(k.value) in names for k in part.keywords):
                return True
    return False


def is_number(obj: Any) -> bool:
    return type(obj) in (int, float, bool) or isinstance(obj, np.ndarray)


def factory(lines: list[str], names: tuple[str, ...], parsed: Any) -> Callable:
    """A function of these names that returns what the lines call `fn`."""
    cells = parsed.cells
    body = "".join(f"        {line}\n" for line in (*lines, "return fn"))
    head = f"def around({', '.join(cells)}):\n    def make({', '.join(names)}):\n"
    text = f"{head}{body}    return make\n"
    space = parsed.globals
    key = (text, id(space), *map(id, cells.values()))
    if key not in _factories:
        filename = f"<srcdiff function {next(_numbers)}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
        scope: dict[str, Any] = {}
        exec(compile(text, filename, "exec"), space, scope)
        made = scope["around"](*cells)
        closure = tuple(cells[name] for name in made.__code__.co_freevars)
        _factories[key] = types.FunctionType(made.__code__, space, "make", None, closure)
    return _factories[key]
