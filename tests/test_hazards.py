"""Programs on which the obvious compiler is silently wrong, one per test, named for what holds.

`right` is for what must compile; `right_or_refused` for what may be left to the fallback.
"""

# ruff: noqa: C416, UP034, B023, B006, B008, E731

import functools
import math

import numpy
import numpy as np
import pytest
from pytest import approx

from tests.gallery import positive, some
from tests.judge import (
    fresh,
    gradient_or_none,
    judge,
    right,
    right_or_refused,
    same,
    srcdiff_gradient,
)
from tests.tape import tape_gradient
from tests.test_ten_programs import load

# What kind of thing it is decides what an operation does


def test_a_slice_of_an_array_is_a_view():
    def f(x):
        y = x * 2
        v = y[1:3]
        v[0] = x[0] ** 2
        return np.sum(y**2)

    right(f, some(4))


def test_a_slice_of_a_list_is_a_copy():
    def f(x):
        items = [x[0], x[1] * 2, x[2] * 3]
        part = items[1:3]
        part[0] = 0.0
        return items[0] * items[1] * items[2] + part[1]

    right(f, some(3))


def test_a_gather_is_no_view():
    def f(x):
        y = x * 2
        v = y[[0, 1]]
        v[0] = 5.0
        v *= x[2]
        return np.sum(y**2) + np.sum(v)

    right(f, some(4))


def test_a_masked_read_is_no_view():
    def f(x):
        y = x * 2
        v = y[y > 0]
        v *= 10
        return np.sum(y**2) + np.sum(v)

    right(f, some(5))


def test_an_element_taken_out_does_not_follow_the_array():
    def f(x):
        s = x[0]
        x[0] = x[1] * 3
        s += 1
        return s * x[0]

    right(f, some(3))


def test_a_sum_is_a_number_that_is_bound_anew():
    def f(x):
        s = np.sum(x)
        t = s
        s += 1
        return s * t

    right(f, some(3))


def test_a_zero_dimensional_array_is_written_in_place():
    def f(x):
        s = np.array(x[0] * 2)
        t = s
        s += x[1]
        return t * s

    right_or_refused(f, some(3))


def test_where_of_numbers_gives_an_array_that_is_written_in_place():
    def f(x):
        s = np.where(x[0] > -5, x[1], 1.0)
        t = s
        s *= 3
        return t * x[0]

    right_or_refused(f, some(3))


def test_a_product_of_a_zero_dimensional_array_is_a_number():
    def f(x):
        w = np.array(x[0]) * 1
        v = w
        w += 1
        return v * w

    right_or_refused(f, some(3))


def test_a_reshape_to_no_dimensions_is_a_view():
    def f(x):
        s = x[1:2].reshape(())
        s += x[0]
        return np.sum(x**2)

    right_or_refused(f, some(3))


def test_a_zero_dimensional_argument_is_the_callers():
    def f(s):
        s += 1
        return s * s

    right(f, np.array(0.7))


@pytest.mark.parametrize(
    "x",
    [
        np.matrix([[1.0, 2.0]]),
        np.ma.masked_array([1.0, 2.0], mask=[False, True]),
        np.array([1.0, 2.0], dtype=object),
    ],
    ids=lambda x: type(x).__name__ + str(x.dtype),
)
def test_arrays_that_are_no_plain_arrays_are_refused(x):
    def f(x):
        return (x * x.T).sum()

    assert gradient_or_none(f, x) is None


# When an operand is read


def add_ten(z):
    z += 10
    return z[1]


def test_an_element_is_read_where_it_stands():
    def f(x):
        return x[0] * add_ten(x)

    right(f, some(3))


def test_a_sum_is_read_where_it_stands():
    def f(x):
        return x.sum() * add_ten(x)

    right(f, some(3))


def test_an_element_after_a_call_sees_what_the_call_wrote():
    def f(x):
        return add_ten(x) * x[0]

    right(f, some(3))


def test_a_gather_is_read_where_it_stands():
    def f(x):
        return np.sum(x[[0, 1]] * add_ten(x))

    right(f, some(3))


def test_a_slice_is_read_when_the_operation_runs():
    def f(x):
        return np.sum(x[0:2] * add_ten(x))

    right(f, some(3))


def test_a_list_display_keeps_arrays_not_their_values():
    def f(x):
        y = x * 1.0
        pair = (y, add_ten(y))
        return np.sum(pair[0] * x) * pair[1]

    right(f, some(3))


def test_the_key_of_an_augmented_store_is_evaluated_once():
    calls = []

    def position():
        calls.append(1)
        return 1

    def f(x):
        x[position()] += x[0] * 2
        return np.sum(x**2)

    srcdiff = gradient_or_none(f, some(3))
    if srcdiff is not None:
        assert len(calls) == 1
        del calls[:]
    right_or_refused(f, some(3))


def test_the_target_of_a_tuple_assignment_is_evaluated_left_to_right():
    def f(x):
        i = 0
        i, x[i] = 1, 5 * x[2]
        return np.sum(x**2)

    right(f, some(3))


def test_the_right_side_of_a_swap_is_read_before_the_first_store():
    def f(x):
        x[0], x[1], x[2] = x[1] * x[2], x[0], x[1] + x[0]
        return np.sum(x**2)

    right(f, some(3))


def test_a_swap_of_rows_that_are_views_is_no_swap():
    def f(m):
        m[0], m[1] = m[1], m[0]
        return np.sum(m[0] * 2 + m[1] ** 3)

    right(f, some(2, 3))


def test_a_swap_of_rows_by_a_gather_is_a_swap():
    def f(m):
        m[[0, 1]] = m[[1, 0]]
        return np.sum(m[0] * 2 + m[1] ** 3)

    right(f, some(2, 3))


def test_conditions_stop_where_they_are_decided():
    def f(x, n):
        if n > 5 and x[n] > 0:
            return x[0]
        return x[0] * x[1] if n < 2 or x[n] > 9 else x[2]

    right(f, some(3), 1)


# Loops


def test_a_loop_keeps_its_iterable_when_the_name_is_bound_anew():
    def f(x):
        s = 0.0
        for v in x:
            x = x * 2
            s = s + v * x[0]
        return s

    right(f, some(4))


def test_a_loop_reads_elements_that_its_body_wrote():
    def f(x):
        s = 0.0
        for i, v in enumerate(x):
            if i + 1 < len(x):
                x[i + 1] = v * x[i + 1] + 0.3
            s += v**2
        return s

    right(f, some(4))


def test_a_loop_over_a_slice_reads_the_array():
    def f(x):
        s = 0.0
        for v in x[1:]:
            x *= 1.5
            s += v * v
        return s

    right(f, some(4))


def test_a_list_that_grows_while_it_is_walked():
    def f(x):
        items = [x[0], x[1]]
        for v in items:
            if len(items) < 6:
                items.append(v * 2 + x[2])
        return sum(items)

    right_or_refused(f, some(3))


def test_a_loop_variable_outlives_its_loop():
    def f(x, n):
        for i in range(n):
            s = x[i] * 2
        return s * x[i]

    right(f, some(4), 3)


def test_the_last_row_of_a_loop_is_still_a_view():
    def f(m):
        for row in m:
            row *= 2
        row[0] = m[0, 0] * m[0, 1]
        return np.sum(m**2)

    right(f, some(3, 2))


def test_a_name_that_a_loop_of_no_steps_left_unbound_is_pythons_error():
    def f(x, n):
        for i in range(n):
            s = x[i] * 2
        return s

    right_or_refused(f, some(3), 2)
    try:
        assert gradient_or_none(f, some(3), 0) is None
    except UnboundLocalError:
        pass


def test_a_loop_variable_that_the_body_changes():
    def f(x):
        s = 0.0
        for i in range(len(x)):
            j = i
            i = (i + 2) % len(x)
            s += x[i] * (j + 1)
        return s

    right(f, some(4))


def test_a_while_loop_whose_condition_writes_nothing_and_reads_what_the_body_wrote():
    def f(x):
        while x[0] < 10:
            x[1:] *= x[0]
            x[0] += x[0] * 0.7 + 0.5
        return np.sum(x**2) * 1e-2

    right(f, positive(3))


def test_a_break_in_the_inner_of_two_loops():
    def f(m):
        s = 1.0
        for i in range(m.shape[0]):
            for j in range(m.shape[1]):
                if s * m[i, j] < -0.4:
                    break
                s = s + m[i, j] * 0.5
            else:
                s = s * 1.1
        return s

    right(f, some(4, 4))


def test_an_early_return_from_two_loops():
    def f(m):
        s = 1.0
        for row in m:
            for v in row:
                s = s * (1 + 0.3 * v)
                if s > 1.4:
                    return s * v
            s = s + row[0]
        return s

    right(f, some(4, 4))
    right(f, some(2, 2) * 0.1)


