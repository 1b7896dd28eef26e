#include <string.h>

#include "base/memory.h"
#include "model/activations.h"
#include "model/rope.h"

/* Gradients of the values between the layers' parts; R rows, widths as in activations.h. */
typedef struct gradient_scratch {
    float *stream;   /* [R, H] of the residual stream */
    float *normed;   /* [R, H] of a normed input */
    float *wide;     /* [R, max(I, Q)] of the MLP's product, or of the attention output */
    float *queries;  /* [R, Q] */
    float *keys;     /* [R, K] */
    float *values;   /* [R, K] */
    float *norm_sum; /* scratch of the norms' backward pass */
    float *inverse;  /* [R * heads] inverse root mean squares of single heads */
    float *negative_sine;
} gradient_scratch;

typedef struct backward_pass {
    const um_transformer *transformer;
    const um_model_config *config;
    const um_compute *compute;
    const um_row_batch *batch;
    um_activations *activations;
    const um_parameters *gradients;
    um_attention attention;
    size_t rows;
    size_t query_width;
    size_t key_width;
    gradient_scratch scratch;
} backward_pass;

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static um_status prepare_scratch(backward_pass *pass, um_error *error) {
    const um_model_config *config = pass->config;
    const size_t rows = pass->rows;
    const size_t hidden = rows * config->hidden_size;
    const size_t half = rows * config->head_dim / 2;
    const size_t norm_rows = larger(rows * config->head_count, 1);
    const size_t sizes[] = {
        hidden,
        hidden,
        rows * larger(config->intermediate_size, pass->query_width),
        rows * pass->query_width,
        rows * pass->key_width,
        rows * pass->key_width,
        larger(um_rms_norm_scratch(rows, config->hidden_size),
               um_rms_norm_scratch(norm_rows, config->head_dim)),
        norm_rows,
        half,
    };
    float **const pieces[] = {
        &pass->scratch.stream,   &pass->scratch.normed,  &pass->scratch.wide,
        &pass->scratch.queries,  &pass->scratch.keys,    &pass->scratch.values,
        &pass->scratch.norm_sum, &pass->scratch.inverse, &pass->scratch.negative_sine};
    const size_t count = sizeof sizes / sizeof *sizes;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += sizes[i];
    }
    um_activations *activations = pass->activations;
    UM_TRY(um_grow(&activations->gradient_block, &activations->gradient_capacity, total,
                   sizeof(float), "gradients of activations", error));
    float *next = activations->gradient_block;
    for (size_t i = 0; i < count; i++) {
        *pieces[i] = next;
        next += sizes[i];
    }
    for (size_t i = 0; i < half; i++) {
        pass->scratch.negative_sine[i] = -activations->sine[i];
    }
    return UM_OK;
}

static void norm_backward(const backward_pass *pass, const float *input, const um_tensor *weight,
                          const float *inverse_rms, const float *dy, float *dx,
                          const um_tensor *dweight) {
    um_rms_norm_rows_backward(pass->compute, pass->rows, pass->config->hidden_size, input,
                              weight->data, inverse_rms, dy, dx, um_tensor_f32(dweight),
                              pass->scratch.norm_sum);
}

/* Through the final norm of the wanted rows into the (cleared) stream gradient. */
static void hidden_backward(const backward_pass *pass, const float *dhidden) {
    const size_t hidden = pass->config->hidden_size;
    const um_activations *saved = pass->activations;
    const float *weight = pass->transformer->parameters->final_norm.data;
    float *dweight = um_tensor_f32(&pass->gradients->final_norm);
    float *dstream = pass->scratch.stream;
    size_t index = 0;
    memset(dstream, 0, pass->rows * hidden * sizeof *dstream);
    for (size_t i = 0; i < pass->batch->count; i++) {
        const um_sequence_rows *sequence = &pass->batch->sequences[i];
        for (size_t j = 0; j < sequence->hidden_count; j++, index++) {
            pass->compute->kernels.rms_norm_backward(
                hidden, saved->hidden_input + index * hidden, weight,
                saved->hidden_inverse_rms[index], dhidden + index * hidden,
                dstream + sequence->hidden_rows[j] * hidden, dweight);
        }
        dstream += sequence->row_count * hidden;
    }
}

