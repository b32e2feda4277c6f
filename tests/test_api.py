"""The face: what the transformations take, what they return, when code is made anew."""

import copy
import dataclasses
import functools
import inspect
import math
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcdiff
from srcdiff import (
    FallbackWarning,
    NonScalarOutputError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
    detach,
    elementwise_grad,
    grad,
    hvp,
    is_training,
    jacobian,
    jvp,
    predict_mode,
    train_mode,
    value_and_grad,
    vjp,
)

X = np.array([0.5, 1.0, 2.0])


def energy(x, k=2.0):
    """Sum of squares, scaled."""
    return k * np.sum(x**2)


def compilations(df):
    return sum(map(len, df._codes.values()))


def equal(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-12)
    assert np.asarray(one).dtype == np.asarray(other).dtype


# How it is called


@grad
def plain(x):
    return x**3


@grad(wrt="y", has_aux=True)
def with_keywords(x, y):
    return x * y, x


def test_a_decorator_with_and_without_keywords():
    assert plain(2.0) == 12.0
    assert with_keywords(2.0, 3.0) == (2.0, 2.0)


@pytest.mark.parametrize("make", [grad, value_and_grad, elementwise_grad])
def test_argnums_is_wrt(make):
    assert make(energy, argnums=1)(X, 3.0) == make(energy, 1)(X, 3.0)
    with pytest.raises(TypeError, match="argnums"):
        make(energy, 0, argnums=0)
    with pytest.raises(TypeError, match="argnums"):
        make(energy, wrt=0, argnums=0)


@pytest.mark.parametrize(
    "keywords, error",
    [
        ({"fallback": "numbers"}, ValueError),
        ({"backend": "jax"}, ValueError),
        ({"unroll": -1}, ValueError),
        ({"unroll": "all"}, TypeError),
        ({"wrt": 1.5}, TypeError),
        ({"wrt": [0]}, TypeError),
        ({"checkpoint": "cube root"}, ValueError),
        ({"checkpoint": 0}, ValueError),
        ({"checkpoint": True}, TypeError),
        ({"argnum": 0}, TypeError),
    ],
)
def test_a_wrong_keyword_is_an_error_at_once(keywords, error):
    with pytest.raises(error):
        grad(energy, **keywords)
    with pytest.raises(error):
        grad(**keywords)


@pytest.mark.parametrize("f", [3, "x", X])
def test_what_is_no_function_is_a_type_error(f):
    with pytest.raises(TypeError, match="function"):
        grad(f)
    with pytest.raises(TypeError, match="function"):
        vjp(f, X)


@pytest.mark.parametrize("fallback", ["tape", "error"])
def test_what_neither_compiler_nor_tape_can_take_is_an_error(fallback):
    def generator(x):
        yield x

    with pytest.raises(UnsupportedSyntaxError):
        grad(generator, fallback=fallback)(1.0)


def test_the_pullback_of_a_gradient():
    g, pull = vjp(grad(energy), X)
    (d_x,) = pull(np.ones_like(X))
    assert np.array_equal(g, grad(energy)(X))
    assert np.allclose(d_x, elementwise_grad(grad(energy))(X))


# What comes back


def test_an_element_of_wrt_gives_a_gradient_and_a_tuple_a_tuple():
    assert grad(energy, wrt="k")(X) == np.sum(X**2)
    (d_k,) = grad(energy, wrt=("k",))(X)
    assert d_k == np.sum(X**2)
    d_x, d_k = grad(energy, wrt=(0, 1))(X, 3.0)
    equal(d_x, 6 * X)
    assert grad(energy, wrt=())(X) == ()


def test_value_and_aux():
    def f(x):
        return np.sum(x**2), {"x": x * 2, "n": len(x)}

    g, aux = grad(f, has_aux=True)(X)
    equal(g, 2 * X)
    equal(aux["x"], 2 * X)
    (value, aux), g = value_and_grad(f, has_aux=True)(X)
    assert value == np.sum(X**2) and aux["n"] == 3
    (value, aux), (g,) = value_and_grad(f, wrt=(0,), has_aux=True)(X)
    equal(g, 2 * X)


