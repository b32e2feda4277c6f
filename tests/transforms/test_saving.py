"""What the reverse sweep reads is kept, recomputed or pushed, whichever is cheapest."""

from srcdiff.transforms.saving import save_trails
from tests.transforms.typed import becomes


def test_a_linear_loop_saves_nothing():
    becomes(save_trails, """
        (x: f8, w: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            q = mul(p, w)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, w)
            yield d_q
          return s, d_x
    """, """
        (x: f8, w: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            q = mul(p, w)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, w)
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_an_index_is_at_hand():
    becomes(save_trails, """
        (x: f8, w: f8[w.0], n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            a = getitem(w, i)
            q = mul(p, a)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, a)
            yield d_q
          return s, d_x
    """, """
        (x: f8, w: f8[w.0], n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            a = getitem(w, i)
            q = mul(p, a)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            a.2 = getitem(w, i.2)
            d_q = mul(d_p, a.2)
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_a_carried_value_is_pushed():
    becomes(save_trails, """
        (x: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            q = mul(p, p)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_q = mul(d_p, p)
            yield d_q
          return s, d_x
    """, """
        (x: f8, n: int, d: f8):
          p_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            push(p_stack, p)
            q = mul(p, p)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            p.2 = pop(p_stack)
            d_q = mul(d_p, p.2)
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_what_is_cheap_is_recomputed_from_what_is_pushed():
    becomes(save_trails, """
        (x: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            a = mul(p, 2.0)
            q = np.sin(a)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            b = mul(p, a)
            d_q = mul(d_p, b)
            yield d_q
          return s, d_x
    """, """
        (x: f8, n: int, d: f8):
          p_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            push(p_stack, p)
            a = mul(p, 2.0)
            q = np.sin(a)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            p.2 = pop(p_stack)
            a.2 = mul(p.2, 2.0)
            b = mul(p.2, a.2)
            d_q = mul(d_p, b)
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_the_cut_is_where_it_is_narrow():
    becomes(save_trails, """
        (x: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            a = np.sin(p)
            b = mul(a, 2.0)
            c = mul(a, 3.0)
            e = mul(a, 4.0)
            q = np.exp(b)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            f = mul(d_p, b)
            g = mul(f, c)
            d_q = mul(g, e)
            yield d_q
          return s, d_x
    """, """
        (x: f8, n: int, d: f8):
          a_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            a = np.sin(p)
            push(a_stack, a)
            b = mul(a, 2.0)
            c = mul(a, 3.0)
            e = mul(a, 4.0)
            q = np.exp(b)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            a.2 = pop(a_stack)
            b.2 = mul(a.2, 2.0)
            f = mul(d_p, b.2)
            c.2 = mul(a.2, 3.0)
            g = mul(f, c.2)
            e.2 = mul(a.2, 4.0)
            d_q = mul(g, e.2)
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_both_ends_of_a_step_take_one_stack():
    becomes(save_trails, """
        (x: f8[x.0], n: int, d: f8[x.0]):
          s = for i in range(n) carry (p = x) twin 1:
            q = np.tanh(p)
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            e = mul(d_p, q)
            d_q = mul(e, p)
            yield d_q
          return s, d_x
    """, """
        (x: f8[x.0], n: int, d: f8[x.0]):
          p_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            push(p_stack, p)
            q = np.tanh(p)
            yield q
          d_x, p.4 = for i.2 in reversed range(n) carry (d_p = d, p.2 = s) twin 1:
            e = mul(d_p, p.2)
            p.3 = pop(p_stack)
            d_q = mul(e, p.3)
            yield d_q, p.3
          return s, d_x
    """)  # fmt: skip


def test_a_branch_outside_loops_assigns_a_name():
    becomes(save_trails, """
        (x: f8, c: bool, d: f8):
          s = if c twin 1:
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
          return s, d_x
    """, """
        (x: f8, c: bool, d: f8):
          s, p.2 = if c twin 1:
            p = np.cos(x)
            q = np.sin(x)
            yield q, p
          else:
            yield x, <undefined>
          d_x = if c twin 1:
            r = mul(d, p.2)
            yield r
          else:
            yield d
          return s, d_x
    """)  # fmt: skip


def test_a_branch_inside_a_loop_pushes_inside():
    becomes(save_trails, """
        (x: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            c = lt(i, 2)
            q = if c twin 2:
              a = np.sin(p)
              e = np.cos(p)
              yield a
            else:
              yield p
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_q = if c twin 2:
              b = mul(d_p, e)
              yield b
            else:
              yield d_p
            yield d_q
          return s, d_x
    """, """
        (x: f8, n: int, d: f8):
          e_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            c = lt(i, 2)
            q = if c twin 2:
              a = np.sin(p)
              e = np.cos(p)
              push(e_stack, e)
              yield a
            else:
              yield p
            yield q
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            c.2 = lt(i.2, 2)
            d_q = if c.2 twin 2:
              e.2 = pop(e_stack)
              b = mul(d_p, e.2)
              yield b
            else:
              yield d_p
            yield d_q
          return s, d_x
    """)  # fmt: skip


def test_an_inner_loop_pushes_on_a_stack_made_before_the_outer():
    becomes(save_trails, """
        (x: f8, n: int, d: f8):
          s = for i in range(n) carry (p = x) twin 1:
            t = for j in range(n) carry (q = p) twin 2:
              r = mul(q, q)
              yield r
            yield t
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_t = for j.2 in reversed range(n) carry (d_q = d_p) twin 2:
              d_r = mul(d_q, q)
              yield d_r
            yield d_t
          return s, d_x
    """, """
        (x: f8, n: int, d: f8):
          q_stack = stack()
          s = for i in range(n) carry (p = x) twin 1:
            t = for j in range(n) carry (q = p) twin 2:
              push(q_stack, q)
              r = mul(q, q)
              yield r
            yield t
          d_x = for i.2 in reversed range(n) carry (d_p = d) twin 1:
            d_t = for j.2 in reversed range(n) carry (d_q = d_p) twin 2:
              q.2 = pop(q_stack)
              d_r = mul(d_q, q.2)
              yield d_r
            yield d_t
          return s, d_x
    """)  # fmt: skip
