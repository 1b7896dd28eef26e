/* Denoisers made of a table or a formula, for tests of decoding. */
#ifndef UM_TESTS_DECODE_TESTING_H
#define UM_TESTS_DECODE_TESTING_H

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "decode/decode.h"

#define FAKE_MAXIMUM_CALLS 4096

/* With `table` ([positions][vocabulary]) the logits do not depend on the canvas; without, they
 * are a pseudo-random function of the position, the id and every token of the canvas. */
typedef struct fake_model {
    size_t vocabulary_size;
    const float *table;
    uint64_t seed;
    float scale;
    size_t forwards;
    size_t calls; /* requests of all forwards */
    size_t wanted_total;
    size_t lengths[FAKE_MAXIMUM_CALLS];
    size_t rows[FAKE_MAXIMUM_CALLS]; /* rows that were to be recomputed */
    size_t first_row[FAKE_MAXIMUM_CALLS];
    size_t wanted[FAKE_MAXIMUM_CALLS];
    size_t first_wanted[FAKE_MAXIMUM_CALLS];
    const um_denoiser_request *requests; /* of the last forward */
} fake_model;

static inline uint32_t fake_context(const um_denoiser_request *request) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < request->length; i++) {
        hash = (hash ^ (uint32_t)request->tokens[i]) * 16777619u;
    }
    return hash;
}

static inline float fake_logit(const fake_model *model, uint32_t context, size_t position,
                               size_t token) {
    const um_rng_place place = {UM_RNG_INITIALISATION, context, (uint32_t)position,
                                (uint32_t)token};
    return model->scale * (float)um_rng_normal(model->seed, place);
}

/* The logits of every wanted position of one request. */
static inline void fake_logits(const fake_model *model, const um_denoiser_request *request,
                               float *logits) {
    const uint32_t context = fake_context(request);
    for (size_t w = 0; w < request->wanted_count; w++) {
        float *row = logits + w * model->vocabulary_size;
        const size_t position = request->wanted[w];
        for (size_t v = 0; v < model->vocabulary_size; v++) {
            row[v] = model->table ? model->table[position * model->vocabulary_size + v]
                                  : fake_logit(model, context, position, v);
        }
    }
}

static inline um_status fake_forward(void *user, um_denoiser_request *requests, size_t count,
                                     um_error *error) {
    (void)error;
    fake_model *model = user;
    model->forwards++;
    for (size_t i = 0; i < count; i++) {
        um_denoiser_request *request = &requests[i];
        const size_t call = model->calls++ % FAKE_MAXIMUM_CALLS;
        request->computed_rows = request->rows ? request->row_count : request->length;
        model->wanted_total += request->wanted_count;
        model->lengths[call] = request->length;
        model->rows[call] = request->computed_rows;
        model->first_row[call] = request->rows && request->row_count > 0 ? request->rows[0] : 0;
        model->wanted[call] = request->wanted_count;
        model->first_wanted[call] = request->wanted[0];
    }
    model->requests = requests;
    return UM_OK;
}

/* The request that contains wanted position number `index` of the forward, reduced to that
 * position. */
static inline um_denoiser_request only_wanted(const um_denoiser_request *requests, size_t index) {
    while (index >= requests->wanted_count) {
        index -= requests->wanted_count;
        requests++;
    }
    um_denoiser_request one = *requests;
    one.wanted += index;
    one.wanted_count = 1;
    return one;
}

static inline um_status fake_take_logits(void *user, size_t first, size_t count, float *logits,
                                         um_error *error) {
    (void)error;
    const fake_model *model = user;
    for (size_t i = 0; i < count; i++) {
        const um_denoiser_request one = only_wanted(model->requests, first + i);
        fake_logits(model, &one, logits + i * model->vocabulary_size);
    }
    return UM_OK;
}

static inline um_denoiser fake_denoiser(fake_model *model) {
    return (um_denoiser){.user = model,
                         .vocabulary_size = model->vocabulary_size,
                         .forward = fake_forward,
                         .logits = fake_take_logits};
}

/* ---- What most tests decode ---------------------------------------------------------- */

#define FAKE_MASK 63

static inline um_decode_options options_for(const char *algorithm) {
    um_decode_options options = um_decode_options_default();
    options.algorithm = algorithm;
    return options;
}

/* Prompt 1 2 3, then `masks` masks. */
static inline um_canvas make_canvas(size_t masks) {
    const int32_t prompt[] = {1, 2, 3};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create_prompt(prompt, 3, masks, FAKE_MASK, &canvas, &error), &error);
    return canvas;
}

static inline fake_model make_model(void) {
    return (fake_model){.vocabulary_size = 64, .seed = 5, .scale = 3};
}

/* ---- Traces ---------------------------------------------------------------------------- */

/* A sink that keeps all events. */
typedef struct event_list {
    um_trace_event events[16384];
    size_t count;
    size_t headers;
    um_trace_end end;
} event_list;

static inline um_status keep_header(void *user, const um_trace_header *header, um_error *error) {
    (void)header;
    (void)error;
    ((event_list *)user)->headers++;
    return UM_OK;
}

static inline um_status keep_event(void *user, const um_trace_event *event, um_error *error) {
    (void)error;
    event_list *list = user;
    list->events[list->count++ % 16384] = *event;
    return UM_OK;
}

static inline um_status keep_end(void *user, const um_trace_end *end, um_error *error) {
    (void)error;
    ((event_list *)user)->end = *end;
    return UM_OK;
}

static inline um_trace_sink keep_events(event_list *list) {
    return (um_trace_sink){list, keep_header, keep_event, keep_end};
}

#endif
