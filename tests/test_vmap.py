"""One function for many examples: `vmap` is the stacked loop, in shape, dtype and value."""

import collections
import copy
import dataclasses
import functools
import inspect
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from srcdiff import (
    FallbackWarning,
    NoRuleError,
    SrcdiffError,
    UnsupportedSyntaxError,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    pullback,
    value_and_grad,
    vmap,
)
from srcdiff.batching import stacked
from srcdiff.coordinates import Coordinates
from srcdiff.runtime.kernels import real_power
from srcdiff.runtime.registry import RULES, load_scipy_rules
from srcdiff.transforms.ir import op_name
from srcdiff.trees import leaves
from tests.examples import looped, many, same, several
from tests.judge import fresh, mentions_float32, right
from tests.tangents import programs
from tests.tape import squared

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
# A negative number has no root that their iteration would find.
ENDLESS = ("gallery.newton_while",)
# What is written outside has no generated code.
IN_A_LOOP = {
    "objects.global_counted", "objects.outside_attribute", "objects.outside_items",
    "objects.outside_array",
}  # fmt: skip


@pytest.mark.parametrize("f, args, wrt", programs())
def test_many_examples_at_once_are_a_loop(f, args, wrt, request):
    name = request.node.callspec.id
    given, axes = several(fresh(args), wrt)
    if name in ENDLESS or all(a is None for a in axes):
        pytest.skip("no examples for it")
    try:
        wanted = looped(f, copy.deepcopy(given), axes)
    except Exception as error:
        with pytest.raises(type(error)), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            vmap(f, axes)(*given)
        return
    fallback = "tape" if name in IN_A_LOOP else "error"
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(vmap(f, axes, fallback=fallback)(*given), wanted)


def records():
    """Every function with a rule, and the points at which it is checked."""
    load_scipy_rules()
    for function, rule in RULES.items():
        ours = home_of(function) in ("srcdiff", "numpy", "scipy") and function is not real_power
        if rule.vjp is not None and rule.at and ours:  # a real power is of numbers alone
            yield pytest.param(function, rule.at, id=op_name(function))


def home_of(function):
    """The package that a function belongs to; operators and Python's own count as ours."""
    home = (getattr(function, "__module__", None) or "numpy").split(".")[0]
    return "srcdiff" if home in ("_operator", "math", "cmath", "builtins") else home


@pytest.mark.parametrize("function, points", records())
def test_every_record_of_the_registry_takes_many_examples(function, points):
    for args, kwargs in points:
        given = [many(x, (1, 0.99, 1.01)) for x in args]
        differ = [k for k, (_, axes) in enumerate(given) if any_axis(axes)]
        for some in [differ, *([k] for k in differ if len(differ) > 1)] if differ else []:
            each = [given[k] if k in some else (x, None) for k, x in enumerate(args)]
            values, axes = tuple(x for x, _ in each), tuple(a for _, a in each)
            f = functools.partial(lambda *args, kwargs: function(*args, **kwargs), kwargs=kwargs)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    wanted = looped(f, values, axes)
                except (TypeError, ValueError, ArithmeticError, IndexError):
                    continue  # an axis or a sample that is no float array
                same(vmap(f, axes)(*values), wanted, 1e-7)


def any_axis(axes):
    if isinstance(axes, (tuple, list, dict)):
        return any(map(any_axis, axes.values() if isinstance(axes, dict) else axes))
    return axes is not None


# What it looks like


def distance(x, y):
    return np.sqrt(np.sum((x - y) ** 2))


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


def branch(x):
    if np.sum(x) > 0:
        y = x * 2
    else:
        y = -x
    return np.sin(y)


def test_vector_code_stays_vector_code():
    to_all = vmap(distance, in_axes=(0, None), fallback="error")
    np.testing.assert_allclose(to_all(X, X[0]), [distance(x, X[0]) for x in X])
    assert to_all.source == (
        "def distance_vmap(x, y):\n    return np.sqrt(np.sum((x - y) ** 2, axis=1))\n"
    )


def test_a_loop_over_time_stays_one_loop():
    run = vmap(rnn, in_axes=(None, 0), fallback="error")
    run(np.eye(2), np.ones((4, 6, 2)))
    assert run.source == (
        "def rnn_vmap(w, x):\n"
        "    h = np.zeros((len(x), w.shape[0]))\n"
        "    for t in range(x.shape[1]):\n"
        "        h = np.tanh(h @ w.T + x[:, t])\n"
        "    return np.sum(h, axis=1)\n"
    )


