"""The picture of what reinforcement learning learns from."""

import contextlib
import io
import json
import sys
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

import in_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import arms_plot  # noqa: E402


class ArmsPlot(in_folder.InFolder):
    def put(self, name: str, shares: list[float]) -> str:
        (self.folder / name).mkdir()
        rows = [{"kind": "run"}, *({"kind": "step", "step": step, "pass_rate": share} for step, share in enumerate(shares, 1))]
        (self.folder / name / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(self.folder / name)

    def test_a_point_is_the_mean_of_a_window(self) -> None:
        name, points = arms_plot.read_run("arm=" + self.put("a", [0.1, 0.2, 0.3, 0.4, 0.5, 1, 1, 1, 1, 1, 0.7]))
        self.assertEqual(name, "arm")
        self.assertEqual([(step, round(share, 6)) for step, share in points], [(5, 0.3), (10, 1)])

    def test_runs_of_one_name_have_one_colour(self) -> None:
        runs = [f"one={self.put('a', [0.4] * 10)}", f"one={self.put('b', [0.5] * 10)}", self.put("two", [0.6] * 10)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(arms_plot.main(runs), 0)
        lines = list(ET.fromstring(out.getvalue()).iter("{http://www.w3.org/2000/svg}polyline"))
        self.assertEqual([line.get("class") for line in lines], ["g1", "g1", "g2"])

    def test_what_is_wrong_is_told(self) -> None:
        for argument, reason in ((str(self.folder / "none"), "is .*none a run"), (self.put("short", [0.1] * 4), "fewer than")):
            with self.assertRaisesRegex(SystemExit, reason):
                arms_plot.main([argument])


if __name__ == "__main__":
    unittest.main()
