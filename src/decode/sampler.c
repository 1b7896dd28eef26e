#include "decode/sampler.h"

#include <math.h>

#include "base/rng.h"
#include "decode/canvas.h"

/* Below this no weight changes a float result, whatever the vocabulary. */
#define SMALLEST_EXPONENT (-60.0f)

static float largest(const float *logits, size_t count) {
    float maximum = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        maximum = logits[i] > maximum ? logits[i] : maximum;
    }
    return maximum;
}

double um_softmax_weights(const float *logits, size_t count, double *weights) {
    const float maximum = largest(logits, count);
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        const float difference = logits[i] - maximum;
        weights[i] = difference > SMALLEST_EXPONENT ? exp((double)difference) : 0;
        total += weights[i];
    }
    return total;
}

static bool all_finite(const float *logits, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(logits[i])) {
            return false;
        }
    }
    return true;
}

static void suppress(float *logits, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        logits[ids[i]] = -INFINITY;
    }
}

static size_t argmax(const float *logits, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* Inverse of the cumulative distribution, in order of the ids. */
static size_t draw(const double *weights, double total, size_t count, double uniform) {
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

/* Gumbel-max: argmax of exp(logit) / (-log u)^T, taken in the logarithm so that it cannot
 * overflow.  Each token has its own u, from a key that belongs to the position. */
static size_t draw_gumbel(const float *logits, size_t count, double temperature, uint64_t seed,
                          um_rng_place place) {
    uint32_t words[4];
    um_rng_words(seed, place, words);
    const uint64_t key = (uint64_t)words[0] << 32 | words[1];
    size_t best = 0;
    double best_score = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const um_rng_place token = {.purpose = UM_RNG_TOKEN, .position = (uint32_t)i};
        const double uniform = um_rng_uniform(key, token);
        const double score = (double)logits[i] - temperature * log(-log(uniform));
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static void measure(const double *weights, double total, size_t count, um_candidate *candidate) {
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

static float probability_of(size_t token, const double *weights, double total) {
    return total > 0 ? (float)(weights[token] / total) : 0;
}

static void sample_filtered(const um_sampler *sampler, um_rng_place place, float *logits,
                            double *weights, um_candidate *candidate) {
    const size_t count = sampler->vocabulary_size;
    if (sampler->top_p < 1) {
        const double total = um_softmax_weights(logits, count, weights);
        um_filter_top_p(logits, weights, total, count, sampler->top_p);
    }
    um_filter_top_k(logits, count, sampler->top_k);
    const double total = um_softmax_weights(logits, count, weights);
    const size_t token = sampler->temperature > 0
                             ? draw(weights, total, count, um_rng_uniform(sampler->seed, place))
                             : argmax(logits, count);
    candidate->token = (int32_t)token;
    candidate->probability = probability_of(token, weights, total);
    measure(weights, total, count, candidate);
}

static void sample_gumbel(const um_sampler *sampler, um_rng_place place, float *logits,
                          double *weights, um_candidate *candidate) {
    const size_t count = sampler->vocabulary_size;
    const size_t token = sampler->temperature > 0 ? draw_gumbel(logits, count, sampler->temperature,
                                                                sampler->seed, place)
                                                  : argmax(logits, count);
    suppress(logits, sampler->suppress_confidence, sampler->suppress_confidence_count);
    const double total = um_softmax_weights(logits, count, weights);
    candidate->token = (int32_t)token;
    candidate->probability = probability_of(token, weights, total);
    measure(weights, total, count, candidate);
}

void um_sample(const um_sampler *sampler, size_t step, float *logits, double *weights,
               um_candidate *candidate) {
    const size_t count = sampler->vocabulary_size;
    const um_rng_place place = {UM_RNG_TOKEN, sampler->sequence, (uint32_t)step,
                                (uint32_t)candidate->position};
    if (sampler->rule == UM_SAMPLE_FILTERED && sampler->temperature > 0) {
        const float temperature = (float)sampler->temperature;
        for (size_t i = 0; i < count; i++) {
            logits[i] /= temperature;
        }
    }
    candidate->is_finite = all_finite(logits, count);
    if (!candidate->is_finite) {
        return;
    }
    suppress(logits, sampler->suppress, sampler->suppress_count);
    if (sampler->suppress_also != UM_NO_TOKEN_ID) {
        logits[sampler->suppress_also] = -INFINITY;
    }
    if (sampler->rule == UM_SAMPLE_FILTERED) {
        sample_filtered(sampler, place, logits, weights, candidate);
    } else {
        sample_gumbel(sampler, place, logits, weights, candidate);
    }
}
