#include <string.h>

#include "base/memory.h"
#include "model/activations.h"
#include "model/rope.h"

/* One pass: what every step of it needs. */
typedef struct forward_pass {
    const um_transformer *transformer;
    const um_model_config *config;
    const um_compute *compute;
    const um_row_batch *batch;
    um_activations *activations;
    um_attention attention;
    um_batch_sizes sizes;
    size_t key_width;
} forward_pass;

size_t um_transformer_predicting_row(const um_model_config *config, size_t position) {
    return config->logit_alignment == UM_LOGITS_SHIFTED && position > 0 ? position - 1 : position;
}

static void embed(const forward_pass *pass, float *stream) {
    const um_tensor *embedding = &pass->transformer->parameters->embedding;
    const size_t hidden = pass->config->hidden_size;
    const size_t row_bytes = um_dtype_row_bytes(embedding->dtype, hidden);
    for (size_t i = 0; i < pass->batch->count; i++) {
        const um_sequence_rows *sequence = &pass->batch->sequences[i];
        for (size_t j = 0; j < sequence->row_count; j++) {
            const int32_t token = sequence->tokens[um_sequence_row(sequence, j)];
            um_convert_to_f32(embedding->dtype,
                              (const char *)embedding->data + (size_t)token * row_bytes, stream,
                              hidden);
            stream += hidden;
        }
    }
}

/* Angles depend only on the position: those of the longest run of rows from 0 so far are copied to
 * the sequences after it. */
static void prepare_angles(const forward_pass *pass) {
    const size_t half = pass->config->head_dim / 2;
    float *cosine = pass->activations->cosine;
    float *sine = pass->activations->sine;
    const float *known_cosine = NULL;
    const float *known_sine = NULL;
    size_t known = 0; /* positions 0 .. known - 1 */
    um_rope_frequencies(pass->config, pass->activations->frequencies);
    for (size_t i = 0; i < pass->batch->count; i++) {
        const um_sequence_rows *sequence = &pass->batch->sequences[i];
        for (size_t j = 0; j < sequence->row_count; j++) {
            const size_t row = um_sequence_row(sequence, j);
            if (row < known) {
                memcpy(cosine + j * half, known_cosine + row * half, half * sizeof *cosine);
                memcpy(sine + j * half, known_sine + row * half, half * sizeof *sine);
            } else {
                um_rope_angles(half, pass->activations->frequencies, row, cosine + j * half,
                               sine + j * half);
            }
        }
        if (!sequence->rows && sequence->row_count > known) {
            known_cosine = cosine;
            known_sine = sine;
            known = sequence->row_count;
        }
        cosine += sequence->row_count * half;
        sine += sequence->row_count * half;
    }
}

typedef struct store_call {
    const forward_pass *pass;
    size_t layer;
} store_call;

/* One sequence: its rows follow those of the sequences before it. */
static void store_task(void *user, size_t index, size_t worker) {
    (void)worker;
    const store_call *call = user;
    const um_row_batch *batch = call->pass->batch;
    const size_t width = call->pass->key_width;
    size_t first = 0;
    for (size_t i = 0; i < index; i++) {
        first += batch->sequences[i].row_count;
    }
    const um_sequence_rows *sequence = &batch->sequences[index];
    const float *keys = call->pass->activations->keys + first * width;
    const float *values = call->pass->activations->values + first * width;
    float *cached_keys = um_kv_cache_keys(sequence->cache, call->layer);
    float *cached_values = um_kv_cache_values(sequence->cache, call->layer);
    for (size_t j = 0; j < sequence->row_count; j++) {
        const size_t row = um_sequence_row(sequence, j);
        memcpy(cached_keys + row * width, keys + j * width, width * sizeof *keys);
        memcpy(cached_values + row * width, values + j * width, width * sizeof *values);
        sequence->cache->valid[row] = 1;
    }
}

/* Copy the computed keys and values into the caches, and mark the rows valid. */
static void store_in_caches(const forward_pass *pass, size_t layer) {
    store_call call = {pass, layer};
    um_thread_pool_run(pass->compute->pool, pass->batch->count, store_task, &call);
}

/* Keep a copy for the backward pass, if there will be one. */
static void record(const forward_pass *pass, size_t count, const float *values, float *copy) {
    if (pass->activations->record) {
        memcpy(copy, values, count * sizeof *copy);
    }
}

