"""What a user is told: the class, the file, the line, the expression, what to write instead."""

import inspect
import re

import numpy as np
import pytest
from scipy.special import mathieu_a

from srcdiff import NonScalarOutputError, grad
from tests.gallery import some
from tests.tape import value_and_grad_on_tape

HERE = "test_errors.py"


def error_of(f, *args, wrt=0, fallback="error", make=None):
    """The error that differentiating f at args raises."""
    import srcdiff

    with pytest.raises(srcdiff.SrcdiffError) as caught:
        (make or srcdiff.grad)(f, wrt=wrt, fallback=fallback)(*args)
    return caught.value


def kind(name):
    import srcdiff

    return getattr(srcdiff, name)


def check(error, f, *, says=(), line=None, under=None, instead=()):
    """Compare an error's text with the format of style.md, by what it must contain.

        what is wrong
          test_errors.py, line 12:    the user's line
                                      ^^^^ under the expression
          What to write instead.

    `line` is a part of the line in f that is meant, `under` the expression over the carets.
    """
    text = str(error)
    first, *rest = text.splitlines()
    for part in (says,) if isinstance(says, str) else says:
        assert part in first, text
    places = [row for row in rest if re.match(rf"  {HERE}, line \d+:", row)]
    assert places, text
    head, number = re.match(rf"(  {HERE}, line (\d+):\s*)", places[0]).groups()
    lines, start = inspect.getsourcelines(f)
    numbered = {start + i: row for i, row in enumerate(lines)}
    assert int(number) in numbered, text
    quoted = places[0][len(head) :]
    assert quoted == numbered[int(number)].strip(), text
    if line is not None:
        assert line in numbered[int(number)], text
    carets = rest[rest.index(places[0]) + 1]
    assert re.fullmatch(r"\s+\^+", carets), text
    marked = places[0][carets.index("^") : len(carets)]
    if under is not None:
        assert marked == under, text
    advice = "\n".join(rest[rest.index(places[0]) + 2 :])
    for part in (instead,) if isinstance(instead, str) else instead:
        assert part in advice, text
    assert advice.strip(), text


# Wrong arguments


def weighted(x, k=2.0):
    return np.sum(x * x) * k


@pytest.mark.parametrize("wrt", [2, 5, -3, "z", ("x", "z"), (0, 7)])
def test_an_unknown_name_or_position(wrt):
    error = error_of(weighted, some(3), wrt=wrt)
    assert isinstance(error, ValueError)
    text = str(error)
    missing = wrt[1] if isinstance(wrt, tuple) else wrt
    assert str(missing) in text.splitlines()[0]
    assert HERE in text and "weighted" in text
    assert "x" in text.splitlines()[-1]  # what there is instead


def test_the_check_of_wrt_comes_before_the_function_runs():
    def f(x):
        raise RuntimeError("not reached")

    assert isinstance(error_of(f, some(3), wrt="y"), ValueError)


@pytest.mark.parametrize(
    "x", [np.arange(3), np.array([True, False]), np.arange(3, dtype=np.uint8)], ids=str
)
def test_an_array_of_integers_or_bools(x):
    error = error_of(weighted, x)
    assert isinstance(error, TypeError)
    text = str(error)
    assert "`x`" in text and str(x.dtype) in text
    assert "astype(float)" in text


def test_the_second_argument_is_named_when_it_is_the_wrong_one():
    def f(x, count):
        return np.sum(x * count)

    error = error_of(f, some(3), np.arange(3), wrt=(0, 1))
    assert isinstance(error, TypeError) and "`count`" in str(error)
    check(error, f, line="def f(x, count)", instead="astype(float)")


def test_an_array_of_integers_that_is_not_differentiated_is_fine():
    from srcdiff import grad

    def f(x, i):
        return np.sum(x[i])

    assert grad(f, fallback="error")(some(3), np.array([0, 0])).tolist() == [2, 0, 0]


@pytest.mark.parametrize("x", ["text", None, object()], ids=["str", "None", "object"])
def test_an_argument_that_is_no_number(x):
    error = error_of(weighted, x)
    assert isinstance(error, TypeError) and "`x`" in str(error)


# Wrong results


