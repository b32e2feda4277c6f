"""What a user's function may say to srcdiff: `detach`, and the training flag.

    y = detach(x) * x        the derivative is detach(x): what is detached is a constant

`is_training()` is static for the compiler: a function is compiled once for each of its two values.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from srcdiff.runtime.registry import nondifferentiable


class _Flags(threading.local):
    training = False


_flags = _Flags()


@nondifferentiable
def detach(x: Any) -> Any:
    """Return x; nothing is differentiated through it.

    >>> detach(3.0)
    3.0
    """
    return x


def is_training() -> bool:
    """Whether the code runs in training mode: False unless inside `train_mode()`.

    >>> is_training()
    False
    """
    return _flags.training


def set_training(value: bool) -> bool:
    """Set the training flag of this thread and return the old one."""
    old = is_training()
    _flags.training = bool(value)
    return old


@contextlib.contextmanager
def train_mode() -> Iterator[None]:
    """Training mode inside a `with`; the old mode afterwards, exceptions included.

    >>> with train_mode():
    ...     is_training()
    True
    """
    old = set_training(True)
    try:
        yield
    finally:
        set_training(old)


@contextlib.contextmanager
def predict_mode() -> Iterator[None]:
    """Prediction mode inside a `with`; the old mode afterwards, exceptions included."""
    old = set_training(False)
    try:
        yield
    finally:
        set_training(old)
