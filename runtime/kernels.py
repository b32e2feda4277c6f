"""What generated source and the rules call: functions that a person would have written by hand.

    unbroadcast(d, shape)         sum a gradient down to the shape of what was broadcast
    restore_axes(d, ndim, …)      put back the axes that a reduction removed
    add_at(d, key, value)         d[key] += value, where repeated indices add up

Each works on arrays, NumPy scalars and Python numbers, and knows nothing of the compiler. Those
without a rule of their own are inlined wherever a rule uses them; what depends on ranks, axes and
other constants alone is then decided while compiling.
"""

from __future__ import annotations

import contextlib
import itertools
import math

import numpy as np

from srcdiff.runtime.errors import ComplexPowerError, NoRuleError, SrcdiffError
from srcdiff.runtime.plain_objects import attributes, instance, is_plain_object


def is_constant(x):
    """Whether x is a literal number in the program: the compiler answers that.

    Called for real, where nobody knows the program, it is True for Python's own int and float.

    >>> is_constant(2), is_constant(np.float64(2)), is_constant(np.ones(2))
    (True, False, False)
    """
    return type(x) is int or type(x) is float


def real_power(x, y):
    """`x ** y` of Python's own floats, in a program that is right for a real result alone.

    >>> real_power(2.0, 0.5) == 2**0.5
    True
    >>> real_power(-2.0, 0.5)
    Traceback (most recent call last):
    srcdiff.runtime.errors.ComplexPowerError: -2.0 ** 0.5 is complex
      Take the power of a NumPy number, of which it is nan, or make the base complex.
    """
    out = x**y
    if type(out) is complex and type(x) is not complex and type(y) is not complex:
        raise ComplexPowerError(
            f"{x!r} ** {y!r} is complex", None,
            "Take the power of a NumPy number, of which it is nan, or make the base complex.",
        )  # fmt: skip
    return out


def unbroadcast(d, shape):
    """The gradient of what had `shape` before it was broadcast to the shape of d.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    >>> unbroadcast(np.ones((2, 3)), (2, 1))
    array([[3.],
           [3.]])
    >>> unbroadcast(2.0, ())
    2.0
    """
    if np.shape(d) == shape:
        return d
    extra = np.ndim(d) - len(shape)
    if extra > 0:
        d = np.sum(d, axis=tuple(range(extra)))
    if extra < 0:  # the same number everywhere
        return np.broadcast_to(d, shape).copy()
    axes = tuple(i for i, (n, m) in enumerate(zip(d.shape, shape, strict=True)) if n != m == 1)
    return np.sum(d, axis=axes, keepdims=True) if axes else d


def restore_axes(d, ndim, axis, keepdims):
    """Put back, with length one, what a reduction over `axis` of an array of rank `ndim` removed.

    Leading axes are left to broadcasting.

    >>> restore_axes(np.ones(3), 2, 1, False).shape
    (3, 1)
    >>> restore_axes(np.ones(3), 2, 0, False).shape
    (3,)
    """
    if keepdims or axis is None or axis == 0 or axis == -ndim or ndim == 0:
        return d
    if isinstance(axis, tuple) and len(axis) == ndim:
        return d
    if axis == -1 or axis == ndim - 1:
        return d[..., None]
    return np.expand_dims(d, axis)


def count_along(x, axis):
    """How many elements a reduction of x over `axis` puts together.

    >>> count_along(np.ones((2, 3)), 1), count_along(np.ones((2, 3)), (0, 1))
    (3, 6)
    """
    if axis is None:
        return np.size(x)
    if not isinstance(axis, tuple):
        return np.shape(x)[axis]
    count = 1
    for i in axis:
        count = count * np.shape(x)[i]
    return count


def slice_along(x, axis, start, stop):
    """`x[start:stop]` on the given axis.

    >>> slice_along(np.arange(6).reshape(2, 3), 1, 0, 2)
    array([[0, 1],
           [3, 4]])
    """
    if axis == 0 or axis == -np.ndim(x):
        return x[start:stop]
    if axis == -1 or axis == np.ndim(x) - 1:
        return x[..., start:stop]
    if axis == 1:
        return x[:, start:stop]
    return x[(slice(None),) * (axis % np.ndim(x)) + (slice(start, stop),)]


def index_along(x, axis, i):
    """`x[i]` on the given axis, which disappears.

    >>> index_along(np.arange(6).reshape(2, 3), 1, 2)
    array([2, 5])
    """
    if axis == 0 or axis == -np.ndim(x):
        return x[i]
    if axis == -1 or axis == np.ndim(x) - 1:
        return x[..., i]
    return x[(slice(None),) * (axis % np.ndim(x)) + (i,)]


