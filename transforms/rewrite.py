"""Rewriting: a function's tree becomes one in which every operation calls the tape.

    def f(x, out):                          def f(x, out):
        for i in range(len(x)):                 x = __tape__.enter(x)
            out[i] = math.sin(x[i])     →       out = __tape__.enter(out)
        return out                              for i in __tape__.iterate(__tape__.call(range, …
                                                    __tape__.place(out)[i] = __tape__.call(
                                                        __tape__.getattr_(math, 'sin'), …
                                                return out

Statements stay what they are, and so do names, cells and line numbers: Python itself runs `try`,
`with`, `match`, generators and recursion, and errors show the user's lines. `__tape__` is the
module `taped`.
"""

# mypy: no-check-untyped-defs

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from typing import Any

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms.parse import Parsed, find
from srcdiff.transforms.recording import current
from srcdiff.transforms.syntax import deep_recursion, to_ast

_tape: list[Any] = []  # the module that rewritten code calls


def use(module: Any) -> None:
    """Say which module rewritten code calls."""
    _tape[:] = [module]


_made: dict[Any, types.CodeType | None] = {}
_rewritten: dict[types.CodeType, bool] = {}


def has_source(f: types.FunctionType) -> bool:
    return f.__code__ in _rewritten or code_of(f) is not None


def taped(f: types.FunctionType, wanted: tuple[str, ...] = ()) -> Callable:
    """The function that calls the tape for each operation; f itself if it has no source.

    wanted   local variables whose values are to be noted
    """
    if f.__code__ in _rewritten:
        return f
    code = code_of(f, wanted)
    if code is None:
        return f
    cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
    run = current.get(None)
    if run is not None:
        run.cells.update((id(cell), cell) for cell in cells.values())
        for name in _globals.get(code, ()):
            run.globals[id(f.__globals__), name] = f.__globals__
    tape = types.CellType(_tape[0])
    closure = tuple(tape if name == "__tape__" else cells[name] for name in code.co_freevars)
    new = types.FunctionType(code, f.__globals__, f.__name__, f.__defaults__, closure)
    new.__kwdefaults__ = f.__kwdefaults__
    new.__qualname__, new.__module__ = f.__qualname__, f.__module__
    new.__dict__.update(f.__dict__)
    return new


_globals: dict[types.CodeType, frozenset[str]] = {}


def code_of(f: types.FunctionType, wanted: tuple[str, ...] = ()) -> types.CodeType | None:
    """The rewritten code of a function, None where there is no source; made once."""
    key = f.__code__, f.__code__.co_linetable, wanted
    if key not in _made:
        try:
            parsed = find(f)
        except UnsupportedSyntaxError:
            _made[key] = None
        else:
            _made[key] = rewritten_code(parsed, wanted)
    return _made[key]


