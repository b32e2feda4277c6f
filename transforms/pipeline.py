"""The pipeline: from a function and one signature to the generated function.

parse → lower → specialize → reverse → optimize → save → bufferize → emit → print → exec
"""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import srcdiff.runtime.rules  # noqa: F401  (registers the rules)
from srcdiff.runtime.errors import (
    NonScalarOutputError,
    NotDifferentiableTypeError,
    SrcdiffError,
    UnknownArgumentError,
    UnsupportedSyntaxError,
)  # fmt: skip
from srcdiff.runtime.plain_objects import attributes, instance, is_plain_object
from srcdiff.runtime.registry import DECLARED
from srcdiff.transforms import abstract
from srcdiff.transforms.branches import branches
from srcdiff.transforms.broadcasts import expected_shapes
from srcdiff.transforms.bufferize import bufferize
from srcdiff.transforms.calls import NeedsObservation
from srcdiff.transforms.checkpoint import checkpoints, schedule
from srcdiff.transforms.common_subexpressions import common_subexpressions, same_tests
from srcdiff.transforms.composed_views import composed_views
from srcdiff.transforms.counters import counters
from srcdiff.transforms.dead_code import dead_code
from srcdiff.transforms.emit import Shared, emit, emit_half
from srcdiff.transforms.exits import exits
from srcdiff.transforms.finished import finished_reads
from srcdiff.transforms.fold import fold
from srcdiff.transforms.forward import forward
from srcdiff.transforms.halves import (
    Half,
    NeedsHalves,
    Pushed,
    PushedTwice,
    Separate,
    find_active,
    finished_calls,
    reached,
)
from srcdiff.transforms.int_powers import int_powers
from srcdiff.transforms.ir import (
    Attributes,
    Block,
    Instr,
    Value,
    flatten,
    leaf_kind,
    map_tree,
    substitute,
)  # fmt: skip
from srcdiff.transforms.kinds import (
    INT,
    Kind,
    Size,
    is_undecided,
    kind_of,
    proven_not_one,
    proven_one,
)
from srcdiff.transforms.last_of_step import last_of_step
from srcdiff.transforms.leaves import drop_leaves
from srcdiff.transforms.linemap import build, line_map
from srcdiff.transforms.mutation import NeedsChoice, NeedsUnrolling
from srcdiff.transforms.names import written_name
from srcdiff.transforms.outside import NeedsOutside, Structure
from srcdiff.transforms.parse import Parsed
from srcdiff.transforms.printer import print_source
from srcdiff.transforms.recompute import recompute
from srcdiff.transforms.references import (
    Array,
    Buffer,
    Cell,
    Dict,
    Fields,
    Guard,
    Known,
    List,
    Object,
    Plain,
    Ref,
    State,
    Tuple,
)  # fmt: skip
from srcdiff.transforms.residuals import plain_calls
from srcdiff.transforms.reverse import addition, reverse
from srcdiff.transforms.saving import save_trails
from srcdiff.transforms.scalars import divided_by_sizes, has_effects, python_scalars
from srcdiff.transforms.specialize import (
    UNROLL,
    NeedsConstant,
    Specialized,
    Specializer,
    expander,
    lowered_of,
    specialize,
)  # fmt: skip
from srcdiff.transforms.sums_in_branches import sums_in_branches
from srcdiff.transforms.taped_calls import TapedCall
from srcdiff.transforms.vmap import vmap
from srcdiff.transforms.zero_stores import zero_stores

__all__ = ["Compiled", "NeedsObservation", "Request", "compile", "linear"]

SEQUENCE = 32  # a list of more floats than this is one value, not one for each element


# Called with the name and the result of each pass, whoever compiles: tests put the verifier here.
CHECKS: list[Callable[[str, Block], Any]] = []


class Request(NamedTuple):
    """What is wanted of a function for one signature.

    arguments   parameter → live argument, as the call bound it
    wrt         ("argument", parameter, *steps), ("self", name, *steps) or ("local", name), one for
                each gradient
    single      one gradient is returned bare, not in a tuple
    seed        "one" (a scalar output), "ones" (every element), "argument" (a parameter d_out);
                "tangent": forward mode, with a parameter x_dot for each entry of wrt;
                "none": nothing is differentiated
    scalars     loops may run on Python's numbers (see `python_scalars`)
    is_object   whether an object is a container of its attributes
    observed    helper → the kind of what it returned on the tape; None: helpers are not taped
    moving      parameter, or an entry of wrt that leads into one or into self → its tangent as the
                call gives it: None where there is none; with another seed than "tangent", the
                derivative of the gradient along it is made
    checkpoint  the schedule of the snapshots of loops: see `checkpoint`
    many        seeds (d_out, tangents) have a leading axis, and so have the derivatives
    axes        with the seed "none", the function itself is made for many examples: path of a
                leaf of the arguments, which are those of one example → the axis of the examples
    out_axes    where that axis is in what is returned: an int, None for what is the same for all
                examples, or a tree of these like the output, or like the upper part of it
    """

    parsed: Parsed
    arguments: dict[str, Any]
    wrt: tuple[tuple, ...]
    seed: str = "one"
    value: bool = False
    has_aux: bool = False
    unroll: int | None = None
    training: bool = False
    single: bool = False
    scalars: bool = True
    observed: dict[Any, Kind | None] | None = None
    is_object: Callable[[Any], bool] = is_plain_object
    moving: dict[str | tuple, Any] = {}
    checkpoint: Any = None
    many: bool = False
    axes: dict[tuple, int] = {}
    out_axes: Any = 0


class Compiled(NamedTuple):
    """A generated function and what it was made from.

    source    None for a function that runs on the tape; `ir` is then the error that says why
    lines     generated line → the site in the user's source that it came from
    taped     (helper, why the compiler refuses it) of each helper that runs on the tape
    kept      why a loop keeps all its steps although snapshots were asked for, an error each
    writes_outside   whether it writes into arrays that lie outside the function
    careful   makes the variant that computes on NumPy's scalars throughout and sums what may have
              been broadcast, to be called when the function raises an ArithmeticError or a
              ValueError; None if there is no second run
    """

    function: Callable
    source: Any
    ir: Any
    guards: tuple[Guard, ...]
    writes_arguments: bool
    lines: dict[int, Any]
    output_kind: Any
    careful: Callable[[], Callable] | None = None
    taped: tuple[tuple[Callable, SrcdiffError], ...] = ()
    writes_outside: bool = False
    kept: tuple[SrcdiffError, ...] = ()


def compile(request: Request, inspect: Callable[[str, Block], Any] | None = None) -> Compiled:
    """Generate the gradient function that a request describes.

    inspect   called with the name and the result of each pass
    """
    collecting = gc.isenabled()
    gc.disable()  # nothing that is made here is garbage until the end: collecting is quadratic
    static: frozenset = frozenset()
    try:
        while True:
            try:
                return generate(request, inspect, static)
            except NeedsConstant as need:  # an axis that only the adjoint must know
                static |= need.paths
            except RecursionError:
                what = f"`{request.parsed.function.__name__}` calls functions in functions too deep"
                raise UnsupportedSyntaxError(what) from None
    finally:
        if collecting:
            gc.enable()


