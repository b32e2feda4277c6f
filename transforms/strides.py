"""How the axes of a view lie in the memory of its buffer, and what a reshape of it must copy.

    m = np.zeros((3, 4))      axes 0, 1
    m.T                       axes 1, 0: a flat reshape is a copy, for 1 does not follow after 0
    m[::-1]                   axes 0 (backwards), 1: a copy
    m[:, 1:]                  axes 0, 1 (a part): a copy

That holds of axes that are not of length one; one that may be decides nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from srcdiff.transforms import abstract
from srcdiff.transforms.ir import Slice, Value, map_tree
from srcdiff.transforms.kinds import Dim, Kind, Size, proven_not_one, proven_one

# Views that permute axes, turn them round or add axes of length one.
PERMUTING = frozenset({
    np.transpose, np.permute_dims, np.matrix_transpose, np.swapaxes, np.moveaxis, np.expand_dims,
    np.flip, np.fliplr, np.flipud, np.rot90, np.atleast_1d, np.atleast_2d, np.atleast_3d,
})  # fmt: skip


class Axis(NamedTuple):
    """An axis of a view.

    dim    its length
    place  the axis of the buffer along which it runs; None for one of length one
    back   whether it runs backwards
    step   over how many elements it goes; 0 if that is not known
    part   whether it surely leaves out some of them
    whole  whether it surely leaves out none
    """

    dim: Dim
    place: int | None
    back: bool = False
    step: int = 1
    part: bool = False
    whole: bool = True


class Layout(NamedTuple):
    """The axes of a view, and the lengths of its buffer's axes.

    halves   whether each element is half of one of the buffer's, which are complex numbers
    """

    axes: tuple[Axis, ...]
    dims: tuple[Dim, ...]
    halves: bool = False


def layout(kind: Kind, path: tuple, order: str = "C") -> Layout | None:
    """The layout of a view of a buffer in C or Fortran order, if the path is one that can be
    followed. Of a buffer in Fortran order it is what it would be of its transpose."""
    if kind.shape is None:
        return None
    found: Layout | None = plain(kind)
    if order == "F":
        last = len(kind.shape) - 1
        axes = tuple(a._replace(place=None if a.place is None else last - a.place)
                     for a in plain(kind).axes)  # fmt: skip
        found = Layout(axes, kind.shape[::-1])
    for op, *args in path:
        after = abstract.infer(op, (kind, *map_tree(lambda v: v.kind, tuple(args))), {})
        if found is None or after is None or after.shape is None:
            return None
        if op == "getitem":
            found = of_item(found, args[0], after)
        elif op in PERMUTING:
            found = of_permutation(found, op, args, after)
        elif op in (np.reshape, np.ravel) and found.axes == plain(kind).axes:
            found = plain(after)._replace(halves=found.halves)
        elif op in (np.real, np.imag) and kind.dtype is not None and kind.dtype.kind == "c":
            found = found._replace(halves=True)
        else:
            return None
        kind = after
    return found


def plain(kind: Kind) -> Layout:
    assert kind.shape is not None
    axes = tuple(Axis(d, None if proven_one(d) else i) for i, d in enumerate(kind.shape))
    return Layout(axes, kind.shape)


def of_item(found: Layout, key: Any, after: Kind) -> Layout | None:
    """The layout of `view[key]` for a key of ints, slices, None and an ellipsis."""
    parts = key if type(key) is tuple else (key,)
    if parts.count(...) > 1 if all(not isinstance(p, Value) for p in parts) else False:
        return None
    taken = sum(part is not None and part is not ... for part in parts)
    rest = [Slice()] * (len(found.axes) - taken)
    at = next((i for i, part in enumerate(parts) if part is ...), None)
    full = [*parts, *rest] if at is None else [*parts[:at], *rest, *parts[at + 1 :]]
    axes, before, dims = [], list(found.axes), list(after.shape or ())
    for part in full:
        if part is None:
            axes.append(Axis(dims.pop(0), None))
            continue
        if not before:
            return None
        axis = before.pop(0)
        if isinstance(part, Slice):
            if not dims:
                return None
            axes.append(of_slice(axis, part, dims.pop(0)))
        elif not (type(part) is int or isinstance(part, Value) and part.kind.tag == "scalar"):
            return None
    return None if dims or before else found._replace(axes=tuple(axes))


def of_slice(axis: Axis, part: Slice, dim: Dim) -> Axis:
    step = 1 if part.step is None else part.step
    if type(step) is not int or step == 0:
        return axis._replace(dim=dim, step=0, part=False, whole=False)
    back = axis.back != (step < 0)
    if part.start is None and part.stop is None and abs(step) == 1:
        return axis._replace(back=back)
    return axis._replace(
        dim=dim, back=back, step=axis.step * abs(step), whole=False,
        part=axis.part or is_shorter(dim, axis.dim) and abs(step) == 1,
    )  # fmt: skip


def is_shorter(dim: Dim, than: Dim) -> bool:
    """Whether one length is proven to be less than another that is not 0."""
    if isinstance(dim, int) and isinstance(than, int):
        return dim < than
    return isinstance(dim, Size) and isinstance(than, Size) and dim.base == than.base \
        and dim.minus > than.minus  # fmt: skip


def of_permutation(found: Layout, op: Any, args: list, after: Kind) -> Layout | None:
    probe = np.empty((2,) * len(found.axes), np.int8)
    moved = probed(probe, op, args)
    if moved is None:
        return None
    places = {stride: axis for stride, axis in zip(probe.strides, found.axes)}
    axes = []
    for n, stride, dim in zip(moved.shape, moved.strides, after.shape or ()):
        axis = Axis(dim, None) if n == 1 else places[abs(stride)]
        axes.append(axis._replace(back=axis.back != (stride < 0)) if n > 1 else axis)
    return found._replace(axes=tuple(axes))


def probed(probe: np.ndarray, op: Any, args: list) -> np.ndarray | None:
    try:
        return op(probe, *args) if op in PERMUTING else None
    except (TypeError, ValueError):
        return None


def permutation(op: Any, args: list, rank: int) -> list[int] | None:
    """Which axis of an array each axis of a view of it is, if that is all that it does.

    >>> permutation(np.swapaxes, [0, 2], 3), permutation(np.flip, [], 2)
    ([2, 1, 0], None)
    """
    probe = np.empty((2,) * rank, np.int8)
    moved = probed(probe, op, args)
    if moved is None or moved.ndim != rank or any(s not in probe.strides for s in moved.strides):
        return None
    return [probe.strides.index(stride) for stride in moved.strides]


def is_sorted(view: Layout) -> bool:
    """Whether no axis goes over less memory than one after it, axes of length one left out."""
    places = [axis.place for axis in view.axes if axis.place is not None]
    return all(a < b for a, b in zip(places, places[1:]))


def is_reversed(view: Layout) -> bool:
    """Whether there are several axes, none of length one, and each goes over less memory than the
    one after it."""
    places = [axis.place for axis in view.axes if proven_not_one(axis.dim)]
    return len(view.axes) > 1 and len(places) == len(view.axes) and None not in places \
        and all(a > b for a, b in zip(places, places[1:]))  # type: ignore[operator]  # fmt: skip


def is_scattered(view: Layout) -> bool:
    """Whether a flat reshape of a view surely copies it (or there is nothing in it)."""
    axes = [axis for axis in view.axes if not proven_one(axis.dim)]
    return any(
        proven_not_one(a.dim) and proven_not_one(b.dim) and apart(a, b, view.dims)
        for a, b in zip(axes, axes[1:])
    )


def apart(a: Axis, b: Axis, dims: tuple[Dim, ...]) -> bool:
    """Whether one step along a is proven not to be all the way along b, the axis after it."""
    if a.place is None or b.place is None:
        return False
    if a.back != b.back:
        return True
    if a.place > b.place:
        return bool(a.step)  # less than an axis that b is further out than
    if a.place == b.place or b.step != 1:
        return False
    return b.part or any(proven_not_one(d) for d in dims[a.place + 1 : b.place])


def has_gaps(view: Layout) -> bool:
    """Whether a view of a buffer without gaps is surely not in one piece in C order."""
    axes = [axis for axis in view.axes if not proven_one(axis.dim)]
    if not axes or is_scattered(view):
        return bool(axes)
    if view.halves and any(proven_not_one(axis.dim) for axis in axes):
        return True
    last = axes[-1]
    if last.place is None or not proven_not_one(last.dim):
        return False
    inner = view.dims[last.place + 1 :]
    return last.back or last.step > 1 or any(map(proven_not_one, inner))
