/* Blocks of an answer, filled from left to right: block_length answer positions each, with an equal
 * share of the steps (LLaDA's semi-autoregressive sampling; Fast-dLLM's block version of Dream's
 * samplers).  A single block that is the whole answer is the same as no blocks. */
#ifndef UM_DECODE_BLOCKS_H
#define UM_DECODE_BLOCKS_H

#include "decode/algorithm.h"

typedef struct um_block {
    size_t start;         /* its first answer position, counted within the answer */
    size_t end;           /* one past its last */
    size_t step_count;    /* steps of every block */
    size_t step_in_block; /* from 0 */
} um_block;

/* UM_ERR_ARGUMENT: block_length does not divide the answer, or the number of blocks does not divide
 * the steps. */
um_status um_blocks_check(const um_decode_options *options, const um_canvas *canvas,
                          um_error *error);

/* The block of the step. */
um_block um_block_at(const um_decode_step *step);

/* Fill in a plan: the masked positions of this block and any that earlier blocks left, and the
 * block's range in the canvas. */
void um_block_plan(um_decode_step *step, const um_block *block);

/* How many positions that plan would want. */
size_t um_block_masked(const um_decode_step *step, const um_block *block);

#endif
