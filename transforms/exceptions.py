"""Exceptions that the program catches itself.

    try:                                 if x < 0:
        if x < 0:                            y = 0.0
            raise ValueError("x")    →   else:
        y = math.sqrt(x)                     y = math.sqrt(x)
    except ValueError:
        y = 0.0

What raises is visible: a `raise`, an operation that fails while compiling, or one that can be
tested for (`visible_test`) or tried (`attempts`). There the handler is run, at the place of the
exception, in the frame of the `try`; a label then leads past the rest of the body. What else may
raise invisibly what is caught (`may_raise`) is refused. Not foreseen, here as elsewhere, are
exceptions of the machine (`MemoryError`, `KeyboardInterrupt`, `RecursionError`).
"""

from __future__ import annotations

import cmath
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.runtime.tape import SIGNS
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import (
    Block,
    Instr,
    Slice,
    Value,
    leaf_kind,
    map_tree,
    op_name,
    walk,
)
from srcdiff.transforms.kinds import BOOL, STR, Kind
from srcdiff.transforms.merging import Exit, Label
from srcdiff.transforms.mutation import NUMBERS, Memory
from srcdiff.transforms.references import (
    ARRAYS,
    Bound,
    HalfBound,
    Known,
    List,
    Missing,
    Plain,
    Tuple,
    ref_like,
)  # fmt: skip


class Raised(Exception):
    """An operation that is carried out while compiling raises what the program catches."""

    def __init__(self, error: Exception):
        self.error = error


class Hidden(Exception):
    """A view that is made later may raise what the program catches; the refusal, if need be."""

    def __init__(self, instr: Instr, refusal: Exception):
        self.instr, self.refusal = instr, refusal


class Untold(Missing):
    """The arguments of an exception that the instruction `instr` raises."""

    instr: Instr

    def __new__(cls, why: str, instr: Instr) -> Untold:
        made = super().__new__(cls, why)
        made.instr = instr
        return made


class Place:
    """A statement that paths from further inside come back to, and what it can see.

    kind      "except", "finally"; "barrier": a `with` that must end before a handler is run;
              "loop" and "with" consume a generator
    clauses   of "except": (classes, handler), classes None for all
    exempt    instructions of handlers: what they raise is not caught here
    final     of "finally": it is called with the exception or None; an exit replaces the other
    watched   of "finally": it is run for exceptions that nobody catches, too
    """

    __slots__ = ("kind", "instr", "frames", "temporaries", "tries", "consumers", "depth",
                 "clauses", "exempt", "final", "watched")  # fmt: skip

    def __init__(self, kind: str, instr: Any, run: Any):
        self.kind, self.instr = kind, instr
        self.frames, self.temporaries = list(run.frames), dict(run.temporaries[-1])
        self.tries, self.consumers = list(run.tries), list(run.consumers)
        self.depth = run.depth
        self.clauses: list = []
        self.exempt: set = set()
        self.watched = False
        self.final: Callable = lambda error: None


class Tested(NamedTuple):
    """What an instruction that is carried out has been tested for.

    classes    what it does not raise, all it becomes included
    attempts   (place, part, classes): neither does what it becomes, up to that place, and what
               is done with the same part of an array
    """

    classes: tuple = ()
    attempts: tuple = ()

    def of(self, new: Instr, place: float = math.inf) -> tuple:
        """The classes that an instruction at a place among those it becomes does not raise."""
        found = [classes for last, done, classes in self.attempts
                 if place <= last or part(new) == done]  # fmt: skip
        return (*self.classes, *(cls for classes in found for cls in classes))

    def and_of(self, new: Instr, place: int, classes: tuple) -> Tested:
        return self._replace(attempts=(*self.attempts, (place, part(new), classes)))


