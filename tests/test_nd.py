"""Arrays of `srcdiff.nd`: what MXNet's tutorials do with them, and what they refuse."""

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import special

from srcdiff import SrcdiffError, autograd, nd
from srcdiff.runtime.errors import (
    NoRuleError,
    NotDifferentiableTypeError,
    UnsupportedSyntaxError,
)


def marked(*values, dtype="float32"):
    x = nd.array(values, dtype=dtype)
    x.attach_grad()
    return x


def same(x, expected):
    assert isinstance(x, nd.NDArray)
    assert x.shape == np.shape(expected)
    np.testing.assert_allclose(x.asnumpy(), expected, 1e-6, 1e-6)


def gradient(f, *values):
    """What `backward` leaves for f at float64 values."""
    x = nd.array(values[0] if len(values) == 1 else values, dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    return x.grad.asnumpy()


# Printing


@pytest.mark.parametrize(
    "x, text",
    [
        (nd.arange(4), "\n[0. 1. 2. 3.]\n<NDArray 4 @cpu(0)>"),
        (nd.ones((1, 2)), "\n[[1. 1.]]\n<NDArray 1x2 @cpu(0)>"),
        (nd.zeros((2, 3)), "\n[[0. 0. 0.]\n [0. 0. 0.]]\n<NDArray 2x3 @cpu(0)>"),
        (nd.array([1, 2], dtype="int32"), "\n[1 2]\n<NDArray 2 @cpu(0)>"),
        (nd.array([1.163078784942627]), "\n[1.1630788]\n<NDArray 1 @cpu(0)>"),
        (nd.zeros((0,)), "\n[]\n<NDArray 0 @cpu(0)>"),
    ],
)
def test_an_array_prints_as_in_mxnet(x, text):
    assert repr(x) == str(x) == f"{x}" == text


def test_one_element_can_be_formatted():
    assert f"{nd.arange(4).sum():.2f}" == "6.00"
    assert "%.1f" % nd.ones(1) == "1.0"  # noqa: UP031


# Conventions


@pytest.mark.parametrize(
    "x",
    [
        nd.array([1, 2]), nd.array(np.ones(2)), nd.arange(2), nd.ones(2), nd.zeros((2, 2)),
        nd.full(2, 3), nd.eye(2), nd.empty(2), nd.random.normal(shape=2), nd.random.uniform(),
        nd.one_hot(nd.array([1]), 2), nd.linspace(0, 1, 3), nd.random.randn(2, 3),
    ],
)  # fmt: skip
def test_arrays_are_float32_unless_said(x):
    assert x.dtype is np.float32


def test_a_dtype_that_is_said_is_kept():
    assert nd.array([1], dtype="float64").dtype is np.float64
    assert nd.array(nd.array([1], dtype="int32")).dtype is np.int32
    assert nd.zeros(2, dtype=np.float16).dtype is np.float16


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(), lambda x: x.mean(), lambda x: x.max(), lambda x: x.norm(),
        lambda x: nd.dot(x, x), lambda x: x[1], lambda x: np.sum(x), lambda x: x @ x,
        lambda x: x.argmax(), lambda x: np.linalg.norm(x), lambda x: nd.array(3),
        lambda x: nd.random.normal(), lambda x: x.reshape(2, 2)[0, 1],
    ],
)  # fmt: skip
def test_nothing_has_no_axes(f):
    assert f(nd.arange(4)).shape == (1,)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2, lambda x: x * 2.5, lambda x: 2.5 / x, lambda x: x * np.float64(2.5),
        lambda x: np.float64(2.5) * x, lambda x: np.array(2.5) - x, lambda x: x ** np.float64(2),
        lambda x: np.maximum(x, np.float64(0)), lambda x: nd.maximum(x, np.float64(0)),
        lambda x: nd.clip(x, np.float64(0), 1), lambda x: nd.where(x > 1, x, np.float64(3)),
        lambda x: x.sum() * np.int64(3), lambda x: nd.Dropout(x, 0.3, mode="always"),
        lambda x: nd.softmax(x), lambda x: nd.sigmoid(x), lambda x: x.norm(),
    ],
)  # fmt: skip
def test_numbers_do_not_change_a_dtype(f):
    x = nd.arange(4) + 1
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    assert y.dtype is x.grad.dtype is np.float32


