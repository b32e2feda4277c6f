"""Rules of the user's: `vjp_rule`, `jvp_rule`, `nondifferentiable`, compiled and on the tape.

Each rule here differs from what the function's own source would give by a factor that a test can
see, so that a rule that is passed over is noticed.
"""

import contextlib
import functools
import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.special import mathieu_a

from srcdiff import (
    NoRuleError,
    RuleError,
    SrcdiffError,
    UnsupportedSyntaxError,
    check_grads,
    custom_vjp,
    detach,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    jvp_rule,
    nondifferentiable,
    value_and_grad,
    vjp,
    vjp_rule,
)
from srcdiff.runtime.registry import forget
from srcdiff.trees import leaves
from tests.tape import value_and_grad_on_tape

X = np.array([0.5, -1.25, 2.0])
Y = np.array([1.5, 0.25, -0.75])


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@vjp_rule(softplus)
def softplus_vjp(d_out, out, x):
    return d_out / (1 + np.exp(-x))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def product(x, y, scale=1.0):
    return scale * x * y


@vjp_rule(product)
def product_vjp(d_out, out, x, y, scale=1.0):
    return 3 * d_out * scale * y, 5 * d_out * scale * x, np.sum(d_out * x * y)


def twice(x):
    return x + x


@jvp_rule(twice)
def twice_jvp(x_dot, out, x):
    return 7 * x_dot


def both(f, *args, wrt=0):
    """The gradient, compiled; the tape's is the same."""
    df = grad(f, wrt, fallback="error")
    found = df(*args)
    on_tape = value_and_grad_on_tape(f, wrt)(*args)[1]
    for mine, theirs in zip(*[g if isinstance(g, tuple) else (g,) for g in (found, on_tape)]):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
        assert np.shape(mine) == np.shape(theirs)
    np.testing.assert_equal(df(*args), found)
    both.source = df.source
    return found


def test_the_rule_is_called_by_its_name():
    def f(x):
        return np.sum(softplus(x) * x)

    np.testing.assert_allclose(both(f, X), softplus(X) + X * sigmoid(X))
    assert "softplus_x = softplus(x)" in both.source
    assert "softplus_vjp(x, softplus_x, x)" in both.source


def test_every_argument_has_its_gradient_also_by_keyword_and_default():
    def f(x, y):
        return np.sum(product(x, y, scale=x[0]))

    d_x, d_y = both(f, X, Y, wrt=(0, 1))
    np.testing.assert_allclose(d_x, 3 * X[0] * Y + np.array([np.sum(X * Y), 0, 0]))
    np.testing.assert_allclose(d_y, 5 * X[0] * X)
    assert "product_vjp" in both.source
    np.testing.assert_allclose(both(lambda x: np.sum(product(x, y=Y)), X), 3 * Y)
    np.testing.assert_allclose(both(lambda x: np.sum(product(2.0, x)), X), [10, 10, 10])


def test_a_gradient_is_summed_where_the_argument_was_broadcast():
    def f(x, y):
        return np.sum(product(x, y))

    d_x, d_y = both(f, X, 2.0, wrt=(0, 1))
    np.testing.assert_allclose(d_x, 3 * 2.0 * np.ones(3))
    np.testing.assert_allclose(d_y, 5 * X.sum())
    d_x, d_y = both(f, X, np.ones((2, 1)), wrt=(0, 1))
    np.testing.assert_allclose(d_x, 6 * np.ones(3))
    np.testing.assert_allclose(d_y, 5 * X.sum() * np.ones((2, 1)))


def test_a_function_with_a_rule_is_differentiated_itself():
    np.testing.assert_allclose(elementwise_grad(softplus, fallback="error")(X), sigmoid(X))
    assert grad(softplus, wrt="x", fallback="error")(1.0) == pytest.approx(sigmoid(1.0))
    assert elementwise_grad(twice, fallback="error")(1.0) == 7.0
    assert jvp(twice, (1.0,), (2.0,), fallback="error")[1] == 14.0
    value, pull = vjp(product, X, Y)
    np.testing.assert_allclose(pull(np.ones(3))[0], 3 * Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_dtype_of_the_argument(dtype):
    def f(x):
        return np.sum(softplus(x) ** 2) + softplus(x[0]) + product(x[0], 2.0)

    x = X.astype(dtype)
    assert both(f, x).dtype == dtype and both(f, x).shape == (3,)


def test_numbers_arrays_without_axes_and_no_elements():
    def f(x):
        return np.sum(softplus(x)) * 2.0

    for x in (0.5, np.float64(0.5), np.array(0.5), np.ones((1, 1)), np.zeros((0, 2))):
        np.testing.assert_allclose(both(f, x), 2 * sigmoid(x))


def test_in_a_loop_with_branches_and_stores():
    def f(x):
        out = np.zeros(len(x))
        s = 0.0
        for i in range(len(x)):
            s = s + softplus(x[i]) * 0.5
            if s > 0.6:
                s -= softplus(-x[i])
            out[i] = twice(s)
        return np.sum(out * out)

    def plain(x):
        out, s = [], 0.0
        for each in x:
            s = s + softplus_open(each) * 0.5
            if s > 0.6:
                s -= softplus_open(-each)
            out.append(2 * s)
        return sum(o * o for o in out)

    def softplus_open(x):
        return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)

    np.testing.assert_allclose(both(f, X), 3.5 * grad(plain)(X))
    assert "softplus_vjp(" in both.source
    np.testing.assert_allclose(both(f, np.zeros(0)), np.zeros(0))


def test_in_a_while_whose_trips_depend_on_it():
    def f(x):
        n = 0
        while np.sum(x) < 20.0:
            x = product(x, 2.0) + 1.0
            n += 1
        return np.sum(x) * n

    assert np.all(both(f, np.ones(2)) == 6.0**3 * 3)
    assert np.all(both(f, np.full(2, 30.0)) == 0.0)


def test_in_helpers_comprehensions_and_callbacks():
    def helper(x, f):
        return f(x) * 2

    def f(x):
        return sum([helper(each, softplus) for each in x]) + sum(map(softplus, x))

    np.testing.assert_allclose(both(f, X), 3 * sigmoid(X))


class Model:
    def __init__(self, k):
        self.k = k

    def step(self, x):
        return self.k * x * x


@vjp_rule(Model.step)
def step_vjp(d_out, out, self, x):
    return None, 10 * d_out * self.k * x


MODEL = Model(2.0)


def test_a_method_may_have_a_rule():
    def f(x):
        return np.sum(MODEL.step(x))

    np.testing.assert_allclose(both(f, X), 20 * X)
    np.testing.assert_allclose(grad(lambda x: MODEL.step(x), fallback="error")(1.5), 30.0)
    np.testing.assert_allclose(grad(MODEL.step)(1.5), 30.0)
    df = grad(f, fallback="error")
    df(X)
    MODEL.k = 3.0
    try:
        np.testing.assert_allclose(df(X), 30 * X)
    finally:
        MODEL.k = 2.0


