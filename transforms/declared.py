"""Functions that have a rule of the user's: called by their names, as are the rules.

    y = softplus(x)           y = softplus(x)                     the call stays what it is
    …                    →    …
                              d_x = softplus_vjp(d_y, y, x)       and so does its adjoint

The function is read, as if it were inlined, for what is to be known of its result: kind, shape,
effects, whether it lends the memory of its arguments. What is read is dropped. Of a function that
cannot be read (written in C, refused) nothing is known but that it has a rule: then the rule's
gradients are checked as the code runs.

What a derivative of the derivative needs is the rule's own source: it is written out there instead.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from srcdiff.runtime import declared as checks
from srcdiff.runtime.errors import NoRuleError, RuleError, SrcdiffError, UnsupportedSyntaxError
from srcdiff.runtime.plain_objects import attributes, is_plain_object
from srcdiff.runtime.registry import (
    DECLARING,
    NONDIFFERENTIABLE,
    Rule,
    is_outside,
    rule_of,
    tangent_names,
)
from srcdiff.transforms import abstract
from srcdiff.transforms.ir import (
    SHAPE_READERS,
    Attributes,
    Instr,
    Value,
    branches,
    carried,
    dict_like,
    flatten,
    has_effect,
    leaf_kind,
    map_tree,
    op_name,
    whole,
)
from srcdiff.transforms.kinds import OBJECT, Kind, is_undecided
from srcdiff.transforms.linearity import CONSTANT, LINEAR, SHIFTED, ZERO, linearity
from srcdiff.transforms.mutation import Memory, kind_of_value
from srcdiff.transforms.names import written_name
from srcdiff.transforms.references import (
    ARRAYS,
    Array,
    Dict,
    Known,
    List,
    Object,
    Plain,
    Ref,
    Tuple,
    arrays_of,
    ref_like,
)  # fmt: skip


class Outcome(NamedTuple):
    """What is known of what a function returns: a tree of kinds; None for what is not numeric."""

    kinds: Any
    cls: type
    effect: bool
    fresh: bool


def is_declared(f: Any) -> bool:
    """Whether a function's derivative was declared outside srcdiff."""
    rule = rule_of(f, forward=True)
    if rule is not None:
        return rule.declared
    return type(f) is types.FunctionType and f in NONDIFFERENTIABLE and is_outside(f)


def is_declaring(f: Any) -> bool:
    return isinstance(f, types.FunctionType | type) and f in DECLARING