@pytest.mark.parametrize(
    "x, kind",
    [
        (2.0, np.float64),
        (2, np.float64),
        (2j, np.complex128),
        (np.float32(2), np.float32),
        (np.float16(2), np.float16),
        (np.array(2.0), np.ndarray),
        (np.array([2.0], np.float32), np.ndarray),
        (np.zeros((0, 2)), np.ndarray),
    ],
)
def test_a_gradient_is_of_the_arguments_kind_shape_and_dtype(x, kind):
    g = elementwise_grad(lambda x: x * x)(x)
    assert type(g) is kind and g.shape == np.shape(x)
    assert g.dtype == (np.asarray(x).dtype if not isinstance(x, int) else np.float64)


def test_numbers_in_containers_give_numpy_scalars():
    value, (d_pair, d_n) = value_and_grad(lambda p, n: p["a"] ** n * p["b"][0], wrt=(0, 1))(
        {"a": 2.0, "b": X, "n": 3}, 3
    )
    assert value == 4.0 and type(d_pair["a"]) is np.float64 and d_pair["a"] == 6.0
    equal(d_pair["b"], np.array([8.0, 0.0, 0.0]))
    assert d_pair["n"] is None and type(d_n) is np.float64


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Model:
    w: Any
    name: str = "model"
    layers: list = dataclasses.field(default_factory=list)

    @grad
    def gradient(self, x):
        return np.sum(self.w * x**2)

    @value_and_grad(wrt="y")
    def both(self, x, y=2.0):
        return np.sum(self.w * x * y)

    def loss(self, x):
        return np.sum(self.w * x**2)


def test_containers_come_back_as_they_are():
    def f(model):
        return np.sum(model.w * model.layers[0].a) + model.layers[1]["b"][0] ** 2

    model = Model(X, layers=[Pair(X + 1, 3), {"b": (3.0, None)}])
    g = grad(f)(model)
    assert type(g) is Model and g.name is None
    equal(g.w, X + 1)
    equal(g.layers[0].a, X)
    assert type(g.layers[0]) is Pair and g.layers[0].b is None
    assert g.layers[1] == {"b": (6.0, None)}


def test_the_arguments_stay_as_they_were():
    def f(x, items):
        x *= 2
        items.append(x)
        return np.sum(items[0] * items[1])

    x, items = X.copy(), [X.copy()]
    equal(grad(f)(x, items), 2 * X)
    equal(x, X)
    assert len(items) == 1


def test_a_position_counts_what_a_star_has_caught():
    def f(x, *rest, **options):
        return np.sum(x) * rest[0] * rest[1] * options["k"]

    assert grad(f, wrt=2)(X, 2.0, 3.0, k=4.0) == 28.0
    assert grad(f, wrt=-1)(X, 2, 3, k=4.0) == 28.0
    assert grad(f, wrt="rest")(X, 2.0, 3.0, k=4.0) == (42.0, 28.0)
    assert grad(f, wrt="k")(X, 2.0, 3.0, k=4) == 21.0
    assert grad(f, wrt="options")(X, 2.0, 3.0, k=4.0) == {"k": 21.0}


def test_a_default_that_was_not_passed_can_be_named():
    assert grad(energy, wrt="k")(X) == np.sum(X**2)

    def only_by_position(x, n=2, k=3, /):
        return x**n * k

    assert grad(only_by_position, wrt="k")(2.0) == 4.0
    assert grad(only_by_position, wrt="k")(2.0, 3) == 8.0
    assert grad(only_by_position, wrt="k")(2.0, 3, 1) == 8.0


def test_a_local_variable_can_be_named_and_nothing_is_cut():
    def f(x, y):
        u = x * y
        z = u + x
        return np.sum(z)

    d_x, d_u, d_y = grad(f, wrt=("x", "u", "y"))(X, 3 * X)
    equal(d_x, 3 * X + 1)
    equal(d_u, np.ones(3))
    equal(d_y, X)


@pytest.mark.parametrize("number", [int, np.int64, np.uint8])
def test_an_int_in_wrt_counts_as_a_float(number):
    def f(x, k=2):
        return x**2 * k

    two, three = number(2), number(3)
    assert grad(f)(three) == 12.0 and type(grad(f)(three)) is np.float64
    assert value_and_grad(f, wrt=("x", "k"))(three, k=two) == (18.0, (12.0, 9.0))
    assert jacobian(f)(three) == hvp(f)(two, 3.0) == jvp(f, (three,), (1.0,))[1] == 12.0
    assert grad(lambda x: x * grad(f)(three))(2.0) == grad(lambda x: x * grad(f)(x))(three) / 2
    assert vjp(f, three)[1](None) == (None,)