def vector(x):
    y = x * 2
    return np.sin(y)


def test_more_than_one_output_element():
    error = error_of(vector, some(3))
    assert isinstance(error, kind("NonScalarOutputError"))
    text = str(error)
    assert "vector" in text.splitlines()[0]
    assert "(3,)" in text or "3 elements" in text
    assert "elementwise_grad" in text and "vjp" in text
    check(error, vector, line="return np.sin(y)")


def test_an_output_of_one_element_is_none_of_these():
    from srcdiff import grad

    assert grad(vector, fallback="error")(np.zeros(1)).tolist() == [2.0]


def test_elementwise_grad_takes_what_grad_refuses():
    from srcdiff import elementwise_grad

    x = some(3)
    g = elementwise_grad(vector, fallback="error")(x)
    np.testing.assert_allclose(g, 2 * np.cos(2 * x))


# What has no derivative


def unknown_function(x):
    y = x * 2
    return np.sum(mathieu_a(y, 9.0) * x)


def test_a_function_without_a_rule():
    error = error_of(unknown_function, some(3))
    assert isinstance(error, kind("NoRuleError"))
    check(
        error,
        unknown_function,
        says="mathieu_a",
        line="mathieu_a(y, 9.0)",
        under="mathieu_a(y, 9.0)",
        instead="vjp_rule",
    )


def inactive_unknown_function(x, t):
    k = mathieu_a(t, 9.0)
    return np.sum(k * x)


def test_a_function_without_a_rule_may_be_called_on_constants():
    from srcdiff import grad

    g = grad(inactive_unknown_function, fallback="error")(some(3), np.arange(3.0))
    np.testing.assert_allclose(g, mathieu_a(np.arange(3.0), 9.0))


# Syntax

def with_try(x):
    try:
        y = np.sum(x)
    except* ValueError:
        y = x[0]
    return y


def with_yield(x):
    for v in x:
        yield v * 2


def with_nonlocal(x):
    s = 0.0

    def add(v):
        nonlocal s
        s = s + v

    add(x[0])
    return s


def with_class(x):
    class Box:
        value = 2

    return np.sum(x) * Box.value


def with_await(x):
    async def g(v):
        return v

    return np.sum(x)


def with_match(x):
    match len(x):
        case 3:
            return np.sum(x)
    return x[0]


