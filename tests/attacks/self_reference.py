"""Returns a list that holds itself."""

def solve(numbers):
    result = []
    result.append(result)
    return result
