"""Distributions of SciPy."""

import numpy as np
from scipy import special, stats

from tests.gallery import some
from tests.support import line


@line("`stats.norm.logpdf(x, mu, sigma)` by position or keyword, in a loop", some(5), 0.3, 1.2,
      wrt=(0, 1, 2))  # fmt: skip
def density_in_a_loop(x, mu, sigma):
    total = 0.0
    for i in range(len(x)):
        total += stats.norm.logpdf(x[i], loc=mu, scale=sigma * (1 + i))
    return total


@line("a frozen distribution: made, passed to a helper, several of its methods called",
      some(5) ** 2 + 0.3, 1.7, 0.8, wrt=(0, 1, 2))  # fmt: skip
def frozen_in_a_helper(x, a, scale):
    def score(d, y):
        return np.sum(d.logpdf(y)) - d.mean()

    return score(stats.gamma(a, scale=scale), x) + score(stats.expon(scale=a), x)


@line("a family chosen by an `if` on a value, densities stored in an array", some(5), 1.3,
      wrt=(0, 1))  # fmt: skip
def stored_by_branch(x, sigma):
    out = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > 0:
            out[i] = stats.norm.logcdf(x[i], 0.1, sigma)
        else:
            out[i] = stats.t.logpdf(x[i], 3.0, scale=sigma)
    return np.sum(out * out)


@line("a mixture: `special.logsumexp` of weighted log densities", some(6), np.array([-0.5, 0.7]),
      np.array([0.8, 1.3]), np.array([0.2, -0.1]), wrt=(1, 2, 3))  # fmt: skip
def mixture(x, mu, sigma, w):
    each = stats.norm.logpdf(x[:, None], mu, sigma) + special.log_softmax(w)
    return np.sum(special.logsumexp(each, axis=1))


@line("`stats.multivariate_normal` and `stats.poisson` in a likelihood", some(4, 2),
      np.array([0.1, -0.2]), np.array([[1.0, 0.3], [0.3, 0.8]]), 1.4, wrt=(1, 2, 3))  # fmt: skip
def likelihood(x, mean, cov, rate):
    counts = np.array([0, 2, 1, 3])
    return np.sum(stats.multivariate_normal.logpdf(x, mean, cov)) + np.sum(
        stats.poisson(rate).logpmf(counts)
    )


@line("random numbers by inverse distribution functions: `stats.norm.ppf(u, mu, sigma)`",
      np.array([0.2, 0.5, 0.9]), 0.3, 1.2, wrt=(1, 2))  # fmt: skip
def reparameterised(u, mu, sigma):
    z = stats.norm.ppf(u, mu, sigma)
    return np.mean(np.exp(z)) + np.sum(stats.gumbel_r.isf(u, mu, sigma))
