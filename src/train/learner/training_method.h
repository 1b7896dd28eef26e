/* What differs between objectives: where batches come from, and what a step does with them.
 * Private to the trainer, which owns the loop around it. */
#ifndef UM_TRAIN_LEARNER_TRAINING_METHOD_H
#define UM_TRAIN_LEARNER_TRAINING_METHOD_H

#include "train/learner/learner.h"
#include "train/run/output_directory.h"
#include "train/run/progress.h"

typedef struct um_training_method {
    /* Before anything is written, check that the model suits the recipe, and open the data.
     * `config` is that of the model that the recipe names, with the recipe's pad token, and becomes
     * that of the model to train.  Pass *state to `close`, also after a failure.  `grader` (copied;
     * NULL for the sandbox) judges completions. */
    um_status (*open)(const um_recipe *recipe, const um_grader *grader, um_model_config *config,
                      void **state, um_error *error);
    /* NULL is allowed. */
    void (*close)(void *state);

    /* The weights are ready for the first step, fresh or restored.  `file` is the state that the
     * run continues from, NULL for a fresh run.  `learner` and `output` stay until `close`, `file`
     * does not. */
    um_status (*start)(void *state, um_learner *learner, const um_output_directory *output,
                       const um_state_file *file, um_error *error);

    /* Set the sizes of the data.  May be NULL. */
    void (*describe)(const void *state, um_trainer_sizes *sizes);

    /* Add the sections that `start` reads; the caller adds the learner's to the same list. */
    um_status (*save)(void *state, um_state_sections *sections, um_error *error);

    /* Make one optimiser step.  UM_ERR_CANCELLED: `observer` said so in the middle of it; the state
     * is then as before the step, and may be saved. */
    um_status (*step)(void *state, const um_run_observer *observer, um_step_report *report,
                      um_error *error);

    /* Measure the model.  *has_data is false if there is nothing to measure it with. */
    um_status (*validate)(void *state, const um_run_observer *observer, bool *has_data,
                          um_validation_report *report, um_error *error);
} um_training_method;

/* causal and diffusion */
extern const um_training_method um_supervised_method;

/* coupled_grpo */
extern const um_training_method um_coupled_grpo_method;

#endif
