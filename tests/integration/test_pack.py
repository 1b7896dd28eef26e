"""`unmask pack` against a packer of a few lines, byte for byte.

    python3 tests/integration/test_pack.py build/unmask

The tokens come from the golden cases of the tokenizer, so that nothing here runs one.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "tokenizer"
TOKENIZER = GOLDEN / "qwen_style"


def golden_texts():
    """Pairs of a text and its ids, for the cases that are UTF-8."""
    pairs = []
    for case in json.loads((GOLDEN / "qwen_style_cases.json").read_text(encoding="utf-8")):
        try:
            pairs.append((bytes.fromhex(case["bytes"]).decode(), case["plain"]))
        except UnicodeDecodeError:
            pass
    return pairs


def end_token():
    added = json.loads((TOKENIZER / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    return next(token["id"] for token in added if token["content"] == "<|endoftext|>")


def shard_of(documents):
    """The bytes of a shard of (prompt ids, completion ids)."""
    index, tokens = b"", []
    for prompt, completion in documents:
        ids = prompt + completion + [end_token()]
        index += struct.pack("<QII", len(tokens), len(ids), len(prompt))
        tokens += ids
    header = struct.pack("<8sIIQQ", b"UMSHARD1", 1, 2, len(documents), len(tokens))
    return header + index + struct.pack(f"<{len(tokens)}H", *tokens)


class Pack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-pack-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.output = self.work / "made.shard"

    def pack(self, *inputs, stdin=""):
        return subprocess.run(
            [PROGRAM, "pack", *map(str, inputs), "--tokenizer", TOKENIZER, "--output", self.output],
            input=stdin.encode(), capture_output=True, timeout=120, check=False)

    def test_documents_of_several_files_are_packed_in_order(self):
        texts = golden_texts()
        self.assertGreater(len(texts), 100)
        self.assertTrue(any("\0" in text for text, _ in texts))
        lines, expected = [], []
        for (prompt, prompt_ids), (completion, completion_ids) in zip(texts[:-1], texts[1:]):
            lines.append(json.dumps({"prompt": prompt, "completion": completion, "id": 7}))
            expected.append((prompt_ids, completion_ids))
        for completion, ids in texts[:20]:
            lines.append(json.dumps({"completion": completion}, ensure_ascii=False))
            expected.append(([], ids))
        first, second = self.work / "first.jsonl", self.work / "second.jsonl"
        first.write_text("\n".join(lines[:50]) + "\n", encoding="utf-8")
        second.write_text("\n\n  \r\n".join(lines[80:]), encoding="utf-8")  # no newline at the end
        result = self.pack(first, "-", second, stdin="\n".join(lines[50:80]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.output.read_bytes(), shard_of(expected))
        tokens = sum(len(prompt) + len(completion) + 1 for prompt, completion in expected)
        self.assertEqual(result.stderr.decode(), f"{len(expected)} documents, {tokens} tokens\n")
        self.assertEqual(result.stdout, b"")

    def test_an_error_names_the_line_and_leaves_the_old_shard(self):
        self.output.write_bytes(b"old")
        good = json.dumps({"completion": "x"})
        for bad, reason in (
            ("{", "JSON: line 1"),
            ("[]", "not a JSON object"),
            ("{}", '"completion" is missing'),
            ('{"completion": 3}', '"completion" is not a string'),
            ('{"completion": "x", "prompt": []}', '"prompt" is not a string'),
        ):
            result = self.pack("-", stdin=f"{good}\n\n{bad}\n{good}\n")
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"standard input, line 3: {reason}", result.stderr.decode())
            self.assertEqual(self.output.read_bytes(), b"old")
        self.assertEqual([file.name for file in self.work.iterdir()], ["made.shard"])

    def test_nothing_to_pack_is_an_error(self):
        result = self.pack("-", stdin="\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no document", result.stderr.decode())
        self.assertFalse(self.output.exists())

    def test_a_missing_file_is_named(self):
        result = self.pack(self.work / "missing.jsonl")
        self.assertEqual(result.returncode, 1)
        self.assertIn("missing.jsonl", result.stderr.decode())

    def test_a_directory_is_not_read_as_an_empty_file(self):
        result = self.pack(self.work)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot read", result.stderr.decode())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
