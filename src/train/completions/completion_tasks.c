#include "train/completions/completion_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/file_hash.h"
#include "base/hash.h"
#include "base/memory.h"
#include "tokenizer/chat.h"
#include "tokenizer/fim.h"

/* ---- Special tokens --------------------------------------------------------- */

static um_status add_end(um_completion_tasks *tasks, int32_t token, um_error *error) {
    if (token < 0 || token == tasks->mask_token ||
        um_token_list_contains(&tasks->end_tokens, token)) {
        return UM_OK;
    }
    return um_token_list_append(&tasks->end_tokens, token, error);
}

static um_status settle_tokens(um_completion_tasks *tasks, const um_recipe *recipe,
                               const um_model_config *config, um_error *error) {
    const int32_t pad =
        config->pad_token >= 0 ? config->pad_token : um_tokenizer_pad(tasks->tokenizer);
    const int32_t ends[] = {config->eos_token, um_tokenizer_eos(tasks->tokenizer), pad,
                            um_tokenizer_pad(tasks->tokenizer),
                            um_chat_end_of_turn(tasks->tokenizer)};
    tasks->mask_token = config->mask_token;
    if (um_tokenizer_vocabulary_size(tasks->tokenizer) > config->vocabulary_size) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: the tokenizer has more ids than the model's vocabulary",
                        recipe->model);
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        UM_TRY(add_end(tasks, ends[i], error));
    }
    if (tasks->end_tokens.length == 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: neither config.json nor the tokenizer names a token that ends an "
                        "answer (\"eos_token_id\" or \"pad_token_id\")",
                        recipe->model);
    }
    tasks->filler = pad >= 0 ? pad : tasks->end_tokens.ids[0];
    return UM_OK;
}

/* ---- Problems --------------------------------------------------------------- */

/* How problems become tasks. */
typedef struct task_layout {
    const um_tokenizer *tokenizer;
    const um_recipe *recipe;
    bool hole_last; /* the model writes from left to right */
    bool has_fim;   /* and can be shown what follows the hole */
    um_fim_tokens fim;
} task_layout;

static task_layout layout_for(const um_recipe *recipe, const um_model_config *config,
                              const um_tokenizer *tokenizer) {
    task_layout layout = {.tokenizer = tokenizer,
                          .recipe = recipe,
                          .hole_last = config->attention == UM_ATTENTION_CAUSAL};
    layout.has_fim = layout.hole_last && !um_fim_tokens_find(tokenizer, &layout.fim);
    return layout;
}

static bool can_show(const task_layout *layout, const um_problem *problem) {
    return problem->format != UM_PROBLEM_INFILLING || !layout->hole_last || layout->has_fim;
}

static um_status encode_text(const task_layout *layout, const char *text, um_token_list *tokens,
                             um_error *error) {
    return um_tokenizer_encode(layout->tokenizer, text, strlen(text), false, tokens, error);
}

/* Keep the last `maximum` tokens; 0: all. */
static void cut_prompt(um_token_list *tokens, size_t maximum) {
    if (maximum > 0 && tokens->length > maximum) {
        memmove(tokens->ids, tokens->ids + tokens->length - maximum, maximum * sizeof *tokens->ids);
        tokens->length = maximum;
    }
}

static um_status encode_prompt(const task_layout *layout, const um_problem *problem,
                               um_token_list *prompt, um_error *error) {
    const um_chat_message message = {
        .role = "user", .content = problem->prompt, .content_length = strlen(problem->prompt)};
    UM_TRY(problem->format == UM_PROBLEM_CHAT
               ? um_chat_encode(layout->tokenizer, &message, 1, true, prompt, error)
               : encode_text(layout, problem->prompt, prompt, error));
    cut_prompt(prompt, layout->recipe->problem_options.prompt_length);
    return UM_OK;
}

/* A model that writes from left to right sees only what is before the hole, so the suffix goes
 * there. */
static um_status join_fim(const task_layout *layout, const um_problem *problem,
                          const um_token_list *prompt, um_token_list *before, um_error *error) {
    UM_TRY(um_token_list_append(before, layout->fim.prefix, error));
    UM_TRY(um_token_list_append_all(before, prompt->ids, prompt->length, error));
    UM_TRY(um_token_list_append(before, layout->fim.suffix, error));
    UM_TRY(encode_text(layout, problem->suffix, before, error));
    return um_token_list_append(before, layout->fim.middle, error);
}

