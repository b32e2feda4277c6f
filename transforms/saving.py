"""Saving: what the reverse sweep reads of a loop's steps is kept, pushed or recomputed.

    h = for t in range(n) carry (h = h0):        stack()
      y = np.tanh(…h…)                           h = for t in range(n) carry (h = h0):
      yield y                                      push(h_stack, h)
    d = for t in reversed range(n) …       →       …
      … y … h …                                  d, _ = for t in reversed range(n) … carry (c = h):
                                                   h = pop(h_stack)
                                                   … c … h …
                                                   yield …, h

Inside a reverse region a value of the forward twin means the value of the same step. Each such
trail is replaced. What is cheap is recomputed from what is at hand (slices, indices, scalars); of
the rest, the cheapest set is pushed on stacks: a minimum cut between what is there and what is
needed. Where the reverse body reads a carried value both before and after its step, one stack
serves: the value after step i is the value before step i + 1. In branches outside loops nothing
is pushed: the branch assigns a name, and the reverse branch reads it.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.transforms.ir import (
    SHAPE_READERS,
    UNDEFINED,
    Block,
    Instr,
    Value,
    defined_inside,
    flatten,
    map_tree,
    perhaps_unbound,
    substitute,
    substitute_block,
    updated_in_place,
    walk,
    writes_through_reshape,
)  # fmt: skip
from srcdiff.transforms.kinds import INT

FREE, NEVER = 0.0, 1e9
ALLOCATIONS = frozenset(
    {np.zeros, np.ones, np.empty, np.full, np.zeros_like, np.ones_like, np.full_like, np.copy}
)


def save_trails(block: Block) -> Block:
    """Replace every trail of a block (see the module's docstring).

    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (x: f8, n: int, d: f8):
    ...       s = for i in range(n) carry (p = x) twin 1:
    ...         q = np.exp(p)
    ...         yield q
    ...       d_x = for j in reversed range(n) carry (d_p = d) twin 1:
    ...         d_q = mul(d_p, p)
    ...         yield d_q
    ...       return s, d_x
    ... ''')
    >>> print(save_trails(before))
    (x: f8, n: int, d: f8):
      p_stack = stack()
      s = for i in range(n) carry (p = x) twin 1:
        push(p_stack, p)
        q = np.exp(p)
        yield q
      d_x = for j in reversed range(n) carry (d_p = d) twin 1:
        p.2 = pop(p_stack)
        d_q = mul(d_p, p.2)
        yield d_q
      return s, d_x
    """
    saving = Saving(block)
    instrs = saving.pairs(list(block.instrs))
    out: list[Instr] = []
    for i, instr in enumerate(instrs):
        out += saving.prelude.get(i, ())
        out.append(instr)
    return Block(block.params, out, block.results)


class Earlier(NamedTuple):
    """The sweeps before a pair of regions: their blocks, and all that is defined inside them."""

    blocks: list[Block]
    inside: set[Value]


NOTHING = Earlier([], set())


class Saving:
    def __init__(self, program: Block) -> None:
        # Versions of arrays of which parts are overwritten.
        self.updated = updated_in_place(program)
        self.unbound = perhaps_unbound(program)  # what some paths leave unbound
        self.sweeps: dict[int, list[Instr]] = {}  # twin → its regions, in order
        for instr in walk(program):
            if "twin" in instr.attrs:
                self.sweeps.setdefault(instr.attrs["twin"], []).append(instr)
        self.prelude: dict[int, list[Instr]] = {}  # number of an instruction → the stacks before it
        self.top: int | None = None

    # ------------------------------------------------------------------ pairs of regions

    def pairs(self, instrs: list[Instr], split: int = 0) -> list[Instr]:
        """Treat the pairs of regions among the instructions of one block, the last ones first.

        split    how many of them are those of the forward half of a pair of loops
        """
        for j in reversed(range(split, len(instrs))):
            if not instrs[j].blocks:
                continue
            outermost = self.top is None
            partners = self.partners(instrs, j, split)
            for i in partners:
                if outermost:
                    self.top = i
                across = i < split
                pair = self.branches if instrs[j].op == "if" else self.loop
                instrs[i], instrs[j] = pair(instrs[i], instrs[j], across)
            if not partners:
                if outermost:
                    self.top = j
                instrs[j] = self.alone(instrs[j])
            if "sweep" in instrs[j].attrs:  # from here on nothing is handed on
                attrs = {k: v for k, v in instrs[j].attrs.items() if k != "sweep"}
                instrs[j] = instrs[j].replace(attrs=attrs)
            if outermost:
                self.top = None
        return instrs

    def partners(self, instrs: list[Instr], j: int, split: int) -> list[int]:
        """What a region may read trails of: a loop, of the one before it, which runs the other way;
        a branch, of all those before it, as far as they are of the same step."""
        twin = instrs[j].attrs.get("twin")
        if twin is None:
            return []
        found = [i for i in reversed(range(j)) if instrs[i].attrs.get("twin") == twin]
        if instrs[j].op != "if":
            back = instrs[j].attrs.get("reverse", False)
            return [i for i in found[:1] if instrs[i].attrs.get("reverse", False) != back]
        return [i for n, i in enumerate(found) if i >= split or n == 0 or found[n - 1] >= split]

    def alone(self, instr: Instr) -> Instr:
        """Treat the pairs inside a region that is no reverse sweep."""
        blocks = tuple(b.replace(instrs=self.pairs(list(b.instrs))) for b in instr.blocks)
        return instr.replace(blocks=blocks)

    def blocks(self, fb: Block, rb: Block) -> tuple[Block, Block]:
        """Treat the pairs of which one half is in `fb` and the other in `rb`, or both in `rb`."""
        n = len(fb.instrs)
        joined = self.pairs([*fb.instrs, *rb.instrs], n)
        return fb.replace(instrs=joined[:n]), rb.replace(instrs=joined[n:])

    def earlier(self, f: Instr, r: Instr, side: int) -> Earlier:
        """The sweeps before `f`, whose values `r` may read, too: `f` hands them on."""
        sweeps = self.sweeps[r.attrs["twin"]]
        if len(sweeps) == 2:
            return NOTHING
        known = definitions(f.blocks[side]) | definitions(r.blocks[side])
        blocks = [each.blocks[side] for each in sweeps]
        inside = {v for each in sweeps for v in defined_inside(each)}
        return Earlier([b for b in blocks if not known & definitions(b)], inside)

    def loop(self, f: Instr, r: Instr, across: bool) -> tuple[Instr, Instr]:
        earlier = self.earlier(f, r, -1)
        fb, rb = self.blocks(f.blocks[-1], r.blocks[0])
        params = fb.params[1:] if f.op == "for" else fb.params
        carries = list(zip(params, fb.results, f.results))
        index: dict[Value, Value] = {}
        for each in self.sweeps[r.attrs["twin"]]:
            index |= {each.blocks[0].params[0]: rb.params[0]} if each.op == "for" else (
                self.numbers(each, r))  # fmt: skip
        index.pop(rb.params[0], None)
        plan = Plan(fb, rb, carries, index, self.updated, self.unbound, earlier)
        stacks = self.stacks(plan.stored)
        body = plan.apply(stacks)
        new_params, inits, yields, results = [], [], [], []
        env: dict[Value, Any] = {}
        for before, after, result in plan.chained:
            current = Value(before.name, before.kind, before.user)
            new_params.append(current)
            inits.append(result)
            yields.append(plan.env[before])
            results.append(Value(before.name, before.kind, before.user))
            env[after] = current
        ends = substitute_results(rb, plan.env).results
        rb = Block((*rb.params, *new_params), body, (*ends, *yields))
        if env:
            rb = substitute_block_deep(rb, env)
        pushed = insert_pushes(plan.fb, stacks, plan.handed_on)
        bounds, starts = r.args
        r = r.replace(args=(bounds, (*starts, *inits)), blocks=(rb,),
                      results=(*r.results, *results))  # fmt: skip
        return f.replace(blocks=(*f.blocks[:-1], pushed)), r

    def numbers(self, f: Instr, r: Instr) -> dict[Value, Value]:
        """Carried ints of a `while` that number its steps from 0: what they are in the reverse."""
        start, _, step = r.args[0][1:]
        body, (item, *_) = f.blocks[-1], r.blocks[0].params
        if start != 0 or step != 1:
            return {}
        makers = {v: i for i in body.instrs for v in i.results}
        found = {}
        for p, init, y in zip(body.params, f.args[0], body.results):
            maker = makers.get(y) if isinstance(y, Value) else None
            if type(init) is int and init == 0 and maker is not None and maker.op is operator.add:
                if maker.args[0] is p and type(maker.args[1]) is int and maker.args[1] == 1:
                    found[p] = item
                    item.name, item.user = p.name, p.user
        return found

    def branches(self, f: Instr, r: Instr, across: bool) -> tuple[Instr, Instr]:
        forward, backward = [], []
        extra: list[tuple[int, Value, Value]] = []
        for side, (fb, rb) in enumerate(zip(f.blocks, r.blocks)):
            earlier = self.earlier(f, r, side) if across else NOTHING
            fb, rb = self.blocks(fb, rb)
            if across:
                plan = Plan(fb, rb, [], {}, self.updated, self.unbound, earlier)
                stacks = self.stacks(plan.stored)
                body = plan.apply(stacks)
                forward.append(insert_pushes(plan.fb, stacks, plan.handed_on))
                backward.append(substitute_results(rb.replace(instrs=body), plan.env))
            else:
                defined = definitions(fb)
                env: dict[Value, Value] = {}
                rb = self.read_again(fb, rb, defined)
                for v in rb.free:
                    if v in defined and v in fb.results:
                        env[v] = f.results[fb.results.index(v)]
                    elif v in defined:
                        out = v.like()
                        extra.append((side, v, out))
                        env[v] = out
                forward.append(fb)
                backward.append(substitute_block(rb, env))
        if extra:
            forward = [
                fb.replace(results=(
                    *fb.results, *(v if s == side else UNDEFINED for s, v, _ in extra)
                )) for side, fb in enumerate(forward)
            ]  # fmt: skip
            f = f.replace(results=(*f.results, *(out for _, _, out in extra)))
        return f.replace(blocks=tuple(forward)), r.replace(blocks=tuple(backward))

    def read_again(self, fb: Block, rb: Block, defined: set[Value]) -> Block:
        """The reverse branch, which reads parts of arrays that stay by itself."""
        makers = {r: i for i in fb.instrs if i.op == "getitem" for r in i.results}
        again: list[Instr] = []
        env: dict[Value, Value] = {}

        def stays(v: Value) -> bool:
            if v in env:
                return True
            maker = makers.get(v)
            if maker is None or any(o in self.updated for o in maker.operands):
                return v not in defined
            if not all(map(stays, maker.operands)):
                return False
            env[v] = v.like()
            again.append(substitute(maker, env).replace(results=(env[v],)))
            return True

        for v in rb.free:
            if v in makers:
                stays(v)
        if not again:
            return rb
        return substitute_block(rb, env).replace(
            instrs=(*again, *substitute_block(rb, env).instrs)
        )

    def stacks(self, stored: list[Value]) -> dict[Value, list[Value]]:
        """A stack for what is stored: a tuple of several values is one entry."""
        if not stored:
            return {}
        assert self.top is not None
        name = stored[0].name if len(stored) == 1 else "t"
        stack = Value(f"{name}_stack" if name not in ("t", "d_t") else "stack")
        self.prelude.setdefault(self.top, []).append(Instr("stack", (), None, (stack,)))
        return {stack: stored}


def meaning(instr: Instr) -> Any:
    """What a function is called with; None for what is not a call of a plain function."""
    plain = callable(instr.op) and len(instr.results) == 1 and not instr.effect and not instr.blocks
    if not plain or instr.op in ALLOCATIONS or {"opaque", "again"} & instr.attrs.keys():
        return None
    if not any(v.kind.numeric for v in instr.operands):
        return None
    constants = repr(map_tree(lambda v: "", (instr.args, instr.kwargs)))  # 1 is not 1.0
    return instr.op, instr.operands, constants


def definitions(block: Block) -> set[Value]:
    """What a block itself defines, blocks inside it apart."""
    found = set(block.params)
    for instr in block.instrs:
        found.update(instr.results)
    return found


def substitute_results(block: Block, env: dict) -> Block:
    return Block(block.params, block.instrs,
                 tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results))  # fmt: skip


def substitute_block_deep(block: Block, env: dict) -> Block:
    """Substitute in a block that may also name the values itself."""
    return Block(block.params, [substitute(i, env) for i in block.instrs],
                 tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results))  # fmt: skip


def insert_pushes(
    block: Block, stacks: dict[Value, list[Value]], handed_on: list[Value]
) -> Block:
    """Push what is stored as soon as all of it is there: what is handed on, from the start."""
    instrs = []
    waiting = {stack: set(stored) for stack, stored in stacks.items()}

    def push(defined: Any) -> None:
        for stack, missing in waiting.items():
            if not missing:
                continue
            missing.difference_update(defined)
            if not missing:
                instrs.append(Instr("push", (stack, *stacks[stack])))

    push((*block.params, *handed_on))
    for instr in block.instrs:
        instrs.append(instr)
        push(instr.results)
    return block.replace(instrs=instrs)


class Plan:
    """Which values of a forward block its reverse block stores, recomputes or already has.

    stored    pushed in the forward block, popped in the reverse block
    chained   (before, after, result): carried values of which both ends are read
    env       value of the forward block → its stand-in in the reverse block
    handed_on    values of earlier sweeps, which the forward block reads to hand them on
    """

    def __init__(self, fb: Block, rb: Block, carries: list[tuple], at_hand: dict[Value, Value],
                 updated: set[Value], unbound: set[Value], earlier: Earlier):  # fmt: skip
        self.fb, self.rb = fb, rb
        self.unbound = unbound
        self.env: dict[Value, Value] = dict(at_hand)
        known = [v for v in fb.params if v not in at_hand]
        self.maker: dict[Value, Instr] = {}
        for instr in fb.instrs:
            known += instr.results
            self.maker.update(dict.fromkeys(instr.results, instr))
        self.handed_on: list[Value] = []
        self.inside = earlier.inside
        for block in earlier.blocks:
            self.handed_on += [v for v in block.params if v not in at_hand]
            for instr in block.instrs:
                self.handed_on += instr.results
                self.maker.update(dict.fromkeys(instr.results, instr))
        self.defined = {v: i for i, v in enumerate([*self.handed_on, *known])}
        self.reuse()
        self.rewrite_shape_reads()
        self.updated = updated
        self.measure()
        needs = [v for v in self.rb.free if v in self.defined]
        self.counts = dict(self.counters(carries))
        self.counted: list[Value] = []
        self.carried_out = {y for p, y, _ in carries if isinstance(y, Value) and p in needs}
        self.chained: list[tuple] = []
        self.stored: list[Value] = []
        self.recomputed: list[Value] = []
        if not needs:
            self.counts = {}
        if needs:
            self.choose(needs, carries)

    def reuse(self) -> None:
        """What the forward step has computed of the same values is read, not computed again."""
        made: dict[Any, Value] = {}
        for instr in self.fb.instrs:
            key = meaning(instr)
            if key is not None:
                made.setdefault(key, instr.results[0])
        env: dict[Value, Value] = {}
        instrs = []
        for instr in self.rb.instrs:
            instr = substitute(instr, env)
            key = meaning(instr)
            if key is not None and key in made:
                env[instr.results[0]] = made[key]
            else:
                instrs.append(instr)
        if env:
            self.rb = substitute_results(self.rb.replace(instrs=instrs), env)

    def rewrite_shape_reads(self) -> None:
        """What is read for its shape alone is not needed where something else has that shape."""

        def only_shape(instr: Instr) -> bool:
            return instr.op in SHAPE_READERS and bool(instr.args) and \
                isinstance(instr.args[0], Value) and instr.args[0] in self.defined  # fmt: skip

        needed = {v for i in self.rb.instrs if not only_shape(i) for v in i.reads}
        shapes: dict[Any, Value] = {}
        ordered = writes_through_reshape(self.rb)
        around = [v for v in self.fb.free if v not in self.inside]
        for v in (*around, *self.rb.params, *sorted(
            (v for v in needed if v in self.defined), key=self.defined.__getitem__)):  # fmt: skip
            if v.kind.tag == "array" and v.kind.shape is not None and v not in self.unbound:
                shapes.setdefault(v.kind.shape, v)
                shapes.setdefault((v.kind.dtype, v.kind.shape), v)
        instrs = []
        for instr in self.rb.instrs:
            if only_shape(instr):
                kind = instr.args[0].kind
                like = instr.op in (np.zeros_like, np.ones_like)
                other = shapes.get((kind.dtype, kind.shape) if like else kind.shape)
                if like and ordered and kind.rank != 1:  # they are in the order of their model
                    other = None
                if other is not None and kind.tag == "array":
                    instr = instr.replace(args=(other, *instr.args[1:]))
            instrs.append(instr)
        self.rb = self.rb.replace(instrs=instrs)

    def measure(self) -> None:
        """Of what is read for its shape alone, the forward block keeps the shape."""
        asked: dict[Value, list[Instr]] = {}
        for instr in self.rb.instrs:
            for v in dict.fromkeys(instr.reads):
                if v in self.defined and v.kind.tag == "array":
                    asked.setdefault(v, []).append(instr)
        left = set(flatten(self.rb.results))
        made: list[Instr] = []
        env: dict[Value, Value] = {}
        for v, instrs in asked.items():
            shapes = all(i.op in ("shape", np.shape) for i in instrs)
            if v in left or self.is_at_hand(v) or not shapes:
                continue
            for instr in instrs:
                (old,) = instr.results
                env[old] = old.like()
                made.append(instr.replace(results=(env[old],)))
        if not made:
            return
        for instr in made:
            self.maker.update(dict.fromkeys(instr.results, instr))
            self.defined.update({r: len(self.defined) for r in instr.results})
        kept = [i for i in self.rb.instrs if not (i.results and i.results[0] in env)]
        self.rb = substitute_results(
            self.rb.replace(instrs=[substitute(i, env) for i in kept]), env
        )
        self.fb = self.fb.replace(instrs=[*self.fb.instrs, *made])

    def counters(self, carries: list[tuple]) -> Iterator[tuple[Value, tuple]]:
        """Carried ints that a step moves by a constant: each → its next value, how to go back."""
        for p, y, _ in carries:
            maker = self.maker.get(y) if isinstance(y, Value) else None
            if maker is None or maker.op not in (operator.add, operator.sub) or p.kind.size:
                continue
            if p not in self.defined:
                continue
            a, by = maker.args
            ints = p.kind == y.kind == INT and type(by) is int
            if ints and a is p and y not in self.unbound:
                back = operator.sub if maker.op is operator.add else operator.add
                yield p, (y, back, by)

    def is_at_hand(self, v: Value) -> bool:
        """Whether it is a view of what is there anyway."""
        arrays = [o for o in self.maker[v].operands if o.kind.tag == "array"] if (
            v in self.maker) else [v]  # fmt: skip
        return self.compute_cost(v) < 1.0 and not any(o in self.defined for o in arrays)

    # costs, in units of a list append: time first, memory second

    def store_cost(self, v: Value) -> float:
        kind = v.kind
        if v in self.counts:
            return 0.6
        if kind.tag == "scalar":
            return 0.8 if v in self.carried_out else 2.9  # the next step's value before it
        if kind.tag == "array":
            if v in self.updated and self.maker.get(v) is None:
                return 60.0  # a whole buffer of which a step changes a part
            if v in self.updated:
                return 60.0
            instr = self.maker.get(v)
            copied = instr is not None and instr.op == "getitem"
            return 4.0 + (kind.rank or 1) + 3.0 * copied
        return 60.0 if kind.tag == "list" and v in self.updated else 3.0

    def compute_cost(self, v: Value) -> float:
        instr = self.maker.get(v)
        if instr is None or instr.blocks or instr.effect or len(instr.results) != 1:
            return NEVER
        if instr.op == "shape" or instr.op is len:
            return 0.5
        if any(o in self.updated for o in instr.operands):
            return NEVER  # what is read then is gone when the reverse sweep comes
        if instr.op == "getitem" and instr.args[0].kind.tag == "list":
            return 1.2 if instr.args[0] not in self.defined else NEVER
        if instr.op == "getitem":
            return 1.2 if v.kind.tag == "scalar" else 0.5 if is_view(instr) else 9.0
        if instr.op == "identity":
            return 0.5
        if isinstance(instr.op, str):
            return NEVER
        if v.kind.tag == "scalar" and all(o.kind.tag == "scalar" for o in instr.operands):
            return 1.0 if instr.op in CHEAP else 3.0
        if instr.op in VIEWS:
            return 0.6
        if instr.op in CHEAP and v.kind.tag == "array":
            return 5.5 + (v.kind.rank or 1)
        return NEVER

    def choose(self, needs: list[Value], carries: list[tuple]) -> None:
        network = Network()
        pending, seen = list(needs), set()
        for v in needs:
            network.edge("source", (v, "in"), NEVER)
        while pending:
            v = pending.pop()
            if v in seen:
                continue
            seen.add(v)
            network.edge((v, "in"), (v, "out"), self.store_cost(v))
            cost = self.compute_cost(v)
            network.edge((v, "out"), "sink", cost)
            if cost < NEVER:
                for operand in self.maker[v].operands:
                    if operand in self.defined:
                        network.edge((v, "out"), (operand, "in"), NEVER)
                        pending.append(operand)
        reached = network.cut("source", "sink")
        order = sorted(seen, key=self.defined.__getitem__)
        stored = [v for v in order if (v, "in") in reached and (v, "out") not in reached]
        self.recomputed = [v for v in order if (v, "out") in reached]
        ends = {y: (p, r) for p, y, r in carries if isinstance(y, Value)}
        for p, (y, _, _) in self.counts.items():
            if p in stored:
                stored = [v for v in stored if v is not y]
                stored.remove(p)
                self.recomputed = [v for v in self.recomputed if v is not y]
                self.counted.append(p)
                self.chained.append((p, y, ends[y][1]))
        for v in list(stored):
            if v in {before for before, _, _ in self.chained}:
                continue  # its own stack is what another is read from
            if v in ends and ends[v][0] in stored and v is not ends[v][0] \
                    and v.kind == ends[v][0].kind:  # fmt: skip
                before, result = ends[v]
                self.chained.append((before, v, result))
                stored.remove(v)
        self.stored = stored

    def apply(self, stacks: dict[Value, list[Value]]) -> list[Instr]:
        """The reverse block's instructions, reading stand-ins."""
        head: list[Instr] = []
        for stack, stored in stacks.items():
            self.env.update({v: v.like() for v in stored})
            head.append(Instr("pop", (stack,), None, tuple(self.env[v] for v in stored)))
        for p in self.counted:
            after, back, by = self.counts[p]
            self.env[p] = p.like()
            head.append(Instr(back, (after, by), None, (self.env[p],)))
        for v in self.recomputed:
            made = substitute(self.maker[v], self.env)
            self.env[v] = v.like()
            head.append(made.replace(results=(self.env[v],)))
        chained = {after for _, after, _ in self.chained}
        lost = [
            v
            for v in self.rb.free
            if v in self.defined and v not in self.env | dict.fromkeys(chained)
        ]
        assert not lost, f"the reverse sweep reads {lost}, which is neither saved nor recomputed"
        return place(head, [substitute(i, self.env) for i in self.rb.instrs])


def place(head: list[Instr], body: list[Instr]) -> list[Instr]:
    """Put each pop and recomputation before the first that reads it."""
    waiting = {r: i for i in head for r in i.results}
    out: list[Instr] = []

    def fetch(instr: Instr) -> None:
        for v in instr.reads:
            made = waiting.get(v)
            if made is not None:
                for r in made.results:
                    waiting.pop(r, None)
                fetch(made)
                out.append(made)

    for instr in body:
        fetch(instr)
        out.append(instr)
    return [*out, *dict.fromkeys(waiting.values())]


def is_view(instr: Instr) -> bool:
    key = instr.args[1]
    return not any(v.kind.tag == "array" for v in flatten(key))


CHEAP = frozenset({
    operator.add, operator.sub, operator.mul, operator.neg, operator.truediv, operator.lt,
    operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.not_, operator.and_,
    operator.or_, operator.floordiv, operator.mod, operator.pos, min, max,
})  # fmt: skip
VIEWS = frozenset({np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze})


class Network:
    """A flow network; `cut` finds the minimum cut (Edmonds and Karp 1972).

    >>> network = Network()
    >>> network.edge("s", "a", 9.0); network.edge("a", "t", 2.0)
    >>> sorted(network.cut("s", "t"))
    ['a', 's']
    """

    def __init__(self) -> None:
        self.capacity: dict[Any, dict[Any, float]] = {}

    def edge(self, a: Any, b: Any, capacity: float) -> None:
        self.capacity.setdefault(a, {})
        self.capacity.setdefault(b, {}).setdefault(a, 0.0)
        self.capacity[a][b] = self.capacity[a].get(b, 0.0) + capacity

    def cut(self, source: Any, sink: Any) -> set:
        """The nodes on the source's side of a minimum cut."""
        while True:
            parent: dict[Any, Any] = {source: None}
            queue = deque([source])
            while queue and sink not in parent:
                node = queue.popleft()
                for after, left in self.capacity[node].items():
                    if left > 1e-9 and after not in parent:
                        parent[after] = node
                        queue.append(after)
            if sink not in parent:
                return set(parent)
            path = []
            node = sink
            while parent[node] is not None:
                path.append((parent[node], node))
                node = parent[node]
            flow = min(self.capacity[a][b] for a, b in path)
            for a, b in path:
                self.capacity[a][b] -= flow
                self.capacity[b][a] += flow
