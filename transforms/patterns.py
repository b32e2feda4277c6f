"""`match` is a chain of tests: each case an `if`, each pattern a bool.

    match p:                                    if isinstance(p, tuple) and len(p) == 2:
        case (a, 0) if a > 1:                       if p[1] == 0:
            body                          →             a = p[0]
        case _:                                         if a > 1: …
            other

A name that a pattern binds is bound once the whole pattern has matched, before the guard. Until
then what it stands for has a name of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from srcdiff.transforms.ir import Block, Instr, Slice
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Dict, Iterator, Known, List, Missing, Plain, Tuple
from srcdiff.transforms.syntax import gast

# Classes whose single positional pattern is the subject itself.
WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


class Patterns:
    """`match` lowered to `if`s."""

    emit: Callable
    expr: Callable
    block: Callable
    store: Callable
    statements: Callable
    matches = 0

    def stmt_Match(self, node: Any) -> None:
        self.matches += 1
        self.cases(node.cases, self.expr(node.subject), self.matches)

    def cases(self, cases: list, subject: Any, number: int) -> None:
        if not cases:
            return
        case, rest = cases[0], cases[1:]
        names: dict[str, None] = {}
        site = case.pattern

        def bind() -> None:
            for name in names:
                value = self.emit(site, "load", captured(number, name), name=name)
                self.store(name, value, site)

        def guard() -> Any:
            bind()
            return self.expr(case.guard)

        test = self.pattern(site, subject, names, number)
        if case.guard is not None:
            test = self.both(site, test, guard)

        def body() -> Any:
            if case.guard is None:
                bind()
            return self.statements(case.body)

        if test is True:
            body()
            return
        then = self.block(body)
        other = self.block(lambda: self.chain(rest, subject, number))
        self.emit(site, "if", test, blocks=(then, other), count=0)

    def chain(self, rest: list, subject: Any, number: int) -> Any:
        self.cases(rest, subject, number)
        return self.statements([])

    def both(self, node: Any, first: Any, second: Callable[[], Any]) -> Any:
        """`first and second()`"""
        if first is True:
            return second()
        no = Block((), (), (first,))
        return self.emit(node, "if", first, blocks=(self.block(second), no), name="match")

    def all_of(self, node: Any, tests: list[Callable[[], Any]]) -> Any:
        if not tests:
            return True
        return self.both(node, tests[0](), lambda: self.all_of(node, tests[1:]))

    def pattern(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        """Whether the subject matches: True or a value; what is bound goes into `names`."""
        method = getattr(self, f"pattern_{type(node).__name__}")
        return method(node, subject, names, number)

    def capture(self, name: str | None, value: Any, names: dict, number: int, node: Any) -> Any:
        if name is not None:
            names[name] = None
            self.store(captured(number, name), value, node)
        return True

    def pattern_MatchValue(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        return self.emit(node, "compare", operator.eq, subject, self.expr(node.value))

    def pattern_MatchSingleton(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        return self.emit(node, "compare", operator.is_, subject, node.value)

    def pattern_MatchAs(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        found = True
        if node.pattern is not None:
            found = self.pattern(node.pattern, subject, names, number)
        return self.both(
            node, found, lambda: self.capture(node.name, subject, names, number, node)
        ) if node.name is not None else found  # fmt: skip

    def pattern_MatchOr(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        def alternatives(patterns: list) -> Any:
            first = self.pattern(patterns[0], subject, names, number)
            if len(patterns) == 1 or first is True:
                return first
            yes = Block((), (), (first,))
            other = self.block(lambda: alternatives(patterns[1:]))
            return self.emit(node, "if", first, blocks=(yes, other), name="match")

        return alternatives(node.patterns)

    def pattern_MatchSequence(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        parts = node.patterns
        stars = [i for i, part in enumerate(parts) if isinstance(part, gast.MatchStar)]
        star = stars[0] if stars else None
        after = 0 if star is None else len(parts) - 1 - star

        def length() -> Any:
            n = self.emit(node, "call", self.emit(node, "builtin", "len"), (subject,))
            op, least = (operator.eq, len(parts)) if star is None else (operator.ge, len(parts) - 1)
            return self.emit(node, "compare", op, n, least)

        def item(i: int, part: Any) -> Callable[[], Any]:
            def test() -> Any:
                if i == star:
                    if part.name is None:
                        return True
                    key = Slice(star, -after if after else None)
                    rest = self.emit(node, "getitem", subject, key)
                    rest = self.emit(node, "call", self.emit(node, "builtin", "list"), (rest,))
                    return self.capture(part.name, rest, names, number, node)
                key = i if star is None or i < star else i - len(parts)
                return self.pattern(part, self.emit(node, "getitem", subject, key), names, number)

            return test

        return self.all_of(node, [
            lambda: self.emit(node, "matches", "sequence", subject), length,
            *(item(i, part) for i, part in enumerate(parts)),
        ])  # fmt: skip

    def pattern_MatchMapping(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        keys: list = []

        def key_test(key: Any) -> Callable[[], Any]:
            def test() -> Any:
                keys.append(self.expr(key))
                return self.emit(node, "matches", "key", subject, keys[-1])

            return test

        def item(i: int, part: Any) -> Callable[[], Any]:
            return lambda: self.pattern(
                part, self.emit(node, "getitem", subject, keys[i]), names, number
            )

        def rest() -> Any:
            left = self.emit(node, "call", self.emit(node, "builtin", "dict"), (subject,))
            for key in keys:
                self.emit(node, "delitem", left, key, count=0)
            return self.capture(node.rest, left, names, number, node)

        return self.all_of(node, [
            lambda: self.emit(node, "matches", "mapping", subject),
            *map(key_test, node.keys), *(item(i, part) for i, part in enumerate(node.patterns)),
            *([rest] if node.rest is not None else []),
        ])  # fmt: skip

    def pattern_MatchClass(self, node: Any, subject: Any, names: dict, number: int) -> Any:
        cls = self.expr(node.cls)
        check = self.emit(node, "builtin", "isinstance")

        def attribute(key: int | str, part: Any) -> Callable[[], Any]:
            def test() -> Any:
                count = len(node.patterns)
                has, value = self.emit(node, "match_attribute", cls, subject, key, count=2,
                                       positional=count)  # fmt: skip
                return self.both(node, has, lambda: self.pattern(part, value, names, number))

            return test

        return self.all_of(node, [
            lambda: self.emit(node, "call", check, (subject, cls)),
            *(attribute(i, part) for i, part in enumerate(node.patterns)),
            *(attribute(name, part) for name, part in zip(node.kwd_attrs, node.kwd_patterns)),
        ])  # fmt: skip


def captured(number: int, name: str) -> str:
    """Where what a pattern binds is kept until all of it has matched."""
    return f".match{number}.{name}"


class Matching(Memory):
    """What patterns ask of a reference."""

    value: Callable
    put: Callable
    known: Callable
    getattr: Callable
    class_of: Callable

    def do_matches(self, instr: Instr) -> None:
        form, subject = instr.args[0], self.value(instr.args[1])
        where = instr.where
        if form == "key":
            found = self.compare_key(subject, self.value(instr.args[2]), where)
        else:
            found = self.is_form(subject, form, where)
        self.put(instr, Known(found))

    def compare_key(self, subject: Any, key: Any, where: Any) -> bool:
        held = self.held(subject) if isinstance(subject, Dict) else subject.obj
        return self.known(key, where, "the key of a pattern") in held

    def is_form(self, ref: Any, form: str, where: Any) -> bool:
        """Whether a reference is a sequence or a mapping to `match`; an array is neither."""
        if isinstance(ref, (Tuple, List)):
            return form == "sequence"
        if isinstance(ref, Dict):
            return form == "mapping" and ref.cell.cls not in (set, frozenset)
        if isinstance(ref, Iterator):
            return form == "sequence" and ref.kind == "range"
        if isinstance(ref, Known):
            cls = type(ref.obj)
        elif isinstance(ref, Plain) and ref.value.kind.tag in ("list", "tuple", "str"):
            return form == "sequence" and ref.value.kind.tag != "str"
        else:
            cls = self.class_of(ref, object, where)
        if form == "mapping":
            return issubclass(cls, Mapping)
        return issubclass(cls, Sequence) and not issubclass(cls, (str, bytes, bytearray))

    def do_match_attribute(self, instr: Instr) -> None:
        """Whether the subject has what a class pattern names, and what it is."""
        cls = self.known(self.value(instr.args[0]), instr.where, "the class of a pattern")
        subject, key = self.value(instr.args[1]), instr.args[2]
        has, value = instr.results
        temporaries = self.temporaries[-1]
        temporaries[has] = Known(True)
        if type(key) is int:
            names = getattr(cls, "__match_args__", ())
            if cls in WHOLE or issubclass(cls, WHOLE) and not names:
                temporaries[value] = subject
                return
            if key >= len(names):
                given = instr.attrs["positional"]
                raise self.refuse(instr.where, f"`{cls.__name__}()` accepts {len(names)} "
                                  f"positional sub-patterns ({given} given)")  # fmt: skip
            key = names[key]
        if self.has_attribute(subject, key, instr.where):
            temporaries[value] = self.getattr(subject, key, instr.where)
        else:
            temporaries[has] = Known(False)
            temporaries[value] = Missing(f"no attribute `{key}`")
