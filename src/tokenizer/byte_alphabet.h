/* The printable alphabet of byte-level BPE: one Unicode character for each byte, so that
 * vocabularies can be written as text (Radford et al., GPT-2's encoder, 2019).  Printable bytes of
 * Latin-1 stand for themselves; the other 68 become U+0100 and up, in order. */
#ifndef UM_TOKENIZER_BYTE_ALPHABET_H
#define UM_TOKENIZER_BYTE_ALPHABET_H

#include "base/buffer.h"
#include "base/status.h"

/* The byte that `code_point` stands for, or -1 if it is not in the alphabet. */
int um_byte_of_character(uint32_t code_point);

/* Append the bytes that `text` (UTF-8, `length` bytes) stands for.  *mapped is false, and
 * nothing is appended, when a character is outside the alphabet. */
um_status um_bytes_of_text(const char *text, size_t length, um_buffer *bytes, bool *mapped,
                           um_error *error);

/* Append the characters that stand for `length` bytes. */
um_status um_text_of_bytes(const char *bytes, size_t length, um_buffer *text, um_error *error);

#endif
