"""Arrays of the fallback: stores, views and aliases mean what they mean in NumPy.

    out = np.zeros(n)           a Place: memory without a history
    row = out[2:]               another Tracked array of the same Place
    row[0] = 2 * x              the Place's node is now a Store; out sees it, as the memory does

A `Tracked` array is a window (address, shape, strides) on the memory of a `Place`, which knows the
node of its present version. Whoever reads after a store reads the new version. In the reverse sweep
the gradient of a version is an array laid out like the memory, so that the same window finds in it
what belongs to the array; going back over a store takes what was stored out of it and puts zeros
there. What a rule reads of memory that was written since is put back for it (see `tape.Memory`).
"""

# mypy: no-check-untyped-defs
# mypy: disable-error-code="assignment, attr-defined, misc, override"
# mypy: disable-error-code="union-attr, arg-type, return-value"

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.runtime.registry import RULES
from srcdiff.runtime.tape import (
    BINARY,
    LOGICAL,
    OWN,
    Array,
    Item,
    Memory,
    Node,
    Operation,
    Part,
    Sweep,
    Version,
    apply,
    caller,
    lost,
    name_of,
    no_rule,
    plain,
)  # fmt: skip

ndarray = np.ndarray


class Place(Memory):
    """The memory of one array and of all its views.

    whole   the array that spans it
    node    of its present version; None while nothing in it has a history
    kept    who else holds it, and would not see that it has a history
    shared  why nobody may write to it: there is a copy for what is the same memory in NumPy
    """

    __slots__ = ("whole", "owner", "node", "kept", "shared", "written")

    def __init__(self, whole: np.ndarray, node: Node | None = None) -> None:
        Memory.__init__(self)
        self.whole, self.node = whole, node
        self.owner = owner(whole)
        self.kept = self.shared = ""
        self.written = False

    def will_write(self, array: np.ndarray, key: Any) -> None:
        if self.shared:
            raise UnsupportedSyntaxError(self.shared, caller(), "Write to a copy (`np.copy`).")
        self.written = True
        Memory.will_write(self, array, key)


def owner(x: np.ndarray) -> np.ndarray:
    """The array that owns the memory of x.

    >>> x = np.zeros((2, 3))
    >>> owner(x.T[1:]) is x
    True
    """
    while True:
        base = x.base
        if not isinstance(base, ndarray):
            base = getattr(base, "base", None)  # of `as_strided`
            if not isinstance(base, ndarray):
                return x
        x = base


def address(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]


# ----------------------------------------------------------------------------------------- nodes


class Read(Node):
    """What a window shows of a version of some memory."""

    __slots__ = ()

    def pull(self, d: Any, sweep: Sweep) -> None:
        (base,) = self.parents
        total = laid_out(base, sweep)
        target = window(total, base.out, self.out)
        d = sweep.real(d, target)
        if overlaps(target):
            add_overlapping(target, d)
        else:
            target += d


class Gather(Item):
    """`x[key]` with arrays in the key."""

    __slots__ = ("versions",)

    def __init__(self, base: Node, key: Any, out: Any, versions: tuple[Version, ...]) -> None:
        Item.__init__(self, base, key, out)
        self.versions = versions

    def pull(self, d: Any, sweep: Sweep) -> None:
        bring_back(self.versions, sweep)
        Item.pull(self, d, sweep)