class Declared(Memory):
    reading: tuple = ()  # functions that are read for what they return
    saves_pairs = False  # one reverse sweep follows, and nothing else: what it needs may be saved

    def call_declared(self, f: Any, args: tuple, kwargs: dict, where: Any) -> Ref:
        """A call of a function that has a rule of the user's: one instruction."""
        rule = rule_of(f)
        if isinstance(f, checks.custom_vjp):
            args, kwargs = tuple(map(self.argument, f.positional(args, kwargs))), {}
        name = getattr(f, "__name__", "t")
        for ref in (*args, *kwargs.values()):
            if not self.is_tree(ref) and not isinstance(ref, Object):
                what = f"a function made here is given to `{name}`, which has a rule,"
                raise self.refuse(where, what, "Pass numbers and arrays.")
        if rule is not None and rule.pair is not None and self.saves_pairs:
            result = self.call_pair(f, rule, args, where)
            if result is not None:
                return result
        found = self.outcome(getattr(f, "f", f) if isinstance(f, checks.custom_vjp) else f, args,
                             kwargs, where)  # fmt: skip
        return self.emit_declared(f, found, args, kwargs, where)

    def emit_declared(self, f: Any, found: Outcome | None, args: tuple, kwargs: dict,
                      where: Any) -> Ref:  # fmt: skip
        """The instruction that calls it; `found`: what is known of its result, if it is."""
        rule, name = rule_of(f), getattr(f, "__name__", "t")
        tree = tuple(self.tree_of(a, where) for a in args)
        keywords = {k: self.tree_of(v, where) for k, v in kwargs.items()}
        attrs: dict[str, Any] = {"declared": True}
        if found is None and rule is not None and callable(rule.like):
            found = self.outcome(rule.like, args, kwargs, where)
            if found is None or not isinstance(found.kinds, Kind) or found.effect:
                raise checks.no_likeness(f, place(where))
            attrs["like"], found = rule.like, found._replace(fresh=False)
        elif found is None and rule is not None and rule.like:
            at = rule.parameters.index(rule.like)
            like = tree[at] if at < len(tree) else keywords.get(rule.like)
            if like is not None and leaf_kind(like).inexact:
                attrs["like"] = at if at < len(tree) else rule.like
                found = Outcome(leaf_kind(like), tuple, False, False)
        name = name if name.isidentifier() and name != "<lambda>" else "t"
        if found is None:
            kinds, named = map_tree(kind_of_value, tree), map_tree(kind_of_value, keywords)
            kind = abstract.infer(f, kinds, named)
            return self.result_of(f, tree, keywords, kind, args, where, "", attrs)
        if found.effect:
            attrs["effect"] = True
        if found.fresh:
            attrs["fresh"] = True
        several = isinstance(found.kinds, (tuple, list)) and not isinstance(found.kinds, Kind)
        kinds = tuple(found.kinds) if several else (found.kinds,)
        first = next(iter(flatten(tree)), None)
        base = f"{name}_{first.name}" if first is not None and first.user else name
        names = [f"{name}_{i}" for i in range(len(kinds))] if several else [base]
        values = tuple(map(Value, names, kinds))
        if several and len(kinds) == 1:
            attrs["only"] = True
        if hasattr(found.cls, "_fields"):
            attrs["named"] = found.cls
        self.instrs.append(Instr(f, tree, keywords, values, (), attrs, where))
        refs = tuple(map(self.fresh, values))
        for ref in refs if not found.fresh else ():
            if isinstance(ref, Array):
                ref.buffer.fixed = f"what `{name}` returns, and may keep, is written"
                for arg in (*args, *kwargs.values()):
                    for array in self.arrays_in(arg):
                        self.may_alias(ref.buffer, array.buffer)
        if not several:
            return refs[0]
        return Tuple(refs, found.cls) if isinstance(found.kinds, tuple) else self.new_list(refs)

    def tree_of(self, ref: Any, where: Any, above: tuple = ()) -> Any:
        """The argument tree of a reference, with its objects and namedtuples taken apart."""
        if isinstance(ref, Tuple):
            items = [self.tree_of(r, where, above) for r in ref.items]
            names = getattr(ref.cls, "_fields", None)
            return tuple(items) if names is None else Attributes(zip(names, items), ref.cls)
        if isinstance(ref, (List, Dict, Object)):
            if ref.cell in above:
                raise self.refuse(where, "an object that holds itself is used as a value")
            held, above = self.held(ref), (*above, ref.cell)
            if not isinstance(ref, Object) and ref.cell.cls is not None:
                raise self.refuse(where, f"a `{ref.cell.cls.__name__}` is given to a function that "
                                  "has a rule", "Pass a list or a dict.")  # fmt: skip
            if isinstance(held, dict):
                parts = {k: self.tree_of(r, where, above) for k, r in held.items()}
                return Attributes(parts, ref.cls) if isinstance(ref, Object) else parts
            if type(held) is tuple:
                return [self.tree_of(r, where, above) for r in held]
        if isinstance(ref, Known) and is_plain_object(ref.obj) and (
            self.wanted_outside or self.outside_places
        ):  # fmt: skip
            if id(ref.obj) in above:
                raise self.refuse(where, "an object that holds itself is used as a value")
            above = (*above, id(ref.obj))
            parts = {name: self.tree_of(self.getattr(ref, name, where), where, above)
                     for name in attributes(ref.obj)}  # fmt: skip
            return Attributes(parts, type(ref.obj))
        return self.read(ref, where)

    def assembled(self, cls: type, held: dict) -> Ref:
        """The reference to an object or a namedtuple that was taken apart."""
        if issubclass(cls, tuple):
            return Tuple(tuple(held.values()), cls)
        made = self.new_object(cls)
        self.state.memory[made.cell] = held
        return made

    def argument(self, ref: Any) -> Any:
        """What is passed: a default of the function's is a plain object."""
        if ref_like(ref) or type(ref) in (int, float, complex, bool):
            return ref if ref_like(ref) else Known(ref)
        return self.outside_ref(("object", ref), ref)

    def call_pair(self, f: Any, rule: Rule, args: tuple, where: Any) -> Ref | None:
        """`y, res = f_fwd(x)`, of which an adjoint makes `f_bwd(res, d_y)`; None if unreadable."""
        assert rule.pair is not None
        found = self.outcome(rule.pair[0], args, {}, where, pair=True)
        if found is None or not isinstance(found.kinds, Kind):
            return None
        tree = tuple(self.tree_of(a, where) for a in args)
        first = next(iter(flatten(tree)), None)
        name = written_name(f, "t")
        name = f"{name}_{first.name}" if first is not None and first.user else name
        value, residuals = Value(name, found.kinds), Value("res", OBJECT)
        attrs: dict[str, Any] = {"declared": True, "flat": True, "primal": f}
        if found.effect:
            attrs["effect"] = True
        self.instrs.append(
            Instr(rule.pair[0], tree, {}, (value, residuals), (), attrs, where))
        attrs = {"leaf": True, "rule": rule}
        made = self.emit(checks.ruled, (value, residuals, *tree), None, found.kinds, where, name,
                         **attrs)  # fmt: skip
        ref = self.fresh(made)
        for arg in args:
            for array in self.arrays_in(arg):
                if isinstance(ref, Array) and not found.fresh:
                    self.may_alias(ref.buffer, array.buffer)
        return ref

    def arrays_in(self, ref: Any) -> list:
        return [a for each in self.reached(ref) if isinstance(each, ARRAYS)
                for a in arrays_of(each)]  # fmt: skip

    def reached(self, ref: Any, seen: Any = None) -> list:
        """The arrays and the containers that a reference leads to, each once."""
        seen = set() if seen is None else seen
        if isinstance(ref, ARRAYS):
            return [ref]
        if isinstance(ref, Tuple):
            return [each for r in ref.items for each in self.reached(r, seen)]
        if not isinstance(ref, (List, Dict, Object)) or ref.cell in seen:
            return []
        seen.add(ref.cell)
        held = self.held(ref)
        parts = held.values() if isinstance(held, dict) else held if type(held) is tuple else ()
        return [ref, *(each for r in parts for each in self.reached(r, seen))]

    def outcome(self, f: Any, args: tuple, kwargs: dict, where: Any,
                pair: bool = False) -> Outcome | None:  # fmt: skip
        """What a function returns, found by reading it; None where it cannot be read.

        pair   it returns (result, residuals): the result counts
        """
        if f in self.reading or not isinstance(f, types.FunctionType | types.MethodType):
            return None
        if hasattr(f, "unread"):
            return None
        undo, guards, site = self.snapshot(), len(self.guards), self.where
        observed, self.observed = self.observed, None
        self.reading += (f,)
        count, since = len(self.instrs), self.written.now
        given = [each for arg in (*args, *kwargs.values()) for each in self.reached(arg)]
        arrays = [a for each in given if isinstance(each, ARRAYS) for a in arrays_of(each)]
        cells = [each.cell for each in given if not isinstance(each, ARRAYS)]
        memory = [*(a.buffer for a in arrays), *cells]
        try:
            out = self.inline(f, args, kwargs, where)
            if pair:
                if not isinstance(out, Tuple) or len(out.items) != 2:
                    raise checks.no_pair(f, place(where))
                out = out.items[0]
            made = self.instrs[count:]
            written = any(self.written.times.get(m, 0) > since for m in memory)
            found = self.outcome_of(f, out, made, arrays, where)
        except (UnsupportedSyntaxError, NoRuleError):
            found, written = None, False
        finally:
            new = self.guards[guards:]
            undo()
            self.guards += new  # kinds may depend on it
            self.reading = self.reading[:-1]
            self.observed, self.where = observed, site
        if written:
            raise self.refuse(where, f"`{op_name(f)}`, which has a derivative rule, writes to its "
                              "arguments", "Let it make new arrays.")  # fmt: skip
        return found

    def outcome_of(self, f: Any, out: Any, made: list, arrays: list, where: Any) -> Outcome | None:
        cls: type = tuple
        refs: tuple = (out,)
        if isinstance(out, (Dict, Object)):
            what = "dict" if isinstance(out, Dict) else out.cls.__name__
            raise checks.returns(f, f"a `{what}`", place(where))
        if isinstance(out, Tuple):
            refs, cls = out.items, out.cls
        elif isinstance(out, List):
            refs = self.held(out)
        kinds = []
        for ref in refs if type(refs) is tuple else ():
            plain = isinstance(ref, (Plain, *ARRAYS)) or isinstance(ref, Known)
            if isinstance(ref, (Tuple, List, Dict, Object)):
                raise checks.returns(f, "containers in a container", place(where))
            kind = leaf_kind(self.read(ref, where)) if plain else None
            if kind is None or not kind.numeric:
                return None
            kinds.append(kind)
        if not kinds:
            return None
        lent = {a.buffer for a in arrays}
        fresh = not any(
            a.buffer in lent or a.buffer.origin != "fresh" or a.buffer.fixed
            for ref in refs for a in self.arrays_in(ref)
        )  # fmt: skip
        several = list(kinds) if isinstance(out, List) else tuple(kinds)
        tree = kinds[0] if out is refs[0] else several
        return Outcome(tree, cls, any(map(has_effect, made)), fresh)


