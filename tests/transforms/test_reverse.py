"""Each operation, branch and loop has its adjoint, at the cost of a person's."""

from tests.transforms.typed import becomes, gradient


def test_a_rule_is_written_into_the_adjoint():
    becomes(gradient, """
        (x: f8):
          s = np.sin(x)
          return s, x
    """, """
        (x: f8):
          adjoint() effect
          cos_x = np.cos(x)
          d_x = mul(1.0, cos_x)
          return d_x
    """)  # fmt: skip


def test_the_first_contribution_assigns_and_the_second_adds():
    becomes(gradient, """
        (x: f8):
          a = np.sin(x)
          s = mul(a, x)
          return s, x
    """, """
        (x: f8):
          a = np.sin(x)
          adjoint() effect
          d_t = mul(1.0, x)
          d_x = mul(1.0, a)
          cos_x = np.cos(x)
          t = mul(d_t, cos_x)
          d_x.2 = add(d_x, t) adjoint
          return d_x.2
    """)  # fmt: skip


def test_what_does_not_reach_the_output_has_zeros():
    becomes(gradient, """
        (x: f8[x.0]):
          a = np.ones_like(x)
          s = np.sum(a)
          return s, x
    """, """
        (x: f8[x.0]):
          adjoint() effect
          d_x = np.zeros_like(x)
          return d_x
    """)  # fmt: skip


def test_broadcasting_is_summed_back():
    becomes(gradient, """
        (x: f8, y: f8[y.0]):
          a = mul(x, y)
          s = np.sum(a)
          return s, x
    """, """
        (x: f8, y: f8[y.0]):
          a = mul(x, y)
          adjoint() effect
          n = shape(a, 0)
          d_t = np.broadcast_to(1.0, (n,))
          d_x = mul(d_t, y)
          d_x.2 = np.sum(d_x)
          return d_x.2
    """)  # fmt: skip


def test_an_update_in_place_costs_one_getitem():
    becomes(gradient, """
        (u: f8[u.0], e: f8[3], d_out: f8[u.0]):
          u.2 = add_at(u, (), 1:4, e)
          return u.2, u, e
    """, """
        (u: f8[u.0], e: f8[3], d_out: f8[u.0]):
          adjoint() effect
          d_t = getitem(d_out, 1:4)
          return d_out, d_t
    """)  # fmt: skip


def test_a_store_of_what_was_read_and_more_puts_the_adjoint_back():
    becomes(gradient, """
        (u: f8[u.0], e: f8[3], d_out: f8[u.0]):
          t = getitem(u, 1:4)
          w = add(t, e)
          u.2 = setitem(u, (), 1:4, w)
          return u.2, u, e
    """, """
        (u: f8[u.0], e: f8[3], d_out: f8[u.0]):
          adjoint() effect
          d_w = getitem(d_out, 1:4)
          d_u = setitem(d_out, (), 1:4, d_w)
          return d_u, d_w
    """)  # fmt: skip


def test_a_store_zeroes():
    becomes(gradient, """
        (u: f8[u.0], e: f8, d_out: f8[u.0]):
          u.2 = setitem(u, (), 0, e)
          return u.2, u, e
    """, """
        (u: f8[u.0], e: f8, d_out: f8[u.0]):
          adjoint() effect
          d_t = getitem(d_out, 0)
          d_out.2 = setitem(d_out, (), 0, 0.0)
          return d_out.2, d_t
    """)  # fmt: skip


def test_a_read_adds_to_a_part():
    becomes(gradient, """
        (u: f8[u.0]):
          a = getitem(u, 0)
          b = getitem(u, 1)
          s = mul(a, b)
          return s, u
    """, """
        (u: f8[u.0]):
          a = getitem(u, 0)
          b = getitem(u, 1)
          adjoint() effect
          d_t = mul(1.0, b)
          d_t.2 = mul(1.0, a)
          d_u = np.zeros_like(u)
          d_u.2 = setitem(d_u, (), 1, d_t.2)
          d_u.3 = add_at(d_u.2, (), 0, d_t)
          return d_u.3
    """)  # fmt: skip


