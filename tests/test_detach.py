"""`detach` of containers: nothing that is read from them is differentiated."""

import collections
import dataclasses

import numpy as np
import pytest

from srcdiff import (
    UnsupportedSyntaxError,
    detach,
    grad,
    hessian,
    jacobian_sparsity,
    jvp,
    vmap,
)
from tests.tape import value_and_grad_on_tape

X = np.array([0.5, -1.0, 2.0])
Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Model:
    w: np.ndarray
    name: str = "model"

    def loss(self, x):
        return np.sum(detach(self).w * self.w * x)


@pytest.mark.parametrize("make, of", [
    (lambda x: {"w": x, "n": 3}, lambda p: p["w"]),
    (lambda x: [1.0, x], lambda p: p[1]),
    (lambda x: (x, "text"), lambda p: p[0]),
    (lambda x: Pair(x, [x]), lambda p: p.a),
    (lambda x: Model(x), lambda p: p.w),
    (lambda x: {"layers": [Model(x)]}, lambda p: p["layers"][0].w),
])  # fmt: skip
def test_what_is_read_from_a_detached_container_is_a_constant(make, of):
    def f(p):
        return np.sum(of(detach(p)) * of(p))

    def made(x):
        p = make(x)
        return np.sum(of(detach(x=p)) * of(p))

    np.testing.assert_allclose(of(grad(f, fallback="error")(make(X))), X)
    np.testing.assert_allclose(grad(made, fallback="error")(X), X)
    assert jvp(made, (X,), (np.ones(3),), fallback="error")[1] == X.sum()


def test_in_a_loop_and_in_second_order_and_for_many():
    def descended(p, n):
        for _ in range(n):
            held = detach(p)
            p = {"w": p["w"] - 0.1 * held["w"] ** 3}
        return np.sum(p["w"] ** 2)

    end = X.copy()
    for _ in range(3):
        end -= 0.1 * end**3
    df = grad(descended, fallback="error")
    np.testing.assert_allclose(df({"w": X}, 3)["w"], 2 * end)
    np.testing.assert_allclose(hessian(descended)({"w": X}, 3)["w"]["w"], 2 * np.eye(3))
    many = vmap(df, in_axes=(0, None), fallback="error")({"w": np.stack([X, X])}, 3)
    np.testing.assert_allclose(many["w"], [2 * end] * 2)


def test_a_list_of_run_time_length():
    def f(x):
        squares = []
        for i in range(len(x)):
            squares.append(x[i] ** 2)
        total = 0.0
        for a, b in zip(squares, detach(squares)):
            total += a * b
        return total

    np.testing.assert_allclose(grad(f, fallback="error")(X), 2 * X**3)


def test_an_object_whose_attributes_are_differentiated():
    model = Model(X.copy())
    np.testing.assert_allclose(grad(Model.loss, fallback="error")(model, X).w, X * X)
    with pytest.raises(UnsupportedSyntaxError, match="`detach` of a `Model`"):
        grad(model.loss, wrt="self.w")(X)
    np.testing.assert_allclose(grad(model.loss)(X), X * X)


@pytest.mark.parametrize("first", [True, False])
def test_neither_container_changes_while_the_other_can_be_seen(first):
    def f(p):
        held = detach(p)
        if first:
            p["w"] = p["w"] * 2.0
        else:
            held["w"] = held["w"] * 2.0
        return np.sum(held["w"] * p["w"])

    with pytest.raises(UnsupportedSyntaxError):
        grad(f, fallback="error")({"w": X})
    with pytest.raises(UnsupportedSyntaxError):
        grad(f)({"w": X})


def test_on_the_tape_a_tuple_is_detached_and_what_can_be_changed_is_refused():
    def of_tuple(x):
        pair = (x, [1.0])
        return np.sum(detach(pair)[0] * pair[0]) * detach([2.0])[0]

    def of_list(x):
        return np.sum(detach([x])[0] * x)

    np.testing.assert_allclose(value_and_grad_on_tape(of_tuple)(X)[1], 2 * X)
    with pytest.raises(UnsupportedSyntaxError, match="`detach` of a list"):
        value_and_grad_on_tape(of_list)(X)


def test_a_function_is_refused_since_what_it_reads_would_move():
    def f(x):
        def scaled(y):
            return x * y

        return np.sum(detach(scaled)(2.0))

    with pytest.raises(UnsupportedSyntaxError, match="`detach` of the function"):
        grad(f, fallback="error")(X)


def test_what_is_detached_is_not_in_the_pattern_of_a_matrix():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = detach(x[0]) * x[i] + detach({"last": x})["last"][-1]
        return y

    np.testing.assert_array_equal(jacobian_sparsity(f)(X).toarray(), np.eye(3, dtype=bool))


def test_a_number_that_is_summed_is_not_made_an_array():
    df = grad(lambda x: np.sum(x**2) * np.sum(x), fallback="error")
    assert np.isclose(df(2.0), 12.0) and "np.array" not in df.source
