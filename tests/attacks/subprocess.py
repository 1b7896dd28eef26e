"""Runs a command."""

import subprocess

subprocess.run(["/bin/sh", "-c", "true"], check=True)


def solve(numbers):
    return sum(n * n for n in numbers)
