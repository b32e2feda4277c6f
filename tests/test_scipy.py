"""SciPy's functions in programs: compiled and on the tape, first and second derivatives."""

import numpy as np
import pytest
import scipy.special as special

from srcdiff import value_and_grad
from srcdiff.runtime.registry import RULES, rule_of

from .tape import value_and_grad_on_tape
from .test_agreement import agree, finished

rule_of(special.gamma)  # registers the rules


def sites():
    for fun, rule in RULES.items():
        if rule.vjp.__module__.rpartition(".")[2] in ("special",) and fun is rule.functions[0]:
            for i, point in enumerate(rule.at):
                yield pytest.param(fun, point, id=f"{rule.name}-{i}")


SEVERAL = (special.airy, special.fresnel, special.sici, special.shichi, special.ellipj)


def is_float(x):
    return not isinstance(x, list | tuple | dict | str) and np.asarray(x).dtype.kind == "f"


@pytest.mark.parametrize("fun, point", list(sites()))
def test_compiled_and_on_the_tape(fun, point):
    kwargs = point.kwargs
    if any(np.iscomplexobj(x) for x in point.args) or not all(map(np.isscalar, kwargs.values())):
        pytest.skip("a call of another form")

    def f(*args):
        out = fun(*args, **kwargs)
        if fun in SEVERAL:
            out = out[0] + 2.0 * out[1]
        return np.sum(np.real(out) ** 2)

    wrt = tuple(i for i, x in enumerate(point.args) if is_float(x))
    args = [x if isinstance(x, np.ndarray) else float(x) if i in wrt else x
            for i, x in enumerate(point.args)]  # fmt: skip
    compiled = value_and_grad(f, wrt=wrt, fallback="error")(*args)
    taped = value_and_grad_on_tape(f, wrt)(*args)
    assert not agree(finished(compiled), finished(taped))
