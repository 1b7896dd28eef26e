"""Stops itself."""

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)


def solve(numbers):
    return sum(n * n for n in numbers)
