"""Functions of NumPy and SciPy that have no rule: their own Python code is compiled."""

import numpy as np
import pytest

from tests.gallery import some
from tests.judge import right

pytest.importorskip("scipy")
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
    "matrix_power": (lambda x: np.sum(np.linalg.matrix_power(x, 3)), some(3, 3)),
    "multi_dot": (lambda x: np.sum(np.linalg.multi_dot([x, x, x])), some(3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_library_code(name):
    right(*CALLS[name])
