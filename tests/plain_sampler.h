/* The filtered rule of src/decode/sampler.h, written plainly: exponentials in double, every pass
 * over all tokens, and logits that are not kept set to minus infinity. */
#ifndef UM_TESTS_PLAIN_SAMPLER_H
#define UM_TESTS_PLAIN_SAMPLER_H

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "decode/canvas.h"
#include "decode/sampler.h"

/* A weight with an exponent below this changes no float result, whatever the vocabulary. */
#define SMALLEST_EXPONENT (-60.0f)

static inline float plain_largest(const float *logits, size_t count) {
    float maximum = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        maximum = logits[i] > maximum ? logits[i] : maximum;
    }
    return maximum;
}

static inline double plain_softmax_weights(const float *logits, size_t count, double *weights) {
    const float maximum = plain_largest(logits, count);
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        const float difference = logits[i] - maximum;
        weights[i] = difference > SMALLEST_EXPONENT ? exp((double)difference) : 0;
        total += weights[i];
    }
    return total;
}

static inline size_t plain_argmax(const float *logits, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* Draw by inverting the cumulative distribution, in the order of the ids. */
static inline size_t plain_draw(const double *weights, double total, size_t count, double uniform) {
    const double target = uniform * total;
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] > 0) {
            last = i;
            sum += weights[i];
            if (sum > target) {
                break;
            }
        }
    }
    return last;
}

#define PLAIN_DIGITS 3
#define PLAIN_BUCKETS 2048

typedef struct plain_digit {
    unsigned shift;
    uint32_t mask;
} plain_digit;

static const plain_digit plain_digits[PLAIN_DIGITS] = {{21, 2047}, {10, 2047}, {0, 1023}};

/* An integer that sorts as the float does; +0 and -0 are equal. */
static inline uint32_t plain_order_key(float value) {
    uint32_t bits;
    const float normal = value + 0.0f;
    memcpy(&bits, &normal, sizeof bits);
    return (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
}

/* The part of the vocabulary that still competes: keys whose bits under `mask` are `prefix`,
 * and the mass (or number) of all keys above those. */
typedef struct plain_selection {
    uint32_t mask;
    uint32_t prefix;
    double above;
} plain_selection;

/* weights NULL: every token counts 1. */
static inline double plain_token_mass(const double *weights, double total, size_t i) {
    return weights ? (double)(float)(weights[i] / total) : 1.0;
}

static inline void plain_fill_histogram(const float *logits, const double *weights, double total,
                                        size_t count, const plain_selection *at, plain_digit place,
                                        double *mass, bool *used) {
    memset(mass, 0, PLAIN_BUCKETS * sizeof *mass);
    memset(used, 0, PLAIN_BUCKETS * sizeof *used);
    for (size_t i = 0; i < count; i++) {
        const uint32_t key = plain_order_key(logits[i]);
        if ((key & at->mask) == at->prefix) {
            const uint32_t bucket = (key >> place.shift) & place.mask;
            mass[bucket] += plain_token_mass(weights, total, i);
            used[bucket] = true;
        }
    }
}

/* Narrow to the bucket in which the mass from above first exceeds `limit`, or to the lowest bucket
 * in use if rounding keeps the sum below it.  The comparison in float is torch's, which stores the
 * cumulative sum as float32. */
static inline void plain_narrow(plain_selection *at, plain_digit place, const double *mass,
                                const bool *used, double limit) {
    uint32_t chosen = 0;
    double before = at->above;
    double sum = at->above;
    for (uint32_t b = place.mask + 1; b-- > 0;) {
        if (!used[b]) {
            continue;
        }
        chosen = b;
        before = sum;
        sum += mass[b];
        if ((float)sum > (float)limit) {
            break;
        }
    }
    at->above = before;
    at->prefix |= chosen << place.shift;
    at->mask |= place.mask << place.shift;
}

static inline plain_selection plain_select_end(const float *logits, const double *weights,
                                               double total, size_t count, double limit) {
    double mass[PLAIN_BUCKETS];
    bool used[PLAIN_BUCKETS];
    plain_selection at = {0};
    for (size_t d = 0; d < PLAIN_DIGITS; d++) {
        plain_fill_histogram(logits, weights, total, count, &at, plain_digits[d], mass, used);
        plain_narrow(&at, plain_digits[d], mass, used, limit);
    }
    return at;
}

static inline void plain_filter_top_p(float *logits, const double *weights, double total,
                                      size_t count, double top_p) {
    const plain_selection end = plain_select_end(logits, weights, total, count, top_p);
    double sum = end.above;
    for (size_t i = 0; i < count; i++) {
        const uint32_t key = plain_order_key(logits[i]);
        const bool is_past_end = key == end.prefix && (float)sum > (float)top_p;
        if (key < end.prefix || is_past_end) {
            logits[i] = -INFINITY;
        } else if (key == end.prefix) {
            sum += plain_token_mass(weights, total, i);
        }
    }
}

static inline void plain_filter_top_k(float *logits, size_t count, size_t top_k) {
    if (top_k == 0 || top_k >= count) {
        return;
    }
    /* The k-th token is where the count exceeds k - 1; exact in float up to 2^24 tokens. */
    const plain_selection end = plain_select_end(logits, NULL, 1, count, (double)(top_k - 1));
    for (size_t i = 0; i < count; i++) {
        if (plain_order_key(logits[i]) < end.prefix) {
            logits[i] = -INFINITY;
        }
    }
}
static inline void plain_measure(const double *weights, double total, size_t count,
                                 um_candidate *candidate) {
    float first = 0, second = 0;
    double entropy = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] == 0) {
            continue;
        }
        const float p = (float)(weights[i] / total);
        entropy += (double)(p * logf(p + 1e-10f));
        if (p > first) {
            second = first;
            first = p;
        } else if (p > second) {
            second = p;
        }
    }
    candidate->margin = first - second;
    candidate->negative_entropy = (float)entropy;
}

static inline float plain_probability_of(size_t token, const double *weights, double total) {
    return total > 0 ? (float)(weights[token] / total) : 0;
}

static inline void plain_sample_filtered(const um_sampler *sampler, um_rng_place place,
                                         float *logits, double *weights, um_candidate *candidate) {
    const size_t count = sampler->vocabulary_size;
    if (sampler->top_p < 1) {
        const double total = plain_softmax_weights(logits, count, weights);
        plain_filter_top_p(logits, weights, total, count, sampler->top_p);
    }
    plain_filter_top_k(logits, count, sampler->top_k);
    const double total = plain_softmax_weights(logits, count, weights);
    const size_t token = sampler->temperature > 0 ? plain_draw(weights, total, count,
                                                               um_rng_uniform(sampler->seed, place))
                                                  : plain_argmax(logits, count);
    candidate->token = (int32_t)token;
    candidate->probability = plain_probability_of(token, weights, total);
    plain_measure(weights, total, count, candidate);
}

/* The result of um_sample; logits[vocabulary_size] is overwritten, and weights is scratch. */
static inline void plain_sample(const um_sampler *sampler, size_t step, float *logits,
                                double *weights, um_candidate *candidate) {
    const um_rng_place place = {UM_RNG_TOKEN, sampler->sequence, (uint32_t)step,
                                (uint32_t)candidate->position};
    for (size_t i = 0; sampler->temperature > 0 && i < sampler->vocabulary_size; i++) {
        logits[i] /= (float)sampler->temperature;
    }
    for (size_t i = 0; i < sampler->suppress_count; i++) {
        logits[sampler->suppress[i]] = -INFINITY;
    }
    plain_sample_filtered(sampler, place, logits, weights, candidate);
}

#endif
