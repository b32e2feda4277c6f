"""Functions that call functions: closures, decorators, `map`, `reduce`, `sorted(key=)`."""

import functools
import itertools
import operator
import time
from functools import cache, lru_cache, partial, reduce, singledispatch, wraps

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, grad, value_and_grad
from tests.gallery import some
from tests.judge import right

PROGRAMS: list[tuple] = []


def program(*args):
    def note(f):
        PROGRAMS.append((f, args))
        return f

    return note


@program(some(4))
def nl(x):
    total = 0.0

    def add(v):
        nonlocal total
        total = total + v * v
        return total

    for v in x:
        add(v)
    return total


@program(some(4))
def nl_if(x):
    best = 0.0

    def up(v):
        nonlocal best
        if v > best:
            best = v * 2

    for v in x:
        up(v)
    return best + x[0]


@program(some(4))
def map_lambda(x):
    return sum(map(lambda v: v * v, x))


@program(some(4))
def map_rt(x):
    out = 0.0
    for v in map(np.sin, x):
        out += v
    return out


@program(some(4))
def list_map(x):
    ys = list(map(lambda v: v**2, [x[0], x[1], x[2]]))
    return ys[0] * ys[1] + ys[2]


@program(some(5))
def filt(x):
    return sum(filter(lambda v: v > 0, x))


@program(some(5))
def filt2(x):
    return sum(v * 2 for v in filter(lambda v: v > 0, x))


@program(some(4))
def red(x):
    return reduce(lambda a, b: a * np.sin(b), x)


@program(some(4))
def red_init(x):
    return reduce(lambda a, b: a * np.sin(b), x, 1.0)


@program([some(2, 3), some(3, 2), some(2, 2)])
def red_mats(ms):
    return np.sum(reduce(np.matmul, ms))


@program(some(4))
def red_op(x):
    return reduce(operator.mul, [x[0], x[1], x[3]])


@program(some(4))
def part(x):
    def h(a, b, c=1.0):
        return a * b**2 + c

    g = partial(h, 2.0, c=x[1])
    return g(x[0]) + partial(np.multiply, x[2])(x[3])


def addmul(a, b, *, k=2):
    return a * k + b


@program(1.3)
def part_global(x):
    g = functools.partial(addmul, k=3)
    return g(x, b=x**2)


@program(some(5))
def sort_key(x):
    items = [x[0], x[1], x[2]]
    s = sorted(items, key=lambda v: -v)
    return s[0] * 1 + s[1] * 2 + s[2] * 3


@program(some(5))
def sort_pairs(x):
    pairs = [(x[0], 1.0), (x[1], 2.0), (x[2], 3.0)]
    s = sorted(pairs, key=lambda t: t[0])
    return sum(a * b for a, b in s) * s[0][1]


@program(some(5))
def min_key(x):
    return min([x[0], x[1], x[2]], key=lambda v: abs(v)) ** 2 + max(x[3], x[4], key=abs)


@program(some(5))
def sort_rt(x):
    s = sorted(x)
    return s[0] * 2 + s[-1] * 3


@program(some(5))
def sort_rt_key(x):
    s = sorted(x, key=lambda v: v**2, reverse=True)
    return s[0] * 2 + s[-1] * 3


@program(some(5))
def min_rt(x):
    return min(x, key=lambda v: abs(v - 0.3)) + max(x)


def twice(f):
    @wraps(f)
    def inner(*args, **kwargs):
        return 2 * f(*args, **kwargs)

    return inner


@twice
def dec_helper(a, b=1.0):
    return a * np.sin(b)


@program(some(2))
def decorated(x):
    return dec_helper(x[0], b=x[1])


@program(some(2))
@twice
def decorated_root(x):
    return x[0] * np.sin(x[1])


@program(some(2))
def dec_inside(x):
    @twice
    def g(v):
        return v**2

    return g(x[0]) * g(x[1])


def scale_by(k):
    def deco(f):
        def inner(x):
            return k * f(x)

        return inner

    return deco


@scale_by(3.0)
def dec3(x):
    return np.sum(x**2)


@program(some(3))
def dec_factory(x):
    return dec3(x)




def timed(f):
    @wraps(f)
    def inner(*a):
        t = time.perf_counter()
        r = f(*a)
        dt = time.perf_counter() - t
        return r

    return inner


@timed
def tim(x):
    return np.sum(np.cos(x))


