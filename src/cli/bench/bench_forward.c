/* Single forwards over various numbers of rows, called as decoding calls them. */
#include <stdlib.h>
#include <string.h>

#include "api/parts.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/bench/bench.h"
#include "cli/machine.h"

/* A repetition makes enough forwards to last this long: over a shorter time, others' share of the
 * processors could not be measured. */
#define REPETITION_SECONDS 0.1

typedef struct forward_state {
    um_transformer transformer;
    um_compute compute;
    um_activations *activations;
    um_kv_cache *cache;
    int32_t *tokens; /* [context + most rows] */
    size_t *rows;    /* [the larger of context and most rows] */
    float *hidden;   /* [most rows, hidden] */
    float *logits;   /* [most rows, vocabulary] */
    size_t context;
    um_bench_progress *progress;
    double seconds_a_row; /* of the last measurement; 0: not known yet */
} forward_state;

double um_bench_forward_seconds(const um_bench_report *report, double seconds_a_row) {
    double seconds = 0;
    for (size_t i = 0; i < report->forward_count; i++) {
        const um_repetitions *repetitions = &report->forwards[i].repetitions;
        const double one = (double)report->forwards[i].rows * seconds_a_row;
        if (um_repetitions_want_more(repetitions)) {
            const size_t missing = repetitions->wanted > repetitions->count
                                       ? repetitions->wanted - repetitions->count
                                       : 1;
            seconds += (double)missing * (one > REPETITION_SECONDS ? one : REPETITION_SECONDS);
        }
    }
    return seconds;
}

/* ---- Setting up ------------------------------------------------------------- */

um_status um_bench_choose_forwards(um_bench_report *report, um_error *error) {
    static const size_t usual[] = {1, 4, 8, 32, 128, 256, 512};
    const um_bench_settings *settings = report->settings;
    const bool chosen = settings->row_count > 0;
    const size_t *rows = chosen ? settings->rows : usual;
    const size_t count = chosen ? settings->row_count : sizeof usual / sizeof *usual;
    um_model_info info;
    um_model_get_info(report->model, &info);
    const size_t context_length = info.context_length;
    if (settings->context >= context_length) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "--context %zu: %s has %zu positions, of which some must be left to "
                        "compute: give a smaller number",
                        settings->context, info.name, context_length);
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i] <= context_length - settings->context) {
            report->forwards[report->forward_count++] =
                (um_bench_forward){.rows = rows[i], .repetitions = um_bench_repetitions(settings)};
        } else if (chosen) {
            return UM_RAISE(error, UM_ERR_LIMIT,
                            "--rows %zu: %s has %zu positions, and %zu are context: give at most "
                            "%zu",
                            rows[i], info.name, context_length, settings->context,
                            context_length - settings->context);
        }
    }
    return UM_OK;
}

static size_t most_rows(const um_bench_report *report) {
    size_t most = 1;
    for (size_t i = 0; i < report->forward_count; i++) {
        most = report->forwards[i].rows > most ? report->forwards[i].rows : most;
    }
    return most;
}

static um_status allocate(forward_state *state, size_t rows, um_error *error) {
    const um_model_config *config = state->transformer.config;
    const size_t length = state->context + rows;
    const size_t most = state->context > rows ? state->context : rows;
    size_t hidden = 0;
    size_t logits = 0;
    if (!um_size_multiply(rows, config->hidden_size, &hidden) ||
        !um_size_multiply(rows, config->vocabulary_size, &logits)) {
        return um_error_memory(error, "logits", SIZE_MAX);
    }
    UM_TRY(um_activations_create(false, &state->activations, error));
    UM_TRY(um_kv_cache_create(config, length, &state->cache, error));
    UM_TRY(um_allocate(&state->tokens, length, sizeof *state->tokens, "tokens", error));
    UM_TRY(um_allocate(&state->rows, most, sizeof *state->rows, "rows", error));
    UM_TRY(um_allocate(&state->hidden, hidden, sizeof *state->hidden, "hidden states", error));
    return um_allocate(&state->logits, logits, sizeof *state->logits, "logits", error);
}

static void release(forward_state *state) {
    um_activations_free(state->activations);
    um_kv_cache_free(state->cache);
    free(state->tokens);
    free(state->rows);
    free(state->hidden);
    free(state->logits);
}

/* The time does not depend on which tokens these are, as long as they differ. */
static void fill_tokens(forward_state *state, size_t count) {
    for (size_t i = 0; i < count; i++) {
        state->tokens[i] = (int32_t)(i * 7919 % state->transformer.config->vocabulary_size);
    }
}

/* ---- Forwards ---------------------------------------------------------------- */

/* Compute rows first .. first + count - 1; hidden states of all of them, or of none. */
static um_status compute_rows(forward_state *state, size_t first, size_t count, bool with_hidden,
                              um_error *error) {
    const um_model_config *config = state->transformer.config;
    for (size_t i = 0; i < count; i++) {
        state->rows[i] = first + i;
    }
    const um_sequence_rows sequence = {.cache = state->cache,
                                       .tokens = state->tokens,
                                       .rows = state->rows,
                                       .row_count = count,
                                       .hidden_rows = state->rows,
                                       .hidden_count = with_hidden ? count : 0};
    const um_row_batch batch = {.sequences = &sequence,
                                .count = 1,
                                .attention = config->attention,
                                .attention_block_length = config->attention_block_length};
    return um_transformer_forward(&state->transformer, &state->compute, &batch, state->activations,
                                  state->hidden, error);
}

