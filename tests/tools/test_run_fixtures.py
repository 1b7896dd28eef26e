"""Tests of tests/cli/run_fixtures.py: each expectation can pass and can fail."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))

import run_fixtures  # noqa: E402

# A program whose behaviour its arguments spell out: the Python interpreter.
PROGRAM = sys.executable


def failures(text):
    """The problems of each case of a fixture text."""
    return [run_fixtures.run_case(PROGRAM, case) for case in run_fixtures.parse(text)]


def passes(text):
    return failures(text) == [[]]


HELLO = "case: a\nrun: unmask -c 'print(\"hello\")'\n"


class Expectations(unittest.TestCase):
    def check(self, head, good, bad):
        self.assertTrue(passes(head + good), good)
        self.assertFalse(passes(head + bad), bad)

    def test_exit_status(self):
        self.check("case: a\nrun: unmask -c 'exit(3)'\n", "exit: 3", "exit: 0")

    def test_exit_status_is_zero_by_default(self):
        self.assertFalse(passes("case: a\nrun: unmask -c 'exit(3)'\n"))

    def test_patterns(self):
        self.check(HELLO, "stdout: ^hel+o$", "stdout: ^help")
        self.check(HELLO, "stdout-not: ^help", "stdout-not: hell")

    def test_exact_output(self):
        self.check(HELLO, "stdout-is: hello", "stdout-is: hell")
        self.check(HELLO, "stdout-is: hello", "stdout-is: hello\nstdout-is: more")

    def test_empty_streams(self):
        self.check(HELLO, "empty: stderr", "empty: stdout")

    def test_standard_error(self):
        head = "case: a\nrun: unmask -c 'import sys; sys.stderr.write(\"oh\\n\")'\n"
        self.check(head, "stderr-is: oh\nempty: stdout", "stderr: ah")

    def test_standard_input(self):
        head = "case: a\nrun: unmask -c 'print(input() + input())'\nstdin: ab\nstdin: cd\n"
        self.check(head, "stdout-is: abcd", "stdout-is: ab")

    def test_environment(self):
        head = "case: a\nrun: unmask -c 'import os; print(os.environ[\"A\"])'\nenv: A=b=c\n"
        self.check(head, "stdout-is: b=c", "stdout-is: b")

    def test_files(self):
        head = "case: a\nfile: in.txt one\nfile: in.txt two\nrun: unmask -c " + (
            "'open(\"out\", \"w\").write(open(\"in.txt\").read())'\n"
        )
        self.check(head, "contains: out one\\ntwo", "contains: out three")
        self.check(head, "contains: out one", "contains: other one")

    def test_timeout(self):
        head = "case: a\nrun: unmask -c 'import time; time.sleep(0.5)'\n"
        self.check(head, "timeout: 30", "timeout: 0.05")

    def test_a_signal_is_a_failure(self):
        head = "case: a\nrun: unmask -c 'import os; os.kill(os.getpid(), 6)'\n"
        for status in ("0", "-6", "134"):
            self.assertFalse(passes(head + f"exit: {status}"))

    def test_steps_share_a_directory_and_stop_at_the_first_failure(self):
        write = "run: unmask -c 'open(\"a\", \"w\")'\n"
        read = "run: unmask -c 'open(\"a\")'\n"
        self.assertTrue(passes("case: a\n" + write + read))
        both = failures("case: a\n" + write + "case: b\n" + read)
        self.assertEqual(both[0], [])
        self.assertNotEqual(both[1], [])

    def test_placeholders(self):
        head = "case: a\nrun: unmask -c 'import sys; print(sys.argv[1:])' ${source} $$x\n"
        self.check(head, f"stdout: {ROOT}', '\\$x'", "stdout: source")


class Format(unittest.TestCase):
    def test_mistakes_are_named_with_their_line(self):
        for text, expected in (
            ("run: unmask", "line 1: the first key must be case"),
            ("case: a\nexit: 0", "line 2: 'exit' must come after a run"),
            ("case: a\nrun: unmask\nexit: none", "line 3: 'none' is not a number"),
            ("case: a\nrun: unmask\nstdut: x", "line 3: unknown key 'stdut'"),
            ("case: a\nrun: unmask\nstdout-ist: x", "line 3: unknown key 'stdout-ist'"),
            ("case: a\nrun: unmask\nstdout: (", "line 3: bad regular expression"),
            ("case: a\nrun: unmask\nempty: stdin", "line 3: empty is stdout or stderr"),
            ("case: a\nfile: ../x text", "line 2: a file name below"),
            ("case: a\nrun: unmask\nstdout", "line 3: expected `key: value`"),
            ("case: a", "case 'a' runs nothing"),
            ("# nothing", "there is no case in it"),
        ):
            with self.assertRaises(run_fixtures.FixtureError) as raised:
                run_fixtures.parse(text)
            self.assertIn(expected, str(raised.exception))

    def test_comments_and_blank_lines_are_skipped(self):
        cases = run_fixtures.parse("# a: b\n\ncase: one\n\nrun: unmask\n# x\nexit: 4\n")
        self.assertEqual([(case.name, case.steps[0].exit) for case in cases], [("one", 4)])


if __name__ == "__main__":
    unittest.main()
