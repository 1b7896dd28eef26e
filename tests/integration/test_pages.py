"""Pages of `unmask analyze` and `unmask replay` in a browser: their scripts run from a file, as their policy allows.

    python3 tests/integration/test_pages.py build/unmask

Needs chromium; without it the tests are skipped.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
TRACES = pathlib.Path(__file__).resolve().parents[1] / "cli" / "traces"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 240  # a browser on a machine that does other work


def contents_after_scripts(page, profile):
    """The document as it stands once its scripts ran."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
               "--virtual-time-budget=2000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


@unittest.skipUnless(BROWSER, "chromium is not installed")
class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def open(self, *arguments):
        page = self.folder / "page.html"
        subprocess.run([PROGRAM, *arguments, str(page)], check=True, capture_output=True)
        return contents_after_scripts(page, self.folder / "profile")

    def test_a_played_run_stands_at_its_end_with_buttons(self):
        text = self.open("replay", str(TRACES / "longest_run.jsonl"), "--html")
        steps = re.search(r'data-steps="(\d+)"', text).group(1)
        self.assertRegex(text, r'<section class="run live"')
        self.assertRegex(text, rf"<output>step {steps} of {steps}, \d+ tokens</output>")
        self.assertNotIn("tok masked", text)

    def test_a_page_of_an_analysis_has_live_players(self):
        text = self.open("analyze", str(TRACES / "longest_run.jsonl"), str(TRACES / "two_runs.jsonl"), "--output")
        self.assertEqual(len(re.findall(r'<section class="run live"', text)), 3)
        self.assertIn("Local AR-ness", text)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
