#include "decode/sampler.h"

#include <math.h>

#include "base/rng.h"
#include "decode/canvas.h"

/* -log(-log(u)) of the largest u below 1, 1 - 2^-53, rounded up: no Gumbel noise is larger. */
#define LARGEST_GUMBEL 36.75

/* ---- Tokens that are never chosen ---------------------------------------- */

static void suppress_one(um_logit_row *row, float *logits, int32_t token) {
    const float before = logits[token];
    const float maximum = row->scratch->block_maxima[(size_t)token / UM_ROW_BLOCK];
    logits[token] = -INFINITY;
    if (before == maximum) {
        um_logit_row_rescan(row, (size_t)token);
    }
}

static void suppress(um_logit_row *row, float *logits, const int32_t *tokens, size_t count) {
    for (size_t i = 0; i < count; i++) {
        suppress_one(row, logits, tokens[i]);
    }
}

/* ---- Measures of the kept tokens ----------------------------------------- */

static float weight_of_value(const um_logit_row *row, float value) {
    float weight = 0;
    row->kernels->exponential(1, row->maximum, &value, &weight);
    return weight;
}

static bool is_single(const um_logit_row *row, const um_kept_tokens *kept) {
    return kept->above == INFINITY && row->scratch->entries.count == 1;
}

/* With d = value - maximum and S the sum of e^d: sum of p log p = sum of e^d d / S - log S. */
static void measure(const um_logit_row *row, const um_kept_tokens *kept, size_t token,
                    um_candidate *candidate) {
    candidate->token = (int32_t)token;
    candidate->logit_gap = 0;
    candidate->probability = 0;
    candidate->margin = 0;
    candidate->negative_entropy = 0;
    if (!(kept->sum > 0)) {
        return;
    }
    const float second = um_logit_row_second(row);
    const float second_weight = is_single(row, kept) ? 0 : weight_of_value(row, second);
    const float value = row->logits[token] / row->divisor;
    const double entropy = kept->weighted / kept->sum - log(kept->sum);
    candidate->logit_gap = (row->maximum - second) * row->divisor;
    candidate->probability = (float)((double)weight_of_value(row, value) / kept->sum);
    candidate->margin = (float)(1 / kept->sum) - (float)((double)second_weight / kept->sum);
    candidate->negative_entropy = entropy < 0 ? (float)entropy : 0;
}

/* ---- The two rules -------------------------------------------------------- */

/* Measures of the softmax of the logits as they are, whatever the token was chosen from. */
static void measure_plain(um_logit_row *row, size_t token, um_candidate *candidate) {
    row->divisor = 1;
    um_logit_row_find_maximum(row);
    const um_kept_tokens all = um_keep_all(row);
    measure(row, &all, token, candidate);
}

static void sample_filtered(const um_sampler *sampler, um_rng_place place, um_logit_row *row,
                            um_candidate *candidate) {
    const um_kept_tokens kept = um_keep_filtered(row, sampler->top_p, sampler->top_k);
    const size_t token =
        sampler->temperature > 0
            ? um_logit_row_draw(row, &kept, um_rng_uniform(sampler->seed, place) * kept.sum)
            : um_logit_row_argmax(row);
    if (sampler->plain_confidence) {
        measure_plain(row, token, candidate);
    } else {
        measure(row, &kept, token, candidate);
    }
}

/* Gumbel-max: argmax of exp(logit) / (-log u)^T, taken in the logarithm so that it cannot
 * overflow.  Each token has its own u, from a key that belongs to the position.  Blocks in which
 * even the largest noise could not win are skipped. */
static size_t draw_gumbel(const um_logit_row *row, double temperature, uint64_t seed,
                          um_rng_place place) {
    uint32_t words[4];
    um_rng_words(seed, place, words);
    const uint64_t key = (uint64_t)words[0] << 32 | words[1];
    size_t best = 0;
    double best_score = -INFINITY;
    for (size_t i = 0; i < row->count; i++) {
        const double largest = (double)row->scratch->block_maxima[i / UM_ROW_BLOCK];
        if (i % UM_ROW_BLOCK == 0 && largest + temperature * LARGEST_GUMBEL < best_score) {
            i += UM_ROW_BLOCK - 1;
            continue;
        }
        const um_rng_place token = {.purpose = UM_RNG_TOKEN, .position = (uint32_t)i};
        const double uniform = um_rng_uniform(key, token);
        const double score = (double)row->logits[i] - temperature * log(-log(uniform));
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static void sample_gumbel(const um_sampler *sampler, um_rng_place place, um_logit_row *row,
                          float *logits, um_candidate *candidate) {
    const size_t token = sampler->temperature > 0
                             ? draw_gumbel(row, sampler->temperature, sampler->seed, place)
                             : um_logit_row_argmax(row);
    suppress(row, logits, sampler->suppress_confidence, sampler->suppress_confidence_count);
    measure_plain(row, token, candidate);
}

void um_sample(const um_sampler *sampler, size_t step, float *logits, um_row_scratch *scratch,
               um_candidate *candidate) {
    const um_rng_place place = {UM_RNG_TOKEN, sampler->sequence, (uint32_t)step,
                                (uint32_t)candidate->position};
    const bool is_tempered = sampler->rule == UM_SAMPLE_FILTERED && sampler->temperature > 0;
    um_logit_row row = {.kernels = sampler->kernels,
                        .logits = logits,
                        .count = sampler->vocabulary_size,
                        .divisor = is_tempered ? (float)sampler->temperature : 1.0f,
                        .scratch = scratch};
    candidate->is_finite = um_logit_row_scan(&row);
    if (!candidate->is_finite) {
        return;
    }
    suppress(&row, logits, sampler->suppress, sampler->suppress_count);
    if (sampler->suppress_also != UM_NO_TOKEN_ID) {
        suppress_one(&row, logits, sampler->suppress_also);
    }
    um_logit_row_find_maximum(&row);
    if (sampler->rule == UM_SAMPLE_FILTERED) {
        sample_filtered(sampler, place, &row, candidate);
    } else {
        sample_gumbel(sampler, place, &row, logits, candidate);
    }
}
