"""Forms of NumPy's functions among loops, branches, stores and aliases."""

import numpy as np
import pytest

from srcdiff import NoRuleError, SrcdiffError, check_grads, grad, jvp, value_and_grad
from tests.judge import judge, right
from tests.tape import tape_gradient, value_and_grad_on_tape

V = np.array([-1.31, 0.62, 1.57, -0.28, 0.93])
M = np.array([[0.4, -1.2, 0.8], [1.3, 0.7, -0.5]])


def test_flatten_is_a_copy():
    def f(m):
        y = m.flatten()
        y[0] = 5.0 * m[1, 1]
        return np.sum(y * y) + m[0, 0]

    right(f, M)


def test_what_is_written_to_the_rows_of_unstack_is_written_to_the_array():
    def f(m):
        m = m * 1.0
        a, b = np.unstack(m)
        a += b
        return np.sum(m * m)

    right(f, M)


def test_matrix_transpose_is_a_view():
    def f(m):
        y = m * 2.0
        y.mT[0] = 3.0 * y[:, 1]
        return np.sum(y * y)

    right(f, M)


def test_windows_in_a_loop_that_writes():
    def f(v):
        total = 0.0
        y = v * 1.0
        for i in range(3):
            total += np.sum(np.lib.stride_tricks.sliding_window_view(y * y, 2)[i] ** 2)
            y[i] = np.sum(y, where=y > 0, initial=total)
        return total + np.sum(y)

    right(f, V)


def test_a_window_of_what_is_written_while_it_is_looked_at():
    def f(v):
        y = v * 1.0
        w = np.lib.stride_tricks.sliding_window_view(y, 2)
        y[1] = 7.0 * v[0]
        return np.sum(w[:, 0] * w[:, 1])

    try:
        right(f, V)
    except AssertionError as error:
        assert "refused" in str(error)


def test_reductions_with_a_mask_in_a_branch():
    def f(v, s):
        if np.any(v > 0, where=v < 1):
            out = np.max(v, where=v < 1, initial=s)
        else:
            out = np.min(v, initial=s)
        return out * np.mean(v, where=v > 0)

    right(f, V, 0.1, wrt=(0, 1))


def test_draws_in_a_loop_happen_once():
    def f(v):
        g = np.random.default_rng(3)
        total = 0.0
        for i in range(4):
            y = g.normal(v, 0.5 + v * v)
            if y[0] > 0:
                y[1] = g.uniform(y[0], 2.0 + y[0])
            total += np.sum(y * y)
        return total

    right(f, V)


def test_a_draw_of_a_generator_that_is_given():
    def f(v, g):
        return np.sum(g.normal(v, v * v) * g.normal(size=5))

    d = grad(f, fallback="error")(V, np.random.default_rng(5))
    g = np.random.default_rng(5)
    e, w = g.standard_normal(5), g.standard_normal(5)
    np.testing.assert_allclose(d, w * (1 + 2 * V * e), rtol=1e-12)


@pytest.mark.parametrize("name", ["normal", "lognormal", "exponential", "rayleigh", "laplace"])
def test_a_scale_below_zero_is_an_error_as_in_numpy(name):
    draw = getattr(np.random, name)

    def f(v):
        return np.sum(draw(scale=v) if name != "lognormal" else draw(sigma=v))

    for fallback in ("error", "tape"):
        with pytest.raises(ValueError, match="< 0"):
            grad(f, fallback=fallback)(V)


def test_float32_stays():
    def f(v):
        x, y = np.meshgrid(np.delete(v, 1), v)
        return np.sum(np.std(x * y, axis=1, where=y < 3)) + np.linalg.norm(x, 2)

    assert right(f, V.astype(np.float32))[1].dtype == np.float32


