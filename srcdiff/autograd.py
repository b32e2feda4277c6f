"""Recording and differentiating `nd` arrays, as MXNet's `autograd` does.

    x.attach_grad()
    with autograd.record():        recording on, training on
        y = model(x)
    y.backward()                   x.grad is the gradient of what ran

The flags belong to a thread, and to an asyncio task: none sees what another records.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from srcdiff.ndarray import Marked, NDArray, in_graph
from srcdiff.runtime.errors import SrcdiffError
from srcdiff.runtime.modes import (
    is_recording,
    is_training,
    modes,
    predict_mode,
    set_recording,
    set_training,
    train_mode,
)
from srcdiff.runtime.tape import Array, Node, Part, Sweep, Version, caller, reachable

__all__ = [
    "Function", "backward", "get_symbol", "grad", "is_recording", "is_training", "mark_variables",
    "pause", "predict_mode", "record", "set_recording", "set_training", "train_mode",
]  # fmt: skip


def record(train_mode: bool | None = True) -> contextlib.AbstractContextManager[None]:
    """Recording inside a `with`, and training as given; None leaves that as it is.

    >>> with record():
    ...     is_recording(), is_training()
    (True, True)
    >>> is_recording(), is_training()
    (False, False)
    """
    return modes(recording=True, training=train_mode)


def pause(train_mode: bool | None = False) -> contextlib.AbstractContextManager[None]:
    """No recording inside a `with`, and training as given; None leaves that as it is.

    >>> with record():
    ...     with pause():
    ...         print(is_recording(), is_training())
    False False
    """
    return modes(recording=False, training=train_mode)


def mark_variables(variables: Any, gradients: Any, grad_reqs: Any = "write") -> None:
    """Mark arrays, with the buffers that their gradients are to be written to.

    grad_reqs   "write", "add" or "null" (see `NDArray.attach_grad`), one or a list

    >>> from srcdiff import nd
    >>> x, g = nd.ones(2), nd.zeros(2)
    >>> mark_variables(x, g)
    >>> x.grad is g
    True
    """
    variables, gradients = listed(variables), listed(gradients)
    reqs = [grad_reqs] * len(variables) if isinstance(grad_reqs, str) else list(grad_reqs)
    if not len(variables) == len(gradients) == len(reqs):
        raise ValueError("as many gradients and grad_reqs as variables are needed")
    for variable, gradient, req in zip(variables, gradients, reqs):
        variable._mark(gradient, req)


def backward(
    heads: Any, head_grads: Any = None, retain_graph: bool = False, train_mode: bool = True
) -> None:
    """Put the gradients of arrays into the `grad` of the marked arrays that they depend on.

    heads          an NDArray or several; the gradients of all are summed, in one sweep
    head_grads     their own gradients, each of the shape of its head; None for ones
    retain_graph   keep what is needed for another `backward`
    train_mode     what `is_training()` says meanwhile

    Raises SrcdiffError if a head was not recorded, or its graph was freed.

    >>> from srcdiff import nd
    >>> x = nd.ones(2)
    >>> x.attach_grad()
    >>> with record():
    ...     y, z = 2 * x, x * x
    >>> backward([y, z])
    >>> x.grad.asnumpy()
    array([4., 4.], dtype=float32)
    """
    sweep = Sweep()
    with modes(recording=False, training=train_mode):
        sweep.run(seeds(heads, head_grads), retain_graph)
    for node, d in sweep.adjoints.items():
        if type(node) is Marked:
            node.receive(d)


def grad(
    heads: Any, variables: Any, head_grads: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, train_mode: bool = True,
) -> Any:  # fmt: skip
    """The gradients of the sum of arrays, as new arrays; no `grad` buffer is written to.

    variables      arrays in a graph, a list of them for a list of gradients; zeros where the heads
                   do not depend on one
    create_graph   the gradients can be differentiated in turn; the graph is then kept, unless
                   `retain_graph` says otherwise

    >>> from srcdiff import nd
    >>> x = nd.array([3])
    >>> x.attach_grad()
    >>> with record():
    ...     y = x**3
    >>> (dy,) = grad(y, [x], create_graph=True)
    >>> dy.backward()
    >>> dy.asscalar(), x.grad.asscalar()
    (np.float32(27.0), np.float32(18.0))
    """
    wanted = listed(variables)
    if not wanted:
        raise ValueError("no variables to differentiate with respect to")
    for variable in wanted:
        if variable._node is None:
            raise SrcdiffError(
                "a variable is in no graph", caller(), "Mark it with `attach_grad()` and record."
            )
    sweep = Sweep(create_graph, [variable._node for variable in wanted])
    with modes(recording=create_graph, training=train_mode):
        keep = create_graph if retain_graph is None else retain_graph
        found = seeds(heads, head_grads, create_graph)
        sweep.run(found, keep=True)
        gradients = [result(sweep.gradient(x._node), x, create_graph) for x in wanted]
        if not keep:
            free(node for node, _ in found)
    return gradients[0] if isinstance(variables, NDArray) else gradients


def free(heads: Any) -> None:
    """Free the graph that leads to nodes."""
    for node in reachable(list(heads)):
        node.free()


def listed(arrays: Any) -> list:
    return [arrays] if isinstance(arrays, NDArray) else list(arrays)


def seeds(heads: Any, head_grads: Any, recorded: bool = False) -> list[tuple[Node, Any]]:
    """The nodes of the heads, each with its gradient."""
    heads = listed(heads)
    given = [None] * len(heads) if head_grads is None else listed(head_grads)
    if len(given) != len(heads):
        raise ValueError(f"{len(heads)} heads, but {len(given)} head gradients")
    found: list[tuple[Node, Any]] = []
    for head, d in zip(heads, given):
        node, value = head._node, head._value
        if node is None:
            raise SrcdiffError(
                "`backward` of an array that has no graph", caller(),
                "Compute it inside `with autograd.record():` from arrays that are marked with "
                "`attach_grad()`; floor, sign and comparisons give constants.",
            )  # fmt: skip
        if d is None:
            found.append((node, np.ones(np.shape(node.out), value.dtype)))
            continue
        d = d if isinstance(d, NDArray) else NDArray(np.array(d, value.dtype, ndmin=1))
        if d.shape != value.shape:
            raise ValueError(f"a head gradient of shape {d.shape} for a head of {value.shape}")
        found.append((node, Array(d._value.copy(), d._node) if recorded else d._value))
    return found


def result(d: Any, variable: NDArray, recorded: bool) -> NDArray:
    """What a sweep has found, as a new array of the shape of the variable."""
    value = np.zeros(variable.shape, variable.dtype)
    node = d._node if isinstance(d, Array) else None
    if d is not None:
        value[...] = d._value if isinstance(d, Array) else d
    if not recorded:
        return NDArray(value)
    return in_graph(value, node or Constant((variable._node,), value), ())


class Constant(Node):
    """A gradient that does not depend on the variable: its own derivative is zero."""

    __slots__ = ()

    def pull(self, d: Any, sweep: Sweep) -> None:
        (variable,) = self.parents
        sweep.add(variable, np.zeros_like(variable.out))


def get_symbol(x: NDArray) -> None:
    """There are no symbols here: always raises SrcdiffError."""
    raise SrcdiffError("`get_symbol`: there are no symbols, only arrays", caller())


class Function:
    """A function of arrays with a derivative of one's own.

    A subclass has `forward(self, *inputs)`, which is not recorded, and
    `backward(self, *output_grads)`, which returns one gradient per input, of its shape; None for
    zeros. An instance is called once.

    >>> from srcdiff import nd
    >>> class Double(Function):
    ...     def forward(self, x):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return 2 * dy
    >>> x = nd.ones(1)
    >>> x.attach_grad()
    >>> with record():
    ...     y = Double()(x)
    >>> y.backward()
    >>> x.grad.asscalar()
    np.float32(2.0)
    """

    _saved: tuple = ()
    _used = False

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `forward`")

    def backward(self, *output_grads: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `backward`")

    def save_for_backward(self, *args: Any) -> None:
        """Keep arrays for `backward`, which finds them in `saved_tensors`."""
        self._saved = args

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` was given."""
        return self._saved

    def __call__(self, *inputs: Any) -> Any:
        if self._used:
            raise SrcdiffError(
                f"an instance of {type(self).__name__} can be called once", caller(),
                f"Make another one: `{type(self).__name__}()(x)`.",
            )  # fmt: skip
        self._used = True
        with modes(recording=False):
            outputs = self.forward(*inputs)
        ours = [x for x in inputs if isinstance(x, NDArray)]
        if not is_recording() or all(x._node is None for x in ours):
            return outputs
        several = isinstance(outputs, tuple | list)
        arrays = list(outputs) if several else [outputs]
        for i, y in enumerate(arrays):
            if not isinstance(y, NDArray):
                raise TypeError(f"{type(self).__name__}.forward returned {y!r}, no NDArray")
            if y._node is not None or any(y is x for x in ours):
                arrays[i] = NDArray(y.asnumpy())
        read = [x for x in (*ours, *arrays, *self._saved) if isinstance(x, NDArray)]
        versions = tuple([x._memory.hold() for x in read])
        call = Call(self, inputs, tuple(y._value for y in arrays), versions)
        for i, y in enumerate(arrays):
            y._node, y._made = Part(call, i, y._value), y._memory.version
            y._memory.in_graph = True
        return (tuple(arrays) if isinstance(outputs, tuple) else arrays) if several else arrays[0]


