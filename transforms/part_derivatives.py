"""Derivatives by a part of an argument, inside a function that is differentiated.

    grad(f, wrt="p.w")(p, x)     →     grad(g, wrt=2)(p, x, p.w)

where g puts its last argument into the copy of p that it is given, and calls f.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

from typing import Any

from srcdiff.runtime.derivative import taken_apart
from srcdiff.transforms.mutation import Memory, describe
from srcdiff.transforms.references import Bound, Dict, Known, List, Object, Ref, Tuple


def is_part(each: Any) -> bool:
    """Whether an entry of `wrt` leads into something.

    >>> is_part("p.w"), is_part("p"), is_part(0)
    (True, False, False)
    """
    return isinstance(each, str) and not each.isidentifier()


class PartDerivatives(Memory):
    def with_parts(self, f: Ref, wrt: Any, args: tuple, kwargs: dict, names: list, name: str,
                   where: Any) -> tuple[Ref, Any, tuple]:  # fmt: skip
        """The function of the arguments and of the parts that `wrt` names, `wrt` as positions of
        these, and the arguments; those in `kwargs` are replaced there.

        names   of the positional parameters; `name` that of the function
        """
        ways, found = [], []
        parts: list[Ref] = []
        given, copied = list(args), set()
        for each in wrt if isinstance(wrt, tuple) else (wrt,):
            if not is_part(each):
                found.append(each)
                continue
            root, steps = taken_apart(each)
            place = root if root in kwargs else names.index(root) if root in names else len(args)
            if not isinstance(place, str) and place >= len(args):
                raise self.refuse(where, f"a derivative of `{name}` by `{each}`, inside a "
                                  "function that is differentiated or mapped,",
                                  "Make it an argument, as in grad(lambda w, …: …).")  # fmt: skip
            holder: Any = kwargs if isinstance(place, str) else given
            if place not in copied:
                holder[place] = self.private(holder[place], {}, False, where)
            copied.add(place)
            ref = holder[place]
            for step in steps:
                ref = self.held_parts(ref, each, where)[self.key_of(ref, step, each, where)]
            found.append(len(args) + len(parts))
            ways.append((place, steps, each))
            parts.append(ref)
            # What is passed twice could not be written.
            holder[place] = self.put_in(holder[place], steps, Known(None), each, where)
        if copied.intersection(names.index(w) if w in names else w for w in found):
            raise self.refuse(where, f"`wrt={wrt!r}`, which names one argument twice,",
                              "Name it once.")  # fmt: skip
        g = Bound((f, len(args), ways), "with parts")
        return g, tuple(found) if isinstance(wrt, tuple) else found[0], (*given, *parts)

    def call_with_parts(self, of: tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call of what `with_parts` has made, with copies of the arguments."""
        f, count, ways = of
        given, named = list(args[:count]), dict(kwargs)
        for (place, steps, each), part in zip(ways, args[count:]):
            holder: Any = named if isinstance(place, str) else given
            holder[place] = self.put_in(holder[place], steps, part, each, where)
        return self.call(f, tuple(given), named, where)

    def put_in(self, ref: Any, steps: list, part: Ref, each: str, where: Any) -> Ref:
        """The container with another part at the end of steps; what can be changed is."""
        if not steps:
            return part
        held, key = self.held_parts(ref, each, where), self.key_of(ref, steps[0], each, where)
        held = {**held, key: self.put_in(held[key], steps[1:], part, each, where)}
        if isinstance(ref, Tuple):
            return Tuple(tuple(held.values()), ref.cls)
        self.state.memory[ref.cell] = tuple(held.values()) if isinstance(ref, List) else held
        return ref

    def held_parts(self, ref: Any, each: str, where: Any) -> dict:
        held = self.parts_of(ref) if isinstance(ref, (Tuple, List, Dict, Object)) else None
        if held is None:
            raise self.refuse(where, f"a derivative by `{each}`, which leads into {describe(ref)},",
                              "Make it an argument, as in grad(lambda w, …: …).")  # fmt: skip
        return held

    def key_of(self, ref: Any, step: Any, each: str, where: Any) -> Any:
        """The key of a part of a container, from a step of `taken_apart`."""
        held = self.held_parts(ref, each, where)
        key = step[1] if type(step) is tuple and step[:1] == ("attr",) else step
        if isinstance(ref, Tuple) and key in getattr(ref.cls, "_fields", ()):
            key = ref.cls._fields.index(key)
        if isinstance(ref, (Tuple, List)) and isinstance(key, int) and key < 0:
            key += len(held)
        if key not in held:
            raise self.refuse(where, f"a derivative by `{each}`, which is not there,",
                              f"`{each}` leads into {describe(ref)}.")  # fmt: skip
        return key