static void mlp_backward(const backward_pass *pass, size_t index) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    const um_layer_parameters *gradient = &pass->gradients->layers[index];
    um_layer_activations *saved = um_activations_layer(pass->activations, index);
    const gradient_scratch *scratch = &pass->scratch;
    const size_t rows = pass->rows;
    const size_t elements = rows * pass->config->intermediate_size;
    float *normed = pass->activations->normed;
    um_rms_norm_rows(pass->compute, rows, pass->config->hidden_size,
                     (float)pass->config->rms_norm_epsilon, saved->middle, layer->mlp_norm.data,
                     normed, NULL);
    um_swiglu(pass->compute, elements, saved->gate, saved->up, pass->activations->projected);
    um_linear_backward(pass->compute, rows, pass->activations->projected, &layer->down,
                       scratch->stream, scratch->wide, false, &gradient->down, NULL);
    um_swiglu_backward(pass->compute, elements, scratch->wide, saved->gate, saved->up);
    um_linear_backward(pass->compute, rows, normed, &layer->gate, saved->gate, scratch->normed,
                       false, &gradient->gate, NULL);
    um_linear_backward(pass->compute, rows, normed, &layer->up, saved->up, scratch->normed, true,
                       &gradient->up, NULL);
    norm_backward(pass, saved->middle, &layer->mlp_norm, saved->mlp_inverse_rms, scratch->normed,
                  scratch->stream, &gradient->mlp_norm);
}

/* Back through the norm of single heads: dx becomes the gradient of the norm's input. */
static void head_norm_backward(const backward_pass *pass, size_t heads, const float *input,
                               const um_tensor *weight, float *dx, const um_tensor *dweight) {
    const size_t dim = pass->config->head_dim;
    const size_t rows = pass->rows * heads;
    float *inverse = pass->scratch.inverse;
    float *copy = pass->activations->projected;
    memcpy(copy, dx, rows * dim * sizeof *dx);
    um_rms_norm_rows(pass->compute, rows, dim, (float)pass->config->rms_norm_epsilon, input,
                     weight->data, dx, inverse);
    memset(dx, 0, rows * dim * sizeof *dx);
    um_rms_norm_rows_backward(pass->compute, rows, dim, input, weight->data, inverse, copy, dx,
                              um_tensor_f32(dweight), pass->scratch.norm_sum);
}

/* Gradients of queries, keys and values: back through attention, rotation and head norms. */
static void attention_core_backward(backward_pass *pass, size_t index) {
    const um_model_config *config = pass->config;
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    const um_layer_parameters *gradient = &pass->gradients->layers[index];
    const um_layer_activations *saved = um_activations_layer(pass->activations, index);
    const gradient_scratch *scratch = &pass->scratch;
    const size_t rows = pass->rows;
    memset(scratch->keys, 0, rows * pass->key_width * sizeof *scratch->keys);
    memset(scratch->values, 0, rows * pass->key_width * sizeof *scratch->values);
    um_activations_attention_layer(pass->activations, pass->batch, index);
    size_t first = 0;
    for (size_t i = 0; i < pass->batch->count; i++) {
        um_attention_sequence *sequence = &pass->activations->attention_sequences[i];
        sequence->key_gradients = scratch->keys + first * pass->key_width;
        sequence->value_gradients = scratch->values + first * pass->key_width;
        first += pass->batch->sequences[i].row_count;
    }
    um_attention_backward(pass->compute, &pass->attention, saved->queries, scratch->wide,
                          scratch->queries);
    um_rope_rotate(pass->compute, rows, config->head_count, config->head_dim,
                   pass->activations->cosine, scratch->negative_sine, scratch->queries);
    um_rope_rotate(pass->compute, rows, config->kv_head_count, config->head_dim,
                   pass->activations->cosine, scratch->negative_sine, scratch->keys);
    if (config->qk_norm) {
        head_norm_backward(pass, config->head_count, saved->query_input, &layer->query_norm,
                           scratch->queries, &gradient->query_norm);
        head_norm_backward(pass, config->kv_head_count, saved->key_input, &layer->key_norm,
                           scratch->keys, &gradient->key_norm);
    }
}

