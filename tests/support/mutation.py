"""Mutation."""
