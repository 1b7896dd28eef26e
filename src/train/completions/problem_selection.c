#include "train/completions/problem_selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/sort.h"
#include "base/text.h"
#include "tokenizer/character_class.h"
#include "train/completions/pass_rates.h"

typedef struct selected_problem {
    double mean; /* of the pass rates */
    double deviation;
    json_t *problem; /* "task_id", "format", "prompt" (the question), "test_cases", "source" */
    char *head;      /* "def name(arguments)" if it is to be rewritten, else NULL */
} selected_problem;

struct um_problem_selection {
    json_t *models; /* an object whose keys are the names */
    json_t *ids;    /* the same for the problems so far */
    selected_problem *problems;
    size_t count;
    size_t capacity;
    double *rates; /* of the line that is being read */
    size_t rate_capacity;
};

bool um_problem_filter_from_name(const char *name, um_problem_filter *filter) {
    static const struct {
        const char *name;
        um_problem_filter filter;
    } known[] = {{"hard", {0, 20, 40}},
                 {"medium", {25, 75, 0}},
                 {"easy", {75, 100, 0}},
                 {"all", {0, 100, 0}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) == 0) {
            *filter = known[i].filter;
            return true;
        }
    }
    return false;
}

/* ---- Reading a line ------------------------------------------------------------ */

/* A string that may contain NUL, unlike those of um_json_require_string. */
static um_status require_text(const json_t *object, const char *where, const char *key,
                              const json_t **text, um_error *error) {
    *text = json_object_get(object, key);
    if (!json_is_string(*text)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is %s", where, key,
                        *text ? "not a string" : "missing");
    }
    return UM_OK;
}

static um_status read_inference(um_problem_selection *selection, const json_t *inference,
                                const char *where, size_t *rate_count, double *rate,
                                um_error *error) {
    const json_t *model = NULL;
    const json_t *completion = NULL;
    if (!json_is_object(inference)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not an object", where);
    }
    UM_TRY(require_text(inference, where, "model_name", &model, error));
    UM_TRY(require_text(inference, where, "completion", &completion, error));
    UM_TRY(um_json_require_number(inference, where, "pass_rate", rate, error));
    if (!(*rate >= 0 && *rate <= 1)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"pass_rate\" is %g, expected 0 to 1", where,
                        *rate);
    }
    if (!json_object_get(selection->models, json_string_value(model))) {
        return UM_OK;
    }
    UM_TRY(um_grow(&selection->rates, &selection->rate_capacity, *rate_count + 1,
                   sizeof *selection->rates, "pass rates", error));
    selection->rates[(*rate_count)++] = *rate;
    return UM_OK;
}

/* Compute the statistics; *best becomes the completion with the highest pass rate. */
static um_status read_inferences(um_problem_selection *selection, const json_t *line,
                                 const char *where, selected_problem *problem, const json_t **best,
                                 um_error *error) {
    json_t *inferences = NULL;
    UM_TRY(um_json_require_array(line, where, "inferences", &inferences, error));
    size_t count = 0;
    double best_rate = -1;
    size_t index = 0;
    json_t *inference = NULL;
    json_array_foreach (inferences, index, inference) {
        char place[520];
        double rate = 0;
        (void)snprintf(place, sizeof place, "%s, inference %zu", where, index);
        UM_TRY(read_inference(selection, inference, place, &count, &rate, error));
        if (rate > best_rate) {
            best_rate = rate;
            *best = json_object_get(inference, "completion");
        }
    }
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: no inference of the models that are counted",
                        where);
    }
    problem->mean = um_mean(selection->rates, count);
    problem->deviation = um_population_deviation(selection->rates, count);
    return UM_OK;
}

static um_status check_tests(const json_t *line, const char *where, json_t **tests,
                             um_error *error) {
    UM_TRY(um_json_require_array(line, where, "test_cases", tests, error));
    bool texts = json_array_size(*tests) > 0;
    size_t index = 0;
    json_t *test = NULL;
    json_array_foreach (*tests, index, test) {
        texts = texts && json_is_string(test);
    }
    return texts ? UM_OK
                 : UM_RAISE(error, UM_ERR_FORMAT,
                            "%s: \"test_cases\" is not a list of at least one string", where);
}

/* *id is a new reference. */
static um_status read_id(um_problem_selection *selection, const json_t *line, const char *where,
                         json_t **id, um_error *error) {
    char number[24];
    const char *text = NULL;
    UM_TRY(um_json_require_id(line, where, "id", number, &text, error));
    if (json_object_get(selection->ids, text)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: an earlier problem has the id \"%.80s\"", where,
                        text);
    }
    *id = json_string(text);
    return *id ? UM_OK : um_error_memory(error, "id", strlen(text));
}

/* ---- Rewriting ------------------------------------------------------------------ */

