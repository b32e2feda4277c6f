"""Lists, dicts and sets: aliases, versions, branches, loops of no step.

Each program is judged with `fallback="error"`: it is right, or in REFUSED for a reason.
"""

import collections

import numpy as np
import pytest

from tests.judge import right, right_or_refused

X5 = np.array([0.5, -1.2, 2.0, 0.3, 1.1])
M23 = np.array([[0.5, -1.2, 2.0], [0.3, 1.1, -0.7]])
PROGRAMS: list[tuple] = []


def program(*args):
    def note(f):
        PROGRAMS.append((f, args))
        return f

    return note


@program(X5)
def pop_in_if(x):
    a = [v for v in x]
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.4:
            s += a.pop() * x[i]
        else:
            a.insert(1, x[i] * 2)
    return s + sum(a)


@program(X5)
def list_old_version(x):
    a = [v * v for v in x]
    b = a[:]
    a[0] = x[1] * 3.0
    c = a + b
    a.append(x[2])
    return sum(a) * sum(b) * sum(c)


@program(X5)
def len_then_change(x):
    a = [v * v for v in x]
    s = sum(a)
    a.pop()
    a.pop()
    t = sum(a)
    a.extend([x[0], x[1], x[2]])
    return s * t * sum(a)


@program(X5)
def arr_of_list_then_change(x):
    a = [v * v for v in x]
    u = np.array(a)
    a[1] = 0.0
    return np.sum(u * x) * sum(a)


@program(X5)
def queue_bfs(x):
    q = collections.deque([0])
    seen = [0]
    s = 0.0
    while q:
        i = q.popleft()
        s += x[i] ** 2 * (i + 1)
        for j in (2 * i + 1, 2 * i + 2):
            if j < len(x) and j not in seen:
                seen.append(j)
                q.append(j)
    return s


@program(X5)
def while_pop0(x):
    a = list(x)
    s = 0.0
    while len(a) > 1:
        u = a.pop(0)
        v = a.pop(0)
        a.append(u * v + 1)
    return a[0]


