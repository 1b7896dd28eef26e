"""Generator of short, verifiable Python programming tasks.

A task is a typed composition of operations.  One tree of operations is rendered three ways: as an English
sentence (the docstring), as a reference body, and as tests: the reference's results on edge and random inputs.
"""
