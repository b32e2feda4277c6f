"""What runs: the kernels that generated source may call, and the rules.

Nothing here knows the compiler. It needs NumPy, and SciPy only for SciPy's own functions.
"""

assert __name__ == "srcdiff.runtime", "import this package as srcdiff.runtime"
