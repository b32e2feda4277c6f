"""Products with Hessians, Jacobians, Hessians, pullbacks: against each other and differences."""

import collections
import dataclasses
import functools
import math
import pickle
import re

import numpy as np
import pytest

from srcdiff import (
    FallbackWarning,
    NoRuleError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jacobian_sparsity,
    jvp,
    pullback,
    value_and_grad,
    vjp,
    vmap,
)
from srcdiff.trees import children, is_float, rebuild
from tests.judge import fresh, mentions_float32, moved_leaf, positions, right
from tests.tangents import directions, paired, programs, size
from tests.tape import squared

# Programs


def product(f, args, places, vectors):
    """The Hessian times vectors, by `hvp`."""
    given = []
    for i, x in enumerate(fresh(args)):
        given.append(x)
        if i in places:
            given.append(vectors[i])
    return hvp(f, wrt=tuple(places))(*given)


def moved(tree, v, h):
    if v is None:
        return tree
    inner = children(tree)
    if inner is not None:
        parts = zip(inner, children(v), strict=True)
        return rebuild(tree, [moved(x, d, h) for (_, x), (_, d) in parts])
    if not is_float(tree) and type(tree) is not int:
        return tree
    return tree + h * v if type(tree) is int else moved_leaf(tree, h * np.asarray(v))


@pytest.mark.parametrize("f, args, wrt", programs(3))
def test_products_with_the_hessian(f, args, wrt):
    names = getattr(getattr(f, "__code__", None), "co_varnames", ())
    each = wrt if isinstance(wrt, tuple) else (wrt,)
    if not all(isinstance(w, int) or w in names for w in each):
        pytest.skip("it is taken with respect to arguments")
    places = positions(f, wrt)
    u, v = directions(args, places, 2), directions(args, places, 1)
    with np.errstate(all="ignore"):
        hv, hu = product(f, args, places, v), product(f, args, places, u)
        wanted_u = tuple(u[p] for p in places)
        wanted_v = tuple(v[p] for p in places)
        ours, other = paired(wanted_u, hv), paired(wanted_v, hu)
        scale = size(wanted_u, hv) + size(wanted_v, hu)
        if not np.isfinite(ours) or mentions_float32(f, args, 0.0):
            return
        assert abs(ours - other) <= 1e-9 * max(scale, 1e-9), "it is not symmetric"
        df = grad(f, wrt=tuple(places), fallback="error")

        def slope(h):
            ends = [df(*map(lambda x, d, k=k: moved(x, d, k * h), fresh(args), v))
                    for k in (-2, -1, 1, 2)]  # fmt: skip
            a, b, c, d = (paired(wanted_u, end) for end in ends)
            return (a - 8 * b + 8 * c - d) / (12 * h)

        found = [slope(h) for h in (1e-3, 1e-4, 1e-5)]
        assert min(abs(ours - s) for s in found) <= 1e-5 * max(scale, 1e-2), (ours, found)


# hvp


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_hvp_serves_scipy():
    from scipy.optimize import minimize, rosen_hess

    x = np.array([0.5, -0.3, 1.2])
    v = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(hvp(rosenbrock)(x, v), rosen_hess(x) @ v, rtol=1e-13)
    found = minimize(
        rosenbrock, x, jac=grad(rosenbrock), hessp=hvp(rosenbrock), method="Newton-CG", tol=1e-10
    )
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-5)


def test_hvp_of_several_arguments():
    def f(x, k, y):
        return k * np.sum(x**2 * y)

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    hx, hy = hvp(f, wrt=(0, "y"))(x, np.array([1.0, 0.0]), 2.0, y, np.array([0.0, 1.0]))
    assert hx.tolist() == [12.0, 8.0] and hy.tolist() == [4.0, 0.0]


def test_hvp_of_containers_and_numbers():
    def f(p):
        return p["a"] ** 3 * np.sum(p["b"])

    out = hvp(f)({"a": 2.0, "b": np.ones(2)}, {"a": 1.0, "b": np.array([1.0, 0.0])})
    assert out["a"] == 24.0 + 12.0 and out["b"].tolist() == [12.0, 12.0]


def test_hvp_leaves_its_arguments_alone():
    def f(x):
        x *= x
        return np.sum(x)

    x, v = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    out = hvp(f)(x, v)
    assert out.tolist() == [6.0, 8.0] and x.tolist() == [1.0, 2.0] and v.tolist() == [3.0, 4.0]
    assert not np.shares_memory(out, v)