/* Normalise each head of `x` in place; `input` keeps the original values for the backward pass. */
static void norm_heads(const forward_pass *pass, size_t heads, const um_tensor *weight, float *x,
                       float *input) {
    const size_t rows = pass->sizes.rows * heads;
    record(pass, rows * pass->config->head_dim, x, input);
    um_rms_norm_rows(pass->compute, rows, pass->config->head_dim,
                     (float)pass->config->rms_norm_epsilon, x, weight->data, x, NULL);
}

/* Keys and values are projected: finish and store them. */
static void store_keys(const forward_pass *pass, size_t index) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    const um_model_config *config = pass->config;
    um_activations *scratch = pass->activations;
    if (config->qk_norm) {
        norm_heads(pass, config->kv_head_count, &layer->key_norm, scratch->keys,
                   um_activations_layer(scratch, index)->key_input);
    }
    um_rope_rotate(pass->compute, pass->sizes.rows, config->kv_head_count, config->head_dim,
                   scratch->cosine, scratch->sine, scratch->keys);
    store_in_caches(pass, index);
}

/* Queries are projected: finish them, and let them attend to what is stored. */
static void attend_with_queries(const forward_pass *pass, size_t index) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    const um_model_config *config = pass->config;
    um_activations *scratch = pass->activations;
    um_layer_activations *saved = um_activations_layer(scratch, index);
    if (config->qk_norm) {
        norm_heads(pass, config->head_count, &layer->query_norm, saved->queries,
                   saved->query_input);
    }
    um_rope_rotate(pass->compute, pass->sizes.rows, config->head_count, config->head_dim,
                   scratch->cosine, scratch->sine, saved->queries);
    um_activations_attention_layer(scratch, pass->batch, index);
    um_attention_forward(pass->compute, &pass->attention, saved->queries, saved->attended);
}

static void attend(const forward_pass *pass, size_t index) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    um_activations *scratch = pass->activations;
    um_layer_activations *saved = um_activations_layer(scratch, index);
    const um_product products[] = {{&layer->query, &layer->query_bias, saved->queries},
                                   {&layer->key, &layer->key_bias, scratch->keys},
                                   {&layer->value, &layer->value_bias, scratch->values}};
    um_linear_group(pass->compute, pass->sizes.rows, scratch->normed, &scratch->packing, products,
                    3);
    store_keys(pass, index);
    attend_with_queries(pass, index);
}

static void norm_input(const forward_pass *pass, size_t index, const float *x) {
    um_rms_norm_rows(pass->compute, pass->sizes.rows, pass->config->hidden_size,
                     (float)pass->config->rms_norm_epsilon, x,
                     pass->transformer->parameters->layers[index].attention_norm.data,
                     pass->activations->normed,
                     um_activations_layer(pass->activations, index)->attention_inverse_rms);
}

/* From the attention's output to the gate and up products; `x` is the layer's input. */
static void run_attended_to_gate(const forward_pass *pass, size_t index, const float *x,
                                 float *middle) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    um_activations *scratch = pass->activations;
    um_layer_activations *saved = um_activations_layer(scratch, index);
    const size_t rows = pass->sizes.rows;
    const size_t hidden = pass->config->hidden_size;
    const float epsilon = (float)pass->config->rms_norm_epsilon;
    um_linear(pass->compute, rows, saved->attended, &scratch->packing, &layer->attention_output,
              NULL, scratch->projected);
    um_add(pass->compute, rows * hidden, x, scratch->projected, middle);
    um_rms_norm_rows(pass->compute, rows, hidden, epsilon, middle, layer->mlp_norm.data,
                     scratch->normed, saved->mlp_inverse_rms);
    const um_product products[] = {{&layer->gate, NULL, saved->gate},
                                   {&layer->up, NULL, saved->up}};
    um_linear_group(pass->compute, rows, scratch->normed, &scratch->packing, products, 2);
}

/* A layer up to its gate and up products: all that the backward pass reads.
 * middle = x + Attention(norm(x)); it may be x. */
static void run_to_gate(const forward_pass *pass, size_t index, const float *x, float *middle) {
    norm_input(pass, index, x);
    attend(pass, index);
    run_attended_to_gate(pass, index, x, middle);
}

/* The residual stream before layer `index`, or after the last: each layer's input is kept if
 * activations are recorded, otherwise the stream is updated in place. */
