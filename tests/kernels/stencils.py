"""Stencils and finite differences on grids."""

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


@kernel(2, 5, some(5, 5), wrt=2)
def adi(TSTEPS, N, u):
    v = np.empty(u.shape, dtype=u.dtype)
    p = np.empty(u.shape, dtype=u.dtype)
    q = np.empty(u.shape, dtype=u.dtype)
    DX = 1.0 / N
    DY = 1.0 / N
    DT = 1.0 / TSTEPS
    mul1 = 2.0 * DT / (DX * DX)
    mul2 = DT / (DY * DY)
    a = -mul1 / 2.0
    b = 1.0 + mul2
    c = a
    d = -mul2 / 2.0
    e = 1.0 + mul1
    f = d
    for t in range(1, TSTEPS + 1):
        v[0, 1 : N - 1] = 1.0
        p[1 : N - 1, 0] = 0.0
        q[1 : N - 1, 0] = v[0, 1 : N - 1]
        for j in range(1, N - 1):
            p[1 : N - 1, j] = -c / (a * p[1 : N - 1, j - 1] + b)
            q[1 : N - 1, j] = (
                -d * u[j, 0 : N - 2]
                + (1.0 + 2.0 * d) * u[j, 1 : N - 1]
                - f * u[j, 2:N]
                - a * q[1 : N - 1, j - 1]
            ) / (a * p[1 : N - 1, j - 1] + b)
        v[N - 1, 1 : N - 1] = 1.0
        for j in range(N - 2, 0, -1):
            v[j, 1 : N - 1] = p[1 : N - 1, j] * v[j + 1, 1 : N - 1] + q[1 : N - 1, j]
        u[1 : N - 1, 0] = 1.0
        p[1 : N - 1, 0] = 0.0
        q[1 : N - 1, 0] = u[1 : N - 1, 0]
        for j in range(1, N - 1):
            p[1 : N - 1, j] = -f / (d * p[1 : N - 1, j - 1] + e)
            q[1 : N - 1, j] = (
                -a * v[0 : N - 2, j]
                + (1.0 + 2.0 * a) * v[1 : N - 1, j]
                - c * v[2:N, j]
                - d * q[1 : N - 1, j - 1]
            ) / (d * p[1 : N - 1, j - 1] + e)
        u[1 : N - 1, N - 1] = 1.0
        for j in range(N - 2, 0, -1):
            u[1 : N - 1, j] = p[1 : N - 1, j] * u[1 : N - 1, j + 1] + q[1 : N - 1, j]
    return np.sum(u * u)


@kernel(0.25, some(4, 5), wrt=(0, 1))
def deriche(alpha, imgIn):
    y1 = np.empty_like(imgIn)
    k = (1.0 - np.exp(-alpha)) * (1.0 - np.exp(-alpha))
    k /= 1.0 + alpha * np.exp(-alpha) - np.exp(2.0 * alpha)
    a1 = a5 = k
    a2 = a6 = k * np.exp(-alpha) * (alpha - 1.0)
    a3 = a7 = k * np.exp(-alpha) * (alpha + 1.0)
    a4 = a8 = -k * np.exp(-2.0 * alpha)
    b1 = 2.0 ** (-alpha)
    b2 = -np.exp(-2.0 * alpha)
    c1 = c2 = 1
    y1[:, 0] = a1 * imgIn[:, 0]
    y1[:, 1] = a1 * imgIn[:, 1] + a2 * imgIn[:, 0] + b1 * y1[:, 0]
    for j in range(2, imgIn.shape[1]):
        y1[:, j] = a1 * imgIn[:, j] + a2 * imgIn[:, j - 1] + b1 * y1[:, j - 1] + b2 * y1[:, j - 2]
    y2 = np.empty_like(imgIn)
    y2[:, -1] = 0.0
    y2[:, -2] = a3 * imgIn[:, -1]
    for j in range(imgIn.shape[1] - 3, -1, -1):
        y2[:, j] = (
            a3 * imgIn[:, j + 1] + a4 * imgIn[:, j + 2] + b1 * y2[:, j + 1] + b2 * y2[:, j + 2]
        )
    out = c1 * (y1 + y2)
    y1[0, :] = a5 * out[0, :]
    y1[1, :] = a5 * out[1, :] + a6 * out[0, :] + b1 * y1[0, :]
    for i in range(2, imgIn.shape[0]):
        y1[i, :] = a5 * out[i, :] + a6 * out[i - 1, :] + b1 * y1[i - 1, :] + b2 * y1[i - 2, :]
    y2[-1, :] = 0.0
    y2[-2, :] = a7 * out[-1, :]
    for i in range(imgIn.shape[0] - 3, -1, -1):
        y2[i, :] = a7 * out[i + 1, :] + a8 * out[i + 2, :] + b1 * y2[i + 1, :] + b2 * y2[i + 2, :]
    out[:] = c2 * (y1 + y2)
    return np.sum(out * out)