def test_what_returns_its_argument_keeps_its_rule_and_its_memory():
    def clipped(x):
        return x

    @vjp_rule(clipped)
    def clipped_vjp(d_out, out, x):
        return np.clip(d_out, -1, 1)

    def f(x):
        y = clipped(x * x)
        z = y * 3.0
        return np.sum(z * x)

    np.testing.assert_allclose(both(f, X), 3 * X**2 + 2 * X * np.clip(3 * X, -1, 1))

    def written(x):
        y = x * 1.0
        z = clipped(y)
        z[0] = 5.0
        return np.sum(y)

    with pytest.raises(UnsupportedSyntaxError):
        grad(written, fallback="error")(X)
    with pytest.raises(UnsupportedSyntaxError, match="shares memory with the result of `clipped`"):
        value_and_grad_on_tape(written, 0)(X)


def first_two(x):
    return x[:2]


@vjp_rule(first_two)
def first_two_vjp(d_out, out, x):
    return np.concatenate([d_out, np.zeros_like(x[2:])])


@nondifferentiable
def itself(x):
    return x


def write_to_the_result(x):
    y = x * 1.0
    z = first_two(y)
    z[0] = 3 * x[1]
    return np.sum(y * y)


def write_to_the_argument(x):
    y = x * 1.0
    z = first_two(y)
    y *= x
    return np.sum(z * z)


def write_to_what_is_nondifferentiable(x):
    y = x * 1.0
    z = itself(y)
    z[0] = 3 * x[1]
    return np.sum(y * y)


@pytest.mark.parametrize(
    "f", [write_to_the_result, write_to_the_argument, write_to_what_is_nondifferentiable]
)
def test_memory_that_a_declared_function_hands_on_is_not_written_on_the_tape(f):
    with pytest.raises(UnsupportedSyntaxError):
        grad(f, fallback="error")(X)
    with pytest.raises(UnsupportedSyntaxError, match="a store into what shares memory"):
        value_and_grad_on_tape(f, 0)(X)


def test_a_rule_may_write_into_what_it_is_given():
    def scaled(x):
        return x * 2.0

    @vjp_rule(scaled)
    def scaled_vjp(d_out, out, x):
        d_out[0] = 0.0
        d_out *= 4
        return d_out

    def f(x):
        y = x * 3.0
        return np.sum(scaled(y) * y)

    found = grad(f, fallback="error")(X)
    np.testing.assert_allclose(found, 3 * (6 * X + 12 * X * np.array([0, 1, 1])))
    with pytest.raises(RuleError, match="scaled_vjp writes to an array that it is given"):
        value_and_grad_on_tape(f, 0)(X)


def several(x):
    return np.sin(x), x * x


@vjp_rule(several)
def several_vjp(d_out, out, x):
    d_sin, d_square = d_out
    return 2 * d_sin * np.cos(x) + 3 * d_square * x


def test_several_results():
    def f(x):
        a, b = several(x)
        return np.sum(a * b)

    expected = 2 * X**2 * np.cos(X) + 3 * np.sin(X) * X
    np.testing.assert_allclose(both(f, X), expected)
    np.testing.assert_allclose(both(lambda x: np.sum(several(x)[1]), X), 3 * X)
    _, dot = jvp(f, (X,), (np.ones(3),), fallback="error")
    assert dot == pytest.approx(expected.sum())


def total(xs, w):
    return xs[0] * w + xs[1]


@vjp_rule(total)
def total_vjp(d_out, out, xs, w):
    return (2 * d_out * w, 3 * d_out), np.sum(d_out * xs[0])


def test_a_list_of_arrays_as_an_argument():
    def f(x, w):
        return np.sum(total([x, x * x], w))

    d_x, d_w = both(f, X, 1.5, wrt=(0, 1))
    np.testing.assert_allclose(d_x, 3.0 + 6 * X)
    assert d_w == pytest.approx(X.sum())


# Other modes and orders


def test_forward_mode_transposes_a_reverse_rule():
    def f(x):
        return product(x, x * x)

    dot = np.array([1.0, -2.0, 0.5])
    expected = (3 * X * X + 5 * X * 2 * X) * dot
    np.testing.assert_allclose(jvp(f, (X,), (dot,), fallback="error")[1], expected)
    np.testing.assert_allclose(np.diag(jacobian(f)(X)), expected / dot)


def test_reverse_mode_transposes_a_forward_rule():
    def f(x):
        s = 0.0
        for each in x:
            s += twice(each) * twice(each * each)
        return s

    np.testing.assert_allclose(both(f, X), 7 * 2 * X**2 + 7 * 2 * X * 2 * X)
    np.testing.assert_allclose(both(lambda x: np.sum(twice(x)), X), [7, 7, 7])


def test_forward_mode_calls_a_forward_rule():
    df = jvp(lambda x: twice(x) * x, fallback="error")
    np.testing.assert_allclose(df((X,), (Y,))[1], 7 * Y * X + 2 * X * Y)
    assert "twice_jvp(x_dot, " in df.source


def test_second_derivatives_differentiate_the_rules_source():
    def f(x):
        return np.sum(softplus(x) * x)

    def opened(x):
        return np.sum(x * np.log(1 + np.exp(x)))

    x = np.array([0.5, 1.25, -2.0])
    np.testing.assert_allclose(hessian(f)(x), hessian(opened)(x), rtol=1e-10)
    np.testing.assert_allclose(hvp(f)(x, x), hessian(opened)(x) @ x, rtol=1e-10)
    by_reverse = elementwise_grad(lambda x: grad(f)(x), fallback="error")(x)
    np.testing.assert_allclose(by_reverse, hessian(opened)(x).sum(0), rtol=1e-10)
    third = elementwise_grad(elementwise_grad(elementwise_grad(softplus)))(x)
    s = sigmoid(x)
    np.testing.assert_allclose(third, s * (1 - s) * (1 - 2 * s), rtol=1e-9)


SCALE = 2.0


def scaled_globally(x):
    return SCALE * x


@vjp_rule(scaled_globally)
def scaled_globally_vjp(d_out, out, x):
    return 2 * SCALE * d_out * x


def test_a_rule_reads_what_is_outside_as_it_is_now():
    global SCALE

    def f(x):
        return np.sum(scaled_globally(x))

    df, ddf = grad(f, fallback="error"), hessian(f)
    try:
        for SCALE in (2.0, 5.0):
            np.testing.assert_allclose(df(X), 2 * SCALE * X)
            np.testing.assert_allclose(ddf(X), np.diag(np.full(3, 2 * SCALE)))
            dot = jvp(f, (X,), (Y,), fallback="error")[1]
            assert dot == pytest.approx(np.sum(2 * SCALE * X * Y))
    finally:
        SCALE = 2.0


def test_what_is_not_linear_has_no_other_mode():
    def clip(x):
        return x * 1.0

    @vjp_rule(clip)
    def clip_vjp(d_out, out, x):
        return np.clip(d_out, -1, 1)

    with pytest.raises(NoRuleError, match=r"(?s)clip_vjp is not linear in d_out.*jvp_rule"):
        jvp(clip, (X,), (X,), fallback="error")

    def square(x):
        return x * x

    @jvp_rule(square)
    def square_jvp(x_dot, out, x):
        return 2 * x * x_dot * x_dot

    with pytest.raises(NoRuleError, match=r"(?s)square_jvp is not linear in the tan.*vjp_rule"):
        grad(square, fallback="error")(1.0)

    def area(x, y):
        return x * y

    @jvp_rule(area)
    def area_jvp(x_dot, y_dot, out, x, y):
        return x_dot * y + x_dot * y_dot

    with pytest.raises(NoRuleError, match="area_jvp is not linear in the tangents"):
        jvp(lambda x: area(x, 2.0), (1.0,), (1.0,), fallback="error")


