/* Translates the regular expressions of tokenizer files, which are written for Oniguruma, for
 * PCRE2. */
#ifndef UM_TOKENIZER_PATTERN_H
#define UM_TOKENIZER_PATTERN_H

#include "base/buffer.h"
#include "base/status.h"

/* Append `pattern` to `out` with \p{L}, \p{N}, \s and \S spelled out, so that they mean what
 * they mean in the tokenizers library whatever Unicode version PCRE2 was built with: letters
 * and numbers up to Unicode 16, and white space without U+180E. */
um_status um_pattern_translate(const char *pattern, size_t length, um_buffer *out, um_error *error);

#endif
