"""Mutants of the rules: change one thing in a rule, and a check must fail.

    python -m tests.mutants [part of a module's or a rule's name …]

Each operator, comparison, number and keyword in the rules is changed in turn, a term or a call left
out, and the rule is checked as the tests check it: against differences at its sample points, for
real and complex numbers, and at the rows of the edge table. Who survives is listed: the change
makes no difference, or a sample point is missing.
"""

import ast
import collections
import contextlib
import copy
import dataclasses
import inspect
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from srcdiff.runtime.errors import NoRuleError
from srcdiff.runtime.registry import RULES, Rule
from tests.judge import TooSlow, time_limit
from tests.runtime import test_rules

BINARY: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
COMPARED: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.GtE: ast.Lt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


# What of the survivors computes the same: a pattern of the rule and the change, and the reason.
EQUIVALENT = {
    r"elementwise.pow: .*: -?[01] → [12]": "the general power gives the same",
    r"linalg.matmul: .*: (x.ndim == 2|2) → ": "the product of stacks gives the same",
    r"shapes.(matrix_)?transpose: .*(ndim|2 → 3)": "the transposed matrix, written shorter",
    r"linalg.einsum: .*len\(|linalg.einsum: .*[01] → [12]|linalg.einsum: .*expand_dims":
        "broadcasting does without; optimize= is about speed",
    r"linalg.cross: .*: -?1 → [12]": "moving axes that are the last already changes nothing",
    r".*(→ range\(|: np.array\((p|q|iterable)\) → )": "NumPy takes any sequence",
    r"(fft|scipy_fft)\..*: .* if n is None else ": "a length that is the array's own",
    r"(elementwise.fmod|builtins.remainder): ": "rounds what is whole but for rounding",
    r"elementwise.copysign: .* / np.copysign|special.logsumexp: .* / out\[1\]":
        "by a sign one multiplies or divides",
    r".*(hypot|hypot_reduce|std|logaddexp2?|logsumexp|xlogy|xlog1py|rel_entr|kl_div|norm): "
    r".*: [01] → [12]":
        "replaces a zero whose numerator is zero, or an infinity whose exponential is",
    r"(shapes|grids|fft|complex_numbers|decompositions|special_errors|scipy_spatial|"
    r"elementwise.real_if_close)\b.*: "
    r"np.(sum|real|reshape)\(":
        "the caller undoes broadcasting, and drops the imaginary part of what is real",
    r"linalg.(kron|interp): .*np.reshape": "the caller undoes broadcasting",
    r"linalg.interp: .*None if (left|right) is None": "a gradient of what was not given",
    r"builtins.hypot: .* - \(out == 0\)|decompositions.eig: .*: 1 → 2|"
    r"special_series.expn: .*→ n - 1|distributions.nbinom_pmf: .*: 0 → 1":
        "replaces a number that is not looked at",
    r"builtins.prod: .*isinstance\(|shapes.copy: .*items_of":
        "an array of gradients, or a tuple of them",
    r"complex_numbers.complex: .*→ imag|linalg.vdot: .*→ out": "of a real number, the real part",
    r"grids.meshgrid: .*: d_out\[i\] if sparse": "the sum along axes of length one",
    r"(selecting.pad|shapes.take_along_axis|ufunc_methods.running_extreme): .*: 1 → 2":
        "in a shape any negative number stands for what is left",
    r"shapes.tile: .*→ reps": "the sum over repetitions, written shorter",
    r"scipy_signal.lfilter: .*np.ones\(1, d_out.dtype\)": "the caller converts to the dtype",
    r"reductions.diff: .*None if append is None": "a gradient of what was not given",
    r".*\.qr: .*zeros_like": "q times itself is constant, its gradient along q counts nothing",
    r"scipy_linalg.(qr: .*spare|schur: .*refuse_blocks)":
        "is zero, or nan, or raises",
    r"scipy_linalg.block_diag: .*(ndim|block|2 → 3)": "the caller undoes broadcasting",
    r"special_elliptic.ellip[ke]inc: .*: (35|315|128) → ":
        "counts 1e-14 in the last term of a series, less than the edge rows tell apart",
    r"special_elliptic.elliprd: .*: 0 → 1": "times x, which is 0 there",
    r"special_polynomials.sph_harm_y: .*: 0 → 1": "times a harmonic of an order above its degree",
    r"special_elliptic.ellip[ke]inc: .*0.5 → ": "replaces a number that is not looked at",
}


def reason(survivor: str) -> str | None:
    """Why a change computes the same, or None if it does not."""
    return next((why for text, why in EQUIVALENT.items() if re.match(text, survivor)), None)


