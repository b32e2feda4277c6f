"""Generated source that behaves like a file: tracebacks show its lines, `pdb` steps through it.

Each generated function gets an entry of its own in `linecache`, removed with the function, and a
map from its lines to the user's.
"""

from __future__ import annotations

import ast
import itertools
import linecache
import types
import weakref
from typing import Any

from srcdiff.runtime.errors import UnsupportedSyntaxError

_numbers = itertools.count(1)


def build(source: str, tree: ast.FunctionDef, bound: dict[str, Any], cells: dict[str, Any],
          namespace: dict[str, Any], like: Any) -> types.FunctionType:  # fmt: skip
    """The function that a source defines; other functions in it are those that it calls.

    bound       free names → the objects that they stand for
    cells       free names → the user's own cells, which stay live
    namespace   the user's globals, read live
    like        the user's function: its name makes the file name
    """
    filename = f"<srcdiff {tree.name} {next(_numbers)}>"
    free = [*bound, *cells]
    body = source.replace("\n", "\n ").rstrip(" ")
    factory = f"def factory({', '.join(free)}):\n {body} return {tree.name}\n"
    try:
        code = compile(factory, filename, "exec")
    except SyntaxError as error:  # 100 levels of indentation, 20 nested loops: Python takes no more
        if not str(error.msg).startswith("too many"):
            raise
        raise UnsupportedSyntaxError(
            f"once all calls are in their places there are {error.msg} for Python"
        ) from None
    outer = next(c for c in code.co_consts if isinstance(c, types.CodeType))
    inner = [shifted(c, -1) for c in outer.co_consts if isinstance(c, types.CodeType)]
    known = {name: types.CellType(obj) for name, obj in bound.items()} | cells
    known |= {each.co_name: types.CellType() for each in inner}
    for each in inner:
        closure = tuple(known[name] for name in each.co_freevars)
        function = types.FunctionType(each, namespace, each.co_name, None, closure)
        known[each.co_name].cell_contents = function
    function.__module__ = getattr(like, "__module__", None) or "srcdiff"
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    weakref.finalize(function, linecache.cache.pop, filename, None)
    return function


def shifted(code: types.CodeType, by: int) -> types.CodeType:
    """The code with its line numbers moved, and those of the code inside it."""
    consts = tuple(shifted(c, by) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + by, co_consts=consts)


def line_map(source: str, trees: list[ast.FunctionDef]) -> dict[int, Any]:
    """Generated line → where in the user's file it comes from.

    The statements of the trees and of the parsed source are walked side by side.
    """
    found: dict[int, Any] = {}
    pending: list[tuple] = list(zip(trees, ast.parse(source).body))
    while pending:
        made, read = pending.pop()
        for field in ("body", "orelse"):
            ours = [s for s in getattr(made, field, ()) if type(s).__name__ != "Comment"]
            for mine, theirs in zip(ours, getattr(read, field, ())):
                where = getattr(mine, "where", None)
                if where is not None:
                    for line in range(theirs.lineno, (theirs.end_lineno or theirs.lineno) + 1):
                        found.setdefault(line, where)
                pending.append((mine, theirs))
    return found
