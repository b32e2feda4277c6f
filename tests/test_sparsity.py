"""Sparse Jacobians and Hessians: patterns miss nothing, products put together are the matrix."""

import pickle

import numpy as np
import pytest
from scipy import integrate, optimize, sparse

from srcdiff import (
    SrcdiffError,
    UnsupportedSyntaxError,
    grad,
    hessian,
    hvp,
    jacobian,
    jacobian_sparsity,
)
from srcdiff.coordinates import Coordinates
from srcdiff.sparsity import as_pattern, colours
from tests.judge import fresh, positions
from tests.tangents import programs
from tests.tape import squared

X = np.array([1.3, 0.4, 2.1, 0.9, 1.7, 0.6])
K = np.diag([1.0, 2.0, 3.0]) + np.diag([0.5, 0.5], 1)


def text(pattern):
    return [" ".join("x" if entry else "." for entry in row) for row in pattern.toarray()]


# Patterns


def looped(x):
    out = np.empty_like(x)
    out[0], out[-1] = x[0], 1.0
    for i in range(1, len(x) - 1):
        out[i] = x[i - 1] * x[i + 1]
    return out


def test_a_stencil_in_a_loop():
    assert text(jacobian_sparsity(looped)(X)) == [
        "x . . . . .",
        "x . x . . .",
        ". x . x . .",
        ". . x . x .",
        ". . . x . x",
        ". . . . . .",
    ]


def carried(x):
    y = np.zeros(len(x))
    t = 0.0
    for i in range(len(x)):
        t = 0.5 * t + x[i]
        y[i] = t
    return y[1:] - y[:-1]


def stored(x):
    y = x.copy()
    y[1:-1] += y[2:]
    y[[0, 0, 5]] = y[[1, 2, 3]]
    y.reshape(2, 3)[:, 1] = y[0]
    return y


def joined(x):
    return np.concatenate([x[:2] * x[2], np.zeros(1), np.cumsum(x[3:]), [x[0], x.sum()]])


def turned(x):
    m = x.reshape(2, 3).T
    return np.outer(m[0], m[1]).sum(axis=0), np.roll(m, 1, axis=0)[::-1], np.diff(m, axis=1)


def matrices(x):
    return K @ x[:3], x[3:] @ K, np.dot(x.reshape(3, 2), x[:2]), np.eye(6)[2:4] @ x


def branched(x, flag):
    y = x * 1.0
    for i in range(len(x) - 1):
        if x[i] > 1.0:
            y[i] = x[i + 1]
        elif flag:
            y[i] = 0.0
    return y


def masked(x):
    y = np.where(x > 1.0, x**2, x[::-1])
    y[x > 2.0] = x[0]
    return np.maximum(y, x[1])


def of_an_index_that_varies(x):
    y = x * 1.0
    y[np.argmax(x)] = 0.0
    return y, x[np.argmin(x)], x[x > 1.0].sum()


def to_convergence(x):
    y = x * 1.0
    while np.sum(y) > 1.0:
        y = 0.5 * y
    return y[:2], x[3:5]


def lists(x):
    rows = []
    for v in x:
        rows.append(v * v)
    return np.stack([np.array(rows), x[::-1]]), [rows[0] * rows[1], x[5]]


def helped(x):
    def row(v, k):
        if k == 0:
            return v[0]
        return row(v, k - 1) * v[k]

    return np.array([row(x, k) for k in range(3)])


def reduced(x):
    m = x.reshape(3, 2)
    return m.mean(axis=1), np.max(m, axis=0, keepdims=True), np.linalg.norm(m, axis=1), m.prod()


def twice(x):
    return np.pad(np.tile(x[:2], 2), 1), np.repeat(x[2:4], 2), np.tril(np.outer(x[:2], x[4:]))


EXACT = [looped, stored, joined, turned, lists, reduced, twice, carried, matrices]
BROAD = [masked, of_an_index_that_varies, to_convergence, helped]


def at_several_points(f, *more):
    """Where the Jacobian is not zero at one of some points."""
    found = False
    for seed in range(12):
        x = np.random.default_rng(seed).uniform(0.2, 3.0, 6)
        found |= jacobian(f, matrix=True)(x, *more) != 0
    return found


