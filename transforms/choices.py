"""Choices: a name that refers to one of several arrays, which one is known at run time.

    y = a if c else b        y is Choice(c, a, b)
    s = y.sum()              y = if c: yield a else: yield b;   s = np.sum(y)
    y[0] = 1.0               a.2, b.2 = if c: yield setitem(a, 0, 1.0), b
                                        else: yield a, setitem(b, 0, 1.0)

A read selects; a write happens in a branch, to the array that is meant. A merge makes a choice only
where an array is written that it could be (`NeedsChoice` asks for that, and the function is run
again); everywhere else the merged name is a value of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from srcdiff.transforms.ir import UNDEFINED, Block, Instr, Value, flatten, map_tree
from srcdiff.transforms.kinds import OBJECT, Kind, join
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Array, Choice, Ref, Tuple, arrays_of


class Choices(Memory):
    def read_choice(self, ref: Choice, where: Any) -> Any:
        """The array that is meant, as one value."""
        versions = tuple(self.state.memory[array.buffer] for array in arrays_of(ref))
        known = self.state.reads.get(ref)
        if known is not None and known[0] == versions:
            return known[1]
        then, other = (
            self.on_a_path(lambda option=option: self.read(option, where))
            for option in (ref.then, ref.other)
        )
        joined = self.join_leaf(then.value, other.value, where)
        if joined is None:
            raise self.refuse(where, "an array of one of two kinds, depending on a branch,")
        a, b, kind = joined
        value = Value(self.name_of(ref), kind, True)
        blocks = Block((), then.instrs, (a,)), Block((), other.instrs, (b,))
        made = Instr("if", (ref.test,), None, (value,), blocks, {"choice": True}, where)
        self.instrs.append(made)
        self.state.reads[ref] = (versions, value)
        return value

    def on_a_path(self, act: Callable[[], Any]) -> Any:
        """A path (see `merging`) on which `act` is carried out; its value is what that returns."""
        found: list = []
        self.temporaries.append(dict(*self.temporaries[-1:]))  # none: what is returned is read
        try:
            path = self.sub(self.state.copy(), lambda: found.append(act()))
        finally:
            self.temporaries.pop()
        path.value = found[0]
        return path

    def name_of(self, ref: Choice) -> str:
        return self.choice_names.get(ref, "chosen")

    def kind_of_choice(self, ref: Choice) -> Kind:
        return join(self.kind(ref.then), self.kind(ref.other))

    def choose(self, ref: Choice, where: Any, act: Callable[[Any], Ref]) -> Ref:
        """`act` on what is meant, in a branch for each; a choice of what it returns."""
        paths = [
            self.on_a_path(lambda option=option: act(option)) for option in (ref.then, ref.other)
        ]
        result = Value("chosen", OBJECT)
        self.join(ref.test, *paths, where, (result,), choose=self.name_of(ref))
        return self.temporaries[-1].pop(result)

    def under(self, test: Value, taken: bool, tree: Any) -> Any:
        """A reference where it is known how a test has come out."""
        if isinstance(tree, Choice) and tree.test is test:
            return self.under(test, taken, tree.then if taken else tree.other)
        if isinstance(tree, Tuple):
            return tree._replace(items=tuple(self.under(test, taken, r) for r in tree.items))
        return tree

    def each_option(self, ref: Any, others: tuple, where: Any, act: Callable) -> Ref:
        """`act(array, *others)` for the array that is meant, the others as they are then."""
        if not isinstance(ref, Choice):
            return act(ref, *others)
        test = ref.test

        def one(option: Any) -> Ref:
            taken = option is ref.then
            return self.each_option(
                option, tuple(self.under(test, taken, o) for o in others), where, act
            )

        return self.choose(ref, where, one)

    def exported(self, ref: Any, path: Any, leaf: Callable, first: bool) -> Any:
        """A reference to an array, made on one of two paths, as it is after both."""
        if isinstance(ref, Choice):
            return Choice(
                self.exported_value(ref.test, path, leaf, first),
                self.exported(ref.then, path, leaf, first),
                self.exported(ref.other, path, leaf, first),
            )
        return Array(
            ref.buffer, map_tree(lambda v: self.exported_value(v, path, leaf, first), ref.path)
        )

    def exported_value(self, value: Value, path: Any, leaf: Callable, first: bool) -> Value:
        if not any(value in instr.results for instr in path.instrs):
            return value
        pair = (value, UNDEFINED) if first else (UNDEFINED, value)
        return leaf(*pair, value.name, value.user)


def values_in(ref: Any) -> list[Value]:
    """The run-time values that a reference to an array holds: indices and tests."""
    if isinstance(ref, Choice):
        return [ref.test, *values_in(ref.then), *values_in(ref.other)]
    return flatten(ref.path)
