"""Derivatives of derivatives: `grad(grad(f))`, `grad` inside a function, to any order.

The second derivatives of everything that the support page and the kernels hold are compared with
differences of the first, which have tests of their own; those of the programs below as well.
"""

import collections
import functools
import inspect

import numpy as np
import pytest

import srcdiff
from srcdiff import detach, elementwise_grad, grad, hvp, jacobian, jvp, value_and_grad, vjp
from tests.judge import fresh, right, slope_along
from tests.kernels import kernels
from tests.support import LINES, sections
from tests.test_golden import lines

X = np.array([0.3, 0.8, 1.2])
PROGRAMS: list = []


def program(*args):
    def note(f):
        PROGRAMS.append(pytest.param(f, args, id=f.__name__))
        return f

    return note


def total(tree):
    """The sum of all numbers in a tree of gradients."""
    if isinstance(tree, list | tuple):
        return sum(map(total, tree))
    if isinstance(tree, dict):
        return sum(map(total, tree.values()))
    return 0.0 if tree is None else float(np.sum(np.real(tree)))


def agrees(got, f, args, wrt=0):
    """Compare each element of the gradient of `total(f(*args))` with differences."""
    assert np.shape(got) == np.shape(args[wrt])
    for place in np.ndindex(np.shape(got)):
        unit = np.zeros(np.shape(got))
        unit[place] = 1.0
        want, error = slope_along(lambda *given: total(f(*given)), args, (wrt,), unit)
        found = np.asarray(got)[place]
        assert abs(found - want) <= 1e-5 * (1 + abs(want)) + 20 * error, (place, found, want, error)


# --------------------------------------------------------------------- derivatives of derivatives


def scalar_wrt(f, args, wrt):
    """The first argument that a program is differentiated by, None if it is no float or array."""
    wrt = wrt[0] if isinstance(wrt, tuple) else wrt
    if isinstance(wrt, str):
        wrt = list(inspect.signature(f).parameters).index(wrt)
    plain = isinstance(args[wrt], float | np.ndarray)
    return wrt if plain and np.asarray(args[wrt]).dtype == float else None


sections()  # collects the lines
EVERYTHING: list = [*LINES, *kernels()]
WHOLE = [
    pytest.param(each.f, each.args, wrt, id=f"{each.f.__module__.split('.')[-1]}.{each.f.__name__}")
    for each in EVERYTHING
    if (wrt := scalar_wrt(each.f, each.args, each.wrt)) is not None
]
# Functions that call themselves so often as run-time values say: two halves, which are not reversed
# again.
RECURSIVE = {
    "run_time_depth", "newton", "pairwise", "mutual", "writing_recursion", "collecting_recursion",
    "quicksort",
}  # fmt: skip


def is_recursive(f):
    return f.__module__.startswith("tests.support") and f.__name__ in RECURSIVE


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("f, args, wrt", [p for p in WHOLE if not is_recursive(p.values[0])])
def test_higher_derivatives_of_what_compiles(f, args, wrt, order):
    lower = grad(f, wrt=wrt, fallback="error")
    for _ in range(order - 2):
        lower = elementwise_grad(lower, wrt=wrt, fallback="error")
    df = elementwise_grad(lower, wrt=wrt, fallback="error")
    given = fresh(args)
    got = df(*given)
    assert all(np.array_equal(a, b) for a, b in zip(given, args) if isinstance(a, np.ndarray))
    agrees(got, lower, args, wrt)
    if order == 2 and f.__name__ not in LONG:
        assert lines(df.source) <= 4 * lines(lower.source)


# Complex numbers: each rule brings a conjugation at both ends, and these are nothing but rules.
# What `np.cross` gives of vectors whose length is not known may be a number: its shape is asked.
# The first derivative of an implicit function calls what the second writes out.
LONG = {"cmath_functions", "complex_numbers", "bundle_adjustment", "solved_in_a_loop"}


@pytest.mark.parametrize("f, args, wrt", [p for p in WHOLE if is_recursive(p.values[0])])
def test_second_derivatives_of_recursive_functions_are_refused(f, args, wrt):
    df = elementwise_grad(grad(f, wrt=wrt), wrt=wrt, fallback="error")
    with pytest.raises(srcdiff.UnsupportedSyntaxError, match="calls itself"):
        df(*fresh(args))


def test_the_fourth_derivative():
    def f(x):
        return np.exp(x) * np.sin(x)

    assert np.isclose(grad(grad(grad(grad(f))))(0.7), -4 * f(0.7), rtol=1e-12)


