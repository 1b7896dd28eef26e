/* Traces of runs that the model makes here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/analyze/analyze.h"
#include "cli/lines.h"
#include "cli/request/batch_size.h"
#include "cli/request/open_model.h"
#include "cli/request/request_tokens.h"
#include "cli/request/sample_queue.h"
#include "cli/terminal/progress_bar.h"

/* ---- Prompts --------------------------------------------------------------------- */

typedef struct sampler {
    um_analyze_input *input;
    um_prompt_line *prompts; /* [count] */
    size_t count;
    size_t capacity;
    um_model *model;
    um_model_info info;
    um_threads *threads;
    um_progress_bar bar;
    size_t done; /* samples */
    size_t total;
    um_trace_file traces; /* of the current set, in memory */
    char *bytes;          /* their text up to the last flush */
    size_t length;
    size_t made_size;   /* bytes of the complete traces */
    um_trace_file kept; /* the file that complete traces are added to as well */
} sampler;

static um_status take_line(void *user, const char *bytes, size_t length, const char *path,
                           size_t number, um_error *error) {
    sampler *state = user;
    const um_analyze_settings *settings = state->input->settings;
    if (settings->limit > 0 && state->count == settings->limit) {
        return UM_OK;
    }
    UM_TRY(um_grow(&state->prompts, &state->capacity, state->count + 1, sizeof *state->prompts,
                   "prompts", error));
    um_prompt_line *line = &state->prompts[state->count];
    const um_status status =
        um_prompt_line_read(&settings->form, bytes, length, path, number, line, error);
    if (status == UM_OK && line->json.object) {
        state->count++;
    } else {
        um_prompt_line_free(line);
    }
    return status;
}

/* ---- Decoding ---------------------------------------------------------------------- */

static um_status note_sample(void *user, const um_prompt *prompt, size_t sample,
                             const um_result *result, um_error *error) {
    sampler *state = user;
    (void)prompt;
    (void)sample;
    (void)result;
    if (fflush(state->traces.stream) != 0) { /* brings bytes and length up to date */
        return um_error_set_errno(error, errno, "traces");
    }
    if (state->kept.stream) {
        UM_TRY(um_trace_file_add(&state->kept, state->bytes + state->made_size,
                                 state->length - state->made_size, error));
    }
    state->made_size = state->length;
    if (!um_progress_bar_watch(&state->bar, ++state->done, state->total)) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "interrupted");
    }
    return UM_OK;
}

static um_status make_request(const sampler *state, const um_prompt_line *line,
                              um_prompt_request *asked, um_error *error) {
    return um_prompt_ask(&state->input->settings->form, &line->prompt, state->model,
                         line->json.where, asked, error);
}

/* Queue all samples of a prompt. */
static um_status ask(const sampler *state, const um_prompt_line *line, um_sample_queue *queue,
                     um_error *error) {
    um_prompt_request asked;
    um_status status = make_request(state, line, &asked, error);
    for (size_t i = 0; i < state->input->settings->samples && status == UM_OK; i++) {
        asked.request.sample = (uint32_t)i;
        status = um_sample_queue_add(queue, &line->prompt, &asked.request, line->json.where, error);
    }
    um_prompt_request_free(&asked);
    return status;
}

static um_status ask_all(const sampler *state, um_sample_queue *queue, um_error *error) {
    for (size_t i = 0; i < state->count; i++) {
        UM_TRY(ask(state, &state->prompts[i], queue, error));
    }
    return um_sample_queue_finish(queue, error);
}

/* Every request can be decoded: said before hours of decoding, not after them. */
static um_status try_all(const sampler *state, um_error *error) {
    um_batch *batch = NULL;
    UM_TRY(um_batch_create(state->model, NULL, 1, &batch, error));
    um_status status = UM_OK;
    for (size_t i = 0; i < state->count && status == UM_OK; i++) {
        const char *where = state->prompts[i].json.where;
        um_prompt_request asked;
        status = make_request(state, &state->prompts[i], &asked, error);
        if (status == UM_OK) {
            status = um_batch_add(batch, &asked.request, NULL, NULL, error);
            status = status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
        }
        um_prompt_request_free(&asked);
    }
    um_batch_free(batch);
    return status;
}