def test_a_gather_adds_up_repeats():
    becomes(gradient, """
        (u: f8[u.0], i: i8[i.0], d_out: f8[i.0]):
          a = getitem(u, i)
          return a, u
    """, """
        (u: f8[u.0], i: i8[i.0], d_out: f8[i.0]):
          adjoint() effect
          d_u = np.zeros_like(u)
          d_u.2 = add_at(d_u, (), i, d_out) repeats
          return d_u.2
    """)  # fmt: skip


def test_branches_share_their_twin():
    becomes(gradient, """
        (x: f8, c: bool):
          s = if c:
            p = np.sin(x)
            yield p
          else:
            yield x
          return s, x
    """, """
        (x: f8, c: bool):
          adjoint() effect
          d_x.2 = if c twin 1:
            cos_x = np.cos(x)
            d_x = mul(1.0, cos_x)
            yield d_x
          else:
            yield 1.0
          return d_x.2
    """)  # fmt: skip


def test_a_loop_runs_backwards_with_the_same_twin():
    becomes(gradient, """
        (x: f8, n: int):
          s = for i in range(n) carry (p = x):
            q = np.sin(p)
            yield q
          return s, x
    """, """
        (x: f8, n: int):
          s = for i in range(n) carry (p = x) twin 1:
            q = np.sin(p)
            yield q
          adjoint() effect
          d_t.3 = for i.2 in reversed range(n) carry (d_t = 1.0) twin 1:
            cos_p = np.cos(p)
            d_t.2 = mul(d_t, cos_p)
            yield d_t.2
          return d_t.3
    """)  # fmt: skip


def test_the_adjoint_of_what_a_loop_reads_goes_in_and_comes_out():
    becomes(gradient, """
        (x: f8, w: f8, n: int):
          s = for i in range(n) carry (p = x):
            q = mul(p, w)
            yield q
          return s, w
    """, """
        (x: f8, w: f8, n: int):
          s = for i in range(n) carry (p = x) twin 1:
            q = mul(p, w)
            yield q
          adjoint() effect
          d_t.3, d_w.3 = for i.2 in reversed range(n) carry (d_t = 1.0, d_w = 0.0) twin 1:
            d_t.2 = mul(d_t, w)
            d_y = mul(d_t, p)
            d_w.2 = add(d_w, d_y) adjoint
            yield d_t.2, d_w.2
          return d_w.3
    """)  # fmt: skip


def test_a_while_is_reversed_by_a_counted_for():
    becomes(gradient, """
        (x: f8):
          s, k = while carry (p = x):
            c = lt(p, 9)
            yield c
          do carry (p.2):
            q = mul(p.2, 2.0)
            yield q
          return s, x
    """, """
        (x: f8):
          s, k = while carry (p = x) twin 1:
            c = lt(p, 9)
            yield c
          do carry (p.2):
            q = mul(p.2, 2.0)
            yield q
          adjoint() effect
          d_t.3 = for _ in reversed range(k) carry (d_t = 1.0) twin 1:
            d_t.2 = mul(d_t, 2.0)
            yield d_t.2
          return d_t.3
    """)  # fmt: skip


def test_a_broken_loop_is_reversed_over_the_steps_begun():
    becomes(gradient, """
        (x: f8, n: int):
          s, k = for i in range(n) carry (p = x) may_break:
            q = mul(p, 2.0)
            c = gt(q, 9)
            yield q, c
          return s, x
    """, """
        (x: f8, n: int):
          s, k = for i in range(n) carry (p = x) may_break twin 1:
            q = mul(p, 2.0)
            c = gt(q, 9)
            yield q, c
          adjoint() effect
          d_t.3 = for i.2 in reversed range(k) carry (d_t = 1.0) twin 1:
            d_t.2 = mul(d_t, 2.0)
            yield d_t.2
          return d_t.3
    """)  # fmt: skip