class Exceptions(Memory):
    """`try` and what comes to it."""

    tries: list[Place]  # the statements around the point that is run, the innermost last
    consumers: list  # see `generators`
    handling: list  # what the handlers that are run have caught
    checked: dict[Instr, tuple]  # what an instruction was tested for
    assured: tuple = ()  # what the next one cannot raise
    testing: Tested  # what the one that is carried out was tested for
    frames: list
    snapshot: Callable
    own_array: dict
    depth: int  # of loops
    escaped: Exit | None  # what leaves the call that is run, besides its value
    run: Callable
    value: Callable
    put: Callable
    sub: Callable
    join: Callable
    guarded: Callable
    known: Callable
    apply: Callable
    call_len: Callable
    dimension: Callable
    uncertain: int
    within_bounds: set
    kept: dict[Block, Block]  # what is run for a block of the program
    facts: dict  # tests → how they have come out on this path

    # ------------------------------------------------------------------ statements

    def do_try(self, instr: Instr) -> Exit | None:
        body, orelse, *handlers = instr.blocks
        place = Place("except", instr, self)
        for handler, classes in zip(handlers, instr.attrs["types"]):
            found = None
            if classes is not None:
                self.run(classes)
                found = self.classes(self.value(classes.results[0]), instr.where)
            place.clauses.append((found, handler))
        count = len(self.instrs)
        exit = self.protected(place, self.with_orelse(body, orelse))
        self.check_visible(place, self.instrs[count:])
        return self.arrived(place, exit, instr.where)

    def with_orelse(self, body: Block, orelse: Block) -> Block:
        """The body and what follows where it raises nothing, on the very paths where it does."""
        if not orelse.instrs:
            return body
        if orelse not in self.kept:
            last = Instr("orelse", blocks=(orelse,), where=orelse.instrs[0].where)
            self.kept[orelse] = Block(body.params, [*body.instrs, last], body.results)
        return self.kept[orelse]

    def do_orelse(self, instr: Instr) -> Exit | None:
        """`else` of a `try`: what it raises is not caught there."""
        outer, count = self.tries, len(self.instrs)
        self.tries = list(outer[-1].tries)
        try:
            return self.run(instr.blocks[0])
        finally:
            outer[-1].exempt.update(self.instrs[count:])
            self.tries = outer

    def classes(self, ref: Any, where: Any) -> tuple:
        found = self.known(ref, where, "the class of an exception")
        return found if isinstance(found, tuple) else (found,)

    def do_finally(self, instr: Instr) -> Exit | None:
        """Where it has effects, and the body may raise what nobody catches, these come first."""
        undo = self.snapshot()
        temporaries, facts = dict(self.temporaries[-1]), dict(self.facts)
        place = Place("finally", instr, self)
        count = len(self.instrs)
        seen, exit = self.run_finally(place)
        if seen and any(self.passes(new) for new in without(self.instrs[count:], place.exempt)):
            undo()
            self.temporaries[-1], self.facts = temporaries, facts
            place = Place("finally", instr, self)
            place.watched = True
            seen, exit = self.run_finally(place)
            for new in without(self.instrs[count:], place.exempt):
                if self.passes(new):
                    raise self.unseen(new.op, self.raised_by(new)[0], new.where)
        return exit

    def run_finally(self, place: Place) -> tuple[bool, Exit | None]:
        """Whether others can see what is done at the end; how the statement is left."""
        body, final = place.instr.blocks
        seen = False

        def run_final(error: Any) -> Exit | None:
            nonlocal seen
            count, before = len(self.instrs), dict(self.state.memory)
            exit = self.run(final)
            new = self.instrs[count:]
            place.exempt.update(new)
            seen |= any(i.effect for i in without(new, set())) or any(
                self.state.memory.get(buffer) is not before.get(buffer)
                for buffer in self.own_array
            )
            return exit

        place.final = run_final
        exit = self.finally_(place, self.protected(place, body), place.instr.where)
        return seen, exit

    def passes(self, instr: Instr) -> bool:
        """Whether an instruction may raise what has not been tested for."""
        known = self.checked.get(instr, ())
        return any(not issubclass(cls, known) for cls in self.raised_by(instr))

    def raised_by(self, instr: Instr) -> tuple[type, ...]:
        """What an instruction may raise; a loop over an array is within its bounds."""
        found = may_raise(instr)
        if instr.op in ("getitem", "setitem", "add_at") and IndexError in found:
            base, key = instr.args[0], instr.args[1 if instr.op == "getitem" else 2]
            dims = leaf_kind(base).dims
            plain = instr.op == "getitem" or instr.args[1] == ()
            if dims and dims[0] is not None and plain and isinstance(key, Value) \
                    and (key, dims[0]) in self.within_bounds:  # fmt: skip
                return tuple(cls for cls in found if cls is not IndexError)
        return found

    def finally_(self, place: Place, exit: Exit | None, where: Any) -> Exit | None:
        """What is done at the end of a statement, however it was left."""
        if exit is not None and exit.dead:
            return exit
        if exit is None or exit.value is None:
            return self.at_the_end(place, exit, where)
        # What is returned must see what is written at the end.
        pending = {Value("result", Kind("object")): exit.value}
        self.temporaries.append({**self.temporaries[-1], **pending})
        try:
            return self.at_the_end(place, exit, where)
        finally:
            self.temporaries.pop()

    def at_the_end(self, place: Place, exit: Exit | None, where: Any) -> Exit | None:
        thrown = [] if exit is None else [label.flag for label in exit.labels if label.thrown]
        if thrown:  # on these paths it has been done where the exception came from
            flag = self.either(thrown, where)
            if flag is not True:
                self.only_where_not(flag, place.final, where)
            return self.arrived(place, exit, where)
        after = place.final(None)
        if after is None:
            return exit
        if after.always or exit is None:
            return after
        raise self.refuse(where, "`finally` that leaves on some paths only")

    def only_where_not(self, flag: Any, final: Callable, where: Any) -> None:
        gone = self.sub(self.state.copy(), lambda: None)
        self.temporaries.append(dict(self.temporaries[-1]))
        stays = self.sub(self.state.copy(), lambda: final(None))
        self.temporaries.pop()
        if stays.exit is not None:
            raise self.refuse(where, "`finally` that leaves by itself")
        self.join(flag, gone, stays, where, made=True)

    def protected(self, place: Place, body: Block) -> Exit | None:
        self.tries.append(place)
        try:
            return self.run(body)
        finally:
            self.tries.pop()

    def do_raise(self, instr: Instr) -> Exit:
        (ref,) = instr.args
        if ref is None:
            if not self.handling:
                raise self.refuse(instr.where, "`raise` outside of a handler")
            return self.throw(self.handling[-1], instr.where)
        return self.throw(self.exception(self.value(ref), instr.where), instr.where)

    def in_places(self, cls: type, args: tuple, kwargs: dict, where: Any) -> tuple:
        """The arguments of an exception that is made, those by keyword in their places."""
        if not kwargs:
            return args
        try:
            bound = inspect.signature(cls).bind(*args, **kwargs)
            bound.apply_defaults()
        except (TypeError, ValueError):
            bound = None
        if bound is None or bound.kwargs:
            raise self.refuse(where, "an exception with keyword arguments", "Give them in order.")
        return tuple(a if ref_like(a) else Known(a) for a in bound.args)

    def exception(self, ref: Any, where: Any) -> Bound:
        """What `raise ref` raises, as a class and its arguments."""
        if isinstance(ref, Bound) and ref.name == "exception":
            return ref
        if isinstance(ref, Known) and isinstance(ref.obj, BaseException):
            return error_ref(ref.obj)
        if isinstance(ref, Known) and isinstance(ref.obj, type):
            return Bound((ref, ()), "exception")
        if self.tries:
            raise self.refuse(where, "an exception of an unknown class, inside a `try`,")
        return Bound((Known(Exception), ()), "exception")

    # ------------------------------------------------------------------ from the place to the try

    def throw(self, error: Bound, where: Any) -> Exit:
        """Run what an exception leads to; every path of the exit leaves."""
        passed: list[Place] = []
        for depth in range(len(self.tries) - 1, -1, -1):
            place = self.tries[depth]
            if place.kind == "finally":
                passed.append(place)
                exit = self.within(place, place.final, error)
                if exit is None:
                    continue
                if not exit.always and exit.away is not False:
                    raise self.refuse(where, "`finally` that leaves on some paths only")
            elif place.kind == "barrier":
                if self.caught_before(depth, error.ref[0].obj):
                    label = Label(place, "raise", True, error)
                    return Exit(left=True, away=True, labels=(label,))
                continue
            else:
                handler = self.handler(place, error.ref[0].obj)
                if handler is None:
                    continue
                count = len(self.instrs)
                exit = self.within(place, self.handle, handler, error)
                for each in (place, *passed):
                    each.exempt.update(self.instrs[count:])
            return self.labelled(place, exit, depth, where)
        return self.uncaught(error, where)

    def caught_before(self, depth: int, cls: type) -> bool:
        """Whether something further out waits for an exception."""
        return any(
            each.kind == "finally" or self.handler(each, cls) is not None
            for each in self.tries[:depth]
        )

    def handler(self, place: Place, cls: type) -> Block | None:
        for classes, handler in place.clauses:
            if classes is None or issubclass(cls, classes):
                return handler
        return None

    def handle(self, handler: Block, error: Bound) -> Exit | None:
        cls, args = error.ref
        caught: Any = error
        if all(isinstance(a, Known) for a in args):
            caught = Known(cls.obj(*(a.obj for a in args)))
        self.temporaries[-1][handler.params[0]] = caught
        self.handling.append(error)
        try:
            return self.run(handler)
        finally:
            self.handling.pop()

    def within(self, place: Place, body: Callable, *args: Any,
               tries: list | None = None) -> Any:  # fmt: skip
        """Run a part of a statement further out, here."""
        outer = self.frames, self.tries, self.consumers, self.depth, self.where
        self.frames = list(place.frames)
        self.tries = list(place.tries if tries is None else tries)
        self.consumers, self.depth = list(place.consumers), place.depth
        self.temporaries.append(dict(place.temporaries))
        try:
            return body(*args)
        finally:
            self.temporaries.pop()
            self.frames, self.tries, self.consumers, self.depth, self.where = outer

    def labelled(self, place: Place, exit: Exit | None, depth: int, where: Any) -> Exit:
        """How a handler was left, as seen from the place of the exception."""
        if exit is not None and exit.dead:
            return exit
        exit = exit or Exit()
        straight = self.frames[-1] is place.frames[-1] and not any(
            inner.kind == "finally" for inner in self.tries[depth + 1 :]
        )
        kept: dict[str, Any] = {}
        labels = list(exit.labels)
        for kind in ("brk", "cont", "ret"):
            flag = getattr(exit, kind)
            if flag is False:
                continue
            if straight and (kind == "ret" or self.depth == place.depth):
                kept[kind] = flag
            else:
                labels.append(Label(place, kind, flag, exit.value if kind == "ret" else None))
        if exit.away is not True:
            done: Any = True
            if exit.away is not False:
                done = self.emit(operator.not_, (exit.away,), None, BOOL, where, "handled")
            labels.append(Label(place, "done", done))
        value = exit.value if "ret" in kept else None
        left: Any = True
        if kept.get("cont", False) is not False:
            left = self.either([*(kept.get(k, False) for k in ("brk", "ret")),
                                *(label.flag for label in labels)], where)  # fmt: skip
        return Exit(**kept, value=value, left=left, away=True, labels=tuple(labels))

    def arrived(self, place: Place, exit: Exit | None, where: Any) -> Exit | None:
        """The exit of the whole statement: labels that lead to it are resolved."""
        if exit is None or exit.dead:
            return exit
        mine = [label for label in exit.labels if label.place is place]
        if not mine:
            return exit
        others = tuple(label for label in exit.labels if label.place is not place)
        rest = self.leaving(exit._replace(labels=others), where)
        for label in mine:
            if label.kind == "done":
                continue
            if label.kind == "raise":
                rest = self.raised_before(label, rest, where)
                continue
            flags = {label.kind: True}
            target = Exit(**flags, value=label.value, left=label.kind != "cont", away=True)
            rest = target if label.flag is True else self.one_of(label.flag, target, rest, where)
            if label.flag is True:
                break
        return rest

    def raised_before(self, label: Label, rest: Exit | None, where: Any) -> Exit | None:
        """After a statement that had to end first: its exception goes on."""
        if not isinstance(label.value, Bound):
            raise self.refuse(where, "one of several exceptions passes through `with`")
        if label.flag is True:
            return self.throw(label.value, where)
        gone = self.sub(self.state.copy(), lambda: self.throw(label.value, where))
        stays = self.sub(self.state.copy(), lambda: rest)
        return self.join(label.flag, gone, stays, where, made=True)

    def one_of(self, flag: Value, then: Exit | None, other: Exit | None, where: Any) -> Exit | None:
        paths = [self.sub(self.state.copy(), lambda exit=exit: exit) for exit in (then, other)]
        return self.join(flag, *paths, where, made=True)

    def leaving(self, exit: Exit, where: Any) -> Exit | None:
        """The exit with its summaries made anew; None where nothing leaves any more."""
        if exit.dead:
            return exit
        left = self.either([exit.brk, exit.ret, *(label.flag for label in exit.labels)], where)
        away = self.either([left, exit.cont], where)
        return None if away is False else exit._replace(left=left, away=away)

    def either(self, flags: Iterable, where: Any) -> Any:
        found = [flag for flag in dict.fromkeys(flags) if flag is not False]
        if any(flag is True for flag in found):
            return True
        if not found:
            return False
        flag = found[0]
        for other in found[1:]:
            flag = self.emit(operator.or_, (flag, other), None, BOOL, where, "left")
        return flag

    def text_of(self, ref: Any, where: Any) -> Any:
        """What `str` of a caught exception is made of."""
        if not (isinstance(ref, Bound) and ref.name == "exception"):
            return ref
        cls, args = ref.ref
        if not args:
            return Known("")
        if len(args) == 1 and cls.obj.__str__ is BaseException.__str__:
            return args[0]
        raise self.refuse(where, f"the text of a `{cls.obj.__name__}`")

    def uncaught(self, error: Bound, where: Any) -> Exit:
        cls, values = error.ref
        if self.uncertain == 0 and all(isinstance(v, Known) for v in values):
            # Nothing can keep it from being raised: it is the user's own.
            raised = cls.obj(*(v.obj for v in values))
            if not self.frame.internal and where is not None:
                raised.add_note(where.location.quoted())
            raise raised
        self.flush(where)
        if any(isinstance(v, Untold) for v in values):  # it raises that in earnest
            instr = values[0].instr
            results = tuple(result.like() for result in instr.results)
            again = instr.replace(attrs={**instr.attrs, "effect": True}, results=results)
            self.instrs.append(again)
            self.checked[again] = (Exception,)  # nobody is left who would catch it
            return Exit(dead=True)
        args = (cls, tuple(self.read(a, where) for a in values))
        self.instrs.append(Instr("raise", args, None, (), (), None, where))
        return Exit(dead=True)

    # ------------------------------------------------------------------ what can be seen to raise

    def catching(self, cls: type) -> bool:
        return any(
            place.kind == "except" and self.handler(place, cls) is not None for place in self.tries
        )

    def failing(self, error: Exception, where: Any, what: str = "", instead: str = "") -> Exception:
        """What to raise where an operation surely fails: on some paths only, or to be caught."""
        if self.uncertain and not self.frame.internal or self.catching(type(error)):
            return Raised(error)
        return self.refuse(where, what or f"this expression raises {error!r}", instead)

    def foreseen(self, instr: Instr, block: Block, index: int) -> tuple[Exit | None] | None:
        """Where an operation can be tested for an exception: both paths, to the block's end."""
        self.assured = ()
        found = self.visible_test(instr)
        if found is None or not self.catching(found[1]):
            return None
        test, cls, args = found
        # Of what has the right length each item is there.
        assured = (cls, IndexError) if instr.op == "unpack" else (cls,)
        if test is False:
            self.assured = assured
            return None

        def thrown() -> Exit:
            found = args(instr.where) if callable(args) else args
            return self.throw(Bound((Known(cls), found), "exception"), instr.where)

        if test is True:
            return (thrown(),)
        made = self.made_by(test)

        def otherwise() -> Exit | None:
            self.note_fact(test, made, False)
            return self.run(block, index, (instr, Tested(assured)))

        gone = self.sub(self.state.copy(), thrown)
        self.temporaries.append(dict(self.temporaries[-1]))
        stays = self.sub(self.state.copy(), otherwise)
        self.temporaries.pop()
        return (self.join(test, gone, stays, instr.where, made=True),)

    def visible_test(self, instr: Instr) -> tuple | None:
        """(test, class, arguments) of the exception that an instruction may raise."""
        if instr.op in ("binary", "inplace"):
            op, a, b = instr.args[0], self.value(instr.args[1]), self.value(instr.args[2])
            if any(isinstance(ref, Known) and ref.obj is None for ref in (a, b)):
                return True, TypeError, (Missing("the text of a `TypeError`"),)
            if op in DIVISIONS:
                return self.division_test(op, a, b, instr.where)
        elif instr.op == "call" and len(instr.args[1]) == 1 and not instr.kwargs:
            f, arg = self.value(instr.args[0]), instr.args[1][0]
            single = isinstance(arg, Value) or type(arg) in NUMBERS
            if isinstance(f, Known) and single and is_in(f.obj, DOMAINS):
                return self.domain_test(f.obj, self.value(arg), instr.where)
        elif instr.op == "load" and self.tries:
            return self.unbound_test(instr.args[0], instr.where)
        elif instr.op == "unpack":
            ref, count, star = instr.args
            return self.unpack_test(self.value(ref), count, star, instr.where)
        elif instr.op == "getitem":
            base, key = (self.value(a) for a in instr.args)
            return self.index_test(base, key, instr.where)
        elif instr.op == "setitem":
            base, key = (self.value(a) for a in instr.args[:2])
            if isinstance(base, ARRAYS):
                return self.index_test(base, key, instr.where)
        return None

    def unbound_test(self, name: str, where: Any) -> tuple | None:
        """Whether a name that some paths leave unbound is."""
        ref = self.state.env.get((self.frame.number, name))
        if not isinstance(ref, HalfBound):
            return None
        error = UnboundLocalError, (Known(unbound_text(name)),)
        if ref.test in self.facts:
            return self.facts[ref.test] is not ref.holds, *error
        if not ref.holds:
            return ref.test, *error
        return self.emit(operator.not_, (ref.test,), None, BOOL, where, "unbound"), *error

    def unpack_test(self, ref: Any, count: int, star: int | None, where: Any) -> tuple | None:
        """`a, *b = x`: whether an array has another length, or is too short."""
        if not isinstance(ref, ARRAYS) or not self.kind(ref).dims:
            return None
        least, op = (count, operator.ne) if star is None else (count - 1, operator.lt)
        length = self.length_along(ref, 0, where)
        test = self.test(op, length, least, where) if isinstance(length, Value) else \
            op(length, least)  # fmt: skip
        return test, ValueError, (Missing("the text of a `ValueError`"),)

    def division_test(self, op: Callable, a: Any, b: Any, where: Any) -> tuple | None:
        if isinstance(b, Known) or not isinstance(b, Plain) or not isinstance(a, (Plain, Known)):
            if not (isinstance(b, Known) and b.obj == 0 and isinstance(a, Plain)):
                return None
        kinds = self.kind(a), self.kind(b)
        if not all(k.tag == "scalar" and k.python for k in kinds):
            return None
        floats = any(k.dtype.kind == "f" for k in kinds)
        text = message(lambda: op(1.0, 0.0) if floats else op(1, 0))
        test = self.test(operator.eq, b.value, 0, where) if isinstance(b, Plain) else True
        return test, ZeroDivisionError, (Known(text),)

    def domain_test(self, f: Any, ref: Any, where: Any) -> tuple | None:
        op, bound, absolute, outside = DOMAINS[f]
        error = ValueError, (Known(message(lambda: f(outside))),)
        if isinstance(ref, Known) and type(ref.obj) in NUMBERS:
            return bool(op(abs(ref.obj) if absolute else ref.obj, bound)), *error
        if not isinstance(ref, Plain) or ref.value.kind.tag != "scalar":
            return None
        value = ref.value
        if absolute:
            value = self.emit(abs, (value,), None, value.kind, where)
        return self.test(op, value, bound, where), *error

    def test(self, op: Callable, a: Any, b: Any, where: Any) -> Any:
        """`op(a, b)`: known on this path, or a value."""
        if (op, a, b) in self.facts:
            return self.facts[op, a, b]
        return self.emit(op, (a, b), None, BOOL, where, "test")

    def made_by(self, test: Any) -> Instr | None:
        return next((i for i in reversed(self.instrs[-4:]) if test in i.results), None)

    def note_fact(self, test: Value, made: Instr | None, holds: bool) -> None:
        """On this path a test has come out like that: so have those that it implies."""
        self.facts[test] = holds
        if made is not None and made.op is operator.not_:
            self.note_fact(made.args[0], None, not holds)
        if made is None or made.op not in IMPLIED or any(isinstance(a, (list, tuple, dict))
                                                         for a in made.args):  # fmt: skip
            return
        self.facts[made.op, *made.args] = holds
        if holds:
            self.facts.update(((op, *made.args), False) for op in IMPLIED[made.op])

    def index_test(self, base: Any, key: Any, where: Any) -> tuple | None:
        """`x[i]`, `x[i, j]`: whether an index is out of bounds."""
        dims = self.kind(base).dims if isinstance(base, ARRAYS) else None
        if dims is None and not (isinstance(base, (List, Tuple)) and isinstance(key, Plain)):
            return None
        parts = key.items if isinstance(key, Tuple) else (key,)
        tests: list = []
        for axis, part in enumerate(parts):
            if isinstance(part, Slice) or isinstance(part, Known) and part.obj is None:
                continue
            index = part.obj if isinstance(part, Known) else getattr(part, "value", None)
            kind = leaf_kind(index)
            listed = any(p == Known(...) or p == Known(None) for p in parts)
            if kind.tag != "scalar" or kind.dtype.kind not in "iu" or listed:
                return None  # see `attempts`
            if dims is not None and axis >= len(dims):
                return None
            length = self.length_along(base, axis, where)
            tests.append((axis, index, length, self.outside_test(index, length, where)))
        tests = [test for test in tests if test[-1] is not False]
        if not tests:
            return False, IndexError, ()
        texts = {List: "list index out of range", Tuple: "tuple index out of range"}
        axis, index, length, test = tests[0]
        for other in tests[1:]:
            test = self.either([test, other[-1]], where)

        def args(where: Any) -> tuple:
            if type(base) in texts:
                return (Known(texts[type(base)]),)
            if len(tests) > 1:
                return (Missing("the text of an `IndexError`"),)
            parts = ("index ", index, f" is out of bounds for axis {axis} with size ", length)
            made = tuple((p, -1, "") if isinstance(p, Value) else str(p) for p in parts)
            return (Plain(self.emit("fstring", (made,), None, STR, where, "text")),)

        return test, IndexError, args

    def length_along(self, base: Any, axis: int, where: Any) -> Any:
        n = self.dimension(base, axis, where) if axis else self.call_len((base,), {}, where)
        return n.obj if isinstance(n, Known) else n.value

    def outside_test(self, index: Any, length: Any, where: Any) -> Any:
        """Whether `index` is out of bounds: known or a value."""
        if not isinstance(index, Value):
            if not isinstance(length, Value):
                return not -length <= index < length
            least = index if index >= 0 else -index - 1
            return self.test(operator.le, length, least, where)
        test = self.test(operator.ge, index, length, where)
        if index.kind.dtype.kind == "u":
            return test
        low = -length if not isinstance(length, Value) else \
            self.emit(operator.neg, (length,), None, length.kind, where, "low")  # fmt: skip
        below = self.test(operator.lt, index, low, where)
        return self.either([test, below], where)

    # ------------------------------------------------------------------ what cannot

    def check_lazy(self, op: Any, tree: tuple, where: Any) -> None:
        """A view is made when it is read, and may raise what is caught here: it is tried now."""
        instr = Instr(op, tree, where=where)
        known = self.testing.of(instr)
        for place in self.tries:
            for classes, _ in place.clauses:
                for c in (Exception,) if classes is None else classes:
                    for cls in overlap(instr, c, self.raised_by(instr)):
                        if not issubclass(cls, known):
                            raise Hidden(instr, self.unseen(op, cls, where))

    def check_visible(self, place: Place, instrs: list[Instr]) -> None:
        """Refuse a body in which something may raise what is caught, and no test shows it."""
        caught: list = []
        for classes, _ in place.clauses:
            caught += [Exception] if classes is None else classes
        # A state that is set elsewhere makes exceptions of NumPy's warnings.
        told = tuple(cls for cls in WARNED for c in caught
                     if issubclass(c, (FloatingPointError, Warning))
                     and (issubclass(c, cls) or issubclass(cls, c)))  # fmt: skip
        for instr in without(instrs, place.exempt):
            if told and may_warn(instr):
                raised: tuple = (*self.raised_by(instr), *told)
            elif instr.op == "errstate_enter" and "raise" in instr.kwargs.values():
                raised = (FloatingPointError,)
            else:
                raised = self.raised_by(instr)
            known = self.checked.get(instr, ())
            if instr.attrs.get("view"):
                continue  # made further up, where it was checked
            for c in caught:
                for cls in overlap(instr, c, raised):
                    if not issubclass(cls, known):
                        raise self.unseen(instr.op, cls, instr.where)

    def unseen(self, op: Any, cls: type, where: Any) -> Exception:
        """The refusal of an operation that may raise what is caught."""
        name = op_name(op)
        if getattr(op, "__module__", "") == "_operator":
            name = SIGNS.get(name.rstrip("_"), name)
        return self.refuse(where, f"`{name}` inside `try`: whether it raises `{cls.__name__}` is "
                           "known only at run time", "Test for it with an `if`.")  # fmt: skip


