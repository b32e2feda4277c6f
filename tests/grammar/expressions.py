"""Expressions by shape: arrays, numbers, conditions, indices, views.

Elementary functions are smooth and bounded; denominators stay away from zero; thresholds have one
digit more than the sample numbers, so that nothing ties with them.
"""

from tests.grammar.core import Core, grows
from tests.grammar.scope import Function, Scope, Shape, Var

SMOOTH = (
    "np.sin({})",
    "np.cos({})",
    "np.tanh({})",
    "-({})",
    "({}) * 0.5",
    "0.3 + ({})",
    "({}) ** 2",
    "np.square({})",
    "np.exp(np.sin({}))",
    "np.exp(-(({}) ** 2))",
    "np.arctan({})",
    "np.sqrt(1 + ({}) ** 2)",
    "np.log(2 + ({}) ** 2)",
    "np.log1p(({}) ** 2)",
    "1 / (1 + ({}) ** 2)",
    "np.abs({})",
    "np.expm1(0.3 * np.cos({}))",
    "np.power({}, 2)",
    "np.reciprocal(1.5 + ({}) ** 2)",
    "np.arcsinh({})",
)
ARRAYS_ONLY = (
    "({}).copy()",
    "np.clip({}, -0.903, 0.807)",
    "({}).astype(float)",
    "np.ascontiguousarray({})",
    "np.asarray({})",
    "np.cumsum({}, axis=-1)",
    "np.flip({}, axis=-1)",
    "np.roll({}, 1, axis=-1)",
    "np.sort({}, axis=-1)",
    "({})[..., ::-1]",
    "({}).reshape(-1).reshape(({}).shape)",
    "np.atleast_1d({})",
)


