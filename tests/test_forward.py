"""Forward mode: the tangent of a program is its derivative along a direction."""

import dataclasses
import linecache
import math
import warnings
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import mathieu_a

from srcdiff import (
    FallbackWarning,
    NoRuleError,
    SrcdiffError,
    UnsupportedSyntaxError,
    detach,
    elementwise_grad,
    grad,
    hvp,
    jvp,
    pullback,
)
from srcdiff.runtime.registry import RULES, jvp_rule, vjp_rule
from tests.judge import fresh, mentions_float32, positions, slope_at_zero
from tests.runtime.test_rules import is_float, sites
from tests.tangents import assert_identity, directions, paired, programs
from tests.tape import squared

# Programs


def named_by_position(f, wrt):
    each = wrt if isinstance(wrt, tuple) else (wrt,)
    names = f.__code__.co_varnames[: f.__code__.co_argcount] if hasattr(f, "__code__") else ()
    return all(isinstance(w, int) or w in names for w in each)


@pytest.mark.parametrize("f, args, wrt", programs())
def test_forward_and_reverse_mode_agree(f, args, wrt):
    if not named_by_position(f, wrt):
        pytest.skip("forward mode takes arguments, no local variables")
    dots = directions(args, positions(f, wrt))
    with np.errstate(all="ignore"):
        single = mentions_float32(f, args, f(*fresh(args)))
        assert_identity(f, args, dots, 1e-5 if single else 1e-12)


# Rules


def call_of(fun, args, kwargs):
    """`def f(a0, a1): return fun(a0, 2, axis=a1)` with a parameter for each float and array."""
    given = []
    namespace = {"fun": fun, "np": np}

    def spelled(x, name):
        constant = fun in FIRST and given and np.ndim(x) == 0
        if (is_float(x) or isinstance(x, np.ndarray)) and not constant:
            given.append((name, x))
            return name
        if isinstance(x, list | tuple):
            items = "".join(f"{spelled(y, f'{name}_{i}')}, " for i, y in enumerate(x))
            return f"[{items}]" if isinstance(x, list) else f"({items})"
        if callable(x) or isinstance(x, np.dtype) or hasattr(x, "nnz"):
            namespace[f"{name}_"] = x
            return f"{name}_"
        return repr(x) if x != np.inf and x != -np.inf else f"{'-' * (x < 0)}np.inf"

    parts = [spelled(x, f"a{i}") for i, x in enumerate(args)]
    parts += [f"{k}={spelled(x, k)}" for k, x in kwargs.items()]
    text = f"def f({', '.join(n for n, _ in given)}):\n    return fun({', '.join(parts)})\n"
    filename = f"<rule {id(given)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exec(compile(text, filename, "exec"), namespace)
    return namespace["f"], tuple(x for _, x in given)


# Of these only the first argument has a derivative.
FIRST = (np.linalg.norm, np.nan_to_num, np.pad)


@pytest.mark.parametrize("fun, point", list(sites()))
def test_registry_every_rule_in_forward_mode(fun, point):
    f, args = call_of(fun, point.args, point.kwargs)
    moving = [i for i, x in enumerate(args) if np.asarray(x).dtype.kind in "fc"]
    dots = directions(args, moving)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value, dot = jvp(f, fresh(args), dots, fallback="error")
        except SrcdiffError:  # then reverse mode refuses it, too
            with pytest.raises(SrcdiffError):
                elementwise_grad(f, wrt=tuple(moving), fallback="error")(*fresh(args))
            return
        assert_identity(f, args, dots)
        weights = directions((value,), [0], seed=3)[0]

        def phi(h):
            moved = fresh(args)
            moved = [x if d is None else x + h * np.asarray(d) for x, d in zip(moved, dots)]
            moved = [np.asarray(x).item() if isinstance(a, float) else x
                     for x, a in zip(moved, args)]  # fmt: skip
            return paired(weights, f(*moved))

        slope, error = slope_at_zero(phi)
        ours = paired(weights, dot)
        if np.isfinite(slope) and error < 1e-4 * max(1.0, abs(slope)):
            assert abs(ours - slope) <= 1e-6 * max(1.0, abs(slope)) + 20 * error