def test_hvp_has_what_grad_has():
    h = hvp(rosenbrock)
    h(np.ones(3), np.ones(3))
    assert h.primal is rosenbrock and h.source.startswith("def rosenbrock_hvp(x, x_dot):")
    assert h.specialize(np.ones(2), np.ones(2))(np.ones(4), np.zeros(4)).tolist() == [0.0] * 4
    assert "x_dot" in str(h.ir)
    again = pickle.loads(pickle.dumps(h))
    assert again(np.ones(3), np.ones(3)).tolist() == h(np.ones(3), np.ones(3)).tolist()


def test_hvp_says_what_is_missing():
    with pytest.raises(TypeError, match="must be followed by its vector"):
        hvp(rosenbrock)(np.ones(3))
    with pytest.raises(TypeError, match="the vector is None"):
        hvp(rosenbrock)(np.ones(3), None)
    with pytest.raises(ValueError, match="the tangent of `x` has shape"):
        hvp(rosenbrock)(np.ones(3), np.ones(2))
    with pytest.raises(ValueError) as found:
        hvp(lambda x, k: np.sum(k * x**2))(np.ones(3), 2.0, np.ones(3))
    assert found.value.__notes__ == ["The vector follows its argument: hvp(f)(x, v, …)"]


def test_a_call_in_the_style_of_another_library_is_told_how_to_be_written():
    x = np.ones(2)
    with pytest.raises(TypeError, match=r"two tuples.*: jvp\(f, \(x, y\), \(x_dot, y_dot\)\)"):
        jvp(rosenbrock, x, x)
    with pytest.raises(TypeError, match="must be two tuples"):
        jvp(rosenbrock)(x)
    for make, call in [(hessian, "hessian(f)(x)"), (grad, "grad(f)(x)"), (hvp, "hvp(f)(x, v)")]:
        with pytest.raises(TypeError, match="wrt must be") as found:
            make(rosenbrock, x)
        assert found.value.__notes__[0].endswith(f" returns: {call}")


def test_a_pullback_says_that_its_cotangent_is_missing():
    with pytest.raises(TypeError, match="there must be a cotangent"):
        pullback(np.sin)(np.ones(2))
    with pytest.raises(TypeError, match="there must be a cotangent"):
        pullback(lambda x, k: k * x)(np.ones(2), 2.0)
    with pytest.raises(TypeError, match="missing a required argument: 'k'"):
        pullback(lambda x, k, n: k * x)(np.ones(2), 2.0)


def test_the_arguments_of_jvp_and_hvp_may_be_given_by_name():
    def f(x, k=2.0, *, s=1.0):
        return k * s * np.sum(x**2)

    x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    assert jvp(f)((x,), (v,), k=3.0) == (15.0, 6.0)
    assert jvp(f)((x,), (v,), k=3.0, s=2.0) == (30.0, 12.0)
    assert hvp(f)(x, v, k=3.0, s=2.0).tolist() == [12.0, 0.0]


# pullback


def test_a_pullback_is_that_of_vjp():
    def f(x, n, p):
        return {"y": x**n, "z": (np.sum(x) * p, "text")}

    args = (np.array([1.0, 2.0]), 3, 0.5)
    d_out = {"y": np.array([1.0, -1.0]), "z": (2.0, None)}
    pull = pullback(f)
    for ours, theirs in zip(pull(*args, d_out), vjp(f, *args)[1](d_out), strict=True):
        assert type(ours) is type(theirs)
        np.testing.assert_array_equal(ours, theirs)
    assert "d_out" in pull.source and pull.primal is f


@pytest.mark.parametrize("f, d_out, error", [
    (lambda x: x * 2, np.ones(3), ValueError),
    (lambda x: np.sum(x), np.ones(2), ValueError),
    (lambda x: x * 2, np.ones(1), ValueError),
    (lambda x: (x, x), np.ones(2), ValueError),
    (lambda x: x * 2, np.ones(2) * 1j, TypeError),
])  # fmt: skip
def test_a_cotangent_that_does_not_fit(f, d_out, error):
    with pytest.raises(error, match="the cotangent"):
        pullback(f)(np.ones(2), d_out)


def test_a_pullback_prints_once(capsys):
    def f(x):
        print("here")
        return x * x

    assert pullback(f)(3.0, 1.0) == (6.0,)
    assert capsys.readouterr().out == "here\n"


def test_a_pullback_on_the_tape():
    def f(x):
        return squared(x)

    with pytest.warns(FallbackWarning):
        assert pullback(f)(np.array([1.0, 2.0]), np.ones(2))[0].tolist() == [2.0, 4.0]


