/* A training run: model, optimiser, data position and the loop around them. */
#ifndef UM_TRAIN_TRAINER_TRAINER_H
#define UM_TRAIN_TRAINER_TRAINER_H

#include "collective/collective.h"
#include "judge/grader.h"
#include "kernels/compute.h"
#include "train/recipe/recipe.h"
#include "train/run/progress.h"

typedef struct um_trainer um_trainer;

/* All optional, and called on all ranks. */
typedef struct um_trainer_callbacks {
    void (*step)(void *user, const um_step_report *report);
    void (*validation)(void *user, const um_validation_report *report);
    void (*saving)(void *user); /* the state is about to be saved */
    void (*saved)(void *user, const char *path, size_t step);
    /* `done` of `total` parts of a phase, such as "rollout" or "rewards", are done; total 0: it has
     * no parts. */
    void (*phase)(void *user, const char *phase, size_t done, size_t total);
    /* One of a few completions of a validation, before the validation is reported. */
    void (*sample)(void *user, size_t step, const um_sample_report *sample);
    bool (*should_stop)(void *user); /* asked after every step, and during a long one */
    void *user;
} um_trainer_callbacks;

/* Prepare a run that writes into `output_directory` (made if missing).  If that holds a state file,
 * the run continues from it, bit for bit as if it had not stopped; UM_ERR_MISMATCH: the state
 * belongs to another recipe, model or data; UM_ERR_UNSUPPORTED: no config.json could describe the
 * trained model.  The compute context is borrowed. */
um_status um_trainer_create(const um_recipe *recipe, const char *output_directory,
                            const um_compute *compute, um_trainer **trainer, um_error *error);

/* The same, but `grader` judges completions instead of the tests in the sandbox (NULL: those).
 * What its `user` points to is borrowed. */
um_status um_trainer_create_graded(const um_recipe *recipe, const char *output_directory,
                                   const um_compute *compute, const um_grader *grader,
                                   um_trainer **trainer, um_error *error);

/* The same run by all ranks of a collective: each calls this and um_trainer_run.  Only rank 0
 * writes, and reads the state or the weights to start from.  The others need the recipe's other
 * files, which must be the same everywhere (UM_ERR_MISMATCH on all ranks).  With the recipe's
 * ordered reduction the result does not depend on the number of ranks.  An error that only one rank
 * has is returned on that rank only; um_collective_finish tells these cases apart. */
um_status um_trainer_create_among(um_collective *collective, const um_recipe *recipe,
                                  const char *output_directory, const um_compute *compute,
                                  const um_grader *grader, um_trainer **trainer, um_error *error);
void um_trainer_free(um_trainer *trainer);

/* Steps already made (0 for a fresh run). */
size_t um_trainer_step(const um_trainer *trainer);

/* Whether the validation that follows that step is still to be made; um_trainer_run begins with
 * it. */
bool um_trainer_validation_is_due(const um_trainer *trainer);

size_t um_trainer_parameter_count(const um_trainer *trainer);

/* Sizes of the model and of its data. */
um_trainer_sizes um_trainer_describe(const um_trainer *trainer);

/* Train to the recipe's last step, saving every checkpoint_minutes, then write the finished model
 * to output_directory.  UM_ERR_CANCELLED: should_stop said so; the state has been saved. */
um_status um_trainer_run(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                         um_error *error);

#endif
