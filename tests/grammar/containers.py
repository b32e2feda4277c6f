"""Lists, tuples, dicts, sets, strings: built, changed, walked over, taken apart."""

from tests.grammar.core import Core, grows
from tests.grammar.scope import Grown, Scope, Shape, Var


class Containers(Core):
    def grown(self, scope: Scope, grown: Grown) -> str:
        """A number from a list."""
        items = grown.name
        if grown.shape is None:
            patterns = ["{}[-1]", "{}[0]", "sum({})", "np.mean({})", "max({})", "{}[len({}) // 2]"]
            patterns += ["np.sum(np.array({}) ** 2)", "sum(v * v for v in {})", "min({})"]
            patterns += ["0.1 * len({})", "math.fsum({})", "sorted({})[0]"]
        else:
            patterns = ["np.sum({}[-1])", "np.sum({}[0])", "np.sum(sum({}))"]
            patterns += ["np.mean(np.stack({}))"]
            patterns += ["np.sum(np.array({}) ** 2)", "np.sum([np.sum(v) for v in {}])"]
        return self.pick(patterns).format(items, items)

    # Lists that grow

    @grows("statement", 24, "list")
    def list_building(self, scope: Scope) -> list[str]:
        if scope.depth >= 3:
            return []
        items, i = self.name("items"), self.name("i")
        shape = None if self.chance(0.6) else (self.long,)
        if self.chance(0.35):
            texts = [self.expr(scope, shape, 1) for _ in range(self.some(1, 3))]
            scope.lists.append(Grown(items, shape))
            return [f"{items} = [{', '.join(texts)}]"]
        inner = scope.inner(Var(i, span=(0, self.long)))
        inner.in_loop, inner.may_return = False, False
        body = [] if self.chance(0.5) else self.indented(inner, 1)
        text = self.expr(inner, shape, 2)
        lines = [f"{items} = []", f"for {i} in range({scope.size}):", *body]
        lines += [f"    {items}.append({text})"]
        if self.chance(0.35):
            scope.lists.append(Grown(items, shape))
            return lines
        reduced = self.pick(["np.array({})", "np.stack({})", "np.asarray({})"]).format(items)
        name = self.bind(scope, "t", (self.long,) if shape is None else (self.long, *shape))
        return [*lines, f"{name} = {reduced}"]

    @grows("statement", 26, "list")
    def list_change(self, scope: Scope) -> list[str]:
        if not scope.lists:
            return []
        grown = self.pick(scope.lists)
        items, value = grown.name, self.bounded(scope, self.expr(scope, grown.shape, 1))
        options = [
            [f"{items}.append({value})"],
            [f"{items}.append({value})"],
            [f"{items}.insert(0, {value})"],
            [f"{items}.extend([{value}, {items}[0]])"],
            [f"{items} += [{value}]"],
            [f"{items}[0] = {value}"],
            [f"{items}[-1] = {value}"],
            [f"{items}[:1] = [{value}, {self.expr(scope, grown.shape, 1)}]"],
            [f"{items}[0] *= {self.number()}"],
            [f"{items}.reverse()"],
            [f"{items}[0], {items}[-1] = {items}[-1], {items}[0]"],
            [f"{items} = {items}[::-1]"],
            [f"{items} = [{value}] + {items}[1:]"],
            [f"if len({items}) > 1:", f"    del {items}[0]"],
        ]
        popped = self.name("popped")
        options.append(
            [f"{popped} = {items}.pop({self.pick(['', '0', '-1'])})", f"{items}.append({popped})"]
        )
        if grown.shape is None:
            options += [[f"{items}.sort()"], [f"{items}.sort(key=lambda v: -v)"]]
        elif "store" in self.features:
            options += [[f"{items}[-1][0] = {self.expr(scope, None, 1)}"]] * 2
        return self.pick(options)

    @grows("statement", 10, "list")
    def comprehension(self, scope: Scope) -> list[str]:
        v = self.name("v")
        x = self.leaf(scope, (self.long,))
        inner = scope.inner(Var(v))
        text = self.expr(inner, None, 2)
        kind = self.some(0, 3)
        if kind == 0:
            return [f"{self.bind(scope, 't', (self.long,))} = np.array([{text} for {v} in {x}])"]
        test = f" if {v} > {self.threshold()}" if self.chance(0.5) else ""
        if kind == 1:
            return [f"{self.bind(scope, 's')} = sum([{text} for {v} in {x}{test}])"]
        if kind == 2:
            return [f"{self.bind(scope, 's')} = sum({text} for {v} in {x}{test})"]
        i = self.name("i")
        inner = scope.inner(Var(v), Var(i, span=(0, self.short)))
        text = self.expr(inner, None, 1)
        rows = f"[[{text} for {v} in {x}] for {i} in range({self.short})]"
        return [f"{self.bind(scope, 't', (self.short, self.long))} = np.array({rows})"]

    @grows("statement", 6, "nested")
    def nested_lists(self, scope: Scope) -> list[str]:
        """A grid of numbers, as people write it without arrays."""
        if scope.depth >= 2:
            return []
        grid, i, j = self.name("grid"), self.name("i"), self.name("j")
        n, k = self.long, self.short
        inner = scope.inner(Var(i, span=(0, k)), Var(j, span=(0, n)))
        lines = [f"{grid} = [[0.0] * {n} for _ in range({k})]"]
        lines += [f"for {i} in range({k}):", f"    for {j} in range({n}):"]
        lines += [f"        {grid}[{i}][{j}] = {self.expr(inner, None, 2)}"]
        if self.chance(0.5):
            lines += [f"{grid}[0][1] {self.update(scope, None)}"]
        return [*lines, f"{self.bind(scope, 't', (k, n))} = np.array({grid})"]

    # Containers whose items are places

    @grows("statement", 22, "box")
    def box(self, scope: Scope) -> list[str]:
        """Arrays and numbers in a tuple, list or dict; its items are names like any other."""
        shapes = [self.maybe_shape() for _ in range(self.some(1, 3))]
        texts = [self.expr(scope, shape, int(self.chance(0.4))) for shape in shapes]
        box, kind = self.name("box"), self.pick(["list", "tuple", "dict", "dict()", "nested"])
        keys = [repr(chr(ord("a") + i)) for i in range(len(shapes))]
        if kind == "list":
            lines = [f"{box} = [{', '.join(texts)}]"]
        elif kind == "tuple":
            lines = [f"{box} = ({', '.join(texts)},)"]
        elif kind == "dict":
            pairs = zip(keys, texts, strict=True)
            lines = [f"{box} = {{{', '.join(f'{k}: {t}' for k, t in pairs)}}}"]
        elif kind == "dict()":
            lines = [f"{box} = {{}}"]
            lines += [f"{box}[{k}] = {t}" for k, t in zip(keys, texts, strict=True)]
        else:
            lines = [f"{box} = {{'in': [{', '.join(texts)}], 'k': 2}}"]
        for i, shape in enumerate(shapes):
            key = f"[{keys[i]}]" if "dict" in kind else f"[{i}]"
            key = f"['in']{key}" if kind == "nested" else key
            scope.vars.append(Var(f"{box}{key}", shape, rebind=kind != "tuple"))
        return [*lines, *self.box_use(scope, box, kind, shapes)]

    def box_use(self, scope: Scope, box: str, kind: str, shapes: list[Shape | None]) -> list[str]:
        """A way of reading or writing all that is in it."""
        k, v = self.name("k"), self.name("v")
        source = f"{box}['in']" if kind == "nested" else box
        s, number = self.name("s"), self.number()
        ways: list[list[str]] = [[]]
        if "dict" in kind:
            ways += [
                [f"{s} = sum(np.sum({v}) for {k}, {v} in {box}.items())"],
                [f"{s} = sum([np.sum({v}) for {v} in {box}.values()])"],
                [f"{s} = 0.0", f"for {k} in {box}:", f"    {s} = {s} + np.sum({box}[{k}])"],
                [f"{s} = np.sum({box}.get('a')) + {box}.get('no', {number})"],
                [f"{s} = np.sum({box}.get('a', 0.0)) if 'b' in {box} else {number}"],
                [f"{s} = np.sum({box}.setdefault('new', {number})) * len({box})"],
                [f"{s} = sum(np.sum(v) for v in {{**{box}, 'c': {number}}}.values())"],
                [f"{s} = sum({{{k}: np.sum({v}) for {k}, {v} in {box}.items()}}.values())"],
                [f"{box}.update(z={number})", f"{s} = {box}['z'] + np.sum({box}['a'])"],
                [f"{s} = sum(np.sum({box}[{k}]) for {k} in sorted({box}))"],
            ]
            if "string" in self.features:
                ways += [[f"{s} = sum(np.sum({box}[f'{{c}}']) for c in 'a')"]]
        else:
            ways += [
                [f"{s} = sum(np.sum({v}) for {v} in {source})"],
                [f"{s} = 0.0", f"for {v} in {source}:", f"    {s} += np.sum({v} * {v})"],
                [f"{v}, *_ = {source}", f"{s} = np.sum({v})"],
                [f"{s} = np.sum({source}[-1]) * len({source})"],
                [f"{s} = sum(map(np.sum, {source}))"],
            ]
            if all(shapes) and "augmented" in self.features:
                ways += [[f"for {v} in {source}:", f"    {v} *= {self.factor()}"]] * 3
        lines = self.pick(ways)
        if any(s in line for line in lines):
            scope.vars.append(Var(s))
        return lines

    @grows("statement", 6, "dict")
    def dict_by_counter(self, scope: Scope) -> list[str]:
        """A dict with keys that come up at run time."""
        if scope.depth >= 3:
            return []
        table, i, s = self.name("table"), self.name("i"), self.name("s")
        inner = scope.inner(Var(i, span=(0, self.long)))
        text = self.expr(inner, None, 2)
        lines = [f"{table} = {{}}", f"for {i} in range({scope.size}):"]
        t = table
        ways = [
            (f"{t}[{i}] = {text}", f"{t}[0] + {t}[{scope.size} - 1]"),
            (f"{t}[{i} % 2] = {t}.get({i} % 2, 0.0) + {text}", f"{t}[0] * {t}[1]"),
            (f"{t}.setdefault({i} % 2, []).append({text})", f"sum({t}[0]) - sum({t}[1])"),
            (f"{t}[{i}] = {text}", f"sum({t}.values()) + len({t})"),
            (f"{t}[f'w{{{i}}}'] = {text}", f"{t}['w0'] * {t}['w1']"),
        ]
        step, result = self.pick(ways)
        scope.vars.append(Var(s))
        return [*lines, f"    {step}", f"{s} = {result}"]

    @grows("statement", 4, "set")
    def sets(self, scope: Scope) -> list[str]:
        """Sets of whole numbers, that choose."""
        chosen, i, x = self.name("chosen"), self.name("i"), self.leaf(scope, (self.long,))
        members = sorted({self.some(0, self.long - 1) for _ in range(2)})
        s = self.bind(scope, "s")
        ways = [
            f"sum({x}[{i}] for {i} in range({self.long}) if {i} in {chosen})",
            f"sum({x}[{i}] for {i} in sorted({chosen} | {{0}}))",
            f"np.sum({x}[sorted({chosen})]) * len({chosen})",
            f"sum([{x}[{i}] * 0.5 for {i} in {chosen}])",
        ]
        return [f"{chosen} = {{{', '.join(map(str, members))}}}", f"{s} = {self.pick(ways)}"]

    @grows("statement", 5, "string")
    def strings(self, scope: Scope) -> list[str]:
        """Words that choose what is computed."""
        s, a, b = self.name("s"), self.expr(scope, None, 1), self.expr(scope, None, 1)
        word, k = self.pick(["sin", "cos", "none"]), self.some(1, 3)
        ways = [
            [f"kind = '{word}'", f"{s} = {a} if kind == 'sin' else {b}"],
            [f"kind = '{word}'.upper()", f"{s} = {a} if kind.startswith('S') else {b}"],
            [f"kind = f'{word}_{{{k}}}'", f"{s} = {a} if kind.endswith('2') else {b}"],
            [f"{s} = 0.0", "for kind in 'sin cos'.split():"]
            + [f"    {s} += {a} if kind == '{word}' else {b}"],
            [f"kind = '-'.join(['{word}', 'x'])", f"{s} = {a} if 'o' in kind else {b}"],
            [f"{s} = {a}", f"label = f'{{{s}:.3f}}'", f"{s} = {b} if label else {s}"],
            [f"{s} = getattr(np, '{'sin' if word == 'none' else word}')({a})"],
        ]
        scope.vars.append(Var(s))
        return self.pick(ways)

    @grows("statement", 4, "list")
    def sorted_by_key(self, scope: Scope) -> list[str]:
        s, x = self.name("s"), self.leaf(scope, (self.long,))
        ways = [
            f"sorted({x}, key=lambda v: -v)[0]",
            f"sorted({x}, reverse=True)[1] * 0.5",
            f"max({x}, key=lambda v: v * v + 0.01 * v)",
            f"min({x}, key=abs)",
            f"sorted(enumerate({x}), key=lambda pair: pair[1])[0][1]",
            f"min([{self.expr(scope, None, 1)}, {x}[0] + 0.213])",
            f"max(0.213 + {x}[0], {self.expr(scope, None, 1)})",
            f"sum(sorted([{x}[0], {x}[1] * 0.9])[:1])",
        ]
        scope.vars.append(Var(s))
        return [f"{s} = {self.pick(ways)}"]
