"""Tables of runs, from reports like those of `unmask eval`."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import results_table  # noqa: E402


def report(samples: int, passed: dict[str, list[int]]) -> dict[str, Any]:
    """By "LEVEL/FORMAT": how many samples of each problem passed."""
    results = [{"task_id": f"tiny/validation/{place}/{number}", "passed": count}
               for place, counts in passed.items() for number, count in enumerate(counts)]
    groups = [{"level": int(place[0]), "format": place[2:], "problems": len(counts), "passed": sum(counts)}
              for place, counts in passed.items()]
    return {"samples_each": samples, "groups": groups, "results": results, "cost": {"forwards_per_answer": 12.34}}


ONE = report(1, {"1/completion": [1, 1, 1, 0], "1/infilling": [1, 0], "3/completion": [0, 0, 0, 1], "3/infilling": [0, 0]})
TEN = report(10, {"1/chat": [10, 5, 0], "2/chat": [1, 4, 0], "2/completion": [10]})


class Tables(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def put(self, name: str, contents: Any) -> str:
        """A run's directory with this report, which is written as it is if it is a string."""
        (self.folder / name).mkdir()
        text = contents if isinstance(contents, str) else json.dumps(contents)
        (self.folder / name / "report.json").write_text(text)
        return str(self.folder / name)

    def rows(self, *arguments: str) -> dict[str, list[list[str]]]:
        """Cells of the printed table rows, by the first cell."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(results_table.main([*arguments]), 0)
        found = defaultdict(list)
        for line in out.getvalue().splitlines():
            if line.startswith("| "):
                first, *others = (cell.strip() for cell in line.strip("|").split("|"))
                found[first].append(others)
        return found

    def test_a_row_has_shares_of_each_format_with_intervals(self) -> None:
        rows = self.rows(self.put("stage1", ONE))
        self.assertEqual(rows["run"], [["completion", "infilling", "forwards an answer"]])
        self.assertEqual(rows["stage1"], [["50.0 (22–78)", "25.0 (5–70)", "12.3"]])

    def test_levels_have_a_table_of_their_own(self) -> None:
        rows = self.rows("start=" + self.put("stage1", ONE), "tuned=" + self.put("stage3", TEN))
        self.assertEqual(rows["run, format"], [["1", "2", "3"]])
        self.assertEqual(rows["start, completion"], [["75", "", "25"]])
        self.assertEqual(rows["start, infilling"], [["50", "", "0"]])
        self.assertEqual(rows["tuned, chat"], [["50, 67", "17, 67", ""]])
        self.assertEqual(rows["tuned, completion"], [["", "100, 100", ""]])

    def test_ten_samples_give_pass_at_10(self) -> None:
        rows = self.rows("start=" + self.put("stage1", ONE), "tuned=" + self.put("stage3", TEN))
        self.assertEqual(rows["run"][0][:4], ["completion", "infilling", "chat", "completion, pass@10"])
        self.assertEqual(rows["start"][0][2:6], ["", "", "", ""])
        _, _, chat, completion, infilling, chat_of_ten, _ = rows["tuned"][0]
        self.assertRegex(chat, r"^33\.3 \(\d+–\d+\)$")
        self.assertEqual([completion, infilling], ["100.0 (21–100)", ""])
        self.assertRegex(chat_of_ten, r"^66\.7 \(\d+–\d+\)$")

    def test_what_is_no_finished_run_is_told(self) -> None:
        (self.folder / "empty").mkdir()
        with self.assertRaisesRegex(SystemExit, "No such file or directory; is .*empty a finished run"):
            results_table.main([str(self.folder / "empty")])
        other = report(1, {"1/completion": [1]})
        other["results"][0]["task_id"] = "HumanEval/0"
        uncounted = report(1, {"1/completion": [1]})
        uncounted["results"].pop()
        for number, (contents, message) in enumerate((
                ("{", "not a report"), ([], "not a report"), ({"results": [{"task_id": 7}]}, "not a report"),
                (other, "HumanEval/0 is not a problem of tasks.py"), (uncounted, "its groups are not those"))):
            with self.assertRaisesRegex(SystemExit, message):
                results_table.main([self.put(f"bad{number}", contents)])

    def test_without_a_run_the_usage_is_told(self) -> None:
        for arguments in ([], ["--help"]):
            with contextlib.redirect_stderr(io.StringIO()) as told:
                self.assertEqual(results_table.main(arguments), 2)
            self.assertIn("results_table.py [NAME=]DIR", told.getvalue())


if __name__ == "__main__":
    unittest.main()