# Jacobians and Hessians


def several(x, y):
    return np.outer(np.sin(x), y), x[0] * y[1]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobians_of_either_mode(mode):
    x, y = np.array([0.5, 1.0, 2.0]), np.array([3.0, -1.0])
    outer, number = jacobian(several, wrt=(0, "y"), mode=mode)(x, y)
    assert outer[0].shape == (3, 2, 3) and outer[1].shape == (3, 2, 2)
    assert number[0].tolist() == [-1.0, 0.0, 0.0] and number[1].tolist() == [0.0, 0.5]
    np.testing.assert_allclose(outer[0], np.einsum("ik,j->ijk", np.diag(np.cos(x)), y), 1e-15)
    np.testing.assert_allclose(outer[1], np.einsum("i,jk->ijk", np.sin(x), np.eye(2)), 1e-15)


def test_a_jacobian_takes_the_mode_with_fewer_runs():
    wide, tall = jacobian(lambda x: x[:1] * x[1:2]), jacobian(lambda x: np.outer(x, x))
    wide(np.ones(5))
    tall(np.ones(2))
    assert "d_out" in wide.source and "x_dot" in tall.source


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobians_with_containers(mode):
    def f(p):
        return [p["w"] * p["b"], p["n"], p["b"] ** 2]

    p = {"w": np.array([1.0, 2.0]), "b": 3.0, "n": 4}
    first, zeros, second = jacobian(f, mode=mode)(p)
    assert zeros["w"].tolist() == [0.0, 0.0] and zeros["b"] == 0.0 and first["n"] is None
    assert first["w"].tolist() == [[3.0, 0.0], [0.0, 3.0]] and first["b"].tolist() == [1.0, 2.0]
    assert second["w"].tolist() == [0.0, 0.0] and second["b"] == 6.0
    inner = jacobian(f, wrt="p.b", mode=mode)(p)
    assert inner[0].tolist() == [1.0, 2.0] and inner[2] == 6.0


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_ints_and_bools_of_an_output_have_rows_of_zeros(mode):
    def ode(t, y):
        return [y[1], 0, y > 1, None]

    y = np.array([1.0, 2.0])
    first, second, third, none = jacobian(ode, wrt="y", mode=mode)(0.0, y)
    assert first.tolist() == [0.0, 1.0] and second.tolist() == [0.0, 0.0] and none is None
    assert third.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    whole = [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert jacobian(ode, wrt="y", mode=mode, matrix=True)(0.0, y).tolist() == whole
    assert jacobian(lambda x: np.argmax(x), mode=mode)(y).tolist() == [0.0, 0.0]
    single = jacobian(lambda x: [x[0], 1j * x[1], 3], mode=mode)(y.astype(np.float32))
    assert single[2].tolist() == [0.0, 0.0] and single[1].tolist() == [0.0, 1j]


def test_solve_ivp_takes_a_jacobian_with_a_constant_component():
    integrate = pytest.importorskip("scipy.integrate")

    def ode(t, y):
        return [y[1], 0]

    found = integrate.solve_ivp(ode, (0, 1), [1.0, 2.0], "Radau", jac=jacobian(ode, wrt="y"))
    np.testing.assert_allclose(found.y[:, -1], [3.0, 2.0])


@pytest.mark.parametrize("made", [collections.OrderedDict, collections.deque])
def test_containers_that_are_not_taken_apart_have_no_jacobian(made):
    def f(x):
        return made([("a", x), ("b", x)])

    x = np.ones(2)
    for call in (lambda: jacobian(f)(x), lambda: jacobian(f, matrix=True)(x),
                 lambda: vjp(f, x)[1]([("a", x), ("b", x)])):  # fmt: skip
        with pytest.raises((SrcdiffError, TypeError), match="which is not taken apart"):
            call()


def test_what_returns_nothing_has_no_jacobian():
    with pytest.raises(SrcdiffError, match="`forgot` returns nothing, which has no Jacobian"):
        def forgot(x):
            x * 2

        jacobian(forgot)(np.ones(2))


@pytest.mark.parametrize("how", [
    grad, hessian, jacobian, lambda f: jacobian(f, sparsity="auto"),
    lambda f: jacobian(f, mode="reverse"), lambda f: lambda x: hvp(f)(x, x),
    lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: lambda x: pullback(f)(x, 1.0),
])  # fmt: skip
def test_a_masked_array_is_refused(how):
    with pytest.raises(NotDifferentiableTypeError, match="`x` is a numpy.ma.MaskedArray") as error:
        how(lambda x: np.sum(x * x))(np.ma.ones(3))
    assert "Pass `np.ma.filled(x)`." in str(error.value)


def test_a_jacobian_of_numbers_is_a_number():
    assert jacobian(lambda x: x**3)(2.0) == 12.0
    assert jacobian(lambda x: x**3)(2) == 12.0
    assert jacobian(lambda x, k=3: k * x, wrt=("x", "k"))(2.0, k=5.0) == (5.0, 2.0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_jacobian_of_complex_numbers(mode):
    def f(x):
        return [np.exp(1j * x) * x, x * 2]

    x = np.array([0.5, 1.0])
    first, second = jacobian(f, mode=mode, fallback="error")(x)
    np.testing.assert_allclose(first, np.diag(np.exp(1j * x) * (1 + 1j * x)), rtol=1e-14)
    assert first.dtype == complex and second.dtype == float and second[0, 0] == 2.0


def test_jacobians_of_two_parts_of_one_argument():
    def f(p):
        return p["a"] * p["b"]

    da, db = jacobian(f, wrt=("p.a", "p.b"), mode="forward")({"a": np.array([1.0, 2.0]), "b": 3.0})
    assert da.tolist() == [[3.0, 0.0], [0.0, 3.0]] and db.tolist() == [1.0, 2.0]


def test_jacobians_of_nothing_are_empty():
    assert jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert jacobian(lambda x: np.ones(2) * np.sum(x))(np.ones(0)).shape == (2, 0)


def test_jacobians_and_hessians_with_more_to_return():
    def f(x):
        return x**3, "more"

    assert jacobian(f, has_aux=True, mode="forward")(2.0) == (12.0, "more")
    assert jacobian(f, has_aux=True, mode="reverse")(2.0) == (12.0, "more")
    assert hessian(f, has_aux=True)(2.0) == (12.0, "more")


def test_tables_have_what_grad_has():
    for how in (jacobian, hessian):
        df = how(rosenbrock)
        with pytest.raises(SrcdiffError, match="has no source yet"):
            _ = df.source
        found = df(np.ones(3))
        assert df.primal is rosenbrock and df.__name__ == "rosenbrock" and "def " in df.source
        assert "x" in str(df.ir)
        np.testing.assert_array_equal(df.specialize(np.ones(3))(np.ones(3)), found)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(df))(np.ones(3)), found)