def test_a_forward_rule_is_used_and_zero_tangents_are_left_out():
    def area(a, b):
        return math.pi * a * b

    @vjp_rule(area)
    def area_vjp(d_out, out, a, b):
        return math.pi * d_out * b, math.pi * d_out * a

    @jvp_rule(area)
    def area_jvp(a_dot, b_dot, out, a, b):
        return math.pi * (a_dot * b + a * b_dot)

    def f(a, b):
        return area(a, b) ** 2

    try:
        df = jvp(f, fallback="error")
        assert df((2.0, 3.0), (0.5, -1.0))[1] == pytest.approx(2 * math.pi**2 * 6 * (1.5 - 2.0))
        df((2.0, 3.0), (0.5, None))
        assert "0.0" not in df.source and "b_dot" not in df.source
        assert df((2.0, 3.0), (0.5, None))[1] == pytest.approx(2 * math.pi**2 * 6 * 1.5)
    finally:
        del RULES[area]


def test_a_forward_rule_alone_is_transposed_in_reverse_mode():
    def cube(x):
        return x * x * x

    @jvp_rule(cube)
    def cube_jvp(x_dot, out, x):
        return 3 * x * x * x_dot

    def f(x):
        return cube(x) + x

    try:
        df = jvp(f, fallback="error")
        assert df((2.0,), (1.0,))[1] == 13.0 and "cube_jvp(x_dot, cube_x, x)" in df.source
        dg = elementwise_grad(f, fallback="error")
        assert dg(2.0) == 13.0 and "3 * x * x" in dg.source
    finally:
        del RULES[cube]


def test_a_forward_rule_takes_tangents_of_its_parameters():
    with pytest.raises(TypeError, match="no parameter 'z'"):

        @jvp_rule(math.sin)
        def sin_jvp(z_dot, out, x):
            return z_dot


# What is asked for


def square(x):
    return x * x


def test_the_tangent_has_the_kind_of_the_value():
    value, dot = jvp(square, (2.0,), (1.0,))
    assert (value, dot) == (4.0, 4.0) and type(dot) is np.float64
    _, dot = jvp(square, (np.ones(2, np.float32),), ([1, 2],))
    assert dot.dtype == np.float32
    _, dot = jvp(square, (np.array(3.0),), (1.0,))
    assert dot == 6.0 and np.shape(dot) == ()


def test_what_does_not_depend_on_what_moves_has_the_tangent_zero():
    def f(x, y):
        return x * 2, y, 3, "a", np.arange(2)

    value, dot = jvp(f, (np.ones(2), 5.0), (None, None))
    assert dot[0].tolist() == [0.0, 0.0] and dot[1] == 0.0 and dot[2:] == (None, None, None)


def test_containers_have_tangents_of_their_structure():
    def f(params, x):
        return {"y": params["w"] * x, "sum": [np.sum(params["b"]), params["n"]]}

    params = {"w": np.ones(2), "b": np.ones(3), "n": 4}
    dots = {"w": np.array([1.0, 2.0]), "b": None, "n": None}
    _, dot = jvp(f, (params, np.array([3.0, 4.0])), (dots, None))
    assert dot["y"].tolist() == [3.0, 8.0] and dot["sum"] == [0.0, None]


class Pair(NamedTuple):
    a: np.ndarray
    b: float


@dataclasses.dataclass
class Point:
    x: np.ndarray
    y: float
    label: str = "p"


def test_objects_have_tangents_of_their_class():
    def f(pair, point):
        return Point(pair.a * point.y, point.y**2), Pair(point.x, pair.b)

    pair, point = Pair(np.ones(2), 2.0), Point(np.array([1.0, 2.0]), 3.0)
    dots = Pair(np.array([1.0, 0.0]), 1.0), Point(np.ones(2), 0.5, None)
    (made, again), (made_dot, again_dot) = jvp(f, (pair, point), dots, fallback="error")
    assert type(made_dot) is Point and type(again_dot) is Pair
    assert made_dot.x.tolist() == [3.5, 0.5] and made_dot.y == 3.0 and made_dot.label is None
    assert again_dot.a.tolist() == [1.0, 1.0] and again_dot.b == 1.0
    assert again_dot.a is not dots[1].x


