"""Data."""

import collections
import copy
import functools
import itertools
import math
import operator

import numpy as np

from tests.support import line

X3 = np.array([0.5, -1.2, 2.0])
X5 = np.array([0.5, -1.2, 2.0, 0.3, 1.1])

# Lists


@line("list of known items: every method, slices, `del`, `+`, `*`, stars", X5)
def list_methods(x):
    a = [x[0], x[1], *[x[2], 7.0]]
    a.extend([x[3], x[4]])
    a.insert(1, x[0] * 2)
    a.remove(7.0)
    a[1:3] = [x[1]]
    del a[-1]
    a += [x[2]] * 2
    a.reverse()
    a.sort(key=abs)
    b = a.copy()
    b.append(a.pop(0))
    first, *rest = b[:-1]
    return first * sum(rest) * a.count(x[2]) + a.index(a[1]) * b[-1] + (3.0 if b == a else x[0])


@line("list of run-time length: `append`, `extend`, `insert`, `pop`, `del`, `+=`, `remove`", X5)
def list_changed(x):
    a = [1.0]
    for v in x:
        a.append(v * v)
        a.insert(1, v)
    a.extend(x * 1.5)
    a += [x[0], x[1]]
    first, last = a.pop(0), a.pop()
    del a[2]
    a.remove(max(a))
    s = 0.0
    for i in range(len(a)):
        s += (i + 1) * a[i] * a[-1]
    return s * first * last


@line("list of run-time length: slices, `+`, `*`, `copy`, `reverse`, `sort`, slice assignment", X5)
def list_parts(x):
    a = [v * v for v in x]
    b = a[1:3] + a[::-1] * 2
    c = a.copy()
    c.reverse()
    c.sort(key=lambda v: -v)
    c[1:3] = [x[4] * 2, x[0]]
    a[0] = b[2] * c[0]
    a[i_of_largest(x)] += 3.0
    return sum(a) * sum(b) + c[1] * a[-1] + sum(b, x[0]) * b.count(x[0])


def i_of_largest(x):
    return max(range(len(x)), key=x.__getitem__)


@line("a list as a stack, a `collections.deque` as a queue", X5)
def stack_and_queue(x):
    stack, s = [x[0]], 0.0
    while stack:
        v = stack.pop()
        s += v * v
        if v < 10.0:
            stack.append(v * 3 + 3.0)
    queue, seen = collections.deque([0]), [0]
    while queue:
        i = queue.popleft()
        s += x[i] ** 2 * (i + 1)
        for j in (2 * i + 1, 2 * i + 2):
            if j < len(x) and j not in seen:
                seen.append(j)
                queue.append(j)
    return s


@line("a list that each step makes anew, or that a branch empties", X5)
def list_rebound(x):
    a, part, sums = [v for v in x], [], []
    for v in x:
        a = [u * v + 1 for u in a]
        part.append(v)
        if len(part) == 2:
            sums.append(sum(part) ** 2)
            part = []
    previous, current = [1.0], [x[0]]
    for v in x:
        previous, current = current, [u * v for u in current] + [v]
    return sum(a) * sum(sums) + sum(part) * sum(current) + sum(previous)


@line("list of lists of run-time lengths, of arrays, joined by `np.concatenate`, `np.stack`", X5)
def list_nested(x):
    rows = []
    for i in range(len(x)):
        row = []
        for j in range(i + 1):
            row.append(x[i] * x[j])
        rows.append(row)
    parts, h = [], [x]
    for v in x:
        parts.append(np.ones(2) * v)
        h.append(np.tanh(h[-1] * v))
    s = sum(sum(row) ** 2 for row in rows) + rows[2][1] * np.sum(h[2] * h[-1])
    s += np.sum(np.concatenate(parts) ** 2) + np.sum(np.stack(parts, axis=1) ** 3)
    return s + np.sum(np.hstack(parts) * 2) + np.sum(np.array([v * v for v in x]) * x)


