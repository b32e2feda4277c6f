"""State outside a function: written as the function writes it, once, and read as it is then."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy.special import mathieu_a

from srcdiff import FallbackWarning, UnsupportedSyntaxError, grad, value_and_grad
from tests.tape import value_and_grad_on_tape

COUNT = 0
TOTAL = 0.0
LAST = None
CACHE: dict[str, Any] = {}
STATS = {"calls": 0, "sum": 0.0}
LOG: list[Any] = []
HISTORY = [0.0, 0.0]
BUFFER = np.zeros(3)
WORK = np.zeros((2, 3))


class Model:
    made = 0

    def __init__(self):
        self.n, self.w, self.h = 0, np.array([1.0, 2.0, 3.0]), np.zeros(3)
        self.cache, self.items, self.sums = None, [], [1.0]

    def counted(self, x):
        self.n += 1
        self.cache = x * self.w
        return np.sum(self.cache**2) * self.n

    def rebound(self, x):
        self.h = np.tanh(self.h + x)
        return np.sum(self.h)

    def in_place(self, x):
        self.h += x
        self.h[0] *= 2.0
        return np.sum(self.h * x)

    def in_a_loop(self, x):
        for v in x:
            self.n += 1
            self.h = self.h * v + 0.1
        return np.sum(self.h) * self.n

    def in_a_branch(self, x):
        if x[0] > 0.5:
            self.n += 1
            self.extra = x * 2
        Model.made += 1
        return np.sum(x**2) * self.n * Model.made

    def appended(self, x):
        y = np.sum(x**2)
        self.items.append(y)
        return y * len(self.items) + self.items[-1]

    def list_rebound(self, x):
        self.sums = [*self.sums, np.sum(x)]
        self.sums[0] = self.sums[-1] * 2
        return self.sums[0] * self.sums[-2]

    def swapped(self, x):
        self.w, self.h = self.h, self.w * x
        return np.sum(self.w) + np.sum(self.h**2)

    def through_a_method(self, x):
        self.remember(x * 2)
        return np.sum(self.seen * x)

    def remember(self, value):
        self.seen = value
        self.n -= 1

    @property
    def scale(self):
        return self.n + 1.0

    @scale.setter
    def scale(self, value):
        self.n = value

    def through_a_property(self, x):
        self.scale = self.scale * 2
        return np.sum(x) * self.scale


MODEL = Model()


def globals_written(x):
    global COUNT, TOTAL
    COUNT += 1
    TOTAL = TOTAL + np.sum(x)
    return TOTAL * COUNT


def global_that_changes_its_kind(x):
    global LAST
    if LAST is not None:
        x = x + LAST
    LAST = x
    return np.sum(x**2)


def dict_items(x):
    STATS["calls"] += 1
    STATS["sum"] += np.sum(x)
    CACHE["y"] = x * 2
    return np.sum(CACHE["y"] * x) * STATS["calls"] + STATS["sum"]


def memo(x):
    if "memo" not in CACHE:
        CACHE["memo"] = np.ones(3) * 2
    return np.sum(CACHE["memo"] * x)


def list_items(x):
    LOG.append(np.sum(x))
    HISTORY[0] = HISTORY[1]
    HISTORY[1] = np.sum(x)
    return HISTORY[0] * HISTORY[1] + np.sum(x)


def list_shifted(x):
    HISTORY.insert(0, np.sum(x))
    HISTORY.pop()
    HISTORY[1] = HISTORY[0]
    return HISTORY[1] ** 2 * HISTORY[0]


def item_deleted(x):
    if "sum" in STATS:
        del STATS["sum"]
    STATS.update(calls=np.sum(x))
    STATS.setdefault("other", 2.0)
    return STATS["calls"] * STATS.pop("other")


def array_overwritten(x):
    BUFFER[:] = x * 2
    BUFFER[1] += x[0]
    return np.sum(BUFFER**2)


def array_read_before_and_after(x):
    y = np.sum(BUFFER * x)
    BUFFER[:] = x
    return y + np.sum(BUFFER**2)


def array_in_a_loop(x):
    for i in range(2):
        WORK[i] = x * (i + 1)
        WORK[i, 0] += np.sum(WORK[i])
    return np.sum(WORK * WORK)


def array_rebound_after_a_store(x):
    global BUFFER
    BUFFER[:] = x
    BUFFER = BUFFER * 2
    return np.sum(BUFFER**2)


def stored_then_changed(x):
    h = x * 1.0
    MODEL.h = h
    h += 1
    return np.sum(h * MODEL.h)


def list_stored_then_changed(x):
    items = [x * 1.0]
    MODEL.items = items
    items.append(x * 2)
    return np.sum(MODEL.items[1] * items[0])


def argument_stored_then_changed(x):
    MODEL.h = x
    y = x * x
    y[0] = 0.0
    return np.sum(y * MODEL.h)


def helper_of_state(x):
    global COUNT
    COUNT += 2
    return x * COUNT


def written_in_a_helper(x):
    return np.sum(helper_of_state(x) * helper_of_state(x))


def in_both_branches(x):
    if np.sum(x) > 0.7:
        MODEL.h = x * 2
        STATS["calls"] = 7
    else:
        MODEL.h = x * 3
    return np.sum(MODEL.h**2) * STATS["calls"]


FUNCTIONS = [
    globals_written, global_that_changes_its_kind, dict_items, memo, list_items, list_shifted,
    item_deleted,
    array_overwritten, array_read_before_and_after, array_in_a_loop, array_rebound_after_a_store,
    stored_then_changed, list_stored_then_changed, argument_stored_then_changed,
    written_in_a_helper, in_both_branches,
    MODEL.counted, MODEL.rebound, MODEL.in_place, MODEL.in_a_loop, MODEL.in_a_branch,
    MODEL.appended, MODEL.list_rebound, MODEL.swapped, MODEL.through_a_method,
    MODEL.through_a_property,
]  # fmt: skip

NAMES = ("COUNT", "TOTAL", "LAST", "CACHE", "STATS", "LOG", "HISTORY", "BUFFER", "WORK")


def state() -> tuple:
    return copy.deepcopy(([globals()[name] for name in NAMES], Model.made, vars(MODEL)))


def put(saved: tuple) -> None:
    values, Model.made, attributes = copy.deepcopy(saved)
    globals().update(zip(NAMES, values))
    vars(MODEL).clear()
    vars(MODEL).update(attributes)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = state()
    yield
    put(before)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return type(b) is np.ndarray and a.dtype == b.dtype and np.allclose(a, b)
    return a is b if a is None else type(a) is type(b) and np.allclose(a, b)


@pytest.mark.parametrize("how", ["compiled", "on the tape"])
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_state_is_what_plain_calls_leave(f: Callable, how: str):
    """Three calls: values, gradients and all that lies outside are those of plain calls."""
    x = np.array([0.3, 0.7, -0.4])
    states, values, slopes = [state()], [], []
    for k in (1, 2, 3):
        slope = np.zeros(3)
        for i in range(3):
            step = np.zeros(3)
            step[i] = 1e-6
            put(states[-1])
            up = f(x * k + step)
            put(states[-1])
            slope[i] = (up - f(x * k - step)) / 2e-6
        slopes.append(slope)
        put(states[-1])
        values.append(f(x * k))
        states.append(state())
    put(states[0])
    df = value_and_grad(f, fallback="error") if how == "compiled" else value_and_grad_on_tape(f)
    for k in (1, 2, 3):
        at = x * k
        value, gradient = df(at)
        assert np.array_equal(at, x * k), "the argument was changed"
        assert np.allclose(value, values[k - 1])
        assert np.allclose(gradient, slopes[k - 1], atol=1e-5)
        assert same(state(), states[k])


def test_what_was_stored_shares_no_memory_with_the_gradient():
    def stores(x):
        MODEL.h = x * 2
        return np.sum(MODEL.h * x)

    x = np.array([0.3, 0.7, -0.4])
    gradient = grad(stores, fallback="error")(x)
    gradient[:] = 99.0
    assert np.array_equal(MODEL.h, x * 2)


def test_a_closure_keeps_its_count():
    def make():
        k = 0

        def f(x):
            nonlocal k
            k += 1
            return np.sum(x) * k

        return f

    df = grad(make(), fallback="error")
    assert [df(np.ones(2))[0] for _ in range(4)] == [1, 2, 3, 4]


def test_numbers_that_change_make_no_new_code():
    df = value_and_grad(MODEL.rebound, fallback="error")
    for _ in range(12):
        df(np.ones(3))
    assert sum(map(len, df._codes.values())) == 1
    df = value_and_grad(globals_written, fallback="error")
    for _ in range(12):
        df(np.ones(3))
    assert sum(map(len, df._codes.values())) <= 2  # a float becomes a NumPy scalar


def test_what_an_exception_leaves_is_what_was_stored_before_it():
    def stops(x):
        global COUNT
        COUNT += 1
        BUFFER[:] = x
        if x[0] > 1:
            raise ValueError("too large")
        COUNT += 10
        return np.sum(x)

    df = grad(stops, fallback="error")
    with pytest.raises(ValueError, match="too large"):
        df(np.array([2.0, 1.0, 1.0]))
    assert COUNT == 1 and BUFFER[0] == 2.0
    df(np.ones(3))
    assert COUNT == 12


def test_a_list_may_be_appended_to_in_a_loop_and_hold_each_step():
    def steps(x):
        y = x * 1.0
        for v in x:
            y = y * v
            LOG.append(y)
        return np.sum(y)

    x = np.array([0.3, 0.7, -0.4])
    grad(steps, fallback="error")(x)
    assert same(LOG, [x * 0.3, x * 0.3 * 0.7, x * 0.3 * 0.7 * -0.4])


def test_what_is_appended_and_changed_afterwards_is_refused():
    def steps(x):
        y = x * 1.0
        for v in x:
            y *= v
            LOG.append(y)
        return np.sum(y)

    def once(x):
        y = x * 1.0
        LOG.append(y)
        y *= 2
        return np.sum(y)

    for f in (steps, once):
        with pytest.raises(UnsupportedSyntaxError, match="appended to a list outside"):
            grad(f, fallback="error")(np.ones(3))
    assert not LOG


BASE = np.arange(6.0)
PART, OTHER = BASE[:4], BASE[2:]


def test_arrays_that_share_memory_with_one_that_is_written_are_refused():
    def writes(x):
        BUFFER[:] = x * 2
        return np.sum(BUFFER * x)

    def writes_a_part(x):
        PART[:3] = x
        return np.sum(OTHER) * np.sum(x)

    def reads_parts(x):
        x[0] = 2.0
        return np.sum(OTHER) * np.sum(PART) * np.sum(x)

    for f, x in ((writes, BUFFER), (writes, BUFFER[::-1]), (writes_a_part, np.ones(3))):
        with pytest.raises(UnsupportedSyntaxError, match="share"):
            grad(f, fallback="error")(x)
    assert np.array_equal(grad(writes, fallback="error")(np.ones(3)), [4, 4, 4])
    assert np.array_equal(grad(reads_parts, fallback="error")(np.ones(3)), [0, 84, 84])


def test_an_array_that_cannot_be_written_raises_as_numpy_does():
    def writes(x):
        FROZEN[0] = x[0]
        return np.sum(FROZEN)

    with pytest.raises(ValueError, match="read-only"):
        grad(writes, fallback="error")(np.ones(3))


def refused_and_stores(x):
    global TOTAL
    TOTAL = TOTAL + np.sum(x)
    yielded = [v for v in (w for w in x) if v > 0]
    return np.sum(mathieu_a(2, x)) + len(yielded) if len(x) > 99 else eval("np.sum(x)")


def test_what_a_helper_on_the_tape_stores_is_read_afterwards():
    def f(x):
        y = refused_and_stores(x)
        return y * TOTAL

    with pytest.warns(FallbackWarning):
        df = grad(f)
        found = [df(np.ones(2)) for _ in range(3)]
    assert [g[0] for g in found] == [4.0, 6.0, 8.0]
    assert TOTAL == 6.0


FROZEN = np.zeros(3)
FROZEN.flags.writeable = False