class Foreseen(NamedTuple):
    """A function of a limited domain: it raises where `op(x, bound)`, as it does at `outside`."""

    op: Callable
    bound: float
    absolute: bool
    outside: float


DOMAINS: dict[Any, Foreseen] = {
    math.sqrt: Foreseen(operator.lt, 0, False, -1.0),
    math.log: Foreseen(operator.le, 0, False, -1.0),
    math.log2: Foreseen(operator.le, 0, False, -1.0),
    math.log10: Foreseen(operator.le, 0, False, -1.0),
    math.log1p: Foreseen(operator.le, -1, False, -2.0),
    math.acosh: Foreseen(operator.lt, 1, False, 0.0),
    math.asin: Foreseen(operator.gt, 1, True, 2.0),
    math.acos: Foreseen(operator.gt, 1, True, 2.0),
    math.atanh: Foreseen(operator.ge, 1, True, 2.0),
}
# Comparison → those that do not hold where it does.
IMPLIED: dict[Any, tuple] = {
    operator.lt: (operator.ge, operator.gt, operator.eq),
    operator.gt: (operator.le, operator.lt, operator.eq),
    operator.le: (operator.gt,), operator.ge: (operator.lt,),
    operator.eq: (operator.ne, operator.lt, operator.gt), operator.ne: (operator.eq,),
}  # fmt: skip
DIVISIONS = {operator.truediv, operator.floordiv, operator.mod}