def matrix_transpose(x):
    """The last two axes of x exchanged.

    >>> matrix_transpose(np.ones((4, 2, 3))).shape
    (4, 3, 2)
    """
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """`np.cross` of vectors with three components: of two it has one axis less

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    array([0., 0., 1.])
    """
    of_a, of_b = (axisa, axisb) if axis is None else (axis, axis)
    if np.shape(a)[of_a] != 3 or np.shape(b)[of_b] != 3:
        raise of_two_components()
    return np.cross(a, b, axisa, axisb, axisc, axis)


def of_two_components():
    return NoRuleError("np.cross of vectors with two components",
                       instead="Write a[0] * b[1] - a[1] * b[0].")  # fmt: skip


def add_at(d, key, value):
    """`d[key] += value` in place, where repeated indices add up; returns d.

    >>> add_at(np.zeros(3), np.array([0, 0, 2]), 1.0)
    array([2., 0., 1.])
    >>> add_at(np.zeros(3), slice(1, None), 1.0)
    array([0., 1., 1.])
    """
    if _never_repeats(key):
        d[key] += value
    elif _is_many_rows(d, key):
        rows = np.where(key < 0, key + len(d), key)
        places = rows[:, None] * d.shape[1] + np.arange(d.shape[1])
        value = np.broadcast_to(value, places.shape)
        np.add.at(d.reshape(-1), places.reshape(-1), value.reshape(-1))
    else:
        np.add.at(d, key, value)
    return d


def _is_many_rows(d, key):
    """Whether `d[key]` takes so many elements that NumPy's fast way for one index pays."""
    if not isinstance(key, np.ndarray) or key.ndim != 1 or key.dtype.kind != "i":
        return False
    return d.ndim == 2 and d.flags.c_contiguous and key.size * d.shape[1] > 1000


def _never_repeats(key):
    """Whether a key reads no element twice, whatever the numbers in it are."""
    if isinstance(key, tuple):
        return all(_never_repeats(part) for part in key)
    if isinstance(key, np.ndarray | np.generic):
        return key.ndim == 0 or key.dtype == bool
    return key is None or key is Ellipsis or isinstance(key, int | slice)


def written_last(key, shape):
    """Which elements of v stay after `a[key] = v`, where a has this shape: the last of each place.

    >>> written_last(np.array([0, 2, 0]), (3,))
    array([False,  True,  True])
    """
    order = np.zeros(shape, int)
    written = order[key]
    places = np.arange(written.size).reshape(written.shape)
    order[key] = places
    return order[key] == places


def moved(shape, target, source):
    """Which element each one becomes when a part of an array is stored into another part of it,
    `a[target] = a[source]`, as NumPy does it. Target and source are tuples of keys: of the part,
    of a part of that, and so on; a list is the order of the axes of a transpose.

    >>> moved((5,), (slice(None, None, 2),), (slice(None, 3),))  # it reads a[2] after a[2] = a[1]
    array([0, 1, 1, 3, 1])
    """
    places = np.arange(math.prod(shape)).reshape(shape)
    into, of = places, places
    for key in target[:-1]:
        into = into.transpose(key) if type(key) is list else into[key]
    for key in source:
        of = of.transpose(key) if type(key) is list else of[key]
    into[target[-1]] = of
    return places


def in_one_piece(shape, axes, *, closed=False):
    """Whether a view of an array in C order has one stride throughout, so that a flat reshape of it
    is a view and not a copy. Each axis of the view is (length, axis of the array, step); `closed`
    asks that its elements lie one after the other as well.

    >>> in_one_piece((3, 4), ((4, 1, 1), (3, 0, 1))), in_one_piece((1, 4), ((4, 1, 1), (1, 0, 1)))
    (False, True)
    """
    if 0 in [length for length, _, _ in axes]:
        return True
    far = [(n, step * math.prod(shape[at + 1 :])) for n, at, step in axes if n > 1]
    even = all(a == n * b for (_, a), (n, b) in itertools.pairwise(far))
    return even and not (closed and far and far[-1][1] != 1)


def shuffled_order(shuffle, n):
    """How `shuffle` orders n things, with the draws that it makes.

    >>> sorted(shuffled_order(np.random.default_rng(1).shuffle, 3).tolist())
    [0, 1, 2]
    """
    order = np.arange(n)
    shuffle(order)
    return order


