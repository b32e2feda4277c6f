"""Two hundred random programs; and the fuzzer itself: what is wrong is caught and made small."""

import ast
import collections

import numpy as np
import pytest

from tests.fuzz import (
    FAILURES,
    autograd_gradient,
    judge_seed,
    judge_text,
    reason,
    shrink_failure,
    summary,
)
from tests.fuzz_programs import program
from tests.judge import Refused, fresh, is_float, judge, positions, slope_along, unit_directions


def test_two_hundred_random_programs():
    verdicts = {seed: judge_seed(seed) for seed in range(200)}
    counts = collections.Counter(verdict.outcome for verdict in verdicts.values())
    print("\n" + summary(counts))
    for text, count in collections.Counter(
        reason(verdict) for verdict in verdicts.values() if verdict.outcome == "refused"
    ).most_common(10):
        print(f"  refused {count}: {text}")
    failed = {seed: str(v) for seed, v in verdicts.items() if v.outcome in FAILURES}
    assert not failed, "python -m tests.fuzz --count 1 --seed SEED shrinks it"
    assert counts["right"] >= 100


# The fuzzer itself, with gradients that are known


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
    counts = collections.Counter(judge_seed(s, by_differences).outcome for s in range(60))
    assert set(counts) <= {"right", "untrusted", "invalid"}
    assert counts["right"] >= 50


def test_the_same_seed_gives_the_same_program():
    assert program(11) == program(11) != program(12)


def test_programs_cover_the_language():
    text = "\n".join(map(program, range(300)))
    nodes = collections.Counter(type(node).__name__ for node in ast.walk(ast.parse(text)))
    for name in ("While", "For", "If", "Break", "Continue", "IfExp", "BoolOp", "Starred", "Dict"):
        assert nodes[name] >= 3, name
    for piece in (".T", "[::-1]", "zip(", "enumerate(", "float32", ".append(", "while True", "> "):
        assert piece in text, piece


def test_a_wrong_rule_is_caught_and_shrinks_to_a_few_lines():
    caught = 0
    for seed in range(40):
        verdict = judge_seed(seed, wrong_for_tanh)
        assert verdict.outcome != "crashed"
        if verdict.outcome == "wrong" and caught < 2:
            caught += 1
            small = shrink_failure(program(seed), verdict, wrong_for_tanh, seconds=20)
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
    pure = [judge_seed(seed, autograd_gradient, mutation=False) for seed in range(40)]
    assert not [v for v in pure if v.outcome == "wrong" and "differences" in v.detail]
    assert sum(v.outcome == "right" for v in pure) > 5
    assert judge_text(TOY, autograd_gradient).outcome == "right"  # it binds x anew
    text = TOY.replace("x *= 3", "y = x\n    y *= 3")
    assert judge_text(text, autograd_gradient).outcome == "wrong"
