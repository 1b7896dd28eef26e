"""Reads a file of the system."""

open("/etc/passwd").read()


def solve(numbers):
    return sum(n * n for n in numbers)
