"""docs/support.md says what compiles, and each of its lines does."""

from pathlib import Path

import pytest

from tests.judge import right
from tests.support import Line, page, sections

PAGE = Path(__file__).parents[1] / "docs" / "support.md"
EVERY = [each for lines in sections().values() for each in lines]


@pytest.mark.parametrize("program", EVERY, ids=lambda p: f"{p.section[14:]}.{p.f.__name__}")
def test_what_the_page_says_compiles(program: Line):
    right(program.f, *program.args, wrt=program.wrt)


def test_the_page_is_made_from_the_tests():
    assert PAGE.read_text() == page(), "python -m tests.support > docs/support.md"


def test_no_program_is_named_twice():
    names = [(each.section, each.f.__name__) for each in EVERY]
    assert len(set(names)) == len(names)
