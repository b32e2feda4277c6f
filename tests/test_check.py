"""`check_grads` passes what is right, and fails, at the right place, what is wrong."""

import array
import dataclasses
import sys
import warnings

import numpy as np
import pytest

from srcdiff import (
    FallbackWarning,
    GradientCheckError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnsupportedSyntaxError,
    check_grads,
    custom_vjp,
    detach,
    jacobian,
    jvp_rule,
    vjp_rule,
)
from srcdiff.check import differences, jumps, noise_of, one_sided
from tests.support import sections

X = np.array([0.5, 1.0, -2.0])


def fails(f, args, **keywords):
    with pytest.raises(GradientCheckError) as found:
        check_grads(f, args, **keywords)
    assert isinstance(found.value, AssertionError) and isinstance(found.value, SrcdiffError)
    return found.value


# What is right


def several(p, n):
    s = p["w"] * 0.5
    for i in range(n):
        s = s + p["w"] * np.sin(s + i)
    return s, {"z": s * p["b"], "n": n}


def stores(x):
    out = np.zeros(4)
    for i in range(3):
        out[i + 1] = np.tanh(out[i] + x[i]) if x[i] > 0 else out[i] * x[i]
    return out


def relu(x):
    return np.maximum(x, 0)


RIGHT = [
    (lambda x, k: np.sin(k * x), (X, 2.0)),
    (lambda x: np.tanh(x) * x, (X.astype(np.float32),)),
    (lambda z: np.abs(z) ** 2 + np.real(np.exp(z)), (np.array([1 + 1j, 0.3 - 2j]),)),
    (lambda z: z * z, (1 + 2j,)),
    (lambda a, b: np.linalg.solve(a, b), (np.eye(3) * 3 + 0.1, X)),
    (lambda x: 3.0 * x, (0.0,)),
    (lambda x: np.sum(np.log(x)), (np.array([0.5, 1e-3]),)),
    (lambda x: 1e9 * np.sin(x), (X,)),
    (lambda x: x**2 * 1e-9, (X,)),
    (several, ({"w": X, "b": 2.0}, 3)),
    (stores, (X,)),
    (relu, (X,)),
    (lambda x: np.sum((x * 1.5).astype(np.float32) ** 2), (X,)),
    (lambda z: z * 264 + round(z, 2), (1.374,)),
    (lambda x: np.sum(x**2), (np.linspace(-1, 1, 200),)),
]


@pytest.mark.parametrize("f, args", RIGHT)
def test_what_is_right_passes(f, args):
    assert check_grads(f, args) is None


@pytest.mark.parametrize("f, args", [(each.f, each.args) for each in sections()[
    "Functions with rules of their own"]])  # fmt: skip
def test_what_compiles_with_rules_passes_in_both_modes_and_orders(f, args):
    check_grads(f, args)


def test_an_argument_alone_needs_no_tuple_and_orders_may_be_chosen():
    check_grads(np.sin, 1.0)
    check_grads(np.sin, (1.0,), order=3)
    check_grads(np.sin, (1.0,), order=1, modes="rev")
    check_grads(lambda x: x if x > 0 else -x, (1.0,), modes=["fwd"])


