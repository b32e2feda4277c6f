"""Checkpoints: a reverse sweep runs a loop again from snapshots, a part at a time.

    h = for t in range(n) carry (h = h0) twin:     size = isqrt(n) + 1
      …                                            h = for a in range(0, n, size) carry (h = h0):
      yield y                                        push(h_snapshots, h)
    d = for t in reversed range(n) … twin:           h = for t in range(a, min(a + size, n)) …:
      … h … y …                            →           …
                                                   d = for a in reversed range(0, n, size) …:
                                                     h = pop(h_snapshots)
                                                     for t in range(a, min(a + size, n)) … twin:
                                                       …
                                                     for t in reversed range(a, …) … twin:
                                                       … h … y …

Three schedules:

    "sqrt"    segments of about √n steps; where nobody knows how many steps there will be (`while`,
              `break`), the k-th segment has k steps: some √(2 n) of them
    Slots(s)  at most s snapshots, taken where Griewank and Walther's "Algorithm 799: revolve" takes
              them: each step is run again as rarely as it can be. Steps are reversed one by one
    Bytes(b)  the same with as many snapshots as b bytes have room for

What is run again is what the reverse sweep reads, and what that needs: if it needs nothing of the
step before, there are no snapshots at all. Printing is not repeated. A loop stays as it is, and
`left` says why, where what is needed comes from an effect: a random draw, a call of a function that
no one can see into. Loops in loops are treated in the same way, but for one over the elements of an
array that it writes: that keeps the numbers which are read, fewer than those in its snapshots.
"""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms.copies import Copies, happens_once, quiet, renamed
from srcdiff.transforms.ir import (
    UNDEFINED,
    Block,
    Instr,
    Value,
    carried,
    defined_inside,
    flatten,
    new_twin,
    updated_in_place,
    walk,
)  # fmt: skip
from srcdiff.transforms.kinds import BOOL, INT

OUTSIDE = ("store_outside", "delete_outside", "append_outside", "write_back")


class Slots(NamedTuple):
    """A number of snapshots, for each loop."""

    count: int


class Bytes(NamedTuple):
    """Memory for the snapshots of all loops."""

    count: int


UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def schedule(checkpoint: Any) -> Any:
    """What the keyword `checkpoint` asks for: None, "sqrt", `Slots` or `Bytes`.

    >>> schedule("sqrt"), schedule(8), schedule("64MB"), schedule("1.5 KiB")
    ('sqrt', Slots(count=8), Bytes(count=64000000), Bytes(count=1536))
    """
    if checkpoint is None or checkpoint == "sqrt":
        return checkpoint
    if isinstance(checkpoint, int | np.integer) and not isinstance(checkpoint, bool):
        if checkpoint < 1:
            raise ValueError(f"checkpoint: there must be at least one snapshot, not {checkpoint}")
        return Slots(int(checkpoint))
    if isinstance(checkpoint, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?)b", checkpoint.strip().lower())
        if found is not None and found[2] in UNITS:
            return Bytes(int(float(found[1]) * UNITS[found[2]]))
        raise ValueError('checkpoint must be "sqrt", a number of snapshots or so many bytes '
                         f'("64MB"), not {checkpoint!r}')  # fmt: skip
    raise TypeError('checkpoint must be "sqrt", a number of snapshots or so many bytes ("64MB"), '
                    f"not {checkpoint!r}")  # fmt: skip


