"""Random NumPy programs as source text, valid by construction, the same for the same seed.

    print(program(7))      a module: helpers, f(…), args(), WRT

A program is grown statement by statement in a typed scope: which names there are, which are arrays
and of what shape, which are loop counters and how far they go. Expressions are asked for by shape.
Elementary functions are smooth and bounded; denominators stay away from zero. Ties and overflow are
not excluded here: the judge does not trust differences there and says so.
"""

import ast
import random
from collections.abc import Callable
from dataclasses import dataclass, field

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Var:
    """A name: an array of a shape, a number (no shape), or a counter (with its range)."""

    name: str
    shape: Shape | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Helper:
    name: str
    params: tuple[Shape | None, ...]
    returns: Shape | None
    is_statement: bool  # it writes and returns nothing


@dataclass
class Scope:
    """What is bound here, and what kind of place this is."""

    vars: list[Var]
    helpers: list[Helper] = field(default_factory=list)
    depth: int = 0
    in_loop: bool = False  # break and continue have a target
    returns: Shape | None = None
    may_return: bool = True

    def inner(self, *new: Var, loop: bool = False) -> "Scope":
        return Scope(
            [*self.vars, *new],
            list(self.helpers),
            self.depth + 1,
            self.in_loop or loop,
            self.returns,
            self.may_return,
        )

    def arrays(self, shape: Shape | None = None) -> list[Var]:
        return [v for v in self.vars if v.shape and shape in (None, v.shape)]

    def numbers(self) -> list[Var]:
        return [v for v in self.vars if v.shape is None and v.span is None]

    def counters(self) -> list[Var]:
        return [v for v in self.vars if v.span is not None]


def program(seed: int, mutation: bool = True) -> str:
    """The text of a module with a function `f`, its arguments `args()` and `WRT`."""
    return Grower(seed, mutation).module()


SMOOTH = (
    "np.sin({})",
    "np.cos({})",
    "np.tanh({})",
    "np.exp(np.sin({}))",
    "np.exp(-(({}) ** 2))",
    "np.arctan({})",
    "np.sqrt(1 + ({}) ** 2)",
    "np.log(2 + ({}) ** 2)",
    "np.log1p(({}) ** 2)",
    "1 / (1 + ({}) ** 2)",
    "({}) ** 2",
    "-({})",
    "({}) * 0.5",
    "0.3 + ({})",
    "np.abs({})",
    "np.square({})",
)
SMOOTH_NUMBERS = (
    "math.sin({})",
    "math.cos({})",
    "math.tanh({})",
    "math.exp(math.sin({}))",
    "math.sqrt(1 + ({}) ** 2)",
    "math.log(2 + ({}) ** 2)",
    "float({})",
    "abs({})",
    "({}) ** 3 * 0.1",
)


def tidy(text: str) -> str:
    """The same program without needless parentheses, two blank lines around functions."""
    body = ast.parse(text).body
    parts = [ast.unparse(node) for node in body]
    gaps = ["\n\n\n" if isinstance(node, ast.FunctionDef) else "\n" for node in body]
    out = parts[0]
    for i in range(1, len(parts)):
        out += max(gaps[i], gaps[i - 1], key=len) + parts[i]
    return out + "\n"