class Store(Node):
    """The version of a memory after `view[key] = value`.

    parents   the version before, if it has a history, and the value, if it has one
    """

    __slots__ = ("view", "key", "versions", "before", "value")

    def __init__(
        self, whole: np.ndarray, view: np.ndarray, key: Any, versions: tuple[Version, ...],
        before: Node | None, value: Node | None,
    ) -> None:  # fmt: skip
        parents = tuple(node for node in (before, value) if node is not None)
        Node.__init__(self, parents, whole)
        self.view, self.key, self.versions = view, key, versions
        self.before, self.value = before, value

    def free(self) -> None:
        Node.free(self)
        self.view = self.key = self.before = self.value = None
        self.versions = ()

    def pull(self, d: Any, sweep: Sweep) -> None:
        bring_back(self.versions, sweep)
        sweep.adjoints[self] = d
        total = laid_out(self, sweep)
        del sweep.adjoints[self]
        sweep.owned.discard(self)
        part = window(total, self.out, self.view)
        if self.value is not None:
            stored = np.array(part[self.key])
            if has_integer_arrays(self.key):  # of elements stored twice, the last one has stayed
                stored = stored * kernels.written_last(self.key, part.shape)
            sweep.add(self.value, stored[()])
        if self.before is not None:
            part[self.key] = 0
            if self.before in sweep.adjoints:
                sweep.add(self.before, total)
            else:
                sweep.adjoints[self.before] = total
                sweep.owned.add(self.before)


def bring_back(versions: tuple[Version, ...], sweep: Sweep) -> None:
    for version in versions:
        if version.next is not None:
            sweep.restore(version)


def has_integer_arrays(key: Any) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return any(
        isinstance(part, list) or (isinstance(part, ndarray) and part.dtype != bool and part.ndim)
        for part in parts
    )


# ------------------------------------------------------------------------- windows on gradients


def laid_out(node: Node, sweep: Sweep) -> np.ndarray:
    """The gradient of a version so far, to be written into, laid out like its memory."""
    whole = node.out
    total = sweep.adjoints.get(node)
    if node in sweep.owned and total.strides == whole.strides and total.base is not None:
        return total
    new = zeros_laid_out(whole)
    if total is not None:
        new[...] = total
    sweep.adjoints[node] = new
    sweep.owned.add(node)
    return new


def zeros_laid_out(x: np.ndarray) -> np.ndarray:
    """Zeros with the shape, dtype and strides of x, as a view of memory that spans them.

    >>> zeros_laid_out(np.arange(6.0)[::-2]).strides
    (-16,)
    """
    reach = [stride * (n - 1) for stride, n in zip(x.strides, x.shape) if n]
    before = -sum(r for r in reach if r < 0)
    memory = np.zeros(before + sum(r for r in reach if r > 0) + x.itemsize, np.uint8)
    return ndarray(x.shape, x.dtype, memory, before, x.strides)


