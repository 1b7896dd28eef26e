/* Reading traces into sets of runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "cli/analyze/analyze.h"
#include "cli/quote.h"
#include "cli/replay/replay_player.h"
#include "cli/request/model_path.h"

#define TRACE_MAXIMUM ((size_t)1 << 30)

/* ---- One trace --------------------------------------------------------------- */

/* Where the tokenizer is: --model, or with --prompts the model that made the traces; NULL: the
 * model that the traces name. */
static um_status find_model(const um_analyze_settings *settings, const char **path,
                            um_error *error) {
    *path = settings->model.model;
    return settings->prompts ? um_cli_model_path(settings->model.model, path, error) : UM_OK;
}

/* Open the tokenizer of the trace's model, if there is one. */
static um_status open_tokenizer(um_analyze_input *input, const um_trace_header *header,
                                um_error *error) {
    const char *path = NULL;
    free(input->tokenizer_name);
    um_tokenizer_free(input->tokenizer);
    input->tokenizer_name = NULL;
    input->tokenizer = NULL;
    UM_TRY(find_model(input->settings, &path, error));
    UM_TRY(um_replay_find_tokenizer(path, header, &input->tokenizer, error));
    input->tokenizer_name = strdup(header->model);
    return input->tokenizer_name
               ? UM_OK
               : um_error_memory(error, "name of a model", strlen(header->model) + 1);
}

/* The texts of the trace's tokens; the tokenizer is kept for further traces of that model. */
static um_status find_texts(um_analyze_input *input, const um_trace_header *header,
                            um_token_texts *texts, um_error *error) {
    if (!input->tokenizer_name || strcmp(input->tokenizer_name, header->model) != 0) {
        UM_TRY(open_tokenizer(input, header, error));
    }
    if (!input->tokenizer && input->settings->until_end) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "--until-end needs to know which tokens end an answer of the model "
                        "\"%.80s\": --model names a directory with its tokenizer",
                        header->model);
    }
    *texts =
        input->tokenizer ? um_token_texts_of(input->tokenizer) : um_token_texts_as_ids(&input->ids);
    return UM_OK;
}

/* A hash of the text of all holes, each up to its end. */
static um_status hash_answer(const um_replay *replay, uint64_t *hash, um_error *error) {
    const um_text_canvas *canvas = &replay->canvas;
    const um_text_form form = {.mask = "\xff"};
    um_buffer text = {0};
    um_status status = UM_OK;
    *hash = UM_HASH_START;
    for (size_t i = 0; i < canvas->hole_count && status == UM_OK; i++) {
        const um_canvas_hole *hole = &canvas->holes[i];
        um_buffer_clear(&text);
        status = um_text_canvas_text(canvas, hole->start, hole->start + hole->length, &form, &text,
                                     error);
        for (size_t j = 0; j < text.length && status == UM_OK; j++) {
            *hash = um_hash_add(*hash, (unsigned char)text.data[j]);
        }
        *hash = um_hash_add(*hash, 256);
    }
    um_buffer_free(&text);
    return status;
}

static um_status put_player(um_analyze_input *input, const um_replay *replay, um_error *error) {
    const um_trace_header *header = &replay->trace->header;
    char title[256];
    (void)snprintf(title, sizeof title, "%.120s: run %zu, %.40s, seed %llu",
                   input->sets[input->set_count - 1].label, input->shown, header->algorithm,
                   (unsigned long long)header->seed);
    return um_replay_player(replay, title, &input->runs_html, error);
}

/* The length of the answer in each hole (for the caller to free), the positions in all holes, and
 * how many of those come after the end of an answer. */
static um_status find_ends(const um_text_canvas *canvas, size_t **lengths, size_t *positions,
                           size_t *behind, um_error *error) {
    UM_TRY(um_allocate(lengths, canvas->hole_count, sizeof **lengths, "ends of answers", error));
    *positions = 0;
    *behind = 0;
    for (size_t i = 0; i < canvas->hole_count; i++) {
        (*lengths)[i] = um_text_canvas_answer_length(canvas, i);
        *positions += canvas->holes[i].length;
        *behind += canvas->holes[i].length - (*lengths)[i];
    }
    return UM_OK;
}

