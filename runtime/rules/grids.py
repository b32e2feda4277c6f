"""Rules of what makes grids, and of arrays that are broadcast together.

x, y = np.meshgrid(u, v)    →    d_u = np.sum(d_x, axis=0);  d_v = np.sum(d_y, axis=1)
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.kernels import without
from srcdiff.runtime.registry import sample, spread, vjp_rule


def fractions(num, endpoint, rank, axis):
    """Where the points of a grid lie between its ends, along an axis of an array of this rank.

    >>> fractions(3, True, 2, 0)
    array([[0. ],
           [0.5],
           [1. ]])
    """
    t = np.linspace(0, 1, num) if endpoint else np.linspace(0, 1, num, endpoint=False)
    after = rank - 1 - axis % rank
    return t if after == 0 else np.reshape(t, (-1,) + (1,) * after)


def over_grid(d, axis):
    """The gradient of an end that is an array, from that of the grid between the ends."""
    return np.sum(d, axis=axis)


@vjp_rule(
    np.linspace,
    at=[
        (0.7, 2.0, 5),
        sample(0.7, 2.0, num=4, endpoint=False),
        (spread(3), 1.5, 4),
        (0.7, 2.0, 1),
        sample(spread(2, 3), spread(3), 4, axis=1),
        sample(0.7, spread(3), 4, endpoint=False, axis=-1),
    ],
    linear="start stop",
)
def linspace_vjp(
    d_out, out, start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *,
    device=None,
):  # fmt: skip
    """out = start + t * (stop - start)"""
    if retstep:
        raise NoRuleError("np.linspace with retstep=True", instead="Compute the step yourself.")
    t = fractions(num, endpoint, np.ndim(out), axis)
    return over_grid(d_out * (1 - t), axis), over_grid(d_out * t, axis)


@vjp_rule(
    np.logspace,
    at=[
        (0.1, 0.7, 5),
        sample(0.1, 0.7, num=4, endpoint=False, base=2.5),
        (spread(3, high=1.0), 0.5, 4),
        sample(spread(2, 3, high=1.0), spread(3, high=0.7), 4, axis=1),
        sample(0.2, spread(3, high=1.0), 4, base=1.5, axis=-1),
    ],
)
def logspace_vjp(d_out, out, start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """out = base ** (start + t * (stop - start))"""
    if np.ndim(base) > 0:
        raise NoRuleError("np.logspace with several bases", instead="Call it once for each.")
    t = fractions(num, endpoint, np.ndim(out), axis)
    d = d_out * out
    d_power = np.log(base) * d
    d_base = d * np.linspace(start, stop, num, endpoint, axis=axis) / base
    d_start, d_stop = over_grid(d_power * (1 - t), axis), over_grid(d_power * t, axis)
    return d_start, d_stop, None, None, np.sum(d_base)


@vjp_rule(
    np.geomspace,
    at=[
        (0.7, 2.0, 5),
        sample(0.7, 2.0, num=4, endpoint=False),
        (spread(3, low=0.3), 1.5, 4),
        (-0.7, -2.0, 3),
        sample(spread(2, 3, low=0.3), spread(3, low=0.2), 4, axis=1),
        sample(0.7, spread(3, low=0.2), 4, axis=-1),
    ],
)
def geomspace_vjp(d_out, out, start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """out = start * (stop / start) ** t"""
    t = fractions(num, endpoint, np.ndim(out), axis)
    d = d_out * out
    return over_grid(d * (1 - t), axis) / start, over_grid(d * t, axis) / stop


@vjp_rule(
    np.meshgrid,
    at=[
        (spread(3), spread(4)),
        spread(3),
        (spread(2), 0.7, spread(3)),
        sample(spread(2), spread(3), spread(4), indexing="ij"),
        sample(spread(3), spread(4), sparse=True),
        sample(spread(2), spread(3), sparse=True, indexing="ij"),
    ],
    linear="xi",
)
def meshgrid_vjp(d_out, out, *xi, copy=True, sparse=False, indexing="xy"):
    """out[k] = xi[k] along an axis of its own"""
    d_xi, rank = (), len(xi)
    for i, x in enumerate(xi):
        own = 1 - i if indexing == "xy" and rank > 1 and i < 2 else i
        d = d_out[i] if sparse else np.sum(d_out[i], axis=without(rank, own))
        d_xi = (*d_xi, np.reshape(d, np.shape(x)))
    return d_xi


@vjp_rule(
    np.broadcast_arrays,
    at=[(spread(2, 3), spread(3)), (0.7, spread(3)), (spread(2, 1), spread(3), -1.2), spread(3)],
    linear="args",
)
def broadcast_arrays_vjp(d_out, out, *args, subok=False):
    """out[k] = args[k] in the shape of all together"""
    d_args = ()
    for i, _ in enumerate(args):
        d_args = (*d_args, d_out[i])
    return d_args


@vjp_rule(
    np.vander,
    at=[spread(4), (spread(4), 3), sample(spread(3), 5, increasing=True), (spread(3), 1)],
)
def vander_vjp(d_out, out, x, N=None, increasing=False):  # noqa: N803
    """out[:, j] = x ** (N - 1 - j), or x ** j"""
    n = np.shape(out)[1]
    if increasing:
        return np.sum(d_out[:, 1:] * out[:, :-1] * np.arange(1, n), axis=1)
    return np.sum(d_out[:, :-1] * out[:, 1:] * np.arange(n - 1, 0, -1), axis=1)
