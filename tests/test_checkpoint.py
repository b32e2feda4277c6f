"""Snapshots: the gradient is the same, bit for bit, and takes the memory that was asked for."""

import contextlib
import functools
import io
import math
import pickle
import sys
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

from srcdiff import (
    FallbackWarning,
    SrcdiffError,
    UnsupportedSyntaxError,
    checkpoint,
    elementwise_grad,
    grad,
    hvp,
    jvp,
    pullback,
    value_and_grad,
    vjp,
)
from srcdiff.runtime import kernels
from srcdiff.runtime.registry import vjp_rule
from srcdiff.transforms.ir import walk
from srcdiff.trees import leaves
from tests.fuzz import loaded, positions_of
from tests.grammar import program
from tests.judge import fresh, right
from tests.outside import Outside
from tests.tangents import programs

SCHEDULES = ["sqrt", 1, 2, 5, "100KB"]


def bits(tree: Any) -> list:
    """What a gradient is, to the last bit."""
    return [
        (path, x if x is None else (np.asarray(x).dtype, np.shape(x), np.asarray(x).tobytes()))
        for path, x in leaves(tree)
    ]


def same(f: Any, *args: Any, wrt: Any = 0, schedules: Any = SCHEDULES) -> None:
    """The gradient by each schedule is that without one, and the value as well."""
    plain = value_and_grad(f, wrt=wrt, fallback="error")(*fresh(args))
    for schedule in schedules:
        df = value_and_grad(f, wrt=wrt, fallback="error", checkpoint=schedule)
        given = fresh(args)
        assert bits(df(*given)) == bits(plain), schedule
        assert bits(list(given)) == bits(list(args)), schedule
        assert bits(df(*fresh(args))) == bits(plain), schedule


# ------------------------------------------------------------------------------- all programs

@pytest.mark.parametrize("f, args, wrt", list(programs()))
def test_snapshots_change_no_bit_of_a_gradient(f, args, wrt):
    try:
        np.random.seed(0)
        plain = elementwise_grad(f, wrt=wrt, fallback="error")
        wanted = plain(*fresh(args))
    except (SrcdiffError, ZeroDivisionError):
        pytest.skip("it has no gradient")
    number = 1 + len(plain.__name__) % 3
    if not any(instr.op in ("for", "while") for instr in walk(plain.ir)):
        return
    for schedule in ("sqrt", number if number < 3 else "200KB"):
        df = elementwise_grad(f, wrt=wrt, checkpoint=schedule)
        np.random.seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            assert bits(df(*fresh(args))) == bits(wanted), (schedule, df.source)


def called(f: Any) -> Any:
    return lambda *args: f(*args)


def called_again(f: Any) -> Any:
    return lambda *args: checkpoint(f)(*args)


def of_program(text: str, schedule: Any, change: Any) -> tuple[list, str]:
    """The value and gradient of a random program, bit for bit, and what it prints."""
    with loaded(text) as module:
        outside, printed = Outside(module), io.StringIO()
        wrt = positions_of(module.f, tuple(module.WRT))
        df = value_and_grad(change(module.f), wrt=wrt, fallback="error",
                            checkpoint=schedule)  # fmt: skip
        np.random.seed(0)
        try:
            with contextlib.redirect_stdout(printed):
                return bits(df(*fresh(module.args()))), printed.getvalue()
        finally:
            outside.restore()


@pytest.mark.parametrize("part", range(6))
@pytest.mark.filterwarnings("ignore")
def test_snapshots_change_no_bit_of_random_programs(part):
    judged = 0
    for seed in range(8000 + 20 * part, 8020 + 20 * part):
        text = program(seed)
        change, again = (called, called_again) if seed % 4 == 0 else (called, called)
        try:
            wanted = of_program(text, None, change)
        except Exception:
            continue  # it is refused, or raises
        schedule = (None, "sqrt", 2, "300KB")[seed % 4]
        try:
            found = of_program(text, schedule, again)
        except SrcdiffError as error:
            assert "snapshots" in str(error) or "too few" in str(error), (seed, error)
            continue
        assert found == wanted, (seed, schedule)
        judged += 1
    assert judged >= 10