def test_a_branch_on_an_example_stands_in_a_loop_and_what_is_around_does_not():
    run = vmap(branch, fallback="error")
    np.testing.assert_array_equal(run(X), [branch(x) for x in X])
    assert run.source == (
        "def branch_vmap(x):\n"
        "    ys = []\n"
        "    test_list = (np.sum(x, axis=1) > 0).tolist()\n"
        "    for i, x_i in enumerate(x):\n"
        "        y = x_i * 2 if test_list[i] else -x_i\n"
        "        ys.append(y)\n"
        "    y = np.array(ys)\n"
        "    return np.sin(y)\n"
    )


# Shapes that differ


def test_how_many_there_are_may_differ_between_examples():
    def positive(x):
        return len(x[x > 0]) * 1.0

    def counted(x):
        count = 0
        for limit in range(3):
            y = x[x > limit / 4]
            count = count + len(y)
        return count * x[0]

    def of_all(x):
        y = x[x > 0]
        return np.sum(y) / max(len(y), 1)

    for f in (positive, counted, of_all):
        same(vmap(f, fallback="error")(X), looped(f, (X,), (0,), 5))
    with pytest.raises(ValueError, match="shape"):
        vmap(lambda x: x[x > 0])(X)


def test_slices_whose_ends_differ_between_examples():
    def f(x, w):
        i = np.argmax(x)
        return np.sum(w[: i + 1]) + np.sum(w[i:]) * w[i], w[i] * x[i], np.sum(np.outer(w, x)[i, i:])

    w = np.arange(1.0, 4.0)
    same(vmap(f, (0, None), fallback="error")(X, w), looped(f, (X, w), (0, None), 5))


# Gradients of each example


@pytest.mark.parametrize("f, args, axes", [
    (lambda x: np.sum(np.sin(x) * x), (X,), (0,)),
    (lambda x: branch(x) @ x, (X,), (0,)),
    (distance, (X, X[0] + 1), (0, None)),
    (rnn, (np.eye(3), RNG.normal(size=(4, 6, 3))), (None, 0)),
], ids=["sin", "branch", "distance", "rnn"])  # fmt: skip
def test_gradients_of_each_example(f, args, axes):
    wrt = tuple(range(len(args)))
    df = grad(f, wrt=wrt, fallback="error")
    same(vmap(df, axes, fallback="error")(*args), looped(df, args, axes, len(args[axes.index(0)])))


@pytest.mark.parametrize("f", [
    lambda x: np.full_like(x, 2.0) * x, lambda x: np.full_like(x, x[0]), np.full_like,
    lambda x, y=None: np.full_like(np.outer(x, x), x), lambda x: np.full_like(x, 3, dtype=int),
], ids=["a number", "an element", "itself", "a row", "ints"])  # fmt: skip
def test_an_array_is_filled_for_each_example(f):
    args = (X, X[::-1]) if f is np.full_like else (X,)
    df = vmap(f, fallback="error")
    same(df(*args), looped(f, args, (0,) * len(args), len(X)))
    assert "for " not in df.source


def test_steps_along_an_inner_gradient_are_taken_by_all_examples_at_once():
    def descent(x, steps):
        for _ in range(steps):
            x = x - 0.01 * grad(lambda q: np.sum(q**4) / 4)(x)
        return np.sum(x)

    def total(x, steps):
        return np.sum(vmap(descent, in_axes=(0, None))(x, steps))

    df = grad(total, fallback="error")
    each = [grad(descent)(x, 3) for x in X]
    np.testing.assert_allclose(df(X, 3), each, rtol=1e-12)


def test_each_example_has_a_run_of_its_own_where_nothing_can_be_told_apart():
    def descent(x, data, steps):
        losses = []
        for _ in range(steps):
            loss, d_x = value_and_grad(lambda x: np.mean((np.tanh(data @ x) - 0.5) ** 2))(x)
            losses.append(loss)
            x = x - 0.1 * d_x
        return np.sum(np.array(losses)) + np.sum(x)

    df, data = grad(descent), np.array([[0.3, -0.2, 0.5], [0.1, 0.7, -0.4]])
    found = vmap(df, in_axes=(0, None, None), fallback="error")(X, data, 3)
    np.testing.assert_allclose(found, [df(x, data, 3) for x in X], rtol=1e-12)


