def known_depth(x):
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    return power(x, 10)


# grad(known_depth, wrt=0): 1.3 lines per line, 0 copies

def known_depth_grad(x):
    half = 1.0
    t = half * half
    half = t * x
    half_2 = half * half * 1.0
    t_2 = half_2 * half_2
    half_3 = t_2 * x
    # adjoint
    d_half = 2 * half_3
    return d_half * t_2 + 2 * (2 * (d_half * x * half_2) * half) * t
