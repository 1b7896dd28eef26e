"""What frontier.py writes: a table in Markdown and a plot in SVG, from its results."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import frontier_plot
from frontier_settings import BASELINE, DEFAULT, LENGTH
from intervals import sign_test, wilson

CHOOSING, REPORTING = "validation", "test"
FRONTIER_LEAST = frontier_plot.MANY  # problems that a setting needs to be on the frontier

HEAD = """# Quality against cost

How often the answers of the shipped model, `models/tiny`, pass their tests, against what they cost, for every
algorithm, cache and number of steps; and the defaults of `unmask generate`, which come from it. Written by
`recipes/tiny/frontier.py`:

    cd recipes/tiny && data=validation.problems.jsonl
    ./tasks.py problems --per-level 150 --split validation > $data
    ./frontier.py --unmask ../../build/unmask --problems $data --limit 100      # the whole grid
    ./frontier.py --unmask ../../build/unmask --problems $data --only REGEX     # all problems, for settings of interest
    ./frontier.py --unmask ../../build/unmask --problems $data --limit 60 --time --threads 2

The problems are completions of the validation split, {length} masks an answer, temperature 0. (The shipped model learnt
from canvases of 80 masks, where [RESULTS.md](RESULTS.md#decoding-the-shipped-model-validation) compares some settings on all formats.)
Over a hundred settings are compared with one baseline, without correction, and those on all 300 problems were picked by
their results on 100 of these. **pass** is the share whose
completion passes the problem's tests, with its 95% Wilson interval. **gained** and **lost** count the problems that
only this setting or only the baseline passes (`{baseline}`: the published sampler of Dream, one token a step, no
cache), and **p** is the exact two-sided sign test of their difference. **forwards** and **rows** are calls of the model
and positions computed in all of them, means for an answer; they and the completions are the same on every machine.
**CPU** is processor time of an answer in batches of 16 on one thread, rough because others used the machine; **time**
is the median of undisturbed repetitions at batch 1, decoding only, where it was measured (`--time`){threads}.

![pass@1 against forwards and against time](images/frontier.svg)

The plot compares settings as if all had been measured on all problems: a setting measured on only some of them is drawn
at the baseline's score on all problems, plus its own score less the baseline's on those same problems.
"""

# Measured by hand with `unmask generate --json` and `--trace`; the numbers depend on the model, not on the machine.
NOTES = """## Looked at besides

All of this was measured with earlier models, which had learnt narrower families of tasks.

Longer answers, 256 masks. For six of the problems, whose answers are 26 to 43 tokens there, the defaults took 25 to 36
forwards and 1,353 to 1,956 rows an answer; one token a step, on two of them, 255 forwards and 71,910 and 73,185 rows.
With `--end-tokens false`, which makes all 256 count, three prompts that the model never learnt took 49 to 256 forwards
and 11,417 to 11,780 rows, against 255 forwards and 77,520 rows for one token a step (on one of them): where the model
is unsure the rule commits one token a step too, and only the rows are saved. Blocks had 8 positions then. Quality at
256 masks says nothing about the defaults with that earlier model, which learnt from short canvases: by default it
passes 4 of 100 problems there.

Masks behind a decided end token. With `threshold`, 0.95, on the whole answer, 21 of the 3,763 distributions computed
for 30 answers were behind an end token that was decided already: end tokens are sure and are decided together. In
blocks a run ends with the block that holds the end token. There is nothing to gain by leaving such positions out. One
token a step spends about two thirds of its forwards on them (62.9 forwards for 20.9 tokens), as the published sampler
does.
"""


@dataclass
class Row:
    """A setting's results: those of its run on the most problems."""

    record: dict[str, Any]
    base: str = ""  # the baseline's digits on the same problems
    base_share: float = 0.0  # on all problems
    times: dict[float, float] = field(default_factory=dict)  # by round: seconds, of those that nothing disturbed

    @property
    def name(self) -> str:
        return str(self.record["setting"])

    @property
    def bits(self) -> str:
        return str(self.record["passed"])

    @property
    def share(self) -> float:
        return self.bits.count("1") / len(self.bits)

    @property
    def gained(self) -> int:
        return sum(own > base for own, base in zip(self.bits, self.base, strict=True))

    @property
    def lost(self) -> int:
        return sum(own < base for own, base in zip(self.bits, self.base, strict=True))

    @property
    def height(self) -> float:
        """Where the plot shows it: the baseline's share on all problems plus the difference on the setting's problems."""
        return self.base_share + (self.gained - self.lost) / len(self.bits) if self.base else self.share

    @property
    def milliseconds(self) -> float | None:
        return 1000 * statistics.median(self.times.values()) if self.times else None

    @property
    def cost(self) -> float:
        """Milliseconds for the plot: measured, or else rough ones from the processor time."""
        return self.milliseconds or 1000 * float(self.record["cpu_seconds"])


def subset(bits: str, count: int) -> str:
    """The digits of the `count` problems that frontier.py's --limit takes."""
    return "".join(bits[i * len(bits) // count] for i in range(count))


def rows_of(records: list[dict[str, Any]], problem_set: str) -> list[Row]:
    """One row for each setting, with the baseline's digits and the times on as many threads as the last timing used;
    empty without a baseline."""
    best: dict[str, Row] = {}
    for record in records:
        if record["kind"] == "quality" and record["set"] == problem_set:
            known = best.get(record["setting"])
            if not known or len(known.bits) <= record["count"]:
                best[record["setting"]] = Row(record)
    if BASELINE.name not in best:
        return []
    whole = best[BASELINE.name].bits
    timed = [record for record in records if record["kind"] == "time" and record["set"] == problem_set]
    for row in best.values():
        row.base = subset(whole, len(row.bits)) if len(row.bits) <= len(whole) else ""
        row.base_share = best[BASELINE.name].share
        own = [record for record in timed if record["setting"] == row.name and record["threads"] == timed[-1]["threads"]]
        row.times = {record.get("round", place): record["seconds"] for place, record in enumerate(own)
                     if not record["disturbed"]}
    return list(best.values())


def frontier(rows: list[Row], cost: str) -> list[Row]:
    """The settings with enough problems that no other one of these beats at no more cost; the cheapest first."""
    kept: list[Row] = []
    wide = [row for row in rows if len(row.bits) >= FRONTIER_LEAST]
    for row in sorted(wide, key=lambda r: (r.record[cost], -r.share)):
        if not kept or row.share > kept[-1].share:
            kept.append(row)
    return kept


def notable(rows: list[Row]) -> list[Row]:
    """The frontiers of forwards and of rows, the baseline and the default."""
    names = {row.name for cost in ("forwards", "rows") for row in frontier(rows, cost)}
    names |= {BASELINE.name, DEFAULT.name}
    return sorted((row for row in rows if row.name in names), key=lambda r: r.record["rows"])


def timed_settings(records: list[dict[str, Any]]) -> set[str]:
    """The settings that --time measures without --only."""
    return {row.name for row in notable(rows_of(records, CHOOSING))}


def line(row: Row, levels: bool) -> str:
    low, high = wilson(row.bits.count("1"), len(row.bits))
    record = row.record
    name = f"**{row.name}**" if row.name in (BASELINE.name, DEFAULT.name) else row.name
    cells = [name, str(len(row.bits)), f"{100 * row.share:.1f}%", f"{100 * low:.1f} to {100 * high:.1f}"]
    if levels:
        for level in "123456":
            own = [bit for bit, at in zip(row.bits, record["levels"], strict=True) if at == level]
            cells.append(f"{100 * own.count('1') / len(own):.0f}" if own else "")
    paired = bool(row.base) and row.name != BASELINE.name
    cells += [str(row.gained), str(row.lost), f"{sign_test(row.gained, row.lost):.2g}"] if paired else ["", "", ""]
    time = f"{row.milliseconds:.1f}" if row.milliseconds else ""
    cells += [f"{record['forwards']:.2f}", f"{record['rows']:.0f}",
              f"{record['answer_tokens'] / record['forwards']:.2f}", f"{1000 * record['cpu_seconds']:.0f}", time]
    return "| " + " | ".join(cells) + " |"


def table(rows: list[Row], levels: bool) -> str:
    names = ["setting", "problems", "pass", "95%"]
    names += [f"L{level}" for level in range(1, 7)] if levels else []
    names += ["gained", "lost", "p", "forwards", "rows", "tokens a forward", "CPU, ms", "time, ms"]
    return "\n".join(["| " + " | ".join(names) + " |", "|" + "---|" * len(names),
                      *(line(row, levels) for row in rows)])


def factors(base: dict[float, float], default: dict[float, float]) -> str:
    """What the time factor was in the single rounds in which both were measured."""
    single = [base[number] / default[number] for number in sorted(base.keys() & default.keys())]
    if len(single) < 2:
        return ""
    return f"; in {len(single)} rounds {min(single):.1f} to {max(single):.1f} times"


def default_text(rows: list[Row]) -> str:
    """One sentence with the measured ratios; empty unless both the baseline and the default are measured."""
    by_name = {row.name: row for row in rows}
    base, default = by_name.get(BASELINE.name), by_name.get(DEFAULT.name)
    if not base or not default:
        return ""
    text = (f"With the defaults an answer takes {base.record['forwards'] / default.record['forwards']:.1f} times fewer "
            f"forwards and {base.record['rows'] / default.record['rows']:.1f} times fewer rows than the baseline")
    if base.milliseconds and default.milliseconds:
        text += (f", and {base.milliseconds / default.milliseconds:.1f} times less time "
                 f"({default.milliseconds:.1f} instead of {base.milliseconds:.1f} ms{factors(base.times, default.times)})")
    change = 100 * (default.share - subset(base.bits, len(default.bits)).count("1") / len(default.bits))
    return text + f"; pass@1 changes by {change:+.1f} points on {len(default.bits)} problems.\n"


def write(records: list[dict[str, Any]], table_path: Path, plot_path: Path) -> None:
    """Write the table and the plot; without results of the baseline, nothing."""
    rows = rows_of(records, CHOOSING)
    if not rows:
        return
    threads = [record["threads"] for record in records if record["kind"] == "time"]
    on_threads = f", on {threads[-1]} threads" if threads else ""
    parts = [HEAD.format(length=LENGTH, baseline=BASELINE.name, threads=on_threads),
             f"## The frontier\n\nThe defaults are **{DEFAULT.name}** ([DECODING.md](DECODING.md#defaults)). "
             f"{default_text(rows)}\n"
             "Settings that no other beats at as few forwards or rows, of those measured on at least "
             f"{FRONTIER_LEAST} problems; L1 to L6 are the levels, in percent.\n\n{table(notable(rows), True)}\n"]
    other = rows_of(records, REPORTING)
    if other:
        parts.append("## Problems that had no part in the choice\n\nThe same on the test split, which chose nothing: "
                     f"{default_text(other)}\n{table(sorted(other, key=lambda r: r.record['rows']), True)}\n")
    parts.append(NOTES)
    by_rows = sorted(rows, key=lambda r: r.record["rows"])
    parts.append("## The grid\n\nAll settings, by rows. Intervals of 100 problems or fewer are wide, and parts of the "
                 "problems are not equally hard: compare by gained and lost. They show where to look, not which of two "
                 f"neighbours is better.\n\n{table(by_rows, False)}\n")
    table_path.write_text("\n".join(parts))
    plot_path.write_text(frontier_plot.draw(rows, BASELINE.name, DEFAULT.name))
