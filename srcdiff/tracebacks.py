"""Tracebacks of the user's code: the frames of srcdiff itself are left out.

    Traceback (most recent call last):
      File "train.py", line 40, in <module>         the user's call
      File "<srcdiff loss_grad>", line 7, in …      generated code, or the user's function
    ValueError: …

`SRCDIFF_TRACEBACK=full` in the environment keeps them all.
"""

from __future__ import annotations

import functools
import importlib
import os
from types import TracebackType


def trim(error: BaseException) -> None:
    """Leave the frames of srcdiff out of an error's traceback; a bare `raise` follows.

    >>> from srcdiff import grad
    >>> def loss(x):
    ...     return undefined * x
    >>> try:
    ...     grad(loss)(1.0)
    ... except Exception as error:
    ...     traceback = error.__traceback__
    >>> names = []
    >>> while traceback is not None:
    ...     names.append(traceback.tb_frame.f_code.co_name)
    ...     traceback = traceback.tb_next
    >>> names
    ['<module>', 'loss']
    """
    if os.environ.get("SRCDIFF_TRACEBACK") == "full":
        return
    kept = []
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_homes()):
            kept.append(trace)
        trace = trace.tb_next
    found: TracebackType | None = None
    for trace in reversed(kept):
        found = TracebackType(found, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
    error.__traceback__ = found


@functools.cache
def _homes() -> tuple[str, ...]:
    """The folders of srcdiff's own files, also as links may spell them."""
    folders = []
    for name in ("srcdiff", "srcdiff.transforms", "srcdiff.runtime"):
        (folder,) = importlib.import_module(name).__path__
        folders += [os.path.abspath(folder), os.path.realpath(folder)]
    return tuple(f"{folder}{os.sep}" for folder in dict.fromkeys(folders))
