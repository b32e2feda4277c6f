"""What is known of the arguments is carried out; the rest is linear IR."""

import numpy as np

from tests.transforms.typed import same, specialized


def test_stores_are_new_versions():
    def f(x):
        y = x.copy()
        y[0] = 2.0
        return y

    same(specialized(f, np.ones(3)), """
        (x: f8[x.0]):
          y = np.copy(x, order='C') method='copy'
          y.2 = setitem(y, (), 0, 2.0)
          return y.2
    """)  # fmt: skip


def test_a_view_sees_what_is_written_to_its_base():
    def f(x):
        y = x.copy()
        v = y[1:]
        y[1] = 5.0
        return v.sum()

    same(specialized(f, np.ones(3)), """
        (x: f8[x.0]):
          y = np.copy(x, order='C') method='copy'
          y.2 = setitem(y, (), 1, 5.0)
          y_view = getitem(y.2, 1:) view
          sum_y_view = np.sum(y_view) method='sum'
          return sum_y_view
    """)  # fmt: skip


def test_a_store_through_a_view_writes_its_base():
    def f(x):
        y = x * 1.0
        v = y[1:]
        v[0] = 5.0
        return y

    same(specialized(f, np.ones(3)), """
        (x: f8[x.0]):
          y = mul(x, 1.0)
          y.2 = setitem(y, (('getitem', 1:),), 0, 5.0)
          return y.2
    """)  # fmt: skip


def test_two_names_are_one_array():
    def f(x):
        y = x * 1.0
        z = y
        z += 1.0
        return y

    same(specialized(f, np.ones(3)), """
        (x: f8[x.0]):
          y = mul(x, 1.0)
          y.2 = add_at(y, (), ..., 1.0)
          return y.2
    """)  # fmt: skip


def test_an_augmented_number_is_a_new_number():
    def f(x):
        y = x
        y += 1.0
        return x * y

    same(specialized(f, 2.0), """
        (x: float):
          y = add(x, 1.0)
          t = mul(x, y)
          return t
    """)  # fmt: skip


def test_what_is_known_chooses_the_branch():
    def f(x):
        if x.ndim == 1:
            return np.sin(x)
        return np.cos(x)

    same(specialized(f, np.ones(3)), """
        (x: f8[x.0]):
          sin_x = np.sin(x)
          return sin_x
    """)  # fmt: skip


def test_what_is_not_known_is_a_region():
    def f(x):
        if x > 0:
            y = np.sin(x)
        else:
            y = x
        return y

    same(specialized(f, 2.0), """
        (x: float):
          test = gt(x, 0)
          y.2 = if test:
            y = np.sin(x)
            yield y
          else:
            yield x
          return y.2
    """)  # fmt: skip


def test_a_short_loop_over_what_is_known_is_unrolled():
    def f(x):
        for k in range(3):
            x = x * k
        return x

    same(specialized(f, 2.0), """
        (x: float):
          x.2 = mul(x, 0)
          x.3 = mul(x.2, 1)
          x.4 = mul(x.3, 2)
          return x.4
    """)  # fmt: skip


def test_a_loop_over_a_run_time_range_stays():
    def f(x, n):
        for k in range(n):
            x = x * k
        return x

    same(specialized(f, 2.0, 3), """
        (x: float, n: int):
          x.4 = for k in range(n) carry (x.2 = x):
            x.3 = mul(x.2, k)
            yield x.3
          return x.4
    """)  # fmt: skip


def test_a_helper_is_inlined():
    def f(x):
        def g(a):
            return np.sin(a) * 2

        return g(x) + g(2.0 * x)

    same(specialized(f, 2.0), """
        (x: float):
          sin_x = np.sin(x)
          t = mul(sin_x, 2)
          a = mul(2.0, x)
          sin_a = np.sin(a)
          t.2 = mul(sin_a, 2)
          t.3 = add(t, t.2)
          return t.3
    """)  # fmt: skip


def test_an_early_return_joins_the_other():
    def f(x):
        if x > 0:
            return np.sin(x)
        return -x

    same(specialized(f, 2.0), """
        (x: float):
          test = gt(x, 0)
          result = if test:
            sin_x = np.sin(x)
            yield sin_x
          else:
            t = neg(x)
            yield t
          return result
    """)  # fmt: skip


def test_a_break_is_a_flag():
    def f(x, n):
        for k in range(n):
            x = x * 2
            if x > 9:
                break
        return x

    same(specialized(f, 2.0, 3), """
        (x: float, n: int):
          x.4, n_iter = for k in range(n) carry (x.2 = x) may_break:
            x.3 = mul(x.2, 2)
            test = gt(x.3, 9)
            stopped = if test:
              yield True
            else:
              yield False
            yield x.3, stopped
          return x.4
    """)  # fmt: skip


def test_a_container_is_taken_apart():
    def f(p):
        a, b = p["w"], p["b"]
        return a[0] * b

    same(specialized(f, {"w": [2.0, 1.0], "b": 3.0}), """
        (p_w_0: float, p_w_1: float, b: float):
          t = mul(p_w_0, b)
          return t
    """)  # fmt: skip
