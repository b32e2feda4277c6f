"""Control flow."""

import contextlib
import math
import threading
import warnings
from typing import NamedTuple

import numpy as np

from tests.gallery import some
from tests.support import line


@line("`while True` left by `break`", some(3))
def while_true(x):
    y = x * 1.0
    while True:
        y = y * 1.5
        if np.sum(y**2) > 9.0:
            break
    return np.sum(y)


@line("`while … else`", some(3))
def while_else(x):
    y, n = x * 1.0, 0
    while n < 3:
        y = y * 1.5
        n += 1
        if np.sum(y**2) > 50.0:
            break
    else:
        y = y + x
    return np.sum(y)


@line("`for … else` with `break` and `return` in the loop", some(4))
def for_else(x):
    total = 0.0
    for v in x:
        if v > 10.0:
            return v * 3
        if v > 5.0:
            break
        total += v
    else:
        total = total * 7
    return total * 2


@line("A name that only the `else` of a loop binds", some(4))
def bound_in_else(x):
    for i in range(len(x)):
        if x[i] > 1.0:
            return x[i] * 3
    else:
        s = np.sum(x) * 5
    return s


@line("`return` inside nested loops", some(3, 4))
def nested_return(m):
    for row in m:
        for v in row:
            if v > 0.5:
                return v * v
    return np.sum(m)


@line("A loop variable used after the loop", some(3))
def variable_outlives_loop(x):
    for i in range(len(x)):
        y = x[i] * 2
    return y * i


@line("A loop without a step", some(3), 0)
def zero_trips(x, n):
    y = x
    for _ in range(n):
        y = y * x
    return np.sum(y)


@line("`match` on numbers that are known only at run time", some(3), 3)
def match_number(x, n):
    match n:
        case 1:
            y = x * 2
        case 2 | 3:
            y = x * x
        case _:
            y = np.sin(x)
    return np.sum(y)


@line("`match` on strings", some(3), "square")
def match_string(x, how):
    match how:
        case "sum" | "plain":
            return np.sum(x)
        case str() as name if name.startswith("sq"):
            return np.sum(x * x)
        case _:
            raise ValueError(how)


@line("Sequence patterns", (some(3), 2.0, 3.0))
def match_sequence(p):
    match p:
        case []:
            return 0.0
        case [a]:
            return np.sum(a)
        case [a, *rest]:
            return np.sum(a) * rest[0] * rest[-1]


@line("Mapping patterns", {"kind": "square", "x": some(3), "w": 2.0})
def match_mapping(p):
    match p:
        case {"kind": "sum", "x": x}:
            return np.sum(x)
        case {"kind": "square", "x": x, **rest}:
            return np.sum(x * x) * rest["w"]


@line("Class patterns with guards", 3.0)
def match_class(x):
    match x:
        case int(n):
            return n * 1.0
        case float(v) if v > 1:
            return v * v
        case v:
            return v * 3


class Point(NamedTuple):
    x: np.ndarray
    y: float


@line("Class patterns of namedtuples, nested", (Point(some(3), 2.0), 3.0))
def match_namedtuple(p):
    match p:
        case (Point(x, y=0.0), _):
            return np.sum(x)
        case (Point(x, y), k):
            return np.sum(x) * y * k


@line("`match` in a loop", some(4))
def match_in_loop(x):
    total = 0.0
    for i, v in enumerate(x):
        match i % 3:
            case 0:
                continue
            case 1:
                total += v * v
            case other if other > 5:
                break
            case _:
                total *= v
    return total


@line("A name that one branch binds", -some(3))
def bound_in_one_branch(x):
    if np.sum(x) > 0:
        z = x * 2
    if np.sum(x) > 0:
        return np.sum(z)
    return np.sum(x)


@line("`try … finally`, left by `return`", some(3))
def try_finally(x):
    calls = []
    try:
        for v in x:
            if v > 0.5:
                return v * v
    finally:
        calls.append(1)
    return x[0]


@line("`try … except … else … finally` with `raise` in the body", some(3))
def try_except(x):
    try:
        if x[0] < 0:
            raise ValueError("negative")
        y = x * 2
    except ValueError:
        y = x * x
    else:
        y = y + 1
    finally:
        x = x * 3
    return np.sum(y * x)


def root(v):
    if v < 0:
        raise ValueError("negative")
    return math.sqrt(v)


@line("An exception of a helper, caught in a loop", some(4))
def exception_of_a_helper(x):
    total = 0.0
    for v in x:
        try:
            total += root(v)
        except ValueError as error:
            total -= v * len(str(error))
            continue
        total *= 2
    return total


