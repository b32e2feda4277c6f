"""Mutation."""

import numpy as np

from tests.gallery import some
from tests.support import line

# Stores


@line("`y[i] = v`, `y[-1] = v`, an index that is known at run time", some(4), 2)
def store_by_int(x, i):
    y = x * 2
    y[i] = x[0] ** 2
    y[-1] = 3.0 * x[1]
    return np.sum(y**2)


@line("stores by slice, with steps of both signs", some(6))
def store_by_slice(x):
    y = np.zeros(6)
    y[1:4] = x[:3] ** 2
    y[::-2] = x[3:]
    y[-2:] = 1.5
    return np.sum(y**2 * x)


@line("stores with `...` and with new axes", some(2, 3))
def store_by_ellipsis(x):
    y = np.zeros((2, 3, 2))
    y[..., 0] = x
    y[0, ...] += x[0, :, None]
    y[1, :, None] = x[1, 0]
    y[...] *= x[:, :, None]
    return np.sum(y**2)


@line("stores by boolean mask: rows, elements, with slices", some(3, 4), some(3))
def store_by_mask(m, v):
    m[v > 0] = v[v > 0, None] * 2
    m[m < 0] *= 3.0
    m[v < 0, 1:] += v[0]
    m[:, np.array([True, False, True, False])] *= m[:, :2]
    return np.sum(m**2)


@line("a mask of several axes, `m[mask, 0]`", some(2, 3, 2))
def store_by_mask_and_int(m):
    y = m * 1.0
    y[m[..., 0] > 0] = 0.5
    y[m[:, 0, 0] > 0, 0] = m[0, 0, :] ** 2
    y[m[..., 0] > 0, 1] += m[0, 0, 1]
    return np.sum(y**2)


@line("stores by integer arrays: of repeats the last wins", some(4), np.array([0, 2, 0]))
def store_by_integers(x, i):
    y = x * 1.0
    y[i] = x[:3] ** 2
    y[[1, 1]] = x[2:]
    y[i] += x[1:]
    y[[3, 3]] *= 2.0
    return np.sum(y**2)


@line("reads at repeated indices add up", some(4), np.array([0, 2, 0, -1]))
def read_by_integers(x, i):
    return np.sum(x[i] ** 2 * np.arange(4.0)) + np.sum(x[[1, 1]] * x[(i,)][:2])


@line("mixtures: `a[i, :, j]`, `a[i, j, 1:]`, `a[i, j, k]`", some(2, 3, 4), np.array([0, 3, 0]))
def store_by_mixture(a, idx):
    y = a * 1.0
    y[0, :, idx] = a[1, :, :3]
    y[1, 1:, [0, 1]] *= 2.0
    y[[0, 1], [2, 1], [1, 1]] += a[:, 0, 0]
    y[0, idx[:2] - 1, 1:] = a[1, 0, 1:]
    return np.sum(y**2)


@line("`np.ix_`", some(3, 4))
def store_by_ix(a):
    y = a * 1.0
    y[np.ix_([0, 2], [1, 3])] = a[:2, :2] ** 2
    y[np.ix_([0, 1], [1, 0])] += a[1:, 2:]
    return np.sum(y**2) + np.sum(a[np.ix_([2, 2], [0, 1])] ** 2)


@line("lists as values, scalars that broadcast", some(4))
def store_lists(x):
    y = np.zeros(4)
    y[:] = [x[0], 1.0, x[1] * x[2], 2]
    y[1:3] = (x[3], 5.0)
    m = np.zeros((2, 4))
    m[:] = y
    m[0] = x[1]
    m[:, 1] = [x[0] * 2, x[2]]
    return np.sum(m**2 * x)


@line("stores cast to the array's dtype", some(3))
def store_casts(x):
    y = np.zeros(3, np.float32)
    y[:2] = x[:2] * 3
    y[2] = x[0] ** 2
    k = np.zeros(3, int)
    k[:] = x * 10
    return np.sum(y * x) + np.sum(k * x)


@line("every augmented operator on slices", some(4))
def augmented_slices(x):
    y = x + 3.0
    y[1:] += x[1:]
    y[:2] -= x[2:] * 2
    y[::2] *= x[:2]
    y[1::2] /= x[:2] + 4
    y[:3] **= 2
    y[2:] //= 0.7
    y[:2] %= 1.3
    return np.sum(y**2)


