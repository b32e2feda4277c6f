"""Objects."""

import dataclasses
import enum
from collections import namedtuple
from typing import NamedTuple

import numpy as np

from tests.gallery import some
from tests.support import line


class Vec:
    scale = 2.0

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __neg__(self):
        return Vec(-self.x, -self.y)

    def __matmul__(self, other):
        return self.x * other.x + self.y * other.y

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y

    def __iadd__(self, other):
        self.x += other.x
        self.y += other.y
        return self

    def __call__(self, t):
        return self.x * t + self.y

    def __getitem__(self, i):
        return (self.x, self.y)[i]

    def __setitem__(self, i, value):
        setattr(self, "xy"[i], value)

    def __len__(self):
        return 2

    def __iter__(self):
        return iter((self.x, self.y))

    def __contains__(self, value):
        return value in (self.x, self.y)

    def __bool__(self):
        return bool(self.x != 0.0)

    def __repr__(self):
        return f"Vec({self.x}, {self.y})"

    @property
    def square(self):
        return self @ self

    @property
    def first(self):
        return self.x

    @first.setter
    def first(self, value):
        self.x = value

    @classmethod
    def of(cls, a):
        return cls(a[0], a[1])

    @staticmethod
    def unit():
        return Vec(1.0, 0.0)

    def shift(self, dx):
        self.x = self.x + dx * self.scale


class Vec3(Vec):
    def __init__(self, x, y, z):
        super().__init__(x, y)
        self.z = z

    @property
    def square(self):
        return super().square + self.z**2


@line("an object made, its methods, properties, class attributes", some(3))
def methods(x):
    v = Vec.of(x)
    v.shift(x[2])
    v.first = v.first * 2
    return v.square + Vec.unit().x * v.scale


@line("operators: `__add__`, `__rmul__`, `__neg__`, `__matmul__`, `__iadd__`, `__call__`", some(3))
def operators(x):
    v = Vec(x[0], x[1]) + 2.0 * Vec(x[1], x[2])
    v += Vec(x[2], 1.0)
    return v @ v + (-v)(3.0)


@line("`__getitem__`, `__setitem__`, `__len__`, `__iter__`, `__contains__`, `__bool__`", some(3))
def as_container(x):
    v = Vec(x[0], x[1])
    v[0] = v[1] * x[2]
    a, b = v
    total = a * b * len(v)
    for item in v:
        total = total + item**2
    if v and 7.0 not in v:
        total = total * 2
    return total


@line("inheritance and `super()`", some(3))
def inheritance(x):
    v = Vec3(x[0], x[1], x[2])
    v.shift(x[0])
    return v.square + isinstance(v, Vec)


@line("an object that a method changes in a loop", some(4))
def changed_in_a_loop(x):
    v = Vec(x[0], x[1])
    for i in range(len(x)):
        v.shift(x[i] * v.y)
    return v.square


@line("an object made anew in each step of a loop", some(4))
def made_in_a_loop(x):
    v = Vec(x[0], x[1])
    for i in range(len(x)):
        v = v * x[i] + Vec(0.1, 0.2)
    return v @ v


@line("an object changed in a branch, and one of two objects", some(3))
def in_a_branch(x):
    v = Vec(x[0], x[1])
    if x[0] > 0.1:
        v.shift(x[1])
    else:
        v.x = v.x**2
    w = Vec(x[1], 1.0) if x[1] > 0.0 else Vec(x[2], x[0])
    return v.square * w[1]


@line("one object under two names, in a list and in an attribute", some(3))
def aliases(x):
    v = Vec(x[0], x[1])
    other, box = v, [v]
    outer = Vec(v, 2.0)
    other.shift(1.0)
    outer.x.y = outer.x.y * x[2]
    return v.square + box[0].x * outer.y


@line("`isinstance`, `hasattr`, `getattr`, `setattr`, `type`, `callable`, `issubclass`", some(3))
def asked(x):
    v = Vec(x[0], x[1])
    setattr(v, "z", x[2])  # noqa: B010
    known = hasattr(v, "z") and not hasattr(v, "q") and callable(v) and issubclass(Vec3, Vec)
    return v.z * getattr(v, "q", 2.0) * len(type(v).__name__) if known else x[0]


class Counter:
    def __init__(self):
        self.n = 0
        self.total = 0.0

    def add(self, value):
        self.n += 1
        self.total += value
        return self


@line("state counted under a run-time test, and its text", some(4))
def counted(x):
    c = Counter()
    for value in x:
        if value > 0.2:
            c.add(value * value)
    return c.total / (c.n + 1) + len(f"{Vec(1, c.n)!r}")