@pytest.mark.parametrize("f", [*EXACT, *BROAD])
def test_no_entry_is_missed(f):
    found, wanted = jacobian_sparsity(f)(X).toarray(), at_several_points(f)
    assert found.shape == wanted.shape and not np.any(wanted & ~found)


@pytest.mark.parametrize("f", EXACT[:-2])
def test_there_is_no_entry_too_many(f):
    np.testing.assert_array_equal(jacobian_sparsity(f)(X).toarray(), at_several_points(f))


def test_a_fixed_matrix_counts_where_it_is_not_zero():
    found = text(jacobian_sparsity(matrices)(X))
    assert found[:3] == ["x x . . . .", ". x x . . .", ". . x . . ."]
    assert found[3:6] == [". . . x . .", ". . . x x .", ". . . . x x"]
    assert found[9:] == [". . x . . .", ". . . x . ."]


@pytest.mark.parametrize("flag", [True, False])
def test_a_branch_on_a_number_that_may_be_another(flag):
    found = jacobian_sparsity(branched)(X, flag)
    wanted = at_several_points(branched, flag)
    np.testing.assert_array_equal(found.toarray(), wanted)
    assert found.nnz == (6 if flag else 11)  # either branch's, whatever the numbers are now


def test_a_pattern_with_respect_to_several():
    def f(p, k, n):
        return p["w"][:n] * k, p["s"] * k

    p = {"w": np.ones(3), "s": 2.0, "n": 4}
    found = jacobian_sparsity(f, wrt=("p", "k"))(p, np.ones(2), 2)
    assert text(found) == [
        "x . . . x .", ". x . . . x", ". . . x x .", ". . . x . x",
    ]  # fmt: skip
    assert text(jacobian_sparsity(f, argnums=1)(p, 1.0, 3)) == ["x", "x", "x", "x"]


def test_one_array_that_is_passed_twice():
    def f(x, y):
        x[0] = y[1]
        return x * 1.0

    x = np.ones(2)
    wanted = jacobian(f, wrt=(0, 1), matrix=True)(x, np.ones(2)) != 0
    assert not np.any(wanted & ~jacobian_sparsity(f, wrt=(0, 1))(x, x).toarray())


def test_the_pattern_of_a_hessian():
    def valley(x):
        total = 0.0
        for i in range(len(x) - 1):
            total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        return total

    assert text(jacobian_sparsity(grad(valley))(X[:4])) == [
        "x x . .", "x x x .", ". x x x", ". . x x",
    ]  # fmt: skip


def test_a_gradient_through_branches_and_steps():
    def f(x):
        total = 0.0
        for k in range(3):
            y = x * (k + 1.0)
            for i in range(len(x) - 1):
                if y[i] > 1.0:
                    y[i] = y[i] * y[i + 1]
                total = total + y[i]
        return total

    found = jacobian_sparsity(grad(f))(X).toarray()
    for seed in range(6):
        x = np.random.default_rng(seed).uniform(0.2, 3.0, 6)
        assert not np.any((hessian(f)(x) != 0) & ~found)
    assert not found.all()


def products(f, places, args):
    """The Hessian, a row for each product with a unit vector."""
    args = [float(x) if type(x) is int and i in places else x for i, x in enumerate(args)]
    numbers = Coordinates(tuple(args[p] for p in places))
    rows = []
    for unit in np.eye(numbers.size):
        vectors = dict(zip(places, numbers.one(unit), strict=True))
        given = [y for i, x in enumerate(args) for y in ([x, vectors[i]] if i in vectors else [x])]
        rows.append(numbers.row(hvp(f, wrt=places)(*given)))
    return np.array(rows)


@pytest.mark.parametrize("f, args, wrt", list(programs(3))[::6])
def test_no_entry_of_a_hessian_is_missed(f, args, wrt):
    names = getattr(getattr(f, "__code__", None), "co_varnames", ())
    each = wrt if isinstance(wrt, tuple) else (wrt,)
    if not all(isinstance(w, int) or w in names for w in each):
        pytest.skip("it is taken with respect to arguments")
    places = tuple(positions(f, wrt))
    with np.errstate(all="ignore"):
        rows = products(f, places, fresh(args))
        try:
            found = jacobian_sparsity(grad(f, wrt=places), wrt=places)(*fresh(args)).toarray()
        except SrcdiffError as error:  # a recursion in a gradient; a complex argument
            pytest.skip(str(error))
    assert not np.any((np.abs(rows) > 1e-12) & ~found)


