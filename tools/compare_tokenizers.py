#!/usr/bin/env python3
"""Compare unmask's tokenizer with the Hugging Face `tokenizers` library on one text.

    compare_tokenizers.py DIRECTORY FILE [--program build/bench/bench_tokenizer] [--repeat 3]

DIRECTORY holds tokenizer.json (and maybe vocab.json and merges.txt beside it).  The ids must be
the same, both with added tokens recognised and without, and so must the decoded text; then both
are timed on one thread.  The exit status is 1 if anything differs.  tools/make_tokenizer_text.py
writes a text worth comparing on.
"""
import argparse
import array
import json
import os
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer  # noqa: E402


def our_ids(program, mode, directory, file):
    output = subprocess.run([program, mode, directory, file], stdout=subprocess.PIPE, check=True).stdout
    ids = array.array("i")
    ids.frombytes(output)
    return ids.tolist()


def without_added_tokens(path):
    with open(path, encoding="utf-8") as file:
        root = json.load(file)
    root["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(root))


def report(name, tokenizer, ours, theirs):
    if ours == theirs:
        print(f"{name}: {len(ours)} ids, no difference")
        return True
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    low = max(0, at - 5)
    print(f"{name}: the ids differ from number {at} on ({len(ours)} and {len(theirs)} in all)")
    for label, ids in (("unmask", ours), ("theirs", theirs)):
        tokens = [(i, tokenizer.id_to_token(i)) for i in ids[low:at + 8]]
        print(f"  {label}: {tokens}")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("file")
    parser.add_argument("--program", default="build/bench/bench_tokenizer")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()

    path = os.path.join(arguments.directory, "tokenizer.json")
    with open(arguments.file, "rb") as file:
        text = file.read().decode("utf-8", errors="replace")
    theirs = Tokenizer.from_file(path)
    plain = without_added_tokens(path)

    same = True
    for name, mode, tokenizer in (("with added tokens", "--ids", theirs), ("without", "--plain", plain)):
        ids = our_ids(arguments.program, mode, arguments.directory, arguments.file)
        same &= report(name, theirs, ids, tokenizer.encode(text, add_special_tokens=False).ids)

    decoded = subprocess.run([arguments.program, "--decode", arguments.directory, arguments.file],
                             stdout=subprocess.PIPE, check=True).stdout
    ids = theirs.encode(text, add_special_tokens=False).ids
    decodes = decoded == theirs.decode(ids, skip_special_tokens=False).encode()
    print(f"decoded text: {'no difference' if decodes else 'DIFFERENT'}")

    best = min(timed(theirs, text) for _ in range(arguments.repeat))
    print(f"tokenizers: encode {best:.3f} s, {len(text.encode()) / best * 1e-6:.1f} MB/s")
    print("unmask:    ", flush=True, end=" ")
    subprocess.run([arguments.program, arguments.directory, arguments.file], check=True)
    sys.exit(0 if same and decodes else 1)


def timed(tokenizer, text):
    start = time.perf_counter()
    tokenizer.encode(text, add_special_tokens=False)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
