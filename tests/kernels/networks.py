"""Neural networks written with NumPy alone."""

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    tmp_max = np.max(x, axis=-1, keepdims=True)
    tmp_out = np.exp(x - tmp_max)
    tmp_sum = np.sum(tmp_out, axis=-1, keepdims=True)
    return tmp_out / tmp_sum


def conv2d(input, weights):
    K = weights.shape[0]
    N = input.shape[0]
    H_out = input.shape[1] - K + 1
    W_out = input.shape[2] - K + 1
    C_out = weights.shape[3]
    output = np.empty((N, H_out, W_out, C_out), dtype=input.dtype)
    for i in range(H_out):
        for j in range(W_out):
            output[:, i, j, :] = np.sum(
                input[:, i : i + K, j : j + K, :, np.newaxis] * weights[np.newaxis, :, :, :],
                axis=(1, 2, 3),
            )
    return output


def maxpool2d(x):
    output = np.empty([x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]], dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            output[:, i, j, :] = np.max(x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, :], axis=(1, 2))
    return output


@kernel(some(2, 5), some(5, 4), some(4), some(4, 3), some(3), some(3, 2), some(2),
        wrt=(0, 1, 2, 3, 4, 5, 6))  # fmt: skip
def mlp(input, w1, b1, w2, b2, w3, b3):
    x = relu(input @ w1 + b1)
    x = relu(x @ w2 + b2)
    x = softmax(x @ w3 + b3)
    return np.sum(x**2)


@kernel(some(1, 6, 6, 1), some(3, 3, 1, 2), some(2), some(8, 3), some(3), 1, 8,
        wrt=(0, 1, 2, 3, 4))  # fmt: skip
def lenet(input, conv1, bias, fc1w, fc1b, N, C_before_fc1):
    x = relu(conv2d(input, conv1) + bias)
    x = maxpool2d(x)
    x = np.reshape(x, (N, C_before_fc1))
    x = relu(x @ fc1w + fc1b)
    return np.sum(softmax(x) ** 2)


def batchnorm2d(x, eps=1e-5):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(std + eps)


@kernel(some(3, 3, 3, 2), some(1, 1, 2, 2), some(3, 3, 2, 2), wrt=(0, 1, 2))
def resnet_block(input, conv1, conv2):
    padded = np.zeros((input.shape[0], input.shape[1] + 2, input.shape[2] + 2, conv1.shape[3]))
    padded[:, 1:-1, 1:-1, :] = conv2d(input, conv1)
    x = relu(batchnorm2d(padded))
    x = batchnorm2d(conv2d(x, conv2))
    return np.sum(relu(x + input) ** 2)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


@kernel(some(8, 2), some(4, 2), some(3, 2), wrt=(0, 1, 2))
def lstm(w, state, sequence):
    h, c = state[0], state[1]
    total = 0.0
    for t in range(len(sequence)):
        x = sequence[t]
        f = sigmoid(x * w[0] + w[1])
        i = sigmoid(h * w[2] + w[3])
        o = sigmoid(x * w[4] + w[5])
        g = np.tanh(h * w[6] + w[7])
        c = c * f + g * i
        h = np.tanh(c) * o
        total += np.sum(h * state[2] + state[3])
    return total


def lstm_cell(weight, bias, hidden, cell, x):
    hsize = hidden.shape[0]
    forget = sigmoid(x * weight[:hsize] + bias[:hsize])
    ingate = sigmoid(hidden * weight[hsize : 2 * hsize] + bias[hsize : 2 * hsize])
    outgate = sigmoid(x * weight[2 * hsize : 3 * hsize] + bias[2 * hsize : 3 * hsize])
    change = np.tanh(hidden * weight[3 * hsize :] + bias[3 * hsize :])
    cell = cell * forget + change * ingate
    return outgate * np.tanh(cell), cell


def predict(main_params, extra_params, state, x):
    x1 = x * extra_params[0]
    for i in range(0, len(state), 2):
        h, c = lstm_cell(main_params[i], main_params[i + 1], state[i], state[i + 1], x1)
        state[i] = h
        state[i + 1] = c
        x1 = h
    return x1 * extra_params[1] + extra_params[2], state


@kernel(some(4, 8), some(3, 2), some(4, 2), some(4, 2, start=3.0), wrt=(0, 1, 2))
def adbench_lstm(main_params, extra_params, state, sequence):
    total = 0.0
    count = 0
    x = sequence[0]
    for t in range(0, len(sequence) - 1):
        ypred, state = predict(main_params, extra_params, state, x)
        ynorm = ypred - np.log(np.sum(np.exp(ypred)) + 2)
        ygold = sequence[t + 1]
        total += np.sum(ygold * ynorm)
        count += ygold.shape[0]
        x = ygold
    return -total / count


@kernel(some(3, 4), some(4, 4), some(4, 4, start=1), some(4, 4, start=2), wrt=(0, 1, 2, 3))
def causal_attention(x, Wq, Wk, Wv):
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    scores = q @ k.T / np.sqrt(q.shape[-1])
    mask = np.triu(np.ones(scores.shape, dtype=bool), k=1)
    scores[mask] = -1e9
    return np.sum(softmax(scores) @ v)


@kernel(some(4, 3), positive(3), some(3), wrt=(0, 1, 2))
def layer_norm(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    y = gamma * (x - mu) / np.sqrt(var + 1e-5) + beta
    return np.sum(np.tanh(y))


@kernel([(some(3, 4), some(4)), (some(4, 2), some(2))], some(5, 3), np.array([0, 1, 1, 0, 1]))
def classifier(params, x, labels):
    for w, b in params[:-1]:
        x = np.tanh(x @ w + b)
    w, b = params[-1]
    logits = x @ w + b
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(labels)), labels].mean()


@kernel({"Wx": some(2, 6), "Wh": some(2, 6, start=1.0), "b": some(6)}, some(4, 2))
def gru(p, xs):
    n = p["b"].shape[0] // 3
    h = np.zeros(n)
    for x in xs:
        gx = x @ p["Wx"] + p["b"]
        gh = h @ p["Wh"]
        r = sigmoid(gx[:n] + gh[:n])
        z = sigmoid(gx[n : 2 * n] + gh[n : 2 * n])
        c = np.tanh(gx[2 * n :] + r * gh[2 * n :])
        h = (1 - z) * c + z * h
    return h @ h


@kernel(some(4, 3), some(3, 2), some(2), some(5, 4), some(5), 0.1, 3, wrt=(0, 1, 2, 5))
def trained_by_momentum(W1, W2, b2, X, y, lr, steps):
    vel = np.zeros_like(W2)
    for _ in range(steps):
        h = np.tanh(X @ W1)
        err = (h @ W2 + b2).sum(axis=1) - y
        grad = np.outer(h.T @ err, np.ones(2)) / len(y)
        vel *= 0.9
        vel -= lr * grad
        W2 += vel
        b2 -= lr * err.mean()
    return np.mean(((np.tanh(X @ W1) @ W2 + b2).sum(axis=1) - y) ** 2)