def generate(
    request: Request,
    inspect: Callable[[str, Block], Any] | None = None,
    static: frozenset = frozenset(),
) -> Compiled:
    """Generate the gradient function that a request describes.

    inspect   called with the name and the result of each pass
    static    paths of int arguments that must be constants
    """

    def record(name: str, block: Block) -> Block:
        for look in (*CHECKS, *([] if inspect is None else [inspect])):
            look(name, block)
        return block

    derive = {"tangent": tangents, "none": values}.get(request.seed, gradients)
    choices: frozenset = frozenset()
    while True:
        arguments, run, primal = specialized(request, static, choices)
        try:
            derived = derive(request, arguments, run, primal, record)
            break
        except NeedsChoice as need:  # a rule makes an array of what may be an int
            choices = run.choices | need.sites
    if request.many or request.axes:
        derived = for_many(derived, request, arguments, run, record)
    block, count, halves = derived.block, derived.count, derived.halves
    once = has_effects(block) or request.seed == "argument"  # there is no second run
    fast = block if once else record("expected_shapes", expected_shapes(block))
    again = fast is not block
    kept: list[SrcdiffError] = []
    again_from = functools.partial(checkpointed, schedule(request.checkpoint), kept)
    for pass_ in (dead_code, finished_reads, again_from, save_trails, dead_code):
        fast = record(getattr(pass_, "__name__", "checkpoints"), pass_(fast))
    again = again or divided_by_sizes(fast) is not fast
    if request.scalars:
        saved, fast = fast, record("python_scalars", python_scalars(fast))
        again = again or fast is not saved
    signature = arguments.signature()
    helpers = [(half, *both_halves(half, expanding(run), record, again_from)) for half in halves]
    # A careful variant may be made later: until then no array is to be kept alive.
    request = request._replace(arguments={}, moving=dict.fromkeys(request.moving))
    arguments.request = request

    def finish(block: Block) -> tuple[Callable, str, Block, dict[int, Any]]:
        block = record("sums_in_branches", sums_in_branches(block))
        made = list(block.results[count:])
        block, made = bufferize(block.replace(results=block.results[:count]), made)
        ir = record("bufferize", last_of_step(block.replace(results=(*block.results, *made))))

        def output(expr: Callable) -> ast.expr:
            return derived.output(request, ir.results, expr)

        parsed, like = request.parsed, request.parsed.function
        shared = Shared([*(helper for _, helper, _ in helpers), ir])
        shared.users.add(name_of(request))
        trees = [emit_half(helper, half, half.params, cotangents, parsed, shared)
                 for half, helper, cotangents in helpers]  # fmt: skip
        emitted = emit(ir, name_of(request), signature, arguments.access, output, parsed, shared)
        trees.append(emitted.tree)
        source = "\n\n".join(map(print_source, trees))
        bound = {k: v for k, v in emitted.bound.items() if not isinstance(v, Half)}
        function = build(source, emitted.tree, bound, emitted.cells, like.__globals__, like)
        return function, source, ir, line_map(source, trees)

    def careful() -> Callable:
        careful = save_trails(again_from(finished_reads(divided_by_sizes(block))))
        return finish(dead_code(careful))[0]

    function, source, ir, lines = finish(fast)
    again = again and not has_effects(block)
    return Compiled(function, source, ir, tuple(run.guards), primal.writes_arguments, lines,
                    derived.kind, careful if again else None, tuple(run.taped),
                    bool(run.own_array), tuple(kept))  # fmt: skip


def checkpointed(plan: Any, kept: list[SrcdiffError], block: Block) -> Block:
    """The program with its reverse sweeps running from snapshots, and calling again what was given
    to `checkpoint`; `kept` gets why a loop does not."""
    if plan is None:
        return recompute(block)
    left: list[tuple[Instr, str]] = []
    block = recompute(dead_code(checkpoints(block, plan, left)))
    kept += (UnsupportedSyntaxError(
        f"this loop cannot be run again from snapshots: {why}",
        loop.where and loop.where.location, "Take that out of the loop, or leave `checkpoint` out.")
        for loop, why in left)  # fmt: skip
    return block


class Derived(NamedTuple):
    """A program that computes derivatives.

    block    its results are values of the function, then derivatives: fresh arrays
    count    how many of the results are values
    halves   the helpers that are compiled by themselves
    kind     of the function's output
    output   `output(request, results, expr)` is the expression that is returned
    """

    block: Block
    count: int
    halves: list[Half]
    kind: Any
    output: Callable[[Request, tuple, Callable], ast.expr]


def gradients(request: Request, arguments: Arguments, run: Specializer, primal: Specialized,
              record: Callable) -> Derived:  # fmt: skip
    """The function's adjoint; with `moving`, the tangent of that."""
    wanted = [arguments.wanted(entry, run) for entry in request.wrt]
    wrt = list(dict.fromkeys(v for tree in wanted for v in flatten(tree)))
    out, _ = split_output(primal.output, request)
    returned, aux = split_output(primal.returned, request)
    seeding = Seeding.of(request, out, arguments, run.returned_at)
    dots = arguments.tangents(run)
    seeded = tuple(seeding.seeds)
    block = primal.block.replace(
        params=tuple(arguments.params), results=(primal.returned, *wrt, *seeded)
    )  # fmt: skip
    block = record("specialize", prepared(block))
    kept = len(block.results) - len(seeded)
    seeding.rename(dict(zip(seeded, block.results[kept:])))
    block = block.replace(results=block.results[:kept])
    find_active(block, wrt, seeding.seeds)
    halves = reached(block)
    block = finished_calls(block)
    expand = expanding(run, names=not request.moving)
    block, found = reverse(block, seeding.seeds, wrt, expand, seeding.instrs)
    block = reading_outside(block, run)
    value = (primal.returned if request.has_aux else returned,) if request.value else (
        (aux,) if request.has_aux else ())  # fmt: skip
    block = record("reverse", block.replace(results=(*value, *found)))
    for pass_ in (drop_leaves, dead_code, plain_calls, common_subexpressions, fold, zero_stores,
                  branches, counters, dead_code):  # fmt: skip
        block = record(pass_.__name__, pass_(block))
    count = len(value)
    if request.moving:
        pushed = {half: pushed_twice(half, expand, record) for half in halves if half.active}
        expand = expanding(run)
        for half, push in pushed.items():
            push.block = with_second(half, push, expand, pushed, record)
        halves = [pushed.get(half, half) for half in halves]
        inner = block.replace(results=block.results[count:])
        block = reading_outside(forward(inner, dots, expand, expand.transpose, halves=pushed),
                                run)  # fmt: skip
        block = block.replace(results=(*value, *block.results[len(wrt) :]))
        block = record("forward", dead_code(block))
        for pass_ in (common_subexpressions, fold, branches, counters, dead_code):
            block = record(pass_.__name__, pass_(block))

    def output(request: Request, results: tuple, expr: Callable) -> ast.expr:
        found = dict(zip(wrt, results[count:]))
        trees = [arguments.gradient_expr(tree, found, expr) for tree in wanted]
        result = trees[0] if request.single else ast.Tuple(trees)
        if request.value:
            return ast.Tuple([expr(results[0]), result])
        return ast.Tuple([result, expr(results[0])]) if request.has_aux else result

    return Derived(block, count, halves, seeding.kind, output)


