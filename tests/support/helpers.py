"""Helpers and rebinding."""

import functools
import itertools
import operator

import numpy as np

from srcdiff import checkpoint
from tests.gallery import some
from tests.support import line


@line("recursion of known depth", 1.1)
def known_depth(x):
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    return power(x, 10)


@line("recursion over a tree of tuples", ((0.3, (1.2, 0.4)), 2.0))
def tree_of_tuples(tree):
    def product(node):
        if isinstance(node, tuple):
            left, right = node
            return product(left) * product(right)
        return np.sin(node)

    return product(tree)


@line("recursion whose depth is a run-time value", some(3), 4)
def run_time_depth(x, n):
    if n == 0:
        return np.sum(x)
    return run_time_depth(np.tanh(x) * 1.5, n - 1) * x[0]


@line("recursion that stops on a run-time float", 1.3)
def newton(a):
    def step(y):
        new = (y + a / y) / 2
        return new if abs(new - y) < 1e-12 else step(new)

    return step(1.0)


@line("divide and conquer on slices of an array", some(7))
def pairwise(x):
    def total(v):
        if len(v) <= 2:
            return np.sum(v**2)
        m = len(v) // 2
        return total(v[:m]) * np.sin(total(v[m:]))

    return total(x)


@line("mutual recursion", some(3), 5)
def mutual(x, n):
    def even(x, n):
        return x if n == 0 else odd(np.sin(x), n - 1)

    def odd(x, n):
        return 2 * x if n == 0 else even(np.exp(-x), n - 1)

    return np.sum(even(x, n))


@line("recursion that writes its arguments and names of outer functions", some(5), 3)
def writing_recursion(x, n):
    calls = 0

    def smooth(v, k):
        nonlocal calls
        calls += 1
        if k > 0:
            v[k] = v[k] * v[k - 1]
            smooth(v[:-1], k - 1)

    y = x.copy()
    smooth(y, n)
    return np.sum(y**2) * calls


@line("recursion that appends to a list and changes an object", some(5), 3)
def collecting_recursion(x, n):
    found, state = [], {"calls": 0}

    def walk(k):
        state["calls"] += 1
        if k > 0:
            found.append(x[k] ** 2)
            walk(k - 1)

    walk(n)
    return sum(found) * state["calls"]


@line("quicksort: recursion on what masks select", some(6))
def quicksort(x):
    def sort(v):
        if len(v) <= 1:
            return v
        p = v[0]
        return np.concatenate([sort(v[v < p]), v[v == p], sort(v[v > p])])

    return np.sum(sort(x) * np.arange(6.0))


@line("`nonlocal` in a closure", some(4))
def nonlocal_total(x):
    total = 0.0

    def add(v):
        nonlocal total
        if v > 0:
            total = total + v * v
        return total

    for v in x:
        add(v)
    return total


@line("closures from a factory, late binding of loop variables", some(3))
def factories(x):
    def power(k):
        return lambda v: v**k

    late = [lambda v: v * (i + 1) for i in range(3)]  # noqa: B023
    early = [lambda v, i=i: v * (i + 1) for i in range(3)]
    return power(3)(x[0]) + sum(f(x[1]) for f in late) * sum(f(x[2]) for f in early)


@line("`map` and `filter` with lambdas", some(5))
def map_and_filter(x):
    total = 0.0
    for v in filter(lambda v: v > 0, map(np.sin, x)):
        total += v * v
    return total + sum(map(lambda a, b: a * b, x, x[::-1]))


@line("`functools.reduce`", some(4))
def reduced(x):
    return functools.reduce(lambda a, b: a * np.sin(b), x, 1.0)


def affine(a, b, *, k=2):
    return a * k + b


@line("`functools.partial`", 1.3)
def partially(x):
    scaled = functools.partial(affine, k=x)
    return functools.partial(scaled, x**2)(3.0) * functools.partial(np.multiply, x)(2.0)


