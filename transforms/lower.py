"""Lowering: a function's tree becomes instructions on Python's own references.

    def f(x):                         (x):
        y = x[0]                        t = load('x')
        y += np.sin(x).sum()   →        t.2 = getitem(t, 0)
        return y                        store('y', t.2)
                                        …

One instruction is one operation of Python, in Python's order of evaluation. Local variables are
still variables (`load`, `store`); nothing is known of kinds, so nothing is decided about views,
copies or rebinding. Statements that nest (`if`, `for`, `while`, `with`) are regions.

    load name · store name value · delete name        local, enclosing, global and builtin names
    unary op a · binary op a b · inplace op a b · compare op a b · not a
    getattr a name · setattr a name v · getitem a k · setitem a k v · delitem a k
    call f args kwargs            `Star` marks `*args`; the key None marks `**kwargs`
    tuple … · list … · dict … · slice a b c · format …
    unpack v n star               n results; star is the position of `*rest` or None
    yield v
    function                      attrs["lowered"]: a `def` or a `lambda`; args: the defaults
    if c · for it · while · with manager                 blocks; `for` and `while` may have `else`
    try                           blocks (body, else, *handlers); attrs["types"]: blocks or None
    finally                       blocks (body, final)
    break · continue · return v · raise v · assert c message
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import resolve_name
from typing import Any, NamedTuple

from srcdiff.runtime.errors import UnsupportedSyntaxError
from srcdiff.transforms.ir import Block, Instr, Slice, Value
from srcdiff.transforms.patterns import Patterns
from srcdiff.transforms.syntax import gast


class Site(NamedTuple):
    """Where an instruction comes from; `location` is made only when somebody asks."""

    parsed: Any
    node: Any
    statement: Any

    @property
    def location(self):
        return self.parsed.location(self.node)

    @property
    def line(self) -> int:
        return self.statement.lineno


class Star(NamedTuple):
    """`*value` in the arguments of a call or in a display."""

    value: Any


class Parameter(NamedTuple):
    name: str
    kind: str  # "positional", "either", "star", "keyword", "double_star"


@dataclass(frozen=True, eq=False)
class Lowered:
    """A lowered function: its parameters, its body, and which names belong to it."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    local: frozenset[str]
    parsed: Any
    node: Any
    defaults: tuple[str, ...] = ()  # names of the parameters that have a default
    generator: bool = False
    written: dict = field(default_factory=dict)


def contains(a: Any, b: Any) -> bool:
    """`a in b`"""
    return a in b


def contains_not(a: Any, b: Any) -> bool:
    """`a not in b`"""
    return a not in b


OPERATORS: dict[str, Callable] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow,
    "MatMult": operator.matmul, "BitAnd": operator.and_, "BitOr": operator.or_,
    "BitXor": operator.xor, "LShift": operator.lshift, "RShift": operator.rshift,
    "USub": operator.neg, "UAdd": operator.pos, "Invert": operator.invert, "Not": operator.not_,
    "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge,
    "Eq": operator.eq, "NotEq": operator.ne, "Is": operator.is_, "IsNot": operator.is_not,
    "In": contains, "NotIn": contains_not,
}  # fmt: skip


def lower(parsed: Any) -> Lowered:
    """Lower a parsed function (see `parse`)."""
    return Lowering(parsed).function(parsed.node)


