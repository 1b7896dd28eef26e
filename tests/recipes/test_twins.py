"""Keys that mean the same."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, "recipes/tiny")
import twins  # noqa: E402


class Canonical(unittest.TestCase):
    def assert_same(self, *keys: tuple[int, str]) -> None:
        self.assertEqual(len({twins.canonical(level, key) for level, key in keys}), 1, keys)

    def test_an_argument_in_place_of_a_constant(self) -> None:
        self.assert_same((4, "sentence/if(starts)/minimum"), (5, "sentence/if(starts)/minimum/letter"))
        self.assertEqual(twins.canonical(2, "text/if(letters)/head/length"), "text/if(letters)/head/length")

    def test_a_replacement_is_a_choice(self) -> None:
        self.assert_same((3, "numbers/each(even)/triple/same"), (6, "numbers/replace_if/if(even)/map(triple)"),
                         (3, "numbers/each(odd)/same/triple"))

    def test_a_dictionary_is_its_values(self) -> None:
        self.assert_same((2, "entries/if(even)/list"), (2, "table/v/if(v,even)"))
        self.assertEqual(twins.canonical(2, "table/k/if(v,even)"), "table/k/if(v,even)")

    def test_branches_may_be_exchanged(self) -> None:
        self.assert_same((2, "number/if(even)/halve/double"), (2, "number/if(odd)/double/halve"))
        self.assert_same((2, "text/if(not_digit)/upper/lower"), (2, "text/if(digit)/lower/upper"))
        self.assertEqual(twins.canonical(4, "numbers/if(odd)/sum"), "numbers/if(odd)/sum")

    def test_known_problems_and_their_rates_are_told(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            problems = [{"task_id": "a", "level": 2, "key": "number/if(even)/halve/double"},
                        {"task_id": "b", "level": 2, "key": "number/if(even)/halve/same"}]
            documents = [{"level": 2, "key": "number/if(odd)/double/halve"}, {"text": "code"}]
            results = [{"task_id": "a", "passed": 4}, {"task_id": "b", "passed": 0}]
            for file, rows in (("p", problems), ("d", documents), ("none", documents[1:])):
                (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
            self.put_report(folder, results)
            self.assertIn("2         2      1  100.0 (21-100) of 1,  0.0 (0-79) of 1\n", self.print(folder, "d"))
            self.assertIn("2         2      0  -,  50.0 (9-91) of 2\n", self.print(folder, "none"))
            self.put_report(folder, results[:1])
            with self.assertRaisesRegex(SystemExit, "not a run on all problems"):
                self.print(folder, "d")

    def put_report(self, folder: pathlib.Path, results: list[dict[str, object]]) -> None:
        (folder / "report.json").write_text(json.dumps({"samples_each": 4, "results": results}))

    def print(self, folder: pathlib.Path, documents: str) -> str:
        words = ["twins.py", str(folder / "p"), str(folder / documents), "--run", str(folder)]
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(io.StringIO()) as output:
            twins.main()
        return output.getvalue()


if __name__ == "__main__":
    unittest.main()
