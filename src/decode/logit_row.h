/* One row of logits cut into blocks, and the part of it that a filter keeps.  A sampler's questions
 * about a vocabulary of 150,000 tokens are answered from the largest logit of each block, sums over
 * blocks, and short lists of the tokens that matter; nothing is sorted, and no logit is written. */
#ifndef UM_DECODE_LOGIT_ROW_H
#define UM_DECODE_LOGIT_ROW_H

#include "kernels/kernels.h"

#define UM_ROW_BLOCK 512

/* Tokens whose value is this far below the largest do not count (they weigh at most e^-40): all
 * tokens of a vocabulary of 2^24 together do not reach the rounding of a float. */
#define UM_ROW_DEPTH 40.0f

typedef struct um_block_sums {
    double sum;      /* of the weights */
    double weighted; /* of weight * (value - maximum), unless stated otherwise */
} um_block_sums;

/* Memory for the rows of one vocabulary, used for one row at a time. */
typedef struct um_row_scratch {
    float *block_maxima;       /* [blocks] */
    um_block_sums *block_sums; /* [blocks] */
    float *weights;            /* [vocabulary_size]: exp(value - maximum), if asked for */
    um_token_entries entries;  /* room for the vocabulary: values, weights, ids in order */
} um_row_scratch;

typedef struct um_logit_row {
    const um_kernels *kernels;
    const float *logits; /* [count]: finite, or minus infinity for tokens that are never chosen */
    size_t count;
    float divisor; /* the temperature, or 1 without one; values are logits / divisor */
    float maximum; /* the largest value; minus infinity if there is none */
    size_t block_count;
    um_row_scratch *scratch;
} um_logit_row;

/* What a filter keeps of a row: the tokens whose logit lies above `above`, and also the entries of
 * the scratch, which lie at or below it.  Totals are over both. */
typedef struct um_kept_tokens {
    float above; /* +infinity: only the entries are kept */
    double sum;  /* of the weights */
    double weighted;
} um_kept_tokens;

um_status um_row_scratch_create(size_t vocabulary_size, um_row_scratch *scratch, um_error *error);
void um_row_scratch_free(um_row_scratch *scratch);

/* Fill in the blocks' maxima and the row's; false if a logit is NaN, or infinite once divided. */
bool um_logit_row_scan(um_logit_row *row);

/* Update the maximum of the block of `token` after its logit was set to minus infinity. */
void um_logit_row_rescan(um_logit_row *row, size_t token);
/* Update the row's maximum after the last of such changes. */
void um_logit_row_find_maximum(um_logit_row *row);

/* Sums over all tokens, block by block in scratch->block_sums; returns the total. */
um_block_sums um_logit_row_sum(const um_logit_row *row);

/* Only the sum of all weights.  If `keep_weights`, the weights are also stored in scratch->weights,
 * except in blocks that are too deep to count. */
double um_logit_row_total(const um_logit_row *row, bool keep_weights);

/* Append the tokens with low <= value <= high to the entries, until there are more than `limit`
 * (false then).  Their weights are not set. */
bool um_logit_row_gather(const um_logit_row *row, float low, float high, size_t limit);

/* Take the tokens with low <= logit <= high as entries, with weights; put the sums of those above
 * `high` into scratch->block_sums and return their total.  Needs kept weights, and a `low` that is
 * not too deep to count. */
um_block_sums um_logit_row_split(const um_logit_row *row, float low, float high);

/* The lowest token id with the largest logit. */
size_t um_logit_row_argmax(const um_logit_row *row);

/* The second largest value; the largest itself if it occurs twice. */
float um_logit_row_second(const um_logit_row *row);

/* The first token, in order of the ids, at which the weights of the kept tokens sum up to more than
 * `target`; the last kept one if rounding keeps the sum below it. */
size_t um_logit_row_draw(const um_logit_row *row, const um_kept_tokens *kept, double target);

/* ---- Filters (filter.c) -------------------------------------------------- */

/* Keep everything. */
um_kept_tokens um_keep_all(const um_logit_row *row);

/* Keep the top_k largest (all if top_k is 0) and those that tie with the last of them; of these,
 * keep the nucleus of the row's whole distribution: with the tokens in descending order, the lowest
 * id first on ties, those whose predecessors' mass does not exceed top_p.  The token that crosses
 * top_p stays, so at least one does.
 *
 * Masses are sums in double of float weights, divided by the sum over the row, and compared with
 * top_p as floats: the precision of a cumulative sum that torch stores as float32. */
um_kept_tokens um_keep_filtered(const um_logit_row *row, double top_p, size_t top_k);

#endif
