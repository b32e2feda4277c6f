"""A program is printed as a person would write it."""

import ast

import pytest

from srcdiff.transforms.printer import print_source
from tests.transforms.typed import same, source


def test_what_is_used_once_is_written_where_it_is_used():
    same(source("""
        (x: f8):
          a = np.sin(x)
          b = mul(a, 2)
          return b
    """), """
        def f(x):
            return np.sin(x) * 2
    """)  # fmt: skip


def test_what_the_user_named_has_a_line_of_its_own():
    same(source("""
        (x: f8):
          a = np.sin(x)
          b = mul(a, 2)
          return b
    """, user=["a"]), """
        def f(x):
            a = np.sin(x)
            return a * 2
    """)  # fmt: skip


def test_what_is_used_twice_has_a_name():
    same(source("""
        (x: f8):
          a = np.sin(x)
          b = mul(a, a)
          return b
    """), """
        def f(x):
            a = np.sin(x)
            return a * a
    """)  # fmt: skip


def test_what_is_read_is_not_moved_past_a_store():
    same(source("""
        (x: f8, u: f8[u.0]):
          w = copy(u)
          a = getitem(w, 0)
          c = setitem(w, (), 0, x) !
          d = mul(a, c)
          return d
    """), """
        def f(x, u):
            u = u.copy()
            a = u[0]
            u[0] = x
            return a * u
    """)  # fmt: skip


def test_an_update_of_what_was_read_is_augmented():
    same(source("""
        (u: f8[u.0]):
          w = copy(u)
          v = add_at(w, (), 1, 2.0) !
          return v
    """), """
        def f(u):
            u = u.copy()
            u[1] += 2.0
            return u
    """)  # fmt: skip


def test_a_branch_assigns_what_lives_on():
    same(source("""
        (x: f8, c: bool):
          a = if c:
            b = np.sin(x)
            yield b
          else:
            d = np.cos(x)
            yield d
          return a
    """), """
        def f(x, c):
            a = np.sin(x) if c else np.cos(x)
            return a
    """)  # fmt: skip


def test_a_loop_assigns_what_it_carries():
    same(source("""
        (x: f8, n: int):
          a = for i in range(n) carry (p = x):
            q = mul(p, i)
            yield q
          return a
    """, user=["p"]), """
        def f(x, n):
            for i in range(n):
                x = x * i
            return x
    """)  # fmt: skip


def test_a_reversed_loop_says_so():
    same(source("""
        (x: f8, n: int):
          a = for i in reversed range(n) carry (p = x):
            q = mul(p, i)
            yield q
          return a
    """, user=["p"]), """
        def f(x, n):
            for i in reversed(range(n)):
                x = x * i
            return x
    """)  # fmt: skip


def test_a_flag_leaves_the_loop():
    same(source("""
        (x: f8, n: int):
          a, k = for i in range(n) carry (p = x) may_break:
            q = mul(p, 2)
            c = gt(q, 9)
            yield q, c
          return a
    """, user=["p"]), """
        def f(x, n):
            for _ in range(n):
                x = x * 2
                if x > 9:
                    break
            return x
    """)  # fmt: skip


def test_a_while_tests_what_it_carries():
    same(source("""
        (x: f8):
          a, k = while carry (p = x):
            c = lt(p, 9)
            yield c
          do carry (p.2):
            q = mul(p.2, 2)
            yield q
          return a
    """, user=["p"]), """
        def f(x):
            while x < 9:
                x = x * 2
            return x
    """)  # fmt: skip


def test_a_stack_is_a_list():
    same(source("""
        (x: f8, n: int):
          stack = stack()
          a = for i in range(n) carry (p = x):
            push(stack, p)
            q = np.sin(p)
            yield q
          d = for j in reversed range(n) carry (o = a):
            b = pop(stack)
            e = mul(o, b)
            yield e
          return d
    """, user=["p"]), """
        def f(x, n):
            stack = []
            for _ in range(n):
                stack.append(x)
                x = np.sin(x)
            for _ in range(n):
                b = stack.pop()
                x = x * b
            return x
    """)  # fmt: skip


@pytest.mark.parametrize("head", ["if {}:", "while {}:", "for i in range({}):"])
@pytest.mark.parametrize("test", ["{0}.{1} >= {0}b.{1}", "f({0}.{1}) < {0}b[1:{1}]", "{0} - {1}"])
def test_a_long_line_that_ends_with_a_colon_is_wrapped_before_it(head, test):
    for length in range(20, 90, 7):
        tree = ast.parse(head.format(test.format("x" * length, "y" * (length // 2))) + "\n    pass")
        assert ast.dump(ast.parse(print_source(tree))) == ast.dump(tree)