def message(fails: Callable[[], Any]) -> str:
    """The text of the exception that a call raises."""
    try:
        fails()
    except Exception as error:
        return str(error)
    raise AssertionError("it does not raise")


def unbound_text(name: str) -> str:
    """What Python says of a local variable that is read before it is assigned."""
    plain_name = name.rpartition(".")[2]
    return f"cannot access local variable '{plain_name}' where it is not associated with a value"


def error_ref(error: BaseException) -> Bound:
    return Bound((Known(type(error)), tuple(Known(a) for a in error.args)), "exception")


def is_in(obj: Any, table: Any) -> bool:
    try:
        return obj in table
    except TypeError:  # not hashable
        return False


def without(instrs: Iterable[Instr], exempt: set) -> Iterator[Instr]:
    """The instructions, those of inner blocks included, but for some."""
    for instr in instrs:
        if instr not in exempt:
            yield instr
            for block in instr.blocks:
                yield from without(block.instrs, exempt)


# ---------------------------------------------------------------------------- which raises what

ANYTHING = (Exception,)
NUMPY = (ValueError, TypeError, IndexError)  # of a function that is not listed; it warns of 1 / 0
NOTHING: tuple = ()
QUIET = frozenset(
    """copy shape tuple list list_append list_setitem fstring global identity adjoint undefined for
    errstate_enter errstate_exit with_exit write_back
    """.split()
)
MATH: dict[Any, tuple] = {
    **{f: NOTHING for f in (
        math.atan, math.atan2, math.hypot, math.fabs, math.copysign, math.erf, math.erfc,
        math.tanh, math.asinh, math.degrees, math.radians, math.isnan, math.isinf, math.isfinite,
        math.cbrt,
    )},
    **{f: (ValueError,) for f in (*DOMAINS, math.sin, math.cos, math.tan, math.fmod,
                                  math.remainder)},
    **{f: (OverflowError,) for f in (math.exp, math.expm1, math.exp2, math.sinh, math.cosh)},
    **{f: (ValueError, OverflowError) for f in (math.pow, math.gamma, math.lgamma, math.floor,
                                                math.ceil, math.trunc)},
    **{f: NOTHING for f in (cmath.isnan, cmath.isinf, cmath.isfinite, cmath.phase)},
    **{f: (ValueError, OverflowError) for f in (
        cmath.exp, cmath.sin, cmath.cos, cmath.tan, cmath.sinh, cmath.cosh, cmath.tanh, cmath.log,
        cmath.log10, cmath.sqrt, cmath.asin, cmath.acos, cmath.atan, cmath.asinh, cmath.acosh,
        cmath.atanh, cmath.polar, cmath.rect,
    )},
}  # fmt: skip
SCALARS: dict[Any, tuple] = {
    operator.truediv: (ZeroDivisionError,), operator.floordiv: (ZeroDivisionError,),
    operator.mod: (ZeroDivisionError,), operator.pow: (ZeroDivisionError, OverflowError),
    int: (ValueError, OverflowError),
    abs: NOTHING, max: NOTHING, min: NOTHING, sum: NOTHING, round: (ValueError, OverflowError),
}  # fmt: skip
WHOLE = frozenset({np.sum, np.prod, np.mean, np.std, np.var, np.any, np.all, np.cumsum, np.shape,
                   np.size, np.ndim, np.zeros_like, np.ones_like, np.full_like, np.empty_like,
                   np.copy, np.ravel, np.transpose, np.conj, np.real, np.imag, len, list, tuple,
                   sum, any, all, print, str, operator.not_})  # fmt: skip

