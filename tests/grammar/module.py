"""Whole programs: the module's text, put together from the parts of the grammar.

    print(program(7))                                    the same for the same seed
    print(program(7, features=("while", "store")))       with these features only

A program is valid by construction: it is grown statement by statement in a typed scope. The module
has functions and classes that `f` uses, `f`, its arguments `args()`, and WRT, the arguments that
are differentiated.
"""

import ast
import re
from collections.abc import Iterable

from tests.grammar.chance import Chance, Seeded
from tests.grammar.containers import Containers
from tests.grammar.control import Control
from tests.grammar.core import marked
from tests.grammar.expressions import Expressions
from tests.grammar.functions import Functions
from tests.grammar.mutation import Mutation
from tests.grammar.objects import Objects
from tests.grammar.scalars import Scalars
from tests.grammar.scope import Function, Scope, Shape, Var
from tests.grammar.statements import Statements

OF_MODULES = {"class", "dataclass", "namedtuple", "inherit", "property", "helper", "library"}
OF_MODULES |= {"signature", "decorator", "recursion", "state", "arguments", "float32", "operator"}
MUTATION = {"store", "augmented", "fancy", "at", "out", "put", "sort", "overlap", "swap", "view"}
MUTATION |= {"alias", "choice", "rotate", "buffer", "pingpong", "writers", "state", "library"}
IMPORTED: tuple[str, ...] = (
    "cmath",
    "contextlib",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
)
IMPORTED += ("math", "typing")


class Grower(Statements, Control, Containers, Objects, Functions, Mutation, Scalars, Expressions):
    def __init__(self, dice: Chance, features: frozenset[str]):
        super().__init__(dice, features)
        self.classes = []
        self.defined: list[list[str]] = []

    def define(self, text: list[str]) -> None:
        self.defined.append(text)

    def module(self) -> str:
        """Helpers, classes and state first, each of which may use what was made before it."""
        functions: list[Function] = []
        has = self.features.__contains__
        state: list[Var] = []
        lines: list[str] = []
        if has("state") and self.chance(0.15):
            state, functions, lines = self.state()
        if has("library") and self.chance(0.15):
            functions += self.library()
        if has("recursion") and self.chance(0.06):
            self.add(self.recursive(), functions)
        for _ in range(self.pick([0, 1, 1, 2]) if has("helper") else 0):
            self.add(self.helper(functions), functions)
        if has("objects") and self.chance(0.35):
            for _ in range(self.some(1, 2)):
                self.make_class()
        params, values = self.parameters()
        scope = Scope([*state, *params], functions)
        body = self.block(scope, self.some(3, 9))
        names = list(dict.fromkeys(re.split(r"\W", p.name)[0] for p in params))
        for text in self.defined:
            lines += ["", *text, ""]
        lines += ["", f"def f({', '.join([*names, 'n'])}):"]
        lines += [f"    {line}" for line in [*body, f"return {self.result(scope)}"]]
        lines += ["", "def args():", f"    return ({', '.join([*values, str(self.long)])})"]
        lines += ["", f"WRT = ({', '.join(map(repr, names))},)"]
        return "\n".join([*imports("\n".join(lines)), *lines, ""])

    def add(self, known: tuple[Function, list[str]], functions: list[Function]) -> None:
        function, text = known
        self.define(text)
        functions.append(function)

    # Arguments

    def parameters(self) -> tuple[list[Var], list[str]]:
        """The arguments that are differentiated, as places, and what the caller passes."""
        n, k = self.long, self.short
        params = [Var("x", (n,)), Var("m", (k, n)), Var("y", (n,)), Var("s")]
        params = [params[0], *self.dice.sample(params[1:], self.some(1, 3))]
        values = [self.sample(p.shape) for p in params]
        if "float32" in self.features and self.chance(0.02):
            values[0] = values[0][:-1] + ", dtype=np.float32)"
        if "zero-d" in self.features and self.chance(0.05):
            params.append(Var("z", ()))
            values.append(f"np.array({self.number()})")
        if "arguments" in self.features and self.chance(0.15):
            places, value = self.container()
            params += places
            values.append(value)
        return params, values

    def container(self) -> tuple[list[Var], str]:
        """A container of arrays and numbers as an argument."""
        made = [c for c in self.classes if c.kind != "class"]
        if made and self.chance(0.5):
            model = self.pick(made)
            passed = ", ".join(map(self.sample, model.params))
            rebind = model.kind != "namedtuple"
            fields = [Var(f"p.{v.name}", v.shape, rebind=rebind) for v in model.fields]
            return fields, f"{model.name}({passed})"
        shapes = [self.maybe_shape() for _ in range(self.some(1, 3))]
        values = [self.sample(shape) for shape in shapes]
        kind = self.pick(["list", "tuple", "dict", "nested"])
        if kind in ("dict", "nested"):
            keys = [repr(chr(ord("a") + i)) for i in range(len(shapes))]
            places = [Var(f"p[{key}]", shape) for key, shape in zip(keys, shapes, strict=True)]
            text = "{" + ", ".join(f"{key}: {v}" for key, v in zip(keys, values, strict=True)) + "}"
            if kind == "nested":
                return [Var(f"p[0]{v.name[1:]}", v.shape) for v in places], f"[{text}]"
            return places, text
        places = [Var(f"p[{i}]", shape, rebind=kind == "list") for i, shape in enumerate(shapes)]
        return places, f"[{', '.join(values)}]" if kind == "list" else f"({', '.join(values)},)"

    def sample(self, shape: Shape | None) -> str:
        if shape is None:
            return self.number()
        if len(shape) == 1:
            return f"np.array([{', '.join(self.number() for _ in range(shape[0]))}])"
        rows = ", ".join(
            "[" + ", ".join(self.number() for _ in range(shape[1])) + "]" for _ in range(shape[0])
        )
        return f"np.array([{rows}])"

    def result(self, scope: Scope) -> str:
        arrays, numbers = scope.arrays(), scope.scalars()
        picked = self.dice.sample(arrays, min(len(arrays), 3))
        picked += self.dice.sample(numbers, min(len(numbers), 2))
        wrap = ["np.sum(np.sin({}))", "np.sum({} ** 2)", "np.mean({})", "np.sum({} * {})"]
        terms = []
        for v in picked:
            weight = self.some(3, 20) / 10
            inner = self.pick(wrap).format(v.name, v.name) if v.shape else v.name
            terms.append(f"{weight} * {inner}")
        return " + ".join(terms) or "0.0"


FEATURES = frozenset(row[2] for row in marked(Grower)) - {"basic"} | OF_MODULES


def program(seed: int, features: Iterable[str] = FEATURES) -> str:
    """The text of a module with a function `f`, its arguments `args()` and `WRT`."""
    return Grower(Seeded(seed), frozenset(features)).module()


def imports(text: str) -> list[str]:
    used = [f"import {name}" for name in IMPORTED if f"{name}." in text]
    used += ["import numpy as np"]
    if "library." in text:
        used += ["from tests.grammar import library"]
    return used


def tidy(text: str) -> str:
    """The same program without needless parentheses, two blank lines around functions."""
    body = ast.parse(text).body
    parts = [ast.unparse(node) for node in body]
    large = (ast.FunctionDef, ast.ClassDef)
    gaps = ["\n\n\n" if isinstance(node, large) else "\n" for node in body]
    out = parts[0]
    for i in range(1, len(parts)):
        out += max(gaps[i], gaps[i - 1], key=len) + parts[i]
    return out + "\n"
