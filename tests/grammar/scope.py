"""What a program may use at a place: names and their shapes, functions, lists, objects."""

from dataclasses import dataclass, field, replace

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Var:
    """What can be read: an array of a shape, a number (shape None), a counter (with its range).

    The name may be any place: `x`, `box[0]`, `d['w']`, `self.w`.
    """

    name: str
    shape: Shape | None = None
    span: tuple[int, int] | None = None
    rebind: bool = True  # it may stand left of `=`; an array in a tuple may only be written into

    @property
    def is_place(self) -> bool:
        return not self.name.isidentifier()


@dataclass(frozen=True)
class Function:
    """What can be called: `call` has a field for each parameter."""

    call: str
    params: tuple[Shape | None, ...]
    returns: Shape | None = None
    is_statement: bool = False  # it writes, and what it returns is not used
    names: tuple[str, ...] = ()  # of the parameters, where they can be given by name


@dataclass(frozen=True)
class Grown:
    """A list of unknown length, never empty, with items of one shape."""

    name: str
    shape: Shape | None


@dataclass(frozen=True)
class Class:
    """A class of the module: what its constructor takes, what an instance `{o}` has."""

    name: str
    params: tuple[Shape | None, ...]
    fields: tuple[Var, ...]
    functions: tuple[Function, ...]
    kind: str = "class"  # class, dataclass, namedtuple


@dataclass
class Scope:
    vars: list[Var]
    functions: list[Function] = field(default_factory=list)
    lists: list[Grown] = field(default_factory=list)
    depth: int = 0
    in_loop: bool = False  # `break` and `continue` have a target
    returns: Shape | None = None
    may_return: bool = True
    size: str = "n"  # how the long size is spelled: a parameter of `f`, a number elsewhere

    def inner(self, *new: Var, loop: bool = False) -> "Scope":
        """The scope of a nested block; what is bound in it stays in it."""
        return replace(
            self,
            vars=[*self.vars, *new],
            functions=list(self.functions),
            lists=list(self.lists),
            depth=self.depth + 1,
            in_loop=self.in_loop or loop,
        )

    def captured(self, *new: Var, returns: Shape | None = None, result: bool = True) -> "Scope":
        """The scope of a nested function: the names around it are read and written into only."""
        inner = self.inner()
        inner.vars = [v if v.is_place else replace(v, rebind=False) for v in self.vars]
        inner.vars += new
        inner.lists = []
        inner.in_loop, inner.returns, inner.may_return = False, returns, result
        return inner

    def arrays(self, shape: Shape | None = None) -> list[Var]:
        return [v for v in self.vars if v.shape and shape in (None, v.shape)]

    def numbers(self) -> list[Var]:
        return [v for v in self.vars if v.shape is None and v.span is None]

    def scalars(self) -> list[Var]:
        """Numbers and arrays without dimensions."""
        return [v for v in self.vars if not v.shape and v.span is None]

    def counters(self) -> list[Var]:
        return [v for v in self.vars if v.span is not None]

    def targets(self) -> list[Var]:
        """Numbers and arrays that may stand left of `=`."""
        return [v for v in self.vars if v.span is None and v.rebind]
