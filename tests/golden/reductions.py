def reductions(m):
    return np.sum(m.mean(axis=0) ** 2) + np.prod(m[0]) + m.max() * m.min() + m.sum(axis=1)[1]


# grad(reductions, wrt=0)

def reductions_grad(m):
    mean_m = m.mean(axis=0)
    m_view = m[0]
    max_m = m.max()
    min_m = m.min()
    # adjoint
    d_sum_m = np.zeros_like(m.sum(axis=1))
    d_sum_m[1] = 1.0
    n = m.shape[0]
    n_2 = m.shape[1]
    d_m = np.broadcast_to(d_sum_m[..., None], (n, n_2))
    test = m == min_m
    t = max_m * test
    test_2 = m == max_m
    ravel_m_view = np.ravel(m_view)
    head = np.full_like(ravel_m_view[0:1], 1.0)
    before = np.cumprod(np.concatenate((head, ravel_m_view[:-1]), axis=0), axis=0)
    ravel_m_view_view = np.flip(ravel_m_view, 0)
    ravel_m_view_view_view = ravel_m_view_view[0:1]
    concatenate_head = np.concatenate((np.full_like(ravel_m_view_view_view, 1.0),
        ravel_m_view_view[:-1]), axis=0)
    t_2 = before * np.flip(np.cumprod(concatenate_head, axis=0), 0)
    d_m = (d_m + t / np.sum(test, axis=None, keepdims=True) + min_m * test_2 / np.sum(test_2,
        axis=None, keepdims=True)).copy()
    d_m[0] += 1.0 * np.reshape(t_2, (m_view.shape[0],))
    return d_m + np.broadcast_to(2 * mean_m / n, (n, n_2))
