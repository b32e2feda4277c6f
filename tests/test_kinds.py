"""Names that are of one of two kinds: an array or a number, of two precisions, a tuple or None.

Every program is judged in both precisions at all points, on the tape as well.
"""

import numpy as np
import pytest

import srcdiff
from tests.judge import judge, right, right_or_refused
from tests.tape import tape_gradient

X = np.array([0.3, 0.6, 1.2])
Y = np.array([1.3, 0.7, -0.3])
M = np.array([[-0.3, 0.8, 0.2], [1.2, 0.3, -0.7], [0.3, 0.4, 0.5], [0.7, 0.2, 0.1]])
WEIGHTS = np.linspace(-0.45, 0.95, 3)
PROGRAMS: list = []


def at(*points, wrt=(0, 1)):
    """The argument tuples that a program is judged at."""

    def note(f):
        for i, args in enumerate(points):
            for dtype in (np.float64, np.float32):
                name = f"{f.__name__}-{i}-{np.dtype(dtype).name}"
                PROGRAMS.append(pytest.param(f, args, wrt, dtype, id=name))
        return f

    return note


either_way = at((X, 0.7), (X, -0.8))
steps = at(*((X, M, n) for n in range(4)))
in_steps = at(*((X, Y, n) for n in range(4)))


# ---------------------------------------------------------------------- branches


@either_way
def array_or_number(x, s):
    t = x if s > 0 else 2.0
    u = t * x
    return np.sum(u**2) + np.sum(t)


@either_way
def array_or_number_that_is_told(x, s):
    t = x if s > 0 else 2.0
    if isinstance(t, float):
        return t * np.sum(x)
    t[0] = 3.0
    return np.sum(t * x)


@at((X, 0.7, np.array(-0.4)), (X, -0.8, np.array(-0.4)), wrt=(0, 1, 2))
def number_or_array_without_axes(x, s, z):
    o = s if np.all(x * s > 0) else z
    return np.sum(x) * o


@either_way
def two_precisions(x, s):
    d = x[0] if s > 0 else s
    return np.sum(x * d) + s


@either_way
def the_result_is_of_two_precisions(x, s):
    return x[0] * x[1] if s > 0 else s * s


@either_way
def a_literal_beside_a_number(x, s):
    d = x[0] if x[1] * s > 0 else 2.0
    return np.sum(x * d) + s


@either_way
def tuple_or_number(x, s):
    t = (x, s) if s > 0 else s
    if isinstance(t, tuple):
        return np.sum(t[0]) * t[1]
    return t**2


@either_way
def none_or_tuple(x, s):
    t = None if s > 0 else (x, s)
    if t is None:
        return np.sum(x) * s
    return np.sum(t[0]) + t[1]


@either_way
def one_of_two_functions(x, s):
    f = np.sin if s > 0 else (lambda v: v**3)
    return np.sum(f(x)) * s


@either_way
def list_or_array_is_walked(x, s):
    t = [x, s] if s > 0 else x
    total = 0.0
    for v in t:
        total = total + np.sum(v * s)
    return total


@either_way
def in_a_helper(x, s):
    def scale(v, w):
        return np.sum(v * w**2)

    t = x if s > 0 else 2.0
    return scale(t, x) + scale(x, t)


@either_way
def updated_in_place(x, s):
    t = x if s > 0 else np.float32(2.0)
    t += x
    return np.sum(t * x)


@either_way
def complex_or_real(x, s):
    u = 1j if s > 0 else 2.0
    z = u * x
    return np.sum(np.abs(z) ** 2) + np.real(u) * x[0] * s


@either_way
def an_array_outside_or_an_argument(x, s):
    c = x if s > 0 else WEIGHTS
    return np.sum(c * x) * s


@in_steps
def the_memory_of_one_of_two_precisions(x, y, n):
    z = x if n > 1 else y
    z[0] = 2.0 * y[1]
    t = z * x
    z[1] *= 3.0
    return np.sum(t) + np.sum(x * y * z)


@in_steps
def two_tests(x, y, n):
    def pick(a, b, k):
        if k > 1:
            return a
        return b[0]

    u = pick(x, y, n)
    v = pick(y, x, n - 1)
    return np.sum(u * v) + np.sum(np.sin(u) * 2.0)


@in_steps
def array_or_list_is_stored_into(x, y, n):
    z = np.zeros(3, dtype=np.float32) if n > 1 else [0.0, 0.0, 0.0]
    z[0] = y[1] * 3.0
    z[2] = x[0]
    return np.sum(np.asarray(z) * y)


