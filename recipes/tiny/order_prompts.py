#!/usr/bin/env python3
"""Prompts for `unmask analyze`: the same functions, once to be written from their sentence and once to be described.

    order_prompts.py code PROBLEMS.jsonl > code.jsonl       the body is to be written
    order_prompts.py prose PROBLEMS.jsonl > prose.jsonl     the sentence is to be written, between the heading and the body

PROBLEMS come from tasks.py; only those in the format `completion` are taken.  --every N takes every Nth of these, the same
ones for both kinds, so that each level keeps its share:

    order_prompts.py code --every 3 PROBLEMS.jsonl
"""

import argparse
import json
import sys

QUOTES = '"""'


def prompt_of(problem: dict[str, str], kind: str) -> dict[str, str]:
    """The prompt of that kind; raises ValueError if the problem has no sentence."""
    if kind == "code":
        return {"task_id": problem["task_id"], "prompt": problem["prompt"]}
    heading, _, rest = problem["prompt"].split(QUOTES, 2)
    return {"task_id": problem["task_id"], "prompt": heading + QUOTES,
            "suffix": QUOTES + rest + problem["canonical_solution"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("code", "prose"))
    parser.add_argument("problems", help="JSON Lines of tasks.py")
    parser.add_argument("--every", type=int, default=1, help="one problem of so many")
    options = parser.parse_args()
    try:
        with open(options.problems, encoding="utf-8") as lines:
            completions = [problem for problem in map(json.loads, lines) if problem["format"] == "completion"]
        for problem in completions[::options.every]:
            print(json.dumps(prompt_of(problem, options.kind)))
    except (OSError, ValueError, KeyError) as reason:
        sys.exit(f"order_prompts.py: {reason}")


if __name__ == "__main__":
    main()
