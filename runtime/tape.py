"""The tape: arrays that record what is done with them, and the sweep that goes back over it.

    x = Array(np.arange(3.0), Leaf(...))
    y = np.sum(np.sin(x) * x)         three nodes: sin, mul, sum
    gradients(y, [x])                 their rules, in reverse order

There is no global list. An array points to the node that made it, a node to those that made its
operands: what nobody refers to any more is freed, and recordings do not see each other. The sweep
takes the nodes that its heads reach in the reverse order of their numbers, without recursion.

The rules are those of the registry, called as they are. A rule that is to be differentiated itself
runs on arrays of the tape (`create_graph`).

A function without a rule, a keyword that a rule does not know and a conversion that would drop the
history (`float(x)`, `math.sin(x)`, `np.asarray(x)`, `out=x`) are errors that name it.
"""

# mypy: no-check-untyped-defs, disable-error-code="attr-defined, misc, method-assign"

from __future__ import annotations

import cmath
import functools
import inspect
import itertools
import math
import operator
import os
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

import srcdiff.runtime.rules  # noqa: F401  (registers the rules)
from srcdiff.runtime import declared, kernels
from srcdiff.runtime.errors import Location, NoRuleError, SrcdiffError, UnsupportedSyntaxError
from srcdiff.runtime.plain_objects import is_plain_object, parts_of, rebuild
from srcdiff.runtime.registry import (
    NONDIFFERENTIABLE,
    RULES,
    STEPS,
    Rule,
    first_by_place,
    is_outside,
    not_overwriting,
    rule_of,
    tangent_names,
)

ndarray = np.ndarray
_next_number = itertools.count().__next__


# -------------------------------------------------------------------------------------- versions


def _nothing() -> None:
    return None


class Version:
    """A state of some memory: the present one, or what leads from the next to it.

    held   whether a recording reads this state: a write must leave a way back
    undo   (array, key, old): `array[key] = old` makes the next state this one
    next   the state after the write; None for the state in which the memory is
    before   a weak reference to the state before, which whoever reads it keeps alive
    """

    __slots__ = ("held", "undo", "next", "before", "__weakref__")

    def __init__(self, before: Version | None = None) -> None:
        self.held = False
        self.undo: Any = None
        self.next: Any = None
        self.before: Callable[[], Any] = _nothing if before is None else weakref.ref(before)


class Memory:
    """Memory that arrays may share, and the version that it is in.

    >>> x = np.zeros(2)
    >>> memory = Memory()
    >>> before = memory.hold()
    >>> memory.will_write(x, ...)
    >>> x[:] = 5.0
    >>> restore(before); x
    array([0., 0.])
    >>> restore(memory.version); x
    array([5., 5.])
    """

    __slots__ = ("version",)

    def __init__(self) -> None:
        self.version = Version()

    def hold(self) -> Version:
        """The present version, which can be brought back from now on."""
        self.version.held = True
        return self.version

    def will_write(self, array: np.ndarray, key: Any) -> None:
        """To be called before `array[key] = …`, where the array lies in this memory."""
        version = self.version
        if version.held or version.before() is not None:
            version.undo = array, key, np.copy(array[key])
            version.next = self.version = Version(version)


def restore(version: Version) -> None:
    """Bring memory into the state that it had at a version; others lead there from now on.

    The trick is Baker's (Shallow binding makes functional arrays fast, SIGPLAN Notices 26(8),
    1991): in a reverse sweep each step back costs what the write has cost.
    """
    chain = []
    while version.next is not None:
        chain.append(version)
        version = version.next
    for version in reversed(chain):
        array, key, old = version.undo
        later, version.next = version.next, None
        later.undo, later.next = (array, key, np.copy(array[key])), version
        array[key] = old
        version.undo = None


# ----------------------------------------------------------------------------------------- nodes


class Node:
    """Something recorded that has one result.

    number    grows with time
    parents   the nodes of those operands that have any
    out       the result; None in a graph that was freed
    """

    __slots__ = ("number", "parents", "out", "__weakref__")

    def __init__(self, parents: tuple[Node, ...], out: Any) -> None:
        self.number = _next_number()
        self.parents = parents
        self.out = out

    def pull(self, d: Any, sweep: Sweep) -> None:
        """Pass the gradient d of the result on to the parents: `sweep.add(parent, …)`."""
        raise NotImplementedError

    def free(self) -> None:
        self.parents = ()
        self.out = None

    @property
    def freed(self) -> bool:
        return self.out is None


class Leaf(Node):
    """What gradients are wanted of: it has no parents, and is never freed."""

    __slots__ = ()

    def __init__(self, out: Any) -> None:
        Node.__init__(self, (), out)

    def pull(self, d: Any, sweep: Sweep) -> None:
        pass

    def free(self) -> None:
        pass


