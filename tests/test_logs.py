"""What a function says by `logging` it says once, and has the same gradient."""

import logging

import numpy as np
import pytest

from srcdiff import grad, value_and_grad, vmap
from tests.tape import value_and_grad_on_tape

log = logging.getLogger(__name__)


def loss(x, n=2):
    log.debug("x = %s", x)
    total = 0.0
    for i in range(n):
        logging.getLogger("tests.steps").info("step %d: %g", i, total)
        total += np.sum(x**2) * (i + 1)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("sum %f", np.sum(x))
    return total


class Model:
    def __init__(self):
        self.log, self.scale = log, 2.0

    def loss(self, x):
        self.log.warning("loss of %s", x)
        return self.scale * np.sum(x)


def on_tape(x):
    exec("")
    return loss(x)


X = np.array([1.0, 2.0])
SAID = ["x = [1. 2.]", "step 0: 0", "sum 3.000000", "step 1: 5", "sum 3.000000"]


@pytest.fixture(autouse=True)
def everything(caplog):
    caplog.set_level(logging.DEBUG)


@pytest.mark.filterwarnings("ignore::srcdiff.FallbackWarning")
@pytest.mark.parametrize("f, fallback", [(loss, "error"), (on_tape, "tape")])
def test_it_is_said_once(caplog, f, fallback):
    value, gradient = value_and_grad(f, fallback=fallback)(X)
    assert value == 15.0 and gradient.tolist() == [6.0, 12.0]
    assert [record.getMessage() for record in caplog.records] == SAID


def test_the_level_is_asked_for_at_each_call(caplog):
    df = grad(loss, fallback="error")
    df(X)
    caplog.clear()
    caplog.set_level(logging.WARNING)
    assert df(X).tolist() == [6.0, 12.0] and not caplog.records


def test_a_logger_of_an_object(caplog):
    df = grad(Model().loss, fallback="error")
    assert df(X).tolist() == [2.0, 2.0] and caplog.messages == ["loss of [1. 2.]"]
    assert ".log.warning('loss of %s', x)" in df.source


def test_each_example_is_told_of(caplog):
    assert vmap(Model().loss)(np.ones((3, 2))).tolist() == [4.0] * 3
    assert caplog.messages == ["loss of [1. 1.]"] * 3


def said_of_containers(x):
    found = [x * 2.0, {"a": x}]
    log.info("%s", found)
    return np.sum(found[0] * found[1]["a"])


def said_by_name_of_level(x):
    log.log(5, "%s", 1.0)
    return np.sum(x * x * 2.0)


@pytest.mark.parametrize("f", [said_of_containers, said_by_name_of_level])
def test_what_is_said_keeps_its_gradient(f):
    x = np.array([1.0, 2.0])
    for value, d in (value_and_grad(f, fallback="error")(x), value_and_grad_on_tape(f)(x)):
        assert value == 10.0
        np.testing.assert_array_equal(d, [4.0, 8.0])


def told(x):
    log.log(5, "%s", x)
    return x * 2.0


def test_no_local_hides_a_logger():
    def f(x):
        log = np.log(x)
        return np.sum(told(log))

    _, d = value_and_grad(f, fallback="error")(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(d, [2.0, 1.0])
