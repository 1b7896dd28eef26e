"""What a system does not offer is said in one line and refused, unless a weaker level is named.

    python3 tests/integration/test_sandbox_refusal.py build/unmask

The system is a user namespace in which no other may be made, as in many containers; its root has no other identity to take.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
WITHOUT_NAMESPACES = ["unshare", "--user", "--map-root-user", "sh", "-c",
                      'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
PROBLEM = {"task_id": "one", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    return 1\n",
           "test": "def check(f):\n    assert f() == 1\n"}
CAPABILITIES = {**PROBLEM, "task_id": "two", "test": "def check(f):\n    assert f() == [0] * 3\n",
                "canonical_solution": "    with open('/proc/self/status') as lines:\n"
                                      "        return [int(line.split()[1], 16) for line in lines if line[:6] in ('CapInh', 'CapPrm', 'CapEff')]\n"}


class Refusal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-refusal-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        (cls.work / "problems.jsonl").write_text(json.dumps(PROBLEM))
        try:
            subprocess.run([*WITHOUT_NAMESPACES, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as reason:
            raise unittest.SkipTest(f"no user namespace to be made: {reason}") from reason

    def setUp(self):
        (self.work / "results.jsonl").unlink(missing_ok=True)

    def judge(self, *options, problems="problems.jsonl"):
        return subprocess.run([*WITHOUT_NAMESPACES, PROGRAM, "judge", problems, "--reference", "--output", "results.jsonl",
                               *options], cwd=self.work, capture_output=True, text=True, timeout=120,
                              check=False)

    def test_what_is_missing_is_told_and_nothing_runs(self):
        for level, weaker in (("full", "namespaces, bubblewrap, seccomp or none"),
                              ("namespaces", "bubblewrap, seccomp or none")):
            done = self.judge(*([] if level == "full" else [f"--sandbox={level}"]))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, rf"\Aunmask: the sandbox level {level} is not to be had on this system: "
                                          rf"namespaces: [^\n]+; weaker levels: {weaker}\n\Z")
            self.assertEqual(done.stdout, "")
            self.assertFalse((self.work / "results.jsonl").exists())

    def test_a_weaker_level_is_taken_when_it_is_named(self):
        for level in ("seccomp", "none"):
            done = self.judge(f"--sandbox={level}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, rf"\Asandbox: {level}: [^\n]+\n\Z")
            self.assertIn("verdicts: 1 passed", done.stdout)

    def test_root_without_another_identity_is_left_no_capabilities(self):
        (self.work / "capabilities.jsonl").write_text(json.dumps(CAPABILITIES))
        done = self.judge("--sandbox=none", problems="capabilities.jsonl")
        self.assertIn("verdicts: 1 passed", done.stdout)
        self.assertRegex(done.stderr, r"\Asandbox: none: [^\n]+; nobody is not to be had here: programs stay root, "
                                      r"without its capabilities\n\Z")


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
