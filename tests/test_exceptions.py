"""`try`: the handler runs where the exception comes from a test that can be seen, else the tape."""

import math
import warnings

import numpy as np
import pytest

from srcdiff import UnsupportedSyntaxError, grad, value_and_grad
from tests.gallery import some
from tests.judge import judge, right, right_or_refused
from tests.tape import tape_gradient

X = np.array([0.5, 1.5, -0.7])
M = np.array([[0.5, 1.5, -0.7], [1.0, 2.0, 3.0]])
PROGRAMS: list = []


def at(*points):
    """The argument tuples that a program is judged at."""

    def note(f):
        PROGRAMS.extend(
            pytest.param(f, args, id=f"{f.__name__}-{i}") for i, args in enumerate(points)
        )
        return f

    return note


def checked(x):
    if x < 0:
        raise ValueError("negative")
    return math.sqrt(x)


class Oops(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


@at((X,))
def tryfinally(x):
    y = x * 2
    try:
        y = y * x
    finally:
        y = y + 1
    return np.sum(y)


@at((X,))
def tryfinally_return(x):
    log = []
    try:
        for v in x:
            if v > 1:
                return v * v
    finally:
        log.append(1)
    return x[0]


@at((X,), (-X,))
def try_raise(x):
    try:
        if np.sum(x) < 0:
            raise ValueError("negative")
        y = np.sum(x)
    except ValueError:
        y = np.sum(x * x)
    return y * 2


@at((2.0,), (-3.0,))
def try_helper(x):
    try:
        y = checked(x) * 3
    except ValueError as e:
        y = -x
    else:
        y = y + 1
    finally:
        z = x
    return y * z


@at((X,))
def try_loop(x):
    s = 0.0
    for v in x:
        try:
            s = s + checked(float(v))
        except ValueError:
            s = s - v
            continue
        s = s * 2
    return s


@at(({"a": 2.0},))
def try_key(p):
    try:
        v = p["b"]
    except KeyError:
        v = 5.0
    return p["a"] * v


@at((2.0, 3.0), (2.0, 0.0))
def try_zerodiv(a, b):
    try:
        y = a / b
    except ZeroDivisionError:
        y = a * 7
    return y * a


@at((2.0,), (-2.0,))
def try_sqrt(a):
    try:
        y = math.sqrt(a)
    except ValueError:
        y = a * 7
    return y * a


@at((X,))
def try_attr(x):
    try:
        n = x.foo
    except AttributeError:
        n = 2.0
    return np.sum(x) * n


@at((X,))
def try_nothing(x):
    try:
        y = x * 2
    except ZeroDivisionError:
        y = x
    return np.sum(y)


@at((X,))
def try_import(x):
    try:
        import nonexistent_abc as m  # type: ignore[import-not-found]
    except ImportError:
        m = None
    if m is None:
        return np.sum(x * x)
    return np.sum(x)


@at((2.0,), (-2.0,))
def try_assert(x):
    try:
        assert x > 0, "bad"
        y = x
    except AssertionError:
        y = x * x
    return y


@at((X,), (-X,))
def try_reraise(x):
    try:
        try:
            if x[0] < 0:
                raise KeyError("a")
            y = x * 2
        except KeyError as e:
            raise ValueError("b") from e
    except ValueError:
        y = x * 3
    return np.sum(y)


@at((X,), (-X,))
def try_bare_reraise(x):
    try:
        try:
            if x[0] < 0:
                raise KeyError("a")
            y = x * 2
        except KeyError as e:
            z = 1
            raise
    except LookupError:
        y = x * 3 * z
    return np.sum(y)


@at((X,))
def continue_finally(x):
    s = 0.0
    for v in x:
        try:
            if v < 0:
                continue
            s = s + v
        finally:
            s = s * 2
    return s


@at((X, 2), (X, 9))
def try_index(x, i):
    items = [2.0, 3.0, 4.0]
    try:
        k = items[i]
    except IndexError:
        k = 1.0
    return np.sum(x) * k


@at((2.0,), (-2.0,))
def try_two(x):
    try:
        if x > 0:
            raise ValueError("a")
        raise KeyError("b")
    except ValueError:
        return x * 2
    except KeyError:
        return x * 3


@at((2.0,), (-2.0,))
def try_tuple(x):
    try:
        if x > 0:
            raise ValueError("a")
        y = x
    except (TypeError, ValueError):
        y = x * 2
    return y


@at((X,))
def try_int(x):
    try:
        n = int("abc")
    except ValueError:
        n = 3
    return np.sum(x) * n


@at((X,), (-X,))
def nested_finally(x):
    log = []
    try:
        try:
            try:
                if x[0] > 0:
                    raise ValueError("a")
                log.append(1)
            finally:
                log.append(2)
                x = x * 2
        except KeyError:
            log.append(3)
        finally:
            x = x * 3
            log.append(4)
    except ValueError:
        log.append(5)
        x = x * 5
    return np.sum(x * x) * len(log)


@at((X,), (-X,))
def finally_return(x):
    try:
        if x[0] > 0:
            raise ValueError("a")
        return np.sum(x)
    finally:
        return np.sum(x * x)  # noqa: B012


@at((X,), (-X,))
def ret_through_finally(x):
    s = 1.0

    def inner():
        nonlocal s
        try:
            if x[0] > 0:
                return np.sum(x)
            return np.sum(x * 2)
        finally:
            s = s * 3

    r = inner()
    return r * s


@at((X,), (-X,))
def handler_returns_through_finally(x):
    s = 1.0

    def inner():
        nonlocal s
        try:
            try:
                if x[0] > 0:
                    raise ValueError
                y = x * 3
            finally:
                s = s * 3
        except ValueError:
            return np.sum(x)
        finally:
            s = s * 5
        return np.sum(y * y)

    r = inner()
    return r * s


def deep(v, k):
    if k == 0:
        return helper2(v)
    return helper2(v) * 2


def helper2(v):
    if v < 0:
        raise Oops(3)
    if v > 1:
        raise KeyError("big")
    return v * v


@at((X,), (-X,))
def try_in_loop_helpers(x):
    total = 0.0
    for i, v in enumerate(x):
        try:
            total += deep(v, 1)
        except Oops as e:
            total -= v * e.code
        except LookupError:
            total += v * 7
            if total > 5:
                break
        else:
            total *= 2
        finally:
            total += 0.5 * v
    return total


@at((X,), (-X,), (X * 0.1,))
def loop_in_try(x):
    total = 0.0
    i = 0
    try:
        for i, v in enumerate(x):
            total += deep(v, 0)
    except Oops:
        total = total * 10 + x[i]
    except KeyError:
        return total * x[i]
    return total


@at((X,), (-X,), (X * 0.1,))
def loop_in_try_new_name(x):
    total = 0.0
    try:
        for v in x:
            if v < 0:
                raise ValueError
            total += v
    except ValueError:
        y = total * 3
    else:
        y = total * 2
    return y


@at((4.0,), (0.5,), (-1.0,))
def while_try(x):
    n = 0
    while True:
        try:
            if x > 10:
                raise StopIteration
            if x < 0:
                raise ValueError("neg")
            x = x * 1.5 + 0.1
        except StopIteration:
            break
        except ValueError:
            x = -x
            continue
        n += 1
        if n > 6:
            return x * n
    return x + n


@at((2.0, 0.0), (2.0, 3.0), (-2.0, 3.0))
def expr_raise(a, b):
    try:
        y = (a / b if a > 0 else 1.0) + checked(a) * 2
    except ZeroDivisionError:
        y = a * 5
    except ValueError as e:
        y = a * len(str(e))
    return y


@at((2.0,), (-2.0,))
def boolop_raise(a):
    try:
        ok = a > 10 or checked(a) > 1
        y = a * 2 if ok else a
    except ValueError:
        y = a * 5
    return y


@at(({"w": X},), ({"w": X, "b": 2.0},))
def get_param(p):
    try:
        b = p["b"]
    except KeyError as e:
        b = 1.0 if e.args[0] == "b" else 5.0
    return np.sum(p["w"] * b)


@at((X,))
def duck(x):
    try:
        n = x.magnitude
    except AttributeError:
        n = x
    try:
        import scipy.nothing as q
    except (ImportError, AttributeError):
        q = None
    return np.sum(n * n) if q is None else 0.0


@at((X,), (-X,))
def raise_in_handler(x):
    try:
        try:
            if x[0] > 0:
                raise KeyError("a")
            y = x
        except KeyError as e:
            if x[1] > 1:
                raise ValueError("b") from e
            y = x * 2
        finally:
            x = x + 1
    except ValueError:
        y = x * 3
    return np.sum(y)


@at((X,), (-X,))
def raise_e(x):
    try:
        try:
            if x[0] > 0:
                raise KeyError("a")
            y = x
        except Exception as e:
            err = e
            raise e
    except KeyError:
        y = x * 3
    return np.sum(y)


@at((X,), (-X,))
def inplace_in_try(x):
    y = x * 1.0
    try:
        y[0] *= 2
        if x[1] > 0:
            raise ValueError
        y[1] *= 3
    except ValueError:
        y[2] = y[0] * 5
    return np.sum(y * y)


def parse(v):
    try:
        return float(v)
    except TypeError:
        return None


@at((2.0,))
def try_float(x):
    v = parse(x)
    if v is None:
        return 0.0
    return v * v


@at((X, 2.0), (X, "a"))
def typed(x, k):
    try:
        y = x * float(k)
    except ValueError:
        y = x * x
    return np.sum(y)


@at((X,))
def except_all_scalar(x):
    total = 0.0
    for v in x:
        try:
            total += v * v
        except Exception:
            total = 0.0
    return total


@at((X,), (-X,))
def assert_loop(x):
    s = 0.0
    for v in x:
        try:
            assert v > 0, f"bad {v}"
            s += v
        except AssertionError as e:
            s -= v * v
    return s


@at((X,), (X * 10,))
def uncaught_in_finally(x):
    s = 1.0
    for v in x:
        try:
            if v > 100:
                raise RuntimeError("too large")
            s = s * v
        finally:
            s = s + 1
    return s


@at((X, 3), (X, 1), (X, -9))
def try_array_index(x, i):
    try:
        v = x[i]
    except IndexError:
        v = x[0] * x[1]
    return v * v


@at((M, 3), (M, 1))
def try_array_index_const(x, i):
    s = 0.0
    for row in x:
        try:
            s += row[2] * row[7]
        except IndexError:
            s += row[0]
    return s


@at((2.0, 3), (2.0, 0))
def mod_zero(x, n):
    try:
        k = 10 % n
    except ZeroDivisionError:
        k = 7
    return x * k


@at((0.5,), (1.5,))
def acos_dom(x):
    try:
        return math.acos(x)
    except ValueError:
        return x * 3


@at(
    (2.0, 3.0),
)
def for_else_try(x, k):
    for n in range(3):
        try:
            if x < n:
                raise ValueError
        except ValueError:
            break
        x = x * 1.1
    else:
        x = x * 5
    return x


def pair(x):
    for v in x:
        if v > 1:
            return v, v * 2
    return x[0], x[1]


@at((X,), (-X,))
def returned_tuple(x):
    a, b = pair(x)
    return a * b


def pair2(x):
    try:
        for v in x:
            if v > 1:
                raise ValueError
        return x[0], "none"
    except ValueError:
        return x[1], "none"


@at((X,), (-X,))
def returned_tuple_of_a_try(x):
    a, b = pair2(x)
    return a * len(b)


@at((X,), (-X,))
def loops_left_in_every_way(x):
    total = 0.0
    for i in range(3):
        for v in x:
            try:
                if v < 0:
                    continue
                if v > 1.2:
                    break
                total += checked(float(v)) * i
            except ValueError:
                return total
            finally:
                total += 0.1 * v
        else:
            total *= 1.5
    return total


@at((X,), (-X,))
def stores_in_a_try(x):
    y = np.zeros(3)
    for i, v in enumerate(x):
        try:
            y[i] = checked(float(v))
        except ValueError:
            y[i] = v
            y[0] += 1.0
    return np.sum(y * y)


@at((M, 3), (M, 1))
def appended_in_a_try(m, n):
    out = []
    for row in m:
        try:
            out.append(row[n] * 2)
        except IndexError:
            out.append(row[0])
    return sum(out) * out[0]


@at((X, "sin"), (X, "foo"))
def attribute_by_name(x, name):
    try:
        f = getattr(np, name)
    except AttributeError:
        f = np.cos
    return np.sum(f(x))


@at((X, None), (X, X))
def none_times_an_array(x, w):
    try:
        y = x * w
    except TypeError:
        y = x * x
    return np.sum(y)


@at((X,), (-X,))
def raised_in_a_closure(x):
    def f(v):
        if v < 0:
            raise ValueError
        return v * v

    def g(v):
        try:
            return f(v)
        except ValueError:
            return -v

    return sum(g(v) for v in x) + sum(map(g, [x[0], x[1]]))


@at((2.0, 0.5), (2.0, 0.0), (-2.0, 0.5))
def several_tests(a, b):
    try:
        y = math.sqrt(a) / b + math.log(a)
    except (ValueError, ZeroDivisionError):
        y = a * b
    return y


@at((X,), (-X,))
def try_in_a_branch(x):
    if x[0] > 0:
        try:
            if x[1] > 1:
                raise KeyError
            y = x
        except KeyError:
            y = x * 2
    else:
        y = x * 3
    return np.sum(y * y)


@pytest.mark.parametrize("f, args", PROGRAMS)
def test_a_caught_exception_is_differentiated(f, args):
    value, gradient = right(f, *args)
    on_tape = judge(f, args, gradient=tape_gradient)
    assert on_tape.outcome in ("right", "refused"), str(on_tape)


def test_the_handler_takes_the_place_of_the_raise():
    df = grad(try_raise)
    df(X)
    assert "raise " not in df.source and df.source.count("if ") == 1, df.source


def solve(a, b):
    try:
        y = np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        y = b
    return np.sum(y)


def sum_of(x, w):
    try:
        y = x + w
    except ValueError:
        y = x
    return np.sum(y)


def power(x, n):
    try:
        return x**n
    except OverflowError:
        return x


def view(m, i):
    try:
        row = m[i, ::2]
    except IndexError:
        row = m[0]
    return np.sum(row * row)


def reshaped(x):
    try:
        y = x.reshape(2, -1)
    except ValueError:
        y = 2 * x[:, None]
    return np.sum(y * y)


def floating(x):
    try:
        with np.errstate(all="raise"):
            y = x / 2
    except FloatingPointError:
        y = x
    return np.sum(y)


def stored(x, w, i):
    y = np.zeros(3)
    try:
        y[i] = x[0] * w
    except IndexError:
        y[0] = x[1]
    return np.sum(y * y)


def gathered(x, k):
    total = 0.0
    for _ in range(3):
        try:
            total = total + np.sum(x[k] ** 2)
        except IndexError:
            total = total * 2 + x[0]
            continue
        finally:
            total = total * 1.1
        k = k + 1
    return total


def narrower_first(a, b):
    try:
        try:
            y = np.linalg.solve(a, b)
        except np.linalg.LinAlgError:
            y = b * b
    except ValueError:
        y = 3 * b
    return np.sum(y)


def solved_by(a, b):
    return np.linalg.solve(a, b)


def raised_in_a_helper(a, b):
    try:
        y = solved_by(a, b)[0]
    except Exception:
        y = np.sum(a)
    else:
        y = y * 2
    return y


def single(x, y):
    try:
        z = x * y
    except ValueError:
        z = x
    return z.sum()


@pytest.mark.parametrize(
    "f, args",
    [
        *((f, (a, some(2))) for a in (np.array([[2.0, 1], [0.5, 3]]), np.zeros((2, 2)))
          for f in (solve, raised_in_a_helper)),
        *((narrower_first, (a, b)) for a in (np.array([[2.0, 1], [0.5, 3]]), np.zeros((2, 2)))
          for b in (some(2), some(3))),
        *((sum_of, (some(3), w)) for w in (some(3), some(2), some(1))),
        *((single, (some(3).astype(np.float32), some(n).astype(np.float32))) for n in (1, 2, 3)),
        *((power, (x, 400.0)) for x in (1.01, 1e3)),
        *((reshaped, (some(n),)) for n in (4, 3)),
        *((stored, (some(3), 2.0, i)) for i in (np.array([0, 2]), np.array([0, 3]), 1, 5)),
        *((gathered, (some(4), k)) for k in (np.array([0, 1]), np.array([3, 2]), np.array([9]))),
    ],
)  # fmt: skip
def test_what_no_test_foretells_is_tried(f, args):
    wrt = 1 if f in (solve, narrower_first, raised_in_a_helper) else 0
    verdict = judge(f, args, wrt)
    assert verdict.outcome == "right", str(verdict)
    on_tape = judge(f, args, wrt, gradient=tape_gradient)
    assert on_tape.outcome == "right", str(on_tape)


def broadcast_store(x, s):
    y = x * 1.0
    try:
        y[None,] /= np.full((4,), s)
    except ValueError:
        s = s * 3.0
    return np.sum(y**2) * s


def several(x, y, i):
    z = x * y[0]
    try:
        z[i:] = np.sin(y) * z[i]
        z[[i, 0]] *= y
    except IndexError:
        z = z * 2.0
    except ValueError:
        z = z * 3.0 + y[1]
    return np.sum(z * z)


def several_in_a_loop(x, y, i):
    z = x * y[0]
    try:
        for k in range(i):
            z[k : k + 2] += np.sin(y) * z[k]
            if z[k] > 0.3:
                z[2:] = y
    except Exception:
        z = z * 2.0
    finally:
        y = y * z[0]
    return np.sum(z * z) + np.sum(y)


def one_of_two(x, y, i):
    z = x * y[0]
    c = z if z[0] > 0.12 else y * 1.0
    try:
        c[i] += 2.0 * x[0]
        c[0] *= c[i - 1]
    except Exception:
        z = z * 3.0
    return np.sum(c) * np.sum(z * z)


@pytest.mark.parametrize("i", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("y", [[0.4, 1.1], [0.2, 0.7], [0.4], [0.3, -0.4, 0.5]])
@pytest.mark.parametrize("f", [several, several_in_a_loop, one_of_two])
def test_the_first_of_several_operations_that_raises(f, y, i):
    x, y = np.array([1.0, 2.0, 3.0]) / 3, np.array(y)
    if len(y) == 1 and f is not one_of_two:
        y = np.concatenate([y, y, y, y]) if f is several else y
    right(f, x, y, i, wrt=("x", "y"))
    on_tape = judge(f, (x, y, i), ("x", "y"), gradient=tape_gradient)
    assert on_tape.outcome == "right", str(on_tape)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_what_is_stored_in_place_may_not_fit(n):
    right(broadcast_store, np.arange(1.0, n + 1), 0.3, wrt=("x", "s"))


def test_an_operation_is_tested_for_the_same_thing_once():
    df = grad(several, fallback="error")
    df(some(3), some(2), 1)
    forward = df.source.partition("# adjoint")[0]
    assert forward.count("if ") == 4 and forward.count("raises(") == 3


def test_an_operation_that_is_tried_warns_once():
    def f(x, y):
        try:
            z = np.log(x) + y
        except ValueError:
            z = y
        return np.sum(z)

    df = value_and_grad(f, fallback="error")
    df(some(2) + 2, some(3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        df(np.array([-1.0, 2.0]), some(2))
    assert [str(w.message) for w in caught] == ["invalid value encountered in log"]


def test_what_is_not_pure_is_not_tried():
    with pytest.raises(UnsupportedSyntaxError, match="known only at run time"):
        grad(floating, fallback="error")(some(4))


@pytest.mark.parametrize("i", [0, 1, -2, 5, -3])
def test_an_index_of_several_axes_is_tested(i):
    right(view, M, i)


def test_an_exception_that_nobody_catches_passes_after_the_finally():
    def f(x):
        try:
            try:
                if x[0] > 0:
                    raise KeyError("here")
            finally:
                x = x * 2
        except ValueError:
            x = x * 3
        return np.sum(x)

    df = value_and_grad(f, fallback="error")
    with pytest.raises(KeyError, match="here"):
        df(np.abs(X))
    value, gradient = df(-np.abs(X))
    assert gradient.tolist() == [2.0, 2.0, 2.0]


def test_the_text_of_an_exception_is_pythons():
    def f(x, i):
        try:
            y = x[i]
        except IndexError as error:
            raise KeyError(f"no item: {error}") from error
        return y * y

    df = grad(f, fallback="error")
    df(X, 2)
    with pytest.raises(KeyError) as caught:
        df(X, 7)
    with pytest.raises(KeyError) as expected:
        f(X, 7)
    assert str(caught.value) == str(expected.value)


def test_effects_of_a_handler_happen_once_and_in_order(capsys):
    def f(x):
        total = 0.0
        for v in x:
            try:
                print("try")
                if v < 0:
                    raise ValueError("below zero")
                total += v * v
            except ValueError as error:
                print("caught", error)
            else:
                print("else")
            finally:
                print("finally")
        return total

    f(X)
    expected = capsys.readouterr().out
    grad(f, fallback="error")(X)
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("n", [0, 1, 3])
def test_what_was_returned_is_written_in_the_finally(n):
    def returned(a, b, n):
        try:
            for i in range(n):
                if i == 1:
                    return a
            return b
        finally:
            a[0] *= 3

    def f(x, y, n):
        a, b = x * 1, y * 1
        return np.sum(returned(a, b, n) ** 2) + np.sum(a)

    right_or_refused(f, np.array([0.4, 0.5, 0.6]), np.array([0.6, 0.75, 0.9]), n, wrt=(0, 1))


SEEN = {"count": 0.0}
ROWS = np.zeros(2)


def counted(x, w):
    total = 0.0
    for i in range(2):
        try:
            total += np.sum(x * w) * (i + 1)
        finally:
            SEEN["count"] = SEEN["count"] + 1.0
    return total


def written(x, w):
    try:
        y = np.sum(x * w)
    finally:
        ROWS[0] += 1.0
        print("end")
    return y


def caught_further_out(x, w):
    try:
        try:
            y = np.sum(x * w)
        finally:
            SEEN["count"] = SEEN["count"] + 1.0
    except ValueError:
        y = x[0] * x[1]
    return y


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("f", [counted, written, caught_further_out])
def test_effects_of_a_finally_happen_where_nobody_catches(f, size, capsys):
    def outcome(f):
        SEEN["count"], ROWS[:] = 0.0, 0.0
        try:
            result = f(some(3), np.ones(size))
        except ValueError as error:
            result = str(error)
        else:
            result = result if isinstance(result, float) else result[0]
        return result, SEEN["count"], ROWS.tolist(), capsys.readouterr().out

    df = value_and_grad(f, fallback="error")
    df(some(3), np.ones(3))
    capsys.readouterr()
    assert outcome(df) == outcome(f)


def test_a_finally_without_effects_costs_nothing():
    def f(x, w):
        y = x * 1.0
        try:
            s = np.sum(x * w)
        finally:
            y[0] = 3.0
        return s * np.sum(y)

    df = grad(f, fallback="error")
    df(some(3), some(3))
    assert "raises" not in df.source