@line("every augmented operator on elements, masks and gathers", some(4), np.array([2, 0]))
def augmented_places(x, i):
    y = x + 3.0
    y[0] += x[1]
    y[1] **= 2.0
    y[x > 0] /= x[0] + 5
    y[i] -= x[i] ** 2
    y[i] *= x[:2]
    y[i] **= 2
    y[3] %= 1.3
    y[x < 0] -= 0.5
    return np.sum(y**2)


@line("`a @= b`", some(2, 2))
def augmented_matmul(a):
    y = a * 1.0
    z = y
    y @= a
    y[:] @= a
    return np.sum(z**2)


@line("0-d arrays: `a[()] =`, `a[...] =`, `a += v`", some(2))
def zero_d(x):
    a = np.zeros(())
    a[()] = x[0] * 2
    b = a
    a += x[1]
    b[...] *= x[0]
    return a**2 + np.sum(x)


@line("empty stores", some(3))
def empty_stores(x):
    y = x * 1.0
    y[3:] = x[:0]
    y[[]] = 5.0
    y[x > 100] *= 2
    y[2:1] += x[2:1]
    return np.sum(y**2)


@line("float32 arrays", np.array([0.5, -1.5, 2.0], np.float32))
def stores_in_float32(x):
    y = np.zeros_like(x)
    y[1:] = x[:-1] * np.float32(3)
    y += x
    y[[0, 0]] *= x[1]
    return np.sum(y**2)


# Functions that write


@line("`np.add.at`, `np.subtract.at`", some(4), np.array([0, 1, 0]))
def add_at(x, i):
    y = x * 2
    np.add.at(y, i, x[:3] ** 2)
    np.subtract.at(y, (i,), x[0])
    np.add.at(y, [3, 3], 1.0)
    return np.sum(y**2)


@line("`np.multiply.at`, `np.divide.at`", some(4), np.array([0, 1, 0]))
def multiply_at(x, i):
    y = x + 2
    np.multiply.at(y, i, x[:3] + 3)
    np.divide.at(y, [2, 2], x[:2] + 4)
    return np.sum(y**2)


@line("`np.maximum.at`, `np.minimum.at`", some(4), np.array([0, 1, 0]))
def maximum_at(x, i):
    y = x * 0.5
    np.maximum.at(y, i, x[1:])
    np.minimum.at(y, [2, 2], x[:2])
    return np.sum(y**2)


@line("`np.negative.at`, `np.exp.at`, `np.power.at`", some(4), np.array([0, 1, 0]))
def unary_at(x, i):
    y = x * 0.5
    np.negative.at(y, i)
    np.exp.at(y, [1, 1])
    np.power.at(y, [3, 3], 2)
    return np.sum(y**2 * x)


@line("`out=` of a ufunc: an array, a view, an operand, a tuple, by position", some(4))
def ufunc_out(x):
    y = np.empty(4)
    np.multiply(x, x, out=y)
    np.add(y[1:], x[:-1], out=y[1:])
    np.sin(y, y)
    np.subtract(y, x, out=(y,))
    z = np.exp(x, out=np.empty_like(x))
    return np.sum(y**2) + np.sum(z)


@line("`out=` and `where=` of a ufunc", some(4))
def ufunc_out_where(x):
    y = np.ones(4)
    np.log(x, out=y, where=x > 0)
    np.divide(x, y, out=y, where=y != 0)
    np.add(y, x, out=y[:], where=[True, False, True, False])
    return np.sum(y**2)


@line("`np.modf` with `out=` for each result", some(3))
def tuple_out(x):
    y, n = np.empty(3), np.empty(3)
    np.modf(x * 2, out=(y, n))
    fraction, _ = np.modf(x * 3, out=(None, n))
    return np.sum(y**2) + np.sum(n * fraction)


@line("`out=` of sum, cumsum, mean, clip, take, concatenate", some(4))
def reductions_out(x):
    y, total = np.zeros(4), np.zeros(())
    np.cumsum(x, out=y)
    np.sum(y, out=total)
    np.clip(y, -0.5, 1.0, out=y)
    z = np.empty(2)
    np.take(x, [1, 1], out=z)
    w = np.empty(6)
    np.concatenate((y, z), out=w)
    np.mean(w.reshape(2, 3), axis=0, out=w[:3])
    return np.sum(w**2) * total


