"""Ends by a signal."""

import ctypes


def solve(numbers):
    ctypes.string_at(0)
