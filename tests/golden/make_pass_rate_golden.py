#!/usr/bin/env python3
"""Make tests/golden/training/pass_rates.json: what NumPy (2.x) makes of short and long lists of numbers.

[{values, mean, deviation, percentiles: [[percent, value], ...]}, ...], all numbers with every digit.
"""
import json
import random
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent / "training" / "pass_rates.json"


def main():
    rng = random.Random(17)
    cases = []
    for count in (1, 2, 3, 7, 8, 9, 16, 23, 128, 129, 300):
        values = [rng.random() if count % 2 else rng.randint(0, 10) / 10 for _ in range(count)]
        percents = [0, 20, 25, 40, 75, 100, 33.3, rng.random() * 100]
        cases.append({"values": values, "mean": float(np.mean(values)), "deviation": float(np.std(values)),
                      "percentiles": [[p, float(np.percentile(values, p))] for p in percents]})
    OUT.write_text(json.dumps(cases) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