@kernel(some(4, 5), wrt=0)
def deriche_by_the_image(imgIn):
    return deriche(0.25, imgIn)


@kernel(3, some(4, 5), some(4, 5, start=1), some(4, 5, start=2), some(3, start=3), wrt=(1, 2, 3, 4))
def fdtd_2d(TMAX, ex, ey, hz, _fict_):
    for t in range(TMAX):
        ey[0, :] = _fict_[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return np.sum(hz * hz) + np.sum(np.sin(ex)) + np.sum(ey)


@kernel(3, some(4, 4, 4), some(4, 4, 4, start=1), wrt=(1, 2))
def heat_3d(TSTEPS, A, B):
    for t in range(1, TSTEPS):
        B[1:-1, 1:-1, 1:-1] = (
            0.125 * (A[2:, 1:-1, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[:-2, 1:-1, 1:-1])
            + 0.125 * (A[1:-1, 2:, 1:-1] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, :-2, 1:-1])
            + 0.125 * (A[1:-1, 1:-1, 2:] - 2.0 * A[1:-1, 1:-1, 1:-1] + A[1:-1, 1:-1, 0:-2])
            + A[1:-1, 1:-1, 1:-1]
        )
        A[1:-1, 1:-1, 1:-1] = (
            0.125 * (B[2:, 1:-1, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[:-2, 1:-1, 1:-1])
            + 0.125 * (B[1:-1, 2:, 1:-1] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, :-2, 1:-1])
            + 0.125 * (B[1:-1, 1:-1, 2:] - 2.0 * B[1:-1, 1:-1, 1:-1] + B[1:-1, 1:-1, 0:-2])
            + B[1:-1, 1:-1, 1:-1]
        )
    return np.sum(A * A) + np.sum(np.sin(B))


@kernel(4, some(7), some(7, start=1), wrt=(1, 2))
def jacobi_1d(TSTEPS, A, B):
    for t in range(1, TSTEPS):
        B[1:-1] = 0.33333 * (A[:-2] + A[1:-1] + A[2:])
        A[1:-1] = 0.33333 * (B[:-2] + B[1:-1] + B[2:])
    return np.sum(A * A) + np.sum(np.sin(B))


@kernel(3, some(4, 5), some(4, 5, start=1), wrt=(1, 2))
def jacobi_2d(TSTEPS, A, B):
    for t in range(1, TSTEPS):
        B[1:-1, 1:-1] = 0.2 * (
            A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1]
        )
        A[1:-1, 1:-1] = 0.2 * (
            B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1]
        )
    return np.sum(A * A) + np.sum(np.sin(B))


@kernel(2, 5, some(5, 5), wrt=2)
def seidel_2d(TSTEPS, N, A):
    for t in range(TSTEPS - 1):
        for i in range(1, N - 1):
            A[i, 1:-1] += (
                A[i - 1, :-2]
                + A[i - 1, 1:-1]
                + A[i - 1, 2:]
                + A[i, 2:]
                + A[i + 1, :-2]
                + A[i + 1, 1:-1]
                + A[i + 1, 2:]
            )
            for j in range(1, N - 1):
                A[i, j] += A[i, j - 1]
                A[i, j] /= 9.0
    return np.sum(A * A)


def build_up_b(b, rho, dt, u, v, dx, dy):
    b[1:-1, 1:-1] = rho * (
        1
        / dt
        * ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx) + (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy))
        - ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)) ** 2
        - 2 * ((u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx))
        - ((v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)) ** 2
    )


