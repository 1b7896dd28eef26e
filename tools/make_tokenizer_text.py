#!/usr/bin/env python3
"""Write a text that is hard on tokenizers, the same bytes every time.

    make_tokenizer_text.py OUTPUT [MEGABYTES]

Code, words in many scripts, combining marks, emoji, white space, digits, contractions,
special tokens, random code points and broken UTF-8, mixed in short stretches.
"""
import random
import sys

KEYWORDS = ("def return if else elif for while in not and or is None True False import from as "
            "class self lambda yield try except raise with pass int float char void static const "
            "struct sizeof printf include function let var => -> :: // /* */ ## #! <<= >>= != == "
            "**kwargs *args __init__ range(len(x)) {} [] () ; : , . \\n \\t %d %s f'{x}' '''").split()
PROSE = ("the a of and to in that it was for on are as with his they at be this from have or by one "
         "had not but what all were when we there can an your which their said if do will each "
         "about how up out them then she many some so these would other into has more her two like "
         "him see time could no make than first been its who now people my made over did down only "
         "way find use may water long little very after words called just where most know").split()
CONTRACTIONS = ["'s", "'S", "'t", "'re", "'RE", "'ve", "'m", "'ll", "'LL", "'d", "'\u017f", "'x", "''s"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<tool_call>",
           "<|mask|>", "<|im_start", "|im_end|>", "<|im_end|>x", " <|im_end|> ", "<<|im_end|>>",
           "<think>", "</think>", "<|endoftext|><|endoftext|>"]
SPACES = [" ", "  ", "   ", "\n", "\r\n", "\r", "\t", "\n\n", " \n", "\n ", " \n \n  ", "\t\t ",
          "\u00a0", "\u2003", "\u3000", "\u2028", "\u2029", "\u0085", "\u180e", "\u200b", "\ufeff",
          "\x0b", "\x0c", "\x1c", "\u1680", "\u202f", "    " * 4, "\n" * 5, " " * 33]
SCRIPTS = [(0x41, 0x5a), (0x61, 0x7a), (0xc0, 0xff), (0x100, 0x24f), (0x250, 0x2af), (0x370, 0x3ff),
           (0x400, 0x4ff), (0x531, 0x587), (0x5d0, 0x5ea), (0x620, 0x6d3), (0x710, 0x72f),
           (0x904, 0x939), (0x985, 0x9b9), (0xa05, 0xa39), (0xb85, 0xbb9), (0xc05, 0xc39),
           (0xd05, 0xd39), (0xe01, 0xe30), (0xe40, 0xe4e), (0xf40, 0xf6c), (0x1000, 0x102a),
           (0x10d0, 0x10fa), (0x1100, 0x11ff), (0x1200, 0x135a), (0x13a0, 0x13f4), (0x1780, 0x17b3),
           (0x1820, 0x1878), (0x1e00, 0x1eff), (0x1f00, 0x1fff), (0x2c00, 0x2c5e), (0x3041, 0x3096),
           (0x30a1, 0x30fa), (0x3400, 0x4dbf), (0x4e00, 0x9fff), (0xa000, 0xa48c), (0xac00, 0xd7a3),
           (0xf900, 0xfaff), (0xfb00, 0xfb4f), (0xff01, 0xffee), (0x10330, 0x1034a),
           (0x1d400, 0x1d7ff), (0x20000, 0x2a6df), (0x1e900, 0x1e943), (0x2e80, 0x2fd5)]
DIGITS = ["0", "1", "42", "3.14159", "1e-5", "0xFF", "1_000_000", "\u0663\u0664", "\u0967", "\u00b2",
          "\u2167", "\u2460", "\uff11", "\U0001d7d8", "2026-01-01", "192.168.0.1"]
MARKS = [0x300, 0x301, 0x302, 0x303, 0x308, 0x30a, 0x31b, 0x323, 0x327, 0x328, 0x331, 0x334, 0x338,
         0x345, 0x591, 0x5b0, 0x5bc, 0x64b, 0x651, 0x653, 0x93c, 0x94d, 0x3099, 0x309a, 0x20d0, 0xfe0f]
EMOJI = ["\U0001f642", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd",
         "\U0001f1eb\U0001f1f7", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001f3f3\ufe0f\u200d\U0001f308"]
BROKEN = [b"\x80", b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xf0\x9f\x99", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
          b"\xc3", b"\xe0\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xe4\xb8", b"\xf0\x9f", b"\xfe\xfe\xff\xff"]
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2026\u2014\u00bf\u00a1\u20ac\u00a3\u2192\u2264\u221e\u2588\u250c"


def word(rng):
    low, high = rng.choice(SCRIPTS)
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9)))


def marked(rng):
    low, high = rng.choice(SCRIPTS)
    text = ""
    for _ in range(rng.randint(1, 5)):
        text += chr(rng.randint(low, high))
        text += "".join(chr(rng.choice(MARKS)) for _ in range(rng.randint(0, 4)))
    return text


def any_character(rng):
    while True:
        code_point = rng.choice([rng.randrange(0x110000), rng.randrange(0x3000), rng.randrange(0x20000)])
        if not 0xd800 <= code_point < 0xe000:
            return chr(code_point)


def words(rng, choices, low, high):
    return " ".join(rng.choice(choices) for _ in range(rng.randint(low, high)))


MAKERS = [
    (8, lambda rng: words(rng, PROSE, 2, 14) + rng.choice([". ", ", ", "? ", "; ", "\n"])),
    (8, lambda rng: " " * (4 * rng.randint(0, 4)) + words(rng, KEYWORDS, 2, 9) + "\n"),
    (6, lambda rng: rng.choice([" ", "", ""]) + word(rng)),
    (3, lambda rng: rng.choice(PROSE).upper() + rng.choice(CONTRACTIONS)),
    (3, lambda rng: rng.choice([" ", ""]) + marked(rng)),
    (3, lambda rng: rng.choice(SPACES) + rng.choice(SPACES)),
    (3, lambda rng: rng.choice([" ", ""]) + rng.choice(DIGITS)),
    (2, lambda rng: rng.choice(EMOJI) * rng.randint(1, 3)),
    (2, lambda rng: "".join(rng.choice(PUNCTUATION) for _ in range(rng.randint(1, 8)))),
    (2, lambda rng: "".join(any_character(rng) for _ in range(rng.randint(1, 6)))),
    (2, lambda rng: rng.choice(SPECIAL)),
    (1, lambda rng: rng.choice(BROKEN)),
    (1, lambda rng: bytes(rng.randrange(256) for _ in range(rng.randint(1, 12)))),
    (1, lambda rng: rng.choice("a=-_ \n\u4e2d\u0301") * rng.randint(20, 300)),
]


def make(size, seed=1):
    rng = random.Random(seed)
    weights = [weight for weight, _ in MAKERS]
    makers = [maker for _, maker in MAKERS]
    out = bytearray()
    while len(out) < size:
        piece = rng.choices(makers, weights)[0](rng)
        out += piece if isinstance(piece, bytes) else piece.encode()
    return bytes(out)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    size = int(float(sys.argv[2] if len(sys.argv) == 3 else 3) * 1e6)
    with open(sys.argv[1], "wb") as file:
        file.write(make(size))


if __name__ == "__main__":
    main()
