"""Loops over elements run on Python's numbers, and nobody can tell but by the clock."""

import inspect
import itertools
import linecache
import warnings
from random import Random

import numpy as np
import pytest

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms import Request, abstract, compile
from srcdiff.transforms.ir import Value, map_tree, walk
from srcdiff.transforms.kinds import FLOAT, OBJECT, Kind, kind_of
from srcdiff.transforms.parse import parse
from srcdiff.transforms.scalars import python_scalars
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import check


def kinds(instr):
    """The kinds of an operation's results, for texts."""
    if instr.op in ("list_add", "list_setitem"):
        return [instr.args[0].kind]
    if instr.op in ("pop", "stack"):
        return [Kind("scalar", np.dtype(float), python=False) for _ in instr.results]
    args, kwargs = (map_tree(lambda v: v.kind, tree) for tree in (instr.args, instr.kwargs))
    found = None if instr.effect else abstract.infer(instr.op, args, kwargs)
    return [found or OBJECT for _ in instr.results]


def becomes(before, after):
    check(python_scalars, before, after, kinds=kinds)


def unchanged(text):
    block = verify(parse_text(text, kinds=kinds))
    assert python_scalars(block) is block, python_scalars(block)


# ------------------------------------------------------------------------------------- the lists


def test_elements_that_a_loop_reads_come_from_a_list():
    becomes("""
        (x: f8[x.0]):
          n = len(x)
          total = for i in range(n) carry (p = 0.0):
            a = getitem(x, i)
            q = add(p, a)
            yield q
          return total
    """, """
        (x: f8[x.0]):
          n = len(x)
          x_list = np.ndarray.tolist(x) method='tolist'
          total = for i in range(n) carry (p = 0.0):
            a = getitem(x_list, i)
            q = add(p, a)
            yield q
          total.2 = np.float64(total)
          return total.2
    """)


def test_one_list_serves_all_loops_and_all_indices():
    becomes("""
        (x: f8[x.0]):
          n = len(x)
          m = sub(n, 1)
          total = for i in range(m) carry (p = 0.0):
            j = add(i, 1)
            a = getitem(x, i)
            b = getitem(x, j)
            c = getitem(x, -1)
            q = mul(a, b)
            r = add(q, c)
            s = add(p, r)
            yield s
          total.2 = for i.2 in reversed range(m) carry (p.2 = total):
            a.2 = getitem(x, i.2)
            s.2 = add(p.2, a.2)
            yield s.2
          return total.2
    """, """
        (x: f8[x.0]):
          n = len(x)
          m = sub(n, 1)
          x_list = np.ndarray.tolist(x) method='tolist'
          total = for i in range(m) carry (p = 0.0):
            j = add(i, 1)
            a = getitem(x_list, i)
            b = getitem(x_list, j)
            c = getitem(x_list, -1)
            q = mul(a, b)
            r = add(q, c)
            s = add(p, r)
            yield s
          total.2 = for i.2 in reversed range(m) carry (p.2 = total):
            a.2 = getitem(x_list, i.2)
            s.2 = add(p.2, a.2)
            yield s.2
          total.3 = np.float64(total.2)
          return total.3
    """)


def test_of_another_array_no_more_than_the_loop_reads_becomes_a_list():
    becomes("""
        (x: f8[x.0], y: f8[y.0]):
          n = len(x)
          total = for i in range(n) carry (p = 0.0):
            a = getitem(x, i)
            b = getitem(y, i)
            c = mul(a, b)
            q = add(p, c)
            yield q
          return total
    """, """
        (x: f8[x.0], y: f8[y.0]):
          n = len(x)
          x_list = np.ndarray.tolist(x) method='tolist'
          y.2 = getitem(y, :n)
          y_list = np.ndarray.tolist(y.2) method='tolist'
          total = for i in range(n) carry (p = 0.0):
            a = getitem(x_list, i)
            b = getitem(y_list, i)
            c = mul(a, b)
            q = add(p, c)
            yield q
          total.2 = np.float64(total)
          return total.2
    """)


