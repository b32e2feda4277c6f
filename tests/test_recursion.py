"""Functions that call themselves: written out where their end is in sight, else compiled apart."""

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, grad, value_and_grad, vjp
from tests.gallery import some
from tests.judge import right


def source(f, *args, **settings):
    df = grad(f, fallback="error", **settings)
    df(*args)
    return df.source


# ---------------------------------------------------------------------------- known depth


def power(x, n):
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    return half * half * (x if n % 2 else 1.0)


def test_a_recursion_of_known_depth_is_written_out():
    def f(x):
        return power(x, 10)

    right(f, 1.1)
    assert source(f, 1.1).count("def ") == 1


def test_a_recursion_over_nested_tuples_is_written_out():
    def product(node):
        if isinstance(node, tuple):
            left, right = node
            return product(left) * product(right)
        return np.sin(node)

    right(product, ((0.3, (1.2, 0.4)), 2.0))
    assert source(product, ((0.3, (1.2, 0.4)), 2.0)).count("def ") == 1


def test_a_decision_tree_is_written_out():
    tree = (0, 0.1, (1, 0.2, 1.0, 2.0), (2, -0.3, (0, 0.0, 3.0, -1.0), 5.0))

    def decide(node, x):
        if not isinstance(node, tuple):
            return node * np.sum(x)
        i, t, a, b = node
        return decide(a, x) if x[i] < t else decide(b, x * 1.5)

    def f(x):
        return decide(tree, x)

    for seed in range(4):
        right(f, np.random.default_rng(seed).standard_normal(3))
    assert source(f, some(3)).count("def ") == 1


def test_a_recursion_over_dicts_is_written_out():
    def walk(d, x):
        if "leaf" in d:
            return np.sin(d["leaf"] * x)
        return walk(d["left"], x) + walk(d["right"], x * 2)

    right(lambda x: walk({"left": {"leaf": 2.0}, "right": {"left": {"leaf": 1.0},
                                                           "right": {"leaf": 0.5}}}, x), 0.4)


def test_a_deep_recursion_of_known_depth_is_not_written_out():
    def fall(x, n):
        return x if n == 0 else np.sin(fall(x, n - 1))

    def fibonacci(x, n):
        return x if n < 2 else fibonacci(x, n - 1) + 0.5 * fibonacci(x, n - 2)

    right(lambda x: fall(x, 60), 0.5)
    right(lambda x: fibonacci(x, 14), 0.5)
    for f in (lambda x: fall(x, 60), lambda x: fibonacci(x, 14)):
        assert source(f, 0.5).count("\n") < 30


# ---------------------------------------------------------------------------- run-time depth


def test_the_two_halves_of_a_helper():
    def f(x, n):
        if n == 0:
            return x
        return np.sin(f(x, n - 1))

    for n in (0, 1, 4):
        right(f, 0.5, n)
    assert source(f, 0.5, 3) == (
        "def f_vjp(x, n):\n"
        "    if n != 0:\n"
        "        f, pull_f = f_vjp(x, n - 1)\n"
        "        x = np.sin(f)\n"
        "\n"
        "    def pull(d_out):\n"
        "        if n != 0:\n"
        "            d_out = pull_f(d_out * np.cos(f))\n"
        "        return d_out\n"
        "    return x, pull\n"
        "\n"
        "\n"
        "def f_grad(x, n):\n"
        "    _, pull_f = f_vjp(x, n)\n"
        "    # adjoint\n"
        "    return pull_f(1.0)\n"
    )


def simpson(f, a, b, eps, whole, fa, fb, fm):
    m = (a + b) / 2
    lm, rm = (a + m) / 2, (m + b) / 2
    flm, frm = f(lm), f(rm)
    left = (m - a) / 6 * (fa + 4 * flm + fm)
    right = (b - m) / 6 * (fm + 4 * frm + fb)
    delta = left + right - whole
    if abs(delta) < 15 * eps:
        return left + right + delta / 15
    return simpson(f, a, m, eps / 2, left, fa, fm, flm) + simpson(
        f, m, b, eps / 2, right, fm, fb, frm
    )


