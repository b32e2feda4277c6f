"""Helpers that are compiled by themselves: what calls itself for as long as run-time values say.

    def f(x, n):                           y, pull_f = f_vjp(x, n)       # in the caller
        if n == 0:                         …
            return x                 →     d_x = pull_f(d_y)             # in its adjoint
        return np.sin(f(x, n - 1))

A `Half` is one such helper for one form of its arguments: numbers and arrays become parameters,
and so do those that a nested function reads of the functions around it; all else is known. What it
returns is found by running it again until that settles: at first a call of itself is a path that
is not taken (`Bottom`). Its forward half returns the value and the backward half, `pull`, which is
called at most once. An argument that is written, and a name of an outer function (`nonlocal`), is
one more result, and so is what a list, a dict or an object holds that is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from srcdiff.transforms.activity import active
from srcdiff.transforms.ir import (
    Block,
    Instr,
    Value,
    flatten,
    leaf_kind,
    substitute_block,
    walk,
)
from srcdiff.transforms.kinds import (
    OBJECT,
    Kind,
    Size,
    fresh_size,
    join,
    loose_sizes,
    proven_not_one,
)  # fmt: skip
from srcdiff.transforms.lower import Lowered
from srcdiff.transforms.mutation import Memory, promote
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Bound,
    Buffer,
    Cell,
    Dict,
    Fields,
    Function,
    Known,
    List,
    Method,
    Missing,
    Object,
    Plain,
    Rows,
    State,
    Storage,
    Tuple,
    buffers_of,
)  # fmt: skip
from srcdiff.transforms.references import (
    Iterator as Iterated,
)

DEPTH = 40  # of calls that are written out inside each other
MOST = 300  # instructions that a recursion of known depth may be written out to
FORMS = 12  # of the arguments of one helper


class Bottom(Exception):
    """A call of a helper of which nothing is known yet: this path is not taken."""


class NeedsHalves(Exception):
    """A function that calls itself must be compiled by itself: start again, knowing that."""

    def __init__(self, lowered: Lowered | None):
        self.lowered = lowered


class Separate:
    """What is known of the helpers that are compiled by themselves, from one attempt to the next.

    functions   which they are
    kinds       helper and form of its arguments → the kinds of its parameters
    lengths     (helper, number of a list in its arguments): it changes the length of that list
    """

    def __init__(self) -> None:
        self.functions: set[Lowered] = set()
        self.lengths: set[tuple[Lowered, int]] = set()
        self.kinds: dict[Any, list[Kind]] = {}


class Half:
    """A helper that is compiled by itself, for one form of its arguments.

    name      of the function
    params    a value for each number and array that it is given
    block     its linear IR; the results are the numbers and arrays that it returns
    kinds     of these
    form      how what it returns is made of them, and what it changes: (value, names of outer
              functions, positions of the arguments that it writes); None while nothing is known
    shares    what it returns may share memory with its arguments
    active    the positions of the parameters that gradients are wanted of
    """

    def __init__(self, name: str, number: int):
        self.name = name
        self.number = number
        self.params: list[Value] = []
        self.block: Block | None = None
        self.kinds: list[Kind] = []
        self.form: Any = None
        self.shares = False
        self.running = self.changed = False
        self.lengths: list[int | None] = []  # of the lists in its arguments
        self.wanted: list[Kind] = []
        self.active: set[int] = set()
        self.effect = False

    @property
    def __name__(self) -> str:
        return f"{self.name}_vjp" if self.active else self.name

    @property
    def with_cotangent(self) -> list[int]:
        """The positions of the results that have a cotangent."""
        return [i for i, kind in enumerate(self.kinds) if has_cotangent(kind)]

    def __call__(self, *args: Any) -> Any:
        raise TypeError(f"{self.__name__} is not compiled yet")


class Pushed(Half):
    """A helper with its tangents, `f_jvp`: it is called as a whole, and has no pullback.

        y, y_dot = f_jvp(x, n, x_dot)

    moving    the positions of the parameters that have a tangent: it follows the parameters
    with_dot  the positions of the results that have one: it follows the results
    """

    def __init__(self, half: Half):
        super().__init__(half.name, half.number)
        self.of = half
        self.kinds, self.effect = half.kinds, half.effect
        self.shares = True  # the tangent of `x + 1` is that of x
        self.moving = sorted(half.active)
        self.with_dot = half.with_cotangent
        dots = (half.params[i] for i in self.moving)
        self.params = [*half.params, *(Value(f"{p.name}_dot", p.kind, True) for p in dots)]

    @property
    def __name__(self) -> str:
        return f"{self.name}_jvp"


class PushedTwice(Pushed):
    """A helper with its adjoint, and the tangents of both.

        y, y_dot, pull = f_vjp(x, n, x_dot)
        d_x, d_x_dot = pull(d_y, d_y_dot)

    cotangents  the parameters of its pullback
    """

    def __init__(self, half: Half, cotangents: list[Value]):
        super().__init__(half)
        dots = [Value(f"{d.name}_dot", d.kind, True) for d in cotangents]
        self.cotangents = [*cotangents, *dots]
        self.active = set(range(2 * len(self.moving)))  # as many gradients are returned

    @property
    def __name__(self) -> str:
        return f"{self.name}_vjp"


class Leaves(list):
    """The numbers and arrays that were found in references, and the lists, dicts and objects."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.refs: list[Any] = []


