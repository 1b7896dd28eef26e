"""`unmask pack` against a packer of a few lines, byte for byte.

    python3 tests/integration/test_pack.py build/unmask

The tokens come from the golden cases of the tokenizer, so that nothing here runs one.
"""

import json
import os
import pathlib
import re
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


def added_token(content):
    added = json.loads((TOKENIZER / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    return next(token["id"] for token in added if token["content"] == content)


END = added_token("<|endoftext|>")
END_OF_TURN = added_token("<|im_end|>")
FIM = {"<|fim_prefix|>": "<left>", "<|fim_suffix|>": "<right>", "<|fim_middle|>": "<both>"}


def fim_tokenizer(folder):
    """The same tokenizer with the infilling tokens in place of three others."""
    for file in TOKENIZER.iterdir():
        text = file.read_text(encoding="utf-8")
        for new, old in FIM.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        (folder / file.name).write_text(text, encoding="utf-8")


def infilling_documents():
    """Lines of infilling documents, and the ids of prompt, hole and suffix."""
    texts = golden_texts()[:90]
    lines, ids = [], []
    for (prompt, prompt_ids), (hole, hole_ids), (suffix, suffix_ids) in zip(texts[:30], texts[30:60], texts[60:]):
        lines.append(json.dumps({"prompt": prompt, "completion": hole, "suffix": suffix, "level": 3}))
        ids.append((prompt_ids, hole_ids, suffix_ids))
    return lines, ids


def shard_of(documents):
    """The bytes of a shard of (prompt ids, answer ids, suffix ids)."""
    index, tokens = b"", []
    for prompt, answer, suffix in documents:
        ids = prompt + answer + suffix
        index += struct.pack("<QIIII", len(tokens), len(ids), len(prompt), len(suffix), 0)
        tokens += ids
    header = struct.pack("<8sIIQQ", b"UMSHARD1", 2, 2, len(documents), len(tokens))
    return header + index + struct.pack(f"<{len(tokens)}H", *tokens)


class Pack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-pack-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.output = self.work / "made.shard"

    def pack(self, *inputs, stdin="", tokenizer=TOKENIZER):
        return subprocess.run(
            [PROGRAM, "pack", *map(str, inputs), "--tokenizer", tokenizer, "--output", self.output],
            input=stdin.encode(), capture_output=True, timeout=120, check=False)

    def pack_lines(self, lines, *options, **more):
        result = self.pack("-", *options, stdin="\n".join(lines), **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stderr.decode()

    def test_documents_of_several_files_are_packed_in_order(self):
        texts = golden_texts()
        self.assertGreater(len(texts), 100)
        self.assertTrue(any("\0" in text for text, _ in texts))
        lines, expected = [], []
        for (prompt, prompt_ids), (completion, completion_ids) in zip(texts[:-1], texts[1:]):
            lines.append(json.dumps({"prompt": prompt, "completion": completion, "id": 7}))
            expected.append((prompt_ids, completion_ids + [END], []))
        for completion, ids in texts[:20]:
            lines.append(json.dumps({"completion": completion}, ensure_ascii=False))
            expected.append(([], ids + [END], []))
        first, second = self.work / "first.jsonl", self.work / "second.jsonl"
        first.write_text("\n".join(lines[:50]) + "\n", encoding="utf-8")
        second.write_text("\n\n  \r\n".join(lines[80:]), encoding="utf-8")  # no newline at the end
        result = self.pack(first, "-", second, stdin="\n".join(lines[50:80]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.output.read_bytes(), shard_of(expected))
        lengths = [len(prompt) + len(answer) for prompt, answer, _ in expected]
        self.assertEqual(
            result.stderr.decode(),
            f"{len(expected)} documents, {sum(lengths)} tokens, {max(lengths)} in the longest\n")
        self.assertEqual(result.stdout, b"")

    def test_the_hole_of_an_infilling_document_ends_before_the_suffix(self):
        lines, ids = infilling_documents()
        report = self.pack_lines(lines, "--context-length", "40")
        self.assertEqual(self.output.read_bytes(),
                         shard_of([(prompt, hole + [END], suffix) for prompt, hole, suffix in ids]))
        self.assertIn("of these 30 infilling, 0 chat\n", report)
        longer = sum(len(prompt + hole + suffix) + 1 > 40 for prompt, hole, suffix in ids)
        self.assertIn(f"{longer} documents have more than 40 tokens\n", report)

    def test_what_follows_a_prompt_or_a_hole_gets_no_space_in_front(self):
        text = (GOLDEN / "llama_style" / "tokenizer.json").read_text(encoding="utf-8")
        (self.work / "tokenizer.json").write_text(text, encoding="utf-8")
        (self.work / "tokenizer_config.json").write_text('{"eos_token": "</s>"}', encoding="utf-8")
        space, x, end = 342, 316, 2
        lines = [json.dumps({"prompt": "x", "completion": "x", "suffix": "x"}),
                 json.dumps({"completion": "x"})]
        self.pack_lines(lines, tokenizer=self.work)
        self.assertEqual(self.output.read_bytes(),
                         shard_of([([space, x], [x, end], [x]), ([], [space, x, end], [])]))

    def test_infilling_for_left_to_right_models_puts_the_hole_last(self):
        lines, ids = infilling_documents()
        fim_tokenizer(self.work)
        self.pack_lines(lines, "--infilling", "fim", tokenizer=self.work)
        before, after, middle = (added_token(old) for old in FIM.values())
        expected = [([before, *prompt, after, *suffix, middle], [*hole, END], [])
                    for prompt, hole, suffix in ids]
        self.assertEqual(self.output.read_bytes(), shard_of(expected))

    def test_infilling_without_its_tokens_is_refused(self):
        result = self.pack("-", "--infilling", "fim", stdin="{}")
        self.assertEqual(result.returncode, 1)
        self.assertIn('the tokenizer has no token "<|fim_prefix|>"', result.stderr.decode())

    def test_infilling_documents_can_be_left_out(self):
        lines, _ = infilling_documents()
        text, ids = golden_texts()[0]
        report = self.pack_lines([*lines, json.dumps({"completion": text})], "--infilling", "none")
        self.assertEqual(self.output.read_bytes(), shard_of([([], ids + [END], [])]))
        self.assertIn("left out 30 infilling documents\n", report)

    def test_the_last_message_of_a_chat_is_its_answer(self):
        cases = json.loads((GOLDEN / "chat_cases.json").read_text(encoding="utf-8"))["chatml"]
        texts = golden_texts()
        lines, expected = [], []
        for case, (answer, answer_ids) in zip([case for case in cases if case["prompt"]], texts):
            messages = [*case["messages"], {"role": "assistant", "content": answer}]
            lines.append(json.dumps({"messages": messages, "key": "x"}))
            expected.append((case["ids"], answer_ids + [END_OF_TURN], []))
        self.assertGreater(len(expected), 3)
        report = self.pack_lines(lines)
        self.assertEqual(self.output.read_bytes(), shard_of(expected))
        self.assertIn(f"of these 0 infilling, {len(expected)} chat\n", report)

    def test_files_can_be_read_several_times(self):
        (one, one_ids), (two, two_ids) = golden_texts()[:2]
        first, second = self.work / "first*2.jsonl", self.work / "second"
        first.write_text(json.dumps({"completion": one}), encoding="utf-8")
        second.write_text(json.dumps({"completion": two}), encoding="utf-8")
        result = self.pack(f"{second}*3", first, f"{second}*1")
        self.assertEqual(result.returncode, 0, result.stderr)
        ids = [two_ids] * 3 + [one_ids, two_ids]
        self.assertEqual(self.output.read_bytes(), shard_of([([], part + [END], []) for part in ids]))
        result = self.pack(f"{second}*0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a file is read 1 to 1000000 times", result.stderr.decode())

    def test_standard_input_is_read_once(self):
        line = json.dumps({"completion": "x"}).encode()
        for inputs, status in ((["-*2"], 1), (["-", "-"], 1), (["-*1"], 0)):
            result = subprocess.run([PROGRAM, "pack", "--tokenizer", TOKENIZER, "--output", self.output, "--", *inputs],
                                    input=line, capture_output=True, timeout=120, check=False)
            self.assertEqual(result.returncode, status, result.stderr)
            self.assertEqual("-: standard input can be read only once" in result.stderr.decode(), status == 1)
            self.assertEqual(self.output.exists(), status == 0)

    def test_a_large_corpus_becomes_shards_and_an_index(self):
        lines, ids = infilling_documents()
        report = self.pack_lines(lines, "--shard-tokens", "120")
        groups, held = [[]], 0
        for prompt, hole, suffix in ids:
            length = len(prompt + hole + suffix) + 1
            if groups[-1] and held + length > 120:
                groups.append([])
                held = 0
            groups[-1].append((prompt, hole + [END], suffix))
            held += length
        self.assertGreater(len(groups), 3)
        names = [f"made-{number + 1:05}.shard" for number in range(len(groups))]
        self.assertEqual(sorted(file.name for file in self.work.iterdir()), sorted([*names, "made.shard"]))
        for name, group in zip(names, groups):
            self.assertEqual((self.work / name).read_bytes(), shard_of(group))
        tokens = sum(len(prompt + hole + suffix) + 1 for prompt, hole, suffix in ids)
        self.assertEqual(json.loads(self.output.read_text(encoding="utf-8")), {
            "format": "unmask shard index", "version": 2, "documents": len(ids), "tokens": tokens,
            "shards": names})
        self.assertIn(f"index of {len(groups)} shards beside it", report)

    def test_a_corpus_that_fails_leaves_no_shards(self):
        lines, _ = infilling_documents()
        result = self.pack("-", "--shard-tokens", "100", stdin="\n".join([*lines, "{}"]))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_an_error_names_the_line_and_leaves_the_old_shard(self):
        self.output.write_bytes(b"old")
        good = json.dumps({"completion": "x"})
        for bad, reason in (
            ("{", ""),
            ("[]", "not a JSON object"),
            ("{}", '"completion" is missing'),
            ('{"completion": 3}', '"completion" is not a string'),
            ('{"completion": "x", "prompt": []}', '"prompt" is not a string'),
            ('{"completion": "x", "suffix": 1}', '"suffix" is not a string'),
            ('{"messages": []}', '"messages" is not a list of messages'),
            ('{"messages": "x"}', '"messages" is not a list of messages'),
            ('{"messages": [{"role": "user"}]}', "message 0 is not an object with the strings"),
            ('{"messages": [{"role": "assistant", "content": "x"}]}', '"messages" has to end with a message'),
            ('{"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "x"}]}',
             '"messages" has to end with a message'),
            ('{"messages": [{"role": "cat", "content": "x"}, {"role": "assistant", "content": ""}]}',
             'chat: message 0 has the role "cat"'),
        ):
            result = self.pack("-", stdin=f"{good}\n\n{bad}\n{good}\n")
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr.decode(), f"standard input: line 3(, column [0-9]+)?: {re.escape(reason)}")
            self.assertEqual(self.output.read_bytes(), b"old")
        self.assertEqual([file.name for file in self.work.iterdir()], ["made.shard"])

    def test_nothing_to_pack_is_an_error(self):
        result = self.pack("-", stdin="\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no document", result.stderr.decode())
        self.assertFalse(self.output.exists())

    def test_a_wait_for_a_named_pipe_can_be_ended(self):
        pipe = self.work / "pipe.jsonl"
        os.mkfifo(pipe)
        packing = subprocess.Popen([PROGRAM, "pack", pipe, "--tokenizer", TOKENIZER, "--output", self.output],
                                   stderr=subprocess.DEVNULL)
        with self.assertRaises(subprocess.TimeoutExpired):
            packing.wait(1)
        packing.terminate()
        self.assertNotEqual(packing.wait(60), 0)

    def test_a_file_that_is_missing_later_is_told_before_the_first_is_read(self):
        result = self.pack("-", self.work / "missing.jsonl", stdin="not JSON")
        self.assertIn("missing.jsonl: No such file", result.stderr.decode())

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