def test_adaptive_quadrature():
    def integral(k, b):
        def f(t):
            return np.exp(-k * t * t) * np.sin(3 * t)

        fa, fb, fm = f(0.0), f(b), f(b / 2)
        return simpson(f, 0.0, b, 1e-9, b / 6 * (fa + 4 * fm + fb), fa, fb, fm)

    right(integral, 0.7, 2.0, wrt=(0, 1), rtol=1e-5)


def even(x, n):
    return x if n == 0 else odd(np.sin(x), n - 1)


def odd(x, n):
    return 2 * x if n == 0 else even(np.exp(-x), n - 1)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_mutual_recursion(n):
    right(lambda x, n: np.sum(even(x, n)), some(3), n)


def test_recursion_that_stops_on_a_float():
    def root(a):
        def step(y):
            new = (y + a / y) / 2
            if abs(new - y) < 1e-12:
                return new
            return step(new)

        return step(1.0)

    right(root, 1.3)


def test_the_function_itself_is_recursive_and_returns_an_array():
    def f(x, n):
        if n == 0:
            return np.sum(x)
        return f(np.tanh(x) * 1.5, n - 1) + x[n]

    for n in (0, 2):
        right(f, some(4), n)


def test_slices_of_the_argument():
    def total(v):
        if len(v) <= 2:
            return np.sum(v**2)
        m = len(v) // 2
        return total(v[:m]) * np.sin(total(v[m:]))

    for n in (1, 2, 5, 8):
        right(total, some(n))


def test_a_nested_function_reads_names_of_the_functions_around_it():
    def f(x, n):
        scale = np.sin(x[0])

        def go(k):
            if k < 2:
                return x[k] * scale
            return go(k - 1) + x[2] * go(k - 2)

        first = go(n)
        scale = scale * 2  # read when `go` is called
        return first * go(n - 1)

    right(f, some(5), 6)


def test_several_results():
    def f(x, n):
        def go(a, b, k):
            if k == 0:
                return a, b
            c, d = go(b, a * b, k - 1)
            return c + d, d * 0.5

        a, b = go(x, np.sin(x), n)
        return np.sum(a * b)

    for n in (0, 1, 4):
        right(f, some(3), n)


def test_one_result_twice_and_constants():
    def f(x, n):
        def go(v, k):
            if k == 0:
                return v, v, 2.0
            a, b, c = go(np.cos(v), k - 1)
            return b, a * v, c

        a, b, c = go(x, n)
        return np.sum(a * b) * c

    for n in (0, 1, 2, 3):
        right(f, some(3), n)


def test_float32():
    def f(x, n):
        return np.sum(x) if n == 0 else f(x * x, n - 1) * x[0]

    right(f, some(3).astype(np.float32), 3)


def test_zero_d_arrays_and_matrices():
    def f(x, n):
        return x * 2.0 if n == 0 else np.sin(f(x * x, n - 1))

    def matrix_power(a, n):
        return np.eye(len(a)) if n == 0 else a @ matrix_power(a, n - 1)

    right(f, np.array(0.4), 3)
    right(lambda a, n: np.sum(matrix_power(a, n) ** 2), some(3, 3), 3)


def test_a_helper_that_nothing_flows_through():
    def f(x, n):
        def factorial(k):
            return 1.0 if k <= 1 else k * factorial(k - 1)

        return x * factorial(n) + x**2

    right(f, 2.5, 3)
    assert "pull" not in source(f, 2.5, 3)


def test_an_unbroken_chain_of_calls_in_a_loop():
    def f(x, n):
        s = 0.0
        for i in range(n):
            s += power(x, i) * power(x, 3)
        return s

    for n in (0, 1, 4):
        right(f, 1.1, n)


def test_a_loop_around_a_call_of_itself():
    def f(x):
        def go(lo, hi):
            s = 0.0
            for i in range(lo, hi):
                s += x[i] ** 2
            if hi - lo <= 1:
                return s
            m = (lo + hi) // 2
            k = 0
            while k < hi - m:
                s += go(lo, m) * (k + 1)
                k += 1
            return s + go(m, hi)

        return go(0, len(x))

    for n in (1, 2, 6):
        right(f, some(n))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_call_in_a_branch(sign):
    def go(x, n):
        return np.sum(x) if n == 0 else go(np.tanh(x), n - 1) + x[n]

    def f(x, n):
        if x[0] > 0:
            y = go(x, n)
        else:
            y = -go(x, n + 1)
        return y * 2

    right(f, sign * np.array([0.3, 0.1, -0.6, 0.5]), 2)


