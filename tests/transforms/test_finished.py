"""Finished parts: the reverse sweep reads what is still in an array."""

import random

import numpy as np
import pytest

import srcdiff
from tests.gallery import some
from tests.judge import judge, right
from tests.kernels import kernels


def stacks(f, *args, wrt=0):
    """How often the generated source pushes something."""
    right(f, *args, wrt=wrt)
    df = srcdiff.grad(f, wrt=wrt, fallback="error")
    df(*args)
    return df.source.count(".append(")


@pytest.mark.parametrize("name", ["lu", "trisolv", "cholesky"])
def test_what_is_written_once_is_not_saved(name):
    kernel = next(k for k in kernels() if k.f.__name__ == name)
    df = srcdiff.grad(kernel.f, wrt=kernel.wrt, fallback="error")
    df(*map(np.copy, kernel.args))
    pushed = [line for line in df.source.splitlines() if ".append(" in line]
    assert all("n_stack" in line for line in pushed)  # lengths


def test_the_next_element_is_read_before_it_is_written():
    def f(x):
        for i in range(len(x) - 1):
            x[i] = x[i + 1] ** 2
        return np.sum(x)

    assert stacks(f, some(5)) == 1


def test_a_loop_backwards_reads_what_it_has_written():
    def f(x):
        for i in range(len(x) - 2, -1, -1):
            x[i] = x[i] + x[i + 1] ** 2
        return np.sum(x)

    assert stacks(f, some(5)) == 0


def test_an_index_below_zero_counts_from_the_end():
    def f(x):
        for i in range(len(x)):
            x[i] = x[i] + x[i - 1] ** 2  # the last one in the first step
        return np.sum(x)

    assert stacks(f, some(5)) == 1


def test_a_store_over_what_was_stored_is_not_overlooked():
    def f(m):
        for _ in m:
            m[-2] /= m[1]
        return np.sum(m)

    right(f, some(4, 2) + 2)


def test_a_later_loop_that_overwrites_is_not_overlooked():
    def f(x):
        b = np.zeros(len(x))
        for i in range(1, len(x)):
            b[i] = np.tanh(b[i - 1] + x[i])
        for i in range(1, len(x)):
            b[i] = b[i] * b[i]
        return np.sum(b)

    right(f, some(5))


def test_an_array_made_in_each_step_is_kept_once():
    def f(x, n):
        for _ in range(n):
            b = np.zeros(len(x))
            b[0] = x[0]
            for i in range(1, len(x)):
                b[i] = np.tanh(b[i - 1] + x[i])
            x = b * 0.9 + 0.1
        return np.sum(x)

    assert stacks(f, some(5), 3) == 1


def test_steps_that_a_branch_leaves_out():
    def f(x):
        b = np.zeros(len(x))
        for i in range(1, len(x)):
            if x[i] > 0:
                b[i] = b[i - 1] * x[i] + 1.0
            else:
                b[i - 1] = x[i] ** 2
        return np.sum(b * b)

    right(f, some(6))


# Random nests of loops over two arrays


class Nest:
    def __init__(self, seed: int):
        self.rng, self.lines, self.loops = random.Random(seed), ["def f(x, A, n):"], 0
        self.block([], 1, 0, loops=1)
        if self.rng.random() < 0.5:
            self.block([], 1, 0, loops=1)
        self.lines.append("    return np.sum(x * x) + np.sum(A * A)")

    def index(self, counters):
        if not counters or self.rng.random() < 0.15:
            return str(self.rng.randint(0, 2))
        offset = self.rng.choice(["", "", "", " - 1", " + 1"])
        return self.rng.choice(counters) + offset

    def key(self, counters):
        form = self.rng.choice(["{}", "{}", "{}", ":{}", "{}:", ":"])
        return form.format(self.index(counters))

    def read(self, counters):
        if self.rng.random() < 0.5:
            return f"np.sum(x[{self.key(counters)}])"
        return f"np.sum(A[{self.key(counters)}, {self.key(counters)}])"

    def store(self, counters, depth):
        place = f"x[{self.index(counters)}]"
        if self.rng.random() < 0.5:
            place = f"A[{self.key(counters)}, {self.index(counters)}]"
        form = self.rng.choice(["np.tanh({0})", "{0} * {1}", "{0} / (2.0 + {1} ** 2)"])
        value = form.format(self.read(counters), self.read(counters))
        self.lines.append(f"{'    ' * depth}{place} {self.rng.choice(['=', '+=', '*='])} {value}")

    def block(self, counters, depth, level, loops=0):
        for _ in range(self.rng.randint(1, 2)):
            if loops or (level < 3 and self.rng.random() < 0.35):
                ranges = ["range(1, n - 1)", "range(n - 2, 0, -1)"]
                for outer in counters:
                    ranges += [f"range({outer})", f"range({outer} + 1, n - 1)",
                               f"range({outer} - 1, -1, -1)"]  # fmt: skip
                self.loops += 1
                counter = f"i{self.loops}"
                self.lines.append(f"{'    ' * depth}for {counter} in {self.rng.choice(ranges)}:")
                self.block([*counters, counter], depth + 1, level + 1)
            elif self.rng.random() < 0.15:
                self.lines.append(f"{'    ' * depth}if {self.read(counters)} > 0.3:")
                self.store(counters, depth + 1)
            else:
                self.store(counters, depth)


@pytest.mark.parametrize("seed", range(60))
def test_random_nests_of_loops(seed, tmp_path, monkeypatch):
    name = f"nest{seed}"
    source = "import numpy as np\n\n\n" + "\n".join(Nest(seed).lines) + "\n"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    f = __import__(name).f
    rng = np.random.default_rng(seed)
    args = rng.uniform(-1, 1, 4), rng.uniform(-1, 1, (4, 4)), 4
    verdict = judge(f, args, (0, 1), thorough=False)
    assert verdict.outcome in ("right", "untrusted"), f"{verdict}\n{source}"


class Overwrites:
    def __init__(self, held):
        self.held = held

    def __enter__(self):
        pass

    def __exit__(self, *error):
        self.held[0] = 2.0


def test_a_version_that_was_read_is_not_the_one_that_follows():
    """The branch that reads is put after the store: it reads what was there before."""

    def f(m):
        with Overwrites(m):
            if np.prod(m) > -1:
                return np.power(m[-2, -3], 2) * m[1, 1]
        return np.sum(m)

    right(f, np.array([[0.65, 0.03, 0.09], [-0.3, -0.5, -0.6]]))
