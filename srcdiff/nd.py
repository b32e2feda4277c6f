"""Arrays that record while `autograd.record()` says so, under the names of MXNet 1.x.

    x = nd.arange(4)                     [0. 1. 2. 3.]
    x.attach_grad()                      <NDArray 4 @cpu(0)>
    with autograd.record():
        y = 2 * nd.dot(x, x)       →     [28.], of shape (1,)
    y.backward()
    x.grad                         →     [ 0.  4.  8. 12.]

Arrays are float32 unless a dtype is given, and have at least one axis: a full reduction, or `x[0]`
of a vector, has shape (1,). A comparison gives numbers of the left operand's dtype. Python numbers
and NumPy scalars as operands do not change a dtype. NumPy's functions take these arrays as well.

`x[1:3]`, `x.reshape(…)` and `x.detach()` lie in the memory of x; everything else is new memory.
Nothing here has a derivative of its own: the rules are those of the NumPy functions used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from srcdiff.ndarray import Context, NDArray, index, weak
from srcdiff.runtime import modes
from srcdiff.runtime.tape import apply, plain

cpu = Context


# ---------------------------------------------------------------------------------- constructors


def _made(value: Any, dtype: Any, out: NDArray | None = None) -> NDArray:
    value = np.array(value, "float32" if dtype is None else dtype, ndmin=1)
    return NDArray(value) if out is None else _into(out, NDArray(value))


def _into(out: NDArray, value: Any) -> NDArray:
    """Write a result into the array that was given for it."""
    out._will_write(..., "out=", (value,))
    out._value[...] = plain(value)
    return out


def array(source: Any, ctx: Any = None, dtype: Any = None) -> NDArray:
    """A new array of what NumPy takes: float32 unless a dtype, or an NDArray, says otherwise.

    >>> array([1, 2]).dtype, array([1, 2], dtype="int32").dtype
    (<class 'numpy.float32'>, <class 'numpy.int32'>)
    """
    if isinstance(source, NDArray) and dtype is None:
        dtype = source.dtype
    return _made(source, dtype)


def arange(
    start: float, stop: Any = None, step: float = 1.0, repeat: int = 1, ctx: Any = None,
    dtype: Any = None,
) -> NDArray:  # fmt: skip
    """Numbers from start up to stop, each `repeat` times.

    >>> arange(2, repeat=2).asnumpy()
    array([0., 0., 1., 1.], dtype=float32)
    """
    start, stop = (0, start) if stop is None else (start, stop)
    return _made(np.repeat(np.arange(start, stop, step), repeat), dtype)


def zeros(shape: Any, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """An array of zeros; a shape is a number or a tuple of them."""
    return _made(np.zeros(shape), dtype)


def ones(shape: Any, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """An array of ones."""
    return _made(np.ones(shape), dtype)


empty = zeros


def full(shape: Any, val: float, ctx: Any = None, dtype: Any = None, out: Any = None) -> NDArray:
    """An array of one number."""
    return _made(np.full(shape, weak(val)), dtype, out)


def eye(N: int, M: int = 0, k: int = 0, ctx: Any = None, dtype: Any = None) -> NDArray:
    """Ones on the k-th diagonal of an N x M array, M = 0 for a square one."""
    return _made(np.eye(N, M or None, k), dtype)


def linspace(
    start: float, stop: float, num: int, endpoint: bool = True, ctx: Any = None, dtype: Any = None
) -> NDArray:
    """`num` numbers at equal distances, from start to stop."""
    return _made(np.linspace(start, stop, num, endpoint), dtype)


def zeros_like(data: NDArray, **kwargs: Any) -> NDArray:
    """Zeros of the same shape and dtype, a constant."""
    return NDArray(np.zeros_like(plain(data)))


def ones_like(data: NDArray, **kwargs: Any) -> NDArray:
    """Ones of the same shape and dtype, a constant."""
    return NDArray(np.ones_like(plain(data)))


class random:
    """Random arrays; they have no history. The numbers are the same in every run, see `seed`.

    >>> random.normal(0, 1, shape=(2, 3)).shape
    (2, 3)
    """

    _generator = np.random.default_rng(0)

    @classmethod
    def seed(cls, seed_state: int, ctx: Any = None) -> None:
        """Begin the sequence that belongs to a number."""
        cls._generator = np.random.default_rng(seed_state)

    @classmethod
    def normal(
        cls, loc: Any = 0.0, scale: Any = 1.0, shape: Any = None, dtype: Any = None,
        ctx: Any = None, out: Any = None,
    ) -> NDArray:  # fmt: skip
        """Draws from the normal distribution of mean `loc` and standard deviation `scale`."""
        shape = out.shape if shape is None and out is not None else shape
        return _made(cls._generator.normal(plain(loc), plain(scale), shape), dtype, out)

    @classmethod
    def uniform(
        cls, low: Any = 0.0, high: Any = 1.0, shape: Any = None, dtype: Any = None,
        ctx: Any = None, out: Any = None,
    ) -> NDArray:  # fmt: skip
        """Draws between low and high."""
        shape = out.shape if shape is None and out is not None else shape
        return _made(cls._generator.uniform(plain(low), plain(high), shape), dtype, out)

    @classmethod
    def randint(
        cls, low: int, high: int, shape: Any = None, dtype: Any = "int32", ctx: Any = None,
        out: Any = None,
    ) -> NDArray:  # fmt: skip
        """Draws from low, …, high - 1."""
        shape = out.shape if shape is None and out is not None else shape
        return _made(cls._generator.integers(low, high, shape), dtype, out)

    @classmethod
    def randn(cls, *shape: int, loc: float = 0.0, scale: float = 1.0, **kwargs: Any) -> NDArray:
        """Draws from a normal distribution, in the shape given by the arguments."""
        return cls.normal(loc, scale, shape or None, **kwargs)

    @classmethod
    def shuffle(cls, data: NDArray) -> NDArray:
        """A copy with the rows in random order."""
        return data[cls._generator.permutation(len(data))]


random_normal, random_uniform, random_randint = random.normal, random.uniform, random.randint


# ------------------------------------------------------------------------------- element by element


def _elementwise(name: str, function: Callable, arity: int) -> Callable:
    """A function of nd that is one of NumPy's, with `out=`."""

    def unary(data: Any, out: NDArray | None = None, **kwargs: Any) -> Any:
        y = apply(function, (data,))
        return y if out is None else _into(out, y)

    def binary(lhs: Any, rhs: Any, out: NDArray | None = None, **kwargs: Any) -> Any:
        y = apply(function, (weak(lhs), weak(rhs)))
        return y if out is None else _into(out, y)

    call = unary if arity == 1 else binary
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`np.{function.__name__}`, element by element; `out` is written to."
    return call


