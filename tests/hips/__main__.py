"""Run the tests of an unpacked source distribution of autograd against srcdiff.

    pip download --no-binary autograd --no-deps autograd && tar xzf autograd-*.tar.gz
    python -m tests.hips autograd-*/

What looks inside autograd, or asserts a limit that srcdiff does not have, is left out by name, with
the reason.
"""

import sys
from pathlib import Path

import pytest

INSIDE = "looks inside autograd"
LIMIT = "asserts a limit"
LEFT_OUT = {
    "test_vspaces.py": INSIDE,
    "test_core.py::test_assignment_raises_error": LIMIT,
}


def main(source: str, *options: str) -> int:
    here = Path(__file__).parent
    sys.path[:0] = [str(here), str(Path(source) / "tests")]
    without = [f"--deselect={Path(source) / 'tests' / name}" for name in LEFT_OUT]
    return pytest.main(
        [str(Path(source) / "tests"), "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
         f"--rootdir={source}", *without, *options]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
