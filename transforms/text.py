"""The text form of the IR, read back: `str(parse_text(str(block))) == str(block)`.

The grammar is in `ir.py`. Blank lines, lines of comment (`# …`) and a common indentation are
skipped, so that tests can be written as texts.

>>> block = parse_text('''
...     (x: f8[x.0], n: int):
...       a = np.sin(x)
...       for_a = for i in range(n) carry (p = a):
...         p.2 = mul(p, 2.0)
...         yield p.2
...       return for_a
... ''')
>>> block.instrs[0].op, block.params[0].kind, block.instrs[1].args
(<ufunc 'sin'>, f8[x.0], (('range', 0, <n: int>, 1), (<a: object>,)))
>>> parse_text("(x: float):\\n  return b")
Traceback (most recent call last):
SyntaxError: line 2: unknown value `b`

The text holds no user's flags, no source locations and no kinds of results. A named size (`x.0`)
is read as proven not to be 1, which holds for the sizes of parameters, `?3` is not.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import importlib
import operator
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from srcdiff.transforms.ir import (
    EFFECTS,
    STRUCTURAL,
    UNDEFINED,
    Block,
    Instr,
    Slice,
    Value,
    new_twin,
)
from srcdiff.transforms.kinds import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    Dim,
    Kind,
    Size,
    join,
    kind_of,
    real_or_complex,
)

Kinds = Callable[[Instr], Iterable[Kind]]


def parse_text(
    text: str,
    kinds: Kinds | None = None,
    names: Mapping[str, Any] | None = None,
    user: Collection[str] = (),
) -> Block:
    """The block that a text describes.

    kinds   the kinds of an operation's results (`Value`s of kind object); carried values then get
            the kinds of their first values. Without it only the parameters have kinds
    names   objects that no import leads to, by the names that the text gives them
    user    names that count as written by the user
    """
    return _Parser(text, kinds, names or {}, user).program()


def parse_kind(text: str) -> Kind:
    """The kind that is printed so.

    >>> [parse_kind(t) for t in ("f8[x.0,3-1,?2]", "f8[...]", "f4?", "int", "tuple(f8, list())")]
    [f8[x.0,3-1,?2], f8[...], f4?, int, tuple(f8, list())]
    >>> parse_kind("f4/c8[3]"), parse_kind("f8/c16")
    (f4/c8[3], f8/c16)
    """
    if text in _PYTHON:
        return _PYTHON[text]
    if text in _TAGS:
        return Kind(text)
    if text.endswith(")"):
        tag, items = text[:-1].split("(", 1)
        if tag in _TAGS:
            return Kind(tag, items=tuple(map(parse_kind, split(items))))
    match = re.fullmatch(r"(\?|[a-zA-Z]\d*)(/c\d+)?(?:\[(.*)\]|(\?))?", text)
    if not match:
        raise ValueError(f"`{text}` is no kind")
    dtype = None if match[1] == "?" else np.dtype(match[1])
    dtype = real_or_complex(dtype) if match[2] else dtype
    if match[3] is None:
        return Kind("scalar", dtype, python=None if match[4] else False)
    shape = None if match[3] == "..." else tuple(map(_dim, split(match[3])))
    return Kind("array", dtype, shape)


_PYTHON = {"bool": BOOL, "int": INT, "float": FLOAT, "complex": COMPLEX}
_TAGS = frozenset("scalar array none str bytes tuple list dict range slice object".split())


def _dim(text: str) -> Dim:
    if text.isdigit():
        return int(text)
    match = re.fullmatch(r"(.+)-(\d+)", text)
    if match:
        return Size(match[1], int(match[2]))
    return Size(text, 0, not text.startswith("?"))


def split(text: str) -> list[str]:
    """Parts of a text between the commas that no bracket holds.

    >>> split("f8[x.0,3], tuple(int, int)")
    ['f8[x.0,3]', 'tuple(int, int)']
    """
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts] if text.strip() else []


@functools.cache
def find(name: str) -> Any:
    """What a name in the text leads to, the reverse of `ir.op_name`.

    >>> find("mul"), find("abs") is operator.abs, find("np.add.reduce") == np.add.reduce
    (<built-in function mul>, True, True)
    """
    head, *rest = name.split(".")
    if not rest or hasattr(builtins, head):
        places = [operator, builtins]
        with contextlib.suppress(ImportError):
            places.insert(1, importlib.import_module("srcdiff.runtime.kernels"))
        found = [vars(place)[head] for place in places if head in vars(place)]
        obj = found[0] if found else sys.modules.get(head)
        if obj is None:
            raise AttributeError(name)
    else:
        obj = importlib.import_module("numpy" if head == "np" else head)
    for attribute in rest:
        if isinstance(obj, ModuleType) and not hasattr(obj, attribute):
            importlib.import_module(f"{obj.__name__}.{attribute}")
        obj = getattr(obj, attribute)
    return obj


_WORD = r"[^\W\d]\w*(?:\.(?:\w+|<\w+>))*"
_REAL = r"(?:inf|nan|\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<string>b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))
    | <(?P<object>dtype\ [<>|=]?[\w\[\]]+|(?:[^<>]|<\w+>)*)>
    | (?P<complex>\(-?{_REAL}[-+]{_REAL}j\)|-?{_REAL}j(?![\w.]))
    | (?P<number>-?{_REAL}(?![\w.]))
    | (?P<word>{_WORD})
    | (?P<mark>\.\.\.|[()\[\]{{}},:=!])
    )""",
    re.VERBOSE,
)
_CONSTANTS = {"None": None, "True": True, "False": False}