def test_a_loop_of_no_steps():
    def f(x, n):
        s = x[0]
        for i in range(n):
            s = s * x[i] + 1 / x[5]
        return s * x[1]

    df = srcdiff_gradient(f, 0)
    for n in (0, 2, 0):
        x = positive(6)
        h = 1e-6
        _, g = df(x, n)
        for k in range(6):
            e = h * np.eye(6)[k]
            assert abs(g[k] - (f(x + e, n) - f(x - e, n)) / (2 * h)) < 1e-7


def test_names_that_rotate_in_a_loop_and_are_read_later():
    def f(x, n):
        a, b, c = x * 1.0, x * 2.0, np.sin(x)
        for _ in range(n):
            a, b, c = b, c, a
            a += 0.1 * b
        return np.sum(a * x + b**2 + 3 * c)

    right_or_refused(f, some(3), 4)


def test_a_ping_pong_whose_first_buffer_has_another_name():
    def f(x, n):
        u = x
        v = np.zeros_like(x)
        for _ in range(n):
            v[:] = np.sin(u) * 2
            u, v = v, u
        return np.sum(x**2) + np.sum(u * v)

    right_or_refused(f, some(3), 3)
    right_or_refused(f, some(3), 4)


def test_what_an_alias_in_a_loop_is_depends_on_the_step():
    def f(x, n):
        y = x * 2
        z = y
        for i in range(n):
            z[i] = z[i] * x[0] + 0.2
            if i == 1:
                z = y.copy()
        return np.sum(y**2) + np.sum(z)

    right_or_refused(f, some(4), 4)


def test_a_carried_array_that_the_loop_replaces_and_writes():
    def f(x, n):
        y = x * 1.0
        for i in range(n):
            y = y * 1.5
            y[i] = x[0] * y[i]
        return np.sum(y)

    right(f, some(4), 3)


# Functions


def test_a_nested_function_reads_a_name_when_it_is_called():
    def f(x):
        k = x[0]

        def g(v):
            return v * k

        a = g(x[2])
        k = x[1]
        return a * g(x[2])

    right(f, some(3))


def test_functions_made_in_a_comprehension_share_its_last_value():
    def f(x):
        functions = [lambda v: v * w for w in (x[0], x[1] * 3)]
        return functions[0](x[2]) + functions[1](x[2]) ** 2

    right_or_refused(f, some(3))


def make_scaled(k):
    def scaled(v):
        return v * k

    return scaled


def test_two_calls_of_a_factory_make_two_functions():
    def f(x):
        one, other = make_scaled(x[0]), make_scaled(x[1] * 2)
        return one(x[2]) * other(x[2])

    right(f, some(3))


def test_closures_of_one_code_each_have_their_own_cells():
    def make(k):
        def f(x):
            return np.sum(x**2) * k

        return f

    for k in (2.0, 3.0, 2.0, -1.0):
        _, g = right(make(k), some(3))
        np.testing.assert_allclose(g, 2 * k * some(3))


def test_a_default_is_evaluated_when_the_function_is_defined():
    def f(x):
        k = x[0]

        def g(v, k=k, *, twice=k * 2):
            return v * k + twice

        k = 100.0
        return g(x[1]) * k

    right(f, some(3))


def test_a_mutable_default_that_is_written_stays_written():
    def f(x, seen=[]):
        seen.append(1)
        return np.sum(x**2) * len(seen)

    result = gradient_or_none(f, some(3))
    if result is not None:
        assert result[0] == np.sum(some(3) ** 2) * 1
        assert len(f.__defaults__[0]) == 1


def test_a_helper_returns_its_parameter():
    def same_array(a):
        return a

    def f(x):
        y = same_array(x)
        y[0] = x[1] * 2
        return np.sum(x * y)

    right(f, some(3))


def test_a_helper_returns_a_view_of_its_parameter():
    def tail(a):
        return a[1:]

    def f(x):
        y = tail(x)
        y *= x[0]
        return np.sum(x**2)

    right(f, some(3))


def test_a_helper_rebinds_its_parameter_and_writes_the_new_array():
    def changed(a):
        a = a * 2
        a[0] = 7.0
        return a

    def f(x):
        y = changed(x)
        return np.sum(x * y)

    right(f, some(3))


def test_one_array_given_twice_to_a_helper_that_writes():
    def mix(a, b, out):
        out[:] = a * b[::-1]
        out += a

    def f(x):
        mix(x, x, x)
        return np.sum(x**2)

    right(f, some(4))


def test_rows_of_one_matrix_given_to_a_helper_that_writes():
    def axpy(a, x, y):
        y += a * x

    def f(m):
        for i in range(1, len(m)):
            axpy(m[0, i], m[i - 1], m[i])
        return np.sum(m**2)

    right(f, some(3, 3))


def quicksum(a, lo, hi):
    if hi - lo == 1:
        a[lo] *= 2
        return a[lo]
    middle = (lo + hi) // 2
    return quicksum(a, lo, middle) * 0.5 + quicksum(a, middle, hi)


def test_a_recursive_helper_that_writes_its_argument():
    def f(x):
        s = quicksum(x, 0, len(x))
        return s * s + np.sum(x**2)

    right_or_refused(f, some(5))


def test_keyword_and_star_arguments():
    def g(a, *rest, k=1.0, **more):
        return a * rest[0] + rest[1] * k + more["z"]

    def f(x):
        pair = (x[0], x[1])
        return g(x[2], *pair, k=x[1], **{"z": x[0] ** 2})

    right_or_refused(f, some(3))


@pytest.mark.parametrize("n", [2, 5])
def test_a_helper_that_is_given_as_an_argument(n):
    def apply(g, v, n):
        for _ in range(n):
            v = g(v)
        return v

    def f(x):
        return np.sum(apply(np.sin, x, n) + apply(lambda v: v * x[0], x, n))

    right(f, some(3))


def test_an_opaque_call_that_is_given_an_active_function():
    def by_reduce(x):
        return functools.reduce(lambda a, b: a * b + x[0], x)

    def by_sorted(x):
        return sorted(x, key=lambda v: -v * x[0])[0]

    def by_map(x):
        return sum(map(lambda v: v * x[0], x))

    def by_vectorize(x):
        return np.sum(np.vectorize(lambda v: v * x[0])(x))

    for f in (by_reduce, by_sorted, by_map, by_vectorize):
        right_or_refused(f, some(4))


# Views, and what is the operand itself


def written(view):
    """A program that writes through what `view` gives."""

    def f(x):
        y = x * 1.0
        v = view(y)
        v[0] = v[0] * 3 + x[0]
        return np.sum(y**3)

    return f


@pytest.mark.parametrize(
    "view",
    [
        lambda y: y[1:],
        lambda y: y[::-1],
        lambda y: y[::-1][1:3],
        lambda y: y[1:][1:],
        lambda y: y[-2:],
        lambda y: y[:],
        lambda y: y[...],
        lambda y: y.T,
        lambda y: y.reshape(-1),
        lambda y: y.reshape(2, 2)[1],
        lambda y: y.ravel(),
        lambda y: y.reshape(2, 2).T[0],
        lambda y: y[None][0],
        lambda y: np.split(y, 2)[1],
        lambda y: np.squeeze(y[:, None]),
        lambda y: y[:, None].squeeze(),
        lambda y: np.flip(y),
        lambda y: np.atleast_1d(y),
        lambda y: np.asarray(y),
        lambda y: np.real(y),
        lambda y: y.real,
        lambda y: y.view(),
        lambda y: y.conj(),
        lambda y: np.transpose(y),
        lambda y: np.swapaxes(y.reshape(2, 2), 0, 1)[1],
        lambda y: np.moveaxis(y.reshape(2, 2), 0, 1)[1],
        lambda y: np.einsum("i->i", y),
        lambda y: np.ravel(y),
        lambda y: np.expand_dims(y, 0)[0],
    ],
)
def test_a_store_through_a_view_reaches_its_base(view):
    right_or_refused(written(view), some(4))


@pytest.mark.parametrize(
    "copy",
    [
        lambda y: y * 1.0,
        lambda y: +y,
        lambda y: y.copy(),
        lambda y: np.copy(y),
        lambda y: np.array(y),
        lambda y: y[[0, 1, 2, 3]],
        lambda y: y.flatten(),
        lambda y: y.reshape(2, 2).T.reshape(-1),
        lambda y: y.reshape(2, 2).T.ravel(),
        lambda y: y.astype(float),
        lambda y: np.concatenate([y]),
        lambda y: np.conj(y),
        lambda y: np.where(True, y, 0.0),
    ],
)
def test_a_store_into_a_copy_does_not_reach_its_source(copy):
    right_or_refused(written(copy), some(4))


@pytest.mark.parametrize(
    "maybe",
    [
        lambda y: y.reshape(-1),
        lambda y: y.ravel(),
        lambda y: y.ravel(order="K"),
        lambda y: y.reshape(-1, order="F"),
        lambda y: np.ascontiguousarray(y).reshape(-1),
        lambda y: np.asarray(y, order="C").reshape(-1),
        lambda y: y.astype(float, copy=False).reshape(-1),
    ],
)
def test_what_may_be_a_view_follows_the_memory_order_of_the_argument(maybe):
    def f(x):
        v = maybe(x)
        v[1] = v[0] * 3 + v[2]
        return np.sum(x**3) + np.sum(v)

    for x in (some(2, 3), np.asfortranarray(some(2, 3)), some(3, 2).T, some(4, 3)[::2]):
        right_or_refused(f, x)