class Expander:
    """How rules get into a program: their bodies, written out, or calls by their names.

    body    `body(rule, args, kwargs, instrs, where)` writes a body and returns what it returns
    names   no derivative is taken of what is made here: rules of the user's are called
    wrote   `wrote()`: whether the last body that was written stores into what it is given
    transpose   `transpose(instrs, seeds, wrt)` writes what is linear the other way round
    """

    transpose: Callable

    def __init__(self, run: Any, body: Callable, names: bool = True,
                 wrote: Callable = bool):  # fmt: skip
        self.run, self.body, self.names, self.wrote = run, body, names, wrote

    def __call__(self, rule: Any, args: tuple, kwargs: dict, instrs: list, where: Any) -> Any:
        return self.body(rule, args, kwargs, instrs, where)

    def gradients(self, rule: Rule, instr: Instr, d_out: Any, out: Any, instrs: list,
                  active: set) -> tuple:  # fmt: skip
        """What a reverse rule of the user's gives: a gradient for each argument, None for none."""
        vjp, where = rule.vjp, instr.where
        assert vjp is not None
        args = (whole(instr, d_out), whole(instr, out), *instr.args)
        body: list[Instr] = []
        names, given = rule.parameters, checks.places_of(vjp, instr.args, instr.kwargs)
        wanted = {i: arg for i, arg in given.items() if any(v in active for v in flatten(arg))}
        checks.check_places(rule, wanted, place(where))
        source = checks.source_of(vjp, wanted)
        found, refused = self.read(source, args, instr.kwargs, body, where)
        proven = refused is None
        bare, as_returned = not isinstance(found, tuple), found
        if proven:
            found, proven = aligned(vjp, found, wanted, instr, out, names)
        if refused is None and self.writes_out(body, instrs):
            check_forms(vjp, found, wanted, where)
            return found
        if proven and not has_objects(as_returned):
            as_returned = as_returned if isinstance(as_returned, tuple) else (as_returned,)
            made = self.called(vjp, args, instr, as_returned, body, bare, instrs)
            return tuple(self.apart(r, d, wanted[i], instrs, where) if i in wanted else None
                         for i, (r, d) in enumerate(zip(made, as_returned)))  # fmt: skip
        self.check_names(vjp, refused, instr)
        kinds = [kind_apart(wanted[i]) if i in wanted else OBJECT
                 for i in range(max(wanted) + 1)]  # fmt: skip
        return self.checked(checks.by_rule, vjp, args, instr, kinds, instrs)

    def apart(self, r: Any, d: Any, arg: Any, instrs: list, where: Any) -> Any:
        """A gradient that a rule has returned, as its argument is taken apart; `d` is its form."""
        held, have = parts_of(arg), parts_of(d)
        if d is None or held is None or have is None:
            return None if d is None else r
        found = []
        for k, (key, part) in enumerate(held[1].items()):
            key = k if have[0] is tuple else key
            inner = have[1].get(key)
            if inner is not None and flatten(part):
                kind = kind_of_tree(inner)
                inner_r = Value("d_t", kind)
                instrs.append(Instr("getitem", (r, key), None, (inner_r,), (), {}, where))
                found.append(self.apart(inner_r, inner, part, instrs, where))
            else:
                found.append(None)
        return tuple(found)

    def by_pair(self, instr: Instr, d_out: Any, instrs: list, active: set) -> tuple:
        """`d_x, = f_bwd(res, d_y)`: what the second function of a pair gives."""
        rule = instr.attrs["rule"]
        out, residuals, *args = instr.args
        whole = instr.replace(op=rule.functions[0], args=tuple(args), attrs={})
        made: list[Instr] = []
        found = self.gradients(rule, whole, d_out, out, made, active)
        at = next((k for k, i in enumerate(made) if i.op in (rule.vjp, checks.by_rule)), None)
        call = made[at or 0]
        if call.op is rule.vjp:
            given = (*[args[i] for i in rule.nondiff], residuals, d_out)
            kept = [r for i, r in enumerate(call.results) if i not in rule.nondiff]
            attrs = {k: v for k, v in call.attrs.items() if k != "only"}
            if len(kept) == 1:
                attrs["only"] = True
            call = call.replace(op=rule.pair[1], args=given, results=tuple(kept), attrs=attrs)
        elif call.op is checks.by_rule:
            _, count, *rest = call.args
            call = call.replace(op=checks.by_pair, args=(rule, count, residuals, *rest))
        made[at or 0] = call  # else it is written out, and runs the first function again
        instrs += made
        return found

    def tangent(self, rule: Rule, instr: Instr, args: tuple, out: Any, instrs: list) -> Any:
        """What a forward rule of the user's gives: the tangent of the result."""
        jvp, where = rule.jvp, instr.where
        assert jvp is not None
        proven = self.is_linear(jvp, args, instr)
        body: list[Instr] = []
        found, refused = self.read(jvp, args, instr.kwargs, body, where)
        found, several = unnamed(found, instr), isinstance(out, tuple)
        if refused is None:
            if several and not (isinstance(found, tuple) and len(found) == len(out)):
                raise not_each(jvp, out, where)
            pairs = zip(found, out) if several else [(found, out)]
            for d, r in pairs:
                proven &= fits(jvp, d, r, None, "the result", where, "tangent")
            if not self.names and not checks.takes_all(jvp) and not self.is_linear(
                jvp, args, instr
            ):
                raise not_seen_linear(jvp, where)
            if self.writes_out(body, instrs):
                return found
        if proven:
            made = self.called(jvp, args, instr, found if several else (found,), body, not several,
                               instrs)  # fmt: skip
        else:
            self.check_names(jvp, refused, instr)
            kinds = [r.kind for r in instr.results]
            made = self.checked(checks.tangent_by_rule, jvp, args, instr, kinds, instrs)
        return made if several else made[0]

    def body_of(self, rule: Any, args: tuple, instr: Instr, instrs: list, have: str) -> Any:
        """The body of a rule that is transposed for the other mode, and what it returns."""
        found, refused = self.read(rule, args, instr.kwargs, instrs, instr.where)
        if refused is None:
            return found
        lacks, other = ("reverse", "vjp_rule") if have == "forward" else ("forward", "jvp_rule")
        raise NoRuleError(
            f"`{op_name(instr.op)}` has no {lacks} rule, and its {have} rule "
            f"{checks.rule_name(rule)} cannot be compiled, so that none can be derived: "
            f"{refused.what}", place(instr.where),
            likeness(instr) or f"Declare a `{other}` as well.")  # fmt: skip

    def tangent_of(self, jvp: Any, args: tuple, instr: Instr, out: Any, instrs: list) -> Any:
        """The body of a forward rule, and the tangent that it returns."""
        linear = self.is_linear(jvp, args, instr)
        found = unnamed(self.body_of(jvp, args, instr, instrs, "forward"), instr)
        several = isinstance(out, tuple)
        if several and not (isinstance(found, tuple) and len(found) == len(out)):
            raise not_each(jvp, out, instr.where)
        for d, r in zip(found, out) if several else [(found, out)]:
            fits(jvp, d, r, None, "the result", instr.where, "tangent")
        if not linear:
            raise not_seen_linear(jvp, instr.where)
        return found

    def gradients_of(self, vjp: Any, wanted: dict, args: tuple, instr: Instr, instrs: list) -> Any:
        """The body of a reverse rule, and the gradients that it returns, of which some are wanted.

        wanted   arguments by their places
        """
        where, count = instr.where, len(instrs)
        source = checks.source_of(vjp, wanted)
        d_out, out, *rest = args
        given = (whole(instr, d_out), whole(instr, out), *rest)
        found = self.body_of(source, given, instr, instrs, "reverse")
        names = checks.parameters(vjp)
        found, proven = aligned(vjp, found, wanted, instr, out, names)
        check_forms(vjp, found, wanted, where)
        for i, d in enumerate(found):
            if i in wanted:
                name = checks.name_at(names, i)
                if not proven and source is vjp and differ(d, wanted[i]):
                    raise NoRuleError(
                        f"the rule {checks.rule_name(vjp)} is not seen to give a gradient with the "
                        f"shape of {name}, so the other mode cannot be derived from it",
                        place(where), "Declare a `jvp_rule` as well.")  # fmt: skip
        kept = tuple(d for i, d in enumerate(found) if i in wanted and d is not None)
        what = linearity(instrs[count:], kept, flatten(args[0]))
        if what in (CONSTANT, SHIFTED):
            raise checks.not_linear(vjp, what == SHIFTED, "d_out", place(where))
        return found

    def is_linear(self, jvp: Any, args: tuple, instr: Instr) -> bool:
        """Whether a forward rule is seen to be linear in its tangents, which are the first of args;
        RuleError where it is seen not to be.

        It is read for tangents of their own: those of a call may be numbers, or arguments as well.
        """
        count = len(tangent_names(jvp))
        dots = tuple(own_tangent(d) for d in args[:count])
        body: list[Instr] = []
        found, refused = self.read(jvp, (*dots, *args[count:]), instr.kwargs, body, instr.where)
        if refused is not None:
            return False
        checks.returned(jvp, found, place(instr.where))
        what = linearity(body, found, flatten(dots))
        if what in (CONSTANT, SHIFTED) and flatten(dots):
            raise checks.not_linear(jvp, what == SHIFTED, "the tangents", place(instr.where))
        return what in (ZERO, LINEAR)

    def check_linear(self, *args: Any) -> None:
        check_linear(*args)

    def read(self, rule: Any, args: tuple, kwargs: dict, body: list, where: Any) -> tuple:
        """What a rule returns, and why it cannot be read: one of them is None."""
        rule = checks.source_of(rule, ())
        try:
            return self.body(rule, args, kwargs, body, where), None
        except RuleError:
            raise
        except SrcdiffError as error:
            return None, error
        except TypeError as error:
            raise RuleError(
                f"the rule {checks.rule_name(rule)} does not take these arguments ({error})",
                place(where), "Give it the parameters of the function.") from None  # fmt: skip

    def writes_out(self, body: list, instrs: list) -> bool:
        """Write out the body of a rule that was just read: one that is differentiated, or that
        stores into what it is given, which is not its own."""
        written_out = self.wrote() or not self.names
        if written_out:
            instrs += body
        return written_out

    def check_names(self, rule: Any, refused: Any, instr: Instr) -> None:
        if not self.names and refused is not None:
            raise UnsupportedSyntaxError(
                f"the rule {checks.rule_name(rule)} cannot be compiled, and so not differentiated: "
                f"{refused.what}", place(instr.where), likeness(instr) or refused.instead)

    def checked(self, op: Callable, rule: Any, args: tuple, instr: Instr, kinds: list,
                instrs: list) -> tuple:  # fmt: skip
        """A call of a rule whose results have to be looked at."""
        attrs: dict[str, Any] = {"declared": True, "fresh": True}
        count = len(kinds)
        if op is checks.tangent_by_rule:
            count = len(tangent_names(rule))
        if len(kinds) == 1 and (op is checks.by_rule or "only" in instr.attrs):
            attrs["only"] = True
        results = tuple(Value("d_t", kind) for kind in kinds)
        args = (rule, count, *args)
        instrs.append(Instr(op, args, instr.kwargs, results, (), attrs, instr.where))
        return results

    def called(self, rule: Any, args: tuple, instr: Instr, found: Any, body: list, bare: bool,
               instrs: list) -> tuple:  # fmt: skip
        """A call of a rule by its name."""
        attrs: dict[str, Any] = {"declared": True}
        if any(map(has_effect, body)):
            attrs["effect"] = True
        makers = {r: i for i in body for r in i.results}
        leaves = flatten(found)
        if len(set(leaves)) == len(leaves) and all(is_fresh(makers.get(v)) for v in leaves):
            attrs["fresh"] = True
        if len(found) == 1 and not bare:
            attrs["only"] = True
        results = tuple(Value("d_t", kind_of_tree(d)) for d in found)
        instrs.append(Instr(rule, args, instr.kwargs, results, (), attrs, instr.where))
        return tuple(None if d is None else r for d, r in zip(found, results))


