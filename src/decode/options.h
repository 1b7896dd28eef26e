/* What a caller may choose about decoding.  One list gives every option its name, range and help
 * text; giving an option that means nothing to the chosen algorithm is an error. */
#ifndef UM_DECODE_OPTIONS_H
#define UM_DECODE_OPTIONS_H

#include "base/buffer.h"
#include "base/status.h"
#include "decode/cache_policy.h"
#include "decode/canvas.h"

#define UM_TEMPERATURE_MAXIMUM 100

/* Enumerator, name (also of the field), kind, smallest and largest value, help text. */
#define UM_DECODE_OPTION_LIST(X)                                                                   \
    X(UM_OPTION_STEPS, steps, COUNT, 1, 1048576,                                                   \
      "denoising steps; default: the number of masks (threshold: no budget)")                      \
    X(UM_OPTION_EPS, eps, REAL, 1e-8, 0.999, "last timestep of the schedule; default 0.001")       \
    X(UM_OPTION_TEMPERATURE, temperature, REAL, 0, UM_TEMPERATURE_MAXIMUM,                         \
      "of the token choice; default 0: the most probable token")                                   \
    X(UM_OPTION_TOP_P, top_p, REAL, 0, 1,                                                          \
      "keep the most probable tokens up to this mass; default 1: all")                             \
    X(UM_OPTION_TOP_K, top_k, COUNT, 0, 2147483647,                                                \
      "keep this many most probable tokens; default 0: all")                                       \
    X(UM_OPTION_PLAIN_CONFIDENCE, plain_confidence, FLAG, 0, 1,                                    \
      "judge certainty before temperature, top_p and top_k are applied; default false")            \
    X(UM_OPTION_ALG_TEMP, alg_temp, REAL, 0, 1e6,                                                  \
      "temperature of the choice of positions; default 0: the most confident ones")                \
    X(UM_OPTION_BLOCK_LENGTH, block_length, COUNT, 1, 16777216,                                    \
      "answer positions of a block, blocks go left to right; default: the whole answer")           \
    X(UM_OPTION_CFG_SCALE, cfg_scale, REAL, 0, 1000,                                               \
      "classifier-free guidance; default 0: none (else two forwards a step)")                      \
    X(UM_OPTION_SEED, seed, SEED, 0, 0, "of all random choices; default 0")                        \
    X(UM_OPTION_STOP_TOKEN, stop_token, TOKEN, 0, 2147483647,                                      \
      "end-of-text id: stop once what is before the first one is decided; default: none")          \
    X(UM_OPTION_FORBID_MASK, forbid_mask, FLAG, 0, 1,                                              \
      "never choose the mask token itself; default true")                                          \
    X(UM_OPTION_CACHE, cache, CACHE, 0, UM_CACHE_COUNT - 1,                                        \
      "rows kept between steps: none, prefix, dual, delayed or vicinity; default none")            \
    X(UM_OPTION_CACHE_REFRESH, cache_refresh, COUNT, 0, 1048576,                                   \
      "recompute all rows every N steps, 0: only where a block begins, or with delayed never; "    \
      "default 8 with delayed, else 0")                                                            \
    X(UM_OPTION_CACHE_WINDOW, cache_window, COUNT, 0, 16777216,                                    \
      "rows on either side of the block that vicinity recomputes; default 16")                     \
    X(UM_OPTION_CONFIDENCE_THRESHOLD, confidence_threshold, REAL, 0, 2,                            \
      "commit all tokens this probable; default 0.9; above 1: one token a step")                   \
    X(UM_OPTION_FACTOR, factor, REAL, 0, 1000,                                                     \
      "commit n tokens while (n + 1)(1 - probability) is below; default 1")                        \
    X(UM_OPTION_ENTROPY_BOUND, entropy_bound, REAL, 0, 1e6,                                        \
      "of the entropies of a step but the largest, in nats; default 0.1; 0: one token a step")     \
    X(UM_OPTION_KL_THRESHOLD, kl_threshold, REAL, 0, 1e6,                                          \
      "divergence from the step before under which a position is stable; default 0.001")           \
    X(UM_OPTION_HISTORY, history, COUNT, 0, 1048576,                                               \
      "steps for which a position must have been stable; default 2")                               \
    X(UM_OPTION_LOWER_THRESHOLD, lower_threshold, REAL, 0, 1,                                      \
      "commit the best token of each run of masks above this; default 0.4")                        \
    X(UM_OPTION_CREDIT_DECAY, credit_decay, REAL, 0, 1,                                            \
      "of the credit of tokens from step to step; default 0.8")                                    \
    X(UM_OPTION_CREDIT_WEIGHT, credit_weight, REAL, 0, 1000,                                       \
      "of log(1 + credit) in the logits; default 0.7")                                             \
    X(UM_OPTION_CREDIT_EXPONENT, credit_exponent, REAL, 0, 1000,                                   \
      "a best token earns its probability to this power; default 0.2")

