"""Specialisation: the lowered function, run on what is known of its arguments, becomes linear IR.

    def f(x, n=2):                      (x: f8[x.0]):
        y = x.copy()                      y = np.copy(x)
        for i in range(n):        →       y.2 = setitem(y, (), 0, 1.0)
            y[i] = i + 1.0                y.3 = setitem(y.2, (), 1, 2.0)
        return y.sum()                    return np.sum(y.3)

An abstract run: names refer to references (see `references`), operations on what is known are
carried out, operations on numbers and arrays are emitted. `if` on something known keeps one
branch, loops over known structure are unrolled, helpers are inlined, containers are taken apart,
stores become new versions (see `mutation`). What depends on run-time values stays a region.
"""

from __future__ import annotations

import builtins
import importlib
import operator
from collections.abc import Callable, Iterable
from textwrap import indent
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime.errors import NoRuleError, UnsupportedSyntaxError, short_name
from srcdiff.runtime.plain_objects import is_plain_object
from srcdiff.transforms import abstract
from srcdiff.transforms.calls import Calls
from srcdiff.transforms.choices import Choices
from srcdiff.transforms.contexts import Contexts
from srcdiff.transforms.declared import Expander
from srcdiff.transforms.either import HANDING_ON, Eithers
from srcdiff.transforms.exceptions import (
    Hidden,
    Raised,
    Tested,
    error_ref,
    unbound_text,
    without,
)  # fmt: skip
from srcdiff.transforms.halves import Bottom, Halves, Separate
from srcdiff.transforms.ir import (
    Attributes,
    Block,
    Instr,
    Slice,
    Value,
    flatten,
    has_effect,
    has_integer_arrays,
    is_whole,
    map_tree,
    walk,
)  # fmt: skip
from srcdiff.transforms.iteration import is_stream
from srcdiff.transforms.kinds import BOOL, Kind, fits, kind_of, proven_not_one
from srcdiff.transforms.loops import ChangingTest, Loop
from srcdiff.transforms.loose import Loose
from srcdiff.transforms.lower import Lowered, Star, contains, contains_not, lower, tested_inside
from srcdiff.transforms.merging import Exit, Merger, Path
from srcdiff.transforms.mutation import (
    NUMBERS,
    NeedsCarrying,
    NeedsUnrolling,
    describe,
    kind_of_value,
)  # fmt: skip
from srcdiff.transforms.nones import Nones
from srcdiff.transforms.objects import instance_class, is_library
from srcdiff.transforms.outside import OutsidePlace, Written
from srcdiff.transforms.parse import MISSING, parse
from srcdiff.transforms.patterns import Matching
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Bound,
    Buffer,
    Cell,
    Choice,
    Dict,
    Either,
    Fields,
    Function,
    Guard,
    HalfBound,
    Iterator,
    Known,
    List,
    Maybe,
    Method,
    Missing,
    Object,
    Plain,
    Ref,
    Rows,
    State,
    Storage,
    Tuple,
    arrays_of,
    is_flat,
    ref_like,
    static_ref,
)  # fmt: skip
from srcdiff.transforms.starred import places_left

# Comparisons that do not raise where one side is None.
NEVER_RAISING = (operator.is_, operator.is_not, operator.eq, operator.ne, contains, contains_not)
UNROLL = 24  # lowered instructions that unrolling a loop over a known range may make


class Specialized(NamedTuple):
    """The linear IR of a function for one signature.

    output    the tree of references that it returns, read into IR values; an object is a dict
    returned  the same as it is returned: with objects and namedtuples made
    guards    what must hold outside for the IR to be the function
    """

    block: Block
    output: Any
    returned: Any
    guards: tuple[Guard, ...]
    writes_arguments: bool


class NeedsConstant(Exception):
    """Int arguments whose values must be known; `paths` lead to them."""

    def __init__(self, paths: frozenset):
        self.paths = paths


def specialize(run: Specializer, parsed: Any, args: dict[str, Ref], state: State,
               params: Iterable[Value]) -> Specialized:  # fmt: skip
    """Run a function on abstract arguments: `args` maps each parameter to a reference."""
    run.state = State(state.env, Storage(run.outside_versions, state.memory))
    cells = {cell for cell in state.memory if isinstance(cell, Cell)}
    lowered = lowered_of(parsed)
    run.begin_outside()
    output = run.body(parsed, lowered, run.missing(parsed, lowered, args))
    tree, returned = run.read_output(output)
    run.flush(None)
    run.guard_apart()
    block = Block(tuple(params), [*run.prologue, *run.instrs], (returned,))
    written = {b for b in run.written if isinstance(b, Buffer) and b.origin == "argument"}
    changed = bool(written | (run.written & cells))
    return Specialized(block, tree, returned, tuple(run.guards), changed)


def expander(run: Specializer, names: bool = True) -> Expander:
    """Write rules into a program: `expand(rule, args, kwargs, instrs, where)` → what it returns.

    names   no derivative follows: rules of the user's are called by their names (see `Expander`)
    """
    frame = Frame(0, None, None, -1, True)
    writes: list[bool] = [False]

    def ref_of(tree: Any) -> Any:
        if isinstance(tree, Value):
            return run.fresh(tree)
        if isinstance(tree, tuple) and not isinstance(tree, Slice):
            return Tuple(tuple(map(ref_of, tree)))
        if isinstance(tree, list):
            return run.new_list(tuple(map(ref_of, tree)))
        if isinstance(tree, Attributes):
            return run.assembled(tree.cls, {k: ref_of(part) for k, part in tree.items()})
        if isinstance(tree, dict):
            return run.new_dict({k: ref_of(part) for k, part in tree.items()})
        return Known(tree)

    def expand(rule: Any, args: tuple, kwargs: dict, instrs: list, where: Any) -> Any:
        outer = run.instrs, run.state, run.saves_pairs
        run.saves_pairs = run.saves_pairs and names
        run.instrs, run.where = instrs, where
        run.state = State({}, Storage(run.outside_versions))
        run.frames.append(frame)
        run.temporaries.append({})
        try:
            named = {k: ref_of(v) for k, v in kwargs.items()}
            given, since = tuple(map(ref_of, args)), run.written.now
            arrays = [a for ref in (*given, *named.values()) for a in run.arrays_in(ref)]
            found = run.inline(rule, given, named, where, internal=True)
            writes[0] = any(run.written.times.get(a.buffer, 0) > since for a in arrays)
            return run.tree_of(found, where)
        except NoRuleError as error:  # the rule does not know where the user is
            if error.where is not None or where is None:
                raise
            raise NoRuleError(error.what, where.location, error.instead) from None
        finally:
            run.frames.pop()
            run.temporaries.pop()
            run.instrs, run.state, run.saves_pairs = outer

    return Expander(run, expand, names, lambda: writes[0])


_lowered: dict[Any, Lowered] = {}


def lowered_of(parsed: Any) -> Lowered:
    """The lowered form of a parsed function, made once per tree."""
    found = _lowered.get(parsed.node)
    if found is None:
        found = _lowered[parsed.node] = lower(parsed)
    return found