class Spring:
    def __init__(self):
        self.k = 3.0

    @jacobian
    def force(self, x):
        return -self.k * x

    def energy(self, x):
        return self.k * np.sum(x**2) / 2


def test_decorators_with_keywords():
    @jacobian(wrt="k", mode="forward")
    def f(x, k):
        return k * x

    @hessian(argnums=(0, 1))
    def g(x, k):
        return k * x**2

    assert f(np.array([1.0, 2.0]), 3.0).tolist() == [1.0, 2.0]
    assert g(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert hvp(wrt=1)(g.primal)(2.0, 3.0, 1.0) == 0.0


@pytest.mark.parametrize("make", [hvp, jacobian, hessian])
@pytest.mark.parametrize("wrt", [0, 1, "x"])
def test_wrt_and_argnums_are_one_thing(make, wrt):
    assert make(rosenbrock, argnums=wrt)._wrt == wrt
    with pytest.raises(TypeError, match=make.__name__ + r"\(\) got both wrt and argnums"):
        make(rosenbrock, wrt, argnums=wrt)
    with pytest.raises(TypeError, match="got both wrt and argnums"):
        make(wrt=wrt, argnums=wrt)


def test_zeros_of_zeros_are_made_once():
    def f(m, limit):
        found = None
        for row in m:
            if np.sum(row) > limit:
                found = row**4
        return np.sum(m) if found is None else np.sum(found * found)

    def g(x):
        rows = [[v, v * v] for v in x]
        return sum(row[0] * row[1] for row in rows) * rows[0][0]

    m, x = np.array([[1.0, 2.0], [3.0, 4.0], [0.5, 0.1]]), np.array([1.0, 2.0])
    v = np.array([[1.0, 0.5], [2.0, -1.0], [0.0, 3.0]])
    for h, found in ((hvp(f), hvp(f)(m, v, 1.0)), (hvp(g), hvp(g)(x, x))):
        assert np.any(found)
    h = hvp(f)
    np.testing.assert_allclose(h(m, v, 1.0)[1], 56 * m[1] ** 6 * v[1], rtol=1e-13)
    assert not re.search(r"zeros_(like|of)\((np\.)?zeros_(like|of)\(", h.source), h.source
    assert hessian(g)(x).tolist() == [[12.0, 12.0], [12.0, 12.0]]


def test_methods():
    spring, x = Spring(), np.array([1.0, 2.0])
    assert spring.force(x).tolist() == [[-3.0, 0.0], [0.0, -3.0]]
    assert hessian(spring.energy)(x).tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert hvp(spring.energy)(x, np.array([1.0, 0.0])).tolist() == [3.0, 0.0]
    assert pullback(spring.energy)(x, 1.0)[0].tolist() == [3.0, 6.0]


def test_what_jacobian_refuses():
    with pytest.raises(SrcdiffError, match="complex"):
        jacobian(lambda x: x * x)(1j)
    with pytest.raises(NotDifferentiableTypeError, match="int64"):
        jacobian(lambda x: x * x)(np.arange(3))
    with pytest.raises(UnknownArgumentError):
        jacobian(lambda x: x * x, wrt="y")(1.0)
    with pytest.raises(ValueError, match="mode"):
        jacobian(lambda x: x, mode="sideways")


def test_a_hessian_is_symmetric_and_that_of_the_gradient():
    def f(w, x):
        return np.sum(np.tanh(x @ w) ** 3) + math.prod([w[0], w[1], w[1]])

    w, x = np.array([0.3, -0.5, 0.8]), np.sin(np.arange(12.0)).reshape(4, 3)
    found = hessian(f)(w, x)
    assert np.array_equal(found, found.T)
    by_gradient = np.array([
        (grad(f)(w + h, x) - grad(f)(w - h, x)) / 2e-6 for h in 1e-6 * np.eye(3)
    ])  # fmt: skip
    np.testing.assert_allclose(found, by_gradient, rtol=1e-7, atol=1e-8)
    columns = np.array([hvp(f)(w, e, x) for e in np.eye(3)])
    np.testing.assert_allclose(found, columns, rtol=1e-14, atol=1e-15)


@dataclasses.dataclass
class Point:
    a: float
    b: np.ndarray


def test_hessians_with_containers_and_several_arguments():
    def f(p, q):
        return p.a**2 * np.sum(p.b) + q * np.sum(p.b**2)

    p = Point(3.0, np.array([1.0, 2.0]))
    of_p, (qp, qq) = hessian(f, wrt=(0, 1))(p, 0.5)
    (a_p, a_q), (b_p, b_q) = of_p.a, of_p.b
    assert a_p.a == 6.0 and a_p.b.tolist() == [6.0, 6.0] == b_p.a.tolist()
    assert b_p.b.tolist() == [[1.0, 0.0], [0.0, 1.0]] and a_q == 0.0
    assert b_q.tolist() == [2.0, 4.0] == qp.b.tolist() and qq == 0.0
    assert hessian(f)(p, 0.5).b.b.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_hessian_through_a_loop_and_stores():
    def f(x):
        y = np.zeros(len(x))
        s = x[0]
        for i in range(len(x)):
            s = s * x[i]
            y[i] = s
        while np.sum(y) < 50:
            y *= 2
        return np.sum(y)

    x = np.array([1.0, 2.0, 3.0])
    # y = k * (x0**2, x0**2 * x1, x0**2 * x1 * x2); their sum is 9 k
    k = 8.0
    assert hessian(f)(x).tolist() == (
        k * np.array([[18.0, 8.0, 4.0], [8.0, 0.0, 1.0], [4.0, 1.0, 0.0]])
    ).tolist()


def test_second_derivatives_of_what_does_not_compile_are_refused():
    def f(x):
        return np.sum(squared(x))

    with pytest.raises(UnsupportedSyntaxError, match="class"):
        hessian(f)(np.ones(2))
    special = pytest.importorskip("scipy.special")
    with pytest.raises(NoRuleError):
        hvp(lambda x: np.sum(special.mathieu_a(1, x)))(np.ones(2), np.ones(2))


def test_jvp_of_what_elementwise_grad_takes():
    x = np.array([0.5, 1.0])
    f = np.sin
    assert jvp(f, (x,), (np.ones(2),))[1].tolist() == elementwise_grad(f)(x).tolist()


# Inside functions that are differentiated


def wave(x):
    return np.sum(np.sin(x) * x**2)


V = np.array([1.0, -2.0, 0.5])
OF_WAVE = jvp(wave)


def along_v(x):
    return jvp(wave, (x,), (V,))[1]


def along_v_twice(x):
    return jvp(lambda t: jvp(wave, (t,), (V,))[1], (x,), (V,))[1]


def along_itself(x):
    value, dot = OF_WAVE((x,), (x,))
    return value * dot


def with_the_hessian(x):
    return np.sum(hvp(wave)(x, V))


def of_a_loop(x):
    def f(x):
        s = 0.0
        for v in x:
            s = np.tanh(s * v + v)
        return s

    return jvp(f, (x,), (x * x,))[1]


def of_a_dict(x):
    def f(p):
        return {"y": np.sum(p["a"] ** 2 * p["b"]), "n": 3}

    return jvp(f, ({"a": x, "b": 2.0},), ({"a": x, "b": None},))[1]["y"]


def of_stores(x):
    def f(x):
        y = np.zeros(3)
        y[0] = x[0] ** 2
        y[1:] = y[0] * x[1:]
        return y

    return np.sum(jvp(f, (x,), (np.cos(x),))[1] ** 2)


@pytest.mark.parametrize("f", [
    along_v, along_v_twice, along_itself, with_the_hessian, of_a_loop, of_a_dict, of_stores,
], ids=lambda f: f.__name__)  # fmt: skip
def test_derivatives_along_directions_are_differentiated(f):
    x = np.array([0.3, -0.7, 1.1])
    found = grad(f, fallback="error")(x)
    h = 1e-5
    slopes = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(found, slopes, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(jvp(f, (x,), (V,), fallback="error")[1], found @ V, rtol=1e-12)


def test_no_confusion_of_directions():
    def f(x):
        return x * jvp(lambda y: x * y, (2.0,), (1.0,))[1]

    assert grad(f)(3.0) == 6.0
    assert jvp(f, (3.0,), (1.0,)) == (9.0, 6.0)


def test_forward_mode_of_a_gradient():
    x = np.array([0.3, -0.7, 1.1])
    _, dot = jvp(grad(wave), (x,), (V,), fallback="error")
    np.testing.assert_allclose(dot, hvp(wave)(x, V), rtol=1e-14)
    np.testing.assert_allclose(jacobian(grad(wave))(x), hessian(wave)(x), rtol=1e-14)


def test_what_the_compiler_does_not_know_inside_is_refused():
    with pytest.raises(SrcdiffError, match="inside a function"):
        grad(lambda x: np.sum(jacobian(wave, sparsity="auto")(x).toarray()))(np.ones(3))


def test_an_array_that_may_be_none_is_saved_for_a_second_reverse_sweep():
    def f(x):
        kept = None
        for i in range(3):
            if x[i] < 0:
                continue
            kept = x[i] * x if kept is None else kept * x[i] * kept
        return x[0] ** 3 if kept is None else np.sum(kept**2)

    gradient = grad(f)
    twice = elementwise_grad(gradient)

    def slope(x):
        return np.sum(gradient(x) * x)

    def curvature(x):
        return np.sum(twice(x) * x)

    for x in (np.array([-0.3, 0.2, 0.7]), np.array([-0.3, -0.2, -0.7]), np.array([0.4, 0.5, -0.7])):
        right(slope, x)
        right(curvature, x)


def test_a_jacobian_of_what_a_star_has_caught():
    def f(x, *c):
        total = 0.0
        for each in c:
            total = total * x + each
        return total

    x = np.array([2.0, 3.0])
    a, b, c = jacobian(f, wrt="c")(x, 1.0, 1.0, 4.0)
    assert a.tolist() == [4.0, 9.0] and b.tolist() == [2.0, 3.0] and c.tolist() == [1.0, 1.0]
    d_x, parts = jacobian(f, wrt=("x", "c"), mode="reverse")(x, 1.0, 1.0, 4.0)
    assert np.diag(d_x).tolist() == [5.0, 7.0] and parts[1].tolist() == [2.0, 3.0]
    (single,) = jacobian(f, wrt=(2,))(x, 1.0, 1.0, 4.0)
    assert single.tolist() == [2.0, 3.0]
    one = functools.partial(f, x)
    assert jacobian(one, wrt="c")(5.0)[0].tolist() == [1.0, 1.0]
    with pytest.raises(UnknownArgumentError, match="no positional parameter `c`"):
        hessian(lambda *c: c[0] * c[1], wrt="c")(1.0, 2.0)


@pytest.mark.parametrize("how", [jacobian, hessian, hvp, jacobian_sparsity])
def test_a_local_variable_is_refused_and_the_way_out_named(how):
    def f(x, *, scale=2.0):
        stretch = scale * x
        return np.sum(stretch**2)

    x = np.ones(2)
    with pytest.raises(UnknownArgumentError, match="local variable of `f`") as found:
        how(f, wrt="stretch")(*[x] * (1 + (how is hvp)))
    assert "Make `stretch` an argument" in str(found.value)
    for wrong in ("strech", 7):
        with pytest.raises(UnknownArgumentError) as found:
            how(f, wrt=wrong)(*[x] * (1 + (how is hvp)))
        assert "variable" not in str(found.value)
    with pytest.raises(UnknownArgumentError, match="lambda scale|positional parameter"):
        how(f, wrt="scale")(x)


def test_products_with_the_hessian_by_what_a_star_has_caught():
    def f(x, *rest, scale=1.0):
        return scale * np.sum(x**3) * rest[0] * rest[1] ** 2

    x = np.array([1.0, 2.0])
    expected = hessian(lambda x, a, b: 2 * np.sum(x**3) * a * b**2, wrt=(0, 1, 2), matrix=True)
    matrix = expected(x, 3.0, 5.0)
    found = hessian(f, wrt=(0, 1, 2), matrix=True)(x, 3.0, 5.0, scale=2.0)
    np.testing.assert_allclose(found, matrix)
    only = hessian(f, wrt=2, matrix=True)(x, 3.0, 5.0, scale=2.0)
    np.testing.assert_allclose(only, matrix[3:, 3:])
    by_x, by_b = hvp(f, wrt=(0, 2))(x, x, 3.0, 5.0, 7.0, scale=2.0)
    np.testing.assert_allclose([*by_x, by_b], (matrix @ [1, 2, 0, 7])[[0, 1, 3]])


def shaken(x, generator, steps):
    for _ in range(steps):
        x = x * (1 + 0.1 * generator.standard_normal(2)) * np.cos(x)
    return x


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
@pytest.mark.parametrize("mode, runs_before", [("forward", 0), ("reverse", 1), ("auto", 1)])
def test_a_jacobian_is_of_one_run_where_random_numbers_are_drawn(mode, runs_before):
    x, generator = np.array([1.0, 2.0]), np.random.default_rng(7)
    factors = [generator.standard_normal(2) for _ in range(3 * (runs_before + 1))][-3:]

    def same(x):
        for factor in factors:
            x = x * (1 + 0.1 * factor) * np.cos(x)
        return x

    drawn = np.random.default_rng(7)
    found = jacobian(shaken, mode=mode)(x, drawn, 3)
    np.testing.assert_allclose(found, jacobian(same)(x), rtol=1e-12)
    assert drawn.random() == generator.random()
    found, aux = jacobian(lambda x, r: (shaken(x, r, 3), "beside"), mode=mode, has_aux=True)(
        x, np.random.default_rng(7))  # fmt: skip
    np.testing.assert_allclose(found, jacobian(same)(x), rtol=1e-12)
    assert aux == "beside"


def test_a_jacobian_of_what_draws_is_of_one_run():
    def f(x, generator):
        return x * generator.standard_normal(2)

    for mode in ("forward", "reverse"):
        found = jacobian(f, mode=mode, fallback="error")(np.ones(2), np.random.default_rng(7))
        assert found[0, 1] == found[1, 0] == 0.0 and found[0, 0] != found[1, 1]


def scaled(x, a=1.0, *, k, b=2.0):
    return a * b * k * np.sin(x)


@pytest.mark.parametrize("settings", [
    {}, {"mode": "forward"}, {"mode": "reverse"}, {"sparsity": "auto"}, {"sparsity": np.eye(3)},
], ids=str)  # fmt: skip
def test_a_jacobian_takes_what_is_given_by_keyword(settings):
    x, k = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 2.0])
    df = jacobian(scaled, fallback="error", **settings)
    for given in ({"k": k}, {"k": 2.0, "b": 1.0}, {"k": k[::-1], "a": 3.0}):
        found = df(x, **given)
        found = found if isinstance(found, np.ndarray) else found.toarray()
        a, b = given.get("a", 1.0), given.get("b", 2.0)
        np.testing.assert_allclose(found, np.diag(a * b * given["k"] * np.cos(x)), rtol=1e-15)
    with pytest.raises(TypeError, match="missing a required argument: 'k'"):
        df(x)


