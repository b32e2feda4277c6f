"""Tests; `pythonpath` in pyproject.toml makes this folder the package `tests`."""