class Lowering(Patterns):
    """One function body; a nested function gets a `Lowering` of its own."""

    def __init__(self, parsed: Any):
        self.parsed = parsed
        self.instrs: list[Instr] = []
        self.local: set[str] = set()
        self.outer: set[str] = set()  # declared `global` or `nonlocal`
        self.renamed: dict[str, str] = {}  # targets of comprehensions
        self.statement: Any = None
        self.comprehensions = 0
        self.generator = False  # there is a `yield`

    # ------------------------------------------------------------------ functions

    def function(self, node: Any) -> Lowered:
        args = node.args
        parameters = [Parameter(a.id, "positional") for a in args.posonlyargs]
        parameters += [Parameter(a.id, "either") for a in args.args]
        if args.vararg:
            parameters.append(Parameter(args.vararg.id, "star"))
        parameters += [Parameter(a.id, "keyword") for a in args.kwonlyargs]
        if args.kwarg:
            parameters.append(Parameter(args.kwarg.id, "double_star"))
        plain = [*args.posonlyargs, *args.args]
        defaults = [a.id for a in plain[len(plain) - len(args.defaults) :]]
        defaults += [a.id for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None]
        self.local.update(p.name for p in parameters)
        if isinstance(node, gast.Lambda):
            self.statement = node
            name = "<lambda>"
            self.emit(node.body, "return", self.expr(node.body))
        else:
            name = node.name
            self.statements(node.body)
        body = Block((), self.instrs, ())
        local = frozenset(self.local - self.outer)
        return Lowered(name, tuple(parameters), body, local, self.parsed, node, tuple(defaults),
                       self.generator)  # fmt: skip

    def nested(self, node: Any) -> Value:
        """`def` or `lambda`: defaults are evaluated here, the body when it is called."""
        inner = Lowering(self.parsed)
        inner.renamed = dict(self.renamed)
        for arg in ast_parameters(node):
            inner.renamed.pop(arg, None)
        lowered = inner.function(node)
        defaults = [d for d in [*node.args.defaults, *node.args.kw_defaults] if d is not None]
        values = tuple(self.expr(d) for d in defaults)
        name = "fn" if lowered.name == "<lambda>" else lowered.name
        return self.emit(node, "function", *values, name=name, lowered=lowered)

    # ------------------------------------------------------------------ statements

    def emit(self, node: Any, op: str, *args: Any, name: str = "t", count: int = 1,
             blocks: tuple[Block, ...] = (), **attrs: Any) -> Any:  # fmt: skip
        site = Site(self.parsed, node, self.statement)
        results = tuple(Value(name) for _ in range(count))
        kwargs = attrs.pop("keywords", None)
        self.instrs.append(Instr(op, args, kwargs, results, blocks, attrs, site))
        return results[0] if count == 1 else results

    def block(self, body: Callable[[], Any], params: tuple[Value, ...] = ()) -> Block:
        """A block made of what `body` emits; its result, if any, is what `body` returns."""
        saved, self.instrs = self.instrs, []
        try:
            result = body()
            return Block(params, self.instrs, () if result is NOTHING else (result,))
        finally:
            self.instrs = saved

    def statements(self, body: list[Any]) -> Any:
        for statement in body:
            outer, self.statement = self.statement, statement
            method = getattr(self, f"stmt_{type(statement).__name__}", None)
            if method is None:
                raise self.refuse(statement, f"`{keyword(statement)}`")
            method(statement)
            self.statement = outer
        return NOTHING

    def refuse(self, node: Any, what: str, instead: str = "") -> UnsupportedSyntaxError:
        return UnsupportedSyntaxError(
            f"{what} cannot be differentiated",
            self.parsed.location(node),
            instead or "Move it out of the function, or into a helper that has a derivative rule.",
        )

    def stmt_Expr(self, node: Any) -> None:
        if isinstance(node.value, gast.YieldFrom):
            self.yield_from(node.value)
        elif not isinstance(node.value, gast.Constant):
            self.expr(node.value)

    def stmt_Pass(self, node: Any) -> None:
        pass

    def stmt_Import(self, node: Any) -> None:
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.split(".")[0]
            module = self.emit(node, "import", alias.name, top)
            self.store(alias.asname or top, module, node)

    def stmt_ImportFrom(self, node: Any) -> None:
        name = node.module
        if node.level:
            package = self.parsed.globals.get("__package__")
            name = resolve_name("." * node.level + (name or ""), package)
        module = self.emit(node, "import", name, name)
        for alias in node.names:
            self.store(alias.asname or alias.name, self.emit(node, "getattr", module, alias.name),
                       node)  # fmt: skip

    def stmt_Return(self, node: Any) -> None:
        self.emit(node, "return", None if node.value is None else self.expr(node.value))

    def stmt_Break(self, node: Any) -> None:
        self.emit(node, "break")

    def stmt_Continue(self, node: Any) -> None:
        self.emit(node, "continue")

    def stmt_FunctionDef(self, node: Any) -> None:
        value = self.nested(node)
        for decorator in reversed(node.decorator_list):
            value = self.emit(node, "call", self.expr(decorator), (value,))
        self.store(node.name, value, node)

    def stmt_Nonlocal(self, node: Any) -> None:
        self.outer.update(node.names)

    def stmt_Global(self, node: Any) -> None:
        self.outer.update(node.names)

    def stmt_Assign(self, node: Any) -> None:
        value = self.expr(node.value)
        for target in node.targets:
            self.assign(target, value)

    def stmt_AnnAssign(self, node: Any) -> None:
        if node.value is not None:
            self.assign(node.target, self.expr(node.value))

    def stmt_AugAssign(self, node: Any) -> None:
        op = OPERATORS[type(node.op).__name__]
        target = node.target
        if isinstance(target, gast.Name):
            old = self.emit(target, "load", self.rename(target.id))
            new = self.emit(node, "inplace", op, old, self.expr(node.value), name=target.id)
            self.store(target.id, new, node)
        elif isinstance(target, gast.Subscript):
            base, key = self.expr(target.value), self.key(target.slice)
            old = self.emit(target, "getitem", base, key)
            new = self.emit(node, "inplace", op, old, self.expr(node.value), element=True)
            self.emit(node, "setitem", base, key, new, augmented=True)
        else:
            base = self.expr(target.value)
            old = self.emit(target, "getattr", base, target.attr)
            new = self.emit(node, "inplace", op, old, self.expr(node.value))
            self.emit(node, "setattr", base, target.attr, new)

    def stmt_Delete(self, node: Any) -> None:
        for target in node.targets:
            if isinstance(target, gast.Name):
                self.emit(node, "delete", self.rename(target.id))
            elif isinstance(target, gast.Subscript):
                self.emit(node, "delitem", self.expr(target.value), self.key(target.slice))
            else:
                raise self.refuse(node, "`del` of this target")

    def stmt_If(self, node: Any) -> None:
        test = self.test(node.test)
        then = self.block(lambda: self.statements(node.body))
        other = self.block(lambda: self.statements(node.orelse))
        self.emit(node.test, "if", test, blocks=(then, other), count=0)

    def stmt_For(self, node: Any) -> None:
        if isinstance(node.iter, gast.Name) and changes_list(node.body, node.iter.id):
            self.walk_changing(node)
            return
        iterable = self.expr(node.iter)
        item = Value(node.target.id if isinstance(node.target, gast.Name) else "item")

        def body() -> Any:
            self.assign(node.target, item)
            return self.statements(node.body)

        blocks = self.block(body, (item,)), self.block(lambda: self.statements(node.orelse))
        self.emit(node.iter, "for", iterable, blocks=blocks, count=0)

    def walk_changing(self, node: Any) -> None:
        """`for v in a:` whose body changes the length of a: as `while i < len(a):`, which it is."""
        self.comprehensions += 1
        walked, at = (f".{self.comprehensions}.{name}" for name in ("walked", "at"))
        self.store(walked, self.expr(node.iter), node.iter)
        self.store(at, 0, node.iter)

        def load(name: str) -> Any:
            return self.emit(node.iter, "load", name)

        def test() -> Any:
            i, items = load(at), load(walked)
            length = self.emit(node.iter, "builtin", "len")
            n = self.emit(node.iter, "call", length, (items,))
            return self.emit(node.iter, "compare", operator.lt, i, n)

        def body() -> Any:
            i, items = load(at), load(walked)
            item = self.emit(node.iter, "list_item", items, i)
            self.assign(node.target, item)
            self.store(at, self.emit(node.iter, "binary", operator.add, i, 1), node.iter)
            return self.statements(node.body)

        blocks = tuple(map(self.block, (test, body, lambda: self.statements(node.orelse))))
        self.emit(node.iter, "while", blocks=blocks, count=0)

    def stmt_While(self, node: Any) -> None:
        self.local.add(ended_name(node.test))
        test = self.block(lambda: self.test(node.test))
        body = self.block(lambda: self.statements(node.body))
        other = self.block(lambda: self.statements(node.orelse))
        self.emit(node.test, "while", blocks=(test, body, other), count=0)

    def stmt_With(self, node: Any) -> None:
        if len(node.items) > 1:
            inner = gast.With(node.items[1:], node.body, None)
            gast.copy_location(inner, node)
            node = gast.copy_location(gast.With(node.items[:1], [inner], None), node)
        item = node.items[0]
        manager = self.expr(item.context_expr)
        entered = Value("entered")

        def body() -> Any:
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered)
            return self.statements(node.body)

        block = self.block(body, (entered,))
        self.emit(item.context_expr, "with", manager, blocks=(block,), count=0)

    def stmt_Try(self, node: Any) -> None:
        if node.finalbody:
            inner = node.body
            if node.handlers:
                inner = [gast.Try(node.body, node.handlers, node.orelse, [])]
                gast.copy_location(inner[0], node)
            blocks = tuple(
                self.block(lambda part=part: self.statements(part))
                for part in (inner, node.finalbody)
            )
            self.emit(node, "finally", blocks=blocks, count=0)
            return
        body = self.block(lambda: self.statements(node.body))
        orelse = self.block(lambda: self.statements(node.orelse))
        types = tuple(
            None if h.type is None else self.block(lambda h=h: self.expr(h.type))
            for h in node.handlers
        )
        handlers = [self.handler(h) for h in node.handlers]
        self.emit(node, "try", blocks=(body, orelse, *handlers), count=0, types=types)

    def handler(self, node: Any) -> Block:
        """What an `except` clause runs; its parameter is the exception."""
        error = Value("error")

        def body() -> Any:
            if node.name is not None:
                self.store(node.name.id, error, node)
            self.statements(node.body)
            if node.name is not None:
                self.emit(node, "delete", self.rename(node.name.id), count=0)
            return NOTHING

        return self.block(body, (error,))

    def stmt_Raise(self, node: Any) -> None:
        exc = None if node.exc is None else self.expr(node.exc)
        if node.cause is not None:
            self.expr(node.cause)
        self.emit(node, "raise", exc)

    def stmt_Assert(self, node: Any) -> None:
        test = self.test(node.test)
        message = node.msg

        def fail() -> Any:
            args = () if message is None else (self.expr(message),)
            error = self.emit(node, "builtin", "AssertionError")
            self.emit(node, "raise", self.emit(node, "call", error, args))
            return NOTHING

        ok = self.block(lambda: NOTHING)
        self.emit(node.test, "if", test, blocks=(ok, self.block(fail)), count=0, asserts=True)

    # ------------------------------------------------------------------ targets

    def rename(self, name: str) -> str:
        return self.renamed.get(name, name)

    def store(self, name: str, value: Any, node: Any) -> None:
        name = self.rename(name)
        self.local.add(name)
        if isinstance(value, Value) and value.name == "t":
            value.name = name.rpartition(".")[2]
        self.emit(node, "store", name, value, count=0)

    def assign(self, target: Any, value: Any) -> None:
        if isinstance(target, gast.Name):
            self.store(target.id, value, target)
        elif isinstance(target, (gast.Tuple, gast.List)):
            stars = [isinstance(t, gast.Starred) for t in target.elts]
            star = stars.index(True) if True in stars else None
            n = len(target.elts)
            parts = self.emit(target, "unpack", value, n, star, count=n)
            parts = (parts,) if n == 1 else parts
            for part, inner in zip(parts, target.elts):
                self.assign(inner.value if isinstance(inner, gast.Starred) else inner, part)
        elif isinstance(target, gast.Subscript):
            base, key = self.expr(target.value), self.key(target.slice)
            self.emit(target, "setitem", base, key, value, count=0)
        elif isinstance(target, gast.Attribute):
            self.emit(target, "setattr", self.expr(target.value), target.attr, value, count=0)
        else:
            raise self.refuse(target, "this assignment target")

    # ------------------------------------------------------------------ expressions

    def expr(self, node: Any) -> Any:
        """A `Value`, or a Python constant."""
        method = getattr(self, f"expr_{type(node).__name__}", None)
        if method is None:
            raise self.refuse(node, f"`{keyword(node)}`")
        return method(node)

    def expr_Constant(self, node: Any) -> Any:
        return node.value

    def expr_Name(self, node: Any) -> Any:
        return self.emit(node, "load", self.rename(node.id), name=node.id)

    def expr_UnaryOp(self, node: Any) -> Any:
        if isinstance(node.op, gast.Not):
            return self.emit(node, "not", self.expr(node.operand))
        operand = self.expr(node.operand)
        op = OPERATORS[type(node.op).__name__]
        if isinstance(operand, (int, float, complex)) and not isinstance(operand, bool):
            return op(operand)
        return self.emit(node, "unary", op, operand)

    def expr_BinOp(self, node: Any) -> Any:
        # A sum of a thousand terms is a thousand levels deep on its left side: descend in a loop.
        chain = []
        while isinstance(node, gast.BinOp):
            chain.append(node)
            node = node.left
        value = self.expr(node)
        for node in reversed(chain):
            op = OPERATORS[type(node.op).__name__]
            value = self.emit(node, "binary", op, value, self.expr(node.right))
        return value

    def expr_Compare(self, node: Any) -> Any:
        left = self.expr(node.left)
        return self.compare(node, left, node.ops, node.comparators)

    def compare(self, node: Any, left: Any, ops: list, rest: list) -> Any:
        right = self.expr(rest[0])
        first = self.emit(node, "compare", OPERATORS[type(ops[0]).__name__], left, right)
        if len(ops) == 1:
            return first
        then = self.block(lambda: self.compare(node, right, ops[1:], rest[1:]))
        return self.emit(node, "if", first, blocks=(then, Block((), (), (first,))))

    def expr_BoolOp(self, node: Any) -> Any:
        return self.boolean(node, node.values)

    def test(self, node: Any) -> Any:
        """An expression of which only the truth matters."""
        if isinstance(node, gast.BoolOp):
            return self.boolean(node, node.values, self.test)
        return self.expr(node)

    def boolean(self, node: Any, values: list, expr: Callable | None = None) -> Any:
        first = (expr or self.expr)(values[0])
        if len(values) == 1:
            return first
        more = self.block(lambda: self.boolean(node, values[1:], expr))
        stop = Block((), (), (first,))
        blocks = (more, stop) if isinstance(node.op, gast.And) else (stop, more)
        attrs = {} if expr is None else {"test": True}
        return self.emit(node, "if", first, blocks=blocks, **attrs)

    def expr_IfExp(self, node: Any) -> Any:
        test = self.test(node.test)
        then = self.block(lambda: self.expr(node.body))
        other = self.block(lambda: self.expr(node.orelse))
        return self.emit(node, "if", test, blocks=(then, other))

    def expr_NamedExpr(self, node: Any) -> Any:
        value = self.expr(node.value)
        self.store(node.target.id, value, node)
        return value

    def expr_Attribute(self, node: Any) -> Any:
        return self.emit(node, "getattr", self.expr(node.value), node.attr)

    def expr_Subscript(self, node: Any) -> Any:
        base = self.expr(node.value)
        return self.emit(node, "getitem", base, self.key(node.slice))

    def key(self, node: Any) -> Any:
        """An index: slices stay trees, everything else is evaluated."""
        if isinstance(node, gast.Slice):
            parts = (node.lower, node.upper, node.step)
            return Slice(*(None if p is None else self.expr(p) for p in parts))
        if isinstance(node, gast.Tuple) and not any(isinstance(e, gast.Starred) for e in node.elts):
            return tuple(self.key(e) for e in node.elts)
        return self.expr(node)

    def expr_Call(self, node: Any) -> Any:
        function = self.expr(node.func)
        whole = isinstance(node.func, gast.Attribute) or getattr(node.func, "id", "") in WHOLE
        args = tuple(
            Star(self.expr(a.value)) if isinstance(a, gast.Starred)
            else self.comprehension(a, "list") if whole and isinstance(a, gast.GeneratorExp)
            else self.expr(a)
            for a in node.args
        )  # fmt: skip
        keywords = {k.arg: self.expr(k.value) for k in node.keywords}
        return self.emit(node, "call", function, args, keywords=keywords)

    def elements(self, nodes: list) -> tuple:
        return tuple(
            Star(self.expr(n.value)) if isinstance(n, gast.Starred) else self.expr(n) for n in nodes
        )

    def expr_Tuple(self, node: Any) -> Any:
        return self.emit(node, "tuple", *self.elements(node.elts))

    def expr_List(self, node: Any) -> Any:
        return self.emit(node, "list", *self.elements(node.elts))

    def expr_Set(self, node: Any) -> Any:
        return self.emit(node, "set", *self.elements(node.elts))

    def expr_Dict(self, node: Any) -> Any:
        pairs = []
        for key, value in zip(node.keys, node.values):
            if key is None:
                pairs.append(Star(self.expr(value)))
            else:
                pairs.append((self.expr(key), self.expr(value)))
        return self.emit(node, "dict", *pairs)

    def expr_Lambda(self, node: Any) -> Any:
        return self.nested(node)

    def expr_JoinedStr(self, node: Any) -> Any:
        parts = []
        for part in node.values:
            if isinstance(part, gast.Constant):
                parts.append(part.value)
            else:
                spec = None if part.format_spec is None else self.expr(part.format_spec)
                parts.append((self.expr(part.value), part.conversion, spec))
        return self.emit(node, "format", *parts)

    def expr_ListComp(self, node: Any) -> Any:
        return self.comprehension(node, "list")

    def expr_GeneratorExp(self, node: Any) -> Any:
        """A function that yields, called with what its first `for` goes over."""
        iterable = self.expr(node.generators[0].iter)
        inner = Lowering(self.parsed)
        inner.renamed, inner.statement = dict(self.renamed), self.statement
        inner.generator, inner.comprehensions = True, self.comprehensions
        inner.local.add(".0")
        inner.comprehension(node, "yield")
        self.comprehensions = inner.comprehensions
        body = Block((), inner.instrs, ())
        local = frozenset(inner.local - inner.outer)
        given = (Parameter(".0", "either"),)
        lowered = Lowered("<genexpr>", given, body, local, self.parsed, node, (), True)
        made = self.emit(node, "function", name="generator", lowered=lowered)
        return self.emit(node, "call", made, (iterable,))

    def expr_Yield(self, node: Any) -> Any:
        self.generator = True
        return self.emit(node, "yield", None if node.value is None else self.expr(node.value))

    def expr_YieldFrom(self, node: Any) -> Any:
        raise self.refuse(node, "the value of `yield from`", "Write a loop that yields.")

    def yield_from(self, node: Any) -> None:
        self.generator = True
        iterable = self.expr(node.value)
        item = Value("item")

        def body() -> Any:
            self.emit(node, "yield", item)
            return NOTHING

        blocks = self.block(body, (item,)), Block((), (), ())
        self.emit(node, "for", iterable, blocks=blocks, count=0)

    def expr_SetComp(self, node: Any) -> Any:
        return self.comprehension(node, "set")

    def expr_DictComp(self, node: Any) -> Any:
        return self.comprehension(node, "dict")

    def comprehension(self, node: Any, display: str) -> Any:
        """`[e for x in it if c]`: a list, a loop and appends; the targets are names of its own."""
        self.comprehensions += 1
        number = self.comprehensions
        saved = dict(self.renamed)
        result = None if display == "yield" else self.emit(node, display)
        for generator in node.generators:
            if generator.is_async:
                raise self.refuse(node, "an asynchronous comprehension")

        def loop(generators: list) -> Any:
            if not generators:
                if display == "yield":
                    self.emit(node, "yield", self.expr(node.elt))
                elif display == "dict":
                    key, value = self.expr(node.key), self.expr(node.value)
                    self.emit(node, "setitem", result, key, value, count=0)
                else:
                    name = "add" if display == "set" else "append"
                    append = self.emit(node, "getattr", result, name)
                    self.emit(node, "call", append, (self.expr(node.elt),))
                return NOTHING
            first, rest = generators[0], generators[1:]
            outermost = display == "yield" and first is node.generators[0]
            iterable = self.emit(node, "load", ".0") if outermost else self.expr(first.iter)
            for name in target_names(first.target):
                self.renamed[name] = f".{number}.{name}"

            def body() -> Any:
                self.assign(first.target, item)
                return conditions(first.ifs)

            def conditions(tests: list) -> Any:
                if not tests:
                    return loop(rest)
                test = self.test(tests[0])
                then = self.block(lambda: conditions(tests[1:]))
                self.emit(tests[0], "if", test, count=0, blocks=(then, Block((), (), ())))
                return NOTHING

            item = Value("item")
            empty = Block((), (), ())
            block = self.block(body, (item,))
            self.emit(first.iter, "for", iterable, blocks=(block, empty), count=0)
            return NOTHING

        loop(node.generators)
        self.renamed = saved
        return result


