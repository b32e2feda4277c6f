"""The functions that generated source calls."""

import math

import numpy as np
import pytest

from srcdiff.runtime import kernels


@pytest.mark.parametrize(
    "d, shape, expected",
    [
        (2.0, (), 2.0),
        (np.float64(2), (), 2.0),
        (np.ones(3), (), 3.0),
        (np.ones(3), (3,), [1, 1, 1]),
        (np.ones(3), (1,), [3]),
        (np.ones((2, 3)), (3,), [2, 2, 2]),
        (np.ones((2, 3)), (1, 3), [[2, 2, 2]]),
        (np.ones((2, 3)), (2, 1), [[3], [3]]),
        (np.ones((2, 3)), (1,), [6]),
        (np.ones((4, 2, 3)), (2, 1), [[12], [12]]),
        (np.ones((0, 3)), (3,), [0, 0, 0]),
        (np.ones((2, 0)), (2, 0), np.ones((2, 0))),
        (2.0, (3,), [2, 2, 2]),
        (np.ones(3, np.float32), (1,), np.array([3], np.float32)),
    ],
)
def test_unbroadcast_sums_to_the_shape(d, shape, expected):
    found = kernels.unbroadcast(d, shape)
    np.testing.assert_array_equal(found, expected, strict=isinstance(expected, np.ndarray))
    assert np.shape(found) == shape


