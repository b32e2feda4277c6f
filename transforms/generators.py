"""Generators, written out where they are consumed.

    for a, b in pairs(x):              for i in range(len(x) - 1):
        total += a * b            →        a, b = x[i], x[i + 1]
                                           total += a * b

A call of a generator function is run when a loop consumes it: its body in a frame of its own, and
at each `yield` the body of the loop, in the loop's own frame. What leaves the loop (`break`,
`return`) leaves the generator by a label. Whoever else consumes a generator takes a list of its
items. A generator that is begun by one loop and resumed by another is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from srcdiff.transforms.attempts import Attempts
from srcdiff.transforms.exceptions import Place
from srcdiff.transforms.ir import Block, Instr, Value, walk
from srcdiff.transforms.merging import Exit, Label
from srcdiff.transforms.references import Bound, Iterator, Known, List, Missing, Plain, Ref, Tuple

MOST = 60  # functions and generators that are written out inside each other


class Suspended(NamedTuple):
    """A generator function that was called: `names` are those of its arguments."""

    parsed: Any
    lowered: Any
    names: tuple[str, ...]
    outer: int
    internal: bool


class Consumer(NamedTuple):
    """What is done with an item: `take(item)` says how it was left.

    place     the statement that consumes, "loop" or "with"
    """

    place: Place
    take: Callable[[Ref], Exit | None]


class Stream(NamedTuple):
    """What a loop makes of a generator's items, `enumerate` and `zip` included.

    ahead, behind   lengths of what `zip` asks before and after the generator
    item            (item of the generator, its number) → item of the loop
    """

    source: Iterator
    ahead: list
    behind: list
    item: Callable


def is_generator(ref: Any) -> bool:
    return isinstance(ref, Iterator) and ref.kind == "generator"


class Generators(Attempts):
    frame_count: int
    entered: Callable
    binary: Callable
    compare: Callable
    iterate: Callable
    new_list: Callable
    method_append: Callable
    new_frame: Callable
    written: set

    # ------------------------------------------------------------------ making and running one

    def suspended(self, parsed: Any, lowered: Any, args: dict, outer: int, internal: bool) -> Ref:
        """The generator that a call makes; nothing has been run yet."""
        started = self.new_list((), "generator")
        payload = Suspended(parsed, lowered, tuple(args), outer, internal)
        return Iterator("generator", (started, Tuple(tuple(args.values())), payload))

    def run_generator(self, source: Iterator, consumer: Consumer, where: Any) -> Exit | None:
        """Run a generator to its end; what is left of its exit are labels."""
        started, args, made = source.parts
        if self.state.memory.get(started.cell) != ():
            raise self.refuse(where, "a generator that something else has consumed before",
                              "Make a list of it.")  # fmt: skip
        self.state.memory[started.cell] = (Known(True),)
        self.written.add(started.cell)
        if len(self.running) > MOST:
            raise self.refuse(where, f"the generator `{made.lowered.name}` so deep inside others")
        frame = self.new_frame(made.parsed, made.lowered, dict(zip(made.names, args.items)),
                               made.outer, made.internal)  # fmt: skip
        self.consumers.append(consumer)
        try:
            exit = self.entered(frame, made.lowered.body)
        finally:
            self.consumers.pop()
        for key in [k for k in self.state.env if k[0] == frame.number]:
            del self.state.env[key]
        if exit is None or exit.dead:
            return exit
        return self.leaving(exit._replace(ret=False, value=None), where)

    def do_yield(self, instr: Instr) -> Exit | None:
        if not self.consumers:
            raise self.refuse(instr.where, "`yield` of the function itself")
        consumer = self.consumers[-1]
        place = consumer.place
        inner = self.tries[len(place.tries) :]
        if place.kind == "loop":  # an exception of the loop's body closes the generator
            inner = [each for each in inner if each.kind != "except"]
        item = self.raw(instr.args[0])
        tries = [*place.tries, *inner]
        exit = self.within(place, consumer.take, item, tries=tries)
        self.put(instr, Known(None))
        if exit is None or exit.dead:
            return exit
        labels = list(exit.labels)
        for kind in ("brk", "ret"):
            if (flag := getattr(exit, kind)) is not False:
                labels.append(Label(place, kind, flag, exit.value if kind == "ret" else None,
                                    thrown=False))  # fmt: skip
        return self.leaving(Exit(labels=tuple(labels)), instr.where)

    # ------------------------------------------------------------------ a loop over one

    def stream(self, ref: Any, where: Any) -> Stream | None:
        """The generator in what a loop goes over; None if there is none, or several."""
        if is_generator(ref):
            fresh = self.state.memory.get(ref.parts[0].cell) == ()
            return Stream(ref, [], [], lambda item, k: item) if fresh else None
        if not isinstance(ref, Iterator) or ref.kind not in ("enumerate", "zip"):
            return None
        if ref.kind == "enumerate":
            found = self.stream(ref.parts[0], where)
            if found is None:
                return None

            def numbered(item: Any, k: Any) -> Ref:
                number = k if ref.parts[1] == Known(0) else \
                    self.binary(operator.add, k, ref.parts[1], where)  # fmt: skip
                return Tuple((number, found.item(item, k)))

            return found._replace(item=numbered)
        streams = [self.stream(part, where) for part in ref.parts]
        if sum(each is not None for each in streams) != 1:
            return None
        at = next(i for i, each in enumerate(streams) if each is not None)
        source = streams[at]
        assert source is not None
        others = [None if i == at else self.iterate(part, where)
                  for i, part in enumerate(ref.parts)]  # fmt: skip
        for part in others:
            if part is not None and part[2] is not None and (part[2][1], part[2][3]) != (0, 1):
                return None
        lengths = [None if p is None else p[0] if p[0] is not None else p[2][2] for p in others]

        def together(item: Any, k: Any) -> Ref:
            return Tuple(tuple(
                source.item(item, k) if part is None else part[1](k) for part in others
            ))  # fmt: skip

        return Stream(source.source, [*lengths[:at], *source.ahead],
                      [*source.behind, *lengths[at + 1 :]], together)  # fmt: skip

    def consume(self, instr: Instr, stream: Stream) -> Exit | None:
        """`for` over a generator: its body is run, with the loop's body at each `yield`."""
        where = instr.where
        body, orelse = instr.blocks
        place = Place("loop", instr, self)
        counter = (self.frame.number, f".count{len(self.running)}.{where.line}.k")
        self.state.env[counter] = Known(0)
        more = Instr("more", (place, counter, tuple(stream.ahead)), where=where)
        steps = Block((), [
            Instr("more", (place, counter, tuple(stream.behind)), where=where),
            Instr("one_step", (instr, counter, stream), where=where),
            Instr("counted", (counter,), where=where), more,
        ], ())  # fmt: skip
        items: list = []

        def take(item: Ref) -> Exit | None:
            items.append(item)
            self.items_taken = items
            return self.run(steps)

        generated = Instr("generated", (stream.source, Consumer(place, take)), where=where)
        exit = self.run(Block((), [more, generated], ()))
        self.state.env.pop(counter, None)
        exit = self.arrived(place, exit, where)
        if orelse.instrs:
            if exit is None:
                exit = self.run(orelse)
            elif not exit.always:
                exit = self.guarded(exit, orelse, 0, where)
        return None if exit is None else self.leaving(exit._replace(brk=False, cont=False), where)

    def do_generated(self, instr: Instr) -> Exit | None:
        source, consumer = instr.args
        return self.run_generator(source, consumer, instr.where)

    def do_more(self, instr: Instr) -> Exit | None:
        """End the loop where one of several lengths has been reached."""
        place, counter, lengths = instr.args
        leave = Exit(left=True, away=True, labels=(Label(place, "done", True, thrown=False),))
        exit: Exit | None = None
        for length in lengths:
            bound = Plain(length) if isinstance(length, Value) else Known(length)
            test = self.compare(operator.ge, self.state.env[counter], bound, instr.where)
            if isinstance(test, Known):
                if test.obj:
                    return leave
                continue
            if exit is not None:
                raise self.refuse(instr.where, "a generator next to several of unknown length")
            exit = self.one_of(test.value, leave, None, instr.where)
        return exit

    def do_one_step(self, instr: Instr) -> Exit | None:
        loop, counter, stream = instr.args
        body = loop.blocks[0]
        item = stream.item(self.items_taken[-1], self.state.env[counter])
        self.temporaries[-1][body.params[0]] = item
        self.depth += 1
        try:
            exit = self.run(body)
        finally:
            self.depth -= 1
        if exit is None or exit.dead:
            return exit
        return self.leaving(exit._replace(cont=False), instr.where)

    def do_counted(self, instr: Instr) -> None:
        (counter,) = instr.args
        number = self.state.env[counter]
        self.state.env[counter] = self.binary(operator.add, number, Known(1), instr.where)

    # ------------------------------------------------------------------ everybody else

    def forced(self, ref: Any, where: Any) -> Any:
        """The items of a generator, as what is left of an iterator; anything else is itself.

        Items of which the number is known only at run time are a list, and can be had once.
        """
        if not is_generator(ref):
            return ref
        started = ref.parts[0]
        held = self.state.memory.get(started.cell)
        if isinstance(held, tuple) and held and isinstance(held[0], List):
            return held[0]
        made = self.new_list((), "items")

        def take(item: Ref) -> None:
            self.method_append(made, (item,), {}, where)

        place = Place("loop", None, self)
        self.run_generator(ref, Consumer(place, take), where)
        if not isinstance(self.held(made), Plain):
            made.cell.cls = Iterator
            self.state.memory[started.cell] = (made,)
        return made

    def generator_next(self, args: tuple, where: Any) -> Ref | None:
        """`next` of a generator that is not asked again; None where it may be."""
        ref, *rest = args
        if not is_generator(ref) or self.state.memory.get(ref.parts[0].cell) != ():
            return None
        made = ref.parts[2]
        if (
            made.lowered.name == "<genexpr>"
            or rest
            or any(i.op == "while" for i in walk(made.lowered.body))
        ):
            return self.first_of(ref, tuple(rest), where)
        return None

    def first_of(self, ref: Iterator, args: tuple, where: Any) -> Ref:
        """`next(generator)`, `next(generator, default)`: it is run up to its first `yield`."""
        place = Place("loop", None, self)

        def take(item: Ref) -> Exit:
            return Exit(ret=True, value=item, left=True, away=True)

        exit = self.run_generator(ref, Consumer(place, take), where)
        label = next((e for e in exit.labels if e.place is place), None) if exit else None
        if label is not None and label.flag is True:
            return label.value
        if exit is not None and (exit.dead or len(exit.labels) > (label is not None)):
            raise self.refuse(where, "`next` of a generator that raises")
        stop = Bound((Known(StopIteration), ()), "exception")
        if label is None:
            if args:
                return args[0]
            self.escaped = self.throw(stop, where)
            return Missing("`next` of a generator that yields nothing")
        result = Value("item")
        then = self.sub(self.state.copy(), lambda: None)
        if args:
            other = self.sub(self.state.copy(), lambda: None)
            other.value = args[0]
        else:
            other = self.sub(self.state.copy(), lambda: self.throw(stop, where))
            if not other.exit.dead:
                raise self.refuse(where, "`StopIteration` that is caught")
            other.value = None
        then.value = label.value
        self.join(label.flag, then, other, where, (result,) if args else ())
        return self.temporaries[-1].pop(result) if args else label.value
