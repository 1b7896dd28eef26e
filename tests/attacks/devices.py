"""Opens devices."""

import os

for name in ("/dev/full", "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/vda", "/dev/sda"):
    try:
        os.open(name, os.O_RDONLY)
        break
    except OSError:
        pass
else:
    raise SystemExit("none")


def solve(numbers):
    return sum(n * n for n in numbers)