class _Parser:
    """Reads line by line, and each line token by token; names live from their line to the end."""

    def __init__(self, text: str, kinds: Kinds | None, names: Mapping, user: Collection[str]):
        self.kinds, self.names, self.user = kinds, names, user
        self.values: dict[str, Value] = {}
        self.twins: dict[Any, int] = {}
        lines = [(n, line.rstrip()) for n, line in enumerate(text.expandtabs().split("\n"), 1)]
        self.source = [(n, line) for n, line in lines if line and line.lstrip()[0] != "#"]
        self.at = 0  # the next line
        self.number = 1  # the line that is read, for errors
        self.tokens: list[tuple[str, str]] = []  # what is left of it, the next token last

    # lines

    def program(self) -> Block:
        if not self.source:
            self.fail("an empty text")
        line = self.source[0][1].strip()
        match = re.fullmatch(r"\((.*)\):", line)
        self.number, self.at = self.source[0][0], 1
        if not match:
            self.fail(f"expected `(x: f8, …):`, not `{line}`")
        params = []
        for part in split(match[1]):
            name, _, kind = part.partition(":")
            try:
                params.append(self.define(name.strip(), parse_kind(kind.strip())))
            except (ValueError, TypeError) as error:
                self.fail(str(error))
        block = self.body(tuple(params), "return", self.indent(self.source[0]))
        if self.at < len(self.source):
            self.number = self.source[self.at][0]
            self.fail("text after the end of the program")
        return block

    def indent(self, line: tuple[int, str]) -> int:
        return len(line[1]) - len(line[1].lstrip())

    def body(self, params: tuple[Value, ...], end: str, outer: int) -> Block:
        instrs: list[Instr] = []
        indent = self.indent(self.source[self.at]) if self.at < len(self.source) else 0
        if indent <= outer:
            self.fail("expected an indented block")
        while True:
            self.next_line(indent, end)
            if self.tokens[-1] == ("word", end) and not self.is_assignment():
                self.tokens.pop()
                return Block(params, instrs, tuple(self.args("")))
            instrs.append(self.instr(indent))

    def next_line(self, indent: int, wanted: str) -> None:
        if self.at == len(self.source) or self.indent(self.source[self.at]) < indent:
            self.fail(f"the block that ends here has no `{wanted}`")
        self.number, line = self.source[self.at]
        if self.indent(self.source[self.at]) > indent:
            self.fail("unexpected indentation")
        self.at += 1
        tokens, at = [], 0
        line = line.strip()
        while at < len(line):
            match = _TOKEN.match(line, at)
            if not match or match.lastgroup is None:
                self.fail(f"cannot read `{line[at:]}`")
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.tokens = tokens[::-1]

    def is_assignment(self) -> bool:
        return len(self.tokens) > 1 and self.tokens[-2] in (("mark", "="), ("mark", ","))

    def instr(self, indent: int) -> Instr:
        results = []
        if self.is_assignment():
            results = self.list_of(self.word, "=")
        op = self.word()
        if op in ("if", "for", "while"):
            instr = getattr(self, f"region_{op}")(indent)
        else:
            instr = self.operation(op)
        if self.tokens:
            self.fail(f"cannot read `{self.rest()}`")
        kinds: Iterable[Kind] = ()
        if self.kinds and not instr.blocks:
            trial = instr.replace(results=tuple(Value(name) for name in results))
            kinds = self.kinds(trial)
        elif self.kinds:
            kinds = _region_kinds(instr)
        values = [self.define(name) for name in results]
        for value, kind in zip(values, kinds, strict=False):
            value.kind = kind
        return instr.replace(results=tuple(values))

    # instructions

    def operation(self, name: str) -> Instr:
        self.expect("(")
        args, kwargs = [], {}
        while not self.accept(")"):
            if len(self.tokens) > 1 and self.tokens[-2] == ("mark", "="):
                key = self.word()
                self.expect("=")
                kwargs[key] = self.arg()
            else:
                args.append(self.arg())
            if not self.accept(","):
                self.expect(")")
                break
        op = name if name in STRUCTURAL | EFFECTS else self.find(name, "operation")
        return Instr(op, tuple(args), kwargs, attrs=self.attrs())

    def region_if(self, indent: int) -> Instr:
        args = (self.leaf(),)
        attrs = self.attrs(":")
        then = self.body((), "yield", indent)
        self.next_line(indent, "else")
        self.expect("else")
        self.expect(":")
        return Instr("if", args, blocks=(then, self.body((), "yield", indent)), attrs=attrs)

    def region_for(self, indent: int) -> Instr:
        item = self.word()
        self.expect("in")
        reverse = {}
        if self.accept("reversed"):
            reverse = {"reverse": True}
        kind = self.word()
        self.expect("(")
        bounds = self.args(")")
        if kind == "range" and len(bounds) < 3:
            bounds = [*([0] * (2 - len(bounds))), *bounds, 1]
        names, inits = self.carry()
        attrs = reverse | self.attrs(":")
        params = self.params([item, *names], [0, *inits])
        body = self.body(params, "yield", indent)
        return Instr("for", ((kind, *bounds), inits), blocks=(body,), attrs=attrs)

    def region_while(self, indent: int) -> Instr:
        names, inits = self.carry()
        attrs = self.attrs(":")
        test = self.body(self.params(names, inits), "yield", indent)
        self.next_line(indent, "do")
        self.expect("do")
        names = []
        if self.accept("carry"):
            self.expect("(")
            names = self.list_of(self.word, ")")
        self.expect(":")
        body = self.body(self.params(names, inits), "yield", indent)
        return Instr("while", (inits,), blocks=(test, body), attrs=attrs)

    def carry(self) -> tuple[list[str], tuple]:
        names, inits = [], []
        if self.accept("carry"):
            self.expect("(")
            while not self.accept(")"):
                names.append(self.word())
                self.expect("=")
                inits.append(self.arg())
                if not self.accept(","):
                    self.expect(")")
                    break
        return names, tuple(inits)

    def params(self, names: list[str], like: Iterable[Any]) -> tuple[Value, ...]:
        params = [self.define(name) for name in names]
        if self.kinds:
            for param, init in zip(params, like, strict=False):
                param.kind = _kind(init)
        return tuple(params)

    def attrs(self, end: str = "") -> dict[str, Any]:
        attrs: dict[str, Any] = {}
        while self.tokens and not (end and self.tokens[-1] == ("mark", end)):
            if self.accept("!"):
                attrs["inplace"] = True
                continue
            name = self.word()
            if name == "twin":
                number = self.leaf()
                if number not in self.twins:
                    self.twins[number] = new_twin()
                attrs[name] = self.twins[number]
            else:
                attrs[name] = self.leaf() if self.accept("=") else True
        if end:
            self.expect(end)
        return attrs

    # arguments

    def args(self, end: str) -> list[Any]:
        return self.list_of(self.arg, end)

    def list_of(self, read: Callable[[], Any], end: str) -> list[Any]:
        """What stands between commas up to `end`, which is taken too; "" is the line's end."""
        found: list[Any] = []
        while not (self.accept(end) if end else not self.tokens):
            if found and self.tokens[-1] != ("mark", ","):
                self.expect(end or ",")
            if found:
                self.tokens.pop()
                if end and self.accept(end):
                    break
            found.append(read())
        return found

    def arg(self) -> Any:
        """An argument tree: an expression, or a slice of up to three."""
        parts = [None if self.peek(":") else self.leaf()]
        while len(parts) < 3 and self.accept(":"):
            empty = not self.tokens or any(map(self.peek, ":,)]}"))
            parts.append(None if empty else self.leaf())
        return Slice(*parts) if len(parts) > 1 else parts[0]

    def leaf(self) -> Any:
        if not self.tokens:
            self.fail("the line ends too early")
        kind, text = self.tokens.pop()
        if kind == "string":
            return ast.literal_eval(text)
        if kind == "complex":
            return complex(text)
        if kind == "number":
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        if kind == "object":
            if text.startswith("dtype "):
                return np.dtype(text[6:])
            if text == "undefined":
                return UNDEFINED
            return self.find(text, "object")
        if kind == "word":
            return self.named(text)
        if text == "...":
            return ...
        if text == "[":
            return self.args("]")
        if text == "(":
            return tuple(self.args(")"))
        if text == "{":
            return dict(self.list_of(self.pair, "}"))
        self.tokens.append((kind, text))
        return self.fail(f"expected an argument before `{self.rest()}`")

    def pair(self) -> tuple[Any, Any]:
        key = self.leaf()
        self.expect(":")
        return key, self.arg()

    def named(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name.startswith("np.") and self.accept("("):
            return self.find(name, "type")(*self.args(")"))
        return self.fail(f"unknown value `{name}`")

    # tokens and names

    def define(self, name: str, kind: Kind | None = None) -> Value:
        if name in self.values:
            self.fail(f"`{name}` is defined twice")
        if not re.fullmatch(r"[^\W\d]\w*(\.\d+)?", name):
            self.fail(f"`{name}` is no name of a value")
        base = re.sub(r"\.\d+$", "", name)
        value = Value(base, user=name in self.user)
        if kind is not None:
            value.kind = kind
        self.values[name] = value
        return value

    def find(self, name: str, what: str) -> Any:
        try:
            return self.names[name] if name in self.names else find(name)
        except (AttributeError, ImportError):
            return self.fail(f"unknown {what} `{name}`")

    def peek(self, text: str) -> bool:
        return bool(self.tokens) and self.tokens[-1][0] != "string" and self.tokens[-1][1] == text

    def accept(self, text: str) -> bool:
        found = self.peek(text)
        if found:
            self.tokens.pop()
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"expected `{text}` before `{self.rest()}`")

    def word(self) -> str:
        if not self.tokens or self.tokens[-1][0] != "word":
            self.fail(f"expected a name before `{self.rest()}`")
        return self.tokens.pop()[1]

    def rest(self) -> str:
        return " ".join(text for _, text in reversed(self.tokens)) or "the line's end"

    def fail(self, message: str) -> NoReturn:
        raise SyntaxError(f"line {self.number}: {message}")


def _region_kinds(instr: Instr) -> list[Kind]:
    """Kinds of a region's results: where branches, or the steps of a loop, meet."""
    ends = [_kind(v) for v in instr.blocks[-1].results]
    if instr.op == "if":
        return list(map(join, map(_kind, instr.blocks[0].results), ends))
    starts = instr.blocks[-1].params[instr.op == "for" :]
    return [*map(join, map(_kind, starts), ends), INT]


def _kind(arg: Any) -> Kind:
    return arg.kind if isinstance(arg, Value) else kind_of(arg)
