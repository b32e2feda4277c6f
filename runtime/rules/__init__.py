"""The derivative rules of NumPy, `math` and Python's own functions."""

from srcdiff.runtime.rules import builtins, elementwise, linalg, reductions, shapes

__all__ = ["builtins", "elementwise", "linalg", "reductions", "shapes"]
