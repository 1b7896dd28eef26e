/* The parts of a run; shared by the files of the trainer only. */
#ifndef UM_TRAIN_TRAINER_INTERNAL_H
#define UM_TRAIN_TRAINER_INTERNAL_H

#include "train/batch.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/trainer.h"

struct um_trainer {
    um_recipe recipe;
    char output[UM_RECIPE_PATH_SIZE];
    um_compute own_compute; /* the caller's, with the recipe's kind of products */
    const um_compute *compute;
    um_model_config config;
    um_parameters parameters; /* what the passes read */
    um_parameters gradients;
    um_parameters unrounded; /* laid out only when the weights are rounded */
    um_parameters *masters;  /* what the optimiser updates: `unrounded`, else `parameters` */
    um_transformer transformer;
    float *parameter_block;
    float *gradient_block;
    float *master_block; /* of `masters` */
    size_t block_count;  /* floats of each block */
    size_t weight_count; /* parameters, without padding */
    um_optimizer optimizer;
    um_shard *train_shard;
    um_shard *validation_shard;
    um_data_order order;
    um_data_cursor cursor;
    um_training_batch batch;
    um_activations *recording;
    um_activations *plain;
    um_loss_scratch loss_scratch;
    float *hidden;
    float *hidden_gradient;
    size_t hidden_capacity;
    size_t hidden_gradient_capacity;
    double last_save;    /* clock */
    int lock_descriptor; /* of the output directory, -1 for none */
};

/* Set the parameters to the masters, rounded to bf16, where the recipe's weights are that. */
void um_trainer_round_weights(um_trainer *trainer);

/* Read or write output/training.state.  Loading sets *found to whether there was one, and removes
 * what writes that were killed have left beside it. */
um_status um_trainer_state_load(um_trainer *trainer, bool *found, um_error *error);
um_status um_trainer_state_save(const um_trainer *trainer, um_error *error);

/* Random weights: normal with deviation 0.02, divided by sqrt(2 layers) where a matrix writes
 * into the residual stream; norms 1, biases 0. */
um_status um_trainer_initialise(um_trainer *trainer, um_error *error);

/* Mean losses over the validation shard with a fixed set of masks. */
um_status um_trainer_validate(um_trainer *trainer, um_validation_report *report, um_error *error);

/* Forward pass and loss of the current batch; with `backward` also its gradients. */
um_status um_trainer_batch_loss(um_trainer *trainer, bool backward, um_loss_sums *sums,
                                um_error *error);

#endif
