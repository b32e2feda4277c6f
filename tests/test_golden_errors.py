"""What a user reads when something is wrong, word for word: golden/errors.txt.

pytest tests/test_golden_errors.py --update-golden      writes it anew; read the difference
"""

import difflib
import inspect
import re
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest

from srcdiff import SrcdiffError
from tests.bad_programs import PROGRAMS, Bad
from tests.judge import fresh

FILE = Path(__file__).with_name("golden") / "errors.txt"


def said(program: Bad) -> str:
    """The class and the text of the error, notes included."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program.how(program.f, *fresh(program.args), **program.keywords)
        except Exception as error:
            notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
            return f"{type(error).__name__}: {error}{notes}"
    return "(no error)"


def entry(program: Bad) -> str:
    head = f"# {program.name.replace('_', ' ')}"
    if program.name == getattr(program.f, "__name__", ""):
        code = textwrap.dedent(inspect.getsource(program.f))
        start = re.search(r"^(async )?def ", code, re.M)
        assert start is not None
        head += "\n\n" + textwrap.indent(code[start.start() :], "    ")
    return f"{head.rstrip()}\n\n{said(program)}\n"


def test_the_errors_are_the_golden_ones(request):
    text = "\n\n".join(map(entry, PROGRAMS))
    if request.config.getoption("--update-golden"):
        FILE.write_text(text)
    difference = difflib.unified_diff(
        FILE.read_text().splitlines(), text.splitlines(), "golden", "now", lineterm="", n=8
    )
    shown = "\n".join(difference)
    if shown:
        pytest.fail(shown + "\n(--update-golden accepts this)", pytrace=False)


def test_there_are_eighty_and_each_raises():
    assert len(PROGRAMS) >= 80
    assert "(no error)" not in FILE.read_text()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_an_error_of_ours_says_where_or_what_to_do(program):
    try:
        program.how(program.f, *fresh(program.args), **program.keywords)
    except SrcdiffError as error:
        assert error.where is not None or error.instead, str(error)
    except Exception:
        pass  # the program's own, or Python's for a wrong call