@program(some(3))
def timing(x):
    return tim(x) ** 2


@cache
def cached(n):
    return n * 1.5


@program(some(3), 3)
def lru(x, n):
    return np.sum(x) * cached(2) * cached(n)


@lru_cache
def cached_x(x):
    return x**2 + 1


@program(0.4)
def lru_x(x):
    return cached_x(x) * 3


@cache
def fibc(n):
    return 1.0 if n < 2 else fibc(n - 1) + fibc(n - 2)


@program(0.4)
def lru_rec(x):
    return x**2 * fibc(6)


@singledispatch
def disp(x):
    return x * 2


@disp.register(np.ndarray)
def of_array(x):
    return np.sum(x**3)


@disp.register(list)
def of_list(x):
    return sum(x)


@program(some(3))
def single(x):
    return disp(x) + disp(x[0]) + disp([x[1], x[2]])


class Tool:
    k = 2.0

    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return self.w * np.sin(x)

    def method(self, x):
        return self.w * x + self.k

    @staticmethod
    def st(x):
        return x**2

    @classmethod
    def cl(cls, x):
        return cls.k * x


tool = Tool(1.5)


@program(0.7)
def tools(x):
    return tool(x) + tool.method(x) * Tool.st(x) + tool.st(x) + tool.cl(x) + Tool.cl(x)


TABLE = {"sin": np.sin, "sq": lambda v: v * v}
LIST = [np.sin, lambda v: v * v]


@program(0.7, "sq")
def table(x, name):
    return TABLE[name](x) + sum(f(x) for f in LIST)


def factory(k):
    def inner(v):
        return v**k

    return inner


cube = factory(3)


@program(0.7)
def fact(x):
    return cube(x) + factory(2)(x) + factory(x)(1.5)


def star(*args, **kw):
    return sum(args) * kw.get("k", 1.0) * kw["j"]


@program(some(3))
def stars(x):
    d = {"k": x[0], "j": 2.0}
    return star(*x[:2], x[2], **d) if False else star(x[0], *[x[1], x[2]], **d)


def ponly(a, /, b, *, c=2.0):
    return a * b**c


@program(some(3) ** 2)
def posonly(x):
    return ponly(x[0], x[1]) + ponly(x[0], b=x[2], c=3.0)


def fill(out, v):
    out[:] = v
    out[0] *= 2


@program(some(3))
def mutates(x):
    b = np.zeros(3)
    fill(b, x * 2)
    y = x.copy()
    fill(y[1:], x[0])
    return np.sum(b * y)


def memo_outer():
    memo = {}

    def f(x, n):
        if n in memo:
            return memo[n]
        r = x if n == 0 else np.sin(f(x, n - 1))
        memo[n] = r
        return r

    return f


@program(0.3)
def memoize_local(x):
    memo = {}

    def f(n):
        if n not in memo:
            memo[n] = x if n < 2 else f(n - 1) * f(n - 2) + 1
        return memo[n]

    return f(5)


@program(some(3))
def compose(x):
    def comp(*fs):
        def run(v):
            for f in fs:
                v = f(v)
            return v

        return run

    return np.sum(comp(np.sin, lambda v: v * 2, np.exp)(x))


@program(some(3), 3)
def closure_loop(x, n):
    def step(v, i):
        return v * np.cos(x[i])

    v = 1.0
    for i in range(n):
        v = step(v, i)
    return v


@program(some(3), 3)
def lam_default(x, n):
    fs = [lambda v, i=i: v * (i + 1) for i in range(3)]
    return sum(f(x[j]) for j, f in enumerate(fs))


@program(some(3))
def late_binding(x):
    fs = [lambda v: v * (i + 1) for i in range(3)]  # noqa: B023
    return sum(f(x[0]) for f in fs)


@program(some(3))
def opmod(x):
    return operator.add(x[0], x[1]) * operator.itemgetter(2)(x) + operator.pow(x[0], 2)


@program(some(3))
def itemget(x):
    pairs = [(x[0], 2.0), (x[1], 1.0)]
    return sorted(pairs, key=operator.itemgetter(1))[0][0] ** 2


@program(some(3))
def zipstar(x):
    a, b = zip(*[(x[0], 1.0), (x[1], 2.0)])
    return sum(a) * sum(b)


@program(some(6))
def accumulate_(x):

    return sum(itertools.accumulate([x[0], x[1], x[2]]))


