"""The examples run, print, and their gradients are right."""

import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.judge import fresh, random_directions, slope_along

FOLDER = Path(__file__).resolve().parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"examples.{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUN_ALL = load("run_all")


@pytest.fixture(params=RUN_ALL.ORDER)
def example(request):
    try:
        return load(request.param)
    except ImportError as error:
        if error.name not in RUN_ALL.EXTRAS:
            raise
        pytest.skip(str(error))


def gradients_of(example):
    """The gradients by argument, as a tuple; a name that is no parameter has None as place."""
    gradient, arguments = example.gradient, example.arguments
    result = gradient(*fresh(arguments))
    if gradient._how == "value_and_grad":
        result = result[1]
    if getattr(gradient, "_matrix", False):  # a column for each number
        result = tuple(result.T)
    wrt = gradient._wrt
    wrt, result = (wrt, result) if isinstance(wrt, tuple) else ((wrt,), (result,))
    names = list(inspect.signature(gradient.primal).parameters)
    places = [w if isinstance(w, int) else names.index(w) if w in names else None for w in wrt]
    return list(zip(places, result, strict=True))


def test_every_file_is_in_the_order():
    assert sorted(RUN_ALL.ORDER) == sorted({p.stem for p in FOLDER.glob("*.py")} - {"run_all"})


def test_the_gradient_is_right(example):
    function, arguments = example.gradient.primal, example.arguments
    if hasattr(example, "detach"):  # differences do not know that a part is held constant
        held = arguments[0] ** 2
        function = lambda x: held * x  # noqa: E731
    for place, gradient in gradients_of(example):
        if place is None:
            continue
        for v in random_directions(arguments[place]):
            slope, error = slope_along(
                lambda *args: np.sum(function(*args)), arguments, (place,), v
            )
            assert error <= 1e-4 * max(1.0, abs(slope)), "the reference is not to be trusted"
            assert np.isclose(np.sum(gradient * v), slope, rtol=1e-5, atol=20 * error + 1e-7)


def test_the_arguments_stay_as_they_are(example):
    before = fresh(example.arguments)
    example.gradient(*example.arguments)
    for old, new in zip(before, example.arguments, strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_prints_function_generated_source_and_gradient(example, capsys):
    example.main()
    printed = capsys.readouterr().out
    assert inspect.getsource(example.gradient.primal) in printed
    assert example.gradient.source in printed
    assert "gradient" in printed
    gradients = [g for _, g in gradients_of(example)]
    if np.size(gradients[0]) < 100:
        assert str(gradients[0]) in printed


def test_the_gradient_of_an_internal_variable():
    example = load("internal_variable")
    x, y = example.arguments
    for found, expected in zip(example.gradient(x, y), (y + 1, np.ones(4), x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_gradient_with_a_detached_part():
    example = load("detached")
    (x,) = example.arguments
    np.testing.assert_array_equal(example.gradient(x), x * x)


def test_the_doubling_loop_has_the_gradient_d_over_a():
    example = load("doubling")
    for a in (1.1630787, -0.3, 700.0, -1e-5):
        assert np.isclose(example.gradient(a), example.doubled(a) / a, rtol=1e-12)


def test_dropout_is_differentiated_in_training_mode_too():
    from srcdiff import train_mode

    example = load("dropout")
    w, x, mask = example.arguments
    with train_mode():
        trained = example.gradient(w, x, mask)
        for v in random_directions(w):
            slope, error = slope_along(example.mean_square, (w, x, mask), (0,), v)
            assert np.isclose(np.sum(trained * v), slope, rtol=1e-5, atol=20 * error)
    assert not np.allclose(trained, example.gradient(w, x, mask))


def test_the_table_is_printed():
    done = subprocess.run(
        [sys.executable, FOLDER / "run_all.py"],
        cwd=FOLDER.parent,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    head, *rows = done.stdout.splitlines()[-1 - len(RUN_ALL.ORDER) :]
    assert head.split() == ["example", "lines", "in", "lines", "out", "time"]
    assert [row.split()[0] for row in rows] == RUN_ALL.ORDER
    for row in rows:
        if "skipped" not in row:
            _, lines_in, lines_out, ratio = row.split()
            assert int(lines_in) > 1 and int(lines_out) > 1 and float(ratio) > 0


def test_an_example_that_fails_makes_the_run_fail(monkeypatch, capsys):
    def broken():
        raise RuntimeError("broken on purpose")

    toy = load("toy")
    monkeypatch.setattr(toy, "main", broken)
    monkeypatch.setattr(RUN_ALL, "ORDER", ["toy"])
    monkeypatch.setattr(RUN_ALL, "load", lambda name: toy)
    with pytest.raises(SystemExit) as caught:
        RUN_ALL.main()
    assert caught.value.code == "failed: toy"  # printed to stderr, and the exit code is 1
    assert "broken on purpose" in capsys.readouterr().out


def test_an_example_without_its_extra_is_skipped_with_the_reason(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(RUN_ALL, "ORDER", ["logistic_regression"])
    RUN_ALL.main()
    printed = capsys.readouterr().out
    assert "pip install" in printed
    assert "skipped: sklearn" in printed.splitlines()[-1]


IMPERATIVE = ["toy", "norm", "elementwise", "detached", "head_gradients", "doubling"]


@pytest.mark.parametrize("name", IMPERATIVE)
def test_what_records_gives_the_same_gradient(name):
    example = load(name)
    ours = example.gradient(*fresh(example.arguments))
    for one, other in zip(np.atleast_2d(ours), np.atleast_2d(example.imperative()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_marking_an_internal_variable_cuts_it_off():
    example = load("internal_variable")
    assert [g.tolist() for g in example.imperative()] == [[1] * 4, [1] * 4, [0] * 4]


def test_recording_trains_and_predicts_as_the_compiled_modes_do():
    example = load("dropout")
    training, prediction = example.imperative()
    with example.train_mode():
        np.testing.assert_allclose(example.gradient(*example.arguments), training, rtol=1e-12)
    np.testing.assert_allclose(example.gradient(*example.arguments), prediction, rtol=1e-12)