/* Set up the cache and compute its context, which happens only once. */
static um_status prepare_cache(forward_state *state, size_t rows, um_error *error) {
    UM_TRY(um_kv_cache_reset(state->cache, state->context, error));
    if (state->context > 0) {
        UM_TRY(compute_rows(state, 0, state->context, false, error));
    }
    state->cache->length = state->context + rows;
    return UM_OK;
}

/* Seconds of `calls` forwards, without and with the logits. */
static um_status time_forwards(forward_state *state, size_t rows, size_t calls, double *layers,
                               double *all, um_error *error) {
    *layers = 0;
    *all = 0;
    for (size_t i = 0; i < calls; i++) {
        if (um_cli_interrupted()) {
            return UM_RAISE(error, UM_ERR_CANCELLED, "interrupted");
        }
        const double start = um_clock_seconds();
        UM_TRY(compute_rows(state, state->context, rows, true, error));
        const double middle = um_clock_seconds();
        UM_TRY(um_transformer_project(&state->transformer, &state->compute, state->activations,
                                      rows, state->hidden, state->logits, error));
        *layers += middle - start;
        *all += um_clock_seconds() - start;
    }
    return UM_OK;
}

static void show_progress(forward_state *state, const um_bench_report *report, size_t index) {
    char what[64];
    const um_bench_forward *forward = &report->forwards[index];
    (void)snprintf(what, sizeof what, "forward over %zu row%s", forward->rows,
                   forward->rows > 1 ? "s" : "");
    const bool known = state->seconds_a_row > 0;
    state->progress->later = 0;
    um_bench_progress_show(state->progress, what,
                           known ? um_bench_forward_seconds(report, state->seconds_a_row) : -1);
}

static um_status measure(forward_state *state, um_bench_report *report, size_t index,
                         um_error *error) {
    um_bench_forward *forward = &report->forwards[index];
    UM_TRY(prepare_cache(state, forward->rows, error));
    double layers = 0;
    double all = 0;
    show_progress(state, report, index);
    UM_TRY(time_forwards(state, forward->rows, 1, &layers, &all, error)); /* cold: not counted */
    UM_TRY(time_forwards(state, forward->rows, 1, &layers, &all, error));
    const double calls = all < REPETITION_SECONDS ? REPETITION_SECONDS / (all + 1e-6) + 1 : 1;
    state->seconds_a_row = all / (double)forward->rows;
    while (um_repetitions_want_more(&forward->repetitions)) {
        show_progress(state, report, index);
        um_repetition repetition = {0};
        const um_machine_watch watch = um_machine_watch_start();
        UM_TRY(time_forwards(state, forward->rows, (size_t)calls, &layers, &all, error));
        repetition.others = um_machine_watch_stop(&watch, &repetition.seconds);
        repetition.values[UM_FORWARD_LAYERS] = layers / (double)(size_t)calls;
        repetition.values[UM_FORWARD_LOGITS] = all / (double)(size_t)calls;
        UM_TRY(um_repetitions_add(&forward->repetitions, &repetition, error));
    }
    return UM_OK;
}

/* ---- Arithmetic ----------------------------------------------------------------- */

static void add_product(const um_tensor *weight, size_t rows, double operations[UM_PEAK_KINDS]) {
    operations[um_peak_kind_of(weight->dtype)] +=
        2.0 * (double)rows * (double)weight->shape[0] * (double)weight->shape[1];
}

/* The rows that `row` attends to, of `length` valid ones. */
static size_t attended_rows(const um_model_config *config, size_t row, size_t length) {
    size_t end = length;
    if (config->attention == UM_ATTENTION_CAUSAL) {
        end = row + 1;
    } else if (config->attention == UM_ATTENTION_BLOCK_CAUSAL) {
        end = (row / config->attention_block_length + 1) * config->attention_block_length;
    }
    return end < length ? end : length;
}

/* Products with the layers' matrices, and those of attention, which are in f32: for each head and
 * attended row, a dot product for the score and a multiply-add for each element of the value. */
static void count_operations(const um_transformer *transformer, size_t context,
                             um_bench_forward *forward) {
    const um_model_config *config = transformer->config;
    const um_parameters *parameters = transformer->parameters;
    for (size_t i = 0; i < config->layer_count; i++) {
        const um_layer_parameters *layer = &parameters->layers[i];
        const um_tensor *matrices[] = {
            &layer->query, &layer->key, &layer->value, &layer->attention_output,
            &layer->gate,  &layer->up,  &layer->down};
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++) {
            add_product(matrices[j], forward->rows, forward->layer_operations);
        }
    }
    double attended = 0;
    for (size_t i = 0; i < forward->rows; i++) {
        attended += (double)attended_rows(config, context + i, context + forward->rows);
    }
    forward->layer_operations[UM_PEAK_FLOAT] += 4.0 * attended * (double)config->layer_count *
                                                (double)(config->head_count * config->head_dim);
    add_product(&parameters->head, forward->rows, forward->logit_operations);
}

um_status um_bench_measure_forwards(um_bench_report *report, const um_threads *threads,
                                    um_bench_progress *progress, um_error *error) {
    forward_state state = {.transformer = um_model_transformer(report->model),
                           .compute = um_model_compute(report->model, threads),
                           .context = report->settings->context,
                           .progress = progress};
    const size_t most = most_rows(report);
    um_status status = allocate(&state, most, error);
    if (status == UM_OK) {
        fill_tokens(&state, state.context + most);
    }
    for (size_t i = 0; i < report->forward_count && status == UM_OK; i++) {
        count_operations(&state.transformer, state.context, &report->forwards[i]);
        status = measure(&state, report, i, error);
    }
    release(&state);
    return status;
}