def test_reads_through_a_reshape_of_an_argument_in_fortran_order():
    def f(x):
        v = x.reshape(-1)
        return v[1] * v[2] + np.sum(x.T.ravel()[:3] ** 2)

    for x in (some(2, 3), np.asfortranarray(some(2, 3)), some(4, 6)[::2, ::2]):
        right(f, x)


def test_a_buffer_in_the_order_of_a_fortran_argument_is_written_through_a_reshape():
    def f(x):
        y = np.zeros_like(x)
        y.reshape(-1)[:2] = x[0, :2] * 3
        return np.sum(y**2) + np.sum(x)

    for x in (some(2, 3), np.asfortranarray(some(2, 3))):
        right_or_refused(f, x)


def test_copy_keeps_the_order_that_method_copy_does_not():
    def f(x):
        a, b = np.copy(x), x.copy()
        a.reshape(-1)[0] = 5.0
        b.reshape(-1)[0] = 7.0
        return np.sum(a**2 * x) + np.sum(b**2 * x)

    for x in (some(2, 3), np.asfortranarray(some(2, 3))):
        right_or_refused(f, x)


def test_a_diagonal_is_read_and_a_diagonal_is_filled():
    def f(m):
        d = np.diag(m) * 2
        np.fill_diagonal(m, 1.0)
        return np.sum(d**2) + np.sum(m**2) + np.sum(np.diag(d) * m)

    right_or_refused(f, some(3, 3))


@pytest.mark.parametrize(
    "write",
    [
        lambda y, x: np.multiply(x, 2.0, out=y),
        lambda y, x: np.add(y, x, y),
        lambda y, x: np.sin(x, out=y),
        lambda y, x: np.dot(np.outer(x, x), x, out=y),
        lambda y, x: np.copyto(y, x * 3),
        lambda y, x: y.fill(x[0]),
        lambda y, x: np.put(y, [0, 2], x[:2] * 2),
        lambda y, x: y.put([1], x[0]),
        lambda y, x: y.sort(),
        lambda y, x: np.cumsum(x, out=y),
        lambda y, x: y.__setitem__(0, x[1] * 2),
        lambda y, x: y.__iadd__(x * x),
        lambda y, x: np.add.at(y, [0, 0, 1], x[0]),
        lambda y, x: np.putmask(y, y > 0, x * 2),
    ],
)
def test_calls_that_write_their_argument(write):
    def f(x):
        y = np.cos(x)
        z = y
        write(y, x)
        return np.sum(z**2 * x)

    right_or_refused(f, some(4))


def test_a_shape_that_is_assigned():
    def f(x):
        y = x * 2
        z = y
        y.shape = (2, 2)
        return np.sum(y @ y) + z[0, 1]

    right_or_refused(f, some(4))


# Containers


def test_an_array_that_is_appended_is_still_the_same_array():
    def f(x):
        v = x * 2
        items = [x]
        items.append(v)
        v += x[0]
        items[1][0] *= 3
        return np.sum(items[1] * v) + np.sum(items[0])

    right(f, some(3))


def test_an_array_that_is_three_times_in_a_list():
    def f(x):
        z = x * 2
        items = [z] * 3
        items[0][0] = x[1] ** 2
        items[2] *= 2
        return np.sum(items[1] ** 2)

    right_or_refused(f, some(3))


def test_a_list_of_one_array_per_step_has_one_array_per_step():
    def f(x, n):
        items = []
        for i in range(n):
            t = np.zeros(3)
            t[0] += x[i] * 2
            items.append(t)
        items[0][1] = x[0]
        return np.sum(items[0] ** 2) + np.sum(items[1] ** 2)

    right_or_refused(f, some(3), 3)


def test_a_list_of_the_same_array_at_every_step_ends_with_its_last_state():
    def f(x, n):
        items, t = [], np.zeros(3)
        for i in range(n):
            t[i] = x[i] ** 2
            items.append(t)
        return np.sum(items[0] * items[2])

    right_or_refused(f, some(3), 3)


def test_popped_inserted_and_replaced_elements_of_a_list():
    def f(x):
        items = [x[0], x[1], x[2]]
        last = items.pop()
        items.insert(0, last * 2)
        items[1] = items[1] * items[0]
        items.extend([x[0], 3.0])
        return sum(items) * last

    right_or_refused(f, some(3))


def test_an_array_in_a_dictionary_is_written():
    def f(x):
        state = {"u": x * 2, "n": 0}
        u = state["u"]
        state["u"][0] = x[1] * 5
        state["u"] *= 2
        state["n"] += 1
        return np.sum(u**2) * state["n"]

    right(f, some(3))


def test_a_container_argument_is_changed_for_the_function_only():
    def f(params, history):
        params["w"] *= 2
        params["w"] = params["w"] + 1
        params["new"] = params["w"] * 3
        history.append(params["w"])
        return np.sum(params["new"] ** 2) * len(history)

    right_or_refused(f, {"w": some(3)}, [some(3)], wrt=(0, 1))


def test_one_array_in_two_places_of_a_container_argument():
    x = some(3)

    def f(pair):
        return np.sum(pair[0] * pair[1] ** 2)

    _, (d_a, d_b) = right(f, (x, x))
    np.testing.assert_allclose(d_a, x**2)
    np.testing.assert_allclose(d_b, 2 * x**2)


# A choice between arrays


def test_one_of_two_arrays_is_written():
    def f(x, first):
        a, b = x * 2, np.sin(x)
        y = a if first > 0 else b
        y += 1
        y[0] *= x[0]
        return np.sum(a**2) + np.sum(b**3)

    for first in (1.0, -1.0):
        right_or_refused(f, some(3), first)


def test_one_of_two_arguments_is_written():
    def f(a, b):
        y = a if a[0] > b[0] else b
        y *= 2
        return np.sum(a**2) + np.sum(b**3)

    right_or_refused(f, some(3), some(3, start=2), wrt=(0, 1))
    right_or_refused(f, some(3, start=2), some(3), wrt=(0, 1))


def test_an_alias_in_one_branch_and_a_copy_in_the_other():
    def f(x, flag):
        if x[flag] > 0:
            y = x
        else:
            y = x.copy()
        y[0] = 3 * y[1]
        return np.sum(x**2) + np.sum(y)

    for flag in (0, 1, 2):
        right_or_refused(f, some(3), flag)


def test_a_choice_that_is_only_read():
    def f(x):
        a, b = x * 2, np.sin(x)
        y = a if x[0] > x[1] else b
        a = a + 1
        return np.sum(y**2) + np.sum(a)

    right(f, some(3))
    right(f, -some(3))


def test_the_smaller_of_two_by_swap():
    def f(a, b):
        if np.sum(a) > np.sum(b):
            a, b = b, a
        a[0] = b[0] * 2
        return np.sum(a**2) + np.sum(b**3)

    right_or_refused(f, some(3), some(3, start=2), wrt=(0, 1))
    right_or_refused(f, some(3, start=2), some(3), wrt=(0, 1))


# State outside


def test_a_global_is_read_at_each_call(monkeypatch):
    df = srcdiff_gradient(times_factor, 0)
    for value in (2.0, 5.0, np.array([1.0, 2.0]), 2):
        monkeypatch.setitem(globals(), "factor", value)
        assert df(0.5)[1] == approx(np.sum(value))


factor = 2.0


def times_factor(x):
    return np.sum(x * factor)


def triple(x):
    return x * 3


def calls_triple(x):
    return triple(x)


def test_a_helper_that_is_rebound_is_seen(monkeypatch):
    df = srcdiff_gradient(calls_triple, 0)
    assert df(0.5)[1] == approx(3.0)
    monkeypatch.setitem(globals(), "triple", lambda x: x * 7)
    assert df(0.5)[1] == approx(7.0)


def test_a_closure_cell_that_is_rebound_is_seen():
    k = 2.0

    def f(x):
        return x * k

    df = srcdiff_gradient(f, 0)
    assert df(0.5)[1] == approx(2.0)
    k = 3.0
    assert df(0.5)[1] == approx(3.0)


def test_a_default_that_is_replaced_is_seen():
    def f(x, k=2.0):
        return x * k

    df = srcdiff_gradient(f, 0)
    assert df(0.5)[1] == approx(2.0)
    f.__defaults__ = (4.0,)
    assert df(0.5)[1] == approx(4.0)


def test_a_global_array_that_is_changed_between_calls_is_seen():
    table = np.array([1.0, 2.0])

    def f(x):
        return np.sum(x * table)

    df = srcdiff_gradient(f, 0)
    x = some(2)
    assert df(x)[1] == approx([1, 2])
    table[0] = 9.0
    gradient = df(x)[1]
    assert gradient == approx([9, 2])
    gradient[0] = 0
    assert table.tolist() == [9, 2]


