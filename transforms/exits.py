"""Exits: what a loop computes only in the step that ends it is computed after the loop.

    returned, r = for i in range(n) carry            returned, k = for i in range(n) carry
        (c.1 = False, r.1 = undefined) may_break:        (c.1 = False, k.1 = undefined) may_break:
      v = getitem(x, i)                                v = getitem(x, i)
      c = gt(v, 0.5)                                   c = gt(v, 0.5)
      r.2 = if c:                                      yield c, i, c
        t = mul(v, v)                      →         r = if returned:
        yield t                                        v.2 = getitem(x, k)
      else:                                            t = mul(v.2, v.2)
        yield undefined                                yield t
      yield c, r.2, c                                else:
                                                       yield undefined

A `return` inside a loop makes such a step. The loop then carries nothing that has a derivative: it
needs no reverse sweep. What is read of the step must be an element or a part of an array from
outside the loop, or a whole number, which the loop hands out.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from srcdiff.transforms.ir import UNDEFINED, Block, Instr, Value, has_effect, substitute, uses
from srcdiff.transforms.kinds import BOOL


def exits(block: Block) -> Block:
    """Compute what belongs to the last step after the loop (see the module's docstring)."""
    return left(block, Counter(uses(block)))


def left(block: Block, reads: Counter) -> Block:
    instrs: list[Instr] = []
    for instr in block.instrs:
        if instr.blocks:
            blocks = tuple(left(b, reads) for b in instr.blocks)
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr = instr.replace(blocks=blocks)
        instrs += after_loop(instr, reads)
    if len(instrs) == len(block.instrs) and all(map(lambda a, b: a is b, instrs, block.instrs)):
        return block
    return block.replace(instrs=instrs)


def after_loop(loop: Instr, reads: Counter) -> list[Instr]:
    """The loop, and after it what its last step computes."""
    if loop.op != "for" or not loop.attrs.get("may_break"):
        return [loop]
    after: list[Instr] = []
    for k in reversed(range(len(loop.args[1]))):
        found = Exit(loop, k, reads).split()
        if found is not None:
            loop, branch = found
            after.insert(0, branch)
    return [loop, *after]


class Exit:
    """One carried value of a loop that may be left."""

    def __init__(self, loop: Instr, k: int, reads: Counter) -> None:
        self.loop, self.k, self.reads = loop, k, reads
        self.body = loop.blocks[0]
        self.makers = {r: i for i in self.body.instrs for r in i.results}

    def split(self) -> tuple[Instr, Instr] | None:
        body, k = self.body, self.k
        bounds, inits = self.loop.args
        item, *params = body.params
        end = body.results[k]
        branch = self.makers.get(end) if isinstance(end, Value) else None
        if inits[k] is not UNDEFINED or self.reads[params[k]] or branch is None:
            return None
        if branch.op != "if" or self.reads[end] != 1 or not self.leaves(branch.args[0]):
            return None
        place = branch.results.index(end)
        then, other = branch.blocks
        value = then.results[place]
        if other.results[place] is not UNDEFINED or value is UNDEFINED:
            return None
        at = body.instrs.index(branch)
        if any(has_effect(i) for i in (branch, *body.instrs[at:])):
            return None
        handed: dict[Value, Value] = {}
        moved = self.needed([*then.instrs], [value], handed)
        if moved is None:
            return None
        return self.made(branch, place, moved, value, handed)

    def leaves(self, test: Any) -> bool:
        """Whether the loop ends in a step in which the test holds."""
        flag = self.body.results[-1]
        while isinstance(flag, Value) and flag is not test:
            maker = self.makers.get(flag)
            if maker is None or maker.op != "if" or maker.args[0] is not test:
                return False
            flag = maker.blocks[0].results[maker.results.index(flag)]
            return flag is True
        return flag is test and isinstance(test, Value)

    def needed(self, own: list[Instr], values: list, handed: dict) -> list[Instr] | None:
        """What is computed again after the loop; `handed` gets the numbers that are handed out."""
        if any(i.blocks or i.effect or i.attrs.get("opaque") for i in own):
            return None
        made = {r: i for i in own for r in i.results}
        pending = [v for i in own for v in i.operands] + [v for v in values if type(v) is Value]
        again: dict[Instr, None] = {}
        while pending:
            v = pending.pop()
            maker = self.makers.get(v)
            if v in made or v in handed or maker in again:
                continue
            if maker is not None and maker.op == "getitem" and not maker.attrs.get("opaque"):
                again[maker] = None
                pending.extend(maker.operands)
            elif maker is not None or v is self.body.params[0]:
                if v.kind.tag != "scalar" or v.kind.dtype is None or v.kind.dtype.kind not in "biu":
                    return None
                handed[v] = v.like()
            elif v in self.body.params:
                return None
        return [*(i for i in self.body.instrs if i in again), *own]

    def made(self, branch: Instr, place: int, moved: list[Instr], value: Any,
             handed: dict[Value, Value]) -> tuple[Instr, Instr]:  # fmt: skip
        loop, body, k = self.loop, self.body, self.k
        bounds, inits = loop.args
        params, ends, results = list(body.params[1:]), list(body.results), list(loop.results)
        starts = list(inits)
        (gone,) = results[k : k + 1]
        for each in (params, ends, results, starts):
            del each[k]
        test = branch.args[0]
        count = len(params)

        def carry(v: Value, init: Any, result: Value) -> None:
            params.append(v.like())
            starts.append(init)
            ends.insert(len(params) - 1, v)
            results.insert(len(params) - 1, result)

        at = next((j for j in range(count) if ends[j] is test and starts[j] is False), None)
        if at is None:
            flag = Value("left", BOOL)
            carry(test, False, flag)
        else:
            flag = results[at]
        for v, result in handed.items():
            carry(v, UNDEFINED, result)
        rest = branch.replace(
            results=without(branch.results, place),
            blocks=tuple(b.replace(results=without(b.results, place)) for b in branch.blocks),
        )
        instrs = [rest if i is branch else i for i in body.instrs]
        block = Block((body.params[0], *params), instrs, tuple(ends))
        loop = loop.replace(args=(bounds, tuple(starts)), blocks=(block,), results=tuple(results))
        env: dict[Value, Any] = dict(handed)
        steps = []
        for each in moved:
            each = substitute(each, env)
            made = tuple(r.like() for r in each.results)
            env.update(zip(each.results, made))
            steps.append(each.replace(results=made))
        out = env.get(value, value) if isinstance(value, Value) else value
        last = Instr("if", (flag,), None, (gone,),
                     (Block((), steps, (out,)), Block((), (), (UNDEFINED,))),
                     {"choice": True}, branch.where)  # fmt: skip
        return loop, last


def without(values: tuple, place: int) -> tuple:
    return (*values[:place], *values[place + 1 :])
