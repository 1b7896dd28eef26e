/* From a trace to what is shown of it. */
#include <string.h>

#include "base/mapped_file.h"
#include "cli/replay/replay.h"
#include "cli/request/model_path.h"

static bool is_tokenizer_directory(const char *directory) {
    return *directory &&
           (um_file_exists(directory, "tokenizer.json") || um_file_exists(directory, "vocab.json"));
}

/* Load the tokenizer if it can be that of the trace. */
static void try_tokenizer(const char *directory, const um_trace_header *header,
                          um_tokenizer **tokenizer) {
    if (is_tokenizer_directory(directory) &&
        um_tokenizer_load(directory, tokenizer, NULL) == UM_OK &&
        um_tokenizer_vocabulary_size(*tokenizer) > header->vocabulary_size) {
        um_tokenizer_free(*tokenizer);
        *tokenizer = NULL;
    }
}

/* Traces name a model by the last part of its path: is it the one that commands use by default? */
static bool is_default_model(const um_trace_header *header, const char **path) {
    if (um_cli_model_path(NULL, path, NULL) != UM_OK) {
        return false;
    }
    const char *slash = strrchr(*path, '/');
    return strcmp(slash ? slash + 1 : *path, header->model) == 0;
}

um_status um_replay_find_tokenizer(const char *directory, const um_trace_header *header,
                                   um_tokenizer **tokenizer, um_error *error) {
    *tokenizer = NULL;
    if (!directory) {
        const char *path = NULL;
        try_tokenizer(header->model, header, tokenizer);
        if (!*tokenizer && is_default_model(header, &path)) {
            try_tokenizer(path, header, tokenizer);
        }
        return UM_OK;
    }
    UM_TRY(um_tokenizer_load(directory, tokenizer, error));
    const size_t size = um_tokenizer_vocabulary_size(*tokenizer);
    if (size > header->vocabulary_size) {
        um_tokenizer_free(*tokenizer);
        *tokenizer = NULL;
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: a tokenizer of %zu ids, but the model of the trace has %zu: --model "
                        "names another model",
                        directory, size, header->vocabulary_size);
    }
    return UM_OK;
}

um_status um_replay_prepare(um_replay *replay, um_error *error) {
    const um_trace *trace = replay->trace;
    const um_trace_header *header = &trace->header;
    UM_TRY(um_text_canvas_create(header->tokens, header->length, header->holes, header->hole_count,
                                 replay->texts, &replay->canvas, error));
    for (size_t i = 0; i < trace->event_count; i++) {
        UM_TRY(um_text_canvas_apply(&replay->canvas, &trace->events[i], error));
    }
    const size_t seen = trace->event_count > 0 ? trace->events[trace->event_count - 1].step + 1 : 0;
    replay->steps = trace->has_end && trace->end.steps > seen ? trace->end.steps : seen;
    return UM_OK;
}
