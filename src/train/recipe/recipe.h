/* What a training run does: one JSON object, every field documented here. */
#ifndef UM_TRAIN_RECIPE_RECIPE_H
#define UM_TRAIN_RECIPE_RECIPE_H

#include <jansson.h>

#include "model/config.h"
#include "tensor/dtype.h"
#include "train/recipe/grpo_options.h"
#include "train/recipe/problem_options.h"

typedef enum um_objective {
    UM_OBJECTIVE_CAUSAL,      /* next token, -log p(x_i | x_<i) */
    UM_OBJECTIVE_DIFFUSION,   /* masked diffusion; both are in docs/TRAINING.md */
    UM_OBJECTIVE_COUPLED_GRPO /* reinforcement learning; docs/GRPO.md */
} um_objective;

#define UM_OBJECTIVES 3

/* What turns gradients into updates. */
typedef enum um_optimizer_kind {
    UM_OPTIMIZER_ADAMW, /* every parameter */
    UM_OPTIMIZER_MUON   /* the layers' matrices; AdamW for embedding, head, norms and biases */
} um_optimizer_kind;

/* How the cross-entropies of masked tokens are weighted. */
typedef enum um_loss_weighting {
    UM_WEIGHTING_INVERSE_RATE, /* 1/t: the evidence bound of masked diffusion */
    UM_WEIGHTING_NONE,         /* 1: every masked token counts the same */
    UM_WEIGHTING_CART          /* larger, the more unmasked tokens are near (Dream) */
} um_loss_weighting;

/* What the weighted sum is divided by. */
typedef enum um_loss_normalisation {
    UM_NORMALISE_TOKENS,  /* tokens that could have been masked (LLaDA) */
    UM_NORMALISE_MASKED,  /* tokens that were masked (DiffuLLaMA) */
    UM_NORMALISE_ANSWERS, /* maskable tokens per document, then documents (LLaDA's tuning) */
    UM_NORMALISE_TEXT     /* tokens that could have been masked and are not pads: for validation */
} um_loss_normalisation;

/* How far answers are padded. */
typedef enum um_answer_padding {
    UM_PADDING_RANDOM, /* to a random length of up to answer_length */
    UM_PADDING_FIXED,  /* to answer_length */
    UM_PADDING_BATCH   /* until the document is as long as the longest of its batch */
} um_answer_padding;

/* What attends to nothing outside itself. */
typedef enum um_sequence_packing {
    UM_PACKING_DOCUMENTS,   /* each document */
    UM_PACKING_FIXED_LENGTH /* context_length tokens, wherever documents end */
} um_sequence_packing;

/* How the gradients of a step's micro-batches are added up. */
typedef enum um_reduction {
    UM_REDUCTION_ORDERED, /* one by one: the same bytes for any number of processes */
    UM_REDUCTION_FAST /* in the fastest order, with a bound on the rounding error (collective.h) */
} um_reduction;

#define UM_RECIPE_PATH_SIZE 1024
#define UM_RECIPE_TEXT_SIZE 64
#define UM_RECIPE_FIELD_MAXIMUM 128

