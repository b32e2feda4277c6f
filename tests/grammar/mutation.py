"""Stores, views, aliases, buffers: everything that writes into memory which others may see."""

from tests.grammar.core import Core, grows, indent
from tests.grammar.scope import Scope, Shape, Var


class Mutation(Core):
    def array(self, scope: Scope, shape: Shape | None = None) -> Var | None:
        arrays = scope.arrays(shape)
        return self.pick(arrays) if arrays else None

    def vector(self, scope: Scope) -> Var | None:
        vectors = [v for v in scope.arrays() if v.shape and len(v.shape) == 1]
        return self.pick(vectors) if vectors else None

    def matrix_var(self, scope: Scope) -> Var | None:
        matrices = [v for v in scope.arrays() if v.shape and len(v.shape) == 2]
        return self.pick(matrices) if matrices else None

    # Stores by subscript

    @grows("statement", 110, "store")
    def store(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None:
            return []
        key, shape = self.key(scope, v)
        if shape is not None and min(shape) == 0:
            return []
        if self.chance(0.45):
            return [f"{v.name}{key} {self.update(scope, shape)}"]
        return [f"{v.name}{key} = {self.bounded(scope, self.broadcast(scope, shape, 2))}"]

    def key(self, scope: Scope, v: Var) -> tuple[str, Shape | None]:
        """A subscript of an array, and the shape of what it selects (None: any number of)."""
        assert v.shape
        x, n, whole = v.name, v.shape[0], v.shape
        element = f"[{', '.join(self.index(scope, size) for size in whole)}]"
        options: list[tuple[str, Shape | None]] = [(element, None)] * 4
        options += [("[...]", whole), ("[:]", whole), ("[::-1]", whole)]
        if "fancy" in self.features:
            options += [(f"[{x} > {self.threshold()}]", None), (f"[np.abs({x}) < 0.507]", None)]
        if len(whole) == 1:
            k = self.some(1, 3)
            indices = [self.some(-n, n - 1) for _ in range(k)]
            options += [("[1:]", (n - 1,)), ("[:-1]", (n - 1,)), ("[::2]", ((n + 1) // 2,))]
            options += [("[:0:-1]", (n - 1,)), ("[None, :]", (1, n)), ("[:, np.newaxis]", (n, 1))]
            if "fancy" in self.features:
                options += [(f"[{indices}]", (k,)), ("[[0, 0]]", (2,))]
                options += [(f"[np.array({indices})]", None), (f"[np.arange({n})]", whole)]
            return self.pick(options)
        m = whole[1]
        i, j = self.index(scope, n), self.index(scope, m)
        options += [(f"[{i}]", (m,)), (f"[:, {j}]", (n,)), (f"[..., {j}]", (n,))]
        options += [("[1:, ::2]", (n - 1, (m + 1) // 2)), (f"[{i}, 1:]", (m - 1,))]
        options += [(f"[{i}][1:]", (m - 1,)), (f".T[{j}]", (n,))]
        options += [(".reshape(-1)[1:]", (n * m - 1,))]
        options += [(f"[{i}, ::-1]", (m,)), ("[:, ::-1]", whole), ("[-1:0:-1]", (n - 1, m))]
        if "fancy" in self.features:
            options += [("[[0, 1], [1, 0]]", (2,)), ("[[0, 0]]", (2, m))]
            options += [("[[0, 1], 1:]", (2, m - 1))]
            options += [("[1:, [0, 0]]", (n - 1, 2)), (f"[{x}[:, 0] > {self.threshold()}]", None)]
            options += [(f"[np.ix_([0, 1], [{m - 1}, 0])]", (2, 2))]
        return self.pick(options)

    @grows("statement", 8, "fancy")
    def masked_by_another(self, scope: Scope) -> list[str]:
        """What is selected by a mask, from arrays of one shape."""
        v = self.array(scope)
        if v is None:
            return []
        x, other, c = v.name, self.leaf(scope, v.shape), self.threshold()
        mask = self.name("mask")
        lines = [f"{mask} = {other} > {c}"]
        return [*lines, f"{x}[{mask}] {self.pick(['=', '+=', '-='])} np.sin({other}[{mask}])"]

    # Functions that write

    @grows("statement", 10, "at")
    def at(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None or not v.shape:
            return []
        n = v.shape[0]
        indices = [self.some(0, n - 1) for _ in range(3)]
        value = self.expr(scope, (3,) if len(v.shape) == 1 and 3 == self.long else None, 1)
        function = self.pick(["add", "add", "subtract", "multiply"])
        # With itself NumPy reads what it has just written.
        return [f"np.{function}.at({v.name}, {indices}, 0.9 * ({self.bounded(scope, value)}))"]

    @grows("statement", 18, "out")
    def out(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None:
            return []
        x, a, b = v.name, self.expr(scope, v.shape, 1), self.broadcast(scope, v.shape, 1)
        other = self.leaf(scope, v.shape)
        call = self.pick(
            [
                f"np.sin({a}, out={x})",
                f"np.add({a}, {b}, out={x})",
                f"np.multiply({a}, np.cos({b}), out={x})",
                f"np.subtract({x}, {b}, out={x})",
                f"np.multiply({x}, {x}, out={x})",
                f"np.tanh({a}, {x})",
                f"np.sin({a}, out={x}, where={x} > {self.threshold()})",
                f"np.add({x}, {b}, out={x}, where={other} > {self.threshold()})",
                f"np.clip({a}, -0.903, 0.807, out={x})",
                f"np.cumsum({a}, axis=0, out={x})",
                f"np.copyto({x}, {b})",
                f"np.copyto({x}, {b}, where={x} < {self.threshold()})",
            ]
        )
        if self.chance(0.2) and not call.startswith("np.copyto"):
            return [f"{self.bind(scope, 'r', v.shape)} = {call}"]
        return [call]

    @grows("statement", 14, "put")
    def put(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None or not v.shape:
            return []
        x, n, s = v.name, v.shape[0], self.expr(scope, None, 1)
        size = n * (v.shape[1] if len(v.shape) == 2 else 1)
        at = sorted({self.some(0, size - 1) for _ in range(2)})
        options = [
            f"np.put({x}, {at}, {s})",
            f"{x}.fill({s})",
            f"np.putmask({x}, {x} > {self.threshold()}, {s})",
            f"{x}.flat[{at[0]}] = {s}",
            f"{x}.flat[{at}] = {s}",
            f"{x}.flat[1:] = {s}",
            f"{x}.flat[{at[0]}] += {s}",
            f"{x}.put({at}, {s})",
        ]
        if len(v.shape) == 2:
            order = f"np.argsort({x}, axis=1)"
            options += [
                f"np.fill_diagonal({x}, {s})",
                f"np.put_along_axis({x}, {order}[:, :1], {s}, axis=1)",
                f"np.put_along_axis({x}, np.array([[0]] * {n}), {s}, 1)",
            ]
        return [self.pick(options)]

    @grows("statement", 6, "sort")
    def sort(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None:
            return []
        if self.chance(0.3) and v.shape and len(v.shape) == 1:
            order = self.name("order")
            return [f"{order} = np.argsort({v.name})", f"{v.name}[:] = {v.name}[{order}]"]
        return [self.pick([f"{v.name}.sort()", f"{v.name}[::-1].sort()", f"{v.name}.sort(axis=0)"])]

    # Read and written at once

    @grows("statement", 14, "overlap")
    def overlap(self, scope: Scope) -> list[str]:
        v = self.vector(scope)
        m = self.matrix_var(scope)
        if m is not None and m.shape and self.chance(0.3):
            x, square = m.name, m.shape[0] == m.shape[1]
            whole = x if m.rebind else f"{x}[...]"
            options = [f"{x}[1:] = {x}[:-1]", f"{x}[1:] += {x}[:-1]", f"{whole} += {x}[::-1]"]
            options += [f"{x}[:] = {x}[:, ::-1]", f"{x}[:, 1:] -= {x}[:, :-1]"]
            options += [f"{x}[:, 0] = {x}[:, 1]"]
            options += [f"{x}[0], {x}[1] = {x}[1], {x}[0]"]
            if square:
                options += [f"{whole} += {x}.T", f"{x}[:] = {x}.T", f"{whole} -= {x}.T * 0.5"]
            return [self.pick(options)]
        if v is None:
            return []
        x, whole = v.name, v.name if v.rebind else f"{v.name}[...]"
        return [
            self.pick(
                [
                    f"{x}[1:] = {x}[:-1]",
                    f"{x}[:-1] = {x}[1:]",
                    f"{x}[1:] += {x}[:-1]",
                    f"{x}[:-1] *= {x}[1:]",
                    f"{x}[:] = {x}[::-1]",
                    f"{x}[::-1] -= 0.5 * {x}",
                    f"{whole} += {x}[::-1]",
                    f"{x}[1:] = np.sin({x}[:-1]) * {x}[1:]",
                    f"np.add({x}[1:], {x}[:-1], out={x}[1:])",
                    f"{x}[0] = {x}.sum()",
                    f"{x}[-1] += {x} @ {x} * 0.1",
                ]
            )
        ]

    @grows("statement", 18, "swap")
    def swap(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        if v is None:
            return []
        same = [w.name for w in scope.arrays(v.shape) if w.rebind]
        if len(same) > 1 and self.chance(0.5):
            one, other = self.dice.sample(same, 2)
            whole = f"{one}[:], {other}[:] = {other}, {one}"
            return [self.pick([f"{one}, {other} = {other}, {one}", whole])]
        if "fancy" in self.features and self.chance(0.2):
            return [f"{v.name}[[0, 1]] = {v.name}[[1, 0]]"]
        first, second = self.element(scope, v), self.element(scope, v)
        return [f"{first}, {second} = {second}, {first}"]

    # Views and aliases

    @grows("statement", 30, "view")
    def view(self, scope: Scope) -> list[str]:
        shape = self.shape()
        if self.chance(0.3):
            shape = (self.long - 1,)
        views = self.views(scope, shape)
        if not views:
            return []
        text = self.pick(views)
        return [f"{self.bind(scope, 'v', shape)} = {text}"]

    @grows("statement", 14, "view")
    def view_by_function(self, scope: Scope) -> list[str]:
        """Views whose shapes are no sizes of the grammar, written at once."""
        v = self.array(scope)
        if v is None or not v.shape:
            return []
        x, w = v.name, self.name("v")
        n = v.shape[0]
        size = n * (v.shape[1] if len(v.shape) == 2 else 1)
        options = [
            (f"{w} = {x}.reshape(-1)", (size,)),
            (f"{w} = {x}.ravel()", (size,)),
            (f"{w} = np.ravel({x})", (size,)),
            (f"{w} = np.reshape({x}, ({size}, 1))[:, 0]", (size,)),
            (f"{w}, {w}_rest = np.split({x}, [1])", (1, *v.shape[1:])),
            (f"{w} = np.squeeze({x}[None])", v.shape),
            (f"{w} = np.expand_dims({x}, 0)[0]", v.shape),
            (f"{w} = np.atleast_2d({x})[0]", v.shape[-1:]),
            (f"{w} = {x}.real", v.shape),
            (f"{w} = {x}.view()", v.shape),
            (f"{w} = np.asarray({x})", v.shape),
            (f"{w}, *_ = {x}", v.shape[1:] or None),
            (f"{w} = np.moveaxis({x}[None], 0, -1)[..., 0]", v.shape),
            (f"{w} = np.array_split({x}, 2)[0]", ((n + 1) // 2, *v.shape[1:])),
        ]
        if len(v.shape) == 2:
            options += [(f"{w} = {x}.transpose()", v.shape[::-1])]
            options += [(f"{w} = np.hsplit({x}, [1])[1]", (n, v.shape[1] - 1))]
        line, shape = self.pick(options)
        scope.vars.append(Var(w, shape))
        if shape is not None and self.chance(0.6) and "store" in self.features:
            new = Var(w, shape)
            key, part = self.key(scope, new)
            if part is None or min(part):
                return [line, f"{w}{key} {self.update(scope, None)}"]
        return [line]

    @grows("statement", 8, "view")
    def rows_written(self, scope: Scope) -> list[str]:
        """The rows of an array are views of it, wherever they come from."""
        m = self.matrix_var(scope)
        if m is None or not m.shape:
            return []
        row, x = self.name("row"), m.name
        head = self.pick(
            [f"for {row} in {x}:", f"for {row} in {x}.T:", f"for {row} in list({x}):"]
            + [f"for {row} in [{x}[0], {x}[-1]]:", f"for {row} in {x}[::-1]:"]
        )
        inner = scope.inner(Var(row + "[0]"), loop=True)
        return [head, f"    {row} {self.update(inner, None)}"]

    @grows("statement", 20, "alias")
    def alias(self, scope: Scope) -> list[str]:
        v = self.array(scope)
        return [f"{self.bind(scope, 'a', v.shape)} = {v.name}"] if v else []

    @grows("statement", 14, "choice")
    def choice(self, scope: Scope) -> list[str]:
        """A name for one of several arrays, which is then written."""
        v = self.array(scope)
        same = scope.arrays(v.shape) if v else []
        if v is None or not v.shape or len(same) < 2:
            return []
        one, other = self.dice.sample([w.name for w in same], 2)
        new = self.name("c")
        kind = self.some(0, 4)
        if kind == 0:
            head = [f"if {self.condition(scope)}:", f"    {new} = {one}"]
            head += ["else:", f"    {new} = {self.expr(scope, v.shape, 1)}"]
        elif kind == 1:
            head = [f"{new} = ({one}, {other})[{self.whole(scope)} % 2]"]
        elif kind == 2:
            head = [f"{new} = {one}", f"if {self.condition(scope)}:", f"    {new} = {other}"]
        elif kind == 3:
            head = [f"{new} = {{0: {one}, 1: {other}}}[{self.whole(scope)} % 2]"]
        else:
            head = [f"{new} = {one} if {self.condition(scope)} else {other}"]
        scope.vars.append(Var(new, v.shape))
        return [*head, f"{new}[0] {self.update(scope, v.shape[1:] or None)}"]

    def whole(self, scope: Scope) -> str:
        """A whole number that is not negative."""
        counters = [v.name for v in scope.counters() if v.span and v.span[0] >= 0]
        if counters and self.chance(0.7):
            return self.pick(counters)
        return f"int({self.condition(scope, 0)})"

    @grows("statement", 8, "rotate")
    def rotated(self, scope: Scope) -> list[str]:
        """Names that change places in a loop, one of them written on the way."""
        shape = self.shape()
        same = [v.name for v in scope.arrays(shape) if v.rebind]
        if len(same) < 2:
            return []
        names = self.dice.sample(same, self.some(2, min(3, len(same))))
        turned = [*names[1:], names[0]]
        i = self.name("i")
        inner = scope.inner(Var(i, span=(0, 3)), loop=True)
        turn = f"{', '.join(names)} = {', '.join(turned)}"
        lines = [f"    {names[0]}[0] {self.update(inner, shape[1:] or None)}"]
        if self.chance(0.4):
            lines += [f"    if {self.condition(inner)}:", f"        {turn}"]
        else:
            lines += [f"    {turn}"]
        return [f"for {i} in range({self.pick(['3', '2', scope.size])}):", *lines]

    # Buffers

    @grows("statement", 20, "buffer")
    def buffer(self, scope: Scope) -> list[str]:
        shape = self.shape()
        same = scope.arrays(shape)
        options = [f"np.zeros({shape})", f"np.ones({shape})", f"np.full({shape}, {self.number()})"]
        if same:
            x = self.pick(same).name
            options += [f"np.zeros_like({x})", f"{x}.copy()", f"np.full_like({x}, 0.0) + {x}"]
            options += [f"np.array({x})", f"np.copy({x})"]
        if shape == (self.long,):
            options += [f"np.zeros({scope.size})", f"np.ones({scope.size})"]
        if shape == (self.long, self.long):
            options += [f"np.eye({scope.size})"]
        if "float32" in self.features and self.chance(0.08):
            options = [f"np.zeros({shape}, np.float32)", f"np.ones({shape}, dtype=np.float32)"]
        text = self.pick(options)
        return [f"{self.bind(scope, 'b', shape)} = {text}"]

    @grows("statement", 12, "buffer")
    def work_buffer(self, scope: Scope) -> list[str]:
        """A buffer that holds nothing at first, filled anew in each iteration."""
        shape = self.shape()
        name = self.name("work")
        i = self.name("i")
        same = [v.name for v in scope.arrays(shape) if v.rebind]
        make = [f"np.empty({shape})", f"np.zeros({shape})"]
        make += [f"np.empty_like({same[0]})"] if same else []
        lines = [f"{name} = {self.pick(make)}"]
        inner = scope.inner(Var(i, span=(0, 3)), loop=True)
        fills = [
            "np.multiply({a}, {c}, out={w})",
            "{w}[:] = {a}",
            "{w}[...] = np.sin({a})",
            "np.copyto({w}, {a})",
            "{w}.fill({c})",
            "np.sin({a}, out={w})",
        ]
        a = self.expr(inner, shape, 1)
        fill = self.pick(fills).format(a=a, c=self.number(), w=name)
        if self.chance(0.3):
            row = self.expr(inner, shape[1:] or None, 1)
            scope.vars.append(Var(name, shape))
            return [*lines, f"for {i} in range({shape[0]}):", f"    {name}[{i}] = {row}"]
        inner.vars.append(Var(name, shape))
        use = f"{self.pick(same)} += 0.5 * {name}" if same else f"{name} *= 0.5"
        lines += [f"for {i} in range({self.pick([2, 3])}):", f"    {fill}"]
        if self.chance(0.4):
            lines += self.indented(inner.inner(), 1)
            if lines[-1].strip().startswith(("break", "continue", "return")):
                return []
        lines += [f"    {use}"]
        if self.chance(0.5):
            scope.vars.append(Var(name, shape))
        return lines

    @grows("statement", 9, "pingpong")
    def ping_pong(self, scope: Scope) -> list[str]:
        n = self.long
        if scope.depth >= 2:
            return []
        u, v = self.name("u"), self.name("v")
        start = self.expr(scope, (n,), 1)
        steps = self.pick([scope.size, "2", "3"])
        inner = scope.inner(Var(u, (n,)), loop=True)
        copy = self.pick(["({}) * 1.0", "({}).copy()", "{}"]).format(start)
        i = self.name("i")
        lines = [f"{u} = {copy}", f"{v} = np.zeros_like({u})", f"for {i} in range({steps}):"]
        key, shape = self.pick([("1:", (n - 1,)), (":", (n,)), ("::-1", (n,)), ("1:-1", (n - 2,))])
        value = f"0.5 * ({u}[2:] + {u}[:-2])" if key == "1:-1" else self.broadcast(inner, shape, 1)
        lines += [f"    {v}[{key}] = {self.bounded(inner, value)}", f"    {u}, {v} = {v}, {u}"]
        scope.vars += [Var(u, (n,)), Var(v, (n,))]
        return lines

    # Helpers that write

    @grows("statement", 26, "writers")
    def call_statement(self, scope: Scope) -> list[str]:
        writers = [f for f in scope.functions if f.is_statement]
        if not writers:
            return []
        function = self.pick(writers)
        args: list[str] = []
        for shape in function.params:
            if not shape:
                args.append(self.expr(scope, None, 1))
                continue
            names = [v.name for v in scope.arrays(shape)] + self.views(scope, shape)
            if not names:
                return []
            repeated = [a for a in args if a in names]
            args.append(self.pick(repeated if repeated and self.chance(0.3) else names))
        return [function.call.format(*args)]

    @grows("statement", 5, "float32")
    def single(self, scope: Scope) -> list[str]:
        """Through single precision and back, in one program of several."""
        v = self.array(scope)
        if v is None or self.chance(0.7):
            return []
        name = self.name("f")
        lines = [f"{name} = {v.name}.astype(np.float32)", f"{name} *= {self.factor()}"]
        return [*lines, f"{self.bind(scope, 't', v.shape)} = {name}.astype(np.float64)"]

    @grows("statement", 10, "complex")
    def complex_array(self, scope: Scope) -> list[str]:
        """Complex numbers inside, written through their real and imaginary parts."""
        shape = self.shape()
        a, b = self.expr(scope, shape, 1), self.broadcast(scope, shape, 1)
        z = self.name("z")
        lines = [f"{z} = ({a}) + {self.pick(['1j', '0.5j'])} * ({b})"]
        step = self.pick(
            [
                f"{z} = {z} * {z} * 0.3 + 0.2j",
                f"{z} *= np.exp(0.4j)",
                f"{z}.real[...] = np.sin({z}.imag)",
                f"{z}.imag *= {self.number()}",
                f"{z}[0] = {z}[-1].conjugate()",
                f"{z}.real[0] += {self.expr(scope, None, 1)}",
                f"{z} = np.conj({z})",
            ]
        )
        if "store" not in self.features:
            step = f"{z} = {z} * {z} * 0.3 + 0.2j"
        if self.chance(0.3):
            lines += [f"for {self.name('i')} in range(3):", *indent([step])]
        else:
            lines += [step]
        patterns = ["{}.real", "{}.imag", "np.abs({} + 2)", "np.real({0} * np.conj({0}))"]
        out = self.pick([*patterns, "np.angle({} + 3)"])
        return [*lines, f"{self.bind(scope, 't', shape)} = {out.format(z)}"]
