"""Loops that stay regions: which names, buffers and lists a step carries to the next.

The body is run with a parameter for each name that it stores. Where its end shows a name, a buffer,
a kind or a length that was not foreseen, it is run again knowing that.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any

from srcdiff.transforms.either import int_and_float
from srcdiff.transforms.halves import Bottom
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Value,
    flatten,
    map_tree,
    substitute_block,
)
from srcdiff.transforms.kinds import BOOL, INT, Kind, Size, fresh_size, kind_of
from srcdiff.transforms.merging import UNBOUND, Exit, Path, common, split
from srcdiff.transforms.mutation import (
    NUMBERS,
    NeedsCarrying,
    NeedsChoice,
    NeedsUnrolling,
    convert,
)
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
    Iterator,
    Known,
    List,
    Maybe,
    Missing,
    Object,
    Plain,
    Possible,
    Rows,
    State,
    Tuple,
    arrays_of,
    references_to,
)
from srcdiff.transforms.rotations import Rotations


class Loop:
    """A loop that stays a region: which names and buffers it carries is found by running its body.

    The body is run with a parameter for each name that it stores. Where its end shows a name, a
    buffer or a kind that was not foreseen, it is run again knowing that.
    """

    def __init__(self, run: Any, instr: Instr, bounds: tuple | None,
                 item: Callable | None):  # fmt: skip
        self.specializer, self.instr, self.bounds, self.item = run, instr, bounds, item
        self.entry = run.state
        frame = run.frame
        key = (instr, tuple(f.lowered for f in run.frames), run.decided)
        self.kinds: dict[Any, Kind] = run.widened.setdefault(key, {})
        self.names: dict[tuple, None] = {}
        for name, updated in stored_names(instr).items():
            if name in frame.lowered.local:
                key = (frame.number, name)
                if not (updated and isinstance(self.entry.env.get(key), ARRAYS)):
                    self.names[key] = None
            else:
                number = frame.outer
                while (outer := run.frame_of(number)) is not None:
                    if name in outer.lowered.local:
                        self.names[outer.number, name] = None
                    number = outer.outer
        self.memory: dict[Any, None] = {}
        self.sequences: dict[Any, None] = {}  # lists whose length a step changes
        self.maybe: set = set()  # what is None before the loop, and a number or an array later
        self.mixed: dict = {}  # what a step makes of another kind → that kind
        self.starts: dict = {}  # slot → its reference at the start of a step
        self.keys: dict[Any, dict] = {}  # dict → keys that are set in the loop
        self.ties: dict[Any, dict] = {}  # slot → what it may share memory with, and why
        self.kept: dict[Any, str] = {}  # slot → why its name may not write
        self.rebound: set = set()  # names of objects, lists and dicts that each step makes anew
        self.dicts: dict[Any, Dict] = {}  # slot → the dict that it is at the start of a step
        self.shared: set = set()  # slots of dicts and what each may be after a step
        self.moved: set = set()  # items and attributes that are another array after a step
        self.disordered: set = set()  # slots of arrays whose memory order the steps change
        self.conflicts: dict = {}  # names that are not the same thing in each step, and why
        run.loops += 1
        self.number = run.loops
        self.user = not frame.internal
        self.rotations = Rotations(self)
        self.no_test = Value("unknown", BOOL)
        self.ran: Value | None = None  # whether the loop has had a step, where that is asked

    def run(self) -> Exit | None:
        for _ in range(16):
            outcome = self.attempt()
            if outcome is not None:
                return outcome[0]
        raise self.specializer.refuse(self.instr.where, "the kinds of this loop's variables "
                                      "never settle")  # fmt: skip

    def attempt(self) -> tuple[Exit | None] | None:
        """Run the body once; None means that more is known now and it must be run again."""
        run = self.specializer
        self.mark, guards, written = len(run.instrs), len(run.guards), run.written
        run.written = type(written)(times=written.times)
        self.began = run.written.now
        aliases, reads = list(run.aliases), dict(self.entry.reads)
        self.state = self.entry.copy()
        run.state = self.state
        self.slots: list[Slot] = []
        self.dicts.clear()
        self.by_buffer: dict[Buffer, list[Buffer]] = {}
        self.rotations.begin()
        for cell in list(self.sequences):
            self.make_sequence(cell)
        for key in self.memory:
            self.carry_memory(key)
        for key in self.names:
            self.state.env[key] = self.carry(self.state.env.get(key), ("name", key), key[1])
        inits_state = self.state
        carried = tuple(s.param for s in self.slots)
        undo = self.mark_stacks()
        unbound = [s.key[1] for s in self.slots if s.param is None and s.init is UNDEFINED
                   and s.key[0] == "name" and len(s.key) == 2]  # fmt: skip
        run.unbound_names += unbound
        try:
            test_block, body_path, flag = self.iterate_body(carried)
        except Exception as need:
            undo()
            if not isinstance(need, NeedsCarrying) or need.key not in unbound:
                run.written = run.written | written  # it may be tried in another way
                raise
            self.kinds["name", need.key] = renamed(need.kind, f"@{self.number}.", "@.")
            self.again(self.mark, guards, run.written | written, aliases)
            self.entry.reads = reads
            return None
        del run.unbound_names[len(run.unbound_names) - len(unbound) :]
        self.written, run.written = run.written, run.written | written
        if not self.settled(body_path, inits_state):
            self.again(self.mark, guards, written, aliases)
            self.entry.reads = reads
            return None
        return (self.finish(test_block, body_path, flag),)

    def mark_stacks(self) -> Callable[[], None]:
        """A function that puts the specialiser's stacks back to where they are now."""
        run = self.specializer
        lists = [(s, list(s)) for s in (
            run.frames, run.temporaries, run.tries, run.consumers, run.unbound_names)]  # fmt: skip
        numbers = run.depth, run.regions

        def undo() -> None:
            for now, then in lists:
                now[:] = then
            run.depth, run.regions = numbers

        return undo

    def again(self, mark: int, guards: int, written: set, aliases: list) -> None:
        run = self.specializer
        del run.instrs[mark:]
        del run.guards[guards:]
        run.written, run.aliases, run.state = written, aliases, self.entry

    # what is carried

    def carry(self, ref: Any, slot: Any, name: str) -> Any:
        """A reference for the start of a step, instead of `ref`, the one before the loop."""
        name = name.rpartition(".")[2]
        run = self.specializer
        if slot in self.conflicts:
            self.slots.append(Slot(slot, None, None, ref, name))
            return Missing(self.conflicts[slot])
        if isinstance(ref, Either) and self.may_mix(slot):
            kind = run.first_kind(ref, self.entry)
            if kind is not None and run.sides(ref, kind, self.entry, []) is not None:
                self.mixed[slot] = self.outside(kind)
        if slot in self.mixed:
            return self.carry_mixed(ref, slot, name)
        if isinstance(ref, Maybe) or slot in self.maybe:
            none, inner = split(ref)
            test = self.slot((*slot, "unset"), none, f"no_{name}").param
            found = self.carry(inner, (*slot, "ref"), name)
            return found if isinstance(found, Missing) else Maybe(test, found)
        if ref is None or isinstance(ref, Missing):
            if self.rotations.site(name) in run.choices:
                return self.rotations.carry(slot, None, name)
            return self.slots_for_unbound(slot, name)
        if isinstance(ref, Plain) or (isinstance(ref, Known) and type(ref.obj) in NUMBERS):
            leaf = ref.value if isinstance(ref, Plain) else ref.obj
            param = self.slot(slot, leaf, name).param
            if param.kind.tag != "array":
                return Plain(param)
            run.loose[param] = self.kinds_site(name)
            made = run.fresh(param)
            self.slots[-1].buffer = made.buffer
            return made
        if isinstance(ref, ARRAYS) and slot[0] == "memory" and slot not in self.moved:
            self.slots.append(Slot(slot, None, None, ref, name))
            return ref
        if self.rotations.chosen(name, ref):
            return self.rotations.carry(slot, ref, name)
        if isinstance(ref, ARRAYS):
            outer, run.state = run.state, self.entry  # the value before the loop
            before = run.read(ref, self.instr.where)
            run.state = outer
            param = self.slot(slot, before, name).param
            buffer = Buffer(name)
            self.state.memory[buffer] = param
            why = self.why(slot)
            for array in arrays_of(ref):
                run.may_alias(buffer, array.buffer, why)
                for other in self.by_buffer.setdefault(array.buffer, []):
                    run.may_alias(buffer, other, why)
                self.by_buffer[array.buffer].append(buffer)
            self.slots[-1].buffer = buffer
            buffer.fixed = self.kept.get(slot, "")
            if slot not in self.disordered:
                buffer.order, buffer.proof = run.order_of_any((ref, self.entry))
            return Array(buffer)
        if isinstance(ref, Tuple):
            return ref._replace(items=tuple(
                self.carry(r, (*slot, i), name) for i, r in enumerate(ref.items)
            ))  # fmt: skip
        if isinstance(ref, Object) and slot in self.rebound:
            made = Object(Fields(name), ref.cls)
            self.state.memory[made.cell] = {
                k: self.carry(r, (*slot, ("attr", k)), k)
                for k, r in self.entry.memory[ref.cell].items()
            }
            run.may_alias(made.cell, ref.cell)
            return made
        if isinstance(ref, Dict) and slot in self.rebound:
            cell = Cell(name, ref.cell.cls, ref.cell.missing)
            self.state.memory[cell] = {
                k: self.carry(r, (*slot, ("item", k)), str(k))
                for k, r in self.entry.memory[ref.cell].items()
            }
            run.may_alias(cell, ref.cell)
            self.dicts[slot] = Dict(cell)
            self.tie_dict(slot, cell, {key: made.cell for key, made in self.dicts.items()})
            return Dict(cell)
        if isinstance(ref, List) and slot in self.rebound:
            carried = [s.init for s in self.slots if s.key == ("memory", ref.cell)]
            value = carried[0] if carried else run.as_sequence(ref, self.instr.where)
            cell = Cell(name, ref.cell.cls, ref.cell.missing)
            cell.shared = True
            self.state.memory[cell] = Plain(self.slot(slot, value, name).param)
            run.may_alias(cell, ref.cell)
            cell.fixed = self.kept.get(slot, "")
            self.slots[-1].cell = cell
            return List(cell)
        self.slots.append(Slot(slot, None, None, ref, name))
        return ref

    def carry_mixed(self, ref: Any, slot: Any, name: str) -> Any:
        """What is a number before the loop, say, and an array after some step.

        Whether it is what a step has made is carried, and either thing.
        """
        run = self.specializer
        sides = run.sides(ref, self.mixed[slot], self.entry, run.instrs)
        if sides is None:
            raise run.refuse(self.instr.where, f"`{name}` changes its kind in this loop")
        flag, new, old = sides
        test = self.slot((*slot, "made"), flag, f"{name}_is_new").param
        if new is None:
            self.kinds.setdefault((*slot, "new"), self.mixed[slot])
        found = [self.carry(side, (*slot, part), name)
                 for part, side in (("new", new), ("old", old))]  # fmt: skip
        missing = next((r for r in found if isinstance(r, Missing)), None)
        if missing is not None and not missing.why.endswith(UNBOUND):
            return missing
        for part, side in zip(("new", "old"), found):
            self.starts[*slot, part] = side
        if missing is found[0]:  # no step is known yet that makes it
            return found[1]
        run.eithers = True
        return Either(test, *found)

    def slots_for_unbound(self, slot: Any, name: str) -> Any:
        """A name that the loop binds first; one that not every step binds is carried."""
        kind = self.kinds.get(slot)
        if kind is None:
            self.slots.append(Slot(slot, None, UNDEFINED, None, name))
            site = self.rotations.site(name)  # what earlier steps have bound is not known here
            return Missing(f"`{name}` {UNBOUND}", sites=frozenset((site,) if site else ()))
        param = Value(name, renamed(kind, "@.", f"@{self.number}."), self.user)
        self.slots.append(Slot(slot, param, UNDEFINED, None, name))
        ref = self.specializer.fresh(param)
        if isinstance(ref, Array):
            self.slots[-1].buffer = ref.buffer
        return ref

    def slot(self, slot: Any, leaf: Any, name: str) -> Slot:
        kind = self.kinds.get(slot)
        found = leaf.kind if isinstance(leaf, Value) else kind_of(leaf)
        if kind is not None and kind.tag == "array" and self.constant(leaf) is not None:
            leaf = self.constant(leaf)  # `total = 0`, to which arrays are added
            kind = renamed(kind, "@.", f"@{self.number}.")
        elif kind is not None:
            joined = self.specializer.join_leaf(leaf, Value("t", kind), self.instr.where,
                                                self.constant(leaf) is not None)  # fmt: skip
            if joined is None:
                raise self.specializer.refuse(
                    self.instr.where, f"`{name}` changes its kind in this loop "
                    f"(from {found!r} to {kind!r})",
                    f"Start it with a value of the kind that it gets, "
                    f"`{name} = np.zeros(…)` for an array.")  # fmt: skip
            leaf = joined[0]
            kind = renamed(kind, "@.", f"@{self.number}.")
        else:
            kind = found._replace(size=None)
        made = Slot(slot, Value(name, kind, self.user), leaf, None, name)
        self.slots.append(made)
        site = self.kinds_site(name)
        if site is not None and int_and_float(found, made.param.kind):
            self.specializer.maybe_int[made.param] = site
        return made

    def add_slot(self, key: tuple, param: Value, buffer: Buffer | None = None) -> None:
        """A slot of `Rotations`."""
        self.slots.append(Slot(key, param, None, None, param.name))
        self.slots[-1].buffer = buffer

    def widest(self, kind: Kind, k: int) -> Kind:
        """The kind of the k-th array of the loop's own: its lengths may change with the steps."""
        if kind.shape is None:
            return kind
        mark = f"@{self.number}."
        return kind._replace(shape=tuple(
            d if isinstance(d, int) or mark not in d.base and not d.base.startswith("?")
            else Size(f"own{k}{mark}{axis}", 0, d.not_one and not d.minus)
            for axis, d in enumerate(kind.shape)
        ))  # fmt: skip

    def certain(self) -> bool:
        """Whether the loop surely has a step."""
        return self.instr.op == "for" and self.bounds is not None and all(
            isinstance(b, int) for b in self.bounds[1:]
        ) and len(range(*self.bounds[1:])) > 0  # fmt: skip

    def ran_test(self) -> tuple | None:
        """(operation, arguments) that say whether the loop has a step, unless it counts them."""
        if self.instr.op == "while":
            return operator.gt, ()
        _, start, stop, step = self.bounds
        if not isinstance(step, int):
            return None
        return (operator.lt if step > 0 else operator.gt), (start, stop)

    def constant(self, leaf: Any) -> Any:
        """The number that a value is before the loop, if it is written there."""
        if isinstance(leaf, Value):
            return self.specializer.constants.get(leaf)
        return leaf if type(leaf) in NUMBERS else None

    def carry_memory(self, key: Any) -> None:
        held = self.state.memory.get(key)
        if held is None:
            return
        if isinstance(key, Buffer):
            made = self.slot(("memory", key), held, key.name)
            self.state.memory[key] = made.param
        elif isinstance(held, Plain):
            made = self.slot(("memory", key), held.value, key.name)
            self.state.memory[key] = Plain(made.param)
        elif isinstance(held, Rows):
            pass  # its columns are lists like any other
        elif type(held) is tuple:
            self.state.memory[key] = tuple(
                self.carry(r, ("memory", key, i), key.name) for i, r in enumerate(held)
            )
        else:
            carried = {k: self.carry_item(r, ("memory", key, k), str(k)) for k, r in held.items()}
            for k in self.keys.get(key, ()):  # set in the loop first
                if k not in carried:
                    unbound = self.slots_for_unbound(("memory", key, k), str(k))
                    carried[k] = Possible(unbound)
            self.state.memory[key] = carried

    def carry_item(self, ref: Any, slot: Any, name: str) -> Any:
        if isinstance(ref, Possible):
            self.keys.setdefault(slot[1], {})[slot[2]] = None
            return Possible(self.slots_for_unbound(slot, name)) if isinstance(ref.ref, Missing) \
                else Possible(self.carry(ref.ref, slot, name))  # fmt: skip
        return self.carry(ref, slot, name)

    def start_with(self, cell: Any, keys: list) -> None:
        """A `defaultdict` that lacks a key starts with its default, which only reading can tell."""
        run = self.specializer
        outer, run.state = run.state, self.entry
        count = len(run.instrs)
        made = {k: Possible(run.call(cell.missing, (), {}, self.instr.where)) for k in keys}
        new = run.instrs[count:]
        del run.instrs[count:]
        run.instrs[self.mark : self.mark] = new  # before the loop
        self.mark += len(new)
        run.state = outer
        self.entry.memory[cell] = {**self.entry.memory[cell], **made}

    def make_sequence(self, cell: Any) -> None:
        """A list of known items becomes a list of a length known at run time only."""
        run = self.specializer
        held = self.state.memory[cell]
        if isinstance(held, Rows):
            return
        homes = run.listed(self.instr.where)
        if type(held) is tuple and held and run.rows_table(held, None, homes) is not None:
            self.start_with_rows(cell, None)
        elif type(held) is tuple:
            self.state.memory[cell] = run.sequence(held, cell, self.instr.where)

    def start_with_rows(self, cell: Any, like: Rows | None) -> bool:
        """A list of tuples is a list for each of their places, from before the loop on."""
        run = self.specializer
        held = self.entry.memory[cell]
        if isinstance(held, Plain):
            held = () if held.value.kind.items is None else None
        outer, run.state = run.state, self.entry
        homes = run.listed(self.instr.where)
        made = None if held is None else run.make_rows(cell, held, like, homes)
        run.state = outer
        if made is not None:
            for key in (cell, *(column.cell for column in made.columns)):
                self.state.memory[key] = self.entry.memory[key]
            self.sequences.update((column.cell, None) for column in made.columns)
            self.sequences.pop(cell, None)
            self.memory.pop(cell, None)
            for column in made.columns:
                self.memory[column.cell] = None
                if self.state.memory.get(column.cell) is not None:
                    self.make_sequence(column.cell)
        return made is not None

    # one step

    def iterate_body(self, carried: tuple) -> tuple:
        run, instr = self.specializer, self.instr
        test_block = None
        start = self.state.copy()
        if instr.op == "while":
            test_values = dict(run.temporaries[-1])
            run.temporaries.append(test_values)

            def test() -> None:
                if run.run(instr.blocks[0]) is not None:
                    raise ChangingTest
                self.test = run.truth(run.value(instr.blocks[0].results[0]), instr.where)

            path = run.sub(start.copy(), test)
            run.temporaries.pop()
            if path.exit is not None:
                raise Bottom
            result = self.test.obj if isinstance(self.test, Known) else self.test.value
            test_block = Block(carried, path.instrs, (result,))
            body_block = instr.blocks[1]
            index = None
            self.check_test(start, path.state)
            reads, start = start.reads, path.state
            start.reads = dict(reads)  # what the test has read is not seen in the body
        else:
            body_block = instr.blocks[0]
            assert self.bounds is not None
            source = run.value(instr.args[0])
            direct = isinstance(source, Iterator) and source.kind == "range"
            index = Value(index_name(instr, direct), INT)
            self.index = index
        run.temporaries.append(dict(run.temporaries[-1]))

        def body() -> Exit | None:
            if index is not None:
                assert self.item is not None
                run.temporaries[-1][body_block.params[0]] = self.item(Plain(index))
            return run.run(body_block)

        run.depth += 1
        try:
            path = run.sub(start, body)
        finally:
            run.depth -= 1
        run.temporaries.pop()
        exit = path.exit
        if exit is not None and exit.dead:
            if run.guesses:
                raise Bottom
            raise run.refuse(instr.where, "a loop whose body always raises")
        flag: Any = False if exit is None else exit.left
        return test_block, path, flag

    def check_test(self, before: State, after: State) -> None:
        """The test of a `while` runs once more than its body: it may not change anything."""
        changed = [n for (_, n), ref in after.env.items()
                   if before.env.get((_, n)) != ref and not n.startswith(".")]  # fmt: skip
        changed += [k.name for k, held in before.memory.items() if after.memory.get(k) != held]
        if changed:
            raise ChangingTest

    def settled(self, path: Path, start: State) -> bool:
        """Whether the end of the body fits its start; else note what was learnt."""
        run = self.specializer
        self.path = path
        known = {s.key for s in self.slots}
        fits = True
        end = path.state
        for key, held in end.memory.items():
            if isinstance(held, Rows) and key in self.memory \
                    and not isinstance(self.entry.memory.get(key), Rows):  # fmt: skip
                fits = not self.start_with_rows(key, held) and fits
            if key not in self.entry.memory or key in self.memory:
                continue
            before = start.memory.get(key)
            if held is not before and held != before:
                if isinstance(held, Rows) and self.start_with_rows(key, held):
                    fits = False
                    continue
                if type(before) is tuple and (
                    isinstance(held, Missing) or
                    isinstance(held, Plain) or type(held) is tuple and len(held) != len(before)
                ):
                    self.sequences[key] = None
                if isinstance(key, Fields) and isinstance(held, dict):
                    run.unsure |= held.keys() ^ self.entry.memory[key].keys()
                    for name in held.keys() - self.entry.memory[key].keys():
                        self.entry.memory[key] = {
                            **self.entry.memory[key], name: Missing(f"`{name}` may be unbound here")
                        }
                elif isinstance(held, dict) and isinstance(before, dict):
                    gone = before.keys() - held.keys() or any(
                        isinstance(held[k], Possible) and not isinstance(r, Possible)
                        for k, r in before.items())  # fmt: skip
                    if gone or key.cls in (set, frozenset):
                        raise run.refuse(
                            self.instr.where, "a dict or set whose keys depend on the steps of a "
                            "loop", "Use a list, or a fixed set of keys.")  # fmt: skip
                    new = [k for k in held if k not in before]
                    self.keys.setdefault(key, {}).update(dict.fromkeys(new))
                    if key.missing is not None:
                        self.start_with(key, new)
                self.memory[key] = None
                fits = False
        for key, ref in end.env.items():
            if key not in self.names and key in self.entry.env:
                if ref is not start.env.get(key) and ref != start.env.get(key):
                    self.names[key] = None
                    fits = False
            elif key not in self.names and key[0] in run.running:  # a handler's or a caller's
                self.names[key] = None
                fits = False
        if not fits:
            return False
        self.check_tuples(start, end)
        if not self.rotations.settled(path):
            return False
        for key, made in self.dicts.items():
            ref = self.end_of(key, end)
            name = key[1][1] if key[0] == "name" else key[1].name
            if not self.same_keys(made, start, ref, end):
                self.conflicts[key] = f"`{name}` is not the same thing in each step of this loop"
                fits = False
            elif self.has_another_name(ref.cell, end):
                raise run.refuse(
                    self.instr.where, f"`{name}` is another dict in each step of this loop, and "
                    "has another name", "Make a copy (`dict(…)`).")  # fmt: skip
        fits = self.dict_ties_known(end) and fits
        if not fits:
            return False
        self.ends: dict[Any, Any] = {}
        for slot in self.slots:
            if slot.key[0] in ("tag", "hole"):
                continue
            ref = self.end_of(slot.key, end)
            self.ends[slot.key] = ref
            if slot.param is None and slot.init is UNDEFINED:
                if isinstance(ref, Missing) and ref.kind is not None:
                    self.kinds[slot.key] = ref.kind
                    fits = False
                continue
            if slot.param is None and slot.same == Known(None) and slot.key not in self.maybe \
                    and isinstance(ref, (Plain, Array, Maybe)):  # fmt: skip
                self.maybe.add(slot.key)
                found = self.kind_at(path, ref)
                if found is not None:
                    self.kinds[*slot.key, "ref"] = self.outside(found)
                fits = False
                continue
            if slot.param is None:
                changed = ref != slot.same
                if changed and isinstance(slot.same, ARRAYS) and slot.key not in self.moved:
                    self.moved.add(slot.key)
                    fits = False
                elif changed and isinstance(ref, Object) and isinstance(slot.same, Object) \
                        and ref.cls is slot.same.cls and slot.key not in self.rebound:  # fmt: skip
                    self.rebound.add(slot.key)
                    fits = False
                elif changed and isinstance(ref, List) and isinstance(slot.same, List) \
                        and ref.cell.cls is slot.same.cell.cls and slot.key not in self.rebound \
                        and None not in (self.list_kind(end, ref),
                                         self.list_kind(self.entry, slot.same)):  # fmt: skip
                    self.rebound.add(slot.key)
                    fits = False
                elif changed and isinstance(slot.same, Dict) and slot.key not in self.rebound \
                        and self.same_keys(slot.same, self.entry, ref, end):  # fmt: skip
                    self.rebound.add(slot.key)
                    fits = False
                elif changed and slot.key not in self.conflicts:
                    self.conflicts[slot.key] = (
                        f"`{slot.name}` is not the same thing in each step of this loop"
                    )
                    fits = False
                continue
            if slot.buffer is not None and slot.buffer.order and isinstance(ref, ARRAYS) and \
                    run.order_of_any((ref, end))[0] != slot.buffer.order:  # fmt: skip
                self.disordered.add(slot.key)
                fits = False
            why = next(filter(None, (run.fixed(a.buffer) for a in arrays_of(ref))), "") \
                if isinstance(ref, ARRAYS) and slot.buffer is not None else ""  # fmt: skip
            if why and slot.key not in self.kept:
                self.kept[slot.key] = why
                fits = False
            kind = self.kind_at(path, ref)
            if slot.cell is not None:
                if isinstance(ref, List) and run.fixed(ref.cell) and slot.key not in self.kept:
                    self.kept[slot.key] = run.fixed(ref.cell)
                    fits = False
                kind = self.list_kind(end, ref) if isinstance(ref, List) else None
                if kind is None or references_to(ref.cell, end) != 1:
                    raise run.refuse(
                        self.instr.where, f"`{slot.name}` is another list in each step of this "
                        "loop, and has another name", "Make a copy (`.copy()`).")  # fmt: skip
            elif isinstance(ref, Missing) and self.constant(slot.init) is not None:
                kind = ref.kind  # an array on some paths
            if kind is None:
                continue
            joined = run.join_leaf(slot.param, Value("t", kind), self.instr.where,
                                   self.constant(slot.init) is not None)  # fmt: skip
            if joined is not None and self.kinds_site(slot.name) in run.choices \
                    and int_and_float(slot.param.kind, kind):  # fmt: skip
                joined = None
            if joined is None and kind.tag == "array" and slot.param.kind.tag == "scalar" \
                    and self.constant(slot.init) is not None \
                    and run.choices.isdisjoint(
                        (self.kinds_site(slot.name), self.rotations.site(slot.name))):  # fmt: skip
                self.kinds[slot.key] = self.outside(kind)
                fits = False
                continue
            if joined is None and self.may_mix(slot.key):
                other = run.unlike(ref, slot.param.kind, path.state)
                if other is not None and other.tag != "object":
                    self.mixed[slot.key] = self.outside(other)
                    fits = False
                    continue
            if joined is None:
                what = f"`{slot.name}` changes its kind in this loop " \
                       f"(from {slot.param.kind!r} to {kind!r})"  # fmt: skip
                if slot.key[0] != "name":
                    raise run.refuse(self.instr.where, what,
                                     "Start it with a value of the kind that it gets.")  # fmt: skip
                self.conflicts[slot.key] = what  # an error if a step reads it
                fits = False
                continue
            if slot.key[0] == "own":
                continue
            wider = self.settle(slot, joined[2])
            if wider != slot.param.kind:
                self.kinds[slot.key] = renamed(wider, f"@{self.number}.", "@.")
                fits = False
        if fits:
            fits = self.ties_known(path)
        if fits and run.appended_refs:
            before = self.entry.memory.keys() | {s.buffer for s in self.slots}
            run.check_appended(self.began, before, self.instr.where)
        assert known
        return fits

    def kinds_site(self, name: str) -> tuple | None:
        """Where it would be told whether a name is a number still (see `NeedsChoice`)."""
        site = self.rotations.site(name)
        return ("kinds", *site) if site else None

    def may_mix(self, key: tuple) -> bool:
        """Whether what a slot stands for may be of one of two kinds."""
        return key not in self.mixed and not {"new", "old"} & set(key[2:]) and (
            key[0] == "name" or key[0] == "memory" and len(key) > 2)

    def list_kind(self, state: State, ref: Any) -> Kind | None:
        run = self.specializer
        outer, run.state = run.state, state
        try:
            return run.sequence_kind(ref)
        finally:
            run.state = outer

    def outside(self, kind: Kind) -> Kind:
        """A kind after the loop: the lengths of one step mean nothing there."""
        if kind.shape is None:
            return kind
        mark = f"@{self.number}."
        return kind._replace(shape=tuple(
            fresh_size()._replace(not_one=d.not_one and not d.minus)
            if isinstance(d, Size) and mark in d.base else d
            for d in kind.shape
        ))  # fmt: skip

    def settle(self, slot: Slot, kind: Kind) -> Kind:
        """The joined kind, with dimensions that differ from step to step named by their slot."""
        return self.in_step(slot, slot.param.kind, kind)

    def in_step(self, slot: Slot, before: Kind, now: Kind) -> Kind:
        if now.tag in ("list", "tuple") and now.items and before.items:
            pairs = zip(before.items, now.items)
            return now._replace(items=tuple(self.in_step(slot, *pair) for pair in pairs))
        if now.shape is None or before.shape is None:
            return now
        dims = []
        for axis, (old, new) in enumerate(zip(before.shape, now.shape)):
            if old != new:
                alike = [s for s in self.slots if s.name == slot.name]
                name = f"{slot.name}{alike.index(slot) or ''}@{self.number}.{axis}"
                new = Size(name, 0, getattr(new, "not_one", False))
            dims.append(new)
        return now._replace(shape=tuple(dims))

    def ties_known(self, path: Path) -> bool:
        """Names that refer to one array at the end of a step do so at the start of the next."""
        run = self.specializer
        held: dict[Buffer, list[Slot]] = {}
        for slot in self.slots:
            ref = self.ends.get(slot.key)
            content = slot.key[0] == "memory" and isinstance(slot.key[1], Buffer)
            if isinstance(ref, ARRAYS) and not content:
                for array in arrays_of(ref):
                    held.setdefault(array.buffer, []).append(slot)
        for buffer, slots in held.items():
            group = run.aliases_of(buffer)
            if slots[0].key[0] != "own":
                group[buffer] = self.why(slots[0].key)
            outer = {b: why for b, why in group.items()
                     if b in self.entry.memory or b in run.outside_versions}  # fmt: skip
            for slot in slots:
                ties = self.ties.setdefault(slot.key, {})
                for other in slots:
                    if other is not slot and not slot.key[0] == other.key[0] == "own":
                        ties.setdefault(other.key, self.why(slot.key, other.key))
                for b, why in outer.items():
                    if b is not slot.buffer:
                        ties.setdefault(b, why)
        buffers = {s.key: s.buffer for s in self.slots if s.buffer is not None}
        self.follow_aliases(buffers)
        self.follow_moves(path, buffers)
        for key, ties in self.ties.items():
            for tie, why in ties.items():
                a = buffers.get(key)
                b = tie if isinstance(tie, Buffer) else buffers.get(tie)
                if a is None or b is None or b in run.aliases_of(a):
                    continue
                run.may_alias(a, b, why)
                if self.written & {a, b, *run.aliases_of(a)}:
                    self.needed(why)
                    raise run.refuse(
                        self.instr.where, f"`{a.name}` is written in this loop while it may be "
                        f"the same array as `{b.name}`",
                        "Make a copy (`.copy()`).")  # fmt: skip
        return True

    def follow_aliases(self, buffers: dict) -> None:
        """Names that change places take with them what they may share memory with."""
        run = self.specializer
        ends = {
            key: [array.buffer for array in arrays_of(self.ends[key])]
            for key in buffers if isinstance(self.ends.get(key), ARRAYS)
        }  # fmt: skip
        settled = False
        while not settled:
            settled = True
            for one, other in itertools.combinations(ends, 2):
                a, b = buffers[one], buffers[other]
                if b in run.aliases_of(a):
                    continue
                own = one[0] == other[0] == "own"  # these are never one
                pairs = [(p, q) for p in ends[one] for q in ends[other]
                         if p is q and not own or q in run.aliases_of(p)]  # fmt: skip
                if not pairs:
                    continue
                reasons = [self.why(one, other), *(run.aliases_of(p).get(q) for p, q in pairs)]
                why = frozenset().union(*(sites for sites in reasons if sites)) or None
                run.may_alias(a, b, why)
                settled = False
                if self.written & {a, b}:
                    self.needed(why)
                    raise run.refuse(
                        self.instr.where, f"`{a.name}` and `{b.name}` may come to be one array in "
                        "this loop, in which one of them is written", "Make a copy (`.copy()`).")

    def why(self, *keys: Any) -> frozenset | None:
        """The sites of the names that slots stand for, which could be choices."""
        names = [slot.name for slot in self.slots
                 if slot.key in keys and slot.key[0] in ("name", "memory")]  # fmt: skip
        sites = [self.rotations.site(name) for name in names]
        return frozenset(sites) if sites and all(sites) else None

    def needed(self, why: frozenset | None) -> None:
        """Ask for choices at these sites, if they are none yet."""
        if why and not self.specializer.choices.issuperset(why):
            raise NeedsChoice(why)

    def follow_moves(self, path: Path, buffers: dict) -> None:
        """Where names change places (`u, v = v, u`), each may come to be what the other was."""
        run = self.specializer
        buffers = {k: b for k, b in buffers.items() if k[0] != "own"}
        own = set(buffers.values())
        moves = [(buffers[k], array.buffer) for k, ref in self.ends.items()
                 if k in buffers and isinstance(ref, ARRAYS)
                 for array in arrays_of(ref) if array.buffer in own]  # fmt: skip
        why = self.why(*(k for k, b in buffers.items() if any(b in move for move in moves)))
        for _ in moves:
            for a, b in moves:
                for other in run.aliases_of(b) if a is not b else ():
                    if other in own:
                        continue
                    if other not in run.aliases_of(a):
                        run.may_alias(a, other, why)
                    outer, run.state = run.state, path.state
                    reachable = other in run.reachable()
                    run.state = outer
                    if reachable and self.written & own:
                        self.needed(why)
                        raise run.refuse(
                            self.instr.where, f"`{other.name}` may be one of the arrays that "
                            "change places in this loop and are written",
                            f"Start with a copy (`{other.name}.copy()`).")  # fmt: skip

    def end_of(self, key: Any, end: State) -> Any:
        kind, first, *rest = key
        if kind == "own":
            return self.rotations.end_of_own(first)
        if kind == "name":
            ref = end.env.get(first)
        elif isinstance(first, Buffer):
            return Array(first)
        else:
            ref = end.memory.get(first)
            if type(ref) in (tuple, dict):
                ref = ref[rest.pop(0)]
            ref = ref.ref if isinstance(ref, Possible) else ref
        slot: tuple = key[: len(key) - len(rest)]
        for i in rest:
            if i in ("made", "new", "old"):
                run, kind_of_new = self.specializer, self.mixed[slot]
                sides = ref and run.sides(ref, kind_of_new, end, self.path.instrs)
                if sides is None:
                    name = first[1] if kind == "name" else first.name
                    return ref if isinstance(ref, Missing) else \
                        Missing(f"`{name}` is not the same thing in each step of this loop")
                if i == "made":
                    ref = Plain(sides[0]) if isinstance(sides[0], Value) else Known(sides[0])
                else:
                    ref = sides[1 if i == "new" else 2]
                    if ref is None:  # the other is meant: this one stays what it was
                        ref = self.starts[*slot, i]
                slot = (*slot, i)
                continue
            slot = (*slot, i)
            if i in ("unset", "ref"):
                if not isinstance(ref, Missing):
                    none, inner = split(ref)
                    if i == "unset":
                        ref = Plain(none) if isinstance(none, Value) else Known(none)
                    else:
                        ref = Missing(f"`{first}` {UNBOUND}") if inner is None else inner
                continue
            if isinstance(ref, Dict) and type(i) is tuple:
                ref = end.memory[ref.cell].get(i[1], Missing(f"the key {i[1]!r} is lost"))
                continue
            if isinstance(ref, Object) and type(i) is tuple:
                ref = end.memory[ref.cell].get(i[1], Missing(f"the attribute `{i[1]}` is lost"))
                continue
            if not isinstance(ref, Tuple) or i >= len(ref.items):
                return Missing("a tuple changes its form in a loop")
            ref = ref.items[i]
        return ref

    def check_tuples(self, start: State, end: State) -> None:
        """A tuple that has more items after a step than before it has a slot for each no more."""
        for key in (*self.names, *self.memory):
            before, after = (s.env.get(key, s.memory.get(key)) for s in (start, end))
            if grows(before, after, start.memory, end.memory, set()):
                name = key[1] if type(key) is tuple else key.name
                where = self.instr.where
                what = f"the tuple `{name.rpartition('.')[2]}`, which grows in a loop"
                raise NeedsUnrolling(f"{what}, cannot be compiled", where and where.location,
                                     "Use a list.")  # fmt: skip

    def same_keys(self, one: Dict, before: State, other: Any, after: State) -> bool:
        """Whether a thing after a step is a dict of the same keys, in the same order."""
        if not isinstance(other, Dict) or one.cell.cls is not other.cell.cls or \
                one.cell.cls in (set, frozenset):  # fmt: skip
            return False
        first, last = before.memory[one.cell], after.memory[other.cell]
        held = [*first.values(), *last.values()]
        return list(first) == list(last) and not any(isinstance(r, Possible) for r in held)

    def tie_dict(self, key: Any, cell: Cell, cells: dict) -> None:
        """Note what a dict may be; `cells`: those of the loop's dicts."""
        for one, other in self.shared:
            found = other if isinstance(other, Cell) else cells.get(other)
            if one == key and found is not None:
                self.specializer.may_alias(cell, found)

    def dict_ties_known(self, end: State) -> bool:
        """Dicts that may be one after a step may be one at the start of the next."""
        run = self.specializer
        ends = {}
        for key in self.dicts:
            ref = self.end_of(key, end)
            if isinstance(ref, Dict):
                ends[key] = {ref.cell, *run.aliases_of(ref.cell)}
        found = {(a, b) for a in ends for b in ends if a != b and ends[a] & ends[b]}
        found |= {(a, cell) for a in ends for cell in ends[a] if cell in self.entry.memory}
        known = found <= self.shared
        self.shared |= found
        return known

    def has_another_name(self, cell: Cell, end: State) -> bool:
        """Whether more than one thing that the next step may read leads to a dict."""
        bound = {
            key: ref for key, ref in end.env.items()
            if key not in self.names or not isinstance(self.entry.env.get(key), Missing | None)
        }  # fmt: skip
        return references_to(cell, State(bound, end.memory)) > 1

    def kind_at(self, path: Path, ref: Any) -> Kind | None:
        run = self.specializer
        if ref is None or isinstance(ref, Missing):
            return None
        outer, run.state = run.state, path.state
        try:
            return run.kind(ref)._replace(size=None)
        finally:
            run.state = outer

    # the region

    def finish(self, test_block: Block | None, path: Path, flag: Any) -> Exit | None:
        run, instr = self.specializer, self.instr
        exit = path.exit
        state = State(dict(self.entry.env), self.entry.memory.copy())
        params: list = []
        inits: list = []
        yields: list = []
        results: list = []
        run.state = state
        after: dict[Any, Any] = {}
        buffers: dict[Any, Buffer] = {}
        rotated: dict[tuple, Value] = {}
        for slot in self.slots:
            if slot.key[0] in ("own", "tag", "hole"):
                params.append(slot.param)
                inits.append(self.rotations.init(slot.key))
                yields.append(self.rotations.at_end(slot.key, path))
                results.append(Value(slot.name, self.outside(slot.param.kind), slot.param.user))
                rotated[slot.key] = results[-1]
        after |= self.rotations.after(rotated, state)
        for k, buffer in enumerate(self.rotations.afterwards):
            for tie, why in self.ties.get(("own", k), {}).items():
                if isinstance(tie, Buffer):
                    run.may_alias(buffer, tie, why)
        for slot in self.slots:
            if slot.key[0] in ("own", "tag", "hole"):
                continue
            ref = self.ends[slot.key]
            if slot.param is None and slot.init is UNDEFINED:
                after[slot.key] = self.result_of_unbound(slot, ref, path, params, inits, yields,
                                                         results, buffers)  # fmt: skip
                continue
            if slot.param is None:
                same = ref == slot.same
                after[slot.key] = (
                    slot.same
                    if same
                    else Missing(f"`{slot.name}` is one of two things, depending on a loop")
                )
                continue
            tree = self.read_at(path, ref, slot)
            result = Value(slot.name, self.outside(slot.param.kind), self.user)
            params.append(slot.param)
            inits.append(slot.init)
            yields.append(convert_leaf(tree, slot.param.kind))
            results.append(result)
            if slot.param in run.maybe_int and not self.certain():
                run.maybe_int[result] = run.maybe_int[slot.param]
            placed = self.place(slot, ref, result, state, buffers)
            if slot.param in run.loose and not self.certain():
                site = run.loose[slot.param]
                if site is not None and tree not in run.loose and self.ran_test() is not None:
                    site = ("ran", *site[1:])  # it is what the last step has made, if there is one
                if site in run.choices:
                    run.eithers = True
                    self.ran = self.ran or Value("ran", BOOL)
                    placed = Either(self.ran, placed, Known(slot.init))
                else:
                    run.loose[result] = site
            after[slot.key] = placed
        self.restore(state, after)
        returned = self.returned(exit, path, params, inits, yields, results, state)
        attrs: dict[str, Any] = {}
        broken = None
        if flag is not False and instr.blocks[-1].instrs:
            broken = Value("broken", BOOL)
            params.append(Value("broken", BOOL))
            inits.append(False)
            yields.append(flag)
            results.append(broken)
        if flag is not False:
            attrs["may_break"] = True
            yields.append(flag)
        carried = tuple(params)
        if instr.op == "while":
            assert test_block is not None
            twins = {p: p.like() for p in carried}  # the test has parameters of its own
            test_block = substitute_block(
                Block((), test_block.instrs, test_block.results), twins
            ).replace(params=tuple(twins.values()))
            blocks = (test_block, Block(carried, path.instrs, tuple(yields)))
            args: tuple = (tuple(inits),)
        else:
            blocks = (Block((self.index, *carried), path.instrs, tuple(yields)),)
            args = (self.bounds, tuple(inits))
        if instr.op == "while" or flag is not False:
            results.append(Value("n_iter", INT))
        run.instrs.append(Instr(instr.op, args, None, tuple(results), blocks, attrs, instr.where))
        if self.ran is not None:
            op, tested = (operator.gt, (results[-1], 0)) if "n_iter" == results[-1].name else \
                self.ran_test()  # fmt: skip
            run.instrs.append(Instr(op, tested, None, (self.ran,), (), None, instr.where))
        run.state = state
        if returned is not None:
            returned = run.leaving(returned, instr.where)
        orelse = instr.blocks[-1]
        if orelse.instrs:
            if broken is not None:
                return self.orelse(broken, orelse, returned)
            final = run.run(orelse)
            if final is not None:
                return final
        return returned

    def orelse(self, broken: Value, block: Block, returned: Exit | None) -> Exit | None:
        """`else` of a loop: it runs where no `break` and no `return` has left the loop."""
        run = self.specializer
        gone = run.sub(run.state.copy(), lambda: returned)
        run.temporaries.append(dict(run.temporaries[-1]))
        # Where it runs, nothing was returned: the flag says so already.
        stays = run.sub(run.state.copy(), lambda: run.run(block) or returned)
        run.temporaries.pop()
        return run.join(broken, gone, stays, self.instr.where)

    def returned(self, exit: Exit | None, path: Path, params: list, inits: list, yields: list,
                 results: list, state: State) -> Exit | None:  # fmt: skip
        """`return` inside the loop: a flag and the value are carried out."""
        if exit is None or (exit.ret is False and not exit.labels):
            return None
        run = self.specializer

        def carry(yielded: Any) -> Value:
            params.append(Value("returned", BOOL))
            inits.append(False)
            yields.append(yielded)
            results.append(Value("returned", BOOL))
            return results[-1]

        def out(ref: Any) -> Any:
            if isinstance(ref, Bound) and ref.name == "exception":
                return ref._replace(ref=(ref.ref[0], tuple(out(r) for r in ref.ref[1])))
            if isinstance(ref, Tuple):
                return Tuple(tuple(out(r) for r in ref.items))
            if isinstance(ref, Known) and type(ref.obj) not in NUMBERS:
                return ref
            if isinstance(ref, Array) and self.rotations.is_outer(ref.buffer) \
                    and inside.isdisjoint(flatten(ref.path)):  # fmt: skip
                return ref
            tree = self.read_at(path, ref, None)
            kind = tree.kind if isinstance(tree, Value) else kind_of(tree)
            params.append(Value("result", kind))
            inits.append(UNDEFINED)
            yields.append(tree)
            results.append(Value("result", kind))
            made = run.fresh(results[-1], "result")
            for array in arrays_of(ref) if isinstance(ref, ARRAYS) else ():
                run.may_alias(made.buffer, array.buffer)
                for own in self.rotations.owned(array.buffer):
                    run.may_alias(made.buffer, self.rotations.afterwards[own])
            return made

        inside = self.rotations.inside
        outer, run.state = run.state, state
        flag: Any = False
        value = None
        if exit.ret is not False:
            flag, value = carry(exit.ret), out(exit.value)
        labels = tuple(
            label._replace(flag=carry(label.flag), value=label.value and out(label.value))
            for label in exit.labels
        )
        run.state = outer
        return Exit(ret=flag, value=value, labels=labels)

    def read_at(self, path: Path, ref: Any, slot: Slot | None) -> Any:
        run = self.specializer
        if slot is not None and slot.key[0] == "memory" and isinstance(slot.key[1], Buffer) \
                and len(slot.key) == 2:  # fmt: skip
            return path.state.memory[slot.key[1]]
        outer = run.state, run.instrs
        run.state, run.instrs = path.state, path.instrs
        try:
            if slot is not None and slot.cell is not None:
                return run.as_sequence(ref, self.instr.where)
            return run.read(ref, self.instr.where)
        finally:
            run.state, run.instrs = outer

    def place(self, slot: Slot, ref: Any, result: Value, state: State, buffers: dict) -> Any:
        """Where the result of the loop goes: into memory, or behind a name."""
        if slot.key[0] == "memory" and len(slot.key) == 2:
            state.memory[slot.key[1]] = result if isinstance(slot.key[1], Buffer) else Plain(result)
            return None
        run = self.specializer
        if slot.cell is not None:
            cell = Cell(slot.name, slot.cell.cls, slot.cell.missing)
            cell.shared = True
            state.memory[cell] = Plain(result)
            run.may_alias(cell, slot.cell)
            return List(cell)
        if result.kind.tag != "array":
            return Plain(result)
        buffer = Buffer(slot.name)
        state.memory[buffer] = result
        if slot.buffer is not None:
            buffer.order, buffer.proof = slot.buffer.order, slot.buffer.proof
        for tied, other in buffers.items():
            end = self.ends[tied]
            if isinstance(end, ARRAYS) and isinstance(ref, ARRAYS) and common(end, ref):
                run.may_alias(buffer, other, self.why(tied, slot.key))
        why = self.why(slot.key)
        for array in arrays_of(ref) if isinstance(ref, ARRAYS) else ():
            run.may_alias(buffer, array.buffer, why)
            for own in self.rotations.owned(array.buffer):
                run.may_alias(buffer, self.rotations.afterwards[own], why)
        if slot.buffer is not None:  # after no step at all, the array from before the loop
            for a, b in list(run.aliases):
                if slot.buffer in (a, b):
                    other = b if a is slot.buffer else a
                    if other in self.entry.memory:
                        run.may_alias(buffer, other, why)
        buffers[slot.key] = buffer
        return Array(buffer)

    def result_of_unbound(self, slot: Slot, ref: Any, path: Path, params: list, inits: list,
                          yields: list, results: list, buffers: dict) -> Any:  # fmt: skip
        """A name that the loop binds first: bound afterwards if there was a step."""
        if isinstance(ref, ARRAYS) and (self.rotations.chosen(slot.name, ref) or all(
            self.rotations.lasting(array.buffer) is not None for array in arrays_of(ref)
        )):  # fmt: skip
            return self.view_outside(ref, path, params, inits, yields, results)
        for tied, other in buffers.items():  # another name of the same array
            if isinstance(ref, Array) and self.ends[tied] == ref:
                return Array(other)
        numeric = isinstance(ref, (Plain, *ARRAYS)) or (
            isinstance(ref, Known) and type(ref.obj) in NUMBERS)  # fmt: skip
        if not numeric:
            return Missing(f"`{slot.name}` {UNBOUND}")
        tree = self.read_at(path, ref, None)
        kind = tree.kind if isinstance(tree, Value) else kind_of(tree)
        params.append(Value(slot.name, kind, self.user))
        inits.append(UNDEFINED)
        yields.append(tree)
        results.append(Value(slot.name, self.outside(kind), self.user))
        placed = self.place(slot, ref, results[-1], self.specializer.state, buffers)
        if isinstance(placed, Array):
            buffer = placed.buffer
            buffer.order, buffer.proof = self.specializer.order_of_any((ref, path.state))
        return placed

    def view_outside(self, ref: Any, path: Path, params: list, inits: list, yields: list,
                     results: list) -> Any:  # fmt: skip
        """The last row of a loop over rows is still a view: its index is carried out."""
        inside = {r for i in path.instrs for r in i.results} | self.rotations.inside

        done: dict[Value, Value] = {}

        def out(v: Value) -> Value:
            if v not in inside or v in done:
                return done.get(v, v)
            params.append(v.like())
            inits.append(UNDEFINED)
            yields.append(v)
            results.append(v.like())
            done[v] = results[-1]
            return results[-1]

        def build(ref: Any) -> Any:
            if isinstance(ref, Choice):
                found = Choice(out(ref.test), build(ref.then), build(ref.other))
                self.specializer.choice_names[found] = self.specializer.name_of(ref)
                return found
            buffer = self.rotations.lasting(ref.buffer)
            if buffer is None:  # what the last step has made is carried out
                buffer = self.rotations.carried_out.get(ref.buffer)
            if buffer is None:
                made = path.state.memory[ref.buffer]
                buffer = self.rotations.carried_out[ref.buffer] = Buffer(ref.buffer.name)
                params.append(made.like())
                inits.append(UNDEFINED)
                yields.append(made)
                results.append(Value(made.name, self.outside(made.kind), self.user))
                self.specializer.state.memory[buffer] = results[-1]
                for other, why in self.specializer.aliases_of(ref.buffer).items():
                    self.specializer.may_alias(buffer, other, why)
                for own in self.rotations.owned(ref.buffer):
                    self.specializer.may_alias(buffer, self.rotations.afterwards[own])
            return Array(buffer, map_tree(out, ref.path))

        return build(ref)

    def restore(self, state: State, after: dict) -> None:
        """Put the references for after the loop where the names and cells are."""

        afterwards: dict[Any, Cell] = {}

        def build(ref: Any, slot: Any) -> Any:
            if slot in self.mixed:
                made, new, old = (after.get((*slot, part)) for part in ("made", "new", "old"))
                if made is None:  # it is not the same thing in each step
                    return Missing(self.conflicts.get(slot, f"`{slot[1]}` {UNBOUND}"))
                if self.certain() and self.ends[*slot, "made"] == Known(True):
                    return new
                return Either(made.value, new, old)
            if isinstance(ref, Maybe) or slot in self.maybe:
                unset, found = (after[*slot, part] for part in ("unset", "ref"))
                return found if isinstance(found, Missing) else Maybe(unset.value, found)
            if isinstance(ref, Tuple):
                return ref._replace(
                    items=tuple(build(r, (*slot, i)) for i, r in enumerate(ref.items)))
            if isinstance(ref, Dict) and slot in self.rebound and slot not in self.conflicts:
                cell = Cell(ref.cell.name, ref.cell.cls, ref.cell.missing)
                state.memory[cell] = {
                    k: build(r, (*slot, ("item", k)))
                    for k, r in self.entry.memory[ref.cell].items()
                }
                self.specializer.may_alias(cell, ref.cell)
                afterwards[slot] = cell
                self.tie_dict(slot, cell, afterwards)
                return Dict(cell)
            if isinstance(ref, Object) and slot in self.rebound:
                made = Object(Fields(ref.cell.name), ref.cls)
                state.memory[made.cell] = {
                    k: build(r, (*slot, ("attr", k)))
                    for k, r in self.entry.memory[ref.cell].items()
                }
                self.specializer.may_alias(made.cell, ref.cell)
                return made
            return after.get(slot, ref)

        for key in self.names:
            entry = self.entry.env.get(key)
            found = build(entry, ("name", key))
            if found is not None:
                state.env[key] = found
        for key in self.memory:
            held = self.entry.memory.get(key)
            if isinstance(key, Buffer) or key in self.sequences or isinstance(held, (Plain, Rows)):
                continue
            if type(held) is tuple:
                state.memory[key] = tuple(build(r, ("memory", key, i)) for i, r in enumerate(held))
            elif isinstance(held, dict):
                keys = dict.fromkeys((*held, *self.keys.get(key, ())))
                state.memory[key] = {k: self.after_item(held.get(k), ("memory", key, k), build)
                                     for k in keys}  # fmt: skip

    def after_item(self, before: Any, slot: Any, build: Callable) -> Any:
        if isinstance(before, Possible) or before is None:
            inner = before.ref if before is not None else None
            return Possible(build(inner, slot))
        return build(before, slot)


