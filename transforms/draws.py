"""Random draws: generators made in the program, and draws that move with their parameters.

    g = np.random.default_rng(0)
    y = g.normal(mu, sigma)          y = mu + sigma * g.standard_normal(np.broadcast_shapes(…))
    z = np.random.normal(size=5)     as it is: an array of five floats

A draw happens once, in its place among the other effects, and gives the numbers that NumPy gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.runtime import kernels, numpy_twins
from srcdiff.transforms import abstract_core
from srcdiff.transforms.abstract_core import NeedsStatic, Unknown
from srcdiff.transforms.ir import Value
from srcdiff.transforms.kinds import FLOAT, OBJECT, Kind
from srcdiff.transforms.mutation import Memory
from srcdiff.transforms.references import Bound, Known, Plain, Ref

GENERATORS = (np.random.RandomState, np.random.Generator)
MAKERS = {np.random.default_rng, *GENERATORS}

# Where `size` stands among the arguments of what draws floats.
SIZE = {
    "standard_normal": 0, "random": 0, "random_sample": 0, "standard_exponential": 0,
    "exponential": 1, "rayleigh": 1, "standard_gamma": 1, "normal": 2, "uniform": 2, "laplace": 2,
    "logistic": 2, "gumbel": 2, "lognormal": 2, "gamma": 2,
}  # fmt: skip
# Where `out` stands, which is written.
OUT = {"random": 2, "standard_normal": 2, "standard_exponential": 3, "standard_gamma": 3}


def is_generator(obj: Any) -> bool:
    return isinstance(obj, GENERATORS)


def kind_of_draw(name: str, args: tuple, kwargs: dict) -> Kind:
    """What a draw gives, from the kinds of its arguments.

    >>> kind_of_draw("normal", (), {"size": (3, 2)}), kind_of_draw("randn", (4,), {})
    (f8[3,2], f8[4])
    >>> kind_of_draw("normal", (0.0, 1.0), {}), kind_of_draw("permutation", (5,), {})
    (float, object)
    """
    try:
        if name in ("rand", "randn"):
            return Kind("array", FLOAT.dtype, abstract_core.shape_arg(args)) if args else FLOAT
        if name not in SIZE or kwargs.keys() & {"dtype", "out", "method"}:
            return OBJECT
        at = SIZE[name]
        size = args[at] if len(args) > at else kwargs.get("size")
        if len(args) > at + 1:
            return OBJECT
        if size is None or type(size) is Kind and size.tag == "none":
            given = [abstract_core.numeric(a) for a in (*args[:at], *kwargs.values())
                     if a is not None and a is not size]  # fmt: skip
            if all(k.tag == "scalar" for k in given):
                return FLOAT
            dims = abstract_core.broadcast(*[k.dims for k in given])
            return Kind("array", FLOAT.dtype, dims) if dims else OBJECT
        return Kind("array", FLOAT.dtype, abstract_core.shape_arg(size))
    except (NeedsStatic, Unknown, TypeError, ValueError):
        return OBJECT


class Draws(Memory):
    generators: set[Value]  # those that the program has made

    def generator_made(self, made: Any, maker: Any) -> Any:
        if maker in MAKERS and isinstance(made, Plain):
            self.generators.add(made.value)
        return made

    def method_of_generator(self, base: Any, name: str) -> Bound | None:
        """A method of a generator that the program has made."""
        if not isinstance(base, Plain) or base.value not in self.generators:
            return None
        return Bound((base, name), "draw")

    def call_draw(self, ref: tuple, args: tuple, kwargs: dict, where: Any) -> Ref:
        base, name = ref
        given = args[OUT.get(name, len(args)) :]
        out = kwargs.get("out", given[0] if given else Known(None))
        if name == "shuffle" or not (isinstance(out, Known) and out.obj is None):
            raise self.refuse(where, f"`{name}` that writes, of a generator made in here,",
                              "Use an order: `x = x[g.permutation(len(x))]`.")  # fmt: skip
        found = self.reparameterised(
            name, lambda other: Bound((base, other), "draw"), args, kwargs, where
        )
        if found is not None:
            return found
        return self.opaque(kernels.draw, (base, Known(name), *args), kwargs, where)

    def drawn(self, obj: Any, args: tuple, kwargs: dict, where: Any) -> Ref | None:
        """A draw of a generator from outside whose parameters move; None for all else."""
        owner = getattr(obj, "__self__", None)
        if not is_generator(owner):
            return None

        def of(other: str) -> Known:
            method = getattr(owner, other)
            known = getattr(np.random, other, None)  # by the name that it has there
            return Known(known if known == method else method)

        return self.reparameterised(obj.__name__, of, args, kwargs, where)

    def reparameterised(self, name: str, of: Any, args: tuple, kwargs: dict,
                        where: Any) -> Ref | None:  # fmt: skip
        if name not in numpy_twins.DRAWS:
            return None
        if not any(self.may_flow(a) for a in (*args, *kwargs.values())):
            return None
        standard, twin = numpy_twins.DRAWS[name]
        return self.as_if_here(twin, (of(standard), *args), kwargs, where)
