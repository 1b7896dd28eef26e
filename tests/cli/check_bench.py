#!/usr/bin/env python3
"""Run `unmask bench` once and check that its table and its JSON are whole and say the same.

    check_bench.py unmask bench OPTION...

The options must not contain --json or --save.  Prints "consistent" or what is wrong.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys

SAVED = pathlib.Path("bench.json")
MEBIBYTE = 1 << 20


def require(condition, text):
    if not condition:
        sys.exit(text)


def same(shown, value, what):
    """Require that the text in a table is `value`, rounded to the digits that the text shows."""
    digits = len(shown.partition(".")[2])
    require(abs(float(shown) - value) <= 0.5001 * 10.0**-digits, f"{what}: {shown} is not {value}")


def check_summary(summary, what):
    require(set(summary) == {"median", "minimum", "maximum"}, f"{what}: {summary}")
    require(summary["minimum"] <= summary["median"] <= summary["maximum"], f"{what}: {summary}")


def check_samples(measured, name, summary, what):
    """Require that the summary is of the samples."""
    samples = measured["samples"]
    require(len(samples) == measured["repetitions"] <= measured["made"], f"{what}: {measured}")
    values = [sample[name] for sample in samples]
    for key, function in (("median", statistics.median), ("minimum", min), ("maximum", max)):
        expected = function(values)
        require(abs(summary[key] - expected) <= 1e-6 * expected, f"{what}: {key} of {values}")
    others = [sample["others"] for sample in samples]
    if measured["others"] is None:
        require(None in others, f"{what}: others {others}")
    else:
        require(all(0 <= share <= 1 for share in others), f"{what}: others {others}")


def line_of(table, label):
    found = re.search(rf"^  {re.escape(label)} +(.*)$", table, re.MULTILINE)
    require(found, f"the table has no line {label!r}")
    return found.group(1)


def check_range(text, summary, factor, what):
    """Require that `text` is "MEDIAN (MINIMUM to MAXIMUM)" of the summary."""
    found = re.fullmatch(r"([\d.]+) +\(([\d.]+) to ([\d.]+)\)", text)
    require(found, f"{what}: {text!r}")
    for shown, key in zip(found.groups(), ("median", "minimum", "maximum")):
        same(shown, summary[key] * factor, f"{what}, {key}")


def check_run(report, table):
    run = report["run"]
    for name in ("seconds", "tokens_per_second"):
        check_summary(run[name], name)
    check_samples(run, "seconds", run["seconds"], "run")
    check_range(line_of(table, "seconds"), run["seconds"], 1, "seconds")
    check_range(line_of(table, "answer tokens/s"), run["tokens_per_second"], 1, "tokens/s")
    same(line_of(table, "forwards"), run["forwards"], "forwards")
    same(line_of(table, "answer tokens"), run["answer_tokens"], "answer tokens")
    same(line_of(table, "peak memory, MiB"), run["peak_memory_bytes"] / MEBIBYTE, "memory")
    rate = run["answer_tokens"] / run["seconds"]["median"]
    require(abs(run["tokens_per_second"]["median"] - rate) <= 1e-5 * rate, "tokens a second")
    require(run["answer_tokens"] <= run["length"], "more tokens than the answer has room for")
    require(run["peak_memory_bytes"] > MEBIBYTE, "peak memory")
    shares = [run[part + "_share"] for part in ("forward", "projection", "sampling")]
    require(all(share > 0 for share in shares) and sum(shares) <= 1.01, f"shares {shares}")


ROW = re.compile(r"^ +(\d+) +([\d.]+)  (\([\d.]+ to [\d.]+\)) +([\d.]+) +([\d.]+) +(\d+)% +(\d+%|-)$")


def check_rows(rows, lines, name):
    matches = [match for match in map(ROW.match, lines) if match]
    require(len(matches) == len(rows), f"{name}: {len(matches)} lines for {len(rows)} measurements")
    for row, match in zip(rows, matches):
        figures = row[name]
        what = f"{name}, {row['rows']} rows"
        check_summary(figures["milliseconds"], what)
        require(int(match.group(1)) == row["rows"], f"{what}: {match.group(0)!r}")
        check_range(f"{match.group(2)} {match.group(3)}", figures["milliseconds"], 1, what)
        same(match.group(4), figures["positions_per_second"], what)
        same(match.group(5), figures["operations_per_second"] / 1e9, what)
        same(match.group(6), figures["peak_share"] * 100, what)
        rate = 1e3 * row["rows"] / figures["milliseconds"]["median"]
        require(abs(figures["positions_per_second"] - rate) <= 1e-5 * rate, f"{what}: rate")


def check_forwards(report, table):
    rows = report["forwards"]
    blocks = re.split(r"^forward over rows .*\n", table, flags=re.MULTILINE)
    require(len(blocks) == 3, "two tables of forwards")
    check_rows(rows, blocks[1].splitlines(), "without_logits")
    check_rows(rows, blocks[2].splitlines(), "with_logits")
    for row in rows:
        seconds = {key: value / 1e3 for key, value in row["with_logits"]["milliseconds"].items()}
        check_samples(row, "seconds", seconds, f"{row['rows']} rows")


def check_comparison(report, table):
    comparison = report["comparison"]
    labels = (("seconds", "wall_seconds", 1), ("CPU seconds", "cpu_seconds", 1),
              ("peak memory, MiB", "peak_memory_bytes", 1 / MEBIBYTE),
              ("answer tokens/s", "tokens_per_second", 1))
    for label, name, factor in labels:
        if name not in comparison["times_better"]:
            continue
        cells = re.findall(r"[\d.]+ \([\d.]+ to [\d.]+\)", line_of(table, label))
        require(len(cells) == 3, f"{label}: {cells}")
        check_range(cells[0], comparison["ours"][name], factor, f"ours, {name}")
        check_range(cells[1], comparison["theirs"][name], factor, f"theirs, {name}")
        check_range(cells[2], comparison["times_better"][name], 1, f"ratio, {name}")
    check_samples(comparison, "ours_wall_seconds", comparison["ours"]["wall_seconds"], "pairs")
    print("pairs", comparison["made"])


def main(arguments):
    command = [*arguments[1:], "--save", str(SAVED)]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    report = json.loads(SAVED.read_text(encoding="utf-8"))
    require(report["interrupted"] is False, "interrupted")
    checks = {"run": check_run, "forwards": check_forwards, "comparison": check_comparison}
    for part, check in checks.items():
        if part in report:
            check(report, table)
            print("checked", part)
    print("consistent")


if __name__ == "__main__":
    main(sys.argv)
