"""Errors: what is wrong, where in the user's file, and what to write instead.

    what       `global total` cannot be differentiated
    where        model.py, line 12:    global total
                                       ^^^^^^^^^^^^
    instead      Return `total` from `loss` instead.

The user's own exceptions are never wrapped.
"""

import linecache
import os
import unicodedata
from textwrap import indent
from typing import NamedTuple


class Location(NamedTuple):
    """The place of an expression: lines count from 1, columns are characters and count from 0."""

    filename: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str  # its __qualname__

    def source_line(self) -> str:
        """The physical line on which the expression starts, "" where there is no source."""
        return linecache.getline(self.filename, self.line).rstrip()

    def quoted(self) -> str:
        """The user's line with carets under the expression, or under its part on that line.

        >>> lines = ["total = 0\\n", "y = (np.sin(x) +\\n", "     x)\\n"]
        >>> linecache.cache["model.py"] = (0, None, lines, "model.py")
        >>> print(Location("model.py", 2, 5, 2, 14, "f").quoted())
        model.py, line 2:    y = (np.sin(x) +
                                  ^^^^^^^^^
        >>> print(Location("model.py", 2, 5, 3, 6, "f").quoted())
        model.py, line 2:    y = (np.sin(x) +
                                  ^^^^^^^^^^^
        >>> print(Location("gone.py", 2, 5, 3, 6, "f").quoted())
        gone.py, line 2
        """
        head = f"{short_name(self.filename)}, line {self.line}"
        line = self.source_line()
        if not line:
            return head
        head += ":    "
        text = line.lstrip()
        start = max(self.column - (len(line) - len(text)), 0)
        end = len(text)
        if self.end_line == self.line:
            end -= len(line) - self.end_column
        carets = "^" * max(_width(text[start:end]), 1)
        return f"{head}{text}\n{' ' * _width(head)}{_blank(text[:start])}{carets}"


def short_name(filename: str) -> str:
    """
    >>> short_name("models/model.py"), short_name("<doctest docs/model.md[0]>")
    ('model.py', '<doctest docs/model.md[0]>')
    """
    return filename if filename.startswith("<") else os.path.basename(filename)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal: Chinese and Japanese characters take two."""
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def _blank(text: str) -> str:
    """Blanks as wide as the text; tabs stay, for nobody knows how wide they are."""
    return "".join("\t" if char == "\t" else " " * _width(char) for char in text)


class SrcdiffError(Exception):
    """The base of srcdiff's errors.

    >>> linecache.cache["model.py"] = (0, None, ["    global total\\n"], "model.py")
    >>> where = Location("model.py", 1, 4, 1, 16, "loss")
    >>> print(SrcdiffError("`global` cannot be differentiated", where, "Return `total` instead."))
    `global` cannot be differentiated
      model.py, line 1:    global total
                           ^^^^^^^^^^^^
      Return `total` instead.
    >>> print(SrcdiffError("nothing to differentiate"))
    nothing to differentiate
    """

    def __init__(self, what: str, where: Location | None = None, instead: str = "") -> None:
        super().__init__(what, where, instead)
        self.what = what
        self.where = where
        self.instead = instead
        # now, and pickled along: the file may have changed, or be out of reach, when it is read
        self._quoted = "" if where is None else where.quoted()

    def __str__(self) -> str:
        below = [indent(part, "  ") for part in (self._quoted, self.instead) if part]
        return "\n".join([self.what, *below])


class UnsupportedSyntaxError(SrcdiffError):
    """The function holds what neither the compiler nor the tape can take, or has no source."""


class ComplexPowerError(UnsupportedSyntaxError):
    """A power of Python's floats is complex, in a program that was compiled for real numbers."""


class NoRuleError(SrcdiffError):
    """A function on the way from input to output has neither a rule nor source."""


class RuleError(SrcdiffError):
    """A derivative rule takes or returns what does not fit the function: it is named."""


class NonScalarOutputError(SrcdiffError, TypeError):
    """`grad` was given a function whose output is not one real number: it has more than one
    element, is complex, or is a bool."""


class UnknownArgumentError(SrcdiffError, ValueError):
    """`wrt` names what the function does not have."""


class NotDifferentiableTypeError(SrcdiffError, TypeError):
    """What is to be differentiated has no derivatives: integers, bools, strings."""


class FallbackWarning(UserWarning):
    """The compiler cannot take the function, so the tape differentiates it: slower, as exact."""