def test_a_value_and_its_gradient_share_the_loop():
    df = value_and_grad(rnn, wrt="w")
    value, d_w = vmap(df, (None, 0), fallback="error")(np.eye(2), np.ones((4, 6, 2)))
    assert value.shape == (4,) and d_w.shape == (4, 2, 2)


# Axes


def test_axes_of_arguments_and_outputs():
    def f(x, y):
        return np.outer(x, y), x[0]

    x, y = RNG.normal(size=(3, 5)), RNG.normal(size=(5, 2))
    outer, first = vmap(f, in_axes=(1, 0), out_axes=(-1, 0), fallback="error")(x, y)
    assert outer.shape == (3, 2, 5) and first.shape == (5,)
    np.testing.assert_array_equal(outer, np.stack([np.outer(x[:, i], y[i]) for i in range(5)], -1))


def test_axes_in_containers():
    def f(p, k):
        return {"a": p["w"] @ p["x"], "b": k}

    p = {"w": RNG.normal(size=(2, 3)), "x": X}
    out = vmap(f, in_axes=({"w": None, "x": 0}, None), fallback="error")(p, 2.0)
    np.testing.assert_allclose(out["a"], X @ p["w"].T)
    assert out["b"].tolist() == [2.0] * 5


Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Moments:
    mean: Any
    spread: np.ndarray


@pytest.mark.parametrize("f, out_axes", [
    (lambda x: Pair(2 * x, x), 0), (lambda x: Pair(2 * x, x), -1),
    (lambda x: Pair(np.outer(x, x), x), Pair(2, 0)), (lambda x: [Pair(x, {"k": Pair(x, None)})], 0),
    (lambda x: Pair(x, 2.0), Pair(0, None)),
    (lambda x: Moments(np.mean(x), spread=x - np.mean(x)), 0),
])  # fmt: skip
def test_an_output_may_be_a_namedtuple_or_an_object(f, out_axes):
    df = vmap(f, out_axes=out_axes, fallback="error")
    found, expected = df(X), stacked([f(x.copy()) for x in X], out_axes)
    one, other = (list(leaves(tree)) for tree in (found, expected))
    assert [way for way, _ in one] == [way for way, _ in other] and type(found) is type(expected)
    for (_, a), (_, b) in zip(one, other):
        np.testing.assert_array_equal(a, b)
        assert not isinstance(a, np.ndarray) or not np.shares_memory(a, X)
    assert "for " not in df.source


def test_an_output_may_be_an_object_that_is_one_of_two():
    def f(x):
        return Moments(x[0], x) if x[0] > 0 else Moments(x[1], 2 * x)

    found, expected = vmap(f, fallback="error")(X), stacked([f(x.copy()) for x in X], 0)
    assert type(found) is Moments
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.spread, expected.spread)


def test_what_is_the_same_for_all_may_be_returned_once():
    f = vmap(lambda x, w: (x @ w, w), in_axes=(0, None), out_axes=(0, None), fallback="error")
    found, w = f(X, X[0])
    assert found.shape == (5,) and w.shape == (3,)
    with pytest.raises(SrcdiffError, match="depends on an example"):
        vmap(lambda x: x, out_axes=None, fallback="error")(X)


def test_arguments_by_keyword_have_the_axis_0():
    f = vmap(lambda x, scale=1.0: x * scale, fallback="error")
    np.testing.assert_array_equal(f(X, scale=np.arange(5.0)), X * np.arange(5.0)[:, None])