UNARY = {
    name: getattr(np, name)
    for name in """exp expm1 log log2 log10 log1p sqrt cbrt square reciprocal negative sin cos tan
    arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh degrees radians abs sign floor ceil
    rint trunc fix logical_not copy""".split()
} | {"round": np.rint, "identity": np.copy}
PAIRS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "modulo": np.mod, "power": np.power, "maximum": np.maximum, "minimum": np.minimum,
    "hypot": np.hypot, "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "lesser": np.less, "lesser_equal": np.less_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}  # fmt: skip
SHORT = {"subtract": "sub", "multiply": "mul", "divide": "div", "modulo": "mod"}

for _name, _function in UNARY.items():
    globals()[_name] = _elementwise(_name, _function, 1)
for _name, _function in PAIRS.items():
    globals()[_name] = _elementwise(_name, _function, 2)
    for _long in (f"broadcast_{SHORT.get(_name, _name)}", f"elemwise_{SHORT.get(_name, _name)}"):
        globals()[_long] = _elementwise(_long, _function, 2)

copy, exp, log, sqrt = (_elementwise(f.__name__, f, 1) for f in (np.copy, np.exp, np.log, np.sqrt))

if TYPE_CHECKING:  # the others

    def __getattr__(name: str) -> Any: ...


def clip(data: NDArray, a_min: Any, a_max: Any) -> NDArray:
    """The elements, but at least a_min and at most a_max."""
    return apply(np.clip, (data, weak(a_min), weak(a_max)))


def where(condition: NDArray, x: Any, y: Any) -> NDArray:
    """x where the condition is not zero, elsewhere y."""
    return apply(np.where, (condition.astype(bool), weak(x), weak(y)))


def add_n(*args: NDArray) -> NDArray:
    """The sum of arrays of the same shape."""
    return operator.add(args[0], add_n(*args[1:])) if len(args) > 1 else args[0]


