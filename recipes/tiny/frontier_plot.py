"""The plot of frontier.py: pass@1 against forwards and against time, as an SVG that reads in light and dark."""

import math
from html import escape
from typing import Any, Protocol

WIDTH, HEIGHT = 960, 470
TOP, BOTTOM, LEFT, PANEL, GAP = 78, 410, 62, 400, 78
MANY = 300  # problems that a point needs to be drawn large

STYLE = """
svg { font: 13px system-ui, sans-serif; }
.back { fill: #ffffff; } text { fill: #24292f; } .minor { fill: #57606a; }
.grid { stroke: #d0d7de; } .mark { stroke: #24292f; fill: none; stroke-width: 1.6; }
.g0 { color: #57606a; } .g1 { color: #0969da; } .g2 { color: #bc4c00; } .g3 { color: #1a7f37; } .g4 { color: #8250df; }
.point { fill: currentColor; } .open { fill: none; stroke: currentColor; stroke-width: 1.8; }
.few { opacity: 0.55; }
.label { stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117; } text { fill: #e6edf3; } .minor { fill: #9198a1; }
.grid { stroke: #30363d; } .mark { stroke: #e6edf3; } .label { stroke: #0d1117; }
.g0 { color: #9198a1; } .g1 { color: #58a6ff; } .g2 { color: #f0883e; } .g3 { color: #3fb950; } .g4 { color: #bc8cff; }
}
"""

SCHEDULED = ("entropy,", "maskgit_plus", "topk_margin", "low_confidence", "random", "origin", "p2")
GROUPS = (("a number of steps", SCHEDULED),
          ("threshold", ("threshold",)), ("entropy_bounded", ("entropy_bounded",)), ("factor", ("factor",)),
          ("klass, hierarchical, credit, prophet", ("klass", "hierarchical", "credit", "prophet")))


class Point(Protocol):
    """The parts of a row of results that are drawn."""

    record: dict[str, Any]

    @property
    def name(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def height(self) -> float: ...
    @property
    def cost(self) -> float: ...


def group_of(name: str) -> int:
    return next(i for i, (_, starts) in enumerate(GROUPS) if name.startswith(starts))


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten, from `low` to `high`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [t for p in powers for t in (10.0 ** p, 2 * 10.0 ** p, 5 * 10.0 ** p) if low <= t <= high]


class Panel:
    """A pair of axes with its left edge at `left`; x is logarithmic."""

    def __init__(self, left: float, values: list[float], shares: list[float]) -> None:
        self.left, self.low, self.high = left, min(values) / 1.15, max(values) * 1.15
        self.bottom = math.floor(20 * min(shares)) / 20
        self.top = max(math.ceil(20 * max(shares)) / 20, self.bottom + 0.05)

    def x(self, value: float) -> float:
        return self.left + PANEL * math.log(value / self.low) / math.log(self.high / self.low)

    def y(self, share: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (share - self.bottom) / (self.top - self.bottom)

    def axes(self, title: str) -> list[str]:
        parts = [f'<text x="{self.left + PANEL / 2:.0f}" y="{BOTTOM + 42}" text-anchor="middle">{escape(title)}</text>']
        for tick in ticks(self.low, self.high):
            x = self.x(tick)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
                         f'<text class="minor" x="{x:.1f}" y="{BOTTOM + 19}" text-anchor="middle">{tick:g}</text>')
        stride = 2 if self.top - self.bottom > 0.3 else 1
        for step in range(round(20 * self.bottom), round(20 * self.top) + 1, stride):
            y = self.y(step / 20)
            parts.append(f'<line class="grid" x1="{self.left}" x2="{self.left + PANEL}" y1="{y:.1f}" y2="{y:.1f}"/>'
                         f'<text class="minor" x="{self.left - 8}" y="{y + 4:.1f}" text-anchor="end">'
                         f"{5 * step}%</text>")
        return parts

    def point(self, row: Point, value: float, marks: dict[str, str]) -> list[str]:
        x, y = self.x(value), self.y(row.height)
        many = row.record["count"] >= MANY
        style = ("open" if "cache" in row.name else "point") + ("" if many else " few")
        text = f"{row.name}: {100 * row.share:.1f}%, {value:.4g}"
        parts = [f'<circle class="g{group_of(row.name)} {style}" cx="{x:.1f}" cy="{y:.1f}" r="{5 if many else 3}">'
                 f"<title>{escape(text)}</title></circle>"]
        if row.name in marks:
            anchor = "start" if x < self.left + 0.8 * PANEL else "end"
            parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
                         f'<text class="label" x="{x:.1f}" y="{y + 24:.1f}" text-anchor="{anchor}">'
                         f"{marks[row.name]}</text>")
        return parts


def legend() -> list[str]:
    parts, x = [], float(LEFT)
    for i, (name, _) in enumerate(GROUPS):
        parts.append(f'<circle class="g{i} point" cx="{x + 5:.0f}" cy="20" r="4"/>'
                     f'<text x="{x + 14:.0f}" y="24">{name}</text>')
        x += 40 + 7.2 * len(name)
    parts.append(f'<circle class="g0 point" cx="{LEFT + 5}" cy="42" r="4"/>'
                 f'<text class="minor" x="{LEFT + 14}" y="46">no cache</text>'
                 f'<circle class="g0 open" cx="{LEFT + 95}" cy="42" r="4"/>'
                 f'<text class="minor" x="{LEFT + 104}" y="46">with a cache</text>'
                 f'<text class="minor" x="{LEFT + 214}" y="46">large: {MANY} problems or more; small: fewer</text>')
    return parts


def share_line(left: float, right: float, y: float, share: str) -> str:
    """A line of the grid, with the share that it stands for on its left."""
    return (f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="minor" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{share}%</text>')


def key(x: float, colour: str, name: str) -> str:
    """An entry of the legend."""
    return f'<circle class="{colour} point" cx="{x + 5}" cy="20" r="4"/><text x="{x + 14}" y="24">{name}</text>'


def picture(label: str, height: int, body: list[str]) -> str:
    """The whole file; `label` is for screen readers."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{label}">\n'
            f'<style>{STYLE}</style>\n<rect class="back" width="{WIDTH}" height="{height}"/>\n'
            + "\n".join(body) + "\n</svg>\n")


def draw(rows: list[Any], baseline: str, default: str) -> str:
    """The picture; rows are `Point`s."""
    shares = [row.height for row in rows]
    marks = {baseline: "one token a step", default: "default"}
    timed = [row for row in rows if row.milliseconds]
    enough = any(row.name == baseline for row in timed) and len(timed) > 1
    panels = [("forwards an answer", rows, [row.record["forwards"] for row in rows]),
              ("milliseconds an answer, batch 1", timed, [row.milliseconds for row in timed]) if enough else
              ("processor milliseconds an answer, batches of 16", rows, [row.cost for row in rows])]
    body = legend()
    for number, (title, shown, values) in enumerate(panels):
        panel = Panel(LEFT + number * (PANEL + GAP), values, shares)
        body += panel.axes(title)
        pairs = zip(shown, values, strict=True)
        for row, value in sorted(pairs, key=lambda pair: (pair[0].name in marks, pair[0].record["count"])):
            body += panel.point(row, value, marks)
    body.append(f'<text x="{LEFT - 44}" y="{TOP - 14}" class="minor">pass@1</text>')
    return picture("pass@1 against forwards and against time", HEIGHT, body)
