"""The fuzzer's grammar: random NumPy programs as text (module.py)."""

from tests.grammar.module import FEATURES, MUTATION, program, tidy

__all__ = ["FEATURES", "MUTATION", "program", "tidy"]
