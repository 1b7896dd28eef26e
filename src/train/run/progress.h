/* What a run tells while it goes on, and who listens. */
#ifndef UM_TRAIN_RUN_PROGRESS_H
#define UM_TRAIN_RUN_PROGRESS_H

#include "train/run/metric.h"

/* What a long step or validation asks whether the run is to end, and tells what it does.  Functions
 * may be NULL. */
typedef struct um_run_observer {
    bool (*should_stop)(void *user);
    void *user;
    void (*phase)(void *user, const char *phase, size_t done, size_t total);
    void (*sample)(void *user, size_t step, const um_sample_report *sample);
} um_run_observer;

/* Tell it that `done` of `total` parts of a phase are done; total 0: the phase has no parts. */
static inline void um_run_observer_tell(const um_run_observer *observer, const char *phase,
                                        size_t done, size_t total) {
    if (observer->phase) {
        observer->phase(observer->user, phase, done, total);
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

#endif