@pytest.mark.parametrize("axis", [None, 0, 1, -1, -3, (0, 2), (0, 1, 2), (-1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_restore_axes_broadcasts_against_what_was_reduced(axis, keepdims):
    x = np.arange(24.0).reshape(2, 3, 4)
    reduced = np.sum(x, axis=axis, keepdims=keepdims)
    restored = kernels.restore_axes(reduced, x.ndim, axis, keepdims)
    expected = np.broadcast_to(np.sum(x, axis=axis, keepdims=True), x.shape)
    np.testing.assert_array_equal(np.broadcast_to(restored, x.shape), expected)
    assert kernels.count_along(x, axis) * reduced.size == x.size


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_slices_and_indices_along_an_axis_are_those_of_take(axis):
    x = np.arange(24.0).reshape(2, 3, 4)
    found = kernels.slice_along(x, axis, 1, 2)
    np.testing.assert_array_equal(found, np.take(x, [1], axis))
    np.testing.assert_array_equal(kernels.index_along(x, axis, 1), np.take(x, 1, axis))


@pytest.mark.parametrize(
    "shape, key, value",
    [
        ((5,), np.array([0, 0, 2, -1]), np.array([1.0, 2.0, 3.0, 4.0])),
        ((5,), np.array([0, 0, 2, -1]), 2.0),
        ((5,), [0, 0, 2], 2.0),
        ((5,), 2, 1.5),
        ((5,), slice(1, None, 2), 1.5),
        ((5,), np.array([True, False, True, False, False]), 1.5),
        ((5,), ..., 1.5),
        ((2, 3), (slice(None), np.array([0, 0])), 1.0),
        ((2, 3), (np.array([1, 1]), np.array([2, 2])), np.array([1.0, 2.0])),
        ((2, 3), np.array([1, 1]), np.ones(3)),
        ((50, 30), np.arange(100) % 7 - 3, np.arange(3000.0).reshape(100, 30)),
        ((50, 30), np.arange(100) % 7 - 3, 2.0),
        ((2, 3), (None, 1), 1.0),
    ],
)
def test_add_at_adds_up_repeated_indices(shape, key, value):
    d, expected = np.ones(shape), np.ones(shape)
    np.add.at(expected, key, value)
    assert kernels.add_at(d, key, value) is d
    np.testing.assert_array_equal(d, expected)


def test_add_at_refuses_an_index_out_of_bounds():
    for d in (np.zeros(3), np.zeros((3, 1000))):
        with pytest.raises(IndexError):
            kernels.add_at(d, np.array([0, 3, 1]), 1.0)


def test_written_last_marks_the_elements_that_stay():
    key, values = np.array([[0, 2], [0, 1]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    a = np.zeros(3)
    a[key] = values
    last = kernels.written_last(key, a.shape)
    np.testing.assert_array_equal(last, [[False, True], [True, True]])
    assert np.sum(values * last) == np.sum(a)


@pytest.mark.parametrize(
    "x", [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [2.0, 3.0, 4.0], [5.0], [], [-1.0, 0.5]]
)
def test_product_of_others_is_exact_with_zeros(x):
    expected = [math.prod(x[:i] + x[i + 1 :]) for i in range(len(x))]
    np.testing.assert_array_equal(kernels.product_of_others(np.array(x), 0), expected)


def test_linear_recurrence_along_an_axis():
    c, x = np.arange(6.0).reshape(2, 3), np.full((2, 3), 2.0)
    np.testing.assert_array_equal(kernels.linear_recurrence(c, x), [[0, 1, 4], [3, 10, 25]])
    np.testing.assert_array_equal(kernels.linear_recurrence(c, x, 0), [[0, 1, 2], [3, 6, 9]])
    np.testing.assert_array_equal(c, np.arange(6.0).reshape(2, 3))


POINTS = [1e-3, 0.1, 0.5, 1.0, 1.4616321449683623, 2.0, 7.3, 15.0, 100.0, 1e6, -0.5, -3.7, -12.3]


@pytest.mark.parametrize("x", [*POINTS, -100.4])
def test_digamma_is_that_of_scipy(x):
    special = pytest.importorskip("scipy.special")
    np.testing.assert_allclose(kernels.digamma(x), special.digamma(x), rtol=2e-14, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("x", [x for x in POINTS if x > 0])
def test_polygamma_is_that_of_scipy(n, x):
    special = pytest.importorskip("scipy.special")
    np.testing.assert_allclose(kernels.polygamma(n, x), special.polygamma(n, x), rtol=1e-13)


def test_digamma_of_no_number():
    assert math.isnan(kernels.digamma(math.nan))
    assert kernels.digamma(math.inf) == math.inf
    assert kernels.polygamma(1, math.inf) == 0


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_sinc_derivative_is_the_integral_that_defines_it(order):
    # The derivative of the integral of cos(pi x s) over s in [0, 1].
    s = (np.polynomial.legendre.leggauss(60)[0] + 1) / 2
    w = np.polynomial.legendre.leggauss(60)[1] / 2
    for x in (0.0, 1e-8, 1e-3, 0.1, 0.3, 0.9, 1.3, 2.5, 5.0, -0.4, -3.0):
        expected = np.sum(w * (np.pi * s) ** order * np.cos(np.pi * x * s + order * np.pi / 2))
        scale = np.pi**order
        assert abs(kernels.sinc_derivative(x, order) - expected) < 1e-13 * scale


def test_cofactors_of_singular_matrices():
    rng = np.random.default_rng(0)
    for rank in (1, 2, 3, 4):
        a = rng.integers(-3, 4, (4, rank)) @ rng.integers(-3, 4, (rank, 4)) + 0.0
        expected = np.empty((4, 4))
        for i, j in np.ndindex(4, 4):
            minor = np.delete(np.delete(a, i, 0), j, 1)
            expected[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
        np.testing.assert_allclose(kernels.cofactors(a), expected, 1e-9, 1e-9)
    stacked = np.stack((np.diag([1.0, 0.0]), np.diag([2.0, 3.0])))
    np.testing.assert_allclose(kernels.cofactors(stacked), [np.diag([0, 1]), np.diag([3, 2])])
    twisted = np.array([[1.0, 1j], [2.0, 2j]])
    np.testing.assert_allclose(kernels.cofactors(twisted), [[2j, -2], [-1j, 1]], atol=1e-15)


@pytest.mark.parametrize(
    "subscripts, k, ranks, expected",
    [
        ("ij,jk->ik", 0, (2, 2), ("ik,jk->ij", (), ())),
        ("ij,jk->ik", 1, (2, 2), ("ik,ij->jk", (), ())),
        ("ij , jk", 0, (2, 2), ("ik,jk->ij", (), ())),
        ("ba", 0, (2,), ("ab->ba", (), ())),
        ("ij->", 0, (2,), ("->", (0, 1), ())),
        ("ij->j", 0, (2,), ("j->j", (0,), ())),
        ("ii->i", 0, (2,), ("i,iA->iA", (), (1,))),
        ("...i,...i->...", 0, (3, 2), ("AB,Bi->ABi", (), ())),
        ("...i,...i", 1, (3, 2), ("AB,ABi->Bi", (), ())),
    ],
)
def test_einsum_adjoint_in_text(subscripts, k, ranks, expected):
    assert kernels.einsum_adjoint(subscripts, k, ranks) == expected