def likeness(instr: Instr) -> str:
    """What to write where nothing is known of what a function with a rule returns."""
    unknown = any(not r.kind.numeric for r in instr.results)
    return f"Say what the result of `{op_name(instr.op)}` is like, in shape and dtype, where the " \
        "rule is declared: an argument, `like=\"x\"`, or what a function of the arguments " \
        "returns, `like=lambda x: np.ones(2)`." if unknown else ""  # fmt: skip


def unnamed(found: Any, instr: Instr) -> Any:
    """The tangents of several results, which a namedtuple may hold as that of the results does."""
    return tuple(found.values()) if "named" in instr.attrs and isinstance(found, Attributes) \
        else found  # fmt: skip


def own_tangent(tree: Any) -> Any:
    """A tangent in place of that of a call; what is zero stays so."""
    if isinstance(tree, (tuple, list)):
        return type(tree)([own_tangent(part) for part in tree])
    if isinstance(tree, dict):
        return dict_like(tree, {k: own_tangent(part) for k, part in tree.items()})
    kind = leaf_kind(tree)
    return Value("dot", kind) if isinstance(tree, Value) or tree != 0 else tree


def not_seen_linear(jvp: Any, where: Any) -> NoRuleError:
    return NoRuleError(
        f"the rule {checks.rule_name(jvp)} is not linear in the tangents, as far as its source "
        "shows", place(where), "Write a sum of products with them, or declare a `vjp_rule` as well."
    )  # fmt: skip


