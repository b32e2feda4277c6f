"""Names that are None at first: whether they still are is a flag, what they are later a value."""

import math

import numpy as np
import pytest

from srcdiff import NonScalarOutputError, value_and_grad
from tests.judge import judge, right, right_or_refused
from tests.tape import tape_gradient

X = np.array([0.5, 1.5, -0.7])
M = np.array([[0.5, 1.5, -0.7], [1.0, 2.0, 3.0]])
PROGRAMS: list = []


def at(*points):
    """The argument tuples that a program is judged at."""

    def note(f):
        PROGRAMS.extend(
            pytest.param(f, args, id=f"{f.__name__}-{i}") for i, args in enumerate(points)
        )
        return f

    return note


@at((X,), (-X,))
def n1(x):
    best = None
    arg = None
    for i, v in enumerate(x):
        if best is not None and v * v >= best:
            continue
        best = v * v
        arg = i
    return best * (arg + 1)


@at((X,), (-X,))
def n_branch(x):
    y = None
    if x[0] > 0:
        y = x * 2
    if y is None:
        y = x * x
    return np.sum(y)


@at((X,), (-X,))
def n_branch2(x):
    y = None
    if x[0] > 0:
        y = x[1] * 2
    z = 0.0
    if y is not None:
        z = y * y
    return z + x[2]


def find(x, t):
    for v in x:
        if v > t:
            return v * v


@at((X, 1.0), (X, 10.0))
def n_helper(x, t):
    r = find(x, t)
    if r is None:
        return np.sum(x)
    return r


@at((X, 1.1), (X, 10.0))
def n_helper_loop(x, t):
    s = 0.0
    for k in range(3):
        r = find(x * (k + 1), t)
        if r is not None:
            s += r
    return s


@at((X,), (-X,))
def n_reset(x):
    prev = None
    s = 0.0
    for v in x:
        if prev is not None:
            s += prev * v
        if v > 0:
            prev = v
        else:
            prev = None
    return s


@at((M,))
def n_nested(m):
    best = None
    for row in m:
        for v in row:
            if best is None or v > best:
                best = v
    return best * best


@at((M,))
def n_row(m):
    best = None
    for row in m:
        if best is None or np.sum(row) > np.sum(best):
            best = row
    return np.sum(best * best)


@at((1.7,), (5.0,))
def n_while(x):
    last = None
    n = 0
    while last is None or abs(x - last) > 0.1:
        last = x
        x = math.sqrt(x)
        n += 1
    return x * last


class Box:
    def __init__(self):
        self.best = None

    def see(self, v):
        if self.best is None or v < self.best:
            self.best = v


@at((X,))
def n_attr(x):
    b = Box()
    for v in x:
        b.see(v * v)
    return b.best * 3


@at((X,), (-X,))
def n_static(x):
    h = None
    for k in range(3):
        if h is None:
            h = x * k
        h = h + x * x
    return np.sum(h)


@at((X, 2), (X, 0))
def n_zero(x, n):
    h = None
    for k in range(n):
        h = x * k if h is None else h * x
    if h is None:
        h = x
    return np.sum(h)


@at((M.astype(np.float32),))
def n_f32(m):
    h = None
    for row in m:
        h = row if h is None else h * row
    return np.sum(h)


@at((X,), (-X,))
def n_ternary(x):
    best = None
    for v in x:
        best = v if best is None else max(best, v)
    return best * 2


@at((X,), (-X,))
def n_match(x):
    best = None
    for v in x:
        match best:
            case None:
                best = v
            case b if v > b:
                best = v * 1.0
    return best * 2


# What may be None is handed on


def doubled_once(s, v, *more, **named):
    return v * (1.0 if s is None else 2.0) + sum(3.0 for m in more if m is None) * v + (
        v if named.get("k", 0.0) is None else 0.0)  # fmt: skip


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b


@at((X,), (-X,))
def n_into_a_function(x):
    s, r = None, 0.0
    for v in x:
        r += doubled_once(s, v) + doubled_once(v=v, s=s) * doubled_once(v, v, s, k=s)
        s = v
    return r * x[0]


@at((X,), (-X,))
def n_into_a_tuple(x):
    s, r = None, 0.0
    for v in x:
        t = (s, v)
        a, b = t
        r += b * (1.0 if t[0] is None else 2.0) + b * b * (1.0 if a is None else a)
        s = v
    return r * x[0]


@at((X,), (-X,))
def n_into_containers(x):
    s, r, kept = None, 0.0, [None, None]
    for v in x:
        items, table, pair = [s, v], {"s": s}, Pair(s, v)
        kept[1] = s
        r += v * (1.0 if items[0] is None else 2.0)
        r += v * v * (1.0 if table["s"] is None else 2.0)
        r += v**3 * (1.0 if pair.a is None else 2.0)
        pair.b = s
        r += v**4 * (1.0 if pair.b is None else 2.0) * (1.0 if kept[1] is None else v)
        s = v
    return r * x[0]


@at((X,), (-X,))
def n_walked(x):
    s = x[1] if x[0] > 0 else None
    r = 0.0
    for q in (s, x[0], x[2]):
        r += 5 * x[2] if q is None else q * q
    return r + sum(q for q in (s, x[0]) if q is not None)


@at((X,), (-X,))
def n_default(x):
    s, r = None, 0.0
    for v in x:
        r += v * (lambda q=s: 1.0 if q is None else 2.0)()
        s = v
    return r * x[0]