def sigmoid(data: NDArray) -> NDArray:
    """1 / (1 + exp(-x)), also where exp(-x) is infinite.

    >>> sigmoid(array([-1000, 0])).asnumpy()
    array([0. , 0.5], dtype=float32)
    """
    return exp(-np.logaddexp(0.0, -data))


def relu(data: NDArray) -> NDArray:
    """x where it is positive, elsewhere 0; the derivative at 0 is 0."""
    return where(data > 0, data, 0.0)


def softmax(data: NDArray, axis: int = -1) -> NDArray:
    """exp(x) over its sum along an axis.

    >>> softmax(array([[0, 0], [1000, 0]])).asnumpy()
    array([[0.5, 0.5],
           [1. , 0. ]], dtype=float32)
    """
    e = exp(data - NDArray(np.max(data._value, axis, keepdims=True)))
    return e / apply(np.sum, (e, axis), {"keepdims": True})


def log_softmax(data: NDArray, axis: int = -1) -> NDArray:
    """The logarithm of `softmax`, also where that is 0."""
    x = data - NDArray(np.max(data._value, axis, keepdims=True))
    return x - log(apply(np.sum, (exp(x), axis), {"keepdims": True}))


# ------------------------------------------------------------------------------------- reductions


def _axis(data: NDArray, axis: Any, exclude: bool = False) -> Any:
    """An axis as NumPy takes it: () means all, `exclude` all others."""
    if axis is None or isinstance(axis, tuple | list) and not len(axis):
        return None
    axis = tuple(axis) if isinstance(axis, list) else axis
    if exclude:
        named = {i % data.ndim for i in (axis if isinstance(axis, tuple) else (axis,))}
        return tuple(i for i in range(data.ndim) if i not in named)
    return axis


