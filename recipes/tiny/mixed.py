#!/usr/bin/env python3
"""The problems that a model solves sometimes: all samples of the others get one reward, which teaches nothing.

    mixed.py PROBLEMS.jsonl RUN > CHOSEN.jsonl

RUN is the output directory of `unmask eval` on the problems, with several samples of each.  Problems of which some samples pass
and some do not are printed as they are in PROBLEMS; where there are none, all that RUN asked, with a note.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path


def outcomes(run: Path) -> dict[str, set[bool]]:
    """What happened to the samples of each problem, by its name."""
    found: dict[str, set[bool]] = defaultdict(set)
    with open(run / "results.jsonl", encoding="utf-8") as lines:
        for line in lines:
            result = json.loads(line)
            found[result["task_id"]].add(result["passed"])
    return found


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        happened = outcomes(Path(sys.argv[2]))
        with open(sys.argv[1], encoding="utf-8") as lines:
            asked = [(line, happened[name]) for line in lines if (name := json.loads(line)["task_id"]) in happened]
    except (OSError, ValueError, KeyError) as reason:
        sys.exit(f"mixed.py: {reason}")
    mixed = [line for line, seen in asked if len(seen) == 2]
    if not mixed:
        print("mixed.py: no problem has samples that pass and samples that do not; taking all", file=sys.stderr)
    sys.stdout.writelines(mixed or [line for line, _ in asked])


if __name__ == "__main__":
    main()
