"""Python's own numbers: math, cmath, ints, complex, divmod, round and their kin."""

from tests.grammar.core import Core, grows
from tests.grammar.scope import Scope

SMOOTH = (
    "math.sin({})",
    "math.cos({})",
    "math.tanh({})",
    "float({})",
    "abs({})",
    "({}) ** 3 * 0.1",
    "math.exp(math.sin({}))",
    "math.sqrt(1 + ({}) ** 2)",
    "math.log(2 + ({}) ** 2)",
    "math.atan({})",
    "math.asinh({})",
    "math.erf({})",
    "math.log1p(({}) ** 2)",
    "math.expm1(0.3 * math.cos({}))",
    "math.hypot({}, 0.4)",
    "math.atan2({}, 1.3)",
    "math.fabs({})",
    "math.pow(1.2 + ({}) ** 2, 0.5)",
    "math.exp2(math.sin({}))",
    "math.cbrt(2 + ({}) ** 2)",
    "math.sinh(math.sin({}))",
    "math.acos(0.9 * math.sin({}))",
    "math.gamma(1.5 + math.sin({}) ** 2)",
    "math.log2(2 + ({}) ** 2)",
    "math.log10(2 + ({}) ** 2)",
    "math.radians({})",
    "pow({}, 2)",
    "math.copysign({}, 1.0)",
    "math.dist([{}, 0.2], [0.1, 1.4])",
)
PIECEWISE = (
    "math.fmod({}, 0.837)",
    "({}) % 0.837",
    "divmod({}, 0.837)[1]",
    "({}) // 0.837",
    "round({}, 1)",
    "math.floor({}) + 0.5",
    "math.ceil({})",
    "int({}) * 0.5",
    "math.trunc({})",
    "0.5 * (({0}) > 0.137) + ({0})",
    "math.modf({})[0]",
)


class Scalars(Core):
    @grows("number", 30, "math")
    def smooth_scalar(self, scope: Scope, depth: int) -> str:
        return self.pick(SMOOTH).format(self.expr(scope, None, depth - 1))

    @grows("number", 5, "piecewise")
    def piecewise(self, scope: Scope, depth: int) -> str:
        """A step or a saw tooth, off the grid of the sample numbers."""
        text = f"{self.expr(scope, None, depth - 1)} * 0.917 + 0.0137"
        return self.pick(PIECEWISE).format(text)

    @grows("number", 8, "scalar")
    def of_several(self, scope: Scope, depth: int) -> str:
        a, b = self.expr(scope, None, depth - 1), self.expr(scope, None, depth - 1)
        c = self.number()
        return self.pick(
            [
                "max({}, 0.213 + ({}))",
                "min({}, 0.213 + ({}))",
                "sum([{}, {}])",
                "sum(({}, {}), 1.5)",
                "math.prod([{}, {}])",
                "math.fsum([{}, {}])",
                "np.float64({}) * ({})",
                "max([{}, 0.117 + ({}), -1.003])",
                "np.maximum({}, 0.213 + ({}))",
                "np.hypot({}, 1 + ({}))",
                "divmod({} + 9.137, 2.713)[1] + ({})",
                "(lambda v, w: v * w)({}, {})",
                "np.clip({}, -0.903, 0.807 + ({}) ** 2)",
                f"(({{}}) * ({{}}) if {c} else 2)",
                "-(+({})) - ({})",
                "np.where({} > 0.117, 1.5, {}).item()",
            ]
        ).format(a, b)

    @grows("number", 5, "int")
    def of_ints(self, scope: Scope, depth: int) -> str:
        """Whole numbers at work: powers, shifts, truth values."""
        counters = scope.counters()
        k = self.pick(counters).name if counters else scope.size
        a = self.expr(scope, None, depth - 1)
        return self.pick(
            [
                f"({a}) * ({k} // 2)",
                f"({a}) * {k} ** 2 * 0.1",
                f"({a}) ** ({k} % 3)",
                f"({a}) * bool({k})",
                f"({a}) / ({k} + 9)",
                f"({a}) * (({k} << 1) - ({k} & 3)) * 0.1",
                f"({a}) * (-1) ** {k}",
                f"({a}) + len(range({k}))",
                f"({a}) * (2 if {k} > 1 else 3)",
                f"({a}) * (not {k})",
                f"({a}) * math.comb(4, abs({k}) % 4) * 0.2",
            ]
        )

    @grows("number", 4, "complex")
    def of_complex(self, scope: Scope, depth: int) -> str:
        a, b = self.expr(scope, None, depth - 1), self.expr(scope, None, depth - 1)
        return self.pick(
            [
                "abs(complex({}, 1 + ({}) ** 2))",
                "(complex({}, {}) ** 2).real",
                "(complex({}, 0.3) * complex(0.2, {})).imag",
                "abs(cmath.exp(complex(math.sin({}), {})))",
                "cmath.phase(complex(2 + ({}) ** 2, {}))",
                "(({}) + 1j * ({})).conjugate().imag",
                "cmath.sqrt(complex(1 + ({}) ** 2, {})).real",
            ]
        ).format(a, b)
