"""Returns a list that is nested a hundred thousand times."""

def solve(numbers):
    result = []
    for _ in range(100000):
        result = [result]
    return result
