"""Reaches out by a symbolic link."""

import os

os.symlink("/etc/passwd", "/tmp/link")
open("/tmp/link").read()


def solve(numbers):
    return sum(n * n for n in numbers)
