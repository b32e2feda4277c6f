"""Sparse Jacobians: a few products give all entries, where most are known to be zero.

    pattern            colours of columns      product with [1, 0, 1]      entries
    x x .              0 1 0              →    [a, c, e]              →    a b .
    . x x                                      product with [0, 1, 0]      . d c
    . . x                                      [b, d, 0]                   . . e

Columns that share no row are summed in one product (`colours`), and taken apart again by the
pattern. That comes from the user, or from the dependences of the program (`Pattern`). Whether it
has every entry is seen from a product with a random vector, which the matrix must give, too.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from srcdiff.coordinates import Coordinates
from srcdiff.runtime.errors import SrcdiffError
from srcdiff.runtime.modes import is_training
from srcdiff.signature import apart
from srcdiff.trees import children, is_float, is_number, is_object, leaves, private, step_into

LARGEST = 2**26  # entries of a pattern that is found


class Colouring(NamedTuple):
    """Lines of a pattern in groups that share no crossing line.

    by        "columns" or "rows"
    of        the group of each line
    number    of groups
    """

    by: str
    of: np.ndarray
    number: int

    def seeds(self, dtype: Any) -> np.ndarray:
        """For each group the sum of its unit vectors, and last a random vector to compare with."""
        made = np.zeros((self.number + 1, len(self.of)), dtype)
        made[self.of, np.arange(len(self.of))] = 1
        made[-1] = np.random.default_rng(0).uniform(0.5, 1.5, len(self.of))
        return made


def sparse() -> Any:
    """The module `scipy.sparse`."""
    try:
        import scipy.sparse
    except ImportError as error:
        raise SrcdiffError(
            "sparse derivatives need SciPy", instead="`pip install scipy`, or leave `sparsity` out."
        ) from error
    return scipy.sparse


def as_pattern(given: Any) -> Any:
    """A pattern as a `csr_array` of bools, sorted and without repeats.

    >>> as_pattern([[1, 0, 2], [0, 0, 1]]).indices.tolist()
    [0, 2, 2]
    """
    module = sparse()
    if module.issparse(given):
        given = module.csr_array(given, copy=True)
        given.data = np.ones(len(given.data), bool)  # an entry that is zero now may not be later
    else:
        given = np.asarray(given)
        if given.ndim != 2 or given.dtype.kind not in "biuf":
            raise TypeError(
                'sparsity must be a matrix of numbers or bools, dense or of scipy.sparse, or "auto"'
            )
        given = module.csr_array(given != 0)
    given.sum_duplicates()
    given.sort_indices()
    return given


def colours(pattern: Any) -> np.ndarray:
    """A group for each column, such that no two of a group have an entry in the same row.

    Greedy, in the order of the columns and from the fullest on; the better one of both.

    >>> colours(as_pattern([[1, 1, 0], [0, 1, 1], [0, 0, 1]])).tolist()
    [0, 1, 0]
    """
    columns = pattern.tocsc()
    sizes = np.diff(columns.indptr)
    orders = np.arange(len(sizes)), np.argsort(-sizes, kind="stable")
    found = [greedy(pattern, columns, order) for order in orders]
    return min(found, key=lambda of: of.max(initial=-1))


def greedy(rows: Any, columns: Any, order: np.ndarray) -> np.ndarray:
    of = np.full(len(order), -1)
    taken: list[set[int]] = [set() for _ in range(rows.shape[0])]  # the groups in each row
    for column in order:
        crossed = columns.indices[columns.indptr[column] : columns.indptr[column + 1]].tolist()
        group = 0
        while any(group in taken[row] for row in crossed):
            group += 1
        for row in crossed:
            taken[row].add(group)
        of[column] = group
    return of


def colouring(pattern: Any, mode: str) -> Colouring:
    """The groups of columns for "forward" mode, of rows for "reverse", of whichever are fewer."""
    found = []
    if mode != "reverse":
        of = colours(pattern)
        found.append(Colouring("columns", of, int(of.max(initial=-1)) + 1))
    if mode != "forward":
        of = colours(pattern.T.tocsr())
        found.append(Colouring("rows", of, int(of.max(initial=-1)) + 1))
    return min(found, key=lambda each: each.number)


def with_colours(pattern: Any, mode: str) -> tuple[Any, Colouring]:
    """A pattern and its colouring; a "symmetric" one gets the entries that mirror others, too."""
    if mode == "symmetric":
        pattern = as_pattern(pattern.astype(np.int8) + pattern.T.astype(np.int8))
        mode = "forward"
    return pattern, colouring(pattern, mode)


def entries(pattern: Any, groups: Colouring, products: np.ndarray) -> Any:
    """The sparse matrix of products with the seeds of a colouring."""
    column = pattern.indices
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    line, crossing = (column, row) if groups.by == "columns" else (row, column)
    data = products[groups.of[line], crossing]
    return sparse().csr_array((data, column.copy(), pattern.indptr.copy()), shape=pattern.shape)


def missing(
    matrix: Any, groups: Colouring, seeds: np.ndarray, products: np.ndarray, found: bool = False
) -> np.ndarray:
    """The places where a product with the matrix is not what it must be.

    A place with all entries lacks none: what differs there is rounding. Of a pattern that was found
    from the program, what is rounding beside the largest of all products is taken for that, too.
    """
    turned = matrix if groups.by == "columns" else matrix.T
    vector, due = seeds[-1], products[-1]
    with np.errstate(all="ignore"):
        error = np.abs(turned @ vector - due)
        size = abs(turned) @ np.abs(vector) + np.abs(due)
    eps = np.finfo(products.dtype).eps
    bound = np.sqrt(eps) * size
    if found and np.isfinite(size).all():
        bound += 100 * eps * np.max(size, initial=0.0)
    whole = np.diff(turned.tocsr().indptr) == turned.shape[1]
    return np.flatnonzero((error > bound) & ~whole)  # a nan is none: it is everywhere in its row


def dependences(table: Any, args: tuple, named: dict, columns: Coordinates, value: Any) -> Any:
    """The pattern of a table's Jacobian, from the program: every entry that can be another than
    zero for arguments of these shapes.

    table     a `Table` of derivatives of the function
    value     what the function returns
    """
    from srcdiff.transforms import Request, linear
    from srcdiff.transforms.dependence import Seen, argument, dependence, inputs

    callee = table._parsed_callee()
    full, kwargs = table._complete(args, named)
    arguments = callee.bind(full, kwargs)
    entries = callee.entries(table._each_wrt, full, kwargs)
    if any(entry[0] != "argument" for entry in entries):
        raise SrcdiffError(
            "a pattern is found by arguments alone", callee.where(),
            "Give the pattern, `sparsity=pattern`, or make it an argument.",
        )  # fmt: skip
    arguments, _ = callee.checked(entries, arguments)
    request = Request(
        callee.parsed, apart(arguments), (), has_aux=table._has_aux, unroll=table._unroll,
        training=is_training(), is_object=is_object,
    )  # fmt: skip
    block, leaf_of = linear(request)
    first: dict[tuple, int] = {}  # way to a number or array → the place of its first number
    for k, entry in enumerate(entries):
        for way, leaf in columns.found.items():
            if way[0] == k:
                first[*entry[1:], *way[1:]] = leaf.places.start

    def seen(path: tuple, obj: Any) -> Any:
        if path in first:
            return inputs(obj, first[path])
        if type(obj) in (list, tuple):
            return type(obj)([seen((*path, i), x) for i, x in enumerate(obj)])
        return argument(obj)

    given: dict[Any, Any] = {}
    for path, v in leaf_of.items():
        found = seen(path, functools.reduce(step_into, path[1:], arguments[path[0]]))
        if v in given and isinstance(found, Seen):  # one array is passed twice
            found = Seen(found.value, found.each() | given[v].each())
        given[v] = found
    (returned,) = dependence(block, given)
    rows: list[frozenset[int]] = []
    list_rows(value, returned, rows)
    ends = np.cumsum([0, *map(len, rows)])
    if ends[-1] > LARGEST:
        raise SrcdiffError(
            f"the Jacobian of `{table.__name__}` may have {ends[-1]} entries, as far as the program"
            " could be followed",
            callee.where(),
            "Give its pattern: `sparsity=pattern`.",
        )
    places = np.fromiter((i for row in rows for i in sorted(row)), np.intp, ends[-1])
    return sparse().csr_array(
        (np.ones(len(places), bool), places, ends), shape=(len(rows), columns.size)
    )


def list_rows(value: Any, seen: Any, rows: list[frozenset[int]]) -> None:
    """Append, for each float in a value, on what it depends."""
    inner = children(value)
    if inner is not None:
        parts: Any = seen
        if isinstance(seen, dict) and type(value) is dict and seen.keys() == value.keys():
            parts = [seen[key] for key in value]
        if not isinstance(parts, list | tuple) or len(parts) != len(inner):
            parts = [whole_of(seen)] * len(inner)
        for (_, child), part in zip(inner, parts):
            list_rows(child, part, rows)
    elif is_float(value):
        of = getattr(seen, "sets", None)
        if isinstance(of, np.ndarray) and of.shape == np.shape(value):
            rows += of.ravel().tolist()
        else:
            rows += [whole_of(seen).whole()] * np.size(value)
    elif is_number(value):  # an int does not move
        rows += [frozenset()] * np.size(value)


def whole_of(seen: Any) -> Any:
    """What is known of a whole: all that its parts depend on."""
    from srcdiff.transforms.dependence import UNKNOWN, Seen, everything

    return Seen(UNKNOWN, everything(seen))


def described(args: tuple, wanted: list) -> list[tuple[Any, ...]]:
    """What a pattern holds for: shapes of what is wanted, and what is beside it, save numbers."""
    found: list[tuple[Any, ...]] = []
    for path, leaf in leaves(args):
        inside = any(
            path[0] >= place.start if isinstance(place, slice)
            else path[: 1 + len(steps)] == (place, *steps)
            for place, steps, _ in wanted
        )  # fmt: skip
        if is_float(leaf) and (inside or not np.ndim(leaf)):
            found.append((path, type(leaf), (np.shape(leaf), order_of(leaf))))
        else:
            found.append((path, type(leaf), leaf))
    return found


def order_of(x: Any) -> tuple[bool, ...]:
    """The memory order of an array, which decides what a reshape of it is."""
    return (x.flags.c_contiguous, x.flags.f_contiguous) if isinstance(x, np.ndarray) else ()


def alike(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    """
    >>> x, y = np.ones(2), np.zeros(2)
    >>> one, more = described((x, y, 1.0, 3), [(0, (), x)]), described((y, y, 2.0, 3), [(0, (), y)])
    >>> alike(one, more), alike(one, described((x, x, 1.0, 3), [(0, (), x)]))
    (True, False)
    """
    return len(one) == len(other) and all(
        a[:2] == b[:2]
        and (
            a[2] is b[2]
            or (
                np.array_equal(a[2], b[2])
                if isinstance(a[2], np.ndarray)
                else isinstance(a[2], int | str | tuple | bytes | np.generic) and a[2] == b[2]
            )
        )
        for a, b in zip(one, other)
    )


class Detected:
    """Patterns that were found, their groups, and for what arguments they hold."""

    def __init__(self) -> None:
        self.found: list[tuple[list, Any, Colouring]] = []
        self.new = False  # whether the last one was found for this call

    def of(self, args: tuple, wanted: list, named: dict, make: Any) -> tuple[Any, Colouring]:
        """Those for a call; `make()` finds them if they are not there yet."""
        now = [*described(args, wanted), *described((named,), [])]
        for held, pattern, groups in self.found:
            if alike(held, now):
                self.new = False
                return pattern, groups
        self.new = True
        pattern, groups = make()
        now = [(path, kind, *private((what,))) for path, kind, what in now]
        self.found = [(now, pattern, groups), *self.found[:7]]
        return pattern, groups

    def forget(self) -> bool:
        """Forget them all, and whether that may help: the last one was not new."""
        self.found.clear()
        return not self.new
