"""Updates run in place, on memory that is ours and that nobody else reads."""

from tests.transforms.typed import becomes, buffered


def test_an_argument_is_copied_before_it_is_written():
    becomes(buffered, """
        (u: f8[u.0], s: f8):
          u.2 = setitem(u, (), 0, s)
          return u.2
    """, """
        (u: f8[u.0], s: f8):
          u.2 = copy(u)
          u.3 = setitem(u.2, (), 0, s) !
          return u.3
    """)  # fmt: skip


def test_what_is_ours_is_written_in_place():
    becomes(buffered, """
        (u: f8[u.0], s: f8):
          a = np.sin(u)
          b = setitem(a, (), 0, s)
          return b
    """, """
        (u: f8[u.0], s: f8):
          a = np.sin(u)
          b = setitem(a, (), 0, s) !
          return b
    """)  # fmt: skip


def test_an_argument_is_copied_before_the_loop_that_writes_it():
    becomes(buffered, """
        (u: f8[u.0], s: f8, n: int):
          r = for i in range(n) carry (p = u):
            q = setitem(p, (), i, s)
            yield q
          return r
    """, """
        (u: f8[u.0], s: f8, n: int):
          u.2 = copy(u)
          r = for i in range(n) carry (p = u.2):
            q = setitem(p, (), i, s) !
            yield q
          return r
    """)  # fmt: skip


def test_arrays_that_change_places_are_two_memories():
    becomes(buffered, """
        (u: f8[u.0], s: f8, n: int):
          a = np.sin(u)
          b = np.cos(u)
          r, t = for i in range(n) carry (p = a, q = b):
            o = setitem(p, (), i, s)
            yield q, o
          return r, t
    """, """
        (u: f8[u.0], s: f8, n: int):
          a = np.sin(u)
          b = np.cos(u)
          r, t = for i in range(n) carry (p = a, q = b):
            o = setitem(p, (), i, s) !
            yield q, o
          return r, t
    """)  # fmt: skip


def test_arguments_that_change_places_are_both_copied():
    becomes(buffered, """
        (x: f8[x.0], y: f8[x.0], s: f8, n: int):
          r, t = for i in range(n) carry (p = x, q = y):
            o = setitem(p, (), i, s)
            yield q, o
          return r, t
    """, """
        (x: f8[x.0], y: f8[x.0], s: f8, n: int):
          x.2 = copy(x)
          y.2 = copy(y)
          r, t = for i in range(n) carry (p = x.2, q = y.2):
            o = setitem(p, (), i, s) !
            yield q, o
          return r, t
    """)  # fmt: skip


def test_a_view_that_lives_on_is_copied():
    becomes(buffered, """
        (x: f8[x.0], s: f8):
          u = np.sin(x)
          v = getitem(u, 1:)
          w = setitem(u, (), 0, s)
          return v, w
    """, """
        (x: f8[x.0], s: f8):
          u = np.sin(x)
          v = getitem(u, 1:)
          v.2 = copy(v)
          w = setitem(u, (), 0, s) !
          return v.2, w
    """)  # fmt: skip


def test_a_version_that_lives_on_is_copied_at_the_update():
    becomes(buffered, """
        (x: f8[x.0], s: f8):
          u = np.sin(x)
          w = setitem(u, (), 0, s)
          t = mul(u, w)
          return t
    """, """
        (x: f8[x.0], s: f8):
          u = np.sin(x)
          u.2 = copy(u)
          w = setitem(u.2, (), 0, s) !
          t = mul(u, w)
          return t
    """)  # fmt: skip


def test_a_stack_copies_what_is_overwritten():
    becomes(buffered, """
        (x: f8[x.0], s: f8, n: int):
          stack = stack()
          u = np.sin(x)
          r = for i in range(n) carry (p = u) twin 1:
            push(stack, p)
            q = setitem(p, (), i, s)
            yield q
          z = np.zeros_like(x)
          e = for j in reversed range(n) carry (o = z) twin 1:
            b = pop(stack)
            f = add(o, b)
            yield f
          return r, e
    """, """
        (x: f8[x.0], s: f8, n: int):
          stack = stack()
          u = np.sin(x)
          r = for i in range(n) carry (p = u) twin 1:
            push(stack, p) copied
            q = setitem(p, (), i, s) !
            yield q
          z = np.zeros_like(x)
          e = for j in reversed range(n) carry (o = z) twin 1:
            b = pop(stack)
            f = add(o, b)
            yield f
          return r, e
    """)  # fmt: skip


def test_a_stack_keeps_what_nobody_writes():
    becomes(buffered, """
        (x: f8[x.0], s: f8, n: int):
          stack = stack()
          r = for i in range(n) carry (p = x) twin 1:
            push(stack, p)
            q = np.sin(p)
            yield q
          e = for j in reversed range(n) carry (o = r) twin 1:
            b = pop(stack)
            f = mul(o, b)
            yield f
          return e
    """, """
        (x: f8[x.0], s: f8, n: int):
          stack = stack()
          r = for i in range(n) carry (p = x) twin 1:
            push(stack, p)
            q = np.sin(p)
            yield q
          e = for j in reversed range(n) carry (o = r) twin 1:
            b = pop(stack)
            f = mul(o, b)
            yield f
          e.2 = copy(e)
          return e.2
    """)  # fmt: skip


def test_an_addition_to_an_adjoint_runs_in_place():
    becomes(buffered, """
        (x: f8[x.0]):
          adjoint() effect
          a = np.sin(x)
          b = add(a, x) adjoint
          return b
    """, """
        (x: f8[x.0]):
          adjoint() effect
          a = np.sin(x)
          b = add(a, x) adjoint !
          return b
    """)  # fmt: skip


def test_an_addition_to_an_adjoint_that_is_read_again_does_not():
    becomes(buffered, """
        (x: f8[x.0]):
          adjoint() effect
          a = np.sin(x)
          b = add(a, x) adjoint
          c = mul(a, b)
          return c
    """, """
        (x: f8[x.0]):
          adjoint() effect
          a = np.sin(x)
          b = add(a, x) adjoint
          c = mul(a, b)
          return c
    """)  # fmt: skip


def test_the_users_own_additions_make_new_arrays():
    becomes(buffered, """
        (x: f8[x.0]):
          a = np.sin(x)
          b = add(a, x)
          adjoint() effect
          return b
    """, """
        (x: f8[x.0]):
          a = np.sin(x)
          b = add(a, x)
          adjoint() effect
          return b
    """)  # fmt: skip


def test_results_are_fresh():
    becomes(buffered, """
        (x: f8[x.0]):
          a = np.sin(x)
          v = np.transpose(x)
          return x, v, a, a
    """, """
        (x: f8[x.0]):
          a = np.sin(x)
          v = np.transpose(x)
          x.2 = copy(x)
          v.2 = copy(v)
          a.2 = copy(a)
          return x.2, v.2, a, a.2
    """)  # fmt: skip
