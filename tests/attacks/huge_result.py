"""Returns hundreds of megabytes."""

def solve(numbers):
    return "x" * (300 << 20)
