"""Returns a small object that is huge when it is written out."""

def solve(numbers):
    result = [0] * 10
    for _ in range(20):
        result = [result] * 10
    return result