def tangents(request: Request, arguments: Arguments, run: Specializer, primal: Specialized,
             record: Callable) -> Derived:  # fmt: skip
    """The function and its tangent."""
    dots = arguments.tangents(run)
    out, aux = split_output(primal.returned, request)
    params = tuple(arguments.params)
    block = primal.block.replace(params=params, results=(out, *([aux] * request.has_aux)))
    block = record("specialize", prepared(block))
    expand = expanding(run)
    find_active(block, dots, flatten(out))
    pushed = {half: Pushed(half) for half in reached(block) if half.active}
    for half in reached(block):
        half.active = set()
    for half, push in pushed.items():
        assert half.block is not None
        inner = finished_calls(prepared(half.block))
        inner = Block(tuple(push.params), inner.instrs, inner.results)
        moving = dict(zip((half.params[i] for i in push.moving), push.params[len(half.params) :]))
        push.block = forward(inner, moving, expand, expand.transpose, halves=pushed)
    block = forward(finished_calls(block), dots, expand, expand.transpose, 1, pushed)
    block = reading_outside(block, run)
    *value, tangent = block.results
    leaves = list(dict.fromkeys(flatten(tangent)))
    objects = [v for v in leaves if not v.kind.numeric and v.kind.tag != "list"]
    fresh = [v for v in leaves if v.kind.numeric or v.kind.tag == "list"]
    block = record("forward", dead_code(block.replace(results=(*value, *objects, *fresh))))
    for pass_ in (drop_leaves, common_subexpressions, branches, counters, dead_code):
        block = record(pass_.__name__, pass_(block))
    count = len(value) + len(objects)

    def output(request: Request, results: tuple, expr: Callable) -> ast.expr:
        found = dict(zip((*objects, *fresh), results[len(value) :]))
        parts = [results[0], map_tree(found.__getitem__, tangent), *results[1 : len(value)]]
        return ast.Tuple([expr(part) for part in parts])

    kind = kinds(split_output(primal.output, request)[0])
    return Derived(block, count, reached(block), kind, output)


def reading_outside(block: Block, run: Specializer) -> Block:
    """The program with the readings of what lies outside that rules have brought along."""
    missing = set(block.free) - set(block.params)
    first: list[Instr] = []
    for instr in reversed(run.prologue):
        if not missing.isdisjoint(instr.results):
            first.append(instr)
            missing.update(instr.reads)
    return block.replace(instrs=(*reversed(first), *block.instrs)) if first else block


def expanding(run: Specializer, names: bool = True) -> Any:
    """How rules are written into a program, forwards and transposed."""
    expand = expander(run, names)
    expand.transpose = transposer(expand)
    return expand


def values(request: Request, arguments: Arguments, run: Specializer, primal: Specialized,
           record: Callable) -> Derived:  # fmt: skip
    """The function itself: a result for each number and array in what it returns."""
    leaves: list = []
    axes: list = []
    makers = {instr.results[0]: instr for instr in primal.block.instrs
              if instr.attrs.get("made") and isinstance(instr.op, type)}  # fmt: skip
    tree = numbered(primal.returned, request.out_axes, leaves, axes, makers)
    block = primal.block.replace(params=tuple(arguments.params), results=tuple(leaves))
    block = finished_calls(record("specialize", prepared(block)))

    def output(request: Request, results: tuple, expr: Callable) -> ast.expr:
        seen: set = set()

        def of(tree: Any) -> ast.expr:
            if type(tree) is Place:
                found = results[tree]
                if found in seen:  # no two results share memory
                    return ast.Call(expr(np.copy), [expr(found)], [])
                seen.add(found)
                return expr(found)
            if isinstance(tree, dict):
                return ast.Dict([expr(k) for k in tree], [of(part) for part in tree.values()])
            if isinstance(tree, Made):
                named = [ast.keyword(name, of(part)) for name, part in tree.named.items()]
                return ast.Call(expr(tree.cls), [of(part) for part in tree.parts], named)
            if isinstance(tree, (tuple, list)):
                parts = [of(part) for part in tree]
                return ast.List(parts) if isinstance(tree, list) else ast.Tuple(parts)
            return expr(tree)

        return of(tree)

    return Derived(block, 0, reached(block), tuple(axes), output)


class Place(int):
    """The place of a leaf among the results of a program."""


class Made(NamedTuple):
    """A namedtuple or an object that is returned: its class, and what that is called with."""

    cls: type
    parts: tuple
    named: dict[str, Any]


def numbered(tree: Any, axes: Any, leaves: list, found: list, makers: dict[Value, Instr]) -> Any:
    """An output with the place of each leaf; `found` gets the axis of the examples in it.

    makers   what makes the namedtuples and objects in it, which are taken apart
    """
    if isinstance(tree, dict):
        inner = [axes.get(k, 0) if isinstance(axes, dict) else axes for k in tree]
        return {k: numbered(part, a, leaves, found, makers)
                for (k, part), a in zip(tree.items(), inner)}  # fmt: skip
    if isinstance(tree, Value) and tree in makers:
        made = makers[tree]
        return Made(made.op, numbered(made.args, axes, leaves, found, makers),
                    numbered(made.kwargs, axes, leaves, found, makers))  # fmt: skip
    if isinstance(tree, (tuple, list)):
        each = axes if isinstance(axes, (tuple, list)) else [axes] * len(tree)
        if len(each) != len(tree):
            raise SrcdiffError(f"out_axes has {len(each)} entries, but {len(tree)} are returned")
        return type(tree)([numbered(part, a, leaves, found, makers)
                           for part, a in zip(tree, each)])  # fmt: skip
    if tree is None:
        return None
    leaves.append(tree)
    found.append(axes)
    return Place(len(leaves) - 1)


BATCH = Size("/batch.0")  # the number of examples; no argument has a length of that name


