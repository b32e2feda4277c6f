"""Results that are real or complex, as values decide: eigenvalues, roots, square roots of matrices.

The compiler knows their shapes and that they are of one of two dtypes; each program is judged where
they are real and where they are complex.
"""

import numpy as np
import pytest

from srcdiff import (
    NonScalarOutputError,
    UnsupportedSyntaxError,
    check_grads,
    grad,
    jvp,
    pullback,
    vjp,
)
from tests.judge import right

TURNING = np.array([[1.0, 2.0, 0.1], [-1.5, 0.8, 0.3], [0.2, -0.1, -5.5]])
UNLIKE = np.array([[2.0, 0.3, -0.4], [0.7, -1.0, 0.5], [-0.2, 0.6, 0.4]])
both = pytest.mark.parametrize("a", [TURNING, UNLIKE], ids=["complex", "real"])


def largest(a):
    return np.max(np.abs(np.linalg.eigvals(a)))


def a_function_of_a_matrix(a):
    w, v = np.linalg.eig(a)
    e = v @ np.diag(np.exp(w)) @ np.linalg.inv(v)
    return np.sum(np.real(e) ** 2)


def one_by_one(a):
    w = np.linalg.eigvals(a)
    total = 0.0
    for i in range(len(w)):
        total += abs(w[i]) ** 2 * (i + 1)
    return total


def in_a_loop(a):
    w = np.linalg.eigvals(a)
    total = 0.0
    for _ in range(3):
        a = a * 1.1
        w = w + np.linalg.eigvals(a)
        total = total + np.sum(np.abs(w))
    return total


def told_apart(a):
    w = np.linalg.eigvals(a)
    if np.iscomplexobj(w):
        return np.sum(np.abs(w)) + w[0].imag ** 2
    return np.sum(w**2)


def with_complex_numbers(a):
    w = np.linalg.eigvals(a)
    z = w[0] * (1 + 2j) + w[1] + w[0] * (0.5 - 1j)
    return abs(z)


def by_vectors(a):
    w, v = np.linalg.eig(a)
    total = 0.0
    for k in range(3):
        total += np.abs(v[:, k].conj() @ a @ v[:, k])
    return total


def the_first(a):
    w = np.linalg.eigvals(a)
    i = np.argmax(w.real)
    return w[i].real ** 2 + w[i].imag ** 2


def stored(a):
    w = np.linalg.eigvals(a)
    z = np.zeros(3, complex)
    z[:] = w
    z[0] *= 2j
    return np.sum(np.abs(z))


def as_complex(a):
    z = np.linalg.eigvals(a).astype(complex)
    z[1] = 3.0
    return np.sum(np.abs(z))


PROGRAMS = [
    largest, a_function_of_a_matrix, one_by_one, in_a_loop, told_apart, with_complex_numbers,
    by_vectors, the_first, stored, as_complex,
]  # fmt: skip


@both
@pytest.mark.parametrize("program", PROGRAMS)
def test_eigenvalues_have_derivatives_whichever_they_are(program, a):
    right(program, a)


@both
@pytest.mark.parametrize("program", [largest, a_function_of_a_matrix])
def test_they_have_second_derivatives(program, a):
    check_grads(program, (a,))


def test_both_are_differentiated_by_one_compiled_function():
    df = grad(largest, fallback="error")
    df(TURNING)
    source = df.source
    df(UNLIKE)
    assert df.source == source


@both
def test_what_is_returned_may_be_either(a):
    value, pull = vjp(np.linalg.eigvals, a)
    d_out = np.ones_like(value)
    _, dot = jvp(np.linalg.eigvals, (a,), (a,))
    assert dot.dtype == value.dtype
    np.testing.assert_allclose(np.sum(pull(d_out)[0] * a), np.real(np.sum(dot)))


def test_what_is_returned_may_be_either_by_a_branch():
    def by_branch(x, c):
        return (x * (1 + 2j) if c else x * x)[1]

    df = grad(by_branch, fallback="error")
    np.testing.assert_array_equal(df(np.array([1.0, 2.0]), np.bool_(False)), [0.0, 4.0])
    with pytest.raises(NonScalarOutputError, match="returns a complex number"):
        df(np.array([1.0, 2.0]), np.bool_(True))


def test_a_sum_of_eigenvalues_has_a_gradient_where_it_is_real():
    def total(a):
        return np.sum(np.linalg.eigvals(a))

    right(total, UNLIKE)
    with pytest.raises(NonScalarOutputError, match="returns a complex number"):
        grad(total, fallback="error")(TURNING)


def test_a_store_into_what_may_be_real_is_refused():
    def changed(a):
        w = np.linalg.eigvals(a)
        w[0] = 3.0
        return np.sum(np.abs(w))

    with pytest.raises(UnsupportedSyntaxError, match="astype"):
        grad(changed, fallback="error")(TURNING)


def test_a_view_of_what_may_be_real_is_not_written():
    def changed(a):
        w = np.linalg.eigvals(a)
        r = w.real
        r[0] = 0.0
        return np.sum(r * r) + np.sum(np.abs(w))

    with pytest.raises(UnsupportedSyntaxError):
        grad(changed, fallback="error")(UNLIKE)


def test_the_dtype_of_what_may_be_real_is_not_folded():
    def by_dtype(a):
        w = np.linalg.eigvals(a)
        return np.sum(np.abs(w)) if w.dtype == complex else np.sum(w)

    with pytest.raises(UnsupportedSyntaxError, match="dtype"):
        grad(by_dtype, fallback="error")(UNLIKE)


def test_single_precision_stays():
    assert grad(largest, fallback="error")(TURNING.astype("f4")).dtype == np.float32


@pytest.mark.parametrize("p", [[1.0, 2.0, 3.0, 4.0], [1.5, -2.0, -3.0, 0.7]])
def test_roots_have_second_derivatives(p):
    def by_roots(p):
        return np.sum(np.abs(np.roots(p)) ** 3)

    right(by_roots, np.array(p))
    check_grads(by_roots, (np.array(p),))


@pytest.mark.parametrize("a", [TURNING, UNLIKE, TURNING @ TURNING.T])
def test_square_roots_of_matrices_may_be_complex(a):
    linalg = pytest.importorskip("scipy.linalg")

    def by_root(a):
        return np.sum(np.abs(linalg.sqrtm(a)) ** 2)

    right(by_root, a)
    check_grads(by_root, (a,))


@pytest.mark.parametrize("z", [np.array([1.0 + 2.0j, 3.0 - 1.0j]), np.array([1.0, -2.0])])
def test_a_part_that_is_close_to_nothing_is_left_away(z):
    def close(z):
        return np.sum(np.abs(np.real_if_close(z * z)) ** 2)

    right(close, z)
    check_grads(close, (z,))
    check_grads(np.real_if_close, (z,))


def test_what_is_left_away_has_no_derivative():
    def close(x):
        return np.sum(np.real_if_close(x * (1 + 0j)) ** 2)

    right(close, np.array([1.0, -2.0]))
    (d_z,) = pullback(np.real_if_close)(np.array([1.0 + 0j, 2.0]), d_out=np.array([1.0, 2.0]))
    assert d_z.dtype == complex
    np.testing.assert_array_equal(d_z, [1.0, 2.0])