@in_steps
def a_cast_on_one_path(x, y, n):
    z = (x if n > 1 else y)[1:]
    w = z.astype(np.float32) if n > 2 else z
    w += 1.0
    return np.sum(x * y) * np.sum(w)


@in_steps
def read_in_a_loop(x, y, n):
    u = x if n > 1 else y[0]
    out = []
    for i in range(3):
        out.append(np.sum(u * y[i]))
    return np.sum(np.array(out) * y)


@in_steps
def flat_of_a_choice(x, y, n):
    z = x if n > 2 else y
    z[0] = 3.0
    t = 0.0
    for v in z.flat:
        t = t + v * v
    for (i,), v in np.ndenumerate(z):
        z[i] = v * i
    z.flat[1:] = 3.0 * z.flat[:-1]
    return t + np.sum(x * y) * z.flat[-1]


# ---------------------------------------------------------------------- loops


@steps
def a_number_and_broadcast(x, m, n):
    t = 0
    for i in range(n):
        t = x * m[i]
    t = t * x[0]
    s = 2.0 * t
    return np.sum(s * s * m)


@at(*((X, M, n) for n in range(1, 4)))
def stored_into_afterwards(x, m, n):
    t = 0
    for i in range(n):
        t = x * m[i]
    t[t > 0.1] /= 2.0
    t[0] = 3.0 * x[1]
    return np.sum(t * x)


@at(*((X, M, n) for n in range(1, 4)))
def another_name_is_stored_into(x, m, n):
    t = 0.0
    for i in range(n):
        t = x
    t[0] = 3.0 * x[1]
    return np.sum(t * x)


@steps
def an_array_or_a_number_in_some_steps(x, m, n):
    t = 0.0
    for i in range(n + 1):
        if i == 1:
            t = x
        elif i == 2:
            t[0] *= 3.0
        else:
            t = t + 1.0
    return np.sum(t * x * 2.0)


@at(*((X, M, n) for n in range(3)))
def a_loop_in_a_loop(x, m, n):
    out = 0.0
    for k in range(n + 1):
        t = 1
        for i in range(k):
            t = t * m[i]
            t[1] += x[k]
        out = out + np.sum(t * m)
    return out


@steps
def in_a_helper_that_loops(x, m, n):
    def helper(a, k):
        t = 0
        for i in range(k):
            t = t + a[i] * x
            t *= x[0]
        return t * a

    return np.sum(helper(m[0], n) * x) + np.sum(helper(x, 2))


@steps
def a_complex_start(x, m, n):
    c = 0
    for i in range(n):
        c = c * 1j + m[i, 0] * np.exp(1j * x)
    return np.sum(np.abs(c * x[0]) ** 2) + np.sum(np.real(c * np.ones((2, 1))))


@steps
def of_another_precision_at_first(x, m, n):
    b = np.float32(1.5)
    for i in range(n):
        b = m
    return np.sum(b * x)


@steps
def an_item_of_a_list(x, m, n):
    p = [0, x]
    for i in range(n):
        p[0] = p[0] + m
    return np.sum(p[0] * x) + np.sum(p[1])


@steps
def added_up_from_a_literal(x, m, n):
    total = 0.0
    for i in range(n):
        total = total + x[i % 3]
    return np.sum(x * total) + np.sum(m * total**2)


@in_steps
def either_at_entry(x, y, n):
    z = x[0] if n > 1 else y[0]
    for i in range(n):
        z = z * y[i] + np.float32(2.0)
        z += x[i]
    return z * y[1]


@in_steps
def arrays_of_two_precisions_change_places(x, y, n):
    t = x * y
    for i in range(n):
        x[0] *= np.tanh(y[i])
        x, t = t, x
    return np.sum(x * t) + np.sum(y)


@steps
def what_needs_a_shape_after_no_step(x, m, n):
    t = 0
    for i in range(n):
        t = t + m[i] * x
    return np.mean(t) + np.max(t) + np.prod(t) + np.linalg.norm(t) + np.sum(t**2) + np.std(t)


@steps
def what_needs_a_shape_after_a_while(x, m, n):
    t = 0
    while n > 0:
        n = n - 1
        t = t + m[n] * x
    return np.mean(t * x) + np.mean(t) + np.linalg.norm(t)


@at(*((X, M, n) for n in range(4)))
def what_needs_a_shape_after_steps_that_may_leave(x, m, n):
    t = 0
    for i in range(n, 0, -1):
        if m[i, 0] > 0.5:
            continue
        if m[i, 0] < -10:
            break
        t = t + m[i] * x
    return np.mean(t * x) + np.mean(t)


