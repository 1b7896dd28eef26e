"""Pages in a browser: scripts run from a file, as their policy allows, buttons do what they say, and dark is dark.

    python3 tests/integration/test_pages.py build/unmask

Needs chromium; without it the tests are skipped.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = ""
MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "tiny"
TRACES = pathlib.Path(__file__).resolve().parents[1] / "cli" / "traces"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 240  # a browser on a busy machine


# Put after a page's own script, once the policy that would forbid it is removed: it notes where each control leads.
CONTROLS = """<script>
const [first, back, play, on, last] = document.querySelectorAll('.run button');
const slider = document.querySelector('.run input'), seen = [];
const note = () => seen.push(document.querySelector('.run output').textContent.split(' ')[1]);
for (const button of [first, on, on, back, last, back, first]) { button.click(); note(); }
slider.value = 2; slider.dispatchEvent(new Event('input')); note();
play.click();
document.title = seen.join(' ');
</script>"""
# Likewise: it notes how large the figures are drawn.
SIZES = """<script>
const of = figure => figure.getBoundingClientRect();
document.title = [...document.querySelectorAll('figure svg, svg.plot, .chart svg')]
    .map(figure => Math.round(of(figure).width) + 'x' + Math.round(of(figure).height)).join(' ');
</script>"""
LIGHT, DARK = bytes.fromhex("ffffff"), bytes.fromhex("0d1117")  # the background of all pages
METRICS = [{"kind": "run", "objective": "diffusion", "steps": 2}, {"kind": "step", "step": 1, "loss": 2.5},
           {"kind": "step", "step": 2, "loss": 1.5}]
PROBLEM = {"task_id": "one", "prompt": "def f(x):\n", "entry_point": "f", "test": "def check(f):\n    assert f(1) == 1\n"}


def first_pixel(png):
    """The colour of the first pixel of the first row, which all filters of PNG leave as it is."""
    parts, at = b"", 8
    while at < len(png):
        length, kind = int.from_bytes(png[at:at + 4]), png[at + 4:at + 8]
        parts += png[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return zlib.decompress(parts)[1:4]


@unittest.skipUnless(BROWSER, "chromium is not installed")
class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def make(self, *arguments, name="page"):
        page = self.folder / f"{name}.html"
        subprocess.run([PROGRAM, *arguments, str(page)], check=True, capture_output=True)
        return page

    def browse(self, page, *options):
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.folder / 'profile'}",
                   *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout

    def contents(self, page):
        """The document after its scripts have run, timers included."""
        return self.browse(page, "--virtual-time-budget=20000", "--dump-dom")

    def ground(self, page, scheme):
        """The background of a page for people who prefer a scheme: 0 is dark, 1 is light."""
        picture = self.folder / "page.png"
        self.browse(page, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=600,400",
                    f"--screenshot={picture}")
        return first_pixel(picture.read_bytes())

    def test_a_played_run_stands_at_its_end_with_buttons(self):
        text = self.contents(self.make("replay", str(TRACES / "longest_run.jsonl"), "--html"))
        steps = re.search(r'data-steps="(\d+)"', text).group(1)
        self.assertRegex(text, r'<section class="run live"')
        self.assertRegex(text, rf"<output>step {steps} of {steps}, \d+ tokens</output>")
        self.assertNotIn("tok masked", text)

    def test_a_page_of_an_analysis_has_live_players(self):
        text = self.contents(self.make("analyze", str(TRACES / "longest_run.jsonl"), str(TRACES / "two_runs.jsonl"), "--output"))
        self.assertEqual(len(re.findall(r'<section class="run live"', text)), 3)
        self.assertIn("Local AR-ness", text)

    def test_controls_lead_where_they_say(self):
        page = self.make("replay", str(TRACES / "longest_run.jsonl"), "--html")
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</body>", CONTROLS + "</body>"), encoding="utf-8")
        text = self.contents(page)
        steps = int(re.search(r'data-steps="(\d+)"', text).group(1))
        self.assertIn(f"<title>0 1 2 1 {steps} {steps - 1} 0 2</title>", text)
        self.assertRegex(text, rf"<output>step {steps} of {steps}, ")  # it played on from step 2

    def test_pages_are_dark_for_those_who_prefer_it(self):
        (self.folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, METRICS)))
        (self.folder / "problems.jsonl").write_text(json.dumps(PROBLEM))
        pages = {
            "replay": self.make("replay", str(TRACES / "longest_run.jsonl"), "--html", name="replay"),
            "analyze": self.make("analyze", str(TRACES / "two_runs.jsonl"), "--output", name="analyze"),
            "report": self.make("report", str(self.folder / "metrics.jsonl"), "--output"),
        }
        subprocess.run([PROGRAM, "eval", "--model", str(MODEL), "--problems", str(self.folder / "problems.jsonl"), "--length",
                        "4", "--sandbox", "none", "--output", str(self.folder / "run")], check=True, capture_output=True)
        pages["eval"] = self.folder / "run" / "report.html"
        subprocess.run([PROGRAM, "sweep", "--model", str(MODEL), "--problems", str(self.folder / "problems.jsonl"), "--length",
                        "4", "--temperatures", "0,1", "--steps", "1/2", "--sandbox", "none", "--output",
                        str(self.folder / "sweep")], check=True, capture_output=True)
        pages["sweep"] = self.folder / "sweep" / "report.html"
        for name, page in pages.items():
            with self.subTest(name):
                self.assertEqual(self.ground(page, 0), DARK)
                self.assertEqual(self.ground(page, 1), LIGHT)

    def test_figures_of_all_pages_have_a_size(self):
        (self.folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, METRICS)))
        pages = {
            "analyze": self.make("analyze", str(TRACES / "two_runs.jsonl"), "--output", name="analyze"),
            "report": self.make("report", str(self.folder / "metrics.jsonl"), "--output"),
        }
        for name, page in pages.items():
            text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
            page.write_text(text.replace("</body>", SIZES + "</body>"), encoding="utf-8")
            with self.subTest(name):
                sizes = re.search(r"<title>([^<]*)</title>", self.contents(page)).group(1).split()
                self.assertGreater(len(sizes), 0)
                for width, height in (map(int, size.split("x")) for size in sizes):
                    self.assertGreater(min(width, height), 40)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