def test_another_form_of_the_arguments():
    def go(x, n, scale=None):
        if scale is None:
            return go(x, n, 2.0)
        if n == 0:
            return x * scale
        return go(x * scale, n - 1, scale + x)

    right(lambda x, n: go(x, n), 0.3, 3)


def test_ints_and_floats_of_one_name():
    def total(x, k):
        return 0 if k == len(x) else x[k] ** 2 + total(x, k + 1)

    for n in (0, 1, 4):
        right(lambda x: total(x, 0) * 1.5, some(n))


# ---------------------------------------------------------------------------- memory


def test_what_is_stored_into_own_arrays():
    def f(x, n):
        def go(v, k):
            y = v.copy()
            y[0] = y[0] * y[1]
            if k == 0:
                return y
            y[1:] += go(y, k - 1)[:-1]
            return y

        z = go(x, n)
        z[0] *= 3
        return np.sum(z**2)

    for n in (0, 1, 3):
        right(f, some(4), n)


def test_an_argument_is_written_after_the_call():
    def f(x, n):
        def go(v, k):
            return np.sum(v**2) if k == 0 else v[0] * go(v * 1.1, k - 1)

        y = x * 2
        s = go(y, n)
        y[0] = 7.0
        s += go(y, 1)
        y[1:] = 0
        return s + np.sum(y)

    for n in (0, 1, 3):
        right(f, some(4), n)


def test_arguments_and_results_are_written_in_a_loop():
    def f(x, n):
        def go(v, k):
            return v * v if k <= 0 else v * go(np.cos(v), k - 1)

        y = x * 2
        s = 0.0
        for i in range(n):
            w = go(y, i)
            w[0] += 1.0
            y[i] = w[i + 1] * 0.1
            s = s + np.sum(w)
        return s + np.sum(y**2)

    for n in (0, 1, 3):
        right(f, some(4), n)


def test_a_result_that_is_the_argument_is_written():
    def go(v, k):
        return v if k == 0 else go(v, k - 1)

    def f(x, n):
        y = x * 2
        z = go(y, n)
        z[0] = 5.0
        return np.sum(y**2) + z[1]

    for n in (0, 2):
        right(f, some(3), n)


def test_a_result_that_may_be_a_view_of_the_argument_is_not_written():
    def go(v, k):
        return v if k == 0 else go(v[1:], k - 1)

    def f(x, n):
        y = x * 2
        z = go(y, n)
        z[0] = 5.0
        return np.sum(y**2)

    with pytest.raises(UnsupportedSyntaxError, match="may share its memory"):
        grad(f, fallback="error")(some(3), 1)
    right(lambda x, n: np.sum(go(x, n) * x[-1]), some(4), 2)


def test_arguments_that_are_written():
    def smooth(v, k):
        if k > 0:
            v[k] = v[k] * v[k - 1]
            smooth(v[:-1], k - 1)
            v[0] += v[k]

    def f(x, n):
        y = x.copy()
        smooth(y, n)
        smooth(y, 1)
        return np.sum(y**2)

    for n in (0, 1, 3):
        right(f, some(5), n)


def test_an_argument_that_is_written_and_returned():
    def fill(v, k):
        v[k] = v[k] ** 2
        return v if k == 0 else fill(v, k - 1)

    def f(x, n):
        y = x * 2
        z = fill(y, n)
        z[0] += 1.0
        return np.sum(y**2) + np.sum(z)

    for n in (0, 2):
        right(f, some(4), n)


def test_an_argument_that_is_written_and_given_twice_is_refused():
    def go(v, w, k):
        v[k] = w[0]
        return np.sum(v) if k == 0 else go(v, w, k - 1)

    def f(x, n):
        y = x * 2
        return go(y, y[1:], n)

    with pytest.raises(UnsupportedSyntaxError, match="given its memory twice"):
        grad(f, fallback="error")(some(3), 1)


