"""Programs and calls that raise, and what a user reads then: golden/errors.txt holds the texts.

    @bad(some(3), wrt="z")          the call: arguments, then keywords of `grad`
    def an_unknown_name(x): …

Every entry is called with `fallback="error"` unless it says otherwise; `how` is another way to
call, a function of the program and its arguments.
"""

# ruff: noqa: F821, F601, E731, B015, B018, PLW, SIM, E711, B020

import asyncio
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from scipy.special import mathieu_a

import srcdiff
from tests.gallery import some


class Bad(NamedTuple):
    f: Any
    name: str
    args: tuple
    keywords: dict
    how: Callable


PROGRAMS: list[Bad] = []


def by_grad(f: Any, *args: Any, **keywords: Any) -> Any:
    return srcdiff.grad(f, **{"fallback": "error", **keywords})(*args)


def bad(*args: Any, how: Callable = by_grad, **keywords: Any) -> Callable:
    def note(f: Callable) -> Callable:
        PROGRAMS.append(Bad(f, f.__name__, args, keywords, how))
        return f

    return note


# ------------------------------------------------------------------ what is asked for


def square(x, k=2.0):
    return np.sum(x**2) * k


def called(
    name: str, *args: Any, f: Any = square, how: Callable = by_grad, **keywords: Any
) -> None:
    PROGRAMS.append(Bad(f, name, args, keywords, how))


called("a position that the call does not have", some(3), wrt=3)
called("a negative position that the call does not have", some(3), wrt=-2)
called("an unknown name", some(3), wrt="z")
called("an unknown name in a tuple", some(3), wrt=("x", "y"))
called("one argument twice", some(3), 1.0, wrt=(0, "x"))
called("a position that is no number", some(3), wrt=1.5)
called("wrt and argnums", some(3), wrt=0, argnums=0)
called("an array of ints", np.arange(3))
called("an array of bools", np.array([True, False]))
called("an array of strings", np.array(["a", "b"]))
called("an array of objects", np.array([1.0, None], dtype=object))
called("a string", "abc")
called("None", None)
called("a bool", True)
called("a NumPy bool", np.bool_(True))
called("a module", how=lambda f: by_grad(f, math))
called("a masked array", how=lambda f: by_grad(f, np.ma.ones(3)))
called("a matrix", how=lambda f: by_grad(f, np.asmatrix([[1.0, 2.0]])))
called("an array in the other byte order", np.ones(3).astype(np.ones(3).dtype.newbyteorder()))
called("a structured array", np.zeros(2, dtype=[("a", float)]))
called("an argument too few")
called("an argument too many", some(3), 1.0, 2.0)
called("an unknown fallback", some(3), fallback="never")
called("an unknown backend", some(3), backend="cuda")
called("a negative limit of unrolling", some(3), unroll=-1)
called("no function", some(3), f=3.0)
called("a class", some(3), f=dict)
called("a builtin function without a rule", some(3), f=len)
called("the source before a call", some(3), how=lambda f, x: srcdiff.grad(f).source)
called("the text of what runs on the tape", some(3), f=eval("lambda x: x @ x"),
       how=lambda f, x: (df := srcdiff.grad(f), df(x), df.source))  # fmt: skip


@bad(some(3), some(3))
def a_keyword_that_nobody_takes(x, y):
    return srcdiff.grad(square)(x, scale=2.0)


@bad(some(3), wrt="y")
def a_local_variable_assigned_twice(x):
    y = x * 2
    y = y * 3
    return np.sum(y)


@bad(some(3), wrt="t")
def a_local_variable_of_a_loop(x):
    s = 0.0
    for v in x:
        t = v * v
        s = s + t
    return s


@bad(some(3), wrt="n")
def a_local_variable_that_is_an_int(x):
    n = len(x)
    return np.sum(x) * n


# ------------------------------------------------------------------ what comes out


@bad(some(3))
def an_output_of_several_elements(x):
    return x * 2


@bad(some(3, 1))
def an_output_of_several_elements_in_a_column(x):
    return x * 2


@bad(some(3))
def a_tuple(x):
    return np.sum(x), np.prod(x)


@bad(some(3))
def a_dict(x):
    return {"loss": np.sum(x)}


@bad(some(3))
def a_list(x):
    return [np.sum(x)]