@pytest.mark.parametrize(
    "f",
    [
        lambda m: np.sum(np.linalg.norm(m, "nuc")),
        lambda m: np.sum(np.linalg.qr(m)[1] ** 3),
        lambda m: np.sum(np.cov(m) ** 2),
        lambda m: np.sum(np.logaddexp.reduce(m, axis=1) ** 2),
        lambda m: np.sum(np.var(m, axis=1, where=m < 1) ** 2),
        lambda m: np.sum(np.vander(m[0], 4) ** 2),
        lambda m: np.prod(m, where=m < 1, initial=2.0) ** 2,
        lambda m: np.sum(np.matvec(m, m[0] ** 2) * np.vecdot(m, m)),
        lambda m: np.sum(np.geomspace(m[1, 0], m[1, 1], 4) ** 2),
        lambda m: np.sum(np.pad(m, 1, mode="linear_ramp") ** 2),
        lambda m: np.sum(np.nanquantile(m, 0.3, axis=1) ** 2),
        lambda m: np.sum(np.delete(m, 1, axis=1) ** 3) + np.sum(np.i0(m) ** 2),
    ],
)
def test_the_second_derivative(f):
    check_grads(f, (M,), order=2)


@pytest.mark.parametrize(
    "f, x, expected",
    [
        (lambda x: np.max(x, initial=3.0), [1.0, 3.0, 3.0], [0, 1 / 3, 1 / 3]),
        (lambda x: np.max(x, where=x < 3, initial=-np.inf), [1.0, 3.0, 1.0], [0.5, 0, 0.5]),
        (lambda x: np.prod(x, where=x < 3), [0.0, 2.0, 3.0], [2, 0, 0]),
        (lambda x: np.std(x, where=x < 3), [1.0, 1.0, 3.0], [0, 0, 0]),
        (lambda x: np.sum(np.unique(x) * np.array([1.0, 10.0])), [2.0, 1.0, 2.0], [10, 1, 0]),
        (lambda x: np.logaddexp.reduce(x), [0.0, -np.inf, -np.inf], [1, 0, 0]),
        (lambda x: np.logaddexp.reduce(x), [-np.inf, -np.inf, -np.inf], [0, 0, 0]),
        (lambda x: np.logaddexp.reduce(x), [np.inf, 0.0, 1.0], [1, 0, 0]),
        (lambda x: np.hypot.reduce(x), [0.0, 0.0, 0.0], [0, 0, 0]),
        (lambda x: np.linalg.norm(x[:, None] * x, 1), [1.0, 0.0, 0.0], [2, 0, 0]),
        (lambda x: np.linalg.norm(np.diag(x), "nuc"), [1.0, 0.0, 2.0], [1, 0, 1]),
        (lambda x: np.linalg.norm(np.diag(x), 2), [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
        (lambda x: np.sum(np.maximum.accumulate(x)), [1.0, 1.0, 0.0], [1, 2, 0]),
    ],
)
def test_edges(f, x, expected):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(grad(f)(np.array(x)), expected, atol=1e-15)


def test_eigenvalues_that_turn_complex_from_one_call_to_the_next():
    def f(a):
        return np.sum(np.abs(np.linalg.eigvals(a)) ** 2)

    df = grad(f, fallback="error")
    for a in (np.array([[2.0, 0.3], [0.7, -1.0]]), np.array([[1.0, 2.0], [-1.5, 0.8]])):
        v = np.cos(np.arange(4.0)).reshape(2, 2)
        slope = (f(a + 1e-6 * v) - f(a - 1e-6 * v)) / 2e-6
        np.testing.assert_allclose(np.sum(df(a) * v), slope, rtol=1e-7)
        np.testing.assert_allclose(jvp(f)((a,), (v,))[1], slope, rtol=1e-7)


@pytest.mark.parametrize(
    "f",
    [
        lambda v: np.sum(np.pad(v, 1, mode="median")),
        lambda v: np.sum(np.linalg.qr(np.outer(v, v)[:, :2], "complete")[0]),
        lambda v: np.quantile(v, 0.3, method="inverted_cdf"),
        lambda v: np.sum(np.random.default_rng(0).gamma(v * v)),
    ],
)
def test_what_has_no_derivative_here_is_an_error(f):
    with pytest.raises((NoRuleError, SrcdiffError)):
        grad(f)(V)


def test_block_of_an_array_is_a_copy():
    def f(x, s):
        a = 1 * x
        b = np.block(a)
        b[0] = s
        return np.sum(a * x) + np.sum(b)

    x = np.array([1.0, 2.0])
    assert value_and_grad_on_tape(f)(x, 5.0)[0] == f(x, 5.0) == 12.0


def test_a_generator_made_inside_that_writes_is_left_to_the_tape():
    def shuffled(x):
        rng = np.random.default_rng(3)
        y = x * rng.standard_normal(3)
        rng.shuffle(y)
        return np.sum(y * np.arange(3.0))

    def drawn_into(x):
        rng = np.random.default_rng(3)
        y = x * 2.0
        rng.standard_normal(3, float, y)
        return np.sum(y * x)

    x = np.array([1.0, 2.0, 3.0])
    for f in (shuffled, drawn_into):
        with pytest.raises(SrcdiffError, match="that writes, of a generator made in here"):
            grad(f, fallback="error")(x)
    _, d = value_and_grad_on_tape(shuffled)(x)
    order = np.random.default_rng(3)
    weights = order.standard_normal(3)
    places = np.arange(3)
    order.shuffle(places)
    expected = np.zeros(3)
    expected[places] = weights[places] * np.arange(3.0)
    np.testing.assert_allclose(d, expected, rtol=1e-14)


@pytest.mark.parametrize("x", [0.7, V[[1, 2, 4]], np.float32(0.7)])
def test_powers_of_constants_that_have_names(x):
    def f(x):
        a, b, c, d, e, g = 2.3, 0.5, -1.0, 0.0, 1.0, 0.3
        q = 2.0
        y = x**a + x**b * x**c + np.power(x, d) * x**e + np.power(x, g) - x**q
        return np.sum(y * a**x * e**x + np.power(q, x))

    right(f, x)


def test_a_flat_iterator_is_an_operand_like_any_other():
    def f(x, s):
        y = x * s
        d = np.diag(y.flat)
        z = np.sum(np.sin(y.flat)) + np.max(y.flat) + np.dot(y.flat, y.flat)
        w = np.asarray(y.flat)
        w[0] = 2.0
        return np.sum(d @ d) * z + np.sum(w) + y[0, 0] * sum(y.flat) * len(y.flat)

    right(f, M, 1.7, wrt=(0, 1))
    right_on_tape(f, M, 1.7)


def right_on_tape(f, *args):
    verdict = judge(f, args, 0, gradient=tape_gradient)
    assert verdict.outcome == "right", verdict


@pytest.mark.parametrize("x", [0.7, np.array(0.3), np.array([0.3, 0.0, 0.4])])
@pytest.mark.parametrize("s", [0.8, 1.7, -1.0])
def test_what_one_bool_or_many_decide_on_is_stored(x, s):
    def f(x, s):
        y = np.zeros_like(x, dtype=float)
        np.copyto(y, x * s, where=s > 1)
        y[...] *= 2
        np.divide(s, x, out=y, where=x > 0.35)
        return np.sum(y + np.log(s, out=np.full_like(s, -9.0), where=(s > 0)))

    right(f, x, s, wrt=(0, 1))
    right_on_tape(f, x, s)


@pytest.mark.parametrize("x", [0.7, np.float64(0.7), V])
def test_what_takes_no_attributes_raises_as_in_python(x):
    def f(x, s):
        y = x * s
        try:
            y.name = "power"
            y = y * 0.0
        except AttributeError:
            y = y * 2.0
        return np.sum(y * y)

    right(f, x, 1.7, wrt=(0, 1))
    right_on_tape(f, x, 1.7)


def test_keywords_of_what_is_vectorized_are_vectorized_too():
    def h(a, b, k=1.0):
        return a * b**k if a > 0 else b * k

    known = np.vectorize(h)

    def f(x, s):
        made = np.vectorize(h)
        return np.sum(made(x, b=s)) + np.sum(known(x, s, k=x)) * s

    right(f, V, 1.7, wrt=(0, 1))
    right_on_tape(f, V, 1.7)


def test_a_real_transform_of_single_precision_stays_single():
    for n in (3, 4):
        x = np.linspace(0.3, 1.7, n, dtype=np.float32)
        d = grad(lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2), fallback="error")(x)
        assert d.dtype == np.float32
        wide = grad(lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2))(x.astype(float))
        np.testing.assert_allclose(d, wide, rtol=1e-5)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.reshape(x, shape=(2, 3)),
        lambda x: np.broadcast_to(array=x, shape=(2, 6)),
        lambda x: np.full_like(a=x, fill_value=2.0, shape=(2,)) * x[:2],
        lambda x: np.take(a=x, indices=[0, 2]),
        lambda x: np.stack(arrays=[x, x * x], axis=1),
        lambda x: np.array(object=[x[0], x[1]]),
        lambda x: np.asarray(a=x) * x,
        lambda x: np.vstack(tup=(x, x)),
    ],
)
def test_what_stands_at_a_place_may_be_named(f):
    from srcdiff import vmap

    x = np.linspace(0.3, 1.7, 18).reshape(3, 6)
    many = vmap(f, fallback="error")(x)
    np.testing.assert_allclose(many, np.stack([f(row) for row in x]), rtol=1e-14)
    right(lambda x: np.sum(np.cos(f(x))), x[0])
    _, d = value_and_grad_on_tape(lambda x: np.sum(np.cos(f(x))))(x[0])
    np.testing.assert_allclose(d, grad(lambda x: np.sum(np.cos(f(x))))(x[0]), rtol=1e-12)


