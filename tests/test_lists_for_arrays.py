"""Where NumPy takes an array_like, a list or a tuple of numbers is the array of them."""

# ruff: noqa: E731

import numpy as np
import pytest

from srcdiff import grad, jacobian, value_and_grad
from tests.judge import judge, right
from tests.tape import tape_gradient

X = np.array([0.3, 1.7])
M = np.array([[2.0, 1.0], [0.5, 3.0]])

OF_A_VECTOR = {
    "outer": lambda x: np.sum(np.outer(x, [1, 2]) ** 2),
    "vdot": lambda x: np.vdot(x, [1, 2]),
    "vdot of two": lambda x: np.vdot([x[0], 2], (1, x[1])),
    "dot of two": lambda x: np.dot([x[0], x[1]], [1, 2]),
    "inner of two": lambda x: np.inner([x[0], 2], [1, x[1]]),
    "kron": lambda x: np.sum(np.kron(x, [1, 2]) ** 2),
    "cross": lambda x: np.sum(np.cross([x[0], x[1], 1], [1, 2, 3])),
    "einsum of three": lambda x: np.einsum("i,ij,j->", x, [[1, 2], [3, 4]], [1, 2]),
    "average": lambda x: np.average(x, weights=[1, 2]),
    "average of floats": lambda x: np.average(x, weights=[1.0, 2.0]),
    "average of a list": lambda x: np.average([x[0], 2], weights=(1, x[1])),
    "interp, where": lambda x: np.sum(np.interp(x, [0, 1, 2], [1, 5, 2])),
    "interp, values": lambda x: np.sum(np.interp([0.5, 1.2], [0, 1, 2], [x[0], x[1], 3])),
    "interp, an array of values": lambda x: np.sum(np.interp((0.5, 0.7), [0, 1], x)),
    "interp of a number": lambda x: np.interp(x[0], [0, 1, 2], [1, 5, 2]),
    "interp by keywords": lambda x: np.interp(x=x[0], xp=[0, 1, 2], fp=[1, 5, x[1]]),
    "interp at one point": lambda x: np.interp(x[0], [1], [x[1]]),
    "solve": lambda x: np.sum(np.linalg.solve([[2, 1], [1, 3]], x)),
    "solve with what moves": lambda x: np.sum(np.linalg.solve([[x[0], 1], [1, 3]], x)),
    "lstsq": lambda x: np.sum(np.linalg.lstsq([[1, 2], [3, 4], [5, 7]], [x[0], 1, x[1]], None)[0]),
    "inv": lambda x: np.sum(np.linalg.inv([[x[0], 1], [1, 3]])),
    "det": lambda x: np.linalg.det(((x[0], 1), (1, 3))),
    "norm": lambda x: np.linalg.norm((x[0], x[1], 2)),
    "convolve": lambda x: np.sum(np.convolve(x, [1, 2, 1]) ** 2),
    "correlate": lambda x: np.sum(np.correlate(x, [1, 2]) ** 2),
    "append": lambda x: np.sum(np.append([1, 2], x) ** 2),
    "vstack": lambda x: np.sum(np.vstack([[1, 2], x]) * np.vstack([x, [1, x[0]]])),
    "hstack": lambda x: np.sum(np.hstack([[1, 2], x]) * np.hstack([x, (1, x[0])])),
    "dstack": lambda x: np.sum(np.dstack([[1, 2], x]) * np.dstack([x, [1, 2]])),
    "column_stack": lambda x: np.sum(np.column_stack([[1, 2], x]) * np.column_stack([x, [1, 2]])),
    "concatenate": lambda x: np.sum(np.concatenate([[1, 2], x]) * np.concatenate([x, [1, 2]])),
    "repeat": lambda x: np.sum(np.repeat([x[0], 2], [1, 2]) ** 2),
    "tile": lambda x: np.sum(np.tile(x, [2, 1]) ** 2),
    "bincount": lambda x: np.sum(np.bincount([0, 1], [x[0], 1]) ** 2),
    "bools": lambda x: np.dot(x, [True, False]),
}
OF_A_MATRIX = {
    "@": lambda m: np.sum((m @ [1, 2]) ** 2),
    "@ a tuple": lambda m: np.sum((m @ (1, 2)) ** 2),
    "list @": lambda m: np.sum(([1, 2] @ m) ** 2),
    "@ nested": lambda m: np.sum((m @ [[1, 2], [3, 4]]) ** 2),
    "@ floats": lambda m: np.sum((m @ [1.0, 2.0]) ** 2),
    "@ what moves": lambda m: np.sum(m @ [m[0, 0], 1]),
    "@ nested, what moves": lambda m: np.sum([[m[0, 0], 1], [2, m[1, 1]]] @ m),
    "@ a comprehension": lambda m: np.sum(m @ [i for i in range(2)]),
    "@ a list of unknown length": lambda m: np.sum(m @ list(range(len(m)))),
    "matmul": lambda m: np.sum(np.matmul(m, [1, 2])),
    "dot": lambda m: np.sum(np.dot(m, [1, 2]) ** 2),
    "method dot": lambda m: np.sum(m.dot([1, m[0, 1]]) ** 2),
    "inner": lambda m: np.sum(np.inner(m, [1, 2]) ** 2),
    "tensordot": lambda m: np.sum(np.tensordot(m, [1, 2], axes=1) ** 2),
    "tensordot by axes": lambda m: np.sum(np.tensordot(m, [[1, 2], [3, 4]], axes=([0], [1])) ** 2),
    "einsum": lambda m: np.sum(np.einsum("ij,j->i", m, [m[0, 0], 2]) ** 2),
    "average": lambda m: np.sum(np.average(m, 0, [1, 2]) ** 2),
    "solve": lambda m: np.sum(np.linalg.solve(m, [1, 2])),
    "roll": lambda m: np.sum(np.roll(m, [1, 1], [0, 1]) * m),
    "reshape": lambda m: np.sum(np.reshape(m, [1, 4]) * [1, 2, 3, 4]),
}
PROGRAMS = {f"{name} ({len(X)})": (f, X) for name, f in OF_A_VECTOR.items()} | {
    f"{name} ({M.shape})": (f, M) for name, f in OF_A_MATRIX.items()
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_list_is_the_array_of_it(name):
    f, x = PROGRAMS[name]
    right(f, x)
    verdict = judge(f, (x,), 0, gradient=tape_gradient)
    assert verdict.outcome == "right", verdict
    forward = jacobian(f, mode="forward", fallback="error")(x)
    np.testing.assert_allclose(forward, grad(f)(x), atol=1e-12)


def test_a_list_in_a_loop_a_branch_and_a_helper():
    def weighted(v, weights):
        return np.dot(v, weights)

    def f(x, n):
        out = np.zeros(3)
        for i in range(n):
            if x[i] > 0.5:
                out[i] = weighted(x, [i, 2])
            else:
                out[i] = weighted([x[0], i], x) * np.interp(x[i], [0, 1, 2], [3, i, 1])
        return np.sum(out**2)

    for n in 0, 1, 2:
        right(f, X, n)


def test_the_gradient_of_a_float32_is_a_float32_beside_ints():
    def f(m):
        return np.sum((m @ [1, 2]) ** 2)

    _, found = right(f, M.astype(np.float32))
    assert found.dtype == np.float32


def test_the_program_computes_with_the_array_of_the_list():
    def f(m):
        return np.sum(m @ [1, 2])

    source = value_and_grad(f, fallback="error")
    source(M)
    assert "np.array([1, 2])" in source.source


def test_a_shape_stays_a_list():
    def f(x):
        return np.sum(np.reshape(x, [2, 1]) @ np.ones((1, 2)))

    df = grad(f, fallback="error")
    df(X)
    assert "np.array(" not in df.source