def test_a_loop_is_differentiated_to_the_fourth_order():
    def power(x, n):
        y = 1.0
        for _ in range(n):
            y = y * x
        return y

    df = grad(grad(grad(grad(power))))
    assert np.isclose(df(1.7, 7), 7 * 6 * 5 * 4 * 1.7**3, rtol=1e-12)


def test_the_source_of_a_second_derivative():
    def f(x):
        s = 1.0
        for v in x:
            s = s * np.sin(v)
        return s

    df = elementwise_grad(grad(f), fallback="error")
    df(X)
    assert df.source == SECOND


SECOND = """\
def f_grad_grad(x):
    s = 1.0
    n = len(x)
    stack = []
    for v in x:
        sin_v = np.sin(v)
        stack.append((s, sin_v))
        s = s * sin_v
    stack_2 = []
    d_s = 1.0
    for i in reversed(range(n)):
        s, sin_v = stack.pop()
        d_s_2 = d_s * sin_v
        v = x[i]
        stack_2.append((s, sin_v, d_s, np.cos(v)))
        d_s = d_s_2
    # adjoint
    stack = []
    d_t = 0.0
    for i in range(n):
        v = x[i]
        s, sin_v, d_s, cos_v = stack_2.pop()
        d_t_2 = d_s * s * np.sin(v)
        stack.append((s, sin_v, -d_t_2, cos_v * d_s, d_t * d_s))
        d_t = cos_v * s + d_t * sin_v
    d_x = np.zeros_like(x)
    d_s = 0.0
    for i in reversed(range(n)):
        s, sin_v, d_v, d_s_2, d_t = stack.pop()
        d_y = d_s * s
        d_s = d_s_2 + d_s * sin_v
        d_x[i] += d_v + (d_t + d_y) * np.cos(x[i])
    return d_x
"""


# ------------------------------------------------------------------- derivatives inside a function


@program(X)
def an_inner_variable_is_not_the_outer_one(x):
    return np.sum(x * grad(lambda y: np.sum(x * y))(x))


@program(2.0)
def the_outer_variable_is_read_by_a_closure(x):
    return x * grad(lambda y: x + y)(1.0)


@program(2.0)
def the_outer_variable_is_the_argument_too(x):
    return grad(lambda y: y * y * x)(x)


@program(X)
def a_derivative_in_a_loop(x):
    s = 0.0
    for v in x:
        s += grad(lambda t, v: t**3 * v)(v * 2, v)
    return s


@program(X)
def gradient_descent(x):
    y = x * 1.0

    def energy(z):
        return np.sum(z**4 + z * x)

    for _ in range(3):
        y = y - 0.1 * grad(energy)(y)
    return np.sum(y**2)


@program(X)
def gradient_descent_until_it_is_small(x):
    y = x * 1.0
    slope = grad(lambda z: np.sum(np.cosh(z) * x))
    n = 0
    while np.linalg.norm(slope(y)) > 0.5:
        y -= 0.2 * slope(y)
        n += 1
    return y @ y + n


@program(X)
def value_and_gradient(x):
    v, g = value_and_grad(lambda z: np.sum(np.sin(z) * x))(x)
    return v * np.sum(g * x)


@program(X)
def arguments_by_name(x):
    def f(a, b):
        return np.sum(a * b**2)

    d_a, d_b = grad(f, wrt=("a", "b"))(x, b=x)
    return np.sum(grad(f, wrt="b")(x, x * 2)) + np.sum(d_b) + np.sum(d_a * d_b)


@program(X)
def with_aux(x):
    g, extra = grad(lambda z: (np.sum(z**3), z * 2), has_aux=True)(x)
    return np.sum(g * extra)


@program(X)
def containers(x):
    p = {"w": x, "b": [x[0], x * 2], "name": "p"}
    g = grad(lambda p: np.sum(p["w"] ** 3) * p["b"][0] + np.sum(p["b"][1] ** 2))(p)
    assert g["name"] is None
    return np.sum(g["w"]) * g["b"][0] + np.sum(g["b"][1] * x)


Pair = collections.namedtuple("Pair", "u v")


@program(X)
def a_namedtuple(x):
    g = grad(lambda p: np.sum(p.u * p.v**2))(Pair(x, x[::-1]))
    return np.sum(g.u * x) + np.sum(g.v)