def window(total: np.ndarray, whole: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The part of `total` that lies where `view` lies in `whole`; total is laid out like whole.

    >>> x = np.zeros((2, 3))
    >>> total = zeros_laid_out(x)
    >>> total[:] = [[0, 1, 2], [3, 4, 5]]
    >>> window(total, x, x.T[1:, 0])
    array([1., 2.])
    """
    memory = total.base
    offset = address(total) - address(memory) + address(view) - address(whole)
    return ndarray(view.shape, view.dtype, memory, offset, view.strides)


def overlaps(x: np.ndarray) -> bool:
    """Whether two elements of x may be the same memory.

    >>> overlaps(np.broadcast_to(np.zeros(3), (2, 3))), overlaps(np.zeros((2, 3))[::-1].T)
    (True, False)
    """
    reach = x.itemsize
    for stride, n in sorted(zip(map(abs, x.strides), x.shape)):
        if n > 1:
            if stride < reach:
                return True
            reach = stride * n
    return False


def add_overlapping(target: np.ndarray, d: Any) -> None:
    """`target += d`, where elements of target that are the same memory add up."""
    offsets = np.zeros((), int)
    for stride, n in zip(target.strides, target.shape):
        offsets = offsets[..., None] + stride * np.arange(n)
    low = int(offsets.min(initial=0))
    places = (offsets - low) // target.itemsize
    start = ndarray((int(places.max(initial=0)) + 1,), target.dtype, target.base,
                    address(target) + low - address(target.base))  # fmt: skip
    np.add.at(start, places, d)


# ---------------------------------------------------------------------------------------- arrays


class Taped(Array):
    """What the fallback computes with: arrays and numbers."""

    __slots__ = ()

    def _boxed(self, out: Any, node: Node | None, boxes: list[Array]) -> Any:
        return boxed(out, node, boxes)

    def _view(self, out: Any, boxes: list[Array]) -> Any:
        if type(out) is ndarray:
            place = place_of(out, boxes)
            return None if place is None else Tracked(out, place)
        if isinstance(out, tuple | list) and out and all(type(x) is ndarray for x in out):
            places = [place_of(x, boxes) for x in out]
            if None not in places:
                parts = [Tracked(x, place) for x, place in zip(out, places)]
                return out._make(parts) if hasattr(out, "_make") else type(out)(parts)
        return None

    def _note_shared(self, out: Any, made: Any, boxes: list[Array], function: Any) -> None:
        places = [place_of(x, boxes) for x in parts_of(out) if isinstance(x, ndarray)]
        if any(place is not None for place in places):
            places += [x._memory for x in parts_of(made) if type(x) is Tracked]
        name = name_of(function).rpartition(".")[2]
        for place in places:
            if place is not None:
                place.shared = (
                    f"a store into what shares memory with the result of `{name}`, for which a "
                    "derivative is declared, cannot be followed"
                )

    def __repr__(self) -> str:
        return repr(self._value)

    def __copy__(self) -> Any:
        return np.copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)


def boxed(out: Any, node: Node | None, boxes: list[Array]) -> Any:
    """The result of an operation, as what the fallback computes with."""
    if type(out) is ndarray:
        if out.dtype.kind == "O":
            return out
        place = place_of(out, boxes) if node is None else None
        if place is None:
            place = Place(out, node)
            if type(node) is Operation:
                node.versions = (*node.versions, place.hold())
        return Tracked(out, place)
    if isinstance(out, tuple | list):
        parts = [
            boxed(x, Part(node, i, x) if node is not None and is_inexact(x) else None, boxes)
            for i, x in enumerate(out)
        ]
        if type(node) is Operation:
            results = [x._memory.hold() for x in parts if type(x) is Tracked]
            node.versions = (*node.versions, *results)
        return out._make(parts) if hasattr(out, "_make") else type(out)(parts)
    return out if node is None else Number(out, node)


def parts_of(tree: Any) -> Iterator[Any]:
    """What lists and tuples hold; what is none, alone."""
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from parts_of(part)
    else:
        yield tree


def is_inexact(x: Any) -> bool:
    if isinstance(x, ndarray | np.generic):
        return x.dtype.kind in "fc"
    return isinstance(x, float | complex)


def place_of(out: np.ndarray, boxes: list[Array]) -> Place | None:
    """The place that an array lies in, if it is that of one of the arrays."""
    home = owner(out)
    for box in boxes:
        place = box._memory
        if place is not None and place.owner is home:
            return place
    return None


class Number(Taped):
    """A number with a history. `isinstance(x, float)` is as for the number itself."""

    __slots__ = ()

    __class__ = property(lambda self: type(self._value))


class Tracked(Taped):
    """A window on a place. `isinstance(x, np.ndarray)` is true.

    >>> out = Tracked(np.zeros(3), Place(np.zeros(3)))
    >>> out[1:][0] = 5.0
    >>> out
    array([0., 5., 0.])
    """

    __slots__ = ("_read",)
    __class__ = property(lambda self: ndarray)
    _precedence = 1

    def __init__(self, value: np.ndarray, place: Place) -> None:
        self._value = value
        self._memory = place
        self._read: Read | None = None

    @property
    def _node(self) -> Node | None:
        place = self._memory
        node = place.node
        if node is None or self._value is place.whole:
            return node
        if self._value.dtype.kind not in "fc":
            return None
        read = self._read
        if read is None or read.parents != (node,):
            read = self._read = Read((node,), self._value)
        return read

    def __array_function__(self, func: Any, kinds: Any, args: tuple, kwargs: dict) -> Any:
        writer = WRITERS.get(func)
        if writer is not None:
            return writer(*args, **kwargs)
        out = kwargs.get("out")
        if isinstance(out, Array):
            rest = {k: v for k, v in kwargs.items() if k != "out"}
            return store_result(out, func(*args, **rest), func)
        return Taped.__array_function__(self, func, kinds, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at":
            return ufunc_at(ufunc, *inputs)
        out = kwargs.get("out")
        if out is not None and len(out) == 1 and isinstance(out[0], Tracked):
            rest = {k: v for k, v in kwargs.items() if k != "out"}
            where = rest.pop("where", True)
            call = ufunc if method == "__call__" else getattr(ufunc, method)
            if where is True:
                return store_result(out[0], call(*inputs, **rest), ufunc)
            if method == "__call__":
                mask = np.broadcast_to(plain(where), out[0].shape)
                chosen = [np.broadcast_to(x, mask.shape)[mask] for x in inputs]
                out[0][mask] = ufunc(*chosen, **rest)
                return out[0]
        if out is not None and len(out) > 1 and method == "__call__" and len(kwargs) == 1:
            results = ufunc(*inputs)
            return tuple(r if to is None else store_result(to, r, ufunc)
                         for r, to in zip(results, out) if to is None or isinstance(to, Tracked))
        return Taped.__array_ufunc__(self, ufunc, method, *inputs, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        bare = plain(key)
        out = self._value[bare]
        if type(out) is ndarray and owner(out) is self._memory.owner:
            return Tracked(out, self._memory)
        node = self._node
        if node is None or not is_inexact(out):
            return boxed(out, None, [])
        return boxed(out, Gather(node, bare, out, held(key)), [])

    def __setitem__(self, key: Any, value: Any) -> None:
        place, view, bare = self._memory, self._value, plain(key)
        if isinstance(value, list | tuple):
            value = apply(np.array, (value,))
        place.will_write(view, bare)
        new = plain(value)
        if isinstance(value, Tracked) and value._memory is place and view.ndim and new.ndim:
            self._store_overlapping(bare, new)
        else:
            view[bare] = new
        if view.dtype.kind in "OV" and isinstance(value, Array) and value._node is not None:
            raise lost("a store into an array of objects or records", "Use arrays of numbers.")
        if view.dtype.kind not in "fc":
            return
        node = value._node if isinstance(value, Array) else None
        if node is None and place.node is None:
            return
        if place.kept:
            raise lost(f"a store into an array that {place.kept} holds",
                       "Store before it is passed there, or pass a copy.")  # fmt: skip
        place.node = Store(place.whole, view, bare, held(key), place.node, node)

    def _store_overlapping(self, key: Any, new: np.ndarray) -> None:
        """A store of a part of the memory into another: of `x[::2] = x[:3]` NumPy makes more.

        Where it reads what it has just written, the result is not what was there before.
        """
        view, before = self._value, np.copy(new)
        view[key] = new
        stored = view[key]
        if stored.base is None:  # at indices: NumPy takes care
            return
        before = before.reshape(before.shape[max(before.ndim - stored.ndim, 0) :])
        if not np.array_equal(
            stored, np.broadcast_to(before, stored.shape).astype(view.dtype),
            equal_nan=view.dtype.kind in "fc",
        ):  # fmt: skip
            raise UnsupportedSyntaxError(
                "a store of a part of an array into another part of it, where NumPy reads what it"
                " has just written", caller(), "Store a copy (`.copy()`).",
            )  # fmt: skip

    def _refuse_write(self, form: str) -> Any:
        raise lost(f"`{form}`", "Use an expression that makes a new array.")

    def __iter__(self) -> Iterator[Any]:
        if not self._value.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    @property
    def real(self) -> Any:
        return self if self.dtype.kind != "c" else self._part("real")

    @property
    def imag(self) -> Any:
        return self._part("imag")

    def _part(self, name: str) -> Any:
        part = getattr(self._value, name)
        return Tracked(part, self._memory) if self.dtype.kind == "c" else boxed(part, None, [])

    @property
    def T(self) -> Any:
        return Tracked(self._value.T, self._memory)

    @property
    def flat(self) -> Flat:
        return Flat(self)

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, **kwargs: Any) -> None:
        self[...] = np.sort(self, axis, kind, **kwargs)

    def partition(self, kth: Any, axis: int = -1, kind: Any = "introselect") -> None:
        self[...] = np.partition(self, kth, axis, kind)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        put(self, indices, values, mode)

    def conj(self) -> Any:
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conjugate = conj

    @property
    def base(self) -> Any:
        """None for what owns its memory; for a view, the array that spans it."""
        place, base = self._memory, self._value.base
        whole = base is None or place.whole is self._value
        return None if whole else Tracked(place.whole, place)

    def view(self, *args: Any) -> Any:
        if args and np.dtype(args[0]) != self.dtype:
            self._check_conversion(f"x.view({args[0]!r})", "Use `astype`.")
        return Tracked(self._value.view(*args), self._memory)

    def __getattr__(self, name: str) -> Any:
        if not hasattr(ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        if name.startswith("__"):
            raise NoAttribute(f"the attribute `{name}` of an array that is recorded", caller())
        if name not in INERT:
            self._check_conversion(f"x.{name}", "Use a function of NumPy's that has a rule.")
        if name in CHANGING:
            self._memory.will_write(self._value, ...)
        return getattr(self._value, name)


INERT = frozenset("flags strides nbytes itemsize device".split())
CHANGING = frozenset("resize setfield byteswap itemset setflags".split())


def held(key: Any) -> tuple[Version, ...]:
    """Versions of the arrays in a key."""
    if isinstance(key, Array):
        return () if key._memory is None else (key._memory.hold(),)
    if isinstance(key, list | tuple):
        return tuple(version for part in key for version in held(part))
    return ()


def _in_place() -> None:
    def method_of(function: Callable) -> Callable:
        def method(self: Tracked, other: Any) -> Any:
            new = function(self, other)
            if new is NotImplemented:
                return new
            value = plain(new)
            fits = np.shape(value) == self._value.shape
            if not fits or not np.can_cast(value.dtype, self._value.dtype, "same_kind"):
                getattr(operator, f"i{function.__name__.strip('_')}")(
                    np.copy(self._value), plain(other)
                )  # NumPy's own error
            self[...] = new
            return self

        return method

    for name, function in (BINARY | LOGICAL).items():
        setattr(Tracked, f"__i{name}__", method_of(function))


_in_place()


class NoAttribute(UnsupportedSyntaxError, AttributeError):
    """What an array has, and a tracked array has not."""


class Flat:
    """`x.flat`: the elements of x in C order."""

    def __init__(self, array: Tracked) -> None:
        self._array = array if array.ndim else np.reshape(array, 1)

    def _key(self, key: Any) -> tuple:
        shape = self._array.shape
        return np.unravel_index(np.arange(self._array.size)[plain(key)], shape)

    def __getitem__(self, key: Any) -> Any:
        return self._array[self._key(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, Tracked) and value._memory is self._array._memory:
            raise UnsupportedSyntaxError(
                "a store of a part of an array into its own `flat`, where NumPy reads what it has"
                " just written", caller(), "Store a copy (`.copy()`).",
            )  # fmt: skip
        places = self._key(key)
        count = np.size(places[0]) if places else 1
        if np.size(plain(value)) not in (1, count):
            value = np.ravel(value)[np.arange(count) % np.size(value)]
        self._array[places] = value

    def __len__(self) -> int:
        return self._array.size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(np.ravel(self._array))


def ndenumerate(array: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """`np.ndenumerate`"""
    return ((index, array[index]) for index in np.ndindex(array.shape))


# --------------------------------------------------------------------- functions that write


def store_result(out: Any, result: Any, function: Any) -> Any:
    """`out=`: the result is stored, if NumPy would have stored it."""
    value = plain(result)
    if np.shape(value) != np.shape(plain(out)):
        if np.broadcast_shapes(np.shape(value), np.shape(plain(out))) != np.shape(plain(out)):
            raise ValueError(f"`out=` of {name_of(function)} has the wrong shape")
    if not np.can_cast(np.asarray(value).dtype, out.dtype, "same_kind"):
        raise TypeError(
            f"{name_of(function)}: cannot cast {np.asarray(value).dtype} to {out.dtype}"
        )
    out[...] = result
    return out


def ufunc_at(ufunc: Any, a: Any, indices: Any, b: Any = None) -> None:
    """`np.add.at(a, indices, b)` and the like."""
    active = any(isinstance(x, Array) and x._node is not None for x in (a, b))
    if not active:
        if isinstance(a, Array) and a._memory is not None:
            a._memory.will_write(a._value, ...)
        args = (plain(a), plain(indices)) if b is None else (plain(a), plain(indices), plain(b))
        ufunc.at(*args)
        return
    if not isinstance(a, Tracked):
        raise no_rule(ufunc.at)
    if ufunc in (np.add, np.subtract):
        a[...] = apply(added_at, (a, indices, b if ufunc is np.add else -b))
        return
    rest = () if b is None else (plain(b),)
    ufunc.at(np.copy(plain(a)), plain(indices), *rest)  # NumPy's own errors
    places = np.arange(a.size).reshape(a.shape)[plain(indices)]
    if np.ndim(b):  # as it was before: NumPy copies what overlaps
        b = np.ravel(np.broadcast_to(np.copy(b), np.shape(places)))
    kernels.update_places(ufunc, a, np.ravel(places), b)


def added_at(d: Any, key: Any, value: Any) -> Any:
    """A copy of d to which `value` is added at `key`, as `np.add.at` does it."""
    return kernels.add_at(np.copy(d), key, value)


OWN[added_at] = RULES[kernels.add_at]


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not np.can_cast(np.result_type(plain(src)), dst.dtype, casting):  # NumPy's own error
        np.copyto(np.copy(plain(dst)), plain(src), casting)
    if where is True:
        dst[...] = src
        return
    mask = np.broadcast_to(plain(where), dst.shape)
    dst[mask] = np.broadcast_to(src, dst.shape)[mask]


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places, size = np.ravel(plain(ind)), np.size(plain(a))
    if mode == "wrap":
        places = places % size
    elif mode == "clip":
        places = np.clip(places, 0, size - 1)
    places = np.where(places < 0, places + size, places)
    store_flat(a, places, cycled(v, places.size))


def store_flat(a: Any, places: np.ndarray, values: Any) -> None:
    """`a.flat[places] = values`"""
    if a.ndim:
        a[np.unravel_index(places, a.shape)] = values
    elif places.size:
        a[...] = values[-1]


def cycled(values: Any, count: int) -> Any:
    """Values again and again until there are `count`."""
    values = np.ravel(apply(np.asarray, (values,)))
    return values if np.size(plain(values)) == count else values[np.arange(count) % len(values)]


def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    indices = plain(indices)
    if axis is None:
        put(arr, indices, values)
        return
    key: list = []
    for i, n in enumerate(arr.shape):
        after = arr.ndim - i - 1
        key.append(indices if i == axis % arr.ndim else np.arange(n).reshape(-1, *(1,) * after))
    arr[tuple(key)] = values


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    places = np.arange(a.size).reshape(a.shape)
    marked = np.zeros(a.shape, bool)
    np.fill_diagonal(marked, True, wrap)
    chosen = places[marked]
    store_flat(a, chosen, cycled(val, chosen.size))


def putmask(a: Any, mask: Any, values: Any) -> None:
    chosen = np.flatnonzero(np.broadcast_to(plain(mask), a.shape))
    values = np.ravel(apply(np.asarray, (values,)))
    store_flat(a, chosen, values[chosen % len(values)])


def place(arr: Any, mask: Any, vals: Any) -> None:
    chosen = np.flatnonzero(plain(mask))
    store_flat(arr, chosen, cycled(vals, chosen.size))


WRITERS: dict[Any, Callable] = {
    np.copyto: copyto, np.put: put, np.put_along_axis: put_along_axis, np.place: place,
    np.fill_diagonal: fill_diagonal, np.putmask: putmask,
}  # fmt: skip
