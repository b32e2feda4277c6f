"""Functions with rules of their own."""

from typing import Any, NamedTuple

import numpy as np

from srcdiff import custom_vjp, implicit, jvp_rule, nondifferentiable, vjp_rule
from tests.gallery import some
from tests.support import line


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@vjp_rule(softplus)
def softplus_vjp(d_out, out, x):
    return d_out / (1 + np.exp(-x))


def lever(x, y):
    return x * y + x


@jvp_rule(lever)
def lever_jvp(x_dot, y_dot, out, x, y):
    return x_dot * (y + 1) + x * y_dot


@nondifferentiable
def bucket(x):
    return np.floor(x * 4) / 4


@line("`vjp_rule`: in a loop, in both branches of an `if`", some(4))
def declared_in_a_loop(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            s = s + softplus(x[i]) * x[i]
        else:
            s = s - softplus(s * x[i])
    return s


class Scaling(NamedTuple):
    gain: Any
    shift: Any


def scaled(p, x):
    return p["by"].gain * x + p["by"].shift


@vjp_rule(scaled)
def scaled_vjp(d_out, out, p, x):
    by = Scaling(np.sum(d_out * x), np.sum(d_out))
    return {"by": by}, d_out * p["by"].gain


@line("`vjp_rule`: a dict and a namedtuple as the argument", some(4))
def declared_of_containers(x):
    s = 0.0
    for i in range(len(x)):
        p = {"by": Scaling(x[i], s)}
        if x[i] > 0:
            s = s + np.sum(scaled(p, x) ** 2) * 0.1
    return s


@line("`vjp_rule`: what it gives is stored and read again", some(4))
def declared_and_stored(x):
    out = np.zeros(len(x) + 1)
    for i in range(len(x)):
        out[i + 1] = softplus(out[i] + x[i])
    return np.sum(out**2)


@line("`jvp_rule` alone, in reverse mode", some(3), some(3))
def forward_rule_alone(x, y):
    return np.sum(lever(x, y) ** 2)


@custom_vjp
def halved(x):
    return np.tanh(x / 2)


def halved_fwd(x):
    y = np.tanh(x / 2)
    return y, y


def halved_bwd(y, d_out):
    return (d_out * (1 - y**2) / 2,)


halved.defvjp(halved_fwd, halved_bwd)


@line("`custom_vjp`: in a loop that stores", some(4))
def pair_in_a_loop(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = halved(x[i]) * (out[i - 1] + 1.0)
    return np.sum(out)


def cubic(x, a):
    return x**3 + x - a


@implicit(cubic)
def cubic_root(a):
    x = np.zeros_like(a)
    for _ in range(40):
        x = x - cubic(x, a) / (3 * x**2 + 1)
    return x


@line("`implicit`: a solution by the implicit function theorem", some(3))
def solved_in_a_loop(a):
    for _ in range(2):
        a = cubic_root(a * 2.0)
    return np.sum(a**2)


@line("`nondifferentiable`", some(3))
def nondifferentiable_buckets(x):
    total = 0.0
    for each in x:
        total += bucket(each) * each
    return total


@line("lists of numbers where NumPy takes an array: products, `interp`", some(2), some(2, 2))
def lists_for_arrays(x, m):
    total = np.dot(m @ [1, 2], [x[0], 3])
    for each in x:
        total += np.interp(each, [0, 1, 2], [1, 5, x[1]])
    return total + np.average(x, weights=[1, 2]) * np.einsum("ij,j->", m, (2, x[0]))


@line("lists of numbers where NumPy takes a matrix: `solve`, `vstack`", some(2), some(2))
def lists_for_matrices(x, b):
    y = np.linalg.solve([[5, 1], [x[0], 7]], b)
    if y[0] > 0:
        y = np.vstack([y, [1, 2]]) @ [x[1], 1]
    return np.sum(y**2) + np.linalg.norm(np.kron(x, [1, 2]))