class Shared:
    cache = np.zeros(2)


def test_two_objects_share_an_array():
    one, other = Shared(), Shared()

    def f(x):
        one.cache[:] = 0.0
        one.cache[0] = x * 3
        return other.cache[0] * x

    right_or_refused(f, 0.7)


def test_effects_outside_happen_once():
    counts, log, state = np.zeros(1), [], {"calls": 0}

    def f(x):
        counts[0] += 1
        log.append("call")
        state["calls"] += 1
        return np.sum(x**2)

    result = gradient_or_none(f, some(3))
    if result is not None:
        assert counts[0] == 1 and log == ["call"] and state == {"calls": 1}
        np.testing.assert_allclose(result[1], 2 * some(3))


def test_prints_happen_once_and_in_order(capsys):
    def f(x):
        print("first")
        for i in range(2):
            print("step", i)
            x = x * 2
        print("last")
        return np.sum(x)

    result = gradient_or_none(f, some(3))
    if result is not None:
        assert capsys.readouterr().out.split() == "first step 0 step 1 last".split()


def test_what_was_stored_outside_is_not_changed_by_the_reverse_sweep():
    kept = []

    def f(x):
        y = x * 2
        for i in range(len(x)):
            y[i] = np.sin(y[i]) * x[0]
        kept.append(y)
        return np.sum(y**2)

    x = some(4)
    f(x)
    result = gradient_or_none(f, x)
    if result is not None:
        assert len(kept) == 2 and same(kept[0], kept[1])


def test_an_attribute_of_self_is_written_once():
    class Counter:
        calls = 0

        def loss(self, x):
            self.calls += 1
            return np.sum(x**2) * self.calls

    counter = Counter()
    result = gradient_or_none(counter.loss, some(3))
    if result is not None:
        assert counter.calls == 1
        np.testing.assert_allclose(result[1], 2 * some(3))


def test_a_random_generator_advances_as_it_would_have():
    def f(x, rng):
        return np.sum(x * rng.normal(size=3)) + rng.uniform() * x[0]

    x = some(3)
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    result = gradient_or_none(f, x, rng)
    if result is not None:
        assert result[0] == f(x, twin)
        assert rng.uniform() == twin.uniform()


def test_a_shuffle_is_differentiated_through():
    def f(x, rng):
        y = x * 2
        rng.shuffle(y)
        return np.sum(y * np.arange(4.0))

    x = some(4)
    result = gradient_or_none(f, x, np.random.default_rng(3))
    if result is not None:
        order = np.arange(4)
        np.random.default_rng(3).shuffle(order)
        expected = np.zeros(4)
        expected[order] = 2 * np.arange(4.0)
        np.testing.assert_allclose(result[1], expected)


def test_a_module_array_that_is_the_argument_is_only_read():
    table = np.array([1.0, 2.0])

    def f(x):
        return np.sum(x**2 * table)

    result = gradient_or_none(f, table)
    assert result is None or np.allclose(result[1], 2 * table * table)
    assert table.tolist() == [1, 2]


# Stores: casts, shapes, repeats


def test_a_store_broadcasts_and_its_adjoint_sums():
    def f(x, m):
        m[:] = x
        m[0] += x[0]
        m[:, 1] = x[2] * 2
        m[...] *= x.reshape(1, 3)
        return np.sum(m**2)

    right(f, some(3), some(2, 3), wrt=(0, 1))


def test_a_store_of_a_value_with_leading_ones():
    def f(x):
        y = np.zeros(3)
        y[:] = (x * 2).reshape(1, 1, 3)
        y[1:] = x[None, :2] * y[0]
        return np.sum(y**2)

    right_or_refused(f, some(3))


def test_an_increment_of_integers_by_floats_is_numpys_error():
    def f(x):
        k = np.zeros(3, int)
        k += x
        return np.sum(k * x)

    with pytest.raises(TypeError):
        f(some(3))
    with pytest.raises(TypeError, match="same_kind"):
        if gradient_or_none(f, some(3)) is None:
            raise TypeError("same_kind")  # refused


def test_an_increment_that_does_not_broadcast_is_numpys_error():
    def f(x):
        y = np.zeros(3)
        y += np.zeros((2, 3)) + x
        return np.sum(y)

    with pytest.raises(ValueError, match="broadcast"):
        if gradient_or_none(f, some(3)) is None:
            raise ValueError("broadcast")  # refused


def test_a_store_out_of_bounds_is_numpys_error():
    def f(x):
        y = x * 2
        y[7] = 1.0
        return np.sum(y)

    with pytest.raises(IndexError):
        srcdiff_gradient(f, 0)(some(3))


def test_a_float_store_into_integers_truncates_and_passes_nothing():
    def f(x):
        k = np.zeros(3, int)
        k[:] = x * 10
        k[0] = 3
        return np.sum(k * x)

    right(f, positive(3))


def test_a_float32_increment_is_rounded_and_cast_back():
    def f(x):
        y = np.zeros(3, np.float32)
        y += x
        y *= x
        return np.sum(y)

    right(f, some(3), rtol=1e-3)


def test_a_mask_of_the_array_itself():
    def f(x):
        x[x < 0] *= x[x < 0] * 3
        x[x > 0.5] = 0.5
        return np.sum(x**3)

    right(f, some(6))


def test_a_mask_made_before_the_array_changes():
    def f(x):
        mask = x > 0
        x[mask] = -x[mask]
        x[~mask] *= 2
        return np.sum(x**3)

    right(f, some(6))


def test_an_increment_by_a_boolean_row_mask():
    def f(m, v):
        m[v > 0] += v
        return np.sum(m**2)

    right(f, some(3, 3), some(3), wrt=(0, 1))


def test_a_store_of_a_slice_into_an_overlapping_slice():
    def f(x):
        x[1:] = x[:-1] * 2
        x[:-1] += x[1:]
        x[::-1] = x * x
        return np.sum(x * np.arange(1.0, 6.0))

    right(f, some(5))


def test_equal_and_unequal_indices_that_only_the_run_tells_apart():
    def f(x, i, j):
        y = x * 2
        y[i] = x[0] ** 2
        y[j] *= 3
        z = y[i] * y[j]
        y[-1] = z
        return np.sum(y**2) + y[len(y) - 1]

    for i, j in ((1, 1), (1, 2), (3, -1), (0, 3)):
        right(f, some(4), i, j)


def test_slices_of_slices_with_bounds_that_only_the_run_tells():
    def f(x, a, b):
        y = x * 2
        y[a:][b:] *= 3
        y[::-1][a:b] = x[a:b]
        y[:-1][:a] += 1
        return np.sum(y**3)

    for a, b in ((1, 3), (0, 2), (-2, 1), (2, -1)):
        right(f, some(6), a, b)


def test_repeated_indices_in_two_dimensions():
    def f(m, v):
        m[[0, 1, 0], [1, 1, 1]] = v
        m[[0, 0]] *= 2
        return np.sum(m**2)

    right(f, some(2, 3), some(3), wrt=(0, 1))


def test_a_read_at_repeated_indices_adds_up():
    def f(x, i):
        return np.sum(x[i] ** 2 * np.arange(1.0, 5.0)) + np.sum(np.take(x, [0, 0]))

    right_or_refused(f, some(3), np.array([0, 0, 2, -1]))


# Nothing of the function itself is rewritten


def test_adding_zero_is_kept():
    def f(x):
        return np.copysign(1.0, x + 0) + x

    assert srcdiff_gradient(f, 0)(-0.0)[0] == 1.0


def test_multiplying_by_zero_is_kept():
    def f(x, y):
        return x + y * 0

    assert math.isnan(srcdiff_gradient(f, 0)(1.0, np.inf)[0])


def test_not_greater_is_not_less_or_equal():
    def f(x, y):
        if not (y > 0):
            return x * 2
        return x * 3

    assert srcdiff_gradient(f, 0)(1.0, np.nan)[1] == approx(2.0)
    assert srcdiff_gradient(f, 0)(1.0, 1.0)[1] == approx(3.0)


def test_a_reduction_by_add_goes_along_the_first_axis():
    def f(m):
        rows = np.add.reduce(m)
        return np.sum(rows**2) + np.sum(m)

    right_or_refused(f, some(2, 3))


def test_the_builtin_sum_goes_along_the_first_axis():
    def f(m):
        return np.sum(sum(m) ** 2) + sum(m[0], 3.0)

    right(f, some(2, 3))


def test_the_builtin_max_and_min_are_those_of_python():
    def f(x):
        return max(x[0], x[1], 0.1) * min(x) + max(x) + abs(min(x[1], 0.3))

    right(f, some(4))


def test_equal_allocations_are_two_arrays():
    def f(x):
        a = np.zeros(3)
        b = np.zeros(3)
        a[0] = x[0] * 2
        b[1] = x[1] ** 2
        return np.sum(a * x) + np.sum(b) + np.sum(a + b)

    right(f, some(3))