def test_three_elements_of_an_array_do_not_cost_a_list():
    unchanged("""
        (x: f8[x.0], k: int):
          total = for i in range(k) carry (p = 0.0):
            j = mul(i, 2)
            a = getitem(x, j)
            q = add(p, a)
            yield q
          return total
    """)


def test_a_loop_that_may_break_or_a_while_makes_no_list():
    unchanged("""
        (x: f8[x.0]):
          n = len(x)
          total, count = for i in range(n) carry (p = 0.0) may_break:
            a = getitem(x, i)
            q = add(p, a)
            b = gt(q, 1.0)
            yield q, b
          return total
    """)
    unchanged("""
        (x: f8[x.0]):
          n = len(x)
          i.3, total, count = while carry (i = 0, p = 0.0):
            b = lt(i, n)
            yield b
          do carry (i.2, p.2):
            a = getitem(x, i.2)
            q = add(p.2, a)
            j = add(i.2, 1)
            yield j, q
          return total
    """)


def test_an_array_that_is_written_is_no_list():
    unchanged("""
        (x: f8[x.0]):
          n = len(x)
          y = setitem(x, (), 0, 1.0)
          total = for i in range(n) carry (p = 0.0):
            a = getitem(y, i)
            q = add(p, a)
            yield q
          return total
    """)


def test_float32_stays():
    unchanged("""
        (x: f4[x.0], z: f4):
          n = len(x)
          total = for i in range(n) carry (p = z):
            a = getitem(x, i)
            q = add(p, a)
            yield q
          return total
    """)


@pytest.mark.parametrize("line", [
    "b = pow(a, 0.5)", "b = pow(2.0, a)", "b = pow(a, a)", "b = mul(a, z)", "b = str(a)",
    "b = mul(a, v)", "b = builtins.round(a, 2)", "b = tuple(a, 1)", "b = attribute(a, 'size')",
    "c = gt(a, 0.0)\n            b = add(c, c)", "c = gt(a, 0.0)\n            b = neg(c)",
])  # fmt: skip
def test_what_python_computes_otherwise_stays(line):
    unchanged(f"""
        (x: f8[x.0], z: f4, v: f4[3]):
          n = len(x)
          for i in range(n):
            a = getitem(x, i)
            d = add(a, 1.0)
            {line}
            yield
          return
    """)


@pytest.mark.parametrize("line", [
    "b = pow(a, 2)", "b = truediv(a, a)", "b = np.sin(a)", "b = math.sin(a)", "b = mul(a, v)",
    "b = max(a, 0.0)", "b = builtins.abs(a)", "c = gt(a, 0.0)\n            b = mul(c, a)",
])  # fmt: skip
def test_what_python_computes_alike_does_not(line):
    block = parse_text(f"""
        (x: f8[x.0], v: f8[3]):
          n = len(x)
          for i in range(n):
            a = getitem(x, i)
            d = add(a, 1.0)
            {line}
            yield
          return
    """, kinds=kinds)
    assert any(instr.op is np.ndarray.tolist for instr in walk(verify(python_scalars(block))))


def test_a_read_that_must_stay_does_not_keep_the_others():
    becomes("""
        (x: f8[x.0]):
          n = len(x)
          total = for i in range(n) carry (p = 0.0):
            j = sub(n, i)
            a = getitem(x, i)
            b = getitem(x, j)
            c = pow(b, 0.5)
            d = add(a, 1.0)
            e = mul(d, 2.0)
            yield p
          return total
    """, """
        (x: f8[x.0]):
          n = len(x)
          x_list = np.ndarray.tolist(x) method='tolist'
          total = for i in range(n) carry (p = 0.0):
            j = sub(n, i)
            a = getitem(x_list, i)
            b = getitem(x, j)
            c = pow(b, 0.5)
            d = add(a, 1.0)
            e = mul(d, 2.0)
            yield p
          return total
    """)


