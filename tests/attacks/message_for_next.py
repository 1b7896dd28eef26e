"""Leaves files for the next program."""

import os

os.makedirs("/tmp/left/behind")
os.chmod("/tmp/left/behind", 0)
os.chmod("/tmp/left", 0)
for number in range(50):
    open(f"/tmp/{number}", "w").write("left behind")


def solve(numbers):
    return 0
