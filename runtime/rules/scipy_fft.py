"""Rules of the cosine and sine transforms of `scipy.fft`, registered when SciPy is there.

    y = dct(x, norm="ortho")    →    d_x = idct(d_y, norm="ortho")

A transform is a matrix: its adjoint is a transform of another type, with a factor at the ends. Of
the Fourier transforms, those of `numpy.fft` stand in their place.
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import fft

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import sample, spread, vjp_rule

PARTNER = {1: 1, 2: 3, 3: 2, 4: 4}
OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def at_end(d, axis, place, factor):
    """An array of which the first or the last part along an axis is multiplied."""
    n = np.shape(d)[axis]
    w = np.where(np.arange(n) == place % n, factor, 1.0)
    return d * np.reshape(w, (n,) + (1,) * (np.ndim(d) - 1 - axis % np.ndim(d)))


def resized(d, n, axis):
    """The part of an array that a transform of length `np.shape(d)[axis]` has read, or all of it
    and zeros."""
    size = np.shape(d)[axis]
    if n is None:
        return d
    rows = np.moveaxis(d, axis, 0)
    rows = np.concatenate((rows, np.zeros((max(n - size, 0), *np.shape(rows)[1:]), d.dtype)))
    return np.moveaxis(rows[:n], 0, axis)


def is_orthogonal(norm, orthogonalize):
    if orthogonalize is None:
        return norm == "ortho"
    if orthogonalize != (norm == "ortho"):
        raise NoRuleError("a transform of scipy.fft with orthogonalize=", instead="Leave it out.")
    return orthogonalize


def cosine_adjoint(d, type, axis, norm, orthogonalize):  # noqa: A002
    """The transposed matrix of `dct` times an array."""
    if is_orthogonal(norm, orthogonalize):
        return fft.idct(d, type, None, axis, norm)
    if type == 2:
        return fft.dct(at_end(d, axis, 0, 2.0), 3, None, axis, norm)
    if type == 3:
        return at_end(fft.dct(d, 2, None, axis, norm), axis, 0, 0.5)
    if type == 4:
        return fft.dct(d, 4, None, axis, norm)
    inner = at_end(at_end(d, axis, 0, 2.0), axis, -1, 2.0)
    return at_end(at_end(fft.dct(inner, 1, None, axis, norm), axis, 0, 0.5), axis, -1, 0.5)


def sine_adjoint(d, type, axis, norm, orthogonalize):  # noqa: A002
    """The transposed matrix of `dst` times an array."""
    if is_orthogonal(norm, orthogonalize):
        return fft.idst(d, type, None, axis, norm)
    if type == 2:
        return fft.dst(at_end(d, axis, -1, 2.0), 3, None, axis, norm)
    if type == 3:
        return at_end(fft.dst(d, 2, None, axis, norm), axis, -1, 0.5)
    return fft.dst(d, type, None, axis, norm)


TRANSFORMED = [
    (spread(4),),
    (spread(5), 1),
    (spread(4), 3),
    (spread(4), 4),
    sample(spread(3, 4), norm="ortho"),
    sample(spread(3, 4), axis=0, norm="forward"),
    (spread(5), 1, None, -1, "forward"),
    (spread(5), 3, None, -1, "backward"),
    (spread(4), 2, 6),
    sample(spread(4, 3), 3, 3, 0, norm="forward"),
]


@vjp_rule(fft.dct, at=TRANSFORMED, linear=True)
def dct_vjp(d_out, out, x, type=2, n=None, axis=-1, norm=None, overwrite_x=False,  # noqa: A002
            workers=None, orthogonalize=None):  # fmt: skip
    """out = the cosine transform of x"""
    d = cosine_adjoint(d_out, type, axis, norm, orthogonalize)
    return resized(d, None if n is None else np.shape(x)[axis], axis)


@vjp_rule(fft.idct, at=TRANSFORMED, linear=True)
def idct_vjp(d_out, out, x, type=2, n=None, axis=-1, norm=None, overwrite_x=False,  # noqa: A002
             workers=None, orthogonalize=None):  # fmt: skip
    """out = the inverse of the cosine transform"""
    d = cosine_adjoint(d_out, PARTNER[type], axis, OPPOSITE[norm], orthogonalize)
    return resized(d, None if n is None else np.shape(x)[axis], axis)


@vjp_rule(fft.dst, at=TRANSFORMED, linear=True)
def dst_vjp(d_out, out, x, type=2, n=None, axis=-1, norm=None, overwrite_x=False,  # noqa: A002
            workers=None, orthogonalize=None):  # fmt: skip
    """out = the sine transform of x"""
    d = sine_adjoint(d_out, type, axis, norm, orthogonalize)
    return resized(d, None if n is None else np.shape(x)[axis], axis)


@vjp_rule(fft.idst, at=TRANSFORMED, linear=True)
def idst_vjp(d_out, out, x, type=2, n=None, axis=-1, norm=None, overwrite_x=False,  # noqa: A002
             workers=None, orthogonalize=None):  # fmt: skip
    """out = the inverse of the sine transform"""
    d = sine_adjoint(d_out, PARTNER[type], axis, OPPOSITE[norm], orthogonalize)
    return resized(d, None if n is None else np.shape(x)[axis], axis)