class Operation(Node):
    """A call of a function that has a rule.

    places     where the parents' arrays stand among the arguments: an index, or a tuple that
               starts with an index or a keyword, then counts what is in containers
    versions   of the memory that the arguments and the result lie in
    """

    __slots__ = ("rule", "args", "kwargs", "places", "versions")

    def __init__(
        self, rule: Rule, args: list, kwargs: dict, out: Any, places: tuple,
        parents: tuple[Node, ...], versions: tuple[Version, ...],
    ) -> None:  # fmt: skip
        self.number = _next_number()
        self.parents = parents
        self.out = out
        self.rule, self.args, self.kwargs = rule, args, kwargs
        self.places, self.versions = places, versions

    def free(self) -> None:
        self.parents = self.versions = ()
        self.out = self.args = self.kwargs = None  # type: ignore[assignment]

    def pull(self, d: Any, sweep: Sweep) -> None:
        rule, args, kwargs, out = self.rule, self.args, self.kwargs, self.out
        for version in self.versions:
            if version.next is not None:
                sweep.restore(version)
        vjp: Any = rule.vjp
        if sweep.recorded:
            args, kwargs, out = self.recorded(out)
            vjp = vjp and twin(getattr(vjp, "whole", vjp))
        else:
            for place in self.places:  # Python's own floats raise where NumPy's give inf
                if type(place) is int:
                    arg = args[place]
                    if type(arg) is float:
                        numpys = np.complex128 if type(out) is complex else np.float64
                        args = [*args[:place], numpys(arg), *args[place + 1 :]]
        conjugate = rule.analytic and vjp and any(map(is_complex, (*args, *kwargs.values(), out)))
        if sweep.strong and not sweep.recorded:
            if not np.any(d) if not isinstance(d, list | tuple) else not any(map(np.any, d)):
                return  # nothing comes of nothing, however steep the function is
        if conjugate:
            d = [np.conj(part) for part in d] if isinstance(d, list | tuple) else np.conj(d)
        if rule.declared:
            found = self.by_declared(vjp, d, out, args, kwargs, sweep.recorded)
        else:
            found = vjp(d, out, *args, **kwargs)
        if type(found) is not tuple:
            found = (found,)
        for place, parent in zip(self.places, self.parents):
            if type(place) is int and place < len(found):
                g = found[place]
            else:
                g = self.gradient_at(found, place)
            if g is not None:
                if sweep.strong and rule.by_elements and np.shape(g) == np.shape(d):
                    g = np.where(d == 0, 0, g)
                sweep.add(parent, np.conj(g) if conjugate else g)

    def by_declared(
        self, vjp: Any, d: Any, out: Any, args: list, kwargs: dict, recorded: bool
    ) -> tuple:
        """What a rule of the user's gives, which is checked."""
        if isinstance(out, tuple):
            d = rebuild(out, list(d))
        if vjp is None:
            return self.transposed(d, out, args, kwargs, recorded)
        if recorded:
            found = vjp(d, out, *args, **kwargs)
        else:
            given = declared.map_arrays(declared.read_only, (d, out, *args))
            found = declared.called(vjp, given, kwargs)
        return declared.gradients(vjp, found, args, kwargs, out)

    def transposed(self, d: Any, out: Any, args: list, kwargs: dict, recorded: bool) -> tuple:
        """The gradients of a function that has a forward rule alone: it is linear in the tangents.

        It is recorded, for tangents of zero; what it is linear in has the same gradient everywhere.
        """
        rule = self.rule
        name = declared.rule_name(rule.jvp)
        if recorded:
            raise NoRuleError(
                f"{name_of(rule.functions[0])} has no reverse rule; its forward rule {name} is not "
                "differentiated on the tape", None, "Declare a `vjp_rule` as well.")  # fmt: skip
        wanted = [n.removesuffix("_dot") for n in tangent_names(rule.jvp)]  # type: ignore[arg-type]
        given = dict(zip(rule.parameters, args)) | kwargs
        leaves: dict[tuple, Leaf] = {}
        dots = [zero_tangent(given.get(n), (n,), leaves) for n in wanted]
        made = twin(rule.jvp)(*dots, out, *args, **kwargs)
        declared.check_tangent(rule.jvp, plain(made), out)  # type: ignore[arg-type]
        pairs = zip(made, d) if isinstance(out, tuple) else [(made, d)]
        seeds = [(x._node, part) for x, part in pairs
                 if isinstance(x, Array) and x._node is not None]  # fmt: skip
        sweep = Sweep()
        sweep.run(seeds)
        reached = {n: sweep.gradient(leaf) for n, leaf in leaves.items()}
        found = {n: leaves[n].out if g is None else g for n, g in reached.items()}
        self.check_transposed(found, dots, d, out, args, kwargs)
        for place in self.places:
            first = place[0] if type(place) is tuple else place
            key = rule.parameters[first] if isinstance(first, int) else first
            if key not in wanted:
                raise NoRuleError(
                    f"the rule {name} takes no tangent of `{key}`, which is differentiated", None,
                    "Give it one, or declare a `vjp_rule`.")  # fmt: skip
        return tuple(gathered(given.get(n), (n,), found) for n in rule.parameters)

    def check_transposed(
        self, found: dict[tuple, Any], dots: list, d: Any, out: Any, args: list, kwargs: dict
    ) -> None:
        """RuleError if a forward rule is not linear, or these gradients are not its transpose: at
        tangents v it gives what pairs with d as the gradients do with v."""
        rule: Any = self.rule.jvp
        given = [declared.map_arrays(declared.read_only, x) for x in (out, *args)]
        v = {n: probe(g) for n, g in found.items()}
        values = iter(v.values())
        dots = [declared.map_leaves(lambda x: next(values) if isinstance(x, Array) else x, dot)
                for dot in dots]  # fmt: skip
        made = declared.called(rule, (*dots, *given), kwargs)
        again = [declared.scaled(dot, -2.0) for dot in dots]
        declared.check_linear(rule, made, declared.called(rule, (*again, *given), kwargs))
        pairs = zip(made, d) if isinstance(out, tuple) else [(made, d)]
        ours = [np.ravel(np.real(np.conj(v[n]) * g)) for n, g in found.items()]
        theirs = [np.ravel(np.real(np.conj(x) * part)) for x, part in pairs]
        a, b = (np.concatenate([*terms, np.zeros(0)]) for terms in (ours, theirs))
        size = np.sum(abs(a)) + np.sum(abs(b))
        close = max([declared.tolerance(np.asarray(x)) for x in (*v.values(), d, out)
                     if not isinstance(x, tuple)], default=1e-2)  # fmt: skip
        if np.isfinite(size) and abs(np.sum(a) - np.sum(b)) > close * size:
            raise declared.not_seen_linear(rule)

    def gradient_at(self, found: tuple, place: Any) -> Any:
        """What the rule gives for an argument within a list, or passed by keyword."""
        path = place if type(place) is tuple else (place,)
        first, rest = path[0], path[1:]
        if isinstance(first, str):
            names = self.rule.parameters
            first = names.index(first) if first in names else len(found)
        if first >= len(found):
            what = (f"the rule of {name_of(self.rule.functions[0])} has no derivative for"
                    f" the argument {path[0]!r}")  # fmt: skip
            if self.rule.declared:
                raise declared.too_few(self.rule, what, len(found),
                                       len(self.args) + len(self.kwargs))  # fmt: skip
            raise NoRuleError(what, None, "Make it a constant, or mark it with `detach`.")
        g = found[first]
        for step in rest:
            if g is None:
                return None
            g = g[step]
        return g

    def recorded(self, out: Any) -> tuple[list, dict, Any]:
        """Arguments and result as arrays of the tape, for a rule that is recorded itself."""
        args, kwargs = list(self.args), dict(self.kwargs)
        if self.versions:  # memory that may be written to before the recorded rule is read
            args, out = copied(args), copied(out)
            kwargs = {k: copied(v) for k, v in kwargs.items()}
        for place, parent in zip(self.places, self.parents):
            path = place if type(place) is tuple else (place,)
            home: Any = kwargs if isinstance(path[0], str) else args
            home[path[0]] = put(home[path[0]], path[1:], parent)
        if isinstance(out, tuple | list):
            items = [Array(x, Part(self, i, x)) for i, x in enumerate(out)]
            return args, kwargs, rebuild(out, items) if isinstance(out, tuple) else tuple(items)
        return args, kwargs, Array(out, self)