def checkpoints(block: Block, schedule: Any, left: list | None = None) -> Block:
    """The block with its reverse sweeps running from snapshots (see the module's docstring).

    left   gets (loop, why) for each loop that stays as it is

    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (x: float, n: int, d: float):
    ...       s = for i in range(n) carry (p = x) twin 1:
    ...         q = np.exp(p)
    ...         yield q
    ...       d_x = for j in reversed range(n) carry (d_p = d) twin 1:
    ...         d_q = mul(d_p, q)
    ...         yield d_q
    ...       return s, d_x
    ... ''')
    >>> print(checkpoints(before, "sqrt"))
    (x: float, n: int, d: float):
      p_snapshots = stack()
      steps = max(n, 0)
      root = math.isqrt(steps)
      size = add(root, 1)
      s.2 = for start in range(0, n, size) carry (p = x):
        push(p_snapshots, p) snapshot
        end = add(start, size)
        stop = min(end, n)
        s = for i in range(start, stop) carry (p.2 = p):
          q = np.exp(p.2)
          yield q
        yield s
      d_x.2 = for start.2 in reversed range(0, n, size) carry (d_p = d):
        p.3 = pop(p_snapshots)
        end.2 = add(start.2, size)
        stop.2 = min(end.2, n)
        p.5 = for i.2 in range(start.2, stop.2) carry (p.4 = p.3) twin 1:
          q.2 = np.exp(p.4)
          yield q.2
        d_x = for j in reversed range(start.2, stop.2) carry (d_p.2 = d_p) twin 1:
          d_q = mul(d_p.2, q.2)
          yield d_q
        yield d_x
      return s.2, d_x.2
    """
    work = Checkpoints(block, schedule)
    if isinstance(schedule, Bytes):
        work.pairs(list(block.instrs), 0, None)  # how many loops share the memory
        work = Checkpoints(block, Bytes(schedule.count // max(work.done, 1)))
    _, instrs = work.pairs(list(block.instrs), 0, None)
    if left is not None:
        left += work.left
    return block.replace(instrs=instrs) if instrs != list(block.instrs) else block


class Checkpoints:
    """One run over a program.

    left    (loop, why) of each loop that stays as it is
    done    how many loops have been treated
    inside  how many of them are around the one that is looked at
    """

    def __init__(self, program: Block, schedule: Any):
        self.program, self.schedule = program, schedule
        self.sweeps = Counter(i.attrs["twin"] for i in walk(program) if "twin" in i.attrs)
        self.writes_outside = any(
            i.op in OUTSIDE or i.attrs.get("opaque") and i.effect for i in walk(program)
        )
        self.makers = {r: i for i in walk(program) for r in i.results}
        self.left: list[tuple[Instr, str]] = []
        self.done = self.inside = 0

    # ------------------------------------------------------------------ pairs of regions

    def pairs(self, instrs: list[Instr], split: int,
              prelude: list[Instr] | None) -> tuple[list[Instr], list[Instr]]:  # fmt: skip
        """Treat the pairs of regions among the instructions of one block, the last ones first.

        split     how many of them are those of the forward half of a pair of blocks; those before
                  it and those behind it are returned
        prelude   gets what must stand before the pair of regions that these blocks belong to
        """
        made: dict[int, list[Instr]] = {}
        for j in reversed(range(split, len(instrs))):
            r = instrs[j]
            if not r.blocks or j in made and r.op != "if":
                continue
            found = self.partners(instrs, j)
            for i in found:
                before = prelude if i < split else []
                assert before is not None
                f = instrs[i]
                if f.op == "if":
                    instrs[i], instrs[j] = self.branches(f, instrs[j], before)
                    made.setdefault(i, []).extend(before if i >= split else [])
                elif self.sweeps[f.attrs["twin"]] == 2:
                    first, second = self.loop(f, r, before, i < split)
                    made[i] = [*(before if i >= split else []), *first]
                    made[j] = second
            if not found:
                instrs[j] = self.alone(r)
        for i, instr in enumerate(instrs):
            if instr.op == "if" and i in made:
                made[i].append(instr)
        first = [new for i in range(split) for new in made.get(i, [instrs[i]])]
        second = [new for i in range(split, len(instrs)) for new in made.get(i, [instrs[i]])]
        return first, second

    def partners(self, instrs: list[Instr], j: int) -> list[int]:
        """The region that a reverse region reads trails of; of a branch, all before it."""
        r = instrs[j]
        twin = r.attrs.get("twin")
        found = [i for i in range(j) if twin is not None and instrs[i].attrs.get("twin") == twin]
        if r.op == "if":
            return found
        back = r.attrs.get("reverse", False)
        return [i for i in found if back and not instrs[i].attrs.get("reverse")]

    def alone(self, instr: Instr) -> Instr:
        blocks = tuple(b.replace(instrs=self.pairs(list(b.instrs), 0, None)[1])
                       for b in instr.blocks)  # fmt: skip
        return instr.replace(blocks=blocks)

    def blocks(self, fb: Block, rb: Block, prelude: list[Instr]) -> tuple[Block, Block]:
        """Treat the pairs of which one half is in `fb` and the other in `rb`, or both in `rb`."""
        first, second = self.pairs([*fb.instrs, *rb.instrs], len(fb.instrs), prelude)
        return fb.replace(instrs=first), rb.replace(instrs=second)

    def branches(self, f: Instr, r: Instr, prelude: list[Instr]) -> tuple[Instr, Instr]:
        both = [self.blocks(fb, rb, prelude) for fb, rb in zip(f.blocks, r.blocks)]
        return (f.replace(blocks=tuple(fb for fb, _ in both)),
                r.replace(blocks=tuple(rb for _, rb in both)))  # fmt: skip

    def loop(self, f: Instr, r: Instr, prelude: list[Instr],
             across: bool) -> tuple[list[Instr], list[Instr]]:  # fmt: skip
        """What stands for a loop, and for its reverse sweep; `across`: in another block."""
        step = Step(f, r)
        if not step.trails:
            return [f], [r]
        why = self.why_not(step)
        if why is not None:
            self.left.append((f, why))
            fb, rb = self.blocks(f.blocks[-1], r.blocks[0], prelude)
            return [f.replace(blocks=(*f.blocks[:-1], fb))], [r.replace(blocks=(rb,))]
        if self.inside and step.is_dear():
            fb, rb = self.blocks(f.blocks[-1], r.blocks[0], prelude)
            return [f.replace(blocks=(*f.blocks[:-1], fb))], [r.replace(blocks=(rb,))]
        self.done += 1
        if not step.state:
            return [without_twin(f)], [self.from_nothing(step)]
        if self.schedule == "sqrt":
            if f.op == "for" and not f.attrs.get("may_break"):
                return self.segments(step, prelude, across)
            return self.growing(step, prelude)
        return self.binomial(step, prelude)

    def again(self, step: Step, params: Iterable[Value] = (), item: Any = None,
              leaf: bool = False) -> Again:  # fmt: skip
        again = Again(step, params, item, leaf)
        for twin, new in again.twins.items():
            self.sweeps[new] = self.sweeps[twin]
        self.makers.update((r, i) for i in walk(Block((), again.instrs, ())) for r in i.results)
        return again

    def why_not(self, step: Step) -> str | None:
        """Why what the reverse sweep reads of a loop cannot be computed again."""
        if step.tested:
            return "what its test computes is read"
        for instr in walk(Block((), step.kept, ())):
            if happens_once(instr):
                return "a random draw, or a call that no one can see into, happens once"
            if instr.op in ("global", "attribute") and self.writes_outside:
                return "it reads what is written outside"
        if any(init is UNDEFINED for _, init, _ in step.state):
            return "what it hands from step to step may be unbound"
        known = all(p.kind.tag in ("scalar", "array") for p, _, _ in step.state)
        if isinstance(self.schedule, Bytes) and not known:
            return "what it hands from step to step may grow, beyond any number of bytes"
        return None

    # ------------------------------------------------------------------ the schedules

    def from_nothing(self, step: Step) -> Instr:
        """A step that needs nothing of the one before is computed again where it is reversed."""
        r = step.r
        again = self.again(step, (), r.blocks[0].params[0], leaf=True)
        self.inside += 1
        _, body = self.pairs([*again.instrs, *again.reverse().instrs], 0, None)
        self.inside -= 1
        results = again.reverse().results
        rb = Block(r.blocks[0].params, body, results)
        return without_twin(r.replace(blocks=(rb,)))

    def segment(self, out: Emitter, step: Step, start: Any, stop: Any, by: Any,
                state: list[Value], d: tuple) -> tuple:  # fmt: skip
        """Run the steps from `start` to `stop` again, keeping what is read, and reverse them."""
        params = [p.like() for p, _, _ in step.state]
        again = self.again(step, params)
        before: list[Instr] = []
        body = Block((again.item, *params), again.instrs, again.ends())
        self.inside += 1
        fb, rb = self.blocks(body, again.reverse(), before)
        self.inside -= 1
        out.instrs += before
        attrs = {"twin": new_twin()}
        results = tuple(p.like() for p in params)
        out.instrs.append(Instr("for", (("range", start, stop, by), tuple(state)), None, results,
                                (fb,), attrs, step.f.where))  # fmt: skip
        ends = tuple(v.like() for v in step.r.results)
        out.instrs.append(Instr("for", (("range", start, stop, by), d), None, ends, (rb,),
                                attrs | {"reverse": True}, step.r.where))  # fmt: skip
        return ends

    def segments(self, step: Step, prelude: list[Instr],
                 across: bool) -> tuple[list[Instr], list[Instr]]:  # fmt: skip
        """Segments of one length: that of the loop is known when it begins."""
        f, r = step.f, step.r
        _, start, stop, by = f.args[0]
        stack = step.new_stack(prelude)
        first, second = self.emitter(f.where), self.emitter(r.where, {"again": True})

        def part(out: Emitter, item: Value) -> Any:
            end = out.plus(item, stride, "end")
            if isinstance(by, int):
                return out.emit(min if by > 0 else max, (end, stop), "stop")
            return out.emit(kernels.nearer, (end, stop, by), "stop")

        stride = self.stride(first, *f.args[0][1:])
        item = Value("start", INT)
        params, inits = carried(f)
        outer = [p.like() for p in params]
        own = self.emitter(f.where)
        held = {p: o for p, o in zip(params, outer)}
        own.push(stack, *(held[p] for p, _, _ in step.state))
        bounds = ("range", item, part(own, item), by)
        ends = tuple(v.like() for v in f.results)
        own.instrs.append(without_twin(f).replace(args=(bounds, tuple(outer)), results=ends))
        body = Block((item, *outer), own.instrs, ends)
        first.instrs.append(Instr("for", (("range", start, stop, stride), inits), None, f.results,
                                  (body,), None, f.where))  # fmt: skip

        _, start, stop, by = r.args[0]
        if across:  # nothing but the bounds is kept from one block to the other
            stride = self.stride(second, start, stop, by)
        back = Value("start", INT)
        d = tuple(p.like() for p in r.blocks[0].params[1:])
        own = self.emitter(r.where)
        state = step.popped(own, stack)
        ends = self.segment(own, step, back, part(own, back), by, state, d)
        second.instrs.append(Instr(
            "for", (("range", start, stop, stride), r.args[1]), None, r.results,
            (Block((back, *d), own.instrs, ends),), {"reverse": True}, r.where,
        ))  # fmt: skip
        return first.instrs, second.instrs

    def stride(self, out: Emitter, start: Any, stop: Any, by: Any) -> Any:
        """From the start of a segment to that of the next."""
        steps = out.steps(start, stop, by)
        if isinstance(steps, int):
            return (math.isqrt(max(steps, 0)) + 1) * by
        maker = self.makers.get(steps)
        sized = maker is not None and maker.op in (len, "shape")
        if not sized:
            steps = out.emit(max, (steps, 0), "steps")
        size = out.plus(out.emit(math.isqrt, (steps,), "root"), 1, "size")
        size.user = True  # it gets a name
        return out.times(size, by, "stride")

    def emitter(self, where: Any, attrs: dict | None = None) -> Emitter:
        return Emitter(where, self.makers, attrs)

    def growing(self, step: Step, prelude: list[Instr]) -> tuple[list[Instr], list[Instr]]:
        """Segments of 1, 2, 3, … steps: nobody knows how many there will be."""
        f, r = step.f, step.r
        stack = step.new_stack(prelude)
        left, number = Value("left", INT), Value("n_segments", INT)
        own = self.emitter(f.where)
        due = own.emit(operator.eq, (left, 0), "due", BOOL)
        more = self.emitter(f.where)
        more.push(stack, *(p for p, _, _ in step.state))
        longer = more.plus(number, 1, "n_segments")
        left_2, number_2 = left.like(), number.like()
        blocks = (Block((), more.instrs, (longer, longer)), Block((), (), (left, number)))
        own.instrs.append(Instr("if", (due,), None, (left_2, number_2), blocks, None, f.where))
        left_3 = own.counted(left_2, -1)
        body = f.blocks[-1]
        at = f.op == "for"  # the item comes first
        params = (*body.params[:at], left, number, *body.params[at:])
        body = Block(params, [*own.instrs, *body.instrs], (left_3, number_2, *body.results))
        tests = tuple(Block((left.like(), number.like(), *b.params), b.instrs, b.results)
                      for b in f.blocks[:-1])  # fmt: skip
        count = Value("n_segments", INT)
        f = without_twin(f).replace(
            args=(*f.args[:-1], (0, 0, *f.args[-1])), blocks=(*tests, body),
            results=(left.like(), count, *f.results),
        )  # fmt: skip

        k = Value("k", INT)
        d = tuple(p.like() for p in r.blocks[0].params[1:])
        own = self.emitter(r.where)
        state = step.popped(own, stack)
        _, start, stop, by = r.args[0]
        twice = own.times(k, own.plus(k, 1, "end"), "twice")
        begin = own.emit(operator.floordiv, (twice, 2), "start")
        end = own.plus(own.plus(begin, k, "end"), 1, "end")
        end = own.emit(min, (end, step.f.results[-1]), "stop")
        begin, end = own.place(start, begin, by, "start"), own.place(start, end, by, "stop")
        ends = self.segment(own, step, begin, end, by, state, d)
        second = Instr("for", (("range", 0, count, 1), r.args[1]), None, r.results,
                       (Block((k, *d), own.instrs, ends),), {"reverse": True}, r.where)
        return [f], [second]

    def binomial(self, step: Step, prelude: list[Instr]) -> tuple[list[Instr], list[Instr]]:
        """As few snapshots as there are slots, and each step run again as rarely as can be."""
        f, r = step.f, step.r
        first, second = self.emitter(f.where), self.emitter(r.where)
        _, start, stop, by = r.args[0]
        known = f.op == "for" and not f.attrs.get("may_break")
        if known:
            stack = step.new_stack(prelude)
            count = first.steps(start, stop, by)
            free = self.forward_sweep(first, step, stack, count, self.slots(first, step))
        else:
            stack, count = step.new_stack(second.instrs), f.results[-1]
            free = second.plus(self.slots(second, step), -1, "free")
            begin = [i if isinstance(i, Value) else second.named(i, p.name, p.kind)
                     for p, i, _ in step.state]  # fmt: skip
            at = second.named(0, "at", INT)
            second.push(stack, at, *begin)
            first.instrs.append(without_twin(f))
        item = Value(r.blocks[0].params[0].name, INT)
        kept = Value("free", INT)
        d = tuple(p.like() for p in r.blocks[0].params[1:])
        own = self.emitter(r.where)
        at = Value("at", INT)
        state = [p.like() for p, _, _ in step.state]
        own.instrs.append(Instr("pop", (stack,), None, (at, *state)))
        _, free_2, *state = self.advance(own, step, stack, at, own.counted(kept, 1), item,
                                         state, start, by)  # fmt: skip
        place = own.place(start, item, by, item.name)
        again = self.again(step, state, place, leaf=True)
        reverse = again.reverse(place, d)
        self.inside += 1
        _, body = self.pairs([*again.instrs, *reverse.instrs], 0, None)
        self.inside -= 1
        block = Block((item, kept, *d), [*own.instrs, *body], (free_2, *reverse.results))
        second.instrs.append(Instr(
            "for", (("range", 0, count, 1), (free, *r.args[1])), None,
            (Value("free", INT), *r.results), (block,), {"reverse": True}, r.where,
        ))  # fmt: skip
        return first.instrs, second.instrs

    def slots(self, out: Emitter, step: Step) -> Any:
        """How many snapshots there may be."""
        if isinstance(self.schedule, Slots):
            return self.schedule.count
        apart = 3 + self.most_arrays(step)
        state = (init for _, init, _ in step.state)
        return out.emit(
            kernels.snapshots_within, (self.schedule.count, apart, *state), "free"
        )  # fmt: skip

    def most_arrays(self, step: Step) -> int:
        """How many arrays a step and its reverse may have at one time."""
        instrs = [*step.kept, *step.r.blocks[0].instrs]
        last = {v: k for k, instr in enumerate(instrs) for v in instr.reads}
        ends = [0] * (len(instrs) + 1)
        for k, instr in enumerate(instrs):
            view = instr.op in ("getitem", "setitem", "add_at", np.transpose, np.reshape)
            for v in instr.results:
                if v.kind.tag != "scalar" and not view:
                    ends[k] += 1
                    ends[last.get(v, k) + 1] -= 1
        return max(itertools.accumulate(ends))

    def forward_sweep(self, out: Emitter, step: Step, stack: Value, count: Any, free: Any) -> Value:
        """The loop with the first snapshots; how many slots are free at its end."""
        f = step.f
        params, inits = carried(f)
        begin, slots = Value("at", INT), Value("free", INT)
        test = self.emitter(f.where)
        flag = test.emit(operator.lt, (begin, count), "more", BOOL)
        own = self.emitter(f.where)
        at, free_1 = Value("at", INT), Value("free", INT)
        outer = [p.like() for p in params]
        held = dict(zip(params, outer))
        own.push(stack, at, *(held[p] for p, _, _ in step.state))
        free_2 = own.counted(free_1, -1)
        to = own.emit(kernels.next_snapshot, (at, count, free_2), "stop")
        _, start, _, by = f.args[0]
        bounds = ("range", own.place(start, at, by, "start"), own.place(start, to, by, "stop"), by)
        ends = tuple(v.like() for v in f.results)
        own.instrs.append(without_twin(f).replace(args=(bounds, tuple(outer)), results=ends))
        body = Block((at, free_1, *outer), own.instrs, (to, free_2, *ends))
        tests = Block((begin, slots, *(p.like() for p in params)), test.instrs, (flag,))
        last = Value("free", INT)
        out.instrs.append(Instr("while", ((0, free, *inits),), None,
                                (Value("at", INT), last, *f.results, Value("n_iter", INT)),
                                (tests, body), None, f.where))  # fmt: skip
        return last

    def advance(self, out: Emitter, step: Step, stack: Value, at: Value, free: Any, target: Value,
                state: list[Value], start: Any, by: Any) -> list[Value]:  # fmt: skip
        """Run from a snapshot to a step, and take snapshots on the way."""
        begin = Value("at", INT)
        tests = Block((begin, Value("free", INT), *(v.like() for v in state)),
                      [Instr(operator.lt, (begin, target), None, (flag := Value("more", BOOL),))],
                      (flag,))  # fmt: skip
        own = self.emitter(step.r.where)
        at_1, free_1 = Value("at", INT), Value("free", INT)
        held = [v.like() for v in state]
        own.push(stack, at_1, *held)
        free_2 = own.counted(free_1, -1)
        end = own.plus(target, 1, "end")
        to = own.emit(kernels.next_snapshot, (at_1, end, free_2), "next")
        to = own.emit(min, (to, target), "stop")
        params = [v.like() for v in state]
        again = self.again(step, params)
        bounds = ("range", own.place(start, at_1, by, "start"), own.place(start, to, by, "stop"),
                  by)  # fmt: skip
        ends = tuple(v.like() for v in state)
        own.instrs.append(Instr("for", (bounds, tuple(held)), None, ends,
                                (Block((again.item, *params), again.instrs, again.ends()),),
                                None, step.f.where))  # fmt: skip
        body = Block((at_1, free_1, *held), own.instrs, (to, free_2, *ends))
        results = [Value("at", INT), Value("free", INT), *(v.like() for v in state)]
        out.instrs.append(Instr("while", ((at, free, *state),), None,
                                (*results, Value("n_iter", INT)), (tests, body), None,
                                step.r.where))  # fmt: skip
        return results


def without_twin(instr: Instr) -> Instr:
    return without(instr, "twin", "sweep")


def without(instr: Instr, *marks: str) -> Instr:
    return instr.replace(attrs={k: v for k, v in instr.attrs.items() if k not in marks})


class Step:
    """What a reverse sweep reads of the steps of a loop, and what it takes to compute it again.

    trails   the values that are read
    tested   whether one of them is computed by the test of a `while`
    kept     the instructions that make them, without the effects that are not repeated
    state    (parameter, first value, value at the end) of what is carried and needed for that
    """

    def __init__(self, f: Instr, r: Instr):
        self.f, self.r = f, r
        body = f.blocks[-1]
        params, inits = carried(f)
        home: dict[Value, Instr] = {}
        for instr in body.instrs:
            home.update(dict.fromkeys((*instr.results, *defined_inside(instr)), instr))
        tests = {v for b in f.blocks[:-1] for v in (*b.params, *(r for i in b.instrs
                                                                for r in i.results))}
        read = r.blocks[0].free
        own = set(body.params)
        self.trails = [v for v in read if v in home or v in own]
        self.tested = any(v in tests for v in read)
        ends = dict(zip(params, body.results))
        needed: set[Value] = set()
        kept: set[Instr] = set()
        todo = list(self.trails)
        while todo:
            v = todo.pop()
            if v in needed:
                continue
            needed.add(v)
            if v in ends:
                todo += flatten(ends[v])
            maker = home.get(v)
            if maker is not None and maker not in kept:
                kept.add(maker)
                todo += maker.reads
        self.kept = [quiet(i) for i in body.instrs if i in kept or i.op in SETTINGS]
        self.state = [(p, init, y) for p, init, y in zip(params, inits, body.results)
                      if p in needed]  # fmt: skip

    def is_dear(self) -> bool:
        """Whether a snapshot is an array or a list of which steps write a part, while numbers are
        all that is read: there are about as many steps as there are elements."""
        written = updated_in_place(self.f.blocks[-1])
        return any(p in written for p, _, _ in self.state) and all(
            v.kind.tag == "scalar" for v in self.trails
        )

    def new_stack(self, prelude: list[Instr]) -> Value:
        names = [p.name for p, _, _ in self.state]
        name = f"{names[0]}_snapshots" if len(names) == 1 and names[0] != "t" else "snapshots"
        stack = Value(name)
        prelude.append(Instr("stack", (), None, (stack,)))
        return stack

    def popped(self, out: Emitter, stack: Value) -> list[Value]:
        state = [p.like() for p, _, _ in self.state]
        out.instrs.append(Instr("pop", (stack,), None, tuple(state)))
        return state


SETTINGS = ("errstate_enter", "errstate_exit")


class Again(Copies):
    """The instructions of a step once more, with values of their own.

    leaf    nothing is kept from it: what it computes need not be computed a third time
    """

    def __init__(self, step: Step, params: Iterable[Value] = (), item: Any = None,
                 leaf: bool = False):  # fmt: skip
        super().__init__(dict(zip((p for p, _, _ in step.state), params)))
        self.step = step
        body = step.f.blocks[-1]
        self.item = Value("_", INT) if item is None else item
        if step.f.op == "for":
            if item is None:
                self.item = body.params[0].like()
            self.env[body.params[0]] = self.item
        self.instrs = [self.copied(i) for i in step.kept]
        if leaf:
            self.instrs = [without(i, "checkpoint") for i in self.instrs]

    def ends(self) -> tuple:
        return tuple(self.read(y) for _, _, y in self.step.state)

    def reverse(self, item: Any = None, d: tuple = ()) -> Block:
        """The reverse step, which reads the copies."""
        block = self.step.r.blocks[0]
        env = self.env
        if item is not None:
            env = env | dict(zip(block.params, (item, *d)))
        return renamed(block, env, self.twins)


class Emitter:
    """Instructions on ints; what is known is computed at once."""

    def __init__(self, where: Any, makers: dict[Value, Instr], attrs: dict | None = None):
        self.where, self.makers, self.attrs = where, makers, attrs
        self.instrs: list[Instr] = []

    def emit(self, op: Any, args: tuple, name: str, kind: Any = INT) -> Any:
        if not flatten(args):
            return op(*args)
        result = Value(name, kind)
        self.instrs.append(Instr(op, args, None, (result,), (), self.attrs, self.where))
        return result

    def counted(self, number: Value, by: int) -> Value:
        """`number += by`"""
        result = number.like()
        self.instrs.append(Instr(operator.add, (number, by), None, (result,), (),
                                 {"adjoint": True}, self.where))  # fmt: skip
        return result

    def push(self, stack: Value, *state: Value) -> None:
        self.instrs.append(Instr("push", (stack, *state), None, (), (), {"snapshot": True}))

    def named(self, constant: Any, name: str, kind: Any) -> Value:
        result = Value(name, kind)
        self.instrs.append(Instr("identity", (constant,), None, (result,), (), None, self.where))
        return result

    def plus(self, a: Any, b: Any, name: str) -> Any:
        if isinstance(b, int):
            if b == 0:
                return a
            if b < 0:
                return self.emit(operator.sub, (a, -b), name)
        return b if isinstance(a, int) and a == 0 else self.emit(operator.add, (a, b), name)

    def times(self, a: Any, b: Any, name: str) -> Any:
        return a if isinstance(b, int) and b == 1 else self.emit(operator.mul, (a, b), name)

    def steps(self, start: Any, stop: Any, by: Any) -> Any:
        """How many steps a range has; not more than none where it is empty."""
        if isinstance(by, int) and by == 1:
            if isinstance(start, int) and start == 0:
                return stop
            maker = self.makers.get(stop)
            if maker is not None and maker.op is operator.add and maker.args[0] is start:
                return maker.args[1]
            return self.emit(operator.sub, (stop, start), "steps")
        less = self.emit(operator.sub, (start, stop), "steps")
        return self.emit(operator.neg, (self.emit(operator.floordiv, (less, by), "steps"),),
                         "steps")  # fmt: skip

    def place(self, start: Any, number: Any, by: Any, name: str) -> Any:
        """The item of the step of a number."""
        return self.plus(start, self.times(number, by, name), name) if not (
            isinstance(start, int) and start == 0) else self.times(number, by, name)  # fmt: skip
