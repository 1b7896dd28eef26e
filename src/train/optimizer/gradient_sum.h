/* The gradient of a step, summed over its parts (micro-batches), which the ranks of a collective
 * share: rank p mod size computes part p.
 *
 * In order: each part has a block of its own, and the sum is ((part 0 + part 1) + part 2) + ...,
 * each addition rounded to f32.  The sum is therefore the same bytes for any number of ranks.
 * Fast: the matrix products themselves accumulate a rank's parts, then the ranks' blocks are added
 * in the transport's order (um_collective_sum_fast states the error bound). */
#ifndef UM_TRAIN_OPTIMIZER_GRADIENT_SUM_H
#define UM_TRAIN_OPTIMIZER_GRADIENT_SUM_H

#include "collective/collective.h"
#include "kernels/compute.h"
#include "train/recipe/recipe.h"

typedef struct um_gradient_sum {
    um_collective *collective; /* borrowed, as are compute and block; NULL: alone */
    const um_compute *compute;
    um_reduction reduction;
    float *block;    /* [count]: backward passes add to it */
    float *in_order; /* [count] sum so far, on rank 0, for steps of several parts; else NULL */
    size_t count;    /* floats */
    float *total;    /* [count] after um_gradient_sum_finish: one of the two */
} um_gradient_sum;

/* Start a step: zero the block. */
void um_gradient_sum_start(um_gradient_sum *sum);

/* A part is done, here or on another rank; all ranks call this for parts 0, 1, ..., parts - 1.  The
 * block is ready for the next one.  UM_ERR_MEMORY, and errors of the collective. */
um_status um_gradient_sum_add(um_gradient_sum *sum, size_t part, size_t parts, um_error *error);

/* After the last part: `total` becomes the sum, on all ranks.  In a single process that is
 * `block`. */
um_status um_gradient_sum_finish(um_gradient_sum *sum, um_error *error);

void um_gradient_sum_free(um_gradient_sum *sum);

#endif
