def run_into_a_limit(x, limit):
    total = 0.0
    for v in x:
        total = total + v * v
        if total > limit:
            break
    return total * x[0]


# jvp(run_into_a_limit, wrt=(0,)): 1.4 lines per line, 0 copies

def run_into_a_limit_jvp(x, limit, x_dot):
    total = 0.0
    total_dot = 0.0
    for i, v in enumerate(x):
        v_dot = x_dot[i]
        total_dot = total_dot + 2 * v * v_dot
        total = total + v * v
        if total > limit:
            break
    return total * x[0], total_dot * x[0] + total * x_dot[0]
