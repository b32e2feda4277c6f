"""Errors say what is wrong, where in the user's file, and what to write instead."""

import copy
import linecache
import pickle
from textwrap import dedent

import pytest

from srcdiff.runtime.errors import (
    FallbackWarning,
    Location,
    NonScalarOutputError,
    NoRuleError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
)

FAMILY = [
    SrcdiffError,
    UnsupportedSyntaxError,
    NoRuleError,
    NonScalarOutputError,
    UnknownArgumentError,
    NotDifferentiableTypeError,
]


@pytest.fixture
def model(tmp_path):
    """Writes model.py and gives the location of a piece of its text."""

    def locate(text, piece):
        path = tmp_path / "model.py"
        path.write_text(text, encoding="utf-8")
        linecache.checkcache(str(path))
        start, end = text.index(piece), text.index(piece) + len(piece)
        line, end_line = text[:start].count("\n"), text[:end].count("\n")
        column = start - (text.rfind("\n", 0, start) + 1)
        end_column = end - (text.rfind("\n", 0, end) + 1)
        return Location(str(path), line + 1, column, end_line + 1, end_column, "loss")

    return locate


def shows(error, expected):
    assert str(error) == dedent(expected).strip("\n")


def test_an_error_says_what_where_and_what_to_write_instead(model):
    where = model("def loss(x):\n    global total\n    total = x\n", "global total")
    instead = 'Return `total` from `loss` instead, or pass fallback="tape".'
    shows(
        UnsupportedSyntaxError("`global total` cannot be differentiated", where, instead),
        """
        `global total` cannot be differentiated
          model.py, line 2:    global total
                               ^^^^^^^^^^^^
          Return `total` from `loss` instead, or pass fallback="tape".
        """,
    )


def test_the_carets_stand_under_the_expression(model):
    where = model("y = x + int(x) * 2\n", "int(x)")
    shows(
        NoRuleError("`int` has no rule", where),
        """
        `int` has no rule
          model.py, line 1:    y = x + int(x) * 2
                                       ^^^^^^
        """,
    )


def test_an_expression_over_several_lines_is_marked_to_the_end_of_its_first(model):
    where = model("y = f(\n    x,\n)\n", "f(\n    x,\n)")
    shows(
        NoRuleError("`f` has no rule", where),
        """
        `f` has no rule
          model.py, line 1:    y = f(
                                   ^^
        """,
    )


def test_wide_characters_and_tabs_shift_the_carets(model):
    where = model('\ty = {"幅":\tint(x)}\n', "int(x)")
    shows(
        NoRuleError("`int` has no rule", where),
        "`int` has no rule\n"
        '  model.py, line 1:    y = {"幅":\tint(x)}\n'
        "                                 \t^^^^^^",
    )


def test_an_empty_expression_still_gets_a_caret(model):
    where = model("y = x\n", "x")._replace(end_column=4)
    assert str(SrcdiffError("what", where)).endswith("y = x\n                           ^")


def test_without_source_the_line_is_named():
    where = Location("<stdin>", 3, 4, 3, 5, "f")
    shows(
        SrcdiffError("what is wrong", where, "Write this.\nOr that."),
        """
        what is wrong
          <stdin>, line 3
          Write this.
          Or that.
        """,
    )


def test_what_alone_is_enough():
    assert str(SrcdiffError("nothing to differentiate")) == "nothing to differentiate"


@pytest.mark.parametrize("cls", FAMILY)
def test_errors_pickle_with_the_line_as_it_was(cls, model):
    error = cls("what", model("y = int(x)\n", "int(x)"), "instead")
    text = str(error)
    assert "y = int(x)" in text
    model("# edited\n", "#")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is cls
        assert (twin.what, twin.where, twin.instead) == ("what", error.where, "instead")
        assert str(twin) == text


@pytest.mark.parametrize("cls", FAMILY)
def test_one_base_catches_them_all(cls):
    with pytest.raises(SrcdiffError):
        raise cls("what")


def test_wrong_calls_are_also_what_python_raises():
    assert issubclass(UnknownArgumentError, ValueError)
    assert issubclass(NotDifferentiableTypeError, TypeError)
    assert issubclass(FallbackWarning, UserWarning)
