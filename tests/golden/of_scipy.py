def of_scipy(a, x):
    return logsumexp(a * x) + np.sum(xlogy(x, a))


# grad(of_scipy, wrt=(0, 1)): 5.0 lines per line, 0 copies

def of_scipy_grad(a, x):
    t = a * x
    total = logsumexp(t)
    # adjoint
    origin = (x == 0) & (a == 0)
    total = np.where(total == float('-inf'), 0, total)
    test = t == float('inf')
    share = np.where(test, 1, np.exp(np.where(test, 0, t - total)))
    d_y = share * a
    d_y += np.log(a)
    return np.sum(x / np.where(origin, 1, a)) + np.sum(share * x), d_y
