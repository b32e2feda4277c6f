"""Functions of NumPy and SciPy that have no rule: their own Python code is compiled."""

import numpy as np
import pytest

from srcdiff import value_and_grad
from tests.gallery import some
from tests.judge import right
from tests.tape import value_and_grad_on_tape

pytest.importorskip("scipy")
import scipy.fft  # noqa: E402
import scipy.integrate  # noqa: E402
import scipy.linalg  # noqa: E402
import scipy.optimize  # noqa: E402
import scipy.signal  # noqa: E402
import scipy.spatial.distance as distance  # noqa: E402
import scipy.special  # noqa: E402
import scipy.stats  # noqa: E402

CALLS = {
    "rosen": (lambda x: scipy.optimize.rosen(x), some(4)),
    "rosen_der": (lambda x: np.sum(scipy.optimize.rosen_der(x) ** 2), some(4)),
    "rosen_hess_prod": (lambda x: np.sum(scipy.optimize.rosen_hess_prod(x, x * 2)), some(4)),
    "logsumexp": (lambda x: np.sum(scipy.special.logsumexp(x, axis=1) ** 2), some(3, 4)),
    "log_softmax": (lambda x: np.sum(scipy.special.log_softmax(x, axis=1) ** 2), some(3, 4)),
    "entropy": (lambda x: scipy.stats.entropy(x**2), some(6)),
    "sem": (lambda x: scipy.stats.sem(x), some(6)),
    "trapezoid": (lambda x: scipy.integrate.trapezoid(x**2, dx=0.2), some(6)),
    "cumulative": (lambda x: np.sum(scipy.integrate.cumulative_trapezoid(x**2) ** 2), some(6)),
    "fixed_quad": (
        lambda x: scipy.integrate.fixed_quad(lambda t: np.exp(-x[0] * t), 0, 1, n=4)[0], some(2)
    ),
    "euclidean": (lambda x: distance.euclidean(x, np.ones(4)), some(4)),
    "cosine": (lambda x: distance.cosine(x, np.ones(4)), some(4)),
    "correlation": (lambda x: distance.correlation(x, np.arange(4.0)), some(4)),
    "minkowski": (lambda x: distance.minkowski(x, np.ones(4), 3), some(4)),
    "braycurtis": (lambda x: distance.braycurtis(x**2, np.ones(4)), some(4)),
    "gausspulse": (lambda x: np.sum(scipy.signal.gausspulse(x, fc=2)), some(5)),
    "polyder": (lambda x: np.sum(np.polyder(x) ** 2), some(4)),
    "polyadd": (lambda x: np.sum(np.polyadd(x, [1.0, 2.0]) ** 2), some(3)),
    "polynomial": (lambda x: np.polynomial.polynomial.polyval(x[0], x), some(3)),
    "chebyshev": (lambda x: np.polynomial.chebyshev.chebval(x[0], x), some(4)),
    "legendre": (lambda x: np.polynomial.legendre.legval(0.3, x), some(4)),
    "polymul": (lambda x: np.sum(np.polymul(x[:3], x[2:]) ** 3), some(5)),
    "lfilter": (lambda x: np.sum(scipy.signal.lfilter([0.2, 0.3], [1.0, 0.4], x) ** 2), some(6)),
    "lfilter_of_coefficients": (
        lambda x: np.sum(scipy.signal.lfilter([x[0], x[1]], [2.0, x[2]], x) ** 2), some(6)
    ),
    "sosfilt": (
        lambda x: np.sum(
            scipy.signal.sosfilt(np.array([[0.1, 0.2, 0.1, 1.0, 0.3, 0.1]]), x) ** 2), some(6)
    ),
    "filtfilt": (lambda x: np.sum(scipy.signal.filtfilt([0.2, 0.3], [1.0, 0.4], x) ** 2), some(9)),
    "lfilter_zi": (lambda x: np.sum(scipy.signal.lfilter_zi(x[:3], x[3:] + 2) ** 2), some(6)),
    "scipy_fft": (lambda x: np.sum(np.abs(scipy.fft.fft(x, axis=0)) ** 3), some(4, 2)),
    "scipy_rfft": (lambda x: np.sum(scipy.fft.rfft(x).imag ** 3), some(6)),
    "logsumexp_with_signs": (
        lambda x: np.sum(scipy.special.logsumexp(
            x, axis=1, b=np.array([1.0, -3.0, 0.5]), return_sign=True)[0] ** 2), some(4, 3)
    ),
    "arange_with_a_step_alone": (lambda x: np.sum(x * np.arange(3, stop=None, step=1)), some(3)),
    "select": (
        lambda x: np.sum(np.select([x > 1, x > 0], [x**2, np.sin(x)], -1.0) * x), some(6)
    ),
    "piecewise": (
        lambda x: np.sum(np.piecewise(x, [x > 0.2], [np.sqrt, lambda t: t**3]) ** 2), some(6)
    ),
    "quantile": (lambda x: np.sum(np.quantile(x, [0.2, 0.75], axis=0) ** 2), some(5, 2)),
    "percentile": (lambda x: np.percentile(x, 30) ** 2, some(3, 3)),
    "nanvar": (lambda x: np.nanvar(np.where(x > 0.5, np.nan, x)), some(7)),
    "nanstd": (lambda x: np.sum(np.nanstd(x, axis=1, ddof=1)), some(2, 4)),
    "nanpercentile": (lambda x: np.nanpercentile(np.where(x > 0.5, np.nan, x), 40), some(7)),
    "broadcast_arrays": (lambda x: np.sum(np.broadcast_arrays(x[0], x)[0] * x), some(3)),
    "require": (lambda x: np.sum(np.require(x, requirements=["C"]) ** 2), some(3)),
    "r_": (lambda x: np.sum(np.r_[0, x, 1.5, x[::-1]] ** 2 * np.arange(8.0)), some(3)),
    "r_of_numbers": (lambda x: np.sum(np.r_[x[0], x[1] ** 2] ** 2), some(2)),
    "r_of_matrices": (lambda x: np.sum(np.r_[x, x**2] ** 2), some(2, 2)),
    "c_": (lambda x: np.sum(np.c_[x, np.ones(3)] @ some(2, 3)), some(3)),
    "c_of_a_matrix": (lambda x: np.sum(np.c_[x**2, x[:, 0]] ** 2), some(3, 2)),
    "solve": (lambda x: np.sum(scipy.linalg.solve(x + 3 * np.eye(3), x[0])), some(3, 3)),
    "inv": (lambda x: np.sum(scipy.linalg.inv(x + 3 * np.eye(3))), some(3, 3)),
    "det": (lambda x: scipy.linalg.det(x + 3 * np.eye(3)), some(3, 3)),
    "cholesky": (lambda x: np.sum(scipy.linalg.cholesky(x @ x.T + np.eye(3)) ** 3), some(3, 3)),
    "cho_solve": (
        lambda x: np.sum(scipy.linalg.cho_solve(
            scipy.linalg.cho_factor(x @ x.T + np.eye(3), lower=True), x[0])), some(3, 3)
    ),
    "solve_triangular": (
        lambda x: np.sum(scipy.linalg.solve_triangular(x + 3 * np.eye(3), x[0])), some(3, 3)
    ),
    "eigvalsh": (lambda x: np.sum(scipy.linalg.eigvalsh(x + x.T) ** 3), some(3, 3)),
    "svdvals": (lambda x: np.sum(scipy.linalg.svdvals(x) ** 3), some(3, 3)),
    "matrix_power": (lambda x: np.sum(np.linalg.matrix_power(x, 3)), some(3, 3)),
    "multi_dot": (lambda x: np.sum(np.linalg.multi_dot([x, x, x])), some(3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_library_code(name):
    right(*CALLS[name])


ON_THE_TAPE = {
    "freqz": (
        lambda x: np.sum(np.abs(scipy.signal.freqz(x[:3], x[3:] + 3, worN=8)[1]) ** 2), some(6)
    ),
    "savgol_filter": (lambda x: np.sum(scipy.signal.savgol_filter(x, 5, 2) ** 2), some(7)),
    "boxcox_llf": (lambda x: scipy.stats.boxcox_llf(x[0], x**2 + 1), some(5)),
    "symiirorder1": (
        lambda x: np.sum(scipy.signal.symiirorder1(np.tile(x, 6), 0.5, 0.3) ** 2), some(5)
    ),
    "symiirorder2": (
        lambda x: np.sum(scipy.signal.symiirorder2(np.tile(x, 12), 0.3, 0.7) ** 2), some(5)
    ),
    "solve_of_a_transposed_matrix": (
        lambda x: np.sum(scipy.linalg.solve(x + 3 * np.eye(3), x[0], transposed=True)), some(3, 3)
    ),
    "ttest_rel": (lambda x: scipy.stats.ttest_rel(x, x**2 + np.arange(5.0))[0], some(5)),
    "combine_pvalues": (lambda x: np.sum(scipy.stats.combine_pvalues(x[0] ** 2)[1]), some(1)),
}  # fmt: skip


@pytest.mark.parametrize("name", ON_THE_TAPE)
def test_library_code_that_the_tape_runs(name):
    f, x = ON_THE_TAPE[name]
    value, d_x = value_and_grad_on_tape(f)(x)
    assert np.allclose(value, f(x))
    steps = 1e-6 * np.eye(x.size).reshape(x.size, *x.shape)
    expected = np.reshape([(f(x + h) - f(x - h)) / 2e-6 for h in steps], x.shape)
    assert np.allclose(d_x, expected, rtol=1e-5, atol=1e-6)


def test_a_rotation_from_the_svd_of_a_square_matrix_without_full_rank():
    flat = some(3, 3) - np.mean(some(3, 3), axis=1, keepdims=True)

    def turned(x):
        moved = x - np.mean(x, axis=1).reshape(3, 1)
        u, _, vh = np.linalg.svd(np.dot(np.cos(3 * flat).T, moved.T) @ flat)
        rotation = u @ vh
        if np.linalg.det(rotation) < 0:
            rotation -= np.outer(u[:, 2], vh[2] * 2)
        return np.sum(rotation * some(3, 3) ** 2)

    right(turned, some(3, 3))


@pytest.mark.parametrize("name", ["quantile", "select", "r_", "c_", "lfilter", "solve"])
def test_library_code_of_float32(name):
    f, x = CALLS[name]
    right(f, x.astype(np.float32))


def test_quantiles_of_a_nan_are_nan():
    assert np.isnan(value_and_grad(lambda x: np.quantile(x, 0.5), fallback="error")(
        np.array([1.0, np.nan, 2.0]))[0])  # fmt: skip


def test_library_code_in_loops_and_branches():
    def smoothed(x, n):
        for i in range(n):
            x[i] += 1.0
            y = scipy.signal.lfilter([0.5], [1.0, -0.5], np.r_[0.0, x])
            x = y[1:] if np.quantile(y, 0.4) > 0.1 else np.select([x > 0], [x * 2], 0.1)
        return np.sum(x**2)

    right(smoothed, some(4), 3)
    right(smoothed, -some(4), 3)
    right(smoothed, some(4), 0)
