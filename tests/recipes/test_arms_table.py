"""The table of several runs of an arm less other runs."""

import contextlib
import io
import sys
import unittest
from pathlib import Path

import in_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import arms_table  # noqa: E402



class Student(unittest.TestCase):
    def test_quantiles_beyond_the_table_are_those_of_the_distribution(self) -> None:
        for degrees, quantile in ((2, 4.303), (10, 2.228), (20, 2.086), (120, 1.980)):
            self.assertAlmostEqual(arms_table.student_95(degrees), quantile, delta=0.003)

class ArmsTable(in_folder.InFolder):
    def put(self, name: str, passed: list[int], samples: int = 1) -> str:
        return self.put_report(name, passed, samples)

    def rows(self, *arguments: str) -> dict[str, list[str]]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(arms_table.main([*arguments]), 0)
        return {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
                for line in out.getvalue().splitlines()}

    def test_runs_of_an_arm_are_averaged_problem_by_problem(self) -> None:
        arm = ",".join([self.put("one", [1, 1, 0, 0]), self.put("two", [1, 1, 1, 0]), self.put("three", [1, 1, 1, 1])])
        rows = self.rows(f"arm={arm}", "other=" + self.put("other", [0, 0, 0, 0]))
        # Student's t with two degrees of freedom: 75 +- 4.303 * 25 / sqrt(3).
        self.assertEqual(rows["arm"], ["50.0, 75.0, 100.0", "75.0", "12.9 to 137.1", ""])
        self.assertEqual(rows["other"][:3], ["0.0", "0.0", ""])
        self.assertRegex(rows["other"][3], r"^\+75\.0 \([0-9.]+ to [0-9.]+\)$")

    def test_a_constant_difference_has_no_width(self) -> None:
        rows = self.rows("a=" + self.put("a", [2] * 8, 2), "b=" + self.put("b", [1] * 8, 2))
        self.assertEqual(rows["b"][3], "+50.0 (50.0 to 50.0)")

    def test_what_is_wrong_is_told(self) -> None:
        same, fewer = self.put("same", [1, 0]), self.put("fewer", [1])
        for arguments, reason in (([f"a={same}", f"b={fewer}"], "not of the same problems"), ([same], "expected ARM="),
                                  ([f"a={self.folder}/none"], "is .*none a finished run")):
            with self.assertRaisesRegex(SystemExit, reason):
                arms_table.main(arguments)


if __name__ == "__main__":
    unittest.main()
