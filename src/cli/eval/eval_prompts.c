/* The problems of an evaluation, as requests to a model. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "cli/eval/eval.h"
#include "cli/request/request_tokens.h"

#define LONG_ANSWER 512 /* as in the published evaluations */
#define SHORT_ANSWER 128

/* ---- Problems -------------------------------------------------------------------- */

static bool is_wanted(const um_eval_request *request, const um_problem *problem) {
    if (request->shots > 0 && um_eval_is_example(problem)) {
        return false;
    }
    if (request->first_id == 0) {
        return true;
    }
    char *end = NULL;
    const unsigned long number = strtoul(problem->id, &end, 10);
    return *problem->id && !*end && number >= request->first_id && number <= request->last_id;
}

/* Whether --limit has room for one more problem of this level and format. */
static bool is_within_limit(const um_eval_request *request, const um_eval_tasks *tasks,
                            const um_problem *problem) {
    size_t like_it = 0;
    for (size_t i = 0; request->limit > 0 && i < tasks->count; i++) {
        like_it += tasks->problems[i]->level == problem->level &&
                   tasks->problems[i]->format == problem->format;
    }
    return request->limit == 0 || like_it < request->limit;
}

static um_status choose_problems(const um_eval_request *request, um_eval_tasks *tasks,
                                 um_error *error) {
    const size_t count = um_problem_set_count(tasks->set);
    UM_TRY(um_allocate(&tasks->problems, count, sizeof *tasks->problems, "problems", error));
    for (size_t i = 0; i < count; i++) {
        const um_problem *problem = um_problem_set_at(tasks->set, i);
        if (is_wanted(request, problem) && is_within_limit(request, tasks, problem)) {
            tasks->problems[tasks->count++] = problem;
        }
    }
    if (tasks->count == 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: none of its %zu problems is left after %s%s%s",
                        request->problems, count, request->first_id > 0 ? "--ids" : "",
                        request->first_id > 0 && request->shots > 0 ? " and " : "",
                        request->shots > 0 ? "--shots" : "");
    }
    return UM_OK;
}

static um_status build_prompts(um_eval_tasks *tasks, um_error *error) {
    UM_TRY(um_allocate(&tasks->prompts, tasks->count, sizeof *tasks->prompts, "prompts", error));
    UM_TRY(um_allocate(&tasks->lengths, tasks->count, sizeof *tasks->lengths, "lengths", error));
    UM_TRY(um_allocate(&tasks->options, tasks->count, sizeof *tasks->options, "options", error));
    for (size_t i = 0; i < tasks->count; i++) {
        UM_TRY(um_eval_prompt_build(&tasks->style, tasks->problems[i], &tasks->prompts[i], error));
    }
    return UM_OK;
}

/* An option that none of the chosen problems uses is a mistake. */
static um_status check_uses(const um_eval_request *request, const um_eval_tasks *tasks,
                            um_error *error) {
    bool has_message = false;
    bool has_infilling = false;
    for (size_t i = 0; i < tasks->count; i++) {
        has_message = has_message || tasks->prompts[i].has_message;
        has_infilling = has_infilling || tasks->problems[i]->format == UM_PROBLEM_INFILLING;
    }
    if (request->system && !has_message) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "--system is part of a conversation, and no problem is asked in one: add "
                        "--instruct");
    }
    return request->infilling_length == 0 || has_infilling
               ? UM_OK
               : UM_RAISE(error, UM_ERR_ARGUMENT,
                          "--infilling-length applies to infilling problems, and %s has none",
                          request->problems);
}

um_status um_eval_tasks_read(const um_eval_request *request, um_eval_tasks *tasks,
                             um_error *error) {
    *tasks = (um_eval_tasks){.style = {.instruct = request->instruct}};
    UM_TRY(um_problem_set_create(&tasks->set, error));
    UM_TRY(um_problem_set_add_file(tasks->set, request->problems, error));
    if (um_problem_set_count(tasks->set) == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: holds no problems", request->problems);
    }
    const um_status status =
        um_eval_form_settle(tasks->set, request->form, &tasks->style.form, error);
    if (status != UM_OK) {
        return um_error_prefix(error, status, "%s", request->problems);
    }
    UM_TRY(um_eval_style_take_shots(&tasks->style, tasks->set, request->shots, error));
    UM_TRY(choose_problems(request, tasks, error));
    UM_TRY(build_prompts(tasks, error));
    return check_uses(request, tasks, error);
}

