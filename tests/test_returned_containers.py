"""What a function returns may be a list of any length, a dict, an object, one array twice."""

import collections

import numpy as np
import pytest

import srcdiff
from srcdiff import NotDifferentiableTypeError, elementwise_grad, jacobian, jvp, pullback, vjp
from tests.tape import squared, value_and_grad_on_tape

X = np.array([1.0, 2.0, 3.0])


def appended(x):
    out = []
    for i in range(len(x)):
        out.append(np.sin(x) * i)
    return out


def comprehension(x):
    return [v**2 for v in x]


def of_an_array(x):
    return list(x**2)


def to_list(x):
    return (x**2).tolist()


def joined(x):
    return [x[0]] + [x[1] * i for i in range(len(x))]


def rest(x):
    _, *others = x
    return others


def nested(x):
    return [[v * j for j in range(2)] for v in x]


def chosen(x):
    return [v**2 for v in x if v > 1.5]


def of_one_branch(x):
    if x[0] > 0:
        return [2 * x]
    return [x, 3 * x]


def states_and_last(x):
    h, hs = x, []
    for _ in range(len(x)):
        h = np.tanh(h * x)
        hs.append(h)
    return h, hs


def twice(x):
    h = np.sin(x)
    return h, h


def list_twice(x):
    out = [v**2 for v in x]
    return out, {"again": out}


def parts_of_one(x):
    h = x**2
    return {"h": h, "out": h, "half": h[:2]}


def key_of_one_branch(x):
    d = {"a": x}
    if np.sum(x) < 100:
        d["b"] = x**2
    return d


FUNCTIONS = [
    appended, comprehension, of_an_array, to_list, joined, rest, nested, chosen, of_one_branch,
    states_and_last, twice, list_twice, parts_of_one, key_of_one_branch,
]  # fmt: skip
ON_TAPE = "ignore::srcdiff.FallbackWarning"


def flat(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        return np.concatenate([flat(part) for part in tree]) if tree else np.zeros(0)
    return np.ravel(tree)


def differences(f):
    def column(j):
        step = 1e-6 * np.eye(3)[j]
        return (flat(f(X + step)) - flat(f(X - step))) / 2e-6

    return np.stack([column(j) for j in range(3)], axis=1)


def weights_like(tree, rng):
    if isinstance(tree, dict):
        return {k: weights_like(v, rng) for k, v in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(weights_like(v, rng) for v in tree)
    return rng.normal(size=np.shape(tree))[()]


@pytest.mark.filterwarnings(ON_TAPE)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_every_element_of_what_is_returned_counts(f):
    J, rng = differences(f), np.random.default_rng(0)
    d_out = weights_like(f(X), rng)
    close = {"rtol": 1e-6, "atol": 1e-8}
    np.testing.assert_allclose(elementwise_grad(f)(X), J.sum(0), **close)
    np.testing.assert_allclose(pullback(f)(X, d_out)[0], flat(d_out) @ J, **close)
    np.testing.assert_allclose(vjp(f, X)[1](d_out)[0], flat(d_out) @ J, **close)
    np.testing.assert_allclose(flat(jvp(f, (X,), (np.ones(3),))[1]), J.sum(1), **close)
    for mode in ("fwd", "rev", "auto"):
        np.testing.assert_allclose(jacobian(f, mode=mode, matrix=True)(X), J, **close)


def value_of(f):
    def total(x):
        return sum_of(f(x))

    return total


def sum_of(tree):
    if isinstance(tree, dict):
        return sum(sum_of(v) for v in tree.values())
    if isinstance(tree, list | tuple):
        return sum(sum_of(v) for v in tree)
    return np.sum(tree)


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if f not in (list_twice,)])
def test_on_the_tape_too(f):
    _, d = value_and_grad_on_tape(f, seed="ones")(X)
    np.testing.assert_allclose(d, differences(f).sum(0), rtol=1e-6, atol=1e-8)


def test_cotangents_of_lists_stay_as_they_are():
    d_out = [np.ones(3) for _ in X]
    elementwise_grad(appended)(X)
    pull = pullback(appended)
    pull(X, d_out)
    function = pull.specialize(X, d_out)
    function(X, d_out=d_out)
    np.testing.assert_array_equal(d_out, np.ones((3, 3)))


class State:
    def __init__(self, h):
        self.h = h


@pytest.mark.filterwarnings(ON_TAPE)
def test_what_is_written_and_returned_on_the_tape_keeps_its_gradient():
    def by_elements(x):
        return np.sin(x) + 0 * squared(x)

    def listed(x):
        out = []
        out.append(by_elements(x))
        return out

    def keyed(x):
        out = {}
        out["a"] = by_elements(x)
        return out

    def in_an_object(x):
        return State(by_elements(x))

    def ordered(x):
        return collections.OrderedDict(a=by_elements(x))

    for f in (listed, keyed, in_an_object):
        np.testing.assert_allclose(elementwise_grad(f)(X), np.cos(X), 1e-14)
    with pytest.raises(NotDifferentiableTypeError, match="returns a OrderedDict"):
        elementwise_grad(ordered)(X)


def test_the_source_of_a_list_reads_as_it_was_written():
    pull = srcdiff.pullback(appended, fallback="error")
    pull(X, [np.ones(3)] * 3)
    assert pull.source == (
        "def appended_vjp(x, d_out):\n"
        "    out = [np.sin(x) * i for i in range(len(x))]\n"
        "    # adjoint\n"
        "    d_out = [item.copy() for item in d_out]\n"
        "    d_x = np.zeros_like(x)\n"
        "    for i in reversed(range(len(x))):\n"
        "        d_t = d_out.pop()\n"
        "        d_x += d_t * i * np.cos(x)\n"
        "    return out, (d_x,)\n"
    )


def test_a_tuple_that_grows_in_a_dict_that_each_step_makes_anew_is_all_there():
    def f(x):
        s = {"h": x, "t": 0, "path": ()}
        for _ in range(3):
            s = {**s, "h": 2 * s["h"], "t": s["t"] + 1}
            s["path"] = s["path"] + (s["h"],)
        return s["path"]

    value, pull = vjp(f, X)
    np.testing.assert_array_equal(value, f(X))
    np.testing.assert_array_equal(pull(value)[0], (4 + 16 + 64) * X)
    np.testing.assert_array_equal(elementwise_grad(f)(X), 14 * np.ones(3))
    np.testing.assert_array_equal(jacobian(f, matrix=True)(X)[3:6], 4 * np.eye(3))


def test_a_tuple_that_grows_in_an_object_that_each_step_makes_anew_is_all_there():
    class Step:
        def __init__(self, h, t, path):
            self.h, self.t, self.path = h, t, path

    def f(x):
        s = Step(x, 0, ())
        for _ in range(3):
            s = Step(2 * s.h, s.t + 1, s.path)
            s.path = s.path + (s.h,)
        return s.path

    np.testing.assert_array_equal(vjp(f, X)[0], f(X))
    np.testing.assert_array_equal(elementwise_grad(f)(X), 14 * np.ones(3))


def test_the_best_of_a_loop_which_is_written_after_it_may_be_returned():
    def f(x):
        best = None
        for i in range(3):
            c = x * (i - 1)
            if best is None or c.sum() > best.sum():
                best = c
        best[0] += x[1] ** 2
        return best

    np.testing.assert_array_equal(vjp(f, X)[0], f(X))
    np.testing.assert_array_equal(elementwise_grad(f)(X), [1, 5, 1])