def copied(tree: Any) -> Any:
    """A value, or a list or tuple of such, whose arrays are nobody else's."""
    if isinstance(tree, ndarray):
        return tree.copy()
    if type(tree) in CONTAINERS:
        return type(tree)([copied(x) for x in tree])
    return tree


def put(tree: Any, path: tuple, node: Node) -> Any:
    """The tree with an array of the tape for what is found at the path."""
    if not path:
        return Array(np.float64(tree) if type(tree) is float else tree, node)
    _, held = parts_of(tree)
    parts = list(held.values())
    parts[path[0]] = put(parts[path[0]], path[1:], node)
    return rebuild(tree, parts)


def zero_tangent(tree: Any, path: tuple, leaves: dict) -> Any:
    """Tangents of zero, as arrays of the tape, for the numbers and arrays in an argument; the
    leaves that they are get their paths."""
    form = parts_of(tree)
    if form is not None:
        return rebuild(tree, [
            zero_tangent(x, (*path, i), leaves) for i, x in enumerate(form[1].values())])
    if not is_inexact(tree):
        return 0.0
    leaf = leaves[path] = Leaf(np.zeros_like(tree))
    return Array(leaf.out, leaf)


def gathered(tree: Any, path: tuple, found: dict) -> Any:
    """The gradients of the leaves of an argument, by their paths, as it is taken apart."""
    form = parts_of(tree)
    if form is None:
        return found.get(path)
    return tuple(gathered(x, (*path, i), found) for i, x in enumerate(form[1].values()))


class Part(Node):
    """One of the results of an operation that has several."""

    __slots__ = ("index",)

    def __init__(self, whole: Node, index: int, out: Any) -> None:
        Node.__init__(self, (whole,), out)
        self.index = index

    def pull(self, d: Any, sweep: Sweep) -> None:
        (whole,) = self.parents
        sweep.add_part(whole, self.index, d)


class Item(Node):
    """`x[key]`; the gradient is added at its place."""

    __slots__ = ("key",)

    def __init__(self, base: Node, key: Any, out: Any) -> None:
        Node.__init__(self, (base,), out)
        self.key = key

    def pull(self, d: Any, sweep: Sweep) -> None:
        sweep.add_at(self.parents[0], self.key, d)


# ----------------------------------------------------------------------------------------- sweep


class Sweep:
    """One reverse sweep. `gradient(node)` says afterwards what has arrived at a leaf.

    recorded   the sweep itself is recorded, so that its gradients can be differentiated
    wanted     nodes other than leaves of which `gradient` is to be asked
    strong     a cotangent of zero counts as zero where a slope is infinite, or not a number
    """

    def __init__(
        self, recorded: bool = False, wanted: Iterable[Node] = (), strong: bool = False
    ) -> None:
        self.recorded = recorded
        self.strong = strong
        self.alone: Node | None = None  # the one leaf that is swept to
        self.wanted = frozenset(wanted)
        self.found: dict[Node, Any] = {}
        self.adjoints: dict[Node, Any] = {}
        self.owned: set[Node] = set()  # whose adjoint is an array of the sweep's own
        self.restored: list[Version] = []

    def run(self, heads: Iterable[tuple[Node, Any]], keep: bool = False) -> None:
        """Sweep over all that the heads reach, then free it unless it is to be kept."""
        heads = list(heads)
        nodes = reachable([node for node, _ in heads])
        if self.alone is not None:
            leading = {self.alone}
            for node in reversed(nodes):
                if not leading.isdisjoint(node.parents):
                    leading.add(node)
            nodes = [node for node in nodes if node in leading]
        for node, d in heads:
            self.add(node, d)
        try:
            with np.errstate(all="ignore"):
                for node in nodes:
                    if node.parents:
                        d = self.adjoints.pop(node, None)
                        if d is not None:
                            if node in self.wanted:
                                self.found[node] = d
                            node.pull(d, self)
        finally:
            self.forward()
        if not keep:
            for node in nodes:
                node.free()

    def restore(self, version: Version) -> None:
        """Bring memory back into an earlier state, until the sweep is over."""
        newest = version
        while newest.next is not None:
            newest = newest.next
        self.restored.append(newest)
        restore(version)

    def forward(self) -> None:
        """Bring all memory into the state in which the sweep has found it."""
        for version in reversed(self.restored):
            restore(version)
        self.restored = []

    def gradient(self, node: Node) -> Any:
        """What has arrived at a leaf, None if nothing has."""
        return self.found[node] if node in self.found else self.adjoints.get(node)

    def add(self, node: Node, d: Any) -> None:
        """A contribution to the gradient of a node's result, of its shape or broadcast from it."""
        out = node.out
        if not (
            type(d) is ndarray and type(out) is ndarray
            and d.shape == out.shape and d.dtype is out.dtype
        ):  # fmt: skip
            d = self.fit(d, out)
        adjoints = self.adjoints
        if node not in adjoints:
            adjoints[node] = d
        elif node in self.owned and not isinstance(d, Array):
            total = adjoints[node]
            total += d
        else:
            total = adjoints[node] = adjoints[node] + d
            if type(total) is ndarray:
                self.owned.add(node)

    def fit(self, d: Any, out: Any) -> Any:
        """A contribution in the shape and the dtype of the value that it belongs to."""
        if isinstance(out, tuple | list):  # an operation with several results
            return d
        shape = np.shape(out)
        if np.shape(d) != shape:
            unbroadcast = twin(kernels.unbroadcast) if self.recorded else kernels.unbroadcast
            d = unbroadcast(d, shape)
        dtype = out.dtype if isinstance(out, ndarray | np.generic) else np.result_type(type(out))
        have = d.dtype if hasattr(d, "dtype") else np.result_type(type(d))
        if have != dtype:
            if have.kind == "c" and dtype.kind != "c":
                d = np.real(d)
            if dtype.kind in "fc":
                d = d.astype(dtype) if hasattr(d, "astype") else dtype.type(d)
        elif type(d) in (float, complex):
            d = np.asarray(d)[()]
        if type(out) is ndarray and not shape and isinstance(d, np.generic):
            d = np.asarray(d)
        return d

    def add_part(self, whole: Node, index: int, d: Any) -> None:
        parts = self.adjoints.get(whole)
        if parts is None:
            parts = self.adjoints[whole] = [np.zeros_like(x) for x in whole.out]
        if self.recorded:
            parts[index] = parts[index] + d
        else:
            parts[index] = parts[index] + self.fit(d, whole.out[index])

    def add_at(self, node: Node, key: Any, d: Any) -> None:
        """A contribution to a part of the gradient of an array."""
        if self.recorded:
            zeros = np.zeros(np.shape(node.out), node.out.dtype)
            self.add(node, apply(kernels.add_at, (zeros, key, d)))
            return
        total = self.own(node)
        kernels.add_at(total, key, self.real(d, total))

    def real(self, d: Any, like: np.ndarray) -> Any:
        return np.real(d) if is_complex(d) and like.dtype.kind != "c" else d

    def own(self, node: Node) -> Any:
        """The gradient of a node's result so far, as an array to write into."""
        adjoints = self.adjoints
        if node not in self.owned:
            old = adjoints.get(node)
            new = np.zeros(node.out.shape, node.out.dtype)
            if old is not None:
                new[...] = old
            adjoints[node] = new
            self.owned.add(node)
        return adjoints[node]


