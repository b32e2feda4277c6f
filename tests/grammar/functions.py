"""Functions: helpers of the module, closures, lambdas, decorators, generators, recursion, state."""

from tests.grammar.core import Core, grows, indent
from tests.grammar.scope import Function, Scope, Shape, Var

LIBRARY = (
    ("scaled({})", (None,), None, False),
    ("scaled({})", ("n",), "n", False),
    ("normed({})", ("n",), "n", False),
    ("soften({})", ("n",), None, True),
    ("soften({}.copy(), sharpness=3.0)", ("n",), "n", False),
    ("shift({}, {})", ("n", None), None, True),
    ("weighted({})", ("n",), None, False),
    ("clean({})", ("n",), "n", False),
    ("clean({}, copy=False)", ("n",), "n", False),
)
LIBRARY_STATE = (
    ("counted({})", (None,), None, False),
    ("accumulated({})", (None,), None, False),
    ("buffered({})", ("n",), None, False),
)


class Functions(Core):
    # Functions of the module

    def helper(self, functions: list[Function]) -> tuple[Function, list[str]]:
        """A function of the module: it writes, or returns a value, or both."""
        shapes = [None if self.chance(0.4) else self.shape() for _ in range(self.some(1, 3))]
        is_statement = "writers" in self.features and self.chance(0.4)
        if is_statement and not any(shapes):
            shapes[0] = (self.long,)
        returns = None if self.chance(0.5) else self.shape()
        params = [Var(self.name("x" if shape else "s"), shape) for shape in shapes]
        scope = self.function_scope(params, functions, returns, not is_statement)
        name = self.name("helper")
        body: list[str] = []
        if is_statement:
            body = self.store_first(scope) or ["pass"]
        if self.chance(0.7):
            body += self.block(scope, self.some(1, 2))
        if not is_statement:
            body.append(f"return {self.expr(scope, returns, 2)}")
        names = tuple(p.name for p in params)
        head, call = self.signature(name, names, shapes, is_statement)
        by_name = names if head.endswith(f"({', '.join(names)}):") else ()
        known = Function(call, tuple(shapes), returns, is_statement, by_name)
        decorator = self.decorator(returns, is_statement)
        return known, [*decorator, head, *indent(body)]

    def function_scope(
        self, params: list[Var], functions: list[Function], returns: Shape | None, result: bool
    ) -> Scope:
        scope = Scope(list(params), list(functions), depth=1, returns=returns, may_return=result)
        scope.size = str(self.long)
        return scope

    def store_first(self, scope: Scope) -> list[str]:
        store = getattr(self, "store", None)
        return store(scope) if store and "store" in self.features else []

    def signature(
        self, name: str, names: tuple[str, ...], shapes: list[Shape | None], plain: bool
    ) -> tuple[str, str]:
        """The head of a definition, and how it is called."""
        fields = ["{}"] * len(names)
        kind = 0 if plain or "signature" not in self.features else self.some(0, 7)
        joined = ", ".join(names)
        if kind == 1:
            return f"def {name}({joined}, extra=0.5, *rest):", f"{name}({', '.join(fields)})"
        if kind == 2:
            rest = f"{joined}, *, mode='plain', scale={self.number()}"
            return f"def {name}({rest}):", f"{name}({', '.join(fields)}, scale=1.5)"
        if kind == 3:
            passed = ", ".join(f"{n}={{}}" for n in names)
            return f"def {name}(*, {joined}, **options):", f"{name}({passed}, mode='x')"
        if kind == 4:
            return f"def {name}({joined}):", f"{name}(*[{', '.join(fields)}])"
        if kind == 5:
            pairs = ", ".join(f"'{n}': {{}}" for n in names)
            return f"def {name}({joined}):", f"{name}(**{{{{{pairs}}}}})"
        if kind == 6 and shapes[-1] is None and len(names) > 1:
            head = f"def {name}({', '.join(names[:-1])}, {names[-1]}={self.number()}):"
            return head, f"{name}({', '.join(fields)})"
        return f"def {name}({joined}):", f"{name}({', '.join(fields)})"

    def decorator(self, returns: Shape | None, is_statement: bool) -> list[str]:
        if "decorator" not in self.features or not self.chance(0.12):
            return []
        name = self.name("decorated")
        change = self.pick(["0.5 * result", "result + 0.25", "result"])
        change = "result" if is_statement else change
        wraps = self.pick([["    @functools.wraps(function)"], []])
        if self.chance(0.3):
            self.define(
                [
                    f"def {name}(factor):",
                    "    def decorator(function):",
                    "        @functools.wraps(function)",
                    "        def wrapped(*args, **kwargs):",
                    "            result = function(*args, **kwargs)",
                    f"            return {'result' if is_statement else 'factor * result'}",
                    "        return wrapped",
                    "    return decorator",
                ]
            )
            return [f"@{name}({self.number()})"]
        self.define(
            [
                f"def {name}(function):",
                *wraps,
                "    def wrapped(*args, **kwargs):",
                "        result = function(*args, **kwargs)",
                f"        return {change}",
                "    return wrapped",
            ]
        )
        return [f"@{name}"]

    def library(self) -> list[Function]:
        """Functions of another module."""
        chosen = [row for row in LIBRARY if self.chance(0.4)]
        if "state" in self.features:
            chosen += [row for row in LIBRARY_STATE if self.chance(0.3)]
        n = (self.long,)
        return [
            Function(
                f"library.{call}",
                tuple(n if p else None for p in params),
                n if returns else None,
                is_statement,
            )
            for call, params, returns, is_statement in chosen
        ]

    def recursive(self) -> tuple[Function, list[str]]:
        """A function that calls itself, so many times or until a test of its values holds."""
        name, s = self.name("recursive"), self.name("s")
        shape = None if self.chance(0.5) else (self.long,)
        scope = self.function_scope([Var(s, shape)], [], shape, False)
        scope.depth = 3
        text = self.expr(scope, shape, 2)
        kind = self.some(0, 3)
        if kind == 0:
            lines = [f"def {name}({s}, k):", "    if k == 0:", f"        return {s}"]
            lines += [f"    return {name}(np.sin({text}), k - 1)"]
            call = f"{name}({{}}, {self.pick([1, 2, 3])})"
        elif kind == 1:
            size = "abs({})" if shape is None else "np.sum(np.abs({}))"
            lines = [f"def {name}({s}):", f"    if {size.format(s)} < 0.507:"]
            lines += [f"        return {s}"]
            lines += [f"    return 0.5 * {name}({s} * 0.4) + {s}"]
            call = f"{name}({{}})"
        elif kind == 2:
            other = self.name("other")
            lines = [f"def {other}({s}, k):"]
            lines += [f"    return {s} if k <= 0 else {name}(0.5 * {s}, k - 1)"]
            lines += [f"def {name}({s}, k):", "    if k <= 0:", f"        return {text}"]
            lines += [f"    return {other}(np.tanh({s}), k - 1) * 1.5"]
            call = f"{name}({{}}, {self.pick([2, 3])})"
        else:
            lines = [f"def {name}({s}, low=0, high={self.long}):", "    if high - low == 1:"]
            leaf = f"{s}[low]" if shape else s
            lines += [f"        return np.sin({leaf}) * (low + 1)"]
            lines += ["    middle = (low + high) // 2"]
            lines += [f"    return {name}({s}, low, middle) + 0.5 * {name}({s}, middle, high)"]
            return Function(f"{name}({{}})", (shape,), None), lines
        return Function(call, (shape,), shape), lines

    # Nested functions

    @grows("statement", 14, "closure")
    def closure(self, scope: Scope) -> list[str]:
        """A function that reads the scope's names when it is called, perhaps writes into them."""
        if scope.depth >= 2:
            return []
        name = self.name("inner")
        shapes = [None if self.chance(0.6) else (self.long,) for _ in range(self.some(1, 2))]
        returns = None if self.chance(0.6) else (self.long,)
        params = [Var(self.name("s"), shape) for shape in shapes]
        inner = scope.captured(*params, returns=returns)
        lines = [f"def {name}({', '.join(p.name for p in params)}):"]
        counters = [v for v in scope.numbers() if not v.is_place and v.rebind]
        if "nonlocal" in self.features and counters and scope.depth == 0 and self.chance(0.3):
            v = self.pick(counters)
            lines += [f"    nonlocal {v.name}", f"    {v.name} = 0.5 * {v.name} + {self.number()}"]
        if self.chance(0.4):
            lines += self.indented(inner, 1)
        if not lines[-1].startswith("    return"):
            lines += [f"    return {self.expr(inner, returns, 2)}"]
        call = f"{name}({', '.join(['{}'] * len(params))})"
        function = Function(call, tuple(shapes), returns, False, tuple(p.name for p in params))
        scope.functions.append(function)
        used = self.expr(scope, shapes[0], 0)
        rest = [self.expr(scope, shape, 0) for shape in shapes[1:]]
        result = self.name("t" if returns else "s")
        lines += [f"{result} = {call.format(used, *rest)}"]
        scope.vars.append(Var(result, returns))
        return lines

    @grows("statement", 6, "nonlocal")
    def counter(self, scope: Scope) -> list[str]:
        """A number that a nested function counts up."""
        if scope.depth >= 2:
            return []
        total, bump, v, x = self.name("s"), self.name("bump"), self.name("v"), self.name("w")
        source = self.leaf(scope, (self.long,))
        inner = scope.captured(Var(v), Var(total))
        text = self.bounded(inner, self.expr(inner, None, 1))
        lines = [f"{total} = {self.number()}", f"def {bump}({v}):", f"    nonlocal {total}"]
        lines += [f"    {total} = {self.pick(['0.5 * ', ''])}{total} + np.sin({text})"]
        lines += [f"for {x} in {source}:", f"    {bump}({x})"]
        scope.vars.append(Var(total))
        return lines

    @grows("statement", 12, "lambda")
    def functional(self, scope: Scope) -> list[str]:
        """map, filter, reduce, partial, functions in containers."""
        v, s = self.name("v"), self.name("s")
        x = self.leaf(scope, (self.long,))
        text = self.expr(scope.captured(Var(v)), None, 2)
        c = self.number()
        function = f"lambda {v}: {text}"
        ways = [
            [f"{s} = sum(map({function}, {x}))"],
            [f"{s} = (lambda {v}, w={c}: {text} * w)({self.expr(scope, None, 1)})"],
            [f"{s} = functools.reduce(lambda a, b: 0.5 * a + np.sin(b), {x})"],
            [f"{s} = functools.reduce(lambda a, b: a * 0.5 + b, {x}, {c})"],
            [f"{s} = sum(filter(lambda {v}: {v} > {self.threshold()}, {x}))"],
            [f"apply_{s} = {function}", f"{s} = apply_{s}({x}[0]) + apply_{s}({c})"],
            [f"{s} = sum({v} for {v} in map(np.sin, {x}))"],
            [f"{s} = functools.partial(np.multiply, {c})({self.expr(scope, None, 1)})"],
            [f"two_{s} = functools.partial(lambda k, {v}: k * {v}, 2)", f"{s} = two_{s}({x}[0])"],
            [f"{s} = {{'a': {function}, 'b': np.cos}}['{self.pick('ab')}']({c} * {x}[1])"],
            [f"{s} = [np.sin, {function}][{self.pick([0, 1])}]({x}[-1])"],
            [f"{s} = sum(itertools.starmap(lambda a, b: a * b, zip({x}, {x}[::-1])))"],
            [f"{s} = sum(itertools.accumulate({x}))"],
            [f"{s} = {c} if any({v} > {self.threshold()} for {v} in {x}) else {x}[0]"],
            [f"{s} = {x}[1] if all(map(lambda {v}: {v} < 5, {x})) else {c}"],
            [f"{s} = max(map(lambda {v}: {v} * {v}, {x}))"],
        ]
        scope.vars.append(Var(s))
        return self.pick(ways)

    @grows("statement", 8, "generator")
    def generator(self, scope: Scope) -> list[str]:
        """A generator that is consumed at once, in a loop or by a function."""
        if scope.depth >= 2:
            return []
        name, v, u = self.name("generated"), self.name("v"), self.name("u")
        x = self.leaf(scope, (self.long,))
        inner = scope.captured(Var(v), result=False)
        text = self.expr(inner, None, 1)
        body = self.pick(
            [
                [f"    for {v} in source:", f"        yield {text}"],
                [f"    for {v} in source:"]
                + [f"        if {v} > {self.threshold()}:", f"            yield {text}"],
                ["    yield 0.5", f"    for {v} in source[1:]:", f"        yield {text}"],
                ["    k = 0", "    while k < len(source):", f"        {v} = source[k]"]
                + [f"        yield {text}", "        k += 1"],
                [f"    {v} = source[0]", f"    yield {text}", f"    yield {v} * {v}"],
                [f"    {v} = source[-1]", f"    yield {text}", "    yield from source[1:]"],
            ]
        )
        lines = [f"def {name}(source):", *body]
        s = self.name("s")
        if self.chance(0.5):
            uses = [f"sum({name}({x}))", f"sum([v * v for v in {name}({x})])"]
            uses += [f"sum(list({name}({x})))", f"sum(i * v for i, v in enumerate({name}({x})))"]
            scope.vars.append(Var(s))
            return [*lines, f"{s} = {self.pick(uses)}"]
        loop = scope.inner(Var(u), loop=True)
        scope.vars.append(Var(s))
        use = [f"    {s} = 0.5 * {s} + {self.expr(loop, None, 1)}"]
        return [*lines, f"{s} = {self.number()}", f"for {u} in {name}({x}):", *use]

    # State of the module

    def state(self) -> tuple[list[Var], list[Function], list[str]]:
        """Arrays and numbers of the module, and functions that change them."""
        n, k = self.long, self.short
        lines, names, functions = [], [], []
        shape = self.pick([(n,), (k, n)])
        lines += [f"BUFFER = np.zeros({shape})"]
        names.append(Var("BUFFER", shape, rebind=False))
        if self.chance(0.5):
            lines += [f"WEIGHTS = np.linspace(-0.45, 0.95, {n})"]
            names.append(Var("WEIGHTS", (n,), rebind=False))
        if self.chance(0.6):
            lines += ["TOTAL = 0.25", "CALLS = 0"]
            names += [Var("TOTAL", rebind=False)]
            name = self.name("count")
            total = self.pick(["TOTAL + s", "0.5 * TOTAL + np.sin(s)", "TOTAL * 0.9"])
            body = [f"def {name}(s):", "    global TOTAL, CALLS", "    CALLS += 1"]
            body += [f"    TOTAL = {total}", f"    return {self.pick(['s * CALLS', 'TOTAL + s'])}"]
            self.define(body)
            functions.append(Function(f"{name}({{}})", (None,)))
        if self.chance(0.4):
            lines += ["CACHE = {'gain': 1.5, 'log': []}"]
            names.append(Var("CACHE['gain']"))
            name = self.name("logged")
            text = self.pick(["CACHE['log'].append('called')", "CACHE['log'].append(len(CACHE))"])
            self.define([f"def {name}(s):", f"    {text}", "    return s * len(CACHE['log'])"])
            functions.append(Function(f"{name}({{}})", (None,)))
        return names, functions, lines
