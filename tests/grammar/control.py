"""Control flow: branches, loops of every form, match, try, with, early ends."""

from tests.grammar.core import Core, grows, indent
from tests.grammar.scope import Scope, Var
from tests.grammar.statements import ENDS


def ends(lines: list[str]) -> bool:
    """Whether a block leaves what it is in with its last line."""
    return lines[-1].strip().startswith(ENDS) and not lines[-1].startswith("        ")


class Control(Core):
    # Branches

    @grows("statement", 50, "branch")
    def branch(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        lines = [f"if {self.condition(scope)}:", *self.indented(scope.inner(), 2)]
        if self.chance(0.3):
            lines += [f"elif {self.condition(scope)}:", *self.indented(scope.inner(), 2)]
        if self.chance(0.5):
            lines += ["else:", *self.indented(scope.inner(), 2)]
        return lines

    @grows("statement", 14, "branch")
    def defined_in_branches(self, scope: Scope) -> list[str]:
        """A name that both branches bind, or one of them, to be read under the same flag."""
        if scope.depth >= 3:
            return []
        shape, name, flag = self.maybe_shape(), self.name("d"), self.name("flag")
        first = [f"    {name} = {self.expr(scope, shape, 2)}"]
        if self.chance(0.4):
            body = self.indented(scope.inner(), 1)
            first = first if ends(body) else body + first
        lines = [f"{flag} = {self.condition(scope)}", f"if {flag}:", *first]
        if self.chance(0.6):
            lines += ["else:", f"    {name} = {self.expr(scope, shape, 2)}"]
            scope.vars.append(Var(name, shape))
            return lines
        total = self.bind(scope, "s")
        lines[:0] = [f"{total} = {self.number()}"]
        return [*lines, f"if {flag}:", f"    {total} = {total} + np.sum({name})"]

    @grows("statement", 10, "match")
    def match(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        kind = self.some(0, 4)
        blocks = [self.indented(scope.inner(), 1) for _ in range(3)]
        counters = [v.name for v in scope.counters()] or [scope.size]
        k = self.pick(counters)
        if kind == 0:
            heads = [f"match {k} % 3:", "case 0:", "case 1 | 2:", "case _:"]
        elif kind == 1:
            heads = [f"match {k}:", f"case j if j > {self.some(0, 2)}:", "case 0:", "case other:"]
        elif kind == 2:
            s = self.expr(scope, None, 1)
            u, w = self.name("u"), self.name("w")
            inner = scope.inner(Var(u), Var(w))
            blocks[0] = self.indented(inner, 1)
            heads = [f"match ({s}, {self.number()}):"]
            heads += [f"case ({u}, {w}) if {u} > {self.threshold()}:", "case (0, _):", "case _:"]
        elif kind == 3:
            words = ["'sine'", "'square'", "'none'"]
            heads = [f"match {self.pick(words)}:", "case 'sine':", "case 'square' | 'cube':"]
            heads += ["case _:"]
        else:
            u = self.name("u")
            inner = scope.inner(Var(u))
            blocks[1] = self.indented(inner, 1)
            x = self.expr(scope, None, 1)
            heads = [f"match [{x}, {k}]:", "case []:", f"case [{u}, *rest]:", "case _:"]
        lines = [heads[0]]
        for head, body in zip(heads[1:], blocks, strict=True):
            lines += [f"    {head}", *indent(body)]
        return lines

    # Loops

    def loop_head(self, scope: Scope) -> tuple[str, list[Var], list[Var]]:
        """The head of a `for`, what it binds in its body, and what is bound after it."""
        n, i, u, w = self.long, self.name("i"), self.name("u"), self.name("w")
        size, counter = scope.size, Var(i, span=(0, n))
        vectors = [v.name for v in scope.arrays((n,))]
        x = self.pick(vectors) if vectors else f"np.full({n}, 0.4)"
        y = self.pick(vectors) if vectors else x
        few = self.pick([2, 3])
        options = [
            (f"for {i} in range({size}):", [counter], [counter]),
            (f"for {i} in range({size}):", [counter], [counter]),
            (f"for {i} in range(1, {size}):", [counter], []),
            (f"for {i} in range({size} - 1, -1, -1):", [counter], [counter]),
            (f"for {i} in range({few}):", [Var(i, span=(0, few))], [Var(i, span=(0, few))]),
            (f"for {i} in range(0, {size}, 2):", [counter], [counter]),
            (f"for {i} in range(len({x})):", [counter], [counter]),
            (f"for {i} in reversed(range({size})):", [counter], [counter]),
            (f"for {i} in range({size} - {size}):", [counter], []),
            (f"for {i} in np.arange({size}):", [counter], []),
            (f"for {i} in (0, 2, 1):", [Var(i, span=(0, 3))], []),
            (f"for {u} in {x}:", [Var(u)], [Var(u)]),
            (f"for {u} in {x}[{size}:]:", [Var(u)], []),
            (f"for {u} in {x}.tolist():", [Var(u)], []),
            (f"for {u} in reversed({x}):", [Var(u)], []),
            (f"for {i}, {u} in enumerate({x}):", [counter, Var(u)], [counter, Var(u)]),
            (f"for {i}, {u} in enumerate({x}[1:], start=1):", [counter, Var(u)], []),
            (f"for {u}, {w} in zip({x}, {y}):", [Var(u), Var(w)], [Var(u)]),
            (f"for {u}, {w} in zip({x}, {y}[1:]):", [Var(u), Var(w)], []),
            (f"for {i}, ({u}, {w}) in enumerate(zip({x}, {y})):", [counter, Var(u), Var(w)], []),
        ]
        matrices = [v for v in scope.arrays() if v.shape and len(v.shape) == 2]
        if matrices and self.chance(0.3):
            m = self.pick(matrices)
            assert m.shape
            rows = Var(i, span=(0, m.shape[0]))
            options = [
                (f"for {u} in {m.name}:", [Var(u, m.shape[1:])], [Var(u, m.shape[1:])]),
                (f"for {i}, {u} in enumerate({m.name}):", [rows, Var(u, m.shape[1:])], []),
                (f"for {u} in {m.name}.T:", [Var(u, m.shape[:1])], []),
                (f"for {u}, {w} in zip({m.name}, {m.name}[::-1]):",)
                + ([Var(u, m.shape[1:]), Var(w, m.shape[1:])], []),
            ]
        if scope.lists and self.chance(0.3):
            items = self.pick(scope.lists)
            options = [
                (f"for {u} in {items.name}:", [Var(u, items.shape)], [Var(u, items.shape)]),
                (f"for {u} in reversed({items.name}):", [Var(u, items.shape)], []),
                (f"for {i}, {u} in enumerate({items.name}):", [Var(u, items.shape)], []),
            ]
        return self.pick(options)

    @grows("statement", 50, "for")
    def for_loop(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        head, bound, after = self.loop_head(scope)
        inner = scope.inner(*bound, loop=True)
        inner.lists = []  # what is walked over does not change its length
        lines = [head, *self.indented(inner, 3)]
        if "for-else" in self.features and self.chance(0.15):
            lines += ["else:", *self.indented(scope.inner(), 1)]
        if not any(line.strip() == "break" for line in lines):
            scope.vars += after
        return lines

    @grows("statement", 22, "while")
    def while_loop(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        k, most = self.name("k"), self.pick([3, 4, 5])
        inner = scope.inner(Var(k, span=(0, most)))
        inner.in_loop = False  # a `continue` would skip the counter
        head, first, last = f"{k} < {most}", [], [f"    {k} += 1"]
        kind = self.some(0, 4)
        if kind == 1:
            bound = abs(float(self.threshold())) + 1
            head = f"{head} and {self.expr(scope, None, 1)} < {bound}"
        elif kind == 2:
            head, first = "True", [f"    if {k} >= {most}:", "        break"]
        elif kind == 3 and scope.arrays((self.long,)) and "augmented" in self.features:
            y = self.pick(scope.arrays((self.long,))).name
            head, first = f"np.sum({y} ** 2) < 9.003 and {k} < {most}", [f"    {y}[:] *= 1.3"]
        elif kind == 4:
            inner.in_loop = True
            first, last = [f"    {k} += 1"], []
            inner.vars[-1] = Var(k, span=(1, most + 1))
        body = self.indented(inner, 3)
        if body[-1].startswith(("    return", "    break")):
            return []
        lines = [f"{k} = 0", f"while {head}:", *first, *body, *last]
        if "while-else" in self.features and head != "True" and self.chance(0.15):
            lines += ["else:", *self.indented(scope.inner(), 1)]
        return lines

    @grows("statement", 20, "break")
    def leave(self, scope: Scope) -> list[str]:
        if not scope.in_loop:
            return []
        body = []
        if self.chance(0.3):
            body = [f"    {self.grow_simple(scope.inner())}"]
        return [f"if {self.condition(scope)}:", *body, f"    {self.pick(['break', 'continue'])}"]

    def grow_simple(self, scope: Scope) -> str:
        """One line that changes a number or an array, if there is one."""
        targets = scope.targets()
        if not targets or "augmented" not in self.features:
            return "pass"
        v = self.pick(targets)
        return f"{v.name} {self.update(scope, v.shape or None)}"

    @grows("statement", 8, "return")
    def early_return(self, scope: Scope) -> list[str]:
        if not scope.may_return:
            return []
        value = self.expr(scope, scope.returns, 2)
        return [f"if {self.condition(scope)}:", f"    return {value}"]

    @grows("statement", 8, "for")
    def changing_kind(self, scope: Scope) -> list[str]:
        """A carried value that is an int at first, then a number or an array."""
        if scope.depth >= 3:
            return []
        head, bound, _ = self.loop_head(scope)
        if "- " + scope.size in head or f"[{scope.size}:]" in head:
            return []  # would stay an int
        shape = self.maybe_shape()
        inner = scope.inner(*bound)
        total = self.name("s" if shape is None else "t")
        term = self.bounded(inner, self.expr(inner, shape, 2))
        step = self.pick([f"{total} = {total} + {term}", f"{total} = 0.5 * {total} + {term}"])
        if shape is None:
            step = self.pick([step, f"{total} += {term}"])
        scope.vars.append(Var(total, shape))
        return [f"{total} = 0", head, f"    {step}"]

    # try, with

    @grows("statement", 9, "try")
    def try_with_raise(self, scope: Scope) -> list[str]:
        """An exception from a visible test, or none; handlers, else, finally."""
        if scope.depth >= 3:
            return []
        body = self.indented(scope.inner(), 1)
        if ends(body):
            return []
        inner = scope.inner()
        inner.in_loop, inner.may_return = False, False  # they would hide what `finally` does
        kind = self.some(0, 3)
        # What NumPy and Python raise themselves is for "try-hidden".
        hidden = "try-hidden" in self.features and self.chance(0.05)
        errors = ["ValueError", "ArithmeticError", "Exception"]
        error = self.pick(errors if hidden else ["RuntimeError", "NotImplementedError"])
        if kind == 0:
            return ["try:", *body, "finally:", *self.indented(inner, 1)]
        test = [f"    if {self.condition(scope)}:", f"        raise {error}('{self.name('no')}')"]
        handler = self.pick([error, error, f"({error}, UserWarning)"])
        named = self.pick(["", " as error"])
        lines = ["try:", *body, *test]
        lines += self.indented(scope.inner(), 1) if self.chance(0.4) else []
        lines += [f"except {handler}{named}:", *self.indented(scope.inner(), 1)]
        if kind == 2:
            lines += ["else:", *self.indented(scope.inner(), 1)]
        if kind == 3:
            lines += ["finally:", *self.indented(inner, 1)]
        return lines

    @grows("statement", 1, "try-hidden")
    def try_with_hidden_raise(self, scope: Scope) -> list[str]:
        """An exception that a function raises, at some values."""
        if scope.depth >= 3:
            return []
        name, other = self.name("s"), self.expr(scope, None, 1)
        risky = self.pick(
            [
                (f"math.sqrt({self.expr(scope, None, 1)})", "ValueError"),
                (f"{{'a': 1.5}}['{self.pick('ab')}'] * ({self.expr(scope, None, 1)})", "KeyError"),
                (f"1 / ({self.expr(scope, None, 1)} - 50)", "ZeroDivisionError"),
            ]
        )
        lines = ["try:", f"    {name} = {risky[0]}", f"except {risky[1]}:", f"    {name} = {other}"]
        scope.vars.append(Var(name))
        return lines

    @grows("statement", 8, "with")
    def with_statement(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        kind = self.some(0, 3)
        if kind == 0:
            heads = ["with np.errstate(all='ignore'):", "with np.errstate(divide='ignore'):"]
            return [self.pick(heads), *self.indented(scope.inner(), 2)]
        shape = self.shape()
        name = self.name("held")
        value = self.leaf(scope, shape)
        inner = scope.inner(Var(name, shape))
        if kind == 1:
            head = f"with contextlib.nullcontext({value}) as {name}:"
        elif kind == 2:
            manager = self.name("Manager")
            self.define(
                [
                    f"class {manager}:",
                    "    def __init__(self, held):",
                    "        self.held = held",
                    "    def __enter__(self):",
                    f"        return {self.pick(['self.held', 'self.held * 1.5'])}",
                    "    def __exit__(self, *error):",
                    self.pick(["        return None", "        self.held[0] = 0.25"]),
                ]
            )
            head = f"with {manager}({value}) as {name}:"
        else:
            manager = self.name("manager")
            self.define(
                [
                    "@contextlib.contextmanager",
                    f"def {manager}(held):",
                    f"    yield {self.pick(['held', '0.5 * held'])}",
                    self.pick(["    held[-1] = 0.5", "    pass"]),
                ]
            )
            head = f"with {manager}({value}) as {name}:"
        return [head, *self.indented(inner, 2)]
