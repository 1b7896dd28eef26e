"""Mounts a file system."""

import ctypes

assert ctypes.CDLL(None).mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0


def solve(numbers):
    return sum(n * n for n in numbers)
