"""What a function reads from outside is read live; what was folded is guarded."""

import functools
import sys
import timeit
import types
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, value_and_grad

G, N, B, S, T = 2.0, 2, True, "sin", (1.0, 2)
A = np.array([1.0, 2.0, 3.0])
D: dict[str, Any] = {"a": 2.0, "n": 2, "f": np.sin, "in": {"z": 1.5}}
L = [1.0, 2, np.cos]
MODULE = types.ModuleType("a_module")


def double(x):
    return x * 2


def cubed(x, k=3.0):
    return x**3 * k


def with_defaults(x, k=2.0, w=A, *, j=3):
    return x * k * j * np.sum(w)


CALLED = functools.partial(with_defaults, k=3.0)


class Tool:
    k = 2.0
    n = 2

    def __init__(self):
        self.w = np.array([1.0, 2.0])

    def method(self, x):
        return x * self.k

    @property
    def three(self):
        return self.k * 3

    @staticmethod
    def static(x):
        return x * 4

    @classmethod
    def of_class(cls, x):
        return x * cls.k * 5


TOOL = Tool()
HERE = globals()


def closure(c, n, a):
    def f(x):
        return x * c * n + np.sum(a) * x

    return f


CLOSURE = closure(2.0, 2, np.ones(3))


def cell(name):
    return CLOSURE.__closure__[CLOSURE.__code__.co_freevars.index(name)]