def test_ints_that_choose_become_pythons():
    becomes("""
        (k: i8[k.0], x: f8[x.0]):
          n = len(k)
          total = for i in range(n) carry (p = 0.0):
            j = getitem(k, i)
            c = lt(j, 3)
            q = if c:
              a = getitem(x, j)
              r = add(p, a)
              yield r
            else:
              yield p
            yield q
          return total
    """, """
        (k: i8[k.0], x: f8[x.0]):
          n = len(k)
          k_list = np.ndarray.tolist(k) method='tolist'
          total = for i in range(n) carry (p = 0.0):
            j = getitem(k_list, i)
            c = lt(j, 3)
            q = if c:
              a = getitem(x, j)
              r = add(p, a)
              yield r
            else:
              yield p
            yield q
          return total
    """)


def test_ints_that_are_computed_with_stay():
    unchanged("""
        (k: i8[k.0]):
          n = len(k)
          total = for i in range(n) carry (p = 0):
            j = getitem(k, i)
            c = lt(j, 3)
            q = add(p, j)
            yield q
          return total
    """)


def test_ints_that_index_rows_stay():
    unchanged("""
        (k: i8[k.0], x: f8[x.0,4]):
          n = len(k)
          y = np.zeros(4)
          total = for i in range(n) carry (p = y):
            j = getitem(k, i)
            a = getitem(x, j)
            q = add(p, a)
            yield q
          return total
    """)


# ----------------------------------------------------------------------------------- the numbers


def test_numbers_from_outside_a_loop_become_floats():
    becomes("""
        (x: f8[x.0], s: f8, v: f8[v.0], n: int):
          a = getitem(x, 0)
          b = np.sum(v)
          y = mul(a, 2.0)
          total = for i in range(n) carry (p = 0.0):
            q = mul(p, y)
            r = add(q, b)
            t = add(r, s)
            yield t
          return total
    """, """
        (x: f8[x.0], s: f8, v: f8[v.0], n: int):
          s.2 = float(s)
          a = np.ndarray.item(x, 0) method='item'
          b = np.sum(v)
          b.2 = float(b)
          y = mul(a, 2.0)
          total = for i in range(n) carry (p = 0.0):
            q = mul(p, y)
            r = add(q, b.2)
            t = add(r, s.2)
            yield t
          total.2 = np.float64(total)
          return total.2
    """)


def test_numbers_that_loops_use_with_arrays_alone_stay():
    unchanged("""
        (x: f8[x.0], v: f8[v.0], n: int):
          a = getitem(x, 0)
          b = mul(a, 2.0)
          total = for i in range(n) carry (p = v):
            q = mul(p, b)
            yield q
          return total
    """)


def test_numbers_that_meet_numpys_in_every_step_stay():
    unchanged("""
        (x: f8[x.0], n: int):
          a = getitem(x, 0)
          total = for i in range(n) carry (p = a):
            q = np.sin(p)
            yield q
          return total
    """)


def test_what_is_returned_is_numpys_again():
    block = python_scalars(parse_text("""
        (x: f8[x.0], n: int):
          a = getitem(x, 0)
          total = for i in range(n) carry (p = a):
            q = mul(p, p)
            yield q
          return total
    """, kinds=kinds))
    assert block.instrs[-1].op is np.float64
    assert block.results[0].kind == kind_of(np.float64(1))
    assert block.instrs[-1].args[0].kind == FLOAT


# ------------------------------------------------------------------------------ the accumulators


def test_an_accumulator_is_a_list():
    becomes("""
        (x: f8[x.0]):
          n = len(x)
          d = np.zeros_like(x)
          d.4 = for i in range(n) carry (d.2 = d):
            a = getitem(x, i)
            b = mul(a, a)
            c = gt(a, 0.0)
            d.3 = if c:
              d.5 = add_at(d.2, (), i, b)
              yield d.5
            else:
              yield d.2
            d.6 = setitem(d.3, (), 0, 1)
            yield d.6
          e = mul(d.4, 2.0)
          return e
    """, """
        (x: f8[x.0]):
          n = len(x)
          d = mul([0.0], n)
          x_list = np.ndarray.tolist(x) method='tolist'
          d.4 = for i in range(n) carry (d.2 = d):
            a = getitem(x_list, i)
            b = mul(a, a)
            c = gt(a, 0.0)
            d.3 = if c:
              d.5 = list_add(d.2, i, b)
              yield d.5
            else:
              yield d.2
            d.6 = list_setitem(d.3, 0, 1.0)
            yield d.6
          d.7 = np.array(d.4)
          e = mul(d.7, 2.0)
          return e
    """)


