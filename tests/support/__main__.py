"""Prints docs/support.md."""

from tests.support import page

print(page(), end="")