def draw(generator, name, *args, **kwargs):
    """`generator.normal(…)`, of a generator that the program has made.

    >>> draw(np.random.RandomState(0), "rand", 2).shape
    (2,)
    """
    return getattr(generator, name)(*args, **kwargs)


def raises(error, fun, *args, **kwargs):
    """Whether a call raises an exception of a class, or of one of several; it warns of nothing.

    What else it raises it will raise again, where it is called in earnest.

    >>> raises(ValueError, np.add, np.ones(2), np.ones(3)), raises(ValueError, np.add, 1, 2)
    (True, False)
    """
    each = error if isinstance(error, tuple) else (error,)
    told = any(issubclass(FloatingPointError, cls) or issubclass(cls, Warning) for cls in each)
    with contextlib.nullcontext() if told else np.errstate(all="ignore"):
        try:
            fun(*args, **kwargs)
        except error:
            return True
        except Exception:
            return False
    return False


def part_length(n, count):
    """The length of each part where `np.split` makes `count` of n.

    >>> part_length(6, 3)
    2
    """
    if n % count:
        raise ValueError("array split does not result in an equal division")
    return n // count


def square_length(rows, columns):
    """The length of a side of a square array, which alone has what `np.einsum("ii->i")` takes.

    >>> square_length(3, 3)
    3
    """
    if rows != columns:
        raise ValueError("operand has repeated subscript label, but the dimensions differ")
    return rows


def rounds(places, size):
    """The numbers of the elements of `places`, which number `size` things, in rounds: none of them
    has one thing twice, and they are in the order in which each thing occurs.

    >>> rounds(np.array([0, 2, 0, -3, 1]), 3)
    [array([0, 1, 4]), array([2]), array([3])]
    """
    places = np.arange(size)[places]
    order = np.argsort(places, kind="stable")
    same = places[order]
    first = np.flatnonzero(np.concatenate(([True], same[1:] != same[:-1]))) if len(order) else order
    counts = np.diff(np.append(first, len(order)))
    turn = np.empty(len(order), int)
    turn[order] = np.arange(len(order)) - np.repeat(first, counts)
    return [np.flatnonzero(turn == k) for k in range(counts.max(initial=0))]


def update_rows(ufunc, a, i, b=None):
    """`ufunc.at(a, i, b)` of an array i of one axis and an array a of any.

    >>> a = np.ones(3)
    >>> update_rows(np.multiply, a, np.array([0, 0, 1]), np.array([2.0, 3.0, 4.0]))
    >>> a
    array([6., 4., 1.])
    """
    for k in rounds(i, len(a)):
        at = i[k]
        if b is None:
            a[at] = ufunc(a[at])
        elif np.ndim(b) < np.ndim(a):
            a[at] = ufunc(a[at], b)
        else:
            a[at] = ufunc(a[at], b[k])


def update_places(ufunc, a, places, b=None):
    """The same for elements that are numbered in C order.

    >>> a = np.ones((2, 2))
    >>> update_places(np.multiply, a, np.array([0, 0, 3]), 2.0)
    >>> a
    array([[4., 1.],
           [1., 2.]])
    """
    for k in rounds(places, a.size):
        at = np.unravel_index(places[k], a.shape)
        if b is None:
            a[at] = ufunc(a[at])
        elif np.ndim(b) == 0:
            a[at] = ufunc(a[at], b)
        else:
            a[at] = ufunc(a[at], b[k])


def product_of_others(x, axis):
    """For each element the product of all others on its axis, exact where some are zero.

    >>> product_of_others(np.array([0.0, 2.0, 3.0]), 0)
    array([6., 0., 0.])
    """
    before = np.cumprod(shift_along(x, axis, 1.0), axis=axis)
    after = np.flip(np.cumprod(shift_along(np.flip(x, axis), axis, 1.0), axis=axis), axis)
    return before * after


def shift_along(x, axis, first):
    """x moved on by one place on its axis: `first` comes in, the last element drops out.

    >>> shift_along(np.array([1.0, 2.0, 3.0]), 0, 0.0)
    array([0., 1., 2.])
    """
    head = np.full_like(slice_along(x, axis, 0, 1), first)
    return np.concatenate((head, slice_along(x, axis, None, -1)), axis=axis)