class Specializer(Calls, Choices, Eithers, Nones, Matching, Contexts, Loose, Halves):
    def __init__(self, unroll: int = UNROLL, training: bool = False):
        self.walked_once: dict[int, Any] = {}
        self.separate, self.halves, self.base, self.guesses = Separate(), {}, 0, 0
        self.outside_versions: dict[Buffer, Value] = {}
        self.state = State({}, Storage(self.outside_versions))
        self.instrs: list[Instr] = []
        self.prologue: list[Instr] = []
        self.guards: list[Guard] = []
        self.aliases: list[tuple[Any, Any]] = []
        self.reasons: dict = {}
        self.choices: frozenset = frozenset()
        self.choice_names: dict = {}
        self.chosen_items: dict = {}  # choice → the list, the key and the items it is one of
        self.as_slices = self.saw_parts = False
        self.written = Written()
        self.outside: dict[Any, Ref] = {}
        self.appended: set = set()
        self.read_cells: set = set()
        self.outside_cells: dict = {}
        self.outside_places: dict[tuple, OutsidePlace] = {}  # what is known to be written outside
        self.place_of: dict[Any, OutsidePlace] = {}  # buffers and cells from outside
        self.own_array: dict[Buffer, Value] = {}  # private copy → the array outside
        self.fields_of: dict[int, Fields] = {}
        self.wanted_outside: list[tuple] = []  # (path, object) of what is differentiated by
        self.is_object: Callable = is_plain_object
        self.first_fields: dict[tuple, Ref] = {}
        self.stored_at: dict[tuple, tuple] = {}  # (cell, name) → when it was stored, and where
        self.appended_refs: list[tuple] = []
        self.unsynced: list[tuple] = []
        self.arguments: dict[Value, tuple] = {}  # int arguments → how they are reached
        self.keep: list[Any] = []  # objects whose identity is used as a key
        self.temporaries: list[dict] = []
        self.frames: list[Frame] = []
        self.frame_count = 0
        self.unroll, self.training = unroll, training
        self.roots: dict[Value, Value] = {}  # see `list_elements`
        self.constants: dict[Value, Any] = {}  # names that hold a literal
        self.nonnegative: set[Value] = set()  # Python's floats that are known not to be below zero
        self.generators: set[Value] = set()
        self.augment: dict[Value, tuple] = {}
        self.returned_at: Any = None  # the last `return` of the function itself
        self.read_from: dict[Value, Value] = {}  # element → its buffer's version then
        self.gathered: set[Value] = set()  # what advanced indexing has just read
        self.stores: dict[str, list[tuple]] = {}  # local → (value, inside a region) of each store
        self.regions = 0
        self.unbound_names: list[tuple] = []  # that a running loop may have bound in earlier steps
        self.uncertain = 0  # run-time values decide, so often, whether this is reached
        self.loops = 0
        # Helpers on the tape: function → what it returns; None: there is no tape
        self.observed: dict[Any, Kind | None] | None = None
        self.on_tape: Any = None
        self.taped: list[tuple] = []  # (helper, why the compiler refuses it)
        self.widened: dict[Any, dict] = {}
        self.last_use: dict[Block, dict[int, list[Value]]] = {}
        self.tries: list = []
        self.consumers: list = []
        self.handling: list = []
        self.checked: dict[Instr, tuple] = {}
        self.testing = Tested()
        self.within_bounds: set[tuple] = set()  # (index, length) of loops over arrays
        self.depth = 0
        self.escaped: Exit | None = None
        self.indirect = 0  # calls that Python's own functions make of the user's
        self.running: list[int] = []  # the numbers of all frames
        self.kept: dict[Block, Block] = {}
        self.rewritten: dict[Instr, Block] = {}  # `while` → the same, with its test in its body
        self.loose: dict[Value, Any] = {}  # arrays in name, which a loop starts as a number
        self.maybe_int: dict[Value, Any] = {}  # floats in name that may be ints → where it is told
        self.unsure: set[str] = set()
        self.exit_flags: set[Value] = set()  # what says whether a loop has been left
        self.facts: dict = {}  # tests → how they have come out on this path
        self.eithers, self.splits, self.decided = False, {}, ()
        self.joined_dead = [False, False]

    # ------------------------------------------------------------------ functions

    def body(self, parsed: Any, lowered: Lowered, args: dict[str, Ref], outer: int = -1,
             internal: bool = False, separate: bool = False) -> Ref:  # fmt: skip
        """Run a function's body in a frame of its own and return what it returns."""
        if not separate:
            if lowered in self.separate.functions and not internal:
                return self.half_call(parsed, lowered, args, outer)
            if lowered.generator:
                return self.suspended(parsed, lowered, args, outer, internal)
            self.check_recursion(lowered, args, internal)
        frame = self.new_frame(parsed, lowered, args, outer, internal)
        number = frame.number
        exit = self.entered(frame, lowered.body)
        result: Ref = Known(None)
        if exit is not None and exit.labels:
            self.escape(exit, lowered)
        if exit is not None and (exit.dead or exit.left is True and exit.ret is False):
            if self.guesses and exit.dead:
                raise Bottom
            result = Missing("the function always raises an exception")
        elif exit is not None and (exit.ret is True or exit.labels and exit.left is True):
            result = exit.value
        elif exit is not None and isinstance(exit.ret, Value) and not exit.labels and \
                isinstance(exit.value, (Plain, Array)):  # fmt: skip
            missed = self.emit(operator.not_, (exit.ret,), None, BOOL, self.where, "missed")
            result = Maybe(missed, exit.value)
        elif exit is not None and exit.ret is not False:
            result = Missing(f"`{lowered.name}` returns on some paths only")
        if not captured(result, self.state.memory, number):
            for key in [k for k in self.state.env if k[0] == number]:
                del self.state.env[key]
        return result

    def new_frame(self, parsed: Any, lowered: Lowered, args: dict[str, Ref], outer: int,
                  internal: bool) -> Frame:  # fmt: skip
        """A frame in which the parameters are bound."""
        self.frame_count += 1
        frame = Frame(self.frame_count, parsed, lowered, outer, internal, self.uncertain,
                      len(self.instrs), self.outline(args))  # fmt: skip
        for name, ref in args.items():
            self.state.env[frame.number, name] = ref
            if not internal and isinstance(ref, Plain) and not ref.value.user:
                ref.value.name = name
        return frame

    def entered(self, frame: Frame, block: Block) -> Exit | None:
        """Run a function's body in its frame."""
        self.frames.append(frame)
        self.running.append(frame.number)
        depth = len(self.temporaries)
        self.temporaries.append({})
        indirect, self.indirect = self.indirect, 0
        try:
            return self.run(block)
        finally:
            self.frames.pop()
            self.running.pop()
            del self.temporaries[depth:]  # those of regions that an exception has left, too
            self.indirect = indirect

    def escape(self, exit: Exit, lowered: Lowered) -> None:
        """An exception leaves a function: what follows the call is run where there was none."""
        if self.indirect or self.escaped is not None:
            raise self.refuse(self.where, f"`{lowered.name}`, called by another function, raises "
                              "what is caught further out")  # fmt: skip
        self.escaped = self.leaving(Exit(labels=exit.labels), self.where)

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    where: Any = None

    def inline(self, f: Any, args: tuple, kwargs: dict, where: Any, internal: bool = False) -> Ref:
        """Call a Python function: a `Function`, or a function object that has source."""
        if isinstance(f, Function):
            if f.bound is not None:
                args = (f.bound, *args)
            parsed = f.lowered.parsed
            bound = self.bind(f.lowered, args, kwargs, f.defaults, where)
            return self.body(parsed, f.lowered, bound, f.frame, internal)
        try:
            parsed = parse(f, generators=True)
        except UnsupportedSyntaxError as error:
            raise UnsupportedSyntaxError(error.what, where and where.location, error.instead) \
                from None  # fmt: skip
        if not internal and not is_library(parsed.function):
            self.guard_code(parsed.function)
        lowered = lowered_of(parsed)
        if parsed.partial_args or parsed.partial_kwargs:
            args = tuple(Known(a) for a in parsed.partial_args) + args
            kwargs = {k: Known(v) for k, v in parsed.partial_kwargs.items()} | kwargs
        if has_self(parsed):
            args = (self.outside_ref(("object", parsed.bound_self), parsed.bound_self), *args)
        name = getattr(parsed.function, "__qualname__", lowered.name)
        defaults = {
            k: self.outside_ref(("default", parsed.function, name, k), v)
            for k, v in parsed.defaults.items()
        }
        bound = self.bind(lowered, args, kwargs, defaults, where)
        if internal or not is_library(parsed.function) or is_library(self.frame.parsed.function):
            return self.body(parsed, lowered, bound, -1, internal)
        try:
            return self.body(parsed, lowered, bound, -1)
        except UnsupportedSyntaxError as error:  # the user's own line says more than the library's
            if error.where is None or where is None:
                raise
            place = f"{short_name(error.where.filename)}, line {error.where.line}"
            inner = error.what.removesuffix(" cannot be compiled")
            what = f"`{lowered.name}` cannot be compiled: {inner} ({place})"
            raise UnsupportedSyntaxError(what, where.location, error.instead) from None

    def bind(self, lowered: Lowered, args: tuple, kwargs: dict, defaults: dict,
             where: Any) -> dict[str, Ref]:  # fmt: skip
        """Arguments to parameters, as Python does it."""
        kwargs = dict(kwargs)
        bound: dict[str, Ref] = {}
        rest = list(args)
        for p in lowered.parameters:
            if p.kind in ("positional", "either") and rest:
                bound[p.name] = rest.pop(0)
            elif p.kind == "star":
                bound[p.name] = Tuple(tuple(rest))
                rest = []
            elif p.kind == "double_star":
                cell = Cell(p.name)
                self.state.memory[cell] = kwargs
                bound[p.name] = Dict(cell)
                kwargs = {}
            elif p.kind != "positional" and p.name in kwargs:
                bound[p.name] = kwargs.pop(p.name)
            elif p.name in defaults:
                bound[p.name] = defaults[p.name]
            else:
                raise self.wrong_call(lowered, f"missing argument `{p.name}`", where)
        if rest or kwargs:
            raise self.wrong_call(lowered, "too many arguments", where)
        return bound

    def wrong_call(self, lowered: Lowered, what: str, where: Any) -> Exception:
        if self.is_stand_in(lowered.parsed):  # it stands for a function that may take them
            return self.refuse(where, "a call with these arguments")
        error = TypeError(f"{lowered.name}(): {what}")
        if where is not None:
            error.add_note(indent(where.location.quoted(), "  "))
        return error

    # ------------------------------------------------------------------ blocks

    def value(self, tree: Any) -> Any:
        """What a lowered operand refers to: literals are `Known`."""
        if isinstance(tree, Value):
            ref = self.raw(tree)
            if isinstance(ref, Maybe):  # see `where_none`
                raise self.refuse(self.where, "what may be None is used where None is no error",
                                  "Test `is None` first.")  # fmt: skip
            return ref
        if isinstance(tree, Slice):
            return Slice(*(None if p is None else self.value(p) for p in tree))
        if isinstance(tree, tuple):
            return Tuple(tuple(self.raw(t) for t in tree))
        return Known(tree)

    def raw(self, tree: Any) -> Any:
        """The same, where None makes a difference: what may be it stays a `Maybe`."""
        if not isinstance(tree, Value):
            return self.value(tree)
        ref = self.temporaries[-1][tree]
        if isinstance(ref, Maybe) and ref.test in self.facts:
            return Known(None) if self.facts[ref.test] else ref.ref
        return self.settled(ref) if self.eithers else ref

    def run(self, block: Block, start: int = 0,
            tested: tuple[Instr, Tested] | None = None) -> Exit | None:  # fmt: skip
        """Carry out a block of lowered instructions from `start` on.

        tested   the first one, and what it has been tested for
        """
        uses = self.last_use.get(block)
        if uses is None:
            uses = self.last_use[block] = last_uses(block)
        temporaries = self.temporaries[-1]
        for i in range(start, len(block.instrs)):
            instr = block.instrs[i]
            self.where = instr.where
            count, assured, before = len(self.instrs), Tested(), None
            none = self.where_none(instr, block, i, tested) if instr.op not in HANDING_ON else None
            if none is not None:
                return none[0]
            if tested is not None and instr is tested[0]:
                assured = tested[1]
            elif self.tries:
                found = self.foreseen(instr, block, i)
                if found is not None:
                    return found[0]
                assured = Tested(self.assured)
            if self.tries:
                before, self.testing = self.before(instr), assured
            try:
                either = self.undecided(instr) if self.eithers else None
                if either is not None:
                    exit = self.settle(instr, either, block, i)
                    if exit is not None:
                        return exit
                elif instr.op == "if":
                    test = self.truth(self.raw(instr.args[0]), instr.where)
                    if isinstance(test, Plain) and test.value in self.facts:
                        test = Known(self.facts[test.value])
                    if isinstance(test, Known):
                        exit = self.known_branch(instr, instr.blocks[0 if test.obj else 1])
                    else:
                        exit = self.branch(instr, test.value, block, i)
                        if exit is not None:
                            return exit
                else:
                    exit = getattr(self, f"do_{instr.op}")(instr)
                    if self.unsynced:
                        self.sync()
            except Raised as raised:
                exit = self.throw(error_ref(raised.error), instr.where)
            except Hidden as hidden:
                return self.view_tried(hidden, before, instr, assured, block, i)
            if self.escaped is not None:
                exit, self.escaped = self.escaped, None
            if before is not None and exit is None:
                tried = self.attempted(before, instr, assured, block, i)
                if tried is not None:
                    return tried[0]
            if any(assured):
                for place, new in enumerate(self.instrs[count:]):
                    known = assured.of(new, place)
                    self.checked.update((one, known) for one in without((new,), set()))
            if exit is not None:
                if exit.always:
                    return exit
                return self.guarded(exit, block, i + 1, instr.where)
            for value in uses.get(i, ()):
                temporaries.pop(value, None)
        return None

    def put(self, instr: Instr, ref: Any) -> None:
        self.temporaries[-1][instr.results[0]] = ref

    def known_branch(self, instr: Instr, block: Block) -> Exit | None:
        exit, value = self.run_for_value(instr, block)
        if value is not None:
            self.put(instr, value)
        return exit

    def run_for_value(self, instr: Instr, block: Block) -> tuple[Exit | None, Any]:
        """Run a branch; (how it was left, what it results in where it was not)."""
        if not instr.results:
            return self.run(block), None
        if not self.tries:
            exit = self.run(block)
            return exit, self.raw(block.results[0]) if exit is None else None
        if block not in self.kept:  # some paths may leave within the expression
            keep = Instr("keep", (block.results[0],), where=instr.where)
            self.kept[block] = Block(block.params, [*block.instrs, keep], ())
        exit = self.run(self.kept[block])
        return exit, self.state.env.pop((self.frame.number, ".kept"), None)

    def do_keep(self, instr: Instr) -> None:
        self.state.env[self.frame.number, ".kept"] = self.raw(instr.args[0])

    def sub(self, state: State, body: Callable[[], Any]) -> Path:
        """Carry out `body` in a state of its own, collecting its instructions."""
        outer = self.state, self.instrs, self.facts
        self.state, self.instrs, self.facts = state, [], dict(self.facts)
        path = Path()
        self.regions += 1
        self.uncertain += 1
        try:
            path.exit = self.unless_bottom(body)
            path.state, path.instrs, path.facts = self.state, self.instrs, self.facts
        finally:
            self.regions -= 1
            self.uncertain -= 1
            self.state, self.instrs, self.facts = outer
        return path

    def unless_bottom(self, body: Callable[[], Any]) -> Any:
        """What `body` returns; a path of which nothing is known yet is not taken."""
        depth = len(self.temporaries)
        try:
            return body()
        except Bottom:
            del self.temporaries[depth:]
            return Exit(dead=True)

    def resume(self, path: Path, body: Callable[[], Exit | None]) -> None:
        outer = self.state, self.instrs, self.facts
        self.state, self.instrs, self.facts = path.state, path.instrs, path.facts
        self.uncertain += 1
        try:
            path.exit = self.unless_bottom(body)
            path.state = self.state
        finally:
            self.uncertain -= 1
            self.state, self.instrs, self.facts = outer

    def branch(self, instr: Instr, test: Value, block: Block, index: int) -> Exit | None:
        """`if` on a run-time value: both branches, then what follows where it is reached."""
        paths = []
        made, decided = self.made_by(test), self.decided
        for inner in instr.blocks:
            values: list = []

            def body(inner: Block = inner, values: list = values) -> Exit | None:
                self.note_fact(test, made, inner is instr.blocks[0])
                if "split" in instr.attrs:
                    self.decided = (*decided, inner is instr.blocks[0])
                exit, value = self.run_for_value(instr, inner)
                if exit is None and instr.attrs.get("test") and not isinstance(value, Plain):
                    value = self.truth(value, instr.where)  # an object, a list: nobody asks which
                values.append(value)
                return exit

            self.temporaries.append(dict(self.temporaries[-1]))
            path = self.sub(self.state.copy(), body)
            path.value = values[0] if values else None
            self.temporaries.pop()
            paths.append(path)
        then, other = paths
        leaves = [p.exit is not None and p.exit.always for p in paths]
        if leaves[0] != leaves[1] and paths[leaves.index(False)].exit is None:
            # One branch leaves: what follows belongs to the other, unless that only raises.
            stays = paths[leaves.index(False)]
            gone = paths[leaves.index(True)]
            if not gone.exit.dead:
                if instr.results:
                    self.put(instr, stays.value)
                if "split" in instr.attrs:
                    self.hand_on(instr, test)
                self.resume(stays, lambda: self.run(block, index + 1))
                exit = self.join(test, then, other, instr.where)
                return exit if exit is not None else Exit(cont=False, ret=False, brk=False)
        exit = self.join(test, then, other, instr.where, instr.results,
                         made="split" in instr.attrs)  # fmt: skip
        if "split" in instr.attrs:
            self.hand_on(instr, test)
        if exit is None:
            return None
        return exit if exit.always else self.guarded(exit, block, index + 1, instr.where)

    def guarded(self, exit: Exit, block: Block, index: int, where: Any) -> Exit:
        """What follows a point that some paths have left already."""
        left = exit.away
        if left is False or index >= len(block.instrs):
            return exit
        if len(exit.flags()) == 1:  # on this path the flag is set
            names = {n: True for n in ("brk", "cont", "ret") if getattr(exit, n) is not False}
            labels = tuple(label._replace(flag=True) for label in exit.labels)
            exit = exit._replace(**names, labels=labels)
        exit = exit._replace(away=True, left=True if exit.cont is False else exit.left)
        gone = self.sub(self.state.copy(), lambda: exit)
        self.temporaries.append(dict(self.temporaries[-1]))
        stays = self.sub(self.state.copy(), lambda: self.run(block, index))
        self.temporaries.pop()
        joined = self.join(left, gone, stays, where, made=True)
        return joined if joined is not None else Exit()

    # ------------------------------------------------------------------ joining two paths

    def join(self, test: Value, then: Path, other: Path, where: Any,
             results: tuple = (), choose: str = "", made: bool = False) -> Exit | None:  # fmt: skip
        """Emit the `if`; afterwards names refer to what either path left.

        choose   the result is a choice of arrays, of this name
        made     the user did not write it: it may be joined with another
        """
        pairs: list[tuple[Any, Any, Value]] = []
        self.joined_dead = dead = [p.exit is not None and p.exit.dead for p in (then, other)]
        if all(dead):
            block = Instr("if", (test,), None, (), (then.block(), other.block()), None, where)
            self.instrs.append(block)
            return Exit(dead=True)

        def leaf(a: Any, b: Any, name: str, user: bool = False) -> Any:
            """What a merged leaf is afterwards."""
            if a is b or (not isinstance(a, Value) and not isinstance(b, Value)
                          and Known(a) == Known(b)):  # fmt: skip
                return a
            joined = self.join_leaf(a, b, where)
            if joined is None:
                return None
            a, b, kind = joined
            for x, y, result in pairs:
                if x is a and y is b:
                    return result
            result = Value(name, kind, user)
            pairs.append((a, b, result))
            return result

        merger = Merger(self, test, then, other, dead, leaf, where)
        state = merger.states()
        exit = merger.exits()
        if results:
            merger.forced = bool(choose)
            a, b = (other if dead[0] else then), (then if dead[1] else other)
            self.temporaries[-1][results[0]] = merger.refs(a.value, b.value, choose or "t")
        region = Instr(
            "if", (test,), None, tuple(r for _, _, r in pairs),
            (then.block(a for a, _, _ in pairs), other.block(b for _, b, _ in pairs)),
            {"choice": True} if choose or made else None, where,
        )  # fmt: skip
        if pairs or any(has_effect(i) for i in (*then.instrs, *other.instrs)):
            self.instrs.append(region)
        self.state = state
        return exit

    # ------------------------------------------------------------------ simple instructions

    def do_load(self, instr: Instr) -> None:
        self.put(instr, self.load(instr.args[0], instr.where))

    def load(self, name: str, where: Any) -> Ref:
        frame: Frame | None = self.frame
        while frame is not None:
            if name in frame.lowered.local:
                ref = self.state.env.get((frame.number, name))
                if ref is None:
                    raise self.failing(
                        UnboundLocalError(unbound_text(name)), where,
                        f"`{name.rpartition('.')[2]}` is read before it is assigned",
                    )  # fmt: skip
                if isinstance(ref, HalfBound) and frame is self.frame:
                    return self.where_bound(ref, name, where)
                if isinstance(ref, Missing):
                    if ref.kind is not None and (frame.number, name) in self.unbound_names:
                        raise NeedsCarrying((frame.number, name), ref.kind)
                    raise self.refuse(where, ref.why)
                return ref
            parsed, frame = frame.parsed, self.frame_of(frame.outer)
        return self.outside_name(parsed, name, where)

    def where_bound(self, ref: HalfBound, name: str, where: Any) -> Ref:
        """What a name is bound to that some paths leave unbound: there, it raises as in Python."""
        holds = self.facts.get(ref.test)
        if holds is not None and holds is not ref.holds:
            raise self.failing(UnboundLocalError(unbound_text(name)), where, ref.why)
        if holds is None:
            if self.guesses or any(place.kind != "except" for place in self.tries):
                raise self.refuse(where, ref.why)
            error = error_ref(UnboundLocalError(unbound_text(name)))
            gone = self.sub(self.state.copy(), lambda: self.throw(error, where))
            stays = self.sub(self.state.copy(), lambda: None)
            self.join(ref.test, *((stays, gone) if ref.holds else (gone, stays)), where, made=True)
            self.facts[ref.test] = ref.holds
        self.eithers = self.eithers or isinstance(ref.ref, Either)
        return self.settled(ref.ref)

    def frame_of(self, number: int) -> Frame | None:
        for frame in self.frames:
            if frame.number == number:
                return frame
        return self.closed.get(number) if number >= 0 else None

    @property
    def closed(self) -> dict:
        return self.__dict__.setdefault("_closed", {})

    def do_store(self, instr: Instr) -> None:
        name, ref = instr.args[0], self.raw(instr.args[1])
        plain_name = name.rpartition(".")[2]
        floats = isinstance(ref, Known) and type(ref.obj) in (float, complex)
        if floats and not self.frame.internal:
            value = self.emit("identity", (ref.obj,), None, kind_of(ref.obj), instr.where)
            self.constants[value] = ref.obj
            ref = Plain(value)
        if isinstance(ref, Missing):
            raise self.refuse(instr.where, ref.why)
        self.christen(ref, plain_name)
        if len(self.frames) == 1:
            self.note_store(plain_name, ref, instr.where)
        owner = self.owner(name)
        if isinstance(owner, int):
            self.state.env[owner, name] = ref
        else:
            self.store_name(owner, name, ref, instr.where)

    def owner(self, name: str) -> Any:
        """The frame that a name belongs to, an outer one after `nonlocal`; or a parsed function.

        That is the one whose globals or closure cells have it.
        """
        frame: Frame | None = self.frame
        while frame is not None:
            if name in frame.lowered.local:
                return frame.number
            parsed, frame = frame.parsed, self.frame_of(frame.outer)
        return parsed

    def note_store(self, name: str, ref: Any, where: Any) -> None:
        """Remember what a local variable was assigned, for `wrt` by name."""
        value = ref.value if isinstance(ref, Plain) else None
        if isinstance(ref, Array) and not ref.path:
            value = self.state.memory[ref.buffer]
        self.stores.setdefault(name, []).append((value, self.regions > 0))

    def missing(self, parsed: Any, lowered: Lowered, args: dict[str, Ref]) -> dict[str, Ref]:
        """The arguments of the outermost call, with what is bound already and the defaults."""
        bound: dict[str, Ref] = {}
        names = [p.name for p in lowered.parameters if p.kind in ("positional", "either")]
        given = list(parsed.partial_args)
        if has_self(parsed):
            given.insert(0, parsed.bound_self)
        for name, obj in [*zip(names, given), *parsed.partial_kwargs.items()]:
            bound[name] = self.outside_ref(("object", obj), obj)
        for name, obj in parsed.defaults.items():
            if name not in args and name not in bound:
                bound[name] = self.outside_ref(("default", parsed.function, "", name), obj)
        for p in lowered.parameters:
            if p.name not in args and p.name not in bound:
                if p.kind == "star":
                    bound[p.name] = Tuple(())
                elif p.kind == "double_star":
                    cell = Cell(p.name)
                    self.state.memory[cell] = {}
                    bound[p.name] = Dict(cell)
        return {**bound, **args}

    def christen(self, ref: Any, name: str) -> None:
        """A new value takes the name that the user stores it under."""
        if isinstance(ref, List):
            held = self.state.memory.get(ref.cell)
            if ref.cell.name in ("items", "t") and ref.cell not in self.outside_cells:
                ref.cell.name = name
            if isinstance(held, Plain) and held.value.name in ("items", "t"):
                held.value.name, held.value.user = name, not self.frame.internal
            return
        elif isinstance(ref, Plain):
            value = ref.value
        elif isinstance(ref, Array) and not ref.path and ref.buffer.origin == "fresh":
            value = self.state.memory[ref.buffer]
            if not value.user:
                ref.buffer.name = name
        else:
            return
        if not value.user:
            value.name, value.user = name, not self.frame.internal

    def do_delete(self, instr: Instr) -> None:
        name = instr.args[0]
        owner = self.owner(name)
        if not isinstance(owner, int):
            raise self.refuse(instr.where, f"`del` of `{name}`, which lies outside the function")
        self.state.env.pop((owner, name), None)

    def do_import(self, instr: Instr) -> None:
        name, top = instr.args
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            if self.catching(type(error)):
                raise Raised(error) from None
            raise
        if top != name:
            module = importlib.import_module(top)
        self.put(instr, self.outside_ref(("module", module), module))

    def do_builtin(self, instr: Instr) -> None:
        self.put(instr, Known(getattr(builtins, instr.args[0]), ("builtin", instr.args[0])))

    def do_tuple(self, instr: Instr) -> None:
        self.put(instr, Tuple(self.spread(instr.args, instr.where)))

    def do_list(self, instr: Instr) -> None:
        name = instr.results[0].name  # the variable's, if it is stored at once
        items = self.spread(instr.args, instr.where)
        self.put(instr, self.new_list(items, "items" if name == "t" else name))

    def new_list(self, items: tuple, name: str = "items") -> List:
        cell = Cell(name)
        self.state.memory[cell] = tuple(items)
        return List(cell)

    def do_dict(self, instr: Instr) -> None:
        cell = Cell()
        items = {}
        for pair in instr.args:
            if isinstance(pair, Star):
                items.update(self.pairs((self.value(pair.value),), instr.where))
                continue
            key, value = pair
            items[self.known(self.value(key), instr.where, "a dict's key")] = self.raw(value)
        self.state.memory[cell] = items
        self.put(instr, Dict(cell))

    def do_set(self, instr: Instr) -> None:
        elements = Tuple(self.spread(instr.args, instr.where))
        self.put(instr, self.new_set(self.elements(elements, instr.where)))

    def known(self, ref: Any, where: Any, what: str) -> Any:
        """The Python object of a reference that must be known."""
        if isinstance(ref, Known):
            return ref.obj
        if isinstance(ref, Plain) and ref.value in self.constants:
            return self.constants[ref.value]
        if isinstance(ref, Tuple):
            return tuple(self.known(r, where, what) for r in ref.items)
        if isinstance(ref, List):
            held = self.held(ref)
            if not isinstance(held, Plain):
                return [self.known(r, where, what) for r in held]
        raise NeedsUnrolling(f"{what} is known only at run time", where and where.location,
                             "Make it a constant.")  # fmt: skip

    def spread(self, args: tuple, where: Any) -> tuple:
        items: list[Any] = []
        for arg in args:
            if isinstance(arg, Star):
                items += self.items(self.value(arg.value), where)
            else:
                items.append(self.raw(arg))
        return tuple(items)

    def items(self, ref: Any, where: Any) -> list:
        """The items of something of known length."""
        length, item, _ = self.iterate(ref, where)
        self.once(ref, where)
        if not isinstance(length, int):
            raise NeedsUnrolling(f"{describe(ref)} has a length that is known only at run time",
                                 where and where.location)  # fmt: skip
        return [item(Known(i)) for i in range(length)]

    def do_unpack(self, instr: Instr) -> None:
        ref, n, star = self.value(instr.args[0]), *instr.args[1:]
        where = instr.where
        if isinstance(ref, Iterator) and ref.kind == "listed":
            (ref,) = ref.parts
        length, item, _ = self.iterate(ref, where)
        if not isinstance(length, int):
            if star is not None:
                self.unpack_star(instr, ref, n, star, where)
                return
            length = n  # checked by the generated source: it unpacks, too
            if isinstance(ref, ARRAYS) or self.is_sequence(ref):
                item = self.unpack_array(ref, n, where)
        items = [item(Known(i)) for i in range(length)]
        if star is not None and len(items) >= n - 1:
            end = len(items) - (n - 1 - star)
            items[star:end] = [self.new_list(tuple(items[star:end]))]
        if len(items) != n:
            few = len(items) < n
            text = f"not enough values to unpack (expected {n}, got {length})" if few else \
                f"too many values to unpack (expected {n})"  # fmt: skip
            raise self.failing(ValueError(text), where,
                               f"{length} values are unpacked into {n} names")  # fmt: skip
        for result, item_ref in zip(instr.results, items):
            self.temporaries[-1][result] = item_ref

    def unpack_star(self, instr: Instr, ref: Any, n: int, star: int, where: Any) -> None:
        """`first, *middle, last = x` of an array of unknown length."""
        if not isinstance(ref, ARRAYS) and not self.is_sequence(ref):
            ref = self.new_sequence(self.as_sequence(ref, where))
        value = self.read(ref, where)
        self.check_length(value, (n - 1, True), where)
        after = n - 1 - star
        stop = Known(-after) if after else None
        middle = self.getitem(ref, Slice(Known(star), stop, None), where)
        for i, result in enumerate(instr.results):
            if i == star:
                self.temporaries[-1][result] = self.list_of_array(middle, where) \
                    if isinstance(middle, ARRAYS) else middle  # fmt: skip
            else:
                key = Known(i if i < star else i - n)
                self.temporaries[-1][result] = self.getitem(ref, key, where)

    def check_length(self, value: Value, args: tuple, where: Any) -> None:
        if self.tries and issubclass(ValueError, self.testing.classes):  # it has been tested for
            return
        args = (value, *args)
        self.instrs.append(Instr("check_length", args, None, (), (), {"effect": True}, where))

    def unpack_array(self, ref: Array, n: int, where: Any) -> Callable[[Known], Ref]:
        """`a, b = x`: the elements, once the length is checked as Python does."""
        value = self.read(ref, where)
        self.check_length(value, (n,), where)
        return lambda i: self.getitem(ref, i, where)

    def do_function(self, instr: Instr) -> None:
        lowered = instr.attrs["lowered"]
        defaults = {n: self.raw(v) for n, v in zip(lowered.defaults, instr.args)}
        self.closed[self.frame.number] = self.frame
        self.put(instr, Function(lowered, defaults, self.frame.number))

    def do_format(self, instr: Instr) -> None:
        """An f-string: text, if all of its parts are known."""
        parts: list = []
        for part in instr.args:
            if not isinstance(part, tuple):
                parts.append(str(part))
                continue
            value, conversion, spec = part
            ref = self.text_of(self.value(value), instr.where)
            text = "" if spec is None else self.known(self.value(spec), instr.where, "a format")
            found = self.object_text(ref, conversion, text, instr.where)
            parts.append((ref, conversion, text) if found is None else (found, -1, ""))
        self.put(instr, self.text(parts, instr.where))

    def do_return(self, instr: Instr) -> Exit:
        if len(self.frames) == 1:
            self.returned_at = instr.where
        return Exit(ret=True, value=self.raw(instr.args[0]), left=True, away=True)

    def do_break(self, instr: Instr) -> Exit:
        return Exit(brk=True, left=True, away=True)

    def do_continue(self, instr: Instr) -> Exit:
        return Exit(cont=True, away=True)

    # ------------------------------------------------------------------ operators

    def do_binary(self, instr: Instr) -> None:
        op, a, b = instr.args
        self.put(instr, self.binary(op, self.value(a), self.value(b), instr.where))

    def do_compare(self, instr: Instr) -> None:
        op, a, b = instr.args
        self.put(instr, self.compare(op, self.raw(a), self.raw(b), instr.where))

    def do_unary(self, instr: Instr) -> None:
        op, ref = instr.args[0], self.value(instr.args[1])
        found = self.object_unary(op, ref, (), instr.where)
        if found is not None:
            self.put(instr, found)
            return
        if isinstance(ref, Known) and isinstance(ref.obj, (int, float)):
            self.put(instr, Known(op(ref.obj)))
            return
        self.put(instr, self.apply(op, (ref,), {}, instr.where))

    def do_not(self, instr: Instr) -> None:
        test = self.truth(self.raw(instr.args[0]), instr.where)
        if isinstance(test, Known):
            self.put(instr, Known(not test.obj))
        else:
            value = self.emit(operator.not_, (test.value,), None, BOOL, instr.where, "negated")
            self.put(instr, Plain(value))

    def truth(self, ref: Any, where: Any) -> Known | Plain:
        """What `if ref` tests: known, or a value."""
        if isinstance(ref, Maybe):
            raise self.refuse(where, "the truth of what may be None", "Write `is None`.")
        if isinstance(ref, Either):
            flag = self.of_each(ref, where, lambda r: self.flag_of(r, where))
            return self.test_of(ref.test, flag)
        if instance_class(ref) is not None:
            found = self.object_truth(ref, where)
            if found is not None:
                return found
        if isinstance(ref, Known):
            try:
                return Known(bool(ref.obj))
            except Exception as error:
                raise self.refuse(where, f"this test raises {error!r}") from None
        if isinstance(ref, Tuple):
            return Known(bool(ref.items))
        if isinstance(ref, (List, Dict)):
            held = self.held(ref)
            if isinstance(held, Rows):
                return self.truth(held.columns[0], where)
            if isinstance(held, dict) and held:
                return Known(self.some_key(ref, where))
            if not isinstance(held, Plain):
                return Known(bool(held))
            return held
        if isinstance(ref, (Function, Bound, Method)):
            return Known(True)
        if isinstance(ref, Plain) and ref.value in self.constants:
            return Known(bool(self.constants[ref.value]))
        tree = self.read(ref, where)
        if not isinstance(tree, Value):
            raise self.refuse(where, f"the truth of {describe(ref)}")
        return Plain(tree)

    def binary(self, op: Callable, a: Any, b: Any, where: Any) -> Ref:
        found = self.object_binary(op, a, b, where)
        if found is not None:
            return found
        if isinstance(a, Known) and isinstance(b, Known):
            numbers = type(a.obj) in NUMBERS and type(b.obj) in NUMBERS
            floats = float in (type(a.obj), type(b.obj)) or complex in (type(a.obj), type(b.obj))
            if not (numbers and floats) or self.frame.internal:
                try:
                    result = op(a.obj, b.obj)
                except Exception as error:
                    raise self.failing(error, where) from error
                if not numbers or type(result) in (bool, int) or self.frame.internal:
                    return Known(result)
        if op is operator.mod and isinstance(a, Known) and isinstance(a.obj, (str, bytes)):
            return self.percent(a.obj, b, where)
        found = self.mapping_operator(op, a, b, where)
        if found is not None:
            return found
        if isinstance(a, (Tuple, List)) or isinstance(b, (Tuple, List)):
            joined = self.sequence_operator(op, a, b, where)
            if joined is not None:
                return joined
        return self.apply(op, (a, b), {}, where)

    def percent(self, text: Any, ref: Any, where: Any) -> Ref:
        """`"%s: %d" % (name, n)`"""
        if self.is_known(ref):
            return Known(text % self.known(ref, where, "what is formatted"))
        tree = self.read(ref, where)
        return Plain(self.emit(operator.mod, (text, tree), None, Kind("str"), where, "text"))

    def sequence_operator(self, op: Callable, a: Any, b: Any, where: Any) -> Ref | None:
        """`+` and `*` of tuples and lists."""
        found = self.sequence_operator_at_run_time(op, a, b, where)
        if found is not None:
            return found
        if op is operator.add and type(a) is type(b):
            items = (*self.items(a, where), *self.items(b, where))
        elif op is operator.mul and (isinstance(a, Known) or isinstance(b, Known)):
            sequence, n = (b, a) if isinstance(a, Known) else (a, b)
            if type(n.obj) is not int:
                return None
            a = sequence
            items = tuple(self.items(sequence, where)) * n.obj
        else:
            return None
        return Tuple(items) if isinstance(a, Tuple) else self.new_list(items)

    def compare(self, op: Callable, a: Any, b: Any, where: Any) -> Ref:
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Maybe) and isinstance(other, Known) and other.obj is None and \
                    op in (operator.is_, operator.is_not, operator.eq, operator.ne):  # fmt: skip
                if op in (operator.is_, operator.eq):
                    return Plain(one.test)
                return Plain(self.emit(operator.not_, (one.test,), None, BOOL, where, "test"))
        if op in NEVER_RAISING and (isinstance(a, Maybe) or isinstance(b, Maybe)):
            raise self.refuse(where, "a comparison of what may be None", "Test `is None` first.")
        a, b = (ref.ref if isinstance(ref, Maybe) else ref for ref in (a, b))
        if op in (operator.is_, operator.is_not):
            return Known(self.identical(a, b, where) == (op is operator.is_))
        if op in (contains, contains_not):
            return self.contains(a, b, where, op is contains_not)
        found = self.object_binary(op, a, b, where)
        if found is not None:
            return found
        found = self.mapping_operator(op, a, b, where)
        if found is not None:
            return found
        known_a, known_b = self.comparable(a), self.comparable(b)
        if known_a is not None and known_b is not None:
            return Known(op(known_a.obj, known_b.obj))
        if op in (operator.eq, operator.ne):
            if isinstance(a, Tuple) and isinstance(b, Tuple):
                return self.compare_tuples(a, b, where, op is operator.eq)
            kinds = self.kind(a).tag, self.kind(b).tag
            told = "object" not in kinds
            if told and ("none" in kinds or ("str" in kinds and kinds[0] != kinds[1])):
                return Known(op is operator.ne)
            if self.is_not_one(a, b) or self.is_not_one(b, a):
                return Known(op is operator.ne)
        elif type(a) is type(b) and isinstance(a, (Tuple, List)):
            return self.order(op, a, b, where)
        return self.apply(op, (a, b), {}, where)

    def is_not_one(self, length: Any, one: Any) -> bool:
        """Whether one of two numbers is 1, and the other a length that is proven not to be.

        In a function that calls itself lengths are those of one of its calls.
        """
        if self.separate.functions:
            return False
        size = self.kind(length).size if isinstance(length, Plain) else None
        return isinstance(one, Known) and type(one.obj) is int and one.obj == 1 and (
            size is not None and proven_not_one(size)
        )  # fmt: skip

    def order(self, op: Callable, a: Any, b: Any, where: Any) -> Ref:
        """`a < b` of two tuples or lists: the first items that differ decide."""
        left, right = self.items(a, where), self.items(b, where)
        result: Ref = Known(op(len(left), len(right)))
        for x, y in reversed(list(zip(left, right))):
            equal, here = (self.compare(o, x, y, where) for o in (operator.eq, op))
            if isinstance(equal, Known):
                result = result if equal.obj else here
                continue
            differs = self.apply(operator.not_, (equal,), {}, where)
            first = self.both(operator.and_, differs, here, where)
            rest = self.both(operator.and_, equal, result, where)
            result = self.both(operator.or_, first, rest, where)
        return result

    def both(self, op: Callable, a: Any, b: Any, where: Any) -> Ref:
        """`a & b` or `a | b` of two truth values."""
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Known):
                return other if bool(one.obj) is (op is operator.and_) else one
        return self.apply(op, (a, b), {}, where)

    def comparable(self, ref: Any) -> Known | None:
        """The constant that a reference stands for, if a comparison with it can be folded."""
        if isinstance(ref, Known):
            return ref
        if self.frame.internal and isinstance(ref, Plain) and ref.value in self.constants:
            return Known(self.constants[ref.value])  # a rule asks; the user's tests stay
        if isinstance(ref, Tuple) and all(self.comparable(r) is not None for r in ref.items):
            return Known(tuple(self.comparable(r).obj for r in ref.items))
        return None

    def compare_tuples(self, a: Tuple, b: Tuple, where: Any, equal: bool) -> Ref:
        if len(a.items) != len(b.items):
            return Known(not equal)
        result: Ref = Known(True)
        for x, y in zip(a.items, b.items):
            one = self.compare(operator.eq, x, y, where)
            if isinstance(one, Known):
                if not one.obj:
                    return Known(not equal)
            elif isinstance(result, Known):
                result = one
            else:
                result = self.apply(operator.and_, (result, one), {}, where)
        if equal or isinstance(result, Known):
            return result if equal else Known(not result.obj)
        return self.apply(operator.not_, (result,), {}, where)

    def identical(self, a: Any, b: Any, where: Any) -> bool:
        if isinstance(a, Known) and isinstance(b, Known):
            return a.obj is b.obj
        for x, y in ((a, b), (b, a)):
            if isinstance(y, Known) and (y.obj is None or isinstance(y.obj, (bool, type))):
                if isinstance(x, Plain) and x.value.kind.tag == "object":
                    break
                return False
        else:
            if a == b and not isinstance(a, Plain):
                return True
            if type(a) is not type(b) and not isinstance(a, Choice) and not isinstance(b, Choice):
                return False
            if isinstance(a, Object) and isinstance(b, Object):
                if (a.cell, b.cell) not in self.aliases and (b.cell, a.cell) not in self.aliases:
                    return False
            if isinstance(a, Array) and isinstance(b, Array) and not a.path and not b.path:
                if {a.buffer.origin, b.buffer.origin} == {"argument"} and a != b:
                    raise self.refuse(where, "whether two arguments are one object")
                return False if a.buffer is not b.buffer else True
        raise self.refuse(where, "this test of identity depends on run-time values")

    def contains(self, a: Any, b: Any, where: Any, negate: bool) -> Ref:
        found = self.object_contains(a, b, where)
        if found is not None:
            return self.negate(found, where) if negate else found
        if isinstance(b, Dict):
            if isinstance(a, Plain) and a.value.kind.tag == "scalar":
                b = Tuple(tuple(static_ref(k) for k in self.whole(b, where)))
                return self.contains(a, b, where, negate)
            key = self.known(a, where, "this key")
            held = self.held(b)
            if self.may_lack(b, key):
                self.whole(b, where)
            return Known((key in held) != negate)
        if isinstance(b, Known) and isinstance(a, Known):
            return Known((a.obj in b.obj) != negate)
        if isinstance(b, Iterator) and b.kind == "range":
            found = self.contained(b, a, where)
            if isinstance(found, Known):
                return Known(found.obj != negate)
            return self.apply(operator.not_, (found,), {}, where) if negate else found
        if self.is_sequence(b) or isinstance(b, ARRAYS):
            found = self.sequence_contains(b, a, where)
            return self.apply(operator.not_, (found,), {}, where) if negate else found
        result: Ref = Known(False)
        for item in self.items(b, where):
            one = self.compare(operator.eq, a, item, where)
            if isinstance(one, Known):
                if one.obj:
                    return Known(not negate)
            else:
                result = one if isinstance(result, Known) else \
                    self.apply(operator.or_, (result, one), {}, where)  # fmt: skip
        if isinstance(result, Known):
            return Known(result.obj != negate)
        return self.apply(operator.not_, (result,), {}, where) if negate else result

    def do_inplace(self, instr: Instr) -> None:
        op, a, b = instr.args
        old, extra = self.value(a), self.value(b)
        if instr.attrs.get("element") and isinstance(old, Array) and not old.path:
            value = self.state.memory[old.buffer]
            if value in self.gathered:  # `x[mask] += e` is a gather, an addition and a store
                new = self.binary(op, old, extra, instr.where)
                if isinstance(new, Array):
                    self.augment[self.state.memory[new.buffer]] = (
                        op, value, self.read(extra, instr.where))  # fmt: skip
                self.put(instr, new)
                return
        self.put(instr, self.inplace(op, old, extra, instr.where))

    def inplace(self, op: Callable, a: Any, b: Any, where: Any) -> Ref:
        """`a op= b`: a store where `a` refers to an array, else a new object."""
        found = self.object_inplace(op, a, b, where)
        if found is not None:
            return found
        if isinstance(a, Choice):
            self.each_option(a, (b,), where, lambda x, y: self.inplace(op, x, y, where))
            return a
        if isinstance(a, Array):
            kind = self.kind(a)
            if kind.tag != "array":
                raise self.refuse(where, "the kind of what is updated is not known")
            if not a.path and self.state.memory[a.buffer] in self.loose:
                return self.rebound(op, a, b, where)
            rank = self.kind(b).rank
            if rank is not None and kind.rank is not None and rank > kind.rank:
                raise self.failing(ValueError("non-broadcastable output operand"), where)
            place, key = self.target(a)
            value = self.read(b, where)
            self.augmented(place, key, op, value, self.read(a, where), where)
            return a
        if isinstance(a, List) and op is operator.add:
            self.check_cell(a, where, "+=")
            self.method_extend(a, (b,), {}, where)
            return a
        if isinstance(a, Plain) and self.kind(a).tag == "object":  # an array has other names
            raise self.refuse(where, "the kind of what is updated is not known")
        result = self.binary(op, a, b, where)
        if isinstance(a, Dict) and isinstance(result, Dict) and a.cell.cls is not frozenset:
            self.check_cell(a, where, "|=")
            self.set_dict(a, self.held(result))
            return a
        if isinstance(result, Plain) and isinstance(a, Plain):
            self.augment[result.value] = (op, a.value, self.read(b, where))
        return result

    def augmented(self, place: Array, key: Any, op: Callable, value: Any, old: Any,
                  where: Any) -> None:  # fmt: skip
        """`place[key] op= value`, where `old` is the element (or elements) before."""
        new = self.read(self.apply(op, (wrap(old), wrap(value)), {}, where), where)
        kind = self.state.memory[place.buffer].kind
        whole = key is ... and not place.path and isinstance(new, Value)
        if whole and op not in (operator.add, operator.sub):
            if fits(new.kind, kind) and new.kind.dtype == kind.dtype:
                self.replace(place.buffer, new, where)  # `y *= x` as `y = y * x`, for all its names
                return
        if kind.inexact and op in (operator.add, operator.sub) and leaf_inexact(value):
            if op is operator.sub:
                value = negated(self, value, where)
            self.write(place, key, value, where, add=True)
            if has_integer_arrays(key):
                self.instrs[-1].attrs["last"] = True  # of repeated elements, the last wins
        else:
            self.write(place, key, new, where)
            self.instrs[-1].attrs["augmented"] = op

    def replace(self, buffer: Buffer, new: Value, where: Any) -> None:
        """A whole array is overwritten by a new one of its kind."""
        if buffer.element is not None:
            self.replace_element(buffer, new, where)
            return
        self.check_writable(buffer, where)
        old = self.state.memory[buffer]
        if not new.user:
            new.name, new.user = old.name, old.user
        self.written.add(buffer)
        self.state.memory[buffer] = new

    # ------------------------------------------------------------------ items and attributes

    def do_getitem(self, instr: Instr) -> None:
        base, key = self.value(instr.args[0]), self.value(instr.args[1])
        self.put(instr, self.getitem(base, key, instr.where))

    def do_list_item(self, instr: Instr) -> None:
        """The next item of a list that is walked while its length changes."""
        base, key = self.value(instr.args[0]), self.value(instr.args[1])
        if not isinstance(base, List) or base.cell.cls is not None:
            raise self.refuse(instr.where, f"{describe(base)} that changes while it is walked",
                              "Walk a list of it (`list(…)`).")  # fmt: skip
        self.put(instr, self.getitem(base, key, instr.where))

    def do_setitem(self, instr: Instr) -> None:
        base, key = self.value(instr.args[0]), self.value(instr.args[1])
        held = isinstance(base, (List, Dict))
        value = self.raw(instr.args[2]) if held else self.value(instr.args[2])
        self.setitem(base, key, value, instr.where, "augmented" in instr.attrs)

    def setitem(self, base: Any, key: Any, value: Any, where: Any, augmented: bool = False) -> None:
        if isinstance(base, Choice):
            self.each_option(base, (value,), where, lambda option, v: self.setitem(
                option, key, v, where, augmented))  # fmt: skip
        elif isinstance(value, Choice) and isinstance(base, Array) and any(
            array.buffer is base.buffer for array in arrays_of(value)
        ):
            self.each_option(value, (), where, lambda option: self.setitem(
                base, key, option, where, augmented))  # fmt: skip
        elif isinstance(base, Array):
            tree = self.key_tree(key, where)
            kind = abstract.infer("getitem", (self.kind(base), map_tree(kind_of_value, tree)), {})
            if isinstance(value, Array) and value.buffer is base.buffer:
                whole = kind is not None and is_whole(tree, kind.rank) and value.path == base.path
                if whole or value.path == (*base.path, ("getitem", tree)):
                    return  # `u[k] += e` has stored already
            if augmented and isinstance(value, (Plain, Array)):
                new = self.read(value, where)
                found = self.augment.get(new)
                if found is not None and self.still_there(found[1], base):
                    op, old, operand = found
                    self.augmented(base, tree, op, operand, old, where)
                    return
            if not self.stored_by_moving(base, tree, value, kind, where):
                self.write(base, tree, self.store_value(value, kind, where), where)
        elif is_flat(base):
            self.set_flat(base.ref, key, value, where, augmented)
        elif isinstance(base, List) and base.cell.element is not None:
            if isinstance(key, Slice) or isinstance(value, (List, Tuple)):
                raise self.refuse(where, "a store of a list into a list in a list")
            tree = self.element_tree(value, where)
            self.store_in_element(base, self.read(key, where), tree, where)
        elif isinstance(base, List):
            if augmented and isinstance(value, Choice):  # the item has been written where it is
                if self.chosen_items.get(value) == (base.cell, key, self.held(base)):
                    return
            self.check_cell(base, where, "[…] =")
            held = self.held(base)
            if isinstance(held, Rows):
                self.rows_store(base, key, value, where)
                return
            if isinstance(key, Plain) and not isinstance(held, Plain) and self.alike(held):
                held = self.state.memory[base.cell] = self.sequence(held, base.cell, where)
            if isinstance(held, Plain):
                if not isinstance(key, Slice) and \
                        self.is_there(base.cell, self.read(key, where), value):  # fmt: skip
                    return  # `items[i] += 1` has stored already
                self.store_in_sequence(base, key, value, where)
                return
            if self.is_told_apart(key, held, where):
                self.store_in_branches(base, held, key, value, where)
                return
            items = list(held)
            if isinstance(key, Slice):
                bounds = (None if p is None else self.known(p, where, "the bound") for p in key)
                items[slice(*bounds)] = self.items(value, where)
            else:
                items[operator.index(self.known(key, where, "the index of a list"))] = value
            self.state.memory[base.cell] = tuple(items)
            self.written.add(base.cell)
        elif isinstance(base, Dict):
            self.check_cell(base, where, "[…] =")
            index = self.known(key, where, "a dict's key")
            self.state.memory[base.cell] = {**self.held(base), index: value}
            self.written.add(base.cell)
        elif self.special(base, "__setitem__") is not None:
            self.object_method(base, "__setitem__", (self.object_key(key), value), where)
        else:
            self.without_items(base, "does not support item assignment", where)
            raise self.refuse(where, f"a store into {describe(base)}")

    def still_there(self, old: Any, base: Array) -> bool:
        """Whether the element that an augmented store has read is still in its place."""
        return self.read_from.get(old) is self.state.memory[base.buffer]

    def store_value(self, value: Any, kind: Kind | None, where: Any) -> Any:
        tree = self.read(value, where)
        if isinstance(tree, (list, tuple)):  # `a[:2] = [x, y]` stores an array of them
            return self.read(self.apply(np.array, (value,), {}, where), where)
        return tree

    def do_delitem(self, instr: Instr) -> None:
        base, key = self.value(instr.args[0]), self.value(instr.args[1])
        if self.special(base, "__delitem__") is not None:
            self.object_method(base, "__delitem__", (key,), instr.where)
            return
        held = self.state.memory.get(base.cell) if isinstance(base, (List, Dict)) else None
        if isinstance(held, Rows) and not isinstance(key, Slice):
            self.check_cell(base, instr.where, "del")
            self.rows_method(base, "pop", (key,), {}, instr.where)
            return
        if isinstance(held, Plain):
            self.check_cell(base, instr.where, "del")
            if isinstance(key, Slice):
                self.sequence_replace(base, key, None, instr.where)
            else:
                self.sequence_pop(base, key, instr.where)
            return
        if held is None:
            raise self.refuse(instr.where, "this `del`")
        self.check_cell(base, instr.where, "del")
        if isinstance(key, Slice):
            bounds = (None if p is None else self.known(p, instr.where, "the bound") for p in key)
            index: Any = slice(*bounds)
        else:
            index = self.known(key, instr.where, "the key")
        if isinstance(base, Dict):
            self.whole(base, instr.where)
        copy = dict(held) if isinstance(held, dict) else list(held)
        del copy[index]
        self.state.memory[base.cell] = copy if isinstance(copy, dict) else tuple(copy)
        self.written.add(base.cell)

    def do_getattr(self, instr: Instr) -> None:
        self.put(instr, self.getattr(self.value(instr.args[0]), instr.args[1], instr.where))

    def do_setattr(self, instr: Instr) -> None:
        base, name, ref = self.value(instr.args[0]), instr.args[1], self.raw(instr.args[2])
        if isinstance(base, ARRAYS):
            self.set_part(base, name, ref, instr.where)
        else:
            self.setattr(base, name, ref, instr.where)

    def columns_of(self, f: Any, instr: Instr) -> Ref | None:
        """`zip(*rows)` of a list of tuples whose length is known only at run time."""
        args = instr.args[1]
        if not (isinstance(f, Known) and f.obj is zip and len(args) == 1):
            return None
        ref = self.value(args[0].value) if isinstance(args[0], Star) else None
        return self.rows_columns(ref, instr.where) if self.is_rows(ref) else None

    def given(self, f: Any, args: tuple, keywords: dict, where: Any) -> tuple:
        """The arguments of a call; `*x` of unknown length gives what the function has room for."""
        at = [i for i, a in enumerate(args) if isinstance(a, Star)]
        ref = self.value(args[at[0]].value) if len(at) == 1 else None
        counted = isinstance(ref, ARRAYS) or self.is_sequence(ref)
        if not counted or isinstance(self.iterate(ref, where)[0], int) or None in keywords:
            return self.spread(args, where)
        if isinstance(f, Object) and self.special(f, "__call__") is not None:
            f = Method(self.special(f, "__call__"), f)
        n = places_left(f, len(args) - 1, set(keywords))
        if n is None:
            return self.spread(args, where)
        item = self.unpack_array(ref, n, where)
        before, after = args[: at[0]], args[at[0] + 1 :]
        items = tuple(item(Known(i)) for i in range(n))
        return self.spread(before, where) + items + self.spread(after, where)

    def do_call(self, instr: Instr) -> None:
        f = self.value(instr.args[0])
        columns = self.columns_of(f, instr)
        if columns is not None:
            self.put(instr, columns)
            return
        args = self.given(f, instr.args[1], instr.kwargs, instr.where)
        kwargs = {}
        for name, value in instr.kwargs.items():
            ref = self.raw(value)
            if name is None:
                if not isinstance(ref, Dict):
                    raise self.refuse(instr.where, "`**` of something that is no dict")
                kwargs.update(self.held(ref))
            else:
                kwargs[name] = ref
        where = instr.where
        self.put(instr, self.call(f, args, kwargs, where))
        self.where = where

    # ------------------------------------------------------------------ loops

    def do_for(self, instr: Instr) -> Exit | None:
        iterable = self.value(instr.args[0])
        stream = self.stream(iterable, instr.where)
        if stream is not None:
            return self.consume(instr, stream)
        if is_stream(iterable) and any(i.op in ("break", "return") for i in walk(instr.blocks[0])):
            raise self.refuse(instr.where, "a loop over an iterator that may leave some of it",
                              "Loop over the list.")  # fmt: skip
        self.once(iterable, instr.where)
        if isinstance(iterable, Iterator) and iterable.kind == "filter":
            return self.do_for(self.filtered_loop(iterable, instr))
        length, item, bounds = self.iterate(iterable, instr.where)
        body, orelse = instr.blocks
        if isinstance(length, int) and (bounds is None or length * size(body) <= self.unroll):
            return self.walked(iterable, instr, lambda: self.unrolled(instr, length, item))
        if not isinstance(length, int):
            try:
                return self.walked(iterable, instr, lambda: self.loop(instr, bounds, item))
            except NeedsUnrolling:  # with a trip count that is known, it can be unrolled
                self.make_constant(bounds)
                raise
        state, count, depth = self.state.copy(), len(self.instrs), len(self.temporaries)
        try:
            return self.loop(instr, bounds, item)
        except NeedsUnrolling:
            if length * size(body) > 20_000:
                raise
            self.state = state
            del self.instrs[count:], self.temporaries[depth:]
            return self.unrolled(instr, length, item)

    def make_constant(self, tree: Any) -> None:
        """Ask for the values of the int arguments in a tree."""
        paths = frozenset(self.arguments[v] for v in flatten(tree) if v in self.arguments)
        if paths:
            raise NeedsConstant(paths)

    def walked(self, iterable: Any, instr: Instr, loop: Callable) -> Exit | None:
        """A loop over lists: none of them may change its length meanwhile."""
        before = [(cell, self.length_of(cell)) for cell in cells_of(iterable)]
        exit = loop()
        if any(self.length_of(cell) != length for cell, length in before):
            raise self.refuse(instr.where, "a list that changes while it is walked")
        return exit

    def length_of(self, cell: Any) -> Any:
        held = self.state.memory.get(cell)
        if isinstance(held, Rows):
            return [self.length_of(column.cell) for column in held.columns]
        if isinstance(held, Plain):  # a new version was appended to or stored into
            return held.value
        return len(held) if held is not None else None

    def unrolled(self, instr: Instr, length: int, item: Callable[[Ref], Ref]) -> Exit | None:
        body, orelse = instr.blocks
        for i in range(length):
            self.temporaries[-1][body.params[0]] = item(Known(i))
            self.depth += 1
            try:
                exit = self.run(body)
            finally:
                self.depth -= 1
            if exit is None or exit.cont is True:
                continue
            if exit.dead:
                return exit
            if exit.left is True:
                return self.finished(exit, instr.where)
            if exit.left is False:  # only `continue`, on some paths
                continue
            # Some paths have left: what follows runs under a flag, as after an `if`.
            rest = Block((), [Instr("unrolled", (instr, i + 1, length, item))], ())
            left = self.guarded(exit._replace(cont=False, away=exit.left), rest, 0, instr.where)
            return self.finished(left, instr.where)
        return self.run(orelse)

    def finished(self, exit: Exit, where: Any) -> Exit | None:
        """After a loop, its breaks are over."""
        return self.leaving(exit._replace(brk=False, cont=False), where)

    def do_unrolled(self, marker: Instr) -> Exit | None:
        instr, start, length, item = marker.args
        return self.unrolled(instr, length - start, lambda i: item(Known(i.obj + start)))

    def do_while(self, instr: Instr) -> Exit | None:
        if instr not in self.rewritten:
            undo, depth = self.snapshot(), len(self.temporaries)
            try:
                return self.loop(instr, None, None)
            except ChangingTest:
                undo()
                del self.temporaries[depth:]
                self.rewritten[instr] = tested_inside(instr)
        return self.run(self.rewritten[instr])

    def loop(self, instr: Instr, bounds: tuple | None, item: Callable | None) -> Exit | None:
        """A `for` or `while` that stays a region."""
        state, count, depth = self.state, len(self.instrs), len(self.temporaries)
        try:
            return Loop(self, instr, bounds, item).run()
        except Bottom:  # as if it had no steps
            self.state = state
            del self.instrs[count:], self.temporaries[depth:]
            return None

    # ------------------------------------------------------------------ results

    def read_output(self, ref: Any) -> tuple[Any, Any]:
        """What the function returns, taken apart, and as it is returned: objects are made."""
        if isinstance(ref, Missing):
            raise self.refuse(self.where, ref.why)
        self.returned(ref, self.where)
        if not self.has_objects(ref):
            tree = self.output(ref, self.where)
            return tree, tree
        return self.apart(ref, self.where), self.made(ref, self.where, {})


