#include "judge/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static um_status read_sample(json_t *line, const um_problem_set *problems, const char *where,
                             um_sample *sample, um_error *error) {
    char number[24];
    const char *id = NULL;
    UM_TRY(um_json_require_id(line, where, "task_id", number, &id, error));
    const json_t *completion = json_object_get(line, "completion");
    if (!json_is_string(completion)) { /* not read as a C string, because it may contain a NUL */
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"completion\" is not a string", where);
    }
    sample->completion = json_string_value(completion);
    sample->length = json_string_length(completion);
    sample->problem = um_problem_set_find(problems, id);
    if (!sample->problem) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: there is no problem \"%.60s\": are these samples of other problems?",
                        where, id);
    }
    sample->line = line;
    return UM_OK;
}

static um_status append(um_sample_list *list, const um_sample *sample, um_error *error) {
    UM_TRY(um_grow(&list->samples, &list->capacity, list->count + 1, sizeof *list->samples,
                   "samples", error));
    list->samples[list->count++] = *sample;
    return UM_OK;
}

um_status um_sample_list_add_line(um_sample_list *list, const um_problem_set *problems,
                                  const char *bytes, size_t length, const char *path, size_t number,
                                  um_error *error) {
    um_json_line line;
    um_sample sample = {0};
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    if (!line.object) {
        return UM_OK;
    }
    um_status status = read_sample(line.object, problems, line.where, &sample, error);
    if (status == UM_OK) {
        status = append(list, &sample, error);
    }
    if (status != UM_OK) {
        json_decref(line.object);
    }
    return status;
}

um_status um_sample_list_add_reference(um_sample_list *list, const um_problem *problem,
                                       um_error *error) {
    if (!*problem->reference) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "problem \"%.60s\" has no reference solution",
                        problem->id);
    }
    /* A chat answer is a fenced block; the reference may have the fence already. */
    const bool bare = problem->format == UM_PROBLEM_CHAT && !strstr(problem->reference, "```");
    um_buffer text = {0};
    um_status status = um_buffer_append_format(&text, error, "%s%s%s", bare ? "```python\n" : "",
                                               problem->reference, bare ? "\n```\n" : "");
    json_t *line = NULL;
    if (status == UM_OK) {
        line = json_pack("{s:s, s:s}", "task_id", problem->id, "completion", um_buffer_text(&text));
        status = line ? UM_OK : um_error_memory(error, "a sample", text.length);
    }
    if (status == UM_OK) {
        const um_sample sample = {.problem = problem,
                                  .completion =
                                      json_string_value(json_object_get(line, "completion")),
                                  .length = text.length,
                                  .line = line};
        status = append(list, &sample, error);
    }
    if (status != UM_OK) {
        json_decref(line);
    }
    um_buffer_free(&text);
    return status;
}

void um_sample_list_free(um_sample_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        json_decref(list->samples[i].line);
    }
    free(list->samples);
    *list = (um_sample_list){0};
}