static float *stream_before(um_activations *activations, const um_model_config *config,
                            size_t index) {
    return activations->record && index < config->layer_count
               ? um_activations_layer(activations, index)->input
               : activations->stream;
}

/* The rest of a layer: middle + MLP(norm(middle)). */
static void run_from_gate(const forward_pass *pass, size_t index, const float *middle) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    um_activations *scratch = pass->activations;
    um_layer_activations *saved = um_activations_layer(scratch, index);
    const size_t rows = pass->sizes.rows;
    um_swiglu(pass->compute, rows * pass->config->intermediate_size, saved->gate, saved->up,
              scratch->projected);
    um_linear(pass->compute, rows, scratch->projected, &scratch->packing, &layer->down, NULL,
              scratch->normed);
    um_add(pass->compute, rows * pass->config->hidden_size, middle, scratch->normed,
           stream_before(scratch, pass->config, index + 1));
}

static void run_layer(const forward_pass *pass, size_t index) {
    um_activations *scratch = pass->activations;
    float *middle =
        scratch->record ? um_activations_layer(scratch, index)->middle : scratch->stream;
    run_to_gate(pass, index, stream_before(scratch, pass->config, index), middle);
    run_from_gate(pass, index, middle);
}

void um_transformer_restore_layer(const um_transformer *transformer, const um_compute *compute,
                                  const um_row_batch *batch, um_activations *activations,
                                  const um_attention *attention, size_t layer) {
    const um_model_config *config = transformer->config;
    /* The last layer's activations are still there from the forward pass. */
    if (!activations->recompute || layer + 1 == config->layer_count) {
        return;
    }
    const forward_pass pass = {.transformer = transformer,
                               .config = config,
                               .compute = compute,
                               .batch = batch,
                               .activations = activations,
                               .attention = *attention,
                               .sizes = {.rows = activations->rows},
                               .key_width = config->kv_head_count * config->head_dim};
    const um_layer_activations *saved = um_activations_layer(activations, layer);
    run_to_gate(&pass, layer, saved->input, saved->middle);
}

/* Gather what belongs to the wanted rows, sequence after sequence, from an array with `width`
 * floats for each computed row; `target` may be the array itself. */
static void gather_wanted(const forward_pass *pass, size_t width, const float *source,
                          float *target) {
    for (size_t i = 0; i < pass->batch->count; i++) {
        const um_sequence_rows *sequence = &pass->batch->sequences[i];
        size_t at = 0;
        for (size_t j = 0; j < sequence->hidden_count; j++) {
            while (um_sequence_row(sequence, at) != sequence->hidden_rows[j]) {
                at++;
            }
            memmove(target, source + at * width, width * sizeof *target);
            target += width;
        }
        source += sequence->row_count * width;
    }
}

/* ---- The last layer, where only the wanted rows go on ------------------------ */

/* Make `pass` one over the wanted rows alone, whose batch is then *narrow. */
static um_status narrow_to_wanted(forward_pass *pass, um_row_batch *narrow, um_error *error) {
    um_activations *scratch = pass->activations;
    const size_t half = pass->config->head_dim / 2;
    UM_TRY(um_grow(&scratch->wanted, &scratch->wanted_capacity, pass->batch->count,
                   sizeof *scratch->wanted, "batch", error));
    gather_wanted(pass, pass->config->hidden_size, scratch->stream, scratch->stream);
    gather_wanted(pass, half, scratch->cosine, scratch->cosine);
    gather_wanted(pass, half, scratch->sine, scratch->sine);
    for (size_t i = 0; i < pass->batch->count; i++) {
        scratch->wanted[i] = pass->batch->sequences[i];
        scratch->wanted[i].rows = scratch->wanted[i].hidden_rows;
        scratch->wanted[i].row_count = scratch->wanted[i].hidden_count;
    }
    *narrow = *pass->batch;
    narrow->sequences = scratch->wanted;
    pass->batch = narrow;
    pass->sizes.rows = pass->sizes.hidden_rows;
    return um_activations_attention(scratch, pass->config, narrow,
                                    um_thread_pool_size(pass->compute->pool), false,
                                    &pass->attention, error);
}

/* As run_layer, for activations that are not recorded; afterwards the stream begins with the wanted
 * rows. */