def pressure_poisson(nit, p, dx, dy, b):
    pn = np.empty_like(p)
    pn = p.copy()
    for q in range(nit):
        pn = p.copy()
        p[1:-1, 1:-1] = (
            (pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0


@kernel(4, 4, 2, 2, some(4, 4), some(4, 4, start=1), 0.01, 0.5, 0.4, some(4, 4, start=2), 1.1, 0.1,
        wrt=(4, 5, 9, 10, 11))  # fmt: skip
def cavity_flow(nx, ny, nt, nit, u, v, dt, dx, dy, p, rho, nu):
    un = np.empty_like(u)
    vn = np.empty_like(v)
    b = np.zeros((ny, nx))
    for n in range(nt):
        un = u.copy()
        vn = v.copy()
        build_up_b(b, rho, dt, u, v, dx, dy)
        pressure_poisson(nit, p, dx, dy, b)
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[0:-2, 1:-1])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
            + nu
            * (
                dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
                + dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[0:-2, 1:-1])
            )
        )
        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[0:-2, 1:-1])
            - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[0:-2, 1:-1])
            + nu
            * (
                dt / dx**2 * (vn[1:-1, 2:] - 2 * vn[1:-1, 1:-1] + vn[1:-1, 0:-2])
                + dt / dy**2 * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[0:-2, 1:-1])
            )
        )
        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = 1
        v[0, :] = 0
        v[-1, :] = 0
        v[:, 0] = 0
        v[:, -1] = 0
    return np.sum(u * u) + np.sum(v * p)