def for_many(derived: Derived, request: Request, arguments: Arguments, run: Specializer,
             record: Callable) -> Derived:  # fmt: skip
    """A program for one example or one seed as the program for many of them."""
    block, moved, params, instrs = derived.block, {}, {}, []
    places = {arguments.leaf_of[path]: axis for path, axis in request.axes.items()}
    known = set(arguments.leaf_of.values())
    for p in block.params:
        if p in known and p not in places:
            continue
        axis = places.get(p, 0)
        kind = p.kind
        if not kind.numeric or kind.dims is None:
            raise UnsupportedSyntaxError(f"many of `{p.name}` at once")
        dims = (*kind.dims[:axis], BATCH, *kind.dims[axis:])
        params[p] = moved[p] = Value(p.name, Kind("array", kind.dtype, dims), p.user)
        arguments.access[moved[p]] = arguments.access[p]
        if axis:
            moved[p] = Value(p.name, Kind("array", kind.dtype, (BATCH, *kind.dims)), p.user)
            instrs.append(Instr(np.moveaxis, (params[p], axis, 0), None, (moved[p],)))
    axes = derived.kind if request.axes else ()
    spread = None
    if request.many or None in axes:
        spread = [k for k in range(len(block.results))
                  if (k >= derived.count if request.many else axes[k] is not None)]  # fmt: skip
    own = bool(request.axes)
    block = vmap(block, moved, BATCH, expander(run), spread, own, watched=own)
    results = list(block.results)
    instrs += block.instrs
    for k, axis in enumerate(axes):
        if axis and (axis, results[k].kind.rank) != (-1, 1):
            kind = abstract.infer(np.moveaxis, (results[k].kind, 0, axis), {})
            turned = Value(results[k].name, kind or results[k].kind, results[k].user)
            instrs.append(Instr(np.moveaxis, (results[k], 0, axis), None, (turned,)))
            results[k] = turned
    block = Block(tuple(params.get(p, p) for p in derived.block.params), instrs, tuple(results))
    block = record("vmap", dead_code(block))
    for pass_ in (common_subexpressions, fold, zero_stores, branches, counters, dead_code):
        block = record(pass_.__name__, pass_(block))
    return derived._replace(block=block)


def transposer(expand: Callable) -> Callable:
    """What `forward` transposes with: reverse mode, of a few instructions."""

    def transpose(instrs: list[Instr], seeds: dict[Value, Any], wrt: list[Value]) -> tuple:
        block, found = reverse(Block((), instrs, ()), seeds, wrt, expand)
        block = block.replace(results=tuple(found))
        for pass_ in (dead_code, common_subexpressions, fold, dead_code):
            block = pass_(block)
        return [i for i in block.instrs if i.op != "adjoint"], block.results

    return transpose


def prepared(block: Block) -> Block:
    """The linear IR as it is differentiated."""
    for pass_ in (dead_code, composed_views, int_powers, same_tests, branches, exits, branches,
                  counters):  # fmt: skip
        block = pass_(block)
    return block


def linear(request: Request) -> tuple[Block, dict[tuple, Value]]:
    """The linear IR of a function, whose one result is what it returns, and the parameter that
    stands for the number or array at the end of each path into the arguments."""
    arguments, _, primal = specialized(request)
    returned, _ = split_output(primal.returned, request)
    block = primal.block.replace(params=tuple(arguments.params), results=(returned,))
    return prepared(block), arguments.leaf_of


def both_halves(half: Half, expand: Callable, record: Callable,
                again_from: Callable) -> tuple[Block, list[Value]]:  # fmt: skip
    """The forward half and the adjoint of a helper in one block, and its cotangents."""
    assert half.block is not None
    if isinstance(half, PushedTwice):
        block, cotangents = half.block, half.cotangents
        count = len(block.results) - len(half.active)
    elif isinstance(half, Pushed):
        return with_tangents(half, record), []
    else:
        block, cotangents = with_adjoint(half, expand, record)
        count = len(half.block.results)
    for pass_ in (again_from, save_trails, dead_code):
        block = record(getattr(pass_, "__name__", "checkpoints"), pass_(block))
    block = record("sums_in_branches", sums_in_branches(block))
    gradients = list(block.results[count:])
    block = block.replace(results=block.results[:count])
    block, gradients = bufferize(block, gradients, cotangents)
    block = last_of_step(block.replace(results=(*block.results, *gradients)))
    return record("bufferize", block), cotangents


def with_adjoint(half: Half, expand: Callable, record: Callable) -> tuple[Block, list[Value]]:
    """A helper and its adjoint, before anything is saved, and its cotangents."""
    assert half.block is not None
    block = record("specialize", finished_calls(prepared(half.block)))
    values = block.results
    cotangents, seeds, first = cotangents_of(half)
    gradients: list = []
    if half.active:
        wanted = [half.params[i] for i in sorted(half.active)]
        block, gradients = reverse(block, seeds, wanted, expand, first)
    params = (*half.params, *cotangents)
    block = record("reverse", Block(params, block.instrs, (*values, *gradients)))
    for pass_ in (drop_leaves, dead_code, plain_calls, common_subexpressions, fold, zero_stores,
                  dead_code):  # fmt: skip
        block = record(pass_.__name__, pass_(block))
    return block, cotangents


def pushed_twice(half: Half, expand: Callable, record: Callable) -> PushedTwice:
    """What is called instead of a helper; its block, as yet, is that of helper and adjoint."""
    block, cotangents = with_adjoint(half, expand, record)
    push = PushedTwice(half, cotangents)
    push.block = block
    return push


def with_second(half: Half, push: PushedTwice, expand: Callable, pushed: dict[Half, PushedTwice],
                record: Callable) -> Block:  # fmt: skip
    """A helper and its adjoint with their tangents: the first half ends where it did."""
    assert push.block is not None
    count, given = len(half.kinds), len(push.cotangents) // 2
    moving = dict(zip((half.params[i] for i in push.moving), push.params[len(half.params) :]))
    moving |= dict(zip(push.cotangents[:given], push.cotangents[given:]))
    inner = push.block.replace(params=(*push.params, *push.cotangents))
    block = forward(inner, moving, expand, expand.transpose, halves=pushed)
    results = block.results[: len(inner.results)]
    dots = block.results[len(inner.results) :]
    dots_of_values = [dots[i] for i in push.with_dot]
    instrs, late = [], []  # type: tuple[list, list]
    marker = next((k for k, i in enumerate(block.instrs) if i.op == "adjoint"), 0)
    for k, instr in enumerate(block.instrs):  # zeros of values that do not move
        (late if k > marker and any(r in dots_of_values for r in instr.results)
         else instrs).append(instr)  # fmt: skip
    instrs[marker:marker] = late
    results = (*results[:count], *dots_of_values, *results[count:], *dots[count:])
    block = record("forward", dead_code(Block(block.params, instrs, results)))
    for pass_ in (common_subexpressions, fold, zero_stores, dead_code):
        block = record(pass_.__name__, pass_(block))
    return block