static um_status run_last_layer(const forward_pass *pass, size_t index, um_error *error) {
    const um_layer_parameters *layer = &pass->transformer->parameters->layers[index];
    um_activations *scratch = pass->activations;
    float *queries = um_activations_layer(scratch, index)->queries;
    const um_product products[] = {{&layer->key, &layer->key_bias, scratch->keys},
                                   {&layer->value, &layer->value_bias, scratch->values}};
    um_row_batch narrow_batch;
    forward_pass narrow = *pass;
    norm_input(pass, index, scratch->stream);
    um_linear_group(pass->compute, pass->sizes.rows, scratch->normed, &scratch->packing, products,
                    2);
    store_keys(pass, index);
    UM_TRY(narrow_to_wanted(&narrow, &narrow_batch, error));
    if (narrow.sizes.rows > 0) {
        norm_input(&narrow, index, scratch->stream);
        um_linear(pass->compute, narrow.sizes.rows, scratch->normed, &scratch->packing,
                  &layer->query, &layer->query_bias, queries);
        attend_with_queries(&narrow, index);
        run_attended_to_gate(&narrow, index, scratch->stream, scratch->stream);
        run_from_gate(&narrow, index, scratch->stream);
    }
    return UM_OK;
}

/* ---- Whole passes ------------------------------------------------------------- */

static bool layer_needs_packing(const um_layer_parameters *layer) {
    const um_tensor *matrices[] = {
        &layer->query, &layer->key, &layer->value, &layer->attention_output,
        &layer->gate,  &layer->up,  &layer->down};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        if (um_linear_needs_packing(matrices[i])) {
            return true;
        }
    }
    return false;
}

static um_status prepare_packing(const forward_pass *pass, um_error *error) {
    const um_model_config *config = pass->config;
    for (size_t i = 0; i < config->layer_count; i++) {
        if (layer_needs_packing(&pass->transformer->parameters->layers[i])) {
            return um_packing_reserve(&pass->activations->packing, pass->sizes.rows,
                                      um_widest_row(config), error);
        }
    }
    return UM_OK;
}

/* All layers and the final norm. */
static um_status run_layers(const forward_pass *pass, float *hidden, um_error *error) {
    um_activations *scratch = pass->activations;
    const size_t last = pass->config->layer_count - 1;
    const float *input = scratch->hidden_input;
    for (size_t layer = 0; layer < last; layer++) {
        run_layer(pass, layer);
    }
    if (!scratch->record && pass->sizes.hidden_rows < pass->sizes.rows) {
        UM_TRY(run_last_layer(pass, last, error));
        input = scratch->stream;
    } else {
        run_layer(pass, last);
        gather_wanted(pass, pass->config->hidden_size, scratch->stream, scratch->hidden_input);
    }
    um_rms_norm_rows(pass->compute, pass->sizes.hidden_rows, pass->config->hidden_size,
                     (float)pass->config->rms_norm_epsilon, input,
                     pass->transformer->parameters->final_norm.data, hidden,
                     scratch->hidden_inverse_rms);
    return UM_OK;
}

um_status um_transformer_forward(const um_transformer *transformer, const um_compute *compute,
                                 const um_row_batch *batch, um_activations *activations,
                                 float *hidden, um_error *error) {
    const um_model_config *config = transformer->config;
    forward_pass pass = {.transformer = transformer,
                         .config = config,
                         .compute = compute,
                         .batch = batch,
                         .activations = activations,
                         .key_width = config->kv_head_count * config->head_dim};
    UM_TRY(um_batch_measure(transformer, batch, &pass.sizes, error));
    UM_TRY(um_activations_prepare(activations, config, &pass.sizes, error));
    UM_TRY(prepare_packing(&pass, error));
    if (pass.sizes.rows == 0) {
        return UM_OK; /* the row buffers may be NULL */
    }
    UM_TRY(um_activations_attention(activations, config, batch, um_thread_pool_size(compute->pool),
                                    false, &pass.attention, error));
    embed(&pass, stream_before(activations, config, 0));
    prepare_angles(&pass);
    return run_layers(&pass, hidden, error);
}

um_status um_transformer_project(const um_transformer *transformer, const um_compute *compute,
                                 um_activations *activations, size_t count, const float *hidden,
                                 float *logits, um_error *error) {
    const um_tensor *head = &transformer->parameters->head;
    if (um_linear_needs_packing(head)) {
        UM_TRY(um_packing_reserve(&activations->packing, count, head->shape[1], error));
    }
    um_linear(compute, count, hidden, &activations->packing, head, NULL, logits);
    return UM_OK;
}