def test_what_does_not_compile_has_no_pattern():
    with pytest.raises(UnsupportedSyntaxError):
        jacobian_sparsity(squared)(X)


def test_effects_do_not_happen_again(capsys):
    noted = []

    def f(x):
        print("here")
        noted.append(1)
        return x * 2.0

    assert jacobian_sparsity(f)(X).nnz == 6
    assert capsys.readouterr().out == "here\n" and noted == [1]


def test_a_pattern_has_no_source():
    made = jacobian_sparsity(looped)
    made(X)
    with pytest.raises(SrcdiffError, match="generates no code"):
        made.source  # noqa: B018


# Matrices


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("f", [*EXACT, *BROAD])
def test_products_put_together_are_the_matrix(f, mode):
    found = jacobian(f, sparsity="auto", mode=mode)(X)
    assert isinstance(found, sparse.csr_array) and found.has_sorted_indices
    np.testing.assert_allclose(found.toarray(), jacobian(f, matrix=True)(X), rtol=1e-12)


def arrow(x):
    y = x**2
    y[0] = np.sum(x)
    return y


def test_rows_or_columns_whichever_are_fewer():
    by_rows, by_columns = jacobian(arrow, sparsity="auto"), jacobian(looped, sparsity="auto")
    by_rows(X), by_columns(X)
    assert "d_out" in by_rows.source and "x_dot" in by_columns.source
    ((_, _, groups),) = by_rows._detected.found
    assert (groups.by, groups.number) == ("rows", 2)


@pytest.mark.parametrize("form", [
    lambda p: p, lambda p: p.astype(float), sparse.csr_array, sparse.coo_matrix, sparse.csc_array,
    lambda p: p.tolist(), lambda p: np.ones_like(p),
])  # fmt: skip
def test_a_pattern_of_any_form(form):
    pattern = form(jacobian(looped)(X) != 0)
    found = jacobian(looped, sparsity=pattern)(X)
    np.testing.assert_allclose(found.toarray(), jacobian(looped)(X), rtol=1e-14)


def test_an_entry_that_is_zero_stays():
    found = jacobian(lambda x: x**2, sparsity=np.eye(3))(np.array([0.0, 1.0, 2.0]))
    assert found.nnz == 3 and found.data.tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("entry", [(1, 0), (2, 3), (4, 5), (0, 0)])
def test_a_pattern_that_lacks_an_entry_is_an_error(mode, entry):
    pattern = jacobian(looped)(X) != 0
    pattern[entry] = False
    with pytest.raises(SrcdiffError, match="entries in row .* that `sparsity` has not"):
        jacobian(looped, sparsity=pattern, mode=mode)(X)


def test_a_hessian_whose_pattern_lacks_an_entry():
    with pytest.raises(SrcdiffError, match="the hessian of `.*` has entries in row"):
        hessian(lambda x: x[0] * x[1] + x[2] ** 2, sparsity=np.eye(3))(np.ones(3))


@pytest.mark.parametrize("pattern, error, message", [
    (np.ones((6, 5)), ValueError, r"has the shape \(6, 5\), .* has \(6, 6\)"),
    (np.ones((5, 6)), ValueError, r"has the shape \(5, 6\), .* has \(6, 6\)"),
    (np.ones(6), TypeError, "must be a matrix"),
    ("banded", TypeError, "must be a matrix"),
])  # fmt: skip
def test_a_pattern_that_is_none(pattern, error, message):
    with pytest.raises(error, match=message):
        jacobian(looped, sparsity=pattern)(X)


def test_hessians():
    def chain(x, k):
        return k * np.sum(np.diff(x) ** 4) + np.sum(np.sin(x))

    dense = hessian(chain)(X, 2.0)
    upper = sparse.triu(np.diag(np.ones(6)) + np.diag(np.ones(5), 1))
    for pattern in ("auto", dense != 0, upper, sparse.tril(dense)):
        found = hessian(chain, sparsity=pattern)(X, 2.0)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-14)
        assert found.nnz == 16 and abs(found - found.T).max() == 0


