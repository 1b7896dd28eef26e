#!/usr/bin/env python3
"""Draw pass@1 over the rows of training, autoregression beside diffusion, from the table of docs/RESULTS.md.

    rows_plot.py docs/RESULTS.md > docs/images/rows.svg
"""

import re
import sys
from pathlib import Path

from frontier_plot import key, picture

FORMATS = ("completion", "infilling", "chat")
HEIGHT = 360
TOP, BOTTOM, LEFT, PANEL, GAP = 66, 300, 62, 262, 40
MOST_ROWS, LOWEST = 120, 40  # millions; percent
LINES = (("autoregressive", "g2"), ("diffusion", "g1"))
ROW = re.compile(r"^\| ([\d.]+) M \|")


def read(text: str) -> list[tuple[float, list[float | None], list[float | None]]]:
    """Rows in millions, and pass@1 of the two models by format; None where a cell is empty."""
    section = text.split("## Autoregression beside diffusion", 1)[1].split("\n## ", 1)[0]
    points = []
    for line in section.splitlines():
        if ROW.match(line):
            cells = [cell.strip().split(" ")[0] for cell in line.strip("|").split("|")]
            numbers = [float(cell) if re.fullmatch(r"[\d.]+", cell) else None for cell in cells]
            points.append((float(cells[0]), numbers[2:5], numbers[6:9]))
    return points


def place(panel: int, rows: float, share: float) -> tuple[float, float]:
    x = LEFT + panel * (PANEL + GAP) + PANEL * rows / MOST_ROWS
    return x, BOTTOM - (BOTTOM - TOP) * (share - LOWEST) / (100 - LOWEST)


def axes(panel: int, name: str) -> list[str]:
    left, right = place(panel, 0, 100)[0], place(panel, MOST_ROWS, 100)[0]
    parts = [f'<text x="{(left + right) / 2:.0f}" y="{TOP - 14}" text-anchor="middle">{name}</text>',
             f'<text class="minor" x="{(left + right) / 2:.0f}" y="{BOTTOM + 40}" text-anchor="middle">'
             "million rows of training</text>"]
    for share in range(LOWEST, 101, 10):
        y = place(panel, 0, share)[1]
        parts.append(f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if panel == 0:
            parts.append(f'<text class="minor" x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{share}%</text>')
    for rows in range(0, MOST_ROWS + 1, 40):
        x = place(panel, rows, LOWEST)[0]
        parts.append(f'<text class="minor" x="{x:.1f}" y="{BOTTOM + 19}" text-anchor="middle">{rows}</text>')
    return parts


def line(panel: int, colour: str, points: list[tuple[float, float]]) -> list[str]:
    at = [place(panel, rows, share) for rows, share in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    return [f'<polyline class="{colour}" points="{path}" fill="none" stroke="currentColor" stroke-width="1.8"/>',
            *(f'<circle class="{colour} point" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{rows:g} M: {share:g}%</title>'
              "</circle>" for (x, y), (rows, share) in zip(at, points, strict=True))]


def draw(table: list[tuple[float, list[float | None], list[float | None]]]) -> str:
    parts = []
    for i, (name, colour) in enumerate(LINES):
        parts.append(key(LEFT + 150 * i, colour, name))
    for panel, name in enumerate(FORMATS):
        parts += axes(panel, name)
        for model, (_, colour) in enumerate(LINES):
            points = [(row[0], share) for row in table if (share := row[1 + model][panel]) is not None]
            parts += line(panel, colour, points)
    return picture("pass@1 over rows of training", HEIGHT, parts)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(draw(read(Path(sys.argv[1]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
