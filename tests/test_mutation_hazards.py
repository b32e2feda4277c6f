"""Stores in every form, where they are hard: in loops and branches, through aliases and views, with
older versions that are read later, on arguments, in helpers; and what is special of some.
"""

import importlib.util
import math
import re

import numpy as np
import pytest

from srcdiff import grad
from tests.gallery import some
from tests.judge import Refused, judge, right, right_or_refused, srcdiff_gradient
from tests.support import LINES, sections
from tests.tape import tape_gradient

# Each line stores into y, an array of five numbers; k is an index, i an array of indices with a
# repeat, x an active array like y.
OF_A_VECTOR = """
y[k] = x[0] ** 2
y[-1 - k] *= x[1]
y[k:] += x[k:] ** 2
y[::2] = x[:3] * y[1]
y[::-1] = y * x
y[y > 0.2] *= 0.5
y[x > 0] = x[x > 0] ** 2
y[i] = x[:3] * y[k]
y[i] += x[:3] * y[:3]
y[i] *= x[2:]
y[[k, 1]] = y[[1, k]]
y[:] = np.sin(y) * x
y[...] *= x
y += x * y[k]
y -= 0.1 * y[::-1]
y **= 2
np.multiply(y, x, out=y)
np.add(y[1:], x[:-1], out=y[1:])
np.sin(y, out=y, where=x > 0)
np.copyto(y, x * y[0], where=y < x)
np.put(y, [k, 1], x[:2] * y[2])
np.place(y, y > 0.1, x[1:3])
np.putmask(y, x > 0, y ** 2)
np.put_along_axis(y, i, x[:3] * 2, 0)
y[1:3].fill(x[k] * y[0])
y.sort()
y[1:].sort()
np.add.at(y, i, x[:3] * y[0])
np.multiply.at(y, i, x[:3])
np.maximum.at(y, i, x[2:])
np.subtract.at(y, i, y[0])
y.flat[k] = x[k] * y.flat[1]
y[k], y[1] = y[1], y[k]
y[1:] = y[:-1] * x[1:]
y[1:] = y[:-1]
y[1:] += y[:-1]
y[::2] = y[:3]
y.reshape(5, 1)[k, 0] = x[1] * y[2]
np.cumsum(y, out=y)
np.nan_to_num(y, copy=False)
y.partition(2)
np.divide.at(y, i, 2 + x[:3] ** 2)
np.clip(y, -0.6, 0.7, out=y)
for r in y.reshape(5, 1): r *= x[k]
a, b = np.split(y, [2]); a += b[:2]
y[k] %= 0.7
y[1:][::2] *= y[0]
""".strip().splitlines()