class Leaf(NamedTuple):
    """A number or an array in the arguments of a helper."""

    ref: Any
    name: str


class Halves(Memory):
    """Calls of helpers that are compiled by themselves."""

    separate: Separate
    halves: dict[Any, Half]
    base: int  # the frame at which the helper that is being compiled begins
    guesses: int  # helpers of which nothing is known yet
    made: list | None = None  # the lists, dicts and objects that are made of a form
    given_cells: list | None = None  # those of a helper, while what it returns is described
    tries: list  # see `exceptions`
    consumers: list
    facts: dict

    def check_recursion(self, lowered: Lowered, args: dict, internal: bool) -> None:
        """A function that calls itself is written out where its end is in sight.

        That is where each call is given another structure, or where no run-time value decides
        whether it is made, as long as there are few of them.
        """
        running = [f for f in self.frames[self.base :] if f.lowered is lowered]
        deep = len(self.frames) >= DEPTH
        if not running:
            if deep:
                raise self.refuse(self.where, f"a call of `{lowered.name}` so deep inside others")
            return
        outline = self.outline(args)
        other = all(f.outline != outline for f in running)
        grown = len(self.instrs) - running[0].made
        if other and (deep or grown > 20 * MOST) or internal:
            raise self.refuse(self.where, f"the recursive function `{lowered.name}`",
                              "Write the recursion as a loop.")  # fmt: skip
        if other or self.uncertain == running[-1].uncertain and not deep and grown <= MOST:
            return
        raise NeedsHalves(lowered)

    def outline(self, ref: Any) -> Any:
        """The form of the containers, and the constants that are no numbers, in a reference."""
        if isinstance(ref, dict):
            return tuple((key, self.outline(inner)) for key, inner in ref.items())
        if isinstance(ref, Tuple):
            return ("tuple", *map(self.outline, ref.items))
        if isinstance(ref, (List, Dict)):
            held = self.state.memory.get(ref.cell, ())
            if isinstance(held, dict):
                return ("dict", self.outline(held))
            return "list" if isinstance(held, (Plain, Rows)) else ("list", *map(self.outline, held))
        if isinstance(ref, Known) and type(ref.obj) in (bool, str, type(None)):
            return ref.obj
        return None

    # ------------------------------------------------------------------ a call

    def half_call(self, parsed: Any, lowered: Lowered, args: dict, outer: int) -> Any:
        """`y, pull_f = f_vjp(x, n)`: the reference to what it returns."""
        where = self.where
        around = self.captured(lowered, outer, args.values())
        while True:
            leaves = Leaves()
            given = {name: self.form_of(ref, leaves, name) for name, ref in args.items()}
            seen = {key: self.form_of(ref, leaves, key[1]) for key, ref in around.items()}
            cells = [cell for i, cell in enumerate(leaves.cells)
                     if (lowered, i) in self.separate.lengths
                     and type(self.state.memory[cell]) is tuple]  # fmt: skip
            if not cells:
                break
            for cell in cells:
                self.state.memory[cell] = self.sequence(self.state.memory[cell], cell, where)
        self.check_outside(lowered)
        trees = [self.read(leaf.ref, where) for leaf in leaves]
        kinds = [leaf_kind(tree)._replace(size=None) for tree in trees]
        form = (lowered, outer, tuple(given.items()), tuple(seen.items()))
        half = self.halves.get(form)
        if half is None:
            self.check_lengths(lowered, leaves)
            if sum(key[0] is lowered for key in self.halves) >= FORMS:
                raise self.refuse(
                    where, f"the recursive function `{lowered.name}`, whose arguments change their "
                    "form from call to call,", "Write the recursion as a loop.")  # fmt: skip
            half = self.halves[form] = Half(function_name(lowered.name), len(self.halves))
            half.wanted = self.separate.kinds.setdefault(form, kinds)
            half.lengths = self.lengths_of(leaves)
        wider = [k if fits_into(now, k) else widened(k, now) for k, now in zip(half.wanted, kinds)]
        if wider != half.wanted:
            half.wanted = self.separate.kinds[form] = wider
            half.changed = True
            if not half.running and half.block is not None:
                raise NeedsHalves(None)  # other calls rely on what it was
        if half.block is None and not half.running:
            try:
                self.compile_half(half, parsed, lowered, given, seen, leaves, outer)
            except BaseException:
                self.halves.pop(form, None)
                raise
        if half.form is None:
            raise Bottom
        return self.called(half, leaves, trees, where)

    def lengths_of(self, leaves: Leaves) -> list[int | None]:
        held = [self.state.memory[cell] for cell in leaves.cells]
        return [len(h) if type(h) is tuple else None for h in held]

    def check_lengths(self, lowered: Lowered, leaves: Leaves) -> None:
        """A list whose length changes from call to call has a length known only at run time."""
        now = self.lengths_of(leaves)
        for key, half in self.halves.items():
            if key[0] is not lowered or not half.running or len(half.lengths) != len(now):
                continue
            found = {(lowered, i) for i, (a, b) in enumerate(zip(half.lengths, now))
                     if a != b and None not in (a, b)}  # fmt: skip
            if found:
                self.separate.lengths |= found
                raise NeedsHalves(None)

    def called(self, half: Half, leaves: Leaves, trees: list, where: Any) -> Any:
        name = half.name
        known = {
            dim.base for kind in half.wanted for dim in kind.shape or ()
            if isinstance(dim, Size) and not dim.base.startswith("?")
        }  # fmt: skip
        results = [Value(name, named_sizes(kind, known)) for kind in half.kinds]
        pull = Value(f"pull_{name}", OBJECT)
        self.instrs.append(Instr(half, tuple(trees), None, (*results, pull), (),
                                 {"effect": True, "half": True}, where))  # fmt: skip
        refs = [self.fresh(value) for value in results]
        if half.shares:
            near = {b for leaf in leaves for b in buffers_of(leaf.ref, self.state.memory)}
            for ref in refs:
                if isinstance(ref, Array):
                    for other in near:
                        self.may_alias(ref.buffer, other)
                    near.add(ref.buffer)
        made = iter(refs)

        def leaf(form: Any) -> Any:
            if form[0] == "cell":
                return leaves.refs[form[1]]
            return leaves[form[1]].ref if form[0] == "argument" else next(made)

        value, outer, held, writes = half.form
        result = self.put_together(value, leaf)
        changed = [(key, self.put_together(form, leaf)) for key, form in outer]
        for i, form in held:
            self.leave_changed(leaves.cells, i, self.put_together(form, leaf), where)
        self.check_apart(leaves, writes, where)
        for i, ref in zip(writes, made):
            self.write_back(leaves[i].ref, ref, where)
        self.state.env.update(changed)
        return result

    def leave_changed(self, cells: list[Cell], i: int, made: Any, where: Any) -> None:
        """A list, a dict or an object of the caller's as its helper has left it."""
        cell = cells[i]
        if cell in self.outside_cells:
            raise self.refuse(where, f"a recursive function that changes `{cell.name}`, which lies "
                              "outside,")  # fmt: skip
        self.state.memory[cell] = made if isinstance(made, Plain) else self.state.memory[made.cell]
        self.written.add(cell)

    def check_apart(self, leaves: Leaves, writes: tuple, where: Any) -> None:
        """Refuse a helper that writes an array which it is given twice, in one way or another."""
        memory = self.state.memory
        for i in writes:
            own = buffers_of(leaves[i].ref, memory)
            near = own | {b for pair in self.aliases if own & {*pair} for b in pair}
            others = {b for k, leaf in enumerate(leaves) if k != i
                      for b in buffers_of(leaf.ref, memory)}  # fmt: skip
            if near & others:
                raise self.refuse(
                    where, f"a recursive function that writes `{leaves[i].name}` and is given its "
                    "memory twice", "Give it a copy (`.copy()`).")  # fmt: skip

    def write_back(self, ref: Any, new: Any, where: Any) -> None:
        """An argument as its helper has left it."""
        if not isinstance(ref, Array):
            raise self.refuse(where, "a recursive function that writes one of several arrays")
        value = self.read(new, where)
        if ref.path:
            place, key = self.target(ref)
            self.write(place, key, value, where)
        else:
            self.replace(ref.buffer, value, where)

    # ------------------------------------------------------------------ forms of references

    def form_of(self, ref: Any, leaves: Leaves, name: str) -> Any:
        """What is known of a reference; the numbers and arrays in it are added to `leaves`."""
        if isinstance(ref, (List, Dict, Object)):
            given = leaves.cells if self.given_cells is None else self.given_cells
            if ref.cell in given:
                return ("cell", given.index(ref.cell))
        if isinstance(ref, Plain) or isinstance(ref, Known) and type(ref.obj) in (
            int, float, complex
        ) or isinstance(ref, ARRAYS):  # fmt: skip
            leaves.append(Leaf(ref, name))
            kind = self.kind(ref)
            return ("leaf", kind.tag, kind.dtype, kind.rank)
        if isinstance(ref, Known):
            simple = isinstance(ref.obj, (bool, str, bytes, type(None)))
            if not simple:
                self.keep.append(ref.obj)
            return ("known", type(ref.obj), ref.obj if simple else Held(ref))
        if isinstance(ref, Tuple):
            items = enumerate(ref.items)
            return ("tuple", ref.cls, *(self.form_of(r, leaves, f"{name}_{i}") for i, r in items))
        if isinstance(ref, Object):
            held = self.state.memory[ref.cell].items()
            fields = tuple((k, self.form_of(r, leaves, k)) for k, r in held)
            self.note_cell(leaves, ref)
            return ("object", ref.cls, ref.cell.name, fields)
        if isinstance(ref, Method):
            return ("method", self.form_of(ref.function, leaves, name),
                    self.form_of(ref.ref, leaves, name))  # fmt: skip
        if isinstance(ref, List):
            held = self.held(ref)
            if isinstance(held, Plain):
                leaves.append(Leaf(ref, name))
                self.note_cell(leaves, ref)
                return ("leaf", "list")
            items = [self.form_of(r, leaves, f"{name}_{i}") for i, r in enumerate(held)]
            self.note_cell(leaves, ref)
            return ("list", *items)
        if isinstance(ref, Dict):
            pairs = [(key, self.form_of(r, leaves, f"{name}_{key}"))
                     for key, r in self.held(ref).items()]  # fmt: skip
            self.note_cell(leaves, ref)
            return ("dict", *pairs)
        if isinstance(ref, Function):
            defaults = tuple(
                (n, self.form_of(r, leaves, n)) for n, r in ref.defaults.items()
            )  # fmt: skip
            bound = None if ref.bound is None else self.form_of(ref.bound, leaves, "self")
            return ("function", ref.lowered, ref.frame, defaults, bound)
        if isinstance(ref, Bound) and not isinstance(ref.ref, tuple):
            return ("bound", ref.name, self.form_of(ref.ref, leaves, name))
        if isinstance(ref, Iterated):
            return ("iterator", ref.kind, *(self.form_of(r, leaves, name) for r in ref.parts))
        if isinstance(ref, Missing):
            return ("missing", ref.why)
        raise self.refuse(self.where, "this argument of a recursive function")

    def note_cell(self, leaves: Leaves, ref: Any) -> None:
        leaves.cells.append(ref.cell)
        leaves.refs.append(ref)

    def put_together(self, form: Any, leaf: Callable[[Any], Any]) -> Any:
        """A reference of a form; its lists, dicts and objects are noted in `made`."""
        ref = self.built(form, leaf)
        if form[0] in ("list", "dict", "object") and self.made is not None:
            self.made.append(ref)
        return ref

    def built(self, form: Any, leaf: Callable[[Any], Any]) -> Any:
        """A reference of a form; `leaf` makes the references to its numbers and arrays."""
        kind, *parts = form
        if kind == "leaf":
            return leaf(form)
        if kind == "known":
            obj = parts[1]
            return obj.ref if isinstance(obj, Held) else Known(obj)
        if kind == "tuple":
            return Tuple(tuple(self.put_together(p, leaf) for p in parts[1:]), parts[0])
        if kind in ("argument", "cell"):
            return leaf(form)
        if kind == "object":
            cls, name, fields = parts
            held = Fields(name)
            self.state.memory[held] = {k: self.put_together(p, leaf) for k, p in fields}
            return Object(held, cls)
        if kind == "method":
            return Method(*(self.put_together(p, leaf) for p in parts))
        if kind == "list":
            return self.new_list(tuple(self.put_together(p, leaf) for p in parts))
        if kind == "dict":
            cell = Cell()
            self.state.memory[cell] = {k: self.put_together(p, leaf) for k, p in parts}
            return Dict(cell)
        if kind == "function":
            lowered, frame, defaults, bound = parts
            made = {n: self.put_together(p, leaf) for n, p in defaults}
            self_ = None if bound is None else self.put_together(bound, leaf)
            return Function(lowered, made, frame, self_)
        if kind == "bound":
            return Bound(self.put_together(parts[1], leaf), parts[0])
        if kind == "iterator":
            return Iterated(parts[0], tuple(self.put_together(p, leaf) for p in parts[1:]))
        return Missing(parts[0])

    def captured(self, lowered: Lowered, outer: int, given: Iterable[Any]) -> dict[tuple, Any]:
        """What a nested function, and those that it calls, read of the functions around them."""
        found: dict[tuple, Any] = {}
        todo = [(lowered, outer)]
        todo += [(f.lowered, f.frame) for ref in given for f in self.functions_in(ref)]
        done = set()
        while todo:
            inner, number = todo.pop()
            if (inner, number) in done:
                continue
            done.add((inner, number))
            for name in names_read(inner):
                frame = self.frame_of(number)
                while frame is not None and name not in frame.lowered.local:
                    frame = self.frame_of(frame.outer)
                if frame is None or (frame.number, name) in found:
                    continue
                ref = self.state.env.get((frame.number, name))
                if ref is not None:
                    found[frame.number, name] = ref
                    todo += [(f.lowered, f.frame) for f in self.functions_in(ref)]
        return found

    def functions_in(self, ref: Any) -> Iterator[Function]:
        if isinstance(ref, Function):
            yield ref
            for default in ref.defaults.values():
                yield from self.functions_in(default)
        elif isinstance(ref, (Tuple, List, Dict)):
            held = ref.items if isinstance(ref, Tuple) else self.held(ref)
            held = held.columns if isinstance(held, Rows) else held
            if not isinstance(held, Plain):
                for inner in held.values() if isinstance(held, dict) else held:
                    yield from self.functions_in(inner)

    # ------------------------------------------------------------------ compiling one

    def compile_half(self, half: Half, parsed: Any, lowered: Lowered, given: dict, seen: dict,
                     leaves: Leaves, outer: int) -> None:  # fmt: skip
        """Run the helper's body until what it returns, and what it is given, settles."""
        saved = (self.state, self.instrs, self.base, self.guesses, self.regions, self.where,
                 self.uncertain)  # fmt: skip
        around = self.tries, self.consumers, self.facts  # nothing of it reaches inside
        self.tries, self.consumers, self.facts = [], [], {}
        half.running = True
        try:
            for _ in range(16):
                before = set(self.halves)
                half.changed = False
                half.params = [Value(leaf.name, kind, True) for leaf, kind in
                               zip(leaves, half.wanted)]  # fmt: skip
                self.state, self.instrs = State({}, Storage(self.outside_versions)), []
                self.base, self.regions = len(self.frames), saved[4] + 1
                self.uncertain = saved[6] + 1
                self.guesses = saved[3] + (half.form is None)
                found = self.run_half(half, parsed, lowered, given, seen, outer)
                if not half.changed and found == (half.form, half.kinds):
                    return
                half.form, half.kinds = found
                for key in set(self.halves) - before:  # they were made with other assumptions
                    del self.halves[key]
            raise self.refuse(saved[5], f"the recursive function `{lowered.name}`: the kinds of "
                              "what it returns never settle")  # fmt: skip
        finally:
            half.running = False
            self.made = self.given_cells = None
            (self.state, self.instrs, self.base, self.guesses, self.regions,
             self.where, self.uncertain) = saved  # fmt: skip
            self.tries, self.consumers, self.facts = around
            for buffer, value in self.outside_versions.items():
                self.state.memory.setdefault(buffer, value)

    def run_half(self, half: Half, parsed: Any, lowered: Lowered, given: dict, seen: dict,
                 outer: int) -> tuple:  # fmt: skip
        params = iter(half.params)
        mine: dict[int, Buffer] = {}

        def leaf(form: Any) -> Any:
            if form[0] == "cell":
                return made[form[1]]
            value = next(params)
            if value.kind.tag == "list":
                cell = Cell(value.name)
                self.state.memory[cell] = Plain(value)
                made.append(List(cell))
                return made[-1]
            ref = self.fresh(value, origin="argument")
            if isinstance(ref, Array):
                mine[half.params.index(value)] = ref.buffer
            return ref

        made: list[Any] = []
        self.made = made
        args = {name: self.put_together(form, leaf) for name, form in given.items()}
        for key, form in seen.items():
            self.state.env[key] = self.put_together(form, leaf)
        self.made = None
        cells = [ref.cell for ref in made]
        before = self.state.copy()
        written = set(self.written)
        try:
            result = self.body(parsed, lowered, args, outer, separate=True)
        except Bottom:
            raise self.refuse(self.where, f"the recursive function `{lowered.name}` never "
                              "returns") from None  # fmt: skip
        self.check_outside(lowered)
        now = self.written - written
        _, outer_before, held_before, writes_before = half.form or ((), (), (), ())
        held = self.changed_cells(lowered, cells, before, dict(held_before))
        writes = tuple(i for i, b in mine.items() if b in now or i in writes_before)
        changed = dict(outer_before)
        changed |= {key: None for key, ref in before.env.items()
                    if self.state.env.get(key, ref) != ref}  # fmt: skip
        leaves = Leaves()
        places = {buffer: i for i, buffer in mine.items()}

        def form_of(ref: Any) -> Any:
            if isinstance(ref, Array) and not ref.path and ref.buffer in places:
                return ("argument", places[ref.buffer])
            if isinstance(ref, Tuple):
                return ("tuple", ref.cls, *map(form_of, ref.items))
            return self.form_of(ref, leaves, half.name)

        self.given_cells = cells
        value = form_of(result)
        changes = tuple((key, form_of(self.state.env[key])) for key in changed)
        contents = tuple((i, self.contents_of(cells[i], leaves)) for i in held)
        self.given_cells = None
        if len(set(leaves.cells)) < len(leaves.cells):
            raise self.refuse(self.where, f"the recursive function `{lowered.name}` returns a list "
                              "or an object twice,", "Return a copy of it.")  # fmt: skip
        found: Any = value, changes, contents, writes
        leaves += [Leaf(Array(mine[i]), half.params[i].name) for i in writes]
        trees = [self.read(one.ref, self.where) for one in leaves]
        half.shares = self.shared([one.ref for one in leaves[: len(leaves) - len(writes)]],
                                  list(mine.values()))  # fmt: skip
        known = {value for instr in self.prologue for value in instr.results}
        block = Block(tuple(half.params), self.instrs, tuple(trees))
        self.check_own_arrays(lowered, block)
        head = [i for i in self.prologue if any(v in known and v in block.free for v in i.results)]
        block = own_globals(block, head)
        half.block = block
        half.effect = any(i.effect and not i.attrs.get("half") for i in walk(block))
        kinds = [leaf_kind(tree)._replace(size=None) for tree in trees]
        kinds = [canonical(kind, half.number, i) for i, kind in enumerate(kinds)]
        if half.form == found and len(half.kinds) == len(kinds):
            kinds = [joined(a, b) for a, b in zip(half.kinds, kinds)]
            kinds = [canonical(kind, half.number, i) for i, kind in enumerate(kinds)]
        return found, kinds

    def check_own_arrays(self, lowered: Lowered, block: Block) -> None:
        """Refuse what reads or writes an array from outside that the function writes, and what
        reads what is differentiated by there."""
        wanted = [v for way in self.wanted_outside for v in flatten(self.outside_tree(*way))]
        for value in wanted:
            if value in block.free:
                raise self.refuse(
                    self.where, f"the recursive function `{lowered.name}`, which reads "
                    f"`{value.name}` outside that is differentiated by,",
                    "Pass it as an argument.")  # fmt: skip
        for buffer in self.own_array:
            version = self.outside_versions[buffer]
            if version in block.free or self.state.memory.get(buffer, version) is not version:
                raise self.refuse(
                    self.where, f"the recursive function `{lowered.name}`, while "
                    f"`{buffer.name}`, which lies outside, is written,",
                    "Pass it as an argument.")  # fmt: skip

    def check_outside(self, lowered: Lowered) -> None:
        """Refuse what would have to see a list or dict from outside that has been changed."""
        for key, held in self.outside.items():
            if isinstance(key, tuple) and key[0] == "held":
                now = self.state.memory.get(key[1], held)
                if now is not held and now != held:
                    raise self.refuse(
                        self.where, f"the recursive function `{lowered.name}`, while "
                        f"`{key[1].name}`, which lies outside, is changed,",
                        "Pass it as an argument.")  # fmt: skip

    def changed_cells(self, lowered: Lowered, cells: list[Cell], before: State,
                      known: dict[int, Any]) -> list[int]:  # fmt: skip
        """Which of the caller's lists, dicts and objects are changed."""
        found = []
        for i, cell in enumerate(cells):
            then, now = before.memory[cell], self.state.memory.get(cell)
            if now is None or isinstance(now, Missing):
                raise self.refuse(self.where, f"the recursive function `{lowered.name}` changes "
                                  f"`{cell.name}`, which is not its own,")  # fmt: skip
            if now == then and i not in known:
                continue
            if type(then) is tuple and (isinstance(now, Plain) or len(now) != len(then)):
                self.separate.lengths.add((lowered, i))
                raise NeedsHalves(None)
            found.append(i)
        return found

    def contents_of(self, cell: Cell, leaves: Leaves) -> Any:
        """The form of what a list, a dict or an object holds now."""
        held = self.state.memory[cell]
        if isinstance(held, Plain):
            leaves.append(Leaf(List(cell), cell.name))
            return ("leaf", "list")
        if isinstance(held, dict):
            pairs = [(k, self.form_of(r, leaves, str(k))) for k, r in held.items()]
            return ("dict", *pairs)
        return ("list", *(self.form_of(r, leaves, cell.name) for r in held))

    def shared(self, refs: list, mine: list[Buffer]) -> bool:
        """Whether returned arrays may share memory with arguments, or with each other."""
        near = set(mine)
        for ref in refs:
            own = buffers_of(ref, self.state.memory)
            found = own | {b for pair in self.aliases if own & {*pair} for b in pair}
            if found & near:
                return True
            near |= own
        return False


