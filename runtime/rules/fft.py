"""Rules of `numpy.fft`: the transforms are linear, and symmetric but for scale and length.

y = np.fft.fft(x)    →    d_x = np.fft.fft(d_y)    (conjugation is left to the caller)
"""

# mypy: no-check-untyped-defs

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.registry import jvp_rule, sample, spread, vjp_rule

LINES = (spread(4), spread(5), spread(2, 4), sample(spread(4, 2), axis=0))
LENGTHS = ((spread(5), 3), (spread(4), 6), sample(spread(4), norm="ortho"), sample(spread(5), 8))
PLANES = (spread(3, 4), spread(2, 3, 4), sample(spread(3, 4), norm="ortho"))
SIZES = (
    sample(spread(3, 4), s=(2, 6), axes=(0, 1)),
    sample(spread(2, 3, 4), s=(4, 3), axes=(0, 2)),
)


@vjp_rule(
    kernels.with_length,
    at=[(spread(5), 3), (spread(3), 5), (spread(3), 3), (spread(2, 4), 2, 1), (spread(2, 4), 6, 0)],
    linear="d",
)
def with_length_vjp(d_out, out, d, n, axis=-1):
    """out[..., k] = d[..., k], where it has one"""
    return kernels.with_length(d_out, np.shape(d)[axis], axis), None


def shaped(d, shape, s, axes):
    """d with the lengths of `shape` along the axes that a transform has given the lengths s."""
    if s is None:
        return d
    for axis in range(-len(s), 0) if axes is None else axes:
        d = kernels.with_length(d, shape[axis], axis)
    return d


def inverse_norm(norm):
    """The norm with which the other transform has the scale of this one."""
    if norm == "ortho":
        return "ortho"
    return "backward" if norm == "forward" else "forward"


def half_weights(n, m):
    """How often a coefficient of `irfft` counts: all but the first and the middle one, twice."""
    k = np.arange(m)
    return np.where((k == 0) | (2 * k == n), 1.0, np.where(2 * k > n, 0.0, 2.0))


@vjp_rule(np.fft.fft, at=[*LINES, *LENGTHS], linear=True)
def fft_vjp(d_out, out, a, n=None, axis=-1, norm=None):
    """out[k] = sum(a[j] * exp(-2 pi i j k / n))"""
    d = np.fft.fft(d_out, axis=axis, norm=norm)
    return d if n is None else kernels.with_length(d, np.shape(a)[axis], axis)


@vjp_rule(np.fft.ifft, at=[*LINES, *LENGTHS], linear=True)
def ifft_vjp(d_out, out, a, n=None, axis=-1, norm=None):
    """a = fft(out)"""
    d = np.fft.ifft(d_out, axis=axis, norm=norm)
    return d if n is None else kernels.with_length(d, np.shape(a)[axis], axis)


@vjp_rule(np.fft.rfft, at=[*LINES, *LENGTHS], linear=True)
def rfft_vjp(d_out, out, a, n=None, axis=-1, norm=None):
    """out = the first half of fft(a)"""
    length = np.shape(a)[axis] if n is None else n
    d = np.fft.fft(kernels.with_length(d_out, length, axis), axis=axis, norm=norm)
    return d if n is None else kernels.with_length(d, np.shape(a)[axis], axis)


@vjp_rule(
    np.fft.irfft,
    at=[spread(4), (spread(4), 7), (spread(4), 5), (spread(3), 8), sample(spread(4, 2), axis=0),
        sample(spread(4) + 1j * spread(4)[::-1], norm="ortho"), spread(2, 3) + 0.5j,
        sample(spread(2, 4, 3), axis=-2), sample(spread(2, 4, 3), 8, axis=1)],
    analytic=False,
    linear=True,
)  # fmt: skip
def irfft_vjp(d_out, out, a, n=None, axis=-1, norm=None):
    """a = rfft(out)"""
    length, have = np.shape(out)[axis], np.shape(a)[axis]
    d = np.fft.rfft(d_out, axis=axis, norm=inverse_norm(norm))
    if axis == -1:
        return kernels.with_length(d * half_weights(length, np.shape(d)[-1]), have, -1)
    d = np.moveaxis(d, axis, -1)
    d = kernels.with_length(d * half_weights(length, np.shape(d)[-1]), have, -1)
    return np.moveaxis(d, -1, axis)


@vjp_rule(np.fft.fft2, at=[*PLANES, *SIZES, sample(spread(3, 4), s=(2, 6))], linear=True)
def fft2_vjp(d_out, out, a, s=None, axes=(-2, -1), norm=None):
    """out = fft along two axes"""
    return shaped(np.fft.fft2(d_out, axes=axes, norm=norm), np.shape(a), s, axes)


@vjp_rule(np.fft.ifft2, at=[*PLANES, *SIZES], linear=True)
def ifft2_vjp(d_out, out, a, s=None, axes=(-2, -1), norm=None):
    """out = ifft along two axes"""
    return shaped(np.fft.ifft2(d_out, axes=axes, norm=norm), np.shape(a), s, axes)


@vjp_rule(np.fft.fftn, at=[*PLANES, *SIZES, sample(spread(2, 3, 4), axes=(0, 2))], linear=True)
def fftn_vjp(d_out, out, a, s=None, axes=None, norm=None):
    """out = fft along all axes"""
    return shaped(np.fft.fftn(d_out, axes=axes, norm=norm), np.shape(a), s, axes)


@vjp_rule(np.fft.ifftn, at=[*PLANES, *SIZES, sample(spread(2, 3, 4), axes=(0, 2))], linear=True)
def ifftn_vjp(d_out, out, a, s=None, axes=None, norm=None):
    """out = ifft along all axes"""
    return shaped(np.fft.ifftn(d_out, axes=axes, norm=norm), np.shape(a), s, axes)


@vjp_rule(
    np.fft.rfft2,
    at=[*PLANES, *SIZES, spread(2, 3, 5), sample(spread(2, 3, 4), axes=(0, 1, 2)),
        sample(spread(2, 3, 4), s=(2, 4, 6), axes=(0, 1, 2))],
    linear=True,
)  # fmt: skip
def rfft2_vjp(d_out, out, a, s=None, axes=(-2, -1), norm=None):
    """out = rfft along the last of two axes, fft along the other"""
    whole = kernels.with_length(d_out, np.shape(a)[axes[-1]] if s is None else s[-1], axes[-1])
    return shaped(np.fft.fft2(whole, axes=axes, norm=norm), np.shape(a), s, axes)


@vjp_rule(np.fft.fftshift, at=[spread(4), spread(5), sample(spread(3, 4), axes=0)], linear=True)
def fftshift_vjp(d_out, out, x, axes=None):
    """out = x with the frequency 0 in the middle"""
    return np.fft.ifftshift(d_out, axes)


@vjp_rule(np.fft.ifftshift, at=[spread(4), spread(5), sample(spread(3, 4), axes=0)], linear=True)
def ifftshift_vjp(d_out, out, x, axes=None):
    """x = fftshift(out)"""
    return np.fft.fftshift(d_out, axes)


@vjp_rule(np.fft.fftfreq, np.fft.rfftfreq, at=[(8, 0.3), (5, 1.7)])
def fftfreq_vjp(d_out, out, n, d=1.0, device=None):
    """out = k / (n * d)"""
    return None, -np.sum(d_out * out) / d


@jvp_rule(np.fft.fftfreq, np.fft.rfftfreq)
def fftfreq_jvp(d_dot, out, n, d=1.0, device=None):
    """out = k / (n * d)"""
    return -d_dot * out / d
