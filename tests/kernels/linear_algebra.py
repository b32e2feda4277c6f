"""Dense linear algebra, the loops of PolyBench's kernels."""

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


def spd(n):
    """A symmetric matrix with positive eigenvalues."""
    a = some(n, n)
    return a @ a.T + n * np.eye(n)


@kernel(some(4, 3), some(3), wrt=(0, 1))
def atax(A, x):
    y = (A @ x) @ A
    return np.sum(y * y)


@kernel(some(4, 3), some(3), some(4, start=2.0), wrt=(0, 1, 2))
def bicg(A, p, r):
    s, q = r @ A, A @ p
    return np.sum(s * s) + np.sum(q * q * q)


def cholesky_in_place(A):
    A[0, 0] = np.sqrt(A[0, 0])
    for i in range(1, A.shape[0]):
        for j in range(i):
            A[i, j] -= np.dot(A[i, :j], A[j, :j])
            A[i, j] /= A[j, j]
        A[i, i] -= np.dot(A[i, :i], A[i, :i])
        A[i, i] = np.sqrt(A[i, i])


@kernel(spd(4))
def cholesky(A):
    cholesky_in_place(A)
    return np.sum(np.tril(A) ** 2 * np.arange(1.0, 1.0 + A.size).reshape(A.shape))


@kernel(spd(4))
def cholesky_of_linalg(A):
    A[:] = np.linalg.cholesky(A) + np.triu(A, k=1)
    return np.sum(np.sin(A))


@kernel(some(5, 3))
def correlation(data):
    n = data.shape[0]
    mean = np.mean(data, axis=0)
    stddev = np.std(data, axis=0)
    stddev[stddev <= 0.1] = 1.0
    data -= mean
    data /= np.sqrt(n) * stddev
    corr = np.eye(data.shape[1], dtype=data.dtype)
    for i in range(data.shape[1] - 1):
        corr[i + 1 :, i] = corr[i, i + 1 :] = data[:, i] @ data[:, i + 1 :]
    return np.sum(np.sin(corr))


@kernel(some(5, 3))
def covariance(data):
    mean = np.mean(data, axis=0)
    data -= mean
    m = data.shape[1]
    cov = np.zeros((m, m), dtype=data.dtype)
    for i in range(m):
        cov[i:m, i] = cov[i, i:m] = data[:, i] @ data[:, i:m] / (data.shape[0] - 1.0)
    return np.sum(np.sin(3 * cov))


@kernel(2, 3, 4, some(2, 3, 4), some(4, 4, start=1.0), wrt=(3, 4))
def doitgen(NR, NQ, NP, A, C4):
    for r in range(NR):
        for q in range(NQ):
            A[r, q, :] = A[r, q] @ C4
    return np.sum(A * A)


@kernel(some(2, 3, 4), some(4, 4, start=1.0), wrt=(0, 1))
def doitgen_at_once(A, C4):
    A[:] = np.reshape(np.reshape(A, (2, 3, 1, 4)) @ C4, A.shape)
    return np.sum(A * A * A)


@kernel(some(5) / 3)
def durbin(r):
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return np.sum(y * np.arange(1.0, 6.0))


@kernel(1.5, 1.2, some(3, 2), some(3, 4), some(4, 2), wrt=(0, 1, 2, 3, 4))
def gemm(alpha, beta, C, A, B):
    C[:] = alpha * A @ B + beta * C
    return np.sum(np.sin(C))


@kernel(1.5, 1.2, some(3, 3), some(3), some(3, start=1), some(3, start=2), some(3, start=3),
        some(3, start=4), some(3, start=5), some(3, start=6), some(3, start=7),
        wrt=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))  # fmt: skip
def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A += np.outer(u1, v1) + np.outer(u2, v2)
    x += beta * y @ A + z
    w += alpha * A @ x
    return np.sum(w * w) + np.sum(x) + np.sum(np.sin(A))


@kernel(1.5, 1.2, some(3, 3), some(3, 3, start=1), some(3), wrt=(0, 1, 2, 3, 4))
def gesummv(alpha, beta, A, B, x):
    return np.sum(np.sin(alpha * A @ x + beta * B @ x))


