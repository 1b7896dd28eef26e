/* AdamW and Muon over the flat blocks of a model's parameters, and the global gradient norm. */
#ifndef UM_TRAIN_OPTIMIZER_OPTIMIZER_H
#define UM_TRAIN_OPTIMIZER_OPTIMIZER_H

#include "kernels/compute.h"
#include "model/parameters.h"
#include "train/optimizer/muon.h"
#include "train/recipe/recipe.h"

typedef struct um_optimizer {
    const um_model_config *config;
    size_t count; /* floats of each block */
    float *first_moment;
    float *second_moment;     /* stays 0 where Muon updates */
    uint64_t step;            /* updates made */
    um_muon_matrix *matrices; /* that Muon updates; gathered anew for each update */
    size_t matrix_count;
    size_t matrix_capacity;
    float *scratch; /* of Muon, for all workers */
    size_t scratch_capacity;
} um_optimizer;

um_status um_optimizer_create(const um_model_config *config, size_t count, um_optimizer *optimizer,
                              um_error *error);
void um_optimizer_free(um_optimizer *optimizer);

/* The Euclidean norm of a block, in f64, summed in one fixed order. */
double um_block_norm(const float *block, size_t count);

/* The factor that brings a gradient of this norm to at most `limit`; limit 0 is none. */
double um_clip_factor(double norm, double limit);

/* One update of `parameters` (laid out in `block`) from the block of gradients, which is first
 * multiplied by `gradient_scale`.  AdamW: Loshchilov and Hutter, "Decoupled Weight Decay
 * Regularization", 2019, algorithm 2; only matrices decay, including the embedding.  Muon (muon.h):
 * for the matrices inside the layers; AdamW for all other tensors. */
um_status um_optimizer_update(um_optimizer *optimizer, const um_compute *compute,
                              const um_recipe *recipe, double learning_rate, double gradient_scale,
                              um_parameters *parameters, float *block, const float *gradients,
                              um_error *error);

#endif
