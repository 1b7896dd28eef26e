"""Leaves a process behind."""

import os

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            pass
    os._exit(0)


def solve(numbers):
    return sum(n * n for n in numbers)
