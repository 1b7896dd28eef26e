/* Learning the merges of byte-level byte-pair encoding (Sennrich, Haddow, Birch, "Neural Machine
 * Translation of Rare Words with Subword Units", ACL 2016, algorithm 1) from counted pieces.
 *
 * Ids 0 to 255 are the single bytes, in the order of the characters that stand for them in files
 * (byte_alphabet.h).  Then, again and again, the most frequent adjacent pair becomes the next
 * token; of equally frequent pairs, the one with the lowest left, then the lowest right id.  These
 * are the rules of BpeTrainer in the Hugging Face tokenizers library, so the results are equal.
 *
 * No two merges make the same bytes: the text between two token boundaries is always divided as it
 * would be on its own, so all occurrences of the same bytes become one token in the same step. */
#ifndef UM_TOKENIZER_TRAIN_MERGES_H
#define UM_TOKENIZER_TRAIN_MERGES_H

#include "base/watch.h"
#include "tokenizer/train_pieces.h"
#include "tokenizer/vocabulary.h"

typedef struct um_learned_merge {
    int32_t left;
    int32_t right;
    int32_t joined;
} um_learned_merge;

/* Zero-initialise; release with um_learned_merges_free. */
typedef struct um_learned_merges {
    um_vocabulary vocabulary;
    um_learned_merge *merges; /* [length], by rank */
    size_t length;
    size_t capacity;
} um_learned_merges;

/* Learn merges until the vocabulary has `size` (at least 256) tokens, or no pair occurs at least
 * `minimum_count` times and at least once.  The watch (may be NULL) is told the number of tokens.
 *
 * Memory: about 4 bytes for every byte of `counts`, and 4 for every place of every pair. */
um_status um_learn_merges(const um_piece_counts *counts, size_t size, uint64_t minimum_count,
                          const um_watch *watch, um_learned_merges *learned, um_error *error);

void um_learned_merges_free(um_learned_merges *learned);

#endif
