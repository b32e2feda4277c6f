"""Generated source, byte for byte: `tests/golden/NAME.py` holds what goes in and what comes out.

    pytest tests/test_golden.py --update-golden      writes the files anew; read the difference

A file that changes is a change of the product: it should read better than before.
"""

import difflib
import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import srcdiff
from tests import gallery
from tests.gallery import by_name, positive, some
from tests.judge import fresh

FOLDER = Path(__file__).with_name("golden")


class Golden(NamedTuple):
    name: str
    how: Callable
    f: Callable
    args: tuple
    wrt: Any

    def source(self) -> str:
        """The generated source."""
        df = self.how(self.f, wrt=self.wrt, fallback="error")
        df(*fresh(self.args))
        return df.source

    def text(self) -> str:
        """What the file holds."""
        function = textwrap.dedent(inspect.getsource(self.f))
        call = f"{self.how.__name__}({self.f.__name__}, wrt={self.wrt!r})"
        return f"{function.rstrip()}\n\n\n# {call}\n\n{self.source().rstrip()}\n"


def run_into_a_limit(x, limit):
    total = 0.0
    for v in x:
        total = total + v * v
        if total > limit:
            break
    return total * x[0]


def scaled_columns(params, x):
    return np.sum(np.tanh(x @ params["w"] + params["b"]) * params["scale"])


def clipped(x, low):
    y = np.exp(x)
    y[x > low] = 2.0
    return np.sum(y * x)


def gather(x, i):
    return np.sum(x[i] ** 2)


def lotka(y, a, b, steps, dt):
    for _ in range(steps):
        u = y[0]
        v = y[1]
        y = y + dt * np.array([a * u - u * v, u * v - b * v])
    return y[0] * y[1]


GOLDEN = [
    # The four programs that a person wrote by hand first
    Golden("doubling", srcdiff.elementwise_grad, gallery.doubling, (some(3),), 0),
    Golden("rnn", srcdiff.grad, *by_name("rnn")[1:]),
    Golden("heat", srcdiff.grad, *by_name("heat")[1:]),
    Golden("loss_value_and_grad", srcdiff.value_and_grad, *by_name("loss")[1:]),
    # Others of the kind that people write
    Golden("heat_with_k", srcdiff.grad, *by_name("heat_with_k")[1:]),
    Golden("run_into_a_limit", srcdiff.grad, run_into_a_limit, (positive(6), 3.0), 0),
    Golden(
        "scaled_columns",
        srcdiff.grad,
        scaled_columns,
        ({"w": some(3, 2), "b": some(2), "scale": 0.5}, some(4, 3)),
        0,
    ),
    Golden("clipped", srcdiff.grad, clipped, (some(8), 0.0), 0),
    Golden("gather", srcdiff.grad, gather, (some(4), np.array([1, 1, 3])), 0),
    Golden("lotka", srcdiff.grad, lotka, (positive(2), 1.1, 0.4, 5, 0.1), (0, 1, 2)),
] + [
    Golden(name, srcdiff.grad, *by_name(name)[1:])
    for name in (
        "toy",
        "norm",
        "logistic_loss",
        "broadcasting",
        "reductions",
        "branch",
        "early_return",
        "newton_while",
        "while_with_a_counter",
        "continue_on",
        "nested_loops",
        "horner",
        "power_iteration",
        "recurrence_into_a_buffer",
        "stores",
        "ping_pong",
        "forward_substitution",
        "layers",
        "list_building",
        "unused_argument",
    )
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_the_generated_source_is_the_golden_one(golden, request):
    path, text = FOLDER / f"{golden.name}.py", golden.text()
    if request.config.getoption("--update-golden", default=False):
        path.write_text(text, encoding="utf-8")
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old != text:
        difference = difflib.unified_diff(
            old.splitlines(), text.splitlines(), f"golden/{path.name}", "generated now", lineterm=""
        )
        pytest.fail("\n".join(difference) + "\n(--update-golden accepts this)", pytrace=False)


def test_every_golden_file_is_compared():
    assert {path.stem for path in FOLDER.glob("*.py")} == {golden.name for golden in GOLDEN}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_generated_source_is_tidy(golden):
    source = golden.source()
    assert source == golden.source(), "another run gives another text"
    compile(source, golden.name, "exec")
    assert all(len(line) <= 100 and line == line.rstrip() for line in source.splitlines())
    assert source.count("# adjoint") == 1


# What must not be lost, however the text changes


def source_of(name: str) -> str:
    return next(golden for golden in GOLDEN if golden.name == name).source()


def stacks(source: str) -> set[str]:
    """The names of the lists in a text."""
    return set(re.findall(r"(\w+)\.append\(", source)) | set(re.findall(r"(\w+) = \[\]", source))


def test_the_doubling_loop_saves_a_counter_and_a_flag():
    source = source_of("doubling")
    assert not stacks(source) and ".copy()" not in source
    assert source.count("n_iter += 1") == 1 and "for _ in range(n_iter):" in source
    assert len(re.findall(r"np\.linalg\.norm|np\.sum", source)) == 2  # once each, in the function


def test_the_rnn_has_one_stack():
    source = source_of("rnn")
    assert stacks(source) == {"h_stack"}
    assert source.count("np.tanh") == 1  # not computed again
    assert re.search(r"d_x\[t\] \+= ", source)  # one row is touched, not the whole array


def test_the_heat_equation_saves_nothing():
    source = source_of("heat")
    assert not stacks(source)
    assert source.count(".copy()") == 1  # of the argument
    assert "zeros" not in source  # the adjoint is stepped in place


def test_the_loss_needs_no_helper():
    source = source_of("loss_value_and_grad")
    assert "unbroadcast" not in source and source.count("np.tanh") == 1


@pytest.mark.parametrize("golden", GOLDEN[:4], ids=lambda golden: golden.name)
def test_the_four_programs_need_numpy_alone(golden):
    called = set(re.findall(r"\b(?!np\.)(?<![\w.])(\w+)\(", golden.source()))
    assert called <= {golden.f.__name__ + end for end in ("_grad", "_value_and_grad")} | {
        "range", "reversed", "len",
    }  # fmt: skip
