/* The forward and backward pass of every supported model, over any subset of rows.
 *
 * A row is one position of one sequence.  A pass computes the rows that it is given, writes
 * their keys and values into the sequence's cache, and lets them attend over every valid row of
 * that cache.  Plain denoising gives all rows; a cache policy gives some; autoregressive
 * decoding gives the last; a batch gives rows of many sequences.  docs/MODEL.md has the
 * equations. */
#ifndef UM_MODEL_TRANSFORMER_H
#define UM_MODEL_TRANSFORMER_H

#include "kernels/compute.h"
#include "model/kv_cache.h"
#include "model/parameters.h"

/* An immutable model; both members are borrowed. */
typedef struct um_transformer {
    const um_model_config *config;
    const um_parameters *parameters;
} um_transformer;

/* The rows to compute of one sequence. */
typedef struct um_sequence_rows {
    um_kv_cache *cache;    /* its length is the sequence's */
    const int32_t *tokens; /* [cache->length]: the whole sequence; only `rows` are read */
    const size_t *rows;    /* [row_count] ascending; NULL means 0 .. row_count-1 */
    size_t row_count;
    const size_t *hidden_rows; /* [hidden_count] ascending, each among `rows`: whose final hidden
                                  state is returned */
    size_t hidden_count;
    const uint8_t *links; /* extra attention links, [length, length], or NULL (see attention.h) */
} um_sequence_rows;

typedef struct um_row_batch {
    const um_sequence_rows *sequences;
    size_t count;
    um_attention_kind attention;
    size_t attention_block_length; /* for UM_ATTENTION_BLOCK_CAUSAL */
} um_row_batch;

/* Scratch memory of a pass, reused between passes, and, if recorded, the activations that the
 * backward pass reads.  Each thread that runs passes needs its own. */
typedef struct um_activations um_activations;

/* `record`: keep every layer's activations for um_transformer_backward. */
um_status um_activations_create(bool record, um_activations **activations, um_error *error);
void um_activations_free(um_activations *activations);

/* For activations that record, before a forward pass: keep only each layer's input, and let the
 * backward pass recompute the rest of a layer when it reaches it.  Gradients have the same bits.
 * Every layer but the last costs a second forward pass without its last product, and the memory
 * besides the inputs is that of one layer's activations, however many layers there are.  (Chen et
 * al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv 1604.06174, section 4.) */
void um_activations_recompute(um_activations *activations, bool recompute);

/* Bytes that passes have allocated so far.  docs/TRAINING.md has the formula. */
size_t um_activations_bytes(const um_activations *activations);

/* Compute the batch.  hidden [sum of hidden_count, hidden_size] receives the states after the
 * final norm, sequence after sequence.  UM_ERR_ARGUMENT for rows out of range or out of order
 * and for block-causal attention without a block length, UM_ERR_MISMATCH for a token id outside
 * the vocabulary. */
um_status um_transformer_forward(const um_transformer *transformer, const um_compute *compute,
                                 const um_row_batch *batch, um_activations *activations,
                                 float *hidden, um_error *error);

/* logits [count, vocabulary] = hidden [count, hidden_size] head^T.  Uses only scratch memory of
 * `activations`, so recorded activations stay valid.  UM_ERR_MEMORY. */
um_status um_transformer_project(const um_transformer *transformer, const um_compute *compute,
                                 um_activations *activations, size_t count, const float *hidden,
                                 float *logits, um_error *error);

/* Gradients of a loss, given dhidden = d loss / d hidden of the last recorded forward pass of the
 * same batch, in which every row of every sequence was computed.  `gradients` has the f32
 * layout of um_parameters_lay_out and is added to; the output projection's own gradient is left to
 * the caller, who has the logits.  Weights must be f32. */
um_status um_transformer_backward(const um_transformer *transformer, const um_compute *compute,
                                  const um_row_batch *batch, um_activations *activations,
                                  const float *dhidden, const um_parameters *gradients,
                                  um_error *error);

/* The row whose logits predict `position`, given the model's alignment. */
size_t um_transformer_predicting_row(const um_model_config *config, size_t position);

#endif