@steps
def a_number_still_on_one_path(x, m, n):
    m = m.astype(x.dtype)
    t = 0
    out = 0.0
    for i in range(3):
        if i >= n:
            t = t + m
        s = x * t
        out = out + np.sum(s * s + x)
        out = out + np.sum(x + t)
    return out


# ---------------------------------------------------------------------- ints and floats


@in_steps
def an_array_of_an_int_or_a_float(x, y, n):
    t = 0 if n > 1 else x[0]
    z = np.array(t)
    z[()] += y[0]
    return z * 2.0 + x[1]


@in_steps
def an_array_filled_with_a_total(x, y, n):
    t = 0
    for i in range(n):
        t += x[i]
    z = np.full(3, t)
    z[1] = y[0]
    return np.sum(z * y)


@in_steps
def an_array_of_a_sum_of_perhaps_nothing(x, y, n):
    t = sum(x[:n])
    z = np.array(t)
    z[()] += y[0]
    return z * 2.0


@at((X, Y, 2))
def an_array_of_a_sum_of_nothing(x, y, n):
    z = np.array(sum(x[:0]))
    z[()] += y[0]
    return z * 2.0 + x[0]


@in_steps
def the_class_of_an_int_or_a_float(x, y, n):
    t = 0 if n > 1 else float(x[0])
    u = t * 2
    return np.sum(x) * u if isinstance(u, float) else np.sum(y)


@at((X, Y, 1), (X, Y, 3))
def array_or_number_is_compared_in_a_test(x, y, n):
    t = 0
    for _ in range(n):
        t = x
    if 0.1 <= np.dot(t, y) * np.ones(1):
        return np.sum(y * x)
    return np.sum(np.square(t).copy()) + np.sum(y)


def array_or_number_is_walked(x, m, n):
    t = 0
    for k in range(n):
        t = m[k]
    s = 0.0
    for u, v in zip(t, x):
        s += u * v
    t[:-1] -= 2.0 * x[0]
    return s * np.sum(m)


@pytest.mark.parametrize("f, args, wrt, dtype", PROGRAMS)
def test_what_is_of_one_of_two_kinds_is_differentiated(f, args, wrt, dtype):
    args = (args[0].astype(dtype), *args[1:])
    right(f, *args, wrt=wrt)
    on_tape = judge(f, args, wrt, gradient=tape_gradient)
    assert on_tape.outcome in ("right", "refused"), str(on_tape)


def test_a_store_into_what_is_a_number_still_raises_what_python_raises():
    df = srcdiff.grad(stored_into_afterwards, fallback="error")
    df(X, M, 1)
    with pytest.raises(TypeError, match="not subscriptable"):
        df(X, M, 0)
    with pytest.raises(TypeError, match="does not support item assignment"):
        srcdiff.grad(another_name_is_stored_into, fallback="error")(X, M, 0)


def test_a_loop_over_what_is_a_number_still_raises_what_python_raises():
    for n in (1, 3):
        right(array_or_number_is_walked, X, M, n)
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        srcdiff.grad(array_or_number_is_walked, fallback="error")(X, M, 0)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_a_view_of_what_only_some_steps_bind_is_taken_where_it_is_bound(sign, n):
    def f(x, m, n):
        for k in range(n):
            x = x[::-1] if m[k, 0] > 0.0 else m[k]
        return np.sum(x * [1.0, 3.0, 7.0])

    m = np.where(sign == 0.0, M, sign * np.abs(M))
    right(f, X.astype(np.float32), m, n, wrt=1)
    right(f, X, m, n, wrt=(0, 1))


def test_a_chain_of_operations_stands_in_one_branch():
    df = srcdiff.grad(a_number_and_broadcast, fallback="error")
    df(X, M, 2)
    assert df.source.count("\n    if ") == 2  # one in each sweep


def test_an_update_that_does_not_fit_raises_what_numpy_raises():
    def update(x, n):
        y = np.array(x[0])
        if n > 2:
            y += x
        return np.sum(y)

    df = srcdiff.grad(update, fallback="error")
    assert df(X, 1).tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="non-broadcastable output operand"):
        df(X, 3)


def test_a_total_of_arrays_stands_as_it_is_written():
    def total(m):
        t = 0
        for row in m:
            t += row * row
        return np.sum(t / len(m))

    df = srcdiff.grad(total, fallback="error")
    df(M)
    assert "if" not in df.source


@pytest.mark.parametrize("s", [-3.0, 0.2, 7.0])
def test_the_greatest_of_a_number_in_single_precision_and_others(s):
    def f(x, s):
        t = min(x[0], s, 5)
        y = x * t
        y[1] = max(t, 0.5)
        return np.sum(y + max(x[-1], 0.25))

    right(f, np.array([2.5, 0.7, 1.5], np.float32), s, wrt=(0, 1))


