"""Control flow."""

import numpy as np

from tests.gallery import some
from tests.support import line


@line("`while True` left by `break`", some(3))
def while_true(x):
    y = x * 1.0
    while True:
        y = y * 1.5
        if np.sum(y**2) > 9.0:
            break
    return np.sum(y)
