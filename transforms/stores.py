"""Whether a function may change what lies outside of it, as far as its code shows.

    def helper(x):
        CACHE["x"] = x          →    True
        return x

A helper that runs on the tape changes such things as it runs, which code that is compiled around
it, and has read them before, would not see. What is looked at: stores to names and attributes,
and stores to items, calls of methods that change their object and `out=` where the function, or
one that it calls, knows an array, a list or the like that is not its own.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

NAMES = {"STORE_GLOBAL", "STORE_ATTR", "DELETE_GLOBAL", "DELETE_ATTR"}
ITEMS = {"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"}
METHODS = frozenset(
    """append extend insert pop remove clear sort reverse update setdefault popitem add discard
    fill put itemset resize partition byteswap setfield setflags at copyto place putmask
    fill_diagonal put_along_axis appendleft popleft extendleft rotate write""".split()
)
HELD = (np.ndarray, list, dict, set, bytearray)


def stores_outside(function: types.FunctionType) -> bool:
    """Whether a function may change a global, a closure cell or what these hold.

    >>> stores_outside(lambda x: x + 1), stores_outside(lambda x: HELD.append(x))
    (False, False)
    >>> kept = [1]
    >>> stores_outside(lambda x: kept.append(x)), stores_outside(lambda x: x + kept[0])
    (True, False)
    """
    seen: set[types.FunctionType] = set()
    pending = [function]
    while pending:
        f = pending.pop()
        if f in seen:
            continue
        seen.add(f)
        known = list(known_to(f))
        for x in [x for x in known if has_state(x)]:
            known += [*vars(x).values(), *methods_called(x, f)]
        codes = list(with_inner(f.__code__))
        if any(names_stored(code, f.__code__) for code in codes):
            return True
        if any(isinstance(x, HELD) for x in known) and any(map(changes, codes)):
            return True
        pending += [x for x in known if isinstance(x, types.FunctionType) and is_users(x)]
    return False


def names_stored(code: types.CodeType, function: types.CodeType) -> bool:
    return any(
        i.opname in NAMES or i.opname == "STORE_DEREF" and i.argval in function.co_freevars
        for i in dis.get_instructions(code)
    )


def changes(code: types.CodeType) -> bool:
    """Whether items are stored, or something is called that changes what it is given."""
    for i in dis.get_instructions(code):
        if i.opname in ITEMS or i.opname == "BINARY_OP" and i.argrepr.endswith("="):
            return True
        if i.argval in METHODS or i.opname == "KW_NAMES" and "out" in code.co_consts[i.arg or 0]:
            return True
    return any(type(const) is tuple and "out" in const for const in code.co_consts)


def with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from with_inner(const)


def known_to(function: types.FunctionType) -> Iterator[Any]:
    """What a function's globals, cells and defaults are now, as far as its code names them."""
    names = {name for code in with_inner(function.__code__) for name in code.co_names}
    for name in names & function.__globals__.keys():
        yield function.__globals__[name]
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it is not filled yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()


def methods_called(x: Any, function: types.FunctionType) -> Iterator[types.FunctionType]:
    """The functions of an object's class that a function names."""
    for code in with_inner(function.__code__):
        for name in ("__call__", *code.co_names):
            found = getattr(type(x), name, None)
            if isinstance(found, types.FunctionType):
                yield found


def has_state(x: Any) -> bool:
    """Whether something is an object of the user's, which may hold anything."""
    return hasattr(x, "__dict__") and not isinstance(
        x, (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
    )


def is_users(function: types.FunctionType) -> bool:
    return (function.__module__ or "").partition(".")[0] not in ("numpy", "scipy", "srcdiff")
