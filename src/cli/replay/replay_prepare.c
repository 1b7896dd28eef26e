/* From a trace to what is shown of it. */
#include "base/mapped_file.h"
#include "cli/replay/replay.h"

static bool is_tokenizer_directory(const char *directory) {
    return *directory &&
           (um_file_exists(directory, "tokenizer.json") || um_file_exists(directory, "vocab.json"));
}

um_status um_replay_find_tokenizer(const char *directory, const um_trace_header *header,
                                   um_tokenizer **tokenizer, um_error *error) {
    *tokenizer = NULL;
    if (!directory) {
        if (is_tokenizer_directory(header->model) &&
            um_tokenizer_load(header->model, tokenizer, NULL) == UM_OK &&
            um_tokenizer_vocabulary_size(*tokenizer) > header->vocabulary_size) {
            um_tokenizer_free(*tokenizer);
            *tokenizer = NULL;
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