def linear_recurrence(c, x, axis=-1):
    """y[k] = c[k] + x[k] * y[k - 1] along an axis, starting from zero.

    >>> linear_recurrence(np.array([1.0, 1.0, 1.0]), np.array([5.0, 2.0, 3.0]))
    array([ 1.,  3., 10.])
    """
    y = np.array(np.broadcast_arrays(c, x)[0], dtype=np.result_type(c, x), order="C")
    steps, factors = np.moveaxis(y, axis, 0), np.moveaxis(np.broadcast_to(x, y.shape), axis, 0)
    for k in range(1, len(steps)):
        steps[k] += factors[k] * steps[k - 1]
    return y


def reverse_recurrence(d, x, axis):
    """The adjoint of `linear_recurrence`: g[k] = d[k] + x[k + 1] * g[k + 1].

    >>> reverse_recurrence(np.array([1.0, 1.0, 1.0]), np.array([5.0, 2.0, 3.0]), 0)
    array([9., 4., 1.])
    """
    factors = shift_along(np.flip(x, axis), axis, 0.0)
    return np.flip(linear_recurrence(np.flip(d, axis), factors, axis), axis)


def first_places(ar, axis, equal_nan):
    """Where the elements of `np.unique(ar)` are: the first of equal ones.

    >>> first_places(np.array([2.0, 1.0, 2.0]), None, True)
    array([1, 0])
    """
    return np.unique(ar, return_index=True, axis=axis, equal_nan=equal_nan)[1]


def left_places(n, obj):
    """Which of n elements `np.delete` leaves.

    >>> left_places(4, [0, -1])
    array([1, 2])
    """
    return np.delete(np.arange(n), obj)


def inserted_order(n, obj, count):
    """Where `np.insert` puts each of n elements, and then each of those that are new.

    >>> inserted_order(3, 1, 1)
    array([0, 2, 3, 1])
    """
    return np.argsort(np.insert(np.arange(n), obj, n + np.arange(count)), kind="stable")


def window_places(shape, window_shape, axis):
    """Which elements the windows of `sliding_window_view` show, as numbers in C order.

    >>> window_places((3,), 2, None)
    array([[0, 1],
           [1, 2]])
    """
    places = np.arange(math.prod(shape)).reshape(shape)
    return np.lib.stride_tricks.sliding_window_view(places, window_shape, axis)


def running_places(x, best, axis):
    """Where the element is that is the extreme so far: of equal ones the last.

    >>> running_places(np.array([2.0, 1.0, 3.0]), np.array([2.0, 2.0, 3.0]), 0)
    array([0, 0, 2])
    """
    after = x.ndim - axis % x.ndim - 1
    places = np.reshape(np.arange(x.shape[axis]), (-1,) + (1,) * after)
    return np.maximum.accumulate(np.where((x == best) | np.isnan(x), places, 0), axis)


def parts_of_reduceat(n, indices):
    """Which of n elements `np.add.reduceat` adds up in which part: parts, and places.

    >>> parts_of_reduceat(4, [0, 3])
    (array([0, 0, 0, 1]), array([0, 1, 2, 3]))
    """
    starts = np.asarray(indices)
    stops = np.append(starts[1:], n)
    lengths = np.maximum(stops - starts, 1)
    parts = np.repeat(np.arange(len(starts)), lengths)
    first = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return parts, first + np.arange(len(parts))


def sinc_derivative(x, order):
    """The derivative of np.sinc of the given order, accurate also around zero.

    >>> round(float(sinc_derivative(0.0, 2) / np.pi**2), 15)
    -0.333333333333333
    """
    t = np.pi * np.asarray(x)
    near = np.abs(t) < 1 + order
    # Around zero the integral of (pi s)**order cos(pi x s + order pi / 2) over s in [0, 1], as a
    # power series; elsewhere t f[n] = d^n sin(t) - n f[n - 1], which loses digits around zero.
    small = np.where(near, t, 0)
    series = np.zeros_like(t)
    for k in range(30 + order, -1, -1):
        if (k + order) % 2 == 0:
            sign = -1 if (k + order) % 4 else 1
            series = series + sign * small**k / (math.factorial(k) * (k + order + 1))
    large = np.where(near, 1, t)
    value = np.sin(large) / large
    for n in range(1, order + 1):
        value = (np.sin(large + n * np.pi / 2) - n * value) / large
    return (np.pi**order * np.where(near, series, value))[()]


def digamma(x):
    """The derivative of `math.lgamma`.

    >>> round(digamma(1.0), 12)  # minus Euler's constant
    -0.577215664902
    """
    return polygamma(0, x)


