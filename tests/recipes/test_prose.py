"""Documents and prompts of prose, from functions and from stories."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import prose  # noqa: E402

FUNCTION = {"prompt": 'def double(x):\n    """Return twice x."""\n', "completion": "    return 2 * x\n", "format": "completion"}
STORY = 'One day Tom ran. "Stop!" said Ann. Tom fell. He cried. Then he got up. They went home.\n\nAnother story. And on.'


class Descriptions(unittest.TestCase):
    def test_the_sentence_is_the_hole_and_the_function_follows(self) -> None:
        self.assertEqual(prose.description_of(FUNCTION), {
            "prompt": 'def double(x):\n    """', "completion": "Return twice x.",
            "suffix": '"""\n    return 2 * x\n'})

    def test_examples_stay(self) -> None:
        function = {**FUNCTION, "prompt": 'def double(x):\n    """Return twice x.\n\n    >>> double(2)\n    4\n    """\n'}
        made = prose.description_of(function)
        self.assertEqual(made and made["completion"], "Return twice x.")
        self.assertEqual(made and made["suffix"], '\n\n    >>> double(2)\n    4\n    """\n    return 2 * x\n')

    def test_what_is_no_whole_function_is_left_out(self) -> None:
        others: list[dict[str, Any]] = [{**FUNCTION, "format": "infilling"}, {**FUNCTION, "prompt": "def f():\n"},
                                        {"messages": []}]
        self.assertEqual(list(prose.descriptions([*others, FUNCTION])), [prose.description_of(FUNCTION)])


class Stories(unittest.TestCase):
    def test_a_story_goes_on_with_two_sentences(self) -> None:
        self.assertEqual(list(prose.continuations_of(STORY)), [
            {"prompt": "One day Tom ran. ", "completion": '"Stop!" said Ann.\n'},  # a mark of its own ends a sentence
            {"prompt": 'One day Tom ran. "Stop!" said Ann. ', "completion": "Tom fell. He cried.\n"},
            {"prompt": 'One day Tom ran. "Stop!" said Ann. Tom fell. He cried. ',
             "completion": "Then he got up. They went home.\n"}])

    def test_beginnings_are_whole_sentences_of_bounded_length(self) -> None:
        story = "".join(f"This is sentence {number:02}. " for number in range(40))
        for document in prose.continuations_of(story):
            self.assertTrue(document["prompt"].startswith("This is"))
            self.assertLessEqual(len(document["prompt"]), prose.LONGEST_BEGINNING)
            self.assertTrue(story.find(document["prompt"] + document["completion"].rstrip()) >= 0)

    def test_prompts_are_of_stories_that_are_no_documents(self) -> None:
        samples = [{"completion": f"Story {number} begins. It goes on. It ends. Good night."} for number in range(101)]
        documents = list(prose.stories(samples, 0))
        prompts = list(prose.stories(samples, 3))
        self.assertEqual([prompt["prompt"].split()[1] for prompt in prompts], ["0", "50", "100"])
        self.assertEqual(len({prompt["task_id"] for prompt in prompts}), 3)
        told = {document["prompt"].split()[1] for document in documents}
        self.assertEqual(told, {str(number) for number in range(101)} - {"0", "50", "100"})


class Command(unittest.TestCase):
    def run_with(self, *arguments: str) -> str:
        printed = io.StringIO()
        with mock.patch.object(sys, "argv", ["prose.py", *arguments]), contextlib.redirect_stdout(printed):
            prose.main()
        return printed.getvalue()

    def test_lines_are_documents(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write(json.dumps(FUNCTION) + "\n")
            file.flush()
            self.assertEqual(json.loads(self.run_with("descriptions", file.name)), prose.description_of(FUNCTION))

    def test_what_cannot_be_read_is_said(self) -> None:
        with self.assertRaisesRegex(SystemExit, "prose.py: .*nowhere"):
            self.run_with("stories", "/nowhere.jsonl")


if __name__ == "__main__":
    unittest.main()