@program(X)
def a_derivative_in_a_branch(x):
    if x[0] > 0.1:
        y = grad(lambda z: np.sum(z**3))(x)
    else:
        y = x
    return np.sum(y * x)


@program(X)
def a_derivative_of_branches_in_a_loop(x):
    def f(z):
        s = 0.0
        for v in z:
            if v > 0.5:
                s = s + v**3
            else:
                s = s * v + np.sin(v)
        return s

    return np.sum(grad(f)(x) ** 2)


@program(X)
def the_inner_function_writes_its_argument(x):
    def f(z):
        z *= 2
        z[0] = z[1] ** 2
        return np.sum(z**2)

    y = x * 1.0
    g = grad(f)(y)
    return np.sum(g * y)


@program(X)
def decorators(x):
    @grad
    def slope(t):
        return np.sum(np.exp(t) * x)

    @grad(wrt="b")
    def other(a, b):
        return np.sum(a * b * b)

    return np.sum(slope(x) * other(x, x))


@program(X)
def three_deep(x):
    def f(t):
        return np.sum(np.sin(t) * t)

    def g(t):
        return np.sum(grad(f)(t) * t)

    return np.sum(grad(g)(x) * x)


@program(X)
def of_a_function_of_numpy(x):
    return np.sum(elementwise_grad(np.tanh)(x) * x)


@program(X)
def the_inner_function_writes_an_outer_array(x):
    y = np.zeros(3)

    def f(z):
        y[1] = z[0] * 2
        return np.sum(z**2 * y)

    g = grad(f)(x)
    return np.sum(g * y)


@program(X)
def what_does_not_depend_on_the_argument(x):
    return np.sum(grad(lambda z: np.sum(x))(x)) + np.sum(x**2)


@program(X)
def recursion_that_is_written_out(x):
    def power(v, n):
        return v if n == 0 else v * power(v, n - 1)

    return np.sum(grad(lambda z: np.sum(power(z, 3)))(x))


@program(X)
def an_int_is_a_float(x):
    return grad(lambda t: t**2 * x[0])(3) * np.sum(x)


@program(X)
def a_slice(x):
    return np.sum(grad(lambda z: np.sum(z**3 * x[:2]))(x[1:]) * x[1:])


class Model:
    def __init__(self, w):
        self.w = w

    def loss(self, z):
        return np.sum(np.tanh(self.w * z))


@program(X)
def a_method(x):
    return np.sum(grad(Model(x * 2).loss)(x) * x)


def outside(z):
    return np.sum(z**3)


slope_outside = grad(outside)


@program(X)
def one_made_outside(x):
    return np.sum(slope_outside(x) * x)


def doubled_and_stored(z):
    z *= 2
    z[0] = z[1] ** 2
    return np.sum(z**4)


@program(X)
def a_product_with_the_hessian_of_what_writes_its_argument(x):
    return np.sum(hvp(doubled_and_stored)(x, x * 0.5) * x)


@program(X)
def a_product_with_a_view(x):
    return np.sum(hvp(lambda z: np.sum(z**4) + z[0] * z[1] ** 2)(x, x[::-1]) * x)


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_derivatives_inside_a_function(f, args):
    df = grad(f, fallback="error")
    agrees(df(*fresh(args)), f, args)


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_second_derivatives_of_functions_with_derivatives_inside(f, args):
    df = grad(f, fallback="error")
    agrees(elementwise_grad(df, fallback="error")(*fresh(args)), df, args)


def test_what_is_detached_is_a_constant():
    df = grad(lambda x: np.sum(detach(grad(outside)(x)) * x), fallback="error")
    assert np.allclose(df(X), 3 * X**2)


def test_float32_stays_float32():
    x = X.astype(np.float32)
    df = grad(lambda x: np.sum(grad(lambda z: np.sum(z**3))(x) * x), fallback="error")
    assert df(x).dtype == np.float32
    assert np.allclose(df(x), 9 * x**2, rtol=1e-5)


def test_a_gradient_of_a_number_is_a_numpy_number():
    seen = []

    def f(x):
        g = grad(lambda y: y * y)(x)
        seen.append(type(g))
        return g * g

    f(2.0)
    assert grad(f)(2.0) == 16.0
    assert seen == [np.float64] * len(seen)


def test_a_rebound_global_takes_effect():
    namespace = {"np": np, "grad": grad, "inner": lambda z: np.sum(z**2)}
    df = grad(lambda x: np.sum(namespace["inner"](x)))
    assert np.allclose(df(X), 2 * X)

    def f(x):
        return np.sum(grad(scale["inner"])(x) * x)

    scale = {"inner": outside}
    df = grad(f, fallback="error")
    assert np.allclose(df(X), 9 * X**2)
    scale["inner"] = np.sum
    assert np.allclose(df(X), np.ones(3))


