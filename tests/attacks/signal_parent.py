"""Kills its parent."""

import os
import signal

os.kill(os.getppid(), signal.SIGKILL)


def solve(numbers):
    return sum(n * n for n in numbers)