def polygamma(n, x):
    """The derivative of order n of `digamma`, for a number x.

    >>> abs(polygamma(1, 1.0) - math.pi**2 / 6) < 1e-15
    True
    """
    x, shift = float(x), 0.0
    if math.isnan(x) or x == -math.inf:
        return math.nan
    if n == 0 and x < -30:  # by reflection
        return polygamma(0, 1 - x) - math.pi / math.tan(math.pi * (x % 1))
    sign = -1 if n % 2 == 0 else 1
    while x < 15 + n:  # psi(x) = psi(x + 1) - 1 / x, differentiated n times
        shift += sign * math.factorial(n) / x ** (n + 1)
        x += 1
    if math.isinf(x):
        return math.inf if n == 0 else 0.0
    # The asymptotic series, smallest terms first.
    tail = 0.0
    for k, bernoulli in reversed(_BERNOULLI):
        rising = math.prod(range(k + 1, k + n)) if n else 1 / k
        tail += bernoulli * rising / x ** (k + n)
    if n == 0:
        return shift + (math.log(x) - 0.5 / x - tail)
    head = math.factorial(n - 1) / x**n + math.factorial(n) / (2 * x ** (n + 1))
    return shift + sign * (head + tail)


def bessel_i(n, x):
    """The modified Bessel function of the first kind, of a whole order.

    >>> np.max(np.abs(bessel_i(0, np.arange(60.0)) / np.i0(np.arange(60.0)) - 1)) < 1e-14
    np.True_
    """
    n, size = abs(n), np.abs(x)
    # Its series, of which no term is negative; far out the asymptotic one.
    near, far = np.minimum(size, 30.0), np.maximum(size, 30.0)
    term = (near / 2) ** n / math.factorial(n)
    total, tail, sign = term, 1.0, 1.0
    for k in range(1, 90):
        term = term * (near / 2) ** 2 / (k * (k + n))
        total = total + term
    for k in range(1, 25):
        sign = sign * ((2 * k - 1) ** 2 - 4 * n * n) / (8 * k * far)
        tail = tail + sign
    found = np.where(size < 30, total, np.exp(far) / np.sqrt(2 * np.pi * far) * tail)
    return np.where(x < 0, -found, found)[()] if n % 2 else found[()]


# k and B[k] for even k > 0
_BERNOULLI = (
    (2, 1 / 6),
    (4, -1 / 30),
    (6, 1 / 42),
    (8, -1 / 30),
    (10, 5 / 66),
    (12, -691 / 2730),
    (14, 7 / 6),
)


def embed_diagonal(d, shape, offset=0, axis1=0, axis2=1):
    """An array of zeros with d on the diagonal that `np.diagonal` reads: its adjoint.

    >>> embed_diagonal(np.array([1.0, 2.0]), (2, 3), 1)
    array([[0., 1., 0.],
           [0., 0., 2.]])
    """
    placed = np.zeros(shape, np.asarray(d).dtype)
    rows, columns = np.arange(np.shape(d)[-1]), np.arange(np.shape(d)[-1])
    np.moveaxis(placed, (axis1, axis2), (-2, -1))[
        ..., rows - min(offset, 0), columns + max(offset, 0)
    ] = d
    return placed


def insert_place(i, n):
    """Where `insert(i, v)` puts v in a list of n items, as an index that is not negative.

    >>> insert_place(-1, 3), insert_place(7, 3), insert_place(-9, 3)
    (2, 3, 0)
    """
    return min(i, n) if i >= 0 else max(i + n, 0)


def zeros_of(items):
    """Zeros like the numbers and arrays in nested lists and tuples.

    >>> zeros_of([[1.0], [2.0, (3.0, 4)]])
    [[0.0], [0.0, (0.0, 0.0)]]
    """
    if isinstance(items, (list, tuple)):
        return (list if isinstance(items, list) else tuple)(map(zeros_of, items))
    return np.zeros_like(items)[()] if np.ndim(items) else 0.0


def ones_of(items):
    """Ones like the numbers and arrays in nested lists and tuples.

    >>> ones_of([[0.5], [2.0, (3.0, 4)]])
    [[1.0], [1.0, (1.0, 1.0)]]
    """
    if isinstance(items, (list, tuple)):
        return (list if isinstance(items, list) else tuple)(map(ones_of, items))
    return np.ones_like(items)[()] if np.ndim(items) else 1.0


def copy_of(items):
    """Nested lists and tuples of copies of the numbers and arrays in others.

    >>> copy_of([[1.0], (2.0, 3.0)])
    [[1.0], (2.0, 3.0)]
    """
    if isinstance(items, (list, tuple)):
        return (list if isinstance(items, list) else tuple)(map(copy_of, items))
    return items.copy() if isinstance(items, np.ndarray) else items


