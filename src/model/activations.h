/* Memory of a pass; private to the model module. */
#ifndef UM_MODEL_ACTIVATIONS_H
#define UM_MODEL_ACTIVATIONS_H

#include "kernels/attention.h"
#include "kernels/linear.h"
#include "model/transformer.h"

/* The activations that one layer keeps.  R rows in the batch, H hidden, Q heads * head_dim,
 * K kv_heads * head_dim, I intermediate.  Unless activations are recorded, all layers share one
 * set. */
typedef struct um_layer_activations {
    float *input;                 /* [R, H] residual stream before the layer; only recorded */
    float *attention_inverse_rms; /* [R] */
    float *query_input;           /* [R, Q] before the query norm; only recorded, with qk_norm */
    float *key_input;             /* [R, K] before the key norm; only recorded, with qk_norm */
    float *queries;               /* [R, Q] after the rotation */
    float *attended;              /* [R, Q] attention output before its projection */
    float *middle;                /* [R, H] residual stream after attention; only recorded */
    float *mlp_inverse_rms;       /* [R] */
    float *gate;                  /* [R, I] */
    float *up;                    /* [R, I] */
} um_layer_activations;

struct um_activations {
    bool record;
    bool recompute;     /* all layers share one set, except for `input` */
    size_t rows;        /* R of the last forward */
    size_t layer_count; /* entries of `layers` */
    um_layer_activations *layers;
    float *block; /* memory of all layers */
    size_t block_capacity;

    /* Shared scratch. */
    float *normed;       /* [R, H] */
    float *projected;    /* [R, um_widest_row] */
    float *keys;         /* [R, K] */
    float *values;       /* [R, K] */
    float *stream;       /* [R, H] residual stream after the last layer */
    float *hidden_input; /* [hidden rows, H] rows of the stream before the final norm */
    float *hidden_inverse_rms;
    float *frequencies; /* [head_dim / 2] of the rotary embedding */
    float *cosine;      /* [R, head_dim / 2] */
    float *sine;
    float *scratch_block;
    size_t scratch_capacity;
    float *attention_scratch;
    size_t attention_scratch_capacity;
    um_attention_sequence *attention_sequences;
    size_t attention_sequence_capacity;
    float *gradient_block; /* backward only */
    size_t gradient_capacity;
    um_sequence_rows *wanted; /* the batch's sequences with their wanted rows alone */
    size_t wanted_capacity;
    um_packing packing; /* of the input of the products in progress */
};

/* Sizes of a batch. */
typedef struct um_batch_sizes {
    size_t rows;
    size_t hidden_rows;
} um_batch_sizes;

/* Check rows and tokens of the batch and count them. */
um_status um_batch_measure(const um_transformer *transformer, const um_row_batch *batch,
                           um_batch_sizes *sizes, um_error *error);

/* Make room for a forward of these sizes and lay out all pointers. */
um_status um_activations_prepare(um_activations *activations, const um_model_config *config,
                                 const um_batch_sizes *sizes, um_error *error);

/* Describe the batch's attention over layer `layer` of the caches, with scratch for the pool. */
um_status um_activations_attention(um_activations *activations, const um_model_config *config,
                                   const um_row_batch *batch, size_t workers, bool backward,
                                   um_attention *attention, um_error *error);
void um_activations_attention_layer(um_activations *activations, const um_row_batch *batch,
                                    size_t layer);

/* Floats of the widest input of a product: H, I or Q. */
size_t um_widest_row(const um_model_config *config);

/* Recompute layer `layer` from its recorded input into the shared set.  `batch` is that of the last
 * forward pass, and `attention` describes it.  Does nothing without um_activations_recompute. */
void um_transformer_restore_layer(const um_transformer *transformer, const um_compute *compute,
                                  const um_row_batch *batch, um_activations *activations,
                                  const um_attention *attention, size_t layer);

um_layer_activations *um_activations_layer(um_activations *activations, size_t layer);

/* The i-th computed row of `sequence`. */
size_t um_sequence_row(const um_sequence_rows *sequence, size_t i);

#endif
