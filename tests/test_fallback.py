"""What the compiler refuses runs on the tape: the same derivative, one warning, or an error."""

import contextlib
import dataclasses
import functools
import math
import numbers
import operator
import tracemalloc
import types
import warnings
from collections import abc

import numpy as np
import pytest

import srcdiff
from srcdiff import (
    FallbackWarning,
    NonScalarOutputError,
    NoRuleError,
    SrcdiffError,
    UnsupportedSyntaxError,
    detach,
    elementwise_grad,
    grad,
    jacobian,
    value_and_grad,
    vjp,
)
from tests.gallery import some
from tests.judge import judge
from tests.tape import tape_gradient, value_and_grad_on_tape

X = some(4)


def on_tape(f, *args, wrt=0):
    """Assert that the tape's gradient is right; (value, gradient)."""
    verdict = judge(f, args, wrt, gradient=tape_gradient)
    assert verdict.outcome == "right", str(verdict)
    return verdict.result


def guarded(x):
    total = 0.0
    for v in x:
        try:
            if v < 0:
                raise ValueError
            total = total + math.sqrt(v) * v
        except* ValueError:
            total = total - v**3
        finally:
            total = total * 1.5
    return total


def squares(x):
    for v in x:
        yield v * v


def summed_squares(x):
    total = 0.0
    for v in squares(x):
        total = total + v
    return total


def from_exec(text, name="f"):
    namespace = {"np": np, "math": math}
    exec(text, namespace)
    return namespace[name]


# The warning and the error


def test_one_warning_names_the_construct_the_file_and_the_line():
    df = grad(guarded)
    with pytest.warns(FallbackWarning) as caught:
        df(X)
        df(X)
        df(X[:2].copy())
    (warning,) = caught
    text = str(warning.message)
    line = guarded.__code__.co_firstlineno + 3
    assert "`guarded` runs on the tape" in text and "`except*`" in text
    assert f"test_fallback.py, line {line}:    try:" in text
    assert warning.filename == __file__


def test_without_the_fallback_the_same_text_is_an_error():
    with pytest.warns(FallbackWarning) as caught:
        grad(guarded)(X)
    with pytest.raises(UnsupportedSyntaxError) as error:
        grad(guarded, fallback="error")(X)
    assert str(error.value) in str(caught[0].message)


def test_what_compiles_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grad(lambda x: np.sum(np.sin(x)))(X)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_what_runs_on_the_tape_has_no_source():
    df = grad(guarded)
    df(X)
    for what in ("source", "ir"):
        with pytest.raises(SrcdiffError, match="runs on the tape"):
            getattr(df, what)
    with pytest.raises(SrcdiffError, match="runs on the tape"):
        df.specialize(X)


# Constructs


def test_try_except_and_finally():
    on_tape(guarded, X)


def test_a_generator_is_consumed_in_a_loop():
    on_tape(summed_squares, X)


def test_a_generator_that_is_sent_values_and_delegates():
    def inner(v):
        got = yield v * 2
        yield got * v

    def outer(x):
        for v in x:
            yield from inner(v)

    def f(x):
        total, it = 0.0, outer(x)
        for _ in range(len(x)):
            first = next(it)
            total = total + first + it.send(first * first)
        return total

    on_tape(f, X)


def test_context_managers_written_by_the_user():
    @contextlib.contextmanager
    def scaled(x, log):
        log.append("in")
        try:
            yield x * math.sin(x[0])
        finally:
            log.append("out")

    class Doubled:
        def __init__(self, x):
            self.x = x

        def __enter__(self):
            return self.x * 2

        def __exit__(self, *error):
            return False

    def f(x):
        log = []
        with scaled(x, log) as y, Doubled(y) as z:
            total = np.sum(z * z)
        return total * len(log)

    on_tape(f, X)


def test_match_statements():
    def f(x):
        match (len(x), x):
            case (n, [first, *rest]) if n > 2:
                return first * math.exp(rest[-1])
            case _:
                return np.sum(x)

    on_tape(f, X)


class Model:
    """State, a property, operators and inheritance."""

    def __init__(self, w):
        self.w = w
        self.calls = 0

    @property
    def norm(self):
        return math.sqrt(float(np.sum(self.w * self.w)))

    def __call__(self, x):
        self.calls += 1
        return np.tanh(self.w @ x) / self.norm

    def __add__(self, other):
        return Model(self.w + other.w)

    def __getitem__(self, i):
        return self.w[i]


class Deeper(Model):
    def __call__(self, x):
        return super().__call__(x) * math.cos(self[0])