def test_the_part_that_a_loop_writes_is_a_list():
    becomes("""
        (x: f8[x.0], y: f8[y.0]):
          n = len(x)
          d = np.zeros_like(y)
          d.4 = for i in range(n) carry (d.2 = d):
            d.3 = add_at(d.2, (), i, 2.0)
            yield d.3
          return d.4
    """, """
        (x: f8[x.0], y: f8[y.0]):
          n = len(x)
          d_list = mul([0.0], n)
          d_list.4 = for i in range(n) carry (d_list.2 = d_list):
            d_list.3 = list_add(d_list.2, i, 2.0)
            yield d_list.3
          d = np.zeros_like(y)
          d.2 = setitem(d, (), :n, d_list.4)
          return d.2
    """)


@pytest.mark.parametrize("line", [
    "e = np.sum(d.3)", "e = getitem(d.2, i)", "e = getitem(d.3, :2)", "push(s, d.3)",
    "e = np.zeros_like(d.3)", "e = np.sum(d)",
])  # fmt: skip
def test_an_accumulator_that_is_read_on_the_way_is_none(line):
    unchanged(f"""
        (x: f8[x.0]):
          n = len(x)
          s = stack()
          d = np.zeros_like(x)
          d.4 = for i in range(n) carry (d.2 = d):
            d.3 = add_at(d.2, (), i, 2.0)
            {line}
            yield d.3
          return d.4
    """)


def test_two_accumulators_that_change_places_are_none():
    unchanged("""
        (x: f8[x.0]):
          n = len(x)
          a = np.zeros_like(x)
          b = np.zeros_like(x)
          a.4, b.4 = for i in range(n) carry (a.2 = a, b.2 = b):
            a.3 = add_at(a.2, (), i, 2.0)
            yield b.2, a.3
          return a.4, b.4
    """)


# -------------------------------------------------------------------------------- whole functions

numbers = itertools.count()


def define(source, name="f"):
    """The function that a source defines, as if it were in a file."""
    filename = f"<scalars {next(numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    namespace = {"np": np}
    exec(__builtins__["compile"](source, filename, "exec"), namespace)
    return namespace[name]


def compiled(f, args, scalars=True, wrt=None):
    bound = dict(zip(inspect.signature(f).parameters, args))
    floats = [k for k, v in bound.items() if np.result_type(v).kind == "f"]
    wanted = tuple(("argument", name) for name in floats)
    inspected = (lambda _, block: verify(block)) if scalars else None
    request = Request(parse(f), bound, wanted, value=True, scalars=scalars)
    return compile(request, inspected)


