"""Containers: taken apart, copied, compared."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

from srcdiff.trees import (
    children,
    cotangent,
    has_float,
    leaves,
    like,
    outline,
    private,
    rebuild,
    scalars,
    spelled,
)


class Pair(NamedTuple):
    a: object
    b: object


@dataclasses.dataclass(frozen=True)
class Layer:
    w: object
    n: int

    def __post_init__(self):
        assert self.n is not None


@dataclasses.dataclass(slots=True)
class Slotted:
    w: object


def test_the_steps_to_a_leaf_are_indices_keys_and_attributes():
    tree = {"layers": [Layer(1.0, 2), Pair(None, (3.0,))]}
    found = {spelled("p", path): leaf for path, leaf in leaves(tree)}
    assert found == {
        "p['layers'][0].w": 1.0,
        "p['layers'][0].n": 2,
        "p['layers'][1][0]": None,
        "p['layers'][1][1][0]": 3.0,
    }


@pytest.mark.parametrize("leaf", [1.0, "ab", None, np.ones(2), {1.0}, range(3), Layer])
def test_what_is_no_container_is_a_leaf(leaf):
    assert children(leaf) is None


def test_subclasses_of_list_and_dict_are_leaves():
    class Own(list):
        pass

    assert children(Own([1.0])) is None


@pytest.mark.parametrize(
    "tree", [[1.0, 2], (1.0,), {"a": 1.0}, Pair(1.0, 2), Layer(1.0, 2), Slotted(1.0), (), [], {}]
)
def test_a_container_is_rebuilt_as_what_it_was(tree):
    again = rebuild(tree, [child for _, child in children(tree)])
    assert again == tree and type(again) is type(tree)


def test_a_dataclass_is_rebuilt_without_its_checks():
    assert rebuild(Layer(1.0, 2), [3.0, None]).n is None


def test_a_private_copy_shares_nothing_but_what_is_twice_there_is_twice_there():
    x, inner = np.ones(2), [1.0]
    tree = {"x": x, "list": [x, inner, inner], "f": len}
    copy = private(tree)
    assert copy["x"] is copy["list"][0] and not np.shares_memory(copy["x"], x)
    assert copy["list"][1] is copy["list"][2] and copy["list"][1] is not inner
    assert copy["f"] is len


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6.0)[::-2],
        np.arange(24.0).reshape(2, 3, 4)[:, ::2, 1:3],
        np.arange(6.0).reshape(2, 3).T,
        np.broadcast_to(np.arange(3.0), (2, 3)),
        np.zeros((0, 2)),
        np.array(2.0),
        np.array([None, "a"]),
    ],
)
def test_a_private_copy_lies_in_memory_as_the_array_does(x):
    copy = private(x)
    assert copy.tolist() == x.tolist() and copy.dtype == x.dtype
    assert copy.flags.writeable == x.flags.writeable
    assert x.dtype.hasobject or copy.strides == x.strides
    assert not np.shares_memory(copy, x)


def test_an_array_of_integers_and_none_hold_no_float():
    assert not has_float((np.arange(3), [None, "a", 3]))
    assert has_float((None, {"w": np.float32(1)}))


def test_the_outline_of_a_tree_holds_no_memory():
    x = np.ones((100, 100), np.float32)
    outlined = outline([x, 2.0])
    assert outlined[0].shape == x.shape and outlined[0].dtype == x.dtype
    assert outlined[0].base.nbytes == 4 and outlined[1] == 2.0


# Cotangents


def test_a_cotangent_is_cast_to_the_output_and_copied():
    d_out = np.ones(2)
    found = cotangent(np.zeros(2, np.float32), d_out)
    assert found.dtype == np.float32 and not np.shares_memory(found, d_out)
    assert type(cotangent(2.0, 3)) is np.float64
    assert cotangent({"y": 1.0, "n": 3}, {"y": 2, "n": None}) == {"y": 2.0, "n": None}


@pytest.mark.parametrize(
    "out, d_out, says",
    [
        (np.ones(2), 1.0, "shape"),
        (np.ones(2), np.ones((2, 1)), "shape"),
        (np.ones(2), None, "None"),
        ((1.0, 2.0), 1.0, "a float"),
        ((1.0, 2.0), (1.0,), "a tuple of"),
        ({"y": 1.0}, {"z": 1.0}, "a dict of"),
        (([1.0],), ([1.0, 2.0],), r"`d_out\[0\]`"),
    ],
)
def test_a_cotangent_of_another_shape_or_structure_is_refused(out, d_out, says):
    with pytest.raises(ValueError, match=says):
        cotangent(out, d_out)


@pytest.mark.parametrize("d_out", [1j, "a"])
def test_a_cotangent_of_another_kind_is_refused(d_out):
    with pytest.raises(TypeError):
        cotangent(1.0, d_out)


# Gradients


def test_a_gradient_is_like_its_argument_in_structure_shape_and_dtype():
    x = np.ones(2, np.float32)
    assert like({"x": x, "n": None}, {"x": x, "n": 3})
    assert not like({"x": x, "n": 0}, {"x": x, "n": 3})
    assert not like(np.ones(2), x) and not like([x], (x, x))


def test_scalars_become_those_of_numpy():
    cast = scalars([1.0, np.float32(1), np.array(1.0), np.ones(2), 3])
    found = cast([2.0, 2.0, 2.0, np.ones(2), None])
    assert [type(each) for each in found[:2]] == [np.float64, np.float32]
    assert type(found[2]) is np.ndarray and found[2].shape == () and found[4] is None
    assert scalars(np.ones(2)) is None and scalars("a") is None
