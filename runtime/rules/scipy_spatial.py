"""Rules of `scipy.spatial.distance`, registered when SciPy is there.

    y = cdist(a, b)    →    d_a = the sums over b of d_y * (a - b) / y, and 0 where y is 0
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy.spatial import distance

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import add_at
from srcdiff.runtime.registry import sample, spread, vjp_rule

METRICS = ("euclidean", "sqeuclidean", "cityblock")


def along(d_out, out, apart, metric):
    """The gradient of the differences of which the distances are."""
    if np.iscomplexobj(apart):
        raise NoRuleError("distances of complex numbers", instead="Use real ones.")
    if metric == "euclidean":
        return (d_out / np.where(out == 0, 1, out))[..., None] * apart
    if metric == "sqeuclidean":
        return 2 * d_out[..., None] * apart
    if metric == "cityblock":
        return d_out[..., None] * np.sign(apart)
    raise NoRuleError("scipy.spatial.distance with this metric",
                      instead='Use "euclidean", "sqeuclidean" or "cityblock".')  # fmt: skip


@vjp_rule(
    distance.cdist,
    at=[(spread(3, 2), spread(4, 2) + 0.3), *(
        sample(spread(3, 2), spread(2, 2) - 0.4, metric=metric) for metric in METRICS)],
)  # fmt: skip
def cdist_vjp(d_out, out, XA, XB, metric="euclidean"):  # noqa: N803
    """out[i, j] = the distance of XA[i] and XB[j]"""
    d_apart = along(d_out, out, XA[:, None] - XB, metric)
    return np.sum(d_apart, axis=1), -np.sum(d_apart, axis=0)


@vjp_rule(
    distance.pdist, at=[spread(4, 2), *(sample(spread(4, 3), metric=metric) for metric in METRICS)]
)
def pdist_vjp(d_out, out, X, metric="euclidean"):  # noqa: N803
    """out = the distances of X[i] and X[j], for each i < j"""
    i, j = np.triu_indices(np.shape(X)[0], 1)
    d_apart = along(d_out, out, X[i] - X[j], metric)
    return add_at(add_at(np.zeros_like(X), i, d_apart), j, -d_apart)
