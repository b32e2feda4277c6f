"""Programs that were once wrong or crashed (tests/seeds/): right or refused from then on."""

import pytest

from tests.fuzz import SEEDS, judge_module, load


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.py")), ids=lambda path: path.stem)
def test_a_kept_program_is_right(path):
    verdict = judge_module(load(path))
    assert verdict.outcome in ("right", "refused"), str(verdict)


def test_the_folder_of_kept_programs_is_there():
    assert SEEDS.is_dir()
