"""Names that are one of several arrays: written, read and rotated, whatever each run chooses."""

import numpy as np
import pytest

from srcdiff import grad, value_and_grad
from tests.gallery import some
from tests.judge import right, right_or_refused

BOTH = pytest.mark.parametrize("s", [0.5, -0.5])
STEPS = pytest.mark.parametrize("n", [0, 1, 2, 3, 5])


@BOTH
def test_a_conditional_alias_is_written(s):
    def f(x, y, s):
        c = x if s > 0 else y
        c[0] *= 2.0
        c += s
        return np.sum(x**2) + np.sum(np.sin(y)) * np.sum(c)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1, 2))


@BOTH
def test_an_array_or_a_new_one(s):
    def f(x, y, s):
        a = x * 1.0
        if s > 0:
            c = a
        else:
            c = y * 3
        c[0] -= np.sum(a)
        a[1] = 5 * s
        return np.sum(c**2) + np.sum(a)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1, 2))


@BOTH
def test_one_of_two_views(s):
    def f(m, s):
        r = m[0] if s > 0 else m[1:].T[0]
        r[:2] = r[1:3] * 2
        return np.sum(m**2) + np.sum(r)

    right(f, some(4, 3), s, wrt=(0,))


@BOTH
def test_names_that_change_places_in_a_branch(s):
    def f(x, y, s):
        u, v = x, y
        if s > 0:
            u, v = v, u
        u[0] = 3 * v[1]
        v *= u
        return np.sum(x * np.sin(y))

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1))


@BOTH
@pytest.mark.parametrize("t", [0.5, -0.5])
def test_a_choice_of_a_choice(s, t):
    def f(x, y, z, s, t):
        c = x if s > 0 else y
        if t > 0:
            c = z
        c[1:] = np.tanh(c[:-1])
        x[0] = 2.0
        return np.sum(c) * np.sum(x) + np.sum(y * z)

    right(f, some(3), some(3, start=1.0), some(3, start=2.0), s, t, wrt=(0, 1, 2))


@BOTH
def test_what_one_branch_makes_is_handed_on_by_another(s):
    def f(x, y, s):
        if s > 0:
            c = y
        else:
            c = x * 2
        if np.sum(x) > 100:
            c += 1.0
        c[0] /= 2.0
        return np.sum(y) + np.sum(c**2)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1))


@BOTH
def test_two_uses_of_what_one_branch_makes(s):
    def f(x, y, s):
        c = y if s > 0 else x.copy()
        c[0] /= 2.0
        y[[2]] *= 2.0
        t = c[2]
        for v in y:
            c[1:] = v
        return t + np.sum(c) + np.sum(x)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1))


@BOTH
def test_a_choice_in_a_helper_with_out(s):
    def scale(a, by):
        np.multiply(a, by, out=a)
        a.fill(by) if by > 9 else np.add.at(a, [0, 0], by)

    def f(x, y, s):
        target = x if s > 0 else y
        scale(target[1:], 1.5)
        scale(target, s)
        return np.sum(x**2) + np.sum(y**3)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1, 2))


@BOTH
def test_a_tuple_of_choices(s):
    def f(x, y, s):
        big, small = (x, y) if s > 0 else (y, x)
        big -= small[0]
        small[:] = np.sin(big)
        return np.sum(x * y)

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1))


@BOTH
def test_a_part_of_what_is_written_may_be_what_is_read(s):
    def f(x, y, s):
        c = x if s > 0 else y
        x[1:] = c[:-1]
        c[:3] += x[1:]
        return np.sum(x**2) + np.sum(c * y)

    right(f, some(4), some(4, start=2.0), s, wrt=(0, 1))


@BOTH
def test_a_choice_is_walked_over(s):
    def f(m, q, s):
        rows = m if s > 0 else q
        for row in rows:
            row *= 2
            row[0] = np.sum(m[0])
        return np.sum(m**2) + np.sum(q)

    right(f, some(2, 3), some(2, 3, start=2.0), s, wrt=(0, 1))


# Loops


