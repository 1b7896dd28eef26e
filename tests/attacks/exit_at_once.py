"""Ends with success while it is defined."""

import sys

sys.exit(0)
