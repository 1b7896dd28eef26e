"""What the tests of evaluations that are stopped share: small problems, and commands in a folder of their own.

They run models/tiny at sandbox level none: what is tested is the run, not the sandbox.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "tiny"
TIMEOUT = 240


def problem(number):
    return {"task_id": f"p/{number}", "prompt": f"def f{number}(n):\n    \"\"\"Return n plus {number}.\"\"\"\n",
            "entry_point": f"f{number}", "canonical_solution": f"    return n + {number}\n",
            "test": f"def check(candidate):\n    assert candidate(1) == {number + 1}\n"}


@unittest.skipUnless((MODEL / "model.safetensors").exists(), "models/tiny holds no model")
class EvalRuns(unittest.TestCase):
    """Evaluations of problems.jsonl, which has `count` problems."""

    program = ""
    count = 0

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-eval-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        (cls.work / "problems.jsonl").write_text("".join(json.dumps(problem(number + 1)) + "\n" for number in range(cls.count)))

    @classmethod
    def begin(cls, command, name, *options):
        return subprocess.Popen(
            [cls.program, command, "--model", MODEL, "--problems", cls.work / "problems.jsonl", "--output", cls.work / name,
             "--threads", "1", "--workers", "1", "--sandbox", "none", "--json", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def report_of(self, process):
        """The report that a successful run prints."""
        output, messages = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, messages)
        return json.loads(output)


def main():
    EvalRuns.program = os.path.abspath(sys.argv.pop(1))
    unittest.main()
