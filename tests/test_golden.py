"""Generated source, byte for byte: `tests/golden/NAME.py` holds what goes in and what comes out.

    pytest tests/test_golden.py --update-golden      writes the files anew; read the difference

A file that changes is a change of the product: it should read better than before. It also says how
many generated lines there are for one of the user's, and how many copies of arrays are made.
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
from scipy.optimize import rosen
from scipy.special import logsumexp, xlogy

import srcdiff
from tests import gallery
from tests.gallery import by_name, positive, some
from tests.judge import fresh
from tests.support import LINES, control_flow, data, helpers, mutation, objects
from tests.tangents import directions

FOLDER = Path(__file__).with_name("golden")


class Golden(NamedTuple):
    name: str
    how: Callable
    f: Callable
    args: tuple
    wrt: Any
    beside: tuple = ()  # the helpers and classes that the function uses
    checkpoint: Any = None

    def source(self) -> str:
        """The generated source."""
        if self.how is srcdiff.jvp:
            moving = self.wrt if isinstance(self.wrt, tuple) else (self.wrt,)
            df = srcdiff.jvp(self.f, fallback="error")
            df(fresh(self.args), directions(self.args, moving))
        elif self.how is srcdiff.hvp:
            df = srcdiff.hvp(self.f, wrt=self.wrt)
            vector = directions(self.args, [self.wrt])[self.wrt]
            at = self.wrt + 1
            df(*fresh(self.args[:at]), vector, *fresh(self.args[at:]))
        else:
            df = self.how(self.f, wrt=self.wrt, fallback="error", checkpoint=self.checkpoint)
            df(*fresh(self.args))
        return df.source

    def written(self) -> list[str]:
        """What the user wrote: the helpers, then the function."""
        return [definition(each) for each in (*self.beside, self.f)]

    def ratio(self) -> float:
        """Generated lines per line of the user's."""
        return lines(self.source()) / sum(map(lines, self.written()))

    def text(self) -> str:
        """What the file holds."""
        more = "" if self.checkpoint is None else f", checkpoint={self.checkpoint!r}"
        call = f"{self.how.__name__}({self.f.__name__}, wrt={self.wrt!r}{more})"
        source = self.source().rstrip()
        figures = f"{self.ratio():.1f} lines per line, {copies(source)} copies"
        return "\n\n\n".join([*self.written(), f"# {call}: {figures}\n\n{source}\n"])


def definition(obj: Any) -> str:
    """The text of a function or class, without its docstring and `line` of tests/support."""
    text = textwrap.dedent(inspect.getsource(obj)).rstrip()
    text = re.sub(r'(?<=:\n) +r?"""[^"]*"""\n', "", text)
    return re.sub(r"\A@line\(.*?\n(?=@|def )", "", text, flags=re.S)


def lines(text: str) -> int:
    """How many lines of a text hold code."""
    return sum(bool(line.split("#")[0].strip()) for line in text.splitlines())


def copies(source: str) -> int:
    """How many copies of arrays a text makes."""
    return len(re.findall(r"\bcopy\(", source))


def supported(section: Any, name: str, *beside: Any) -> Golden:
    """A program of tests/support."""
    found = next(each for each in LINES if each.f is getattr(section, name))
    return Golden(name, srcdiff.grad, found.f, found.args, found.wrt, beside)


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


def scaled_in_place(x, y, s):
    c = x if s > 0 else y
    c[0] *= 2.0
    return np.sum(x * y)


def settled(x, tol):
    while np.max(np.abs(x)) > tol:
        x = np.sin(x) * 0.9
    return np.sum(x)


@srcdiff.checkpoint
def layer(h, w):
    a = np.exp(-h * w)
    return np.tanh(a * np.sin(a))


def layers_again(w, h, n):
    for _ in range(n):
        h = layer(h, w)
    return np.sum(h)


def two_of_a_pair(x, y, s):
    big, small = (x, y) if s > 0 else (y, x)
    big -= small[0]
    small[:] = np.sin(big)
    return np.sum(x * y)


class Layer:
    def __init__(self, w, b):
        self.w, self.b, self.calls = w, b, 0

    def __call__(self, x):
        self.calls += 1
        return np.tanh(self.w @ x + self.b)


def network(w, b, x):
    layer = Layer(w, b)
    for _ in range(3):
        x = layer(x)
    return np.sum(x) / layer.calls


class Regression:
    def __init__(self):
        self.w, self.seen = np.array([1.0, 2.0, 3.0]), None

    def loss(self, x, t):
        self.seen = x @ self.w - t
        return np.sum(self.seen**2)


def of_scipy(a, x):
    return logsumexp(a * x) + np.sum(xlogy(x, a))


def valley(x, s):
    return rosen(x * s)


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