@line("`ZeroDivisionError` of Python's numbers", 2.0, 0.0)
def zero_division(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return a * 7


@line("`ValueError` of `math.sqrt`, `math.log`, `math.acos`, …", -2.0)
def math_domain(a):
    try:
        return math.sqrt(a)
    except ValueError:
        return a * 7


@line("`IndexError` of arrays, lists and tuples", some(3), 5)
def index_error(x, i):
    try:
        v = x[i]
    except IndexError:
        v = x[-1]
    return v * v


@line("`KeyError`, `AttributeError`, `ImportError` of what is known", {"w": some(3)})
def failing_lookup(p):
    try:
        scale = p["scale"]
    except KeyError:
        scale = 2.0
    try:
        w = p["w"].magnitude
    except AttributeError:
        w = p["w"]
    return np.sum(w * w) * scale


@line("`except` of what an operation on arrays raises", np.array([[2.0, 0.5], [0.5, 1.0]]))
def try_operation(a):
    try:
        low = np.linalg.cholesky(a - np.eye(2))
    except np.linalg.LinAlgError:
        low = np.linalg.cholesky(a @ a.T + np.eye(2))
    return np.sum(low * low * low)


@line("Nested `try`, `raise … from`, `raise` by itself", -some(3))
def raised_again(x):
    try:
        try:
            if x[0] < 0:
                raise KeyError("a")
            y = x * 2
        except KeyError as error:
            x = x * 2
            if np.sum(x) > 100:
                raise
            raise ValueError("b") from error
    except (ValueError, TypeError):
        y = x * 3
    return np.sum(y * y)


@line("`assert` that is caught", some(4))
def caught_assertion(x):
    total = 0.0
    for v in x:
        try:
            assert v > 0, f"{v} is not positive"
            total += v
        except AssertionError:
            total -= v * v
    return total


@line("`continue` and `break` through `finally`", some(4))
def continue_through_finally(x):
    total = 0.0
    for v in x:
        try:
            if v < 0:
                continue
            if v > 2:
                break
            total += v
        finally:
            total *= 2
    return total


@line("`with` of a class with `__enter__` and `__exit__`", some(3))
def with_class(x):
    with Scope(3.0) as scope:
        y = x * scope.factor
    return np.sum(y * x) * scope.factor


class Scope:
    def __init__(self, factor):
        self.factor = factor

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.factor = 1.0


@contextlib.contextmanager
def doubled(x):
    calls = [x * 2]
    try:
        yield calls[0]
    finally:
        calls.append(x)


@line("`with` of a `@contextlib.contextmanager`, left by `return`", some(3))
def with_contextmanager(x):
    with doubled(x) as y:
        for v in y:
            if v > 1:
                return v * v
    return np.sum(x)


@line("`contextlib.suppress`, `contextlib.nullcontext`", -some(3))
def with_suppress(x):
    y = x
    with contextlib.suppress(ValueError), contextlib.nullcontext(2.0) as two:
        y = y * two
        if x[0] < 0:
            raise ValueError
        y = y * x
    return np.sum(y * y)


LOCK = threading.Lock()


@line("Locks, `np.errstate`, `warnings.catch_warnings`: they stay", some(3))
def with_lock(x):
    with LOCK, np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = x / (1 + x**2)
    return np.sum(y)


def pairs(x):
    for i in range(len(x) - 1):
        yield x[i], x[i + 1]


@line("A loop over a generator, left by `break`", some(5))
def generator(x):
    total = 0.0
    for i, (a, b) in enumerate(pairs(x)):
        if a * b > 0.9:
            break
        total += a * b * i
    return total


@line("An endless generator, in `zip`", 0.5, 4)
def endless_generator(x, n):
    def powers(v):
        while True:
            yield v
            v = v * x

    total = 0.0
    for i, v in zip(range(n), powers(x)):
        total += v * i
    return total


def leaves(tree):
    if isinstance(tree, tuple):
        for branch in tree:
            yield from leaves(branch)
    else:
        yield tree


@line("A recursive generator, `yield from`", (some(2), (some(3), some(1))))
def recursive_generator(tree):
    return sum(np.sum(leaf**2) for leaf in leaves(tree))


@line("`next` of a generator expression, with a default", some(5))
def next_of_generator(x):
    return next((v * v for v in x if v < 0), x[0])


@line("`list`, `sum`, `max`, unpacking of a generator", some(3))
def generator_as_list(x):
    def both(y):
        yield y
        yield y * x

    a, b = both(x)
    return np.sum(sum(both(a)) * list(both(b))[1]) + max(v * v for v in x)


@line("A test of `while` that changes something, with `else`", 4.3)
def changing_test(x):
    def halved():
        nonlocal x
        x = x / 2
        return x

    y = 1.0
    while halved() > 0.3:
        y = y * x
        if y > 10:
            break
    else:
        y = y * 2
    return x * 3 + y


@line("`:=` in a test", 3.7)
def walrus(x):
    n = 0.0
    while (y := x / (n + 1)) > 1.1:
        n += 1.0
    return y * x


@line("`total = 0` that becomes a float", some(4))
def int_becomes_float(x):
    total = 0
    for v in x:
        total += v * v
    return total


@line("`total = 0` that becomes an array", some(3, 4))
def number_becomes_array(m):
    total = 0
    for row in m:
        total += row * row
    return np.sum(total / len(m))


@line("`total = 0` that becomes an array and is stored into", some(3, 4))
def number_becomes_array_that_is_written(m):
    total = 0
    for row in m:
        total = total + row * row
    total[0] = 2.0 * m[0, 1]
    return np.sum(total * m)


@line("an array or a number, depending on a branch", some(4), 0.3)
def array_or_number(x, s):
    weight = x if np.sum(x) > s else 2.0
    return np.sum(weight * x)


@line("a tuple or `None`, depending on a branch", some(4), 0.3)
def tuple_or_none(x, s):
    found = (x, s) if np.sum(x) > s else None
    if found is None:
        return np.sum(x) * s
    return np.sum(found[0] ** 2) * found[1]


@line("one of two functions, depending on a branch", some(4), 0.3)
def one_of_two_functions(x, s):
    activation = np.tanh if np.sum(x) > s else np.sin
    return np.sum(activation(x * s))


@line("`best = None`, then a number or an array", some(5))
def none_becomes_number(x):
    best = None
    for v in x:
        if best is None or v * v < best:
            best = v * v
    return best * 2


@line("`None` where nothing was found", some(3, 4), 0.3)
def none_where_nothing_was_found(m, limit):
    found = None
    for row in m:
        if np.sum(row) > limit:
            found = row
    if found is None:
        return np.sum(m)
    return np.sum(found * found)