def sum_of(a, b):
    """The sum of two nested lists or tuples of one form, item by item.

    >>> sum_of([[1.0], [2.0, 3.0]], [[0.5], [0.0, 1.0]])
    [[1.5], [2.0, 4.0]]
    """
    if isinstance(a, (list, tuple)):
        return type(a)([sum_of(p, q) for p, q in zip(a, b, strict=True)])
    return a + b


def add_items(items, cut, more):
    """Add to the items of a slice of a list, one by one, in place.

    >>> d = [1.0, 2.0, 3.0]
    >>> add_items(d, slice(1, None), [10.0, 20.0])
    >>> d
    [1.0, 12.0, 23.0]
    """
    items[cut] = [a + b for a, b in zip(items[cut], more, strict=True)]


def summed_repeats(items, n):
    """The adjoint of `a * k` for a list a of n items: what belongs to each item, added up.

    >>> summed_repeats([1.0, 2.0, 10.0, 20.0], 2)
    [11.0, 22.0]
    """
    return [sum(items[i + n :: n], items[i]) for i in range(min(n, len(items)))]


def split_like(d, items, axis=0):
    """The pieces of an array that was made by `np.concatenate(items, axis)`.

    >>> split_like(np.arange(3), [np.zeros(1), np.zeros(2)])
    [array([0]), array([1, 2])]
    """
    lengths = [np.shape(item)[axis] for item in items]
    return np.split(d, np.cumsum(lengths)[:-1], axis) if lengths else []


def with_length(d, n, axis=-1):
    """An array with n elements along an axis: cut, or with zeros at the end.

    >>> with_length(np.array([1.0, 2.0, 3.0]), 2), with_length(np.array([1.0]), 2)
    (array([1., 2.]), array([1., 0.]))
    """
    have = np.shape(d)[axis]
    if n == have:
        return d
    d = np.moveaxis(d, axis, -1)
    if n < have:
        return np.moveaxis(d[..., :n], -1, axis)
    zeros = np.zeros((*np.shape(d)[:-1], n - have), d.dtype)
    return np.moveaxis(np.concatenate((d, zeros), axis=-1), -1, axis)


def sorted_order(keys, reverse=False):
    """The indices that sort `keys` as `sorted` does.

    >>> sorted_order([3.0, 1.0, 2.0]), sorted_order([1, 2, 1], True)
    ([1, 2, 0], [1, 0, 2])
    """
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)


def choices(choose, n, r):
    """All tuples of r of the indices below n: `choose` is `itertools.combinations` or the like.

    >>> from itertools import combinations
    >>> choices(combinations, 3, 2)
    [(0, 1), (0, 2), (1, 2)]
    """
    return list(choose(range(n), r))


def for_each(x, n):
    """x once for each of n examples, on a leading axis.

    >>> for_each(np.array([1.0, 2.0]), 3).shape, for_each(0.0, 2)
    ((3, 2), array([0., 0.]))
    """
    return np.broadcast_to(x, (n, *np.shape(x))).copy()


def stack_examples(found):
    """What several examples gave, all of one structure: its arrays with an axis for them.

    >>> stack_examples([(1.0, None), (2.0, None)])
    (array([1., 2.]), None)
    """
    first = found[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: stack_examples([tree[key] for tree in found]) for key in first}
    if isinstance(first, (list, tuple)):
        parts = [stack_examples(list(each)) for each in zip(*found, strict=True)]
        return parts if isinstance(first, list) else _tuple_like(first, parts)
    if is_plain_object(first):
        held = {name: [attributes(tree)[name] for tree in found] for name in attributes(first)}
        return instance(type(first), {name: stack_examples(part) for name, part in held.items()})
    return np.stack(found)


def _tuple_like(tree, parts):
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def pulled(pull, *cotangents):
    """What a pullback gives: `pull(*cotangents)`."""
    return pull(*cotangents)


# Of ranks, axes and strings alone: decided while compiling.


def inverse_permutation(axes):
    """The permutation that undoes `axes`.

    >>> inverse_permutation((2, 0, -2))
    (1, 2, 0)
    """
    inverse = [0] * len(axes)
    for i, axis in enumerate(axes):
        inverse[axis % len(axes)] = i
    return tuple(inverse)