/* All samples at one temperature. */
static um_status decode_all(sampler *state, um_error *error) {
    const size_t batch = state->input->settings->batch;
    const um_sample_queue_setup setup = {
        .model = state->model,
        .threads = state->threads,
        .size = um_cli_batch_size(&state->info, batch, UM_BATCH_USUAL, 1),
        .trace = &state->traces,
        .user = state,
        .print = note_sample};
    um_sample_queue *queue = NULL;
    UM_TRY(um_sample_queue_create(&setup, &queue, error));
    const um_status status = ask_all(state, queue, error);
    um_sample_queue_free(queue);
    return status;
}

/* Make the traces of one temperature: state->bytes, for the caller to free, begins with made_size
 * bytes of complete traces, even after a failure. */
static um_status make_traces(sampler *state, um_error *error) {
    state->made_size = 0;
    state->traces = (um_trace_file){
        .path = "traces", .stream = open_memstream(&state->bytes, &state->length), .begun = true};
    return state->traces.stream
               ? um_trace_file_close(&state->traces, decode_all(state, error), error)
               : um_error_set_errno(error, errno, "traces");
}

static um_status sample_set(sampler *state, const char *label, um_error *error) {
    UM_TRY(um_analyze_begin_set(state->input, label, error));
    um_status status = make_traces(state, error);
    if (status == UM_OK || state->made_size > 0) {
        const um_status taken =
            um_analyze_add(state->input, state->bytes, state->made_size, label, error);
        status = taken == UM_OK ? status : taken;
    }
    free(state->bytes);
    state->bytes = NULL;
    return status;
}

static void name_temperature(um_analyze_input *input, double temperature) {
    um_order_set *set = &input->sets[input->set_count - 1];
    set->has_temperature = true;
    set->temperature = temperature;
}

static um_status sample_all(sampler *state, um_error *error) {
    const um_analyze_settings *settings = state->input->settings;
    if (settings->temperatures.count == 0) {
        return sample_set(state, state->info.name, error);
    }
    for (size_t i = 0; i < settings->temperatures.count; i++) {
        const double temperature = settings->temperatures.values[i];
        char label[64];
        char text[32];
        (void)snprintf(text, sizeof text, "%.9g", temperature);
        (void)snprintf(label, sizeof label, "temperature %s", text);
        UM_TRY(um_options_set(settings->form.options, "temperature", text, error));
        const um_status status = sample_set(state, label, error);
        name_temperature(state->input, temperature);
        if (status != UM_OK) {
            return status;
        }
    }
    return UM_OK;
}

static um_status keep_and_sample(sampler *state, um_error *error) {
    const char *path = state->input->settings->trace;
    if (path) {
        UM_TRY(um_trace_file_open(path, &state->kept, error));
    }
    const um_status status = um_trace_file_close(&state->kept, sample_all(state, error), error);
    return status == UM_ERR_CANCELLED
               ? UM_RAISE(error, UM_ERR_CANCELLED, "interrupted after %zu of %zu samples",
                          state->done, state->total)
               : status;
}

/* ---- The whole ---------------------------------------------------------------------- */

/* The paper's protocol: one token a step, the position by the entropy. */
static um_status choose_algorithm(const sampler *state, um_error *error) {
    const um_analyze_settings *settings = state->input->settings;
    const bool is_causal = um_cli_is_causal(&state->info);
    return settings->has_algorithm || is_causal
               ? UM_OK
               : um_options_set(settings->form.options, "algorithm", "entropy", error);
}

static um_status open_and_sample(sampler *state, um_error *error) {
    const um_analyze_settings *settings = state->input->settings;
    const size_t sets = settings->temperatures.count > 0 ? settings->temperatures.count : 1;
    UM_TRY(um_cli_each_line(settings->prompts, take_line, state, error));
    if (state->count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: no prompt in it", settings->prompts);
    }
    UM_TRY(um_cli_open_model(&settings->model, &state->model, error));
    um_model_get_info(state->model, &state->info);
    UM_TRY(choose_algorithm(state, error));
    UM_TRY(try_all(state, error));
    UM_TRY(um_threads_create(settings->model.threads, &state->threads, error));
    um_cli_catch_interrupts();
    state->total = sets * state->count * settings->samples;
    state->bar = um_progress_bar_start("decoding");
    state->bar.unit = "samples";
    const um_status status = keep_and_sample(state, error);
    um_progress_bar_end(&state->bar);
    return status;
}

um_status um_analyze_sample(um_analyze_input *input, um_error *error) {
    sampler state = {.input = input};
    const um_status status = open_and_sample(&state, error);
    for (size_t i = 0; i < state.count; i++) {
        um_prompt_line_free(&state.prompts[i]);
    }
    free(state.prompts);
    um_threads_free(state.threads);
    um_model_close(state.model);
    return status;
}
