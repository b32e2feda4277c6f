"""Applications: physics, images, graphs, sequences of integers."""

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


@kernel(some(12), positive(12), 4)
def azimint_naive(data, radius, npt):
    rmax = radius.max()
    res = np.zeros(npt, dtype=np.float64)
    for i in range(npt):
        r1 = rmax * i / npt
        r2 = rmax * (i + 1) / npt
        mask_r12 = np.logical_and((r1 <= radius), (radius < r2))
        values_r12 = data[mask_r12]
        if len(values_r12) > 0:
            res[i] = values_r12.mean()
    return np.sum(res * res)


@kernel(some(12), positive(12), 4)
def azimint_hist(data, radius, npt):
    histu = np.histogram(radius, npt)[0]
    histw = np.histogram(radius, npt, weights=data)[0]
    return np.sum(np.sin(histw / np.maximum(histu, 1)))


def bin_edges(a, bins):
    edges = np.zeros((bins + 1,), dtype=np.float64)
    a_min = a.min()
    a_max = a.max()
    delta = (a_max - a_min) / bins
    for i in range(edges.shape[0]):
        edges[i] = a_min + i * delta
    edges[-1] = a_max
    return edges


def bin_of(x, edges):
    n = edges.shape[0] - 1
    a_min = edges[0]
    a_max = edges[-1]
    if x == a_max:
        return n - 1
    return int(n * (x - a_min) / (a_max - a_min))


@kernel(some(12), positive(12), 4)
def histogram_by_hand(data, radius, npt):
    edges = bin_edges(radius, npt)
    weights = np.zeros(npt)
    counts = np.zeros(npt, dtype=np.int64)
    for i in range(len(data)):
        b = bin_of(radius[i], edges)
        weights[b] += data[i]
        counts[b] += 1
    return np.sum(np.sin(weights / np.maximum(counts, 1)))


@kernel(some(4, 5) * 9, some(4, 5, start=1.0) * 9, 2.5, 3.5, 0.5, wrt=(0, 1, 2, 3, 4))
def compute(array_1, array_2, a, b, c):
    return np.sum(np.clip(array_1, -4.0, 5.0) * a + array_2 * b + c)


@kernel(some(1, 5, 6, 2), some(2, 3, 2, 3), wrt=(0, 1))
def conv2d(x, weights):
    K = weights.shape[0]
    N, H_out = x.shape[0], x.shape[1] - K + 1
    W_out = x.shape[2] - weights.shape[1] + 1
    C_out = weights.shape[3]
    output = np.empty((N, H_out, W_out, C_out), dtype=x.dtype)
    for i in range(H_out):
        for j in range(W_out):
            output[:, i, j, :] = np.sum(
                x[:, i : i + K, j : j + weights.shape[1], :, np.newaxis] * weights[np.newaxis],
                axis=(1, 2, 3),
            )
    return np.sum(np.tanh(output))


@kernel(some(2, 3, 3) + 1j * some(2, 3, 3, start=1), np.exp(2j * np.arange(1.0, 4.0)), some(3, 2),
        wrt=(0, 2))  # fmt: skip
def contour_integral(Ham, int_pts, Y):
    P0 = np.zeros(Y.shape, dtype=np.complex128)
    P1 = np.zeros(Y.shape, dtype=np.complex128)
    for z in int_pts:
        Tz = np.zeros(Ham.shape[1:], dtype=np.complex128)
        for n in range(Ham.shape[0]):
            zz = np.power(z, 1 - n)
            Tz += zz * Ham[n]
        Tz += 3 * np.eye(3)
        X = np.linalg.solve(Tz, Y)
        if abs(z) < 1.0:
            X = -X
        P0 += X
        P1 += z * X
    return np.sum(np.abs(P0) ** 2) + np.sum(np.real(P1))