# ------------------------------------------------------------------------------- kinds of loops


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 10, 33])
def test_any_number_of_steps(n):
    rng = np.random.default_rng(0)
    same(rnn, rng.normal(size=(3, 3)), rng.normal(size=(n, 3)), wrt=(0, 1))


@pytest.mark.parametrize("start, stop, step", [(0, 9, 1), (3, 20, 4), (9, 0, -2), (5, 5, 1),
                                               (-4, 3, 1), (7, 2, 1), (0, -3, 1), (2, 9, 9)])
def test_any_range(start, stop, step):
    def by_arguments(x, start, stop, step):
        for i in range(start, stop, step):
            x = np.sin(x) + 0.1 * i * x
        return np.sum(x)

    def by_two(x, start, stop):
        for i in range(start, stop, 2):
            x = np.sin(x) + 0.1 * i * x
        return np.sum(x)

    def downwards(x, start, stop):
        for i in range(stop, start, -1):
            x = np.sin(x) + 0.1 * i * x
        return np.sum(x)

    x = np.array([0.3, -0.7])
    same(by_arguments, x, start, stop, step)
    same(by_two, x, start, stop)
    same(downwards, x, start, stop)


@pytest.mark.parametrize("tol", [1e9, 2.0, 0.3, 0.1])
def test_a_while_of_any_length(tol):
    def shrunk(x, tol):
        while np.sum(x**2) > tol:
            x = np.sin(x) * 0.95
        return np.sum(x**3)

    same(shrunk, np.array([1.0, -1.5, 0.3]), tol)


@pytest.mark.parametrize("limit", [-1, 0, 1, 5, 12, 99])
def test_a_loop_that_is_left(limit):
    def for_left(x, limit):
        for i in range(3, 30, 2):
            x = np.sin(x) * 1.1
            if i > limit:
                break
            x = x * x + 0.1
        return np.sum(x)

    def while_left(x, limit):
        n = 0
        while True:
            n += 1
            x = np.sin(x) * 1.1
            if n > limit:
                break
            if n == 40:
                return np.sum(x) * 2.0
            x = x * x + 0.1
        return np.sum(x)

    x = np.array([1.0, -0.5])
    same(for_left, x, limit)
    same(while_left, x, limit)


def test_an_array_that_each_step_writes_into():
    def heat(u, k, steps):
        for _ in range(steps):
            u[1:-1] += k * u[1:-1] * (u[2:] - 2 * u[1:-1] + u[:-2])
        return np.sum(u**2)

    rng = np.random.default_rng(0)
    same(heat, rng.normal(size=9), 0.1, 13, wrt=(0, 1))
    same(heat, rng.normal(size=9).astype(np.float32), 0.1, 13)


def test_two_buffers_that_change_places():
    def ping_pong(u, n):
        v = np.empty_like(u)
        for _ in range(n):
            v[1:-1] = u[1:-1] * u[2:] + 0.5 * u[:-2]
            v[0] = u[0]
            v[-1] = np.sin(u[-1])
            u, v = v, u
        return np.sum(u * u)

    same(ping_pong, np.linspace(0.1, 0.9, 6), 9)