def test_classes_with_state_operators_and_inheritance():
    def f(w, x):
        model = Deeper(w) + Model(2 * w)
        try:
            return model(x) + model[1] * Deeper(w)(x)
        finally:
            assert model.calls == 1

    on_tape(f, X, some(4, start=2.0), wrt=(0, 1))


class Sized(Model):
    def __abs__(self):
        return float(np.sum(np.abs(self.w)))

    def __len__(self):
        return len(self.w)

    def __lt__(self, other):
        return float(self.w[0]) < math.sin(other)


def test_pythons_functions_and_comparisons_ask_the_users_class():
    def f(w):
        model = Sized(w)
        total = abs(model) * len(model)
        if model < 2.0:
            total = total * w[1]
        return total

    on_tape(f, X)


def test_whole_parts_of_an_array_are_stored_by_attribute():
    def f(x):
        y = np.zeros((2, 2))
        y.flat = x
        z = np.zeros(4, complex)
        z.real = y.ravel() ** 2
        z.imag = x
        return np.sum((z * z.conj()).real)

    on_tape(f, X)


class Slotted:
    __slots__ = ("x",)

    def __getattr__(self, name):
        return self.x * len(name)


def test_slots_are_left_plain_and_getattr_is_not_asked_by_us():
    keeper = Slotted()

    def f(x):
        keeper.x = x * 2
        return np.sum(keeper.abc)

    value, g = value_and_grad_on_tape(f)(X)
    assert g.tolist() == [6] * 4 and type(keeper.x) is np.ndarray
    np.testing.assert_array_equal(keeper.x, 2 * X)


@dataclasses.dataclass
class Pair:
    a: np.ndarray
    b: float = 2.0
    c: object = None

    def __post_init__(self):
        self.c = self.a * self.b


def test_dataclasses_made_and_replaced():
    def f(x):
        try:
            pair = Pair(x, x[0])
            other = dataclasses.replace(pair, b=x[1] ** 2)
        except* ValueError:
            pass
        return np.sum(pair.c * other.c)

    on_tape(f, X)


def test_closures_and_recursion():
    def f(x):
        total = 0.0

        def add(v, depth):
            nonlocal total
            total = total + v
            if depth:
                add(math.sin(v), depth - 1)

        for v in x:
            add(v, 2)
        return total

    on_tape(f, X)


SCALE = np.array([1.0, 2.0, 3.0, 4.0])


def test_globals_are_read_at_the_call(monkeypatch):
    def f(x):
        try:
            return np.sum(x * SCALE)
        except* ValueError:
            pass

    df = value_and_grad_on_tape(f)
    assert df(X)[1].tolist() == [1, 2, 3, 4]
    monkeypatch.setitem(globals(), "SCALE", np.ones(4))
    assert df(X)[1].tolist() == [1, 1, 1, 1]


# What recording arrays would lose


@pytest.mark.parametrize(
    "f",
    [
        lambda x: math.sin(x[0]) * math.exp(x[1]) + math.hypot(x[2], x[3]),
        lambda x: float(x[0]) * float(np.sum(x)),
        lambda x: x[1].item() * x[:1].item() + sum(x.tolist()),
        lambda x: np.sum(np.array([[x[0], 1.0], [x[1] * x[2], x[3]]]) ** 2),
        lambda x: np.linalg.det(np.array([[x[0], x[1]], [x[2], x[3]]])),
        lambda x: np.sum(np.asarray([v * v for v in x])),
        lambda x: sorted([v * v for v in x])[-1] * max(x) - min(x[0], x[1]),
        lambda x: abs(complex(x[0], x[1]) * complex(x[2])) ** 2,
        lambda x: functools.reduce(operator.mul, [math.cos(v) for v in x]),
        lambda x: sum(map(math.exp, x)),
        lambda x: float(f"{2:d}") * x[0] + len(x) * round(2.6) * x[1],
    ],
)
def test_pythons_own_numbers_keep_their_history(f):
    on_tape(f, X)


def stores(x):
    out = np.zeros(6)
    for i in range(len(x)):
        out[i] = x[i] * 2
    out[1:3] += out[2:4]
    out[::-1][0] = out[0] * out[1]
    out.reshape(2, 3)[:, 1] *= x[0]
    np.add.at(out, [0, 0, 5], x[1])
    out[[4, 4]] = x[:2]
    np.multiply(out[:3], x[:3], out=out[3:])
    return np.sum(out**2)


def test_stores_into_plain_buffers_through_views_and_aliases():
    on_tape(stores, X)


