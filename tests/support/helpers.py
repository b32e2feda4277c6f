"""Helpers and rebinding."""
