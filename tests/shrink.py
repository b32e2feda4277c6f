"""Make a failing program small: delete, unwrap and simplify while it still fails the same way.

    shrink(text, keep)      the smallest text found for which `keep(text)` holds

Statements go first, largest pieces first; a loop or branch is replaced by its body; parameters that
may go, go; then each expression is tried as one of its own parts, a name, or a small number.
"""

import ast
import copy
import time
from collections.abc import Callable, Iterator


def shrink(text: str, keep: Callable[[str], bool], seconds: float = 60.0) -> str:
    """The smallest variant found in this time; `text` itself if nothing smaller fails alike."""
    end = time.monotonic() + seconds
    seen = {text}
    start, again = 0, True
    while again:
        again = False
        tree = ast.parse(text)
        for number, smaller in enumerate(variants(tree)):
            if time.monotonic() > end:
                return text
            if number < start:
                continue
            try:
                candidate = unparse(smaller)
                ast.parse(candidate)
            except (SyntaxError, ValueError, IndexError):
                continue  # `try` without a handler, say
            if candidate in seen:
                continue
            seen.add(candidate)
            if keep(candidate):
                text, start, again = candidate, number, True
                break
        else:
            if start:  # what was skipped may be possible now
                start, again = 0, True
    return text


def unparse(tree: ast.Module) -> str:
    """Text with a blank line around functions.

    >>> print(unparse(ast.parse("x=1\\ndef f(): return 2")))
    x = 1
    <BLANKLINE>
    def f():
        return 2
    <BLANKLINE>
    """
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def variants(tree: ast.Module) -> Iterator[ast.Module]:
    """Each program that is one step smaller."""
    yield from without_statements(tree)
    yield from without_parameters(tree)
    yield from with_simpler_expressions(tree)


def bodies(tree: ast.Module) -> list[list[ast.stmt]]:
    """The lists of statements in a program, `args` left out."""
    found: list[list[ast.stmt]] = [tree.body]
    for node in walk_code(tree):
        if not isinstance(node, (ast.ExceptHandler, ast.match_case)):
            found += blocks(node)
    return found


def blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """The lists of statements that a statement holds."""
    found = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        found.append(part.body)
    return [block for block in found if isinstance(block, list)]


def walk_code(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes in classes and in functions other than `args`, outside in."""
    for top in tree.body:
        if isinstance(top, ast.ClassDef) or isinstance(top, ast.FunctionDef) and top.name != "args":
            yield from ast.walk(top)


def without_statements(tree: ast.Module) -> Iterator[ast.Module]:
    for b, block in enumerate(bodies(tree)):
        size = len(block)
        while size:
            for i in range(0, len(block) - size + 1, max(1, size // 2)):
                if any(is_fixed(statement) for statement in block[i : i + size]):
                    continue
                new = copy.deepcopy(tree)
                inner = bodies(new)[b]
                del inner[i : i + size]
                if not inner and not may_be_empty(tree, b):
                    inner.append(ast.Pass())
                yield new
            size //= 2
        for i, statement in enumerate(block):
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                continue
            for k, held in enumerate(blocks(statement)):
                if held:
                    new = copy.deepcopy(tree)
                    inner = bodies(new)[b]
                    inner[i : i + 1] = blocks(inner[i])[k]
                    yield new
    yield from without_clauses(tree)


def without_clauses(tree: ast.Module) -> Iterator[ast.Module]:
    """A handler, a case, a decorator or a base class less."""
    nodes = list(walk_code(tree))
    for n, node in enumerate(nodes):
        for name, least in (("handlers", 0), ("cases", 1), ("decorator_list", 0), ("bases", 0)):
            clauses = getattr(node, name, [])
            for i in range(len(clauses) if len(clauses) > least else 0):
                new = copy.deepcopy(tree)
                del getattr(list(walk_code(new))[n], name)[i]
                yield new


def may_be_empty(tree: ast.Module, number: int) -> bool:
    """Whether the body is an `else` or `finally` part, which need not be there."""
    wanted = bodies(tree)[number]
    return any(
        getattr(node, name, None) is wanted
        for node in walk_code(tree)
        for name in ("orelse", "finalbody")
    )


def is_fixed(statement: ast.stmt) -> bool:
    """What a program must keep: NumPy, `f`, `args`, WRT."""
    if isinstance(statement, ast.FunctionDef):
        return statement.name in ("f", "args")
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        return isinstance(target, ast.Name) and target.id == "WRT"
    return isinstance(statement, ast.Import) and statement.names[0].name == "numpy"


def without_parameters(tree: ast.Module) -> Iterator[ast.Module]:
    """A parameter of `f` removed, and given to WRT no more."""
    names = [a.arg for a in function(tree, "f").args.args]
    for i, name in enumerate(names):
        new = copy.deepcopy(tree)
        del function(new, "f").args.args[i]
        returned = function(new, "args").body[-1]
        if not isinstance(returned, ast.Return) or not isinstance(returned.value, ast.Tuple):
            continue
        del returned.value.elts[i]
        yield without_wrt(new, name)
    for name in names:
        new = without_wrt(copy.deepcopy(tree), name)
        if ast.dump(new) != ast.dump(tree):
            yield new


def without_wrt(tree: ast.Module, name: str) -> ast.Module:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Tuple):
            kept = [e for e in statement.value.elts if ast.literal_eval(e) != name]
            statement.value.elts = kept or statement.value.elts
    return tree


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(d for d in tree.body if isinstance(d, ast.FunctionDef) and d.name == name)


def with_simpler_expressions(tree: ast.Module) -> Iterator[ast.Module]:
    """An expression replaced by one of its parts or by a small number."""
    places = list(expressions(tree))
    for p, (parent, name, index) in enumerate(places):
        node = value_at(parent, name, index)
        for part in parts(node):
            new = copy.deepcopy(tree)
            set_value(*list(expressions(new))[p], copy.deepcopy(part))
            yield new
        if isinstance(parent, (ast.List, ast.Tuple)) and len(parent.elts) > 1:
            new = copy.deepcopy(tree)
            holder = list(expressions(new))[p][0]
            assert isinstance(holder, (ast.List, ast.Tuple)) and index is not None
            del holder.elts[index]
            yield new


Place = tuple[ast.AST, str, int | None]


def expressions(tree: ast.Module) -> Iterator[Place]:
    """Where the expressions are that are read, not stored to."""
    for parent in walk_code(tree):
        if isinstance(parent, (ast.arguments, ast.arg)):
            continue
        for name, value in ast.iter_fields(parent):
            for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.expr) and is_read(child):
                    yield parent, name, i


def is_read(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def value_at(parent: ast.AST, name: str, index: int | None) -> ast.expr:
    value = getattr(parent, name)
    return value if index is None else value[index]


def set_value(parent: ast.AST, name: str, index: int | None, new: ast.expr) -> None:
    if index is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[index] = new


def parts(node: ast.expr) -> Iterator[ast.expr]:
    """What may stand in an expression's place, simplest first."""
    if isinstance(node, (ast.Name, ast.Slice)):
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, float) and node.value not in (0.0, 1.0, 2.0):
            yield ast.Constant(2.0)
        return
    yield ast.Constant(2.0)
    inner = [n for n in ast.walk(node) if isinstance(n, ast.expr) and n is not node]
    for child in inner[::-1]:
        if is_read(child) and not isinstance(child, (ast.Slice, ast.Constant)):
            if not (isinstance(child, ast.Name) and child.id in ("np", "math")):
                yield child