@pytest.mark.parametrize(
    "write",
    [
        lambda y, x: np.copyto(y, x * 3, where=x > 0),
        lambda y, x: np.put(y, [0, 2], x[:2] * 2),
        lambda y, x: np.fill_diagonal(y.reshape(2, 2), x[0]),
        lambda y, x: np.put_along_axis(y, np.array([3]), x[:1], 0),
        lambda y, x: np.putmask(y, y > 0.6, x),
        lambda y, x: np.add(x, 1.0, out=y, where=np.array([True, False, True, True])),
        lambda y, x: np.sum(np.outer(x, x), axis=0, out=y),
        lambda y, x: y.sort(),
        lambda y, x: y.flat.__setitem__(slice(1, 3), x[:2]),
        lambda y, x: np.subtract.at(y, np.array([1, 1]), x[:2]),
        lambda y, x: y.fill(x[2]),
    ],
)
def test_functions_that_write(write):
    def f(x):
        y = np.cos(x)
        z = y
        write(y, x)
        return np.sum(z**2 * x)

    on_tape(f, X)


def test_what_the_rules_read_may_be_overwritten_afterwards():
    def f(x):
        index, mask, weight = np.array([0, 1, 1]), x > 0, np.ones(4)
        y = np.exp(x)
        total = np.sum(x[index]) + np.sum(y[mask] * weight[mask])
        index += 1
        mask[:] = False
        weight *= 7
        y *= y
        return total * np.sum(y) + np.sum(x[index] * weight[index])

    on_tape(f, X)


def test_a_buffer_that_swaps_with_another():
    def f(x):
        u, v = x.copy(), np.zeros(4)
        for _ in range(5):
            v[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2]) * u[1:-1]
            v[0], v[-1] = u[-1], u[0]
            u, v = v, u
        return np.sum(u * v)

    on_tape(f, X)


def test_broadcast_views_add_up():
    def f(x):
        wide = np.broadcast_to(x, (3, 4))
        windows = np.lib.stride_tricks.sliding_window_view(x, 2)
        return np.sum(wide * np.arange(12.0).reshape(3, 4)) + np.sum(windows**2)

    on_tape(f, X)


def test_real_and_imaginary_parts_are_views():
    def f(x):
        z = np.zeros(4, complex)
        z.real = x * 2
        z.imag[:] = x**2
        z.real[1] = x[0]
        return np.sum(np.abs(z) ** 2)

    verdict = judge(f, (X,), gradient=tape_gradient)
    assert verdict.outcome in ("right", "refused"), str(verdict)


def test_a_float32_buffer_rounds():
    def f(x):
        b = np.zeros(1, np.float32)
        b[0] = x[0]
        return b[0] * np.float32(3)

    value, g = value_and_grad_on_tape(f)(np.array([0.1]))
    assert value == np.float32(0.1) * np.float32(3) and g.tolist() == [3.0]


# Without source, and out of reach


def test_a_function_without_source_runs_on_arrays_that_record():
    f = from_exec("def f(x, k=3.0):\n    return np.sum(np.tanh(x) ** 2 * k) + (x @ x) / x[0]")
    with pytest.warns(FallbackWarning, match="no source"):
        value, g = value_and_grad(f)(X)
    assert value == f(X)
    np.testing.assert_allclose(
        g, 6 * np.tanh(X) / np.cosh(X) ** 2 + 2 * X / X[0] - [X @ X / X[0] ** 2, 0, 0, 0]
    )


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
@pytest.mark.parametrize(
    "body, named",
    [
        ("return math.sin(x[0])", "float"),
        ("return float(x[0]) * 2", "float"),
        ("return np.sum(np.asarray(x))", "asarray"),
        ("return np.sum(np.array([x[0], x[1]]))", "asarray"),
        ("out = np.zeros(4); out[0] = x[0]; return out[0]", "float"),
        ("out = np.zeros(4); np.sin(x, out=out); return out[0]", "out="),
    ],
)
def test_without_source_what_would_lose_the_history_is_an_error_that_names_it(body, named):
    f = from_exec(f"def f(x):\n    {body}")
    with pytest.raises(SrcdiffError, match=named):
        grad(f)(X)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_a_call_that_nobody_sees_into_is_named():
    def f(x):
        return np.sum(np.multiply.reduceat(x, [0])) + struct_size(x)

    def struct_size(x):
        return memoryview(x).nbytes

    with pytest.raises(NoRuleError, match="reduceat") as error:
        grad(f)(X)
    line = f.__code__.co_firstlineno + 1
    assert f"test_fallback.py, line {line}:" in str(error.value)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_an_unknown_keyword_is_named():
    with pytest.raises(NoRuleError, match="order"):
        value_and_grad_on_tape(lambda x: np.sum(np.einsum("i,i", x, x, order="C")))(X)


