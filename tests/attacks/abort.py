"""Ends by abort."""

import os


def solve(numbers):
    os.abort()
