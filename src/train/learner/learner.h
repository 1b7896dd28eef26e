/* What every objective trains with: a model's weights, gradients and optimiser, the passes over
 * batches, and the update.  A training method (training_method.h) decides which batches, and what
 * happens between updates. */
#ifndef UM_TRAIN_LEARNER_LEARNER_H
#define UM_TRAIN_LEARNER_LEARNER_H

#include "train/learner/loss.h"
#include "train/learner/training_batch.h"
#include "train/optimizer/gradient_sum.h"
#include "train/optimizer/optimizer.h"
#include "train/run/state_file.h"

typedef struct um_learner {
    const um_recipe *recipe;   /* borrowed */
    um_compute own_compute;    /* the caller's, with the recipe's kind of products */
    const um_compute *compute; /* own_compute */
    um_collective *collective; /* borrowed: the ranks that train this model; NULL: alone */
    um_model_config config;    /* of the model that is trained */
    um_parameters parameters;  /* what the passes read */
    um_parameters gradients;
    um_parameters unrounded; /* laid out only when the weights are rounded */
    um_parameters *masters;  /* what the optimiser updates: `unrounded`, else `parameters` */
    um_transformer transformer;
    float *parameter_block;
    float *gradient_block;
    float *master_block;          /* of `masters` */
    size_t block_count;           /* floats of each block */
    size_t weight_count;          /* parameters, without padding */
    um_gradient_sum gradient_sum; /* over the parts of a step */
    um_optimizer optimizer;
    um_activations *recording; /* of passes that a backward pass follows */
    um_activations *plain;     /* of other passes */
    um_loss_scratch loss_scratch;
    float *hidden; /* [rows of the batch that predict, hidden_size] */
    float *hidden_gradient;
    size_t hidden_capacity;
    size_t hidden_gradient_capacity;
} um_learner;

/* Make room for a model of `config`, whose weights are not set yet.  `recipe` and `compute` must
 * outlive the learner, and *learner must not move.  Call um_learner_free also after a failure. */
um_status um_learner_create(const um_recipe *recipe, const um_model_config *config,
                            const um_compute *compute, um_learner *learner, um_error *error);
void um_learner_free(um_learner *learner);

/* Train the same model together with the other ranks of a collective (borrowed). */
void um_learner_join(um_learner *learner, um_collective *collective);

/* Set the masters to the weights that a run begins with.  initialise: random, for a recipe that
 * says so (matrices normal with deviation 0.02, divided by sqrt(2 layers) for those that write into
 * the residual stream; norms 1, biases 0).  load_weights: those of the recipe's model. */
um_status um_learner_initialise(um_learner *learner, um_error *error);
um_status um_learner_load_weights(um_learner *learner, um_error *error);

/* If the recipe's weights are bf16, set the parameters to the masters, rounded.  Call it after
 * every change of the masters. */
void um_learner_round_weights(um_learner *learner);

/* Updates made. */
size_t um_learner_step(const um_learner *learner);

/* Give all ranks the masters of rank 0; check that all ranks have the same (same_run.h). */
um_status um_learner_broadcast_weights(um_learner *learner, um_error *error);
um_status um_learner_compare_weights(um_learner *learner, um_error *error);

/* Add or restore the sections of the learner's state. */
void um_learner_save(const um_learner *learner, um_state_sections *sections);
um_status um_learner_load(um_learner *learner, const um_state_file *file, um_error *error);

/* Start a step: set the gradients to zero. */
void um_learner_clear_gradients(um_learner *learner);

/* Whether this rank computes part `part` of a step. */
bool um_learner_owns(const um_learner *learner, size_t part);

/* Part `part` of a step's `parts` is done, here or on the rank that owns it: add up the gradients
 * (gradient_sum.h).  All ranks call it for each part in turn. */
um_status um_learner_end_part(um_learner *learner, size_t part, size_t parts, um_error *error);

/* Forward pass and loss of a batch, whose log_probabilities it sets; with `backward`, its gradients
 * are added to the block. */
um_status um_learner_batch_loss(um_learner *learner, um_training_batch *batch, bool backward,
                                um_loss_sums *sums, um_error *error);

/* The same in two parts, for weights that depend on the log-probabilities.  First set the batch's
 * log_probabilities to those of the targets under `transformer`: NULL for the learner's model or,
 * without `record`, one of the same shape, such as a reference. */
um_status um_learner_log_probabilities(um_learner *learner, const um_transformer *transformer,
                                       um_training_batch *batch, bool record, um_error *error);

/* Then, directly after a recorded pass, add the gradients of the sum over targets of
 * weight * cross-entropy, with the batch's weights as they are now. */
um_status um_learner_backward(um_learner *learner, um_training_batch *batch, um_loss_sums *sums,
                              um_error *error);

/* Operations in the matrix products of a batch's forward pass; a multiply-add counts two. */
double um_learner_forward_flops(const um_learner *learner, const um_training_batch *batch);

/* What an update did. */
typedef struct um_update_report {
    double gradient_norm; /* of the mean gradient, before clipping */
    double learning_rate;
} um_update_report;

/* Divide the sum of the gradients by `parts`, clip it, and make an optimiser step at the schedule's
 * rate.  UM_ERR_MISMATCH: the gradient is not finite; nothing was changed. */
um_status um_learner_update(um_learner *learner, size_t parts, um_update_report *report,
                            um_error *error);

#endif
