"""Trees: the containers that arguments, outputs and gradients come in, taken apart.

    {"w": w, "layers": [(a, None)]}   →   ("w",) w,   ("layers", 0, 0) a,   ("layers", 0, 1) None

Lists, tuples, dicts, namedtuples, instances of dataclasses and of the user's own plain classes are
containers; everything else is a leaf, None and subclasses of list and dict included. A step is an
index, a key, or ("attr", name).
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Set
from typing import Any

import numpy as np

from srcdiff.runtime.plain_objects import attributes, form_of, rebuild

Step = Any


def children(tree: Any) -> list[tuple[Step, Any]] | None:
    """What a container holds and the steps that lead there, None for a leaf.

    >>> children({"w": 1.0}), children([2.0, None]), children(3.0)
    ([('w', 1.0)], [(0, 2.0), (1, None)], None)
    """
    kind = type(tree)
    if kind is dict:
        return list(tree.items())
    if kind is list or isinstance(tree, tuple):
        return list(enumerate(tree))
    if is_object(tree):
        return [(("attr", name), value) for name, value in attributes(tree).items()]
    return None


def is_object(obj: Any) -> bool:
    """Whether an object is a container: of a dataclass, or of a plain class of the user's."""
    kind: Any = type(obj)
    return form_of(kind) != "" and id(obj) not in CYCLIC


# Objects that hold themselves: they are no trees, but constants like a function. Held by id.
CYCLIC: dict[int, Any] = {}


def note_cyclic(obj: Any) -> None:
    """Take an object for a constant from now on."""
    key = id(obj)
    try:
        CYCLIC[key] = weakref.ref(obj, lambda _: CYCLIC.pop(key, None))
    except TypeError:  # a class with slots: the object is kept
        CYCLIC[key] = obj


def holds_itself(tree: Any, above: tuple[int, ...] = ()) -> bool:
    """
    >>> loop: list = []
    >>> loop.append(loop)
    >>> holds_itself(loop), holds_itself([[], []])
    (True, False)
    """
    inner = children(tree)
    if inner is None:
        return False
    return id(tree) in above or any(holds_itself(x, (*above, id(tree))) for _, x in inner)


def step_into(tree: Any, step: Step) -> Any:
    """What lies one step inside a container."""
    return getattr(tree, step[1]) if is_attribute(step) else tree[step]


