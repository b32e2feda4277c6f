"""Control flow: which branch ran, how a loop was left, what is bound."""

import numpy as np
import pytest

import srcdiff
from tests.gallery import some
from tests.judge import right, right_or_refused


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_else_runs_where_neither_break_nor_return_has_left_the_loop(scale):
    def f(x):
        total = 0.0
        for v in x:
            if v > 5.0:
                return v * 3
            if v > 0.5:
                break
            total += v
        else:
            total = total * 7
        return total * 2

    right(f, scale * np.abs(some(3)))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_capture_is_bound_once_the_whole_pattern_has_matched(n):
    def f(x, n):
        a = x * 5.0
        match (n, x):
            case (1, a) | (2, a) if n > 1:
                y = np.sum(a * a)
            case (3, _):
                y = np.sum(x * a)
            case _:
                y = np.sum(x)
        return y

    right(f, some(3), n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_guard_that_fails_leaves_what_was_bound(n):
    def f(x, n):
        k = 7.0
        match x * n:
            case k if n == 2:
                return np.sum(k)
        return np.sum(k * k)

    right(f, some(3), n)


def test_an_array_is_no_sequence_to_a_pattern():
    def f(x):
        match x:
            case [a, b]:
                return a
            case np.ndarray():
                return np.sum(x * x)

    right(f, some(2))


def test_a_store_into_what_a_pattern_binds_reaches_the_subject():
    def f(x):
        y = x * 1.0
        match {"first": y, "k": 2.0}:
            case {"first": z, "k": k}:
                z[0] *= k
        return np.sum(y * y)

    right(f, some(3))


M = np.array([[0.5, 1.5, -0.7], [1.0, 2.0, 3.0]])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_number_that_becomes_an_array(n):
    def f(m, n):
        total = 0
        product = 1.0
        for i in range(n):
            total += m[i] * m[i]
            product = product * m[i]
        return np.sum(total) + np.sum(np.sin(product * 3) / 2 * m[0])

    right(f, M, n)


def test_a_number_that_becomes_a_matrix_on_some_paths():
    def f(m):
        total = 0
        for row in m:
            if row[0] > 0.7:
                total = total + np.outer(row, row)
        total /= len(m)
        return np.trace(total)

    right(f, M)
    with pytest.raises(ValueError, match="at least two dimensions"):
        srcdiff.grad(f, fallback="error")(M[:1])


def test_a_number_that_becomes_a_float32_array():
    def f(m):
        total = 0
        for row in m:
            total = total + row * row
        return np.sum(total)

    right(f, M.astype(np.float32))


@pytest.mark.parametrize("m", [M, M[:0]])
def test_where_the_shape_of_what_may_be_a_number_matters_the_two_are_told_apart(m):
    def f(w, m):
        product, total = 1.0, 0.0
        for row in m:
            total = total + np.sum(w * product)
            product = product * row
        return total + np.sum(product * w)

    right(f, 2.0, m)


def test_what_may_be_a_number_and_has_two_names_is_not_updated():
    def f(m):
        total = 0
        for row in m:
            before = total
            total += row
            total += before
        return np.sum(total * total)

    right_or_refused(f, M)


@pytest.mark.parametrize("s", [0.5, -0.5])
def test_a_number_that_is_tested_decides_whether_the_function_is_left(s):
    def f(x, s):
        if s > 0:
            if (x > -2.0).sum():
                return np.sum(x**2)
        else:
            d = 2.0
        return d * np.sum(x)

    right(f, some(3), s)


def test_what_a_test_computes_does_not_take_the_name_of_what_it_leaves():
    def f(x):
        y = x
        while np.vdot(y[1:3], y[-2:]) < 2.0:
            y = 2.0 + x
        x[0] += 2.0
        return np.sum(y) + np.sum(x**2)

    right(f, np.array([1.23, 0.03, -0.11, -0.28, -1.04]))


def called_where_bound(x, s):
    flag = x.sum() > s
    if flag:
        wave, name = np.sin, "sine"
    y = x * 2.0
    if flag:
        y = wave(y) * len(name)
    return np.sum(y * y)


def caught_where_unbound(x, s):
    if s > 0:
        pair = (x[0], 3)
    try:
        t = pair[0] * pair[1]
    except UnboundLocalError as error:
        t = x[1] * len(str(error))
    return t * t


@pytest.mark.parametrize("s", [-0.2, 1.5])
@pytest.mark.parametrize("f", [called_where_bound, caught_where_unbound])
def test_a_function_that_only_one_path_binds(f, s):
    right(f, np.array([0.1, 0.5, 0.3]), s)


def test_a_name_of_a_function_that_is_not_bound_raises_as_in_python():
    def f(x, s):
        x = x * 2.0
        if s > 0:
            wave = np.sin
        elif s < -1:
            x[0] = s
        return np.sum(wave(x))

    df = srcdiff.grad(f, fallback="error")
    x = np.array([0.1, 0.5, 0.3])
    right(f, x, 1.0)
    df(x, 1.0)
    for s in (-0.5, -2.0):
        texts = []
        for g in (f, df):
            with pytest.raises(UnboundLocalError) as told:
                g(x, s)
            texts.append(str(told.value))
        assert texts[0] == texts[1]
