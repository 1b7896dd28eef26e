"""Takes eight gigabytes."""

data = bytearray(8 << 30)
for place in range(0, len(data), 4096):
    data[place] = 1


def solve(numbers):
    return sum(n * n for n in numbers)