@pytest.mark.parametrize("f, args, message", [
    (vmap(np.sum), (2.0,), "argument 0 is a float, which has no axes"),
    (vmap(np.sum), ([1.0, 2.0],), "argument 0 holds a float, which has no axes; write `np.asarray"),
    (vmap(np.sum), (np.array([X, None], object),), "argument 0 is an array of objects"),
    (vmap(np.sin, out_axes=2), (X,), "out_axes has 2, but an output of all examples has 2 axes"),
    (vmap(lambda n: np.zeros(n)), (np.arange(2),), r"shape \(0,\) for example 0, \(1,\) for"),
    (vmap(np.sum, in_axes=2), (X,), "has no axis 2"),
    (vmap(np.sum, in_axes=None), (X,), "no argument has an axis"),
    (vmap(np.sum, in_axes=(0, 0)), (X,), "in_axes has 2 entries"),
    (vmap(distance), (X, X[:2]), "2 examples in argument 1, but 5"),
    (vmap(lambda x: x if x[0] > 0 else -x), (X[:0],), "there are no examples"),
    (vmap(lambda x: x["a"], in_axes=({"b": 0},)), ({"a": X},), "no entry for 'a'"),
])  # fmt: skip
def test_axes_that_do_not_fit(f, args, message):
    with pytest.raises(ValueError, match=message):
        f(*args)


@pytest.mark.parametrize("f, of_one", [
    (np.sin, (4,)), (np.linalg.norm, ()), (grad(lambda x: np.sum(x**3)), (4,)),
    (hessian(lambda x: np.sum(x**3)), (4, 4)), (lambda x: np.ones((2, 3)), (2, 3)),
    (lambda x: 2 * x[0] if x[0] > 0 else x[1], ()),
])  # fmt: skip
def test_no_examples_have_an_output_without_any(f, of_one):
    found = vmap(f, fallback="error")(np.zeros((0, 4)))
    assert found.shape == (0, *of_one) and found.dtype == float
    assert vmap(f, in_axes=1, fallback="error")(np.zeros((4, 0))).shape == (0, *of_one)


def test_an_axis_is_a_number():
    with pytest.raises(TypeError, match="an axis is an int or None"):
        vmap(np.sum, in_axes="0")


# Of derivatives


@pytest.mark.parametrize("f", [np.add.accumulate, np.add.reduce, np.multiply.accumulate])
def test_methods_of_ufuncs_have_jacobians_of_each_example(f):
    df = jacobian(lambda x: f(x))
    np.testing.assert_allclose(vmap(df, fallback="error")(X), np.stack([df(x) for x in X]))