def with_tangents(half: Pushed, record: Callable) -> Block:
    """A helper and its tangents."""
    assert half.block is not None
    count = len(half.kinds)
    values, dots = half.block.results[:count], half.block.results[count:]
    block = half.block.replace(results=(*values, *(dots[i] for i in half.with_dot)))
    block = record("forward", dead_code(block))
    for pass_ in (common_subexpressions, branches, counters, dead_code, save_trails, dead_code):
        block = record(pass_.__name__, pass_(block))
    return record("bufferize", last_of_step(bufferize(block, [])[0]))


def cotangents_of(half: Half) -> tuple[list[Value], dict[Value, Any], list[Instr]]:
    """The cotangents of what a helper returns, the seeds that they are, and what makes these."""
    cotangents, seeds, first = [], {}, []  # type: tuple[list, dict, list]
    if not half.active:
        return cotangents, seeds, first
    assert half.block is not None
    at = half.with_cotangent
    for i in at:
        out = half.block.results[i]
        kind = leaf_kind(out)
        d = Value("d_out" if len(at) == 1 else f"d_out_{i}",
                  kind._replace(python=None) if kind.tag == "scalar" else kind, True)  # fmt: skip
        cotangents.append(d)
        if not isinstance(out, Value):
            continue
        if out in seeds:
            total = Value("d_out", d.kind)
            first.append(Instr(addition(d.kind), (seeds[out], d), None, (total,)))
            d = total
        seeds[out] = d
    return cotangents, seeds, first


def specialized(
    request: Request, static: frozenset = frozenset(), choices: frozenset = frozenset()
) -> tuple[Arguments, Specializer, Specialized]:
    """The linear IR of the function, once it is known what of the arguments must be static."""
    shared = False
    separate = Separate()
    refused: UnsupportedSyntaxError | None = None
    places: dict[tuple, Any] = {}
    while True:
        arguments = Arguments(request, shared, static)
        unroll = UNROLL if request.unroll is None else request.unroll
        run = Specializer(unroll, request.training)
        run.observed, run.on_tape = request.observed, TapedCall
        run.differentiate, run.push, run.batch = differentiate, push, batch
        run.forward = request.seed == "tangent"
        run.saves_pairs = not run.forward and not request.moving
        run.guards += arguments.guards
        run.guards.append(Guard(("object", DECLARED), DECLARED.count, "count"))
        run.choices, run.as_slices = choices, refused is not None
        run.outside_places = places
        run.is_object = request.is_object
        run.wanted_outside = [
            way_to(request.parsed.bound_self, e[2:]) for e in request.wrt if e[0] == "self"
        ]
        run.separate = separate
        run.arguments = {v: path for path, v in arguments.leaf_of.items() if v.kind == INT}
        try:
            primal = specialize(run, request.parsed, arguments.refs, arguments.state,
                                arguments.params)  # fmt: skip
        except NeedsConstant as need:  # an int that fixes a rank, an axis or a trip count
            static |= need.paths
            continue
        except NeedsChoice as need:  # an array is written that a merged name could be
            choices |= need.sites
            continue
        except NeedsOutside as need:  # what was taken for a constant is written
            places[need.place.key] = need.place
            continue
        except NeedsHalves as need:  # a function that calls itself, or what it is given has changed
            if need.lowered is not None:
                separate.functions.add(need.lowered)
            continue
        except NeedsUnrolling as error:  # no loop could be unrolled that would have helped
            if error.site is not None:
                choices |= {error.site}
                continue
            raise UnsupportedSyntaxError(error.what, error.where, error.instead) from None
        except UnsupportedSyntaxError as error:  # perhaps a view that is written is one of several
            if refused is None and run.saw_parts:
                refused = error
                continue
            raise refused or error from None
        if primal.writes_arguments and arguments.twice and not shared:
            shared = True  # then one array is one buffer
            continue
        return arguments, run, primal


def name_of(request: Request) -> str:
    name = written_name(request.parsed.function)
    if request.axes:
        return f"{name}_vmap"
    if request.many:
        return f"{name}_hessian" if request.moving and request.seed == "one" else f"{name}_jacobian"
    if request.seed == "tangent":
        return f"{name}_jvp"
    if request.moving:
        return f"{name}_hvp"
    suffix = "vjp" if request.seed == "argument" else "grad"
    return f"{name}_value_and_grad" if request.value and suffix == "grad" else f"{name}_{suffix}"


