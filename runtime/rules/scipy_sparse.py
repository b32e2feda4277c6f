"""Rules of `scipy.sparse.linalg`, registered when SciPy is there: the matrix is a constant.

    x = spsolve(K, b)    →    d_b = spsolve(K.T, d_x)

Products `K @ x` have the rule of `@`.
"""

# mypy: no-check-untyped-defs

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from srcdiff.runtime.registry import spread, vjp_rule

MATRIX = sparse.csc_array(spread(3, 3) + 3 * np.eye(3))


@vjp_rule(linalg.spsolve, at=[(MATRIX, spread(3)), (MATRIX, spread(3, 2))], linear="b")
def spsolve_vjp(d_out, out, A, b, permc_spec=None, use_umfpack=True):  # noqa: N803
    """A @ out = b"""
    return None, linalg.spsolve(A.T, d_out, permc_spec, use_umfpack)