# The same, of an array with three rows and four columns.
OF_A_MATRIX = """
y[k] = x[0] ** 2
y[:, k] *= x[:, 1]
y[k, 1] += x[0, 0] * y[1, k]
y.T[k] = x[:, 0] * y[0, 0]
y.T[1:] += x.T[:-1] * y[0, 1]
y[y > 0.2] *= 0.5
y.T[x.T > 0] = 0.3 * y[0, 1]
y[x[:, 0] > 0, 1:] += x[0, 1:] * y[1, 1]
y[i, [1, 1, 2]] = x[0, :3] * y[0, 0]
y[:, i] += x[:, 1:]
y[np.ix_([0, 2], [1, 3])] *= x[:2, :2]
y[[0, k]] = y[[k, 0]]
y[0], y[k] = y[k], y[0]
y.flat[k] = x[0, 1] * y.flat[3]
y.flat[2:7] = x[0]
y.ravel()[k] = x[1, 1] * y[0, 0]
y.reshape(-1)[3:7] *= x[1]
y.reshape(2, 6)[1, k] += x[2, 2] ** 2
np.put(y, [k, 5], x[0, :2] * y[0, 2])
np.put_along_axis(y, np.argmax(x, axis=1)[:, None], x[:, :1] * 2, 1)
np.fill_diagonal(y, x[0, :3] * y[1, 1])
y.sort(axis=0)
y.sort()
y[:, k].sort()
for r in y: r += x[0] * y[1, 1]
for r in y.T: r *= x[0, k]
for r, q in zip(y, x): r[1:] -= q[:-1]
for (a, b), v in np.ndenumerate(x): y[a, b] += v ** 2
for a, b in np.ndindex(y.shape): y[a, b] *= x[a, b]
a, b = np.split(y, 2, axis=1); a *= b
a, b = np.hsplit(y, 2); b -= a ** 2
np.outer(x[:, 0], x[0], out=y)
np.matmul(x, x.T @ x, out=y)
np.mean(x, axis=0, out=y[k])
np.cumsum(y, axis=1, out=y)
np.add.at(y, (i, [1, 1, 2]), x[0, :3])
np.multiply.at(y, (i, [1, 1, 1]), x[0, :3])
np.multiply.at(y, i, x)
y[:] = np.sin(y) * x
y[...] = x[0] * y[1]
y[:, None, k] = x[:, :1] ** 2
np.flip(y)[0] = x[1] * y[0]
np.rot90(y)[0] *= 2
y[:] = np.roll(y, 1, axis=0)
y[:, :3] @= x[:, :3]
np.copyto(y, x[0], where=x[:, :1] > 0)
np.exp(x, out=y, where=x > y)
np.putmask(y, y > 0.2, x[1])
y[0, ::2] = y[0, :2]
y.T[0] = y.T[1]
np.moveaxis(y, 0, 1)[1] += x[:, 2]
np.swapaxes(y, 0, 1)[k] = x[:, 2] * y[0, 0]
""".strip().splitlines()

IN_A_LOOP = """
def f(x, i, n, t):
    y = x * 0.5 + 0.3
    alias, older, total = y, np.sin(y), 0.0
    for k in range(n):
        if np.sum(x[k]) > t:
            {store}
        else:
            y[k] = y[k] ** 2
        total += np.sum(alias**3)
    return total + np.sum(y * older * weights)
"""
IN_A_HELPER = """
def store(y, x, i, k):
    {store}
    return np.sum(y[k])

def f(x, i, n, t):
    base = np.zeros((*x.shape, 2)) + x[..., None]
    k = n - 1
    total = store(base[..., 1], x, i, k) * np.sum(x[k])
    held = [x, base[..., 0]]
    total += store(held[1], x, i, 0)
    return total + np.sum(base**2 * weights[..., None])
"""
ON_AN_ARGUMENT = """
def f(x, i, n, t):
    y = x
    k = n - 1
    {store}
    return np.sum(y**2 * weights) + np.sum(x[k])
"""
# Their reshape of a strided view is a copy or not; the compiler does not know which.
UNKNOWN_ORDER = re.compile(r"ravel|reshape\((-1|2, 6)\)")


def program(template, store, weights, folder):
    path = folder / "program.py"
    path.write_text("import numpy as np\n" + template.replace("{store}", store))
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.weights = weights
    return module.f


def check(template, store, x, i, folder, refusable=False):
    f = program(template, store, np.arange(1.0, 1 + x.size).reshape(x.shape), folder)
    verdict = judge(f, (x, i, 3, 0.0), thorough=False)
    allowed = ("right", "untrusted", "refused") if refusable else ("right", "untrusted")
    assert verdict.outcome in allowed, str(verdict)


VECTOR, PLACES = np.array([0.7, -0.4, 1.1, 0.25, -0.9]), np.array([3, 0, -2])
MATRIX, ROWS = np.random.default_rng(1).uniform(-1, 1, (3, 4)), np.array([2, 0, -1])


@pytest.mark.parametrize("store", OF_A_VECTOR)
@pytest.mark.parametrize("template", [IN_A_LOOP, IN_A_HELPER], ids=["loop", "helper"])
def test_a_store_into_a_vector(template, store, tmp_path):
    refusable = template is IN_A_HELPER and ("y[::2] = y[:3]" in store or "reshape" in store)
    check(template, store, VECTOR, PLACES, tmp_path, refusable)