class Grower:
    def __init__(self, seed: int, mutation: bool):
        self.rng = random.Random(seed)
        self.mutation = mutation
        self.count = 0
        self.n = "n"  # how the long size is spelled: a parameter of `f`, a number in helpers
        self.long = self.rng.choice([3, 4, 5])
        self.short = self.rng.choice([2, 3, self.long])

    # Choices

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def number(self) -> str:
        return str(round(self.rng.uniform(-1.5, 1.5), 2))

    def shape(self) -> Shape:
        n, k = self.long, self.short
        return self.rng.choice([(n,), (n,), (n,), (k, n), (k, n), (k,), (n, k)])

    def index(self, scope: Scope, size: int) -> str:
        fitting = [
            v.name for v in scope.counters() if v.span and -size <= v.span[0] < v.span[1] <= size
        ]
        if fitting and self.chance(0.7):
            i = self.rng.choice(fitting)
            return self.rng.choice([i, i, i, f"{i} - 1", f"-{i} - 1", f"{size - 1} - {i}"])
        return str(self.rng.randrange(-size, size))

    # Expressions

    def expr(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        """An expression of this shape; None asks for a number."""
        if depth <= 0 or self.chance(0.2):
            return self.leaf(scope, shape)
        if self.chance(0.35):
            pattern = self.rng.choice(SMOOTH_NUMBERS if shape is None else SMOOTH)
            if shape is None and self.chance(0.5):
                pattern = self.rng.choice(SMOOTH)
            return pattern.format(self.expr(scope, shape, depth - 1))
        if self.chance(0.45):
            return self.binary(scope, shape, depth)
        if shape is None:
            return self.number_expr(scope, depth)
        return self.array_expr(scope, shape, depth)

    def binary(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        a = self.expr(scope, shape, depth - 1)
        b = self.broadcast(scope, shape, depth - 1)
        if self.chance(0.5):
            a, b = b, a
        op = self.rng.choice(["+", "-", "*", "*", "/", "max"])
        if op == "/":
            return f"({a}) / (1.5 + ({b}) ** 2)"
        if op == "max":
            if shape is None:
                return f"{self.rng.choice(['max', 'min', 'np.maximum'])}({a}, {b})"
            function = self.rng.choice(["np.maximum", "np.minimum", "np.multiply", "np.hypot"])
            return f"{function}({a}, 0.2 + ({b}))"
        return f"({a}) {op} ({b})"

    def broadcast(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        """An expression that broadcasts to a shape."""
        if shape is None or self.chance(0.5):
            return self.expr(scope, shape, depth)
        if len(shape) == 2 and self.chance(0.6):
            if self.chance(0.5):
                return self.expr(scope, (shape[1],), depth)
            return f"({self.expr(scope, (shape[0],), depth)})[:, None]"
        return self.expr(scope, None, depth)

    def leaf(self, scope: Scope, shape: Shape | None) -> str:
        if shape is None:
            return self.number_leaf(scope)
        names = [v.name for v in scope.arrays(shape)]
        if names and self.chance(0.7):
            return self.rng.choice(names)
        views = self.views(scope, shape)
        if views:
            return self.rng.choice(views)
        if names:
            return self.rng.choice(names)
        return f"np.full({shape}, {self.number()})"

    def number_leaf(self, scope: Scope) -> str:
        if scope.numbers() and self.chance(0.5):
            return self.rng.choice(scope.numbers()).name
        if scope.arrays() and self.chance(0.8):
            return self.element(scope, self.rng.choice(scope.arrays()))
        if scope.counters() and self.chance(0.5):
            return f"0.2 * {self.rng.choice(scope.counters()).name}"
        return self.number()

    def element(self, scope: Scope, v: Var) -> str:
        assert v.shape
        keys = [self.index(scope, size) for size in v.shape]
        if len(keys) == 2 and self.chance(0.3):
            return f"{v.name}[{keys[0]}][{keys[1]}]"
        return f"{v.name}[{', '.join(keys)}]"

    def number_expr(self, scope: Scope, depth: int) -> str:
        shape = self.shape()
        a = self.expr(scope, shape, depth - 1)
        b = self.expr(scope, shape[:1], depth - 1)
        c = self.expr(scope, shape[:1], depth - 1)
        options = [
            f"np.sum({a})",
            f"np.mean({a})",
            f"({a}).sum()",
            f"np.dot({b}, {c})",
            f"({b}) @ ({c})",
            f"np.max({a})",
            f"np.min({b})",
            f"np.linalg.norm({a})",
            f"np.prod({b})",
        ]
        if self.chance(0.25):
            one, other = (self.expr(scope, None, depth - 1) for _ in range(2))
            return f"(({one}) if {self.condition(scope)} else ({other}))"
        return self.call(scope, None, depth) or self.rng.choice(options)

    def array_expr(self, scope: Scope, shape: Shape, depth: int) -> str:
        rng, n = self.rng, shape[-1]
        a, b = (self.expr(scope, shape, depth - 1) for _ in range(2))
        c = self.number()
        options = [
            f"np.where({a} > {c}, {b}, {self.expr(scope, None, depth - 1)})",
            f"np.clip({a}, -0.9, 0.8)",
            f"(({a}) if {self.condition(scope)} else ({b}))",
            f"({a}).copy()",
        ]
        if len(shape) == 1:
            numbers = ", ".join(self.expr(scope, None, depth - 2) for _ in range(n))
            indices = [rng.randrange(n) for _ in range(n)]
            other = self.short if n == self.long else self.long
            v = self.expr(scope, (other,), depth - 1)
            m = self.expr(scope, (n, other), depth - 1)
            options += [
                f"np.array([{numbers}])",
                f"({a})[{indices}]",
                f"({a})[np.array({indices})]",
                f"({m}) @ ({v})",
                f"({v}) @ ({self.expr(scope, (other, n), depth - 1)})",
                f"({m}).sum(axis=1)",
                f"np.mean({m}, axis=-1)",
                f"np.concatenate([({a})[1:], ({b})[:1]])",
                f"np.concatenate((({a})[::-1][:{n - 1}], ({b})[-1:]))",
                f"np.stack([{numbers}])",
            ]
        else:
            rows = ", ".join(self.expr(scope, (n,), depth - 2) for _ in range(shape[0]))
            left, right = (self.expr(scope, (size,), depth - 1) for size in shape)
            options += [
                f"np.outer({left}, {right})",
                f"np.stack([{rows}])",
                f"np.array([{rows}])",
                f"({self.expr(scope, shape[::-1], depth - 1)}).T",
                f"({self.expr(scope, (shape[0], shape[0]), depth - 2)}) @ ({a})",
            ]
        return self.call(scope, shape, depth) or rng.choice(options)

    def call(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        fitting = [h for h in scope.helpers if not h.is_statement and h.returns == shape]
        if not fitting or self.chance(0.4):
            return ""
        helper = self.rng.choice(fitting)
        args = [self.expr(scope, p, depth - 2) for p in helper.params]
        return f"{helper.name}({', '.join(args)})"

    def condition(self, scope: Scope, depth: int = 1) -> str:
        a = self.expr(scope, None, 1)
        c = self.number()
        options = [f"{a} > {c}", f"{a} < {c}", f"{c} <= {a}", f"-0.7 < {a} < 0.9"]
        if scope.counters():
            i = self.rng.choice(scope.counters()).name
            options += [f"{i} % 2 == 0", f"{i} > 1", f"{i} != 1"]
        if depth:
            one, other = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            options += [f"{one} and {other}", f"{one} or {other}", f"not {one}"]
        return self.rng.choice(options)

    def views(self, scope: Scope, shape: Shape) -> list[str]:
        """Views of arrays in scope that have a shape."""
        found = []
        for v in scope.arrays():
            assert v.shape
            if len(v.shape) == 1:
                (size,) = v.shape
                if shape == (size,):
                    found += [f"{v.name}[::-1]", f"{v.name}[:]"]
                elif len(shape) == 1 and shape[0] < size:
                    start = self.rng.randrange(size - shape[0] + 1)
                    found += [
                        f"{v.name}[{start}:{start + shape[0]}]",
                        f"{v.name}[{-shape[0]}:]",
                        f"{v.name}[::-1][:{shape[0]}]",
                    ]
                    if (size + 1) // 2 == shape[0]:
                        found.append(f"{v.name}[::2]")
            else:
                rows, columns = v.shape
                if shape == (columns,):
                    found.append(f"{v.name}[{self.index(scope, rows)}]")
                if shape == (rows,):
                    found.append(f"{v.name}[:, {self.index(scope, columns)}]")
                if shape == (columns, rows):
                    found.append(f"{v.name}.T")
                if shape == v.shape:
                    found.append(f"{v.name}[::-1, :]")
        return found

    # Statements: each gives lines, and binds what it binds in the scope

    def block(self, scope: Scope, budget: int) -> list[str]:
        lines: list[str] = []
        for _ in range(budget):
            lines += self.statement(scope)
            if lines[-1].strip().startswith(("break", "continue", "return")):
                break
        return lines

    def indented(self, scope: Scope, budget: int) -> list[str]:
        return ["    " + line for line in self.block(scope, budget)]

    def statement(self, scope: Scope) -> list[str]:
        kinds: list[tuple[float, Callable[[Scope], list[str]]]] = [
            (10, self.assign),
            (4, self.rebind),
            (2, self.unpack),
            (2, self.chained),
            (1, self.starred),
            (1, self.comprehension),
            (1, self.packed),
        ]
        if self.mutation:
            kinds += [
                (12, self.store),
                (6, self.augmented),
                (3, self.view),
                (2, self.alias),
                (2, self.buffer),
                (2, self.swap),
                (1, self.choice),
                (3, self.call_statement),
            ]
        if scope.depth < 3:
            kinds += [(5, self.branch), (5, self.for_loop), (2, self.while_loop)]
            kinds += [(2, self.list_building)]
        if scope.depth < 2 and self.mutation:
            kinds += [(1, self.ping_pong)]
        if scope.depth == 0:
            kinds += [(1, self.closure)]
        if scope.depth and scope.in_loop:
            kinds += [(2, self.leave)]
        if scope.may_return:
            kinds += [(0.6, self.early_return)]
        weights, makers = zip(*kinds, strict=True)
        while True:
            lines = self.rng.choices(makers, weights)[0](scope)
            if lines:
                return lines

    def bounded(self, scope: Scope, text: str) -> str:
        if scope.in_loop and self.chance(0.6):
            return self.rng.choice(["np.sin({})", "0.5 * ({})", "np.tanh({})"]).format(text)
        return text

    def assign(self, scope: Scope) -> list[str]:
        shape = None if self.chance(0.35) else self.shape()
        text = self.bounded(scope, self.expr(scope, shape, 2))
        new = Var(self.name("s" if shape is None else "t"), shape)
        scope.vars.append(new)
        return [f"{new.name} = {text}"]

    def rebind(self, scope: Scope) -> list[str]:
        targets = scope.numbers() + scope.arrays()
        if not targets:
            return []
        v = self.rng.choice(targets)
        return [f"{v.name} = {self.bounded(scope, self.expr(scope, v.shape, 2))}"]

    def augmented(self, scope: Scope) -> list[str]:
        targets = scope.numbers() + scope.arrays()
        if not targets:
            return []
        v = self.rng.choice(targets)
        return [f"{v.name} {self.update(scope, v.shape)}"]

    def update(self, scope: Scope, shape: Shape | None) -> str:
        value = self.bounded(scope, self.broadcast(scope, shape, 1))
        op = self.rng.choice(["+=", "+=", "-=", "*=", "/="])
        return f"/= 1.5 + ({value}) ** 2" if op == "/=" else f"{op} {value}"

    def store(self, scope: Scope) -> list[str]:
        if not scope.arrays():
            return []
        v = self.rng.choice(scope.arrays())
        assert v.shape
        x, n = v.name, v.shape[0]
        options: list[tuple[str, Shape | None]] = [(self.element(scope, v), None)] * 3
        options += [(f"{x}[...]", v.shape), (f"{x}[{x} > {self.number()}]", None)]
        options += [(f"{x}[:]", v.shape), (f"{x}[::-1]", v.shape)]
        if len(v.shape) == 1:
            k = self.rng.randint(1, 3)
            indices = [self.rng.randrange(-n, n) for _ in range(k)]
            options += [
                (f"{x}[1:]", (n - 1,)),
                (f"{x}[:-1]", (n - 1,)),
                (f"{x}[::2]", ((n + 1) // 2,)),
                (f"{x}[:0:-1]", (n - 1,)),
                (f"{x}[{indices}]", (k,)),
                (f"{x}[[0, 0]]", (2,)),
                (f"{x}[np.array({indices})]", None),
            ]
        else:
            m = v.shape[1]
            i, j = self.index(scope, n), self.index(scope, m)
            options += [
                (f"{x}[{i}]", (m,)),
                (f"{x}[:, {j}]", (n,)),
                (f"{x}[1:, ::2]", (n - 1, (m + 1) // 2)),
                (f"{x}[{i}, 1:]", (m - 1,)),
                (f"{x}[{i}][1:]", (m - 1,)),
                (f"{x}.T[{j}]", (n,)),
                (f"{x}[[0, 1], [1, 0]]", (2,)),
                (f"{x}[[0, 0]]", (2, m)),
                (f"{x}.reshape(-1)[1:]", (n * m - 1,)),
            ]
        key, shape = self.rng.choice(options)
        if shape is not None and min(shape) == 0:
            return []
        if self.chance(0.45):
            return [f"{key} {self.update(scope, shape)}"]
        return [f"{key} = {self.bounded(scope, self.broadcast(scope, shape, 2))}"]

    def view(self, scope: Scope) -> list[str]:
        shape = self.shape()
        if self.chance(0.3):
            shape = (self.long - 1,)
        views = self.views(scope, shape)
        if not views:
            return []
        new = Var(self.name("v"), shape)
        text = self.rng.choice(views)
        scope.vars.append(new)
        return [f"{new.name} = {text}"]

    def alias(self, scope: Scope) -> list[str]:
        if not scope.arrays():
            return []
        v = self.rng.choice(scope.arrays())
        new = Var(self.name("a"), v.shape)
        scope.vars.append(new)
        return [f"{new.name} = {v.name}"]

    def choice(self, scope: Scope) -> list[str]:
        """A name for one of two arrays, which is then written."""
        v = self.rng.choice(scope.arrays() or [Var("")])
        same = scope.arrays(v.shape)
        if not v.shape or len(same) < 2:
            return []
        one, other = self.rng.sample(same, 2)
        new = Var(self.name("c"), v.shape)
        if self.chance(0.5):
            head = [f"{new.name} = {one.name} if {self.condition(scope)} else {other.name}"]
        else:
            head = [f"if {self.condition(scope)}:", f"    {new.name} = {one.name}"]
            head += ["else:", f"    {new.name} = {self.expr(scope, v.shape, 1)}"]
        scope.vars.append(new)
        return [*head, f"{new.name}[0] {self.update(scope, v.shape[1:] or None)}"]

    def buffer(self, scope: Scope) -> list[str]:
        shape = self.shape()
        same = scope.arrays(shape)
        options = [f"np.zeros({shape})", f"np.ones({shape})"]
        if same:
            x = self.rng.choice(same).name
            options += [f"np.zeros_like({x})", f"{x}.copy()", f"np.full_like({x}, 0.0) + {x}"]
        if shape == (self.long,):
            options += [f"np.zeros({self.n})", f"np.ones({self.n})"]
        if self.chance(0.15):
            options = [f"np.zeros({shape}, np.float32)", f"np.ones({shape}, dtype=np.float32)"]
        new = Var(self.name("b"), shape)
        text = self.rng.choice(options)
        scope.vars.append(new)
        return [f"{new.name} = {text}"]

    def swap(self, scope: Scope) -> list[str]:
        v = self.rng.choice(scope.arrays() or [Var("")])
        if not v.shape:
            return []
        same = scope.arrays(v.shape)
        if len(same) > 1 and self.chance(0.5):
            one, other = self.rng.sample(same, 2)
            return [f"{one.name}, {other.name} = {other.name}, {one.name}"]
        first, second = self.element(scope, v), self.element(scope, v)
        return [f"{first}, {second} = {second}, {first}"]

    def unpack(self, scope: Scope) -> list[str]:
        shapes = [None if self.chance(0.4) else self.shape() for _ in range(2)]
        texts = [self.expr(scope, shape, 1) for shape in shapes]
        new = [Var(self.name("p"), shape) for shape in shapes]
        scope.vars += new
        return [f"{new[0].name}, {new[1].name} = {texts[0]}, {texts[1]}"]

    def chained(self, scope: Scope) -> list[str]:
        shape = None if self.chance(0.4) else self.shape()
        text = self.expr(scope, shape, 2)
        new = [Var(self.name("e"), shape) for _ in range(2)]
        scope.vars += new
        return [f"{new[0].name} = {new[1].name} = {text}"]

    def starred(self, scope: Scope) -> list[str]:
        x = self.leaf(scope, (self.long,))
        names = [self.name("q") for _ in range(3)]
        lines = [f"{names[0]}, *{names[1]}, {names[2]} = {x}"]
        scope.vars += [Var(names[0]), Var(names[2])]
        total = self.name("s")
        lines.append(f"{total} = sum({names[1]}) * {self.number()}")
        scope.vars.append(Var(total))
        return lines

    def packed(self, scope: Scope) -> list[str]:
        """Arrays in a tuple, a list or a dict, taken out or walked over."""
        if not scope.arrays():
            return []
        one, other = (self.rng.choice(scope.arrays()) for _ in range(2))
        box = self.name("box")
        total = self.name("s")
        kind = self.rng.randrange(4)
        if kind == 0:
            lines = [f"{box} = ({one.name}, {other.name})"]
            lines += [f"{total} = np.sum({box}[0]) * np.mean({box}[1])"]
        elif kind == 1:
            lines = [f"{box} = [{one.name}, {other.name}]"]
            if self.mutation:
                lines += [f"for {box}_item in {box}:", f"    {box}_item *= {self.number()}"]
            lines += [f"{total} = np.sum({box}[-1] ** 2)"]
        elif kind == 2:
            lines = [f"{box} = {{'a': {one.name}, 'b': {self.expr(scope, None, 1)}}}"]
            if self.mutation:
                lines += [f"{box}['a'][0] = {box}['b']", f"{box}['b'] = 0.5"]
            lines += [f"{total} = np.sum({box}['a']) * {box}['b']"]
        else:
            lines = [f"{total} = 0.0", f"for {box} in ({one.name}, {other.name}):"]
            lines += [f"    {total} = {total} * 0.5 + np.sum(np.sin({box}))"]
        scope.vars.append(Var(total))
        return lines

    def comprehension(self, scope: Scope) -> list[str]:
        i = self.name("i")
        x = self.leaf(scope, (self.long,))
        inner = scope.inner(Var(i))
        text = self.expr(inner, None, 2)
        if self.chance(0.5):
            new = Var(self.name("t"), (self.long,))
            scope.vars.append(new)
            return [f"{new.name} = np.array([{text} for {i} in {x}])"]
        test = f" if {i} > {self.number()}" if self.chance(0.5) else ""
        new = Var(self.name("s"))
        scope.vars.append(new)
        return [f"{new.name} = sum([{text} for {i} in {x}{test}])"]

    def branch(self, scope: Scope) -> list[str]:
        lines = [f"if {self.condition(scope)}:", *self.indented(scope.inner(), self.some(2))]
        if self.chance(0.3):
            lines += [f"elif {self.condition(scope)}:"]
            lines += self.indented(scope.inner(), self.some(2))
        if self.chance(0.6):
            lines += ["else:", *self.indented(scope.inner(), self.some(2))]
        return lines

    def some(self, most: int) -> int:
        return self.rng.randint(1, most)

    def for_loop(self, scope: Scope) -> list[str]:
        n, i, u, w = self.long, self.name("i"), self.name("u"), self.name("w")
        counter = Var(i, span=(0, n))
        matrix = next((v.name for v in scope.arrays() if v.shape and len(v.shape) == 2), "")
        vectors = [v.name for v in scope.arrays((n,))]
        x = self.rng.choice(vectors) if vectors else f"np.full({n}, 0.4)"
        y = self.rng.choice(vectors) if vectors else x
        options = [
            (f"for {i} in range({self.n}):", [counter]),
            (f"for {i} in range({self.n}):", [counter]),
            (f"for {i} in range(1, {self.n}):", [counter]),
            (f"for {i} in range({self.n} - 1, -1, -1):", [counter]),
            (f"for {i} in range({self.rng.choice([2, 3])}):", [Var(i, span=(0, 3))]),
            (f"for {i} in range(len({x})):", [counter]),
            (f"for {i} in reversed(range({self.n})):", [counter]),
            (f"for {u} in {x}:", [Var(u)]),
            (f"for {i}, {u} in enumerate({x}):", [counter, Var(u)]),
            (f"for {u}, {w} in zip({x}, {y}):", [Var(u), Var(w)]),
        ]
        if matrix:
            shape = next(v.shape for v in scope.arrays() if v.name == matrix)
            assert shape
            options += [
                (f"for {u} in {matrix}:", [Var(u, shape[1:])]),
                (f"for {i}, {u} in enumerate({matrix}):", [counter, Var(u, shape[1:])]),
                (f"for {u} in {matrix}.T:", [Var(u, shape[:1])]),
            ]
        head, new = self.rng.choice(options)
        if "enumerate" in head and matrix and f"({matrix})" in head:
            shape = next(v.shape for v in scope.arrays() if v.name == matrix)
            assert shape
            new = [Var(i, span=(0, shape[0])), new[1]]
        return [head, *self.indented(scope.inner(*new, loop=True), self.some(3))]

    def while_loop(self, scope: Scope) -> list[str]:
        k = self.name("k")
        most = self.rng.choice([3, 4, 5])
        inner = scope.inner(Var(k, span=(0, most)), loop=False)
        inner.in_loop = False  # a `continue` would skip the counter
        head = f"{k} < {most}"
        if self.chance(0.5):
            head = f"{head} and {self.expr(scope, None, 1)} < {abs(float(self.number())) + 1}"
        elif self.chance(0.3):
            body = [f"    if {k} >= {most}:", "        break", *self.indented(inner, self.some(2))]
            return [f"{k} = 0", "while True:", *body, f"    {k} += 1"]
        body = self.indented(inner, self.some(3))
        if self.chance(0.4):
            growing = [v for v in scope.arrays((self.long,)) if self.mutation]
            if growing:
                y = self.rng.choice(growing).name
                head = f"np.sum({y} ** 2) < 9.0 and {k} < {most}"
                body = [f"    {y} *= 1.3", *body]
        if body[-1].strip().startswith("return"):
            return []
        return [f"{k} = 0", f"while {head}:", *body, f"    {k} += 1"]

    def leave(self, scope: Scope) -> list[str]:
        word = self.rng.choice(["break", "continue"])
        return [f"if {self.condition(scope)}:", f"    {word}"]

    def early_return(self, scope: Scope) -> list[str]:
        value = self.expr(scope, scope.returns, 2)
        return [f"if {self.condition(scope)}:", f"    return {value}"]

    def list_building(self, scope: Scope) -> list[str]:
        items, i = self.name("items"), self.name("i")
        shape = None if self.chance(0.6) else (self.long,)
        inner = scope.inner(Var(i, span=(0, self.long)))
        inner.in_loop, inner.may_return = False, False
        body = [] if self.chance(0.5) else self.indented(inner, 1)
        text = self.expr(inner, shape, 2)
        lines = [f"{items} = []", f"for {i} in range({self.n}):", *body]
        lines += [f"    {items}.append({text})"]
        new = Var(self.name("t"), (self.long,) if shape is None else (self.long, *shape))
        if self.chance(0.25):
            new = Var(self.name("s"))
            reduced = f"{items}[-1] * len({items})" if shape is None else f"np.sum({items}[0])"
        elif shape is None:
            reduced = f"np.array({items})"
        else:
            reduced = f"{self.rng.choice(['np.stack', 'np.array'])}({items})"
        scope.vars.append(new)
        return [*lines, f"{new.name} = {reduced}"]

    def ping_pong(self, scope: Scope) -> list[str]:
        n = self.long
        u, v = self.name("u"), self.name("v")
        start = self.expr(scope, (n,), 1)
        steps = self.rng.choice([self.n, "2", "3"])
        inner = scope.inner(Var(u, (n,)))
        inner.in_loop = True
        copy = self.rng.choice(["({}) * 1.0", "({}).copy()", "{}"]).format(start)
        lines = [
            f"{u} = {copy}",
            f"{v} = np.zeros_like({u})",
            f"for {self.name('i')} in range({steps}):",
        ]
        key, shape = self.rng.choice([("1:", (n - 1,)), (":", (n,)), ("::-1", (n,))])
        lines += [f"    {v}[{key}] = {self.bounded(inner, self.broadcast(inner, shape, 1))}"]
        lines += [f"    {u}, {v} = {v}, {u}"]
        scope.vars += [Var(u, (n,)), Var(v, (n,))]
        return lines

    def call_statement(self, scope: Scope) -> list[str]:
        writers = [h for h in scope.helpers if h.is_statement]
        if not writers:
            return []
        helper = self.rng.choice(writers)
        args = []
        for shape in helper.params:
            names = [v.name for v in scope.arrays(shape)] + self.views(scope, shape or ())
            if shape is None:
                args.append(self.expr(scope, None, 1))
            elif not names:
                return []
            else:
                args.append(self.rng.choice(names))
        return [f"{helper.name}({', '.join(args)})"]

    # Functions

    def closure(self, scope: Scope) -> list[str]:
        """A function that reads the scope's names when it is called."""
        name, s = self.name("inner"), self.name("s")
        shape = None if self.chance(0.6) else (self.long,)
        inner = scope.inner(Var(s))
        lines = [f"def {name}({s}):"]
        if self.mutation and self.chance(0.3) and scope.arrays():
            lines += [f"    {self.rng.choice(scope.arrays()).name}[0] = {s}"]
        lines += [f"    return {self.expr(inner, shape, 2)}"]
        scope.helpers.append(Helper(name, (None,), shape, False))
        return lines

    def helper(self) -> tuple[Helper, list[str]]:
        shapes = [None if self.chance(0.4) else self.shape() for _ in range(self.rng.randint(1, 3))]
        is_statement = self.mutation and self.chance(0.4)
        if is_statement and not any(shapes):
            shapes[0] = (self.long,)
        returns = None if self.chance(0.5) else self.shape()
        params = [Var(self.name("x" if shape else "s"), shape) for shape in shapes]
        scope = Scope(list(params), depth=1, returns=returns, may_return=not is_statement)
        name = self.name("helper")
        text = [f"def {name}({', '.join(p.name for p in params)}):"]
        self.n = str(self.long)
        body = self.store(scope) or ["pass"] if is_statement else []
        if self.chance(0.7):
            body += self.block(scope, self.some(2))
        if not is_statement:
            body.append(f"return {self.expr(scope, returns, 2)}")
        self.n = "n"
        known = Helper(name, tuple(shapes), returns, is_statement)
        return known, [*text, *(f"    {line}" for line in body)]

    def module(self) -> str:
        n, k = self.long, self.short
        lines = ["import math", "", "import numpy as np", ""]
        helpers = []
        for _ in range(self.rng.choice([0, 1, 1, 2])):
            known, text = self.helper()
            helpers.append(known)
            lines += ["", *text, ""]
        params = [Var("x", (n,)), Var("m", (k, n)), Var("y", (n,)), Var("s")]
        params = [params[0], *self.rng.sample(params[1:], self.rng.randint(1, 3))]
        scope = Scope(list(params), helpers)
        body = self.block(scope, self.rng.randint(3, 9))
        lines += ["", f"def f({', '.join(p.name for p in params)}, n):"]
        lines += [f"    {line}" for line in [*body, f"return {self.result(scope)}"]]
        values = ", ".join([*(self.sample(p.shape) for p in params), str(n)])
        lines += ["", "", "def args():", f"    return ({values})"]
        lines += ["", "", f"WRT = ({', '.join(repr(p.name) for p in params)},)"]
        return tidy("\n".join(lines))

    def result(self, scope: Scope) -> str:
        arrays, numbers = scope.arrays(), scope.numbers()
        picked = self.rng.sample(arrays, min(len(arrays), 3))
        picked += self.rng.sample(numbers, min(len(numbers), 2))
        wrap = ["np.sum(np.sin({}))", "np.sum({} ** 2)", "np.mean({})", "np.sum({} * {})"]
        terms = []
        for v in picked:
            weight = round(self.rng.uniform(0.3, 2), 1)
            inner = self.rng.choice(wrap).format(v.name, v.name) if v.shape else v.name
            terms.append(f"{weight} * {inner}")
        return " + ".join(terms) or "0.0"

    def sample(self, shape: Shape | None) -> str:
        if shape is None:
            return self.number()
        if len(shape) == 1:
            return f"np.array([{', '.join(self.number() for _ in range(shape[0]))}])"
        rows = ", ".join(
            "[" + ", ".join(self.number() for _ in range(shape[1])) + "]" for _ in range(shape[0])
        )
        return f"np.array([{rows}])"
