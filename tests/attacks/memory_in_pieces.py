"""Takes memory until there is none."""

pieces = []
for _ in range(4000):
    pieces.append(bytearray(1 << 20))


def solve(numbers):
    return sum(n * n for n in numbers)
