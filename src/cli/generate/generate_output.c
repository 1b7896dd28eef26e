/* What `unmask generate` prints for a sample. */
#include <string.h>

#include "base/json.h"
#include "cli/generate/generate.h"

um_status um_generate_completion(const um_generate_output *output, um_buffer *text,
                                 um_error *error) {
    const um_result *result = output->result;
    for (size_t i = 0; i < result->answer_count; i++) {
        UM_TRY(
            um_buffer_append(text, result->answers[i].text, result->answers[i].text_length, error));
    }
    return UM_OK;
}

static um_status append_fixed(const um_generate_output *output, size_t start, size_t end,
                              um_buffer *text, um_error *error) {
    char *fixed = NULL;
    size_t length = 0;
    UM_TRY(um_detokenize(output->model, output->result->tokens + start, end - start, false, &fixed,
                         &length, error));
    const um_status status = um_buffer_append(text, fixed, length, error);
    um_free(fixed);
    return status;
}

/* The text of a prompt with holes of its own, from the canvas. */
static um_status append_canvas(const um_generate_output *output, um_buffer *text, um_error *error) {
    const um_result *result = output->result;
    size_t at = output->settings->form.bos ? 1 : 0; /* that token is not part of the text */
    for (size_t i = 0; i < result->answer_count; i++) {
        const um_answer *answer = &result->answers[i];
        UM_TRY(append_fixed(output, at, answer->start, text, error));
        UM_TRY(um_buffer_append(text, answer->text, answer->text_length, error));
        at = answer->start + answer->length;
    }
    return append_fixed(output, at, result->length, text, error);
}

um_status um_generate_text(const um_generate_output *output, um_buffer *text, um_error *error) {
    const um_prompt *prompt = output->prompt;
    if (prompt->chat) {
        return um_generate_completion(output, text, error);
    }
    if (output->settings->form.special) {
        return append_canvas(output, text, error);
    }
    UM_TRY(um_buffer_append(text, prompt->text, prompt->length, error));
    UM_TRY(um_generate_completion(output, text, error));
    return prompt->suffix ? um_buffer_append(text, prompt->suffix, prompt->suffix_length, error)
                          : UM_OK;
}

/* ---- JSON -------------------------------------------------------------------- */

static um_status append_member(um_buffer *line, const char *name, const char *text, size_t length,
                               um_error *error) {
    UM_TRY(um_buffer_append_format(line, error, "\"%s\":", name));
    UM_TRY(um_json_append_string(line, text, length, error));
    return um_buffer_append_text(line, ",", error);
}

typedef um_status text_function(const um_generate_output *output, um_buffer *text, um_error *error);

static um_status append_text_of(const um_generate_output *output, const char *name,
                                text_function *function, um_buffer *line, um_error *error) {
    um_buffer text = {0};
    um_status status = function(output, &text, error);
    if (status == UM_OK) {
        status = append_member(line, name, um_buffer_text(&text), text.length, error);
    }
    um_buffer_free(&text);
    return status;
}

static um_status append_ids(const um_result *result, um_buffer *line, um_error *error) {
    const char *separator = "";
    UM_TRY(um_buffer_append_text(line, "\"ids\":[", error));
    for (size_t i = 0; i < result->answer_count; i++) {
        for (size_t j = 0; j < result->answers[i].token_count; j++) {
            UM_TRY(um_buffer_append_format(line, error, "%s%ld", separator,
                                           (long)result->answers[i].tokens[j]));
            separator = ",";
        }
    }
    return um_buffer_append_text(line, "],", error);
}

static um_status append_answers(const um_result *result, um_buffer *line, um_error *error) {
    UM_TRY(um_buffer_append_text(line, "\"answers\":[", error));
    for (size_t i = 0; i < result->answer_count; i++) {
        const um_answer *answer = &result->answers[i];
        UM_TRY(um_buffer_append_text(line, i ? "," : "", error));
        UM_TRY(um_json_append_string(line, answer->text, answer->text_length, error));
    }
    return um_buffer_append_text(line, "],", error);
}

static um_status append_counts(const um_result *result, um_buffer *line, um_error *error) {
    const double rate = result->seconds > 0 ? (double)result->answer_tokens / result->seconds : 0.0;
    return um_buffer_append_format(
        line, error,
        "\"finish_reason\":\"%s\",\"prompt_tokens\":%zu,\"answer_tokens\":%zu,\"steps\":%zu,"
        "\"forwards\":%zu,\"rows\":%zu,\"seconds\":%.6f,\"tokens_per_second\":%.3f",
        um_finish_name(result->finish), result->prompt_tokens, result->answer_tokens, result->steps,
        result->forwards, result->rows, result->seconds, rate);
}

/* Members that a batch leaves out. */
static um_status append_texts(const um_generate_output *output, um_buffer *line, um_error *error) {
    const um_prompt *prompt = output->prompt;
    UM_TRY(append_member(line, "prompt", prompt->text, prompt->length, error));
    if (prompt->suffix) {
        UM_TRY(append_member(line, "suffix", prompt->suffix, prompt->suffix_length, error));
    }
    UM_TRY(append_text_of(output, "completion", um_generate_completion, line, error));
    UM_TRY(append_text_of(output, "text", um_generate_text, line, error));
    UM_TRY(append_answers(output->result, line, error));
    return append_ids(output->result, line, error);
}

static um_status append_setup(const um_generate_output *output, um_buffer *line, um_error *error) {
    um_model_info info;
    um_model_get_info(output->model, &info);
    UM_TRY(um_buffer_append_text(line, ",", error));
    UM_TRY(append_member(line, "model", info.name, strlen(info.name), error));
    return um_buffer_append_format(
        line, error, "\"seed\":\"%llu\",\"sample\":%zu,\"algorithm\":\"%s\",\"settings\":%s",
        (unsigned long long)output->result->seed, output->sample, output->result->algorithm,
        output->result->settings);
}

um_status um_generate_json(const um_generate_output *output, um_buffer *line, um_error *error) {
    UM_TRY(um_buffer_append_text(line, "{", error));
    if (output->prompt->task_id) {
        UM_TRY(um_buffer_append_format(line, error, "\"task_id\":%s,\"sample\":%zu,",
                                       output->prompt->task_id, output->sample));
        UM_TRY(append_text_of(output, "completion", um_generate_completion, line, error));
        UM_TRY(append_counts(output->result, line, error));
    } else {
        UM_TRY(append_texts(output, line, error));
        UM_TRY(append_counts(output->result, line, error));
        UM_TRY(append_setup(output, line, error));
    }
    return um_buffer_append_text(line, "}\n", error);
}