def test_a_hessian_of_several_arguments():
    def f(p, k):
        return np.sum(p["a"] ** 2) * k + np.sum(p["b"] ** 3)

    args = {"a": np.array([1.0, 2.0]), "b": np.array([3.0])}, 0.5
    found = hessian(f, wrt=(0, 1), sparsity="auto")(*args)
    np.testing.assert_allclose(found.toarray(), hessian(f, wrt=(0, 1), matrix=True)(*args))
    assert found.nnz < 16


def test_what_comes_beside_the_output():
    def f(x):
        return np.sum(x**3), "beside"

    found, aux = hessian(f, has_aux=True, sparsity="auto")(X)
    assert aux == "beside" and found.nnz == 6
    found, aux = jacobian(f, has_aux=True, sparsity="auto")(X)
    assert aux == "beside" and found.shape == (1, 6)


def test_complex_outputs_and_single_precision():
    found = jacobian(lambda x: np.exp(1j * x), sparsity="auto", mode="reverse")(X)
    np.testing.assert_allclose(found.diagonal(), 1j * np.exp(1j * X))
    single = X.astype(np.float32)
    for mode in ("forward", "reverse"):
        found = jacobian(looped, sparsity="auto", mode=mode)(single)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.toarray(), jacobian(looped)(single), rtol=1e-6)


@pytest.mark.parametrize("f, x", [
    (lambda x: x * 2.0, np.zeros(0)), (lambda x: np.zeros(3), X), (lambda x: [], X),
    (lambda x: np.sum(x), X), (lambda x: 5, 2.0), (lambda x: x * x, 3.0),
])  # fmt: skip
def test_small_and_empty_ones(f, x):
    found, dense = jacobian(f, sparsity="auto")(x), jacobian(f, matrix=True)(x)
    assert found.shape == dense.shape
    np.testing.assert_array_equal(found.toarray(), dense)


def test_a_slope_that_is_not_finite():
    with np.errstate(all="ignore"):
        found = jacobian(np.sqrt, sparsity="auto")(np.array([0.0, 1.0, -1.0]))
    np.testing.assert_array_equal(found.diagonal(), [np.inf, 0.5, np.nan])


def test_a_pattern_is_found_once_for_arguments_that_are_alike():
    def f(x, t, n, table, flag):
        y = x * t + table
        if flag:
            y[n] += x[0]
        return y

    df = jacobian(f, sparsity="auto")
    table = np.zeros(6)
    for t in (1.0, 2.0, 3.0):
        df(X + t, t, 2, table, True)
    assert len(df._detected.found) == 1
    for args in ((1.0, 3, table, True), (1.0, 3, table, False), (1.0, 3, table + 1, False)):
        found = df(X, *args)
        np.testing.assert_allclose(found.toarray(), jacobian(f)(X, *args))
    assert len(df._detected.found) == 4
    assert df(np.ones(8), 1.0, 2, 0.0, True).shape == (8, 8)


def test_it_pickles_and_serves_methods():
    class Chain:
        k = 3.0

        def force(self, x):
            return self.k * np.diff(x)

    chain = Chain()
    np.testing.assert_array_equal(
        jacobian(chain.force, sparsity="auto")(X).toarray(), jacobian(chain.force)(X)
    )
    for df in (jacobian(looped, sparsity="auto"), jacobian(looped, sparsity=np.ones((6, 6)))):
        again = pickle.loads(pickle.dumps(df))
        np.testing.assert_array_equal(again(X).toarray(), df(X).toarray())
        np.testing.assert_array_equal(df.specialize(X)(X).toarray(), df(X).toarray())


# Colours


@pytest.mark.parametrize("pattern, count", [
    (np.eye(5), 1), (np.ones((3, 5)), 5), (np.zeros((3, 5)), 1), (np.tri(4), 4),
    (np.eye(7) + np.eye(7, k=1) + np.eye(7, k=-1), 3),
])  # fmt: skip
def test_columns_of_one_colour_share_no_row(pattern, count):
    of = colours(as_pattern(pattern))
    assert of.max() + 1 == count
    for group in range(count):
        assert np.all((pattern[:, of == group] != 0).sum(axis=1) <= 1)


