"""Parse: a function becomes its tree and what its names are bound to.

    def scaled(k):                           node       FunctionDef(name='f', args=…, body=…)
        def f(x, n=2):               →       globals    the module's dict
            return k * x ** n                cells      {'k': <cell>}
        return f                             defaults   {'n': 2}
    parse(scaled(3))

The tree is of the very code that runs. The function's file is parsed and compiled once; the
function is found in it by its qualified name and place, and what it compiles to must be the code
of the running function. So lambdas on one line are told apart, a wrapper made with
`functools.wraps` is itself and not what it wraps, and a function that was edited after its import
is refused; one that an edit elsewhere only moved is not.

Names that Python mangles (`__x` in a class) are mangled in the tree. Nothing else is changed.
"""

import __future__

import ast
import functools
import linecache
import os
import threading
import time
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CellType, CodeType, FunctionType, MethodType, WrapperDescriptorType
from typing import Any

from srcdiff.runtime.errors import Location, UnsupportedSyntaxError, short_name
from srcdiff.runtime.marks import marked
from srcdiff.transforms.syntax import deep_recursion, from_ast, gast, location

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()

_IMPORTED = time.time()

# `nested_scopes` shares its bit with CO_NESTED, which says something else.
_FUTURE = 0
for _name in set(__future__.all_feature_names) - {"nested_scopes"}:
    _FUTURE |= getattr(__future__, _name).compiler_flag


@dataclass(frozen=True, eq=False)
class Parsed:
    """A function's tree and bindings. The tree is shared between calls: it is read, not changed.

    A call `f(*args, **kwargs)` of what was parsed is
    `function(bound_self, *partial_args, *args, **{**partial_kwargs, **kwargs})`,
    without `bound_self` where that is MISSING.
    """

    node: gast.AST | None  # FunctionDef or Lambda; None for a function without source
    function: FunctionType
    bound_self: Any
    partial_args: tuple[Any, ...]
    partial_kwargs: dict[str, Any]
    filename: str
    first_line: int  # of the first decorator, if there is one
    lines: list[str] = field(repr=False)  # of the file

    # Properties, so that what is rebound after `parse` is seen.

    @property
    def globals(self) -> dict[str, Any]:
        return self.function.__globals__

    @property
    def cells(self) -> dict[str, CellType]:
        names, cells = self.function.__code__.co_freevars, self.function.__closure__ or ()
        return dict(zip(names, cells, strict=True))

    @property
    def defaults(self) -> dict[str, Any]:
        """Parameter → default, as they were evaluated at `def`."""
        code, values = self.function.__code__, self.function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount]
        positional = dict(zip(names[len(names) - len(values) :], values, strict=True))
        return positional | (self.function.__kwdefaults__ or {})

    def location(self, node: gast.AST | None) -> Location:
        """The place of a node of the tree; that of the function for a node that has none."""
        if self.node is None:
            line = self.first_line
            return Location(self.filename, line, 0, line, 0, self.function.__code__.co_qualname)
        where = self.filename, self.function.__code__.co_qualname
        found = location(node, self.lines, *where) or location(self.node, self.lines, *where)
        assert found is not None
        return found


def parse(f: Callable[..., Any], generators: bool = False) -> Parsed:
    """The tree and bindings of a function, method, callable object or `functools.partial`.

    generators   whether a generator function is taken, too

    >>> def scaled(k):
    ...     return lambda x, n=2: k * x**n
    >>> parsed = parse(functools.partial(scaled(3), n=4))
    >>> gast.unparse(parsed.node).strip()
    'lambda x, n=2: k * x ** n'
    >>> parsed.cells["k"].cell_contents, parsed.defaults, parsed.partial_kwargs
    (3, {'n': 2}, {'n': 4})
    >>> parsed.location(parsed.node.body.right).column
    30
    >>> parse(len)
    Traceback (most recent call last):
    srcdiff.runtime.errors.UnsupportedSyntaxError: `len` has no Python source
      Write it in Python, or give it a rule with `vjp_rule`.
    """
    parsed = find(f)
    if not (generators and parsed.function.__code__.co_flags & CO_GENERATOR):
        _refuse_suspended(parsed)
    return parsed


