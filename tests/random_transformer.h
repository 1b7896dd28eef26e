/* Transformers of random shape with random weights, in memory, and random canvases for them. */
#ifndef UM_TESTS_RANDOM_TRANSFORMER_H
#define UM_TESTS_RANDOM_TRANSFORMER_H

#include "decode_testing.h"

#include "decode/transformer_denoiser.h"

/* Small numbers, each determined by the seed and the number of draws before it. */
typedef struct random_source {
    uint64_t seed;
    uint32_t drawn;
} random_source;

static inline size_t draw(random_source *source, size_t bound) {
    const um_rng_place place = {UM_RNG_MASK, 0, 0, source->drawn++};
    return um_rng_below(source->seed, place, (uint32_t)bound);
}

#define RANDOM_MATRICES 64

typedef struct random_transformer {
    um_model_config config;
    um_parameters parameters;
    void *matrices[RANDOM_MATRICES]; /* weights in types other than f32 */
    size_t matrix_count;
    um_transformer transformer;
    um_compute compute;
    um_transformer_denoiser *denoiser;
    um_denoiser interface;
} random_transformer;

static inline um_model_config draw_config(random_source *source) {
    const size_t kv_heads = 1 + draw(source, 2);
    const size_t heads = kv_heads * (1 + draw(source, 2));
    const size_t vocabulary_size = 20 + draw(source, 30);
    const bool is_blocked = draw(source, 2) == 1;
    return (um_model_config){
        .family = UM_FAMILY_DREAM,
        .vocabulary_size = vocabulary_size,
        .hidden_size = 8 + 4 * draw(source, 5),
        .intermediate_size = 8 + 8 * draw(source, 4),
        .layer_count = 1 + draw(source, 3),
        .head_count = heads,
        .kv_head_count = kv_heads,
        .head_dim = 2 + 2 * draw(source, 3),
        .maximum_positions = 256,
        .rms_norm_epsilon = 1e-6,
        .rope_base = 10000,
        .qkv_bias = draw(source, 2) == 1,
        .attention = is_blocked ? UM_ATTENTION_BLOCK_CAUSAL : UM_ATTENTION_FULL,
        .attention_block_length = is_blocked ? 1 + draw(source, 8) : 0,
        .logit_alignment = draw(source, 2) == 1 ? UM_LOGITS_SHIFTED : UM_LOGITS_AT_POSITION,
        .mask_token = (int32_t)vocabulary_size - 1,
    };
}

/* Set widths so that every row is made of whole blocks of `dtype`. */
static inline void widen_for(um_model_config *config, um_dtype dtype) {
    const size_t block = um_dtype_block(dtype);
    if (block > 1) {
        config->hidden_size = block;
        config->intermediate_size = block;
        config->head_dim = block / config->head_count; /* 1, 2 or 4 heads */
    }
}

/* Random bytes, but with scales that give weights of usual size. */
static inline void draw_blocks(um_dtype dtype, uint64_t seed, uint32_t matrix, uint8_t *bytes,
                               size_t blocks) {
    const size_t size = um_dtype_size(dtype);
    for (size_t i = 0; i < blocks * size; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, 1, matrix, (uint32_t)i};
        bytes[i] = (uint8_t)um_rng_below(seed, place, 256);
    }
    const float scale = dtype == UM_DTYPE_Q8_0 ? 0.01f : dtype == UM_DTYPE_Q4_0 ? 0.15f : 0.0005f;
    const uint16_t bits = um_f16_from_f32(scale);
    for (size_t i = 0; i < blocks; i++) {
        uint8_t *block = bytes + i * size;
        memcpy(dtype == UM_DTYPE_Q6_K ? block + size - 2 : block, &bits, 2);
        if (dtype == UM_DTYPE_Q4_K || dtype == UM_DTYPE_Q5_K) {
            memcpy(block + 2, &bits, 2);
        }
    }
}

typedef struct matrix_change {
    random_transformer *model;
    um_dtype dtype;
    uint64_t seed;
} matrix_change;

static inline um_status change_matrix(void *user, const char *name, um_tensor *tensor,
                                      const um_tensor *expected, um_error *error) {
    (void)name;
    (void)expected;
    (void)error;
    matrix_change *change = user;
    random_transformer *model = change->model;
    if (tensor->rank != 2) {
        return UM_OK;
    }
    const size_t count = tensor->shape[0] * tensor->shape[1];
    const size_t bytes = tensor->shape[0] * um_dtype_row_bytes(change->dtype, tensor->shape[1]);
    void *data = malloc(bytes);
    assert_non_null(data);
    assert_true(model->matrix_count < RANDOM_MATRICES);
    if (um_dtype_is_plain(change->dtype)) {
        um_convert_from_f32(change->dtype, tensor->data, data, count);
    } else {
        draw_blocks(change->dtype, change->seed, (uint32_t)model->matrix_count, data,
                    count / um_dtype_block(change->dtype));
    }
    model->matrices[model->matrix_count++] = data;
    tensor->data = data;
    tensor->dtype = change->dtype;
    return UM_OK;
}

