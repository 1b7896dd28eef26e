/* Decoding algorithms: which masked positions a step looks at, and which of them it commits.  To
 * add one, write a file with these functions and list it in algorithm.c. */
#ifndef UM_DECODE_ALGORITHM_H
#define UM_DECODE_ALGORITHM_H

#include "decode/options.h"
#include "decode/sampler.h"

typedef enum um_commit_action {
    UM_ACTION_NONE,   /* stays as it is */
    UM_ACTION_COMMIT, /* a masked position takes its candidate token */
    UM_ACTION_REMASK  /* a committed position is masked again */
} um_commit_action;

/* One step as an algorithm sees it. */
typedef struct um_decode_step {
    const um_decode_options *options; /* resolved */
    const um_canvas *canvas;
    const um_kernels *kernels;
    size_t vocabulary_size;
    size_t attention_block_length; /* of um_denoiser */
    size_t step;                   /* from 0 */
    size_t masked_at_start;        /* positions that were masked before the first step */
    void *state;                   /* of this run, from state_create; NULL without one */

    /* Filled by plan. */
    size_t *wanted;      /* [answer_count]: positions whose distribution is needed, ascending */
    size_t wanted_count; /* 0: nothing to do in this step, so no forward */
    /* The block being filled, positions block_start .. block_end - 1; a cache may keep the rows
     * outside it.  Preset to the whole answer, from the first hole to the last. */
    size_t block_start;
    size_t block_end;
    /* For algorithms that do not show masks: recompute rows row_start .. row_end - 1 of a canvas
     * that ends at row_end; preset to 0 and the whole length. */
    size_t row_start;
    size_t row_end;

    /* Filled by decoding for commit. */
    const um_candidate *candidates; /* [wanted_count] */
    uint8_t *actions;               /* [wanted_count] of um_commit_action, preset to none */
    struct um_ranked *ranking;      /* [answer_count]: scratch */
} um_decode_step;

typedef struct um_algorithm {
    const char *name;
    const char *summary; /* one line for people */
    uint64_t options;    /* bit i: option i means something here */
    um_sampling_rule sampling;
    bool open_ended;  /* every step commits something until nothing is masked; steps is no limit */
    bool remasks;     /* masks committed tokens again, so it cannot stop early at a stop token */
    bool shows_masks; /* the model sees masked positions; false: autoregressive */
    /* Check options against canvas, beyond the common checks; may be NULL. */
    um_status (*check)(const um_decode_options *options, const um_canvas *canvas, um_error *error);
    void (*plan)(um_decode_step *step);
    void (*commit)(um_decode_step *step);
    /* For algorithms that remember something from step to step; may be NULL.  The state belongs to
     * one run. */
    um_status (*state_create)(const um_decode_options *options, const um_canvas *canvas,
                              size_t vocabulary_size, void **state, um_error *error);
    void (*state_free)(void *state); /* NULL is allowed */
    /* Look at the logits of step->wanted[candidate], with guidance but before any filter, and
     * change them if the rule says so; called once for each wanted position before tokens are
     * chosen, by several threads at a time.  May be NULL. */
    void (*observe)(const um_decode_step *step, size_t candidate, float *logits);
} um_algorithm;

/* The algorithms one by one, the default first; NULL past the last. */
const um_algorithm *um_algorithm_at(size_t index);

/* By name; UM_ERR_ARGUMENT lists the known ones. */
um_status um_algorithm_find(const char *name, const um_algorithm **algorithm, um_error *error);

/* ---- For the files that implement algorithms ---------------------------- */

#define UM_OPTION_BIT(option) ((uint64_t)1 << (option))

/* Options that mean something only with a number of steps. */
#define UM_SCHEDULE_OPTIONS                                                                        \
    (UM_OPTION_BIT(UM_OPTION_STEPS) | UM_OPTION_BIT(UM_OPTION_EPS) |                               \
     UM_OPTION_BIT(UM_OPTION_ALG_TEMP))