@bad(some(3))
def nothing(x):
    np.sum(x)


@bad(some(3))
def a_text(x):
    return f"{np.sum(x):.3f}"


@bad(some(3))
def a_complex_number(x):
    return np.sum(x) * 1j


@bad(some(3), has_aux=True)
def no_auxiliary_output(x):
    return np.sum(x)


# ------------------------------------------------------------------ cotangents


def pulled(d_out: Any) -> Callable:
    return lambda f, x: srcdiff.vjp(f, x)[1](d_out)


called("a cotangent of another shape", some(3), f=np.sin, how=pulled(np.ones(2)))
called("a cotangent of another structure", some(3), f=lambda x: (x, x), how=pulled(np.ones(3)))
called("a complex cotangent of reals", some(3), f=np.sin, how=pulled(np.ones(3) * 1j))
called("a cotangent that is no array", some(3), f=np.sin, how=pulled("ones"))


# ------------------------------------------------------------------ calls without a rule


@bad(some(3))
def a_function_without_a_rule(x):
    return np.sum(mathieu_a(2, x))


@bad(some(3))
def a_function_without_a_rule_in_a_lambda(x):
    g = lambda v: mathieu_a(2, v) * 2
    return np.sum(g(x))


@bad(some(3))
def a_function_without_a_rule_over_several_lines(x):
    return np.sum(
        mathieu_a(
            x * 2,
            9.0,
        )
    )


def steps(v):
    w = v * 2
    return mathieu_a(2, w)


@bad(some(3))
def a_function_without_a_rule_in_a_helper(x):
    return np.sum(steps(x))


@bad(some(3, 3))
def eigenvalues_of_a_subset(x):
    return np.sum(scipy.linalg.eigvalsh(x, subset_by_index=(0, 1)))


@bad(some(3))
def text_of_an_array(x):
    return float(np.array2string(x)[1:4])


@bad(some(3))
def bytes_of_an_array(x):
    return np.sum(np.frombuffer(x.tobytes()))


@bad(some(3))
def random_numbers_that_depend_on_an_argument(x):
    return np.sum(np.random.poisson(np.abs(x)))


@bad(some(3))
def a_callback_of_native_code(x):
    return functools.reduce(np.frompyfunc(lambda a, b: a * b, 2, 1), x)


# ------------------------------------------------------------------ arrays that are not plain


@bad(some(3))
def a_new_shape_in_place(x):
    x.shape = (3, 1)
    return np.sum(x)


@bad(some(4))
def a_new_dtype_in_place(x):
    x.dtype = np.int64
    return np.sum(x)


@bad(some(3))
def a_new_size_in_place(x):
    y = x * 2
    y.resize(5)
    return np.sum(y)


@bad(some(3))
def a_view_of_another_dtype(x):
    return np.sum(x.view(np.int64))


@bad(some(3))
def a_masked_array_inside(x):
    return np.ma.masked_less(x, 0).sum()


@bad(some(2, 2))
def a_matrix_inside(x):
    return np.sum(np.asmatrix(x) * 2)


@bad(some(3))
def an_array_of_objects_inside(x):
    boxes = np.empty(2, dtype=object)
    boxes[0] = x
    return np.sum(boxes[0])


@bad(some(3))
def a_record_inside(x):
    table = np.zeros(3, dtype=[("a", float)])
    table["a"] = x
    return np.sum(table["a"])


@bad(some(3))
def an_iterator_of_arrays(x):
    total = 0.0
    for v in np.nditer(x):
        total += v
    return total


# ------------------------------------------------------------------ what depends on run-time values


@bad(some(3))
def the_truth_of_an_array(x):
    if x > 0:
        return np.sum(x)
    return 0.0


@bad(some(2, 3), 1.0)
def an_axis_that_is_computed(x, s):
    return np.sum(np.sum(x, axis=int(s > 0)))


@bad(some(2, 3), 0.4)
def a_result_of_one_of_two_kinds(x, s):
    y = x if s > 0 else x[0]
    return y * 2.0


@bad(some(3), 3)
def a_list_of_two_kinds(x, n):
    parts = []
    for i in range(n):
        parts.append(x if i > 1 else 2.0)
    return np.sum(parts[0])


@bad(some(3), 3)
def a_kind_that_changes_in_a_loop(x, n):
    y = "none"
    for i in range(n):
        y = x * i if y == "none" else y + x
    return np.sum(y)