@pytest.mark.parametrize("store", OF_A_MATRIX)
@pytest.mark.parametrize("template", [IN_A_LOOP, IN_A_HELPER], ids=["loop", "helper"])
def test_a_store_into_a_matrix(template, store, tmp_path):
    refusable = template is IN_A_HELPER and bool(UNKNOWN_ORDER.search(store))
    check(template, store, MATRIX, ROWS, tmp_path, refusable or "y[0, ::2] = y[0, :2]" in store)


@pytest.mark.parametrize("store", OF_A_MATRIX)
@pytest.mark.parametrize(
    "x", [np.asfortranarray(MATRIX), np.repeat(MATRIX, 2, 1)[::-1, ::2]], ids=["fortran", "strided"]
)
def test_a_store_into_an_argument_of_any_order(x, store, tmp_path):
    overlap = "y[0, ::2] = y[0, :2]" in store or "y.flat[2:7] = x[0]" in store
    check(ON_AN_ARGUMENT, store, x, ROWS, tmp_path, bool(UNKNOWN_ORDER.search(store)) or overlap)


# What is special of some


def test_a_store_of_a_part_into_its_own_flat_is_refused():
    def f(x):
        y = x * 1.0
        y.flat[2:6] = y[0]
        return np.sum(y**2)

    for gradient in (srcdiff_gradient, tape_gradient):
        verdict = judge(f, (some(2, 3),), gradient=gradient)
        assert verdict.outcome == "refused" and "just written" in str(verdict)


def test_values_of_at_are_those_before_it():
    def f(x, i):
        np.multiply.at(x, i, x)
        np.add.at(x, i, x[::-1])
        return np.sum(x**2 * np.arange(3.0))

    right(f, some(3), np.array([2, 0, 2]))


def test_an_increment_at_repeated_places_of_several_axes():
    def f(x, i):
        y = x * 2
        np.multiply.at(y, (i, [1, 1, 1]), x[0, :3])
        np.maximum.at(y, (slice(None), i), x[:, :3])
        return np.sum(y**2)

    right(f, some(3, 4), np.array([2, 0, -1]))


def test_an_element_that_a_loop_reads_of_a_view_made_before_it():
    def f(x, n):
        rows = x.reshape(-1)[1:].reshape(-1)
        rows = rows[[0, 2, 1, 1]]
        column = np.transpose(x)[0]
        total = 0.0
        for j in range(n):
            total += rows[j] ** 2 * column[j]
        return total

    right(f, some(3, 3), 3)


def test_the_order_of_an_argument_decides_at_each_call():
    def f(x):
        y = x * 2.0
        y.reshape(-1)[1] = 5.0 * x[0, 0]
        return np.sum(y**2)

    df = grad(f, fallback="error")
    x = some(2, 3)
    view, copy = df(x), df(np.asfortranarray(x))
    assert view[0, 1] == 0 and copy[0, 1] == 8 * x[0, 1]
    np.testing.assert_array_equal(df(x), view)


def test_an_array_that_is_replaced_is_replaced_under_all_its_names():
    def f(x):
        y = np.zeros_like(x)
        z, row = y, y[0]
        np.exp(x, out=y)
        y.sort()
        row *= 2
        return np.sum(z**2 * x) + row[1]

    right(f, some(2, 3))


def test_a_sum_into_a_wider_array_adds_up_in_its_dtype():
    def f(x):
        total, mean, small = np.zeros(3), np.zeros(3), np.zeros(3, np.float32)
        np.sum(x, axis=0, out=total)
        np.mean(x, axis=0, out=mean)
        np.sum(total * mean, axis=0, out=small[:1].reshape(()))
        return np.sum(total**2) * small[0]

    right_or_refused(f, some(40, 3).astype(np.float32))


def test_parts_of_split_that_do_not_divide_are_numpys_error():
    def f(x):
        a, b = np.split(x * 2, 2)
        a += b
        return np.sum(a**2)

    right(f, some(4))
    with pytest.raises(ValueError, match="equal division"):
        grad(f, fallback="error")(some(5))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_shuffle_draws_what_it_would_have_drawn(axis):
    def f(x, rng):
        y = x * 2
        rng.shuffle(y, axis)
        return np.sum(y * np.arange(6.0).reshape(2, 3)) * rng.uniform()

    x = some(2, 3)
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    right(f, x, rng)
    value = srcdiff_gradient(f, 0)(x, rng)[0]
    assert value == f(x, twin) and rng.uniform() == twin.uniform()


