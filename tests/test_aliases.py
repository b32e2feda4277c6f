"""Arrays that may be one: what a write through one name is seen by under another.

Views and copies that the memory order decides, names, items and attributes that change places in a
loop, and lists that hold one array many times.
"""

import linecache

import numpy as np
import pytest

from tests.judge import right, right_or_refused

X = np.linspace(0.3, 1.4, 12).reshape(3, 4)
LAYOUTS = {
    "C": lambda x: x,
    "F": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
}
COPIES = {  # a flat reshape of these copies, whatever x is
    "reversed": lambda y: y[::-1],
    "reversed columns": lambda y: y[:, ::-1],
    "swapped": lambda y: y.swapaxes(0, 1),
    "moved": lambda y: np.moveaxis(y, 0, 1),
    "without a column": lambda y: y[:, 1:],
    "transposed and cut": lambda y: y.T[1:],
    "turned": lambda y: np.rot90(y),
    "with an axis": lambda y: y[::-1][:, None],
}
FLAT = {
    "reshape": lambda v: v.reshape(-1),
    "ravel": lambda v: v.ravel(),
    "ascontiguousarray": np.ascontiguousarray,
}
MADE = {  # these are in C order
    "stack": lambda x: np.stack([x[0], x[1] * 2.0]),
    "array": lambda x: np.array([x[0], x[1]]),
    "asarray": lambda x: np.asarray([x[0], x[1]]),
    "repeat": lambda x: np.repeat(x.T, 2, axis=0),
    "concatenate": lambda x: np.concatenate([x.copy(), x.copy()]),
    "rows": lambda x: np.concatenate([x[0], x[1]]).reshape(2, -1),
    "reversed sum": lambda x: x.copy()[::-1] + x.copy()[:, ::-1],
    "broadcast": lambda x: x[0][None] * x[:, 0][:, None],
    "where": lambda x: np.where(x.copy()[:, ::-1] > 0.75, x[0][None], 2.0),
    "angle": lambda x: np.angle(x[0][None] + 1j * x.copy()),
    "diff": lambda x: np.diff(x.copy(), axis=0) * x[0, 0],
    "tile": lambda x: np.tile(x[0], (2, 1)),
    "cumsum": lambda x: np.cumsum(x.copy(), axis=1),
    "roll": lambda x: np.roll(x.copy(), 1, axis=0),
}
IN_FORTRAN_ORDER = {  # where x is in C order; a flat reshape of these copies
    "turned and doubled": lambda x: x.T[::-1] * 2.0,
    "sum of two": lambda x: np.sin(x.T) + x.swapaxes(0, 1)[::-1],
    "copied": lambda x: np.copy(x.T[:, ::-1]),
    "roll": lambda x: np.roll(x.T, 1, axis=0) * 2.0,
    "cumsum": lambda x: np.cumsum(x.T, axis=0),
}


@pytest.mark.parametrize("flat", FLAT)
@pytest.mark.parametrize("view", COPIES)
def test_a_reshape_that_must_copy_is_a_copy(view, flat):
    def f(x):
        y = x * 2.0
        v = COPIES[view](y)
        t = FLAT[flat](v)
        t[...] = t * t[(0,) * t.ndim] + 1.0
        return np.sum(y**2) + np.sum(t**3)

    right(f, X)


@pytest.mark.parametrize("view", ["reversed", "swapped", "turned"])
def test_a_reshape_to_the_same_shape_is_the_array(view):
    def f(x):
        y = x * 2.0
        v = COPIES[view](y)
        t = v.reshape(v.shape)
        t[0] *= t[1, 1]
        return np.sum(y**2) + np.sum(v**3)

    right(f, X)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("view", COPIES)
def test_axes_of_length_one_decide_nothing(view, shape, layout):
    def f(x):
        v = COPIES[view](x)
        t = v.reshape(-1)
        t[...] = t * 3.0 + 1.0
        return np.sum(x**2) + np.sum(t**3)

    x = np.linspace(0.3, 1.4, int(np.prod(shape))).reshape(shape)
    right_or_refused(f, LAYOUTS[layout](x))


