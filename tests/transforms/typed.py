"""Texts with kinds, and the compiler's passes as functions from block to block.

becomes(gradient, before, after)       values of `before` have the kinds that inference gives
printed(specialized(f, x))             the linear IR of a function at these arguments
"""

import ast
import inspect
import textwrap
from types import SimpleNamespace

import srcdiff.runtime.rules  # noqa: F401  (registers the rules)
from srcdiff.transforms import abstract, pipeline
from srcdiff.transforms.bufferize import bufferize
from srcdiff.transforms.dead_code import dead_code
from srcdiff.transforms.emit import emit
from srcdiff.transforms.ir import STRUCTURAL, leaf_kind, map_tree
from srcdiff.transforms.kinds import INT, OBJECT, Kind
from srcdiff.transforms.lower import lower
from srcdiff.transforms.parse import parse
from srcdiff.transforms.printer import print_source
from srcdiff.transforms.reverse import reverse
from srcdiff.transforms.specialize import Specializer, expander
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import check

SAME = ("setitem", "add_at", "copy", "identity", "list_append", "list_add", "list_setitem")


def kinds(instr):
    """The kinds of an operation's results."""
    if instr.op in SAME:
        return [leaf_kind(instr.args[0])]
    if instr.op == "shape":
        return [INT]
    if instr.op is list:
        rows = leaf_kind(instr.args[0])
        return [Kind("list", items=(rows._replace(shape=rows.shape[1:]),))]
    if instr.op == "list_pop" and instr.args[0].kind.items:
        return [instr.args[0].kind, instr.args[0].kind.items[0]]
    if instr.effect or instr.op in STRUCTURAL and instr.op != "getitem":
        return [OBJECT for _ in instr.results]
    args, kwargs = (map_tree(lambda v: v.kind, tree) for tree in (instr.args, instr.kwargs))
    found = abstract.infer(instr.op, args, kwargs)
    return [found or OBJECT for _ in instr.results]


def becomes(pass_, before, after):
    check(pass_, before, after, kinds=kinds)


def gradient(block):
    """Of a program that returns `s, x, y`: the adjoint of s for x and y (a seed is `d_out`)."""
    out, *wrt = block.results
    seed = next((p for p in block.params if p.name == "d_out"), 1.0)
    block, found = reverse(block, {out: seed}, wrt, expander(Specializer()))
    return dead_code(block.replace(results=tuple(found)))


def buffered(block):
    """The program with its updates in place, and all that it returns fresh."""
    block, found = bufferize(block.replace(results=()), list(block.results))
    return block.replace(results=tuple(found))


def source(text, user=()):
    """The function that a program with one result is printed as."""
    block = verify(parse_text(text, kinds=kinds, user=user))
    parameters = ast.parse(f"def f({', '.join(p.name for p in block.params)}): pass").body[0].args
    access = {p: ast.Name(p.name) for p in block.params}
    nobody = SimpleNamespace(globals={}, cells={})
    emitted = emit(block, "f", parameters, access, lambda expr: expr(block.results[0]), nobody)
    return print_source(emitted.tree)


def lowered(f):
    return lower(parse(f)).body


def specialized(f, *args):
    names = inspect.signature(f).parameters
    request = pipeline.Request(parse(f), dict(zip(names, args, strict=True)), ())
    arguments, _, found = pipeline.specialized(request)
    return verify(dead_code(found.block.replace(params=tuple(arguments.params))))


def same(got, wanted):
    assert str(got).strip() == textwrap.dedent(wanted).strip()