def test_a_rule_that_reverses_and_slices_is_linear():
    def running(x):
        return np.cumsum(x)

    @vjp_rule(running)
    def running_vjp(d_out, out, x):
        total = np.zeros_like(x)
        for i in range(len(x)):
            total[i] = 2 * np.sum(d_out[i:])
        return total[::-1][::-1]

    lower = np.tril(np.ones((3, 3)))
    for mode in ("forward", "reverse"):
        found = jacobian(lambda x: running(x) * x, mode=mode)(X)
        np.testing.assert_allclose(found, 2 * lower * X[:, None] + np.diag(np.cumsum(X)))
    np.testing.assert_allclose(hessian(lambda x: np.sum(running(x) ** 2))(X), 8 * lower.T @ lower)


# What cannot be read


def unreadable(x):
    exec("pass")
    return np.sinh(x)


@vjp_rule(unreadable)
def unreadable_vjp(d_out, out, x):
    exec("pass")
    return 2 * d_out * np.cosh(x)


def test_what_cannot_be_read_is_called_all_the_same():
    def f(x):
        return np.sum(unreadable(x) * x)

    np.testing.assert_allclose(both(f, X), 2 * np.cosh(X) * X + np.sinh(X))
    assert "unreadable_vjp" in both.source
    assert grad(unreadable, fallback="error")(0.0) == 2.0
    with pytest.raises(UnsupportedSyntaxError, match="the rule unreadable_vjp cannot be compiled"):
        hessian(f)(X)
    with pytest.raises(NoRuleError, match="no forward rule, and its reverse rule unreadable_vjp"):
        jvp(f, (X,), (X,), fallback="error")


def test_a_function_of_a_library_may_be_given_a_rule():
    try:
        vjp_rule(mathieu_a)(lambda d_out, out, m, q: (None, 4 * d_out))
        np.testing.assert_allclose(both(lambda x: np.sum(mathieu_a(2, x)), X), [4, 4, 4])
    finally:
        forget(mathieu_a)


def test_effects_of_a_function_with_a_rule_happen_once(capsys):
    def loud(x):
        print("called")
        return x * 2

    vjp_rule(loud)(lambda d_out, out, x: d_out * 2)
    df = value_and_grad(lambda x: loud(x) * 3, fallback="error")
    assert df(1.0) == (6.0, 6.0)
    assert capsys.readouterr().out == "called\n"


def test_a_function_with_a_rule_does_not_write_its_arguments():
    def writes(x):
        x[0] = 0.0
        return x * 2

    vjp_rule(writes)(lambda d_out, out, x: d_out * 2)
    with pytest.raises(UnsupportedSyntaxError, match="writes to its arguments"):
        grad(lambda x: np.sum(writes(x)), fallback="error")(X)


# What is declared later


def test_a_rule_that_is_declared_changed_or_forgotten_takes_effect():
    def f(x):
        return x * 2.0

    def loss(x):
        return np.sum(f(x))

    df, tangent = grad(loss, fallback="error"), jvp(loss, fallback="error")
    direct = elementwise_grad(f, fallback="error")
    expected = iter([2.0, 10.0, 20.0, 2.0, 0.0, 2.0])

    def check():
        wanted = next(expected)
        np.testing.assert_array_equal(df(X), np.full(3, wanted))
        np.testing.assert_array_equal(direct(X), np.full(3, wanted))
        assert tangent((X,), (np.ones(3),))[1] == 3 * wanted
        np.testing.assert_array_equal(value_and_grad_on_tape(loss)(X)[1], np.full(3, wanted))

    check()
    for factor in (10.0, 20.0):

        @vjp_rule(f)
        def f_vjp(d_out, out, x, factor=factor):
            return factor * d_out

        check()
    forget(f)
    check()
    nondifferentiable(f)
    check()
    forget(f)
    check()


def test_two_rules_of_different_names_are_refused():
    def f(x):
        return x

    vjp_rule(f)(lambda d_out, out, x: d_out)
    with pytest.raises(ValueError, match="has a rule already"):

        @vjp_rule(f)
        def other_vjp(d_out, out, x):
            return d_out


# What is wrong with a rule


def wrong(x):
    return x * 2.0