def test_a_hessian_takes_what_is_given_by_keyword():
    x = np.array([1.0, 2.0])
    for settings in ({}, {"sparsity": "auto"}):
        df = hessian(lambda x, *, k, n=2: k * np.sum(x**n), **settings)
        found = df(x, k=3.0, n=3)
        found = found if isinstance(found, np.ndarray) else found.toarray()
        np.testing.assert_allclose(found, np.diag(18 * x))


def test_a_pattern_is_that_of_what_is_given_by_keyword():
    def chosen(*xs, mask):
        return np.array([xs[i] * m for i, m in enumerate(mask)])

    df = jacobian(chosen, wrt="xs", sparsity="auto")
    for mask in ([1.0, 0.0], [0.0, 2.0]):
        np.testing.assert_array_equal(df(3.0, 4.0, mask=np.array(mask)).toarray(), np.diag(mask))


def test_what_is_in_wrt_may_have_its_default_or_that_of_a_partial():
    def f(x, a=2.0, b=3.0):
        return x * a**2 * b

    x = np.array([1.0, 2.0])
    assert jacobian(f, wrt="a")(x).tolist() == (12 * x).tolist()
    assert jacobian(f, wrt="a")(x, b=1.0).tolist() == (4 * x).tolist()
    assert hessian(lambda x, a=2.0: np.sum(x) * a**2, wrt="a")(x) == 6.0
    fixed = functools.partial(f, b=1.0)
    assert jacobian(fixed)(x).tolist() == [[4.0, 0.0], [0.0, 4.0]]
    assert jacobian(fixed)(x, b=2.0).tolist() == [[8.0, 0.0], [0.0, 8.0]]
    with pytest.raises(UnknownArgumentError, match="not to `k`"):
        jacobian(scaled, wrt="k")(x, k=1.0)
    with pytest.raises(UnknownArgumentError, match="not to `options`"):
        jacobian(lambda x, **options: x * options["k"], wrt="options")(x, k=1.0)