def test_what_does_not_compile_has_its_jacobians_in_a_loop():
    df = jacobian(lambda x: squared(x) * np.sign(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        np.testing.assert_allclose(vmap(df)(X), np.stack([df(x) for x in X]))
    with pytest.raises(UnsupportedSyntaxError):
        vmap(df, fallback="error")(X)


def test_what_has_no_rule_has_no_jacobians():
    special = pytest.importorskip("scipy.special")
    with pytest.warns(FallbackWarning), pytest.raises(NoRuleError):
        vmap(jacobian(lambda x: special.mathieu_a(1, x)))(X)


def cubes(x, k=1.0):
    return np.sum(k * x**3)


def sines(x):
    return np.sin(x)


def test_a_derivative_is_called_as_it_is_signed():
    v = X[::-1]
    np.testing.assert_allclose(vmap(hvp(cubes), fallback="error")(X, v), 6 * X * v)
    np.testing.assert_allclose(vmap(hvp(cubes), (0, 0, None))(X, v, 2.0), 12 * X * v)
    (found,) = vmap(pullback(sines), fallback="error")(X, v)
    np.testing.assert_allclose(found, np.cos(X) * v)
    value, dot = vmap(jvp(sines), fallback="error")((X,), (v,))
    np.testing.assert_allclose(value, np.sin(X))
    np.testing.assert_allclose(dot, np.cos(X) * v)
    found = vmap(vmap(hvp(lambda x: cubes(x))), fallback="error")(X[None], v[None])
    np.testing.assert_allclose(found, 6 * (X * v)[None])
    assert str(inspect.signature(hvp(cubes))) == "(x, x_dot, k=1.0)"
    assert str(inspect.signature(pullback(sines))) == "(x, d_out)"
    assert str(inspect.signature(pullback(cubes))) == "(*args)"
    assert str(inspect.signature(jvp(sines))) == "(args, tangents)"


def test_the_name_says_which_derivative():
    twice, pushed = vmap(vmap(sines)), jvp(vmap(sines))
    twice(X)
    pushed((X,), (X,))
    assert twice.source.startswith("def sines_vmap_vmap(x):")
    assert pushed.source.startswith("def sines_vmap_jvp(x, x_dot):")


# What a call is otherwise


def test_a_vmap_has_what_grad_has():
    f = vmap(distance, (0, None))
    with pytest.raises(SrcdiffError, match="has no source yet"):
        _ = f.source
    found = f(X, X[0])
    assert f.primal is distance and f.__name__ == "distance" and "np.sum" in str(f.ir)
    np.testing.assert_array_equal(f.specialize(X, X[0])(X, X[0]), found)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(X, X[0]), found)
    assert repr(f) == "vmap(distance, in_axes=(0, None), out_axes=0)"


class Spring:
    def __init__(self, k):
        self.k = k

    @vmap
    def force(self, x):
        return -self.k * x

    def energy(self, x):
        return self.k * np.sum(x**2) / 2


def test_methods_and_decorators():
    spring = Spring(3.0)
    np.testing.assert_array_equal(spring.force(X), -3.0 * X)
    np.testing.assert_allclose(vmap(spring.energy)(X), 1.5 * np.sum(X**2, 1))

    @vmap(in_axes=1)
    def total(x):
        return np.sum(x)

    np.testing.assert_allclose(total(X), np.sum(X, 0))


def test_arguments_are_left_alone():
    def f(x, w):
        x *= 2
        w += 1
        return x @ w

    x, w = X.copy(), np.ones(3)
    np.testing.assert_allclose(vmap(f, (0, None), fallback="error")(x, w), 4 * np.sum(X, 1))
    np.testing.assert_array_equal(x, X)
    assert w.tolist() == [1.0] * 3


def test_effects_happen_once_for_each_example(capsys):
    def f(x):
        print("here")
        return x * 2

    vmap(f, fallback="error")(X)
    assert capsys.readouterr().out == "here\n" * 5


def test_random_numbers_are_drawn_for_each_example():
    def f(x, rng):
        return x + rng.normal(size=3)

    found = vmap(f, (0, None), fallback="error")(X, np.random.default_rng(1))
    same(found, looped(f, (X, np.random.default_rng(1)), (0, None), 5))


COUNTED = [0]


def test_what_is_written_outside_is_written_for_each_example():
    def f(x):
        COUNTED[0] += 1
        return x * COUNTED[0]

    COUNTED[0] = 0
    with pytest.warns(FallbackWarning, match="runs in a loop over the examples"):
        found = vmap(f)(np.ones(3))
    assert found.tolist() == [1.0, 2.0, 3.0] and COUNTED[0] == 3
    with pytest.raises(UnsupportedSyntaxError, match="written outside the function"):
        vmap(f, fallback="error")(np.ones(3))


def test_python_numbers_raise_as_in_the_loop():
    def f(x):
        return 1.0 / float(x)

    with pytest.raises(ZeroDivisionError):
        vmap(f)(np.array([1.0, 0.0]))
    assert vmap(f, fallback="error")(np.array([1.0, 2.0])).tolist() == [1.0, 0.5]


def test_python_floats_keep_the_precision_of_arrays():
    def f(x, y):
        return float(x) * y

    x, y = np.arange(3.0), np.ones((3, 2), np.float32)
    found = vmap(f, fallback="error")(x, y)
    assert found.dtype == np.float32 and found.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]


def test_one_example_is_an_axis_of_length_one():
    assert vmap(distance, (0, None), fallback="error")(X[:1], X[0]).tolist() == [0.0]
    assert vmap(branch, fallback="error")(X[:1]).shape == (1, 3)


def test_vmap_of_vmap():
    x, y = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = vmap(vmap(distance, (None, 0)), (0, None))(x, y)
    np.testing.assert_allclose(found, [[distance(a, b) for b in y] for a in x])


# Jacobians for all seeds at once


def test_a_jacobian_is_one_generated_function():
    def f(x, w):
        return np.tanh(w @ x)

    x, w = RNG.normal(size=4), RNG.normal(size=(3, 4))
    forward, reverse = (jacobian(f, mode=mode, fallback="error") for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward(x, w), reverse(x, w), rtol=1e-14)
    assert "x_dot @ w.T" in forward.source and "def f_jacobian(x, w, x_dot):" in forward.source
    assert "def f_jacobian(x, w, d_out):" in reverse.source and "@ w" in reverse.source


def test_a_hessian_is_the_jacobian_of_the_gradient():
    def f(x):
        return branch(x) @ np.cumsum(x) + distance(x, X[1])

    df = hessian(f)
    np.testing.assert_allclose(df(X[0]), jacobian(grad(f), fallback="error")(X[0]), rtol=1e-12)
    assert "def f_hessian(x, x_dot):" in df.source


