"""Operations inside `try` that may raise what no test foretells: they are tried.

    try:                                  failed = raises(LinAlgError, np.linalg.cholesky, a)
        l = np.linalg.cholesky(a)         if failed:
    except LinAlgError:              →        l = np.eye(2)
        l = np.eye(2)                     else:
                                              l = np.linalg.cholesky(a)

The operation runs twice, which no test can see of one that is pure: the flag makes the exception
as visible as a comparison would. What has effects, and what no one can see into, is left to
`exceptions.check_visible`, which refuses it.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import kernels
from srcdiff.transforms import abstract
from srcdiff.transforms.exceptions import (
    Exceptions,
    Hidden,
    Tested,
    Untold,
    is_in,
    leaves,
    overlap,
    part,
)  # fmt: skip
from srcdiff.transforms.ir import Block, Instr, Value, leaf_kind, map_tree, op_name
from srcdiff.transforms.kinds import BOOL, INT, Kind
from srcdiff.transforms.merging import Exit
from srcdiff.transforms.references import Bound, Known


class Before(NamedTuple):
    """What is known before an instruction is carried out."""

    state: Any
    temporaries: dict
    facts: dict
    count: int


class Attempts(Exceptions):
    """Exceptions that only the operation itself can tell of."""

    def before(self, instr: Instr) -> Before | None:
        """What to come back to, where an exception of this instruction may be caught."""
        if instr.blocks or not any(map(is_told, self.tries)):
            return None
        return Before(self.state.copy(), dict(self.temporaries[-1]), dict(self.facts),
                      len(self.instrs))  # fmt: skip

    def attempted(self, before: Before | None, instr: Instr, tested: Tested, block: Block,
                  index: int) -> tuple[Exit | None] | None:  # fmt: skip
        """The paths with and without an exception of what was emitted last, if one is caught.

        Of several that may raise the first is tried; where it has not, the next is.
        """
        if before is None or len(self.instrs) == before.count:
            return None
        for place, new in enumerate(self.instrs[before.count :]):
            if new not in self.checked:
                classes = self.caught_of(new, tested.of(new, place))
                if classes:
                    return self.tried(before, new, classes, instr, tested, block, index)
        return None

    def tried(self, before: Before, new: Instr, classes: tuple, instr: Instr, tested: Tested,
              block: Block, index: int) -> tuple[Exit | None] | None:  # fmt: skip
        """The paths where `new`, which `instr` became, raises one of the classes, and where not."""
        made = self.instrs[before.count :]
        place = made.index(new) if new in made else len(made)
        if any(i.effect or i.blocks for i in made[:place]) or not can_be_tried(new):
            return None
        if new.op in ("setitem", "add_at") and IndexError in classes:
            classes = (IndexError,)  # it comes before what is stored is looked at
        # A view that is made when it is read has no place: it is told by what it is made of.
        again = tested.and_of(new, place if new in made else -1, classes)
        outer = list(self.instrs)
        del self.instrs[before.count + place :]
        function, kwargs = self.attempt(new, classes)
        if function is None:
            self.instrs[:] = outer
            return None
        self.checked.update((one, tested.of(one, k)) for k, one in enumerate(made[:place]))
        self.state, self.facts = before.state, before.facts
        self.temporaries[-1] = before.temporaries
        error = classes[0] if len(classes) == 1 else classes
        flag = self.emit(kernels.raises, (error, *function), kwargs, BOOL, new.where, "failed")

        def thrown() -> Exit:
            text = Untold(f"the text of an exception that `{op_name(new.op)}` raises", new)
            return self.throw(Bound((Known(classes[0]), (text,)), "exception"), new.where)

        def otherwise() -> Exit | None:
            self.note_fact(flag, None, False)
            return self.run(block, index, (instr, again))

        gone = self.sub(self.state.copy(), thrown)
        self.temporaries.append(dict(self.temporaries[-1]))
        stays = self.sub(self.state.copy(), otherwise)
        self.temporaries.pop()
        return (self.join(flag, gone, stays, new.where, made=True),)

    def attempt(self, instr: Instr, classes: tuple) -> tuple[tuple | None, dict]:
        """The function and its arguments that raise as the instruction does, if there is one."""
        if instr.op == "getitem":
            return (operator.getitem, *instr.args), {}
        if instr.op in ("setitem", "add_at"):
            base, path, key, stored = instr.args
            added, basic = instr.op == "add_at", abstract.is_basic_key(
                map_tree(lambda v: v.kind, key))  # fmt: skip
            if classes == (IndexError,) and (basic or not path):
                for step in path:
                    base = self.step(base, step, instr.where)
                return (operator.getitem, base, key), {}
            # `np.put`, a store through `reshape`, has written something before it raises.
            if classes != (ValueError,) or not isinstance(stored, Value) or added and not basic:
                return None, {}
            steps = (*path, *(() if key is ... else (("getitem", key),)))
            return self.fitting(base, steps, stored, added, instr.where)
        fun = instr.attrs.get("spelled", instr.op)
        if any(leaf_kind(leaf).tag == "array" for leaf in leaves(instr.args)):
            fun = UFUNCS.get(fun, fun)
        return (fun, *instr.args), instr.kwargs

    def fitting(self, base: Value, path: tuple, stored: Value, added: bool,
                where: Any) -> tuple[tuple | None, dict]:  # fmt: skip
        """What raises a ValueError where what is stored does not fit into a part of an array.

        A store leaves out leading axes of length one, `+=` does not.
        """
        part = base
        for step in path:
            part = self.step(part, step, where)
        if part.kind.tag != "array" or part.kind.shape is None:
            return None, {}
        if added:
            kind = Kind("tuple", items=(INT,) * len(part.kind.shape))
            shape = self.emit(np.shape, (part,), None, kind, where, "shape")
            return (np.broadcast_to, stored, shape), {}
        place = self.emit(np.empty_like, (part,), None, part.kind, where, "place")
        return (np.copyto, place, stored), {"casting": "unsafe"}

    def view_tried(self, hidden: Hidden, before: Before | None, instr: Instr, tested: Tested,
                   block: Block, index: int) -> Exit | None:  # fmt: skip
        """The same, of a view that would be made when it is read."""
        classes = self.caught_of(hidden.instr, tested.of(hidden.instr))
        found = None
        # What it is made of may itself be a view, which is another value each time.
        op, _, text = part(hidden.instr)
        again = any(done[0] is op and done[2] == text for _, done, _ in tested.attempts)
        if before is not None and not again:
            found = self.tried(before, hidden.instr, classes, instr, tested, block, index)
        if found is None:
            raise hidden.refusal
        return found[0]

    def caught_of(self, instr: Instr, assured: tuple) -> tuple[type, ...]:
        """Classes of what an instruction may raise that are all caught by the same handlers.

        No other class that may be raised and caught is below one of them: whether it was one of
        these is asked for first.
        """
        places, raised = [p for p in self.tries if is_told(p)], self.raised_by(instr)
        found: dict[type, tuple] = {}
        for place in places:
            for classes, _ in place.clauses if place.kind == "except" else ((None, None),):
                for cls in (Exception,) if classes is None else classes:
                    for one in overlap(instr, cls, raised):
                        if not issubclass(one, assured):
                            found[one] = tuple(self.handler(place, one) for place in places
                                               if place.kind == "except")  # fmt: skip
        if not found:
            return ()
        first = max(found, key=lambda cls: len(cls.__mro__))
        alike = [cls for cls in found if found[cls] == found[first]]
        others = found.keys() - alike
        alike = [cls for cls in alike if not any(issubclass(other, cls) for other in others)]
        return tuple(
            cls for cls in alike if not any(issubclass(cls, c) and c is not cls for c in alike)
        )


def is_told(place: Any) -> bool:
    """Whether a statement has something to do when an exception passes."""
    return place.kind == "except" or place.watched


def can_be_tried(instr: Instr) -> bool:
    """Whether an instruction may run twice, which nobody sees of one that is pure."""
    if instr.attrs.get("opaque") or instr.attrs.get("taped") or instr.attrs.get("half"):
        return False
    if instr.effect or instr.blocks or instr.kwargs.keys() & {"out", "where"}:
        return False
    return instr.op in ("getitem", "setitem", "add_at") or \
        not isinstance(instr.op, str) and is_in(instr.op, abstract.PURE)  # fmt: skip


UFUNCS = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply,
    operator.truediv: np.divide, operator.floordiv: np.floor_divide, operator.mod: np.remainder,
    operator.pow: np.power, operator.matmul: np.matmul, operator.lt: np.less,
    operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal,
}  # fmt: skip