typedef enum um_decode_option {
#define UM_OPTION_ENUMERATOR(enumerator, name, kind, minimum, maximum, help) enumerator,
    UM_DECODE_OPTION_LIST(UM_OPTION_ENUMERATOR)
#undef UM_OPTION_ENUMERATOR
    /* Lists, which are set only as fields: */
    UM_OPTION_SUPPRESS,
    UM_OPTION_SUPPRESS_CONFIDENCE,
    UM_OPTION_COUNT
} um_decode_option;

/* Initialise with um_decode_options_default.  After setting a field directly, mark it as given with
 * um_decode_options_mark; um_decode_options_set does both. */
typedef struct um_decode_options {
    const char *algorithm;     /* a name in um_algorithm_at's list; default "entropy"; not owned */
    uint64_t given;            /* bit i: option i was given */
    bool is_default_algorithm; /* um_decode_options_choose_defaults chose it; for messages only */
    size_t steps;
    double eps;
    double temperature;
    double top_p;
    size_t top_k;
    bool plain_confidence;
    double alg_temp;
    size_t block_length;
    double cfg_scale;
    uint64_t seed;
    int32_t stop_token;
    bool forbid_mask;
    um_cache_kind cache;
    size_t cache_refresh; /* counted in forwards: steps that commit nothing make none */
    size_t cache_window;
    double confidence_threshold;
    double factor;
    double entropy_bound;
    double kl_threshold;
    size_t history;
    double lower_threshold;
    double credit_decay;
    double credit_weight;
    double credit_exponent;
    /* Further end-of-text ids besides stop_token; not owned. */
    const int32_t *stop_tokens; /* [stop_token_count] */
    size_t stop_token_count;
    /* Ids that are never chosen (their logit is minus infinity); not owned. */
    const int32_t *suppress; /* [suppress_count] */
    size_t suppress_count;
    /* Ids that may be chosen, but get confidence 0, so they are committed last; not owned. */
    const int32_t *suppress_confidence; /* [suppress_confidence_count] */
    size_t suppress_confidence_count;
    /* Number of this sample among those of one seed: samples differ, and each is the same
     * whatever else is decoded beside it. */
    uint32_t sequence;
} um_decode_options;

um_decode_options um_decode_options_default(void);

/* Note that the option was given. */
void um_decode_options_mark(um_decode_options *options, um_decode_option option);
bool um_decode_options_is_given(const um_decode_options *options, um_decode_option option);

/* Name such as "top_p", and help text; NULL past the last one. */
const char *um_decode_option_name(um_decode_option option);
const char *um_decode_option_help(um_decode_option option);

/* The kind of text it takes: "N", "X" (a real number), "NAME", "ID", "IDS" or "true|false"; NULL
 * past the last. */
const char *um_decode_option_value(um_decode_option option);

/* Set the option called `name` from text ("0.95", "true"), and mark it as given.
 * UM_ERR_ARGUMENT: no such option, not a number, out of range. */
um_status um_decode_options_set(um_decode_options *options, const char *name, const char *text,
                                um_error *error);

/* Check ranges, that every given option means something to the algorithm, and that the values
 * fit the canvas and the vocabulary; then fill in the defaults that depend on the canvas
 * (steps, block_length) or on the cache.  Without `steps` an open-ended algorithm keeps 0: no
 * limit. */
um_status um_decode_options_resolve(um_decode_options *options, const um_canvas *canvas,
                                    size_t vocabulary_size, um_error *error);

/* Append the options that the algorithm uses, as a JSON object (without the name of the algorithm
 * itself). */
um_status um_decode_options_format(const um_decode_options *options, um_buffer *json,
                                   um_error *error);

#endif