def rewritten_code(parsed: Parsed, wanted: tuple[str, ...] = ()) -> types.CodeType:
    """The code of a parsed function in which every operation calls the tape."""
    function = parsed.function
    with deep_recursion():
        tree = to_ast(parsed.node)
        rewriter = Rewriter(wanted)
        tree = rewriter.whole(tree)
        free = dict.fromkeys(("__tape__", *function.__code__.co_freevars))
        if isinstance(tree, ast.Lambda):
            body: list[ast.stmt] = [ast.Return(tree)]
        else:
            tree.name = "__taped__"  # not its own: that one may be a global
            body = [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
        factory = ast.FunctionDef("factory", _parameters(list(free)), body, [])
        for node in (factory, *body):
            ast.copy_location(node, tree)
        module = ast.fix_missing_locations(ast.Module([factory], []))
        flags = function.__code__.co_flags & 0x1FF0000  # of `from __future__`
        compiled = compile(module, parsed.filename, "exec", flags, dont_inherit=True)
    outer = next(c for c in compiled.co_consts if isinstance(c, types.CodeType))
    name = "<lambda>" if isinstance(tree, ast.Lambda) else tree.name
    code = next(
        c for c in outer.co_consts if isinstance(c, types.CodeType) and c.co_name == name
    )
    code = code.replace(
        co_name=function.__code__.co_name, co_qualname=function.__code__.co_qualname
    )
    todo = [code]
    for each in todo:  # grows as we go
        _rewritten[each] = True
        todo += [c for c in each.co_consts if isinstance(c, types.CodeType)]
    _globals[code] = frozenset(rewriter.globals)
    return code


def _parameters(names: list[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


KEPT = frozenset("super locals globals vars eval exec dir".split())  # they look at their caller
BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
COMPARED = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}


class Rewriter(ast.NodeTransformer):
    """Operations become calls of the functions of `taped`.

    >>> tree = ast.parse("def f(x): return x[0] * SCALE").body[0]
    >>> print(ast.unparse(Rewriter().whole(tree)))
    def f(x):
        x = __tape__.enter(x)
        return __tape__.binary('mul', __tape__.getitem(x, 0), __tape__.enter(SCALE))
    """

    def __init__(self, wanted: tuple[str, ...] = ()) -> None:
        self.scopes: list[set[str]] = []
        self.globals: set[str] = set()
        self.wanted = wanted

    def tape(self, name: str, like: ast.AST, *args: ast.expr) -> ast.Call:
        base = ast.copy_location(ast.Name("__tape__", ast.Load()), like)
        function = ast.copy_location(ast.Attribute(base, name, ast.Load()), like)
        return ast.copy_location(ast.Call(function, list(args), []), like)

    def whole(self, tree: Any) -> Any:
        """The function itself: its decorators and defaults were evaluated long ago."""
        if isinstance(tree, ast.Lambda):
            tree.args.defaults = [ast.Constant(None)] * len(tree.args.defaults)
            tree.args.kw_defaults = [d and ast.Constant(None) for d in tree.args.kw_defaults]
            return self.visit_Lambda(tree)
        tree.decorator_list, tree.returns = [], None
        tree.args.defaults = [ast.Constant(None)] * len(tree.args.defaults)
        tree.args.kw_defaults = [d and ast.Constant(None) for d in tree.args.kw_defaults]
        for arg in parameters(tree.args):
            arg.annotation = None
        return self.visit_FunctionDef(tree)

    # Scopes

    def visit_FunctionDef(self, node: Any) -> Any:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self.defaults(node.args)
        outermost, wanted = not self.scopes, self.wanted
        self.wanted = wanted if outermost else ()
        names, declared = bound_names(node.body)
        self.globals |= declared
        given = [arg.arg for arg in parameters(node.args)]
        self.scopes.append((names | set(given)) - declared)
        body = self.statements(node.body)
        self.scopes.pop()
        self.wanted = wanted
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        entering = [self.entering(name, node.body[0]) for name in given]
        node.body = [*body[:start], *entering, *body[start:]]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def entering(self, name: str, like: ast.AST) -> ast.stmt:
        value = self.tape("enter", like, ast.copy_location(ast.Name(name, ast.Load()), like))
        target = ast.copy_location(ast.Name(name, ast.Store()), like)
        return ast.copy_location(ast.Assign([target], value), like)

    def defaults(self, args: ast.arguments) -> None:
        args.defaults = [self.visit(d) for d in args.defaults]
        args.kw_defaults = [d and self.visit(d) for d in args.kw_defaults]

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self.defaults(node.args)
        # Its parameters enter where they are read: there is no statement to do it in.
        given = {arg.arg for arg in parameters(node.args)}
        self.scopes.append({name for scope in self.scopes for name in scope} - given)
        hidden, self.scopes = self.scopes, self.scopes[-1:]
        node.body = self.visit(node.body)
        self.scopes = hidden[:-1]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [self.visit(base) for base in node.bases]
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.body = self.statements(node.body)
        return node

    def comprehension(self, node: Any) -> Any:
        scope: set[str] = set()
        for i, generator in enumerate(node.generators):
            if i == 0:
                generator.iter = self.tape("iterate", generator.iter, self.visit(generator.iter))
                self.scopes.append(scope)
            else:
                generator.iter = self.tape("iterate", generator.iter, self.visit(generator.iter))
            generator.target = self.visit(generator.target)
            scope |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            generator.ifs = [self.visit(test) for test in generator.ifs]
        if isinstance(node, ast.DictComp):
            node.key, node.value = self.visit(node.key), self.visit(node.value)
        else:
            node.elt = self.visit(node.elt)
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    # Statements

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(statement) for statement in body]

    def visit_For(self, node: Any) -> Any:
        node.iter = self.tape("iterate", node.iter, self.visit(node.iter))
        node.target = self.visit(node.target)
        node.body, node.orelse = self.statements(node.body), self.statements(node.orelse)
        return node

    def visit_With(self, node: Any) -> Any:
        entering = []
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
            if isinstance(item.optional_vars, ast.Name):
                entering.append(self.entering(item.optional_vars.id, node))
            elif item.optional_vars is not None:
                item.optional_vars = self.visit(item.optional_vars)
        node.body = [*entering, *self.statements(node.body)]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        node.value = self.visit(node.value)
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            node.value = self.tape("spread", node.value, node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in self.wanted:
                name = ast.copy_location(ast.Constant(target.id), node)
                node.value = self.tape("local", node.value, name, node.value)
        node.targets = [self.visit(target) for target in node.targets]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.target = self.visit(node.target)
        node.value = node.value and self.visit(node.value)
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        node.subject = self.tape("matched", node.subject, self.visit(node.subject))
        for case in node.cases:
            case.guard = case.guard and self.visit(case.guard)
            captured = [
                name for part in ast.walk(case.pattern)
                for name in (getattr(part, "name", None), getattr(part, "rest", None)) if name
            ]  # fmt: skip
            entering = [self.entering(name, case.body[0]) for name in captured]
            case.body = [*entering, *self.statements(case.body)]
        return node

    # Expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and not any(node.id in scope for scope in self.scopes):
            return self.tape("enter", node, node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        op = ast.copy_location(ast.Constant(BINARY[type(node.op)]), node)
        return self.tape("binary", node, op, self.visit(node.left), self.visit(node.right))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) > 1 or type(node.ops[0]) not in COMPARED:
            return node  # a chain evaluates what is in the middle once, and may stop there
        op = ast.copy_location(ast.Constant(COMPARED[type(node.ops[0])]), node)
        return self.tape("compare", node, op, node.left, node.comparators[0])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        node.operand = self.visit(node.operand)
        if type(node.op) not in UNARY or isinstance(node.operand, ast.Constant):
            return node
        op = ast.copy_location(ast.Constant(UNARY[type(node.op)]), node)
        return self.tape("unary", node, op, node.operand)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            name = ast.copy_location(ast.Constant(node.attr), node)
            return self.tape("getattr_", node, value, name)
        node.value = self.tape("holder", node.value, value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        base = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            return self.tape("getitem", node, base, self.key(node.slice))
        node.value = self.tape("place", node.value, base)
        node.slice = self.visit(node.slice)
        return node

    def key(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            none = ast.copy_location(ast.Constant(None), node)
            return self.tape("slice", node, *[p and self.visit(p) or none for p in parts])
        if isinstance(node, ast.Tuple):
            node.elts = [self.key(part) for part in node.elts]
            return node
        return self.visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        args = [self.visit(arg) for arg in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(function, ast.Name):
            if function.id in KEPT and not any(function.id in scope for scope in self.scopes):
                node.args = args
                return node
        else:
            function = self.visit(function)
        new = self.tape("call", node, function, *args)
        new.keywords = node.keywords
        return new


def parameters(args: ast.arguments) -> list[ast.arg]:
    stars = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]


def bound_names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """The names that the statements of a function bind, and those they declare global.

    >>> names, declared = bound_names(ast.parse("global n; a, b = f(); n = [c for c in a]").body)
    >>> sorted(names), declared
    (['a', 'b', 'n'], {'n'})
    """
    bound: set[str] = set()
    declared: set[str] = set()
    todo: list[ast.AST] = list(body)
    for node in todo:  # grows as we go
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            walrus = [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            bound |= {target.id for target in walrus}
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.Global):
            declared |= set(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        todo += ast.iter_child_nodes(node)
    return bound, declared
