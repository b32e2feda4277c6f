def kept_and_written(x, n):
    best = x
    for i in range(n):
        trial = x * np.cos(i + 1.0)
        if np.sum(trial) > np.sum(best):
            best = trial
        best[0] += 0.1
    return np.sum(best**2)


# grad(kept_and_written, wrt=0): 7.9 lines per line, 4 copies

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
        stack.append((tag, cos, test))
        if test:
            best_2 = trial
        elif tag:
            best_2 = best
        else:
            best_2 = x
        t = best_2[0] + 0.1
        if test:
            trial[0] = t
            best = trial
            tag = True
        elif tag:
            best[0] = t
        else:
            x[0] = t
    if not tag:
        best = x
    # adjoint
    d_trial = 2 * best
    if tag:
        d_x = np.zeros_like(best)
    else:
        d_best = np.zeros_like(best)
        d_trial, d_x = d_best, d_trial
    for _ in range(n):
        best_is_new, cos, test = stack.pop()
        if test:
            d_t = d_trial[0]
            d_trial = d_trial.copy()
            d_trial[0] = 0.0
            d_best = np.zeros_like(best)
        else:
            if best_is_new:
                d_t = d_trial[0]
                d_trial = d_trial.copy()
                d_trial[0] = 0.0
            else:
                d_t = d_x[0]
                d_x = d_x.copy()
                d_x[0] = 0.0
            d_trial_2 = np.zeros_like(best)
            d_trial, d_best = d_trial_2, d_trial
        d_best_2 = np.zeros_like(best)
        d_best_2[0] = d_t
        if test:
            d_trial = d_trial + d_best_2
        elif best_is_new:
            d_best = d_best + d_best_2
        else:
            d_x = d_x + d_best_2
        d_x = d_x + d_trial * cos
        d_trial = d_best
    return d_x