def _reduction(name: str, function: Callable) -> Callable:
    def call(data: Any, axis: Any = None, keepdims: bool = False, exclude: bool = False) -> Any:
        if axis is None and not keepdims:
            return apply(function, (data,))
        return apply(function, (data, _axis(data, axis, exclude)), {"keepdims": bool(keepdims)})

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""`np.{name}` over an axis, several, or all: then the shape is (1,).

    exclude   over all axes but these
    """
    return call


for _name in ("sum", "mean", "max", "min"):
    globals()[_name] = _reduction(_name, getattr(np, _name))
prod = _reduction("prod", np.prod)
sum_axis, max_axis, min_axis = (globals()[name] for name in ("sum", "max", "min"))


def norm(data: NDArray, ord: int = 2, axis: Any = None, keepdims: bool = False) -> NDArray:
    """The square root of the sum of squares, or (ord=1) the sum of absolute values.

    >>> norm(array([[3, 0], [0, 4]])).asscalar()
    np.float32(5.0)
    """
    axis = _axis(data, axis)
    if ord == 1:
        return apply(np.sum, (apply(np.abs, (data,)), axis), {"keepdims": keepdims})
    if ord != 2:
        raise ValueError(f"norm knows ord=1 and ord=2, not {ord!r}")
    x = data.astype("float64")  # a square may be out of the range of float32
    if axis is None and not keepdims:
        return apply(np.linalg.norm, (x,)).astype(data.dtype)
    axis = tuple(range(x.ndim)) if axis is None else axis
    if isinstance(axis, tuple) and len(axis) > 2:
        y = sqrt(apply(np.sum, (x * x, axis), {"keepdims": keepdims}))
    else:
        y = apply(np.linalg.norm, (x,), {"axis": axis, "keepdims": keepdims})
    return y.astype(data.dtype)


def _place(name: str, function: Callable) -> Callable:
    def call(data: NDArray, axis: Any = None, keepdims: bool = False) -> NDArray:
        return _made(function(data._value, axis, keepdims=keepdims), data.dtype)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`np.{name}`, as numbers of the dtype of the array, constants."
    return call


argmax, argmin = _place("argmax", np.argmax), _place("argmin", np.argmin)


def argsort(data: NDArray, axis: int = -1, is_ascend: bool = True) -> NDArray:
    """The places of the elements in their order, as float32, constants."""
    return _made(np.argsort(data._value if is_ascend else -data._value, axis), "float32")


def cumsum(data: NDArray, axis: Any = None) -> NDArray:
    """The sums of the first elements along an axis."""
    return apply(np.cumsum, (data, axis))


# --------------------------------------------------------------------------------------- products


def dot(lhs: NDArray, rhs: NDArray, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """The sum over the last axis of the left array and the first of the right one.

    transpose_a, transpose_b   over the first axis of the left, the last of the right array

    >>> dot(ones((2, 3)), ones((4, 3)), transpose_b=True).shape, dot(ones(3), ones(3)).shape
    ((2, 4), (1,))
    """
    if lhs.ndim <= 2 and rhs.ndim <= 2:
        a = apply(np.transpose, (lhs,)) if transpose_a else lhs
        b = apply(np.transpose, (rhs,)) if transpose_b else rhs
        return apply(np.dot, (a, b))
    axes = 0 if transpose_a else lhs.ndim - 1, rhs.ndim - 1 if transpose_b else 0
    return apply(np.tensordot, (lhs, rhs, ((axes[0],), (axes[1],))))


def batch_dot(
    lhs: NDArray, rhs: NDArray, transpose_a: bool = False, transpose_b: bool = False
) -> NDArray:
    """Matrix products of (n, i, k) and (n, k, j)."""
    a = apply(np.swapaxes, (lhs, 1, 2)) if transpose_a else lhs
    b = apply(np.swapaxes, (rhs, 1, 2)) if transpose_b else rhs
    return apply(operator.matmul, (a, b))


def FullyConnected(
    data: NDArray, weight: NDArray, bias: Any = None, num_hidden: Any = None,
    no_bias: bool = False, flatten: bool = True,
) -> NDArray:  # fmt: skip
    """data @ weight.T + bias, where all axes of the data but the first count as one."""
    x = data.reshape(data.shape[0], -1) if flatten else data
    y = dot(x, weight, transpose_b=True)
    return y if no_bias or bias is None else y + bias


# ----------------------------------------------------------------------------------------- shapes


def reshape(data: NDArray, shape: Any) -> NDArray:
    """See `NDArray.reshape`."""
    return data.reshape(shape)


def flatten(data: NDArray) -> NDArray:
    """(n, a, b, …) as (n, a * b * …)."""
    return data.flatten()


def transpose(data: NDArray, axes: Any = ()) -> NDArray:
    """The axes reversed, or in the order given."""
    return apply(np.transpose, (data, tuple(axes)) if len(axes) else (data,))


def swapaxes(data: NDArray, dim1: int = 0, dim2: int = 0) -> NDArray:
    """Two axes exchanged."""
    return apply(np.swapaxes, (data, dim1, dim2))


def expand_dims(data: NDArray, axis: int) -> NDArray:
    """A new axis of length 1."""
    return apply(np.expand_dims, (data, axis))


def squeeze(data: NDArray, axis: Any = None) -> NDArray:
    """Without the axes of length 1, or without those given."""
    return apply(np.squeeze, (data,) if axis is None else (data, axis))


def broadcast_to(data: NDArray, shape: Any) -> NDArray:
    """Repeated to a shape, in which 0 stands for the length that the axis has."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if len(shape) == data.ndim:
        shape = tuple(m if n == 0 else n for n, m in zip(shape, data.shape))
    return apply(np.broadcast_to, (data, shape))


def broadcast_like(lhs: NDArray, rhs: NDArray) -> NDArray:
    """Repeated to the shape of another array."""
    return broadcast_to(lhs, rhs.shape)


def flip(data: NDArray, axis: Any) -> NDArray:
    """In reverse order along an axis."""
    return apply(np.flip, (data, axis))


def tile(data: NDArray, reps: Any) -> NDArray:
    """Repeated as a whole."""
    return apply(np.tile, (data, reps))


def repeat(data: NDArray, repeats: int, axis: Any = None) -> NDArray:
    """Every element repeated."""
    return apply(np.repeat, (data, repeats) if axis is None else (data, repeats, axis))


def concat(*data: NDArray, dim: int = 1) -> NDArray:
    """Arrays one after the other along an axis, the second unless said.

    >>> concat(zeros((2, 1)), ones((2, 2))).shape
    (2, 3)
    """
    arrays = data[0] if len(data) == 1 and isinstance(data[0], list | tuple) else data
    return apply(np.concatenate, (list(arrays), dim))


def concatenate(arrays: Sequence[NDArray], axis: int = 0) -> NDArray:
    """The arrays of a list one after the other along an axis, the first unless said."""
    return apply(np.concatenate, (list(arrays), axis))


