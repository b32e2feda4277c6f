"""Operands that are real or complex, as values decide: what is known of the results in any case.

    np.abs      f8/c16[n]           f8[n]
    np.add      f8/c16[n], f8[n]    f8/c16[n]
    np.where    b1[n], …, c16[n]    c16[n]

A question about such operands is asked twice, for real ones and for complex ones, and what covers
both answers is the answer: where some are real and others complex, it is one of these.
"""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.ir import Slice
from srcdiff.transforms.kinds import (
    OBJECT,
    Kind,
    covers,
    is_undecided,
    join,
    may_be_complex,
    real_or_complex,
)


def undecided_in(tree: Any) -> bool:
    """Whether there is something among the operands that is real or complex, as values decide."""
    if type(tree) is Kind:
        return is_undecided(tree) or tree.items is not None and any(map(undecided_in, tree.items))
    if isinstance(tree, (tuple, list)):
        return any(map(undecided_in, tree))
    return type(tree) is dict and any(map(undecided_in, tree.values()))


def of_part(tree: Any, part: str) -> Any:
    """The operands as they are where all such things are "real", or all are "complex"."""
    if type(tree) is Kind:
        if tree.items is not None:
            return tree._replace(items=of_part(tree.items, part))
        return tree._replace(dtype=getattr(tree.dtype, part)) if is_undecided(tree) else tree
    if type(tree) is dict:
        return {name: of_part(branch, part) for name, branch in tree.items()}
    if type(tree) in (tuple, list):
        return type(tree)([of_part(branch, part) for branch in tree])
    return Slice(*[of_part(branch, part) for branch in tree]) if isinstance(tree, Slice) else tree


def either_way(real: Kind | None, wide: Kind | None) -> Kind | None:
    """What covers the results for real and for complex operands; None is that of an error.

    >>> import numpy as np
    >>> from srcdiff.transforms.kinds import COMPLEX, FLOAT
    >>> either_way(FLOAT, COMPLEX), either_way(Kind("scalar", np.dtype("f8"), python=False), None)
    (object, f8)
    """
    if real is None or wide is None:
        return real or wide
    if real.items is not None and wide.items is not None and len(real.items) == len(wide.items):
        items = [either_way(a, b) or OBJECT for a, b in zip(real.items, wide.items)]
        return join(real._replace(items=tuple(items)), wide._replace(items=tuple(items)))
    if real.numeric and wide.numeric and may_be_complex(wide) and wide.dtype is not None and \
            wide.dtype != real.dtype and not wide.python:  # fmt: skip
        undecided = real_or_complex(wide.dtype)
        if covers(undecided, real.dtype):
            real, wide = real._replace(dtype=undecided), wide._replace(dtype=undecided)
    return join(real, wide)
