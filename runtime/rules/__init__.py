"""The derivative rules of NumPy, `math`, `cmath` and Python's own functions."""

from srcdiff.runtime.rules import (
    batching,
    builtins,
    complex_numbers,
    decompositions,
    elementwise,
    fft,
    grids,
    linalg,
    reductions,
    selecting,
    shapes,
    ufunc_methods,
)

__all__ = [
    "batching",
    "builtins",
    "complex_numbers",
    "decompositions",
    "elementwise",
    "fft",
    "grids",
    "linalg",
    "reductions",
    "selecting",
    "shapes",
    "ufunc_methods",
]
