"""The table of one model over temperatures."""

import contextlib
import io
import sys
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

import in_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import temperature_table  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


class TemperatureTable(in_folder.InFolder):
    def put(self, temperature: float, passed: list[int], samples: int = 4) -> str:
        return self.put_report(f"{temperature}", passed, samples, k=[1, samples],
                               settings={"decoding": {"temperature": temperature}})

    def print(self, *arguments: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(temperature_table.main([*arguments]), 0)
        return out.getvalue()

    def test_each_temperature_is_compared_with_the_lowest_by_problem(self) -> None:
        hot, cold = self.put(1.2, [2] * 8), self.put(0.2, [4] * 4 + [0] * 4)
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in self.print(hot, cold).splitlines()]
        self.assertEqual(rows[0], ["temperature", "pass@1", "change", "pass@4", "change"])
        self.assertEqual(rows[2], ["0.2", "50.0 (21.5–78.5)", "", "50.0 (21.5–78.5)", ""])  # Wilson's, 4 of 8
        self.assertEqual(rows[3][:2], ["1.2", "50.0 (50.0–50.0)"])
        self.assertRegex(rows[3][2], r"^\+0\.0 \(-[0-9.]+ to [0-9.]+\), p = 1$")
        self.assertTrue(rows[3][3].startswith("100.0 ("))
        self.assertRegex(rows[3][4], r"^\+50\.0 \([0-9.]+ to [0-9.]+\), p = 0\.12$")  # 4 gained, none lost

    def test_the_picture_has_a_point_for_each_number(self) -> None:
        runs = [self.put(temperature, [1, 4, 0]) for temperature in (0, 0.5, 1)]
        self.print(*runs, "--svg", str(self.folder / "table.svg"))
        picture = ET.parse(self.folder / "table.svg").getroot()
        self.assertEqual(len([title for title in picture.iter(SVG + "title")]), 6)

    def test_what_is_wrong_is_told(self) -> None:
        run, other = self.put(0.2, [1, 0]), self.put(0.4, [1])
        for arguments, reason in (([run, other], "not of the same problems"),
                                  ([str(self.folder / "none")], "is .*none a finished run")):
            with self.assertRaisesRegex(SystemExit, reason):
                temperature_table.main(arguments)


if __name__ == "__main__":
    unittest.main()
