#!/usr/bin/env python3
"""Which problems have twins in the training documents: the same operations under another key.

    twins.py PROBLEMS.jsonl DOCUMENTS.jsonl... [--run DIR]

The splits (taskgen/splits.py) hold keys apart, but some keys name the same operations: with an argument in place of a
constant, as a replacement or as a choice, over the values of a dictionary's entries or of a dictionary, or with the
branches of a choice exchanged.  A table tells how many problems of each level have a twin or their very key among the
documents, and with a run of `unmask eval`, what share of the problems with and without either passes.
"""

import argparse
import collections
import json
import re
import sys
from typing import Any, Iterator

from intervals import interval
from reports import read_shares

ARGUMENT_KINDS = ("small", "modulus", "digit", "length", "letter")
PIPELINES = ("numbers", "words", "characters", "sentence", "entries")
COMPLEMENTS = {"odd": "even", "less": "at_least", "at_most": "greater", "differs": "equals"}
CONDITION = re.compile(r"^(if|each)\((\w+)\)$")
VALUE = re.compile(r"\(v,(\w+)\)$")


def without_argument(parts: list[str]) -> list[str]:
    """A pipeline of level 5 with an argument in place of a constant: the same with the constant."""
    if parts[0] in PIPELINES and len(parts) > 2 and parts[-1] in ARGUMENT_KINDS:
        return parts[:-1]
    return parts


def as_choice(parts: list[str]) -> list[str]:
    """KIND/replace_if/if(p)/map(m) as KIND/each(p)/m/same."""
    if len(parts) == 4 and parts[1] in ("replace_if", "words_replace"):
        return [parts[0], "each" + parts[2][2:], parts[3][4:-1], "same"]
    return parts


def as_entries(parts: list[str]) -> list[str]:
    """The values of a dictionary's entries: operations on v alone are those on the values."""
    if parts[0] != "table" or parts[1] != "v" or not all(VALUE.search(part) for part in parts[2:]):
        return parts
    return ["entries", *(VALUE.sub(r"(\1)", part) for part in parts[2:]), "list"]


def with_first_branch(parts: list[str]) -> list[str]:
    """A choice between two branches: by the same one of two complementary conditions."""
    for place, part in enumerate(parts):
        match = CONDITION.match(part)
        if match and place + 3 == len(parts):
            condition = match[2]
            other = condition[4:] if condition.startswith("not_") else COMPLEMENTS.get(condition)
            if other:
                return [*parts[:place], f"{match[1]}({other})", parts[-1], parts[-2]]
    return parts


def canonical(level: int, key: str) -> str:
    """One name for the operations of keys that mean the same."""
    parts = key.split("/")
    if level == 5:
        parts = without_argument(parts)
    for rule in (as_choice, as_entries, with_first_branch):
        parts = rule(parts)
    return "/".join(parts)


def read_rows(path: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def known_forms(paths: list[str]) -> set[str]:
    """The canonical keys of the documents of all files."""
    keys = {(row["level"], row["key"]) for path in paths for row in read_rows(path) if row.get("key")}
    return {canonical(level, key) for level, key in keys}


def rate(shares: list[float]) -> str:
    if not shares:
        return "-"
    low, high = interval(shares)
    return f"{100 * sum(shares) / len(shares):.1f} ({100 * low:.0f}-{100 * high:.0f}) of {len(shares)}"


def print_row(name: str, parts: dict[bool, list[dict[str, Any]]], passed: dict[str, float] | None) -> None:
    rates = [rate([passed[problem["task_id"]] for problem in parts[known]]) for known in (True, False)] if passed else []
    print(f"{name:>5}  {len(parts[True]) + len(parts[False]):8}  {len(parts[True]):5}  " + ",  ".join(rates))


def print_table(problems: list[dict[str, Any]], forms: set[str], passed: dict[str, float] | None) -> None:
    groups = collections.defaultdict(list)
    for problem in problems:
        groups[problem["level"], canonical(problem["level"], problem["key"]) in forms].append(problem)
    levels = sorted({level for level, _ in groups})
    combined = [level for level in levels if level > 1]
    print("level  problems  known" + ("  pass@1 of the known, of the others" if passed else ""))
    for level in levels:
        print_row(str(level), {known: groups[level, known] for known in (True, False)}, passed)
    print_row(f"{combined[0]}-{combined[-1]}" if combined else "",
              {known: [problem for level in combined for problem in groups[level, known]] for known in (True, False)}, passed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", help="JSON Lines of tasks.py problems")
    parser.add_argument("documents", nargs="+", help="JSON Lines of tasks.py documents")
    parser.add_argument("--run", metavar="DIR", help="output of `unmask eval` on these problems")
    options = parser.parse_args()
    passed = read_shares(options.run) if options.run else None
    try:
        problems = list(read_rows(options.problems))
        if passed is not None and any(problem["task_id"] not in passed for problem in problems):
            raise ValueError(f"{options.run} is not a run on all problems of {options.problems}")
        print_table(problems, known_forms(options.documents), passed)
    except (OSError, ValueError, KeyError) as reason:
        sys.exit(f"twins.py: {reason}")


if __name__ == "__main__":
    main()