def test_equal_expressions_are_two_arrays_once_one_is_written():
    def f(x):
        a = x * 2
        b = x * 2
        a[0] = 5.0
        return np.sum(a * b)

    right(f, some(3))


def test_what_may_raise_is_not_taken_out_of_a_loop_that_may_not_run():
    def f(x, n, d):
        s = x
        for _ in range(n):
            s = s + x / d
        return s

    assert srcdiff_gradient(f, 0)(2.0, 0, 0) == approx((2.0, 1.0))


def test_what_may_raise_is_not_taken_out_of_a_branch():
    def f(x, d):
        if d != 0:
            y = x / d
        else:
            y = x * 2
        return y * y if d != 0 else y

    assert srcdiff_gradient(f, 0)(2.0, 0) == approx((4.0, 2.0))


def test_the_users_exceptions_pass_through():
    class Oops(Exception):
        pass

    def f(x):
        if x > 1:
            raise Oops("too large")
        return x * x

    df = srcdiff_gradient(f, 0)
    assert df(0.5)[1] == approx(1.0)
    with pytest.raises(Oops, match="too large"):
        df(2.0)


def test_a_division_of_python_floats_by_zero_raises_and_of_numpy_scalars_does_not():
    def f(x, d):
        return x / d

    df = srcdiff_gradient(f, 0)
    with pytest.raises(ZeroDivisionError):
        df(1.0, 0.0)
    with np.errstate(all="ignore"):
        assert math.isinf(df(1.0, np.float64(0.0))[0])


# What the reverse sweep reads


def test_an_index_array_that_is_changed_after_it_was_used():
    def f(x):
        i = np.array([0, 1])
        s = 0.0
        for _ in range(3):
            s += np.sum(x[i] ** 2)
            x[i] *= 1.5
            i += 1
        return s

    right(f, some(5))


def test_a_mask_that_is_changed_after_it_was_used():
    def f(x):
        mask = x > 0
        y = x[mask] ** 2
        x[mask] *= 2
        mask[0] = not mask[0]
        z = np.sum(x[mask] ** 3)
        return np.sum(y) + z

    right(f, some(5))


def test_a_condition_on_what_its_own_branch_overwrites():
    def f(x):
        if x[0] > 0:
            x[0] = -x[0] * x[1]
        else:
            x[0] = x[0] ** 2
        if x[0] > 0:
            x[1] *= 3
        return np.sum(x**2)

    right(f, some(3))
    right(f, -some(3))


def test_a_loop_condition_on_what_its_body_overwrites():
    def f(x):
        for i in range(len(x)):
            if x[i] > 0:
                x[i] = -x[i] * x[0]
            if x[i] < -0.1:
                x[i] = x[i] ** 2
        return np.sum(x**3)

    right(f, some(6))


def test_bounds_that_the_body_changes():
    def f(x, n):
        s = x[0]
        for i in range(n):
            n = n - 1
            s = s * x[n] + x[i]
        return s * n

    right(f, some(6), 4)


def test_a_row_that_is_read_then_overwritten_by_part():
    def f(m):
        for i in range(1, len(m)):
            m[i] = m[i] * m[i - 1]
            m[i, 1:] += m[i, :-1] ** 2
            m[i - 1, 0] = m[i, 0] * 0.5
        return np.sum(m**2)

    right(f, some(4, 3))


def test_an_element_that_is_overwritten_many_times():
    def f(x):
        B = np.zeros(3)
        for i in range(len(x)):
            B[i % 3] = np.sin(B[(i + 1) % 3] + x[i])
            B[0] *= x[i]
        return np.sum(B**2)

    right(f, some(7))


def test_an_array_that_is_overwritten_after_its_last_use_in_a_product():
    def f(x, y):
        a = x * y
        s = np.sum(a * a)
        x[:] = 0.0
        y *= 5.0
        return s * np.sum(y)

    right(f, some(3), some(3, start=3), wrt=(0, 1))


def test_an_expression_is_not_moved_past_a_store():
    def f(x):
        t = x[0] * 2
        x[0] = 5.0
        u = x[0] * x[1]
        x[1] = 0.0
        return t * u + x[0]

    right(f, some(3))


def test_an_expression_is_not_moved_past_a_call_that_stores():
    def zero(a):
        a[:] = 0.0

    def f(x):
        t = x**2
        v = x[1:]
        zero(x)
        return np.sum(t * 3) + np.sum(v)

    right(f, some(3))


def test_a_view_of_an_argument_is_not_read_after_it_is_written():
    def f(x):
        v = x[1:]
        s = v * x[:-1]
        v += s
        w = v * s
        v[:] = w
        return np.sum(x * x)

    right(f, some(4))


def test_a_counter_is_at_hand_in_the_reverse_sweep():
    def f(x, n):
        k = 0
        s = 1.0
        while k < n:
            s = s * x[k] + k
            k += 2
        while k > 0:
            k -= 1
            s = np.sin(s) * x[k]
        return s

    right(f, some(6), 5)


# vjp


def vector_valued(x):
    y = np.sin(x)
    for i in range(len(x)):
        y[i] = y[i] * x[0]
    x *= 2
    return y


def test_a_pullback_does_not_see_later_changes_and_may_be_called_again():
    from srcdiff import vjp

    x = some(3)
    before = x.copy()
    jacobian = np.diag(np.cos(x) * x[0])
    jacobian[:, 0] += np.sin(x)
    value, pull = vjp(vector_valued, x)
    assert same(x, before)
    np.testing.assert_allclose(value, np.sin(x) * x[0])
    x[:] = 100.0
    value[:] = -1.0
    d_out = some(3, start=7)
    lent = d_out.copy()
    for _ in range(2):
        (d_x,) = pull(lent)
        np.testing.assert_allclose(d_x, jacobian.T @ d_out)
        assert same(lent, d_out) and not np.shares_memory(d_x, lent)
        d_x[:] = 7.0


def test_a_pullback_of_the_identity_returns_a_copy():
    from srcdiff import vjp

    def f(x):
        return x

    x, d_out = some(3), some(3, start=2)
    value, pull = vjp(f, x)
    (d_x,) = pull(d_out)
    assert same(d_x, d_out) and not np.shares_memory(d_x, d_out)
    assert not np.shares_memory(value, x)


def test_a_pullback_gives_none_where_there_is_no_float():
    from srcdiff import vjp

    def f(x, n, params):
        return x * n + params["w"]

    value, pull = vjp(f, some(3), 2, {"w": some(3), "k": 3, "name": None})
    d_x, d_n, d_params = pull(np.ones(3))
    np.testing.assert_allclose(d_x, [2, 2, 2])
    assert d_params["k"] is None and d_params["name"] is None
    np.testing.assert_allclose(d_params["w"], 1.0)


def test_detach_cuts():
    from srcdiff import detach

    def f(x):
        return np.sum(detach(x * x) * x)

    df = srcdiff_gradient(f, 0)
    np.testing.assert_allclose(df(some(3))[1], some(3) ** 2)


# Signatures


def test_true_one_and_one_point_zero_are_three_values():
    def f(x, k):
        if k is True:
            return x * 2
        if isinstance(k, int):
            return x * 3 * k
        return x * 5 * k

    df = srcdiff_gradient(f, 0)
    for _ in range(2):
        assert [df(0.5, k)[1] for k in (True, 1, 1.0, 2, 2.0)] == approx([2, 3, 5, 6, 10])


def test_zero_and_minus_zero_are_two_values():
    def f(x, k):
        return x * math.copysign(2.0, k)

    df = srcdiff_gradient(f, 0)
    assert [df(0.5, k)[1] for k in (0.0, -0.0, 0.0)] == approx([2, -2, 2])


def test_none_and_strings_are_known_values():
    def f(x, b, mode):
        if b is not None:
            x = x + b
        return np.sum(x**2) if mode == "square" else np.sum(x)

    df = srcdiff_gradient(f, 0)
    x = some(3)
    np.testing.assert_allclose(df(x, None, "square")[1], 2 * x)
    np.testing.assert_allclose(df(x, 1.0, "square")[1], 2 * (x + 1))
    np.testing.assert_allclose(df(x, x, "sum")[1], np.ones(3))
    np.testing.assert_allclose(df(x, None, "square")[1], 2 * x)


def test_an_integer_that_fixes_an_axis():
    def f(m, k):
        return np.sum(m.sum(axis=k) ** 2)

    df = srcdiff_gradient(f, 0)
    m = some(2, 3)
    for k in (0, 1, -1, 0):
        _, g = df(m, k)
        np.testing.assert_allclose(g, 2 * np.sum(m, axis=k, keepdims=True) + 0 * m)


def test_the_rank_of_an_argument_may_change_between_calls():
    def f(x):
        if x.ndim == 2:
            x = x.sum(axis=0)
        return np.sum(x**2)

    df = srcdiff_gradient(f, 0)
    for x in (some(3), some(2, 3), some(3)):
        _, g = df(x)
        np.testing.assert_allclose(g, 2 * (x if x.ndim == 1 else x.sum(axis=0) + 0 * x))


