"""Integrators, propagators, control, rays, optimisers and optimisers' test functions."""

import math

import numpy as np

from tests.gallery import positive, some
from tests.kernels import kernel


def lorenz(t, y, sigma, rho, beta):
    return np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])


def rk4_step(f, t, y, h, *args):
    k1 = f(t, y, *args)
    k2 = f(t + h / 2, y + h / 2 * k1, *args)
    k3 = f(t + h / 2, y + h / 2 * k2, *args)
    k4 = f(t + h, y + h * k3, *args)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@kernel(some(3), 1.0, 2.8, 0.7, 0.1, 4, wrt=(0, 1, 2, 3, 4))
def lorenz_by_rk4(y, sigma, rho, beta, h, steps):
    for i in range(steps):
        y = rk4_step(lorenz, i * h, y, h, sigma, rho, beta)
    return np.sum(y**2)


@kernel(some(3), 1.0, 2.8, 0.7, 0.5, wrt=(0, 1, 2, 3))
def lorenz_adaptive(y, sigma, rho, beta, end):
    t, h = 0.0, 0.1
    while t < end:
        h = min(h, end - t)
        k1 = lorenz(t, y, sigma, rho, beta)
        k2 = lorenz(t + h, y + h * k1, sigma, rho, beta)
        high = y + h / 2 * (k1 + k2)
        error = np.max(np.abs(high - (y + h * k1)))
        if error > 0.02:
            h = h / 2
            continue
        t += h
        y = high
        if error < 0.001:
            h *= 2
    return y @ y


@kernel(some(4, 2), some(4, 2, start=1.0), 0.05, 4, wrt=(0, 1, 2))
def leapfrog(q, p, dt, steps):
    def force(q):
        d = q[:, None, :] - q[None, :, :]
        r2 = np.sum(d**2, axis=-1) + 0.1
        return -np.sum(d / r2[..., None] ** 1.5, axis=1)

    p = p + 0.5 * dt * force(q)
    for _ in range(steps - 1):
        q = q + dt * p
        p = p + dt * force(q)
    q = q + dt * p
    p = p + 0.5 * dt * force(q)
    return 0.5 * np.sum(p**2) + np.sum(q)


@kernel(some(4), some(4, start=1.0), 0.05, 4, wrt=(0, 1, 2))
def chain_by_verlet_in_place(x, v, dt, steps):
    n = len(x)
    f = np.zeros(n)
    for s in range(steps):
        f[:] = 0.0
        for i in range(n - 1):
            stretch = x[i + 1] - x[i] - 1.0
            t = stretch + 0.25 * stretch**3
            f[i] += t
            f[i + 1] -= t
        v += dt * f
        x += dt * v
    return np.sum(v * v) + np.max(x)


@kernel(some(3), some(6, 3, start=1.0), 0.1, wrt=(0, 1, 2))
def stored_trajectory(x0, controls, dt):
    xs = np.zeros((len(controls) + 1, 3))
    xs[0] = x0
    for k, u in enumerate(controls):
        xs[k + 1] = xs[k] + dt * (np.sin(xs[k]) + u)
    return np.sum(xs**2)


@kernel(np.array([0.1, 0.2, 0.0, 0.5]), some(4, 2), positive(4), wrt=(0, 1, 2))
def mpc_rollout(state, controls, q):
    cost = 0.0
    x, y, heading, speed = state
    for accel, steer in controls:
        speed = speed + 0.1 * accel
        heading = heading + 0.1 * speed * math.tan(steer)
        x = x + 0.1 * speed * math.cos(heading)
        y = y + 0.1 * speed * math.sin(heading)
        if speed > 1.0:
            cost += 10 * (speed - 1.0) ** 2
        cost += q[0] * x**2 + q[1] * y**2 + q[2] * accel**2 + q[3] * steer**2
    return cost


def kepler(M, e):
    E = M if e < 0.8 else math.pi
    for _ in range(30):
        delta = (E - e * math.sin(E) - M) / (1 - e * math.cos(E))
        E -= delta
        if abs(delta) < 1e-13:
            break
    return E


