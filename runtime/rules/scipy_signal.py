"""Rules of `scipy.signal`, registered when SciPy is there.

    y = convolve(x, h)         →    d_x = convolve(d_y, h[::-1], mode="valid")
    y = lfilter(b, a, x)       →    d_x = lfilter(b, a, d_y[::-1])[::-1]
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import signal

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import sample, spread, vjp_rule

CONVOLVED = [
    (spread(5), spread(3)),
    (spread(3), spread(5)),
    (spread(3, 4), spread(2, 2)),
    (spread(5), spread(3), "same"),
    (spread(5), spread(4), "same"),
    (spread(3), spread(5), "same"),
    (spread(3, 4), spread(2, 3), "same"),
    (spread(5), spread(3), "valid"),
    (spread(3), spread(5), "valid"),
    (spread(3, 4), spread(2, 2), "valid"),
]
PLANES = [point for point in CONVOLVED if np.ndim(point[0]) == 2]


def in_full(d_out, in1, in2, mode, late=1):
    """The gradient of the full convolution, of which the result is a part.

    late   1 if an even kernel lies to the right of its middle, 0 to the left, for mode="same"
    """
    if mode == "full":
        return d_out
    widths = ()
    for axis in range(np.ndim(d_out)):
        n, m = np.shape(in1)[axis], np.shape(in2)[axis]
        start = min(n, m) - 1 if mode == "valid" else (m - late) // 2
        widths = (*widths, (start, n + m - 1 - np.shape(d_out)[axis] - start))
    return np.pad(d_out, widths)


def refuse_complex(name, *arrays):
    for a in arrays:
        if np.iscomplexobj(a):
            raise NoRuleError(f"scipy.signal.{name} of complex numbers",
                              instead="Use scipy.signal.convolve.")  # fmt: skip


@vjp_rule(
    signal.convolve,
    at=[*CONVOLVED, sample(spread(4), spread(3), method="direct"),
        sample(spread(4), spread(3), method="fft", mode="same")],
    factors="in1 in2",
)  # fmt: skip
def convolve_vjp(d_out, out, in1, in2, mode="full", method="auto"):
    """out[k] = sum(in1[k - i] * in2[i])"""
    d = in_full(d_out, in1, in2, mode)
    d_in1 = signal.convolve(d, np.flip(in2), "valid", method)
    return d_in1, signal.convolve(d, np.flip(in1), "valid", method)


@vjp_rule(signal.fftconvolve, signal.oaconvolve, at=CONVOLVED, factors="in1 in2")
def fftconvolve_vjp(d_out, out, in1, in2, mode="full", axes=None):
    """out[k] = sum(in1[k - i] * in2[i])"""
    if axes is not None:
        raise NoRuleError("scipy.signal.fftconvolve with axes=", instead="Loop over the others.")
    d = in_full(d_out, in1, in2, mode)
    d_in1 = signal.fftconvolve(d, np.flip(in2), "valid")
    return d_in1, signal.fftconvolve(d, np.flip(in1), "valid")


def refuse_boundary(name, boundary, fillvalue):
    if boundary != "fill" or fillvalue != 0:
        raise NoRuleError(f"scipy.signal.{name} with boundary= or fillvalue=",
                          instead="Use np.pad before it.")  # fmt: skip


@vjp_rule(signal.convolve2d, at=PLANES, factors="in1 in2")
def convolve2d_vjp(d_out, out, in1, in2, mode="full", boundary="fill", fillvalue=0):
    """out[k, l] = sum(in1[k - i, l - j] * in2[i, j])"""
    refuse_boundary("convolve2d", boundary, fillvalue)
    d = in_full(d_out, in1, in2, mode)
    d_in1 = signal.convolve2d(d, np.flip(in2), "valid")
    return d_in1, signal.convolve2d(d, np.flip(in1), "valid")


@vjp_rule(
    signal.correlate, at=[*CONVOLVED, sample(spread(4), spread(3), method="fft")], factors="in1 in2"
)
def correlate_vjp(d_out, out, in1, in2, mode="full", method="auto"):
    """out[k] = sum(in1[k + i] * in2[i]), from the first k at which they meet"""
    refuse_complex("correlate", in1, in2)
    d = in_full(d_out, in1, in2, mode)
    d_in1 = signal.convolve(d, in2, "valid", method)
    return d_in1, np.flip(signal.convolve(d, np.flip(in1), "valid", method))


@vjp_rule(signal.correlate2d, at=PLANES, factors="in1 in2")
def correlate2d_vjp(d_out, out, in1, in2, mode="full", boundary="fill", fillvalue=0):
    """out[k, l] = sum(in1[k + i, l + j] * in2[i, j]), from the first at which they meet"""
    refuse_complex("correlate2d", in1, in2)
    refuse_boundary("correlate2d", boundary, fillvalue)
    d = in_full(d_out, in1, in2, mode, 0)
    d_in1 = signal.convolve2d(d, in2, "valid")
    return d_in1, np.flip(signal.convolve2d(d, np.flip(in1), "valid"))


@vjp_rule(
    signal.detrend,
    at=[spread(6), (spread(3, 5), 0), sample(spread(6), type="constant"),
        sample(spread(2, 7), bp=[3])],
    linear=True,
)  # fmt: skip
def detrend_vjp(d_out, out, data, axis=-1, type="linear", bp=0, overwrite_data=False):  # noqa: A002
    """out = data without the line that fits it best, a projection"""
    return signal.detrend(d_out, axis, type, bp)


def lfilter(b, a, x, axis=-1):
    """`scipy.signal.lfilter` from a state of zeros"""
    return signal.lfilter(b, a, x, axis)


@vjp_rule(
    lfilter,
    at=[
        (spread(2), np.array([1.3, 0.5]), spread(5)),
        (spread(3), np.array([0.8]), spread(2, 5)),
        (spread(1), np.array([1.0, -0.3, 0.2]), spread(4, 3), 0),
        (spread(5), np.array([2.0, 0.5]), spread(3)),
    ],
    linear="x",
)
def lfilter_vjp(d_out, out, b, a, x, axis=-1):
    """a[0] * out[n] = sum(b[k] * x[n - k]) - sum(a[k] * out[n - k], k > 0)"""
    d_filtered = np.flip(lfilter(np.ones(1, d_out.dtype), a, np.flip(d_out, axis), axis), axis)
    d_x = np.flip(lfilter(b, a, np.flip(d_out, axis), axis), axis)
    d_b = delayed_products(d_filtered, x, np.shape(b)[0], axis)
    return d_b, -delayed_products(d_filtered, out, np.shape(a)[0], axis), d_x


def delayed_products(d, x, count, axis):
    """The sums over n of `d[n] * x[n - k]`, for each k < count."""
    rows, moved = np.moveaxis(d, axis, 0), np.moveaxis(x, axis, 0)
    late = np.concatenate((np.zeros((count - 1, *np.shape(moved)[1:]), x.dtype), moved))
    found = ()
    for k in range(count):
        start = count - 1 - k
        found = (*found, np.sum(rows * late[start : start + np.shape(rows)[0]]))
    return np.stack(found)
