"""Signatures: the key of a call, the check of what is outside, and what wrt means."""

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np
import pytest

from srcdiff import SrcdiffError, UnknownArgumentError
from srcdiff.signature import SEQUENCE, Callee, as_wrt, key_of, unchanged
from srcdiff.transforms.parse import parse


def key(*args, **kwargs):
    return key_of(args, kwargs)


# Keys

X = np.ones((3, 2))


class Pair(NamedTuple):
    a: Any
    b: Any


class Other(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any


def helper():
    pass


@pytest.mark.parametrize(
    "one, other",
    [
        (X, np.zeros((5, 7))),
        (X[:1], np.zeros((1, 4))),
        (2.0, -0.0),
        (2, 3),
        (np.float32(1), np.float32(2)),
        ([X, 1.0], [X[:2], 2.0]),
        ({"w": X}, {"w": X[:2]}),
        (Pair(X, 1), Pair(X, 2)),
        (Layer(X, None), Layer(X[:2], None)),
        (range(2), range(2)),
        (slice(1, 2), slice(1, 2)),
        ([1.0] * (SEQUENCE + 1), [2.0] * (SEQUENCE + 9)),
        (helper, helper),
        (float("nan"), float("nan")),
        ((None, "a"), (None, "a")),
    ],
)
def test_calls_that_share_code(one, other):
    assert key(one) == key(other) and hash(key(one)) == hash(key(other))


@pytest.mark.parametrize(
    "one, other",
    [
        (X, X[0]),
        (X, X[:1]),
        (X[:1], X[:, :1]),
        (X, X.astype(np.float32)),
        (X, [X]),
        (1, 1.0),
        (1, True),
        (1.0, np.float64(1)),
        (True, False),
        (0, None),
        ("a", "b"),
        ([1.0], (1.0,)),
        ([1.0], [1.0, 1.0]),
        ([1.0] * SEQUENCE, [1.0] * (SEQUENCE - 1)),
        ({"a": 1.0}, {"b": 1.0}),
        ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}),
        ({1: 1.0}, {True: 1.0}),
        ({0.0: 1.0}, {-0.0: 1.0}),
        (Pair(1.0, 2.0), Other(1.0, 2.0)),
        (Pair(1.0, 2.0), (1.0, 2.0)),
        (range(0), range(1, 1)),
        (np.float32, np.float32(1)),
        (X.dtype, X[0]),
        (object(), object()),
        ([[1.0], 2.0], [1.0, [2.0]]),
    ],
)
def test_calls_that_need_code_of_their_own(one, other):
    assert key(one) != key(other)


def test_arguments_do_not_run_into_each_other():
    assert key([X], X) != key([X, X])
    assert key(X, a=X) != key(X, b=X)
    assert key(1.0, 2.0) != key(1.0, a=2.0)


def test_the_training_flag_is_part_of_the_key():
    from srcdiff import train_mode

    before = key(X)
    with train_mode():
        assert key(X) != before
    assert key(X) == before


def test_a_container_that_holds_itself_is_an_error():
    loop: list = []
    loop += [loop, loop]
    with pytest.raises(SrcdiffError):
        key(loop)


# What is outside

SCALE = 2
WEIGHTS = np.ones((3, 2))


def outside(x, n=1, *, k=2.0):
    return x * SCALE


class Holder:
    pass


class Changes:
    """The check for guards on the module's globals; `module` puts them back."""

    def __init__(self, path, obj, how):
        parsed = parse(outside)
        path = tuple(parsed if part is ... else part for part in path)
        self.holds = unchanged([(path, obj, how)], Callee(parsed), (X,))

    def __bool__(self):
        return self.holds((X,), {})


@pytest.fixture
def module(monkeypatch):
    def rebind(value, name="SCALE"):
        monkeypatch.setitem(globals(), name, value)

    return rebind


def test_a_global_of_the_same_value_is_unchanged(module):
    check = Changes(("global", ..., "SCALE"), SCALE, "equal")
    assert check
    module(int("2"))
    assert check
    for value in (3, 2.0, np.int64(2), None):
        module(value)
        assert not check
    module(True)
    check = Changes(("global", ..., "SCALE"), True, "equal")
    assert check
    module(1)
    assert not check


