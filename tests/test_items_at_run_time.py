"""One of several items, told apart at run time; elements as numbers; whole views."""

import numpy as np
import pytest

import srcdiff
from tests.judge import right

X, Y = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.7, 0.8])


@pytest.mark.parametrize("k", [0, 1])
def test_an_array_of_a_dict_at_a_run_time_key_is_written(k):
    def f(x, y, k):
        c = {0: x, 1: y}[k % 2]
        c[0] += np.sum(y) * x[1]
        return np.sum(x * y)

    right(f, X, Y, k, wrt=("x", "y"))


@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_an_array_of_a_tuple_at_a_run_time_index_is_written(level):
    def f(x, y, level):
        d = (x, y)[int(np.any(x > level))]
        for i in range(len(x)):
            d[i] *= x[0] + d[i - 1]
        return np.sum(x * y)

    right(f, X, Y, level, wrt=("x", "y"))


@pytest.mark.parametrize("k", [0, 1, -1, -2])
def test_arrays_of_several_shapes_in_a_list(k):
    def f(x, y, k):
        c = [x, y][k]
        c *= 2.0
        if k in (0, -2):
            c = c * y
        return np.sum(x) * np.sum(c)

    right(f, X, Y, k, wrt=("x", "y"))


def test_a_key_that_is_not_there_is_a_key_error():
    def f(x, y, k):
        c = {0: x, 1: y}[k]
        c[0] = 2.0 * x[1]
        return np.sum(x * y)

    df = srcdiff.grad(f, fallback="error")
    with pytest.raises(KeyError):
        df(X.copy(), Y.copy(), 3)


def test_item_takes_the_place():
    def f(x):
        m = np.outer(x, x[:2])
        z = m.T.item(4) * m.item(2, 1) + m[1:, ::-1].item(-1) + x[1].item()
        return z * m.item((0, 1)) + np.sum(x).item()

    right(f, X)


def test_item_of_ints_and_complex_numbers():
    def f(x, k):
        z = (x + 1j * x[::-1]).item(1)
        return z.imag * x[k.item(1)] * z.real

    right(f, X, np.array([0, 2, 1]), wrt="x")


def test_a_whole_view_is_written():
    def f(x):
        v = x.view()
        for i in range(3):
            v[i] *= x[i - 1]
        return np.sum(x.T.view()) * v[0]

    right(f, X)


def test_words_of_a_string():
    def f(x):
        for word in "sin cos".split():
            x = np.sin(x) if word == "sin" else np.cos(x)
        return np.sum(x)

    right(f, X)


def test_lists_of_arrays_are_made_of_pythons_numbers():
    def f(x, i):
        total = 0
        for u in x.tolist():
            total = 0.5 * total + u * u
        a = np.outer(x, x).tolist()
        a[1][2] = a[0][1] * 3.0
        return a[1][2] * a[2][2] + total * x[i.tolist()[1]]

    right(f, X, np.array([0, 2]), wrt="x")


def test_lists_of_rows_hold_views():
    def f(m):
        first, *others = m
        rows = list(m)
        m[0] *= 2.0
        total = np.sum(others[0] * first * rows[0])
        for row in list(m):
            row *= rows[1]
            total = 0.5 * total + row @ first
        return total

    right(f, np.outer(X, Y))


def test_arrays_of_lists_of_lists_of_run_time_length():
    def f(x, y):
        a = np.array([[y[i] * v for v in x] for i in range(3)])
        b = np.asarray([[u * v * v for v in x] for u in y])
        a[1,] -= 2.0 * x[0]
        for i in range(len(y)):
            b[i] *= a[i - 1] + b[i - 1]
        return np.sum(a * b.swapaxes(0, 1))

    right(f, X, Y, wrt=("x", "y"))


def test_arrays_of_lists_of_vectors():
    def f(x, y):
        a = np.array([[v * y for v in x], [np.sin(y) for v in x]])
        a[0, 1] *= a[1, 0]
        return np.sum(a[0] * a[1])

    right(f, X, Y, wrt=("x", "y"))


@pytest.mark.parametrize("k", [0, 1, 2, -1, -2, -3])
def test_an_item_of_unlike_kinds_is_found_in_branches(k):
    def f(x, y):
        items = [x * 1.0, y[0], 2.5]
        k = int(y[2])
        return float(np.sum(items[k] * x[1]) + np.sum(items[(k + 5) % 3]) * y[1])

    right(f, X, np.array([0.5, 0.7, k + 0.1 if k >= 0 else k - 0.1]), wrt=("x", "y"))


@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_arrays_of_unlike_dtypes_in_a_tuple_are_written(level):
    def f(x, y):
        c = (y, x)[int(np.sum(x) < level)]
        c *= 2.0
        c[1:] += y[0]
        return np.sum(c * x) * np.sum(y)

    right(f, X.astype(np.float32), Y, wrt=("x", "y"))


@pytest.mark.parametrize("k", [0, 1, 2, 3, -1])
def test_functions_in_a_list_are_called_by_their_place(k):
    def f(x):
        functions = [np.sin, lambda t: t * t, np.exp]
        s, k = x[0], int(x[2])
        while s < 4.0:
            s = s + functions[k % 3](x[0] * s) + 0.5
            k += 1
        try:
            s = s + functions[int(x[2])](x[1])
        except IndexError as error:
            s = s * len(str(error))
        return s

    right(f, np.array([0.4, 0.7, k + 0.1 if k >= 0 else k - 0.1]))


@pytest.mark.parametrize("k", [0, 1, 2, -1, -3])
def test_what_is_stored_at_a_run_time_position_among_unlike_items(k):
    def f(x, y):
        items = [x * 1.0, y[0], 2.5]
        k = int(y[2])
        items[k] = items[0]
        before = np.sum(items[1])
        items[(k + 4) % 3 - 3] = float(x[0])
        return float(np.sum(items[0]) * np.sum(items[1]) * np.sum(items[2]) + before)

    right(f, X, np.array([0.5, 0.7, k + 0.1 if k >= 0 else k - 0.1]), wrt=("x", "y"))


def test_a_position_outside_of_unlike_items_raises_as_in_python():
    def read(x):
        return np.sum((x, x[0])[int(x[0])])

    def read_of_list(x):
        return np.sum([x, x[0]][int(x[0])])

    def stored(x):
        items = [x, x[0]]
        items[int(x[0])] = 2.0
        return np.sum(items[0])

    for f in (read, read_of_list, stored):
        df = srcdiff.grad(f, fallback="error")
        df(X)
        for g in (f, df):
            with pytest.raises(IndexError) as told:
                g(X + 7.0)
            if g is f:
                text = str(told.value)
        assert str(told.value) == text


def test_a_loop_over_a_known_range_is_unrolled_rather_than_told_apart():
    def f(x, y):
        items, s = (x, y[0], 3), 0.0
        for i in range(30):
            s = s + np.sum(items[i % 3]) * x[0]
        return s

    df = srcdiff.grad(f, fallback="error")
    df(X, Y)
    assert "IndexError" not in df.source
    right(f, X, Y, wrt=("x", "y"))


def test_a_call_of_what_is_a_function_in_one_case_only():
    def f(x):
        scale = (np.sin, x[0], x)[int(x[2])]
        try:
            s = scale(x[1])
        except TypeError:
            s = np.sum(scale) * 2.0
        return s

    for k in (0.0, 1.0, 2.0):
        right(f, np.array([0.4, 0.7, k + 0.1]))
