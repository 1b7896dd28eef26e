"""Returns a number of a hundred million bits."""

def solve(numbers):
    return 1 << 100000000
