"""Recording and training: two flags, each thread and each asyncio task has its own.

    is_recording()    operations on `nd` arrays are recorded, for `backward`
    is_training()     the code runs to train a model: a dropout drops

`is_training()` is static for the compiler: a function is compiled once for each of its two values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_recording: ContextVar[bool] = ContextVar("recording", default=False)
_training: ContextVar[bool] = ContextVar("training", default=False)


def is_recording() -> bool:
    """Whether operations on `nd` arrays are recorded: False unless inside `record()`.

    >>> is_recording()
    False
    """
    return _recording.get()


def is_training() -> bool:
    """Whether the code runs in training mode: False unless inside `train_mode()` or `record()`.

    >>> is_training()
    False
    """
    return _training.get()


def set_recording(value: bool) -> bool:
    """Set the recording flag of this thread and return the old one.

    >>> set_recording(True), set_recording(False)
    (False, True)
    """
    old = _recording.get()
    _recording.set(bool(value))
    return old


def set_training(value: bool) -> bool:
    """Set the training flag of this thread and return the old one.

    >>> set_training(True), set_training(False)
    (False, True)
    """
    old = _training.get()
    _training.set(bool(value))
    return old


@contextlib.contextmanager
def modes(recording: bool | None = None, training: bool | None = None) -> Iterator[None]:
    """Flags inside a `with`, None for one that stays; the old ones afterwards, whatever happens.

    >>> with modes(recording=True, training=True):
    ...     is_recording(), is_training()
    (True, True)
    >>> is_recording(), is_training()
    (False, False)
    """
    old = _recording.get(), _training.get()
    if recording is not None:
        _recording.set(bool(recording))
    if training is not None:
        _training.set(bool(training))
    try:
        yield
    finally:
        if recording is not None:
            _recording.set(old[0])
        if training is not None:
            _training.set(old[1])


def train_mode() -> contextlib.AbstractContextManager[None]:
    """Training mode inside a `with`; the old mode afterwards, exceptions included.

    >>> with train_mode():
    ...     is_training()
    True
    """
    return modes(training=True)


def predict_mode() -> contextlib.AbstractContextManager[None]:
    """Prediction mode inside a `with`; the old mode afterwards, exceptions included."""
    return modes(training=False)