typedef struct um_recipe {
    char model[UM_RECIPE_PATH_SIZE];      /* "model": directory with config.json and tokenizer; with
                                             weights to start from, unless initialise is set */
    char train[UM_RECIPE_PATH_SIZE];      /* "train": shard */
    char validation[UM_RECIPE_PATH_SIZE]; /* "validation": shard; may be left out */
    bool initialise;                      /* "initialise": random weights (default false) */
    um_objective objective;               /* "objective": "causal", "diffusion" or "coupled_grpo" */

    size_t steps;                 /* "steps": optimizer steps */
    size_t batch_tokens;          /* "batch_tokens": most rows of a micro-batch */
    size_t gradient_accumulation; /* "gradient_accumulation": micro-batches per step (1) */
    size_t context_length;        /* "context_length": longer documents are cut */
    um_sequence_packing packing;  /* "packing": "documents" or "fixed_length" */
    uint64_t seed;                /* "seed" (1) */

    double learning_rate;        /* "learning_rate" */
    double minimum_rate_ratio;   /* "minimum_rate_ratio": end of the cosine (0.1) */
    size_t warmup_steps;         /* "warmup_steps" (0) */
    um_optimizer_kind optimizer; /* "optimizer": "adamw" or "muon" ("adamw") */
    double momentum;             /* "momentum" (0.95), of muon */
    double beta1;                /* "beta1" (0.9) */
    double beta2;                /* "beta2" (0.95) */
    double epsilon;              /* "epsilon" (1e-8) */
    double weight_decay;         /* "weight_decay" (0.1), matrices only */
    double gradient_clip;        /* "gradient_clip": largest global norm (1.0; 0: none) */
    um_dtype weights;            /* "weights": "f32" or "bf16" (rounded from an f32 master) */
    um_dtype products;           /* "products": "f32" or "bf16" (both factors rounded to it) */
    bool recompute_activations;  /* "recompute_activations": less memory, same gradients (false) */
    um_dtype saved_weights;      /* "saved_weights": type in the written checkpoint ("bf16") */

    double prompt_loss_weight;      /* "prompt_loss_weight": causal loss on prompts (1.0) */
    double mask_prompt_probability; /* "mask_prompt_probability": documents whose prompt and
                                       suffix are masked too (1.0: unconditional) */
    size_t mask_prompt_steps;  /* "mask_prompt_annealing_steps": steps over which that probability
                                  falls from 1 (0: none) */
    double mask_prompt_epochs; /* "mask_prompt_annealing_epochs": the same in epochs (0) */
    double random_truncation_probability; /* "random_truncation_probability": documents that are
                                             cut to a random length (0) */
    double clean_prefix_probability;      /* "clean_prefix_probability": documents that keep a
                                             random prefix unmasked (0) */
    double minimum_mask_rate;             /* "minimum_mask_rate" (0.001) */
    um_loss_weighting loss_weighting;     /* "loss_weighting": "inverse_rate", "none" or "cart" */
    double cart_probability;              /* "cart_probability": p of the weights of cart (0.1) */
    um_loss_normalisation normalisation;  /* "loss_normalisation": "tokens", "masked", "answers" */
    um_answer_padding answer_padding;     /* "answer_padding": "random", "fixed" or "batch" */
    size_t answer_length;    /* "answer_length": tokens to which, or up to which, answers are padded
                                with the pad token (0: no padding, except to the batch) */
    size_t infilling_length; /* "infilling_length": replaces answer_length for answers with a
                                suffix, which are short (0: it does not) */
    char pad_token[UM_RECIPE_TEXT_SIZE];  /* "pad_token": text or id; left out: config.json's */
    char mask_token[UM_RECIPE_TEXT_SIZE]; /* "mask_token": the same; left out: config.json's, else
                                             the tokenizer's */
    size_t annealing_steps;               /* "attention_annealing_steps" (0) */
    size_t validation_interval; /* "validation_interval": steps between (0: only at the end) */
    double checkpoint_minutes;  /* "checkpoint_minutes" (10) */
    um_reduction reduction;     /* "reduction": "ordered" or "fast" */

    char validation_problems[UM_RECIPE_PATH_SIZE]; /* "validation_problems": JSON Lines
                                                      (judge/problem.h); may be left out */
    um_problem_options problem_options;            /* for these and for "problems" */

    /* Of "coupled_grpo". */
    char problems[UM_RECIPE_PATH_SIZE]; /* "problems": as "validation_problems" */
    um_grpo_options grpo;

    bool given[UM_RECIPE_FIELD_MAXIMUM]; /* which members were set, by their number in the table of
                                            recipe_fields.h; the others have defaults */
} um_recipe;

/* Read and check a recipe.  Relative paths in it start at its own directory.  An unknown member is
 * an error, so that a misspelt option is not ignored. */
um_status um_recipe_read(const char *path, um_recipe *recipe, um_error *error);

/* The same from text; `directory` is where relative paths start. */
um_status um_recipe_parse(const char *text, size_t length, const char *directory, const char *where,
                          um_recipe *recipe, um_error *error);

/* Set one member by its name, as a command line does: key "steps", value "100".  The value of an
 * object such as "rollout" is JSON; "rollout.steps" sets one member of it. */
um_status um_recipe_set(um_recipe *recipe, const char *key, const char *value, um_error *error);

/* Once all members are set: check that the run reads every one that was given.  UM_ERR_ARGUMENT
 * names one that only other objectives, or another optimizer, read. */
um_status um_recipe_check(const um_recipe *recipe, um_error *error);

/* All members that the run reads, with their values, defaults included, as a JSON object; NULL if
 * memory runs out.  The caller owns it. */
json_t *um_recipe_json(const um_recipe *recipe);

/* The learning rate of `step` (from 0): linear warm-up, then a cosine down to the minimum. */
double um_recipe_learning_rate(const um_recipe *recipe, size_t step);

/* The share of documents whose prompt may still be masked because of the annealing members, at
 * `step` (from 0) and after `epochs` epochs of the data: it falls linearly from 1 to 0.  For the
 * other documents, mask_prompt_probability decides. */
double um_recipe_unconditional_share(const um_recipe *recipe, size_t step, double epochs);

/* The recipe as validation uses it, so that losses of different recipes and objectives can be
 * compared: the bound of the negative log-likelihood (weights 1/t) per token of the documents, on
 * canvases as they are trained on, with nothing cut or left clean at random. */
um_recipe um_recipe_for_validation(const um_recipe *recipe);

/* Whether documents are padded. */
bool um_recipe_pads(const um_recipe *recipe);

/* The member number `index`, from 0, of those that are paths: the path ("" if it was left out) and
 * its *key; NULL after the last. */
const char *um_recipe_path(const um_recipe *recipe, size_t index, const char **key);

/* A number that changes with every member that decides the course of a run, except paths; and
 * whether the member of that name is one of them. */
uint64_t um_recipe_fingerprint(const um_recipe *recipe);
bool um_recipe_is_decisive(const um_recipe *recipe, const char *name);

#endif
