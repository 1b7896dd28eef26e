#include "cli/request/prompt_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/request/request_tokens.h"
#include "judge/problem.h"

#define LONG_ANSWER 256
#define SHORT_ANSWER 64

/* ---- Requests ------------------------------------------------------------------------ */

static void add_text(const um_prompt_form *form, const char *text, size_t length,
                     um_prompt_request *asked) {
    if (length > 0) {
        um_prompt_request_add_text(asked, text, length, form->special);
    }
}

/* With a hole of `length` tokens; 0: without one. */
static um_status lay_request(const um_prompt_form *form, const um_prompt *prompt,
                             const um_model *model, size_t length, um_prompt_request *asked,
                             um_error *error) {
    um_prompt_request_begin(asked, form->options);
    if (prompt->chat) {
        um_prompt_request_say(asked, form->system, prompt->text, prompt->length);
    } else {
        add_text(form, prompt->text, prompt->length, asked);
    }
    if (length > 0) {
        um_prompt_request_add_hole(asked, length);
    }
    add_text(form, prompt->suffix, prompt->suffix_length, asked);
    return form->bos ? um_prompt_request_put_bos(asked, model, error) : UM_OK;
}

static um_status count_tokens(const um_prompt_form *form, const um_prompt *prompt,
                              const um_model *model, um_request_tokens *given, um_error *error) {
    um_prompt_request asked;
    um_status status = lay_request(form, prompt, model, 0, &asked, error);
    if (status == UM_OK) {
        status =
            um_cli_count_request(model, &asked.request, prompt->suffix_length > 0, given, error);
    }
    um_prompt_request_free(&asked);
    return status;
}

static um_status choose_length(const um_prompt_form *form, const um_prompt *prompt,
                               const um_model *model, size_t *length, um_error *error) {
    static const um_answer_wish wish = {
        .short_usual = SHORT_ANSWER, .long_usual = LONG_ANSWER, .advice = "shorten the prompt"};
    um_model_info info;
    um_request_tokens given;
    *length = form->length;
    if (*length > 0) {
        return UM_OK;
    }
    UM_TRY(count_tokens(form, prompt, model, &given, error));
    if (given.has_masks) {
        return UM_OK;
    }
    um_model_get_info(model, &info);
    return um_cli_answer_length(&info, given.count, &wish, length, error);
}

um_status um_prompt_ask(const um_prompt_form *form, const um_prompt *prompt, const um_model *model,
                        const char *where, um_prompt_request *asked, um_error *error) {
    size_t length = 0;
    *asked = (um_prompt_request){0};
    um_status status = choose_length(form, prompt, model, &length, error);
    if (status == UM_OK) {
        status = lay_request(form, prompt, model, length, asked, error);
    }
    return status == UM_OK || !where ? status : um_error_prefix(error, status, "%s", where);
}

/* ---- Lines --------------------------------------------------------------------------- */

static um_status read_texts(const um_prompt_form *form, const um_json_line *json, um_prompt *prompt,
                            um_error *error) {
    const char *where = json->where;
    const char *format = "";
    um_problem_format known = UM_PROBLEM_COMPLETION;
    prompt->suffix = form->suffix;
    UM_TRY(um_json_require_string(json->object, where, "prompt", &prompt->text, error));
    UM_TRY(um_json_optional_string(json->object, where, "suffix", &prompt->suffix, error));
    UM_TRY(um_json_optional_string(json->object, where, "format", &format, error));
    if (*format) { /* lines of a file of problems are prompts too */
        UM_TRY(um_problem_format_parse(format, where, &known, error));
    }
    prompt->length = strlen(prompt->text);
    if (prompt->length == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"prompt\" is empty", where);
    }
    prompt->suffix_length = prompt->suffix ? strlen(prompt->suffix) : 0;
    prompt->chat = form->chat || known == UM_PROBLEM_CHAT;
    if (prompt->chat && (prompt->suffix || form->special)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: a message of a conversation has no %s", where,
                        prompt->suffix ? "\"suffix\"" : "special tokens: leave --special out");
    }
    return UM_OK;
}

static um_status read_id(um_prompt_line *line, size_t number, um_error *error) {
    const json_t *id = json_object_get(line->json.object, "task_id");
    char text[24];
    if (id && !json_is_string(id) && !json_is_integer(id)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"task_id\" is neither a string nor an integer",
                        line->json.where);
    }
    (void)snprintf(text, sizeof text, "%zu", number);
    line->task_id = id ? json_dumps(id, JSON_ENCODE_ANY) : strdup(text);
    line->prompt.task_id = line->task_id;
    return line->task_id ? UM_OK : um_error_memory(error, "task_id", 0);
}

um_status um_prompt_line_read(const um_prompt_form *form, const char *bytes, size_t length,
                              const char *path, size_t number, um_prompt_line *line,
                              um_error *error) {
    *line = (um_prompt_line){0};
    UM_TRY(um_json_load_line(bytes, length, path, number, &line->json, error));
    if (!line->json.object) {
        return UM_OK;
    }
    UM_TRY(read_texts(form, &line->json, &line->prompt, error));
    return read_id(line, number, error);
}

void um_prompt_line_free(um_prompt_line *line) {
    json_decref(line->json.object);
    free(line->task_id);
    *line = (um_prompt_line){0};
}