static um_status encode_problem(const task_layout *layout, const um_problem *problem,
                                um_completion_task *task, um_error *error) {
    if (problem->format != UM_PROBLEM_INFILLING || !layout->hole_last) {
        UM_TRY(encode_prompt(layout, problem, &task->before, error));
        return problem->format == UM_PROBLEM_INFILLING
                   ? um_tokenizer_continue(layout->tokenizer, problem->suffix,
                                           strlen(problem->suffix), false, &task->after, error)
                   : UM_OK;
    }
    um_token_list prompt = {0};
    um_status status = encode_prompt(layout, problem, &prompt, error);
    if (status == UM_OK) {
        status = join_fim(layout, problem, &prompt, &task->before, error);
    }
    um_token_list_free(&prompt);
    return status;
}

static size_t answer_length(const um_recipe *recipe, const um_problem *problem, size_t given) {
    const size_t of_infilling = recipe->infilling_length;
    if (problem->format == UM_PROBLEM_INFILLING && of_infilling > 0) {
        return of_infilling;
    }
    if (recipe->answer_length > 0) {
        return recipe->answer_length;
    }
    const size_t room = recipe->context_length > given ? recipe->context_length - given : 1;
    return um_size_smaller(UM_DEFAULT_ANSWER_LENGTH, room);
}

static um_status make_task(const task_layout *layout, const um_problem *problem,
                           um_completion_task *task, um_error *error) {
    const um_recipe *recipe = layout->recipe;
    task->problem = problem;
    UM_TRY(encode_problem(layout, problem, task, error));
    const size_t given = task->before.length + task->after.length;
    if (task->before.length == 0) { /* no row predicts the first token of a shifted model */
        return UM_RAISE(error, UM_ERR_ARGUMENT, "problem %s: an empty prompt", problem->id);
    }
    task->answer_length = answer_length(recipe, problem, given);
    const size_t length = given + task->answer_length;
    if (length > recipe->context_length) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "problem %s: %zu tokens with its answer are over \"context_length\" %zu",
                        problem->id, length, recipe->context_length);
    }
    return UM_OK;
}

static uint64_t add_to_digest(uint64_t hash, const int32_t *tokens, size_t count, size_t answer) {
    hash = um_hash_add(hash, count << 32 | answer);
    for (size_t i = 0; i < count; i++) {
        hash = um_hash_add(hash, (uint64_t)tokens[i]);
    }
    return hash;
}

/* Add what decides the problem's verdicts. */
static uint64_t add_tests_to_digest(uint64_t hash, const um_problem *problem) {
    const char *const texts[] = {problem->entry_point, problem->test, problem->setup};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hash = um_hash_add_bytes(hash, texts[i], strlen(texts[i]) + 1);
    }
    for (size_t i = 0; i < problem->assert_count; i++) {
        hash = um_hash_add_bytes(hash, problem->asserts[i], strlen(problem->asserts[i]) + 1);
    }
    return hash;
}

static um_status add_task(um_completion_tasks *tasks, const task_layout *layout,
                          const um_problem *problem, um_error *error) {
    if (!can_show(layout, problem)) {
        tasks->left_out++;
        return UM_OK;
    }
    um_completion_task *task = &tasks->tasks[tasks->count++];
    UM_TRY(make_task(layout, problem, task, error));
    tasks->digest =
        add_to_digest(tasks->digest, task->before.ids, task->before.length, task->answer_length);
    tasks->digest = add_to_digest(tasks->digest, task->after.ids, task->after.length, 0);
    tasks->digest = add_tests_to_digest(tasks->digest, problem);
    return UM_OK;
}

static um_status make_tasks(um_completion_tasks *tasks, const char *path, size_t maximum,
                            const task_layout *layout, um_error *error) {
    const size_t all = um_problem_set_count(tasks->problems);
    const size_t used = maximum > 0 && maximum < all ? maximum : all;
    if (used == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: no problems", path);
    }
    UM_TRY(um_allocate(&tasks->tasks, used, sizeof *tasks->tasks, "problems", error));
    tasks->digest = UM_HASH_START;
    for (size_t i = 0; i < used; i++) {
        const um_status status =
            add_task(tasks, layout, um_problem_set_at(tasks->problems, i), error);
        if (status != UM_OK) {
            return um_error_prefix(error, status, "%s", path);
        }
    }
    if (tasks->count == 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: only infilling problems, of which a causal model sees what follows "
                        "the hole by the tokens <|fim_prefix|>, <|fim_suffix|> and <|fim_middle|>; "
                        "the tokenizer lacks them",
                        path);
    }
    return UM_OK;
}

