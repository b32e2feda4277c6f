"""Adjoints of lists and of arrays that change places are written in place where they are apart."""

import numpy as np
import pytest

from srcdiff import grad
from srcdiff.transforms.text import parse_text
from tests.judge import right
from tests.transforms.typed import buffered, kinds

Y = np.array([1.1, 0.4])


def trajectory(y0, h, n):
    ys = [y0]
    for _ in range(n):
        y = ys[-1]
        a, b = y
        ys.append(y + h * np.array([a * b - a, b - a * b]))
    ys = np.array(ys)
    return np.sum((ys[:, 0] - 1.0) ** 2) + ys[-1, 1]


def swapped(u0, c, n):
    u = u0.copy()
    new = np.empty_like(u)
    flux = np.zeros(len(u) + 1)
    for _ in range(n):
        for i in range(1, len(u)):
            flux[i] = c * u[i - 1] * u[i]
        flux[0] = u[0] ** 2
        new[:] = u - c * (flux[1:] - flux[:-1])
        u, new = new, u
    return np.sum(u**2)


@pytest.mark.parametrize("f, args", [(trajectory, (Y, 0.1, 4)), (swapped, (np.ones(5), 0.1, 3))])
def test_the_reverse_sweep_copies_no_adjoint(f, args):
    right(f, *args, wrt=(0, 1))
    df = grad(f)
    df(*args)
    assert "copy()" not in df.source.partition("# adjoint")[2]


def popped(reads):
    """A row of an array is popped and written; `reads` says what is read afterwards."""
    return buffered(parse_text(f"""
        (a: f8[3,2], n: int):
          z = np.zeros_like(a)
          d = builtins.list(z)
          s, r = for i in range(n) carry (c = 0.0, p = d):
            v = getitem(p, -1)
            q, t = list_pop(p)
            t.2 = setitem(t, (), 0, 1.0)
            w = getitem(q, -1)
            x = np.sum({reads})
            c.2 = add(c, x)
            yield c.2, q
          y = np.sum({"z" if reads == "z" else "a"})
          return s, y
    """, kinds=kinds))  # fmt: skip


@pytest.mark.parametrize("reads, copies", [("t.2", 0), ("w", 0), ("v", 1), ("z", 1)])
def test_what_was_popped_is_written_in_place_where_nobody_else_has_it(reads, copies):
    assert str(popped(reads)).count("copy(") == copies


def test_two_steps_back():
    def f(x, n):
        ys = [x * 1.0, x * 2.0]
        for _ in range(n):
            now, before = ys[-1], ys[-2]
            ys.append(now * before[0] + before * now[1])
        return np.sum(np.array(ys) ** 2)

    right(f, np.array([0.5, 0.7]), 4, wrt=0)


def test_an_item_that_is_in_the_list_twice():
    def f(x, n):
        ys = [x * 1.0]
        for _ in range(n):
            y = ys[-1]
            ys.append(y)
            ys.append(y * y[0] + ys[-2] * y[1])
        return np.sum(np.array(ys) ** 2)

    right(f, np.array([0.5, 0.7]), 3, wrt=0)


def test_an_item_in_two_lists():
    def f(x, n):
        ys, zs = [x * 1.0], [x * 3.0]
        for _ in range(n):
            y = ys[-1] * zs[-1][1] + zs[-1] * ys[-1][0]
            ys.append(y)
            zs.append(y)
        return np.sum(np.array(ys) ** 2) + np.sum(np.array(zs) ** 3)

    right(f, np.array([0.5, 0.7]), 3, wrt=0)


def test_an_item_in_a_list_that_an_inner_loop_reads():
    def f(x, n):
        ys = [x * 1.0]
        for k in range(n):
            y = ys[-1] * ys[-1][0]
            for past in ys:
                y = y + past * y[1]
            if k > 1:
                y = y * ys[0]
            ys.append(y)
        return np.sum(np.array(ys) ** 2)

    right(f, np.array([0.5, 0.7]), 4, wrt=0)


def test_arrays_that_change_places_with_one_of_an_inner_loop():
    def f(x, n):
        a, b, c = x.copy(), x * 2.0, np.zeros_like(x)
        total = 0.0
        for _ in range(n):
            for i in range(1, len(x)):
                b[i] = b[i - 1] * a[i]
            total = total + np.sum(b**2)
            a, b, c = b, c + a, a
        return np.sum(a * c) + total

    right(f, np.linspace(0.5, 1.2, 4), 4, wrt=0)


def test_new_arrays_of_a_step_that_trade_places():
    def f(x, n):
        a, b = x.copy(), np.zeros_like(x)
        last = a
        for _ in range(n):
            last = a
            for i in range(len(x)):
                b[i] += a[i] ** 2
            a, b = b, np.zeros_like(x)
            b[0] = last[0]
        return np.sum(a * last) + b[0]

    right(f, np.linspace(0.5, 1.2, 3), 3, wrt=0)
