"""`unmask train-tokenizer` interrupted, and the use of what it has learned.

    python3 tests/integration/test_train_tokenizer.py build/unmask
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""


class TrainTokenizer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-train-tokenizer-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)

    def test_ctrl_c_ends_it_and_leaves_nothing(self):
        arguments = [PROGRAM, "train-tokenizer", "-", "--output", self.work / "out"]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            # More than a pipe holds: once it is written, the program is reading and has its handler.
            process.stdin.write(b'{"prompt": "x"}\n' * 100_000)
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(b'{"prompt": "x"}\n', timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_what_is_learned_packs_documents(self):
        documents = self.work / "documents.jsonl"
        documents.write_text("".join(
            json.dumps({"prompt": f"def f{i}(x):\n", "completion": f"    return x + {i}\n"}) + "\n" for i in range(50)))
        for arguments in (["train-tokenizer", documents, "--output", self.work / "out", "--vocabulary-size", "280"],
                          ["pack", documents, "--tokenizer", self.work / "out", "--output", self.work / "a.shard"]):
            made = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=60, check=False)
            self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn(b"50 documents", made.stderr)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
