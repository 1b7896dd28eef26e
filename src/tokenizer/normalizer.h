/* Unicode normalisation form C (Unicode Standard Annex 15), as tokenizers apply it. */
#ifndef UM_TOKENIZER_NORMALIZER_H
#define UM_TOKENIZER_NORMALIZER_H

#include "base/buffer.h"
#include "base/status.h"

/* Bring `text` (well-formed UTF-8) into form C.  *out and *out_length are either `text` itself, if
 * it is in that form already, or the contents of `buffer`, which is overwritten.
 *
 * The form is that of the Hugging Face tokenizers library, which knows the combining marks of
 * Unicode 9: newer ones stay where they are among other marks. */
um_status um_normalize(const char *text, size_t length, um_buffer *buffer, const char **out,
                       size_t *out_length, um_error *error);

#endif
