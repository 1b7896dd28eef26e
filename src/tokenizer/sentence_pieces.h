/* Tokenizers in the style of SentencePiece (Kudo and Richardson, arXiv 1808.06226), as in the
 * tokenizer.json of Llama 2 and later models: BPE over characters without a pre-tokenizer.  A space
 * is written as the mark U+2581, text gets one in front, and a character without a token becomes
 * the tokens "<0x00>" to "<0xFF>" of its bytes.
 *
 * Inside the library, tokens and text contain the space itself instead of the mark. */
#ifndef UM_TOKENIZER_SENTENCE_PIECES_H
#define UM_TOKENIZER_SENTENCE_PIECES_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/status.h"

typedef struct um_sentence_pieces {
    bool used;         /* the tokenizer is of this kind */
    bool prefix_space; /* encoding puts a space in front of a text, and decoding removes it */
} um_sentence_pieces;

/* Whether the tree of a tokenizer.json is of this kind: "byte_fallback" and no pre_tokenizer. */
bool um_sentence_pieces_recognise(const json_t *root);

/* Check normalizer (Prepend and Replace, in a Sequence) and decoder (Replace, ByteFallback, Fuse,
 * Strip) of such a tree and fill *pieces.  UM_ERR_UNSUPPORTED names anything else. */
um_status um_sentence_pieces_load(const json_t *root, const char *where, um_sentence_pieces *pieces,
                                  um_error *error);

/* Append `text` with every mark replaced by a space, and, if `prefix_space` is set and the text is
 * not empty, with a space in front. */
um_status um_sentence_pieces_append(const char *text, size_t length, bool prefix_space,
                                    um_buffer *out, um_error *error);

/* The byte of a token "<0x41>", or -1 for others. */
int um_sentence_pieces_byte(const char *token, size_t length);

#endif
