"""Connects to an address."""

import socket

socket.create_connection(("1.1.1.1", 80), timeout=1)


def solve(numbers):
    return sum(n * n for n in numbers)