@pytest.mark.parametrize("order", [(3, 12, 1, 20), (20, 3)])
def test_lists_of_every_length(order):
    def f(items):
        s = 0.0
        for i, v in enumerate(items):
            s = s * 0.5 + np.sum(v**2) * (i + 1)
        return s + np.sum(items[-1])

    df = srcdiff_gradient(f, 0)
    for n in order:
        items = [some(2, start=i) for i in range(n)]
        _, g = df(items)
        assert isinstance(g, list) and len(g) == n
        for i, v in enumerate(items):
            expected = 2 * v * (i + 1) * 0.5 ** (n - 1 - i) + (i == n - 1)
            np.testing.assert_allclose(g[i], expected, rtol=1e-5)


def test_many_values_of_a_static_argument():
    def f(x, name):
        return x * len(name)

    df = srcdiff_gradient(f, 0)
    for n in range(20):
        assert df(0.5, "a" * n)[1] == approx(n)


def test_dtypes_of_an_argument_may_change_between_calls():
    def f(x):
        return np.sum(x * x)

    df = srcdiff_gradient(f, 0)
    for dtype in (np.float64, np.float32, np.float16, np.float64):
        x = some(3).astype(dtype)
        _, g = df(x)
        assert g.dtype == dtype and same(g, 2 * x)


# Names and text


def test_the_users_names_may_be_those_of_generated_code():
    def f(x, d_x, x_2, x_stack, n_iter):
        d_out = x * d_x
        out = np.sin(d_out) + x_2
        x_2 = out * x
        d_d_x = x_2 * x_stack
        adjoint = []
        for i in range(3):
            adjoint.append(d_d_x[i] * n_iter)
        x = x + 1
        return sum(adjoint) * np.sum(x)

    args = [some(3, start=i) for i in range(4)]
    right(f, *args, 0.7, wrt=(0, 1, 2, 3, 4))


def test_the_users_names_may_hide_builtins():
    def f(x, range, len):
        reversed = x * range
        enumerate = np.sum(reversed) + len
        list = [enumerate, x[0]]
        for zip in x:
            list[0] = list[0] * zip
        return list[0] * list[1]

    right(f, some(3), 1.5, 0.5, wrt=(0, 1, 2))


def test_an_argument_may_be_called_np():
    def f(np):
        s = 0.0
        for v in np:
            s = s + numpy.sin(v) * np[0]
        return s

    right(f, some(3))


def test_a_parameter_may_hide_a_helper():
    def f(x, helper):
        return np.sum(x * helper)

    right(f, some(3), 2.0, wrt=(0, 1))


def test_functions_may_be_imported_one_by_one():
    from math import exp as e

    from numpy import dot as d
    from numpy import sin

    def f(x):
        return d(sin(x), x) * e(x[0])

    right(f, some(3))


# fmt: off
def test_long_and_continued_lines_strings_and_comments():
    def f(x):
        """A docstring with 'quotes', \\ backslashes and # no comment."""
        y = (
            np.sin(x)  # a comment: "quoted' \\
            + x * 2
            # another
        )
        z = y \
            * x; w = z + 1  # noqa: E702
        text = """several
        lines # none of them a comment
        """
        größe = w * len(text) ** 0
        if x[0] > -9: größe = größe * 2  # noqa: E701
        return np.sum(
  größe
            * w,
        )

    right(f, some(3))
# fmt: on


def test_a_function_with_an_assert():
    def f(x):
        assert x[0] > -100, "pytest rewrites this"
        return np.sum(x**2)

    right(f, some(3))


def test_a_failing_assert_is_the_users_error():
    def f(x):
        assert x[0] > 100
        return np.sum(x**2)

    with pytest.raises(AssertionError):
        srcdiff_gradient(f, 0)(some(3))


def test_two_lambdas_on_one_line():
    one, other = (lambda x: np.sum(x**2)), (lambda x: np.sum(x**3))
    np.testing.assert_allclose(right(one, some(3))[1], 2 * some(3))
    np.testing.assert_allclose(right(other, some(3))[1], 3 * some(3) ** 2)


def doubled(g):
    @functools.wraps(g)
    def wrapper(*args):
        return 2 * g(*args)

    return wrapper


@doubled
def decorated(x):
    return np.sum(x**2)


def test_the_decorated_function_is_what_is_differentiated():
    right_or_refused(decorated, some(3))


class Quadratic:
    def __init__(self, a):
        self.a = a

    def __call__(self, x):
        return x @ self.a @ x

    @staticmethod
    def square(x):
        return np.sum(x**2)

    @classmethod
    def cube(cls, x):
        return np.sum(x**3)

    def scaled(self, x, k=2.0):
        return k * self(x)


def test_callable_objects_and_methods_of_every_kind():
    quadratic = Quadratic(some(3, 3))
    for f in (quadratic, quadratic.scaled, Quadratic.square, quadratic.square, Quadratic.cube):
        right_or_refused(f, some(3))


def test_an_attribute_that_is_rebound_is_seen():
    quadratic = Quadratic(np.eye(2))
    df = srcdiff_gradient(quadratic.scaled, 0)
    x = some(2)
    np.testing.assert_allclose(df(x)[1], 4 * x)
    quadratic.a = 3 * np.eye(2)
    np.testing.assert_allclose(df(x)[1], 12 * x)
    np.testing.assert_allclose(df(x, 1.0)[1], 6 * x)


def test_a_file_that_was_edited_is_never_differentiated_in_its_new_form(tmp_path):
    text = "import numpy as np\n\n\ndef f(x):\n    return np.sum(x**2)\n"
    module = load("edited", text, tmp_path)
    (tmp_path / "edited.py").write_text(text.replace("**2", "**3"))
    result = gradient_or_none(module.f, some(3))
    assert result is None or np.allclose(result[1], 2 * some(3))


def test_a_thousand_terms():
    text = "def f(x):\n    return " + " + ".join(["x * x"] * 1000) + "\n"
    check_text(text, 0.5, 1000.0)


def test_a_thousand_nested_calls_are_right_or_refused():
    text = "def f(x):\n    return " + "-(" * 80 + "x" + ")" * 80 + "\n"
    check_text(text, 0.5, 1.0)


def test_five_hundred_statements():
    text = "def f(x):\n" + "    x = x * 1.001 + 0.0001\n" * 500 + "    return x\n"
    check_text(text, 0.5, 1.001**500)


def test_deeply_nested_blocks():
    lines = ["def f(x):"]
    for depth in range(1, 15):
        lines.append("    " * depth + f"if x > -{depth}:")
    lines += ["    " * 15 + "x = x * 3", "    return x"]
    check_text("\n".join(lines) + "\n", 0.5, 3.0)


def check_text(text, x, expected):
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        module = load("long_program", text, pathlib.Path(folder))
        value, gradient = srcdiff_gradient(module.f, 0)(x)
        assert np.isclose(gradient, expected) and np.isclose(value, module.f(x))


# Arguments and results


def test_what_goes_in_decides_what_comes_out():
    def f(x):
        return np.sum(np.asarray(x) * 2.0)

    for x in (
        0.5,
        np.float64(0.5),
        np.array(0.5),
        np.array([[0.5]]),
        np.zeros(0),
        np.zeros((2, 0)),
    ):
        right(f, x)


def test_a_python_int_is_promoted():
    def f(n, x):
        return n * n * x

    value, (d_n, d_x) = srcdiff_gradient(f, (0, 1))(3, 2.0)
    assert isinstance(d_n, float) and d_n == approx(12.0) and d_x == approx(9.0)


def test_one_output_element_of_any_shape_is_a_scalar():
    def f(x, shape):
        return np.sum(x**2).reshape(shape)

    for shape in ((), (1,), (1, 1)):
        right(f, some(3), shape)


def test_the_value_may_be_an_argument_itself():
    def f(x):
        return x

    for x in (0.5, np.array([0.5]), np.array(0.5)):
        right(f, x)


def test_a_constant_output_has_zero_gradients():
    def f(x, y):
        return 3.0

    value, (d_x, d_y) = right(f, some(3), 0.5, wrt=(0, 1))
    assert same(d_x, np.zeros(3)) and d_y == 0.0


def test_gradients_of_a_sum_share_no_memory():
    def f(x, y):
        return np.sum(x + y)

    right(f, some(3), some(3), wrt=(0, 1))


def test_wrt_of_one_is_bare_and_of_a_tuple_is_a_tuple():
    def f(x, y):
        return x * y

    assert srcdiff_gradient(f, 1)(2.0, 3.0)[1] == approx(2.0)
    assert srcdiff_gradient(f, "y")(2.0, 3.0)[1] == approx(2.0)
    assert srcdiff_gradient(f, (1,))(2.0, 3.0)[1] == approx((2.0,))
    assert srcdiff_gradient(f, ("y", 0))(2.0, 3.0)[1] == approx((2.0, 3.0))