def find(f: Callable[..., Any]) -> Parsed:
    """The tree and bindings of a function, generators and coroutines included."""
    function, bound_self, args, kwargs = _unwrap(f)
    source = _source(function)
    filename = function.__code__.co_filename
    return Parsed(
        source.node, function, bound_self, args, kwargs, filename, source.first_line, source.lines
    )


def without_source(f: Callable[..., Any]) -> Parsed:
    """The bindings of a function whose source is not to be had: `node` is None."""
    function, bound_self, args, kwargs = _unwrap(f)
    code = function.__code__
    return Parsed(
        None, function, bound_self, args, kwargs, code.co_filename, code.co_firstlineno, []
    )


def _unwrap(f: Callable[..., Any]) -> tuple[FunctionType, Any, tuple[Any, ...], dict[str, Any]]:
    """The Python function that a call of f ends in, and what is passed to it beforehand."""
    bound_self: Any = MISSING
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    while not isinstance(f, FunctionType) or marked(f) is not None:
        if isinstance(f, functools.partial | MethodType) and bound_self is not MISSING:
            bound_self, args = MISSING, (bound_self, *args)
        if isinstance(f, functools.partial):
            if any(arg is getattr(functools, "Placeholder", MISSING) for arg in f.args):
                raise UnsupportedSyntaxError(
                    "`functools.Placeholder` cannot be differentiated",
                    instead="Write a `lambda` instead of the `functools.partial`.",
                )
            args, kwargs, f = (*f.args, *args), f.keywords | kwargs, f.func
        elif isinstance(f, MethodType):
            bound_self, f = f.__self__, f.__func__
        elif isinstance(f, staticmethod | functools._lru_cache_wrapper):
            f = f.__wrapped__
        elif isinstance(f, FunctionType):
            f = marked(f)
        else:
            f = _call_method(f)
    return f, bound_self, args, kwargs


def _call_method(f: Any) -> Any:
    """What `f(…)` calls: the `__call__` of its class, bound to it."""
    if not callable(f):
        raise TypeError(f"{f!r} is not callable")
    if isinstance(f, type):
        raise UnsupportedSyntaxError(
            f"`{f.__qualname__}` is a class, which cannot be differentiated",
            instead="Differentiate a function that makes the object and returns what matters.",
        )
    call = next(vars(cls)["__call__"] for cls in type(f).__mro__ if "__call__" in vars(cls))
    if isinstance(call, WrapperDescriptorType):  # of a type written in C
        name = getattr(f, "__qualname__", getattr(f, "__name__", type(f).__name__))
        raise UnsupportedSyntaxError(
            f"`{name}` has no Python source",
            instead="Write it in Python, or give it a rule with `vjp_rule`.",
        )
    return call.__get__(f, type(f)) if hasattr(call, "__get__") else call


def _refuse_suspended(parsed: Parsed) -> None:
    """Generators and coroutines run in pieces, at times that their source does not show."""
    code, node = parsed.function.__code__, parsed.node
    name = code.co_name
    if not code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        return
    if isinstance(node, gast.AsyncFunctionDef):
        raise UnsupportedSyntaxError(
            f"`{name}` is `async` and cannot be differentiated",
            parsed.location(node),
            "Move the computation into an ordinary function and differentiate that.",
        )
    todo = list(node.body) if isinstance(node, gast.FunctionDef) else [node.body]
    scopes = gast.FunctionDef, gast.AsyncFunctionDef, gast.Lambda, gast.ClassDef
    for part in todo:  # grows as we go
        if isinstance(part, gast.Yield | gast.YieldFrom):
            raise UnsupportedSyntaxError(
                f"`{name}` is a generator and cannot be differentiated",
                parsed.location(part),
                "Collect the values in a list and return it.",
            )
        if not isinstance(part, scopes):
            todo += gast.iter_child_nodes(part)


# Finding the source.


@dataclass(frozen=True, eq=False)
class _Source:
    node: gast.AST
    first_line: int
    lines: list[str]


