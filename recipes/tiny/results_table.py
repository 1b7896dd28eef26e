#!/usr/bin/env python3
"""Runs of `unmask eval` as the tables of docs/RESULTS.md: what each passes by format, and by level.

    results_table.py [NAME=]DIR ...

DIR is the output directory of a run on problems of tasks.py, such as data/results/stage3; the run is called NAME, or like the
directory.  Prints Markdown.  Intervals are 95%: Wilson's where every problem counts 0 or 1, otherwise a bootstrap over problems.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intervals import interval, pass_at
from reports import read_report

FORMATS = ("completion", "infilling", "chat")
MANY = 10  # samples that a pass@10 needs


@dataclass
class Run:
    """A report, with the problems of each level and format."""

    name: str
    samples: int  # of each problem
    forwards: float
    passed: dict[tuple[int, str], list[int]]  # by level and format: how many samples of each problem passed

    def counts(self, format_name: str, level: int | None = None) -> list[int]:
        """Passed samples of the problems of a format, and of one level if it is given."""
        return [count for (at, name), counts in sorted(self.passed.items()) for count in counts
                if name == format_name and level in (None, at)]


def place_of(task_id: str) -> tuple[int, str]:
    """Level and format, from the name that tasks.py gives: tiny/SPLIT/LEVEL/FORMAT/NUMBER."""
    parts = task_id.split("/")
    if len(parts) != 5 or not parts[2].isdigit() or parts[3] not in FORMATS:
        raise ValueError(f"{task_id} is not a problem of tasks.py")
    return int(parts[2]), parts[3]


def check_groups(passed: dict[tuple[int, str], list[int]], groups: list[dict[str, Any]]) -> None:
    """Check our counts against those of the report."""
    own = {place: (len(counts), sum(counts)) for place, counts in passed.items()}
    if own != {(group["level"], group["format"]): (group["problems"], group["passed"]) for group in groups}:
        raise ValueError("its groups are not those that the problems' names tell")


def read_run(argument: str) -> Run:
    """The run that an argument names; ends the program with a message if there is none."""
    name, separator, folder = argument.rpartition("=")

    def take(report: dict[str, Any]) -> Run:
        passed: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row in report["results"]:
            passed[place_of(row["task_id"])].append(row["passed"])
        check_groups(passed, report["groups"])
        return Run(name if separator else Path(folder).name, report["samples_each"],
                   float(report["cost"]["forwards_per_answer"]), dict(passed))

    return read_report(folder, take)


def percent(values: list[float]) -> float:
    return 100 * sum(values) / len(values)


def cell(run: Run, format_name: str, k: int) -> str:
    """pass@k of a format with its interval; empty where the run has no such problems or too few samples."""
    counts = run.counts(format_name)
    if not counts or run.samples < k:
        return ""
    values = [pass_at(k, run.samples, count) for count in counts]
    low, high = interval(values)
    return f"{percent(values):.1f} ({100 * low:.0f}–{100 * high:.0f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)) + "\n"


def format_table(runs: list[Run]) -> str:
    """One row for each run: pass@1 by format, pass@10 if any run has the samples, forwards."""
    names = [name for name in FORMATS if any(run.counts(name) for run in runs)]
    columns = [(name, 1) for name in names]
    if any(run.samples >= MANY for run in runs):
        columns += [(name, MANY) for name in names]
    head = ["run", *(name if k == 1 else f"{name}, pass@{k}" for name, k in columns), "forwards an answer"]
    return table(head, [[run.name, *(cell(run, name, k) for name, k in columns), f"{run.forwards:.1f}"] for run in runs])


def level_cell(run: Run, counts: list[int]) -> str:
    """pass@1, followed by pass@10 if the run has the samples; empty without problems."""
    ks = [1, MANY] if run.samples >= MANY else [1]
    shares = [[pass_at(k, run.samples, count) for count in counts] for k in ks]
    return ", ".join(f"{percent(values):.0f}" for values in shares if values)


def level_table(runs: list[Run]) -> str:
    """One row for each run and format, one column for each level."""
    levels = sorted({level for run in runs for level, _ in run.passed})
    rows = []
    for run in runs:
        for name in FORMATS:
            if run.counts(name):
                rows.append([f"{run.name}, {name}", *(level_cell(run, run.counts(name, level)) for level in levels)])
    return table(["run, format", *map(str, levels)], rows)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    runs = [read_run(argument) for argument in arguments]
    print("pass@1 in percent with 95% intervals:\n\n" + format_table(runs) + "\nBy level:\n\n" + level_table(runs), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