class Call(Node):
    """A call of a `Function`. Its result is the tuple of the outputs.

    places     where the parents' arrays stand among the inputs
    shapes     of the inputs, None for what is no array
    versions   of the memory of the inputs, the outputs and what was saved
    """

    __slots__ = ("function", "places", "shapes", "versions")

    def __init__(
        self, function: Function, inputs: Sequence[Any], out: tuple, versions: tuple[Version, ...]
    ) -> None:
        self.versions = versions
        nodes = [x._node if isinstance(x, NDArray) else None for x in inputs]
        Node.__init__(self, tuple(node for node in nodes if node is not None), out)
        self.places = [i for i, node in enumerate(nodes) if node is not None]
        self.shapes = [x.shape if isinstance(x, NDArray) else None for x in inputs]
        self.function: Any = function

    def free(self) -> None:
        Node.free(self)
        self.function, self.versions = None, ()

    def pull(self, d: Any, sweep: Sweep) -> None:
        name = type(self.function).__name__
        for version in self.versions:
            if version.next is not None:
                if sweep.recorded:
                    raise SrcdiffError(f"what {name} was given was written to after it was called")
                sweep.restore(version)
        grads = [
            in_graph(np.copy(x._value), x._node, ())
            if isinstance(x, Array) and x._node is not None
            else NDArray(np.copy(x._value if isinstance(x, Array) else x))
            for x in d
        ]
        found = self.function.backward(*grads)
        found = found if isinstance(found, tuple | list) else (found,)
        if len(found) != len(self.shapes):
            raise SrcdiffError(
                f"{name}.backward returned {len(found)} gradients for {len(self.shapes)} inputs",
                None, "Return one for each input of `forward`, None for zeros.",
            )  # fmt: skip
        for place, parent in zip(self.places, self.parents):
            g = found[place]
            if g is None:
                continue
            if np.shape(g) != self.shapes[place]:
                raise SrcdiffError(
                    f"{name}.backward returned a gradient of shape {np.shape(g)} for input {place},"
                    f" which has shape {self.shapes[place]}",
                )  # fmt: skip
            value = np.copy(g._value if isinstance(g, Array) else g)
            recorded = sweep.recorded and isinstance(g, Array) and g._node is not None
            sweep.add(parent, Array(value, g._node) if recorded else value)
