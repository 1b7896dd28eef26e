"""Becomes another program."""

import os

os.execve("/usr/bin/env", ["env"], {})


def solve(numbers):
    return sum(n * n for n in numbers)
