"""SciPy's interpolators in Python, which the compiler reads in their place, where it knows them.

    CubicSpline(x, y)(p)      →      the slopes at the knots, by `solve_banded`; a polynomial for p
"""

# mypy: no-check-untyped-defs

import itertools

import numpy as np

from srcdiff.runtime.errors import NoRuleError


class Linear:
    """`scipy.interpolate.interp1d` of vectors"""

    def __init__(self, x, y, kind="linear", assume_sorted=False):
        x, y = np.asarray(x), np.asarray(y)
        if not assume_sorted:
            order = np.argsort(x, kind="mergesort")
            x, y = x[order], y[order]
        self.x, self.y = x, y

    def __call__(self, x):
        x = np.asarray(x)
        if np.any((x < self.x[0]) | (x > self.x[-1])):
            raise ValueError("A value in x_new is outside the interpolation range.")
        i = np.clip(np.searchsorted(self.x, x), 1, len(self.x) - 1)
        slope = (self.y[i] - self.y[i - 1]) / (self.x[i] - self.x[i - 1])
        return slope * (x - self.x[i - 1]) + self.y[i - 1]


class Cubic:
    """`scipy.interpolate.CubicSpline` through numbers"""

    def __init__(self, x, y, bc_type="not-a-knot"):
        x, y = np.asarray(x), np.asarray(y)
        if len(x) < 4:
            raise NoRuleError("a CubicSpline of fewer than four points", instead="Give it more.")
        step = np.diff(x)
        chord = np.diff(y) / step
        s = slopes_at_knots(x, y, step, chord, bc_type)
        t = (s[:-1] + s[1:] - 2 * chord) / step
        self.x = x
        self.c = (t / step, (chord - s[:-1]) / step - t, s[:-1], y[:-1])

    def __call__(self, x, nu=0):
        x = np.asarray(x)
        i = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.x) - 2)
        t, c = x - self.x[i], self.c
        if nu == 0:
            return ((c[0][i] * t + c[1][i]) * t + c[2][i]) * t + c[3][i]
        if nu == 1:
            return (3 * c[0][i] * t + 2 * c[1][i]) * t + c[2][i]
        if nu == 2:
            return 6 * c[0][i] * t + 2 * c[1][i]
        raise NoRuleError("a third derivative of a CubicSpline", instead="Take a lower one.")


def slopes_at_knots(x, y, step, chord, bc_type):
    """The slopes with which the second derivative has no jumps."""
    from scipy.linalg import solve_banded

    bands, b = np.zeros((3, len(x))), np.zeros(len(x))
    bands[1, 1:-1] = 2 * (step[:-1] + step[1:])
    bands[0, 2:] = step[:-1]
    bands[2, :-2] = step[1:]
    b[1:-1] = 3 * (step[1:] * chord[:-1] + step[:-1] * chord[1:])
    if bc_type == "not-a-knot":
        first, last = x[2] - x[0], x[-1] - x[-3]
        bands[1, 0], bands[1, -1] = step[1], step[-2]
        bands[0, 1], bands[2, -2] = first, last
        b[0] = ((step[0] + 2 * first) * step[1] * chord[0] + step[0] ** 2 * chord[1]) / first
        b[-1] = (step[-1] ** 2 * chord[-2] + (2 * last + step[-1]) * step[-2] * chord[-1]) / last
    elif bc_type == "natural":
        bands[1, 0], bands[1, -1] = 2 * step[0], 2 * step[-1]
        bands[0, 1], bands[2, -2] = step[0], step[-1]
        b[0], b[-1] = 3 * (y[1] - y[0]), 3 * (y[-1] - y[-2])
    else:  # clamped
        bands[1, 0], bands[1, -1] = 1.0, 1.0
    return solve_banded((1, 1), bands, b)


class Grid:
    """`scipy.interpolate.RegularGridInterpolator`, linear, of numbers"""

    def __init__(self, points, values, method="linear"):
        grid, values = (), np.asarray(values)
        for k in range(len(points)):
            p = np.asarray(points[k])
            if p[0] > p[-1]:
                p, values = p[::-1], np.flip(values, k)
            grid = (*grid, p)
        self.grid, self.values = grid, values

    def __call__(self, xi):
        return on_grid(self.grid, self.values, xi)


def on_grid(grid, values, xi):
    """The values at the rows of xi, linear in each variable between those on a grid.

    xi   an array whose last axis is of the variables, or a tuple with an array for each of them
    """
    if isinstance(xi, tuple) and len(grid) > 1:
        xi = np.stack(np.broadcast_arrays(*xi), axis=-1)
    else:
        xi = np.asarray(xi[0] if isinstance(xi, tuple) else xi)
        if np.ndim(xi) == 1:
            xi = np.reshape(xi, (-1, len(grid)))
    places, shares = (), ()
    for k in range(len(grid)):
        p, x = np.asarray(grid[k]), xi[..., k]
        if np.any((x < p[0]) | (x > p[-1])):
            raise ValueError(f"One of the requested xi is out of bounds in dimension {k}")
        i = np.clip(np.searchsorted(p, x, side="right") - 1, 0, len(p) - 2)
        places, shares = (*places, i), (*shares, (x - p[i]) / (p[i + 1] - p[i]))
    total = 0.0
    for corner in itertools.product((0, 1), repeat=len(grid)):
        key, weight = (), 1.0
        for k in range(len(grid)):
            key = (*key, places[k] + corner[k])
            weight = weight * (shares[k] if corner[k] else 1 - shares[k])
        total = total + weight * values[key]
    return total


# Which stands for which; the parameters that they heed, and their values where not all will do.
CLASSES = {
    ("scipy.interpolate._interpolate", "interp1d"): (
        Linear, {"kind": ("linear",), "assume_sorted": (True, False)}),
    ("scipy.interpolate._cubic", "CubicSpline"): (
        Cubic, {"bc_type": ("not-a-knot", "natural", "clamped")}),
    ("scipy.interpolate._rgi", "RegularGridInterpolator"): (Grid, {"method": ("linear",)}),
}  # fmt: skip