class Frame(NamedTuple):
    """One running call."""

    number: int
    parsed: Any
    lowered: Lowered
    outer: int  # the frame of the enclosing function, -1 for none
    internal: bool  # a rule's body: its names are not the user's
    uncertain: int = 0  # run-time values that decide whether the call is made
    made: int = 0  # instructions of the block before the call
    outline: Any = None  # of the arguments: the form of the containers in them


# ---------------------------------------------------------------------------- small helpers


def wrap(tree: Any) -> Any:
    """An IR tree as a reference to read: the inverse of `read` for what has been read."""
    if ref_like(tree):
        return tree
    if isinstance(tree, Value):
        return Plain(tree)
    if isinstance(tree, Slice):
        return Slice(*(None if p is None else wrap(p) for p in tree))
    if isinstance(tree, tuple):
        return Tuple(tuple(wrap(t) for t in tree))
    return Known(tree)


def negated(run: Specializer, value: Any, where: Any) -> Any:
    return run.read(run.apply(operator.neg, (wrap(value),), {}, where), where)


def leaf_inexact(tree: Any) -> bool:
    kind = tree.kind if isinstance(tree, Value) else kind_of(tree)
    return kind.numeric and kind.dtype.kind != "b" and not (kind.dtype.kind == "u")


def cells_of(ref: Any) -> list:
    """The lists that a loop walks."""
    if isinstance(ref, List):
        return [ref.cell]
    if isinstance(ref, Iterator):
        return [c for part in ref.parts for c in cells_of(part)]
    return []


