"""Views of views: an index into a slice is an index into what was sliced.

    v = getitem(y, 1:)
    a = getitem(v, 0)                   →    a = getitem(y, 1)
    z = setitem(y, (1:), 0, a)               z = setitem(y, (), 1, a)

Both indices are constants that are not negative, or missing: only then is the sum of two the place.
"""

from __future__ import annotations

from typing import Any

from srcdiff.transforms.ir import Block, Instr, Slice, Value


def composed_views(block: Block) -> Block:
    """
    >>> from srcdiff.transforms.text import parse_text
    >>> before = parse_text('''
    ...     (y: f8[5]):
    ...       v = getitem(y, 1:)
    ...       a = getitem(v, 0:2)
    ...       return a
    ... ''')
    >>> print(composed_views(before))
    (y: f8[5]):
      v = getitem(y, 1:)
      a = getitem(y, 1:3)
      return a
    """
    return composed(block, {})


def composed(block: Block, views: dict[Value, Instr]) -> Block:
    instrs = []
    for instr in block.instrs:
        if instr.blocks:
            blocks = tuple(composed(b, views) for b in instr.blocks)
            if any(a is not b for a, b in zip(blocks, instr.blocks)):
                instr = instr.replace(blocks=blocks)
        elif instr.op == "getitem" and isinstance(instr.args[0], Value):
            of = views.get(instr.args[0])
            if of is not None:
                key = together(of.args[1], instr.args[1])
                if key is not None:
                    instr = instr.replace(args=(of.args[0], key))
            if instr.args[0].kind.tag == "array" and is_plain_slice(instr.args[1]):
                views[instr.results[0]] = instr
        elif instr.op in ("setitem", "add_at"):
            instr = at_once(instr)
        instrs.append(instr)
    if all(a is b for a, b in zip(instrs, block.instrs)):
        return block
    return block.replace(instrs=instrs)


def at_once(instr: Instr) -> Instr:
    """The store with the end of its path in its key."""
    base, path, key, value = instr.args
    while path and path[-1][0] == "getitem" and base.kind.tag == "array":
        whole = path[-1][1] if key is ... else together(path[-1][1], key)
        if whole is None:
            break
        path, key = path[:-1], whole
    return instr if path is instr.args[1] else instr.replace(args=(base, path, key, value))


def is_plain_slice(key: Any) -> bool:
    """Whether a key is a slice from one constant to another, or without an end."""
    return type(key) is Slice and key.step in (None, 1) and all(
        part is None or is_count(part) for part in (key.start, key.stop)
    )  # fmt: skip


def is_count(part: Any) -> bool:
    return type(part) is int and part >= 0


def together(outer: Any, key: Any) -> Any:
    """`1` for `[1:][0]`; None if nothing can be said."""
    if not is_plain_slice(outer):
        return None
    start = outer.start or 0
    length = None if outer.stop is None else max(outer.stop - start, 0)
    if is_count(key):
        return start + key if length is None or key < length else None
    if not is_plain_slice(key):
        return None
    ends = [end for end in (length, key.stop) if end is not None]
    first = start + (key.start or 0)
    if not ends:
        return Slice(first or None)
    return Slice(first or None, start + min(ends))