def test_arguments_are_left_alone_and_tangents_are_fresh():
    def f(x):
        x[0] = 5.0
        return x

    x, x_dot = np.ones(2), np.array([1.0, 2.0])
    value, dot = jvp(f, (x,), (x_dot,))
    assert x.tolist() == [1.0, 1.0] and x_dot.tolist() == [1.0, 2.0]
    assert value.tolist() == [5.0, 1.0] and dot.tolist() == [0.0, 2.0]
    _, dot = jvp(lambda x: x, (x,), (x_dot,))
    assert not np.shares_memory(dot, x_dot)


def test_methods_star_arguments_and_keywords_only():
    class Model:
        def __init__(self):
            self.k = 3.0

        def f(self, x, *rest, scale=2.0):
            return self.k * x * rest[0] * scale

    assert jvp(Model().f, (2.0, 5.0), (1.0, None))[1] == 30.0
    assert jvp(Model().f, (2.0, 5.0), (1.0, 1.0))[1] == 42.0


def test_has_aux():
    value, dot, aux = jvp(lambda x: (x**2, "aux"), (3.0,), (1.0,), has_aux=True)
    assert (value, dot, aux) == (9.0, 6.0, "aux")


def test_prints_once(capsys):
    def f(x):
        print(x)
        return x * 2

    jvp(f, (1.0,), (1.0,))
    assert capsys.readouterr().out == "1.0\n"


def test_detached():
    assert jvp(lambda x: detach(x) * x, (3.0,), (1.0,))[1] == 3.0


def test_an_argument_may_be_called_like_a_tangent():
    def f(x, x_dot):
        return x * x_dot

    assert jvp(f, (2.0, 3.0), (1.0, 10.0))[1] == 23.0


def test_one_kind_of_call_is_compiled_once():
    df = jvp(square)
    df((np.ones(2),), (np.ones(2),))
    first = df.specialize((np.ones(3),), (np.zeros(3),))
    assert df.specialize((np.ones(2),), (np.ones(2),)) is first
    assert first(np.array([3.0]), np.array([2.0]))[1].tolist() == [12.0]
    assert df.primal is square and "square_jvp" in df.source and "x_dot" in str(df.ir)


@pytest.mark.parametrize("args, tangents, error, text", [
    ((np.ones(2),), (np.ones(3),), ValueError, r"the tangent of `x` has shape \(3,\)"),
    ((np.arange(2),), (np.ones(2),), TypeError, "`x` is no float"),
    ((np.ones(2),), (np.ones(2) * 1j,), TypeError, "complex128"),
    (([1.0],), ({"a": 1.0},), ValueError, "a dict"),
    ((1.0,), (), TypeError, "1 args, but 0 tangents"),
])  # fmt: skip
def test_tangents_that_do_not_fit(args, tangents, error, text):
    with pytest.raises(error, match=text):
        jvp(square, args, tangents)


# On the tape


def refused(a, b):
    x = squared(a @ b)
    return x * 2, np.sum(x)


def test_what_is_refused_runs_on_the_tape():
    a, b = np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([1.0, 2.0])
    dots = (np.ones((2, 2)), np.array([0.5, 0.0]))
    with pytest.raises(UnsupportedSyntaxError):
        jvp(refused, (a, b), dots, fallback="error")
    with pytest.warns(FallbackWarning):
        value, dot = jvp(refused, (a, b), dots)
    x_dot = 2 * (a @ b) * (dots[0] @ b + a @ dots[1])
    np.testing.assert_allclose(dot[0], 2 * x_dot)
    np.testing.assert_allclose(dot[1], x_dot.sum())


def test_a_function_without_a_rule_is_an_error():
    def f(x):
        return np.sum(mathieu_a(x, 9.0))

    with pytest.raises(NoRuleError, match="mathieu_a has no derivative rule"):
        jvp(f, (np.ones(2),), (np.ones(2),))


def test_what_a_loop_runs_over_is_not_renamed_before_it_starts():
    def f(x, s):
        a, b = np.full((3, 3), 2.0), np.cos(x)
        x[-3] *= s
        b, x = x, b
        for u in b:
            x = a[-3]
        return np.sum(x) + u

    x = np.array([0.6, 0.53, -0.03])
    value, dot = jvp(f, (x, 1.35), (np.ones(3), 1.0))
    assert (value, dot) == (6 - 0.03, 1.0)