def test_a_comparison_gives_numbers_of_the_left_operands_dtype():
    x = nd.arange(3)
    for y in (x > 1, nd.greater(x, 1), np.greater(x, 1), 1 < x):
        same(y, [0, 0, 1])
        assert y.dtype is np.float32
    assert (nd.array([1], dtype="int32") == nd.ones(1)).dtype is np.int32
    assert (nd.ones(1, dtype="float64") == nd.ones(1)).dtype is np.float64


def test_an_array_equals_nothing_that_is_no_array():
    x = nd.ones(1)
    assert (x == None) is False and (x != None) is True  # noqa: E711


def test_the_truth_of_several_elements_is_an_error():
    assert nd.ones(1) and not nd.zeros((1, 1))
    with pytest.raises(ValueError, match="shape \\(2,\\) is ambiguous"):
        bool(nd.ones(2))


def test_the_hash_is_that_of_the_object():
    x, y = nd.ones(2), nd.ones(2)
    assert {x: 1, y: 2}[x] == 1


def test_a_copy_by_pickle_has_the_values_and_no_history():
    x = marked(1, 2)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        same(y, [1, 2])
        assert y.grad is None and y is not x


def test_what_is_no_number_is_no_operand():
    with pytest.raises(TypeError):
        nd.ones(1) + "a"
    with pytest.raises(TypeError):
        [1.0] * nd.ones(1)


# Functions