def leaves(tree: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Each leaf with the steps that lead to it.

    >>> list(leaves(([1.0, None], {"b": 2.0})))
    [((0, 0), 1.0), ((0, 1), None), ((1, 'b'), 2.0)]
    """
    inner = children(tree)
    if inner is None:
        yield path, tree
    else:
        for step, child in inner:
            yield from leaves(child, (*path, step))


def spelled(name: str, path: tuple[Step, ...]) -> str:
    """How a program reaches a leaf of an argument.

    >>> spelled("model", ("layers", 0, ("attr", "w")))
    "model['layers'][0].w"
    """
    for step in path:
        name += f".{step[1]}" if is_attribute(step) else f"[{step!r}]"
    return name


def is_attribute(step: Step) -> bool:
    return isinstance(step, tuple) and len(step) == 2 and step[0] == "attr"


def is_float(leaf: Any) -> bool:
    """Whether a leaf is a number or an array with derivatives.

    >>> is_float(1.0), is_float(np.float32(1)), is_float(1), is_float(np.arange(3))
    (True, True, False, False)
    """
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind in "fc"
    return isinstance(leaf, float | complex)


def is_int(leaf: Any) -> bool:
    """Whether a number is an int, which counts as a float where it is differentiated.

    >>> is_int(1), is_int(np.int64(1)), is_int(True), is_int(1.0)
    (True, True, False, False)
    """
    return type(leaf) is int or isinstance(leaf, np.integer)


def is_number(leaf: Any) -> bool:
    """Whether a leaf is a number or an array of numbers, bools included.

    >>> is_number(1.0), is_number(1), is_number(np.arange(3) > 1), is_number("1")
    (True, True, True, False)
    """
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind in "biufc"
    return isinstance(leaf, int | float | complex)


def whole_container(leaf: Any) -> str:
    """For a container that is not taken apart, the one that is and can hold the same; else "".

    >>> from collections import OrderedDict, deque
    >>> whole_container(OrderedDict(a=1.0)), whole_container(deque([1.0])), whole_container(1.0)
    ('dict', 'list', '')
    """
    if isinstance(leaf, Mapping):
        return "dict" if type(leaf) is not dict else ""
    return "list" if isinstance(leaf, MutableSequence | Set) and type(leaf) is not list else ""


def has_float(tree: Any) -> bool:
    """
    >>> has_float({"w": [np.ones(2)], "n": 3}), has_float([3, None])
    (True, False)
    """
    return any(is_float(leaf) for _, leaf in leaves(tree))


def private(tree: Any) -> Any:
    """A copy that shares no array and no container with `tree`, and is laid out in memory like it.

    What is there twice is there twice in the copy. Objects other than arrays are shared.

    >>> x = np.ones(2)
    >>> one, other = private((x, x))
    >>> one is other, one is x, one.tolist()
    (True, False, [1.0, 1.0])
    """
    return _private(tree, {})


def _private(tree: Any, copies: dict[int, Any]) -> Any:
    if id(tree) not in copies:
        inner = children(tree)
        if inner is not None:
            copies[id(tree)] = rebuild(tree, [_private(child, copies) for _, child in inner])
        else:
            copies[id(tree)] = same_layout(tree) if type(tree) is np.ndarray else tree
    return copies[id(tree)]


def same_layout(x: np.ndarray) -> np.ndarray:
    """A copy with the strides of x, so that what is a view of x is a view of the copy.

    >>> same_layout(np.arange(6)[::-2]).strides, same_layout(np.ones((2, 3)).T).flags.f_contiguous
    ((-16,), True)
    """
    if x.flags.forc or not x.size or x.dtype.hasobject:
        copy = x.copy(order="K")
    else:
        reach = [stride * (n - 1) for stride, n in zip(x.strides, x.shape)]
        before = -sum(r for r in reach if r < 0)
        memory = np.empty(before + sum(r for r in reach if r > 0) + x.itemsize, np.uint8)
        copy = np.ndarray(x.shape, x.dtype, memory, before, x.strides)
        copy[...] = x
    copy.flags.writeable = x.flags.writeable
    return copy


def cotangent(out: Any, d_out: Any, place: str = "d_out") -> Any:
    """A private copy of a cotangent, cast to what the output is; an error where it does not fit.

    >>> cotangent((np.ones(2, np.float32), 3), ([1, 2], None))
    (array([1., 2.], dtype=float32), None)
    >>> cotangent(np.ones(2), np.ones(3))
    Traceback (most recent call last):
    ValueError: the cotangent `d_out` has shape (3,), the output has shape (2,)
    """
    return _fitted(out, d_out, _cotangent_leaf, place, ("the cotangent `{}`", "the output"))


def _cotangent_leaf(out: Any, d_out: Any, place: str, words: tuple[str, str]) -> Any:
    if not is_float(out):
        if plain := whole_container(out):
            _, due = _said(place, words)
            what = f"{due} is a {type(out).__name__}, which is not taken apart; make it a {plain}"
            raise TypeError(what)
        return None
    if d_out is None:
        what, _ = _said(place, words)
        raise ValueError(f"{what} is None; zeros are written `np.zeros_like(out)`")
    like = np.asarray(out)
    copy = np.array(_checked(like, d_out, place, words), like.dtype)
    return copy if isinstance(out, np.ndarray) else copy[()]


def tangent(x: Any, dot: Any, place: str) -> Any:
    """The tangent of an argument, cast to what the argument is; an error where it does not fit.

    Arrays of the right dtype are not copied. None stands for what does not move.

    >>> tangent({"w": np.ones(2), "n": 3}, {"n": None, "w": [1, 2]}, "params")
    {'w': array([1., 2.]), 'n': None}
    >>> tangent(np.ones(2), np.ones(3), "x")
    Traceback (most recent call last):
    ValueError: the tangent of `x` has shape (3,), `x` has shape (2,)
    """
    if type(x) is np.ndarray is type(dot) and x.shape == dot.shape and x.dtype is dot.dtype:
        if x.dtype.kind in "fc":
            return dot
    return _fitted(x, dot, _tangent_leaf, place, ("the tangent of `{}`", "`{}`"), parts=True)


def _tangent_leaf(x: Any, dot: Any, place: str, words: tuple[str, str]) -> Any:
    if not is_float(x):
        raise TypeError(f"`{place}` is no float, its tangent must be None")
    like = np.asarray(x)
    cast = _checked(like, dot, place, words).astype(like.dtype, copy=False)
    if isinstance(x, np.ndarray):
        return cast
    return cast[()] if isinstance(x, np.generic) else cast.item()


def _fitted(
    tree: Any, given: Any, leaf: Any, place: str, words: tuple[str, str], parts: bool = False
) -> Any:
    """The leaves of what is given for a tree, each as `leaf(x, given, place, words)` makes it.

    words   how an error names what is given at a place, and what that is for
    parts   None may stand for a whole part
    """
    if parts and given is None:
        return None
    inner = children(tree)
    if inner is None:
        return leaf(tree, given, place, words)
    found = children(given)
    of = dict(found or ())
    if found is None or of.keys() != {step for step, _ in inner}:
        what, due = _said(place, words)
        raise ValueError(f"{what} is {_container(given)}, {due} is {_container(tree)}")
    return rebuild(tree, [
        _fitted(x, of[step], leaf, spelled(place, (step,)), words, parts) for step, x in inner
    ])  # fmt: skip


def _checked(like: np.ndarray, given: Any, place: str, words: tuple[str, str]) -> np.ndarray:
    """What is given as an array, of the shape of `like` and no more complex than that."""
    given = np.asarray(given)
    if given.shape != like.shape:
        what, due = _said(place, words)
        raise ValueError(f"{what} has shape {given.shape}, {due} has shape {like.shape}")
    if given.dtype.kind not in "biufc" or (given.dtype.kind == "c" and like.dtype.kind != "c"):
        what, due = _said(place, words)
        raise TypeError(f"{what} is {given.dtype}, {due} is {like.dtype}")
    return given


def _said(place: str, words: tuple[str, str]) -> list[str]:
    return [each.format(place) for each in words]


def moving(dot: Any) -> Any:
    """Which parts of a tangent are there, as a part of a key: None if nothing is.

    >>> moving((1.0, {"w": None, "b": 2.0})), moving([None, None])
    ((True, (None, True)), None)
    """
    if dot is None:
        return None
    inner = children(dot)
    if inner is None:
        return True
    parts = tuple(moving(part) for _, part in inner)
    return parts if any(parts) else None


def as_tangent(value: Any, dot: Any) -> Any:
    """The tangent of an output as it is returned: of the shapes and dtypes of the value.

    >>> as_tangent((2.0, 3, np.ones(2)), (1.0, None, np.zeros(2)))
    (np.float64(1.0), None, array([0., 0.]))
    """
    if type(value) is np.ndarray is type(dot) and value.shape == dot.shape:
        if value.dtype is dot.dtype:
            return dot
    inner = children(value)
    if inner is not None:
        found = children(dot) or [(None, None)] * len(inner)
        return rebuild(value, [as_tangent(x, d) for (_, x), (_, d) in zip(inner, found)])
    if not is_float(value):
        if plain := whole_container(value):
            raise TypeError(f"the output is a {type(value).__name__}, which is not taken apart; "
                            f"make it a {plain}")  # fmt: skip
        return None
    like = np.asarray(value)
    whole = np.array(np.broadcast_to(0.0 if dot is None else dot, like.shape), like.dtype)
    return whole if isinstance(value, np.ndarray) else whole[()]


def _container(tree: Any) -> str:
    inner = children(tree)
    if inner is None:
        return f"a {type(tree).__name__}"
    return f"a {type(tree).__name__} of {[step for step, _ in inner]}" if inner else "empty"


def outline(tree: Any) -> Any:
    """The tree with arrays that have the same shape and dtype, but hold no memory to speak of.

    >>> outline([np.ones((1000, 1000)), 2.0])[0].strides
    (0, 0)
    """
    inner = children(tree)
    if inner is not None:
        return rebuild(tree, [outline(child) for _, child in inner])
    if isinstance(tree, np.ndarray):
        return np.broadcast_to(np.zeros((), tree.dtype), tree.shape)
    return tree


def like(gradient: Any, tree: Any) -> bool:
    """Whether a gradient has the structure, shapes and dtypes of what it is the gradient of.

    >>> like([np.ones(2), None], [np.zeros(2), 3]), like(np.ones(2), np.ones(3))
    (True, False)
    """
    inner = children(tree)
    if inner is not None:
        found = children(gradient)
        return (
            found is not None
            and [step for step, _ in found] == [step for step, _ in inner]
            and all(like(part, whole) for (_, part), (_, whole) in zip(found, inner))
        )
    if not is_float(tree):
        return gradient is None
    whole, part = np.asarray(tree), np.asarray(gradient)
    return part.shape == whole.shape and part.dtype == whole.dtype


Cast = Callable[[Any], Any]


def scalars(tree: Any) -> Cast | None:
    """A function that makes NumPy scalars, and arrays with no axes, of the numbers in a gradient.

    None where there is nothing to do: all arrays in `tree` have axes.

    >>> scalars({"w": 1.0, "n": 3})({"w": 2.0, "n": None}), scalars([np.ones(2), None])
    ({'w': np.float64(2.0), 'n': None}, None)
    """
    inner = children(tree)
    if inner is not None:
        casts = [scalars(child) for _, child in inner]
        if any(casts) and is_object(tree):
            return attribute_casts([step[1] for step, _ in inner], casts)
        return each_cast(casts) if any(casts) else None
    if not is_float(tree) or np.ndim(tree):
        return None
    dtype = np.asarray(tree).dtype
    return functools.partial(np.array, dtype=dtype) if type(tree) is np.ndarray else dtype.type


def each_cast(casts: list[Cast | None]) -> Cast:
    """The function that casts each part of a container."""

    def cast(gradients: Any) -> Any:
        parts = [child for _, child in children(gradients) or ()]
        cast_parts = [part if each is None else each(part) for each, part in zip(casts, parts)]
        return rebuild(gradients, cast_parts)

    return cast


def attribute_casts(names: list[str], casts: list[Cast | None]) -> Cast:
    """The function that casts attributes of an object, which nobody else holds yet."""
    todo = [(name, cast) for name, cast in zip(names, casts) if cast is not None]

    def cast_attributes(gradient: Any) -> Any:
        for name, cast in todo:
            object.__setattr__(gradient, name, cast(getattr(gradient, name)))
        return gradient

    return cast_attributes
