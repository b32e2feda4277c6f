# ruff: noqa - kept as the fuzzer wrote it
"""Was crashed: UnboundLocalError: a temporary of the generated code was named `any` as well"""

import numpy as np

def f(y):
    s2 = 2.0 if any(y) else y[0]
    return s2

def args():
    return (np.array([1.44, 1.12, -0.9]),)
WRT = ('y',)
