"""The adjoint loses its ones, signs and spread-out numbers; the user's part loses nothing."""

from srcdiff.transforms.fold import fold
from tests.transforms.typed import becomes


def test_one_is_no_factor():
    becomes(fold, """
        (x: f8):
          adjoint() effect
          a = mul(1.0, x)
          b = mul(a, 1)
          return b
    """, """
        (x: f8):
          adjoint() effect
          return x
    """)  # fmt: skip


def test_numbers_come_together():
    becomes(fold, """
        (x: f8):
          adjoint() effect
          a = mul(x, 2)
          b = mul(3.0, a)
          return b
    """, """
        (x: f8):
          adjoint() effect
          a = mul(x, 2)
          b = mul(6.0, x)
          return b
    """)  # fmt: skip


def test_a_sign_joins_the_number():
    becomes(fold, """
        (x: f8):
          adjoint() effect
          a = mul(2.0, x)
          b = neg(a)
          return b
    """, """
        (x: f8):
          adjoint() effect
          a = mul(2.0, x)
          b = mul(-2.0, x)
          return b
    """)  # fmt: skip


def test_two_signs_are_none():
    becomes(fold, """
        (x: f8):
          adjoint() effect
          a = neg(x)
          b = neg(a)
          return b
    """, """
        (x: f8):
          adjoint() effect
          a = neg(x)
          return x
    """)  # fmt: skip


def test_the_same_twice_is_two_of_it():
    becomes(fold, """
        (x: f8):
          adjoint() effect
          a = add(x, x)
          return a
    """, """
        (x: f8):
          adjoint() effect
          a = mul(2, x)
          return a
    """)  # fmt: skip


def test_a_spread_number_multiplies_as_a_number():
    becomes(fold, """
        (x: f8[x.0]):
          shape = np.shape(x)
          adjoint() effect
          a = np.broadcast_to(1.0, shape)
          c = np.cos(x)
          b = mul(a, c)
          return b
    """, """
        (x: f8[x.0]):
          shape = np.shape(x)
          adjoint() effect
          a = np.ones_like(x)
          c = np.cos(x)
          return c
    """)  # fmt: skip


def test_a_spread_number_that_is_kept_is_an_array_of_ones():
    becomes(fold, """
        (x: f8[x.0]):
          adjoint() effect
          n = np.shape(x)
          a = np.broadcast_to(1.0, n)
          b = np.broadcast_to(3.0, n)
          return a, b
    """, """
        (x: f8[x.0]):
          adjoint() effect
          n = np.shape(x)
          a = np.ones_like(x)
          b = np.full_like(x, 3.0)
          return a, b
    """)  # fmt: skip


def test_a_number_is_stored_not_an_array_of_it():
    becomes(fold, """
        (x: f8[x.0]):
          adjoint() effect
          n = np.shape(x)
          a = np.broadcast_to(1.0, n)
          z = np.zeros_like(x)
          b = setitem(z, (), :, a)
          return b
    """, """
        (x: f8[x.0]):
          adjoint() effect
          n = np.shape(x)
          a = np.ones_like(x)
          z = np.zeros_like(x)
          b = setitem(z, (), :, 1.0)
          return b
    """)  # fmt: skip


def test_the_sign_of_a_sum_is_changed_once():
    becomes(fold, """
        (x: f8[x.0]):
          adjoint() effect
          a = neg(x)
          b = np.sum(a)
          return b
    """, """
        (x: f8[x.0]):
          adjoint() effect
          a = neg(x)
          d_t = np.sum(x)
          b = neg(d_t)
          return b
    """)  # fmt: skip


def test_the_users_operations_keep_every_bit():
    becomes(fold, """
        (x: f8):
          a = mul(1.0, x)
          b = add(a, 0)
          adjoint() effect
          c = mul(b, 1)
          return c
    """, """
        (x: f8):
          a = mul(1.0, x)
          b = add(a, 0)
          adjoint() effect
          return b
    """)  # fmt: skip


def test_regions_of_the_adjoint_are_folded_too():
    becomes(fold, """
        (x: f8, n: int):
          adjoint() effect
          s = for i in range(n) carry (p = x):
            q = mul(p, 1.0)
            r = neg(q)
            t = mul(r, 2.0)
            yield t
          return s
    """, """
        (x: f8, n: int):
          adjoint() effect
          s = for i in range(n) carry (p = x):
            r = neg(p)
            t = mul(-2.0, p)
            yield t
          return s
    """)  # fmt: skip