def not_each(jvp: Any, out: tuple, where: Any) -> RuleError:
    return RuleError(
        f"the rule {checks.rule_name(jvp)} does not return a tangent for each of {len(out)} "
        "results", place(where), "Return a tuple of them.")  # fmt: skip


def place(where: Any) -> Any:
    return where and where.location


def kind_of_tree(tree: Any) -> Kind:
    if isinstance(tree, (tuple, list)) and not isinstance(tree, Kind):
        return Kind("tuple", items=tuple(map(kind_of_tree, tree)))
    return Kind("dict") if type(tree) is dict else leaf_kind(tree)


def kind_apart(tree: Any) -> Kind:
    """The kind of the gradient of an argument, as it is taken apart."""
    parts = branches(tree)
    return leaf_kind(tree) if parts is None else Kind("tuple", items=tuple(map(kind_apart, parts)))


def parts_of(tree: Any) -> tuple[type, dict] | None:
    """What `plain_objects.parts_of` says of the object, for its argument tree."""
    if isinstance(tree, Attributes):
        return tree.cls, tree
    if isinstance(tree, Value):
        return None if tree.kind.numeric else (object, {})
    held = branches(tree)
    if held is None:
        return None
    return (dict, tree) if isinstance(tree, dict) else (tuple, dict(enumerate(held)))