class Expressions(Core):
    def expr(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        """An expression of this shape; None asks for a number."""
        if depth <= 0 or self.chance(0.2):
            return self.leaf(scope, shape)
        if shape is None:
            return self.grow("number", scope, depth)
        return self.grow("array", scope, shape, depth)

    @grows("array", 60)
    def smooth_array(self, scope: Scope, shape: Shape, depth: int) -> str:
        return self.pick(SMOOTH).format(self.expr(scope, shape, depth - 1))

    @grows("array", 55)
    def binary_array(self, scope: Scope, shape: Shape, depth: int) -> str:
        a = self.expr(scope, shape, depth - 1)
        b = self.broadcast(scope, shape, depth - 1)
        if self.chance(0.5):
            a, b = b, a
        op = self.pick(["+", "-", "*", "*", "/", "max", "function"])
        if op == "/":
            return f"({a}) / (1.5 + ({b}) ** 2)"
        if op == "max":
            return f"{self.pick(['np.maximum', 'np.minimum'])}({a}, 0.213 + ({b}))"
        if op == "function":
            name = self.pick(["np.multiply", "np.add", "np.subtract", "np.hypot"])
            return f"{name}({a}, 0.213 + ({b}))"
        return f"({a}) {op} ({b})"

    @grows("number", 45)
    def smooth_number(self, scope: Scope, depth: int) -> str:
        return self.pick(SMOOTH).format(self.expr(scope, None, depth - 1))

    @grows("number", 40)
    def binary_number(self, scope: Scope, depth: int) -> str:
        a, b = self.expr(scope, None, depth - 1), self.expr(scope, None, depth - 1)
        op = self.pick(["+", "-", "*", "*", "/"])
        return f"({a}) / (1.5 + ({b}) ** 2)" if op == "/" else f"({a}) {op} ({b})"

    def broadcast(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        """An expression that broadcasts to a shape."""
        if shape is None or self.chance(0.5):
            return self.expr(scope, shape, depth)
        if len(shape) == 2 and self.chance(0.6):
            if self.chance(0.5):
                return self.expr(scope, (shape[1],), depth)
            column = self.expr(scope, (shape[0],), depth)
            return f"({column})[:, {self.pick(['None', 'np.newaxis'])}]"
        return self.expr(scope, None, depth)

    # Leaves

    def leaf(self, scope: Scope, shape: Shape | None) -> str:
        if shape is None:
            return self.number_leaf(scope)
        names = [v.name for v in scope.arrays(shape)]
        if names and self.chance(0.7):
            return self.pick(names)
        views = self.views(scope, shape)
        if views:
            return self.pick(views)
        return self.pick(names) if names else f"np.full({shape}, {self.number()})"

    def number_leaf(self, scope: Scope) -> str:
        scalars, arrays, counters = scope.scalars(), scope.arrays(), scope.counters()
        if scalars and self.chance(0.5):
            return self.pick(scalars).name
        if arrays and self.chance(0.8):
            return self.element(scope, self.pick(arrays))
        if counters and self.chance(0.5):
            return f"0.2 * {self.pick(counters).name}"
        if scope.lists and self.chance(0.5):
            return self.grown(scope, self.pick(scope.lists))
        return self.number()

    def element(self, scope: Scope, v: Var) -> str:
        assert v.shape
        keys = [self.index(scope, size) for size in v.shape]
        if len(keys) == 2 and self.chance(0.3):
            return f"{v.name}[{keys[0]}][{keys[1]}]"
        return f"{v.name}[{', '.join(keys)}]"

    def index(self, scope: Scope, size: int) -> str:
        fitting = [
            v.name for v in scope.counters() if v.span and -size <= v.span[0] < v.span[1] <= size
        ]
        if fitting and self.chance(0.7):
            i = self.pick(fitting)
            return self.pick([i, i, i, f"{i} - 1", f"-{i} - 1", f"{size - 1} - {i}"])
        return str(self.some(-size, size - 1))

    # Numbers

    @grows("number", 30)
    def reduction(self, scope: Scope, depth: int) -> str:
        shape = self.shape()
        a = self.expr(scope, shape, depth - 1)
        patterns = ["np.sum({})", "np.mean({})", "({}).sum()", "({}).mean()", "np.linalg.norm({})"]
        patterns += ["np.sum(({}) ** 2)", "np.max({})", "np.min({})", "({}).max()", "np.prod({})"]
        patterns += ["np.sqrt(0.1 + np.var({}))", "np.sum(np.diff({}))"]
        patterns += ["np.log(np.sum(np.exp({})))"]
        patterns += ["np.trace(np.outer({0}, {0}))" if len(shape) == 1 else "np.trace({})"]
        patterns += ["np.median({})", "np.ptp({})", "({}).ravel()[0]", "({}).item(0)"]
        return self.pick(patterns).format(a)

    @grows("number", 8)
    def dot(self, scope: Scope, depth: int) -> str:
        shape = self.shape()[:1]
        a, b = self.expr(scope, shape, depth - 1), self.expr(scope, shape, depth - 1)
        patterns = ["np.dot({}, {})", "({}) @ ({})", "np.inner({}, {})", "np.vdot({}, {})"]
        return self.pick(patterns).format(a, b)

    @grows("number", 8)
    def number_by_condition(self, scope: Scope, depth: int) -> str:
        one, other = self.expr(scope, None, depth - 1), self.expr(scope, None, depth - 1)
        return f"(({one}) if {self.condition(scope)} else ({other}))"

    @grows("number", 4, "empty")
    def empty_sum(self, scope: Scope, depth: int) -> str:
        """Reductions of nothing."""
        x = self.leaf(scope, (self.long,))
        return self.pick([f"np.sum({x}[{scope.size}:] ** 2)", f"sum({x}[:0])", f"np.prod({x}[:0])"])

    @grows("number", 20, "call")
    def number_call(self, scope: Scope, depth: int) -> str:
        return self.call(scope, None, depth)

    # Arrays

    @grows("array", 16)
    def only_for_arrays(self, scope: Scope, shape: Shape, depth: int) -> str:
        a = self.expr(scope, shape, depth - 1)
        return self.pick(ARRAYS_ONLY).format(a, a)

    @grows("array", 8)
    def where(self, scope: Scope, shape: Shape, depth: int) -> str:
        a, b = self.expr(scope, shape, depth - 1), self.broadcast(scope, shape, depth - 1)
        other = self.expr(scope, None, depth - 1)
        return f"np.where({a} > {self.threshold()}, {b}, {other})"

    @grows("array", 8)
    def array_by_condition(self, scope: Scope, shape: Shape, depth: int) -> str:
        a, b = self.expr(scope, shape, depth - 1), self.expr(scope, shape, depth - 1)
        return f"(({a}) if {self.condition(scope)} else ({b}))"

    @grows("array", 24)
    def vector(self, scope: Scope, shape: Shape, depth: int) -> str:
        if len(shape) != 1:
            return ""
        n = shape[0]
        other = self.short if n == self.long else self.long
        kind = self.some(0, 6)
        if kind == 0:
            numbers = ", ".join(self.expr(scope, None, depth - 2) for _ in range(n))
            patterns = ["np.array([{}])", "np.stack([{}])", "np.array(({},))"]
            return self.pick(patterns).format(numbers)
        if kind == 1:
            indices = [self.some(0, n - 1) for _ in range(n)]
            pattern = self.pick(["({})[{}]", "({})[np.array({})]", "np.take({}, {})"])
            return pattern.format(self.expr(scope, shape, depth - 1), indices)
        if kind == 2:
            m, v = self.expr(scope, (n, other), depth - 1), self.expr(scope, (other,), depth - 1)
            return f"({m}) @ ({v})"
        if kind == 3:
            m, v = self.expr(scope, (other, n), depth - 1), self.expr(scope, (other,), depth - 1)
            patterns = ["({}) @ ({})", "np.dot({}, {})", "np.einsum('i,ij', {}, {})"]
            return self.pick(patterns).format(v, m)
        if kind == 4:
            m = self.expr(scope, (n, other), depth - 1)
            patterns = ["({}).sum(axis=1)", "np.mean({}, axis=-1)", "np.max({}, axis=1)"]
            return self.pick([*patterns, "np.sum({}, -1)", "np.linalg.norm({}, axis=1)"]).format(m)
        a, b = self.expr(scope, shape, depth - 1), self.expr(scope, shape, depth - 1)
        if kind == 5:
            return f"np.concatenate([({a})[1:], ({b})[:1]])"
        return f"np.concatenate((({a})[::-1][:{n - 1}], ({b})[-1:]))"

    @grows("array", 16)
    def matrix(self, scope: Scope, shape: Shape, depth: int) -> str:
        if len(shape) != 2:
            return ""
        n = shape[1]
        kind = self.some(0, 4)
        if kind == 0:
            left, right = (self.expr(scope, (size,), depth - 1) for size in shape)
            pattern = ["np.outer({}, {})", "({})[:, None] * ({})", "({})[:, None] - ({})[None, :]"]
            return self.pick(pattern).format(left, right)
        if kind == 1:
            rows = ", ".join(self.expr(scope, (n,), depth - 2) for _ in range(shape[0]))
            return self.pick(["np.stack([{}])", "np.array([{}])", "np.vstack([{}])"]).format(rows)
        if kind == 2:
            turned = self.expr(scope, shape[::-1], depth - 1)
            return self.pick(["({}).T", "np.transpose({})", "np.swapaxes({}, 0, 1)"]).format(turned)
        if kind == 3:
            square = self.expr(scope, (shape[0], shape[0]), depth - 2)
            return f"({square}) @ ({self.expr(scope, shape, depth - 1)})"
        flat = self.expr(scope, (n,), depth - 1)
        return self.pick(["np.tile({}, ({}, 1))", "np.repeat(({})[None], {}, axis=0)"]).format(
            flat, shape[0]
        )

    @grows("array", 14, "call")
    def array_call(self, scope: Scope, shape: Shape, depth: int) -> str:
        return self.call(scope, shape, depth)

    @grows("array", 3, "empty")
    def with_nothing(self, scope: Scope, shape: Shape, depth: int) -> str:
        """Concatenated with an array without elements."""
        if len(shape) != 1:
            return ""
        a = self.expr(scope, shape, depth - 1)
        return f"np.concatenate([{self.leaf(scope, shape)}[:0], {a}, np.zeros(0)])"

    # Calls

    def call(self, scope: Scope, shape: Shape | None, depth: int) -> str:
        fitting = [f for f in scope.functions if not f.is_statement and f.returns == shape]
        return self.called(scope, self.pick(fitting), depth) if fitting else ""

    def called(self, scope: Scope, function: Function, depth: int) -> str:
        args = [self.expr(scope, p, depth - 2) for p in function.params]
        if function.names and self.chance(0.25):
            named = [f"{k}={a}" for k, a in zip(function.names, args, strict=True)]
            keep = self.some(0, len(args) - 1)
            args = [*args[:keep], *named[keep:]]
            return f"{function.call.partition('(')[0]}({', '.join(args)})"
        return function.call.format(*args)

    # Conditions

    def condition(self, scope: Scope, depth: int = 1) -> str:
        a, c = self.expr(scope, None, 1), self.threshold()
        options = [f"{a} > {c}", f"{a} < {c}", f"{c} <= {a}", f"-0.703 < {a} < 0.907"]
        if scope.counters():
            i = self.pick(scope.counters()).name
            options += [f"{i} % 2 == 0", f"{i} > 1", f"{i} != 1", f"{i} in (0, 2)"]
        if depth:
            one, other = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            options += [f"{one} and {other}", f"{one} or {other}", f"not {one}"]
        if scope.arrays():
            x = self.pick(scope.arrays()).name
            options += [f"np.any({x} > {c})", f"np.all({x} < {c})", f"({x} > {c}).sum() > 1"]
        return self.pick(options)

    # Views

    def views(self, scope: Scope, shape: Shape) -> list[str]:
        """Views of arrays in scope that have a shape."""
        found = []
        for v in scope.arrays():
            x = v.name
            assert v.shape
            if len(v.shape) == 1:
                (size,) = v.shape
                if shape == (size,):
                    found += [f"{x}[::-1]", f"{x}[:]", f"{x}[...]"]
                elif len(shape) == 1 and shape[0] < size:
                    start = self.dice.below(size - shape[0] + 1)
                    found += [f"{x}[{start}:{start + shape[0]}]", f"{x}[{-shape[0]}:]"]
                    found += [f"{x}[::-1][:{shape[0]}]"]
                    if (size + 1) // 2 == shape[0]:
                        found.append(f"{x}[::2]")
            else:
                rows, columns = v.shape
                if shape == (columns,):
                    found.append(f"{x}[{self.index(scope, rows)}]")
                if shape == (rows,):
                    found.append(f"{x}[:, {self.index(scope, columns)}]")
                    found.append(f"{x}[..., {self.index(scope, columns)}]")
                if shape == (columns, rows):
                    found += [f"{x}.T", f"{x}.swapaxes(0, 1)"]
                if shape == v.shape:
                    found += [f"{x}[::-1, :]", f"{x}[:, ::-1]"]
                if rows == columns and shape == (rows,):
                    found += [f"{x}.reshape(-1)[::{rows + 1}]"]
        return found
