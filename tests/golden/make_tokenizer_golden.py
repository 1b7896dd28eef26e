#!/usr/bin/env python3
"""Make tests/golden/tokenizer: small tokenizers and what the `tokenizers` library does with them.

    make_tokenizer_golden.py [QWEN_DIRECTORY]

    qwen_style/    tokenizer.json trained here with the configuration of the Qwen2 family
    files/         the same as vocab.json, merges.txt, added_tokens.json, tokenizer_config.json
    gpt2_style/    another with plain ByteLevel, ignore_merges, merges as strings, header tokens
    *_cases.json   [{bytes (hex), ids, plain (no added tokens), decoded, clean}, ...]
    chat_cases.json
    qwen_cases.json  ids of the real Qwen vocabulary, if its directory is given
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import make_tokenizer_text as text_maker  # noqa: E402

OUT = os.path.join(HERE, "tokenizer")
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|beginoftext|>", "<|mask|>", "<|dlm_pad|>"]
HEADER = ["<|startoftext|>", "<|endoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
          "<|mdm_mask|>"]
FLAGGED = [
    AddedToken("<tool_call>", special=False, normalized=False),
    AddedToken("<left>", special=False, normalized=False, lstrip=True),
    AddedToken("<right>", special=False, normalized=False, rstrip=True),
    AddedToken("<both>", special=True, normalized=False, lstrip=True, rstrip=True),
    AddedToken("word", special=False, normalized=False, single_word=True),
    AddedToken("\u00c5ngstro\u0308m", special=False, normalized=True),
    AddedToken("<to", special=False, normalized=False),
]

HAND = ["", "Hello world", " Hello world", "\u00e9 e\u0301", "I'm you'Re we'LL it\u2019s 'S'x", "12345 6 3.14",
        "  def f(x):\n        return x\n\n\n", "a \n b\t\n\r\n c   ", "   ", "\n", "\r\n\r\n", "\u3000\u3000x",
        "\u180e\u180e x \u180e", "<|im_start|>user\nhi<|im_end|>", "<|im_end|", "<<|im_end|>>",
        "<|im_end|><|im_end|>", "x <left>  <left> y", "x <right>   y<right>", " <both> <both>  z",
        "word words sword word, word_ -word- \u00e9word word\u0301 word", "\u00c5ngstr\u00f6m A\u030angstro\u0308m",
        "<to <tool_call> <tool <tool_call", "\u1100\u1161\u11a8 \ud55c\uad6d", "\u212b \u2126 \u0958 \ufb1d",
        "e\u0334\u0301 q\u0307\u0323 \u0344", "\U0001f468\u200d\U0001f469 1\ufe0f\u20e3", "\x00 \x01\x7f",
        "a" * 100, " " * 50 + "x", "=" * 77 + "\n", "\u4e2d\u6587" * 30, "abab" * 20 + "\u0301",
        "\U00011f02\U00011f04 \U00016d70", "a\u0345\u1df7b a\u1df7\u0334"]
BROKEN = [b"\xff", b"ok\x80ok", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x99", b"\xc3\x28", b"\xf4\x90\x80\x80",
          b"\xe4\xb8\xad\xe4\xb8", b"\xc0\x80", b"<|im_end|>\xe2<|im_end|>"]


def train(pre_tokenizer, normalizer, size, added):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    corpus = text_maker.make(400_000, seed=7).decode("utf-8", errors="replace")
    tokenizer.train_from_iterator(corpus.splitlines(keepends=True), trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in added])
    return tokenizer


def without_added(tokenizer):
    root = json.loads(tokenizer.to_str())
    root["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(root))


def cases_of(tokenizer, seed, count, keep=lambda ids: True):
    rng = random.Random(seed)
    plain = without_added(tokenizer)
    noise = text_maker.make(60_000, seed)
    inputs = [text.encode() for text in HAND] + BROKEN
    while len(inputs) < count:
        start = rng.randrange(len(noise))
        inputs.append(noise[start:start + rng.randint(5, 120)])
    cases = []
    for data in inputs:
        text = data.decode("utf-8", errors="replace")
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if keep(ids):
            cases.append({"bytes": data.hex(), "ids": ids,
                          "plain": plain.encode(text, add_special_tokens=False).ids,
                          "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                          "clean": tokenizer.decode(ids, skip_special_tokens=True)})
    return cases


def write(path, value, **options):
    with open(os.path.join(OUT, path), "w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, **options)
        file.write("\n")


def write_cases(path, cases):
    with open(os.path.join(OUT, path), "w", encoding="ascii", newline="\n") as file:
        lines = [json.dumps(case, separators=(",", ":")) for case in cases]
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def chatml(messages, prompt):
    if messages[0]["role"] != "system":
        messages = [{"role": "system", "content": "You are a helpful assistant."}] + messages
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return text + ("<|im_start|>assistant\n" if prompt else "")


def header(messages, prompt):
    text = "<|startoftext|>" + "".join(
        f"<|start_header_id|>{m['role']}<|end_header_id|>\n\n{m['content'].strip()}<|eot_id|>" for m in messages)
    return text + ("<|start_header_id|>assistant<|end_header_id|>\n\n" if prompt else "")


CONVERSATIONS = [
    ["user", "Write a function that adds two numbers."],
    ["user", "  \n leading and trailing space\u3000\n\n"],
    ["user", "\nnewline first"],
    ["user", ""],
    ["system", "Answer in French.", "user", "e\u0301t\u00e9?", "assistant", "def f():\n    pass\n", "user", "Thanks 123"],
    ["user", "1", "assistant", "2", "user", "3"],
]


def chat_cases(tokenizer, render):
    cases = []
    for turns in CONVERSATIONS:
        messages = [{"role": r, "content": c} for r, c in zip(turns[::2], turns[1::2])]
        for prompt in (True, False):
            ids = tokenizer.encode(render(messages, prompt), add_special_tokens=False).ids
            cases.append({"messages": messages, "prompt": prompt, "ids": ids})
    return cases


def write_files_layout(tokenizer):
    root = json.loads(tokenizer.to_str())
    os.makedirs(os.path.join(OUT, "files"), exist_ok=True)
    write("files/vocab.json", root["model"]["vocab"], ensure_ascii=False, separators=(",", ":"))
    merges = [" ".join(m) if isinstance(m, list) else m for m in root["model"]["merges"]]
    with open(os.path.join(OUT, "files/merges.txt"), "w", encoding="utf-8", newline="\n") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    write("files/added_tokens.json", {t["content"]: t["id"] for t in root["added_tokens"]}, indent=1)
    decoder = {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in root["added_tokens"]}
    write("files/tokenizer_config.json", {
        "added_tokens_decoder": decoder, "bos_token": "<|beginoftext|>", "eos_token": "<|endoftext|>",
        "mask_token": {"content": "<|mask|>", "special": True}, "pad_token": "<|endoftext|>",
        "chat_template": "You are a helpful assistant. {{ messages }}", "tokenizer_class": "DreamTokenizer"}, indent=1)


def make_qwen_style():
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = train(pre_tokenizers.Sequence([split, level]), normalizers.NFC(), 800, CONTROL)
    tokenizer.add_tokens(FLAGGED)
    os.makedirs(os.path.join(OUT, "qwen_style"), exist_ok=True)
    tokenizer.save(os.path.join(OUT, "qwen_style/tokenizer.json"), pretty=False)
    write("qwen_style/tokenizer_config.json", {
        "bos_token": None, "eos_token": {"content": "<|endoftext|>"}, "pad_token": "<|dlm_pad|>",
        "mask_token": "<|mask|>", "tokenizer_class": "Qwen2Tokenizer"}, indent=1)
    write_files_layout(tokenizer)
    write_cases("qwen_style_cases.json", cases_of(tokenizer, 11, 200))
    return tokenizer


def make_gpt2_style():
    tokenizer = train(pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True), None, 600, HEADER)
    root = json.loads(tokenizer.to_str())
    root["model"]["merges"] = [" ".join(merge) for merge in root["model"]["merges"]]
    root["model"]["ignore_merges"] = True
    # A token that no merge makes: only ignore_merges finds it.
    root["model"]["vocab"]["\u0120unmergeable"] = len(root["model"]["vocab"])
    for token in root["added_tokens"]:
        token["id"] += 1
    os.makedirs(os.path.join(OUT, "gpt2_style"), exist_ok=True)
    write("gpt2_style/tokenizer.json", root, ensure_ascii=False, separators=(",", ":"))
    tokenizer = Tokenizer.from_str(json.dumps(root))
    cases = cases_of(tokenizer, 12, 80)
    for text in ("unmergeable", " unmergeable unmergeables", "<|eot_id|>unmergeable"):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append({"bytes": text.encode().hex(), "ids": ids,
                      "plain": without_added(tokenizer).encode(text, add_special_tokens=False).ids,
                      "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                      "clean": tokenizer.decode(ids, skip_special_tokens=True)})
    write_cases("gpt2_style_cases.json", cases)
    return tokenizer


def make_qwen(directory):
    tokenizer = Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
    # Ids from 151665 on differ between the models that share this vocabulary.
    cases = cases_of(tokenizer, 13, 260, keep=lambda ids: all(i < 151665 for i in ids))
    write_cases("qwen_cases.json", cases)


def main():
    os.makedirs(OUT, exist_ok=True)
    qwen_style = make_qwen_style()
    gpt2_style = make_gpt2_style()
    write("chat_cases.json", {"chatml": chat_cases(qwen_style, chatml)}, separators=(",", ":"))
    # The header format needs a tokenizer that adds no space before each stretch of text.
    root = json.loads(gpt2_style.to_str())
    root["pre_tokenizer"]["add_prefix_space"] = False
    plain = Tokenizer.from_str(json.dumps(root))
    os.makedirs(os.path.join(OUT, "header_style"), exist_ok=True)
    plain.save(os.path.join(OUT, "header_style/tokenizer.json"), pretty=False)
    write("chat_cases.json", {"chatml": chat_cases(qwen_style, chatml), "header": chat_cases(plain, header)},
          separators=(",", ":"))
    if len(sys.argv) > 1:
        make_qwen(sys.argv[1])


if __name__ == "__main__":
    main()