static bool speaks_to_you(const char *text, size_t length) {
    for (size_t at = 0; at + 3 <= length; at++) {
        if ((text[at] | 0x20) == 'y' && (text[at + 1] | 0x20) == 'o' &&
            (text[at + 2] | 0x20) == 'u') {
            return true;
        }
    }
    return false;
}

/* Copy what is before the first colon at the end of a line, if it is the head of a function. */
static um_status read_head(const json_t *completion, char **head, um_error *error) {
    const char *text = json_string_value(completion);
    size_t length = um_text_find(text, json_string_length(completion), ":\n");
    *head = NULL;
    if (length == json_string_length(completion)) {
        return UM_OK;
    }
    const size_t start = um_space_after(text, length, 0);
    length = um_space_before(text, length);
    if (length < start + 4 || memcmp(text + start, "def ", 4) != 0) {
        return UM_OK;
    }
    *head = strndup(text + start, length - start);
    return *head ? UM_OK : um_error_memory(error, "head of a function", length - start);
}

static um_status append_completion_prompt(const char *head, const char *question, size_t length,
                                          um_buffer *prompt, um_error *error) {
    UM_TRY(um_buffer_append_text(prompt, "Please complete the following problem:\n```\n", error));
    UM_TRY(um_buffer_append_text(prompt, head, error));
    UM_TRY(um_buffer_append_text(prompt, ":\n    \"\"\"\n    ", error));
    UM_TRY(um_buffer_append(prompt, question, length, error));
    return um_buffer_append_text(prompt, "\n    \"\"\"\n```\n", error);
}

static um_status append_prompt(const selected_problem *problem, bool rewritten, um_buffer *prompt,
                               um_error *error) {
    const json_t *question = json_object_get(problem->problem, "prompt");
    const char *text = json_string_value(question);
    const size_t length = json_string_length(question);
    if (rewritten) {
        return append_completion_prompt(problem->head, text, length, prompt, error);
    }
    UM_TRY(um_buffer_append(prompt, text, length, error));
    if (um_text_find(text, length, "\n```\n") < length) {
        return UM_OK;
    }
    const json_t *test = json_array_get(json_object_get(problem->problem, "test_cases"), 0);
    UM_TRY(um_buffer_append_text(prompt, "\nTest cases: ", error));
    return um_buffer_append(prompt, json_string_value(test), json_string_length(test), error);
}

/* ---- Adding ----------------------------------------------------------------------- */

static um_status take_problem(um_problem_selection *selection, const json_t *line,
                              selected_problem *problem, json_t *id, const char *where,
                              um_error *error) {
    const json_t *question = NULL;
    const json_t *best = NULL;
    json_t *tests = NULL;
    UM_TRY(require_text(line, where, "question", &question, error));
    UM_TRY(check_tests(line, where, &tests, error));
    UM_TRY(read_inferences(selection, line, where, problem, &best, error));
    if (!speaks_to_you(json_string_value(question), json_string_length(question))) {
        UM_TRY(read_head(best, &problem->head, error));
    }
    problem->problem =
        json_pack("{s:O, s:s, s:O, s:O, s:O*}", "task_id", id, "format", "chat", "prompt", question,
                  "test_cases", tests, "source", json_object_get(line, "source"));
    if (!problem->problem ||
        json_object_set_new(selection->ids, json_string_value(id), json_null()) != 0) {
        return um_error_memory(error, "problem", sizeof *problem);
    }
    return UM_OK;
}

static void free_problem(selected_problem *problem) {
    json_decref(problem->problem);
    free(problem->head);
}

static um_status add_problem(um_problem_selection *selection, const json_t *line, const char *where,
                             um_error *error) {
    UM_TRY(um_grow(&selection->problems, &selection->capacity, selection->count + 1,
                   sizeof *selection->problems, "problems", error));
    selected_problem problem = {0};
    json_t *id = NULL;
    um_status status = read_id(selection, line, where, &id, error);
    if (status == UM_OK) {
        status = take_problem(selection, line, &problem, id, where, error);
    }
    json_decref(id);
    if (status != UM_OK) {
        free_problem(&problem);
        return status;
    }
    selection->problems[selection->count++] = problem;
    return UM_OK;
}

um_status um_problem_selection_add_line(um_problem_selection *selection, const char *bytes,
                                        size_t length, const char *path, size_t number,
                                        um_error *error) {
    um_json_line line;
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    const um_status status =
        line.object ? add_problem(selection, line.object, line.where, error) : UM_OK;
    json_decref(line.object);
    return status;
}

/* ---- Choosing ------------------------------------------------------------ */