def stack(*data: NDArray, axis: int = 0) -> NDArray:
    """Arrays of the same shape along a new axis."""
    arrays = data[0] if len(data) == 1 and isinstance(data[0], list | tuple) else data
    return apply(np.stack, (list(arrays), axis))


def split(data: NDArray, num_outputs: int, axis: int = 1, squeeze_axis: bool = False) -> Any:
    """Equal parts along an axis: a list, or the array itself if it is one part.

    >>> [part.shape for part in split(zeros((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    n, rest = divmod(data.shape[axis], num_outputs)
    if rest:
        raise ValueError(f"{data.shape[axis]} rows make no {num_outputs} equal parts")
    parts = [slice_axis(data, axis, i * n, i * n + n) for i in range(num_outputs)]
    if squeeze_axis:
        parts = [squeeze(part, axis) for part in parts]
    return parts if num_outputs > 1 else parts[0]


def slice_axis(data: NDArray, axis: int, begin: int, end: Any) -> NDArray:
    """The rows from begin to end along an axis, in new memory."""
    key = (_slice(None),) * (axis % data.ndim) + (_slice(begin, end),)
    return copy(data[key])


_slice = slice


def slice(data: NDArray, begin: Any, end: Any, step: Any = None) -> NDArray:  # noqa: A001
    """data[begin[0]:end[0]:step[0], begin[1]:…], in new memory."""
    steps = step or (None,) * len(begin)
    return copy(data[tuple(_slice(*bounds) for bounds in zip(begin, end, steps))])


# ----------------------------------------------------------------------------------------- places


def take(a: NDArray, indices: Any, axis: int = 0, mode: str = "clip") -> NDArray:
    """The rows at the places named; a place beyond the last one is the last ("wrap": counts on)."""
    places, n = index(indices), a.shape[axis]
    places = np.clip(places, 0, n - 1) if mode == "clip" else np.mod(places, n)
    return apply(np.take, (a, places, axis))


def pick(data: NDArray, index: Any, axis: int = -1, keepdims: bool = False) -> NDArray:
    """One element of each row: data[i, index[i]].

    >>> pick(array([[1, 2], [3, 4]]), array([1, 0])).asnumpy()
    array([2., 3.], dtype=float32)
    """
    places = np.expand_dims(np.asarray(plain(index)).astype(np.intp).reshape(
        data.shape[: axis % data.ndim] + data.shape[axis % data.ndim + 1 :]
    ), axis)  # fmt: skip
    places = np.clip(places, 0, data.shape[axis] - 1)
    found = apply(np.take_along_axis, (data, places, axis))
    return found if keepdims else squeeze(found, axis)


def one_hot(
    indices: NDArray, depth: int, on_value: float = 1.0, off_value: float = 0.0,
    dtype: Any = "float32",
) -> NDArray:  # fmt: skip
    """Rows of `depth` numbers, with `on_value` at the place named; a constant.

    >>> one_hot(array([1, 0]), 3).asnumpy()
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    at = np.asarray(plain(indices)).astype(np.intp)[..., None] == np.arange(depth)
    return NDArray(np.where(at, on_value, off_value).astype(dtype))


def sort(data: NDArray, axis: int = -1, is_ascend: bool = True) -> NDArray:
    """A sorted copy."""
    y = apply(np.sort, (data, axis))
    return y if is_ascend else flip(y, axis)


def Dropout(data: NDArray, p: float = 0.5, mode: str = "training") -> NDArray:
    """While training, zero each element with probability p and divide the others by 1 - p.

    Outside of training the array itself, unless `mode="always"`.
    """
    if not 0 <= p < 1:
        raise ValueError(f"p is a probability less than 1, not {p!r}")
    if mode != "always" and not modes.is_training():
        return data
    kept = random._generator.random(data.shape) >= p
    return data * NDArray(kept.astype(data.dtype) / data.dtype(1 - p))


def waitall() -> None:
    """Nothing is computed later than it is called for."""


def _method(function: Callable) -> Callable:
    def method(self: NDArray, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = function.__name__, function.__doc__
    return method


FLUENT = [
    *(name for name in UNARY if name != "identity"),
    *"""sum mean max min prod norm argmax argmin argsort cumsum dot clip sigmoid relu softmax
    log_softmax expand_dims squeeze swapaxes broadcast_to broadcast_like flip tile repeat split
    slice slice_axis take pick one_hot sort""".split(),
]
for _name in FLUENT:
    setattr(NDArray, _name, _method(globals()[_name]))