def test_random_patterns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        pattern = rng.random((rng.integers(1, 30), rng.integers(1, 30))) < rng.uniform(0.0, 0.4)
        weights = rng.normal(size=pattern.shape) * pattern

        def f(x, weights=weights):
            return weights @ np.sin(x)

        x = rng.normal(size=pattern.shape[1])
        found = jacobian(f, sparsity=pattern)(x)
        np.testing.assert_allclose(found.toarray(), weights * np.cos(x), rtol=1e-12, atol=1e-15)


# SciPy


def heat(t, u, strength):
    du = np.zeros_like(u)
    du[1:-1] = 100 * (u[2:] - 2 * u[1:-1] + u[:-2]) + strength * u[1:-1] ** 2
    return du


def test_solve_ivp_takes_a_sparse_jacobian():
    u = np.sin(np.linspace(0.0, np.pi, 40))
    sparse_one = jacobian(heat, wrt="u", sparsity="auto")
    ours, theirs = (
        integrate.solve_ivp(heat, (0.0, 0.1), u, "BDF", args=(3.0,), jac=jac)
        for jac in (sparse_one, jacobian(heat, wrt="u"))
    )
    assert ours.success and len(sparse_one._detected.found) == 1
    np.testing.assert_allclose(ours.y[:, -1], theirs.y[:, -1], rtol=1e-6, atol=1e-12)


def test_least_squares_takes_a_sparse_jacobian():
    def residuals(x, data):
        return np.concatenate([x - data, 3.0 * np.diff(x) ** 2])

    data = np.sin(np.arange(30.0) / 5)
    ours, theirs = (
        optimize.least_squares(residuals, np.zeros(30), jac=jac, args=(data,), tr_solver="lsmr")
        for jac in (jacobian(residuals, sparsity="auto"), jacobian(residuals))
    )
    assert sparse.issparse(ours.jac)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-4)


def test_trust_constr_takes_a_sparse_hessian():
    def energy(x):
        return np.sum((x[1:] - x[:-1]) ** 4 + (x[1:] - 1.0) ** 2) + x[0] ** 2

    found = optimize.minimize(
        energy, np.zeros(8), jac=grad(energy), hess=hessian(energy, sparsity="auto"),
        method="trust-constr",
    )  # fmt: skip
    assert np.abs(grad(energy)(found.x)).max() < 1e-6


def test_the_memory_order_decides_what_a_reshape_is():
    def f(m):
        m.reshape(-1)[1] = m[0, 0] ** 2
        m.ravel()[2:4] *= 3.0
        return m * 1.0

    df = jacobian(f, sparsity="auto")
    m = np.arange(1.0, 7.0).reshape(2, 3)
    for x in (m, np.asfortranarray(m), m.copy()):
        np.testing.assert_array_equal(df(x).toarray(), jacobian(f, matrix=True)(x))
    assert len(df._detected.found) == 2


# What could be missed


TABLE = np.eye(3)


def test_an_array_outside_that_has_changed():
    df = jacobian(lambda x: TABLE @ x, sparsity="auto")
    assert df(np.ones(3)).nnz == 3
    TABLE[0, 2] = 5.0
    try:
        assert df(np.ones(3)).toarray().tolist() == TABLE.tolist()
    finally:
        TABLE[0, 2] = 0.0


SKIPPED = 1


def test_an_int_outside_that_decides_the_length_has_changed():
    global SKIPPED
    df = jacobian(lambda x: x[SKIPPED:] ** 2, sparsity="auto")
    assert df(X).shape == (5, 6)
    SKIPPED = 3
    try:
        np.testing.assert_array_equal(df(X).toarray(), np.diag(2 * X)[3:])
    finally:
        SKIPPED = 1


def test_an_array_beside_that_has_changed_in_place():
    df = jacobian(lambda x, m: m @ x, sparsity="auto")
    m = np.eye(3)
    assert df(np.ones(3), m).nnz == 3
    m[2, 0] = 4.0
    assert df(np.ones(3), m).toarray().tolist() == m.tolist()


def padded(x):
    return np.pad(x[:3], 1, mode="edge"), np.pad(x, (2, 0), mode="wrap"), np.pad(x[4:], 1)


def of_a_default(x, k=0.5, *, table=K):
    y = k * x
    return table @ y[:3] + k