def tensordot_axes(a_rank, b_rank, axes):
    """The axes argument of `np.tensordot` as numbers that are not negative, and the free axes.

    >>> tensordot_axes(3, 2, 1)
    ((2,), (0,), (0, 1), (1,))
    >>> tensordot_axes(3, 2, (0, -1))
    ((0,), (1,), (1, 2), (0,))
    """
    if isinstance(axes, int):
        a_axes, b_axes = tuple(range(a_rank - axes, a_rank)), tuple(range(axes))
    else:
        a_axes, b_axes = axes
        a_axes = (a_axes,) if isinstance(a_axes, int) else a_axes
        b_axes = (b_axes,) if isinstance(b_axes, int) else b_axes
        a_axes = tuple(int(i) % a_rank for i in a_axes)
        b_axes = tuple(int(i) % b_rank for i in b_axes)
    a_free = tuple(i for i in range(a_rank) if i not in a_axes)
    b_free = tuple(i for i in range(b_rank) if i not in b_axes)
    return a_axes, b_axes, a_free, b_free


def leading(n):
    """The axes argument of `np.tensordot` that sums over the first n axes of both.

    >>> leading(2)
    ((0, 1), (0, 1))
    """
    return tuple(range(n)), tuple(range(n))


def trailing(n):
    """The last n axes.

    >>> trailing(2)
    (-2, -1)
    """
    return tuple(range(-n, 0))


def without(rank, axis):
    """All axes but one.

    >>> without(3, 1)
    (0, 2)
    """
    return tuple(i for i in range(rank) if i != axis)


def in_order(axes, partners):
    """Those of `axes` in the order in which their partners ascend.

    >>> in_order((2, 0), (5, 3))
    (0, 2)
    """
    return tuple(axis for _, axis in sorted(zip(partners, axes, strict=True)))


def moved_axes(axes, rank=None):
    """Axes of one example, as axes of many with a leading axis; an int n is meant as an axis.

    rank   of the example, where the axes are all to be positive

    >>> moved_axes(0), moved_axes(-1), moved_axes((0, 2)), moved_axes((-1, 0), 2)
    (1, -1, (1, 3), (2, 1))
    """
    if isinstance(axes, (tuple, list)):
        return tuple(moved_axes(axis, rank) for axis in axes)
    if axes < 0 and rank is not None:
        axes += rank
    return axes + 1 if axes >= 0 else axes


def own_axes(rank):
    """The axes of an example of that rank, among those of many.

    >>> own_axes(2)
    (1, 2)
    """
    return tuple(range(1, rank + 1))