@STEPS
def test_names_that_change_places(n):
    def f(x, y, n):
        a, b = x, y
        for i in range(n):
            a[0] += b[1] ** 2
            a, b = b, a
        return np.sum(x * np.sin(y)) + np.sum(a)

    right(f, some(3), some(3, start=2.0), n, wrt=(0, 1))


@STEPS
def test_three_names_that_rotate(n):
    def f(x, n):
        a, b, c = x * 1.0, x * 2.0, x * 3.0
        first = a
        for i in range(n):
            a[0] += b[1] * c[2]
            a, b, c = b, c, a
        first[1] = np.sum(a)
        return np.sum(a**2) + np.sum(b * first) + np.sum(c)

    right(f, some(3), n)


@STEPS
def test_work_arrays_with_another_name_outside(n):
    def f(x, n):
        u = x * 1.0
        v = np.zeros_like(x)
        w = u
        for i in range(n):
            v[1:] = np.sin(u[:-1])
            u, v = v, u
        w *= 2
        return np.sum(u**2) + np.sum(v * x) + np.sum(w)

    right(f, some(4), n)


@STEPS
def test_an_argument_that_each_step_replaces(n):
    def f(x, n):
        u = x
        for i in range(n):
            u[0] = u[1] * 2
            u = u * 1.5
            u[1] += np.sin(x[0])
        u[2] = 3.0
        return np.sum(u**2) + np.sum(x)

    right(f, some(3), n)


@STEPS
def test_the_best_of_all_steps_is_written(n):
    def f(x, n):
        best = x
        for i in range(n):
            t = x * (i + 1)
            t[0] -= 1
            if np.sum(t) > 1.0:
                best = t
            best[1] += 0.5 * x[2]
        return np.sum(best**2) + np.sum(x)

    right(f, some(3), n)
    right(f, some(3) + 1.0, n)


@STEPS
def test_two_names_of_what_a_step_makes(n):
    def f(x, n):
        a = x * 1.0
        b = a
        for i in range(n):
            a = a * 1.1
            b[0] += a[1]
            b = a
        b[1] *= 2
        return np.sum(a * x) + np.sum(b)

    right(f, some(3), n)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_name_that_only_the_loop_binds(n):
    def f(x, y, n):
        for i in range(n):
            c = x if i % 2 else y
            c[0] += 1.0 + x[1]
        c *= 2
        x[2] = np.sum(y)
        return np.sum(x**2) + np.sum(c)

    right(f, some(3), some(3, start=2.0), n, wrt=(0, 1))


@STEPS
def test_a_swap_in_an_inner_loop_is_seen_in_the_outer(n):
    def f(m, y, n):
        v = y[::-1]
        k = 0
        while k < n:
            v[:0:-1] *= 2.0
            for row in m:
                v, y = y, v
                v[0] += row[0]
            k += 1
        return np.sum(y**2) + np.sum(v)

    right(f, some(3, 2), some(4), n, wrt=(0, 1))


@STEPS
def test_a_swap_that_depends_on_the_values(n):
    def f(x, y, n):
        k = 0
        while k < n:
            if y[-2] > 0:
                pass
            elif x[k % 3] > 0:
                y, x = x, y
            y /= 1.5 + x[k % 3] ** 2
            k += 1
        return np.sum(x) + np.sum(y**2)

    right(f, some(4), some(4, start=3.0), n, wrt=(0, 1))


def test_the_loop_is_left_early():
    def f(x, y, limit):
        a, b = x, y
        for v in x:
            a[0] += v * b[0]
            if a[0] > limit:
                break
            a, b = b, a
        a[1] *= 3.0
        return np.sum(x * y) + np.sum(b)

    for limit in (-9.0, 0.2, 9.0):
        right(f, some(4), some(4, start=2.0), limit, wrt=(0, 1))


# What is read only is a plain value


def test_a_merge_that_nobody_writes_is_no_choice():
    def f(x, y, s):
        c = x if s > 0 else y
        return np.sum(c**2)

    df = grad(f, fallback="error")
    df(np.ones(2), np.ones(2), 1.0)
    assert df.source.count("if") == 2  # one in each direction