@line("`out=` of dot, matmul, einsum, outer", some(2, 2))
def products_out(a):
    c, v = np.empty((2, 2)), np.empty(2)
    np.dot(a, a, out=c)
    np.matmul(c, a, out=c)
    np.einsum("ij,j->i", a, a[0], out=v)
    np.outer(v, v, out=c)
    a.dot(v, out=v)
    return np.sum(c**2) + np.sum(v)


@line("`np.copyto` with `where=` and `casting=`", some(4))
def copyto(x):
    y = np.zeros(4)
    np.copyto(y, x * 2)
    np.copyto(y, x**2, where=x > 0)
    np.copyto(y[1:], 3.0 * x[0], where=np.array([True, False, True]))
    k = np.zeros(4, np.float32)
    np.copyto(k, x, casting="same_kind")
    return np.sum(y**2) + np.sum(k * x)


@line("`np.put`, `a.put`, repeated values", some(2, 3))
def put(m):
    y = m * 1.0
    np.put(y, [0, 4, 0], m[0] ** 2)
    y.put([1, -1], m[0, 0] * 2)
    np.put(y, [2, 3, 5], m[1, :2])
    return np.sum(y**2)


@line("`np.put_along_axis`", some(3, 4))
def put_along_axis(m):
    y = m * 1.0
    np.put_along_axis(y, np.argmax(m, axis=1)[:, None], m[:, :1] * 2, axis=1)
    np.put_along_axis(y, np.array([[0, 1, 2, 0]]), 5.0, 0)
    return np.sum(y**2)


@line("`np.place`, `np.putmask`", some(4))
def place(x):
    y = x * 1.0
    np.place(y, x > 0, [1.5, 2.5])
    np.putmask(y, y < 0, x**2)
    np.putmask(y, y > 2, x[:2] * 3)
    np.place(y, y > 1.2, x[:1])
    return np.sum(y**2)


@line("`np.fill_diagonal`", some(3, 3))
def fill_diagonal(m):
    y = m * 1.0
    np.fill_diagonal(y, m[0] ** 2)
    z = np.zeros((3, 3))
    np.fill_diagonal(z, m[1, 1])
    w = np.zeros((5, 2))
    np.fill_diagonal(w, m[2, 2], wrap=True)
    return np.sum(y**2) + np.sum(z * y) + np.sum(w**2)


@line("`a.fill`", some(3))
def fill(x):
    y = np.empty(3)
    y.fill(x[0])
    y[1:].fill(x[1] ** 2)
    return np.sum(y**2)


@line("`a.sort()` on any axis", some(3, 4))
def sort(m):
    y = m * 1.0
    y.sort()
    y[:2].sort(axis=0)
    z = m[0] * 2
    z.sort(kind="stable")
    m[:, 1].sort()
    return np.sum(y**2 * np.arange(12.0).reshape(3, 4)) + np.sum(z * y[0]) + np.sum(m[:, 1] * z[:3])


@line("`a.partition(k)`", some(5))
def partition(x):
    y = x * 1.0
    y.partition(2)
    return y[2] ** 2 + np.sum(y[:2])


@line("`a.flat[…] =`, `a.flat[…]`, iteration over `a.flat`", some(2, 3), 4)
def flat(m, i):
    y = m * 1.0
    y.flat[i] = m[0, 0] ** 2
    y.flat[1:3] = m[1, 1]
    y.flat[[0, 5]] *= 2.0
    y.T.flat[1] = 3 * m[0, 1]
    total = 0.0
    for v in y.flat:
        total += v**2
    return total * y.flat[i]


@line("`rng.shuffle(x)`, `np.random.shuffle(x)`", some(5), np.random.default_rng(3))
def shuffle(x, rng):
    y = x * 1.0
    rng.shuffle(y)
    z = x.reshape(5, 1) * x
    rng.shuffle(z, axis=1)
    np.random.seed(4)
    np.random.shuffle(z)
    return np.sum(y**2 * np.arange(5.0)) + np.sum(z**2 * np.arange(5.0))


