"""What compiles: each line of docs/support.md is a function here that proves it.

    @line("`while True` left by `break`", some(3))        a program, its arguments, what it shows
    def while_true(x): …

    python -m tests.support > docs/support.md             writes the page anew

A section is a module of this folder; the first line of its docstring is its heading. Every program
is judged with `fallback="error"` (tests/test_support.py): value and gradient, at its arguments.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple


class Line(NamedTuple):
    """A program that compiles. `wrt` is what it is differentiated by."""

    section: str
    title: str
    f: Callable
    args: tuple
    wrt: Any


LINES: list[Line] = []


def line(title: str, *args: Any, wrt: Any = 0) -> Callable[[Callable], Callable]:
    """The decorator: `title` is what the page says, in Markdown."""

    def note(f: Callable) -> Callable:
        LINES.append(Line(f.__module__, title, f, args, wrt))
        return f

    return note


def sections() -> dict[str, list[Line]]:
    """Heading → lines, in the order of the files."""
    found: dict[str, list[Line]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name != "__main__":
            home = importlib.import_module(f"{__name__}.{module.name}")
            heading = (home.__doc__ or module.name).splitlines()[0].rstrip(".")
            found[heading] = [each for each in LINES if each.section == home.__name__]
    return found


def page() -> str:
    """The text of docs/support.md."""
    parts = [
        "# What compiles\n",
        'Everything on this page compiles (`fallback="error"`), and its gradient is checked against'
        " differences by the\ntest that is named. The page is made from these tests:"
        " `python -m tests.support > docs/support.md`.\n",
    ]
    for heading, lines in sections().items():
        parts.append(f"\n## {heading}\n\n| what | test |\n|---|---|")
        for each in lines:
            title, file = each.title.replace("|", r"\|"), each.section.rpartition(".")[2]
            parts.append(f"| {title} | `{file}.{each.f.__name__}` |")
    return "\n".join(parts) + "\n"
