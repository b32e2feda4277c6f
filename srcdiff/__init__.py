"""srcdiff: a NumPy function goes in as source, its gradient comes out as source.

>>> import numpy as np
>>> def f(x):
...     return np.sum(np.sin(x))
>>> df = grad(f)
>>> df(np.zeros(2))
array([1., 1.])
>>> print(df.source.rstrip())
def f_grad(x):
    # adjoint
    return np.cos(x)
"""

import importlib
from typing import TYPE_CHECKING, Any

from srcdiff import solvers  # noqa: F401  (the compiler finds its table)
from srcdiff.api import Differentiated, elementwise_grad, grad, value_and_grad, vjp
from srcdiff.batching import vmap
from srcdiff.check import GradientCheckError, check_grads
from srcdiff.higher import hessian, hvp, jacobian, jacobian_sparsity, jvp, pullback
from srcdiff.implicit import implicit
from srcdiff.runtime.declared import custom_vjp
from srcdiff.runtime.errors import (
    FallbackWarning,
    NonScalarOutputError,
    NoRuleError,
    NotDifferentiableTypeError,
    RuleError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
)
from srcdiff.runtime.marks import checkpoint, detach
from srcdiff.runtime.modes import is_training, predict_mode, train_mode
from srcdiff.runtime.registry import jvp_rule, nondifferentiable, vjp_rule

if TYPE_CHECKING:
    from srcdiff import autograd, nd

__all__ = [
    "Differentiated",
    "FallbackWarning",
    "GradientCheckError",
    "NoRuleError",
    "NonScalarOutputError",
    "NotDifferentiableTypeError",
    "RuleError",
    "SrcdiffError",
    "UnknownArgumentError",
    "UnsupportedSyntaxError",
    "autograd",
    "check_grads",
    "checkpoint",
    "custom_vjp",
    "detach",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "is_training",
    "jacobian",
    "jacobian_sparsity",
    "jvp",
    "jvp_rule",
    "nd",
    "nondifferentiable",
    "predict_mode",
    "pullback",
    "train_mode",
    "value_and_grad",
    "vjp",
    "vjp_rule",
    "vmap",
]


def __getattr__(name: str) -> Any:
    """`autograd` and `nd`, imported when they are asked for."""
    if name in ("autograd", "nd"):
        return importlib.import_module(f"srcdiff.{name}")
    raise AttributeError(f"module 'srcdiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
