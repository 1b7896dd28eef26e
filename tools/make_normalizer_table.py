#!/usr/bin/env python3
"""Write src/tokenizer/normalizer_table.c: the characters that form C may change or move.

    make_normalizer_table.py > src/tokenizer/normalizer_table.c

They are the characters with a combining class other than 0, and those whose NFC_Quick_Check is No
or Maybe (UAX 15).  The `tokenizers` library has the tables of Unicode 9: marks that it does not
know are left out, so that text changes as it does there.
"""
import sys
import unicodedata

from tokenizers import normalizers

NFC = normalizers.NFC()


def characters():
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def known_mark(mark):
    """Whether the library moves `mark` before a mark of a higher class or behind one of a lower class."""
    return (NFC.normalize_str("\u0345" + mark) != "\u0345" + mark
            or NFC.normalize_str(mark + "\u0334") != mark + "\u0334"
            or unicodedata.combining(mark) in (1, 240))


def second_characters():
    """The characters that can compose with the one before them."""
    seconds = {chr(c) for c in range(0x1161, 0x1176)} | {chr(c) for c in range(0x11A8, 0x11C3)}
    for character in characters():
        parts = unicodedata.normalize("NFD", character)
        if len(parts) > 1 and NFC.normalize_str(parts) == character:
            seconds.add(parts[-1])
    return seconds


def main():
    unsafe = second_characters()
    for character in characters():
        if unicodedata.combining(character) and known_mark(character):
            unsafe.add(character)
        if NFC.normalize_str(character) != character:
            unsafe.add(character)
    ranges = []
    for code in sorted(map(ord, unsafe)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    out = sys.stdout
    out.write("/* Written by tools/make_normalizer_table.py. */\n")
    out.write('#include "tokenizer/normalizer_table.h"\n\n')
    out.write("const um_character_range um_normalizer_table[] = {\n")
    for low, high in ranges:
        out.write(f"    {{0x{low:X}, 0x{high:X}}},\n")
    out.write("};\n\n")
    out.write("const size_t um_normalizer_table_length =\n")
    out.write("    sizeof um_normalizer_table / sizeof *um_normalizer_table;\n")


if __name__ == "__main__":
    main()
