"""Extraction of documented functions from modules."""

import contextlib
import io
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import corpus  # noqa: E402

PLAIN = '''
def double(x,
           y=1):
    """Return twice the value.

    More words.
    """
    # a comment
    if x:
        return 2 * x

    return y
'''


class Functions(unittest.TestCase):
    def test_signature_summary_and_body_are_kept(self) -> None:
        self.assertEqual(list(corpus.functions(PLAIN)), [{
            "prompt": 'def double(x,\n           y=1):\n    """Return twice the value."""\n',
            "completion": "    # a comment\n    if x:\n        return 2 * x\n\n    return y\n"}])

    def test_indentation_becomes_four_spaces(self) -> None:
        found = list(corpus.functions('def f(x):\n  """Return the same value."""\n  return x\n'))
        self.assertEqual(found[0]["completion"], "    return x\n")

    def test_a_form_feed_ends_no_line(self) -> None:
        one = 'def f(x):\n    """Return the same value."""\n    return x\n'
        found = list(corpus.functions(f"{one}\f\n{one.replace('f(', 'g(')}"))
        self.assertEqual([document["prompt"][4] for document in found], ["f", "g"])

    def test_unsuitable_functions_are_left_out(self) -> None:
        for text in ("def f(x):\n    return x\n",
                     'def f(x):\n    """Return x."""\n    return x\n',
                     'def f(x):\n    """Return the same value."""\n',
                     'def f(x): "Return the same value."; return x\n',
                     '@cache\ndef f(x):\n    """Return the same value."""\n    return x\n',
                     'def f(x):\n    """Return a sentence that\n    runs on."""\n    return x\n',
                     'class C:\n    def f(self):\n        """Return the same value."""\n        return self\n',
                     "def f(:\n"):
            self.assertEqual(list(corpus.functions(text)), [], text)


class Modules(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)

    def write(self, name: str, text: str) -> Path:
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def test_tests_and_vendored_copies_are_skipped(self) -> None:
        for name in ("a.py", "pkg/b.py", "pkg/tests/c.py", "pkg/test_d.py", "_vendor/e.py", "f.txt"):
            self.write(name, "")
        self.assertEqual([str(path.relative_to(self.tree)) for path in corpus.modules(self.tree)], ["a.py", "pkg/b.py"])

    def test_copyleft_and_generated_modules_are_skipped(self) -> None:
        self.assertIsNone(corpus.read_module(self.write("a.py", "# GNU General Public License\n")))
        self.assertIsNone(corpus.read_module(self.write("b.py", "# Automatically generated, do not edit\n")))
        self.assertEqual(corpus.read_module(self.write("c.py", "x = 1\n")), "x = 1\n")

    def test_the_committed_list_has_permissive_licences_only(self) -> None:
        packages = corpus.read_packages(Path(corpus.__file__).with_name("packages.tsv"))
        self.assertGreater(len(packages), 60)
        self.assertEqual(len({package.name for package in packages}), len(packages))
        for package in packages:
            self.assertRegex(package.licence, r"^(MIT|BSD-\d-Clause|Apache-2.0|PSF-2.0)$")


class Lists(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name)

    def listed(self, *rows: str) -> list[corpus.Package]:
        path = self.cache / "packages.tsv"
        path.write_text("\n".join(("package\tversion\tlicence", *rows)) + "\n")
        return corpus.read_packages(path)

    def unpacked(self, name: str, text: str) -> None:
        module = self.cache / "trees" / f"{name}_1" / "m.py"
        module.parent.mkdir(parents=True)
        module.write_text(text)

    def test_other_licences_and_broken_rows_are_refused(self) -> None:
        for row, message in (("a\t1\tGPL-3", "permissive"), ("a\t1", "tsv:2: expected"), ("a\t\tMIT", "expected")):
            with self.assertRaisesRegex(SystemExit, message):
                self.listed(row)

    def test_copies_in_another_layout_are_left_out(self) -> None:
        self.unpacked("a", PLAIN)
        self.unpacked("b", PLAIN.replace("    # a comment\n", "").replace("2 * x", "2*x")
                      + "\n\ndef other(x):\n    \"\"\"Return the same value.\"\"\"\n    return x\n")
        packages = self.listed("a\t1\tMIT", "b\t1\tMIT")
        with contextlib.redirect_stderr(io.StringIO()):
            found = list(corpus.collect(packages, self.cache, 400))
        self.assertEqual([(row["package"], row["prompt"].split("(")[0]) for row in found],
                         [("a", "def double"), ("b", "def other")])

    def test_an_archive_that_cannot_be_fetched_is_explained(self) -> None:
        tools = self.cache / "bin"
        tools.mkdir()
        (tools / "apt-get").write_text("#!/bin/sh\nexit 100\n")
        (tools / "apt-get").chmod(0o755)
        with unittest.mock.patch.dict("os.environ", {"PATH": f"{tools}:/bin:/usr/bin"}):
            with self.assertRaisesRegex(SystemExit, "a=1 cannot be fetched.*snapshot.debian.org"):
                corpus.unpack(corpus.Package("a", "1", "MIT"), self.cache)

    def test_the_best_documents_are_short_and_say_enough(self) -> None:
        row = {"prompt": 'def f(x):\n    """Return twice the value."""\n', "completion": "    return 2 * x\n"}
        self.assertTrue(corpus.suits(row, 100, 4))
        self.assertFalse(corpus.suits(row, 100, 5))
        self.assertFalse(corpus.suits(row, 50, 4))


if __name__ == "__main__":
    unittest.main()
