"""Second derivatives and Jacobians with respect to what lies in an object: `wrt="self.w"`."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from srcdiff import (
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
    grad,
    hessian,
    hvp,
    jacobian,
    jacobian_sparsity,
    jvp,
    vmap,
)
from tests.judge import right

X = np.array([0.3, -0.4, 0.9])
V = np.array([1.0, 0.5, -2.0])


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any = 0.2


class Net:
    def __init__(self) -> None:
        self.w = np.array([0.5, 0.7, -0.2])
        self.k = 1.5
        self.calls = 0
        self.layer = Layer(np.array([0.3, 0.4, 0.5]))
        self.layers = [self.layer, Layer(np.array([0.1, -0.6, 0.2]), np.array(0.4))]
        self.more = {"scale": 2.0}

    def out(self, x):
        self.calls += 1
        y = x * self.w
        for layer in self.layers:
            y = np.tanh(y * layer.w**2 * self.k + layer.b)
        return y * self.more["scale"] ** 2

    def loss(self, x):
        y = self.out(x)
        return np.sum(y**2) + self.k * np.sum(self.w**3)

    def looped(self, x, n):
        y, s = np.zeros(len(x)), self.k
        for i in range(n):
            if x[i] > 0:
                s = s * self.w[i] + x[i]
            y[i] = s * self.layer.w[i]
        return y

    def looped_loss(self, x, n):
        return np.sum(self.looped(x, n) ** 3)

    def written(self, x):
        self.w *= x
        self.k = self.k * np.sum(self.w**2)
        return self.w**2 * self.k

    def written_loss(self, x):
        return np.sum(self.written(x) ** 2)

    def bare(self):
        return self.k**2 * np.sum(self.w**3)

    def reset(self, x):
        total = np.sum(self.w**3 * x)
        self.w[:] = 0.0
        return total

    def square(self):
        return np.sum(self.w**2) / 2

    def rest(self, *rest, scale):
        return self.w**2 * rest[0] * rest[1] * scale

    def placed(self, x, /, y=2.0):
        return np.sum(self.w**2 * x * y)


def fields(net, names):
    """What is read and written at each name: (owner, attribute or key)."""
    found: list[Any] = []
    for name in names:
        owner, steps = net, name.split(".")[1:]
        for step in steps[:-1]:
            owner = getattr(owner, step)
        found.append((owner, steps[-1]))
    return found


def by_differences(make, f, names, h=1e-6):
    """The Jacobian of f(net) by the fields of an object, by differences, a column each; each run
    has an object of its own."""
    columns = []
    for k, (owner, name) in enumerate(fields(make(), names)):
        for at in np.ndindex(np.shape(getattr(owner, name))):
            values = []
            for sign in (h, -h):
                net = make()
                where, _ = fields(net, names)[k]
                step = np.zeros(np.shape(getattr(where, name)))
                step[at] = sign
                setattr(where, name, getattr(where, name) + step)
                values.append(np.ravel(f(net)))
            columns.append((values[0] - values[1]) / (2 * h))
    return np.array(columns).T


WRT = ["self.w", "self.k", "self.layer.w", "self.layer.b", ("self.w", "self.layer.w", "self.k")]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("wrt", WRT)
@pytest.mark.parametrize("method", ["out", "looped", "written"])
def test_a_jacobian_by_fields_is_that_of_differences(method, wrt, mode):
    net, more = Net(), (3,) if method == "looped" else ()
    found = jacobian(getattr(net, method), wrt=wrt, mode=mode, matrix=True, fallback="error")(
        X, *more
    )
    names = (wrt,) if isinstance(wrt, str) else wrt
    due = by_differences(Net, lambda net: getattr(net, method)(X, *more), names)
    assert_allclose(found, due, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("wrt", WRT)
@pytest.mark.parametrize("method", ["loss", "looped_loss", "written_loss"])
def test_a_hessian_by_fields_is_that_of_differences_of_gradients(method, wrt):
    net, more = Net(), (3,) if method == "looped_loss" else ()
    names = (wrt,) if isinstance(wrt, str) else wrt
    found = hessian(getattr(net, method), wrt=wrt, matrix=True)(X, *more)

    def gradient(net):
        parts = grad(getattr(net, method), wrt=tuple(names), fallback="error")(X, *more)
        return np.concatenate([np.ravel(part) for part in parts])

    assert_allclose(found, by_differences(Net, gradient, names), rtol=1e-5, atol=1e-6)
    sizes = [np.size(getattr(owner, name)) for owner, name in fields(Net(), names)]
    v = np.sin(np.arange(1.0, sum(sizes) + 1))
    vectors = [
        part.reshape(np.shape(getattr(owner, name)))
        for part, (owner, name) in zip(np.split(v, np.cumsum(sizes)[:-1]), fields(Net(), names))
    ]
    products = hvp(getattr(Net(), method), wrt=tuple(names))(*vectors, X, *more)
    assert_allclose(np.concatenate([np.ravel(p) for p in products]), found @ v, rtol=1e-10)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_fields_and_arguments_together_have_the_structure_of_wrt(mode):
    net = Net()
    d_w, d_x = jacobian(net.out, wrt=("self.w", "x"), mode=mode, fallback="error")(X)
    assert_allclose(d_x, jacobian(net.out)(X), rtol=1e-13)
    assert_allclose(d_w * net.w, d_x * X, rtol=1e-13)  # w and x meet in a product
    (w_w, w_x), (x_w, x_x) = hessian(net.loss, wrt=("self.w", "x"))(X)
    assert np.array_equal(w_x, x_w.T)
    assert_allclose(x_x, hessian(net.loss)(X), rtol=1e-12, atol=1e-14)
    of_w, of_x = hvp(net.loss, wrt=("self.w", "x"))(V, X, 2 * V)
    assert_allclose(of_w, w_w @ V + w_x @ (2 * V), rtol=1e-12)
    assert_allclose(of_x, x_w @ V + x_x @ (2 * V), rtol=1e-12)
    swapped = hvp(net.loss, wrt=("x", "self.w"))(V, X, 2 * V)  # v of a field comes first
    assert np.array_equal(swapped[0], of_x) and np.array_equal(swapped[1], of_w)


def test_an_object_in_wrt_gives_objects():
    net = Net()
    found = jacobian(net.out, wrt="self.layers", mode="forward", fallback="error")(X)
    other = jacobian(net.out, wrt="self.layers", mode="reverse", fallback="error")(X)
    assert type(found) is list and type(found[1]) is Layer
    for i in (0, 1):
        assert_allclose(found[i].w, other[i].w, rtol=1e-13)
        assert_allclose(found[i].b, other[i].b, rtol=1e-13)
    one = jacobian(net.out, wrt="self.layers[-1].b", fallback="error")(X)
    assert one.shape == (3,) and np.array_equal(one, found[1].b)
    of_b = hessian(net.loss, wrt="self.layers[-1].b")(X)  # an array without axes
    assert of_b.shape == () and np.array_equal(of_b, hvp(net.loss, wrt="self.layers[1].b")(1.0, X))
    scale = jacobian(net.out, wrt="self.more.scale", fallback="error")(X)
    assert_allclose(scale, net.out(X), rtol=1e-15)  # of s**2 at 2


def test_an_argument_that_holds_the_field():
    net = Net()

    def loss(net, x):
        return net.loss(x)

    bound, v = hessian(net.loss, wrt=("self.w", "self.k"))(X), 0.5
    free = hessian(loss, wrt=("net.w", "net.k"))(net, X)
    assert_allclose(np.array(bound[0][0]), free[0][0], rtol=1e-14)
    assert_allclose(bound[0][1], free[1][0], rtol=1e-14)
    of_bound = hvp(net.loss, wrt=("self.w", "self.k"))(V, v, X)
    calls = net.calls
    for h in (hvp(loss, wrt=("net.w", "net.k")), hvp(Net.loss, wrt=("self.w", "self.k"))):
        of_free = h(net, V, v, X)
        assert_allclose(of_bound[0], of_free[0], rtol=1e-14)
        assert_allclose(of_bound[1], of_free[1], rtol=1e-14)
    assert net.calls == calls, "an argument was changed"


def test_a_method_changes_its_object_once():
    net = Net()
    for mode in ("auto", "forward", "reverse"):
        jacobian(net.out, wrt="self.w", mode=mode, fallback="error")(X)
    hessian(net.loss, wrt="self.w")(X)
    hvp(net.loss, wrt="self.w")(V, X)
    assert net.calls == 5
    assert np.array_equal(net.w, Net().w) and net.k == 1.5 and net.layer.b == 0.2
    for mode in ("auto", "forward", "reverse"):
        net, other = Net(), Net()
        jacobian(net.written, wrt=("self.w", "self.k"), mode=mode, fallback="error")(X)
        other.written(X)
        assert np.array_equal(net.w, other.w) and net.k == other.k
    net = Net()
    hessian(net.written_loss, wrt="self.w")(X)
    assert np.array_equal(net.w, other.w) and net.k == other.k


def test_a_vector_may_be_the_field_itself_and_is_not_changed():
    for method in ("written_loss", "reset", "loss"):
        net, v = Net(), Net().w
        due = hvp(getattr(net, method), wrt="self.w")(v, X)
        assert np.array_equal(v, Net().w)
        net = Net()
        assert np.array_equal(hvp(getattr(net, method), wrt="self.w")(net.w, X), due)
    found = hvp(Net().square, wrt="self.w")(V)
    assert np.array_equal(found, V) and not np.shares_memory(found, V)


def test_the_fields_may_change_between_calls_without_a_recompile():
    net = Net()
    h, j = hvp(net.loss, wrt="self.w"), jacobian(net.out, wrt="self.w", mode="forward")
    h(V, X), j(X)
    net.w, net.k = net.w + 1, 0.3
    assert_allclose(h(V, X), hessian(net.loss, wrt="self.w")(X) @ V, rtol=1e-12)
    assert sum(map(len, h._codes.values())) == 1
    assert_allclose(j(X), jacobian(net.out, wrt="self.w", mode="reverse")(X), rtol=1e-12)
    net.w = net.w.astype(np.float32)
    assert h(V, X).dtype == np.float32 == hessian(net.loss, wrt="self.w")(X).dtype


def test_a_vector_stands_where_its_object_does():
    net = Net()
    h = hvp(net.bare, wrt="self.w")  # a method without arguments
    assert_allclose(h(V), 6 * net.k**2 * net.w * V, rtol=1e-14)
    assert_allclose(hvp(Net.bare, wrt="self.w")(net, V), h(V), rtol=1e-14)
    assert_allclose(h.specialize(V)(V), h(V))
    assert h.source.startswith("def bare_hvp(w_dot):")
    assert_allclose(hvp(net.placed, wrt="self.w")(V, X), 4 * X * V, rtol=1e-14)
    assert_allclose(hvp(net.placed, wrt="self.w")(V, X, y=3.0), 6 * X * V, rtol=1e-14)
    with pytest.raises(TypeError, match="followed by its vector"):
        h()
    with pytest.raises(TypeError, match="the vector is None"):
        h(None)
    with pytest.raises(ValueError, match=r"`self\.w` has shape \(2,\)"):
        h(np.ones(2))


def test_what_a_star_has_caught_and_keywords_stand_beside_fields():
    class Fixed(Net):
        def scaled(self, *rest, scale=3.0):
            return self.rest(*rest, scale=scale)

    net = Fixed()
    for mode in ("forward", "reverse"):
        found = jacobian(net.scaled, wrt=("self.w", 1), mode=mode, fallback="error")(X, 2.0)
        assert_allclose(found[0], np.diag(2 * net.w * X * 6), rtol=1e-14)
        assert_allclose(found[1], net.w**2 * X * 3, rtol=1e-14)


def test_a_field_counts_under_every_name():
    class Model:
        def __init__(self):
            self.w = np.ones(3) * 2

        def loss(self, x):
            return np.sum(self.w * alias * MODELS[0].w * x)

    MODELS[:] = [model] = [Model()]
    alias = model.w
    assert_allclose(hessian(model.loss, wrt="self.w")(X), np.diag(12 * X), rtol=1e-14)
    assert_allclose(
        jacobian(model.loss, wrt="self.w", mode="forward")(X),
        jacobian(model.loss, wrt="self.w", mode="reverse")(X),
    )


MODELS: list = []


def test_one_array_in_two_fields_that_wrt_names_has_no_direction_of_its_own():
    net = Net()
    net.layer.w = net.w
    with pytest.raises(UnsupportedSyntaxError, match="twice"):
        hessian(net.loss, wrt=("self.w", "self.layer.w"))(X)
    found = hessian(net.loss, wrt="self.w", matrix=True)(X)

    def tied():
        net = Net()
        net.layer.w = net.w
        return net

    def gradient(w):
        net = tied()
        net.w[:] = w
        return grad(net.loss, wrt="self.w")(X)

    due = [(gradient(net.w + e) - gradient(net.w - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    assert_allclose(found, due, rtol=1e-6, atol=1e-8)


class Powers:
    def __init__(self):
        self.w, self.n, self.t = np.array([0.4, 0.8]), 3, 0.0

    def again(self, x, n):
        return x if n == 0 else self.again(np.sin(x * self.w), n - 1)

    def recursive(self, x, n):
        return np.sum(self.again(x, n))

    def stepping(self, x):
        self.t = self.t + 1.0
        y = [self.w[0] * x[0]]
        while y[-1] < 3.0:
            y.append(y[-1] * 2.0 * self.t)
        return np.array([y[-1], self.w[1]])


@pytest.mark.parametrize("make", [grad, hessian, jacobian])
def test_a_recursive_method_that_reads_the_field_is_refused(make):
    with pytest.raises(UnsupportedSyntaxError, match="recursive"):
        make(Powers().recursive, wrt="self.w")(np.ones(2), 3)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_seeds_one_by_one_find_the_object_as_it_was_or_are_refused(mode, monkeypatch):
    from srcdiff.higher import Table

    monkeypatch.setattr(Table, "_at_once", lambda *args: None)
    net = Net()
    due = by_differences(Net, lambda net: net.looped(X, 3), ["self.w"])
    found = jacobian(net.looped, wrt="self.w", mode=mode, fallback="error")(X, 3)
    assert_allclose(found, due, rtol=1e-6, atol=1e-8)
    with pytest.raises(UnsupportedSyntaxError, match="more than once"):
        jacobian(Powers().stepping, wrt="self.w", mode=mode, fallback="error")(np.ones(2))
    with pytest.raises(UnsupportedSyntaxError, match="more than once"):
        hessian(Net().written_loss, wrt="self.w")(X)
    with pytest.raises(UnsupportedSyntaxError, match="more than once"):
        jacobian(Powers().stepping, mode=mode, fallback="error")(np.ones(2))


def test_what_is_no_float_or_is_not_there_is_refused():
    powers = Powers()
    for make in (hessian, jacobian):
        with pytest.raises(NotDifferentiableTypeError, match=r"self\.n"):
            make(powers.recursive, wrt="self.n")(np.ones(2), 1)
        with pytest.raises(UnknownArgumentError, match=r"self\.q"):
            make(powers.recursive, wrt="self.q")(np.ones(2), 1)
        with pytest.raises(UnknownArgumentError, match="twice"):
            make(Net().loss, wrt=("self.layer", "self.layer.w"))(X)
    with pytest.raises(NotDifferentiableTypeError, match=r"self\.n"):
        hvp(powers.recursive, wrt="self.n")(1.0, np.ones(2), 1)
    with pytest.raises(UnknownArgumentError, match="q"):
        hvp(powers.recursive, wrt="q.w")(1.0, np.ones(2), 1)


def test_the_pattern_of_a_matrix_by_fields_is_to_be_given():
    net, pattern = Net(), np.eye(3)
    sparse = jacobian(net.out, wrt="self.w", sparsity=pattern, fallback="error")(X)
    assert_allclose(sparse.toarray(), jacobian(net.out, wrt="self.w")(X), rtol=1e-13)
    sparse = hessian(net.loss, wrt="self.w", sparsity=pattern)(X)
    assert_allclose(sparse.toarray(), hessian(net.loss, wrt="self.w")(X), rtol=1e-12, atol=1e-15)
    for made in (
        jacobian(net.out, wrt="self.w", sparsity="auto"),
        hessian(net.loss, wrt="self.w", sparsity="auto"),
        jacobian_sparsity(net.out, wrt="self.w"),
    ):
        with pytest.raises(SrcdiffError, match="argument"):
            made(X)


def test_has_aux_and_decorated_methods():
    class Model:
        def __init__(self):
            self.w = np.array([1.0, 2.0])

        @hessian(wrt="self.w")
        def curvature(self, x):
            return np.sum(self.w**3 * x)

        @hvp(wrt="self.w")
        def product(self, x):
            return np.sum(self.w**3 * x)

        @jacobian(wrt="self.w", has_aux=True)
        def slope(self, x):
            return self.w**2 * x, np.sum(x)

    model, x = Model(), np.array([3.0, 4.0])
    due = np.diag(6 * model.w * x)
    assert np.array_equal(model.curvature(x), due)
    assert np.array_equal(model.product(np.ones(2), x), due @ np.ones(2))
    slope, total = model.slope(x)
    assert np.array_equal(slope, np.diag(2 * model.w * x)) and total == 7.0


def test_newton_on_a_field():
    class Rosenbrock:
        def __init__(self):
            self.w = np.array([1.2, 0.8, 1.4])

        def loss(self, a):
            w = self.w
            return np.sum(100 * (w[1:] - w[:-1] ** 2) ** 2 + (a - w[:-1]) ** 2)

    model = Rosenbrock()

    def at(made, *more):
        def given(w, *v):
            model.w = w
            return made(*v, 1.0)

        return given

    found = scipy.optimize.minimize(
        at(model.loss), model.w, jac=at(grad(model.loss, wrt="self.w")),
        hessp=at(hvp(model.loss, wrt="self.w")), method="Newton-CG", tol=1e-10,
    )  # fmt: skip
    assert_allclose(found.x, np.ones(3), rtol=1e-6)


def test_jvp_takes_the_method_of_the_class():
    net = Net()
    still = dataclasses.replace(net.layer, w=None, b=None)
    dot = Net()
    dot.w, dot.k, dot.calls, dot.layer, dot.layers, dot.more = V, None, None, still, None, None
    _, along = jvp(Net.out, (net, X), (dot, None), fallback="error")
    assert_allclose(along, jacobian(net.out, wrt="self.w")(X) @ V, rtol=1e-13)


class Spring(NamedTuple):
    k: np.ndarray
    rest: float


@dataclasses.dataclass
class Chain:
    springs: list
    first: Spring


def stretched(chain, x):
    one, two = chain.springs[0], chain.first
    return np.sum(one.k * (x - one.rest) ** 2) + two.rest * np.sum(two.k * x)


def test_the_fields_of_a_namedtuple_are_named_like_attributes():
    x = np.array([0.5, 1.0, 2.0])
    spring = Spring(x + 1, 3.0)
    chain = Chain([spring], Spring(x + 2, 0.5))
    assert np.allclose(grad(lambda s: np.sum(s.k * x), wrt="s.k")(spring), x)
    for name, expected in {
        "chain.springs[0].k": (x - 3) ** 2, "chain.first.k": 0.5 * x,
        "chain.first.rest": np.sum((x + 2) * x), "chain.first[0]": 0.5 * x,
    }.items():  # fmt: skip
        assert np.allclose(grad(stretched, wrt=name)(chain, x), expected)
        assert np.allclose(jacobian(stretched, wrt=name, mode="forward")(chain, x), expected)
    pair = hessian(stretched, wrt=("chain.first.k", "chain.first.rest"), matrix=True)(chain, x)
    assert np.allclose(pair[3, :3], x) and np.allclose(pair[:3, :3], 0)
    assert np.allclose(hvp(stretched, wrt="chain.first.rest")(chain, 1.0, x), 0)


# ------------------------------------------------ parts, inside a function that is differentiated


def waves(p, o):
    return np.sum(np.sin(p["a"] * o) * p["b"][0] ** 2)


def test_derivatives_by_parts_nest():
    x = np.array([0.3, 0.5, 0.9])
    p = {"a": x, "b": [x + 1, "text"]}
    whole = hessian(waves, matrix=True)(p, 2.0)
    mixed = jacobian(grad(waves, wrt="p.a"), wrt="p.b[0]", fallback="error")(p, 2.0)
    np.testing.assert_allclose(mixed, whole[:3, 3:])
    tangent = {"a": None, "b": [np.ones(3), None]}
    pushed = jvp(grad(waves, wrt="p.a"), (p, 2.0), (tangent, None), fallback="error")[1]
    np.testing.assert_allclose(pushed, whole[:3, 3:] @ np.ones(3))

    def f(a, b, o):
        q = {"a": a, "b": (b, 3)}
        curvature = hessian(waves, wrt="p.a")(q, o)
        by_a, by_b, by_o = hvp(waves, wrt=("p.a", "p.b[0]", "o"))(q, a, b, o, 1.0)
        return np.sum(curvature**2) + by_a @ by_b + by_o * grad(waves, wrt="p.b[0]")(o=o, p=q)[0]

    right(f, x, x + 1, 0.7, wrt=(0, 1, 2))


def doubled(chain, x):
    chain.first.k[0] *= 2.0
    return stretched(chain, x)


def test_a_part_that_is_written_and_many_examples():
    x = np.array([0.5, 1.0, 2.0])
    chain = Chain([], Spring(x + 2, 0.5))
    chain.springs.append(Spring(x + 3, 0.1))

    def f(chain, x):
        by_k, by_x = grad(doubled, wrt=("chain.first.k", "x"))(chain, x)
        return np.sum(by_k * x) + np.sum(by_x)

    right(f, chain, x, wrt=1)
    many = vmap(grad(doubled, wrt="chain.first.k"), in_axes=(None, 0), fallback="error")
    np.testing.assert_allclose(many(chain, np.stack([x, 2 * x])), [
        0.5 * x * [2, 1, 1], x * [2, 1, 1]])  # fmt: skip


@pytest.mark.parametrize("wrt, message", [
    ("p.z", "not there"), ("p.b[7]", "not there"), ("q.a", "Make it an argument"),
    ("p.a.b", "leads into"), (("p", "p.a"), "twice"), ("self.w", "Make it an argument"),
])  # fmt: skip
def test_what_no_part_is_inside_is_refused(wrt, message):
    x = np.array([0.3, 0.5, 0.9])

    def f(x):
        return np.sum(grad(waves, wrt=wrt)({"a": x, "b": [x]}, 2.0))

    with pytest.raises(SrcdiffError, match=message):
        grad(f, fallback="error")(x)
