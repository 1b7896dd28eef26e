"""Is never defined."""

while True:
    pass
