"""Assignments of every form, and blocks of statements."""

from tests.grammar.core import Core, grows, indent
from tests.grammar.scope import Scope, Shape, Var

ENDS = ("break", "continue", "return", "raise")


class Statements(Core):
    def block(self, scope: Scope, budget: int) -> list[str]:
        lines: list[str] = []
        for _ in range(budget):
            lines += self.grow("statement", scope)
            if lines[-1].startswith(ENDS):
                break
        return lines

    def indented(self, scope: Scope, most: int) -> list[str]:
        """A nested block of a few statements."""
        return indent(self.block(scope, self.some(1, most)))

    def bounded(self, scope: Scope, text: str) -> str:
        """In loops, mostly something that does not grow from iteration to iteration."""
        if scope.in_loop and self.chance(0.7):
            return self.pick(["np.sin({})", "0.5 * ({})", "np.tanh({})"]).format(text)
        return text

    def update(self, scope: Scope, shape: Shape | None) -> str:
        """The right half of an augmented assignment."""
        value = self.broadcast(scope, shape, 1)
        op = self.pick(["+=", "+=", "-=", "*=", "/="])
        if op == "/=":
            return f"/= 1.5 + ({value}) ** 2"
        if op == "*=":
            pattern = self.pick(["np.cos({})", "np.sin({})", "0.7 + 0.1 * np.tanh({})"])
            return f"*= {pattern.format(value)}"
        return f"{op} {self.bounded(scope, value)}"

    @grows("statement", 120)
    def assign(self, scope: Scope) -> list[str]:
        shape = None if self.chance(0.35) else self.shape()
        text = self.bounded(scope, self.expr(scope, shape, 2))
        return [f"{self.bind(scope, 's' if shape is None else 't', shape)} = {text}"]

    @grows("statement", 40)
    def rebind(self, scope: Scope) -> list[str]:
        targets = scope.targets()
        if not targets:
            return []
        v = self.pick(targets)
        shape = v.shape
        text = self.bounded(scope, self.expr(scope, shape or None, 2))
        return [f"{v.name} = np.array({text})" if shape == () else f"{v.name} = {text}"]

    @grows("statement", 60, "augmented")
    def augmented(self, scope: Scope) -> list[str]:
        targets = scope.targets()
        if not targets:
            return []
        v = self.pick(targets)
        return [f"{v.name} {self.update(scope, v.shape or None)}"]

    @grows("statement", 20)
    def unpack(self, scope: Scope) -> list[str]:
        shapes = [self.maybe_shape() for _ in range(2)]
        texts = [self.expr(scope, shape, 1) for shape in shapes]
        one, other = (self.bind(scope, "p", shape) for shape in shapes)
        form = self.pick(["{}, {} = {}, {}", "({}, {}) = ({}, {})", "[{}, {}] = [{}, {}]"])
        return [form.format(one, other, *texts)]

    @grows("statement", 12)
    def chained(self, scope: Scope) -> list[str]:
        shape = self.maybe_shape()
        text = self.expr(scope, shape, 2)
        return [f"{self.bind(scope, 'e', shape)} = {self.bind(scope, 'e', shape)} = {text}"]

    @grows("statement", 10)
    def starred(self, scope: Scope) -> list[str]:
        x = self.leaf(scope, (self.long,))
        middle = self.name("q")
        first, last, total = (self.bind(scope, stem) for stem in "qqs")
        return [
            f"{first}, *{middle}, {last} = {x}",
            f"{total} = sum({middle}) * {self.number()}",
        ]

    @grows("statement", 6)
    def walrus(self, scope: Scope) -> list[str]:
        shape = self.maybe_shape()
        text = self.expr(scope, shape, 1)
        inner, total = self.name("w"), self.name("s")
        scope.vars += [Var(inner, shape), Var(total)]
        return [f"{total} = np.sum(({inner} := {text}) * 0.5) + np.sum({inner})"]

    @grows("statement", 6)
    def annotated(self, scope: Scope) -> list[str]:
        text = self.expr(scope, None, 2)
        return [f"{self.bind(scope, 's')}: float = {text}"]

    @grows("statement", 4)
    def asserted(self, scope: Scope) -> list[str]:
        x = self.leaf(scope, (self.long,))
        if self.chance(0.4):
            return [f"if {x}.shape[0] > 50:", f"    raise ValueError('{self.name('too')}')"]
        return [self.pick([f"assert len({x}) < 9", f"assert {x}.ndim == 1, 'a vector is due'"])]

    @grows("statement", 6)
    def deleted(self, scope: Scope) -> list[str]:
        """A name that is gone after its use."""
        name, total = self.name("gone"), self.name("s")
        lines = [f"{name} = {self.expr(scope, self.shape(), 1)}", f"{total} = np.sum({name})"]
        scope.vars.append(Var(total))
        return [*lines, f"del {name}"]

    @grows("statement", 8, "zero-d")
    def zero_d(self, scope: Scope) -> list[str]:
        """An array without dimensions, written in place, perhaps through another name."""
        name = self.name("z")
        lines = [f"{name} = np.array({self.expr(scope, None, 1)})"]
        key = self.pick(["[...]", "[()]", ""])
        scope.vars.append(Var(name, ()))
        if self.chance(0.4):
            other = self.name("z")
            lines.append(f"{other} = {name}")
            scope.vars.append(Var(other, ()))
        if "store" in self.features:
            lines.append(f"{name}{key} {self.update(scope, None)}")
        return lines