/* *made must not be moved: the denoiser points into it. */
static inline void make_transformer(random_transformer *made, const um_model_config *config,
                                    um_dtype dtype, uint64_t seed, um_thread_pool *pool) {
    um_error error = {0};
    float *block = NULL;
    size_t count = 0;
    *made = (random_transformer){.config = *config, .compute = {.pool = pool}};
    assert_ok(um_kernels_select(NULL, &made->compute.kernels, &error), &error);
    assert_ok(um_parameters_lay_out(&made->parameters, &made->config, &block, &count, &error),
              &error);
    for (size_t i = 0; i < count; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, 0, 0, (uint32_t)i};
        block[i] = (float)(0.7 * um_rng_normal(seed, place));
    }
    matrix_change change = {made, dtype, seed};
    if (dtype != UM_DTYPE_F32) {
        assert_ok(
            um_parameters_visit(&made->parameters, &made->config, change_matrix, &change, &error),
            &error);
    }
    made->transformer = (um_transformer){&made->config, &made->parameters};
    assert_ok(
        um_transformer_denoiser_create(&made->transformer, &made->compute, &made->denoiser, &error),
        &error);
    made->interface = um_transformer_denoiser_interface(made->denoiser);
}

static inline void free_transformer(random_transformer *made) {
    um_transformer_denoiser_free(made->denoiser);
    um_parameters_free(&made->parameters);
    for (size_t i = 0; i < made->matrix_count; i++) {
        free(made->matrices[i]);
    }
}

/* Some tokens, a hole, some tokens, a hole ...; answer_count positions in all holes together. */
static inline um_canvas draw_canvas(random_source *source, const um_model_config *config,
                                    size_t answer_count) {
    int32_t tokens[16];
    um_canvas_segment segments[6] = {0};
    size_t count = 0;
    for (size_t i = 0; i < 16; i++) {
        tokens[i] = (int32_t)draw(source, config->vocabulary_size - 1);
    }
    for (size_t left = answer_count; left > 0; count += 2) {
        const size_t some = count == 4 ? left : 1 + draw(source, left);
        segments[count] = (um_canvas_segment){.length = (count > 0 ? 1 : 0) + draw(source, 9),
                                              .tokens = tokens + draw(source, 7)};
        segments[count + 1] = (um_canvas_segment){.is_hole = true, .length = some};
        left -= some;
    }
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create(segments, count, config->mask_token, &canvas, &error), &error);
    return canvas;
}

static inline const um_algorithm *draw_masked_algorithm(random_source *source) {
    size_t count = 0;
    while (um_algorithm_at(count)) {
        count++;
    }
    const um_algorithm *algorithm = um_algorithm_at(draw(source, count));
    return algorithm->shows_masks ? algorithm : draw_masked_algorithm(source);
}

/* Options for an algorithm that shows masks and an answer of answer_count positions. */
static inline um_decode_options draw_options(random_source *source, size_t answer_count) {
    um_decode_options options = um_decode_options_default();
    const um_algorithm *algorithm = draw_masked_algorithm(source);
    options.algorithm = algorithm->name;
    size_t blocks = 1;
    if ((algorithm->options & UM_OPTION_BIT(UM_OPTION_BLOCK_LENGTH)) != 0) {
        options.block_length = 1 + draw(source, answer_count);
        while (answer_count % options.block_length != 0) {
            options.block_length--;
        }
        blocks = answer_count / options.block_length;
    }
    const size_t steps = blocks * (1 + draw(source, answer_count / blocks + 2));
    if (!algorithm->open_ended) {
        options.steps = steps;
    }
    options.temperature = draw(source, 2) == 1 ? 0.8 : 0;
    options.cfg_scale = draw(source, 4) == 0 ? 1.5 : 0;
    options.forbid_mask = draw(source, 4) != 0;
    options.seed = draw(source, 1000);
    options.sequence = (uint32_t)draw(source, 3);
    return options;
}

/* ---- Comparing runs -------------------------------------------------------------- */

static inline event_list *make_events(void) {
    event_list *events = calloc(1, sizeof *events);
    assert_non_null(events);
    return events;
}

static inline um_canvas copy_canvas(const um_canvas *canvas) {
    um_canvas copy = *canvas;
    copy.tokens = malloc(canvas->length * sizeof *copy.tokens);
    copy.states = malloc(canvas->length);
    copy.holes = malloc(canvas->hole_count * sizeof *copy.holes);
    assert_non_null(copy.tokens);
    assert_non_null(copy.states);
    assert_non_null(copy.holes);
    memcpy(copy.tokens, canvas->tokens, canvas->length * sizeof *copy.tokens);
    memcpy(copy.states, canvas->states, canvas->length);
    memcpy(copy.holes, canvas->holes, canvas->hole_count * sizeof *copy.holes);
    return copy;
}

/* Decode a copy of `canvas` alone; release the events with free(). */
static inline event_list *decode_alone(const um_denoiser *denoiser, const um_canvas *canvas,
                                       const um_decode_options *options, um_thread_pool *pool,
                                       um_decode_result *result) {
    um_error error = {0};
    event_list *events = make_events();
    const um_trace_sink sink = keep_events(events);
    const um_decode_hooks hooks = {.sink = &sink, .pool = pool};
    um_canvas copy = copy_canvas(canvas);
    assert_ok(um_decode_run(denoiser, &copy, options, &hooks, result, &error), &error);
    um_canvas_free(&copy);
    return events;
}

static inline bool are_same_events(const event_list *a, const event_list *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const um_trace_event *x = &a->events[i];
        const um_trace_event *y = &b->events[i];
        same = x->kind == y->kind && x->step == y->step && x->position == y->position &&
               x->token == y->token &&
               memcmp(&x->confidence, &y->confidence, sizeof x->confidence) == 0 &&
               memcmp(&x->entropy, &y->entropy, sizeof x->entropy) == 0;
    }
    return same && a->end.reason == b->end.reason && a->end.steps == b->end.steps &&
           a->end.forwards == b->end.forwards;
}

#endif