@dataclass(frozen=True, eq=False)
class _File:
    """A file, a notebook's cell or a doctest's example, parsed and compiled."""

    lines: list[str]
    tree: ast.Module
    codes: dict[str, list[CodeType]]  # by qualified name
    found: dict[tuple[CodeType, bytes], _Source] = field(default_factory=dict)


class _NotThere(Exception):
    """The text does not hold the code that runs."""


_files: dict[tuple[str, int], _File] = {}
_one_at_a_time = threading.RLock()


def _source(function: FunctionType) -> _Source:
    """The tree of a function in its file as it is now, if that is what runs."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    # Looked up at each call: doctest replaces `getlines` while it runs an example.
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines and hasattr(linecache, "_getlines_from_code"):  # the prompt, since 3.13.1
        lines = linecache._getlines_from_code(code)
    if not lines:
        raise UnsupportedSyntaxError(
            f"`{code.co_name}` has no source: there is no text of {code.co_filename}",
            instead="Define it in a file or a notebook, or give it a rule with `vjp_rule`.",
        )
    key = code, code.co_linetable  # 3.11 compares no columns
    try:
        with _one_at_a_time:
            file = _file(lines, code.co_filename, code.co_flags & _FUTURE)
            if key not in file.found:
                file.found[key] = _find(file, code)
            return file.found[key]
    except _NotThere:
        if "__tape__" in (*code.co_freevars, *code.co_names):
            raise UnsupportedSyntaxError(
                f"`{code.co_name}` is made in a function that runs on the tape, which records what "
                "it does",
                instead="Define it outside, or write the function around it so that it compiles.",
            ) from None
        raise UnsupportedSyntaxError(
            f"`{code.co_name}` cannot be differentiated:"
            f" {short_name(code.co_filename)} has changed since it was imported",
            instead="Restart Python or reload the module, so that the source is what runs.\n"
            "(The same happens when an import hook has rewritten the code.)",
        ) from None


def _file(lines: list[str], filename: str, flags: int) -> _File:
    """From the cache, unless the text is another than last time."""
    file = _files.get((filename, flags))
    if file is None or (file.lines is not lines and file.lines != lines):
        file = _files[filename, flags] = _read(lines, filename, flags)
        if len(_files) > 200:  # of a long notebook, the oldest cell
            del _files[next(iter(_files))]
    return file


def _read(lines: list[str], filename: str, flags: int) -> _File:
    text = "".join(lines)
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in notebooks
    # From the text, both times: `compile` recurses more deeply over a tree. Warnings about
    # the file were given when it was imported.
    with deep_recursion(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = compile(text, filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
            module = compile(text, filename, "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError):  # ValueError: a null character, in 3.11
            raise _NotThere from None
    codes: dict[str, list[CodeType]] = {}
    for code in _with_inner(module):
        codes.setdefault(code.co_qualname, []).append(code)
    return _File(lines, tree, codes)


def _with_inner(code: CodeType) -> list[CodeType]:
    """The code and that of all functions and classes in it."""
    codes = [code]
    for each in codes:  # grows as we go
        codes += [const for const in each.co_consts if isinstance(const, CodeType)]
    return codes


def _find(file: _File, running: CodeType) -> _Source:
    """Where the file holds the code that runs: in its old place, or moved by an edit elsewhere."""
    line, candidates = running.co_firstlineno, file.codes.get(running.co_qualname, [])
    if _rewritten_by_pytest(running):
        # The code differs from the file's in any case: time and place have to do.
        if os.path.getmtime(running.co_filename) > _IMPORTED:
            raise _NotThere
        same = [code for code in candidates if code.co_firstlineno == line]
    else:
        content = _content(running)
        same = [code for code in candidates if _content(code) == content]
    if not same:
        raise _NotThere
    code = min(
        same,
        key=lambda code: (
            abs(code.co_firstlineno - line),
            code.co_linetable != running.co_linetable,
        ),
    )
    node, class_name = _node_of(code, file.tree)
    return _Source(_mangle(from_ast(node), class_name), code.co_firstlineno, file.lines)


def _rewritten_by_pytest(code: CodeType) -> bool:
    """Whether it holds an `assert` that pytest made to explain itself."""
    return any("@pytest_ar" in each.co_names for each in _with_inner(code))


def _content(code: CodeType) -> CodeType:
    """The code without its place. `==` compares all else, and 0.0 is not -0.0, 1 not True."""
    consts = [_content(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return code.replace(co_firstlineno=1, co_linetable=b"", co_consts=tuple(consts))


def _node_of(code: CodeType, tree: ast.Module) -> tuple[ast.AST, str]:
    """The node that was compiled to this code, and the name of the class around it or ""."""
    line = code.co_firstlineno
    # Statements are in order: the search need not go through a long file.
    start = bisect_left(tree.body, line, key=lambda stmt: stmt.end_lineno or 0)
    end = bisect_right(tree.body, line, key=_first_line)
    statements = tree.body[start:end]
    found = list(_functions_at(line, code.co_name, statements))
    if len(found) > 1:
        # The compiler looks at a module's imports when it compiles `np.sum(x)`.
        imports = [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
        found = _told_apart(found, code, [*imports, *statements])
    if not found:
        raise _NotThere
    return found[0]


def _functions_at(line: int, name: str, statements: list[ast.stmt]) -> Iterator[tuple[Any, str]]:
    """The functions of that name whose code starts at that line, and the classes around them."""
    todo: list[tuple[ast.AST, str]] = [(stmt, "") for stmt in statements]
    while todo:
        node, class_name = todo.pop()
        if getattr(node, "name", "<lambda>") == name and _is_function(node):
            if _first_line(node) == line:
                yield node, class_name
        if isinstance(node, ast.ClassDef):
            class_name = node.name
        todo += [(c, class_name) for c in ast.iter_child_nodes(node) if _covers(c, line)]


def _told_apart(
    lambdas: list[tuple[Any, str]], code: CodeType, statements: list[ast.stmt]
) -> list[tuple[Any, str]]:
    """Of the lambdas on one line those with this code, first the one in its very columns.

    The columns alone do not do: in 3.12 `lambda: 0` has none. So each lambda is moved to a line
    of its own while its statement is compiled again.
    """
    flags = code.co_flags & _FUTURE | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    far = 1_000_000
    same: list[tuple[Any, str]] = []
    for node, class_name in lambdas:
        ast.increment_lineno(node, far)
        try:
            with deep_recursion():
                module = compile(ast.Module(statements, []), "", "exec", flags, dont_inherit=True)
        finally:
            ast.increment_lineno(node, -far)
        moved = [c for c in _with_inner(module) if c.co_firstlineno == code.co_firstlineno + far]
        # The first is the outermost; there is none where Python drops dead code.
        if moved and _content(moved[0]) == _content(code):
            here = moved[0].co_linetable == code.co_linetable
            same.insert(0 if here else len(same), (node, class_name))
    return same


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _covers(node: Any, line: int) -> bool:
    return not hasattr(node, "lineno") or _first_line(node) <= line <= node.end_lineno


def _first_line(node: Any) -> int:
    """The line on which the compiled code starts: a decorator's, if there is one."""
    decorators = getattr(node, "decorator_list", [])
    return decorators[0].lineno if decorators else node.lineno


def _mangle(tree: gast.AST, class_name: str) -> gast.AST:
    """`self.__x` in a method of `Model` becomes `self._Model__x`, as Python compiles it.

    The keywords of a call stay as they are.
    """

    def mangled(name: Any) -> Any:
        private = isinstance(name, str) and name.startswith("__") and not name.endswith("__")
        return f"_{class_name.lstrip('_')}{name}" if private else name

    todo = [tree] if class_name.strip("_") else []
    for node in todo:  # grows as we go
        for key in {"id", "attr", "name", "rest"} & set(node._fields):
            setattr(node, key, mangled(getattr(node, key)))
        if isinstance(node, gast.Global | gast.Nonlocal):
            node.names = [mangled(name) for name in node.names]
        # A class within mangles with its own name.
        todo += [c for c in gast.iter_child_nodes(node) if not isinstance(c, gast.ClassDef)]
    return tree
