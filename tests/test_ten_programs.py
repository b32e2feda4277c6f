"""Ten programs that the obvious compiler gets silently wrong, or slow."""

import importlib.util
import time
import tracemalloc

import numpy as np
import pytest

from tests.gallery import positive, some
from tests.judge import derivative, gradient_or_none, right, right_or_refused, srcdiff_gradient

# 1. Rows are views, elements are numbers


def rows_plus_one(m):
    for row in m:
        row += 1
    return np.sum(m**2)


def elements_plus_one(v):
    for s in v:
        s += 1
    return np.sum(v**2)


def row_or_element(x):
    for s in x:
        s += x[0] * 2
    return np.sum(x**2)


def test_a_row_that_is_incremented_is_a_store_into_the_matrix():
    m = some(3, 2)
    _, d_m = right(rows_plus_one, m)
    np.testing.assert_allclose(d_m, 2 * (m + 1))


def test_an_element_that_is_incremented_is_a_name_bound_anew():
    v = some(4)
    value, d_v = right(elements_plus_one, v)
    assert value == np.sum(v**2)
    np.testing.assert_allclose(d_v, 2 * v)


def test_one_function_called_with_a_matrix_and_a_vector_does_both():
    right(row_or_element, some(3, 2))
    right(row_or_element, some(3))


# 2. Linear time and memory


def recurrence(x):
    n = len(x)
    B = np.zeros(n)
    B[0] = x[0]
    for i in range(1, n):
        B[i] = np.tanh(B[i - 1] + x[i])
    return np.sum(B)


def test_a_recurrence_into_a_buffer_is_right():
    right(recurrence, some(6))
    right(recurrence, some(1))


def test_a_recurrence_into_a_buffer_takes_linear_time():
    df = srcdiff_gradient(recurrence, 0)
    df(some(10))

    def seconds(n):
        x, times = some(n), []
        for _ in range(3):
            start = time.perf_counter()
            df(x)
            times.append(time.perf_counter() - start)
        return min(times)

    # Quadratic time would give 16 and, at this size, much more than interpretation costs.
    assert seconds(40_000) < 9 * seconds(10_000)


