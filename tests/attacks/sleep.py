"""Sleeps until the deadline has passed."""

import time


def solve(numbers):
    time.sleep(3600)