def test_a_jacobian_where_an_operation_takes_no_further_axis():
    def f(x):
        for _ in range(3):
            x = np.interp(x, np.linspace(-3, 3, 7), np.arange(7.0) ** 2 / 20) + np.roll(x, 1)
        return x

    found = [jacobian(f, mode=mode, fallback="error")(X[0]) for mode in ("forward", "reverse")]
    columns = [jvp(f, (X[0],), (e,))[1] for e in np.eye(3)]
    np.testing.assert_allclose(found[0], np.transpose(columns), rtol=1e-13)
    np.testing.assert_allclose(found[1], np.transpose(columns), rtol=1e-13)


def test_a_jacobian_runs_the_function_once(capsys):
    def f(x):
        print("here")
        return x * x

    jacobian(f, mode="forward")(X[0])
    assert capsys.readouterr().out == "here\n"


def test_what_is_unbound_on_a_path_is_handed_on_as_it_is():
    def f(m, s):
        old = m
        if not s:
            m = 1 + m
        old[1] = 2.0
        return np.sum(m**2)

    for s in (0.0, 1.0):
        both = [jacobian(grad(f), mode=mode)(X[0], s) for mode in ("forward", "reverse")]
        want = 2 * np.eye(3)
        want[1, 1] = 0.0 if s else 2.0
        for found in (hessian(f)(X[0], s), *both):
            np.testing.assert_array_equal(found, want)


def small(args, wrt):
    """The first position in wrt, if the argument there is of a size for which a table is made."""
    if any(isinstance(x, np.random.Generator) for x in args):
        pytest.skip("each call draws other numbers")
    place = wrt[0] if isinstance(wrt, tuple) else wrt
    if not isinstance(place, int) or Coordinates(args[place]).size > 40:
        pytest.skip("no table is made of it")
    if any(np.iscomplexobj(x) for _, x in leaves(args[place])):
        pytest.skip("it is complex")
    return place


@pytest.mark.parametrize("f, args, wrt", programs(every=3))
def test_jacobians_by_both_modes_are_equal(f, args, wrt):
    place = small(args, wrt)
    found = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for mode in ("forward", "reverse"):
            df = jacobian(f, place, mode=mode, matrix=True)
            try:
                found.append(df(*copy.deepcopy(args)))
            except SrcdiffError:
                pytest.skip("it is not differentiated with respect to that")
    a, b = found
    assert a.shape == b.shape
    rtol = 1e-3 if np.float32 in (a.dtype, b.dtype) or mentions_float32(f, args, 0.0) else 1e-9
    scale = np.max(np.abs(b), initial=0, where=np.isfinite(b))
    np.testing.assert_allclose(a, b, rtol, rtol * scale)


@pytest.mark.parametrize("f, args, wrt", programs(every=3))
def test_hessians_are_jacobians_of_gradients(f, args, wrt):
    place = small(args, wrt)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = hessian(f, place, matrix=True)(*copy.deepcopy(args))
            df = grad(f, place, fallback="error")
            found = jacobian(df, place, mode="reverse", matrix=True)(*copy.deepcopy(args))
        except SrcdiffError:
            pytest.skip("it has no second derivatives")
    rtol = 1e-2 if wanted.dtype == np.float32 or mentions_float32(f, args, 0.0) else 1e-8
    scale = np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted))
    np.testing.assert_allclose(found, wanted, rtol, rtol * scale)


# Python's numbers


def test_the_functions_of_math_are_those_of_numpy_where_they_do_not_raise():
    def f(x, k):
        return math.exp(-x) * math.sin(k * x) + math.sqrt(float(x)) / k

    run = vmap(f, (0, None), fallback="error")
    x = np.linspace(0.5, 2.0, 7)
    np.testing.assert_allclose(run(x, 2.0), [f(v, 2.0) for v in x], rtol=1e-14)
    assert "for " not in run.source and "np.exp" in run.source
    with pytest.raises(ValueError, match="math domain error|nonnegative"):
        run(-x, 2.0)
    with pytest.raises(ZeroDivisionError):
        vmap(lambda x: math.exp(x) / float(x))(np.array([1.0, 0.0]))


