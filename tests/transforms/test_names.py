"""A value has the name that a reader expects, and no other value needs it meanwhile."""

import numpy as np

import srcdiff
from tests.gallery import positive
from tests.judge import right
from tests.transforms.typed import same, source


def test_the_versions_of_a_carried_value_are_one_variable():
    same(source("""
        (x: f8, n: int):
          h.9 = for i in range(n) carry (h = x):
            h.2 = np.sin(h)
            h.3 = mul(h.2, h.2)
            yield h.3
          return h.9
    """, user=["h"]), """
        def f(x, n):
            for _ in range(n):
                h = np.sin(x)
                x = h * h
            return x
    """)  # fmt: skip


def test_an_update_in_place_keeps_its_name():
    same(source("""
        (u: f8[u.0]):
          w = copy(u)
          w.2 = setitem(w, (), 0, 1.0) !
          return w.2
    """, user=["u", "w"]), """
        def f(u):
            w = u.copy()
            w[0] = 1.0
            return w
    """)  # fmt: skip


def test_two_values_of_one_name_that_are_both_needed_have_two_names():
    same(source("""
        (x: f8):
          a = np.sin(x)
          a.2 = np.cos(a)
          b = mul(a, a.2)
          c = mul(b, a.2)
          return c
    """, user=["a"]), """
        def f(x):
            a = np.sin(x)
            a_2 = np.cos(a)
            return a * a_2 * a_2
    """)  # fmt: skip


def test_two_values_of_one_name_that_take_turns_have_one():
    same(source("""
        (x: f8):
          a = np.sin(x)
          a.2 = np.cos(a)
          b = mul(a.2, a.2)
          return b
    """, user=["a"]), """
        def f(x):
            a = np.sin(x)
            a = np.cos(a)
            return a * a
    """)  # fmt: skip


def test_arrays_that_change_places_keep_both_names():
    same(source("""
        (x: f8, y: f8, n: int):
          a, b = for i in range(n) carry (p = x, q = y):
            r = np.sin(p)
            yield q, r
          c = add(a, b)
          return c
    """, user=["p", "q"]), """
        def f(x, y, n):
            for _ in range(n):
                x, y = y, np.sin(x)
            return x + y
    """)  # fmt: skip


def test_no_name_hides_what_is_read_from_outside():
    same(source("""
        (x: f8):
          np = np.sin(x)
          range = np.cos(np)
          b = mul(range, range)
          return b
    """, user=["np", "range"]), """
        def f(x):
            np_2 = np.sin(x)
            range_2 = np.cos(np_2)
            return range_2 * range_2
    """)  # fmt: skip


def test_what_a_loop_reads_from_outside_keeps_its_name_until_the_loop_ends():
    same(source("""
        (x: f8, n: int):
          a = np.sin(x)
          s = for i in range(n) carry (p = x):
            q = mul(p, a)
            r = np.exp(q)
            a.2 = mul(r, r)
            yield a.2
          return s
    """, user=["a"]), """
        def f(x, n):
            a = np.sin(x)
            for _ in range(n):
                r = np.exp(x * a)
                x = r * r
            return x
    """)  # fmt: skip


def test_what_only_the_second_branch_reads_lives_until_it_is_chosen():
    def f(x, y, s, n):
        if n > 5:
            pass
        else:
            y[np.array([1])] /= s
        return np.mean(y) + np.sum(x)

    right(f, positive(3), positive(4), 0.34, 3, wrt=(1, 2))
    right(f, positive(3), positive(4), 0.34, 6, wrt=(1, 2))


def test_branches_that_add_to_one_number_share_its_name():
    def f(x, c):
        total = 0.0
        for v in x:
            if v > 1:
                total += c * v
            else:
                total -= c * c
        return total

    df = srcdiff.grad(f, wrt=1, fallback="error")
    right(f, positive(5), 0.7, wrt=1)
    df(positive(5), 0.7)
    assert "d_c_2" not in df.source