def test_a_draw_does_not_write_the_part_that_it_is_given():
    def f(x, rng):
        y = np.arange(4.0)
        rng.normal(y[1:])
        return np.sum(x * y)

    right(f, some(4), np.random.default_rng(3))


def test_a_casting_that_numpy_refuses_is_refused():
    def into_ints(x):
        k = np.zeros(3, int)
        np.copyto(k, x)
        return np.sum(k * x)

    def by_out(x):
        k = np.zeros(3, int)
        np.multiply(x, 2.0, out=k)
        return np.sum(k * x)

    def by_at(x):
        k = np.zeros(3, int)
        np.multiply.at(k, [0, 0], x[:2])
        return np.sum(k * x)

    for f in (into_ints, by_out, by_at):
        with pytest.raises((Refused, TypeError)):
            srcdiff_gradient(f, 0)(some(3))


# Copies: each is due to a version that the way back reads and a later store overwrites, or to the
# caller's array. These are the most there may be; a program that is not here has none.
COPIES = {
    "store_by_mask": 2,
    "augmented_slices": 2,
    "zero_d": 1,
    "sort": 2,
    "stores_through_views": 1,
    "stores_through_reshape": 2,
    "stores_through_reshape_fortran": 1,
    "stores_into_parts_of_split": 3,
    "aliases": 1,
    "two_arguments": 1,
    "work_buffers": 1,
    "overlap": 3,
    "conditional_alias": 1,
    "rotating_aliases": 3,
    "kept_and_written": 1,
    "three_names_rotate": 8,
    "item_and_name_change_places": 2,
    "reshape_view_or_copy": 4,
    "list_of_a_written_array": 1,
}


def test_copies_that_the_generated_source_makes():
    sections()
    found = {}
    for each in LINES:
        if each.section == "tests.support.mutation":
            df = grad(each.f, wrt=each.wrt, fallback="error")
            df(*each.args)
            found[each.f.__name__] = df.source.count(".copy()")
    assert not {name: n for name, n in found.items() if n > COPIES.get(name, 0)}


def test_ravel_of_what_has_gaps_or_runs_backwards_is_a_copy():
    def backwards(x):
        y = x * 1.0
        y[::-1].ravel()[0] = 5.0
        return x[::-1].ravel()[0] * 2 + np.sum(y)

    def column(m):
        return m[:, 1].ravel()[0] * 3 + np.sum(m[1].ravel()[:1] ** 2)

    right_or_refused(backwards, some(3))  # of one element it would be a view
    right(column, some(2, 3))


def test_what_is_made_of_an_adjoint_is_not_read_after_it_has_changed():
    def f(x, y):
        x[0] = math.fsum([np.vdot(x, y)])
        return np.mean(x) + x[3]

    right(f, np.array([-0.92, -0.44, -1.31, -0.44]), np.array([0.62, -0.3, -1.15, -0.01]),
          wrt=(0, 1))  # fmt: skip


def test_what_a_branch_of_a_step_saves_of_an_array_that_the_step_then_writes():
    def f(x, y):
        m = np.zeros(3)
        i = 0
        while i < 4:
            x = x * 1.3
            if i % 2 == 0:
                m -= x[:3] ** 2
            x[:2] = y
            i += 1
        return np.sum(m**2) + np.sum(x)

    right(f, some(5), 0.7, wrt=(0, 1))


def test_what_an_inner_loop_saves_of_an_array_that_the_outer_step_then_writes():
    def f(x, n):
        total = 0.0
        for i in range(n):
            x = np.sin(x)
            for j in range(i):
                if j < 2:
                    total += np.sum(x[j:] ** 3)
            x[i:] *= 0.5
        return total

    right(f, some(5), 4)
