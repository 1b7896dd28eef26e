"""Generator of short, verifiable Python programming tasks.

A task is a typed composition of operations.  One tree of operations is rendered three ways: an English
sentence (the docstring), a reference body and tests, which are the reference run on edge and random inputs.
"""
