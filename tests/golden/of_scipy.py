def of_scipy(a, x):
    return logsumexp(a * x) + np.sum(xlogy(x, a))


# grad(of_scipy, wrt=(0, 1)): 5.5 lines per line, 0 copies

def of_scipy_grad(a, x):
    t = a * x
    total = logsumexp(t)
    # adjoint
    test = x == 0
    where = np.where(test, 1, a)
    total = np.where(total == float('-inf'), 0, total)
    test_2 = t == float('inf')
    share = np.where(test_2, 1, np.exp(np.where(test_2, 0, t - total)))
    d_y = share * a
    d_y += np.log(a)
    return np.sum(np.where(test, 0, x / where)) + np.sum(share * x), d_y
