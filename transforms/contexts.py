"""`with`: what a context manager does around its body.

    with scaled(x) as y:               y = x * 2
        z = y * y                →     z = y * y
                                       y[0] = 5.0

A manager that is written in Python is written out: the methods of a class, the generator of a
`@contextmanager` with the body at its `yield`. `np.errstate`, locks and others stay `with`, from
one instruction to another:

    old = with_enter(np.errstate, (), {"divide": "ignore"})
    …
    with_exit(old)
"""

from __future__ import annotations

import contextlib
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.transforms.exceptions import Place
from srcdiff.transforms.generators import Consumer, Generators
from srcdiff.transforms.ir import Block, Instr, Value, walk
from srcdiff.transforms.kinds import OBJECT
from srcdiff.transforms.merging import Exit
from srcdiff.transforms.references import Bound, Known, Plain, Ref, path_name

HELPER = contextlib.contextmanager(lambda: iter(())).__code__


def made_by_generator(f: Any) -> bool:
    """Whether a function is decorated with `@contextlib.contextmanager`."""
    return isinstance(f, types.FunctionType) and f.__code__ is HELPER


class Contexts(Generators):
    inline: Callable
    getattr: Callable
    call: Callable
    class_of: Callable
    prologue: list
    opaque: Callable

    # ------------------------------------------------------------------ the statement

    def do_with(self, instr: Instr) -> Exit | None:
        manager = self.value(instr.args[0])
        (block,) = instr.blocks
        if isinstance(manager, Bound) and manager.name == "manager":
            obj, args, kwargs = manager.ref
            if obj is contextlib.nullcontext:
                return self.with_item(block, args[0] if args else
                                      kwargs.get("enter_result", Known(None)))  # fmt: skip
            if obj is contextlib.suppress:
                return self.with_suppress(instr, args)
            if isinstance(obj, types.FunctionType):
                return self.with_generator(instr, obj, args, kwargs)
            tree = tuple(self.read(a, instr.where) for a in args)
            named = {k: self.read(v, instr.where) for k, v in kwargs.items()}
            if obj is np.errstate:
                named = {k: self.known(v, instr.where, "the setting") for k, v in kwargs.items()}
            return self.with_opaque(instr, (obj, *tree), named)
        cls = type(manager.obj) if isinstance(manager, Known) else None
        if cls is not None and not written_in_python(cls):
            locks = isinstance(manager.obj, LOCKS)
            return self.with_opaque(instr, (None, self.by_name(manager)), {}, locks)
        if isinstance(manager, Plain):
            return self.with_opaque(instr, (None, manager.value), {})
        return self.with_methods(instr, manager)

    def by_name(self, manager: Known) -> Any:
        """An object from outside as the name that it has there."""
        if manager.path is None or manager.path[0] not in ("global", "cell"):
            return manager.obj
        value = Value(path_name(manager.path), OBJECT, True)
        attrs = {"path": manager.path}
        self.prologue.append(Instr("global", (), None, (value,), (), attrs, None))
        return value

    def with_item(self, block: Block, item: Ref) -> Exit | None:
        self.temporaries[-1][block.params[0]] = item
        return self.run(block)

    def with_suppress(self, instr: Instr, args: tuple) -> Exit | None:
        place = Place("except", instr, self)
        classes = tuple(self.known(a, instr.where, "the class of an exception") for a in args)
        place.clauses = [(classes, Block((Value("error"),), (), ()))]
        count = len(self.instrs)
        self.temporaries[-1][instr.blocks[0].params[0]] = Known(None)
        exit = self.protected(place, instr.blocks[0])
        self.check_visible(place, self.instrs[count:])
        return self.arrived(place, exit, instr.where)

    def with_opaque(self, instr: Instr, args: tuple, kwargs: dict,
                    locks: bool = False) -> Exit | None:  # fmt: skip
        """A manager that no one can see into stays; an exception is handled outside of it."""
        (block,) = instr.blocks
        where = instr.where
        old, entered = Value("entered"), Value("entered")
        results = (old, entered) if is_read(block.params[0], block) else (old,)
        attrs = {"effect": True}
        enter, leave = ("with_enter", "with_exit")
        if args[0] is np.errstate:
            enter, leave, args = "errstate_enter", "errstate_exit", ()
        self.instrs.append(Instr(enter, args, kwargs, results, (), attrs, where))
        if args and (args[0] is warnings.catch_warnings or locks):
            self.checked[self.instrs[-1]] = (Exception,)  # it raises nothing
        place = Place("barrier", instr, self)
        self.temporaries[-1][block.params[0]] = Plain(entered)
        exit = self.protected(place, block)
        self.instrs.append(Instr(leave, (old,), None, (), (), attrs, where))
        return self.arrived(place, exit, where)

    def with_methods(self, instr: Instr, manager: Ref) -> Exit | None:
        """`__enter__` and `__exit__`, written out."""
        (block,) = instr.blocks
        where = instr.where
        leave = self.getattr(manager, "__exit__", where)
        entered = self.call(self.getattr(manager, "__enter__", where), (), {}, where)
        nothing = (Known(None),) * 3

        def final(error: Bound | None) -> Exit | None:
            """An exit that goes nowhere where the exception is to be dropped."""
            args = nothing if error is None else (error.ref[0], error, Known(None))
            found = self.truth(self.call(leave, args, {}, where), where)
            if error is None:
                return None
            if not isinstance(found, Known):
                raise self.refuse(where, "`__exit__` that drops an exception or not, depending on "
                                  "run-time values")  # fmt: skip
            return Exit() if found.obj else None

        place = Place("finally", instr, self)
        place.final = final
        self.temporaries[-1][block.params[0]] = entered
        exit = self.protected(place, block)
        return self.finally_(place, exit, where)

    def with_generator(self, instr: Instr, f: types.FunctionType, args: tuple,
                       kwargs: dict) -> Exit | None:  # fmt: skip
        """The body of the generator, with the body of the statement at its `yield`."""
        (block,) = instr.blocks
        where = instr.where
        source = self.inline(f, args, kwargs, where)
        place = Place("with", instr, self)
        depth = self.uncertain
        pending: list[Exit] = []
        count = 0

        def take(item: Ref) -> Exit | None:
            nonlocal count
            count += 1
            if self.uncertain != depth or count > 1:
                raise self.refuse(where, f"`{f.__name__}` yields once, at any rate")
            exit = self.with_item(block, item)
            if exit is None or exit.dead:
                return exit
            # However the body is left, but for an exception: the generator goes on first.
            thrown = tuple(label for label in exit.labels if label.thrown)
            others = tuple(label for label in exit.labels if not label.thrown)
            rest = self.leaving(exit._replace(labels=others), where)
            if rest is not None:
                pending.append(rest)
            return self.leaving(Exit(labels=thrown), where)

        exit = self.run_generator(source, Consumer(place, take), where)
        if count == 0:
            raise self.refuse(where, f"`{f.__name__}` does not yield")
        if not pending or exit is not None and exit.dead:
            return exit
        (rest,) = pending
        labels = () if exit is None else exit.labels
        return self.leaving(rest._replace(labels=(*rest.labels, *labels)), where)


LOCKS = (type(threading.Lock()), type(threading.RLock()))


def written_in_python(cls: type) -> bool:
    names = ("__enter__", "__exit__")
    return all(isinstance(getattr(cls, name, None), types.FunctionType) for name in names)


def is_read(value: Value, block: Block) -> bool:
    return any(value in instr.operands for instr in walk(block))


def maker(obj: Any) -> Callable:
    """A call that makes a manager: nothing happens before it is entered."""

    def call(run: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Bound((obj, args, kwargs), "manager")

    return call


def opaque(obj: Any) -> Callable:
    """A function of the library that is called as it is, though it is written in Python."""
    return lambda run, args, kwargs, where: run.opaque(obj, args, kwargs, where)


OPAQUE = (warnings.warn, warnings.simplefilter, warnings.filterwarnings, warnings.resetwarnings)
MANAGERS = (np.errstate, contextlib.nullcontext, contextlib.suppress, warnings.catch_warnings)
HANDLERS: dict[Any, Callable] = {
    **{obj: maker(obj) for obj in MANAGERS},
    **{obj: opaque(obj) for obj in OPAQUE},
}