/* Add the trace to the set; if the rest does not count, only up to the ends of its answers. */
static um_status add_to_set(const um_text_canvas *canvas, um_order_set *set, um_trace *trace,
                            uint64_t answer, um_error *error) {
    const size_t before = set->count;
    size_t *lengths = NULL;
    size_t positions = 0;
    size_t behind = 0;
    UM_TRY(find_ends(canvas, &lengths, &positions, &behind, error));
    if (set->until_end) {
        um_trace_shorten_holes(trace, lengths);
    }
    free(lengths);
    UM_TRY(um_order_set_add(set, trace, answer, error));
    if (set->count > before) {
        set->positions += positions;
        set->behind_end += behind;
    }
    return UM_OK;
}

/* The player shows the whole run, even if only a part of it counts. */
static um_status add_run(um_analyze_input *input, const um_replay *replay, um_trace *trace,
                         um_error *error) {
    um_order_set *set = &input->sets[input->set_count - 1];
    uint64_t answer = 0;
    UM_TRY(hash_answer(replay, &answer, error));
    if (input->settings->output && replay->canvas.committed_count > 0 &&
        input->shown < input->settings->show) {
        input->shown++;
        UM_TRY(put_player(input, replay, error));
    }
    return add_to_set(&replay->canvas, set, trace, answer, error);
}

static um_status add_trace(um_analyze_input *input, um_trace *trace, um_error *error) {
    um_replay replay = {.trace = trace};
    UM_TRY(find_texts(input, &trace->header, &replay.texts, error));
    um_status status = um_replay_prepare(&replay, error);
    if (status == UM_OK) {
        status = add_run(input, &replay, trace, error);
    }
    um_text_canvas_free(&replay.canvas);
    return status;
}

/* ---- Sets -------------------------------------------------------------------- */

um_status um_analyze_begin_set(um_analyze_input *input, const char *label, um_error *error) {
    um_buffer printable = {0};
    um_status status = um_cli_append_printable(&printable, label, strlen(label), error);
    if (status == UM_OK) {
        um_order_set *set = &input->sets[input->set_count++];
        set->until_end = input->settings->until_end;
        status = um_order_set_label(set, um_buffer_text(&printable), error);
    }
    input->shown = 0;
    um_buffer_free(&printable);
    return status;
}

um_status um_analyze_add(um_analyze_input *input, const char *bytes, size_t length,
                         const char *where, um_error *error) {
    um_trace_source source = {.bytes = bytes, .length = length, .where = where};
    bool is_at_trace = true;
    while (is_at_trace) {
        um_trace trace = {0};
        um_error problem = {0};
        um_status status = um_trace_read_next(&source, &trace, &problem);
        if (status == UM_OK) {
            status = add_trace(input, &trace, error);
            is_at_trace = source.at < source.length;
        } else {
            (void)um_cli_fail(&problem);
            input->complete = false;
            is_at_trace = um_trace_skip_to_next(&source);
            status = UM_OK;
        }
        um_trace_free(&trace);
        UM_TRY(status);
    }
    return UM_OK;
}

static um_status read_file(um_analyze_input *input, const char *path, um_error *error) {
    um_buffer bytes = {0};
    const char *where = strcmp(path, "-") == 0 ? "standard input" : path;
    um_status status = um_file_read(path, TRACE_MAXIMUM, &bytes, error);
    if (status == UM_OK) {
        status = um_analyze_add(input, um_buffer_text(&bytes), bytes.length, where, error);
    }
    um_buffer_free(&bytes);
    return status;
}

um_status um_analyze_read_files(um_analyze_input *input, um_error *error) {
    const um_analyze_settings *settings = input->settings;
    if (!settings->compare) {
        const bool alone = settings->path_count == 1;
        UM_TRY(um_analyze_begin_set(input, alone ? settings->paths[0] : "all traces", error));
    }
    for (size_t i = 0; i < settings->path_count; i++) {
        um_error problem = {0};
        if (settings->compare) {
            UM_TRY(um_analyze_begin_set(input, settings->paths[i], error));
        }
        if (read_file(input, settings->paths[i], &problem) != UM_OK) {
            (void)um_cli_fail(&problem);
            input->complete = false;
        }
    }
    return UM_OK;
}

void um_analyze_input_free(um_analyze_input *input) {
    for (size_t i = 0; i < input->set_count; i++) {
        um_order_set_free(&input->sets[i]);
    }
    um_buffer_free(&input->runs_html);
    um_tokenizer_free(input->tokenizer);
    free(input->tokenizer_name);
}
