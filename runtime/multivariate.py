"""The distributions of several variables of `scipy.stats`, and estimates of densities.

    multivariate_normal.logpdf(x, mean, cov)    →    factor = np.linalg.cholesky(cov)
                                                     z = solve_triangular(factor, (x - mean).T)

One factorisation gives the determinant and the distances. A matrix that has none is an error, where
SciPy's own code, which takes eigenvalues, has one too; with `allow_singular` there are eigenvalues.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.linalg import solve_triangular
from scipy.special import gammaln, logsumexp, xlogy

from srcdiff.runtime.families import pick
from srcdiff.runtime.kernels import is_constant
from srcdiff.runtime.marks import detach
from srcdiff.runtime.stand_ins import Frozen

MULTIVARIATE = "scipy.stats._multivariate"


def double(x):
    """x in double precision; a list as an array"""
    if isinstance(x, float):
        return x
    x = np.asarray(x)
    return x if x.dtype == np.float64 else x.astype(np.float64)


def squeezed(out):
    """Without the axes of length 1; a number of one."""
    return out if np.ndim(out) == 0 else np.squeeze(out)[()]


def distances(x, center, shape):
    """Of points x from a center, squared, and measured by a matrix; its log determinant, its size

    shape   a matrix, the diagonal of one, or a number that multiplies the unit matrix
    """
    shape = double(shape)
    if center is None and np.ndim(shape) == 2:
        dim = shape.shape[0]
    else:
        dim = 1 if center is None or np.ndim(center) == 0 else np.asarray(center).shape[0]
    x = double(x)
    if np.ndim(x) == 1 and dim == 1:
        x = x[:, None]
    off = x if center is None else x - double(center)
    if np.ndim(shape) == 2:
        factor = np.linalg.cholesky(shape)
        points = off.T if np.ndim(off) <= 2 else off.reshape(-1, dim).T
        scaled = solve_triangular(factor, points, lower=True, check_finite=False)
        square = np.sum(scaled**2, axis=0)
        if np.ndim(off) > 2:
            square = square.reshape(off.shape[:-1])
        return square, 2 * np.sum(np.log(np.diagonal(factor))), dim
    if np.any(shape <= 0):
        raise np.linalg.LinAlgError("the matrix must be symmetric positive definite")
    square = off**2 / shape
    square = square if np.ndim(off) == 0 else np.sum(square, axis=-1)
    if np.ndim(shape) == 1:
        return square, np.sum(np.log(shape)), dim
    return square, dim * np.log(shape), dim


def normal_logpdf(dist, x, mean=None, cov=1, allow_singular=False):
    if allow_singular:
        return singular_logpdf(x, mean, cov)
    square, log_det, dim = distances(x, mean, cov)
    return squeezed(-0.5 * (dim * np.log(2 * np.pi) + log_det + square))


def singular_logpdf(x, mean, cov):
    """Of a covariance that may be singular: the density on its range, and -inf elsewhere."""
    x, cov = double(x), double(cov)
    if np.ndim(cov) == 1:
        cov = np.diag(cov)
    elif np.ndim(cov) == 0:
        cov = cov * np.eye(1 if mean is None or np.ndim(mean) == 0 else np.asarray(mean).shape[0])
    if np.ndim(x) == 0:
        x = np.reshape(x, (1,))
    elif np.ndim(x) == 1 and cov.shape[0] == 1:
        x = x[:, None]
    off = x if mean is None else x - double(mean)
    w, basis = np.linalg.eigh(detach(cov))
    small = 1e6 * np.finfo(np.float64).eps  # as SciPy has it
    if np.min(w) < -small * np.max(np.abs(w)):
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    kept = w > small * np.max(np.abs(w))
    square = np.sum(off @ np.linalg.pinv(cov, small, hermitian=True) * off, axis=-1)
    log_det = np.sum(np.log(np.where(kept, np.linalg.eigvalsh(cov), 1.0)))
    out = -0.5 * (np.sum(kept) * np.log(2 * np.pi) + log_det + square)
    beyond = np.linalg.norm(np.where(kept, 0.0, detach(off) @ basis), axis=-1)
    inside = beyond < 1e3 * small * np.max(np.abs(w))
    return squeezed(np.where(inside, out, -np.inf)[()])


def normal_pdf(dist, x, mean=None, cov=1, allow_singular=False):
    return np.exp(normal_logpdf(dist, x, mean, cov, allow_singular))


def normal_entropy(dist, mean=None, cov=1):
    zero = 0.0 if mean is None else mean
    _, log_det, dim = distances(zero, mean, cov)
    return 0.5 * (dim * (np.log(2 * np.pi) + 1) + log_det)


def t_logpdf(dist, x, loc=None, shape=1, df=1):
    if is_constant(df) and df == np.inf:
        return normal_logpdf(dist, x, loc, shape)
    if df <= 0:
        raise ValueError("'df' must be greater than zero.")
    square, log_det, dim = distances(x, loc, shape)
    half = 0.5 * (df + dim)
    constant = gammaln(half) - gammaln(0.5 * df) - dim / 2 * np.log(df * np.pi) - 0.5 * log_det
    return squeezed(constant - half * np.log1p(square / df))


def t_pdf(dist, x, loc=None, shape=1, df=1):
    return np.exp(t_logpdf(dist, x, loc, shape, df))


def on_simplex(p):
    """Probabilities, the last of which is what the others leave where they do not sum to 1."""
    p = double(p)
    gap = np.abs(1 - np.sum(p, axis=-1)) > 10 * np.finfo(np.float64).eps
    last = pick(gap, 1 - np.sum(p[..., :-1], axis=-1), p[..., -1])
    return np.concatenate((p[..., :-1], np.expand_dims(last, -1)), axis=-1)


def multinomial_logpmf(dist, x, n, p):
    p, x, n = on_simplex(p), detach(np.asarray(x)), np.asarray(n) if np.ndim(n) else n
    possible = np.all(x >= 0, axis=-1) & (np.sum(x, axis=-1) == n)
    fine = np.all((p >= 0) & (p <= 1), axis=-1)
    counts = np.where(x < 0, 0, x)
    out = gammaln(n + 1) + np.sum(xlogy(counts, p) - gammaln(counts + 1), axis=-1)
    return pick(fine, pick(possible, out, -np.inf), np.nan)


def multinomial_pmf(dist, x, n, p):
    return np.exp(multinomial_logpmf(dist, x, n, p))


def frozen_normal(mean=None, cov=1, allow_singular=False, seed=None):
    if allow_singular:
        raise ValueError("a frozen normal distribution with allow_singular=True")
    return Frozen(stats.multivariate_normal, (mean, cov), {})


def frozen_t(loc=None, shape=1, df=1, allow_singular=False, seed=None):
    return Frozen(stats.multivariate_t, (loc, shape, df), {})


# ------------------------------------------------------------------------- estimates of densities


def kernel_sums(points, values, xi, cho_cov, dtype=None, precision=None):
    """`scipy.stats._stats.gaussian_kernel_estimate`: sums of normal densities around points"""
    energy, norm = energies(points.T, xi.T, cho_cov)
    return np.exp(-energy).T @ values * norm


def log_kernel_sums(points, values, xi, cho_cov, dtype=None, precision=None):
    """`scipy.stats._stats.gaussian_kernel_estimate_log`"""
    energy, norm = energies(points.T, xi.T, cho_cov)
    return logsumexp(np.log(values.T) - energy.T, axis=1, keepdims=True) + np.log(norm)


def energies(data, points, factor):
    """Of columns of points around columns of data, and the height of a normal density

    factor   that of Cholesky of the covariance
    """
    if data.shape[0] == 1:
        width = factor[0, 0]
        scaled = (points - data.T) / width
        return 0.5 * scaled**2, 1 / (np.sqrt(2 * np.pi) * width)
    around = solve_triangular(factor, data, lower=True, check_finite=False)
    at = solve_triangular(factor, points, lower=True, check_finite=False)
    off = around[:, :, None] - at[:, None, :]
    height = 1 / np.prod(np.sqrt(2 * np.pi) * np.diagonal(factor))
    return 0.5 * np.sum(off**2, axis=0), height


class Density:
    """`scipy.stats.gaussian_kde`, made in a function that is compiled"""

    def __init__(self, dataset, bw_method=None, weights=None):
        data = np.asarray(dataset)
        self.data, self.d, n = data, 1 if data.ndim == 1 else data.shape[0], data.shape[-1]
        if weights is None:
            self.weights, self.neff = np.ones(n) / n, n
        else:
            self.weights = np.asarray(weights) / np.sum(weights)
            self.neff = 1 / np.sum(self.weights**2)
        if bw_method is None or bw_method == "scott":
            self.factor = self.neff ** (-1.0 / (self.d + 4))
        elif bw_method == "silverman":
            self.factor = (self.neff * (self.d + 2.0) / 4.0) ** (-1.0 / (self.d + 4))
        else:
            self.factor = bw_method
        if data.ndim == 1:
            mean = self.weights @ data
            variance = self.weights @ (data - mean) ** 2 / (1 - np.sum(self.weights**2))
            self.width = self.factor * np.sqrt(variance)
        else:
            off = data - np.expand_dims(data @ self.weights, 1)
            covariance = (self.weights * off) @ off.T / (1 - np.sum(self.weights**2))
            self.width = self.factor * np.linalg.cholesky(covariance)

    def energies(self, points):
        """Of points around the data, and the height of a normal density."""
        points = np.asarray(points)
        if self.data.ndim == 1:
            points = points if points.ndim == 1 else np.ravel(points)
            scaled = (points - self.data[:, None]) / self.width
            return 0.5 * scaled**2, 1 / (np.sqrt(2 * np.pi) * self.width)
        points = points[:, None] if points.ndim == 1 else points
        return energies(self.data, points, self.width)

    def evaluate(self, points):
        energy, height = self.energies(points)
        return height * (self.weights @ np.exp(-energy))

    def __call__(self, points):
        return self.evaluate(points)

    def pdf(self, x):
        return self.evaluate(x)

    def logpdf(self, x):
        energy, height = self.energies(x)
        return np.log(height) + logsumexp(-energy, axis=0, b=self.weights[:, None])


def density(dataset, bw_method=None, weights=None):
    return Density(dataset, bw_method, weights)


KERNELS = "scipy.stats._stats"
TWINS: dict[tuple[str, str], Callable] = {
    **{
        (MULTIVARIATE, f"multivariate_normal_gen.{name}"): globals()[f"normal_{name}"]
        for name in ("logpdf", "pdf", "entropy")
    },
    (MULTIVARIATE, "multivariate_t_gen.logpdf"): t_logpdf,
    (MULTIVARIATE, "multivariate_t_gen.pdf"): t_pdf,
    (MULTIVARIATE, "multivariate_normal_frozen"): frozen_normal,
    (MULTIVARIATE, "multivariate_t_frozen"): frozen_t,
    ("scipy.stats._kde", "gaussian_kde"): density,
    (KERNELS, "gaussian_kernel_estimate[double]"): kernel_sums,
    (KERNELS, "gaussian_kernel_estimate_log[double]"): log_kernel_sums,
    (MULTIVARIATE, "multinomial_gen.logpmf"): multinomial_logpmf,
    (MULTIVARIATE, "multinomial_gen.pmf"): multinomial_pmf,
}