def has_objects(tree: Any) -> bool:
    held = branches(tree)
    return held is not None and (isinstance(tree, Attributes) or any(map(has_objects, held)))


def aligned(rule: Any, found: Any, wanted: dict, instr: Instr, out: Any,
            names: list) -> tuple[tuple, bool]:  # fmt: skip
    """The gradients that a rule returns, as the arguments are taken apart (`checks.aligned`), and
    whether they are known to fit."""
    made, proven, at = [], True, place(instr.where)
    for i, d in enumerate(checks.as_tuple(rule, found, instr.args, at, parts_of)):
        if i in wanted:
            name = checks.name_at(names, i)
            d = checks.aligned(rule, d, wanted[i], name, parts=parts_of, where=at)
            proven &= fits(rule, d, wanted[i], out, name, instr.where)
        made.append(d)
    return tuple(made), proven


def lengths_differ(d: Any, arg: Any) -> bool:
    """Whether a list of known length is the gradient of one of a length known at run time."""
    parts = branches(arg)
    if parts is None:
        return isinstance(arg, Value) and arg.kind.tag == "list" and branches(d) is not None
    return isinstance(d, tuple) and any(map(lengths_differ, d, parts))


def check_forms(rule: Any, found: tuple, wanted: dict, where: Any) -> None:
    """Refuse gradients of dicts and objects that are dicts and objects known at run time only."""

    def known(d: Any, arg: Any) -> bool:
        parts = branches(arg)
        if parts is None or d is None:
            return True
        if not isinstance(d, tuple):
            return not isinstance(arg, dict)
        return all(map(known, d, parts))

    if not all(known(d, wanted[i]) for i, d in enumerate(found) if i in wanted):
        raise UnsupportedSyntaxError(
            f"the rule {checks.rule_name(rule)} gives a gradient whose keys are known only at run "
            "time", place(where), "Write out the dict that it returns.")  # fmt: skip
    if any(lengths_differ(d, wanted[i]) for i, d in enumerate(found) if i in wanted):
        raise UnsupportedSyntaxError(
            f"the rule {checks.rule_name(rule)} gives so many gradients for a list whose length is "
            "known only at run time", place(where),
            "Make them in a comprehension over the list.")  # fmt: skip