class Arguments:
    """The arguments of a call, taken apart: a value for each number and array in them."""

    def __init__(self, request: Request, shared: bool = False, static: frozenset = frozenset()):
        self.request = request
        self.static = static  # paths of the ints that are constants
        self.guards: list[Guard] = []
        self.shared = shared
        self.twice = False  # one array is passed as two arguments
        self.parsed = request.parsed
        self.lowered = lowered_of(self.parsed)
        self.state = State({}, {})
        self.params: list[Value] = []
        self.shapes: dict[Value, tuple] = {}
        self.access: dict[Value, ast.expr] = {}
        self.leaf_of: dict[tuple, Value] = {}
        self.same: dict[int, Array] = {}
        self.objects: dict[int, tuple] = {}
        self.again: dict[tuple, tuple] = {}  # path of an object that is met again → the first
        self.returned: set[Value] = set()
        self.refs: dict[str, Ref] = {}
        self.trees: dict[str, Any] = {}
        self.extra: list[ast.arg] = []
        # Parameter → what follows it; "" → what comes first, as it follows a bound self.
        self.beside: dict[str, list[ast.arg]] = {}
        for name, obj in request.arguments.items():
            self.refs[name] = self.ref(obj, (name,), ast.Name(name))

    def ref(self, obj: Any, path: tuple, access: ast.expr) -> Ref:
        """The reference to an argument, with a parameter value for each leaf."""
        kind = type(obj)
        if kind is np.ndarray:
            known = self.same.get(id(obj))
            self.twice = self.twice or known is not None
            if known is not None and self.shared:
                self.leaf_of[path] = self.state.memory[known.buffer]
                return known
            value = self.leaf(obj, path, access)
            buffer = Buffer(value.name, "argument")
            flags = obj.flags
            buffer.order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else ""
            buffer.proof = tuple(
                Guard(("argument", *path, ("attr", "flags"), ("attr", name)), found, "equal")
                for name, found in (("c_contiguous", flags.c_contiguous),
                                    ("f_contiguous", flags.f_contiguous))[: 2 - flags.c_contiguous]
            )  # fmt: skip
            self.state.memory[buffer] = value
            self.same[id(obj)] = Array(buffer)
            return Array(buffer)
        if path in self.static and path in self.request.axes:
            raise UnsupportedSyntaxError(
                f"`{path_name(path)}`, which decides a rank or an axis, differs between examples"
            )
        if path in self.static:
            self.guards.append(Guard(("argument", *path), obj, "equal"))
            return Known(obj)
        if (
            kind in (int, float, complex)
            or isinstance(obj, np.generic)
            and obj.dtype.kind in "biufc"
        ):
            return Plain(self.leaf(obj, path, access))

        def inner(key: Any, part: Any) -> Ref:
            return self.ref(part, (*path, key), ast.Subscript(access, ast.Constant(key)))

        if kind is list and len(obj) > SEQUENCE and all(type(x) is float for x in obj):
            value = Value(path_name(path), Kind("list", items=(kind_of(0.0),)), True)
            self.note(value, path, access)
            cell = Cell(value.name)
            self.state.memory[cell] = Plain(value)
            return List(cell)
        if kind is list:
            cell = Cell(path_name(path))
            self.state.memory[cell] = tuple(inner(i, x) for i, x in enumerate(obj))
            return List(cell)
        if kind is dict:
            cell = Cell(path_name(path))
            self.state.memory[cell] = {k: inner(k, x) for k, x in obj.items()}
            return Dict(cell)
        if isinstance(obj, tuple):
            return Tuple(tuple(inner(i, x) for i, x in enumerate(obj)), kind)
        if self.request.is_object(obj):
            return self.object(obj, path, access)
        return Known(obj, ("object", obj))

    def object(self, obj: Any, path: tuple, access: ast.expr) -> Ref:
        """An argument that is an object: its attributes are leaves, its methods are its class's."""
        if id(obj) in self.objects:
            ref, self.again[path] = self.objects[id(obj)]
            return ref
        ref = Object(Fields(path_name(path)), type(obj))
        self.objects[id(obj)] = ref, path
        self.state.memory[ref.cell] = {}
        self.state.memory[ref.cell] = {
            name: self.ref(value, (*path, ("attr", name)), ast.Attribute(access, name))
            for name, value in attributes(obj).items()
        }
        return ref

    def leaf(self, obj: Any, path: tuple, access: ast.expr) -> Value:
        name = path_name(path)
        if isinstance(obj, np.ndarray) and not obj.dtype.isnative:
            raise SrcdiffError(
                f"the array `{name}` is not in this machine's byte order",
                None,
                f"Pass `{name}.astype({name}.dtype.newbyteorder('='))`.",
            )
        value = Value(name, kind_of(obj, "/".join(map(str, path))), True)
        self.shapes[value] = np.shape(obj)
        self.note(value, path, access)
        return value

    def note(self, value: Value, path: tuple, access: ast.expr) -> None:
        self.params.append(value)
        self.access[value] = access
        self.leaf_of[path] = value

    # ------------------------------------------------------------------ tangents

    def tangents(self, run: Specializer) -> dict[Value, Value]:
        """The tangent of each number and array that has one: a parameter, or a part of one."""
        found: dict[Value, Value] = {}
        names = dot_names(self.request.moving, self.request.arguments)
        for (key, tree), dot in zip(self.request.moving.items(), names):
            kind, name, *steps = ("argument", key) if isinstance(key, str) else key
            if self.request.seed == "tangent":
                self.extra.append(ast.arg(dot))
            else:
                of = name if kind == "argument" else ""
                self.beside.setdefault(of, []).append(ast.arg(dot))
            if kind == "self":
                values = run.outside_tree(*way_to(self.parsed.bound_self, steps))
                self.moving_outside(values, tree, ast.Name(dot), found)
                continue
            path: tuple = (name,)
            for step in steps:
                path = self.again.get((*path, step), (*path, step))
            self.moving(tree, path, ast.Name(dot), found)
        return found

    def moves(self, value: Value, access: ast.expr, found: dict) -> None:
        dot = Value(f"{value.name}_dot", value.kind, True)
        found[value] = dot
        self.params.append(dot)
        self.access[dot] = access

    def moving_outside(self, values: Any, tree: Any, access: ast.expr, found: dict) -> None:
        """The tangents of what lies in `self`; values and tangents are of one structure."""
        if tree is None or values is None:
            return
        if isinstance(values, Value):
            if values in found:
                raise UnsupportedSyntaxError(
                    f"the tangents of `{values.name}`, which is there twice in what `wrt` names",
                    None, "Name it once.")  # fmt: skip
            self.moves(values, access, found)
        elif isinstance(values, Structure) and values.names is not None:
            for name, part in zip(values.names, values.parts):
                to = ast.Attribute(access, name)
                self.moving_outside(part, getattr(tree, name), to, found)
        else:
            inner = values.parts if isinstance(values, Structure) else values
            for key in inner if isinstance(inner, dict) else range(len(inner)):
                to = ast.Subscript(access, ast.Constant(key))
                self.moving_outside(inner[key], tree[key], to, found)

    def moving(self, tree: Any, path: tuple, access: ast.expr, found: dict) -> None:
        value = self.leaf_of.get(self.again.get(path, path))
        if value is not None:
            if tree is not None and (value.kind.inexact or value.kind.tag == "list"):
                self.moves(value, access, found)
            return
        if isinstance(tree, dict):
            parts: Any = tree.items()
        elif isinstance(tree, (list, tuple)):
            parts = enumerate(tree)
        elif tree is not None and self.request.is_object(tree):
            for name, part in attributes(tree).items():
                to = ast.Attribute(access, name)
                self.moving(part, (*path, ("attr", name)), to, found)
            return
        else:
            return
        for key, part in parts:
            self.moving(part, (*path, key), ast.Subscript(access, ast.Constant(key)), found)

    # ------------------------------------------------------------------ what is differentiated

    def wanted(self, entry: tuple, run: Specializer) -> Any:
        """The tree of values that an entry of wrt stands for: None where a leaf is no float."""
        if entry[0] == "local":
            return self.local(entry[1], run)
        if entry[0] == "self":
            return run.outside_tree(*way_to(self.parsed.bound_self, entry[2:]))
        _, name, *steps = entry
        obj = self.request.arguments[name]
        path: tuple = (name,)
        for step in steps:
            is_attr = isinstance(step, tuple) and step[0] == "attr"
            obj = getattr(obj, step[1]) if is_attr else obj[step]
            path = self.again.get((*path, step), (*path, step))
        return self.tree(obj, path)

    def tree(self, obj: Any, path: tuple) -> Any:
        path = self.again.get(path, path)
        value = self.leaf_of.get(path)
        if value is not None:
            inexact = value.kind.inexact or value.kind.tag == "list"
            return value if inexact else None
        if isinstance(obj, dict):
            return {k: self.tree(x, (*path, k)) for k, x in obj.items()}
        if isinstance(obj, list):
            return [self.tree(x, (*path, i)) for i, x in enumerate(obj)]
        if isinstance(obj, tuple):
            parts = tuple(self.tree(x, (*path, i)) for i, x in enumerate(obj))
            return parts if type(obj) is tuple else Structure(parts, type(obj), None)
        if self.request.is_object(obj):
            held = attributes(obj)
            parts = tuple(self.tree(x, (*path, ("attr", n))) for n, x in held.items())
            return Structure(parts, type(obj), tuple(held))
        return None

    def local(self, name: str, run: Specializer) -> Value:
        stores = run.stores.get(name, [])
        if not stores:
            raise UnknownArgumentError(
                f"`{name}` is neither a parameter nor a local variable of "
                f"`{self.parsed.function.__name__}`")  # fmt: skip
        if len(stores) > 1 or stores[0][1]:
            raise UnknownArgumentError(
                f"the local variable `{name}` is assigned more than once, or in a loop or branch",
                None, "Give the value that is meant a name of its own.")  # fmt: skip
        value = stores[0][0]
        if not isinstance(value, Value) or not value.kind.inexact:
            raise NotDifferentiableTypeError(
                f"the local variable `{name}` is no float", None,
                "Name a float or an array of floats.")  # fmt: skip
        return value

    def gradient_expr(self, tree: Any, found: dict, expr: Callable) -> ast.expr:
        if isinstance(tree, Value):
            if tree in self.returned:  # of an object in two places: no two results share memory
                return ast.Call(expr(np.copy), [expr(found[tree])], [])
            self.returned.add(tree)
            return expr(found[tree])
        if isinstance(tree, Structure):
            parts = [self.gradient_expr(p, found, expr) for p in tree.parts]
            return structure_expr(tree, parts, expr)
        if isinstance(tree, dict):
            return ast.Dict(
                [expr(k) for k in tree], [self.gradient_expr(t, found, expr) for t in tree.values()]
            )
        if isinstance(tree, (list, tuple)):
            parts = [self.gradient_expr(t, found, expr) for t in tree]
            return ast.List(parts) if isinstance(tree, list) else ast.Tuple(parts)
        return ast.Constant(None)

    # ------------------------------------------------------------------ the signature

    def signature(self) -> ast.arguments:
        """The parameters of the generated function: those that the call gave a value."""
        positional: list[ast.arg] = []
        either: list[ast.arg] = []
        keyword: list[ast.arg] = []
        star = double = None
        by_position = any(
            p.kind == "positional" and p.name in self.request.arguments
            for p in self.lowered.parameters
        )
        (positional if by_position else either).extend(self.beside.get("", []))
        for p in self.lowered.parameters:
            if p.name not in self.request.arguments:
                continue
            arg = ast.arg(p.name)
            beside = self.beside.get(p.name, [])
            if p.kind == "positional":
                positional += [arg, *beside]
            elif p.kind == "either":
                either += [arg, *beside]
            elif p.kind == "keyword":
                keyword.append(arg)
            elif p.kind == "star":
                star = arg
                keyword += beside
            else:
                double = arg
        if star is not None or positional and not either and self.extra:
            keyword += self.extra
        else:
            either += self.extra
        return ast.arguments(
            posonlyargs=positional,
            args=either,
            vararg=star,
            kwonlyargs=keyword,
            kw_defaults=[None] * len(keyword),
            kwarg=double,
            defaults=[],
        )