def test_a_number_that_becomes_complex_is_complex():
    f = vmap(lambda x: float(x) ** 0.5)
    assert f(np.array([1.0, 4.0])).tolist() == [1.0, 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert f(np.array([-1.0, -4.0])).dtype == complex


# Inside functions that are differentiated


W = RNG.normal(size=3)


def squared_of_branches(x, w):
    return np.sum(vmap(branch)(x) ** 2 * w)


def along_columns(x, w):
    return np.sum(vmap(lambda r, w: np.tanh(r @ w) * r, in_axes=(1, None), out_axes=1)(x.T, w) ** 2)


def penalty_on_each_gradient(x, w):
    each = vmap(grad(lambda w, r: np.tanh(r @ w)), in_axes=(None, 0))(w, x)
    return np.sum(each**2)


def in_a_loop(x, w):
    total = 0.0
    for k in range(3):
        if total < 4.0:
            total = total + np.sum(vmap(lambda r, k=k: np.exp(r * k) @ w, (0, None))(x, k))
    return total


def twice(x, w):
    return np.sum(vmap(vmap(lambda u, v: u * v, (0, None)), (None, 0))(w, x[:, 0]) ** 2)


def with_containers(x, w):
    out = vmap(lambda p: {"a": p["r"] * w, "b": (np.max(p["r"]), 3)})({"r": x})
    return np.sum(out["a"]) + np.sum(out["b"][0] * out["b"][1])


def steps_of_their_own(x, w):
    def run(r):
        s, n = 0.0, 0
        while s < 5 and n < 9:
            s, n = s + r[0] ** 2 + w[0] ** 2, n + 1
        return s

    return np.sum(vmap(run)(x))


def stores(x, w):
    def stored(r):
        y = np.zeros(4)
        y[1:] = r * w
        y[0] += np.sum(y)
        return y

    return np.sum(vmap(stored)(x) ** 3)


OF_BRANCH = vmap(branch)


def made_outside(x, w):
    return np.sum(OF_BRANCH(x) @ w)


@pytest.mark.parametrize("f", [
    squared_of_branches, along_columns, penalty_on_each_gradient, in_a_loop, twice,
    with_containers, steps_of_their_own, stores, made_outside,
], ids=lambda f: f.__name__)  # fmt: skip
def test_a_function_that_calls_vmap_is_differentiated(f):
    right(f, X, W, wrt=(0, 1))


def test_what_an_inner_vmap_refuses():
    y = np.zeros(5)

    def writes(x):
        def g(r):
            y[0] = r[0]
            return r * y[0]

        return np.sum(vmap(g)(x))

    with pytest.raises(UnsupportedSyntaxError, match="writes what lies outside|no form for many"):
        grad(writes, fallback="error")(X)
    with pytest.raises(UnsupportedSyntaxError, match="None in in_axes"):
        grad(lambda x: np.sum(vmap(np.add)(x, x[0, 0])), fallback="error")(X)
    with pytest.raises(ValueError, match="different numbers of examples"):
        grad(lambda x, w: np.sum(vmap(np.add)(x, w)), fallback="error")(X[:, 0], W[:1])


def test_examples_in_a_masked_array_are_refused():
    with pytest.raises(ValueError, match="argument 0 is a numpy.ma.MaskedArray, and only plain"):
        vmap(np.sin)(np.ma.ones(3))


class Weighted:
    def __init__(self):
        self.w = np.array([1.0, 2.0])

    def loss(self, x, t):
        return (np.tanh(x @ self.w) - t) ** 2


def test_a_gradient_by_a_field_is_mapped_in_a_loop():
    df, xs, ts = grad(Weighted().loss, wrt="self.w"), np.arange(6.0).reshape(3, 2) / 5, np.ones(3)
    with pytest.warns(FallbackWarning, match="a derivative of `loss` by `self.w`"):
        found = vmap(df)(xs, ts)
    np.testing.assert_allclose(found, [df(x, t) for x, t in zip(xs, ts)])


def test_a_number_by_keyword_is_to_be_bound():
    def f(x, *, k):
        return k * x

    with pytest.raises(ValueError, match=r"bind it: vmap\(functools.partial\(f, k=…\)\)"):
        vmap(f)(np.ones((4, 3)), k=2.0)
    assert vmap(functools.partial(f, k=2.0))(np.ones((4, 3))).shape == (4, 3)