def is_fresh(maker: Instr | None) -> bool:
    if maker is None or isinstance(maker.op, str) or maker.blocks:
        return False
    kinds = tuple(map_tree(kind_of_value, a) for a in maker.args)
    return abstract.aliasing(maker.op, kinds, {}) == "fresh" and maker.op is not np.broadcast_to


def fits(rule: Any, d: Any, arg: Any, out: Any, name: str, where: Any,
         what: str = "gradient") -> bool:  # fmt: skip
    """Whether a gradient is known to fit its argument; RuleError where it is known not to."""
    if d is None:
        return True
    form = parts_of(arg)
    if form is not None and form[0] is not object:
        if not isinstance(d, tuple):
            return False
        cls, held = form
        return all([fits(rule, part, of, out, checks.part_name(name, cls, key), where, what)
                    for (key, of), part in zip(held.items(), d)])  # fmt: skip
    have, want = kind_of_tree(d), leaf_kind(arg)
    if not want.numeric and want.tag not in ("list", "object"):  # nothing is differentiated by it
        return True
    if want.tag == "list":
        return False
    if not have.numeric and have.tag != "object":
        raise checks.wrong_dtype(rule, f"a {have.tag}", name, described(want), what, place(where))
    if have.dtype is not None and have.dtype.kind not in checks.NUMBERS:
        raise checks.wrong_dtype(rule, described(have), name, described(want), what, place(where))
    if not have.numeric or not want.numeric or have.dtype is None or want.dtype is None:
        return False
    spread = out is not None and not isinstance(out, tuple)
    of = leaf_kind(out) if spread else want
    if have.dtype.kind == "c" and want.dtype.kind != "c":
        if is_undecided(have) or is_undecided(of):
            return False
        if of.dtype is None:
            return False
        if of.dtype.kind != "c":
            raise checks.wrong_dtype(rule, described(have), name, described(want), what,
                                     place(where))  # fmt: skip
    if have.dims is None or want.dims is None:
        return False
    if have.dims == want.dims:
        return True
    shapes = [want.dims]  # that the gradient may have
    if spread and of.dims is None:
        return False
    if spread and is_spread(want.dims, of.dims) is not False:
        if have.dims == of.dims and is_spread(want.dims, of.dims):
            return True
        shapes.append(of.dims)
    if not any(may_be(have.dims, dims) for dims in shapes):
        raise checks.wrong_shape(rule, shown(have.dims), name, shown(want.dims), what,
                                 place(where))  # fmt: skip
    return False


