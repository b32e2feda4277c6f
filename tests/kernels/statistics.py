"""Likelihoods, filters, sequences and fits."""

import math

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


def logsumexp(x):
    mx = np.max(x)
    return np.log(np.sum(np.exp(x - mx))) + mx


def log_wishart_prior(p, gamma, m, sum_qs, Qdiags, icf):
    n = p + m + 1
    k = icf.shape[0]
    frobenius = np.sum(Qdiags**2) + np.sum(icf[:, p:] ** 2)
    return 0.5 * gamma**2 * frobenius - m * np.sum(sum_qs) - k * n * p * math.log(gamma)


@kernel(some(2), some(2, 3), some(2, 6), some(4, 3), 0.8, 1, wrt=(0, 1, 2))
def gmm(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = alphas.size
    Qdiags = np.exp(icf[:, :d])
    sum_qs = np.sum(icf[:, :d], 1)
    Ls = np.zeros((k, d, d))
    for ik in range(k):
        idx = d
        for j in range(d):
            Ls[ik, j, j] = Qdiags[ik, j]
            for i in range(j + 1, d):
                Ls[ik, i, j] = icf[ik, idx]
                idx += 1
    slse = 0.0
    for ix in range(n):
        lse = np.zeros(k)
        for ik in range(k):
            xc = x[ix] - means[ik]
            Lxc = Ls[ik] @ xc
            lse[ik] = alphas[ik] + sum_qs[ik] - 0.5 * np.sum(Lxc**2)
        slse += logsumexp(lse)
    constant = -n * d * 0.5 * math.log(2 * math.pi)
    prior = log_wishart_prior(d, gamma, m, sum_qs, Qdiags, icf)
    return constant + slse - n * logsumexp(alphas) + prior


@kernel(some(2), some(2, 2), some(2, 3), some(3, 2), wrt=(0, 1, 2))
def gmm_vectorised(alphas, means, icf, x):
    d = x.shape[1]
    Qdiags = np.exp(icf[:, :d])
    L = np.stack(
        [
            (lambda l: (lambda M: M)(np.diag(Qdiags[i]) + np.array([[0.0, 0.0], [l[0], 0.0]])))(
                icf[i, d:]
            )
            for i in range(len(alphas))
        ]
    )
    xc = x[:, None, :] - means[None]
    y = np.einsum("kij,nkj->nki", L, xc)
    inner = alphas + icf[:, :d].sum(1) - 0.5 * np.sum(y**2, axis=-1)
    mx = inner.max(axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(inner - mx), axis=1)) + mx[:, 0])


def rodrigues(rot, X):
    sqtheta = np.sum(rot**2)
    if sqtheta != 0.0:
        theta = np.sqrt(sqtheta)
        costheta = np.cos(theta)
        sintheta = np.sin(theta)
        theta_inverse = 1.0 / theta
        w = theta_inverse * rot
        w_cross_X = np.cross(w, X)
        tmp = np.dot(w, X) * (1.0 - costheta)
        return X * costheta + w_cross_X * sintheta + w * tmp
    return X + np.cross(rot, X)


def project(cam, X):
    Xcam = rodrigues(cam[0:3], X - cam[3:6])
    p = Xcam[:2] / Xcam[2]
    rsq = np.sum(p**2)
    p = p * (1.0 + cam[9] * rsq + cam[10] * rsq**2)
    return p * cam[6] + cam[7:9]


OBSERVED = np.array([[0, 1], [1, 2], [0, 0], [1, 1]])


@kernel(some(2, 11) / 4, some(3, 3) + 4.0, positive(4), OBSERVED,
        some(4, 2), wrt=(0, 1, 2))  # fmt: skip
def bundle_adjustment(cams, X, w, obs, feats):
    p = obs.shape[0]
    reproj = np.empty((p, 2))
    w_err = np.empty(p)
    for i in range(p):
        reproj[i] = w[i] * (project(cams[obs[i, 0]], X[obs[i, 1]]) - feats[i])
    for i in range(p):
        w_err[i] = 1.0 - w[i] ** 2
    return np.sum(reproj**2) + np.sum(w_err**2)