def crc16(data, poly=0x8408):
    crc = 0xFFFF
    for b in data:
        cur_byte = 0xFF & b
        for _ in range(0, 8):
            if (crc & 0x0001) ^ (cur_byte & 0x0001):
                crc = (crc >> 1) ^ poly
            else:
                crc >>= 1
            cur_byte >>= 1
    crc = ~crc & 0xFFFF
    crc = (crc << 8) | ((crc >> 8) & 0xFF)
    return crc & 0xFFFF


@kernel(some(4), np.array([1, 200, 37, 5], dtype=np.int64))
def weighted_by_crc16(x, data):
    return np.sum(x**2) * (crc16(data) / 65536) + x[crc16(data) % 4]


@kernel(0.31, 0.1, 0.4, 12, wrt=(0, 1))
def mandelbrot_of_a_point(cr, ci, horizon, maxiter):
    c = complex(cr, ci)
    z = 0j
    n = 0
    while abs(z) < horizon and n < maxiter:
        z = z * z + c
        n += 1
    return abs(z) + n


@kernel(-1.5, 0.6, -1.0, 1.0, 4, 3, 4, 2.0, wrt=(0, 1, 2, 3))
def mandelbrot_by_masks(xmin, xmax, ymin, ymax, xn, yn, maxiter, horizon):
    X = np.linspace(xmin, xmax, xn, dtype=np.float64)
    Y = np.linspace(ymin, ymax, yn, dtype=np.float64)
    C = X + Y[:, None] * 1j
    N = np.zeros(C.shape, dtype=np.int64)
    Z = np.zeros(C.shape, dtype=np.complex128)
    for n in range(maxiter):
        I = np.less(abs(Z), horizon)
        N[I] = n
        Z[I] = Z[I] ** 2 + C[I]
    N[N == maxiter - 1] = 0
    return np.sum(np.abs(Z) ** 2) + np.sum(N)


@kernel(-1.51, 0.62, -1.01, 1.03, 3, 3, 3, 2.0, wrt=(0, 1, 2, 3))
def mandelbrot_that_shrinks(xmin, xmax, ymin, ymax, xn, yn, itermax, horizon):
    Xi, Yi = np.mgrid[0:xn, 0:yn]
    X = np.linspace(xmin, xmax, xn, dtype=np.float64)[Xi]
    Y = np.linspace(ymin, ymax, yn, dtype=np.float64)[Yi]
    C = X + Y * 1j
    Z_ = np.zeros(C.shape, dtype=np.complex128)
    Xi = Xi.reshape(xn * yn)
    Yi = Yi.reshape(xn * yn)
    C = C.reshape(xn * yn)
    Z = np.zeros(C.shape, np.complex128)
    for i in range(itermax):
        if not len(Z):
            break
        np.multiply(Z, Z, Z)
        np.add(Z, C, Z)
        I = abs(Z) > horizon
        Z_[Xi[I], Yi[I]] = Z[I]
        np.logical_not(I, I)
        Z = Z[I]
        Xi, Yi = Xi[I], Yi[I]
        C = C[I]
    return np.sum(np.abs(Z_) ** 2) + np.sum(np.abs(Z))


def acceleration(pos, mass, G, softening):
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r3 = dx**2 + dy**2 + dz**2 + softening**2
    I = inv_r3 > 0
    inv_r3[I] = inv_r3[I] ** (-1.5)
    ax = G * (dx * inv_r3) @ mass
    ay = G * (dy * inv_r3) @ mass
    az = G * (dz * inv_r3) @ mass
    return np.hstack((ax, ay, az))


def energy(pos, vel, mass, G):
    KE = 0.5 * np.sum(mass * vel**2)
    x = pos[:, 0:1]
    y = pos[:, 1:2]
    z = pos[:, 2:3]
    dx = x.T - x
    dy = y.T - y
    dz = z.T - z
    inv_r = np.sqrt(dx**2 + dy**2 + dz**2 + 1e-4)
    I = inv_r > 0
    inv_r[I] = 1.0 / inv_r[I]
    PE = G * np.sum(np.triu(-(mass * mass.T) * inv_r, 1))
    return KE, PE


