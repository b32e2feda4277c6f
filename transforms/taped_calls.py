"""Helpers on the tape: what a compiled function calls where the compiler refuses a helper.

    y = helper(x)    →    y, pull_y = helper_on_tape(x)        the helper runs, on copies
                          …
                          d_x = pull_y(d_y)[0]                 its reverse sweep

What such a helper returns must be seen once, for the rest of the function to be compiled; one that
writes its arguments, or returns memory of theirs, does not run on its own.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from srcdiff.runtime.errors import SrcdiffError
from srcdiff.runtime.tape import Array, Leaf, Sweep, plain
from srcdiff.runtime.tracked import Number, Tracked
from srcdiff.transforms.kinds import Kind, kind_of
from srcdiff.transforms.recording import Recording, bare, boxes_in, current, recording
from srcdiff.transforms.rewrite import taped

ndarray = np.ndarray


class KindChanged(SrcdiffError):
    """A helper on the tape did what it had not done when it was seen: compile anew.

    helper    the function
    effects   something happened that must not happen twice
    """

    helper: Any = None
    effects = False


class TapedCall:
    """A helper on the tape, as a compiled function calls it: `y, pull_y = helper_on_tape(x)`.

    kinds    of what it returns: a kind, or that of a tuple
    places   where the values stand whose gradients `pull_y` returns: (index or keyword, *steps)

    >>> import srcdiff.transforms.taped
    >>> from srcdiff.transforms.kinds import FLOAT
    >>> def halved(x):
    ...     try:
    ...         return x / 2
    ...     finally:
    ...         pass
    >>> y, pull_y = TapedCall(halved, FLOAT, [(0,)])(3.0)
    >>> y, pull_y(1.0)
    (1.5, (np.float64(0.5),))
    """

    def __init__(self, f: types.FunctionType, kinds: Kind, places: list[tuple]) -> None:
        self.f, self.kinds, self.places = f, kinds, places
        self.__name__ = f"{f.__name__}_on_tape"

    def __call__(self, *args: Any, **kwargs: Any) -> tuple:
        nodes: dict[tuple, Any] = {}
        with recording() as run:
            given = tuple(boxed_argument(x, (i,), run, nodes) for i, x in enumerate(args))
            named = {k: boxed_argument(x, (k,), run, nodes) for k, x in kwargs.items()}
            watch = Watch((given, named))
            out = taped(self.f)(*given, **named)
            problem = watch.problem(out)
            results = list(flat(out))
        if problem or not is_of(bare(out), self.kinds):
            error = KindChanged(
                f"`{self.f.__name__}` {problem or 'returned another kind of value than before'}"
            )
            error.helper, error.effects = self.f, run.effects
            raise error

        def pull(*cotangents: Any) -> tuple:
            sweep = Sweep()
            seeds = [(box._node, d) for box, d in zip(results, cotangents)
                     if isinstance(box, Array) and box._node is not None]  # fmt: skip
            sweep.run(seeds)
            return tuple(gradient_at(nodes.get(place), sweep) for place in self.places)

        return (*map(bare, results), pull)


def boxed_argument(tree: Any, path: tuple, run: Recording, nodes: dict) -> Any:
    """An argument for the tape; the nodes of its floats are noted under the ways to them."""
    if type(tree) is ndarray:
        box, node = run.argument(tree, tree.dtype.kind in "fc")
        nodes[path] = node
        return box
    if type(tree) in (list, tuple):
        return type(tree)([boxed_argument(x, (*path, i), run, nodes) for i, x in enumerate(tree)])
    if type(tree) is dict:
        return {k: boxed_argument(x, (*path, k), run, nodes) for k, x in tree.items()}
    if isinstance(tree, float | complex | np.inexact):
        nodes[path] = Leaf(tree)
        return Number(tree, nodes[path])
    return tree


def gradient_at(node: Leaf | None, sweep: Sweep) -> Any:
    if node is None:
        return None
    d = sweep.gradient(node)
    d = np.zeros_like(node.out) if d is None else np.array(d)
    return d if type(node.out) is ndarray else d[()]


def flat(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for part in tree:
            yield from flat(part)
    else:
        yield tree


class Watch:
    """Whether a helper does more with its arguments than read them."""

    def __init__(self, arguments: Any) -> None:
        self.arguments = arguments
        self.before = outline(arguments)
        self.boxes = [box for box in boxes_in(list(arguments[0]) + list(arguments[1].values()))
                      if isinstance(box, Tracked)]  # fmt: skip
        self.written = [box._memory.written for box in self.boxes]
        for box in self.boxes:
            box._memory.written = False

    def problem(self, out: Any) -> str:
        """What a compiled function could not see: "" if nothing."""
        changed = [box._memory.written for box in self.boxes]
        for box, before in zip(self.boxes, self.written):
            box._memory.written |= before
        if any(changed) or outline(self.arguments) != self.before:
            return "changes its arguments"
        places = {id(box._memory) for box in self.boxes} | {
            id(place) for place in current.get().places.values()
        }
        if any(isinstance(x, Tracked) and id(x._memory) in places for x in flat(out)):
            return "returns memory of its arguments"
        return ""

    def kind(self, out: Any) -> Kind | None:
        """The kind of what was returned; None for what a compiled function cannot use."""
        return None if self.problem(out) else kind_of_result(plain(out))  # out is used after this


def outline(tree: Any) -> Any:
    """Which objects containers hold."""
    if type(tree) in (list, tuple):
        return [outline(x) for x in tree]
    if type(tree) is dict:
        return [(k, outline(x)) for k, x in tree.items()]
    return id(tree)


def kind_of_result(value: Any) -> Kind | None:
    if type(value) is tuple:
        parts = tuple(map(kind_of_result, value))
        return None if None in parts or not parts else Kind("tuple", items=parts)
    kind = kind_of(value)
    if kind.tag == "scalar" and kind.inexact:  # whose number it is may differ from call to call
        kind = kind._replace(python=None)
    return kind if kind.numeric else None


def is_of(value: Any, kind: Kind) -> bool:
    """Whether a value is of a kind, sizes apart."""
    found = kind_of_result(value)
    if found is None or found.tag != kind.tag:
        return False
    if kind.tag == "tuple":
        return len(value) == len(kind.items) and all(map(is_of, value, kind.items))
    same = found.dtype == kind.dtype and found.rank == kind.rank
    return same and (found.inexact or found.python == kind.python)