def test_an_output_of_several_elements_is_an_error():
    def f(x):
        return np.sum(grad(lambda z: z * z)(x))

    with pytest.raises(srcdiff.NonScalarOutputError):
        grad(f)(X)


def test_an_int_array_has_no_derivative():
    def f(x):
        return np.sum(grad(lambda z: np.sum(z * x))(np.arange(3)))

    with pytest.raises(srcdiff.NotDifferentiableTypeError, match="no derivatives"):
        grad(f)(X)


def test_an_unknown_argument_is_an_error():
    def f(x):
        return np.sum(grad(outside, wrt="y")(x))

    with pytest.raises(srcdiff.UnknownArgumentError, match="wrt='y'"):
        grad(f)(X)


def test_one_array_given_twice_to_a_function_that_writes_it_is_an_error():
    def f(x):
        def g(a, b):
            a[0] = b[1] * 3
            return np.sum(a * b)

        y = x * 1.0
        return np.sum(grad(g)(y, y) * x)

    with pytest.raises(srcdiff.UnsupportedSyntaxError, match="given twice"):
        grad(f, fallback="error")(X)


def test_what_is_not_compiled_is_an_error_inside():
    def power(v, n):
        return 1.0 if n < 0.5 else v * power(v, n - 1)

    with pytest.raises(srcdiff.UnsupportedSyntaxError, match="runs on the tape"):
        grad(lambda v: grad(lambda u: power(u, v))(v))(2.2)


def test_defaults_and_keywords_pass_through():
    def f(x, n=2, *, scale=3.0):
        return np.sum(scale * x**n)

    ddf = elementwise_grad(grad(f), fallback="error")
    assert np.allclose(ddf(X), 6.0)
    assert np.allclose(ddf(X, n=3, scale=1.0), 6 * X)
    assert str(inspect.signature(ddf)) == str(inspect.signature(f))


@pytest.mark.parametrize("keywords", [{"wrtt": 0}, {"wrt": 0, "argnums": 0}])
def test_a_keyword_that_does_not_exist_is_refused_inside(keywords):
    def f(x):
        return np.sum(grad(outside, **keywords)(x))

    with pytest.raises(srcdiff.UnsupportedSyntaxError, match="wrt"):
        grad(f, fallback="error")(X)


def test_a_parameter_may_have_any_name():
    def f(called, /, x, *rest, scale=2.0, **more):
        return np.sum(scale * called**3 * x) + sum(rest)

    ddf = elementwise_grad(grad(f), fallback="error")
    assert np.allclose(ddf(X, 2.0), 24 * X)
    assert np.allclose(ddf(X, 2.0, 5.0, scale=1.0), 12 * X)


def test_a_product_with_the_hessian_inside_takes_positions_from_the_start():
    def f(x):
        return np.sum(hvp(outside, wrt=-1)(x, x))

    with pytest.raises(srcdiff.UnsupportedSyntaxError, match="from the start"):
        grad(f, fallback="error")(X)


