"""One program for every function, and for every way of calling it: compiled in both modes, taped.

`python -m tests.coverage` prints those that are not right.
"""

import warnings

import numpy as np
import pytest

from tests.coverage import ARGUMENTS, rows

# Not compiled, or not differentiated at all: an error, never a wrong number.
LEFT_OUT = {
    "numpy.frompyfunc": "what Python makes of objects is not seen into",
    "numpy.ndarray.resize": "an array that changes its length in place",
    "scipy.sparse.linalg.spsolve": "a sparse matrix that is made inside the function",
}


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