def test_a_cotangent_with_another_key_is_told_of():
    with pytest.raises(ValueError, match="the cotangent `d_out` "):
        pullback(lambda x: {"a": 2 * x})(np.ones(2), {"b": np.ones(2)})


def test_second_derivatives_of_cumulative_products():
    x = np.array([1.0, 2.0, 3.0, 4.0])
    found = hessian(lambda x: np.sum(np.cumprod(x) * np.arange(4.0)))(x)
    wanted = [[0, 43, 28, 18], [43, 0, 14, 9], [28, 14, 0, 6], [18, 9, 6, 0]]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
def test_a_correlation_has_derivatives():
    def correlation(x, y):
        return np.corrcoef(x, y)[0, 1]

    x, y, v = np.random.default_rng(3).normal(size=(3, 4))
    h = 1e-6
    wanted = (correlation(x + h * v, y) - correlation(x - h * v, y)) / (2 * h)
    assert grad(correlation)(x, y) @ v == pytest.approx(wanted, rel=1e-6)
    assert jvp(correlation)((x, y), (v, None))[1] == pytest.approx(wanted, rel=1e-6)


def test_an_item_of_an_array_of_one_number():
    def square(x):
        return (x[None] @ x[:, None]).item()

    x = np.array([1.0, 2.0, 3.0])
    value, found = value_and_grad(square, fallback="error")(x)
    assert type(value) is float and value == 14
    np.testing.assert_array_equal(found, 2 * x)
    assert jvp(square, fallback="error")((x,), (x,))[1] == 28
    assert vmap(square, fallback="error")(x[None]).tolist() == [14]
    with pytest.raises(ValueError):
        grad(lambda x: x.item() ** 2, fallback="error")(x)


def test_a_pullback_of_a_list_of_arrays_leaves_its_cotangent_alone():
    def f(m, s):
        y = []
        for e in m:
            y.append(e * s)
        total = np.sum(y[0]) + np.sum(y[-1] ** 2)
        return np.stack(y) * total

    m, d_out = np.linspace(0.3, 1.4, 6).reshape(3, 2), np.arange(6.0).reshape(3, 2)
    pull = pullback(f, fallback="error")
    before = d_out.copy()
    found = pull(m, 1.3, d_out)
    np.testing.assert_array_equal(d_out, before)
    expected = grad(lambda m, s: np.sum(f(m, s) * d_out), wrt=(0, 1))(m, 1.3)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


def test_a_pullback_of_stacked_rows():
    def f(m, s):
        y = []
        for e in m:
            y.append(e * s)
        return np.stack(y)

    found = pullback(f, fallback="error")(np.ones((3, 2)), 2.0, np.ones((3, 2)))
    np.testing.assert_array_equal(found[0], np.full((3, 2), 2.0))
    assert found[1] == 6.0
