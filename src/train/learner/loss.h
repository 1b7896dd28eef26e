/* Weighted cross-entropy through the output projection, in chunks of rows, so that the logits of a
 * large vocabulary are never all in memory at once. */
#ifndef UM_TRAIN_LEARNER_LOSS_H
#define UM_TRAIN_LEARNER_LOSS_H

#include "model/transformer.h"

/* Rows, each of which predicts one token or more: the logits of a row are computed once. */
typedef struct um_loss_rows {
    size_t count;
    const float *hidden;       /* [count, hidden_size] after the final norm */
    const size_t *target_ends; /* [count] one after a row's last target; the next row's follow */
    const int32_t *targets;    /* [targets] */
    const float *weights;      /* [targets], of any sign */
    float *log_probabilities;  /* [targets] receives log P(target) */
} um_loss_rows;

/* Sums over the targets. */
typedef struct um_loss_sums {
    double weighted; /* sum of weight * cross-entropy: the objective */
    double plain;    /* sum of cross-entropies, in nats */
    size_t correct;  /* targets that are their row's most probable token */
} um_loss_sums;

/* Memory for one chunk of rows.  Release with um_loss_scratch_free. */
typedef struct um_loss_scratch {
    float *logits;   /* [rows of a chunk, vocabulary] */
    size_t *correct; /* [rows of a chunk] */
} um_loss_scratch;

um_status um_loss_scratch_create(const um_model_config *config, um_loss_scratch *scratch,
                                 um_error *error);
void um_loss_scratch_free(um_loss_scratch *scratch);

/* Sum the losses.  If `head_gradient` is not NULL, `dhidden` [count, hidden_size] receives
 * d weighted / d hidden, and the output projection's own gradient is added to `head_gradient`.
 * Targets must be in the vocabulary. */
void um_loss_compute(const um_transformer *transformer, const um_compute *compute,
                     const um_loss_rows *rows, um_loss_scratch *scratch, float *dhidden,
                     const um_tensor *head_gradient, um_loss_sums *sums);

#endif
