/* KLASS (Kim et al., "KLASS: KL-Guided Fast Inference in Masked Diffusion Models", 2511.05664): a
 * position is ready when its token has a probability of at least confidence_threshold and its
 * distribution has been stable: KL(p_t || p_{t-1}) < kl_threshold in each of the last `history`
 * steps.  A step commits all ready positions or, if there are none, the most probable one.
 *
 * The divergence is between the softmaxes of the logits with guidance, but before temperature and
 * filters.  Memory: the logits of one step, 4 bytes x block_length x vocabulary. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "decode/algorithm.h"

#define PIECE 256 /* logits at a time */
#define PARTS 4

typedef struct klass_position {
    size_t next_step; /* the step after the one whose logits are kept; 0: none are */
    size_t stable;    /* steps in a row with a small divergence */
    double log_sum;   /* log of the sum of exp(logit) of the kept logits */
} klass_position;

/* Blocks open one after the other, so a position's place within its block is enough. */
typedef struct klass_state {
    size_t rows;
    size_t *places;            /* [canvas length]: number among the answer positions */
    klass_position *positions; /* [rows] */
    float *logits;             /* [rows][vocabulary_size] of the step before */
    size_t *position_of_row;   /* [rows]: the position that each row of logits is of */
} klass_state;

static void state_free(void *state) {
    klass_state *klass = state;
    if (klass) {
        free(klass->places);
        free(klass->positions);
        free(klass->logits);
        free(klass->position_of_row);
        free(klass);
    }
}

static um_status allocate(klass_state *klass, const um_canvas *canvas, size_t vocabulary_size,
                          um_error *error) {
    size_t logits = 0;
    if (!um_size_multiply(klass->rows, vocabulary_size, &logits)) {
        return um_error_memory(error, "logits of the step before", SIZE_MAX);
    }
    UM_TRY(um_allocate(&klass->places, canvas->length, sizeof(size_t), "klass", error));
    UM_TRY(um_allocate(&klass->positions, klass->rows, sizeof(klass_position), "klass", error));
    UM_TRY(um_allocate(&klass->position_of_row, klass->rows, sizeof(size_t), "klass", error));
    return um_allocate(&klass->logits, logits, sizeof(float), "logits of the step before", error);
}

static um_status state_create(const um_decode_options *options, const um_canvas *canvas,
                              size_t vocabulary_size, void **state, um_error *error) {
    klass_state *klass = NULL;
    UM_TRY(um_allocate(&klass, 1, sizeof *klass, "klass", error));
    *state = klass;
    klass->rows =
        options->block_length < canvas->answer_count ? options->block_length : canvas->answer_count;
    UM_TRY(allocate(klass, canvas, vocabulary_size, error));
    um_number_answer(canvas, klass->places);
    return UM_OK;
}

/* The row of a position: its number within its block. */
static size_t row_of(const klass_state *klass, size_t position) {
    return klass->places[position] % klass->rows;
}

/* Return the sum of w = exp(x - maximum) and, if `before` is given, set *differences to the sum of
 * w * (x - before).  Every PARTS-th element goes into the same partial sum, so independent chains
 * of additions run side by side. */
static double sum_exponentials(const um_kernels *kernels, size_t count, float maximum,
                               const float *x, const float *before, double *differences) {
    double sums[PARTS] = {0};
    double products[PARTS] = {0};
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t length = count - start < PIECE ? count - start : PIECE;
        float weights[PIECE];
        kernels->exponential(length, maximum, x + start, weights);
        for (size_t i = 0; i < length; i++) {
            sums[i % PARTS] += (double)weights[i];
        }
        for (size_t i = 0; before && i < length; i++) {
            const double difference = (double)x[start + i] - (double)before[start + i];
            products[i % PARTS] += (double)weights[i] * difference;
        }
    }
    *differences = (products[0] + products[1]) + (products[2] + products[3]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* KL(p || q) = sum of p (x - y) - (log sum of e^x - log sum of e^y) for p = softmax(x) and
 * q = softmax(y). */
static void observe(const um_decode_step *step, size_t candidate, float *logits) {
    klass_state *klass = step->state;
    const size_t count = step->vocabulary_size;
    const size_t row = row_of(klass, step->wanted[candidate]);
    klass_position *at = &klass->positions[row];
    float *before = klass->logits + row * count;
    const bool has_before = step->step > 0 && at->next_step == step->step &&
                            klass->position_of_row[row] == step->wanted[candidate];
    float maximum = 0, magnitude = 0;
    double differences = 0;
    step->kernels->logit_range(count, logits, &maximum, &magnitude);
    const double sum = sum_exponentials(step->kernels, count, maximum, logits,
                                        has_before ? before : NULL, &differences);
    const double log_sum = (double)maximum + log(sum);
    if (has_before) {
        const double divergence = differences / sum - (log_sum - at->log_sum);
        at->stable = divergence < step->options->kl_threshold ? at->stable + 1 : 0;
    } else {
        at->stable = 0;
    }
    at->next_step = step->step + 1;
    at->log_sum = log_sum;
    klass->position_of_row[row] = step->wanted[candidate];
    memcpy(before, logits, count * sizeof *before);
}

static void commit(um_decode_step *step) {
    const klass_state *klass = step->state;
    const float threshold = (float)step->options->confidence_threshold;
    bool has_ready = false;
    for (size_t i = 0; i < step->wanted_count; i++) {
        const klass_position *at = &klass->positions[row_of(klass, step->wanted[i])];
        if (step->candidates[i].probability >= threshold && at->stable >= step->options->history) {
            step->actions[i] = UM_ACTION_COMMIT;
            has_ready = true;
        }
    }
    if (!has_ready) {
        um_rank_by_probability(step);
        step->actions[step->ranking[0].candidate] = UM_ACTION_COMMIT;
    }
}

const um_algorithm um_algorithm_klass = {
    .name = "klass",
    .summary = "KLASS: commit all tokens that are probable and whose distributions are stable",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_CONFIDENCE_THRESHOLD) |
               UM_OPTION_BIT(UM_OPTION_KL_THRESHOLD) | UM_OPTION_BIT(UM_OPTION_HISTORY),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .plan = um_plan_first_block,
    .commit = commit,
    .state_create = state_create,
    .state_free = state_free,
    .observe = observe,
};