def test_names_of_outer_functions_that_are_written():
    def f(x, n):
        total, count = 0.0, 0

        def go(k):
            nonlocal total, count
            count += 1
            if k > 0:
                total = total + x[k] ** 2 * count
                go(k - 1)
                total = total * x[0]

        go(n)
        first = total
        for i in range(2):
            go(i)
        return total * first * count

    for n in (0, 1, 3):
        right(f, some(5), n)


def test_lists_and_dicts_of_others_that_are_changed():
    def f(x, n):
        found, sums = [x[0], 1.0], {"calls": 0, "total": 0.0}

        def go(k):
            found[0] = found[0] * 2
            sums["calls"] += 1
            sums["total"] += found[0] * x[k]
            return x[k] if k == 0 else go(k - 1) * found[1]

        return go(n) + found[0] * sums["total"] * sums["calls"]

    for n in (0, 1, 3):
        right(f, some(4), n)


def test_a_list_that_grows_with_each_call():
    def f(x, n):
        found = []

        def walk(k):
            if k > 0:
                found.append(x[k] ** 2)
                walk(k - 1)
                found.append(x[0] * x[k])

        walk(n)
        return sum(found) * len(found)

    for n in (1, 2, 3):
        right(f, some(4), n)
    assert source(f, some(4), 3).count("def ") == 3


def test_objects_that_their_methods_change():
    class Counter:
        def __init__(self, w):
            self.w, self.calls, self.last = w, 0, 1.0

        def go(self, x, n):
            self.calls += 1
            self.last = self.last * x
            return x * self.w if n == 0 else self.go(np.sin(x), n - 1)

    def f(x, n):
        counter = Counter(x)
        return counter.go(x, n) * counter.calls + counter.last

    for n in (0, 1, 3):
        right(f, 0.7, n)


def test_lists_that_are_returned_or_held_stay_themselves():
    def f(x, n):
        items = [x, 2.0]
        state = {"items": items, "n": 0}

        def go(k):
            state["n"] += 1
            items[1] = items[1] * x
            return items if k == 0 else go(k - 1)

        found = go(n)
        found[0] = 3.0 * x
        items.append(x**2)
        return sum(state["items"]) * state["n"] + items[0] * len(found)

    for n in (0, 2):
        right(f, 0.7, n)


def test_a_list_that_is_given_twice_and_changed():
    def go(a, b, k):
        a[0] = b[0] * 2
        return a[0] if k == 0 else go(a, b, k - 1)

    def f(x, n):
        items = [x, 1.0]
        return go(items, items, n) + items[0] ** 2

    for n in (0, 2):
        right(f, 0.5, n)


def test_methods_and_objects():
    class Net:
        def __init__(self, w):
            self.w = w

        def go(self, x, n):
            return x if n == 0 else np.tanh(self.w * self.go(x, n - 1))

    net = Net(1.5)

    def f(x, n):
        return net.go(x, n) * Net(x).go(x * 2, n)

    for n in (0, 3):
        right(f, 0.3, n)


def test_containers_in_and_out():
    def f(x, n):
        def go(p, k):
            if k == 0:
                return {"a": p["w"], "b": [1.0, p["b"] * 2]}
            r = go({"w": np.sin(p["w"]), "b": p["b"] * 1.1}, k - 1)
            return {"a": r["a"] * x, "b": [r["b"][0] * 2, r["b"][1] * r["a"]]}

        r = go({"w": x, "b": x**2}, n)
        return np.sum(r["a"] * r["b"][1]) * r["b"][0]

    for n in (0, 1, 3):
        right(f, some(3), n)


def test_masks_select_what_the_calls_are_given():
    def sort(v):
        if len(v) <= 1:
            return v
        p = v[0]
        return np.concatenate([sort(v[v < p]), v[v == p], sort(v[v > p])])

    right(lambda x: np.sum(sort(x) * np.arange(8.0)), some(8))