def batched_einsum(subscripts, batched):
    """The subscripts of `np.einsum` for operands some of which have a leading axis.

    >>> batched_einsum("ij,j->i", (False, True)), batched_einsum("ij,j", (True, True))
    ('ij,Aj->Ai', 'Aij,Aj->Ai')
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    letter = next(c for c in _LETTERS if c not in subscripts)
    if not arrow:
        letters = [c for c in inputs if c not in ".,"]
        output = "..." * ("..." in inputs) + "".join(
            c for c in sorted(set(letters)) if letters.count(c) == 1
        )
    terms = [letter * on + term for term, on in zip(terms, batched, strict=True)]
    return f"{','.join(terms)}->{letter}{output}"


def einsum_adjoint(subscripts, k, ranks):
    """How to get the gradient of operand k of `np.einsum` from that of the result.

    Returns the subscripts for the result's gradient, the other operands and then an identity matrix
    for each axis that repeats a letter; the axes that are to be inserted into what comes out; the
    axes that repeat a letter.

    >>> einsum_adjoint("ij,jk->ik", 0, (2, 2))
    ('ik,jk->ij', (), ())
    >>> einsum_adjoint("ij->j", 0, (2,))
    ('j->j', (0,), ())
    >>> einsum_adjoint("ii", 0, (2,))
    (',iA->iA', (), (1,))
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    unused = iter(c for c in _LETTERS if c not in subscripts)
    # Letters for what "..." stands for: the same ones at the right end.
    widths = [r - len(t) + 3 if "..." in t else 0 for r, t in zip(ranks, terms, strict=True)]
    ellipsis = "".join(next(unused) for _ in range(max(widths)))
    terms = [
        t.replace("...", ellipsis[len(ellipsis) - w :]) for t, w in zip(terms, widths, strict=True)
    ]
    if arrow:
        output = output.replace("...", ellipsis)
    else:
        letters = "".join(terms)
        output = ellipsis + "".join(
            c for c in sorted(set(letters)) if letters.count(c) == 1 and c not in ellipsis
        )
    operand, others = "", terms[:k] + terms[k + 1 :]
    repeated: tuple[int, ...] = ()
    for axis, letter in enumerate(terms[k]):
        if letter in operand:
            twin = next(unused)
            others, repeated = [*others, letter + twin], (*repeated, axis)
            letter = twin
        operand += letter
    known = "".join([output, *others])
    missing = tuple(axis for axis, letter in enumerate(operand) if letter not in known)
    found = "".join(letter for letter in operand if letter in known)
    return f"{','.join([output, *others])}->{found}", missing, repeated


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def cofactors(a):
    """det(a) * inv(a).T, also where a is singular.

    >>> cofactors(np.array([[1.0, 2.0], [2.0, 4.0]])).round(12)
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    det = np.linalg.det(a)
    if np.all(det != 0):
        return det[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    u, s, vh = np.linalg.svd(a)
    scale = np.linalg.det(u) * np.linalg.det(vh)
    middle = scale[..., None] * product_of_others(s, -1)
    return np.conj(u) * middle[..., None, :] @ np.conj(vh)


def rows_in_order(piv):
    """The order of the rows of a matrix that its exchanges make, one after the other.

    >>> rows_in_order(np.array([2, 2, 2]))
    array([2, 0, 1])
    """
    order = np.arange(len(piv))
    for k, p in enumerate(piv):
        order[k], order[p] = order[p], order[k]
    return order


def fullest_last(rows):
    """The order that makes a triangle of the rows of one, those of fewest numbers first.

    >>> fullest_last(np.array([[0.5, 1.0], [1.0, 0.0]]))
    array([1, 0])
    """
    return np.argsort(np.where(rows != 0, np.arange(np.shape(rows)[1]), -1).max(axis=1))


def half_lower(x):
    """The lower triangle of x with half the diagonal.

    >>> half_lower(np.ones((2, 2)))
    array([[0.5, 0. ],
           [1. , 0.5]])
    """
    return (np.tril(x) + np.tril(x, -1)) / 2


def nearer(a, b, by):
    """Which of two ends of a range comes first.

    >>> nearer(3, 5, 1), nearer(3, 5, -1)
    (3, 5)
    """
    return min(a, b) if by > 0 else max(a, b)


def next_snapshot(at, end, free):
    """Where to take the next snapshot of steps from `at`, of which there is one, to `end`.

    free   how many more may be taken; `end` is returned where there is none to take

    The steps are to be reversed one by one from the end. Griewank and Walther (2000), "Algorithm
    799: revolve": with s snapshots, (s + r)! / (s! r!) steps are reversed running each of them
    again at most r times, and no choice needs fewer runs in all.

    >>> next_snapshot(0, 10, 2), next_snapshot(4, 10, 1), next_snapshot(4, 10, 0)
    (4, 7, 10)
    """
    steps = end - at
    if free < 1 or steps < 2:
        return end
    s, r, before, reach = free + 1, 0, 1, 1
    while reach < steps:
        r += 1
        before, reach = reach, reach * (s + r) // r
    return at + min(before, steps - before * s // (s + r - 1))


def snapshots_within(budget, apart, *state):
    """How many snapshots of what a loop carries there is room for in so many bytes.

    apart   how many more of them there must be room for: for what a step computes

    >>> snapshots_within(10**6, 3, np.zeros(1000), 0.0)
    117
    >>> snapshots_within(10**4, 3, np.zeros(1000))
    Traceback (most recent call last):
    srcdiff.runtime.errors.SrcdiffError: checkpoint: 10000 bytes are too few for this loop: it ...
      Allow 33152 bytes or more, or name a number of snapshots.
    """
    each = 160 + sum(map(size_of, state))  # a tuple, its place in a list, the number of the step
    count = budget // each - apart
    if count < 1:
        raise SrcdiffError(
            f"checkpoint: {budget} bytes are too few for this loop: it hands on {each} bytes from"
            " step to step", None,
            f"Allow {each * (apart + 1)} bytes or more, or name a number of snapshots.",
        )  # fmt: skip
    return count


def size_of(value):
    """The bytes that a copy of a number, an array or a list of these takes.

    >>> size_of(1.0), size_of(np.zeros(3)), size_of([1.0, 2.0])
    (32, 152, 152)
    """
    if isinstance(value, np.ndarray):
        return 128 + value.nbytes
    if isinstance(value, list | tuple):
        return 64 + sum(12 + size_of(v) for v in value)
    return 32


# What the compiler calls rather than inlines, when all arguments are known.
STATIC = {
    inverse_permutation, tensordot_axes, leading, trailing, without, in_order, einsum_adjoint,
    moved_axes, own_axes, batched_einsum,
}  # fmt: skip

