"""Sends handles, tags and depths that are not there."""

import random
import sys

main = sys.modules["__main__"]


def write(descriptor, body):
    import os
    import struct
    noise = bytes(random.randrange(256) for _ in range(200))
    os.write(descriptor, struct.pack("<I", len(noise)) + noise)


main.write_frame = write


def solve(numbers):
    return 0