RANKED = frozenset({np.swapaxes, np.moveaxis, np.flip, np.roll, np.expand_dims, np.sort, np.diff,
                    np.argsort, np.outer, np.cumprod, np.atleast_1d, np.atleast_2d, np.nansum,
                    np.ascontiguousarray})  # fmt: skip
SHAPED = frozenset({np.zeros, np.ones, np.empty, np.full, np.eye, np.identity})
# What NumPy's warnings are, where they raise.
WARNED = (FloatingPointError, RuntimeWarning, DeprecationWarning)


QUIETLY = (len, list, tuple, np.shape, np.size, kernels.raises, kernels.rounds)
# Narrower than what is raised, and never meant.
NEVER = (UnicodeError, UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError)


def may_raise(instr: Instr) -> tuple[type, ...]:
    """The classes of the exceptions that an instruction may raise.

    Operations on Python's numbers raise by their values, those on arrays where shapes do not fit.
    Ints are taken to be small enough to be floats.
    """
    op = instr.op
    if op is kernels.raises:
        return NOTHING
    if op is kernels.rounds:
        return (ValueError,)
    if op is kernels.moved:
        return (ValueError, IndexError)
    if op is kernels.sorted_order:
        return (ValueError, TypeError)
    if isinstance(op, str):
        if op in ("if", "while"):  # the truth of an array
            test = instr.args[0] if op == "if" else instr.blocks[0].results[0]
            return NOTHING if leaf_kind(test).tag == "scalar" else (ValueError,)
        if op in QUIET:
            return NOTHING
        if op == "raise":
            return (instr.args[0].obj,)
        if op == "check_length":
            return (ValueError,)
        if op in ("getitem", "setitem", "add_at"):
            return item_raises(instr)
        if op == "append_outside":
            return NOTHING
        if op == "store_outside":
            return store_raises(instr.attrs["path"])
        return NUMPY if op in ("list_pop", "stack", "list_add") else ANYTHING
    if instr.attrs.get("half"):
        return half_raises(op)
    if any(instr.attrs.get(what) for what in ("opaque", "taped", "declared")):
        return ANYTHING
    if is_in(op, MATH):
        return MATH[op]
    kinds = [leaf_kind(leaf) for leaf in leaves((instr.args, tuple(instr.kwargs.values())))]
    if op in (float, complex, bool) and (kinds[0].tag == "scalar" or kinds[0].rank == 0):
        return NOTHING
    if op is int and len(kinds) == 1 and kinds[0].tag == "scalar" and kinds[0].dtype is not None:
        return NOTHING if kinds[0].dtype.kind in "iub" else SCALARS[int]
    if all(k.tag == "scalar" and k.python is not False for k in kinds) and is_in(op, SCALARS):
        divisor = instr.args[-1]
        if op in DIVISIONS and type(divisor) in NUMBERS and divisor != 0:
            return NOTHING
        if op is operator.pow and type(divisor) is int and divisor >= 0:
            return (OverflowError,)
        return SCALARS[op]
    if is_in(op, WHOLE):
        return NOTHING
    if is_in(op, (np.ndarray.astype, np.generic.astype, getattr(np, "astype", None))):
        return NUMPY
    if op in (max, min) and len(kinds) == 1 and kinds[0].tag == "list" and kinds[0].items:
        item = kinds[0].items[0]
        if item.tag == "scalar" and item.dtype is not None and item.dtype.kind in "biuf":
            return (ValueError,)  # there may be none
    if not all(k.numeric for k in kinds):
        plain = all(k.numeric or k.tag == "list" and (k.items or (k,))[0].numeric for k in kinds)
        known = plain and is_in(op, abstract.PURE) and module_of(op) == "numpy"
        return NUMPY if known else ANYTHING
    if elementwise(op):
        return NOTHING if same_shapes(kinds) else (ValueError,)
    if is_in(op, abstract.PURE):
        home = module_of(op)
        if not instr.kwargs.keys() - {"axis"} and fits_surely(op, instr.args, kinds):
            return NOTHING
        if home == "numpy":
            return NUMPY
        if home in ("math", "operator", "_operator", "builtins"):
            return (*NUMPY, ArithmeticError)
    return ANYTHING


