"""Phrasing: statements of the generated function as a person writes them.

    if c:                             y = a if c else b
        y = a
    else:
        y = b
    if c:                             chosen = u if c else v
        u[0] *= 2                     chosen[0] *= 2
    else:                      →
        v[0] *= 2
    if c:                             found = c or d
        found = True
    elif d:
        found = True
    else:
        found = False

What runs, and in which order, stays the same. An `elif` that assigns more than truth values stays,
and so does what would make a long line.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from typing import Any

SHORT = 70  # columns of a conditional expression


def phrased(function: ast.FunctionDef, taken: set[str], booleans: set[str]) -> ast.FunctionDef:
    """The function in other words.

    taken      names that a new local may not have
    booleans   names that stand for truth values alone

    >>> tree = ast.parse('''
    ... def f(a, b, c):
    ...     if c > 0:
    ...         y = a
    ...     else:
    ...         y = b
    ...     return y
    ... ''').body[0]
    >>> print(ast.unparse(ast.fix_missing_locations(phrased(tree, set(), set()))))
    def f(a, b, c):
        y = a if c > 0 else b
        return y
    """
    if not branches(function):  # all of this is about them
        return function
    names = Counter(n.id for n in ast.walk(function) if isinstance(n, ast.Name))
    body = Phrasing(taken | set(names), booleans, names).statements(function.body)
    return tested_in_place(changed(function, body=body))


def branches(statement: Any) -> bool:
    """Whether there is an `if` in a statement."""
    return isinstance(statement, ast.If) or any(
        branches(inner)
        for field in ("body", "orelse", "finalbody")
        for inner in getattr(statement, field, None) or ()
    )


class Phrasing:
    def __init__(self, taken: set[str], booleans: set[str], names: Counter) -> None:
        self.taken, self.booleans, self.names = taken, booleans, names

    def statements(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in body:
            for made in self.statement(statement):
                if isinstance(statement, ast.If) and is_store(made) and len(out) > 1:
                    made = self.with_value(out, made)
                both = joined(out[-1], made) if out else None
                if both is not None:
                    out.pop()
                out.append(made if both is None else both)
        return out

    def with_value(self, out: list[ast.stmt], store: Any) -> Any:
        """A store into the array that was chosen, of a value that only the two branches read."""
        name = store.value.id if isinstance(store.value, ast.Name) else None
        if name is not None and self.names[name] == 3 and assigned(out[-2:-1]) == name:
            value = value_of(out.pop(-2))
            return changed(store, value=value)
        return store

    def statement(self, statement: ast.stmt, is_elif: bool = False) -> list[ast.stmt]:
        if isinstance(statement, ast.If):
            return self.branch(statement, is_elif)
        blocks = {
            field: self.statements(getattr(statement, field))
            for field in ("body", "orelse", "finalbody")
            if getattr(statement, field, None)
        }
        return [changed(statement, **blocks) if blocks else statement]

    def branch(self, statement: ast.If, is_elif: bool) -> list[ast.stmt]:
        chain = len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If)
        if chain:
            orelse = self.statement(statement.orelse[0], True)
        else:
            orelse = self.statements(statement.orelse)
        statement = changed(statement, body=self.statements(statement.body), orelse=orelse)
        if is_elif:
            return [statement]
        made = self.truth(statement) or (None if chain else self.conditional(statement))
        if made is not None:
            return [at(statement, made)]
        return [at(statement, s) for s in self.chosen(statement) or [statement]]

    # ------------------------------------------------------------------ one assignment

    def truth(self, statement: ast.If) -> ast.stmt | None:
        """`t = c or d` for branches that assign truth values to one name."""
        target = assigned(statement.body)
        value = None if target is None else self.truth_value(statement, target)
        if value is None or width(value) > SHORT:
            return None
        return ast.Assign([ast.Name(target)], value)

    def truth_value(self, statement: ast.If, target: str | None) -> ast.expr | None:
        if not self.is_boolean(statement.test) or assigned(statement.body) != target:
            return None
        if not is_truth(value_of(statement.body[0])):
            return None
        (last, *more) = statement.orelse or [None]
        rest: ast.expr | None = None
        if isinstance(last, ast.If) and not more:
            rest = self.truth_value(last, target)
        elif assigned(statement.orelse) == target:
            rest = value_of(statement.orelse[0])
            rest = rest if self.is_boolean(rest) else None
        if rest is None:
            return None
        test, then = statement.test, constant_of(value_of(statement.body[0]))
        if is_truth(rest):
            if constant_of(rest) is then:
                return None
            return test if then else negated(test)
        test = test if then else negated(test)
        op = ast.Or() if then else ast.And()
        if isinstance(rest, ast.BoolOp) and type(rest.op) is type(op):
            return ast.BoolOp(op, [test, *rest.values])
        return ast.BoolOp(op, [test, rest])

    def is_boolean(self, test: ast.expr | None) -> bool:
        if isinstance(test, ast.Name):
            return test.id in self.booleans
        if isinstance(test, ast.BoolOp):
            return all(map(self.is_boolean, test.values))
        return isinstance(test, ast.Compare) or is_truth(test) or (
            isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not))  # fmt: skip

    def conditional(self, statement: ast.If) -> ast.stmt | None:
        """`t = a if c else b`"""
        target = assigned(statement.body)
        if target is None or assigned(statement.orelse) != target:
            return None
        (then,), (other,) = statement.body, statement.orelse
        a, b = value_of(then), value_of(other)
        if any(isinstance(n, (ast.IfExp, ast.ListComp)) for v in (a, b) for n in ast.walk(v)):
            return None
        value = ast.IfExp(statement.test, a, b)
        if isinstance(statement.test, ast.UnaryOp) and isinstance(statement.test.op, ast.Not):
            value = ast.IfExp(statement.test.operand, b, a)
        return ast.Assign([ast.Name(target)], value) if width(value) <= SHORT else None

    # ------------------------------------------------------------------ one of two arrays

    def chosen(self, statement: ast.If) -> list[ast.stmt] | None:
        """A name for the array that both branches write alike."""
        then, other = statement.body, statement.orelse
        if len(then) != len(other) or not any(map(is_store, then)):
            return None
        if not all(is_store(s) or assigned([s]) is not None for s in (*then, *other)):
            return None
        env: dict[str, str] = {}
        if not all(alike(a, b, env) for a, b in zip(then, other)):
            return None
        pairs = {a: b for a, b in env.items() if a != b}
        written = {root(s) for s in then if is_store(s)}
        bound = {name for s in (*then, *other) if (name := assigned([s])) is not None}
        if any(env.get(name, name) != name for name in bound):
            return None
        if not bound.isdisjoint((*pairs, *pairs.values())):  # it is another array from then on
            return None
        if not pairs or not written <= pairs.keys() or len(pairs) > len(then):
            return None
        names = {a: self.new_name(a, b) for a, b in pairs.items()}
        made = [Renaming(names).visit(copied(s)) for s in then]
        first = ast.Assign([pick(ast.Name(names[a]) for a in pairs)], ast.IfExp(
            statement.test, pick(map(ast.Name, pairs)), pick(map(ast.Name, pairs.values()))))
        return [first, *made]

    def new_name(self, a: str, b: str) -> str:
        base = "d_chosen" if a.startswith("d_") and b.startswith("d_") else "chosen"
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name


def joined(first: ast.stmt, second: ast.stmt) -> ast.stmt | None:
    """`t = a and b` for `t = a`, then `if t: t = b`; the same with `or`."""
    target = assigned([first])
    if target is None or not isinstance(second, ast.If) or second.orelse:
        return None
    test = second.test
    op: ast.boolop = ast.And()
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, op = test.operand, ast.Or()
    if not (isinstance(test, ast.Name) and test.id == target == assigned(second.body)):
        return None
    a, b = value_of(first), value_of(second.body[0])
    if any(isinstance(n, ast.Name) and n.id == target for n in ast.walk(b)):
        return None
    value = ast.BoolOp(op, [a, b])
    if width(value) > SHORT:
        return None
    return at(first, ast.Assign([ast.Name(target)], value))


def tested_in_place(function: ast.FunctionDef) -> ast.FunctionDef:
    """`if a and b:` for a name that is tested right after it is assigned, and nowhere else."""
    found: dict[str, list[tuple[list, int]]] = {}

    def look(body: list) -> None:
        for k, statement in enumerate(body):
            for field in ("body", "orelse", "finalbody"):
                if getattr(statement, field, None):
                    look(getattr(statement, field))
            name = assigned([statement])
            after = body[k + 1] if k + 1 < len(body) else None
            if name is not None and isinstance(after, ast.If) and is_test_of(after.test, name):
                found.setdefault(name, []).append((body, k))

    look(function.body)
    if not found:
        return function
    loads = Counter(n.id for n in ast.walk(function) if isinstance(n, ast.Name))
    places: dict[int, list[int]] = {}
    bodies: dict[int, list] = {}
    for name, where in found.items():
        if loads[name] == 2 * len(where):  # each is one assignment and one test
            for body, k in where:
                if width(body[k].value) <= SHORT:
                    places.setdefault(id(body), []).append(k)
                    bodies[id(body)] = body
    for key, numbers in places.items():
        body = bodies[key]
        for k in sorted(numbers, reverse=True):
            value, after = body[k].value, body[k + 1]
            test = negated(value) if isinstance(after.test, ast.UnaryOp) else value
            body[k : k + 2] = [changed(after, test=test)]
    return function


def is_test_of(test: ast.expr, name: str) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    return isinstance(test, ast.Name) and test.id == name


def changed(statement: Any, **fields: Any) -> Any:
    """The statement with other fields, at the same place."""
    made = type(statement)(**{f: getattr(statement, f) for f in statement._fields} | fields)
    return at(statement, made)


def at(statement: ast.AST, made: Any) -> Any:
    if made is not statement and hasattr(statement, "where") and not hasattr(made, "where"):
        made.where = statement.where
    return made


def value_of(statement: ast.stmt) -> ast.expr:
    """What an assignment binds its name to."""
    assert isinstance(statement, ast.Assign)
    return statement.value


def constant_of(tree: ast.expr) -> Any:
    assert isinstance(tree, ast.Constant)
    return tree.value


def copied(tree: Any) -> Any:
    if isinstance(tree, list):
        return [copied(t) for t in tree]
    if not isinstance(tree, ast.AST):
        return tree
    made = type(tree)(**{f: copied(getattr(tree, f)) for f in tree._fields if hasattr(tree, f)})
    return at(tree, made)


def width(tree: ast.expr) -> int:
    return len(ast.unparse(tree))


def assigned(body: list[ast.stmt]) -> str | None:
    """The name that a body of one assignment binds."""
    if len(body) != 1 or not isinstance(body[0], ast.Assign):
        return None
    (target,) = body[0].targets
    return target.id if isinstance(target, ast.Name) else None


def is_truth(value: Any) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In):
        return ast.Compare(test.left, [ast.NotIn()], test.comparators)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        (other,) = test.comparators
        if isinstance(other, ast.Constant) and type(other.value) is int:
            return ast.Compare(test.left, [ast.NotEq()], [other])
    return ast.UnaryOp(ast.Not(), test)


def is_store(statement: ast.stmt) -> bool:
    """`a[k] = …` and `a[k] += …`: the array stays the one that it was."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.target, ast.Subscript) and root(statement) is not None
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    return isinstance(statement.targets[0], ast.Subscript) and root(statement) is not None


def root(statement: Any) -> str | None:
    """The name of the array that a statement stores into."""
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None


def alike(a: Any, b: Any, env: dict[str, str]) -> bool:
    """Whether two trees are the same up to names; `env` says which names."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(alike(x, y, env) for x, y in zip(a, b))
    if isinstance(a, ast.Name):
        return env.setdefault(a.id, b.id) == b.id
    if isinstance(a, ast.Constant):
        return type(a.value) is type(b.value) and repr(a.value) == repr(b.value)
    if isinstance(a, ast.AST):
        return all(alike(getattr(a, f, None), getattr(b, f, None), env) for f in a._fields)
    return bool(a == b)


def pick(names: Iterable[ast.Name]) -> ast.expr:
    found: list[ast.expr] = list(names)
    return found[0] if len(found) == 1 else ast.Tuple(found)


class Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))
