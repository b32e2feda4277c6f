"""Two thousand random programs; and the fuzzer itself: what is wrong is caught and made small."""

import ast
import collections

import hypothesis
import numpy as np
import pytest

from tests.fuzz import (
    FAILURES,
    Tally,
    autograd_gradient,
    judge_seed,
    judge_text,
    reason,
    shrink_failure,
)
from tests.grammar import FEATURES, MUTATION, program
from tests.grammar.core import marked
from tests.grammar.module import OF_MODULES, Grower
from tests.grammar.strategy import programs
from tests.judge import Refused, fresh, is_float, judge, positions, slope_along, unit_directions
from tests.workers import judged_by_workers

EACH = 50


@pytest.mark.parametrize("part", range(40))
def test_random_programs(part):
    seeds = range(part * EACH, part * EACH + EACH)
    verdicts = {seed: judge_seed(seed) for seed in seeds}
    failed = {seed: str(v) for seed, v in verdicts.items() if v.outcome in FAILURES}
    assert not failed, "python -m tests.fuzz --count 1 --seed SEED shrinks it"
    counts = collections.Counter(verdict.outcome for verdict in verdicts.values())
    assert counts["right"] + counts["refused"] >= 0.9 * EACH


# The fuzzer itself, with gradients that are known

# What `by_differences` can do.
PLAIN = FEATURES - {"arguments", "state", "library", "zero-d", "float32"}
SIMPLE = frozenset({"for", "branch", "while", "break", "math", "helper", "call"})


def by_differences(f, wrt):
    """A gradient that is right by the judge's own reference."""

    def judged(*args):
        value = f(*fresh(args))
        grads = []
        for place in positions(f, wrt):
            grad = np.zeros(np.shape(args[place]))
            for index, v in zip(np.ndindex(grad.shape), unit_directions(args[place]), strict=True):
                grad[index] = slope_along(f, args, (place,), v)[0] / np.max(np.abs(v))
            grads.append(grad if grad.shape else float(grad))
        return value, tuple(grads)

    return judged


def wrong_for_tanh(f, wrt):
    """A tool with one wrong rule: whatever contains `tanh` gets twice the gradient."""
    df = by_differences(f, wrt)
    source = ast.unparse(ast.parse(open(f.__code__.co_filename).read()))

    def judged(*args):
        value, grads = df(*args)
        return value, tuple(g * (2 if "np.tanh" in source else 1) for g in grads)

    return judged


def sloppy(f, wrt):
    """Lends the caller's arguments to the function."""
    df = by_differences(f, wrt)

    def judged(*args):
        result = df(*args)
        f(*args)
        return result

    return judged


def test_a_right_gradient_is_never_called_wrong():
    counts = collections.Counter(judge_seed(s, by_differences, PLAIN).outcome for s in range(60))
    assert set(counts) <= {"right", "untrusted", "invalid"}
    assert counts["right"] >= 50


def test_the_same_seed_gives_the_same_program():
    assert program(11) == program(11) != program(12)


def test_programs_cover_the_language():
    """Each method of the grammar is used, and what it writes is there."""
    text = "\n".join(program(seed) for seed in range(1500))
    nodes = collections.Counter(type(node).__name__ for node in ast.walk(ast.parse(text)))
    for name in (
        *("While", "For", "If", "Break", "Continue", "IfExp", "BoolOp", "Starred", "Dict", "Set"),
        *("Match", "Try", "With", "Raise", "Assert", "Lambda", "Yield", "YieldFrom", "Nonlocal"),
        *("Global", "ClassDef", "ListComp", "GeneratorExp", "DictComp", "NamedExpr", "AnnAssign"),
        *("JoinedStr", "Delete", "MatchClass", "MatchSequence", "MatchOr"),
    ):
        assert nodes[name] >= 3, name
    for piece in (
        *(".T", "[::-1]", "zip(", "enumerate(", "float32", ".append(", "while True", "> ", "@"),
        *("np.add.at(", "out=", "where=", "np.copyto(", "np.put(", ".fill(", ".flat[", ".sort("),
        *("np.empty(", "np.split(", ".ravel()", "1j", ".real", "library.", "super()", "_replace("),
        *("dataclasses.replace(", "functools.reduce(", "functools.partial(", "enum.Enum", "BUFFER"),
    ):
        assert text.count(piece) >= 3, piece


def test_every_feature_is_one_that_the_grammar_knows():
    assert MUTATION <= FEATURES == {row[2] for row in marked(Grower)} - {"basic"} | OF_MODULES


def test_features_can_be_left_out():
    text = "\n".join(program(seed, FEATURES - {"match", "class", "state"}) for seed in range(200))
    assert "match " not in text and "BUFFER" not in text and "__init__(self, w" not in text


def test_nearly_all_programs_run():
    outcomes = collections.Counter(judge_seed(s, refusing).outcome for s in range(5000, 5300))
    assert outcomes["invalid"] <= 6


def refusing(f, wrt):
    raise Refused("nothing is taken")


