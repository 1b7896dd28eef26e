"""Never answers."""

def solve(numbers):
    while True:
        pass