def differ(d: Any, arg: Any) -> bool:
    """Whether the shapes of two arrays are known, and not the same."""
    if branches(arg) is not None or branches(d) is not None:
        return False
    have, want = leaf_kind(d).dims, leaf_kind(arg).dims
    return have is not None and want is not None and have != want


def is_spread(small: tuple, large: tuple) -> bool | None:
    """Whether an array of one shape is broadcast to another; None where that is not known.

    >>> from srcdiff.transforms.kinds import Size
    >>> n = Size("n")
    >>> is_spread((), (n,)), is_spread((n,), (2, n)), is_spread((n,), (3,)), is_spread((2,), (3,))
    (True, True, None, False)
    """
    if len(small) > len(large):
        return False
    known: bool | None = True
    for m, n in zip(small, large[len(large) - len(small) :]):
        if m == n or m == 1:
            continue
        if isinstance(m, int) and isinstance(n, int):
            return False
        known = None
    return known


def may_be(a: tuple, b: tuple) -> bool:
    """Whether two shapes are not proven to differ."""
    return len(a) == len(b) and not any(
        isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, b)
    )


def shown(dims: tuple) -> str:
    sizes = [str(d) if isinstance(d, int) else "n" for d in dims]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def described(kind: Kind) -> str:
    if kind.dtype is None:
        return "a value of unknown kind" if kind.tag == "object" else f"a {kind.tag}"
    return f"{'an array' if kind.tag == 'array' else 'a number'} of {kind.dtype}"


def check_linear(instrs: Any, found: Any, given: set, rule: Any, what: str, where: Any) -> None:
    """Refuse a rule whose transpose `found` depends on what it must be linear in."""
    reached = set(given)
    spread(instrs, reached)
    if not reached.isdisjoint(flatten(tuple(found))):
        other = "jvp_rule" if what == "d_out" else "vjp_rule"
        raise NoRuleError(
            f"the rule {checks.rule_name(rule)} is not linear in {what}, so the other mode cannot "
            "be derived from it", place(where), f"Declare a `{other}` as well.")  # fmt: skip


def spread(instrs: Any, reached: set) -> None:
    """Add what depends on more than the shapes of values; a condition is taken to decide all."""
    for instr in instrs:
        if instr.op in SHAPE_READERS or reached.isdisjoint(instr.reads):
            continue
        if not instr.blocks or not reached.isdisjoint(instr.operands) and instr.op == "if":
            reached.update(instr.results)
        elif instr.op == "if":
            for block in instr.blocks:
                spread(block.instrs, reached)
                reached.update(r for r, end in zip(instr.results, block.results)
                               if not reached.isdisjoint(flatten(end)))  # fmt: skip
        else:
            params, inits = carried(instr)
            body, before = instr.blocks[-1], -1
            while len(reached) != before:
                before = len(reached)
                for block in instr.blocks:
                    spread(block.instrs, reached)
                for group in zip(params, inits, instr.results, body.results):
                    if not reached.isdisjoint(flatten(group[1:2] + group[3:] + group[:1])):
                        reached.update((group[0], group[2]))
            if instr.op == "while" and not reached.isdisjoint(flatten(instr.blocks[0].results)):
                reached.update(instr.results)
