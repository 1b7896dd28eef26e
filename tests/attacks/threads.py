"""Starts two thousand threads."""

import threading
import time

threading.stack_size(131072)  # the least on ARM
for _ in range(2000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def solve(numbers):
    return sum(n * n for n in numbers)