# Functions that take all items of an iterable before they do anything else.
WHOLE = frozenset("sum list tuple sorted min max set frozenset dict any all len".split())


def ended_name(test: Any) -> str:
    """The name that says whether it was its test that ended a `while` (see `tested_inside`)."""
    return f".while{test.lineno}_{test.col_offset}.ended"


def tested_inside(instr: Instr) -> Block:
    """`while test: …` as `while True:` that is left where the test fails.

    The test may change something then; whether it was it that ended the loop says a name.
    """
    test, body, orelse = instr.blocks
    where, ended = instr.where, ended_name(instr.where.node)
    (result,) = test.results
    empty = Block((), (), ())
    leave = Block((), [Instr("store", (ended, True), where=where), Instr("break", where=where)], ())
    check = Instr("if", (result,), blocks=(empty, leave), where=where)
    whole = Block((), [*test.instrs, check, *body.instrs], ())
    loop = Instr("while", (), blocks=(Block((), (), (True,)), whole, empty), where=where)
    if not orelse.instrs:
        return Block((), [loop], ())
    found = Value("ended")
    return Block((), [
        Instr("store", (ended, False), where=where), loop,
        Instr("load", (ended,), results=(found,), where=where),
        Instr("if", (found,), blocks=(orelse, empty), where=where),
    ], ())  # fmt: skip


