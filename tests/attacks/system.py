"""Runs a shell."""

import os

assert os.system("true") == 0


def solve(numbers):
    return sum(n * n for n in numbers)
