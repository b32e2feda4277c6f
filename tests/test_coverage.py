"""One program for every function, and for every way of calling it: compiled in both modes, taped.

`python -m tests.coverage` prints those that are not right.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.coverage import ARGUMENTS, LEFT_OUT, page, rows


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_row_of_the_coverage_table_is_right(row):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = row.verdicts()
    outcomes = {mode: verdict.outcome for mode, verdict in found.items()}
    if row.name in LEFT_OUT:
        assert set(outcomes.values()) <= {"right", "refused"}, found
    else:
        assert set(outcomes.values()) == {"right"}, found


def test_what_is_left_out_is_in_the_table():
    assert set(LEFT_OUT) <= {row.name for row in rows()}


def test_every_argument_of_the_table_is_used():
    used = {name for row in rows() for name in row.arguments}
    assert used == set(ARGUMENTS)


def test_the_page_is_made_from_the_table():
    text = (Path(__file__).parent.parent / "docs" / "functions.md").read_text()
    assert text == page(), "run `python -m tests.coverage --page > docs/functions.md`"