def test_hypothesis_shrinks_programs():
    """Nothing is left but what the condition is about."""
    settings = hypothesis.settings(
        max_examples=2000,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    text = hypothesis.find(programs(), lambda text: "for " in text, settings=settings)
    assert len(text.splitlines()) <= 20, text
    assert judge_text(text, by_differences).outcome == "right"


def test_a_worker_that_hangs_or_dies_is_replaced(monkeypatch):
    verdicts = dict(judged_by_workers(range(3), 2, "srcdiff", FEATURES))
    assert sorted(verdicts) == [0, 1, 2]


def test_a_tally_knows_where_to_go_on():
    tally = Tally()
    tally.add(5, judge_text(TOY, by_differences))
    tally.add(7, judge_text(TOY, refusing))
    assert tally.next_seed(range(5, 10)) == 6
    assert tally.counts == {"right": 1, "refused": 1} and list(tally.kept) == [7]
    assert reason(tally.kept[7]) == "nothing is taken"


def test_a_wrong_rule_is_caught_and_shrinks_to_a_few_lines():
    caught = 0
    for seed in range(40):
        verdict = judge_seed(seed, wrong_for_tanh, SIMPLE)
        assert verdict.outcome != "crashed"
        if verdict.outcome == "wrong" and caught < 2:
            caught += 1
            small = shrink_failure(program(seed, SIMPLE), verdict, wrong_for_tanh, seconds=20)
            assert judge_text(small, wrong_for_tanh).outcome == "wrong"
            f = next(d for d in ast.parse(small).body if getattr(d, "name", "") == "f")
            assert "np.tanh" in small and len(ast.unparse(f).split()) <= 20, small
    assert caught == 2


TOY = """
import numpy as np

def f(x):
    x *= 3
    return np.sum(x ** 2)

def args():
    return (np.array([0.3, 0.7]),)

WRT = ("x",)
"""


def test_a_changed_argument_is_caught():
    assert judge_text(TOY, by_differences).outcome == "right"
    verdict = judge_text(TOY, sloppy)
    assert verdict.outcome == "wrong" and "arguments were changed" in verdict.detail


def altered(change):
    return lambda f, wrt: lambda *args: change(*by_differences(f, wrt)(*args), *args)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda value, grads, x: (value + 1e-6, grads), "value"),
        (lambda value, grads, x: (value, (grads[0] + 1e-3,)), "differences give"),
        (lambda value, grads, x: (value, (grads[0] * [1, -1],)), "element [1]"),
        (lambda value, grads, x: (value, (grads[0].astype(np.float32),)), "float32"),
        (lambda value, grads, x: (value, (grads[0][:1],)), "is due"),
        (lambda value, grads, x: (value, (None,)), "an array is due"),
        (lambda value, grads, x: (value, (list(grads[0]),)), "is missing"),
        (lambda value, grads, x: (value, grads[0]), "1 gradients are due"),
        (lambda value, grads, x: (value, (grads[0] + np.random.rand(),)), "a second call"),
    ],
)
def test_each_way_of_being_wrong_is_caught(change, message):
    verdict = judge_text(TOY, altered(change))
    assert verdict.outcome == "wrong" and message in verdict.detail, str(verdict)


def test_a_gradient_that_is_a_view_of_the_argument_is_caught():
    def f(x):
        return np.sum(x**2) / 2

    def view_of_the_argument(f, wrt):
        return lambda x: (f(x), x[:])

    verdict = judge(f, (np.array([0.5, 2.0]),), 0, gradient=view_of_the_argument)
    assert verdict.outcome == "wrong" and "shares memory" in verdict.detail


def test_a_tool_that_raises_has_crashed_and_one_that_declines_has_not():
    def raising(error):
        def gradient(f, wrt):
            def judged(*args):
                raise error

            return judged

        return gradient

    assert judge_text(TOY, raising(KeyError("x"))).outcome == "crashed"
    assert judge_text(TOY, raising(Refused("no"))).outcome == "refused"


def test_a_jump_is_not_trusted():
    def f(x):
        return float(np.sum(x)) if x[0] > 0.5 else 0.0

    x = np.array([0.5 + 1e-9, 1.0])
    assert judge(f, (x,), 0, gradient=by_differences).outcome in ("untrusted", "wrong")


def test_integers_have_no_gradient_inside_containers_only():
    assert is_float(1.0) and is_float(2, alone=True)
    assert not is_float(2) and not is_float(True, alone=True) and not is_float(np.arange(3))


def test_autograd_is_right_without_mutation_and_silently_wrong_with_it():
    pytest.importorskip("autograd")
    pure = [judge_seed(seed, autograd_gradient, SIMPLE) for seed in range(40)]
    assert not [v for v in pure if v.outcome == "wrong" and "differences" in v.detail]
    assert sum(v.outcome == "right" for v in pure) > 5
    assert judge_text(TOY, autograd_gradient).outcome == "right"  # it binds x anew
    text = TOY.replace("x *= 3", "y = x\n    y *= 3")
    assert judge_text(text, autograd_gradient).outcome == "wrong"
