"""Whole numerical programs compile, and their gradients are right."""

import pytest

from tests.judge import right
from tests.kernels import Kernel, kernels


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: kernel.name)
def test_the_gradient_of_a_kernel(kernel: Kernel):
    right(kernel.f, *kernel.args, wrt=kernel.wrt)