def test_leaves_that_are_no_floats_come_back_as_none():
    def f(tree):
        return np.sum(tree["a"] * tree["n"]) + tree["b"][0]

    tree = {"a": some(2), "n": 2, "b": [1.5, None, "s", True, np.arange(2)]}
    _, g = srcdiff_gradient(f, 0)(tree)
    np.testing.assert_allclose(g["a"], [2, 2])
    assert g["n"] is None and g["b"][0] == approx(1.0) and g["b"][1:] == [None] * 4


def test_read_only_arguments():
    def f(x):
        y = x
        s = np.sum(y**2)
        return s * x[0]

    x = some(3)
    x.flags.writeable = False
    right(f, x)


def test_arguments_are_given_by_keyword():
    def f(x, *, k=1.0, n=2):
        return np.sum(x**n) * k

    df = srcdiff_gradient(f, 0)
    from srcdiff import value_and_grad

    x = some(3)
    np.testing.assert_allclose(df(x)[1], 2 * x)
    keyed = value_and_grad(f, wrt="x", fallback="error")
    np.testing.assert_allclose(keyed(x, k=2.0)[1], 4 * x)
    np.testing.assert_allclose(keyed(x=x, n=3)[1], 3 * x**2)


def test_the_arguments_of_a_call_are_copied_with_their_overlap():
    x = some(4)
    a, b = fresh((x, x[1:3]))
    b[0] = 9.0
    assert a[1] == 9.0 and x[1] != 9.0


@pytest.mark.parametrize(
    "store",
    [
        lambda x: x.__setitem__(slice(None, None, 2), x[0:3]),
        lambda x: np.copyto(x[::2], x[:3]),
    ],
)
def test_a_store_in_which_numpy_reads_what_it_has_just_written(store):
    def f(x):
        y = x * 1.0
        store(y)
        return np.sum(y**2 * np.arange(5.0))

    right(f, some(5))
    verdict = judge(f, (some(5),), gradient=tape_gradient)
    assert verdict.outcome == "refused" and "just written" in str(verdict)


@pytest.mark.parametrize(
    "store",
    [
        lambda x: x.__setitem__(slice(1, None), x[:-1]),
        lambda x: x.__setitem__(slice(None, -1), x[1:]),
        lambda x: x.__setitem__(slice(2, None, 2), x[:-2:2]),
        lambda x: x.__setitem__(slice(None), x[::-1]),
        lambda x: x.reshape(2, 3).__setitem__(slice(None), x.reshape(2, 3)[::-1]),
        lambda x: x.reshape(2, 3).__setitem__(0, x.reshape(2, 3)[1]),
        lambda x: x.reshape(2, 3)[:, 1:].__setitem__(..., x.reshape(2, 3)[:, :-1]),
    ],
)
def test_overlapping_stores_of_which_numpy_takes_care(store):
    def f(x):
        y = x * 1.0
        store(y)
        return np.sum(y**2 * np.arange(6.0))

    right_or_refused(f, some(6))
    verdict = judge(f, (some(6),), gradient=tape_gradient)
    assert verdict.outcome == "right", str(verdict)


def test_a_value_that_is_read_is_not_called_as_what_nobody_reads():
    def f(x, m):
        y = np.stack([x[2:4], x[1:3]])
        for row in m:
            x[-2], x[-1] = x[-2:]
        return np.sum(y) + np.sum(x)

    right_or_refused(f, some(4), some(2, 4))

    def g(x, m):
        y = np.stack([x[2:4], x[1:3]])
        for row in m:
            row = row * 2
        return np.sum(y)

    right(g, some(4), some(2, 4))


def test_a_loop_variable_may_have_been_an_array_before():
    def f(x, n):
        i = x * 2
        s = np.sum(i)
        for i in range(n):
            x = x * s * (i + 1)
        return np.sum(x)

    right(f, some(3), 2)
    right(f, some(3), 0)


def test_a_name_that_was_an_array_is_not_mistaken_for_the_number_it_becomes():
    def read_in_the_loop(x, n):
        i = x * 2
        for k in range(n):
            x = x * np.sum(i)
            i = k
        return np.sum(x)

    def read_after_it(x, n):
        i = x * 2
        for k in range(n):
            i = k
        return np.sum(x * i)

    right_or_refused(read_in_the_loop, some(3), 2)
    right_or_refused(read_after_it, some(3), 2)
    right_or_refused(read_after_it, some(3), 0)


WORK = np.zeros((3, 4))


def test_a_module_array_is_written_through_a_reshape():
    def f(p):
        WORK[...] = 0.0
        WORK.reshape(-1)[1:] += 2.0 * p
        return np.sum(WORK**2)

    right(f, 0.7)
    srcdiff_gradient(f, 0)(0.7)
    assert WORK[0, 0] == 0.0 and WORK[2, 3] == 1.4


ROWS_OF_ROWS = (lambda x: x[0][1][2], lambda x: x[1][0, 2], lambda x: x[-1][1][0])


@pytest.mark.parametrize("index", ROWS_OF_ROWS)
def test_an_element_of_a_row_of_a_row(index):
    right(lambda x: index(x) * x[0, 0, 0] + np.sum(index(x) ** 2), some(2, 3, 4))
    right(lambda x: np.expand_dims(x, 0)[0][1][-3] ** 2, some(3, 4))


BUFFER = np.zeros(3)


def test_arrays_of_one_name_in_two_modules_have_shapes_of_their_own(tmp_path):
    text = (
        "import numpy as np\nBUFFER = np.zeros(5)\n"
        "def filled(x):\n    BUFFER[1:] = np.sin(x[-1])\n    return np.sum(BUFFER) * x[0]\n"
    )
    other = load("other", text, tmp_path)

    def f(m):
        for row in m:
            BUFFER[BUFFER < 2.0] = other.filled(row)
        return np.mean(BUFFER)

    right(f, some(2, 3))


def test_the_sum_of_nothing_is_an_int():
    def f(x):
        z = np.array(sum(x[:0]))
        z[()] += x[1]  # truncated
        return 2.0 * z + x[0]

    right(f, np.array([0.5, 0.7]))


def test_the_spacing_of_frequencies_has_a_gradient():
    def poisson(rho, dx):
        k = 2 * np.pi * np.fft.rfftfreq(len(rho), dx)
        r = np.fft.rfft(rho)
        p = np.zeros_like(r)
        p[1:] = r[1:] / k[1:] ** 2
        return np.sum(np.fft.irfft(p, n=len(rho)) ** 2)

    right(poisson, np.sin(np.arange(8.0) ** 2), 0.3, wrt=(0, 1))
    right(lambda d: np.sum(np.fft.fftfreq(7, d=d) ** 2), 0.3)


def test_the_line_through_one_point_is_flat():
    def f(xp, fp, x, n):
        return np.sum(np.interp(x, xp[:n], fp[:n]) ** 2)

    for n in (1, 3):
        right(f, np.array([0.0, 0.5, 1.2]), np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.7]), n,
              wrt=(0, 1, 2))  # fmt: skip


# Items of a list of run-time length that differ in shape, however the list is made.