@kernel(some(5, 3))
def gramschmidt(A):
    Q = np.zeros_like(A)
    R = np.zeros((A.shape[1], A.shape[1]), dtype=A.dtype)
    for k in range(A.shape[1]):
        nrm = np.dot(A[:, k], A[:, k])
        R[k, k] = np.sqrt(nrm)
        Q[:, k] = A[:, k] / R[k, k]
        for j in range(k + 1, A.shape[1]):
            R[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * R[k, j]
    return np.sum(np.sin(Q) * np.arange(1.0, 16.0).reshape(5, 3)) + np.sum(R * R)


@kernel(1.5, 1.2, some(3, 3), some(3, 4), some(4, 2), some(2, 3), some(3, 3, start=2.0),
        wrt=(0, 1, 2, 3, 4, 5, 6))  # fmt: skip
def two_products(alpha, beta, tmp, A, B, C, D):
    D[:] = alpha * A @ B @ C + beta * D
    return np.sum(np.sin(D)) + np.sum(tmp)


@kernel(some(3, 3), some(3, 4), some(4, 2), some(2, 3), wrt=(0, 1, 2, 3))
def three_products(A, B, C, D):
    return np.sum(np.sin(A @ B @ C @ D))


@kernel(spd(4))
def lu(A):
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return np.sum(np.sin(A))


@kernel(spd(4), some(4), wrt=(0, 1))
def ludcmp(A, b):
    x = np.zeros_like(b)
    y = np.zeros_like(b)
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]
    for i in range(A.shape[0]):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(A.shape[0] - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return np.sum(x * x) + np.sum(y)


@kernel(some(4), some(4, start=1), some(4, start=2), some(4, start=3), some(4, 4),
        wrt=(0, 1, 2, 3, 4))  # fmt: skip
def mvt(x1, x2, y_1, y_2, A):
    x1 += A @ y_1
    x2 += y_2 @ A
    return np.sum(x1 * x1) + np.sum(np.sin(x2))


@kernel(1.5, 1.2, some(3, 4), spd(3), some(3, 4, start=2.0), wrt=(0, 1, 2, 3, 4))
def symm(alpha, beta, C, A, B):
    temp2 = np.empty((C.shape[1],), dtype=C.dtype)
    C *= beta
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[:i, j] += alpha * B[i, j] * A[i, :i]
            temp2[j] = B[:i, j] @ A[i, :i]
        C[i, :] += alpha * B[i, :] * A[i, i] + alpha * temp2
    return np.sum(np.sin(C))


@kernel(1.5, 1.2, some(3, 3), some(3, 2), some(3, 2, start=2.0), wrt=(0, 1, 2, 3, 4))
def syr2k(alpha, beta, C, A, B):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += A[: i + 1, k] * alpha * B[i, k] + B[: i + 1, k] * alpha * A[i, k]
    return np.sum(np.sin(C))


@kernel(1.5, 1.2, some(3, 3), some(3, 2), wrt=(0, 1, 2, 3))
def syrk(alpha, beta, C, A):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += alpha * A[i, k] * A[: i + 1, k]
    return np.sum(np.sin(C))


@kernel(spd(4), some(4), some(4, start=2.0), wrt=(0, 1, 2))
def trisolv(L, x, b):
    for i in range(x.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return np.sum(x * x)


@kernel(1.5, some(3, 3), some(3, 4), wrt=(0, 1, 2))
def trmm(alpha, A, B):
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            B[i, j] += np.dot(A[i + 1 :, i], B[i + 1 :, j])
    B *= alpha
    return np.sum(np.sin(B))


@kernel(spd(4), some(4), 3, wrt=(0, 1))
def power_method(A, v, steps):
    for _ in range(steps):
        v = A @ v
        v /= np.linalg.norm(v)
    return v @ A @ v + v[0]


@kernel(spd(5), some(5), 1e-30, wrt=(0, 1))
def conjugate_gradient(A, b, tol):
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    k = 0
    while rs > tol and k < 4:
        Ap = A @ p
        alpha = rs / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        new = r @ r
        p = r + (new / rs) * p
        rs = new
        k += 1
    return np.sum(x * np.arange(1.0, 6.0))


@kernel(some(4, 3))
def givens_qr(A):
    m, n = A.shape
    Q = np.eye(m)
    for j in range(n):
        for i in range(m - 1, j, -1):
            a, b = A[i - 1, j], A[i, j]
            r = np.hypot(a, b)
            if r == 0:
                continue
            c, s = a / r, b / r
            G = np.array([[c, s], [-s, c]])
            A[i - 1 : i + 1, j:] = G @ A[i - 1 : i + 1, j:]
            Q[:, i - 1 : i + 1] = Q[:, i - 1 : i + 1] @ G.T
    return np.sum(A[:n, :n] ** 2 * np.arange(1.0, 10.0).reshape(3, 3)) + np.sum(np.sin(Q))


@kernel(some(4, 3))
def householder_qr(A):
    m, n = A.shape
    R = A.copy()
    for k in range(n):
        x = R[k:, k]
        v = x.copy()
        v[0] += np.copysign(np.linalg.norm(x), x[0])
        v /= np.linalg.norm(v)
        R[k:, k:] -= 2.0 * np.outer(v, v @ R[k:, k:])
    return np.sum(np.abs(np.triu(R)[:n]) * np.arange(1.0, 10.0).reshape(3, 3))


@kernel(spd(4)[::-1].copy(), some(4), wrt=(0, 1))
def gauss_with_pivots(A, b):
    n = len(b)
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            A[[k, p]] = A[[p, k]]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            m = A[i, k] / A[k, k]
            A[i, k:] -= m * A[k, k:]
            b[i] -= m * b[k]
    x = np.zeros(n)
    for i in reversed(range(n)):
        x[i] = (b[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return np.sum(x * x)


@kernel(some(6), positive(6) + 4, some(6, start=1.0), some(6, start=2.0), wrt=(0, 1, 2, 3))
def thomas(a, b, c, d):
    n = len(d)
    cp = np.zeros(n)
    dp = np.zeros(n)
    cp[0] = c[0] / b[0]
    dp[0] = d[0] / b[0]
    for i in range(1, n):
        m = b[i] - a[i] * cp[i - 1]
        cp[i] = c[i] / m
        dp[i] = (d[i] - a[i] * dp[i - 1]) / m
    x = np.zeros(n)
    x[-1] = dp[-1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return np.sum(x * x)


@kernel(some(6), positive(6) + 4, some(6, start=1.0), some(6, start=2.0), wrt=(0, 1, 2, 3))
def thomas_in_place(a, b, c, d):
    n = len(d)
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    d[n - 1] /= b[n - 1]
    for i in range(n - 2, -1, -1):
        d[i] = (d[i] - c[i] * d[i + 1]) / b[i]
    return np.sum(d * d)


@kernel(spd(4), some(4), some(4, start=1.0), 5, wrt=(0, 1, 2))
def jacobi_iteration(A, b, x, steps):
    D = np.diag(A)
    R = A - np.diagflat(D)
    for _ in range(steps):
        x = (b - R @ x) / D
    return np.sum(np.sin(x))


@kernel(spd(4), some(4), 3, wrt=(0, 1))
def sor(A, b, sweeps):
    x = np.zeros_like(b)
    omega = 1.1
    for _ in range(sweeps):
        for i in range(len(b)):
            sigma = 0.0
            for j in range(len(b)):
                if j != i:
                    sigma += A[i, j] * x[j]
            x[i] = (1 - omega) * x[i] + omega * (b[i] - sigma) / A[i, i]
    return np.sum(x * x)


@kernel(some(3, 3), 3)
def matrix_exponential(A, terms):
    result = np.eye(len(A))
    term = np.eye(len(A))
    for k in range(1, terms + 1):
        term = term @ A / k
        result += term
    return np.sum(np.sin(result))


@kernel(some(4, 4), some(4), 3, wrt=(0, 1))
def arnoldi(A, b, n):
    Q = np.zeros((len(b), n + 1))
    H = np.zeros((n + 1, n))
    Q[:, 0] = b / np.linalg.norm(b)
    for k in range(n):
        v = A @ Q[:, k]
        for j in range(k + 1):
            H[j, k] = Q[:, j] @ v
            v = v - H[j, k] * Q[:, j]
        H[k + 1, k] = np.linalg.norm(v)
        if H[k + 1, k] < 1e-12:
            break
        Q[:, k + 1] = v / H[k + 1, k]
    return np.sum(H * H) + np.sum(np.sin(Q))


@kernel(spd(4), some(4), 3, wrt=(0, 1))
def lanczos(A, v, m):
    alpha = np.zeros(m)
    beta = np.zeros(m)
    v = v / np.linalg.norm(v)
    v_old = np.zeros_like(v)
    b = 0.0
    for j in range(m):
        w = A @ v - b * v_old
        alpha[j] = w @ v
        w -= alpha[j] * v
        b = np.linalg.norm(w)
        beta[j] = b
        v_old = v
        v = w / b
    T = np.diag(alpha) + np.diag(beta[:-1], 1) + np.diag(beta[:-1], -1)
    return np.sum(T * T) + np.sum(T)
