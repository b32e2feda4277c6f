"""Statements in other words: the same text in and out, up to how a person says it."""

import ast
import textwrap

import pytest

from srcdiff.transforms.phrasing import phrased


def said(body: str, booleans: tuple = ()) -> str:
    (function,) = ast.parse("def f():\n" + textwrap.indent(textwrap.dedent(body), "    ")).body
    assert isinstance(function, ast.FunctionDef)
    tree = ast.fix_missing_locations(phrased(function, {"np"}, set(booleans)))
    return textwrap.dedent(ast.unparse(tree).partition("\n")[2])


@pytest.mark.parametrize(
    "before, after",
    [
        ("if c:\n    y = a\nelse:\n    y = b", "y = a if c else b"),
        ("if not c:\n    y = a\nelse:\n    y = b", "y = b if c else a"),
        ("if x > 0:\n    t = True\nelse:\n    t = False", "t = x > 0"),
        ("if x > 0:\n    t = False\nelse:\n    t = True", "t = not x > 0"),
        ("if n == 2:\n    t = False\nelse:\n    t = True", "t = n != 2"),
        ("if x > 0:\n    t = True\nelif x < -1:\n    t = True\nelse:\n    t = False",
         "t = x > 0 or x < -1"),
        ("if x > 0:\n    t = False\nelse:\n    t = x < -9", "t = not x > 0 and x < -9"),
        ("t = a > 0\nif t:\n    t = b in s\nprint(t)", "t = a > 0 and b in s\nprint(t)"),
        ("t = a > 0\nif not t:\n    t = b in s\nif t:\n    g()", "if a > 0 or b in s:\n    g()"),
        ("if c:\n    u[0] *= 2\nelse:\n    v[0] *= 2", "chosen = u if c else v\nchosen[0] *= 2"),
        ("if c:\n    d_u[i:] += e\n    d_u[0] = 0.0\nelse:\n    d_v[i:] += e\n    d_v[0] = 0.0",
         "d_chosen = d_u if c else d_v\nd_chosen[i:] += e\nd_chosen[0] = 0.0"),
        ("if c:\n    t = u[0]\n    u[0] = 2\nelse:\n    t = v[0]\n    v[0] = 2",
         "chosen = u if c else v\nt = chosen[0]\nchosen[0] = 2"),
    ],
)  # fmt: skip
def test_it_is_said_shorter(before, after):
    assert said(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "if c:\n    y = a\nelif d:\n    y = b\nelse:\n    y = e",  # an `elif` that a person writes
        "if c:\n    y = a\nelse:\n    z = b",
        "if c:\n    y = a",
        "if c:\n    t = True\nelse:\n    t = c[0]",  # `c` may be a list
        "t = a > 0\nif t:\n    t = t + 1",
        "t = a > 0\nif t:\n    g()\nh(t)",
        "if c:\n    u += 2\nelse:\n    v += 2",  # may bind the name anew
        "if c:\n    u[0] = 2\nelse:\n    v[1] = 2",
        "if c:\n    u[0] = 2\n    w = 3\nelse:\n    v[0] = 2\n    z = 3",
        "if c:\n    u = u + 1\n    u[0] = 2\nelse:\n    v = v + 1\n    v[0] = 2",
    ],
)
def test_it_stays(text):
    got = said(text)
    assert got == text or "\n" not in got and " if c else " in got  # one line where it was one name


def test_a_name_that_holds_a_truth_value_is_one():
    assert said("if c:\n    t = True\nelse:\n    t = False", ("c",)) == "t = c"


def test_the_new_name_is_free():
    assert said("chosen = 1\nif c:\n    u[0] = 2\nelse:\n    v[0] = 2").startswith(
        "chosen = 1\nchosen_2 = u if c else v"
    )
