"""The numbers of trees as one long vector, for tables of derivatives.

    trees = ({"w": array of shape (2,), "n": 3}, 1.0)       a vector of 3: w, w, the last
    matrix of shape (k, 3)   →   ({"w": shape (k, 2), "n": None}, shape (k,))

A Jacobian is a matrix: a row for each number of the output, a column for each of the arguments.
What makes it is given rows of numbers (seeds) and gives rows of numbers (products); here they
become trees, in which every leaf has a leading axis, and come back. At the end the matrix is taken
apart into a table, which has the structure of the output and at each leaf that of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from srcdiff.trees import children, is_float, is_number, leaves, rebuild


class Leaf(NamedTuple):
    """Where the numbers of a leaf lie."""

    places: slice
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Coordinates:
    """The floats in a tree, counted from left to right.

    size      how many there are
    found     way to a leaf → where its numbers lie
    fixed     way to a leaf that does not move: to ints and bools, which count if that is said

    >>> Coordinates((1.0, 2)).size, Coordinates((1.0, 2), ints=True).size
    (1, 2)
    """

    def __init__(self, tree: Any, ints: bool = False) -> None:
        self.tree = tree
        self.size = 0
        self.found: dict[tuple[Any, ...], Leaf] = {}
        self.fixed: set[tuple[Any, ...]] = set()
        for path, leaf in leaves(tree):
            if is_float(leaf) or ints and is_number(leaf):
                end = self.size + np.size(leaf)
                dtype = np.asarray(leaf).dtype
                self.found[path] = Leaf(slice(self.size, end), np.shape(leaf), dtype)
                self.size = end
                if dtype.kind not in "fc":
                    self.fixed.add(path)
        if self.fixed:
            floats = [leaf.dtype for leaf in self.found.values() if leaf.dtype.kind in "fc"]
            dtype = np.result_type(*floats) if floats else np.dtype(float)
            for path in self.fixed:
                self.found[path] = self.found[path]._replace(dtype=dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """A dtype that holds every leaf."""
        return np.result_type(*(leaf.dtype for leaf in self.found.values()), np.float16)

    def moving_places(self, kinds: str = "fc") -> np.ndarray:
        """The places of what moves: of floats and complex numbers, or of one of these kinds."""
        of = [np.arange(leaf.places.start, leaf.places.stop)
              for path, leaf in self.found.items()
              if leaf.dtype.kind in kinds and path not in self.fixed]  # fmt: skip
        return np.concatenate(of) if of else np.zeros(0, int)

    def trees(self, rows: np.ndarray) -> Any:
        """A tree like this one, each float of which has the numbers of all rows.

        >>> Coordinates({"w": np.ones(2), "n": 3}).trees(np.eye(2))
        {'w': array([[1., 0.],
               [0., 1.]]), 'n': None}
        """

        def of(path: tuple[Any, ...], leaf: Any) -> Any:
            at = self.found.get(path)
            if at is None or path in self.fixed:
                return None
            return cast_to(rows[:, at.places].reshape(len(rows), *at.shape), at.dtype)

        return built(self.tree, (), of)

    def rows(self, tree: Any, count: int) -> np.ndarray:
        """The numbers of a tree whose leaves have a leading axis; None is zeros.

        A leaf without that axis is the same in all rows. Raises LookupError for numbers that have
        no place in the vector.

        >>> Coordinates((1.0, np.ones(2))).rows((np.array([3.0]), None), 1)
        array([[3., 0., 0.]])
        """
        given = {
            path: np.asarray(leaf) for path, leaf in leaves(tree)
            if leaf is not None and path not in self.fixed
        }  # fmt: skip
        if not given.keys() <= self.found.keys():
            raise LookupError("these numbers have no place in the vector")
        for path, leaf in given.items():
            if leaf.ndim == len(self.found[path].shape):
                given[path] = np.broadcast_to(leaf, (count, *leaf.shape))
        if len(self.found) == 1 and self.found.keys() <= given.keys():
            return given[next(iter(self.found))].reshape(count, -1)
        made = np.zeros((count, self.size), self.dtype)
        for path, at in self.found.items():
            if path in given:
                made[:, at.places] = given[path].reshape(count, -1)
        return made


    def one(self, row: np.ndarray) -> Any:
        """A tree like this one with the numbers of one row."""
        return built(self.trees(row[None]), (), lambda _, x: x if x is None else x[0])

    def row(self, tree: Any) -> np.ndarray:
        """The numbers of a tree like this one; None is zero."""
        one = built(tree, (), lambda _, x: x if x is None else np.asarray(x)[None])
        return self.rows(one, 1)[0]


def table(matrix: np.ndarray, rows: Coordinates, columns: Coordinates, single: bool) -> Any:
    """The matrix in the structure of what its rows belong to, at each leaf that of its columns.

    single   the tree of the columns is a tuple of one, which is left out

    >>> rows, columns = Coordinates([1.0, None]), Coordinates((np.ones(2),))
    >>> table(np.array([[3.0, 4.0]]), rows, columns, True)
    [array([3., 4.]), None]
    """

    def of_row(path: tuple[Any, ...], leaf: Any) -> Any:
        row = rows.found.get(path)
        if row is None:
            return None

        def of_column(path: tuple[Any, ...], leaf: Any) -> Any:
            column = columns.found.get(path)
            if column is None:
                return None
            block = matrix[row.places, column.places].reshape(row.shape + column.shape)
            block = cast_to(block, row.dtype, copy=True)
            return block if block.shape else block[()]

        parts = built(columns.tree, (), of_column)
        return parts[0] if single else parts

    return built(rows.tree, (), of_row)


def cast_to(x: np.ndarray, dtype: np.dtype[Any], copy: bool = False) -> np.ndarray:
    """An array in a dtype, the real part of complex numbers where that is real."""
    return (x if dtype.kind == "c" else x.real).astype(dtype, copy=copy)


def built(
    tree: Any, path: tuple[Any, ...], make: Callable[[tuple[Any, ...], Any], Any]
) -> Any:
    """A tree with `make(way, leaf)` at each leaf."""
    inner = children(tree)
    if inner is None:
        return make(path, tree)
    return rebuild(tree, [built(part, (*path, step), make) for step, part in inner])
