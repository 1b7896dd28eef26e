"""tools/import_stories260k.py: what it makes of llama2.c checkpoints writes the text that llama2.c writes.

    python3 tests/integration/test_import_stories260k.py build/unmask

UNMASK_STORIES260K names a directory with stories260K.bin and tok512.bin of karpathy/tinyllamas (MIT licence), which do
not come with the tests.  Without it the test that needs them is skipped; those of small random checkpoints are not.
"""

import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "import_stories260k.py"
STORIES = os.environ.get("UNMASK_STORIES260K")

# The text that llama2.c's own test expects at temperature 0 after 200 steps: test_all.py of github.com/karpathy/llama2.c
# (MIT licence).
KNOWN = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the park.\" "
    "Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find it.\"\nLily "
    "was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\nLily didn't want to "
    "help her mom, so she")

# The order of matrices in a checkpoint of version 0.
PARTS = ("embedding", "attention_norm", "wq", "wk", "wv", "wo", "ffn_norm", "w1", "w2", "w3", "norm")


def random_checkpoint(rng, tied):
    """(bytes, shape, {part: layers of rows}) of a checkpoint."""
    shape = {"dim": 16, "hidden": 12, "layers": 2, "heads": 4, "kv_heads": 2, "vocabulary": 300, "context": 32}
    dim, hidden, key_value = 16, 12, 8
    sizes = {"embedding": (1, 300, dim), "attention_norm": (2, 1, dim), "wq": (2, dim, dim), "wk": (2, key_value, dim),
             "wv": (2, key_value, dim), "wo": (2, dim, dim), "ffn_norm": (2, 1, dim), "w1": (2, hidden, dim),
             "w2": (2, dim, hidden), "w3": (2, hidden, dim), "norm": (1, 1, dim), "output": (1, 300, dim)}
    weights = {part: [[[rng.uniform(-1, 1) for _ in range(columns)] for _ in range(rows)] for _ in range(layers)]
               for part, (layers, rows, columns) in sizes.items()}
    if tied:
        weights["output"] = weights["embedding"]
    numbers = [x for part in PARTS for layer in weights[part] for row in layer for x in row]
    numbers += [0.0] * (32 * dim // 4) + ([] if tied else [x for row in weights["output"][0] for x in row])
    header = struct.pack("<7i", dim, hidden, 2, 4, 2, 300 if tied else -300, 32)
    return header + struct.pack(f"<{len(numbers)}f", *numbers), shape, weights


def random_tokenizer():
    """Control tokens, bytes, the letters a to t with a space, and some pairs."""
    letters = [" ", *"abcdefghijklmnopqrst"]
    pairs = [" a", "ab", " ab", "cd", "ef", "abcd", "gh", "ij", "kl", "mn", "op", "qr", "st", "opqr", " c", "ba", "dc",
             "fe", "hg", "ji"]
    texts = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *pairs]
    tokens = b"".join(struct.pack("<fi", -float(i), len(text.encode())) + text.encode() for i, text in enumerate(texts))
    return struct.pack("<i", 7) + tokens


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def normalised(vector, scale):
    root = math.sqrt(sum(x * x for x in vector) / len(vector) + 1e-5)
    return [x / root * s for x, s in zip(vector, scale)]


def rotated(vector, size, position):
    """Neighbouring elements turn together, as in llama2.c."""
    out = []
    for i in range(0, len(vector), 2):
        angle = position * 10000.0 ** (-(i % size) / size)
        cosine, sine = math.cos(angle), math.sin(angle)
        out += [vector[i] * cosine - vector[i + 1] * sine, vector[i] * sine + vector[i + 1] * cosine]
    return out


def attended(query, keys, values, shape):
    size, out = shape["dim"] // shape["heads"], []
    for head in range(shape["heads"]):
        at = head // (shape["heads"] // shape["kv_heads"]) * size
        part = query[head * size:head * size + size]
        scores = [sum(a * b for a, b in zip(part, key[at:at + size])) / math.sqrt(size) for key in keys]
        weights = [math.exp(score - max(scores)) for score in scores]
        out += [sum(w * value[at + i] for w, value in zip(weights, values)) / sum(weights) for i in range(size)]
    return out


