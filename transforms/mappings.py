"""Dicts and sets whose keys are known: they are taken apart, nothing of them is left to run.

    d = {"w": w}; d["b"] = b; d | {"c": c}         references under known keys
    s = {1, 2} | {i % 2 for i in range(5)}         a dict of its elements, of the class `set`

`Possible` is the item of a key that only some paths have set: it can be read, which raises where it
is not there, but nothing can depend on whether it is there.
"""

from __future__ import annotations

import collections
import operator
from collections.abc import Callable
from typing import Any

from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import (
    Cell,
    Dict,
    Fields,
    Known,
    Missing,
    Plain,
    Possible,
    Ref,
    Tuple,
    static_ref,
)  # fmt: skip

SETS = (set, frozenset)
MOST = 12  # keys of which one may be chosen in branches


class Mappings(Memory):
    # ------------------------------------------------------------------ making

    def new_dict(self, held: dict, cls: Any = None, missing: Any = None) -> Dict:
        cell = Cell("items", cls, missing)
        self.state.memory[cell] = held
        return Dict(cell)

    def new_set(self, elements: Any, cls: Any = set) -> Dict:
        return self.new_dict(dict.fromkeys(elements, Known(None)), cls)

    def call_dict(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.new_dict({**self.pairs(args, where), **kwargs})

    def pairs(self, args: tuple, where: Any) -> dict:
        """What `dict(…)` and `update` are given."""
        held: dict = {}
        if args and isinstance(args[0], Dict) and args[0].cell.cls not in SETS:
            return dict(self.whole(args[0], where))
        if args:
            for pair in self.items(args[0], where):
                key, value = self.items(pair, where)
                held[self.known(key, where, "a dict's key")] = value
        return held

    def call_defaultdict(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        missing, *rest = args or (Known(None),)
        if isinstance(missing, Known) and missing.obj is None:
            missing = None
        held = {**self.pairs(tuple(rest), where), **kwargs}
        return self.new_dict(held, collections.defaultdict, missing)

    def call_ordered(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = {**self.pairs(args, where), **kwargs}
        return self.new_dict(held, collections.OrderedDict)

    def call_counter(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        if args and isinstance(args[0], Dict) and args[0].cell.cls not in SETS:
            return self.new_dict({**self.whole(args[0], where), **kwargs}, collections.Counter)
        counts: dict = {}
        for item in self.items(args[0], where) if args else ():
            key = self.known(item, where, "what is counted")
            counts[key] = counts.get(key, 0) + 1
        held = {k: Known(n) for k, n in counts.items()}
        return self.new_dict({**held, **kwargs}, collections.Counter)

    def call_fromkeys(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        value = args[1] if len(args) > 1 else Known(None)
        keys = [self.known(k, where, "a dict's key") for k in self.items(args[0], where)]
        return self.new_dict(dict.fromkeys(keys, value))

    def call_set(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.new_set(self.elements(args[0], where) if args else ())

    def call_frozenset(self, args: tuple, kwargs: dict, where: Any) -> Ref:
        return self.new_set(self.elements(args[0], where) if args else (), frozenset)

    def elements(self, ref: Any, where: Any) -> list:
        if isinstance(ref, Known) and isinstance(ref.obj, SETS):
            return list(ref.obj)
        return [self.known(r, where, "the element of a set") for r in self.items(ref, where)]

    # ------------------------------------------------------------------ reading

    def may_lack(self, ref: Dict, key: Any) -> bool:
        """Whether a dict has this key on some paths only."""
        inner = isinstance(ref.cell, Fields) and key in self.unsure
        return inner or isinstance(self.held(ref).get(key), Possible)

    def some_key(self, ref: Dict, where: Any) -> bool:
        """Whether a dict that has keys, on some paths at least, has any."""
        return not all(self.may_lack(ref, key) for key in self.held(ref)) or \
            bool(self.whole(ref, where))

    def whole(self, ref: Dict, where: Any) -> dict:
        """What a dict holds, where it must be known which keys it has."""
        held = self.held(ref)
        for key in held:
            if self.may_lack(ref, key):
                raise self.refuse(where, f"whether a dict has the key {key!r} depends on a branch "
                                  "or a loop", "Set it on all paths.")  # fmt: skip
        return held

    def dict_keys(self, ref: Dict, where: Any) -> tuple:
        """The keys in the order in which Python walks them."""
        keys = tuple(self.whole(ref, where))
        return tuple(set(keys)) if ref.cell.cls in SETS else keys

    def dict_item(self, base: Dict, key: Any, where: Any) -> Ref:
        held = self.held(base)
        if isinstance(key, Plain) and key.value not in self.constants and base.cell.missing is None:
            if 0 < len(held) <= MOST and not any(isinstance(r, Possible) for r in held.values()):
                return self.selected([(k,) for k in held], tuple(held.values()), key, where,
                                     KeyError, "no such key")  # fmt: skip
        name = self.known(key, where, "a dict's key")
        if name in held:
            found = held[name]
            if self.may_lack(base, name) and self.catching(KeyError):
                self.whole(base, where)
            found = found.ref if isinstance(found, Possible) else found
            if isinstance(found, Missing):
                raise self.refuse(where, found.why)
            return found
        if base.cell.cls is collections.Counter:
            return Known(0)
        if base.cell.missing is None:
            raise self.failing(KeyError(name), where, f"the dict has no key {name!r}")
        made = self.call(base.cell.missing, (), {}, where)
        self.set_dict(base, {**self.held(base), name: made})
        return made

    def set_dict(self, base: Dict, held: dict) -> None:
        self.state.memory[base.cell] = held
        self.written.add(base.cell)

    def method_items(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(Tuple((static_ref(k), v)) for k, v in self.whole(base, where).items()))

    def method_keys(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(static_ref(k) for k in self.whole(base, where)))

    def method_values(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        return Tuple(tuple(self.whole(base, where).values()))

    def method_get(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        key = self.known(args[0], where, "a dict's key")
        default = args[1] if len(args) > 1 else Known(None)
        if self.may_lack(base, key):
            self.whole(base, where)
        return self.held(base).get(key, default)

    def method_most_common(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.whole(base, where)
        counts = {k: self.known(v, where, "a count") for k, v in held.items()}
        n = self.known(args[0], where, "the number") if args else None
        found = collections.Counter(counts).most_common(n)
        return self.new_list(tuple(static_ref(pair) for pair in found))

    # ------------------------------------------------------------------ changing

    def method_setdefault(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        key = self.known(args[0], where, "a dict's key")
        held = self.whole(base, where)
        if key not in held:
            default = args[1] if len(args) > 1 else Known(None)
            self.set_dict(base, {**held, key: default})
        return self.held(base)[key]

    def method_popitem(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = dict(self.whole(base, where))
        last = self.known(args[0] if args else kwargs.get("last", Known(True)), where, "`last`")
        if not held:
            raise self.failing(KeyError("popitem(): dictionary is empty"), where,
                               "`popitem` of an empty dict")  # fmt: skip
        key = list(held)[-1 if last else 0]
        found = held.pop(key)
        self.set_dict(base, held)
        return Tuple((static_ref(key), found))

    def method_move_to_end(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = dict(self.whole(base, where))
        key = self.known(args[0], where, "a dict's key")
        last = args[1] if len(args) > 1 else kwargs.get("last", Known(True))
        item = held.pop(key)
        after = {**held, key: item} if self.known(last, where, "`last`") else {key: item, **held}
        self.set_dict(base, after)
        return Known(None)

    def method_update(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        held = self.held(base)
        if base.cell.cls in SETS:
            for other in args:
                held = {**held, **dict.fromkeys(self.elements(other, where), Known(None))}
            self.set_dict(base, held)
            return Known(None)
        new = {**self.pairs(args, where), **kwargs}
        if base.cell.cls is collections.Counter:
            new = self.call_counter(args, kwargs, where)
            new = {k: self.binary(operator.add, held.get(k, Known(0)), v, where)
                   for k, v in self.held(new).items()}  # fmt: skip
        self.set_dict(base, {**held, **new})
        return Known(None)

    def pop_key(self, base: Dict, args: tuple, where: Any) -> Ref:
        """`d.pop(key)`, `d.pop(key, default)` and, of a set, `s.pop()`"""
        held = dict(self.whole(base, where))
        if base.cell.cls in SETS:
            key = self.dict_keys(base, where)[0]
            del held[key]
            self.set_dict(base, held)
            return static_ref(key)
        key = self.known(args[0], where, "a dict's key")
        if key not in held:
            if len(args) < 2:
                raise self.failing(KeyError(key), where, f"the dict has no key {key!r}")
            return args[1]
        found = held.pop(key)
        self.set_dict(base, held)
        return found

    # ------------------------------------------------------------------ sets

    def method_add(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        key = self.known(args[0], where, "the element of a set")
        self.set_dict(base, {**self.held(base), key: Known(None)})
        return Known(None)

    def method_discard(self, base: Dict, args: tuple, kwargs: dict, where: Any) -> Ref:
        key = self.known(args[0], where, "the element of a set")
        self.set_dict(base, {k: v for k, v in self.whole(base, where).items() if k != key})
        return Known(None)

    def remove_key(self, base: Dict, args: tuple, where: Any) -> Ref:
        key = self.known(args[0], where, "the element of a set")
        if key not in self.whole(base, where):
            raise self.failing(KeyError(key), where, f"the set has no element {key!r}")
        return self.method_discard(base, args, {}, where)

    def set_method(self, base: Dict, name: str, args: tuple, where: Any) -> Ref | None:
        """`union`, `issubset` and the like; None for what is no such method."""
        if base.cell.cls not in SETS or name not in SET_METHODS:
            return None
        mine = set(self.whole(base, where))
        found = getattr(mine, name)(*(self.elements(a, where) for a in args))
        if isinstance(found, bool):
            return Known(found)
        if found is None:  # it has changed
            self.set_dict(base, dict.fromkeys(mine, Known(None)))
            return Known(None)
        return self.new_set(found, base.cell.cls)

    def mapping_operator(self, op: Callable, a: Any, b: Any, where: Any) -> Ref | None:
        """`|` of dicts, and all operators of sets; None where these are none."""
        if not isinstance(a, Dict) and not isinstance(b, Dict):
            return None
        left, right = self.set_of(a, where), self.set_of(b, where)
        if left is not None and right is not None:
            found = op(left, right)
            return Known(found) if isinstance(found, bool) else \
                self.new_set(found, a.cell.cls if isinstance(a, Dict) else set)  # fmt: skip
        if isinstance(a, Dict) and isinstance(b, Dict):
            if op is operator.or_:
                held = {**self.whole(a, where), **self.whole(b, where)}
                return self.new_dict(held, a.cell.cls, a.cell.missing)
            if op in (operator.eq, operator.ne):
                return self.equal_dicts(a, b, where, op is operator.eq)
        return None

    def set_of(self, ref: Any, where: Any) -> set | None:
        """The elements, if this is a set or what stands for the keys of one."""
        if isinstance(ref, Dict) and ref.cell.cls in SETS:
            return set(self.dict_keys(ref, where))
        if isinstance(ref, Known) and isinstance(ref.obj, SETS):
            return set(ref.obj)
        return None

    def equal_dicts(self, a: Dict, b: Dict, where: Any, equal: bool) -> Ref:
        p, q = self.whole(a, where), self.whole(b, where)
        if p.keys() != q.keys():
            return Known(not equal)
        left, right = Tuple(tuple(p.values())), Tuple(tuple(q[k] for k in p))
        return self.compare(operator.eq if equal else operator.ne, left, right, where)


SET_METHODS = frozenset(
    """union intersection difference symmetric_difference issubset issuperset isdisjoint copy
    intersection_update difference_update symmetric_difference_update""".split()
)
HANDLERS: dict[Any, Callable] = {
    dict: Mappings.call_dict, collections.defaultdict: Mappings.call_defaultdict,
    collections.OrderedDict: Mappings.call_ordered, collections.Counter: Mappings.call_counter,
    dict.fromkeys: Mappings.call_fromkeys, set: Mappings.call_set,
    frozenset: Mappings.call_frozenset,
}  # fmt: skip