@pytest.mark.parametrize("made", MADE)
def test_results_in_c_order_are_written_through_a_reshape(made):
    def f(x):
        y = MADE[made](x)
        y.reshape(-1)[1:] *= x[0, 0]
        return np.sum(y**2)

    right(f, X)


@pytest.mark.parametrize("made", IN_FORTRAN_ORDER)
def test_a_reshape_of_a_result_in_fortran_order_is_a_copy(made):
    def f(x):
        y = IN_FORTRAN_ORDER[made](x)
        t = y.reshape(-1)
        t[1:] *= x[0, 0]
        y[0] *= x[1, 1]
        return np.sum(y**2) + np.sum(t**3)

    right(f, X)


@pytest.mark.parametrize("make", [np.atleast_1d, np.atleast_2d, np.asarray, np.squeeze])
def test_an_array_of_enough_axes_is_what_these_return(make):
    def f(x):
        y = x * 2.0
        t = np.ascontiguousarray(make(y)).reshape(-1)
        y[0] *= x[1, 1]
        t[5:] *= x[0, 0]
        y[...] = np.ascontiguousarray(np.atleast_1d(y)) * t[3]
        return np.sum(y**2) + np.sum(t**3)

    right(f, X)


@pytest.mark.parametrize("flag", [0.0, 1.0])
def test_a_flat_array_of_one_of_two_views(flag):
    def f(x, flag):
        y = x * 2.0
        v = y if flag > 0.5 else y[::-1]
        t = np.ravel(v)
        v *= x[0, 1]
        v.sort()
        return np.sum(y**2) + np.sum(t**3) * t[1]

    right(f, X, flag)


def test_what_the_last_step_has_made_keeps_its_memory_order():
    def f(x, n):
        for k in range(n):
            y = np.repeat(x[k][None], 2, axis=0)
        y.reshape(-1)[1:] *= x[0, 0]
        return np.sum(y**2)

    for n in (1, 3):
        right(f, X, n)


TARGETS = """
x[:] x[::-1] x[::2] x[1:4] x[[1,2]] x[:3] x[k:] np.flip(x)[:] np.squeeze(x)[:3]
x[-1:1:-1] x[k:][::2]
""".split()
SOURCES = """
x x[::2] np.flip(x,axis=-1) np.squeeze(x) np.atleast_2d(x) np.atleast_1d(x[:3]) x[:3] x[:2] x[k:]
np.flip(x[:2]) x[::2][::-1] np.expand_dims(x[1:4],0) x.reshape(-1) x[2:3] x[:-k] x[3:]
""".split()