def test_what_runs_on_the_tape_is_checked_to_the_first_order():
    def taped(x):
        exec("pass")
        return np.sum(x * x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        check_grads(taped, (X,), order=1)
        with pytest.raises(UnsupportedSyntaxError, match="text that is evaluated"):
            check_grads(taped, (X,))


# What is wrong


def cube(x):
    return x**3


@vjp_rule(cube)
def cube_vjp(d_out, out, x):
    return d_out * np.array([3.0, 3.1, 3.0]) * x**2


def loss(x, y):
    a = np.sin(x) + y
    b = a * 2
    c = cube(b)
    d = c * x
    return np.sum(d)


@pytest.mark.parametrize("modes", [("rev",), ("fwd",), ("fwd", "rev")])
def test_a_wrong_rule_is_found_with_its_argument_index_and_line(modes):
    error = fails(loss, (X, 1.0), modes=modes)
    assert (error.argument, error.at, error.order) == ("x", (1,), 1)
    assert error.mode == modes[-1]
    assert "`x`[1]" in str(error) and "c = cube(b)" in str(error)
    assert "`c` is the first value whose tangent is wrong" in str(error)
    assert error.where.filename == __file__
    assert error.where.line == loss.__code__.co_firstlineno + 3


def test_the_line_may_lie_in_a_helper_in_a_loop():
    def stepped(x):
        out = np.zeros(3)
        for i in range(3):
            out[i] = helper(x[i], i)
        return out

    def helper(v, i):
        u = v * v
        if i == 1:
            w = slope(u)
        else:
            w = u
        return w * 2

    def slope(u):
        return u * 4

    vjp_rule(slope)(lambda d_out, out, u: d_out * 5)
    error = fails(stepped, (X,))
    assert (error.argument, error.at) == ("x", (1,))
    assert "w = slope(u)" in str(error)
    assert error.where.line == helper.__code__.co_firstlineno + 3


def test_the_place_of_one_element_of_many_is_found():
    def scaled(x):
        return x * 1.0

    @vjp_rule(scaled)
    def scaled_vjp(d_out, out, x):
        return np.where(np.arange(x.size).reshape(x.shape) == 137, 0.0, d_out)

    def f(v, p):
        return np.sum(scaled(v) ** 2 * p["a"])

    big = np.linspace(-1, 1, 200).reshape(20, 10)
    error = fails(f, (big, {"a": big + 3}), order=1)
    assert (error.argument, error.at) == ("v", (13, 7))

    def g(p, v):
        return np.sum(scaled(p["a"][0]) * v)

    error = fails(g, ({"a": [big]}, big), order=1)
    assert (error.argument, error.at) == ("p['a'][0]", (13, 7))


def test_a_wrong_second_derivative_is_found_by_the_second_order_alone():
    def square(x):
        return x * x

    @vjp_rule(square)
    def square_vjp(d_out, out, x):
        return d_out * 2 * detach(x)

    check_grads(lambda x: np.sum(square(x)), (X,), order=1)
    error = fails(lambda x: np.sum(square(x)), (X,), order=2)
    assert error.order == 2 and "second derivative" in str(error)


def test_modes_that_are_not_transposes_of_each_other_are_found():
    def nearly(x):
        return x * 2.0

    vjp_rule(nearly)(lambda d_out, out, x: d_out * (2.0 + 5e-8))
    jvp_rule(nearly)(_nearly_jvp)
    error = fails(nearly, (1.5,), order=1)
    assert "the modes disagree on the first derivative" in str(error)
    check_grads(nearly, (1.5,), order=1, modes="rev")


def _nearly_jvp(x_dot, out, x):
    return 2.0 * x_dot


def test_a_wrong_pair_is_found():
    @custom_vjp
    def f(x):
        return np.exp(x)

    f.defvjp(lambda x: (np.exp(x), x), lambda x, d_out: (d_out * x,))
    error = fails(lambda x: np.sum(f(x) * 2), (X,), order=1)
    assert error.argument == "x"


def test_kinks_and_jumps_are_no_derivatives():
    error = fails(lambda x: np.sum(np.abs(x)), (np.array([1.0, 0.0]),))
    assert error.at == (1,) and error.mode == ""
    assert "has a kink at `x`[1]: the slope is -1.0 to the left, 1.0 to the right" in str(error)
    error = fails(lambda x: np.sum(np.floor(x)), (np.array([0.5, 2.0]),))
    assert "jumps at `x`[1]" in str(error)
    error = fails(lambda x, y: np.maximum(x, y), (1.0, 1.0))
    assert "kink at `x`" in str(error) and error.at == ()
    error = fails(np.abs, (np.where(np.arange(100) == 61, 0.0, 1.0 + np.arange(100)),), order=1)
    assert error.at == (61,)


def test_a_kink_of_the_gradient_is_one_of_the_second_order():
    check_grads(lambda x: np.sum(relu(x) ** 2), (np.array([1.0, 0.0]),), order=1)
    error = fails(lambda x: np.sum(relu(x) ** 2), (np.array([1.0, 0.0]),))
    assert error.order == 2 and "the first derivative of `<lambda>` has a kink" in str(error)


def test_what_is_not_finite_nearby_has_no_differences():
    error = fails(lambda x: np.sqrt(x), (0.0,), order=1)
    assert "kink" in str(error) or "do not converge" in str(error)


# How it is called


def test_wrong_calls():
    with pytest.raises(NotDifferentiableTypeError, match="no float among the arguments"):
        check_grads(lambda n: n, (3,))
    with pytest.raises(ValueError, match="not 'up'"):
        check_grads(np.sin, (1.0,), modes=("up",))
    with pytest.raises(ValueError, match="not \\(\\)"):
        check_grads(np.sin, (1.0,), modes=())
    with pytest.raises(ValueError, match="order must be 1 or more"):
        check_grads(np.sin, (1.0,), order=0)


def test_arguments_stay_as_they_are_and_so_does_the_trace_function():
    def f(x):
        x *= 2
        return np.sum(x**2)

    x, before = X.copy(), sys.gettrace()
    check_grads(f, (x,))
    np.testing.assert_array_equal(x, X)
    fails(loss, (X, 1.0))
    assert sys.gettrace() is before


def test_differences_know_their_error():
    for f, slope in [(np.exp, 1.0), (lambda h: np.sin(50 * h), 50.0), (lambda h: 1e6 + h, 1.0)]:
        found, error = differences(f, 0.01, noise_of(f, 0.01, 2.3e-16))
        assert abs(found - slope) <= 10 * error + 1e-12 < 1e-3
    assert one_sided(abs, 0.01)[0] == 1.0 and one_sided(abs, -0.01)[0] == -1.0
    assert jumps(np.sign, 0.01) and not jumps(abs, 0.01)


def test_arguments_may_be_a_list_and_modes_have_two_names():
    def product(x, y):
        return x * y

    check_grads(product, [X, X], order=1, modes=("forward", "reverse"))
    error = fails(loss, (X, 1.0), modes="reverse")
    assert error.mode == "rev"
    for mode in ("fwd", "rev"):
        np.testing.assert_array_equal(jacobian(np.negative, mode=mode)(X), -np.eye(3))


def test_arguments_that_are_not_in_one_tuple_are_said_so():
    for given in ((0.1, 0.1), (2, 0.1)):
        with pytest.raises(TypeError, match=r"one tuple: check_grads\(f, \(x, y\)\)"):
            check_grads(np.sin, X, *given)


@pytest.mark.parametrize(
    "f, what", [(lambda x: None, "nothing"), (lambda x: np.argmax(x), "int64")]
)
def test_what_returns_no_float_is_not_checked(f, what):
    with pytest.raises(NotDifferentiableTypeError, match=f"returns .*{what}.* there is no float"):
        check_grads(f, (np.ones(2),))


@pytest.mark.parametrize("f", [np.log, np.sqrt])
def test_a_steep_slope_near_zero_is_no_kink(f):
    check_grads(f, (1e-8,))
    fails(lambda x: np.abs(x - 1e-3), (1e-3,))


ITEMS = array.array("d", [1.0, 2.0])


def uncompiled(x):
    for item in ITEMS:
        x = x * item
    return np.sum(x)


def test_what_has_no_second_derivative_is_told_how_to_be_checked():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        with pytest.raises(UnsupportedSyntaxError, match="alone: check_grads.f, args, order=1."):
            check_grads(uncompiled, (X,))


@dataclasses.dataclass
class Model:
    w: np.ndarray
    k: float
    name: object = "model"


def test_objects_are_checked_to_every_order():
    def loss(model, x):
        return np.sum(np.sin(model.k * x) * model.w)

    check_grads(loss, (Model(X, 1.2), X), order=3)
    check_grads(lambda x: Model(x**3, 2.0), (X,))
    check_grads(lambda x: {"a": [Model(x**3, 1)]}, (X,), order=3)
