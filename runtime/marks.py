"""What a user's function may say to srcdiff about a value, or about a call.

y = detach(x) * x          the derivative is detach(x): what is detached is a constant
h = checkpoint(f)(h, w)    a reverse sweep calls f again: what it computes on the way is not kept
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from srcdiff.runtime.registry import nondifferentiable


@nondifferentiable
def detach(x: Any) -> Any:
    """Return x; nothing is differentiated through it.

    >>> detach(3.0)
    3.0
    """
    return x


def checkpoint(f: Callable) -> Callable:
    """The same function, of which a reverse sweep keeps nothing but what goes in; a decorator, too.

    Where a function that is differentiated calls it, its steps are computed once more before they
    are reversed: less memory, for a second run. The gradient is the same, bit for bit. What it
    prints or draws it does once: a draw is kept. Called elsewhere it is f.

    >>> import numpy as np
    >>> from srcdiff import grad
    >>> @checkpoint
    ... def layer(h, w):
    ...     return np.tanh(np.exp(h) * w)
    >>> def loss(w):
    ...     h = layer(w, w)
    ...     return np.sum(layer(h, w))
    >>> grad(loss)(np.zeros(2))
    array([1., 1.])

    Raises TypeError for what is not callable.
    """
    if not callable(f):
        raise TypeError(f"checkpoint() needs a function, not {f!r}")

    @functools.wraps(f)
    def again(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    again.__dict__[MARK] = f
    return again


MARK = "__srcdiff_checkpoint__"


def marked(f: Any) -> Any:
    """The function that was given to `checkpoint`, None if f does not come from there."""
    return f.__dict__.get(MARK) if type(f) is FUNCTION else None


FUNCTION = type(marked)