def outcome(function, args):
    """The bits of what a call returns, or its error."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value, gradients = function(*args)
    except Exception as error:
        return error
    parts = (value, *gradients)
    return [(np.shape(p), np.result_type(p).str, bits(p)) for p in parts]


def bits(p):
    p = np.array(p)
    return np.where(p != p, np.nan, p).tobytes() if p.dtype.kind == "f" else p.tobytes()


def assert_same(f, *args):
    """The pass changes no bit; the careful variant runs where Python raises."""
    fast, slow = compiled(f, args), compiled(f, args, scalars=False)
    wanted, got = outcome(slow.function, args), outcome(fast.function, args)
    if isinstance(got, ArithmeticError) and fast.careful is not None:
        got = outcome(fast.careful(), args)
    if isinstance(wanted, Exception):
        assert isinstance(got, type(wanted)), (got, fast.source)
    else:
        assert not isinstance(got, Exception), (got, fast.source)
        assert got == wanted, (fast.source, slow.source)
        if type(slow.function(*args)[0]) is np.float64:
            assert isinstance((fast.careful and fast.careful() or fast.function)(*args)[0],
                              np.float64)  # fmt: skip
    return fast


X = np.array([0.3, -1.2, 2.5, 0.0, 1e-3, -0.7])
Y = np.linspace(-1.0, 2.0, 9)


def test_a_loop_over_neighbours():
    def f(x):
        total = 0.0
        for i in range(len(x) - 1):
            a = x[i + 1] - x[i] * x[i]
            b = 1.0 - x[i]
            total = total + 100.0 * a * a + b * b
        return total

    fast = assert_same(f, X)
    assert "x.tolist()" in fast.source and "d_x = [0.0] * n" in fast.source
    assert type(fast.function(X)[0]) is np.float64
    assert_same(f, X[:1])
    assert_same(f, X[:0])


def test_negative_indices():
    def f(x):
        total = 0.0
        for i in range(len(x)):
            total += x[-i] * x[i - 1] * x[-1]
        return total

    assert "tolist" in assert_same(f, X).source


def test_index_arrays_and_branches():
    def f(x, k, up):
        total = 0.0
        for i in range(len(k)):
            if up[i]:
                total = total + x[k[i]] * 2.0
            elif k[i] > 2:
                total = total - x[k[i]] * x[i]
        return total

    k = np.array([5, 0, -1, 3, 3, 2])
    up = np.array([True, False, False, True, False, True])
    fast = assert_same(f, X, k, up)
    assert "k_list" in fast.source and "up_list" in fast.source
    assert_same(f, X, k.astype(np.uint8) % 6, up)


def test_two_arrays_of_different_length():
    def f(x, y):
        total = 0.0
        for a, b in zip(x, y):
            total = total + a * b * b
        return total

    for x, y in [(X, Y), (Y, X), (X, Y[:0]), (X[:0], Y)]:
        assert "tolist" in assert_same(f, x, y).source

    def g(x, y):
        total = 0.0
        for i in range(len(x)):
            total = total + x[i] * y[i]
        return total

    assert_same(g, X, Y)
    assert isinstance(outcome(compiled(g, (Y, X)).function, (Y, X)), IndexError)
    assert_same(g, Y, X)


def test_enumerate_and_reversed():
    def f(x):
        total = 0.0
        for i, v in enumerate(x):
            total = total * 0.5 + i * v
        for v in reversed(x):
            total = total * v + v
        return total

    assert "tolist" in assert_same(f, X).source


def test_while_loops_have_no_lists():
    def f(x):
        total, i = 0.0, 0
        while i < len(x):
            total = total + x[i] * x[i]
            i += 1
        return total

    assert "tolist" not in assert_same(f, X).source


def test_a_while_in_a_for_has():
    def f(x):
        total = 0.0
        for v in x:
            y = abs(v) + 1.0
            while abs(y * y - v) > 1e-12 and y > 1e-3:
                y = 0.5 * (y + v / y)
            total += y
        return total

    assert "tolist" in assert_same(f, X[X > 0]).source
    assert "tolist" in assert_same(f, X).source


def test_written_arrays_are_no_lists():
    def f(x):
        x = x.copy()
        total = 0.0
        for i in range(len(x)):
            x[i] = x[i] * 2.0
            total += x[i - 1]
        return total

    assert "x_list" not in assert_same(f, X).source


def test_a_users_buffer_of_zeros_is_a_list():
    def f(x):
        B = np.zeros(len(x))
        B[0] = x[0]
        for i in range(1, len(x)):
            B[i] = B[i - 1] * 0.5 + x[i] * x[i]
        return B.sum()

    fast = assert_same(f, X)
    assert "B = [0.0] * n" in fast.source
    assert_same(f, X[:1])
    assert_same(f, X[:0])


def test_float32_arrays_are_no_lists():
    def f(x, y):
        total = 0.0
        for i in range(len(x)):
            total += x[i] * y[i]
        return total

    assert "x_list" not in assert_same(f, X.astype(np.float32), X).source


def test_division_by_zero():
    def f(x):
        total = 0.0
        for v in x:
            total += 1.0 / v
        return total

    fast = assert_same(f, X)
    with pytest.raises(ZeroDivisionError):
        fast.function(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, (d_x,) = fast.careful()(X)
    assert value == np.inf and d_x[3] == -np.inf


def test_overflow():
    def f(x):
        total = 0.0
        for v in x:
            total += v**2 * v**-3
        return total

    fast = assert_same(f, X * 1e200)
    with pytest.raises(ArithmeticError):
        fast.function(X * 1e200)


def test_what_cannot_be_run_again_does_not_divide():
    def f(x):
        total = 0.0
        for v in x:
            total += 1.0 / v
        print("total", total)
        return total

    def g(x):
        total = 0.0
        for v in x:
            total += 2.0 * v * v
        print("total", total)
        return total

    assert assert_same(f, X).careful is None
    assert "tolist" not in compiled(f, (X,)).source
    assert assert_same(g, X).careful is None
    assert "tolist" in compiled(g, (X,)).source


def test_prints_are_the_same(capsys):
    def f(x):
        total = 0.0
        for v in x:
            total += v * v * 1e20
            print(total)
        return total

    for scalars in (False, True):
        compiled(f, (X,), scalars).function(X)
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(X)] == lines[len(X) :]


def test_numpys_error_state_is_left_alone():
    def f(x):
        total = 0.0
        with np.errstate(all="raise"):
            for v in x:
                total += v * 1e300 * 1e300
        return total

    assert compiled(f, (X,)).careful is None
    assert_same(f, X)


def test_vector_code_is_left_alone():
    def f(x, w):
        h = np.zeros(3)
        for t in range(len(x)):
            h = np.tanh(w * h + w[0])
        return (h * x[0]).sum()

    assert compiled(f, (X, X[:3])).source == compiled(f, (X, X[:3]), scalars=False).source


def test_parameters_of_a_simulation_become_floats():
    def f(p, n):
        a, b, x = p[0], p[1], p[2]
        total = 0.0
        for _ in range(n):
            x = x + 0.01 * (a * x - b * x * x)
            total += (x - 1.0) ** 2
        return total

    fast = assert_same(f, X, 5)
    assert "a = p.item(0)" in fast.source
    assert_same(f, X, 0)


def test_no_array_is_kept_alive():
    import gc
    import weakref

    def f(x):
        total = 0.0
        for v in x:
            total += v * v
        return total

    x = X.copy()
    kept = compiled(f, (x,))
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None and kept.careful is not None


# ------------------------------------------------------------------------------- random functions


class Maker:
    """Random functions with loops over elements.

    >>> print(Maker(Random(3)).function())  # doctest: +SKIP
    """

    HEADS = (
        "for i in range(len(x)):", "for i in range(len(x) - 1):", "for i in range(1, len(x)):",
        "for i in range(len(x) - 1, -1, -1):", "for i, u in enumerate(x):",
        "for i in reversed(range(len(x))):", "for i in range(n):", "for i in range(0, len(x), 2):",
    )  # fmt: skip

    def __init__(self, rng):
        self.rng = rng

    def index(self):
        return self.rng.choice(["i", "i", "i - 1", "-i", "-1", "0", "k[i]", "i - len(x)"])

    def atom(self, names):
        r = self.rng.random()
        if r < 0.35:
            return f"{self.rng.choice('xxyB' if self.buffer else 'xxy')}[{self.index()}]"
        if r < 0.85:
            return self.rng.choice(names)
        return self.rng.choice(["0.5", "2.0", "1.5", "-1.0", "3", "w", "w"])

    def expression(self, names, depth=2):
        e = self.expression
        if depth == 0 or self.rng.random() < 0.2:
            return self.atom(names)
        a, b = e(names, depth - 1), e(names, depth - 1)
        forms = [f"({a} + {b})", f"({a} - {b})", f"{a} * {b}", f"({a} + {b})", f"{a} * {b}",
                 f"({a}) ** 2", f"abs({a})", f"max({a}, {b})", f"min({a}, 1.0)", f"-{a}",
                 f"math.tanh({a})", f"np.sin({a})", f"{a} / (1.5 + abs({b}))",
                 f"(1.0 if {a} > {b} else {b})", f"math.exp(-abs({a}))", f"float({a})"]  # fmt: skip
        if self.risky:
            forms += [f"{a} / {b}", f"({a}) ** 3", f"abs({a}) ** 0.5", f"np.maximum({a}, {b})",
                      f"({a}) ** -1"]  # fmt: skip
        return self.rng.choice(forms)

    def body(self, names, indent, depth):
        lines, names = [], list(names)
        for _ in range(self.rng.randrange(1, 4)):
            r = self.rng.random()
            e = self.expression(names)
            if r < 0.35:
                name = self.rng.choice(["a", "b"])
                lines.append(f"{name} = {e}")
                names.append(name)
            elif r < 0.65:
                name = self.rng.choice(["total", "total", "s"])
                lines.append(f"{name} = 0.5 * {name} + {e}")
            elif r < 0.75 and self.buffer:
                lines.append(f"B[{self.index()}] {self.rng.choice(['=', '+='])} {e}")
            elif r < 0.85 and depth:
                test = self.rng.choice([f"{e} > 0.1", "flag[i]", "k[i] > 1", f"{e} <= {e}"])
                lines += [f"if {test}:", *self.body(names, "    ", depth - 1)]
                if self.rng.random() < 0.5:
                    lines += ["else:", *self.body(names, "    ", depth - 1)]
            elif r < 0.9 and depth:
                lines += ["for j in range(len(y)):", f"    s = 0.3 * s + y[j] * {e}"]
            elif r < 0.95 and depth:
                lines += ["c = 3", "while c > 0 and total < 5.0:",
                          f"    total = 0.9 * total + {e}", "    c -= 1"]  # fmt: skip
            else:
                lines.append(f"total = total + {e}")
        return [indent + line for line in lines]

    def function(self):
        rng = self.rng
        self.buffer, self.risky = rng.random() < 0.4, rng.random() < 0.3
        lines = ["import math", "def f(x, y, w, k, flag, n):", "    total, s = 0.0, w"]
        if rng.random() < 0.4:
            lines.append(f"    s = {rng.choice(['x[0]', 'x[1] * y[0]', 'np.sum(x)', '1.0'])}")
        if self.buffer:
            lines.append("    B = np.zeros(len(x))")
        for _ in range(rng.randrange(1, 3)):
            if rng.random() < 0.15:
                lines += ["    for i, (u, v) in enumerate(zip(x, y)):",
                          *self.body(["u", "v", "s", "total"], " " * 8, 2)]  # fmt: skip
                continue
            head = rng.choice(self.HEADS)
            names = ["total", "s", *(["u"] if "u" in head else [])]
            if rng.random() < 0.1:
                lines += ["    if w > 0.2:", f"        {head}", *self.body(names, " " * 12, 1)]
            else:
                lines += [f"    {head}", *self.body(names, " " * 8, 2)]
        end = "total + s" + (" + B.sum()" if self.buffer else "")
        return "\n".join([*lines, f"    return {end}\n"])


@pytest.mark.parametrize("seed", range(150))
def test_random_functions_give_the_same_bits(seed):
    rng = Random(seed)
    source = Maker(rng).function()
    f = define(source)
    data = np.random.default_rng(seed)
    size = rng.choice([2, 5, 6])
    x, y = data.normal(size=size), data.normal(size=size + rng.randrange(3))
    if rng.random() < 0.2:
        x[1] = 0.0
    k = data.integers(-size, size, size + 2)
    flag = data.integers(0, 2, size + 2) > 0
    w = rng.choice([0.7, np.float64(0.3)])
    try:
        assert_same(f, x, y, w, k, flag, rng.choice([0, 1, size]))
    except UnsupportedSyntaxError as error:  # a name that changes its kind in a loop
        pytest.skip(f"the compiler refuses this program: {error}")


def test_random_functions_use_lists():
    rng = Random(0)
    used = 0
    for _ in range(20):
        f = define(Maker(rng).function())
        args = (X, Y, 0.5, np.arange(9) % 6, np.arange(9) > 4, 4)
        used += "tolist" in compiled(f, args).source
    assert used > 10


def test_it_takes_linear_time():
    lines = ["(x: f8[x.0]):", "  n = len(x)", "  for i in range(n):"]
    for j in range(3000):
        lines += [f"    a{j} = getitem(x, i)", f"    b{j} = mul(a{j}, a{j})"]
    block = parse_text("\n".join([*lines, "    yield", "  return"]), kinds=kinds)
    import time

    start = time.perf_counter()
    python_scalars(block)
    assert time.perf_counter() - start < 2.0
    assert isinstance(block.params[0], Value)
