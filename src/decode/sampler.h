/* From logits to a token and how sure the model is of it. */
#ifndef UM_DECODE_SAMPLER_H
#define UM_DECODE_SAMPLER_H

#include "base/status.h"
#include "decode/logit_row.h"

typedef enum um_sampling_rule {
    /* Dream's order (also Open-dLLM's): logits / temperature, top_p, top_k, softmax, draw.
     * Confidence, margin and entropy are of that final distribution or, with plain_confidence, as
     * under UM_SAMPLE_GUMBEL. */
    UM_SAMPLE_FILTERED,
    /* LLaDA's: Gumbel-max in float64 on the logits; confidence, margin and entropy are of the
     * softmax of the plain logits, without temperature. */
    UM_SAMPLE_GUMBEL
} um_sampling_rule;

typedef struct um_sampler {
    const um_kernels *kernels;
    um_sampling_rule rule;
    size_t vocabulary_size;
    double temperature;      /* 0: the largest logit, the lowest id on ties */
    double top_p;            /* 1: no limit */
    size_t top_k;            /* 0: no limit */
    bool plain_confidence;   /* UM_SAMPLE_FILTERED: measure the plain logits' softmax */
    const int32_t *suppress; /* never chosen */
    size_t suppress_count;
    int32_t suppress_also;              /* one more of these ids, UM_NO_TOKEN_ID for none */
    const int32_t *suppress_confidence; /* UM_SAMPLE_GUMBEL: confidence 0 when chosen */
    size_t suppress_confidence_count;
    uint64_t seed;
    uint32_t sequence;
} um_sampler;

typedef struct um_candidate {
    size_t position;
    int32_t token;
    float probability;      /* of the token */
    float margin;           /* largest minus second largest probability */
    float negative_entropy; /* sum of p log p, in nats: 0 is certain */
    float logit_gap;        /* largest minus second largest logit, before any filter */
    bool is_finite;         /* false: a logit was NaN or infinite, the rest is not set */
} um_candidate;

/* Choose the token for candidate->position in step `step`.  The logits of tokens that are never
 * chosen, and under UM_SAMPLE_GUMBEL those of suppress_confidence, become minus infinity; the
 * others of logits[vocabulary_size] keep their values.  `scratch` is for vocabularies of that size.
 * The draw depends on seed, sequence, step, position and the logits alone.
 *
 * Sums over the vocabulary add float exponentials in double, in a fixed order; probability and
 * margin are quotients rounded to float, the precision in which the published samplers compare
 * them: distributions that are one-hot there tie here. */
void um_sample(const um_sampler *sampler, size_t step, float *logits, um_row_scratch *scratch,
               um_candidate *candidate);

#endif