def test_a_global_that_is_gone_is_changed(monkeypatch):
    check = Changes(("global", ..., "SCALE"), SCALE, "equal")
    monkeypatch.delitem(globals(), "SCALE")
    assert not check


def test_of_an_array_only_the_kind_counts(module):
    check = Changes(("global", ..., "WEIGHTS"), WEIGHTS, "kind")
    module(np.zeros((9, 9)), "WEIGHTS")
    assert check
    for value in (np.zeros((9, 1)), np.zeros(9), np.zeros((9, 9), np.float32), 1.0, None):
        module(value, "WEIGHTS")
        assert not check


def test_of_a_list_the_length_counts_and_of_a_dict_the_keys(module):
    module([1.0, 2.0])
    check = Changes(("global", ..., "SCALE"), [1.0, 2.0], "kind")
    assert check
    module([1.0, 2.0, 3.0])
    assert not check
    module({"a": 1.0})
    check = Changes(("global", ..., "SCALE"), {"a": 1.0}, "kind")
    module({"a": 2.0})
    assert check
    module({"b": 2.0})
    assert not check


def test_functions_are_compared_as_objects(module):
    module(len)
    check = Changes(("global", ..., "SCALE"), len, "is")
    assert check
    module(sum)
    assert not check


def test_attributes_and_items_are_followed(module):
    held = Holder()
    held.items = [1, 2]
    path = ("item", ("attr", ("object", held), "items"), 1)
    check = Changes(path, 2, "equal")
    assert check
    held.items[1] = 3
    assert not check
    held.items = []
    assert not check
    del held.items
    assert not check


def test_a_cell_that_is_rebound_is_seen():
    k = 2

    def f(x):
        return x * k

    parsed = parse(f)
    holds = unchanged([(("cell", parsed, "k"), 2, "equal")], Callee(parsed), (X,))
    assert holds((X,), {})
    k = 3
    assert not holds((X,), {})


def test_a_default_that_is_rebound_is_seen(monkeypatch):
    holds = unchanged([], Callee(parse(outside)), (X,))
    assert holds((X,), {})
    monkeypatch.setattr(outside, "__defaults__", (2,))
    assert not holds((X,), {})
    monkeypatch.undo()
    assert holds((X,), {})
    monkeypatch.setitem(outside.__kwdefaults__, "k", 5.0)
    assert not holds((X,), {})


def test_the_value_of_an_argument_may_be_part_of_it():
    def f(x, axis, *rest, **options):
        return x

    callee = Callee(parse(f))
    guards = [
        (("argument", "axis"), 1, "equal"),
        (("argument", "rest", 1, "n"), 2, "equal"),
        (("argument", "options", "k"), 3, "equal"),
    ]
    call = (X, 1, None, {"n": 2})
    holds = unchanged(guards, callee, call)
    assert holds(call, {"k": 3})
    assert not holds((X, 0, None, {"n": 2}), {"k": 3})
    assert not holds((X, 1, None, {"n": 3}), {"k": 3})
    assert not holds(call, {"k": 4})
    by_name = unchanged([(("argument", "axis"), 1, "equal")], callee, (X,))
    assert by_name((X,), {"axis": 1}) and not by_name((X,), {"axis": 0})


# What wrt means


def every_kind(a, /, b, c=1.0, *rest, d, e=2.0, **options):
    local = a + b
    return local


def entries(wrt, *args, f=every_kind, **kwargs):
    return Callee(parse(f)).entries(as_wrt(wrt)[0], args, kwargs)


@pytest.mark.parametrize(
    "wrt, expected",
    [
        (0, ("argument", "a")),
        (1, ("argument", "b")),
        (np.int64(2), ("argument", "c")),
        (3, ("argument", "rest", 0)),
        (4, ("argument", "rest", 1)),
        (-1, ("argument", "rest", 1)),
        (-5, ("argument", "a")),
        ("a", ("argument", "a")),
        ("d", ("argument", "d")),
        ("e", ("argument", "e")),
        ("rest", ("argument", "rest")),
        ("options", ("argument", "options")),
        ("z", ("argument", "options", "z")),
        ("local", ("local", "local")),
    ],
)
def test_what_an_element_of_wrt_means(wrt, expected):
    assert entries(wrt, 1.0, 2.0, 3.0, 4.0, 5.0, d=6.0, z=7.0) == (expected,)