def momentum(p, g, state):
    m = state.get("m")
    state["m"] = g if m is None else 0.9 * m + g
    return p - 0.1 * state["m"]


@at((X,), (-X,))
def n_state(x):
    state, p = {"m": None}, x * 1.0
    for i in range(len(x)):
        p = momentum(p, p * x[i], state)
    return np.sum(p**2)


@at((X,), (-X,))
def n_two_of_them_written(x):
    s = x if x[0] > 0 else None
    t = [s] * 2
    r = x[0]
    if t[1] is not None:
        t[1][0] *= 3
        r = np.sum(t[0] ** 2)
    return r * x[1]


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_what_may_be_none_is_differentiated(f, args):
    right(f, *args)
    on_tape = judge(f, args, gradient=tape_gradient)
    assert on_tape.outcome in ("right", "refused"), str(on_tape)


def n_row_store(m):
    m = m * 1.0
    best = None
    for row in m:
        if best is None or np.sum(row) > np.sum(best):
            best = row
    m[0, 0] = 7.0
    return np.sum(best * best)


def n_truth(x):
    best = None
    for v in x:
        if not best or v > best:
            best = v
    return best


def n_isinstance(x):
    s, r = None, 0.0
    for v in x:
        r += v * (2.0 if isinstance(s, float) else 1.0)
        s = v
    return r


def n_equal(x):
    s, r = None, 0.0
    for v in x:
        r += v * (3.0 if s in (None, 5) else 2.0) + v * v * (1.0 if s == x[0] else 4.0)
        s = v
    return r


def n_listed(x):
    found = [v * v if v > 0 else None for v in x]
    return sum(3.0 if q is None else q for q in found)


@pytest.mark.parametrize("f, x", [(n_row_store, M), (n_truth, X), (n_truth, -X),
                                  (n_isinstance, X), (n_equal, X), (n_listed, X)])  # fmt: skip
def test_what_cannot_be_told_is_refused(f, x):
    right_or_refused(f, x)


def caught_operator(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    try:
        r = s * x[2]
    except TypeError:
        r = x[1] ** 2
    return r


def caught_in_a_loop(x):
    s = None
    t = 0.0
    for v in x:
        try:
            t += v * s
        except TypeError:
            t += v
        s = None if v > 1 else v
    return t


def caught_ufunc(x):
    s = x * 2
    if x[1] > 0:
        s = None
    try:
        r = np.sum(np.sin(s))
    except TypeError:
        r = x[1] ** 2
    return r


@pytest.mark.parametrize("f", [caught_operator, caught_in_a_loop, caught_ufunc])
@pytest.mark.parametrize("x", [X, -X])
def test_the_error_of_none_is_caught(f, x):
    right(f, x)


def number_operator(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    return s * x[2]


def array_item(x):
    s = x * 2
    if x[1] > 0:
        s = None
    return s[0] * x[2]


def array_method(x):
    s = x * 2
    if x[1] > 0:
        s = None
    return s.sum()


def array_ufunc(x):
    s = x * 2
    if x[1] > 0:
        s = None
    return np.sum(np.sin(s))


def inplace(x):
    s = x * 2
    if x[1] > 0:
        s = None
    s += x
    return np.sum(s)


def ordered(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    return x[0] if s < x[2] else x[2] ** 2


@pytest.mark.parametrize("f", [number_operator, array_item, array_method, array_ufunc, inplace,
                               ordered])  # fmt: skip
def test_none_raises_what_it_raises_in_the_program(f):
    right(f, -X)
    with pytest.raises((TypeError, AttributeError)) as theirs:
        f(X)
    with pytest.raises(type(theirs.value)) as ours:
        value_and_grad(f, fallback="error")(X)
    assert str(ours.value) == str(theirs.value)


def returned(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    return s


def test_none_that_is_returned_has_no_derivative():
    right(returned, -X)
    with pytest.raises(NonScalarOutputError):
        value_and_grad(returned, fallback="error")(X)


def in_an_array(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    return np.sum(np.array([s, x[1]]) * 2)


def an_axis(x):
    s = 0
    if x[1] > 0:
        s = None
    return np.sum(np.sum(x, axis=s) ** 2)


def stored(x):
    s = x[0] * 2
    if x[1] > 0:
        s = None
    x = x * 1.0
    x[0] = s
    return np.sum(x * x)


@pytest.mark.parametrize("f", [in_an_array, an_axis, stored])
def test_none_that_is_no_error_is_refused_or_right(f):
    right_or_refused(f, -X)


def swapped_and_none_again(x):
    w = {"a": None, "b": x * 1.0}
    for i in range(3):
        a, b = w["a"], w["b"]
        if a is None:
            w["a"] = b * x[i]
        else:
            w["a"], w["b"] = w["b"], a
            a[i] *= 2
            if x[i] < 0:
                w["a"] = None
    return np.sum(w["b"] ** 2) + (0.0 if w["a"] is None else np.sum(w["a"]))


def names_swapped_and_none_again(x):
    p, q = None, x * 1.0
    for i in range(3):
        a, b = p, q
        if a is None:
            p = b * x[i]
        else:
            p, q = q, a
            a[i] *= 2
            if x[i] < 0:
                p = None
    return np.sum(q ** 2) + (0.0 if p is None else np.sum(p))


@pytest.mark.parametrize("f", [swapped_and_none_again, names_swapped_and_none_again])
@pytest.mark.parametrize("x", [X, -X])
def test_arrays_that_change_places_with_none_in_a_loop(f, x):
    right_or_refused(f, x)
