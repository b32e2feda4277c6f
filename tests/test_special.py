"""`scipy.special` in programs: edges, complex numbers, functions in Python, higher derivatives."""

import numpy as np
import pytest
from scipy import special

from srcdiff import check_grads, grad, value_and_grad

from .coverage import Row
from .tape import value_and_grad_on_tape

INF, NAN = np.inf, np.nan

EDGES = [
    (special.xlogy, (0.0, 2.0), (np.log(2.0), 0.0)),
    (special.xlogy, (0.0, 0.0), (-INF, 0.0)),
    (special.xlogy, (2.0, 0.0), (-INF, INF)),
    (special.xlog1py, (0.0, -1.0), (-INF, 0.0)),
    (special.entr, (0.0,), (INF,)),
    (special.rel_entr, (0.0, 2.0), (-INF, 0.0)),
    (special.rel_entr, (0.0, 0.0), (-INF, 0.0)),
    (special.kl_div, (0.0, 2.0), (-INF, 1.0)),
    (special.gammaln, (0.0,), (-INF,)),
    (special.gammaln, (-1.0,), (NAN,)),
    (special.erfinv, (1.0,), (INF,)),
    (special.erfinv, (-1.0,), (INF,)),
    (special.erfcinv, (0.0,), (-INF,)),
    (special.ndtri, (0.0,), (INF,)),
    (special.ndtri, (1.0,), (INF,)),
    (special.logit, (0.0,), (INF,)),
    (special.logit, (1.0,), (INF,)),
    (special.expit, (-1000.0,), (0.0,)),
    (special.expit, (1000.0,), (0.0,)),
    (special.log_expit, (-1000.0,), (1.0,)),
    (special.softplus, (-1000.0,), (0.0,)),
    (special.softplus, (1000.0,), (1.0,)),
    (special.log_ndtr, (-40.0,), (np.sqrt(2 / np.pi) / special.erfcx(40 / np.sqrt(2)),)),
    (special.cbrt, (0.0,), (INF,)),
    (special.huber, (1.0, -3.0), (2.0, -1.0)),
    (special.logsumexp, ([-INF, -INF],), ([0, 0],)),
    (special.logsumexp, ([0.0, -INF],), ([1, 0],)),
    (special.logsumexp, ([INF, 0.0],), ([1, 0],)),
    (lambda x: special.softmax(x)[0], ([0.0, -INF],), ([0, 0],)),
    (lambda x: special.log_softmax(x)[0], ([0.0, -INF],), ([0, 0],)),
    (special.i0, (0.0,), (0.0,)),
    (special.exprel, (0.0,), (0.5,)),
    (special.boxcox, (2.0, 0.0), (0.5, np.log(2.0) ** 2 / 2)),
    (special.elliprf, (0.5, 0.5, 0.5), (-(0.5**-1.5) / 6,) * 3),
    (special.beip, (0.0,), (0.5,)),
    (special.ellipk, (0.0,), (np.pi / 8,)),
]


@pytest.mark.parametrize("f, at, expected", EDGES)
@np.errstate(all="ignore")
def test_edges(f, at, expected):
    at = tuple(np.array(x) if isinstance(x, list) else x for x in at)

    def loss(*args):
        return f(*args)

    wrt = tuple(range(len(at)))
    compiled = value_and_grad(loss, wrt=wrt, fallback="error")
    for made in (compiled, value_and_grad_on_tape(loss, wrt)):
        value, found = made(*at)
        np.testing.assert_allclose(value, f(*at), rtol=1e-15)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


PROGRAMS = [  # several results, of complex arguments or of real ones
    "special.airy(z)[0]",
    "a, da, b, db = special.airy(z); a * db - b",
    "special.fresnel(z)[0]",
    "special.kelvin(p)[0]",
    "special.kelvin(p)[1] * special.kelvin(p)[3]",
    "special.hankel2e(1.5, p)",
    "special.hankel1(1.5, z)",
    "special.sici(z)[0]",
    # Python over functions that have rules
    "special.jvp(1.5, p)",
    "special.yvp(1.5, p, 2)",
    "special.kvp(1.5, p)",
    # orders and parameters
    "special.jve(r, p)",
    "special.gdtr(s, r, p)",
    "special.wright_bessel(s, r, p)",
    "special.pbdv(r, p)[1] + special.pbdv(r, p)[0]",
    "special.elliprj(p, q, r, 2 + s)",
    "special.agm(p, q)",
    "special.perm(3 + p, 2)",
    "special.softplus(v)",
    "special.sph_harm_y(2, 1, s, r)",
    "special.sph_harm_y(3, k5 - 1, s, v)",
    "special.chdtriv(i, p)",
    "special.kolmogorov(p)",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_in_both_modes_and_on_the_tape(program):
    for mode, verdict in Row(program, program).verdicts().items():
        assert verdict.outcome == "right", f"{mode}: {verdict}"


@pytest.mark.parametrize(
    "f, at",
    [
        (special.softplus, 0.3),
        (lambda x: special.jve(1.5, x), 0.7),
        (special.ber, 0.7),
        (special.keip, 0.7),
        (lambda x: special.elliprf(x, 0.7, 1.2), 0.4),
        (lambda x: special.elliprg(x, 0.7, 1.2), 0.4),
        (lambda x: special.gdtr(1.3, 1.7, x), 0.4),
        (lambda p: special.bdtr(2, 5, p), 0.4),
        (lambda p: special.nrdtrimn(p, 1.2, 0.3), 0.4),
        (lambda x: special.pbdv(1.3, x)[0], 0.4),
        (lambda x: special.wright_bessel(0.7, 1.3, x), 0.4),
    ],
)
def test_second_derivatives(f, at):
    check_grads(f, (at,), order=2)


def test_a_scaled_function_of_complex_numbers_is_refused():
    with pytest.raises(Exception, match="jve of complex numbers"):
        grad(lambda z: np.real(special.jve(1.5, z)), fallback="error")(0.3 + 0.4j)