@bad(some(3), some(3))
def whether_two_arguments_are_one_object(x, y):
    return np.sum(x) if x is y else np.sum(y)


@bad(some(3), 0.4)
def a_key_that_is_computed(x, s):
    table = {}
    for v in x:
        table[round(v * s, 1)] = v
    return sum(table.values())


@bad(some(3), 0.4)
def a_type_that_is_computed(x, s):
    y = int(s) if s > 0 else s
    return np.sum(x) * (2 if type(y) is int else 3)


@bad(some(3), 0.4)
def a_name_that_may_be_unbound(x, s):
    if s > 0:
        scale = [x]
    return np.sum(x) * len(scale)


# ------------------------------------------------------------------ errors of the program itself


@bad(some(3))
def a_name_that_is_not_defined(x):
    return np.sum(x) * missing_name


@bad(some(3))
def a_variable_before_it_is_assigned(x):
    y = z * 2
    z = x
    return np.sum(y * z)


@bad(some(3))
def an_attribute_that_is_not_there(x):
    return np.sum(np.no_such_function(x))


@bad(some(3))
def a_method_that_is_not_there(x):
    return x.total()


@bad(some(3))
def an_index_out_of_range(x):
    pair = (x, x)
    return np.sum(pair[2])


@bad(some(3))
def a_key_that_is_not_there(x):
    table = {"a": x}
    return np.sum(table["b"])


@bad(some(3))
def too_many_values_to_unpack(x):
    values = [x, x, x]
    a, b = values
    return np.sum(a * b)


@bad(some(3))
def a_helper_called_without_an_argument(x):
    def helper(v, w):
        return v * w

    return np.sum(helper(x))


@bad(some(3))
def a_text_plus_a_number(x):
    return np.sum(x) * len("a" + 1)


@bad(some(3))
def an_error_that_is_raised(x):
    if len(x) == 3:
        raise ValueError("three is too many")
    return np.sum(x)


@bad(some(3))
def an_assertion(x):
    assert np.sum(x) > 100, "too small"
    return np.sum(x)


@bad(some(3), some(4))
def shapes_that_do_not_fit(x, y):
    return np.sum(x * y)


@bad(some(3))
def a_recursion_without_end(x):
    return a_recursion_without_end(x * 2)


# ------------------------------------------------------------------ functions that run in pieces


@bad(some(3))
def a_generator(x):
    for v in x:
        yield v * v


@bad(some(3))
async def a_coroutine(x):
    return np.sum(x)


@bad(some(3))
def something_asynchronous_inside(x):
    async def wait():
        return np.sum(x)

    return asyncio.run(wait())


@bad(some(3))
def a_generator_that_is_sent_values(x):
    def running():
        total = 0.0
        while True:
            total += yield total

    sums = running()
    next(sums)
    for v in x:
        last = sums.send(v)
    return last


# ------------------------------------------------------------------ what cannot be seen


called("code without a source", some(3), f=eval("lambda x: x @ x"))
MADE: dict[str, Any] = {}
exec("def made(x): return x @ x", MADE)
called("a function made by exec", some(3), f=MADE["made"])


@bad(some(3))
def a_file_that_is_written(x):
    with open("/dev/null", "w") as file:
        file.write(str(x))
    return np.sum(x)


@bad(some(3))
def what_native_code_keeps(x):
    box = memoryview(x)
    return box[0] * 2.0


@bad(some(3))
def evaluated_text(x):
    return eval("np.sum(x)")


@bad(some(3))
def code_that_is_executed(x):
    y = x
    exec("y = x * 2")
    return np.sum(y)


@bad(some(3))
def local_names_as_a_dict(x):
    y = x * 2
    return np.sum(locals()["y"])


class Model:
    def __init__(self, w):
        self.w = w

    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


@bad(some(3))
def a_class_that_makes_its_attributes(x):
    return np.sum(Model(x).w)


@bad(some(3), how=lambda f, x: srcdiff.vjp(f, x))
def a_parameter_called_as_the_cotangent(d_out):
    return d_out * 2


@bad(some(4), how=lambda f, x: by_grad(f, x, x[1:], wrt=(0, 1)))
def arguments_that_share_memory(x, y):
    x[0] = 2.0
    return np.sum(x) * np.sum(y)
