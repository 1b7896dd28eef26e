#!/usr/bin/env python3
"""Generate synthetic tasks: training documents or problems with tests, the same for the same seed.

    tasks.py documents --count N [--split train] [--formats completion=55,infilling=45] [--weights 4,22,18,22,18,16]
    tasks.py problems --per-level N --split test [--levels 1,2,3,4,5,6] [--formats completion,chat,infilling]
    tasks.py problems --count N --split train --levels 5,6 --formats completion,chat

Writes JSON Lines to standard output; README.md describes their members, the levels and the splits.
"""

import argparse
import json
import os
import sys

from taskgen.formats import FORMATS
from taskgen.generate import DEFAULT_FORMATS, DEFAULT_WEIGHTS, LEVELS, documents, problems
from taskgen.splits import EVALUATION, TRAIN


def parse_weights(text: str) -> tuple[float, ...]:
    """One weight for each level."""
    weights = tuple(float(part) for part in text.split(","))
    if len(weights) != len(LEVELS) or min(weights) < 0 or not any(weights):
        raise argparse.ArgumentTypeError(f"expected {len(LEVELS)} comma-separated weights, one a level, got {text!r}")
    return weights


def parse_shares(text: str) -> dict[str, float]:
    """Formats with their shares, such as completion=55,infilling=45."""
    shares = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        if name not in FORMATS or name in shares:
            raise argparse.ArgumentTypeError(f"expected each of {', '.join(FORMATS)} at most once, got {name!r}")
        shares[name] = float(share or 1)
    if min(shares.values()) < 0 or not any(shares.values()):
        raise argparse.ArgumentTypeError(f"expected shares of which none is negative and one is positive, got {text!r}")
    return shares


def parse_formats(text: str) -> tuple[str, ...]:
    return tuple(parse_shares(text))


def parse_levels(text: str) -> tuple[int, ...]:
    levels = tuple(int(part) for part in text.split(","))
    if not set(levels) <= set(LEVELS) or len(set(levels)) < len(levels):
        raise argparse.ArgumentTypeError(f"expected different levels from 1 to {len(LEVELS)}, got {text!r}")
    return levels


def parse_size(text: str) -> int:
    size = int(text)
    if size < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text}")
    return size


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("documents", help="training documents")
    make.add_argument("--count", type=parse_size, required=True)
    make.add_argument("--split", choices=(TRAIN, *EVALUATION), default=TRAIN)
    make.add_argument("--weights", type=parse_weights, default=DEFAULT_WEIGHTS, help="of the levels")
    make.add_argument("--formats", type=parse_shares, default=DEFAULT_FORMATS, help="with their shares")
    make.add_argument("--seed", type=int, default=0)
    test = commands.add_parser("problems", help="problems with tests")
    size = test.add_mutually_exclusive_group(required=True)
    size.add_argument("--per-level", type=parse_size)
    size.add_argument("--count", type=parse_size, help="of all levels together, divided evenly")
    test.add_argument("--split", choices=(TRAIN, *EVALUATION), required=True)
    test.add_argument("--levels", type=parse_levels, default=tuple(LEVELS))
    test.add_argument("--formats", type=parse_formats, default=FORMATS, help="which take turns in a level")
    test.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    if options.command == "documents":
        rows = documents(options.split, options.seed, options.count, options.weights, options.formats)
    else:
        per_level = options.per_level or -(-options.count // len(options.levels))
        rows = problems(options.split, options.seed, per_level, options.levels, options.formats)
    try:
        for row in rows:
            print(json.dumps(row))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