def test_a_fast_fourier_transform():
    def fft(v):
        n = len(v)
        if n == 1:
            return v
        e, o = fft(v[0::2]), fft(v[1::2])
        w = np.exp(-2j * np.pi * np.arange(n // 2) / n)
        return np.concatenate([e + w * o, e - w * o])

    right(lambda x: np.sum(np.abs(fft(x + 0j)) ** 2 * np.arange(8.0)), some(8))


def test_a_call_in_a_conditional_expression():
    def fraction(x, n):
        return x + (1 / fraction(x, n - 1) if n > 0 else 0)

    for n in (0, 1, 4):
        right(fraction, 1.2, n)


def test_flags_that_alternate():
    def go(v, k, flip, mode="a"):
        if k == 0:
            return v
        return go(v * 2 if flip else np.sin(v), k - 1, not flip, "b" if mode == "a" else "a")

    for n in (0, 1, 4):
        right(lambda x, n: np.sum(go(x, n, True)), some(3), n)


def test_a_recursion_without_end_is_refused():
    def go(x):
        return go(x * 2)

    with pytest.raises(UnsupportedSyntaxError, match="never returns"):
        grad(lambda x: go(x) if x > 0 else x, fallback="error")(1.0)


# ---------------------------------------------------------------------------- globals, effects

SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])


def scaled(x, n):
    return x * SCALE if n == 0 else TABLE[n] * np.sin(scaled(x, n - 1))


def test_globals_are_read_live(monkeypatch):
    df = value_and_grad(scaled, fallback="error")
    for scale, table in ((2.0, TABLE), (3.0, TABLE), (3.0, TABLE * 2)):
        monkeypatch.setitem(globals(), "SCALE", scale)
        monkeypatch.setitem(globals(), "TABLE", table)
        value, gradient = df(0.3, 2)
        assert value == scaled(0.3, 2)
        h = 1e-6
        assert np.isclose(gradient, (scaled(0.3 + h, 2) - scaled(0.3 - h, 2)) / (2 * h))


def test_effects_happen_once(capsys):
    def go(x, n):
        print("at", n)
        return x if n == 0 else np.sin(go(x, n - 1))

    value_and_grad(go, fallback="error")(0.3, 2)
    assert capsys.readouterr().out == "at 2\nat 1\nat 0\n"


def test_an_exception_on_a_path_that_is_not_taken():
    def f(x, n):
        if n == 0:
            return np.sum(x**2)
        raise ValueError("no")

    right(f, some(3), 0)
    with pytest.raises(ValueError, match="no"):
        grad(f, fallback="error")(some(3), 1)


def test_vjp_of_a_recursive_function():
    def f(x, n):
        return x if n == 0 else np.sin(f(x, n - 1)) * x

    x = some(3)
    value, pull = vjp(lambda x: f(x, 3), x)
    assert np.array_equal(value, f(x, 3))
    for d in (np.ones(3), np.array([1.0, 0.0, 2.0])):  # again and again
        expected = grad(lambda x, d: np.sum(f(x, 3) * d))(x, d)
        assert np.allclose(pull(d)[0], expected)


def test_one_of_two_arrays_is_given_and_written_later():
    def go(v, k):
        return np.sum(v**2) if k == 0 else v[0] * go(np.sin(v), k - 1)

    def f(x, n):
        a, b = x * 2, x * 3
        y = a if x[0] > 0.2 else b
        s = go(y, n)
        y[0] = 1.0
        return s + np.sum(a * b)

    for first in (0.1, 0.5):
        right(f, np.array([first, 0.3, -0.2]), 2)


SETTINGS = {"gain": 2.0, "shift": 1.0}


def gained(x, n):
    return x * SETTINGS["gain"] if n == 0 else gained(np.sin(x), n - 1) + SETTINGS["shift"]


def test_a_dict_from_outside():
    def reads(x, n):
        y = gained(x, n)
        if x > 0:
            y = y * SETTINGS["shift"]
        return y + gained(x, n - 1)

    def writes(x, n):
        SETTINGS["gain"] = x
        try:
            return gained(x, n)
        finally:
            SETTINGS["gain"] = 2.0

    for n in (1, 3):
        right(reads, 0.3, n)
    with pytest.raises(UnsupportedSyntaxError, match="while `SETTINGS`, which lies outside"):
        grad(writes, fallback="error")(0.3, 2)
    assert SETTINGS == {"gain": 2.0, "shift": 1.0}