def test_curve_fit_starts_at_ints():
    optimize = pytest.importorskip("scipy.optimize")

    def bell(t, a, m, s):
        return a * np.exp(-0.5 * ((t - m) / s) ** 2)

    t = np.linspace(0, 3, 30)
    jac = jacobian(bell, wrt=("a", "m", "s"), matrix=True)
    found, _ = optimize.curve_fit(bell, t, bell(t, 2.0, 1.2, 0.4), [1, 1, 1], jac=jac)
    np.testing.assert_allclose(found, [2.0, 1.2, 0.4])


def test_detach_is_a_constant():
    equal(grad(lambda x: np.sum(detach(x) * x))(X), X)


# What is refused


@pytest.mark.parametrize(
    "x, says, instead",
    [
        (np.arange(3), "`x` is an array of int64", "x.astype(float)"),
        (np.array([True]), "`x` is an array of bool", "x.astype(float)"),
        (True, "`x` is the bool True", "float(x)"),
        (np.bool_(True), "`x` is the bool True", "float(x)"),
        (None, "`x` is None", "a float"),
        ("a", "`x` is a str", "a float"),
        (np.array([None]), "`x` is an array of object", "an array of floats"),
    ],
)
def test_an_argument_without_derivatives(x, says, instead):
    with pytest.raises(NotDifferentiableTypeError) as caught:
        grad(energy)(x)
    assert isinstance(caught.value, TypeError)
    text = str(caught.value)
    assert says in text and instead in text and "def energy(x, k=2.0)" in text


@pytest.mark.parametrize("x", [np.matrix([[1.0]]), np.ma.ones(3), np.ones(3).view(np.recarray)])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_an_array_of_another_class_is_refused(x):
    with pytest.raises(SrcdiffError, match="`x`.*plain arrays"):
        grad(energy)(x)
    with pytest.raises(SrcdiffError, match=r"`k\['w'\]`.*plain arrays"):
        grad(energy)(X, {"w": x})
    with pytest.raises(SrcdiffError, match="plain arrays"):
        vjp(energy, x)


def test_more_than_one_output_element():
    with pytest.raises(NonScalarOutputError, match="elementwise_grad.*vjp"):
        grad(lambda x: x * 2)(X)
    assert grad(lambda x: x * 2)(np.ones((1, 1))).tolist() == [[2.0]]


def test_wrt_is_checked_before_the_function_runs():
    with pytest.raises(UnknownArgumentError, match="z"):
        grad(lambda x: 1 / 0, wrt="z")(X)


def test_a_call_that_does_not_fit():
    df = grad(energy)
    with pytest.raises(TypeError, match=r"energy\(\)"):
        df()
    with pytest.raises(TypeError, match=r"energy\(\)"):
        df(X, 1.0, 2.0)
    with pytest.raises(TypeError, match=r"energy\(\)"):
        df(X, scale=1.0)


def test_the_users_own_exceptions_pass():
    def f(x):
        if len(x) > 2:
            raise KeyError("too long")
        return np.sum(x)

    with pytest.raises(KeyError, match="too long"):
        grad(f)(X)
    equal(grad(f)(X[:2]), np.ones(2))


def writes(x, y):
    x[0] = y[1] * 2
    return np.sum(x * y)


def test_overlapping_arrays_are_refused_where_the_function_writes():
    df = grad(writes)
    equal(df(X, X.copy()), np.array([0.0, 1.0, 2.0]))
    buffer = np.arange(8.0)
    for x, y in ((X, X), (buffer[:4], buffer[1:5]), (buffer, buffer[::-1])):
        with pytest.raises(UnsupportedSyntaxError, match="shares memory"):
            df(x, y)
    equal(df(buffer[:4], buffer[4:]), np.array([0.0, 5.0, 6.0, 7.0]))
    equal(df(buffer[::2], buffer[1::2]), np.array([0.0, 3.0, 5.0, 7.0]))


def test_one_array_in_two_places_gives_partial_derivatives_where_it_is_only_read():
    d_x, d_y = grad(lambda x, y: np.sum(x * y**2), wrt=(0, 1))(X, X)
    equal(d_x, X**2)
    equal(d_y, 2 * X**2)
    assert not np.shares_memory(d_x, d_y)


# What it shows


def test_it_looks_like_the_function():
    df = grad(energy)
    assert df.__name__ == "energy" and df.__doc__ == energy.__doc__
    assert df.__module__ == energy.__module__ and df.primal is energy
    assert inspect.signature(df) == inspect.signature(energy)
    assert "energy" in repr(df) and callable(df)
    assert not hasattr(df, "no_such_name")


