"""`with`: managers in Python are written out, others stay."""

import contextlib
import threading
import warnings

import numpy as np
import pytest

from srcdiff import grad, value_and_grad
from tests.judge import judge, right
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


LOCK = threading.Lock()


@at((X,))
def with_errstate(x):
    with np.errstate(divide="ignore"):
        y = x / 2
    return np.sum(y)


@at((X,))
def with_warn(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = x * x
    return np.sum(y)


@at((X,))
def with_null(x):
    with contextlib.nullcontext():
        y = x * x
    with contextlib.nullcontext(3.0) as z:
        y = y * z
    return np.sum(y)


@at((X,), (-X,))
def with_suppress(x):
    y = x
    with contextlib.suppress(ValueError):
        if x[0] < 0:
            raise ValueError
        y = x * x
    return np.sum(y)


LOCK = threading.Lock()


@at((X,))
def with_lock(x):
    with LOCK:
        y = x * x
    return np.sum(y)


@contextlib.contextmanager
def scaled(x):
    y = x * 2
    yield y
    y[0] = 5.0


@at((X,))
def with_gen(x):
    with scaled(x) as y:
        z = y * y
    return np.sum(z) + np.sum(y)


@contextlib.contextmanager
def finalised(log):
    log.append(1)
    try:
        yield
    finally:
        log.append(2)


@at((X,), (X * 10,))
def with_gen_return(x):
    log = []
    with finalised(log):
        for v in x:
            if v > 2:
                return v * v
    return x[0] * len(log)


class Timer:
    def __init__(self):
        self.n = 0

    def __enter__(self):
        self.n = 1
        return self

    def __exit__(self, *exc):
        self.n = 2


@at((X,))
def with_class(x):
    with Timer() as t:
        y = x * t.n
    return np.sum(y) * t.n


@contextlib.contextmanager
def swallow(k):
    try:
        yield k * 2
    except ValueError:
        pass


@at((X,), (-X,))
def w_swallow(x):
    y = x
    with swallow(2.0) as k:
        y = y * k
        if x[0] < 0:
            raise ValueError
        y = y * x
    return np.sum(y)


class Scoped:
    def __init__(self, drop):
        self.drop = drop
        self.n = 0

    def __enter__(self):
        self.n += 1
        return self.n

    def __exit__(self, cls, error, tb):
        self.n += 10
        return self.drop and cls is not None and issubclass(cls, ValueError)


@at((X,), (-X,))
def w_class(x):
    s = Scoped(True)
    y = x
    with s as k:
        y = y * k * 2
        if x[0] < 0:
            raise ValueError
        y = y * x
    return np.sum(y) * s.n


@at((X,), (-X,))
def w_class_outer(x):
    s = Scoped(False)
    y = x
    try:
        with s as k:
            y = y * k * 2
            if x[0] < 0:
                raise ValueError
            y = y * x
    except ValueError:
        y = y * 7
    return np.sum(y) * s.n


@at((X,), (-X,), (X * 10,))
def w_loop(x):
    s = Scoped(False)
    t = 0.0
    for v in x:
        with s, contextlib.nullcontext(2.0) as two:
            if v < 0:
                continue
            if v > 3:
                break
            t += v * two
    return t * s.n


@at((X,), (-X,))
def w_lock(x):
    y = x
    try:
        with LOCK:
            if x[0] < 0:
                raise ValueError
            y = y * 3
    except ValueError:
        assert not LOCK.locked()
        y = y * x
    return np.sum(y)


@at((X,), (-X,))
def w_errstate(x):
    try:
        with np.errstate(divide="ignore"):
            for v in x:
                if v < -1:
                    raise KeyError("k")
            y = 1 / x
    except KeyError:
        y = x * 2
    return np.sum(y)


@at((X,), (X * 10,))
def w_return(x):
    with LOCK:
        for v in x:
            if v > 2:
                return v * v
    return x[0]


@contextlib.contextmanager
def timed(log):
    log.append(1)
    try:
        yield
    finally:
        log.append(2)


@at((X,), (-X,))
def w_timed(x):
    log = []
    try:
        with timed(log):
            if x[0] < 0:
                raise KeyError
            y = x * 2
    except KeyError:
        y = x * x
    return np.sum(y) * len(log)


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_what_is_inside_with_is_differentiated(f, args):
    right(f, *args)
    on_tape = judge(f, args, gradient=tape_gradient)
    assert on_tape.outcome in ("right", "refused"), str(on_tape)


def test_a_lock_is_released_before_the_handler_and_after_an_error():
    def f(x, y):
        try:
            with LOCK:
                if x[0] > 0:
                    raise KeyError
                z = x + y
        except KeyError:
            assert not LOCK.locked()
            z = x
        return np.sum(z * z)

    df = grad(f, fallback="error")
    assert df(X, X).tolist() == (2 * X).tolist()
    with pytest.raises(ValueError, match="broadcast"):
        df(-X, np.ones(2))
    assert not LOCK.locked()
    assert "with LOCK:" in df.source


def test_the_filters_of_warnings_are_put_back():
    def f(x):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("here", UserWarning, stacklevel=1)
            y = x * x
        return np.sum(y)

    before = list(warnings.filters)
    value, gradient = value_and_grad(f, fallback="error")(X)
    assert warnings.filters == before and gradient.tolist() == (2 * X).tolist()


def test_the_error_state_holds_inside_only():
    def f(x):
        with np.errstate(divide="ignore"):
            y = 1.0 / (x - x)
        return np.sum(np.where(np.isinf(y), x, y))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(invalid="ignore"):
            grad(f, fallback="error")(X)