def test_an_array_of_repetitions_is_refused_and_said_so():
    with pytest.raises(SrcdiffError, match="np.tile with an array of repetitions"):
        grad(lambda x: np.sum(np.tile(x, np.array([2, 1]))))(np.ones(3))


@pytest.mark.parametrize("x", [0.7, np.array(0.7)])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("reduce", [
    np.sum, np.prod, np.max, np.ptp, np.nansum, np.nanprod, np.cumsum, np.cumprod,
    np.add.reduce, np.maximum.reduce,
])  # fmt: skip
def test_a_number_is_reduced_along_its_first_and_last_axis(reduce, axis, x):
    def f(x):
        return np.sum(reduce(x * x, axis=axis) * x)

    right(f, x)
    right_on_tape(f, x)


def test_text_is_formatted_with_shapes_and_lists():
    def f(x, s):
        if x.ndim != 1 or s > 3:
            raise ValueError("a shape {} with {k}".format(x.shape, k=[s, 1.0]))  # noqa: UP032
        return np.sum(x * s) + len("{}".format(x.shape)) * s  # noqa: UP032

    right(f, V, 1.7, wrt=(0, 1))
    df = grad(f, fallback="error")
    assert "'a shape {} with {k}'.format(" in (df(V, 1.7), df.source)[1]
    with pytest.raises(ValueError, match=r"a shape \(5,\) with \[4.0, 1.0\]"):
        df(V, 4.0)