def mutants(tree: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Each change of one node of a function: what it is, and the function changed."""
    left = {id(part) for node in ast.walk(tree) for part in indifferent(node)}
    for i, node in enumerate(ast.walk(tree)):
        if id(node) in left:
            continue
        for what, changed in changes(node):
            made = copy.deepcopy(tree)
            there = next(n for k, n in enumerate(ast.walk(made)) if k == i)
            replace(made, there, changed)
            yield f"line {getattr(node, 'lineno', 0)}: {what}", ast.fix_missing_locations(made)


def indifferent(node: ast.AST) -> Iterator[ast.AST]:
    """The parts whose change makes no difference: defaults, which are those of the function; the
    1 of `a / np.where(b == 0, 1, b)`, and of `a / (b + (b == 0))`; what an error says."""
    match node:
        case ast.arguments(defaults=defaults, kw_defaults=more):
            for default in (*defaults, *more):
                yield from () if default is None else ast.walk(default)
        case ast.BinOp(op=ast.Div(), right=ast.Call(args=[ast.Compare(left=x), one, y])):
            if ast.unparse(x) == ast.unparse(y):
                yield one
        case ast.BinOp(op=ast.Div(), right=ast.BinOp(left=x, right=ast.Compare(left=y)) as guard):
            if ast.unparse(x) == ast.unparse(y):
                yield guard
        case ast.Raise(exc=ast.Call() as error):
            yield from ast.walk(error)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    new = copy.deepcopy(node)
    if isinstance(new, ast.BinOp) and type(new.op) in BINARY:
        before = ast.unparse(node)
        new.op = BINARY[type(new.op)]()
        yield f"{before} → {ast.unparse(new)}", new
    elif isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.USub | ast.Not):
        yield f"{ast.unparse(node)} → {ast.unparse(new.operand)}", new.operand
    elif isinstance(new, ast.Compare) and type(new.ops[0]) in COMPARED:
        new.ops[0] = COMPARED[type(new.ops[0])]()
        yield f"{ast.unparse(node)} → {ast.unparse(new)}", new
    elif isinstance(new, ast.BoolOp):
        yield f"{ast.unparse(node)} → {ast.unparse(new.values[0])}", new.values[0]
    elif isinstance(new, ast.Constant) and type(new.value) in (int, float):
        new.value = new.value + 1  # type: ignore[operator]
        yield f"{ast.unparse(node)} → {ast.unparse(new)}", new
    elif isinstance(new, ast.IfExp):
        yield f"{ast.unparse(node)} → {ast.unparse(new.orelse)}", new.orelse
    elif isinstance(new, ast.Call) and new.args and not isinstance(new.args[0], ast.Starred):
        yield f"{ast.unparse(node)} → {ast.unparse(new.args[0])}", new.args[0]


def replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return new if node is old else self.generic_visit(node)

    Put().visit(tree)


def source_of(rule: Rule) -> ast.FunctionDef | None:
    """The rule as it is written, without its decorators and its docstring."""
    try:
        text = textwrap.dedent(inspect.getsource(rule.vjp))  # type: ignore[arg-type]
        tree = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    tree.decorator_list = []
    if ast.get_docstring(tree):
        tree.body = tree.body[1:]
    return tree


def survives(rule: Rule) -> bool:
    """Whether all checks of a rule pass."""
    fun = rule.functions[0]
    try:
        with time_limit(10.0), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for each in rule.functions:
                for point in rule.at:
                    if test_rules.takes(each, point):
                        test_rules.check(each, point.args, point.kwargs)
            for param in test_rules.complex_sites():
                each, args, kwargs = param.values
                if RULES[each] is RULES[fun] and each is not np.linalg.cholesky:
                    check_complex(each, args, kwargs)
            for each, args, kwargs in REFUSED.get(rule.name, ()):
                test_rules.test_what_a_rule_does_not_cover_is_an_error(each, args, kwargs)
            for each, args, wrt, expected in EDGES.get(rule.name, ()):
                test_rules.test_edge_values(each, args, wrt, expected)
    except (Exception, TooSlow, pytest.fail.Exception):
        return False
    return True


def check_complex(fun: Any, args: tuple, kwargs: dict) -> None:
    try:
        fun(*args, **kwargs)
    except (TypeError, ValueError, NotImplementedError):
        return
    with contextlib.suppress(NoRuleError):
        test_rules.check(fun, args, kwargs)


def rows(test: Any) -> dict[str, list]:
    """The rows of a table of calls, by the names of the rules."""
    found: dict[str, list] = collections.defaultdict(list)
    (mark,) = [m for m in test.pytestmark if m.name == "parametrize"]
    for row in mark.args[1]:
        values = row.values if hasattr(row, "values") and not isinstance(row, dict) else row
        found[RULES[values[0]].name].append(values)
    return found


EDGES = rows(test_rules.test_edge_values)
REFUSED = rows(test_rules.test_what_a_rule_does_not_cover_is_an_error)


def main() -> None:
    killed: collections.Counter = collections.Counter()
    total: collections.Counter = collections.Counter()
    same: collections.Counter = collections.Counter()
    for rule in test_rules.OURS:
        if rule.vjp is None or not rule.at:
            continue
        module = rule.vjp.__module__.rpartition(".")[2]
        if len(sys.argv) > 1 and not any(p in (module, rule.name) for p in sys.argv[1:]):
            continue
        tree = source_of(rule)
        if tree is None or not survives(rule):
            print(f"{module}.{rule.name}: not mutated", flush=True)
            continue
        for what, changed in mutants(tree):
            scope = dict(rule.vjp.__globals__)
            try:
                module_of = ast.Module([changed], [])
                exec(compile(module_of, "<mutant>", "exec"), scope)
            except (SyntaxError, TypeError, ValueError):
                continue
            mutant = dataclasses.replace(rule, vjp=scope[changed.name])
            before = {f: RULES[f] for f in rule.functions}
            RULES.update(dict.fromkeys(rule.functions, mutant))
            try:
                alive = survives(mutant)
            finally:
                RULES.update(before)
            survivor = f"{module}.{rule.name}: {what}"
            why = reason(survivor) if alive else None
            total[module] += 1
            killed[module] += not alive
            same[module] += why is not None
            if alive:
                print(survivor, f"({why})" * bool(why), flush=True)
    for module in [*total, "all"]:
        if module == "all":
            killed[module], same[module], total[module] = map(sum, (
                killed.values(), same.values(), total.values()))  # fmt: skip
        share = 100 * killed[module] / max(1, total[module])
        print(f"{module}: {killed[module]} of {total[module]} killed, {share:.1f} %, "
              f"{same[module]} compute the same")  # fmt: skip


if __name__ == "__main__":
    main()
