"""Dead code goes, and nothing else."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from srcdiff.transforms.dead_code import dead_code
from srcdiff.transforms.text import parse_text
from srcdiff.transforms.verify import verify
from tests.transforms.passes import check, evaluate, random_block


def unchanged(text):
    block = parse_text(text)
    assert dead_code(block) is block


def test_what_feeds_only_dead_code_is_dead():
    check(dead_code, before="""
        (x: f8):
          a = np.sin(x)
          b = np.exp(a)
          return x
    """, after="""
        (x: f8):
          return x
    """)  # fmt: skip


def test_what_is_live_is_the_same_object():
    unchanged("""
        (x: f8, n: int):
          a = np.sin(x)
          b = for i in range(n) carry (p = a):
            q = mul(p, i)
            yield q
          return (b, [1])
    """)


def test_parameters_stay():
    unchanged("(x: f8):\n  return")


def test_an_instruction_with_one_live_result_stays_whole():
    unchanged("(x: f8):\n  a, b = divmod(x, 2)\n  return b")


def test_keys_and_keywords_are_read():
    unchanged("""
        (x: f8[x.0], i: int, j: int, k: int):
          a = add(i, 1)
          b = add(j, 1)
          c = add(k, 1)
          d = getitem(x, (a:, b))
          e = np.sum(d, axis=c)
          return e
    """)


def test_effects_stay():
    unchanged("""
        (x: f8):
          a = np.sin(x)
          print(a)
          b = np.random.rand() effect
          return x
    """)


def test_an_effect_keeps_the_regions_around_it():
    check(dead_code, before="""
        (x: f8, n: int):
          m = add(n, 1)
          a = for i in range(m) carry (p = x):
            c = lt(i, 2)
            b = if c:
              print(i)
              yield 1
            else:
              yield 2
            q = add(p, b)
            yield q
          return x
    """, after="""
        (x: f8, n: int):
          m = add(n, 1)
          for i in range(m):
            c = lt(i, 2)
            if c:
              print(i)
              yield
            else:
              yield
            yield
          return x
    """)  # fmt: skip


def test_a_loop_without_a_live_result_goes():
    check(dead_code, before="""
        (x: f8, n: int):
          a = for i in range(n) carry (p = x):
            q = mul(p, 2)
            yield q
          return x
    """, after="""
        (x: f8, n: int):
          return x
    """)  # fmt: skip


def test_a_dead_loop_that_may_never_end_goes():
    check(dead_code, before="""
        (x: f8):
          a, k = while carry (p = x):
            yield True
          do carry (q):
            yield q
          return x
    """, after="""
        (x: f8):
          return x
    """)  # fmt: skip


def test_a_carried_value_that_feeds_only_itself_goes():
    check(dead_code, before="""
        (x: f8, y: f8, n: int):
          z = np.sin(y)
          a, b = for i in range(n) carry (p = z, q = x):
            r = mul(p, q)
            s = add(q, 1)
            yield r, s
          return b
    """, after="""
        (x: f8, y: f8, n: int):
          b = for i in range(n) carry (q = x):
            s = add(q, 1)
            yield s
          return b
    """)  # fmt: skip


def test_carried_values_that_feed_only_each_other_go():
    check(dead_code, before="""
        (x: f8, n: int):
          a, b, c = for i in range(n) carry (p = x, q = x, r = x):
            s = add(r, 1)
            yield q, p, s
          return c
    """, after="""
        (x: f8, n: int):
          c = for i in range(n) carry (r = x):
            s = add(r, 1)
            yield s
          return c
    """)  # fmt: skip


def test_a_carried_value_whose_result_is_unread_stays_if_another_needs_it():
    unchanged("""
        (x: f8, n: int):
          a, b, c = for i in range(n) carry (p = 0.0, q = 1.0, r = x):
            s = add(r, 1)
            yield q, r, s
          return a
    """)


def test_a_carried_value_that_decides_about_a_break_stays():
    check(dead_code, before="""
        (x: f8, n: int):
          a, b, c, steps = for i in range(n) carry (p = x, q = x, r = x) may_break:
            s = add(p, 1)
            stop = gt(s, 9)
            t = mul(q, 2)
            u = mul(r, 2)
            yield s, t, u, stop
          return b
    """, after="""
        (x: f8, n: int):
          a, b, steps = for i in range(n) carry (p = x, q = x) may_break:
            s = add(p, 1)
            stop = gt(s, 9)
            t = mul(q, 2)
            yield s, t, stop
          return b
    """)  # fmt: skip


def test_the_number_of_iterations_keeps_a_loop_and_what_decides_it():
    check(dead_code, before="""
        (x: f8):
          a, b, k = while carry (p = x, q = x):
            c = np.abs(p)
            l = lt(c, 9)
            yield l
          do carry (p.2, q.2):
            r = mul(p.2, 2)
            s = mul(q.2, 2)
            yield r, s
          return k
    """, after="""
        (x: f8):
          a, k = while carry (p = x):
            c = np.abs(p)
            l = lt(c, 9)
            yield l
          do carry (p.2):
            r = mul(p.2, 2)
            yield r
          return k
    """)  # fmt: skip


def test_a_while_that_may_break_keeps_its_flag():
    check(dead_code, before="""
        (x: f8):
          a, b, k = while carry (p = x, q = x) may_break:
            yield True
          do carry (p.2, q.2):
            r = mul(p.2, 2)
            s = mul(q.2, 2)
            stop = gt(r, 9)
            yield r, s, stop
          return k
    """, after="""
        (x: f8):
          a, k = while carry (p = x) may_break:
            yield True
          do carry (p.2):
            r = mul(p.2, 2)
            stop = gt(r, 9)
            yield r, stop
          return k
    """)  # fmt: skip


def test_a_value_read_only_in_the_test_of_a_while_stays():
    unchanged("""
        (x: f8, y: f8):
          a, b, k = while carry (p = x, q = y):
            l = lt(p, 9)
            yield l
          do carry (p.2, q.2):
            r = mul(p.2, 2)
            s = mul(q.2, 2)
            yield r, s
          return b
    """)


def test_unread_results_of_a_branch_go_with_what_makes_them():
    check(dead_code, before="""
        (x: f8, c: bool):
          a, b = if c:
            p = np.sin(x)
            q = np.cos(x)
            yield p, q
          else:
            r = np.exp(x)
            yield x, r
          return b
    """, after="""
        (x: f8, c: bool):
          b = if c:
            q = np.cos(x)
            yield q
          else:
            r = np.exp(x)
            yield r
          return b
    """)  # fmt: skip


def test_a_dead_branch_frees_its_condition():
    check(dead_code, before="""
        (x: f8):
          c = lt(x, 1)
          a = if c:
            yield 1
          else:
            yield 2
          return x
    """, after="""
        (x: f8):
          return x
    """)  # fmt: skip


def test_regions_in_regions():
    check(dead_code, before="""
        (x: f8, n: int):
          a, b = for i in range(n) carry (p = x, q = x):
            r, s = for j in range(n) carry (t = p, u = q):
              v = mul(t, 2)
              w = mul(u, t)
              yield v, w
            yield r, s
          return a
    """, after="""
        (x: f8, n: int):
          a = for i in range(n) carry (p = x):
            r = for j in range(n) carry (t = p):
              v = mul(t, 2)
              yield v
            yield r
          return a
    """)  # fmt: skip


def test_a_trail_keeps_what_it_reads_and_the_loop_around_it():
    check(dead_code, before="""
        (x: f8, n: int, d: f8):
          a = for i in range(n) carry (p = x) twin 1:
            q = np.sin(p)
            r = np.cos(p)
            dead = np.tan(p)
            yield q
          d_a, d_b = for j in reversed range(n) carry (d_p = d, d_q = d) twin 1:
            d_r = mul(d_p, r)
            d_s = mul(d_q, dead)
            yield d_r, d_s
          return d_a
    """, after="""
        (x: f8, n: int, d: f8):
          a = for i in range(n) carry (p = x) twin 1:
            q = np.sin(p)
            r = np.cos(p)
            yield q
          d_a = for j in reversed range(n) carry (d_p = d) twin 1:
            d_r = mul(d_p, r)
            yield d_r
          return d_a
    """)  # fmt: skip


def test_a_forward_loop_that_its_twin_does_not_read_goes():
    check(dead_code, before="""
        (x: f8, n: int, d: f8):
          a = for i in range(n) carry (p = x) twin 1:
            q = mul(p, 2)
            yield q
          d_a = for j in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, 2)
            yield d_q
          return d_a
    """, after="""
        (x: f8, n: int, d: f8):
          d_a = for j in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, 2)
            yield d_q
          return d_a
    """)  # fmt: skip


def test_a_branch_may_live_by_a_trail_alone():
    check(dead_code, before="""
        (x: f8, c: bool, d: f8):
          a = if c twin 1:
            p = np.cos(x)
            q = np.sin(x)
            yield q
          else:
            yield x
          d_x = if c twin 1:
            r = mul(d, p)
            yield r
          else:
            yield d
          return d_x
    """, after="""
        (x: f8, c: bool, d: f8):
          if c twin 1:
            p = np.cos(x)
            yield
          else:
            yield
          d_x = if c twin 1:
            r = mul(d, p)
            yield r
          else:
            yield d
          return d_x
    """)  # fmt: skip


def test_a_thousand_loops_in_a_row_and_five_thousand_instructions():
    lines = ["(x: f8, n: int):", "  a.1 = np.sin(x)"]
    for i in range(1, 1000):
        lines += [
            f"  a.{i + 1}, b.{i} = for i.{i} in range(n) carry (p.{i} = a.{i}, q.{i} = x):",
            f"    r.{i} = mul(p.{i}, 2)",
            f"    s.{i} = mul(q.{i}, r.{i})",
            f"    yield r.{i}, s.{i}",
        ]
    block = verify(dead_code(parse_text("\n".join([*lines, "  return a.1000"]))))
    assert len(block.instrs) == 1000
    assert all(len(loop.results) == 1 for loop in block.instrs[1:])


seeds = st.integers(0, 10**9).map(Random)
numbers = st.integers(-9, 9)


@given(seeds, numbers, numbers)
def test_no_program_changes_what_it_does(rng, x, y):
    block = random_block(rng)
    less = verify(dead_code(block))
    assert evaluate(less, x, y) == evaluate(block, x, y)
    assert dead_code(less) is less
