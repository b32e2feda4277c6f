"""Statistics of nothing: the value is nan, as NumPy has it, and the gradient is empty, too."""

import numpy as np
import pytest

from srcdiff import grad, hvp, pullback, value_and_grad

NOTHING = np.zeros(0)
X = np.array([1.0, 2.0])

OF_NOTHING = {
    "mean": lambda x: np.mean(x),
    "method mean": lambda x: x.mean(),
    "mean of squares": lambda x: np.mean((x - 1) ** 2),
    "mean along an axis": lambda x: np.sum(np.mean(x.reshape(0, 3), axis=0)),
    "var": lambda x: np.var(x),
    "std": lambda x: np.std(x),
    "std along an axis": lambda x: np.sum(np.std(x.reshape(0, 3), axis=0)),
    "nanmean": lambda x: np.nanmean(x),
    "average": lambda x: np.average(x),
    "median": lambda x: np.median(x),
    "sum by len": lambda x: np.sum(x) / len(x),
}
OF_A_PART_THAT_IS_EMPTY = {
    "mean of a mask": lambda x: np.mean(x[x > 100]),
    "mean of a slice": lambda x: np.mean(x[:0]),
    "var of a mask": lambda x: np.var(x[x > 100]),
    "std of a mask": lambda x: np.std(x[x > 100]),
}

ignored = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@ignored
@pytest.mark.parametrize("name", OF_NOTHING)
def test_the_mean_of_nothing_is_nan_and_its_gradient_is_empty(name):
    value, found = value_and_grad(OF_NOTHING[name], fallback="error")(NOTHING)
    assert np.isnan(value)
    assert found.shape == (0,) and found.dtype == float
    assert hvp(OF_NOTHING[name])(NOTHING, NOTHING).shape == (0,)
    assert pullback(OF_NOTHING[name], fallback="error")(NOTHING, 1.0)[0].shape == (0,)


@ignored
@pytest.mark.parametrize("name", OF_A_PART_THAT_IS_EMPTY)
def test_the_mean_of_an_empty_part_depends_on_no_element(name):
    value, found = value_and_grad(OF_A_PART_THAT_IS_EMPTY[name], fallback="error")(X)
    assert np.isnan(value)
    np.testing.assert_array_equal(found, [0.0, 0.0])


@ignored
def test_the_gradient_of_a_mean_of_nothing_keeps_its_dtype():
    found = grad(lambda x: np.mean(np.sin(x)), fallback="error")(NOTHING.astype("f4"))
    assert found.shape == (0,) and found.dtype == np.float32


@ignored
def test_nothing_comes_between_arrays_that_are_not_empty():
    df = grad(OF_NOTHING["mean of squares"])
    np.testing.assert_array_equal(df(X), [0.0, 1.0])
    assert df(NOTHING).shape == (0,)
    np.testing.assert_array_equal(df(X), [0.0, 1.0])
    assert "2.0 / x.size * (x - 1)" in df.source


def test_what_the_function_divides_by_zero_itself_still_raises():
    def f(x, n):
        return np.sum(x) * (1 / n)

    df = grad(f)
    np.testing.assert_array_equal(df(X, 2), [0.5, 0.5])
    with pytest.raises(ZeroDivisionError):
        df(X, 0)


@ignored
def test_an_array_by_an_int_of_zero_has_an_infinite_slope():
    np.testing.assert_array_equal(grad(lambda x, n: np.sum(x / n))(X, 0), [np.inf, np.inf])
