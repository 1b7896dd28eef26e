#!/usr/bin/env python3
"""Generate synthetic tasks: training documents or test sets, the same for the same seed.

    tasks.py documents --count N [--split train] [--seed S] [--weights 5,15,20,30,15,15]  > documents.jsonl
    tasks.py tests --per-level N --split validation|test|final|wording [--seed S]         > tests.jsonl

Documents are JSON Lines with prompt, completion, level and key.  Tests are in HumanEval form (task_id, prompt,
entry_point, canonical_solution, test) with level and key.  README.md describes the levels and the splits.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from random import Random

from taskgen.generate import DEFAULT_WEIGHTS, LEVELS, distinct_tasks
from taskgen.inputs import Degenerate, make_cases, test_text
from taskgen.splits import EVALUATION, TRAIN
from taskgen.task import Task


def document(task: Task) -> dict[str, object]:
    """The training document of a task."""
    return {"prompt": task.prompt, "completion": task.completion, "level": task.level, "key": task.key_text}


def problem(task: Task, task_id: str, random: Random) -> dict[str, object]:
    """The task as a problem in HumanEval form.  Raises Degenerate if tests cannot tell a wrong answer."""
    return {"task_id": task_id, "prompt": task.prompt, "entry_point": task.entry_point,
            "canonical_solution": task.completion, "test": test_text(make_cases(task, random)),
            "level": task.level, "key": task.key_text}


def documents(split: str, seed: int, count: int, weights: tuple[float, ...]) -> Iterator[dict[str, object]]:
    """`count` documents of a split, or fewer if the weights leave too few distinct ones."""
    return map(document, islice(distinct_tasks(seed, split, weights), count))


def problems(split: str, seed: int, per_level: int) -> Iterator[dict[str, object]]:
    """Up to `per_level` problems of each level of a split, with as many different keys as there are."""
    for level in LEVELS:
        weights = tuple(float(level == other) for other in LEVELS)
        random = Random(f"{seed}/{split}/tests/{level}")
        keys: dict[str, int] = {}
        made = 0
        # A key comes back only after the stream has shown that new keys are rare.
        for drawn, task in enumerate(islice(distinct_tasks(seed, split, weights), 30 * per_level)):
            if keys.get(task.key_text, 0) > drawn // (3 * per_level):
                continue
            try:
                row = problem(task, f"tiny/{split}/{level}/{made}", random)
            except Degenerate:
                continue
            keys[task.key_text] = keys.get(task.key_text, 0) + 1
            made += 1
            yield row
            if made == per_level:
                break


def parse_weights(text: str) -> tuple[float, ...]:
    weights = tuple(float(part) for part in text.split(","))
    if len(weights) != len(LEVELS) or min(weights) < 0 or not any(weights):
        raise argparse.ArgumentTypeError(f"expected {len(LEVELS)} comma-separated weights, one a level, got {text!r}")
    return weights


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("documents", help="training documents")
    make.add_argument("--count", type=int, required=True)
    make.add_argument("--split", choices=(TRAIN, *EVALUATION), default=TRAIN)
    make.add_argument("--weights", type=parse_weights, default=DEFAULT_WEIGHTS)
    make.add_argument("--seed", type=int, default=0)
    test = commands.add_parser("tests", help="problems with tests")
    test.add_argument("--per-level", type=int, required=True)
    test.add_argument("--split", choices=EVALUATION, required=True)
    test.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    if options.command == "documents":
        rows = documents(options.split, options.seed, options.count, options.weights)
    else:
        rows = problems(options.split, options.seed, options.per_level)
    for row in rows:
        print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