X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda x: nd.dot(x, x.T), X @ X.T),
        (lambda x: nd.dot(x, x, transpose_b=True), X @ X.T),
        (lambda x: nd.dot(x, x, transpose_a=True), X.T @ X),
        (lambda x: nd.batch_dot(x.reshape(1, 2, 3), x.reshape(1, 3, 2)), [X @ X.reshape(3, 2)]),
        (lambda x: nd.batch_dot(x.expand_dims(0), x.expand_dims(0), transpose_b=True), [X @ X.T]),
        (lambda x: nd.dot(x.reshape(2, 1, 3), x.reshape(3, 1, 2)),
         np.tensordot(X.reshape(2, 1, 3), X.reshape(3, 1, 2), 1)),
        (lambda x: x.sum(axis=0), X.sum(0)),
        (lambda x: x.sum(axis=0, exclude=True), X.sum(1)),
        (lambda x: x.sum(axis=(0, 1)), [X.sum()]),
        (lambda x: x.mean(axis=1, keepdims=True), X.mean(1, keepdims=True)),
        (lambda x: x.max(axis=1), X.max(1)),
        (lambda x: x.min(), [X.min()]),
        (lambda x: x.prod(), [X.prod()]),
        (lambda x: x.norm(), [np.linalg.norm(X)]),
        (lambda x: x.norm(ord=1, axis=0), np.abs(X).sum(0)),
        (lambda x: x.norm(axis=1, keepdims=True), np.linalg.norm(X, axis=1, keepdims=True)),
        (lambda x: x.reshape(1, 2, 3).norm(axis=(0, 1, 2)), [np.linalg.norm(X)]),
        (lambda x: x.argmax(axis=1), [2, 1]),
        (lambda x: x.argsort(), np.argsort(X)),
        (lambda x: x.abs(), np.abs(X)),
        (lambda x: abs(x), np.abs(X)),
        (lambda x: x.clip(0, 2), X.clip(0, 2)),
        (lambda x: x.flatten(), X),
        (lambda x: x.reshape(2, 3, 1).flatten(), X),
        (lambda x: x.reshape(shape=(3, -1)), X.reshape(3, 2)),
        (lambda x: x.reshape((0, 0)), X),
        (lambda x: x.reshape([-1]), X.ravel()),
        (lambda x: x.reshape(-1), X.ravel()),
        (lambda x: x.reshape((-3,)), X.ravel()),
        (lambda x: x.expand_dims(1).squeeze(1), X),
        (lambda x: x.transpose(), X.T),
        (lambda x: x.transpose((1, 0)), X.T),
        (lambda x: nd.transpose(x.expand_dims(0), axes=(2, 0, 1)), X[None].transpose(2, 0, 1)),
        (lambda x: x.swapaxes(0, 1), X.T),
        (lambda x: nd.concat(x, x), np.hstack([X, X])),
        (lambda x: nd.concat(x, x, dim=0), np.vstack([X, X])),
        (lambda x: nd.concatenate([x, x]), np.vstack([X, X])),
        (lambda x: nd.stack(x, x, axis=1), np.stack([X, X], 1)),
        (lambda x: nd.split(x, 3)[1], X[:, 1:2]),
        (lambda x: x.split(2, axis=0, squeeze_axis=True)[1], X[1]),
        (lambda x: x.slice_axis(1, 1, None), X[:, 1:]),
        (lambda x: x.slice((0, 1), (1, 3)), X[:1, 1:]),
        (lambda x: nd.where(x > 0, x, 0 * x), X.clip(0)),
        (lambda x: nd.pick(x, nd.array([2, 0])), [3, 0.5]),
        (lambda x: nd.take(x, nd.array([1, 1, 9])), X[[1, 1, 1]]),
        (lambda x: nd.take(x, nd.array([4]), axis=1, mode="wrap"), X[:, [1]]),
        (lambda x: x[nd.array([1, 0])], X[::-1]),
        (lambda x: x[:, 1], X[:, 1]),
        (lambda x: x[1], X[1]),
        (lambda x: x[1, 2], [-1]),
        (lambda x: x[..., None], X[..., None]),
        (lambda x: x[0].broadcast_to((2, 3)), X[[0, 0]]),
        (lambda x: x.expand_dims(0).broadcast_to((2, 0, 0)), np.stack([X, X])),
        (lambda x: nd.broadcast_add(x, x[0]), X + X[0]),
        (lambda x: nd.broadcast_div(x, x[0]), X / X[0]),
        (lambda x: nd.elemwise_mul(x, x), X * X),
        (lambda x: nd.subtract(x, 1), X - 1),
        (lambda x: nd.power(x, 2), X**2),
        (lambda x: nd.add_n(x, x, x), 3 * X),
        (lambda x: nd.maximum(x, 0), X.clip(0)),
        (lambda x: nd.lesser_equal(x, 0.5), X <= 0.5),
        (lambda x: nd.sign(x), np.sign(X)),
        (lambda x: nd.round(x), np.rint(X)),
        (lambda x: nd.sort(x, is_ascend=False), -np.sort(-X)),
        (lambda x: nd.flip(x, 0), X[::-1]),
        (lambda x: nd.tile(x, 2), np.tile(X, 2)),
        (lambda x: nd.repeat(x, 2, axis=1), np.repeat(X, 2, 1)),
        (lambda x: x.cumsum(axis=1), X.cumsum(1)),
        (lambda x: nd.relu(x), X.clip(0)),
        (lambda x: nd.sigmoid(x), special.expit(X)),
        (lambda x: nd.softmax(x), special.softmax(X, -1)),
        (lambda x: nd.softmax(x, axis=0), special.softmax(X, 0)),
        (lambda x: nd.log_softmax(x), special.log_softmax(X, -1)),
        (lambda x: nd.FullyConnected(x, nd.ones((4, 3)), nd.ones(4), 4), X @ np.ones((3, 4)) + 1),
        (lambda x: nd.ones_like(x) - nd.zeros_like(x), np.ones((2, 3))),
        (lambda x: x.astype("int32"), X.astype(int)),
        (lambda x: x.as_in_context(nd.cpu()), X),
        (lambda x: nd.arange(1, 7, 2, repeat=2), [1, 1, 3, 3, 5, 5]),
        (lambda x: nd.one_hot(nd.array([1, 0]), 2, on_value=2), [[0, 2], [2, 0]]),
    ],
)  # fmt: skip
def test_functions_give_what_their_names_in_mxnet_say(f, expected):
    same(f(nd.array(X)), expected)