def to_rotation(angle_axis):
    n = np.sqrt(np.sum(angle_axis**2))
    if n < 0.0001:
        return np.eye(3)
    x = angle_axis[0] / n
    y = angle_axis[1] / n
    z = angle_axis[2] / n
    s, c = np.sin(n), np.cos(n)
    R = np.zeros((3, 3))
    R[0, 0] = x * x + (1 - x * x) * c
    R[0, 1] = x * y * (1 - c) - z * s
    R[0, 2] = x * z * (1 - c) + y * s
    R[1, 0] = x * y * (1 - c) + z * s
    R[1, 1] = y * y + (1 - y * y) * c
    R[1, 2] = y * z * (1 - c) - x * s
    R[2, 0] = x * z * (1 - c) - y * s
    R[2, 1] = z * y * (1 - c) + x * s
    R[2, 2] = z * z + (1 - z * z) * c
    return R


def euler(xzy):
    tx, ty, tz = xzy[0], xzy[2], xzy[1]
    Rx = np.eye(3)
    Ry = np.eye(3)
    Rz = np.eye(3)
    Rx[1, 1] = np.cos(tx)
    Rx[2, 1] = np.sin(tx)
    Rx[1, 2] = -Rx[2, 1]
    Rx[2, 2] = Rx[1, 1]
    Ry[0, 0] = np.cos(ty)
    Ry[0, 2] = np.sin(ty)
    Ry[2, 0] = -Ry[0, 2]
    Ry[2, 2] = Ry[0, 0]
    Rz[0, 0] = np.cos(tz)
    Rz[1, 0] = np.sin(tz)
    Rz[0, 1] = -Rz[1, 0]
    Rz[1, 1] = Rz[0, 0]
    return Rz @ Ry @ Rx


PARENTS, PAIRED = np.array([-1, 0, 1]), np.array([0, 1, 2, 4])


@kernel(some(12), PARENTS, some(3, 4, 4), some(3, 5), some(5, 3), PAIRED,
        wrt=(0, 4))  # fmt: skip
def hand_tracking(theta, parents, relatives, weights, points, correspondences):
    pose = np.zeros((6, 3))
    pose[0] = theta[:3]
    pose[1] = 1.0
    pose[2] = theta[3:6]
    pose[3:5, :] = theta[6:].reshape(2, 3)
    absolutes = np.empty((3, 4, 4))
    for i in range(len(parents)):
        R = np.eye(4)
        R[:3, :3] = euler(pose[i + 3])
        T = relatives[i] @ R
        if parents[i] == -1:
            absolutes[i] = T
        else:
            absolutes[i] = absolutes[parents[i]] @ T
    homogeneous = np.ones((4, weights.shape[1]))
    homogeneous[:3] = points.T[:, : weights.shape[1]]
    positions = np.zeros((3, weights.shape[1]))
    for i in range(3):
        positions += (absolutes[i] @ homogeneous)[:3] * weights[i]
    Rg = to_rotation(pose[0])
    Rg = Rg * pose[1][:, np.newaxis].T
    positions = Rg @ positions + pose[2][:, np.newaxis]
    err = np.zeros((len(correspondences), 3))
    for i in range(len(correspondences)):
        err[i] = points[i] - positions[:, correspondences[i]]
    return np.sum(err**2)


@kernel(some(2), positive(2, 2) * np.eye(2), some(2, 2), some(1, 2), positive(2, 2) * np.eye(2),
        np.array([[0.5]]), some(4, 1), wrt=(0, 1, 2, 3, 4, 5, 6))  # fmt: skip
def kalman_filter(x, P, F, H, Q, R, zs):
    loglik = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        y = z - H @ x
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        x = x + K @ y
        P = (np.eye(len(x)) - K @ H) @ P
        loglik += -0.5 * (y @ np.linalg.solve(S, y) + np.log(np.linalg.det(S)))
    return loglik