def overlap(instr: Instr, caught: type, raised: tuple) -> Iterator[type]:
    """The classes of what an instruction raises and `caught` is for, the narrower of each two.

    What NumPy and Python raise is no class of the user's, and few of theirs.
    """
    theirs = raised != ANYTHING and module_of(caught) in ("builtins", "numpy")
    for cls in raised:
        if issubclass(cls, caught):
            yield cls
        elif issubclass(caught, cls) and (cls is Exception or theirs and caught not in NEVER):
            if caught is not np.linalg.LinAlgError or "linalg" in op_name(instr.op):
                yield caught


def part(instr: Instr) -> Any:
    """What an exception of the instruction is about: where a part is read, it may be written."""
    if instr.op == "getitem":
        return instr.args[0], (), repr(instr.args[1])
    if instr.op in ("setitem", "add_at"):
        return instr.args[0], instr.args[1], repr(instr.args[2])
    return instr.op, tuple(instr.operands), repr((instr.args, instr.kwargs))


def store_raises(path: tuple) -> tuple[type, ...]:
    """What a store to a place outside may raise: into a list, where another thread has cut it."""
    kind, base, *rest = path
    if kind in ("global", "cell") or kind == "item" and type(rest[0]) is str:
        return NOTHING
    return ANYTHING