def test_it_takes_the_name_of_what_has_one():
    assert grad(functools.partial(energy, k=1.0)).__name__ == "energy"
    assert grad(np.sin).__name__ == "sin"
    assert inspect.signature(grad(Model(X).loss)) == inspect.signature(Model(X).loss)


def test_source_ir_and_specialize():
    df = grad(energy)
    with pytest.raises(SrcdiffError, match="specialize"):
        _ = df.source
    with pytest.raises(SrcdiffError, match="specialize"):
        _ = df.ir
    df(X)
    of_array = df.source
    assert of_array.startswith("def energy_grad(x") and "np.sum" in str(df.ir) + "np.sum"
    generated = df.specialize(X)
    assert generated.__name__ == "energy_grad" and inspect.getsource(generated) == of_array
    equal(generated(X), 4 * X)
    df(2.0)
    assert compilations(df) == 2
    df(X)
    assert df.source == of_array  # of the code that was used last


def test_specialize_does_not_run_the_function(capsys):
    def f(x):
        print("ran")
        return np.sum(x)

    df = grad(f)
    generated = df.specialize(X)
    assert capsys.readouterr().out == "" and "print" in df.source
    equal(generated(X), np.ones(3))
    assert capsys.readouterr().out == "ran\n"


def test_a_specialised_partial_takes_what_the_partial_takes():
    df = grad(functools.partial(energy, k=3.0))
    equal(df(X), 6 * X)
    equal(df.specialize(X)(X), 6 * X)
    f = functools.partial(lambda a, x: np.sum(a * x), X)
    equal(grad(f)(2 * X), X)
    equal(grad(f).specialize(X)(2 * X), X)


# When code is made anew


def test_calls_alike_share_code():
    df = grad(energy)
    for x in (X, X[:2], np.ones(7), X * 2):
        equal(df(x), 4 * x)
    assert compilations(df) == 1
    df(np.ones((2, 2)))
    df(X, 3.0)
    df(X, 4.0)
    df(X, k=3.0)
    assert compilations(df) == 4


def test_a_static_value_makes_code_of_its_own():
    def f(x, square):
        return np.sum(x**2) if square else np.sum(x)

    df = grad(f)
    equal(df(X, True), 2 * X)
    equal(df(X, False), np.ones(3))
    equal(df(X, 1), 2 * X)
    equal(df(X, 0), np.ones(3))
    assert compilations(df) == 3


def test_the_training_flag_is_static():
    def f(x):
        return np.sum(x**2) if is_training() else np.sum(x)

    df = grad(f)
    equal(df(X), np.ones(3))
    with train_mode():
        equal(df(X), 2 * X)
        with predict_mode():
            equal(df(X), np.ones(3))
    equal(df(X), np.ones(3))
    assert compilations(df) == 2


FACTOR: Any = 2
TABLE: Any = np.ones(3)


def scaled(x):
    return np.sum(x * FACTOR)


def test_a_global_that_is_rebound_is_seen(monkeypatch):
    df = grad(scaled)
    equal(df(X), np.full(3, 2.0))
    for value in (3, 3.5, X, True, 2):
        monkeypatch.setitem(globals(), "FACTOR", value)
        equal(df(X), np.ones(3) * value)
    known = compilations(df)
    monkeypatch.setitem(globals(), "FACTOR", 4.5)
    equal(df(X), np.full(3, 4.5))
    monkeypatch.setitem(globals(), "FACTOR", 3)
    equal(df(X), np.full(3, 3.0))
    assert compilations(df) == known  # both were seen before


def test_a_cell_and_a_default_that_are_rebound_are_seen():
    k = 2

    def f(x, n=2):
        return np.sum(x**n) * k

    df = grad(f)
    equal(df(X), 4 * X)
    k = 3
    equal(df(X), 6 * X)
    f.__defaults__ = (1,)
    equal(df(X), np.full(3, 3.0))


