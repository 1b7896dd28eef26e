"""Makes thousands of files."""

for number in range(5000):
    open(f"/tmp/{number}", "w").close()


def solve(numbers):
    return sum(n * n for n in numbers)
