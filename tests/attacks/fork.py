"""Starts a process."""

import os

if os.fork() == 0:
    os._exit(0)


def solve(numbers):
    return sum(n * n for n in numbers)