def test_a_quantile_of_single_precision_is_single():
    x = np.array([0.7, -1.3, 0.4], np.float32)
    for f in (lambda x: np.quantile(x, 0.3), lambda x: np.nanpercentile(x, 30.0)):
        value, d = value_and_grad(f, fallback="error")(x)
        assert value.dtype == d.dtype == f(x).dtype == np.float32


def test_many_examples_of_what_is_bound_in_no_branch_run_one_after_another():
    from srcdiff import vmap

    keep = np.array([0.0, 0.0, 1.0, 1.0, 0.0])

    def f(x):
        return np.trim_zeros(keep * x, "f")

    x = np.stack([V, 2 * V])
    np.testing.assert_array_equal(vmap(f)(x), np.stack([f(row) for row in x]))


def test_vectors_whose_length_is_not_known_are_crossed():
    def crossed(a, b, axis):
        return np.cross(a, b, axisa=0, axisc=axis)

    a, b = np.arange(6.0).reshape(3, 2), np.arange(6.0).reshape(2, 3) ** 2
    check_grads(lambda a, b: crossed(a, b, 0), (a, b))
    check_grads(lambda a, b: crossed(a, b, -1), (a, b))


def test_crossed_vectors_of_two_components_are_refused():
    def area(a, b):
        return np.sum(np.cross(a, b))

    with pytest.raises(NoRuleError, match="two components"):
        grad(area)(np.ones(2), np.array([1.0, 3.0]))