@kernel(0.9, 0.5, 0.7, some(4, 5), some(4, start=2.0), wrt=(0, 1, 2, 3, 4))
def particle_filter(a, q, r, noise, observed):
    n = noise.shape[1]
    particles = np.zeros(n)
    loglik = 0.0
    for t in range(len(observed)):
        particles = a * particles + q * noise[t]
        logw = -0.5 * ((observed[t] - particles) / r) ** 2 - np.log(r)
        top = logw.max()
        w = np.exp(logw - top)
        loglik += np.log(w.mean()) + top
        w /= w.sum()
        edges = np.cumsum(w)
        picks = (np.arange(n) + 0.5) / n
        index = np.searchsorted(edges, picks)
        particles = particles[np.minimum(index, n - 1)]
    return loglik


@kernel(positive(3), positive(3, 3), positive(3, 4), np.array([0, 2, 1, 3, 0]), wrt=(0, 1, 2))
def hmm_forward_backward(pi, A, B, obs):
    n, k = len(obs), len(pi)
    alpha = np.zeros((n, k))
    beta = np.zeros((n, k))
    scale = np.zeros(n)
    alpha[0] = pi * B[:, obs[0]]
    scale[0] = alpha[0].sum()
    alpha[0] /= scale[0]
    for t in range(1, n):
        alpha[t] = alpha[t - 1] @ A * B[:, obs[t]]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    beta[-1] = 1.0
    for t in range(n - 2, -1, -1):
        beta[t] = A @ (B[:, obs[t + 1]] * beta[t + 1]) / scale[t + 1]
    gamma = alpha * beta
    return np.sum(np.log(scale)) + np.sum(gamma**2)


@kernel(some(3), some(3, 3), some(5, 3), wrt=(0, 1, 2))
def hmm_in_logs(log_pi, log_A, log_lik):
    f = log_pi + log_lik[0]
    for t in range(1, len(log_lik)):
        m = f[:, None] + log_A
        top = m.max(axis=0)
        f = top + np.log(np.sum(np.exp(m - top), axis=0)) + log_lik[t]
    return logsumexp(f)


