"""Registering rules: what is wrong is said at once."""

import numpy as np
import pytest

from srcdiff.runtime.registry import (
    NONDIFFERENTIABLE,
    RULES,
    nondifferentiable,
    rule_of,
    sample,
    spread,
    vjp_rule,
)


def product(x, y, scale=1.0):
    return scale * x * y


@pytest.fixture(autouse=True)
def registry_restored():
    rules, declared = dict(RULES), set(NONDIFFERENTIABLE)
    yield
    RULES.clear()
    RULES.update(rules)
    NONDIFFERENTIABLE.clear()
    NONDIFFERENTIABLE.update(declared)


def test_a_rule_is_found_by_its_function():
    @vjp_rule(product, at=[(1.0, 2.0), sample(np.ones(2), 3.0, scale=2.0)])
    def product_vjp(d_out, out, x, y, scale=1.0):
        return d_out * scale * y, d_out * scale * x

    rule = rule_of(product)
    assert rule.vjp is product_vjp and rule.jvp is None
    assert rule.name == "product"
    assert rule.functions == (product,)
    assert rule.at[0].args == (1.0, 2.0) and rule.at[1].kwargs == {"scale": 2.0}
    assert rule.analytic and not rule.linear


def test_a_sample_of_one_argument_needs_no_tuple():
    @vjp_rule(abs_of := lambda x: abs(x), at=[0.5, np.ones(2)])
    def abs_of_vjp(d_out, out, x):
        return d_out * np.sign(x)

    assert [len(point.args) for point in rule_of(abs_of).at] == [1, 1]


def test_what_has_no_rule_or_no_hash_gives_none():
    class Unhashable:
        __hash__ = None

        def __call__(self):
            """Nothing."""

    assert rule_of(print) is None
    assert rule_of(Unhashable()) is None


def test_a_rule_may_be_written_anew_as_in_a_notebook():
    for factor in (1, 2):

        @vjp_rule(product)
        def product_vjp(d_out, out, x, y, factor=factor):
            return factor * d_out * y, factor * d_out * x

    assert rule_of(product).vjp(1.0, 6.0, 2.0, 3.0) == (6.0, 4.0)


def test_a_function_takes_one_rule():
    with pytest.raises(ValueError, match="sin has a rule already, sin_vjp in .*elementwise"):

        @vjp_rule(np.sin)
        def another_vjp(d_out, out, x):
            return d_out


def test_a_function_is_either_differentiable_or_not():
    with pytest.raises(ValueError, match="sin has a derivative rule, sin"):
        nondifferentiable(np.sin)
    with pytest.raises(ValueError, match="floor is declared nondifferentiable"):

        @vjp_rule(np.floor)
        def floor_vjp(d_out, out, x):
            return d_out


def test_the_number_of_parameters_is_checked():
    with pytest.raises(TypeError, match=r"takes 1 arguments after d_out and out.* x, y"):

        @vjp_rule(product)
        def short_vjp(d_out, out, x):
            return d_out

    with pytest.raises(TypeError, match="needs 4 arguments after d_out and out"):

        @vjp_rule(product)
        def long_vjp(d_out, out, x, y, scale, more):
            return d_out

    with pytest.raises(TypeError, match=r"takes 2 positional parameters; it needs \(d_out, out"):

        @vjp_rule(np.spacing)
        def without_arguments_vjp(d_out, out):
            return d_out


@pytest.mark.parametrize(
    "point, message",
    [
        ((1.0,), "lacks y"),
        ((1.0, 2.0, 3.0, 4.0), "has 4 arguments, the rule takes 3: x, y, scale"),
        (sample(1.0, 2.0, skale=2.0), "'skale', which is not a parameter"),
    ],
)
def test_the_sample_points_are_checked(point, message):
    with pytest.raises(TypeError, match=message):

        @vjp_rule(product, at=[point])
        def product_vjp(d_out, out, x, y, scale=1.0):
            return d_out * y, d_out * x


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="needs the function that the rule is for"):
        vjp_rule()
    with pytest.raises(TypeError, match="'sin' is not a function"):
        vjp_rule("sin")
    with pytest.raises(TypeError, match="3 is not a function"):
        nondifferentiable(3)
    with pytest.raises(TypeError, match="must be a Python function"):
        vjp_rule(product)(np.multiply)


def test_nondifferentiable_decorates():
    @nondifferentiable
    def nearest(x):
        return round(x)

    assert nearest in NONDIFFERENTIABLE
    assert nearest(0.7) == 1


def test_spread_numbers_are_distinct_and_within_bounds():
    x = spread(4, 5, low=0.5, high=3)
    assert x.shape == (4, 5) and len(np.unique(x)) == 20
    assert 0.5 < x.min() and x.max() < 3
    np.testing.assert_array_equal(x, spread(4, 5, low=0.5, high=3))