@line("list sorted in place in a loop (bubble sort), swapped at run-time indices", X5)
def list_sorted(x):
    a = [v * v for v in x]
    for i in range(len(a)):
        for j in range(len(a) - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a[0] + 2 * a[1] + 3 * a[2] ** 2


@line("list of tuples of run-time length: a stack, sorted on a key, `zip(*…)`, stored into", X5)
def list_of_tuples(x):
    pairs, s = [], 0.0
    for i, v in enumerate(x):
        pairs.append((v * v, (i, v)))
    pairs.sort(key=lambda p: p[0])
    for k, (square, (i, v)) in enumerate(pairs):
        s += (k + 1) * square * (i + 1) + v
    rows = [(v, 0.0) for v in x]
    for i in range(len(rows)):
        a, b = rows[i]
        rows[i] = (a * 2, b + a)
    first, second = zip(*rows)
    stack = [(x[0], 0)]
    while stack:
        v, depth = stack.pop()
        s += v * v
        if depth < 3:
            stack.append((v * 0.5, depth + 1))
            stack.append((v * 0.3 + 1, depth + 1))
    return s * sum(first) + sum(second) ** 2


@line("`for` over a list to which its body appends", X5)
def list_growing(x):
    a, s = [x[0]], 0.0
    for v in a:
        s += v * v
        if len(a) < len(x):
            a.append(v * 0.5 + x[1])
    return s * a[-1]


@line("elements of a list of arrays, and of a list of lists, written in place", X5)
def list_elements(x):
    n = len(x)
    rows = [np.zeros(3) for _ in range(n)]
    for i in range(n):
        rows[i][1] = x[i]
        rows[i] += x[i] ** 2
    table = [[0.0] * (n + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            table[i][j] = max(table[i - 1][j], table[i][j - 1]) * 0.9 + x[i - 1] * x[j - 1]
    return np.sum(rows[1] * rows[2]) + table[n][n] + table[2][3] ** 2


# Dicts


@line("dict: items set and updated in a run-time loop", X5)
def dict_in_loop(x):
    d = {"s": 0.0, "p": 1.0}
    for v in x:
        d["s"] += v * v
        d["p"] *= v
        d["last"] = v
    return d["s"] * d["p"] + d["last"]


@line("dict: `items`, `keys`, `values`, `get`, `setdefault`, `pop`, `update`, `copy`", X3)
def dict_methods(x):
    d = {"a": x[0], "b": x[1]}
    d.setdefault("c", x[2])
    d.setdefault("a", 5.0)
    d.update({"e": x[0]}, f=x[1])
    s = sum(v * len(k) for k, v in d.items()) + sum(d[k] ** 2 for k in d.keys())
    e = d.copy()
    e["b"] = 0.0
    key, last = d.popitem()
    return s * d.pop("a") * d.pop("zz", 3.0) + sum(e.values()) + last + len(key) * d.get("no", x[2])


@line("dict: comprehension, `**`, `|`, `|=`, `dict(zip(…))`, `fromkeys`, `in`, `del`", X3)
def dict_making(x):
    d = {k: x[i] ** 2 for i, k in enumerate("abc")}
    e = {**d, "d": x[0]} | {"e": x[1]}
    e |= dict(zip(["f", "g"], [x[2], x[0] * x[1]]))
    del e["a"]
    z = dict.fromkeys(["u", "v"], 0.0)
    z["u"] += e["b"] * e["g"]
    return z["u"] + z["v"] + sum(e.values()) if "a" not in e else x[0]


@line("dict of lists, of arrays that are written, of dicts", X3)
def dict_nested(x):
    d = {"rows": [], "buffer": np.zeros(3), "inner": {"w": x[0]}}
    for i in range(len(x)):
        d["rows"].append(x[i] * 2)
        d["buffer"][i] += x[i] ** 2
    d["inner"]["w"] *= 3.0
    return sum(d["rows"]) * np.sum(d["buffer"]) * d["inner"]["w"]


@line("dict: keys that agree on both branches, a key that one branch adds", X3)
def dict_branch(x):
    d = {"a": x[0]}
    if x[1] < 0:
        d["a"] = x[1] ** 2
        d["b"] = x[2] ** 2
    else:
        d["b"] = x[2]
    return d["a"] * d["b"]


@line("`collections.defaultdict`, `OrderedDict`, `Counter`", X5)
def dict_classes(x):
    total = collections.defaultdict(float)
    for v in x:
        total["s"] += v * v
        if v > 0:
            total["p"] += v
    rows = collections.defaultdict(list)
    for i, k in enumerate("aba"):
        rows[k].append(x[i])
    order = collections.OrderedDict(z=x[0], a=x[1])
    order.move_to_end("z")
    n = collections.Counter("abca")
    return total["s"] * total["p"] * sum(rows["a"]) + list(order.values())[0] * n["a"] + n["q"]


@line("a cache of results under int keys", X3)
def dict_memo(x):
    memo = {0: x[0], 1: x[1]}
    for i in range(2, 6):
        memo[i] = memo[i - 1] * x[2] + memo[i - 2]
    return memo[5]


@line("a tree of parameters, updated by a comprehension", {"w": np.ones(2), "b": 2.0})
def dict_parameters(p):
    q = {k: v - 0.1 * v**2 for k, v in p.items()}
    return sum(np.sum(v**2) for _, v in sorted(q.items()))


@line("list of layers of unlike shapes, rebuilt in a loop; blocks of unlike lengths", X3, 3)
def unlike_items(x, n):
    layers = [np.outer(x, x), np.ones((3, 1)) * x[0]]
    blocks = []
    for i in range(n):
        h = x @ layers[0]
        r = h @ layers[1]
        layers = [w - 0.05 * np.sum(r) * w for w in layers]
        blocks.append(h[: i + 1])
    return np.sum(layers[1]) + np.sum(blocks[0]) / len(blocks[0]) + np.mean(blocks[-1])


@line("dict of parameters, made anew in each step of a loop", {"w": np.ones(2), "b": 2.0}, 3)
def dict_rebuilt(p, n):
    for _ in range(n):
        d = {k: v * p["b"] for k, v in p.items()}
        p = {k: p[k] - 0.1 * d[k] for k in p}
    return np.sum(p["w"] ** 2) + p["b"]


@line("split-step method: `np.fft.fftfreq`, `fft` and `ifft` in a loop", np.linspace(-1, 1, 8))
def split_step(z):
    k = 2 * np.pi * np.fft.fftfreq(len(z), 0.3)
    psi = np.exp(1j * z) * np.exp(-(z**2))
    for _ in range(4):
        psi = psi * np.exp(-0.05j * np.abs(psi) ** 2)
        psi = np.fft.ifft(np.exp(-0.025j * k**2) * np.fft.fft(psi))
    return np.sum(np.abs(psi) ** 4)


# Tuples, sets, strings


@line("tuple: slices, `+`, `*`, comparison, run-time index", X5)
def tuples(x):
    t = (x[0], x[1], x[2])
    u = t[1:] + (x[0],)
    s = u[0] * u[2] + sum(t * 2) ** 2 + t[-1]
    for i in range(len(x)):
        s += (1.0, 2.0, 3.0)[i % 3] * x[i] ** 2
    return s if (1, 2) == (1, 2) and (1, 2) < (1, 3) else x[0]


@line("set: literal, comprehension, `add`, `remove`, `in`, operators, iteration", X5)
def sets(x):
    s = {0, 2}
    s.add(1)
    s.discard(5)
    s.remove(0)
    t = (s | {i % 2 for i in range(5)}) & frozenset([0, 1])
    total = 0.0
    for i in t:
        total = total * 2 + x[i] ** 2
    for i in range(len(x)):
        if i in s:
            total += x[i] ** 3
    return total * len(t - s) * (2 if s >= {1} else 3)


@line("strings: methods, f-strings, `%`, `join`, `split`, keys made of them", X3)
def strings(x):
    name = "Tanh_layer".lower().split("_")[0]
    f = {"tanh": np.tanh}[name]
    weights = {f"w{i:02d}": x[i] for i in range(3)}
    message = f"{x[0]:.3f} of {len(x)}"
    s = 0.0
    for c in "+-+":
        s = s + x[0] * x[1] if c == "+" else s - x[2] ** 2
    if name.startswith("ta") and "%s-%d" % ("a", 3) == "a-3" and message:  # noqa: UP031
        s += np.sum(f(x)) * ",".join(["a", "b"]).count("a") * len(b"ab") * ord("a")
    return s * weights["w01"]


@line("ranges as objects, slices as objects, `None` tests, `isinstance`", X5)
def objects(x):
    r, part = range(1, 5, 2), slice(1, None, 2)
    s = sum(x[i] ** 2 for i in r) * len(r) * r[1] * (2 if 3 in r else 1)
    for i in reversed(range(1, len(x), 2)):
        s = s * 0.5 + x[i]
    best = None
    if best is None and isinstance(s, (int, float)) and not isinstance(x, (list, tuple)):
        best = np.sum(x[part] ** 2)
    return s * best * (part.start + range(len(x) - 1, -1, -2)[1])


# Functions on iterables


@line("`zip`, `zip(*…)`, `enumerate(start=)`, `reversed`", X5)
def iterables(x):
    a, b = zip(*[(x[0], x[1]), (x[2], x[3])])
    s = sum(a) * sum(b)
    for i, (v, w) in enumerate(zip(x, reversed(x)), start=2):
        s += i * v * w**2
    return s


@line("`zip` of a tuple or a list and an array, whichever is shorter", X5)
def zipped_with_an_array(x):
    s = 0.0
    for k, v in zip((2.0, x[1], 3.0), x):
        s += k * v**2
    for name, v in zip(["sin", "cos"], x[1:]):
        s += np.sin(v) if name == "sin" else np.cos(v)
    return s + sum(c * v for v, c in zip(x[3:], [1.0, 2.0, x[0]]))


@line("`map`, `filter`, `any`, `all`, `functools.reduce` on arrays", X5)
def functional(x):
    s = sum(map(lambda v: v * v, x)) + sum(filter(lambda v: v > 0, x)) ** 2
    s = s + functools.reduce(lambda total, v: total * v + 1, x, 1.0)
    return s * 2 if any(v > 1 for v in x) and all(v < 10 for v in x) else s


@line("`max` and `min` with `key=` and `default=`", X5)
def extremes(x):
    i = max(range(len(x)), key=lambda i: x[i])
    j = min(range(len(x)), key=x.__getitem__)
    return max(x, key=abs) * min(x[0], x[1], key=abs) * x[i] * x[j] + max([], default=x[2])


@line("`sorted` of numbers, on keys, reversed, of indices and pairs", X5)
def sorting(x):
    a, b = sorted(x), sorted(x, key=lambda v: -v * v, reverse=True)
    order = sorted(range(len(x)), key=lambda i: x[i])
    pairs = sorted([("b", x[0]), ("a", x[1])], key=operator.itemgetter(0))
    s = a[0] + a[1] * 10 + b[2] ** 2 + pairs[0][1] ** 3
    for k, i in enumerate(order):
        s += k * x[i]
    return s + sorted([x[0], x[1], x[2]])[1]


@line("`itertools`: `product`, `combinations`, `permutations`, also of run-time length", X5)
def combinatorics(x):
    s = sum(x[i] * x[j] ** 2 for i, j in itertools.permutations(range(3), 2))
    for i, j in itertools.product(range(len(x)), repeat=2):
        s += x[i] * x[j] * (i + 2 * j)
    for u, v in itertools.combinations(x, 2):
        s += u * u * v
    return s + sum(x[i] * x[j] for i, j in itertools.combinations(range(4), 2))


@line("`itertools`: `chain`, `accumulate`, `pairwise`, `islice`, `takewhile`, `starmap`", X5)
def iteration(x):
    s = 0.0
    for v in itertools.chain(x, x[:2]):
        s = s * 0.5 + v * v
    for i, v in enumerate(itertools.accumulate(x)):
        s += i * v * v
    s += sum(a * b * b for a, b in itertools.pairwise(x))
    s += sum(v**3 for v in itertools.islice(x, 3))
    s += sum(x[i] for i in itertools.takewhile(lambda k: k < 3, range(10))) ** 2
    return s + sum(itertools.starmap(operator.mul, [(x[0], x[1]), (x[2], x[3])]))


@line("`itertools`: `count`, `cycle`, `repeat`, `zip_longest`, `groupby`", X5)
def endless(x):
    s = 0.0
    for i, v, sign in zip(itertools.count(1), x, itertools.cycle([1.0, -1.0])):
        s += i * v * v * sign
    s += sum(a * b for a, b in zip(x, itertools.repeat(x[0])))
    for key, group in itertools.groupby([0, 2, 1, 3], key=lambda i: i % 2):
        s += (key + 1) * sum(x[i] for i in group) ** 2
    return s + sum(a * b for a, b in itertools.zip_longest([x[0], x[1]], [x[2]], fillvalue=2.0))


@line("`operator.itemgetter`, `attrgetter`, `copy.copy`, `deepcopy`, `iter`, `next`", X3)
def getters(x):
    a, b = operator.itemgetter("a", "b")({"a": x[0], "b": x[2]})
    rows = [x[0], [x[1]]]
    shallow, deep = copy.copy(rows), copy.deepcopy(rows)
    shallow[1].append(x[2])
    deep[1].append(x[0] ** 2)
    y = copy.copy(x)
    y[0] = 3.0
    rest = iter([x[1], x[2]])
    s = next(rest) * 2 + next(rest) ** 2 + next(rest, 1.0) + next(v for v in [x[0], x[1]])
    return s * a * b * operator.attrgetter("real")(x[1]) + sum(rows[1]) * sum(deep[1]) + np.sum(y)


@line("default arguments, keyword-only, `*args`, `**kwargs`", X3)
def arguments(x):
    def f(a, b=2.0, *rest, scale=1.0, **more):
        return a**b * scale + sum(rest) * more.get("shift", 1.0)

    named = {"scale": x[2], "shift": x[1]}
    return f(2.0, x[0], *[x[1], x[2]], **named) + f(x[2]) + math.hypot(*(x[0], x[1]))