def has_self(parsed: Any) -> bool:
    return parsed.bound_self is not MISSING


def captured(result: Any, memory: dict, number: int) -> bool:
    """Whether a returned closure still reads the frame's names."""
    if isinstance(result, Function):
        return result.frame == number or result.frame >= 0
    if isinstance(result, Either):
        return captured(result.then, memory, number) or captured(result.other, memory, number)
    if isinstance(result, Tuple):
        return any(captured(r, memory, number) for r in result.items)
    if isinstance(result, (List, Dict, Object)):
        held = memory.get(result.cell, ())
        held = held.values() if isinstance(held, dict) else held
        held = held.columns if isinstance(held, Rows) else held
        return not isinstance(held, Plain) and any(captured(r, memory, number) for r in held)
    return False


def last_uses(block: Block) -> dict[int, list[Value]]:
    last: dict[Value, int] = {}
    own = {r for instr in block.instrs for r in instr.results} | set(block.params)
    for i, instr in enumerate(block.instrs):
        for value in instr.reads:
            if value in own:  # what an enclosing block defines may be read at a later step
                last[value] = i
    final = set(flatten(block.results))
    uses: dict[int, list[Value]] = {}
    for value, i in last.items():
        if value not in final:
            uses.setdefault(i, []).append(value)
    return uses


_sizes: dict[Block, int] = {}


def size(block: Block) -> int:
    """The number of operations in a lowered block."""
    found = _sizes.get(block)
    if found is None:
        skipped = ("load", "store", "tuple", "getattr")
        found = _sizes[block] = sum(
            (i.op not in skipped) + sum(size(b) for b in i.blocks) for i in block.instrs
        )
    return found