@pytest.mark.parametrize(
    "f",
    [
        nd.softmax, nd.log_softmax, nd.sigmoid, nd.relu, nd.norm, nd.exp, nd.tanh, nd.square,
        lambda x: nd.norm(x, ord=1), lambda x: nd.norm(x, axis=0), lambda x: nd.pick(x, nd.ones(2)),
        lambda x: nd.take(x, nd.array([1, 1])), lambda x: x[nd.array([1, 1, 0])],
        lambda x: nd.concat(x, 2 * x), lambda x: nd.stack(x, x * x), lambda x: x[1, 2] * x[0],
        lambda x: nd.split(x, 3)[1] * x, lambda x: x.flatten() ** 2, lambda x: x.T[1:] * x.T[:2],
        lambda x: nd.dot(x, x, transpose_b=True), lambda x: nd.dot(x, x, transpose_a=True),
        lambda x: nd.batch_dot(x.reshape(1, 2, 3), x.reshape(1, 3, 2)),
        lambda x: nd.dot(x.reshape(2, 1, 3), x.reshape(3, 1, 2)),
        lambda x: x.broadcast_to((4, 2, 3)) ** 2, lambda x: nd.where(x > 0, x * x, 3 * x),
        lambda x: x.max(axis=1) * x.mean() * x.sum(axis=0, exclude=True), lambda x: x.clip(-1, 1),
        lambda x: np.sum(np.sin(x), axis=0) * x, lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: x.reshape((3, -1)) @ x, lambda x: x.astype("float64").expand_dims(0) / x,
        lambda x: nd.maximum(x, x * x) - nd.minimum(2.0, x), lambda x: nd.cumsum(x, 1) * x,
        lambda x: nd.sort(x) * nd.arange(3), lambda x: x.slice_axis(1, 0, 2) * 3,
    ],
)  # fmt: skip
def test_their_gradients_agree_with_finite_differences(f):
    def weighted(x):
        y = f(x)
        w = np.cos(np.arange(y.size) + 1.0).reshape(y.shape)
        return (y * nd.array(w, dtype="float64")).sum()

    d, h = np.cos(3 * np.arange(6) + 0.3).reshape(2, 3), 1e-4
    x = X + 0.03 + 0.05 * np.arange(6).reshape(2, 3)  # no ties

    def at(t):
        return weighted(nd.array(x + t * d, dtype="float64")).asscalar()

    expected = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    np.testing.assert_allclose(np.sum(gradient(weighted, x) * d), expected, 1e-6, 1e-8)


def test_relu_has_the_derivative_of_the_branch_taken():
    assert list(gradient(nd.relu, [-1.0, 0.0, 1.0])) == [0, 0, 1]


def test_sigmoid_and_softmax_stay_finite():
    assert list(gradient(nd.sigmoid, [-1000.0, 1000.0])) == [0, 0]
    same(nd.softmax(nd.array([1000, 0])), [1, 0])
    same(nd.log_softmax(nd.array([1000, 0])), [0, -1000])


def test_the_norm_of_large_numbers_is_finite():
    same(nd.norm(nd.array([3e30, 4e30])) / 1e30, [5])


def test_dropout_follows_the_training_flag():
    x = marked(*np.ones(1000))
    assert nd.Dropout(x) is x
    with autograd.record():
        y = nd.Dropout(x, 0.25)
    y.backward()
    kept = y.asnumpy() != 0
    assert 650 < kept.sum() < 850
    np.testing.assert_allclose(y.asnumpy(), kept / 0.75, 1e-6)
    np.testing.assert_array_equal(x.grad.asnumpy(), y.asnumpy())
    with autograd.record(train_mode=False):
        assert nd.Dropout(x) is x


def test_random_arrays_repeat_after_a_seed_and_have_no_history():
    with autograd.record():
        nd.random.seed(3)
        x = nd.random.normal(shape=(2, 2))
        y = nd.random.uniform(1, 2, (50,))
        nd.random.seed(3)
        assert (nd.random.normal(0, 1, (2, 2)) == x).min()
    with pytest.raises(SrcdiffError):
        x.backward()
    assert 1 <= y.asnumpy().min() and y.asnumpy().max() < 2
    assert set(nd.random.randint(0, 3, (100,)).tolist()) == {0, 1, 2}
    assert sorted(nd.random.shuffle(nd.arange(5)).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "f",
    [
        np.sin, np.sum, np.mean, np.transpose, np.linalg.norm, np.cumsum, np.sort, np.square,
        lambda x: np.where(x > 0, x, 0.0), lambda x: np.concatenate([x, x]), np.zeros_like,
        lambda x: np.maximum(x, 0), lambda x: np.reshape(x, 4), np.argsort, np.isnan, np.var,
        lambda x: np.add.reduce(x), lambda x: np.linalg.inv(x), np.linalg.det, np.linalg.slogdet,
    ],
)  # fmt: skip
def test_numpys_functions_take_arrays_and_give_arrays(f):
    for recording in (False, True):
        x = marked([2.0, 0.3], [0.5, 1.0])
        autograd.set_recording(recording)
        try:
            y = f(x)
        finally:
            autograd.set_recording(False)
        expected = f(x.asnumpy())
        if isinstance(expected, tuple):
            y, expected = y[0], expected[0]
        same(y, np.atleast_1d(expected))


# Memory