def test_a_position_also_means_a_parameter_that_is_passed_by_name():
    assert entries(1, 1.0, b=2.0, d=3.0) == (("argument", "b"),)


@pytest.mark.parametrize("wrt", [5, -6, "y", (0, "y"), ("a", 9)])
def test_what_is_not_there_is_an_error_that_lists_what_is(wrt):
    with pytest.raises(UnknownArgumentError) as caught:
        entries(wrt, 1.0, 2.0, 3.0, 4.0, 5.0, d=6.0, z=7.0)
    text = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert "def every_kind" in text and "test_signature.py, line" in text
    assert "positions 0, 1, 2, 3, 4" in text
    assert "arguments `a`, `b`, `c`, `d`, `e`, `rest`, `options`, `z`" in text
    assert "variable `local`" in text


def test_a_default_that_was_not_passed_has_a_name_and_no_position():
    assert entries("c", 1.0, 2.0, d=3.0) == (("argument", "c"),)
    with pytest.raises(UnknownArgumentError):
        entries(2, 1.0, 2.0, d=3.0)


def test_one_argument_named_twice_is_an_error():
    with pytest.raises(UnknownArgumentError, match="twice"):
        entries((0, "a"), 1.0, 2.0, d=3.0)


@pytest.mark.parametrize("wrt", [1.5, None, [0], True, (0, None), {"x"}])
def test_wrt_is_a_position_a_name_or_a_tuple(wrt):
    with pytest.raises(TypeError, match="wrt"):
        as_wrt(wrt)


def test_the_self_of_a_bound_method_is_no_argument():
    class Model:
        def loss(self, x):
            return x

    assert entries(0, X, f=Model().loss) == (("argument", "x"),)
    with pytest.raises(UnknownArgumentError):
        entries("self", X, f=Model().loss)


def test_positions_come_after_the_arguments_of_a_partial():
    f = functools.partial(every_kind, 1.0, d=2.0)
    callee = Callee(parse(f))
    assert callee.entries((0, -1), (1.0, 2.0, 3.0), {"d": 2.0}) == (
        ("argument", "b"),
        ("argument", "c"),
    )
    with pytest.raises(UnknownArgumentError):
        callee.entries((-3,), (1.0, 2.0, 3.0), {"d": 2.0})


def test_a_call_that_does_not_fit_is_a_type_error_that_names_the_function():
    callee = Callee(parse(every_kind))
    with pytest.raises(TypeError, match=r"every_kind\(\).*'b'"):
        callee.bind((1.0,), {"d": 2.0})


def test_what_functools_wraps_says_does_not_count():
    @functools.wraps(every_kind)
    def wrapper(*args):
        return args[0]

    assert Callee(parse(wrapper)).parameters == ["args"]


def test_the_face_and_the_compiler_agree_on_long_lists():
    from srcdiff.transforms import pipeline

    assert SEQUENCE == pipeline.SEQUENCE


# Arguments that share memory, for code that writes into them


def refused_as_shared(x, y):
    callee = Callee(parse(every_kind))
    with pytest.raises(SrcdiffError, match="while `every_kind` writes into its arguments"):
        callee.check_overlap({"a": x, "b": y})
    return True


def test_arrays_that_overlap_and_containers_in_two_places():
    x, inner = np.arange(8.0), [1.0]
    assert refused_as_shared(x, x)
    assert refused_as_shared(x[:5], {"w": x[4:]})
    assert refused_as_shared([inner], (inner, 2.0))
    Callee(parse(every_kind)).check_overlap({"a": x[::2], "b": [x[1::2], inner]})


def test_an_array_outside_that_is_passed_as_an_argument():
    callee = Callee(parse(every_kind))
    with pytest.raises(SrcdiffError, match="an array outside the function"):
        callee.check_overlap({"a": WEIGHTS[1:]}, (WEIGHTS,))
