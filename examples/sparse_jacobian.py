"""A sparse Jacobian: Newton's method for a partial differential equation, with a few products.

A flame in a square, -Δu = s exp(u): each residual reads five of the unknowns. Which ones is found
from the program; columns that share no row are made together, seven products for all of them.
"""

import inspect

import numpy as np
from scipy.sparse.linalg import spsolve

from srcdiff import jacobian, jacobian_sparsity


def residual(u, strength):
    n = int(round(len(u) ** 0.5))
    inside = np.zeros((n + 2, n + 2))
    inside[1:-1, 1:-1] = u.reshape(n, n)
    total = inside[2:, 1:-1] + inside[:-2, 1:-1] + inside[1:-1, 2:] + inside[1:-1, :-2]
    out = (4 * inside[1:-1, 1:-1] - total) * (n + 1) ** 2 - strength * np.exp(inside[1:-1, 1:-1])
    return out.reshape(-1)


gradient = jacobian(residual, sparsity="auto")
arguments = (np.zeros(24 * 24), 5.0)


def main():
    u, strength = arguments
    print(inspect.getsource(residual))
    pattern = jacobian_sparsity(residual)(*arguments)
    print("entries:", pattern.nnz, "of", pattern.shape[0] * pattern.shape[1])
    for _ in range(6):
        matrix = gradient(u, strength)
        u = u - spsolve(matrix.tocsc(), residual(u, strength))
        print("left:", np.abs(residual(u, strength)).max())
    print("hottest:", u.max())
    print("gradient, a product:")
    print(gradient.source)


if __name__ == "__main__":
    main()
