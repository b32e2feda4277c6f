"""Leaves: the copies that keep a derivative's variables apart are dropped once it is there.

    x' = identity(x) leaf            y = np.sin(x)
    y = np.sin(x')             →     d_x = np.cos(x)
    d_x = np.cos(x')

After all derivatives have been taken, the leaf of one is the value that it stands for.
"""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.ir import Block, Value, map_tree, substitute, walk


def drop_leaves(block: Block) -> Block:
    """Read what leaves stand for (see the module's docstring).

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> from srcdiff.transforms.text import parse_text
    >>> print(drop_leaves(parse_text('''
    ...     (x: f8):
    ...       y = identity(x) leaf
    ...       z = np.sin(y)
    ...       return z, y
    ... ''', kinds=lambda instr: [FLOAT])))
    (x: f8):
      z = np.sin(x)
      return z, x
    """
    env: dict[Value, Any] = {}
    for instr in walk(block):
        if instr.attrs.get("leaf") and isinstance(instr.args[0], Value):
            value = instr.args[0]
            env[instr.results[0]] = env.get(value, value)
    return _without(block, env) if env else block


def _without(block: Block, env: dict[Value, Any]) -> Block:
    instrs = []
    for instr in block.instrs:
        if not instr.blocks and instr.results and instr.results[0] in env:
            continue
        if instr.blocks:
            instr = instr.replace(blocks=tuple(_without(b, env) for b in instr.blocks))
        instrs.append(substitute(instr, env))
    results = tuple(map_tree(lambda v: env.get(v, v), r) for r in block.results)
    return Block(block.params, instrs, results)