def pressure_poisson_periodic(nit, p, dx, dy, b):
    for q in range(nit):
        pn = p.copy()
        p[1:-1, 1:-1] = (
            (pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
        p[1:-1, -1] = (
            (pn[1:-1, 0] + pn[1:-1, -2]) * dy**2 + (pn[2:, -1] + pn[0:-2, -1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, -1]
        p[-1, :] = p[-2, :]
        p[0, :] = p[1, :]


@kernel(2, some(4, 4), some(4, 4, start=1), 0.1, 0.5, 0.4, some(4, 4, start=2), 1.1, 0.1, 1.0,
        wrt=(1, 2, 6, 7, 8, 9))  # fmt: skip
def channel_flow(nit, u, v, dt, dx, dy, p, rho, nu, F):
    udiff = 1
    stepcount = 0
    b = np.zeros_like(p)
    while udiff > 0.05 and stepcount < 3:
        un = u.copy()
        vn = v.copy()
        b[1:-1, 1:-1] = rho * (u[1:-1, 2:] - u[1:-1, :-2]) * (v[2:, 1:-1] - v[:-2, 1:-1])
        pressure_poisson_periodic(nit, p, dx, dy, b)
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
            + nu * dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
            + F * dt
        )
        v[1:-1, 1:-1] = vn[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dy * (
            vn[1:-1, 1:-1] - vn[0:-2, 1:-1]
        )
        u[1:-1, -1] = un[1:-1, -1] - dt * (un[1:-1, 0] - un[1:-1, -1])
        u[0, :] = 0
        u[-1, :] = 0
        v[0, :] = 0
        v[-1, :] = 0
        udiff = (np.sum(u) - np.sum(un)) / np.sum(u)
        stepcount += 1
    return np.sum(u * u) + np.sum(v * p) + stepcount


@kernel(some(8, 6, 2), some(4, 2, 2), wrt=(0, 1))
def hdiff(in_field, coeff):
    I, J, K = coeff.shape[0], coeff.shape[1], coeff.shape[2]
    lap_field = 4.0 * in_field[1 : I + 3, 1 : J + 3, :] - (
        in_field[2 : I + 4, 1 : J + 3, :]
        + in_field[0 : I + 2, 1 : J + 3, :]
        + in_field[1 : I + 3, 2 : J + 4, :]
        + in_field[1 : I + 3, 0 : J + 2, :]
    )
    res = lap_field[1:, 1 : J + 1, :] - lap_field[: I + 1, 1 : J + 1, :]
    flx_field = np.where(
        (res * (in_field[2 : I + 3, 2 : J + 2, :] - in_field[1 : I + 2, 2 : J + 2, :])) > 0, 0, res
    )
    res = lap_field[1 : I + 1, 1:, :] - lap_field[1 : I + 1, : J + 1, :]
    fly_field = np.where(
        (res * (in_field[2 : I + 2, 2 : J + 3, :] - in_field[2 : I + 2, 1 : J + 2, :])) > 0, 0, res
    )
    out_field = np.empty_like(coeff)
    out_field[:, :, :] = in_field[2 : I + 2, 2 : J + 2, :] - coeff[:, :, :] * (
        flx_field[1:, :, :] - flx_field[:-1, :, :] + fly_field[:, 1:, :] - fly_field[:, :-1, :]
    )
    return np.sum(out_field * out_field)


BET_M, BET_P = 0.5 * (1.0 - 0.2), 0.5 * (1.0 + 0.2)


@kernel(some(2, 3, 4), some(2, 3, 4, start=1), some(3, 3, 4, start=2) / 3, some(2, 3, 4, start=3),
        some(2, 3, 4, start=4), 2.0, wrt=(0, 1, 2, 3, 4, 5))  # fmt: skip
def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    I, J, K = utens_stage.shape[0], utens_stage.shape[1], utens_stage.shape[2]
    ccol = np.empty((I, J, K), dtype=utens_stage.dtype)
    dcol = np.empty((I, J, K), dtype=utens_stage.dtype)
    data_col = np.empty((I, J), dtype=utens_stage.dtype)
    for k in range(1):
        gcv = 0.25 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
        cs = gcv * BET_M
        ccol[:, :, k] = gcv * BET_P
        bcol = dtr_stage - ccol[:, :, k]
        correction_term = -cs * (u_stage[:, :, k + 1] - u_stage[:, :, k])
        dcol[:, :, k] = (
            dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + correction_term
        )
        divided = 1.0 / bcol
        ccol[:, :, k] = ccol[:, :, k] * divided
        dcol[:, :, k] = dcol[:, :, k] * divided
    for k in range(1, K - 1):
        gav = -0.25 * (wcon[1:, :, k] + wcon[:-1, :, k])
        gcv = 0.25 * (wcon[1:, :, k + 1] + wcon[:-1, :, k + 1])
        as_ = gav * BET_M
        cs = gcv * BET_M
        acol = gav * BET_P
        ccol[:, :, k] = gcv * BET_P
        bcol = dtr_stage - acol - ccol[:, :, k]
        correction_term = -as_ * (u_stage[:, :, k - 1] - u_stage[:, :, k]) - cs * (
            u_stage[:, :, k + 1] - u_stage[:, :, k]
        )
        dcol[:, :, k] = (
            dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k] + correction_term
        )
        divided = 1.0 / (bcol - ccol[:, :, k - 1] * acol)
        ccol[:, :, k] = ccol[:, :, k] * divided
        dcol[:, :, k] = (dcol[:, :, k] - (dcol[:, :, k - 1]) * acol) * divided
    for k in range(K - 1, K):
        gav = -0.25 * (wcon[1:, :, k] + wcon[:-1, :, k])
        acol = gav * BET_P
        bcol = dtr_stage - acol
        dcol[:, :, k] = dtr_stage * u_pos[:, :, k] + utens[:, :, k] + utens_stage[:, :, k]
        divided = 1.0 / (bcol - ccol[:, :, k - 1] * acol)
        dcol[:, :, k] = (dcol[:, :, k] - (dcol[:, :, k - 1]) * acol) * divided
    for k in range(K - 1, K - 2, -1):
        datacol = dcol[:, :, k]
        data_col[:] = datacol
        utens_stage[:, :, k] = dtr_stage * (datacol - u_pos[:, :, k])
    for k in range(K - 2, -1, -1):
        datacol = dcol[:, :, k] - ccol[:, :, k] * data_col[:, :]
        data_col[:] = datacol
        utens_stage[:, :, k] = dtr_stage * (datacol - u_pos[:, :, k])
    return np.sum(utens_stage * utens_stage)


@kernel(some(8), 0.3, 3, wrt=(0, 1))
def upwind(u, c, steps):
    for _ in range(steps):
        if c > 0:
            u[1:] = u[1:] - c * (u[1:] - u[:-1])
        else:
            u[:-1] = u[:-1] - c * (u[1:] - u[:-1])
    return np.sum(u**2)


@kernel(some(6, 5), some(6, 5, start=1.0), 0.1, 2, wrt=(0, 1, 2))
def level_set(phi, speed, dt, steps):
    for _ in range(steps):
        dxm = np.zeros_like(phi)
        dxp = np.zeros_like(phi)
        dym = np.zeros_like(phi)
        dyp = np.zeros_like(phi)
        dxm[1:] = phi[1:] - phi[:-1]
        dxp[:-1] = phi[1:] - phi[:-1]
        dym[:, 1:] = phi[:, 1:] - phi[:, :-1]
        dyp[:, :-1] = phi[:, 1:] - phi[:, :-1]
        up = np.sqrt(
            np.maximum(dxm, 0) ** 2
            + np.minimum(dxp, 0) ** 2
            + np.maximum(dym, 0) ** 2
            + np.minimum(dyp, 0) ** 2
            + 1e-6
        )
        down = np.sqrt(
            np.minimum(dxm, 0) ** 2
            + np.maximum(dxp, 0) ** 2
            + np.minimum(dym, 0) ** 2
            + np.maximum(dyp, 0) ** 2
            + 1e-6
        )
        phi = phi - dt * (np.maximum(speed, 0) * up + np.minimum(speed, 0) * down)
    return np.sum(phi**2)


@kernel(some(8), some(8, start=1.0), 0.4, 5, wrt=(0, 1, 2))
def wave_with_three_buffers(u_prev, u, c, steps):
    u_next = np.zeros_like(u)
    for _ in range(steps):
        u_next[1:-1] = 2 * u[1:-1] - u_prev[1:-1] + c**2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u_prev, u, u_next = u, u_next, u_prev
    return np.sum(u**2)


@kernel(some(6, 6), 0.2, 3, wrt=(0, 1))
def ping_pong(u, k, steps):
    v = u.copy()
    for _ in range(steps):
        v[1:-1, 1:-1] = u[1:-1, 1:-1] + k * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        )
        u, v = v, u
    return np.sum(u**3)


@kernel(some(6, 6), some(6, 6, start=1.0), 0.1, 2, wrt=(0, 1, 2))
def red_black(u, f, h, sweeps):
    for _ in range(sweeps):
        u[1:-1:2, 1:-1:2] = 0.25 * (
            u[2::2, 1:-1:2]
            + u[:-2:2, 1:-1:2]
            + u[1:-1:2, 2::2]
            + u[1:-1:2, :-2:2]
            - h * h * f[1:-1:2, 1:-1:2]
        )
        u[2:-1:2, 2:-1:2] = 0.25 * (
            u[3::2, 2:-1:2]
            + u[1:-2:2, 2:-1:2]
            + u[2:-1:2, 3::2]
            + u[2:-1:2, 1:-2:2]
            - h * h * f[2:-1:2, 2:-1:2]
        )
        u[1:-1:2, 2:-1:2] = 0.25 * (
            u[2::2, 2:-1:2]
            + u[:-2:2, 2:-1:2]
            + u[1:-1:2, 3::2]
            + u[1:-1:2, 1:-2:2]
            - h * h * f[1:-1:2, 2:-1:2]
        )
        u[2:-1:2, 1:-1:2] = 0.25 * (
            u[3::2, 1:-1:2]
            + u[1:-2:2, 1:-1:2]
            + u[2:-1:2, 2::2]
            + u[2:-1:2, :-2:2]
            - h * h * f[2:-1:2, 1:-1:2]
        )
    return np.sum(u * u)


@kernel(some(6, 6), some(6, 6, start=1.0), 2, wrt=(0, 1))
def red_black_by_a_mask(u, f, sweeps):
    i, j = np.indices(u.shape)
    red = (i + j) % 2 == 0
    inner = np.zeros(u.shape, dtype=bool)
    inner[1:-1, 1:-1] = True
    for _ in range(sweeps):
        for color in (red & inner, ~red & inner):
            around = np.zeros_like(u)
            around[1:-1, 1:-1] = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
            u[color] = 0.25 * (around - f)[color]
    return np.sum(u * u)


def relax(u, f, h, sweeps):
    for _ in range(sweeps):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h * h * f[i])


@kernel(some(9), some(9, start=1.0), wrt=(0, 1))
def two_grids(u, f):
    h = 0.125
    relax(u, f, h, 2)
    r = np.zeros_like(u)
    r[1:-1] = f[1:-1] + (u[:-2] - 2 * u[1:-1] + u[2:]) / h**2
    rc = r[::2].copy()
    rc[1:-1] = 0.25 * r[1:-2:2] + 0.5 * r[2:-1:2] + 0.25 * r[3::2]
    ec = np.zeros_like(rc)
    relax(ec, rc, 2 * h, 3)
    e = np.zeros_like(u)
    e[::2] = ec
    e[1::2] = 0.5 * (ec[:-1] + ec[1:])
    u += e
    relax(u, f, h, 1)
    return np.sum(u * u)


@kernel(some(6, 5), some(3, 3, start=1.0), wrt=(0, 1))
def convolution_by_loops(image, mask):
    m, n = image.shape
    k, l = mask.shape
    out = np.zeros((m - k + 1, n - l + 1))
    for i in range(m - k + 1):
        for j in range(n - l + 1):
            for p in range(k):
                for q in range(l):
                    out[i, j] += image[i + p, j + q] * mask[p, q]
    return np.sum(out * out)


@kernel(some(6, 5), some(3, 3, start=1.0), wrt=(0, 1))
def convolution_by_windows(image, mask):
    m, n = image.shape
    k, l = mask.shape
    out = np.zeros((m - k + 1, n - l + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.sum(image[i : i + k, j : j + l] * mask)
    return np.sum(np.tanh(out))


@kernel(positive(8), some(8) / 4, 0.05, 3, wrt=(0, 1, 2))
def shallow_water(h, hu, dt, steps):
    g = 9.81
    for _ in range(steps):
        u = hu / h
        flux_h = hu
        flux_hu = hu * u + 0.5 * g * h**2
        speed = np.abs(u) + np.sqrt(g * h)
        a = np.maximum(speed[:-1], speed[1:])
        fh = 0.5 * (flux_h[:-1] + flux_h[1:]) - 0.5 * a * (h[1:] - h[:-1])
        fhu = 0.5 * (flux_hu[:-1] + flux_hu[1:]) - 0.5 * a * (hu[1:] - hu[:-1])
        h = h.copy()
        hu = hu.copy()
        h[1:-1] -= dt * (fh[1:] - fh[:-1])
        hu[1:-1] -= dt * (fhu[1:] - fhu[:-1])
        hu[0] = -hu[1]
        hu[-1] = -hu[-2]
    return np.sum(h**2) + np.sum(hu**2)


@kernel(positive(8), 0.02, 4, wrt=(0, 1))
def burgers_with_a_limiter(u, dt, steps):
    for _ in range(steps):
        du = np.diff(u)
        r = du[:-1] / (du[1:] + 1e-3)
        phi = np.maximum(0.0, np.minimum(1.0, r))
        left = u[1:-1] + 0.5 * phi * du[1:]
        flux = 0.5 * left**2
        u[2:-1] -= dt * (flux[1:] - flux[:-1])
    return np.sum(u**2)


@kernel(some(6, 6), some(6, 6, start=1.0), 3, wrt=(0, 1))
def gray_scott(U, V, steps):
    for _ in range(steps):
        u, v = U[1:-1, 1:-1], V[1:-1, 1:-1]
        Lu = U[:-2, 1:-1] + U[1:-1, :-2] - 4 * u + U[1:-1, 2:] + U[2:, 1:-1]
        Lv = V[:-2, 1:-1] + V[1:-1, :-2] - 4 * v + V[1:-1, 2:] + V[2:, 1:-1]
        uvv = u * v * v
        u += 0.16 * Lu - uvv + 0.06 * (1 - u)
        v += 0.08 * Lv + uvv - 0.12 * v
    return np.sum(U * V) + np.sum(V)


@kernel(some(2, 4, 4), positive(2, 4, 4), 2, wrt=(0, 1))
def lattice_boltzmann_like(f, w, steps):
    for _ in range(steps):
        f = np.stack([np.roll(f[0], 1, axis=0), np.roll(f[1], -1, axis=1)])
        rho = f.sum(axis=0)
        feq = w * rho * (1 + 0.5 * np.tanh(rho))
        f += -0.6 * (f - feq)
        f[:, 0, :] = f[::-1, 1, :]
    return np.sum(f**2)
