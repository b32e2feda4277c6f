"""What runs for a function that the compiler refuses: the tape.

A `Differentiated` calls an `OnTape` as it would call a generated function. The function is run once
on the tape, then the reverse sweep follows; nothing is kept from call to call.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import srcdiff.transforms.taped  # noqa: F401  (what rewritten functions call)
from srcdiff.runtime.errors import (
    FallbackWarning,
    NonScalarOutputError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
)
from srcdiff.runtime.tape import Array, Leaf, Node, Sweep, plain
from srcdiff.runtime.tracked import Number
from srcdiff.signature import Callee, Entry, describe
from srcdiff.transforms.recording import bare, reads_history, recording
from srcdiff.transforms.rewrite import taped
from srcdiff.trees import (
    children,
    cotangent,
    is_float,
    leaves,
    outline,
    private,
    rebuild,
)

ON_TAPE = "runs on the tape, slower and as exact, for the compiler refuses it"


def warn(name: str, reason: SrcdiffError, what: str = ON_TAPE) -> None:
    """The `FallbackWarning`: which construct, where, and what follows from it."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("srcdiff."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(f"`{name}` {what}: {reason}", FallbackWarning, level)


@dataclasses.dataclass
class OnTape:
    """The gradient function of a function for calls like one, computed on the tape.

    seed      "one" (a scalar output), "ones" (every element)
    watched   helpers of which it is to be seen what they return; `observed` says it afterwards
    """

    callee: Callee
    entries: tuple[Entry, ...]
    single: bool
    seed: str
    value: bool
    has_aux: bool
    watched: tuple[Callable[..., Any], ...] = ()
    observed: dict[Any, Any] = dataclasses.field(default_factory=dict)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        run = Run(self.callee, self.entries, args, kwargs, self.watched)
        self.observed = run.recording.observed
        out, aux = run.output, None
        found = run.found
        if self.has_aux:
            out, aux = output_and_aux(out, self.callee)
            found = found[0]
        seeds = self.one(found) if self.seed == "one" else ones(found)
        gradients = run.pull(seeds)
        result = gradients[0] if self.single else gradients
        if self.value:
            return (bare((out, aux)) if self.has_aux else bare(out)), result
        return (result, bare(aux)) if self.has_aux else result

    def value_and_pull(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        """The output, and the function from a cotangent of it to the gradients; it runs once."""
        run = Run(self.callee, self.entries, args, kwargs)
        heads = [(path, box._node) for path, box in leaves(run.found) if isinstance(box, Array)]
        value = private(bare(run.output))
        shape = outline(value)

        def pull(d_out: Any) -> tuple[Any, ...]:
            found = dict(leaves(cotangent(shape, d_out)))
            seeds = [(n, found[path]) for path, n in heads if n is not None]
            return run.pull(seeds)

        return value, pull

    def one(self, out: Any) -> list[tuple[Node, Any]]:
        """The cotangent 1.0 of an output with one element."""
        x = plain(out)
        if isinstance(x, np.ndarray) and x.size != 1:
            raise self.not_scalar(f"returns an array of shape {x.shape}")
        if not isinstance(x, np.ndarray | np.generic | int | float | complex):
            what = "nothing" if x is None else describe(x)
            raise self.not_scalar(f"returns {what}")
        if np.asarray(x).dtype.kind == "b":
            raise NonScalarOutputError(
                f"`{self.callee.name}` returns a bool, which has no gradient", self.callee.where(),
                "Return a number: `float(…)` or `np.where(…, 1.0, 0.0)`.",
            )  # fmt: skip
        if np.iscomplexobj(x):
            raise NonScalarOutputError(
                f"`{self.callee.name}` returns a complex number, which has no gradient",
                self.callee.where(),
                "Return its real part or its absolute value, or use `vjp`.",
            )
        return ones(out)

    def not_scalar(self, what: str) -> NonScalarOutputError:
        return NonScalarOutputError(
            f"`{self.callee.name}` {what}; `grad` needs a function with one output",
            self.callee.where(),
            "Use `elementwise_grad` or `vjp`, or return a sum.",
        )


@dataclasses.dataclass
class PushOnTape:
    """The value of a function and its derivative along tangents, computed on the tape.

    The function is run once. A reverse sweep for each element of the output gives the derivative
    of that element, of which the product with the tangents is taken.
    """

    callee: Callee
    has_aux: bool

    def __call__(self, args: tuple, kwargs: dict[str, Any], dots: dict[str, Any]) -> Any:
        entries: tuple[Entry, ...] = ()
        for name, dot in dots.items():
            parts: Any = [(i,) for i in range(len(dot))] if name == self.callee.star else [()]
            entries += tuple(("argument", name, *part) for part in parts)
        run = Run(self.callee, entries, args, kwargs)
        out, found, aux = run.output, run.found, []  # type: Any, Any, list
        if self.has_aux:
            out, *aux = output_and_aux(out, self.callee)
            found = found[0]
        tangents = [dots[e[1]][e[2]] if len(e) > 2 else dots[e[1]] for e in entries]

        def along(node: Node, d: Any) -> Any:
            gradients = run.pull([(node, d)])
            total = 0.0
            for gradient, dot in zip(gradients, tangents):
                moved = dict(leaves(dot))
                for path, g in leaves(gradient):
                    if g is not None and moved.get(path) is not None:
                        total += np.sum(np.real(np.conj(g) * moved[path]))
            return total

        def push(box: Any) -> Any:
            inner = children(box)
            if inner is not None:
                return rebuild(box, [push(part) for _, part in inner])
            value = plain(box)
            if not is_float(value):
                return None
            found = np.zeros_like(value)
            node = box._node if isinstance(box, Array) else None
            if node is None:
                return found
            found = np.asarray(found)
            for at in np.ndindex(found.shape):
                unit = np.zeros_like(found)
                unit[at] = 1
                found[at] = along(node, unit[()])
                if found.dtype.kind == "c":
                    unit[at] = 1j
                    found[at] += 1j * along(node, unit[()])
            return found[()] if not isinstance(value, np.ndarray) else found

        tangent = push(found)
        return (bare(out), tangent, *map(bare, aux))


def output_and_aux(out: Any, callee: Callee) -> tuple[Any, Any]:
    """What a function returns with `has_aux=True`, taken apart."""
    if not isinstance(out, tuple) or len(out) != 2:
        raise SrcdiffError(
            f"`{callee.name}` returns no pair, as `has_aux=True` says", None,
            "Return (output, aux).",
        )  # fmt: skip
    return out


def ones(out: Any) -> list[tuple[Node, Any]]:
    """The cotangent 1.0 of each element of an output."""
    return [
        (box._node, np.ones_like(box._value))
        for _, box in leaves(out) if isinstance(box, Array) and box._node is not None
    ]  # fmt: skip


def has_nan(tree: Any) -> bool:
    return any(bool(np.any(np.isnan(x))) for _, x in leaves(tree) if is_float(x))


class Run:
    """One run of a function on the tape: its output, and its gradients for any cotangent.

    output   what it has returned
    found    the same as containers of its own, which keep what is recorded when the run is over
    """

    def __init__(
        self,
        callee: Callee,
        entries: tuple[Entry, ...],
        args: tuple,
        kwargs: dict[str, Any],
        watched: tuple[Callable[..., Any], ...] = (),
    ) -> None:
        self.entries = entries
        self.places: set[int | str] = set()
        for entry in entries:
            if entry[0] == "argument":
                self.places |= callee.places_in_call(entry, args, kwargs)
        names = tuple(e[1] for e in entries if e[0] == "local")
        with recording(names) as self.recording:
            self.recording.watched = watched
            leaves = [self.enter(x, i in self.places) for i, x in enumerate(args)]
            named = {k: self.enter(x, k in self.places) for k, x in kwargs.items()}
            parsed = callee.parsed
            function = taped(parsed.function, names)
            given = tuple(x for x, _ in leaves)
            try:
                self.output = function(
                    *callee.selves, *given, **{k: x for k, (x, _) in named.items()}
                )
            except (TypeError, ValueError, SystemError) as error:  # about an error of ours, in C
                cause = error.__cause__
                while cause is not None and not isinstance(cause, SrcdiffError):
                    cause = cause.__cause__
                if cause is None:
                    raise
                raise cause from None
            self.found = self.kept(self.output, callee)
            nodes = tuple(node for _, node in leaves)
            bound = callee.bind(nodes, {k: node for k, (_, node) in named.items()})
            self.leaves = [
                callee.target(e, bound) if e[0] == "argument" else self.local(e[1], callee)
                for e in entries
            ]

    def enter(self, tree: Any, wanted: bool) -> tuple[Any, Any]:
        """An argument for the tape, and the tree of the nodes of its floats."""
        if type(tree) is np.ndarray and tree.dtype.kind != "O":
            return self.recording.argument(tree, wanted and tree.dtype.kind in "fc")
        inner = children(tree)
        if inner is not None:
            parts = [self.enter(x, wanted) for _, x in inner]
            return rebuild(tree, [x for x, _ in parts]), rebuild(tree, [n for _, n in parts])
        if wanted and is_float(tree):
            node = Leaf(tree)
            return Number(tree, node), node
        return tree, None

    def kept(self, tree: Any, callee: Callee) -> Any:
        inner = children(tree)
        if inner is not None:
            return rebuild(tree, [self.kept(x, callee) for _, x in inner])
        if not isinstance(tree, Array) and reads_history(tree):
            raise NotDifferentiableTypeError(
                f"`{callee.name}` returns a {type(tree).__name__}, which is no container of numbers"
                " and arrays", callee.where(), "Return a tuple, a list or a dict of them.",
            )  # fmt: skip
        return tree

    def local(self, name: str, callee: Callee) -> Any:
        values = self.recording.locals[name]
        if len(values) != 1:
            how = "is never assigned" if not values else "is assigned more than once"
            raise UnknownArgumentError(
                f"the local variable `{name}` {how}", callee.where(),
                "Give the value that is meant a name of its own.",
            )  # fmt: skip
        (value,) = values
        if not isinstance(value, Array):
            if is_float(value):
                return Leaf(value)
            raise NotDifferentiableTypeError(f"the local variable `{name}` is no float")
        return Leaf(value._value) if value._node is None else value._node

    def pull(self, seeds: list[tuple[Node, Any]]) -> tuple[Any, ...]:
        """The gradients of what was wanted, in its structure.

        Where a zero cotangent has met an infinite slope, it is done again with strong zeros.
        """
        locals_ = [n for n, e in zip(self.leaves, self.entries) if e[0] == "local"]
        sweep = Sweep(wanted=locals_)
        sweep.run(seeds, keep=True)
        found = tuple(self.gradient(tree, sweep) for tree in self.leaves)
        if has_nan(found) and not has_nan([node.out for node, _ in seeds]):
            sweep = Sweep(wanted=locals_, strong=True)
            sweep.run(seeds, keep=True)
            found = tuple(self.gradient(tree, sweep) for tree in self.leaves)
        return found

    def gradient(self, tree: Any, sweep: Sweep) -> Any:
        if isinstance(tree, Node):
            d = sweep.gradient(tree)
            if d is None:
                d = np.zeros_like(tree.out)
            return np.array(d)[()] if not isinstance(tree.out, np.ndarray) else np.array(d)
        inner = children(tree)
        if inner is None:
            return None
        return rebuild(tree, [self.gradient(part, sweep) for _, part in inner])
