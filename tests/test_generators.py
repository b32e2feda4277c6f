"""Generators: they are written out where they are consumed."""

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, grad
from tests.judge import judge, right
from tests.tape import tape_gradient

X = np.array([0.5, 1.5, -0.7])
M = np.array([[0.5, 1.5, -0.7], [1.0, 2.0, 3.0]])
PROGRAMS: list = []


def at(*points):
    """The argument tuples that a program is judged at."""

    def note(f):
        PROGRAMS.extend(
            pytest.param(f, args, id=f"{f.__name__}-{i}") for i, args in enumerate(points)
        )
        return f

    return note


def pairs(x):
    for i in range(len(x) - 1):
        yield x[i], x[i + 1]


@at((X,))
def gen_for(x):
    s = 0.0
    for a, b in pairs(x):
        s += a * b
    return s


@at((X,), (X * 5,))
def gen_break(x):
    s = 0.0
    for a, b in pairs(x):
        s += a * b
        if s > 1:
            break
    else:
        s = s * 2
    return s


@at((X,), (X * 5,))
def gen_return(x):
    for a, b in pairs(x):
        if a * b > 1:
            return a
    return x[2]


def static_gen(x):
    yield x
    yield x * 2
    yield x * x


@at((X,))
def gen_list(x):
    return np.sum(sum(list(static_gen(x))))


@at((X,))
def gen_tuple(x):
    a, b, c = static_gen(x)
    return np.sum(a * b * c)


@at((X,))
def gen_zip(x):
    s = 0.0
    for i, (v, w) in enumerate(zip(static_gen(x), [1.0, 2.0, 3.0])):
        s = s + np.sum(v) * w * i
    return s


@at((X,))
def gen_next(x):
    return next(a * b for a, b in pairs(x))


@at((X,))
def gen_next2(x):
    g = static_gen(x)
    a = next(g)
    b = next(g)
    return np.sum(a * b)


@at((X,))
def gen_sum(x):
    return sum(a * b for a, b in pairs(x))


@at((X,))
def genexp_var(x):
    a = 1.0
    g = (v * a for v in x)
    a = 3.0
    return sum(g)


def fib(x):
    a, b = x, x
    while True:
        yield a
        a, b = b, a + b


@at((0.5,))
def gen_inf(x):
    s = 0.0
    for v in fib(x):
        if v > 10:
            break
        s += v
    return s


@at((0.5, 4), (0.5, 0))
def gen_inf_zip(x, n):
    s = 0.0
    for i, v in zip(range(n), fib(x)):
        s += v * i
    return s


def outer_gen(x):
    yield from static_gen(x)
    yield x + 1


@at((X,))
def gen_from(x):
    s = 0.0
    for v in outer_gen(x):
        s = s + np.sum(v)
    return s


def evens(x):
    for i, v in enumerate(x):
        if i % 2 == 0:
            yield v
        else:
            continue


@at((X,), (M[1],))
def g_cond(x):
    s = 0.0
    for v in evens(x):
        s = s * 0.5 + v * v
    return s


def rows(m):
    for row in m:
        if row[0] > 0.7:
            yield row * 2


@at(
    (M,),
)
def g_rows_store(m):
    total = 0.0
    out = np.zeros(3)
    for r in rows(m):
        out += r * r
        out[0] *= 2
        total += np.sum(out)
    return total


def cleanup(x, log):
    try:
        yield from x
    finally:
        log.append(1.0)


@at((X,), (X * 10,))
def g_finally(x):
    log = []
    s = 0.0
    for v in cleanup(x, log):
        if v > 3:
            break
        s += v * v
    return s * len(log) + s


@at((X,), (X * 10,))
def g_return(x):
    log = []

    def inner():
        for v in cleanup(x, log):
            if v > 3:
                return v * v
        return x[0]

    r = inner()
    return r * len(log)


@at((X,), (X * 10,))
def g_nested(x):
    s = 0.0
    for a in evens(x):
        for b in evens(x):
            if a * b > 20:
                break
            s += a * b
        else:
            s = s * 1.1
    return s


def produce(x):
    y = x
    while True:
        y = y * 1.3
        yield y
        if y > 20:
            return


@at((1.0,), (3.0,))
def g_while(x):
    s = 0.0
    last = x
    for n, y in enumerate(produce(x), start=1):
        s += y * n
        last = y
    return s * last


@at((1.0,), (3.0,))
def g_while_try(x):
    s = 0.0
    try:
        for y in produce(x):
            if y > 10:
                raise StopIteration
            s += y
    except StopIteration:
        s = s * 2
    return s


@at((X,))
def g_new_name(x):
    for v in evens(x):
        w = v * 2
    return w * v


def tree(t):
    if isinstance(t, tuple):
        for c in t:
            yield from tree(c)
    else:
        yield t