def test_slices_reshapes_and_detached_arrays_share_memory():
    x = nd.arange(4)
    x[1:3][:] = 7
    x.reshape(2, 2)[0, 0] = 5
    x.detach()[3] = -1
    x[2] += 1
    same(x, [5, 7, 8, -1])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.copy(), lambda x: x.T, lambda x: x.transpose(), lambda x: x.flatten(),
        lambda x: x.expand_dims(0), lambda x: x.squeeze(), lambda x: x.astype("float32"),
        lambda x: np.transpose(x), lambda x: np.reshape(x, 4), lambda x: np.ravel(x),
        lambda x: nd.array(x), lambda x: x[nd.array([0, 1])], lambda x: x.broadcast_to((2, 2)),
        lambda x: x.swapaxes(0, 1), lambda x: np.atleast_1d(x), lambda x: x.slice_axis(0, 0, 2),
        lambda x: np.asarray(x), lambda x: x.asnumpy(), lambda x: nd.split(x, 2)[0],
    ],
)  # fmt: skip
def test_everything_else_is_new_memory(f):
    x = nd.zeros((2, 2))
    f(x)[:] = 1
    same(x, np.zeros((2, 2)))


WRITES = {
    "`x[...] =`": [
        lambda x: x.__setitem__(slice(None), 5),
        lambda x: x[1:].__setitem__(0, 5),
        lambda x: x.reshape(2, 1).__setitem__((0, 0), 5),
        lambda x: x.detach().__setitem__(0, 5),
    ],
    "`+=`": [lambda x: x.__iadd__(1), lambda x: x[:1].__iadd__(1)],
    "`*=`": [lambda x: x.__imul__(3)],
    "`out=`": [lambda x: nd.sin(x * 1, out=x), lambda x: nd.add(1, 2 * nd.ones(2), out=x)],
    "`out=` of `np.exp`": [lambda x: np.exp(np.ones(2), out=x)],
    "`out=` of `np.add`": [lambda x: np.add(nd.ones(2), 1, x)],
    "`out=` of `np.sum`": [lambda x: np.sum(np.ones((2, 2)), axis=0, out=x)],
    "`np.add.at`": [lambda x: np.add.at(x, [0, 0], 1)],
    "`np.copyto`": [lambda x: np.copyto(x, np.ones(2))],
    "`np.put`": [lambda x: np.put(x, [0], 7)],
}
EVERY_WRITE = [(form, write) for form, writes in WRITES.items() for write in writes]


@pytest.mark.parametrize("form, write", EVERY_WRITE)
def test_a_write_to_what_is_in_a_graph_while_recording_is_refused_by_name(form, write):
    x = marked(1, 2)
    with autograd.record():
        y = x * x
        for z in (x, y):
            with pytest.raises(UnsupportedSyntaxError) as caught:
                write(z)
            assert form in str(caught.value)
            assert "test_nd.py, line" in str(caught.value)
    same(x, [1, 2])
    same(y, [1, 4])


@pytest.mark.parametrize("form, write", EVERY_WRITE)
def test_a_write_after_recording_leaves_the_gradient_of_what_ran(form, write):
    x, c = marked(1, 2), nd.array([3, 4])
    with autograd.record():
        y = nd.exp(x * c)
        z = y * x * c
    before = x.asnumpy(), c.asnumpy()
    for array in (x, c, y, z, z.detach()):
        write(array)
    changed = x.asnumpy(), c.asnumpy(), y.asnumpy()
    assert all((new != old).any() for new, old in zip(changed, before))
    z.backward(retain_graph=True)
    a, b = before
    expected = b * np.exp(a * b) * (1 + a * b)
    np.testing.assert_allclose(x.grad.asnumpy(), expected, 1e-6)
    for array, values in zip((x, c, y), changed):  # the written values are back
        np.testing.assert_array_equal(array.asnumpy(), values)
    x[0], x[1] = 9, 9  # and again, elsewhere
    z.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), expected, 1e-6)


def test_a_write_after_recording_is_seen_by_the_next_recording():
    x = marked(1, 2)
    with autograd.record():
        y = x * x
    x[:] = 5
    with autograd.record():
        z = y + x * x
    z.backward()
    same(x.grad, [12, 14])


def test_a_recorded_result_that_was_written_to_is_not_recorded_with_its_old_history():
    x = marked(1, 2)
    with autograd.record():
        y = x * x
    y[:] = 0
    with autograd.record():
        with pytest.raises(SrcdiffError, match="written to"):
            y * 2
        same(y.detach() * 2, [0, 0])