@kernel(
    positive(3, 1), some(3, 3), some(3, 3, start=1.0), 3, 0.05, 1.0, 0.1, wrt=(0, 1, 2, 4, 5, 6)
)
def nbody(mass, pos, vel, Nt, dt, G, softening):
    vel -= np.mean(mass * vel, axis=0) / np.mean(mass)
    acc = acceleration(pos, mass, G, softening)
    KE = np.ndarray(Nt + 1, dtype=np.float64)
    PE = np.ndarray(Nt + 1, dtype=np.float64)
    KE[0], PE[0] = energy(pos, vel, mass, G)
    for i in range(Nt):
        vel += acc * dt / 2.0
        pos += vel * dt
        acc = acceleration(pos, mass, G, softening)
        vel += acc * dt / 2.0
        KE[i + 1], PE[i + 1] = energy(pos, vel, mass, G)
    return np.sum(KE) + np.sum(PE * PE)


@kernel(np.array([[1, 0], [0, 1]]), some(2, 2, 2, 2) + 1j * some(2, 2, 2, 2, start=1.0),
        some(2, 2, 2, 2, 2, start=2.0), some(2, 2, 2, 2, start=3.0), wrt=(1, 2, 3))  # fmt: skip
def scattering_self_energies(neigh_idx, G, D, dH):
    NA, NB, NE, norb = 2, 2, 2, 2
    Sigma = np.zeros((NE, NA, norb, norb), dtype=np.complex128)
    G = np.broadcast_to(G[:, :, :, :], (NE, NA, norb, norb))
    for E in range(NE):
        for w in range(2):
            for a in range(NA):
                for b in range(NB):
                    if E - w >= 0:
                        dHG = G[E - w, neigh_idx[a, b]] @ dH[a, b]
                        dHD = dH[a, b] * D[w, a, b]
                        Sigma[E, a] += dHG @ dHD
    return np.sum(np.abs(Sigma) ** 2)


@kernel(some(2, 3, 4))
def softmax(x):
    tmp_max = np.max(x, axis=-1, keepdims=True)
    tmp_out = np.exp(x - tmp_max)
    tmp_sum = np.sum(tmp_out, axis=-1, keepdims=True)
    y = tmp_out / tmp_sum
    return np.sum(y**2)


@kernel(np.array([0, 2, 2, 5]), np.array([0, 2, 1, 2, 3]), some(5), some(4, start=2.0), wrt=(2, 3))
def spmv(A_row, A_col, A_val, x):
    y = np.empty(A_row.size - 1, A_val.dtype)
    for i in range(A_row.size - 1):
        cols = A_col[A_row[i] : A_row[i + 1]]
        vals = A_val[A_row[i] : A_row[i + 1]]
        y[i] = vals @ x[cols]
    return np.sum(y * y)


@kernel(some(8), some(8, start=1.0), wrt=(0, 1))
def fft_by_hand(re, im):
    x = re + 1j * im
    n = len(x)
    levels = int(np.log2(n))
    y = np.zeros(n, dtype=np.complex128)
    for i in range(n):
        r = 0
        for b in range(levels):
            r = (r << 1) | ((i >> b) & 1)
        y[i] = x[r]
    size = 2
    while size <= n:
        half = size // 2
        w = np.exp(-2j * np.pi * np.arange(half) / size)
        for start in range(0, n, size):
            even = y[start : start + half].copy()
            odd = w * y[start + half : start + size]
            y[start : start + half] = even + odd
            y[start + half : start + size] = even - odd
        size *= 2
    return np.sum(np.abs(y) ** 4)