def swapped(x, n):
    u, v = x[:3].copy(), x[3:].copy()
    for _ in range(n):
        u[0] += v[1]
        u, v = v, u
    return u, v


def left_early(x):
    total = np.zeros(3)
    for i in range(3):
        if i == 2:
            break
        total[i] = x[i] * x[i + 3]
    return total


def of_a_number_that_decides(x):
    n = int(x[0] * 4)
    y = x * 1.0
    for i in range(n):
        y[0] += y[i % 6]
    return y[:n], y


def filled_and_sorted(x):
    return np.full((2, 2), x[3]), np.sort(x[:3]), np.full_like(x, 2.0), np.einsum("i,j->ij", x, x)


def through_scalars(x):
    values = x.tolist()
    total = 0.0
    for v in values[2:4]:
        total += v
    return [total, max(values[0], values[1]), float(x[5]) ** 2]


def of_a_slice_that_varies(x):
    y = x * 1.0
    k = int(np.argmax(x))
    y[: k // 2] = 0.0
    y[k] += x[0]
    return y


@pytest.mark.parametrize("f, more", [
    (padded, ()), (of_a_default, ()), (swapped, (3,)), (swapped, (0,)), (left_early, ()),
    (filled_and_sorted, ()), (through_scalars, ()), (of_a_slice_that_varies, ()),
])  # fmt: skip
def test_an_entry_that_might_be_missed(f, more):
    found, wanted = jacobian_sparsity(f)(X, *more).toarray(), at_several_points(f, *more)
    assert not np.any(wanted & ~found)
    exact = jacobian(f, sparsity="auto")(X, *more).toarray()
    np.testing.assert_allclose(exact, jacobian(f, matrix=True)(X, *more), rtol=1e-12)


def test_a_border_of_maxima():
    padded = jacobian(lambda x: np.pad(x, 1, mode="maximum"), fallback="error")(X)
    found = jacobian_sparsity(lambda x: np.pad(x, 1, mode="maximum"))(X)
    assert not np.any(padded[~found.toarray().astype(bool)])


def test_an_output_whose_shape_varies():
    found = jacobian(of_a_number_that_decides, sparsity="auto")(X)
    expected = jacobian(of_a_number_that_decides, matrix=True)(X)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)


def test_too_much_work_is_taken_as_a_whole(monkeypatch):
    from srcdiff.transforms import dependence

    def stepped(x, n):
        y = np.zeros(len(x) + 1)
        for i in range(n):
            y[i % 6] = x[i % 6] ** 2
        return y, x[0]

    assert jacobian_sparsity(stepped)(X, 6).nnz == 7
    monkeypatch.setattr(dependence, "WORK", 20)
    found = jacobian_sparsity(stepped)(X, 1000)
    assert found.shape == (8, 6) and found[:7].nnz == 42
    gradient = jacobian_sparsity(grad(lambda x, n: np.sum(stepped(x, n)[0] ** 2)))(X, 1000)
    assert gradient.nnz == 36


def test_the_third_derivative_of_a_loop():
    def f(x):
        total = 0.0
        for i in range(len(x) - 1):
            total = total + x[i] ** 3 * x[i + 1]
        return total

    def second(x):
        return np.sum(hvp(f)(x, x))

    for g in (grad(second), grad(lambda x: np.sum(grad(f)(x) ** 2))):
        found = jacobian_sparsity(g)(X[:4]).toarray()
        assert not np.any((np.abs(jacobian(g, matrix=True)(X[:4])) > 1e-12) & ~found)


def test_rounding_is_no_entry_that_is_missing():
    def f(x):
        a, b = np.outer(x[:3], x[:3]), np.outer(x[3:], x[3:])
        return np.concatenate((np.linalg.eigvalsh(a), np.linalg.eigvalsh(b)))

    found = jacobian(f, sparsity="auto")(X)
    np.testing.assert_allclose(found.toarray(), jacobian(f)(X), atol=1e-12)
    whole = sparse.csr_array(np.ones((3, 3)))
    found = jacobian(lambda x: np.linalg.eigvalsh(np.outer(x, x)), sparsity=whole)(X[:3])
    np.testing.assert_allclose(found.toarray()[2], 2 * X[:3])
