"""What a system does not offer is said in one line and refused, unless a weaker level is named.

    python3 tests/integration/test_sandbox_refusal.py build/unmask

The system is a user namespace in which no other may be made, as in many containers; its root has no other identity to take.
Or it is one without Landlock, or with lower limits.
"""

import ctypes
import json
import os
import pathlib
import resource
import struct
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


# What a program may try on a file that its user may write; each entry is an error, or None if it worked.
CHANGES = """import mmap, os
def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
def mapped():
    with open(PATH, "r+b") as file:
        mmap.mmap(file.fileno(), 4)[:] = b"gone"
def f():
    return [attempt(action) for action in (
        mapped, lambda: os.open(PATH, os.O_WRONLY), lambda: os.open(PATH, os.O_RDONLY | os.O_TRUNC),
        lambda: os.open(PATH + "2", os.O_RDONLY | os.O_CREAT), lambda: os.rename(PATH, PATH + "3"),
        lambda: os.truncate(PATH, 0), lambda: os.chmod(PATH, 0), lambda: os.unlink(PATH),
        lambda: open(PATH).close())]
"""
LANDLOCK_CALL, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 444, 38, 22
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24


def without_landlock():
    """As on a kernel without it: the call that makes a rule set does not exist.  For preexec_fn."""
    instruction = struct.Struct("HBBI").pack
    code = ctypes.create_string_buffer(
        instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 1, LANDLOCK_CALL) + instruction(6, 0, 0, 0x50000 | 38)
        + instruction(6, 0, 0, 0x7fff0000))
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        raise OSError("no seccomp")


class Elsewhere(unittest.TestCase):
    """Systems that offer less, or limit more."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-elsewhere-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.work.chmod(0o777)

    def judge(self, problem, prepare, *options):
        (self.work / "problems.jsonl").write_text(json.dumps(problem))
        return subprocess.run([PROGRAM, "judge", "problems.jsonl", "--reference", *options], cwd=self.work,
                              preexec_fn=prepare, capture_output=True, text=True, timeout=120, check=False)

    def test_files_are_safe_without_landlock_too(self):
        victim = self.work / "victim"
        victim.write_text("here")
        victim.chmod(0o666)
        reference = f"PATH = {str(victim)!r}\n" + CHANGES
        problem = {"task_id": "files", "prompt": "", "entry_point": "f", "canonical_solution": reference,
                   "test": "def check(f):\n    assert f() == ['PermissionError'] * 8 + [None], f()\n"}
        for options in ((), ("--fresh",)):
            done = self.judge(problem, without_landlock, "--sandbox=seccomp", *options)
            self.assertIn("no Landlock; no namespaces, so that files can be read", done.stderr)
            self.assertIn("verdicts: 1 passed", done.stdout, done.stderr)
            self.assertEqual(victim.read_text(), "here")

    def test_lower_limits_are_kept(self):
        def prepare():
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 4 << 20))
            resource.setrlimit(resource.RLIMIT_NOFILE, (220, 220))
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)  # only root has it, and could widen them
        done = self.judge(PROBLEM, prepare, "--sandbox=none")
        self.assertIn("verdicts: 1 passed", done.stdout, done.stderr)

    def test_modules_of_the_current_directory_are_not_taken(self):
        (self.work / "struct.py").write_text("raise SystemExit('taken')\n")
        done = self.judge(PROBLEM, None, "--sandbox=none")
        self.assertIn("verdicts: 1 passed", done.stdout, done.stderr)


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
