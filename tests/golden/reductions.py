def reductions(m):
    return np.sum(m.mean(axis=0) ** 2) + np.prod(m[0]) + m.max() * m.min() + m.sum(axis=1)[1]


# grad(reductions, wrt=0): 10.5 lines per line, 0 copies

def reductions_grad(m):
    max_m = m.max()
    min_m = m.min()
    # adjoint
    d_sum_m = np.zeros_like(m.sum(axis=1))
    d_sum_m[1] = 1.0
    hits = m == min_m
    d_m = max_m * hits / np.sum(hits, axis=None, keepdims=True)
    d_m += d_sum_m[..., None]
    hits = m == max_m
    d_m += min_m * hits / np.sum(hits, axis=None, keepdims=True)
    m_view_view = m[0].ravel()
    head = np.full_like(m_view_view[0:1], 1.0)
    before = np.cumprod(np.concatenate((head, m_view_view[:-1]), axis=0), axis=0)
    m_view_view_view = np.flip(m_view_view, 0)
    head = np.full_like(m_view_view_view[0:1], 1.0)
    m_view_view_view_view = m_view_view_view[:-1]
    cumprod_concatenate_head_view = np.flip(np.cumprod(np.concatenate((head,
        m_view_view_view_view), axis=0), axis=0), 0)
    d_m[0] += (before * cumprod_concatenate_head_view).reshape((m[0].shape[0],))
    d_m += 2 * m.mean(axis=0) / m.shape[0]
    return d_m
