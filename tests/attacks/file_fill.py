"""Fills the private directory."""

import os

for number in range(100):
    with open(f"/tmp/fill-{number}", "wb") as file:
        file.write(os.urandom(1 << 20))


def solve(numbers):
    return sum(n * n for n in numbers)