def test_a_list_that_grows_from_step_to_step():
    def last_two(x, n):
        found = [x, x * 2.0]
        for _ in range(n):
            found.append(np.sin(found[-1]) * found[-2])
        return np.sum(found[-1] * found[len(found) // 2])

    same(last_two, np.array([0.3, 0.7]), 11, schedules=["sqrt", 1, 2, 5])


def test_an_array_in_fortran_order_is_read_in_its_order():
    def powers(a, n):
        b = a.T * 1.0
        v = np.ones(a.shape[0])
        for _ in range(n):
            b[0] = b[0] * 0.9
            v = np.tanh(b @ v)
        return np.sum(v)

    a = np.random.default_rng(0).normal(size=(17, 17))
    _, wanted = value_and_grad(powers)(a, 10)
    for schedule in SCHEDULES:
        df = value_and_grad(powers, checkpoint=schedule, fallback="error")
        value, found = df(a, 10)
        assert value == powers(a, 10) and 'b.copy("K")' in df.source.replace("'", '"')
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_loop_over_elements_in_another_loop_keeps_numbers():
    def relaxed(u, n):
        for _ in range(n):
            for i in range(1, len(u) - 1):
                u[i] = math.sin(u[i]) * u[i - 1] + 0.5 * u[i + 1]
        return np.sum(u)

    u = np.linspace(0.1, 0.9, 7)
    same(relaxed, u, 6)
    df = grad(relaxed, checkpoint="sqrt")
    df(u, 6)
    assert df.source.count(".copy()") == 2  # the caller's, and one snapshot of a step
    assert "snapshots_2" not in df.source


def test_what_grows_has_no_place_in_a_number_of_bytes():
    def grown(x, n):
        found = [x]
        for _ in range(n):
            found.append(math.sin(found[-1]) * found[len(found) // 2])
        return found[-1]

    with pytest.raises(UnsupportedSyntaxError, match="may grow, beyond any number of bytes"):
        grad(grown, checkpoint="1MB", fallback="error")(0.5, 9)
    with pytest.warns(FallbackWarning, match="may grow"):
        assert grad(grown, checkpoint="1MB")(0.5, 9) == grad(grown)(0.5, 9)


def test_loops_in_loops_and_in_branches():
    def nested(x, n, flip):
        s = 0.5
        if flip > 0:
            for i in range(n):
                for j in range(i, 2 * n):
                    s = math.sin(s) + x[j % len(x)] * s
                while s > 2.0:
                    s = s * 0.6 + 0.1 * s**2 * x[0]
                s = s * s
        else:
            for i in range(n):
                s = s * x[i % len(x)] + math.exp(-s)
        return s

    x = np.array([0.3, -0.2, 0.8])
    for n in (0, 1, 2, 7):
        for flip in (1, -1):
            same(nested, x, n, flip)


def test_one_loop_after_another():
    def two(x, n):
        for _ in range(n):
            x = np.sin(x) * 1.2
        y = x * x
        for _ in range(n):
            y = np.cos(y) * x
        return np.sum(y)

    same(two, np.array([0.3, 0.4]), 17)


def test_a_loop_in_a_helper_that_calls_itself():
    def down(x, n):
        for _ in range(n):
            x = np.sin(x) * 1.1
        return x if n <= 0 else down(x, n - 1) * x

    same(lambda x, n: np.sum(down(x, n)), np.array([0.3, 0.4]), 5)


def test_a_step_that_needs_nothing_of_the_one_before_needs_no_snapshot():
    def total(x):
        s = 0.0
        for i in range(len(x)):
            s += math.exp(math.sin(x[i])) * x[i]
        return s

    x = np.array([0.3, 0.4, -1.0])
    same(total, x)
    df = grad(total, checkpoint="sqrt")
    df(x)
    assert "snapshots" not in df.source and "append" not in df.source


def test_nothing_changes_where_nothing_is_saved():
    def doubled(x, n):
        for _ in range(n):
            x = x * 2.0
        return np.sum(x)

    plain, df = grad(doubled), grad(doubled, checkpoint="sqrt")
    assert plain(np.ones(2), 5)[0] == df(np.ones(2), 5)[0] == 32.0
    assert plain.source == df.source


# ------------------------------------------------------------------------------- what happens once


def test_printing_happens_once(capsys):
    def told(x, n):
        for i in range(n):
            x = np.sin(x) * 1.1
            if i % 4 == 0:
                print("step", i)
        return np.sum(x)

    for schedule in SCHEDULES:
        grad(told, checkpoint=schedule, fallback="error")(np.ones(2), 10)
        assert capsys.readouterr().out == "step 0\nstep 4\nstep 8\n"


def test_a_check_of_the_users_is_made_as_in_a_plain_call():
    def checked(x, n):
        for i in range(n):
            assert x[0] < 50, f"too large at {i}"
            if x[1] < 0:
                raise ValueError("negative")
            x = x * x
        return np.sum(x)

    same(checked, np.array([1.1, 0.5]), 4)
    for schedule in SCHEDULES:
        df = grad(checked, checkpoint=schedule)
        with pytest.raises(AssertionError, match="too large at 3"):
            df(np.array([2.0, 0.5]), 9)
        with pytest.raises(ValueError, match="negative"):
            df(np.array([1.0, -0.5]), 9)


def walk_at_random(x, n):
    for _ in range(n):
        x = np.sin(x) * (1.0 + float(np.random.uniform()))
    return np.sum(x)


def test_a_random_draw_is_made_once_and_the_loop_keeps_its_steps():
    np.random.seed(3)
    wanted = grad(walk_at_random)(np.ones(2), 9)
    after = np.random.get_state()[2]
    df = grad(walk_at_random, checkpoint="sqrt")
    np.random.seed(3)
    with pytest.warns(FallbackWarning, match="keeps more than `checkpoint` allows"):
        found = df(np.ones(2), 9)
    assert bits(found) == bits(wanted) and np.random.get_state()[2] == after
    with pytest.raises(UnsupportedSyntaxError, match="cannot be run again from snapshots"):
        grad(walk_at_random, checkpoint="sqrt", fallback="error")(np.ones(2), 9)


LOG: list = []


def test_what_is_noted_outside_is_noted_once():
    def noted(x, n):
        for i in range(n):
            x = np.sin(x) * 1.1
            LOG.append(i)
        return np.sum(x)

    wanted = grad(noted)(np.ones(2), 7)
    for schedule in SCHEDULES:
        LOG.clear()
        assert bits(grad(noted, checkpoint=schedule)(np.ones(2), 7)) == bits(wanted)
        assert LOG == list(range(7))


# ------------------------------------------------------------------------------- how much


def fewest(steps: int, slots: int) -> int:
    """The fewest steps that are run to reverse so many from so many snapshots."""

    @functools.cache
    def runs(steps: int, slots: int) -> int:
        if steps == 1:
            return 0
        if slots == 1:
            return steps * (steps - 1) // 2
        return min(m + runs(steps - m, slots - 1) + runs(m, slots) for m in range(1, steps))

    return runs(steps, slots)


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 21, 40])
def test_no_schedule_takes_fewer_steps(steps, slots):
    def runs(at: int, end: int, free: int) -> int:
        if end - at == 1:
            return 0
        to = min(kernels.next_snapshot(at, end, free), end - 1)
        if free == 0:
            return to - at + runs(at, end - 1, 0)
        return to - at + runs(to, end, free - 1) + runs(at, to, free)

    assert runs(0, steps, slots - 1) == fewest(steps, slots)


def counted(x):
    return np.sin(x)


@vjp_rule(counted)
def counted_vjp(d_out, out, x):
    return d_out * np.cos(x)


def iterated(x, n):
    for _ in range(n):
        x = float(counted(x)) * 1.1 + x * x * 0.1
    return x


@pytest.mark.parametrize("schedule, most", [("sqrt", 2 * 100), (100, 2 * 100), (13, 3 * 100),
                                            (3, 8 * 100)])
def test_the_number_of_steps_is_that_of_the_schedule(schedule, most):
    df = grad(iterated, checkpoint=schedule, fallback="error")
    df(0.3, 3)
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event == "call" and frame.f_code is counted.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = df(0.3, 100)
    finally:
        sys.setprofile(before)
    assert found == grad(iterated)(0.3, 100)
    assert 100 <= calls <= most


def scalars(x, n):
    for _ in range(n):
        x = math.sin(x) + 0.5 * x
    return x


def peak(f: Any, *args: Any) -> int:
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("schedule, most", [("sqrt", 300_000), (10, 10_000), ("100KB", 100_000)])
def test_the_memory_is_what_was_asked_for(schedule, most):
    df = grad(scalars, checkpoint=schedule, fallback="error")
    df(0.3, 10)
    n = 50_000
    assert peak(df, 0.3, n) - peak(scalars, 0.3, n) < most
    plain = grad(scalars)
    plain(0.3, 10)
    assert peak(plain, 0.3, n) > 5 * most


@pytest.mark.parametrize("budget", [200_000, 1_000_000])
def test_arrays_stay_within_the_memory_that_they_are_given(budget):
    def heat(u, n):
        for _ in range(n):
            u[1:-1] += 0.1 * u[1:-1] * (u[2:] - 2 * u[1:-1] + u[:-2])
        return np.sum(u)

    u = np.linspace(0.0, 1.0, 1000)
    df = grad(heat, checkpoint=f"{budget}B", fallback="error")
    df(u, 2)
    own = peak(heat, u.copy(), 300)
    assert peak(df, u, 300) - own < budget
    assert peak(grad(heat), u, 300) > 2_000_000


def test_a_budget_that_is_too_small_is_an_error_that_says_so():
    df = grad(rnn, checkpoint="1KB")
    with pytest.raises(SrcdiffError, match="1000 bytes are too few"):
        df(np.eye(100), np.ones((5, 100)))


# ------------------------------------------------------------------------------- other derivatives


def test_other_derivatives_take_snapshots_as_well():
    def f(x, n):
        for _ in range(n):
            x = np.sin(x) * x + 0.1
        return x

    def g(x, n):
        return np.sum(f(x, n))

    x, v = np.array([0.3, 0.8]), np.array([1.0, -1.0])
    for schedule in SCHEDULES:
        assert bits(pullback(f, checkpoint=schedule)(x, 7, v)) == bits(pullback(f)(x, 7, v))
        assert bits(hvp(g, checkpoint=schedule)(x, v, 7)) == bits(hvp(g)(x, v, 7))
        each = elementwise_grad(f, checkpoint=schedule)
        assert bits(each(x, 7)) == bits(elementwise_grad(f)(x, 7))
        pickled = pickle.loads(pickle.dumps(grad(iterated, checkpoint=schedule)))
        assert pickled(0.3, 5) == grad(iterated)(0.3, 5)


def test_a_derivative_of_a_gradient_with_snapshots_is_right():
    def f(x, n):
        for _ in range(n):
            x = math.sin(x) * x + 0.1
        return x

    second = grad(lambda x, n: grad(f, checkpoint="sqrt")(x, n), checkpoint=3)
    assert second(0.7, 5) == grad(grad(f))(0.7, 5)


def test_the_gradient_of_a_checkpointed_loop_is_right():
    def g(x, n):
        for _ in range(n):
            x = np.sin(x) * x + 0.1
        return np.sum(x)

    right(g, np.array([0.3, 0.8]), 7)


def test_snapshots_are_taken_where_the_loop_has_steps_to_save():
    df = grad(rnn, wrt=(0, 1), checkpoint="sqrt")
    df(np.eye(2), np.ones((4, 2)))
    assert "h_snapshots.append(h)" in df.source
    assert any(instr.op == "stack" for instr in walk(df.ir))


# ------------------------------------------------------------------------------- checkpoint(f)


@pytest.mark.parametrize("f, args, wrt", list(programs()))
def test_what_is_computed_again_changes_no_bit_of_a_gradient(f, args, wrt):
    if any(isinstance(w, str) for w in (wrt if isinstance(wrt, tuple) else (wrt,))):
        return  # a name of f, not of what calls it
    try:
        np.random.seed(0)
        wanted = elementwise_grad(called(f), wrt=wrt, fallback="error")(*fresh(args))
    except (SrcdiffError, ZeroDivisionError):
        pytest.skip("it has no gradient")
    np.random.seed(0)
    df = elementwise_grad(called_again(f), wrt=wrt, fallback="error")
    assert bits(df(*fresh(args))) == bits(wanted), df.source


@checkpoint
def block(h, w):
    """A layer."""
    t = np.exp(-h * w)
    u = np.sin(t) * t
    return np.tanh(u) * u


def plain_block(h, w):
    t = np.exp(-h * w)
    u = np.sin(t) * t
    return np.tanh(u) * u


def agree(f: Any, plain: Any, *args: Any, wrt: Any = 0) -> Any:
    """Both have one gradient, bit for bit; the source of the first."""
    df = value_and_grad(f, wrt=wrt, fallback="error")
    assert bits(df(*fresh(args))) == bits(value_and_grad(plain, wrt=wrt)(*fresh(args)))
    return df.source


X, W = np.array([0.3, -0.8, 1.1]), np.array([1.0, 0.4, -0.6])


def test_outside_a_derivative_it_is_the_function():
    assert bits(block(X, W)) == bits(plain_block(X, W))
    assert block.__name__ == "block" and block.__doc__ == "A layer."
    assert pickle.loads(pickle.dumps(block)) is block
    with pytest.raises(TypeError, match="needs a function"):
        checkpoint(3)


def test_what_the_call_computes_is_not_kept_in_a_loop():
    def layers(w, h, n):
        for _ in range(n):
            h = block(h, w)
        return np.sum(h)

    def plain(w, h, n):
        for _ in range(n):
            h = plain_block(h, w)
        return np.sum(h)

    for n in (0, 1, 5):
        source = agree(layers, plain, W, X, n, wrt=(0, 1))
    assert "h_stack.append(h)" in source and source.count("append") == 1
    same(layers, W, X, 6, wrt=(0, 1))


def test_calls_in_a_row_and_in_a_branch():
    def rows(w, h, flip):
        h = block(h, w)
        if flip > 0:
            h = block(h, w * 2.0) * h
        else:
            for i in range(2):
                h = block(w, h) + block(h, h) * i
        return np.sum(block(h, w))

    def plain(w, h, flip):
        h = plain_block(h, w)
        if flip > 0:
            h = plain_block(h, w * 2.0) * h
        else:
            for i in range(2):
                h = plain_block(w, h) + plain_block(h, h) * i
        return np.sum(plain_block(h, w))

    for flip in (1, -1):
        agree(rows, plain, W, X, flip, wrt=(0, 1))


def test_a_call_that_writes_what_it_is_given():
    def relax(u, k):
        u[1:-1] += k * u[1:-1] * (u[2:] - u[:-2])
        for i in range(len(u) - 1):
            u[i] = u[i] * u[i + 1]
        return np.sum(u * u)

    def again(u, k, n):
        s = 0.0
        for _ in range(n):
            s += checkpoint(relax)(u, k)
        return s + checkpoint(relax)(u[1:], k)

    def plain(u, k, n):
        s = 0.0
        for _ in range(n):
            s += relax(u, k)
        return s + relax(u[1:], k)

    u = np.array([0.3, -0.8, 1.1, 0.7, 0.2, -0.4])
    for n in (0, 1, 3):
        agree(again, plain, u, 0.1, n, wrt=(0, 1))


class Model:
    def __init__(self, w):
        self.w = w
        self.again = checkpoint(self.bare)

    def bare(self, h):
        return np.tanh(np.exp(h) * self.w)

    @checkpoint
    def layer(self, h):
        return np.tanh(np.exp(h) * self.w)

    def loss(self, h):
        return np.sum(self.layer(self.layer(h)))

    def loss_by_wrapper(self, h):
        return np.sum(self.again(self.again(h)))

    def loss_made_inside(self, h):
        layer = checkpoint(self.bare)
        return np.sum(layer(h=layer(h)))

    def plain(self, h):
        return np.sum(self.bare(self.bare(h)))


def test_methods():
    model = Model(W)
    for f in (model.loss, model.loss_by_wrapper, model.loss_made_inside):
        agree(f, model.plain, X)
    found = grad(model.loss, wrt="self.w", fallback="error")(X)
    assert bits(found) == bits(grad(model.plain, wrt="self.w")(X))


def test_a_call_with_a_loop_and_one_in_another_call():
    @checkpoint
    def inner(x, n):
        for i in range(n):
            x = np.sin(x) * x + i
        return x

    @checkpoint
    def outer(x, n):
        while np.sum(x) < 9.0:
            x = inner(x, n) * x + 1.0
        return x

    def plain_inner(x, n):
        for i in range(n):
            x = np.sin(x) * x + i
        return x

    def plain_outer(x, n):
        while np.sum(x) < 9.0:
            x = plain_inner(x, n) * x + 1.0
        return x

    agree(lambda x, n: np.sum(outer(x, n)), lambda x, n: np.sum(plain_outer(x, n)), X, 3)
    agree(lambda x, n: np.sum(inner(x, n)), lambda x, n: np.sum(plain_inner(x, n)), X, 3)


def noisy(h):
    print("drawn")
    return np.tanh(np.exp(h) * float(np.random.uniform()))


def test_what_a_call_prints_and_draws_it_does_once(capsys):
    def loss(h, n):
        for _ in range(n):
            h = checkpoint(noisy)(h)
        return np.sum(checkpoint(noisy)(h))

    def plain(h, n):
        for _ in range(n):
            h = noisy(h)
        return np.sum(noisy(h))

    np.random.seed(1)
    wanted = grad(plain, fallback="error")(X, 2)
    capsys.readouterr()
    np.random.seed(1)
    assert bits(grad(loss, fallback="error")(X, 2)) == bits(wanted)
    assert capsys.readouterr().out == "drawn\n" * 3


def test_the_other_derivatives_and_the_tape_take_it_for_the_function():
    def f(x):
        return np.sum(block(x, x))

    def plain(x):
        return np.sum(plain_block(x, x))

    v = np.ones(3)
    assert bits(jvp(f, (X,), (v,))) == bits(jvp(plain, (X,), (v,)))
    assert bits(vjp(f, X)[1](1.0)) == bits(vjp(plain, X)[1](1.0))
    np.testing.assert_allclose(hvp(f)(X, v), hvp(plain)(X, v), rtol=1e-12)
    found = grad(lambda x: np.sum(grad(f)(x) ** 2))(X)
    np.testing.assert_allclose(found, grad(lambda x: np.sum(grad(plain)(x) ** 2))(X), rtol=1e-12)
    assert bits(elementwise_grad(block, wrt="w")(X, W)) == bits(
        elementwise_grad(plain_block, wrt="w")(X, W))  # fmt: skip
    with pytest.warns(FallbackWarning):  # a function without source
        on_tape = grad(eval("lambda x, block, np: np.sum(block(x, x))"))(X, block, np)
    np.testing.assert_allclose(on_tape, grad(plain)(X), rtol=1e-12)


def test_less_memory_is_taken():
    def deep(x, n):
        for _ in range(n):
            x = np.tanh(np.sin(np.exp(np.cos(x)) * x) * np.exp(-x * x))
        return x

    def loss(x, m, n):
        for _ in range(m):
            x = checkpoint(deep)(x, n)
        return np.sum(x)

    def plain(x, m, n):
        for _ in range(m):
            x = deep(x, n)
        return np.sum(x)

    x = np.linspace(0.0, 1.0, 1000)
    taken = []
    for f in (loss, plain):
        df = grad(f, fallback="error")
        df(x, 2, 2)
        taken.append(peak(df, x, 20, 20))
    assert taken[0] < taken[1] / 8
