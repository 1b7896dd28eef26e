"""Prints without end."""

def solve(numbers):
    while True:
        print("passed" * 1000)
