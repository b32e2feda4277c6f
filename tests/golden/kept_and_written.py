def kept_and_written(x, n):
    best = x
    for i in range(n):
        trial = x * np.cos(i + 1.0)
        if np.sum(trial) > np.sum(best):
            best = trial
        best[0] += 0.1
    return np.sum(best**2)


# grad(kept_and_written, wrt=0): 4.4 lines per line, 1 copies

def kept_and_written_grad(x, n):
    best = np.empty_like(x)
    stack = []
    x = x.copy()
    tag = False
    for i in range(n):
        cos = np.cos(i + 1.0)
        trial = x * cos
        best_2 = best if tag else x
        test = np.sum(trial) > np.sum(best_2)
        stack.append((cos, test))
        if test:
            trial[0] += 0.1
            best = trial
            tag = True
        elif tag:
            best[0] += 0.1
        else:
            x[0] += 0.1
    if not tag:
        best = x
    # adjoint
    d_trial = 2 * best
    if tag:
        d_x = np.zeros_like(best)
    else:
        d_trial, d_x = np.zeros_like(best), d_trial
    for _ in range(n):
        cos, test = stack.pop()
        if test:
            d_best = np.zeros_like(best)
        else:
            d_trial, d_best = np.zeros_like(best), d_trial
        d_x = d_x + d_trial * cos
        d_trial = d_best
    return d_x