def test_c_code_that_calls_back():
    def f(x):
        order = sorted(range(len(x)), key=lambda i: x[i])
        weighted = functools.reduce(lambda a, i: a * 0.5 + math.sin(x[i]), order, 0.0)
        return weighted + sum(filter(lambda v: v > 0, x)) + sum(map(lambda a, b: a * b, x, x[::-1]))

    on_tape(f, X)


def test_draws_happen_once_and_are_constants():
    def f(x, rng):
        noise = rng.normal(size=4)
        y = x * noise
        rng.shuffle(y)
        return np.sum(y * SCALE)

    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    value, g = value_and_grad_on_tape(f)(X, rng)
    noise, order = twin.normal(size=4), np.arange(4)
    twin.shuffle(order)
    assert value == np.sum((X * noise)[order] * SCALE)
    expected = np.zeros(4)
    expected[order] = SCALE
    np.testing.assert_allclose(g, expected * noise)
    assert rng.normal() == twin.normal()


# Effects and the world outside

LOG: list = []
TOTAL = 0.0


class Counter:
    last = None


def test_effects_happen_once_and_leave_plain_values(capsys):
    counter, seen = Counter(), {}

    def f(x):
        global TOTAL
        y = x * 2
        print(y[0], [y])
        LOG.append(y)
        counter.last = y[0] * 3
        seen["y"] = y
        TOTAL = TOTAL + y[1]
        return np.sum(y**2)

    LOG.clear()
    x = np.array([1.0, 2.0])
    value, g = value_and_grad_on_tape(f)(x)
    assert value == 20 and g.tolist() == [8, 16] and x.tolist() == [1, 2]
    assert capsys.readouterr().out == "2.0 [array([2., 4.])]\n"
    assert [type(v) for v in LOG] == [np.ndarray] and LOG[0].tolist() == [2, 4]
    assert type(counter.last) is np.float64 and counter.last == 6
    assert type(seen["y"]) is np.ndarray
    assert type(TOTAL) is np.float64 and TOTAL == 4


BUFFER = np.zeros(3)


def test_arrays_outside_are_written_as_the_function_writes_them():
    def f(x):
        BUFFER[1:] = x * 2
        return np.sum(BUFFER**2)

    value, g = value_and_grad_on_tape(f)(np.array([1.0, 2.0]))
    assert value == 20 and g.tolist() == [8, 16]
    assert type(BUFFER) is np.ndarray and BUFFER.tolist() == [0, 2, 4]


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_memory_that_an_argument_shares_is_not_written():
    def f(x, y):
        try:
            y[0] = x[1]
        except* ValueError:
            pass
        return np.sum(x * y)

    x = some(4)
    with pytest.raises(UnsupportedSyntaxError, match="shares memory"):
        grad(f)(x, x)
    grad(f)(x, x.copy())


def test_the_users_exception_passes_and_shows_the_users_line():
    def f(x):
        try:
            return x[10]
        except* ValueError:
            pass

    with pytest.warns(FallbackWarning), pytest.raises(IndexError) as error:
        grad(f)(X)
    last = error.traceback[-1]
    lines = [entry.lineno for entry in error.traceback if str(entry.path) == __file__]
    assert f.__code__.co_firstlineno + 1 in lines or last.lineno