@program(X5)
def swap(x):
    a = list(x)
    n = len(a)
    for i in range(n // 2):
        a[i], a[n - 1 - i] = a[n - 1 - i] * 2, a[i]
    return a[0] * a[1] + a[4]


@program(X5)
def bubble(x):
    a = [v * v for v in x]
    n = len(a)
    for i in range(n):
        for j in range(n - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a[0] + 2 * a[1] + 3 * a[2] ** 2


@program(X5)
def helper_mut(x):
    def push(l, v):
        l.append(v * 2)
        return len(l)

    a = []
    for v in x:
        push(a, v)
    return sum(a) * a[2]


@program(X5)
def prefix(x):
    acc = [0.0]
    for v in x:
        acc.append(acc[-1] + v * v)
    return acc[-1] * acc[2] + acc[-2]


@program(X5.astype(np.float32))
def f32(x):
    a = []
    for v in x:
        a.append(v * v)
    a.insert(1, x[0])
    b = a.pop(0)
    a[0] += b
    return sum(a) * b


@program(X5)
def zero_trip(x):
    a = []
    for v in x[:0]:
        a.append(v)
    a.extend([x[0]])
    for v in x[:0]:
        a.pop()
    return a[0] ** 2


@program(X5)
def list_of_arr_pop(x):
    a = [x * 1.0, x * 2.0]
    for i in range(3):
        a.append(a[-1] * a[-2])
    u = a.pop()
    v = a.pop(0)
    return np.sum(u * v) + np.sum(a[1])


@program(X5)
def early_ret(x):
    a = []
    for v in x:
        a.append(v * v)
        if sum(a) > 3.0:
            return a[-1] * a[0]
    return 0.0


@program(X5)
def list_param_copy(x):
    a = [v * 1.0 for v in x]

    def g(l):
        l = l.copy()
        l.sort()
        l.reverse()
        return l[0] * l[1]

    return g(a) + a[0]


@program([float(k) for k in range(40)])
def long_param(a):
    a.append(2.0)
    b = a.pop(0) + a[3] ** 2
    return b * sum(a)


@program([float(k) for k in range(40)])
def long_param2(a):
    a[3] = a[2] * 2
    s = 0.0
    for i in range(len(a)):
        s += a[i] ** 2
    return s


@program(X5)
def max_list(x):
    a = [v * v for v in x]
    return max(a) * min(a) + max(a, default=1.0)


@program(X5)
def cond_list(x):
    a = [v for v in x if v > 0] or [x[0]]
    return sum(a) ** 2


@program(X5)
def remove_in_loop(x):
    a = [v * v for v in x]
    a.remove(a[2])
    del a[0]
    return sum(a) ** 2


@program(M23)
def nested_append(m):
    rows = []
    for r in m:
        row = []
        for v in r:
            row.append(v * v)
        rows.append(row)
    s = 0.0
    for row in rows:
        for v in row:
            s += v * v
    return s + sum(rows[0]) * rows[1][2]


@program(X5)
def prevcur(x):
    prev = [1.0]
    cur = [x[0]]
    for v in x:
        prev = cur
        cur = []
        for w in prev:
            cur.append(w * v + 1)
        cur.append(v)
    return sum(cur) * prev[0]


@program(X5)
def rebind_comp(x):
    a = [v for v in x]
    for k in range(3):
        a = [v * v + k for v in a]
    return sum(a)


@program(X5)
def rebind_comp_rt(x):
    a = [v for v in x]
    n = 0
    while sum(a) < 50.0:
        a = [v * v + 1.0 for v in a]
        n += 1
    return sum(a)


@program(X5)
def alias_rebind(x):
    a = [x[0]]
    b = a
    for v in x:
        a = a + [v]
    b.append(x[1])
    return sum(a) * sum(b)


@program(X5)
def alias_before(x):
    a = [x[0]]
    b = a
    for v in x:
        if v > 1:
            a = [x[3]]
        a.append(v)
    return sum(a) * sum(b)


@program(X5)
def same_end(x):
    a = [x[0]]
    b = [x[1]]
    for v in x:
        b = a
        a = [v]
        b.append(v * 2)
    return sum(a) * sum(b)


@program(X5)
def same_end2(x):
    a = [x[0]]
    b = [x[1]]
    for v in x:
        a = [v]
        b = a
    b.append(1.0)
    return sum(a) * sum(b)


@program(X5)
def cond_diff_len(x):
    a = [x[0], x[1]] if x[2] > 0 else [x[3]]
    a.append(x[4])
    return sum(a) ** 2


@program(X5)
def cond_none_list(x):
    if x[0] > 0:
        a = [x[1]]
    else:
        a = []
    for v in x:
        a.append(v)
    return sum(a) * len(a)


@program(X5)
def chunks(x):
    cur = []
    out = []
    for v in x:
        cur.append(v)
        if len(cur) == 2:
            out.append(sum(cur) ** 2)
            cur = []
    return sum(out) + sum(cur)


@program(X5)
def arr_list_rebind(x):
    hs = [x]
    for v in x:
        hs = [h * v for h in hs] + [x]
    return sum(np.sum(h) for h in hs)


@program(X5)
def sum_then_append(x):
    a = [v * v for v in x]
    s = sum(a)
    a.append(x[0])
    return s * sum(a)


@program(X5)
def copy_dyn(x):
    a = [v * v for v in x]
    b = a.copy()
    b.append(x[0] * 3)
    a.append(x[1])
    return sum(a) * sum(b) * len(a)


@program(X5)
def cond_alias(x):
    a = [x[0]]
    d = [x[1]]
    b = a if x[2] > 0 else d
    b.append(x[3])
    return sum(a) * sum(b) + sum(d)


@program(X5)
def arr_then_append(x):
    a = [v * v for v in x]
    s = np.sum(np.array(a) * x)
    a.append(x[0])
    return s * sum(a)


@program(X5)
def cond_append_dyn(x):
    a = []
    for v in x:
        if v > 0:
            a.append(v * v)
        else:
            a.append(v)
            a.append(2 * v)
    return sum(a) * a[-1]


@program(X5)
def two_names_dyn(x):
    a = []
    b = a
    for v in x:
        a.append(v * v)
    b.append(x[0])
    return sum(a) * len(b)


@program(X5)
def set_after_read(x):
    a = [v * v for v in x]
    y = a[0] * a[1]
    s = 0.0
    for i in range(len(x)):
        s += a[i] * a[0]
        a[0] = s
    return s * y


@program(X5)
def tup_mut(x):
    a = [x[0]]
    t = (a, a)
    t[0].append(x[1])
    return sum(t[1]) ** 2


# What is changed under one name may be read under another: which, is known only at run time.
REFUSED = {"alias_rebind", "alias_before", "same_end2", "cond_alias"}


@pytest.mark.parametrize("f, args", PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_containers(f, args):
    if f.__name__ in REFUSED:
        assert right_or_refused(f, *args) == "refused"
    else:
        right(f, *args)