# A function, and how what it reads is changed.
CASES = {
    "global float": (lambda x: x * G, ("G", 3.0)),
    "global float becomes int": (lambda x: x * G, ("G", 7)),
    "global float becomes NumPy's": (lambda x: x * G, ("G", np.float64(2.5))),
    "global float becomes array": (lambda x: np.sum(x * G), ("G", np.array([4.0, 5.0]))),
    "global int": (lambda x: x**N, ("N", 3)),
    "global int of a loop": (lambda x: sum([x * i for i in range(N)]), ("N", 4)),
    "global bool": (lambda x: x * 2 if B else x * 3, ("B", False)),
    "global str": (lambda x: getattr(np, S)(x), ("S", "cos")),
    "global array": (lambda x: np.sum(A * x), ("A", np.array([4.0, 5.0, 6.0]))),
    "global array of another rank": (lambda x: np.sum(A * x), ("A", np.ones((2, 2)))),
    "global array of one": (lambda x: np.sum(A * np.ones(3) * x), ("A", np.ones(1))),
    "global array of ints": (lambda x: np.sum(A * x), ("A", np.arange(3))),
    "global function": (lambda x: double(x) * x, ("double", lambda x: x**3)),
    "global function becomes NumPy's": (lambda x: double(x) * x, ("double", np.exp)),
    "global partial": (lambda x: CALLED(x), ("CALLED", functools.partial(with_defaults, k=5.0))),
    "global tuple": (lambda x: x * T[0] * T[1], ("T", (3.0, 5))),
    "global tuple becomes None": (lambda x: x if T is None else x * 2, ("T", None)),
    "module's float": (lambda x: x * MODULE.K, (MODULE, "K", 5.0)),
    "module's int": (lambda x: x**MODULE.N, (MODULE, "N", 5)),
    "module's array": (lambda x: np.sum(MODULE.A) * x, (MODULE, "A", np.ones(3))),
    "module's function": (lambda x: MODULE.f(x), (MODULE, "f", double)),
    "class attribute": (lambda x: x * TOOL.k, (Tool, "k", 5.0)),
    "class attribute, int": (lambda x: x**TOOL.n, (Tool, "n", 3)),
    "attribute hides that of the class": (lambda x: x * TOOL.k, (TOOL, "k", 6.0)),
    "attribute, array": (lambda x: np.sum(TOOL.w) * x, (TOOL, "w", np.ones(4))),
    "method": (lambda x: TOOL.method(x), (Tool, "method", lambda self, x: x**2)),
    "method of the object": (lambda x: TOOL.method(x), (TOOL, "method", lambda x: x**4)),
    "property": (lambda x: x * TOOL.three, (Tool, "three", property(lambda self: 11.0))),
    "static method": (lambda x: Tool.static(x), (Tool, "static", staticmethod(np.sin))),
    "class method": (
        lambda x: Tool.of_class(x),
        (Tool, "of_class", classmethod(lambda cls, x: x**2)),
    ),
    "item of a dict": (lambda x: x * D["a"], (D, "a", 9.0)),
    "item of a dict, int": (lambda x: x ** D["n"], (D, "n", 3)),
    "item of a dict, function": (lambda x: D["f"](x), (D, "f", np.cos)),
    "item of a dict in a dict": (lambda x: x * D["in"]["z"], (D["in"], "z", 7.0)),
    "dict in a dict": (lambda x: x * D["in"]["z"], (D, "in", {"z": 8.0, "y": 1})),
    "new key": (lambda x: x * sum(D["in"].values()), (D["in"], "q", 4.0)),
    "key that was not there": (lambda x: x * 2 if "new" in D else x, (D, "new", 4.0)),
    "default of a missing key": (lambda x: x * D.get("new", 1.0), (D, "new", 4.0)),
    "list": (lambda x: x * L[0], ("L", [4.0, 2, np.cos])),
    "cell": (lambda x: CLOSURE(x), (cell("c"), "cell_contents", 5.0)),
    "cell, int": (lambda x: CLOSURE(x), (cell("n"), "cell_contents", 5)),
    "cell, array": (lambda x: CLOSURE(x), (cell("a"), "cell_contents", np.ones(5))),
    "cell of the function itself": (CLOSURE, (cell("n"), "cell_contents", 5)),
    "default": (lambda x: with_defaults(x), (with_defaults, "__defaults__", (7.0, A))),
    "default, array": (lambda x: with_defaults(x), (with_defaults, "__defaults__", (2.0, A * 2))),
    "keyword-only default": (lambda x: with_defaults(x), (with_defaults.__kwdefaults__, "j", 4)),
    "keyword-only defaults": (
        lambda x: with_defaults(x),
        (with_defaults, "__kwdefaults__", {"j": 9}),
    ),
    "default of the function itself": (cubed, (cubed, "__defaults__", (7.0,))),
    "code": (lambda x: double(x), (double, "__code__", (lambda x: x**2).__code__)),
    "code of the function itself": (double, (double, "__code__", (lambda x: x**2).__code__)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def a_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "a_module", MODULE)
    for name, value in {"K": 2.0, "N": 2, "A": A, "f": np.sin}.items():
        monkeypatch.setattr(MODULE, name, value, raising=False)


def right(df, f, x):
    value, gradient = df(x)
    h = 1e-6
    assert np.isclose(value, f(x))
    assert np.isclose(gradient, (f(x + h) - f(x - h)) / (2 * h), rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_next_call_sees_the_change(monkeypatch, case):
    f, change = CASES[case]
    df = value_and_grad(f, fallback="error")
    right(df, f, 1.3)
    with monkeypatch.context() as patch:
        if len(change) == 2:
            patch.setitem(HERE, *change)
        elif isinstance(change[0], dict):
            patch.setitem(*change)
        else:
            patch.setattr(*change, raising=False)
        right(df, f, 1.3)
        right(df, f, 0.4)
    right(df, f, 1.3)


def test_an_array_that_changes_in_place(monkeypatch):
    a = np.ones(3)
    monkeypatch.setitem(HERE, "A", a)
    df = value_and_grad(lambda x: np.sum(A * x), fallback="error")
    right(df, lambda x: np.sum(a * x), 1.3)
    a[0] = 17.0
    right(df, lambda x: np.sum(a * x), 1.3)


@pytest.mark.parametrize(("place", "value"), [(0, 4.0), (1, 4), (2, np.sin)])
def test_an_item_of_a_list(monkeypatch, place, value):
    items = [1.0, 2, np.cos]
    monkeypatch.setitem(HERE, "L", items)

    def f(x):
        return x ** L[1] * L[0] + L[2](x)

    df = value_and_grad(f, fallback="error")
    right(df, f, 1.3)
    items[place] = value
    right(df, f, 1.3)


def test_a_list_that_grows(monkeypatch):
    items = [1.0, 2.0]
    monkeypatch.setitem(HERE, "L", items)
    df = value_and_grad(lambda x: x * len(L) * sum(L), fallback="error")
    right(df, lambda x: x * 2 * 3, 1.3)
    items.append(4.0)
    right(df, lambda x: x * 3 * 7, 1.3)


def test_what_is_read_live_is_not_compiled_again():
    k = 1.0

    def f(x):
        return x * k

    df = value_and_grad(f, fallback="error")
    for k in (1.0, 2.0, -3.0):  # noqa: B007
        assert df(2.0) == (2 * k, k)
    assert sum(map(len, df._codes.values())) == 1


def test_the_guards_of_a_typical_function_take_little_time():
    """Next to an empty call, so that the machine's load does not matter: 0.03 us, when idle."""

    def f(x):
        return np.sum(np.tanh(A * x) * G) * N

    df = grad(f, fallback="error")
    df(1.3)
    names = {"holds": df._latest.holds, "empty": lambda args, kwargs: True, "a": (1.3,), "k": {}}
    times = {
        name: min(timeit.repeat(f"{name}(a, k)", globals=names, number=2000, repeat=50))
        for name in ("holds", "empty")
    }
    assert times["holds"] < 25 * times["empty"]


class Two:
    """Places outside that may come to hold one object, or another kind of array."""

    def __init__(self):
        self.w, self.v = np.array([0.3, 0.2, 0.1]), np.array([0.1, 0.5, 0.1])
        self.a, self.b = [1.0, 2.0], [3.0]

    def reads(self, x):
        return np.sum(self.w * x) + 2 * np.sum(self.v * x)

    def appends(self, x):
        self.a.append(np.sum(x))
        return np.sum(x) * sum(self.b)

    def swaps(self, x):
        self.w, self.v = self.v * x, self.w
        return np.sum(self.w) + np.sum(self.v)


@pytest.mark.parametrize("wrt", ["self.w", "self.v"])
def test_two_arrays_outside_become_one(wrt):
    two, x = Two(), np.array([0.4, 0.5, 0.6])
    slope = grad(two.reads, wrt=wrt, fallback="error")
    assert np.allclose(slope(x), x if wrt == "self.w" else 2 * x)
    two.v = two.w
    assert np.allclose(slope(x), 3 * x)
    two.v = two.w.copy()
    assert np.allclose(slope(x), x if wrt == "self.w" else 2 * x)


def test_two_lists_outside_become_one():
    two, x = Two(), np.array([0.4, 0.5, 0.6])
    df = value_and_grad(two.appends, fallback="error")
    assert np.isclose(df(x)[0], 4.5)
    two.b = two.a = [1.0]
    assert np.isclose(df(x)[0], 1.5 * 2.5)


@pytest.mark.parametrize("wrt", ["self.w", "self.v"])
def test_a_gradient_is_like_what_was_there_before_the_call(wrt):
    two, x = Two(), np.array([0.4, 0.5, 0.6])
    two.w = two.w.astype(np.float32)
    before = getattr(two, wrt[5:])
    d = grad(two.swaps, wrt=wrt, fallback="error")(x)
    assert d.dtype == before.dtype
    assert np.allclose(d, 1.0 if wrt == "self.w" else x)
