"""Run the tests of an unpacked source distribution of autograd against srcdiff.

    pip download --no-binary autograd --no-deps autograd && tar xzf autograd-*.tar.gz
    python -m tests.hips autograd-*/

What looks inside autograd, or asserts a limit that srcdiff does not have, is left out by name, with
the reason.
"""

import sys
from pathlib import Path

import pytest

INSIDE = "looks inside autograd, or at what only autograd has"
LIMIT = "asserts a limit of autograd's"
LEFT_OUT = {
    "test_vspaces.py": INSIDE,
    "test_misc.py::test_const_graph": INSIDE,
    "test_misc.py::test_const_graph_args": INSIDE,
    "test_wrappers.py::test_deprecated": INSIDE,
    "test_wrappers.py::test_wrapped_name_and_docs": INSIDE,  # the names of its own wrappers
    "test_logic.py::test_no_vjp_def": INSIDE,  # its `primitive` hides what it is given
    "test_logic.py::test_no_jvp_def": INSIDE,
    "test_linalg.py::test_pinv": INSIDE,  # its `numpy.linalg` has a `_dot`
    "test_wrappers.py::test_custom_where": INSIDE,  # its `where` gives Python's numbers and lists
    "test_numpy.py::test_make_diagonal": INSIDE,
    "test_numpy.py::test_diagonal": INSIDE,  # by `make_diagonal`
    "test_scipy.py::test_convolve_": INSIDE,  # its `convolve` has `axes` and `dot_axes`
    "test_graphs.py::test_assignment_raises_error": LIMIT,
    "test_fft.py::test_rfftn_odd_not_implemented": LIMIT,
}


def main(source: str, *options: str) -> int:
    here = Path(__file__).parent
    sys.path[:0] = [str(here), str(Path(source) / "tests")]
    without = [f"--deselect=tests/{name}" for name in LEFT_OUT]
    return pytest.main(
        [str(Path(source) / "tests"), "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
         f"--rootdir={source}", *without, *options]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
