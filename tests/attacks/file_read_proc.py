"""Reads about itself and others in /proc."""

open("/proc/self/status").read()


def solve(numbers):
    return sum(n * n for n in numbers)