@line("`np.nan_to_num(a, copy=False)`", np.array([1.0, 2.0, 0.0]))
def nan_to_num(x):
    y = x / 2.0
    y[1] = np.nan
    np.nan_to_num(y, copy=False, nan=3.0)
    return np.sum(y**2)


# Views and aliases


@line("stores through transposes, diagonals, reversals", some(3, 3))
def stores_through_views(m):
    y = m * 1.0
    y.T[0] = m[1] ** 2
    y.T[...] *= 2.0
    y[::-1].T[1] += m[0]
    np.swapaxes(y, 0, 1)[2, 1:] = m[2, 2]
    np.einsum("ii->i", y)[:] *= m[:, 0]
    np.flip(y)[0] = 1.5
    return np.sum(y**2)


@line("stores through `reshape` and `ravel`, in the argument's memory order", some(2, 3))
def stores_through_reshape(m):
    m.reshape(-1)[1] = m[0, 0] ** 2
    m.ravel()[3:] *= m[0]
    return np.sum(m**2)


@line("the same of an array in Fortran order", np.asfortranarray(some(2, 3)))
def stores_through_reshape_fortran(m):
    m.reshape(-1)[1] = m[0, 0] ** 2
    m.ravel()[2:4] *= 3.0
    m[0].reshape(3, 1)[1:] += m[1, 2]
    return np.sum(m**2)


@line("stores into the real and imaginary part", some(3))
def stores_into_parts(x):
    z = x * (1 + 2j)
    z.real[...] = x**2
    z.imag[1:] *= 3
    z.real += 1.0
    z.imag = x * 2
    return np.sum(np.abs(z) ** 2)


@line("parts of `np.split`, unpacked rows", some(6))
def stores_into_parts_of_split(x):
    y = x * 1.0
    a, b = np.split(y, 2)
    a += b**2
    b[0] = a[1]
    u, v, w = y.reshape(3, 2)
    u *= w
    return np.sum(y**2)


@line("`for row in m: row += …`", some(3, 2))
def rows(m):
    y = m * 1.0
    for row in y:
        row += row[0] ** 2
    for row, other in zip(y, m):
        row[1] *= other[0]
    for row in y.T:
        row /= 2.0
    return np.sum(y**2)


@line("`np.ndindex`, `np.ndenumerate`", some(2, 3))
def ndindex(m):
    y = np.zeros((2, 3))
    for i, j in np.ndindex(2, 3):
        y[i, j] = m[i, j] ** 2 * (i + j)
    for index in np.ndindex(m.shape):
        y[index] += m[index]
    for (i, j), v in np.ndenumerate(m):
        y[i, j] *= v
    return np.sum(y)


@line("an alias through a name, a list, a helper's argument", some(4))
def aliases(x):
    y = x * 1.0
    z = y
    held = [y[1:], {"all": z}]
    z[0] = x[1] ** 2
    held[0][0] *= 3
    held[1]["all"] += x
    double(y[2:])
    return np.sum(y**2)


def double(part):
    part *= 2
    part[0] = part[1] ** 2


@line("one array given twice to a helper", some(4))
def given_twice(x):
    y = x * 1.0
    exchange(y, y)
    exchange(y[:-1], y[1:])
    return np.sum(y**2 * x)


def exchange(a, b):
    a[0] = b[1] * 2
    b[-1] += a[0]


@line("arguments that are one array or overlap are checked at the call", some(4), some(4))
def two_arguments(a, b):
    a[0] = 2 * b[1]
    return np.sum(a * b)


TABLE = np.array([1.0, 2.0, 3.0])


@line("arrays of the module are read", some(3))
def module_array(x):
    y = x * TABLE
    y[1:] += TABLE[:-1]
    return np.sum(y * TABLE)


# Swaps, buffers, overlap


@line("swaps of elements and of rows", some(4, 2), 1)
def swaps(m, i):
    y = m * 1.0
    y[i, 0], y[0, 1] = y[0, 1], y[i, 0]
    y[[i, 3]] = y[[3, i]]
    y[[0, 1, 2]] = y[[1, 2, 0]]
    v = y[:, 0] * 2
    v[0], v[1], v[2] = v[2], v[0], v[1]
    return np.sum(y**2 * np.arange(8.0).reshape(4, 2)) + np.sum(v**3)