def test_an_array_that_is_chosen_and_rebound_is_read_again():
    def f(x, y):
        c = (y, x)[int(np.any(2.0))]
        c[0] *= 2.0
        x *= c[0]
        return np.sum(x) + np.sum(c)

    x, y = np.array([0.18, 0.62, -0.71]), np.array([-1.06, 0.7, -0.76])
    value, dot = jvp(f, (x, y), (np.ones(3), np.ones(3)))
    assert value == f(x.copy(), y.copy())
    step = 1e-6
    ahead, behind = (f(x + h, y + h) for h in (step, -step))
    assert abs(dot - (ahead - behind) / (2 * step)) < 1e-6


def test_where_between_what_moves_and_a_larger_constant():
    def f(x):
        return np.sum(np.where(x[0] > 0, np.full((2,), 2.0), x[1])) * x[2]

    x = np.array([1.0, 3.0, 5.0])
    assert jvp(f, (x,), (np.ones(3),)) == (20.0, 4.0)
    assert jvp(f, (-x,), (np.ones(3),)) == (30.0, -16.0)


def test_zeros_like_a_list_are_made_beside_what_moves():
    def f(x):
        kept = np.zeros_like([1.0, 2.0, 3.0])
        kept[1:] = x[:2] * x[0]
        return np.sum(kept) * x[2]

    x = np.array([1.0, 3.0, 5.0])
    assert jvp(f, (x,), (np.ones(3),)) == (20.0, 34.0)


@pytest.mark.parametrize("mode", ["median"])
def test_a_border_that_is_not_linear_is_refused(mode):
    with pytest.raises(NoRuleError, match="np.pad with mode"):
        jvp(lambda x: np.pad(x, 1, mode=mode), (np.ones(3),), (np.ones(3),), fallback="error")


def test_a_dict_of_tangents_may_be_in_another_order():
    def f(p):
        return p["x"] ** 2 * p["y"]

    p, dot = {"x": 2.0, "y": 3.0}, {"y": 1.0, "x": 10.0}
    assert jvp(f, (p,), (dot,)) == (12.0, 124.0)
    assert hvp(f)(p, dot) == {"x": 64.0, "y": 40.0}
    of_two = pullback(lambda x: {"a": x**2, "b": x**3 * np.ones(2)})
    assert of_two(3.0, {"b": np.zeros(2, int), "a": 1}) == (6.0,)
    with pytest.raises(ValueError, match="the tangent of `p` is a dict of .'y'., `p` is a dict"):
        jvp(f, (p,), ({"y": 1.0},))


def a_sum_that_becomes_an_array(x, s, n):
    t = 0
    for _ in range(0, n, 2):
        t = t + np.full((2, 3), 2.0) - s
    return np.sum(t * x) + np.sum(t)


def rows_of_such_a_sum(x, s, n):
    t = 0
    for _ in range(n):
        t = t + np.full((2, 3), 2.0)
        t = t - s
    for row in t:
        row += x
    return np.sum(t)


def sums_in_a_while_loop_and_a_branch(x, s, n):
    t, u, k = 0, 0.0, 0
    while k < n:
        v = t * 2
        if k > 0:
            u = u + s
        u = u + np.ones((2, 3))
        t = v + np.ones(3) - s
        k += 1
    return np.sum(t * x) + np.sum(u * s)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    "f", [a_sum_that_becomes_an_array, rows_of_such_a_sum, sums_in_a_while_loop_and_a_branch]
)
def test_the_tangent_of_a_sum_that_began_as_zero_is_as_large_as_the_sum(f, n):
    x = np.array([-1.31, -0.98, -0.43])
    value, dot = jvp(f, (x, 1.11, n), (None, 1.0, None), fallback="error")
    assert value == f(x, 1.11, n)
    assert dot == pytest.approx(grad(f, wrt="s", fallback="error")(x, 1.11, n), rel=1e-12)
    assert dot == pytest.approx((f(x, 1.11 + 1e-6, n) - f(x, 1.11 - 1e-6, n)) / 2e-6)