class ChangingTest(Exception):
    """The test of a `while` is more than a test: it is to be a part of the body."""


class Slot:
    """A value that a loop carries: its key, the parameter, the value at entry."""

    __slots__ = ("key", "param", "init", "same", "name", "buffer", "cell")

    def __init__(self, key: Any, param: Value | None, init: Any, same: Any, name: str = ""):
        self.key, self.param, self.init, self.same, self.name = key, param, init, same, name
        self.buffer: Buffer | None = None
        self.cell: Cell | None = None


def grows(before: Any, after: Any, start: Any, end: Any, seen: set) -> bool:
    """Whether what was a tuple is one with more items, here or in an item of both.

    `start` and `end` are the memory before and after: a dict or an object that is another one
    in each step holds tuples, too. `seen` are the pairs of these that are being compared.
    """

    def pairwise(first: Iterable, last: Iterable) -> bool:
        return any(grows(b, a, start, end, seen) for b, a in zip(first, last))

    if isinstance(before, Tuple) and isinstance(after, Tuple):
        return len(before.items) < len(after.items) or pairwise(before.items, after.items)
    if type(before) is tuple and type(after) is tuple:  # the items of a list
        return pairwise(before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        both = [key for key in before if key in after]
        return pairwise([before[key] for key in both], [after[key] for key in both])
    if isinstance(before, Dict | Object) and isinstance(after, Dict | Object):
        cells = before.cell, after.cell
        if before.cell is after.cell or cells in seen:  # one that stays is in the memory itself
            return False
        seen.add(cells)
        return grows(start.get(before.cell), end.get(after.cell), start, end, seen)
    return isinstance(before, Tuple) and not before.items and not isinstance(after, Missing)


def renamed(kind: Kind, old: str, new: str) -> Kind:
    """The kind with the lengths of a loop's steps named for another run of the loop."""
    if kind.tag == "list" and kind.items:
        return kind._replace(items=(renamed(kind.items[0], old, new),))
    if kind.shape is None:
        return kind
    return kind._replace(shape=tuple(
        d._replace(base=d.base.replace(old, new)) if isinstance(d, Size) else d for d in kind.shape
    ))  # fmt: skip


def convert_leaf(leaf: Any, kind: Kind) -> Any:
    return leaf if isinstance(leaf, Value) or kind.dtype is None else convert(leaf, kind)


_stored: dict[Instr, dict[str, bool]] = {}


def stored_names(instr: Instr) -> dict[str, bool]:
    """The names that a loop stores, and whether only by augmented assignment."""
    found = _stored.get(instr)
    if found is None:
        names: dict[str, bool] = {}
        updates: set[Any] = set()
        pending = [i for block in instr.blocks[:-1] for i in reversed(block.instrs)]  # no `else`
        while pending:
            current = pending.pop()
            if current.op == "inplace" and "element" not in current.attrs:
                updates.update(current.results)
            if current.op == "store":
                name, value = current.args
                names[name] = names.get(name, True) and value in updates
            for block in current.blocks:
                pending.extend(reversed(block.instrs))
        found = _stored[instr] = dict(sorted(names.items()))
    return found


def index_name(instr: Instr, direct: bool) -> str:
    """The user's name for the counter if there is one."""
    name = instr.blocks[0].params[0].name
    return name if direct and name != "item" else "i"
