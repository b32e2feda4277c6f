"""Logging: calls of `logging` and of loggers are made as they stand, once, like `print`.

    log.debug("x = %s", x)        an effect, which reads x
    log.isEnabledFor(DEBUG)       a bool, asked for each time

What the library does with them in Python is not followed.
"""

from __future__ import annotations

import logging
import types
from typing import Any

from srcdiff.transforms.ir import Instr, Value
from srcdiff.transforms.kinds import BOOL, INT
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Known, Plain, Ref

SAYING = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
ASKING = {"isEnabledFor": BOOL, "hasHandlers": BOOL, "getEffectiveLevel": INT}
FUNCTIONS = {logging.getLogger, *(getattr(logging, name, None) for name in SAYING)}


def logs(obj: Any) -> bool:
    """Whether a function is one of `logging` that says something or finds a logger, or a method of
    a logger.

    >>> log = logging.getLogger("model")
    >>> logs(log.debug), logs(logging.info), logs(log.isEnabledFor), logs(log.setLevel)
    (True, True, True, False)
    """
    if not isinstance(obj, types.MethodType):
        return isinstance(obj, types.FunctionType) and obj in FUNCTIONS
    logger = isinstance(obj.__self__, logging.Logger | logging.LoggerAdapter)
    return logger and (obj.__name__ in SAYING or obj.__name__ in ASKING)


class Logs(Memory):
    def call_log(self, f: Known, args: tuple, kwargs: dict, where: Any) -> Ref:
        obj, attrs = f.obj, {"effect": True, "reached": f.path}
        if obj is logging.getLogger:
            if kwargs or not all(isinstance(a, Known) for a in args):
                raise self.refuse(where, "`getLogger` of a name that is known only at run time",
                                  "Call it outside.")  # fmt: skip
            return Known(obj(*[a.obj for a in args]))
        trees = tuple(self.read(a, where) for a in args)
        keywords = {k: self.read(v, where) for k, v in kwargs.items()}
        kind = ASKING.get(obj.__name__)
        results = () if kind is None else (Value("enabled" if kind == BOOL else "level", kind),)
        self.instrs.append(Instr(obj, trees, keywords, results, (), attrs, where))
        return Plain(results[0]) if results else Known(None)