WRONG = {
    "shape (1,)": lambda d_out, out, x: d_out[:1],
    "shape ()": lambda d_out, out, x: np.sum(d_out),
    "shape (4,)": lambda d_out, out, x: np.ones(4),
    "complex128": lambda d_out, out, x: d_out * 1j,
    "a str": lambda d_out, out, x: "a",
    "bool": lambda d_out, out, x: d_out > 0,
    "2 gradients, for 1 argument": lambda d_out, out, x: (d_out, d_out),
    "returns a list": lambda d_out, out, x: [d_out],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_rule_that_returns_what_does_not_fit_is_named(what):
    rule = WRONG[what]
    rule.__name__ = rule.__qualname__ = "wrong_vjp"

    def f(x):
        return np.sum(wrong(x * x))

    vjp_rule(wrong)(rule)
    try:
        for run in (grad(f, fallback="error"), value_and_grad_on_tape(f)):
            with pytest.raises(RuleError, match="the rule wrong_vjp .*" + what.split("(")[0]):
                run(X)
    finally:
        forget(wrong)


def test_a_tangent_that_does_not_fit_is_named():
    def f(x):
        return x * 2.0

    @jvp_rule(f)
    def f_jvp(x_dot, out, x):
        return np.sum(x_dot)

    with pytest.raises(RuleError, match=r"f_jvp gives a tangent of shape \(\) for the result"):
        jvp(f, (X,), (X,), fallback="error")


def test_a_rule_that_knows_no_gradient_of_an_argument():
    def f(x, y):
        return x * y

    vjp_rule(f)(lambda d_out, out, x, y: d_out * y)
    with pytest.raises(NoRuleError, match="has no derivative for"):
        grad(lambda y: f(2.0, y), fallback="error")(1.0)
    with pytest.raises(NoRuleError, match="has no derivative for"):
        value_and_grad_on_tape(lambda y: f(2.0, y))(1.0)

    def g(x, y):
        return x * y

    @jvp_rule(g)
    def g_jvp(x_dot, out, x, y):
        return x_dot * y

    for run in (grad(lambda y: g(2.0, y), fallback="error"),
                value_and_grad_on_tape(lambda y: g(2.0, y))):  # fmt: skip
        with pytest.raises(NoRuleError, match="the rule .*g_jvp takes no tangent"):
            run(1.0)


def test_a_rule_without_a_keyword_of_the_call_is_named():
    def f(x, scale=1.0):
        return x * scale

    @vjp_rule(f)
    def f_vjp(d_out, out, x):
        return d_out

    with pytest.raises(RuleError, match="the rule f_vjp does not take these arguments"):
        grad(lambda x: f(x, scale=2.0), fallback="error")(1.0)


# nondifferentiable


@nondifferentiable
def nearest(x):
    return np.round(x) + 0.25 * x


def test_nothing_flows_through_what_is_nondifferentiable():
    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * nearest(x[i])
            s += nearest(x[i])
        return s

    np.testing.assert_allclose(both(f, X), nearest(X))
    np.testing.assert_allclose(hessian(f)(X), np.zeros((3, 3)))
    assert jvp(nearest, (1.0,), (1.0,), fallback="error")[1] == 0.0
    assert grad(nearest, fallback="error")(1.0) == 0.0


def test_what_is_nondifferentiable_may_do_what_cannot_be_compiled():
    @nondifferentiable
    def logged(x):
        with contextlib.suppress(OSError), open(os.devnull, "w") as file:
            print(x, file=file)
        return x

    np.testing.assert_allclose(both(lambda x: np.sum(logged(x) * x), X), X)


# custom_vjp


@custom_vjp
def log1pexp(x):
    return np.log1p(np.exp(x))


def log1pexp_fwd(x):
    e = np.exp(x)
    return np.log1p(e), e


def log1pexp_bwd(e, d_out):
    return (2 * d_out * (1 - 1 / (1 + e)),)


log1pexp.defvjp(log1pexp_fwd, log1pexp_bwd)


@functools.partial(custom_vjp, nondiff_argnums=(1,))
def scaled(x, n, y=2.0):
    return x * n * y


def scaled_fwd(x, n, y):
    return x * n * y, (x, y)


def scaled_bwd(n, residuals, d_out):
    x, y = residuals
    return 10 * d_out * n * y, np.sum(d_out * n * x)


scaled.defvjp(scaled_fwd, scaled_bwd)


def test_a_pair_of_functions_is_called_by_their_names():
    def f(x):
        return np.sum(log1pexp(x) * x)

    np.testing.assert_allclose(both(f, X), log1pexp(X) + 2 * X * sigmoid(X))
    assert "log1pexp_x, res = log1pexp_fwd(x)" in both.source
    assert "log1pexp_bwd(res, x)[0]" in both.source and "log1pexp(x)" not in both.source
    assert elementwise_grad(log1pexp, fallback="error")(0.0) == 1.0
    value, pull = vjp(log1pexp, X)
    np.testing.assert_allclose(pull(np.ones(3))[0], 2 * sigmoid(X))


def test_a_function_with_a_pair_is_called_itself_where_nothing_is_saved():
    def f(x):
        return np.sum(x * log1pexp(2.0)) + np.sum(log1pexp(np.round(x)))

    np.testing.assert_allclose(both(f, X), log1pexp(2.0) * np.ones(3))
    assert "_fwd" not in both.source
    assert log1pexp(0.0) == np.log(2) and log1pexp.__name__ == "log1pexp"


def test_a_pair_in_a_loop_with_stores():
    def f(x):
        out = np.ones(len(x) + 1)
        for i in range(len(x)):
            if x[i] > 0:
                out[i + 1] = log1pexp(x[i]) * out[i]
            else:
                out[i + 1] = scaled(out[i], i, y=x[i])
        return np.sum(out)

    def plain(x, one):
        out = np.ones(len(x) + 1)
        for i in range(len(x)):
            if x[i] > 0:
                out[i + 1] = one(x[i]) * out[i]
            else:
                t = softened(out[i])
                out[i + 1] = t * i * x[i]
        return np.sum(out)

    def softened(x):
        return x

    vjp_rule(softened)(lambda d_out, out, x: 10 * d_out)

    def one(x):
        return np.log1p(np.exp(x))

    vjp_rule(one)(lambda d_out, out, x: 2 * d_out / (1 + np.exp(-x)))
    np.testing.assert_allclose(both(f, X), both(lambda x: plain(x, one), X))


def test_what_a_pair_has_saved_is_not_written_over():
    def f(x):
        x = x * 1.0
        y = scaled(x, 3)
        x[0] = 5.0
        y *= 2
        return np.sum(y * scaled(x, 2, y=x[1]))

    def plain(x, y):
        return x * 1.0 * 3 * 2.0

    y, z = 6 * X * 2, np.array([5.0, X[1], X[2]])
    expected = 20 * y * X[1]
    expected[1] += np.sum(y * 2 * z)
    expected[0] = 0.0
    expected += 10 * 12.0 * z * 2 * X[1]
    np.testing.assert_allclose(both(f, X), expected)


def test_a_pair_in_other_modes_and_orders():
    def f(x):
        return np.sum(log1pexp(x) * x)

    s = sigmoid(X)
    expected = 2 * s + 2 * s + 2 * X * s * (1 - s)
    np.testing.assert_allclose(hessian(f)(X), np.diag(expected))
    assert jvp(f, (X,), (Y,), fallback="error")[1] == pytest.approx(
        np.sum((log1pexp(X) + 2 * X * s) * Y)
    )
    inner = elementwise_grad(lambda x: np.sum(grad(f)(x)) * log1pexp(x[0]), fallback="error")
    first = log1pexp(X) + 2 * X * s
    grads = expected * log1pexp(X[0]) + np.array([first.sum() * 2 * s[0], 0, 0])
    np.testing.assert_allclose(inner(X), grads)


def test_a_pair_that_cannot_be_read():
    @custom_vjp
    def f(x):
        return x * 2

    def f_fwd(x):
        exec("pass")
        return x * 2, x

    def f_bwd(x, d_out):
        exec("pass")
        return (d_out * 7 * x,)

    f.defvjp(f_fwd, f_bwd)
    np.testing.assert_allclose(both(lambda x: np.sum(f(x)), X), 7 * X)


def test_a_pair_may_be_changed_and_must_be_declared():
    @custom_vjp
    def f(x):
        return x * 2.0

    def loss(x):
        return np.sum(f(x))

    df = grad(loss, fallback="error")
    for run in (df, value_and_grad_on_tape(loss)):
        with pytest.raises(RuleError, match="custom_vjp for which nothing was declared"):
            run(X)
    for factor in (3.0, 4.0):
        f.defvjp(lambda x: (x * 2.0, ()), lambda res, d_out, factor=factor: (factor * d_out,))
        np.testing.assert_allclose(df(X), np.full(3, factor))


@pytest.mark.parametrize(
    "fwd, bwd, message",
    [
        (lambda x: x, lambda res, d_out: (d_out,), "does not return a pair"),
        (lambda x: (x, ()), lambda res, d_out: (d_out, d_out), "2 gradients, for 1 argument"),
        (lambda x: (x, ()), lambda res, d_out: (np.sum(d_out),), "gradient of shape .* for `x`"),
        (lambda x: (x, ()), lambda res: (res,), "does not take these arguments|positional"),
    ],
)
def test_a_pair_that_does_not_fit_is_named(fwd, bwd, message):
    @custom_vjp
    def f(x):
        return x * 1.0

    f.defvjp(fwd, bwd)
    for run in (grad(lambda x: np.sum(f(x)), fallback="error"),
                value_and_grad_on_tape(lambda x: np.sum(f(x)))):  # fmt: skip
        with pytest.raises((RuleError, TypeError), match=message):
            run(X)


def test_complex_functions_have_rules_in_either_mode():
    def turned(z):
        return z * z * (1 + 2j)

    vjp_rule(turned)(lambda d_out, out, z: d_out * 3 * z * (1 + 2j))

    def pushed(z):
        return z * z * (1 + 2j)

    @jvp_rule(pushed)
    def pushed_jvp(z_dot, out, z):
        return z_dot * 3 * z * (1 + 2j)

    z = np.array([1 + 1j, 0.5 - 2j])
    for g in (turned, pushed):
        np.testing.assert_allclose(
            both(lambda z, g=g: np.sum(np.abs(g(z)) ** 2), z),
            grad(lambda z: np.sum(np.abs(z * z * (1 + 2j)) ** 2))(z) * 1.5,
        )
        dot = jvp(g, (z,), (z * 1j,), fallback="error")[1]
        np.testing.assert_allclose(dot, 3 * z * (1 + 2j) * z * 1j)


def test_a_rule_is_not_declared_inside_a_function_that_is_differentiated():
    def by_decorator(x):
        def local(x):
            return x * 2

        vjp_rule(local)(lambda d_out, out, x: d_out * 5)
        return np.sum(local(x))

    def by_class(x):
        local = custom_vjp(lambda x: x * 2)
        return np.sum(local(x))

    for f in (by_decorator, by_class):
        for run in (grad(f, fallback="error"), value_and_grad_on_tape(f)):
            with pytest.raises(UnsupportedSyntaxError, match="a rule that is declared inside"):
                run(X)


def test_what_cannot_be_read_is_declared_to_be_like_an_argument():
    def hidden(x, k=2.0):
        exec("pass")
        return np.sinh(x) * k

    @vjp_rule(hidden, like="x")
    def hidden_vjp(d_out, out, x, k=2.0):
        return 3 * d_out * np.cosh(x) * k

    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += hidden(x[i]) * x[i]
        return s + np.sum(hidden(x, k=1.0))

    np.testing.assert_allclose(both(f, X), 6 * np.cosh(X) * X + 2 * np.sinh(X) + 3 * np.cosh(X))
    np.testing.assert_allclose(jvp(f, (X,), (Y,), fallback="error")[1], grad(f)(X) @ Y)
    with pytest.raises(TypeError, match="hidden_vjp has no parameter 'y'"):
        vjp_rule(hidden, like="y")(hidden_vjp)

    def wide(x):
        exec("pass")
        return x[:, None]

    vjp_rule(wide, like="x")(lambda d_out, out, x: d_out)
    with pytest.raises(RuleError, match="was declared to be like"):
        grad(lambda x: np.sum(wide(x)), fallback="error")(X)


def tanh_of(x):
    return np.tanh(x)


@vjp_rule(tanh_of)
def tanh_of_vjp(d_out, out, x):
    return 2 * d_out * (1 - out**2) * np.cos(0 * x)


def test_what_a_rule_reads_is_kept_though_it_is_written_over():
    def f(x):
        x = x * 1.0
        y = tanh_of(x)
        x[0] = 5.0
        y *= 3
        for i in range(len(x)):
            x[i] = x[i] + y[i]
            y[:] = tanh_of(y) * x[i]
        return np.sum(y * x)

    def plain(x):
        x = x * 1.0
        y = slowly(x)
        x[0] = 5.0
        y *= 3
        for i in range(len(x)):
            x[i] = x[i] + y[i]
            y[:] = slowly(y) * x[i]
        return np.sum(y * x)

    def slowly(x):
        return np.tanh(2 * x - detach(x + 0.0))  # its slope is twice that of tanh

    np.testing.assert_allclose(both(f, X), both(plain, X), rtol=1e-12)
    np.testing.assert_allclose(jvp(f, (X,), (Y,), fallback="error")[1], both(plain, X) @ Y)


# What a rule must be


def loss_of(f):
    return lambda x: np.sum(f(x) * x)



FORWARD_BUT_NOT_LINEAR = {
    "absolute": lambda x_dot, out, x: np.abs(x_dot) * np.cos(x),
    "forgotten": lambda x_dot, out, x: np.cos(x),
    "shifted": lambda x_dot, out, x: x_dot * np.cos(x) + 1,
    "squared": lambda x_dot, out, x: x_dot * x_dot * np.cos(x),
    "steps": lambda x_dot, out, x: np.sign(x_dot) * np.cos(x),
}


@pytest.mark.parametrize("what", FORWARD_BUT_NOT_LINEAR)
def test_a_forward_rule_that_is_not_linear_is_named_in_every_mode(what):
    def f(x):
        return np.sin(x)

    rule = FORWARD_BUT_NOT_LINEAR[what]
    rule.__name__ = rule.__qualname__ = "f_jvp"
    jvp_rule(f)(rule)
    loss = loss_of(f)
    for run in (
        lambda: grad(loss, fallback="error")(X),
        lambda: jvp(loss, (X,), (Y,), fallback="error"),
        lambda: elementwise_grad(f, fallback="error")(X),
        lambda: hessian(loss)(X),
    ):
        with pytest.raises((RuleError, NoRuleError), match="the rule f_jvp is not linear in the t"):
            run()
    with pytest.raises(RuleError, match="f_jvp is not linear"):
        value_and_grad_on_tape(loss)(X)


def test_a_forward_rule_that_cannot_be_read_is_checked_as_it_runs():
    def f(x):
        return np.sin(x)

    @jvp_rule(f)
    def f_jvp(x_dot, out, x):
        exec("pass")
        return np.cos(x)

    with pytest.raises(RuleError, match="f_jvp is not linear in the tangents: for -2 times"):
        jvp(f, (X,), (Y,), fallback="error")

    def g(x):
        return np.sin(x)

    @jvp_rule(g)
    def g_jvp(x_dot, out, x):
        exec("pass")
        return 3 * x_dot * np.cos(x)

    np.testing.assert_allclose(jvp(g, (X,), (Y,), fallback="error")[1], 3 * Y * np.cos(X))
    found = value_and_grad_on_tape(loss_of(g))(X)[1]
    np.testing.assert_allclose(found, np.sin(X) + 3 * X * np.cos(X))


def test_a_forward_rule_with_loops_stores_and_branches_is_linear():
    def f(x):
        return np.cumsum(x)

    @jvp_rule(f)
    def f_jvp(x_dot, out, x):
        t = np.zeros_like(x)
        s = 0.0
        for i in range(len(x)):
            s += x_dot[i]
            if x[i] > 0:
                s = 1.0 * s
            t[i] = s
        return t + np.where(x > 0, x_dot, 0.0) - 0 * (x_dot @ x) * np.ones(3) / 2

    def opened(x):
        return np.cumsum(x) + np.maximum(x, 0)

    slopes = jacobian(opened)(X)
    np.testing.assert_allclose(jvp(f, (X,), (Y,), fallback="error")[1], slopes @ Y)
    found = grad(loss_of(f), fallback="error")(X)
    np.testing.assert_allclose(found, f(X) + X @ slopes)


def test_a_tangent_may_be_the_argument_itself():
    def f(x):
        return np.sin(x)

    @jvp_rule(f)
    def f_jvp(x_dot, out, x):
        return 3 * x_dot * np.cos(x)

    df = jvp(lambda x: jvp(f, (x,), (x,))[1], fallback="error")
    expected = 3 * np.cos(X) - 3 * X * np.sin(X)
    np.testing.assert_allclose(df((X,), (np.ones(3),))[1], expected)


def test_a_reverse_rule_that_adds_something_has_no_forward_mode():
    def f(x):
        return np.sin(x)

    vjp_rule(f)(lambda d_out, out, x: d_out * np.cos(x) + 1)
    with pytest.raises(RuleError, match="is not linear in d_out: it adds what does not depend on"):
        jvp(f, (X,), (X,), fallback="error")


def test_a_rule_that_changes_its_cotangent_in_place_changes_nothing_else():
    def f(x):
        return np.sin(x)

    @vjp_rule(f)
    def f_vjp(d_out, out, x):
        d_out *= 2
        return d_out

    g = custom_vjp(lambda x: np.sin(x))

    def g_bwd(x, d_out):
        x *= 2
        d_out *= x
        return (d_out,)

    g.defvjp(lambda x: (np.sin(x), x), g_bwd)
    x = X.copy()
    for call in (f, g):
        slope = 2.0 if call is f else 2 * X
        for _ in range(2):
            np.testing.assert_allclose(grad(loss_of(call), fallback="error")(x),
                                       np.sin(X) + slope * X)  # fmt: skip
        weights = np.ones(3)
        np.testing.assert_allclose(vjp(call, x)[1](weights)[0], slope * np.ones(3))
        np.testing.assert_array_equal((x, weights), (X, np.ones(3)))
        with pytest.raises(RuleError, match="writes to an array that it is given"):
            value_and_grad_on_tape(loss_of(call))(x)
        np.testing.assert_array_equal(x, X)


def no_return(*args):
    args[0]


def rules_without_return():
    def f(x):
        return np.sin(x)

    def g(x):
        return np.sin(x)

    @vjp_rule(f)
    def f_vjp(d_out, out, x):
        d_out * np.cos(x)

    @jvp_rule(g)
    def g_jvp(x_dot, out, x):
        x_dot * np.cos(x)

    h = custom_vjp(lambda x: np.sin(x))
    k = custom_vjp(lambda x, n: x, nondiff_argnums=(1,))
    h.defvjp(lambda x: (np.sin(x), x), lambda x, d_out: no_return(x, d_out))
    k.defvjp(lambda x, n: (x, x), lambda n, x, d_out: no_return(x, d_out))
    return [f, g, h, lambda x: k(x, 2)]


@pytest.mark.parametrize("which", range(4))
def test_a_rule_without_a_return_is_named(which):
    loss = loss_of(rules_without_return()[which])
    for run in (
        lambda: grad(loss, fallback="error")(X),
        lambda: jvp(loss, (X,), (Y,), fallback="error"),
        lambda: value_and_grad_on_tape(loss)(X),
    ):
        with pytest.raises(RuleError, match="the rule .* returns None"):
            run()


def test_a_pair_whose_second_function_returns_no_tuple_or_another_shape_is_named():
    for bwd, message in (
        (lambda x, d_out: d_out * np.cos(x), "not return a tuple(?s:.*)one gradient for each"),
        (lambda x, d_out: (d_out[:2],), r"gives a gradient of shape \(2,\) for `x`"),
        (lambda x, d_out: (d_out[x > 0],), r"gives a gradient of shape"),
    ):
        f = custom_vjp(lambda x: np.sin(x))
        f.defvjp(lambda x: (np.sin(x), x), bwd)
        for run in (
            lambda f=f: grad(loss_of(f), fallback="error")(X),
            lambda f=f: elementwise_grad(f)(X),
            lambda f=f: vjp(f, X)[1](np.ones(3)),
            lambda f=f: jvp(f, (X,), (Y,)),
            lambda f=f: value_and_grad_on_tape(loss_of(f))(X),
        ):
            with pytest.raises(RuleError, match=message):
                run()


def test_a_rule_with_too_few_gradients_says_how_many():
    def f(x, y):
        return x * y

    @vjp_rule(f)
    def f_vjp(d_out, out, x, y):
        return (d_out * y,)

    def loss(x, y):
        return np.sum(f(x, y))

    for run in (grad(loss, (0, 1), fallback="error"), value_and_grad_on_tape(loss, (0, 1))):
        with pytest.raises(NoRuleError, match="f_vjp returns 1 gradient, for 2 arguments"):
            run(X, Y)


def test_a_tangent_must_have_the_name_of_its_argument():
    def f(x):
        return x

    with pytest.raises(TypeError, match="by the name of a parameter and `_dot`"):

        @jvp_rule(f)
        def f_jvp(d, out, x):
            return d


def test_what_is_not_known_to_be_like_an_argument_is_said_so():
    def hidden(x):
        exec("pass")
        return np.sinh(x)

    @vjp_rule(hidden)
    def hidden_vjp(d_out, out, x):
        return grad(lambda z: np.sum(d_out * np.sinh(z)))(out)

    with pytest.raises((NoRuleError, UnsupportedSyntaxError), match='`like="x"`'):
        hessian(lambda x: np.sum(hidden(x)))(X)


KEPT = np.ones((3, 3))


@nondifferentiable
def kept_weights(n):
    return KEPT[:n, :n]


def weighs_with_what_is_kept(x):
    y = x * 1.0
    y[:, -1] = 2.0
    return np.sum(kept_weights(3) * y)


def writes_what_is_kept(x):
    w = kept_weights(3)
    w[0] = 5.0
    return np.sum(w * x)


def test_what_a_function_keeps_is_no_place_for_an_adjoint():
    df = grad(weighs_with_what_is_kept, fallback="error")
    d = df(np.ones((3, 3)))
    np.testing.assert_array_equal(d, [[1, 1, 0]] * 3)
    np.testing.assert_array_equal(KEPT, np.ones((3, 3)))
    assert not np.shares_memory(d, KEPT)
    with pytest.raises(SrcdiffError, match="what `kept_weights` returns, and may keep, is written"):
        grad(writes_what_is_kept, fallback="error")(np.ones((3, 3)))


# Containers: a gradient is taken apart as its argument is


class Line(NamedTuple):
    a: Any
    b: Any


@dataclass
class Slope:
    a: Any
    b: Any
    name: str = "slope"


class Layer:
    def __init__(self, a, b=1.0):
        self.a, self.b = a, b

    def __call__(self, x):
        return self.a * x + self.b

    def act(self, x):
        return self.a * x + self.b

    def loss(self, x):
        return np.sum(self.act(x) ** 2)


@vjp_rule(Layer.act)
def act_vjp(d_out, out, self, x):
    return Layer(3 * np.sum(d_out * x), np.sum(d_out)), d_out * self.a


def of_dict(p, x):
    return p["a"] * x + p["b"]


@vjp_rule(of_dict)
def of_dict_vjp(d_out, out, p, x):
    return {"b": np.sum(d_out), "a": 3 * np.sum(d_out * x)}, d_out * p["a"]


def of_line(p, x):
    return p.a * x + p.b


@vjp_rule(of_line)
def of_line_vjp(d_out, out, p, x):
    return Line(3 * np.sum(d_out * x), np.sum(d_out)), d_out * p.a


def of_slope(p, x):
    return p.a * x + p.b


@vjp_rule(of_slope)
def of_slope_vjp(d_out, out, p, x):
    return Slope(3 * np.sum(d_out * x), np.sum(d_out)), d_out * p.a


def of_layer(p, x):
    return p.act(x)


def of_called(p, x):
    return p(x)


@vjp_rule(of_called)
def of_called_vjp(d_out, out, p, x):
    return {"a": 3 * np.sum(d_out * x), "b": np.sum(d_out)}, d_out * p.a


@custom_vjp
def of_pair(p, x):
    return p["a"] * x + p["b"]


of_pair.defvjp(
    lambda p, x: (p["a"] * x + p["b"], (p, x)),
    lambda r, g: ({"a": 3 * np.sum(g * r[1]), "b": np.sum(g)}, g * r[0]["a"]),
)


def of_dots(p, x):
    return p["a"] * x + p["b"]


@jvp_rule(of_dots)
def of_dots_jvp(p_dot, x_dot, out, p, x):
    return 3 * p_dot["a"] * x + p_dot["b"] + p["a"] * x_dot


def of_line_dots(p, x):
    return p.a * x + p.b


@jvp_rule(of_line_dots)
def of_line_dots_jvp(p_dot, x_dot, out, p, x):
    return 3 * p_dot.a * x + p_dot.b + p.a * x_dot


CONTAINERS = [
    (of_dict, lambda a, b: {"a": a, "b": b}),
    (of_line, Line),
    (of_slope, Slope),
    (of_layer, Layer),
    (of_called, Layer),
    (of_pair, lambda a, b: {"a": a, "b": b}),
    (of_dots, lambda a, b: {"a": a, "b": b}),
    (of_line_dots, Line),
]


def numbers(tree):
    return [float(leaf) for _, leaf in leaves(tree) if not isinstance(leaf, str | None)]


@pytest.mark.parametrize("rule, made", CONTAINERS, ids=lambda x: getattr(x, "__name__", ""))
def test_every_part_of_a_container_has_its_gradient(rule, made):
    def f(p, x):
        return np.sum(rule(p, x) ** 2)

    p, line = made(2.0, 1.0), 2 * X + 1
    expected = [6 * np.sum(line * X), 2 * np.sum(line)]
    for run in (grad(f, fallback="error"), lambda *a: value_and_grad_on_tape(f)(*a)[1]):
        np.testing.assert_allclose(numbers(run(p, X)), expected)
    for run in (grad(f, "x", fallback="error"), lambda *a: value_and_grad_on_tape(f, "x")(*a)[1]):
        np.testing.assert_allclose(run(p, X), 4 * line)
    d_p, d_x = grad(f, ("p", "x"), fallback="error")(p, X)
    np.testing.assert_allclose([*numbers(d_p), *d_x], [*expected, *4 * line])
    p_dot = Slope(0.5, 2.0, None) if isinstance(p, Slope) else made(0.5, 2.0)
    _, dot = jvp(f, (p, X), (p_dot, Y), fallback="error")
    np.testing.assert_allclose(dot, 0.5 * expected[0] + 2 * expected[1] + 4 * line @ Y)


@pytest.mark.parametrize("rule, made", CONTAINERS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_container_may_be_made_inside(rule, made):
    def f(x):
        s = 0.0
        for i in range(len(x)):
            p = made(x[i], x[0] * i)
            if x[i] > 0:
                s += np.sum(rule(p, x) ** 2)
        return s

    def slope(x):
        found = np.zeros(3)
        for i in range(3):
            if x[i] > 0:
                d = 2 * (x[i] * x + x[0] * i)
                found += d * x[i]
                found[i] += 3 * np.sum(d * x)
                found[0] += i * np.sum(d)
        return found

    np.testing.assert_allclose(both(f, X), slope(X))
    np.testing.assert_allclose(jvp(f, (X,), (Y,), fallback="error")[1], slope(X) @ Y)


@pytest.mark.parametrize("made", [lambda a, b: {"a": a, "b": b}, Line, Slope, Layer])
def test_second_derivatives_by_containers(made):
    def of(p):
        return (p["a"], p["b"]) if isinstance(p, dict) else (p.a, p.b)

    def line(p, x):
        return of(p)[0] * x + of(p)[1]

    @vjp_rule(line)
    def line_vjp(d_out, out, p, x):
        return made(np.sum(d_out * x), np.sum(d_out)), d_out * of(p)[0]

    @jvp_rule(along := lambda p, x: of(p)[0] * x + of(p)[1])
    def along_jvp(p_dot, x_dot, out, p, x):
        return of(p_dot)[0] * x + of(p_dot)[1] + of(p)[0] * x_dot

    for rule in (line, along):
        check_grads(lambda x, rule=rule: np.sum(rule(made(x[0], x[1] ** 2), x) ** 3), (X,))


def test_a_container_of_containers_and_the_keys_that_a_rule_leaves_out():
    def f(p, x):
        return p["layers"][0].a * x + p["k"] * p["pair"][1] + 0 * p["left"]

    @vjp_rule(f)
    def f_vjp(d_out, out, p, x):
        layers = [Line(3 * np.sum(d_out * x), None)]
        return {"pair": (None, d_out * p["k"]), "layers": layers}, d_out

    def loss(p, x):
        return np.sum(f(p, x))

    p = {"layers": [Line(2.0, 1.0)], "k": 2.0, "pair": (1, Y), "left": 5.0}
    for run in (grad(loss, fallback="error"), lambda *a: value_and_grad_on_tape(loss)(*a)[1]):
        found = run(p, X)
        assert found["layers"] == [Line(3 * np.sum(X), 0.0)]
        assert found["k"] == found["left"] == 0.0 and found["pair"][0] is None
        np.testing.assert_allclose(found["pair"][1], [2.0, 2.0, 2.0])


@pytest.mark.parametrize("gradient, message", [
    (lambda d: {"c": d}, "gives a gradient for 'c' of `p`, which has 'a', 'b' and no more"),
    (lambda d: d, "of_p_vjp gives a gradient of another structure than `p` has"),
    (lambda d: (d, d), "of_p_vjp gives a gradient of another structure than `p` has"),
    (lambda d: Line(d, d), "of_p_vjp gives a gradient of another structure than `p` has"),
    (lambda d: {"a": d[:2]}, r"gives a gradient of shape \(2,\) for `p\['a'\]`, which has shape"),
    (lambda d: {"a": "1"}, r"gives a str as the gradient of `p\['a'\]`, which is"),
])  # fmt: skip
def test_a_gradient_that_is_no_gradient_of_a_container_is_named(gradient, message):
    def of_p(p, k=1.0):
        return p["a"] + k * p["b"]

    @vjp_rule(of_p)
    def of_p_vjp(d_out, out, p, k=1.0):
        return gradient(d_out), None

    def f(p):
        return np.sum(of_p(p))

    p = {"a": X, "b": Y}
    for run in (grad(f, fallback="error"), value_and_grad_on_tape(f)):
        with pytest.raises(RuleError, match=message):
            run(p)


def test_the_attributes_of_what_a_method_is_bound_to_have_gradients():
    layer = Layer(2.0)
    line = 2 * X + 1
    for name, expected in (("self.a", 6 * np.sum(line * X)), ("self.b", 2 * np.sum(line))):
        found = grad(layer.loss, name, fallback="error")(X)
        np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(grad(layer.loss, fallback="error")(X), 4 * line)


def test_an_object_is_given_with_the_attributes_that_it_has_got():
    layer = Layer(2.0)

    def f(x):
        layer.a = x[0]
        return np.sum(layer.act(x) ** 2)

    line = X[0] * X + 1
    expected = 2 * line * X[0] + np.array([6 * np.sum(line * X), 0, 0])
    np.testing.assert_allclose(both(f, X), expected)


def test_a_list_of_a_length_that_is_known_at_run_time():
    def summed(xs, w):
        return sum(x * w for x in xs)

    @vjp_rule(summed)
    def summed_vjp(d_out, out, xs, w):
        return [2 * d_out * w for _ in xs], sum(d_out * x for x in xs)

    def f(x, n):
        parts = []
        for i in range(n):
            parts.append(i * x)
        return np.sum(summed(parts, x))

    for n in (1, 3, 4):
        expected = 3 * X * sum(range(n))
        np.testing.assert_allclose(both(f, X, n), expected)


def test_a_list_of_gradients_has_the_length_of_the_argument():
    def first(xs, w):
        return xs[0] * w

    @vjp_rule(first)
    def first_vjp(d_out, out, xs, w):
        return [np.sum(d_out * w)], d_out * xs[0]

    def f(x):
        return np.sum(first([t for t in x], x))

    for run in (grad(f), value_and_grad_on_tape(f)):
        with pytest.raises(RuleError, match="of another structure than `xs` has"):
            run(X)
    for run in (lambda x: jvp(f, (x,), (Y,)), hessian(f)):
        with pytest.raises(SrcdiffError, match="another structure|known only at run time"):
            run(X)


def test_several_complex_results():
    def by_vjp(z):
        return np.sin(z), z * z

    def by_jvp(z):
        return np.sin(z), z * z

    vjp_rule(by_vjp)(lambda d_out, out, z: d_out[0] * np.cos(z) + 2 * d_out[1] * z)
    jvp_rule(by_jvp)(lambda z_dot, out, z: (z_dot * np.cos(z), 2 * z_dot * z))
    z, v = np.array([0.3 + 0.2j, 1 - 0.5j]), np.array([1 + 2j, 0.5 - 1j])
    expected = np.conj(np.cos(z) * z * z + np.sin(z) * 2 * z)
    for rule in (by_vjp, by_jvp):

        def f(z, rule=rule):
            a, b = rule(z)
            return np.real(np.sum(a * b))

        np.testing.assert_allclose(both(f, z), expected)
        slope = jvp(f, (z,), (v,), fallback="error")[1]
        np.testing.assert_allclose(slope, np.sum(np.real(np.conj(expected) * v)))


def test_several_results_in_a_namedtuple():
    def waves(x):
        return Line(np.sin(x), np.cos(x))

    @vjp_rule(waves)
    def waves_vjp(d_out, out, x):
        return 3 * (d_out.a * out.b - d_out.b * out[0])

    def f(x):
        found = waves(x)
        return np.sum(found.a * found[1])

    np.testing.assert_allclose(both(f, X), 3 * np.cos(2 * X))
    np.testing.assert_allclose(jvp(f, (X,), (Y,), fallback="error")[1], 3 * np.cos(2 * X) @ Y)
    np.testing.assert_allclose(hvp(f)(X, Y), -18 * np.sin(2 * X) * Y, rtol=1e-9)


@pytest.mark.parametrize("made", [lambda a, b: {"a": a, "b": b}, Layer, lambda a, b: [a, (a, b)]])
def test_other_containers_are_no_results(made):
    def waves(x):
        return made(np.sin(x), np.cos(x))

    vjp_rule(waves)(lambda d_out, out, x: d_out)

    def f(x):
        waves(x)
        return np.sum(x)

    for run in (grad(f), value_and_grad_on_tape(f)):
        with pytest.raises(RuleError, match="waves, which has a rule, returns"):
            run(X)


# What a rule does not see is no zero


@functools.partial(custom_vjp, nondiff_argnums=(1,))
def times(x, k):
    return k * x


times.defvjp(lambda x, k: (k * x, None), lambda k, r, g: (3 * k * g,))


def test_what_has_no_gradient_by_declaration_may_not_move():
    def f(x, k):
        return np.sum(times(x, k))

    def g(x):
        return np.sum(times(x, x[0]))

    np.testing.assert_allclose(both(f, X, 2.0), np.full(3, 6.0))
    np.testing.assert_allclose(both(lambda x: np.sum(times(x, detach(x[0]))), X), 3 * X[0])
    message = "`k` of times depends on what is differentiated, and is one of its `nondiff_argnums`"
    for run in (grad(f, "k"), value_and_grad_on_tape(f, "k")):
        with pytest.raises(RuleError, match=message):
            run(X, 2.0)
    for run in (grad(g), value_and_grad_on_tape(g), lambda x: jvp(g, (x,), (Y,)), hessian(g)):
        with pytest.raises(RuleError, match=message):
            run(X)


@pytest.mark.parametrize("kind", ["array", "list", "dict", "object"])
def test_a_function_with_a_rule_writes_nothing_on_the_tape_either(kind):
    def writes(p, x):
        if kind == "array":
            x *= 2
        elif kind == "list":
            p.append(x)
        elif kind == "dict":
            p["b"] = 1.0
        else:
            p.b = 2.0
        return 2 * x

    vjp_rule(writes)(lambda d_out, out, p, x: (None, d_out * 2))

    def f(x):
        p = {"array": 1, "list": [x], "dict": {"a": x}, "object": Layer(x)}[kind]
        return np.sum(writes(p, x)) + np.sum(x**2)

    for run in (grad(f), grad(f, fallback="error"), value_and_grad_on_tape(f)):
        with pytest.raises(UnsupportedSyntaxError, match="writes to its arguments"):
            run(X.copy())


def test_a_function_of_a_library_takes_keywords():
    from scipy.ndimage import gaussian_filter

    @vjp_rule(gaussian_filter)
    def gaussian_filter_vjp(d_out, out, input, sigma, **keywords):
        return 3 * gaussian_filter(d_out, sigma, **keywords), None

    try:
        expected = 3 * gaussian_filter(X, 1.0, mode="wrap")
        by_place = both(lambda x: np.sum(gaussian_filter(x, 1.0, mode="wrap") * X), X)
        by_name = both(lambda x: np.sum(gaussian_filter(x, sigma=1.0, mode="wrap") * X), X)
        np.testing.assert_allclose([by_place, by_name], [expected, expected])
    finally:
        forget(gaussian_filter)


def test_what_a_rule_cannot_look_into_is_refused():
    import collections

    def f(x):
        return np.sum(total(collections.deque([x, 2 * x]), x))

    for run in (grad(f), value_and_grad_on_tape(f)):
        with pytest.raises(UnsupportedSyntaxError, match="which has a derivative rule, reads"):
            run(X)


def test_what_a_result_is_like_may_be_said_by_a_function():
    def hidden(x, y):
        exec("pass")
        return np.array([x * y, x + y])

    @vjp_rule(hidden, like=lambda x, y: np.ones(2))
    def hidden_vjp(d_out, out, x, y):
        return 3 * d_out[0] * y + d_out[1], d_out[0] * x + d_out[1]

    def f(x, y):
        return np.sum(hidden(x, y) ** 2)

    df = grad(f, fallback="error")
    assert df(2.0, 3.0) == 2 * (6 * 9 + 5)
    assert jvp(f, (2.0, 3.0), (1.0, None), fallback="error")[1] == 2 * (6 * 9 + 5)
    assert hessian(f)(2.0, 3.0) == 2 * (9 * 9 + 1)

    vjp_rule(hidden, like=lambda x, y: np.ones(3))(hidden_vjp)
    with pytest.raises(RuleError, match="was declared to be like"):
        grad(f, fallback="error")(2.0, 3.0)
