"""A judge that was stopped, as by Ctrl-Z, gives the verdicts that came meanwhile.

    python3 tests/integration/test_judge_stopped.py build/unmask

The programs go on while it is stopped, in sessions of their own, and are done long before their time is up.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
TIMEOUT = 3
PROBLEM = {"task_id": "one", "prompt": "def f():\n", "entry_point": "f",
           "canonical_solution": "    import time\n    time.sleep(1)\n    return 1\n",
           "test": "def check(f):\n    assert f() == 1\n"}


class Stopped(unittest.TestCase):
    def test_what_came_while_it_was_stopped_counts(self):
        with tempfile.TemporaryDirectory(prefix="unmask-stopped-") as folder:
            work = pathlib.Path(folder)
            (work / "problems.jsonl").write_text(json.dumps(PROBLEM))
            judge = subprocess.Popen([PROGRAM, "judge", "problems.jsonl", "--reference", "--output", "results.jsonl",
                                      "--timeout", str(TIMEOUT), "--sandbox", "none"], cwd=work,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                self.assertRegex(judge.stderr.readline(), "^sandbox: none")
                time.sleep(0.5)
                judge.send_signal(signal.SIGSTOP)
                time.sleep(TIMEOUT + 1)
                judge.send_signal(signal.SIGCONT)
                output, errors = judge.communicate(timeout=60)
            finally:
                judge.kill()
            self.assertEqual(judge.returncode, 0, errors)
            self.assertIn("verdicts: 1 passed", output)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
