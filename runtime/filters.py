"""Filters of `scipy.ndimage` in Python, which the compiler reads in their place.

    correlate(x, w)    →    the border by `np.pad`, then `scipy.signal.correlate` of what is whole
"""

# mypy: no-check-untyped-defs

import itertools

import numpy as np

from srcdiff.runtime.errors import NoRuleError

BORDERS = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip


def check_image(x):
    """Refuse what SciPy gives back in its own dtype, cut to ints."""
    if x.dtype.kind not in "fc":
        raise NoRuleError("a filter of scipy.ndimage of an array of ints, which makes ints",
                          instead="Give it `x.astype(float)`.")  # fmt: skip


def like_image(found, x):
    """What is found, in the dtype of the image."""
    return found.astype(x.dtype) if x.dtype == np.float32 else found


def bordered(x, widths, mode, cval):
    if BORDERS[mode] == "constant":
        return np.pad(x, widths, constant_values=cval)
    return np.pad(x, widths, BORDERS[mode])


def correlate(input, weights, *, mode="reflect", cval=0.0):  # noqa: A002
    """`scipy.ndimage.correlate`"""
    from scipy import signal

    x, w = np.asarray(input), np.asarray(weights)
    check_image(x)
    widths = ()
    for n in np.shape(w):
        widths = (*widths, (n // 2, n - 1 - n // 2))
    wide = bordered(x, widths, mode, cval)
    return like_image(signal.correlate(wide, w, mode="valid", method="direct"), x)


def convolve(input, weights, *, mode="reflect", cval=0.0):  # noqa: A002
    """`scipy.ndimage.convolve`"""
    from scipy import signal

    x, w = np.asarray(input), np.asarray(weights)
    check_image(x)
    widths = ()
    for n in np.shape(w):
        widths = (*widths, (n - 1 - n // 2, n // 2))
    wide = bordered(x, widths, mode, cval)
    return like_image(signal.convolve(wide, w, mode="valid", method="direct"), x)


def along(x, w, axis):
    """A kernel with as many axes as x."""
    place = axis % np.ndim(x)
    return np.reshape(w, (1,) * place + (-1,) + (1,) * (np.ndim(x) - 1 - place))


def correlate1d(input, weights, axis=-1, *, mode="reflect", cval=0.0):  # noqa: A002
    """`scipy.ndimage.correlate1d`"""
    x = np.asarray(input)
    return correlate(x, along(x, np.asarray(weights), axis), mode=mode, cval=cval)


def convolve1d(input, weights, axis=-1, *, mode="reflect", cval=0.0):  # noqa: A002
    """`scipy.ndimage.convolve1d`"""
    x = np.asarray(input)
    return convolve(x, along(x, np.asarray(weights), axis), mode=mode, cval=cval)


def gaussian_filter1d(input, sigma, axis=-1, *, mode="reflect", cval=0.0, truncate=4.0):  # noqa: A002
    """`scipy.ndimage.gaussian_filter1d`"""
    radius = int(truncate * float(sigma) + 0.5)
    shape = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return correlate1d(input, shape / np.sum(shape), axis, mode=mode, cval=cval)


def gaussian_filter(input, sigma, *, mode="reflect", cval=0.0, truncate=4.0):  # noqa: A002
    """`scipy.ndimage.gaussian_filter`"""
    x = np.asarray(input)
    for axis in range(np.ndim(x)):
        width = sigma if np.ndim(sigma) == 0 else sigma[axis]
        if width > 1e-15:
            x = gaussian_filter1d(x, width, axis, mode=mode, cval=cval, truncate=truncate)
    return x


def map_coordinates(input, coordinates, *, order=3, mode="constant", cval=0.0):  # noqa: A002
    """`scipy.ndimage.map_coordinates` of order 1"""
    if order != 1 or mode not in ("constant", "nearest"):
        raise NoRuleError("scipy.ndimage.map_coordinates of this order, or with this mode=",
                          instead='Use order=1, and mode="constant" or "nearest".')  # fmt: skip
    x, at = np.asarray(input), np.asarray(coordinates)
    check_image(x)
    places, shares, inside = (), (), True
    for k in range(np.ndim(x)):
        n, p = np.shape(x)[k], at[k]
        if mode == "nearest":
            p = np.clip(p, 0, n - 1)
        inside = inside & (p >= 0) & (p <= n - 1)
        i = np.clip(np.floor(p), 0, max(n - 2, 0)).astype(int)
        places, shares = (*places, i), (*shares, p - i)
    total = 0.0
    for corner in itertools.product((0, 1), repeat=np.ndim(x)):
        key, weight = (), 1.0
        for k in range(np.ndim(x)):
            key = (*key, np.minimum(places[k] + corner[k], np.shape(x)[k] - 1))
            weight = weight * (shares[k] if corner[k] else 1 - shares[k])
        total = total + weight * x[key]
    return np.where(inside, total, cval)


def stft(x, fs=1.0, window="hann", nperseg=256, noverlap=None):
    """`scipy.signal.stft` of vectors, with the window of Hann"""
    if window not in ("hann", "hann_periodic"):
        raise NoRuleError("scipy.signal.stft with this window", instead='Use window="hann".')
    half = nperseg // 2
    step = nperseg - (half if noverlap is None else noverlap)
    whole = np.concatenate((np.zeros(half), np.asarray(x), np.zeros(half)))
    if len(whole) - 2 * half < nperseg:
        raise NoRuleError("scipy.signal.stft of less than `nperseg`", instead="Use a smaller one.")
    whole = np.concatenate((whole, np.zeros(-(len(whole) - nperseg) % step)))
    count = (len(whole) - nperseg) // step + 1
    places = np.arange(count)[:, None] * step + np.arange(nperseg)
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(nperseg) / nperseg)
    found = np.fft.rfft(whole[places] * (weights / np.sum(weights)), axis=1)
    times = np.arange(count) * step / fs
    return np.fft.rfftfreq(nperseg, 1 / fs), times, found.T


# The tape runs SciPy's own code of these, with a filter along one axis of its own.
COMPILED = (gaussian_filter, gaussian_filter1d, convolve, convolve1d, stft)