/* The limits at the filter's percentiles over all problems. */
static um_status find_limits(const um_problem_selection *selection, const um_problem_filter *filter,
                             um_problem_selection_counts *counts, um_error *error) {
    const size_t count = selection->count;
    double *values = NULL;
    UM_TRY(um_allocate(&values, count, sizeof *values, "pass rates", error));
    for (size_t i = 0; i < count; i++) {
        values[i] = selection->problems[i].mean;
    }
    um_sort_numbers(values, count);
    counts->mean_from = um_percentile(values, count, filter->mean_from);
    counts->mean_to = um_percentile(values, count, filter->mean_to);
    for (size_t i = 0; i < count; i++) {
        values[i] = selection->problems[i].deviation;
    }
    um_sort_numbers(values, count);
    counts->deviation_from = um_percentile(values, count, filter->deviation_from);
    free(values);
    return UM_OK;
}

static bool is_kept(const selected_problem *problem, const um_problem_selection_counts *limits) {
    return problem->mean >= limits->mean_from && problem->mean <= limits->mean_to &&
           problem->deviation >= limits->deviation_from;
}

static um_status append_object(const json_t *object, um_buffer *lines, um_error *error) {
    char *line = object ? json_dumps(object, 0) : NULL;
    if (!line) {
        return um_error_memory(error, "problem", 0);
    }
    um_status status = um_buffer_append_text(lines, line, error);
    if (status == UM_OK) {
        status = um_buffer_append(lines, "\n", 1, error);
    }
    free(line);
    return status;
}

static um_status append_problem(const selected_problem *problem, bool rewritten, um_buffer *lines,
                                um_error *error) {
    um_buffer prompt = {0};
    um_status status = append_prompt(problem, rewritten, &prompt, error);
    if (status == UM_OK) {
        json_t *written = json_copy(problem->problem);
        const char *id = json_string_value(json_object_get(problem->problem, "task_id"));
        (void)json_object_set_new(written, "task_id",
                                  json_sprintf(rewritten ? "%s/completion" : "%s", id));
        (void)json_object_set_new(written, "prompt",
                                  json_stringn(um_buffer_text(&prompt), prompt.length));
        status = append_object(written, lines, error);
        json_decref(written);
    }
    um_buffer_free(&prompt);
    return status;
}

um_status um_problem_selection_append(const um_problem_selection *selection,
                                      const um_problem_filter *filter, um_buffer *lines,
                                      um_problem_selection_counts *counts, um_error *error) {
    *counts = (um_problem_selection_counts){.problems = selection->count};
    if (selection->count == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "there is no problem to select from");
    }
    UM_TRY(find_limits(selection, filter, counts, error));
    for (size_t i = 0; i < selection->count; i++) {
        const selected_problem *problem = &selection->problems[i];
        if (!is_kept(problem, counts)) {
            continue;
        }
        counts->kept++;
        UM_TRY(append_problem(problem, false, lines, error));
        if (problem->head) {
            counts->rewritten++;
            UM_TRY(append_problem(problem, true, lines, error));
        }
    }
    return counts->kept > 0 ? UM_OK
                            : UM_RAISE(error, UM_ERR_ARGUMENT,
                                       "none of %zu problems has a mean pass rate of %g to %g and "
                                       "a deviation of %g or more",
                                       selection->count, counts->mean_from, counts->mean_to,
                                       counts->deviation_from);
}

/* ---- Life ------------------------------------------------------------------------------ */

static um_status set_up(um_problem_selection *selection, const char *const *models,
                        size_t model_count, um_error *error) {
    static const char *const usual[] = {"qwen_coder_2.5", "llama3_instruct"};
    selection->models = json_object();
    selection->ids = json_object();
    if (model_count == 0) {
        models = usual;
        model_count = sizeof usual / sizeof *usual;
    }
    for (size_t i = 0; i < model_count; i++) {
        if (json_object_set_new(selection->models, models[i], json_null()) != 0) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%.60s\" is not the name of a model",
                            models[i]);
        }
    }
    return selection->ids ? UM_OK : um_error_memory(error, "problems", sizeof *selection);
}

um_status um_problem_selection_create(const char *const *models, size_t model_count,
                                      um_problem_selection **selection, um_error *error) {
    *selection = NULL;
    um_problem_selection *created = NULL;
    UM_TRY(um_allocate(&created, 1, sizeof *created, "problems", error));
    const um_status status = set_up(created, models, model_count, error);
    if (status != UM_OK) {
        um_problem_selection_free(created);
        return status;
    }
    *selection = created;
    return UM_OK;
}

void um_problem_selection_free(um_problem_selection *selection) {
    if (!selection) {
        return;
    }
    for (size_t i = 0; i < selection->count; i++) {
        free_problem(&selection->problems[i]);
    }
    json_decref(selection->models);
    json_decref(selection->ids);
    free(selection->problems);
    free(selection->rates);
    free(selection);
}
