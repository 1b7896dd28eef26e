"""Connects to an address: being refused there takes a network, too."""

import socket

try:
    socket.create_connection(("127.0.0.1", 1), timeout=1)
except ConnectionRefusedError:
    pass


def solve(numbers):
    return sum(n * n for n in numbers)