@pytest.mark.parametrize(
    "f, says, line",
    [
        (with_try, "`except*`", "try:"),
        (with_yield, "generator", "yield v * 2"),
        (with_class, "`class`", "class Box"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_unsupported_syntax_shows_its_line(f, says, line):
    error = error_of(f, some(3))
    assert isinstance(error, kind("UnsupportedSyntaxError"))
    check(error, f, says=says, line=line)


@pytest.mark.parametrize("f", [with_nonlocal, with_await, with_match])
def test_what_a_later_version_may_take_is_right_or_an_error(f):
    from srcdiff import SrcdiffError, grad

    try:
        g = grad(f, fallback="error")(some(3))
    except SrcdiffError as error:
        check(error, f)
    else:
        np.testing.assert_allclose(g, [1, 0, 0] if f is with_nonlocal else np.ones(3))


def test_the_golden_message_of_a_class():
    number = inspect.getsourcelines(with_class)[1] + 1
    first, where, carets, advice = str(error_of(with_class, some(3))).splitlines()
    assert first == "`class` cannot be differentiated"
    assert where == f"  {HERE}, line {number}:    class Box:"
    assert carets == " " * where.index("class") + "^" * len("class Box:")
    assert advice.startswith("  Move it out of the function")


def outer_of_a_refused_helper(x):
    return with_class(x) * 2


def test_an_error_in_a_helper_shows_the_helpers_line():
    error = error_of(outer_of_a_refused_helper, some(3))
    check(error, with_class, says="`class`", line="class Box:", under="class Box:")


def test_a_multiline_expression_is_quoted_by_its_first_line():
    def f(x):
        return np.sum(
            mathieu_a(
                x * 2,
                9.0,
            )
        )

    error = error_of(f, some(3))
    check(error, f, says="mathieu_a", line="mathieu_a(", under="mathieu_a(")


def test_columns_count_characters_not_bytes():
    # fmt: off
    def f(x):
        größe = x * 2; y = np.sum(größe) + np.sum(mathieu_a(größe, 9.0))  # noqa: E702
        return y
    # fmt: on

    error = error_of(f, some(3))
    check(error, f, says="mathieu_a", under="mathieu_a(größe, 9.0)")


# No source


def test_a_function_made_by_exec_has_no_source():
    names = {"np": np}
    exec("def made(x):\n    return np.sum(x * x)\n", names)
    error = error_of(names["made"], some(3))
    assert isinstance(error, kind("UnsupportedSyntaxError"))
    assert "made" in str(error) and "source" in str(error)
    assert len(str(error).splitlines()) >= 2  # what to do


def test_a_builtin_without_a_rule_has_no_source():
    error = error_of(len, some(3))
    assert "len" in str(error)


def test_a_call_of_a_function_without_source_shows_the_call():
    names = {"np": np}
    exec("def made(x):\n    return x * x\n", names)
    made = names["made"]

    def f(x):
        return np.sum(made(x) + 1)

    error = error_of(f, some(3))
    assert isinstance(error, (kind("NoRuleError"), kind("UnsupportedSyntaxError")))
    check(error, f, says="made", line="made(x) + 1", under="made(x)")


def test_a_file_that_was_edited_says_so(tmp_path):
    from tests.test_ten_programs import load

    text = "def f(x):\n    return x * x\n"
    module = load("edited_model", text, tmp_path)
    (tmp_path / "edited_model.py").write_text(text.replace("x * x", "x * x * x"))
    error = error_of(module.f, 0.5)
    assert "edited_model.py" in str(error) and "changed" in str(error)


# The rest


def test_calling_with_the_wrong_arguments_is_pythons_own_error():
    from srcdiff import grad

    df = grad(weighted, fallback="error")
    with pytest.raises(TypeError, match="weighted|argument"):
        df()
    with pytest.raises(TypeError, match="weighted|argument"):
        df(some(3), 1.0, 2.0)
    with pytest.raises(TypeError, match="unknown"):
        df(some(3), unknown=1)


def test_an_unknown_keyword_of_grad_is_an_error():
    from srcdiff import grad

    with pytest.raises(TypeError):
        grad(weighted, with_respect_to=0)
    with pytest.raises((ValueError, TypeError)):
        grad(weighted, fallback="never")(some(3))


def test_something_that_cannot_be_called_is_a_type_error():
    from srcdiff import grad

    with pytest.raises(TypeError):
        grad(3)(0.5)


def test_errors_are_of_one_family():
    names = ("UnsupportedSyntaxError", "NoRuleError", "NonScalarOutputError")
    assert all(issubclass(kind(name), kind("SrcdiffError")) for name in names)


def test_an_error_travels_between_processes():
    import pickle

    error = error_of(unknown_function, some(3))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)


def test_an_exception_of_the_users_names_the_users_line():
    from srcdiff import grad

    def f(x):
        y = x * 2
        z = y[7]
        return np.sum(y) * z

    with pytest.raises(IndexError) as caught:
        grad(f, fallback="error")(some(3))
    line = inspect.getsourcelines(f)[1] + 2
    notes = "\n".join(getattr(caught.value, "__notes__", []))
    assert HERE in notes and str(line) in notes, notes


def test_an_exception_that_is_surely_raised_is_the_users():
    def f(x, kind):
        if kind == "a":
            return np.sum(x**2)
        raise ValueError(f"unknown kind {kind}")

    from srcdiff import grad

    with pytest.raises(ValueError, match="unknown kind b") as caught:
        grad(f)(some(3), "b")
    assert HERE in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    "f",
    [lambda x: np.allclose(x, 1.0), lambda x: x[0] > 0, lambda x: True, lambda x: np.bool_(True)],
)
def test_a_function_that_returns_a_bool_has_no_gradient(f):
    with pytest.raises(NonScalarOutputError, match="returns a bool") as found:
        grad(f)(np.ones(2))
    assert isinstance(found.value, TypeError)
    with pytest.raises(NonScalarOutputError, match="returns a bool"):
        value_and_grad_on_tape(f)(np.ones(2))
