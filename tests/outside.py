"""What a program keeps outside its arguments: the module's arrays, lists, dicts and numbers.

outside = Outside(module)
outside.restore()        as it was when it was looked at first, the same objects
outside.read()           as it is now, to be compared
outside.before(f)        f, from the same state in each call
"""

import copy
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

DATA = (np.ndarray, list, dict, int, float, complex)


class Outside:
    def __init__(self, module: types.ModuleType):
        self.modules = [module]
        for value in vars(module).values():
            if isinstance(value, types.ModuleType) and value.__name__.startswith("tests."):
                self.modules.append(value)
        self.first = self.read()

    def __bool__(self) -> bool:
        return any(self.first)

    def read(self) -> list[dict[str, Any]]:
        """A copy of the data of each module, by name."""
        return [
            {
                name: copy.deepcopy(value)
                for name, value in vars(module).items()
                if isinstance(value, DATA) and not name.startswith("__")
            }
            for module in self.modules
        ]

    def restore(self) -> None:
        for module, saved in zip(self.modules, self.first, strict=True):
            for name, value in saved.items():
                now = getattr(module, name, None)
                if isinstance(value, np.ndarray) and isinstance(now, np.ndarray):
                    now[...] = value
                elif isinstance(value, list) and isinstance(now, list):
                    now[:] = copy.deepcopy(value)
                elif isinstance(value, dict) and isinstance(now, dict):
                    now.clear()
                    now.update(copy.deepcopy(value))
                else:
                    setattr(module, name, value)

    def before(self, f: Callable) -> Callable:
        if not self:
            return f

        @functools.wraps(f)
        def restored(*args: Any) -> Any:
            self.restore()
            return f(*args)

        return restored
