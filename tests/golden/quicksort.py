def quicksort(x):
    def sort(v):
        if len(v) <= 1:
            return v
        p = v[0]
        return np.concatenate([sort(v[v < p]), v[v == p], sort(v[v > p])])

    return np.sum(sort(x) * np.arange(6.0))


# grad(quicksort, wrt=0): 4.0 lines per line, 0 copies

def sort_vjp(v):
    if len(v) <= 1:
        result = v
    else:
        p = v[0]
        test = v < p
        a, pull_sort = sort_vjp(v[test])
        test_2 = v == p
        a_2 = v[test_2]
        test_3 = v > p
        a_3, pull_sort_2 = sort_vjp(v[test_3])
        result = np.concatenate([a, a_2, a_3])

    def pull(d_out):
        if not len(v) <= 1:
            n = a.shape[0]
            start = n + a_2.shape[0]
            d_out_view = d_out[0:n]
            d_out_view_2 = d_out[start:start + a_3.shape[0]]
            d_v = np.zeros_like(v)
            d_v[test_3] = pull_sort_2(unbroadcast(d_out_view_2, a_3.shape))
            d_v[test_2] += unbroadcast(d_out[n:start], a_2.shape)
            d_v[test] += pull_sort(unbroadcast(d_out_view, a.shape))
            d_out = d_v
        return d_out
    return result, pull


def quicksort_grad(x):
    sort, pull_sort = sort_vjp(x)
    # adjoint
    return pull_sort(unbroadcast(np.arange(6.0), sort.shape))
