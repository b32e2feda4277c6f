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
from srcdiff.transforms.exceptions import Exceptions, Hidden, Untold, is_in, leaves, overlap
from srcdiff.transforms.ir import Block, Instr, Slice, Value, leaf_kind, op_name
from srcdiff.transforms.kinds import BOOL
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

    def attempted(self, before: Before | None, instr: Instr, assured: tuple, block: Block,
                  index: int) -> tuple[Exit | None] | None:  # fmt: skip
        """The paths with and without the exception of what was emitted last, if one is caught."""
        if before is None or len(self.instrs) == before.count:
            return None
        made = self.instrs[before.count :]
        hidden = {new: caught for new in made if new not in self.checked
                  if (caught := self.caught_of(new, assured))}  # fmt: skip
        if len({part(new) for new in hidden}) != 1:
            return None
        new, classes = next(iter(hidden.items()))
        return self.tried(before, new, classes, instr, assured, block, index)

    def tried(self, before: Before, new: Instr, classes: tuple, instr: Instr, assured: tuple,
              block: Block, index: int) -> tuple[Exit | None] | None:  # fmt: skip
        """The paths where `new`, which `instr` became, raises one of the classes, and where not."""
        made = self.instrs[before.count :]
        function = attempt(new, classes)
        if function is None or any(i.effect or i.blocks for i in made):
            return None
        del self.instrs[before.count + (made.index(new) if new in made else len(made)) :]
        self.state, self.facts = before.state, before.facts
        self.temporaries[-1] = before.temporaries
        error = classes[0] if len(classes) == 1 else classes
        flag = self.emit(kernels.raises, (error, *function), new.kwargs, BOOL, new.where, "failed")

        def thrown() -> Exit:
            text = Untold(f"the text of an exception that `{op_name(new.op)}` raises", new)
            return self.throw(Bound((Known(classes[0]), (text,)), "exception"), new.where)

        def otherwise() -> Exit | None:
            self.note_fact(flag, None, False)
            return self.run(block, index, (instr, (*assured, *classes)))

        gone = self.sub(self.state.copy(), thrown)
        self.temporaries.append(dict(self.temporaries[-1]))
        stays = self.sub(self.state.copy(), otherwise)
        self.temporaries.pop()
        return (self.join(flag, gone, stays, new.where, made=True),)

    def view_tried(self, hidden: Hidden, before: Before | None, instr: Instr, assured: tuple,
                   block: Block, index: int) -> Exit | None:  # fmt: skip
        """The same, of a view that would be made when it is read."""
        classes = self.caught_of(hidden.instr, assured)
        found = None
        if before is not None:
            found = self.tried(before, hidden.instr, classes, instr, assured, block, index)
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


def part(instr: Instr) -> Any:
    """What an exception of the instruction is about: where a part is read, it may be written."""
    if instr.op == "getitem":
        return instr.args[0], (), repr(instr.args[1])
    if instr.op in ("setitem", "add_at"):
        return instr.args[0], instr.args[1], repr(instr.args[2])
    return instr


def attempt(instr: Instr, classes: tuple) -> tuple | None:
    """The function and its arguments that raise as the instruction does, if it can be tried."""
    if instr.attrs.get("opaque") or instr.attrs.get("taped") or instr.attrs.get("half"):
        return None
    if instr.op == "getitem":
        base, key = instr.args
        return None if has_slice(key) else (operator.getitem, base, key)
    if instr.op in ("setitem", "add_at") and classes == (IndexError,):  # what is stored fits
        base, path, key, _ = instr.args
        return None if path or has_slice(key) else (operator.getitem, base, key)
    if isinstance(instr.op, str) or not is_in(instr.op, abstract.PURE):
        return None
    if instr.kwargs.keys() & {"out", "where"}:
        return None
    fun = instr.attrs.get("spelled", instr.op)
    if any(leaf_kind(leaf).tag == "array" for leaf in leaves(instr.args)):
        fun = UFUNCS.get(fun, fun)
    return (fun, *instr.args)


UFUNCS = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply,
    operator.truediv: np.divide, operator.floordiv: np.floor_divide, operator.mod: np.remainder,
    operator.pow: np.power, operator.matmul: np.matmul, operator.lt: np.less,
    operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal,
}  # fmt: skip


def has_slice(key: Any) -> bool:
    if isinstance(key, Slice) or not isinstance(key, (tuple, Value)) and key in (None, ...):
        return True
    return isinstance(key, tuple) and any(has_slice(part) for part in key)