def greedy(weights, shape, steps):
    """The tokens after <s>, and the smallest lead of one of them over the next best."""
    cache = [([], []) for _ in range(shape["layers"])]
    token, tokens, lead = 1, [], math.inf
    size = shape["dim"] // shape["heads"]
    for position in range(steps):
        x = weights["embedding"][0][token]
        for layer, (keys, values) in enumerate(cache):
            y = normalised(x, weights["attention_norm"][layer][0])
            keys.append(rotated(times(weights["wk"][layer], y), size, position))
            values.append(times(weights["wv"][layer], y))
            query = rotated(times(weights["wq"][layer], y), size, position)
            x = [a + b for a, b in zip(x, times(weights["wo"][layer], attended(query, keys, values, shape)))]
            y = normalised(x, weights["ffn_norm"][layer][0])
            gate = [g / (1 + math.exp(-g)) for g in times(weights["w1"][layer], y)]
            y = [g * u for g, u in zip(gate, times(weights["w3"][layer], y))]
            x = [a + b for a, b in zip(x, times(weights["w2"][layer], y))]
        logits = times(weights["output"][0], normalised(x, weights["norm"][0][0]))
        best, second = sorted(range(len(logits)), key=lambda i: -logits[i])[:2]
        lead = min(lead, logits[best] - logits[second])
        token = best
        tokens.append(token)
    return tokens, lead


class Import(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-import-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)

    def convert(self, checkpoint, tokenizer):
        return subprocess.run([sys.executable, "-B", TOOL, checkpoint, tokenizer, self.work / "model"],
                              capture_output=True, timeout=60, check=False)

    def write(self, checkpoint, tokenizer):
        (self.work / "a.bin").write_bytes(checkpoint)
        (self.work / "tok.bin").write_bytes(tokenizer)
        return self.work / "a.bin", self.work / "tok.bin"

    def generate(self, length, *options):
        made = subprocess.run(
            [PROGRAM, "generate", "--model", self.work / "model", "--special", "--completion-only", "--length",
             str(length), *options, "<s>"], capture_output=True, timeout=120, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        return made.stdout.decode()

    @unittest.skipUnless(STORIES, "UNMASK_STORIES260K does not name a directory with stories260K.bin and tok512.bin")
    def test_the_stories_are_the_known_ones(self):
        made = self.convert(pathlib.Path(STORIES, "stories260K.bin"), pathlib.Path(STORIES, "tok512.bin"))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(self.generate(200), KNOWN + "\n")

    def test_random_checkpoints_decode_as_in_llama2_c(self):
        tokenizer = random_tokenizer()
        for seed, tied in ((3, True), (4, False)):
            with self.subTest(tied=tied):
                checkpoint, shape, weights = random_checkpoint(random.Random(seed), tied)
                tokens, lead = greedy(weights, shape, 12)
                self.assertGreater(lead, 1e-3, "choose another seed")
                self.assertTrue(set(tokens).isdisjoint({1}), "choose another seed")
                self.assertEqual(self.convert(*self.write(checkpoint, tokenizer)).returncode, 0)
                printed = json.loads(self.generate(12, "--json"))
                self.assertEqual(printed["ids"], tokens)
                for file in (self.work / "model").iterdir():
                    file.unlink()
                (self.work / "model").rmdir()

    def test_its_tokenizer_does_not_go_into_a_gguf_file(self):
        checkpoint, _, _ = random_checkpoint(random.Random(1), True)
        self.assertEqual(self.convert(*self.write(checkpoint, random_tokenizer())).returncode, 0)
        made = subprocess.run([PROGRAM, "convert", self.work / "model", self.work / "out.gguf"], capture_output=True,
                              timeout=60, check=False)
        self.assertEqual(made.returncode, 1)
        self.assertIn(b"byte_fallback", made.stderr)
        self.assertFalse((self.work / "out.gguf").exists())

    def test_what_is_no_checkpoint_is_refused(self):
        checkpoint, _, _ = random_checkpoint(random.Random(1), True)
        tokenizer = random_tokenizer()
        for weights, tokens, message in (
                (b"", tokenizer, b"shorter than its header"),
                (b"\xff" * 28, tokenizer, b"not a checkpoint of version 0"),
                (checkpoint[:-1], tokenizer, b"within a tensor"),
                (checkpoint + b"1234", tokenizer, b"4 bytes too many"),
                (checkpoint, tokenizer[:-20], b"tokenizer"),
                (checkpoint, tokenizer + b"1", b"more tokens"),
                (checkpoint, tokenizer.replace(b"<0x41>", b"<0xQQ>"), b"256 bytes")):
            result = self.convert(*self.write(weights, tokens))
            self.assertEqual(result.returncode, 1, message)
            self.assertIn(message, result.stderr)
            self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
            self.assertFalse((self.work / "model").exists())


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