class _Nothing:
    """What a block of statements results in."""


NOTHING = _Nothing()


def changes_list(body: list, name: str) -> bool:
    """Whether statements call a method of `name` that changes the length of a list.

    >>> body = gast.parse("if c: a.append(1)").body
    >>> changes_list(body, "a"), changes_list(body, "b")
    (True, False)
    """
    changing = ("append", "extend", "insert", "pop", "remove", "clear")
    return any(
        isinstance(n, gast.Call) and isinstance(n.func, gast.Attribute) and n.func.attr in changing
        and isinstance(n.func.value, gast.Name) and n.func.value.id == name
        for statement in body for n in gast.walk(statement)
    )  # fmt: skip


def target_names(target: Any) -> list[str]:
    return [n.id for n in gast.walk(target) if isinstance(n, gast.Name)]


def ast_parameters(node: Any) -> list[str]:
    return [n.id for n in gast.walk(node.args) if isinstance(n, gast.Name)]


def keyword(node: Any) -> str:
    """The word a user knows a construct by.

    >>> keyword(gast.parse("try: pass\\nfinally: pass").body[0])
    'try'
    """
    words = {"With": "with", "AsyncFor": "async for", "ClassDef": "class",
             "Try": "try", "TryStar": "except*", "Match": "match", "Await": "await",
             "YieldFrom": "yield from", "AsyncFunctionDef": "async def",
             "AsyncWith": "async with"}  # fmt: skip
    name = type(node).__name__
    return words.get(name, name.lower())