@kernel(some(3), some(3, 3), some(5, 3), wrt=(0, 1, 2))
def viterbi_score(log_pi, log_A, log_lik):
    n, k = log_lik.shape
    score = log_pi + log_lik[0]
    back = np.zeros((n, k), dtype=int)
    for t in range(1, n):
        trial = score[:, None] + log_A
        back[t] = np.argmax(trial, axis=0)
        score = trial[back[t], np.arange(k)] + log_lik[t]
    path = np.zeros(n, dtype=int)
    path[-1] = np.argmax(score)
    for t in range(n - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return score[path[-1]] + np.sum(log_lik[np.arange(n), path] ** 2)


@kernel(some(5, 4), np.array([1, 3]))
def ctc_loss(logits, labels):
    T = logits.shape[0]
    logp = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    ext = np.zeros(2 * len(labels) + 1, dtype=int)
    ext[1::2] = labels
    S = len(ext)
    alpha = np.full(S, -1e30)
    alpha[0] = logp[0, 0]
    alpha[1] = logp[0, ext[1]]
    for t in range(1, T):
        new = np.full(S, -1e30)
        for s in range(S):
            a = alpha[s]
            if s > 0:
                a = np.logaddexp(a, alpha[s - 1])
            if s > 1 and ext[s] != 0 and ext[s] != ext[s - 2]:
                a = np.logaddexp(a, alpha[s - 2])
            new[s] = a + logp[t, ext[s]]
        alpha = new
    return -np.logaddexp(alpha[-1], alpha[-2])


@kernel(some(4), some(5, start=1.0), 0.5, wrt=(0, 1, 2))
def soft_dtw(x, y, gamma):
    n, m = len(x), len(y)
    R = np.full((n + 1, m + 1), 1e10)
    R[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            d = (x[i - 1] - y[j - 1]) ** 2
            r = -np.array([R[i - 1, j - 1], R[i - 1, j], R[i, j - 1]]) / gamma
            top = r.max()
            R[i, j] = d - gamma * (top + np.log(np.sum(np.exp(r - top))))
    return R[n, m]


@kernel(some(4), some(5, start=1.0), wrt=(0, 1))
def dtw(x, y):
    n, m = len(x), len(y)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = abs(x[i - 1] - y[j - 1])
            D[i, j] = cost + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


@kernel(np.array([0.0, 0.7, 1.1, 2.0, 2.6]), some(5), 1.4, wrt=(0, 1, 2))
def cubic_spline(x, y, at):
    n = len(x)
    h = np.diff(x)
    A = np.zeros((n, n))
    r = np.zeros(n)
    A[0, 0] = 1
    A[-1, -1] = 1
    for i in range(1, n - 1):
        A[i, i - 1] = h[i - 1]
        A[i, i] = 2 * (h[i - 1] + h[i])
        A[i, i + 1] = h[i]
        r[i] = 3 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
    c = np.linalg.solve(A, r)
    k = 0
    while k < n - 2 and at > x[k + 1]:
        k += 1
    a = y[k]
    b = (y[k + 1] - y[k]) / h[k] - h[k] * (2 * c[k] + c[k + 1]) / 3
    d = (c[k + 1] - c[k]) / (3 * h[k])
    t = at - x[k]
    return a + b * t + c[k] * t**2 + d * t**3


@kernel(some(6, 2), some(6), 0.5, 0.3, wrt=(0, 1, 2, 3))
def gaussian_process(X, y, scale, noise):
    n = len(y)
    K = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            d = X[i] - X[j]
            K[i, j] = np.exp(-0.5 * np.dot(d, d) / scale**2)
    K += noise**2 * np.eye(n)
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return 0.5 * y @ a + np.sum(np.log(np.diag(L))) + 0.5 * n * np.log(2 * np.pi)


@kernel(some(6, 2) * 3, some(2, 2), 3, wrt=(0, 1))
def k_means(points, centers, steps):
    k = len(centers)
    for _ in range(steps):
        d = np.sum((points[:, None, :] - centers[None, :, :]) ** 2, axis=2)
        labels = np.argmin(d, axis=1)
        for j in range(k):
            members = points[labels == j]
            if len(members) > 0:
                centers[j] = members.mean(axis=0)
    return np.sum(np.min(np.sum((points[:, None] - centers[None]) ** 2, axis=2), axis=1))


@kernel(some(4, 3), np.array([1.0, 0.0, 1.0, 1.0]), some(3, start=1), 3, wrt=(0, 1, 2))
def logistic_by_newton(X, y, w, steps):
    for _ in range(steps):
        p = 1 / (1 + np.exp(-X @ w))
        g = X.T @ (p - y) + 0.1 * w
        H = (X * (p * (1 - p))[:, None]).T @ X + 0.1 * np.eye(len(w))
        w = w - np.linalg.solve(H, g)
    return np.sum(w**2)


@kernel(positive(5), 0.2, 0.7, 0.1, wrt=(0, 1, 2, 3))
def garch(returns, omega, alpha, beta):
    n = len(returns)
    sigma2 = np.zeros(n)
    sigma2[0] = np.var(returns)
    for t in range(1, n):
        sigma2[t] = omega + alpha * returns[t - 1] ** 2 + beta * sigma2[t - 1]
    return 0.5 * np.sum(np.log(sigma2) + returns**2 / sigma2)


@kernel(some(7), 0.3, 0.1, wrt=(0, 1, 2))
def holt_smoothing(x, alpha, beta):
    level, trend = x[0], x[1] - x[0]
    sse = 0.0
    for t in range(1, len(x)):
        forecast = level + trend
        error = x[t] - forecast
        sse += error**2
        last = level
        level = alpha * x[t] + (1 - alpha) * forecast
        trend = beta * (level - last) + (1 - beta) * trend
    return sse / len(x)


@kernel(some(6, 3), 4)
def jacobi_eigenvalues(A, sweeps):
    A = A.T @ A
    n = len(A)
    for _ in range(sweeps):
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(A[p, q]) < 1e-14:
                    continue
                theta = 0.5 * np.arctan2(2 * A[p, q], A[q, q] - A[p, p])
                c, s = np.cos(theta), np.sin(theta)
                row_p, row_q = A[p].copy(), A[q].copy()
                A[p], A[q] = c * row_p - s * row_q, s * row_p + c * row_q
                col_p, col_q = A[:, p].copy(), A[:, q].copy()
                A[:, p], A[:, q] = c * col_p - s * col_q, s * col_p + c * col_q
    return np.sum(np.diag(A) ** 3)
