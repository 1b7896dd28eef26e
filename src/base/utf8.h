/* UTF-8: strict decoding, and repair of what is broken. */
#ifndef UM_BASE_UTF8_H
#define UM_BASE_UTF8_H

#include "base/buffer.h"
#include "base/status.h"

/* What replaces a broken sequence: U+FFFD. */
#define UM_UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* Read the character at the start of `bytes` (`length` > 0 of them).
 *
 * True: *code_point is the character and *used its length.  False: the bytes are not a character,
 * and *used (>= 1) is the length of the maximal subpart of an ill-formed sequence, the unit that
 * one U+FFFD replaces (The Unicode Standard, section 3.9, table 3-8). */
bool um_utf8_next(const char *bytes, size_t length, uint32_t *code_point, size_t *used);

/* Whether all `length` bytes are the start of a character that more bytes could complete. */
bool um_utf8_incomplete(const char *bytes, size_t length);

/* Whether `length` bytes are well-formed UTF-8. */
bool um_utf8_valid(const char *bytes, size_t length);

/* Append `bytes` with one U+FFFD for every maximal ill-formed subpart, as Python's
 * bytes.decode("utf-8", errors="replace") does. */
um_status um_utf8_repair(const char *bytes, size_t length, um_buffer *text, um_error *error);

/* The start of the character that ends at `end` > 0 in well-formed text. */
size_t um_utf8_previous(const char *text, size_t end);

#endif