@line("work buffers of `np.empty` used by each step of a loop", some(4), 3)
def work_buffers(x, n):
    y = x * 1.0
    work = np.empty(4)
    grad = np.empty_like(x)
    for _ in range(n):
        np.multiply(y, y, out=work)
        grad[1:] = work[:-1] - y[1:]
        grad[0] = 0.0
        y -= 0.1 * grad
    return np.sum(y**2)


@line("ping-pong: `u, v = v, u`", some(5), 3)
def ping_pong(x, n):
    u, v = x * 1.0, np.zeros(5)
    for _ in range(n):
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - u[:-2]) ** 2
        u, v = v, u
    return np.sum(u**2)


@line("overlapping reads and writes: `a[1:] = a[:-1]`, `a[1:] += a[:-1]`", some(6))
def overlap(x):
    y = x * 1.0
    y[1:] = y[:-1]
    y[:-2] = y[2:] * 2
    y[1:] += y[:-1]
    y[:] = y[::-1]
    y[:-1] *= y[1:]
    return np.sum(y**2 * x)


@line("`a[::2] = a[:3]`, where NumPy reads what it has just written", some(5))
def overlap_with_other_strides(x):
    y = x * 1.0
    y[::2] = y[:3]
    y[:3] = y[::2]
    np.copyto(y[1::2], y[3:])
    return np.sum(y**2 * np.arange(1.0, 6.0))


@line("stores in branches and loops at once", some(5), 4)
def stores_in_loops(x, n):
    y = np.zeros(5)
    for i in range(n):
        if x[i] > 0:
            y[i:] += x[i] ** 2
        else:
            y[i + 1] = y[i] * x[i]
            y[y > 1] *= 0.5
        y[[i, 0]] = y[[0, i]]
    return np.sum(y**2)


# Names that are one of several arrays


@line("a name for one of two arrays, chosen at run time, that is written", some(3), some(3), 0.5)
def conditional_alias(x, y, s):
    target = x if s > 0 else y
    target[0] *= 2.0
    target += s
    return np.sum(x**2) + np.sum(np.sin(y))


@line("names that change places in a loop while the arrays have other names", some(3), 3)
def rotating_aliases(x, n):
    u, v = x * 1.0, np.zeros_like(x)
    first = u
    for _ in range(n):
        v[1:] = np.sin(u[:-1])
        u, v = v, u
    first *= 2
    return np.sum(u**2) + np.sum(v * x)


@line("the best array so far, kept and written", some(3), 4)
def kept_and_written(x, n):
    best = x
    for i in range(n):
        trial = x * np.cos(i + 1.0)
        if np.sum(trial) > np.sum(best):
            best = trial
        best[0] += 0.1
    return np.sum(best**2)


@line("three names that change places in one branch of a loop", some(4), some(4, start=2.0), 3)
def three_names_rotate(x, y, n):
    t = y
    for i in range(n):
        x[0] += 0.1 * t[1]
        if i % 2:
            x, y, t = y, t, x
        else:
            t = np.sin(x)
    t[2] *= 2.0
    return np.sum(x**2) + np.sum(y**3) + np.sum(t)


@line("an array that changes places with the item of a dict in a loop", some(3), some(3), 3)
def item_and_name_change_places(x, y, n):
    box = {"a": y}
    for i in range(n):
        x[0] *= 1.3
        if i != 1:
            x, box["a"] = box["a"], x
    return np.sum(x**2) + np.sum(box["a"] ** 3)


# Views and copies that the memory order decides


@line("a flat reshape, which is a copy for these strides and a view for those", some(3, 4), 1)
def reshape_view_or_copy(x, k):
    y = np.sin(x)
    back = y[::-1].reshape(-1)
    cut = y[:, k:].reshape(-1)
    flat = y.reshape(-1)
    for v in (back, cut, flat):
        v[1:] *= v[0]
    return np.sum(y**2) + np.sum(back * flat) + np.sum(cut)


@line("a list of run-time length that holds an array which is written later", some(4), 3)
def list_of_a_written_array(x, n):
    seen = []
    for i in range(n):
        seen.append(x)
        x[i] *= 1.5
    x[3] += seen[0][0]
    return np.sum(np.stack(seen)) * sum(np.sum(v**2) for v in seen)