static void attention_backward(backward_pass *pass, size_t index) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    const um_layer_parameters *gradient = &pass->gradients->layers[index];
    const um_layer_activations *saved = um_activations_layer(pass->activations, index);
    const gradient_scratch *scratch = &pass->scratch;
    const size_t rows = pass->rows;
    float *normed = pass->activations->normed;
    um_linear_backward(pass->compute, rows, saved->attended, &layer->attention_output,
                       scratch->stream, scratch->wide, false, &gradient->attention_output, NULL);
    attention_core_backward(pass, index);
    um_rms_norm_rows(pass->compute, rows, pass->config->hidden_size,
                     (float)pass->config->rms_norm_epsilon, saved->input,
                     layer->attention_norm.data, normed, NULL);
    um_linear_backward(pass->compute, rows, normed, &layer->query, scratch->queries,
                       scratch->normed, false, &gradient->query, &gradient->query_bias);
    um_linear_backward(pass->compute, rows, normed, &layer->key, scratch->keys, scratch->normed,
                       true, &gradient->key, &gradient->key_bias);
    um_linear_backward(pass->compute, rows, normed, &layer->value, scratch->values, scratch->normed,
                       true, &gradient->value, &gradient->value_bias);
    norm_backward(pass, saved->input, &layer->attention_norm, saved->attention_inverse_rms,
                  scratch->normed, scratch->stream, &gradient->attention_norm);
}

static void embedding_backward(const backward_pass *pass) {
    const size_t hidden = pass->config->hidden_size;
    float *table = um_tensor_f32(&pass->gradients->embedding);
    const float *dstream = pass->scratch.stream;
    for (size_t i = 0; i < pass->batch->count; i++) {
        const um_sequence_rows *sequence = &pass->batch->sequences[i];
        for (size_t row = 0; row < sequence->row_count; row++) {
            float *target = table + (size_t)sequence->tokens[row] * hidden;
            for (size_t j = 0; j < hidden; j++) {
                target[j] += dstream[j];
            }
            dstream += hidden;
        }
    }
}

/* The backward pass reads keys by row number, so every row must have been computed. */
static um_status check_whole(const um_row_batch *batch, const um_activations *activations,
                             size_t rows, um_error *error) {
    if (!activations->record || activations->rows != rows) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "backward pass without a recorded forward pass of the same batch");
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->sequences[i].row_count != batch->sequences[i].cache->length) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "sequence %zu: %zu of %zu rows computed, training needs all", i,
                            batch->sequences[i].row_count, batch->sequences[i].cache->length);
        }
    }
    return UM_OK;
}

um_status um_transformer_backward(const um_transformer *transformer, const um_compute *compute,
                                  const um_row_batch *batch, um_activations *activations,
                                  const float *dhidden, const um_parameters *gradients,
                                  um_error *error) {
    const um_model_config *config = transformer->config;
    backward_pass pass = {.transformer = transformer,
                          .config = config,
                          .compute = compute,
                          .batch = batch,
                          .activations = activations,
                          .gradients = gradients,
                          .query_width = config->head_count * config->head_dim,
                          .key_width = config->kv_head_count * config->head_dim};
    for (size_t i = 0; i < batch->count; i++) {
        pass.rows += batch->sequences[i].row_count;
    }
    UM_TRY(check_whole(batch, activations, pass.rows, error));
    UM_TRY(prepare_scratch(&pass, error));
    UM_TRY(um_activations_attention(activations, config, batch, um_thread_pool_size(compute->pool),
                                    true, &pass.attention, error));
    hidden_backward(&pass, dhidden);
    for (size_t layer = config->layer_count; layer-- > 0;) {
        um_transformer_restore_layer(transformer, compute, batch, activations, &pass.attention,
                                     layer);
        mlp_backward(&pass, layer);
        attention_backward(&pass, layer);
    }
    embedding_backward(&pass);
    return UM_OK;
}