@dataclasses.dataclass
class Layer:
    w: np.ndarray
    b: float = 0.5
    seen: list = dataclasses.field(default_factory=list)

    def run(self, x):
        self.seen.append(x)
        return np.sum(x * self.w) + self.b


@dataclasses.dataclass(frozen=True, order=True)
class Scaled:
    a: float
    b: float = 2.0

    def __post_init__(self):
        object.__setattr__(self, "b", self.b * self.a)


@line("a dataclass: defaults, methods, `default_factory`, `replace`", some(3))
def data_class(x):
    p = Layer(x * 2)
    p.b += x[1]
    q = dataclasses.replace(p, b=p.b * x[2])
    return p.run(x) * q.run(x**2) + np.sum(p.seen[1])


@line("a frozen dataclass: `__post_init__`, order, equality, `asdict`", some(3))
def frozen(x):
    q, r = Scaled(x[0]), Scaled(x[1], 3.0)
    y = dataclasses.asdict(r)["a"] * q.b
    if q < r:
        y = y * 2
    if q == r:
        y = y * 3
    return y + r.b


class Pair(NamedTuple):
    a: float
    b: float = 1.5

    def product(self):
        return self.a * self.b


Point = namedtuple("Point", "x y")


@line("a namedtuple: defaults, methods, `_replace`, `_asdict`, `_fields`", some(3))
def named_tuple(x):
    n = Pair(x[0])
    m, p = n._replace(b=x[1]), Point(x[0], y=x[2])
    return n.product() + m.product() * p._asdict()["y"] + len(Pair._fields) + p.x


class Color(enum.Enum):
    RED = 1.5
    BLUE = 2.0


class Axis(enum.IntEnum):
    X = 0
    Z = 2


@line("enums: members, `.value`, `.name`, `is`, an `IntEnum` as an index and a factor", some(3))
def enums(x):
    c = Color.RED if Axis.Z == 2 else Color.BLUE
    y = x[Axis.Z] * c.value * Axis.Z
    if c is Color.RED:
        y = y + x[Axis.X]
    return y * len(c.name)


CALLS = 0
CACHE = {"y": np.zeros(3)}
LOG: list = []
BUFFER = np.zeros((2, 3))


class Model:
    def __init__(self):
        self.w, self.seen = np.array([1.0, 2.0, 3.0]), None

    def loss(self, x):
        self.seen = x * self.w
        return np.sum(self.seen**2)


MODEL = Model()


@line("a global that is counted (`global`)", some(3))
def global_counted(x):
    global CALLS
    CALLS += 1
    return np.sum(x**2) * (CALLS > 0)


@line("an attribute of an outside object, written and read", some(3))
def outside_attribute(x):
    value = MODEL.loss(x)
    return value * np.sum(MODEL.seen)


@line("items of an outside dict, a list outside that is appended to", some(3))
def outside_items(x):
    CACHE["y"] = np.exp(x)
    LOG.append(np.sum(CACHE["y"]))
    return np.sum(CACHE["y"] * x)


@line("an outside array written in place, in a loop, and read", some(3))
def outside_array(x):
    for i in range(2):
        BUFFER[i] = x * (i + 1)
        BUFFER[i, 0] += np.sum(BUFFER[i] ** 2)
    return np.sum(BUFFER * BUFFER)


class Particle:
    def __init__(self, x, v):
        self.x, self.v = x, v

    def drift(self, dt):
        self.x = self.x + self.v * dt


@line("objects in a list, each asked of the others; `sort` by a key", some(3))
def objects_in_a_list(x):
    ps = [Particle(x[0], 0.5), Particle(x[1], x[2]), Particle(x[2], 1.0)]
    for a in ps:
        for b in ps:
            if a is not b:
                a.v = a.v + (b.x - a.x)
        a.drift(0.1)
    return sum(p.x**2 + p.v for p in ps)


class State(NamedTuple):
    x: np.ndarray
    k: int

    def energy(self):
        return np.sum(self.x**2) * self.k


@line("a namedtuple that a loop replaces (`_replace`)", some(3))
def replaced_in_a_loop(x):
    s = State(x, 1)
    for _ in range(len(x)):
        if np.sum(s.x) > 0.0:
            s = s._replace(x=np.sin(s.x), k=s.k + 1)
    return s.energy()


@line("an object and a number that a test combines (`if v and x > 0`)", some(3))
def tested_together(x):
    v = Vec(x[0], x[1])
    return v.square if v and x[1] > 0 else v.x


@line("a loop over the members of an enum", some(3))
def members(x):
    y = x
    for color in Color:
        y = y * color.value
    return np.sum(y) * len(Color)
