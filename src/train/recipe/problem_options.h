/* How problems are laid out, completed and judged, whatever the objective: those that coupled-GRPO
 * learns from, and those that validate a run. */
#ifndef UM_TRAIN_RECIPE_PROBLEM_OPTIONS_H
#define UM_TRAIN_RECIPE_PROBLEM_OPTIONS_H

#include "judge/sandbox.h"

/* Size of the text of decoding options, a JSON object. */
#define UM_ROLLOUT_TEXT_SIZE 512

typedef struct um_problem_options {
    size_t prompt_length;      /* "prompt_length": longer prompts keep their last tokens (0: any) */
    size_t rollout_batch;      /* "rollout_batch": canvases decoded side by side (32) */
    size_t validation_maximum; /* "validation_maximum": problems that are used (0: all) */
    char validation_rollout[UM_ROLLOUT_TEXT_SIZE]; /* "validation_rollout": decoding options */
    um_sandbox_level sandbox;                      /* "sandbox" ("full") */
    double judge_timeout; /* "judge_timeout": seconds for an attempt with its tests (5) */
    size_t judge_memory;  /* "judge_memory": MiB for each of its processes (512) */
    size_t judge_workers; /* "judge_workers": attempts judged at a time (0: one per processor) */
} um_problem_options;

#endif