def half_raises(half: Any) -> tuple[type, ...]:
    """What a call of a helper that is compiled by itself may raise."""
    found: dict[type, None] = {}
    seen, pending = {half}, [half]
    while pending:
        one = pending.pop()
        if one.running or one.block is None:  # it is not known yet
            return ANYTHING
        for instr in walk(one.block):
            if not instr.attrs.get("half"):
                found |= dict.fromkeys(may_raise(instr))
            elif instr.op not in seen:
                seen.add(instr.op)
                pending.append(instr.op)
    return tuple(found)


def fits_surely(op: Any, args: tuple, kinds: list[Kind]) -> bool:
    """Whether NumPy's function can be seen not to raise, of numbers and arrays of known ranks."""
    if is_in(op, RANKED):  # a wrong axis is told of while compiling
        return all(k.rank is not None for k in kinds)
    if op is np.arange:
        whole = all(k.tag == "scalar" and k.dtype is not None and k.dtype.kind in "iu"
                    for k in kinds)  # fmt: skip
        return whole and (len(args) < 3 or type(args[2]) is int and args[2] != 0)
    if is_in(op, SHAPED):
        sizes = args[0] if isinstance(args[0], (tuple, list)) else (args[0],)
        return all(
            is_length(n.kind.size) if isinstance(n, Value) else type(n) is int and n >= 0
            for n in sizes
        ) and (op is not np.full or kinds[-1].tag == "scalar")
    if op in (operator.matmul, np.matmul, np.dot) and len(kinds) == 2:
        a, b = (k.dims for k in kinds)
        return bool(a) and bool(b) and len(a) <= 2 and len(b) <= 2 and a[-1] == b[0]
    if op is np.diag:
        return len(kinds) == 1 and kinds[0].rank in (1, 2)
    if op in (np.max, np.min, np.argmax, np.argmin):
        return all(isinstance(n, int) and n > 0 for n in kinds[0].dims or (None,))
    return False


