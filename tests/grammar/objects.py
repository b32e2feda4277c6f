"""Classes of the module and their instances: fields that are places, methods that are functions."""

from dataclasses import replace

from tests.grammar.core import Core, grows, indent
from tests.grammar.scope import Class, Function, Scope, Shape, Var

OPERATORS = ("add", "sub", "mul", "radd", "rmul", "matmul", "truediv")
SPELLED = {"add": "{o} + {}", "sub": "{o} - {}", "mul": "{o} * {}", "radd": "{} + {o}"}
SPELLED |= {"rmul": "{} * {o}", "matmul": "{o} @ {}", "truediv": "{o} / {}"}


def of_instance(function: Function, o: str) -> Function:
    return replace(function, call=function.call.replace("{o}", o))


class Objects(Core):
    classes: list[Class]

    def make_class(self) -> None:
        """A class for the module, known from here on."""
        kinds = [k for k in ("class", "dataclass", "namedtuple") if k in self.features]
        if not kinds:
            return
        kind = self.pick([*kinds, *kinds[:1]])
        parents = [c for c in self.classes if c.kind == kind == "class"]
        if parents and "inherit" in self.features and self.chance(0.5):
            self.child(self.pick(parents))
            return
        name = self.name("Model")
        shapes: list[Shape | None] = [(self.long,), None]
        if self.chance(0.4):
            shapes[0] = self.shape()
        if self.chance(0.3):
            shapes.append(self.maybe_shape())
        frozen = kind == "namedtuple"
        fields = [Var("w", shapes[0]), Var("s", shapes[1]), Var("b", shapes[-1])][: len(shapes)]
        fields = [replace(v, rebind=not frozen) for v in fields]
        if kind == "class":
            head = self.plain_class(name, fields)
            fields.append(Var("calls", None))
        elif kind == "dataclass":
            head = ["@dataclasses.dataclass", f"class {name}:"]
            head += [f"    {v.name}: {'np.ndarray' if v.shape else 'float'}" for v in fields]
        else:
            head = [f"class {name}(typing.NamedTuple):"]
            head += [f"    {v.name}: {'np.ndarray' if v.shape else 'float'}" for v in fields]
        functions, lines = self.methods(fields, kind)
        self.define([*head, *lines])
        self.classes.append(Class(name, tuple(shapes), tuple(fields), tuple(functions), kind))

    def plain_class(self, name: str, fields: list[Var]) -> list[str]:
        params = ", ".join(v.name for v in fields)
        lines = [f"class {name}:"]
        if self.chance(0.2):
            lines += ["    gain = 1.5"]
        lines += [f"    def __init__(self, {params}):"]
        for v in fields:
            if v.shape:
                text = self.pick(["{}", "{}", "{}.copy()", "np.sin({})", "0.5 * {}"])
            else:
                text = self.pick(["{}", "{}", "np.tanh({})", "2.0 * {}"])
            lines += [f"        self.{v.name} = {text.format(v.name)}"]
        return [*lines, "        self.calls = 0"]

    def methods(self, fields: list[Var], kind: str) -> tuple[list[Function], list[str]]:
        functions: list[Function] = []
        lines: list[str] = []
        for _ in range(self.some(1, 3)):
            function, text = self.method(fields, functions, kind)
            functions.append(function)
            lines += text
        if "property" in self.features and self.chance(0.4):
            name = self.name("prop")
            shape = self.maybe_shape()
            scope = self.inside(fields, functions, [], shape)
            lines += ["    @property", f"    def {name}(self):"]
            lines += [f"        return {self.expr(scope, shape, 2)}"]
            functions.append(Function(f"{{o}}.{name}", (), shape))
        if "operator" in self.features and kind != "namedtuple":
            lines += self.operators(fields, functions)
        return functions, lines

    def inside(
        self, fields: list[Var], functions: list[Function], params: list[Var], returns: Shape | None
    ) -> Scope:
        """The scope of a method's body."""
        vars_ = [replace(v, name=f"self.{v.name}") for v in fields] + params
        known = [of_instance(f, "self") for f in functions]
        return Scope(vars_, known, depth=1, returns=returns, size=str(self.long))

    def method(
        self, fields: list[Var], functions: list[Function], kind: str
    ) -> tuple[Function, list[str]]:
        name = self.name("step")
        shapes = [self.maybe_shape() for _ in range(self.some(0, 2))]
        params = [Var(self.name("a"), shape) for shape in shapes]
        writes = "writers" in self.features and kind != "namedtuple" and self.chance(0.35)
        returns = self.maybe_shape()
        scope = self.inside(fields, functions, params, returns)
        scope.may_return = not writes
        joined = ", ".join(["self", *(p.name for p in params)])
        body: list[str] = []
        if kind == "class" and self.chance(0.3):
            body += ["self.calls += 1"]
        if writes:
            v = self.pick([v for v in fields if v.name != "calls"])
            body += [f"self.{v.name} {self.update(scope, v.shape)}"]
        if self.chance(0.6):
            body += self.block(scope, self.some(1, 2))
        call = f"{{o}}.{name}({', '.join(['{}'] * len(params))})"
        if writes:
            body += self.pick([[], [], ["return self"]])
        else:
            body += [f"return {self.expr(scope, returns, 2)}"]
        head = [f"    def {name}({joined}):"]
        if self.chance(0.1) and not any("self." in line for line in body):
            head = ["    @staticmethod", f"    def {name}({joined[6:] if params else ''}):"]
        return Function(call, tuple(shapes), returns, writes), head + indent(indent(body))

    def operators(self, fields: list[Var], functions: list[Function]) -> list[str]:
        lines: list[str] = []
        first = fields[0]
        if self.chance(0.4):
            operator = self.pick(OPERATORS)
            shape = None if operator in ("radd", "rmul") else self.maybe_shape()
            if operator in ("radd", "rmul") or shape is None:
                shape = None
            scope = self.inside(fields, functions, [Var("other", shape)], None)
            lines += [f"    def __{operator}__(self, other):"]
            lines += [f"        return {self.expr(scope, None, 2)}"]
            if operator not in ("radd", "rmul"):  # a NumPy scalar to the left would ask NumPy first
                functions.append(Function(f"({SPELLED[operator]})", (shape,), None))
        if self.chance(0.3):
            shape = self.maybe_shape()
            scope = self.inside(fields, functions, [Var("v", shape)], shape)
            lines += ["    def __call__(self, v):", f"        return {self.expr(scope, shape, 2)}"]
            functions.append(Function("{o}({})", (shape,), shape))
        if self.chance(0.3) and first.shape:
            lines += ["    def __getitem__(self, key):", "        return self.w[key]"]
            functions.append(Function("{o}[0]", (), first.shape[1:] or None))
            functions.append(Function("{o}[:]", (), first.shape))
        if self.chance(0.3):
            lines += ["    def __len__(self):", "        return len(self.w)"]
            functions.append(Function("(0.1 * len({o}))", (), None))
        if self.chance(0.2) and "store" in self.features:
            lines += ["    def __iadd__(self, v):", "        self.w += v", "        return self"]
        if self.chance(0.2):
            lines += ["    def __neg__(self):", "        return -self.w"]
            functions.append(Function("(-{o})", (), first.shape))
        return lines

    def child(self, parent: Class) -> None:
        """A class that inherits: a method of its own, one that is replaced, one more field."""
        name = self.name("Child")
        fields = [*parent.fields]
        lines = [f"class {name}({parent.name}):"]
        if self.chance(0.5):
            params = ", ".join(f"a{i}" for i in range(len(parent.params)))
            lines += [f"    def __init__(self, {params}):", f"        super().__init__({params})"]
            lines += [f"        self.extra = {self.number()}"]
            fields.append(Var("extra"))
        functions = list(parent.functions)
        function, text = self.method(fields, functions, "class")
        lines += text
        plain = [f for f in parent.functions if "{o}.step" in f.call and not f.is_statement]
        if plain:
            old = self.pick(plain)
            method = old.call.partition("(")[0].removeprefix("{o}.")
            names = ", ".join(f"a{i}" for i in range(len(old.params)))
            lines += [f"    def {method}(self{', ' if names else ''}{names}):"]
            lines += [f"        return 0.5 * super().{method}({names})"]
        self.define(lines)
        functions.append(function)
        self.classes.append(Class(name, parent.params, tuple(fields), tuple(functions), "class"))

    # Instances

    @grows("statement", 60, "objects")
    def instance(self, scope: Scope) -> list[str]:
        if not self.classes or scope.depth >= 2 or self.inside_class(scope):
            return []
        made = self.pick(self.classes)
        o = self.name("o")
        args = [self.expr(scope, p, int(self.chance(0.4))) for p in made.params]
        names = [v.name for v in made.fields]
        if made.kind != "class" and self.chance(0.4):
            args = [f"{k}={a}" for k, a in zip(names, args)]
        lines = [f"{o} = {made.name}({', '.join(args)})"]
        self.know(scope, made, o)
        return [*lines, *self.object_use(scope, made, o)]

    def inside_class(self, scope: Scope) -> bool:
        return any(v.name.startswith("self.") for v in scope.vars)

    def know(self, scope: Scope, made: Class, o: str) -> None:
        """What an instance named `o` offers."""
        scope.vars += [replace(v, name=f"{o}.{v.name}") for v in made.fields]
        scope.functions += [of_instance(f, o) for f in made.functions]

    def object_use(self, scope: Scope, made: Class, o: str) -> list[str]:
        first, s = made.fields[0], self.name("s")
        value = self.expr(scope, first.shape, 1)
        ways: list[tuple[list[str], str]] = [([], "")] * 2
        ways += [([f"{o}_same = {o}"], f"{o}_same")]
        if made.kind == "namedtuple":
            other = f"{o}_new"
            ways += [([f"{other} = {o}._replace(w={value})"], other)]
            ways += [([f"w_{o}, *rest_{o} = {o}", f"{s} = np.sum(w_{o}) + {o}[1]"], "")]
            ways += [([f"{s} = sum(np.sum(v) for v in {o})"], "")]
            ways += [([f"{s} = np.sum({o}._asdict()['w'])"], "")]
        elif made.kind == "dataclass":
            ways += [([f"{o}_new = dataclasses.replace({o}, w={value})"], f"{o}_new")]
            ways += [([f"{s} = np.sum(getattr({o}, 'w')) + {o}.s"], "")]
            if "match" in self.features:
                lines = [f"match {o}:", f"    case {made.name}(w=w_{o}, s=s_{o}):"]
                lines += [f"        {s} = np.sum(w_{o}) * s_{o}"]
                ways += [([*lines, "    case _:", f"        {s} = 0.5"], "")]
        else:
            ways += [([f"setattr({o}, 's', {self.expr(scope, None, 1)})"], "")]
            ways += [([f"{s} = np.sum({o}.w) if hasattr({o}, 'w') else 0.5"], "")]
            ways += [([f"{s} = {o}.s if isinstance({o}, {made.name}) else 2.0"], "")]
            each = f"each_{o}"
            ways += [([f"for {each} in [{o}, {o}]:", f"    {each}.s = 0.5 * {each}.s + 0.25"], "")]
            ways += [([f"hold_{o} = [{o}]", f"{s} = np.sum(hold_{o}[0].w)"], "")]
            ways += [([f"{o}_two = copy.copy({o})"], f"{o}_two")]
        lines, new = self.pick(ways)
        if new:
            self.know(scope, made, new)
        if any(line.strip().startswith(f"{s} =") for line in lines):
            scope.vars.append(Var(s))
        return lines

    @grows("statement", 4, "enum")
    def enum(self, scope: Scope) -> list[str]:
        name, s = self.name("Mode"), self.name("s")
        base = self.pick(["enum.Enum", "enum.Enum", "enum.IntEnum"])
        values = self.pick([["1", "2"], ["'a'", "'b'"]]) if base == "enum.Enum" else ["1", "2"]
        self.define([f"class {name}({base}):", f"    ONE = {values[0]}", f"    TWO = {values[1]}"])
        mode = self.pick(["ONE", "TWO"])
        a, b = self.expr(scope, None, 1), self.expr(scope, None, 1)
        ways = [
            [f"mode = {name}.{mode}", f"{s} = {a} if mode is {name}.ONE else {b}"],
            [f"mode = {name}({values[0]})", f"{s} = {a} if mode == {name}.ONE else {b}"],
            [f"{s} = {{{name}.ONE: {a}, {name}.TWO: {b}}}[{name}.{mode}]"],
            [f"{s} = {a} * len({name}.{mode}.name)"],
        ]
        if "match" in self.features:
            lines = [f"match {name}.{mode}:", f"    case {name}.ONE:", f"        {s} = {a}"]
            ways += [[*lines, f"    case {name}.TWO:", f"        {s} = {b}"]]
        if "2" in values:
            ways += [[f"{s} = sum(member.value * {a} for member in {name})"]]
        scope.vars.append(Var(s))
        return self.pick(ways)