# The public functions


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_every_form_of_wrt():
    def f(p, k, *rest, scale=2.0):
        try:
            u = p["w"] * k
            return np.sum(u * p["b"][0]) * scale * rest[0]
        except* ValueError:
            pass

    p = {"w": np.array([1.0, 2.0]), "b": [3.0, None], "n": 4}
    g = grad(f)(p, 2.0, 5.0)
    assert g["w"].tolist() == [60, 60] and g["b"] == [60.0, None] and g["n"] is None
    assert grad(f, wrt=1)(p, 2, 5.0) == 90.0 and type(grad(f, wrt=1)(p, 2, 5.0)) is np.float64
    assert grad(f, wrt="scale")(p, 2.0, 5.0) == 90.0
    du, dr = grad(f, wrt=("u", 2))(p, 2.0, 5.0)
    assert du.tolist() == [30, 30] and dr == 36.0
    with pytest.raises(ValueError, match="no argument or variable"):
        grad(f, wrt="nothing")(p, 2.0, 5.0)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_a_local_variable_is_assigned_once():
    def f(x):
        try:
            u = x * 2
            u = u * 2
        except* ValueError:
            pass
        return np.sum(u)

    with pytest.raises(ValueError, match="more than once"):
        grad(f, wrt="u")(X)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_outputs_are_judged_as_those_of_compiled_functions():
    def f(x, what):
        try:
            return {"array": x * 2, "none": None, "complex": 1j * x[0], "one": x[:1] ** 2,
                    "const": 3.0}[what]  # fmt: skip
        except* ValueError:
            pass

    for what in ("array", "none", "complex"):
        with pytest.raises(NonScalarOutputError):
            grad(f)(X, what)
    assert grad(f)(X, "one").tolist() == [2 * X[0], 0, 0, 0]
    assert grad(f)(X, "const").tolist() == [0, 0, 0, 0]
    assert elementwise_grad(f)(X, "array").tolist() == [2, 2, 2, 2]


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_aux_and_value_are_plain():
    def f(x):
        try:
            return np.sum(x * x), {"twice": [x * 2], "first": x[0]}
        except* ValueError:
            pass

    (value, aux), g = value_and_grad(f, has_aux=True)(X)
    assert type(value) is np.float64 and type(aux["twice"][0]) is np.ndarray
    assert type(aux["first"]) is np.float64 and g.tolist() == (2 * X).tolist()
    g, aux = grad(f, has_aux=True)(X)
    assert aux["twice"][0].tolist() == (2 * X).tolist()


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_vjp_runs_the_function_once_and_pulls_as_often_as_one_likes(capsys):
    def f(x, y):
        print("once")
        buffer = np.zeros(4)
        for i in range(4):
            buffer[i] = x[i] * y
            buffer[0] *= 1.5
        return [buffer, {"s": math.sin(y)}], 3

    value, pull = vjp(f, X, 0.5)
    assert capsys.readouterr().out == "once\n"
    weights = np.arange(4.0)
    first = pull(([weights, {"s": 2.0}], None))
    value[0][0][:] = 0
    second = pull(([weights, {"s": 2.0}], None))
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(first[0], second[0])
    factors = np.array([1.5**4, 1, 1, 1])
    np.testing.assert_allclose(first[0], weights * 0.5 * factors)
    np.testing.assert_allclose(first[1], weights @ (X * factors) + 2 * math.cos(0.5))
    assert not np.shares_memory(first[0], second[0])


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_methods_partials_and_pickles():
    class Scaled:
        def __init__(self, k):
            self.k = k

        @grad
        def loss(self, x):
            try:
                return self.k * np.sum(x**2)
            except* ValueError:
                pass

    assert Scaled(3.0).loss(X).tolist() == (6 * X).tolist()

    def f(k, x):
        try:
            return k * np.sum(x**2)
        except* ValueError:
            pass

    assert grad(functools.partial(f, 3.0))(X).tolist() == (6 * X).tolist()


def test_detached_values_are_constants():
    def f(x):
        try:
            return np.sum(detach(x * x) * x) + detach(x[0])
        except* ValueError:
            pass

    _, g = value_and_grad_on_tape(f)(X)
    assert g.tolist() == (X * X).tolist()


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_the_training_flag_is_seen():
    def f(x):
        try:
            return np.sum(x) * (2.0 if srcdiff.is_training() else 1.0)
        except* ValueError:
            pass

    df = grad(f)
    assert df(X).tolist() == [1] * 4
    with srcdiff.train_mode():
        assert df(X).tolist() == [2] * 4


def test_a_loop_that_stores_takes_memory_linear_in_its_steps():
    def f(x):
        b = np.zeros(len(x))
        b[0] = x[0]
        for i in range(1, len(x)):
            b[i] = np.tanh(b[i - 1] + x[i])
        return b[-1]

    df = value_and_grad_on_tape(f)
    df(some(10))
    peaks = []
    for n in (500, 2000):
        tracemalloc.start()
        df(some(n))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 8 * peaks[0]  # a copy of the buffer per step: 16 times


def test_functions_that_return_no_value_at_once_are_refused():
    async def coroutine(x):
        return x * x

    def generator(x):
        yield x

    for f in (coroutine, generator):
        with pytest.raises(UnsupportedSyntaxError, match=f.__name__):
            grad(f)(1.0)