class Held:
    """A known reference in a form: equal to one of the same object."""

    def __init__(self, ref: Known):
        self.ref = ref

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.ref.obj is other.ref.obj

    def __hash__(self) -> int:
        return id(self.ref.obj)


def function_name(name: str) -> str:
    return name if name.isidentifier() else "fn"


_read: dict[Lowered, tuple[str, ...]] = {}


def names_read(lowered: Lowered) -> tuple[str, ...]:
    """The names of outer functions, or of modules, that a function and those in it read."""
    found = _read.get(lowered)
    if found is None:
        names: dict[str, None] = {}
        for instr in walk(lowered.body):
            if instr.op in ("load", "store", "delete"):
                names[instr.args[0]] = None
            elif instr.op == "function":
                names |= dict.fromkeys(names_read(instr.attrs["lowered"]))
        found = _read[lowered] = tuple(n for n in names if n not in lowered.local)
    return found


def own_globals(block: Block, head: list[Instr]) -> Block:
    """The block with the globals that it reads read by itself."""
    env: dict[Value, Any] = {}
    instrs = []
    for instr in head:
        new = instr.replace(results=tuple(v.like() for v in instr.results))
        env.update(zip(instr.results, new.results))
        instrs.append(new)
    if not env:
        return block
    inner = substitute_block(Block((), block.instrs, block.results), env)
    return Block(block.params, (*instrs, *inner.instrs), inner.results)


