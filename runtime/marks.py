"""What a user's function may say to srcdiff about a value.

y = detach(x) * x        the derivative is detach(x): what is detached is a constant
"""

from __future__ import annotations

from typing import Any

from srcdiff.runtime.registry import nondifferentiable


@nondifferentiable
def detach(x: Any) -> Any:
    """Return x; nothing is differentiated through it.

    >>> detach(3.0)
    3.0
    """
    return x