def test_the_length_of_what_may_be_a_number_still():
    def f(y):
        t = 0
        for _ in y:
            t = y
        for _ in range(len(t)):
            t[0] -= 2.0
        return np.sum(t * y)

    right(f, np.array([-1.04, 0.94, 0.45]))
    with pytest.raises(TypeError, match="len"):
        srcdiff.grad(f, fallback="error")(np.zeros(0))


@pytest.mark.parametrize("w", [X, np.zeros(0)], ids=["of numbers", "empty"])
def test_the_gradient_is_spread_from_a_sum_that_is_an_int_where_there_is_nothing_to_sum(w):
    def of_one_factor(x, w):
        return np.sum(x) * sum(w)

    def after_a_store(x, w):
        y = np.sin(x)
        y[0] *= x[1]
        return np.mean(y * y) * sum(w)

    def in_a_loop(x, w):
        t = 0
        for v in w:
            t += v
        return np.sum(x[1:]) * t

    for f in (of_one_factor, after_a_store, in_a_loop):
        right(f, Y, w, wrt=(0, 1))
        right(f, Y, w)
        right(f, Y.astype(np.float32), w)


def test_the_hessian_is_spread_from_a_sum_that_may_be_an_int():
    def f(x, w):
        return np.sum(x * x) * sum(w)

    for w in (X, np.zeros(0)):
        found = srcdiff.hvp(f)(Y, X, w)
        np.testing.assert_allclose(found, 2 * X * np.sum(w))
        assert found.dtype == float


def truncated(make):
    def f(x):
        t = 1 if x[0] > 0 else np.sum(x)
        made = make(t)
        made[1] = 2.7
        return np.sum(made) * x[1]

    return f


@pytest.mark.parametrize("make", [
    lambda t: np.where(np.arange(3) > 1, t, 2),
    lambda t: np.arange(3) * t,
    lambda t: np.arange(3) ** 2 - t,
    lambda t: -np.maximum(np.arange(3), t),
    lambda t: np.cumsum([t, 2]),
    lambda t: np.zeros_like([t, 2]),
    lambda t: np.full_like([t, 2], 2.5),
    lambda t: np.ones(2, np.result_type(t, 2)),
    lambda t: np.arange(3) * (t / 2),
])  # fmt: skip
def test_a_store_is_truncated_where_the_array_is_made_of_an_int_by_chance(make):
    right(truncated(make), np.array([0.3, 0.4]))
    right(truncated(make), np.array([-0.3, 0.4]))


def test_an_array_that_is_made_of_an_int_by_chance_tells_its_dtype():
    def f(x):
        t = 1 if x[0] > 0 else np.sum(x)
        made = np.asarray([t, 2])
        made *= 0.5 if made.dtype == float else 2
        return np.sum(made) * x[1]

    right(f, np.array([0.3, 0.4]))
    right(f, np.array([-0.3, 0.4]))


class Holder:
    pass


HELD: list = []


def still_a_number(x):
    t = 0
    for w in x:
        t = t + w * x
    return np.square(t)


def in_a_list(x):
    items = [still_a_number(x), 1.0]
    v = items[0]
    v *= -0.9
    return np.sum(items[0] ** 2)


def in_a_tuple(x):
    items = (still_a_number(x), 1.0)
    v = items[0]
    v *= -0.9
    return np.sum(items[0] ** 2)


def values_of_a_dict(x):
    items = {"a": still_a_number(x), "b": 1.0}
    for v in items.values():
        v *= -0.9
    return np.sum(items["a"] ** 2)


def in_an_attribute(x):
    holder = Holder()
    holder.a = still_a_number(x)
    v = holder.a
    v *= -0.9
    return np.sum(holder.a ** 2)


def in_a_list_outside(x):
    HELD.clear()
    HELD.append(still_a_number(x))
    v = HELD[0]
    v *= -0.9
    return np.sum(HELD[0] ** 2)


@pytest.mark.parametrize(
    "f", [in_a_list, in_a_tuple, values_of_a_dict, in_an_attribute, in_a_list_outside]
)
def test_what_may_be_a_number_still_is_updated_where_a_container_holds_it(f):
    right_or_refused(f, np.array([1.0, 2.0, 3.0]))


def transposed_number(m, n):
    t = 0
    for _ in range(n):
        t = 0.5 * t + np.transpose(np.tanh(m))
    return np.sum((np.transpose(t) + m) ** 2)


@pytest.mark.parametrize("n", [0, 2])
def test_a_number_that_is_transposed_is_written_as_a_call(n):
    right(transposed_number, M[:3], n)
