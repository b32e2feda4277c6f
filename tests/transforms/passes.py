"""What tests of passes share: text in and text out, an interpreter, and random programs.

    check(dead_code, before="(x: float): …", after="(x: float): …")
    evaluate(block, 2, 3)           the results, and what was printed on the way
    random_block(rng)               a program over two ints, with every region, twins and effects
"""

import operator
from collections.abc import Callable
from random import Random
from typing import Any

from srcdiff.transforms.ir import Block, Instr, Printer, Slice, Value, map_tree, new_twin, walk
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify


def check(pass_: Callable[[Block], Block], before: str, after: str, **options: Any) -> None:
    """The pass makes `after` of `before`, whatever the values are called.

    options   arguments for `parse_text`; `values=True` asks for the same names, too
    """
    values = options.pop("values", False)
    got = verify(pass_(verify(parse_text(before, **options))))
    wanted = parse_text(after, **options)
    if values or anonymous(got) != anonymous(wanted):
        assert str(got) == str(wanted)


def anonymous(block: Block) -> str:
    """The text of a block with its values numbered from the top."""

    class Anonymous(Printer):
        def name(self, value: Value) -> str:
            return self.names.setdefault(value, f"v{len(self.names) + 1}")

    return Anonymous().block(block, "return")


# ------------------------------------------------------------------------------- the interpreter


def evaluate(block: Block, *args: Any) -> tuple[Any, list]:
    """What a program returns for these arguments, and the arguments of its effects in order.

    >>> text = "(x: int):\\n  y = add(x, 1)\\n  print(y)\\n  return y, (x,)"
    >>> evaluate(parse_text(text), 1)
    ((2, (1,)), [(2,)])
    """
    machine = Machine(block)
    return machine.run(block, args), machine.log


class Machine:
    """Runs a program. The steps of a region that has a twin are remembered for the twin."""

    def __init__(self, program: Block):
        self.env: dict[Value, Any] = {}
        self.log: list = []
        self.forward: dict[int, Instr] = {}
        self.steps: dict[int, list[tuple[dict, dict]]] = {}
        for instr in walk(program):
            self.forward.setdefault(instr.attrs.get("twin", 0), instr)

    def run(self, block: Block, args: tuple) -> tuple:
        self.env.update(zip(block.params, args, strict=True))
        for instr in block.instrs:
            self.env.update(zip(instr.results, self.instr(instr), strict=True))
        return self.read(block.results)

    def read(self, tree: Any) -> Any:
        return map_tree(self.env.__getitem__, tree)

    def instr(self, instr: Instr) -> tuple:
        args = self.read(instr.args)
        if instr.op in ("if", "for", "while"):
            if "twin" in instr.attrs and self.forward[instr.attrs["twin"]] is instr:
                self.steps[instr.attrs["twin"]] = []
            return getattr(self, f"run_{instr.op}")(instr, *args)
        if instr.effect:
            self.log.append(args)
            return ()
        if instr.op == "getitem":
            return (args[0][slice(*args[1]) if isinstance(args[1], Slice) else args[1]],)
        if instr.op == "tuple":
            return (args,)
        assert not isinstance(instr.op, str)
        return (instr.op(*args, **self.read(instr.kwargs)),)

    def run_if(self, instr: Instr, condition: Any) -> tuple:
        return self.step(instr, instr.blocks[0 if condition else 1], ())

    def run_for(self, instr: Instr, iterable: tuple, carried: tuple) -> tuple:
        steps = range(*iterable[1:])
        may_break, count, stop = instr.attrs.get("may_break"), 0, False
        for item in reversed(steps) if instr.attrs.get("reverse") else steps:
            carried = self.step(instr, instr.blocks[0], (item, *carried))
            count += 1
            if may_break:
                carried, stop = carried[:-1], carried[-1]
            if stop:
                break
        return (*carried, count) if may_break else carried

    def run_while(self, instr: Instr, carried: tuple) -> tuple:
        count = 0
        test, body = instr.blocks
        while self.run(test, carried)[0]:
            carried = self.step(instr, body, carried)
            count += 1
            if instr.attrs.get("may_break"):
                carried, stop = carried[:-1], carried[-1]
                if stop:
                    break
        return (*carried, count)

    def step(self, instr: Instr, block: Block, args: tuple) -> tuple:
        twin = instr.attrs.get("twin")
        if twin is None:
            return self.run(block, args)
        if self.forward[twin] is instr:
            results = self.run(block, args)
            steps = {twin: list(steps) for twin, steps in self.steps.items()}
            self.steps[twin].append((dict(self.env), steps))
            return results
        env, steps = self.steps[twin].pop()
        self.env.update({v: env[v] for v in inner_values(self.forward[twin]) if v in env})
        for inner in inner_regions(self.forward[twin]):
            if inner.attrs.get("twin") in steps:
                self.steps[inner.attrs["twin"]] = list(steps[inner.attrs["twin"]])
        return self.run(block, args)


def inner_values(region: Instr) -> list[Value]:
    blocks = [b for instr in (region, *inner_regions(region)) for b in instr.blocks]
    return [v for b in blocks for v in (*b.params, *(r for i in b.instrs for r in i.results))]


def inner_regions(region: Instr) -> list[Instr]:
    return [instr for block in region.blocks for instr in walk(block) if instr.blocks]


# ------------------------------------------------------------------------------- random programs

OPERATIONS = [operator.add, operator.sub, operator.xor, operator.neg]


