"""The array of `srcdiff.nd`: what it is, apart from the functions that make and take it.

    x[1:3], x.reshape(…), x.detach()     lie in the memory of x; all else is new memory
    x += 1, x[0] = 2                     writes; while recording, not to what a graph is made of
    float(x), np.asarray(x)              constants; while recording, not of what is in a graph

What a recording has read and somebody has written to since is put back for the rules in the reverse
sweep (`tape.Memory`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.runtime import modes
from srcdiff.runtime.errors import NotDifferentiableTypeError, SrcdiffError
from srcdiff.runtime.registry import RULES
from srcdiff.runtime.tape import (
    BINARY,
    COMPARE,
    SIGNS,
    Array,
    Item,
    Leaf,
    Memory,
    Node,
    Operation,
    Part,
    Version,
    apply,
    caller,
    lost,
    name_of,
    plain,
)

ndarray = np.ndarray
_RESHAPE = RULES[np.reshape]
WRITERS = (np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis)


class Store(Memory):
    """Memory that arrays share.

    in_graph   one of them is in a graph, so that nobody may write to it while recording
    """

    __slots__ = ("in_graph",)

    def __init__(self, in_graph: bool = False) -> None:
        self.version = Version()
        self.in_graph = in_graph


class Marked(Leaf):
    """A leaf with the buffer that `backward` writes its gradient into.

    req   "write", "add" or "null"
    """

    __slots__ = ("grad", "req")

    def __init__(self, out: np.ndarray, grad: NDArray, req: str) -> None:
        if req not in ("write", "add", "null"):
            raise ValueError(f'grad_req is "write", "add" or "null", not {req!r}')
        Leaf.__init__(self, out)
        self.grad, self.req = grad, req

    def receive(self, d: Any) -> None:
        """Put a gradient into the buffer."""
        if self.req != "null":
            buffer = self.grad._value
            self.grad._memory.will_write(buffer, ...)
            buffer[...] = buffer + d if self.req == "add" else d


class NDArray(Array):
    """An array of MXNet's kind. Made by `array`, `zeros`, `arange`, … and by operations on such.

    >>> from srcdiff.nd import array
    >>> x = array([[1, 2, 3], [4, 5, 6]])
    >>> x
    <BLANKLINE>
    [[1. 2. 3.]
     [4. 5. 6.]]
    <NDArray 2x3 @cpu(0)>
    >>> x.shape, x.size, x.ndim, x.dtype
    ((2, 3), 6, 2, <class 'numpy.float32'>)
    >>> (x > 3).sum().asscalar()
    np.float32(3.0)
    """

    # made   the version of the memory in which the node's result is: one written later is another
    __slots__ = ("_made",)
    _precedence = 2
    _is_recording = staticmethod(modes._recording.get)

    if TYPE_CHECKING:  # what is set below, and the methods that `nd` adds
        _node: Any
        _memory: Any

        def __getattr__(self, name: str) -> Any: ...
        def _operator(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __abs__(self) -> Any: ...

        __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __mod__ = __matmul__ = _operator
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmod__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = _operator

    def __init__(self, value: Any, node: Node | None = None, memory: Any = None) -> None:
        self._value = value
        self._node = node
        self._memory = memory or Store(node is not None)
        self._made = None if node is None else self._memory.version

    # The hooks of the tape.

    def _boxed(self, out: Any, node: Node | None, boxes: list[Array]) -> Any:
        if type(out) is ndarray and out.ndim:
            for box in boxes:
                if out is box._value or (out.base is not None and overlap(out, box._value)):
                    out = out.copy()
            if node is None:
                if out.dtype.kind == "b":
                    out = out.astype(boxes[0]._value.dtype)
                return NDArray(out)
            return in_graph(out, node, boxes)
        if isinstance(out, tuple | list):
            parts = [
                self._boxed(x, node and Part(node, i, x), boxes)
                for i, x in enumerate(out)
                if isinstance(x, ndarray | np.generic) or node
            ]
            if len(parts) < len(out):  # a shape
                return out
            return out._make(parts) if hasattr(out, "_make") else type(out)(parts)
        if isinstance(out, ndarray | np.generic) and out.dtype.kind in "fciub":
            return self._boxed(np.array([out]).reshape(1), node, boxes)
        return out

    def _window(self, value: np.ndarray, node: Node | None) -> NDArray:
        """What lies in the same memory."""
        if not overlap(value, self._value):
            return NDArray(value) if node is None else in_graph(value, node, [self])
        if node is not None:
            return in_graph(value, node, [self], self._memory)
        return NDArray(value, None, self._memory)

    def _is_recorded(self) -> bool:
        return self._node is not None and self._is_recording()

    def _refuse_write(self, form: str) -> Any:
        raise lost(f"`{form}`", "Make a new array by an expression, or write outside `record`.")

    def _will_write(self, key: Any, form: str, values: Sequence[Any] = ()) -> None:
        """Raise if nobody may write here, or if the values written have a history."""
        if self._is_recording():
            if self._memory.in_graph or any(map(has_history, values)):
                self._refuse_write(form)
        self._memory.will_write(self._value, key)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        inputs = tuple([weak(x) for x in inputs])
        if method == "at":
            return self._written(ufunc.at, inputs, kwargs, inputs[:1], f"{name_of(ufunc)}.at")
        if out is None or all(x is None for x in out):
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        form = f"out=` of `{name_of(ufunc)}"
        self._written(getattr(ufunc, method), inputs, kwargs | {"out": out}, out, form)
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func: Any, kinds: Any, args: tuple, kwargs: dict) -> Any:
        if func in WRITERS:
            return self._written(func, args, kwargs, args[:1], name_of(func))
        if kwargs.get("out") is None:
            return super().__array_function__(func, kinds, args, kwargs)
        self._written(func, args, kwargs, (kwargs["out"],), f"out=` of `{name_of(func)}")
        return kwargs["out"]

    def _written(
        self, function: Callable, args: tuple, kwargs: dict, targets: tuple, form: str
    ) -> None:
        """Call a function of NumPy's that writes to its targets."""
        operands = [*args, *kwargs.values()]
        for target in targets:
            if isinstance(target, NDArray):
                target._will_write(..., form, operands)
            elif self._is_recording() and any(map(has_history, operands)):
                self._refuse_write(form)
        function(*map(plain, args), **{name: plain(x) for name, x in kwargs.items()})

    # Conversions.

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self._check_conversion("np.asarray(x)", "Use `x.asnumpy()`, which is a constant.")
        if copy is False:
            raise ValueError("an NDArray is converted to NumPy by copying it")
        return np.array(self._value, dtype)

    def asnumpy(self) -> np.ndarray:
        """The values as a new NumPy array of the same shape and dtype, a constant.

        >>> NDArray(np.arange(3.0)).asnumpy()
        array([0., 1., 2.])
        """
        return self._value.copy()

    def asscalar(self) -> Any:
        """The only element as a NumPy scalar, a constant. Raises ValueError if there are others.

        >>> NDArray(np.ones(1)).asscalar()
        np.float64(1.0)
        """
        if self._value.size != 1:
            raise ValueError(f"the array has shape {self.shape}; only one element is a scalar")
        return self._value.reshape(-1)[0]

    def item(self, *index: Any) -> Any:
        """An element, the only one if no index is given, as a Python number, a constant."""
        return self._value.item(*index)

    def tolist(self) -> list:
        """The values as nested lists of Python numbers, constants."""
        return self._value.tolist()

    def __float__(self) -> float:
        self._check_conversion("float(x)", "Use `x.asscalar()`, a constant, or nd's functions.")
        return float(self.asscalar())

    def __complex__(self) -> complex:
        self._check_conversion("complex(x)", "Use `x.asscalar()`, a constant.")
        return complex(self.asscalar())

    def __int__(self) -> int:
        return int(self.asscalar())

    def __index__(self) -> int:
        return operator.index(self.asscalar())

    def __bool__(self) -> bool:
        if self._value.size > 1:
            raise ValueError(
                f"the truth value of an array of shape {self.shape} is ambiguous: "
                "say `x.sum() > 0`, `x.min() > 0`, …"
            )
        return bool(self._value.any())

    def __repr__(self) -> str:
        return f"\n{self._value}\n<NDArray {'x'.join(map(str, self.shape))} @{self.context}>"

    __str__ = __repr__
    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return format(self.asscalar(), spec) if spec else repr(self)

    def __contains__(self, x: Any) -> bool:
        return bool(np.any(self._value == plain(x)))

    def __reduce__(self) -> Any:
        return NDArray, (self.asnumpy(),)

    # Parts.

    def __getitem__(self, key: Any) -> Any:
        key = index(key)
        out = self._value[key]
        if out.ndim:
            whole = out
        else:
            entire = (*key, ...) if isinstance(key, tuple) else (key, ...)
            whole = self._value[entire].reshape(1)
        node = Item(self._node, key, out) if self._is_recorded() else None
        return self._window(whole, node)

    def __setitem__(self, key: Any, value: Any) -> None:
        key = index(key)
        self._will_write(key, "x[...] =", (value,))
        new = plain(value)
        if isinstance(new, ndarray) and new.size == 1:
            new = new.reshape(())
        self._value[key] = new

    def reshape(self, *shape: Any, **kwargs: Any) -> NDArray:
        """The same elements in another shape, in the same memory.

        0 stands for the length that the axis has, -1 for what remains, -2 for all other axes, -3
        for the product of two axes.

        >>> x = NDArray(np.zeros((2, 3, 4)))
        >>> x.reshape(0, -1).shape, x.reshape((-3, -2)).shape
        ((2, 12), (6, 4))
        """
        new = kwargs["shape"] if "shape" in kwargs else shape
        new = new[0] if len(new) == 1 and not isinstance(new[0], int) else new
        target = reshaped(self.shape, tuple(map(int, new)))
        value = self._value.reshape(target)
        node: Node | None = None
        if self._is_recorded():
            node = Operation(
                _RESHAPE, [self._value, target], {}, value, (0,), (self._node,), ()
            )
        return self._window(value, node)

    def flatten(self, order: str = "C") -> NDArray:
        """(n, a, b, …) as (n, a * b * …), in new memory."""
        return apply(np.copy, (self.reshape(self.shape[0], -1),))

    def detach(self) -> NDArray:
        """An array on the same memory without history."""
        return NDArray(self._value, None, self._memory)

    def astype(self, dtype: Any, **kwargs: Any) -> NDArray:
        """A copy of another dtype. The derivative of a cast between floats is a cast."""
        if np.dtype(dtype).kind in "fc":
            return super().astype(np.dtype(dtype))
        return NDArray(self._value.astype(dtype))

    def transpose(self, *axes: Any, **kwargs: Any) -> NDArray:
        """A copy with the axes reversed, or in the order given."""
        axes = kwargs.get("axes", axes[0] if len(axes) == 1 else axes)
        axes = (axes,) if isinstance(axes, int) else tuple(axes or ())
        return apply(np.transpose, (self, axes) if axes else (self,))

    @property
    def dtype(self) -> Any:
        """np.float32, np.int64, …"""
        return self._value.dtype.type

    @property
    def T(self) -> NDArray:
        """A copy with the axes reversed."""
        return apply(np.transpose, (self,))

    # Gradients.

    @property
    def grad(self) -> NDArray | None:
        """The buffer that `backward` writes to; None for an array that is not marked."""
        node = self._node
        return node.grad if type(node) is Marked else None

    def attach_grad(self, grad_req: str = "write", stype: Any = None) -> None:
        """Mark the array: from now on `backward` leaves the gradient in `x.grad`, now zeros.

        grad_req   "write" overwrites it each time, "add" adds to it, "null" leaves it alone

        An array that was computed is detached from what it was computed from.

        >>> x = NDArray(np.ones(2))
        >>> x.attach_grad()
        >>> x.grad
        <BLANKLINE>
        [0. 0.]
        <NDArray 2 @cpu(0)>
        """
        self._mark(NDArray(np.zeros_like(self._value)), grad_req)

    def _mark(self, grad: NDArray, req: str) -> None:
        if self._value.dtype.kind not in "fc":
            raise NotDifferentiableTypeError(
                f"an array of {self._value.dtype} has no derivatives", caller(),
                "Make it an array of floats: `x.astype('float32')`.",
            )  # fmt: skip
        if grad.shape != self.shape:
            raise ValueError(f"a gradient of shape {grad.shape} for an array of {self.shape}")
        self._node = Marked(self._value, grad, req)
        self._made = None
        self._memory.in_graph = True

    def backward(
        self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True
    ) -> None:
        """Put the gradients of this array into the `grad` of the marked arrays that it depends on.

        out_grad       its own gradient, of its shape; ones if left out
        retain_graph   keep what is needed for another `backward`

        Raises SrcdiffError if the array was not recorded, or its graph was freed.

        >>> from srcdiff import autograd
        >>> x = NDArray(np.array([1.0, 2.0]))
        >>> x.attach_grad()
        >>> with autograd.record():
        ...     y = x * x
        >>> y.backward()
        >>> x.grad.asnumpy()
        array([2., 4.])
        """
        from srcdiff import autograd

        autograd.backward([self], [out_grad], retain_graph, train_mode)

    # What there is of devices.

    @property
    def context(self) -> Context:
        """Where the array lies: `cpu(0)`."""
        return cpu()

    ctx = context

    def as_in_context(self, context: Any) -> NDArray:
        """The array itself: there is one device."""
        return self

    def wait_to_read(self) -> None:
        """Nothing is computed later than it is called for."""