@program(some(6))
def chain_(x):

    return sum(v * v for v in itertools.chain([x[0]], [x[1], x[2]]))


@program(some(4))
def product_(x):

    return sum(x[i] * x[j] for i, j in itertools.product(range(2), range(2))) + sum(
        x[i] * x[j] for i, j in itertools.combinations(range(4), 2)
    )


@program(some(3))
def callable_arg(x):
    def apply(f, *a, **k):
        return f(*a, **k)

    return apply(np.sum, x, axis=0) + apply(lambda a, b: a * b, x[0], b=x[1])


@program(some(3))
def recursive_lambda(x):
    f = lambda n: x[0] if n == 0 else x[1] * f(n - 1)  # noqa: E731
    return f(3)


@program(some(3))
def state_closure(x):
    def counter():
        n = 0

        def inc():
            nonlocal n
            n += 1
            return n

        return inc

    c = counter()
    return x[0] * c() + x[1] * c() + x[2] * c()


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    right(f, *args)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_ties_keep_their_order(order):
    def f(x):
        pairs = [(x[0], 1.0), (x[1], 2.0), (x[2], 3.0)]
        up = sorted(pairs, key=lambda p: np.floor(p[0]))
        down = sorted(pairs, key=lambda p: np.floor(p[0]), reverse=True)
        first = min(pairs, key=lambda p: np.floor(p[0]))
        return sum(i * a * b for i, (a, b) in enumerate(up)) + down[0][0] * 5 + first[0] * 7

    right(f, np.array([0.3, 0.6, 1.4])[list(order)])


@pytest.mark.parametrize("n", [0, 1, 4])
def test_loops_of_any_length(n):
    def f(x):
        s = reduce(lambda a, b: a * np.sin(b) + b, x, 1.0)
        s += sum(map(lambda v: v * v, x)) + sum(filter(lambda v: v > 0, x), 1.0)
        for v in filter(lambda v: v < s, map(np.cos, x)):
            s += v * s
        return s + sum(i * w for i, w in enumerate(sorted(x, key=lambda v: -v)))

    right(f, some(n))


def test_a_filter_reads_what_the_loop_has_changed():
    def f(x):
        limit = 0.0
        for v in filter(lambda v: v > limit, x):
            limit = limit + v * 0.7
        return limit

    right(f, np.array([0.5, 0.2, 0.6, 0.3, 1.0]))


def test_map_calls_its_function_at_each_step(capsys):
    def seen(v):
        print("f", end=" ")
        return v * 2

    def f(x):
        s = 0.0
        for v in map(seen, (x, x, x)):
            print("body", end=" ")
            s += v
        return s

    assert grad(f, fallback="error")(1.0) == 6
    assert capsys.readouterr().out == "f body f body f body "


@pytest.mark.parametrize(
    "made", [lambda x: map(np.sin, x), lambda x: zip(x, x), enumerate, reversed]
)
def test_an_iterator_is_walked_once(made):
    def f(x):
        it = made(x)
        for _ in it:
            pass
        s = 0.0
        for _ in it:
            s += x[0]
        return s

    with pytest.raises(UnsupportedSyntaxError, match="which is walked already"):
        grad(f, fallback="error")(some(3))
    assert np.array_equal(grad(f)(some(3)), np.zeros(3))


def test_an_iterator_that_is_walked_inside_a_loop():
    def f(x, n):
        it = zip(x, x)
        s = 0.0
        for _ in range(n):
            for a, b in it:
                s += a * b
        return s

    with pytest.raises(UnsupportedSyntaxError, match="walked"):
        grad(f, fallback="error")(some(3), 3)


def test_what_is_wrong_inside_is_shown_where_the_user_wrote_it():
    def f(x):
        return reduce(lambda a, b: a + x[int(b)], x, 0.0)

    with pytest.raises(IndexError) as caught:
        grad(f, fallback="error")(np.full(4, 7.0))
    assert any("test_functional.py" in note for note in caught.value.__notes__)


def test_a_single_dispatch_that_learns(monkeypatch):
    @singledispatch
    def act(x):
        return x * 2

    @act.register(float)
    def _(x):
        return x * 3

    df = value_and_grad(lambda x: act(x), fallback="error")
    assert df(1.0) == (3, 3)
    act.register(float, lambda x: x * 5)
    assert df(1.0) == (5, 5)
