/* Chooses the rows of each forward in turn, from a cache policy, the interval of full
 * recomputation, and which rows are known to be exact. */
#ifndef UM_DECODE_CACHE_PLAN_H
#define UM_DECODE_CACHE_PLAN_H

#include "decode/cache_policy.h"
#include "decode/canvas.h"
#include "decode/denoiser.h"
#include "decode/options.h"

typedef struct um_cache_plan {
    const um_cache_policy *policy;
    size_t refresh; /* all rows are recomputed in every refresh-th forward; 0: not by count */
    size_t window;
    bool is_shifted;
    size_t attention_block_length; /* of um_denoiser */
    size_t length;
    size_t since_full;  /* forwards from the last full one on, that one included; 0: none yet */
    size_t block_start; /* of the last forward */
    size_t exact_end;   /* rows before it are what recomputing all rows would give */
    uint8_t *changed;   /* [length]: tokens that changed since the last forward */
    uint8_t *recompute; /* [length]: rows of the forward being planned */
    size_t *rows;       /* [length]: the same rows, as a list */
} um_cache_plan;

/* `options` are resolved.  Zero-initialise *plan first, and um_cache_plan_free it in the end,
 * whatever the outcome. */
um_status um_cache_plan_create(um_cache_plan *plan, const um_denoiser *denoiser,
                               const um_canvas *canvas, const um_decode_options *options,
                               um_error *error);
void um_cache_plan_free(um_cache_plan *plan);

/* The token at `position` has changed. */
void um_cache_plan_change(um_cache_plan *plan, size_t position);

/* The rows of the next forward, ascending, *row_count of them, valid until the next call; NULL:
 * all.  The algorithm's block is positions block_start .. block_end - 1. */
const size_t *um_cache_plan_rows(um_cache_plan *plan, const um_canvas *canvas, size_t block_start,
                                 size_t block_end, size_t *row_count);

#endif
