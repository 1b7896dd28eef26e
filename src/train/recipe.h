/* What a training run does: one JSON object, every field documented here. */
#ifndef UM_TRAIN_RECIPE_H
#define UM_TRAIN_RECIPE_H

#include <jansson.h>

#include "model/config.h"
#include "tensor/dtype.h"
#include "train/grpo_options.h"

typedef enum um_objective {
    UM_OBJECTIVE_CAUSAL,      /* next token, -log p(x_i | x_<i) */
    UM_OBJECTIVE_DIFFUSION,   /* masked diffusion; both are in docs/TRAINING.md */
    UM_OBJECTIVE_COUPLED_GRPO /* reinforcement learning; docs/GRPO.md */
} um_objective;

/* How the cross-entropies of masked tokens are weighted. */
typedef enum um_loss_weighting {
    UM_WEIGHTING_INVERSE_RATE, /* 1/t: the evidence bound of masked diffusion */
    UM_WEIGHTING_NONE          /* 1: every masked token counts the same */
} um_loss_weighting;

/* What the weighted sum is divided by. */
typedef enum um_loss_normalisation {
    UM_NORMALISE_TOKENS, /* tokens that could have been masked (LLaDA) */
    UM_NORMALISE_MASKED  /* tokens that were masked (DiffuLLaMA) */
} um_loss_normalisation;

/* How the gradients of a step's micro-batches are added up. */
typedef enum um_reduction {
    UM_REDUCTION_ORDERED, /* one by one: the same bytes for any number of processes */
    UM_REDUCTION_FAST     /* as is fastest, to a stated rounding (collective.h) */
} um_reduction;

#define UM_RECIPE_PATH_SIZE 1024

typedef struct um_recipe {
    char model[UM_RECIPE_PATH_SIZE];      /* "model": directory with config.json and tokenizer; with
                                             weights to start from, unless initialise is set */
    char train[UM_RECIPE_PATH_SIZE];      /* "train": shard */
    char validation[UM_RECIPE_PATH_SIZE]; /* "validation": shard; may be left out */
    bool initialise;                      /* "initialise": random weights (default false) */
    um_objective objective;               /* "objective": also "coupled_grpo" */

    size_t steps;                 /* "steps": optimizer steps */
    size_t batch_tokens;          /* "batch_tokens": most rows of a micro-batch */
    size_t gradient_accumulation; /* "gradient_accumulation": micro-batches a step (1) */
    size_t context_length;        /* "context_length": longer documents are cut */
    uint64_t seed;                /* "seed" (1) */

    double learning_rate;      /* "learning_rate" */
    double minimum_rate_ratio; /* "minimum_rate_ratio": end of the cosine (0.1) */
    size_t warmup_steps;       /* "warmup_steps" (0) */
    double beta1;              /* "beta1" (0.9) */
    double beta2;              /* "beta2" (0.95) */
    double epsilon;            /* "epsilon" (1e-8) */
    double weight_decay;       /* "weight_decay" (0.1), matrices only */
    double gradient_clip;      /* "gradient_clip": largest global norm (1.0; 0: none) */
    um_dtype weights;          /* "weights": "f32" or "bf16" (rounded from an f32 master) */
    um_dtype saved_weights;    /* "saved_weights": type in the written checkpoint ("bf16") */

    double prompt_loss_weight;           /* "prompt_loss_weight": causal loss on prompts (1.0) */
    double mask_prompt_probability;      /* "mask_prompt_probability": documents whose prompt is
                                            masked too (1.0: unconditional) */
    double minimum_mask_rate;            /* "minimum_mask_rate" (0.001) */
    um_loss_weighting loss_weighting;    /* "loss_weighting": "inverse_rate" or "none" */
    um_loss_normalisation normalisation; /* "loss_normalisation": "tokens" or "masked" */
    size_t answer_length;                /* "answer_length": completions are padded with the pad
                                            token to a random length up to this (0: never) */
    size_t annealing_steps;              /* "attention_annealing_steps" (0) */
    size_t validation_interval;          /* "validation_interval": steps between (0: at the end) */
    double checkpoint_minutes;           /* "checkpoint_minutes" (10) */
    um_reduction reduction;              /* "reduction": "ordered" or "fast" */

    /* Of "coupled_grpo". */
    char problems[UM_RECIPE_PATH_SIZE];            /* "problems": JSON Lines (reward/problem.h) */
    char validation_problems[UM_RECIPE_PATH_SIZE]; /* "validation_problems"; may be left out */
    um_grpo_options grpo;
} um_recipe;

/* Read and check a recipe.  Relative paths in it are taken from its own directory.  An unknown
 * member is an error, so that a misspelt option is not ignored. */
um_status um_recipe_read(const char *path, um_recipe *recipe, um_error *error);

/* The same from text; `directory` is where relative paths start. */
um_status um_recipe_parse(const char *text, size_t length, const char *directory, const char *where,
                          um_recipe *recipe, um_error *error);

/* Set one member by its name, as a command line does: key "steps", value "100".  Of an object
 * such as "rollout" the value is JSON, and "rollout.steps" sets one member of it. */
um_status um_recipe_set(um_recipe *recipe, const char *key, const char *value, um_error *error);

/* All members that the objective reads with their values, defaults too, as a JSON object; NULL
 * without memory.  The caller owns it. */
json_t *um_recipe_json(const um_recipe *recipe);

/* The learning rate of `step` (from 0): linear warm-up, then a cosine down to the minimum. */
double um_recipe_learning_rate(const um_recipe *recipe, size_t step);

/* The members that are paths, `index` from 0: the path ("" where it was left out) and its *key;
 * NULL behind the last. */
const char *um_recipe_path(const um_recipe *recipe, size_t index, const char **key);

/* A number that changes with every member that decides the course of a run. */
uint64_t um_recipe_fingerprint(const um_recipe *recipe);

#endif
