#!/usr/bin/env python3
"""Make tests/golden/tokenizer/llama_style: a tokenizer in the manner of Llama 2, and what the library does with it.

    llama_style/tokenizer.json   <unk>, <s>, </s>, the 256 bytes, and 250 tokens of characters, trained here
    llama_style_cases.json       cases as those of make_tokenizer_golden.py, whose texts are used
    llama_added/tokenizer.json   the same with added tokens that are matched in normalised text, begin with a space, or name a byte
    llama_added_cases.json       texts that contain them
    llama_continued_cases.json   the ids of texts that follow others: no space is put in front of them
"""
import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make_tokenizer_golden as golden  # noqa: E402

OUT = HERE / "tokenizer"
SPACE = "\u2581"
CONTROL = ["<unk>", "<s>", "</s>"]


def learned():
    """Vocabulary and merges over characters; words are cut apart for training only."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", SPACE)
    trained.pre_tokenizer = pre_tokenizers.Split(Regex(f"{SPACE}*[^{SPACE}]+|{SPACE}+"), behavior="isolated")
    trainer = trainers.BpeTrainer(vocab_size=250, limit_alphabet=90, show_progress=False)
    trained.train_from_iterator(golden.text_maker.make(60_000, 21).decode(errors="replace").splitlines(True), trainer)
    model = json.loads(trained.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), model["merges"]


def main():
    tokens, merges = learned()
    texts = [*CONTROL, *(f"<0x{byte:02X}>" for byte in range(256)), *tokens]
    assert len(set(texts)) == len(texts)
    root = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for number, text in enumerate(CONTROL)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": SPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}]},
        "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {text: number for number, text in enumerate(texts)}, "merges": merges}}
    tokenizer = Tokenizer.from_str(json.dumps(root))
    (OUT / "llama_style").mkdir(exist_ok=True)
    tokenizer.save(str(OUT / "llama_style" / "tokenizer.json"), pretty=False)
    cases = golden.cases_of(tokenizer, 22, 90)
    cases += [case_of(tokenizer, text) for text in (
        "<s>Once", "<s> Once", "a<s>b</s> c", SPACE, f"{SPACE}x {SPACE}", " ", "  x", "<0x41>", "A\u0416\u4e2d")]
    golden.write_cases("llama_style_cases.json", cases)
    write_continued(root)
    write_added(root)


def case_of(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {"bytes": text.encode().hex(), "ids": ids,
            "plain": golden.without_added(tokenizer).encode(text, add_special_tokens=False).ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "clean": tokenizer.decode(ids, skip_special_tokens=True)}


def write_continued(root):
    normalizer = {"type": "Sequence", "normalizers": root["normalizer"]["normalizers"][1:]}
    tokenizer = Tokenizer.from_str(json.dumps({**root, "normalizer": normalizer}))
    golden.write_cases("llama_continued_cases.json", [
        {"bytes": text.encode().hex(), "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in (
            "x", " x", "  x", "\n    return x\n", "Once upon", " Once upon", f"{SPACE}x", " ", "\u0416", "a  b")])


def write_added(root):
    vocabulary = root["model"]["vocab"]
    prefix = f"{SPACE}<PRE>"
    vocabulary[prefix] = len(vocabulary)
    for token in root["added_tokens"]:
        token["normalized"] = True
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    root["added_tokens"] += [{"id": vocabulary["<0x0A>"], "content": "<0x0A>", "special": False, **plain},
                             {"id": vocabulary[prefix], "content": prefix, "special": True, **plain}]
    tokenizer = Tokenizer.from_str(json.dumps(root))
    (OUT / "llama_added").mkdir(exist_ok=True)
    tokenizer.save(str(OUT / "llama_added" / "tokenizer.json"), pretty=False)
    # Without decoding: the library gives a token that it found with its space that space, unmask the text of the file.
    encoded = ("bytes", "ids", "plain")
    golden.write_cases("llama_added_cases.json", [{key: case_of(tokenizer, text)[key] for key in encoded} for text in (
        "ok</s>", "ok </s>", "</s>ok", "a <s>b", "<s>Once", f"x {prefix} y", prefix, f"{prefix}{prefix}x", "a<0x0A>b",
        "<0x0A>", "a</s></s>b", " </s>", "a <unk> b")])


if __name__ == "__main__":
    main()