static void free_options(um_eval_tasks *tasks) {
    for (size_t i = 0; tasks->options && i < tasks->count; i++) {
        um_options_free(tasks->options[i]);
        tasks->options[i] = NULL;
    }
}

void um_eval_tasks_free(um_eval_tasks *tasks) {
    for (size_t i = 0; tasks->prompts && i < tasks->count; i++) {
        um_eval_prompt_free(&tasks->prompts[i]);
    }
    free(tasks->prompts);
    free_options(tasks);
    free(tasks->options);
    free(tasks->lengths);
    free(tasks->problems);
    um_problem_set_free(tasks->set);
    *tasks = (um_eval_tasks){0};
}

/* ---- Requests -------------------------------------------------------------------- */

/* Problems must not share random numbers, and a problem keeps its own whatever else is in the
 * file. */
static uint32_t number_of_draws(const char *id, size_t sample) {
    uint64_t hash = UM_HASH_START;
    for (; *id; id++) {
        hash = um_hash_add(hash, (unsigned char)*id);
    }
    hash = um_hash_add(hash, sample);
    return (uint32_t)(hash ^ (hash >> 32));
}

static void add_text(um_prompt_request *asked, const um_buffer *text) {
    if (text->length > 0) {
        um_prompt_request_add_text(asked, text->data, text->length, false);
    }
}

um_status um_eval_ask(const um_eval_request *request, const um_eval_tasks *tasks, size_t number,
                      size_t sample, um_prompt_request *asked, um_error *error) {
    const um_eval_prompt *prompt = &tasks->prompts[number];
    um_prompt_request_begin(asked, tasks->options[number]);
    asked->request.sample = number_of_draws(tasks->problems[number]->id, sample);
    if (prompt->has_message) {
        um_prompt_request_say(asked, request->system, um_buffer_text(&prompt->message),
                              prompt->message.length);
    }
    add_text(asked, &prompt->before);
    um_prompt_request_add_hole(asked, tasks->lengths[number]);
    add_text(asked, &prompt->after);
    return request->bos ? um_prompt_request_put_bos(asked, tasks->model, error) : UM_OK;
}

/* ---- Lengths --------------------------------------------------------------------- */

static um_status count_tokens(const um_eval_request *request, const um_eval_tasks *tasks,
                              size_t number, um_request_tokens *given, um_error *error) {
    const bool has_suffix = tasks->prompts[number].after.length > 0;
    um_prompt_request asked;
    um_status status = um_eval_ask(request, tasks, number, 0, &asked, error);
    if (status == UM_OK) {
        status = um_cli_count_request(tasks->model, &asked.request, has_suffix, given, error);
    }
    um_prompt_request_free(&asked);
    return status;
}

static um_status fit(const um_eval_request *request, const um_model_info *info,
                     um_eval_tasks *tasks, size_t number, um_error *error) {
    const bool is_hole = tasks->problems[number]->format == UM_PROBLEM_INFILLING;
    const bool has_own = is_hole && request->infilling_length > 0;
    const size_t length = has_own ? request->infilling_length : request->length;
    const um_answer_wish wish = {.given = length,
                                 .short_usual = SHORT_ANSWER,
                                 .long_usual = LONG_ANSWER,
                                 .advice = has_own      ? "give a smaller --infilling-length"
                                           : length > 0 ? "give a smaller --length"
                                                        : NULL};
    um_request_tokens given;
    UM_TRY(count_tokens(request, tasks, number, &given, error));
    UM_TRY(um_cli_answer_length(info, given.count, &wish, &tasks->lengths[number], error));
    return um_eval_decoding_create(&request->decoding, tasks->lengths[number],
                                   &tasks->options[number], error);
}

um_status um_eval_tasks_fit(const um_eval_request *request, const um_model *model,
                            um_eval_tasks *tasks, um_error *error) {
    int32_t bos = UM_NO_TOKEN_ID;
    um_model_info info;
    um_model_get_info(model, &info);
    tasks->model = model;
    free_options(tasks);
    if (request->bos) { /* what is wrong with every problem is told without one's name */
        UM_TRY(um_cli_bos_token(model, &bos, error));
    }
    for (size_t i = 0; i < tasks->count; i++) {
        const um_status status = fit(request, &info, tasks, i, error);
        if (status != UM_OK) {
            return um_error_prefix(error, status, "problem \"%.60s\"", tasks->problems[i]->id);
        }
    }
    return UM_OK;
}
