/* Checks that the ranks of a collective make the same run: at its start, and now and then. */
#ifndef UM_TRAIN_RUN_SAME_RUN_H
#define UM_TRAIN_RUN_SAME_RUN_H

#include "collective/collective.h"
#include "kernels/compute.h"
#include "train/recipe/recipe.h"

/* Compare program, kernels, recipe and the files that the recipe names with those of rank 0.
 * UM_ERR_MISMATCH, the same on all ranks, names the first rank that differs, and in what.  Files of
 * up to 256 MiB are compared whole, larger ones in 4096 places, and so is a corpus of several
 * shards (um_file_hash_among). */
um_status um_same_run_check(um_collective *collective, const um_recipe *recipe,
                            const um_compute *compute, um_error *error);

/* Compare `count` weights, after `step` steps, with those of rank 0. */
um_status um_same_weights_check(um_collective *collective, const um_compute *compute,
                                const float *weights, size_t count, size_t step, um_error *error);

#endif
