"""A function is found in its source, whatever it is wrapped in, or there is an error."""

import ast
import functools
import importlib.util
import inspect
import linecache
import math
import os
import subprocess
import sys
import time
from textwrap import dedent
from types import FunctionType, MethodType, SimpleNamespace

import numpy as np
import pytest

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms.parse import MISSING, parse
from srcdiff.transforms.syntax import gast


@pytest.fixture
def load(tmp_path):
    """Writes a module and imports it."""

    def load(text, name="model"):
        path = tmp_path / f"{name}.py"
        path.write_text(dedent(text), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def edit(tmp_path):
    """Changes a module's text after it was imported."""

    def edit(old, new, name="model"):
        path = tmp_path / f"{name}.py"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def cell(text, filename, flags=0):
    """Runs a text as notebooks do: its lines are in linecache, not in a file."""
    text = dedent(text)
    lines = text.splitlines(keepends=True)
    linecache.cache[filename] = (len(text), None, lines, filename)
    namespace = {"__name__": "__main__"}
    exec(compile(text, filename, "exec", flags, dont_inherit=True), namespace)
    return SimpleNamespace(**namespace)


def text(f):
    """What was found, as Python would print it."""
    return gast.unparse(parse(f).node).strip()


def line_of(f):
    return parse(f).location(parse(f).node).source_line().strip()


def refuses(f, expected):
    with pytest.raises(UnsupportedSyntaxError) as caught:
        parse(f)
    assert str(caught.value) == dedent(expected).strip("\n")
    return caught.value


# What is found


def test_a_function_comes_with_its_bindings(load):
    model = load("""
        scale = 2

        def f(x, n=3, *, k=scale):
            return scale * x ** n + k
    """)
    parsed = parse(model.f)
    assert isinstance(parsed.node, gast.FunctionDef)
    assert parsed.node.name == "f"
    assert parsed.function is model.f
    assert parsed.bound_self is MISSING
    assert (parsed.partial_args, parsed.partial_kwargs) == ((), {})
    assert parsed.globals is vars(model)
    assert parsed.cells == {}
    assert parsed.defaults == {"n": 3, "k": 2}
    assert (parsed.filename, parsed.first_line) == (model.__file__, 4)


def test_defaults_and_cells_are_read_live(load):
    model = load("""
        def scaled(k):
            def f(x, n=2):
                return k * x ** n
            def rebind(value):
                nonlocal k
                k = value
            return f, rebind
    """)
    f, rebind = model.scaled(3)
    parsed = parse(f)
    f.__defaults__ = (5,)
    rebind(4)
    assert parsed.defaults == {"n": 5}
    assert parsed.cells["k"].cell_contents == 4


def test_closures_of_one_code_object_have_their_own_cells(load):
    model = load("""
        def scaled(k):
            return lambda x: k * x
    """)
    double, triple = model.scaled(2), model.scaled(3)
    assert parse(double).node is parse(triple).node
    assert parse(double).cells["k"].cell_contents == 2
    assert parse(triple).cells["k"].cell_contents == 3


def test_lambdas_on_a_line_are_told_apart(load):
    model = load("fs = [lambda x: x + 1, lambda x: x + 2, lambda y: y]")
    assert list(map(text, model.fs)) == [
        "lambda x: x + 1",
        "lambda x: x + 2",
        "lambda y: y",
    ]


def test_equal_lambdas_on_a_line_keep_their_places(load):
    model = load("fs = lambda x: x * 2, lambda x: x * 2")
    assert [parse(f).location(parse(f).node).column for f in model.fs] == [5, 22]


def test_lambdas_in_lambdas_are_told_apart(load):
    model = load("f = lambda x: lambda y: (lambda: x) if y else lambda: -x")
    inner = model.f(1)
    assert text(model.f) == "lambda x: lambda y: (lambda: x) if y else lambda: -x"
    assert text(inner) == "lambda y: (lambda: x) if y else lambda: -x"
    assert text(inner(True)) == "lambda: x"
    assert text(inner(False)) == "lambda: -x"


@pytest.mark.parametrize(
    "body", ["0", "None", "x", "-x", "(x)", "(x) + (1)", "(x) if (x) else (1)", "x and 1", "f'{x}'"]
)
def test_lambdas_with_small_bodies_are_told_apart(load, body):
    model = load(f"fs = [lambda x: {body}, lambda x: (7), lambda y: {body}]")
    assert [parse(f).node.args.args[0].id for f in model.fs] == ["x", "x", "y"]
    assert text(model.fs[1]) == "lambda x: 7"


def test_a_lambda_in_a_call_over_several_lines(load):
    model = load("""
        pair = dict(
            first=lambda x: (
                x
                + 1),
            second=lambda x:
                x * 2, third=(lambda x: x * 3),
        )
    """)
    assert text(model.pair["first"]) == "lambda x: x + 1"
    assert text(model.pair["second"]) == "lambda x: x * 2"
    assert text(model.pair["third"]) == "lambda x: x * 3"


def test_a_lambda_as_a_default_and_in_a_decorator(load):
    model = load("""
        def keep(g):
            def wrap(f):
                f.g = g
                return f
            return wrap

        @keep(lambda x: x + 1)
        def f(x, h=lambda x: x + 2): return x
    """)
    assert text(model.f.g) == "lambda x: x + 1"
    assert text(model.f.__defaults__[0]) == "lambda x: x + 2"
    assert parse(model.f).first_line == 8


def test_a_decorated_function(load):
    model = load("""
        def same(f):
            return f

        @same
        @(
            same
        )
        def f(x):
            return x + 1
    """)
    assert line_of(model.f) == "def f(x):"
    assert len(parse(model.f).node.decorator_list) == 2


def test_a_wrapper_is_itself_and_not_what_it_wraps(load):
    model = load("""
        import functools

        def doubled(f):
            @functools.wraps(f)
            def wrapper(*args):
                return 2 * f(*args)
            return wrapper

        @doubled
        def f(x):
            return x + 1
    """)
    parsed = parse(model.f)
    assert parsed.node.name == "wrapper"
    assert text(parsed.cells["f"].cell_contents).endswith("def f(x):\n    return x + 1")


def test_a_cache_is_looked_through(load):
    model = load("""
        import functools

        @functools.cache
        def f(x):
            return x + 1

        class Model:
            @functools.lru_cache(maxsize=3)
            def loss(self, x):
                return x
    """)
    assert parse(model.f).node.name == "f"
    instance = model.Model()
    assert parse(instance.loss).bound_self is instance


def test_methods_of_all_kinds(load):
    model = load("""
        class Model:
            def loss(self, x):
                return x

            @classmethod
            def make(cls, x):
                return x

            @staticmethod
            def norm(x):
                return x

            @property
            def size(self):
                return 3
    """)
    instance = model.Model()
    assert parse(instance.loss).bound_self is instance
    assert parse(instance.make).bound_self is model.Model
    assert parse(model.Model.loss).bound_self is MISSING
    assert parse(instance.norm).bound_self is MISSING
    assert parse(vars(model.Model)["norm"]).node.name == "norm"
    assert line_of(model.Model.size.fget) == "def size(self):"


def test_methods_of_one_name_in_two_classes(load):
    model = load("""
        class A:
            def loss(self, x): return x + 1
        class B(A):
            def loss(self, x): return super().loss(x) + 2
    """)
    assert line_of(model.A().loss).endswith("x + 1")
    assert line_of(model.B().loss).endswith("+ 2")
    assert parse(model.B().loss).cells["__class__"].cell_contents is model.B


def test_private_names_are_those_that_python_sees(load):
    model = load("""
        class _Model:
            def __init__(self):
                self.__w = 3

            def __loss(self, __x):
                y = __y = self.__w * __x + self.__class__.__dunder__
                return g(__key=y)

            loss = __loss
    """)
    parsed = parse(model._Model().loss)
    assert parsed.node.name == "_Model__loss"
    assert [arg.id for arg in parsed.node.args.args] == ["self", "_Model__x"]
    assert text(model._Model().loss).splitlines()[1:] == [
        "    y = _Model__y = self._Model__w * _Model__x + self.__class__.__dunder__",
        "    return g(__key=y)",
    ]


def test_a_callable_object(load):
    model = load("""
        class Model:
            def __call__(self, x):
                return x

        class Static:
            @staticmethod
            def __call__(x):
                return x

        class Outer:
            __call__ = Model()
    """)
    instance = model.Model()
    instance.__call__ = None  # Python asks the class
    assert parse(instance).bound_self is instance
    assert parse(instance).node.name == "__call__"
    assert parse(model.Static()).bound_self is MISSING
    assert parse(model.Outer()).bound_self is vars(model.Outer)["__call__"]


def test_partial_nested_and_of_methods(load):
    model = load("""
        from functools import partial, partialmethod

        class Partial(partial):
            tag = None  # with a dict of its own, so that Python keeps it nested

        def f(a, b, c, k=0, l=0):
            return a

        class Model:
            def loss(self, a, b):
                return a
            half = partialmethod(loss, 5)

        inner = Partial(f, 1, k=2)
        inner.tag = 1
        nested = partial(inner, 3, k=4, l=5)
        instance = Model()
        bound = partial(instance.loss, 7)
    """)
    nested = parse(model.nested)
    assert (nested.partial_args, nested.partial_kwargs) == ((1, 3), {"k": 4, "l": 5})
    bound = parse(model.bound)
    assert (bound.bound_self, bound.partial_args) == (model.instance, (7,))
    half = parse(model.instance.half)
    assert (half.bound_self, half.partial_args) == (model.instance, (5,))


@pytest.mark.skipif(not hasattr(functools, "Placeholder"), reason="new in Python 3.14")
def test_a_placeholder_is_refused(load):
    model = load("def f(a, b):\n    return a - b\n")
    with pytest.raises(UnsupportedSyntaxError, match="functools.Placeholder"):
        parse(functools.partial(model.f, functools.Placeholder, 1))


def test_self_after_a_partial_argument_is_one_too(load):
    model = load("""
        def f(a, b, c):
            return a
    """)
    parsed = parse(MethodType(functools.partial(model.f, 1), "self"))
    assert (parsed.bound_self, parsed.partial_args) == (MISSING, (1, "self"))


def test_nested_functions_and_branches_of_one_name(load):
    model = load("""
        def outer(flag):
            if flag:
                def f(x):
                    return x + 1
            else:
                def f(x):
                    return x + 2
            return f
    """)
    assert line_of(model.outer(True)) == line_of(model.outer(False)) == "def f(x):"
    assert text(model.outer(True)).endswith("x + 1")
    assert text(model.outer(False)).endswith("x + 2")


def test_a_redefined_function_is_the_one_that_is_held(load):
    model = load("""
        def f(x):
            return x + 1
        first = f
        def f(x):
            return x + 2
    """)
    assert text(model.first).endswith("x + 1")
    assert text(model.f).endswith("x + 2")


def test_lambdas_in_comprehensions(load):
    model = load("fs = [lambda x, k=k: x * k for k in range(3)]")
    assert set(map(text, model.fs)) == {"lambda x, k=k: x * k"}
    assert [parse(f).defaults["k"] for f in model.fs] == [0, 1, 2]


def test_future_imports_are_honoured(load):
    model = load("""
        from __future__ import annotations

        def outer():
            def f(x: Array) -> undefined:
                y: nonsense = x
                return y
            return f
    """)
    assert parse(model.outer()).node.name == "f"


def test_a_coding_cookie_and_a_form_feed(tmp_path):
    path = tmp_path / "latin.py"
    text = "# coding: latin-1\n\x0c\ndef f(é):\n    return 'ü', é + 1\n"
    path.write_text(text, encoding="latin-1")
    spec = importlib.util.spec_from_file_location("latin", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parsed = parse(module.f)
    where = parsed.location(parsed.node.body[0].value.elts[1])
    assert (where.line, where.column, where.end_column) == (4, 16, 21)


def test_sums_of_a_thousand_terms(load):
    model = load(f"def f(x):\n    return {' + '.join(['x'] * 900)}\n")
    limit = sys.getrecursionlimit()
    depth, node = 0, parse(model.f).node.body[0].value
    while isinstance(node, gast.BinOp):
        depth, node = depth + 1, node.left
    assert depth == 899
    assert sys.getrecursionlimit() == limit


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
def test_a_generic_function(load):
    model = load("""
        def f[T](x: T) -> T:
            return x

        class Model[T]:
            def loss[S](self, x: S): return self.__w * x
    """)
    assert line_of(model.f) == "def f[T](x: T) -> T:"
    assert text(model.Model.loss).endswith("self._Model__w * x")


def test_warnings_about_a_file_are_not_repeated(load, recwarn):
    model = load("def f(x):\n    return x is 1\n")
    recwarn.clear()
    parse(model.f)
    assert not recwarn.list


def test_a_function_with_an_assert_in_a_test_file():
    def f(x):
        assert x > 0, "pytest rewrites this"
        return x

    def outer():
        return lambda x: f(x)

    assert any(isinstance(node, gast.Assert) for node in gast.walk(parse(f).node))
    assert text(outer()) == "lambda x: f(x)"


def test_every_function_of_a_library_is_found():
    import argparse
    import fractions
    import statistics

    for module in (argparse, fractions, statistics, np.polynomial.polyutils):
        holders = [module, *(v for v in vars(module).values() if isinstance(v, type))]
        for holder in holders:
            for f in vars(holder).values():
                if isinstance(f, FunctionType) and f.__module__ == module.__name__:
                    if inspect.isgeneratorfunction(f) or "<string>" in f.__code__.co_filename:
                        continue
                    parsed = parse(f)
                    assert parsed.first_line == f.__code__.co_firstlineno
                    args = parsed.node.args
                    names = [arg.id for arg in args.posonlyargs + args.args]
                    assert names == list(f.__code__.co_varnames[: f.__code__.co_argcount])


def test_tracing_does_not_change_what_is_found(load):
    model = load("""
        def f(x):
            for i in range(3):
                x = x * 2
            return x
    """)
    old = sys.gettrace()
    sys.settrace(lambda *event: lambda *event: None)
    try:
        for _ in range(100):
            model.f(1.0)
    finally:
        sys.settrace(old)
    assert parse(model.f).node.name == "f"


# Source without a file


def test_a_notebook_cell():
    one = cell("def f(x):\n    return x + 1\n", "<ipython-input-1-abc>")
    two = cell("def f(x):\n    return x + 2\n", "<ipython-input-2-abc>")
    assert text(one.f).endswith("x + 1")
    assert text(two.f).endswith("x + 2")


def test_a_cell_with_await_at_top_level():
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    source = "def f(x):\n    return x\nawait later()\n"
    linecache.cache["<cell 3>"] = (1, None, source.splitlines(keepends=True), "<cell 3>")
    namespace = {"later": None}
    coroutine = eval(compile(source, "<cell 3>", "exec", flags), namespace)
    with pytest.raises(TypeError, match="not callable"):
        coroutine.send(None)
    assert parse(namespace["f"]).node.name == "f"


def test_a_cell_under_a_future_of_an_earlier_cell():
    import __future__

    flags = __future__.annotations.compiler_flag
    ran = cell("def f(x: Array):\n    def g(y: int): return y\n    return x", "<cell 4>", flags)
    assert parse(ran.f).node.name == "f"


def test_a_doctest_example():
    """
    >>> def f(x):
    ...     return x + 1
    >>> print(text(f))
    def f(x):
        return x + 1
    """


def test_exec_with_a_linecache_entry():
    ran = cell("fs = [lambda x: x, lambda x: -x]", "<generated 1>")
    assert text(ran.fs[1]) == "lambda x: -x"


def test_the_prompt_of_newer_pythons(monkeypatch):
    source = "def f(x):\n    return x + 1\n"
    namespace = {}
    exec(compile(source, "<python-input-0>", "single"), namespace)
    lines = source.splitlines(keepends=True)
    monkeypatch.setattr(linecache, "_getlines_from_code", lambda code: lines, raising=False)
    assert parse(namespace["f"]).node.name == "f"


# Edited files


def test_an_edited_function_is_refused(load, edit):
    model = load("""
        def f(x):
            return x + 1
    """)
    edit("x + 1", "x + 22")
    refuses(
        model.f,
        """
        `f` cannot be differentiated: model.py has changed since it was imported
          Restart Python or reload the module, so that the source is what runs.
          (The same happens when an import hook has rewritten the code.)
        """,
    )


@pytest.mark.parametrize(
    "old, new",
    [
        ("1.0", "1"),
        ("1.0", "2.0"),
        ("1.0", "-0.0"),
        ("sin", "cos"),
        ("x)", "y)"),
        ("def f", "def g"),
        ("g(x, y)", "g(y, x)"),
        ("lambda: 0.0", "lambda: -0.0"),
        ("{1, 2}", "{1, 2.0}"),
        ("return", "retur"),
        ("return", "\x00"),
        ("k = 3", "k = 4"),
    ],
)
def test_each_edit_of_the_code_is_seen(load, edit, old, new):
    model = load("""
        import math
        def f(x, y):
            g = lambda a, b: (lambda: 0.0) if a in {1, 2} else b
            def h():
                k = 3
                return k
            return 1.0 + math.sin(x) + g(x, y)
    """)
    assert parse(model.f).node.name == "f"
    edit(old, new)
    with pytest.raises(UnsupportedSyntaxError, match=r"model\.py has changed since it was"):
        parse(model.f)


def test_a_stale_line_cache_is_read_again(load, edit):
    model = load("""
        def f(x):
            return x + 1
    """)
    linecache.getlines(model.__file__)
    edit("x + 1", "x + 22")
    with pytest.raises(UnsupportedSyntaxError, match="has changed"):
        parse(model.f)
    reloaded = load("""
        def f(x):
            return x + 333
    """)
    assert text(reloaded.f).endswith("x + 333")
    with pytest.raises(UnsupportedSyntaxError, match="has changed"):
        parse(model.f)


def test_a_function_that_only_moved_is_found_where_it_is_now(load, edit):
    model = load("""
        def f(x):
            return x + 1
    """)
    edit("def f", "# a comment\n\ndef g(x):\n    return x\n\ndef f")
    parsed = parse(model.f)
    assert parsed.first_line == 7
    assert parsed.location(parsed.node).source_line() == "def f(x):"


def test_an_edited_lambda_is_not_taken_for_its_neighbour(load, edit):
    model = load("""
        fs = [lambda x: x + 1, lambda x: x + 2]
    """)
    edit("x + 1", "x + 3")
    assert text(model.fs[1]) == "lambda x: x + 2"
    with pytest.raises(UnsupportedSyntaxError, match="has changed"):
        parse(model.fs[0])


def test_swapped_functions_are_told_apart_by_their_code(load, edit):
    model = load("""
        def outer(flag):
            if flag:
                def f(x): return x + 1
            else:
                def f(x): return x + 2
            return f
    """)
    first = model.outer(True)
    edit("x + 1", "x + 3")
    edit("x + 2", "x + 1")
    parsed = parse(first)
    assert parsed.first_line == 6
    assert gast.unparse(parsed.node).strip().endswith("x + 1")


def test_a_rewritten_assert_is_refused_in_a_newer_file(tmp_path, monkeypatch):
    """pytest's code cannot be compared with the file's."""
    source = "def f(x):\n    if 0: '@pytest_ar'\n    return x\n"
    path = tmp_path / "test_model.py"
    path.write_text(source)
    namespace = {}
    exec(compile(source, str(path), "exec"), namespace)
    f = namespace["f"]
    f.__code__ = f.__code__.replace(co_names=("@pytest_ar",))
    os.utime(path, (time.time() - 3600,) * 2)
    assert parse(f).node.name == "f"
    path.write_text(source.replace("return x", "return -x"))
    os.utime(path, (time.time() + 3600,) * 2)
    with pytest.raises(UnsupportedSyntaxError, match="has changed"):
        parse(f)


# No source


def test_a_builtin_has_no_source():
    refuses(
        math.sin,
        """
        `sin` has no Python source
          Write it in Python, or give it a rule with `vjp_rule`.
        """,
    )


@pytest.mark.parametrize(
    "f", [len, np.sin, np.sum, [].append, "".join, functools.partial(max, 1), np.ndarray.sum]
)
def test_what_is_written_in_c_has_no_source(f):
    with pytest.raises(UnsupportedSyntaxError, match="has no Python source"):
        parse(f)


def test_exec_without_linecache_has_no_source():
    namespace = {}
    exec("def f(x): return x", namespace)
    refuses(
        namespace["f"],
        """
        `f` has no source: there is no text of <string>
          Define it in a file or a notebook, or give it a rule with `vjp_rule`.
        """,
    )


def test_the_c_function_in_a_partial_is_named():
    with pytest.raises(UnsupportedSyntaxError, match="`max` has no Python source"):
        parse(functools.partial(max, 1))


def test_a_class_is_no_function():
    class Model:
        pass

    with pytest.raises(UnsupportedSyntaxError, match="Model` is a class"):
        parse(Model)


def test_what_cannot_be_called_is_a_type_error():
    with pytest.raises(TypeError, match="3 is not callable"):
        parse(3)


# What runs in pieces


def test_a_generator_is_refused_at_its_yield(load):
    model = load("""
        def f(xs):
            def inner(): yield 0
            for x in xs:
                yield x + 1
    """)
    error = refuses(
        model.f,
        """
        `f` is a generator and cannot be differentiated
          model.py, line 5:    yield x + 1
                               ^^^^^^^^^^^
          Collect the values in a list and return it.
        """,
    )
    assert (error.where.line, error.where.column, error.where.function) == (5, 8, "f")


def test_a_lambda_that_yields_is_refused(load):
    with pytest.raises(UnsupportedSyntaxError, match="is a generator"):
        parse(load("f = lambda x: (yield x)").f)


@pytest.mark.parametrize("body", ["return x", "yield x"])
def test_async_is_refused_at_its_head(load, body):
    model = load(f"async def f(x):\n    {body}\n")
    refuses(
        model.f,
        """
        `f` is `async` and cannot be differentiated
          model.py, line 1:    async def f(x):
                               ^^^^^^^^^^^^^^^
          Move the computation into an ordinary function and differentiate that.
        """,
    )


def test_a_function_that_makes_generators_is_fine(load):
    model = load("""
        def f(xs):
            def gen(): yield 1
            return sum(x for x in xs)
    """)
    assert parse(model.f).node.name == "f"


# Places


def test_a_place_counts_characters_not_bytes(load):
    model = load("""
        def f(x):
            größe = "äöü"; y = x + 1
            return y
    """)
    parsed = parse(model.f)
    where = parsed.location(parsed.node.body[1].value)
    assert (where.line, where.column, where.end_line, where.end_column) == (3, 23, 3, 28)
    assert where.quoted() == (
        'model.py, line 3:    größe = "äöü"; y = x + 1\n'
        "                                        ^^^^^"
    )


def test_a_node_without_a_place_has_that_of_its_first_part(load):
    model = load("""
        def f(xs):
            return [x for x in xs]
    """)
    parsed = parse(model.f)
    loop = parsed.node.body[0].value.generators[0]
    assert parsed.location(loop).column == 18
    assert parsed.location(gast.Load()) == parsed.location(parsed.node)
    assert parsed.location(parsed.node).function == "f"


def test_a_place_names_the_qualified_function(load):
    model = load("""
        class Model:
            def loss(self, x):
                return x
    """)
    parsed = parse(model.Model().loss)
    assert parsed.location(parsed.node).function == "Model.loss"


# The tools


def test_gast_knows_every_node_of_this_python():
    kinds = ast.stmt, ast.expr, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.pattern
    nodes = {
        cls.__name__
        for kind in kinds
        for cls in kind.__subclasses__()
        if cls.__module__ in ("ast", "_ast")
    }
    assert {name for name in nodes if not hasattr(gast, name)} <= {"_ast_Ellipsis"}


def test_lambdas_on_a_line_without_columns(tmp_path):
    (tmp_path / "model.py").write_text(
        "from srcdiff.transforms.parse import parse\n"
        "fs = lambda x: x, lambda x: (lambda y: -x), lambda x: -x\n"
        "for f in (fs[2], fs[1](0), fs[1], fs[0]): print(parse(f).node.col_offset)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-X", "no_debug_ranges", "model.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == ["44", "29", "18", "5"], ran.stderr


def test_a_file_is_read_once_for_all_its_functions(load, monkeypatch):
    model = load("def f(x):\n    return x\n\ndef g(x):\n    return -x\n")
    parse(model.f)
    monkeypatch.setitem(vars(sys.modules["srcdiff.transforms.parse"]), "compile", None)
    assert parse(model.g).node.name == "g"
    assert parse(model.f).node is parse(model.f).node
