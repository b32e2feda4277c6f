"""Copies of instructions: what a reverse sweep computes once more, with values of its own."""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.ir import Block, Instr, Value, map_tree, new_twin

# Effects that a second run leaves out: they return nothing that is read.
ONCE = frozenset({"print", print, "assert", "append_outside", "check_length", "check_scalar"})
# What raises has not raised, and does not on the same numbers. Settings are made for a second run.
AGAIN = frozenset({"raise", "errstate_enter", "errstate_exit"})


def happens_once(instr: Instr) -> bool:
    """Whether an instruction cannot be written a second time, nor left out: a draw, a call that no
    one can see into."""
    op = instr.op
    if op in AGAIN or op in ONCE:
        return False
    return instr.effect or bool(instr.attrs.get("opaque"))


def quiet(instr: Instr) -> Instr:
    """A region without the effects that are not repeated."""
    if not instr.blocks:
        return instr
    blocks = tuple(b.replace(instrs=[quiet(i) for i in b.instrs if i.op not in ONCE])
                   for b in instr.blocks)  # fmt: skip
    return instr.replace(blocks=blocks)


class Copies:
    """Copies of instructions.

    env     value → its copy
    twins   twin number → that of the copy
    """

    def __init__(self, env: dict[Value, Any] | None = None):
        self.env: dict[Value, Any] = {} if env is None else env
        self.twins: dict[int, int] = {}

    def copied(self, instr: Instr) -> Instr:
        for r in instr.results:
            self.env[r] = r.like()
        blocks = []
        for block in instr.blocks:
            for p in block.params:
                self.env[p] = p.like()
            inner = [self.copied(i) for i in block.instrs]
            blocks.append(Block(self.read(block.params), inner, self.read(block.results)))
        attrs = dict(instr.attrs)
        if "twin" in attrs:
            attrs["twin"] = self.twins.setdefault(attrs["twin"], new_twin())
        return instr.replace(args=self.read(instr.args),
                             kwargs={k: self.read(v) for k, v in instr.kwargs.items()},
                             results=self.read(instr.results), blocks=tuple(blocks),
                             attrs=attrs)  # fmt: skip

    def read(self, tree: Any) -> Any:
        return map_tree(lambda v: self.env.get(v, v), tree)


def renamed(block: Block, env: dict[Value, Any], twins: dict[int, int]) -> Block:
    """The block reading `env[v]` for `v`, with other twin numbers."""

    def put(tree: Any) -> Any:
        return map_tree(lambda v: env.get(v, v), tree)

    def visit(block: Block) -> Block:
        instrs = []
        for instr in block.instrs:
            attrs = instr.attrs
            if attrs.get("twin") in twins:
                attrs = attrs | {"twin": twins[attrs["twin"]]}
            elif not any(v in env for v in instr.reads) and not instr.blocks:
                instrs.append(instr)
                continue
            instrs.append(instr.replace(
                args=put(instr.args), kwargs={k: put(a) for k, a in instr.kwargs.items()},
                blocks=tuple(map(visit, instr.blocks)), attrs=attrs))  # fmt: skip
        return Block(block.params, instrs, put(block.results))

    return visit(block)