# Python as people write it: control flow, data, objects, stores, aliases, recursion
NEW = [
    *(
        supported(section, name, *beside)
        for section, name, *beside in (
            (control_flow, "while_true"),
            (control_flow, "for_else"),
            (control_flow, "nested_return"),
            (control_flow, "match_number"),
            (control_flow, "try_finally"),
            (control_flow, "exception_of_a_helper", control_flow.root),
            (control_flow, "with_contextmanager", control_flow.doubled),
            (control_flow, "generator", control_flow.pairs),
            (control_flow, "endless_generator"),
            (control_flow, "none_where_nothing_was_found"),
            (data, "dict_in_loop"),
            (data, "dict_nested"),
            (data, "list_changed"),
            (data, "list_sorted"),
            (data, "stack_and_queue"),
            (helpers, "known_depth"),
            (helpers, "run_time_depth"),
            (helpers, "newton"),
            (helpers, "quicksort"),
            (helpers, "nonlocal_total"),
            (helpers, "decorated", helpers.twice, helpers.doubled),
            (helpers, "writing_helper", helpers.fill),
            (mutation, "store_by_integers"),
            (mutation, "overlap"),
            (mutation, "aliases", mutation.double),
            (mutation, "swaps"),
            (mutation, "work_buffers"),
            (mutation, "stores_in_loops"),
            (mutation, "rotating_aliases"),
            (mutation, "kept_and_written"),
            (objects, "counted", objects.Counter),
            (objects, "data_class", objects.Layer),
            (objects, "replaced_in_a_loop", objects.State),
        )
    ),
    Golden("scaled_in_place", srcdiff.grad, scaled_in_place, (some(3), some(3), 0.5), (0, 1)),
    Golden("two_of_a_pair", srcdiff.grad, two_of_a_pair, (some(3), some(3), 0.5), (0, 1)),
    Golden("network", srcdiff.grad, network, (some(2, 2), some(2), some(2)), (0, 1), (Layer,)),
    Golden(
        "regression",
        srcdiff.grad,
        Regression().loss,
        (some(4, 3), some(4)),
        "self.w",
        (Regression,),
    ),
    Golden("of_scipy", srcdiff.grad, of_scipy, (2.0, positive(3)), (0, 1)),
    Golden("valley", srcdiff.grad, valley, (some(5), 2.0), 0, (rosen,)),
]
GOLDEN += NEW

# Forward mode, and forward over reverse mode
FORWARD = [
    Golden(f"{name}_{how.__name__}", how, f, args, wrt)
    for name, how, (f, args, wrt) in (
        ("doubling", srcdiff.jvp, by_name("doubling_of_a_negative_number")[1:]),
        ("rnn", srcdiff.jvp, by_name("rnn")[1:]),
        ("heat_with_k", srcdiff.jvp, by_name("heat_with_k")[1:]),
        ("loss", srcdiff.jvp, by_name("loss")[1:3] + ((0, 1),)),
        ("run_into_a_limit", srcdiff.jvp, (run_into_a_limit, (positive(6), 3.0), (0,))),
        ("list_building", srcdiff.jvp, by_name("list_building")[1:]),
        ("stores", srcdiff.jvp, by_name("stores")[1:]),
        ("layers", srcdiff.jvp, by_name("layers")[1:]),
        ("newton", srcdiff.jvp, (helpers.newton, (2.0,), 0)),
        ("logistic_loss", srcdiff.hvp, by_name("logistic_loss")[1:3] + (0,)),
        ("heat", srcdiff.hvp, by_name("heat")[1:3] + (0,)),
        ("rnn", srcdiff.hvp, by_name("rnn")[1:3] + (0,)),
    )
]
GOLDEN += FORWARD

# Loops that run again from snapshots, and calls that are computed again
GOLDEN += [
    Golden("rnn_sqrt", srcdiff.grad, *by_name("rnn")[1:], checkpoint="sqrt"),
    Golden("rnn_within_bytes", srcdiff.grad, *by_name("rnn")[1:], checkpoint="1MB"),
    Golden("heat_sqrt", srcdiff.grad, *by_name("heat_with_k")[1:], checkpoint="sqrt"),
    Golden("heat_from_snapshots", srcdiff.grad, *by_name("heat_with_k")[1:], checkpoint=8),
    Golden("settled_sqrt", srcdiff.grad, settled, (some(3), 1e-3), 0, checkpoint="sqrt"),
    Golden("nested_loops_sqrt", srcdiff.grad, *by_name("nested_loops")[1:], checkpoint="sqrt"),
    Golden("layers_again", srcdiff.grad, layers_again, (some(3), some(3), 4), 0, (layer,)),
]

# Those that take more than four lines for one of the user's, and why
LONG = {
    "run_time_depth": "a forward half, its pullback and the call of both for four lines",
    "rotating_aliases": "which array a name is, is asked at each use, on both ways",
    "kept_and_written": "the same, of three arrays, one of them made in the loop",
    "of_scipy": "the rules of `logsumexp` and `xlogy` treat infinities and zeros",
}


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
    assert source.count("# adjoint") == (golden.how is not srcdiff.jvp)


def test_a_line_takes_two_and_a_half():
    """On the average of all, and twenty of them each by itself."""
    ratios = [golden.ratio() for golden in NEW]
    assert sum(ratios) / len(ratios) <= 2.5
    assert sum(ratio <= 2.5 for ratio in ratios) >= 20


def test_what_takes_more_than_four_lines_for_one_says_why():
    assert {golden.name for golden in NEW if golden.ratio() > 4} == set(LONG)


def test_lines_and_copies_are_counted():
    text = "def f(x):\n    # a comment\n\n    y = x.copy()  # a copy\n    return np.copy(y)\n"
    assert (lines(text), copies(text)) == (3, 2)


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
