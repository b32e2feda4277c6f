"""Small functions to differentiate, one idea each and named for it, with arguments.

    for example in EXAMPLES: judge(example.f, example.args, example.wrt)

`example(f, *args, wrt=0)` follows each function. Whoever calls one passes copies of the arguments
(`example.fresh()`): many of these functions write into what they are given.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.judge import fresh


class Example(NamedTuple):
    name: str
    f: Callable
    args: tuple
    wrt: Any

    def fresh(self) -> tuple:
        return fresh(self.args)


EXAMPLES: list[Example] = []


def example(f: Callable, *args, wrt: Any = 0, name: str = "") -> None:
    EXAMPLES.append(Example(name or f.__name__, f, args, wrt))


def by_name(name: str) -> Example:
    return next(e for e in EXAMPLES if e.name == name)


def some(*shape: int, start: float = 0.0) -> np.ndarray:
    """Numbers between -1 and 1 without ties, the same on every run."""
    return np.sin(start + 1.3 * np.arange(1.0, 1.0 + math.prod(shape)) ** 1.1).reshape(shape)


def positive(*shape: int, start: float = 0.0) -> np.ndarray:
    """Numbers between 0.5 and 2."""
    return 1.25 + 0.75 * some(*shape, start=start)


# Straight lines


def toy(x):
    return 2 * np.dot(x, x)


example(toy, np.array([0.0, 1.0, 2.0, 3.0]))


def norm(x):
    return np.linalg.norm(x)


example(norm, some(5))


def scalar_math(x, y):
    r = math.sqrt(x * x + y * y)
    return math.sin(x) * math.exp(-y) / r + x**3 - math.atan2(y, x)


example(scalar_math, 0.7, 1.2, wrt=(0, 1))


def logistic_loss(w, b, x, t):
    z = x @ w + b
    return np.mean(np.log1p(np.exp(-t * z))) + 0.01 * np.sum(w**2)


example(logistic_loss, some(3), 0.1, some(6, 3), np.array([1.0, -1, 1, 1, -1, -1]), wrt=("w", "b"))


def loss(w, b, x, t):
    h = np.tanh(x @ w + b)
    return np.mean((h - t) ** 2)


example(loss, some(3, 2), some(2), some(5, 3, start=1), some(5, 2, start=2), wrt=(0, 1))


def broadcasting(a, b, c):
    return np.sum(a * b + c / (1 + b**2)) + np.mean(a - c)


example(broadcasting, some(4), positive(3, 1), 0.3, wrt=(0, 1, 2))


def reductions(m):
    return np.sum(m.mean(axis=0) ** 2) + np.prod(m[0]) + m.max() * m.min() + m.sum(axis=1)[1]


example(reductions, positive(3, 4))


def shapes(x, y):
    m = x.reshape(2, 3)
    n = np.concatenate([m, y[None, :], np.stack([y, 2 * y])])
    return np.sum(np.sin(n.T @ n)) + n.ravel()[3]


example(shapes, some(6), some(3, start=4), wrt=(0, 1))


def where_and_clip(x):
    return np.sum(np.where(x > 0, x**2, -x) * np.clip(x, -0.5, 0.8) + np.maximum(x, 0.1))


example(where_and_clip, some(7))


def repeated_index_read(x, i):
    return np.sum(x[i] ** 2) + x[[0, 0, -1]].sum() * x[2]


example(repeated_index_read, some(4), np.array([1, 1, 3, 0, 1]))


def unused_argument(x, y):
    return np.sum(y**2)


example(unused_argument, some(3), some(2), wrt=(0, 1))


def float32_argument(x):
    return np.sum(np.sin(x) * x)


example(float32_argument, some(4).astype(np.float32))


# Branches


def branch(x):
    if x.sum() > 0:
        y = np.sin(x)
    elif x[0] > -3:
        y = x**2
    else:
        y = x
    return np.sum(y * x)


example(branch, some(4))
example(branch, -1 - positive(4), name="branch_not_taken")


def early_return(x):
    if x[0] < 0:
        return np.sum(x)
    y = np.exp(x)
    if y[0] > 100:
        return y[0]
    return np.sum(y * x)


example(early_return, positive(3))
example(early_return, -positive(3), name="early_return_taken")


def early_return_in_a_loop(x, limit):
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] ** 2
        if total > limit:
            return total * x[i]
    return total


example(early_return_in_a_loop, positive(6), 3.0)
example(early_return_in_a_loop, positive(6), 300.0, name="early_return_in_a_loop_not_taken")


def conditional_expression(x, y):
    a = x if x > y else y * y
    return a * (3.0 * x if y > 0 else math.cos(x))


example(conditional_expression, 0.4, 0.9, wrt=(0, 1))


def and_or(x, y):
    z = (x > 5.0 and x) or y
    if not (x > 1.0 or y < 0.0):
        z = z * x
    return z * y


example(and_or, 0.4, 0.9, wrt=(0, 1))


def and_or_of_values(x):
    a = x[0] and x[1]
    b = x[2] or x[3]
    return a * b + a


example(and_or_of_values, np.array([0.5, 0.7, 0.9, 1.1]))


def chained_comparison(x):
    total = 0.0
    for v in x:
        if -0.5 < v <= 0.5:
            total += v**2
        elif 0.5 < v < 2:
            total += 3 * v
    return total


example(chained_comparison, np.array([0.1, 0.7, -0.9, -0.3]))


# Loops


def doubling(a):
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if np.sum(b) > 0:
        c = b
    else:
        c = 100 * b
    return c


example(doubling, np.array([0.7]))
example(doubling, np.array([-0.7]), name="doubling_of_a_negative_number")


def rnn(w, x):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h)


example(rnn, some(3, 3), some(4, 3, start=1), wrt=(0, 1))


def heat(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


example(heat, some(8), 0.2, 5)
example(heat, some(8), 0.2, 5, wrt=(0, 1), name="heat_with_k")


def newton_while(a):
    x = a
    while abs(x * x - a) > 1e-14:
        x = 0.5 * (x + a / x)
    return x


example(newton_while, 2.5)


def while_with_a_counter(x, n):
    i = 0
    y = x
    while i < n:
        y = math.sin(y) + x * i
        i += 1
    return y


example(while_with_a_counter, 0.6, 5)
example(while_with_a_counter, 0.6, 0, name="while_that_does_not_run")


def break_out(x, limit):
    s = 1.0
    for i in range(len(x)):
        s = s * (1 + x[i])
        if s > limit:
            break
        s = s + x[i]
    return s * x[0]


example(break_out, positive(6), 5.0)
example(break_out, positive(6), 1e9, name="break_never")


def continue_on(x):
    s = 1.0
    for v in x:
        if v < 0:
            continue
        s = s * np.cos(v) + v
    return s


example(continue_on, some(6))


def loop_else(x):
    y = x[0]
    for v in x:
        if v > 10:
            y = v
            break
    else:
        y = y * x[1]
    return y * y


example(loop_else, some(4))


def while_true(x):
    y = x
    n = 0
    while True:
        y = y * 1.5
        n += 1
        if y > 8 or n > 20:
            break
        y = y + x
    return y * x


example(while_true, 0.8)


def nested_loops(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(i + 1):
            s = s + a[i, j] * np.sin(s + j)
        s = s * 0.9
    return s


example(nested_loops, some(4, 4))


def zip_and_enumerate(x, y):
    s = 0.0
    for i, (u, v) in enumerate(zip(x, y)):
        s = s + u * v * (i + 1)
    for row in reversed(range(len(x))):
        s = s * x[row] + 1
    return s


example(zip_and_enumerate, some(4), some(4, start=2), wrt=(0, 1))


def rows_of_a_matrix(m):
    best = np.zeros(m.shape[1])
    for row in m:
        best = np.tanh(best + row)
    return np.sum(best)


example(rows_of_a_matrix, some(4, 3))


def horner(c, x):
    y = 0.0
    for a in c[::-1]:
        y = y * x + a
    return y


example(horner, some(5), 0.8, wrt=(0, 1))


def power_iteration(a, v, n):
    for _ in range(n):
        v = a @ v
        v = v / np.sqrt(np.sum(v * v))
    return v @ a @ v


example(power_iteration, positive(3, 3), positive(3), 6, wrt=(0, 1))


# Stores, views and aliases


def recurrence_into_a_buffer(x):
    n = len(x)
    B = np.zeros(n)
    B[0] = x[0]
    for i in range(1, n):
        B[i] = np.tanh(B[i - 1] + x[i])
    return np.sum(B * B)


example(recurrence_into_a_buffer, some(6))


def stores(x):
    y = x * 1.0
    y[0] = y[1] * y[2]
    y[1:3] += 2 * x[0]
    y[::-1][0] *= 3
    y *= x
    return np.sum(y**2)


example(stores, some(5))


def argument_written(x):
    x[1] = x[0] * x[2]
    x *= 2
    return np.sum(x * x)


example(argument_written, some(4))


def scale_rows(m, s):
    for i in range(len(m)):
        m[i] *= s[i]


def helper_writes_argument(x, s):
    scale_rows(x, s)
    x += 1
    return np.sum(x**3)


example(helper_writes_argument, some(3, 2), positive(3), wrt=(0, 1))


def view_written(x):
    y = x * 2
    v = y[1:4]
    v[0] = x[0] ** 2
    v += y[0]
    t = y.reshape(2, 3).T
    t[1, 0] *= 5
    return np.sum(np.sin(y))


example(view_written, some(6))


def alias(x):
    y = x.copy()
    z = y
    z[0] = z[1] * 3
    y *= 2
    return np.sum(z * x)


example(alias, some(4))


def swap(x):
    a, b = np.sin(x), np.cos(x)
    a, b = b, a * b
    x[0], x[1] = x[1], x[0]
    return np.sum(a * x + b)


example(swap, some(3))


def ping_pong(u, steps):
    v = np.zeros_like(u)
    for _ in range(steps):
        v[1:-1] = 0.5 * (u[2:] + u[:-2]) + 0.1 * u[1:-1] ** 2
        u, v = v, u
    return np.sum(u**2)


example(ping_pong, some(6), 3)
example(ping_pong, some(6), 4, name="ping_pong_even")


def mask_store(x):
    y = np.exp(x)
    y[x > 0] = 2.0
    y[x < -0.5] *= x[x < -0.5]
    return np.sum(y * x)


example(mask_store, some(8))


def repeated_index_store(x, v, i):
    y = x * 1.0
    y[i] = v
    y[[0, 0]] += v[0] * x[1]
    return np.sum(y * y)


example(repeated_index_store, some(4), some(3, start=1), np.array([2, 1, 2]), wrt=(0, 1))


def forward_substitution(a, b):
    n = len(b)
    y = np.zeros(n)
    for i in range(n):
        y[i] = (b[i] - a[i, :i] @ y[:i]) / a[i, i]
    return np.sum(y**2)


example(forward_substitution, some(4, 4) + 3 * np.eye(4), some(4), wrt=(0, 1))


def lu_in_place(a):
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
    return np.sum(np.log(np.abs(np.diag(a)))) + a[n - 1, 0]


example(lu_in_place, some(4, 4) + 3 * np.eye(4))


def thomas(a, b, c, d):
    n = len(d)
    for i in range(1, n):
        w = a[i - 1] / b[i - 1]
        b[i] = b[i] - w * c[i - 1]
        d[i] = d[i] - w * d[i - 1]
    x = np.zeros(n)
    x[n - 1] = d[n - 1] / b[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]
    return np.sum(x * x)


example(thomas, some(4), 3 + some(5), some(4, start=1), some(5, start=2), wrt=(0, 1, 2, 3))


def rows_written_in_a_loop(m):
    for row in m:
        row += row[0]
        row[1] *= 2
    return np.sum(m**2)


example(rows_written_in_a_loop, some(3, 3))


# Names, lists, containers, functions


def star_assignment(x):
    first, *middle, last = x
    a = b = first * last
    (c, d), e = (middle[0], middle[1]), a
    return a * b + c * d * e


example(star_assignment, some(5))


def list_building(x, n):
    states = [x]
    for i in range(n):
        states.append(np.sin(states[-1]) + x)
    return np.sum(np.stack(states) ** 2)


example(list_building, some(3), 4)


def comprehension(x, y):
    a = np.array([u * v for u, v in zip(x, y) if v > 0])
    return np.sum(a**2) + sum([u**3 for u in x])


example(comprehension, some(5), some(5, start=2), wrt=(0, 1))


def containers(params, scales, pair):
    h = np.tanh(params["w"] @ pair[0] + params["b"])
    return np.sum(h * pair[1]) * scales[0] + sum(scales[1:])


example(
    containers,
    {"w": some(2, 3), "b": some(2)},
    [0.5, 2, 0.25],
    (some(3, start=1), some(2, start=3)),
    wrt=(0, 1, 2),
)


def layers(params, x):
    for w, b in params:
        x = np.tanh(x @ w + b)
    return np.mean(x**2)


example(layers, [(some(3, 4), some(4)), (some(4, 2, start=3), some(2))], some(5, 3), wrt=(0, 1))


def dict_building(x):
    d = {"a": x * 2, "b": np.sin(x)}
    d["c"] = d["a"] * d["b"]
    return sum([np.sum(v) for v in d.values()]) * d["a"][0]


example(dict_building, some(3))


def make_scaled(scale):
    offset = np.array([1.0, 2.0, 3.0])

    def scaled(x):
        return np.sum(np.sin(scale * x) * offset)

    return scaled


example(make_scaled(2.0), some(3), name="closure")


def inner_function(x):
    k = x[0] * 2

    def g(v):
        return v * k

    return np.sum(g(x) * g(x + 1))


example(inner_function, some(3))


def defaults(x, p=2.0, *, q=0.5):
    return np.sum(np.abs(x) ** p) ** q


example(defaults, some(4))
example(defaults, some(4), 3.0, name="defaults_given", wrt=(0, 1))


class Model:
    def __init__(self):
        self.scale = 1.5
        self.bias = some(3, start=5)

    def act(self, z):
        return np.tanh(self.scale * z + self.bias)

    def loss(self, x):
        return np.sum(self.act(x) * x)


example(Model().loss, some(3), name="method")


def with_exponent(p, x):
    return np.sum(np.abs(x) ** p)


example(functools.partial(with_exponent, 3.0), some(3), name="partial")


def several_returns(v):
    if v > 0.5:
        return v * v
    if v > 0:
        return math.sin(v)
    return -v


def helper_with_several_returns(x):
    total = 0.0
    for v in x:
        total += several_returns(v) * x[0]
    return total


example(helper_with_several_returns, np.array([0.8, 0.2, -0.7, 0.6]))


def power_sum(x, n):
    if n == 0:
        return np.sum(x)
    return np.sum(x**n) + power_sum(np.sin(x), n - 1)


example(power_sum, some(3), 3, name="recursion")

square = lambda x: np.sum(x * x)  # noqa: E731

example(square, some(3), name="lambda")
