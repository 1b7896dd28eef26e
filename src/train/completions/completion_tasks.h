/* Problems as canvases to fill: tokens before the answer, the answer's length, tokens after it. */
#ifndef UM_TRAIN_COMPLETIONS_COMPLETION_TASKS_H
#define UM_TRAIN_COMPLETIONS_COMPLETION_TASKS_H

#include "decode/canvas.h"
#include "judge/problem.h"
#include "tokenizer/tokenizer.h"
#include "train/recipe/recipe.h"

/* The answer's length if the recipe gives none, unless the context has less room. */
#define UM_DEFAULT_ANSWER_LENGTH 128

typedef struct um_completion_task {
    const um_problem *problem;
    um_token_list before; /* the prompt; for a chat problem, also the opening of the answer; for
                             infilling by a causal model, also the suffix (tokenizer/fim.h) */
    um_token_list after;  /* the suffix of an infilling problem, unless the model is causal */
    size_t answer_length;
} um_completion_task;

typedef struct um_completion_tasks {
    const um_tokenizer *tokenizer; /* borrowed */
    um_problem_set *problems;
    um_completion_task *tasks; /* [count], of the first problems of the set */
    size_t count;
    size_t left_out; /* infilling problems skipped, because the model cannot be shown them */
    um_token_list end_tokens; /* any of them ends an answer */
    int32_t mask_token;
    int32_t filler;  /* replaces masks that an early stop has left: pad, else an end token */
    uint64_t digest; /* of all tasks: changes with the problems, the tokenizer and the lengths */
} um_completion_tasks;

#define UM_NOT_SAMPLED (-1) /* instead of a step */

/* A completed canvas. */
typedef struct um_completion {
    size_t problem;  /* index of the task */
    int32_t *tokens; /* [length] prompt, answer and, after a hole, suffix */
    int32_t *steps;  /* [length] the sampler's step that decided each position; UM_NOT_SAMPLED for
                        those that were given or replace masks; in the same memory block */
    size_t length;
    size_t start;         /* where the answer begins */
    size_t answer_length; /* tokens of the answer */
    size_t counted;       /* of those, from the first on, that the loss counts */
    size_t states;        /* different steps that decided the counted ones */
    bool ended;           /* the answer contains an end token */
} um_completion;

/* Read the problems at `path` (the first `maximum` of them, 0: all) and lay them out for the recipe
 * and the model of `config`.  For a causal model without the tokens of tokenizer/fim.h, infilling
 * problems are left out.  UM_ERR_LIMIT: a problem does not fit into the context; UM_ERR_ARGUMENT:
 * there is no problem, or one has an empty prompt; UM_ERR_MISMATCH: model or tokenizer lacks a
 * token that this needs, or they do not match.  Call um_completion_tasks_close in any case. */
um_status um_completion_tasks_open(const char *path, size_t maximum, const um_recipe *recipe,
                                   const um_model_config *config, const um_tokenizer *tokenizer,
                                   um_completion_tasks *tasks, um_error *error);
void um_completion_tasks_close(um_completion_tasks *tasks);

/* The canvas of a task, with an empty answer; zero-initialise *canvas. */
um_status um_completion_tasks_canvas(const um_completion_tasks *tasks, size_t index,
                                     um_canvas *canvas, um_error *error);

/* Lay out `completion` for the task: zeroed tokens, and no steps.  Release its tokens with
 * free(). */
um_status um_completion_lay_out(const um_completion_tasks *tasks, size_t index,
                                um_completion *completion, um_error *error);

/* Numbers in the memory block of `completion`: tokens, then steps. */
size_t um_completion_block(const um_completion *completion);

/* Whether token `index` of the answer is the first of those that its step decided. */
bool um_completion_opens_state(const um_completion *completion, size_t index);

/* Once tokens and steps are set: find the end of the answer, and what is counted. */
void um_completion_find_end(const um_completion_tasks *tasks, um_completion_extent extent,
                            um_completion *completion);

/* Copy the tokens of a decoded canvas into `completion`, which is laid out and has its steps. */
void um_completion_take(const um_completion_tasks *tasks, const um_canvas *canvas,
                        um_completion_extent extent, um_completion *completion);

/* Append the answer's text up to its first end token, without control tokens. */
um_status um_completion_text(const um_completion_tasks *tasks, const um_completion *completion,
                             um_buffer *text, um_error *error);

#endif
