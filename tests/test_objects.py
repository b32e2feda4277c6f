"""Objects of the user's classes: as arguments, with gradients of their structure; `self.w`."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

from srcdiff import (
    UnknownArgumentError,
    UnsupportedSyntaxError,
    elementwise_grad,
    grad,
    value_and_grad,
    vjp,
)
from tests.judge import judge, right
from tests.tape import value_and_grad_on_tape


class Layer:
    def __init__(self, w, b, act=np.tanh):
        self.w, self.b, self.act = w, b, act

    def __call__(self, x):
        return self.act(x @ self.w + self.b)


class Net:
    def __init__(self):
        r = np.random.default_rng(0)
        self.layers = [Layer(r.normal(size=(3, 4)), np.zeros(4)), Layer(r.normal(size=(4, 2)), 0.5)]
        self.name, self.scale, self.calls = "net", 2.0, 0
        self.more = {"k": np.ones(2)}

    def loss(self, x):
        for layer in self.layers:
            x = layer(x)
        self.calls += 1
        return self.scale * np.sum(x**2) + np.sum(self.more["k"])


X = np.random.default_rng(1).normal(size=(5, 3))


def slope(net, owner, name):
    """The derivative of the loss by an attribute, by differences."""
    old = getattr(owner, name)
    found = np.zeros(np.shape(old))
    for at in np.ndindex(found.shape):
        values = []
        for sign in (1, -1):
            step = np.zeros(found.shape)
            step[at] = sign * 1e-6
            setattr(owner, name, old + step)
            values.append(net.loss(X))
        found[at] = (values[0] - values[1]) / 2e-6
    setattr(owner, name, old)
    return found


@pytest.mark.parametrize("on_tape", [False, True])
def test_an_object_is_an_argument_and_its_gradient_has_its_structure(on_tape):
    net = Net()
    df = value_and_grad_on_tape(Net.loss) if on_tape else value_and_grad(Net.loss, fallback="error")
    value, g = df(net, X)
    assert net.calls == 0, "the argument was changed"
    assert type(g) is Net and type(g.layers[1]) is Layer
    assert np.allclose(value, net.loss(X))
    assert np.allclose(g.layers[0].w, slope(net, net.layers[0], "w"), atol=1e-4)
    assert np.allclose(g.layers[1].b, slope(net, net.layers[1], "b"), atol=1e-4)
    assert np.allclose(g.scale, slope(net, net, "scale"), atol=1e-4)
    assert np.array_equal(g.more["k"], np.ones(2))
    assert g.name is None and g.calls is None and g.layers[0].act is None


def test_numbers_in_an_object_may_change_without_a_recompile():
    net, df = Net(), grad(Net.loss, fallback="error")
    df(net, X)
    net.calls, net.scale = 17, 3.0
    net.layers[0].w = net.layers[0].w * 2
    assert np.allclose(df(net, X).scale, slope(net, net, "scale"), atol=1e-4)
    assert sum(map(len, df._codes.values())) == 1
    net.layers[0].act = np.sin
    assert np.allclose(df(net, X).scale, slope(net, net, "scale"), atol=1e-4)


def test_an_attribute_of_self_is_a_leaf():
    net = Net()
    df = grad(net.loss, wrt=("self.layers[0].w", "self.scale", "x"), fallback="error")
    for _ in range(3):
        before = net.calls
        d_w, d_scale, d_x = df(X)
        assert net.calls == before + 1
        assert np.allclose(d_w, slope(net, net.layers[0], "w"), atol=1e-4)
        assert np.allclose(d_scale, slope(net, net, "scale"), atol=1e-4)
        assert np.allclose(d_x, grad(net.loss)(X))
        net.layers[0].w = net.layers[0].w - 0.1 * d_w
    part = grad(net.loss, wrt="self.layers[-1]", fallback="error")(X)
    assert type(part) is Layer
    assert np.allclose(part.b, slope(net, net.layers[1], "b"), atol=1e-4)


def test_a_leaf_of_self_counts_under_every_name():
    class Model:
        def __init__(self):
            self.k, self.w = 2.0, np.ones(3)

        def loss(self, x):
            return self.k * MODEL.k * np.sum(x * self.w * alias)

    global MODEL
    MODEL = model = Model()
    alias = model.w
    d_k, d_w = grad(model.loss, wrt=("self.k", "self.w"), fallback="error")(np.ones(3))
    assert d_k == 12.0
    assert np.array_equal(d_w, np.full(3, 8.0))


MODEL = None


def test_names_lead_into_arguments():
    def f(params, x):
        return np.sum(params["w"] * x) * params["b"][1]

    params = {"w": X, "b": (1.0, 2.0)}
    assert np.allclose(grad(f, wrt="params.w", fallback="error")(params, X), 2 * X)
    assert np.allclose(grad(f, wrt="params['b'][-1]", fallback="error")(params, X), np.sum(X * X))
    for wrong in ("params.q", "params.w.q", "x[", "q.w", "params[0]"):
        with pytest.raises(UnknownArgumentError):
            grad(f, wrt=wrong)(params, X)
    with pytest.raises(UnknownArgumentError, match="twice"):
        grad(f, wrt=("params", "params.w"))(params, X)


@dataclasses.dataclass
class Params:
    w: np.ndarray
    k: float = 2.0
    n: int = 3

    def __post_init__(self):
        self.more = self.w * 2

    def apply(self, x):
        return np.sum(self.w * x) * self.k


def changes_its_argument(p, x):
    p.k = p.k * 2
    p.w[0] = 7.0
    p.fresh = x
    return p.apply(p.fresh) + np.sum(p.more)


def test_what_a_function_stores_in_its_argument_stays_private():
    p, x = Params(np.ones(3)), np.arange(3.0)
    g = grad(changes_its_argument, fallback="error")(p, x)
    assert p.k == 2.0 and np.array_equal(p.w, np.ones(3)) and not hasattr(p, "fresh")
    assert np.array_equal(g.w, [0, 4, 8]) and np.array_equal(g.more, np.ones(3))
    assert g.n is None and g.k == 6.0
    value, pull = vjp(changes_its_argument, p, x)
    d_p, d_x = pull(1.0)
    assert value == changes_its_argument(Params(np.ones(3)), x)
    assert np.array_equal(d_p.w, g.w) and np.array_equal(d_x, [28, 4, 4])


def test_one_object_in_two_places_is_one_object():
    def tied(pair):
        pair[0].k = pair[1].k * 3
        return pair[0].k * pair[1].k * np.sum(pair[1].w)

    p = Params(np.ones(2))
    g = grad(tied, fallback="error")([p, p])
    assert g[0].k == g[1].k == 2 * 9 * 2.0 * 2
    assert not np.shares_memory(g[0].w, g[1].w)
    with pytest.raises(UnsupportedSyntaxError):  # two objects that share an array
        grad(changes_its_argument)(Params(X[0]), X[0])


def test_an_object_that_holds_itself_is_a_constant():
    class Node:
        def __init__(self):
            self.v, self.other = 2.0, None

    one, two = Node(), Node()
    one.other, two.other = two, one
    df = grad(lambda x, n: x * n.v * n.other.v, fallback="error")
    assert df(3.0, one) == 4.0
    one.v = 5.0
    assert df(3.0, one) == 10.0


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


def test_slots_are_attributes():
    def f(s):
        s.a = s.a * s.b
        return np.sum(s.a)

    g = grad(f, fallback="error")(Slotted(np.ones(2), 3.0))
    assert np.array_equal(g.a, [3, 3]) and g.b == 2.0


class State:
    def __init__(self, x):
        self.x, self.t = x, 0

    def step(self, dt):
        self.x = self.x + dt * np.sin(self.x)
        self.t += 1


def evolved(x, n):
    state = State(x * 1)
    history = [state]
    for i in range(n):
        if np.sum(state.x) > 0:
            state.step(0.1)
        else:
            state.x[i % 2] *= 2.0
    return np.sum(history[0].x ** 2) + state.t


def replaced(x, n):
    state = State(x)
    for _ in range(n):
        new = State(state.x * 0.5)
        new.t = state.t + 1
        state = new
    return np.sum(state.x) * state.t


def one_of_two(x):
    a, b = State(x * 2), State(x * 3)
    c = a if x[0] > 0.2 else b
    return np.sum(c.x) * np.sum(a.x)


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_objects_in_loops_and_branches(n, dtype):
    for x in (np.array([0.3, 0.7], dtype), np.array([-0.3, -0.9], dtype)):
        right(evolved, x, n)
        right(replaced, x, n)
        right(one_of_two, x)


def test_a_change_of_what_may_be_one_of_two_objects_is_refused():
    def f(x):
        a, b = State(x * 2), State(x * 3)
        c = a if x[0] > 0.2 else b
        c.t = 3
        return np.sum(c.x) * a.t

    with pytest.raises(UnsupportedSyntaxError, match="one of two objects"):
        grad(f, fallback="error")(np.ones(2))


def test_a_method_that_is_replaced_takes_effect():
    class Model:
        def scale(self):
            return 2.0

        def loss(self, x):
            return x * self.scale()

    model = Model()
    df = grad(model.loss, fallback="error")
    assert df(1.0) == 2.0
    Model.scale = lambda self: 3.0
    assert df(1.0) == 3.0
    model.scale = lambda: 4.0
    assert df(1.0) == 4.0


@dataclasses.dataclass
class Output:
    total: float
    parts: list


class Both(NamedTuple):
    total: float
    twice: np.ndarray


def test_objects_are_returned_as_what_they_are():
    def f(x):
        state = State(x * 2)
        return np.sum(x), (Output(np.sum(x), [x * 2, state]), Both(np.sum(x), x * 2), state)

    x = np.ones(2)
    (value, (output, both, state)), g = value_and_grad(f, has_aux=True, fallback="error")(x)
    assert type(output) is Output and type(both) is Both and type(state) is State
    assert output.parts[1] is state and state.t == 0
    assert np.array_equal(state.x, [2, 2]) and both.total == 2.0
    assert np.array_equal(g, [1, 1])
    for made in (lambda x: Output(np.sum(x), [x * 2]), lambda x: Both(np.sum(x), x * 2)):
        assert np.array_equal(elementwise_grad(made, fallback="error")(x), [3, 3])
        value, pull = vjp(made, x)
        assert np.array_equal(pull(value)[0], [6, 6])


def test_an_object_that_is_stored_outside_is_made_there():
    def f(x):
        STATES["last"] = Output(np.sum(x), [])
        STATES["last"].parts.append(x * 2)
        return np.sum(STATES["last"].parts[0])

    x = np.ones(2)
    assert np.array_equal(grad(f, fallback="error")(x), [2, 2])
    assert type(STATES["last"]) is Output and np.array_equal(STATES["last"].parts, [[2, 2]])


STATES: dict = {}


class Defaults:
    h = 2.0


def own_or_of_the_class(o, x):
    return o.h


def is_there(o, x):
    return 2.0 if hasattr(o, "h2") else 3.0


def in_its_dict(o, x):
    return len(vars(o)) + 2.0 * ("h" in o.__dict__)


def is_caught(o, x):
    try:
        return o.h2
    except AttributeError:
        return 3.0


@pytest.mark.parametrize("read", [own_or_of_the_class, is_there, in_its_dict, is_caught])
@pytest.mark.parametrize("loop", [False, True])
def test_an_attribute_that_only_some_paths_set(read, loop):
    def branch(x, n):
        o = Defaults()
        if n > 1:
            o.h = np.sum(x)
            o.h2 = np.sum(x) * 2
        return np.sum(x) * read(o, x)

    def steps(x, n):
        o = Defaults()
        for i in range(n):
            o.h = np.sum(x) * i
            o.h2 = np.sum(x) * 2
        return np.sum(x) * read(o, x)

    x = np.array([0.4, 0.5, 0.6])
    verdict = judge(steps if loop else branch, (x, 3), others=((x, 0), (x, 1)))
    assert verdict.outcome == "refused", verdict


class Scale:
    def __init__(self, w):
        self.w = w

    def __eq__(self, other):  # and so it has no hash
        return self.w == other.w

    def __call__(self, x):
        return x * self.w


class Table(dict):
    def __call__(self, x):
        return x * self["w"]


SCALE, TABLE = Scale(2.0), Table(w=3.0)


def test_objects_without_a_hash_are_called():
    right(lambda x: SCALE(x) * TABLE(x) * x, 1.5)
    right(lambda x: Scale(x)(x) * x, 1.5)


@dataclasses.dataclass
class Kernel:
    """It compares by value, so that it has no hash."""

    width: float
    height: float

    def __call__(self, x):
        return self.height**2 * np.exp(-self.width * x**2)

    def loss(self, x):
        return np.sum(self(x) ** 2)


KERNEL = Kernel(0.7, 2.0)
CUBIC = np.poly1d([1.0, 2.0, 3.0, 4.0])
SERIES = np.polynomial.Polynomial([1.0, 2.0, 3.0])


@pytest.mark.parametrize("f", [
    KERNEL.loss, lambda x: np.sum(KERNEL(x)), lambda x: np.sum(CUBIC(x)),
    lambda x: np.sum(SERIES(x)),
])  # fmt: skip
def test_what_is_called_may_have_no_hash(f):
    x = np.array([0.3, -0.5])
    right(f, x)
    np.testing.assert_allclose(value_and_grad_on_tape(f)(x)[1], grad(f, fallback="error")(x))


def test_the_attributes_of_a_callable_without_a_hash():
    x = np.array([0.3, -0.5])
    found = grad(Kernel.loss, fallback="error")(KERNEL, x)
    by_field = grad(KERNEL.loss, wrt=("self.width", "self.height"), fallback="error")(x)
    assert np.allclose(by_field, (found.width, found.height))