@kernel(2, 3, some(8) + 1j * some(8, start=1.0), wrt=2)
def stockham(R, K, x):
    N = R**K
    i, j = np.mgrid[0:R, 0:R]
    dft_mat = np.exp(-2.0j * np.pi * i * j / R)
    y = np.zeros(N, dtype=np.complex128)
    y[:] = x[:]
    ii, jj = np.mgrid[0:R, 0 : R**K]
    for i in range(K):
        yv = np.reshape(y, (R**i, R, R ** (K - i - 1)))
        tmp_perm = np.transpose(yv, axes=(1, 0, 2))
        D = np.empty((R, R**i, R ** (K - i - 1)), dtype=np.complex128)
        tmp = np.exp(-2.0j * np.pi * ii[:, : R**i] * jj[:, : R**i] / R ** (i + 1))
        D[:] = np.repeat(np.reshape(tmp, (R, R**i, 1)), R ** (K - i - 1), axis=2)
        tmp_twid = np.reshape(tmp_perm, (N,)) * np.reshape(D, (N,))
        y[:] = np.reshape(dft_mat @ np.reshape(tmp_twid, (R, R ** (K - 1))), (N,))
    return np.sum(np.abs(y) ** 4)


@kernel(some(4, 4))
def go_fast(a):
    trace = 0.0
    for i in range(a.shape[0]):
        trace += np.tanh(a[i, i])
    return np.sum(np.sin(a + trace))


@kernel(some(4), some(4, start=1), some(4, start=2), some(4, start=3), wrt=(0, 1, 2, 3))
def arc_distance(theta_1, phi_1, theta_2, phi_2):
    temp = (
        np.sin((theta_2 - theta_1) / 2) ** 2
        + np.cos(theta_1) * np.cos(theta_2) * np.sin((phi_2 - phi_1) / 2) ** 2
    )
    distance_matrix = 2 * np.arctan2(np.sqrt(temp), np.sqrt(1 - temp))
    return np.sum(distance_matrix)


@kernel(positive(4, 4))
def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))
    return np.sum(path**2)


@kernel(positive(4, 4))
def floyd_warshall_by_rows(path):
    n = path.shape[0]
    for k in range(n):
        for i in range(n):
            path[i, :] = np.minimum(path[i, :], path[i, k] + path[k, :])
    return np.sum(path**2)


@kernel(positive(4, 4))
def floyd_warshall_by_elements(path):
    n = path.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if path[i, k] + path[k, j] < path[i, j]:
                    path[i, j] = path[i, k] + path[k, j]
    return np.sum(path**2)


def match(b1, b2):
    if b1 + b2 == 3:
        return 1
    return 0


def nussinov(N, seq):
    table = np.zeros((N, N), np.int32)
    for i in range(N - 1, -1, -1):
        for j in range(i + 1, N):
            if j - 1 >= 0:
                table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < N:
                table[i, j] = max(table[i, j], table[i + 1, j])
            if j - 1 >= 0 and i + 1 < N:
                if i < j - 1:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1] + match(seq[i], seq[j]))
                else:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table


@kernel(some(6), np.array([0, 3, 1, 2, 2, 1]))
def weighted_by_nussinov(x, seq):
    return np.sum(nussinov(len(seq), seq) @ (x * x))


@kernel(some(5, 5) / 3)
def nussinov_of_floats(score):
    n = len(score)
    table = np.zeros((n, n))
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < n:
                table[i, j] = max(table[i, j], table[i + 1, j])
                if i < j - 1:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1] + score[i, j])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table[0, n - 1] + np.sum(table * table)


@kernel(some(3, 4), some(4, start=1), some(3, 3, start=2), wrt=(0, 1, 2))
def minibude_like(protein, ligand, transforms):
    total = 0.0
    energies = np.zeros(len(transforms))
    for i in range(len(transforms)):
        sx, cx = np.sin(transforms[i, 0]), np.cos(transforms[i, 0])
        moved = ligand[:3] * cx + sx * transforms[i]
        e = 0.0
        for p in range(protein.shape[0]):
            delta = protein[p, :3] - moved
            distance = np.sqrt(np.sum(delta**2))
            radius = abs(protein[p, 3]) + abs(ligand[3])
            overlap = distance - radius
            if overlap < 0:
                e += 38.0 * overlap * overlap
            elif overlap < 1.2:
                e += (1 - overlap / 1.2) * protein[p, 3] * ligand[3]
        energies[i] = 0.5 * e
        total += energies[i]
    return total + np.max(energies)
