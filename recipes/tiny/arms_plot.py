#!/usr/bin/env python3
"""Draw what reinforcement learning learns from: the share of its completions that pass, over the updates.

    arms_plot.py [NAME=]DIR... > arms.svg

DIR are output directories of `unmask train`; a line is called NAME, or like the directory.  Each point is a mean over
WINDOW updates, and lines of one NAME have one colour.
"""

import json
import sys
from pathlib import Path
from statistics import mean

from frontier_plot import key, picture, share_line

HEIGHT = 380
TOP, BOTTOM, LEFT, WIDE = 60, 310, 62, 860
COLOURS = ("g1", "g2", "g3", "g4", "g0")
WINDOW = 5


def read_run(argument: str) -> tuple[str, list[tuple[int, float]]]:
    """The name of a run, and its points: the last update of each window, and the share over the window."""
    name, separator, folder = argument.rpartition("=")
    path = Path(folder) / "metrics.jsonl"
    try:
        with path.open(encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if row["kind"] == "step"]
        shares = [(row["step"], row["pass_rate"]) for row in rows]
    except OSError as problem:
        raise SystemExit(f"{path}: {problem.strerror}; is {folder} a run of `unmask train`?") from None
    except (KeyError, TypeError, ValueError) as problem:
        raise SystemExit(f"{path}: not metrics of reinforcement learning: {problem}") from None
    windows = [shares[at:at + WINDOW] for at in range(0, len(shares) - WINDOW + 1, WINDOW)]
    return name if separator else Path(folder).name, [(window[-1][0], mean(share for _, share in window)) for window in windows]


def draw(runs: list[tuple[str, list[tuple[int, float]]]]) -> str:
    shares = [share for _, points in runs for _, share in points]
    last = max(step for _, points in runs for step, _ in points)
    low, high = int(20 * min(shares)) / 20, (int(20 * max(shares)) + 1) / 20

    def at(step: float, share: float) -> tuple[float, float]:
        return LEFT + WIDE * step / last, BOTTOM - (BOTTOM - TOP) * (share - low) / (high - low)

    names = list(dict.fromkeys(name for name, _ in runs))
    parts = [f'<text class="minor" x="{LEFT + WIDE / 2:.0f}" y="{BOTTOM + 42}" text-anchor="middle">update</text>']
    for place, name in enumerate(names):
        parts.append(key(LEFT + 150 * place, COLOURS[place % len(COLOURS)], name))
    for tick in range(round(20 * low), round(20 * high) + 1):
        parts.append(share_line(LEFT, LEFT + WIDE, at(0, tick / 20)[1], f"{5 * tick}"))
    for step in range(0, last + 1, 10):
        parts.append(f'<text class="minor" x="{at(step, low)[0]:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{step}</text>')
    for name, points in runs:
        colour = COLOURS[names.index(name) % len(COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*at(step, share)) for step, share in points)
        parts.append(f'<polyline class="{colour}" points="{path}" fill="none" stroke="currentColor" stroke-width="1.8">'
                     f"<title>{name}</title></polyline>")
    return picture("Share of completions that pass, over updates", HEIGHT, parts)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    runs = [read_run(argument) for argument in arguments]
    short = next((name for name, points in runs if not points), None)
    if short is not None:
        raise SystemExit(f"{short}: fewer than {WINDOW} updates")
    sys.stdout.write(draw(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
