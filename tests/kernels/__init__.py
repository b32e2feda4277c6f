"""Whole numerical programs, as one writes them in NumPy, each compiled and judged.

    @kernel(some(4, 3), some(3), wrt=(0, 1))        its arguments, and what it is differentiated by
    def atax(A, x): …

A module holds a family. Every program is judged with `fallback="error"` (tests/test_kernels.py).
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple


class Kernel(NamedTuple):
    family: str
    f: Callable
    args: tuple
    wrt: Any

    @property
    def name(self) -> str:
        return f"{self.family}.{self.f.__name__}"


KERNELS: list[Kernel] = []


def kernel(*args: Any, wrt: Any = 0) -> Callable[[Callable], Callable]:
    def note(f: Callable) -> Callable:
        KERNELS.append(Kernel(f.__module__.rpartition(".")[2], f, args, wrt))
        return f

    return note


def kernels() -> list[Kernel]:
    """All of them, in the order of the files."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return KERNELS
