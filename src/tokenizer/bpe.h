/* Byte-pair encoding of one piece of text (Sennrich, Haddow, Birch, "Neural Machine
 * Translation of Rare Words with Subword Units", ACL 2016), over bytes or over characters. */
#ifndef UM_TOKENIZER_BPE_H
#define UM_TOKENIZER_BPE_H

#include "tokenizer/token_list.h"
#include "tokenizer/vocabulary.h"

/* Zero-initialise, fill with um_bpe_add_merge and um_bpe_index_bytes, release with um_bpe_free. */
typedef struct um_bpe {
    um_vocabulary vocabulary;
    struct um_merge *merges; /* [merge_slots] by the hash of the pair */
    size_t merge_slots;      /* zero or a power of two */
    size_t merge_count;
    int32_t byte_ids[256]; /* the token of each single byte, or -1 */
    bool ignore_merges;    /* a piece that is a token itself becomes that token */
    bool characters;       /* start from characters; byte_ids spell characters without a token */
} um_bpe;

/* Memory that um_bpe_encode reuses.  Zero-initialise; release with um_bpe_scratch_free. */
typedef struct um_bpe_scratch {
    struct um_bpe_symbol *symbols;
    size_t symbol_capacity;
    uint64_t *heap;
    size_t heap_length;
    size_t heap_capacity;
} um_bpe_scratch;

/* Let the tokens `left` and `right` merge into `joined`, whose bytes are theirs in order.  Lower
 * ranks merge first, and no two merges share a rank.  If a pair is given twice, the later call
 * replaces the earlier one. */
um_status um_bpe_add_merge(um_bpe *bpe, int32_t left, int32_t right, int32_t joined, int32_t rank,
                           um_error *error);

/* Fill byte_ids from the tokens of single bytes, once the vocabulary is complete. */
void um_bpe_index_bytes(um_bpe *bpe);

/* Append the tokens of `piece` to `out`: repeatedly, the adjacent pair with the lowest rank is
 * joined, the leftmost first.  Bytes without a token of their own are left out.  With `characters`
 * the piece must be well-formed UTF-8. */
um_status um_bpe_encode(const um_bpe *bpe, um_bpe_scratch *scratch, const char *piece,
                        size_t length, um_token_list *out, um_error *error);

void um_bpe_scratch_free(um_bpe_scratch *scratch);
void um_bpe_free(um_bpe *bpe);

#endif
