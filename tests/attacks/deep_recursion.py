"""Recurses as deep as it can."""

import sys

sys.setrecursionlimit(1 << 30)


def solve(numbers):
    return solve(numbers) + 1
