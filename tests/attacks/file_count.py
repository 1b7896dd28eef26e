"""Makes as many files as it likes."""

for number in range(10000000):
    open(f"/tmp/{number}", "w").close()


def solve(numbers):
    return sum(n * n for n in numbers)