um_status um_completion_tasks_open(const char *path, size_t maximum, const um_recipe *recipe,
                                   const um_model_config *config, const um_tokenizer *tokenizer,
                                   um_completion_tasks *tasks, um_error *error) {
    *tasks = (um_completion_tasks){.tokenizer = tokenizer};
    UM_TRY(settle_tokens(tasks, recipe, config, error));
    UM_TRY(um_problem_set_create(&tasks->problems, error));
    UM_TRY(um_problem_set_add_file(tasks->problems, path, error));
    const task_layout layout = layout_for(recipe, config, tokenizer);
    return make_tasks(tasks, path, maximum, &layout, error);
}

void um_completion_tasks_close(um_completion_tasks *tasks) {
    for (size_t i = 0; tasks->tasks && i < tasks->count; i++) {
        um_token_list_free(&tasks->tasks[i].before);
        um_token_list_free(&tasks->tasks[i].after);
    }
    free(tasks->tasks);
    um_token_list_free(&tasks->end_tokens);
    um_problem_set_free(tasks->problems);
    *tasks = (um_completion_tasks){0};
}

/* ---- Canvases --------------------------------------------------------------- */

um_status um_completion_tasks_canvas(const um_completion_tasks *tasks, size_t index,
                                     um_canvas *canvas, um_error *error) {
    const um_completion_task *task = &tasks->tasks[index];
    const um_canvas_segment segments[] = {
        {.length = task->before.length, .tokens = task->before.ids},
        {.is_hole = true, .length = task->answer_length},
        {.length = task->after.length, .tokens = task->after.ids}};
    return um_canvas_create(segments, task->after.length > 0 ? 3 : 2, tasks->mask_token, canvas,
                            error);
}

um_status um_completion_lay_out(const um_completion_tasks *tasks, size_t index,
                                um_completion *completion, um_error *error) {
    const um_completion_task *task = &tasks->tasks[index];
    *completion =
        (um_completion){.problem = index,
                        .length = task->before.length + task->answer_length + task->after.length,
                        .start = task->before.length,
                        .answer_length = task->answer_length};
    UM_TRY(um_allocate(&completion->tokens, um_completion_block(completion),
                       sizeof *completion->tokens, "completion", error));
    completion->steps = completion->tokens + completion->length;
    for (size_t i = 0; i < completion->length; i++) {
        completion->steps[i] = UM_NOT_SAMPLED;
    }
    return UM_OK;
}

size_t um_completion_block(const um_completion *completion) {
    return 2 * completion->length;
}

static size_t find_end(const um_completion_tasks *tasks, const um_completion *completion) {
    size_t at = 0;
    while (
        at < completion->answer_length &&
        !um_token_list_contains(&tasks->end_tokens, completion->tokens[completion->start + at])) {
        at++;
    }
    return at;
}

bool um_completion_opens_state(const um_completion *completion, size_t index) {
    const int32_t *steps = completion->steps + completion->start;
    for (size_t before = 0; before < index; before++) {
        if (steps[before] == steps[index]) {
            return false;
        }
    }
    return steps[index] != UM_NOT_SAMPLED;
}

static size_t count_states(const um_completion *completion) {
    size_t count = 0;
    for (size_t i = 0; i < completion->counted; i++) {
        count += um_completion_opens_state(completion, i) ? 1 : 0;
    }
    return count;
}

void um_completion_find_end(const um_completion_tasks *tasks, um_completion_extent extent,
                            um_completion *completion) {
    const size_t end = find_end(tasks, completion);
    completion->ended = end < completion->answer_length;
    completion->counted =
        completion->ended && extent == UM_COMPLETION_TO_END ? end + 1 : completion->answer_length;
    completion->states = count_states(completion);
}

void um_completion_take(const um_completion_tasks *tasks, const um_canvas *canvas,
                        um_completion_extent extent, um_completion *completion) {
    for (size_t i = 0; i < completion->length; i++) {
        const bool open = canvas->states[i] == UM_POSITION_MASKED;
        completion->tokens[i] = open ? tasks->filler : canvas->tokens[i];
    }
    um_completion_find_end(tasks, extent, completion);
}

um_status um_completion_text(const um_completion_tasks *tasks, const um_completion *completion,
                             um_buffer *text, um_error *error) {
    return um_tokenizer_decode(tasks->tokenizer, completion->tokens + completion->start,
                               find_end(tasks, completion), true, text, error);
}