@pytest.mark.parametrize("form, write", EVERY_WRITE)
def test_what_is_in_no_graph_can_be_written_to_while_recording(form, write):
    x = marked(1, 2)
    with autograd.record():
        c = nd.array([3, 4])
        y = x * c
        write(c)
        z = y + x * c
    z.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), c.asnumpy() + [3, 4])


def store(c, y):
    c[:] = y


def add(c, y):
    c += y


@pytest.mark.parametrize(
    "write",
    [store, add, lambda c, y: nd.exp(y, out=c), lambda c, y: np.exp(y, out=c), np.copyto,
     lambda c, y: np.exp(y, out=np.zeros(2))],
)  # fmt: skip
def test_a_recorded_value_is_not_written_into_what_has_no_history(write):
    x = marked(1, 2)
    with autograd.record():
        y, c = x * x, nd.zeros(2)
        with pytest.raises(UnsupportedSyntaxError, match="would lose the gradient"):
            write(c, y)
    write(c, y)
    assert (c > 0).sum() == 2 or write.__name__ == "<lambda>"


# Conversions


@pytest.mark.parametrize(
    "convert, named, value",
    [
        (float, "`float(x)`", 2.0),
        (complex, "`complex(x)`", 2 + 0j),
        (math.sin, "math.sin", math.sin(2.0)),
        (np.asarray, "`np.asarray(x)`", [2.0]),
        (np.array, "np.array", [2.0]),
        (nd.array, "`np.asarray(x)`", [2.0]),
    ],
)
def test_a_conversion_that_loses_the_history_is_refused_by_name(convert, named, value):
    x = marked(2)
    with autograd.record():
        for y in (x, x * 1):
            with pytest.raises(UnsupportedSyntaxError) as caught:
                math.sin(y) if convert is math.sin else np.array(y) if convert is np.array else (
                    convert(y)
                )  # fmt: skip
            assert named in str(caught.value)
        with autograd.pause():
            assert np.all(np.equal(convert(y), value))
    assert np.all(np.equal(convert(y), value))


def test_plain_values_are_always_to_be_had():
    x = marked(2)
    with autograd.record():
        assert type(x.asscalar()) is np.float32 and x.asscalar() == 2
        assert type(x.item()) is float and x.item() == 2
        assert type(x.asnumpy()) is np.ndarray and x.tolist() == [2.0]
        assert int(x) == 2 and bool(x) and repr(x) == "\n[2.]\n<NDArray 1 @cpu(0)>"
    with pytest.raises(ValueError, match="shape \\(2,\\)"):
        nd.ones(2).asscalar()


def test_an_array_of_ints_cannot_be_marked():
    with pytest.raises(NotDifferentiableTypeError, match="astype"):
        nd.array([1], dtype="int32").attach_grad()


# What has no rule


@pytest.mark.parametrize(
    "f, name",
    [
        (special.modfresnelp, "scipy.special.modfresnelp"),
        (np.fft.hfft, "np.fft.hfft"),
        (lambda x: special.mathieu_a(x, 9.0), "scipy.special.mathieu_a"),
        (np.bitwise_and.reduce, "reduce"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(f, name):
    x = marked([1, 2], [3, 4])
    with autograd.record(), pytest.raises(NoRuleError) as caught:
        f(x)
    assert name in str(caught.value)


@pytest.mark.parametrize("f", [special.erf, lambda x: np.fft.hfft(x), np.linalg.eigvalsh])
def test_what_has_no_rule_can_be_called_when_nothing_is_recorded(f):
    x = marked([1, 2], [2, 4])
    expected = f(x.asnumpy())
    np.testing.assert_array_equal(f(x).asnumpy(), expected)
    with autograd.record():
        np.testing.assert_array_equal(f(x.detach()).asnumpy(), expected)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: nd.ones(2).attach_grad("sum"), ValueError),
        (lambda: nd.split(nd.ones((2, 3)), 2), ValueError),
        (lambda: nd.norm(nd.ones(2), ord=3), ValueError),
        (lambda: nd.ones(2).reshape(-4, 2), ValueError),
        (lambda: nd.Dropout(nd.ones(2), 1.5), ValueError),
        (lambda: nd.ones(2) + nd.ones(3), ValueError),
        (lambda: nd.no_such_function, AttributeError),
        (lambda: nd.ones(2).no_such_method, AttributeError),
    ],
)
def test_wrong_calls_raise(call, error):
    with pytest.raises(error):
        call()