@kernel(1.2, 0.3, 0.4, 0.7, 1.1, 0.5, 2.0, wrt=(0, 1, 2, 3, 4, 5, 6))
def propagate_orbit(a, e, inc, node, peri, M0, t):
    n = math.sqrt(1.0 / a**3)
    M = (M0 + n * t) % (2 * math.pi)
    E = kepler(M, e)
    x = a * (math.cos(E) - e)
    y = a * math.sqrt(1 - e * e) * math.sin(E)
    ci, si = math.cos(inc), math.sin(inc)
    cn, sn = math.cos(node), math.sin(node)
    cp, sp = math.cos(peri), math.sin(peri)
    X = (cn * cp - sn * sp * ci) * x + (-cn * sp - sn * cp * ci) * y
    Y = (sn * cp + cn * sp * ci) * x + (-sn * sp + cn * cp * ci) * y
    Z = sp * si * x + cp * si * y
    return X * X + 2 * Y + 3 * Z


def secular(ecco, argpo, inclo, no, bstar, tsince):
    ck2, s4, qoms2t, re = 5.413080e-4, 1.01222928, 1.88027916e-9, 6378.135
    cosio = math.cos(inclo)
    theta2 = cosio * cosio
    x3thm1 = 3.0 * theta2 - 1.0
    eosq = ecco * ecco
    betao2 = 1.0 - eosq
    betao = math.sqrt(betao2)
    a1 = (0.0743669161 / no) ** (2.0 / 3.0)
    del1 = 1.5 * ck2 * x3thm1 / (a1 * a1 * betao * betao2)
    ao = a1 * (1.0 - del1 * (0.5 * (2.0 / 3.0) + del1 * (1.0 + 134.0 / 81.0 * del1)))
    delo = 1.5 * ck2 * x3thm1 / (ao * ao * betao * betao2)
    xnodp = no / (1.0 + delo)
    aodp = ao / (1.0 - delo)
    perige = (aodp * (1.0 - ecco) - 1.0) * re
    isimp = 0
    if aodp * (1.0 - ecco) < 220.0 / re + 1.0:
        isimp = 1
    if perige < 156.0:
        s4 = perige - 78.0
        if perige < 98.0:
            s4 = 20.0
        qoms24 = ((120.0 - s4) / re) ** 4
        s4 = s4 / re + 1.0
    else:
        qoms24 = qoms2t
    tsi = 1.0 / (aodp - s4)
    eta = aodp * ecco * tsi
    etasq = eta * eta
    psisq = abs(1.0 - etasq)
    coef = qoms24 * tsi**4
    coef1 = coef / psisq**3.5
    c2 = coef1 * xnodp * (aodp * (1.0 + 1.5 * etasq + ecco * eta * (4.0 + etasq)))
    c1 = bstar * c2
    if isimp != 1:
        c1sq = c1 * c1
        d2 = 4.0 * aodp * tsi * c1sq
        tempa = 1.0 - c1 * tsince - d2 * tsince**2
    else:
        tempa = 1.0 - c1 * tsince
    xmdf = argpo + xnodp * tsince
    a = aodp * tempa**2
    if xmdf > math.pi:
        xmdf -= 2 * math.pi
    elif xmdf < -math.pi:
        xmdf += 2 * math.pi
    return a, xmdf


@kernel(0.01, 0.4, 0.9, 0.06, 0.001, 30.0, wrt=(0, 1, 2, 3, 4, 5))
def sgp4_like(ecco, argpo, inclo, no, bstar, tsince):
    a, m = secular(ecco, argpo, inclo, no, bstar, tsince)
    u = m
    for ktr in range(10):
        tem5 = 1.0 - math.cos(u) * ecco
        tem5 = (m + ecco * math.sin(u) - u) / tem5
        if abs(tem5) >= 0.95:
            tem5 = 0.95 if tem5 > 0.0 else -0.95
        u = u + tem5
        if abs(tem5) < 1.0e-12:
            break
    r = a * (1.0 - ecco * math.cos(u))
    if r < 1.0:
        return r * r
    return r * math.cos(u) + math.sin(m)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@kernel(some(4))
def rosenbrock(x):
    return rosen(x)


@kernel(some(4))
def rosenbrock_by_a_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


@kernel(some(4))
def ackley(x, a=20, b=0.2, c=2 * np.pi):
    n = len(x)
    s1 = np.sqrt(np.sum(x**2) / n)
    s2 = np.sum(np.cos(c * x)) / n
    return -a * np.exp(-b * s1) - np.exp(s2) + a + np.e


