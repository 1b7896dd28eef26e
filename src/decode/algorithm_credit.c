/* Credit decoding (Wang et al., "CreditDecoding", 2510.06133; also in dInfer, 2510.08666): a token
 * that has been a position's best for some steps earns credit there, and credit raises its logit
 * before the threshold rule is applied.  In each step, for each open position,
 *
 *   credit <- credit_decay * credit;  credit[best] += p(best)^credit_exponent
 *   logits += credit_weight * log(1 + credit)
 *
 * where p is the softmax of the model's logits and best its most probable token.
 *
 * Few tokens have credit at a time: an entry below CREDIT_LEAST, which moves no logit by more than
 * a float's rounding, is dropped.  Memory: 512 bytes per answer position. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "decode/algorithm.h"

#define CREDIT_LEAST 1e-6f

/* 0.8^62 < CREDIT_LEAST, so with the default decay no more tokens than this can have credit.  With
 * a slower decay, the token with the least credit makes room for a new one. */
#define CREDIT_TOKENS 63

typedef struct credit_entry {
    int32_t token;
    float credit;
} credit_entry;

typedef struct credit_position {
    credit_entry entries[CREDIT_TOKENS];
    size_t count;
} credit_position;

typedef struct credit_state {
    size_t *places;             /* [canvas length]: number among the answer positions */
    credit_position *positions; /* [answer_count] */
} credit_state;

static void state_free(void *state) {
    credit_state *credit = state;
    if (credit) {
        free(credit->places);
        free(credit->positions);
        free(credit);
    }
}

static um_status state_create(const um_decode_options *options, const um_canvas *canvas,
                              size_t vocabulary_size, void **state, um_error *error) {
    (void)options;
    (void)vocabulary_size;
    credit_state *credit = NULL;
    UM_TRY(um_allocate(&credit, 1, sizeof *credit, "credit", error));
    *state = credit;
    UM_TRY(um_allocate(&credit->places, canvas->length, sizeof(size_t), "credit", error));
    UM_TRY(um_allocate(&credit->positions, canvas->answer_count, sizeof(credit_position), "credit",
                       error));
    um_number_answer(canvas, credit->places);
    return UM_OK;
}

static void decay(credit_position *position, float factor) {
    size_t kept = 0;
    for (size_t i = 0; i < position->count; i++) {
        credit_entry entry = position->entries[i];
        entry.credit *= factor;
        if (entry.credit >= CREDIT_LEAST) {
            position->entries[kept++] = entry;
        }
    }
    position->count = kept;
}

static void add(credit_position *position, int32_t token, float credit) {
    credit_entry *entries = position->entries;
    size_t least = 0;
    for (size_t i = 0; i < position->count; i++) {
        if (entries[i].token == token) {
            entries[i].credit += credit;
            return;
        }
        least = entries[i].credit < entries[least].credit ? i : least;
    }
    const size_t place = position->count < CREDIT_TOKENS ? position->count++ : least;
    entries[place] = (credit_entry){token, credit};
}

/* Return the most probable token, the lowest id on ties, and set its probability. */
static int32_t find_best(const um_kernels *kernels, const float *logits, size_t count,
                         double *probability) {
    float maximum = 0, magnitude = 0;
    kernels->logit_range(count, logits, &maximum, &magnitude);
    size_t best = 0;
    while (best + 1 < count && logits[best] != maximum) {
        best++;
    }
    double sum = 0;
    kernels->exponential_sums(count, 1.0f, maximum, maximum - UM_ROW_DEPTH, logits, NULL, &sum,
                              NULL);
    *probability = 1 / sum;
    return (int32_t)best;
}

static void observe(const um_decode_step *step, size_t candidate, float *logits) {
    const um_decode_options *options = step->options;
    credit_state *credit = step->state;
    credit_position *position = &credit->positions[credit->places[step->wanted[candidate]]];
    double probability = 0;
    const int32_t best = find_best(step->kernels, logits, step->vocabulary_size, &probability);
    decay(position, (float)options->credit_decay);
    add(position, best, (float)pow(probability, options->credit_exponent));
    for (size_t i = 0; i < position->count; i++) {
        const credit_entry *entry = &position->entries[i];
        logits[entry->token] += (float)options->credit_weight * log1pf(entry->credit);
    }
}

static void commit(um_decode_step *step) {
    um_commit_probable(step, step->wanted_count);
}

const um_algorithm um_algorithm_credit = {
    .name = "credit",
    .summary = "credit decoding: as threshold, with higher logits for tokens that were best before",
    .options = UM_OPTIONS_PARALLEL | UM_OPTION_BIT(UM_OPTION_CONFIDENCE_THRESHOLD) |
               UM_OPTION_BIT(UM_OPTION_CREDIT_DECAY) | UM_OPTION_BIT(UM_OPTION_CREDIT_WEIGHT) |
               UM_OPTION_BIT(UM_OPTION_CREDIT_EXPONENT),
    .sampling = UM_SAMPLE_FILTERED,
    .open_ended = true,
    .shows_masks = true,
    .plan = um_plan_first_block,
    .commit = commit,
    .state_create = state_create,
    .state_free = state_free,
    .observe = observe,
};
