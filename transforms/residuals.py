"""Functions that save what their adjoint needs: where nothing needs it, they are called as written.

    y, res = f_fwd(x)         y = f(x)
    return y             →    return y

`call_declared` writes the first, for a function that is differentiated by a pair of functions; what
an adjoint reads stays.
"""

from __future__ import annotations

from srcdiff.transforms.ir import Block, Instr, uses, walk


def plain_calls(block: Block) -> Block:
    """Call the function itself where nobody reads what its first half has saved.

    >>> from srcdiff.transforms.kinds import FLOAT
    >>> from srcdiff.transforms.text import parse_text
    >>> block = parse_text('''
    ...     (x: f8):
    ...       y, res = math.frexp(x) primal=<abs>
    ...       return y
    ... ''', kinds=lambda instr: [FLOAT, FLOAT], names={"abs": abs})
    >>> print(plain_calls(block))
    (x: f8):
      y = builtins.abs(x)
      return y
    """
    if not any("primal" in instr.attrs for instr in walk(block)):
        return block
    read = set(uses(block))
    return _plain(block, read)


def _plain(block: Block, read: set) -> Block:
    instrs: list[Instr] = []
    for instr in block.instrs:
        if instr.blocks:
            instr = instr.replace(blocks=tuple(_plain(b, read) for b in instr.blocks))
        elif "primal" in instr.attrs and instr.results[-1] not in read:
            attrs = {k: v for k, v in instr.attrs.items() if k not in ("primal", "flat")}
            primal = instr.attrs["primal"]
            instr = instr.replace(op=primal, results=instr.results[:-1], attrs=attrs)
        instrs.append(instr)
    return block.replace(instrs=tuple(instrs))