def test_two_threads_make_the_code_once():
    df = grad(energy)
    results: list = []
    threads = [threading.Thread(target=lambda: results.append(df(X))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and compilations(df) == 1


def test_what_changes_at_each_call_does_not_fill_the_memory():
    df = grad(lambda x, marker: np.sum(x))
    for _ in range(srcdiff.api.KEYS + 5):
        df.specialize(2.0, object())
    assert len(df._codes) <= srcdiff.api.KEYS


# Methods, callable objects, functions with rules


def test_a_decorated_method_counts_after_self():
    model = Model(X)
    equal(model.gradient(X), 2 * X * X)
    equal(Model.gradient(model, X), 2 * X * X)
    value, d_y = model.both(X)
    assert value == 2 * np.sum(X * X) and d_y == np.sum(X * X)
    assert "self" not in inspect.signature(model.gradient).parameters
    assert model.gradient.source.startswith("def gradient_grad(x")
    equal(model.gradient.specialize(X)(X), 2 * X * X)
    equal(Model.gradient.specialize(model, X)(X), 2 * X * X)
    assert model.gradient is model.gradient


def test_each_instance_has_its_own_state():
    one, other = Model(X), Model(np.ones(3))
    equal(one.gradient(X), 2 * X * X)
    equal(other.gradient(X), 2 * X)


def test_a_bound_method_and_a_callable_object():
    class Callable:
        def __call__(self, x):
            return np.sum(x**2)

    equal(grad(Model(X).loss)(X), 2 * X * X)
    equal(grad(Callable())(X), 2 * X)


def test_a_gradient_of_a_plain_function_may_be_kept_in_a_class():
    class Config:
        df = grad(energy)

    equal(Config.df(X), 4 * X)


def test_a_static_method():
    class Config:
        @staticmethod
        @grad
        def df(x):
            return np.sum(x**2)

    equal(Config.df(X), 2 * X)
    equal(Config().df(X), 2 * X)


@pytest.mark.parametrize(
    "f, derivative",
    [(np.sin, np.cos), (np.exp, np.exp), (np.floor, np.zeros_like)],
)
def test_a_function_with_a_rule_needs_no_source(f, derivative):
    equal(elementwise_grad(f)(X), derivative(X))


def test_functions_with_rules_take_their_keywords():
    m = X * X[:, None]
    equal(elementwise_grad(np.sum)(m, keepdims=True), np.ones((3, 3)))
    equal(elementwise_grad(np.hypot, wrt=(0, 1))(X, X)[1], np.full(3, math.sqrt(0.5)))
    assert grad(math.sin)(0.0) == 1.0
    df = elementwise_grad(np.sin)
    df(X)
    assert "np.cos(x)" in df.source
    value, pull = vjp(np.dot, X, m)
    equal(value, X @ m)
    equal(pull(X)[1], np.outer(X, X))


# Pickled and copied


def test_it_pickles_by_the_function_and_its_settings():
    df = value_and_grad(energy, wrt="k", fallback="error")
    df(X)
    again = pickle.loads(pickle.dumps(df))
    assert again(X) == df(X) and again.primal is energy
    assert repr(again) == repr(df)


def test_a_decorated_function_pickles_by_its_name():
    assert pickle.loads(pickle.dumps(plain)) is plain


def test_a_method_pickles_with_its_instance():
    again = pickle.loads(pickle.dumps(Model(X).gradient))
    equal(again(X), 2 * X * X)
    assert pickle.loads(pickle.dumps(Model.gradient)) is Model.gradient


def test_it_can_be_copied():
    df = grad(energy, wrt=("k",))
    assert copy.deepcopy(df)(X) == df(X)
    assert copy.copy(df)(X) == df(X)
    equal(copy.deepcopy(grad(Model(X).loss))(X), 2 * X * X)


# vjp


def test_a_pullback_may_be_called_any_number_of_times():
    def f(x):
        stack = []
        for v in x:
            stack.append(np.sin(v))
        return stack[0] * stack[1] * x

    value, pull = vjp(f, X)
    equal(value, f(X))
    first = pull(np.ones(3))
    second = pull(np.array([0.0, 1.0, 0.0]))
    equal(pull(np.ones(3))[0], first[0])
    assert not np.shares_memory(first[0], second[0])


def test_a_pullback_returns_one_entry_for_each_argument():
    def f(params, n, x, name):
        return params["w"] * x**n

    value, pull = vjp(f, {"w": 2.0, "k": 3}, 2, X, "name")
    d_params, d_n, d_x, d_name = pull(np.ones(3))
    assert d_params == {"w": np.sum(X**2), "k": None} and d_n is None and d_name is None
    assert type(d_params["w"]) is np.float64
    equal(d_x, 4 * X)
    assert vjp(len, [1, 2])[1](None) == (None,)


def test_a_pullback_shares_no_memory_with_its_cotangent_or_the_arguments():
    x, d_out = X.copy(), np.ones(3)
    value, pull = vjp(lambda x, y: x + y, x, x)
    d_x, d_y = pull(d_out)
    for one, other in ((d_x, d_out), (d_y, d_out), (d_x, d_y), (value, x)):
        assert not np.shares_memory(one, other)
    value, pull = vjp(lambda x: x, x)
    assert not np.shares_memory(value, x) and not np.shares_memory(pull(d_out)[0], d_out)


def test_a_pullback_is_of_the_arguments_as_they_were():
    x = X.copy()
    value, pull = vjp(lambda x: x**2, x)
    x[:] = 7
    value[:] = 9
    equal(pull(np.ones(3))[0], 2 * X)


def test_a_pullback_of_a_function_that_writes():
    x = X.copy()

    def f(x):
        x *= x
        return x

    value, pull = vjp(f, x)
    equal(x, X)
    equal(value, X**2)
    value[:] = 0
    equal(pull(np.ones(3))[0], 2 * X)
    equal(pull(np.ones(3))[0], 2 * X)


def test_the_output_may_be_a_container():
    def f(x):
        return {"s": np.sum(x), "y": (x * 2, len(x))}

    value, pull = vjp(f, X)
    (d_x,) = pull({"s": 1.0, "y": (X, None)})
    equal(d_x, 1 + 2 * X)
    with pytest.raises(ValueError, match="d_out"):
        pull(1.0)


def test_a_cotangent_is_cast():
    x = X.astype(np.float32)
    _, pull = vjp(lambda x: x * 2, x)
    equal(pull(np.ones(3))[0], np.full(3, 2, np.float32))
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        pull(np.ones(2))
    _, pull = vjp(lambda x: np.sum(x), x)
    equal(pull(2)[0], np.full(3, 2, np.float32))


def test_code_for_a_pullback_is_made_once_for_a_function():
    def f(x):
        return x * 2

    for _ in range(3):
        vjp(f, X)
    (pullback,) = [p for p in srcdiff.api._kept.values() if p.primal is f]
    assert compilations(pullback) == 1


def test_a_function_with_effects_is_run_once_however_often_its_cotangents_are_pulled(capsys):
    draws = []

    def f(x):
        print("hello")
        noise = np.random.default_rng(len(draws)).normal(size=3)
        draws.append(noise)
        return x * noise

    with pytest.warns(FallbackWarning):
        value, pull = vjp(f, X)
    assert capsys.readouterr().out == "hello\n"
    for _ in range(2):
        equal(pull(np.ones(3))[0], draws[0])
    assert len(draws) == 1 and capsys.readouterr().out == ""
    equal(value, X * draws[0])


# Names and import


def test_the_public_names():
    assert set(srcdiff.__all__) == {
        "Differentiated",
        "FallbackWarning",
        "GradientCheckError",
        "NoRuleError",
        "NonScalarOutputError",
        "NotDifferentiableTypeError",
        "RuleError",
        "SrcdiffError",
        "UnknownArgumentError",
        "UnsupportedSyntaxError",
        "autograd",
        "check_grads",
        "checkpoint",
        "custom_vjp",
        "detach",
        "elementwise_grad",
        "grad",
        "hessian",
        "hvp",
        "implicit",
        "is_training",
        "jacobian",
        "jacobian_sparsity",
        "jvp",
        "jvp_rule",
        "nd",
        "nondifferentiable",
        "predict_mode",
        "pullback",
        "train_mode",
        "value_and_grad",
        "vjp",
        "vjp_rule",
        "vmap",
    }
    assert all(hasattr(srcdiff, name) for name in srcdiff.__all__)


def test_importing_does_not_import_the_compiler():
    late = "gast", "astor", "srcdiff.transforms"
    code = f"import sys, srcdiff; print([m for m in {late} if m in sys.modules])"
    run = [sys.executable, "-c", code]
    root = Path(srcdiff.__file__).parents[1]
    found = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"


def test_a_method_of_a_ufunc_does_not_make_code_stale():
    def f(x, k):
        y = np.zeros(3)
        np.add.at(y, k, x)
        return np.sum(y**2)

    df = grad(f)
    for _ in range(3):
        df(np.ones(3), np.array([0, 0, 1]))
    assert [len(codes) for codes in df._codes.values()] == [1]