def rebuilt(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for _ in range(n):
        ps = [ps[0] * ps[0] - 0.1 * ps[1], ps[1] * 1.1]
    return np.sum(ps[0] ** 2) + np.sum(ps[1])


def rebuilt_by_comprehension(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for _ in range(n):
        s = np.sum(ps[1])
        ps = [p * p - 0.1 * s for p in ps]
    return np.sum(ps[0] ** 2) + np.sum(ps[1])


def rebuilt_by_zip(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for _ in range(n):
        gs = [p * 0.5 * np.sum(x) for p in ps]
        ps = [p - 0.1 * g for p, g in zip(ps, gs)]
    return np.sum(ps[0] ** 2) + np.sum(ps[1] ** 3)


def stored_by_turns(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for i in range(n):
        k = i % 2
        ps[k] = ps[k] * x[1] + ps[1 - k][:1]
    return np.sum(ps[0] ** 2) + np.sum(ps[1] ** 3)


def rebuilt_in_a_branch(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for _ in range(n):
        if np.sum(ps[0]) > 0.5:
            ps = [ps[0] * ps[1], ps[1] * 0.9]
        else:
            ps = [p * (1 + np.sum(ps[1])) for p in ps]
    return np.sum(ps[0] ** 2) + np.sum(ps[1] ** 3)


def broadcast_by_sum(x, n):
    ps = [x, np.ones(1, x.dtype) * x[0]]
    for _ in range(n):
        ps = [ps[0] * 0.9, ps[1] * np.sum(ps[0])]
    return np.sum(sum(ps) ** 2) + np.sum(ps[0])


def blocks(x, n):
    parts = []
    for i in range(1, n + 2):
        parts.append(x[:i] * x[i % 2])
    a, b = parts[0], parts[-1]
    c = np.concatenate(parts)
    return np.sum(a) / len(a) + np.sum(b) / len(b) + np.mean(parts[-1]) * np.mean(c)


def blocks_of_blocks(x, n):
    rows = []
    for i in range(1, n + 2):
        rows.append([x[:j] * x[i % 2] for j in range(1, i + 1)])
    a, b = rows[-1][0], rows[-1][-1]
    return np.sum(a) * len(a) + np.sum(b) / len(b)


def taken_out(x, n):
    ps = [x[:2], x[:1]]
    for _ in range(n):
        a = ps.pop(0)
        ps.insert(0, a * np.sum(ps[0]))
        ps.append(np.append(a, a[:1]))
    return sum(np.sum(p) / len(p) for p in ps)


def upsampled(x, n):
    levels = [np.concatenate((x, x, x))]
    for _ in range(n):
        a = levels[-1]
        levels.append(a[1:] * a[:-1] - np.mean(a))
    out = levels.pop()
    while levels:
        c = levels.pop()
        out = np.interp(np.linspace(0, 1, len(c)), np.linspace(0, 1, len(out)), out) + c
    return np.sum(out**2)


UNLIKE_ITEMS = (
    rebuilt, rebuilt_by_comprehension, rebuilt_by_zip, stored_by_turns, rebuilt_in_a_branch,
    broadcast_by_sum, blocks, blocks_of_blocks, taken_out, upsampled,
)  # fmt: skip


@pytest.mark.parametrize("f", UNLIKE_ITEMS, ids=lambda f: f.__name__)
def test_items_of_a_list_have_shapes_of_their_own(f):
    for n in range(4):
        right(lambda x, n: f(x, n), np.array([0.5, 0.7, -0.3]), n)
    right(lambda x, n: f(x, n), np.array([0.5, 0.7, -0.3], np.float32), 2)


def test_layers_of_different_shapes():
    def train(a, b, x, n):
        ps = [a, b]
        for _ in range(n):
            h = x @ ps[0]
            r = h @ ps[1] - x[:, :1]
            ps = [ps[0] - 0.05 * x.T @ (r @ ps[1].T), ps[1] - 0.05 * h.T @ r]
        return np.sum(ps[1])

    for n in (0, 1, 3):
        right(train, some(2, 3), some(3, 1), some(6, 2) * 0.3, n, wrt=(0, 1, 2))


# A dict with the same keys in each step of a loop; what two names of one dict may write.


def dict_anew(x, n):
    p = {"w": x, "b": 1.0}
    for _ in range(n):
        p = {k: p[k] * x[0] + 0.1 for k in p}
    return np.sum(p["w"] ** 2) * p["b"]


def dict_filled(x, n):
    p = {"w": x, "b": x[1]}
    for _ in range(n):
        new = {}
        for k in p:
            new[k] = p[k] * x[0]
        p = new
    return np.sum(p["w"]) * p["b"]


def dict_of_dicts(x, n):
    p = {"a": {"w": x, "b": x[2]}, "c": [x[0], x[1]]}
    for _ in range(n):
        p = {"a": {k: v * x[1] for k, v in p["a"].items()}, "c": [c * 2 for c in p["c"]]}
    return np.sum(p["a"]["w"]) * p["a"]["b"] + p["c"][0] * p["c"][1]


def dict_before(x, n):
    p, old = {"w": x}, {"w": x * 2}
    for _ in range(n):
        new = {"w": p["w"] * x[1] + old["w"]}
        old = p
        p = new
    return np.sum(p["w"]) + np.sum(old["w"] ** 2)


def dict_in_a_branch(x, n):
    p, i = {"w": x}, 0
    while i < n:
        if p["w"][0] > 0.4:
            p = {"w": p["w"] * 0.7}
        else:
            p = {k: v + x for k, v in p.items()}
        i += 1
    return np.sum(p["w"] ** 2)


def dict_of_a_helper(x, n):
    def step(p):
        return {**p, "w": p["w"] * 0.9}

    p = dict(w=x, b=x[0])
    for _ in range(n):
        p = step(p)
        p["b"] = p["b"] * p["w"][1]
    return np.sum(p["w"] ** 2) * p["b"]


def dict_of_a_written_array(x, n):
    w = x * 1.0
    p = {"w": w}
    for _ in range(n):
        w += p["w"][0]
        p = {"w": w}
    return np.sum(p["w"] ** 2)


DICTS_ANEW = (
    dict_anew, dict_filled, dict_of_dicts, dict_before, dict_in_a_branch, dict_of_a_helper,
    dict_of_a_written_array,
)  # fmt: skip


@pytest.mark.parametrize("f", DICTS_ANEW, ids=lambda f: f.__name__)
def test_a_dict_made_anew_in_each_step(f):
    for n in range(4):
        right(lambda x, n: f(x, n), np.array([0.5, 0.7, -0.3]), n)


def dict_kept(x, n):
    p = {"w": x, "b": 1.0}
    best = p
    for i in range(n):
        p = {k: v * x[1] for k, v in p.items()}
        if i == 1:
            best = p
        p["b"] = p["b"] + 1.0
    return np.sum(p["w"]) * best["b"]


def dict_kept_after(x, n):
    p, q = {"b": x[0]}, {"b": x[1]}
    for i in range(n):
        p = {"b": p["b"] * x[1]}
        if x[i] > 0:
            q = p
    q["b"] = q["b"] + 1
    return q["b"] * x[2] * p["b"]


def dict_of_a_branch(x, n):
    p, q = {"b": x[0]}, {"b": x[1]}
    if x[n % 2] > 0:
        q = p
    p["b"] = p["b"] + 1
    return q["b"] * x[2]


def dict_of_other_keys(x, n):
    p = {"w": x}
    for i in range(n):
        p = {"w": p["w"] * 2, str(i): x[0]}
    return np.sum(p["w"] ** 2) * len(p)


DICTS_SHARED = (dict_kept, dict_kept_after, dict_of_a_branch, dict_of_other_keys)


@pytest.mark.parametrize("f", DICTS_SHARED, ids=lambda f: f.__name__)
def test_a_dict_of_two_names_is_right_or_refused(f):
    for n in range(4):
        right_or_refused(lambda x, n: f(x, n), np.array([0.5, 0.7, -0.3]), n)


def test_conjugates_of_what_is_of_unknown_kind():
    def f(z):
        k = np.fft.fftshift(np.fft.fftfreq(len(z), 0.3) if z[0] > -9 else [1.0])
        psi = np.exp(1j * z) * z
        for _ in range(3):
            psi = np.exp(-0.025j * k**2) * psi + 0.1
        return np.sum(np.abs(psi) ** 4)

    right_or_refused(f, some(5))
    frequencies = np.fft.fftfreq

    def unknown(z):
        k = np.kaiser(len(z), 2.0) * frequencies(len(z), 0.3)
        psi = np.exp(1j * z) * z
        psi = np.exp(-0.025j * k**2) * psi
        psi = np.exp(-0.025j * k**2) * psi + 0.1
        return np.sum(np.abs(psi) ** 4)

    right_or_refused(unknown, some(5))


def test_a_power_of_what_is_of_unknown_kind_does_not_raise():
    def f(z):
        k = 2 * np.pi * np.fft.fftfreq(len(z), 0.3)
        psi = np.exp(1j * z) * np.exp(-(z**2))
        for _ in range(4):
            psi = psi * np.exp(-0.05j * np.abs(psi) ** 2)
            psi = np.fft.ifft(np.exp(-0.025j * k**2) * np.fft.fft(psi))
        return np.sum(np.abs(psi) ** 4)

    right(f, some(8))

    def g(z):
        k = np.kaiser(len(z), 2.0)
        for _ in range(len(z)):
            z = np.sin(z) + 0.1 * np.sum(k**2)
        return np.sum(z)

    right_or_refused(g, some(4))


def test_a_number_indexed_by_a_mask():
    def f(x, m):
        total = np.sum(x)
        picked = total[total > m]
        return np.sum(picked * picked) + np.sum(total[total > 100.0])

    right(f, np.array([1.0, 2.0]), 0.5)
    right(f, np.array([1.0, 2.0]), 5.5)


def test_a_reshape_that_raises_in_the_branch_that_is_not_taken():
    def f(x, y):
        m = np.zeros(3) + x
        if y > 0:
            m = m.reshape(1)
        return np.sum(m * m)

    right_or_refused(f, 0.3, -1.0)


def test_a_tuple_that_grows_in_a_loop_too_long_to_be_written_out():
    def f(x):
        found = (x[0],)
        for k in range(3):
            y = np.sin(x[k]) * np.cos(x[k]) + np.exp(x[k]) * x[k] + np.tanh(x[k]) - x[k] ** 2
            y = y * np.sin(y) + np.cos(y) * y - np.exp(-y) + np.tanh(y) * y + y**3 - x[k]
            found = (*found, y)
        return found[-1] * found[1] * len(found)

    right(f, some(4))

    def g(x):
        shapes, y = (), 1.0 * x[0]
        while y < 20:
            y = 2 * y
            shapes = (*shapes, y)
        return x[0] * len(shapes)

    right_or_refused(g, positive(3))