@line("`sorted`, `min` and `max` with `key=` on an array", some(5))
def by_key(x):
    far = sorted(x, key=lambda v: -abs(v))
    return far[0] * 3 + far[-1] * 2 + min(x, key=abs) ** 2 + max(x, key=lambda v: -v)


@line("`sorted` of pairs, `operator.itemgetter`", some(3))
def pairs_by_key(x):
    pairs = [(x[0], 1.0), (x[1], 2.0), (x[2], 3.0)]
    up = sorted(pairs, key=operator.itemgetter(0))
    return sum((i + 1) * a * b for i, (a, b) in enumerate(up))


@line("`itertools`: `product`, `combinations`, `chain`, `accumulate`, …", some(4))
def itertools_(x):
    s = sum(x[i] * x[j] for i, j in itertools.combinations(range(4), 2))
    s += sum(v * v for v in itertools.chain([x[0]], (x[1], x[2])))
    return s * sum(itertools.accumulate([x[0], x[1], x[2]], operator.mul))


def twice(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return 2 * f(*args, **kwargs)

    return inner


@twice
def doubled(a, b=1.0):
    return a * np.sin(b)


@line("decorators, at module level and inside", some(3))
def decorated(x):
    @twice
    def square(v):
        return v * v

    return doubled(x[0], b=x[1]) * square(x[2])


@functools.lru_cache
def cached(x):
    return x**2 + 1


@line("`functools.lru_cache` is seen through", 0.4)
def through_a_cache(x):
    return cached(x) * cached(3)


@functools.singledispatch
def act(x):
    return x * 2


@act.register(np.ndarray)
def act_on_array(x):
    return np.sum(x**3)


@line("`functools.singledispatch`", some(3))
def dispatched(x):
    return act(x) * act(x[0])


class Tool:
    gain = 2.0

    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return self.w * np.sin(x)

    @staticmethod
    def square(x):
        return x * x

    @classmethod
    def scaled(cls, x):
        return cls.gain * x


TOOL = Tool(1.5)
TABLE = {"tool": TOOL, "scaled": Tool.scaled, "sin": np.sin}


@line("callable objects, static and class methods, functions in dicts", 0.7)
def tools(x):
    return TOOL(x) * Tool.square(x) + sum(TABLE[name](x) for name in ("tool", "scaled", "sin"))


@line("a memo in a dict", 0.3)
def memo(x):
    known = {}

    def f(n):
        if n not in known:
            known[n] = x if n < 2 else f(n - 1) * f(n - 2) + 1
        return known[n]

    return f(6)


def fill(out, v):
    out[:] = v
    out[0] *= 2


@line("helpers that write their arguments", some(3))
def writing_helper(x):
    b = np.zeros(3)
    fill(b, x * 2)
    y = x.copy()
    fill(y[1:], x[0])
    return np.sum(b * y)


def mixed(a, /, b, *rest, c=2.0, **more):
    return a * b**c + sum(rest) * more["k"]


@line("positional-only and keyword-only parameters, `*args`, `**kwargs`", some(3) ** 2)
def parameters(x):
    given = {"c": 3.0, "k": x[1]}
    return mixed(x[0], x[2], *(x[1], 2.0), **given)


@line("`f(t, *p)` of an array", some(3))
def starred_array(p):
    def decay(t, a, b, c):
        return a * np.exp(-b * t) + c

    return np.sum(decay(np.linspace(0.0, 1.0, 4), *p) ** 2)


@line("`checkpoint(f)` in a loop, of a helper that writes what it is given", some(6), 0.3, 3)
def checkpointed_helper(u, k, n):
    @checkpoint
    def relax(u, k):
        u[1:-1] += k * u[1:-1] * (u[2:] - u[:-2])
        return np.sum(np.tanh(u) * u)

    total = 0.0
    for _ in range(n):
        total = total * 0.5 + relax(u, k)
    return total