def stored(target: str, source: str):
    """A function of x, a vector, and k, which stores a part of x into another part of it."""
    text = f"def f(x, k):\n    {target} = {source}\n    return np.sum(x * [1, 3, 7, 13, 29] * x)\n"
    name = f"<stored {target} {source}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"np": np}
    exec(compile(text, name, "exec"), space)
    return space["f"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_part_is_stored_into_another_part_of_a_vector(target):
    count = 0
    for source in SOURCES:
        f = stored(target, source)
        try:
            f(X[0, :1].repeat(5), 1)
        except ValueError:  # of another length
            continue
        count += 1
        right(f, np.array([0.34, 0.6, -1.2, 0.32, -0.06]), 1)
    assert count > 1


def test_two_names_of_a_vector_are_stored_into_each_other_in_a_loop():
    def f(x, n):
        v = np.squeeze(x)
        for k in range(n):
            v[:], x[::-1] = x * x[k], np.flip(v)
            x[1::2] = np.atleast_2d(x)[0, :2]
        return np.sum(x * [1, 3, 7, 13, 29])

    for n in (0, 1, 3):
        right(f, np.array([0.34, 0.6, -1.2, 0.32, -0.06]), n)


def test_an_array_of_one_of_two_kinds_of_memory():
    def f(x):
        y = x.copy()
        if x[0, 0] > 0.5:
            y = x.T.copy().T
        y.reshape(-1)[1:] *= x[0, 0]
        return np.sum(y**2)

    right_or_refused(f, X)
    right_or_refused(f, X + 1.0)


def test_a_branch_keeps_the_memory_order():
    def f(x, flag):
        y = x.copy()
        if flag > 0.5:
            y = 2.0 + y
        v = np.ravel(y)
        v[v > 0.75] *= x[0, 0]
        return np.sum(y**2)

    for flag in (0.0, 1.0):
        right(f, X, flag)


def test_an_item_of_a_dict_stays_the_same_array_over_a_branch():
    def f(x):
        box = {}
        box["b"] = np.full((3, 3), 2.0)
        held = box["b"]
        if x[0, 1] > 0.5:
            pass
        box["b"].reshape(-1)[1:] = x[0, 0]
        held[0] *= x[1, 1]
        return np.sum(box["b"] ** 2)

    right(f, X)


class Model:
    def __init__(self, w, s):
        self.w, self.s = w, s

    def step(self):
        self.s = self.s * 1.5


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_attribute_that_no_step_stores_stays_the_same_array(n, dtype):
    def f(x, n):
        model = Model(x, 2.0)
        v = model.w
        for _ in range(n):
            model.step()
            v[0] *= 1.1
        v[:-1] *= model.s
        return np.sum(model.w**2) + np.sum(x**3)

    right(f, X[0].astype(dtype), n, rtol=2e-3 if dtype is np.float32 else None)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_an_item_and_a_name_change_places_in_a_loop(n):
    def f(x, p, n):
        for i in range(n):
            x[0] *= 1.3
            if p["c"] * i < 2.5:
                x, p["b"] = p["b"], x
        x[1] += 2.0 * x[0]
        return np.sum(x**2) + np.sum(p["b"] ** 3)

    right(f, X[0], {"b": X[1].copy(), "c": 1.0}, n)
    right(f, X[0], {"b": X[1].copy(), "c": 1.0}, n, wrt=1)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_an_attribute_and_a_name_change_places_in_a_loop(n):
    def f(x, n):
        model = Model(2.0 * x, 1.0)
        for i in range(n):
            model.w[0] += x[1]
            if i % 2:
                model.w, x = x, model.w
        x[1] *= 3.0
        return np.sum(x**2) + np.sum(model.w**3)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_three_names_change_places_in_a_branch(n, dtype):
    def f(x, y, n):
        t = y
        for i in range(n):
            x[0] += 0.2 + 0.3 * t[i % 4]
            if x[1] < 5.0 and i != 2:
                x, y, t = y, t, x
            x[1] *= 1.1
        t[2] *= 2.0
        return np.sum(x**2) + np.sum(y**3) + np.sum(t)

    rtol = 2e-3 if dtype is np.float32 else None
    right(f, X[0].astype(dtype), X[1].astype(dtype), n, rtol=rtol)
    right(f, X[0].astype(dtype), X[1].astype(dtype), n, wrt=1, rtol=rtol)


@pytest.mark.parametrize("leave", ["break", "continue"])
def test_three_names_change_places_where_a_step_may_end(leave):
    def with_break(x, y, n):
        t = y * 2.0
        for i in range(n):
            if x[0] > 40.0:
                break
            x[0] += t[1] ** 2
            if i % 3:
                x, y, t = y, t, x
        return np.sum(x**2) + np.sum(y) + np.sum(t**2)

    def with_continue(x, y, n):
        t = y * 2.0
        for i in range(n):
            if x[0] > 4.0:
                x[0] /= 2.0
                continue
            x[0] += t[1] ** 2
            if i % 3:
                x, y, t = y, t, x
        return np.sum(x**2) + np.sum(y) + np.sum(t**2)

    f = with_break if leave == "break" else with_continue
    for n in (0, 1, 4, 6):
        right(f, X[0], X[1], n)
        right(f, X[0], X[1], n, wrt=1)


# Lists of run-time length that hold an array which is written later.

LISTS = {
    "the array": lambda items, y, i: items.append(y),
    "a view of it": lambda items, y, i: items.append(y[1:]),
    "all of it": lambda items, y, i: items.append(y[...]),
    "another part each time": lambda items, y, i: items.append(y[i % 3 :][:1]),
    "from the front": lambda items, y, i: items.insert(0, y[::-1]),
}
USES = {
    "stack": lambda items: np.sum(np.stack(items) ** 2) if items else 0.0,
    "array": lambda items: np.sum(np.array(items) ** 2),
    "sum": lambda items: np.sum(sum(items)),
    "loop": lambda items: sum(np.sum(v**2) for v in items),
    "last": lambda items: np.sum(items[-1] ** 2) if items else 0.0,
    "pop": lambda items: np.sum(items.pop() ** 2) * len(items) if items else 0.0,
    "backwards": lambda items: sum(np.sum(v) * v[0] for v in reversed(items)),
    "with numbers": lambda items: sum(k * np.sum(v) for k, v in enumerate(items)),
}


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("put", LISTS)
def test_a_list_of_an_array_that_is_written_afterwards(put, use, n):
    def f(x, n):
        y = x * 2.0
        items = []
        for i in range(n):
            LISTS[put](items, y, i)
        y[0] += x[1] ** 2
        total = USES[use](items)
        y[2] *= 3.0
        return total + np.sum(y**2)

    (right_or_refused if put == "from the front" else right)(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_list_of_an_array_that_each_step_writes(n, dtype):
    def f(x, n):
        items = [x]
        for i in range(n):
            x *= 1.1
            items.append(x)
            if i == 2:
                x[1] += items[0][2]
        return np.sum(np.stack(items)) * x[0] + items[-1][1]

    right(f, X[0].astype(dtype), n, rtol=2e-3 if dtype is np.float32 else None)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_an_item_is_written_and_seen_by_all(n):
    def f(x, n):
        y = x * 2.0
        items = []
        for _ in range(n):
            items.append(y)
        for v in items:
            v *= 1.5
            y[0] += v[1]
        if n:
            items[0][1] = x[0] ** 2
            items[-1] += 1.0
        return np.sum(y**2) + sum(np.sum(v) for v in items)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [1, 3])
def test_what_was_computed_of_a_list_stays(n):
    def f(x, n):
        items = []
        for _ in range(n):
            items.append(x)
        a = np.stack(items)
        b = items[0] * 2.0
        x[:] = x**2
        c = np.stack(items)
        return np.sum(a * c) + np.sum(b * x)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_lists_that_are_made_of_a_list_of_an_array(n):
    def f(x, n):
        items = []
        for _ in range(n):
            items.append(x)
        more = items + items
        again = items[::-1]
        again.append(x)
        copied = list(items)
        x[0] *= 3.0
        x[1] += 1.0
        found = sum(np.sum(v**2) for v in more) + sum(np.sum(v) for v in again)
        return found + sum(v[0] for v in copied)

    right_or_refused(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_list_of_one_of_two_arrays(n):
    def f(x, y, n):
        items = []
        for i in range(n):
            v = x if i % 2 else y
            items.append(v)
        x[0] *= 3.0
        y[1] += x[2]
        return sum(np.sum(v**2) for v in items) + np.sum(x) * np.sum(y)

    right_or_refused(f, X[0], X[1], n)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_an_array_is_put_into_a_list_in_one_branch(n):
    def f(x, n):
        items = []
        for i in range(n):
            if x[0] * i < 0.7:
                items.append(x)
            else:
                x[1] *= 1.2
        x[0] += 1.0
        return sum(np.sum(v**2) for v in items) + np.sum(x)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_list_in_nested_loops_with_break_and_continue(n):
    def f(x, n):
        y = x * 1.5
        items = []
        for i in range(n):
            for j in range(n):
                if j > i:
                    break
                if j == 1:
                    continue
                items.append(y)
                y[j] *= 1.1
        y[0] = 2.0 * y[1]
        return sum(np.sum(v**2) for v in items) + np.sum(y)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_an_array_of_one_step_in_a_list_of_that_step(n):
    def f(x, n):
        total = 0.0
        for i in range(n):
            y = x * (i + 1.0)
            items = []
            for _ in range(n):
                items.append(y)
            y[0] = x[1]
            total += sum(np.sum(v**2) for v in items)
        return total

    right_or_refused(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_arrays_of_each_step_in_a_list_and_one_from_before(n):
    def f(x, n):
        y = x * 2.0
        items = []
        for i in range(n):
            items.append(y)
            y = y * 1.1
        x[0] += 1.0
        y[0] *= 2.0
        return sum(np.sum(v**2) for v in items) + np.sum(y)

    right_or_refused(f, X[0], n)


def put_into(items, v):
    items.append(v)
    return items


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_helper_puts_an_array_into_a_list(n):
    def f(x, n):
        items = []
        for _ in range(n):
            items = put_into(items, x)
        x[0] += 1.0
        return sum(np.sum(v**2) for v in items) + np.sum(x)

    right_or_refused(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_pairs_of_an_array_and_a_number(n):
    def f(x, n):
        pairs = []
        for i in range(n):
            pairs.append((x, x[i] * 2.0))
        x[0] *= 3.0
        return sum(np.sum(v**2) * s for v, s in pairs) + np.sum(x)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_loop_keeps_the_memory_order(n):
    def f(x, n):
        y = x.copy()
        for _ in range(n):
            y = y * 1.1 + x[0]
            y.reshape(-1)[2:] *= 1.2
        y.reshape(-1)[1:] *= x[0, 0]
        return np.sum(y**2)

    right(f, X, n)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_loop_changes_the_memory_order(n):
    def f(x, n):
        y = x[:3, :3].copy()
        for _ in range(n):
            y = (y * 1.1).T.copy(order="K")
        v = y.reshape(-1)
        v[1:] *= x[0, 0]
        return np.sum(y**2) + np.sum(v)

    right_or_refused(f, X, n)


@pytest.mark.parametrize("s", [0.5, -0.5])
def test_the_parts_of_one_of_two_arrays(s):
    def f(x, y, s):
        z = x if s > 0 else y
        a, b = np.split(z, [1])
        a[0] *= 3.0
        y[1] += 2.0
        b[0] += y[2] ** 2
        return np.sum(x**2) + np.sum(y**3) + np.sum(b)

    right(f, X[0], X[1], s, wrt=(0, 1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_and_columns_of_one_array_are_stored_into_each_other(layout):
    def f(x):
        x.T[-1] = x[1]
        y = x * 2.0
        y[:, 0] = y[0]
        y.swapaxes(0, 1)[1] = y[2][::-1]
        y.T[1, 1:] = y[:2, 0]
        return np.sum(y**2) + np.sum(x**3)

    right_or_refused(f, LAYOUTS[layout](X[:, :3].copy()))
    right(f, X[:, :3].copy())


def test_the_real_part_of_complex_numbers_is_not_in_one_piece():
    def f(x):
        c = x * (1.0 + 0.5j)
        v = c.real.ravel()
        v[0] = 5.0 * v[1]
        return np.sum(c.real**2) + np.sum(v)

    right_or_refused(f, X)
    right_or_refused(f, X[0])


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("part", [np.s_[:], np.s_[::2], np.s_[::-1], np.s_[1:]])
def test_a_part_of_an_argument_in_a_branch_or_a_loop(part, n):
    def f(x, n):
        y = x
        if n > 1:
            y = x * 2.0
        v = y.ravel()
        v[0] = 5.0 * v[1]
        z = x[part]
        for _ in range(n):
            z = z * 1.5
        w = z.ravel()
        w[0] = 3.0 * w[1]
        return np.sum(y**2) + v[0] ** 3 + np.sum(z) * np.sum(w**2) + np.sum(x)

    right_or_refused(f, X.ravel()[part], n)
    right_or_refused(f, X.ravel().copy(), n)


# Arrays that the steps of a loop make, of which branches decide which live.


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_branch_names_what_another_makes_anew(n, dtype):
    def f(x, y, n):
        v = x * 1.5
        k = 0
        while k < n:
            if k % 3 == 1:
                v = y
            else:
                y = np.sin(y)
            y[y > 0.2] += 0.1 * x[0]
            k += 1
        v[0] *= 2.0
        return np.sum(v**2) + np.sum(y**3)

    rtol = 2e-3 if dtype is np.float32 else None
    for wrt in (0, 1):
        right(f, X[0].astype(dtype), X[1].astype(dtype), n, wrt=wrt, rtol=rtol)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_three_names_change_places_in_a_loop_in_a_loop(n):
    def f(x, n):
        for i in range(n):
            p, q = x, np.sin(x) + i
            for _ in range(n):
                q, x, p = x, p, q
        x[0] *= 3.0
        x[1:] -= x[0]
        return np.sum(x**2)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_four_names_with_new_arrays_views_and_a_break(n):
    def f(x, y, n):
        t = y[::-1]
        v = x
        for i in range(n):
            x[0] += 0.1 * t[1]
            if i % 2:
                x, t, v = t, v, x
            elif i > 3:
                break
            else:
                y, t = t, y * 0.9
            if x[1] > 3.0 * y[0]:
                v = x
                continue
            v[1] *= 1.1
        t[2] -= 0.5
        return np.sum(x**2) + np.sum(y**3) + np.sum(t * v)

    right(f, X[0], X[1], n)
    right(f, X[0], X[1], n, wrt=1)


def exchanged(a, b, i):
    if i % 2:
        return b, a * 1.0
    return a, b


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_helper_returns_one_of_several_arrays(n):
    def f(x, y, n):
        z = y
        for i in range(n):
            x, y = exchanged(x, y, i)
            if i == 3:
                z = x
            x[0] += 0.3
            z[1] *= 1.2
        return np.sum(x**2) + np.sum(y**3) + np.sum(z)

    right_or_refused(f, X[0], X[1], n)


def test_names_that_each_hold_what_the_next_held():
    """The value before a step is at hand where the value after it was: a chain of three."""

    def f(x, y, n):
        a, b, c = x, y, x * y
        for i in range(n):
            t = np.sin(a) * b + np.cos(c)
            a, b, c = b, c, t
        return np.sum(a * b) + np.sum(c**2)

    for n in (0, 1, 2, 5):
        right(f, X[0], X[1], n)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_what_two_loops_carry_may_be_one_array(n):
    """The adjoint begins as an array that the first loop hands on under another name."""

    def f(x, n):
        t = x * 2.0
        v = t
        held = t
        for _ in range(n):
            x = np.sin(t)
            t, v = v, t
        return np.sum(x**2) + np.sum(t) * 1.3 + np.sum(v * held)

    right(f, X[0], n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_what_a_name_was_before_the_last_step_is_read_after_the_loop(n):
    def f(m, t, n):
        t = t * 1.0
        for u in m[:n]:
            m *= 0.5
            u, t = t, u
        return np.sum(u) * t[0]

    right(f, X.copy(), X[0] * 3.0, n)


def test_what_proves_the_order_of_an_array_does_not_grow_with_the_statements_that_led_to_it():
    lines = ["def f(x):", "    v0, v1 = x, x * 2"]
    lines += [f"    v{i} = np.sin(v{i - 1}) * v{i - 2}" for i in range(2, 80)]
    lines += ["    y = v79.reshape(-1)", "    y[0] = 0.0", "    return np.sum(v79)"]
    text = "\n".join(lines)
    linecache.cache["<eighty statements>"] = (
        len(text), None, text.splitlines(keepends=True), "<eighty statements>"
    )  # fmt: skip
    names = {"np": np}
    exec(compile(text, "<eighty statements>", "exec"), names)
    right(names["f"], X)


def test_zeros_that_are_written_through_a_reshape_are_in_the_order_of_what_was_reshaped():
    def f(x):
        q = np.full((3, 3), 2.0) * x
        e = np.where(q.swapaxes(0, 1), q.reshape(-1)[::4], 2.0)
        return np.mean(e)

    right(f, 1.3)


def test_what_a_squeeze_of_unknown_rank_may_be_a_view_of_is_not_written():
    def f(x):
        part = x[1:5]
        squeezed = np.squeeze(part)
        part[0] -= 2.0
        return np.sum(squeezed**2)

    assert right_or_refused(f, np.linspace(0.3, 1.4, 6)) == "refused"