def structure_expr(tree: Structure, parts: list[ast.expr], expr: Callable) -> ast.expr:
    function = expr(tree.cls)
    if tree.names is None:
        return ast.Call(function, parts, [])
    if not made_of_fields(tree):
        held = ast.Dict([expr(n) for n in tree.names], parts)
        return ast.Call(expr(instance), [function, held], [])
    return ast.Call(function, [], [ast.keyword(n, p) for n, p in zip(tree.names, parts)])


def made_of_fields(tree: Structure) -> bool:
    """Whether a dataclass's `__init__` makes the object of these attributes."""
    fields = getattr(tree.cls, "__dataclass_fields__", None)
    return (
        fields is not None
        and tree.names == tuple(f.name for f in fields.values() if f.init)
        and not hasattr(tree.cls, "__post_init__")
        and tree.cls.__init__.__code__.co_filename == "<string>"
    )


def dot_names(moving: Any, taken: Any) -> list[str]:
    """The parameters of generated code for tangents, by the keys of `Request.moving`.

    taken   the names of the other parameters

    >>> dot_names(["x", ("self", "self", ("attr", "w")), ("self", "self", ("attr", "x"))], ["x"])
    ['x_dot', 'w_dot', 'x_dot_']
    """
    found: list[str] = []
    for key in moving:
        dot = f"{key if isinstance(key, str) else path_name(key[1:])}_dot"
        while dot in taken or dot in found:
            dot += "_"
        found.append(dot)
    return found


def way_to(obj: Any, steps: Any) -> tuple[tuple, Any]:
    """The path from an object outside by some steps, and what is there."""
    path: tuple = ("object", obj)
    for step in steps:
        if isinstance(step, tuple) and step[0] == "attr":
            path, obj = ("attr", path, step[1]), getattr(obj, step[1])
        else:
            path, obj = ("item", path, step), obj[step]
    return path, obj


def path_name(path: tuple) -> str:
    """
    >>> path_name(("layers", 0, 1)), path_name(("params", "w")), path_name(("x",))
    ('layers_0_1', 'w', 'x')
    """
    parts = [p[1] if isinstance(p, tuple) else p for p in path]
    last = parts[-1]
    if isinstance(last, str) and last.isidentifier():
        return last
    return "_".join(str(p) for p in parts)


def split_output(output: Any, request: Request) -> tuple[Any, Any]:
    if not request.has_aux:
        return output, None
    if not isinstance(output, tuple) or len(output) != 2:
        raise SrcdiffError(
            "has_aux=True: the function must return (output, aux)", None,
            "Return a pair, or leave `has_aux` out.")  # fmt: skip
    return output


def differentiate(run: Specializer, block: Block, out: Any, how: str, wrt: list[Value], name: str,
                  where: Any, cotangents: list | None = None) -> tuple:  # fmt: skip
    """What an inlined function has written, and its adjoint: the derivative inside a function.

    cotangents   (value, its cotangent), where these are given
    """
    seeding = Seeding(name, out, where)
    if cotangents is not None:
        for v, d in cotangents:
            seeding.add(v, d)
    else:
        (seeding.ones if how == "elementwise_grad" else seeding.one)(out)
    expand = expanding(run, names=False)
    block, gradients = reverse(block, seeding.seeds, wrt, expand, seeding.instrs)
    block = fold(block.replace(results=tuple(gradients)))
    return tuple(i for i in block.instrs if i.op != "adjoint"), list(block.results)


def push(run: Specializer, block: Block, dots: dict[Value, Any]) -> tuple:
    """What an inlined function has written, with its tangents, and those of its results."""
    count = len(block.results)
    expand = expanding(run, names=False)
    block = forward(block, dots, expand, expand.transpose)
    tangents = [0.0 if t is None else t for t in block.results[count:]]
    return block.instrs, tangents


def batch(run: Specializer, block: Block, found: dict[Value, Value], size: Any) -> tuple:
    """What an inlined function has written, for many examples, and its results."""
    block = vmap(dead_code(block), found, size, expander(run))
    return block.instrs, block.results