# ---------------------------------------------------------------------------- kinds


def fits_into(now: Kind, kind: Kind) -> bool:
    """Whether a value of kind `now` may be given to a parameter of kind `kind`."""
    if now == kind:
        return True
    if now.tag == kind.tag == "scalar":
        return kind.python is None
    if now.tag == kind.tag == "list":
        return loose_sizes(join(kind, now)) == loose_sizes(kind)
    if now.tag == kind.tag == "array":
        return all(
            a == b or is_any(a) and (proven_not_one(b) or not a.not_one)
            for a, b in zip(kind.shape, now.shape)
        )
    return False


def is_any(dim: Any) -> bool:
    """A size that was widened already."""
    return isinstance(dim, Size) and dim.base.startswith("?") and not dim.minus


def widened(kind: Kind, now: Kind) -> Kind:
    found = join(kind, now)
    return kind if found.tag == "object" else found


def joined(a: Kind, b: Kind) -> Kind:
    """The kind of what is returned, if it was a before; b where they do not agree."""
    found = join(a, b)
    if found.tag != "object":
        return found
    if a.tag == b.tag == "scalar":
        return promote(a, b) or b
    return b


def canonical(kind: Kind, number: int, leaf: int) -> Kind:
    """Sizes that belong to one run of a body, named by their place."""
    if kind.shape is None:
        return kind
    return kind._replace(shape=tuple(
        Size(f"?{number}r{leaf}.{axis}", 0, proven_not_one(dim))
        if isinstance(dim, Size) and dim.base.startswith("?") else dim
        for axis, dim in enumerate(kind.shape)
    ))  # fmt: skip


