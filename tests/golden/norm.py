def norm(x):
    return np.linalg.norm(x)


# grad(norm, wrt=0): 1.5 lines per line, 0 copies

def norm_grad(x):
    norm_x = np.linalg.norm(x)
    # adjoint
    return x / np.where(norm_x == 0, 1, norm_x)