VIEWS = {
    "a part": lambda y: y[1:],
    "backwards": lambda y: y[::-1],
    "a reshape": lambda y: y.reshape(-1, 1),
    "flat": lambda y: y.ravel(),
    "transposed": lambda y: np.outer(y, y).T,
    "squeezed": lambda y: np.squeeze(y[:, None]),
    "the diagonal": lambda y: np.diag(np.outer(y, y)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_a_function_that_returns_a_view_of_what_it_has_made(view):
    def f(x):
        y = x**3
        return view(y)

    x, v = np.array([1.0, 2.0, 3.0]), np.array([0.3, -0.2, 0.5])
    first = elementwise_grad(f, fallback="error")
    by_hand = slope_along(lambda x: np.sum(f(x)), (x,), (0,), v)[0]
    assert np.isclose(first(x) @ v, by_hand)
    second = elementwise_grad(first, fallback="error")(x)
    assert np.isclose(second @ v, slope_along(lambda x: np.sum(first(x)), (x,), (0,), v)[0])
    assert np.allclose(srcdiff.vmap(first)(np.stack((x, 2 * x))), [first(x), first(2 * x)])
    assert np.allclose(srcdiff.jacobian(first)(x).sum(axis=0), second)
    assert np.allclose(srcdiff.jvp(first, (x,), (v,))[1].sum(), second @ v)


def test_a_function_that_returns_a_number_as_a_view():
    def f(w, x):
        return np.squeeze(np.tanh(x[None] @ w[:, None]) ** 2)

    w, xs = np.array([0.3, -0.2]), np.array([[1.0, 2.0], [0.5, -1.0], [0.2, 0.1]])
    each = srcdiff.vmap(grad(f), in_axes=(None, 0))(w, xs)
    assert np.allclose(each, [grad(f)(w, x) for x in xs]) and np.all(each != 0)


@functools.wraps(grad)
def wrapped_grad(f, place=0):
    df = grad(f, wrt=place)
    return lambda *args: df(*args)


def test_a_function_that_takes_its_name_from_grad_is_an_ordinary_helper():
    def f(x):
        return x * wrapped_grad(lambda y: x * y * y)(2.0)

    right(f, 1.3)


def step_of_what_has_a_gradient(params, rate):
    gradient = grad(lambda p: np.sum(p["w"] ** p["n"]))(params)
    moved = [params[k] for k in params if gradient[k] is None]
    return np.sum(params["w"] - rate * gradient["w"]) + moved[0]


def test_an_int_in_a_container_has_no_gradient_in_an_inner_derivative_either():
    params = {"w": np.array([1.0, 2.0]), "n": 3}
    value, found = value_and_grad(step_of_what_has_a_gradient, fallback="error")(params, 0.5)
    assert value == step_of_what_has_a_gradient(params, 0.5) == -1.5
    assert found["w"].tolist() == [-2.0, -5.0] and found["n"] is None

    def energy(p):
        return np.sum(p["w"] ** p["n"])

    for mode in ("forward", "reverse"):
        df = jacobian(grad(energy), matrix=True, mode=mode, fallback="error")
        assert df(params).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    v = {"w": np.array([1.0, 0.0]), "n": None}
    assert vjp(grad(energy), params)[1](v)[0]["w"].tolist() == [6.0, 0.0]
    assert jvp(grad(energy), (params,), (v,))[1]["n"] is None


def test_an_inner_derivative_by_ints_is_refused_as_it_is_alone():
    def f(x, i):
        return np.sum(grad(lambda x, i: np.sum(x[i]), wrt=(0, 1))(x, i)[0])

    for call in (f, grad(f, fallback="error")):
        with pytest.raises(srcdiff.NotDifferentiableTypeError):
            call(np.ones(2), np.array([0]))


class Layer:
    def __init__(self, w, b):
        self.w, self.b, self.name = w, b, "layer"

    def loss(self, x):
        return np.sum(np.tanh(self.w * x + self.b) ** 2)


def trained(w, b, x):
    layer = Layer(w, b)
    for _ in range(3):
        value, d_layer = value_and_grad(Layer.loss)(layer, x)
        assert d_layer.name is None
        layer.w = layer.w - 0.1 * d_layer.w
        layer.b -= 0.1 * value * d_layer.b
    return layer.loss(x) + layer.w[0]


def test_the_gradient_of_an_object_is_taken_inside_a_function_that_is_differentiated():
    x, w, b = np.array([0.5, -1.0]), np.array([0.3, 0.8]), 0.2
    srcdiff.check_grads(trained, (w, b, x), order=1)
    each = [grad(trained)(row, b, x) for row in (w, 2 * w)]
    found = srcdiff.vmap(grad(trained, fallback="error"), (0, None, None), fallback="error")(
        np.stack([w, 2 * w]), b, x)  # fmt: skip
    np.testing.assert_allclose(found, each, rtol=1e-12)


def test_derivatives_of_a_gradient_that_is_an_object():
    layer, x = Layer(np.array([0.3, 0.8]), 0.2), np.array([0.5, -1.0])
    h = srcdiff.hessian(Layer.loss, matrix=True)(layer, x)
    for mode in ("forward", "reverse"):
        df = jacobian(grad(Layer.loss), matrix=True, mode=mode, fallback="error")
        np.testing.assert_allclose(df(layer, x), h, rtol=1e-12)

    def along(b):
        v = Layer(np.array([1.0, 0.0]), None)
        v.name = None
        value, dot = jvp(Layer.loss, (Layer(layer.w, b), x), (v, None))
        return value * dot + hvp(Layer.loss)(Layer(layer.w, b), v, x).b

    srcdiff.check_grads(along, (0.2,), order=1)