class Seeding:
    """The adjoint of the output, as the request wants it.

    shapes   array → its shape at this call, of the arguments
    """

    def __init__(self, name: str, out: Any, where: Any, shapes: dict[Value, tuple] | None = None):
        self.name, self.where, self.shapes = name, where, shapes or {}
        self.seeds: dict[Value, Any] = {}
        self.instrs: list[Instr] = []
        self.kind = kinds(out)

    @classmethod
    def of(cls, request: Request, out: Any, arguments: Arguments, where: Any) -> Seeding:
        """The seeds that a request asks for."""
        self = cls(request.parsed.function.__name__, out, where, arguments.shapes)
        if request.seed == "argument":
            if "d_out" in request.arguments:
                raise SrcdiffError(
                    f"a parameter of `{self.name}` is called `d_out`", None, "Call it otherwise.")
            arguments.extra.append(ast.arg("d_out"))
            self.arguments = arguments
            self.cotangent(out, ast.Name("d_out"), "d_out")
        elif request.seed == "ones":
            self.ones(out)
        else:
            self.one(out)
        return self

    def cotangent(self, out: Any, access: ast.expr, name: str) -> None:
        if isinstance(out, Value):
            if has_floats(out.kind):
                kind = out.kind
                if kind.tag == "scalar":
                    kind = kind._replace(python=None)
                d = Value(name, kind)
                d.user = True
                self.arguments.params.append(d)
                self.arguments.access[d] = access
                if kind.tag in ("list", "tuple"):  # adjoints of lists are written
                    own = Value(name, kind)
                    arrays = kind.tag == "tuple" or kind.items[0].tag != "scalar"
                    self.instrs.append(Instr("copy", (d,), None, (own,), (),
                                             {"items": True} if arrays else {}))  # fmt: skip
                    d = own
                self.add(out, d)
        elif isinstance(out, (tuple, list)):
            for i, part in enumerate(out):
                self.cotangent(part, ast.Subscript(access, ast.Constant(i)), f"{name}_{i}")
        elif isinstance(out, Attributes):
            for k, part in out.items():
                self.cotangent(part, ast.Attribute(access, k), f"{name}_{k}")
        elif isinstance(out, dict):
            for k, part in out.items():
                self.cotangent(part, ast.Subscript(access, ast.Constant(k)), f"{name}_{k}")

    def add(self, out: Value, d: Any) -> None:
        """Add to the cotangent of a value, which may be there twice."""
        if out in self.seeds:
            total = Value("d_out", out.kind)
            self.instrs.append(Instr(addition(out.kind), (self.seeds[out], d), None, (total,)))
            d = total
        self.seeds[out] = d

    def rename(self, env: dict[Value, Any]) -> None:
        """Passes have made other values of the outputs; one that is a constant has no adjoint."""
        if any(new is not old for old, new in env.items()):
            self.seeds = {env[v]: d for v, d in self.seeds.items() if isinstance(env[v], Value)}
            self.instrs = [substitute(i, env) for i in self.instrs]

    def ones(self, out: Any) -> None:
        for v in flatten(out):
            if has_floats(v.kind):
                self.add(v, self.like(v))

    def like(self, v: Value) -> Any:
        if v.kind.tag == "scalar":
            return 1.0
        one = Value("d_out", v.kind)
        if v.kind.tag in ("list", "tuple"):
            self.instrs.append(Instr("ones_list", (v,), None, (one,)))
            return one
        if v.kind.tag != "array" or v.kind.dtype != np.dtype(float):
            self.instrs.append(Instr(np.ones_like, (v,), None, (one,)))
            return one
        shape = Value("shape", Kind("tuple"))  # a spread 1.0 that folding can see
        self.instrs.append(Instr(np.shape, (v,), None, (shape,)))
        self.instrs.append(Instr(np.broadcast_to, (1.0, shape), None, (one,)))
        return one

    def one(self, out: Any) -> None:
        if isinstance(out, (tuple, list, dict)) or out is None or isinstance(out, str):
            what = "nothing" if out is None else f"a {type(out).__name__}"
            raise self.not_scalar(f"returns {what}")
        kind = leaf_kind(out)
        if kind.numeric and kind.dtype.kind == "b":
            raise NonScalarOutputError(
                f"`{self.name}` returns a bool, which has no gradient", None,
                "Return a number: `float(…)` or `np.where(…, 1.0, 0.0)`.")  # fmt: skip
        if not isinstance(out, Value):
            return
        kind = out.kind
        if kind.tag == "list" or not kind.numeric and kind.tag != "object":
            raise self.not_scalar(f"returns a {kind.tag}")
        if kind.numeric and kind.dtype.kind == "c" and not is_undecided(kind):
            raise NonScalarOutputError(
                f"`{self.name}` returns a complex number, which has no gradient", None,
                "Return its real part or its absolute value, or use `vjp`.")  # fmt: skip
        if kind.dims is None or not all(map(proven_one, kind.dims)) or is_undecided(kind):
            if kind.dims is not None and any(map(proven_not_one, kind.dims)):
                raise self.not_scalar(f"returns an array of shape {self.shape_of(kind)}")
            self.instrs.append(Instr("check_scalar", (out, self.name), None, (), (),
                                     {"effect": True}))  # fmt: skip
        self.seeds[out] = self.like(out) if kind.tag != "object" else 1.0

    def shape_of(self, kind: Kind) -> str:
        """The shape that the array has at this call, where that follows from the arguments."""
        sizes = {}
        for v, shape in self.shapes.items():
            for axis, dim in enumerate(v.kind.shape or ()):
                sizes[repr(dim)] = shape[axis : axis + 1]
        found = []
        for dim in kind.dims or ():
            if isinstance(dim, int):
                found.append(str(dim))
            else:
                size = sizes.get(dim.base, ())
                found.append(str(max(size[0] - dim.minus, 0)) if size else "n")
        return f"({', '.join(found)}{',' * (len(found) == 1)})"

    def not_scalar(self, what: str) -> NonScalarOutputError:
        return NonScalarOutputError(
            f"`{self.name}` {what}; `grad` needs a function with one output",
            self.where and self.where.location,
            "Use `elementwise_grad` or `vjp`, or return a sum.")  # fmt: skip


def has_floats(kind: Kind) -> bool:
    """Whether what a function returns has a cotangent.

    >>> has_floats(Kind("list", items=(Kind("array", np.dtype(float)),)))
    True
    """
    if kind.tag in ("list", "tuple"):
        return any(map(has_floats, kind.items or ()))
    return kind.inexact or kind.tag == "object"


def kinds(tree: Any) -> Any:
    if isinstance(tree, Value):
        return tree.kind
    if isinstance(tree, (tuple, list)):
        return type(tree)([kinds(t) for t in tree])
    if isinstance(tree, dict):
        return {k: kinds(t) for k, t in tree.items()}
    return kind_of(tree)
