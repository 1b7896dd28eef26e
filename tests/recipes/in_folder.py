"""For tests of scripts that read folders: a temporary one, and reports of `unmask eval` in it."""

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any


class InFolder(unittest.TestCase):
    """Tests with a folder of their own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def put_report(self, name: str, passed: list[int], samples: int, **members: Any) -> str:
        """A run on the problems p0, p1 ..., of which so many samples passed."""
        (self.folder / name).mkdir()
        results = [{"task_id": f"p{number}", "passed": count} for number, count in enumerate(passed)]
        (self.folder / name / "report.json").write_text(json.dumps({"samples_each": samples, "results": results, **members}))
        return str(self.folder / name)
