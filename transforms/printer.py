"""Printing: a Python tree becomes text, by astor.

    print_source(tree)    lines of at most 100 columns, `Comment` nodes as comments

A node that astor does not know is printed by `ast.unparse`.
"""

from __future__ import annotations

import ast
from typing import Any

from astor.code_gen import SourceGenerator
from astor.op_util import Precedence
from astor.source_repr import split_lines

COLUMNS = 100


class Comment(ast.stmt):
    """A line of comment."""

    _fields = ("text",)
    text: str


class Generator(SourceGenerator):
    """astor's printer, with comments, plain strings and everything `ast` knows."""

    def visit_Comment(self, node: Comment) -> None:
        self.newline(node)
        self.write(f"# {node.text}")

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            if value != value or value in (float("inf"), float("-inf")):
                text = f"float('{value}')" if isinstance(value, float) else repr(value)
            else:
                text = repr(value)
            negative = text.startswith("-")
            tight = negative and self.get__pp(node) >= Precedence.Pow
            self.write(f"({text})" if tight else text)
        else:
            self.write("..." if value is ... else repr(value))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        base: ast.expr = node
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name):
            self.write(ast.unparse(node))  # in one piece: no line ends at a dot
        else:
            super().visit_Attribute(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.write(node.value, "[")
        key = node.slice
        parts = key.elts if isinstance(key, ast.Tuple) and key.elts else [key]
        for i, part in enumerate(parts):
            self.write(", " if i else "")
            part._pp = Precedence.Comma  # type: ignore[attr-defined]
            self.write(part)
        if isinstance(key, ast.Tuple) and len(parts) == 1 and key.elts:
            self.write(",")
        self.write("]")  # by itself: the wrapping of long lines looks for it

    def visit_ListComp(self, node: ast.ListComp) -> None:
        node.elt._pp = Precedence.Comma  # type: ignore[attr-defined]
        self.write("[", node.elt, *node.generators, "]")

    def abort_visit(self, node: ast.AST) -> None:  # type: ignore[override]
        self.write(ast.unparse(node))


def print_source(tree: ast.AST) -> str:
    """The text of a tree.

    >>> tree = ast.parse("x = a+b")
    >>> tree.body.insert(0, Comment("the sum"))
    >>> print(print_source(tree), end="")
    # the sum
    x = a + b
    """
    generator = Generator("    ")
    generator.visit(tree)
    result: list[Any] = generator.result
    while result and set(result[0]) <= {"\n"}:
        del result[0]
    result.append("\n")
    text = "".join(result)
    if max(map(len, text.splitlines()), default=0) <= COLUMNS:
        return text
    return "".join(split_lines(whole(result), maxline=COLUMNS))


def whole(tokens: list[str]) -> list[str]:
    """The tokens, of which a sign and a slice are one: no line ends within.

    >>> whole(["a", " - ", "-", "b", "[", "1", ":", "-1", "]"])
    ['a', ' - ', '-b', '[', '1:-1', ']']
    >>> whole(["if ", "a", ":", "\\n"])  # this colon stays last where parentheses are added
    ['if ', 'a', ':', '\\n']
    """
    found: list[str] = []
    glued = False  # whether the next token belongs to the last one
    tokens = [*filter(None, tokens)]
    for token, after in zip(tokens, [*tokens[1:], "\n"]):
        plain = not (token in DELIMITERS or token[:1] in " ,\n" or token[-1:] in " \n")
        of_slice = token == ":" and after[0] != "\n"
        if plain and found and (glued or of_slice and is_part(found[-1])):
            found[-1] += token
        else:
            found.append(token)
        glued = plain and (token in ("-", "+", "~") or of_slice)
    return found


DELIMITERS = frozenset(["(", "[", "{", ")", "]", "}", "):"])


def is_part(token: str) -> bool:
    """Whether a token is a name or a number, or several of these."""
    return token not in DELIMITERS and token[-1] not in " \n,"
