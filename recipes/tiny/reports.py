"""Reports of `unmask eval`, for the scripts that make tables of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Wanted = TypeVar("Wanted")


def read_report(folder: str, take: Callable[[dict[str, Any]], Wanted]) -> Wanted:
    """What `take` makes of the report of the run in `folder`; ends the program with a message if there is no such run, or
    `take` finds that the report is not what it expects (a TypeError, KeyError, AttributeError or ValueError)."""
    path = Path(folder) / "report.json"
    try:
        return take(json.loads(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise SystemExit(f"{path}: {problem.strerror}; is {folder} a finished run of `unmask eval`?") from None
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise SystemExit(f"{path}: not a report that this reads: {problem}") from None


def read_shares(folder: str) -> dict[str, float]:
    """The share of the samples that pass, by problem."""
    return read_report(folder, lambda report: {row["task_id"]: row["passed"] / report["samples_each"]
                                               for row in report["results"]})