def random_block(rng: Random, size: int = 12) -> Block:
    params = (Value("x", user=True), Value("n"))
    maker = Maker(rng)
    scope = list(params)
    instrs = maker.instrs(scope, size, depth=2, reversible=[])
    return Block(params, instrs, tuple(maker.pick(scope) for _ in range(rng.randrange(1, 4))))


class Maker:
    """Random instructions over ints; `scope` is what can be read, and grows."""

    def __init__(self, rng: Random):
        self.rng = rng

    def value(self) -> Value:
        user = self.rng.random() < 0.2
        return Value(self.rng.choice(["a", "b", "x", "inf"]) if user else "t", user=user)

    def pick(self, scope: list[Value]) -> Any:
        if self.rng.random() < 0.15:
            return self.rng.choice([0, 1, -1, True])
        return self.rng.choice(scope[-6:] if self.rng.random() < 0.6 else scope)

    def instrs(self, scope: list[Value], size: int, depth: int, reversible: list) -> list[Instr]:
        """`reversible`: regions that are over and have no twin yet, with what is in them."""
        found: list[Instr] = []
        while len(found) < size:
            chance = self.rng.random()
            if depth and reversible and chance < 0.2:
                forward = reversible.pop(self.rng.randrange(len(reversible)))
                found.append(self.reverse(scope, depth, *forward))
            elif depth and chance < 0.35:
                kind = self.rng.choice([self.make_if, self.make_for, self.make_while])
                instr, inside = kind(scope, depth)
                reversible.append((instr, inside))
                found.append(instr)
            elif chance < 0.4:
                found.append(Instr("print", (self.pick(scope),)))
            else:
                found.append(self.operation(scope))
            scope += found[-1].results
        return found

    def operation(self, scope: list[Value], op: Any = None) -> Instr:
        op = op or self.rng.choice(OPERATIONS)
        args = [self.pick(scope) for _ in range(1 if op is operator.neg else 2)]
        return Instr(op, tuple(args), results=(self.value(),))

    def block(self, scope: list[Value], params: list[Value], depth: int, yields: int, old=()):
        """A block, and what a reverse sweep needs to read it: its values and its regions."""
        inner, regions = [*scope, *params], list(old)
        instrs = self.instrs(inner, self.rng.randrange(1, 6), depth - 1, regions)
        results = tuple(self.pick(inner) for _ in range(yields))
        own = [*params, *(r for i in instrs for r in i.results)]
        return Block(tuple(params), instrs, results), (own, regions)

    def values(self, n: int) -> list[Value]:
        return [self.value() for _ in range(n)]

    def twin(self) -> dict:
        return {"twin": new_twin()}

    def make_if(self, scope, depth, attrs=None, condition=None, insides=(((), ()), ((), ()))):
        n = self.rng.randrange(3)
        blocks, found = [], []
        for own, regions in insides:
            block, inside = self.block([*scope, *own], [], depth, n, regions)
            blocks.append(block)
            found.append(inside)
        condition = self.pick(scope) if condition is None else condition
        results = tuple(self.values(n))
        attrs = attrs or self.twin()
        return Instr("if", (condition,), {}, results, tuple(blocks), attrs), found

    def make_for(self, scope, depth, attrs=None, bounds=None, inside=((), ())):
        n = self.rng.randrange(3)
        breaks = attrs is None and self.rng.random() < 0.3
        attrs = attrs or self.twin()
        own, regions = inside
        params = self.values(n + 1)
        body, found = self.block([*scope, *own], params, depth, n, regions)
        if breaks:
            attrs["may_break"] = True
            body = self.with_flag(body, [*scope, *found[0]])
        if bounds is None:
            start = self.rng.choice([0, 0, -1])
            bounds = (start, self.rng.choice([0, 1, 3]), self.rng.choice([1, 1, 2]))
        inits = tuple(self.pick(scope) for _ in range(n))
        results = tuple(self.values(n + breaks))
        args = (("range", *bounds), inits)
        return Instr("for", args, {}, results, (body,), attrs), [found]

    def make_while(self, scope, depth):
        n = self.rng.randrange(3)
        count, counted, steps = Value("k"), Value("k"), Value("k")
        tested = self.values(n)
        test, _ = self.block(scope, [count, *tested], depth, 0)
        flag = Instr(operator.lt, (count, self.rng.randrange(4)), results=(self.value(),))
        test = Block(test.params, (*test.instrs, flag), flag.results)
        body, (own, regions) = self.block(scope, [counted, *self.values(n)], depth, n)
        more = Instr(operator.add, (counted, 1), results=(Value("k"),))
        body = Block(body.params, (*body.instrs, more), (more.results[0], *body.results))
        attrs = self.twin()
        if self.rng.random() < 0.3:
            attrs["may_break"] = True
            body = self.with_flag(body, [*scope, *own])
        inits = (0, *(self.pick(scope) for _ in range(n)))
        results = (Value("k"), *self.values(n), steps)
        return Instr("while", (inits,), {}, results, (test, body), attrs), [(own, regions)]

    def with_flag(self, body: Block, scope: list[Value]) -> Block:
        flag = self.operation(scope, operator.lt)
        return Block(body.params, (*body.instrs, flag), (*body.results, flag.results[0]))

    def reverse(self, scope, depth, forward: Instr, insides) -> Instr:
        attrs = {"twin": forward.attrs["twin"]}
        if forward.op == "if":
            return self.make_if(scope, depth, attrs, forward.args[0], insides)[0]
        if forward.op == "for" and not forward.attrs.get("may_break"):
            bounds = forward.args[0][1:]
        else:
            bounds = (0, forward.results[-1], 1)
        return self.make_for(scope, depth, attrs | {"reverse": True}, bounds, insides[0])[0]