def is_length(size: Any) -> bool:
    """Whether the number of this size is a length, not a length less something."""
    return size is not None and getattr(size, "minus", 0) <= 0


def may_warn(instr: Instr) -> bool:
    """Whether it may be told to raise NumPy's warnings, or is not known."""
    op = instr.op
    if isinstance(op, str) or is_in(op, MATH) or is_in(op, QUIETLY):
        return False
    kinds = [leaf_kind(leaf) for leaf in leaves((instr.args, tuple(instr.kwargs.values())))]
    return not all(k.tag == "scalar" and k.python for k in kinds)


def module_of(op: Any) -> str:
    return (getattr(op, "__module__", None) or "numpy").split(".")[0]


def elementwise(op: Any) -> bool:
    return isinstance(op, np.ufunc) and op.signature is None or is_in(op, OPERATORS) or \
        op in (np.where, np.clip, np.round, np.isclose)  # fmt: skip


OPERATORS = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.neg, operator.pos, operator.pow, operator.lt, operator.le, operator.gt, operator.ge,
    operator.eq, operator.ne, operator.and_, operator.or_, operator.xor, operator.invert, abs,
}  # fmt: skip


def same_shapes(kinds: list[Kind]) -> bool:
    """Whether operands surely broadcast: the last dimensions are equal, or one."""
    dims = [k.dims for k in kinds if k.numeric]
    if len(dims) != len(kinds) or any(d is None for d in dims):
        return False
    rank = max(map(len, dims), default=0)
    for axis in range(1, rank + 1):
        sizes = {d[-axis] for d in dims if len(d) >= axis} - {1}
        if len(sizes) > 1:
            return False
    return True


def item_raises(instr: Instr) -> tuple[type, ...]:
    """An index may be out of bounds; what is stored may not fit."""
    basic = instr.op == "getitem"
    key = instr.args[1] if basic else instr.args[2]
    parts = key if isinstance(key, tuple) and not isinstance(key, Slice) else (key,)
    inside = all(part is ... or part is None or isinstance(part, Slice) for part in parts)
    raised = NOTHING if inside else (IndexError,)
    if basic:
        return raised
    return raised if stored_fits(*instr.args) else (*raised, ValueError)


def stored_fits(base: Any, path: tuple, key: Any, value: Any) -> bool:
    """Whether what is stored surely has the shape of its place, or is spread out to it."""
    if isinstance(value, (tuple, list)):
        return False
    stored = leaf_kind(value).dims
    place: Kind | None = leaf_kind(base)
    for op, *args in (*path, *([] if key is ... else [("getitem", key)])):
        if place is None:
            break
        place = abstract.infer(op, (place, *map_tree(leaf_kind, tuple(args))), {})
    dims = place.dims if place is not None else None
    if stored is None or dims is None:
        return stored == ()
    return len(stored) <= len(dims) and all(
        a == 1 or a == b for a, b in zip(reversed(stored), reversed(dims))
    )


def leaves(tree: Any) -> list:
    """Values and constants of an argument tree.

    >>> leaves((1, ["a", 2.0]))
    [1, 'a', 2.0]
    """
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]