def test_what_a_test_decides_stands_in_one_branch():
    def f(x, y, s):
        c = x if s > 0 else y
        c += 1.0
        c[0] = 2.0
        c *= 3.0
        return np.sum(x) + np.sum(y**2)

    df = grad(f, fallback="error")
    df(np.ones(2), np.ones(2), 1.0)
    assert df.source.count("if test") <= 2


@STEPS
def test_a_name_that_one_branch_of_a_step_binds(n):
    def f(x, y, n):
        for i in range(n):
            if i % 2 == 0:
                c = x
            elif i == 3:
                c = y
            x[1] += 0.5 * y[0]
            c[0] *= 1.5
        return np.sum(x * y)

    right(f, some(3), some(3, start=2.0), n, wrt=(0, 1))


@STEPS
def test_the_row_of_the_step_before_is_written(n):
    def f(m, n):
        last = m[0]
        for i in range(n):
            row = m[(2 * i) % 3]
            row += 0.5 * last
            last[0] *= 1.1
            last = row
        last *= 2
        return np.sum(m**2)

    right(f, some(3, 2), n)


# One of the items of a list, a tuple or a dict


@pytest.mark.parametrize("i", [0, 1, -1])
def test_the_item_of_a_tuple_that_is_written(i):
    def f(x, y, i):
        c = (x, y)[i]
        c[0] /= 1.5 + y[1] ** 2
        x[1:] *= c[0]
        return np.sum(x**2) + np.sum(y)

    right(f, some(3), some(3, start=2.0), i, wrt=(0, 1))


@pytest.mark.parametrize("i", [0, 1, 2])
def test_the_item_of_a_list_that_is_written(i):
    def f(m, i):
        rows = [m[0], m[1] * 2.0, m[2]]
        rows[i] += rows[0][1]
        m[0, 1] = 3.0
        return np.sum(m**2) + np.sum(rows[1] * rows[i])

    right(f, some(3, 2), i)


@BOTH
def test_the_item_of_a_dict_with_a_key_that_is_computed(s):
    def f(x, y, s):
        table = {0: x, 1: y, 2: x * y}
        c = table[int(s > 0) % 2]
        c[0] *= 2.0
        return np.sum(x**2) + np.sum(y) + {0: s, 1: s**2}[int(s > 0)]

    right(f, some(3), some(3, start=2.0), s, wrt=(0, 1, 2))


def test_a_view_of_the_whole_and_an_element_by_item():
    def f(m):
        v = m.view()
        v[0] *= m.item(1, 1)
        return np.sum(m**2) * m[0].item(1)

    right(f, some(2, 3))


@STEPS
def test_rotating_names_of_which_two_are_one_array_at_first(n):
    def f(x, y, n):
        a = x
        for i in range(n):
            y[0] -= 2.0
            y, a, x = a, x, y
        return np.sum(a**2) + np.sum(x * y)

    right(f, some(3), some(3, start=2.0), n, wrt=(0, 1))


def test_the_same_code_for_every_number_of_steps():
    def f(x, y, n):
        a = x
        for i in range(n):
            y[0] -= 2.0
            y, a, x = a, x, y
        return np.sum(a)

    df = value_and_grad(f, fallback="error")
    for n in (5, 4, 3, 0, 1):
        x, y = some(3), some(3, start=2.0)
        assert df(x, y, n)[0] == f(x.copy(), y.copy(), n)


@BOTH
def test_what_a_loop_hands_on_by_value_is_known_to_be_an_alias(s):
    def f(x, s, n):
        v = x
        other = x
        k = 0
        while True:
            if k:
                break
            if s > 0:
                v = x[::-1]
            k += 1
        other[-2] /= n
        return np.sum(v * x)

    right(f, some(3), s, 3)


