#!/usr/bin/env python3
"""Make tests/golden/analysis: AR-ness of random traces, computed with NumPy from the definitions.

usage: make_ar_ness_golden.py

traces.jsonl holds the traces: one or several holes, one or several commits a step, confidences that
tie, tokens that are taken back, positions that stay masked.  ar_ness.json holds for each of them the
metrics in all readings of docs/ANALYSIS.md, computed as literally as possible: sets are sets, and the
masked positions are kept in an array.

Needs numpy.
"""

import json
import pathlib

import numpy

ROOT = pathlib.Path(__file__).parent / "analysis"
TRACES = 60
MOST_K = 9
MASK = 99


def make_canvas(random):
    """Tokens and holes: given text between the holes."""
    tokens, holes = [], []
    for _ in range(random.integers(1, 4)):
        tokens += [int(t) for t in random.integers(0, 50, random.integers(0, 4))]
        length = int(random.integers(1, 16))
        holes.append([len(tokens), length])
        tokens += [MASK] * length + [7]
    return tokens, holes


def make_order(random, positions):
    """Steps of commits: at random, or nearly from left to right, so that patterns occur."""
    jitter = random.choice([0.0, 0.8, 2.0, 100.0])
    keys = numpy.arange(len(positions)) + jitter * random.standard_normal(len(positions))
    ordered = [positions[i] for i in numpy.argsort(keys)]
    steps = []
    while ordered:
        size = 1 if random.random() < 0.6 else int(random.integers(2, 5))
        steps.append(ordered[:size])
        ordered = ordered[size:]
    return steps


def make_events(random, steps):
    events, step = [], 0
    for commits in steps:
        step += int(random.integers(0, 3))
        taken_back = [c for c in commits if random.random() < 0.1]
        for position in sorted(commits):
            confidence = float(numpy.float32(random.choice([0.25, 0.5, 1.0, random.random()])))
            events.append({"event": "commit", "step": step, "position": position,
                           "token": int(random.integers(0, 50)), "confidence": confidence,
                           "entropy": 0.5})
        step += 1
        if taken_back:
            events += [{"event": "remask", "step": step, "position": p}
                       for p in sorted(taken_back)]
            step += 1
            events += [{"event": "commit", "step": step, "position": p, "token": 3,
                        "confidence": 0.5, "entropy": 0.5}
                       for p in sorted(taken_back) if random.random() < 0.7]
            step += 1
    return events


def make_trace(random):
    tokens, holes = make_canvas(random)
    positions = [p for start, length in holes for p in range(start, start + length)]
    events = make_events(random, make_order(random, positions))
    if random.random() < 0.3:
        events = events[:max(1, len(events) * 2 // 3)]
    start = {"event": "start", "version": 1, "model": "", "algorithm": "random", "seed": "0",
             "sequence": 0, "steps": 1000, "vocabulary_size": 100, "mask_token": MASK,
             "settings": {}, "tokens": tokens, "holes": holes}
    return start, events, positions


def order_of(events, positions, ties):
    """Places in the order of their last commits."""
    last = {}
    for event in events:
        if event["event"] == "commit":
            last[event["position"]] = event
        else:
            del last[event["position"]]
    if ties == "position":
        kept = sorted(last.values(), key=lambda e: (e["step"], e["position"]))
    else:
        kept = sorted(last.values(), key=lambda e: (e["step"], -e["confidence"], e["position"]))
    return numpy.array([positions.index(e["position"]) for e in kept])


def local(order, k, pattern, start):
    hits = []
    for t in range(len(order)):
        if t < k and start == "skipped":
            continue
        before = order[max(0, t - k):t][::-1].tolist()
        if t < k and start == "prompt":
            before += list(range(-1, -(k - t) - 1, -1))
        wanted = [order[t] - j for j in range(1, k + 1)]
        if len(before) < k:
            hits.append(0.0)
        elif pattern == "set":
            hits.append(float(set(before) == set(wanted)))
        else:
            hits.append(float(before == wanted))
    return float(numpy.mean(hits)) if hits else None


def overall(order, k, count):
    masked = numpy.ones(count, dtype=bool)
    hits = []
    for place in order:
        leftmost = numpy.flatnonzero(masked)[:k]
        hits.append(float(place in leftmost))
        masked[place] = False
    return float(numpy.mean(hits)) if hits else None


def measure(events, positions):
    values = []
    for ties in ("position", "confidence"):
        order = order_of(events, positions, ties)
        for pattern in ("set", "sequence"):
            for start in ("skipped", "failed", "prompt"):
                row = [local(order, k, pattern, start) for k in range(1, MOST_K + 1)]
                values.append({"metric": "local", "ties": ties, "pattern": pattern, "start": start,
                               "values": row})
        values.append({"metric": "global", "ties": ties,
                       "values": [overall(order, k, len(positions))
                                  for k in range(1, MOST_K + 1)]})
    return values


def main():
    random = numpy.random.default_rng(20)
    lines, expected = [], []
    for _ in range(TRACES):
        start, events, positions = make_trace(random)
        lines += [json.dumps(record, separators=(",", ":")) for record in [start, *events]]
        expected.append(measure(events, positions))
    ROOT.mkdir(exist_ok=True)
    (ROOT / "traces.jsonl").write_text("\n".join(lines) + "\n")
    (ROOT / "ar_ness.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
