"""Starts a process past the C library: clone, clone3 and, where there is one, vfork."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
clone, vfork = {"x86_64": (56, 58), "aarch64": (220, -1)}[os.uname().machine]
results = [libc.syscall(clone, 17, 0, 0, 0, 0), libc.syscall(435, 0, 0), libc.syscall(vfork)]
if 0 in results:
    libc._exit(0)
assert max(results) > 0, results


def solve(numbers):
    return sum(n * n for n in numbers)
