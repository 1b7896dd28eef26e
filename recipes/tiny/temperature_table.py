#!/usr/bin/env python3
"""pass@1 and pass@k of one model over temperatures, and what each temperature changes, paired by problem.

    temperature_table.py DIR DIR... [--svg FILE]

DIR are output directories of `unmask eval -n N --k 1,K`, all on the same problems and at different temperatures; the
lowest one is what the others are compared with.  Prints Markdown; intervals are 95%, p is the exact sign test over
problems.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from frontier_plot import key, picture, share_line
from intervals import bootstrap, interval, pass_at, sign_test
from reports import read_report

HEIGHT = 360
TOP, BOTTOM, LEFT, WIDE = 50, 300, 62, 860
COLOURS = ("g1", "g2", "g3", "g4")


@dataclass
class Run:
    """What one run says: the number of samples of each problem that pass."""

    temperature: float
    samples: int
    ks: list[int]
    passed: dict[str, int]

    def values(self, k: int) -> dict[str, float]:
        return {problem: pass_at(k, self.samples, passed) for problem, passed in self.passed.items()}


def read_run(folder: str) -> Run:
    return read_report(folder, lambda report: Run(
        report["settings"]["decoding"]["temperature"], report["samples_each"], report["k"],
        {row["task_id"]: row["passed"] for row in report["results"]}))


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def cells(run: Run, first: Run, k: int) -> list[str]:
    """pass@k with its interval, and the difference from the first run."""
    values = run.values(k)
    low, high = interval(list(values.values()))
    shown = [f"{percent(mean(values.values()))} ({percent(low)}–{percent(high)})", ""]
    if run is not first:
        before = first.values(k)
        differences = [value - before[problem] for problem, value in sorted(values.items())]
        low, high = bootstrap(differences)
        p = sign_test(sum(difference > 0 for difference in differences), sum(difference < 0 for difference in differences))
        shown[1] = f"{100 * mean(differences):+.1f} ({100 * low:.1f} to {100 * high:.1f}), p = {p:.2g}"
    return shown


def table(runs: list[Run]) -> str:
    ks = runs[0].ks
    lines = ["| temperature | " + " | ".join(f"pass@{k} | change" for k in ks) + " |", "|---" * (1 + 2 * len(ks)) + "|"]
    lines += [f"| {run.temperature:g} | " + " | ".join(cell for k in ks for cell in cells(run, runs[0], k)) + " |"
              for run in runs]
    return "\n".join(lines) + "\n"


def draw(runs: list[Run]) -> str:
    """The picture: a line for each k over the temperatures, with intervals."""
    last = max(run.temperature for run in runs) or 1.0
    measured = {}  # by k: temperature, mean, low and high of each run
    for k in runs[0].ks:
        shares = [(run.temperature, list(run.values(k).values())) for run in runs]
        measured[k] = [(temperature, mean(values), *interval(values)) for temperature, values in shares]
    tenths = min(9, math.floor(10 * min(low for points in measured.values() for _, _, low, _ in points)))
    floor = tenths / 10

    def at(temperature: float, share: float) -> tuple[float, float]:
        return LEFT + WIDE * temperature / last, BOTTOM - (BOTTOM - TOP) * (share - floor) / (1 - floor)

    parts = [f'<text class="minor" x="{LEFT + WIDE / 2:.0f}" y="{BOTTOM + 40}" text-anchor="middle">temperature</text>']
    for tenth in range(tenths, 11):
        parts.append(share_line(LEFT, LEFT + WIDE, at(0, tenth / 10)[1], f"{10 * tenth}"))
    for run in runs:
        parts.append(f'<text class="minor" x="{at(run.temperature, 0)[0]:.1f}" y="{BOTTOM + 19}" text-anchor="middle">'
                     f"{run.temperature:g}</text>")
    for place, ((k, of_runs), colour) in enumerate(zip(measured.items(), COLOURS, strict=False)):
        parts.append(key(LEFT + 110 * place, colour, f"pass@{k}"))
        points = []
        for temperature, share, low, high in of_runs:
            x, y = at(temperature, share)
            points.append(f"{x:.1f},{y:.1f}")
            parts.append(f'<g class="{colour}"><line stroke="currentColor" x1="{x:.1f}" x2="{x:.1f}" '
                         f'y1="{at(0, low)[1]:.1f}" y2="{at(0, high)[1]:.1f}"/>'
                         f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
                         f"<title>pass@{k} at {temperature:g}: {percent(share)}%</title></circle></g>")
        parts.append(f'<polyline class="{colour}" points="{" ".join(points)}" fill="none" stroke="currentColor" '
                     'stroke-width="1.8"/>')
    return picture("pass@1 and pass@k over temperature", HEIGHT, parts)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="DIR", help="output of `unmask eval`")
    parser.add_argument("--svg", metavar="FILE", help="also draw the table")
    options = parser.parse_args(arguments)
    runs = sorted((read_run(folder) for folder in options.runs), key=lambda run: run.temperature)
    if any(run.ks != runs[0].ks or sorted(run.passed) != sorted(runs[0].passed) for run in runs):
        raise SystemExit("the runs are not of the same problems and the same k")
    sys.stdout.write(table(runs))
    if options.svg:
        Path(options.svg).write_text(draw(runs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