@at(((X, (X * 2, X * 3)),))
def g_tree(t):
    s = 0.0
    for leaf in tree(t):
        s = s + np.sum(leaf * leaf)
    return s


@at((X,))
def g_genexp_for(x):
    s = 0.0
    for v in (u * u for u in x if u > 0):
        s += v
    return s


@at((X,))
def g_genexp_helper(x):
    def total(items):
        t = 0.0
        for i in items:
            t += i
        return t

    return total(v * 3 for v in x)


@at((X,), (X * 100,))
def g_next_default(x):
    return next((v for v in x if v > 20), x[0] * 2)


@at((X,))
def g_dict(x):
    d = dict((k, v) for k, v in zip("ab", static(x)))
    return np.sum(d["a"] * d["b"])


def static(x):
    yield x
    yield x * 2


@at((X,))
def g_star(x):
    a, *b = static(x)
    return np.sum(a * b[0]) + np.sum(np.stack(list(static(x))))


@at((X,))
def g_minmax(x):
    return max(v * 2 for v in x) - min(evens(x))


@at((X,))
def g_method(x):
    class_ = Holder(x)
    s = 0.0
    for v in class_.items():
        s += v
    return s


class Holder:
    def __init__(self, x):
        self.x = x

    def items(self):
        for v in self.x:
            yield v * v

    def __iter__(self):
        yield self.x[0]
        yield self.x[1]


@at((X,))
def g_iter(x):
    s = 0.0
    for v in Holder(x):
        s += v
    return s


@at((X,))
def twice_static(x):
    g = (v for v in [x, x * 2])
    return np.sum(sum(g)) + np.sum(sum(g)) * 3


@at((X,))
def late(x):
    y = x * 1.0
    g = (v * y[0] for v in x)
    y[0] = 7.0
    y = x * 5
    return sum(g)


@at((X,))
def store_between(x):
    y = x * 1.0

    def gen():
        yield y[0] * 2
        yield y[1] * 2

    s = 0.0
    for v in gen():
        s += v
        y[1] = v * v
    return s


@at((X,))
def never(x):
    def gen():
        while True:
            yield x[0]

    return sum(v for v, _ in zip(gen(), range(3)))


@at((X, 2), (X, 0))
def zips(x, n):
    def gen():
        v = x[0]
        while True:
            yield v
            v = v * 1.5

    return sum(a * b for a, b in zip(gen(), x)) + sum(v * i for v, i in zip(gen(), range(n)))


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_a_generator_is_written_out(f, args):
    right(f, *args)
    on_tape = judge(f, args, gradient=tape_gradient)
    assert on_tape.outcome in ("right", "refused"), str(on_tape)


def twice(x):
    g = evens(x)
    return sum(g) + sum(g) * 3


def twice_for(x):
    g = (v for v in [x, x * 2, x * 3])
    s = 0.0
    for v in g:
        s = s + np.sum(v)
        break
    for v in g:
        s = s * np.sum(v)
    return s


def in_loop(x):
    g = evens(x)
    s = 0.0
    for k in range(30):
        for v in g:
            s += v
        s = s * 2
    return s


def in_loop2(x, n):
    g = evens(x)
    s = 0.0
    for k in range(n):
        for v in g:
            s += v
        s = s * 2
    return s


def in_branch(x):
    g = evens(x)
    s = 0.0
    if x[0] > 0:
        s = sum(g)
    return s + sum(g) * 2


def send(x):
    def gen():
        a = yield x[0]
        yield a * 2

    g = gen()
    a = next(g)
    return a + g.send(a * 3)


def gen_return_value(x):
    def inner():
        yield x[0]
        return x[1]

    def outer():
        r = yield from inner()
        yield r * 5

    return sum(outer())


@pytest.mark.parametrize(
    "f", [twice, twice_for, in_loop, in_loop2, in_branch, send, gen_return_value]
)
def test_a_generator_that_is_resumed_elsewhere_is_refused(f):
    with pytest.raises(UnsupportedSyntaxError):
        grad(f, fallback="error")(*(X, 3)[: f.__code__.co_argcount])


def test_effects_of_generator_and_loop_alternate_as_in_python(capsys):
    def noisy(x):
        try:
            for v in x:
                print("before")
                yield v * 2
                print("after")
        finally:
            print("closed")

    def f(x):
        total = 0.0
        for i, v in enumerate(noisy(x)):
            print("loop")
            total += v * v
            if i == 1:
                break
        return total

    f(X)
    expected = capsys.readouterr().out
    grad(f, fallback="error")(X)
    assert capsys.readouterr().out == expected


def test_the_loop_of_a_generator_is_the_loop_that_is_printed():
    df = grad(gen_for, fallback="error")
    df(X)
    assert df.source.count("for ") == 1 and "yield" not in df.source
