/* From logits to a token and how sure the model is of it. */
#ifndef UM_DECODE_SAMPLER_H
#define UM_DECODE_SAMPLER_H

#include "base/status.h"

typedef enum um_sampling_rule {
    /* Dream's order (also Open-dLLM's): logits / temperature, top_p, top_k, softmax, draw.
     * Confidence, margin and entropy are of that final distribution. */
    UM_SAMPLE_FILTERED,
    /* LLaDA's: Gumbel-max in float64 on the logits; confidence and entropy are of the softmax of
     * the plain logits, without temperature. */
    UM_SAMPLE_GUMBEL
} um_sampling_rule;

typedef struct um_sampler {
    um_sampling_rule rule;
    size_t vocabulary_size;
    double temperature;      /* 0: the largest logit, the lowest id on ties */
    double top_p;            /* 1: no limit */
    size_t top_k;            /* 0: no limit */
    const int32_t *suppress; /* never chosen */
    size_t suppress_count;
    int32_t suppress_also;              /* one more of them, UM_NO_TOKEN_ID for none */
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
    float negative_entropy; /* sum of p log(p + 1e-10), in nats: 0 is certain */
    bool is_finite;         /* false: a logit was NaN or infinite, the rest is not set */
} um_candidate;

/* Choose for candidate->position in step `step`.  logits[vocabulary_size] is overwritten;
 * weights[vocabulary_size] is scratch.  The draw depends on seed, sequence, step, position and
 * the logits alone.  Probabilities are computed in double in order of the ids and rounded to
 * float, the precision in which the published samplers compare them: what is one-hot there
 * ties here. */
void um_sample(const um_sampler *sampler, size_t step, float *logits, double *weights,
               um_candidate *candidate);

/* ---- Parts, also used by tests ------------------------------------------ */

/* weights[i] = exp(logits[i] - maximum), and 0 where that is below e^-60; returns their sum. */
double um_softmax_weights(const float *logits, size_t count, double *weights);

/* Set to minus infinity what is outside the nucleus: with the tokens in descending order
 * (lowest id first on ties), those whose predecessors' mass already exceeds top_p.  The token that
 * crosses top_p stays, so at least one does.  weights and total as of um_softmax_weights. */
void um_filter_top_p(float *logits, const double *weights, double total, size_t count,
                     double top_p);

/* Set to minus infinity what is below the top_k-th largest; ties with it stay. */
void um_filter_top_k(float *logits, size_t count, size_t top_k);

#endif