def reachable(heads: list[Node]) -> list[Node]:
    """All nodes that lead to the heads, the latest first."""
    seen = set(heads)
    todo = list(seen)
    while todo:
        node = todo.pop()
        if node.out is None:
            raise SrcdiffError(
                "the graph was freed by an earlier `backward`",
                caller(),
                "Pass `retain_graph=True` to the first `backward`, or record again.",
            )
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                todo.append(parent)
    return sorted(seen, key=operator.attrgetter("number"), reverse=True)


def is_inexact(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return type(x) in (float, complex) if dtype is None else dtype.kind in "fc"


def is_complex(x: Any) -> bool:
    """Whether a number or an array is complex, or one in a container."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype):  # it is none of a class, such as `np.float64`
        return dtype.kind == "c"
    if isinstance(x, tuple | list | dict):
        return any(map(is_complex, x.values() if isinstance(x, dict) else x))
    return type(x) is complex


# ---------------------------------------------------------------------------------- recording


def apply(function: Callable, args: tuple, kwargs: dict | None = None) -> Any:
    """Call a function; if it is given arrays of the tape, record the call.

    Raises NoRuleError for a function that has no rule, if an argument has a history.
    """
    if len(args) > 2 and (getattr(function, "__module__", None) or "").startswith("numpy"):
        names = out_and_after(function)
        if names and len(args) > len(names[0]):
            given = dict(zip(names[1], args[len(names[0]) :]))
            args, kwargs = args[: len(names[0])], {**given, **(kwargs or {})}
    if kwargs:
        args, kwargs = first_by_place(function, args, kwargs)
    if function is np.where and len(args) == 1:
        function = np.nonzero
    if kwargs and isinstance(kwargs.get("out"), Array):
        return function(*args, **kwargs)  # NumPy asks the arrays
    values = list(args)
    boxes: list[Array] = []
    places: list = []
    parents: list[Node] = []
    for i, arg in enumerate(args):
        if isinstance(arg, Array):
            values[i] = arg._value
            boxes.append(arg)
            node = arg._node
            if node is not None:
                places.append(i)
                parents.append(node)
        elif isinstance(arg, tuple | list | dict) or is_plain_object(arg):
            known = len(parents)
            values[i] = unboxed(arg, (i,), boxes, places, parents, has_declared(function))
            if len(parents) > known and makes_array(function) and not takes_parts(function, i):
                return apply(function, (*args[:i], apply(np.array, (arg,)), *args[i + 1 :]), kwargs)
    if kwargs:
        deep = has_declared(function)
        kwargs = {k: unboxed(v, (k,), boxes, places, parents, deep) for k, v in kwargs.items()}
    if not boxes:
        out = function(*values, **(kwargs or {}))
        if isinstance(out, Array) and has_declared(function):
            raise hidden(function)
        return out
    face = boxes[0] if len(boxes) == 1 else max(boxes, key=precedence)
    if not parents or not face._is_recording():
        return face._boxed(function(*values, **(kwargs or {})), None, boxes)
    rule = OWN.get(function) or rule_of(function)
    if function is np.array and kwargs and "ndmin" in kwargs and type(values[0]) in CONTAINERS:
        rest = {k: v for k, v in kwargs.items() if k != "ndmin"}  # the sweep counts no axes
        return apply(function, (apply(function, args, rest),), kwargs)
    if function in (operator.mul, operator.add, operator.sub, operator.truediv) and any(
        hasattr(v, "nnz") for v in values
    ):  # fmt: skip
        if function is not operator.mul or not any(hasattr(v, "getH") for v in values):
            raise NoRuleError(f"`{function.__name__}` of a sparse matrix", caller(),
                              "Write a product, `K @ x`, or use `K.toarray()`.")  # fmt: skip
        return apply(operator.matmul, args)
    if rule is None:
        rule = rule_of(function, forward=True)
        rule = rule if rule is not None and rule.declared else None
    if rule is None:
        if function in NONDIFFERENTIABLE or function in PLAIN:
            out = function(*values, **(kwargs or {}))
            if not isinstance(function, types.FunctionType):
                return face._boxed(out, None, boxes)
            made = face._boxed(copied(out), None, boxes)  # it may return its argument
            face._note_shared(out, made, boxes, function)
            return made
        raise no_rule(function)
    for i, value in enumerate(values):
        if type(value) not in CONTAINERS or function in TAKES_SEQUENCES:
            continue
        if rule.takes_array(i) or rule.of_operands:
            values[i] = np.array(value)
    kwargs = kwargs or {}
    if not rule.declared:
        given, kwargs = not_overwriting(rule, tuple(values), kwargs)
        values = list(given)
    if "out" in kwargs:
        if kwargs["out"] is not None:
            raise lost(f"`out=` of `{name_of(function)}`", "Use what the function returns.")
        del kwargs["out"]
    signature = rule, len(values), *kwargs
    if signature not in _accepted:
        check_call(rule, function, values, kwargs)
        _accepted.add(signature)
    if rule.declared:
        declared.check_places(rule, [p[0] if type(p) is tuple else p for p in places], caller())
        out, rule = call_declared(function, rule, values, kwargs)
    else:
        out = function(*values, **kwargs)
    returned = out
    if rule.declared:  # what it returns is new, whatever it is made of
        out = copied(out)
    found = face._view(out, boxes)
    if found is not None:
        return found
    kind = out.dtype.kind if isinstance(out, ndarray | np.generic) else "f"
    if kind not in "fc" or function in STEPS and kind == "f":  # a cast to ints
        if kind == "O":
            raise lost(f"an array of objects, made by `{name_of(function)}`,", "Use a list.")
        return face._boxed(out, None, boxes)
    versions = tuple([box._memory.hold() for box in boxes if box._memory is not None])
    node = Operation(rule, values, kwargs, out, tuple(places), tuple(parents), versions)
    made = face._boxed(out, node, boxes)
    if rule.declared:
        face._note_shared(returned, made, boxes, function)
    return made


def call_declared(function: Callable, rule: Rule, values: list, kwargs: dict) -> tuple[Any, Rule]:
    """What a function with a rule of the user's returns, and the rule for this call: it may not
    write to its arguments, which would not be seen."""
    given = values, kwargs
    before = copied_deep(given)
    if rule.pair is not None:
        out, rule = declared.halved(rule, values)
    else:
        out = function(*values, **kwargs)
    if not is_same(before, given):
        raise UnsupportedSyntaxError(
            f"`{name_of(function)}`, which has a derivative rule, writes to its arguments",
            caller(), "Let it make new arrays.")  # fmt: skip
    form = parts_of(out)
    if any(isinstance(x, Array) for x in (form[1].values() if form is not None else (out,))):
        raise hidden(function)
    if form is not None and not isinstance(out, tuple | list):
        raise declared.returns(function, f"a `{type(out).__name__}`", caller())
    if form is not None and any(parts_of(x) is not None for x in form[1].values()):
        raise declared.returns(function, "containers in a container", caller())
    return out, rule


def hidden(function: Callable) -> UnsupportedSyntaxError:
    """The error of what depends on arrays of the tape that are no arguments."""
    return UnsupportedSyntaxError(
        f"`{name_of(function)}`, which has a derivative rule, reads what is differentiated in "
        "something that is no list, tuple, dict or object of a class of yours", caller(),
        "Pass it as an argument of its own.")  # fmt: skip


def copied_deep(tree: Any, above: tuple = ()) -> Any:
    """The tree with copies of its arrays and containers."""
    if isinstance(tree, ndarray):
        return tree.copy()
    form = parts_of(tree)
    if form is None or id(tree) in above:
        return tree
    above = (*above, id(tree))
    return form[0], {k: copied_deep(x, above) for k, x in form[1].items()}


def is_same(before: Any, now: Any) -> bool:
    """Whether a tree is as it was when `copied_deep` made a copy of it."""
    if isinstance(now, ndarray):
        return isinstance(before, ndarray) and before.shape == now.shape and (
            before.dtype.kind == "O" or before.tobytes() == now.tobytes()
        )  # fmt: skip
    form = parts_of(now)
    if form is None or before is now:
        return before is now or type(before) is type(now) and repr(before) == repr(now)
    held = before[1]
    return held.keys() == form[1].keys() and all(is_same(held[k], x) for k, x in form[1].items())


def cast_to(ufunc: np.ufunc, inputs: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments of `ufunc(…, dtype=…)`, cast to that dtype; as they are where there is more."""
    if kwargs["dtype"] is None:
        return inputs, {k: v for k, v in kwargs.items() if k != "dtype"}
    dtype = np.dtype(kwargs["dtype"])
    loop = f"{dtype.char * ufunc.nin}->{dtype.char * ufunc.nout}"
    given = [np.asarray(plain(x)).dtype for x in inputs]
    if loop not in ufunc.types or not all(np.can_cast(d, dtype, "same_kind") for d in given):
        return inputs, kwargs
    del kwargs["dtype"]
    return tuple(apply(np.asarray, (x,), {"dtype": dtype}) for x in inputs), kwargs


def probe(like: Any) -> Any:
    """A tangent of this shape and dtype of which no element is like another.

    >>> probe(np.zeros(2)).round(2)
    array([1.12, 0.74])
    """
    n = np.size(like)
    signs = (-1.0) ** (np.arange(n) // 2)
    v = (0.5 + np.arange(1, n + 1) * 0.6180339887498949 % 1) * signs
    v = (v * (1 + 0.5j) if is_complex(like) else v).reshape(np.shape(like))
    return v.astype(np.asarray(like).dtype)[() if type(like) is not ndarray else ...]


def takes_parts(function: Any, place: int) -> bool:
    rule = rule_of(function)
    return rule is not None and rule.takes_parts(place)


@functools.cache
def out_and_after(function: Callable) -> tuple[list[str], list[str]] | None:
    """The parameters of a function of NumPy's before `out`, and from it on; None without one.

    >>> out_and_after(np.max)[0], out_and_after(np.exp)
    (['a', 'axis'], None)
    """
    if isinstance(function, np.ufunc):
        return None
    try:
        found = inspect.signature(function).parameters.values()
        names = [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        names = ["a", "b", "out"] if function is np.dot else []
    if "out" not in names:
        return None
    at = names.index("out")
    return names[:at], names[at:]


def makes_array(function: Any) -> bool:
    """Whether a function of arrays makes one of a list: its rule is written for arrays.

    >>> makes_array(np.exp), makes_array(np.linalg.norm), makes_array(np.concatenate)
    (True, True, False)
    """
    if isinstance(function, np.ufunc) or function is operator.matmul:
        return True
    module = getattr(function, "__module__", None) or ""
    return module.partition(".")[0] in ("numpy", "scipy") and function not in TAKES_SEQUENCES


TAKES_SEQUENCES = {
    np.array, np.asarray, np.asanyarray, np.stack, np.concatenate, np.vstack, np.hstack, np.dstack,
    np.column_stack, np.block, np.meshgrid, np.select, np.choose, np.linalg.multi_dot,
    np.broadcast_arrays, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.ix_, np.einsum,
}  # fmt: skip


_accepted: set[tuple] = set()  # calls that their rules are known to take

# What `apply` looks into for arrays of the tape.
CONTAINERS = frozenset((list, tuple))

precedence = operator.attrgetter("_precedence")


def unboxed(tree: Any, path: tuple, boxes: list, places: list, parents: list,
            deep: bool = False, above: tuple = ()) -> Any:  # fmt: skip
    """A tree of arguments without arrays of the tape, which are added to the lists.

    deep    objects are taken apart
    above   the objects that it is in: what holds itself is a constant there
    """
    if isinstance(tree, Array):
        boxes.append(tree)
        node = tree._node
        if node is not None:
            places.append(path)
            parents.append(node)
        return tree._value
    if not deep and not isinstance(tree, tuple | list | dict) or id(tree) in above:
        return tree
    form, above = parts_of(tree), (*above, id(tree))
    if form is None:
        return tree
    known = len(boxes)
    parts = [unboxed(x, (*path, i), boxes, places, parents, deep, above)
             for i, x in enumerate(form[1].values())]  # fmt: skip
    return tree if len(boxes) == known else rebuild(tree, parts)


def has_declared(function: Any) -> bool:
    """Whether a derivative of a function was declared outside srcdiff."""
    rule = rule_of(function, forward=True)
    if rule is not None:
        return rule.declared
    return function in NONDIFFERENTIABLE and is_outside(function)


def plain(tree: Any) -> Any:
    """A value, or a list or tuple of such, without arrays of the tape."""
    if isinstance(tree, Array):
        return tree._value
    if type(tree) in CONTAINERS:
        return type(tree)([plain(x) for x in tree])
    if type(tree) is slice:
        return slice(plain(tree.start), plain(tree.stop), plain(tree.step))
    return tree


def check_call(rule: Rule, function: Callable, args: list, kwargs: dict) -> None:
    """Refuse a call that the rule does not take."""
    try:
        first = 2 if rule.vjp is not None else len(tangent_names(rule.jvp)) + 1  # type: ignore[arg-type]
        _signature(rule.vjp or rule.jvp).bind(*[None] * first, *args, **kwargs)
    except TypeError as error:
        try:  # perhaps the call is wrong: then the function says so
            function(*args, **kwargs)
        finally:
            pass
        raise NoRuleError(
            f"the rule of {name_of(function)} does not take these arguments ({error})",
            caller(),
            "Leave the keyword out, or give the function a rule that knows it.",
        ) from None


_signature = functools.cache(inspect.signature)


def astype(x: Any, dtype: Any, **kwargs: Any) -> Any:
    """`x.astype(dtype)`"""
    return x.astype(dtype, **kwargs)


def _same_vjp(d_out, out, x, *args, **kwargs):
    """out = x, cast, or put together of a list: the sweep casts, and takes what belongs to each"""
    return (d_out,)


_SAME = Rule((), _same_vjp, linear=("x",), analytic=False, name="same")
OWN: dict[Any, Rule] = {
    function: _SAME
    for function in (
        np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128,
        astype, getattr(np, "astype", astype), np.array, np.asarray, np.asanyarray, np.copy,
        np.ascontiguousarray, np.asfortranarray,
    )
}  # fmt: skip

# Functions of arrays that depend on no float in them, or give nothing that has a derivative.
PLAIN: set[Any] = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.may_share_memory, np.shares_memory, np.array2string, np.array_repr, np.array_str,
    np.zeros_like, np.ones_like, np.empty_like, np.common_type, np.min_scalar_type,
}  # fmt: skip


def no_rule(function: Any) -> NoRuleError:
    return NoRuleError(
        f"{name_of(function)} has no derivative rule",
        caller(),
        "Give it one with `vjp_rule`, or mark what it is given with `detach`.",
    )


def lost(what: str, instead: str) -> UnsupportedSyntaxError:
    """The error for what would cut an array off from its history."""
    return UnsupportedSyntaxError(
        f"{what} would lose the gradient of an array that is recorded", caller(), instead
    )


def name_of(function: Any) -> str:
    """
    >>> name_of(np.linalg.norm), name_of(math.sin), name_of(operator.mul), name_of(np.exp)
    ('np.linalg.norm', 'math.sin', 'mul', 'np.exp')
    """
    if isinstance(function, functools.partial):
        return name_of(function.func)
    if isinstance(function, np.ufunc):
        name, homes = function.__name__, ("numpy", "scipy.special")
        known = [m for m in homes if vars(sys.modules.get(m, object)).get(name) is function]
        module = known[0] if known else ""
    else:
        module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", getattr(function, "__name__", repr(function)))
    if module.startswith("numpy") or module in ("math", "cmath") or module.startswith("scipy"):
        return f"{module.replace('numpy', 'np', 1)}.{name}"
    return str(name).rpartition("__taped__.<locals>.")[2]  # as it was before it was rewritten


_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(os.path.abspath(np.__file__))


def caller() -> Location | None:
    """The user's expression that is being evaluated: the innermost not in NumPy or srcdiff."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        ours = filename.startswith((_NUMPY, "<__array_function__")) or (
            frame.f_globals.get("__name__", "").partition(".")[0] == "srcdiff"
        )
        if not ours:
            break
        frame = frame.f_back
    if frame is None:
        return None
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    line, end_line, column, end_column = positions
    if line is None:
        return None
    return Location(
        filename, line, column or 0, end_line or line, end_column or 0, frame.f_code.co_qualname
    )


# ------------------------------------------------------------------ rules that are differentiated


class _Recording:
    """The module `math`, `cmath` or `numpy` for a rule that is recorded: all of it dispatches."""

    def __init__(self, module: types.ModuleType, names: Iterable[str]) -> None:
        self._module = module
        for name in names:
            setattr(self, name, dispatching(getattr(module, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


_twins: dict[Any, Callable] = {}


def dispatching(function: Callable) -> Callable:
    """The function, recorded when it is given arrays of the tape."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return apply(function, tuple(map(plain_function, args)), kwargs)

    vars(call)["dispatches_to"] = function
    return call


def plain_function(x: Any) -> Any:
    """The function of which x is the dispatching one, or x: rules know functions by identity."""
    return vars(x).get("dispatches_to", x) if isinstance(x, types.FunctionType) else x


def twin(function: Any) -> Callable:
    """A rule or a kernel as it runs on arrays of the tape.

    The same code; but `math`, `cmath`, SciPy and the kernels that have rules are recorded.

    >>> x = Array(np.float64(2.0), Leaf(np.float64(2.0)))
    >>> twin(rule_of(math.sin).vjp)(1.0, None, x)._value == math.cos(2.0)
    True
    """
    found = _twins.get(function)
    if found is not None:
        return found
    namespace = dict(function.__globals__)
    made = types.FunctionType(
        function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    _twins[function] = made
    for name in names_in(function.__code__):
        obj = namespace.get(name)
        if obj is math or obj is cmath:
            functions = [n for n, f in vars(obj).items() if callable(f)]
            namespace[name] = _Recording(obj, functions)
        elif obj is np:
            namespace[name] = _Recording(np, ("array", "asarray", "full"))
        elif isinstance(obj, types.ModuleType) and obj.__name__.startswith("scipy."):
            functions = [n for n in names_in(made.__code__) if callable(getattr(obj, n, None))]
            namespace[name] = _Recording(obj, functions)
        elif isinstance(obj, types.FunctionType) and obj.__module__.startswith("srcdiff.runtime"):
            known = rule_of(obj) is not None or obj in NONDIFFERENTIABLE
            inlined = not known or obj is kernels.unbroadcast
            namespace[name] = twin(obj) if inlined else dispatching(obj)
        elif isinstance(obj, types.BuiltinFunctionType | types.FunctionType) and rule_of(obj):
            namespace[name] = dispatching(obj)
    return made


def names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from names_in(const)


# ---------------------------------------------------------------------------------------- arrays


class Array:
    """A NumPy array or number that knows the node that made it, None for a constant.

    NumPy's functions and Python's operators take it and give one back. It behaves like the array
    that it holds, but cannot be written into.

    >>> x = Array(np.array([1.0, 2.0]), Leaf(np.array([1.0, 2.0])))
    >>> y = np.sum(x**2)
    >>> y
    Array(5.)
    >>> gradients(y, [x])
    [array([2., 4.])]
    """

    __slots__ = ("_value", "_node", "_memory", "__weakref__")
    __array_priority__ = 1000.0
    _precedence = 0

    def __init__(self, value: Any, node: Node | None = None, memory: Memory | None = None) -> None:
        self._value = value
        self._node = node
        self._memory = memory

    # What a subclass may decide.

    def _is_recording(self) -> bool:
        return True

    def _boxed(self, out: Any, node: Node | None, boxes: list[Array]) -> Any:
        """The result of an operation; what has no history stays as it is."""
        if node is None:
            return out
        if isinstance(out, tuple | list):
            parts = [Array(x, Part(node, i, x)) for i, x in enumerate(out)]
            return out._make(parts) if hasattr(out, "_make") else type(out)(parts)
        return Array(out, node)

    def _view(self, out: Any, boxes: list[Array]) -> Any:
        """The result of an operation that needs no node, None if it needs one."""
        return None

    def _note_shared(self, out: Any, made: Any, boxes: list[Array], function: Any) -> None:
        """What a function of the user's has returned, of which there is a copy, may be memory of
        its arguments: then a store into one of them would have to be seen in the other."""

    def _refuse_write(self, form: str) -> Any:
        raise lost(f"`{form}`", "Use an expression that makes a new array.")

    # What NumPy asks.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        if out is not None:
            form = "out="
            if len(out) == 1 and method == "__call__" and any(out[0] is x for x in inputs):
                form = f"{ufunc.__name__} in place"
            if isinstance(out[0], Array):
                writer = type(out[0]).__array_ufunc__
                if writer is not type(self).__array_ufunc__:  # NumPy asks the first operand first
                    return writer(out[0], ufunc, method, *inputs, **kwargs)
                return out[0]._refuse_write(form)
            raise lost(f"`{form}` of `{name_of(ufunc)}`", "Use what the function returns.")
        if method == "__call__":
            if "dtype" in kwargs:
                inputs, kwargs = cast_to(ufunc, inputs, dict(kwargs))
            return apply(ufunc, inputs, kwargs)
        if method in ("reduce", "accumulate"):
            function: Any = (REDUCE if method == "reduce" else ACCUMULATE).get(ufunc)
            if function is not None:
                rest = dict(zip(("axis", "dtype"), inputs[1:])) | kwargs
                rest.setdefault("axis", 0)
                return apply(function, inputs[:1], rest)
        if getattr(ufunc, method) in RULES:
            return apply(getattr(ufunc, method), inputs, kwargs)
        if method == "outer" and not kwargs:
            a, b = inputs
            return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)
        if not any(isinstance(x, Array) and x._node is not None for x in inputs):
            return getattr(ufunc, method)(*map(plain, inputs), **kwargs)
        raise no_rule(getattr(ufunc, method))

    def __array_function__(self, func: Any, kinds: Any, args: tuple, kwargs: dict) -> Any:
        special = FUNCTIONS.get(func)
        if special is not None:
            return special(*args, **kwargs)
        if func in RULES or func in NONDIFFERENTIABLE or func in OWN or func in PLAIN:
            return apply(func, args, kwargs)
        boxes: list = []
        parents: list = []
        values = unboxed([args, kwargs and list(kwargs.values())], (), boxes, [], parents)
        if not parents or not boxes[0]._is_recording():
            values[1] = dict(zip(kwargs, values[1])) if kwargs else {}
            return max(boxes, key=precedence)._boxed(func(*values[0], **values[1]), None, boxes)
        body = getattr(func, "_implementation", None)
        if isinstance(body, types.FunctionType):  # Python over functions that may have rules
            try:
                return body(*args, **kwargs)
            except SrcdiffError as error:
                raise no_rule(func) from error
        raise no_rule(func)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self._check_conversion("np.asarray(x)", "Use a function of NumPy's that has a rule.")
        return np.array(self._value, dtype, copy=copy)

    def _check_conversion(self, what: str, instead: str) -> None:
        if self._node is not None and self._is_recording():
            raise lost(f"`{what}`", instead)

    def __float__(self) -> float:
        self._check_conversion("float(x)", "Use `x` itself, or `x.item()`; of `math`, use NumPy's.")
        return float(self._value)

    def __complex__(self) -> complex:
        self._check_conversion("complex(x)", "Use `x` itself.")
        return complex(self._value)

    # Python's own number would be a constant; these are constants everywhere but at jumps.

    def __int__(self) -> int:
        return int(self._value)

    def __index__(self) -> int:
        return operator.index(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __round__(self, digits: Any = None) -> Any:
        return round(self._value) if digits is None else round(self._value, digits)

    def __trunc__(self) -> int:
        return math.trunc(self._value)

    def __floor__(self) -> int:
        return math.floor(self._value)

    def __ceil__(self) -> int:
        return math.ceil(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return plain(x) in self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({np.array2string(np.asarray(self._value), separator=', ')})"

    def __str__(self) -> str:
        return str(self._value)

    def __format__(self, spec: str) -> str:
        return format(self._value, spec)

    def __getitem__(self, key: Any) -> Any:
        key = plain(key)
        out = self._value[key]
        found = self._view(out, [self])
        if found is not None:
            return found
        node: Any = self._node
        recorded = node is not None and self._is_recording()
        return self._boxed(out, Item(node, key, out) if recorded else None, [self])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse_write("x[...] =")

    # What an array has.

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self._value)

    @property
    def ndim(self) -> int:
        return np.ndim(self._value)

    @property
    def size(self) -> int:
        return int(np.size(self._value))

    @property
    def dtype(self) -> np.dtype:
        return np.asarray(self._value).dtype

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return np.real(self)

    @property
    def imag(self) -> Any:
        return np.imag(self)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        shape = shape[0] if len(shape) == 1 else shape
        return apply(np.reshape, (self, plain(shape)), {} if order == "C" else {"order": order})

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 else axes or None
        return apply(np.transpose, (self,) if order is None else (self, order))

    def flatten(self, order: str = "C") -> Any:
        return np.copy(self.reshape(-1, order=order))

    def copy(self, order: str = "C") -> Any:
        return apply(np.copy, (self,), {"order": order})

    def astype(self, dtype: Any, **kwargs: Any) -> Any:
        if np.dtype(dtype).kind not in "fc":  # its derivative is zero
            return self._boxed(np.asarray(self._value).astype(dtype)[()], None, [self])
        return apply(astype, (self._as_array(), dtype), kwargs)

    def _as_array(self) -> Any:
        return self if isinstance(self._value, np.ndarray | np.generic) else np.float64(self)

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Any:
        return apply(np.clip, (self, min, max), {} if out is None else {"out": out})

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        kwargs = {"axis": axis, "out": out}
        given = {k: v for k, v in kwargs.items() if v is not None}
        return apply(np.compress, (condition, self), given)

    def item(self, *index: Any) -> Any:
        x = self
        if isinstance(self._value, ndarray) and self._value.ndim:
            x = self.reshape(-1)[index[0] if len(index) == 1 else 0] if len(index) < 2 else (
                self[index]
            )  # fmt: skip
            if not index and self._value.size != 1:
                return self._value.item()  # NumPy's error
        kind = type(np.asarray(plain(x)).item())
        return apply(kind, (x,)) if kind in (float, complex) else kind(plain(x))

    def tolist(self) -> Any:
        if not self.ndim:
            return self.item()
        return [x.tolist() if isinstance(x, Array) else x for x in self]

    def is_integer(self) -> bool:
        return float(self._value).is_integer()

    def sort(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_write("x.sort()")

    def fill(self, value: Any) -> None:
        self._refuse_write("x.fill()")


# ufunc.reduce and ufunc.accumulate, whose axis is 0 unless given.
REDUCE = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
ACCUMULATE = {np.add: np.cumsum, np.multiply: np.cumprod}

# Methods that are functions of the same name and arguments.
METHODS = {
    name: getattr(np, name)
    for name in """sum prod mean std var max min argmax argmin any all cumsum cumprod trace dot
    round squeeze swapaxes repeat take diagonal nonzero searchsorted argsort argpartition ravel
    conj conjugate choose""".split()
}
FUNCTIONS: dict[Any, Callable] = {}  # of NumPy's, that take arrays of the tape in their own way

BINARY = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "pow": operator.pow, "mod": operator.mod, "matmul": operator.matmul,
    "floordiv": operator.floordiv,
}  # fmt: skip
COMPARE = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip
LOGICAL = {
    "and": operator.and_, "or": operator.or_, "xor": operator.xor,
    "lshift": operator.lshift, "rshift": operator.rshift,
}  # fmt: skip
UNARY: dict[str, Callable] = {
    "neg": operator.neg, "pos": operator.pos, "abs": operator.abs, "invert": operator.invert,
}  # fmt: skip
SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "mod": "%", "matmul": "@",
    "floordiv": "//", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip


def _operand(x: Any) -> bool:
    """Whether an operator takes x; what else there is may know what to do with an array."""
    return isinstance(x, Array | np.ndarray | np.generic | int | float | complex | list | tuple)


def _operators() -> None:
    def binary(function: Callable, reflected: bool) -> Callable:
        if reflected:

            def method(self: Array, other: Any) -> Any:
                return apply(function, (other, self)) if _operand(other) else NotImplemented

        else:

            def method(self: Array, other: Any) -> Any:
                return apply(function, (self, other)) if _operand(other) else NotImplemented

        return method

    def in_place(name: str, function: Callable) -> Callable:
        def method(self: Array, other: Any) -> Any:
            if isinstance(self._value, ndarray):
                return self._refuse_write(f"{SIGNS[name]}=")
            return function(self, other)

        return method

    def unary(function: Callable) -> Callable:
        return lambda self: apply(function, (self,))

    def method_of(function: Callable) -> Callable:
        return lambda self, *args, **kwargs: apply(function, (self, *args), kwargs)

    for name, function in (BINARY | LOGICAL).items():
        setattr(Array, f"__{name}__", binary(function, False))
        setattr(Array, f"__r{name}__", binary(function, True))
        setattr(Array, f"__i{name}__", in_place(name, function))
    for name, function in COMPARE.items():
        setattr(Array, f"__{name}__", binary(function, False))
    for name, one in UNARY.items():
        setattr(Array, f"__{name}__", unary(one))
    for name, method in METHODS.items():
        setattr(Array, name, method_of(method))

    def divmod_(self: Any, other: Any) -> Any:
        return operator.floordiv(self, other), operator.mod(self, other)

    Array.__divmod__ = divmod_  # type: ignore[operator]


_operators()


# ------------------------------------------------------------------------------------- gradients


def gradients(
    head: Array, wanted: Iterable[Array], d_head: Any = None, recorded: bool = False
) -> list:
    """The gradients of one array with respect to others; the graph is kept.

    >>> x = Array(np.float64(3.0), Leaf(np.float64(3.0)))
    >>> (dy,) = gradients(x**3, [x], recorded=True)
    >>> gradients(dy, [x])
    [np.float64(18.0)]
    """
    if d_head is None:
        d_head = np.ones_like(head._value)
    wanted = list(wanted)
    sweep = Sweep(recorded, [x._node for x in wanted if x._node is not None])
    found = []
    if head._node is not None:
        sweep.run([(head._node, d_head)], keep=True)
    for x in wanted:
        d = sweep.gradient(x._node) if x._node is not None else None
        found.append(np.zeros_like(x._value) if d is None else d)
    return found