def test_a_module_need_not_be_imported_again_after_an_edit(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text("import numpy as np\ndef f(x):\n    return np.sum(x * 2)\n")
    module = types.ModuleType("edited")
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    path.write_text("import numpy as np\ndef f(x):\n    return np.sum(x * 5)\n")
    with pytest.warns(FallbackWarning, match="changed"):
        assert grad(module.f)(X).tolist() == [2] * 4


# A refused helper in a function that compiles


def guarded_root(v, k=1.0):
    root = 0.0 * v
    try:
        root = math.sqrt(v) * k
    except* ValueError:
        pass
    return root


def rooted(x, w):
    y = np.tanh(w @ x)
    total = 0.0
    for i in range(len(y)):
        total += guarded_root(y[i], 2.0) * y[i]
    return total + np.sum(y**2)


W = some(3, 4, start=5.0)


def checked(f, *args, wrt=0, calls=3):
    """Assert that each of several calls gives what the tape gives; the function for more."""
    df = value_and_grad(f, wrt=wrt)
    expected = value_and_grad_on_tape(f, wrt)(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(calls):
            value, gradient = df(*args)
            np.testing.assert_allclose(value, expected[0], rtol=1e-12)
            for one, other in zip(np.atleast_1d(gradient), np.atleast_1d(expected[1])):
                np.testing.assert_allclose(one, other, rtol=1e-12)
    return df


def test_a_compiled_function_that_calls_a_refused_helper_keeps_its_compiled_part():
    on_tape(rooted, X, W)
    df = checked(rooted, X, W)
    lines = [line.strip() for line in df.source.splitlines()]
    assert "guarded_root, pull_guarded_root = guarded_root_on_tape(y_2, 2.0)" in lines
    assert "y = np.tanh(w @ x)" in lines and any("w.T @" in line for line in lines)


def test_the_warning_names_the_helper_once():
    df = grad(rooted, wrt=(0, 1))
    with pytest.warns(FallbackWarning) as caught:
        for _ in range(3):
            df(X, W)
    assert ["`guarded_root` runs on the tape" in str(w.message) for w in caught] == [True]


def test_a_helper_that_returns_a_tuple_and_takes_one():
    def both(pair, scale):
        try:
            a, b = pair
            return np.sum(a * b) * scale, (a - b, len(a))
        except* ValueError:
            pass

    def f(x):
        s, (d, n) = both((x, np.cos(x)), x[0])
        d[1:] *= s
        return np.sum(d**2) * n

    assert "both_on_tape((x, " in checked(f, X).source


def test_a_helper_that_writes_its_argument_takes_the_whole_function_to_the_tape():
    def fill(y, v):
        try:
            y[1:] = v
        except* ValueError:
            pass
        return y[0]

    def f(x):
        y = x * 2
        first = fill(y, x[2])
        return np.sum(y**2) * first

    df = checked(f, X)
    with pytest.raises(SrcdiffError, match="runs on the tape"):
        df.source  # noqa: B018


def test_a_helper_that_returns_memory_of_its_argument_does_too():
    def part(y):
        try:
            return y[1:]
        except* ValueError:
            pass

    def f(x):
        y = x * 2
        z = part(y)
        y[1] = 5.0
        return np.sum(z**2)

    df = checked(f, X)
    with pytest.raises(SrcdiffError, match="runs on the tape"):
        df.source  # noqa: B018


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_a_helper_that_returns_something_else_next_time():
    def part(y):
        try:
            return y * 2 if y[0] > 0 else float(y[1])
        except* ValueError:
            pass

    def f(x):
        return np.sum(part(x) ** 2)

    df = grad(f)
    x = np.array([1.0, 2.0])
    for sign in (1, 1, -1, 1, -1):
        expected = 8 * x if sign > 0 else np.array([0.0, 4.0])
        np.testing.assert_allclose(df(np.array([sign * 1.0, 2.0])), expected)


def test_a_helpers_effects_happen_once(capsys):
    def noisy(y):
        try:
            print("noisy")
            return y * y
        except* ValueError:
            pass

    def f(x):
        return np.sum(noisy(x) * x)

    df = grad(f)
    with pytest.warns(FallbackWarning):
        for _ in range(3):
            df(X)
            assert capsys.readouterr().out == "noisy\n"
    assert "noisy_on_tape(x)" in df.source


def test_a_recursive_helper_and_one_without_source():
    def power_sum(x, n):
        return np.sum(x) if n == 0 else np.sum(x**n) + power_sum(np.sin(x), n - 1)

    unseen = from_exec("def unseen(x):\n    return np.tanh(x) * x", "unseen")

    def f(x):
        return power_sum(x * 2, 2) + np.sum(unseen(np.cos(x)))

    on_tape(f, X)
    df = checked(f, X)
    assert "unseen_on_tape(" in df.source


def test_what_is_outside_a_helper_on_the_tape_is_read_live(monkeypatch):
    def scaled(x):
        try:
            return x * SCALE
        except* ValueError:
            pass

    df = checked(lambda x: np.sum(scaled(x)), X)
    monkeypatch.setitem(globals(), "SCALE", np.full(4, 7.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert df(X)[1].tolist() == [7] * 4


def test_what_a_pullback_returns_may_be_written_into():
    def mixed(y, v):
        try:
            return np.cos(y) * v
        except* ValueError:
            pass

    def f(x):
        y = x * 2
        y[...] = mixed(y, y[-1])
        return np.sum(y**2) + np.mean(y)

    on_tape(f, X)
    assert ".copy()\n" not in checked(f, X).source.replace("x.copy()", "")


def test_what_would_need_a_loop_unrolled_runs_on_the_tape():
    def starred(a, b, *rest):
        return a * b + sum(rest)

    def f(x):
        return starred(*x) + sum(v * v for v in (w * 2 for w in x))

    on_tape(f, X)
    checked(f, X)


KEPT = {"gain": 1.0}
LENT = np.ones(2)


class Steps:
    def __init__(self):
        self.n = 0.0

    def step(self):
        self.n += 1.0


COUNTER = Steps()


def on_tape_only(x):
    made: dict = {}
    exec("made['y'] = 2.0", {}, {"made": made})
    return x * made["y"]


def raising_the_gain(x):
    KEPT["gain"] += 1.0
    return on_tape_only(x)


def filling(x):
    np.copyto(LENT, LENT + 1)
    return on_tape_only(x)


def counting(x):
    COUNTER.step()
    return on_tape_only(x)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
@pytest.mark.parametrize("helper", [raising_the_gain, filling, counting])
def test_what_a_helper_on_the_tape_changes_outside_is_seen(helper):
    def f(x):
        y = helper(x)
        return y * KEPT["gain"] * LENT[0] * (1.0 + COUNTER.n)

    def outcomes(call):
        KEPT["gain"], LENT[:], COUNTER.n = 1.0, 1.0, 0.0
        return [float(call(0.5)) for _ in range(3)]

    df = value_and_grad(f)
    assert outcomes(lambda x: df(x)[0]) == outcomes(f)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_all_that_a_star_has_caught_on_the_tape():
    def f(x, *ks, **more):
        on_tape = np.vectorize(abs)(x)[0]
        return ks[0] * np.sum(x) + ks[1] + on_tape + 3 * more.get("z", 0.0)

    x = np.array([0.3, 1.0, 2.0])
    assert grad(f, wrt="ks")(x, 2.0, 3.0) == (3.3, 1.0)
    assert grad(f, wrt="ks")(x, 2.0, 3) == (3.3, None)
    assert grad(f, wrt="more")(x, 2.0, 3.0, z=1.0, y="a") == {"z": 3.0, "y": None}
    assert grad(f, wrt="more")(x, 2.0, 3.0) == {}
    assert jacobian(f, wrt="ks")(x, 2.0, 3.0) == (3.3, 1.0)


def one_branch_of_a_branch(x, s, y, k):
    both = np.where(x, y if k > 0 else x, s)
    for _ in range(len(y)):
        x = np.tanh(both)
    return np.mean(x)


def a_view_in_a_loop_of_no_steps(x, n):
    for _ in range(3):
        k = 0
        while k < n:
            k += 1
            x = x**2
            tail = x[-3:]  # noqa: F841
    np.subtract(x, 2.0, out=x)
    return np.sum(x)


LEFT_UNBOUND = [
    (one_branch_of_a_branch, "y", (some(4).astype(np.float32), 0.9, some(4), -1.0), [0.0] * 4),
    (a_view_in_a_loop_of_no_steps, "x", (some(4), 0), [1.0] * 4),
]


@pytest.mark.parametrize("f, wrt, args, expected", LEFT_UNBOUND)
def test_where_arrays_turn_out_unbound_the_tape_runs(f, wrt, args, expected):
    with pytest.warns(FallbackWarning, match="only in a branch or loop that was not taken"):
        np.testing.assert_array_equal(grad(f, wrt=wrt)(*args), expected)
    with pytest.raises(UnsupportedSyntaxError, match="Let the name hold the same kind on"):
        grad(f, wrt=wrt, fallback="error")(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        value, pull = vjp(f, *args)
    assert value == f(*args)
    found = pull(2.0)[["x", "s", "y"].index(wrt)]
    np.testing.assert_array_equal(found, 2 * np.array(expected))


def test_a_sum_that_stays_a_number_runs_on_the_tape():
    def f(x, s, n):
        t = 0
        for _ in range(n):
            t = (t + np.ones(3)) * s
        return np.sum(t * x)

    df, x = grad(f, wrt=("x", "s")), some(3)
    np.testing.assert_allclose(df(x, 1.5, 2)[0], np.full(3, 3.75))
    with pytest.warns(FallbackWarning, match="a number where other runs have an array"):
        d_x, d_s = df(x, 1.5, 0)
    np.testing.assert_array_equal(d_x, np.zeros(3))
    assert d_s == 0
    np.testing.assert_allclose(df(x, 1.5, 1)[0], np.full(3, 1.5))
    with pytest.raises(UnsupportedSyntaxError, match="a number where other runs have an array"):
        grad(f, wrt=("x", "s"), fallback="error")(x, 1.5, 0)


def test_a_name_that_the_function_leaves_unbound_is_pythons_error():
    def f(x, n):
        for _ in range(n):
            y = x * 2.0
        return np.sum(y * x)

    assert grad(f)(some(3), 1).shape == (3,)
    with pytest.raises(UnboundLocalError, match="'y'"):
        grad(f)(some(3), 0)


def nested(x, n):
    s = 0.0
    for a in range(n):
        for b in range(n):
            for c in range(n):
                for d in range(n):
                    for e in range(n):
                        for f in range(n):
                            for g in range(n):
                                for h in range(n):
                                    for i in range(n):
                                        for j in range(n):
                                            for k in range(n):
                                                s += np.sin(x + a + c + e + g + i + k)
    return s


def more_loops_than_python_takes(x, n):
    s = 0.0
    for a in range(n):
        for b in range(n):
            for c in range(n):
                for d in range(n):
                    for e in range(n):
                        for f in range(n):
                            for g in range(n):
                                for h in range(n):
                                    for i in range(n):
                                        for j in range(n):
                                            s += nested(x * (a + c + e + g + i + 1), n)
    return s


def test_loops_that_are_nested_deeper_than_python_takes_run_on_the_tape():
    with pytest.warns(FallbackWarning, match="too many statically nested blocks"):
        assert grad(more_loops_than_python_takes)(0.5, 1) == pytest.approx(np.cos(0.5))
    with pytest.raises(UnsupportedSyntaxError, match="too many statically nested blocks"):
        grad(more_loops_than_python_takes, fallback="error")(0.5, 1)


def asked_of(v):
    """What tells a number from an array, in the ways that people ask it."""
    questions = (
        len, lambda v: list(iter(v)), np.iterable, np.isscalar, callable, sum, sorted,
        lambda v: v[0],
        lambda v: v.shape, lambda v: v.ndim, lambda v: v.foo, lambda v: [*v], lambda v: v.tolist(),
        lambda v: getattr(v, "size", None), lambda v: 1 in v, lambda v: v.real, lambda v: v.dtype,
        lambda v: [hasattr(v, name) for name in ("__iter__", "__len__", "shape", "foo")],
        lambda v: [isinstance(v, kind) for kind in KINDS], lambda v: type(v).__name__,
    )  # fmt: skip
    answers = []
    for question in questions:
        try:
            answers.append(str(question(v)))
        except (TypeError, AttributeError, IndexError) as error:
            answers.append(type(error).__name__)
    return answers


KINDS = (abc.Iterable, abc.Sequence, abc.Sized, abc.Hashable, numbers.Number, numbers.Real, float,
         np.floating, np.ndarray, int, (list, abc.Iterable))  # fmt: skip


def test_on_the_tape_a_number_is_asked_as_in_python():
    told = []

    def f(x, s):
        told.append([asked_of(v) for v in (x, x[0], s, np.array(s))])
        return np.sum(x) * s

    x = some(3)
    f(x, 1.2)
    value_and_grad_on_tape(f, (0, 1))(x, 1.2)
    for here, there in zip(*told, strict=True):
        assert [a for a, b in zip(here, there) if a != b] == [], there


def test_a_failing_compiler_leaves_the_function_to_the_tape(monkeypatch):
    from srcdiff import transforms

    def fails(request):
        raise KeyError("a cell")

    monkeypatch.setattr(transforms, "compile", fails)
    with pytest.warns(FallbackWarning, match="brings the compiler to KeyError: 'a cell'"):
        assert grad(lambda x: x * x)(1.5) == 3.0
    with pytest.raises(KeyError):
        grad(lambda x: x * x, fallback="error")(1.5)
