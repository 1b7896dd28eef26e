/* How autoregressive a decoding order is (Gong et al., "DiffuCoder", arXiv 2506.20639, section 4
 * and appendix A.2).  p_1 .. p_T are the places in the order of their commits, and M_(t-1) the
 * places that are still masked before the t-th commit.  docs/ANALYSIS.md derives the values for
 * simple orders. */
#ifndef UM_ANALYSIS_AR_NESS_H
#define UM_ANALYSIS_AR_NESS_H

#include "analysis/commit_order.h"

#define UM_AR_NESS_MAXIMUM 9 /* largest k */

/* When the k commits before p_t count as the k places before it: the appendix compares sets, the
 * caption of the figure speaks of an increasing consecutive sequence. */
#define UM_AR_NESS_PATTERN_LIST(X)                                                                 \
    X(UM_PATTERN_SET, "set")           /* {p_(t-1), ..., p_(t-k)} = {p_t - 1, ..., p_t - k} */     \
    X(UM_PATTERN_SEQUENCE, "sequence") /* p_(t-j) = p_t - j for j = 1 .. k */

typedef enum um_ar_ness_pattern {
#define UM_AR_NESS_ENUMERATOR(name, text) name,
    UM_AR_NESS_PATTERN_LIST(UM_AR_NESS_ENUMERATOR)
#undef UM_AR_NESS_ENUMERATOR
        UM_AR_NESS_PATTERNS
} um_ar_ness_pattern;

/* How to treat the first k commits, which do not have k others before them. */
#define UM_AR_NESS_START_LIST(X)                                                                   \
    X(UM_START_SKIPPED, "skipped") /* they do not count: a mean over T - k */                      \
    X(UM_START_FAILED, "failed")   /* the pattern does not hold: a mean over T */                  \
    X(UM_START_PROMPT, "prompt")   /* as if what precedes the answer had been committed left to    \
                                      right: a mean over T */

typedef enum um_ar_ness_start {
#define UM_AR_NESS_ENUMERATOR(name, text) name,
    UM_AR_NESS_START_LIST(UM_AR_NESS_ENUMERATOR)
#undef UM_AR_NESS_ENUMERATOR
        UM_AR_NESS_STARTS
} um_ar_ness_start;

const char *um_ar_ness_pattern_name(um_ar_ness_pattern pattern);
const char *um_ar_ness_start_name(um_ar_ness_start start);

/* Local AR-ness, next-token pattern NTP@k, 1 <= k <= UM_AR_NESS_MAXIMUM; NAN if no commit
 * counts. */
double um_ar_ness_local(const um_commit_order *order, size_t k, um_ar_ness_pattern pattern,
                        um_ar_ness_start start);

/* Global AR-ness, first-mask selection FMS@k, into global[k - 1] for k = 1 .. UM_AR_NESS_MAXIMUM:
 * the share of commits whose place was among the k leftmost masked ones.  NAN without commits. */
um_status um_ar_ness_global(const um_commit_order *order, double global[UM_AR_NESS_MAXIMUM],
                            um_error *error);

/* ---- What an order without preference gives -------------------------------- */

/* The expected values of both if `count` of `place_count` places are committed one a step, each
 * time with equal chances for all masked ones. */
double um_ar_ness_random_local(size_t place_count, size_t count, size_t k,
                               um_ar_ness_pattern pattern, um_ar_ness_start start);
double um_ar_ness_random_global(size_t place_count, size_t count, size_t k);

/* ---- All readings ---------------------------------------------------------- */

/* A metric in one of the readings that its definition leaves open. */
typedef struct um_ar_ness_reading {
    bool is_global;
    um_ar_ness_pattern pattern; /* if local */
    um_ar_ness_start start;     /* if local */
    um_commit_ties ties;
} um_ar_ness_reading;

#define UM_AR_NESS_READINGS                                                                        \
    ((size_t)UM_COMMIT_TIES * ((size_t)UM_AR_NESS_PATTERNS * UM_AR_NESS_STARTS + 1))

um_ar_ness_reading um_ar_ness_reading_at(size_t index);

/* The index of the reading to show if there is room for only one: sets, the first k skipped,
 * commits of one step by confidence. */
size_t um_ar_ness_default(bool is_global);

/* values[reading][k - 1] of a trace, in all readings. */
um_status um_ar_ness_measure(const um_trace *trace,
                             double values[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM],
                             um_error *error);

#endif