@kernel(some(4))
def griewank(x):
    i = np.arange(1, len(x) + 1)
    return np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(i))) + 1


@kernel(some(4))
def levy(x):
    w = 1 + (x - 1) / 4
    return (
        np.sin(np.pi * w[0]) ** 2
        + np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
        + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    )


@kernel(some(4))
def michalewicz(x, m=4):
    total = 0.0
    for i, xi in enumerate(x):
        total -= math.sin(xi) * math.sin((i + 1) * xi**2 / math.pi) ** (2 * m)
    return total


@kernel(0.3, 0.7, wrt=(0, 1))
def goldstein_price(x, y):
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return a * b


@kernel(some(4))
def powell(x):
    return (
        (x[0] + 10 * x[1]) ** 2
        + 5 * (x[2] - x[3]) ** 2
        + (x[1] - 2 * x[2]) ** 4
        + 10 * (x[0] - x[3]) ** 4
    )


@kernel(some(3), np.array([[3.0, 10, 30], [0.1, 10, 35]]), wrt=(0, 1))
def hartmann(x, A):
    P = 1e-4 * np.array([[3689.0, 1170, 2673], [4699, 4387, 7470]])
    alpha = [1.0, 1.2]
    outer = 0
    for i in range(len(alpha)):
        inner = 0
        for j in range(3):
            inner += A[i, j] * (x[j] - P[i, j]) ** 2
        outer += alpha[i] * math.exp(-inner)
    return -outer


@kernel(some(4))
def schwefel_and_styblinski(x):
    d = x.shape[0]
    s = 418.9829 * d - np.sum(x * np.sin(np.sqrt(np.abs(x))))
    return s + 0.5 * np.sum(x**4 - 16 * x**2 + 5 * x)


@kernel(some(3), 0.05, 20)
def descent_with_line_search(x, tol, maxiter):
    for it in range(maxiter):
        g = 2 * x + np.cos(x)
        if np.linalg.norm(g) < tol:
            break
        t = 1.0
        fx = np.sum(x**2 + np.sin(x))
        while np.sum((x - t * g) ** 2 + np.sin(x - t * g)) > fx - 0.5 * t * (g @ g):
            t *= 0.5
            if t < 1e-8:
                return fx
        x = x - t * g
    return np.sum(x**3)


@kernel(0.7, 2.0, wrt=(0, 1))
def newton_root(x, a):
    for _ in range(50):
        fx = x**3 - a
        if abs(fx) < 1e-14:
            return x
        x = x - fx / (3 * x * x)
    return x


@kernel(2.0, 0.0, 3.0)
def bisection_then_newton(a, lo, hi):
    while hi - lo > 0.25:
        mid = 0.5 * (lo + hi)
        if mid**3 > a:
            hi = mid
        else:
            lo = mid
    x = 0.5 * (lo + hi)
    while True:
        new = x - (x**3 - a) / (3 * x**2)
        if abs(new - x) < 1e-13:
            break
        x = new
    return new


def sphere(p, center, radius):
    return np.linalg.norm(p - center) - radius


@kernel(np.array([0.0, 0.0, -3.0]), np.array([0.1, 0.05, 1.0]), some(3) / 4, 1.0, wrt=(0, 1, 2, 3))
def ray_marching(origin, direction, center, radius):
    direction = direction / np.linalg.norm(direction)
    depth = 0.0
    hit = False
    for _ in range(60):
        p = origin + depth * direction
        d = min(sphere(p, center, radius), p[1] + 2.0)
        if d < 1e-12:
            hit = True
            break
        depth += d
        if depth > 20.0:
            break
    if not hit:
        return depth * 0.01
    normal = (p - center) / radius
    return depth + max(0.0, -(normal @ direction)) ** 2


@kernel(some(5))
def sorted_by_insertion(x):
    x = x.copy()
    for i in range(1, len(x)):
        key = x[i]
        j = i - 1
        while j >= 0 and x[j] > key:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = key
    return np.sum(x * np.arange(1.0, 6.0) ** 2)