def in_graph(
    value: np.ndarray, node: Node, boxes: Sequence[Array], memory: Any = None
) -> NDArray:
    """What a node has made of other arrays; none of them may have been overwritten meanwhile."""
    for box in boxes:
        made = getattr(box, "_made", None)
        if made is not None and made is not box._memory.version:  # type: ignore[union-attr]
            raise SrcdiffError(
                "a recorded array was written to, and is now used while recording: its values are"
                " no longer those of its history", caller(),
                "Use `x.detach()`, or begin anew from it with `x.attach_grad()`.",
            )  # fmt: skip
    y = NDArray(value, node, memory)
    maker = node.parents[0] if type(node) is Part else node
    if type(maker) is Operation:
        maker.versions += (y._memory.hold(),)
    y._memory.in_graph = True
    return y


def has_history(x: Any) -> bool:
    return isinstance(x, Array) and x._node is not None


def overlap(x: Any, y: Any) -> bool:
    return isinstance(y, ndarray) and np.may_share_memory(x, y)


def weak(x: Any) -> Any:
    """An operand, as a Python number if it is one of NumPy's: the dtype follows the arrays."""
    if isinstance(x, np.generic) or (type(x) is ndarray and not x.ndim):
        return x.item()
    return x


def index(key: Any) -> Any:
    """An index as NumPy takes it: arrays of floats, which arrays are by default, count as ints."""
    if isinstance(key, tuple):
        return tuple([index(k) for k in key])
    key = plain(key)
    return key.astype(np.intp) if isinstance(key, ndarray) and key.dtype.kind == "f" else key


