"""The tree of Python's syntax, the same for every version of Python: gast's.

    from srcdiff.transforms.syntax import gast

No other module of the compiler imports gast itself. In its trees parameters and the name of an
`except` clause are `gast.Name`, `x[i]` has no `Index`, and every literal is a `gast.Constant`.
"""

import ast
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import gast

from srcdiff.runtime.errors import Location

_one_at_a_time = threading.RLock()


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for sums of a thousand terms, whose trees are a thousand deep.

    gast's own functions recurse, and so do Python's `compile` and `ast.parse` in 3.11. Python
    code that calls itself takes no C stack, so a high limit is safe.
    """
    with _one_at_a_time:  # or a thread might lower the limit under another that is deep down
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 100_000))
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def from_ast(node: ast.AST) -> gast.AST:
    """
    >>> dump(from_ast(ast.parse("lambda x: x[0]", mode="eval").body.args))
    "arguments(args=[Name(id='x', ctx=Param())])"
    """
    with deep_recursion():
        return gast.ast_to_gast(node)


def to_ast(node: gast.AST) -> ast.AST:
    """A tree of Python's own that shares nothing with gast's.

    >>> ast.unparse(to_ast(from_ast(ast.parse("lambda x: x[0]", mode="eval").body)))
    'lambda x: x[0]'
    """
    with deep_recursion():
        return gast.gast_to_ast(node)


def dump(tree: object) -> str:
    """The tree as text, without positions and what is absent: for tests and conversation.

    >>> dump(from_ast(ast.parse("x + 1", mode="eval").body))
    "BinOp(left=Name(id='x', ctx=Load()), op=Add(), right=Constant(value=1))"
    """
    if isinstance(tree, list):
        return f"[{', '.join(map(dump, tree))}]"
    if not isinstance(tree, gast.AST):
        return repr(tree)
    fields = [(name, part) for name, part in gast.iter_fields(tree) if part not in (None, [])]
    return f"{type(tree).__name__}({', '.join(f'{name}={dump(part)}' for name, part in fields)})"


def location(
    node: gast.AST, lines: Sequence[str], filename: str, function: str
) -> Location | None:
    """Where a node stands in its file; None if neither it nor a part of it says so.

    A node without a position of its own (`comprehension`, `arguments`) has that of its first part.

    >>> lines = ["é = sin(ü) + 1"]
    >>> call = from_ast(ast.parse(lines[0])).body[0].value.left
    >>> call.col_offset, call.end_col_offset                                # UTF-8 bytes
    (5, 12)
    >>> location(call, lines, "model.py", "f")
    Location(filename='model.py', line=1, column=4, end_line=1, end_column=10, function='f')
    """
    for part in gast.walk(node):
        line, end_line = getattr(part, "lineno", None), getattr(part, "end_lineno", None)
        if line is not None and end_line is not None:
            column = _characters(lines, line, part.col_offset)
            end_column = _characters(lines, end_line, part.end_col_offset)
            return Location(filename, line, column, end_line, end_column, function)
    return None


def _characters(lines: Sequence[str], line: int, offset: int) -> int:
    """An offset in UTF-8 bytes as one in characters."""
    text = lines[line - 1] if line <= len(lines) else ""
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))