/* Options of every algorithm. */
#define UM_OPTIONS_COMMON                                                                          \
    (UM_OPTION_BIT(UM_OPTION_TEMPERATURE) | UM_OPTION_BIT(UM_OPTION_SEED) |                        \
     UM_OPTION_BIT(UM_OPTION_FORBID_MASK) | UM_OPTION_BIT(UM_OPTION_SUPPRESS))

/* Options of every algorithm that shows masks. */
#define UM_OPTIONS_CACHE                                                                           \
    (UM_OPTION_BIT(UM_OPTION_CACHE) | UM_OPTION_BIT(UM_OPTION_CACHE_REFRESH) |                     \
     UM_OPTION_BIT(UM_OPTION_CACHE_WINDOW))

/* Options of the algorithms that follow Dream's schedule. */
#define UM_OPTIONS_SCHEDULE                                                                        \
    (UM_OPTIONS_COMMON | UM_OPTIONS_CACHE | UM_OPTION_BIT(UM_OPTION_STEPS) |                       \
     UM_OPTION_BIT(UM_OPTION_EPS) | UM_OPTION_BIT(UM_OPTION_TOP_P) |                               \
     UM_OPTION_BIT(UM_OPTION_TOP_K) | UM_OPTION_BIT(UM_OPTION_CFG_SCALE) |                         \
     UM_OPTION_BIT(UM_OPTION_STOP_TOKEN))

/* Options of the algorithms that commit as many tokens in a step as they trust. */
#define UM_OPTIONS_PARALLEL                                                                        \
    (UM_OPTIONS_COMMON | UM_OPTIONS_CACHE | UM_OPTION_BIT(UM_OPTION_TOP_P) |                       \
     UM_OPTION_BIT(UM_OPTION_TOP_K) | UM_OPTION_BIT(UM_OPTION_PLAIN_CONFIDENCE) |                  \
     UM_OPTION_BIT(UM_OPTION_BLOCK_LENGTH) | UM_OPTION_BIT(UM_OPTION_CFG_SCALE) |                  \
     UM_OPTION_BIT(UM_OPTION_STOP_TOKEN))

/* A candidate with the score by which it competes. */
typedef struct um_ranked {
    double score;
    size_t position;
    size_t candidate;
} um_ranked;

/* Sort by descending score; ties go to the lowest position. */
void um_rank(um_ranked *ranking, size_t count);

/* Commit the `count` best of ranking[0 .. candidate_count - 1], which it sorts. */
void um_commit_best(um_decode_step *step, size_t candidate_count, size_t count);

/* Rank all candidates by the probability of their tokens, the most probable first. */
void um_rank_by_probability(um_decode_step *step);

/* Commit the most probable candidate and those with a probability of at least
 * confidence_threshold, but at most `most`, the most probable first. */
void um_commit_probable(um_decode_step *step, size_t most);

/* Set places[canvas length] for each answer position to its number among them; other elements keep
 * their values. */
void um_number_answer(const um_canvas *canvas, size_t *places);

/* Plan: all masked positions. */
void um_plan_masked(um_decode_step *step);

/* Plan: the masked positions of the first block that has any.  Blocks are block_length answer
 * positions from left to right; the last may be shorter.  With block-causal attention they are
 * block_length positions of the canvas, counted from its start like the attention's blocks, so that
 * the boundaries coincide.  Also sets block_start and block_end. */
void um_plan_first_block(um_decode_step *step);

extern const um_algorithm um_algorithm_origin;
extern const um_algorithm um_algorithm_maskgit_plus;
extern const um_algorithm um_algorithm_topk_margin;
extern const um_algorithm um_algorithm_entropy;
extern const um_algorithm um_algorithm_low_confidence;
extern const um_algorithm um_algorithm_random;
extern const um_algorithm um_algorithm_p2;
extern const um_algorithm um_algorithm_autoregressive;
extern const um_algorithm um_algorithm_threshold;
extern const um_algorithm um_algorithm_factor;
extern const um_algorithm um_algorithm_entropy_bounded;
extern const um_algorithm um_algorithm_klass;
extern const um_algorithm um_algorithm_prophet;
extern const um_algorithm um_algorithm_hierarchical;
extern const um_algorithm um_algorithm_credit;

#endif
