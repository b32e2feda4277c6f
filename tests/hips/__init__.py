"""HIPS autograd's own test suite, judging srcdiff: `python -m tests.hips UNPACKED_SOURCE`.

The package `autograd` in this folder has autograd's names and srcdiff's derivatives. Its
`autograd.numpy` is NumPy. It is for the tests alone, and is not shipped.
"""