def named_sizes(kind: Kind, known: set[str]) -> Kind:
    """A kind as a caller may see it: sizes that mean nothing to it are new ones."""
    if kind.shape is None:
        return kind
    return kind._replace(shape=tuple(
        dim if isinstance(dim, int) or dim.base in known
        else fresh_size()._replace(not_one=proven_not_one(dim))
        for dim in kind.shape
    ))  # fmt: skip


# ---------------------------------------------------------------------------- all of a program


def reached(block: Block) -> list[Half]:
    """The helpers that a program calls, directly or not, those that are called first."""
    found: dict[Half, None] = {}
    todo = [block]
    while todo:
        for instr in walk(todo.pop()):
            if instr.attrs.get("half") and instr.op not in found:
                found[instr.op] = None
                todo.append(instr.op.block)
    return list(found)


def find_active(block: Block, wrt: Iterable[Value], outputs: Iterable[Value]) -> None:
    """Find of which parameters of each helper gradients are wanted, and which have effects."""
    halves = reached(block)
    changed = True
    while changed:
        changed = False
        for half in halves:
            calls = [i.op for i in walk(half.block) if i.attrs.get("half")]
            if not half.effect and any(each.effect for each in calls):
                half.effect = changed = True
    for half in halves:
        half.active = set()
    todo: list[tuple[Block, Iterable, Iterable]] = [(block, wrt, outputs)]
    while todo:
        block, inputs, results = todo.pop()
        found = active(block, inputs, results)
        for instr in walk(block):
            if not instr.attrs.get("half") or not any(r in found for r in instr.results[:-1]):
                continue
            half = instr.op
            at = {i for i, arg in enumerate(instr.args) if isinstance(arg, Value) and arg in found}
            if at - half.active:
                half.active |= at
                todo.append((half.block, [half.params[i] for i in sorted(half.active)],
                             seeded(half.block)))  # fmt: skip


def seeded(block: Block) -> list[Value]:
    """The results of a helper that have a cotangent."""
    return list(dict.fromkeys(v for v in flatten(block.results) if has_cotangent(v.kind)))


def finished_calls(block: Block) -> Block:
    """Calls without the pullback that nobody wants, and marked if they must run once."""
    instrs = []
    for instr in block.instrs:
        if instr.attrs.get("half"):
            results = instr.results if instr.op.active else instr.results[:-1]
            attrs = {k: v for k, v in instr.attrs.items() if k != "effect" or instr.op.effect}
            instr = instr.replace(results=results, attrs=attrs)
        elif instr.blocks:
            blocks = tuple(map(finished_calls, instr.blocks))
            if blocks != instr.blocks:
                instr = instr.replace(blocks=blocks)
        instrs.append(instr)
    return block if tuple(instrs) == block.instrs else Block(block.params, instrs, block.results)


def has_cotangent(kind: Kind) -> bool:
    """Whether a result of this kind may carry a derivative."""
    floats = kind.tag == "list" and (not kind.items or kind.items[0].inexact)
    return kind.inexact or floats