@kernel(some(6))
def sorted_by_bubbles(x):
    n = len(x)
    for i in range(n):
        swapped = False
        for j in range(n - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
                swapped = True
        if not swapped:
            break
    return np.sum(x * np.arange(1.0, 7.0) ** 2)


def partition(x, lo, hi):
    pivot = x[hi]
    i = lo
    for j in range(lo, hi):
        if x[j] < pivot:
            x[i], x[j] = x[j], x[i]
            i += 1
    x[i], x[hi] = x[hi], x[i]
    return i


@kernel(some(6))
def sorted_by_quicksort_with_a_stack(x):
    stack = np.zeros(16, dtype=int)
    stack[1] = len(x) - 1
    top = 1
    while top >= 0:
        hi = stack[top]
        lo = stack[top - 1]
        top -= 2
        p = partition(x, lo, hi)
        if p - 1 > lo:
            top += 2
            stack[top - 1], stack[top] = lo, p - 1
        if p + 1 < hi:
            top += 2
            stack[top - 1], stack[top] = p + 1, hi
    return np.sum(x * np.arange(1.0, 7.0) ** 2)


@kernel(some(6), 3)
def quickselect(x, k):
    lo, hi = 0, len(x) - 1
    while lo < hi:
        p = partition(x, lo, hi)
        if p == k:
            break
        if p < k:
            lo = p + 1
        else:
            hi = p - 1
    return x[k] ** 2


@kernel(0.02, 0.3, 100.0, 95.0, 0.5, 6, wrt=(0, 1, 2, 3, 4))
def american_put(r, sigma, S, K, T, n):
    dt = T / n
    u = math.exp(sigma * math.sqrt(dt))
    d = 1 / u
    p = (math.exp(r * dt) - d) / (u - d)
    disc = math.exp(-r * dt)
    V = np.maximum(K - S * u ** np.arange(n, -n - 1, -2.0), 0)
    for i in range(n - 1, -1, -1):
        V = disc * (p * V[:-1] + (1 - p) * V[1:])
        spot = S * u ** np.arange(i, -i - 1, -2.0)
        V = np.maximum(V, K - spot)
    return V[0]


@kernel(100.0, 0.02, 0.3, some(3, 4), wrt=(0, 1, 2))
def barrier_option(S0, r, sigma, z):
    n, steps = z.shape
    dt = 1.0 / steps
    payoff = 0.0
    for i in range(n):
        s = S0
        alive = True
        for k in range(steps):
            s *= math.exp((r - 0.5 * sigma**2) * dt + sigma * math.sqrt(dt) * z[i, k])
            if s < 75.0:
                alive = False
                break
        if alive:
            payoff += max(s - 90.0, 0.0)
    return payoff / n


@kernel(some(4, 2), positive(4), 0.05, 2, wrt=(0, 1, 2))
def lennard_jones_with_cutoff(pos, sigma, dt, steps):
    n = len(pos)
    vel = np.zeros_like(pos)
    for _ in range(steps):
        force = np.zeros_like(pos)
        for i in range(n):
            for j in range(i + 1, n):
                d = pos[i] - pos[j]
                r2 = d @ d + 0.3
                if r2 > 4.0:
                    continue
                s6 = (0.25 * sigma[i] * sigma[j] / r2) ** 3
                f = 24 * (2 * s6**2 - s6) / r2 * d
                force[i] += f
                force[j] -= f
        vel += dt * force
        pos += dt * vel
    return np.sum(pos**2) + np.sum(vel)


@kernel(positive(3), some(3, 3), 0.1, 4, wrt=(0, 1, 2))
def hodgkin_huxley_like(V, w, dt, steps):
    m = np.full_like(V, 0.1)
    spikes = 0
    trace = []
    for _ in range(steps):
        alpha = 0.1 * (V + 4) / (1 - np.exp(-(V + 4) / 10))
        beta = 4 * np.exp(-V / 18)
        m += dt * (alpha * (1 - m) - beta * m)
        V = V + dt * (-(m**3) * (V - 5) + w @ np.tanh(V))
        spikes += np.sum(V > 1.5)
        trace.append(V)
    return np.sum(np.array(trace) ** 2) + spikes


@kernel(some(2), some(2, 2), 3, wrt=(0, 1))
def implicit_euler_with_newton(y, A, steps):
    h = 0.1
    for _ in range(steps):
        z = y.copy()
        for _ in range(4):
            F = z - y - h * (A @ np.tanh(z))
            J = np.eye(2) - h * A * (1 - np.tanh(z) ** 2)
            z -= np.linalg.solve(J, F)
        y = z
    return y @ y
