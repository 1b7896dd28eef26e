"""Looks for secrets in its environment."""

import os

assert set(os.environ) - {"PYTHONHASHSEED", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "HOME", "LC_CTYPE", "PWD"}


def solve(numbers):
    return sum(n * n for n in numbers)