def test_a_recurrence_into_a_buffer_takes_linear_memory():
    df = srcdiff_gradient(recurrence, 0)
    df(some(10))
    n = 3000
    x = some(n)
    tracemalloc.start()
    df(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * n  # one copy of the buffer per step would be 8 * n * n bytes


# 3. A helper that cannot be compiled, with a buffer and float()


def refused_helper(x, n):
    out = np.zeros(n)
    for i in range(n):
        out[i] = x * 2
    try:
        factor = float(x)
    except ValueError:
        factor = 0.0
    return out * factor


def with_refused_helper(x):
    return np.sum(refused_helper(x[0], 3)) + x[1]


def plain_buffer_and_float(x):
    out = np.zeros(3)
    out[1] = x[0] * 2
    return np.sum(out) * float(x[0])


def test_a_refused_helper_with_a_buffer_is_never_wrong():
    right_or_refused(with_refused_helper, some(2))


def test_a_buffer_and_float_are_differentiated_through():
    right(plain_buffer_and_float, some(2))


# 4. An array is read when the operation runs


def times_ten(z):
    z *= 10
    return z


def operand_written_by_the_other(x):
    y = x + times_ten(x)
    return np.sum(y * y)


def operand_written_first(x):
    return np.sum((times_ten(x) + x) ** 2)


def swap_of_slices(a, b):
    a[:], b[:] = b, a
    return np.sum(a**2) + np.sum(b**3)


def element_read_before_the_call(a):
    def write():
        a[0] = a[1] * 5
        return a[1]

    a[0] += write()
    return np.sum(a**2)


def test_both_operands_see_what_the_second_wrote():
    x = some(3)
    value, d_x = right(operand_written_by_the_other, x)
    np.testing.assert_allclose(d_x, 800 * x)


def test_both_operands_see_what_the_first_wrote():
    right(operand_written_first, some(3))


def test_the_second_store_of_a_slice_swap_reads_what_the_first_stored():
    a, b = some(3), some(3, start=2)
    _, (d_a, d_b) = right(swap_of_slices, a, b, wrt=(0, 1))
    np.testing.assert_allclose(d_a, 0, atol=1e-9)
    np.testing.assert_allclose(d_b, 2 * b + 3 * b**2)


def test_an_augmented_store_reads_the_old_element_before_its_right_side_runs():
    a = some(3)
    value, d_a = right(element_read_before_the_call, a)
    # a[0] + a[1] replaces what the call wrote
    np.testing.assert_allclose(d_a[:2], [2 * (a[0] + a[1]), 2 * (a[0] + a[1]) + 2 * a[1]])


# 5. The last write stays


def repeated_index_increment(u, e):
    u[[0, 0]] += e
    return np.sum(u**2)


def repeated_index_increment_by_one_number(u, e):
    u[[0, 0, 2]] += e
    return np.sum(u**2)


def repeated_index_store(u, e):
    u[[1, 0, 1]] = e
    return np.sum(u**2)


def test_of_an_increment_at_a_repeated_index_the_last_stays():
    u, e = some(3), some(2, start=2)
    _, (d_u, d_e) = right(repeated_index_increment, u, e, wrt=(0, 1))
    np.testing.assert_allclose(d_e, [0, 2 * (u[0] + e[1])], atol=1e-9)
    np.testing.assert_allclose(d_u, [2 * (u[0] + e[1]), 2 * u[1], 2 * u[2]])


def test_of_a_broadcast_increment_at_a_repeated_index_one_stays():
    right(repeated_index_increment_by_one_number, some(3), 0.3, wrt=(0, 1))


def test_of_a_store_at_a_repeated_index_the_last_stays():
    right(repeated_index_store, some(3), some(3, start=2), wrt=(0, 1))


# 6. A store through a reshape: a view for one memory order, a copy for the other


def store_through_reshape(x):
    x.reshape(-1)[0] = 5 * x.reshape(-1)[1]
    return np.sum(x**2)


def store_through_ravel(x):
    x.ravel()[1:] *= x[0, 0]
    return np.sum(x**2)


def store_through_reshape_of_a_product(x):
    y = x.T * 1.0  # in Fortran order when x is in C order
    y.reshape(-1)[0] = 5 * y.reshape(-1)[1]
    return np.sum(y**2)


@pytest.mark.parametrize(
    "f", [store_through_reshape, store_through_ravel, store_through_reshape_of_a_product]
)
def test_a_store_through_a_reshape_follows_the_memory_order(f):
    for x in (some(2, 3), np.asfortranarray(some(2, 3)), some(4, 3)[::2], some(2, 6)[:, ::2]):
        right_or_refused(f, x)


def test_a_store_through_a_reshape_of_c_order_compiles():
    x = some(2, 3)
    _, d_x = right(store_through_reshape, x)
    np.testing.assert_allclose(d_x.ravel()[:2], [0, 52 * x[0, 1]], atol=1e-9)


# 7. A store casts


def store_into_float32(x):
    B = np.zeros(1, np.float32)
    B[0] = 0.1 * x
    y = B[0] * 3
    return y


def store_into_integers(x):
    B = np.zeros(2, int)
    B[0] = 3.7 * x[0]
    return np.sum(B * x)


def a_constant_through_float32():
    B = np.zeros(1, np.float32)
    B[0] = 0.1
    return B[0] * 3


def times_the_constant(x):
    return x * a_constant_through_float32()


def test_what_comes_out_of_a_float32_buffer_was_rounded():
    value, d_x = right(store_into_float32, 1.0, rtol=1e-3)
    assert value.dtype == np.float32 and value == a_constant_through_float32()
    assert abs(d_x - 0.3) < 1e-7


def test_a_constant_in_a_float32_buffer_is_rounded():
    _, d_x = right(times_the_constant, 2.0, rtol=1e-3)
    assert float(d_x) == float(a_constant_through_float32())


def test_an_integer_buffer_passes_no_gradient():
    x = np.array([1.0, 2.0])
    _, d_x = right(store_into_integers, x)
    np.testing.assert_allclose(d_x, [3, 0])


# 8. Arguments that are one array, or overlap


def write_one_read_both(a, b):
    a[0] = 2 * a[1]
    return np.sum(a * b) + b[0]


def read_both(a, b):
    return np.sum(a * b**2)


def same_array_twice(x):
    return write_one_read_both(x, x)


def overlapping_in_a_call(x):
    return shifted_sum(x, x[1:])


def shifted_sum(a, b):
    a[1] = a[0] * 3
    return np.sum(a[:2] * b[:2])


def test_one_array_for_two_parameters_of_a_helper():
    right(same_array_twice, some(3))


def test_overlapping_arrays_for_two_parameters_of_a_helper():
    right(overlapping_in_a_call, some(4))


def test_one_array_for_two_arguments_that_are_only_read_gives_partial_derivatives():
    x = some(3)
    _, (d_a, d_b) = right(read_both, x, x, wrt=(0, 1))
    np.testing.assert_allclose(d_a, x**2)
    np.testing.assert_allclose(d_b, 2 * x * x)
    _, d_a = right(read_both, x, x, wrt=0)
    np.testing.assert_allclose(d_a, x**2)


def test_one_array_for_two_arguments_of_which_one_is_written():
    x = some(3)
    before = x.copy()
    result = gradient_or_none(write_one_read_both, x, x, wrt=(0, 1))
    assert np.array_equal(x, before)
    if result is None:
        return
    value, (d_a, d_b) = result

    def along(v):
        def moved(t):
            y = x + t * v
            return write_one_read_both(y, y)

        return derivative(moved)

    assert value == write_one_read_both(*[x.copy()] * 2)
    for v in np.eye(3):
        assert np.isclose(np.sum((d_a + d_b) * v), along(v))


def test_overlapping_arguments_of_which_one_is_written():
    x = some(4)
    before = x.copy()
    result = gradient_or_none(shifted_sum, x, x[1:], wrt=(0, 1))
    assert np.array_equal(x, before)
    if result is None:
        return
    value, (d_a, d_b) = result

    def along(v):
        def moved(t):
            y = x + t * v
            return shifted_sum(y, y[1:])

        return derivative(moved)

    y = x.copy()
    assert value == shifted_sum(y, y[1:])
    for v in np.eye(4):
        assert np.isclose(np.sum(d_a * v) + np.sum(d_b * v[1:]), along(v))


# 9. A helper reads the globals of its own module

scale = 2.0


def offset(x):
    return x + scale


def load(name, text, folder):
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_helper_of_another_module_reads_that_modules_globals(tmp_path):
    other = load(
        "other_module",
        "import math as np\n\nscale = 5.0\n\n\ndef offset(x):\n    return x * scale\n\n\n"
        "def outer(x):\n    return offset(x) * scale + np.sin(scale) * x\n",
        tmp_path,
    )

    def both(x):
        return offset(x) * other.outer(x) * scale

    right(both, 0.7)
    other.scale = 3.0
    value, _ = right(both, 0.7)
    assert np.isclose(value, (0.7 + 2) * (0.7 * 9 + np.sin(3) * 0.7) * 2)


# 10. A dimension that turns out to be 1


def sliced_to_n(a, v, n):
    t = a.reshape(-1, 5)[:n].sum(axis=1)
    return (v * np.exp(t)).sum()


def test_a_slice_of_unknown_size_that_has_size_one_broadcasts():
    a = some(15)
    right(sliced_to_n, a, some(3), 3, wrt=(0, 1))
    right(sliced_to_n, a, some(3), 1, wrt=(0, 1))
    right(sliced_to_n, a, some(1), 3, wrt=(0, 1))


def test_one_gradient_function_serves_both_sizes():
    df = srcdiff_gradient(sliced_to_n, (0, 1))
    a, v = some(15), positive(3)
    t = a.reshape(-1, 5).sum(axis=1)
    for n in (3, 1, 3):
        _, (d_a, d_v) = df(a, v, n)
        e = np.exp(t) if n == 3 else np.full(3, np.exp(t[0]))
        np.testing.assert_allclose(d_v, e)
        d_t = v * e if n == 3 else np.array([np.sum(v * e), 0, 0])
        np.testing.assert_allclose(d_a, np.repeat(d_t, 5), atol=1e-9)
