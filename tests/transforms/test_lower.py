"""A function's tree becomes Python's own operations, in Python's order."""

from tests.transforms.typed import lowered, same


def test_operands_are_evaluated_from_left_to_right():
    def f(x, y):
        return x[0] + y(x) * 2

    same(lowered(f), """
        ():
          x = load('x')
          t = getitem(x, 0)
          y = load('y')
          x.2 = load('x')
          t.2 = call(y, (x.2,))
          t.3 = binary(<mul>, t.2, 2)
          t.4 = binary(<add>, t, t.3)
          t.5 = return(t.4)
          return
    """)  # fmt: skip


def test_an_augmented_store_evaluates_its_target_once():
    def f(t, k, e):
        t[k] += e

    same(lowered(f), """
        ():
          t = load('t')
          k = load('k')
          t.2 = getitem(t, k)
          e = load('e')
          t.3 = inplace(<add>, t.2, e) element
          t.4 = setitem(t, k, t.3) augmented
          return
    """)  # fmt: skip


def test_the_right_side_comes_before_the_target():
    def f(t, k, e):
        t[k()] = e()

    same(lowered(f), """
        ():
          e = load('e')
          t = call(e, ())
          t.2 = load('t')
          k = load('k')
          t.3 = call(k, ())
          setitem(t.2, t.3, t)
          return
    """)  # fmt: skip


def test_a_chain_assigns_from_left_to_right():
    def f(a, b, c):
        a[:], b[:] = c

    same(lowered(f), """
        ():
          c = load('c')
          t, t.2 = unpack(c, 2, None)
          a = load('a')
          setitem(a, :, t)
          b = load('b')
          setitem(b, :, t.2)
          return
    """)  # fmt: skip


def test_an_early_return_is_a_return_in_a_branch():
    def f(x):
        if x > 0:
            return x
        return -x

    same(lowered(f), """
        ():
          x = load('x')
          t = compare(<gt>, x, 0)
          if t:
            x.2 = load('x')
            t.2 = return(x.2)
            yield
          else:
            yield
          x.3 = load('x')
          t.3 = unary(<neg>, x.3)
          t.4 = return(t.3)
          return
    """)  # fmt: skip


def test_break_is_an_instruction():
    def f(x, n):
        for i in range(n):
            if x > i:
                break

    same(lowered(f), """
        ():
          range = load('range')
          n = load('n')
          t = call(range, (n,))
          for(t):
            store('i', i)
            x = load('x')
            i.2 = load('i')
            t.2 = compare(<gt>, x, i.2)
            if t.2:
              t.3 = break()
              yield
            else:
              yield
            yield
          and:
            yield
          return
    """)  # fmt: skip


def test_a_while_tests_in_a_block_of_its_own():
    def f(x):
        while x < 3:
            x = x * 2
        return x

    same(lowered(f), """
        ():
          while():
            x = load('x')
            t = compare(<lt>, x, 3)
            yield t
          and:
            x.2 = load('x')
            x.3 = binary(<mul>, x.2, 2)
            store('x', x.3)
            yield
          and:
            yield
          x.4 = load('x')
          t.2 = return(x.4)
          return
    """)  # fmt: skip


def test_both_sides_of_and_are_blocks():
    def f(a, b):
        return a and b

    same(lowered(f), """
        ():
          a = load('a')
          t = if a:
            b = load('b')
            yield b
          else:
            yield a
          t.2 = return(t)
          return
    """)  # fmt: skip


def test_keywords_and_stars_keep_their_marks():
    def f(g, a, k):
        return g(1, *a, x=2, **k)

    same(lowered(f), """
        ():
          g = load('g')
          a = load('a')
          k = load('k')
          t = call(g, (1, (a,)), x=2, None=k)
          t.2 = return(t)
          return
    """)  # fmt: skip
