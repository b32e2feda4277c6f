"""What surely raises nothing that is caught may stand in a `try`."""

import numpy as np
import pytest

from tests.judge import right

X = np.array([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]])


@pytest.mark.parametrize("error", [UserWarning, NotImplementedError, KeyError])
def test_classes_that_arrays_never_raise(error):
    def f(x):
        try:
            m = x[1] * np.sin(x[0])
            if np.sum(m) > 1.0:
                raise error("large")
            y = np.sum(m) * len(x)
        except (error, UserWarning):
            y = np.sum(x)
        return y

    right(f, X)
    right(f, 3.0 * X)


def test_functions_of_known_ranks():
    def f(x):
        try:
            v = x.swapaxes(0, 1) @ x
            t = np.zeros(len(x)) + np.sum(x, axis=1)
            t[:] = t * np.arange(len(x))
            if np.sum(v) < 0.0:
                raise ValueError("low")
            y = np.sum(np.flip(v, axis=0) * v) + np.sum(np.outer(t, t)) + int(x[0, 0] > 0)
        except Exception:
            y = np.sum(x)
        return y

    right(f, X)


@pytest.mark.parametrize("n", [-1, 2])
def test_what_may_raise_is_tried(n):
    def f(x, n):
        try:
            y = np.sum(np.zeros(n) + x)
        except ValueError:
            y = x * 2.0
        return y

    right(f, 0.5, n)


def test_stacks_and_types():
    def f(x):
        t = np.stack([v for v in x])
        try:
            u = np.stack([v for v in x]).astype(float) * t
            if u[0, 0] > 1.0:
                raise NotImplementedError("large")
        except NotImplementedError:
            u = t
        return np.sum(u)

    right(f, X)
    right(f, 5.0 * X)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_an_array_of_another_length_that_is_unpacked(n):
    def f(x):
        s = 2.0
        try:
            first, *rest, last = x[:]
            s = first * last * np.sum(rest)
            a, b = x
            s = s + a * b
        except ValueError:
            s = s * np.sum(x * x)
        return s

    right(f, np.arange(1.0, n + 1))


def in_parts(x, i):
    z = x * 2.0
    try:
        z[1:, [0, i]] *= x[0, 0]
        z = z * z[:, [i, 0]].sum()
        z[None, :, i] = z[..., [i]].sum()
    except IndexError:
        z = z * 3.0
    return np.sum(z * z)


def through_a_view(x, i):
    z = x * 2.0
    try:
        z.put(i, x[0, 1])
        z.reshape(-1)[i - 1] *= 2.0
    except IndexError:
        z = z * 3.0
    return np.sum(z * z)


def reshaped_and_indexed(x, i):
    try:
        y = x.reshape(-1)[[0, i]]
    except Exception:
        y = x[0] * 3.0
    return np.sum(y * y)


@pytest.mark.parametrize("i", [0, 1, 2, 3, 6, 7, -1, -8])
@pytest.mark.parametrize("f", [in_parts, through_a_view, reshaped_and_indexed])
def test_an_index_of_an_array_with_slices_or_of_a_view_of_it(f, i):
    right(f, X, i)


@pytest.mark.parametrize("n", [0, 3])
def test_the_largest_of_a_list_that_may_be_empty(n):
    def f(x, n):
        try:
            s = max([v * v for v in x[:n]])
            if s > 100.0:
                raise NotImplementedError("large")
        except NotImplementedError:
            s = 0.0
        except ValueError:
            s = x[0]
        return s * x[1]

    right(f, X[0], n, wrt="x")