def reshaped(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that MXNet's codes stand for, but for -1."""
    shape: list[int] = []
    at = 0  # the next old axis
    for n in new:
        if n == -2:
            shape += old[at:]
        elif n == -3:
            shape.append(old[at] * old[at + 1])
            at += 1
        elif n < -3:
            raise ValueError(f"reshape does not know the code {n} in {new}")
        else:
            shape.append(old[at] if n == 0 else n)
        at += 1
    return tuple(shape)


class Context:
    """A device; there is one.

    >>> cpu()
    cpu(0)
    """

    def __init__(self, device_id: int = 0) -> None:
        self.device_type, self.device_id = "cpu", device_id

    def __repr__(self) -> str:
        return f"cpu({self.device_id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and self.device_id == other.device_id

    __hash__ = object.__hash__


cpu = Context


# ------------------------------------------------------------------------------------- operators


def _operators() -> None:
    weak_kinds = (np.generic, ndarray)

    def binary(function: Callable, reflected: bool) -> Callable:
        def method(self: NDArray, other: Any) -> Any:
            kind = type(other)
            if not (kind is NDArray or kind is float or kind is int):
                if isinstance(other, weak_kinds):
                    other = weak(other)
                elif not isinstance(other, Array | int | float | complex):
                    return NotImplemented
            return apply(function, (other, self) if reflected else (self, other))

        return method

    def in_place(name: str, function: Callable) -> Callable:
        form = f"{SIGNS[name]}="

        def method(self: NDArray, other: Any) -> NDArray:
            self._will_write(..., form, (other,))
            new = function(self._value, plain(weak(other)))
            np.copyto(self._value, new, casting="same_kind")
            return self

        return method

    for name, function in (BINARY | COMPARE).items():
        setattr(NDArray, f"__{name}__", binary(function, False))
    for name, function in BINARY.items():
        setattr(NDArray, f"__r{name}__", binary(function, True))
        setattr(NDArray, f"__i{name}__", in_place(name, function))


_operators()
