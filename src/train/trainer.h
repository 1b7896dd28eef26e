/* A training run: model, optimiser, data position and the loop around them. */
#ifndef UM_TRAIN_TRAINER_H
#define UM_TRAIN_TRAINER_H

#include "kernels/compute.h"
#include "train/collective/collective.h"
#include "train/completions/grader.h"
#include "train/recipe/recipe.h"
#include "train/run/metric.h"

typedef struct um_trainer um_trainer;

/* What a long step or validation calls to learn whether the run is to end, and to tell what it
 * does.  Functions may be NULL. */
typedef struct um_stop_request {
    bool (*should_stop)(void *user);
    void *user;
    void (*phase)(void *user, const char *phase, size_t done, size_t total);
    void (*sample)(void *user, size_t step, const um_sample_report *sample);
} um_stop_request;

/* Tell it that `done` of `total` parts of a phase are done; total 0: the phase has no parts. */
static inline void um_stop_request_tell(const um_stop_request *request, const char *phase,
                                        size_t done, size_t total) {
    if (request->phase) {
        request->phase(request->user, phase, done, total);
    }
}

/* What one optimizer step did. */
typedef struct um_step_report {
    size_t step;          /* steps made, this one included */
    size_t total_steps;   /* of the recipe */
    double loss;          /* the weighted objective, mean over micro-batches */
    double token_loss;    /* mean cross-entropy of the predicted tokens, nats; NAN if none */
    double accuracy;      /* share of them predicted exactly; NAN if none */
    double gradient_norm; /* before clipping */
    double learning_rate;
    double seconds;           /* of this step */
    size_t rows;              /* tokens passed through the model */
    double flops;             /* of matrix products; a multiply-add counts two */
    const um_metric *metrics; /* [metric_count] further numbers, valid during the callback */
    size_t metric_count;
} um_step_report;

typedef struct um_validation_report {
    size_t step;
    double loss;       /* of um_recipe_for_validation, as if the whole shard were one batch */
    double token_loss; /* mean cross-entropy, nats; NAN if there are no targets */
    double accuracy;
    size_t predicted_tokens;
    const um_metric *metrics; /* [metric_count] further numbers, valid during the callback */
    size_t metric_count;
} um_validation_report;

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

/* The state file inside an output directory. */
#define UM_TRAINER_STATE_FILE "training.state"

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

/* Sizes of the model and of its data; those of the validation shard are 0 if there is none. */
typedef struct um_trainer_sizes {
    size_t parameters;
    size_t layers;
    size_t hidden_size;
    size_t vocabulary_size;
    size_t train_documents; /* pieces, with "packing": "fixed_length" */
    size_t cut_documents;   /* of these, longer than context_length: only their beginning is used */
    size_t train_tokens;
    size_t validation_documents;
    size_t validation_tokens;
    size_t validation_problems;
    size_t left_out_problems; /* further ones, for infilling, which a causal model cannot be shown
                                 because its tokenizer lacks the tokens of tokenizer/fim.h */
} um_trainer_sizes;

um_trainer_sizes um_trainer_describe(const um_trainer *trainer);

/* Train to the recipe's last step, saving every checkpoint_minutes, then write the finished model
 * to output_directory.  UM_ERR_CANCELLED: should_stop said so; the state has been saved. */
um_status um_trainer_run(um_trainer *trainer, const um_trainer_callbacks *callbacks,
                         um_error *error);

#endif