def test_the_list_of_the_rows_of_an_array_holds_views():
    def f(m):
        s = 0.0
        for row in list(m):
            row *= 2
            s = s + np.sum(row**2)
        first, *rest = m
        for row in rest:
            s = s + row[0] ** 2
        rows = list(m)
        return s * np.sum(first) + len(rows) * rows[-1][0] + np.sum(rows[1])

    right(f, some(3, 2))


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_an_array_that_a_loop_returns_is_written(n):
    def early(p, q, n):
        for _ in range(n):
            if p[0] > 1.0:
                return q
            p[0] += q[1]
        return p

    def f(x, y, n):
        a, b = x * 1, y * 1
        z = early(a, b, n)
        z[1] *= 1.1
        return np.sum(a) + np.sum(b**2)

    right(f, np.array([0.4, 0.5, 0.6]), np.array([0.6, 0.75, 0.9]), n, wrt=(0, 1))


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_an_array_that_a_loop_returns_while_names_change_places(n):
    def early(p, q, n):
        for _ in range(n):
            if p[0] > 0.9:
                return q
            p[0] += q[1]
            p, q = q, p
        return p

    def f(x, y, n):
        a, b = x * 1, y * 1
        z = early(a, b, n)
        z[1] *= 1.1
        return np.sum(a) + np.sum(b**2)

    right_or_refused(f, np.array([0.4, 0.5, 0.6]), np.array([0.6, 0.75, 0.9]), n, wrt=(0, 1))


@BOTH
def test_one_of_two_arrays_in_a_list_follows_both(s):
    def f(m, y, s, n):
        items = []
        for i in range(n):
            m[1] -= 2.0
            items.append(m[1] if s > 0 else y)
        return np.sum(items)

    right_or_refused(f, some(2, 3), some(3), s, 3, wrt=(0, 1))


@BOTH
def test_a_length_that_only_one_branch_asks_for(s):
    def f(x, m, s):
        d = x.reshape(x.shape) if s > 0 else np.where(x, m[1], 2.0)
        for i, u in enumerate(d):
            pass
        x += i
        return np.sum(d) + u

    right(f, some(3), some(2, 3), s, wrt=(0, 1))


@pytest.mark.parametrize("n", [1, 3, 4])
def test_what_was_written_is_known_after_a_loop_was_tried_in_vain(n):
    def f(x, m, n):
        for row in m:
            x[0] /= 2.0
            x, row = row, x
            table = {}
            for i in range(n):  # its keys ask for a known number of steps
                table[i % 2] = row[i]
        return np.mean(m**2)

    right(f, some(4), some(4, 4), n, wrt=(0, 1))


def test_what_one_branch_binds_and_a_later_one_reads_beside_what_has_another_shape():
    def f(x):
        s = 2.0
        for _ in x:
            s = np.sin(s)
        if x[0] > 5.0:
            pass
        elif x[0] > 4.0:
            s = s - x[:1]
        return np.sum(x) + s

    for first in (0.2, 4.5, 6.0):
        right_or_refused(f, np.array([first, -0.81, 0.25]))


PLACES = {
    "a dict": lambda q: ({"b": q}, "b"),
    "a list": lambda q: ([q], 0),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
def test_what_changes_places_with_an_item_has_another_name_and_is_written(place):
    def f(m, q, n):
        box, key = place(q)
        first = m
        for _ in range(n):
            m, box[key] = box[key], m
            first[0] += 2.0 * q[1]
        return np.sum(m**2) + np.sum(box[key] ** 3)

    for n in range(4):
        right(f, some(3), some(3) + 1.0, n, wrt=(0, 1))


def test_what_changes_places_with_an_attribute_has_another_name_and_is_written():
    class Box:
        def __init__(self, q):
            self.b = q

    def f(m, q, n):
        box = Box(q)
        first = m
        for _ in range(n):
            m, box.b = box.b, m
            first[0] += 2.0
        return np.sum(m**2) + np.sum(box.b**3)

    for n in range(4):
        right(f, some(3), some(3) + 1.0, n, wrt=(0, 1))


def test_a_list_of_arrays_of_which_each_is_one_of_two_as_a_value_is_right_or_refused():
    def f(x, y, n):
        k = 0
        while k < 2:
            if k:
                x[y > 0.5] -= 2.0
            else:
                x = y
            items = []
            for _ in range(n):
                items.append(x)
            total = np.sum(np.asarray(items))
            k += 1
        return total

    right_or_refused(f, some(3), some(3), 3, wrt=1)
